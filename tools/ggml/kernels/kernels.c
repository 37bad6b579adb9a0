// SPDX-License-Identifier: MIT
/*
 * Operations of ggml on the card. Groups of the kernels that go element by element have any shape:
 * x runs over the elements of a row, y over rows, z over planes. Those that form something of a
 * whole row have one wave for each.
 */
#include <stdbool.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "args.h"

#define LANES	32

static inline float get(uint32_t type, const char *p)
{
	if (type == TYPE_F16)
		return *(const _Float16 *)p;
	return *(const float *)p;
}

static inline void put(uint32_t type, char *p, float v)
{
	if (type == TYPE_F16)
		*(_Float16 *)p = v;
	else
		*(float *)p = v;
}

/* Where this work-item is: row, plane, volume. */
struct place {
	uint32_t row, plane, volume;
};

static inline bool find(const struct tensor *t, struct place *p)
{
	uint32_t z = ogpu_global_id(2);

	p->row = ogpu_global_id(1);
	p->volume = z / t->size[2];
	p->plane = z - p->volume * t->size[2];
	return p->row < t->size[1];
}

static inline char *row(const struct tensor *t, const struct place *p)
{
	return (char *)t->data + p->row * t->stride[1] + p->plane * t->stride[2] +
	       p->volume * t->stride[3];
}

/* Of an operand that is repeated until it is as large as the result. */
static inline const char *repeated(const struct tensor *t, const struct place *p)
{
	return (const char *)t->data + p->row % t->size[1] * t->stride[1] +
	       p->plane % t->size[2] * t->stride[2] + p->volume % t->size[3] * t->stride[3];
}

#define EACH(i, n)	for (uint32_t i = ogpu_global_id(0); i < (n); i += ogpu_global_size(0))

OGPU_KERNEL void binary(const struct args *args)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const uint32_t op = args->op;
	const char *pa, *pb;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	pb = repeated(b, &at);
	pd = row(d, &at);
	EACH(i, d->size[0]) {
		float x = get(a->type, pa + i * a->stride[0]);
		float y = get(b->type, pb + (b->size[0] == d->size[0] ? i : i % b->size[0]) *
			      b->stride[0]);

		if (op == BINARY_ADD)
			x += y;
		else if (op == BINARY_SUB)
			x -= y;
		else if (op == BINARY_MUL)
			x *= y;
		else
			x /= y;
		put(d->type, pd + i * d->stride[0], x);
	}
}

OGPU_KERNEL void scale(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const char *pa;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	pd = row(d, &at);
	EACH(i, d->size[0])
		put(d->type, pd + i * d->stride[0],
		    get(a->type, pa + i * a->stride[0]) * args->f[0] + args->f[1]);
}

static inline float gate(uint32_t op, float x)
{
	if (op == GLU_RELU)
		return ogpu_fmaxf(x, 0);
	if (op == GLU_SILU)
		return x / (1 + ogpu_expf(-x));
	return 0.5f * x * (1 + ogpu_tanhf(0.79788456080286535588f * x * (1 + 0.044715f * x * x)));
}

/* The gate of one half of a row times the other half, or of a times b. */
OGPU_KERNEL void glu(const struct args *args)
{
	const struct tensor *a = &args->a, *b = args->b.there ? &args->b : a, *d = &args->dst;
	const char *pa, *pb;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	pb = row(b, &at);
	pd = row(d, &at);
	if (!args->b.there) {
		const uint64_t half = d->size[0] * a->stride[0];

		pa += args->n[0] ? half : 0;
		pb += args->n[0] ? 0 : half;
	}
	EACH(i, d->size[0]) {
		float x = get(a->type, pa + i * a->stride[0]);

		put(d->type, pd + i * d->stride[0],
		    gate(args->op, x) * get(b->type, pb + i * b->stride[0]));
	}
}

/* Copies element by element, in their order, whatever the shapes are. */
OGPU_KERNEL void copy(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const bool same = args->n[0];
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pd = row(d, &at);
	EACH(i, d->size[0]) {
		const char *pa = row(a, &at) + i * a->stride[0];

		if (!same) {
			uint64_t n = ((uint64_t)(at.volume * d->size[2] + at.plane) * d->size[1] +
				      at.row) * d->size[0] + i;
			uint64_t r = n / a->size[0], p = r / a->size[1], v = p / a->size[2];

			pa = (const char *)a->data + (n - r * a->size[0]) * a->stride[0] +
			     (r - p * a->size[1]) * a->stride[1] +
			     (p - v * a->size[2]) * a->stride[2] + v * a->stride[3];
		}
		if (a->type == TYPE_I32)
			*(uint32_t *)(pd + i * d->stride[0]) = *(const uint32_t *)pa;
		else
			put(d->type, pd + i * d->stride[0], get(a->type, pa));
	}
}

/* The number i of a row of any type. */
static inline float number(uint32_t type, const char *p, uint32_t i)
{
	if (type == TYPE_Q8_0) {
		p += i / Q8_0_NUMBERS * Q8_0_BYTES;
		return (float)*(const _Float16 *)p *
		       ((const signed char *)p)[2 + i % Q8_0_NUMBERS];
	}
	return type == TYPE_F16 ? (float)((const _Float16 *)p)[i] : ((const float *)p)[i];
}

/* Rows of a by numbers in b; a number that is none of a row gives zeros. */
OGPU_KERNEL void get_rows(const struct args *args)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const char *pa;
	struct place at;
	bool good;
	float *pd;
	int n;

	if (!find(d, &at))
		return;
	n = *(const int *)((const char *)b->data + at.row * b->stride[0] +
			   at.plane * b->stride[1] + at.volume * b->stride[2]);
	good = n >= 0 && (uint32_t)n < a->size[1];
	pa = (const char *)a->data + (good ? n : 0) * a->stride[1] + at.plane * a->stride[2] +
	     at.volume * a->stride[3];
	pd = (float *)row(d, &at);
	EACH(i, d->size[0])
		pd[i] = good ? number(a->type, pa, i) : 0;
}

/* The other way; a row whose number is none of the result is left out. */
OGPU_KERNEL void set_rows(const struct args *args)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const char *pa, *pb;
	struct place at;
	uint64_t n;
	char *pd;

	if (!find(a, &at))
		return;
	pb = (const char *)b->data + at.row * b->stride[0] + at.plane % b->size[1] * b->stride[1] +
	     at.volume % b->size[2] * b->stride[2];
	n = b->type == TYPE_I64 ? *(const uint64_t *)pb : *(const uint32_t *)pb;
	if (n >= d->size[1])
		return;
	pa = row(a, &at);
	pd = (char *)d->data + n * d->stride[1] + at.plane * d->stride[2] +
	     at.volume * d->stride[3];
	EACH(i, a->size[0])
		put(d->type, pd + i * d->stride[0], *(const float *)(pa + i * a->stride[0]));
}

OGPU_KERNEL void rms_norm(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const uint32_t n = d->size[0];
	const float *pa;
	struct place at;
	float sum = 0, *pd;

	if (!find(d, &at))
		return;
	pa = (const float *)row(a, &at);
	pd = (float *)row(d, &at);
	for (uint32_t i = ogpu_lane(); i < n; i += LANES)
		sum += pa[i] * pa[i];
	ogpu_wave_barrier();
	sum = 1 / __builtin_sqrtf(ogpu_wave_add_f32(sum) / n + args->f[0]);
	for (uint32_t i = ogpu_lane(); i < n; i += LANES)
		pd[i] = pa[i] * sum;
}

/* f: scale, ALiBi's greatest bias and its two bases; n[0]: heads of the first base. */
OGPU_KERNEL void soft_max(const struct args *args)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const uint32_t n = d->size[0];
	float slope = 1, top = -OGPU_INF, sum = 0, *pd;
	const char *pb = 0;
	const float *pa;
	struct place at;

	if (!find(d, &at))
		return;
	pa = (const float *)row(a, &at);
	pd = (float *)row(d, &at);
	if (b->there)
		pb = repeated(b, &at);
	if (args->f[1] > 0)
		slope = at.plane < args->n[0] ? ogpu_powf(args->f[2], at.plane + 1) :
			ogpu_powf(args->f[3], 2 * (at.plane - args->n[0]) + 1);
	for (uint32_t i = ogpu_lane(); i < n; i += LANES) {
		float x = pa[i] * args->f[0];

		if (pb)
			x += slope * get(b->type, pb + i * b->stride[0]);
		pd[i] = x;
		top = ogpu_fmaxf(top, x);
	}
	ogpu_wave_barrier();
	top = ogpu_wave_max_f32(top);
	for (uint32_t i = ogpu_lane(); i < n; i += LANES) {
		pd[i] = ogpu_expf(pd[i] - top);
		sum += pd[i];
	}
	ogpu_wave_barrier();
	sum = 1 / ogpu_wave_add_f32(sum);
	for (uint32_t i = ogpu_lane(); i < n; i += LANES)
		pd[i] *= sum;
}

/*
 * Each work-item turns one pair of numbers. n: how many numbers of a row are turned, 1 if those of
 * a pair are half of that apart. f: step of the frequency, its scale, YaRN's share, factor, bounds.
 */
OGPU_KERNEL void rope(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const uint32_t turned = args->n[0], pair = ogpu_global_id(0);
	uint32_t first = 2 * pair, second = 2 * pair + 1;
	float whole, angle, factor = args->f[3], sine, cosine, x, y;
	struct place at;
	const char *pa;
	char *pd;

	if (!find(d, &at) || first >= d->size[0])
		return;
	pa = row(a, &at);
	pd = row(d, &at);
	if (first >= turned) {
		put(d->type, pd + first * d->stride[0], get(a->type, pa + first * a->stride[0]));
		put(d->type, pd + second * d->stride[0], get(a->type, pa + second * a->stride[0]));
		return;
	}
	whole = ((const int *)args->b.data)[at.plane] * ogpu_powf(args->f[0], pair);
	if (args->c.there)
		whole /= ((const float *)args->c.data)[pair];
	angle = whole * args->f[1];
	if (args->f[2] != 0) {
		float ramp = (pair - args->f[4]) / ogpu_fmaxf(0.001f, args->f[5] - args->f[4]);
		float share = (1 - ogpu_fminf(1, ogpu_fmaxf(0, ramp))) * args->f[2];

		angle = angle * (1 - share) + whole * share;
		factor *= 1 - 0.1f * ogpu_logf(args->f[1]);
	}
	ogpu_sincosf(angle, &sine, &cosine);
	if (args->n[1]) {
		first = pair;
		second = pair + turned / 2;
	}
	x = get(a->type, pa + first * a->stride[0]);
	y = get(a->type, pa + second * a->stride[0]);
	put(d->type, pd + first * d->stride[0], factor * (x * cosine - y * sine));
	put(d->type, pd + second * d->stride[0], factor * (x * sine + y * cosine));
}

/*
 * Products of rows of a with rows of b. A wave forms a tile of them; its lanes share the elements
 * of a row. Rows past the end are the last one once more, whose products are not stored.
 */
static inline void products(const struct args *args, uint32_t type_a, uint32_t type_b,
			    uint32_t tile_b)
{
	const struct tensor *a = &args->a, *b = &args->b, *d = &args->dst;
	const uint32_t row_a = ogpu_group_id(0) * TILE_A, row_b = ogpu_group_id(1) * tile_b;
	const uint32_t volume = ogpu_group_id(2) / b->size[2];
	const uint32_t plane = ogpu_group_id(2) - volume * b->size[2];
	const char *pa[TILE_A], *pb[TILE_B];
	float sum[TILE_A][TILE_B] = { 0 };
	char *pd;

	for (uint32_t i = 0; i < TILE_A; i++) {
		uint32_t n = row_a + i < a->size[1] ? row_a + i : a->size[1] - 1;

		pa[i] = (const char *)a->data + n * a->stride[1] +
			plane / args->n[0] * a->stride[2] + volume / args->n[1] * a->stride[3];
	}
	for (uint32_t j = 0; j < tile_b; j++) {
		uint32_t n = row_b + j < b->size[1] ? row_b + j : b->size[1] - 1;

		pb[j] = (const char *)b->data + n * b->stride[1] + plane * b->stride[2] +
			volume * b->stride[3];
	}
	for (uint32_t k = ogpu_lane(); k < a->size[0]; k += LANES) {
		float x[TILE_A], y[TILE_B];

		_Pragma("GCC unroll 4")
		for (uint32_t i = 0; i < TILE_A; i++)
			x[i] = number(type_a, pa[i], k);
		_Pragma("GCC unroll 4")
		for (uint32_t j = 0; j < tile_b; j++)
			y[j] = number(type_b, pb[j], k);
		_Pragma("GCC unroll 4")
		for (uint32_t i = 0; i < TILE_A; i++)
			_Pragma("GCC unroll 4")
			for (uint32_t j = 0; j < tile_b; j++)
				sum[i][j] += x[i] * y[j];
	}
	ogpu_wave_barrier();
	pd = (char *)d->data + plane * d->stride[2] + volume * d->stride[3];
	for (uint32_t i = 0; i < TILE_A; i++) {
		for (uint32_t j = 0; j < tile_b; j++) {
			float all = ogpu_wave_add_f32(sum[i][j]);

			if (row_a + i < a->size[1] && row_b + j < b->size[1] && !ogpu_lane())
				((float *)(pd + (row_b + j) * d->stride[1]))[row_a + i] = all;
			ogpu_wave_barrier();
		}
	}
}

#define PRODUCTS(name, type_a, type_b) \
	OGPU_KERNEL void mul_mat_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, TILE_B); \
	} \
	OGPU_KERNEL void mul_vec_##name(const struct args *args) \
	{ \
		products(args, type_a, type_b, 1); \
	}
PRODUCTS(f32_f32, TYPE_F32, TYPE_F32)
PRODUCTS(f16_f32, TYPE_F16, TYPE_F32)
PRODUCTS(f16_f16, TYPE_F16, TYPE_F16)
PRODUCTS(q8_0_f32, TYPE_Q8_0, TYPE_F32)
