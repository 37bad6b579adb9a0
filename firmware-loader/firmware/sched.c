// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The scheduler: see sched.h for the policy. */
#include "sched.h"

#include <stddef.h>
#include <string.h>

#include "abi/packet.h"
#include "clock.h"
#include "control.h"
#include "sched_priv.h"
#include "slot.h"

struct sched sched;

/* All slots, those of class COPY after the others. */
static unsigned int slot_count(void)
{
	return sched.end[OGPU_ENGINE_COPY];
}

/**
 * sched_find_empty() - find a slot that has no queue
 * @engine: its class
 *
 * Return: its number, -1 if there is none.
 */
int sched_find_empty(enum ogpu_engine_class engine)
{
	unsigned int i;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		if (sched.slots[i].phase == PHASE_EMPTY)
			return i;
	}
	return -1;
}

static void make_ready(struct queue *q, uint64_t now)
{
	q->state = QUEUE_READY;
	sched_turn_begins(q, now);
	/* One that gets a slot at once shows that. */
	if (sched.suspended || sched_find_empty(q->desc.engine) < 0)
		control_publish(q, now);
}

/* A ready queue gets a slot, or is not ready any more; the caller changes its state. */
static void leave_ready(struct queue *q, uint64_t now)
{
	queue_list_leave(q);
	q->waited_ns = sched_queue_waited_ns(q, now);
}

static void watch(struct queue *q, const struct slot_wait *wait)
{
	q->watched = true;
	slot_watch(q, wait);
}

/* If only slots can read the write pointer, have it watched: a doorbell may have come too early. */
static void watch_wptr(struct queue *q)
{
	struct slot_wait wait = {
		.addr = q->desc.wptr,
		.value = q->pos,
		.mask = UINT64_MAX,
		.compare = OGPU_COMPARE_NE,
	};

	if (queue_is_virtual(q))
		watch(q, &wait);
}

static void unwatch(struct queue *q)
{
	if (q->watched)
		slot_unwatch(q);
	q->watched = false;
}

static void fail_queue(struct queue *q, const struct queue_error *error, bool tell,
		       uint64_t now)
{
	queue_fail(q, error, tell);
	control_publish(q, now);
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
	sched.sweep = QUEUE_MAX;
}

/**
 * sched_class_slots() - how many slots of a class the card has
 * @engine: which
 */
unsigned int sched_class_slots(enum ogpu_engine_class engine)
{
	return sched.end[engine] - sched.first[engine];
}

/**
 * sched_check_work() - a queue may have got work: its doorbell was rung, or its watch
 * @queue: any queue; one that is on a slot has been told by hardware
 * @rung: by its doorbell, which is all there is to go by if only a slot can read its write pointer
 * @now: time
 */
void sched_check_work(struct queue *queue, bool rung, uint64_t now)
{
	if (queue->state == QUEUE_PARKED) {
		/* What it waits for holds, or software has changed its mind: its slot will see. */
		unwatch(queue);
		make_ready(queue, now);
	} else if (queue->state == QUEUE_IDLE &&
		   (slot_queue_has_work(queue) || (rung && queue_is_virtual(queue)))) {
		unwatch(queue);
		make_ready(queue, now);
	}
}

/**
 * sched_add() - a queue has been created
 * @queue: idle, or failed before it was restored
 * @now: time
 */
void sched_add(struct queue *queue, uint64_t now)
{
	sched_check_work(queue, false, now);
	if (queue->state == QUEUE_IDLE)
		watch_wptr(queue);
	if (queue->state != QUEUE_READY)
		control_publish(queue, now);
}

/* Brings the control page of a queue on a slot up to date. */
static void show(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	slot->shown = slot->state;
	slot->shown_ns = slot_busy_ns(index);
	slot->shown_at = now;
	control_publish(slot->queue, now);
}

/* Whether the control page of a queue on a slot shows something else. */
static bool is_news(unsigned int index)
{
	const struct slot *slot = &sched.slots[index];

	return slot->state != slot->shown || slot_busy_ns(index) != slot->shown_ns;
}

/**
 * sched_put_on_slot() - give a slot to a queue that waits for one
 * @index: an empty slot
 * @q: the queue
 * @priority: of the queue, perhaps raised for one slice
 * @now: time
 */
void sched_put_on_slot(unsigned int index, struct queue *q, uint8_t priority, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	uint64_t slice = slice_ns(q);

	if (priority > q->desc.priority && slice > SCHED_SLICE_NS)
		slice = SCHED_SLICE_NS;
	slot->priority = priority;
	slot->waited_ns = now - q->since;
	leave_ready(q, now);
	slot->phase = PHASE_ON;
	slot->state = OGPU_SLOT_RUNNING;
	slot->queue = q;
	slot->slice_end = now + slice;
	q->state = QUEUE_ACTIVE;
	q->slot = index;
	q->switches++;
	slot_start(index, q, slot->priority);
	show(index, now);
}

/* It has been told to stop and has so much time for that. */
static void be_patient(struct slot *slot, uint64_t ns, uint64_t now)
{
	slot->patience = ns;
	slot->looked = now;
}

/*
 * Whether a slot that still does not obey has had its time. If we were not run for long, nor was
 * a slot of a virtual GPU perhaps: that counts as one look.
 */
static bool is_out_of_patience(struct slot *slot, uint64_t now)
{
	uint64_t passed = now - slot->looked;

	if (passed > SCHED_LOOK_NS)
		passed = SCHED_LOOK_NS;
	slot->looked = now;
	slot->patience -= passed < slot->patience ? passed : slot->patience;
	return !slot->patience;
}

/**
 * sched_begin_preempt() - tell a slot to stop and save what it does
 * @index: a slot with a queue that it was not told to stop
 * @now: time
 */
void sched_begin_preempt(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	slot->phase = PHASE_PREEMPTING;
	slot->stopped = slot->state;
	slot->told = now;
	be_patient(slot, SCHED_PREEMPT_NS, now);
	slot_command(index, OGPU_SLOT_CMD_PREEMPT);
}

static void begin_kill(unsigned int index, enum ogpu_queue_error why, uint64_t now)
{
	struct slot *slot = &sched.slots[index];

	if (slot->phase == PHASE_ON)
		slot->told = now;
	slot->phase = PHASE_KILLING;
	slot->kill_error = why;
	be_patient(slot, SCHED_KILL_NS, now);
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

/* Decides what becomes of a queue that has left its slot, or that the host lets go on. */
static void settle(struct queue *q, bool has_work, uint64_t now)
{
	q->state = QUEUE_IDLE;
	if (q->suspended)
		q->state = QUEUE_SUSPENDED;
	else if (q->faulted)
		q->state = QUEUE_FAULTED;
	else if (has_work && queue_is_virtual(q))
		make_ready(q, now);
	else
		sched_check_work(q, false, now);
	if (q->state == QUEUE_IDLE)
		watch_wptr(q);
	control_publish(q, now);
}

static void slot_saved(unsigned int index, uint64_t now)
{
	bool idle = sched.slots[index].stopped == OGPU_SLOT_IDLE;
	struct slot_wait wait;
	struct queue *q;
	bool waiting;

	slot_save(index, sched.slots[index].queue);
	waiting = slot_wait(index, &wait);
	q = sched.slots[index].queue;
	if (idle || waiting || q->suspended || q->faulted)
		sched_turn_even(q);
	else
		sched_turn_ends(q, slot_unit_ns(index),
				sched.slots[index].waited_ns + slot_busy_ns(index));
	take_off_slot(index);
	/* From now on doorbells come to firmware; what was rung before is in memory. */
	if (!waiting || q->suspended || q->faulted) {
		settle(q, !idle, now);
		return;
	}
	q->state = QUEUE_PARKED;
	watch(q, &wait);
	control_publish(q, now);
}

static void slot_failed(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	struct queue_error error = { 0 };
	bool killing = slot->phase == PHASE_KILLING;
	enum ogpu_queue_error kill_error = slot->kill_error;
	struct queue *q;

	slot_save(index, slot->queue);
	slot_error(index, &error);
	if (killing && (error.error == OGPU_QERR_NONE || error.error == OGPU_QERR_KILLED)) {
		error.error = kill_error;
		error.pc = slot->queue->error.pc;
	} else if (error.error == OGPU_QERR_NONE) {
		error.error = OGPU_QERR_ENGINE;
	}
	q = take_off_slot(index);
	/* A host that asked for it is answered, not told. */
	fail_queue(q, &error, !killing || error.error != OGPU_QERR_KILLED, now);
}

/* The engines were reset under the scheduler: what the queue was doing is lost. */
static void slot_lost(unsigned int index, uint64_t now)
{
	struct queue_error error = { .error = OGPU_QERR_ENGINE };
	enum phase phase = sched.slots[index].phase;
	struct queue *q;

	/* What the host asked for it gets all the same. */
	if (phase == PHASE_KILLING)
		error.error = sched.slots[index].kill_error;
	q = take_off_slot(index);
	error.packet = q->pos;
	q->held = 0;
	if (phase != PHASE_DEAD)
		fail_queue(q, &error, error.error != OGPU_QERR_KILLED, now);
}

static void slot_disobeyed(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	struct queue_error error = { .error = OGPU_QERR_ENGINE };

	if (slot->phase == PHASE_PREEMPTING) {
		begin_kill(index, OGPU_QERR_ENGINE, now);
		return;
	}
	slot->phase = PHASE_DEAD;
	error.packet = slot->queue->pos;
	slot->queue->held = 0;
	fail_queue(slot->queue, &error, true, now);
}

static void slot_faulted(unsigned int index, uint64_t now)
{
	struct queue_error error = { 0 };

	slot_error(index, &error);
	queue_fault(sched.slots[index].queue, &error);
	show(index, now);
}

/**
 * sched_slice_is_over() - whether a queue has had its time slice
 * @index: the slot that it is on
 * @now: time
 *
 * Units were part of it: hardware may let it wait for one for a while.
 */
bool sched_slice_is_over(unsigned int index, uint64_t now)
{
	const struct slot *slot = &sched.slots[index];

	if (now < slot->slice_end)
		return false;
	return now >= slot->slice_end + SCHED_TURN_NS ||
	       slot_unit_ns(index) >= slice_ns(slot->queue) / SCHED_TURN_PART;
}

static void check_slot(unsigned int index, uint64_t now)
{
	struct slot *slot = &sched.slots[index];
	bool stopped;

	if (slot->phase == PHASE_EMPTY)
		return;
	slot->state = slot_state(index);
	/* Not EMPTY: then a reset is under way, whose end is told. */
	stopped = slot->state == OGPU_SLOT_SAVED || slot->state == OGPU_SLOT_FAILED;
	if (slot->phase == PHASE_DEAD) {
		/* It obeys after all, but its queue has failed long ago. */
		if (stopped || slot->state == OGPU_SLOT_EMPTY)
			take_off_slot(index);
	} else if (slot->state == OGPU_SLOT_SAVED && slot->phase != PHASE_KILLING) {
		slot_saved(index, now);
	} else if (stopped) {
		slot_failed(index, now);
	} else if (slot->phase != PHASE_ON && is_out_of_patience(slot, now)) {
		slot_disobeyed(index, now);
	} else if (slot->state == OGPU_SLOT_FAULTED && !slot->queue->faulted) {
		slot_faulted(index, now);
	} else if (slot->state == OGPU_SLOT_IDLE && now - slot->shown_at >= SCHED_SHOW_NS &&
		   is_news(index)) {
		show(index, now);
	}
	if (slot->phase == PHASE_ON && slot->priority != slot->queue->desc.priority &&
	    sched_slice_is_over(index, now)) {
		slot->priority = slot->queue->desc.priority;
		slot_set_priority(index, slot->priority);
	}
}

/* Undoes what goes with a state; the caller gives the queue, which is on no slot, another one. */
static void leave_state(struct queue *q, uint64_t now)
{
	if (q->state == QUEUE_READY)
		leave_ready(q, now);
	unwatch(q);
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
	struct queue_error error = {
		.error = OGPU_QERR_KILLED, .packet = queue->pos, .pc = queue->error.pc,
	};
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
	leave_state(queue, now);
	fail_queue(queue, &error, false, now);
}

/**
 * sched_queue_suspend() - take a queue off its slot and keep it off
 * @queue: any queue
 * @now: time
 *
 * It is done as soon as the queue is on no slot. One that has failed stays as it is.
 */
void sched_queue_suspend(struct queue *queue, uint64_t now)
{
	if (queue->state == QUEUE_FAILED || queue->suspended)
		return;
	queue->suspended = true;
	if (queue->state == QUEUE_ACTIVE) {
		if (sched.slots[queue->slot].phase == PHASE_ON)
			sched_begin_preempt(queue->slot, now);
		return;
	}
	leave_state(queue, now);
	queue->state = QUEUE_SUSPENDED;
	control_publish(queue, now);
}

/**
 * sched_queue_resume() - let a queue go on that was suspended or stands at a fault
 * @queue: any queue; nothing happens to others
 * @now: time
 *
 * An access that faulted is tried again; if it faults again the host is told again.
 */
void sched_queue_resume(struct queue *queue, uint64_t now)
{
	struct slot *slot;
	bool faulted = queue->faulted;

	if (queue->state == QUEUE_FAILED || (!queue->suspended && !faulted))
		return;
	queue->suspended = false;
	if (faulted) {
		queue_list_leave(queue);	/* if not told yet, it is not told at all */
		queue->faulted = false;
		queue->error = (struct queue_error) { .pc = queue->error.pc };
	}
	if (queue->state != QUEUE_ACTIVE) {
		settle(queue, true, now);
		return;
	}
	slot = &sched.slots[queue->slot];
	if (faulted && slot->phase == PHASE_ON) {
		slot->state = OGPU_SLOT_RUNNING;
		slot_command(queue->slot, OGPU_SLOT_CMD_RESUME);
		show(queue->slot, now);
	}
}

/**
 * sched_suspend() - take all queues off their slots and leave the slots empty
 *
 * Takes effect in sched_run(); sched_quiet() tells when it is done.
 */
void sched_suspend(void)
{
	sched.suspended = true;
	sched.sweep = 0;
}

/**
 * sched_resume() - undo sched_suspend()
 */
void sched_resume(void)
{
	sched.suspended = false;
	sched.sweep = 0;
}

static bool slots_quiet(bool *obeyed)
{
	unsigned int i;

	*obeyed = true;
	for (i = 0; i < slot_count(); i++) {
		if (sched.slots[i].phase == PHASE_DEAD)
			*obeyed = false;
		else if (sched.slots[i].phase != PHASE_EMPTY)
			return false;
	}
	return true;
}

/**
 * sched_quiet() - whether no slot executes anything, or ever will, and all control pages say so; or
 *	sched_resume() came before, and nobody needs to wait for that any more
 * @obeyed: false if a slot had to be given up
 */
bool sched_quiet(bool *obeyed)
{
	return (slots_quiet(obeyed) && sched.sweep >= QUEUE_MAX) || !sched.suspended;
}

/* After all queues were suspended or resumed, some of their control pages in each round. */
static void sweep(uint64_t now)
{
	uint32_t end = sched.sweep + SCHED_SWEEP;
	struct queue *q;
	bool obeyed;

	if (sched.sweep >= QUEUE_MAX || (sched.suspended && !slots_quiet(&obeyed)))
		return;
	for (; sched.sweep < end; sched.sweep++) {
		q = queue_find(sched.sweep);
		if (q)
			control_publish(q, now);
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

	if (slot_reset_seen()) {
		for (i = 0; i < slot_count(); i++) {
			if (sched.slots[i].phase != PHASE_EMPTY)
				slot_lost(i, now);
		}
		slot_reset_done();
	}
	for (i = 0; i < slot_count(); i++)
		check_slot(i, now);
	sweep(now);
	if (sched.suspended) {
		for (i = 0; i < slot_count(); i++) {
			if (sched.slots[i].phase == PHASE_ON)
				sched_begin_preempt(i, now);
		}
		return;
	}
	for (i = 0; i < OGPU_ENGINE_CLASSES; i++)
		sched_place(i, now);
}

static bool anybody_waits(enum ogpu_engine_class engine)
{
	unsigned int i, j;

	for (i = 0; i < OGPU_PRIORITIES; i++) {
		for (j = 0; j < SCHED_TURN_LISTS; j++) {
			if (sched.ready[engine][i][j].first)
				return true;
		}
	}
	return false;
}

static uint64_t slot_deadline(const struct slot *slot, bool waited_for, uint64_t now)
{
	switch (slot->phase) {
	case PHASE_PREEMPTING:
	case PHASE_KILLING:
		return now + (slot->patience < SCHED_LOOK_NS ? slot->patience : SCHED_LOOK_NS);
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
	bool obeyed;

	for (engine = 0; engine < OGPU_ENGINE_CLASSES; engine++) {
		bool waited_for = !sched.suspended && anybody_waits(engine);

		for (i = sched.first[engine]; i < sched.end[engine]; i++)
			deadline = clock_earlier(deadline, slot_deadline(&sched.slots[i],
									 waited_for, now));
	}
	/* Control pages are left to write: go on as soon as everything else has had its turn. */
	if (sched.sweep < QUEUE_MAX && (!sched.suspended || slots_quiet(&obeyed)))
		deadline = clock_earlier(deadline, now + 1);
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
 * A parked queue waits for memory, not for a slot.
 */
uint64_t sched_queue_waited_ns(const struct queue *queue, uint64_t now)
{
	if (queue->state != QUEUE_READY)
		return queue->waited_ns;
	return queue->waited_ns + now - queue->since;
}

/**
 * sched_queue_state() - how a queue stands, as the host sees it
 * @queue: any queue
 */
enum ogpu_queue_run_state sched_queue_state(const struct queue *queue)
{
	static const enum ogpu_queue_run_state on_no_slot[] = {
		[QUEUE_IDLE] = OGPU_QUEUE_IDLE,
		[QUEUE_READY] = OGPU_QUEUE_READY,
		[QUEUE_PARKED] = OGPU_QUEUE_WAITING,
		[QUEUE_SUSPENDED] = OGPU_QUEUE_SUSPENDED,
		[QUEUE_FAULTED] = OGPU_QUEUE_FAULTED,
	};

	if (queue->state == QUEUE_FAILED)
		return OGPU_QUEUE_FAILED;
	if (queue->state != QUEUE_ACTIVE)
		return sched.suspended ? OGPU_QUEUE_SUSPENDED : on_no_slot[queue->state];
	switch (slot_state(queue->slot)) {
	case OGPU_SLOT_IDLE:
		return OGPU_QUEUE_IDLE;
	case OGPU_SLOT_WAITING:
		return OGPU_QUEUE_WAITING;
	case OGPU_SLOT_FAULTED:
		return OGPU_QUEUE_FAULTED;
	default:
		return OGPU_QUEUE_RUNNING;
	}
}

/**
 * sched_refresh() - bring the control pages of queues on slots up to date
 * @now: time
 *
 * To be called every OGPU_CONTROL_REFRESH_MS. Where nothing has changed nothing is written.
 */
void sched_refresh(uint64_t now)
{
	unsigned int i;

	for (i = 0; i < slot_count(); i++) {
		struct slot *slot = &sched.slots[i];

		if (slot->queue && slot->phase != PHASE_DEAD && is_news(i))
			show(i, now);
	}
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
