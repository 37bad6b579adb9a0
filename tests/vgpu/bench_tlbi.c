// SPDX-License-Identifier: GPL-2.0 OR MIT
/* How long an invalidation of translations waits for kernels that make it wait. Prints JSON. */
#include "hostile.h"

#define ROUNDS	200u

static void result(const char *name, double ms, const char *note)
{
	printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"ms\", \"note\": \"%s\"}\n",
	       name, ms, note);
}

int main(void)
{
	double worst = 0, longest = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(hostile_kinds); k++) {
		struct hostile h;

		hostile_start(&h, hostile_kinds[k], 2);
		for (unsigned int i = 0; i < ROUNDS; i++) {
			/* Not always at the same point of what the kernel does. */
			const struct timespec pause = { 0, 1000000 + i * 97 % 3000 * 1000 };
			uint64_t start;
			double ms;

			nanosleep(&pause, NULL);
			start = vgpu_time_ns(h.gpu);
			vgpu_mem_invalidate(h.gpu, &(struct tlbi){ 0 }, 1);
			ms = (vgpu_time_ns(h.gpu) - start) / 1e6;
			if (ms > worst)
				worst = ms;
		}
		if (h.gpu->longest_ns / 1e6 > longest)
			longest = h.gpu->longest_ns / 1e6;
		hostile_stop(&h);
	}
	result("invalidate_worst_ms", worst,
	       "longest of 200 invalidations beside each kernel of hostile.h, on two units");
	result("bracket_worst_ms", longest,
	       "of a processor, for the longest memory bracket of these units");
	return 0;
}
