// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The GPU MMU: four-level walk, translation cache, faults (abi/addr.h).
 *
 * What is known is kept in two steps. Translations, of any address space, live until a TLB
 * invalidation names them: 4 KiB pages, 64 KiB groups (CONTIG), 2 MiB leaves, and level-0 tables,
 * so that a walk reads one entry mostly. A strict card keeps tables of all levels, so that who
 * frees one without an invalidation finds out. In front of them pages of the current address space
 * have their host pointer, for one generation of memory. Nothing is kept of entries that are not
 * valid.
 */
#include <string.h>

#include "mmu.h"

#define OPERAND_TARGET(op)	((enum ogpu_target)FIELD_GET(OGPU_OPERAND_TARGET, op))
#define OPERAND_ADDR(op)	((op) & OGPU_OPERAND_ADDR)

/* What things cost, in vector instructions that take as long at most. */
#define WORK_ASKED	1	/* mmu_translate() */
#define WORK_POINTER	8	/* host pointer to be found, page of the host perhaps to be made */
#define WORK_ENTRY	8	/* 64 bits of the page tables to be read */

/**
 * mmu_init() - Prepare the MMU of one thread.
 * @mmu: to be initialised
 * @gpu: the card
 * @as_table: where the card keeps the place of its address-space table
 */
void mmu_init(struct mmu *mmu, struct vgpu *gpu, const _Atomic uint64_t *as_table)
{
	mmu->gpu = gpu;
	mmu->cache = NULL;
	mmu->as_table = as_table;
	mmu->asid = 0;
	mmu->kinds = vgpu_config(gpu)->strict ? MMU_KINDS : MMU_TABLE + 1;
	mmu->work = 0;
	mmu->walks = 0;
	mmu->misses = 0;
	mmu->generation = 0;
	mmu->tlbis = 0;
	mmu->victim = 0;
	mmu_flush(mmu);
}

static void forget_pointer(struct mmu_tlb_entry *e)
{
	e->page = MMU_TLB_NONE;
	e->direct = 0;
	e->shift = 12;
}

static void forget_pointers(struct mmu *mmu)
{
	for (unsigned int i = 0; i < MMU_TLB_SMALL; i++)
		forget_pointer(&mmu->tlb[i]);
}

/**
 * mmu_flush() - Drop all cached translations.
 * @mmu: this thread's MMU
 */
void mmu_flush(struct mmu *mmu)
{
	forget_pointers(mmu);
	memset(mmu->known, 0, sizeof(mmu->known));
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
	forget_pointers(mmu);
}

static unsigned int kind_shift(enum mmu_kind kind)
{
	static const unsigned int shift[] = { [MMU_4K] = 12, [MMU_64K] = 16, [MMU_2M] = 21 };

	return kind < MMU_TABLE ? shift[kind] : OGPU_PT_LEVEL_SHIFT(kind - MMU_TABLE + 1);
}

static unsigned int set_of(uint64_t page)
{
	return (page ^ page >> 7 ^ page >> 14) % MMU_SETS;
}

static void drop_set(struct mmu *mmu, enum mmu_kind kind, unsigned int set,
		     const struct tlbi *what)
{
	unsigned int shift = kind_shift(kind);

	for (unsigned int way = 0; way < MMU_WAYS; way++) {
		struct mmu_translation *t = &mmu->known[kind][set][way];
		uint64_t first = MMU_TAG_PAGE(t->tag) << shift;

		if (t->tag && tlbi_covers(what, MMU_TAG_ASID(t->tag), first,
					  first + ((1ull << shift) - 1)))
			t->tag = 0;
	}
}

/* Carries out one invalidation. */
static void drop(struct mmu *mmu, const struct tlbi *what)
{
	for (enum mmu_kind kind = 0; kind < mmu->kinds; kind++) {
		uint64_t page = what->start >> kind_shift(kind);
		uint64_t pages = ((what->end - 1) >> kind_shift(kind)) - page + 1;

		/* A short range is looked up, else all is looked through. */
		if (what->start < what->end && pages < MMU_SETS)
			for (; pages; pages--)
				drop_set(mmu, kind, set_of(page++), what);
		else
			for (unsigned int set = 0; set < MMU_SETS; set++)
				drop_set(mmu, kind, set, what);
	}
	for (unsigned int i = 0; i < MMU_TLB_SMALL; i++) {
		struct mmu_tlb_entry *e = &mmu->tlb[i];
		uint64_t mask = (1ull << e->shift) - 1, va = e->page << 12;

		if (e->page != MMU_TLB_NONE && tlbi_covers(what, mmu->asid, va & ~mask, va | mask))
			forget_pointer(e);
	}
}

static void carry_out(struct mmu *mmu, const struct tlbi_log *log)
{
	if (log->count - mmu->tlbis > TLBI_LOG)
		mmu_flush(mmu);
	else
		for (uint64_t n = mmu->tlbis; n != log->count; n++)
			drop(mmu, &log->entry[n % TLBI_LOG]);
	mmu->tlbis = log->count;
}

/**
 * mmu_enter() - Enter the memory bracket: host pointers may be used.
 * @mmu: this thread's MMU, outside the bracket
 *
 * Return: false if something cached had to be dropped since the last bracket.
 */
bool mmu_enter(struct mmu *mmu)
{
	uint64_t generation = vgpu_mem_begin(mmu->gpu);
	const struct tlbi_log *log = vgpu_mem_tlbi_log(mmu->gpu);

	if (generation == mmu->generation && log->count == mmu->tlbis)
		return true;
	if (log->count != mmu->tlbis)
		carry_out(mmu, log);
	if (generation != mmu->generation)
		forget_pointers(mmu);
	mmu_cache_drop(mmu);
	mmu->generation = generation;
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

	mmu->work += WORK_ENTRY;
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
	if (pte & (OGPU_PTE_MBZ | OGPU_PTE_PEER))
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

/* NULL if it is not known. */
static const struct mmu_translation *recall(struct mmu *mmu, enum mmu_kind kind, uint64_t va)
{
	uint64_t page = va >> kind_shift(kind), tag = MMU_TAG(mmu->asid, page);
	const struct mmu_translation *set = mmu->known[kind][set_of(page)];

	for (unsigned int way = 0; mmu->asid && way < MMU_WAYS; way++)
		if (set[way].tag == tag)
			return &set[way];
	return NULL;
}

static void remember(struct mmu *mmu, enum mmu_kind kind, uint64_t va, uint64_t operand,
		     uint32_t pte)
{
	uint64_t page = va >> kind_shift(kind);
	struct mmu_translation *set = mmu->known[kind][set_of(page)], *t = set;

	if (kind >= mmu->kinds)
		return;
	while (t < set + MMU_WAYS && t->tag)
		t++;
	if (t == set + MMU_WAYS)
		t = &set[mmu->victim++ % MMU_WAYS];
	*t = (struct mmu_translation){ MMU_TAG(mmu->asid, page), operand, pte };
}

/* A leaf that hardware may not use: reserved bits, or where there is none of that size. */
static bool bad_leaf(uint64_t pte, uint64_t va, unsigned int level)
{
	const uint64_t not_null = OGPU_PTE_TARGET | OGPU_PTE_ADDR | OGPU_PTE_CONTIG |
				  OGPU_PTE_EXEC | OGPU_PTE_MTYPE;

	if (level > 1 || FIELD_GET(OGPU_PTE_MTYPE, pte) > OGPU_MTYPE_COHERENT)
		return true;
	if (pte & OGPU_PTE_NULL)
		return pte & not_null;
	if (level == 1)
		return pte & (OGPU_PTE_CONTIG | (OGPU_PTE_ADDR & (OGPU_PAGE_2M - 1)));
	return pte & OGPU_PTE_CONTIG && (pte ^ va) & (OGPU_PTE_ADDR & (OGPU_PAGE_64K - 1));
}

/* Where a walk begins: the lowest table on the way that is known, else the root. */
static enum ogpu_fault_reason find_table(struct mmu *mmu, uint64_t va, struct walk *walk)
{
	enum ogpu_fault_reason reason;

	for (enum mmu_kind kind = MMU_TABLE; kind < mmu->kinds; kind++) {
		const struct mmu_translation *table = recall(mmu, kind, va);

		if (table) {
			walk->operand = table->operand;
			walk->level = kind - MMU_TABLE;
			return OGPU_FAULT_NONE;
		}
	}
	walk->level = OGPU_PT_LEVELS - 1;
	reason = find_root(mmu, walk);
	if (!reason)
		remember(mmu, MMU_ROOT, va, walk->operand, 0);
	return reason;
}

static enum ogpu_fault_reason walk_tables(struct mmu *mmu, uint64_t va, struct walk *walk)
{
	const uint64_t attrs = OGPU_PTE_READ | OGPU_PTE_WRITE | OGPU_PTE_EXEC | OGPU_PTE_CONTIG |
			       OGPU_PTE_MTYPE | OGPU_PTE_NULL;
	enum ogpu_fault_reason reason = find_table(mmu, va, walk);
	uint64_t pte;

	for (; !reason; walk->level--) {
		reason = read_entry(mmu, walk->operand + OGPU_PT_INDEX(va, walk->level) * 8, &pte);
		if (reason)
			break;
		if (!(pte & OGPU_PTE_VALID))
			return OGPU_FAULT_NOT_MAPPED;
		if (!entry_target(pte, &walk->operand))
			return OGPU_FAULT_PTE;
		if (pte & OGPU_PTE_LEAF) {
			if (bad_leaf(pte, va, walk->level))
				return OGPU_FAULT_PTE;
			walk->pte = pte & (OGPU_PTE_MBZ - 1);
			return OGPU_FAULT_NONE;
		}
		if (pte & attrs || !walk->level)
			return OGPU_FAULT_PTE;
		remember(mmu, MMU_TABLE + walk->level - 1, va, walk->operand, 0);
	}
	return reason;
}

/* What is known of the page that holds va, of any size. */
static bool known(struct mmu *mmu, uint64_t va, struct mmu_tlb_entry *e)
{
	for (enum mmu_kind kind = MMU_4K; kind < MMU_TABLE; kind++) {
		const struct mmu_translation *t = recall(mmu, kind, va);

		if (t) {
			e->operand = t->operand + (va & ((1ull << kind_shift(kind)) - 1) &
						   ~(uint64_t)(MMU_PAGE - 1));
			e->pte = t->pte;
			e->shift = kind_shift(kind);
			return true;
		}
	}
	return false;
}

/* Does the walk and remembers what it found; memory behind the page is looked at later. */
static enum ogpu_fault_reason fill(struct mmu *mmu, uint64_t va)
{
	struct walk walk = { 0 };
	enum ogpu_fault_reason reason = walk_tables(mmu, va, &walk);

	mmu->walks++;
	if (reason)
		return reason;
	if (walk.level == 1)
		remember(mmu, MMU_2M, va, walk.operand, walk.pte);
	else if (walk.pte & OGPU_PTE_CONTIG)
		remember(mmu, MMU_64K, va, walk.operand & ~(uint64_t)(OGPU_PAGE_64K - 1),
			 walk.pte);
	else
		remember(mmu, MMU_4K, va, walk.operand, walk.pte);
	return OGPU_FAULT_NONE;
}

/* Whether the unit may have a copy of a page. */
static bool kept(const struct mmu *mmu, const struct mmu_tlb_entry *e)
{
	return mmu->cache && !(e->pte & OGPU_PTE_NULL) &&
	       FIELD_GET(OGPU_PTE_MTYPE, e->pte) == OGPU_MTYPE_CACHED;
}

/* What a null page shows to who reads. */
static const uint8_t null_page[MMU_PAGE];

#define READ_WRITE	(MMU_DIRECT_READ | MMU_DIRECT_WRITE)

/* A mapping of host memory may be for reading or for writing only: each is asked for by itself. */
static void find_host(struct mmu *mmu, struct mmu_tlb_entry *e)
{
	enum ogpu_target target = OPERAND_TARGET(e->operand);
	uint64_t addr = OPERAND_ADDR(e->operand);
	uint8_t *in, *out;

	if (e->pte & OGPU_PTE_NULL) {
		e->host = (uint8_t *)null_page;
		e->able = e->pte & OGPU_PTE_READ ? MMU_DIRECT_READ : 0;
		e->direct = e->able;
		return;
	}
	in = vgpu_mem_ptr(mmu->gpu, target, addr, MMU_PAGE, false);
	out = vgpu_mem_ptr(mmu->gpu, target, addr, MMU_PAGE, true);
	e->host = in ? in : out;
	e->able = 0;
	if (in && e->pte & OGPU_PTE_READ)
		e->able |= MMU_DIRECT_READ;
	if (in && e->pte & OGPU_PTE_EXEC)
		e->able |= MMU_DIRECT_EXEC;
	if (out && e->pte & OGPU_PTE_WRITE)
		e->able |= MMU_DIRECT_WRITE;
	if ((e->able & READ_WRITE) == READ_WRITE && vgpu_mem_takes_atomics(mmu->gpu, target))
		e->able |= MMU_DIRECT_ATOMIC;
	e->direct = kept(mmu, e) ? 0 : e->able;
}

/* Atomics, code, and what cannot be read are accessed in memory. */
static bool goes_to_memory(const struct mmu_tlb_entry *e, enum ogpu_access access)
{
	return access == OGPU_ACCESS_ATOMIC || access == OGPU_ACCESS_EXEC ||
	       !(e->able & MMU_DIRECT_READ);
}

/*
 * The byte of a page that the unit may keep. What of it is translated points to memory and allows
 * nothing without asking, or to the copy and allows to read.
 */
static void find_kept(struct mmu *mmu, struct mmu_tlb_entry *cached, const struct mmu_tlb_entry *e,
		      enum ogpu_access access, struct mmu_page *page)
{
	if (!goes_to_memory(e, access)) {
		page->copy = mmu_cache_page(mmu, e->operand, e->host);
		mmu_cache_point(page->copy, cached);
		page->host = page->copy->data;
		return;
	}
	if (access == OGPU_ACCESS_EXEC)
		return;
	mmu_cache_drop_page(mmu, e->operand);
	*cached = *e;
}

static bool allowed(uint32_t pte, enum ogpu_access access)
{
	static const uint32_t need[] = {
		[OGPU_ACCESS_READ] = OGPU_PTE_READ,
		[OGPU_ACCESS_WRITE] = OGPU_PTE_WRITE,
		[OGPU_ACCESS_EXEC] = OGPU_PTE_EXEC,
		[OGPU_ACCESS_ATOMIC] = OGPU_PTE_READ | OGPU_PTE_WRITE,
	};

	if (pte & OGPU_PTE_NULL && access == OGPU_ACCESS_ATOMIC)
		return false;
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
		[OGPU_ACCESS_ATOMIC] = READ_WRITE | MMU_DIRECT_ATOMIC,
	};
	struct mmu_tlb_entry *cached = &mmu->tlb[mmu_slot(va)], e = *cached;
	uint64_t offset = va & (MMU_PAGE - 1);
	enum ogpu_fault_reason reason;

	mmu->work += WORK_ASKED;
	page->copy = NULL;
	if (va >> OGPU_VA_BITS)
		return refuse(fault, va, access, OGPU_FAULT_VA_RANGE);

	if (e.page != va >> 12) {
		if (!known(mmu, va, &e)) {
			reason = fill(mmu, va);
			if (reason)
				return refuse(fault, va, access, reason);
			known(mmu, va, &e);
		}
		mmu->work += WORK_POINTER;
		e.page = va >> 12;
		find_host(mmu, &e);
		/* Memory may begin to answer without a new generation: not to be remembered. */
		if (e.host)
			*cached = e;
	} else if (e.direct && kept(mmu, &e) && goes_to_memory(&e, access)) {
		find_host(mmu, &e);
	}
	if (!allowed(e.pte, access))
		return refuse(fault, va, access, OGPU_FAULT_PERMISSION);
	if (e.pte & OGPU_PTE_NULL && access == OGPU_ACCESS_WRITE) {
		page->host = mmu->sink + offset;
		page->operand = OGPU_OPERAND(OGPU_TARGET_PEER, 0);	/* none */
		page->bytes = MMU_PAGE - offset;
		return true;
	}
	page->operand = e.operand + offset;
	page->bytes = MMU_PAGE - offset;
	if ((e.able & need[access]) != need[access])
		return refuse(fault, va, access, access == OGPU_ACCESS_ATOMIC &&
						 (e.able & READ_WRITE) == READ_WRITE ?
						 OGPU_FAULT_ATOMIC :
						 no_answer(mmu, e.operand, MMU_PAGE));

	page->host = e.host;
	if (kept(mmu, &e))
		find_kept(mmu, cached, &e, access, page);
	page->host += offset;
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

	mmu->work += WORK_POINTER;
	page->copy = NULL;
	page->operand = operand;
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
