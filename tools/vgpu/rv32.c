// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * RV32IMC interpreter: execution, control and status registers, traps. See rv32.h for the rules
 * and rv32_decode.c for the decoder.
 */
#include "rv32.h"

#include <stdlib.h>
#include <string.h>

#include "reg64.h"
#include "rv32_decode.h"

#define MSTATUS_MIE	(1u << 3)
#define MSTATUS_MPIE	(1u << 7)
#define MSTATUS_MPP	(3u << 11)	/* machine mode is the only mode: always set */

#define MISA_RV32IMC	0x40001104u

#define MTVEC_VECTORED	1u

#define INTERRUPTS	(RV32_LINE_TIMER | RV32_LINE_EXTERNAL)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

enum csr {
	CSR_MSTATUS = 0x300,
	CSR_MISA = 0x301,
	CSR_MIE = 0x304,
	CSR_MTVEC = 0x305,
	CSR_MSTATUSH = 0x310,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC = 0x341,
	CSR_MCAUSE = 0x342,
	CSR_MTVAL = 0x343,
	CSR_MIP = 0x344,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_MCYCLEH = 0xb80,
	CSR_MINSTRETH = 0xb82,
	CSR_CYCLE = 0xc00,
	CSR_INSTRET = 0xc02,
	CSR_CYCLEH = 0xc80,
	CSR_INSTRETH = 0xc82,
	CSR_MVENDORID = 0xf11,
	CSR_MARCHID = 0xf12,
	CSR_MIMPID = 0xf13,
	CSR_MHARTID = 0xf14,
	CSR_MCONFIGPTR = 0xf15,
};

/**
 * rv32_init() - prepare a core
 * @cpu: the core
 * @ram: its memory, owned by the caller and outliving the core
 * @ram_base: address of @ram, multiple of 4
 * @ram_size: bytes, multiple of 4, at least 4
 * @bus: the rest of the world; copied
 *
 * Return: false if memory is short.
 */
bool rv32_init(struct rv32 *cpu, void *ram, uint32_t ram_base, uint32_t ram_size,
	       const struct rv32_bus *bus)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->ram = ram;
	cpu->ram_base = ram_base;
	cpu->ram_size = ram_size;
	cpu->bus = *bus;
	cpu->decoded = calloc(ram_size / 2, sizeof(*cpu->decoded));
	cpu->decoded_first = ram_size / 2;
	rv32_reset(cpu, ram_base);
	return cpu->decoded;
}

/**
 * rv32_fini() - free what rv32_init() allocated
 * @cpu: the core
 */
void rv32_fini(struct rv32 *cpu)
{
	free(cpu->decoded);
	cpu->decoded = NULL;
}

/**
 * rv32_flush() - forget decoded instructions, because the caller has written code
 * @cpu: the core
 */
void rv32_flush(struct rv32 *cpu)
{
	if (cpu->decoded_first <= cpu->decoded_last)
		memset(&cpu->decoded[cpu->decoded_first], 0,
		       (cpu->decoded_last - cpu->decoded_first + 1) * sizeof(*cpu->decoded));
	cpu->decoded_first = cpu->ram_size / 2;
	cpu->decoded_last = 0;
}

static void update_attention(struct rv32 *cpu)
{
	cpu->attention = RV32_LINE_FAULT | RV32_LINE_HALT;
	if (cpu->mstatus & MSTATUS_MIE)
		cpu->attention |= cpu->mie;
}

/**
 * rv32_reset() - registers to their reset values, lines down
 * @cpu: the core
 * @pc: where execution starts
 *
 * RAM is left alone.
 */
void rv32_reset(struct rv32 *cpu, uint32_t pc)
{
	memset(cpu->x, 0, sizeof(cpu->x));
	cpu->pc = pc & ~1u;
	cpu->instret = 0;
	cpu->mstatus = 0;
	cpu->mie = 0;
	cpu->mtvec = 0;
	cpu->mscratch = 0;
	cpu->mepc = 0;
	cpu->mcause = 0;
	cpu->mtval = 0;
	cpu->mcycle_offset = 0;
	cpu->minstret_offset = 0;
	cpu->in_trap = false;
	cpu->fatal_cause = 0;
	cpu->fatal_tval = 0;
	atomic_store(&cpu->lines, 0);
	update_attention(cpu);
	if (cpu->decoded)
		rv32_flush(cpu);
}

/* Enters the handler for an exception or interrupt that happened at pc. False: fatal. */
static bool trap(struct rv32 *cpu, uint32_t cause, uint32_t tval, uint32_t *pc)
{
	bool interrupt = cause & RV32_CAUSE_INTERRUPT;

	if (!interrupt && (!cpu->mtvec || cpu->in_trap)) {
		cpu->fatal_cause = cause;
		cpu->fatal_tval = tval;
		return false;
	}
	cpu->mepc = *pc;
	cpu->mcause = cause;
	cpu->mtval = tval;
	cpu->mstatus = cpu->mstatus & MSTATUS_MIE ? MSTATUS_MPIE : 0;
	cpu->in_trap = true;
	update_attention(cpu);
	*pc = cpu->mtvec & ~3u;
	if (interrupt && (cpu->mtvec & MTVEC_VECTORED))
		*pc += 4 * (cause & ~RV32_CAUSE_INTERRUPT);
	return true;
}

static void trap_return(struct rv32 *cpu, uint32_t *pc)
{
	cpu->mstatus = (cpu->mstatus & MSTATUS_MPIE ? MSTATUS_MIE : 0) | MSTATUS_MPIE;
	cpu->in_trap = false;
	update_attention(cpu);
	*pc = cpu->mepc;
}

/* @count: instructions retired before this one. */
static bool csr_read(struct rv32 *cpu, uint32_t csr, uint64_t count, uint32_t *value)
{
	switch (csr) {
	case CSR_MSTATUS:
		*value = cpu->mstatus | MSTATUS_MPP;
		return true;
	case CSR_MISA:
		*value = MISA_RV32IMC;
		return true;
	case CSR_MIE:
		*value = cpu->mie;
		return true;
	case CSR_MTVEC:
		*value = cpu->mtvec;
		return true;
	case CSR_MSCRATCH:
		*value = cpu->mscratch;
		return true;
	case CSR_MEPC:
		*value = cpu->mepc;
		return true;
	case CSR_MCAUSE:
		*value = cpu->mcause;
		return true;
	case CSR_MTVAL:
		*value = cpu->mtval;
		return true;
	case CSR_MIP:
		*value = atomic_load(&cpu->lines) & INTERRUPTS;
		return true;
	case CSR_MCYCLE:
	case CSR_CYCLE:
		*value = count + cpu->mcycle_offset;
		return true;
	case CSR_MCYCLEH:
	case CSR_CYCLEH:
		*value = (count + cpu->mcycle_offset) >> 32;
		return true;
	case CSR_MINSTRET:
	case CSR_INSTRET:
		*value = count + cpu->minstret_offset;
		return true;
	case CSR_MINSTRETH:
	case CSR_INSTRETH:
		*value = (count + cpu->minstret_offset) >> 32;
		return true;
	case CSR_MSTATUSH:
	case CSR_MVENDORID:
	case CSR_MARCHID:
	case CSR_MIMPID:
	case CSR_MHARTID:
	case CSR_MCONFIGPTR:
		*value = 0;
		return true;
	default:
		return false;
	}
}

/* A counter that is written reads as that value in the next instruction. */
static void write_counter(uint64_t *offset, uint64_t count, uint32_t value, bool high)
{
	uint64_t now = count + *offset;

	reg64_set(&now, value, high);
	*offset = now - (count + 1);
}

static bool csr_write(struct rv32 *cpu, uint32_t csr, uint64_t count, uint32_t value)
{
	switch (csr) {
	case CSR_MSTATUS:
		cpu->mstatus = value & (MSTATUS_MIE | MSTATUS_MPIE);
		update_attention(cpu);
		return true;
	case CSR_MIE:
		cpu->mie = value & INTERRUPTS;
		update_attention(cpu);
		return true;
	case CSR_MTVEC:
		cpu->mtvec = value & ~2u;
		return true;
	case CSR_MSCRATCH:
		cpu->mscratch = value;
		return true;
	case CSR_MEPC:
		cpu->mepc = value & ~1u;
		return true;
	case CSR_MCAUSE:
		cpu->mcause = value;
		return true;
	case CSR_MTVAL:
		cpu->mtval = value;
		return true;
	case CSR_MCYCLE:
	case CSR_MCYCLEH:
		write_counter(&cpu->mcycle_offset, count, value, csr == CSR_MCYCLEH);
		return true;
	case CSR_MINSTRET:
	case CSR_MINSTRETH:
		write_counter(&cpu->minstret_offset, count, value, csr == CSR_MINSTRETH);
		return true;
	case CSR_MISA:
	case CSR_MSTATUSH:
	case CSR_MIP:
		return true;	/* nothing in them can be changed by software */
	default:
		return false;	/* read-only or absent */
	}
}

static bool csr_access(struct rv32 *cpu, const struct rv32_insn *in, uint64_t count)
{
	bool immediate = in->op >= RV32_CSRRWI;
	uint32_t operand = immediate ? in->rs1 : cpu->x[in->rs1];
	uint32_t old;

	if (!csr_read(cpu, in->imm, count, &old))
		return false;
	switch (in->op) {
	case RV32_CSRRW:
	case RV32_CSRRWI:
		if (!csr_write(cpu, in->imm, count, operand))
			return false;
		break;
	case RV32_CSRRS:
	case RV32_CSRRSI:
		if (in->rs1 && !csr_write(cpu, in->imm, count, old | operand))
			return false;
		break;
	default:
		if (in->rs1 && !csr_write(cpu, in->imm, count, old & ~operand))
			return false;
		break;
	}
	cpu->x[in->rd] = old;
	return true;
}

/* Returns 0 or the cause of the exception. */
static inline uint32_t load(struct rv32 *cpu, uint32_t pc, uint32_t addr, unsigned int size,
			    uint32_t *value)
{
	uint32_t offset = addr - cpu->ram_base;

	if (unlikely(addr & (size - 1)))
		return RV32_CAUSE_LOAD_MISALIGNED;
	if (likely(offset < cpu->ram_size)) {
		*value = 0;
		memcpy(value, cpu->ram + offset, size);
		return 0;
	}
	cpu->pc = pc;
	return cpu->bus.load(cpu->bus.ctx, addr, size, value) ? 0 : RV32_CAUSE_LOAD_FAULT;
}

static inline uint32_t store(struct rv32 *cpu, uint32_t pc, uint32_t addr, unsigned int size,
			     uint32_t value)
{
	uint32_t offset = addr - cpu->ram_base;

	if (unlikely(addr & (size - 1)))
		return RV32_CAUSE_STORE_MISALIGNED;
	if (likely(offset < cpu->ram_size)) {
		memcpy(cpu->ram + offset, &value, size);
		return 0;
	}
	cpu->pc = pc;
	return cpu->bus.store(cpu->bus.ctx, addr, size, value) ? 0 : RV32_CAUSE_STORE_FAULT;
}

static uint32_t div_signed(uint32_t a, uint32_t b)
{
	if (!b)
		return UINT32_MAX;
	if (a == 0x80000000u && b == UINT32_MAX)
		return a;
	return (int32_t)a / (int32_t)b;
}

static uint32_t rem_signed(uint32_t a, uint32_t b)
{
	if (!b)
		return a;
	if (a == 0x80000000u && b == UINT32_MAX)
		return 0;
	return (int32_t)a % (int32_t)b;
}

static const struct rv32_insn *fetch(struct rv32 *cpu, uint32_t pc)
{
	uint32_t index = (pc - cpu->ram_base) / 2;
	struct rv32_insn *in;

	if (pc - cpu->ram_base >= cpu->ram_size)
		return NULL;
	in = &cpu->decoded[index];
	rv32_decode(in, cpu->ram + (pc - cpu->ram_base),
		    cpu->ram_size - (pc - cpu->ram_base), pc);
	if (index < cpu->decoded_first)
		cpu->decoded_first = index;
	if (index > cpu->decoded_last)
		cpu->decoded_last = index;
	return in;
}

/* What the highest-priority reason for leaving straight execution asks for. */
static bool attend(struct rv32 *cpu, uint32_t lines, uint32_t *pc)
{
	uint32_t cause;

	if (lines & RV32_LINE_FAULT) {
		rv32_lower(cpu, RV32_LINE_FAULT);
		return trap(cpu, RV32_CAUSE_FETCH_FAULT, *pc, pc);
	}
	cause = lines & RV32_LINE_EXTERNAL ? RV32_LINE_EXTERNAL : RV32_LINE_TIMER;
	return trap(cpu, RV32_CAUSE_INTERRUPT | __builtin_ctz(cause), 0, pc);
}

/**
 * rv32_run() - execute
 * @cpu: the core
 * @budget: leave after that many instructions have retired
 *
 * Takes pending interrupts first. Ends in bounded time because handlers cannot fault.
 *
 * Return: why it came back; the core may be run again except after RV32_EXIT_FATAL.
 */
enum rv32_exit rv32_run(struct rv32 *cpu, uint32_t budget)
{
	enum rv32_exit reason = RV32_EXIT_BUDGET;
	const struct rv32_insn *decoded = cpu->decoded;
	const struct rv32_insn *in;
	uint64_t count = cpu->instret;
	uint64_t end = count + budget;
	uint32_t *x = cpu->x;
	uint32_t pc = cpu->pc;
	uint32_t base = cpu->ram_base;
	uint32_t size = cpu->ram_size;
	uint32_t cause, tval, value, addr, lines;

	while (count != end) {
		lines = atomic_load_explicit(&cpu->lines, memory_order_relaxed) & cpu->attention;
		if (unlikely(lines)) {
			if (lines & RV32_LINE_HALT) {
				reason = RV32_EXIT_HALT;
				break;
			}
			if (!attend(cpu, lines, &pc)) {
				reason = RV32_EXIT_FATAL;
				break;
			}
			continue;
		}

		if (likely(pc - base < size && decoded[(pc - base) / 2].op != RV32_UNDECODED))
			in = &decoded[(pc - base) / 2];
		else
			in = fetch(cpu, pc);
		tval = pc;
		cause = RV32_CAUSE_FETCH_FAULT;
		if (unlikely(!in))
			goto exception;

/* Short forms for the bodies below; undone after the switch. */
#define A	x[in->rs1]
#define B	x[in->rs2]
#define D	x[in->rd]
#define IMM	in->imm
#define BRANCH(condition)	(pc = (condition) ? IMM : in->next)
#define LOAD(bytes)	(cause = load(cpu, pc, addr = A + IMM, bytes, &value))
#define STORE(bytes)	(cause = store(cpu, pc, addr = A + IMM, bytes, B))
#define SET(result)	do { D = (result); pc = in->next; } while (0)

		switch (in->op) {
		case RV32_LI:
			SET(IMM);
			break;
		case RV32_JAL:
			D = in->next;
			pc = IMM;
			break;
		case RV32_JALR:
			addr = (A + IMM) & ~1u;
			D = in->next;
			pc = addr;
			break;
		case RV32_BEQ:
			BRANCH(A == B);
			break;
		case RV32_BNE:
			BRANCH(A != B);
			break;
		case RV32_BLT:
			BRANCH((int32_t)A < (int32_t)B);
			break;
		case RV32_BGE:
			BRANCH((int32_t)A >= (int32_t)B);
			break;
		case RV32_BLTU:
			BRANCH(A < B);
			break;
		case RV32_BGEU:
			BRANCH(A >= B);
			break;
		case RV32_LB:
			if (unlikely(LOAD(1)))
				goto access_exception;
			SET((int8_t)value);
			break;
		case RV32_LH:
			if (unlikely(LOAD(2)))
				goto access_exception;
			SET((int16_t)value);
			break;
		case RV32_LW:
			if (unlikely(LOAD(4)))
				goto access_exception;
			SET(value);
			break;
		case RV32_LBU:
			if (unlikely(LOAD(1)))
				goto access_exception;
			SET(value);
			break;
		case RV32_LHU:
			if (unlikely(LOAD(2)))
				goto access_exception;
			SET(value);
			break;
		case RV32_SB:
			if (unlikely(STORE(1)))
				goto access_exception;
			pc = in->next;
			break;
		case RV32_SH:
			if (unlikely(STORE(2)))
				goto access_exception;
			pc = in->next;
			break;
		case RV32_SW:
			if (unlikely(STORE(4)))
				goto access_exception;
			pc = in->next;
			break;
		case RV32_ADDI:
			SET(A + IMM);
			break;
		case RV32_SLTI:
			SET((int32_t)A < (int32_t)IMM);
			break;
		case RV32_SLTIU:
			SET(A < IMM);
			break;
		case RV32_XORI:
			SET(A ^ IMM);
			break;
		case RV32_ORI:
			SET(A | IMM);
			break;
		case RV32_ANDI:
			SET(A & IMM);
			break;
		case RV32_SLLI:
			SET(A << IMM);
			break;
		case RV32_SRLI:
			SET(A >> IMM);
			break;
		case RV32_SRAI:
			SET((int32_t)A >> IMM);
			break;
		case RV32_ADD:
			SET(A + B);
			break;
		case RV32_SUB:
			SET(A - B);
			break;
		case RV32_SLL:
			SET(A << (B & 31));
			break;
		case RV32_SLT:
			SET((int32_t)A < (int32_t)B);
			break;
		case RV32_SLTU:
			SET(A < B);
			break;
		case RV32_XOR:
			SET(A ^ B);
			break;
		case RV32_SRL:
			SET(A >> (B & 31));
			break;
		case RV32_SRA:
			SET((int32_t)A >> (B & 31));
			break;
		case RV32_OR:
			SET(A | B);
			break;
		case RV32_AND:
			SET(A & B);
			break;
		case RV32_MUL:
			SET(A * B);
			break;
		case RV32_MULH:
			SET(((int64_t)(int32_t)A * (int32_t)B) >> 32);
			break;
		case RV32_MULHSU:
			SET(((int64_t)(int32_t)A * (int64_t)(uint64_t)B) >> 32);
			break;
		case RV32_MULHU:
			SET(((uint64_t)A * B) >> 32);
			break;
		case RV32_DIV:
			SET(div_signed(A, B));
			break;
		case RV32_DIVU:
			SET(B ? A / B : UINT32_MAX);
			break;
		case RV32_REM:
			SET(rem_signed(A, B));
			break;
		case RV32_REMU:
			SET(B ? A % B : A);
			break;
		case RV32_FENCE:
			atomic_thread_fence(memory_order_seq_cst);
			pc = in->next;
			break;
		case RV32_FENCE_I:
			pc = in->next;
			rv32_flush(cpu);
			break;
		case RV32_CSRRW:
		case RV32_CSRRS:
		case RV32_CSRRC:
		case RV32_CSRRWI:
		case RV32_CSRRSI:
		case RV32_CSRRCI:
			if (!csr_access(cpu, in, count))
				goto illegal;
			pc = in->next;
			break;
		case RV32_MRET:
			trap_return(cpu, &pc);
			break;
		case RV32_WFI:
			pc = in->next;
			if (!rv32_awake(cpu)) {
				count++;
				reason = RV32_EXIT_WFI;
				goto out;
			}
			break;
		case RV32_ECALL:
			cause = RV32_CAUSE_ECALL;
			tval = 0;
			goto exception;
		case RV32_EBREAK:
			cause = RV32_CAUSE_BREAKPOINT;
			goto exception;
		case RV32_TRUNCATED:
			tval = pc + 2;
			goto exception;
		default:
			goto illegal;
		}
#undef A
#undef B
#undef D
#undef IMM
#undef BRANCH
#undef LOAD
#undef STORE
#undef SET
		count++;
		continue;

illegal:
		cause = RV32_CAUSE_ILLEGAL;
		tval = rv32_instruction_word(cpu->ram + (pc - base));
		goto exception;
access_exception:
		tval = addr;
exception:
		if (!trap(cpu, cause, tval, &pc)) {
			reason = RV32_EXIT_FATAL;
			break;
		}
	}
out:
	cpu->instret = count;
	cpu->pc = pc;
	return reason;
}
