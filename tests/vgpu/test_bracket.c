// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory brackets stay short whatever kernels and packets do, and a reset ends it: work is counted,
 * and time is what threads took of processors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hostile.h"

/*
 * Pointers asked for in a bracket: the budget buys one for eight instructions; a bracket ends after
 * the instruction that uses it up, which takes two pages for each lane, and for each a walk of six
 * entries, a second one for what has been evicted meanwhile, and the page itself.
 */
#define MOST_ASKED	(CU_BUDGET / 8 + VGPU_LANES * 2 * 2 * (6 + 2))
/* Of a packet: two pages for each of the pieces that one bracket moves. */
#define PIECES		256
#define MOST_ASKED_RECT	(PIECES * 2 * (6 + 2))
#define LONGEST_NS	5000000u
#define RESET_NS	100000000u
#define BRACKETS	200u
#define ROUNDS		50u

/* The longest of many brackets, in nanoseconds. */
static uint64_t longest_of(const char *kind)
{
	struct hostile h;
	uint64_t first, longest;

	hostile_start(&h, kind, 2);
	first = h.gpu->brackets;
	while (h.gpu->brackets - first < BRACKETS) {
		if (q_state(&h.queue) != OGPU_SLOT_RUNNING)
			fail_msg("%s: error %u at 0x%llx", kind, q_error(&h.queue),
				 (long long)q_read64(&h.queue, OGPU_SLOT_FAULT_PC_LO));
		sched_yield();
	}
	assert_in_range(h.gpu->most_asked, 1,
			strcmp(kind, HOSTILE_RECT) ? MOST_ASKED : MOST_ASKED_RECT);
	longest = h.gpu->longest_ns;
	hostile_stop(&h);
	return longest;
}

/*
 * What is counted holds for each bracket. Time of a processor that somebody else took, who runs
 * this machine, is in what the threads are said to have had: a round without that is enough.
 */
static void test_hostile_kernels(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < ARRAY_SIZE(hostile_kinds); k++) {
		uint64_t longest = UINT64_MAX;

		for (unsigned int round = 0; round < ROUNDS && longest > LONGEST_NS; round++)
			longest = longest_of(hostile_kinds[k]);
		assert_in_range(longest, 1, LONGEST_NS);
	}
}

/* Nobody who drops translations waits long for a place in between: brackets go on meanwhile. */
static void test_progress(void **state)
{
	struct hostile h;
	uint64_t first;

	(void)state;
	hostile_start(&h, "hostile_load", 2);
	first = h.gpu->brackets;
	while (h.gpu->brackets - first < BRACKETS)
		vgpu_mem_invalidate(h.gpu, &(struct tlbi){ HOSTILE_ASID, 0, 0 }, 1);
	assert_int_equal(q_state(&h.queue), OGPU_SLOT_RUNNING);
	hostile_stop(&h);
}

/* What a compute reset takes, and nothing accesses memory afterwards. */
static uint64_t reset_of(const char *kind)
{
	struct hostile h;
	uint64_t first, start, took;

	hostile_start(&h, kind, 2);
	first = h.gpu->brackets;
	while (h.gpu->brackets - first < BRACKETS)
		sched_yield();
	start = fake_process_ns();
	engines_reset(h.gpu->engines);
	took = fake_process_ns() - start;
	assert_int_equal(q_state(&h.queue), OGPU_SLOT_EMPTY);
	first = h.gpu->brackets;
	for (unsigned int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(h.gpu->brackets, first);
	fake_destroy(h.gpu);
	return took;
}

/* It ends in time: see test_hostile_kernels() for why once is enough. */
static void test_reset(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < ARRAY_SIZE(hostile_kinds); k++) {
		uint64_t took = UINT64_MAX;

		for (unsigned int round = 0; round < ROUNDS && took > RESET_NS; round++)
			took = reset_of(hostile_kinds[k]);
		assert_in_range(took, 1, RESET_NS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_kernels),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests_name("vgpu bracket", tests, NULL, NULL);
}
