// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * All queues of a card by number: who is meant by what hardware and firmware tell, start and stop.
 */
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/event.h"
#include "abi/mbox.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_lockdep.h"
#include "ogpu_mbox.h"
#include "ogpu_preempt.h"
#include "ogpu_queue.h"
#include "ogpu_queue_mmap.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

/* Queues in a dump of the card. */
#define OGPU_QUEUE_DUMPS	4

/**
 * ogpu_queue_mgr_get() - find a queue
 * @mgr: all queues
 * @number: any number
 *
 * Any context: RCU frees queues.
 *
 * Return: the queue with a reference, or NULL.
 */
struct ogpu_queue *ogpu_queue_mgr_get(struct ogpu_queue_mgr *mgr, unsigned long number)
{
	struct ogpu_queue *queue;

	rcu_read_lock();
	queue = xa_load(&mgr->queues, number);
	if (queue && !kref_get_unless_zero(&queue->ref))
		queue = NULL;
	rcu_read_unlock();

	return queue;
}

/**
 * ogpu_queue_mgr_find() - find the next queue
 * @mgr: all queues
 * @number: the first that it may have; out: that of the queue
 *
 * Return: the queue with a reference, or NULL.
 */
struct ogpu_queue *ogpu_queue_mgr_find(struct ogpu_queue_mgr *mgr, unsigned long *number)
{
	struct ogpu_queue *queue;

	xa_lock(&mgr->queues);
	queue = xa_find(&mgr->queues, number, ULONG_MAX, XA_PRESENT);
	while (queue && !kref_get_unless_zero(&queue->ref))
		queue = xa_find_after(&mgr->queues, number, ULONG_MAX, XA_PRESENT);
	xa_unlock(&mgr->queues);

	return queue;
}

/**
 * ogpu_queue_mgr_drop() - give up a queue's number
 * @mgr: all queues
 * @queue: queue that firmware and hardware do not know any more
 *
 * Nothing happens if it has given it up before.
 */
void ogpu_queue_mgr_drop(struct ogpu_queue_mgr *mgr, struct ogpu_queue *queue)
{
	xa_lock(&mgr->queues);
	if (xa_load(&mgr->queues, queue->number) == queue) {
		ogpu_signal_end(mgr->odev, queue->number);
		__xa_erase(&mgr->queues, queue->number);
		ogpu_queue_quota_uncharge(&mgr->quotas, ogpu_queue_quota(queue));
	}
	xa_unlock(&mgr->queues);
}

/**
 * ogpu_queue_set_eventfd() - choose the eventfd of a queue
 * @queue: the queue
 * @eventfd: or NULL for none
 *
 * What has happened before is not told.
 */
void ogpu_queue_set_eventfd(struct ogpu_queue *queue, struct ogpu_eventfd *eventfd)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;

	/* After a reset the number may be a stranger's. */
	xa_lock(&mgr->queues);
	if (xa_load(&mgr->queues, queue->number) == queue)
		ogpu_signal_set_eventfd(mgr->odev, queue->number, eventfd);
	xa_unlock(&mgr->queues);
}

/**
 * ogpu_queue_tell_error() - tell who waits for a queue that it has failed
 * @queue: dead; it need not have ended
 */
void ogpu_queue_tell_error(struct ogpu_queue *queue)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;

	xa_lock(&mgr->queues);
	if (xa_load(&mgr->queues, queue->number) == queue)
		ogpu_signal_tell(mgr->odev, queue->number, DRM_OGPU_EVENT_ERROR);
	xa_unlock(&mgr->queues);
}

/*
 * Hardware has forgotten all queues or is off: lets go of numbers, of orphans, and of memory for
 * DMA, which has to be gone before the device is. A queue that is in the table is not freed while
 * the lock is held.
 */
static void ogpu_queue_mgr_forget(struct ogpu_queue_mgr *mgr)
{
	struct ogpu_queue *queue, *next;
	unsigned long number;
	LIST_HEAD(orphans);

	/* Nobody puts pages of queues into a process before their numbers are somebody else's. */
	down_write(&mgr->map_sem);
	ogpu_queue_unmap_all(mgr->odev);
	mutex_lock(&mgr->lock);
	xa_for_each(&mgr->queues, number, queue) {
		queue->on_card = false;
		ogpu_queue_free_mem(queue);
		ogpu_queue_mgr_drop(mgr, queue);
	}
	list_splice_init(&mgr->orphans, &orphans);
	mutex_unlock(&mgr->lock);
	up_write(&mgr->map_sem);

	list_for_each_entry_safe(queue, next, &orphans, orphan)
		ogpu_queue_free(queue);
}

/* Signal all fences of jobs that are done. */
static void ogpu_queue_mgr_poll(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned long number;

	for (number = 0; (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		ogpu_queue_poll(queue);
		ogpu_queue_put(queue);
	}
}

/*
 * What hardware and firmware tell
 */

/* An OGPU_EVENT_FENCE has come. Of a queue that does not exist it is ignored. Any context. */
static unsigned int ogpu_queue_mgr_handle_fence(struct ogpu_device *odev,
						const struct ogpu_event *ev, unsigned int max)
{
	struct ogpu_queue *queue = ogpu_queue_mgr_get(odev->queues, le32_to_cpu(ev->queue));
	unsigned int count = 0;

	if (!queue)
		return 0;

	if (max == OGPU_EVENT_ALL)
		ogpu_queue_poll(queue);
	else
		count = ogpu_queue_poll_some(queue, max);
	ogpu_queue_put(queue);

	return count;
}

/* Events were lost, nobody knows of which queues. */
static unsigned int ogpu_queue_mgr_handle_lost(struct ogpu_device *odev,
					       const struct ogpu_event *ev, unsigned int max)
{
	ogpu_queue_mgr_poll(odev);

	return 0;
}

/* Firmware has stopped a queue. */
static void ogpu_queue_mgr_handle_error(struct ogpu_device *odev, const void *body)
{
	const struct ogpu_msg_queue_error *msg = body;
	const struct ogpu_queue_failure why = ogpu_queue_failure_from(msg);
	struct ogpu_queue_failure told;
	struct ogpu_queue *queue;
	bool cookie, first;

	cookie = dma_fence_begin_signalling();
	queue = ogpu_queue_mgr_get(odev->queues, le32_to_cpu(msg->queue));
	if (!queue)
		goto out;

	/* Who sees that the queue has failed finds the fault recorded. */
	if (why.code == DRM_OGPU_QUEUE_ERR_MEMORY && !ogpu_queue_is_kernel(queue)) {
		const struct drm_ogpu_fault fault = {
			.va = why.fault_va,
			.queue_id = READ_ONCE(queue->id),
			.access = why.access,
			.reason = why.reason,
		};

		ogpu_vm_record_fault(queue->vm, &fault);
	}

	spin_lock_irq(&queue->lock);
	first = ogpu_queue_set_dead(queue, &why);
	if (first)
		ogpu_queue_locate_error(queue);
	told = queue->error;
	spin_unlock_irq(&queue->lock);

	if (first) {
		ogpu_queue_log_error(queue, &told);
		ogpu_queue_report_error(queue, OGPU_EVENT_NR_QUEUE + told.code);
		drm_dbg(&odev->drm, "%s queue %u stopped: error %u va %#llx pc %#llx detail %#x\n",
			queue->name, queue->number, why.code, why.fault_va, why.pc, why.detail);
	}

	/* A queue that is being killed ends by ogpu_queue_kill(), which hears whether it obeyed. */
	if (ogpu_queue_is_kernel(queue)) {
		ogpu_report(odev, OGPU_TROUBLE_COPY_FAILED);
	} else if (why.code == DRM_OGPU_QUEUE_ERR_ENGINE) {
		/* It may still execute: fences signal when the reset has stopped it. */
		ogpu_report(odev, OGPU_TROUBLE_ENGINE);
	} else if (first) {
		/* Who is woken by a fence finds the error recorded. */
		ogpu_queue_stopped(queue, -EIO, -ECANCELED);
		ogpu_queue_tell_error(queue);
	}
	ogpu_queue_put(queue);
out:
	dma_fence_end_signalling(cookie);
}

/*
 * Start and stop
 */

/* Unbind: hardware is off. */
static void ogpu_queue_mgr_unbind(void *arg)
{
	ogpu_queue_mgr_forget(arg);
	/* Queues that were on their way out when we looked. */
	flush_workqueue(ogpu_sched_wq());
}

static void ogpu_queue_mgr_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_queue_mgr *mgr = arg;

	mutex_destroy(&mgr->lock);
	ogpu_queue_quotas_fini(&mgr->quotas);
	xa_destroy(&mgr->queues);
}

/**
 * ogpu_queue_mgr_init() - set up the software state of all queues
 * @odev: the card, in probe; with mailbox and event ring
 *
 * Undone by drmm_ and devm_ actions. When the latter run, the card must have stopped all DMA.
 *
 * Return: 0 or a negative errno.
 */
int ogpu_queue_mgr_init(struct ogpu_device *odev)
{
	struct ogpu_queue_mgr *mgr;
	int ret;

	mgr = drmm_kzalloc(&odev->drm, sizeof(*mgr), GFP_KERNEL);
	if (!mgr)
		return -ENOMEM;

	mgr->odev = odev;
	mgr->stopped = true;
	INIT_LIST_HEAD(&mgr->orphans);
	mgr->timeout_wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-timeout-%s",
						       WQ_MEM_RECLAIM, pci_name(odev->pdev));
	if (IS_ERR(mgr->timeout_wq))
		return PTR_ERR(mgr->timeout_wq);
	mgr->slots = dmam_alloc_coherent(odev->drm.dev,
					 odev->disc.doorbells * sizeof(*mgr->slots),
					 &mgr->slots_dma, GFP_KERNEL | __GFP_ZERO);
	if (!mgr->slots)
		return -ENOMEM;
	xa_init_flags(&mgr->queues, XA_FLAGS_ALLOC);
	ogpu_queue_quotas_init(&mgr->quotas);
	init_rwsem(&mgr->map_sem);
	mutex_init(&mgr->lock);
	ogpu_lockdep_class(&mgr->lock, OGPU_LOCK_QUEUES);
	odev->queues = mgr;
	odev->mem->preempts.ops = &ogpu_queue_user_preempt_ops;
	ogpu_event_set_handler(odev, OGPU_EVENT_KIND_FENCE, ogpu_queue_mgr_handle_fence);
	ogpu_event_set_handler(odev, OGPU_EVENT_KIND_LOST, ogpu_queue_mgr_handle_lost);
	ogpu_mbox_set_handler(odev, OGPU_MBOX_QUEUE_ERROR, ogpu_queue_mgr_handle_error);
	ogpu_queue_fault_init(odev);

	ret = drmm_add_action_or_reset(&odev->drm, ogpu_queue_mgr_fini, mgr);
	if (ret)
		return ret;

	return devm_add_action_or_reset(odev->drm.dev, ogpu_queue_mgr_unbind, mgr);
}

/**
 * ogpu_queue_mgr_start() - firmware has started and knows no queues
 * @odev: the card
 * @max_queues: how many firmware can manage
 *
 * Queues from before a reset stay dead, but their numbers become free.
 */
void ogpu_queue_mgr_start(struct ogpu_device *odev, u32 max_queues)
{
	struct ogpu_queue_mgr *mgr = odev->queues;

	ogpu_queue_mgr_forget(mgr);
	ogpu_queue_quotas_set(&mgr->quotas, min(odev->disc.doorbells, max_queues));

	mutex_lock(&mgr->lock);
	mgr->stopped = false;
	mutex_unlock(&mgr->lock);
}

/**
 * ogpu_queue_mgr_stop() - end all queues because the card is about to be reset or removed
 * @odev: the card; executes nothing more
 * @fence_error: for the fences of jobs that are not done
 *
 * When it returns all fences of jobs on rings have signalled. Jobs that wait for something else
 * will fail when it is their turn.
 */
void ogpu_queue_mgr_stop(struct ogpu_device *odev, int fence_error)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	struct ogpu_queue_failure why = {
		.code = DRM_OGPU_QUEUE_ERR_ENGINE,
	};
	struct ogpu_queue *queue;
	unsigned long number;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&mgr->lock);
	mgr->stopped = true;
	mutex_unlock(&mgr->lock);

	for (number = 0; (queue = ogpu_queue_mgr_find(mgr, &number)); number++) {
		spin_lock_irq(&queue->lock);
		/* Nobody knows who was guilty, but who surely had nothing to do was not. */
		why.blame = 0;
		if (list_empty(&queue->pending) && queue->kind != OGPU_QUEUE_KIND_USER)
			why.blame = DRM_OGPU_QUEUE_INNOCENT;
		if (ogpu_queue_set_dead(queue, &why))
			ogpu_queue_locate_error(queue);
		spin_unlock_irq(&queue->lock);
		ogpu_queue_stopped(queue, fence_error, fence_error);
		ogpu_queue_tell_error(queue);
		ogpu_queue_put(queue);
	}
	dma_fence_end_signalling(cookie);
}

/**
 * ogpu_queue_mgr_settle() - wait until queues that a user does not hold any more are gone
 * @odev: the card
 * @file: of the queues
 *
 * Sleeps for a bounded time.
 *
 * Return: true if there are none.
 */
bool ogpu_queue_mgr_settle(struct ogpu_device *odev, const struct ogpu_queue_file *file)
{
	/* Jobs that are done may be the last who hold them. */
	flush_workqueue(odev->submit_wq);

	return ogpu_queue_quota_wait_dying(file->quota);
}

/**
 * ogpu_queue_mgr_kill() - end all queues of a file
 * @odev: the card
 * @file: of the queues, which is being closed
 *
 * Also those that were destroyed while their jobs were running. Sleeps for a bounded time.
 */
void ogpu_queue_mgr_kill(struct ogpu_device *odev, const struct ogpu_queue_file *file)
{
	/* Many at once, but firmware has room for what others ask meanwhile. */
	struct ogpu_queue *queues[OGPU_FW_OWED_MAX / 2];
	struct ogpu_queue *queue;
	unsigned long number = 0;
	unsigned int count, i;

	do {
		for (count = 0; count < ARRAY_SIZE(queues) &&
		     (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
			if (queue->file == file) {
				ogpu_queue_begin_kill(queue, &queue->file_request,
						      DRM_OGPU_QUEUE_ERR_KILLED);
				queues[count++] = queue;
			} else {
				ogpu_queue_put(queue);
			}
		}
		for (i = 0; i < count; i++) {
			ogpu_queue_finish_kill(queues[i], &queues[i]->file_request, -ECANCELED);
			ogpu_queue_put(queues[i]);
		}
	} while (count == ARRAY_SIZE(queues));
}

/**
 * ogpu_queue_mgr_account() - have a file pay for the time that its queues took
 * @odev: the card
 * @file: of the queues; its @unit_ns is brought up to date
 *
 * Also for those that were destroyed, whether their jobs are running or have just ended. Asks
 * nobody and does not sleep.
 */
void ogpu_queue_mgr_account(struct ogpu_device *odev, const struct ogpu_queue_file *file)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	struct ogpu_queue *queue;
	unsigned long number;

	/* Queues that are in the table are not freed, referenced or not. */
	xa_lock(&mgr->queues);
	xa_for_each(&mgr->queues, number, queue) {
		if (queue->file != file)
			continue;
		spin_lock_irq(&queue->lock);
		ogpu_queue_update_times(queue);
		spin_unlock_irq(&queue->lock);
	}
	xa_unlock(&mgr->queues);
}

/**
 * ogpu_queue_mgr_print() - list all queues
 * @odev: the card
 * @p: where to
 */
void ogpu_queue_mgr_print(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_queue *queue;
	unsigned long number;

	drm_puts(p, "number engine priority asid state error submitted completed rptr wptr name\n");
	for (number = 0; (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		u64 submitted, completed, rptr, wptr;
		const char *state;
		u32 error;

		spin_lock_irq(&queue->lock);
		submitted = queue->submitted;
		completed = queue->completed;
		wptr = queue->ring.wptr;
		rptr = queue->mem ? le64_to_cpu(READ_ONCE(queue->mem->rptr)) : 0;
		error = queue->error.code;
		state = ogpu_queue_is_dead(queue) ? "dead" :
			list_empty(&queue->pending) ? "idle" : "busy";
		spin_unlock_irq(&queue->lock);

		drm_printf(p, "%u %s %u %u %s %u %llu %llu %llu %llu %s\n", queue->number,
			   queue->engine == OGPU_ENGINE_COPY ? "copy" : "compute", queue->priority,
			   queue->vm ? queue->vm->asid : 0, state, error, submitted, completed,
			   rptr, wptr, queue->name);
		ogpu_queue_put(queue);
	}
}

/**
 * ogpu_queue_mgr_dump() - list all queues, and write all about those that have failed
 * @odev: the card, which is about to be reset
 * @p: where to
 *
 * Waits for nobody, allocates nothing.
 */
void ogpu_queue_mgr_dump(struct ogpu_device *odev, struct drm_printer *p)
{
	unsigned int left = OGPU_QUEUE_DUMPS;
	struct ogpu_queue *queue;
	unsigned long number;

	for (number = 0; left && (queue = ogpu_queue_mgr_find(odev->queues, &number)); number++) {
		/* Those that have ended are over, and told before. */
		if (READ_ONCE(queue->state) == OGPU_QUEUE_DEAD) {
			ogpu_queue_dump(queue, p);
			left--;
		}
		ogpu_queue_put(queue);
	}
	ogpu_queue_mgr_print(odev, p);
}
