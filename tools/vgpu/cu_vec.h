/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Operations on all lanes at once.
 *
 * A register is an array of VGPU_LANES 64-bit values. The same source (cu_vec_impl.h) is compiled
 * for several levels of the host's instruction set; cu_vec_best() picks the highest that works
 * here. Operations with rounding round to nearest even, conversions to integers toward zero, or in
 * two steps as the instruction says: all else is done lane by lane (cu_fp.h).
 */
#ifndef OGPU_VGPU_CU_VEC_H
#define OGPU_VGPU_CU_VEC_H

#include <stdbool.h>
#include <stdint.h>

#include "cu_insn.h"
#include "cu_limits.h"

#define CU_LOADS	(CU_FLH - CU_LB + 1)
#define CU_RUN		8u		/* lanes */
#define CU_RUNS		(VGPU_LANES / CU_RUN)
#define CU_AFFINE_OPS	CU_FSGNJ_S	/* those before may have an affine form */

/* Of some values no row is needed: lane n has base[n / CU_RUN] + n % CU_RUN * step. */
struct cu_affine {
	uint64_t base[CU_RUNS] __attribute__((aligned(64)));
	uint64_t step;
};

/* How the addresses of the lanes lie to each other. */
enum cu_pattern {
	CU_PATTERN_SCATTERED,
	CU_PATTERN_UNIFORM,
	CU_PATTERN_CONTIGUOUS,	/* one element after the other, in lane order */
	CU_PATTERN_RUNS,	/* each run of CU_RUN lanes is one of the two by itself */
};

typedef void (*cu_alu_fn)(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c,
			  int64_t imm);
typedef void (*cu_one_fn)(struct cu_affine *r, const struct cu_affine *a,
			  const struct cu_affine *b, const struct cu_affine *c, int64_t imm);
typedef bool (*cu_affine_fn)(struct cu_affine *r, const struct cu_affine *a,
			     const struct cu_affine *b, int64_t imm);

struct cu_vec {
	const char *name;
	cu_alu_fn alu[CU_VEC_OPS];
	cu_one_fn one[CU_VEC_OPS];	/* the same if all operands are one value in all lanes */
	/* The same in affine form, or NULL; false: not possible with these operands. */
	cu_affine_fn affine[CU_AFFINE_OPS];
	/*
	 * A number of the format as a double without fraction, index from CU_FCVT_W_S by 4, and the
	 * mode of rounding but CU_DYN. To convert that double is to convert the number.
	 */
	void (*integral[3][CU_RMM + 1])(uint64_t *r, const uint64_t *a);
	/* Bit n: lane n takes the branch; index from CU_BEQ. */
	uint32_t (*branch[6])(const uint64_t *a, const uint64_t *b);
	/* Lane n loads element n, index from CU_LB; stores it, index from CU_SB. */
	void (*load[CU_LOADS])(uint64_t *r, const void *p);
	void (*store[4])(void *p, const uint64_t *v);
	/* The same for runs; p has the place of each, bit n of contiguous says what run n is. */
	void (*load_runs[CU_LOADS])(uint64_t *r, const void *const *p, uint32_t contiguous);
	void (*store_runs[4])(void *const *p, const uint64_t *v, uint32_t contiguous);
	/* Lane n loads what is offset[n] - base bytes behind p. */
	void (*gather[CU_LOADS])(uint64_t *r, const void *p, const uint64_t *offset, uint64_t base);
	/* Private memory: lane n's granule is row[n], the value "shift" bits up in it. */
	void (*load_private[CU_LOADS])(uint64_t *r, const uint64_t *row, unsigned int shift);
	void (*store_private)(uint64_t *row, const uint64_t *v, const uint64_t *mask,
			      uint64_t bits, unsigned int shift);
	/*
	 * t = a + imm, and how the lanes with a full mask word relate; first is such a lane, and
	 * the other lanes get its address.
	 */
	enum cu_pattern (*address)(uint64_t *t, const uint64_t *a, int64_t imm, unsigned int size,
				   const uint64_t *mask, unsigned int first);
	/* For all lanes; contiguous is for CU_PATTERN_RUNS. */
	enum cu_pattern (*address_all)(uint64_t *t, const uint64_t *a, int64_t imm,
				       unsigned int size, uint32_t *contiguous);
	/* All of t lie from base on, and no more than limit behind it. */
	bool (*within)(const uint64_t *t, uint64_t base, uint64_t limit);
	void (*splat)(uint64_t *r, uint64_t v);
	void (*uniform)(struct cu_affine *r, uint64_t v);
	void (*spread)(uint64_t *r, const struct cu_affine *a);
	void (*blend)(uint64_t *r, const uint64_t *v, const uint64_t *mask);
	void (*expand_mask)(uint64_t *mask, uint32_t lanes);
	/* Lowest value among lanes whose bit is set, and the lanes that have it. */
	uint64_t (*lowest)(const uint64_t *v, uint32_t lanes, uint32_t *which);
};

extern const struct cu_vec cu_vec_base;
#ifdef __x86_64__
extern const struct cu_vec cu_vec_v3;	/* AVX2, FMA */
extern const struct cu_vec cu_vec_v4;	/* AVX-512 */
#endif

const struct cu_vec *cu_vec_best(void);
const struct cu_vec *cu_vec_get(unsigned int n);

#endif
