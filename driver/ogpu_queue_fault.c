// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues that stand at a fault which may be mended (ogpu_svm.c): they go on, or end with the error
 * that they would have had at once.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "abi/mbox.h"
#include "ogpu_device.h"
#include "ogpu_mbox.h"
#include "ogpu_preempt.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"
#include "ogpu_svm.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

/*
 * Have the access tried again. A queue that is suspended for the sake of others does so when it is
 * resumed.
 */
static void ogpu_queue_fault_replay(struct ogpu_queue *queue)
{
	struct ogpu_preempt *preempt = queue->vm->preempt;
	struct ogpu_device *odev = queue->odev;
	struct ogpu_queue_request resume;
	int ret = 0;

	mutex_lock(&preempt->lock);
	if (preempt->state == OGPU_PREEMPT_RUNNING) {
		ogpu_queue_send(queue, &resume, OGPU_MSG_QUEUE_RESUME);
		if (resume.sent)
			ret = ogpu_mbox_finish(odev, &resume.call, NULL, 0);
	}
	mutex_unlock(&preempt->lock);

	if (ret && ret != -ENODEV && ret != -ENOENT)
		ogpu_report_since(odev, resume.generation, OGPU_TROUBLE_QUEUE_SUSPEND);
}

/* In the words of the uapi: why could it not be mended? */
static void ogpu_queue_fault_explain(struct ogpu_queue_failure *why, int error)
{
	switch (error) {
	case -EACCES:
		why->reason = DRM_OGPU_FAULT_PERMISSION;
		break;
	case -EIO:
		why->reason = DRM_OGPU_FAULT_BUS;
		break;
	case -ENOMEM:
	case -ENOSPC:
		why->code = DRM_OGPU_QUEUE_ERR_NO_ROOM;
		break;
	default:
		break;
	}
}

static void ogpu_queue_fault_end(struct ogpu_queue *queue, int error)
{
	struct ogpu_queue_failure why;
	struct drm_ogpu_fault fault;
	bool first;

	spin_lock_irq(&queue->lock);
	why = queue->fault;
	spin_unlock_irq(&queue->lock);
	ogpu_queue_fault_explain(&why, error);

	/* Who sees that the queue has failed finds the fault recorded. */
	fault = (struct drm_ogpu_fault) {
		.va = why.fault_va,
		.queue_id = READ_ONCE(queue->id),
		.access = why.access,
		.reason = why.reason,
	};
	ogpu_vm_record_fault(queue->vm, &fault);

	spin_lock_irq(&queue->lock);
	first = ogpu_queue_set_dead(queue, &why);
	spin_unlock_irq(&queue->lock);
	if (first) {
		ogpu_queue_log_error(queue, &why);
		ogpu_queue_report_error(queue, OGPU_EVENT_NR_QUEUE + why.code);
	}
	ogpu_queue_kill(queue, why.code, -EIO);
}

/* The address space has done what it can. */
static void ogpu_queue_fault_served(struct ogpu_svm_client *client, int error)
{
	struct ogpu_queue *queue = container_of(client, struct ogpu_queue, at_fault);

	if (!ogpu_queue_is_dead(queue)) {
		switch (error) {
		case 0:
			ogpu_queue_fault_replay(queue);
			break;
		case -EAGAIN:
		case -ENODEV:
			/* It has come to a fault again, or ends with the card. */
			break;
		case -ESRCH:
			ogpu_queue_kill(queue, DRM_OGPU_QUEUE_ERR_TIMEOUT, -ECANCELED);
			break;
		default:
			ogpu_queue_fault_end(queue, error);
			break;
		}
	}
	ogpu_queue_put(queue);
}

static bool ogpu_queue_fault_gone(struct ogpu_svm_client *client)
{
	return ogpu_queue_is_dead(container_of(client, struct ogpu_queue, at_fault));
}

/* Accesses that the process may have memory for. Its memory is never code of the card. */
static bool ogpu_queue_fault_may_serve(const struct ogpu_queue_failure *fault)
{
	return fault->code == DRM_OGPU_QUEUE_ERR_MEMORY && fault->access != DRM_OGPU_ACCESS_EXEC &&
	       (fault->reason == DRM_OGPU_FAULT_NOT_MAPPED ||
		fault->reason == DRM_OGPU_FAULT_PERMISSION);
}

/* Firmware tells that a queue stands at a fault. */
static void ogpu_queue_fault_handle(struct ogpu_device *odev, const void *body)
{
	const struct ogpu_msg_queue_error *msg = body;
	struct ogpu_queue_failure fault = ogpu_queue_failure_from(msg);
	struct ogpu_queue *queue;
	bool write;
	u64 va;

	queue = ogpu_queue_mgr_get(odev->queues, le32_to_cpu(msg->queue));
	if (!queue)
		return;
	/* Nothing is to be mended that was not asked for. */
	if (!queue->vm || !queue->vm->svm)
		goto out_put;

	spin_lock_irq(&queue->lock);
	queue->fault = fault;
	spin_unlock_irq(&queue->lock);

	/* There is nothing at all where no process has anything. */
	va = ogpu_queue_fault_may_serve(&fault) ? fault.fault_va : U64_MAX;
	write = fault.access != DRM_OGPU_ACCESS_READ;
	if (ogpu_svm_add_client(queue->vm, &queue->at_fault, va, write))
		return;

out_put:
	ogpu_queue_put(queue);
}

/**
 * ogpu_queue_fault_init() - have faults come here, at probe
 * @odev: the card, with mailbox and memory
 */
void ogpu_queue_fault_init(struct ogpu_device *odev)
{
	odev->mem->svms.served = ogpu_queue_fault_served;
	odev->mem->svms.gone = ogpu_queue_fault_gone;
	ogpu_mbox_set_handler(odev, OGPU_MBOX_QUEUE_FAULT, ogpu_queue_fault_handle);
}
