// SPDX-License-Identifier: MIT
/*
 * Operations of ggml on the card. Groups of the kernels that go element by element have any shape:
 * x runs over the elements of a row, y over rows, z over planes. Those that form something of a
 * whole row have one wave for each.
 */
#include <stdbool.h>
#include <stddef.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "args.h"
#include "quantize.h"
#include "types.h"

#define LANES	32

static inline float get(uint32_t type, const char *p)
{
	if (type == TYPE_F16)
		return *(const _Float16 *)p;
	if (type == TYPE_BF16)
		return ogpu_bf16_to_f32(*(const uint16_t *)p);
	return *(const float *)p;
}

static inline void put(uint32_t type, char *p, float v)
{
	if (type == TYPE_F16)
		*(_Float16 *)p = v;
	else if (type == TYPE_BF16)
		*(uint16_t *)p = ogpu_f32_to_bf16(v);
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

OGPU_KERNEL void unary(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const uint32_t op = args->op;
	const char *pa;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	pd = row(d, &at);
	EACH(i, d->size[0]) {
		float x = get(a->type, pa + i * a->stride[0]);

		if (op == UNARY_NEG)
			x = -x;
		else if (op == UNARY_TANH)
			x = ogpu_tanhf(x);
		else if (op == UNARY_SIGMOID)
			x = 1 / (1 + ogpu_expf(-x));
		else
			x = gate(op == UNARY_RELU ? GLU_RELU : op == UNARY_GELU ? GLU_GELU :
				 GLU_SILU, x);
		put(d->type, pd + i * d->stride[0], x);
	}
}

OGPU_KERNEL void clamp(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const char *pa;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	pd = row(d, &at);
	EACH(i, d->size[0]) {
		float x = get(a->type, pa + i * a->stride[0]);

		put(d->type, pd + i * d->stride[0],
		    ogpu_fminf(ogpu_fmaxf(x, args->f[0]), args->f[1]));
	}
}

/* Where an element of the result comes from: the same place or, if shapes differ, in order. */
static inline const char *source(const struct args *args, const struct place *at, uint32_t i)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	uint64_t n, r, p, v;

	if (args->n[0])
		return row(a, at) + i * a->stride[0];
	n = ((uint64_t)(at->volume * d->size[2] + at->plane) * d->size[1] + at->row) * d->size[0] +
	    i;
	r = n / a->size[0];
	p = r / a->size[1];
	v = p / a->size[2];
	return (const char *)a->data + (n - r * a->size[0]) * a->stride[0] +
	       (r - p * a->size[1]) * a->stride[1] + (p - v * a->size[2]) * a->stride[2] +
	       v * a->stride[3];
}

/* n[0]: of the same shape. */
OGPU_KERNEL void copy(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pd = row(d, &at);
	EACH(i, d->size[0])
		put(d->type, pd + i * d->stride[0], get(a->type, source(args, &at, i)));
}

/* Elements, or blocks, of n[1] bytes as they are. */
OGPU_KERNEL void copy_bytes(const struct args *args)
{
	const struct tensor *d = &args->dst;
	const uint32_t bytes = args->n[1];
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	EACH(i, d->size[0]) {
		const char *pa = source(args, &at, i);

		pd = row(d, &at) + i * d->stride[0];
		if (bytes == 4)
			*(uint32_t *)pd = *(const uint32_t *)pa;
		else
			for (uint32_t k = 0; k < bytes; k++)
				pd[k] = pa[k];
	}
}

/* Of blocks, of the same shape. */
OGPU_KERNEL void copy_from_blocks(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	struct place at;
	char *pd;

	if (!find(d, &at))
		return;
	pd = row(d, &at);
	EACH(i, d->size[0])
		put(d->type, pd + i * d->stride[0], number(a->type, row(a, &at), i));
}

/* Block i of a row that begins at pd, from the numbers of one at pa. */
static inline void put_block_of(const struct tensor *d, char *pd, const struct tensor *a,
				const char *pa, uint32_t i)
{
	float v[BLOCK];

	for (uint32_t k = 0; k < BLOCK; k++)
		v[k] = get(a->type, pa + (i * BLOCK + k) * a->stride[0]);
	put_block(d->type, (uint8_t *)pd + i * block_bytes(d->type), v);
}

/* To blocks, of the same shape; each work-item makes one. */
OGPU_KERNEL void copy_to_blocks(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const uint32_t i = ogpu_global_id(0);
	struct place at;

	if (find(d, &at) && i < d->size[0] / BLOCK)
		put_block_of(d, row(d, &at), a, row(a, &at), i);
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

/* The row of the result that a row of a goes to; NULL if it has no such row. */
static inline char *row_to_set(const struct args *args, const struct place *at)
{
	const struct tensor *b = &args->b, *d = &args->dst;
	const char *pb = (const char *)b->data + at->row * b->stride[0] +
			 at->plane % b->size[1] * b->stride[1] +
			 at->volume % b->size[2] * b->stride[2];
	uint64_t n = b->type == TYPE_I64 ? *(const uint64_t *)pb : *(const uint32_t *)pb;

	if (n >= d->size[1])
		return NULL;
	return (char *)d->data + n * d->stride[1] + at->plane * d->stride[2] +
	       at->volume * d->stride[3];
}

/* The other way; a row whose number is none of the result is left out. */
OGPU_KERNEL void set_rows(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	struct place at;
	char *pd;

	if (!find(a, &at))
		return;
	pd = row_to_set(args, &at);
	if (!pd)
		return;
	EACH(i, a->size[0])
		put(d->type, pd + i * d->stride[0], get(a->type, row(a, &at) + i * a->stride[0]));
}

OGPU_KERNEL void set_rows_to_blocks(const struct args *args)
{
	const struct tensor *a = &args->a;
	const uint32_t i = ogpu_global_id(0);
	struct place at;
	char *pd;

	if (!find(a, &at) || i >= a->size[0] / BLOCK)
		return;
	pd = row_to_set(args, &at);
	if (pd)
		put_block_of(&args->dst, pd, a, row(a, &at), i);
}

OGPU_KERNEL void sum_rows(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const char *pa;
	struct place at;
	float sum = 0;

	if (!find(d, &at))
		return;
	pa = row(a, &at);
	for (uint32_t i = ogpu_lane(); i < a->size[0]; i += LANES)
		sum += *(const float *)(pa + i * a->stride[0]);
	ogpu_wave_barrier();
	sum = ogpu_wave_add_f32(sum);
	if (!ogpu_lane())
		*(float *)row(d, &at) = sum;
}

/*
 * Where each number of a row comes when they are sorted: behind as many as are before it. n[0]: the
 * greatest first. Numbers that are none come last.
 */
OGPU_KERNEL void argsort(const struct args *args)
{
	const struct tensor *a = &args->a, *d = &args->dst;
	const uint32_t n = a->size[0];
	struct place at;
	const float *pa;
	int *pd;

	if (!find(d, &at))
		return;
	pa = (const float *)row(a, &at);
	pd = (int *)row(d, &at);
	EACH(i, n) {
		const float mine = pa[i];
		uint32_t before = 0;

		for (uint32_t k = 0; k < n; k++) {
			const float other = pa[k];
			bool first = args->n[0] ? other > mine : other < mine;

			first |= mine != mine && other == other;
			before += first | ((k < i) & ((other == mine) |
						      ((other != other) & (mine != mine))));
		}
		pd[before] = i;
	}
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
