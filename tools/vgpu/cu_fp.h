/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Floating point of one lane: NaN boxing, conversions, and arithmetic in every rounding mode.
 *
 * Exception flags are not kept: the compute units read fflags as zero.
 */
#ifndef OGPU_VGPU_CU_FP_H
#define OGPU_VGPU_CU_FP_H

#include <stdint.h>
#include <string.h>

#include "cu_insn.h"

#define CU_BOX		0xffffffff00000000ull	/* upper half of a register that holds a single */
#define CU_NAN_S	0x7fc00000u		/* canonical NaNs: all NaN results are these */
#define CU_NAN_D	0x7ff8000000000000ull

uint64_t cu_fp_round(enum cu_op op, enum cu_round rm, uint64_t a, uint64_t b, uint64_t c);

static inline uint32_t cu_bits_s(float v)
{
	uint32_t u;

	memcpy(&u, &v, sizeof(u));
	return u;
}

static inline uint64_t cu_bits_d(double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	return u;
}

/* The bits of a single in a register; what is not NaN-boxed counts as the canonical NaN. */
static inline uint32_t cu_unbox(uint64_t reg)
{
	return reg >= CU_BOX ? (uint32_t)reg : CU_NAN_S;
}

static inline float cu_from_s(uint64_t reg)
{
	uint32_t u = cu_unbox(reg);
	float v;

	memcpy(&v, &u, sizeof(v));
	return v;
}

static inline double cu_from_d(uint64_t reg)
{
	double v;

	memcpy(&v, &reg, sizeof(v));
	return v;
}

static inline uint64_t cu_to_s(float v)
{
	return CU_BOX | (v == v ? cu_bits_s(v) : CU_NAN_S);
}

static inline uint64_t cu_to_d(double v)
{
	return v == v ? cu_bits_d(v) : CU_NAN_D;
}

/* Toward zero, with saturation; a NaN gives the largest value. */
static inline int32_t cu_to_w(double v)
{
	return !(v < 0x1p31) ? INT32_MAX : v <= -0x1p31 ? INT32_MIN : (int32_t)v;
}

static inline uint32_t cu_to_wu(double v)
{
	return !(v < 0x1p32) ? UINT32_MAX : v <= -1.0 ? 0 : (uint32_t)(int64_t)v;
}

static inline int64_t cu_to_l(double v)
{
	return !(v < 0x1p63) ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

static inline uint64_t cu_to_lu(double v)
{
	return !(v < 0x1p64) ? UINT64_MAX : v <= -1.0 ? 0 : (uint64_t)v;
}

#endif
