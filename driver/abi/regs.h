/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Host-visible registers: PCI identity, BARs, and the register blocks in BAR 0.
 *
 * Registers are 32 bits wide and accessed with aligned 32-bit reads and writes. Where a block's
 * registers start is told by the discovery table (discovery.h); offsets here are relative to
 * that base, except for the GLB block, which is always at the start of BAR 0. A register not
 * listed reads as zero and ignores writes. 64-bit quantities are _LO/_HI pairs.
 */
#ifndef _OGPU_ABI_REGS_H_
#define _OGPU_ABI_REGS_H_

#include "types.h"

/* 0x1234 is the experimental vendor ID that QEMU's own teaching devices use; a chip has its own. */
#define OGPU_PCI_VENDOR		0x1234
#define OGPU_PCI_DEVICE_OGPU1	0x0601

/* Board and revision that the virtual GPU and the signing tool use unless told otherwise. */
#define OGPU_BOARD_DEV		0x4f470001u
#define OGPU_BOARD_DEV_HW_REV	1

#define OGPU_BAR_REGS		0	/* registers, MSI-X table and PBA */
#define OGPU_BAR_VRAM		2	/* aperture onto the first bytes of VRAM, prefetchable */
#define   OGPU_APERTURE_MIN	0x1000000u	/* bytes: tables and firmware go there */
#define OGPU_BAR_DOORBELL	4	/* one page for each queue */

#define OGPU_BAR_REGS_SIZE	0x100000u
#define OGPU_MSIX_TABLE_OFFSET	0x80000u
#define OGPU_MSIX_PBA_OFFSET	0x90000u

/* MSI-X vectors. */
#define OGPU_VECTOR_MBOX	0	/* firmware put a message into its mailbox ring */
#define OGPU_VECTOR_EVENT	1	/* hardware put an entry into the event ring */
#define OGPU_VECTOR_SIGNAL	2	/* hardware put an entry into the signal ring */
#define OGPU_VECTOR_COUNT	3

/*
 * Doorbell page of queue n: at n times the stride told by discovery. A 32-bit write of any value
 * to RING tells hardware to read the queue's write pointer from memory. A 64-bit write to WPTR, or
 * two of 32 bits, low half first, carries the pointer itself: a queue on a slot goes on without
 * that read. Memory must hold it all the same, before the doorbell is rung.
 */
#define OGPU_DOORBELL_RING	0x0
#define OGPU_DOORBELL_WPTR	0x8

/* GLB: identity, discovery, time, reset. Always at offset 0 of BAR 0. */
#define OGPU_GLB_MAGIC		0x00	/* RO: OGPU_MAGIC */
#define   OGPU_MAGIC		0x5550474fu	/* "OGPU" */
#define OGPU_GLB_CONTRACT	0x04	/* RO: version of the hardware contract */
#define   OGPU_GLB_CONTRACT_MAJOR	GENMASK(31, 16)
#define   OGPU_GLB_CONTRACT_MINOR	GENMASK(15, 0)
#define   OGPU_CONTRACT_MAJOR	2
#define   OGPU_CONTRACT_MINOR	0
#define OGPU_GLB_DISCOVERY_OFFSET	0x08	/* RO: byte offset of the table in BAR 0 */
#define OGPU_GLB_DISCOVERY_SIZE	0x0c	/* RO: bytes */
#define OGPU_GLB_STATUS		0x10	/* RO */
#define   OGPU_GLB_STATUS_VRAM_READY	BIT(0)
#define   OGPU_GLB_STATUS_MC_RUNNING	BIT(1)
#define   OGPU_GLB_STATUS_MC_FATAL	BIT(2)	/* see BOOT_MC_FATAL */
#define OGPU_GLB_RESET		0x14	/* RW: write 1 to start, reads 0 when done */
#define   OGPU_GLB_RESET_COMPUTE	BIT(0)	/* compute units, copy engines and queue slots */
#define   OGPU_GLB_RESET_MC		BIT(1)	/* management core; boot ROM waits for BOOT_CTRL */
#define OGPU_GLB_TIME_LO	0x18	/* RO: nanoseconds since power-up; reading latches _HI */
#define OGPU_GLB_TIME_HI	0x1c
#define OGPU_GLB_SCRATCH	0x20	/* RW: no effect */
#define OGPU_GLB_SIZE		0x100

/* BOOT: the boot ROM of the management controller. */
#define OGPU_BOOT_CTRL		0x00	/* WO */
#define   OGPU_BOOT_CTRL_START	BIT(0)	/* authenticate and start the image at BOOT_ADDR */
#define OGPU_BOOT_STATUS	0x04	/* RO */
#define   OGPU_BOOT_STATUS_STATE	GENMASK(7, 0)	/* enum ogpu_boot_state */
#define   OGPU_BOOT_STATUS_ERROR	GENMASK(15, 8)	/* enum ogpu_boot_error */
#define OGPU_BOOT_ADDR_LO	0x08	/* RW: byte offset of the image in VRAM, 4 KiB aligned */
#define OGPU_BOOT_ADDR_HI	0x0c
#define OGPU_BOOT_SIZE		0x10	/* RW: bytes of the image */
#define OGPU_BOOT_SVN		0x14	/* RO: fuse counter, the lowest security version accepted */
#define OGPU_BOOT_HEARTBEAT	0x18	/* RO: rises at least every OGPU_HEARTBEAT_MS while alive */
#define OGPU_BOOT_MC_FATAL	0x1c	/* RO: enum ogpu_mc_fatal in 7:0, detail in 31:8 */
#define OGPU_BOOT_MC_PC		0x20	/* RO: program counter at the fatal error */
#define OGPU_BOOT_KEYS		0x24	/* RO: key slots in the fuses */
#define   OGPU_BOOT_KEYS_FUSED	GENMASK(3, 0)	/* bit n: slot n holds a key */
#define   OGPU_BOOT_KEYS_REVOKED	GENMASK(7, 4)	/* bit n: the key of slot n is revoked */
#define   OGPU_BOOT_KEY_SLOTS	4
/* The image that the core was started with, as the boot ROM checked it; all 0 after its reset. */
#define OGPU_BOOT_IMAGE_SVN	0x28	/* RO: security version of the image */
#define OGPU_BOOT_IMAGE_KEY0	0x2c	/* RO: key_id of the key that it is signed with */
#define OGPU_BOOT_IMAGE_KEY1	0x30
#define OGPU_BOOT_HASH(n)	(0x40 + (n) * 4)	/* RO: SHA-256 of header and table */
#define OGPU_BOOT_KEY(n)	(0x60 + (n) * 8)	/* RO: key_id of slot n's key, 8 bytes */
#define OGPU_BOOT_REGS_SIZE	0x100

#define OGPU_HEARTBEAT_MS	1000

enum ogpu_boot_state {
	OGPU_BOOT_IDLE = 0,		/* waits for START */
	OGPU_BOOT_VERIFYING = 1,
	OGPU_BOOT_STARTED = 2,		/* image accepted, core released */
	OGPU_BOOT_REFUSED = 3,		/* see the error field; START may be tried again */
};

/* Why the boot ROM refused an image. */
enum ogpu_boot_error {
	OGPU_BOOT_OK = 0,
	OGPU_BOOT_ERR_ADDRESS = 1,	/* image not inside VRAM, or misaligned */
	OGPU_BOOT_ERR_FORMAT = 2,	/* structure broken */
	OGPU_BOOT_ERR_KEY = 3,		/* signed with a key that is not fused */
	OGPU_BOOT_ERR_SIGNATURE = 4,	/* signature does not match header and table */
	OGPU_BOOT_ERR_BOARD = 5,	/* for other hardware */
	OGPU_BOOT_ERR_SVN = 6,		/* security version below the fuse counter */
	OGPU_BOOT_ERR_COMPONENT = 7,	/* a component does not fit the core's memory */
	OGPU_BOOT_ERR_BUSY = 8,		/* core is running; reset it first */
	OGPU_BOOT_ERR_REVOKED = 9,	/* signed with a key that is revoked */
	OGPU_BOOT_ERR_HASH = 10,	/* a component's bytes do not match its hash */
	OGPU_BOOT_ERR_HOT = 11,		/* after OGPU_MC_FATAL_THERMAL, and still too hot */
};

/* Why the management core stopped. */
enum ogpu_mc_fatal {
	OGPU_MC_FATAL_NONE = 0,
	OGPU_MC_FATAL_TRAP = 1,		/* exception with no handler, or inside the handler */
	OGPU_MC_FATAL_ASSERT = 2,	/* firmware gave up; detail says where */
	OGPU_MC_FATAL_WATCHDOG = 3,	/* heartbeat stopped */
	OGPU_MC_FATAL_BUS = 4,		/* window access failed */
	OGPU_MC_FATAL_THERMAL = 5,	/* too hot to go on; START is refused until it is cool */
};

/* MBOX: where the mailbox area (mbox.h) lives, and its bell. */
#define OGPU_MBOX_ADDR_LO	0x00	/* RW: bus address, 4 KiB aligned; set before boot */
#define OGPU_MBOX_ADDR_HI	0x04
#define OGPU_MBOX_SIZE		0x08	/* RW: bytes */
#define OGPU_MBOX_BELL		0x0c	/* WO: any value interrupts the management core */
#define OGPU_MBOX_REGS_SIZE	0x100

/* EVENT: the event ring (event.h). */
#define OGPU_EVENT_ADDR_LO	0x00	/* RW: bus address, 4 KiB aligned */
#define OGPU_EVENT_ADDR_HI	0x04
#define OGPU_EVENT_ENTRIES	0x08	/* RW: power of two, 0 disables the ring; a write sets
					 * RPTR, WPTR and DROPPED to 0
					 */
#define OGPU_EVENT_RPTR		0x0c	/* RW: free-running count of entries taken by the host */
#define OGPU_EVENT_WPTR		0x10	/* RO: free-running count of entries written */
#define OGPU_EVENT_DROPPED	0x14	/* RO: events lost because the ring was full */
/*
 * Signals: FENCE packets of any queue may signal. A queue has at most one entry in the signal ring:
 * the first signal puts it there, later ones are remembered as one, until the host takes the entry
 * and arms the queue again. So a ring of as many entries as there are doorbells never overflows,
 * and no queue can keep another one's entry out. See event.h.
 */
#define OGPU_SIGNAL_ADDR_LO	0x20	/* RW: bus address, 4 KiB aligned */
#define OGPU_SIGNAL_ADDR_HI	0x24
#define OGPU_SIGNAL_ENTRIES	0x28	/* RW: power of two, at least the number of doorbells; 0:
					 * ring off. A write sets WPTR to 0 and disarms all
					 */
#define OGPU_SIGNAL_WPTR	0x2c	/* RO: free-running count of entries written */
#define OGPU_SIGNAL_ARM		0x30	/* WO: number of a queue, whose entry the host has taken */
#define OGPU_EVENT_REGS_SIZE	0x100

/* MMU: the address-space table (addr.h) and TLB invalidation. */
#define OGPU_MMU_AS_ADDR_LO	0x00	/* RW: byte offset in VRAM, 4 KiB aligned */
#define OGPU_MMU_AS_ADDR_HI	0x04
#define OGPU_MMU_AS_COUNT	0x08	/* RW: entries in the table */
#define OGPU_MMU_TLBI_START_LO	0x10	/* RW: first VA, 4 KiB aligned */
#define OGPU_MMU_TLBI_START_HI	0x14
#define OGPU_MMU_TLBI_END_LO	0x18	/* RW: VA after the last, 4 KiB aligned */
#define OGPU_MMU_TLBI_END_HI	0x1c
/*
 * Writing TLBI starts an invalidation. Up to OGPU_MMU_TLBI_DEPTH may be under way; they end in
 * order. One has ended when no access that began before the write can still use a translation that
 * it dropped. BUSY reads 1 while any is under way; while FULL reads 1 a write is ignored. STARTED
 * and DONE count them, free-running: the n-th has ended when DONE has reached n. With NOTIFY its
 * end puts an OGPU_EVENT_TLBI entry into the event ring.
 */
#define OGPU_MMU_TLBI		0x20	/* RW */
#define   OGPU_MMU_TLBI_ASID	GENMASK(15, 0)
#define   OGPU_MMU_TLBI_TYPE	GENMASK(17, 16)
#define     OGPU_MMU_TLBI_RANGE	0	/* START..END of ASID */
#define     OGPU_MMU_TLBI_AS	1	/* all of ASID */
#define     OGPU_MMU_TLBI_ALL	2	/* everything */
#define   OGPU_MMU_TLBI_NOTIFY	BIT(18)
#define   OGPU_MMU_TLBI_FULL	BIT(30)
#define   OGPU_MMU_TLBI_BUSY	BIT(31)
#define   OGPU_MMU_TLBI_DEPTH	16
#define OGPU_MMU_TLBI_STARTED	0x24	/* RO */
#define OGPU_MMU_TLBI_DONE	0x28	/* RO */
#define OGPU_MMU_REGS_SIZE	0x100

#endif
