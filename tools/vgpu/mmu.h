/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The GPU MMU as one thread sees it: page walk, translation cache, faults.
 *
 * Each thread that touches memory for a queue has a struct mmu of its own, so nothing here is
 * locked. Translations are kept over changes of the address space and of the host's mappings until
 * an invalidation names them. Host pointers are good until the thread leaves the memory bracket
 * (mmu_leave()). Memory without a host pointer does not answer. The MMU of a unit of a strict card
 * has a data cache (mmu_cache.c).
 */
#ifndef OGPU_VGPU_MMU_H
#define OGPU_VGPU_MMU_H

#include "vgpu.h"

#define MMU_PAGE	4096u
#define MMU_TLB_SMALL	512	/* pages with a host pointer, direct-mapped */
#define MMU_TLB_NONE	UINT64_MAX
#define MMU_SETS	128	/* of each kind of translation */
#define MMU_WAYS	4

/* What a page with a host pointer allows without asking again. */
#define MMU_DIRECT_READ		1
#define MMU_DIRECT_WRITE	2
#define MMU_DIRECT_EXEC		4
#define MMU_DIRECT_ATOMIC	8

#define MMU_COPIES	64	/* pages that a data cache has, */
#define MMU_SPARES	8	/* and those that it had last, for who has pointers to some pages */

struct mmu_fault {
	uint64_t va;
	enum ogpu_access access;
	enum ogpu_fault_reason reason;
};

/* A page of the current address space with its host pointer: good for one generation. */
struct mmu_tlb_entry {
	uint64_t page;		/* va >> 12, or MMU_TLB_NONE */
	uint8_t *host;		/* start of the page, for what direct allows */
	uint64_t operand;	/* start of the page in VRAM or SYSTEM */
	uint32_t pte;		/* permission bits of the leaf */
	uint16_t direct;	/* MMU_DIRECT_* */
	uint8_t able;		/* likewise: what leaf and memory allow, if asked */
	uint8_t shift;		/* log2 of the bytes that the leaf maps */
};

/*
 * What is remembered of the page tables of any address space, until it is invalidated. Tables come
 * last, by level; those above level 0 are remembered by a strict card.
 */
enum mmu_kind {
	MMU_4K,
	MMU_64K,		/* a group with CONTIG */
	MMU_2M,
	MMU_TABLE,		/* a level-0 table, which maps 2 MiB, */
	MMU_ROOT = MMU_TABLE + OGPU_PT_LEVELS - 1,	/* and so on, up to the root */
	MMU_KINDS
};

struct mmu_translation {
	uint64_t tag;		/* MMU_TAG(); 0: none */
	uint64_t operand;	/* start of the page or table */
	uint32_t pte;		/* permission bits of the leaf */
};

#define MMU_TAG(asid, page)	((uint64_t)(asid) << 48 | (page))
#define MMU_TAG_ASID(tag)	((uint32_t)((tag) >> 48))
#define MMU_TAG_PAGE(tag)	((tag) & 0xffffffffffffull)

/* A page of memory in a data cache. */
struct mmu_copy {
	uint8_t *data;
	uint8_t marked[MMU_PAGE / 8];	/* bytes that have been stored, a bit for each */
	uint64_t operand;		/* start of the page in VRAM or SYSTEM */
	struct mmu_tlb_entry *user;	/* the one whose host pointer may be data */
};

struct mmu_cache {
	uint64_t valid, stored;		/* copies, and those with marked bytes: a bit for each */
	struct mmu_copy copy[MMU_COPIES];
	uint8_t *spare[MMU_SPARES];
	uint32_t next_spare;
	uint8_t page[MMU_COPIES + MMU_SPARES][MMU_PAGE] __attribute__((aligned(64)));
};

struct mmu {
	struct vgpu *gpu;
	struct mmu_cache *cache;	/* NULL: none */
	const _Atomic uint64_t *as_table;	/* MMU_AS_TABLE() value */
	uint32_t asid;
	enum mmu_kind kinds;		/* this one and those after it are not remembered */
	uint32_t work;			/* done since it was last taken, see mmu_take_work() */
	uint64_t walks;			/* since the beginning, */
	uint64_t misses;		/* and pages that the cache had not */
	uint64_t generation;		/* of memory when the host pointers were found */
	uint64_t tlbis;			/* invalidations that have been carried out */
	uint32_t victim;		/* way to replace next */
	struct mmu_tlb_entry tlb[MMU_TLB_SMALL];
	struct mmu_translation known[MMU_KINDS][MMU_SETS][MMU_WAYS];
	uint8_t sink[MMU_PAGE];		/* takes what is stored to null pages; never read */
};

/* A page, as mmu_translate() found it. */
struct mmu_page {
	uint8_t *host;		/* the byte at va */
	size_t bytes;		/* up to the end of the 4 KiB page */
	uint64_t operand;	/* of the byte at va; also if the page is poisoned */
	struct mmu_copy *copy;	/* that host points to, NULL: to memory; see mmu_cache_mark() */
};

/* Address-space table in one word: VRAM offset of 4 KiB alignment, and entries. */
#define MMU_AS_TABLE(offset, count)	(((uint64_t)(offset) >> 12) << 20 | (count))
#define MMU_AS_OFFSET(table)		(((table) >> 20) << 12)
#define MMU_AS_COUNT(table)		((table) & 0xfffff)

void mmu_init(struct mmu *mmu, struct vgpu *gpu, const _Atomic uint64_t *as_table);
void mmu_set_asid(struct mmu *mmu, uint32_t asid);
void mmu_flush(struct mmu *mmu);
bool mmu_enter(struct mmu *mmu);
void mmu_leave(struct mmu *mmu);
bool mmu_translate(struct mmu *mmu, uint64_t va, enum ogpu_access access, struct mmu_page *page,
		   struct mmu_fault *fault);
bool mmu_resolve(struct mmu *mmu, uint64_t operand, bool write, struct mmu_page *page,
		 struct mmu_fault *fault);
bool mmu_read(struct mmu *mmu, uint64_t operand, void *buf, size_t len, struct mmu_fault *fault);
bool mmu_write(struct mmu *mmu, uint64_t operand, const void *buf, size_t len,
	       struct mmu_fault *fault);

/* mmu_cache.c */
bool mmu_cache_create(struct mmu *mmu);
void mmu_cache_clean(struct mmu *mmu);
void mmu_cache_drop(struct mmu *mmu);
void mmu_cache_drop_page(struct mmu *mmu, uint64_t operand);
struct mmu_copy *mmu_cache_page(struct mmu *mmu, uint64_t operand, const uint8_t *host);
void mmu_cache_point(struct mmu_copy *copy, struct mmu_tlb_entry *e);
void mmu_cache_mark(struct mmu *mmu, struct mmu_copy *copy, unsigned int offset,
		    unsigned int bytes);

/* Where in mmu->tlb the page at va is, if it is there. Strides of 2 MiB are spread, too. */
static inline unsigned int mmu_slot(uint64_t va)
{
	return (va >> 12 ^ va >> 21) % MMU_TLB_SMALL;
}

/**
 * mmu_take_work() - How much the host had to do for translations.
 * @mmu: this thread's MMU
 *
 * Return: work since the last call, in vector instructions that take as long at most.
 */
static inline uint32_t mmu_take_work(struct mmu *mmu)
{
	uint32_t work = mmu->work;

	mmu->work = 0;
	return work;
}

/**
 * mmu_lookup() - Translation cache hit with a host pointer.
 * @mmu: this thread's MMU, inside the bracket
 * @va: address of 48 bits
 * @direct: MMU_DIRECT_* that are needed
 *
 * Return: the byte at @va, good up to the end of its page, or NULL: ask mmu_translate().
 */
static inline uint8_t *mmu_lookup(struct mmu *mmu, uint64_t va, uint32_t direct)
{
	const struct mmu_tlb_entry *e = &mmu->tlb[mmu_slot(va)];

	if (e->page != va >> 12 || (e->direct & direct) != direct)
		return NULL;
	return e->host + (va & (MMU_PAGE - 1));
}

#endif
