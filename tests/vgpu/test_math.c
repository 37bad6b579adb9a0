// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu_math.h as a compute unit executes it, against functions of long double on the host, whose
 * 40 bits more than those of float make them exact here: errors are within what the header promises
 * over all exponents, special values are those of Annex F, and the code has no branches.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef OGPU_TEST_KERNELS
#define OGPU_TEST_KERNELS OGPU_TEST_MATH
#define FAKE_STRICT false
#include "fake_dispatch.h"
#include "fake_kernels.h"
#include "kernels/math.h"

#define ASID	1u
#define ARGS_VA	0x1000000ull
#define DATA_VA	0x2000000ull
#define DATA	0x1000000u	/* VRAM offset */
#define COUNT	0x20000u	/* work-items of a dispatch */
#define ARRAY	(8ull * COUNT)	/* bytes */
#define GROUP	256u
#define PARTS	6u		/* dispatches of each function */
#define PATTERN	0xa5ull		/* in each byte of the results before */

/* With what the header promises of each. */
static const struct function {
	const char *name;
	long double (*reference)(long double);
	double bound;		/* units in the last place */
	unsigned int branches;
} functions[] = {
	{ "each_expf", expl, 0.502, 0 }, { "each_logf", logl, 0.501, 0 },
	{ "each_tanhf", tanhl, 0.505, 0 }, { "each_erff", erfl, 0.505, 0 },
	{ "each_sinf", sinl, 0.502, 1 }, { "each_cosf", cosl, 0.502, 1 },
};

static struct vgpu *gpu;
static struct cu *cu;
static uint64_t seed;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed ^ seed >> 29;
}

static void *array(unsigned int n)
{
	return gpu->vram + DATA + n * ARRAY;
}

static float from_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static uint32_t to_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static void execute(const char *kernel)
{
	const struct math_args args = {
		DATA_VA, DATA_VA + ARRAY, DATA_VA + 2 * ARRAY, DATA_VA + 3 * ARRAY,
	};
	struct cu_launch launch = {
		.asid = ASID, .entry = kernel_entry(kernel), .args = ARGS_VA,
		.grid = { COUNT / GROUP, 1, 1 }, .total = { COUNT / GROUP, 1, 1 },
		.group = { GROUP, 1, 1 }, .private_bytes = 512, .local_bytes = 64,
	};
	static const _Atomic uint32_t stop;

	memcpy(gpu->vram + FAKE_DATA, &args, sizeof(args));
	memset(array(2), PATTERN, 2 * ARRAY);
	assert_true(cu_begin(cu, &launch, &stop));
	for (unsigned int i = 0; i < COUNT / GROUP; i++)
		if (cu_workgroup(cu, i) != CU_DONE)
			fail_msg("%s: error %u pc 0x%lx insn 0x%x", kernel, cu->error.error,
				 (long)cu->error.pc, cu->error.insn);
	cu_end(cu);
}

/* Error of a result in units of float's last place; infinity is the number after the greatest. */
static long double error(float got, long double exact)
{
	const long double end = ldexpl(1, 128);
	long double g = fabsf(got) > FLT_MAX ? copysignl(end, got) : got;
	int exponent;

	if (isnan(exact) || isnan(got))
		return isnan(exact) && isnan(got) ? 0 : INFINITY;
	if (!signbit(exact) != !signbit(got) || (exact == 0 && got != 0))
		return INFINITY;
	exact = fabsl(exact) > end ? copysignl(end, exact) : exact;
	frexpl(exact, &exponent);
	if (exponent > 128)
		exponent = 128;
	return fabsl(g - exact) / ldexpl(1, (exponent < -125 ? -125 : exponent) - 24);
}

/*
 * Floats of all exponents and both signs, the first time with their least and greatest fractions;
 * later also of middle size, where functions change most, and next to multiples of a quarter turn.
 */
static void arguments(float *x, unsigned int part)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t fraction = rnd() >> 20 & 0x7fffff, nth = i / 512;

		if (!part && nth < 8)
			fraction = nth < 4 ? nth : 0x7fffff - (nth - 4);
		x[i] = from_bits((i % 512) << 23 | fraction);
		if (part % 3 == 1)
			x[i] = from_bits((i % 2) << 31 | (110 + i / 2 % 25) << 23 | fraction);
		else if (part % 3 == 2 && i % 2)
			x[i] = from_bits(to_bits((rnd() >> 44) * M_PI_2) + i / 2 % 3 - 1);
	}
}

static void compare(const char *name, const float *got, long double (*reference)(long double),
		    double bound, long double *worst)
{
	const float *x = array(0);

	for (uint32_t i = 0; i < COUNT; i++) {
		long double e = error(got[i], reference(x[i]));

		if (!(e <= bound))
			fail_msg("%s(%a) is %a, not %La: %Lf units", name, x[i], got[i],
				 reference(x[i]), e);
		*worst = e > *worst ? e : *worst;
	}
}

static void test_functions(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < ARRAY_SIZE(functions); n++) {
		const struct function *f = &functions[n];
		long double worst = 0;

		seed = 1;
		for (unsigned int part = 0; part < PARTS; part++) {
			arguments(array(0), part);
			execute(f->name);
			compare(f->name, array(2), f->reference, f->bound, &worst);
		}
		printf("# %s: at most %.4Lf units in the last place\n", f->name, worst);
	}
}

static void test_sincos(void **state)
{
	long double worst = 0;

	(void)state;
	seed = 2;
	for (unsigned int part = 0; part < 3; part++) {
		arguments(array(0), part);
		execute("each_sincosf");
		compare("sine of sincosf", array(2), sinl, 0.502, &worst);
		compare("cosine of sincosf", array(3), cosl, 0.502, &worst);
	}
}

/* Pairs whose power is a float, pairs of any numbers, and whole exponents. */
static void pairs(float *x, float *y, unsigned int part)
{
	static const float special[] = {
		0, 1, 2, 3, 0.5f, 1.5f, INFINITY, NAN, FLT_MIN, FLT_MAX, FLT_TRUE_MIN, 0.99999994f,
		1.0000001f, 16777216.0f, 16777215.0f, 8388607.5f, 8388608.0f,
		9223372036854775808.0f, 0.000000059604645f,
	};
	const unsigned int n = 2 * ARRAY_SIZE(special);

	for (uint32_t i = 0; i < COUNT; i++) {
		double size = (double)(rnd() >> 12) / 4503599627370496.0 * 285 - 153;

		x[i] = from_bits(rnd() >> 30);
		y[i] = from_bits(rnd() >> 30);
		if (part % 3 == 1)
			y[i] = size / log2(fabsf(x[i]));
		if (part % 3 == 2)
			y[i] = (int)(rnd() >> 40) % 300 - 150;
		if (part % 3 == 2 && i % 2)
			x[i] = 1 + ((int)(rnd() >> 40) % 1000 - 500) / 4096.0f;
		if (!part && i < n * n) {
			x[i] = copysignf(special[i / n / 2], i / n % 2 ? -1 : 1);
			y[i] = copysignf(special[i % n / 2], i % 2 ? -1 : 1);
		}
	}
}

/* glibc's powl() of minus infinity and minus 2^63 is infinite, which is wrong; pow() is right. */
static long double power(float x, float y)
{
	return isinf(x) ? pow(x, y) : powl(x, y);
}

static void test_pow(void **state)
{
	const float *x, *y, *got;
	long double worst = 0;

	(void)state;
	seed = 3;
	for (unsigned int part = 0; part < PARTS; part++) {
		x = array(0);
		y = array(1);
		got = array(2);
		pairs(array(0), array(1), part);
		execute("each_powf");
		for (uint32_t i = 0; i < COUNT; i++) {
			long double e = error(got[i], power(x[i], y[i]));

			if (!(e <= 0.51))
				fail_msg("powf(%a, %a) is %a, not %La: %Lf units", x[i], y[i],
					 got[i], power(x[i], y[i]), e);
			worst = e > worst ? e : worst;
		}
	}
	printf("# powf: at most %.4Lf units in the last place\n", worst);
}

/* The nearest of a format with so many bits of fraction, by the host's arithmetic; x is no NaN. */
static double nearest(double x, int fraction, int least, double limit)
{
	int exponent;
	double unit;

	if (isinf(x) || x == 0)
		return x;
	frexp(x, &exponent);
	unit = ldexp(1, (exponent - 1 < least ? least : exponent - 1) - fraction);
	x = copysign(nearbyint(x / unit) * unit, x);
	return fabs(x) >= limit ? copysign(INFINITY, x) : x;
}

static double half_value(uint32_t bits)
{
	int exponent = bits >> 10 & 31;
	double v = exponent == 31 ? (bits & 0x3ff ? NAN : INFINITY) :
		   ldexp((bits & 0x3ff) + (exponent ? 1024 : 0), (exponent ? exponent : 1) - 25);

	return copysign(v, bits & 0x8000 ? -1 : 1);
}

static void same(const char *what, double from, double got, double want)
{
	if (isnan(want) ? !isnan(got) : got != want || !signbit(got) != !signbit(want))
		fail_msg("%s of %a is %a, not %a", what, from, got, want);
}

static void test_conversions(void **state)
{
	const float *x = array(0), *wide = array(2);
	const uint16_t *narrow = array(3);
	uint32_t *bits = array(1);

	(void)state;
	seed = 4;
	for (unsigned int part = 0; part < 3; part++) {
		arguments(array(0), part);
		for (uint32_t i = 0; i < COUNT; i++) {
			bits[i] = i & 0xffff;
			/* Between two halves, exactly. */
			if (part == 2 && i < 0xf800 && half_value(i) < 65504)
				((float *)array(0))[i] = (half_value(i) + half_value(i + 1)) / 2;
		}
		execute("each_half");
		for (uint32_t i = 0; i < COUNT; i++) {
			float brain = from_bits((i & 0xffff) << 16);

			same("float of a half", i & 0xffff, wide[2 * i], half_value(i & 0xffff));
			same("float of a bfloat", i & 0xffff, wide[2 * i + 1], brain);
			same("half", x[i], half_value(narrow[2 * i]),
			     isnan(x[i]) ? NAN : nearest(x[i], 10, -14, 65536));
			same("bfloat", x[i], from_bits(narrow[2 * i + 1] << 16),
			     isnan(x[i]) ? NAN : nearest(x[i], 7, -126, ldexp(1, 128)));
		}
	}
}

static void test_select(void **state)
{
	const float *x = array(0), *y = array(1), *ends = array(2), *chosen = array(3);

	(void)state;
	seed = 5;
	pairs(array(0), array(1), 0);
	execute("each_pick");
	for (uint32_t i = 0; i < COUNT; i++) {
		/* The host's fminf() gives a NaN for one that signals. */
		const float a = isnan(x[i]) ? y[i] : x[i], b = isnan(y[i]) ? x[i] : y[i];

		if (x[i] != 0 || y[i] != 0) {
			same("fminf", x[i], ends[2 * i], a < b ? a : b);
			same("fmaxf", x[i], ends[2 * i + 1], a > b ? a : b);
		}
		assert_int_equal(to_bits(chosen[i]), to_bits(x[i] < y[i] ? x[i] : y[i]));
	}
}

static void test_atomics(void **state)
{
	const struct {
		uint8_t one, same;
		uint16_t two;
		uint32_t four;
		uint64_t eight;
		float sum;
		uint32_t local;
	} *out = array(2);

	(void)state;
	execute("each_atomic");
	assert_int_equal(out->one, (COUNT + PATTERN) & 0xff);
	assert_int_equal(out->same, PATTERN);
	assert_int_equal(out->two, (COUNT + 0x101 * PATTERN) & 0xffff);
	assert_int_equal(out->four, COUNT + 0x1010101 * PATTERN);
	assert_int_equal(out->eight, COUNT + 0x101010101010101 * PATTERN);
	assert_float_equal(out->sum, COUNT + from_bits(0x1010101 * PATTERN), 0);
	assert_int_equal(out->local, COUNT + 0x1010101 * PATTERN);
}

/* Conditional branches in a kernel, and calls, which would be other code. */
static unsigned int branches(const char *name)
{
	const uint8_t *code = gpu->vram + FAKE_DATA + 0x10000 + (kernel_entry(name) - KERNELS_VA);
	unsigned int found = 0;
	uint32_t insn;

	/* Up to the return. */
	do {
		memcpy(&insn, code, sizeof(insn));
		if ((insn & 3) == 3) {
			found += (insn & 0x7f) == 0x63 || (insn & 0x77) == 0x67;
			code += 4;
		} else {
			insn &= 0xffff;
			/* c.beqz, c.bnez, c.j; c.jalr and c.jr other than a return */
			found += (insn & 3) == 1 && insn >> 13 >= 5;
			found += (insn & 0xe07f) == 0x8002 && insn != 0x8082;
			code += 2;
		}
	} while (insn != 0x8082);
	return found;
}

static void test_branches(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < ARRAY_SIZE(functions); n++)
		if (branches(functions[n].name) > functions[n].branches)
			fail_msg("%s has %u branches", functions[n].name,
				 branches(functions[n].name));
	assert_int_equal(branches("each_powf"), 0);
	assert_int_equal(branches("each_half"), 0);
	assert_int_equal(branches("each_pick"), 0);
}

static int setup(void **state)
{
	(void)state;
	gpu = fake_create(1);
	kernels_load(gpu, ASID, FAKE_DATA + 0x10000);
	fake_map(gpu, ASID, ARGS_VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, DATA_VA, VRAM(DATA), 4 * ARRAY, PTE_RW);
	cu = cu_create(gpu, &gpu->engines->as_table);
	return cu ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cu_free(cu);
	fake_destroy(gpu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_sincos),
		cmocka_unit_test(test_pow),
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_atomics),
		cmocka_unit_test(test_branches),
	};

	return cmocka_run_group_tests_name("device library", tests, setup, teardown);
}
