// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue_timeout.c: what counts as the time of a job.
 */
#include <kunit/test.h>

#include "ogpu_fence.h"

/* Waiting for a slot and for a compute unit, until the page was written and since. */
static void ogpu_queue_time_test_waiting(struct kunit *test)
{
	struct ogpu_queue_times times = {
		.busy_ns = 70, .unit_ns = 30, .waited_ns = 5, .now_ns = 1000,
	};
	static const struct {
		enum ogpu_queue_run_state state;
		u64 ns;
	} since[] = {
		{ OGPU_QUEUE_IDLE, 200 },
		{ OGPU_QUEUE_READY, 200 },
		{ OGPU_QUEUE_SUSPENDED, 200 },
		{ OGPU_QUEUE_FAULTED, 200 },
		{ OGPU_QUEUE_RUNNING, 0 },
		{ OGPU_QUEUE_WAITING, 0 },
	};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, ogpu_queue_waited_ns(&times), 45);
	for (i = 0; i < ARRAY_SIZE(since); i++) {
		times.state = since[i].state;
		KUNIT_EXPECT_EQ(test, ogpu_queue_waiting_ns(&times, 1200), since[i].ns);
		KUNIT_EXPECT_EQ(test, ogpu_queue_waiting_ns(&times, 900), 0);
	}

	/* Nobody is killed for what firmware has not told in time. */
	times.state = OGPU_QUEUE_RUNNING;
	KUNIT_EXPECT_EQ(test, ogpu_queue_waiting_ns(&times, 1000 + OGPU_CONTROL_LAG_NS), 0);
	KUNIT_EXPECT_EQ(test, ogpu_queue_waiting_ns(&times, 1300 + OGPU_CONTROL_LAG_NS), 300);

	/* Firmware adds up both at moments that differ a little. */
	times.unit_ns = 71;
	KUNIT_EXPECT_EQ(test, ogpu_queue_waited_ns(&times), 5);
}

#define OGPU_TEST_S	((u64)NSEC_PER_SEC)

static void ogpu_queue_time_test_left(struct kunit *test)
{
	const u64 lag = OGPU_CONTROL_LAG_NS;

	/* A limit of 2 s. */
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 0, 0), 2 * OGPU_TEST_S + lag);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 2 * OGPU_TEST_S, 0), lag);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 2 * OGPU_TEST_S + lag, 0), 0);
	KUNIT_EXPECT_LT(test, ogpu_queue_left_ns(2000, 10000, 3 * OGPU_TEST_S, 0), 0);
	/* Others had the hardware: all the time, or more than that because pages are old. */
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 50 * OGPU_TEST_S, 50 * OGPU_TEST_S),
			2 * OGPU_TEST_S + lag);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 50 * OGPU_TEST_S, U64_MAX),
			2 * OGPU_TEST_S + lag);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 50 * OGPU_TEST_S, 49 * OGPU_TEST_S),
			OGPU_TEST_S + lag);
	/* Not for ever: ten times the driver's limit, or its own. */
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 99 * OGPU_TEST_S, 99 * OGPU_TEST_S),
			OGPU_TEST_S);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(2000, 10000, 100 * OGPU_TEST_S,
						 100 * OGPU_TEST_S), 0);
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(60000, 10000, 599 * OGPU_TEST_S,
						 599 * OGPU_TEST_S), OGPU_TEST_S);
	/* The longest that module parameter and uapi allow. */
	KUNIT_EXPECT_EQ(test, ogpu_queue_left_ns(U32_MAX, U32_MAX, 0, 0),
			U32_MAX * (u64)NSEC_PER_MSEC + lag);
}

/* The queue below has not what the driver's needs. */
static void ogpu_queue_time_test_work(struct work_struct *work)
{
}

/* A job that is held does not make work as often as its owner's time limit says. */
static void ogpu_queue_time_test_held(struct kunit *test)
{
	struct ogpu_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);
	struct ogpu_device *odev = kunit_kzalloc(test, sizeof(*odev), GFP_KERNEL);
	struct ogpu_queue_mgr *mgr = kunit_kzalloc(test, sizeof(*mgr), GFP_KERNEL);
	struct ogpu_job_waits waits = { .count = 1 };
	struct dma_fence *fence = ogpu_fence_alloc();
	struct ogpu_job job = {};

	KUNIT_ASSERT_TRUE(test, queue && odev && mgr && fence);
	queue->mem = kunit_kzalloc(test, sizeof(*queue->mem), GFP_KERNEL);
	mgr->slots = kunit_kzalloc(test, sizeof(*mgr->slots), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, queue->mem && mgr->slots);
	mgr->timeout_wq = system_wq;
	odev->queues = mgr;
	queue->odev = odev;
	queue->timeout_ms = 1;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->waiters);
	INIT_DELAYED_WORK(&queue->timeout, ogpu_queue_time_test_work);

	ogpu_fence_init(fence, dma_fence_context_alloc(1), 1);
	waits.wait[0].fence = fence;
	job.waits = &waits;
	job.fence.seqno = 1;
	list_add_tail(&job.link, &queue->pending);

	KUNIT_EXPECT_EQ(test, ogpu_queue_find_late(queue, 0), 0);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&queue->timeout));
	KUNIT_EXPECT_TRUE(test, time_after(queue->timeout.timer.expires,
					   jiffies + msecs_to_jiffies(OGPU_CONTROL_REFRESH_MS)));
	cancel_delayed_work_sync(&queue->timeout);
	ogpu_fence_signal(fence, 0);
	dma_fence_put(fence);
}

static struct kunit_case ogpu_queue_time_cases[] = {
	KUNIT_CASE(ogpu_queue_time_test_waiting),
	KUNIT_CASE(ogpu_queue_time_test_left),
	KUNIT_CASE(ogpu_queue_time_test_held),
	{ }
};

static struct kunit_suite ogpu_queue_time_suite = {
	.name = "ogpu_queue_time",
	.test_cases = ogpu_queue_time_cases,
};

kunit_test_suite(ogpu_queue_time_suite);
