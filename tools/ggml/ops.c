// SPDX-License-Identifier: MIT
/*
 * Which operations the card does, and how each becomes a dispatch. An operation with a parameter
 * that is not known here is refused: ggml adds some without a new version of its plug-in interface.
 */
#include <math.h>
#include <string.h>

#include "card.h"

#define LONGEST_SORT	4096	/* each number of a row is compared with each */

#define PARAMS	((int)(GGML_MAX_OP_PARAMS / sizeof(int32_t)))

static int32_t param(const struct ggml_tensor *t, int n)
{
	int32_t v;

	memcpy(&v, (const char *)t->op_params + n * sizeof(v), sizeof(v));
	return v;
}

static float param_float(const struct ggml_tensor *t, int n)
{
	float v;

	memcpy(&v, (const char *)t->op_params + n * sizeof(v), sizeof(v));
	return v;
}

/* No parameter from number n on is anything but zero. */
static bool only(const struct ggml_tensor *t, int n)
{
	for (; n < PARAMS; n++)
		if (param(t, n))
			return false;
	return true;
}

static bool is(const struct ggml_tensor *t, enum ggml_type type)
{
	return t && t->type == type;
}

static bool is_float(const struct ggml_tensor *t)
{
	return is(t, GGML_TYPE_F32) || is(t, GGML_TYPE_F16);
}

static bool is_number(const struct ggml_tensor *t)
{
	return is_float(t) || is(t, GGML_TYPE_BF16);
}

/* The kernels of a type of weights; without a name there are none. */
#define KERNELS(NAME, name, number, bytes, numbers) \
	[number] = { "mul_mat_" #name, "mul_few_" #name, "mul_vec_" #name, "mul_id_" #name },
static const struct kernels {
	const char *many, *few, *one, *chosen;
} kernels[GGML_TYPE_COUNT] = { WEIGHTS(KERNELS) };

static bool is_weight(const struct ggml_tensor *t)
{
	return t && t->type < GGML_TYPE_COUNT && kernels[t->type].many;
}

/* Blocks that the card can make of numbers. */
static bool is_made(const struct ggml_tensor *t)
{
	return is(t, GGML_TYPE_Q4_0) || is(t, GGML_TYPE_Q4_1) || is(t, GGML_TYPE_Q5_0) ||
	       is(t, GGML_TYPE_Q5_1) || is(t, GGML_TYPE_Q8_0) || is(t, GGML_TYPE_IQ4_NL);
}

/* Elements of a row lie one behind the other. */
static bool dense(const struct ggml_tensor *t)
{
	return t->nb[0] == ggml_type_size(t->type);
}

/* A tensor that kernels can count in 32 bits, the bytes of a row too. */
static bool countable(const struct ggml_tensor *t)
{
	return !t || (t->ne[0] < 1 << 30 && t->ne[1] < INT32_MAX &&
		      t->ne[2] * t->ne[3] < INT32_MAX && ggml_nelements(t) < 1ll << 40);
}

bool op_is_nothing(const struct ggml_tensor *t)
{
	return t->op == GGML_OP_NONE || t->op == GGML_OP_RESHAPE || t->op == GGML_OP_VIEW ||
	       t->op == GGML_OP_PERMUTE || t->op == GGML_OP_TRANSPOSE || ggml_is_empty(t);
}

static bool mul_mat_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0], *b = t->src[1];
	bool types = is(b, GGML_TYPE_F32) ? is_weight(a) :
		     is(a, GGML_TYPE_F16) && is(b, GGML_TYPE_F16);

	/* The first parameter asks for more precision than half: sums are of floats anyhow. */
	return types && is(t, GGML_TYPE_F32) && dense(a) && dense(b) && dense(t) && only(t, 1) &&
	       (param(t, 0) == GGML_PREC_DEFAULT || param(t, 0) == GGML_PREC_F32);
}

static bool mul_mat_id_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0], *b = t->src[1];

	return is_weight(a) && is(b, GGML_TYPE_F32) && is(t->src[2], GGML_TYPE_I32) &&
	       is(t, GGML_TYPE_F32) && dense(a) && dense(b) && dense(t) && only(t, 1) &&
	       (param(t, 0) == GGML_PREC_DEFAULT || param(t, 0) == GGML_PREC_F32);
}

static int unary_kind(const struct ggml_tensor *t)
{
	switch (param(t, 0)) {
	case GGML_UNARY_OP_NEG:
		return UNARY_NEG;
	case GGML_UNARY_OP_RELU:
		return UNARY_RELU;
	case GGML_UNARY_OP_GELU:
		return UNARY_GELU;
	case GGML_UNARY_OP_SILU:
		return UNARY_SILU;
	case GGML_UNARY_OP_TANH:
		return UNARY_TANH;
	case GGML_UNARY_OP_SIGMOID:
		return UNARY_SIGMOID;
	default:
		return -1;
	}
}

static bool rope_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0], *b = t->src[1], *c = t->src[2];
	const int turned = param(t, 1), mode = param(t, 2);

	return is_float(a) && t->type == a->type && is(b, GGML_TYPE_I32) &&
	       (!c || is(c, GGML_TYPE_F32)) && (mode == 0 || mode == GGML_ROPE_TYPE_NEOX) &&
	       turned > 0 && turned % 2 == 0 && turned <= t->ne[0] && t->ne[0] % 2 == 0 &&
	       only(t, 11);
}

static bool soft_max_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0], *mask = t->src[1];

	return is(a, GGML_TYPE_F32) && is(t, GGML_TYPE_F32) && dense(a) && dense(t) &&
	       (!mask || is_float(mask)) && !t->src[2] && only(t, 2);
}

static bool copy_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0];

	if (a->type == t->type && (is_number(t) || is(t, GGML_TYPE_I32)))
		return true;
	if (a->type == t->type)
		return ggml_is_quantized(t->type) && dense(a) && dense(t);
	if (is_made(t))
		return is_number(a) && ggml_are_same_shape(a, t) && dense(t);
	if (ggml_is_quantized(a->type))
		return is_weight(a) && is(t, GGML_TYPE_F32) && ggml_are_same_shape(a, t) &&
		       dense(a);
	return is_number(a) && is_number(t);
}

/* Kernels of attention for tiles of one row, and of more, with rows of up to so many elements. */
struct attention {
	uint32_t elements, rows;
	const char *one, *more;
};

#define ATTENTIONS	4
#define ATTENTION(NAME, name) \
	[TYPE_##NAME] = { \
		{ 64, 4, "attend_" #name "_1_64", "attend_" #name "_4_64" }, \
		{ 128, 2, "attend_" #name "_1_128", "attend_" #name "_2_128" }, \
		{ 256, 1, "attend_" #name "_1_256", "attend_" #name "_1_256" }, \
		{ 576, 1, "attend_" #name "_1_576", "attend_" #name "_1_576" }, \
	},
static const struct attention attentions[GGML_TYPE_COUNT][ATTENTIONS] = { ATTENDED(ATTENTION) };

/* The smallest that does; NULL if there is none. */
static const struct attention *attention_of(const struct ggml_tensor *k,
					    const struct ggml_tensor *v)
{
	const struct attention *list = attentions[k->type];

	for (int i = 0; i < ATTENTIONS; i++)
		if (k->ne[0] <= list[i].elements && v->ne[0] <= list[i].elements)
			return &list[i];
	return NULL;
}

static bool attention_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *q = t->src[0], *k = t->src[1], *v = t->src[2];
	const struct ggml_tensor *mask = t->src[3], *sinks = t->src[4];

	return is(q, GGML_TYPE_F32) && is(t, GGML_TYPE_F32) && k->type == v->type &&
	       k->type < GGML_TYPE_COUNT && attention_of(k, v) && dense(q) && dense(k) &&
	       dense(v) && dense(t) && countable(mask) && countable(v) && k->ne[2] == v->ne[2] &&
	       k->ne[3] == v->ne[3] && q->ne[2] % k->ne[2] == 0 && q->ne[3] % k->ne[3] == 0 &&
	       (!mask || (is(mask, GGML_TYPE_F16) && dense(mask))) &&
	       (!sinks || (is(sinks, GGML_TYPE_F32) && dense(sinks))) && only(t, 4) &&
	       (param(t, 3) == GGML_PREC_DEFAULT || param(t, 3) == GGML_PREC_F32);
}

bool op_supported(const struct ggml_tensor *t)
{
	const struct ggml_tensor *a = t->src[0], *b = t->src[1];

	if (op_is_nothing(t))
		return true;
	if (!countable(t) || !countable(a) || !countable(b))
		return false;
	switch (t->op) {
	case GGML_OP_ADD:
	case GGML_OP_SUB:
	case GGML_OP_MUL:
	case GGML_OP_DIV:
		return is_float(a) && is_float(b) && is_float(t) && only(t, 0);
	case GGML_OP_SCALE:
		return is_float(a) && is_float(t) && only(t, 2);
	case GGML_OP_MUL_MAT:
		return mul_mat_supported(t);
	case GGML_OP_MUL_MAT_ID:
		return mul_mat_id_supported(t);
	case GGML_OP_UNARY:
		return is_float(a) && is_float(t) && unary_kind(t) >= 0 && only(t, 1);
	case GGML_OP_CLAMP:
		return is_float(a) && is_float(t) && only(t, 2);
	case GGML_OP_SUM_ROWS:
		return is(a, GGML_TYPE_F32) && is(t, GGML_TYPE_F32) && only(t, 0);
	case GGML_OP_ARGSORT:
		return is(a, GGML_TYPE_F32) && is(t, GGML_TYPE_I32) && dense(a) && dense(t) &&
		       a->ne[0] <= LONGEST_SORT && only(t, 1);
	case GGML_OP_RMS_NORM:
		return is(a, GGML_TYPE_F32) && is(t, GGML_TYPE_F32) && dense(a) && dense(t) &&
		       only(t, 1);
	case GGML_OP_SOFT_MAX:
		return soft_max_supported(t);
	case GGML_OP_FLASH_ATTN_EXT:
		return attention_supported(t);
	case GGML_OP_ROPE:
		return rope_supported(t);
	case GGML_OP_CPY:
	case GGML_OP_CONT:
	case GGML_OP_DUP:
		return copy_supported(t) && only(t, 0);
	case GGML_OP_GET_ROWS:
		return is_weight(a) && is(b, GGML_TYPE_I32) && is(t, GGML_TYPE_F32) && dense(a) &&
		       dense(t) && only(t, 0);
	case GGML_OP_SET_ROWS:
		return is_number(a) && only(t, 0) && dense(t) && (is_number(t) || is_made(t)) &&
		       (is(b, GGML_TYPE_I64) || is(b, GGML_TYPE_I32));
	case GGML_OP_GLU:
		return is_float(a) && is_float(t) && (!b || b->type == a->type) && only(t, 2) &&
		       (param(t, 0) == GGML_GLU_OP_REGLU || param(t, 0) == GGML_GLU_OP_GEGLU ||
			param(t, 0) == GGML_GLU_OP_SWIGLU);
	default:
		return false;
	}
}

/* --- Launches --------------------------------------------------------------------------------- */

static void describe(struct tensor *d, const struct ggml_tensor *t)
{
	memset(d, 0, sizeof(*d));
	if (!t)
		return;
	d->data = (uintptr_t)t->data;
	d->type = t->type;
	d->there = 1;
	for (int i = 0; i < 4; i++) {
		d->size[i] = t->ne[i];
		d->stride[i] = t->nb[i];
	}
}

static void set(uint32_t v[3], uint32_t x, uint32_t y, uint32_t z)
{
	v[0] = x;
	v[1] = y;
	v[2] = z;
}

/* A work-item for each element of a tensor, or each two; groups are wide where rows are long. */
static void by_element(struct launch *l, const char *kernel, const struct ggml_tensor *t, int each)
{
	const uint32_t n = (t->ne[0] + each - 1) / each;
	uint32_t x = 1, y = 1;

	while (x < n && x < 128)
		x *= 2;
	while (y < t->ne[1] && x * y < 128)
		y *= 2;
	l->kernel = kernel;
	set(l->group, x, y, 1);
	set(l->grid, (n + x - 1) / x, (t->ne[1] + y - 1) / y, t->ne[2] * t->ne[3]);
	l->work = 16.0 * ggml_nelements(t);
}

/* A wave for each row. */
static void by_row(struct launch *l, const char *kernel, const struct ggml_tensor *t)
{
	l->kernel = kernel;
	set(l->group, 32, 1, 1);
	set(l->grid, 1, t->ne[1], t->ne[2] * t->ne[3]);
	l->work = 32.0 * ggml_nelements(t);
}

static void mul_mat(const struct ggml_tensor *t, struct launch *l)
{
	static const struct kernels halves = {
		"mul_mat_f16_f16", "mul_few_f16_f16", "mul_vec_f16_f16", NULL
	};
	const struct ggml_tensor *a = t->src[0], *b = t->src[1];
	const struct kernels *set_of = is(b, GGML_TYPE_F16) ? &halves : &kernels[a->type];
	const bool chosen = t->op == GGML_OP_MUL_MAT_ID;
	uint32_t tile = 1;

	if (chosen) {
		l->kernel = set_of->chosen;
	} else if (b->ne[1] == 1) {
		l->kernel = set_of->one;
	} else {
		tile = b->ne[1] <= TILE_FEW ? TILE_FEW : TILE;
		l->kernel = tile == TILE ? set_of->many : set_of->few;
	}
	l->args.n[0] = chosen ? 1 : b->ne[2] / a->ne[2];
	l->args.n[1] = chosen ? 1 : b->ne[3] / a->ne[3];
	set(l->group, 32, 1, 1);
	set(l->grid, (a->ne[1] + 31) / 32, (t->ne[1] + tile - 1) / tile, b->ne[2] * b->ne[3]);
	/* What is out of blocks, or of far places, is as dear as some products. */
	l->work = (2.0 + 6.0 / tile) * a->ne[0] * l->grid[0] * 32 * l->grid[1] * tile * l->grid[2];
}

/* ALiBi's slopes are powers of two bases: n[0] heads have the first. */
static void alibi(struct launch *l, float bias, int64_t count)
{
	uint32_t heads = 1;

	while (2 * heads <= count)
		heads *= 2;
	l->args.f[1] = bias;
	l->args.f[2] = exp2f(-bias / heads);
	l->args.f[3] = exp2f(-bias / 2 / heads);
	l->args.n[0] = heads;
}

static void soft_max(const struct ggml_tensor *t, struct launch *l)
{
	l->args.f[0] = param_float(t, 0);
	alibi(l, param_float(t, 1), t->ne[2]);
	by_row(l, "soft_max", t);
}

static void attention(const struct ggml_tensor *t, struct launch *l)
{
	const struct ggml_tensor *q = t->src[0], *k = t->src[1], *v = t->src[2];
	const struct attention *kernels = attention_of(k, v);
	const uint32_t rows = q->ne[1] * (q->ne[2] / k->ne[2]);
	const uint32_t tile = rows > 1 ? kernels->rows : 1;
	const float cap = param_float(t, 2);

	l->kernel = rows > 1 ? kernels->more : kernels->one;
	l->args.f[0] = cap ? param_float(t, 0) / cap : param_float(t, 0);
	l->args.f[4] = cap;
	alibi(l, param_float(t, 1), q->ne[2]);
	set(l->group, 32, 1, 1);
	set(l->grid, (rows + tile - 1) / tile, k->ne[2], q->ne[3]);
	/* The wave's sums of products are dear, and a soft maximum is. */
	l->work = 16.0 * k->ne[1] * q->ne[1] * q->ne[2] * q->ne[3] * kernels->elements / tile;
}

/* Of which number of pairs on YaRN stops, and begins, to stretch. */
static float yarn_pair(int turned, int context, float rotations, float base)
{
	return turned * logf(context / (rotations * 2 * (float)M_PI)) / (2 * logf(base));
}

static void rope(const struct ggml_tensor *t, struct launch *l)
{
	const int turned = param(t, 1), context = param(t, 4);
	const float base = param_float(t, 5);
	const float slow = yarn_pair(turned, context, param_float(t, 10), base);

	l->args.n[0] = turned;
	l->args.n[1] = param(t, 2) == GGML_ROPE_TYPE_NEOX;
	l->args.f[0] = powf(base, -2.0f / turned);
	l->args.f[1] = param_float(t, 6);
	l->args.f[2] = param_float(t, 7);
	l->args.f[3] = param_float(t, 8);
	l->args.f[4] = fmaxf(0, floorf(yarn_pair(turned, context, param_float(t, 9), base)));
	l->args.f[5] = fminf(turned - 1, ceilf(slow));
	by_element(l, "rope", t, 2);
}

static void copy(const struct ggml_tensor *t, struct launch *l)
{
	const struct ggml_tensor *a = t->src[0];
	const int numbers = ggml_blck_size(t->type);

	l->args.n[0] = ggml_are_same_shape(t, a);
	if (a->type == t->type && !is_number(t)) {
		/* Block by block. */
		l->args.n[1] = ggml_type_size(t->type);
		l->args.dst.size[0] /= numbers;
		l->args.a.size[0] /= numbers;
		by_element(l, "copy_bytes", t, numbers);
	} else if (is_made(t)) {
		by_element(l, "copy_to_blocks", t, numbers);
	} else {
		by_element(l, is_number(a) ? "copy" : "copy_from_blocks", t, 1);
	}
}

void op_launch(const struct ggml_tensor *t, struct launch *l)
{
	memset(l, 0, sizeof(*l));
	describe(&l->args.dst, t);
	describe(&l->args.a, t->src[0]);
	describe(&l->args.b, t->src[1]);
	describe(&l->args.c, t->src[2]);
	describe(&l->args.d, t->src[3]);
	describe(&l->args.e, t->src[4]);
	switch (t->op) {
	case GGML_OP_ADD:
	case GGML_OP_SUB:
	case GGML_OP_MUL:
	case GGML_OP_DIV:
		l->args.op = t->op == GGML_OP_ADD ? BINARY_ADD :
			     t->op == GGML_OP_SUB ? BINARY_SUB :
			     t->op == GGML_OP_MUL ? BINARY_MUL : BINARY_DIV;
		by_element(l, "binary", t, 1);
		break;
	case GGML_OP_SCALE:
		l->args.f[0] = param_float(t, 0);
		l->args.f[1] = param_float(t, 1);
		by_element(l, "scale", t, 1);
		break;
	case GGML_OP_MUL_MAT:
	case GGML_OP_MUL_MAT_ID:
		mul_mat(t, l);
		break;
	case GGML_OP_UNARY:
		l->args.op = unary_kind(t);
		by_element(l, "unary", t, 1);
		break;
	case GGML_OP_CLAMP:
		l->args.f[0] = param_float(t, 0);
		l->args.f[1] = param_float(t, 1);
		by_element(l, "clamp", t, 1);
		break;
	case GGML_OP_SUM_ROWS:
		by_row(l, "sum_rows", t);
		l->work = 32.0 * ggml_nelements(t->src[0]);
		break;
	case GGML_OP_ARGSORT:
		l->args.n[0] = param(t, 0) == GGML_SORT_ORDER_DESC;
		by_element(l, "argsort", t, 1);
		l->work *= t->ne[0] / 4.0;
		break;
	case GGML_OP_RMS_NORM:
		l->args.f[0] = param_float(t, 0);
		by_row(l, "rms_norm", t);
		break;
	case GGML_OP_SOFT_MAX:
		soft_max(t, l);
		break;
	case GGML_OP_FLASH_ATTN_EXT:
		attention(t, l);
		break;
	case GGML_OP_ROPE:
		rope(t, l);
		break;
	case GGML_OP_GET_ROWS:
		by_element(l, "get_rows", t, 1);
		break;
	case GGML_OP_SET_ROWS:
		if (is_made(t))
			by_element(l, "set_rows_to_blocks", t->src[0], 32);
		else
			by_element(l, "set_rows", t->src[0], 1);
		break;
	case GGML_OP_GLU:
		l->args.op = param(t, 0) == GGML_GLU_OP_REGLU ? GLU_RELU :
			     param(t, 0) == GGML_GLU_OP_GEGLU ? GLU_GELU : GLU_SILU;
		l->args.n[0] = param(t, 1);
		by_element(l, "glu", t, 1);
		break;
	default:	/* CPY, CONT, DUP */
		copy(t, l);
		break;
	}
}
