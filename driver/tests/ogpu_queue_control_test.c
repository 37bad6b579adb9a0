// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue_control.c: a page that firmware writes is read as a whole or not at
 * all.
 */
#include <kunit/test.h>

static void ogpu_queue_control_test_copy(struct kunit *test)
{
	struct ogpu_queue_control control = {
		.seq = cpu_to_le32(0xfffffffe),
		.state = cpu_to_le32(OGPU_QUEUE_WAITING),
		.busy_ns = cpu_to_le64(10),
		.held = cpu_to_le32(3),
	};
	struct ogpu_queue_control copy;

	KUNIT_ASSERT_TRUE(test, ogpu_queue_copy_control(&control, &copy));
	KUNIT_EXPECT_MEMEQ(test, &copy, &control, sizeof(copy));

	/* Firmware ended while it was writing: nobody waits for it. */
	control.seq = cpu_to_le32(0xffffffff);
	KUNIT_EXPECT_FALSE(test, ogpu_queue_copy_control(&control, &copy));
}

static struct kunit_case ogpu_queue_control_cases[] = {
	KUNIT_CASE(ogpu_queue_control_test_copy),
	{ }
};

static struct kunit_suite ogpu_queue_control_suite = {
	.name = "ogpu_queue_control",
	.test_cases = ogpu_queue_control_cases,
};

kunit_test_suite(ogpu_queue_control_suite);
