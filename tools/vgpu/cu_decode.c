// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Decoder of RV64IMAFD, Zba, Zbb, Zicond, Zfh, Zfbfmin and the part of Zicsr that work-items have;
 * C is expanded in cu_rvc.c.
 */
#include <stdbool.h>

#include "abi/cu.h"
#include "cu_insn.h"

#define FUNCT3(w)	((w) >> 12 & 7)
#define FUNCT7(w)	((w) >> 25)
#define RD(w)		((w) >> 7 & 31)
#define RS1(w)		((w) >> 15 & 31)
#define RS2(w)		((w) >> 20 & 31)
#define IMM_I(w)	((int32_t)(w) >> 20)
#define IMM_U(w)	((int32_t)((w) & 0xfffff000))

static int32_t imm_s(uint32_t w)
{
	return ((int32_t)(w & 0xfe000000) >> 20) | (int32_t)RD(w);
}

static int32_t imm_b(uint32_t w)
{
	return ((int32_t)(w & 0x80000000) >> 19) | (w << 4 & 0x800) | (w >> 20 & 0x7e0) |
	       (w >> 7 & 0x1e);
}

static int32_t imm_j(uint32_t w)
{
	return ((int32_t)(w & 0x80000000) >> 11) | (w & 0xff000) | (w >> 9 & 0x800) |
	       (w >> 20 & 0x7fe);
}

static uint8_t freg(uint32_t n)
{
	return CU_REG_F0 + n;
}

/* Operations of which a field selects among three. */
static enum cu_op pick(unsigned int n, enum cu_op op0, enum cu_op op1, enum cu_op op2)
{
	switch (n) {
	case 0:
		return op0;
	case 1:
		return op1;
	case 2:
		return op2;
	default:
		return CU_ILLEGAL;
	}
}

/* Operations of one operand, where the shift amounts of SLLI would be. */
static enum cu_op decode_unary(uint32_t w)
{
	switch (w >> 20) {
	case 0x600:
		return CU_CLZ;
	case 0x601:
		return CU_CTZ;
	case 0x602:
		return CU_CPOP;
	case 0x604:
		return CU_SEXT_B;
	case 0x605:
		return CU_SEXT_H;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_shift(uint32_t w)
{
	if (w >> 20 == 0x287)
		return CU_ORC_B;
	if (w >> 20 == 0x6b8)
		return CU_REV8;
	return w >> 26 == 0x10 ? CU_SRAI : w >> 26 == 0x18 ? CU_RORI : CU_ILLEGAL;
}

static enum cu_op decode_imm(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[8] = {
		CU_ADDI, CU_SLLI, CU_SLTI, CU_SLTIU, CU_XORI, CU_SRLI, CU_ORI, CU_ANDI
	};
	unsigned int f3 = FUNCT3(w);

	d->imm = IMM_I(w);
	d->rs2 = 0;
	if (f3 == 1 || f3 == 5) {
		d->imm = w >> 20 & 63;
		if (w >> 26)
			return f3 == 1 ? decode_unary(w) : decode_shift(w);
	}
	return ops[f3];
}

static enum cu_op decode_imm_32(struct cu_insn *d, uint32_t w)
{
	d->imm = FUNCT3(w) ? (int32_t)RS2(w) : IMM_I(w);
	d->rs2 = 0;
	switch (FUNCT3(w)) {
	case 0:
		return CU_ADDIW;
	case 1:
		if (w >> 26 == 2) {
			d->imm = w >> 20 & 63;
			return CU_SLLI_UW;
		}
		if (FUNCT7(w) == 0x30)
			return pick(RS2(w), CU_CLZW, CU_CTZW, CU_CPOPW);
		return FUNCT7(w) ? CU_ILLEGAL : CU_SLLIW;
	case 5:
		if (FUNCT7(w) == 0x20)
			return CU_SRAIW;
		if (FUNCT7(w) == 0x30)
			return CU_RORIW;
		return FUNCT7(w) ? CU_ILLEGAL : CU_SRLIW;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_op(uint32_t w)
{
	static const uint8_t base[8] = {
		CU_ADD, CU_SLL, CU_SLT, CU_SLTU, CU_XOR, CU_SRL, CU_OR, CU_AND
	};
	static const uint8_t muldiv[8] = {
		CU_MUL, CU_MULH, CU_MULHSU, CU_MULHU, CU_DIV, CU_DIVU, CU_REM, CU_REMU
	};
	static const uint8_t negated[8] = {
		CU_SUB, CU_ILLEGAL, CU_ILLEGAL, CU_ILLEGAL, CU_XNOR, CU_SRA, CU_ORN, CU_ANDN
	};
	static const uint8_t minmax[4] = { CU_MIN, CU_MINU, CU_MAX, CU_MAXU };
	static const uint8_t shadd[4] = { CU_ILLEGAL, CU_SH1ADD, CU_SH2ADD, CU_SH3ADD };
	unsigned int f3 = FUNCT3(w);

	switch (FUNCT7(w)) {
	case 0:
		return base[f3];
	case 1:
		return muldiv[f3];
	case 0x05:
		return f3 < 4 ? CU_ILLEGAL : minmax[f3 - 4];
	case 0x07:
		return f3 == 5 ? CU_CZERO_EQZ : f3 == 7 ? CU_CZERO_NEZ : CU_ILLEGAL;
	case 0x10:
		return f3 & 1 ? CU_ILLEGAL : shadd[f3 / 2];
	case 0x20:
		return negated[f3];
	case 0x30:
		return f3 == 1 ? CU_ROL : f3 == 5 ? CU_ROR : CU_ILLEGAL;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_op_32(uint32_t w)
{
	static const uint8_t muldiv[8] = {
		CU_MULW, CU_ILLEGAL, CU_ILLEGAL, CU_ILLEGAL, CU_DIVW, CU_DIVUW, CU_REMW, CU_REMUW
	};
	static const uint8_t shadd[4] = {
		CU_ILLEGAL, CU_SH1ADD_UW, CU_SH2ADD_UW, CU_SH3ADD_UW
	};
	unsigned int f3 = FUNCT3(w);

	switch (FUNCT7(w)) {
	case 0:
		return f3 == 0 ? CU_ADDW : f3 == 1 ? CU_SLLW : f3 == 5 ? CU_SRLW : CU_ILLEGAL;
	case 1:
		return muldiv[f3];
	case 0x04:
		return f3 == 0 ? CU_ADD_UW : f3 == 4 && !RS2(w) ? CU_ZEXT_H : CU_ILLEGAL;
	case 0x10:
		return f3 & 1 ? CU_ILLEGAL : shadd[f3 / 2];
	case 0x20:
		return f3 == 0 ? CU_SUBW : f3 == 5 ? CU_SRAW : CU_ILLEGAL;
	case 0x30:
		return f3 == 1 ? CU_ROLW : f3 == 5 ? CU_RORW : CU_ILLEGAL;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_load(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[8] = {
		CU_LB, CU_LH, CU_LW, CU_LD, CU_LBU, CU_LHU, CU_LWU, CU_ILLEGAL
	};

	d->imm = IMM_I(w);
	d->size = 1 << (FUNCT3(w) & 3);
	return ops[FUNCT3(w)];
}

static enum cu_op decode_store(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[4] = { CU_SB, CU_SH, CU_SW, CU_SD };

	d->imm = imm_s(w);
	d->size = 1 << (FUNCT3(w) & 3);
	return FUNCT3(w) > 3 ? CU_ILLEGAL : ops[FUNCT3(w)];
}

static enum cu_op decode_load_fp(struct cu_insn *d, uint32_t w)
{
	d->imm = IMM_I(w);
	d->rd = freg(RD(w));
	d->size = 1 << (FUNCT3(w) & 3);
	return FUNCT3(w) ? pick(FUNCT3(w) - 1, CU_FLH, CU_FLW, CU_LD) : CU_ILLEGAL;
}

static enum cu_op decode_store_fp(struct cu_insn *d, uint32_t w)
{
	d->imm = imm_s(w);
	d->rs2 = freg(RS2(w));
	d->size = 1 << (FUNCT3(w) & 3);
	return FUNCT3(w) ? pick(FUNCT3(w) - 1, CU_SH, CU_SW, CU_SD) : CU_ILLEGAL;
}

static enum cu_op decode_amo(struct cu_insn *d, uint32_t w)
{
	d->aux = w >> 27;
	d->size = 1 << FUNCT3(w);
	if (FUNCT3(w) != 2 && FUNCT3(w) != 3)
		return CU_ILLEGAL;
	switch (d->aux) {
	case 0x02:
		return RS2(w) ? CU_ILLEGAL : CU_LR;
	case 0x03:
		return CU_SC;
	case CU_AMO_ADD:
	case CU_AMO_SWAP:
	case CU_AMO_XOR:
	case CU_AMO_OR:
	case CU_AMO_AND:
	case CU_AMO_MIN:
	case CU_AMO_MAX:
	case CU_AMO_MINU:
	case CU_AMO_MAXU:
		return CU_AMO;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_wave(struct cu_insn *d, uint32_t w)
{
	d->aux = FUNCT7(w);
	d->size = FUNCT3(w);
	switch (d->aux) {
	case OGPU_WAVE_BARRIER:
		return w == OGPU_WAVE_OPCODE ? CU_WAVE : CU_ILLEGAL;
	case OGPU_WAVE_BALLOT:
	case OGPU_WAVE_FIRST:
		return RS2(w) || d->size ? CU_ILLEGAL : CU_WAVE;
	case OGPU_WAVE_SHUFFLE:
		return d->size ? CU_ILLEGAL : CU_WAVE;
	case OGPU_WAVE_ADD:
	case OGPU_WAVE_MIN:
	case OGPU_WAVE_MAX:
		return RS2(w) || d->size > OGPU_WAVE_U64 ? CU_ILLEGAL : CU_WAVE;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_branch(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[8] = {
		CU_BEQ, CU_BNE, CU_ILLEGAL, CU_ILLEGAL, CU_BLT, CU_BGE, CU_BLTU, CU_BGEU
	};

	d->imm = imm_b(w);
	return ops[FUNCT3(w)];
}

static enum cu_op decode_system(struct cu_insn *d, uint32_t w)
{
	if (w == 0x00000073)
		return CU_ECALL;
	if (w == 0x00100073)
		return CU_EBREAK;
	if (!(FUNCT3(w) & 3))
		return CU_ILLEGAL;
	d->aux = FUNCT3(w);
	d->imm = w >> 20;
	return CU_CSR;
}

static enum cu_op decode_fused(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[3][4] = {
		{ CU_FMADD_S, CU_FMSUB_S, CU_FNMSUB_S, CU_FNMADD_S },
		{ CU_FMADD_D, CU_FMSUB_D, CU_FNMSUB_D, CU_FNMADD_D },
		{ CU_FMADD_H, CU_FMSUB_H, CU_FNMSUB_H, CU_FNMADD_H },
	};
	unsigned int fmt = w >> 25 & 3;

	d->rd = freg(RD(w));
	d->rs1 = freg(RS1(w));
	d->rs2 = freg(RS2(w));
	d->rs3 = freg(w >> 27);
	return fmt > 2 ? CU_ILLEGAL : ops[fmt][w >> 2 & 3];
}

/* Conversions between formats: to the instruction's, from what rs2 names. */
static enum cu_op decode_fp_convert(uint32_t to, uint32_t from)
{
	static const uint8_t ops[3][9] = {
		{ [1] = CU_FCVT_S_D, [2] = CU_FCVT_S_H, [6] = CU_FCVT_S_BF16 },
		{ [0] = CU_FCVT_D_S, [2] = CU_FCVT_D_H },
		{ [0] = CU_FCVT_H_S, [1] = CU_FCVT_H_D, [8] = CU_FCVT_BF16_S },
	};

	return from < 9 && ops[to][from] ? ops[to][from] : CU_ILLEGAL;
}

static enum cu_op decode_fp_integer(uint32_t fmt, uint32_t rs2)
{
	if (rs2 > 3)
		return CU_ILLEGAL;
	if (fmt == 1)
		return rs2 < 2 ? CU_FCVT_D_W + rs2 : CU_FCVT_D_L + rs2 - 2;
	return (fmt ? CU_FCVT_H_W : CU_FCVT_S_W) + rs2;
}

/* The formats share their layout: fmt is 0 for S, 1 for D and 2 for H. */
static enum cu_op decode_fp(struct cu_insn *d, uint32_t w)
{
	const unsigned int f3 = FUNCT3(w), rs2 = RS2(w), fmt = FUNCT7(w) & 3;
	const uint32_t integer_rd = RD(w) ? RD(w) : CU_REG_SINK;

	d->rd = freg(RD(w));
	d->rs1 = freg(RS1(w));
	d->rs2 = freg(RS2(w));
	if (fmt == 3)
		return CU_ILLEGAL;

	switch (w >> 27) {
	case 0x00:
		return pick(fmt, CU_FADD_S, CU_FADD_D, CU_FADD_H);
	case 0x01:
		return pick(fmt, CU_FSUB_S, CU_FSUB_D, CU_FSUB_H);
	case 0x02:
		return pick(fmt, CU_FMUL_S, CU_FMUL_D, CU_FMUL_H);
	case 0x03:
		return pick(fmt, CU_FDIV_S, CU_FDIV_D, CU_FDIV_H);
	case 0x0b:
		d->rs2 = 0;
		return rs2 ? CU_ILLEGAL : pick(fmt, CU_FSQRT_S, CU_FSQRT_D, CU_FSQRT_H);
	case 0x04:
		return f3 > 2 ? CU_ILLEGAL : pick(fmt, CU_FSGNJ_S, CU_FSGNJ_D, CU_FSGNJ_H) + f3;
	case 0x05:
		return f3 > 1 ? CU_ILLEGAL : pick(fmt, CU_FMIN_S, CU_FMIN_D, CU_FMIN_H) + f3;
	case 0x08:
		d->rs2 = 0;
		return decode_fp_convert(fmt, rs2);
	case 0x14:
		d->rd = integer_rd;
		return f3 > 2 ? CU_ILLEGAL : pick(fmt, CU_FEQ_S, CU_FEQ_D, CU_FEQ_H) + 2 - f3;
	case 0x18:
		d->rd = integer_rd;
		d->rs2 = 0;
		if (rs2 > 3)
			return CU_ILLEGAL;
		return pick(fmt, CU_FCVT_W_S, CU_FCVT_W_D, CU_FCVT_W_H) + rs2;
	case 0x1a:
		d->rs1 = RS1(w);
		d->rs2 = 0;
		return decode_fp_integer(fmt, rs2);
	case 0x1c:
		d->rd = integer_rd;
		d->rs2 = 0;
		if (rs2 || f3 > 1)
			return CU_ILLEGAL;
		return f3 ? pick(fmt, CU_FCLASS_S, CU_FCLASS_D, CU_FCLASS_H) :
			    pick(fmt, CU_FMV_X_W, CU_FMV_D, CU_FMV_X_H);
	case 0x1e:
		d->rs1 = RS1(w);
		d->rs2 = 0;
		if (rs2 || f3)
			return CU_ILLEGAL;
		return pick(fmt, CU_FMV_W_X, CU_FMV_D, CU_FMV_H_X);
	default:
		return CU_ILLEGAL;
	}
}

static bool has_rounding(enum cu_op op)
{
	return op >= CU_FCVT_D_S && op <= CU_FCVT_S_D;
}

static enum cu_native native(enum cu_op op, unsigned int rm)
{
	bool to_integer = op >= CU_FCVT_W_S && op <= CU_FCVT_LU_H;

	if (op < CU_FADD_S || rm == (to_integer ? CU_RTZ : CU_RNE))
		return CU_NATIVE_ALWAYS;
	return rm == CU_DYN && !to_integer ? CU_NATIVE_DEFAULT : CU_NATIVE_NEVER;
}

static enum cu_op decode_32(struct cu_insn *d, uint32_t w)
{
	switch (w & 0x7f) {
	case 0x03:
		return decode_load(d, w);
	case 0x07:
		return decode_load_fp(d, w);
	case OGPU_WAVE_OPCODE:
		return decode_wave(d, w);
	case 0x0f:
		return pick(FUNCT3(w), CU_FENCE, CU_FENCE_I, CU_ILLEGAL);
	case 0x13:
		return decode_imm(d, w);
	case 0x17:
		d->imm = IMM_U(w);
		return CU_AUIPC;
	case 0x1b:
		return decode_imm_32(d, w);
	case 0x23:
		return decode_store(d, w);
	case 0x27:
		return decode_store_fp(d, w);
	case 0x2f:
		return decode_amo(d, w);
	case 0x33:
		return decode_op(w);
	case 0x37:
		d->imm = IMM_U(w);
		d->rs1 = 0;
		d->rs2 = 0;
		return CU_LUI;
	case 0x3b:
		return decode_op_32(w);
	case 0x43:
	case 0x47:
	case 0x4b:
	case 0x4f:
		d->aux = FUNCT3(w);
		return decode_fused(d, w);
	case 0x53:
		d->aux = FUNCT3(w);
		return decode_fp(d, w);
	case 0x63:
		return decode_branch(d, w);
	case 0x67:
		d->imm = IMM_I(w);
		return FUNCT3(w) ? CU_ILLEGAL : CU_JALR;
	case 0x6f:
		d->imm = imm_j(w);
		return CU_JAL;
	case 0x73:
		return decode_system(d, w);
	default:
		return CU_ILLEGAL;
	}
}

/**
 * cu_decode() - Decode one instruction.
 * @insn: result; CU_ILLEGAL if there is no such instruction
 * @word: instruction; only the lower half counts if it is a compressed one
 */
void cu_decode(struct cu_insn *insn, uint32_t word)
{
	uint32_t w = word;

	*insn = (struct cu_insn){ .len = 4, .raw = word };
	if ((word & 3) != 3) {
		insn->len = 2;
		insn->raw = word & 0xffff;
		w = cu_expand(word);
	}
	insn->rd = RD(w) ? RD(w) : CU_REG_SINK;
	insn->rs1 = RS1(w);
	insn->rs2 = RS2(w);
	insn->op = decode_32(insn, w);
	if (has_rounding(insn->op)) {
		insn->size = native(insn->op, insn->aux);
		if (insn->aux > CU_RMM && insn->aux != CU_DYN)
			insn->op = CU_ILLEGAL;
	}
}
