// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Loads and stores of a wave.
 *
 * From fast to slow: one host access for all lanes (addresses contiguous or equal) or for each run
 * of lanes, a gather within one piece of host memory, one look-up and access for each lane, and
 * piece by piece where a value crosses pages.
 */
#include <string.h>

#include "abi/cu.h"
#include "cu.h"
#include "cu_fp.h"

/* Guest memory has any alignment and type. */
typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t any_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t any_u64 __attribute__((aligned(1), may_alias));

/*
 * One access of the host for each of a lane's, so that an aligned one is never seen in part. A copy
 * of so many bytes would not do: compilers make several accesses of it.
 */
static inline __attribute__((always_inline)) uint64_t read_host(const uint8_t *p, unsigned int size)
{
	switch (size) {
	case 1:
		return __atomic_load_n(p, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const any_u16 *)p, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const any_u32 *)p, __ATOMIC_RELAXED);
	default:
		return __atomic_load_n((const any_u64 *)p, __ATOMIC_RELAXED);
	}
}

static inline __attribute__((always_inline)) void write_host(uint8_t *p, uint64_t v,
							     unsigned int size)
{
	switch (size) {
	case 1:
		__atomic_store_n(p, (uint8_t)v, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((any_u16 *)p, (uint16_t)v, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((any_u32 *)p, (uint32_t)v, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((any_u64 *)p, v, __ATOMIC_RELAXED);
		break;
	}
}

/**
 * cu_fault() - Note that an access was refused.
 * @cu: unit
 * @va: address
 * @access: what was tried
 * @reason: why it was refused
 *
 * Return: false.
 */
bool cu_fault(struct cu *cu, uint64_t va, enum ogpu_access access, enum ogpu_fault_reason reason)
{
	cu->error.error = OGPU_QERR_MEMORY;
	cu->error.area = false;
	cu->error.fault = (struct mmu_fault){ va, access, reason };
	return false;
}

static uint8_t *local_ptr(struct cu *cu, uint64_t va, uint64_t bytes)
{
	uint64_t offset = va - OGPU_CU_LOCAL_BASE;

	if (offset >= cu->launch->local_bytes || bytes > cu->launch->local_bytes - offset)
		return NULL;
	return cu->local_mem + offset;
}

/* A row of private memory in the save area: it lies within a page. NULL: cu->error is set. */
static uint64_t *frame_row(struct cu *cu, uint64_t operand)
{
	const uint64_t va = operand & OGPU_OPERAND_ADDR;
	struct mmu_page page;
	uint8_t *row;
	bool ok;

	if (FIELD_GET(OGPU_OPERAND_TARGET, operand) == OGPU_TARGET_VIRTUAL) {
		row = mmu_lookup(&cu->mmu, va, MMU_DIRECT_READ | MMU_DIRECT_WRITE);
		if (row)
			return (uint64_t *)row;
		ok = mmu_translate(&cu->mmu, va, OGPU_ACCESS_ATOMIC, &page, &cu->error.fault);
	} else {
		ok = mmu_resolve(&cu->mmu, operand, true, &page, &cu->error.fault);
	}
	cu->error.area = !ok;
	if (ok)
		return (uint64_t *)page.host;
	cu->error.error = OGPU_QERR_MEMORY;
	return NULL;
}

/* The granule at va of lane 0; those of the other lanes follow it. */
static uint64_t *private_row(struct cu *cu, struct cu_wave *w, uint64_t va)
{
	uint64_t offset = va - OGPU_CU_PRIVATE_BASE;

	if (offset >= cu->launch->private_bytes)
		return NULL;
	return frame_row(cu, w->private_at + (offset & ~7ull) * VGPU_LANES);
}

/**
 * cu_lane_ptr() - Host pointer for one lane's access.
 * @cu: unit, inside the memory bracket
 * @w: wave
 * @lane: lane of @w
 * @va: address
 * @size: 1, 2, 4 or 8
 * @direct: MMU_DIRECT_* that are needed
 *
 * Return: NULL if there is no single piece of host memory that may be used that way; the caller
 * finds out why, but for private memory whose frame does not answer: cu->error tells.
 */
uint8_t *cu_lane_ptr(struct cu *cu, struct cu_wave *w, unsigned int lane, uint64_t va,
		     unsigned int size, uint32_t direct)
{
	static const enum ogpu_access accesses[] = {
		[MMU_DIRECT_WRITE] = OGPU_ACCESS_WRITE, [MMU_DIRECT_ATOMIC] = OGPU_ACCESS_ATOMIC,
	};
	const enum ogpu_access access = accesses[direct];
	struct mmu_fault ignored;
	struct mmu_page page;
	uint64_t *row;
	uint8_t *ptr;

	if (!(va >> OGPU_VA_BITS)) {
		if ((va & (MMU_PAGE - 1)) > MMU_PAGE - size)
			return NULL;
		ptr = mmu_lookup(&cu->mmu, va, direct);
		if (ptr)
			return ptr;
		if (!mmu_translate(&cu->mmu, va, access, &page, &ignored))
			return NULL;
		return mmu_lookup(&cu->mmu, va, direct);
	}
	if (va < OGPU_CU_PRIVATE_BASE)
		return local_ptr(cu, va, size);
	cu->error.error = OGPU_QERR_NONE;
	row = private_row(cu, w, va);
	if (!row || (va & 7) > 8 - size)
		return NULL;
	return (uint8_t *)(row + lane) + (va & 7);
}

/* Host pointer for a run of bytes that all lanes share; private memory has none. */
static uint8_t *span(struct cu *cu, uint64_t va, unsigned int bytes, uint32_t direct)
{
	if (va >> OGPU_VA_BITS)
		return va < OGPU_CU_PRIVATE_BASE ? local_ptr(cu, va, bytes) : NULL;
	if ((va & (MMU_PAGE - 1)) > MMU_PAGE - bytes)
		return NULL;
	return cu_lane_ptr(cu, NULL, 0, va, 1, direct);
}

/* What is not in pieces is one access here, too. */
static void copy_host(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes & (bytes - 1))
		memcpy(to, from, bytes);
	else
		write_host(to, read_host(from, bytes), bytes);
}

/*
 * One piece of an access that crosses pages, or the whole of one that has no host pointer; that in
 * apertures goes byte by byte.
 */
static bool piece(struct cu *cu, struct cu_wave *w, unsigned int lane, uint64_t va, uint8_t *buf,
		  size_t *len, bool write)
{
	enum ogpu_access access = write ? OGPU_ACCESS_WRITE : OGPU_ACCESS_READ;
	struct mmu_page page = { .copy = NULL };
	uint8_t *ptr;

	cu->mmu.work++;
	if (va >> OGPU_VA_BITS) {
		if (va >= OGPU_CU_EXIT)
			return cu_fault(cu, va, access, OGPU_FAULT_VA_RANGE);
		*len = 1;
		ptr = cu_lane_ptr(cu, w, lane, va, 1, 0);
		if (!ptr && va >= OGPU_CU_PRIVATE_BASE && cu->error.error)
			return false;
		if (!ptr)
			return cu_fault(cu, va, access, OGPU_FAULT_APERTURE);
	} else {
		if (!mmu_translate(&cu->mmu, va, access, &page, &cu->error.fault)) {
			cu->error.error = OGPU_QERR_MEMORY;
			return false;
		}
		if (*len > page.bytes)
			*len = page.bytes;
		ptr = page.host;
	}
	copy_host(write ? ptr : buf, write ? buf : ptr, *len);
	if (write && page.copy)
		mmu_cache_mark(&cu->mmu, page.copy, va & (MMU_PAGE - 1), *len);
	return true;
}

static bool slow_access(struct cu *cu, struct cu_wave *w, unsigned int lane, uint64_t va,
			uint64_t *value, unsigned int size, bool write)
{
	uint8_t *buf = (uint8_t *)value;
	uint8_t *whole = cu_lane_ptr(cu, w, lane, va, size,
				     write ? MMU_DIRECT_WRITE : MMU_DIRECT_READ);

	if (whole && write)
		write_host(whole, *value, size);
	else if (whole)
		*value = read_host(whole, size);
	if (whole)
		return true;
	while (size) {
		size_t len = size;

		if (!piece(cu, w, lane, va, buf, &len, write))
			return false;
		buf += len;
		va += len;
		size -= len;
	}
	return true;
}

/* Host pointer for one lane's access if it is found at once. */
static inline __attribute__((always_inline)) uint8_t *at_once(struct cu *cu, uint64_t va,
							      unsigned int size, uint32_t direct)
{
	if (va >> OGPU_VA_BITS)
		return va < OGPU_CU_PRIVATE_BASE ? local_ptr(cu, va, size) : NULL;
	if ((va & (MMU_PAGE - 1)) > MMU_PAGE - size)
		return NULL;
	return mmu_lookup(&cu->mmu, va, direct);
}

static inline __attribute__((always_inline)) bool gather_size(struct cu *cu, struct cu_wave *w,
							      const uint64_t *t, uint32_t lanes,
							      uint64_t *raw, unsigned int size)
{
	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned int lane = __builtin_ctz(left);
		const uint8_t *ptr = at_once(cu, t[lane], size, MMU_DIRECT_READ);

		raw[lane] = 0;
		if (ptr)
			raw[lane] = read_host(ptr, size);
		else if (!slow_access(cu, w, lane, t[lane], &raw[lane], size, false))
			return false;
	}
	return true;
}

static bool gather(struct cu *cu, struct cu_wave *w, const uint64_t *t, uint32_t lanes,
		   uint64_t *raw, unsigned int size)
{
	switch (size) {
	case 1:
		return gather_size(cu, w, t, lanes, raw, 1);
	case 2:
		return gather_size(cu, w, t, lanes, raw, 2);
	case 4:
		return gather_size(cu, w, t, lanes, raw, 4);
	default:
		return gather_size(cu, w, t, lanes, raw, 8);
	}
}

static inline __attribute__((always_inline)) bool scatter_size(struct cu *cu, struct cu_wave *w,
							       const uint64_t *t, uint32_t lanes,
							       const uint64_t *v,
							       unsigned int size)
{
	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned int lane = __builtin_ctz(left);
		uint64_t value = v[lane];
		uint8_t *ptr = at_once(cu, t[lane], size, MMU_DIRECT_WRITE);

		if (ptr)
			write_host(ptr, value, size);
		else if (!slow_access(cu, w, lane, t[lane], &value, size, true))
			return false;
	}
	return true;
}

static bool scatter(struct cu *cu, struct cu_wave *w, const uint64_t *t, uint32_t lanes,
		    const uint64_t *v, unsigned int size)
{
	switch (size) {
	case 1:
		return scatter_size(cu, w, t, lanes, v, 1);
	case 2:
		return scatter_size(cu, w, t, lanes, v, 2);
	case 4:
		return scatter_size(cu, w, t, lanes, v, 4);
	default:
		return scatter_size(cu, w, t, lanes, v, 8);
	}
}

/* The addresses of an access: t for all lanes, those that do not take part have the first's. */
static enum cu_pattern addresses(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn,
				 uint32_t lanes, uint64_t *t, uint32_t *contiguous)
{
	const uint64_t *a;

	if (cu_is_uniform(w, insn->rs1)) {
		cu->vec->splat(t, w->affine[insn->rs1].base[0] + (int64_t)insn->imm);
		return CU_PATTERN_UNIFORM;
	}
	a = cu_row(cu, w, insn->rs1);
	if (lanes == CU_ALL_LANES)
		return cu->vec->address_all(t, a, insn->imm, insn->size, contiguous);
	return cu->vec->address(t, a, insn->imm, insn->size, w->mask, __builtin_ctz(lanes));
}

/* Host pointers for runs of lanes; false: they have to be looked up one by one. */
static bool run_ptrs(struct cu *cu, const uint64_t *t, unsigned int size, uint32_t contiguous,
		     uint32_t direct, void **p)
{
	for (unsigned int run = 0; run < CU_RUNS; run++) {
		p[run] = span(cu, t[run * CU_RUN], contiguous >> run & 1 ? size * CU_RUN : size,
			      direct);
		if (!p[run])
			return false;
	}
	return true;
}

/*
 * A piece of host memory in which all lanes' accesses lie: local memory, or a page. Returns what is
 * at *base.
 */
static uint8_t *window(struct cu *cu, const uint64_t *t, unsigned int size, uint32_t direct,
		       uint64_t *base)
{
	if (t[0] >> OGPU_VA_BITS) {
		const uint64_t bytes = cu->launch->local_bytes;

		*base = OGPU_CU_LOCAL_BASE;
		if (bytes < size || !cu->vec->within(t, *base, bytes - size))
			return NULL;
		return cu->local_mem;
	}
	*base = t[0] & ~(uint64_t)(MMU_PAGE - 1);
	if (!cu->vec->within(t, *base, MMU_PAGE - size))
		return NULL;
	return span(cu, *base, MMU_PAGE, direct);
}

/* Host memory that all lanes share, for the addresses from start on: local memory, or a page. */
struct area {
	uint8_t *host;
	uint64_t start, bytes;
};

/* The one that an address lies in; false: there is none, or it has to be asked for. */
static inline __attribute__((always_inline)) bool area_at(struct cu *cu, uint64_t va,
							  uint32_t direct, struct area *area)
{
	if (va >> OGPU_VA_BITS) {
		*area = (struct area){ cu->local_mem, OGPU_CU_LOCAL_BASE, cu->launch->local_bytes };
		return va < OGPU_CU_PRIVATE_BASE;
	}
	area->start = va & ~(uint64_t)(MMU_PAGE - 1);
	area->bytes = MMU_PAGE;
	area->host = mmu_lookup(&cu->mmu, area->start, direct);
	return area->host;
}

/*
 * Host pointers for the runs of lanes of an address in affine form, each of so many bytes in one
 * piece; false: lanes have to be looked up one by one.
 */
static inline bool affine_ptrs(struct cu *cu, const struct cu_affine *a, int64_t imm,
			       unsigned int bytes, uint32_t direct, void **p)
{
	struct area area;

	if (area_at(cu, a->base[0] + (uint64_t)imm, direct, &area) && area.bytes >= bytes) {
		const uint64_t first = (uint64_t)imm - area.start, last = area.bytes - bytes;
		bool all = true;

#pragma GCC unroll 4
		for (unsigned int run = 0; run < CU_RUNS; run++) {
			const uint64_t offset = a->base[run] + first;

			all &= offset <= last;
			p[run] = area.host + offset;
		}
		if (all)
			return true;
	}
	for (unsigned int run = 0; run < CU_RUNS; run++) {
		p[run] = span(cu, a->base[run] + (uint64_t)imm, bytes, direct);
		if (!p[run])
			return false;
	}
	return true;
}

/* Whether four runs of so many bytes follow each other; then the first pointer is enough. */
static inline bool side_by_side(void *const *p, unsigned int bytes)
{
	const char *first = p[0];
	bool all = true;

#pragma GCC unroll 4
	for (unsigned int run = 1; run < CU_RUNS; run++)
		all &= (char *)p[run] == first + run * bytes;
	return all;
}

static bool load_affine(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn)
{
	const struct cu_affine *a = &w->affine[insn->rs1];
	const unsigned int bytes = insn->size * (a->step ? CU_RUN : 1);
	const unsigned int kind = insn->op - CU_LB;
	void *p[CU_RUNS];

	if (a->step && a->step != insn->size)
		return false;
	if (!affine_ptrs(cu, a, insn->imm, bytes, MMU_DIRECT_READ, p))
		return false;
	if (!a->step)
		cu->vec->load_runs[kind](cu_new_row(w, insn->rd), (const void *const *)p, 0);
	else if (side_by_side(p, bytes))
		cu->vec->load[kind](cu_new_row(w, insn->rd), p[0]);
	else
		cu->vec->load_runs[kind](cu_new_row(w, insn->rd), (const void *const *)p,
					 (1u << CU_RUNS) - 1);
	return true;
}

static bool store_affine(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn)
{
	const struct cu_affine *a = &w->affine[insn->rs1];
	const unsigned int bytes = insn->size * (a->step ? CU_RUN : 1);
	const unsigned int kind = insn->op - CU_SB;
	const uint64_t *v = cu_row(cu, w, insn->rs2);
	void *p[CU_RUNS];

	if (a->step && a->step != insn->size)
		return false;
	if (!affine_ptrs(cu, a, insn->imm, bytes, MMU_DIRECT_WRITE, p))
		return false;
	if (!a->step)
		cu->vec->store_runs[kind](p, v, 0);
	else if (side_by_side(p, bytes))
		cu->vec->store[kind](p[0], v);
	else
		cu->vec->store_runs[kind](p, v, (1u << CU_RUNS) - 1);
	return true;
}

/* What a load, in the order of CU_LB .., makes of what it read. */
static uint64_t extend(unsigned int kind, uint64_t v)
{
	switch (kind + CU_LB) {
	case CU_LB:
		return (uint64_t)(int8_t)v;
	case CU_LH:
		return (uint64_t)(int16_t)v;
	case CU_LW:
		return (uint64_t)(int32_t)v;
	case CU_FLW:
		return CU_BOX | v;
	case CU_FLH:
		return CU_BOX_H | v;
	default:
		return v;
	}
}

static bool is_private(uint64_t va, unsigned int size)
{
	return va >= OGPU_CU_PRIVATE_BASE && va < OGPU_CU_EXIT && (va & 7) <= 8 - size;
}

/* A load of lanes whose addresses have to be looked at. */
static bool load_lanes(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	uint64_t t[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t raw[VGPU_LANES] __attribute__((aligned(64)));
	const unsigned int kind = insn->op - CU_LB, size = insn->size;
	const unsigned int first = __builtin_ctz(lanes);
	const bool all = lanes == w->live;
	uint64_t *r = all ? w->reg[insn->rd] : raw;
	const uint64_t *row = raw;
	unsigned int shift = 0;
	uint32_t contiguous;
	const uint8_t *ptr;
	uint64_t base;
	void *runs[CU_RUNS];

	switch (addresses(cu, w, insn, lanes, t, &contiguous)) {
	case CU_PATTERN_CONTIGUOUS:
		ptr = span(cu, t[first] - (uint64_t)first * size, size * VGPU_LANES,
			   MMU_DIRECT_READ);
		if (!ptr)
			break;
		cu->vec->load[kind](r, ptr);
		goto put;
	case CU_PATTERN_UNIFORM:
		if (is_private(t[first], size)) {
			row = private_row(cu, w, t[first]);
			shift = (t[first] & 7) * 8;
			if (row)
				goto extract;
			row = raw;
			break;
		}
		ptr = span(cu, t[first], size, MMU_DIRECT_READ);
		if (!ptr)
			break;
		cu_put_one(cu, w, insn->rd, extend(kind, read_host(ptr, size)), lanes);
		return true;
	case CU_PATTERN_RUNS:
		if (!run_ptrs(cu, t, size, contiguous, MMU_DIRECT_READ, runs))
			break;
		cu->vec->load_runs[kind](r, (const void *const *)runs, contiguous);
		goto put;
	default:
		ptr = window(cu, t, size, MMU_DIRECT_READ, &base);
		if (!ptr)
			break;
		cu->vec->gather[kind](r, ptr, t, base);
		goto put;
	}
	if (!gather(cu, w, t, lanes, raw, size))
		return false;
	for (uint32_t left = ~lanes; left; left &= left - 1)
		raw[__builtin_ctz(left)] = 0;
extract:
	if (r == row) {
		cu->vec->load_private[kind](t, row, shift);
		r = t;
	} else {
		cu->vec->load_private[kind](r, row, shift);
	}
put:
	if (all)
		cu_new_row(w, insn->rd);
	else
		cu_put(cu, w, insn->rd, r);
	return true;
}

/**
 * cu_load() - LB to LWU, FLW, FLD.
 * @cu: unit, inside the memory bracket
 * @w: wave
 * @insn: the load
 * @lanes: lanes that take part, as in w->mask
 *
 * Return: false with cu->error set if a lane's access is refused.
 */
bool cu_load(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	const unsigned int kind = insn->op - CU_LB, size = insn->size;

	if (cu_is_uniform(w, insn->rs1)) {
		const uint64_t va = w->affine[insn->rs1].base[0] + (int64_t)insn->imm;
		const uint8_t *ptr = at_once(cu, va, size, MMU_DIRECT_READ);

		if (ptr) {
			cu_put_one(cu, w, insn->rd, extend(kind, read_host(ptr, size)), lanes);
			return true;
		}
	} else if (w->form[insn->rs1] & CU_AFFINE && lanes == CU_ALL_LANES &&
		   load_affine(cu, w, insn)) {
		return true;
	}
	return load_lanes(cu, w, insn, lanes);
}

/**
 * cu_store() - SB to SD, FSW, FSD.
 * @cu: unit, inside the memory bracket
 * @w: wave
 * @insn: the store
 * @lanes: lanes that take part, as in w->mask; the highest wins if several store to one place
 *
 * Return: false with cu->error set if a lane's access is refused.
 */
bool cu_store(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	uint64_t t[VGPU_LANES] __attribute__((aligned(64)));
	const uint64_t *v = cu_row(cu, w, insn->rs2);
	const unsigned int size = insn->size;
	const unsigned int first = __builtin_ctz(lanes);
	uint32_t contiguous;
	void *runs[CU_RUNS];
	uint64_t *row;
	uint8_t *ptr;

	if ((w->form[insn->rs1] & (CU_AFFINE | CU_UNIFORM)) == CU_AFFINE && lanes == CU_ALL_LANES &&
	    store_affine(cu, w, insn))
		return true;
	switch (addresses(cu, w, insn, lanes, t, &contiguous)) {
	case CU_PATTERN_CONTIGUOUS:
		if (lanes != CU_ALL_LANES)
			break;
		ptr = span(cu, t[0], size * VGPU_LANES, MMU_DIRECT_WRITE);
		if (!ptr)
			break;
		cu->vec->store[insn->op - CU_SB](ptr, v);
		return true;
	case CU_PATTERN_UNIFORM:
		if (is_private(t[first], size)) {
			row = private_row(cu, w, t[first]);
			if (!row)
				break;
			cu->vec->store_private(row, v, w->mask, UINT64_MAX >> (64 - 8 * size),
					       (t[first] & 7) * 8);
			return true;
		}
		ptr = span(cu, t[first], size, MMU_DIRECT_WRITE);
		if (!ptr)
			break;
		write_host(ptr, v[31 - __builtin_clz(lanes)], size);
		return true;
	case CU_PATTERN_RUNS:
		if (!run_ptrs(cu, t, size, contiguous, MMU_DIRECT_WRITE, runs))
			break;
		cu->vec->store_runs[insn->op - CU_SB](runs, v, contiguous);
		return true;
	default:
		break;
	}
	return scatter(cu, w, t, lanes, v, size);
}
