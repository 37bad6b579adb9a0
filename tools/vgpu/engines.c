// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queue slots: registers towards the management core, states, threads (abi/mc.h).
 *
 * Each slot has a thread that sleeps while there is nothing to do. START and CLEAR take effect at
 * once; PREEMPT, KILL and reset are orders (slot.stop) that the thread carries out as soon as
 * it can, so that whoever gives them never waits and is interrupted when it is done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/mbox.h"
#include "clock.h"
#include "engines.h"
#include "reg64.h"

static bool live(enum ogpu_slot_state state)
{
	return state == OGPU_SLOT_RUNNING || state == OGPU_SLOT_IDLE || state == OGPU_SLOT_WAITING;
}

/*
 * With the lock held: change the state and account the time. True if the management core has to
 * be told, by tell() without the lock.
 */
static bool set_state(struct slot *slot, enum ogpu_slot_state state)
{
	uint64_t now = vgpu_time_ns(slot->gpu), ran;

	if (slot->state == state)
		return false;
	if (slot->state == OGPU_SLOT_RUNNING) {
		ran = now - slot->busy_since;
		slot->busy_ns += ran;
		slot->busy_total += ran;
	}
	if (slot->state == OGPU_SLOT_WAITING)
		atomic_fetch_sub(&slot->eng->waiting, 1);
	if (state == OGPU_SLOT_WAITING)
		atomic_fetch_add(&slot->eng->waiting, 1);
	if (state == OGPU_SLOT_RUNNING)
		slot->busy_since = now;
	slot->shown = slot->context;
	slot->state = state;
	return state != OGPU_SLOT_RUNNING && state != OGPU_SLOT_EMPTY;
}

static void tell(struct slot *slot, bool needed)
{
	static const char *const names[] = {
		"empty", "running", "idle", "waiting", "saved", "failed"
	};
	struct mc *mc = vgpu_mc(slot->gpu);

	if (!needed)
		return;
	vgpu_trace(slot->gpu, TRACE_STATE, "slot %u %s error %u", slot->index,
		   names[slot->state], slot->failure.error);
	if (mc)
		mc_slot_irq(mc, slot->index);
}

static void change_state(struct slot *slot, enum ogpu_slot_state state)
{
	bool needed;

	pthread_mutex_lock(&slot->lock);
	needed = set_state(slot, state);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);
}

/* --- for the command processor ---------------------------------------------------------------- */

/**
 * slot_wait_idle() - The ring is empty: sleep until that may have changed.
 * @slot: the slot, whose thread calls this
 *
 * Return: false if the doorbell rang since the last call, so the slot never became idle.
 */
bool slot_wait_idle(struct slot *slot)
{
	bool needed;

	pthread_mutex_lock(&slot->lock);
	if (slot->rung || atomic_load(&slot->stop)) {
		slot->rung = false;
		pthread_mutex_unlock(&slot->lock);
		return false;
	}
	needed = set_state(slot, OGPU_SLOT_IDLE);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);

	pthread_mutex_lock(&slot->lock);
	while (!slot->rung && !atomic_load(&slot->stop))
		pthread_cond_wait(&slot->wake, &slot->lock);
	slot->rung = false;
	pthread_mutex_unlock(&slot->lock);
	return true;
}

/**
 * slot_wait_memory() - A WAIT does not hold yet: sleep until that may have changed.
 * @slot: the slot, whose thread calls this
 * @timeout_ns: sleep no longer than that, for changes that nobody tells about
 */
void slot_wait_memory(struct slot *slot, uint64_t timeout_ns)
{
	struct timespec until;
	bool needed;
	int err = 0;

	pthread_mutex_lock(&slot->lock);
	needed = set_state(slot, OGPU_SLOT_WAITING);
	pthread_mutex_unlock(&slot->lock);
	tell(slot, needed);

	until = clock_after(timeout_ns);
	pthread_mutex_lock(&slot->lock);
	while (!slot->rung && !slot->recheck && !atomic_load(&slot->stop) && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&slot->wake, &slot->lock, &until);
	slot->recheck = false;
	slot->rung = false;
	pthread_mutex_unlock(&slot->lock);
}

/**
 * slot_running() - The slot goes on executing after it was idle or waiting.
 * @slot: the slot, whose thread calls this
 */
void slot_running(struct slot *slot)
{
	if (!(atomic_load(&slot->stop)))
		change_state(slot, OGPU_SLOT_RUNNING);
}

/**
 * engines_memory_changed() - A queue stored something that another may wait for.
 * @eng: the engines
 */
void engines_memory_changed(struct engines *eng)
{
	if (!atomic_load(&eng->waiting))
		return;
	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		if (slot->state == OGPU_SLOT_WAITING) {
			slot->recheck = true;
			pthread_cond_signal(&slot->wake);
		}
		pthread_mutex_unlock(&slot->lock);
	}
}

/* --- the slot's thread ------------------------------------------------------------------------ */

/* With the lock held: as after power-up. */
static void clear_slot(struct slot *slot)
{
	memset(&slot->queue, 0, sizeof(slot->queue));
	memset(&slot->failure, 0, sizeof(slot->failure));
	memset(&slot->context, 0, sizeof(slot->context));
	memset(&slot->shown, 0, sizeof(slot->shown));
	slot->rung = false;
	slot->recheck = false;
	set_state(slot, OGPU_SLOT_EMPTY);
	slot->busy_ns = 0;
	atomic_store(&slot->stop, atomic_load(&slot->stop) & STOP_EXIT);
	pthread_cond_broadcast(&slot->reset_done);
}

/* With the lock held, which is released for a while: the queue leaves the slot. */
static void leave(struct slot *slot, enum step step)
{
	uint32_t stop = atomic_load(&slot->stop), doorbell = slot->queue.doorbell;
	bool needed, rung = false;

	if (step == STEP_FAIL || stop & STOP_KILL) {
		if (step != STEP_FAIL)
			slot->failure = (struct slot_failure){ .error = OGPU_QERR_KILLED };
		needed = set_state(slot, OGPU_SLOT_FAILED);
	} else {
		needed = set_state(slot, OGPU_SLOT_SAVED);
		rung = slot->rung;
	}
	slot->rung = false;
	atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
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
		else if (live(slot->state))
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

static void order(struct slot *slot, uint32_t stop)
{
	pthread_mutex_lock(&slot->lock);
	atomic_fetch_or(&slot->stop, stop);
	pthread_cond_signal(&slot->wake);
	pthread_mutex_unlock(&slot->lock);
	pool_poke(slot->eng->pool);
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy_sync(struct slot *slot)
{
	pthread_cond_destroy(&slot->reset_done);
	pthread_cond_destroy(&slot->wake);
	pthread_mutex_destroy(&slot->lock);
}

static bool start_slot(struct engines *eng, unsigned int index, enum ogpu_engine_class class)
{
	struct slot *slot = &eng->slot[index];

	slot->eng = eng;
	slot->gpu = eng->gpu;
	slot->index = index;
	slot->class = class;
	mmu_init(&slot->mmu, eng->gpu, &eng->as_table);
	pthread_mutex_init(&slot->lock, NULL);
	clock_cond_init(&slot->wake);
	pthread_cond_init(&slot->reset_done, NULL);
	if (!pthread_create(&slot->thread, NULL, slot_main, slot))
		return true;
	destroy_sync(slot);
	return false;
}

/**
 * engines_create() - Power up slots and compute units.
 * @gpu: the card
 *
 * Return: NULL if there is no memory or no thread to be had.
 */
struct engines *engines_create(struct vgpu *gpu)
{
	const struct vgpu_config *cfg = vgpu_config(gpu);
	unsigned int want = cfg->compute_slots + cfg->copy_slots;
	struct engines *eng = calloc(1, sizeof(*eng));

	if (!eng)
		return NULL;
	eng->gpu = gpu;
	eng->slot = calloc(want ? want : 1, sizeof(*eng->slot));
	eng->pool = pool_create(gpu, &eng->as_table);
	if (!eng->slot || !eng->pool)
		goto fail;
	while (eng->slots < want) {
		if (!start_slot(eng, eng->slots, eng->slots < cfg->compute_slots ?
				OGPU_ENGINE_COMPUTE : OGPU_ENGINE_COPY))
			goto fail;
		eng->slots++;
	}
	return eng;
fail:
	engines_destroy(eng);
	return NULL;
}

/**
 * engines_destroy() - Power down: stops all threads and frees everything.
 * @eng: the engines
 */
void engines_destroy(struct engines *eng)
{
	for (unsigned int i = 0; i < eng->slots; i++)
		order(&eng->slot[i], STOP_EXIT);
	for (unsigned int i = 0; i < eng->slots; i++) {
		pthread_join(eng->slot[i].thread, NULL);
		destroy_sync(&eng->slot[i]);
	}
	if (eng->pool)
		pool_destroy(eng->pool);
	free(eng->slot);
	free(eng);
}

/**
 * engines_reset() - All slots to EMPTY, whatever they do.
 * @eng: the engines
 *
 * Blocks until no slot or compute unit executes anything: some milliseconds at most.
 */
void engines_reset(struct engines *eng)
{
	for (unsigned int i = 0; i < eng->slots; i++)
		order(&eng->slot[i], STOP_RESET);
	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		while (atomic_load(&slot->stop) & STOP_RESET)
			pthread_cond_wait(&slot->reset_done, &slot->lock);
		pthread_mutex_unlock(&slot->lock);
	}
}

/* --- registers -------------------------------------------------------------------------------- */

static uint32_t status(const struct slot *slot)
{
	const struct slot_failure *f = &slot->failure;
	uint32_t value = FIELD_PREP(OGPU_SLOT_STATUS_STATE, slot->state);

	if (slot->state != OGPU_SLOT_FAILED)
		return value;
	return value | FIELD_PREP(OGPU_SLOT_STATUS_ERROR, f->error) |
	       FIELD_PREP(OGPU_SLOT_STATUS_ACCESS, f->fault.access) |
	       FIELD_PREP(OGPU_SLOT_STATUS_REASON, f->fault.reason);
}

static uint64_t busy(const struct slot *slot, uint64_t ended)
{
	if (slot->state != OGPU_SLOT_RUNNING)
		return ended;
	return ended + vgpu_time_ns(slot->gpu) - slot->busy_since;
}

static uint32_t read_reg(struct slot *slot, uint32_t reg)
{
	const bool failed = slot->state == OGPU_SLOT_FAILED;
	uint64_t ns;

	switch (reg) {
	case OGPU_SLOT_QUEUE:
		return slot->queue.queue;
	case OGPU_SLOT_DOORBELL:
		return slot->queue.doorbell;
	case OGPU_SLOT_ASID:
		return slot->queue.asid;
	case OGPU_SLOT_FLAGS:
		return slot->queue.flags;
	case OGPU_SLOT_RING_LO:
	case OGPU_SLOT_RING_HI:
		return reg64_get(slot->queue.ring, reg == OGPU_SLOT_RING_HI);
	case OGPU_SLOT_RING_SIZE:
		return slot->queue.ring_size;
	case OGPU_SLOT_RPTR_LO:
	case OGPU_SLOT_RPTR_HI:
		return reg64_get(slot->queue.rptr, reg == OGPU_SLOT_RPTR_HI);
	case OGPU_SLOT_WPTR_LO:
	case OGPU_SLOT_WPTR_HI:
		return reg64_get(slot->queue.wptr, reg == OGPU_SLOT_WPTR_HI);
	case OGPU_SLOT_STATUS:
		return status(slot);
	case OGPU_SLOT_FAULT_VA_LO:
	case OGPU_SLOT_FAULT_VA_HI:
		return failed ? reg64_get(slot->failure.fault.va, reg == OGPU_SLOT_FAULT_VA_HI) : 0;
	case OGPU_SLOT_FAULT_PC_LO:
	case OGPU_SLOT_FAULT_PC_HI:
		return failed ? reg64_get(slot->failure.pc, reg == OGPU_SLOT_FAULT_PC_HI) : 0;
	case OGPU_SLOT_DETAIL:
		return failed ? slot->failure.detail : 0;
	case OGPU_SLOT_BUSY_LO:
		ns = busy(slot, slot->busy_ns);
		slot->busy_hi = ns >> 32;
		return (uint32_t)ns;
	case OGPU_SLOT_BUSY_HI:
		return slot->busy_hi;
	case OGPU_SLOT_POS_LO:
	case OGPU_SLOT_POS_HI:
		return reg64_get(slot->shown.pos, reg == OGPU_SLOT_POS_HI);
	case OGPU_SLOT_CONTEXT0:
		return slot->shown.context0;
	case OGPU_SLOT_CONTEXT1:
	case OGPU_SLOT_CONTEXT2:
		return reg64_get(slot->shown.context12, reg == OGPU_SLOT_CONTEXT2);
	default:
		return 0;
	}
}

/* While EMPTY only. */
static void write_descriptor(struct slot *slot, uint32_t reg, uint32_t value)
{
	struct slot_queue *q = &slot->queue;

	switch (reg) {
	case OGPU_SLOT_QUEUE:
		q->queue = value;
		break;
	case OGPU_SLOT_DOORBELL:
		q->doorbell = value;
		break;
	case OGPU_SLOT_ASID:
		q->asid = value;
		break;
	case OGPU_SLOT_FLAGS:
		q->flags = value;
		break;
	case OGPU_SLOT_RING_SIZE:
		q->ring_size = value;
		break;
	case OGPU_SLOT_RING_LO:
	case OGPU_SLOT_RING_HI:
		reg64_set(&q->ring, value, reg == OGPU_SLOT_RING_HI);
		break;
	case OGPU_SLOT_RPTR_LO:
	case OGPU_SLOT_RPTR_HI:
		reg64_set(&q->rptr, value, reg == OGPU_SLOT_RPTR_HI);
		break;
	case OGPU_SLOT_WPTR_LO:
	case OGPU_SLOT_WPTR_HI:
		reg64_set(&q->wptr, value, reg == OGPU_SLOT_WPTR_HI);
		break;
	case OGPU_SLOT_POS_LO:
	case OGPU_SLOT_POS_HI:
		reg64_set(&slot->context.pos, value, reg == OGPU_SLOT_POS_HI);
		break;
	case OGPU_SLOT_CONTEXT0:
		slot->context.context0 = value;
		break;
	case OGPU_SLOT_CONTEXT1:
	case OGPU_SLOT_CONTEXT2:
		reg64_set(&slot->context.context12, value, reg == OGPU_SLOT_CONTEXT2);
		break;
	default:
		break;
	}
	slot->shown = slot->context;
}

/* With the lock held. */
static void start(struct slot *slot)
{
	if (slot->state != OGPU_SLOT_EMPTY)
		return;
	atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
	memset(&slot->failure, 0, sizeof(slot->failure));
	slot->rung = false;
	slot->busy_ns = 0;
	set_state(slot, OGPU_SLOT_RUNNING);
	pthread_cond_signal(&slot->wake);
}

static void command(struct slot *slot, uint32_t value)
{
	bool hung;

	pthread_mutex_lock(&slot->lock);
	hung = atomic_load(&slot->stop) & STOP_HANG;
	if (value == OGPU_SLOT_CMD_START)
		start(slot);
	if (value == OGPU_SLOT_CMD_CLEAR && !hung &&
	    (slot->state == OGPU_SLOT_SAVED || slot->state == OGPU_SLOT_FAILED)) {
		/* An order that came too late was for this queue, not for the next. */
		atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
		set_state(slot, OGPU_SLOT_EMPTY);
	}
	pthread_mutex_unlock(&slot->lock);
	if (hung)
		return;
	if (value == OGPU_SLOT_CMD_PREEMPT)
		order(slot, STOP_PREEMPT);
	else if (value == OGPU_SLOT_CMD_KILL)
		order(slot, STOP_KILL);
}

/**
 * engines_slot_read() - Read a slot register.
 * @eng: the engines
 * @slot: number of the slot
 * @reg: OGPU_SLOT_*
 *
 * Return: its value, 0 if there is no such slot or register. Never blocks for long.
 */
uint32_t engines_slot_read(struct engines *eng, unsigned int slot, uint32_t reg)
{
	uint32_t value;

	if (slot >= eng->slots)
		return 0;
	pthread_mutex_lock(&eng->slot[slot].lock);
	value = read_reg(&eng->slot[slot], reg);
	pthread_mutex_unlock(&eng->slot[slot].lock);
	return value;
}

/**
 * engines_slot_write() - Write a slot register.
 * @eng: the engines
 * @slot: number of the slot
 * @reg: OGPU_SLOT_*
 * @value: value
 *
 * Writes that the state does not allow have no effect. Never blocks for long.
 */
void engines_slot_write(struct engines *eng, unsigned int slot, uint32_t reg, uint32_t value)
{
	struct slot *s;

	if (slot >= eng->slots)
		return;
	s = &eng->slot[slot];
	if (reg == OGPU_SLOT_CTRL) {
		command(s, value);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (s->state == OGPU_SLOT_EMPTY)
		write_descriptor(s, reg, value);
	pthread_mutex_unlock(&s->lock);
}

/**
 * engines_doorbell() - A doorbell rang.
 * @eng: the engines
 * @index: its page
 *
 * Return: false if no slot is connected to it.
 */
bool engines_doorbell(struct engines *eng, uint32_t index)
{
	bool connected = false;

	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		if (live(slot->state) && slot->queue.doorbell == index) {
			slot->rung = true;
			connected = true;
			pthread_cond_signal(&slot->wake);
		}
		pthread_mutex_unlock(&slot->lock);
	}
	return connected;
}

/* --- MMU, faults, figures --------------------------------------------------------------------- */

/**
 * engines_set_as_table() - Tell where the address-space table is.
 * @eng: the engines
 * @vram_offset: its start, 4 KiB aligned
 * @count: its entries, ASID 0 included; more than there are ASIDs count as that many
 *
 * Translations made with the old table stay until they are invalidated.
 */
void engines_set_as_table(struct engines *eng, uint64_t vram_offset, uint32_t count)
{
	if (count > 0x10000)
		count = 0x10000;
	atomic_store(&eng->as_table, MMU_AS_TABLE(vram_offset & OGPU_OPERAND_ADDR, count));
}

/**
 * engines_tlb_invalidate() - Drop all translations.
 * @eng: the engines
 *
 * Outside a memory bracket. Returns when no access that began earlier can use a translation that
 * is dropped. The caches of this card drop everything whatever the range asked for, which costs a
 * few walks and is simple.
 */
void engines_tlb_invalidate(struct engines *eng)
{
	vgpu_mem_invalidate(eng->gpu);
}

/**
 * engines_inject_hang() - Make a slot hang: it ignores everything but a reset.
 * @eng: the engines
 * @slot: number of the slot
 *
 * A queue that is started on it, or is there already, stays in its state and does nothing more.
 */
void engines_inject_hang(struct engines *eng, unsigned int slot)
{
	if (slot < eng->slots)
		order(&eng->slot[slot], STOP_HANG);
}

/**
 * engines_work() - Work done since power-up.
 * @eng: the engines
 * @work: result
 */
void engines_work(struct engines *eng, struct engines_work *work)
{
	memset(work, 0, sizeof(*work));
	work->lane_instructions = pool_lane_instructions(eng->pool);
	work->bytes_moved = atomic_load_explicit(&eng->bytes_moved, memory_order_relaxed);
	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		work->busy_ns[slot->class] += busy(slot, slot->busy_total);
		pthread_mutex_unlock(&slot->lock);
	}
}
