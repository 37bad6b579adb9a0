// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue.c: what becomes of firmware's answers.
 */
#include <kunit/test.h>

/* No other errors than those that the uapi lists. */
static void ogpu_queue_test_create_errno(struct kunit *test)
{
	static const int broken[] = { -EIO, -EPROTO, -EINVAL, -EEXIST, -EOPNOTSUPP, -ETIMEDOUT };
	u32 i;

	KUNIT_EXPECT_EQ(test, ogpu_queue_create_errno(0), 0);
	KUNIT_EXPECT_EQ(test, ogpu_queue_create_errno(-ENOSPC), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ogpu_queue_create_errno(-ENODEV), -ENODEV);
	for (i = 0; i < ARRAY_SIZE(broken); i++)
		KUNIT_EXPECT_EQ(test, ogpu_queue_create_errno(broken[i]), -ENODEV);
}

static struct kunit_case ogpu_queue_cases[] = {
	KUNIT_CASE(ogpu_queue_test_create_errno),
	{ }
};

static struct kunit_suite ogpu_queue_suite = {
	.name = "ogpu_queue",
	.test_cases = ogpu_queue_cases,
};

kunit_test_suite(ogpu_queue_suite);
