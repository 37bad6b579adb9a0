/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Operations on all lanes: the source that cu_vec_base.c, cu_vec_v3.c and cu_vec_v4.c compile for
 * their host instruction sets. Plain loops that the compiler turns into vector code, and a few
 * intrinsics where it does not. CU_VEC_NAME names the table.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "cu_fp.h"
#include "cu_vec.h"

#define LANES		VGPU_LANES

/* Guest memory has any alignment and type. */
typedef uint64_t bases __attribute__((vector_size(sizeof(uint64_t) * CU_RUNS), may_alias));
typedef uint64_t run_words
	__attribute__((vector_size(sizeof(uint64_t) * CU_RUN), may_alias, aligned(8)));
typedef int8_t any_s8 __attribute__((may_alias));
typedef uint8_t any_u8 __attribute__((may_alias));
typedef int16_t any_s16 __attribute__((aligned(1), may_alias));
typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef int32_t any_s32 __attribute__((aligned(1), may_alias));
typedef uint32_t any_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t any_u64 __attribute__((aligned(1), may_alias));

static void uniform(struct cu_affine *r, uint64_t v)
{
	/* In one piece, as others read it. */
	*(bases *)r->base = (bases){ 0 } + v;
	r->step = 0;
}

/* x, y and z are the operands of a lane. Each operation is made for all lanes and for one. */
#define OP(name, type, from, expr) \
static inline __attribute__((always_inline)) uint64_t name##_lane(uint64_t a, uint64_t b, \
								  uint64_t c, int64_t imm) \
{ \
	const type x = from(a), y = from(b), z = from(c); \
	(void)x; \
	(void)y; \
	(void)z; \
	(void)imm; \
	return (uint64_t)(expr); \
} \
\
static void name(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, \
		 int64_t imm) \
{ \
	_Pragma("GCC ivdep") \
	for (unsigned int i = 0; i < LANES; i++) \
		r[i] = name##_lane(a[i], b[i], c[i], imm); \
} \
\
static __attribute__((unused)) void name##_one(struct cu_affine *r, const struct cu_affine *a, \
		       const struct cu_affine *b, const struct cu_affine *c, int64_t imm) \
{ \
	uniform(r, name##_lane(a->base[0], b->base[0], c->base[0], imm)); \
}

#define INT_OP(name, expr)	OP(name, uint64_t, (uint64_t), expr)
#define SINGLE_OP(name, expr)	OP(name, float, cu_from_s, expr)
#define DOUBLE_OP(name, expr)	OP(name, double, cu_from_d, expr)
#define HALF_OP(name, expr)	OP(name, double, cu_from_h, expr)

/* --- integer ---------------------------------------------------------------------------------- */

#define S64(v)		((int64_t)(v))
#define SEXT32(v)	((int64_t)(int32_t)(uint32_t)(v))

INT_OP(op_lui, imm)
INT_OP(op_addi, x + (uint64_t)imm)
INT_OP(op_slti, S64(x) < imm)
INT_OP(op_sltiu, x < (uint64_t)imm)
INT_OP(op_xori, x ^ (uint64_t)imm)
INT_OP(op_ori, x | (uint64_t)imm)
INT_OP(op_andi, x & (uint64_t)imm)
INT_OP(op_slli, x << (imm & 63))
INT_OP(op_srli, x >> (imm & 63))
INT_OP(op_srai, S64(x) >> (imm & 63))
INT_OP(op_addiw, SEXT32(x + (uint64_t)imm))
INT_OP(op_slliw, SEXT32((uint32_t)x << (imm & 31)))
INT_OP(op_srliw, SEXT32((uint32_t)x >> (imm & 31)))
INT_OP(op_sraiw, SEXT32((int32_t)x >> (imm & 31)))
INT_OP(op_add, x + y)
INT_OP(op_sub, x - y)
INT_OP(op_sll, x << (y & 63))
INT_OP(op_slt, S64(x) < S64(y))
INT_OP(op_sltu, x < y)
INT_OP(op_xor, x ^ y)
INT_OP(op_srl, x >> (y & 63))
INT_OP(op_sra, S64(x) >> (y & 63))
INT_OP(op_or, x | y)
INT_OP(op_and, x & y)
INT_OP(op_addw, SEXT32(x + y))
INT_OP(op_subw, SEXT32(x - y))
INT_OP(op_sllw, SEXT32((uint32_t)x << (y & 31)))
INT_OP(op_srlw, SEXT32((uint32_t)x >> (y & 31)))
INT_OP(op_sraw, SEXT32((int32_t)x >> (y & 31)))
INT_OP(op_mul, x * y)
INT_OP(op_mulw, SEXT32((uint32_t)x * (uint32_t)y))

static inline uint64_t mulh(uint64_t x, uint64_t y)
{
	return (uint64_t)(((__int128)S64(x) * S64(y)) >> 64);
}

static inline uint64_t mulhsu(uint64_t x, uint64_t y)
{
	return (uint64_t)(((__int128)S64(x) * (__int128)y) >> 64);
}

static inline uint64_t mulhu(uint64_t x, uint64_t y)
{
	return (uint64_t)(((__uint128_t)x * y) >> 64);
}

INT_OP(op_mulh, mulh(x, y))
INT_OP(op_mulhsu, mulhsu(x, y))
INT_OP(op_mulhu, mulhu(x, y))

#include "cu_vec_div.h"

/* Zba, Zbb, Zicond */
INT_OP(op_add_uw, (uint32_t)x + y)
INT_OP(op_sh1add, (x << 1) + y)
INT_OP(op_sh2add, (x << 2) + y)
INT_OP(op_sh3add, (x << 3) + y)
INT_OP(op_sh1add_uw, ((uint64_t)(uint32_t)x << 1) + y)
INT_OP(op_sh2add_uw, ((uint64_t)(uint32_t)x << 2) + y)
INT_OP(op_sh3add_uw, ((uint64_t)(uint32_t)x << 3) + y)
INT_OP(op_slli_uw, (uint64_t)(uint32_t)x << (imm & 63))
INT_OP(op_andn, x & ~y)
INT_OP(op_orn, x | ~y)
INT_OP(op_xnor, ~(x ^ y))
INT_OP(op_min, S64(x) < S64(y) ? x : y)
INT_OP(op_minu, x < y ? x : y)
INT_OP(op_max, S64(x) > S64(y) ? x : y)
INT_OP(op_maxu, x > y ? x : y)
INT_OP(op_sext_b, (int64_t)(int8_t)x)
INT_OP(op_sext_h, (int64_t)(int16_t)x)
INT_OP(op_zext_h, (uint16_t)x)
INT_OP(op_rol, x << (y & 63) | x >> (-y & 63))
INT_OP(op_ror, x >> (y & 63) | x << (-y & 63))
INT_OP(op_rori, x >> (imm & 63) | x << (-imm & 63))
INT_OP(op_rolw, SEXT32((uint32_t)x << (y & 31) | (uint32_t)x >> (-y & 31)))
INT_OP(op_rorw, SEXT32((uint32_t)x >> (y & 31) | (uint32_t)x << (-y & 31)))
INT_OP(op_roriw, SEXT32((uint32_t)x >> (imm & 31) | (uint32_t)x << (-imm & 31)))
INT_OP(op_clz, x ? __builtin_clzll(x) : 64)
INT_OP(op_ctz, x ? __builtin_ctzll(x) : 64)
INT_OP(op_cpop, __builtin_popcountll(x))
INT_OP(op_clzw, (uint32_t)x ? __builtin_clz((uint32_t)x) : 32)
INT_OP(op_ctzw, (uint32_t)x ? __builtin_ctz((uint32_t)x) : 32)
INT_OP(op_cpopw, __builtin_popcount((uint32_t)x))
INT_OP(op_rev8, __builtin_bswap64(x))
INT_OP(op_czero_eqz, y ? x : 0)
INT_OP(op_czero_nez, y ? 0 : x)

/* All ones in each byte that is not zero. */
static inline uint64_t orc_b(uint64_t x)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7full;
	const uint64_t top = (((x & low) + low) | x) & ~low;

	return (top >> 7) * 0xff;
}

INT_OP(op_orc_b, orc_b(x))

#include "cu_vec_affine.h"

/* --- floating point --------------------------------------------------------------------------- */

#define SIGN_S	0x80000000u
#define SIGN_D	0x8000000000000000ull

INT_OP(op_fsgnj_s, CU_BOX | (cu_unbox(x) & ~SIGN_S) | (cu_unbox(y) & SIGN_S))
INT_OP(op_fsgnjn_s, CU_BOX | (cu_unbox(x) & ~SIGN_S) | (~cu_unbox(y) & SIGN_S))
INT_OP(op_fsgnjx_s, CU_BOX | (cu_unbox(x) ^ (cu_unbox(y) & SIGN_S)))
INT_OP(op_fsgnj_d, (x & ~SIGN_D) | (y & SIGN_D))
INT_OP(op_fsgnjn_d, (x & ~SIGN_D) | (~y & SIGN_D))
INT_OP(op_fsgnjx_d, x ^ (y & SIGN_D))
INT_OP(op_fmv_x_w, SEXT32(x))
INT_OP(op_fmv_w_x, CU_BOX | (uint32_t)x)
INT_OP(op_fmv_d, x)

#define SIGN_H	0x8000u
#define UNBOX_H(v)	cu_unbox_h(v, CU_NAN_H)

INT_OP(op_fsgnj_h, CU_BOX_H | (UNBOX_H(x) & ~SIGN_H) | (UNBOX_H(y) & SIGN_H))
INT_OP(op_fsgnjn_h, CU_BOX_H | (UNBOX_H(x) & ~SIGN_H) | (~UNBOX_H(y) & SIGN_H))
INT_OP(op_fsgnjx_h, CU_BOX_H | (UNBOX_H(x) ^ (UNBOX_H(y) & SIGN_H)))
INT_OP(op_fmv_x_h, (int64_t)(int16_t)x)
INT_OP(op_fmv_h_x, CU_BOX_H | (uint16_t)x)

/* Smaller (or larger) of two, -0 below +0; a NaN gives way to a number. */
static inline float min_s(float x, float y)
{
	bool first = x < y || (x == y && cu_bits_s(x) & SIGN_S) || y != y;

	return first ? x : y;
}

static inline float max_s(float x, float y)
{
	bool first = x > y || (x == y && !(cu_bits_s(x) & SIGN_S)) || y != y;

	return first ? x : y;
}

static inline double min_d(double x, double y)
{
	bool first = x < y || (x == y && cu_bits_d(x) & SIGN_D) || y != y;

	return first ? x : y;
}

static inline double max_d(double x, double y)
{
	bool first = x > y || (x == y && !(cu_bits_d(x) & SIGN_D)) || y != y;

	return first ? x : y;
}

static inline uint64_t class_of(bool negative, bool zero, bool subnormal, bool infinite, bool nan,
				bool quiet)
{
	if (nan)
		return quiet ? 1 << 9 : 1 << 8;
	if (infinite)
		return negative ? 1 << 0 : 1 << 7;
	if (zero)
		return negative ? 1 << 3 : 1 << 4;
	if (subnormal)
		return negative ? 1 << 2 : 1 << 5;
	return negative ? 1 << 1 : 1 << 6;
}

static inline uint64_t class_s(uint32_t u)
{
	uint32_t exp = u >> 23 & 0xff, frac = u & 0x7fffff;

	return class_of(u >> 31, !exp && !frac, !exp, exp == 0xff && !frac, exp == 0xff && frac,
			frac >> 22);
}

static inline uint64_t class_d(uint64_t u)
{
	uint64_t exp = u >> 52 & 0x7ff, frac = u & 0xfffffffffffffull;

	return class_of(u >> 63, !exp && !frac, !exp, exp == 0x7ff && !frac, exp == 0x7ff && frac,
			frac >> 51);
}

static inline uint64_t class_h(uint32_t u)
{
	uint32_t exp = u >> 10 & 0x1f, frac = u & 0x3ff;

	return class_of(u >> 15, !exp && !frac, !exp, exp == 0x1f && !frac, exp == 0x1f && frac,
			frac >> 9);
}

HALF_OP(op_fmin_h, cu_to_h(min_d(x, y)))
HALF_OP(op_fmax_h, cu_to_h(max_d(x, y)))
HALF_OP(op_feq_h, x == y)
HALF_OP(op_flt_h, x < y)
HALF_OP(op_fle_h, x <= y)
INT_OP(op_fclass_h, class_h(UNBOX_H(x)))
SINGLE_OP(op_fmin_s, cu_to_s(min_s(x, y)))
SINGLE_OP(op_fmax_s, cu_to_s(max_s(x, y)))
SINGLE_OP(op_feq_s, x == y)
SINGLE_OP(op_flt_s, x < y)
SINGLE_OP(op_fle_s, x <= y)
INT_OP(op_fclass_s, class_s(cu_unbox(x)))
DOUBLE_OP(op_fmin_d, cu_to_d(min_d(x, y)))
DOUBLE_OP(op_fmax_d, cu_to_d(max_d(x, y)))
DOUBLE_OP(op_feq_d, x == y)
DOUBLE_OP(op_flt_d, x < y)
DOUBLE_OP(op_fle_d, x <= y)
INT_OP(op_fclass_d, class_d(x))

SINGLE_OP(op_fadd_s, cu_to_s(x + y))
SINGLE_OP(op_fsub_s, cu_to_s(x - y))
SINGLE_OP(op_fmul_s, cu_to_s(x * y))
SINGLE_OP(op_fdiv_s, cu_to_s(x / y))
SINGLE_OP(op_fsqrt_s, cu_to_s(sqrtf(x)))
SINGLE_OP(op_fmadd_s, cu_to_s(fmaf(x, y, z)))
SINGLE_OP(op_fmsub_s, cu_to_s(fmaf(x, y, -z)))
SINGLE_OP(op_fnmsub_s, cu_to_s(fmaf(-x, y, z)))
SINGLE_OP(op_fnmadd_s, cu_to_s(fmaf(-x, y, -z)))
DOUBLE_OP(op_fadd_d, cu_to_d(x + y))
DOUBLE_OP(op_fsub_d, cu_to_d(x - y))
DOUBLE_OP(op_fmul_d, cu_to_d(x * y))
DOUBLE_OP(op_fdiv_d, cu_to_d(x / y))
DOUBLE_OP(op_fsqrt_d, cu_to_d(sqrt(x)))
DOUBLE_OP(op_fmadd_d, cu_to_d(fma(x, y, z)))
DOUBLE_OP(op_fmsub_d, cu_to_d(fma(x, y, -z)))
DOUBLE_OP(op_fnmsub_d, cu_to_d(fma(-x, y, z)))
DOUBLE_OP(op_fnmadd_d, cu_to_d(fma(-x, y, -z)))

INT_OP(op_fcvt_s_w, cu_to_s((float)(int32_t)x))
INT_OP(op_fcvt_s_wu, cu_to_s((float)(uint32_t)x))
INT_OP(op_fcvt_s_l, cu_to_s((float)S64(x)))
INT_OP(op_fcvt_s_lu, cu_to_s((float)x))
INT_OP(op_fcvt_d_w, cu_to_d((double)(int32_t)x))
INT_OP(op_fcvt_d_wu, cu_to_d((double)(uint32_t)x))
INT_OP(op_fcvt_d_l, cu_to_d((double)S64(x)))
INT_OP(op_fcvt_d_lu, cu_to_d((double)x))
SINGLE_OP(op_fcvt_w_s, SEXT32(cu_to_w((double)x)))
SINGLE_OP(op_fcvt_wu_s, SEXT32(cu_to_wu((double)x)))
SINGLE_OP(op_fcvt_l_s, cu_to_l((double)x))
SINGLE_OP(op_fcvt_lu_s, cu_to_lu((double)x))
DOUBLE_OP(op_fcvt_w_d, SEXT32(cu_to_w(x)))
DOUBLE_OP(op_fcvt_wu_d, SEXT32(cu_to_wu(x)))
DOUBLE_OP(op_fcvt_l_d, cu_to_l(x))
DOUBLE_OP(op_fcvt_lu_d, cu_to_lu(x))
SINGLE_OP(op_fcvt_d_s, cu_to_d((double)x))
DOUBLE_OP(op_fcvt_s_d, cu_to_s((float)x))

/* Halves go away from zero, which there is no instruction for; infinity minus itself is not one. */
static inline double to_nearest_away(double v)
{
	const double t = trunc(v), up = fabs(v - t) >= 0.5 ? 1.0 : 0.0;

	return t + copysign(up, v);
}

#define INTEGRAL(name, from, expr) \
static void integral_##name(uint64_t *r, const uint64_t *a) \
{ \
	_Pragma("GCC ivdep") \
	for (unsigned int i = 0; i < LANES; i++) { \
		const double v = from(a[i]); \
		r[i] = cu_bits_d(expr); \
	} \
}

INTEGRAL(s_rne, cu_from_s, nearbyint(v))
INTEGRAL(s_rtz, cu_from_s, trunc(v))
INTEGRAL(s_rdn, cu_from_s, floor(v))
INTEGRAL(s_rup, cu_from_s, ceil(v))
INTEGRAL(s_rmm, cu_from_s, to_nearest_away(v))
INTEGRAL(d_rne, cu_from_d, nearbyint(v))
INTEGRAL(d_rtz, cu_from_d, trunc(v))
INTEGRAL(d_rdn, cu_from_d, floor(v))
INTEGRAL(d_rup, cu_from_d, ceil(v))
INTEGRAL(d_rmm, cu_from_d, to_nearest_away(v))
INTEGRAL(h_rne, cu_from_h, nearbyint(v))
INTEGRAL(h_rtz, cu_from_h, trunc(v))
INTEGRAL(h_rdn, cu_from_h, floor(v))
INTEGRAL(h_rup, cu_from_h, ceil(v))
INTEGRAL(h_rmm, cu_from_h, to_nearest_away(v))

/*
 * A double has more than twice the bits of a half and two: rounding twice is rounding once, for a
 * fused product as well, whose 22 bits and the sum's 11 fit in wherever both matter.
 */
HALF_OP(op_fadd_h, cu_to_h(x + y))
HALF_OP(op_fsub_h, cu_to_h(x - y))
HALF_OP(op_fmul_h, cu_to_h(x * y))
HALF_OP(op_fdiv_h, cu_to_h(x / y))
HALF_OP(op_fsqrt_h, cu_to_h(sqrt(x)))
HALF_OP(op_fmadd_h, cu_to_h(fma(x, y, z)))
HALF_OP(op_fmsub_h, cu_to_h(fma(x, y, -z)))
HALF_OP(op_fnmsub_h, cu_to_h(fma(-x, y, z)))
HALF_OP(op_fnmadd_h, cu_to_h(fma(-x, y, -z)))
INT_OP(op_fcvt_h_w, cu_to_h((double)(int32_t)x))
INT_OP(op_fcvt_h_wu, cu_to_h((double)(uint32_t)x))
INT_OP(op_fcvt_h_l, cu_to_h((double)S64(x)))
INT_OP(op_fcvt_h_lu, cu_to_h((double)x))
HALF_OP(op_fcvt_w_h, SEXT32(cu_to_w(x)))
HALF_OP(op_fcvt_wu_h, SEXT32(cu_to_wu(x)))
HALF_OP(op_fcvt_l_h, cu_to_l(x))
HALF_OP(op_fcvt_lu_h, cu_to_lu(x))
HALF_OP(op_fcvt_s_h, cu_to_s((float)x))
HALF_OP(op_fcvt_d_h, cu_to_d(x))
SINGLE_OP(op_fcvt_h_s, cu_to_h((double)x))
DOUBLE_OP(op_fcvt_h_d, cu_to_h(x))
INT_OP(op_fcvt_s_bf16, cu_s_from_bf16(x))
INT_OP(op_fcvt_bf16_s, cu_bf16_from_s(x))

/* --- comparisons ------------------------------------------------------------------------------ */

#if defined(__AVX512F__)

static uint32_t lanes_eq(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 8)
		m |= (uint32_t)_mm512_cmpeq_epi64_mask(_mm512_loadu_si512(a + i),
						       _mm512_loadu_si512(b + i)) << i;
	return m;
}

static uint32_t lanes_lt(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 8)
		m |= (uint32_t)_mm512_cmplt_epi64_mask(_mm512_loadu_si512(a + i),
						       _mm512_loadu_si512(b + i)) << i;
	return m;
}

static uint32_t lanes_ltu(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 8)
		m |= (uint32_t)_mm512_cmplt_epu64_mask(_mm512_loadu_si512(a + i),
						       _mm512_loadu_si512(b + i)) << i;
	return m;
}

#elif defined(__AVX2__)

static inline __m256i load4(const uint64_t *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

static inline uint32_t sign4(__m256i v)
{
	return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(v));
}

static uint32_t lanes_eq(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 4)
		m |= sign4(_mm256_cmpeq_epi64(load4(a + i), load4(b + i))) << i;
	return m;
}

static uint32_t lanes_lt(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 4)
		m |= sign4(_mm256_cmpgt_epi64(load4(b + i), load4(a + i))) << i;
	return m;
}

static uint32_t lanes_ltu(const uint64_t *a, const uint64_t *b)
{
	const __m256i top = _mm256_set1_epi64x(INT64_MIN);
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i += 4)
		m |= sign4(_mm256_cmpgt_epi64(_mm256_xor_si256(load4(b + i), top),
					      _mm256_xor_si256(load4(a + i), top))) << i;
	return m;
}

#else

static uint32_t lanes_eq(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i++)
		m |= (uint32_t)(a[i] == b[i]) << i;
	return m;
}

static uint32_t lanes_lt(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i++)
		m |= (uint32_t)(S64(a[i]) < S64(b[i])) << i;
	return m;
}

static uint32_t lanes_ltu(const uint64_t *a, const uint64_t *b)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < LANES; i++)
		m |= (uint32_t)(a[i] < b[i]) << i;
	return m;
}

#endif

static uint32_t lanes_ne(const uint64_t *a, const uint64_t *b)
{
	return ~lanes_eq(a, b);
}

static uint32_t lanes_ge(const uint64_t *a, const uint64_t *b)
{
	return ~lanes_lt(a, b);
}

static uint32_t lanes_geu(const uint64_t *a, const uint64_t *b)
{
	return ~lanes_ltu(a, b);
}

/* --- memory ----------------------------------------------------------------------------------- */

#define LOAD_OP(name, type, expr) \
static void name(uint64_t *restrict r, const void *p) \
{ \
	const type *from = p; \
	for (unsigned int i = 0; i < LANES; i++) { \
		const type x = from[i]; \
		r[i] = (uint64_t)(expr); \
	} \
} \
\
/* In one piece, as it is read: word by word it would have to reach the cache first. */ \
static inline void name##_same(uint64_t *r, const type *from) \
{ \
	const type x = from[0]; \
	*(run_words *)r = (run_words){ 0 } + (uint64_t)(expr); \
} \
\
static inline void name##_run(uint64_t *restrict r, const type *from) \
{ \
	for (unsigned int i = 0; i < CU_RUN; i++) { \
		const type x = from[i]; \
		r[i] = (uint64_t)(expr); \
	} \
} \
\
/* Mostly all runs are alike, which takes no decisions. */ \
static void name##_runs(uint64_t *r, const void *const *p, uint32_t contiguous) \
{ \
	if (contiguous == (1u << CU_RUNS) - 1) { \
		for (unsigned int i = 0; i < CU_RUNS; i++) \
			name##_run(r + i * CU_RUN, p[i]); \
	} else if (!contiguous) { \
		for (unsigned int i = 0; i < CU_RUNS; i++) \
			name##_same(r + i * CU_RUN, p[i]); \
	} else { \
		for (unsigned int i = 0; i < CU_RUNS; i++, r += CU_RUN) { \
			if (contiguous >> i & 1) \
				name##_run(r, p[i]); \
			else \
				name##_same(r, p[i]); \
		} \
	} \
} \
\
static void name##_gather(uint64_t *restrict r, const void *p, const uint64_t *restrict offset, \
			  uint64_t base) \
{ \
	for (unsigned int i = 0; i < LANES; i++) { \
		const type x = *(const type *)((const char *)p + (offset[i] - base)); \
		r[i] = (uint64_t)(expr); \
	} \
}

LOAD_OP(load_lb, any_s8, (int64_t)x)
LOAD_OP(load_lh, any_s16, (int64_t)x)
LOAD_OP(load_lw, any_s32, (int64_t)x)
LOAD_OP(load_ld, any_u64, x)
LOAD_OP(load_lbu, any_u8, x)
LOAD_OP(load_lhu, any_u16, x)
LOAD_OP(load_lwu, any_u32, x)
LOAD_OP(load_flw, any_u32, CU_BOX | x)
LOAD_OP(load_flh, any_u16, CU_BOX_H | x)

#define STORE_OP(name, type) \
static void name(void *p, const uint64_t *restrict v) \
{ \
	type *to = p; \
	for (unsigned int i = 0; i < LANES; i++) \
		to[i] = (type)v[i]; \
} \
\
static void name##_runs(void *const *p, const uint64_t *restrict v, uint32_t contiguous) \
{ \
	for (unsigned int run = 0; run < CU_RUNS; run++, v += CU_RUN) { \
		type *to = p[run]; \
		if (contiguous >> run & 1) { \
			for (unsigned int i = 0; i < CU_RUN; i++) \
				to[i] = (type)v[i]; \
		} else { \
			to[0] = (type)v[CU_RUN - 1]; \
		} \
	} \
}

STORE_OP(store_sb, any_u8)
STORE_OP(store_sh, any_u16)
STORE_OP(store_sw, any_u32)
STORE_OP(store_sd, any_u64)

#define LOAD_PRIVATE_OP(name, expr) \
static void name(uint64_t *restrict r, const uint64_t *restrict row, unsigned int shift) \
{ \
	for (unsigned int i = 0; i < LANES; i++) { \
		const uint64_t x = row[i] >> shift; \
		r[i] = (uint64_t)(expr); \
	} \
}

LOAD_PRIVATE_OP(private_lb, (int64_t)(int8_t)x)
LOAD_PRIVATE_OP(private_lh, (int64_t)(int16_t)x)
LOAD_PRIVATE_OP(private_lw, (int64_t)(int32_t)x)
LOAD_PRIVATE_OP(private_ld, x)
LOAD_PRIVATE_OP(private_lbu, (uint8_t)x)
LOAD_PRIVATE_OP(private_lhu, (uint16_t)x)
LOAD_PRIVATE_OP(private_lwu, (uint32_t)x)
LOAD_PRIVATE_OP(private_flw, CU_BOX | (uint32_t)x)
LOAD_PRIVATE_OP(private_flh, CU_BOX_H | (uint16_t)x)

static void store_private(uint64_t *restrict row, const uint64_t *restrict v,
			  const uint64_t *restrict mask, uint64_t bits, unsigned int shift)
{
	const uint64_t place = bits << shift;

	for (unsigned int i = 0; i < LANES; i++) {
		const uint64_t change = place & mask[i];

		row[i] = (row[i] & ~change) | (v[i] << shift & change);
	}
}

static enum cu_pattern address(uint64_t *restrict t, const uint64_t *restrict a, int64_t imm,
			       unsigned int size, const uint64_t *restrict mask,
			       unsigned int first)
{
	const uint64_t one = a[first] + (uint64_t)imm;
	const unsigned int shift = (unsigned int)__builtin_ctz(size);
	const uint64_t base = one - ((uint64_t)first << shift);
	uint64_t uniform = 0, contiguous = 0;

	for (unsigned int i = 0; i < LANES; i++) {
		const uint64_t va = a[i] + (uint64_t)imm;
		const uint64_t apart = (va ^ one) & mask[i];

		t[i] = one ^ apart;
		uniform |= apart;
		contiguous |= (va ^ (base + ((uint64_t)i << shift))) & mask[i];
	}
	if (!contiguous)
		return CU_PATTERN_CONTIGUOUS;
	return uniform ? CU_PATTERN_SCATTERED : CU_PATTERN_UNIFORM;
}

/* Whether a run of lanes has t[0], t[0] + step, t[0] + 2 * step ... */
static inline bool run_is(const uint64_t *t, uint64_t step)
{
#if defined(__AVX512F__)
	const __m512i want = _mm512_add_epi64(_mm512_set1_epi64((long long)t[0]),
		_mm512_set_epi64(7 * step, 6 * step, 5 * step, 4 * step, 3 * step, 2 * step, step,
				 0));

	return !_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(t), want);
#else
	uint64_t apart = 0;

	for (unsigned int i = 0; i < CU_RUN; i++)
		apart |= t[i] ^ (t[0] + i * step);
	return !apart;
#endif
}

static enum cu_pattern address_all(uint64_t *restrict t, const uint64_t *restrict a, int64_t imm,
				   unsigned int size, uint32_t *contiguous)
{
	uint32_t same = 0, side_by_side = 0;
	uint64_t one, apart = 0, gap = 0;

	for (unsigned int i = 0; i < LANES; i++)
		t[i] = a[i] + (uint64_t)imm;
	one = t[0];
	for (unsigned int run = 0; run < CU_RUNS; run++) {
		const uint64_t start = t[run * CU_RUN];

		same |= (uint32_t)run_is(t + run * CU_RUN, 0) << run;
		side_by_side |= (uint32_t)run_is(t + run * CU_RUN, size) << run;
		apart |= start ^ one;
		gap |= start ^ (one + run * CU_RUN * size);
	}
	*contiguous = side_by_side;
	if ((same | side_by_side) != (1u << CU_RUNS) - 1)
		return CU_PATTERN_SCATTERED;
	if (!same && !gap)
		return CU_PATTERN_CONTIGUOUS;
	return side_by_side || apart ? CU_PATTERN_RUNS : CU_PATTERN_UNIFORM;
}

static bool within(const uint64_t *t, uint64_t base, uint64_t limit)
{
	uint32_t outside = 0;

	for (unsigned int i = 0; i < LANES; i++)
		outside |= t[i] - base > limit;
	return !outside;
}

static void splat(uint64_t *r, uint64_t v)
{
	for (unsigned int i = 0; i < LANES; i++)
		r[i] = v;
}

static void blend(uint64_t *restrict r, const uint64_t *restrict v, const uint64_t *restrict mask)
{
	for (unsigned int i = 0; i < LANES; i++)
		r[i] = (v[i] & mask[i]) | (r[i] & ~mask[i]);
}

static void expand_mask(uint64_t *mask, uint32_t lanes)
{
	for (unsigned int i = 0; i < LANES; i++)
		mask[i] = 0 - (uint64_t)(lanes >> i & 1);
}

static uint64_t lowest(const uint64_t *v, uint32_t lanes, uint32_t *which)
{
	uint64_t all[LANES] __attribute__((aligned(64)));
	uint64_t low = UINT64_MAX;

	for (unsigned int i = 0; i < LANES; i++) {
		const uint64_t x = v[i] | ((uint64_t)(lanes >> i & 1) - 1);

		low = x < low ? x : low;
	}
	splat(all, low);
	*which = lanes_eq(v, all) & lanes;
	return low;
}

const struct cu_vec CU_VEC_NAME = {
	.name = CU_VEC_TEXT,
	.alu = {
		[CU_LUI] = op_lui, [CU_ADDI] = op_addi, [CU_SLTI] = op_slti,
		[CU_SLTIU] = op_sltiu, [CU_XORI] = op_xori, [CU_ORI] = op_ori,
		[CU_ANDI] = op_andi, [CU_SLLI] = op_slli, [CU_SRLI] = op_srli,
		[CU_SRAI] = op_srai, [CU_ADDIW] = op_addiw, [CU_SLLIW] = op_slliw,
		[CU_SRLIW] = op_srliw, [CU_SRAIW] = op_sraiw, [CU_ADD] = op_add,
		[CU_SUB] = op_sub, [CU_SLL] = op_sll, [CU_SLT] = op_slt, [CU_SLTU] = op_sltu,
		[CU_XOR] = op_xor, [CU_SRL] = op_srl, [CU_SRA] = op_sra, [CU_OR] = op_or,
		[CU_AND] = op_and, [CU_ADDW] = op_addw, [CU_SUBW] = op_subw,
		[CU_SLLW] = op_sllw, [CU_SRLW] = op_srlw, [CU_SRAW] = op_sraw,
		[CU_MUL] = op_mul, [CU_MULH] = op_mulh, [CU_MULHSU] = op_mulhsu,
		[CU_MULHU] = op_mulhu, [CU_DIV] = op_div, [CU_DIVU] = op_divu,
		[CU_REM] = op_rem, [CU_REMU] = op_remu, [CU_MULW] = op_mulw,
		[CU_DIVW] = op_divw, [CU_DIVUW] = op_divuw, [CU_REMW] = op_remw,
		[CU_REMUW] = op_remuw,
		[CU_ADD_UW] = op_add_uw, [CU_SH1ADD] = op_sh1add, [CU_SH2ADD] = op_sh2add,
		[CU_SH3ADD] = op_sh3add, [CU_SH1ADD_UW] = op_sh1add_uw,
		[CU_SH2ADD_UW] = op_sh2add_uw, [CU_SH3ADD_UW] = op_sh3add_uw,
		[CU_SLLI_UW] = op_slli_uw, [CU_ANDN] = op_andn, [CU_ORN] = op_orn,
		[CU_XNOR] = op_xnor, [CU_CLZ] = op_clz, [CU_CTZ] = op_ctz, [CU_CPOP] = op_cpop,
		[CU_CLZW] = op_clzw, [CU_CTZW] = op_ctzw, [CU_CPOPW] = op_cpopw, [CU_MIN] = op_min,
		[CU_MINU] = op_minu, [CU_MAX] = op_max, [CU_MAXU] = op_maxu,
		[CU_SEXT_B] = op_sext_b, [CU_SEXT_H] = op_sext_h, [CU_ZEXT_H] = op_zext_h,
		[CU_ROL] = op_rol, [CU_ROR] = op_ror, [CU_RORI] = op_rori, [CU_ROLW] = op_rolw,
		[CU_RORW] = op_rorw, [CU_RORIW] = op_roriw, [CU_ORC_B] = op_orc_b,
		[CU_REV8] = op_rev8, [CU_CZERO_EQZ] = op_czero_eqz, [CU_CZERO_NEZ] = op_czero_nez,
		[CU_FSGNJ_S] = op_fsgnj_s, [CU_FSGNJN_S] = op_fsgnjn_s,
		[CU_FSGNJX_S] = op_fsgnjx_s, [CU_FMIN_S] = op_fmin_s, [CU_FMAX_S] = op_fmax_s,
		[CU_FEQ_S] = op_feq_s, [CU_FLT_S] = op_flt_s, [CU_FLE_S] = op_fle_s,
		[CU_FCLASS_S] = op_fclass_s, [CU_FMV_X_W] = op_fmv_x_w,
		[CU_FMV_W_X] = op_fmv_w_x,
		[CU_FSGNJ_D] = op_fsgnj_d, [CU_FSGNJN_D] = op_fsgnjn_d,
		[CU_FSGNJX_D] = op_fsgnjx_d, [CU_FMIN_D] = op_fmin_d, [CU_FMAX_D] = op_fmax_d,
		[CU_FEQ_D] = op_feq_d, [CU_FLT_D] = op_flt_d, [CU_FLE_D] = op_fle_d,
		[CU_FCLASS_D] = op_fclass_d, [CU_FMV_D] = op_fmv_d,
		[CU_FCVT_D_S] = op_fcvt_d_s, [CU_FCVT_D_W] = op_fcvt_d_w,
		[CU_FCVT_D_WU] = op_fcvt_d_wu,
		[CU_FADD_S] = op_fadd_s, [CU_FSUB_S] = op_fsub_s, [CU_FMUL_S] = op_fmul_s,
		[CU_FDIV_S] = op_fdiv_s, [CU_FSQRT_S] = op_fsqrt_s,
		[CU_FMADD_S] = op_fmadd_s, [CU_FMSUB_S] = op_fmsub_s,
		[CU_FNMSUB_S] = op_fnmsub_s, [CU_FNMADD_S] = op_fnmadd_s,
		[CU_FADD_D] = op_fadd_d, [CU_FSUB_D] = op_fsub_d, [CU_FMUL_D] = op_fmul_d,
		[CU_FDIV_D] = op_fdiv_d, [CU_FSQRT_D] = op_fsqrt_d,
		[CU_FMADD_D] = op_fmadd_d, [CU_FMSUB_D] = op_fmsub_d,
		[CU_FNMSUB_D] = op_fnmsub_d, [CU_FNMADD_D] = op_fnmadd_d,
		[CU_FCVT_S_W] = op_fcvt_s_w, [CU_FCVT_S_WU] = op_fcvt_s_wu,
		[CU_FCVT_S_L] = op_fcvt_s_l, [CU_FCVT_S_LU] = op_fcvt_s_lu,
		[CU_FCVT_D_L] = op_fcvt_d_l, [CU_FCVT_D_LU] = op_fcvt_d_lu,
		[CU_FCVT_W_S] = op_fcvt_w_s, [CU_FCVT_WU_S] = op_fcvt_wu_s,
		[CU_FCVT_L_S] = op_fcvt_l_s, [CU_FCVT_LU_S] = op_fcvt_lu_s,
		[CU_FCVT_W_D] = op_fcvt_w_d, [CU_FCVT_WU_D] = op_fcvt_wu_d,
		[CU_FCVT_L_D] = op_fcvt_l_d, [CU_FCVT_LU_D] = op_fcvt_lu_d,
		[CU_FCVT_S_D] = op_fcvt_s_d,
		[CU_FSGNJ_H] = op_fsgnj_h, [CU_FSGNJN_H] = op_fsgnjn_h,
		[CU_FSGNJX_H] = op_fsgnjx_h, [CU_FMIN_H] = op_fmin_h, [CU_FMAX_H] = op_fmax_h,
		[CU_FEQ_H] = op_feq_h, [CU_FLT_H] = op_flt_h, [CU_FLE_H] = op_fle_h,
		[CU_FCLASS_H] = op_fclass_h, [CU_FMV_X_H] = op_fmv_x_h, [CU_FMV_H_X] = op_fmv_h_x,
		[CU_FCVT_S_H] = op_fcvt_s_h, [CU_FCVT_D_H] = op_fcvt_d_h,
		[CU_FCVT_S_BF16] = op_fcvt_s_bf16, [CU_FADD_H] = op_fadd_h,
		[CU_FSUB_H] = op_fsub_h, [CU_FMUL_H] = op_fmul_h, [CU_FDIV_H] = op_fdiv_h,
		[CU_FSQRT_H] = op_fsqrt_h, [CU_FMADD_H] = op_fmadd_h, [CU_FMSUB_H] = op_fmsub_h,
		[CU_FNMSUB_H] = op_fnmsub_h, [CU_FNMADD_H] = op_fnmadd_h,
		[CU_FCVT_H_W] = op_fcvt_h_w, [CU_FCVT_H_WU] = op_fcvt_h_wu,
		[CU_FCVT_H_L] = op_fcvt_h_l, [CU_FCVT_H_LU] = op_fcvt_h_lu,
		[CU_FCVT_W_H] = op_fcvt_w_h, [CU_FCVT_WU_H] = op_fcvt_wu_h,
		[CU_FCVT_L_H] = op_fcvt_l_h, [CU_FCVT_LU_H] = op_fcvt_lu_h,
		[CU_FCVT_H_S] = op_fcvt_h_s, [CU_FCVT_H_D] = op_fcvt_h_d,
		[CU_FCVT_BF16_S] = op_fcvt_bf16_s,
	},
	.one = {
		[CU_LUI] = op_lui_one, [CU_ADDI] = op_addi_one, [CU_SLTI] = op_slti_one,
		[CU_SLTIU] = op_sltiu_one, [CU_XORI] = op_xori_one, [CU_ORI] = op_ori_one,
		[CU_ANDI] = op_andi_one, [CU_SLLI] = op_slli_one, [CU_SRLI] = op_srli_one,
		[CU_SRAI] = op_srai_one, [CU_ADDIW] = op_addiw_one, [CU_SLLIW] = op_slliw_one,
		[CU_SRLIW] = op_srliw_one, [CU_SRAIW] = op_sraiw_one, [CU_ADD] = op_add_one,
		[CU_SUB] = op_sub_one, [CU_SLL] = op_sll_one, [CU_SLT] = op_slt_one,
		[CU_SLTU] = op_sltu_one, [CU_XOR] = op_xor_one, [CU_SRL] = op_srl_one,
		[CU_SRA] = op_sra_one, [CU_OR] = op_or_one, [CU_AND] = op_and_one,
		[CU_ADDW] = op_addw_one, [CU_SUBW] = op_subw_one, [CU_SLLW] = op_sllw_one,
		[CU_SRLW] = op_srlw_one, [CU_SRAW] = op_sraw_one, [CU_MUL] = op_mul_one,
		[CU_MULH] = op_mulh_one, [CU_MULHSU] = op_mulhsu_one, [CU_MULHU] = op_mulhu_one,
		[CU_DIV] = wide_div_one, [CU_DIVU] = wide_divu_one, [CU_REM] = wide_rem_one,
		[CU_REMU] = wide_remu_one, [CU_MULW] = op_mulw_one, [CU_DIVW] = op_divw_one,
		[CU_DIVUW] = op_divuw_one, [CU_REMW] = op_remw_one, [CU_REMUW] = op_remuw_one,
		[CU_ADD_UW] = op_add_uw_one, [CU_SH1ADD] = op_sh1add_one,
		[CU_SH2ADD] = op_sh2add_one, [CU_SH3ADD] = op_sh3add_one,
		[CU_SH1ADD_UW] = op_sh1add_uw_one, [CU_SH2ADD_UW] = op_sh2add_uw_one,
		[CU_SH3ADD_UW] = op_sh3add_uw_one, [CU_SLLI_UW] = op_slli_uw_one,
		[CU_ANDN] = op_andn_one, [CU_ORN] = op_orn_one, [CU_XNOR] = op_xnor_one,
		[CU_CLZ] = op_clz_one, [CU_CTZ] = op_ctz_one, [CU_CPOP] = op_cpop_one,
		[CU_CLZW] = op_clzw_one, [CU_CTZW] = op_ctzw_one, [CU_CPOPW] = op_cpopw_one,
		[CU_MIN] = op_min_one, [CU_MINU] = op_minu_one, [CU_MAX] = op_max_one,
		[CU_MAXU] = op_maxu_one, [CU_SEXT_B] = op_sext_b_one, [CU_SEXT_H] = op_sext_h_one,
		[CU_ZEXT_H] = op_zext_h_one, [CU_ROL] = op_rol_one, [CU_ROR] = op_ror_one,
		[CU_RORI] = op_rori_one, [CU_ROLW] = op_rolw_one, [CU_RORW] = op_rorw_one,
		[CU_RORIW] = op_roriw_one, [CU_ORC_B] = op_orc_b_one, [CU_REV8] = op_rev8_one,
		[CU_CZERO_EQZ] = op_czero_eqz_one, [CU_CZERO_NEZ] = op_czero_nez_one,
		[CU_FSGNJ_S] = op_fsgnj_s_one, [CU_FSGNJN_S] = op_fsgnjn_s_one,
		[CU_FSGNJX_S] = op_fsgnjx_s_one, [CU_FMIN_S] = op_fmin_s_one,
		[CU_FMAX_S] = op_fmax_s_one, [CU_FEQ_S] = op_feq_s_one, [CU_FLT_S] = op_flt_s_one,
		[CU_FLE_S] = op_fle_s_one, [CU_FCLASS_S] = op_fclass_s_one,
		[CU_FMV_X_W] = op_fmv_x_w_one, [CU_FMV_W_X] = op_fmv_w_x_one,
		[CU_FSGNJ_D] = op_fsgnj_d_one, [CU_FSGNJN_D] = op_fsgnjn_d_one,
		[CU_FSGNJX_D] = op_fsgnjx_d_one, [CU_FMIN_D] = op_fmin_d_one,
		[CU_FMAX_D] = op_fmax_d_one, [CU_FEQ_D] = op_feq_d_one, [CU_FLT_D] = op_flt_d_one,
		[CU_FLE_D] = op_fle_d_one, [CU_FCLASS_D] = op_fclass_d_one,
		[CU_FMV_D] = op_fmv_d_one, [CU_FCVT_D_S] = op_fcvt_d_s_one,
		[CU_FCVT_D_W] = op_fcvt_d_w_one, [CU_FCVT_D_WU] = op_fcvt_d_wu_one,
		[CU_FADD_S] = op_fadd_s_one, [CU_FSUB_S] = op_fsub_s_one,
		[CU_FMUL_S] = op_fmul_s_one, [CU_FDIV_S] = op_fdiv_s_one,
		[CU_FSQRT_S] = op_fsqrt_s_one, [CU_FMADD_S] = op_fmadd_s_one,
		[CU_FMSUB_S] = op_fmsub_s_one, [CU_FNMSUB_S] = op_fnmsub_s_one,
		[CU_FNMADD_S] = op_fnmadd_s_one, [CU_FADD_D] = op_fadd_d_one,
		[CU_FSUB_D] = op_fsub_d_one, [CU_FMUL_D] = op_fmul_d_one,
		[CU_FDIV_D] = op_fdiv_d_one, [CU_FSQRT_D] = op_fsqrt_d_one,
		[CU_FMADD_D] = op_fmadd_d_one, [CU_FMSUB_D] = op_fmsub_d_one,
		[CU_FNMSUB_D] = op_fnmsub_d_one, [CU_FNMADD_D] = op_fnmadd_d_one,
		[CU_FCVT_S_W] = op_fcvt_s_w_one, [CU_FCVT_S_WU] = op_fcvt_s_wu_one,
		[CU_FCVT_S_L] = op_fcvt_s_l_one, [CU_FCVT_S_LU] = op_fcvt_s_lu_one,
		[CU_FCVT_D_L] = op_fcvt_d_l_one, [CU_FCVT_D_LU] = op_fcvt_d_lu_one,
		[CU_FCVT_W_S] = op_fcvt_w_s_one, [CU_FCVT_WU_S] = op_fcvt_wu_s_one,
		[CU_FCVT_L_S] = op_fcvt_l_s_one, [CU_FCVT_LU_S] = op_fcvt_lu_s_one,
		[CU_FCVT_W_D] = op_fcvt_w_d_one, [CU_FCVT_WU_D] = op_fcvt_wu_d_one,
		[CU_FCVT_L_D] = op_fcvt_l_d_one, [CU_FCVT_LU_D] = op_fcvt_lu_d_one,
		[CU_FCVT_S_D] = op_fcvt_s_d_one, [CU_FSGNJ_H] = op_fsgnj_h_one,
		[CU_FSGNJN_H] = op_fsgnjn_h_one, [CU_FSGNJX_H] = op_fsgnjx_h_one,
		[CU_FMIN_H] = op_fmin_h_one, [CU_FMAX_H] = op_fmax_h_one,
		[CU_FEQ_H] = op_feq_h_one, [CU_FLT_H] = op_flt_h_one, [CU_FLE_H] = op_fle_h_one,
		[CU_FCLASS_H] = op_fclass_h_one, [CU_FMV_X_H] = op_fmv_x_h_one,
		[CU_FMV_H_X] = op_fmv_h_x_one, [CU_FCVT_S_H] = op_fcvt_s_h_one,
		[CU_FCVT_D_H] = op_fcvt_d_h_one, [CU_FCVT_S_BF16] = op_fcvt_s_bf16_one,
		[CU_FADD_H] = op_fadd_h_one, [CU_FSUB_H] = op_fsub_h_one,
		[CU_FMUL_H] = op_fmul_h_one, [CU_FDIV_H] = op_fdiv_h_one,
		[CU_FSQRT_H] = op_fsqrt_h_one, [CU_FMADD_H] = op_fmadd_h_one,
		[CU_FMSUB_H] = op_fmsub_h_one, [CU_FNMSUB_H] = op_fnmsub_h_one,
		[CU_FNMADD_H] = op_fnmadd_h_one, [CU_FCVT_H_W] = op_fcvt_h_w_one,
		[CU_FCVT_H_WU] = op_fcvt_h_wu_one, [CU_FCVT_H_L] = op_fcvt_h_l_one,
		[CU_FCVT_H_LU] = op_fcvt_h_lu_one, [CU_FCVT_W_H] = op_fcvt_w_h_one,
		[CU_FCVT_WU_H] = op_fcvt_wu_h_one, [CU_FCVT_L_H] = op_fcvt_l_h_one,
		[CU_FCVT_LU_H] = op_fcvt_lu_h_one, [CU_FCVT_H_S] = op_fcvt_h_s_one,
		[CU_FCVT_H_D] = op_fcvt_h_d_one, [CU_FCVT_BF16_S] = op_fcvt_bf16_s_one,
	},
	.affine = {
		[CU_ADDI] = affine_addi, [CU_SLLI] = affine_slli, [CU_SRLI] = affine_srli,
		[CU_SRAI] = affine_srai, [CU_ANDI] = affine_andi, [CU_ADDIW] = affine_addiw,
		[CU_SLLIW] = affine_slliw, [CU_ADD] = affine_add, [CU_SUB] = affine_sub,
		[CU_ADDW] = affine_addw, [CU_SUBW] = affine_subw, [CU_MUL] = affine_mul,
		[CU_MULW] = affine_mulw, [CU_ADD_UW] = affine_add_uw,
		[CU_SH1ADD] = affine_sh1add, [CU_SH2ADD] = affine_sh2add,
		[CU_SH3ADD] = affine_sh3add, [CU_SH1ADD_UW] = affine_sh1add_uw,
		[CU_SH2ADD_UW] = affine_sh2add_uw, [CU_SH3ADD_UW] = affine_sh3add_uw,
		[CU_SLLI_UW] = affine_slli_uw, [CU_ZEXT_H] = affine_zext_h,
	},
	.integral = {
		{ integral_s_rne, integral_s_rtz, integral_s_rdn, integral_s_rup, integral_s_rmm },
		{ integral_d_rne, integral_d_rtz, integral_d_rdn, integral_d_rup, integral_d_rmm },
		{ integral_h_rne, integral_h_rtz, integral_h_rdn, integral_h_rup, integral_h_rmm },
	},
	.branch = { lanes_eq, lanes_ne, lanes_lt, lanes_ge, lanes_ltu, lanes_geu },
	.load = {
		load_lb, load_lh, load_lw, load_ld, load_lbu, load_lhu, load_lwu, load_flw,
		load_flh
	},
	.store = { store_sb, store_sh, store_sw, store_sd },
	.load_runs = {
		load_lb_runs, load_lh_runs, load_lw_runs, load_ld_runs, load_lbu_runs,
		load_lhu_runs, load_lwu_runs, load_flw_runs, load_flh_runs
	},
	.store_runs = { store_sb_runs, store_sh_runs, store_sw_runs, store_sd_runs },
	.gather = {
		load_lb_gather, load_lh_gather, load_lw_gather, load_ld_gather, load_lbu_gather,
		load_lhu_gather, load_lwu_gather, load_flw_gather, load_flh_gather
	},
	.load_private = {
		private_lb, private_lh, private_lw, private_ld, private_lbu, private_lhu,
		private_lwu, private_flw, private_flh
	},
	.store_private = store_private,
	.address = address,
	.address_all = address_all,
	.within = within,
	.splat = splat,
	.uniform = uniform,
	.spread = spread,
	.blend = blend,
	.expand_mask = expand_mask,
	.lowest = lowest,
};
