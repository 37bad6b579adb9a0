// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_sched.c: what a job with many dependencies waits for, and what that costs.
 */
#include <kunit/test.h>

#include <linux/ktime.h>

#include "ogpu_fence.h"

/* More by 16; who compares each with all would need about 256 times as long. */
#define OGPU_SCHED_TEST_FEW	256u
#define OGPU_SCHED_TEST_MANY	(16 * OGPU_SCHED_TEST_FEW)
#define OGPU_SCHED_TEST_MOST	48u
#define OGPU_SCHED_TEST_ROUNDS	3

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

/* The list has what has been added, without holes, as the kernel's scheduler wants it. */
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

/* Adds fences of as many timelines. Returns how long that took. */
static u64 ogpu_sched_test_cost(struct kunit *test, u32 count)
{
	struct ogpu_sched_job *job = ogpu_sched_test_job(test);
	u64 first = dma_fence_context_alloc(count);
	struct dma_fence **fences;
	u64 start, end;
	int ret = 0;
	u32 i;

	fences = kunit_kcalloc(test, count, sizeof(*fences), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fences);
	for (i = 0; i < count; i++)
		fences[i] = ogpu_sched_test_fence(test, first + i, 1);

	start = ktime_get_ns();
	for (i = 0; i < count && !ret; i++)
		ret = ogpu_sched_job_add_dep(job, dma_fence_get(fences[i]));
	end = ktime_get_ns();

	KUNIT_EXPECT_EQ(test, ret, 0);
	ogpu_sched_test_check(test, job, first, count, 1);
	for (i = 0; i < count; i++) {
		dma_fence_signal(fences[i]);
		dma_fence_put(fences[i]);
	}
	ogpu_sched_test_end(job);

	return end - start;
}

/* Buffers that others may have, too, each being cleared: what one of them costs is the same. */
static void ogpu_sched_test_order(struct kunit *test)
{
	u64 few = U64_MAX, many = U64_MAX;
	u32 i;

	for (i = 0; i < OGPU_SCHED_TEST_ROUNDS; i++) {
		few = min(few, ogpu_sched_test_cost(test, OGPU_SCHED_TEST_FEW));
		many = min(many, ogpu_sched_test_cost(test, OGPU_SCHED_TEST_MANY));
	}
	kunit_info(test, "%u: %llu ns, %u: %llu ns", OGPU_SCHED_TEST_FEW, few,
		   OGPU_SCHED_TEST_MANY, many);
	KUNIT_EXPECT_LE(test, many, OGPU_SCHED_TEST_MOST * few);
}

static struct kunit_case ogpu_sched_cases[] = {
	KUNIT_CASE(ogpu_sched_test_timelines),
	KUNIT_CASE_SLOW(ogpu_sched_test_order),
	{ }
};

static struct kunit_suite ogpu_sched_suite = {
	.name = "ogpu_sched",
	.test_cases = ogpu_sched_cases,
};

kunit_test_suite(ogpu_sched_suite);
