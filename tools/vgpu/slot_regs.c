// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A slot's registers, as the management core sees them (abi/mc.h). */
#include <string.h>

#include "engines.h"
#include "reg64.h"

static uint32_t status(const struct slot *slot)
{
	const struct slot_failure *f = &slot->failure;
	uint32_t value = FIELD_PREP(OGPU_SLOT_STATUS_STATE, slot->state);

	if (slot->state != OGPU_SLOT_FAILED && slot->state != OGPU_SLOT_FAULTED)
		return value;
	return value | FIELD_PREP(OGPU_SLOT_STATUS_ERROR, f->error) |
	       FIELD_PREP(OGPU_SLOT_STATUS_ACCESS, f->fault.access) |
	       FIELD_PREP(OGPU_SLOT_STATUS_REASON, f->fault.reason);
}

/* Which of the nested buffers CONTEXT3 and those after it are about. */
static unsigned int inner_level(uint32_t reg)
{
	return (reg - OGPU_SLOT_CONTEXT3) / 4 + 1;
}

static uint32_t read_wait(const struct slot *slot, uint32_t reg)
{
	const bool waits = slot->state == OGPU_SLOT_WAITING || slot->state == OGPU_SLOT_SAVED;

	if (!waits || !slot->wait_valid)
		return 0;
	switch (reg) {
	case OGPU_SLOT_WAIT_CTRL:
		return OGPU_SLOT_WAIT_VALID |
		       FIELD_PREP(OGPU_SLOT_WAIT_COMPARE, slot->wait.compare);
	case OGPU_SLOT_WAIT_ADDR_LO:
	case OGPU_SLOT_WAIT_ADDR_HI:
		return reg64_get(slot->wait.operand, reg == OGPU_SLOT_WAIT_ADDR_HI);
	case OGPU_SLOT_WAIT_VALUE_LO:
	case OGPU_SLOT_WAIT_VALUE_HI:
		return reg64_get(slot->wait.value, reg == OGPU_SLOT_WAIT_VALUE_HI);
	case OGPU_SLOT_WAIT_MASK_LO:
	case OGPU_SLOT_WAIT_MASK_HI:
		return reg64_get(slot->wait.mask, reg == OGPU_SLOT_WAIT_MASK_HI);
	default:
		return 0;
	}
}

static uint32_t read_reg(struct slot *slot, uint32_t reg)
{
	const bool failed = slot->state == OGPU_SLOT_FAILED || slot->state == OGPU_SLOT_FAULTED;
	uint64_t pc = slot->state == OGPU_SLOT_SAVED ? slot->shown.pc : 0, ns;

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
		pc = failed ? slot->failure.pc : pc;
		return reg64_get(pc, reg == OGPU_SLOT_FAULT_PC_HI);
	case OGPU_SLOT_DETAIL:
		return failed ? slot->failure.detail : 0;
	case OGPU_SLOT_BUSY_LO:
		ns = slot_busy(slot, slot->busy_ns);
		slot->busy_hi = ns >> 32;
		return (uint32_t)ns;
	case OGPU_SLOT_BUSY_HI:
		return slot->busy_hi;
	case OGPU_SLOT_UNIT_NS_LO:
		ns = slot_unit_ns(slot);
		slot->unit_hi = ns >> 32;
		return (uint32_t)ns;
	case OGPU_SLOT_UNIT_NS_HI:
		return slot->unit_hi;
	case OGPU_SLOT_PRIORITY:
		return atomic_load(&slot->priority);
	case OGPU_SLOT_SAVE_LO:
	case OGPU_SLOT_SAVE_HI:
		return reg64_get(slot->queue.save, reg == OGPU_SLOT_SAVE_HI);
	case OGPU_SLOT_SAVE_SIZE:
		return slot->queue.save_size;
	case OGPU_SLOT_CU_MASK(0) ... OGPU_SLOT_CU_MASK(7):
		return slot->queue.cu_mask[(reg - OGPU_SLOT_CU_MASK(0)) / 4];
	case OGPU_SLOT_HELD:
		return slot->shown.held;
	case OGPU_SLOT_POS_LO:
	case OGPU_SLOT_POS_HI:
		return reg64_get(slot->shown.pos, reg == OGPU_SLOT_POS_HI);
	case OGPU_SLOT_CONTEXT0:
		return slot->shown.inner[0];
	case OGPU_SLOT_CONTEXT1:
	case OGPU_SLOT_CONTEXT2:
		return reg64_get(slot->shown.context12, reg == OGPU_SLOT_CONTEXT2);
	case OGPU_SLOT_CONTEXT3:
	case OGPU_SLOT_CONTEXT4:
	case OGPU_SLOT_CONTEXT5:
		return slot->shown.inner[inner_level(reg)];
	case OGPU_SLOT_COUNTER_INDEX:
		return slot->counter_index;
	case OGPU_SLOT_COUNTER_LO:
	case OGPU_SLOT_COUNTER_HI:
		return reg64_get(slot->counter[slot->counter_index],
				 reg == OGPU_SLOT_COUNTER_HI);
	case OGPU_SLOT_WAIT_CTRL ... OGPU_SLOT_WAIT_MASK_HI:
		return read_wait(slot, reg);
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
	case OGPU_SLOT_SAVE_LO:
	case OGPU_SLOT_SAVE_HI:
		reg64_set(&q->save, value, reg == OGPU_SLOT_SAVE_HI);
		break;
	case OGPU_SLOT_SAVE_SIZE:
		q->save_size = value;
		break;
	case OGPU_SLOT_CU_MASK(0) ... OGPU_SLOT_CU_MASK(7):
		q->cu_mask[(reg - OGPU_SLOT_CU_MASK(0)) / 4] = value;
		break;
	case OGPU_SLOT_COUNTER_LO:
	case OGPU_SLOT_COUNTER_HI:
		reg64_set(&slot->counter[slot->counter_index], value,
			  reg == OGPU_SLOT_COUNTER_HI);
		break;
	case OGPU_SLOT_HELD:
		slot->context.held = value;
		break;
	case OGPU_SLOT_POS_LO:
	case OGPU_SLOT_POS_HI:
		reg64_set(&slot->context.pos, value, reg == OGPU_SLOT_POS_HI);
		break;
	case OGPU_SLOT_CONTEXT0:
		slot->context.inner[0] = value;
		break;
	case OGPU_SLOT_CONTEXT1:
	case OGPU_SLOT_CONTEXT2:
		reg64_set(&slot->context.context12, value, reg == OGPU_SLOT_CONTEXT2);
		break;
	case OGPU_SLOT_CONTEXT3:
	case OGPU_SLOT_CONTEXT4:
	case OGPU_SLOT_CONTEXT5:
		slot->context.inner[inner_level(reg)] = value;
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
	slot->rung_wptr = false;
	slot->wait_valid = false;
	slot->busy_ns = 0;
	slot->unit_ns = 0;
	slot_set_state(slot, OGPU_SLOT_RUNNING);
	pthread_cond_signal(&slot->wake);
}

static void command(struct slot *slot, uint32_t value)
{
	bool hung;

	pthread_mutex_lock(&slot->lock);
	hung = atomic_load(&slot->stop) & STOP_HANG;
	if (value == OGPU_SLOT_CMD_START)
		start(slot);
	if (value == OGPU_SLOT_CMD_RESUME && slot->state == OGPU_SLOT_FAULTED) {
		slot->resumed = true;
		slot_set_state(slot, OGPU_SLOT_RUNNING);
		pthread_cond_signal(&slot->wake);
	}
	if (value == OGPU_SLOT_CMD_CLEAR && !hung &&
	    (slot->state == OGPU_SLOT_SAVED || slot->state == OGPU_SLOT_FAILED)) {
		/* An order that came too late was for this queue, not for the next. */
		atomic_fetch_and(&slot->stop, ~(STOP_PREEMPT | STOP_KILL));
		memset(&slot->context, 0, sizeof(slot->context));
		slot->credit_ns = 0;
		memset(slot->counter, 0, sizeof(slot->counter));
		slot_set_state(slot, OGPU_SLOT_EMPTY);
	}
	pthread_mutex_unlock(&slot->lock);
	if (hung)
		return;
	if (value == OGPU_SLOT_CMD_PREEMPT)
		slot_order(slot, STOP_PREEMPT);
	else if (value == OGPU_SLOT_CMD_KILL)
		slot_order(slot, STOP_KILL);
}

/**
 * engines_slot_read() - Read a slot register.
 * @eng: the engines
 * @slot: number of the slot
 * @reg: OGPU_SLOT_*
 *
 * Return: its value, 0 if there is no such slot or register. Never blocks for long, which STATUS of
 * a slot that is late with an order does for 20 ms.
 */
uint32_t engines_slot_read(struct engines *eng, unsigned int slot, uint32_t reg)
{
	uint32_t value;

	if (slot >= eng->slots)
		return 0;
	pthread_mutex_lock(&eng->slot[slot].lock);
	if (reg == OGPU_SLOT_STATUS)
		slot_wait_late(&eng->slot[slot]);
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
	if (reg == OGPU_SLOT_PRIORITY) {
		atomic_store(&s->priority, value);
		pool_poke(s->eng->pool);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (reg == OGPU_SLOT_COUNTER_INDEX)
		s->counter_index = value % OGPU_COUNTERS;
	else if (s->state == OGPU_SLOT_EMPTY)
		write_descriptor(s, reg, value);
	pthread_mutex_unlock(&s->lock);
}
