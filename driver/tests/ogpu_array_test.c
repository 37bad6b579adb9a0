// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_array.c: which arrays keep the rules of the uapi.
 */
#include <kunit/test.h>

struct ogpu_array_case {
	const char *name;
	u32 stride;
	u32 count;
	u64 array;
	int ret;
};

/* For elements of at least 16 bytes, 0 to 8 of them. */
static const struct ogpu_array_case ogpu_array_rules[] = {
	{ "none", 0, 0, 0, 0 },
	{ "none, with stride", 16, 0, 0, 0 },
	{ "none, with bad stride", 12, 0, 0, -EINVAL },
	{ "none, with small stride", 8, 0, 0, -EINVAL },
	{ "none, with pointer", 16, 0, 0x1000, -EINVAL },
	{ "one", 16, 1, 0x1000, 0 },
	{ "one, unaligned pointer", 16, 1, 0x1001, 0 },
	{ "most", 16, 8, 0x1000, 0 },
	{ "too many", 16, 9, 0x1000, -EINVAL },
	{ "far too many", 16, U32_MAX, 0x1000, -EINVAL },
	{ "no stride", 0, 1, 0x1000, -EINVAL },
	{ "small stride", 8, 1, 0x1000, -EINVAL },
	{ "stride not of 8", 20, 1, 0x1000, -EINVAL },
	{ "grown stride", 24, 8, 0x1000, 0 },
	{ "largest stride", 4096, 8, 0x1000, 0 },
	{ "stride too large", 4104, 1, 0x1000, -EINVAL },
	{ "huge stride", 0xfffffff8, 1, 0x1000, -EINVAL },
	{ "wraps", 16, 2, U64_MAX - 15, -EINVAL },
};

static void ogpu_array_case_name(const struct ogpu_array_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(ogpu_array, ogpu_array_rules, ogpu_array_case_name);

static void ogpu_array_test_rules(struct kunit *test)
{
	const struct ogpu_array_case *c = test->param_value;
	const struct drm_ogpu_array array = {
		.stride = c->stride,
		.count = c->count,
		.array = c->array,
	};

	KUNIT_EXPECT_EQ(test, ogpu_array_check(&array, 16, 0, 8), c->ret);
}

static void ogpu_array_test_min_count(struct kunit *test)
{
	struct drm_ogpu_array array = {
		.stride = 16,
	};
	void *elems = &array;

	KUNIT_EXPECT_EQ(test, ogpu_array_check(&array, 16, 1, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, ogpu_array_copy_in(&array, 16, 16, 1, 8, &elems), -EINVAL);
	KUNIT_EXPECT_NULL(test, elems);

	elems = &array;
	KUNIT_EXPECT_EQ(test, ogpu_array_copy_in(&array, 16, 16, 0, 8, &elems), 0);
	KUNIT_EXPECT_NULL(test, elems);
}

static struct kunit_case ogpu_array_cases[] = {
	KUNIT_CASE_PARAM(ogpu_array_test_rules, ogpu_array_gen_params),
	KUNIT_CASE(ogpu_array_test_min_count),
	{ }
};

static struct kunit_suite ogpu_array_suite = {
	.name = "ogpu_array",
	.test_cases = ogpu_array_cases,
};

kunit_test_suite(ogpu_array_suite);
