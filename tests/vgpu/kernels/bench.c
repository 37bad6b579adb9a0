// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compute kernels of bench_model.c, which also runs those of tools/demo. */
#include <ogpu_kernel.h>

#include "bench.h"

OGPU_KERNEL void nothing(void)
{
}

/* Each lane has an index of its own, and the next one depends on what was there. */
static uint32_t follow(const uint32_t *table, uint32_t at)
{
	for (unsigned int i = 0; i < GATHER_STEPS; i++)
		at = table[at];
	return at;
}

OGPU_KERNEL void gather_vram(const struct gather_args *args)
{
	uint32_t i = ogpu_global_id(0);

	((uint32_t *)args->out)[i] = follow((const uint32_t *)args->table, i % GATHER_ENTRIES);
}

OGPU_KERNEL void gather_local(const struct gather_args *args)
{
	const uint32_t *table = (const uint32_t *)args->table;
	uint32_t i = ogpu_global_id(0), *local = ogpu_local();

	for (uint32_t n = ogpu_local_id(0); n < GATHER_ENTRIES; n += ogpu_local_size(0))
		local[n] = table[n];
	ogpu_barrier();
	((uint32_t *)args->out)[i] = follow(local, i % GATHER_ENTRIES);
}

OGPU_KERNEL void spin(void)
{
	for (;;)
		asm volatile("");
}

/* The slowest instruction that there is: each lane's load lies on two pages of its own. */
OGPU_KERNEL void hostile(const struct hostile_args *args)
{
	uint64_t at = args->first + args->stride * (ogpu_local_id(0) % 32);

	for (;;)
		asm volatile("" : : "r"(*(const volatile uint64_t *)at));
}
