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
	INIT_LIST_HEAD(&queue->waiters);

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

static void ogpu_queue_test_recover(struct ogpu_device *odev, enum ogpu_trouble trouble)
{
	odev->last_error[0] = 'R';
}

static const struct ogpu_report_ops ogpu_queue_test_report_ops = {
	.recover = ogpu_queue_test_recover,
};

/* A queue of user space that firmware may know. */
static struct ogpu_queue *ogpu_queue_test_user(struct kunit *test)
{
	struct ogpu_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);
	struct ogpu_device *odev = kunit_kzalloc(test, sizeof(*odev), GFP_KERNEL);
	struct ogpu_queue_mgr *mgr = kunit_kzalloc(test, sizeof(*mgr), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, queue && odev && mgr);
	mgr->slots = kunit_kzalloc(test, sizeof(*mgr->slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mgr->slots);
	xa_init(&mgr->queues);
	mutex_init(&mgr->lock);
	odev->queues = mgr;
	odev->report_ops = &ogpu_queue_test_report_ops;
	spin_lock_init(&odev->error_lock);
	queue->odev = odev;
	queue->kind = OGPU_QUEUE_KIND_USER;
	queue->on_card = true;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->waiters);

	return queue;
}

/*
 * The request to stop a queue meets one that is being destroyed, because its address space has not
 * let go of it yet: firmware does not know it any more. That is no trouble.
 */
static void ogpu_queue_test_stop_unknown(struct kunit *test)
{
	const struct ogpu_queue_failure why = { .code = DRM_OGPU_QUEUE_ERR_NO_ROOM };
	struct ogpu_queue *queue = ogpu_queue_test_user(test);
	struct ogpu_queue_request stop = { .sent = true };

	spin_lock_irq(&queue->lock);
	ogpu_queue_set_dead(queue, &why);
	spin_unlock_irq(&queue->lock);
	init_completion(&stop.call.over);
	stop.call.msg.status = cpu_to_le16(OGPU_MSG_ENOQUEUE);
	complete(&stop.call.over);

	ogpu_queue_finish_kill(queue, &stop, -ECANCELED);
	KUNIT_EXPECT_EQ(test, queue->odev->last_error[0], 0);
	KUNIT_EXPECT_EQ(test, queue->state, OGPU_QUEUE_ENDED);
}

/* Firmware that does not stop a queue has the card reset, but not one that was reset since. */
static void ogpu_queue_test_stop_refused(struct kunit *test)
{
	struct ogpu_queue *queue = ogpu_queue_test_user(test);
	struct ogpu_queue_request stop = { .sent = true, .generation = 7 };

	init_completion(&stop.call.over);
	stop.call.msg.status = cpu_to_le16(OGPU_MSG_EHW);
	complete(&stop.call.over);
	queue->odev->generation = 8;
	ogpu_queue_finish_kill(queue, &stop, -ECANCELED);
	KUNIT_EXPECT_EQ(test, queue->odev->last_error[0], 0);

	complete(&stop.call.over);
	queue->odev->generation = 7;
	ogpu_queue_finish_kill(queue, &stop, -ECANCELED);
	KUNIT_EXPECT_EQ(test, queue->odev->last_error[0], 'R');
}

/* Whoever kills it again costs firmware nothing: here there is none that could be asked. */
static void ogpu_queue_test_kill_ended(struct kunit *test)
{
	const struct ogpu_queue_failure why = { .code = DRM_OGPU_QUEUE_ERR_MEMORY };
	struct ogpu_queue *queue = ogpu_queue_test_user(test);
	struct ogpu_queue_request stop = { .sent = true };

	spin_lock_irq(&queue->lock);
	ogpu_queue_set_dead(queue, &why);
	ogpu_queue_set_ended(queue);
	spin_unlock_irq(&queue->lock);

	ogpu_queue_begin_kill(queue, &stop, DRM_OGPU_QUEUE_ERR_KILLED);
	KUNIT_EXPECT_FALSE(test, stop.sent);
	ogpu_queue_finish_kill(queue, &stop, -ECANCELED);
	KUNIT_EXPECT_EQ(test, queue->error.code, DRM_OGPU_QUEUE_ERR_MEMORY);
}

static struct kunit_case ogpu_queue_cases[] = {
	KUNIT_CASE(ogpu_queue_test_states),
	KUNIT_CASE(ogpu_queue_test_stop_unknown),
	KUNIT_CASE(ogpu_queue_test_stop_refused),
	KUNIT_CASE(ogpu_queue_test_kill_ended),
	KUNIT_CASE(ogpu_queue_test_create_errno),
	{ }
};

static struct kunit_suite ogpu_queue_suite = {
	.name = "ogpu_queue",
	.test_cases = ogpu_queue_cases,
};

kunit_test_suite(ogpu_queue_suite);
