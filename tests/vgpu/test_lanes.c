// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Conversions to integers, in all modes, and divisions: all lanes at once give what each lane by
 * itself gives.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cu_fp.h"
#include "cu_vec.h"

#define RANDOM		4000u
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static uint64_t box(unsigned int format, double v)
{
	const float single = v;

	switch (format) {
	case 0:
		return CU_BOX | cu_bits_s(single);
	case 1:
		return cu_bits_d(v);
	default:
		return cu_to_h(v);
	}
}

static void check(const struct cu_vec *vec, unsigned int format, const uint64_t *a)
{
	uint64_t whole[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t r[VGPU_LANES] __attribute__((aligned(64)));

	for (unsigned int rm = CU_RNE; rm <= CU_RMM; rm++) {
		vec->integral[format][rm](whole, a);
		for (unsigned int to = 0; to < 4; to++) {
			const enum cu_op op = CU_FCVT_W_S + 4 * format + to;

			vec->alu[CU_FCVT_W_D + to](r, whole, whole, whole, 0);
			for (unsigned int i = 0; i < VGPU_LANES; i++) {
				const uint64_t want = cu_fp_round(op, rm, a[i], 0, 0);

				if (r[i] != want)
					fail_msg("%s: op %u rm %u of 0x%llx: 0x%llx, not 0x%llx",
						 vec->name, op, rm, (unsigned long long)a[i],
						 (unsigned long long)r[i],
						 (unsigned long long)want);
			}
		}
	}
}

/* Halves, and what is next to the limits of the integers. */
static void test_edges(void **state)
{
	static const double near[] = {
		0, 0.5, 1, 1.5, 2.5, 100, 0x1p15, 0x1p23, 0x1p31, 0x1p32, 0x1p52, 0x1p53, 0x1p63,
		0x1p64, 0x1p100, 1.0 / (1 << 20), INFINITY, NAN,
	};
	static const double step[] = { 0, 1.0 / (1 << 30), 0.25, 0.5, 0.75, 1, 0x1p11 };
	uint64_t a[VGPU_LANES] __attribute__((aligned(64))) = { 0 };
	const unsigned int values = 4 * COUNT(near) * COUNT(step);

	(void)state;
	for (unsigned int k = 0; k < 3 * values; k++) {
		const unsigned int format = k / values, lane = k % VGPU_LANES;
		const double s = step[k / 4 % COUNT(step)];
		const double v = near[k / 4 / COUNT(step) % COUNT(near)] + (k & 1 ? -s : s);

		a[lane] = box(format, k & 2 ? -v : v);
		if (lane < VGPU_LANES - 1 && k % values < values - 1)
			continue;
		for (unsigned int n = 0; cu_vec_get(n); n++)
			check(cu_vec_get(n), format, a);
	}
}

/* Any bits at all, boxed or not. */
static void test_random(void **state)
{
	uint64_t a[VGPU_LANES] __attribute__((aligned(64)));

	(void)state;
	srand(3);
	for (unsigned int i = 0; i < RANDOM; i++) {
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
			a[lane] = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ rand();
			if (lane % 3 == 1)
				a[lane] |= CU_BOX;
			if (lane % 3 == 2)
				a[lane] |= CU_BOX_H;
		}
		for (unsigned int n = 0; cu_vec_get(n); n++)
			check(cu_vec_get(n), i % 3, a);
	}
}

/* What the ISA manual says of a division of so many bits. */
static uint64_t divided(enum cu_op op, uint64_t a, uint64_t b)
{
	const bool word = op >= CU_DIVW, with_sign = op == CU_DIV || op == CU_REM ||
						     op == CU_DIVW || op == CU_REMW;
	const bool rest = op == CU_REM || op == CU_REMU || op == CU_REMW || op == CU_REMUW;
	__int128 x = word ? (uint32_t)a : a, y = word ? (uint32_t)b : b, r;

	if (with_sign) {
		x = word ? (int32_t)a : (int64_t)a;
		y = word ? (int32_t)b : (int64_t)b;
	}
	if (!y)
		r = rest ? x : -1;
	else
		r = rest ? x % y : x / y;
	return word ? (uint64_t)(int32_t)r : (uint64_t)r;
}

enum range { SMALL, SMALL_WITH_SIGN, ANY, RANGES };

static uint64_t within(enum range range, uint64_t v)
{
	switch (range) {
	case SMALL:
		return (uint32_t)v;
	case SMALL_WITH_SIGN:
		return (uint64_t)(int32_t)v;
	default:
		return v;
	}
}

static uint64_t operand(void)
{
	static const uint64_t limits[] = {
		0, 1, UINT64_MAX, INT32_MAX, (uint64_t)INT32_MIN, UINT32_MAX, 1ull << 32,
		INT64_MAX, 1ull << 63,
	};
	const uint64_t any = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ rand();

	switch (rand() % 4) {
	case 0:
		return limits[rand() % COUNT(limits)];
	case 1:
		return any & 0xfff;
	default:
		return any >> rand() % 64;
	}
}

/* In rows of small numbers and in others, which are divided in different ways. */
static void test_divisions(void **state)
{
	static const enum cu_op ops[] = {
		CU_DIV, CU_DIVU, CU_REM, CU_REMU, CU_DIVW, CU_DIVUW, CU_REMW, CU_REMUW,
	};
	uint64_t a[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t b[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t r[VGPU_LANES] __attribute__((aligned(64)));

	(void)state;
	srand(5);
	for (unsigned int i = 0; i < RANGES * RANDOM; i++) {
		const struct cu_vec *vec;

		for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
			a[lane] = operand();
			b[lane] = within(i % RANGES, operand());
			if (lane % 4 == 3)	/* next to a multiple */
				a[lane] = a[lane] / (b[lane] | 1) * (b[lane] | 1) - 1;
			a[lane] = within(i % RANGES, a[lane]);
		}
		for (unsigned int n = 0; (vec = cu_vec_get(n)); n++) {
			for (unsigned int o = 0; o < COUNT(ops); o++) {
				vec->alu[ops[o]](r, a, b, b, 0);
				for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
					assert_int_equal(r[lane],
							 divided(ops[o], a[lane], b[lane]));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_divisions),
	};

	return cmocka_run_group_tests_name("vgpu lanes", tests, NULL, NULL);
}
