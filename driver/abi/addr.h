/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Address operands and page-table entries of the GPU MMU.
 *
 * Two kinds of address exist. A virtual address (VA) has 48 bits and belongs to an address space
 * (AS), which is named by a 16-bit number (ASID). An address operand is 64 bits wide and also says
 * which memory it points into; it is used wherever hardware or firmware is given memory by
 * trusted software (rings, write-back pointers, page tables, privileged packets).
 */
#ifndef _OGPU_ABI_ADDR_H_
#define _OGPU_ABI_ADDR_H_

#include "types.h"

/* Where an address points. */
enum ogpu_target {
	OGPU_TARGET_VRAM = 0,		/* byte offset into this card's VRAM */
	OGPU_TARGET_SYSTEM = 1,		/* bus (DMA) address of the host */
	OGPU_TARGET_PEER = 2,		/* byte offset into a peer's VRAM; reserved in OGPU-1 */
	OGPU_TARGET_VIRTUAL = 3,	/* VA in the queue's AS; operands only, never in a PTE */
};

/* Address operand. */
#define OGPU_OPERAND_TARGET	GENMASK_ULL(63, 62)
#define OGPU_OPERAND_MBZ	GENMASK_ULL(61, 56)
#define OGPU_OPERAND_ADDR	GENMASK_ULL(55, 0)
#define OGPU_OPERAND(target, addr) \
	(FIELD_PREP(OGPU_OPERAND_TARGET, (__u64)(target)) | ((addr) & OGPU_OPERAND_ADDR))

/*
 * Virtual addresses and the four-level walk. Level 3 is the root; each table has 512 entries of
 * 8 bytes and is 4 KiB in size and alignment.
 */
#define OGPU_VA_BITS		48
#define OGPU_PT_LEVELS		4
#define OGPU_PT_ENTRY_BITS	9
#define OGPU_PT_ENTRIES		(1 << OGPU_PT_ENTRY_BITS)
#define OGPU_PT_SIZE		4096
#define OGPU_PT_LEVEL_SHIFT(level)	(12 + OGPU_PT_ENTRY_BITS * (level))
#define OGPU_PT_INDEX(va, level) \
	(((va) >> OGPU_PT_LEVEL_SHIFT(level)) & (OGPU_PT_ENTRIES - 1))

#define OGPU_PAGE_4K		0x1000u
#define OGPU_PAGE_64K		0x10000u
#define OGPU_PAGE_2M		0x200000u

/*
 * Page-table entry. A leaf may stand at level 0 (4 KiB) and at level 1 (2 MiB, address aligned to
 * 2 MiB). CONTIG, at level 0 only, is set in all 16 entries of an aligned 64 KiB group that map an
 * aligned 64 KiB of memory with the same attributes: hardware may then use one TLB entry. Entries
 * that are not leaves point to the next lower table; R, W, X, CONTIG, MTYPE and NULL are zero
 * there. A reserved bit or value, PEER where there is no peer, CONTIG on memory that does not lie
 * so, or a leaf at level 2 or 3 makes the walk fault with OGPU_FAULT_PTE.
 */
#define OGPU_PTE_VALID		BIT_ULL(0)
#define OGPU_PTE_LEAF		BIT_ULL(1)
#define OGPU_PTE_READ		BIT_ULL(2)
#define OGPU_PTE_WRITE		BIT_ULL(3)
#define OGPU_PTE_EXEC		BIT_ULL(4)
#define OGPU_PTE_CONTIG		BIT_ULL(5)
#define OGPU_PTE_TARGET		GENMASK_ULL(7, 6)
#define OGPU_PTE_MTYPE		GENMASK_ULL(9, 8)	/* enum ogpu_mtype; leaf only, else MBZ */
/*
 * A leaf without memory, of any size: reads as zero, stores are lost, atomics and execution fault
 * with OGPU_FAULT_PERMISSION. R and W as usual; X, CONTIG, TARGET, MTYPE and ADDR MBZ.
 */
#define OGPU_PTE_NULL		BIT_ULL(10)
#define OGPU_PTE_MBZ		BIT_ULL(11)
#define OGPU_PTE_ADDR		GENMASK_ULL(55, 12)
#define OGPU_PTE_PEER		GENMASK_ULL(63, 56)

/* How a page may be cached; docs/hardware.md, section 4. 3 is reserved. */
enum ogpu_mtype {
	OGPU_MTYPE_CACHED = 0,		/* by units, at most to the end of the workgroup */
	OGPU_MTYPE_UNCACHED = 1,	/* each access goes to memory */
	OGPU_MTYPE_COHERENT = 2,	/* cached only as far as all see each store at once */
};

/*
 * The address-space table: an array in VRAM, one entry for each ASID, whose base and length are
 * given in the MMU registers. An entry whose root lacks VALID makes all accesses of that AS fault
 * with OGPU_FAULT_NO_AS. ASID 0 is never valid.
 */
struct ogpu_as_entry {
	__le64 root;	/* OGPU_PTE_VALID, OGPU_PTE_TARGET and OGPU_PTE_ADDR of the level-3 table */
	__le64 rsvd;	/* must be zero */
};
OGPU_ASSERT_SIZE(struct ogpu_as_entry, 16);

/* How memory was accessed when a fault struck. */
enum ogpu_access {
	OGPU_ACCESS_READ = 0,
	OGPU_ACCESS_WRITE = 1,
	OGPU_ACCESS_EXEC = 2,
	OGPU_ACCESS_ATOMIC = 3,
};

/* Why the MMU refused an access. */
enum ogpu_fault_reason {
	OGPU_FAULT_NONE = 0,
	OGPU_FAULT_NO_AS = 1,		/* the ASID has no page tables */
	OGPU_FAULT_NOT_MAPPED = 2,	/* no valid entry */
	OGPU_FAULT_PERMISSION = 3,	/* the entry does not allow this access */
	OGPU_FAULT_PTE = 4,		/* malformed entry */
	OGPU_FAULT_VA_RANGE = 5,	/* VA outside 48 bits and outside the on-chip apertures */
	OGPU_FAULT_BUS = 6,		/* the memory behind the entry did not answer */
	OGPU_FAULT_APERTURE = 7,	/* outside local or private memory, or executed from it */
	OGPU_FAULT_POISON = 8,		/* uncorrectable memory error */
	OGPU_FAULT_ATOMIC = 9,		/* the platform refuses an AtomicOp there */
};

#endif
