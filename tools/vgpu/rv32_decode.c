// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Decoder for RV32IMC with Zicsr and Zifencei. */
#include "rv32_decode.h"

#include <stdbool.h>
#include <string.h>

/* Bits high..low of a word, moved to position 0. */
static uint32_t bits(uint32_t word, unsigned int high, unsigned int low)
{
	return (word >> low) & ((2u << (high - low)) - 1);
}

static uint32_t sign_extend(uint32_t value, unsigned int width)
{
	uint32_t sign = 1u << (width - 1);

	return (value ^ sign) - sign;
}

static uint8_t destination(uint32_t rd)
{
	return rd ? rd : RV32_RD_NONE;
}

static void decode_branch(struct rv32_insn *in, uint32_t word, uint32_t pc)
{
	static const uint8_t ops[8] = {
		RV32_BEQ, RV32_BNE, RV32_ILLEGAL, RV32_ILLEGAL,
		RV32_BLT, RV32_BGE, RV32_BLTU, RV32_BGEU,
	};
	uint32_t offset = bits(word, 31, 31) << 12 | bits(word, 7, 7) << 11 |
			  bits(word, 30, 25) << 5 | bits(word, 11, 8) << 1;

	in->op = ops[bits(word, 14, 12)];
	in->imm = pc + sign_extend(offset, 13);
}

static void decode_op_imm(struct rv32_insn *in, uint32_t word)
{
	static const uint8_t ops[8] = {
		RV32_ADDI, RV32_SLLI, RV32_SLTI, RV32_SLTIU,
		RV32_XORI, RV32_SRLI, RV32_ORI, RV32_ANDI,
	};
	uint32_t funct7 = bits(word, 31, 25);

	in->op = ops[bits(word, 14, 12)];
	in->imm = sign_extend(bits(word, 31, 20), 12);
	if (in->op != RV32_SLLI && in->op != RV32_SRLI)
		return;
	in->imm = bits(word, 24, 20);
	if (in->op == RV32_SRLI && funct7 == 0x20)
		in->op = RV32_SRAI;
	else if (funct7)
		in->op = RV32_ILLEGAL;
}

static void decode_op(struct rv32_insn *in, uint32_t word)
{
	static const uint8_t base[8] = {
		RV32_ADD, RV32_SLL, RV32_SLT, RV32_SLTU, RV32_XOR, RV32_SRL, RV32_OR, RV32_AND,
	};
	static const uint8_t muldiv[8] = {
		RV32_MUL, RV32_MULH, RV32_MULHSU, RV32_MULHU,
		RV32_DIV, RV32_DIVU, RV32_REM, RV32_REMU,
	};
	uint32_t funct3 = bits(word, 14, 12);

	switch (bits(word, 31, 25)) {
	case 0x00:
		in->op = base[funct3];
		break;
	case 0x01:
		in->op = muldiv[funct3];
		break;
	case 0x20:
		if (funct3 == 0)
			in->op = RV32_SUB;
		else if (funct3 == 5)
			in->op = RV32_SRA;
		break;
	}
}

static void decode_system(struct rv32_insn *in, uint32_t word)
{
	static const uint8_t csr_ops[8] = {
		RV32_ILLEGAL, RV32_CSRRW, RV32_CSRRS, RV32_CSRRC,
		RV32_ILLEGAL, RV32_CSRRWI, RV32_CSRRSI, RV32_CSRRCI,
	};

	switch (word) {
	case 0x00000073:
		in->op = RV32_ECALL;
		break;
	case 0x00100073:
		in->op = RV32_EBREAK;
		break;
	case 0x30200073:
		in->op = RV32_MRET;
		break;
	case 0x10500073:
		in->op = RV32_WFI;
		break;
	default:
		in->op = csr_ops[bits(word, 14, 12)];
		in->imm = bits(word, 31, 20);
		break;
	}
}

static void decode_32(struct rv32_insn *in, uint32_t word, uint32_t pc)
{
	static const uint8_t loads[8] = {
		RV32_LB, RV32_LH, RV32_LW, RV32_ILLEGAL,
		RV32_LBU, RV32_LHU, RV32_ILLEGAL, RV32_ILLEGAL,
	};
	static const uint8_t stores[8] = {
		RV32_SB, RV32_SH, RV32_SW, RV32_ILLEGAL,
		RV32_ILLEGAL, RV32_ILLEGAL, RV32_ILLEGAL, RV32_ILLEGAL,
	};
	uint32_t funct3 = bits(word, 14, 12);

	in->rd = destination(bits(word, 11, 7));
	in->rs1 = bits(word, 19, 15);
	in->rs2 = bits(word, 24, 20);

	switch (bits(word, 6, 0)) {
	case 0x37:
		in->op = RV32_LI;
		in->imm = word & 0xfffff000;
		break;
	case 0x17:
		in->op = RV32_LI;
		in->imm = pc + (word & 0xfffff000);
		break;
	case 0x6f:
		in->op = RV32_JAL;
		in->imm = pc + sign_extend(bits(word, 31, 31) << 20 | bits(word, 19, 12) << 12 |
					   bits(word, 20, 20) << 11 | bits(word, 30, 21) << 1, 21);
		break;
	case 0x67:
		if (!funct3)
			in->op = RV32_JALR;
		in->imm = sign_extend(bits(word, 31, 20), 12);
		break;
	case 0x63:
		decode_branch(in, word, pc);
		break;
	case 0x03:
		in->op = loads[funct3];
		in->imm = sign_extend(bits(word, 31, 20), 12);
		break;
	case 0x23:
		in->op = stores[funct3];
		in->imm = sign_extend(bits(word, 31, 25) << 5 | bits(word, 11, 7), 12);
		break;
	case 0x13:
		decode_op_imm(in, word);
		break;
	case 0x33:
		decode_op(in, word);
		break;
	case 0x0f:
		if (funct3 == 0)
			in->op = RV32_FENCE;
		else if (funct3 == 1)
			in->op = RV32_FENCE_I;
		break;
	case 0x73:
		decode_system(in, word);
		break;
	}
}

/* Registers x8 to x15, which most compressed forms are limited to. */
static uint8_t short_reg(uint32_t field)
{
	return 8 + (field & 7);
}

static void set(struct rv32_insn *in, enum rv32_op op, uint8_t rd, uint8_t rs1, uint8_t rs2,
		uint32_t imm)
{
	in->op = op;
	in->rd = destination(rd);
	in->rs1 = rs1;
	in->rs2 = rs2;
	in->imm = imm;
}

static void decode_quadrant0(struct rv32_insn *in, uint32_t half)
{
	uint8_t rs1 = short_reg(bits(half, 9, 7));
	uint8_t reg = short_reg(bits(half, 4, 2));
	uint32_t offset = bits(half, 5, 5) << 6 | bits(half, 12, 10) << 3 | bits(half, 6, 6) << 2;
	uint32_t imm;

	switch (bits(half, 15, 13)) {
	case 0:	/* c.addi4spn */
		imm = bits(half, 10, 7) << 6 | bits(half, 12, 11) << 4 | bits(half, 5, 5) << 3 |
		      bits(half, 6, 6) << 2;
		if (imm)
			set(in, RV32_ADDI, reg, 2, 0, imm);
		break;
	case 2:	/* c.lw */
		set(in, RV32_LW, reg, rs1, 0, offset);
		break;
	case 6:	/* c.sw */
		set(in, RV32_SW, 0, rs1, reg, offset);
		break;
	}
}

static uint32_t jump_offset(uint32_t half)
{
	return sign_extend(bits(half, 12, 12) << 11 | bits(half, 8, 8) << 10 |
			   bits(half, 10, 9) << 8 | bits(half, 6, 6) << 7 | bits(half, 7, 7) << 6 |
			   bits(half, 2, 2) << 5 | bits(half, 11, 11) << 4 |
			   bits(half, 5, 3) << 1, 12);
}

static uint32_t branch_offset(uint32_t half)
{
	return sign_extend(bits(half, 12, 12) << 8 | bits(half, 6, 5) << 6 |
			   bits(half, 2, 2) << 5 | bits(half, 11, 10) << 3 |
			   bits(half, 4, 3) << 1, 9);
}

/* c.srli, c.srai, c.andi, c.sub, c.xor, c.or, c.and */
static void decode_short_alu(struct rv32_insn *in, uint32_t half, uint32_t imm)
{
	static const uint8_t ops[4] = { RV32_SUB, RV32_XOR, RV32_OR, RV32_AND };
	uint8_t rd = short_reg(bits(half, 9, 7));
	uint8_t rs2 = short_reg(bits(half, 4, 2));
	uint32_t high = bits(half, 12, 12);

	switch (bits(half, 11, 10)) {
	case 0:
		if (!high)
			set(in, RV32_SRLI, rd, rd, 0, imm & 31);
		break;
	case 1:
		if (!high)
			set(in, RV32_SRAI, rd, rd, 0, imm & 31);
		break;
	case 2:
		set(in, RV32_ANDI, rd, rd, 0, imm);
		break;
	case 3:
		if (!high)
			set(in, ops[bits(half, 6, 5)], rd, rd, rs2, 0);
		break;
	}
}

static void decode_quadrant1(struct rv32_insn *in, uint32_t half, uint32_t pc)
{
	uint8_t rd = bits(half, 11, 7);
	uint8_t rs1 = short_reg(bits(half, 9, 7));
	uint32_t imm = sign_extend(bits(half, 12, 12) << 5 | bits(half, 6, 2), 6);

	switch (bits(half, 15, 13)) {
	case 0:	/* c.addi, c.nop */
		set(in, RV32_ADDI, rd, rd, 0, imm);
		break;
	case 1:	/* c.jal */
		set(in, RV32_JAL, 1, 0, 0, pc + jump_offset(half));
		break;
	case 2:	/* c.li */
		set(in, RV32_LI, rd, 0, 0, imm);
		break;
	case 3:
		if (!imm)
			break;
		if (rd == 2)	/* c.addi16sp */
			set(in, RV32_ADDI, 2, 2, 0,
			    sign_extend(bits(half, 12, 12) << 9 | bits(half, 4, 3) << 7 |
					bits(half, 5, 5) << 6 | bits(half, 2, 2) << 5 |
					bits(half, 6, 6) << 4, 10));
		else		/* c.lui */
			set(in, RV32_LI, rd, 0, 0, imm << 12);
		break;
	case 4:
		decode_short_alu(in, half, imm);
		break;
	case 5:	/* c.j */
		set(in, RV32_JAL, 0, 0, 0, pc + jump_offset(half));
		break;
	case 6:	/* c.beqz */
		set(in, RV32_BEQ, 0, rs1, 0, pc + branch_offset(half));
		break;
	case 7:	/* c.bnez */
		set(in, RV32_BNE, 0, rs1, 0, pc + branch_offset(half));
		break;
	}
}

/* c.jr, c.mv, c.ebreak, c.jalr, c.add */
static void decode_jump_or_move(struct rv32_insn *in, uint32_t half)
{
	uint8_t rd = bits(half, 11, 7);
	uint8_t rs2 = bits(half, 6, 2);
	bool high = bits(half, 12, 12);

	if (rs2)
		set(in, RV32_ADD, rd, high ? rd : 0, rs2, 0);
	else if (rd)
		set(in, RV32_JALR, high ? 1 : 0, rd, 0, 0);
	else if (high)
		in->op = RV32_EBREAK;
}

static void decode_quadrant2(struct rv32_insn *in, uint32_t half)
{
	uint8_t rd = bits(half, 11, 7);
	uint8_t rs2 = bits(half, 6, 2);
	uint32_t imm;

	switch (bits(half, 15, 13)) {
	case 0:	/* c.slli */
		if (!bits(half, 12, 12))
			set(in, RV32_SLLI, rd, rd, 0, rs2);
		break;
	case 2:	/* c.lwsp */
		imm = bits(half, 3, 2) << 6 | bits(half, 12, 12) << 5 | bits(half, 6, 4) << 2;
		if (rd)
			set(in, RV32_LW, rd, 2, 0, imm);
		break;
	case 4:
		decode_jump_or_move(in, half);
		break;
	case 6:	/* c.swsp */
		imm = bits(half, 8, 7) << 6 | bits(half, 12, 9) << 2;
		set(in, RV32_SW, 0, 2, rs2, imm);
		break;
	}
}

/**
 * rv32_instruction_word() - the bytes of an instruction as one number, for mtval
 * @code: where it starts; all its bytes must be readable
 */
uint32_t rv32_instruction_word(const uint8_t *code)
{
	uint32_t word = code[0] | code[1] << 8;

	if ((word & 3) == 3)
		word |= code[2] << 16 | (uint32_t)code[3] << 24;
	return word;
}

/**
 * rv32_decode() - decode one instruction
 * @in: result; @in->op is never RV32_UNDECODED
 * @code: its bytes
 * @bytes: how many can be read, at least 2
 * @pc: its address
 */
void rv32_decode(struct rv32_insn *in, const uint8_t *code, uint32_t bytes, uint32_t pc)
{
	uint32_t half = code[0] | code[1] << 8;

	memset(in, 0, sizeof(*in));
	in->op = RV32_ILLEGAL;
	in->rd = RV32_RD_NONE;
	if ((half & 3) != 3)
		in->next = pc + 2;
	else
		in->next = pc + 4;

	switch (half & 3) {
	case 0:
		decode_quadrant0(in, half);
		break;
	case 1:
		decode_quadrant1(in, half, pc);
		break;
	case 2:
		decode_quadrant2(in, half);
		break;
	case 3:
		if (bytes < 4)
			in->op = RV32_TRUNCATED;
		else
			decode_32(in, rv32_instruction_word(code), pc);
		break;
	}
}
