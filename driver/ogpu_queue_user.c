// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues whose ring belongs to user space: what the kernel still does for them, which is to take
 * them off the card when their memory has to move.
 *
 * DOC: User queues
 *
 * Ring, pointers and doorbell are the program's, in an address space of the long-running kind
 * (ogpu_preempt.c). The kernel does not look at the ring and knows of no jobs; such a queue has no
 * fence, and hardware takes nothing privileged from it. Whatever the program writes there, the
 * worst that it can have is an error of this one queue. It is killed when it is destroyed.
 */
#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/ogpu_drm.h>

#include "abi/mbox.h"
#include "abi/regs.h"
#include "ogpu_device.h"
#include "ogpu_mbox.h"
#include "ogpu_preempt.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

/* Processes map what firmware writes. */
static_assert(offsetof(struct drm_ogpu_queue_control, seq) ==
	      offsetof(struct ogpu_queue_control, seq));
static_assert(offsetof(struct drm_ogpu_queue_control, state) ==
	      offsetof(struct ogpu_queue_control, state));
static_assert(offsetof(struct drm_ogpu_queue_control, switches) ==
	      offsetof(struct ogpu_queue_control, switches));
static_assert(offsetof(struct drm_ogpu_queue_control, error) ==
	      offsetof(struct ogpu_queue_control, error));
static_assert(offsetof(struct drm_ogpu_queue_control, fault_va) ==
	      offsetof(struct ogpu_queue_control, fault_va));
static_assert(offsetof(struct drm_ogpu_queue_control, packet) ==
	      offsetof(struct ogpu_queue_control, packet));
static_assert(offsetof(struct drm_ogpu_queue_control, pc) ==
	      offsetof(struct ogpu_queue_control, pc));
static_assert(offsetof(struct drm_ogpu_queue_control, asid) ==
	      offsetof(struct ogpu_queue_control, asid));
static_assert(offsetof(struct drm_ogpu_queue_control, access) ==
	      offsetof(struct ogpu_queue_control, access));
static_assert(offsetof(struct drm_ogpu_queue_control, reason) ==
	      offsetof(struct ogpu_queue_control, reason));
static_assert(offsetof(struct drm_ogpu_queue_control, detail) ==
	      offsetof(struct ogpu_queue_control, detail));
static_assert(offsetof(struct drm_ogpu_queue_control, busy_ns) ==
	      offsetof(struct ogpu_queue_control, busy_ns));
static_assert(offsetof(struct drm_ogpu_queue_control, waited_ns) ==
	      offsetof(struct ogpu_queue_control, waited_ns));
static_assert(offsetof(struct drm_ogpu_queue_control, unit_ns) ==
	      offsetof(struct ogpu_queue_control, unit_ns));
static_assert(offsetof(struct drm_ogpu_queue_control, now_ns) ==
	      offsetof(struct ogpu_queue_control, now_ns));
static_assert(offsetof(struct drm_ogpu_queue_control, pos) ==
	      offsetof(struct ogpu_queue_control, pos));
static_assert(offsetof(struct drm_ogpu_queue_control, context) ==
	      offsetof(struct ogpu_queue_control, context));
static_assert(offsetof(struct drm_ogpu_queue_control, held) ==
	      offsetof(struct ogpu_queue_control, held));
static_assert(sizeof(struct drm_ogpu_queue_control) == sizeof(struct ogpu_queue_control));
static_assert(offsetof(struct ogpu_queue_mem, control) == 0);
static_assert(DRM_OGPU_DOORBELL_RING == OGPU_DOORBELL_RING);
static_assert(DRM_OGPU_DOORBELL_WPTR == OGPU_DOORBELL_WPTR);
static_assert((int)DRM_OGPU_QUEUE_IDLE == (int)OGPU_QUEUE_IDLE);
static_assert((int)DRM_OGPU_QUEUE_READY == (int)OGPU_QUEUE_READY);
static_assert((int)DRM_OGPU_QUEUE_RUNNING == (int)OGPU_QUEUE_RUNNING);
static_assert((int)DRM_OGPU_QUEUE_FAILED == (int)OGPU_QUEUE_FAILED);
static_assert((int)DRM_OGPU_QUEUE_WAITING == (int)OGPU_QUEUE_WAITING);
static_assert((int)DRM_OGPU_QUEUE_SUSPENDED == (int)OGPU_QUEUE_SUSPENDED);
static_assert((int)DRM_OGPU_QUEUE_FAULTED == (int)OGPU_QUEUE_FAULTED);

/**
 * ogpu_queue_user_describe() - say where ring and pointers are
 * @queue: the queue
 * @body: for firmware, complete but for that
 */
void ogpu_queue_user_describe(const struct ogpu_queue *queue, struct ogpu_msg_queue_create *body)
{
	const struct ogpu_queue_user *user = &queue->user;

	/* What it finds missing may come from a process. */
	body->flags = cpu_to_le32(queue->vm->svm ? OGPU_QUEUE_REPLAY : 0);
	body->ring = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, user->ring_va));
	body->rptr = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, user->rptr_va));
	body->wptr = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, user->wptr_va));
}

/*
 * Asks firmware for the same thing for all queues at once, and waits for all answers. Returns the
 * first error. A queue that does not exist on the card any more needs nothing.
 */
static int ogpu_queue_user_request(struct ogpu_device *odev, struct list_head *clients,
				   enum ogpu_msg_type type)
{
	struct ogpu_queue *queue;
	int ret = 0, err;

	list_for_each_entry(queue, clients, client)
		ogpu_queue_send(queue, &queue->client_request, type);

	list_for_each_entry(queue, clients, client) {
		if (!queue->client_request.sent)
			continue;
		err = ogpu_mbox_finish(odev, &queue->client_request.call, NULL, 0);
		if (err && err != -ENOENT)
			ret = ret ?: err;
	}

	return ret;
}

static int ogpu_queue_user_suspend(struct ogpu_device *odev, struct list_head *clients)
{
	return ogpu_queue_user_request(odev, clients, OGPU_MSG_QUEUE_SUSPEND);
}

static void ogpu_queue_user_resume(struct ogpu_device *odev, struct list_head *clients)
{
	u32 generation = READ_ONCE(odev->generation);
	int ret = ogpu_queue_user_request(odev, clients, OGPU_MSG_QUEUE_RESUME);

	if (ret && ret != -ENODEV)
		ogpu_report_since(odev, generation, OGPU_TROUBLE_QUEUE_SUSPEND);
}

static void ogpu_queue_user_fail(struct ogpu_device *odev, struct list_head *clients)
{
	struct ogpu_queue *queue;

	list_for_each_entry(queue, clients, client)
		ogpu_queue_begin_kill(queue, &queue->client_request, DRM_OGPU_QUEUE_ERR_NO_ROOM);
	list_for_each_entry(queue, clients, client)
		ogpu_queue_finish_kill(queue, &queue->client_request, -ECANCELED);
}

/* What executes in address spaces of the long-running kind. */
const struct ogpu_preempt_ops ogpu_queue_user_preempt_ops = {
	.suspend = ogpu_queue_user_suspend,
	.resume = ogpu_queue_user_resume,
	.fail = ogpu_queue_user_fail,
};
