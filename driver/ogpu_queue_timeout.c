// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Where the time of queues goes, and jobs that run too long.
 *
 * The time of a job begins when it is the oldest of its queue and the jobs of other queues that
 * hardware waits for before it are over. It is what has passed since, without the time in which the
 * queue waited for hardware that others had: time on a compute unit, with packets that need none,
 * and in WAIT packets of the job. So a job is never killed for what other queues do. But whoever
 * waits for memory of the job's address space must not wait for ever. There is a limit to all of
 * its time, too, which is long enough that units shared by the rules of the contract do not let a
 * job come near it.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/spinlock.h>

#include <drm/drm_drv.h>
#include <drm/ogpu_drm.h>

#include "abi/mbox.h"
#include "ogpu_device.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"

/* A job has so many times the driver's limit, or its own, until it is killed in any case: uapi. */
#define OGPU_JOB_MAX_FACTOR	10

/* What a control page says may be so old: it is written, and then it has to be seen. */
#define OGPU_CONTROL_LAG_NS	(2ull * OGPU_CONTROL_REFRESH_MS * NSEC_PER_MSEC)

/* Firmware tells nothing new before. */
#define OGPU_QUEUE_LOOK_NS	((u64)OGPU_CONTROL_REFRESH_MS * NSEC_PER_MSEC)

/* Who ends a queue signals thousands of fences in less, unless others have the processor. */
#define OGPU_QUEUE_END_MS	20

/* How often to look at a job that is held: its time limit does not count before. */
#define OGPU_QUEUE_HELD_NS	(NSEC_PER_SEC / 2ull)

/* Time that a queue has waited for hardware that others had. */
static u64 ogpu_queue_waited_ns(const struct ogpu_queue_times *times)
{
	u64 without_unit_ns = times->busy_ns > times->unit_ns ? times->busy_ns - times->unit_ns : 0;

	return times->waited_ns + without_unit_ns;
}

/* That it has waited since this was told. @now_ns: the card's clock. */
static u64 ogpu_queue_waiting_ns(const struct ogpu_queue_times *times, u64 now_ns)
{
	u64 age_ns = now_ns > times->now_ns ? now_ns - times->now_ns : 0;

	switch (times->state) {
	case OGPU_QUEUE_RUNNING:
		/* Its time grows, so the page is not so old unless firmware is late. */
		return age_ns > OGPU_CONTROL_LAG_NS ? age_ns - OGPU_CONTROL_LAG_NS : 0;
	case OGPU_QUEUE_WAITING:
		return 0;
	default:
		/* It has a job, but is not on a slot, or was not when firmware looked last. */
		return age_ns;
	}
}

/*
 * How much longer the oldest job may take, all of it known to be 0 or less if it is late.
 * @elapsed_ns: since it became the oldest; @waited_ns: of that, for hardware, as far as known.
 */
static s64 ogpu_queue_left_ns(u64 timeout_ms, u64 max_job_ms, u64 elapsed_ns, u64 waited_ns)
{
	u64 limit_ns = OGPU_JOB_MAX_FACTOR * max(timeout_ms, max_job_ms) * NSEC_PER_MSEC;
	u64 used_ns = elapsed_ns - min(waited_ns, elapsed_ns);

	return min((s64)(timeout_ms * NSEC_PER_MSEC + OGPU_CONTROL_LAG_NS - used_ns),
		   (s64)(limit_ns - elapsed_ns));
}

/* Likewise, of a queue. */
static s64 ogpu_queue_oldest_left_ns(struct ogpu_queue *queue, u64 card_ns)
{
	u64 elapsed_ns = ktime_to_ns(ktime_sub(ktime_get(), queue->oldest_since));
	u64 waited_ns;

	lockdep_assert_held(&queue->lock);

	ogpu_queue_update_times(queue);
	waited_ns = ogpu_queue_waited_ns(&queue->times);
	waited_ns -= min(waited_ns, queue->oldest_waited_ns);
	waited_ns += ogpu_queue_waiting_ns(&queue->times, card_ns);

	return ogpu_queue_left_ns(queue->timeout_ms, ogpu_device_job_ms(queue->odev), elapsed_ns,
				  waited_ns);
}

/* Comes when the oldest job has used so much time. If it is on already, it comes before. */
static void ogpu_queue_timeout_after(struct ogpu_queue *queue, u64 ns)
{
	queue_delayed_work(queue->odev->queues->timeout_wq, &queue->timeout,
			   nsecs_to_jiffies(ns) + 1);
}

static void ogpu_queue_set_oldest(struct ogpu_queue *queue)
{
	lockdep_assert_held(&queue->lock);

	ogpu_queue_update_times(queue);
	queue->oldest_since = ktime_get();
	queue->oldest_waited_ns = ogpu_queue_waited_ns(&queue->times);
}

/**
 * ogpu_queue_start_time() - a job has become the oldest, its time begins
 * @queue: its queue, locked
 */
void ogpu_queue_start_time(struct ogpu_queue *queue)
{
	ogpu_queue_set_oldest(queue);
	ogpu_queue_timeout_after(queue, queue->timeout_ms * (u64)NSEC_PER_MSEC);
}

/**
 * ogpu_queue_skip_time() - time in which the queue stood still is not its job's
 * @queue: queue
 * @since: when it was suspended
 *
 * A job that has become the oldest meanwhile begins now.
 */
void ogpu_queue_skip_time(struct ogpu_queue *queue, ktime_t since)
{
	ktime_t now = ktime_get();

	spin_lock_irq(&queue->lock);
	queue->oldest_since = min(ktime_add(queue->oldest_since, ktime_sub(now, since)), now);
	spin_unlock_irq(&queue->lock);
}

/**
 * ogpu_queue_look_soon() - have the timeout work see to jobs of a queue that has ended
 * @queue: queue, locked and referenced; the caller does so too, but may be put off the processor
 */
void ogpu_queue_look_soon(struct ogpu_queue *queue)
{
	mod_delayed_work(queue->odev->queues->timeout_wq, &queue->timeout,
			 msecs_to_jiffies(OGPU_QUEUE_END_MS));
}

/*
 * Number of the oldest job if it has run too long, and then the queue is dead; else 0, and the
 * timeout work comes again if needed.
 */
static u64 ogpu_queue_find_late(struct ogpu_queue *queue, u64 card_ns)
{
	struct ogpu_queue_failure why = {
		.code = DRM_OGPU_QUEUE_ERR_TIMEOUT,
		.blame = DRM_OGPU_QUEUE_GUILTY,
	};
	struct ogpu_queue_done done = OGPU_QUEUE_DONE(done);
	struct ogpu_job *job;
	ktime_t until;
	u64 seqno = 0;
	s64 left_ns;

	ogpu_queue_done_begin();
	spin_lock_irq(&queue->lock);
	ogpu_queue_take_done(queue, &done);
	job = list_first_entry_or_null(&queue->pending, struct ogpu_job, link);
	if (job && ogpu_job_is_held(job, &until)) {
		/* Its time begins when what it waits for is over, however often we look. */
		ogpu_queue_set_oldest(queue);
		ogpu_queue_timeout_after(queue, max(queue->timeout_ms * (u64)NSEC_PER_MSEC,
						    OGPU_QUEUE_HELD_NS));
	} else if (job) {
		/* It was held until then, of which nobody told. */
		queue->oldest_since = max(queue->oldest_since, until);
		left_ns = ogpu_queue_oldest_left_ns(queue, card_ns);
		if (left_ns <= 0) {
			seqno = job->fence.seqno;
			why.job = seqno;
			ogpu_queue_set_dead(queue, &why);
		} else {
			ogpu_queue_timeout_after(queue, max_t(u64, left_ns, OGPU_QUEUE_LOOK_NS));
		}
	}
	spin_unlock_irq(&queue->lock);
	ogpu_queue_end_jobs(queue, &done);
	ogpu_queue_done_end();

	return seqno;
}

/* The card did not answer, but may have been silent for a moment only. */
static void ogpu_queue_look_again(struct ogpu_queue *queue)
{
	spin_lock_irq(&queue->lock);
	if (!list_empty(&queue->pending) && READ_ONCE(queue->odev->state) == OGPU_STATE_RUNNING)
		ogpu_queue_timeout_after(queue, OGPU_QUEUE_LOOK_NS);
	spin_unlock_irq(&queue->lock);
}

/**
 * ogpu_queue_timeout_work() - see whether the oldest job of a queue has run too long
 * @work: &struct ogpu_queue.timeout
 *
 * Or, for who has ended a queue, signal the fences of its jobs.
 */
void ogpu_queue_timeout_work(struct work_struct *work)
{
	struct ogpu_queue *queue = container_of(to_delayed_work(work), struct ogpu_queue, timeout);
	struct ogpu_device *odev = queue->odev;
	u64 card_ns, seqno;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	/* Jobs may be over, with the interrupt lost. */
	ogpu_queue_poll(queue);
	ogpu_device_begin_work(odev);
	/* If the card is lost or being removed, ogpu_queue_mgr_stop() signals all fences. */
	if (ogpu_device_read_time(odev, &card_ns, NULL)) {
		ogpu_queue_look_again(queue);
		goto out;
	}

	seqno = ogpu_queue_find_late(queue, card_ns);
	if (seqno) {
		const struct ogpu_queue_failure why = {
			.code = DRM_OGPU_QUEUE_ERR_TIMEOUT,
			.job = seqno,
		};

		ogpu_queue_log_error(queue, &why);
		ogpu_queue_report_error(queue, OGPU_EVENT_NR_QUEUE + why.code);
		ogpu_queue_kill(queue, DRM_OGPU_QUEUE_ERR_TIMEOUT, -ETIMEDOUT);
	}
out:
	ogpu_device_end_work(odev);
	dma_fence_end_signalling(cookie);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_timeout_test.c"
#endif
