/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Instructions beyond RV64GC, for the kernel that executes each once and for what checks it. */
#ifndef OGPU_TESTS_ISA_H
#define OGPU_TESTS_ISA_H

#include <stdint.h>

/* rd, rs1, rs2 */
#define ISA_TWO(X) \
	X(add_uw, "add.uw") X(sh1add, "sh1add") X(sh2add, "sh2add") X(sh3add, "sh3add") \
	X(sh1add_uw, "sh1add.uw") X(sh2add_uw, "sh2add.uw") X(sh3add_uw, "sh3add.uw") \
	X(andn, "andn") X(orn, "orn") X(xnor, "xnor") \
	X(min, "min") X(minu, "minu") X(max, "max") X(maxu, "maxu") \
	X(rol, "rol") X(ror, "ror") X(rolw, "rolw") X(rorw, "rorw") \
	X(czero_eqz, "czero.eqz") X(czero_nez, "czero.nez")

/* rd, rs1 */
#define ISA_ONE(X) \
	X(clz, "clz") X(ctz, "ctz") X(cpop, "cpop") X(clzw, "clzw") X(ctzw, "ctzw") \
	X(cpopw, "cpopw") X(sext_b, "sext.b") X(sext_h, "sext.h") X(zext_h, "zext.h") \
	X(orc_b, "orc.b") X(rev8, "rev8")

/* rd, rs1, a number */
#define ISA_SHIFT(X) \
	X(slli_uw_0, "slli.uw", 0) X(slli_uw_63, "slli.uw", 63) X(rori_1, "rori", 1) \
	X(rori_63, "rori", 63) X(roriw_1, "roriw", 1) X(roriw_31, "roriw", 31)

/* fd, fs1, fs2 */
#define ISA_FP_TWO(X) \
	X(fadd_h, "fadd.h") X(fsub_h, "fsub.h") X(fmul_h, "fmul.h") X(fdiv_h, "fdiv.h") \
	X(fsgnj_h, "fsgnj.h") X(fsgnjn_h, "fsgnjn.h") X(fsgnjx_h, "fsgnjx.h") \
	X(fmin_h, "fmin.h") X(fmax_h, "fmax.h")

/* fd, fs1, fs2, fs3 */
#define ISA_FP_THREE(X) \
	X(fmadd_h, "fmadd.h") X(fmsub_h, "fmsub.h") X(fnmsub_h, "fnmsub.h") X(fnmadd_h, "fnmadd.h")

/* fd, fs1 */
#define ISA_FP_ONE(X) \
	X(fsqrt_h, "fsqrt.h") X(fcvt_s_h, "fcvt.s.h") X(fcvt_d_h, "fcvt.d.h") \
	X(fcvt_h_s, "fcvt.h.s") X(fcvt_h_d, "fcvt.h.d") X(fcvt_s_bf16, "fcvt.s.bf16") \
	X(fcvt_bf16_s, "fcvt.bf16.s")

/* rd, fs1 */
#define ISA_FROM_FP(X) \
	X(fmv_x_h, "fmv.x.h") X(fclass_h, "fclass.h") X(fcvt_w_h, "fcvt.w.h") \
	X(fcvt_wu_h, "fcvt.wu.h") X(fcvt_l_h, "fcvt.l.h") X(fcvt_lu_h, "fcvt.lu.h")

/* rd, fs1, fs2 */
#define ISA_COMPARE(X) X(feq_h, "feq.h") X(flt_h, "flt.h") X(fle_h, "fle.h")

/* fd, rs1 */
#define ISA_TO_FP(X) \
	X(fmv_h_x, "fmv.h.x") X(fcvt_h_w, "fcvt.h.w") X(fcvt_h_wu, "fcvt.h.wu") \
	X(fcvt_h_l, "fcvt.h.l") X(fcvt_h_lu, "fcvt.h.lu")

#define ISA_NAME(name, ...)	ISA_##name,
enum isa_op {
	ISA_TWO(ISA_NAME)
	ISA_ONE(ISA_NAME)
	ISA_SHIFT(ISA_NAME)
	ISA_FP_TWO(ISA_NAME)
	ISA_FP_THREE(ISA_NAME)
	ISA_FP_ONE(ISA_NAME)
	ISA_FROM_FP(ISA_NAME)
	ISA_COMPARE(ISA_NAME)
	ISA_TO_FP(ISA_NAME)
	ISA_flh,		/* fsh of operand b, flh of that */
	ISA_OPS
};

/* All are arrays with an element for each of 32 work-items. */
struct isa_args {
	uint64_t a, b, c;	/* operands, as they stand in registers */
	uint64_t frm;
	uint64_t out;		/* an array for each of enum isa_op */
};

#endif
