// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The firmware's scheduler with gangs: queues that are on slots together or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sched_model.h"

#define LONG	(100000 * MS)

static void gang(uint32_t first, uint32_t count, uint8_t priority)
{
	uint32_t i;

	for (i = first; i < first + count; i++) {
		assert_int_equal(add_to_gang(i, priority, first + 1), OGPU_MSG_OK);
		give(i, LONG);
	}
}

static void hogs(uint32_t first, uint32_t count, uint8_t priority)
{
	uint32_t i;

	for (i = first; i < first + count; i++) {
		add(i, OGPU_ENGINE_COMPUTE, priority);
		give(i, LONG);
	}
}

/* As pass_time(), and the gang of a queue is together all the time. */
static void pass_together(uint64_t ns, uint32_t number)
{
	uint64_t end = now + ns;

	while (now < end) {
		pass_time(100 * US);
		assert_true(together(number));
	}
}

static bool on_slot(uint32_t number)
{
	return queues[number]->state == QUEUE_ACTIVE;
}

static void test_who_may_join(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < COMPUTE_SLOTS; i++)
		assert_int_equal(add_to_gang(i, 1, 7), OGPU_MSG_OK);
	assert_int_equal(add_to_gang(20, 1, 7), OGPU_MSG_ENOSPC);
	assert_int_equal(add_to_gang(20, 2, 7), OGPU_MSG_EINVAL);
	assert_int_equal(add_to_gang(20, 2, 8), OGPU_MSG_OK);
	/* Whoever it was that goes, there is room again. */
	for (i = 0; i < 2 * COMPUTE_SLOTS; i++) {
		uint32_t n = i % COMPUTE_SLOTS;

		sched_stop(queues[n], now);
		queue_free(queues[n]);
		assert_int_equal(add_to_gang(n, 1, 7), OGPU_MSG_OK);
		assert_int_equal(add_to_gang(21, 1, 7), OGPU_MSG_ENOSPC);
	}
}

/* Among as many others: all of it or nothing, and its share. */
static void test_share(void **state)
{
	uint32_t i;

	(void)state;
	hogs(0, 6, 1);
	gang(6, 4, 1);
	hogs(10, 6, 1);
	pass_together(4000 * MS, 6);
	/* Sixteen want eight slots. */
	for (i = 0; i < 16; i++)
		assert_in_range(model[i].ran_ns, 1600 * MS, 2400 * MS);
	for (i = 7; i < 10; i++)
		assert_in_range(model[i].ran_ns, model[6].ran_ns - MS, model[6].ran_ns + MS);
}

/* Two gangs that do not fit together take turns. */
static void test_two_gangs(void **state)
{
	uint32_t i;

	(void)state;
	gang(0, 5, 1);
	gang(5, 6, 1);
	for (i = 0; i < 20000; i++) {
		pass_time(100 * US);
		assert_true(together(0) && together(5));
	}
	for (i = 0; i < 11; i++)
		assert_in_range(model[i].ran_ns, 900 * MS, 1100 * MS);
}

/* A thousand others neither starve a gang nor are kept out by it. */
static void test_crowd(void **state)
{
	uint32_t i;

	(void)state;
	gang(0, COMPUTE_SLOTS, 1);
	hogs(COMPUTE_SLOTS, MANY - COMPUTE_SLOTS, 1);
	pass_together(10000 * MS, 0);
	for (i = 0; i < MANY; i++)
		assert_in_range(model[i].ran_ns, 8 * 10000 * MS / MANY / 2,
				8 * 10000 * MS / MANY * 2);
}

/* More priority beside it: it is not starved, and takes little. */
static void test_raise(void **state)
{
	uint64_t sum = 0;
	uint32_t i;

	(void)state;
	gang(0, COMPUTE_SLOTS, OGPU_PRIORITY_LOW);
	hogs(10, 16, OGPU_PRIORITY_REALTIME);
	pass_together(4000 * MS, 0);
	for (i = 0; i < COMPUTE_SLOTS; i++)
		assert_in_range(model[i].ran_ns, 50 * MS, 400 * MS);
	for (i = 10; i < 26; i++)
		sum += model[i].ran_ns;
	assert_true(sum > 8 * 4000 * MS * 9 / 10);
}

/* One with more priority takes the slots of all, since it takes one. */
static void test_preempted_together(void **state)
{
	uint32_t i;

	(void)state;
	gang(0, COMPUTE_SLOTS, 1);
	sched_run(now);
	pass_time(MS);
	hogs(10, 1, OGPU_PRIORITY_HIGH);
	sched_run(now);
	sched_run(now);
	assert_true(on_slot(10));
	for (i = 0; i < COMPUTE_SLOTS; i++)
		assert_false(on_slot(i));
	/* No slot is kept for it that others can use meanwhile. */
	hogs(11, 3, 1);
	sched_run(now);
	for (i = 11; i < 14; i++)
		assert_true(on_slot(i));
	model[10].work_ns = 0;
	pass_time(200 * MS);
	assert_true(model[0].ran_ns > 40 * MS);
}

/* Work that comes late: the others make room until there are slots for all. */
static void test_late_member(void **state)
{
	(void)state;
	assert_int_equal(add_to_gang(0, 1, 1), OGPU_MSG_OK);
	assert_int_equal(add_to_gang(1, 1, 1), OGPU_MSG_OK);
	give(0, LONG);
	hogs(2, 7, OGPU_PRIORITY_HIGH);
	sched_run(now);
	pass_time(MS);
	assert_true(on_slot(0) && model[0].ran_ns);
	give(1, LONG);
	sched_run(now);
	assert_true(together(0));
	pass_together(20 * MS, 0);
	assert_int_equal(model[1].ran_ns, 0);
	model[8].work_ns = 0;			/* its slot becomes idle */
	pass_together(2 * MS, 0);
	assert_true(on_slot(0) && on_slot(1));
	pass_together(100 * MS, 0);
	assert_true(model[1].ran_ns > 50 * MS);
}

/* Members that cannot go on do not count. */
static void test_members_without_work(void **state)
{
	(void)state;
	gang(0, COMPUTE_SLOTS, 1);
	sched_run(now);
	sched_queue_suspend(queues[0], now);
	model[1].waits = true;
	model[2].work_ns = 0;
	pass_together(MS, 3);
	/* Who waits or is idle leaves its slot to others alone. */
	hogs(10, 3, 1);
	pass_together(2 * MS, 3);
	assert_true(on_slot(10) && on_slot(11) && on_slot(12));
	assert_true(on_slot(3) && on_slot(7));
	wake(1);
	sched_run(now);
	assert_true(together(1));
	pass_together(1000 * MS, 1);
	assert_true(model[1].ran_ns > 300 * MS);
	sched_stop(queues[3], now);
	model[4].fails = OGPU_QERR_PACKET;
	pass_together(1000 * MS, 5);
	assert_true(model[5].ran_ns > 600 * MS);
	assert_int_equal(model[0].ran_ns, 0);
}

/* Slots that do not obey: others are not kept waiting for what a gang cannot have. */
static void test_dead_slot(void **state)
{
	uint64_t before;

	(void)state;
	add(20, OGPU_ENGINE_COMPUTE, 1);
	model[20].hung = true;
	give(20, LONG);
	sched_run(now);
	sched_stop(queues[20], now);
	gang(0, COMPUTE_SLOTS, 1);
	hogs(10, 7, 1);
	pass_together(SCHED_PREEMPT_NS + SCHED_KILL_NS + 100 * MS, 0);
	assert_int_equal(model[0].ran_ns, 0);
	before = model[10].ran_ns;
	assert_true(before > 1000 * MS);
	queue_list_leave(queue_next_unsent());
	engines_reset = true;
	memset(slots, 0, sizeof(slots));
	sched_run(now);
	pass_together(100 * MS, 0);
	assert_true(model[0].ran_ns > 90 * MS);
}

/* A gang that cannot have slots does not keep raises from those that can. */
static void test_raise_of_nobody(void **state)
{
	(void)state;
	add(20, OGPU_ENGINE_COMPUTE, 1);
	model[20].hung = true;
	give(20, LONG);
	sched_run(now);
	sched_stop(queues[20], now);
	pass_time(SCHED_KILL_NS + MS);
	queue_list_leave(queue_next_unsent());
	gang(0, COMPUTE_SLOTS, 1);
	hogs(30, 7, OGPU_PRIORITY_HIGH);
	hogs(40, 1, OGPU_PRIORITY_LOW);
	pass_together(1000 * MS, 0);
	assert_int_equal(model[0].ran_ns, 0);
	assert_in_range(model[40].ran_ns, 20 * MS, 200 * MS);
}

/* Nor do gangs whose turn comes once long slices of their equals are over. */
static void test_raise_meanwhile(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 50; i < 54; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		queues[i]->desc.timeslice_us = 1000000;
		give(i, LONG);
	}
	hogs(60, 7, OGPU_PRIORITY_HIGH);
	pass_time(20 * MS);
	for (i = 0; i < 5; i++)
		gang(i * COMPUTE_SLOTS, COMPUTE_SLOTS, 1);
	hogs(70, 1, OGPU_PRIORITY_LOW);
	pass_time(3000 * MS);
	assert_true(model[70].ran_ns >= 25 * MS);
	/* They are not forgotten over that. */
	for (i = 0; i < 5 * COMPUTE_SLOTS; i++)
		assert_true(model[i].ran_ns >= 10 * MS);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(test_who_may_join),
		T(test_share),
		T(test_two_gangs),
		T(test_crowd),
		T(test_raise),
		T(test_preempted_together),
		T(test_late_member),
		T(test_members_without_work),
		T(test_dead_slot),
		T(test_raise_of_nobody),
		T(test_raise_meanwhile),
	};

	return cmocka_run_group_tests_name("firmware-sched-gang", tests, NULL, NULL);
}
