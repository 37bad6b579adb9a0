// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Matrix product by tiles: a workgroup computes one tile of c; it brings one tile of a and one of b
 * at a time into local memory, so that each element is read n / SGEMM_TILE times only.
 */
#include <ogpu_kernel.h>

#include "args.h"

struct tiles {
	float a[SGEMM_TILE][SGEMM_TILE];
	float b[SGEMM_TILE][SGEMM_TILE];
};

OGPU_KERNEL void sgemm(const struct sgemm_args *args)
{
	struct tiles *tile = ogpu_local();
	uint32_t lx = ogpu_local_id(0), ly = ogpu_local_id(1);
	uint32_t x = ogpu_global_id(0), y = ogpu_global_id(1);
	uint32_t n = args->n;
	const float *a = (const float *)args->a + (uint64_t)y * n + lx;
	const float *b = (const float *)args->b + (uint64_t)ly * n + x;
	float *c = (float *)args->c + (uint64_t)y * n + x;
	float sum = 0;

	for (uint32_t k = 0; k < n; k += SGEMM_TILE) {
		tile->a[ly][lx] = a[k];
		tile->b[ly][lx] = b[(uint64_t)k * n];
		ogpu_barrier();
		for (uint32_t i = 0; i < SGEMM_TILE; i++)
			sum = __builtin_fmaf(tile->a[ly][i], tile->b[i][lx], sum);
		ogpu_barrier();
	}
	*c = sum;
}
