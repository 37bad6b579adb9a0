// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The GPU MMU: four-level walk, translation cache, faults (abi/addr.h).
 *
 * Translations are cached in two steps. The small cache holds 4 KiB pages with their host pointer;
 * the large one remembers 64 KiB groups (CONTIG) and 2 MiB leaves, so that a miss in the small
 * cache needs no walk. Both live for one generation of memory: an unmap or a TLB invalidation
 * raises it, and the next mmu_enter() drops everything.
 */
#include <string.h>

#include "mmu.h"

#define OPERAND_TARGET(op)	((enum ogpu_target)FIELD_GET(OGPU_OPERAND_TARGET, op))
#define OPERAND_ADDR(op)	((op) & OGPU_OPERAND_ADDR)

/**
 * mmu_init() - Prepare the MMU of one thread.
 * @mmu: to be initialised
 * @gpu: the card
 * @as_table: where the card keeps the place of its address-space table
 */
void mmu_init(struct mmu *mmu, struct vgpu *gpu, const _Atomic uint64_t *as_table)
{
	mmu->gpu = gpu;
	mmu->as_table = as_table;
	mmu->asid = 0;
	mmu->generation = 0;
	mmu_flush(mmu);
}

/**
 * mmu_flush() - Drop all cached translations.
 * @mmu: this thread's MMU
 */
void mmu_flush(struct mmu *mmu)
{
	for (unsigned int i = 0; i < MMU_TLB_SMALL; i++) {
		mmu->tlb[i].page = MMU_TLB_NONE;
		mmu->tlb[i].direct = 0;
	}
	for (unsigned int i = 0; i < MMU_TLB_LARGE; i++) {
		mmu->large[0][i].page = MMU_TLB_NONE;
		mmu->large[1][i].page = MMU_TLB_NONE;
	}
}

/**
 * mmu_set_asid() - Choose the address space.
 * @mmu: this thread's MMU
 * @asid: address space of the accesses to come
 */
void mmu_set_asid(struct mmu *mmu, uint32_t asid)
{
	if (mmu->asid == asid)
		return;
	mmu->asid = asid;
	mmu_flush(mmu);
}

/**
 * mmu_enter() - Enter the memory bracket: host pointers may be used.
 * @mmu: this thread's MMU, outside the bracket
 *
 * Return: false if cached translations had to be dropped since the last bracket.
 */
bool mmu_enter(struct mmu *mmu)
{
	uint64_t generation = vgpu_mem_begin(mmu->gpu);

	if (generation == mmu->generation)
		return true;
	mmu->generation = generation;
	mmu_flush(mmu);
	return false;
}

/**
 * mmu_leave() - Leave the memory bracket: all host pointers are stale from here on.
 * @mmu: this thread's MMU, inside the bracket
 */
void mmu_leave(struct mmu *mmu)
{
	vgpu_mem_end(mmu->gpu);
}

static bool refuse(struct mmu_fault *fault, uint64_t va, enum ogpu_access access,
		   enum ogpu_fault_reason reason)
{
	fault->va = va;
	fault->access = access;
	fault->reason = reason;
	return false;
}

static enum ogpu_fault_reason no_answer(struct mmu *mmu, uint64_t operand, size_t len)
{
	return vgpu_mem_poisoned(mmu->gpu, OPERAND_TARGET(operand), OPERAND_ADDR(operand), len) ?
	       OGPU_FAULT_POISON : OGPU_FAULT_BUS;
}

/* Reads 64 bits of a table. */
static enum ogpu_fault_reason read_entry(struct mmu *mmu, uint64_t operand, uint64_t *value)
{
	const uint64_t *ptr = vgpu_mem_ptr(mmu->gpu, OPERAND_TARGET(operand),
					   OPERAND_ADDR(operand), sizeof(*value), false);

	if (!ptr)
		return no_answer(mmu, operand, sizeof(*value));
	*value = __atomic_load_n(ptr, __ATOMIC_RELAXED);
	return OGPU_FAULT_NONE;
}

/* Checks that a table or leaf points to memory that this card can reach. */
static bool entry_target(uint64_t pte, uint64_t *operand)
{
	uint64_t target = FIELD_GET(OGPU_PTE_TARGET, pte);

	if (target != OGPU_TARGET_VRAM && target != OGPU_TARGET_SYSTEM)
		return false;
	if (pte & (OGPU_PTE_MBZ | OGPU_PTE_MTYPE | OGPU_PTE_NULL | OGPU_PTE_PEER))
		return false;
	*operand = OGPU_OPERAND(target, pte & OGPU_PTE_ADDR);
	return true;
}

struct walk {
	uint64_t operand;	/* start of the page that the leaf maps */
	unsigned int level;
	uint32_t pte;		/* low bits of the leaf */
};

static enum ogpu_fault_reason find_root(struct mmu *mmu, struct walk *walk)
{
	uint64_t table = atomic_load_explicit(mmu->as_table, memory_order_relaxed);
	uint64_t entry = OGPU_OPERAND(OGPU_TARGET_VRAM,
				      MMU_AS_OFFSET(table) +
				      mmu->asid * sizeof(struct ogpu_as_entry));
	uint64_t root, rsvd;
	enum ogpu_fault_reason reason;

	if (!mmu->asid || mmu->asid >= MMU_AS_COUNT(table))
		return OGPU_FAULT_NO_AS;
	reason = read_entry(mmu, entry, &root);
	if (!reason)
		reason = read_entry(mmu, entry + 8, &rsvd);
	if (reason)
		return reason;
	if (!(root & OGPU_PTE_VALID))
		return OGPU_FAULT_NO_AS;
	if (rsvd || root & ~(OGPU_PTE_VALID | OGPU_PTE_TARGET | OGPU_PTE_ADDR) ||
	    !entry_target(root, &walk->operand))
		return OGPU_FAULT_PTE;
	return OGPU_FAULT_NONE;
}

static enum ogpu_fault_reason walk_tables(struct mmu *mmu, uint64_t va, struct walk *walk)
{
	const uint64_t attrs = OGPU_PTE_READ | OGPU_PTE_WRITE | OGPU_PTE_EXEC | OGPU_PTE_CONTIG;
	enum ogpu_fault_reason reason = find_root(mmu, walk);
	uint64_t pte;

	for (int level = OGPU_PT_LEVELS - 1; !reason; level--) {
		reason = read_entry(mmu, walk->operand + OGPU_PT_INDEX(va, level) * 8, &pte);
		if (reason)
			break;
		if (!(pte & OGPU_PTE_VALID))
			return OGPU_FAULT_NOT_MAPPED;
		if (!entry_target(pte, &walk->operand))
			return OGPU_FAULT_PTE;
		if (pte & OGPU_PTE_LEAF) {
			if (level > 1 || (level == 1 && pte & OGPU_PTE_ADDR & (OGPU_PAGE_2M - 1)))
				return OGPU_FAULT_PTE;
			walk->level = level;
			walk->pte = pte & (OGPU_PTE_MBZ - 1);
			return OGPU_FAULT_NONE;
		}
		if (pte & attrs || !level)
			return OGPU_FAULT_PTE;
	}
	return reason;
}

static unsigned int large_shift(unsigned int kind)
{
	return kind ? 21 : 16;
}

/* Fills the 4 KiB entry from a larger translation that is remembered. */
static bool from_large(struct mmu *mmu, uint64_t va, struct mmu_tlb_entry *e)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		unsigned int shift = large_shift(kind);
		const struct mmu_large_entry *l = &mmu->large[kind][(va >> shift) % MMU_TLB_LARGE];

		if (l->page == va >> shift) {
			e->operand = l->operand +
				     (va & ((1ull << shift) - 1) & ~(uint64_t)(MMU_PAGE - 1));
			e->pte = l->pte;
			return true;
		}
	}
	return false;
}

static void remember_large(struct mmu *mmu, uint64_t va, unsigned int kind, uint64_t operand,
			   uint32_t pte)
{
	unsigned int shift = large_shift(kind);
	struct mmu_large_entry *l = &mmu->large[kind][(va >> shift) % MMU_TLB_LARGE];

	l->page = va >> shift;
	l->operand = operand;
	l->pte = pte;
}

/* Does the walk and fills the caches; memory behind the page is looked at later. */
static enum ogpu_fault_reason fill(struct mmu *mmu, uint64_t va, struct mmu_tlb_entry *e)
{
	struct walk walk = { 0 };
	enum ogpu_fault_reason reason = walk_tables(mmu, va, &walk);
	uint64_t in_group;

	if (reason)
		return reason;

	e->operand = walk.operand;
	e->pte = walk.pte;
	if (walk.level == 1) {
		remember_large(mmu, va, 1, walk.operand, walk.pte);
		e->operand += va & (OGPU_PAGE_2M - 1) & ~(uint64_t)(MMU_PAGE - 1);
	} else if (walk.pte & OGPU_PTE_CONTIG) {
		in_group = va & (OGPU_PAGE_64K - 1) & ~(uint64_t)(MMU_PAGE - 1);
		if (OPERAND_ADDR(walk.operand) >= in_group)
			remember_large(mmu, va, 0, walk.operand - in_group, walk.pte);
	}
	return OGPU_FAULT_NONE;
}

/* A mapping of host memory may be for reading or for writing only: each is asked for by itself. */
static void find_host(struct mmu *mmu, struct mmu_tlb_entry *e)
{
	enum ogpu_target target = OPERAND_TARGET(e->operand);
	uint64_t addr = OPERAND_ADDR(e->operand);
	uint8_t *in = vgpu_mem_ptr(mmu->gpu, target, addr, MMU_PAGE, false);
	uint8_t *out = vgpu_mem_ptr(mmu->gpu, target, addr, MMU_PAGE, true);

	e->host = in ? in : out;
	e->direct = 0;
	if (in && e->pte & OGPU_PTE_READ)
		e->direct |= MMU_DIRECT_READ;
	if (in && e->pte & OGPU_PTE_EXEC)
		e->direct |= MMU_DIRECT_EXEC;
	if (out && e->pte & OGPU_PTE_WRITE)
		e->direct |= MMU_DIRECT_WRITE;
}

static bool allowed(uint32_t pte, enum ogpu_access access)
{
	static const uint32_t need[] = {
		[OGPU_ACCESS_READ] = OGPU_PTE_READ,
		[OGPU_ACCESS_WRITE] = OGPU_PTE_WRITE,
		[OGPU_ACCESS_EXEC] = OGPU_PTE_EXEC,
		[OGPU_ACCESS_ATOMIC] = OGPU_PTE_READ | OGPU_PTE_WRITE,
	};

	return (pte & need[access]) == need[access];
}

/**
 * mmu_translate() - Translate one virtual address.
 * @mmu: this thread's MMU, inside the bracket
 * @va: virtual address
 * @access: what will be done
 * @page: result
 * @fault: filled on failure
 *
 * Return: false if the MMU refuses the access or the memory does not answer.
 */
bool mmu_translate(struct mmu *mmu, uint64_t va, enum ogpu_access access, struct mmu_page *page,
		   struct mmu_fault *fault)
{
	static const uint32_t need[] = {
		[OGPU_ACCESS_READ] = MMU_DIRECT_READ,
		[OGPU_ACCESS_WRITE] = MMU_DIRECT_WRITE,
		[OGPU_ACCESS_EXEC] = MMU_DIRECT_EXEC,
		[OGPU_ACCESS_ATOMIC] = MMU_DIRECT_READ | MMU_DIRECT_WRITE,
	};
	struct mmu_tlb_entry *cached = &mmu->tlb[(va >> 12) % MMU_TLB_SMALL], e = *cached;
	uint64_t offset = va & (MMU_PAGE - 1);
	enum ogpu_fault_reason reason;

	if (va >> OGPU_VA_BITS)
		return refuse(fault, va, access, OGPU_FAULT_VA_RANGE);

	if (e.page != va >> 12) {
		if (!from_large(mmu, va, &e)) {
			reason = fill(mmu, va, &e);
			if (reason)
				return refuse(fault, va, access, reason);
		}
		e.page = va >> 12;
		find_host(mmu, &e);
		/* Memory may begin to answer without a new generation: not to be remembered. */
		if (e.host)
			*cached = e;
	}
	if (!allowed(e.pte, access))
		return refuse(fault, va, access, OGPU_FAULT_PERMISSION);
	if ((e.direct & need[access]) != need[access])
		return refuse(fault, va, access, no_answer(mmu, e.operand, MMU_PAGE));

	page->host = e.host + offset;
	page->bytes = MMU_PAGE - offset;
	return true;
}

/**
 * mmu_resolve() - Find what an address operand points to.
 * @mmu: this thread's MMU, inside the bracket
 * @operand: address operand: VRAM, SYSTEM or VIRTUAL
 * @write: it will be written
 * @page: result
 * @fault: filled on failure; its address is the operand if that is not virtual
 *
 * Return: false if there is no such memory.
 */
bool mmu_resolve(struct mmu *mmu, uint64_t operand, bool write, struct mmu_page *page,
		 struct mmu_fault *fault)
{
	enum ogpu_access access = write ? OGPU_ACCESS_WRITE : OGPU_ACCESS_READ;
	uint64_t addr = OPERAND_ADDR(operand);

	if (OPERAND_TARGET(operand) == OGPU_TARGET_VIRTUAL)
		return mmu_translate(mmu, addr, access, page, fault);

	page->bytes = MMU_PAGE - (addr & (MMU_PAGE - 1));
	page->host = vgpu_mem_ptr(mmu->gpu, OPERAND_TARGET(operand), addr, page->bytes, write);
	if (!page->host)
		return refuse(fault, operand, access, no_answer(mmu, operand, page->bytes));
	return true;
}

/* Inside the bracket, within one page. */
static void access_host(void *host, void *buf, size_t len, bool write)
{
	uint64_t value;

	if (len != sizeof(value) || (uintptr_t)host % sizeof(value)) {
		memcpy(write ? host : buf, write ? buf : host, len);
	} else if (write) {
		memcpy(&value, buf, sizeof(value));
		__atomic_store_n((uint64_t *)host, value, __ATOMIC_SEQ_CST);
	} else {
		value = __atomic_load_n((uint64_t *)host, __ATOMIC_ACQUIRE);
		memcpy(buf, &value, sizeof(value));
	}
}

static bool access_operand(struct mmu *mmu, uint64_t operand, uint8_t *buf, size_t len, bool write,
			   struct mmu_fault *fault)
{
	struct mmu_page page;

	while (len) {
		size_t n = len;
		bool ok;

		mmu_enter(mmu);
		ok = mmu_resolve(mmu, operand, write, &page, fault);
		if (ok) {
			if (n > page.bytes)
				n = page.bytes;
			access_host(page.host, buf, n, write);
		}
		mmu_leave(mmu);
		if (!ok)
			return false;
		buf += n;
		operand += n;
		len -= n;
	}
	return true;
}

/**
 * mmu_read() - Copy from an address operand of any kind into a buffer.
 * @mmu: this thread's MMU, outside the bracket
 * @operand: VRAM, SYSTEM or VIRTUAL; an aligned 8-byte read is single-copy atomic
 * @buf: destination
 * @len: bytes
 * @fault: filled on failure
 *
 * Return: false if a byte could not be read.
 */
bool mmu_read(struct mmu *mmu, uint64_t operand, void *buf, size_t len, struct mmu_fault *fault)
{
	return access_operand(mmu, operand, buf, len, false, fault);
}

/**
 * mmu_write() - Copy from a buffer to an address operand of any kind.
 * @mmu: this thread's MMU, outside the bracket
 * @operand: VRAM, SYSTEM or VIRTUAL; an aligned 8-byte write is single-copy atomic
 * @buf: source
 * @len: bytes
 * @fault: filled on failure
 *
 * Return: false if a byte could not be written.
 */
bool mmu_write(struct mmu *mmu, uint64_t operand, const void *buf, size_t len,
	       struct mmu_fault *fault)
{
	return access_operand(mmu, operand, (uint8_t *)buf, len, true, fault);
}
