// SPDX-License-Identifier: MIT
/*
 * Products of rows of a with rows of b. Each lane of a wave has a row of a, and the wave's tile of
 * rows of b is the same for all lanes: numbers of b are loaded once for all, and each lane's sums
 * are its own. So numbers come out of blocks eight at a time, and at the end there is nothing to
 * sum up.
 */
#include <stdbool.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "args.h"
#include "types.h"

#define FOR(i, n)	_Pragma("GCC unroll 16") for (uint32_t i = 0; i < (n); i++)

/* Where matrices begin. */
struct operands {
	const uint8_t *a;
	const char *b;
	char *d;
	bool good;	/* a is there: zeros come of one that is not */
};

/* For row row_d of the result; if the matrix is chosen, c says for each row which of a it is. */
INLINE struct operands operands(const struct args *args, uint32_t row_d, bool chosen)
{
	const struct tensor *a = &args->a, *b = &args->b, *c = &args->c, *d = &args->dst;
	const uint32_t volume = ogpu_group_id(2) / b->size[2];
	const uint32_t plane = ogpu_group_id(2) - volume * b->size[2];
	struct operands o = { .good = true };
	uint64_t offset = plane / args->n[0] * a->stride[2] + volume / args->n[1] * a->stride[3];

	if (chosen) {
		uint32_t n = *(const uint32_t *)((const char *)c->data + row_d * c->stride[0] +
						 plane * c->stride[1]);

		o.good = n < a->size[2];
		offset = (o.good ? n : 0) * a->stride[2];
	}
	o.a = (const uint8_t *)a->data + offset;
	o.b = (const char *)b->data + plane * b->stride[2] + volume * b->stride[3];
	o.d = (char *)d->data + row_d * d->stride[1] + plane * d->stride[2] +
	      volume * d->stride[3];
	return o;
}

/* Rows past the end are the last one once more, whose products are not stored. */
INLINE uint64_t row_of(const struct tensor *t, uint32_t n)
{
	return (n < t->size[1] ? n : t->size[1] - 1) * t->stride[1];
}

INLINE void products(const struct args *args, uint32_t type_a, uint32_t type_b, uint32_t tile,
		     bool chosen)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const uint32_t row_a = ogpu_global_id(0), row_d = ogpu_group_id(1) * tile;
	const uint32_t row_b = chosen ? row_d % b->size[1] : row_d, count = a->size[0];
	const struct operands o = operands(args, row_d, chosen);
	const uint8_t *from = o.a + row_of(a, row_a);
	struct scale scale = { 0 };
	float sum[TILE] = { 0 };
	const char *rows_b[TILE];
	uint32_t k = 0;

	FOR(j, tile)
		rows_b[j] = o.b + row_of(b, row_b + j);
	for (; k + 8 <= count; k += 8) {
		float x[8];

		if (block_numbers(type_a) > 1 && k % scale_numbers(type_a) == 0)
			scale = scale_of(type_a, from + k / block_numbers(type_a) *
					 block_bytes(type_a), k % block_numbers(type_a));
		eight_numbers(type_a, from, k, scale, x);
		FOR(j, tile) {
			FOR(i, 8)
				sum[j] += x[i] * number(type_b, rows_b[j], i);
			rows_b[j] += 8 * block_bytes(type_b);
		}
	}
	for (; block_numbers(type_a) == 1 && k < count; k++) {
		float x = number(type_a, from, k);

		FOR(j, tile) {
			sum[j] += x * number(type_b, rows_b[j], 0);
			rows_b[j] += block_bytes(type_b);
		}
	}
	if (row_a >= a->size[1])
		return;
	FOR(j, tile)
		if (row_d + j < d->size[1])
			((float *)(o.d + j * d->stride[1]))[row_a] = o.good ? sum[j] : 0;
}

#define PRODUCTS(name, type_a, type_b) \
	OGPU_KERNEL void mul_mat_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, TILE, false); \
	} \
	OGPU_KERNEL void mul_few_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, TILE_FEW, false); \
	} \
	OGPU_KERNEL void mul_vec_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, 1, false); \
	}
/* With the matrices that c chooses for each row of b too. */
#define PRODUCTS_F32(NAME, name, number, bytes, numbers) \
	PRODUCTS(name, TYPE_##NAME, TYPE_F32) \
	OGPU_KERNEL void mul_id_##name(const struct args *args) \
	{ \
		products(args, TYPE_##NAME, TYPE_F32, 1, true); \
	}

PRODUCTS(f16_f16, TYPE_F16, TYPE_F16)
WEIGHTS(PRODUCTS_F32)
