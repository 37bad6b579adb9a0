// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The firmware's scheduler with a model of the slots and a clock that the test moves: who gets a
 * slot, who makes room, who waits how long, and what happens to queues and slots that do not obey.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "sched.h"
#include "slot.h"

#define COMPUTE_SLOTS	8
#define COPY_SLOTS	2
#define SLOTS		(COMPUTE_SLOTS + COPY_SLOTS)
#define QUEUES		64
#define US		1000ull
#define MS		1000000ull

/* Model: a queue has so many nanoseconds of work left, or waits in memory, or does not obey. */
static struct model {
	uint64_t work_ns;
	bool waits, deaf, hung;
	enum ogpu_queue_error fails;
	uint64_t ran_ns;		/* while on slots */
} model[QUEUES];

static struct model_slot {
	enum ogpu_slot_state state;
	uint32_t queue;
	enum ogpu_priority priority;
	uint64_t busy_ns;
	uint64_t pos;
	enum ogpu_queue_error error;
} slots[SLOTS];

static uint64_t now;
static unsigned int preempts;
static struct queue *queues[QUEUES];

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
		preempts++;
		if (!m->deaf && !m->hung && s->state != OGPU_SLOT_FAILED)
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

void slot_error(unsigned int slot, struct ogpu_msg_queue_error *error)
{
	error->error = slots[slot].error;
}

uint64_t slot_busy_ns(unsigned int slot)
{
	return slots[slot].busy_ns;
}

uint64_t slot_unit_ns(unsigned int slot)
{
	return slots[slot].busy_ns / 2;
}

bool slot_queue_has_work(const struct queue *queue)
{
	return model[queue->desc.queue].work_ns || model[queue->desc.queue].waits;
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
		if (m->fails) {
			s->error = m->fails;
			s->state = OGPU_SLOT_FAILED;
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

	assert_int_equal(queue_create(&desc, QUEUES, &queues[number]), OGPU_MSG_OK);
}

static void give(uint32_t number, uint64_t work_ns)
{
	model[number].work_ns += work_ns;
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

	/* They come back and see what they waited for. */
	for (i = 0; i < 8; i++) {
		model[i].waits = false;
		model[i].work_ns = 1 * MS;
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
	assert_int_equal(q->error.queue, 4);
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
	assert_int_equal(take_unsent()->error.error, OGPU_QERR_PREEMPT);
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
	pass_time(1 * MS);
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
	slots[0].state = OGPU_SLOT_EMPTY;
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
	assert_true(sched_quiet(&obeyed));
	assert_true(obeyed);
	assert_true(sched_deadline(now) == CLOCK_NEVER);
	pass_time(10 * MS);
	for (i = 0; i < 12; i++)
		assert_int_equal(queues[i]->state, QUEUE_READY);
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

/* A queue in a WAIT packet does not wait for a slot, unless others keep it from looking. */
static void test_wait_packet_is_not_waiting_time(void **state)
{
	uint64_t begin, waited;
	unsigned int i;

	(void)state;
	add(0, OGPU_ENGINE_COMPUTE, 1);
	model[0].waits = true;
	give(0, 0);
	sched_run(now);
	pass_time(100 * MS);
	assert_true(sched_queue_waited_ns(queues[0], now) == 0);

	/* A short job in each slot: the queue makes room, is parked, and comes back by itself. */
	for (i = 1; i <= COMPUTE_SLOTS; i++) {
		add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, SCHED_PARK_NS / 2);
	}
	pass_time(100 * MS);
	assert_true(queues[0]->switches > 1);
	/* Only until the slot that it takes is clear. */
	assert_true(sched_queue_waited_ns(queues[0], now) <= queues[0]->switches * 200 * US);

	/* Long ones: it gets its turn only now and then. */
	begin = now;
	for (i = 1; i <= 2 * COMPUTE_SLOTS; i++) {
		if (i > COMPUTE_SLOTS)
			add(i, OGPU_ENGINE_COMPUTE, 1);
		give(i, 100000 * MS);
	}
	pass_time(1000 * MS);
	waited = sched_queue_waited_ns(queues[0], now);
	assert_in_range(waited, 500 * MS, now - begin - queues[0]->switches * SCHED_PARK_NS / 2);
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
		T(test_wait_packet_is_not_waiting_time),
		T(test_card_without_copy_engines),
	};

	return cmocka_run_group_tests_name("firmware-sched", tests, NULL, NULL);
}
