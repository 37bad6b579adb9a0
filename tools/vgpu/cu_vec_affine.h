/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Operations on values in affine form, a part of cu_vec_impl.h: sums, products with constants, and
 * what cuts off bits that no lane of a run uses. A run is in range if its ends are.
 *
 * All is modulo 2^64 as in the lanes themselves, so sums and products need no look at the range.
 */

typedef int64_t signed_bases __attribute__((vector_size(sizeof(uint64_t) * CU_RUNS)));

#define BASES(a)	(*(const bases *)(a)->base)
#define LAST	(CU_RUN - 1)	/* lane of a run */

static inline void put_affine(struct cu_affine *r, bases v, uint64_t step)
{
	*(bases *)r->base = v;
	r->step = step;
}

static inline __attribute__((always_inline)) bool all_zero(bases v)
{
	return !(v[0] | v[1] | v[2] | v[3]);
}

/* A step modulo 2^bits, with the smallest magnitude. */
static inline uint64_t shorten(uint64_t step, unsigned int bits)
{
	return (uint64_t)(S64(step << (64 - bits)) >> (64 - bits));
}

static inline bool zero_extend(bases *v, uint64_t *s, unsigned int bits)
{
	const uint64_t mask = UINT64_MAX >> (64 - bits);

	*s = shorten(*s, bits);
	*v &= mask;
	return all_zero((*v + LAST * *s) & ~mask);
}

static inline bool sign_extend(bases *v, uint64_t *s)
{
	const uint64_t half = 1ull << 31, mask = UINT32_MAX;

	*s = shorten(*s, 32);
	*v = ((*v + half) & mask) - half;
	return all_zero((*v + LAST * *s + half) & ~mask);
}

/* No bit of a step may go; a shift of 4 and more leaves room for the sums. */
static inline bool shift_right(bases *v, uint64_t *s, unsigned int by, bool is_signed)
{
	const uint64_t mask = UINT64_MAX >> by, half = is_signed ? (mask >> 1) + 1 : 0;
	const bases x = *v;

	if (by < 4 || *s & ((1ull << by) - 1))
		return false;
	*s = (uint64_t)(S64(*s) >> by);
	*v = is_signed ? (bases)((signed_bases)x >> by) : x >> by;
	return all_zero((*v + LAST * *s + half) & ~mask);
}

static inline bool one_value(const struct cu_affine *a)
{
	return !a->step && all_zero(BASES(a) ^ a->base[0]);
}

/* The operands are x and y with the steps s and t, the result is v with the step u. */
#define AFFINE_OP(name, before, value, step_of_value, after) \
static bool affine_##name(struct cu_affine *r, const struct cu_affine *a, \
			  const struct cu_affine *b, int64_t imm) \
{ \
	bases x = BASES(a), v; \
	const bases y = BASES(b); \
	uint64_t s = a->step, u; \
	const uint64_t t = b->step; \
	(void)y; \
	(void)t; \
	(void)imm; \
	if (!(before)) \
		return false; \
	v = (value); \
	u = (step_of_value); \
	if (!(after)) \
		return false; \
	put_affine(r, v, u); \
	return true; \
}

#define ZEXT_X		zero_extend(&x, &s, 32)
#define SEXT_V		sign_extend(&v, &u)
#define LOW_BITS(imm)	((imm) > 0 && !((imm) & ((imm) + 1)))

AFFINE_OP(addi, true, x + (uint64_t)imm, s, true)
AFFINE_OP(addiw, true, x + (uint64_t)imm, s, SEXT_V)
AFFINE_OP(slli, true, x << (imm & 63), s << (imm & 63), true)
AFFINE_OP(slliw, true, x << (imm & 31), s << (imm & 31), SEXT_V)
AFFINE_OP(srli, true, x, s, shift_right(&v, &u, imm & 63, false))
AFFINE_OP(srai, true, x, s, shift_right(&v, &u, imm & 63, true))
AFFINE_OP(andi, LOW_BITS(imm), x, s, zero_extend(&v, &u, __builtin_popcountll(imm)))
AFFINE_OP(zext_h, true, x, s, zero_extend(&v, &u, 16))
AFFINE_OP(add, true, x + y, s + t, true)
AFFINE_OP(addw, true, x + y, s + t, SEXT_V)
AFFINE_OP(sub, true, x - y, s - t, true)
AFFINE_OP(subw, true, x - y, s - t, SEXT_V)
AFFINE_OP(sh1add, true, (x << 1) + y, (s << 1) + t, true)
AFFINE_OP(sh2add, true, (x << 2) + y, (s << 2) + t, true)
AFFINE_OP(sh3add, true, (x << 3) + y, (s << 3) + t, true)
AFFINE_OP(add_uw, ZEXT_X, x + y, s + t, true)
AFFINE_OP(sh1add_uw, ZEXT_X, (x << 1) + y, (s << 1) + t, true)
AFFINE_OP(sh2add_uw, ZEXT_X, (x << 2) + y, (s << 2) + t, true)
AFFINE_OP(sh3add_uw, ZEXT_X, (x << 3) + y, (s << 3) + t, true)
AFFINE_OP(slli_uw, ZEXT_X, x << (imm & 63), s << (imm & 63), true)

#define ONE_OF_THEM	(one_value(a) || one_value(b))
#define PRODUCT_STEP	(one_value(b) ? s * y[0] : t * x[0])

AFFINE_OP(mul, ONE_OF_THEM, x * y, PRODUCT_STEP, true)
AFFINE_OP(mulw, ONE_OF_THEM, x * y, PRODUCT_STEP, SEXT_V)

static void spread(uint64_t *r, const struct cu_affine *a)
{
	const run_words steps = a->step * (const run_words){ 0, 1, 2, 3, 4, 5, 6, 7 };

	for (unsigned int i = 0; i < CU_RUNS; i++)
		*(run_words *)(r + i * CU_RUN) = steps + a->base[i];
}
