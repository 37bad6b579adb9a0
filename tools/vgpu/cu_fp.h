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
#define CU_BOX_H	0xffffffffffff0000ull	/* the same for halves and for BF16 */
#define CU_NAN_H	0x7e00u
#define CU_NAN_BF16	0x7fc0u

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

/* The 16 bits in a register, those of the canonical NaN if it is not NaN-boxed. */
static inline uint32_t cu_unbox_h(uint64_t reg, uint32_t nan)
{
	return reg >= CU_BOX_H ? (uint16_t)reg : nan;
}

/* Halves are calculated with as doubles: each half is one. */
static inline double cu_from_h(uint64_t reg)
{
	const uint64_t u = cu_unbox_h(reg, CU_NAN_H), rest = (u & 0x7fff) << 42;
	const uint64_t normal = rest + (1008ull << 52), huge = rest | 2047ull << 52;
	/* A subnormal's bits behind the point of 2^-14; then that goes. */
	const uint64_t one = 1009ull << 52;
	const uint64_t small = cu_bits_d(cu_from_d(rest | one) - cu_from_d(one));
	const uint64_t magnitude = (u & 0x7c00) == 0x7c00 ? huge : u & 0x7c00 ? normal : small;

	return cu_from_d((u & 0x8000) << 48 | magnitude);
}

/*
 * To the nearest half, ties to even. A power of two is added that is 2^42 times the number's, or
 * that of the least normal half, so that the host rounds where a half ends.
 */
static inline uint64_t cu_to_h(double v)
{
	const uint64_t u = cu_bits_d(v), limit = 1040ull << 52;	/* 2^17 */
	const uint64_t size = u & ~(1ull << 63), a = size < limit ? size : limit;
	const uint64_t exp = a >> 52 > 1009 ? a >> 52 : 1009;
	const uint64_t sum = cu_bits_d(cu_from_d(a) + cu_from_d((exp + 42) << 52));
	const uint64_t h = ((exp - 1009) << 10) + (sum & 0xfff);
	const uint64_t rounded = h < 0x7c00 ? h : 0x7c00;

	return CU_BOX_H | (v == v ? (u >> 48 & 0x8000) | rounded : CU_NAN_H);
}

static inline uint64_t cu_s_from_bf16(uint64_t reg)
{
	const uint32_t u = cu_unbox_h(reg, CU_NAN_BF16) << 16;

	return CU_BOX | ((u & 0x7fffffff) > 0x7f800000 ? CU_NAN_S : u);
}

/* To the nearest, ties to even. */
static inline uint64_t cu_bf16_from_s(uint64_t reg)
{
	const uint32_t u = cu_unbox(reg);

	return CU_BOX_H | ((u & 0x7fffffff) > 0x7f800000 ? CU_NAN_BF16 :
			   (u + 0x7fff + (u >> 16 & 1)) >> 16);
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
