// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compressed instructions (C extension, RV64): expansion into their 32-bit forms. */
#include "cu_insn.h"

#define OP_LOAD		0x03u
#define OP_LOAD_FP	0x07u
#define OP_IMM		0x13u
#define OP_IMM_32	0x1bu
#define OP_STORE	0x23u
#define OP_STORE_FP	0x27u
#define OP_OP		0x33u
#define OP_LUI		0x37u
#define OP_OP_32	0x3bu
#define OP_BRANCH	0x63u
#define OP_JALR		0x67u
#define OP_JAL		0x6fu
#define EBREAK		0x00100073u

static uint32_t bits(uint32_t c, unsigned int hi, unsigned int lo)
{
	return c >> lo & ((1u << (hi - lo + 1)) - 1);
}

static uint32_t i_type(uint32_t imm, uint32_t rs1, uint32_t f3, uint32_t rd, uint32_t op)
{
	return imm << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}

static uint32_t s_type(uint32_t imm, uint32_t rs2, uint32_t rs1, uint32_t f3, uint32_t op)
{
	return bits(imm, 11, 5) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | bits(imm, 4, 0) << 7 |
	       op;
}

static uint32_t r_type(uint32_t f7, uint32_t rs2, uint32_t rs1, uint32_t f3, uint32_t rd,
		       uint32_t op)
{
	return f7 << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}

static uint32_t b_type(uint32_t imm, uint32_t rs1, uint32_t f3)
{
	return bits(imm, 12, 12) << 31 | bits(imm, 10, 5) << 25 | rs1 << 15 | f3 << 12 |
	       bits(imm, 4, 1) << 8 | bits(imm, 11, 11) << 7 | OP_BRANCH;
}

static uint32_t j_type(uint32_t imm, uint32_t rd)
{
	return bits(imm, 20, 20) << 31 | bits(imm, 10, 1) << 21 | bits(imm, 11, 11) << 20 |
	       bits(imm, 19, 12) << 12 | rd << 7 | OP_JAL;
}

/* Sign from bit 12 of the instruction, spread over everything from bit "from" of the immediate. */
static uint32_t sign(uint32_t c, unsigned int from)
{
	return bits(c, 12, 12) ? ~0u << from : 0;
}

static uint32_t quadrant0(uint32_t c)
{
	uint32_t rd = 8 + bits(c, 4, 2), rs1 = 8 + bits(c, 9, 7);
	uint32_t uw = bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2 | bits(c, 5, 5) << 6;
	uint32_t ud = bits(c, 12, 10) << 3 | bits(c, 6, 5) << 6;
	uint32_t sp = bits(c, 12, 11) << 4 | bits(c, 10, 7) << 6 | bits(c, 6, 6) << 2 |
		      bits(c, 5, 5) << 3;

	switch (bits(c, 15, 13)) {
	case 0:
		return sp ? i_type(sp, 2, 0, rd, OP_IMM) : 0;
	case 1:
		return i_type(ud, rs1, 3, rd, OP_LOAD_FP);
	case 2:
		return i_type(uw, rs1, 2, rd, OP_LOAD);
	case 3:
		return i_type(ud, rs1, 3, rd, OP_LOAD);
	case 5:
		return s_type(ud, rd, rs1, 3, OP_STORE_FP);
	case 6:
		return s_type(uw, rd, rs1, 2, OP_STORE);
	case 7:
		return s_type(ud, rd, rs1, 3, OP_STORE);
	default:
		return 0;
	}
}

static uint32_t arithmetic(uint32_t c, uint32_t imm)
{
	uint32_t rd = 8 + bits(c, 9, 7), rs2 = 8 + bits(c, 4, 2);
	uint32_t shift = bits(c, 12, 12) << 5 | bits(c, 6, 2);

	switch (bits(c, 11, 10)) {
	case 0:
		return i_type(shift, rd, 5, rd, OP_IMM);
	case 1:
		return i_type(0x400 | shift, rd, 5, rd, OP_IMM);
	case 2:
		return i_type(imm, rd, 7, rd, OP_IMM);
	}
	switch (bits(c, 12, 12) << 2 | bits(c, 6, 5)) {
	case 0:
		return r_type(0x20, rs2, rd, 0, rd, OP_OP);
	case 1:
		return r_type(0, rs2, rd, 4, rd, OP_OP);
	case 2:
		return r_type(0, rs2, rd, 6, rd, OP_OP);
	case 3:
		return r_type(0, rs2, rd, 7, rd, OP_OP);
	case 4:
		return r_type(0x20, rs2, rd, 0, rd, OP_OP_32);
	case 5:
		return r_type(0, rs2, rd, 0, rd, OP_OP_32);
	default:
		return 0;
	}
}

static uint32_t quadrant1(uint32_t c)
{
	uint32_t rd = bits(c, 11, 7), rs1 = 8 + bits(c, 9, 7);
	uint32_t imm = sign(c, 5) | bits(c, 6, 2);
	uint32_t jump = sign(c, 11) | bits(c, 11, 11) << 4 | bits(c, 10, 9) << 8 |
			bits(c, 8, 8) << 10 | bits(c, 7, 7) << 6 | bits(c, 6, 6) << 7 |
			bits(c, 5, 3) << 1 | bits(c, 2, 2) << 5;
	uint32_t branch = sign(c, 8) | bits(c, 11, 10) << 3 | bits(c, 6, 5) << 6 |
			  bits(c, 4, 3) << 1 | bits(c, 2, 2) << 5;
	uint32_t sp = sign(c, 9) | bits(c, 6, 6) << 4 | bits(c, 5, 5) << 6 |
		      bits(c, 4, 3) << 7 | bits(c, 2, 2) << 5;

	switch (bits(c, 15, 13)) {
	case 0:
		return i_type(imm, rd, 0, rd, OP_IMM);
	case 1:
		return rd ? i_type(imm, rd, 0, rd, OP_IMM_32) : 0;
	case 2:
		return i_type(imm, 0, 0, rd, OP_IMM);
	case 3:
		if (!imm)
			return 0;
		if (rd == 2)
			return i_type(sp, 2, 0, 2, OP_IMM);
		return imm << 12 | rd << 7 | OP_LUI;
	case 4:
		return arithmetic(c, imm);
	case 5:
		return j_type(jump, 0);
	case 6:
		return b_type(branch, rs1, 0);
	default:
		return b_type(branch, rs1, 1);
	}
}

static uint32_t quadrant2(uint32_t c)
{
	uint32_t rd = bits(c, 11, 7), rs2 = bits(c, 6, 2);
	uint32_t shift = bits(c, 12, 12) << 5 | rs2;
	uint32_t lw = bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2 | bits(c, 3, 2) << 6;
	uint32_t ld = bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3 | bits(c, 4, 2) << 6;
	uint32_t sw = bits(c, 12, 9) << 2 | bits(c, 8, 7) << 6;
	uint32_t sd = bits(c, 12, 10) << 3 | bits(c, 9, 7) << 6;

	switch (bits(c, 15, 13)) {
	case 0:
		return i_type(shift, rd, 1, rd, OP_IMM);
	case 1:
		return i_type(ld, 2, 3, rd, OP_LOAD_FP);
	case 2:
		return rd ? i_type(lw, 2, 2, rd, OP_LOAD) : 0;
	case 3:
		return rd ? i_type(ld, 2, 3, rd, OP_LOAD) : 0;
	case 4:
		if (rs2)
			return r_type(0, rs2, bits(c, 12, 12) ? rd : 0, 0, rd, OP_OP);
		if (!rd)
			return bits(c, 12, 12) ? EBREAK : 0;
		return i_type(0, rd, 0, bits(c, 12, 12), OP_JALR);
	case 5:
		return s_type(sd, rs2, 2, 3, OP_STORE_FP);
	case 6:
		return s_type(sw, rs2, 2, 2, OP_STORE);
	default:
		return s_type(sd, rs2, 2, 3, OP_STORE);
	}
}

/**
 * cu_expand() - Expand a compressed instruction.
 * @half: 16 bits whose lowest two are not both set
 *
 * Return: the 32-bit instruction of the same meaning, 0 if @half is illegal.
 */
uint32_t cu_expand(uint16_t half)
{
	switch (half & 3) {
	case 0:
		return quadrant0(half);
	case 1:
		return quadrant1(half);
	case 2:
		return quadrant2(half);
	default:
		return 0;
	}
}
