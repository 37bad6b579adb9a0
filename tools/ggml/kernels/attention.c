// SPDX-License-Identifier: MIT
/*
 * Attention in one pass. A wave has a tile of rows, each a query of one head; the heads of a tile
 * share a head of keys and values. Keys come by 32: lanes share the elements of a key, then each
 * lane has the product of one key with each row and does its part of the soft maximum; then they
 * share the elements of the values' sum. What is known of a row so far is its greatest product, and
 * the two sums relative to that.
 */
#include <stdbool.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "args.h"
#include "types.h"

#define LANES	32
#define LOWEST	-1e30f	/* of no product, so that nothing divides by it or is infinite */

#define FOR(i, n)	_Pragma("GCC unroll 18") for (uint32_t i = 0; i < (n); i++)

/* Most rows, and most parts of 32 elements, that a tile has. */
#define MAX_ROWS	4
#define MAX_PARTS	18

struct rows {
	float query[MAX_ROWS][MAX_PARTS], sum[MAX_ROWS][MAX_PARTS];
	float greatest[MAX_ROWS], total[MAX_ROWS], slope[MAX_ROWS];
	const char *mask[MAX_ROWS];
};

/* Elements of this lane, in parts of 32; the last one again where a row has no more. */
INLINE void load(float *v, uint32_t parts, uint32_t type, const char *from, uint32_t count)
{
	FOR(c, parts) {
		uint32_t i = c * LANES + ogpu_lane() % LANES;

		v[c] = number(type, from, i < count ? i : count - 1);
	}
}

/* The products of 32 keys with the rows, each lane its own; keys past the end give anything. */
INLINE void score(const struct rows *r, uint32_t rows, uint32_t parts, uint32_t type,
		  const struct tensor *k, const char *from, uint32_t count, float *score)
{
	const uint32_t lane = ogpu_lane() % LANES;
	unsigned long mine[MAX_ROWS] = { 0 };
	float key[MAX_PARTS];

	for (uint32_t j = 0; j < count; j++, from += k->stride[1]) {
		const unsigned long here = ogpu_mask(lane == j);

		load(key, parts, type, from, k->size[0]);
		FOR(t, rows) {
			float sum = 0;

			FOR(c, parts)
				sum += r->query[t][c] * key[c];
			mine[t] |= OGPU_WAVE_OP1(2, 16, bits_of(sum)) & here;
		}
	}
	FOR(t, rows)
		score[t] = ogpu_f32_from_bits(mine[t]);
}

/* n: heads with the first base of ALiBi's slopes. f: scale, bias, its two bases, cap. */
INLINE void attend(const struct args *args, uint32_t type, uint32_t rows, uint32_t parts)
{
	const struct tensor *q = &args->a, *k = &args->b, *v = &args->c, *d = &args->dst;
	const uint32_t lane = ogpu_lane() % LANES, head_k = ogpu_group_id(1);
	const uint32_t heads = q->size[2] / k->size[2], volume = ogpu_group_id(2);
	const uint32_t volume_k = volume / (q->size[3] / k->size[3]);
	const uint32_t first = ogpu_group_id(0) * rows, last = q->size[1] * heads - 1;
	const char *keys = (const char *)k->data + head_k * k->stride[2] + volume_k * k->stride[3];
	const char *values = (const char *)v->data + head_k * v->stride[2] +
			     volume_k * v->stride[3];
	struct rows r;

	FOR(t, rows) {
		const uint32_t n = first + t < last ? first + t : last;
		const uint32_t token = n / heads, head = head_k * heads + n % heads;

		load(r.query[t], parts, TYPE_F32, (const char *)q->data + token * q->stride[1] +
		     head * q->stride[2] + volume * q->stride[3], q->size[0]);
		FOR(c, parts) {
			r.sum[t][c] = 0;
			r.query[t][c] = ogpu_select_f32(c * LANES + lane < q->size[0],
							r.query[t][c] * args->f[0], 0);
		}
		r.slope[t] = 1;
		if (args->f[1] > 0)
			r.slope[t] = head < args->n[0] ? ogpu_powf(args->f[2], head + 1) :
				     ogpu_powf(args->f[3], 2 * (head - args->n[0]) + 1);
		r.mask[t] = (const char *)args->d.data + token * args->d.stride[1];
		if (args->d.there)
			r.mask[t] += head % args->d.size[2] * args->d.stride[2] +
				     volume % args->d.size[3] * args->d.stride[3];
		r.greatest[t] = args->e.there ? ((const float *)args->e.data)[head] : LOWEST;
		r.total[t] = args->e.there;
	}
	for (uint32_t base = 0; base < k->size[1]; base += LANES) {
		const uint32_t left = k->size[1] - base, count = left < LANES ? left : LANES;
		float weight[MAX_ROWS], bias[MAX_ROWS], value[MAX_PARTS];
		bool none = true;

		FOR(t, rows) {
			bias[t] = 0;
			if (args->d.there)
				bias[t] = r.slope[t] * ((const _Float16 *)r.mask[t])
					  [base + (lane < count ? lane : count - 1)];
			bias[t] = ogpu_select_f32(lane < count, bias[t], -OGPU_INF);
			none &= bias[t] == -OGPU_INF;
		}
		/* Often none of the keys counts for any of the rows. */
		if (ogpu_wave_all(none))
			continue;
		score(&r, rows, parts, type, k, keys + base * k->stride[1], count, weight);
		FOR(t, rows) {
			float x = weight[t], top, before;

			if (args->f[4] != 0)
				x = args->f[4] * ogpu_tanhf(x);
			/* A key that is masked may have any product with the query. */
			x = ogpu_select_f32(bias[t] == -OGPU_INF, -OGPU_INF, x + bias[t]);
			top = ogpu_fmaxf(r.greatest[t], ogpu_wave_max_f32(x));
			before = ogpu_expf(r.greatest[t] - top);
			weight[t] = ogpu_expf(x - top);
			r.greatest[t] = top;
			r.total[t] = r.total[t] * before + ogpu_wave_add_f32(weight[t]);
			FOR(c, parts)
				r.sum[t][c] *= before;
		}
		for (uint32_t j = 0; j < count; j++) {
			load(value, parts, type, values + (base + j) * v->stride[1], v->size[0]);
			FOR(t, rows) {
				const uint32_t bits = ogpu_wave_shuffle(bits_of(weight[t]), j);
				const float w = ogpu_f32_from_bits(bits);

				FOR(c, parts)
					r.sum[t][c] += w * value[c];
			}
		}
	}
	FOR(t, rows) {
		const uint32_t n = first + t;
		float *pd = (float *)((char *)d->data + n / heads * d->stride[2] +
				      (head_k * heads + n % heads) * d->stride[1] +
				      volume * d->stride[3]);
		const float part = r.total[t] != 0 ? 1 / r.total[t] : 0;

		if (n > last)
			continue;
		FOR(c, parts)
			if (c * LANES + lane < v->size[0])
				pd[c * LANES + lane] = r.sum[t][c] * part;
	}
}

/* Names: type of keys and values, rows of a tile, elements of a row at most. */
#define ATTEND(name, type, rows, elements) \
	OGPU_KERNEL void attend_##name##_##rows##_##elements(const struct args *args) \
	{ \
		attend(args, type, rows, (elements) / LANES); \
	}
#define ATTEND_OF(NAME, name) \
	ATTEND(name, TYPE_##NAME, 1, 64) \
	ATTEND(name, TYPE_##NAME, 4, 64) \
	ATTEND(name, TYPE_##NAME, 1, 128) \
	ATTEND(name, TYPE_##NAME, 2, 128) \
	ATTEND(name, TYPE_##NAME, 1, 256) \
	ATTEND(name, TYPE_##NAME, 1, 576)
ATTENDED(ATTEND_OF)
