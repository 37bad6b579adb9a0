// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The command processor of a slot: fetches packets from the ring and from indirect buffers, checks
 * them against the contract (abi/packet.h), and has them done.
 *
 * Packets are copied before they are checked, so software that changes them meanwhile harms only
 * itself. Where execution stands is kept as abi/mc.h says: ring position, bytes consumed of the
 * indirect buffer there, and how far the unfinished packet has come: workgroups of a DISPATCH,
 * and likewise bytes of a COPY or FILL, so that a time slice shorter than a long copy still
 * makes progress.
 */
#include <string.h>

#include "abi/mbox.h"
#include "abi/packet.h"
#include "engines.h"

#define FIXED_MAX	64		/* bytes of the longest packet without data */
#define WAIT_MIN_NS	50000u
#define WAIT_MAX_NS	200000u

/* One packet, and where it comes from. */
struct packet {
	bool indirect;
	uint64_t at;		/* ring position, or VA in an indirect buffer */
	uint32_t bytes;
	uint32_t opcode, flags;
	union {
		uint8_t raw[FIXED_MAX];
		uint32_t header;
		struct ogpu_pkt_indirect indirect;
		struct ogpu_pkt_copy copy;
		struct ogpu_pkt_fill fill;
		struct ogpu_pkt_write write;
		struct ogpu_pkt_fence fence;
		struct ogpu_pkt_wait wait;
		struct ogpu_pkt_timestamp timestamp;
		struct ogpu_pkt_dispatch dispatch;
		struct ogpu_pkt_cache cache;
		struct ogpu_pkt_tlbi tlbi;
	} u;
};

struct processor {
	struct slot *slot;
	const struct slot_queue *queue;
	uint64_t wptr;			/* as last read */
	uint64_t rptr_written;
};

static enum step fail(struct processor *cp, enum ogpu_queue_error error, uint32_t detail)
{
	cp->slot->failure = (struct slot_failure){ .error = error, .detail = detail };
	return STEP_FAIL;
}

static enum step fail_memory(struct processor *cp, const struct mmu_fault *fault, uint32_t detail)
{
	cp->slot->failure = (struct slot_failure){
		.error = OGPU_QERR_MEMORY, .fault = *fault, .detail = detail,
	};
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

/*
 * Turn an address in a packet into an operand, by the packet's PHYS flag.
 */
static enum step operand(struct processor *cp, const struct packet *p, uint64_t addr,
			 uint64_t bytes, bool phys, bool write, uint64_t *result)
{
	struct mmu_fault fault;

	if (phys) {
		if (!physical_operand(addr, bytes))
			return fail(cp, OGPU_QERR_PACKET, p->opcode);
		*result = addr;
		return STEP_DONE;
	}
	if (!virtual_operand(addr, write, result, &fault))
		return fail_memory(cp, &fault, p->opcode);
	return STEP_DONE;
}

/* --- fetching --------------------------------------------------------------------------------- */

static bool read_ring(struct processor *cp, uint64_t pos, void *buf, size_t len)
{
	struct mmu_fault ignored;
	uint8_t *to = buf;

	while (len) {
		uint64_t offset = pos & (cp->queue->ring_size - 1);
		size_t n = cp->queue->ring_size - offset;

		if (n > len)
			n = len;
		if (!mmu_read(&cp->slot->mmu, cp->queue->ring + offset, to, n, &ignored))
			return false;
		to += n;
		pos += n;
		len -= n;
	}
	return true;
}

/* Bytes of a packet, from its start. */
static enum step read_packet(struct processor *cp, const struct packet *p, uint32_t offset,
			     void *buf, size_t len)
{
	struct mmu_fault fault;
	uint64_t from;

	if (!p->indirect) {
		if (read_ring(cp, p->at + offset, buf, len))
			return STEP_DONE;
		return fail(cp, OGPU_QERR_RING, 0);
	}
	if (!virtual_operand(p->at + offset, false, &from, &fault) ||
	    !mmu_read(&cp->slot->mmu, from, buf, len, &fault))
		return fail_memory(cp, &fault, OGPU_OP_INDIRECT);
	return STEP_DONE;
}

/* The header, and as much of the body as has a fixed layout. */
static enum step fetch(struct processor *cp, struct packet *p, uint64_t available)
{
	enum step step = read_packet(cp, p, 0, p->u.raw, 8);
	uint32_t header = p->u.header, words = FIELD_GET(OGPU_PKT_WORDS, header);

	if (step)
		return step;
	p->opcode = FIELD_GET(OGPU_PKT_OPCODE, header);
	p->flags = FIELD_GET(OGPU_PKT_FLAGS, header);
	p->bytes = words * 4;
	vgpu_trace(cp->slot->gpu, TRACE_PACKET,
		   "slot %u queue %u %s 0x%llx opcode %u flags 0x%x bytes %u", cp->slot->index,
		   cp->queue->queue, p->indirect ? "va" : "ring", (unsigned long long)p->at,
		   p->opcode, p->flags, p->bytes);
	if (!words || words & 1 || p->bytes > available)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (p->bytes == 8 || p->opcode == OGPU_OP_NOP)
		return STEP_DONE;
	return read_packet(cp, p, 8, p->u.raw + 8,
			   (p->bytes > FIXED_MAX ? FIXED_MAX : p->bytes) - 8);
}

/* --- packets ---------------------------------------------------------------------------------- */

static bool ranges_overlap(uint64_t a, uint64_t b, uint64_t bytes)
{
	return a < b ? b - a < bytes : a - b < bytes;
}

static enum step do_copy(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_copy *c = &p->u.copy;
	struct mmu_fault fault;
	uint64_t src, dst;
	enum step step;

	if (c->rsvd)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (!c->bytes)
		return STEP_DONE;
	step = operand(cp, p, c->src, c->bytes, p->flags & OGPU_COPY_SRC_PHYS, false, &src);
	if (!step)
		step = operand(cp, p, c->dst, c->bytes, p->flags & OGPU_COPY_DST_PHYS, true, &dst);
	if (step)
		return step;
	if (ranges_overlap(src, dst, c->bytes) || cp->slot->context.context12 > c->bytes)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = copy_run(cp->slot, src, dst, c->bytes, &cp->slot->context.context12, &fault);
	return step == STEP_FAIL ? fail_memory(cp, &fault, p->opcode) : step;
}

static enum step do_fill(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_fill *f = &p->u.fill;
	struct mmu_fault fault;
	enum step step;
	uint64_t dst;

	if (f->dst & 3 || f->bytes & 3)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (!f->bytes)
		return STEP_DONE;
	step = operand(cp, p, f->dst, f->bytes, p->flags & OGPU_FILL_DST_PHYS, true, &dst);
	if (step)
		return step;
	if (cp->slot->context.context12 > f->bytes || cp->slot->context.context12 & 3)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = fill_run(cp->slot, f->pattern, dst, f->bytes, &cp->slot->context.context12, &fault);
	return step == STEP_FAIL ? fail_memory(cp, &fault, p->opcode) : step;
}

static enum step do_write(struct processor *cp, struct packet *p)
{
	const uint32_t head = sizeof(p->u.write);
	uint8_t data[4096];
	struct mmu_fault fault;
	enum step step;
	uint64_t dst;

	if (p->u.write.rsvd || p->u.write.dst & 3)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = operand(cp, p, p->u.write.dst, p->bytes - head, false, true, &dst);
	for (uint32_t done = head; !step && done < p->bytes; done += sizeof(data)) {
		size_t n = p->bytes - done;

		if (n > sizeof(data))
			n = sizeof(data);
		step = read_packet(cp, p, done, data, n);
		if (!step && !mmu_write(&cp->slot->mmu, dst + done - head, data, n, &fault))
			return fail_memory(cp, &fault, p->opcode);
	}
	if (!step)
		engines_memory_changed(cp->slot->eng);
	return step;
}

static bool write_rptr(struct processor *cp, uint64_t pos)
{
	struct mmu_fault ignored;

	if (cp->rptr_written == pos)
		return true;
	cp->rptr_written = pos;
	return mmu_write(&cp->slot->mmu, cp->queue->rptr, &pos, sizeof(pos), &ignored);
}

static enum step do_fence(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_fence *f = &p->u.fence;
	struct ogpu_event event = {
		.type = OGPU_EVENT_FENCE, .engine = cp->slot->class, .asid = cp->queue->asid,
		.queue = cp->queue->queue, .value0 = f->addr, .value1 = f->value,
	};
	struct mmu_fault fault;
	enum step step;
	uint64_t dst;

	if (f->rsvd || f->addr & 7)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = operand(cp, p, f->addr, 8, p->flags & OGPU_FENCE_PHYS, true, &dst);
	if (step)
		return step;
	atomic_thread_fence(memory_order_seq_cst);
	if (!mmu_write(&cp->slot->mmu, dst, &f->value, sizeof(f->value), &fault))
		return fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	/* The host frees ring space when it sees the event: let it see the read pointer first. */
	if (!write_rptr(cp, cp->slot->context.pos + (p->indirect ? 0 : p->bytes)))
		return fail(cp, OGPU_QERR_RING, p->opcode);
	if (p->flags & OGPU_FENCE_IRQ)
		vgpu_event_push(cp->slot->gpu, &event);
	return STEP_DONE;
}

static bool compare(enum ogpu_compare how, uint64_t a, uint64_t b)
{
	switch (how) {
	case OGPU_COMPARE_EQ:
		return a == b;
	case OGPU_COMPARE_NE:
		return a != b;
	case OGPU_COMPARE_GE:
		return a >= b;
	default:
		return a < b;
	}
}

static enum step do_wait(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_wait *w = &p->u.wait;
	uint64_t src, now, pause = WAIT_MIN_NS;
	struct mmu_fault fault;
	enum step step;

	if (w->compare > OGPU_COMPARE_LT || w->addr & 7)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = operand(cp, p, w->addr, 8, false, false, &src);
	if (step)
		return step;
	for (;;) {
		if (!mmu_read(&cp->slot->mmu, src, &now, sizeof(now), &fault))
			return fail_memory(cp, &fault, p->opcode);
		if (compare(w->compare, now & w->mask, w->value & w->mask))
			break;
		if (atomic_load(&cp->slot->stop))
			return STEP_STOP;
		if (!write_rptr(cp, cp->slot->context.pos))
			return fail(cp, OGPU_QERR_RING, p->opcode);
		slot_wait_memory(cp->slot, pause);
		if (pause < WAIT_MAX_NS)
			pause += pause / 2;
	}
	slot_running(cp->slot);
	return STEP_DONE;
}

static enum step do_timestamp(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_timestamp *t = &p->u.timestamp;
	uint64_t now = vgpu_time_ns(cp->slot->gpu), dst;
	struct mmu_fault fault;
	enum step step;

	if (t->rsvd || t->addr & 7)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = operand(cp, p, t->addr, 8, p->flags & OGPU_TIMESTAMP_PHYS, true, &dst);
	if (step)
		return step;
	if (!mmu_write(&cp->slot->mmu, dst, &now, sizeof(now), &fault))
		return fail_memory(cp, &fault, p->opcode);
	return STEP_DONE;
}

/* OGPU_QERR_NONE if the hardware can do it. */
static enum ogpu_queue_error check_dispatch(struct processor *cp,
					    const struct ogpu_pkt_dispatch *d)
{
	unsigned __int128 groups = (unsigned __int128)d->grid[0] * d->grid[1] * d->grid[2];
	unsigned __int128 items = (unsigned __int128)d->group[0] * d->group[1] * d->group[2];

	if (d->rsvd || d->entry & 1 || d->private_bytes & 15 || !items)
		return OGPU_QERR_PACKET;
	if (items > VGPU_MAX_WORKGROUP || d->local_bytes > VGPU_LOCAL_BYTES ||
	    d->private_bytes > VGPU_PRIVATE_BYTES || groups > INT64_MAX)
		return OGPU_QERR_DISPATCH;
	return pool_empty(cp->slot->eng->pool) ? OGPU_QERR_DISPATCH : OGPU_QERR_NONE;
}

static enum step do_dispatch(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_dispatch *d = &p->u.dispatch;
	struct cu_launch launch = {
		.asid = cp->queue->asid, .entry = d->entry, .args = d->args,
		.local_bytes = d->local_bytes, .private_bytes = d->private_bytes,
	};
	enum ogpu_queue_error error = check_dispatch(cp, d);
	struct cu_error cu_error;
	enum step step;

	if (error)
		return fail(cp, error, p->opcode);
	memcpy(launch.grid, d->grid, sizeof(launch.grid));
	memcpy(launch.group, d->group, sizeof(launch.group));
	step = pool_dispatch(cp->slot->eng->pool, &launch, &cp->slot->stop,
			     &cp->slot->context.context12, &cu_error);
	if (step != STEP_FAIL)
		return step;
	cp->slot->failure = (struct slot_failure){
		.error = cu_error.error, .pc = cu_error.pc, .detail = cu_error.insn,
	};
	if (cu_error.error == OGPU_QERR_MEMORY)
		cp->slot->failure.fault = cu_error.fault;
	return STEP_FAIL;
}

static enum step do_cache(struct processor *cp, struct packet *p)
{
	const uint32_t known = OGPU_CACHE_CLEAN | OGPU_CACHE_INVALIDATE | OGPU_CACHE_CODE;

	if (p->u.cache.ops & ~known)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	/* All data here is coherent; code may have been kept. */
	atomic_thread_fence(memory_order_seq_cst);
	if (p->u.cache.ops & OGPU_CACHE_CODE)
		engines_code_invalidate(cp->slot->eng, cp->queue->asid);
	return STEP_DONE;
}

static enum step do_tlbi(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_tlbi *t = &p->u.tlbi;

	if (t->asid > 0xffff || (!t->asid && (t->start || t->end)) || t->start > t->end ||
	    (t->start | t->end) & (OGPU_PAGE_4K - 1) || t->end > 1ull << OGPU_VA_BITS)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	engines_tlb_invalidate(cp->slot->eng, &(struct tlbi){ t->asid, t->start, t->end });
	return STEP_DONE;
}

static enum step do_nop(struct processor *cp, struct packet *p)
{
	(void)cp;
	(void)p;
	return STEP_DONE;
}

static enum step execute(struct processor *cp, struct packet *p);

static enum step do_indirect(struct processor *cp, struct packet *p)
{
	const uint64_t addr = p->u.indirect.addr;
	const uint32_t bytes = p->u.indirect.bytes;
	struct slot *slot = cp->slot;
	enum step step;

	if (p->indirect || !bytes || bytes & 7 || bytes > OGPU_INDIRECT_MAX_BYTES || addr & 7 ||
	    slot->context.context0 & 7 || slot->context.context0 > bytes)
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	while (slot->context.context0 < bytes) {
		struct packet inner = { .indirect = true, .at = addr + slot->context.context0 };

		if (atomic_load_explicit(&slot->stop, memory_order_relaxed))
			return STEP_STOP;
		step = fetch(cp, &inner, bytes - slot->context.context0);
		if (!step)
			step = execute(cp, &inner);
		if (step)
			return step;
		slot->context.context0 += inner.bytes;
		slot->context.context12 = 0;
	}
	return STEP_DONE;
}

/* What the contract says of each opcode. */
static const struct rule {
	enum step (*run)(struct processor *cp, struct packet *p);
	uint32_t bytes;		/* exact, or the least if longer ones exist */
	bool longer;
	uint32_t flags;		/* allowed */
	uint32_t privileged;	/* flags that need a privileged ring */
	bool keeps_progress;	/* uses CONTEXT1/2 */
} rules[] = {
	[OGPU_OP_NOP] = { do_nop, 8, true, 0, 0, false },
	[OGPU_OP_INDIRECT] = { do_indirect, sizeof(struct ogpu_pkt_indirect), false, 0, 0, true },
	[OGPU_OP_COPY] = { do_copy, sizeof(struct ogpu_pkt_copy), false,
			   OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS,
			   OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS, true },
	[OGPU_OP_FILL] = { do_fill, sizeof(struct ogpu_pkt_fill), false,
			   OGPU_FILL_DST_PHYS, OGPU_FILL_DST_PHYS, true },
	[OGPU_OP_WRITE] = { do_write, sizeof(struct ogpu_pkt_write) + 8, true, 0, 0, false },
	[OGPU_OP_FENCE] = { do_fence, sizeof(struct ogpu_pkt_fence), false,
			    OGPU_FENCE_PHYS | OGPU_FENCE_IRQ, OGPU_FENCE_PHYS | OGPU_FENCE_IRQ,
			    false },
	[OGPU_OP_WAIT] = { do_wait, sizeof(struct ogpu_pkt_wait), false, 0, 0, false },
	[OGPU_OP_TIMESTAMP] = { do_timestamp, sizeof(struct ogpu_pkt_timestamp), false,
				OGPU_TIMESTAMP_PHYS, OGPU_TIMESTAMP_PHYS, false },
	[OGPU_OP_DISPATCH] = { do_dispatch, sizeof(struct ogpu_pkt_dispatch), false, 0, 0, true },
	[OGPU_OP_CACHE] = { do_cache, sizeof(struct ogpu_pkt_cache), false, 0, 0, false },
	[OGPU_OP_TLBI] = { do_tlbi, sizeof(struct ogpu_pkt_tlbi), false, 0, 0, false },
};

static enum step execute(struct processor *cp, struct packet *p)
{
	const bool trusted = cp->queue->flags & OGPU_QUEUE_PRIVILEGED && !p->indirect;
	const struct rule *rule;

	if (p->opcode > OGPU_OP_TLBI ||
	    (p->opcode == OGPU_OP_DISPATCH && cp->slot->class != OGPU_ENGINE_COMPUTE))
		return fail(cp, OGPU_QERR_OPCODE, p->opcode);
	rule = &rules[p->opcode];
	if (p->flags & ~rule->flags || p->bytes < rule->bytes ||
	    (!rule->longer && p->bytes != rule->bytes) ||
	    (cp->slot->context.context12 && !rule->keeps_progress))
		return fail(cp, OGPU_QERR_PACKET, p->opcode);
	if (!trusted && (p->flags & rule->privileged || p->opcode == OGPU_OP_TLBI))
		return fail(cp, OGPU_QERR_PRIVILEGE, p->opcode);
	return rule->run(cp, p);
}

/* --- the ring --------------------------------------------------------------------------------- */

static bool read_wptr(struct processor *cp)
{
	struct mmu_fault ignored;

	if (!mmu_read(&cp->slot->mmu, cp->queue->wptr, &cp->wptr, sizeof(cp->wptr), &ignored))
		return false;
	return !(cp->wptr & 7) && cp->wptr - cp->slot->context.pos <= cp->queue->ring_size;
}

static bool ring_operand(uint64_t operand, uint64_t align)
{
	uint64_t target = FIELD_GET(OGPU_OPERAND_TARGET, operand);

	return !(operand & (OGPU_OPERAND_MBZ | (align - 1))) &&
	       (target == OGPU_TARGET_VRAM || target == OGPU_TARGET_SYSTEM);
}

static bool descriptor_ok(const struct slot *slot, const struct slot_queue *q)
{
	return ring_operand(q->ring, OGPU_RING_MIN_SIZE) && ring_operand(q->rptr, 8) &&
	       ring_operand(q->wptr, 8) && q->ring_size >= OGPU_RING_MIN_SIZE &&
	       q->ring_size <= OGPU_RING_MAX_SIZE && !(q->ring_size & (q->ring_size - 1)) &&
	       q->asid <= 0xffff && !(q->flags & ~OGPU_QUEUE_PRIVILEGED) &&
	       !(slot->context.pos & 7);
}

static enum step next_packet(struct processor *cp)
{
	struct slot *slot = cp->slot;
	struct packet p = { .at = slot->context.pos };
	enum step step = fetch(cp, &p, cp->wptr - slot->context.pos);

	if (!step && slot->context.context0 && p.opcode != OGPU_OP_INDIRECT)
		step = fail(cp, OGPU_QERR_PACKET, p.opcode);
	if (!step)
		step = execute(cp, &p);
	if (step)
		return step;
	slot->context.pos += p.bytes;
	slot->context.context0 = 0;
	slot->context.context12 = 0;
	if (slot->context.pos - cp->rptr_written >= cp->queue->ring_size / 4 &&
	    !write_rptr(cp, slot->context.pos))
		return fail(cp, OGPU_QERR_RING, 0);
	return STEP_DONE;
}

static enum step run(struct processor *cp)
{
	struct slot *slot = cp->slot;
	enum step step = STEP_DONE;

	if (!descriptor_ok(slot, cp->queue))
		return fail(cp, OGPU_QERR_RING, 0);
	while (!step) {
		if (atomic_load(&slot->stop))
			return STEP_STOP;
		if (cp->wptr != slot->context.pos) {
			step = next_packet(cp);
			continue;
		}
		if (!read_wptr(cp))
			return fail(cp, OGPU_QERR_RING, 0);
		if (cp->wptr != slot->context.pos)
			continue;
		if (!write_rptr(cp, slot->context.pos))
			return fail(cp, OGPU_QERR_RING, 0);
		/* Rung since the write pointer was read: it may have moved. */
		if (slot_wait_idle(slot))
			slot_running(slot);
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
	step = run(&cp);
	if (!(atomic_load(&slot->stop) & (STOP_RESET | STOP_EXIT)) &&
	    slot->failure.error != OGPU_QERR_RING)
		write_rptr(&cp, slot->context.pos);
	return step;
}
