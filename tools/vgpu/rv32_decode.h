/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Decoded RV32IMC instructions. Compressed instructions are decoded into the operation that they
 * stand for, so execution never sees them.
 */
#ifndef OGPU_RV32_DECODE_H
#define OGPU_RV32_DECODE_H

#include <stdint.h>

enum rv32_op {
	RV32_UNDECODED,		/* zero: an empty entry */
	RV32_ILLEGAL,
	RV32_TRUNCATED,		/* second half lies beyond the RAM */
	RV32_LI,		/* lui and auipc: the result is known when decoding */
	RV32_JAL, RV32_JALR,
	RV32_BEQ, RV32_BNE, RV32_BLT, RV32_BGE, RV32_BLTU, RV32_BGEU,
	RV32_LB, RV32_LH, RV32_LW, RV32_LBU, RV32_LHU,
	RV32_SB, RV32_SH, RV32_SW,
	RV32_ADDI, RV32_SLTI, RV32_SLTIU, RV32_XORI, RV32_ORI, RV32_ANDI,
	RV32_SLLI, RV32_SRLI, RV32_SRAI,
	RV32_ADD, RV32_SUB, RV32_SLL, RV32_SLT, RV32_SLTU, RV32_XOR, RV32_SRL, RV32_SRA,
	RV32_OR, RV32_AND,
	RV32_MUL, RV32_MULH, RV32_MULHSU, RV32_MULHU, RV32_DIV, RV32_DIVU, RV32_REM, RV32_REMU,
	RV32_FENCE, RV32_FENCE_I, RV32_ECALL, RV32_EBREAK, RV32_MRET, RV32_WFI,
	RV32_CSRRW, RV32_CSRRS, RV32_CSRRC, RV32_CSRRWI, RV32_CSRRSI, RV32_CSRRCI,
};

#define RV32_RD_NONE	32	/* destination of an instruction that writes no register */

/**
 * struct rv32_insn - a decoded instruction at a known address
 * @op: enum rv32_op
 * @rd: destination, RV32_RD_NONE instead of x0
 * @rs1: first source, or the immediate operand of csrr?i
 * @rs2: second source
 * @imm: immediate operand; absolute target of jal and branches; number of a CSR
 * @next: address of the instruction after it
 */
struct rv32_insn {
	uint8_t op, rd, rs1, rs2;
	uint32_t imm;
	uint32_t next;
};

void rv32_decode(struct rv32_insn *in, const uint8_t *code, uint32_t bytes, uint32_t pc);
uint32_t rv32_instruction_word(const uint8_t *code);

#endif
