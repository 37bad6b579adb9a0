/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The management controller as its firmware sees it: memory map and peripherals.
 *
 * An RV32IMC core with Zicsr, machine mode only, one hart. External interrupts arrive as machine
 * external interrupt (mie/mip bit 11), the timer as machine timer interrupt (bit 7); wfi stops
 * the core until one is pending. Firmware starts at the entry of its image with interrupts off.
 * An exception while mtvec is 0, or inside a handler, stops the core for good
 * (OGPU_MC_FATAL_TRAP). Loads and stores to holes are access faults, and so are those through a
 * window to memory that does not answer (OGPU_MC_FATAL_BUS if that stops the core).
 */
#ifndef _OGPU_ABI_MC_H_
#define _OGPU_ABI_MC_H_

#include "types.h"

#define OGPU_MC_SRAM_BASE	0x10000000u	/* code and data; size in discovery */
#define OGPU_MC_PERIPH_BASE	0x40000000u
#define OGPU_MC_WINDOW_BASE	0x80000000u	/* windows onto VRAM and host memory */
#define OGPU_MC_WINDOW_SIZE	0x01000000u	/* 16 MiB each */
#define OGPU_MC_WINDOWS		16

/*
 * Peripheral registers: 32 bits, offsets from OGPU_MC_PERIPH_BASE.
 */
#define OGPU_MC_IRQ_PENDING	0x000	/* RO level; bits below */
#define OGPU_MC_IRQ_ENABLE	0x004	/* RW */
#define   OGPU_MC_IRQ_MBOX	BIT(0)	/* host rang; cleared by writing the bit to IRQ_ACK */
#define   OGPU_MC_IRQ_DOORBELL	BIT(1)	/* DOORBELL_POP has entries */
#define   OGPU_MC_IRQ_SLOT	BIT(2)	/* a SLOT_IRQ bit is set */
#define   OGPU_MC_IRQ_SENSOR	BIT(3)	/* throttling began, ended; IDLE ended; IRQ_ACK */
#define   OGPU_MC_IRQ_RAS	BIT(4)	/* a record was put into RAS_RECORD; IRQ_ACK */
#define OGPU_MC_IRQ_ACK		0x008	/* W1C */
#define OGPU_MC_HOST_IRQ	0x00c	/* WO: vector number to raise at the host */
#define OGPU_MC_TIME_LO		0x010	/* RO: GLB_TIME, nanoseconds; reading latches _HI */
#define OGPU_MC_TIME_HI		0x014
#define OGPU_MC_TIMECMP_LO	0x018	/* RW: timer interrupt pending while TIME >= TIMECMP */
#define OGPU_MC_TIMECMP_HI	0x01c
#define OGPU_MC_HEARTBEAT	0x020	/* RW: seen by the host in BOOT_HEARTBEAT */
#define OGPU_MC_FATAL		0x024	/* WO: stop for good; value goes to BOOT_MC_FATAL 31:8 */
#define OGPU_MC_MBOX_ADDR_LO	0x028	/* RO: as set by the host */
#define OGPU_MC_MBOX_ADDR_HI	0x02c
#define OGPU_MC_MBOX_SIZE	0x030
#define OGPU_MC_SVN		0x034	/* RO: security version of the image that was booted */
#define OGPU_MC_SLOTS		0x038	/* RO: compute slots in 15:0, copy slots in 31:16 */
#define OGPU_MC_DOORBELLS	0x03c	/* RO: doorbell pages */
/*
 * A doorbell of a queue that is on a slot goes straight to that slot. Otherwise its number is
 * remembered once, and firmware pops it here to put the queue on a slot.
 */
#define OGPU_MC_DOORBELL_POP	0x040	/* RO: next number, or OGPU_MC_NO_DOORBELL */
#define   OGPU_MC_NO_DOORBELL	0xffffffffu
#define OGPU_MC_SLOT_IRQ	0x044	/* W1C: one bit for each slot whose STATUS changed */
/*
 * A compute reset under running firmware: the slots are EMPTY and ignore START until firmware has
 * acknowledged by writing 1, so that none starts with half a descriptor. Raises OGPU_MC_IRQ_SLOT.
 */
#define OGPU_MC_SLOT_RESET	0x048	/* W1C: 0 or 1 */
/*
 * Watches: one for each doorbell. Firmware hands hardware what a queue that it took off its slot
 * waits for; when that holds, or cannot be read, the queue's number is put where its doorbell would
 * put it (DOORBELL_POP), and the watch is gone. Operand, ASID, value and mask are taken when CTRL
 * is written. A doorbell of the queue ends its watch, too.
 */
#define OGPU_MC_WATCH_ADDR_LO	0x050	/* RW: address operand, 8-byte aligned */
#define OGPU_MC_WATCH_ADDR_HI	0x054
#define OGPU_MC_WATCH_VALUE_LO	0x058	/* RW */
#define OGPU_MC_WATCH_VALUE_HI	0x05c
#define OGPU_MC_WATCH_MASK_LO	0x060	/* RW */
#define OGPU_MC_WATCH_MASK_HI	0x064
#define OGPU_MC_WATCH_ASID	0x068	/* RW: for a virtual operand */
#define OGPU_MC_WATCH_CTRL	0x06c	/* WO: arms, or with OFF ends, the watch of a queue */
#define   OGPU_MC_WATCH_QUEUE	GENMASK(15, 0)
#define   OGPU_MC_WATCH_COMPARE	GENMASK(17, 16)	/* enum ogpu_compare (packet.h) */
#define   OGPU_MC_WATCH_OFF	BIT(31)

/*
 * Fuse counter of the security version. A write of more than it is, and of at most what OGPU_MC_SVN
 * reads, raises it to that for good; any other write does nothing.
 */
#define OGPU_MC_FUSE_SVN	0x070	/* RW */

#define OGPU_MC_TEMP		0x080	/* RO: millidegree Celsius, signed */
#define OGPU_MC_MEM_TEMP	0x084
#define OGPU_MC_POWER		0x088	/* RO: microwatt */
#define OGPU_MC_ENERGY_LO	0x08c	/* RO: microjoule; reading latches _HI */
#define OGPU_MC_ENERGY_HI	0x090
/* Clamped to what the chip can do. CLOCK reads as it is, which is less while throttled. */
#define OGPU_MC_CLOCK		0x094	/* RW: compute clock, kHz */
#define OGPU_MC_FAN		0x098	/* RW: fan speed, rpm */
/* While any bit reads 1 the compute clock is half of what was asked for. */
#define OGPU_MC_THROTTLE	0x0a4	/* RW: OGPU_THROTTLE_*; writes firmware's, reads all */

/* While POWER, the mean, is above the cap, hardware sets OGPU_THROTTLE_POWER. */
#define OGPU_MC_POWER_CAP	0x0a8	/* RW: microwatt, clamped */
#define OGPU_MC_MEM_CLOCK	0x0ac	/* RW: memory clock, kHz, as CLOCK */
/*
 * Idle: units, copy engines and memory interface stand still, VRAM keeps its content. Only while no
 * slot is RUNNING, else a write of 1 does nothing. A slot that gets to RUNNING ends it, which
 * raises OGPU_MC_IRQ_SENSOR; it waits no longer than the latency that discovery tells.
 */
#define OGPU_MC_IDLE		0x0b0	/* RW: 1 while idle */

/* Window n: an address operand (VRAM or SYSTEM), aligned to 4 KiB. */
#define OGPU_MC_WINDOW_LO(n)	(0x100 + (n) * 8)
#define OGPU_MC_WINDOW_HI(n)	(0x104 + (n) * 8)

/*
 * Errors. Reading RECORD takes the next one, and its address and queue into the registers behind.
 * Counters go up to all ones and stay there; they, and ADDR and QUEUE of the last error, are kept
 * in every reset.
 */
#define OGPU_MC_RAS_RECORD	0x200	/* RO */
#define   OGPU_RAS_RECORD_BLOCK	GENMASK(7, 0)	/* enum ogpu_ras_block */
#define   OGPU_RAS_RECORD_SEVERITY	GENMASK(9, 8)	/* enum ogpu_ras_severity */
#define   OGPU_RAS_RECORD_LOST	BIT(30)	/* others before it were lost */
#define   OGPU_RAS_RECORD_VALID	BIT(31)
#define OGPU_MC_RAS_ADDR_LO	0x204	/* RO: VRAM offset, else the block's own */
#define OGPU_MC_RAS_ADDR_HI	0x208
#define OGPU_MC_RAS_QUEUE	0x20c	/* RO: OGPU_EVENT_NO_QUEUE if unknown */
/* Spare rows: a page that is retired lies in good ones from then on, and is zero. */
#define OGPU_MC_RETIRE_LO	0x210	/* RW: VRAM offset, 4 KiB aligned */
#define OGPU_MC_RETIRE_HI	0x214
#define OGPU_MC_RETIRE		0x218	/* RW: a write retires; reads enum ogpu_retire_result */
#define OGPU_MC_SPARES		0x21c	/* RO: spare pages that are left */
#define OGPU_MC_RAS_BLOCK(b)	(0x240 + (b) * 0x20)
#define   OGPU_RAS_CORRECTED	0x00	/* RO: counter */
#define   OGPU_RAS_UNCORRECTED	0x04
#define   OGPU_RAS_DEFERRED	0x08
#define   OGPU_RAS_ADDR_LO	0x0c	/* RO: of the last error */
#define   OGPU_RAS_ADDR_HI	0x10
#define   OGPU_RAS_QUEUE	0x14

enum ogpu_ras_block {
	OGPU_RAS_VRAM = 0,
	OGPU_RAS_CACHE = 1,	/* shared cache and on-chip memory */
	OGPU_RAS_UNIT = 2,	/* local memory and registers of compute units */
	OGPU_RAS_MC = 3,	/* SRAM of the management core */
	OGPU_RAS_LINK = 4,	/* PCI Express */
	OGPU_RAS_BLOCKS
};

enum ogpu_ras_severity {
	OGPU_RAS_SEV_CORRECTED = 0,
	OGPU_RAS_SEV_UNCORRECTED = 1,
	OGPU_RAS_SEV_DEFERRED = 2,	/* poison was carried; nobody has used it yet */
};

enum ogpu_retire_result {
	OGPU_RETIRE_OK = 0,
	OGPU_RETIRE_NO_SPARE = 1,
	OGPU_RETIRE_BAD_ADDRESS = 2,
};

/*
 * Queue slot n. Descriptor registers may be written only while STATE is EMPTY, PRIORITY always.
 * RING, RPTR, WPTR and SAVE are address operands; VIRTUAL ones belong to ASID.
 */
#define OGPU_MC_SLOT(n)		(0x1000 + (n) * 0x100)
#define OGPU_MC_SLOT_MAX	32
#define   OGPU_SLOT_QUEUE	0x00	/* queue number, for events */
#define   OGPU_SLOT_DOORBELL	0x04	/* doorbell page that is connected */
#define   OGPU_SLOT_ASID	0x08
#define   OGPU_SLOT_FLAGS	0x0c	/* OGPU_QUEUE_* (mbox.h) */
#define   OGPU_SLOT_RING_LO	0x10	/* address operand */
#define   OGPU_SLOT_RING_HI	0x14
#define   OGPU_SLOT_RING_SIZE	0x18	/* bytes */
#define   OGPU_SLOT_CTRL	0x1c	/* WO: enum ogpu_slot_command */
#define   OGPU_SLOT_RPTR_LO	0x20	/* address operand of the read pointer */
#define   OGPU_SLOT_RPTR_HI	0x24
#define   OGPU_SLOT_WPTR_LO	0x28	/* address operand of the write pointer */
#define   OGPU_SLOT_WPTR_HI	0x2c
#define   OGPU_SLOT_STATUS	0x30	/* RO */
#define     OGPU_SLOT_STATUS_STATE	GENMASK(7, 0)	/* enum ogpu_slot_state */
#define     OGPU_SLOT_STATUS_ERROR	GENMASK(15, 8)	/* enum ogpu_queue_error */
#define     OGPU_SLOT_STATUS_ACCESS	GENMASK(19, 16)	/* enum ogpu_access */
#define     OGPU_SLOT_STATUS_REASON	GENMASK(23, 20)	/* enum ogpu_fault_reason */
#define   OGPU_SLOT_FAULT_VA_LO	0x34
#define   OGPU_SLOT_FAULT_VA_HI	0x38
/* Of the work-item; for KILL, and while SAVED, of the first one in the first frame (save.h). */
#define   OGPU_SLOT_FAULT_PC_LO	0x3c
#define   OGPU_SLOT_FAULT_PC_HI	0x40
#define   OGPU_SLOT_DETAIL	0x44	/* opcode or instruction word */
#define   OGPU_SLOT_BUSY_LO	0x48	/* RO: ns executing since START; reading latches _HI */
#define   OGPU_SLOT_BUSY_HI	0x4c
/*
 * Where execution stands. Read after PREEMPT (STATE is SAVED), written back before the next START
 * of the same queue: a queue is resumed exactly where it stopped. All zero for a new queue. POS is
 * the ring read pointer (64-bit byte count); CONTEXT0 the bytes already consumed of the indirect
 * buffer at POS, CONTEXT1/2 (64 bits) the workgroups already finished of its DISPATCH, or the
 * bytes done of its COPY or FILL. Software keeps them as they are.
 */
#define   OGPU_SLOT_POS_LO	0x50
#define   OGPU_SLOT_POS_HI	0x54
#define   OGPU_SLOT_CONTEXT0	0x58
#define   OGPU_SLOT_CONTEXT1	0x5c
#define   OGPU_SLOT_CONTEXT2	0x60
/*
 * Bytes already consumed of the indirect buffers below the first, in order of nesting: level 2 in
 * CONTEXT3 and so on.
 */
#define   OGPU_SLOT_CONTEXT3	0x64
#define   OGPU_SLOT_CONTEXT4	0x68
#define   OGPU_SLOT_CONTEXT5	0x6c
/*
 * Workgroups of the DISPATCH that are in the save area (save.h); those count as started. Of a queue
 * that FAILED, too, if they could be written.
 */
#define   OGPU_SLOT_HELD	0x70
/* Which queue gets compute units first: enum ogpu_priority. See docs/hardware.md, section 6. */
#define   OGPU_SLOT_PRIORITY	0x74	/* RW in any state */
#define   OGPU_SLOT_UNIT_NS_LO	0x78	/* RO: ns since START with a workgroup on a unit, or, */
#define   OGPU_SLOT_UNIT_NS_HI	0x7c	/* without units, executing; reading LO latches HI */
/* Save area (save.h): 4 KiB aligned; a DISPATCH needs room for one of its workgroups. */
#define   OGPU_SLOT_SAVE_LO	0x80
#define   OGPU_SLOT_SAVE_HI	0x84
#define   OGPU_SLOT_SAVE_SIZE	0x88	/* bytes */
/* What a WAIT waits for; valid while STATE is WAITING, and SAVED if WAIT_CTRL has VALID. */
#define   OGPU_SLOT_WAIT_CTRL	0x8c	/* RO */
#define     OGPU_SLOT_WAIT_COMPARE	GENMASK(1, 0)	/* enum ogpu_compare (packet.h) */
#define     OGPU_SLOT_WAIT_VALID	BIT(31)
#define   OGPU_SLOT_WAIT_ADDR_LO	0x90	/* RO: address operand */
#define   OGPU_SLOT_WAIT_ADDR_HI	0x94
#define   OGPU_SLOT_WAIT_VALUE_LO	0x98	/* RO */
#define   OGPU_SLOT_WAIT_VALUE_HI	0x9c
#define   OGPU_SLOT_WAIT_MASK_LO	0xa0	/* RO */
#define   OGPU_SLOT_WAIT_MASK_HI	0xa4
/*
 * What COUNTERS stores (packet.h): the one whose number is in COUNTER_INDEX. Written by software
 * before START, with what it read when the queue was SAVED; like POS it goes on from there.
 */
#define   OGPU_SLOT_COUNTER_INDEX	0xa8	/* RW in any state: enum ogpu_counter */
#define   OGPU_SLOT_COUNTER_LO	0xac
#define   OGPU_SLOT_COUNTER_HI	0xb0
/* Units that the queue may use: bit n of word m is unit 32 m + n; all words zero: every unit. */
#define   OGPU_SLOT_CU_MASK(m)	(0xc0 + (m) * 4)	/* m: 0 .. 7 */

enum ogpu_slot_command {
	OGPU_SLOT_CMD_START = 1,	/* EMPTY: begin with the descriptor */
	OGPU_SLOT_CMD_PREEMPT = 2,	/* stop at once, save the context */
	OGPU_SLOT_CMD_KILL = 3,		/* stop for good; what was under way can be looked at */
	OGPU_SLOT_CMD_CLEAR = 4,	/* SAVED, FAILED: back to EMPTY */
	OGPU_SLOT_CMD_RESUME = 5,	/* FAULTED: try the access again */
};

/*
 * EMPTY -START-> RUNNING <-> IDLE (ring empty) / WAITING (in a WAIT packet);
 * RUNNING -> FAULTED (memory fault of a queue with OGPU_QUEUE_REPLAY) -RESUME-> RUNNING;
 * RUNNING, IDLE, WAITING, FAULTED -PREEMPT-> SAVED; any -KILL-> FAILED; error -> FAILED;
 * SAVED, FAILED -CLEAR-> EMPTY.
 * Every change except to RUNNING and EMPTY sets the slot's bit in SLOT_IRQ.
 */
enum ogpu_slot_state {
	OGPU_SLOT_EMPTY = 0,
	OGPU_SLOT_RUNNING = 1,
	OGPU_SLOT_IDLE = 2,
	OGPU_SLOT_WAITING = 3,
	OGPU_SLOT_SAVED = 4,
	OGPU_SLOT_FAILED = 5,
	OGPU_SLOT_FAULTED = 6,	/* FAULT_VA, FAULT_PC and STATUS tell the fault */
};

#endif
