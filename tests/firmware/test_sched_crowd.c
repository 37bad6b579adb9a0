// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The firmware's scheduler with many more queues than slots: shares, who waits how long, and what
 * always holds while queues come, go and misbehave at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sched_model.h"

#define CROWD	1024u
#define GANGED	128u		/* in gangs of 4 */

/* Many more queues than slots: all get the same, none waits longer than the others' slices. */
static void share(unsigned int count)
{
	uint64_t each = 8 * 10000 * MS / count;
	unsigned int i;

	for (i = 0; i < count; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	pass_time(10000 * MS);
	for (i = 0; i < count; i++)
		assert_in_range(model[i].ran_ns, each - 2 * SCHED_SLICE_NS,
				each + 2 * SCHED_SLICE_NS);
}

static void test_1024_queues_share(void **state)
{
	(void)state;
	share(CROWD);
}

/* As many as firmware has room for. */
static void test_2048_queues_share(void **state)
{
	(void)state;
	share(QUEUE_MAX);
}

#define EQUALS	12u

static void add_equals(void)
{
	unsigned int i;

	units = 2;
	for (i = 0; i < EQUALS; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
}

/* From now on all equals have the same of the units, within so many percent. */
static void pass_time_as_equals(uint64_t ns, unsigned int percent)
{
	uint64_t before[EQUALS], had, least = UINT64_MAX, most = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < EQUALS; i++)
		before[i] = model[i].unit_ns;
	pass_time(ns);
	for (i = 0; i < EQUALS; i++) {
		had = model[i].unit_ns - before[i];
		sum += had;
		if (had < least)
			least = had;
		if (had > most)
			most = had;
	}
	printf("# %u queues had units for %llu to %llu ms\n", EQUALS,
	       (unsigned long long)(least / MS), (unsigned long long)(most / MS));
	assert_true((most - least) * EQUALS <= sum * percent / 100);
}

/* Units have turns of uneven length: who had more in one slice has less in those that follow. */
static void test_unit_time_is_shared(void **state)
{
	(void)state;
	add_equals();
	pass_time_as_equals(30000 * MS, 5);
}

/* All but the first have nothing to do for a while; then they all want its slot. */
static void leave_alone(uint64_t first_ns, uint64_t ns)
{
	const struct queue *q = queues[0];
	uint32_t switches;
	unsigned int i;

	for (i = 1; i < EQUALS; i++)
		model[i].work_ns = 0;
	model[0].work_ns = first_ns;
	pass_time(ns);
	assert_int_equal(q->state, QUEUE_ACTIVE);
	give(0, 100000 * MS);
	pass_time(SCHED_SLICE_NS);
	switches = q->switches;
	for (i = 1; i < EQUALS; i++)
		give(i, 100000 * MS);
	while (q->state == QUEUE_ACTIVE && q->switches == switches)
		pass_time(100 * US);
}

/* Who had all units while nobody else wanted any is not behind those who come then. */
static void test_alone_is_not_behind(void **state)
{
	(void)state;
	add_equals();
	pass_time(5000 * MS);
	leave_alone(100000 * MS, 60000 * MS);
	assert_true(queues[0]->lead_ns > 500 * (int64_t)MS);
	assert_true(queues[0]->turn > queues[0]->since);
	pass_time_as_equals(30000 * MS, 10);
}

/* Nor does a queue gain anything by staying on its slot with nothing to do. */
static void test_idle_gains_nothing(void **state)
{
	(void)state;
	add_equals();
	pass_time(5000 * MS);
	leave_alone(500 * MS, 10000 * MS);
	assert_true(queues[0]->lead_ns > -100 * (int64_t)MS);
	pass_time_as_equals(30000 * MS, 10);
}

/* Which turn a queue has does not tell for how long it has waited: raises go by the wait. */
static void test_raises_go_by_wait(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < COMPUTE_SLOTS; i++) {
		add(i, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_HIGH);
		give(i, 100000 * MS);
	}
	pass_time(1 * MS);
	add(20, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_LOW);
	queues[20]->lead_ns = -1000 * (int64_t)MS;
	give(20, 100000 * MS);
	add(21, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_LOW);
	queues[21]->lead_ns = 1000 * MS;
	give(21, 100000 * MS);
	/* Two levels make it an equal of those on slots, not sooner and not later. */
	for (i = 0; i < 2 * SCHED_AGE_NS / (100 * US) - 1; i++) {
		pass_time(100 * US);
		assert_int_equal(model[20].ran_ns + model[21].ran_ns, 0);
	}
	pass_time(2 * SCHED_RAISE_NS);
	assert_true(model[20].ran_ns > 0);
	assert_true(model[21].ran_ns > 0);
}

/* However many wait and for how long, one with more priority is served at once. */
static void test_crowd_keeps_nobody_out(void **state)
{
	uint64_t begin, worst = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < CROWD; i++) {
		add(i, i % 2 ? OGPU_ENGINE_COMPUTE : OGPU_ENGINE_COPY,
		    i < 2 ? OGPU_PRIORITY_HIGH : OGPU_PRIORITY_LOW);
		if (i >= 2)
			give(i, 100000 * MS);
	}
	pass_time(1000 * MS);
	for (i = 0; i < 200; i++) {
		give(i % 2, 1 * MS);
		sched_run(now);
		for (begin = now; model[i % 2].work_ns;)
			pass_time(100 * US);
		if (now - begin > worst)
			worst = now - begin;
		pass_time(i * 37 % 20 * MS);
	}
	/* Its own millisecond and what it takes to clear a slot. */
	assert_true(worst <= 2 * MS);
}

/* Those whom many with more priority keep out get a slice all the same, in turn. */
static void test_raises_go_round(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 96; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i < 32 ? OGPU_PRIORITY_REALTIME : OGPU_PRIORITY_LOW);
		give(i, 100000 * MS);
	}
	pass_time(4000 * MS);
	for (i = 32; i < 96; i++)
		assert_in_range(model[i].ran_ns, 4 * SCHED_SLICE_NS, 8 * SCHED_SLICE_NS);
}

/* Steps of one round, in which nobody gets a slot. */
static uint64_t round_steps(void)
{
	steps = 0;
	sched_run(now);
	return steps;
}

/* A thousand queues of LOW priority in gangs, and as many hogs as are to have slots before. */
static void crowd_of_gangs(unsigned int hogs, unsigned int members)
{
	unsigned int i;

	for (i = 0; i < hogs; i++) {
		add(MANY - 1 - i, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_NORMAL);
		give(MANY - 1 - i, 100000 * MS);
	}
	pass_time(1 * MS);
	for (i = 0; i < 1000; i++) {
		add_to_gang(i, OGPU_PRIORITY_LOW, 1 + i / members);
		give(i, 100000 * MS);
	}
}

/* With no slot to be had it does not matter how many gangs want some. */
static void test_gangs_cost_nothing(void **state)
{
	uint64_t count;

	(void)state;
	crowd_of_gangs(COMPUTE_SLOTS, 2);
	count = round_steps();
	printf("# %llu steps for 1000 queues in gangs\n", (unsigned long long)count);
	assert_in_range(count, 1, 1000);
}

/* With too few slots the members and the slots are counted once for each gang, or for all. */
static void test_gangs_cost_little(void **state)
{
	uint64_t count;

	(void)state;
	crowd_of_gangs(COMPUTE_SLOTS - 1, 4);
	count = round_steps();
	printf("# %llu steps for 1000 queues in gangs, too large for an empty slot\n",
	       (unsigned long long)count);
	assert_in_range(count, 1, 1000 * 100);
}

/* Nor do those behind a gang whose turn has come cost anything. */
static void test_gang_has_its_turn(void **state)
{
	uint64_t count;

	(void)state;
	crowd_of_gangs(0, 4);
	pass_time(1 * MS);
	count = round_steps();
	printf("# %llu steps for 1000 queues behind a gang\n", (unsigned long long)count);
	assert_in_range(count, 1, 1000);
}

static bool is_off_slots(const struct queue *q)
{
	return q->state == QUEUE_IDLE || q->state == QUEUE_READY || q->state == QUEUE_PARKED ||
	       q->state == QUEUE_SUSPENDED || q->state == QUEUE_FAULTED;
}

/* What holds between any two steps, whatever happened. */
static void check_invariants(void)
{
	unsigned int on[SLOTS] = { 0 };
	bool ready[OGPU_ENGINE_CLASSES] = { false }, gang = false;
	unsigned int i;

	for (i = 0; i < CROWD; i++) {
		const struct queue *q = queues[i];

		if (!q)
			continue;
		assert_ptr_equal(queue_find(i), q);
		if (q->slot != QUEUE_NO_SLOT) {
			assert_true(q->state == QUEUE_ACTIVE || q->state == QUEUE_FAILED);
			assert_int_equal(on[q->slot]++, 0);
			if (slots[q->slot].state != OGPU_SLOT_EMPTY)
				assert_int_equal(slots[q->slot].queue, i);
		} else {
			assert_int_not_equal(q->state, QUEUE_ACTIVE);
		}
		if (is_off_slots(q)) {
			assert_int_equal(q->slot, QUEUE_NO_SLOT);
			assert_int_equal(q->state == QUEUE_SUSPENDED, q->suspended);
			assert_int_equal(model[i].watched, q->state == QUEUE_PARKED);
		} else if (q->state == QUEUE_FAILED) {
			assert_int_not_equal(q->error.error, OGPU_QERR_NONE);
			assert_int_equal(model[i].shown, OGPU_QUEUE_FAILED);
			assert_false(model[i].watched);
		}
		if (q->state == QUEUE_IDLE)
			assert_false(model[i].work_ns || model[i].waits);
		ready[q->desc.engine] |= q->state == QUEUE_READY;
		gang |= q->state == QUEUE_READY && q->desc.gang;
		assert_true(together(i) || all_suspended);
		assert_true(model[i].shown_busy_ns <= model[i].ran_ns);
		assert_true(now - q->since < 5000 * MS || q->state != QUEUE_READY);
	}
	/* A slot that is empty has nobody waiting for it, but for more of them. */
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].state == OGPU_SLOT_EMPTY && !all_suspended && !gang)
			assert_false(ready[i < COMPUTE_SLOTS ? OGPU_ENGINE_COMPUTE :
							       OGPU_ENGINE_COPY]);
	}
}

/* As requests do it: stops, and frees once that is possible. */
static void destroy(uint32_t number)
{
	uint64_t end = now + SCHED_PREEMPT_NS + SCHED_KILL_NS + 10 * MS;

	sched_stop(queues[number], now);
	while (queues[number]->state != QUEUE_FAILED) {
		assert_true(now < end);
		pass_time(100 * US);
	}
	if (queues[number]->slot != QUEUE_NO_SLOT) {
		engines_reset = true;
		memset(slots, 0, sizeof(slots));
		sched_run(now);
	}
	assert_int_equal(queues[number]->slot, QUEUE_NO_SLOT);
	queue_free(queues[number]);
	queues[number] = NULL;
	memset(&model[number], 0, sizeof(model[number]));
}

static void random_action(uint32_t n)
{
	struct queue *q = queues[n];

	if (!q && n < GANGED) {
		assert_int_equal(add_to_gang(n, n / 4 % OGPU_PRIORITIES, 1 + n / 4), OGPU_MSG_OK);
		return;
	}
	if (!q) {
		add(n, rand() % 2, rand() % OGPU_PRIORITIES);
		return;
	}
	switch (rand() % 24) {
	case 0:
		destroy(n);
		break;
	case 1:
		sched_stop(q, now);
		break;
	case 2 ... 3:
		sched_queue_suspend(q, now);
		break;
	case 4 ... 6:
		sched_queue_resume(q, now);
		break;
	case 7:
		model[n].waits = true;
		give(n, 0);
		break;
	case 8 ... 9:
		wake(n);
		break;
	case 10:
		model[n].faults = !model[n].faults;
		break;
	case 11:
		if (rand() % 8 == 0)
			model[n].fails = OGPU_QERR_PACKET;
		break;
	case 12:
		if (rand() % 32 == 0)
			model[n].deaf = true;
		break;
	case 13:
		model[n].slow = !model[n].slow;
		break;
	case 14:
		all_suspended = rand() % 8 == 0;
		if (all_suspended)
			sched_suspend();
		else
			sched_resume();
		break;
	case 15:
		if (rand() % 32 == 0) {
			engines_reset = true;
			memset(slots, 0, sizeof(slots));
		}
		break;
	default:
		give(n, rand() % 3000 * US);
		break;
	}
}

/* 1,024 queues that come, go, wait, fault, fail, are suspended and do not obey, at random. */
static void test_random_life(void **state)
{
	unsigned int i, done = 0;
	struct queue *q;

	(void)state;
	srand(7);
	for (i = 0; i < 40000; i++) {
		random_action(rand() % CROWD);
		work(50 * US);
		now += 50 * US;
		sched_run(now);
		if (i % 64 == 0)
			sched_refresh(now);
		if (i % 8 == 0)
			check_invariants();
		while (rand() % 2 && (q = queue_next_unsent()))
			queue_list_leave(q);
	}

	/* Left alone, everybody who can do something does it. */
	all_suspended = false;
	sched_resume();
	for (i = 0; i < CROWD; i++) {
		if (!queues[i])
			continue;
		model[i].faults = false;
		model[i].deaf = false;
		sched_queue_resume(queues[i], now);
		wake(i);
	}
	pass_time(4000 * MS);
	check_invariants();
	for (i = 0; i < CROWD; i++) {
		if (!queues[i] || queues[i]->state == QUEUE_FAILED)
			continue;
		assert_int_equal(model[i].work_ns, 0);
		done++;
	}
	assert_true(done > CROWD / 4);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(test_1024_queues_share),
		T(test_2048_queues_share),
		T(test_unit_time_is_shared),
		T(test_alone_is_not_behind),
		T(test_idle_gains_nothing),
		T(test_raises_go_by_wait),
		T(test_crowd_keeps_nobody_out),
		T(test_raises_go_round),
		T(test_gangs_cost_nothing),
		T(test_gangs_cost_little),
		T(test_gang_has_its_turn),
		T(test_random_life),
	};

	return cmocka_run_group_tests_name("firmware-sched-crowd", tests, NULL, NULL);
}
