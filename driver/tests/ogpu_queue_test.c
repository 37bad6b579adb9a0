// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue.c: what becomes of firmware's answers, how a queue may end.
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

/* Dead once and for good, with the first error, and never ended before it is dead. */
static void ogpu_queue_test_states(struct kunit *test)
{
	const struct ogpu_queue_failure first = { .code = DRM_OGPU_QUEUE_ERR_MEMORY };
	const struct ogpu_queue_failure second = { .code = DRM_OGPU_QUEUE_ERR_TIMEOUT };
	struct ogpu_queue *queue;

	queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, queue);
	spin_lock_init(&queue->lock);

	spin_lock_irq(&queue->lock);
	KUNIT_EXPECT_FALSE(test, ogpu_queue_set_ended(queue));
	KUNIT_EXPECT_EQ(test, queue->state, OGPU_QUEUE_ALIVE);
	KUNIT_EXPECT_FALSE(test, ogpu_queue_is_dead(queue));

	KUNIT_EXPECT_TRUE(test, ogpu_queue_set_dead(queue, &first));
	KUNIT_EXPECT_EQ(test, queue->state, OGPU_QUEUE_DEAD);
	KUNIT_EXPECT_FALSE(test, ogpu_queue_set_dead(queue, &second));

	KUNIT_EXPECT_TRUE(test, ogpu_queue_set_ended(queue));
	KUNIT_EXPECT_EQ(test, queue->state, OGPU_QUEUE_ENDED);
	KUNIT_EXPECT_FALSE(test, ogpu_queue_set_dead(queue, &second));
	KUNIT_EXPECT_FALSE(test, ogpu_queue_set_ended(queue));
	KUNIT_EXPECT_EQ(test, queue->state, OGPU_QUEUE_ENDED);
	KUNIT_EXPECT_TRUE(test, ogpu_queue_is_dead(queue));
	KUNIT_EXPECT_EQ(test, queue->error.code, DRM_OGPU_QUEUE_ERR_MEMORY);
	spin_unlock_irq(&queue->lock);
}

static struct kunit_case ogpu_queue_cases[] = {
	KUNIT_CASE(ogpu_queue_test_states),
	KUNIT_CASE(ogpu_queue_test_create_errno),
	{ }
};

static struct kunit_suite ogpu_queue_suite = {
	.name = "ogpu_queue",
	.test_cases = ogpu_queue_cases,
};

kunit_test_suite(ogpu_queue_suite);
