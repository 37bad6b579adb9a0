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
#define   OGPU_MC_IRQ_SENSOR	BIT(3)	/* hardware began or ended to throttle; IRQ_ACK */
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

#define OGPU_MC_TEMP		0x080	/* RO: millidegree Celsius, signed */
#define OGPU_MC_MEM_TEMP	0x084
#define OGPU_MC_POWER		0x088	/* RO: microwatt */
#define OGPU_MC_ENERGY_LO	0x08c	/* RO: microjoule; reading latches _HI */
#define OGPU_MC_ENERGY_HI	0x090
/* Clamped to what the chip can do. CLOCK reads as it is, which is less while throttled. */
#define OGPU_MC_CLOCK		0x094	/* RW: compute clock, kHz */
#define OGPU_MC_FAN		0x098	/* RW: fan speed, rpm */
#define OGPU_MC_ECC_CE		0x09c	/* RO: corrected memory errors */
#define OGPU_MC_ECC_UE		0x0a0	/* RO: uncorrectable ones */
/* While any bit reads 1 the clock is half of what was asked for. */
#define OGPU_MC_THROTTLE	0x0a4	/* RW: OGPU_THROTTLE_*; writes firmware's, reads all */

/* Window n: an address operand (VRAM or SYSTEM), aligned to 4 KiB. */
#define OGPU_MC_WINDOW_LO(n)	(0x100 + (n) * 8)
#define OGPU_MC_WINDOW_HI(n)	(0x104 + (n) * 8)

/* Queue slot n. Descriptor registers may be written only while STATE is EMPTY. */
#define OGPU_MC_SLOT(n)		(0x1000 + (n) * 0x80)
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

enum ogpu_slot_command {
	OGPU_SLOT_CMD_START = 1,	/* EMPTY: begin with the descriptor */
	OGPU_SLOT_CMD_PREEMPT = 2,	/* stop at the next boundary, save the context */
	OGPU_SLOT_CMD_KILL = 3,		/* stop now; nothing is saved */
	OGPU_SLOT_CMD_CLEAR = 4,	/* SAVED, FAILED: back to EMPTY */
};

/*
 * EMPTY -START-> RUNNING <-> IDLE (ring empty) / WAITING (in a WAIT packet);
 * RUNNING, IDLE, WAITING -PREEMPT-> SAVED; any -KILL-> FAILED; error -> FAILED; -CLEAR-> EMPTY.
 * Every change except to RUNNING and EMPTY sets the slot's bit in SLOT_IRQ.
 */
enum ogpu_slot_state {
	OGPU_SLOT_EMPTY = 0,
	OGPU_SLOT_RUNNING = 1,
	OGPU_SLOT_IDLE = 2,
	OGPU_SLOT_WAITING = 3,
	OGPU_SLOT_SAVED = 4,
	OGPU_SLOT_FAILED = 5,
};

#endif
