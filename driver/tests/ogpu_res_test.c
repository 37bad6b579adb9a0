// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_res.c: pieces that begin and end within pages of the CPU, as mappings do
 * where those are larger than the card's.
 */
#include <kunit/test.h>

static void ogpu_res_test_parts(struct kunit *test)
{
	dma_addr_t pages[] = { 16 * PAGE_SIZE, 17 * PAGE_SIZE, 32 * PAGE_SIZE };
	const u64 part = PAGE_SIZE / 4;
	struct ttm_resource res = { .mem_type = TTM_PL_TT };
	struct ttm_buffer_object *bo;
	struct ogpu_res_cursor cur;
	struct ttm_tt *tt;

	bo = kunit_kzalloc(test, sizeof(*bo), GFP_KERNEL);
	tt = kunit_kzalloc(test, sizeof(*tt), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, bo && tt);
	tt->dma_address = pages;
	tt->num_pages = ARRAY_SIZE(pages);
	bo->ttm = tt;

	ogpu_res_first(bo, &res, part, 2 * PAGE_SIZE, &cur);
	KUNIT_EXPECT_EQ(test, cur.operand, OGPU_OPERAND(OGPU_TARGET_SYSTEM, pages[0] + part));
	KUNIT_EXPECT_EQ(test, cur.size, 2 * PAGE_SIZE - part);
	ogpu_res_next(&cur, cur.size);
	KUNIT_EXPECT_EQ(test, cur.operand, OGPU_OPERAND(OGPU_TARGET_SYSTEM, pages[2]));
	KUNIT_EXPECT_EQ(test, cur.size, part);
	ogpu_res_next(&cur, cur.size);
	KUNIT_EXPECT_EQ(test, cur.remaining, 0);

	ogpu_res_first(bo, &res, PAGE_SIZE + 2 * part, part, &cur);
	KUNIT_EXPECT_EQ(test, cur.operand, OGPU_OPERAND(OGPU_TARGET_SYSTEM, pages[1] + 2 * part));
	KUNIT_EXPECT_EQ(test, cur.size, part);
}

static struct kunit_case ogpu_res_cases[] = {
	KUNIT_CASE(ogpu_res_test_parts),
	{ }
};

static struct kunit_suite ogpu_res_suite = {
	.name = "ogpu_res",
	.test_cases = ogpu_res_cases,
};

kunit_test_suite(ogpu_res_suite);
