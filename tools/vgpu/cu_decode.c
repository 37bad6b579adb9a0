// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Decoder of RV64IMAFD and the part of Zicsr that work-items have; C is expanded in cu_rvc.c. */
#include <stdbool.h>

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

static enum cu_op decode_imm(struct cu_insn *d, uint32_t w)
{
	static const uint8_t ops[8] = {
		CU_ADDI, CU_SLLI, CU_SLTI, CU_SLTIU, CU_XORI, CU_SRLI, CU_ORI, CU_ANDI
	};
	unsigned int f3 = FUNCT3(w);

	d->imm = IMM_I(w);
	if (f3 == 1 || f3 == 5) {
		d->imm = w >> 20 & 63;
		if (w >> 26 == 0x10 && f3 == 5)
			return CU_SRAI;
		if (w >> 26)
			return CU_ILLEGAL;
	}
	return ops[f3];
}

static enum cu_op decode_imm_32(struct cu_insn *d, uint32_t w)
{
	d->imm = FUNCT3(w) ? (int32_t)RS2(w) : IMM_I(w);
	switch (FUNCT3(w)) {
	case 0:
		return CU_ADDIW;
	case 1:
		return FUNCT7(w) ? CU_ILLEGAL : CU_SLLIW;
	case 5:
		if (FUNCT7(w) == 0x20)
			return CU_SRAIW;
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
	unsigned int f3 = FUNCT3(w);

	switch (FUNCT7(w)) {
	case 0:
		return base[f3];
	case 1:
		return muldiv[f3];
	case 0x20:
		return f3 == 0 ? CU_SUB : f3 == 5 ? CU_SRA : CU_ILLEGAL;
	default:
		return CU_ILLEGAL;
	}
}

static enum cu_op decode_op_32(uint32_t w)
{
	static const uint8_t muldiv[8] = {
		CU_MULW, CU_ILLEGAL, CU_ILLEGAL, CU_ILLEGAL, CU_DIVW, CU_DIVUW, CU_REMW, CU_REMUW
	};
	unsigned int f3 = FUNCT3(w);

	switch (FUNCT7(w)) {
	case 0:
		return f3 == 0 ? CU_ADDW : f3 == 1 ? CU_SLLW : f3 == 5 ? CU_SRLW : CU_ILLEGAL;
	case 1:
		return muldiv[f3];
	case 0x20:
		return f3 == 0 ? CU_SUBW : f3 == 5 ? CU_SRAW : CU_ILLEGAL;
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
	return FUNCT3(w) == 2 ? CU_FLW : FUNCT3(w) == 3 ? CU_LD : CU_ILLEGAL;
}

static enum cu_op decode_store_fp(struct cu_insn *d, uint32_t w)
{
	d->imm = imm_s(w);
	d->rs2 = freg(RS2(w));
	d->size = 1 << (FUNCT3(w) & 3);
	return FUNCT3(w) == 2 ? CU_SW : FUNCT3(w) == 3 ? CU_SD : CU_ILLEGAL;
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
	static const uint8_t ops[2][4] = {
		{ CU_FMADD_S, CU_FMSUB_S, CU_FNMSUB_S, CU_FNMADD_S },
		{ CU_FMADD_D, CU_FMSUB_D, CU_FNMSUB_D, CU_FNMADD_D },
	};
	unsigned int fmt = w >> 25 & 3;

	d->rd = freg(RD(w));
	d->rs1 = freg(RS1(w));
	d->rs2 = freg(RS2(w));
	d->rs3 = freg(w >> 27);
	return fmt > 1 ? CU_ILLEGAL : ops[fmt][w >> 2 & 3];
}

/* Operations whose funct3 selects among three. */
static enum cu_op pick(unsigned int f3, enum cu_op op0, enum cu_op op1, enum cu_op op2)
{
	switch (f3) {
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

static enum cu_op decode_fp_class_move(struct cu_insn *d, uint32_t w, bool dbl)
{
	d->rd = RD(w) ? RD(w) : CU_REG_SINK;
	if (RS2(w))
		return CU_ILLEGAL;
	if (FUNCT3(w) == 1)
		return dbl ? CU_FCLASS_D : CU_FCLASS_S;
	if (FUNCT3(w))
		return CU_ILLEGAL;
	return dbl ? CU_FMV_D : CU_FMV_X_W;
}

/* Both formats share their layout: fmt is 0 for S and 1 for D. */
static enum cu_op decode_fp(struct cu_insn *d, uint32_t w)
{
	unsigned int f3 = FUNCT3(w), rs2 = RS2(w);
	bool dbl = FUNCT7(w) & 1;

	d->rd = freg(RD(w));
	d->rs1 = freg(RS1(w));
	d->rs2 = freg(RS2(w));
	if (FUNCT7(w) & 2)
		return CU_ILLEGAL;

	switch (w >> 27) {
	case 0x00:
		return dbl ? CU_FADD_D : CU_FADD_S;
	case 0x01:
		return dbl ? CU_FSUB_D : CU_FSUB_S;
	case 0x02:
		return dbl ? CU_FMUL_D : CU_FMUL_S;
	case 0x03:
		return dbl ? CU_FDIV_D : CU_FDIV_S;
	case 0x0b:
		if (rs2)
			return CU_ILLEGAL;
		return dbl ? CU_FSQRT_D : CU_FSQRT_S;
	case 0x04:
		return dbl ? pick(f3, CU_FSGNJ_D, CU_FSGNJN_D, CU_FSGNJX_D) :
			     pick(f3, CU_FSGNJ_S, CU_FSGNJN_S, CU_FSGNJX_S);
	case 0x05:
		return dbl ? pick(f3, CU_FMIN_D, CU_FMAX_D, CU_ILLEGAL) :
			     pick(f3, CU_FMIN_S, CU_FMAX_S, CU_ILLEGAL);
	case 0x08:
		if (rs2 != !dbl)
			return CU_ILLEGAL;
		return dbl ? CU_FCVT_D_S : CU_FCVT_S_D;
	case 0x14:
		d->rd = RD(w) ? RD(w) : CU_REG_SINK;
		return dbl ? pick(f3, CU_FLE_D, CU_FLT_D, CU_FEQ_D) :
			     pick(f3, CU_FLE_S, CU_FLT_S, CU_FEQ_S);
	case 0x18:
		d->rd = RD(w) ? RD(w) : CU_REG_SINK;
		if (rs2 > 3)
			return CU_ILLEGAL;
		return (dbl ? CU_FCVT_W_D : CU_FCVT_W_S) + rs2;
	case 0x1a:
		d->rs1 = RS1(w);
		if (rs2 > 3)
			return CU_ILLEGAL;
		if (!dbl)
			return CU_FCVT_S_W + rs2;
		return rs2 < 2 ? CU_FCVT_D_W + rs2 : CU_FCVT_D_L + rs2 - 2;
	case 0x1c:
		return decode_fp_class_move(d, w, dbl);
	case 0x1e:
		d->rs1 = RS1(w);
		if (rs2 || f3)
			return CU_ILLEGAL;
		return dbl ? CU_FMV_D : CU_FMV_W_X;
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
	bool to_integer = op >= CU_FCVT_W_S && op <= CU_FCVT_LU_D;

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
