// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * One job of a queue: its fence, its packets, and what it has to wait for.
 *
 * A job that has nothing to wait for is a single allocation, which is its fence as well.
 *
 * What it waits for is often a job of another queue of the card. Then hardware can wait: for the
 * number in the fence slot of that queue, by a WAIT packet before the job, so that the CPU need not
 * be there when the other job ends. A slot stays readable until the device is unbound, its values
 * only grow, also when another queue gets the number, and when a queue ends without having done all
 * its jobs the driver stores the number of the last one. So such a WAIT ends whatever happens, as
 * the fence does.
 *
 * For all else the job has a second part, which goes through the queue's entity of the
 * kernel's scheduler. How many of those a user has is limited, because the scheduler's own share of
 * them is not charged to anybody.
 */
#include <linux/dma-fence-chain.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <drm/ogpu_drm.h>

#include "ogpu_compat.h"
#include "ogpu_fence.h"
#include "ogpu_job.h"
#include "ogpu_patience.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_trace.h"

/* Points of a timeline that are looked at for what hardware could wait for. */
#define OGPU_JOB_LINKS	256

/* Jobs of a user that wait for something other than their turn. */
#define OGPU_SLOW_JOBS	(4 * DRM_OGPU_MAX_QUEUED_JOBS)
/* What other drivers do with a shared buffer is waited for so long. */
#define OGPU_JOB_PATIENCE_MS	10000

static_assert(offsetof(struct ogpu_job, fence) == 0);

/**
 * ogpu_job_create() - make a job
 * @queue: to run it; the caller holds a reference until the job is submitted
 *
 * It is empty: the caller sets @bytes and what belongs to it.
 *
 * Return: the job, or NULL.
 */
struct ogpu_job *ogpu_job_create(struct ogpu_queue *queue)
{
	struct ogpu_job *job = kmalloc_obj(*job, GFP_KERNEL_ACCOUNT);

	if (!job)
		return NULL;

	job->queue = queue;
	job->bytes = 0;
	job->stream_va = 0;
	job->slow = NULL;
	job->waits = NULL;
	job->privileged = 0;
	job->on_ring = 0;

	return job;
}

static void ogpu_job_free_waits(struct ogpu_job *job)
{
	u32 i;

	if (!job->waits)
		return;
	for (i = 0; i < job->waits->count; i++)
		dma_fence_put(job->waits->wait[i].fence);
	kfree(job->waits);
}

/**
 * ogpu_job_abort() - undo ogpu_job_create()
 * @job: not submitted, in no list
 */
void ogpu_job_abort(struct ogpu_job *job)
{
	if (job->slow)
		ogpu_slow_job_free(&job->slow->base);
	if (job->privileged)
		kfree(job->packets);
	ogpu_job_free_waits(job);
	kfree(job);
}

/* The scheduler of a queue is made when it is needed first. */
static struct ogpu_sched *ogpu_job_get_sched(struct ogpu_queue *queue)
{
	struct ogpu_sched *sched = READ_ONCE(queue->sched), *old;

	if (sched)
		return sched;

	sched = ogpu_sched_create(queue->odev, &ogpu_queue_sched_ops, queue->name, queue->context);
	if (IS_ERR(sched))
		return sched;
	old = cmpxchg(&queue->sched, NULL, sched);
	if (old) {
		ogpu_sched_put(sched);
		sched = old;
	}

	return sched;
}

/**
 * ogpu_job_make_slow() - have a job go through its queue's entity
 * @job: not submitted
 *
 * Return: 0, also if it does already; -EBUSY: too many jobs of the user do; -ENOMEM.
 */
int ogpu_job_make_slow(struct ogpu_job *job)
{
	struct ogpu_queue *queue = job->queue;
	struct ogpu_slow_job *slow;
	struct ogpu_sched *sched;
	int ret;

	if (job->slow)
		return 0;

	sched = ogpu_job_get_sched(queue);
	if (IS_ERR(sched))
		return PTR_ERR(sched);
	if (!ogpu_queue_quota_charge_job(ogpu_queue_quota(queue), OGPU_SLOW_JOBS))
		return -EBUSY;

	slow = kzalloc_obj(*slow, GFP_KERNEL_ACCOUNT);
	if (!slow) {
		ret = -ENOMEM;
		goto err_uncharge;
	}

	ret = ogpu_sched_job_init(&slow->base, sched, queue->client_id);
	if (ret)
		goto err_free;

	slow->job = job;
	slow->queue = ogpu_queue_get(queue);
	slow->charged = true;
	job->slow = slow;

	return 0;

err_free:
	kfree(slow);
err_uncharge:
	ogpu_queue_quota_uncharge_job(ogpu_queue_quota(queue));
	return ret;
}

/**
 * ogpu_slow_job_uncharge() - a job waits no more: it starts, or will not
 * @slow: the job
 *
 * Without this it would count until the scheduler's worker comes to free it.
 */
void ogpu_slow_job_uncharge(struct ogpu_slow_job *slow)
{
	if (!slow->charged)
		return;
	slow->charged = false;
	ogpu_queue_quota_uncharge_job(ogpu_queue_quota(slow->queue));
}

/**
 * ogpu_slow_job_free() - &ogpu_sched_ops.free of queues
 * @base: that is over, or was not pushed
 */
void ogpu_slow_job_free(struct ogpu_sched_job *base)
{
	struct ogpu_slow_job *slow = to_ogpu_slow_job(base);

	ogpu_sched_job_fini(base);
	ogpu_slow_job_uncharge(slow);
	ogpu_queue_put(slow->queue);
	kfree(slow);
}

/* Where the number of a fence's job will be seen; false if hardware cannot tell. */
static bool ogpu_job_find_slot(const struct ogpu_job *job, struct dma_fence *fence, u64 *operand,
			       u64 *value)
{
	const struct ogpu_queue *other;
	bool found = false;

	if (!ogpu_fence_is_job(fence))
		return false;

	/* A job holds its queue until it has signalled, and RCU frees queues. */
	rcu_read_lock();
	other = container_of(fence, struct ogpu_job, fence)->queue;
	if (!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags) &&
	    other->odev == job->queue->odev) {
		*operand = ogpu_queue_slot_operand(other);
		*value = other->slot_base + fence->seqno;
		found = true;
	}
	rcu_read_unlock();

	return found;
}

/* Has hardware wait for a fence if it can; then the reference is consumed. */
static bool ogpu_job_add_wait(struct ogpu_job *job, struct dma_fence *fence)
{
	struct ogpu_job_waits *waits = job->waits;
	u64 operand, value;
	u32 i;

	if (!ogpu_job_find_slot(job, fence, &operand, &value))
		return false;

	if (!waits) {
		waits = kmalloc_obj(*waits, GFP_KERNEL_ACCOUNT);
		if (!waits)
			return false;
		waits->count = 0;
		job->waits = waits;
	}

	/* Of the jobs of a queue the last one counts. */
	for (i = 0; i < waits->count; i++) {
		if (waits->wait[i].fence->context == fence->context)
			break;
	}
	if (i == OGPU_JOB_WAITS)
		return false;
	if (i == waits->count)
		waits->count++;
	else if (waits->wait[i].value < value)
		dma_fence_put(waits->wait[i].fence);
	else
		goto out_known;
	waits->wait[i].operand = operand;
	waits->wait[i].value = value;
	waits->wait[i].fence = fence;

	return true;

out_known:
	dma_fence_put(fence);
	return true;
}

/**
 * ogpu_job_is_held() - ask whether hardware still waits before a job
 * @job: pending; its queue is locked
 * @until: out: if not, when the last job that it waited for was over; 0 if there was none
 *
 * Return: true if a job of another queue that it waits for is not over.
 */
bool ogpu_job_is_held(const struct ogpu_job *job, ktime_t *until)
{
	u32 i;

	*until = 0;
	for (i = 0; job->waits && i < job->waits->count; i++) {
		struct dma_fence *fence = job->waits->wait[i].fence;

		if (!dma_fence_is_signaled(fence))
			return true;
		*until = max(*until, dma_fence_timestamp(fence));
	}

	return false;
}

/* Remembers a fence, of each timeline the last one. Returns false if there is no room. */
static bool ogpu_job_note_fence(struct dma_fence **fences, u32 *count, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < *count; i++) {
		if (fences[i]->context != fence->context)
			continue;
		if (fences[i]->seqno < fence->seqno) {
			dma_fence_put(fences[i]);
			fences[i] = dma_fence_get(fence);
		}
		return true;
	}
	if (*count == OGPU_JOB_WAITS)
		return false;
	fences[(*count)++] = dma_fence_get(fence);

	return true;
}

/*
 * Has hardware wait for all that a chain of fences stands for. Returns false if it cannot, or if
 * there is too much; then the CPU waits for the chain, and it is no harm if hardware does for some.
 */
static bool ogpu_job_add_chain(struct ogpu_job *job, struct dma_fence *chain)
{
	struct dma_fence *fences[OGPU_JOB_WAITS];
	u32 count = 0, links = 0, i;
	struct dma_fence *iter;
	bool all = true;

	dma_fence_chain_for_each(iter, chain) {
		struct dma_fence *fence = dma_fence_chain_contained(iter);

		all = ++links <= OGPU_JOB_LINKS;
		if (all && fence->context != job->queue->context && !dma_fence_is_signaled(fence))
			all = ogpu_job_note_fence(fences, &count, fence);
		if (!all) {
			dma_fence_put(iter);
			break;
		}
	}

	for (i = 0; i < count; i++) {
		if (all && ogpu_job_add_wait(job, fences[i]))
			continue;
		all = all && dma_fence_is_signaled(fences[i]);
		dma_fence_put(fences[i]);
	}

	return all;
}

/**
 * ogpu_job_add_dep() - let a job wait
 * @job: not submitted
 * @fence: to wait for; the reference is consumed in any case. NULL is ignored
 *
 * Errors of @fence do not matter to the job. A fence of the same queue is ignored, because jobs of
 * a queue are in order anyway.
 *
 * Return: 0, -EBUSY, -ENOMEM.
 */
int ogpu_job_add_dep(struct ogpu_job *job, struct dma_fence *fence)
{
	int ret;

	if (!fence)
		return 0;

	if (fence->context == job->queue->context || dma_fence_is_signaled(fence) ||
	    (dma_fence_is_chain(fence) && ogpu_job_add_chain(job, fence))) {
		dma_fence_put(fence);
		return 0;
	}

	if (ogpu_job_add_wait(job, fence))
		return 0;

	ret = ogpu_job_make_slow(job);
	if (ret) {
		dma_fence_put(fence);
		return ret;
	}

	return ogpu_sched_job_add_dep(&job->slow->base, fence);
}

/**
 * ogpu_job_add_resv_deps() - let a job wait for the fences of a reservation object
 * @job: not submitted
 * @resv: locked
 * @usage: fences of this and of stricter kinds
 *
 * Return: 0, -EBUSY, -ENOMEM.
 */
int ogpu_job_add_resv_deps(struct ogpu_job *job, struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_assert_held(resv);

	dma_resv_for_each_fence(&cursor, resv, usage, fence) {
		ret = ogpu_job_add_dep(job, dma_fence_get(fence));
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_job_add_foreign_deps() - let a job wait for what others than this driver do with a buffer
 * @job: not submitted
 * @resv: of the buffer, locked
 * @usage: fences of this and of stricter kinds, but for the kernel's
 *
 * For so long as they may take, which is not for ever: whoever has the buffer can put them there.
 *
 * Return: 0, -EBUSY, -ENOMEM.
 */
int ogpu_job_add_foreign_deps(struct ogpu_job *job, struct dma_resv *resv,
			      enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence, *patience;
	int ret;

	dma_resv_assert_held(resv);

	dma_resv_for_each_fence(&cursor, resv, usage, fence) {
		if (dma_resv_iter_usage(&cursor) == DMA_RESV_USAGE_KERNEL ||
		    ogpu_fence_is_ours(fence))
			continue;
		if (dma_fence_is_signaled(fence))
			continue;
		patience = ogpu_patience_create(fence, OGPU_JOB_PATIENCE_MS);
		if (!patience)
			return -ENOMEM;
		ret = ogpu_job_add_dep(job, patience);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_job_arm() - make a job's fence one
 * @job: to be submitted; nothing may fail any more
 * @context: timeline
 * @seqno: number of the job
 *
 * There are two references afterwards: the queue's, which ogpu_job_end() drops, and the caller's.
 */
void ogpu_job_arm(struct ogpu_job *job, u64 context, u64 seqno)
{
	ogpu_fence_setup(&job->fence, &job->lock, &ogpu_fence_job_ops, context, seqno);
	dma_fence_get(&job->fence);
}

/**
 * ogpu_job_end() - a job is over: signal its fence
 * @job: in no list; its error, if any, is in the fence; gone afterwards, but for other references
 *
 * Any context, no lock of the queue held.
 */
void ogpu_job_end(struct ogpu_job *job)
{
	struct ogpu_queue *queue = job->queue;

	trace_ogpu_signal(queue->odev, queue->number, job->fence.seqno, job->fence.error);
	if (job->privileged)
		job->packets->over(job->packets, job->fence.error);
	ogpu_job_free_waits(job);
	dma_fence_signal(&job->fence);
	dma_fence_put(&job->fence);
}
