// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How long an invalidation of translations waits for kernels that make it wait. Prints JSON. A busy
 * host may take the processor away from who is waited for: the figure is what the process took of
 * processors in that time, which is no less than what the slowest of the units did.
 */
#define FAKE_STRICT false
#include "hostile.h"

#define ROUNDS	200u

static void result(const char *name, double ms, const char *note)
{
	printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"ms\", \"note\": \"%s\"}\n",
	       name, ms, note);
}

static uint64_t process_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void keep_worst(double *worst, uint64_t ns)
{
	if (ns / 1e6 > *worst)
		*worst = ns / 1e6;
}

int main(void)
{
	double worst = 0, wall = 0, longest = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(hostile_kinds); k++) {
		struct hostile h;

		hostile_start(&h, hostile_kinds[k], 2);
		for (unsigned int i = 0; i < ROUNDS; i++) {
			/* Not always at the same point of what the kernel does. */
			const struct timespec pause = { 0, 1000000 + i * 97 % 3000 * 1000 };
			uint64_t start, process;

			nanosleep(&pause, NULL);
			start = vgpu_time_ns(h.gpu);
			process = process_ns();
			vgpu_mem_invalidate(h.gpu, &(struct tlbi){ 0 }, 1);
			keep_worst(&worst, process_ns() - process);
			keep_worst(&wall, vgpu_time_ns(h.gpu) - start);
		}
		keep_worst(&longest, h.gpu->longest_ns);
		hostile_stop(&h);
	}
	result("invalidate_worst_ms", worst,
	       "of processors, longest of 200 beside each kernel of hostile.h, on two units");
	result("invalidate_worst_wall_ms", wall, "the same by the clock, with what the host does");
	result("bracket_worst_ms", longest,
	       "of a processor, for the longest memory bracket of these units");
	return 0;
}
