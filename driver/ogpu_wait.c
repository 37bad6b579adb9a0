// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How user space waits for queues without a fence: WAIT and eventfds.
 *
 * WAIT looks at the caller's memory, where a FENCE packet or another thread stores a value, and
 * sleeps until one of the queues that the caller named has signalled (ogpu_signal.c) or failed. A
 * signal is only a reason to look again, so that one too many does no harm. No lock is held while
 * it looks or sleeps, and nothing of the kernel depends on what it finds.
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

#define OGPU_WAIT_EVENTS	(DRM_OGPU_EVENT_SIGNAL | DRM_OGPU_EVENT_ERROR)

/* Instead of the index of a queue: nobody signals; or the fence has held, which is enough. */
#define OGPU_WAIT_NO_QUEUE	0xffff
#define OGPU_WAIT_HELD		0xfffe
static_assert(DRM_OGPU_MAX_WAIT_FENCES < OGPU_WAIT_HELD);

struct ogpu_wait;

/**
 * struct ogpu_wait_queue - a queue that a call waits for
 */
struct ogpu_wait_queue {
	/** @entry: among the waiters of the queue */
	struct wait_queue_entry entry;
	/** @wait: the call */
	struct ogpu_wait *wait;
	/** @queue: referenced */
	struct ogpu_queue *queue;
	/** @told: 1: it has signalled since it was armed, or was never armed */
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
	/** @which: for each of @fences, its queue in @queues, or OGPU_WAIT_NO_QUEUE, or ..._HELD */
	u16 *which;
	/** @queues: different ones, @queue_count of them */
	struct ogpu_wait_queue *queues;
	/** @queue_count: of @queues */
	u32 queue_count;
	/** @listening: of @queues, the first ones, have a waiter */
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

/*
 * Parse
 */

static int ogpu_wait_check_fence(const struct drm_ogpu_wait_fence *fence)
{
	if (fence->pointer % sizeof(u64) || fence->compare > DRM_OGPU_COMPARE_LT)
		return -EINVAL;

	return 0;
}

static void ogpu_wait_init_queue(struct ogpu_wait *wait, struct ogpu_wait_queue *wq,
				 struct ogpu_queue *queue)
{
	init_waitqueue_func_entry(&wq->entry, ogpu_wait_wake);
	wq->wait = wait;
	wq->queue = queue;
	atomic_set(&wq->told, 1);
}

static int ogpu_wait_add_queue(struct ogpu_wait *wait, u32 fence)
{
	u32 id = wait->fences[fence].queue_id;
	struct ogpu_queue *queue;
	u32 i;

	if (!id) {
		wait->which[fence] = OGPU_WAIT_NO_QUEUE;
		wait->polled = true;
		return 0;
	}

	queue = ogpu_queue_lookup(wait->ofile, id);
	if (!queue)
		return -ENOENT;

	for (i = 0; i < wait->queue_count; i++) {
		if (wait->queues[i].queue == queue) {
			ogpu_queue_put(queue);
			wait->which[fence] = i;
			return 0;
		}
	}

	ogpu_wait_init_queue(wait, &wait->queues[wait->queue_count], queue);
	wait->which[fence] = wait->queue_count++;

	return 0;
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

		ogpu_signal_wait_end(wait->ofile->odev, wq->queue->number, &wq->entry);
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

/* 1 if it holds, 0 if not yet. */
static int ogpu_wait_look_at(struct ogpu_wait *wait, u32 i)
{
	const struct drm_ogpu_wait_fence *fence = &wait->fences[i];
	bool ended = false;
	u64 value;

	if (wait->which[i] != OGPU_WAIT_NO_QUEUE)
		/* What a queue that has stopped has stored is there for the look that follows. */
		ended = smp_load_acquire(&wait->queues[wait->which[i]].queue->state) ==
			OGPU_QUEUE_ENDED;

	if (get_user(value, (u64 __user *)u64_to_user_ptr(fence->pointer)))
		return -EFAULT;
	if (ogpu_wait_compare(fence, value))
		return 1;

	return ended ? -ECANCELED : 0;
}

/* 1 if it is over, 0 if not yet. */
static int ogpu_wait_look(struct ogpu_wait *wait)
{
	u32 i, open = 0;
	int ret;

	for (i = 0; i < wait->count; i++) {
		if (wait->which[i] == OGPU_WAIT_HELD)
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
		if (!wait->all) {
			wait->index = i;
			return 1;
		}
		wait->which[i] = OGPU_WAIT_HELD;
		cond_resched();
	}

	return !open;
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

static int ogpu_wait_listen(struct ogpu_wait *wait)
{
	int ret;

	for (; wait->listening < wait->queue_count; wait->listening++) {
		struct ogpu_wait_queue *wq = &wait->queues[wait->listening];

		ret = ogpu_signal_wait_begin(wait->ofile->odev, wq->queue->number, &wq->entry);
		if (ret)
			return ret;
	}

	return 0;
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

		if (atomic_read(&wq->told) && atomic_xchg(&wq->told, 0))
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

	if (args->flags & ~DRM_OGPU_WAIT_ALL)
		return -EINVAL;

	ret = ogpu_wait_parse(&wait, args);
	if (!ret)
		ret = ogpu_wait_run(&wait, ns_to_ktime(args->timeout_ns));
	/* Memory and queues are lost for the same reason. */
	if ((ret == -EFAULT || ret == -ECANCELED) && ogpu_wait_is_stale(&wait))
		ret = -ENODEV;
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
