// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Zba, Zbb, Zicond, Zfh and Zfbfmin: each instruction, as the stock assembler encodes it, against a
 * reference of its own. Halves are rounded here by search among all of them, from a __float128,
 * which has more digits than any exact result here, or enough of those that are not.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cu_fp.h"
#include "fake_dispatch.h"
#include "fake_kernels.h"
#include "kernels/isa.h"
#include "kernels/wave.h"

#define ASID	1u
#define ARGS_VA	0x1000000ull
#define DATA_VA	0x2000000ull
#define DATA	0x1000000u	/* VRAM offset */
#define ROUNDS	300u
#define LANES	VGPU_LANES

static struct vgpu *gpu;
static struct cu *cu;
static uint64_t seed;
static const char *const names[] = {
#define NAME(name, ...)	#name,
	ISA_TWO(NAME) ISA_ONE(NAME) ISA_SHIFT(NAME) ISA_FP_TWO(NAME) ISA_FP_THREE(NAME)
	ISA_FP_ONE(NAME) ISA_FROM_FP(NAME) ISA_COMPARE(NAME) ISA_TO_FP(NAME) "flh"
};

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed ^ seed >> 29;
}

/* --- 16-bit formats --------------------------------------------------------------------------- */

struct format {
	unsigned int fraction, bias;
	uint32_t infinite, nan;
};

static const struct format half = { 10, 15, 0x7c00, 0x7e00 };
static const struct format bf16 = { 7, 127, 0x7f80, 0x7fc0 };

/* The value of 16 bits that are no NaN; infinity is the next power of two. */
static __float128 value(const struct format *f, uint32_t bits)
{
	uint32_t exp = (bits & 0x7fff) >> f->fraction, one = 1u << f->fraction;
	__float128 v = (bits & (one - 1)) + (exp ? one : 0);

	for (int e = (int)(exp ? exp : 1) - (int)(f->bias + f->fraction); e; e += e < 0 ? 1 : -1)
		v *= e < 0 ? 0.5 : 2;
	return bits & 0x8000 ? -v : v;
}

static bool is_nan(const struct format *f, uint32_t bits)
{
	return (bits & 0x7fff) > f->infinite;
}

/* What a register's bits mean in the format. */
static uint32_t unbox(const struct format *f, uint64_t reg)
{
	return reg >> 16 == 0xffffffffffffull ? (uint32_t)reg & 0xffff : f->nan;
}

static uint64_t box(uint32_t bits)
{
	return 0xffffffffffff0000ull | bits;
}

/* The 16 bits for a value, negative zero if the value is zero and minus is set. */
static uint32_t rounded(const struct format *f, __float128 v, bool minus, unsigned int rm)
{
	uint32_t sign = v < 0 || (v == 0 && minus) ? 0x8000 : 0, low = 0, high = f->infinite;
	__float128 size = v < 0 ? -v : v, middle;
	bool up;

	while (high - low > 1) {
		uint32_t m = (low + high) / 2;

		if (value(f, m) <= size)
			low = m;
		else
			high = m;
	}
	if (value(f, low) == size)
		return sign | low;
	middle = (value(f, low) + value(f, low + 1)) / 2;
	switch (rm) {
	case CU_RNE:
		up = size > middle || (size == middle && low & 1);
		break;
	case CU_RMM:
		up = size >= middle;
		break;
	case CU_RDN:
		up = sign;
		break;
	case CU_RUP:
		up = !sign;
		break;
	default:
		up = false;
		break;
	}
	return sign | (low + up);
}

static double operand(uint64_t reg)
{
	uint32_t bits = unbox(&half, reg);
	double v = bits & 0x8000 ? -1 : 1;

	if (is_nan(&half, bits))
		return NAN;
	if ((bits & 0x7fff) == half.infinite)
		return v * INFINITY;
	return copysign((double)value(&half, bits), v);
}

/* A host's result that is exact (v) as a half; host has its sign, or is no finite number. */
static uint64_t result(__float128 v, double host, unsigned int rm)
{
	if (isnan(host))
		return box(half.nan);
	if (isinf(host))
		return box(half.infinite | (host < 0 ? 0x8000 : 0));
	return box(rounded(&half, v, signbit(host), rm));
}

static uint64_t sum(double x, double y, unsigned int rm)
{
	double host = x + y;

	if (host == 0 && (x != 0 || signbit(x) != signbit(y)))
		host = rm == CU_RDN ? -0.0 : 0.0;
	return result((__float128)x + y, host, rm);
}

static uint64_t fused(double x, double y, double z, unsigned int rm)
{
	double host = fma(x, y, z), product = x * y;

	if (host == 0 && (product != 0 || signbit(product) != signbit(z)))
		host = rm == CU_RDN ? -0.0 : 0.0;
	if (!isfinite(host))
		return result(0, host, rm);
	return result((__float128)x * y + z, host, rm);
}

static uint64_t narrow(const struct format *f, double v, unsigned int rm)
{
	if (isnan(v))
		return box(f->nan);
	if (isinf(v))
		return box(f->infinite | (v < 0 ? 0x8000 : 0));
	return box(rounded(f, v, signbit(v), rm));
}

static uint64_t smaller(uint64_t a, uint64_t b, bool larger)
{
	uint32_t x = unbox(&half, a), y = unbox(&half, b);
	int32_t nx = x & 0x8000 ? -(int32_t)(x & 0x7fff) - 1 : (int32_t)x;
	int32_t ny = y & 0x8000 ? -(int32_t)(y & 0x7fff) - 1 : (int32_t)y;

	if (is_nan(&half, x))
		return box(is_nan(&half, y) ? half.nan : y);
	if (is_nan(&half, y))
		return box(x);
	return box((nx < ny) != larger ? x : y);
}

static uint64_t class_of(uint32_t bits)
{
	uint32_t size = bits & 0x7fff;
	unsigned int n;

	if (size > 0x7c00)
		return size & 0x200 ? 1 << 9 : 1 << 8;
	n = size == 0x7c00 ? 3 : size >= 0x400 ? 2 : size ? 1 : 0;
	return 1u << (bits & 0x8000 ? 3 - n : 4 + n);
}

static __float128 whole(__float128 v, unsigned int rm)
{
	int64_t down = (int64_t)v;
	__float128 rest;

	if (down > v)
		down--;
	rest = v - down;
	switch (rm) {
	case CU_RNE:
		return down + (rest > 0.5 || (rest == 0.5 && down & 1));
	case CU_RMM:
		return down + (v < 0 ? rest > 0.5 : rest >= 0.5);
	case CU_RDN:
		return down;
	case CU_RUP:
		return down + (rest > 0);
	default:
		return down + (v < 0 && rest > 0);
	}
}

/* To an integer between low and high. */
static uint64_t integer(uint64_t a, unsigned int rm, __float128 low, __float128 high)
{
	double v = operand(a);
	__float128 n;

	if (isnan(v) || isinf(v))
		return (uint64_t)(int64_t)(v < 0 ? (low < 0 ? (int64_t)low : 0) :
					   high > INT64_MAX ? -1 : (int64_t)high);
	n = whole(v, rm);
	n = n < low ? low : n > high ? high : n;
	return n < 0 ? (uint64_t)(int64_t)n : (uint64_t)n;
}

/* --- all operations --------------------------------------------------------------------------- */

static uint64_t sign_32(uint64_t v)
{
	return v & 0x80000000 ? v | 0xffffffff00000000ull : v & 0xffffffff;
}

/* Bit by bit, from the bit "from" on, downward or upward, until one is set. */
static uint64_t zeros(uint64_t v, unsigned int bits, bool leading)
{
	unsigned int n = 0;

	while (n < bits && !(v >> (leading ? bits - 1 - n : n) & 1))
		n++;
	return n;
}

static uint64_t ones(uint64_t v, unsigned int bits)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < bits; i++)
		n += v >> i & 1;
	return n;
}

static uint64_t rotate(uint64_t v, unsigned int left, unsigned int bits)
{
	uint64_t r = 0;

	for (unsigned int i = 0; i < bits; i++)
		r |= (v >> i & 1) << (i + left) % bits;
	return bits == 32 ? sign_32(r) : r;
}

static uint64_t bytes(uint64_t v, bool reverse)
{
	uint64_t r = 0;

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t byte = v >> 8 * i & 0xff;

		r |= reverse ? byte << (56 - 8 * i) : (uint64_t)(byte ? 0xff : 0) << 8 * i;
	}
	return r;
}

static uint64_t want_integer(enum isa_op op, uint64_t a, uint64_t b)
{
	const uint64_t low = a % 0x100000000ull;
	const bool less = (int64_t)a < (int64_t)b;

	switch (op) {
	case ISA_add_uw:
		return low + b;
	case ISA_sh1add:
		return a * 2 + b;
	case ISA_sh2add:
		return a * 4 + b;
	case ISA_sh3add:
		return a * 8 + b;
	case ISA_sh1add_uw:
		return low * 2 + b;
	case ISA_sh2add_uw:
		return low * 4 + b;
	case ISA_sh3add_uw:
		return low * 8 + b;
	case ISA_andn:
		return a & (b ^ UINT64_MAX);
	case ISA_orn:
		return a | (b ^ UINT64_MAX);
	case ISA_xnor:
		return (a & b) | ~(a | b);
	case ISA_min:
		return less ? a : b;
	case ISA_minu:
		return a < b ? a : b;
	case ISA_max:
		return less ? b : a;
	case ISA_maxu:
		return a < b ? b : a;
	case ISA_rol:
		return rotate(a, b % 64, 64);
	case ISA_ror:
		return rotate(a, 64 - b % 64, 64);
	case ISA_rolw:
		return rotate(a, b % 32, 32);
	case ISA_rorw:
		return rotate(a, 32 - b % 32, 32);
	case ISA_czero_eqz:
		return b == 0 ? 0 : a;
	case ISA_czero_nez:
		return b != 0 ? 0 : a;
	case ISA_clz:
		return zeros(a, 64, true);
	case ISA_ctz:
		return zeros(a, 64, false);
	case ISA_cpop:
		return ones(a, 64);
	case ISA_clzw:
		return zeros(a, 32, true);
	case ISA_ctzw:
		return zeros(a, 32, false);
	case ISA_cpopw:
		return ones(a, 32);
	case ISA_sext_b:
		return (a & 0xff) - (a & 0x80 ? 0x100 : 0);
	case ISA_sext_h:
		return (a & 0xffff) - (a & 0x8000 ? 0x10000 : 0);
	case ISA_zext_h:
		return a % 0x10000;
	case ISA_orc_b:
		return bytes(a, false);
	case ISA_rev8:
		return bytes(a, true);
	case ISA_slli_uw_0:
		return low;
	case ISA_slli_uw_63:
		return a % 2 ? 1ull << 63 : 0;
	case ISA_rori_1:
		return rotate(a, 63, 64);
	case ISA_rori_63:
		return rotate(a, 1, 64);
	case ISA_roriw_1:
		return rotate(a, 31, 32);
	default:
		return rotate(a, 1, 32);
	}
}

static uint64_t want_half(enum isa_op op, uint64_t a, uint64_t b, uint64_t c, unsigned int rm)
{
	const double x = operand(a), y = operand(b), z = operand(c);
	const uint32_t bits = unbox(&half, a), sign = unbox(&half, b) & 0x8000;
	uint32_t brain = unbox(&bf16, a);

	switch (op) {
	case ISA_fadd_h:
		return sum(x, y, rm);
	case ISA_fsub_h:
		return sum(x, -y, rm);
	case ISA_fmul_h:
		return result((__float128)x * y, x * y, rm);
	case ISA_fdiv_h:
		return result(y != 0 ? (__float128)x / y : 0, x / y, rm);
	case ISA_fsqrt_h:
		return result(x > 0 ? sqrtl(x) : 0, sqrt(x), rm);
	case ISA_fmadd_h:
		return fused(x, y, z, rm);
	case ISA_fmsub_h:
		return fused(x, y, -z, rm);
	case ISA_fnmsub_h:
		return fused(-x, y, z, rm);
	case ISA_fnmadd_h:
		return fused(-x, y, -z, rm);
	case ISA_fsgnj_h:
		return box((bits & 0x7fff) | sign);
	case ISA_fsgnjn_h:
		return box((bits & 0x7fff) | (sign ^ 0x8000));
	case ISA_fsgnjx_h:
		return box(bits ^ sign);
	case ISA_fmin_h:
		return smaller(a, b, false);
	case ISA_fmax_h:
		return smaller(a, b, true);
	case ISA_fcvt_s_h:
		return cu_to_s((float)x);
	case ISA_fcvt_d_h:
		return cu_to_d(x);
	case ISA_fcvt_h_s:
		return narrow(&half, cu_from_s(a), rm);
	case ISA_fcvt_h_d:
		return narrow(&half, cu_from_d(a), rm);
	case ISA_fcvt_bf16_s:
		return narrow(&bf16, cu_from_s(a), rm);
	case ISA_fcvt_s_bf16:
		return CU_BOX | (is_nan(&bf16, brain) ? CU_NAN_S : brain << 16);
	case ISA_fmv_x_h:
		return (a & 0xffff) - (a & 0x8000 ? 0x10000 : 0);
	case ISA_fclass_h:
		return class_of(bits);
	case ISA_fcvt_w_h:
		return integer(a, rm, INT32_MIN, INT32_MAX);
	case ISA_fcvt_wu_h:
		return sign_32(integer(a, rm, 0, UINT32_MAX));
	case ISA_fcvt_l_h:
		return integer(a, rm, INT64_MIN, INT64_MAX);
	case ISA_fcvt_lu_h:
		return integer(a, rm, 0, UINT64_MAX);
	case ISA_feq_h:
		return x == y;
	case ISA_flt_h:
		return x < y;
	case ISA_fle_h:
		return x <= y;
	case ISA_fmv_h_x:
		return box(a & 0xffff);
	case ISA_fcvt_h_w:
		return box(rounded(&half, (int32_t)a, false, rm));
	case ISA_fcvt_h_wu:
		return box(rounded(&half, (uint32_t)a, false, rm));
	case ISA_fcvt_h_l:
		return box(rounded(&half, (int64_t)a, false, rm));
	case ISA_fcvt_h_lu:
		return box(rounded(&half, a, false, rm));
	default:
		return box(b & 0xffff);
	}
}

static uint64_t random_operand(void)
{
	static const uint16_t special[] = {
		0, 0x8000, 0x3c00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 1, 0x3ff, 0x400, 0x7bff, 0xfbff,
		0x3bff, 0x6400, 0x3800, 0xb800,
	};
	double d;

	switch (rnd() >> 40 & 15) {
	case 0:
		return rnd();
	case 1:
		return rnd() >> (rnd() >> 50 & 63);
	case 2:	/* single, near to halves and to their middles */
		return CU_BOX | ((rnd() >> 20 & 0x80fff003) + ((90 + (rnd() >> 30) % 60) << 23));
	case 3:
		return CU_BOX | rnd() >> 32;
	case 4:	/* doubles likewise */
		d = ldexp(1 + (double)(rnd() >> 50 & 0x7ff) / 2048, (int)(rnd() >> 40) % 50 - 30);
		return cu_bits_d(d) + (rnd() >> 40 & 3) - 1;
	case 5:
		return (rnd() & 0xfffff) - 0x80000;
	case 6:
	case 7:
		return box(special[rnd() >> 30 & 15]);
	case 8:
	case 9:	/* near to one */
		return box((rnd() >> 20 & 0x83ff) + ((12 + (rnd() >> 40 & 7)) << 10));
	default:
		return box(rnd() >> 30 & 0xffff);
	}
}

static void one_round(bool default_rounding)
{
	const struct isa_args args = {
		DATA_VA, DATA_VA + 0x100, DATA_VA + 0x200, DATA_VA + 0x300, DATA_VA + 0x1000,
	};
	struct cu_launch launch = {
		.asid = ASID, .entry = kernel_entry("isa"), .args = ARGS_VA, .grid = { 1, 1, 1 },
		.total = { 1, 1, 1 }, .group = { LANES, 1, 1 }, .private_bytes = 512,
	};
	static const _Atomic uint32_t stop;
	uint64_t *in = (uint64_t *)(gpu->vram + DATA), *out = in + 0x1000 / 8;

	for (unsigned int i = 0; i < 3 * LANES; i++)
		in[i] = random_operand();
	for (unsigned int i = 0; i < LANES; i++)
		in[3 * LANES + i] = default_rounding ? CU_RNE : (rnd() >> 40) % 5;
	memcpy(gpu->vram + FAKE_DATA, &args, sizeof(args));
	assert_true(cu_begin(cu, &launch, &stop));
	if (cu_workgroup(cu, 0) != CU_DONE)
		fail_msg("error %u pc 0x%lx insn 0x%x", cu->error.error, (long)cu->error.pc,
			 cu->error.insn);
	cu_end(cu);
	for (unsigned int i = 0; i < LANES; i++) {
		const uint64_t a = in[i], b = in[LANES + i], c = in[2 * LANES + i];
		const unsigned int rm = in[3 * LANES + i];

		for (enum isa_op op = 0; op < ISA_OPS; op++) {
			uint64_t want = op < ISA_fadd_h ? want_integer(op, a, b) :
							  want_half(op, a, b, c, rm);

			if (out[op * LANES + i] != want)
				fail_msg("%s: %s a 0x%lx b 0x%lx c 0x%lx rm %u: 0x%lx, not 0x%lx",
					 cu->vec->name, names[op], (long)a, (long)b, (long)c, rm,
					 (long)out[op * LANES + i], (long)want);
		}
	}
}

static void test_instructions(void **state)
{
	(void)state;
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		cu->vec = cu_vec_get(n);
		seed = 1;
		for (unsigned int i = 0; i < ROUNDS; i++)
			one_round(i % 2);
	}
}

/* Each half becomes the single, the double and the half that it is. */
static void test_all_halves(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits < 0x10000; bits++) {
		double v = operand(box(bits)), model = cu_from_h(box(bits));

		if (is_nan(&half, bits)) {
			assert_true(isnan(model));
			assert_int_equal(cu_to_h(model), box(half.nan));
			continue;
		}
		assert_true(v == model && signbit(v) == signbit(model));
		assert_int_equal(cu_to_h(v), box(bits));
	}
}

/* --- wave operations -------------------------------------------------------------------------- */

static float as_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static void want_reductions(struct wave_out *want, const uint64_t *in, uint32_t live)
{
	bool first = true;

	for (unsigned int i = 0; i < LANES; i++) {
		const uint32_t u = in[i];
		const int32_t s = u;
		const float f = as_float(u);

		if (!(live >> i & 1))
			continue;
		want->add_u64 = (first ? 0 : want->add_u64) + in[i];
		want->min_u64 = first || in[i] < want->min_u64 ? in[i] : want->min_u64;
		want->max_u64 = first || in[i] > want->max_u64 ? in[i] : want->max_u64;
		want->add_u32 = (first ? 0 : want->add_u32) + u;
		want->min_u32 = first || u < want->min_u32 ? u : want->min_u32;
		want->max_u32 = first || u > want->max_u32 ? u : want->max_u32;
		want->min_s32 = first || s < want->min_s32 ? s : want->min_s32;
		want->max_s32 = first || s > want->max_s32 ? s : want->max_s32;
		want->add_f32 = first ? f : want->add_f32 + f;
		want->min_f32 = first || f < want->min_f32 ? f : want->min_f32;
		want->max_f32 = first || f > want->max_f32 ? f : want->max_f32;
		first = false;
	}
}

static void one_wave(uint32_t live)
{
	const struct wave_args args = { DATA_VA, DATA_VA + 0x1000, live };
	struct cu_launch launch = {
		.asid = ASID, .entry = kernel_entry("wave"), .args = ARGS_VA, .grid = { 1, 1, 1 },
		.total = { 1, 1, 1 }, .group = { LANES, 1, 1 }, .private_bytes = 512,
	};
	static const _Atomic uint32_t stop;
	uint64_t *in = (uint64_t *)(gpu->vram + DATA), odd = 0, one = 0;
	const struct wave_out *out = (const struct wave_out *)(gpu->vram + DATA + 0x1000);

	for (unsigned int i = 0; i < LANES; i++) {
		/* The lower half is a float of middle size, too. */
		in[i] = (rnd() & 0xffffffff807fffffull) | (100 + (rnd() >> 40) % 50) << 23;
		odd |= (in[i] & 1) << i;
		one |= (uint64_t)(in[i] % 64 == 1) << i;
	}
	memcpy(gpu->vram + FAKE_DATA, &args, sizeof(args));
	assert_true(cu_begin(cu, &launch, &stop));
	if (cu_workgroup(cu, 0) != CU_DONE)
		fail_msg("error %u pc 0x%lx insn 0x%x", cu->error.error, (long)cu->error.pc,
			 cu->error.insn);
	cu_end(cu);
	for (unsigned int i = 0; i < LANES; i++) {
		struct wave_out want = {
			.size = LANES, .active = live, .odd = odd & live, .any = !!(one & live),
			.all = !(one & live), .again = live,
		};
		const unsigned int from[] = { in[i] >> 40 & 31, (i + 3) % 32, i ^ 5 };

		if (!(live >> i & 1))
			continue;
		want.first = in[__builtin_ctz(live)];
		want.shuffled = in[live >> from[0] & 1 ? from[0] : i];
		want.down = in[live >> from[1] & 1 ? from[1] : i];
		want.xored = in[live >> from[2] & 1 ? from[2] : i];
		want.half = i & 1 ? live & 0xaaaaaaaa : __builtin_popcount(live & 0x55555555);
		want_reductions(&want, in, live);
		assert_memory_equal(&out[i], &want, sizeof(want));
	}
}

static void test_wave(void **state)
{
	(void)state;
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		cu->vec = cu_vec_get(n);
		seed = 7;
		one_wave(UINT32_MAX);
		for (unsigned int i = 0; i < 200; i++)
			one_wave((rnd() >> 30 & UINT32_MAX) | 1u << (rnd() >> 50) % 32);
	}
}

static int setup(void **state)
{
	(void)state;
	gpu = fake_create(1);
	kernels_load(gpu, ASID, FAKE_DATA + 0x10000);
	fake_map(gpu, ASID, ARGS_VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, DATA_VA, VRAM(DATA), 16 * MMU_PAGE, PTE_RW);
	cu = cu_create(gpu, &gpu->engines->as_table);
	return cu ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cu_destroy(cu);
	fake_destroy(gpu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_instructions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_halves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wave, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu isa", tests, NULL, NULL);
}
