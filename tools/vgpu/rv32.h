/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * An RV32IMC interpreter with Zicsr and Zifencei: one hart, machine mode only.
 *
 * It knows nothing of the GPU. Code runs from one piece of RAM that the owner provides; loads and
 * stores elsewhere go over a small bus. Decoded instructions are kept: code that is written is seen
 * only after fence.i or rv32_flush(), as the architecture allows. Misaligned accesses trap.
 *
 * All functions are for one thread, the one that runs the core, except those that raise and lower
 * lines. An exception while mtvec is 0 or while a trap handler runs (until its mret) is fatal.
 */
#ifndef OGPU_RV32_H
#define OGPU_RV32_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Lines into the core. The first two are the bits of mip and mie. */
#define RV32_LINE_TIMER		(1u << 7)
#define RV32_LINE_EXTERNAL	(1u << 11)
#define RV32_LINE_FAULT		(1u << 30)	/* take an instruction access fault now, once */
#define RV32_LINE_HALT		(1u << 31)	/* leave rv32_run() before the next instruction */

#define RV32_CAUSE_FETCH_FAULT		1
#define RV32_CAUSE_ILLEGAL		2
#define RV32_CAUSE_BREAKPOINT		3
#define RV32_CAUSE_LOAD_MISALIGNED	4
#define RV32_CAUSE_LOAD_FAULT		5
#define RV32_CAUSE_STORE_MISALIGNED	6
#define RV32_CAUSE_STORE_FAULT		7
#define RV32_CAUSE_ECALL		11
#define RV32_CAUSE_INTERRUPT		(1u << 31)

/**
 * struct rv32_bus - what the core reaches outside its RAM
 *
 * Accesses are naturally aligned and 1, 2 or 4 bytes wide; a load fills the low bits of @value
 * and leaves the others zero. Returning false makes the access fault. Meanwhile the core's pc is
 * that of the instruction.
 */
struct rv32_bus {
	bool (*load)(void *ctx, uint32_t addr, unsigned int size, uint32_t *value);
	bool (*store)(void *ctx, uint32_t addr, unsigned int size, uint32_t value);
	void *ctx;
};

enum rv32_exit {
	RV32_EXIT_BUDGET,	/* executed as many instructions as allowed */
	RV32_EXIT_WFI,		/* waits; run again once rv32_awake() */
	RV32_EXIT_HALT,		/* RV32_LINE_HALT is up */
	RV32_EXIT_FATAL,	/* see fatal_cause, fatal_tval and pc */
};

struct rv32_insn;

/**
 * struct rv32 - one core
 *
 * Registers are public so that tests and debuggers can look; x[32] swallows writes to x0.
 */
struct rv32 {
	uint32_t x[33];
	uint32_t pc;
	uint64_t instret;	/* instructions retired since reset; never written by the program */

	uint32_t mstatus;	/* MIE and MPIE only */
	uint32_t mie, mtvec, mscratch, mepc, mcause, mtval;
	uint64_t mcycle_offset, minstret_offset;
	bool in_trap;
	uint32_t fatal_cause, fatal_tval;

	_Atomic uint32_t lines;
	uint32_t attention;	/* lines that end straight execution */

	uint8_t *ram;
	uint32_t ram_base, ram_size;
	struct rv32_bus bus;
	struct rv32_insn *decoded;	/* one for each halfword of RAM */
	uint32_t decoded_first, decoded_last;
};

bool rv32_init(struct rv32 *cpu, void *ram, uint32_t ram_base, uint32_t ram_size,
	       const struct rv32_bus *bus);
void rv32_fini(struct rv32 *cpu);
void rv32_reset(struct rv32 *cpu, uint32_t pc);
void rv32_flush(struct rv32 *cpu);
enum rv32_exit rv32_run(struct rv32 *cpu, uint32_t budget);

/**
 * rv32_raise() - raise lines. Any thread.
 * @cpu: the core
 * @lines: RV32_LINE_*
 */
static inline void rv32_raise(struct rv32 *cpu, uint32_t lines)
{
	atomic_fetch_or(&cpu->lines, lines);
}

/**
 * rv32_lower() - lower lines. Any thread.
 * @cpu: the core
 * @lines: RV32_LINE_*
 */
static inline void rv32_lower(struct rv32 *cpu, uint32_t lines)
{
	atomic_fetch_and(&cpu->lines, ~lines);
}

/**
 * rv32_awake() - whether a core that waits in wfi has a reason to go on
 * @cpu: the core; mie must not change meanwhile, which holds while it waits
 */
static inline bool rv32_awake(struct rv32 *cpu)
{
	return atomic_load(&cpu->lines) & (cpu->mie | RV32_LINE_FAULT | RV32_LINE_HALT);
}

#endif
