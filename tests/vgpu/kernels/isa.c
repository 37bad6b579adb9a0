// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Executes each instruction of isa.h once. */
#include "abi/cu.h"
#include "isa.h"

asm(".option arch, +zfbfmin");

#define OP(name, text, kind, ...) { \
	uint64_t value_; \
	double fp_; \
	(void)fp_; \
	(void)value_; \
	asm volatile(text : "=" kind : __VA_ARGS__); \
	out[ISA_##name * 32] = OP_RESULT; \
}

#define OP_RESULT	value_
#define TWO(name, insn)		OP(name, insn " %0, %1, %2", "r"(value_), "r"(a), "r"(b))
#define ONE(name, insn)		OP(name, insn " %0, %1", "r"(value_), "r"(a))
#define SHIFT(name, insn, by)	OP(name, insn " %0, %1, " #by, "r"(value_), "r"(a))
#define FROM_FP(name, insn)	OP(name, insn " %0, %1", "r"(value_), "f"(fa))
#define COMPARE(name, insn)	OP(name, insn " %0, %1, %2", "r"(value_), "f"(fa), "f"(fb))

static inline double to_fp(uint64_t bits)
{
	double v;

	asm volatile("fmv.d.x %0, %1" : "=f"(v) : "r"(bits));
	return v;
}

static inline uint64_t from_fp(double v)
{
	uint64_t bits;

	asm volatile("fmv.x.d %0, %1" : "=r"(bits) : "f"(v));
	return bits;
}

static void integers(uint64_t a, uint64_t b, uint64_t *out)
{
	ISA_TWO(TWO)
	ISA_ONE(ONE)
	ISA_SHIFT(SHIFT)
}

static void from_halves(double fa, double fb, uint64_t *out)
{
	ISA_FROM_FP(FROM_FP)
	ISA_COMPARE(COMPARE)
}

#undef OP_RESULT
#define OP_RESULT	from_fp(fp_)
#define FP_TWO(name, insn)	OP(name, insn " %0, %1, %2", "f"(fp_), "f"(fa), "f"(fb))
#define FP_THREE(name, insn) \
	OP(name, insn " %0, %1, %2, %3", "f"(fp_), "f"(fa), "f"(fb), "f"(fc))
#define FP_ONE(name, insn)	OP(name, insn " %0, %1", "f"(fp_), "f"(fa))
#define TO_FP(name, insn)	OP(name, insn " %0, %1", "f"(fp_), "r"(a))

static void halves(uint64_t a, double fa, double fb, double fc, uint64_t *out)
{
	ISA_FP_TWO(FP_TWO)
	ISA_FP_THREE(FP_THREE)
	ISA_FP_ONE(FP_ONE)
	ISA_TO_FP(TO_FP)
}

void isa(const struct isa_args *args)
{
	uint64_t id, a, b, c;
	uint64_t *out;
	double v;

	asm volatile("csrr %0, 0xcc3" : "=r"(id));
	a = ((const uint64_t *)args->a)[id];
	b = ((const uint64_t *)args->b)[id];
	c = ((const uint64_t *)args->c)[id];
	out = (uint64_t *)args->out + id;
	integers(a, b, out);
	asm volatile("fsrm %0" : : "r"(((const uint64_t *)args->frm)[id]));
	from_halves(to_fp(a), to_fp(b), out);
	halves(a, to_fp(a), to_fp(b), to_fp(c), out);
	out += ISA_flh * 32;
	asm volatile("fsh %0, 0(%1)" : : "f"(to_fp(b)), "r"(out) : "memory");
	asm volatile("flh %0, 0(%1)" : "=f"(v) : "r"(out) : "memory");
	*out = from_fp(v);
}
