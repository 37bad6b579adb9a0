/* SPDX-License-Identifier: MIT */
/*
 * For compute kernels: functions of float that cost the same for all arguments.
 *
 * Functions of libm choose a path by the argument, and work-items of a wave that take different
 * ones wait for each other. These have one path, in double, which costs the card no more than
 * float, and round once at the end. The one exception: sine and cosine of 2^28 or more.
 *
 * Results differ from the exact value by at most, in units of the last place of the result (0.5 is
 * a correctly rounded one), for all arguments, with subnormal arguments and results:
 *
 *	ogpu_expf	0.502		ogpu_sinf	0.502
 *	ogpu_logf	0.501		ogpu_cosf	0.502
 *	ogpu_powf	0.51		ogpu_tanhf	0.505
 *	ogpu_erff	0.505		conversions	0.5
 *
 * Special values (zeros, infinities, NaN) are those of Annex F of the C standard, without errno and
 * without promises for the exception flags. fcsr.frm is taken to be "to nearest", as at the start.
 *
 * How: the argument is reduced to a small interval, where a polynomial is as good as is needed. The
 * coefficients minimise the greatest relative error there; each list says what that is.
 */
#ifndef OGPU_MATH_H
#define OGPU_MATH_H

#ifndef __riscv
#error "ogpu_math.h is for code that runs on the card: build it with the RISC-V compiler"
#endif

#define OGPU_INF	__builtin_inff()
#define OGPU_NAN	__builtin_nanf("")

/* --- Bits ------------------------------------------------------------------------------------- */

static inline unsigned int ogpu_f32_bits(float v)
{
	unsigned int bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline float ogpu_f32_from_bits(unsigned int bits)
{
	float v;

	__builtin_memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline unsigned long ogpu_f64_bits(double v)
{
	unsigned long bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline double ogpu_f64_from_bits(unsigned long bits)
{
	double v;

	__builtin_memcpy(&v, &bits, sizeof(v));
	return v;
}

/* All bits of a mask, or none; the compiler cannot see that it could branch instead. */
static inline unsigned long ogpu_mask(int condition)
{
	unsigned long mask = -(unsigned long)condition;

	__asm__("" : "+r"(mask));
	return mask;
}

/* Like condition ? yes : no, which is a branch for the compiler; condition is 0 or 1. */
static inline float ogpu_select_f32(int condition, float yes, float no)
{
	unsigned int mask = ogpu_mask(condition);

	return ogpu_f32_from_bits((ogpu_f32_bits(yes) & mask) | (ogpu_f32_bits(no) & ~mask));
}

static inline double ogpu_select_f64(int condition, double yes, double no)
{
	unsigned long mask = ogpu_mask(condition);

	return ogpu_f64_from_bits((ogpu_f64_bits(yes) & mask) | (ogpu_f64_bits(no) & ~mask));
}

/* One instruction each; of a NaN and a number it is the number, and -0 is less than 0. */
static inline float ogpu_fminf(float a, float b)
{
	float v;

	__asm__("fmin.s %0, %1, %2" : "=f"(v) : "f"(a), "f"(b));
	return v;
}

static inline float ogpu_fmaxf(float a, float b)
{
	float v;

	__asm__("fmax.s %0, %1, %2" : "=f"(v) : "f"(a), "f"(b));
	return v;
}

static inline double ogpu_clamp_f64(double v, double low, double high)
{
	__asm__("fmax.d %0, %1, %2" : "=f"(v) : "f"(v), "f"(low));
	__asm__("fmin.d %0, %1, %2" : "=f"(v) : "f"(v), "f"(high));
	return v;
}

/* --- 16-bit formats --------------------------------------------------------------------------- */

/* As in memory: 16 bits. _Float16 is a type of the compiler besides. */
static inline float ogpu_f16_to_f32(unsigned short bits)
{
	_Float16 v;

	__builtin_memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline unsigned short ogpu_f32_to_f16(float f)
{
	_Float16 v = f;
	unsigned short bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline float ogpu_bf16_to_f32(unsigned short bits)
{
	return ogpu_f32_from_bits((unsigned int)bits << 16);
}

static inline unsigned short ogpu_f32_to_bf16(float f)
{
	float v;

	__asm__(".option push\n\t.option arch, +zfbfmin\n\tfcvt.bf16.s %0, %1\n\t.option pop"
		: "=f"(v) : "f"(f));
	return ogpu_f32_bits(v);
}

/* --- Parts of several functions --------------------------------------------------------------- */

#define OGPU_LN2	0.6931471805599453
#define OGPU_LOG2E	1.4426950408889634
/* Added to a small number it leaves the nearest integer in the lowest bits of the sum. */
#define OGPU_ROUNDER	6755399441055744.0

/* A polynomial; its coefficients are an array, from the constant term on. */
#define OGPU_POLY(x, c) ({ \
	double sum_ = (c)[sizeof(c) / sizeof((c)[0]) - 1]; \
	_Pragma("GCC unroll 16") \
	for (int i_ = sizeof(c) / sizeof((c)[0]) - 2; i_ >= 0; i_--) \
		sum_ = __builtin_fma(sum_, (x), (c)[i_]); \
	sum_; \
})

/*
 * e^r * 2^k - less, where shifted is k + OGPU_ROUNDER, |r| at most ln(2) / 2, |k| less than 1000,
 * and less 0 or 1. If it is 1 and k 0, small results are as exact as others.
 */
static inline double ogpu_exp_parts(double r, double shifted, double less)
{
	/* (e^r - 1) / r, 2^-31.9 */
	static const double c[] = {
		0.9999999999910448, 0.5000000047160837, 0.16666666853374348,
		0.04166635272855862, 0.008333268656828046, 0.001394112163314997,
		0.0001991582841158917,
	};
	double scale = ogpu_f64_from_bits((ogpu_f64_bits(shifted) + 1023) << 52);

	return __builtin_fma(scale, r * OGPU_POLY(r, c), scale - less);
}

/* e^x - less, |x| less than 600. */
static inline double ogpu_exp_less(double x, double less)
{
	double shifted = __builtin_fma(x, OGPU_LOG2E, OGPU_ROUNDER);

	return ogpu_exp_parts(__builtin_fma(shifted - OGPU_ROUNDER, -OGPU_LN2, x), shifted, less);
}

/* ln(x) is the result plus *exponent * ln(2); x is positive and finite. */
static inline double ogpu_log_parts(double x, double *exponent)
{
	/* (ln((1 + s) / (1 - s)) - 2 s) / s^3 by s^2, 2^-44 of the logarithm */
	static const double c[] = {
		0.6666666667524397, 0.399999957746859, 0.285720952279543,
		0.22176707090814457, 0.1957735777548712,
	};
	const unsigned long lowest = 0x3fe6a09e667f3bcd;	/* root of 1/2 */
	long bits = ogpu_f64_bits(x), k = (long)(bits - lowest) >> 52;
	double m = ogpu_f64_from_bits(bits - (k << 52));
	double s = (m - 1) / (m + 1), z = s * s;

	*exponent = k;
	return __builtin_fma(s * z, OGPU_POLY(z, c), s + s);
}

/* Quarter turns of an angle of 2^28 or more, modulo 4, and the rest in radians. */
static inline double ogpu_reduce_large(float x, long *quarter)
{
	/* 2 / pi */
	static const unsigned long inverse[] = {
		0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
	};
	unsigned int bits = ogpu_f32_bits(x);
	unsigned long m = (bits & 0x7fffff) | 0x800000, turns;
	/* The bits of 2 / pi before this one only count whole turns. */
	unsigned int first = (bits >> 23 & 0xff) - 127 - 23 - 2, shift = first & 63;
	const unsigned long *p = inverse + (first >> 6 & 1);
	unsigned long high = p[0] << shift | p[1] >> 1 >> (63 - shift);
	unsigned long low = p[1] << shift | p[2] >> 1 >> (63 - shift);
	long minus = -(long)(bits >> 31), rest, n;

	/* A 64-bit fraction of a turn. */
	turns = m * high + (unsigned long)((__uint128_t)m * low >> 64);
	n = (turns + (1ul << 61)) >> 62;
	rest = turns - ((unsigned long)n << 62);
	*quarter = (n ^ minus) - minus;
	/* pi / 2 for 2^62; an infinity becomes a NaN. */
	return (double)((rest ^ minus) - minus) * (1.5707963267948966 / (1ul << 62)) + (x - x);
}

/* Sine and cosine of what the nearest number of quarter turns leaves of x; returns that number. */
static inline long ogpu_sincos_parts(float x, double *sine, double *cosine)
{
	/* (sin(r) - r) / r^3 by r^2, 2^-37; (cos(r) - 1 + r^2 / 2) / r^4, 2^-33 */
	static const double s[] = {
		-0.16666666641758845, 0.008333329393537914, -0.00019839335905362559,
		0.000002718313102364575,
	};
	static const double c[] = {
		0.041666647062040256, -0.0013887374924822478, 0.000024439126225629837,
	};
	double shifted = __builtin_fma(x, 0.6366197723675814, OGPU_ROUNDER);
	double n = shifted - OGPU_ROUNDER;
	/* pi / 2 in two parts */
	double r = __builtin_fma(n, -0.00000000000000006123233995736766,
				 __builtin_fma(n, -1.5707963267948966, x));
	long quarter = ogpu_f64_bits(shifted);
	double z;

	if (__builtin_expect(__builtin_fabsf(x) >= 268435460.0f, 0))
		r = ogpu_reduce_large(x, &quarter);
	z = r * r;
	/* The sum would lose the sign of -0. */
	*sine = __builtin_copysign(__builtin_fma(r * z, OGPU_POLY(z, s), r), r);
	*cosine = __builtin_fma(z * z, OGPU_POLY(z, c), __builtin_fma(z, -0.5, 1));
	return quarter;
}

/* Of the sine, or the cosine, the one that a quadrant takes, with its sign. */
static inline float ogpu_quadrant(long quarter, double sine, double cosine)
{
	unsigned int sign = (unsigned int)(quarter & 2) << 30;

	return ogpu_f32_from_bits(ogpu_f32_bits(ogpu_select_f64(quarter & 1, cosine, sine)) ^ sign);
}

/* --- Functions -------------------------------------------------------------------------------- */

static inline float ogpu_expf(float x)
{
	/* Beyond these, float has an infinity and zero. */
	double e = ogpu_exp_less(ogpu_clamp_f64(x, -110, 100), 0);

	return ogpu_select_f32(x != x, x, e);
}

static inline float ogpu_logf(float x)
{
	double exponent, l = ogpu_log_parts(x, &exponent);
	float y = __builtin_fma(exponent, OGPU_LN2, l);

	y = ogpu_select_f32(x <= 0, ogpu_select_f32(x == 0, -OGPU_INF, OGPU_NAN), y);
	return ogpu_select_f32((x != x) | (x == OGPU_INF), x, y);
}

static inline float ogpu_sinf(float x)
{
	double sine, cosine;
	long quarter = ogpu_sincos_parts(x, &sine, &cosine);

	return ogpu_quadrant(quarter, sine, cosine);
}

static inline float ogpu_cosf(float x)
{
	double sine, cosine;
	long quarter = ogpu_sincos_parts(x, &sine, &cosine);

	return ogpu_quadrant(quarter + 1, sine, cosine);
}

/* Both, for little more than one. */
static inline void ogpu_sincosf(float x, float *sine, float *cosine)
{
	double s, c;
	long quarter = ogpu_sincos_parts(x, &s, &c);

	*sine = ogpu_quadrant(quarter, s, c);
	*cosine = ogpu_quadrant(quarter + 1, s, c);
}

static inline float ogpu_tanhf(float x)
{
	double e = ogpu_exp_less(ogpu_clamp_f64(2 * (double)x, -40, 40), 1);
	float y = __builtin_copysignf(e / (e + 2), x);

	return ogpu_select_f32(x != x, x, y);
}

static inline float ogpu_powf(float x, float y)
{
	const float ax = __builtin_fabsf(x), ay = __builtin_fabsf(y);
	double exponent, l = ogpu_log_parts(ax, &exponent), t, shifted;
	long whole = (long)y;
	int big = ay >= 16777216.0f, integer = big | ((float)whole == y);
	int odd = whole & integer & !big, nan, one;
	float p;

	l = __builtin_fma(l, OGPU_LOG2E, exponent);
	l = ogpu_select_f64(ax == 0, -OGPU_INF, l);
	l = ogpu_select_f64(ax == OGPU_INF, OGPU_INF, l);
	t = ogpu_clamp_f64(y * l, -160, 140);
	shifted = t + OGPU_ROUNDER;
	p = ogpu_exp_parts((t - (shifted - OGPU_ROUNDER)) * OGPU_LN2, shifted, 0);
	p = ogpu_f32_from_bits(ogpu_f32_bits(p) | (ogpu_f32_bits(x) & (unsigned int)odd << 31));

	nan = (x != x) | (y != y) | ((x < 0) & (ax < OGPU_INF) & !integer);
	one = (y == 0) | (x == 1) | ((x == -1) & (ay == OGPU_INF));
	return ogpu_select_f32(one, 1, ogpu_select_f32(nan, OGPU_NAN, p));
}

static inline float ogpu_erff(float x)
{
	/* -ln(1 - erf(x)) / x for x from 0 to 4; of erf, 2^-33 */
	static const double c[] = {
		1.1283791669863885, 0.6366197887671003, 0.10277220682158962,
		-0.019124787744340076, -0.00022624518649053273, 0.001742096996683448,
		-0.0006667875223721285, 0.00010801816343248483, 0.000008512346326453653,
		-0.000007864541378319993, 0.0000015101530357211162, -0.00000010578467179374597,
	};
	/* From 4 on it is 1 in float. */
	double ax = ogpu_clamp_f64(__builtin_fabsf(x), 0, 4);
	double e = ogpu_exp_less(-ax * OGPU_POLY(ax, c), 1);

	return ogpu_select_f32(x != x, x, __builtin_copysignf(e, x));
}

#endif
