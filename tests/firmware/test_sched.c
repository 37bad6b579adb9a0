// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The firmware's scheduler with a model of the slots and a clock that the test moves: who gets a
 * slot, who makes room, who waits how long, and what happens to queues and slots that do not obey.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/addr.h"
#include "clock.h"
#include "control.h"
#include "sched.h"
#include "slot.h"

#define COMPUTE_SLOTS	8
#define COPY_SLOTS	2
#define SLOTS		(COMPUTE_SLOTS + COPY_SLOTS)
#define QUEUES		64
#define MANY		1024
#define US		1000ull
#define MS		1000000ull

/* Model: a queue has so many nanoseconds of work left, or waits in memory, or does not obey. */
static struct model {
	uint64_t work_ns;
	bool waits, deaf, hung, faults;
	bool no_unit;			/* executes nothing while it is on its slot */
	bool slow;			/* needs a step to make room */
	bool watched;
	enum ogpu_queue_error fails;
	uint64_t ran_ns;		/* while on slots */
	/* What its control page shows. */
	enum ogpu_queue_run_state shown;
	uint64_t shown_busy_ns, shown_waited_ns;
	unsigned int published;
} model[MANY];

static struct model_slot {
	enum ogpu_slot_state state;
	uint32_t queue;
	enum ogpu_priority priority;
	uint64_t told;			/* to make room */
	uint64_t busy_ns;
	uint64_t pos;
	enum ogpu_queue_error error;
} slots[SLOTS];

static uint64_t now;
static unsigned int preempts, watches;
static bool engines_reset, all_suspended;
static struct queue *queues[MANY];

void slot_start(unsigned int slot, const struct queue *queue, enum ogpu_priority priority)
{
	assert_int_equal(slots[slot].state, OGPU_SLOT_EMPTY);
	assert_true(slot < COMPUTE_SLOTS ? queue->desc.engine == OGPU_ENGINE_COMPUTE :
					   queue->desc.engine == OGPU_ENGINE_COPY);
	memset(&slots[slot], 0, sizeof(slots[slot]));
	slots[slot].state = OGPU_SLOT_RUNNING;
	slots[slot].queue = queue->desc.queue;
	slots[slot].pos = queue->pos;
	slots[slot].priority = priority;
}

void slot_set_priority(unsigned int slot, enum ogpu_priority priority)
{
	slots[slot].priority = priority;
}

void slot_command(unsigned int slot, enum ogpu_slot_command command)
{
	struct model_slot *s = &slots[slot];
	const struct model *m = &model[s->queue];

	switch (command) {
	case OGPU_SLOT_CMD_PREEMPT:
		assert_int_not_equal(s->state, OGPU_SLOT_EMPTY);
		s->told = now;
		preempts++;
		if (!m->deaf && !m->hung && !m->slow && s->state != OGPU_SLOT_FAILED)
			s->state = OGPU_SLOT_SAVED;
		break;
	case OGPU_SLOT_CMD_KILL:
		assert_int_not_equal(s->state, OGPU_SLOT_EMPTY);
		if (!m->hung) {
			s->state = OGPU_SLOT_FAILED;
			s->error = OGPU_QERR_KILLED;
		}
		break;
	case OGPU_SLOT_CMD_CLEAR:
		s->state = OGPU_SLOT_EMPTY;
		break;
	case OGPU_SLOT_CMD_RESUME:
		assert_int_equal(s->state, OGPU_SLOT_FAULTED);
		s->state = OGPU_SLOT_RUNNING;
		break;
	default:
		fail();
	}
}

enum ogpu_slot_state slot_state(unsigned int slot)
{
	return slots[slot].state;
}

void slot_save(unsigned int slot, struct queue *queue)
{
	queue->pos = slots[slot].pos;
}

void slot_error(unsigned int slot, struct queue_error *error)
{
	error->error = slots[slot].error;
}

uint64_t slot_busy_ns(unsigned int slot)
{
	return slots[slot].busy_ns;
}

bool slot_wait(unsigned int slot, struct slot_wait *wait)
{
	uint32_t number = slots[slot].queue;

	assert_int_equal(slots[slot].state, OGPU_SLOT_SAVED);
	wait->addr = number;
	return model[number].waits;
}

void slot_watch(const struct queue *queue, const struct slot_wait *wait)
{
	assert_int_equal(queue->slot, QUEUE_NO_SLOT);
	if (queue->state == QUEUE_PARKED)
		assert_true(wait->addr == queue->desc.queue);
	else
		assert_true(wait->addr == queue->desc.wptr && wait->value == queue->pos);
	model[queue->desc.queue].watched = true;
	watches++;
}

void slot_unwatch(const struct queue *queue)
{
	model[queue->desc.queue].watched = false;
}

bool slot_reset_seen(void)
{
	return engines_reset;
}

void slot_reset_done(void)
{
	assert_true(engines_reset);
	engines_reset = false;
}

/* A control page: what the host was shown last. */
void control_publish(struct queue *queue, uint64_t when)
{
	struct model *m = &model[queue->desc.queue];

	assert_true(when == now);
	m->shown = sched_queue_state(queue);
	m->shown_busy_ns = sched_queue_busy_ns(queue);
	m->shown_waited_ns = sched_queue_waited_ns(queue, when);
	m->published++;
}

uint64_t slot_unit_ns(unsigned int slot)
{
	if (model[slots[slot].queue].no_unit)
		return 0;
	return slots[slot].busy_ns / 2;
}

bool slot_queue_has_work(const struct queue *queue)
{
	if (queue_is_virtual(queue))
		return false;
	return model[queue->desc.queue].work_ns || model[queue->desc.queue].waits;
}

/* What hardware does for a watch: the queue's number comes as if its doorbell had rung. */
static void wake(uint32_t number)
{
	model[number].waits = false;
	if (!model[number].watched)
		return;
	model[number].watched = false;
	sched_check_work(queues[number], true, now);
}

/* Lets the slots work for a while. */
static void work(uint64_t ns)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		struct model_slot *s = &slots[i];
		struct model *m = &model[s->queue];

		if (s->state != OGPU_SLOT_RUNNING && s->state != OGPU_SLOT_IDLE &&
		    s->state != OGPU_SLOT_WAITING)
			continue;
		if (m->slow && s->told) {
			s->state = OGPU_SLOT_SAVED;
		} else if (m->fails) {
			s->error = m->fails;
			s->state = OGPU_SLOT_FAILED;
		} else if (m->faults && m->work_ns) {
			s->state = OGPU_SLOT_FAULTED;
			s->error = OGPU_QERR_MEMORY;
		} else if (m->waits) {
			s->state = OGPU_SLOT_WAITING;
		} else if (m->work_ns) {
			s->state = OGPU_SLOT_RUNNING;
			s->busy_ns += ns;
			m->ran_ns += ns;
			m->work_ns -= m->work_ns < ns ? m->work_ns : ns;
			s->pos += 8;
		} else {
			s->state = OGPU_SLOT_IDLE;
		}
	}
}

/* As the main loop would: after each change and at each deadline. */
static void pass_time(uint64_t ns)
{
	uint64_t end = now + ns;

	while (now < end) {
		uint64_t step = 100 * US;

		work(step);
		now += step;
		sched_run(now);
		assert_true(sched_deadline(now) > now);
	}
}

static void add(uint32_t number, uint8_t engine, uint8_t priority)
{
	struct ogpu_msg_queue_create desc = {
		.queue = number,
		.engine = engine,
		.priority = priority,
		.ring_size = 4096,
		.control = OGPU_CONTROL_NONE,
	};

	assert_int_equal(queue_create(&desc, MANY, &queues[number]), OGPU_MSG_OK);
	sched_add(queues[number], now);
}

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

static void give(uint32_t number, uint64_t work_ns)
{
	model[number].work_ns += work_ns;
	model[number].watched = false;		/* a doorbell ends it */
	sched_check_work(queues[number], true, now);
}

/* The next queue that failed, about which the host is then told. */
static struct queue *take_unsent(void)
{
	struct queue *q = queue_next_unsent();

	assert_non_null(q);
	queue_list_leave(q);
	return q;
}

static int setup(void **state)
{
	(void)state;
	memset(model, 0, sizeof(model));
	memset(slots, 0, sizeof(slots));
	memset(queues, 0, sizeof(queues));
	now = 1000 * MS;
	preempts = 0;
	watches = 0;
	engines_reset = false;
	all_suspended = false;
	queue_table_init();
	sched_init(COMPUTE_SLOTS, COPY_SLOTS);
	return 0;
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

/* Many more queues than slots: all get the same, none waits longer than the others' slices. */
static void test_1024_queues_share(void **state)
{
	uint64_t share = 8 * 10000 * MS / MANY;
	unsigned int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	pass_time(10000 * MS);
	for (i = 0; i < MANY; i++)
		assert_in_range(model[i].ran_ns, share - 2 * SCHED_SLICE_NS,
				share + 2 * SCHED_SLICE_NS);
}

/* However many wait and for how long, one with more priority is served at once. */
static void test_crowd_keeps_nobody_out(void **state)
{
	uint64_t begin, worst = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
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

static bool is_off_slots(const struct queue *q)
{
	return q->state == QUEUE_IDLE || q->state == QUEUE_READY || q->state == QUEUE_PARKED ||
	       q->state == QUEUE_SUSPENDED || q->state == QUEUE_FAULTED;
}

/* What holds between any two steps, whatever happened. */
static void check_invariants(void)
{
	unsigned int on[SLOTS] = { 0 };
	bool ready[OGPU_ENGINE_CLASSES] = { false };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
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
		assert_true(model[i].shown_busy_ns <= model[i].ran_ns);
		assert_true(now - q->since < 5000 * MS || q->state != QUEUE_READY);
	}
	/* A slot that is empty has nobody waiting for it. */
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].state == OGPU_SLOT_EMPTY && !all_suspended)
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
		random_action(rand() % MANY);
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
	for (i = 0; i < MANY; i++) {
		if (!queues[i])
			continue;
		model[i].faults = false;
		model[i].deaf = false;
		sched_queue_resume(queues[i], now);
		wake(i);
	}
	pass_time(4000 * MS);
	check_invariants();
	for (i = 0; i < MANY; i++) {
		if (!queues[i] || queues[i]->state == QUEUE_FAILED)
			continue;
		assert_int_equal(model[i].work_ns, 0);
		done++;
	}
	assert_true(done > MANY / 4);
}

static void test_card_without_copy_engines(void **state)
{
	(void)state;
	sched_init(1, 0);
	assert_true(sched_has_class(OGPU_ENGINE_COMPUTE));
	assert_false(sched_has_class(OGPU_ENGINE_COPY));
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
		T(test_1024_queues_share),
		T(test_crowd_keeps_nobody_out),
		T(test_raises_go_round),
		T(test_random_life),
		T(test_card_without_copy_engines),
	};

	return cmocka_run_group_tests_name("firmware-sched", tests, NULL, NULL);
}
