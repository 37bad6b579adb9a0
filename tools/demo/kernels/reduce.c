// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sum of an array: each work-item adds its share, the group adds up in local memory as a tree, and
 * one work-item of each group adds the group's sum to the result atomically.
 */
#include <ogpu_kernel.h>

#include "args.h"

OGPU_KERNEL void reduce(const struct reduce_args *args)
{
	const uint32_t *in = (const uint32_t *)args->in;
	uint64_t *total = (uint64_t *)args->sum;
	uint64_t *partial = ogpu_local();
	uint32_t id = ogpu_local_id(0), step = ogpu_global_size(0);
	uint64_t sum = 0;

	for (uint32_t i = ogpu_global_id(0); i < args->n; i += step)
		sum += in[i];
	partial[id] = sum;
	ogpu_barrier();

	for (uint32_t half = ogpu_local_size(0) / 2; half; half /= 2) {
		if (id < half)
			partial[id] += partial[id + half];
		ogpu_barrier();
	}
	if (!id)
		__atomic_fetch_add(total, partial[0], __ATOMIC_RELAXED);
}
