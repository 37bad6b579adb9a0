/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The GPU MMU as one thread sees it: page walk, translation cache, faults.
 *
 * Each thread that touches memory for a queue has a struct mmu of its own, so nothing here is
 * locked. Host pointers are good until the thread leaves the memory bracket (mmu_leave()). Memory
 * without a host pointer does not answer.
 */
#ifndef OGPU_VGPU_MMU_H
#define OGPU_VGPU_MMU_H

#include "vgpu.h"

#define MMU_PAGE	4096u
#define MMU_TLB_SMALL	512	/* entries of 4 KiB, direct-mapped */
#define MMU_TLB_LARGE	64	/* entries of 64 KiB and of 2 MiB */
#define MMU_TLB_NONE	UINT64_MAX

/* What a 4 KiB entry allows without asking again. */
#define MMU_DIRECT_READ		1
#define MMU_DIRECT_WRITE	2
#define MMU_DIRECT_EXEC		4

struct mmu_fault {
	uint64_t va;
	enum ogpu_access access;
	enum ogpu_fault_reason reason;
};

struct mmu_tlb_entry {
	uint64_t page;		/* va >> 12, or MMU_TLB_NONE */
	uint8_t *host;		/* start of the page, for what direct allows */
	uint64_t operand;	/* start of the page in VRAM or SYSTEM */
	uint32_t pte;		/* permission bits of the leaf */
	uint32_t direct;	/* MMU_DIRECT_* */
};

struct mmu_large_entry {
	uint64_t page;		/* va >> shift, or MMU_TLB_NONE */
	uint64_t operand;
	uint32_t pte;
};

struct mmu {
	struct vgpu *gpu;
	const _Atomic uint64_t *as_table;	/* MMU_AS_TABLE() value */
	uint32_t asid;
	uint64_t generation;		/* of memory when the caches were filled */
	struct mmu_tlb_entry tlb[MMU_TLB_SMALL];
	struct mmu_large_entry large[2][MMU_TLB_LARGE];
};

/* A page, as mmu_translate() found it. */
struct mmu_page {
	uint8_t *host;		/* the byte at va */
	size_t bytes;		/* up to the end of the 4 KiB page */
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
	const struct mmu_tlb_entry *e = &mmu->tlb[(va >> 12) % MMU_TLB_SMALL];

	if (e->page != va >> 12 || (e->direct & direct) != direct)
		return NULL;
	return e->host + (va & (MMU_PAGE - 1));
}

#endif
