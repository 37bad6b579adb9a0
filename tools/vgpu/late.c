// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a strict card does with packets that do not say BARRIER: they overlap as far as the contract
 * allows, so that software which forgets the bit sees it.
 *
 * A packet that moves few bytes is late: it is done when something waits for it, after some
 * milliseconds of a dispatch, or when the queue stops or leaves, and then after those that came
 * behind it. A copy that follows a dispatch is early: its first bytes are read before the dispatch
 * begins. All of that ends in far less time than PREEMPT has, and it leaves no trace in the
 * context, which has no place for it. Queues with REPLAY are left alone: their packets are done
 * again.
 */
#include <string.h>

#include "command.h"

/**
 * late_begin() - Whether a queue's packets overlap.
 * @cp: the command processor
 */
void late_begin(struct processor *cp)
{
	cp->late.on = vgpu_config(cp->slot->gpu)->strict &&
		      !(cp->queue->flags & OGPU_QUEUE_REPLAY);
}

/* How many bytes a packet moves, if that is all that it does. */
static bool moves(const struct packet *p, uint64_t *bytes)
{
	const struct ogpu_pkt_copy_rect *r = &p->u.copy_rect;
	const uint64_t rows = (uint64_t)r->extent[1] * r->extent[2];

	switch (p->opcode) {
	case OGPU_OP_COPY:
		*bytes = p->u.copy.bytes;
		return true;
	case OGPU_OP_FILL:
		*bytes = p->u.fill.bytes;
		return true;
	case OGPU_OP_WRITE:
	case OGPU_OP_ATOMIC:
		*bytes = p->bytes;
		return true;
	case OGPU_OP_COPY_RECT:
		/* A row costs as much as some bytes. */
		*bytes = rows <= LATE_BYTES ? rows * (r->extent[0] + 256ull) : rows;
		return true;
	default:
		return false;
	}
}

/**
 * late_add() - Do a packet later, if that is allowed.
 * @cp: the command processor
 * @p: the packet, whose rules are kept
 * @run: what does it
 *
 * Return: false if it has to be done now.
 */
bool late_add(struct processor *cp, const struct packet *p,
	      enum step (*run)(struct processor *cp, struct packet *p))
{
	struct late *late = &cp->late;
	uint64_t bytes;

	/* One that goes on where it was stopped is not begun anew. */
	if (!late->on || late->count == LATE_MAX || cp->slot->context.context12 ||
	    !moves(p, &bytes) || bytes > LATE_BYTES)
		return false;
	late->packet[late->count++] = (struct late_packet){ *p, cp->slot->context, run };
	return true;
}

/**
 * late_pending() - Whether packets are not done that stand before the current one.
 * @cp: the command processor
 */
bool late_pending(const struct processor *cp)
{
	return cp->late.count;
}

/**
 * late_finish() - Do what is late, the last one first.
 * @cp: the command processor
 *
 * Return: STEP_DONE, or STEP_FAIL if one of them failed: late_end() tells of the first of these.
 */
enum step late_finish(struct processor *cp)
{
	const struct slot_context now = cp->slot->context;
	struct late *late = &cp->late;
	unsigned int n = late->count;

	late->count = 0;
	late->finishing = true;
	while (n--) {
		cp->slot->context = late->packet[n].context;
		if (late->packet[n].run(cp, &late->packet[n].packet) == STEP_DONE)
			continue;
		late->failed = true;
		late->failed_at = cp->slot->context;
		late->failure = cp->slot->failure;
	}
	late->finishing = false;
	cp->slot->context = now;
	return late->failed ? STEP_FAIL : STEP_DONE;
}

/**
 * late_end() - The queue stops, or leaves its slot: nothing stays undone.
 * @cp: the command processor
 * @step: how the last packet ended
 *
 * Return: STEP_FAIL if one before it failed, else @step.
 */
enum step late_end(struct processor *cp, enum step step)
{
	const struct slot_failure failure = cp->slot->failure;

	if (late_finish(cp) == STEP_DONE) {
		cp->slot->failure = failure;
		return step;
	}
	cp->slot->context = cp->late.failed_at;
	cp->slot->failure = cp->late.failure;
	return STEP_FAIL;
}

/**
 * late_peek() - A dispatch begins: read what a copy behind it reads, if that need not wait.
 * @cp: the command processor
 * @p: the dispatch
 */
void late_peek(struct processor *cp, const struct packet *p)
{
	const struct slot_failure failure = cp->slot->failure;
	struct packet next = { .level = p->level, .at = p->at + p->bytes };
	struct late *late = &cp->late;
	struct mmu_fault fault;
	uint64_t src;

	late->early_bytes = 0;
	if (!late->on || p->room < sizeof(next.u.copy) ||
	    command_fetch(cp, &next, p->room) != STEP_DONE || next.opcode != OGPU_OP_COPY ||
	    next.bytes != sizeof(next.u.copy) || next.flags || next.u.copy.src >> OGPU_VA_BITS) {
		cp->slot->failure = failure;
		return;
	}
	src = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, next.u.copy.src);
	late->early_packet = next.u.copy;
	late->early_bytes = next.u.copy.bytes < LATE_EARLY ? next.u.copy.bytes : LATE_EARLY;
	if (!mmu_read(&cp->slot->mmu, src, late->early, late->early_bytes, &fault))
		late->early_bytes = 0;
}

/**
 * late_take() - Begin a copy with what was read for it before the dispatch that it follows.
 * @cp: the command processor; the context tells how much that was
 * @p: the copy
 * @dst: where to, an operand
 * @fault: filled on failure
 *
 * Return: false if memory is refused.
 */
bool late_take(struct processor *cp, const struct packet *p, uint64_t dst, struct mmu_fault *fault)
{
	struct late *late = &cp->late;
	const uint64_t bytes = late->early_bytes;

	late->early_bytes = 0;
	if (!bytes || cp->slot->context.context12 || p->flags ||
	    memcmp(&p->u.copy, &late->early_packet, sizeof(p->u.copy)))
		return true;
	if (!mmu_write(&cp->slot->mmu, dst, late->early, bytes, fault))
		return false;
	cp->slot->context.context12 = bytes;
	return true;
}
