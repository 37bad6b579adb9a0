// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * When each move or clear of the kernel's is due.
 *
 * DOC: Order of copies
 *
 * What a work waits for is waited for by software, and each waits for itself: nothing goes to the
 * ring before it can be executed at once. So jobs that last long hold up the moves of the buffers
 * that they use, and what needs the room of those, but nobody else's.
 *
 * Works of the same queue need not wait for each other's end: it is enough that the other is on the
 * ring, which is executed in order. Works that are ready stand in line by client, and the clients
 * take turns, a job each. Only so much is on the ring at once as keeps the card busy: who comes
 * next does not stand behind all that another one has to move.
 *
 * A fence has its place on a timeline of the buffer's dma_resv from the beginning, though works
 * begin in any order: a work waits for the earlier ones of its timeline.
 *
 * All memory is there before a work is submitted; from then on it is on the way to a fence's
 * signal. What is submitted is executed exactly once, or fails when its queue has ended.
 */
#include <linux/dma-resv.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "ogpu_compat.h"
#include "ogpu_copy_work.h"
#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_queue.h"
#include "ogpu_vram_mgr.h"

/* What is on the ring at once. */
#define OGPU_COPY_FLIGHT_JOBS	32u
#define OGPU_COPY_FLIGHT_BYTES	((u64)SZ_32M)

/* Jobs that are started, or fail, with interrupts off. */
#define OGPU_COPY_AT_ONCE	64u
/* How long what is on the ring may take before the card can sleep. */
#define OGPU_COPY_HOLD_MS	10000
#define OGPU_COPY_HOLD_POLL_US	100

static_assert(offsetof(struct ogpu_copy_work, fence) == 0);
static_assert(offsetof(struct ogpu_copy_piece, base) == 0);

static const struct dma_fence_ops ogpu_copy_fence_ops = {
	OGPU_FENCE_OPS_64BIT
	.get_driver_name = ogpu_fence_get_driver_name,
	.get_timeline_name = ogpu_fence_get_timeline_name,
	.release = OGPU_FENCE_DETACHES ? NULL : ogpu_fence_release,
};

/* The work of a fence; NULL: it is another's, or has signalled. */
static struct ogpu_copy_work *ogpu_copy_of_fence(struct dma_fence *fence)
{
	if (ogpu_compat_fence_ops(fence) != &ogpu_copy_fence_ops)
		return NULL;

	return container_of(fence, struct ogpu_copy_work, fence);
}

/**
 * ogpu_copy_waits() - does a fence stand for a copy that waits for jobs?
 * @fence: of a move or clear
 *
 * Return: true if nobody knows how long that takes.
 */
bool ogpu_copy_waits(struct dma_fence *fence)
{
	struct ogpu_copy_work *work = ogpu_copy_of_fence(fence);

	return work && !READ_ONCE(work->prompt) && !dma_fence_is_signaled(fence);
}

/*
 * The end
 */

static void ogpu_copy_work_end(struct ogpu_copy_work *work)
{
	ogpu_mem_client_put(work->client);
	ogpu_queue_put(work->queue);
	ogpu_fence_signal(&work->fence, work->error);
	dma_fence_put(&work->fence);
	module_put(THIS_MODULE);
}

/* Returns whether it was the last one of the work. Frees the piece. */
static bool ogpu_copy_piece_end(struct ogpu_copy_piece *piece, int error)
{
	struct ogpu_copy_work *work = piece->work;

	lockdep_assert_held(&work->copy->lock);

	kfree(piece);
	if (error && !work->error)
		work->error = error;

	return !--work->jobs_left;
}

/**
 * ogpu_copy_work_job_over() - &ogpu_job_packets.over of a piece
 * @base: of the piece; gone afterwards
 * @error: of its job
 *
 * Any context.
 */
void ogpu_copy_work_job_over(struct ogpu_job_packets *base, int error)
{
	struct ogpu_copy_piece *piece = to_ogpu_copy_piece(base);
	struct ogpu_copy_work *work = piece->work;
	struct ogpu_copy *copy = work->copy;
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&copy->lock, flags);
	copy->flight_jobs--;
	copy->flight_bytes -= piece->bytes;
	last = ogpu_copy_piece_end(piece, error);
	if (!list_empty(&copy->flows))
		queue_work(copy->odev->submit_wq, &copy->run);
	spin_unlock_irqrestore(&copy->lock, flags);

	if (last)
		ogpu_copy_work_end(work);
}

/*
 * To the ring
 */

static bool ogpu_copy_has_room(const struct ogpu_copy *copy)
{
	return copy->flight_jobs < OGPU_COPY_FLIGHT_JOBS &&
	       copy->flight_bytes < OGPU_COPY_FLIGHT_BYTES;
}

/* A work has gone to the ring. Those that waited for that look at what else they wait for. */
static void ogpu_copy_gone(struct ogpu_copy *copy, struct ogpu_copy_flow *flow,
			   struct ogpu_copy_work *work)
{
	struct ogpu_copy_work *waiter, *next;

	work->state = OGPU_COPY_ON_RING;
	list_del(&work->link);
	if (list_empty(&flow->works))
		list_del_init(&flow->link);

	list_for_each_entry_safe(waiter, next, &work->waiters, link) {
		list_del(&waiter->link);
		llist_add(&waiter->woken, &copy->woken);
	}
}

/* The next job whose turn it is. Takes it from its work if it is started or has failed. */
static int ogpu_copy_start_next(struct ogpu_copy *copy, struct list_head *failed)
{
	struct ogpu_copy_flow *flow = list_first_entry(&copy->flows, struct ogpu_copy_flow, link);
	struct ogpu_copy_work *work = list_first_entry(&flow->works, struct ogpu_copy_work, link);
	struct ogpu_job *job = list_first_entry(&work->jobs, struct ogpu_job, link);
	struct ogpu_copy_piece *piece = to_ogpu_copy_piece(job->packets);
	int ret;

	list_del(&job->link);
	ret = ogpu_queue_start(work->queue, job);
	if (ret == -EAGAIN) {
		list_add(&job->link, &work->jobs);
		return ret;
	}
	if (ret) {
		list_add_tail(&job->link, failed);
	} else {
		copy->flight_jobs++;
		copy->flight_bytes += piece->bytes;
	}
	list_move_tail(&flow->link, &copy->flows);
	if (list_empty(&work->jobs))
		ogpu_copy_gone(copy, flow, work);

	return 0;
}

/* Jobs of a queue that has ended. */
static void ogpu_copy_fail(struct ogpu_copy *copy, struct list_head *failed)
{
	struct ogpu_job *job, *next;

	list_for_each_entry_safe(job, next, failed, link) {
		struct ogpu_copy_piece *piece = to_ogpu_copy_piece(job->packets);
		struct ogpu_copy_work *work = piece->work;
		unsigned long flags;
		bool last;

		job->packets = NULL;
		ogpu_job_abort(job);
		spin_lock_irqsave(&copy->lock, flags);
		last = ogpu_copy_piece_end(piece, -ECANCELED);
		spin_unlock_irqrestore(&copy->lock, flags);
		if (last)
			ogpu_copy_work_end(work);
	}
}

/* Puts on the ring what is due and has room. */
static void ogpu_copy_dispatch(struct ogpu_copy *copy)
{
	struct ogpu_queue *queue;
	unsigned long flags;
	unsigned int n;

	do {
		LIST_HEAD(failed);

		queue = NULL;
		spin_lock_irqsave(&copy->lock, flags);
		for (n = 0; n < OGPU_COPY_AT_ONCE; n++) {
			/* Without a queue all of them fail, whoever holds it. */
			if ((copy->held && copy->queue) || list_empty(&copy->flows) ||
			    !ogpu_copy_has_room(copy) || ogpu_copy_start_next(copy, &failed))
				break;
		}
		/* All others have failed. */
		if (copy->queue && !copy->held)
			queue = ogpu_queue_get(copy->queue);
		spin_unlock_irqrestore(&copy->lock, flags);

		if (queue)
			ogpu_queue_flush_ring(queue);
		ogpu_queue_put(queue);
		ogpu_copy_fail(copy, &failed);
	} while (n == OGPU_COPY_AT_ONCE);
}

/*
 * Waiting
 */

static void ogpu_copy_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct ogpu_copy_work *work = container_of(cb, struct ogpu_copy_work, cb);
	struct ogpu_copy *copy = work->copy;

	/* Only the first has to say so: the others are taken with it. */
	if (llist_add(&work->woken, &copy->woken))
		queue_work(copy->odev->submit_wq, &copy->run);
}

/* Of the same queue: a work waits until the other is on the ring. */
static bool ogpu_copy_wait_for_work(struct ogpu_copy_work *work, struct ogpu_copy_work *other)
{
	struct ogpu_copy *copy = work->copy;
	unsigned long flags;
	bool waits;

	spin_lock_irqsave(&copy->lock, flags);
	waits = other->state != OGPU_COPY_ON_RING;
	if (waits)
		list_add_tail(&work->link, &other->waiters);
	spin_unlock_irqrestore(&copy->lock, flags);

	return waits;
}

/* Returns false if there is nothing to wait for; otherwise the work may be another thread's now. */
static bool ogpu_copy_wait_for(struct ogpu_copy_work *work, struct dma_fence *fence)
{
	struct ogpu_copy_work *other = ogpu_copy_of_fence(fence);

	if (other && other->queue == work->queue)
		return ogpu_copy_wait_for_work(work, other);

	return !dma_fence_add_callback(fence, &work->cb, ogpu_copy_wake);
}

static void ogpu_copy_free_deps(struct ogpu_copy_work *work)
{
	u32 i;

	for (i = 0; i < work->dep_count; i++)
		dma_fence_put(work->deps[i]);
	kvfree(work->deps);
	work->deps = NULL;
	work->dep_count = 0;
}

static void ogpu_copy_make_ready(struct ogpu_copy_work *work)
{
	struct ogpu_copy *copy = work->copy;
	struct ogpu_copy_flow *flow = work->client ? &work->client->copies : &copy->nobody;
	unsigned long flags;

	ogpu_copy_free_deps(work);

	spin_lock_irqsave(&copy->lock, flags);
	work->state = OGPU_COPY_READY;
	WRITE_ONCE(work->prompt, true);
	if (list_empty(&flow->works))
		list_add_tail(&flow->link, &copy->flows);
	list_add_tail(&work->link, &flow->works);
	spin_unlock_irqrestore(&copy->lock, flags);
}

/* Goes on to wait. */
static void ogpu_copy_advance(struct ogpu_copy_work *work)
{
	for (; work->dep < work->dep_count; work->dep++) {
		if (ogpu_copy_wait_for(work, work->deps[work->dep]))
			return;
	}
	ogpu_copy_make_ready(work);
}

static void ogpu_copy_run_work(struct work_struct *run)
{
	struct ogpu_copy *copy = container_of(run, struct ogpu_copy, run);
	struct ogpu_copy_work *work, *next;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	do {
		/* The list has those that were woken last at its head. */
		llist_for_each_entry_safe(work, next,
					  llist_reverse_order(llist_del_all(&copy->woken)), woken)
			ogpu_copy_advance(work);
		ogpu_copy_dispatch(copy);
	} while (!llist_empty(&copy->woken));
	dma_fence_end_signalling(cookie);
}

/*
 * The beginning
 */

/**
 * ogpu_copy_work_create() - begin a move or clear
 * @copy: the card's
 * @queue: to execute it
 * @client: whose buffer it is, or NULL
 *
 * Jobs are added to @jobs and @jobs_left.
 *
 * Return: the work, or NULL.
 */
struct ogpu_copy_work *ogpu_copy_work_create(struct ogpu_copy *copy, struct ogpu_queue *queue,
					     struct ogpu_mem_client *client)
{
	struct ogpu_copy_work *work = kzalloc_obj(*work, GFP_KERNEL_ACCOUNT);

	if (!work)
		return NULL;

	work->copy = copy;
	work->queue = ogpu_queue_get(queue);
	work->client = ogpu_mem_client_get(client);
	work->prompt = true;
	work->state = OGPU_COPY_WAITING;
	INIT_LIST_HEAD(&work->waiters);
	INIT_LIST_HEAD(&work->jobs);
	__module_get(THIS_MODULE);

	return work;
}

/**
 * ogpu_copy_work_abort() - undo ogpu_copy_work_create()
 * @work: not submitted
 */
void ogpu_copy_work_abort(struct ogpu_copy_work *work)
{
	struct ogpu_job *job, *next;

	list_for_each_entry_safe(job, next, &work->jobs, link)
		ogpu_job_abort(job);
	ogpu_copy_free_deps(work);
	ogpu_mem_client_put(work->client);
	ogpu_queue_put(work->queue);
	kfree(work);
	module_put(THIS_MODULE);
}

static void ogpu_copy_add_dep(struct ogpu_copy_work *work, struct dma_fence *fence)
{
	struct ogpu_copy_work *other = ogpu_copy_of_fence(fence);

	if (dma_fence_is_signaled(fence))
		return;
	work->deps[work->dep_count++] = dma_fence_get(fence);
	if (!other || !READ_ONCE(other->prompt))
		work->prompt = false;
}

/*
 * Devices of other drivers use neither VRAM nor what is about to become it: their fences do not
 * matter.
 */
static bool ogpu_copy_is_dep(const struct dma_fence *fence, u64 context)
{
	return context ? fence->context == context : ogpu_fence_is_ours(fence);
}

/**
 * ogpu_copy_work_add_deps() - say what a work waits for
 * @work: not submitted; once for each
 * @resv: of the buffer, locked
 * @context: timeline: only its fences are waited for; 0: those of all who may use the buffer
 * @deps: what the new place has to wait for
 *
 * Errors of what is waited for do not matter.
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_copy_work_add_deps(struct ogpu_copy_work *work, struct dma_resv *resv, u64 context,
			    const struct ogpu_vram_deps *deps)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	u32 count = deps->count;
	u32 i;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		count += ogpu_copy_is_dep(fence, context);
	if (!count)
		return 0;

	work->deps = kvmalloc_array(count, sizeof(*work->deps), GFP_KERNEL_ACCOUNT);
	if (!work->deps)
		return -ENOMEM;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (ogpu_copy_is_dep(fence, context))
			ogpu_copy_add_dep(work, fence);
	}
	for (i = 0; i < deps->count; i++)
		ogpu_copy_add_dep(work, deps->fences[i]);

	return 0;
}

/**
 * ogpu_copy_work_submit() - have a work done when it is due
 * @work: with all of its jobs, at least one
 * @context: timeline of its fence: it waits for all earlier ones of it
 * @seqno: place there
 *
 * Cannot fail.
 *
 * Return: the fence, with a reference.
 */
struct dma_fence *ogpu_copy_work_submit(struct ogpu_copy_work *work, u64 context, u64 seqno)
{
	struct ogpu_copy *copy = work->copy;
	struct dma_fence *fence = &work->fence;
	bool cookie;

	ogpu_fence_setup(fence, &work->fence_lock, &ogpu_copy_fence_ops, context, seqno);
	dma_fence_get(fence);

	cookie = dma_fence_begin_signalling();
	ogpu_copy_advance(work);
	ogpu_copy_dispatch(copy);
	/* What others waited for is not the caller's affair. */
	if (!llist_empty(&copy->woken))
		queue_work(copy->odev->submit_wq, &copy->run);
	dma_fence_end_signalling(cookie);

	return fence;
}

/**
 * ogpu_copy_work_init_card() - set up what all works of a card share
 * @copy: all zero
 * @odev: the card
 */
void ogpu_copy_work_init_card(struct ogpu_copy *copy, struct ogpu_device *odev)
{
	copy->odev = odev;
	spin_lock_init(&copy->lock);
	INIT_LIST_HEAD(&copy->flows);
	INIT_LIST_HEAD(&copy->nobody.works);
	init_llist_head(&copy->woken);
	INIT_WORK(&copy->run, ogpu_copy_run_work);
}

/**
 * ogpu_copy_work_fini_card() - there are no works any more
 * @copy: the card's
 */
void ogpu_copy_work_fini_card(struct ogpu_copy *copy)
{
	/* ogpu_copy_wake(), under the lock of a fence, may not have got that far yet. */
	synchronize_rcu();
	cancel_work_sync(&copy->run);
}

/**
 * ogpu_copy_hold() - no move or clear begins, and those that have begun are over
 * @copy: the card's
 *
 * Until ogpu_copy_let_go(). Sleeps.
 *
 * Return: 0, or -ETIMEDOUT; then they are not held.
 */
int ogpu_copy_hold(struct ogpu_copy *copy)
{
	u32 jobs;
	int ret;

	spin_lock_irq(&copy->lock);
	copy->held = true;
	spin_unlock_irq(&copy->lock);

	ret = read_poll_timeout(READ_ONCE, jobs, !jobs, OGPU_COPY_HOLD_POLL_US,
				OGPU_COPY_HOLD_MS * USEC_PER_MSEC, false, copy->flight_jobs);
	if (ret)
		ogpu_copy_let_go(copy);

	return ret;
}

/**
 * ogpu_copy_let_go() - undo ogpu_copy_hold()
 * @copy: the card's
 */
void ogpu_copy_let_go(struct ogpu_copy *copy)
{
	spin_lock_irq(&copy->lock);
	copy->held = false;
	spin_unlock_irq(&copy->lock);
	queue_work(copy->odev->submit_wq, &copy->run);
}
