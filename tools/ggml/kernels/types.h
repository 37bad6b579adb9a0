/* SPDX-License-Identifier: MIT */
/*
 * Numbers as ggml stores them: single ones, and blocks of small integers. A number of a block is
 * its integer, which is never negative here, times a scale, less something; eight integers that
 * share both are taken out of words at a time, a byte each. Words in blocks are not aligned; the
 * hardware loads them all the same.
 */
#ifndef OGPU_GGML_TYPES_H
#define OGPU_GGML_TYPES_H

#include <stdbool.h>

#include "args.h"

#define INLINE		static inline __attribute__((always_inline))

#define BYTES_OF(v)	((v) * 0x0101010101010101ul)

/* Tables of bytes that the four bits of these types index. */
#define IQ4_NL_LOW	0x766a5d4f3f2d1801ul	/* -127 -104 -83 -65 -49 -35 -22 -10, and 128 */
#define IQ4_NL_HIGH	0xf1d9c5b5a6998d81ul	/* 1 13 25 38 53 69 89 113, and 128 */
#define MXFP4_LOW	0x181412100f0e0d0cul	/* 0 1 2 3 4 6 8 12, and 12 */
#define MXFP4_HIGH	0x00040608090a0b0cul	/* -0 -1 -2 -3 -4 -6 -8 -12, and 12 */

INLINE unsigned long bits_of(float v)
{
	unsigned long bits;

	/* The compiler would go by way of memory. */
	__asm__("fmv.x.w %0, %1" : "=r"(bits) : "f"(v));
	return bits;
}

#define BYTES(NAME, name, number, bytes, numbers)	case TYPE_##NAME: return bytes;
#define NUMBERS(NAME, name, number, bytes, numbers)	case TYPE_##NAME: return numbers;

INLINE uint32_t block_bytes(uint32_t type)
{
	switch (type) { WEIGHTS(BYTES) }
	return 0;
}

INLINE uint32_t block_numbers(uint32_t type)
{
	switch (type) { WEIGHTS(NUMBERS) }
	return 1;
}

INLINE float half_at(const uint8_t *p)
{
	return *(const _Float16 *)p;
}

INLINE uint64_t word_at(const uint8_t *p)
{
	return *(const uint64_t *)p;
}

/* Scale or minimum (0, 1) of a group of 32 (n 0 to 7), in the 12 bytes of q4_K and q5_K. */
INLINE uint32_t six_bits(const uint8_t *q, uint32_t n, uint32_t minimum)
{
	uint32_t low = q[n + 4 * minimum], pair = q[(n & 3) + 8], top = q[(n & 3) + 4 * minimum];

	return n < 4 ? low & 63 : ((pair >> 4 * minimum) & 15) | (top >> 6) << 4;
}

struct scale {
	float by, less;
};

/* So many integers have a scale of their own. */
INLINE uint32_t scale_numbers(uint32_t type)
{
	return type == TYPE_Q2_K || type == TYPE_Q3_K || type == TYPE_Q6_K ? 16 : 32;
}

/* Of the integers of a block around number i. */
INLINE struct scale scale_of(uint32_t type, const uint8_t *p, uint32_t i)
{
	uint32_t n;
	float by;

	switch (type) {
	case TYPE_Q4_1:
	case TYPE_Q5_1:
		return (struct scale){ half_at(p), -half_at(p + 2) };
	case TYPE_MXFP4:
		/* A power of two; the first exponents are of numbers below the least normal one. */
		by = ogpu_f32_from_bits(*p < 2 ? 0x200000u << *p : (*p - 1u) << 23);
		return (struct scale){ by, 12 * by };
	case TYPE_Q2_K:
		n = p[i / 16];
		return (struct scale){ half_at(p + 80) * (n & 15), half_at(p + 82) * (n >> 4) };
	case TYPE_Q3_K:
		i /= 16;
		n = (p[96 + i % 8] >> i / 8 * 4 & 15) | (p[104 + i % 4] >> i / 4 * 2 & 3) << 4;
		by = half_at(p + 108) * (int)(n - 32);
		return (struct scale){ by, 4 * by };
	case TYPE_Q4_K:
	case TYPE_Q5_K:
		return (struct scale){ half_at(p) * six_bits(p + 4, i / 32, 0),
				       half_at(p + 2) * six_bits(p + 4, i / 32, 1) };
	case TYPE_Q6_K:
		by = half_at(p + 208) * ((const signed char *)p)[192 + i / 16];
		return (struct scale){ by, 32 * by };
	default:
		by = half_at(p);
		n = type == TYPE_Q4_0 ? 8 : type == TYPE_Q5_0 ? 16 : 128;
		return (struct scale){ by, n * by };
	}
}

/* Four bits of each byte: of a block of 32, the low ones, which come first, or the high ones. */
INLINE uint64_t four_bits(const uint8_t *p, uint32_t i)
{
	return word_at(p + i % 16) >> i / 16 * 4 & BYTES_OF(15);
}

/* The bits of a byte, each in the fifth place of one. */
INLINE uint64_t fifth_bits(uint8_t bits)
{
	uint64_t apart = BYTES_OF((uint64_t)bits) & 0x8040201008040201;

	return (apart + BYTES_OF(0x7f)) >> 3 & BYTES_OF(16);
}

/* Eight integers from number i of a block on, a multiple of 8. */
INLINE uint64_t integers(uint32_t type, const uint8_t *p, uint32_t i)
{
	const uint32_t half = i / 128, group = i / 32, n = i % 32;

	switch (type) {
	case TYPE_Q4_0:
	case TYPE_IQ4_NL:
		return four_bits(p + 2, i);
	case TYPE_Q4_1:
		return four_bits(p + 4, i);
	case TYPE_Q5_0:
		return four_bits(p + 6, i) | fifth_bits(p[2 + i / 8]);
	case TYPE_Q5_1:
		return four_bits(p + 8, i) | fifth_bits(p[4 + i / 8]);
	case TYPE_MXFP4:
		return four_bits(p + 1, i);
	case TYPE_Q8_0:
		return word_at(p + 2 + i) ^ BYTES_OF(128);
	case TYPE_Q2_K:
		return word_at(p + 16 + half * 32 + n) >> group % 4 * 2 & BYTES_OF(3);
	case TYPE_Q3_K:
		return (word_at(p + 32 + half * 32 + n) >> group % 4 * 2 & BYTES_OF(3)) |
		       (word_at(p + n) >> group & BYTES_OF(1)) << 2;
	case TYPE_Q4_K:
		return word_at(p + 16 + i / 64 * 32 + n) >> group % 2 * 4 & BYTES_OF(15);
	case TYPE_Q5_K:
		return (word_at(p + 48 + i / 64 * 32 + n) >> group % 2 * 4 & BYTES_OF(15)) |
		       (word_at(p + 16 + n) >> group & BYTES_OF(1)) << 4;
	default:	/* q6_K */
		return (word_at(p + half * 64 + i % 64) >> i / 64 % 2 * 4 & BYTES_OF(15)) |
		       (word_at(p + 128 + half * 32 + n) >> group % 4 * 2 & BYTES_OF(3)) << 4;
	}
}

/* Number n of eight integers. */
INLINE float integer(uint32_t type, uint64_t eight, uint32_t n)
{
	uint64_t v = eight >> n * 8 & 255;

	if (type == TYPE_IQ4_NL)
		v = (IQ4_NL_LOW ^ ((IQ4_NL_LOW ^ IQ4_NL_HIGH) & -(v >> 3))) >> v % 8 * 8 & 255;
	if (type == TYPE_MXFP4)
		v = (MXFP4_LOW ^ ((MXFP4_LOW ^ MXFP4_HIGH) & -(v >> 3))) >> v % 8 * 8 & 255;
	return (int)v;
}

/* The number i of a row of any type that can be multiplied with. */
INLINE float number(uint32_t type, const void *row, uint32_t i)
{
	const uint32_t n = i % block_numbers(type);
	const uint8_t *p = (const uint8_t *)row + i / block_numbers(type) * block_bytes(type);
	struct scale scale;

	switch (type) {
	case TYPE_F32:
		return *(const float *)p;
	case TYPE_F16:
		return half_at(p);
	case TYPE_BF16:
		return ogpu_bf16_to_f32(*(const uint16_t *)p);
	}
	scale = scale_of(type, p, n);
	return integer(type, integers(type, p, n & ~7u), n % 8) * scale.by - scale.less;
}

/* Eight numbers of a row from number i on, a multiple of 8; scale: of the blocks' integers. */
INLINE void eight_numbers(uint32_t type, const uint8_t *row, uint32_t i, struct scale scale,
			  float *x)
{
	const uint8_t *p = row + i / block_numbers(type) * block_bytes(type);
	const bool half = type == TYPE_F16 || type == TYPE_BF16;
	const uint32_t a_word = type == TYPE_F32 ? 2 : half ? 4 : 8;

	_Pragma("GCC unroll 4")
	for (uint32_t w = 0; w < 8 / a_word; w++) {
		const uint64_t v = a_word == 8 ? integers(type, p, i % block_numbers(type)) :
				   word_at(p + 8 * w);

		_Pragma("GCC unroll 8")
		for (uint32_t n = 0; n < a_word; n++) {
			if (type == TYPE_F32)
				x[w * 2 + n] = ogpu_f32_from_bits(v >> n * 32);
			else if (type == TYPE_F16)
				x[w * 4 + n] = ogpu_f16_to_f32(v >> n * 16);
			else if (type == TYPE_BF16)
				x[w * 4 + n] = ogpu_bf16_to_f32(v >> n * 16);
			else
				x[n] = integer(type, v, n) * scale.by - scale.less;
		}
	}
}

#endif
