// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The firmware's scheduler with a model of the slots and a clock that the test moves: who gets a
 * slot, who makes room, who waits how long, and what happens to queues and slots that do not obey.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "abi/addr.h"
#include "clock.h"
#include "sched_model.h"

#define QUEUES	64

static void add_virtual(uint32_t number)
{
	struct ogpu_msg_queue_create desc = {
		.queue = number,
		.asid = 1,
		.priority = OGPU_PRIORITY_NORMAL,
		.ring_size = 4096,
		.control = OGPU_CONTROL_NONE,
		.wptr = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000),
	};

	assert_int_equal(queue_create(&desc, MANY, &queues[number]), OGPU_MSG_OK);
	sched_add(queues[number], now);
}

/* The next queue that failed, about which the host is then told. */
static struct queue *take_unsent(void)
{
	struct queue *q = queue_next_unsent();

	assert_non_null(q);
	queue_list_leave(q);
	return q;
}

static void test_idle_card_needs_no_time(void **state)
{
	(void)state;
	sched_run(now);
	assert_true(sched_deadline(now) == CLOCK_NEVER);
	add(0, OGPU_ENGINE_COMPUTE, 1);
	sched_check_work(queues[0], true, now);
	sched_run(now);
	assert_true(sched_deadline(now) == CLOCK_NEVER);
	assert_int_equal(queues[0]->state, QUEUE_IDLE);

	/* Alone on its slot: no time slices. */
	give(0, 100 * MS);
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	assert_true(sched_deadline(now) == CLOCK_NEVER);
	pass_time(200 * MS);
	assert_int_equal(preempts, 0);
	/* It stays there when it is done: nobody wants the slot. */
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[0]->switches, 1);
}

static void test_classes_are_apart(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		add(i, i < 10 ? OGPU_ENGINE_COMPUTE : OGPU_ENGINE_COPY, 1);
		give(i, 1000 * MS);
	}
	sched_run(now);
	assert_int_equal(queues[8]->state, QUEUE_READY);
	assert_int_equal(queues[10]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[10]->slot, COMPUTE_SLOTS);
	assert_int_equal(queues[11]->state, QUEUE_ACTIVE);
}

static void test_idle_slot_is_taken_first(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i == 3 ? OGPU_PRIORITY_REALTIME : OGPU_PRIORITY_LOW);
		if (i < 8)
			give(i, i == 3 ? 1 : 1000 * MS);
	}
	sched_run(now);
	pass_time(1 * MS);
	/* Queue 3 has most priority but nothing to do. */
	give(8, 1 * MS);
	sched_run(now);
	sched_run(now);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[3]->state, QUEUE_IDLE);
	assert_int_equal(preempts, 1);
}

static void test_priority_preempts_at_once(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i == 5 ? 0 : i == 8 ? 2 : 1);
		if (i < 8)
			give(i, 1000 * MS);
	}
	sched_run(now);
	give(8, 1000 * MS);
	sched_run(now);
	sched_run(now);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[5]->state, QUEUE_READY);	/* the lowest made room */
}

static void test_equal_priority_waits_for_slice(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 1000 * MS);
	}
	sched_run(now);
	assert_int_equal(queues[8]->state, QUEUE_READY);
	assert_true(sched_deadline(now) == now + SCHED_SLICE_NS);
	pass_time(SCHED_SLICE_NS - 100 * US);
	assert_int_equal(queues[8]->state, QUEUE_READY);
	pass_time(200 * US);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
}

/* A slice in which a queue gets no unit would be wasted: it is lengthened, but not for ever. */
static void test_slice_has_units_in_it(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		model[i].no_unit = true;
		give(i, 1000 * MS);
	}
	sched_run(now);
	pass_time(SCHED_SLICE_NS + SCHED_TURN_NS - 100 * US);
	assert_int_equal(preempts, 0);
	pass_time(300 * US);
	assert_true(preempts > 0);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);

	/* One that has had a unit makes room at the end of its slice. */
	model[8].no_unit = false;
	pass_time(SCHED_SLICE_NS + 200 * US);
	assert_int_equal(queues[8]->state, QUEUE_READY);
}

static void test_own_time_slice(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++)
		add(i, OGPU_ENGINE_COMPUTE, 1);
	for (i = 0; i < 9; i++) {
		queues[i]->desc.timeslice_us = 20000;
		give(i, 1000 * MS);
	}
	sched_run(now);
	pass_time(19 * MS);
	assert_int_equal(queues[8]->state, QUEUE_READY);
	pass_time(2 * MS);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
}

static void test_all_get_the_same(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < QUEUES; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	pass_time(2000 * MS);
	/* 8 slots for 2 s, 64 queues: 250 ms each. */
	for (i = 0; i < QUEUES; i++)
		assert_in_range(model[i].ran_ns, 200 * MS, 300 * MS);
}

static void test_nobody_starves(void **state)
{
	uint64_t high = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 24; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i < 16 ? OGPU_PRIORITY_REALTIME : OGPU_PRIORITY_LOW);
		give(i, 100000 * MS);
	}
	pass_time(2000 * MS);
	for (i = 0; i < 16; i++)
		high += model[i].ran_ns;
	for (i = 16; i < 24; i++)
		assert_true(model[i].ran_ns >= 20 * MS);
	/* Most of the card is with those who have priority. */
	assert_true(high > 8 * 2000 * MS * 8 / 10);
}

/* A queue that got its slot by waiting gets units by it, too, as long as its slice lasts. */
static void test_raise_holds_for_units(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i < 8 ? OGPU_PRIORITY_HIGH : OGPU_PRIORITY_LOW);
		give(i, 100000 * MS);
	}
	sched_run(now);
	for (i = 0; i < 8; i++)
		assert_int_equal(slots[i].priority, OGPU_PRIORITY_HIGH);
	pass_time(2 * SCHED_AGE_NS + 1 * MS);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	assert_int_equal(slots[queues[8]->slot].priority, OGPU_PRIORITY_HIGH);
	/* Then it is what it was, and makes room for the one that it had displaced. */
	pass_time(SCHED_SLICE_NS);
	assert_int_equal(queues[8]->state, QUEUE_READY);

	/* Alone with seven others it keeps its slot, but not its raise. */
	sched_stop(queues[0], now);
	pass_time(1 * MS);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	pass_time(SCHED_SLICE_NS);
	assert_int_equal(slots[queues[8]->slot].priority, OGPU_PRIORITY_LOW);
}

static void test_short_jobs_do_not_wait_for_slices(void **state)
{
	unsigned int i;

	(void)state;
	/* 64 queues with 1 ms each on 8 slots: done after 8 ms and little more. */
	for (i = 0; i < QUEUES; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 1 * MS);
	}
	pass_time(11 * MS);
	for (i = 0; i < QUEUES; i++)
		assert_int_equal(model[i].work_ns, 0);
}

static void test_waiting_queue_makes_room(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++)
		add(i, OGPU_ENGINE_COMPUTE, i < 8 ? OGPU_PRIORITY_REALTIME : OGPU_PRIORITY_LOW);
	for (i = 0; i < 8; i++) {
		model[i].waits = true;
		give(i, 0);
	}
	pass_time(1 * MS);
	give(8, 30 * MS);
	pass_time(60 * MS);
	assert_int_equal(model[8].work_ns, 0);

	/* They come back when there is what they waited for. */
	for (i = 0; i < 8; i++) {
		model[i].work_ns = 1 * MS;
		wake(i);
	}
	pass_time(10 * MS);
	for (i = 0; i < 8; i++)
		assert_int_equal(model[i].work_ns, 0);
}

static void test_failure_is_told_once(void **state)
{
	struct queue *q;

	(void)state;
	add(4, OGPU_ENGINE_COPY, 1);
	model[4].fails = OGPU_QERR_MEMORY;
	give(4, 1 * MS);
	pass_time(1 * MS);
	assert_int_equal(queues[4]->state, QUEUE_FAILED);
	assert_int_equal(queues[4]->slot, QUEUE_NO_SLOT);
	assert_true(queue_is_unsent(queues[4]));
	q = take_unsent();
	assert_ptr_equal(q, queues[4]);
	assert_false(queue_is_unsent(queues[4]));
	assert_int_equal(q->error.error, OGPU_QERR_MEMORY);
	assert_null(queue_next_unsent());
	assert_null(queue_next_unsent());
	/* Its doorbell means nothing any more. */
	give(4, 1 * MS);
	pass_time(1 * MS);
	assert_int_equal(queues[4]->state, QUEUE_FAILED);
}

static void test_free_takes_the_error_along(void **state)
{
	(void)state;
	add(4, OGPU_ENGINE_COPY, 1);
	model[4].fails = OGPU_QERR_MEMORY;
	give(4, 1 * MS);
	pass_time(1 * MS);
	queue_free(queues[4]);
	assert_null(queue_next_unsent());
	assert_null(queue_find(4));
}

static void test_stop_in_each_state(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++)
		add(i, OGPU_ENGINE_COMPUTE, 1);
	for (i = 0; i < 9; i++)
		give(i, 1000 * MS);
	sched_run(now);

	sched_stop(queues[9], now);	/* idle */
	assert_int_equal(queues[9]->state, QUEUE_FAILED);
	sched_stop(queues[8], now);	/* ready */
	assert_int_equal(queues[8]->state, QUEUE_FAILED);
	sched_stop(queues[0], now);	/* on a slot */
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_FAILED);
	assert_int_equal(queues[0]->slot, QUEUE_NO_SLOT);
	assert_int_equal(queues[0]->error.error, OGPU_QERR_KILLED);
	assert_null(queue_next_unsent());
	pass_time(20 * MS);
	for (i = 1; i < 8; i++)
		assert_int_equal(queues[i]->state, QUEUE_ACTIVE);
}

static void test_deaf_queue_is_killed(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		model[i].deaf = i < 8;
		give(i, 1000 * MS);
	}
	sched_run(now);
	/* At the end of its slice one is told to make room and does not answer. */
	pass_time(SCHED_SLICE_NS + SCHED_PREEMPT_NS - 1 * MS);
	assert_int_equal(preempts, 1);
	assert_null(queue_next_unsent());
	pass_time(2 * MS);
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_ENGINE);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	assert_null(queue_next_unsent());
}

/*
 * A host that is too busy runs the firmware late and the slots as late: what takes long then is no
 * broken slot. One that is broken is found all the same.
 */
static void test_busy_host(void **state)
{
	unsigned int i, looks;

	(void)state;
	for (i = 0; i < 3; i++) {
		add(i, OGPU_ENGINE_COPY, 1);
		give(i, 10000 * MS);
	}
	model[0].slow = true;
	model[1].hung = true;
	sched_run(now);
	sched_queue_suspend(queues[0], now);
	sched_stop(queues[1], now);
	for (looks = 0; looks < 20; looks++) {
		now += 300 * MS;
		sched_run(now);
		assert_in_range(sched_deadline(now), now + 1, now + SCHED_LOOK_NS);
		assert_null(queue_next_unsent());
	}
	work(1);
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_SUSPENDED);
	assert_int_equal(queues[1]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[2]->state, QUEUE_ACTIVE);

	for (; queues[1]->state == QUEUE_ACTIVE; looks++) {
		now += 300 * MS;
		sched_run(now);
		assert_in_range(looks, 0, SCHED_KILL_NS / SCHED_LOOK_NS);
	}
	assert_int_equal(looks, SCHED_KILL_NS / SCHED_LOOK_NS);
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_ENGINE);
}

/* Nobody waits for a slot that is slow to stop while another one stands still. */
static void test_slow_slot_is_not_waited_for(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i == 0 ? OGPU_PRIORITY_LOW : i < 8 ? 1 : 2);
		if (i < 8)
			give(i, 3000 * MS);
	}
	model[0].deaf = true;
	sched_run(now);
	give(8, 3000 * MS);
	sched_run(now);
	assert_int_equal(preempts, 1);
	pass_time(1 * MS);
	assert_int_equal(queues[8]->state, QUEUE_READY);

	/* Two stand still: one of them makes room, at once, and only one. */
	model[3].work_ns = 0;
	model[4].work_ns = 0;
	pass_time(1 * MS);
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	assert_int_equal(preempts, 2);

	/* The other one is slow although it stands still: nobody else is told to go. */
	model[4].deaf = true;
	model[5].waits = true;
	give(9, 3000 * MS);
	pass_time(10 * MS);
	assert_int_equal(queues[9]->state, QUEUE_READY);
	assert_int_equal(preempts, 3);
}

static void test_hung_slot_is_given_up_and_comes_back(void **state)
{
	bool obeyed;

	(void)state;
	add(0, OGPU_ENGINE_COPY, 1);
	add(1, OGPU_ENGINE_COPY, 1);
	add(2, OGPU_ENGINE_COPY, 1);
	model[0].hung = true;
	give(0, 1000 * MS);
	sched_run(now);
	sched_stop(queues[0], now);
	pass_time(SCHED_KILL_NS - 1 * MS);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	pass_time(2 * MS);
	assert_int_equal(queues[0]->state, QUEUE_FAILED);
	assert_int_not_equal(queues[0]->slot, QUEUE_NO_SLOT);
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_ENGINE);

	/* The slot that is left serves both. */
	give(1, 10 * MS);
	give(2, 10 * MS);
	pass_time(30 * MS);
	assert_int_equal(model[1].work_ns, 0);
	assert_int_equal(model[2].work_ns, 0);

	sched_suspend();
	pass_time(5 * MS);
	assert_true(sched_quiet(&obeyed));
	assert_false(obeyed);
	sched_resume();

	slots[COMPUTE_SLOTS].state = OGPU_SLOT_EMPTY;	/* reset */
	sched_run(now);
	assert_int_equal(queues[0]->slot, QUEUE_NO_SLOT);
}

static void test_engine_reset_is_noticed(void **state)
{
	(void)state;
	add(0, OGPU_ENGINE_COMPUTE, 1);
	give(0, 1000 * MS);
	sched_run(now);
	/* While the reset is under way nothing is concluded, and nobody else is put there. */
	slots[0].state = OGPU_SLOT_EMPTY;
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	assert_null(queue_next_unsent());
	engines_reset = true;
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_FAILED);
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_ENGINE);
}

static void test_suspend(void **state)
{
	bool obeyed;
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 20 * MS);
	}
	sched_run(now);
	sched_suspend();
	assert_false(sched_quiet(&obeyed));
	sched_run(now);
	sched_run(now);
	for (i = 1; i < QUEUE_MAX / SCHED_SWEEP; i++) {
		assert_false(sched_quiet(&obeyed));	/* control pages are still to be written */
		assert_true(sched_deadline(now) == now + 1);
		sched_run(now);
	}
	assert_true(sched_quiet(&obeyed));
	assert_true(obeyed);
	assert_true(sched_deadline(now) == CLOCK_NEVER);
	pass_time(10 * MS);
	for (i = 0; i < 12; i++) {
		assert_int_equal(queues[i]->state, QUEUE_READY);
		assert_int_equal(model[i].shown, OGPU_QUEUE_SUSPENDED);
	}
	sched_resume();
	/* Undone before it took effect: nobody waits for slots that stay busy. */
	sched_run(now);
	sched_suspend();
	assert_false(sched_quiet(&obeyed));
	sched_resume();
	assert_true(sched_quiet(&obeyed));
	pass_time(60 * MS);
	for (i = 0; i < 12; i++)
		assert_int_equal(model[i].work_ns, 0);
}

static void test_busy_time_adds_up(void **state)
{
	uint64_t sum = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 10 * MS);
	}
	pass_time(60 * MS);
	for (i = 0; i < 20; i++) {
		assert_true(sched_queue_busy_ns(queues[i]) == model[i].ran_ns);
		assert_true(sched_queue_unit_ns(queues[i]) == model[i].ran_ns / 2);
		sum += model[i].ran_ns;
	}
	assert_true(sched_class_busy_ns(OGPU_ENGINE_COMPUTE) == sum);
	assert_true(sched_class_busy_ns(OGPU_ENGINE_COPY) == 0);
}

/* A queue with work is on a slot or waits for one, and nothing else is told as waiting. */
static void test_waiting_time_adds_up(void **state)
{
	uint64_t begin = now;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	pass_time(1000 * MS);
	for (i = 0; i < 20; i++) {
		uint64_t waited = sched_queue_waited_ns(queues[i], now);

		/* It takes the model a step to take a queue off its slot. */
		assert_in_range(now - begin - model[i].ran_ns - waited, 0,
				queues[i]->switches * 100 * US);
		assert_true(waited > 500 * MS);
	}

	/* What has ended waits no more. */
	for (i = 0; i < 20; i++)
		sched_stop(queues[i], now);
	sched_run(now);
	for (i = 0; i < 20; i++) {
		assert_true(sched_queue_waited_ns(queues[i], now + 1000 * MS) ==
			    sched_queue_waited_ns(queues[i], now));
	}
}

/* A queue that waits in memory does not wait for a slot, and costs nothing until it is woken. */
static void test_parked_queues_cost_nothing(void **state)
{
	unsigned int i, parked = 0, published = 0;

	(void)state;
	for (i = 0; i < QUEUES; i++) {
		add(i, OGPU_ENGINE_COMPUTE, i < QUEUES - 1 ? OGPU_PRIORITY_REALTIME :
							     OGPU_PRIORITY_LOW);
		model[i].waits = i < QUEUES - 1;
		give(i, i < QUEUES - 1 ? 0 : 100000 * MS);
	}
	/* All but those for whom there were slots are off them, each with one watch. */
	pass_time(50 * MS);
	for (i = 0; i < QUEUES; i++) {
		parked += queues[i]->state == QUEUE_PARKED;
		assert_int_equal(model[i].watched, queues[i]->state == QUEUE_PARKED);
		published += model[i].published;
	}
	assert_int_equal(parked, QUEUES - COMPUTE_SLOTS);
	assert_int_equal(watches, parked);
	assert_int_equal(preempts, parked);
	assert_int_equal(queues[QUEUES - 1]->state, QUEUE_ACTIVE);
	assert_true(sched_deadline(now) == CLOCK_NEVER);

	/* Nothing happens to them as time passes. */
	pass_time(1000 * MS);
	assert_int_equal(preempts, parked);
	assert_int_equal(watches, parked);
	for (i = 0; i < QUEUES - 1; i++) {
		published -= model[i].published;
		assert_true(sched_queue_waited_ns(queues[i], now) < 60 * MS);
		if (queues[i]->state == QUEUE_PARKED)
			assert_int_equal(model[i].shown, OGPU_QUEUE_WAITING);
	}
	assert_int_equal(published, model[QUEUES - 1].published);

	/* One that is woken takes the slot of one that waits still. */
	for (i = 0; queues[i]->state != QUEUE_PARKED; i++)
		;
	model[i].work_ns = 1 * MS;
	wake(i);
	pass_time(2 * MS);
	assert_int_equal(model[i].work_ns, 0);
	assert_int_equal(preempts, parked + 1);
	assert_int_equal(queues[QUEUES - 1]->state, QUEUE_ACTIVE);
}

/* A doorbell puts a parked queue on a slot as well: its watch has gone with it. */
static void test_parked_queue_is_rung(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		model[i].waits = i == 0;
		give(i, i ? 100000 * MS : 0);
		sched_run(now);
		work(1);
		sched_run(now);
	}
	assert_int_equal(queues[0]->state, QUEUE_PARKED);
	model[0].watched = false;
	give(0, 0);
	assert_int_equal(queues[0]->state, QUEUE_READY);
	pass_time(2 * SCHED_SLICE_NS);
	assert_true(queues[0]->switches >= 2);

	/* Once more: stopping or suspending it ends the watch. */
	pass_time(2 * SCHED_SLICE_NS);
	assert_int_equal(queues[0]->state, QUEUE_PARKED);
	assert_true(model[0].watched);
	sched_queue_suspend(queues[0], now);
	assert_int_equal(queues[0]->state, QUEUE_SUSPENDED);
	assert_false(model[0].watched);
	wake(0);
	sched_check_work(queues[0], true, now);
	assert_int_equal(queues[0]->state, QUEUE_SUSPENDED);
	sched_stop(queues[0], now);
	assert_int_equal(queues[0]->state, QUEUE_FAILED);
}

/* Firmware cannot read such a write pointer: it has it watched while nobody serves the queue. */
static void test_virtual_wptr_is_watched(void **state)
{
	unsigned int i;

	(void)state;
	add_virtual(0);
	assert_int_equal(queues[0]->state, QUEUE_IDLE);
	assert_true(model[0].watched);
	give(0, 1 * MS);
	assert_false(model[0].watched);
	pass_time(2 * MS);
	assert_int_equal(model[0].work_ns, 0);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);

	/* Idle on its slot until others need it; what was rung meanwhile is not lost. */
	for (i = 1; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	sched_run(now);
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_IDLE);
	assert_true(model[0].watched);
	assert_int_equal(model[0].shown, OGPU_QUEUE_IDLE);
	model[0].work_ns = 1 * MS;
	wake(0);
	assert_int_equal(queues[0]->state, QUEUE_READY);
	pass_time(10 * MS);
	assert_int_equal(model[0].work_ns, 0);

	/* Taken off while it had work it is ready, without anybody watching. */
	give(0, 100000 * MS);
	pass_time(2 * SCHED_SLICE_NS);
	assert_true(queues[0]->state == QUEUE_READY || queues[0]->state == QUEUE_ACTIVE);
	assert_false(model[0].watched);
}

static void test_queue_suspend_and_resume(void **state)
{
	uint64_t ran;
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	add(9, OGPU_ENGINE_COMPUTE, 1);
	sched_run(now);
	pass_time(1 * MS);

	sched_queue_suspend(queues[0], now);	/* on a slot */
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	sched_queue_suspend(queues[8], now);	/* ready */
	assert_int_equal(queues[8]->state, QUEUE_SUSPENDED);
	sched_queue_suspend(queues[9], now);	/* idle */
	assert_int_equal(queues[9]->state, QUEUE_SUSPENDED);
	sched_run(now);
	assert_int_equal(queues[0]->state, QUEUE_SUSPENDED);
	assert_int_equal(queues[0]->slot, QUEUE_NO_SLOT);
	for (i = 0; i < 10; i += i ? 1 : 8) {
		assert_int_equal(model[i].shown, OGPU_QUEUE_SUSPENDED);
		assert_true(model[i].shown_busy_ns == model[i].ran_ns);
	}

	/* Neither time nor doorbells move them, and they wait for no slot. */
	ran = model[0].ran_ns;
	give(0, 1 * MS);
	give(9, 1 * MS);
	pass_time(20 * MS);
	assert_true(model[0].ran_ns == ran && model[9].ran_ns == 0);
	assert_true(sched_queue_waited_ns(queues[0], now) == 0);

	sched_queue_resume(queues[0], now);
	sched_queue_resume(queues[8], now);
	sched_queue_resume(queues[9], now);
	sched_queue_resume(queues[9], now);	/* no harm */
	pass_time(20 * MS);
	assert_true(model[0].ran_ns > ran && model[8].ran_ns > 0);
	assert_int_equal(model[9].work_ns, 0);

	/* Resumed before it has left its slot: it goes on all the same. */
	model[1].slow = true;
	sched_queue_suspend(queues[1], now);
	sched_run(now);
	sched_queue_resume(queues[1], now);
	model[1].slow = false;
	ran = model[1].ran_ns;
	pass_time(20 * MS);
	assert_true(model[1].ran_ns > ran);

	/* What has failed stays as it is. */
	sched_stop(queues[9], now);
	sched_run(now);
	sched_queue_suspend(queues[9], now);
	sched_queue_resume(queues[9], now);
	assert_int_equal(queues[9]->state, QUEUE_FAILED);
}

/* A fault of a queue with REPLAY: told once, makes room, goes on when the host says so. */
static void test_fault_and_resume(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++)
		add(i, OGPU_ENGINE_COMPUTE, 1);
	model[0].faults = true;
	give(0, 10 * MS);
	sched_run(now);
	pass_time(1 * MS);
	assert_ptr_equal(queue_next_unsent(), queues[0]);
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_MEMORY);
	assert_int_equal(queues[0]->state, QUEUE_ACTIVE);
	assert_int_equal(model[0].shown, OGPU_QUEUE_FAULTED);
	pass_time(10 * MS);
	assert_null(queue_next_unsent());

	/* Retried on its slot: faults again, is told again. */
	sched_queue_resume(queues[0], now);
	pass_time(1 * MS);
	assert_ptr_equal(take_unsent(), queues[0]);

	/* Others need the slot; nobody is told again. */
	for (i = 1; i < 10; i++)
		give(i, 100000 * MS);
	pass_time(1 * MS);
	assert_int_equal(queues[0]->state, QUEUE_FAULTED);
	assert_int_equal(model[0].shown, OGPU_QUEUE_FAULTED);
	assert_null(queue_next_unsent());
	give(0, 0);
	assert_int_equal(queues[0]->state, QUEUE_FAULTED);

	/* Resumed off its slot, before the host has mended anything, and then once more. */
	sched_queue_resume(queues[0], now);
	assert_int_equal(queues[0]->state, QUEUE_READY);
	assert_int_equal(queues[0]->error.error, OGPU_QERR_NONE);
	pass_time(30 * MS);
	assert_ptr_equal(take_unsent(), queues[0]);
	model[0].faults = false;
	sched_queue_resume(queues[0], now);
	pass_time(100 * MS);
	assert_int_equal(model[0].work_ns, 0);

	/* Stopped at a fault: an error of its own is not told. */
	model[0].faults = true;
	give(0, 1 * MS);
	pass_time(30 * MS);
	assert_true(queues[0]->faulted);
	sched_stop(queues[0], now);
	pass_time(1 * MS);
	assert_int_equal(queues[0]->state, QUEUE_FAILED);
	assert_int_equal(queues[0]->error.error, OGPU_QERR_KILLED);
	assert_false(queue_is_unsent(queues[0]));
}

/* A reset of the engines: all that was on slots has failed, and nothing starts before that. */
static void test_engine_reset_is_acknowledged(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		model[i].hung = i == 3;
		give(i, 100000 * MS);
	}
	sched_run(now);
	sched_stop(queues[3], now);
	pass_time(SCHED_KILL_NS + 1 * MS);
	assert_ptr_equal(take_unsent(), queues[3]);	/* its slot is dead */
	add(8, OGPU_ENGINE_COMPUTE, 1);
	give(8, 100000 * MS);
	sched_stop(queues[5], now);			/* the host asked: it is not told */
	engines_reset = true;
	memset(slots, 0, sizeof(slots));
	sched_run(now);
	assert_false(engines_reset);
	for (i = 0; i < 8; i++) {
		assert_int_equal(queues[i]->slot, QUEUE_NO_SLOT);
		assert_int_equal(queues[i]->state, QUEUE_FAILED);
		assert_int_equal(queues[i]->error.error, i == 5 ? OGPU_QERR_KILLED :
								  OGPU_QERR_ENGINE);
		assert_int_equal(model[i].shown, OGPU_QUEUE_FAILED);
	}
	for (i = 0; i < 6; i++) {
		struct queue *q = take_unsent();

		assert_true(q != queues[3] && q != queues[5]);
	}
	assert_null(queue_next_unsent());
	assert_int_equal(queues[8]->state, QUEUE_ACTIVE);
}

/* The control page tells the truth at each change, and on a slot when it is refreshed. */
static void test_control_pages(void **state)
{
	unsigned int i, published;

	(void)state;
	for (i = 0; i < 9; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		assert_int_equal(model[i].shown, OGPU_QUEUE_IDLE);
		assert_int_equal(model[i].published, 1);
	}
	for (i = 0; i < 9; i++)
		give(i, 100 * MS);
	sched_run(now);
	give(8, 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(model[i].shown, OGPU_QUEUE_RUNNING);
	sched_refresh(now);
	assert_int_equal(model[0].published, 2);	/* nothing is new */
	work(1 * MS);
	sched_run(now);
	sched_refresh(now);
	assert_true(model[0].shown_busy_ns == 1 * MS);

	/* Ready, while others run, is shown as well: since when it waits can be told. */
	sched_stop(queues[8], now);
	add(9, OGPU_ENGINE_COMPUTE, 1);
	give(9, 1 * MS);
	assert_int_equal(model[9].shown, OGPU_QUEUE_READY);
	sched_stop(queues[9], now);
	assert_int_equal(model[9].shown, OGPU_QUEUE_FAILED);

	/* The end of its work is shown at once. */
	pass_time(99 * MS);
	assert_int_equal(model[0].shown, OGPU_QUEUE_RUNNING);
	pass_time(1 * MS);
	assert_int_equal(model[0].shown, OGPU_QUEUE_IDLE);
	assert_true(model[0].shown_busy_ns == model[0].ran_ns);

	/* But not after each of many short jobs: then it is shown by and by. */
	published = model[0].published;
	for (i = 0; i < 20; i++) {
		give(0, 100 * US);
		pass_time(300 * US);
	}
	assert_in_range(model[0].published - published, 1, 4);
	sched_refresh(now);
	assert_int_equal(model[0].shown, OGPU_QUEUE_IDLE);
	assert_true(model[0].shown_busy_ns == model[0].ran_ns);
	published = model[0].published;
	sched_refresh(now);
	assert_int_equal(model[0].published, published);
}

static void test_card_without_copy_engines(void **state)
{
	(void)state;
	sched_init(1, 0);
	assert_int_equal(sched_class_slots(OGPU_ENGINE_COMPUTE), 1);
	assert_int_equal(sched_class_slots(OGPU_ENGINE_COPY), 0);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(test_idle_card_needs_no_time),
		T(test_classes_are_apart),
		T(test_idle_slot_is_taken_first),
		T(test_priority_preempts_at_once),
		T(test_equal_priority_waits_for_slice),
		T(test_slice_has_units_in_it),
		T(test_own_time_slice),
		T(test_all_get_the_same),
		T(test_nobody_starves),
		T(test_raise_holds_for_units),
		T(test_short_jobs_do_not_wait_for_slices),
		T(test_waiting_queue_makes_room),
		T(test_failure_is_told_once),
		T(test_free_takes_the_error_along),
		T(test_stop_in_each_state),
		T(test_deaf_queue_is_killed),
		T(test_busy_host),
		T(test_slow_slot_is_not_waited_for),
		T(test_hung_slot_is_given_up_and_comes_back),
		T(test_engine_reset_is_noticed),
		T(test_suspend),
		T(test_busy_time_adds_up),
		T(test_waiting_time_adds_up),
		T(test_parked_queues_cost_nothing),
		T(test_parked_queue_is_rung),
		T(test_virtual_wptr_is_watched),
		T(test_queue_suspend_and_resume),
		T(test_fault_and_resume),
		T(test_engine_reset_is_acknowledged),
		T(test_control_pages),
		T(test_card_without_copy_engines),
	};

	return cmocka_run_group_tests_name("firmware-sched", tests, NULL, NULL);
}
