// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues of a card that sleeps: off the card before, with what they execute in their save areas,
 * and on it again, where their control pages say that they stood.
 *
 * While the card sleeps a queue of user space is as alive as before: its ring, its jobs and their
 * fences are system memory, and its number stays its own. Whoever could use it is frozen, or there
 * is no queue at all.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/mbox.h"
#include "ogpu_device.h"
#include "ogpu_mbox.h"
#include "ogpu_preempt.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_signal.h"
#include "ogpu_vm.h"

/* Firmware has room for what others ask meanwhile. */
#define OGPU_QUEUE_SLEEP_BATCH	(OGPU_FW_OWED_MAX / 2)

/* Its memory is being moved: it must not execute, whatever the card does. */
static bool ogpu_queue_is_preempted(const struct ogpu_queue *queue)
{
	return queue->kind == OGPU_QUEUE_KIND_USER &&
	       READ_ONCE(queue->vm->preempt->state) != OGPU_PREEMPT_RUNNING;
}

/*
 * Asks firmware for the same thing for all queues of user space but those that @skip tells. If it
 * does not answer the others are not asked.
 */
static int ogpu_queue_sleep_request(struct ogpu_device *odev, enum ogpu_msg_type type,
				    bool (*skip)(const struct ogpu_queue *queue))
{
	struct ogpu_queue *queues[OGPU_QUEUE_SLEEP_BATCH];
	struct ogpu_queue_request *requests;
	unsigned int count, i;
	unsigned long number = 0;
	struct ogpu_queue *queue;
	bool answers = true;
	int ret = 0, err;

	requests = kcalloc(OGPU_QUEUE_SLEEP_BATCH, sizeof(*requests), GFP_KERNEL);
	if (!requests)
		return -ENOMEM;

	do {
		for (count = 0; count < OGPU_QUEUE_SLEEP_BATCH &&
		     (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
			if (ogpu_queue_is_kernel(queue) || (skip && skip(queue))) {
				ogpu_queue_put(queue);
				continue;
			}
			ogpu_queue_send(queue, &requests[count], type);
			queues[count++] = queue;
		}
		for (i = 0; i < count; i++) {
			err = 0;
			if (requests[i].sent)
				err = ogpu_mbox_finish(odev, &requests[i].call, NULL, 0);
			if (err != -ENOENT)
				ret = ret ?: err;
			answers &= err != -ETIMEDOUT && err != -ENODEV;
			ogpu_queue_put(queues[i]);
		}
	} while (count == OGPU_QUEUE_SLEEP_BATCH && answers);
	kfree(requests);

	return ret;
}

/**
 * ogpu_queues_suspend() - take all queues of user space off the card
 * @odev: the card; nobody makes, kills or uses queues meanwhile
 *
 * What they execute goes into their save areas. Sleeps, asks firmware.
 *
 * Return: 0, or an errno: then ogpu_queues_resume() lets those go on that stand still.
 */
int ogpu_queues_suspend(struct ogpu_device *odev)
{
	odev->queues->suspended_at = ktime_get();

	return ogpu_queue_sleep_request(odev, OGPU_MSG_QUEUE_SUSPEND, NULL);
}

static void ogpu_queues_skip_time(struct ogpu_queue_mgr *mgr)
{
	struct ogpu_queue *queue;
	unsigned long number;

	for (number = 0; (queue = ogpu_queue_mgr_find(mgr, &number)); number++) {
		ogpu_queue_skip_time(queue, mgr->suspended_at);
		ogpu_queue_put(queue);
	}
}

/**
 * ogpu_queues_resume() - undo ogpu_queues_suspend(), of a card that has not slept
 * @odev: the card
 *
 * Return: 0 or an errno.
 */
int ogpu_queues_resume(struct ogpu_device *odev)
{
	ogpu_queues_skip_time(odev->queues);

	return ogpu_queue_sleep_request(odev, OGPU_MSG_QUEUE_RESUME, ogpu_queue_is_preempted);
}

/*
 * It would take zeros for what was lost, be it what it has in registers: it faults, as without a
 * sleep. Who has nothing to do may go on when SUBMIT has seen it.
 */
static void ogpu_queue_lose(struct ogpu_queue *queue)
{
	const struct ogpu_queue_failure why = {
		.code = DRM_OGPU_QUEUE_ERR_MEMORY,
		.reason = DRM_OGPU_FAULT_POISON,
	};
	struct ogpu_queue_failure told;
	bool first = false;

	ogpu_queue_poll(queue);
	spin_lock_irq(&queue->lock);
	/* Of a user's ring nobody knows. */
	if (queue->kind == OGPU_QUEUE_KIND_USER || queue->completed != queue->submitted)
		first = ogpu_queue_set_dead(queue, &why);
	if (first)
		ogpu_queue_locate_error(queue);
	told = queue->error;
	spin_unlock_irq(&queue->lock);
	if (!first)
		return;

	ogpu_queue_log_error(queue, &told);
	ogpu_queue_report_error(queue, OGPU_EVENT_NR_QUEUE + told.code);
	ogpu_queue_stopped(queue, -EIO, -ECANCELED);
	ogpu_queue_tell_error(queue);
}

/*
 * The card stands still: who was to be stopped has been, and who was to go has gone. A queue that
 * was on its way out asks for nothing any more. Whose memory was lost ends here.
 */
static void ogpu_queues_drop(struct ogpu_queue_mgr *mgr)
{
	struct ogpu_queue *queue, *next;
	unsigned long number;
	LIST_HEAD(orphans);

	for (number = 0; (queue = ogpu_queue_mgr_find(mgr, &number)); number++) {
		if (ogpu_queue_is_dead(queue))
			ogpu_queue_stopped(queue, -EIO, -ECANCELED);
		else if (!ogpu_queue_is_kernel(queue) && ogpu_vm_has_lost(queue->vm))
			ogpu_queue_lose(queue);
		ogpu_queue_put(queue);
	}

	mutex_lock(&mgr->lock);
	/* A queue that is in the table is not freed while the lock is held. */
	xa_for_each(&mgr->queues, number, queue) {
		if (!kref_read(&queue->ref) || ogpu_queue_is_dead(queue))
			queue->on_card = false;
	}
	list_splice_init(&mgr->orphans, &orphans);
	list_for_each_entry(queue, &orphans, orphan) {
		ogpu_queue_free_mem(queue);
		ogpu_queue_mgr_drop(mgr, queue);
	}
	mutex_unlock(&mgr->lock);

	list_for_each_entry_safe(queue, next, &orphans, orphan)
		ogpu_queue_free(queue);
}

/**
 * ogpu_queues_restore_kernel() - the kernel's own queue, on a card that has just been started
 * @odev: the card, whose firmware knows no queues
 *
 * Sleeps, asks firmware.
 *
 * Return: 0 or an errno.
 */
int ogpu_queues_restore_kernel(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned long number;
	int ret = 0;

	ogpu_queues_drop(odev->queues);
	for (number = 0; !ret && (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		if (ogpu_queue_is_kernel(queue) && READ_ONCE(queue->on_card))
			ret = ogpu_queue_restore(queue);
		ogpu_queue_put(queue);
	}

	return ret;
}

static int ogpu_queues_restore_users(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned long number;
	int ret = 0;

	for (number = 0; !ret && (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		if (!ogpu_queue_is_kernel(queue) && READ_ONCE(queue->on_card))
			ret = ogpu_queue_restore(queue);
		ogpu_queue_put(queue);
	}

	return ret;
}

static bool ogpu_queue_is_not_preempted(const struct ogpu_queue *queue)
{
	return !ogpu_queue_is_preempted(queue);
}

/**
 * ogpu_queues_restore() - all other queues, and let them execute
 * @odev: the card, whose memory is as it was
 *
 * Who waits for a queue is woken, and looks again. Sleeps, asks firmware.
 *
 * Return: 0 or an errno.
 */
int ogpu_queues_restore(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned long number;
	int ret;

	ogpu_queues_skip_time(odev->queues);
	/* None runs before all are there: they may be a gang. */
	ret = ogpu_mbox_request(odev, OGPU_MSG_SUSPEND, NULL, 0, NULL, 0);
	if (!ret)
		ret = ogpu_queues_restore_users(odev);
	if (!ret)
		ret = ogpu_queue_sleep_request(odev, OGPU_MSG_QUEUE_SUSPEND,
					       ogpu_queue_is_not_preempted);
	if (!ret)
		ret = ogpu_mbox_request(odev, OGPU_MSG_RESUME, NULL, 0, NULL, 0);
	if (ret)
		return ret;

	for (number = 0; (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		ogpu_queue_poll(queue);
		ogpu_signal_again(odev, queue->number);
		ogpu_queue_put(queue);
	}

	return 0;
}
