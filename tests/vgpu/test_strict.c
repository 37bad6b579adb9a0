// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A strict card keeps code for as long as the contract allows: what is missing shows as old code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_queue.h"

#define ASID	3u
#define CODE_VA	0x10000000ull
#define CODE	FAKE_DATA		/* VRAM offsets */
#define OUT_VA	0x20000000ull
#define OUT	(FAKE_DATA + 0x10000)

static struct vgpu *gpu;
static struct fake_queue queue, *q = &queue;
static uint64_t fences;

static int setup(void **state)
{
	fake_config.strict = *(const bool *)*state;
	fake_config.cu_count = 1;
	gpu = fake_create(1);
	fences = 0;
	fake_map(gpu, ASID, CODE_VA, VRAM(CODE), 2 * MMU_PAGE, PTE_RX);
	fake_map(gpu, ASID, OUT_VA, VRAM(OUT), MMU_PAGE, PTE_RW);
	q_init(q, gpu, 0, ASID, 0);
	q_start(q);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(gpu);
	return 0;
}

/* Code that stores a number; with_fence_i begins anew with what memory holds. */
static void put_code(unsigned int value, bool with_fence_i)
{
	const uint32_t words[] = {
		with_fence_i ? 0x0000100f : 0x00000013,		/* fence.i, or nop */
		value << 20 | 0x00000593,			/* li a1, value */
		0x00b53023,					/* sd a1, 0(a0) */
		0x00008067,					/* ret */
	};

	memcpy(gpu->vram + CODE, words, sizeof(words));
}

static void finish(void)
{
	struct ogpu_pkt_fence f = { .addr = OUT_VA + 8, .value = ++fences };
	uint64_t *cell = (uint64_t *)(gpu->vram + OUT) + 1;
	uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000000000ull;

	q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
	q_ring(q);
	while (__atomic_load_n(cell, __ATOMIC_SEQ_CST) != fences && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_int_equal(*cell, fences);
}

/* What the code stores when it runs now. */
static uint64_t run(void)
{
	struct ogpu_pkt_dispatch d = {
		.entry = CODE_VA, .args = OUT_VA, .grid = { 1, 1, 1 }, .group = { 1, 1, 1 },
	};

	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	finish();
	return *(uint64_t *)(gpu->vram + OUT);
}

static void cache(uint32_t ops)
{
	struct ogpu_pkt_cache c = { .ops = ops };

	q_put(q, OGPU_OP_CACHE, 0, &c, sizeof(c));
	finish();
}

static void test_code(void **state)
{
	(void)state;
	put_code(1, false);
	assert_int_equal(run(), 1);
	put_code(2, false);
	assert_int_equal(run(), 1);
	cache(OGPU_CACHE_CLEAN | OGPU_CACHE_INVALIDATE);
	assert_int_equal(run(), 1);
	engines_code_invalidate(gpu->engines, ASID + 1);
	assert_int_equal(run(), 1);
	cache(OGPU_CACHE_CODE);
	assert_int_equal(run(), 2);
}

/* An invalidation of the page drops its code, one of another page or address space does not. */
static void test_invalidation(void **state)
{
	static const struct tlbi others[] = {
		{ ASID, CODE_VA + MMU_PAGE, CODE_VA + 2 * MMU_PAGE },
		{ ASID, CODE_VA - MMU_PAGE, CODE_VA }, { ASID + 1, 0, 0 },
	};
	static const struct tlbi own[] = {
		{ ASID, CODE_VA, CODE_VA + MMU_PAGE }, { ASID, 0, 0 }, { 0, 0, 0 },
	};
	unsigned int value = 1;

	(void)state;
	put_code(value, false);
	assert_int_equal(run(), value);
	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++) {
		put_code(value + 1, false);
		for (unsigned int n = 0; n < ARRAY_SIZE(others); n++)
			engines_tlb_invalidate(gpu->engines, &others[n]);
		assert_int_equal(run(), value);
		engines_tlb_invalidate(gpu->engines, &own[i]);
		assert_int_equal(run(), ++value);
	}
}

static void test_fence_i(void **state)
{
	(void)state;
	put_code(1, true);
	assert_int_equal(run(), 1);
	put_code(2, true);
	assert_int_equal(run(), 2);
}

/* Memory of the host that is mapped or unmapped says nothing about code. */
static void test_pointers(void **state)
{
	(void)state;
	put_code(1, false);
	assert_int_equal(run(), 1);
	put_code(2, false);
	fake_lose_pointers(gpu);
	assert_int_equal(run(), 1);
}

/* Without it, each dispatch sees the code that is in memory. */
static void test_not_strict(void **state)
{
	(void)state;
	put_code(1, false);
	assert_int_equal(run(), 1);
	put_code(2, false);
	assert_int_equal(run(), 2);
}

int main(void)
{
	static bool yes = true, no;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(test_code, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_invalidation, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_fence_i, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_pointers, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_not_strict, setup, teardown, &no),
	};

	return cmocka_run_group_tests_name("vgpu strict", tests, NULL, NULL);
}
