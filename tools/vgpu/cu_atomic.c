// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Atomic operations of a wave (A extension), lane after lane in lane order.
 *
 * They are the host's atomic operations on the host's memory, sequentially consistent whatever aq
 * and rl say: so they are atomic towards other lanes, workgroups, slots and the guest's CPUs. What
 * becomes of the unit's data cache, if it has one, aq and rl say.
 * SC compares with the value that LR saw instead of watching the address, which is stronger than
 * no guarantee and weaker than a monitor: a value that changed and changed back is not noticed.
 */
#include "abi/cu.h"
#include "cu.h"

#define ACQUIRE		BIT(26)		/* in the instruction */
#define RELEASE		BIT(25)

/* A reservation's address and size in one word: aligned addresses leave the low bits free. */
#define RESERVATION(va, size)	((va) | (size) / 8)

/*
 * There was no host memory behind an atomic access: says why. Memory that began to answer meanwhile
 * is used: an access is carried out or refused, never left out.
 */
static uint8_t *look_again(struct cu *cu, uint64_t va)
{
	enum ogpu_fault_reason reason = OGPU_FAULT_VA_RANGE;
	struct mmu_page page;

	if (va >= OGPU_CU_PRIVATE_BASE && va < OGPU_CU_EXIT && cu->error.error)
		return NULL;
	if (va >> OGPU_VA_BITS) {
		if (va < OGPU_CU_EXIT)
			reason = OGPU_FAULT_APERTURE;
		cu_fault(cu, va, OGPU_ACCESS_ATOMIC, reason);
		return NULL;
	}
	if (mmu_translate(&cu->mmu, va, OGPU_ACCESS_ATOMIC, &page, &cu->error.fault))
		return page.host;
	cu->error.error = OGPU_QERR_MEMORY;
	return NULL;
}

static uint64_t sext32(uint32_t v)
{
	return (uint64_t)(int64_t)(int32_t)v;
}

static uint64_t load(const void *p, unsigned int size)
{
	return size == 4 ? sext32(__atomic_load_n((const uint32_t *)p, __ATOMIC_SEQ_CST)) :
			   __atomic_load_n((const uint64_t *)p, __ATOMIC_SEQ_CST);
}

/* Stores if memory holds *seen, else *seen becomes what it holds. Words are sign-extended. */
static bool replace(void *p, uint64_t *seen, uint64_t v, unsigned int size)
{
	uint32_t seen_32 = (uint32_t)*seen;
	bool stored;

	if (size == 8)
		return __atomic_compare_exchange_n((uint64_t *)p, seen, v, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	stored = __atomic_compare_exchange_n((uint32_t *)p, &seen_32, (uint32_t)v, false,
					     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	*seen = sext32(seen_32);
	return stored;
}

/* Right for words too if both are sign-extended, which keeps their order, signed and unsigned. */
static uint64_t combine(uint64_t old, uint64_t v, enum cu_amo op)
{
	switch (op) {
	case CU_AMO_ADD:
		return old + v;
	case CU_AMO_XOR:
		return old ^ v;
	case CU_AMO_OR:
		return old | v;
	case CU_AMO_AND:
		return old & v;
	case CU_AMO_MIN:
		return (int64_t)old < (int64_t)v ? old : v;
	case CU_AMO_MAX:
		return (int64_t)old > (int64_t)v ? old : v;
	case CU_AMO_MINU:
		return old < v ? old : v;
	case CU_AMO_MAXU:
		return old > v ? old : v;
	default:
		return v;
	}
}

static uint64_t amo(void *p, uint64_t v, enum cu_amo op, unsigned int size)
{
	uint64_t old = load(p, size);

	if (size == 4)
		v = sext32((uint32_t)v);
	while (!replace(p, &old, combine(old, v, op), size))
		;
	return old;
}

static uint64_t load_reserved(struct cu_wave *w, unsigned int lane, uint64_t va, const void *p,
			      unsigned int size)
{
	w->reservations = true;
	w->reserved[lane] = RESERVATION(va, size);
	w->reserved_value[lane] = load(p, size);
	return w->reserved_value[lane];
}

/* Zero if it was stored. */
static uint64_t store_conditional(struct cu_wave *w, unsigned int lane, uint64_t va, void *p,
				  uint64_t v, unsigned int size)
{
	bool holds = w->reserved[lane] == RESERVATION(va, size);

	w->reserved[lane] = CU_NO_RESERVATION;
	return !holds || !replace(p, &w->reserved_value[lane], v, size);
}

/**
 * cu_atomic() - LR, SC and the AMOs.
 * @cu: unit, inside the memory bracket
 * @w: wave
 * @insn: the instruction
 * @lanes: lanes that take part, as in w->mask
 *
 * Return: false with cu->error set if a lane's access is misaligned or refused.
 */
bool cu_atomic(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	uint64_t result[VGPU_LANES] __attribute__((aligned(64))) = { 0 };
	const uint64_t *address = cu_row(cu, w, insn->rs1), *operand = cu_row(cu, w, insn->rs2);
	const unsigned int size = insn->size;
	void *host[VGPU_LANES];

	if (insn->raw & RELEASE)
		mmu_cache_clean(&cu->mmu);
	/* All lanes or none, so that it can be tried again after a fault. */
	for (uint32_t left = lanes; left; left &= left - 1) {
		const unsigned int lane = __builtin_ctz(left);
		const uint64_t va = address[lane];
		void *p;

		if (va & (size - 1)) {
			cu->error.error = OGPU_QERR_MISALIGNED;
			return false;
		}
		p = cu_lane_ptr(cu, w, lane, va, size, MMU_DIRECT_ATOMIC);
		if (!p)
			p = look_again(cu, va);
		if (!p)
			return false;
		host[lane] = p;
	}
	for (uint32_t left = lanes; left; left &= left - 1) {
		const unsigned int lane = __builtin_ctz(left);
		const uint64_t va = address[lane], v = operand[lane];
		void *p = host[lane];

		if (insn->op == CU_LR)
			result[lane] = load_reserved(w, lane, va, p, size);
		else if (insn->op == CU_SC)
			result[lane] = store_conditional(w, lane, va, p, v, size);
		else
			result[lane] = amo(p, v, insn->aux, size);
	}
	if (insn->raw & ACQUIRE)
		mmu_cache_drop(&cu->mmu);
	cu_put(cu, w, insn->rd, result);
	return true;
}
