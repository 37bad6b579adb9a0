/* SPDX-License-Identifier: MIT */
/*
 * Numbers as ggml stores them: single ones, and blocks of small integers behind what they are
 * scaled with. Words in blocks are not aligned; the hardware loads them all the same.
 */
#ifndef OGPU_GGML_TYPES_H
#define OGPU_GGML_TYPES_H

#include "args.h"

/* What iq4_nl's 16 integers stand for, and the absolute values of mxfp4's 8, doubled. */
#define IQ4_NL_LOW	0xf6eaddcfbfad9881ul	/* -127 -104 -83 -65 -49 -35 -22 -10 */
#define IQ4_NL_HIGH	0x7159453526190d01ul	/* 1 13 25 38 53 69 89 113 */
#define MXFP4_VALUES	0xc8643210u

#define BYTES(NAME, name, number, bytes, numbers)	case TYPE_##NAME: return bytes;
#define NUMBERS(NAME, name, number, bytes, numbers)	case TYPE_##NAME: return numbers;

static inline uint32_t block_bytes(uint32_t type)
{
	switch (type) { WEIGHTS(BYTES) }
	return 0;
}

static inline uint32_t block_numbers(uint32_t type)
{
	switch (type) { WEIGHTS(NUMBERS) }
	return 1;
}

/* Of 32 numbers of a row; 0 where they are in blocks of more. */
static inline uint32_t bytes_of_32(uint32_t type)
{
	return block_numbers(type) > 32 ? 0 : 32 / block_numbers(type) * block_bytes(type);
}

static inline float half_at(const uint8_t *p)
{
	return *(const _Float16 *)p;
}

/* Integer n of 32 of four bits, the second 16 of which are the high halves of bytes. */
static inline uint32_t four_bits(const uint8_t *p, uint32_t n)
{
	return p[n % 16] >> n / 16 * 4 & 15;
}

/* And the bit above them. */
static inline uint32_t fifth_bit(const uint8_t *p, uint32_t n)
{
	return (p[n / 8] >> n % 8 & 1) << 4;
}

static inline int iq4_nl(uint32_t n)
{
	return (signed char)((n & 8 ? IQ4_NL_HIGH : IQ4_NL_LOW) >> n % 8 * 8);
}

/* A power of two: exponents 0 and 1 are of numbers below the least normal one. */
static inline float mxfp4_scale(uint32_t exponent)
{
	return ogpu_f32_from_bits(exponent < 2 ? 0x200000u << exponent : (exponent - 1) << 23);
}

static inline float of_mxfp4(const uint8_t *p, uint32_t n)
{
	const uint32_t v = four_bits(p + 1, n);
	const int x = MXFP4_VALUES >> v % 8 * 4 & 15;

	return mxfp4_scale(*p) * (v & 8 ? -x : x);
}

static inline float of_q2_k(const uint8_t *p, uint32_t i)
{
	const uint32_t scales = p[i / 16];

	return half_at(p + 80) * (scales & 15) *
	       (p[16 + i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3) -
	       half_at(p + 82) * (scales >> 4);
}

static inline float of_q3_k(const uint8_t *p, uint32_t i)
{
	const uint32_t group = i / 16;
	uint32_t scale = p[96 + group % 8] >> group / 8 * 4 & 15;
	uint32_t low = p[32 + i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3;
	uint32_t high = p[i % 32] >> i / 32 & 1;

	scale |= (p[104 + group % 4] >> group / 4 * 2 & 3) << 4;
	return half_at(p + 108) * (int)(scale - 32) * (int)((low | high << 2) - 4);
}

/* Scale (n 0 to 7) or, with shift 4, minimum of a group of 32, in the 12 bytes of q4_K and q5_K. */
static inline uint32_t six_bits(const uint8_t *q, uint32_t n, uint32_t minimum)
{
	uint32_t low = q[n + 4 * minimum], pair = q[(n & 3) + 8], top = q[(n & 3) + 4 * minimum];

	return n < 4 ? low & 63 : ((pair >> 4 * minimum) & 15) | (top >> 6) << 4;
}

static inline float of_q4_k(const uint8_t *p, uint32_t i, uint32_t fifth)
{
	const uint32_t group = i / 32;
	const uint8_t *scales = p + 4, *low = p + 16 + (fifth ? 32 : 0) + i / 64 * 32;
	uint32_t v = low[i % 32] >> group % 2 * 4 & 15;

	if (fifth)
		v |= (p[16 + i % 32] >> group & 1) << 4;
	return half_at(p) * six_bits(scales, group, 0) * v -
	       half_at(p + 2) * six_bits(scales, group, 1);
}

static inline float of_q6_k(const uint8_t *p, uint32_t i)
{
	const uint32_t part = i / 128, quarter = i / 32 % 4, l = i % 32;
	uint32_t low = p[part * 64 + quarter % 2 * 32 + l] >> quarter / 2 * 4 & 15;
	uint32_t high = p[128 + part * 32 + l] >> 2 * quarter & 3;
	int scale = ((const signed char *)p)[192 + i / 16];

	return half_at(p + 208) * scale * (int)((low | high << 4) - 32);
}

/* The number i of a row of any type that can be multiplied with. */
static inline float number(uint32_t type, const void *row, uint32_t i)
{
	const uint32_t n = i % block_numbers(type);
	const uint8_t *p = (const uint8_t *)row + i / block_numbers(type) * block_bytes(type);

	switch (type) {
	case TYPE_F16:
		return half_at(p);
	case TYPE_BF16:
		return ogpu_bf16_to_f32(*(const uint16_t *)p);
	case TYPE_Q8_0:
		return half_at(p) * ((const signed char *)p)[2 + n];
	case TYPE_Q4_0:
		return half_at(p) * (int)(four_bits(p + 2, n) - 8);
	case TYPE_Q4_1:
		return half_at(p) * four_bits(p + 4, n) + half_at(p + 2);
	case TYPE_Q5_0:
		return half_at(p) * (int)((four_bits(p + 6, n) | fifth_bit(p + 2, n)) - 16);
	case TYPE_Q5_1:
		return half_at(p) * (four_bits(p + 8, n) | fifth_bit(p + 4, n)) + half_at(p + 2);
	case TYPE_IQ4_NL:
		return half_at(p) * iq4_nl(four_bits(p + 2, n));
	case TYPE_MXFP4:
		return of_mxfp4(p, n);
	case TYPE_Q2_K:
		return of_q2_k(p, n);
	case TYPE_Q3_K:
		return of_q3_k(p, n);
	case TYPE_Q4_K:
		return of_q4_k(p, n, 0);
	case TYPE_Q5_K:
		return of_q4_k(p, n, 1);
	case TYPE_Q6_K:
		return of_q6_k(p, n);
	default:
		return *(const float *)p;
	}
}

#endif
