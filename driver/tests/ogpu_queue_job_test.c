// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue_job.c: what the fences of jobs say when their queue has failed, and
 * when a queue is full.
 */
#include <kunit/test.h>

#define OGPU_TEST_JOBS	3
#define OGPU_TEST_MANY	(OGPU_QUEUE_PIECE + 1)

struct ogpu_queue_job_test {
	struct ogpu_queue *queue;
	struct dma_fence *fences[OGPU_TEST_MANY];
	u32 count;
	__le64 slot;
};

static bool ogpu_queue_job_test_timed;

/* No job is late. */
static void ogpu_queue_job_test_timeout(struct work_struct *work)
{
	ogpu_queue_job_test_timed = true;
	ogpu_queue_poll(container_of(to_delayed_work(work), struct ogpu_queue, timeout));
}

/* A queue whose jobs are on the ring; hardware has done some of them. */
static struct ogpu_queue_job_test *ogpu_queue_job_test_begin_with(struct kunit *test, u32 count,
								  u64 done)
{
	struct ogpu_queue_job_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct ogpu_queue_mgr *mgr = kunit_kzalloc(test, sizeof(*mgr), GFP_KERNEL);
	struct ogpu_device *odev = kunit_kzalloc(test, sizeof(*odev), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_TRUE(test, t && mgr && odev);
	t->queue = kunit_kzalloc(test, sizeof(*t->queue), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->queue);
	t->queue->mem = kunit_kzalloc(test, sizeof(*t->queue->mem), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->queue->mem);

	t->slot = cpu_to_le64(done);
	mgr->slots = &t->slot;
	mgr->timeout_wq = system_wq;
	odev->queues = mgr;
	t->queue->odev = odev;
	t->queue->kind = OGPU_QUEUE_KIND_SUBMIT;
	t->queue->context = dma_fence_context_alloc(1);
	t->queue->timeout_ms = 3600 * MSEC_PER_SEC;
	t->count = count;
	t->queue->submitted = count;
	spin_lock_init(&t->queue->lock);
	INIT_LIST_HEAD(&t->queue->pending);
	INIT_LIST_HEAD(&t->queue->waiters);
	INIT_DELAYED_WORK(&t->queue->timeout, ogpu_queue_job_test_timeout);
	kref_init(&t->queue->ref);
	/* That of the list; nobody drops the other one. */
	ogpu_queue_get(t->queue);

	for (i = 0; i < count; i++) {
		struct ogpu_job *job = ogpu_job_create(t->queue);

		KUNIT_ASSERT_NOT_NULL(test, job);
		ogpu_job_arm(job, t->queue->context, i + 1);
		job->on_ring = 1;
		list_add_tail(&job->link, &t->queue->pending);
		t->fences[i] = &job->fence;
	}

	return t;
}

static struct ogpu_queue_job_test *ogpu_queue_job_test_begin(struct kunit *test, u64 done)
{
	return ogpu_queue_job_test_begin_with(test, OGPU_TEST_JOBS, done);
}

static void ogpu_queue_job_test_end(struct ogpu_queue_job_test *t)
{
	u32 i;

	cancel_delayed_work_sync(&t->queue->timeout);
	for (i = 0; i < t->count; i++)
		dma_fence_put(t->fences[i]);
}

static void ogpu_queue_job_test_kill(struct ogpu_queue_job_test *t, u64 late)
{
	const struct ogpu_queue_failure why = {
		.code = DRM_OGPU_QUEUE_ERR_TIMEOUT,
		.job = late,
	};

	spin_lock_irq(&t->queue->lock);
	ogpu_queue_set_dead(t->queue, &why);
	spin_unlock_irq(&t->queue->lock);
	ogpu_queue_stopped(t->queue, -ETIMEDOUT, -ECANCELED);
}

static void ogpu_queue_job_test_late(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, 0);

	ogpu_queue_job_test_kill(t, 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), -ECANCELED);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), -ECANCELED);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(t->slot), OGPU_TEST_JOBS);
	ogpu_queue_job_test_end(t);
}

/* It ended while firmware was being asked: it is done, and the next one was not late. */
static void ogpu_queue_job_test_late_but_done(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, 1);

	ogpu_queue_job_test_kill(t, 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), -ECANCELED);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), -ECANCELED);
	ogpu_queue_job_test_end(t);
}

struct ogpu_queue_job_test_cb {
	struct dma_fence_cb cb;
	int preempt;
};

static void ogpu_queue_job_test_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	container_of(cb, struct ogpu_queue_job_test_cb, cb)->preempt = preempt_count();
}

/* Who has taken jobs is not put off the processor before all of their fences have signalled. */
static void ogpu_queue_job_test_poll(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, 2);
	struct ogpu_queue_job_test_cb cb = {};

	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT) || IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "needs a kernel that counts");
	KUNIT_ASSERT_EQ(test, dma_fence_add_callback(t->fences[1], &cb.cb,
						     ogpu_queue_job_test_signalled), 0);
	ogpu_queue_poll(t->queue);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), 0);
	/* The lock of the fence is one. */
	KUNIT_EXPECT_GE(test, cb.preempt, 2);

	t->slot = cpu_to_le64(OGPU_TEST_JOBS);
	ogpu_queue_poll(t->queue);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), 1);
	ogpu_queue_job_test_end(t);
}

/* An interrupt ends no more than it may, and the others come later. */
static void ogpu_queue_job_test_poll_some(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, OGPU_TEST_JOBS);

	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 2), 2);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), 0);
	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 2), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[2]), 1);
	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 2), 0);
	KUNIT_EXPECT_EQ(test, t->queue->completed, OGPU_TEST_JOBS);
	ogpu_queue_job_test_end(t);
}

/* Whom it would wake counts as well. */
static void ogpu_queue_job_test_poll_waiters(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, OGPU_TEST_JOBS);

	t->queue->waiter_count = 2;
	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 2), 2);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), 0);
	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 3), 3);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), 0);
	ogpu_queue_poll(t->queue);
	KUNIT_EXPECT_EQ(test, ogpu_queue_poll_some(t->queue, 3), 0);
	ogpu_queue_job_test_end(t);
}

struct ogpu_queue_job_test_rest {
	struct dma_fence_cb cb;
	struct ogpu_queue *queue;
	bool any;
};

static void ogpu_queue_job_test_look(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct ogpu_queue_job_test_rest *rest =
		container_of(cb, struct ogpu_queue_job_test_rest, cb);

	rest->any = !list_empty(&rest->queue->pending);
}

/*
 * Who stops a queue may be put off the processor: the rest of the jobs is where others look, and
 * somebody does.
 */
static void ogpu_queue_job_test_stop_many(struct kunit *test)
{
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin_with(test, OGPU_TEST_MANY, 0);
	struct ogpu_queue_job_test_rest rest = { .queue = t->queue };

	KUNIT_ASSERT_EQ(test, dma_fence_add_callback(t->fences[0], &rest.cb,
						     ogpu_queue_job_test_look), 0);
	ogpu_queue_job_test_timed = false;
	ogpu_queue_job_test_kill(t, 1);
	flush_delayed_work(&t->queue->timeout);
	KUNIT_EXPECT_TRUE(test, ogpu_queue_job_test_timed);
	KUNIT_EXPECT_TRUE(test, rest.any);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[OGPU_TEST_MANY - 1]), -ECANCELED);
	KUNIT_EXPECT_TRUE(test, list_empty(&t->queue->pending));
	KUNIT_EXPECT_EQ(test, t->queue->completed, 0);
	ogpu_queue_job_test_end(t);
}

static void ogpu_queue_job_test_doorbell(struct ogpu_device *odev, u32 number, u64 wptr) { }

/* A job more for a queue that is full, with those before the pending ones not over either. */
static int ogpu_queue_job_test_submit(struct kunit *test, struct ogpu_queue_job_test *t)
{
	struct ogpu_job *job = ogpu_job_create(t->queue);
	LIST_HEAD(jobs);
	u64 number;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, job);
	list_add(&job->link, &jobs);
	ret = ogpu_queue_submit(t->queue, &jobs, 1, &number);
	if (ret) {
		ogpu_job_abort(job);
	} else {
		KUNIT_EXPECT_EQ(test, number, OGPU_TEST_JOBS + 1);
		dma_fence_put(&job->fence);
	}

	return ret;
}

/* What hardware has done is over, whether somebody has looked or not. */
static void ogpu_queue_job_test_full(struct kunit *test)
{
	static const struct ogpu_chip_ops chip = { .doorbell = ogpu_queue_job_test_doorbell };
	struct ogpu_queue_job_test *t = ogpu_queue_job_test_begin(test, 0);

	t->queue->odev->chip = &chip;
	t->queue->finished = OGPU_TEST_JOBS - DRM_OGPU_MAX_QUEUED_JOBS;
	mutex_init(&t->queue->submit_lock);
	ogpu_ring_init(&t->queue->ring, kunit_kzalloc(test, SZ_4K, GFP_KERNEL), SZ_4K);
	KUNIT_ASSERT_NOT_NULL(test, t->queue->ring.mem);

	KUNIT_EXPECT_EQ(test, ogpu_queue_job_test_submit(test, t), -EBUSY);
	t->slot = cpu_to_le64(1);
	KUNIT_EXPECT_EQ(test, ogpu_queue_job_test_submit(test, t), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[0]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(t->fences[1]), 0);

	t->slot = cpu_to_le64(OGPU_TEST_JOBS + 1);
	ogpu_queue_poll(t->queue);
	KUNIT_EXPECT_TRUE(test, list_empty(&t->queue->pending));
	mutex_destroy(&t->queue->submit_lock);
	ogpu_queue_job_test_end(t);
}

static struct kunit_case ogpu_queue_job_cases[] = {
	KUNIT_CASE(ogpu_queue_job_test_late),
	KUNIT_CASE(ogpu_queue_job_test_late_but_done),
	KUNIT_CASE(ogpu_queue_job_test_poll),
	KUNIT_CASE(ogpu_queue_job_test_poll_some),
	KUNIT_CASE(ogpu_queue_job_test_poll_waiters),
	KUNIT_CASE(ogpu_queue_job_test_stop_many),
	KUNIT_CASE(ogpu_queue_job_test_full),
	{ }
};

static struct kunit_suite ogpu_queue_job_suite = {
	.name = "ogpu_queue_job",
	.test_cases = ogpu_queue_job_cases,
};

kunit_test_suite(ogpu_queue_job_suite);
