/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Decoded instructions of the compute units.
 *
 * Registers are numbered in one file: 0..31 integer, 32..63 floating point, and one that takes
 * results nobody wants (rd = x0). So an operation on lanes needs no idea of register kinds.
 */
#ifndef OGPU_VGPU_CU_INSN_H
#define OGPU_VGPU_CU_INSN_H

#include <stdint.h>

#define CU_REG_F0	32
#define CU_REG_SINK	64
#define CU_REGS		65

/* Rounding modes of the F and D extensions. */
enum cu_round {
	CU_RNE = 0,
	CU_RTZ = 1,
	CU_RDN = 2,
	CU_RUP = 3,
	CU_RMM = 4,
	CU_DYN = 7,
};

/*
 * Operations. The order matters: up to CU_VEC_OPS they are done by the tables of cu_vec.h; from
 * CU_FADD_S to CU_FCVT_S_D they have a rounding mode.
 */
enum cu_op {
	CU_UNKNOWN = 0,		/* not decoded yet */
	CU_LUI,
	CU_ADDI, CU_SLTI, CU_SLTIU, CU_XORI, CU_ORI, CU_ANDI, CU_SLLI, CU_SRLI, CU_SRAI,
	CU_ADDIW, CU_SLLIW, CU_SRLIW, CU_SRAIW,
	CU_ADD, CU_SUB, CU_SLL, CU_SLT, CU_SLTU, CU_XOR, CU_SRL, CU_SRA, CU_OR, CU_AND,
	CU_ADDW, CU_SUBW, CU_SLLW, CU_SRLW, CU_SRAW,
	CU_MUL, CU_MULH, CU_MULHSU, CU_MULHU, CU_DIV, CU_DIVU, CU_REM, CU_REMU,
	CU_MULW, CU_DIVW, CU_DIVUW, CU_REMW, CU_REMUW,
	CU_ADD_UW, CU_SH1ADD, CU_SH2ADD, CU_SH3ADD, CU_SH1ADD_UW, CU_SH2ADD_UW, CU_SH3ADD_UW,
	CU_SLLI_UW,
	CU_ANDN, CU_ORN, CU_XNOR, CU_CLZ, CU_CTZ, CU_CPOP, CU_CLZW, CU_CTZW, CU_CPOPW,
	CU_MIN, CU_MINU, CU_MAX, CU_MAXU, CU_SEXT_B, CU_SEXT_H, CU_ZEXT_H,
	CU_ROL, CU_ROR, CU_RORI, CU_ROLW, CU_RORW, CU_RORIW, CU_ORC_B, CU_REV8,
	CU_CZERO_EQZ, CU_CZERO_NEZ,
	CU_FSGNJ_S, CU_FSGNJN_S, CU_FSGNJX_S, CU_FMIN_S, CU_FMAX_S,
	CU_FEQ_S, CU_FLT_S, CU_FLE_S, CU_FCLASS_S, CU_FMV_X_W, CU_FMV_W_X,
	CU_FSGNJ_D, CU_FSGNJN_D, CU_FSGNJX_D, CU_FMIN_D, CU_FMAX_D,
	CU_FEQ_D, CU_FLT_D, CU_FLE_D, CU_FCLASS_D, CU_FMV_D,
	CU_FSGNJ_H, CU_FSGNJN_H, CU_FSGNJX_H, CU_FMIN_H, CU_FMAX_H,
	CU_FEQ_H, CU_FLT_H, CU_FLE_H, CU_FCLASS_H, CU_FMV_X_H, CU_FMV_H_X,
	CU_FCVT_D_S, CU_FCVT_D_W, CU_FCVT_D_WU, CU_FCVT_S_H, CU_FCVT_D_H, CU_FCVT_S_BF16,

	CU_FADD_S, CU_FSUB_S, CU_FMUL_S, CU_FDIV_S, CU_FSQRT_S,
	CU_FMADD_S, CU_FMSUB_S, CU_FNMSUB_S, CU_FNMADD_S,
	CU_FADD_D, CU_FSUB_D, CU_FMUL_D, CU_FDIV_D, CU_FSQRT_D,
	CU_FMADD_D, CU_FMSUB_D, CU_FNMSUB_D, CU_FNMADD_D,
	CU_FADD_H, CU_FSUB_H, CU_FMUL_H, CU_FDIV_H, CU_FSQRT_H,
	CU_FMADD_H, CU_FMSUB_H, CU_FNMSUB_H, CU_FNMADD_H,
	CU_FCVT_H_W, CU_FCVT_H_WU, CU_FCVT_H_L, CU_FCVT_H_LU,
	CU_FCVT_S_W, CU_FCVT_S_WU, CU_FCVT_S_L, CU_FCVT_S_LU, CU_FCVT_D_L, CU_FCVT_D_LU,
	CU_FCVT_W_S, CU_FCVT_WU_S, CU_FCVT_L_S, CU_FCVT_LU_S,
	CU_FCVT_W_D, CU_FCVT_WU_D, CU_FCVT_L_D, CU_FCVT_LU_D,
	CU_FCVT_W_H, CU_FCVT_WU_H, CU_FCVT_L_H, CU_FCVT_LU_H,
	CU_FCVT_H_S, CU_FCVT_H_D, CU_FCVT_BF16_S,
	CU_FCVT_S_D,
	CU_VEC_OPS,

	CU_AUIPC = CU_VEC_OPS,
	CU_BEQ, CU_BNE, CU_BLT, CU_BGE, CU_BLTU, CU_BGEU,
	CU_JAL, CU_JALR,
	CU_LB, CU_LH, CU_LW, CU_LD, CU_LBU, CU_LHU, CU_LWU, CU_FLW, CU_FLH,
	CU_SB, CU_SH, CU_SW, CU_SD,
	CU_LR, CU_SC, CU_AMO,
	CU_WAVE,
	CU_CSR, CU_FENCE, CU_FENCE_I, CU_ECALL, CU_EBREAK,
	CU_ILLEGAL,
	CU_SPLIT,		/* the second half is on the next page: decoded anew each time */
	CU_PAGE_END,		/* behind the last instruction of a page */
};

_Static_assert(CU_PAGE_END <= UINT8_MAX, "enum cu_op does not fit into struct cu_insn");

/* How an operation with rounding can use the tables of cu_vec.h; in size. */
enum cu_native {
	CU_NATIVE_ALWAYS,	/* the mode in the instruction is the one of the tables */
	CU_NATIVE_DEFAULT,	/* while no lane has changed its frm */
	CU_NATIVE_NEVER,
};

/* funct5 of CU_AMO, in aux. */
enum cu_amo {
	CU_AMO_ADD = 0x00,
	CU_AMO_SWAP = 0x01,
	CU_AMO_XOR = 0x04,
	CU_AMO_OR = 0x08,
	CU_AMO_AND = 0x0c,
	CU_AMO_MIN = 0x10,
	CU_AMO_MAX = 0x14,
	CU_AMO_MINU = 0x18,
	CU_AMO_MAXU = 0x1c,
};

struct cu_insn {
	uint8_t op;		/* enum cu_op */
	uint8_t rd, rs1, rs2, rs3;	/* operands that there are not are x0 */
	uint8_t aux;		/* rounding mode, funct5 of AMO, funct3 of CSR, funct7 of wave */
	uint8_t size;		/* bytes of a memory access, enum cu_native, or a wave's type */
	uint8_t len;		/* 2 or 4 bytes */
	int32_t imm;		/* CSR: number; with an immediate operand, that is in rs1 */
	uint32_t raw;		/* as in memory, for error reports */
};

/* Result of the decoder: always filled in, with CU_ILLEGAL if there is no such instruction. */
void cu_decode(struct cu_insn *insn, uint32_t word);
/* 32-bit form of a compressed instruction, 0 if there is none. */
uint32_t cu_expand(uint16_t half);

#endif
