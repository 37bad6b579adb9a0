/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The discovery table: what this card is made of.
 *
 * A read-only table in BAR 0, found through GLB_DISCOVERY_OFFSET and _SIZE. It starts with a
 * header, followed by entries one after the other. Each names one block and how long it is,
 * so that software steps over types it does not know and accepts entries that grew at the end.
 * The driver has no table of products: all it knows about a card comes from here.
 */
#ifndef _OGPU_ABI_DISCOVERY_H_
#define _OGPU_ABI_DISCOVERY_H_

#include "types.h"

#define OGPU_DISC_MAGIC		0x5444474fu	/* "OGDT" */
#define OGPU_DISC_MAJOR		2
#define OGPU_DISC_MINOR		0
#define OGPU_DISC_MAX_SIZE	0x4000u

struct ogpu_disc_header {
	__le32 magic;
	__le16 major;		/* reader refuses another major */
	__le16 minor;
	__le32 size;		/* bytes, header and all entries */
	__le32 crc32;		/* IEEE 802.3 CRC over the table with this member zero */
	__le32 entry_count;
	__le32 rsvd[3];
};
OGPU_ASSERT_SIZE(struct ogpu_disc_header, 32);

enum ogpu_disc_type {
	OGPU_DISC_BOARD = 1,
	OGPU_DISC_MEMORY = 2,
	OGPU_DISC_COMPUTE = 3,
	OGPU_DISC_COPY = 4,
	OGPU_DISC_QUEUES = 5,
	OGPU_DISC_BOOT = 6,	/* register block; no body */
	OGPU_DISC_MBOX = 7,	/* register block; no body */
	OGPU_DISC_EVENT = 8,	/* register block; no body */
	OGPU_DISC_MMU = 9,
	OGPU_DISC_MC = 10,
	OGPU_DISC_ISA = 11,	/* what work-items may execute; no registers */
	OGPU_DISC_RAS = 12,	/* no registers; may be missing, as those that follow */
	OGPU_DISC_POWER = 13,
};

struct ogpu_disc_entry {
	__le16 type;		/* enum ogpu_disc_type */
	__le16 size;		/* bytes, this header included, multiple of 8 */
	__u8 major;		/* version of the block; driver refuses an unknown major */
	__u8 minor;
	__le16 instance;
	__le32 base;		/* start of the registers in BAR 0, 0 if the block has none */
	__le32 regs_size;	/* bytes of registers */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_entry, 16);

struct ogpu_disc_board {
	struct ogpu_disc_entry entry;
	__le32 board_id;
	__le16 hw_rev;
	__le16 generation;	/* 1 for OGPU-1 */
	__u8 uuid[16];
	__u8 name[32];		/* NUL-padded ASCII */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_board, 72);

struct ogpu_disc_memory {
	struct ogpu_disc_entry entry;
	__le64 vram_size;	/* bytes */
	__le64 aperture_size;	/* bytes of VRAM, from offset 0, seen through BAR 2 */
	__le32 dma_bits;	/* bus address width */
	__le32 flags;		/* OGPU_DISC_MEMORY_* */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_memory, 40);

#define OGPU_DISC_MEMORY_ATOMICS	BIT(0)	/* can send PCIe AtomicOps */

struct ogpu_disc_mmu {
	struct ogpu_disc_entry entry;
	__le32 va_bits;
	__le32 as_count;	/* largest address-space table, ASID 0 included */
	__le64 page_sizes;	/* a set bit n: pages of 2^n bytes */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_mmu, 32);

#define OGPU_DISC_MAX_CU	256

struct ogpu_disc_compute {
	struct ogpu_disc_entry entry;
	__le32 cu_count;	/* compute units on the die, at most OGPU_DISC_MAX_CU */
	__le32 lanes;		/* work-items executed together */
	__le64 cu_fused[OGPU_DISC_MAX_CU / 64];	/* a set bit: unit is fused off */
	__le32 max_workgroup;	/* work-items in a workgroup */
	__le32 local_bytes;	/* local memory for a workgroup */
	__le32 private_bytes;	/* private memory for a work-item */
	__le32 clock_khz;	/* highest clock */
	/* What one unit holds at a time: whichever is used up first. */
	__le32 resident_groups;
	__le32 resident_waves;
	__le32 resident_local;	/* bytes of local memory */
	__le32 save_wave_bytes;	/* of a wave in a save area (save.h) */
	__le32 quantum_us;	/* a unit goes to the next slot of equal priority after so long */
	__le32 starve_ms;	/* no slot with work is without a unit for longer */
	__le32 preempt_ms;	/* PREEMPT and KILL take effect within */
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_disc_compute, 104);

struct ogpu_disc_isa {
	struct ogpu_disc_entry entry;
	__u8 isa[112];		/* RISC-V ISA string of work-items, NUL-padded ASCII */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_isa, 128);

struct ogpu_disc_copy {
	struct ogpu_disc_entry entry;
	__le32 engines;
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_disc_copy, 24);

#define OGPU_DISC_JOB_MAX_MS	86400000u

struct ogpu_disc_queues {
	struct ogpu_disc_entry entry;
	__le32 compute_slots;	/* hardware slots 0 .. n-1 */
	__le32 copy_slots;	/* the slots that follow */
	__le32 doorbells;	/* pages in BAR 4; the most queues that can exist */
	__le32 doorbell_stride;	/* bytes between pages */
	__le32 job_ms;		/* limit of a job's time, unless software chooses another one */
	__le32 job_max_ms;	/* highest that software may choose, at most OGPU_DISC_JOB_MAX_MS */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_queues, 40);

struct ogpu_disc_ras {
	struct ogpu_disc_entry entry;
	__le32 blocks;		/* bit n: enum ogpu_ras_block n is protected and counts */
	__le32 spare_pages;	/* of 4 KiB, when the card was made */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_ras, 24);

struct ogpu_disc_power {
	struct ogpu_disc_entry entry;
	__le32 cap_min_uw;	/* limits of OGPU_MC_POWER_CAP, which starts at the higher one */
	__le32 cap_max_uw;
	__le32 mem_clock_khz;	/* highest */
	__le32 idle_exit_us;	/* work and accesses wait no longer for the end of idle */
};
OGPU_ASSERT_SIZE(struct ogpu_disc_power, 32);

struct ogpu_disc_mc {
	struct ogpu_disc_entry entry;
	__le32 sram_size;	/* bytes */
	__le32 clock_khz;
};
OGPU_ASSERT_SIZE(struct ogpu_disc_mc, 24);

#endif
