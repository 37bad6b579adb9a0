// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Jobs of a queue: they are put into the ring when the scheduler starts them, are pending while
 * hardware executes them, and end with their fence. ogpu_queue.c tells the rules.
 */
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_drv.h>

#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"

static struct ogpu_queue_job *to_ogpu_queue_job(struct ogpu_sched_job *base)
{
	return container_of(base, struct ogpu_queue_job, base);
}

/*
 * Fences
 */

/**
 * ogpu_queue_signal_done() - signal the fences of jobs that are done
 * @queue: queue, locked
 */
void ogpu_queue_signal_done(struct ogpu_queue *queue)
{
	struct ogpu_queue_job *job, *next;
	bool any = false;
	u64 value;

	lockdep_assert_held(&queue->lock);

	if (!queue->mem)
		return;
	value = le64_to_cpu(READ_ONCE(queue->mem->fence));
	/* What the job wrote is older than the value that tells of its end. */
	dma_rmb();

	list_for_each_entry_safe(job, next, &queue->pending, link) {
		struct dma_fence *fence = job->base.fence;

		if (fence->seqno > value)
			break;

		list_del_init(&job->link);
		queue->completed++;
		any = true;
		/* The job may be freed as soon as its fence has signalled. */
		dma_fence_get(fence);
		ogpu_fence_signal(fence, 0);
		dma_fence_put(fence);
	}
	if (any && !list_empty(&queue->pending))
		ogpu_queue_start_time(queue);
}

/**
 * ogpu_queue_fail_pending() - hardware has stopped a dead queue
 * @queue: queue, locked
 * @guilty: for the fence of the job that ran
 * @others: for those of jobs after it
 *
 * The fences of jobs that are done signal without error. Jobs that start later fail at once.
 */
void ogpu_queue_fail_pending(struct ogpu_queue *queue, int guilty, int others)
{
	struct ogpu_queue_job *job, *next;
	int error = guilty;

	lockdep_assert_held(&queue->lock);

	ogpu_queue_set_ended(queue);
	ogpu_queue_signal_done(queue);

	list_for_each_entry_safe(job, next, &queue->pending, link) {
		struct dma_fence *fence = dma_fence_get(job->base.fence);

		list_del_init(&job->link);
		ogpu_fence_signal(fence, job->on_ring ? error : others);
		dma_fence_put(fence);
		error = others;
	}
}

/**
 * ogpu_queue_poll() - signal the fences of jobs that are done
 * @queue: queue
 */
void ogpu_queue_poll(struct ogpu_queue *queue)
{
	unsigned long flags;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	spin_lock_irqsave(&queue->lock, flags);
	ogpu_queue_signal_done(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	dma_fence_end_signalling(cookie);
}

/*
 * Jobs
 */

static int ogpu_queue_run_job(struct ogpu_sched_job *base)
{
	struct ogpu_queue_job *job = to_ogpu_queue_job(base);
	struct ogpu_queue *queue = job->queue;
	struct ogpu_device *odev = queue->odev;
	unsigned long flags;
	int idx;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == OGPU_QUEUE_ENDED) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return -ECANCELED;
	}
	if (list_empty(&queue->pending))
		ogpu_queue_start_time(queue);
	list_add_tail(&job->link, &queue->pending);
	if (queue->state == OGPU_QUEUE_DEAD) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return 0;
	}

	job->on_ring = true;
	ogpu_ring_write(&queue->ring, job->packets, job->bytes);
	ogpu_ring_write_fence(&queue->ring,
			      ogpu_queue_mem_operand(queue, offsetof(struct ogpu_queue_mem, fence)),
			      base->fence->seqno);

	/* Hardware may fetch as soon as it sees the new write pointer. */
	dma_wmb();
	WRITE_ONCE(queue->mem->wptr, cpu_to_le64(queue->ring.wptr));

	/* If the card is being removed, ogpu_queue_mgr_stop() signals the fence. */
	if (drm_dev_enter(&odev->drm, &idx)) {
		odev->chip->doorbell(odev, queue->number, queue->ring.wptr);
		drm_dev_exit(idx);
	}
	spin_unlock_irqrestore(&queue->lock, flags);

	return 0;
}

static void ogpu_queue_free_job(struct ogpu_sched_job *base)
{
	struct ogpu_queue_job *job = to_ogpu_queue_job(base);

	ogpu_sched_job_fini(base);
	ogpu_queue_put(job->queue);
	kfree(job);
}

const struct ogpu_sched_ops ogpu_queue_sched_ops = {
	.run = ogpu_queue_run_job,
	.free = ogpu_queue_free_job,
};

/**
 * ogpu_queue_job_create() - make a job
 * @queue: to run it
 * @bytes: room for packets, multiple of 8; with the FENCE that ends a job they must fit into the
 *	credits of the ring
 * @client_id: of the DRM file it belongs to, for traces; 0: the kernel
 *
 * The packets are to be filled in by the caller.
 *
 * Return: the job, or an ERR_PTR().
 */
struct ogpu_queue_job *ogpu_queue_job_create(struct ogpu_queue *queue, u32 bytes, u64 client_id)
{
	struct ogpu_queue_job *job;
	int ret;

	job = kzalloc(struct_size(job, packets, bytes / sizeof(job->packets[0])),
		      GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);

	ret = ogpu_sched_job_init(&job->base, queue->sched, ogpu_ring_job_credits(bytes),
				  client_id);
	if (ret) {
		kfree(job);
		return ERR_PTR(ret);
	}

	job->queue = ogpu_queue_get(queue);
	job->bytes = bytes;
	INIT_LIST_HEAD(&job->link);

	return job;
}

/**
 * ogpu_queue_job_abort() - undo ogpu_queue_job_create()
 * @job: not armed, or NULL
 */
void ogpu_queue_job_abort(struct ogpu_queue_job *job)
{
	if (!job)
		return;
	ogpu_sched_job_abort(&job->base);
	ogpu_queue_put(job->queue);
	kfree(job);
}

/**
 * ogpu_queue_job_push() - hand an armed job over
 * @job: armed under the submit_lock, which is still held; it may be freed at any moment
 */
void ogpu_queue_job_push(struct ogpu_queue_job *job)
{
	struct ogpu_queue *queue = job->queue;

	lockdep_assert_held(&queue->submit_lock);

	spin_lock_irq(&queue->lock);
	queue->submitted++;
	spin_unlock_irq(&queue->lock);

	ogpu_sched_job_push(&job->base);
}
