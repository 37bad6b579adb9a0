// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Packets that move bytes: COPY, FILL, COPY_RECT. copy.c moves; here stands what is moved, and
 * whether the packet may ask for it.
 */
#include "command.h"

static bool ranges_overlap(uint64_t a, uint64_t b, uint64_t bytes)
{
	return a < b ? b - a < bytes : a - b < bytes;
}

static enum step run(struct processor *cp, struct packet *p, struct move *m)
{
	struct mmu_fault fault;
	enum step step;

	if (cp->slot->context.context12 > move_bytes(m))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	m->whole = cp->late.finishing;
	step = move_run(cp->slot, m, &cp->slot->context.context12, &fault);
	return step == STEP_FAIL ? command_fail_memory(cp, &fault, p->opcode) : step;
}

/* Says that something was lost; what is done is kept in the context. */
static enum step tell_lost(struct processor *cp, struct packet *p, uint64_t operand)
{
	const uint64_t lost = 1;
	struct mmu_fault fault;

	if (!mmu_write(&cp->slot->mmu, operand, &lost, sizeof(lost), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	return STEP_DONE;
}

/**
 * packet_copy() - COPY: move bytes.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_copy(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_copy *c = &p->u.copy;
	const bool tell = p->flags & OGPU_COPY_LOST;
	struct move m = { .extent = { c->bytes, 1, 1 } };
	struct mmu_fault fault;
	enum step step, told;
	uint64_t lost_at;
	bool lost = false;

	if (c->rsvd || p->bytes != (tell ? sizeof(p->u.copy_lost) : sizeof(*c)) ||
	    (tell && p->u.copy_lost.lost & 7))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (tell) {
		step = command_operand(cp, p, p->u.copy_lost.lost, 8, true, true, &lost_at);
		if (step)
			return step;
		m.lost = &lost;
	}
	if (!c->bytes)
		return STEP_DONE;
	step = command_operand(cp, p, c->src, c->bytes, p->flags & OGPU_COPY_SRC_PHYS, false,
			       &m.src);
	if (!step)
		step = command_operand(cp, p, c->dst, c->bytes, p->flags & OGPU_COPY_DST_PHYS,
				       true, &m.dst);
	if (step)
		return step;
	if (ranges_overlap(m.src, m.dst, c->bytes))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (!late_take(cp, p, m.dst, &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	step = run(cp, p, &m);
	/* Also if it goes on later, or has failed. */
	told = lost ? tell_lost(cp, p, lost_at) : STEP_DONE;
	return told ? told : step;
}

/**
 * packet_fill() - FILL: repeat a pattern.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_fill(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_fill *f = &p->u.fill;
	uint32_t page[MMU_PAGE / 4];
	struct move m = { .extent = { f->bytes, 1, 1 }, .pattern = page };
	enum step step;

	if (f->dst & 3 || f->bytes & 3 || cp->slot->context.context12 & 3)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (!f->bytes)
		return STEP_DONE;
	step = command_operand(cp, p, f->dst, f->bytes, p->flags & OGPU_FILL_DST_PHYS, true,
			       &m.dst);
	if (step)
		return step;
	for (unsigned int i = 0; i < MMU_PAGE / 4; i++)
		page[i] = f->pattern;
	return run(cp, p, &m);
}

/**
 * packet_copy_rect() - COPY_RECT: move rows of bytes.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_copy_rect(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_copy_rect *c = &p->u.copy_rect;
	const unsigned __int128 bytes = (unsigned __int128)c->extent[0] * c->extent[1] *
					c->extent[2];
	struct move m = {
		.src = c->src, .dst = c->dst, .rows = true,
		.extent = { c->extent[0], c->extent[1], c->extent[2] },
		.src_pitch = { c->src_pitch[0], c->src_pitch[1] },
		.dst_pitch = { c->dst_pitch[0], c->dst_pitch[1] },
	};

	if (c->rsvd || c->rsvd2 || bytes > OGPU_COPY_RECT_MAX_BYTES)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	return run(cp, p, &m);
}
