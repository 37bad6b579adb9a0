// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The scheduler: see sched.h for the policy. */
#include "sched.h"

#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "slot.h"

enum phase {
	PHASE_EMPTY = 0,
	PHASE_ON,		/* has a queue */
	PHASE_PREEMPTING,	/* told to stop at the next boundary */
	PHASE_KILLING,		/* told to stop now */
	PHASE_DEAD,		/* did not obey KILL; useless until it does or is reset */
};

struct slot {
	enum phase phase;
	enum ogpu_slot_state state;	/* as last seen */
	struct queue *queue;
	uint8_t priority;		/* of the queue, raised by its wait until slice_end */
	enum ogpu_slot_state stopped;	/* what it did when it was told to stop */
	uint64_t slice_end;
	uint64_t deadline;		/* of the command that was given */
	enum ogpu_queue_error kill_error;
};

static struct {
	struct slot slots[OGPU_MC_SLOT_MAX];
	unsigned int first[OGPU_ENGINE_CLASSES], end[OGPU_ENGINE_CLASSES];
	struct queue_list ready[OGPU_ENGINE_CLASSES][OGPU_PRIORITIES];
	struct queue_list parked[OGPU_ENGINE_CLASSES];
	uint64_t busy_ns[OGPU_ENGINE_CLASSES];	/* of queues that have left their slots */
	bool suspended;
} sched;

static struct queue_list *list_of(const struct queue *q)
{
	if (q->state == QUEUE_PARKED)
		return &sched.parked[q->desc.engine];
	return &sched.ready[q->desc.engine][q->desc.priority];
}

static bool is_listed(const struct queue *q)
{
	return q->state == QUEUE_READY || q->state == QUEUE_PARKED;
}

static void make_ready(struct queue *q, uint64_t now)
{
	q->state = QUEUE_READY;
	q->since = now;
	queue_list_append(list_of(q), q);
}

static void park(struct queue *q, uint64_t now)
{
	q->state = QUEUE_PARKED;
	q->since = now + SCHED_PARK_NS;
	queue_list_append(list_of(q), q);
}

/* Takes a queue out of its list; the caller changes its state. */
static void leave_list(struct queue *q, uint64_t now)
{
	queue_list_leave(q);
	q->waited_ns = sched_queue_waited_ns(q, now);
}

static uint8_t aged_priority(const struct queue *q, uint64_t now)
{
	uint32_t priority = q->desc.priority;
	uint64_t waited = now - q->since;

	for (; waited >= SCHED_AGE_NS && priority < OGPU_PRIORITIES - 1; waited -= SCHED_AGE_NS)
		priority++;
	return priority;
}

static uint64_t slice_ns(const struct queue *q)
{
	uint64_t ns = (uint64_t)q->desc.timeslice_us * 1000;

	if (!ns)
		return SCHED_SLICE_NS;
	if (ns < SCHED_SLICE_MIN_NS)
		return SCHED_SLICE_MIN_NS;
	return ns > SCHED_SLICE_MAX_NS ? SCHED_SLICE_MAX_NS : ns;
}

/**
 * sched_init() - start with empty slots and no queues
 * @compute_slots: how many slots are of class COMPUTE
 * @copy_slots: how many slots after those are of class COPY; together at most OGPU_MC_SLOT_MAX
 */
void sched_init(uint32_t compute_slots, uint32_t copy_slots)
{
	memset(&sched, 0, sizeof(sched));
	sched.first[OGPU_ENGINE_COMPUTE] = 0;
	sched.end[OGPU_ENGINE_COMPUTE] = compute_slots;
	sched.first[OGPU_ENGINE_COPY] = compute_slots;
	sched.end[OGPU_ENGINE_COPY] = compute_slots + copy_slots;
}

/**
 * sched_has_class() - whether the card has slots of a class
 * @engine: which
 */
bool sched_has_class(enum ogpu_engine_class engine)
{
	return sched.first[engine] < sched.end[engine];
}

/**
 * sched_check_work() - a queue may have got work: it was created, or its doorbell was rung
 * @queue: any queue; one that is on a slot has been told by hardware
 * @rung: by its doorbell, which is all there is to go by if only a slot can read its write pointer
 * @now: time
 */
void sched_check_work(struct queue *queue, bool rung, uint64_t now)
{
	if (queue->state != QUEUE_IDLE)
		return;
	if (slot_queue_has_work(queue) || (rung && queue_is_virtual(queue)))
		make_ready(queue, now);
}

static void put_on_slot(unsigned int index, struct queue *q, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	leave_list(q, now);
	slot->priority = q->state == QUEUE_READY ? aged_priority(q, now) : q->desc.priority;
	slot->phase = PHASE_ON;
	slot->state = OGPU_SLOT_RUNNING;
	slot->queue = q;
	slot->slice_end = now + slice_ns(q);
	q->state = QUEUE_ACTIVE;
	q->slot = index;
	q->switches++;
	slot_start(index, q, slot->priority);
}

static void begin_preempt(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	slot->phase = PHASE_PREEMPTING;
	slot->stopped = slot->state;
	slot->deadline = now + SCHED_PREEMPT_NS;
	slot_command(index, OGPU_SLOT_CMD_PREEMPT);
}

static void begin_kill(unsigned int index, enum ogpu_queue_error why, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	slot->phase = PHASE_KILLING;
	slot->kill_error = why;
	slot->deadline = now + SCHED_KILL_NS;
	slot_command(index, OGPU_SLOT_CMD_KILL);
}

/* Takes the queue off a slot whose state is known; the caller decides what becomes of the queue. */
static struct queue *take_off_slot(unsigned int index)
{
	struct slot *slot = &sched.slots[index];
	struct queue *q = slot->queue;
	uint64_t busy_ns = slot_busy_ns(index);

	q->busy_ns += busy_ns;
	q->unit_ns += slot_unit_ns(index);
	sched.busy_ns[q->desc.engine] += busy_ns;
	q->slot = QUEUE_NO_SLOT;
	slot_command(index, OGPU_SLOT_CMD_CLEAR);
	memset(slot, 0, sizeof(*slot));
	return q;
}

static void slot_saved(unsigned int index, uint64_t now)
{
	enum ogpu_slot_state stopped = sched.slots[index].stopped;
	struct queue *q;

	slot_save(index, sched.slots[index].queue);
	q = take_off_slot(index);
	/* From now on doorbells come to firmware; what was rung before is in memory. */
	q->state = QUEUE_IDLE;
	if (stopped == OGPU_SLOT_WAITING)
		park(q, now);
	else
		sched_check_work(q, stopped == OGPU_SLOT_RUNNING, now);
}

static void slot_failed(unsigned int index)
{
	struct slot *slot = &sched.slots[index];
	struct ogpu_msg_queue_error error = { 0 };
	bool killing = slot->phase == PHASE_KILLING;
	enum ogpu_queue_error kill_error = slot->kill_error;
	struct queue *q;

	slot_save(index, slot->queue);
	slot_error(index, &error);
	if (killing && (error.error == OGPU_QERR_NONE || error.error == OGPU_QERR_KILLED))
		error.error = kill_error;
	else if (error.error == OGPU_QERR_NONE)
		error.error = OGPU_QERR_ENGINE;
	q = take_off_slot(index);
	/* A host that asked for it is answered, not told. */
	queue_fail(q, &error, !killing || error.error != OGPU_QERR_KILLED);
}

/* Somebody reset the engines under the scheduler: what the queue was doing is lost. */
static void slot_lost(unsigned int index)
{
	struct ogpu_msg_queue_error error = { .error = OGPU_QERR_ENGINE };

	error.packet = sched.slots[index].queue->pos;
	queue_fail(take_off_slot(index), &error, true);
}

static void slot_disobeyed(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	struct ogpu_msg_queue_error error = { .error = OGPU_QERR_ENGINE };

	if (slot->phase == PHASE_PREEMPTING) {
		begin_kill(index, OGPU_QERR_PREEMPT, now);
		return;
	}
	slot->phase = PHASE_DEAD;
	error.packet = slot->queue->pos;
	queue_fail(slot->queue, &error, true);
}

static void check_slot(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	bool stopped;

	if (slot->phase == PHASE_EMPTY)
		return;
	slot->state = slot_state(index);
	stopped = slot->state == OGPU_SLOT_EMPTY || slot->state == OGPU_SLOT_SAVED ||
		  slot->state == OGPU_SLOT_FAILED;
	if (slot->phase == PHASE_DEAD) {
		/* It obeys after all, but its queue has failed long ago. */
		if (stopped)
			take_off_slot(index);
	} else if (slot->state == OGPU_SLOT_EMPTY) {
		slot_lost(index);
	} else if (slot->state == OGPU_SLOT_SAVED && slot->phase != PHASE_KILLING) {
		slot_saved(index, now);
	} else if (stopped) {
		slot_failed(index);
	} else if (slot->phase != PHASE_ON && now >= slot->deadline) {
		slot_disobeyed(index, now);
	}
	if (slot->phase == PHASE_ON && now >= slot->slice_end &&
	    slot->priority != slot->queue->desc.priority) {
		slot->priority = slot->queue->desc.priority;
		slot_set_priority(index, slot->priority);
	}
}

/**
 * sched_stop() - end a queue for good because the host wants it
 * @queue: any queue
 * @now: time
 *
 * The queue has stopped as soon as it is FAILED and on no slot. If it is still on a slot after
 * FAILED, the slot does not obey.
 */
void sched_stop(struct queue *queue, uint64_t now)
{
	struct ogpu_msg_queue_error error = { .error = OGPU_QERR_KILLED, .packet = queue->pos };
	struct slot *slot;

	if (queue->state == QUEUE_FAILED)
		return;
	if (queue->state == QUEUE_ACTIVE) {
		slot = &sched.slots[queue->slot];
		if (slot->phase == PHASE_KILLING)
			return;		/* failing already, for a reason of its own */
		begin_kill(queue->slot, OGPU_QERR_KILLED, now);
		return;
	}
	if (is_listed(queue))
		leave_list(queue, now);
	queue_fail(queue, &error, false);
}

/**
 * sched_suspend() - take all queues off their slots and leave the slots empty
 *
 * Takes effect in sched_run(); sched_quiet() tells when it is done.
 */
void sched_suspend(void)
{
	sched.suspended = true;
}

/**
 * sched_resume() - undo sched_suspend()
 */
void sched_resume(void)
{
	sched.suspended = false;
}

/**
 * sched_quiet() - whether no slot executes anything, or ever will
 * @obeyed: false if a slot had to be given up
 */
bool sched_quiet(bool *obeyed)
{
	unsigned int i;

	*obeyed = true;
	for (i = 0; i < sched.end[OGPU_ENGINE_COPY]; i++) {
		if (sched.slots[i].phase == PHASE_DEAD)
			*obeyed = false;
		else if (sched.slots[i].phase != PHASE_EMPTY)
			return false;
	}
	return true;
}

/* Walks the ready queues of a class in the order in which they are to be served. */
struct cursor {
	struct queue *at[OGPU_PRIORITIES];
};

static struct queue *cursor_next(struct cursor *cursor, uint64_t now)
{
	struct queue *best = NULL;
	uint8_t best_priority = 0;
	unsigned int i, from = 0;

	/* Each list is in order of time, so only its head can be the next one. */
	for (i = 0; i < OGPU_PRIORITIES; i++) {
		struct queue *q = cursor->at[i];
		uint8_t priority;

		if (!q)
			continue;
		priority = aged_priority(q, now);
		if (!best || priority > best_priority ||
		    (priority == best_priority && q->since < best->since)) {
			best = q;
			best_priority = priority;
			from = i;
		}
	}
	if (best)
		cursor->at[from] = best->next;
	return best;
}

static int find_empty(enum ogpu_engine_class engine)
{
	unsigned int i;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		if (sched.slots[i].phase == PHASE_EMPTY)
			return i;
	}
	return -1;
}

/* Such a slot obeys PREEMPT at once; one that executes may take up to SCHED_PREEMPT_NS. */
static bool stands_still(const struct slot *slot)
{
	return slot->state == OGPU_SLOT_IDLE || slot->state == OGPU_SLOT_WAITING;
}

/* How willingly a slot is given to a queue of this priority; 0: not at all. */
static unsigned int willingness(const struct slot *slot, uint8_t priority, uint64_t now)
{
	if (slot->phase != PHASE_ON)
		return 0;
	if (slot->state == OGPU_SLOT_IDLE)
		return 4;
	if (slot->state == OGPU_SLOT_WAITING)
		return 3;
	if (slot->priority < priority)
		return 2;
	return now >= slot->slice_end && slot->priority == priority ? 1 : 0;
}

static int find_victim(enum ogpu_engine_class engine, uint8_t priority, uint64_t now)
{
	unsigned int i, will, best_will = 0;
	const struct slot *slot, *best = NULL;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		slot = &sched.slots[i];
		will = willingness(slot, priority, now);
		if (!will || will < best_will)
			continue;
		if (will == best_will &&
		    (slot->priority > best->priority ||
		     (slot->priority == best->priority && slot->slice_end >= best->slice_end)))
			continue;
		best = slot;
		best_will = will;
	}
	return best ? best - sched.slots : -1;
}

/* Counts the slots that are being cleared: those that will be empty at once, or the others. */
static unsigned int count_leaving(enum ogpu_engine_class engine, bool at_once)
{
	unsigned int i, count = 0;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		const struct slot *slot = &sched.slots[i];

		if ((slot->phase == PHASE_PREEMPTING || slot->phase == PHASE_KILLING) &&
		    stands_still(slot) == at_once)
			count++;
	}
	return count;
}

static void unpark(enum ogpu_engine_class engine, uint64_t now)
{
	struct queue *q;

	while ((q = sched.parked[engine].first) && q->since <= now) {
		queue_list_leave(q);
		make_ready(q, now);
	}
}

/* Gives slots to those who wait, and makes room for those who get none. */
static void place(enum ogpu_engine_class engine, uint64_t now)
{
	unsigned int leaving_now = count_leaving(engine, true);
	unsigned int leaving_later = count_leaving(engine, false);
	struct cursor cursor;
	struct queue *q;
	unsigned int i;
	int index;

	unpark(engine, now);
	for (i = 0; i < OGPU_PRIORITIES; i++)
		cursor.at[i] = sched.ready[engine][i].first;

	while ((q = cursor_next(&cursor, now))) {
		index = find_empty(engine);
		if (index >= 0) {
			put_on_slot(index, q, now);
			continue;
		}
		if (leaving_now) {	/* a slot is being cleared for this one */
			leaving_now--;
			continue;
		}
		index = find_victim(engine, aged_priority(q, now), now);
		/* Likewise, but that may take long: a slot that stands still is better. */
		if (leaving_later && (index < 0 || !stands_still(&sched.slots[index]))) {
			leaving_later--;
			continue;
		}
		if (index < 0)
			break;
		begin_preempt(index, now);
	}

	/* Nobody else wants the slots that are left: no need to let parked queues wait longer. */
	while ((q = sched.parked[engine].first)) {
		index = find_empty(engine);
		if (index < 0)
			break;
		put_on_slot(index, q, now);
	}
}

/**
 * sched_run() - look at all slots and do what is to be done
 * @now: time
 *
 * To be called after anything changed and when sched_deadline() has come.
 */
void sched_run(uint64_t now)
{
	unsigned int i;

	for (i = 0; i < sched.end[OGPU_ENGINE_COPY]; i++)
		check_slot(i, now);
	if (sched.suspended) {
		for (i = 0; i < sched.end[OGPU_ENGINE_COPY]; i++) {
			if (sched.slots[i].phase == PHASE_ON)
				begin_preempt(i, now);
		}
		return;
	}
	for (i = 0; i < OGPU_ENGINE_CLASSES; i++)
		place(i, now);
}

static bool anybody_waits(enum ogpu_engine_class engine)
{
	unsigned int i;

	for (i = 0; i < OGPU_PRIORITIES; i++) {
		if (sched.ready[engine][i].first)
			return true;
	}
	return false;
}

static uint64_t slot_deadline(const struct slot *slot, bool waited_for, uint64_t now)
{
	switch (slot->phase) {
	case PHASE_PREEMPTING:
	case PHASE_KILLING:
		return slot->deadline;
	case PHASE_ON:
		if (!waited_for)
			return CLOCK_NEVER;
		/* After the slice its queue has more priority: see again when others have aged. */
		return slot->slice_end > now ? slot->slice_end : now + SCHED_SLICE_NS;
	default:
		return CLOCK_NEVER;
	}
}

/**
 * sched_deadline() - when sched_run() is to be called next although nothing changes
 * @now: time
 *
 * Return: a time, CLOCK_NEVER if never.
 */
uint64_t sched_deadline(uint64_t now)
{
	uint64_t deadline = CLOCK_NEVER;
	unsigned int engine, i;

	for (engine = 0; engine < OGPU_ENGINE_CLASSES; engine++) {
		bool waited_for = !sched.suspended && anybody_waits(engine);

		for (i = sched.first[engine]; i < sched.end[engine]; i++)
			deadline = clock_earlier(deadline, slot_deadline(&sched.slots[i],
									 waited_for, now));
		if (sched.parked[engine].first && !sched.suspended)
			deadline = clock_earlier(deadline, sched.parked[engine].first->since);
	}
	return deadline;
}

/**
 * sched_queue_busy_ns() - time that a queue has spent executing
 * @queue: any queue
 */
uint64_t sched_queue_busy_ns(const struct queue *queue)
{
	if (queue->slot == QUEUE_NO_SLOT)
		return queue->busy_ns;
	return queue->busy_ns + slot_busy_ns(queue->slot);
}

/**
 * sched_queue_unit_ns() - time that a queue has had a workgroup on a unit
 * @queue: any queue
 */
uint64_t sched_queue_unit_ns(const struct queue *queue)
{
	if (queue->slot == QUEUE_NO_SLOT)
		return queue->unit_ns;
	return queue->unit_ns + slot_unit_ns(queue->slot);
}

/**
 * sched_queue_waited_ns() - time that a queue with work has spent waiting for a slot
 * @queue: any queue
 * @now: time
 *
 * A parked queue waits for memory, not for a slot, until it is to be tried again.
 */
uint64_t sched_queue_waited_ns(const struct queue *queue, uint64_t now)
{
	if (queue->state != QUEUE_READY)
		return queue->waited_ns;
	return queue->waited_ns + now - queue->since;
}

/**
 * sched_queue_executing() - whether a queue is on a slot and has something to do there
 * @queue: any queue
 */
bool sched_queue_executing(const struct queue *queue)
{
	return queue->state == QUEUE_ACTIVE && slot_state(queue->slot) != OGPU_SLOT_IDLE;
}

/**
 * sched_class_busy_ns() - time that all slots of a class have spent executing
 * @engine: which
 */
uint64_t sched_class_busy_ns(enum ogpu_engine_class engine)
{
	uint64_t sum = sched.busy_ns[engine];
	unsigned int i;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		if (sched.slots[i].queue)
			sum += slot_busy_ns(i);
	}
	return sum;
}
