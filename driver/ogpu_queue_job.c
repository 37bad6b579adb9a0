// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Jobs of a queue: two ways to the ring, and the way out.
 *
 * DOC: Lanes
 *
 * The fast lane: a job that waits for nothing is put into the ring by who submits it, in the system
 * call. The slow lane: a job with something to wait for, be it room in the ring, goes through the
 * queue's entity of the kernel's scheduler, whose worker puts it into the ring. While a job of a
 * queue is in the slow lane all later ones go there, so that jobs reach the ring in the order of
 * their fences.
 *
 * Who submits decides under @submit_lock. Meanwhile the slow lane can only become empty and the
 * ring can only get more room, so what was decided stays possible while memory for slow jobs is
 * allocated.
 *
 * A job on the ring is pending until its number, or one behind it, is in the queue's fence slot, or
 * hardware has stopped. Who sees that takes it off the list under @lock and signals its fence
 * without, but at once: waking others may take long, and who is woken may want the queue. So fences
 * of a queue may signal out of order by a moment; hardware is done with all of them. Jobs are taken
 * a few at a time, and between them who takes them may be put off the processor: what he has not
 * taken is where others find it.
 *
 * Who waits for a job by its number is woken under @lock, for he may go as soon as it is free: only
 * when his job is over, so that nobody is woken more often than he asked to be.
 *
 * References: the list of pending jobs holds one of the queue while it is not empty.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include <drm/drm_drv.h>
#include <drm/ogpu_drm.h>

#include "ogpu_device.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_trace.h"
#include "ogpu_userptr.h"

/* Jobs whose fences are signalled without a break. */
#define OGPU_QUEUE_PIECE	64u

/*
 * The way out
 */

/* Wakes one who waits, if his job is over or the queue has ended. */
static void ogpu_queue_wake_one(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter)
{
	if (!waiter->number ||
	    (waiter->number > queue->finished && queue->state != OGPU_QUEUE_ENDED))
		return;
	waiter->number = 0;
	waiter->wake(waiter);
}

/**
 * ogpu_queue_wake() - wake who waits for a job that is over now
 * @queue: queue, locked, that has finished jobs or has ended
 */
void ogpu_queue_wake(struct ogpu_queue *queue)
{
	struct ogpu_queue_waiter *waiter;

	lockdep_assert_held(&queue->lock);

	list_for_each_entry(waiter, &queue->waiters, link)
		ogpu_queue_wake_one(queue, waiter);
}

/* Takes the pending jobs up to and with @last, which are over. */
static void ogpu_queue_take(struct ogpu_queue *queue, struct ogpu_job *last,
			    struct ogpu_queue_done *done)
{
	LIST_HEAD(jobs);

	list_cut_position(&jobs, &queue->pending, &last->link);
	list_splice_tail(&jobs, &done->jobs);
	queue->ring_tail = last->ring_end;
	queue->finished = last->fence.seqno;
	ogpu_queue_wake(queue);
	/* With the last job the list's reference goes. */
	done->put |= list_empty(&queue->pending);
}

/*
 * Takes at most @max jobs that are over, which are all if the queue has ended. Returns how many.
 */
static unsigned int ogpu_queue_take_some(struct ogpu_queue *queue, struct ogpu_queue_done *done,
					 unsigned int max)
{
	bool ended = queue->state == OGPU_QUEUE_ENDED;
	struct ogpu_job *job, *last = NULL;
	unsigned int count = 0;
	u64 value;

	lockdep_assert_held(&queue->lock);

	if (list_empty(&queue->pending) || (!ended && !queue->mem))
		return 0;
	value = ended ? U64_MAX : ogpu_queue_jobs_done(queue);
	/* What the job wrote is older than the value that tells of its end. */
	dma_rmb();

	list_for_each_entry(job, &queue->pending, link) {
		if (count == max || job->fence.seqno > value)
			break;
		if (ended && !job->fence.error)
			dma_fence_set_error(&job->fence, job->fence.seqno == queue->error.job ?
							 queue->guilty_error : queue->others_error);
		last = job;
		count++;
	}
	if (!last)
		return 0;

	if (!ended)
		queue->completed += count;
	ogpu_queue_take(queue, last, done);
	if (!ended && !list_empty(&queue->pending))
		ogpu_queue_start_time(queue);

	return count;
}

/**
 * ogpu_queue_take_done() - take the jobs that are done since ogpu_queue_poll()
 * @queue: queue, locked
 * @done: initialised; to be handed to ogpu_queue_end_jobs() once the queue is unlocked
 *
 * Between ogpu_queue_done_begin() and ogpu_queue_done_end(), with ogpu_queue_end_jobs(). There is
 * no break between their fences, so of very many some are left.
 */
void ogpu_queue_take_done(struct ogpu_queue *queue, struct ogpu_queue_done *done)
{
	ogpu_queue_take_some(queue, done, OGPU_QUEUE_PIECE);
}

/**
 * ogpu_queue_end_jobs() - signal the fences of jobs that are over
 * @queue: queue, not locked; gone afterwards, unless the caller holds a reference
 * @done: what to signal; used up
 */
void ogpu_queue_end_jobs(struct ogpu_queue *queue, struct ogpu_queue_done *done)
{
	struct ogpu_job *job, *next;

	list_for_each_entry_safe(job, next, &done->jobs, link)
		ogpu_job_end(job);
	if (done->put)
		ogpu_queue_put(queue);
}

/**
 * ogpu_queue_free_waiters() - hardware of other queues must not wait for jobs of a queue any more
 * @queue: queue, locked, that has just ended: its number is still its own, and no job is given a
 *	number any more
 */
void ogpu_queue_free_waiters(struct ogpu_queue *queue)
{
	lockdep_assert_held(&queue->lock);

	WRITE_ONCE(queue->odev->queues->slots[queue->number],
		   cpu_to_le64(queue->slot_base + queue->submitted));
}

/* Signals the fences of at most @max jobs that are over. Returns how many. Any context. */
static unsigned int ogpu_queue_poll_piece(struct ogpu_queue *queue, unsigned int max)
{
	struct ogpu_queue_done done = OGPU_QUEUE_DONE(done);
	unsigned long flags;
	unsigned int count;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	ogpu_queue_done_begin();
	spin_lock_irqsave(&queue->lock, flags);
	count = ogpu_queue_take_some(queue, &done, max);
	spin_unlock_irqrestore(&queue->lock, flags);
	ogpu_queue_end_jobs(queue, &done);
	ogpu_queue_done_end();
	dma_fence_end_signalling(cookie);

	return count;
}

/**
 * ogpu_queue_poll_some() - signal the fences of some jobs that are over, in an interrupt
 * @queue: queue, referenced
 * @max: how many jobs and threads that may be woken at most, together
 *
 * Return: how many those were; if that is @max there may be more.
 */
unsigned int ogpu_queue_poll_some(struct ogpu_queue *queue, unsigned int max)
{
	unsigned int waiters = READ_ONCE(queue->waiter_count), count;

	/* Each is looked at, at least. */
	if (waiters >= max)
		return max;
	count = ogpu_queue_poll_piece(queue, max - waiters);

	return count ? count + waiters : 0;
}

/**
 * ogpu_queue_poll() - signal the fences of jobs that are over
 * @queue: queue, referenced
 *
 * Process context. By pieces: between them the processor may do something else, and so may others
 * do the rest. Jobs that hardware goes on to do meanwhile do not make it longer.
 */
void ogpu_queue_poll(struct ogpu_queue *queue)
{
	unsigned int i;

	for (i = 0; i < DRM_OGPU_MAX_QUEUED_JOBS / OGPU_QUEUE_PIECE; i++) {
		if (ogpu_queue_poll_piece(queue, OGPU_QUEUE_PIECE) < OGPU_QUEUE_PIECE)
			break;
		cond_resched();
	}
}

/**
 * ogpu_queue_stopped() - hardware has stopped a dead queue
 * @queue: queue
 * @guilty: for the fence of the job that its error blames
 * @others: for those of the others
 *
 * The fences of jobs that are done signal without error, also that of a job that was late and ended
 * while the queue was being stopped. Jobs that start later fail at once. Process context; the queue
 * is referenced. When it returns all fences have signalled, but for those that another processor is
 * just about to.
 */
void ogpu_queue_stopped(struct ogpu_queue *queue, int guilty, int others)
{
	struct ogpu_queue_done done = OGPU_QUEUE_DONE(done);

	/* All that are done: afterwards the slot will tell of the others as well. */
	ogpu_queue_poll(queue);
	ogpu_queue_done_begin();
	spin_lock_irq(&queue->lock);
	if (ogpu_queue_set_ended(queue)) {
		queue->guilty_error = guilty;
		queue->others_error = others;
		ogpu_queue_free_waiters(queue);
	}
	/* If there are more: strangers who wait for them must not depend on this thread. */
	if (ogpu_queue_take_some(queue, &done, OGPU_QUEUE_PIECE) == OGPU_QUEUE_PIECE &&
	    !ogpu_queue_is_kernel(queue))
		ogpu_queue_look_soon(queue);
	spin_unlock_irq(&queue->lock);
	ogpu_queue_end_jobs(queue, &done);
	ogpu_queue_done_end();

	while (ogpu_queue_poll_piece(queue, OGPU_QUEUE_PIECE) == OGPU_QUEUE_PIECE)
		cond_resched();
}

/*
 * Waiting
 */

/**
 * ogpu_queue_has_job() - was a job of this number ever submitted?
 * @queue: queue
 * @number: the number
 *
 * Return: false also for 0, and for a queue whose jobs the kernel does not know.
 */
bool ogpu_queue_has_job(struct ogpu_queue *queue, u64 number)
{
	bool has;

	spin_lock_irq(&queue->lock);
	has = number && number <= queue->submitted;
	spin_unlock_irq(&queue->lock);

	return has;
}

/**
 * ogpu_queue_look() - see how far a queue has come
 * @queue: queue
 *
 * Signals the fences of jobs that are done, as ogpu_queue_poll().
 *
 * Return: what is so at this moment.
 */
struct ogpu_queue_progress ogpu_queue_look(struct ogpu_queue *queue)
{
	struct ogpu_queue_progress progress;

	ogpu_queue_poll(queue);
	spin_lock_irq(&queue->lock);
	progress.completed = queue->completed;
	progress.error = queue->error.code;
	progress.ended = queue->state == OGPU_QUEUE_ENDED;
	spin_unlock_irq(&queue->lock);

	return progress;
}

/**
 * ogpu_queue_wait_begin() - be ready to wait for jobs of a queue
 * @queue: queue
 * @waiter: with @wake set and @number 0; the caller's until ogpu_queue_wait_end()
 *
 * Return: 0, or -EBUSY if the queue has too many waiters.
 */
int ogpu_queue_wait_begin(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter)
{
	int ret = -EBUSY;

	spin_lock_irq(&queue->lock);
	if (queue->waiter_count < OGPU_QUEUE_MAX_WAITERS) {
		queue->waiter_count++;
		list_add_tail(&waiter->link, &queue->waiters);
		ret = 0;
	}
	spin_unlock_irq(&queue->lock);

	return ret;
}

/**
 * ogpu_queue_wait_for() - have a waiter woken when a job is over, or no more will be
 * @queue: queue
 * @waiter: from ogpu_queue_wait_begin()
 * @number: of the job; replaces the one before
 *
 * It is woken at once if that is so already.
 */
void ogpu_queue_wait_for(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter, u64 number)
{
	spin_lock_irq(&queue->lock);
	waiter->number = number;
	ogpu_queue_wake_one(queue, waiter);
	spin_unlock_irq(&queue->lock);
}

/**
 * ogpu_queue_wait_end() - undo ogpu_queue_wait_begin()
 * @queue: queue
 * @waiter: nobody wakes it any more
 */
void ogpu_queue_wait_end(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter)
{
	spin_lock_irq(&queue->lock);
	list_del(&waiter->link);
	queue->waiter_count--;
	spin_unlock_irq(&queue->lock);
}

/*
 * Ways to the ring
 */

static u32 ogpu_queue_job_bytes(const struct ogpu_job *job)
{
	u32 bytes = job->privileged ? job->bytes :
				      job->bytes ? sizeof(struct ogpu_pkt_indirect) : 0;

	if (job->waits)
		bytes += job->waits->count * sizeof(struct ogpu_pkt_wait);

	return bytes + OGPU_RING_FENCE_BYTES;
}

/* What hardware waits for before a job, unless it is over by now. */
static void ogpu_queue_write_waits(struct ogpu_queue *queue, const struct ogpu_job *job)
{
	u32 i;

	for (i = 0; job->waits && i < job->waits->count; i++) {
		if (!dma_fence_is_signaled(job->waits->wait[i].fence))
			ogpu_ring_write_wait(&queue->ring, job->waits->wait[i].operand,
					     job->waits->wait[i].value);
	}
}

static void ogpu_queue_write_job(struct ogpu_queue *queue, struct ogpu_job *job)
{
	u64 value = queue->slot_base + job->fence.seqno;
	u64 slot = ogpu_queue_slot_operand(queue);

	job->on_ring = 1;
	trace_ogpu_run(queue->odev, queue->number, job->fence.seqno);
	ogpu_queue_write_waits(queue, job);
	if (!job->privileged && job->bytes) {
		ogpu_ring_write_stream(&queue->ring, job->stream_va, job->bytes, slot, value);
		return;
	}
	if (job->privileged)
		ogpu_ring_write(&queue->ring, job->packets->data, job->bytes);
	ogpu_ring_write_fence(&queue->ring, slot, value);
}

/* Makes jobs pending and, unless the queue is dead, writes them to the ring; no doorbell yet. */
static void ogpu_queue_start_jobs(struct ogpu_queue *queue, struct list_head *jobs)
{
	struct ogpu_job *job;

	lockdep_assert_held(&queue->lock);

	if (list_empty(&queue->pending)) {
		ogpu_queue_get(queue);
		ogpu_queue_start_time(queue);
	}
	list_for_each_entry(job, jobs, link) {
		if (queue->state == OGPU_QUEUE_ALIVE)
			ogpu_queue_write_job(queue, job);
		job->ring_end = queue->ring.wptr;
	}
	list_splice_tail(jobs, &queue->pending);
}

/* Tells hardware what is in the ring. */
static void ogpu_queue_ring_doorbell(struct ogpu_queue *queue)
{
	struct ogpu_device *odev = queue->odev;
	int idx;

	lockdep_assert_held(&queue->lock);

	/*
	 * Hardware may fetch as soon as it sees the new write pointer. The doorbell comes after
	 * both, and after what this CPU has stored to VRAM: writeq() sees to that.
	 */
	dma_wmb();
	WRITE_ONCE(queue->mem->wptr, cpu_to_le64(queue->ring.wptr));

	/* If the card is being removed, ogpu_queue_mgr_stop() signals the fences. */
	if (drm_dev_enter(&odev->drm, &idx)) {
		odev->chip->doorbell(odev, queue->number, queue->ring.wptr);
		drm_dev_exit(idx);
	}
}

/*
 * Slow lane
 */

/* What frees so much room in the ring, with a reference, or NULL if there is room or no need. */
static struct dma_fence *ogpu_queue_get_room(struct ogpu_queue *queue, u32 bytes)
{
	struct ogpu_job *job;

	lockdep_assert_held(&queue->lock);

	if (queue->state != OGPU_QUEUE_ALIVE ||
	    bytes <= ogpu_ring_room(&queue->ring, queue->ring_tail))
		return NULL;

	list_for_each_entry(job, &queue->pending, link) {
		if (bytes <= ogpu_ring_room(&queue->ring, job->ring_end))
			return dma_fence_get(&job->fence);
	}

	return NULL;
}

static struct dma_fence *ogpu_queue_prepare_slow(struct ogpu_sched_job *base)
{
	struct ogpu_slow_job *slow = to_ogpu_slow_job(base);
	struct ogpu_queue *queue = slow->queue;
	struct dma_fence *fence;

	spin_lock_irq(&queue->lock);
	fence = ogpu_queue_get_room(queue, ogpu_queue_job_bytes(slow->job));
	spin_unlock_irq(&queue->lock);

	return fence;
}

static struct dma_fence *ogpu_queue_run_slow(struct ogpu_sched_job *base)
{
	struct ogpu_slow_job *slow = to_ogpu_slow_job(base);
	struct ogpu_queue *queue = slow->queue;
	struct ogpu_job *job = slow->job;
	LIST_HEAD(jobs);
	bool ended;

	/* Before it can be over. */
	ogpu_slow_job_uncharge(slow);
	ogpu_device_begin_work(queue->odev);
	spin_lock_irq(&queue->lock);
	queue->slow_jobs--;
	ended = queue->state == OGPU_QUEUE_ENDED;
	if (ended)
		dma_fence_set_error(&job->fence, -ECANCELED);
	list_add(&job->link, &jobs);
	ogpu_queue_start_jobs(queue, &jobs);
	if (job->on_ring)
		ogpu_queue_ring_doorbell(queue);
	spin_unlock_irq(&queue->lock);

	ogpu_device_end_work(queue->odev);
	/* Behind those before it, if they are still being told of. */
	if (ended)
		ogpu_queue_poll(queue);

	/* The entity has nothing more to do with it. */
	return NULL;
}

const struct ogpu_sched_ops ogpu_queue_sched_ops = {
	.prepare = ogpu_queue_prepare_slow,
	.run = ogpu_queue_run_slow,
	.free = ogpu_slow_job_free,
};

/*
 * Submission
 */

/*
 * The first job that has to go through the entity and is not made to yet, or NULL. All behind a job
 * that does have to as well.
 */
static struct ogpu_job *ogpu_queue_find_slow(struct ogpu_queue *queue, struct list_head *jobs)
{
	u32 room = ogpu_ring_room(&queue->ring, queue->ring_tail);
	bool slow = queue->slow_jobs;
	struct ogpu_job *job;

	lockdep_assert_held(&queue->lock);

	list_for_each_entry(job, jobs, link) {
		u32 bytes = ogpu_queue_job_bytes(job);

		if (job->slow || bytes > room)
			slow = true;
		if (slow && !job->slow)
			return job;
		room -= min(room, bytes);
	}

	return NULL;
}

/* No way back. The jobs that go through the entity are in the list afterwards: the last ones. */
static void ogpu_queue_commit(struct ogpu_queue *queue, struct list_head *jobs)
{
	struct ogpu_job *job, *last = NULL;
	LIST_HEAD(fast);

	lockdep_assert_held(&queue->lock);

	list_for_each_entry(job, jobs, link) {
		ogpu_job_arm(job, queue->context, ++queue->submitted);
		trace_ogpu_submit(queue->odev, queue->number, queue->submitted, queue->client_id,
				  job->bytes, job->slow);
		if (job->slow)
			queue->slow_jobs++;
		else
			last = job;
	}
	if (!last)
		return;

	list_cut_position(&fast, jobs, &last->link);
	ogpu_queue_start_jobs(queue, &fast);
	ogpu_queue_ring_doorbell(queue);
}

static bool ogpu_queue_has_room(const struct ogpu_queue *queue, u32 count)
{
	return queue->submitted - queue->finished + count <= DRM_OGPU_MAX_QUEUED_JOBS;
}

/*
 * Returns 0 when all jobs are armed, with ogpu_userptrs_lock(), -EAGAIN and where to begin if jobs
 * have to go through the entity.
 */
static int ogpu_queue_try_submit(struct ogpu_queue *queue, struct list_head *jobs, u32 count,
				 struct ogpu_job **from)
{
	bool cookie;
	int ret;

	ret = ogpu_userptrs_lock(queue->vm);
	if (ret)
		return ret;

	cookie = dma_fence_begin_signalling();
	spin_lock_irq(&queue->lock);
	if (queue->state != OGPU_QUEUE_ALIVE) {
		ret = -ECANCELED;
	} else if (!ogpu_queue_has_room(queue, count)) {
		ret = -EBUSY;
	} else {
		*from = ogpu_queue_find_slow(queue, jobs);
		if (*from)
			ret = -EAGAIN;
		else
			ogpu_queue_commit(queue, jobs);
	}
	spin_unlock_irq(&queue->lock);
	dma_fence_end_signalling(cookie);
	if (ret)
		ogpu_userptrs_unlock(queue->vm);

	return ret;
}

static int ogpu_queue_submit_locked(struct ogpu_queue *queue, struct list_head *jobs, u32 count)
{
	struct ogpu_job *job, *next;
	int ret;

	ret = ogpu_queue_try_submit(queue, jobs, count, &job);
	if (ret == -EBUSY) {
		/* Some may be over and their events be on the way. */
		ogpu_queue_poll(queue);
		ret = ogpu_queue_try_submit(queue, jobs, count, &job);
	}
	while (ret == -EAGAIN) {
		list_for_each_entry_from(job, jobs, link) {
			ret = ogpu_job_make_slow(job);
			if (ret)
				return ret;
		}
		ret = ogpu_queue_try_submit(queue, jobs, count, &job);
	}
	if (ret)
		return ret;

	if (!list_empty(jobs)) {
		/*
		 * Who rings the doorbell for pushed jobs may be another CPU. What the caller has
		 * stored to VRAM, write-combined, has to be there first: the locks between us and
		 * that CPU order memory alone.
		 */
		wmb();
	}

	/* Pushed jobs start in another thread, and the list becomes the queue's. */
	list_for_each_entry_safe(job, next, jobs, link) {
		struct ogpu_slow_job *slow = job->slow;

		list_del(&job->link);
		ogpu_sched_job_push(&slow->base);
	}

	return 0;
}

/**
 * ogpu_queue_submit() - put jobs on a queue, all or none
 * @queue: the queue
 * @jobs: &struct ogpu_job by @link, made for @queue; empty after success
 * @count: of @jobs
 * @first: out: number of the first one; may be NULL
 *
 * Allocates memory; the address space is locked. After success the caller holds a reference to the
 * fence of each job, which has become one; jobs may be over already. He adds the last one to the
 * dma_resv of the address space, and calls ogpu_userptrs_unlock() then.
 *
 * Return: 0; -ECANCELED if the queue has failed; -EBUSY if too many jobs of it are not over;
 * -ESTALE: see ogpu_userptrs_lock(); -ENOMEM.
 */
int ogpu_queue_submit(struct ogpu_queue *queue, struct list_head *jobs, u32 count, u64 *first)
{
	int ret;

	mutex_lock(&queue->submit_lock);
	ret = ogpu_queue_submit_locked(queue, jobs, count);
	if (!ret && first)
		*first = queue->submitted - count + 1;
	mutex_unlock(&queue->submit_lock);

	return ret;
}

/**
 * ogpu_queue_start() - start a job of the kernel, if there is room for it
 * @queue: the queue, of the kernel, to which nobody submits
 * @job: made for @queue, with nothing to wait for; after success it belongs to the queue
 *
 * ogpu_queue_flush_ring() has to follow. Allocates nothing; any context.
 *
 * Return: 0; -EAGAIN if the ring has no room before another job is over; -ECANCELED if the queue
 * has ended.
 */
int ogpu_queue_start(struct ogpu_queue *queue, struct ogpu_job *job)
{
	unsigned long flags;
	LIST_HEAD(jobs);
	int ret = 0;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == OGPU_QUEUE_ENDED) {
		ret = -ECANCELED;
	} else if (queue->state == OGPU_QUEUE_ALIVE &&
		   ogpu_queue_job_bytes(job) > ogpu_ring_room(&queue->ring, queue->ring_tail)) {
		ret = -EAGAIN;
	} else {
		ogpu_job_arm(job, queue->context, ++queue->submitted);
		/* Nobody else looks at its fence. */
		dma_fence_put(&job->fence);
		trace_ogpu_submit(queue->odev, queue->number, queue->submitted, queue->client_id,
				  job->bytes, false);
		list_add(&job->link, &jobs);
		ogpu_queue_start_jobs(queue, &jobs);
	}
	spin_unlock_irqrestore(&queue->lock, flags);

	return ret;
}

/**
 * ogpu_queue_flush_ring() - tell hardware of all jobs that were started
 * @queue: the queue, of the kernel
 *
 * Any context.
 */
void ogpu_queue_flush_ring(struct ogpu_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == OGPU_QUEUE_ALIVE)
		ogpu_queue_ring_doorbell(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_job_test.c"
#endif
