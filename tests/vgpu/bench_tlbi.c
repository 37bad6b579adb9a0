// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How long an invalidation, or an unmap of host memory, waits for compute units that run the worst
 * kernels known: pages that meet in one set of the translation cache, accesses that cross pages, page
 * tables and data in host memory, atomics, rounding in software.
 */
#include "hostile.h"

#define ROUNDS	300
#define UNITS	2

static int by_time(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	uint64_t ns[ROUNDS], worst = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(hostile_kinds); k++) {
		const struct timespec pause = { .tv_nsec = 500000 };
		struct hostile h;

		hostile_start(&h, hostile_kinds[k], UNITS);
		for (unsigned int i = 0; i < ROUNDS; i++) {
			uint64_t start;

			nanosleep(&pause, NULL);
			start = vgpu_time_ns(h.gpu);
			vgpu_mem_invalidate(h.gpu, &(struct tlbi){ HOSTILE_ASID, 0, 0 }, 1);
			ns[i] = vgpu_time_ns(h.gpu) - start;
		}
		hostile_stop(&h);
		qsort(ns, ROUNDS, sizeof(ns[0]), by_time);
		printf("%-16s invalidation waits: median %7.3f ms, p99 %7.3f ms, worst %7.3f ms\n",
		       hostile_kinds[k], (double)ns[ROUNDS / 2] / 1e6,
		       (double)ns[ROUNDS * 99 / 100] / 1e6, (double)ns[ROUNDS - 1] / 1e6);
		if (ns[ROUNDS - 1] > worst)
			worst = ns[ROUNDS - 1];
	}
	printf("invalidate_worst_ms %.3f\n", (double)worst / 1e6);
	return 0;
}
