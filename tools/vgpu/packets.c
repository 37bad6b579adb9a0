// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What packets do that do not move bytes: WRITE, FENCE, WAIT, SKIP, ATOMIC, TIMESTAMP, COUNTERS,
 * dispatches, CACHE and TLBI. command.c has checked opcode, length, flags and privilege.
 */
#include <string.h>

#include "command.h"

/**
 * packet_write() - WRITE: words that stand in the packet itself.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_write(struct processor *cp, struct packet *p)
{
	const uint32_t head = sizeof(p->u.write);
	uint8_t data[4096];
	struct mmu_fault fault;
	enum step step;
	uint64_t dst;

	if (p->u.write.rsvd || p->u.write.dst & 3)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, p->u.write.dst, p->bytes - head, false, true, &dst);
	for (uint32_t done = head; !step && done < p->bytes; done += sizeof(data)) {
		size_t n = p->bytes - done;

		if (n > sizeof(data))
			n = sizeof(data);
		step = command_read(cp, p, done, data, n);
		if (!step && !mmu_write(&cp->slot->mmu, dst + done - head, data, n, &fault))
			return command_fail_memory(cp, &fault, p->opcode);
	}
	if (!step) {
		slot_count_bytes(cp->slot, 0, p->bytes - head);
		engines_memory_changed(cp->slot->eng);
	}
	return step;
}

/**
 * packet_fence() - FENCE: tell that everything before it is done.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_fence(struct processor *cp, struct packet *p)
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
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, f->addr, 8, p->flags & OGPU_FENCE_PHYS, true, &dst);
	if (step)
		return step;
	atomic_thread_fence(memory_order_seq_cst);
	if (!mmu_write(&cp->slot->mmu, dst, &f->value, sizeof(f->value), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	/* The host frees ring space when it sees the event: let it see the read pointer first. */
	step = command_write_rptr(cp, cp->slot->context.pos + (p->level ? 0 : p->bytes));
	if (step)
		return step;
	if (p->flags & OGPU_FENCE_IRQ)
		vgpu_event_push(cp->slot->gpu, &event);
	if (p->flags & OGPU_FENCE_SIGNAL)
		vgpu_signal(cp->slot->gpu, cp->queue->queue);
	return STEP_DONE;
}

/**
 * packet_wait() - WAIT: hold the queue until memory has a value.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_wait(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_wait *w = &p->u.wait;
	struct engines_condition what = {
		.value = w->value, .mask = w->mask, .asid = cp->queue->asid, .compare = w->compare,
	};
	struct mmu_fault fault;
	enum step step;
	uint64_t now;

	if (w->compare > OGPU_COMPARE_LT || w->addr & 7)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, w->addr, 8, p->flags & OGPU_WAIT_PHYS, false, &what.operand);
	if (step)
		return step;
	for (;;) {
		if (!mmu_read(&cp->slot->mmu, what.operand, &now, sizeof(now), &fault))
			return command_fail_memory(cp, &fault, p->opcode);
		if (condition_holds(&what, now))
			break;
		if (late_pending(cp)) {
			step = late_finish(cp);
			if (step)
				return step;
			continue;
		}
		step = command_write_rptr(cp, cp->slot->context.pos);
		if (step)
			return step;
		if (!slot_wait_memory(cp->slot, &what))
			return STEP_STOP;
	}
	slot_wait_over(cp->slot);
	return STEP_DONE;
}

/**
 * packet_skip() - SKIP: leave out packets if memory has a value.
 * @cp: the command processor
 * @p: the packet; skip is set to what is left out
 *
 * Return: how it ended.
 */
enum step packet_skip(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_skip *s = &p->u.skip;
	const struct engines_condition what = {
		.value = s->value, .mask = s->mask, .compare = s->compare,
	};
	struct mmu_fault fault;
	uint64_t src, now;
	enum step step;

	if (s->compare > OGPU_COMPARE_LT || s->addr & 7 || s->bytes & 7 || s->rsvd ||
	    s->bytes > p->room)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, s->addr, 8, false, false, &src);
	if (step)
		return step;
	if (!mmu_read(&cp->slot->mmu, src, &now, sizeof(now), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	if (condition_holds(&what, now))
		p->skip = s->bytes;
	return STEP_DONE;
}

/* --- ATOMIC ----------------------------------------------------------------------------------- */

static uint64_t atomic_result(enum ogpu_atomic_op op, uint64_t old, const struct ogpu_pkt_atomic *a,
			      bool wide)
{
	int64_t x = wide ? (int64_t)old : (int32_t)old;
	int64_t y = wide ? (int64_t)a->value : (int32_t)a->value;

	switch (op) {
	case OGPU_ATOMIC_ADD:
		return old + a->value;
	case OGPU_ATOMIC_SWAP:
		return a->value;
	case OGPU_ATOMIC_CAS:
		return old == a->compare ? a->value : old;
	case OGPU_ATOMIC_AND:
		return old & a->value;
	case OGPU_ATOMIC_OR:
		return old | a->value;
	case OGPU_ATOMIC_XOR:
		return old ^ a->value;
	case OGPU_ATOMIC_MIN:
		return x < y ? x : y;
	case OGPU_ATOMIC_MAX:
		return x > y ? x : y;
	case OGPU_ATOMIC_MINU:
		return old < a->value ? old : a->value;
	default:
		return old > a->value ? old : a->value;
	}
}

/* Inside the bracket; returns what was there. */
static uint64_t do_atomic(void *host, enum ogpu_atomic_op op, const struct ogpu_pkt_atomic *a,
			  bool wide)
{
	uint64_t old;
	uint32_t low;

	if (wide) {
		old = __atomic_load_n((uint64_t *)host, __ATOMIC_RELAXED);
		while (!__atomic_compare_exchange_n((uint64_t *)host, &old,
						    atomic_result(op, old, a, wide), false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			;
		return old;
	}
	low = __atomic_load_n((uint32_t *)host, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n((uint32_t *)host, &low,
					    (uint32_t)atomic_result(op, low, a, wide), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	return low;
}

static bool atomic_ok(const struct packet *p)
{
	const struct ogpu_pkt_atomic *a = &p->u.atomic;
	const bool wide = a->op & OGPU_ATOMIC_WIDE;
	const uint32_t op = a->op & ~OGPU_ATOMIC_WIDE;

	if (op >= OGPU_ATOMIC_OPS || a->addr & (wide ? 7 : 3) || a->result & 7)
		return false;
	if (!wide && (a->value | a->compare) >> 32)
		return false;
	if (op != OGPU_ATOMIC_CAS && a->compare)
		return false;
	return p->flags & OGPU_ATOMIC_RETURN || !a->result;
}

/**
 * packet_atomic() - ATOMIC: change a word of memory in one step.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_atomic(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_atomic *a = &p->u.atomic;
	const bool wide = a->op & OGPU_ATOMIC_WIDE;
	struct mmu *mmu = &cp->slot->mmu;
	const bool returns = p->flags & OGPU_ATOMIC_RETURN;
	struct mmu_page page, result;
	struct mmu_fault fault;
	uint64_t old;
	bool ok;

	if (!atomic_ok(p))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	/* Both or neither, so that it can be tried again after a fault. */
	mmu_enter(mmu);
	ok = mmu_translate(mmu, a->addr, OGPU_ACCESS_ATOMIC, &page, &fault) &&
	     (!returns || mmu_translate(mmu, a->result, OGPU_ACCESS_WRITE, &result, &fault));
	if (ok) {
		old = do_atomic(page.host, a->op & ~OGPU_ATOMIC_WIDE, a, wide);
		if (returns)
			__atomic_store_n((uint64_t *)result.host, old, __ATOMIC_SEQ_CST);
	}
	mmu_leave(mmu);
	if (!ok)
		return command_fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	return STEP_DONE;
}

/* ---------------------------------------------------------------------------------------------- */

/**
 * packet_timestamp() - TIMESTAMP: store the time.
 * @cp: the command processor
 * @p: the packet
 *
 * Everything before it is complete when it starts, so END makes no difference here.
 *
 * Return: how it ended.
 */
enum step packet_timestamp(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_timestamp *t = &p->u.timestamp;
	uint64_t now = vgpu_time_ns(cp->slot->gpu), dst;
	struct mmu_fault fault;
	enum step step;

	if (t->rsvd || t->addr & 7)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, t->addr, 8, p->flags & OGPU_TIMESTAMP_PHYS, true, &dst);
	if (step)
		return step;
	if (!mmu_write(&cp->slot->mmu, dst, &now, sizeof(now), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	return STEP_DONE;
}

/**
 * packet_counters() - COUNTERS: store what the queue has done.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_counters(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_counters *c = &p->u.counters;
	uint64_t counter[OGPU_COUNTERS];
	struct mmu_fault fault;
	enum step step;
	uint64_t dst;

	_Static_assert(sizeof(counter) == sizeof(struct ogpu_counters), "all of them");
	if (c->rsvd || c->addr & 7)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, c->addr, sizeof(counter), false, true, &dst);
	if (step)
		return step;
	slot_count_bytes(cp->slot, 0, 0);
	pthread_mutex_lock(&cp->slot->lock);
	memcpy(counter, cp->slot->counter, sizeof(counter));
	pthread_mutex_unlock(&cp->slot->lock);
	if (!mmu_write(&cp->slot->mmu, dst, counter, sizeof(counter), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	engines_memory_changed(cp->slot->eng);
	return STEP_DONE;
}

/* --- dispatches ------------------------------------------------------------------------------- */

/* The whole grid as work-items see it; false if base and grid do not fit it. */
static bool set_total(struct cu_launch *launch, const __le32 *total)
{
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t end = (uint64_t)launch->base[i] + launch->grid[i];

		if (end > (total[i] ? total[i] : UINT32_MAX))
			return false;
		launch->total[i] = total[i] ? total[i] : end;
	}
	return true;
}

/* OGPU_QERR_NONE if the hardware can do it. */
static enum ogpu_queue_error check_launch(const struct cu_launch *l)
{
	unsigned __int128 groups = (unsigned __int128)l->grid[0] * l->grid[1] * l->grid[2];
	unsigned __int128 items = (unsigned __int128)l->group[0] * l->group[1] * l->group[2];

	if (l->entry & 1 || l->private_bytes & 15 || !items)
		return OGPU_QERR_PACKET;
	if (items > VGPU_MAX_WORKGROUP || l->local_bytes > VGPU_LOCAL_BYTES ||
	    l->private_bytes > VGPU_PRIVATE_BYTES || groups > INT64_MAX)
		return OGPU_QERR_DISPATCH;
	return OGPU_QERR_NONE;
}

static enum step run_launch(struct processor *cp, struct packet *p, const struct cu_launch *launch)
{
	enum ogpu_queue_error error = check_launch(launch);
	struct cu_error cu_error;
	enum step step;

	if (error)
		return command_fail(cp, error, p->opcode);
	step = pool_dispatch(cp, launch, &cu_error);
	if (cp->late.failed)
		return STEP_FAIL;
	if (step != STEP_FAIL)
		return step;
	cp->slot->failure = (struct slot_failure){
		.error = cu_error.error, .pc = cu_error.pc,
		.detail = cu_error.item ? cu_error.insn : p->opcode, .replay = cu_error.replay,
	};
	if (cu_error.error == OGPU_QERR_MEMORY)
		cp->slot->failure.fault = cu_error.fault;
	return STEP_FAIL;
}

/**
 * packet_dispatch() - DISPATCH: run a compute kernel.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_dispatch(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_dispatch *d = &p->u.dispatch;
	struct cu_launch launch = {
		.asid = cp->queue->asid, .entry = d->entry, .args = d->args,
		.local_bytes = d->local_bytes, .private_bytes = d->private_bytes,
	};

	memcpy(launch.grid, d->grid, sizeof(launch.grid));
	memcpy(launch.group, d->group, sizeof(launch.group));
	memcpy(launch.base, d->base, sizeof(launch.base));
	if (d->rsvd || !set_total(&launch, d->total))
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	return run_launch(cp, p, &launch);
}

/**
 * packet_dispatch_indirect() - DISPATCH_INDIRECT: run a compute kernel with a grid from memory.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_dispatch_indirect(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_dispatch_indirect *d = &p->u.dispatch_indirect;
	struct cu_launch launch = {
		.asid = cp->queue->asid, .entry = d->entry, .args = d->args,
		.local_bytes = d->local_bytes, .private_bytes = d->private_bytes,
	};
	struct mmu_fault fault;
	enum step step;
	uint64_t src;

	if (d->rsvd || d->rsvd2 || d->grid & 3)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	step = command_operand(cp, p, d->grid, sizeof(launch.grid), false, false, &src);
	if (step)
		return step;
	if (!mmu_read(&cp->slot->mmu, src, launch.grid, sizeof(launch.grid), &fault))
		return command_fail_memory(cp, &fault, p->opcode);
	memcpy(launch.total, launch.grid, sizeof(launch.total));
	memcpy(launch.group, d->group, sizeof(launch.group));
	return run_launch(cp, p, &launch);
}

/* --- caches ----------------------------------------------------------------------------------- */

/**
 * packet_cache() - CACHE: write back or drop what engines have cached.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_cache(struct processor *cp, struct packet *p)
{
	const uint32_t known = OGPU_CACHE_CLEAN | OGPU_CACHE_INVALIDATE | OGPU_CACHE_CODE;
	const struct ogpu_pkt_cache *c = &p->u.cache;

	if (c->ops & ~known || c->start > c->end || c->end > 1ull << OGPU_VA_BITS)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	/*
	 * All workgroups of the queue have ended: what they wrote is in memory, and those that come
	 * begin with what is there.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (c->ops & OGPU_CACHE_CODE && (c->start != c->end || !c->start))
		engines_code_invalidate(cp->slot->eng,
					&(struct tlbi){ cp->queue->asid, c->start, c->end });
	return STEP_DONE;
}

/**
 * packet_tlbi() - TLBI: drop translations.
 * @cp: the command processor
 * @p: the packet
 *
 * Return: how it ended.
 */
enum step packet_tlbi(struct processor *cp, struct packet *p)
{
	const struct ogpu_pkt_tlbi *t = &p->u.tlbi;

	if (t->asid > 0xffff || (!t->asid && (t->start || t->end)) || t->start > t->end ||
	    (t->start | t->end) & (OGPU_PAGE_4K - 1) || t->end > 1ull << OGPU_VA_BITS)
		return command_fail(cp, OGPU_QERR_PACKET, p->opcode);
	engines_tlb_invalidate(cp->slot->eng, &(struct tlbi){ t->asid, t->start, t->end });
	return STEP_DONE;
}
