/* SPDX-License-Identifier: MIT */
/*
 * 32 numbers into a block of small integers, rounded as ggml does it on the CPU. Each function has
 * one work-item do one block.
 */
#ifndef OGPU_GGML_QUANTIZE_H
#define OGPU_GGML_QUANTIZE_H

#include <stdbool.h>

#include "types.h"

#define BLOCK	32

/* q8_0: the greatest becomes 127. */
static inline void put_q8_0(uint8_t *p, const float *v)
{
	float top = 0, scale;

	for (uint32_t i = 0; i < BLOCK; i++)
		top = ogpu_fmaxf(top, __builtin_fabsf(v[i]));
	*(_Float16 *)p = top / 127;
	scale = top ? 127 / top : 0;
	for (uint32_t i = 0; i < BLOCK; i++)
		p[2 + i] = (int)__builtin_rintf(v[i] * scale);
}

/*
 * q4_0 and q5_0 have the number farthest from zero as their least integer; q4_1 and q5_1 go from
 * the least number to the greatest. Bits above the fourth are together, in front of the rest.
 */
static inline void put_linear(uint8_t *p, const float *v, bool fifth, bool minimum)
{
	const uint32_t last = fifth ? 31 : 15, head = minimum ? 4 : 2;
	float least = v[0], most = v[0], far = 0, scale, zero;
	uint8_t *low = p + head + (fifth ? 4 : 0);
	uint32_t high = 0;

	for (uint32_t i = 0; i < BLOCK; i++) {
		least = ogpu_fminf(least, v[i]);
		most = ogpu_fmaxf(most, v[i]);
		far = ogpu_select_f32(__builtin_fabsf(v[i]) > __builtin_fabsf(far), v[i], far);
	}
	scale = minimum ? (most - least) / last : far / -(int)(last / 2 + 1);
	*(_Float16 *)p = scale;
	if (minimum)
		((_Float16 *)p)[1] = least;
	scale = scale ? 1 / scale : 0;
	zero = minimum ? 0.5f : last / 2 + 1.5f;
	for (uint32_t i = 0; i < BLOCK; i++) {
		float x = (v[i] - (minimum ? least : 0)) * scale;
		uint32_t n;

		/* The product is rounded, too: the compiler must not make one operation of both. */
		__asm__("" : "+f"(x));
		n = ogpu_fminf(x + zero, last);
		low[i % 16] = i < 16 ? n & 15 : low[i % 16] | n << 4;
		high |= (n >> 4) << i;
	}
	if (fifth)
		*(uint32_t *)(p + head) = high;
}

INLINE int iq4_nl(uint32_t n)
{
	return (int)integer(TYPE_IQ4_NL, n, 0) - 128;
}

/* The nearest of iq4_nl's integers: as many are below it as have the middle to the next below x. */
static inline uint32_t iq4_nl_nearest(float x)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < 15; i++)
		n += 2 * x >= iq4_nl(i) + iq4_nl(i + 1);
	return n;
}

/* The scale is the best one for the integers that the number farthest from zero leads to. */
static inline void put_iq4_nl(uint8_t *p, const float *v)
{
	float far = 0, scale, squares = 0, products = 0;

	for (uint32_t i = 0; i < BLOCK; i++)
		far = ogpu_select_f32(__builtin_fabsf(v[i]) > __builtin_fabsf(far), v[i], far);
	scale = far ? iq4_nl(0) / far : 0;
	for (uint32_t i = 0; i < BLOCK; i++) {
		uint32_t n = iq4_nl_nearest(v[i] * scale);
		float weighted = v[i] * v[i] * iq4_nl(n);

		p[2 + i % 16] = i < 16 ? n : p[2 + i % 16] | n << 4;
		products += weighted * v[i];
		squares += weighted * iq4_nl(n);
	}
	*(_Float16 *)p = squares > 0 ? products / squares : 0;
}

/* Of any type that block_bytes() knows and whose blocks have 32 numbers, from v[]. */
static inline void put_block(uint32_t type, uint8_t *p, const float *v)
{
	switch (type) {
	case TYPE_Q8_0:
		put_q8_0(p, v);
		break;
	case TYPE_IQ4_NL:
		put_iq4_nl(p, v);
		break;
	default:
		put_linear(p, v, type == TYPE_Q5_0 || type == TYPE_Q5_1,
			   type == TYPE_Q4_1 || type == TYPE_Q5_1);
		break;
	}
}

#endif
