// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How user space waits for queues without a fence: WAIT and eventfds.
 *
 * WAIT looks at the caller's memory, where a FENCE packet or another thread stores a value, and
 * sleeps until one of the queues that the caller named has signalled (ogpu_signal.c) or failed. Or
 * it looks at how many jobs of a queue are done, and sleeps until the one that decides is over
 * (ogpu_queue_job.c). Being woken is only a reason to look again, so that once too often does no
 * harm. No lock is held while it looks or sleeps, and nothing of the kernel depends on what it
 * finds.
 */
#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_device.h"
#include "ogpu_file.h"
#include "ogpu_queue.h"
#include "ogpu_queue_file.h"
#include "ogpu_signal.h"
#include "ogpu_wait.h"

/* Bytes of an element in version 0.1. */
#define OGPU_WAIT_FENCE_MIN_SIZE	32
static_assert(sizeof(struct drm_ogpu_wait_fence) >= OGPU_WAIT_FENCE_MIN_SIZE);

/* How often to look at memory that nobody signals for: at first, and after a while. */
#define OGPU_WAIT_POLL_MIN_NS	(100 * NSEC_PER_USEC)
#define OGPU_WAIT_POLL_MAX_NS	(10 * NSEC_PER_MSEC)

#define OGPU_WAIT_FLAGS		(DRM_OGPU_WAIT_ALL | DRM_OGPU_WAIT_STATES)
#define OGPU_WAIT_EVENTS	(DRM_OGPU_EVENT_SIGNAL | DRM_OGPU_EVENT_ERROR)

/* Instead of the index of a queue: nobody signals. Beside it: it has held, which is enough. */
#define OGPU_WAIT_NO_QUEUE	0x7fff
#define OGPU_WAIT_HELD		0x8000
static_assert(DRM_OGPU_MAX_WAIT_FENCES < OGPU_WAIT_NO_QUEUE);

struct ogpu_wait;

/**
 * struct ogpu_wait_queue - a queue that a call waits for
 */
struct ogpu_wait_queue {
	/** @entry: among those who wait for its signals, if @memory */
	struct wait_queue_entry entry;
	/** @job: among those who wait for its jobs, if @jobs */
	struct ogpu_queue_waiter job;
	/** @wait: the call */
	struct ogpu_wait *wait;
	/** @queue: referenced */
	struct ogpu_queue *queue;
	/** @memory: what it stores is waited for */
	bool memory;
	/** @jobs: its jobs are waited for */
	bool jobs;
	/** @progress: of its jobs, when we last looked */
	struct ogpu_queue_progress progress;
	/** @aim: number of the job whose end is a reason to look again, 0 if there is none */
	u64 aim;
	/** @told: 1: it has signalled since it was armed, or was never armed, or a job is over */
	atomic_t told;
};

/**
 * struct ogpu_wait - one call
 */
struct ogpu_wait {
	/** @ofile: who calls */
	struct ogpu_file *ofile;
	/** @task: likewise */
	struct task_struct *task;
	/** @fences: what to wait for, @count of them */
	struct drm_ogpu_wait_fence *fences;
	/** @count: of @fences */
	u32 count;
	/** @all: until all have held, not just one */
	bool all;
	/** @polled: nobody signals for one of them */
	bool polled;
	/**
	 * @which: for each of @fences, its queue in @queues or OGPU_WAIT_NO_QUEUE, and
	 * OGPU_WAIT_HELD
	 */
	u16 *which;
	/** @queues: different ones, @queue_count of them */
	struct ogpu_wait_queue *queues;
	/** @queue_count: of @queues */
	u32 queue_count;
	/** @listening: of @queues, the first ones, have their waiters */
	u32 listening;
	/** @index: of the fence that decided */
	u32 index;
};

static int ogpu_wait_wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct ogpu_wait_queue *wq = container_of(entry, struct ogpu_wait_queue, entry);

	atomic_set(&wq->told, 1);

	/* A full barrier before it looks at the state of the task: see ogpu_wait_sleep(). */
	return wake_up_process(wq->wait->task);
}

static void ogpu_wait_wake_job(struct ogpu_queue_waiter *job)
{
	struct ogpu_wait_queue *wq = container_of(job, struct ogpu_wait_queue, job);

	atomic_set(&wq->told, 1);
	wake_up_process(wq->wait->task);
}

/*
 * Parse
 */

static int ogpu_wait_check_fence(const struct drm_ogpu_wait_fence *fence)
{
	if (fence->pad)
		return -EINVAL;

	switch (fence->type) {
	case DRM_OGPU_WAIT_MEMORY:
		if (fence->pointer % sizeof(u64) || fence->compare > DRM_OGPU_COMPARE_LT)
			return -EINVAL;
		return 0;
	case DRM_OGPU_WAIT_JOB:
		if (fence->pointer || fence->mask || fence->compare || !fence->queue_id)
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

static void ogpu_wait_init_queue(struct ogpu_wait *wait, struct ogpu_wait_queue *wq,
				 struct ogpu_queue *queue)
{
	init_waitqueue_func_entry(&wq->entry, ogpu_wait_wake);
	wq->job.wake = ogpu_wait_wake_job;
	wq->wait = wait;
	wq->queue = queue;
	atomic_set(&wq->told, 1);
}

/* The index of a queue among those of the call; takes over the caller's reference. */
static u32 ogpu_wait_find_queue(struct ogpu_wait *wait, struct ogpu_queue *queue)
{
	u32 i;

	for (i = 0; i < wait->queue_count; i++) {
		if (wait->queues[i].queue == queue) {
			ogpu_queue_put(queue);
			return i;
		}
	}
	ogpu_wait_init_queue(wait, &wait->queues[i], queue);
	wait->queue_count++;

	return i;
}

static int ogpu_wait_add_queue(struct ogpu_wait *wait, u32 i)
{
	const struct drm_ogpu_wait_fence *fence = &wait->fences[i];
	struct ogpu_wait_queue *wq;
	struct ogpu_queue *queue;

	if (!fence->queue_id) {
		wait->which[i] = OGPU_WAIT_NO_QUEUE;
		wait->polled = true;
		return 0;
	}

	queue = ogpu_queue_lookup(wait->ofile, fence->queue_id);
	if (!queue)
		return -ENOENT;

	wait->which[i] = ogpu_wait_find_queue(wait, queue);
	wq = &wait->queues[wait->which[i]];
	if (fence->type == DRM_OGPU_WAIT_MEMORY) {
		wq->memory = true;
		return 0;
	}
	wq->jobs = true;

	return ogpu_queue_has_job(wq->queue, fence->value) ? 0 : -EINVAL;
}

static int ogpu_wait_parse(struct ogpu_wait *wait, const struct drm_ogpu_wait *args)
{
	void *elems;
	int ret;
	u32 i;

	ret = ogpu_array_copy_in(&args->fences, OGPU_WAIT_FENCE_MIN_SIZE, sizeof(*wait->fences), 1,
				 DRM_OGPU_MAX_WAIT_FENCES, &elems);
	if (ret)
		return ret;
	wait->fences = elems;
	wait->count = args->fences.count;

	wait->which = kvcalloc(wait->count, sizeof(*wait->which), GFP_KERNEL_ACCOUNT);
	wait->queues = kvcalloc(wait->count, sizeof(*wait->queues), GFP_KERNEL_ACCOUNT);
	if (!wait->which || !wait->queues)
		return -ENOMEM;

	for (i = 0; i < wait->count && !ret; i++) {
		ret = ogpu_wait_check_fence(&wait->fences[i]);
		if (!ret)
			ret = ogpu_wait_add_queue(wait, i);
	}

	return ret;
}

static void ogpu_wait_unlisten(struct ogpu_wait *wait)
{
	while (wait->listening) {
		struct ogpu_wait_queue *wq = &wait->queues[--wait->listening];

		if (wq->memory)
			ogpu_signal_wait_end(wait->ofile->odev, wq->queue->number, &wq->entry);
		if (wq->jobs)
			ogpu_queue_wait_end(wq->queue, &wq->job);
	}
}

static void ogpu_wait_fini(struct ogpu_wait *wait)
{
	ogpu_wait_unlisten(wait);
	while (wait->queue_count--)
		ogpu_queue_put(wait->queues[wait->queue_count].queue);
	kvfree(wait->queues);
	kvfree(wait->which);
	kvfree(wait->fences);
}

/*
 * Look
 */

static bool ogpu_wait_compare(const struct drm_ogpu_wait_fence *fence, u64 value)
{
	u64 left = value & fence->mask;
	u64 right = fence->value & fence->mask;

	switch (fence->compare) {
	case DRM_OGPU_COMPARE_EQ:
		return left == right;
	case DRM_OGPU_COMPARE_NE:
		return left != right;
	case DRM_OGPU_COMPARE_GE:
		return left >= right;
	default:
		return left < right;
	}
}

/* Of any one the first to be done is a reason to look again, of all the last one. */
static int ogpu_wait_look_at_job(const struct ogpu_wait *wait, struct ogpu_wait_queue *wq,
				 u64 number)
{
	if (number <= wq->progress.completed)
		return 1;
	if (wq->progress.ended)
		return -ECANCELED;

	if (!wq->aim || (wait->all ? number > wq->aim : number < wq->aim))
		wq->aim = number;

	return 0;
}

/* 1 if it holds, 0 if not yet. */
static int ogpu_wait_look_at(struct ogpu_wait *wait, u32 i)
{
	const struct drm_ogpu_wait_fence *fence = &wait->fences[i];
	bool ended = false;
	u64 value;

	if (fence->type == DRM_OGPU_WAIT_JOB)
		return ogpu_wait_look_at_job(wait, &wait->queues[wait->which[i]], fence->value);

	if (wait->which[i] != OGPU_WAIT_NO_QUEUE)
		/* What a queue that has stopped has stored is there for the look that follows. */
		ended = smp_load_acquire(&wait->queues[wait->which[i]].queue->state) ==
			OGPU_QUEUE_ENDED;

	if (get_user(value, (u64 __user *)u64_to_user_ptr(fence->pointer)))
		return -EFAULT;
	if (ogpu_wait_compare(fence, value)) {
		/* The caller reads what the card stored before: returning to it orders nothing. */
		dma_rmb();
		return 1;
	}

	return ended ? -ECANCELED : 0;
}

static void ogpu_wait_look_at_queues(struct ogpu_wait *wait)
{
	u32 i;

	for (i = 0; i < wait->queue_count; i++) {
		struct ogpu_wait_queue *wq = &wait->queues[i];

		wq->aim = 0;
		if (wq->jobs)
			wq->progress = ogpu_queue_look(wq->queue);
	}
}

/* 1 if it is over, 0 if not yet. */
static int ogpu_wait_look(struct ogpu_wait *wait)
{
	u32 i, open = 0;
	int ret;

	ogpu_wait_look_at_queues(wait);
	for (i = 0; i < wait->count; i++) {
		if (wait->which[i] & OGPU_WAIT_HELD)
			continue;

		ret = ogpu_wait_look_at(wait, i);
		if (ret < 0) {
			wait->index = i;
			return ret;
		}
		if (!ret) {
			open++;
			continue;
		}
		wait->which[i] |= OGPU_WAIT_HELD;
		if (!wait->all) {
			wait->index = i;
			return 1;
		}
		cond_resched();
	}

	return !open;
}

/* What is so when the call returns. */
static int ogpu_wait_tell_of(struct ogpu_wait *wait, u32 i)
{
	struct drm_ogpu_wait_fence *fence = &wait->fences[i];
	u16 which = wait->which[i] & ~OGPU_WAIT_HELD;
	int ret = wait->which[i] & OGPU_WAIT_HELD ? 1 : ogpu_wait_look_at(wait, i);

	if (ret == -EFAULT)
		return ret;

	fence->state = ret > 0 ? DRM_OGPU_WAIT_HELD :
		       ret ? DRM_OGPU_WAIT_FAILED : DRM_OGPU_WAIT_PENDING;
	fence->error = which == OGPU_WAIT_NO_QUEUE ? DRM_OGPU_QUEUE_OK :
		       wait->queues[which].progress.error;

	return 0;
}

static int ogpu_wait_tell(struct ogpu_wait *wait, const struct drm_ogpu_array *array)
{
	u64 at = array->array + offsetof(struct drm_ogpu_wait_fence, state);
	u32 i;

	for (i = 0; i < wait->queue_count; i++)
		wait->queues[i].progress = ogpu_queue_look(wait->queues[i].queue);

	for (i = 0; i < wait->count; i++, at += array->stride) {
		struct drm_ogpu_wait_fence *fence = &wait->fences[i];
		int ret = ogpu_wait_tell_of(wait, i);

		if (ret)
			return ret;
		if (copy_to_user(u64_to_user_ptr(at), &fence->state,
				 sizeof(fence->state) + sizeof(fence->error)))
			return -EFAULT;
		cond_resched();
	}

	return 0;
}

/* After a reset of the card the memory is lost, and nothing will be signalled. */
static bool ogpu_wait_is_stale(const struct ogpu_wait *wait)
{
	const struct ogpu_device *odev = wait->ofile->odev;

	return !ogpu_device_running(odev) ||
	       READ_ONCE(odev->generation) != wait->ofile->generation;
}

/*
 * Sleep
 */

static int ogpu_wait_listen_to(struct ogpu_wait *wait, struct ogpu_wait_queue *wq)
{
	struct ogpu_device *odev = wait->ofile->odev;
	int ret = 0;

	if (wq->memory)
		ret = ogpu_signal_wait_begin(odev, wq->queue->number, &wq->entry);
	if (ret || !wq->jobs)
		return ret;

	ret = ogpu_queue_wait_begin(wq->queue, &wq->job);
	if (ret && wq->memory)
		ogpu_signal_wait_end(odev, wq->queue->number, &wq->entry);

	return ret;
}

static int ogpu_wait_listen(struct ogpu_wait *wait)
{
	int ret;

	for (; wait->listening < wait->queue_count; wait->listening++) {
		ret = ogpu_wait_listen_to(wait, &wait->queues[wait->listening]);
		if (ret)
			return ret;
	}

	return 0;
}

/* The end of the jobs that decide wakes us, also if that was since we looked. */
static void ogpu_wait_aim(struct ogpu_wait *wait)
{
	u32 i;

	for (i = 0; i < wait->queue_count; i++) {
		struct ogpu_wait_queue *wq = &wait->queues[i];

		if (wq->aim)
			ogpu_queue_wait_for(wq->queue, &wq->job, wq->aim);
	}
}

/*
 * What is signalled from now on wakes us.
 *
 * A queue that was told of is disarmed, and is told of again only after it was armed here. So no
 * word but @told says that: who takes it arms the queue, before it looks at memory. Taking it is a
 * full barrier, so that the look sees what was stored before the queue was told of.
 */
static void ogpu_wait_arm(struct ogpu_wait *wait)
{
	u32 i;

	for (i = 0; i < wait->queue_count; i++) {
		struct ogpu_wait_queue *wq = &wait->queues[i];

		if (atomic_read(&wq->told) && atomic_xchg(&wq->told, 0) && wq->memory)
			ogpu_signal_arm(wait->ofile->odev, wq->queue->number);
	}
}

static bool ogpu_wait_is_told(const struct ogpu_wait *wait)
{
	u32 i;

	for (i = 0; i < wait->queue_count; i++) {
		if (atomic_read(&wait->queues[i].told))
			return true;
	}

	return false;
}

/* Until a queue is told of, a signal comes, or @until. */
static void ogpu_wait_sleep(struct ogpu_wait *wait, ktime_t until)
{
	/*
	 * Ends with a full barrier, which pairs with that of ogpu_wait_wake(): either we see that a
	 * queue was told of, or the waker sees that we sleep.
	 */
	set_current_state(TASK_INTERRUPTIBLE);
	if (!ogpu_wait_is_told(wait) && !signal_pending(current))
		schedule_hrtimeout_range(&until, current->timer_slack_ns, HRTIMER_MODE_ABS);
	__set_current_state(TASK_RUNNING);
}

static int ogpu_wait_run(struct ogpu_wait *wait, ktime_t deadline)
{
	u64 poll_ns = OGPU_WAIT_POLL_MIN_NS;
	ktime_t now, until;
	int ret;

	/* Most of the time there is nothing to wait for. */
	ret = ogpu_wait_look(wait);
	while (!ret) {
		if (ogpu_wait_is_stale(wait))
			return -ENODEV;
		/* Also if queues signal faster than we look, so that we never sleep. */
		if (signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
		now = ktime_get();
		if (!ktime_before(now, deadline))
			return -ETIME;

		ret = ogpu_wait_listen(wait);
		if (ret)
			break;
		until = deadline;
		if (wait->polled) {
			if (ktime_sub(deadline, now) > poll_ns)
				until = ktime_add_ns(now, poll_ns);
			poll_ns = min_t(u64, poll_ns * 2, OGPU_WAIT_POLL_MAX_NS);
		}
		ogpu_wait_aim(wait);
		/* Not the first time, nor before all that were told of are armed again. */
		ogpu_wait_sleep(wait, until);
		ogpu_wait_arm(wait);
		ret = ogpu_wait_look(wait);
	}

	return ret > 0 ? 0 : ret;
}

/**
 * ogpu_ioctl_wait() - DRM_IOCTL_OGPU_WAIT
 * @drm: the card
 * @data: &struct drm_ogpu_wait
 * @file: caller
 *
 * Not under drm_dev_enter(), which nobody may wait in.
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_wait *args = data;
	struct ogpu_wait wait = {
		.ofile = to_ogpu_file(file),
		.task = current,
		.all = args->flags & DRM_OGPU_WAIT_ALL,
	};
	int ret;

	if (args->flags & ~OGPU_WAIT_FLAGS ||
	    (args->flags & DRM_OGPU_WAIT_STATES &&
	     args->fences.stride < offsetofend(struct drm_ogpu_wait_fence, error)))
		return -EINVAL;

	ret = ogpu_wait_parse(&wait, args);
	if (!ret)
		ret = ogpu_wait_run(&wait, ns_to_ktime(args->timeout_ns));
	/* Memory and queues are lost for the same reason. */
	if ((ret == -EFAULT || ret == -ECANCELED) && ogpu_wait_is_stale(&wait))
		ret = -ENODEV;
	if ((args->flags & DRM_OGPU_WAIT_STATES) &&
	    (!ret || ret == -ETIME || ret == -ECANCELED) && ogpu_wait_tell(&wait, &args->fences))
		ret = -EFAULT;
	args->index = wait.index;
	ogpu_wait_fini(&wait);

	return ret;
}

/**
 * ogpu_ioctl_queue_eventfd() - DRM_IOCTL_OGPU_QUEUE_EVENTFD
 * @drm: the card
 * @data: &struct drm_ogpu_queue_eventfd
 * @file: caller
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_queue_eventfd(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_queue_eventfd *args = data;
	struct ogpu_device *odev = to_ogpu_device(drm);
	struct ogpu_eventfd *eventfd = NULL;
	struct ogpu_queue *queue;

	if (args->pad || args->fd < -1 || args->events & ~OGPU_WAIT_EVENTS ||
	    (args->fd == -1) != !args->events)
		return -EINVAL;

	queue = ogpu_queue_lookup(to_ogpu_file(file), args->queue_id);
	if (!queue)
		return -ENOENT;

	if (args->fd >= 0) {
		eventfd = ogpu_eventfd_get(args->fd, args->events);
		if (IS_ERR(eventfd)) {
			ogpu_queue_put(queue);
			return PTR_ERR(eventfd);
		}
	}

	ogpu_queue_set_eventfd(queue, eventfd);
	if (args->events & DRM_OGPU_EVENT_SIGNAL)
		ogpu_signal_arm(odev, queue->number);
	/* What happened before is told now. */
	if ((args->events & DRM_OGPU_EVENT_ERROR) && ogpu_queue_is_dead(queue))
		ogpu_eventfd_signal(eventfd);
	ogpu_eventfd_put(eventfd);
	ogpu_queue_put(queue);

	return 0;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_wait_test.c"
#endif
