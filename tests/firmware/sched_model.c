// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the scheduler's tests put in place of its neighbours: slots that execute queues of made-up
 * work, watches, control pages, and a clock that the test moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "abi/addr.h"
#include "clock.h"
#include "control.h"
#include "sched_model.h"

struct model model[MANY];
struct model_slot slots[SLOTS];
struct queue *queues[MANY];
uint64_t now;
unsigned int preempts, watches, units;
bool engines_reset, all_suspended;
uint64_t steps;

/* The compiler calls it in each basic block of files that the Makefile says. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

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
	m->published++;
}

uint64_t slot_unit_ns(unsigned int slot)
{
	if (model[slots[slot].queue].no_unit)
		return 0;
	return units ? slots[slot].unit_ns : slots[slot].busy_ns / 2;
}

bool slot_queue_has_work(const struct queue *queue)
{
	if (queue_is_virtual(queue))
		return false;
	return model[queue->desc.queue].work_ns || model[queue->desc.queue].waits;
}

/* What hardware does for a watch: the queue's number comes as if its doorbell had rung. */
void wake(uint32_t number)
{
	model[number].waits = false;
	if (!model[number].watched)
		return;
	model[number].watched = false;
	sched_check_work(queues[number], true, now);
}

/* A turn of a unit: mostly a millisecond, now and then what a busy host makes of it. */
struct turn {
	unsigned int slot;
	uint64_t left;
};

static struct turn turns[SLOTS];

static bool has_turn(unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < units; i++) {
		if (turns[i].left && turns[i].slot == slot)
			return true;
	}
	return false;
}

static void next_turn(struct turn *turn)
{
	static unsigned int last;
	static uint32_t random;
	unsigned int n;

	for (n = 0; n < COMPUTE_SLOTS; n++) {
		last = (last + 1) % COMPUTE_SLOTS;
		if (slots[last].state != OGPU_SLOT_RUNNING || slots[last].told || has_turn(last))
			continue;
		random = random * 1664525 + 1013904223;
		turn->slot = last;
		turn->left = (random >> 28 ? 10 : 10 + (random >> 8) % 400) * 100 * US;
		return;
	}
}

/* Units work for those that have them; who is told to stop does at the end of the turn. */
static void work_in_turns(uint64_t ns)
{
	unsigned int i;

	for (i = 0; i < units; i++) {
		struct turn *turn = &turns[i];
		struct model_slot *s = &slots[turn->slot];

		if (turn->left) {
			turn->left -= ns;
			s->unit_ns += ns;
			model[s->queue].unit_ns += ns;
		}
		if (!turn->left)
			next_turn(turn);
	}
	for (i = 0; i < COMPUTE_SLOTS && units; i++)
		model[slots[i].queue].slow = has_turn(i);
}

/* Lets the slots work for a while. */
void work(uint64_t ns)
{
	unsigned int i;

	work_in_turns(ns);
	for (i = 0; i < SLOTS; i++) {
		struct model_slot *s = &slots[i];
		struct model *m = &model[s->queue];

		if (s->state != OGPU_SLOT_RUNNING && s->state != OGPU_SLOT_IDLE &&
		    s->state != OGPU_SLOT_WAITING)
			continue;
		if (s->told && (units ? !has_turn(i) : m->slow)) {
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
void pass_time(uint64_t ns)
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

void add(uint32_t number, uint8_t engine, uint8_t priority)
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

/* One more of a gang of compute queues; what the host is told. */
enum ogpu_msg_status add_to_gang(uint32_t number, uint8_t priority, uint32_t gang)
{
	struct ogpu_msg_queue_create desc = {
		.queue = number,
		.priority = priority,
		.ring_size = 4096,
		.control = OGPU_CONTROL_NONE,
		.gang = gang,
	};
	enum ogpu_msg_status status;

	assert_int_equal(queue_create(&desc, MANY, &queues[number]), OGPU_MSG_OK);
	status = queue_join_gang(queues[number], sched_class_slots(OGPU_ENGINE_COMPUTE));
	if (status == OGPU_MSG_OK) {
		sched_add(queues[number], now);
	} else {
		queue_free(queues[number]);
		queues[number] = NULL;
	}
	return status;
}

/* Whether none of a queue's gang executes while another one waits for a slot. */
bool together(uint32_t number)
{
	const struct queue *q = queues[number];
	bool ready = false, executes = false;

	do {
		ready |= q->state == QUEUE_READY;
		executes |= q->state == QUEUE_ACTIVE && !slots[q->slot].told &&
			    slots[q->slot].state == OGPU_SLOT_RUNNING;
		q = q->mate;
	} while (q != queues[number]);
	return !ready || !executes;
}

void give(uint32_t number, uint64_t work_ns)
{
	model[number].work_ns += work_ns;
	model[number].watched = false;		/* a doorbell ends it */
	sched_check_work(queues[number], true, now);
}

int setup(void **state)
{
	(void)state;
	memset(model, 0, sizeof(model));
	memset(slots, 0, sizeof(slots));
	memset(queues, 0, sizeof(queues));
	now = 1000 * MS;
	preempts = 0;
	watches = 0;
	units = 0;
	memset(turns, 0, sizeof(turns));
	engines_reset = false;
	all_suspended = false;
	queue_table_init();
	sched_init(COMPUTE_SLOTS, COPY_SLOTS);
	return 0;
}

