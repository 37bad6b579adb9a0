// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A queue slot: its states, its thread, the orders it gets, and what it sleeps for.
 *
 * Each slot has a thread that sleeps while there is nothing to do. START and CLEAR take effect at
 * once; PREEMPT, KILL and reset are orders (slot.stop) that the thread carries out as soon as
 * it can, so that whoever gives them never waits and is interrupted when it is done.
 */
#include <errno.h>
#include <string.h>

#include "abi/mbox.h"
#include "clock.h"
#include "engines.h"

#define LATE_NS		100000000u	/* if the host runs our threads, an order needs far less */
#define LATE_WAIT_NS	20000000u
#define LATE_LOOK_NS	1000000u	/* less than firmware has between two looks at its slots */

/**
 * slot_unit_ns() - Time with a workgroup on a unit, or executing other packets.
 * @slot: the slot, locked
 *
 * Return: that time since START.
 */
uint64_t slot_unit_ns(const struct slot *slot)
{
	return slot->unit_ns +
	       (slot->unit_users ? vgpu_time_ns(slot->gpu) - slot->unit_since : 0);
}

static void unit_begin(struct slot *slot, uint64_t now)
{
	if (!slot->unit_users++)
		slot->unit_since = now;
}

static void unit_end(struct slot *slot, uint64_t now)
{
	if (!--slot->unit_users)
		slot->unit_ns += now - slot->unit_since;
}

/**
 * slot_unit_begin() - A unit, or the slot itself, executes for its queue.
 * @slot: the slot, not locked
 */
void slot_unit_begin(struct slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	unit_begin(slot, vgpu_time_ns(slot->gpu));
	pthread_mutex_unlock(&slot->lock);
}

/**
 * slot_unit_end() - It does not any more.
 * @slot: the slot, not locked
 */
void slot_unit_end(struct slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	unit_end(slot, vgpu_time_ns(slot->gpu));
	pthread_mutex_unlock(&slot->lock);
}

/**
 * slot_count() - Add to what COUNTERS tells.
 * @slot: the slot, not locked
 * @more: OGPU_COUNTERS numbers
 */
void slot_count(struct slot *slot, const uint64_t *more)
{
	pthread_mutex_lock(&slot->lock);
	for (unsigned int i = 0; i < OGPU_COUNTERS; i++)
		slot->counter[i] += more[i];
	pthread_mutex_unlock(&slot->lock);
}

/**
 * slot_count_bytes() - A packet has moved bytes, or the slot's thread has walked page tables.
 * @slot: the slot, whose thread calls this
 * @read: bytes
 * @written: bytes
 */
void slot_count_bytes(struct slot *slot, uint64_t read, uint64_t written)
{
	const uint64_t more[OGPU_COUNTERS] = {
		[OGPU_COUNTER_BYTES_READ] = read, [OGPU_COUNTER_BYTES_WRITTEN] = written,
		[OGPU_COUNTER_TLB_MISSES] = slot->mmu.walks - slot->walks,
	};

	slot->walks = slot->mmu.walks;
	slot_count(slot, more);
}

/**
 * slot_set_state() - Change the state and account the time.
 * @slot: the slot, locked
 * @state: new state
 *
 * Return: true if the management core has to be told, by tell() without the lock.
 */
bool slot_set_state(struct slot *slot, enum ogpu_slot_state state)
{
	uint64_t now = vgpu_time_ns(slot->gpu), ran;

	if (slot->state == state)
		return false;
	if (slot->state == OGPU_SLOT_RUNNING) {
		ran = now - slot->busy_since;
		slot->busy_ns += ran;
		slot->busy_total += ran;
		unit_end(slot, now);
	}
	if (state == OGPU_SLOT_RUNNING) {
		slot->busy_since = now;
		unit_begin(slot, now);
	}
	slot->shown = slot->context;
	slot->state = state;
	return state != OGPU_SLOT_RUNNING && state != OGPU_SLOT_EMPTY;
}

/**
 * slot_busy() - Time spent RUNNING.
 * @slot: the slot, locked
 * @ended: what the stretches that are over took
 *
 * Return: @ended and the stretch that is under way.
 */
uint64_t slot_busy(const struct slot *slot, uint64_t ended)
{
	if (slot->state != OGPU_SLOT_RUNNING)
		return ended;
	return ended + vgpu_time_ns(slot->gpu) - slot->busy_since;
}

static void tell(struct slot *slot, bool needed)
{
	static const char *const names[] = {
		"empty", "running", "idle", "waiting", "saved", "failed", "faulted"
	};
	struct mc *mc = vgpu_mc(slot->gpu);

	if (!needed)
		return;
	vgpu_trace(slot->gpu, TRACE_STATE, "slot %u %s error %u", slot->index,
		   names[slot->state], slot->failure.error);
	if (mc)
		mc_slot_irq(mc, slot->index);
}

/* --- for the command processor ---------------------------------------------------------------- */

static void running(struct slot *slot)
{
	if (atomic_load(&slot->stop))
		return;
	pthread_mutex_lock(&slot->lock);
	slot_set_state(slot, OGPU_SLOT_RUNNING);
	pthread_mutex_unlock(&slot->lock);
	sensors_work(vgpu_sensors(slot->gpu));
}

static bool idle(const struct slot *slot)
{
	return !slot->rung && !slot->rung_wptr && !atomic_load(&slot->stop);
}

/**
 * slot_wait_idle() - The ring is empty: sleep until that may have changed.
 * @slot: the slot, whose thread calls this
 * @wptr: set if a doorbell told the write pointer
 *
 * Returns at once if a doorbell rang since the last call: the slot never became idle then.
 *
 * Return: what has changed.
 */
enum slot_news slot_wait_idle(struct slot *slot, uint64_t *wptr)
{
	enum slot_news news = NEWS_LOOK;
	bool needed = false, slept;

	pthread_mutex_lock(&slot->lock);
	slept = idle(slot);
	if (slept)
		needed = slot_set_state(slot, OGPU_SLOT_IDLE);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);

	pthread_mutex_lock(&slot->lock);
	while (idle(slot))
		pthread_cond_wait(&slot->wake, &slot->lock);
	if (slot->rung_wptr && !slot->rung) {
		news = NEWS_WPTR;
		*wptr = slot->wptr;
	}
	slot->rung = false;
	slot->rung_wptr = false;
	pthread_mutex_unlock(&slot->lock);
	if (slept)
		running(slot);
	return news;
}

/* Under which number the watcher knows a slot. */
static unsigned int watch_id(const struct slot *slot)
{
	return vgpu_config(slot->gpu)->doorbells + slot->index;
}

/**
 * slot_wait_memory() - A WAIT does not hold yet: sleep until that may have changed.
 * @slot: the slot, whose thread calls this
 * @what: the condition
 *
 * Return: false if the slot has other orders.
 */
bool slot_wait_memory(struct slot *slot, const struct engines_condition *what)
{
	bool needed = false, stop;

	pthread_mutex_lock(&slot->lock);
	slot->wait = *what;
	slot->wait_valid = true;
	slot->recheck = false;
	stop = atomic_load(&slot->stop);
	if (!stop)
		needed = slot_set_state(slot, OGPU_SLOT_WAITING);
	pthread_mutex_unlock(&slot->lock);
	if (stop)
		return false;
	tell(slot, needed);

	watch_arm(slot->eng->watcher, watch_id(slot), what);
	pthread_mutex_lock(&slot->lock);
	while (!slot->recheck && !atomic_load(&slot->stop))
		pthread_cond_wait(&slot->wake, &slot->lock);
	stop = atomic_load(&slot->stop);
	pthread_mutex_unlock(&slot->lock);
	watch_end(slot->eng->watcher, watch_id(slot));
	return !stop;
}

/**
 * slot_wait_over() - A WAIT holds: the slot goes on.
 * @slot: the slot, whose thread calls this
 */
void slot_wait_over(struct slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	slot->wait_valid = false;
	pthread_mutex_unlock(&slot->lock);
	running(slot);
}

/**
 * slot_recheck() - What a slot waits for holds, or did a moment ago.
 * @slot: the slot
 */
void slot_recheck(struct slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	slot->recheck = true;
	pthread_cond_signal(&slot->wake);
	pthread_mutex_unlock(&slot->lock);
}

/**
 * slot_stall() - Memory was refused: wait until the access shall be tried again.
 * @slot: the slot, whose thread calls this; slot.failure tells the fault
 *
 * Return: false if the slot has other orders.
 */
bool slot_stall(struct slot *slot)
{
	bool needed = false, stop;

	pthread_mutex_lock(&slot->lock);
	slot->resumed = false;
	slot->wait_valid = false;
	if (!atomic_load(&slot->stop))
		needed = slot_set_state(slot, OGPU_SLOT_FAULTED);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);

	pthread_mutex_lock(&slot->lock);
	while (!slot->resumed && !atomic_load(&slot->stop))
		pthread_cond_wait(&slot->wake, &slot->lock);
	stop = atomic_load(&slot->stop);
	memset(&slot->failure, 0, sizeof(slot->failure));
	pthread_mutex_unlock(&slot->lock);
	if (!stop)
		sensors_work(vgpu_sensors(slot->gpu));
	return !stop;
}

/* --- the slot's thread ------------------------------------------------------------------------ */

/* With the lock held: as after power-up. */
static void clear_slot(struct slot *slot)
{
	memset(&slot->queue, 0, sizeof(slot->queue));
	memset(&slot->failure, 0, sizeof(slot->failure));
	memset(&slot->context, 0, sizeof(slot->context));
	memset(&slot->shown, 0, sizeof(slot->shown));
	slot->credit_ns = 0;
	memset(slot->counter, 0, sizeof(slot->counter));
	slot->rung = false;
	slot->rung_wptr = false;
	slot->wait_valid = false;
	slot->resumed = false;
	slot_set_state(slot, OGPU_SLOT_EMPTY);
	slot->busy_ns = 0;
	slot->unit_ns = 0;
	atomic_store(&slot->priority, 0);
	atomic_store(&slot->stop, atomic_load(&slot->stop) & STOP_EXIT);
	pthread_cond_broadcast(&slot->obeyed);
}

/* With the lock held, which is released for a while: the queue leaves the slot. */
static void leave(struct slot *slot, enum step step)
{
	uint32_t stop = atomic_load(&slot->stop), doorbell = slot->queue.doorbell;
	bool needed, rung = false;

	if (step == STEP_FAIL || stop & STOP_KILL) {
		if (step != STEP_FAIL)
			slot->failure = (struct slot_failure){
				.error = OGPU_QERR_KILLED, .pc = slot->context.pc,
			};
		needed = slot_set_state(slot, OGPU_SLOT_FAILED);
	} else {
		needed = slot_set_state(slot, OGPU_SLOT_SAVED);
		rung = slot->rung || slot->rung_wptr;
	}
	slot->rung = false;
	slot->rung_wptr = false;
	atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
	pthread_cond_broadcast(&slot->obeyed);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);
	/* A doorbell that came too late for this slot is the firmware's business again. */
	if (rung && vgpu_mc(slot->gpu))
		mc_doorbell(vgpu_mc(slot->gpu), doorbell);
	pthread_mutex_lock(&slot->lock);
}

static void execute_queue(struct slot *slot)
{
	struct slot_queue queue = slot->queue;
	enum step step;

	pthread_mutex_unlock(&slot->lock);
	sensors_work(vgpu_sensors(slot->gpu));
	step = command_run(slot, &queue);
	pthread_mutex_lock(&slot->lock);
	if (!(atomic_load(&slot->stop) & (STOP_RESET | STOP_EXIT | STOP_HANG)))
		leave(slot, step);
}

static void *slot_main(void *arg)
{
	struct slot *slot = arg;
	uint32_t stop;

	pthread_mutex_lock(&slot->lock);
	for (;;) {
		stop = atomic_load(&slot->stop);
		if (stop & STOP_EXIT)
			break;
		if (stop & STOP_RESET)
			clear_slot(slot);
		else if (stop & STOP_HANG)
			pthread_cond_wait(&slot->wake, &slot->lock);
		else if (slot_live(slot->state))
			execute_queue(slot);
		else if (stop & STOP_KILL && slot->state == OGPU_SLOT_SAVED)
			leave(slot, STEP_STOP);
		else if (stop)
			atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
		else
			pthread_cond_wait(&slot->wake, &slot->lock);
	}
	pthread_mutex_unlock(&slot->lock);
	return NULL;
}

/**
 * slot_order() - Have the slot's thread do something else than it does.
 * @slot: the slot, not locked
 * @stop: STOP_* bits
 */
void slot_order(struct slot *slot, uint32_t stop)
{
	pthread_mutex_lock(&slot->lock);
	if (!(atomic_fetch_or(&slot->stop, stop) & (STOP_PREEMPT | STOP_KILL)))
		slot->ordered = vgpu_time_ns(slot->gpu);
	pthread_cond_signal(&slot->wake);
	pthread_mutex_unlock(&slot->lock);
	pool_poke(slot->eng->pool);
}

/**
 * slot_wait_late() - Whoever asks a slot that is late with an order waits for it a little.
 * @slot: the slot, locked; the lock is released for a while
 *
 * Firmware gives up a slot that it has asked often enough. If the host did not run one of our
 * threads meanwhile, as when a processor of a virtual machine is taken away for half a second, that
 * would be none of the queue's fault: so it asks less often then. It waits once for all that it
 * looks at together.
 */
void slot_wait_late(struct slot *slot)
{
	const uint64_t now = vgpu_time_ns(slot->gpu);
	const uint32_t stop = atomic_load(&slot->stop);
	struct timespec until;

	/* A slot that hangs will not obey; the other orders are nobody's who asks. */
	if (!stop || stop & ~(STOP_PREEMPT | STOP_KILL) || !slot_live(slot->state) ||
	    now - slot->ordered < LATE_NS || now < atomic_load(&slot->eng->late_ns) + LATE_LOOK_NS)
		return;
	until = clock_after(LATE_WAIT_NS);
	while (atomic_load(&slot->stop) == stop &&
	       pthread_cond_timedwait(&slot->obeyed, &slot->lock, &until) != ETIMEDOUT)
		;
	atomic_store(&slot->eng->late_ns, vgpu_time_ns(slot->gpu));
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy_sync(struct slot *slot)
{
	pthread_cond_destroy(&slot->obeyed);
	pthread_cond_destroy(&slot->wake);
	pthread_mutex_destroy(&slot->lock);
}

/**
 * slot_create() - Power up a slot.
 * @eng: the engines
 * @index: which slot
 * @class: what it executes
 *
 * Return: false if there is no thread to be had.
 */
bool slot_create(struct engines *eng, unsigned int index, enum ogpu_engine_class class)
{
	struct slot *slot = &eng->slot[index];

	slot->eng = eng;
	slot->gpu = eng->gpu;
	slot->index = index;
	slot->class = class;
	mmu_init(&slot->mmu, eng->gpu, &eng->as_table);
	pthread_mutex_init(&slot->lock, NULL);
	pthread_cond_init(&slot->wake, NULL);
	clock_cond_init(&slot->obeyed);
	if (!pthread_create(&slot->thread, NULL, slot_main, slot))
		return true;
	destroy_sync(slot);
	return false;
}

/**
 * slot_destroy() - Wait for a slot's end; it has the order STOP_EXIT.
 * @slot: the slot
 */
void slot_destroy(struct slot *slot)
{
	pthread_join(slot->thread, NULL);
	destroy_sync(slot);
}
