// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Queue slots: the registers of abi/mc.h. */
#include "slot.h"

#include "hw.h"
#include "window.h"

#define CONTEXTS	(sizeof(((struct queue *)0)->context) / sizeof(uint32_t))

static uint32_t slot_read(unsigned int slot, uint32_t reg)
{
	return hw_read(OGPU_MC_SLOT(slot) + reg);
}

static void slot_write(unsigned int slot, uint32_t reg, uint32_t value)
{
	hw_write(OGPU_MC_SLOT(slot) + reg, value);
}

static uint64_t slot_read64(unsigned int slot, uint32_t reg_lo)
{
	return hw_read64(OGPU_MC_SLOT(slot) + reg_lo);
}

static void slot_write64(unsigned int slot, uint32_t reg_lo, uint64_t value)
{
	hw_write64(OGPU_MC_SLOT(slot) + reg_lo, value);
}

static_assert(OGPU_SLOT_CONTEXT0 + 4 * (CONTEXTS - 1) == OGPU_SLOT_CONTEXT5);

static uint32_t context_reg(unsigned int i)
{
	return OGPU_SLOT_CONTEXT0 + 4 * i;
}

/**
 * slot_start() - put a queue on a slot that is EMPTY
 * @slot: which
 * @queue: goes on where it stopped
 * @priority: that it has on units until slot_set_priority()
 */
void slot_start(unsigned int slot, const struct queue *queue, enum ogpu_priority priority)
{
	const struct queue_desc *desc = &queue->desc;
	unsigned int i;

	slot_write(slot, OGPU_SLOT_QUEUE, desc->queue);
	slot_write(slot, OGPU_SLOT_DOORBELL, desc->queue);
	slot_write(slot, OGPU_SLOT_ASID, desc->asid);
	slot_write(slot, OGPU_SLOT_FLAGS, desc->flags);
	slot_write64(slot, OGPU_SLOT_RING_LO, desc->ring);
	slot_write(slot, OGPU_SLOT_RING_SIZE, 1u << desc->ring_shift);
	slot_write64(slot, OGPU_SLOT_RPTR_LO, desc->rptr);
	slot_write64(slot, OGPU_SLOT_WPTR_LO, desc->wptr);
	slot_write64(slot, OGPU_SLOT_POS_LO, queue->pos);
	for (i = 0; i < CONTEXTS; i++)
		slot_write(slot, context_reg(i), queue->context[i]);
	slot_write(slot, OGPU_SLOT_HELD, queue->held);
	for (i = 0; i < OGPU_COUNTERS; i++) {
		slot_write(slot, OGPU_SLOT_COUNTER_INDEX, i);
		slot_write64(slot, OGPU_SLOT_COUNTER_LO, queue->counter[i]);
	}
	slot_write64(slot, OGPU_SLOT_SAVE_LO, desc->save);
	slot_write(slot, OGPU_SLOT_SAVE_SIZE, desc->save_size);
	for (i = 0; i < sizeof(desc->cu_mask) / sizeof(desc->cu_mask[0]); i++)
		slot_write(slot, OGPU_SLOT_CU_MASK(i), desc->cu_mask[i]);
	slot_set_priority(slot, priority);
	slot_command(slot, OGPU_SLOT_CMD_START);
}

/**
 * slot_set_priority() - change which slots get units first
 * @slot: which, in any state
 * @priority: of its queue
 */
void slot_set_priority(unsigned int slot, enum ogpu_priority priority)
{
	slot_write(slot, OGPU_SLOT_PRIORITY, priority);
}

/**
 * slot_command() - tell a slot what to do
 * @slot: which
 * @command: what
 */
void slot_command(unsigned int slot, enum ogpu_slot_command command)
{
	slot_write(slot, OGPU_SLOT_CTRL, command);
}

/**
 * slot_state() - what a slot is doing
 * @slot: which
 */
enum ogpu_slot_state slot_state(unsigned int slot)
{
	return FIELD_GET(OGPU_SLOT_STATUS_STATE, slot_read(slot, OGPU_SLOT_STATUS));
}

/**
 * slot_save() - keep where a queue stopped
 * @slot: SAVED or FAILED
 * @queue: the queue on it
 */
void slot_save(unsigned int slot, struct queue *queue)
{
	uint64_t pc = slot_read64(slot, OGPU_SLOT_FAULT_PC_LO);
	unsigned int i;

	queue->pos = slot_read64(slot, OGPU_SLOT_POS_LO);
	for (i = 0; i < CONTEXTS; i++)
		queue->context[i] = slot_read(slot, context_reg(i));
	queue->held = slot_read(slot, OGPU_SLOT_HELD);
	for (i = 0; i < OGPU_COUNTERS; i++) {
		slot_write(slot, OGPU_SLOT_COUNTER_INDEX, i);
		queue->counter[i] = slot_read64(slot, OGPU_SLOT_COUNTER_LO);
	}
	/* None if it had to leave again before it came to what it holds; a fault has its own. */
	if (!queue->error.error && (pc || !queue->held))
		queue->error.pc = pc;
}

/**
 * slot_error() - read why a slot FAILED
 * @slot: which
 * @error: result; queue and asid are left alone
 */
void slot_error(unsigned int slot, struct queue_error *error)
{
	uint32_t status = slot_read(slot, OGPU_SLOT_STATUS);

	error->error = FIELD_GET(OGPU_SLOT_STATUS_ERROR, status);
	error->access = FIELD_GET(OGPU_SLOT_STATUS_ACCESS, status);
	error->reason = FIELD_GET(OGPU_SLOT_STATUS_REASON, status);
	error->fault_va = slot_read64(slot, OGPU_SLOT_FAULT_VA_LO);
	error->pc = slot_read64(slot, OGPU_SLOT_FAULT_PC_LO);
	error->packet = slot_read64(slot, OGPU_SLOT_POS_LO);
	error->detail = slot_read(slot, OGPU_SLOT_DETAIL);
}

/**
 * slot_busy_ns() - time that a slot has spent executing since its last START
 * @slot: which
 */
uint64_t slot_busy_ns(unsigned int slot)
{
	return slot_read64(slot, OGPU_SLOT_BUSY_LO);
}

/**
 * slot_unit_ns() - time since its last START in which a slot had a workgroup on a unit
 * @slot: which
 */
uint64_t slot_unit_ns(unsigned int slot)
{
	return slot_read64(slot, OGPU_SLOT_UNIT_NS_LO);
}

/**
 * slot_queue_has_work() - whether software has written packets that a queue has not executed
 * @queue: on no slot
 *
 * Memory that does not answer counts as work: the slot will find the same and say so. A pointer in
 * the queue's address space can only be read by a slot, and tells nothing here.
 */
bool slot_queue_has_work(const struct queue *queue)
{
	uint64_t wptr;

	if (queue_is_virtual(queue))
		return false;
	return !window_peek64(queue->desc.wptr, &wptr) || wptr != queue->pos;
}

/**
 * slot_wait() - read what a slot waits for
 * @slot: SAVED
 * @wait: result
 *
 * Return: false if it does not stand in a WAIT packet.
 */
bool slot_wait(unsigned int slot, struct slot_wait *wait)
{
	uint32_t ctrl = slot_read(slot, OGPU_SLOT_WAIT_CTRL);

	wait->addr = slot_read64(slot, OGPU_SLOT_WAIT_ADDR_LO);
	wait->value = slot_read64(slot, OGPU_SLOT_WAIT_VALUE_LO);
	wait->mask = slot_read64(slot, OGPU_SLOT_WAIT_MASK_LO);
	wait->compare = FIELD_GET(OGPU_SLOT_WAIT_COMPARE, ctrl);
	return ctrl & OGPU_SLOT_WAIT_VALID;
}

/**
 * slot_watch() - have hardware watch memory for a queue, as if its doorbell rang when it holds
 * @queue: on no slot
 * @wait: for what
 */
void slot_watch(const struct queue *queue, const struct slot_wait *wait)
{
	hw_write64(OGPU_MC_WATCH_ADDR_LO, wait->addr);
	hw_write64(OGPU_MC_WATCH_VALUE_LO, wait->value);
	hw_write64(OGPU_MC_WATCH_MASK_LO, wait->mask);
	hw_write(OGPU_MC_WATCH_ASID, queue->desc.asid);
	hw_write(OGPU_MC_WATCH_CTRL, FIELD_PREP(OGPU_MC_WATCH_QUEUE, queue->desc.queue) |
				     FIELD_PREP(OGPU_MC_WATCH_COMPARE, wait->compare));
}

/**
 * slot_unwatch() - undo slot_watch()
 * @queue: the queue
 */
void slot_unwatch(const struct queue *queue)
{
	hw_write(OGPU_MC_WATCH_CTRL, FIELD_PREP(OGPU_MC_WATCH_QUEUE, queue->desc.queue) |
				     OGPU_MC_WATCH_OFF);
}

/**
 * slot_reset_seen() - whether the engines were reset under us
 *
 * All slots are empty then, and none starts before slot_reset_done().
 */
bool slot_reset_seen(void)
{
	return hw_read(OGPU_MC_SLOT_RESET);
}

/**
 * slot_reset_done() - acknowledge a reset of the engines
 */
void slot_reset_done(void)
{
	hw_write(OGPU_MC_SLOT_RESET, 1);
}
