// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Floating-point arithmetic of one lane in any rounding mode, in integer arithmetic.
 *
 * Used for what the host's vector units do not offer: rounding modes that programs choose rarely.
 * A finite number is sig * 2^exp with an exact 128-bit sig whose lowest bit may stand for "and a
 * little more" (sticky); round_pack() brings that into a format. Operands that are not finite do
 * not depend on the rounding mode, so the host's arithmetic takes care of them.
 */
#include <math.h>
#include <stdbool.h>

#include "cu_fp.h"

struct num {
	bool sign;
	int exp;
	__uint128_t sig;
};

struct format {
	int precision;		/* bits of the significand, the hidden one included */
	int emin, emax;		/* exponents of normal numbers */
	int sign;		/* bit of the sign */
	uint64_t box;		/* bits above that */
};

static const struct format half_format = { 11, -14, 15, 15, CU_BOX_H };
static const struct format bf16_format = { 8, -126, 127, 15, CU_BOX_H };
static const struct format single_format = { 24, -126, 127, 31, CU_BOX };
static const struct format double_format = { 53, -1022, 1023, 63, 0 };

static int top_bit(__uint128_t v)
{
	uint64_t hi = v >> 64;

	return hi ? 127 - __builtin_clzll(hi) : 63 - __builtin_clzll((uint64_t)v);
}

/* Shift right; bits that fall out leave a trace in the lowest bit. */
static __uint128_t shift_sticky(__uint128_t v, unsigned int n)
{
	if (!n)
		return v;
	if (n > 127)
		return !!v;
	return v >> n | !!(v << (128 - n));
}

static bool round_up(bool sign, enum cu_round rm, bool odd, int against_half)
{
	switch (rm) {
	case CU_RNE:
		return against_half > 0 || (against_half == 0 && odd);
	case CU_RMM:
		return against_half >= 0;
	case CU_RDN:
		return sign;
	case CU_RUP:
		return !sign;
	default:
		return false;
	}
}

static uint64_t pack(const struct format *f, bool sign, int64_t biased, uint64_t fraction)
{
	return f->box | (uint64_t)sign << f->sign | (uint64_t)biased << (f->precision - 1) |
	       fraction;
}

static uint64_t overflow(const struct format *f, bool sign, enum cu_round rm)
{
	bool infinite = rm == CU_RNE || rm == CU_RMM || (rm == CU_RUP && !sign) ||
			(rm == CU_RDN && sign);
	int64_t top = 2 * (int64_t)f->emax + 1;

	if (infinite)
		return pack(f, sign, top, 0);
	return pack(f, sign, top - 1, ((uint64_t)1 << (f->precision - 1)) - 1);
}

/* sig must not be zero. */
static uint64_t round_pack(const struct format *f, struct num n, enum cu_round rm)
{
	int exponent = n.exp + top_bit(n.sig);
	int last = (exponent > f->emin ? exponent : f->emin) - (f->precision - 1);
	int shift = last - n.exp;
	uint64_t kept;

	if (shift <= 0) {
		kept = (uint64_t)(n.sig << -shift);
	} else {
		/* Two more bits than are kept: half, and everything below it. */
		__uint128_t v = shift > 2 ? shift_sticky(n.sig, shift - 2) : n.sig << (2 - shift);
		unsigned int rest = (unsigned int)v & 3;

		kept = (uint64_t)(v >> 2);
		if (rest && round_up(n.sign, rm, kept & 1, rest == 2 ? 0 : rest == 3 ? 1 : -1))
			kept++;
		if (kept >> f->precision) {
			kept >>= 1;
			last++;
		}
	}
	if (!(kept >> (f->precision - 1)))
		return pack(f, n.sign, 0, kept);
	exponent = last + f->precision - 1;
	if (exponent > f->emax)
		return overflow(f, n.sign, rm);
	return pack(f, n.sign, exponent + f->emax, kept & ~((uint64_t)1 << (f->precision - 1)));
}

/* Finite and not zero; sig has its top bit at 52. */
static struct num unpack(double v)
{
	uint64_t u = cu_bits_d(v);
	struct num n = { .sign = u >> 63, .exp = (int)(u >> 52 & 0x7ff) };
	uint64_t fraction = u & 0xfffffffffffffull;
	int up;

	if (n.exp) {
		n.sig = fraction | 1ull << 52;
		n.exp -= 1075;
		return n;
	}
	up = __builtin_clzll(fraction) - 11;
	n.sig = fraction << up;
	n.exp = -1074 - up;
	return n;
}

static uint64_t zero(const struct format *f, bool sign)
{
	return pack(f, sign, 0, 0);
}

static uint64_t from_host(const struct format *f, double v)
{
	if (f == &half_format)
		return cu_to_h(v);
	if (f == &bf16_format)
		return cu_bf16_from_s(cu_to_s((float)v));
	return f == &single_format ? cu_to_s((float)v) : cu_to_d(v);
}

static uint64_t round_double(const struct format *f, double v, enum cu_round rm)
{
	if (!isfinite(v))
		return from_host(f, v);
	return v == 0 ? zero(f, signbit(v)) : round_pack(f, unpack(v), rm);
}

static struct num to_top(struct num n)
{
	int up = 125 - top_bit(n.sig);

	n.sig <<= up;
	n.exp -= up;
	return n;
}

/* Neither is zero. */
static uint64_t add(const struct format *f, struct num a, struct num b, enum cu_round rm)
{
	struct num big = to_top(a), small = to_top(b), t;

	if (big.exp < small.exp) {
		t = big;
		big = small;
		small = t;
	}
	small.sig = shift_sticky(small.sig, big.exp - small.exp);
	if (big.sign == small.sign) {
		big.sig += small.sig;
	} else if (big.sig >= small.sig) {
		big.sig -= small.sig;
	} else {
		big.sig = small.sig - big.sig;
		big.sign = small.sign;
	}
	return big.sig ? round_pack(f, big, rm) : zero(f, rm == CU_RDN);
}

static uint64_t fused(const struct format *f, double a, double b, double c, enum cu_round rm)
{
	bool sign = !!signbit(a) ^ !!signbit(b);
	struct num product, m;

	if (!isfinite(a) || !isfinite(b) || !isfinite(c))
		return from_host(f, fma(a, b, c));
	if (a == 0 || b == 0) {
		if (c == 0)
			return zero(f, sign == !!signbit(c) ? sign : rm == CU_RDN);
		return round_double(f, c, rm);
	}
	product = unpack(a);
	m = unpack(b);
	product.sign = sign;
	product.sig *= m.sig;
	product.exp += m.exp;
	return c == 0 ? round_pack(f, product, rm) : add(f, product, unpack(c), rm);
}

static uint64_t multiply(const struct format *f, double a, double b, enum cu_round rm)
{
	struct num product, m;

	if (!isfinite(a) || !isfinite(b) || a == 0 || b == 0)
		return from_host(f, a * b);
	product = unpack(a);
	m = unpack(b);
	product.sign ^= m.sign;
	product.sig *= m.sig;
	product.exp += m.exp;
	return round_pack(f, product, rm);
}

static uint64_t divide(const struct format *f, double a, double b, enum cu_round rm)
{
	struct num n, d;
	__uint128_t top;

	if (!isfinite(a) || !isfinite(b) || a == 0 || b == 0)
		return from_host(f, a / b);
	n = unpack(a);
	d = unpack(b);
	top = n.sig << 74;
	n.sign ^= d.sign;
	n.exp -= d.exp + 74;
	n.sig = top / d.sig | !!(top % d.sig);
	return round_pack(f, n, rm);
}

static uint64_t square_root(const struct format *f, double a, enum cu_round rm)
{
	struct num n;
	__uint128_t rest, root = 0;

	if (!isfinite(a) || a <= 0)
		return from_host(f, sqrt(a));
	n = unpack(a);
	rest = n.sig << (n.exp & 1 ? 73 : 72);
	n.exp = (n.exp - (n.exp & 1 ? 73 : 72)) / 2;
	for (__uint128_t bit = (__uint128_t)1 << 126; bit; bit >>= 2) {
		if (rest >= root + bit) {
			rest -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	n.sig = root << 1 | !!rest;
	n.exp--;
	return round_pack(f, n, rm);
}

static uint64_t from_integer(const struct format *f, bool sign, uint64_t magnitude,
			     enum cu_round rm)
{
	struct num n = { sign, 0, magnitude };

	return magnitude ? round_pack(f, n, rm) : zero(f, false);
}

static uint64_t from_signed(const struct format *f, int64_t v, enum cu_round rm)
{
	return from_integer(f, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, rm);
}

static double round_to_integer(double v, enum cu_round rm)
{
	switch (rm) {
	case CU_RNE:
		return rint(v);
	case CU_RDN:
		return floor(v);
	case CU_RUP:
		return ceil(v);
	case CU_RMM:
		return round(v);
	default:
		return trunc(v);
	}
}

static uint64_t arithmetic(const struct format *f, enum cu_op op, enum cu_round rm, double a,
			   double b, double c)
{
	switch (op) {
	case CU_FADD_D:
		return fused(f, a, 1, b, rm);
	case CU_FSUB_D:
		return fused(f, a, 1, -b, rm);
	case CU_FMUL_D:
		return multiply(f, a, b, rm);
	case CU_FDIV_D:
		return divide(f, a, b, rm);
	case CU_FSQRT_D:
		return square_root(f, a, rm);
	case CU_FMADD_D:
		return fused(f, a, b, c, rm);
	case CU_FMSUB_D:
		return fused(f, a, b, -c, rm);
	case CU_FNMSUB_D:
		return fused(f, -a, b, c, rm);
	default:
		return fused(f, -a, b, -c, rm);
	}
}

/**
 * cu_fp_round() - One operation with a rounding mode.
 * @op: CU_FADD_S to CU_FCVT_S_D
 * @rm: CU_RNE to CU_RMM
 * @a: first operand, as it stands in its register
 * @b: second operand, if the operation has one
 * @c: third operand, if the operation has one
 *
 * Return: what goes into the destination register.
 */
uint64_t cu_fp_round(enum cu_op op, enum cu_round rm, uint64_t a, uint64_t b, uint64_t c)
{
	switch (op) {
	case CU_FCVT_H_W:
		return from_signed(&half_format, (int32_t)a, rm);
	case CU_FCVT_H_WU:
		return from_integer(&half_format, false, (uint32_t)a, rm);
	case CU_FCVT_H_L:
		return from_signed(&half_format, (int64_t)a, rm);
	case CU_FCVT_H_LU:
		return from_integer(&half_format, false, a, rm);
	case CU_FCVT_S_W:
		return from_signed(&single_format, (int32_t)a, rm);
	case CU_FCVT_S_WU:
		return from_integer(&single_format, false, (uint32_t)a, rm);
	case CU_FCVT_S_L:
		return from_signed(&single_format, (int64_t)a, rm);
	case CU_FCVT_S_LU:
		return from_integer(&single_format, false, a, rm);
	case CU_FCVT_D_L:
		return from_signed(&double_format, (int64_t)a, rm);
	case CU_FCVT_D_LU:
		return from_integer(&double_format, false, a, rm);
	case CU_FCVT_W_S:
		return (int64_t)cu_to_w(round_to_integer(cu_from_s(a), rm));
	case CU_FCVT_WU_S:
		return (int64_t)(int32_t)cu_to_wu(round_to_integer(cu_from_s(a), rm));
	case CU_FCVT_L_S:
		return cu_to_l(round_to_integer(cu_from_s(a), rm));
	case CU_FCVT_LU_S:
		return cu_to_lu(round_to_integer(cu_from_s(a), rm));
	case CU_FCVT_W_D:
		return (int64_t)cu_to_w(round_to_integer(cu_from_d(a), rm));
	case CU_FCVT_WU_D:
		return (int64_t)(int32_t)cu_to_wu(round_to_integer(cu_from_d(a), rm));
	case CU_FCVT_L_D:
		return cu_to_l(round_to_integer(cu_from_d(a), rm));
	case CU_FCVT_LU_D:
		return cu_to_lu(round_to_integer(cu_from_d(a), rm));
	case CU_FCVT_W_H:
		return (int64_t)cu_to_w(round_to_integer(cu_from_h(a), rm));
	case CU_FCVT_WU_H:
		return (int64_t)(int32_t)cu_to_wu(round_to_integer(cu_from_h(a), rm));
	case CU_FCVT_L_H:
		return cu_to_l(round_to_integer(cu_from_h(a), rm));
	case CU_FCVT_LU_H:
		return cu_to_lu(round_to_integer(cu_from_h(a), rm));
	case CU_FCVT_H_S:
		return round_double(&half_format, cu_from_s(a), rm);
	case CU_FCVT_H_D:
		return round_double(&half_format, cu_from_d(a), rm);
	case CU_FCVT_BF16_S:
		return round_double(&bf16_format, cu_from_s(a), rm);
	case CU_FCVT_S_D:
		return round_double(&single_format, cu_from_d(a), rm);
	default:
		break;
	}
	if (op >= CU_FADD_H)
		return arithmetic(&half_format, op - CU_FADD_H + CU_FADD_D, rm, cu_from_h(a),
				  cu_from_h(b), cu_from_h(c));
	if (op >= CU_FADD_D)
		return arithmetic(&double_format, op, rm, cu_from_d(a), cu_from_d(b),
				  cu_from_d(c));
	return arithmetic(&single_format, op - CU_FADD_S + CU_FADD_D, rm, cu_from_s(a),
			  cu_from_s(b), cu_from_s(c));
}
