// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_sched.c: what a job with many dependencies waits for, and how it finds them.
 */
#include <kunit/test.h>

#include "ogpu_fence.h"

/* Begun with drm_sched_job_init() but for the entity, which adding dependencies does not need. */
static struct ogpu_sched_job *ogpu_sched_test_job(struct kunit *test)
{
	struct ogpu_sched_job *job = kunit_kzalloc(test, sizeof(*job), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, job);
	job->sched = kunit_kzalloc(test, sizeof(*job->sched), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, job->sched);
	job->sched->context = dma_fence_context_alloc(1);
	xa_init_flags(&job->base.dependencies, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	xa_init_flags(&job->timelines, XA_FLAGS_ACCOUNT);

	return job;
}

static void ogpu_sched_test_end(struct ogpu_sched_job *job)
{
	struct dma_fence *fence;
	unsigned long i;

	xa_for_each(&job->base.dependencies, i, fence)
		dma_fence_put(fence);
	xa_destroy(&job->base.dependencies);
	xa_destroy(&job->timelines);
}

static struct dma_fence *ogpu_sched_test_fence(struct kunit *test, u64 context, u64 seqno)
{
	struct dma_fence *fence = ogpu_fence_alloc();

	KUNIT_ASSERT_NOT_NULL(test, fence);
	ogpu_fence_init(fence, context, seqno);

	return fence;
}

/*
 * The list has what has been added, without holes, as the kernel's scheduler wants it. None but the
 * first ones has to be searched for.
 */
static void ogpu_sched_test_check(struct kunit *test, struct ogpu_sched_job *job, u64 first,
				  u32 count, u64 seqno)
{
	struct dma_fence *fence;
	u32 i;

	for (i = 0; i < count; i++) {
		fence = xa_load(&job->base.dependencies, i);
		KUNIT_ASSERT_NOT_NULL(test, fence);
		KUNIT_EXPECT_EQ(test, fence->context, first + i);
		KUNIT_EXPECT_EQ(test, fence->seqno, seqno);
		if (i < OGPU_SCHED_FEW_DEPS)
			KUNIT_EXPECT_NULL(test, xa_load(&job->timelines, first + i));
		else
			KUNIT_EXPECT_PTR_EQ(test, xa_load(&job->timelines, first + i),
					    xa_mk_value(i));
	}
	KUNIT_EXPECT_NULL(test, xa_load(&job->base.dependencies, count));
}

/* Of each timeline the last one counts, whatever the order, however many there are. */
static void ogpu_sched_test_timelines(struct kunit *test)
{
	struct ogpu_sched_job *job = ogpu_sched_test_job(test);
	const u32 count = 4 * OGPU_SCHED_FEW_DEPS;
	u64 first = dma_fence_context_alloc(count);
	static const u64 order[] = { 2, 3, 1, 3 };
	struct dma_fence *fence;
	u32 i, k;

	for (k = 0; k < ARRAY_SIZE(order); k++) {
		for (i = 0; i < count; i++) {
			fence = ogpu_sched_test_fence(test, first + i, order[k]);
			KUNIT_ASSERT_EQ(test, ogpu_sched_job_add_dep(job, fence), 0);
		}
		ogpu_sched_test_check(test, job, first, count, k ? 3 : 2);
	}

	/* What has signalled, and what the entity does in order, is not waited for. */
	fence = ogpu_sched_test_fence(test, dma_fence_context_alloc(1), 1);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, ogpu_sched_job_add_dep(job, fence), 0);
	fence = ogpu_sched_test_fence(test, job->sched->context, 1);
	dma_fence_get(fence);
	KUNIT_EXPECT_EQ(test, ogpu_sched_job_add_dep(job, fence), 0);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	ogpu_sched_test_check(test, job, first, count, 3);
	for (i = 0; i < count; i++)
		dma_fence_signal(xa_load(&job->base.dependencies, i));
	ogpu_sched_test_end(job);
}

static struct kunit_case ogpu_sched_cases[] = {
	KUNIT_CASE(ogpu_sched_test_timelines),
	{ }
};

static struct kunit_suite ogpu_sched_suite = {
	.name = "ogpu_sched",
	.test_cases = ogpu_sched_cases,
};

kunit_test_suite(ogpu_sched_suite);
