// SPDX-License-Identifier: MIT
/*
 * Products of rows of a with rows of b. A wave forms a tile of them; its lanes share the elements
 * of a row, 32 at a time. What is in the inner loop counts, and what is done once for a tile: rows
 * of small models are short. So everything is unrolled into registers, and each lane ends up with
 * one product of the tile, to be stored by all at a time.
 */
#include <stdbool.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "args.h"
#include "types.h"

#define LANES		32
#define INLINE		static inline __attribute__((always_inline))
#define FOR(i, n)	_Pragma("GCC unroll 8") for (uint32_t i = 0; i < (n); i++)

struct tile {
	const char *a[TILE_VECTOR], *b[TILE_B];
	float sum[TILE_VECTOR][TILE_B];
};

/*
 * Each lane multiplies what is its own of 32 elements, which are so many places further on. At the
 * end of a row the last one does for those that are past it, with zeros instead.
 */
INLINE void multiply(struct tile *t, uint32_t type_a, uint32_t type_b, uint32_t tile_a,
		     uint32_t tile_b, uint32_t place, bool end, bool there)
{
	float y[TILE_B];

	FOR(j, tile_b) {
		y[j] = number(type_b, t->b[j], place);
		if (end)
			y[j] = ogpu_select_f32(there, y[j], 0);
	}
	FOR(i, tile_a) {
		float x = number(type_a, t->a[i], place);

		if (end)
			x = ogpu_select_f32(there, x, 0);
		FOR(j, tile_b)
			t->sum[i][j] += x * y[j];
	}
}

INLINE void advance(struct tile *t, uint32_t tile_a, uint32_t tile_b, uint32_t bytes_a,
		    uint32_t bytes_b)
{
	FOR(i, tile_a)
		t->a[i] += bytes_a;
	FOR(j, tile_b)
		t->b[j] += bytes_b;
}

/* Rows past the end are the last one once more, whose products are not stored. */
INLINE void products(const struct args *args, uint32_t type_a, uint32_t type_b, uint32_t tile_a,
		     uint32_t tile_b, bool chosen)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const uint32_t lane = ogpu_lane() % LANES, count = a->size[0];
	const uint32_t row_a = ogpu_group_id(0) * tile_a;
	const uint32_t volume = ogpu_group_id(2) / b->size[2];
	const uint32_t plane = ogpu_group_id(2) - volume * b->size[2];
	const uint32_t bytes_a = bytes_of_32(type_a), bytes_b = bytes_of_32(type_b);
	uint32_t row_b = ogpu_group_id(1) * tile_b, k = 0;
	const char *from_a, *from_b;
	unsigned long mine = 0;
	struct tile t = { 0 };
	bool good = true;
	char *pd;

	from_a = (const char *)a->data + plane / args->n[0] * a->stride[2] +
		 volume / args->n[1] * a->stride[3];
	from_b = (const char *)b->data + plane * b->stride[2] + volume * b->stride[3];
	pd = (char *)d->data + row_b * d->stride[1] + plane * d->stride[2] + volume * d->stride[3];
	if (chosen) {
		/* Which matrix of a; zeros come of one that is not there. */
		const struct tensor *c = &args->c;
		uint32_t n = *(const uint32_t *)((const char *)c->data + row_b * c->stride[0] +
						 plane * c->stride[1]);

		good = n < a->size[2];
		from_a = (const char *)a->data + (good ? n : 0) * a->stride[2];
		row_b %= b->size[1];
	}
	FOR(i, tile_a) {
		uint32_t n = row_a + i < a->size[1] ? row_a + i : a->size[1] - 1;

		t.a[i] = from_a + n * a->stride[1];
	}
	FOR(j, tile_b) {
		uint32_t n = row_b + j < b->size[1] ? row_b + j : b->size[1] - 1;

		t.b[j] = from_b + n * b->stride[1];
	}
	if (!bytes_a) {
		/* In blocks of 256. */
		for (; k < count; k += LANES)
			multiply(&t, type_a, type_b, tile_a, tile_b, k + lane, false, true);
	}
	if (type_a == TYPE_F32 || type_a == TYPE_F16) {
		for (; k + 4 * LANES <= count; k += 4 * LANES) {
			FOR(u, 4)
				multiply(&t, type_a, type_b, tile_a, tile_b, lane + u * LANES,
					 false, true);
			advance(&t, tile_a, tile_b, 4 * bytes_a, 4 * bytes_b);
		}
	}
	for (; k + LANES <= count; k += LANES) {
		multiply(&t, type_a, type_b, tile_a, tile_b, lane, false, true);
		advance(&t, tile_a, tile_b, bytes_a, bytes_b);
	}
	if (k < count)
		multiply(&t, type_a, type_b, tile_a, tile_b,
			 k + lane < count ? lane : count - k - 1, true, k + lane < count);
	/* No lane has gone a way of its own: all are together wherever the compiler puts this. */
	FOR(i, tile_a) {
		FOR(j, tile_b) {
			unsigned long bits, all;

			/* The compiler would keep the sums where integers are. */
			__asm__("fmv.x.w %0, %1" : "=r"(bits) : "f"(t.sum[i][j]));
			all = OGPU_WAVE_OP1(2, 16, bits);
			mine |= all & ogpu_mask(lane == i + j * tile_a);
		}
	}
	if (lane < tile_a * tile_b) {
		const uint32_t i = lane % tile_a, j = lane / tile_a;

		if (row_a + i < a->size[1] && (chosen || row_b + j < b->size[1]))
			((uint32_t *)(pd + j * d->stride[1]))[row_a + i] = good ? mine : 0;
	}
}

#define PRODUCTS(name, type_a, type_b) \
	OGPU_KERNEL void mul_mat_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, TILE_A, TILE_B, false); \
	} \
	OGPU_KERNEL void mul_vec_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, TILE_VECTOR, 1, false); \
	}
/* With the matrices that c chooses for each row of b too. */
#define PRODUCTS_F32(name, type_a) \
	PRODUCTS(name, type_a, TYPE_F32) \
	OGPU_KERNEL void mul_id_##name(const struct args *args) \
	{ \
		products(args, type_a, TYPE_F32, TILE_VECTOR, 1, true); \
	}
PRODUCTS(f16_f16, TYPE_F16, TYPE_F16)

#define OF_TYPE(NAME, name, number, bytes, numbers)	PRODUCTS_F32(name, TYPE_##NAME)
WEIGHTS(OF_TYPE)
