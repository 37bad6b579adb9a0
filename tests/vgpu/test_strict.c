// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A strict card keeps code for as long as the contract allows, so that what is missing shows as old
 * code; and packets without BARRIER overlap, so that one which is missing shows as old memory.
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

static void cache(uint32_t ops, uint64_t start, uint64_t end)
{
	struct ogpu_pkt_cache c = { .ops = ops, .start = start, .end = end };

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
	cache(OGPU_CACHE_CLEAN | OGPU_CACHE_INVALIDATE, 0, 0);
	assert_int_equal(run(), 1);
	engines_code_invalidate(gpu->engines, &(struct tlbi){ ASID + 1, 0, 0 });
	assert_int_equal(run(), 1);
	cache(OGPU_CACHE_CODE, 0, 0);
	assert_int_equal(run(), 2);
}

/* CACHE drops code of the pages of which a byte lies in its range, and no other. */
static void test_code_of_part(void **state)
{
	static const struct {
		uint64_t start, end;
	} others[] = {
		{ CODE_VA + MMU_PAGE, CODE_VA + 2 * MMU_PAGE }, { CODE_VA - 1, CODE_VA },
		{ 0, CODE_VA }, { CODE_VA + MMU_PAGE, 1ull << OGPU_VA_BITS },
		{ CODE_VA + 8, CODE_VA + 8 },
	}, own[] = {
		{ CODE_VA, CODE_VA + MMU_PAGE }, { CODE_VA + 8, CODE_VA + 9 },
		{ CODE_VA - MMU_PAGE, CODE_VA + 1 }, { CODE_VA + MMU_PAGE - 1, CODE_VA + MMU_PAGE },
		{ 0, 1ull << OGPU_VA_BITS }, { 0, 0 },
	};
	unsigned int value = 1;

	(void)state;
	put_code(value, false);
	assert_int_equal(run(), value);
	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++) {
		put_code(value + 1, false);
		for (unsigned int n = 0; n < ARRAY_SIZE(others); n++)
			cache(OGPU_CACHE_CODE, others[n].start, others[n].end);
		assert_int_equal(run(), value);
		cache(OGPU_CACHE_CODE, own[i].start, own[i].end);
		assert_int_equal(run(), ++value);
	}
	/* More packets than the card remembers one by one. */
	put_code(value + 1, false);
	for (unsigned int i = 0; i < 2 * TLBI_LOG; i++)
		cache(OGPU_CACHE_CODE, i ? CODE_VA + MMU_PAGE : CODE_VA, CODE_VA + 2 * MMU_PAGE);
	assert_int_equal(run(), value + 1);
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

/* --- packets without BARRIER ------------------------------------------------------------------ */

#define WORD(n)	(OUT_VA + 0x100 + 8 * (n))

static uint64_t *word(unsigned int n)
{
	return (uint64_t *)(gpu->vram + OUT + 0x100) + n;
}

static void put_write(unsigned int n, uint64_t value, uint32_t flags)
{
	struct {
		struct ogpu_pkt_write write;
		uint64_t value;
	} p = { { .dst = WORD(n) }, value };

	q_put(q, OGPU_OP_WRITE, flags, &p, sizeof(p));
}

static void put_copy(unsigned int to, unsigned int from, uint32_t flags)
{
	struct ogpu_pkt_copy c = { .src = WORD(from), .dst = WORD(to), .bytes = 8 };

	q_put(q, OGPU_OP_COPY, flags, &c, sizeof(c));
}

/* At its own address, so that no cache of code knows it: with the address of word 0 in a0. */
static void put_program(const uint32_t *words, unsigned int count, uint32_t flags)
{
	struct ogpu_pkt_dispatch d = {
		.entry = CODE_VA + MMU_PAGE, .args = WORD(0), .grid = { 1, 1, 1 },
		.group = { 1, 1, 1 },
	};

	memcpy(gpu->vram + CODE + MMU_PAGE, words, count * sizeof(*words));
	q_put(q, OGPU_OP_DISPATCH, flags, &d, sizeof(d));
}

static const uint32_t copy_0_to_1[] = {
	0x00053583,	/* ld a1, 0(a0) */
	0x00b53423,	/* sd a1, 8(a0) */
	0x00008067,	/* ret */
};

static const uint32_t wait_for_0[] = {
	0x00053583,	/* ld a1, 0(a0) */
	0x0220000f,	/* fence r, r: units may keep what they have read */
	0xfe058ce3,	/* beqz a1, the ld */
	0x00008067,	/* ret */
};

static void test_late(void **state)
{
	const bool strict = *(const bool *)*state;

	put_write(0, 1, 0);
	put_write(0, 2, 0);
	finish();
	assert_int_equal(*word(0), strict ? 1 : 2);
	put_write(0, 3, 0);
	put_write(0, 4, OGPU_PKT_BARRIER);
	finish();
	assert_int_equal(*word(0), 4);

	put_write(0, 5, 0);
	put_copy(1, 0, 0);
	finish();
	assert_int_equal(*word(1), strict ? 4 : 5);
	put_write(0, 6, 0);
	put_copy(1, 0, OGPU_PKT_BARRIER);
	finish();
	assert_int_equal(*word(1), 6);
	/* More of them than there is room for. */
	for (unsigned int i = 0; i < 20; i++)
		put_write(i, i + 1, 0);
	finish();
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(*word(i), i + 1);
}

/* Both what a dispatch reads and what it has written. */
static void test_late_dispatch(void **state)
{
	const bool strict = *(const bool *)*state;

	*word(0) = 1;
	put_write(0, 2, 0);
	put_program(copy_0_to_1, 3, 0);
	finish();
	assert_int_equal(*word(1), strict ? 1 : 2);
	put_write(0, 3, 0);
	put_program(copy_0_to_1, 3, OGPU_PKT_BARRIER);
	put_copy(2, 1, 0);
	finish();
	assert_int_equal(*word(1), 3);
	assert_int_equal(*word(2), strict ? 1 : 3);
	put_write(0, 4, 0);
	put_program(copy_0_to_1, 3, OGPU_PKT_BARRIER);
	put_copy(2, 1, OGPU_PKT_BARRIER);
	finish();
	assert_int_equal(*word(2), 4);
}

/* What has started makes progress, whoever waits for it. */
static void test_late_progress(void **state)
{
	struct ogpu_pkt_wait w = { .addr = WORD(1), .value = 1, .mask = UINT64_MAX };

	(void)state;
	put_write(0, 1, 0);
	put_program(wait_for_0, 4, 0);
	put_write(1, 1, 0);
	q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
	put_write(2, 1, 0);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(*word(2), 1);
}

/* All before POS is complete when the queue leaves its slot. */
static void test_late_preempt(void **state)
{
	uint64_t at;

	(void)state;
	put_write(1, 1, 0);
	put_write(2, 2, 0);
	at = q->wptr;
	put_program(wait_for_0, 4, 0);
	put_write(3, 3, 0);
	q_ring(q);
	while (q_state(q) != OGPU_SLOT_RUNNING)
		sched_yield();
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	assert_true(q_read64(q, OGPU_SLOT_POS_LO) <= at);
	if (q_read64(q, OGPU_SLOT_POS_LO) == at) {
		assert_int_equal(*word(1), 1);
		assert_int_equal(*word(2), 2);
	}
	assert_int_equal(*word(3), 0);
	__atomic_store_n(word(0), 1, __ATOMIC_SEQ_CST);
	q_clear(q);
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(*word(i), i);
}

/* The queue stops at the first that fails, whatever had started behind it. */
static void test_late_failure(void **state)
{
	struct ogpu_pkt_fill f = { .dst = OUT_VA + MMU_PAGE - 8, .bytes = 16 };
	uint64_t at;

	(void)state;
	put_write(1, 1, 0);
	at = q->wptr;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	put_copy(0, 9, 0);
	f.dst += 2 * MMU_PAGE;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	put_program(wait_for_0, 4, 0);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	assert_int_equal(q_read(q, OGPU_SLOT_DETAIL), OGPU_OP_FILL);
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), at);
	assert_int_equal(q_read64(q, OGPU_SLOT_CONTEXT1), 8);
	assert_int_equal(q_read64(q, OGPU_SLOT_FAULT_VA_LO), OUT_VA + MMU_PAGE);
	assert_int_equal(*word(1), 1);

	/* A packet that is wrong itself does not hide one before it. */
	q_restart(q);
	f.dst = OUT_VA + MMU_PAGE;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	q_put(q, OGPU_OPCODES, 0, &f, sizeof(f));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), 0);
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
		cmocka_unit_test_prestate_setup_teardown(test_code_of_part, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_invalidation, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_fence_i, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_pointers, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_not_strict, setup, teardown, &no),
		cmocka_unit_test_prestate_setup_teardown(test_late, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_late, setup, teardown, &no),
		cmocka_unit_test_prestate_setup_teardown(test_late_dispatch, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_late_dispatch, setup, teardown, &no),
		cmocka_unit_test_prestate_setup_teardown(test_late_progress, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_late_preempt, setup, teardown, &yes),
		cmocka_unit_test_prestate_setup_teardown(test_late_failure, setup, teardown, &yes),
	};

	return cmocka_run_group_tests_name("vgpu strict", tests, NULL, NULL);
}
