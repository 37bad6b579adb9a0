// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The command processor of a slot: fetches packets from the ring and from indirect buffers, checks
 * them against the contract (abi/packet.h), and has them done by packets.c and packets_copy.c.
 *
 * Packets are copied before they are checked, so software that changes them meanwhile harms only
 * itself. Where execution stands is kept as abi/mc.h says: ring position, bytes consumed of the
 * indirect buffers that are open there, and how far the unfinished packet has come, so that a time
 * slice shorter than a long copy still makes progress.
 *
 * Packets are executed one after the other, each complete before the next one starts, so that
 * BARRIER asks for nothing that is not so; but if the card is strict some are late (late.c).
 */
#include <string.h>

#include "command.h"

/**
 * command_fail() - A packet ends its queue.
 * @cp: the command processor
 * @error: why
 * @detail: opcode
 *
 * Return: STEP_FAIL.
 */
enum step command_fail(struct processor *cp, enum ogpu_queue_error error, uint32_t detail)
{
	cp->slot->failure = (struct slot_failure){ .error = error, .detail = detail };
	return STEP_FAIL;
}

/**
 * command_fail_memory() - A packet ends its queue because memory was refused.
 * @cp: the command processor
 * @fault: which
 * @detail: opcode
 *
 * Return: STEP_FAIL.
 */
enum step command_fail_memory(struct processor *cp, const struct mmu_fault *fault,
			      uint32_t detail)
{
	cp->slot->failure = (struct slot_failure){
		.error = OGPU_QERR_MEMORY, .fault = *fault, .detail = detail, .replay = true,
	};
	return STEP_FAIL;
}

/* The ring or a pointer of it cannot be used: this queue's own error, wherever it lies. */
static enum step fail_ring(struct processor *cp, const struct mmu_fault *fault)
{
	cp->slot->failure = (struct slot_failure){ .error = OGPU_QERR_RING, .fault = *fault };
	return STEP_FAIL;
}

/* Address operand for a VA in a packet; false if it has more bits than a VA. */
static bool virtual_operand(uint64_t va, bool write, uint64_t *operand, struct mmu_fault *fault)
{
	if (va >> OGPU_VA_BITS) {
		*fault = (struct mmu_fault){
			va, write ? OGPU_ACCESS_WRITE : OGPU_ACCESS_READ, OGPU_FAULT_VA_RANGE
		};
		return false;
	}
	*operand = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, va);
	return true;
}

/* Operand in a privileged packet: false if malformed. */
static bool physical_operand(uint64_t operand, uint64_t bytes)
{
	if (operand & OGPU_OPERAND_MBZ)
		return false;
	if (FIELD_GET(OGPU_OPERAND_TARGET, operand) == OGPU_TARGET_PEER)
		return false;
	return bytes <= OGPU_OPERAND_ADDR - (operand & OGPU_OPERAND_ADDR);
}

/**
 * command_operand() - Turn an address in a packet into an operand, by the packet's PHYS flag.
 * @cp: the command processor
 * @p: the packet
 * @addr: the address
 * @bytes: how many there
 * @phys: the flag
 * @write: whether they are written
 * @result: the operand
 *
 * Return: STEP_DONE or STEP_FAIL.
 */
enum step command_operand(struct processor *cp, const struct packet *p, uint64_t addr,
			  uint64_t bytes, bool phys, bool write, uint64_t *result)
{
	struct mmu_fault fault;

	if (phys) {
		if (!physical_operand(addr, bytes))
			return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
		*result = addr;
		return STEP_DONE;
	}
	if (!virtual_operand(addr, write, result, &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	return STEP_DONE;
}

/* --- fetching --------------------------------------------------------------------------------- */

static bool read_ring(struct processor *cp, uint64_t pos, void *buf, size_t len,
		      struct mmu_fault *fault)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t offset = pos & (cp->queue->ring_size - 1);
		size_t n = cp->queue->ring_size - offset;

		if (n > len)
			n = len;
		if (!mmu_read(&cp->slot->mmu, cp->queue->ring + offset, to, n, fault))
			return false;
		to += n;
		pos += n;
		len -= n;
	}
	return true;
}

/**
 * command_read() - Bytes of a packet.
 * @cp: the command processor
 * @p: the packet
 * @offset: from its start
 * @buf: where to
 * @len: bytes
 *
 * Return: STEP_DONE or STEP_FAIL.
 */
enum step command_read(struct processor *cp, const struct packet *p, uint32_t offset, void *buf,
		       size_t len)
{
	struct mmu_fault fault;
	uint64_t from;

	if (!p->level) {
		if (read_ring(cp, p->at + offset, buf, len, &fault))
			return STEP_DONE;
		return fail_ring(cp, &fault);
	}
	if (!virtual_operand(p->at + offset, false, &from, &fault) ||
	    !mmu_read(&cp->slot->mmu, from, buf, len, &fault))
		return command_fail_memory(cp, &fault, OGPU_OP_INDIRECT);
	return STEP_DONE;
}

/**
 * command_fetch() - Read a packet: its header, and as much of the body as has a fixed layout.
 * @cp: the command processor
 * @p: the packet; level and at say where it stands
 * @available: bytes from there to where it must have ended
 *
 * Return: STEP_DONE or STEP_FAIL.
 */
enum step command_fetch(struct processor *cp, struct packet *p, uint64_t available)
{
	enum step step = command_read(cp, p, 0, p->u.raw, 8);
	uint32_t header = p->u.header, words = FIELD_GET(OGPU_PKT_WORDS, header);

	if (step)
		return step;
	p->opcode = FIELD_GET(OGPU_PKT_OPCODE, header);
	p->flags = FIELD_GET(OGPU_PKT_FLAGS, header);
	p->bytes = words * 4;
	vgpu_trace(cp->slot->gpu, TRACE_PACKET,
		   "slot %u queue %u %s 0x%llx opcode %u flags 0x%x bytes %u", cp->slot->index,
		   cp->queue->queue, p->level ? "va" : "ring", (unsigned long long)p->at,
		   p->opcode, p->flags, p->bytes);
	if (!words || words & 1 || p->bytes > available)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	p->room = available - p->bytes;
	if (p->bytes == 8 || p->opcode == OGPU_OP_NOP)
		return STEP_DONE;
	return command_read(cp, p, 8, p->u.raw + 8,
			    (p->bytes > PACKET_FIXED_MAX ? PACKET_FIXED_MAX : p->bytes) - 8);
}

/* --- executing -------------------------------------------------------------------------------- */

static enum step execute(struct processor *cp, struct packet *p);

static enum step packet_nop(struct processor *cp, struct packet *p)
{
	(void)cp;
	(void)p;
	return STEP_DONE;
}

static enum step packet_indirect(struct processor *cp, struct packet *p)
{
	const uint64_t addr = p->u.indirect.addr;
	const uint32_t bytes = p->u.indirect.bytes;
	struct slot *slot = cp->slot;
	uint32_t *done;
	enum step step;

	if (p->level == OGPU_INDIRECT_LEVELS)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	done = &slot->context.inner[p->level];
	if (!bytes || bytes & 7 || bytes > OGPU_INDIRECT_MAX_BYTES || addr & 7 || *done & 7 ||
	    *done > bytes)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	while (*done < bytes) {
		struct packet inner = { .level = p->level + 1, .at = addr + *done };

		if (atomic_load_explicit(&slot->stop, memory_order_relaxed))
			return STEP_STOP;
		step = command_fetch(cp, &inner, bytes - *done);
		if (!step)
			step = execute(cp, &inner);
		if (step)
			return step;
		*done += inner.bytes + inner.skip;
		slot->context.context12 = 0;
	}
	*done = 0;
	return STEP_DONE;
}

/* What the contract says of each opcode. */
static const struct rule {
	enum step (*run)(struct processor *cp, struct packet *p);
	uint32_t bytes;		/* exact, or the least if longer ones exist */
	bool longer;
	uint32_t flags;		/* allowed, besides BARRIER */
	uint32_t privileged;	/* flags that need a privileged ring */
	bool keeps_progress;	/* uses CONTEXT1/2 */
} rules[OGPU_OPCODES] = {
	[OGPU_OP_NOP] = { packet_nop, 8, true, 0, 0, false },
	[OGPU_OP_INDIRECT] = { packet_indirect, sizeof(struct ogpu_pkt_indirect), false, 0, 0,
			       true },
	[OGPU_OP_COPY] = { packet_copy, sizeof(struct ogpu_pkt_copy), true,
			   OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS | OGPU_COPY_LOST,
			   OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS | OGPU_COPY_LOST, true },
	[OGPU_OP_FILL] = { packet_fill, sizeof(struct ogpu_pkt_fill), false,
			   OGPU_FILL_DST_PHYS, OGPU_FILL_DST_PHYS, true },
	[OGPU_OP_WRITE] = { packet_write, sizeof(struct ogpu_pkt_write) + 8, true, 0, 0, false },
	[OGPU_OP_FENCE] = { packet_fence, sizeof(struct ogpu_pkt_fence), false,
			    OGPU_FENCE_PHYS | OGPU_FENCE_IRQ | OGPU_FENCE_SIGNAL | OGPU_PKT_CARD,
			    OGPU_FENCE_PHYS | OGPU_FENCE_IRQ, false },
	[OGPU_OP_WAIT] = { packet_wait, sizeof(struct ogpu_pkt_wait), false,
			   OGPU_WAIT_PHYS | OGPU_PKT_CARD, OGPU_WAIT_PHYS, false },
	[OGPU_OP_TIMESTAMP] = { packet_timestamp, sizeof(struct ogpu_pkt_timestamp), false,
				OGPU_TIMESTAMP_PHYS | OGPU_TIMESTAMP_END, OGPU_TIMESTAMP_PHYS,
				false },
	[OGPU_OP_DISPATCH] = { packet_dispatch, sizeof(struct ogpu_pkt_dispatch), false, 0, 0,
			       true },
	[OGPU_OP_CACHE] = { packet_cache, sizeof(struct ogpu_pkt_cache), false, OGPU_PKT_CARD, 0,
			    false },
	[OGPU_OP_TLBI] = { packet_tlbi, sizeof(struct ogpu_pkt_tlbi), false, 0, 0, false },
	[OGPU_OP_DISPATCH_INDIRECT] = { packet_dispatch_indirect,
					sizeof(struct ogpu_pkt_dispatch_indirect), false, 0, 0,
					true },
	[OGPU_OP_COPY_RECT] = { packet_copy_rect, sizeof(struct ogpu_pkt_copy_rect), false, 0, 0,
				true },
	[OGPU_OP_SKIP] = { packet_skip, sizeof(struct ogpu_pkt_skip), false, OGPU_PKT_CARD, 0,
			   false },
	[OGPU_OP_COUNTERS] = { packet_counters, sizeof(struct ogpu_pkt_counters), false, 0, 0,
			       false },
	[OGPU_OP_ATOMIC] = { packet_atomic, sizeof(struct ogpu_pkt_atomic), false,
			     OGPU_ATOMIC_RETURN | OGPU_PKT_CARD, 0, false },
};

static bool only_compute(uint32_t opcode)
{
	return opcode == OGPU_OP_DISPATCH || opcode == OGPU_OP_DISPATCH_INDIRECT;
}

/* Whether a packet starts only when all before it are complete. */
static bool waits_for_all(const struct packet *p)
{
	return p->flags & OGPU_PKT_BARRIER || p->opcode == OGPU_OP_FENCE ||
	       p->opcode == OGPU_OP_COUNTERS ||
	       (p->opcode == OGPU_OP_TIMESTAMP && p->flags & OGPU_TIMESTAMP_END);
}

/* Whether the context says that buffers are open which this packet does not open. */
static bool foreign_context(const struct slot_context *context, const struct packet *p)
{
	for (unsigned int i = p->level; i < OGPU_INDIRECT_LEVELS; i++)
		if (context->inner[i] && p->opcode != OGPU_OP_INDIRECT)
			return true;
	return context->context12 && !rules[p->opcode].keeps_progress;
}

static enum step execute(struct processor *cp, struct packet *p)
{
	const bool trusted = cp->queue->flags & OGPU_QUEUE_PRIVILEGED && !p->level;
	const struct rule *rule;

	if (p->opcode >= OGPU_OPCODES ||
	    (only_compute(p->opcode) && cp->slot->class != OGPU_ENGINE_COMPUTE))
		return command_fail(cp, OGPU_QERR_OPCODE, p->opcode);
	rule = &rules[p->opcode];
	if (p->flags & ~(rule->flags | OGPU_PKT_BARRIER) || p->bytes < rule->bytes ||
	    (!rule->longer && p->bytes != rule->bytes) ||
	    foreign_context(&cp->slot->context, p))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (cp->slot->context.held && !only_compute(p->opcode) && p->opcode != OGPU_OP_INDIRECT)
		return command_fail(cp, OGPU_QERR_SAVE, p->opcode);
	if (!trusted && (p->flags & rule->privileged || p->opcode == OGPU_OP_TLBI))
		return command_fail(cp, OGPU_QERR_PRIVILEGE, p->opcode);
	if (waits_for_all(p) && late_finish(cp))
		return STEP_FAIL;
	if (late_add(cp, p, rule->run))
		return STEP_DONE;
	if (only_compute(p->opcode))
		late_peek(cp, p);
	return rule->run(cp, p);
}

/* --- the ring --------------------------------------------------------------------------------- */

/**
 * command_write_rptr() - Store the read pointer where the host sees it.
 * @cp: the command processor
 * @pos: the pointer
 *
 * Return: STEP_DONE or STEP_FAIL.
 */
enum step command_write_rptr(struct processor *cp, uint64_t pos)
{
	struct mmu_fault fault;

	if (cp->rptr_written == pos)
		return STEP_DONE;
	cp->rptr_written = pos;
	if (!mmu_write(&cp->slot->mmu, cp->queue->rptr, &pos, sizeof(pos), &fault))
		return fail_ring(cp, &fault);
	engines_memory_changed(cp->slot->eng);
	return STEP_DONE;
}

/* Takes a write pointer if it can be one. */
static bool take_wptr(struct processor *cp, uint64_t wptr)
{
	if (wptr & 7 || wptr - cp->slot->context.pos > cp->queue->ring_size)
		return false;
	cp->wptr = wptr;
	return true;
}

static enum step read_wptr(struct processor *cp)
{
	struct mmu_fault fault;
	uint64_t wptr;

	if (!mmu_read(&cp->slot->mmu, cp->queue->wptr, &wptr, sizeof(wptr), &fault))
		return fail_ring(cp, &fault);
	if (!take_wptr(cp, wptr))
		return command_fail(cp, OGPU_QERR_RING, 0);
	return STEP_DONE;
}

static bool ring_operand(uint64_t operand, uint64_t align)
{
	return !(operand & (OGPU_OPERAND_MBZ | (align - 1))) &&
	       FIELD_GET(OGPU_OPERAND_TARGET, operand) != OGPU_TARGET_PEER;
}

static bool save_operand(const struct slot_queue *q)
{
	const uint64_t addr = q->save & OGPU_OPERAND_ADDR;
	const uint64_t end = FIELD_GET(OGPU_OPERAND_TARGET, q->save) == OGPU_TARGET_VIRTUAL ?
			     1ull << OGPU_VA_BITS : OGPU_OPERAND_ADDR;

	return !q->save_size || (ring_operand(q->save, OGPU_PAGE_4K) && addr < end &&
				 q->save_size <= end - addr);
}

static bool descriptor_ok(const struct slot *slot, const struct slot_queue *q)
{
	return ring_operand(q->ring, OGPU_RING_MIN_SIZE) && ring_operand(q->rptr, 8) &&
	       ring_operand(q->wptr, 8) && save_operand(q) && q->ring_size >= OGPU_RING_MIN_SIZE &&
	       q->ring_size <= OGPU_RING_MAX_SIZE && !(q->ring_size & (q->ring_size - 1)) &&
	       q->asid <= 0xffff && !(q->flags & ~(OGPU_QUEUE_PRIVILEGED | OGPU_QUEUE_REPLAY)) &&
	       !(slot->context.pos & 7);
}

static enum step next_packet(struct processor *cp)
{
	struct slot_context *context = &cp->slot->context;
	struct packet p = { .at = context->pos };
	enum step step = command_fetch(cp, &p, cp->wptr - context->pos);

	if (!step)
		step = execute(cp, &p);
	if (step)
		return step;
	context->pos += p.bytes + p.skip;
	context->context12 = 0;
	if (context->pos - cp->rptr_written < cp->queue->ring_size / 4)
		return STEP_DONE;
	step = late_finish(cp);
	return step ? step : command_write_rptr(cp, context->pos);
}

static enum step run(struct processor *cp)
{
	struct slot *slot = cp->slot;
	enum step step = STEP_DONE;
	bool look = true;		/* memory may have another write pointer */
	uint64_t wptr;

	if (!descriptor_ok(slot, cp->queue))
		return command_fail(cp, OGPU_QERR_RING, 0);
	while (!step) {
		if (atomic_load(&slot->stop))
			return STEP_STOP;
		if (cp->wptr != slot->context.pos) {
			step = next_packet(cp);
		} else if (look) {
			look = false;
			step = read_wptr(cp);
		} else {
			step = late_finish(cp);
			if (!step)
				step = command_write_rptr(cp, slot->context.pos);
			/* A pointer that cannot be right may be late: memory has the right one. */
			if (!step && slot_wait_idle(slot, &wptr) == NEWS_WPTR)
				look = !take_wptr(cp, wptr);
			else
				look = true;
		}
		/* The context says where: the packet is fetched again, and goes on. */
		if (step == STEP_FAIL && slot->failure.replay &&
		    cp->queue->flags & OGPU_QUEUE_REPLAY)
			step = slot_stall(slot) ? STEP_DONE : STEP_STOP;
	}
	return step;
}

/**
 * command_run() - Execute a queue until it fails or the slot has other orders.
 * @slot: the slot, whose thread calls this; pos and context say where to begin
 * @queue: what is on the slot
 *
 * Return: STEP_STOP or STEP_FAIL; the read pointer in memory is up to date, except when the slot
 * is reset.
 */
enum step command_run(struct slot *slot, struct slot_queue *queue)
{
	struct processor cp = {
		.slot = slot, .queue = queue, .wptr = slot->context.pos, .rptr_written = UINT64_MAX,
	};
	enum step step;

	mmu_set_asid(&slot->mmu, queue->asid);
	slot->walks = slot->mmu.walks;
	late_begin(&cp);
	step = late_end(&cp, run(&cp));
	if (!(atomic_load(&slot->stop) & (STOP_RESET | STOP_EXIT)) &&
	    slot->failure.error != OGPU_QERR_RING && command_write_rptr(&cp, slot->context.pos))
		step = STEP_FAIL;
	slot_count_bytes(slot, 0, 0);
	return step;
}
