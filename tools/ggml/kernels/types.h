/* SPDX-License-Identifier: MIT */
/*
 * Numbers as ggml stores them: single ones, and blocks of small integers behind what they are
 * scaled with. Words in blocks are not aligned; the hardware loads them all the same.
 */
#ifndef OGPU_GGML_TYPES_H
#define OGPU_GGML_TYPES_H

#include "args.h"

static inline float half_at(const uint8_t *p)
{
	return *(const _Float16 *)p;
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

/* 0 for those in blocks of 256. */
static inline uint32_t bytes_of_32(uint32_t type)
{
	switch (type) {
	case TYPE_F32:
		return 128;
	case TYPE_F16:
	case TYPE_BF16:
		return 64;
	case TYPE_Q8_0:
		return Q8_0_BYTES;
	case TYPE_Q4_0:
		return 18;
	case TYPE_Q4_1:
		return 20;
	case TYPE_Q5_0:
		return 22;
	case TYPE_Q5_1:
		return 24;
	default:
		return 0;
	}
}

/* The number i of a row of any type that can be multiplied with. */
static inline float number(uint32_t type, const void *row, uint32_t i)
{
	const uint8_t *p = row;
	const uint32_t n = i % 32;

	switch (type) {
	case TYPE_F32:
		return ((const float *)row)[i];
	case TYPE_F16:
		return ((const _Float16 *)row)[i];
	case TYPE_BF16:
		return ogpu_bf16_to_f32(((const uint16_t *)row)[i]);
	case TYPE_Q8_0:
		p += i / 32 * Q8_0_BYTES;
		return half_at(p) * ((const signed char *)p)[2 + n];
	case TYPE_Q4_0:
		p += i / 32 * 18;
		return half_at(p) * (int)((p[2 + n % 16] >> n / 16 * 4 & 15) - 8);
	case TYPE_Q4_1:
		p += i / 32 * 20;
		return half_at(p) * (p[4 + n % 16] >> n / 16 * 4 & 15) + half_at(p + 2);
	case TYPE_Q5_0:
		p += i / 32 * 22;
		return half_at(p) * (int)(((p[6 + n % 16] >> n / 16 * 4 & 15) |
					   (p[2 + n / 8] >> n % 8 & 1) << 4) - 16);
	case TYPE_Q5_1:
		p += i / 32 * 24;
		return half_at(p) * ((p[8 + n % 16] >> n / 16 * 4 & 15) |
				     (p[4 + n / 8] >> n % 8 & 1) << 4) + half_at(p + 2);
	case TYPE_Q4_K:
		return of_q4_k(p + i / 256 * 144, i % 256, 0);
	case TYPE_Q5_K:
		return of_q4_k(p + i / 256 * 176, i % 256, 1);
	default:
		return of_q6_k(p + i / 256 * 210, i % 256);
	}
}

/* A block of q8_0: 32 numbers of which the greatest becomes 127. */
static inline void put_q8_0(uint8_t *p, const char *from, uint64_t stride)
{
	float top = 0, scale;

	for (uint32_t i = 0; i < 32; i++)
		top = ogpu_fmaxf(top, __builtin_fabsf(*(const float *)(from + i * stride)));
	scale = top / 127;
	*(_Float16 *)p = scale;
	scale = scale ? 1 / scale : 0;
	for (uint32_t i = 0; i < 32; i++)
		p[2 + i] = (int)__builtin_rintf(*(const float *)(from + i * stride) * scale);
}

#endif
