// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues: a ring that the card executes, its number, its fences and how it fails.
 *
 * DOC: Queues
 *
 * A queue is a ring of the kernel's in system memory. A job of user space is an INDIRECT packet
 * that names its stream, which therefore runs unprivileged, and a FENCE packet that stores the
 * job's number in memory and raises an interrupt. Fences are signalled by looking at that memory,
 * for which the interrupt is only a reason: a lost one is made good by the watchdog.
 *
 * Numbers. A queue's number is its doorbell page. It is taken for a new queue only after firmware
 * has confirmed that the old one is gone, and so is the memory that hardware writes. A queue whose
 * end firmware has not confirmed is a zombie until the card has been reset or is unbound.
 *
 * Errors. A queue dies at once and for good. It is @dead before anything else happens, so nothing
 * is added to the ring. When hardware is known to have stopped, the fences of its jobs signal:
 * those whose number is in memory without error, the first of the others (the guilty one) with
 * -EIO, or -ETIMEDOUT if it ran too long, all later ones with -ECANCELED. After a reset of the card
 * nobody knows who was guilty: all get the error that the reset gives.
 *
 * A fence says that the memory of all earlier jobs may be reused. So a job that starts when its
 * queue is @dead fails at once only if the queue has @ended too; until then it waits in the list of
 * jobs that run, and fails after them.
 *
 * A queue of the kernel that dies has the card reset. Its fences guard memory that other programs
 * get to see, such as a buffer that was to be cleared. They signal in the reset, when the card
 * stands still and all files are stale.
 *
 * A job that runs too long (ogpu_queue_time.c): QUEUE_STOP tells firmware to kill it, which leaves
 * other queues alone. If firmware does not do so, the card is reset.
 *
 * Locks. The lock of struct ogpu_queue_mgr keeps the card's idea of which queues exist and ours
 * together; firmware is asked under it, so memory is never allocated under it. It is outside of the
 * mailbox's lock and of @lock, and inside of @submit_lock; what handles events of firmware must not
 * take it. Fences are signalled under @lock, in process context, by who holds a reference to the
 * queue, or by @watch, which the end of the queue waits for.
 */
#include <linux/dma-mapping.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "abi/event.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_fence.h"
#include "ogpu_lockdep.h"
#include "ogpu_mbox.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"
#include "ogpu_vm.h"

/* Requests of user space are handed on as they are. */
static_assert((int)DRM_OGPU_ENGINE_COMPUTE == (int)OGPU_ENGINE_COMPUTE);
static_assert((int)DRM_OGPU_ENGINE_COPY == (int)OGPU_ENGINE_COPY);
static_assert((int)DRM_OGPU_PRIORITY_LOW == (int)OGPU_PRIORITY_LOW);
static_assert((int)DRM_OGPU_PRIORITY_NORMAL == (int)OGPU_PRIORITY_NORMAL);
static_assert((int)DRM_OGPU_PRIORITY_HIGH == (int)OGPU_PRIORITY_HIGH);

static struct ogpu_queue_job *to_ogpu_queue_job(struct ogpu_sched_job *base)
{
	return container_of(base, struct ogpu_queue_job, base);
}

static bool ogpu_queue_is_kernel(const struct ogpu_queue *queue)
{
	return !queue->vm;
}

/*
 * Memory
 */

static int ogpu_queue_alloc_mem(struct ogpu_queue *queue, u32 ring_size)
{
	struct device *dev = queue->odev->drm.dev;
	void *ring;

	ring = dma_alloc_coherent(dev, ring_size, &queue->ring_dma, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	ogpu_ring_init(&queue->ring, ring, ring_size);

	queue->mem = dma_alloc_coherent(dev, sizeof(*queue->mem), &queue->mem_dma, GFP_KERNEL);
	if (!queue->mem) {
		dma_free_coherent(dev, ring_size, ring, queue->ring_dma);
		return -ENOMEM;
	}

	return 0;
}

/* Hardware must not know the queue any more, or be off. */
static void ogpu_queue_free_mem(struct ogpu_queue *queue)
{
	struct device *dev = queue->odev->drm.dev;
	struct ogpu_queue_mem *mem;
	void *ring;

	spin_lock_irq(&queue->lock);
	ring = queue->ring.mem;
	mem = queue->mem;
	queue->ring.mem = NULL;
	queue->mem = NULL;
	spin_unlock_irq(&queue->lock);

	if (!mem)
		return;
	dma_free_coherent(dev, sizeof(*mem), mem, queue->mem_dma);
	dma_free_coherent(dev, queue->ring.size, ring, queue->ring_dma);
}

static u64 ogpu_queue_mem_operand(const struct ogpu_queue *queue, size_t offset)
{
	return OGPU_OPERAND(OGPU_TARGET_SYSTEM, queue->mem_dma + offset);
}

/*
 * Fences
 */

/* Signals what is done. */
static void ogpu_queue_signal_done(struct ogpu_queue *queue)
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

/* Hardware has stopped a dead queue: signals what is done, and the rest with errors. */
static void ogpu_queue_fail_pending(struct ogpu_queue *queue, int guilty, int others)
{
	struct ogpu_queue_job *job, *next;
	int error = guilty;

	lockdep_assert_held(&queue->lock);

	queue->ended = true;
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
 * Requests to firmware
 */

static int ogpu_queue_request(struct ogpu_queue *queue, enum ogpu_msg_type type)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	struct ogpu_msg_queue body = {
		.queue = cpu_to_le32(queue->number),
	};

	lockdep_assert_held(&mgr->lock);

	/* The number may belong to another queue by now. */
	if (!queue->on_card)
		return -ENODEV;

	return ogpu_mbox_request(queue->odev, type, &body, sizeof(body), NULL, 0);
}

/* What firmware's answer means for who wants a queue. */
static int ogpu_queue_create_errno(int err)
{
	return !err || err == -ENOSPC ? err : -ENODEV;
}

static int ogpu_queue_create_on_card(struct ogpu_queue *queue)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	struct ogpu_msg_queue_create body = {
		.queue = cpu_to_le32(queue->number),
		.asid = cpu_to_le16(queue->vm ? queue->vm->asid : 0),
		.engine = queue->engine,
		.priority = queue->priority,
		.flags = cpu_to_le32(OGPU_QUEUE_PRIVILEGED),
		.ring_size = cpu_to_le32(queue->ring.size),
		.ring = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_SYSTEM, queue->ring_dma)),
		.rptr = cpu_to_le64(ogpu_queue_mem_operand(queue,
							   offsetof(struct ogpu_queue_mem, rptr))),
		.wptr = cpu_to_le64(ogpu_queue_mem_operand(queue,
							   offsetof(struct ogpu_queue_mem, wptr))),
		.save_size = cpu_to_le32(queue->save_bytes),
		.control = cpu_to_le64(ogpu_queue_mem_operand(queue,
							      offsetof(struct ogpu_queue_mem,
								       control))),
	};
	int ret;

	if (queue->save_bytes)
		body.save = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, queue->save_va));

	mutex_lock(&mgr->lock);
	if (mgr->stopped || xa_load(&mgr->queues, queue->number) != queue) {
		ret = -ENODEV;
	} else {
		ret = ogpu_mbox_request(queue->odev, OGPU_MSG_QUEUE_CREATE, &body, sizeof(body),
					NULL, 0);
		/* Unless refused it may exist; then only a reset makes sure that it does not. */
		queue->on_card = ret != -ENOSPC && ret != -EINVAL && ret != -EEXIST;
	}
	mutex_unlock(&mgr->lock);

	/* The mailbox sees to firmware that does not answer. */
	if (ret && ret != -ENOSPC && ret != -ENODEV && ret != -ETIMEDOUT) {
		drm_err(&queue->odev->drm, "firmware refuses to make a queue: %pe\n", ERR_PTR(ret));
		ogpu_report(queue->odev, OGPU_TROUBLE_QUEUE_CREATE);
	}

	return ogpu_queue_create_errno(ret);
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
	if (queue->ended) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return -ECANCELED;
	}
	if (list_empty(&queue->pending))
		ogpu_queue_start_time(queue);
	list_add_tail(&job->link, &queue->pending);
	if (queue->dead) {
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

	/* If the card is being removed, ogpu_queues_stop() signals the fence. */
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

static const struct ogpu_sched_ops ogpu_queue_sched_ops = {
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

/*
 * Life of a queue
 */

static void ogpu_queue_owner_release(struct kref *ref)
{
	kfree(container_of(ref, struct ogpu_queue_owner, ref));
}

/**
 * ogpu_queue_owner_put() - drop a reference
 * @owner: owner of queues, or NULL
 */
void ogpu_queue_owner_put(struct ogpu_queue_owner *owner)
{
	if (owner)
		kref_put(&owner->ref, ogpu_queue_owner_release);
}

/* No references are left, and neither firmware nor hardware knows the queue. */
static void ogpu_queue_free(struct ogpu_queue *queue)
{
	struct ogpu_device *odev = queue->odev;

	ogpu_queue_free_mem(queue);
	ogpu_sched_put(queue->sched);
	ogpu_vm_put(queue->vm);
	ogpu_queue_owner_put(queue->owner);
	mutex_destroy(&queue->submit_lock);
	kfree(queue);
	drm_dev_put(&odev->drm);
}

static void ogpu_queue_release_work(struct work_struct *work)
{
	struct ogpu_queue *queue = container_of(work, struct ogpu_queue, release);
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	bool gone;
	int ret;

	/* There are no jobs any more for which it would come again. */
	cancel_delayed_work_sync(&queue->watch);

	mutex_lock(&mgr->lock);
	ret = ogpu_queue_request(queue, OGPU_MSG_QUEUE_DESTROY);
	if (!ret || ret == -ENOENT)
		queue->on_card = false;
	gone = !queue->on_card;
	/* While it can be found, so that its time is not missed by who adds up meanwhile. */
	spin_lock_irq(&queue->lock);
	ogpu_queue_update_times(queue);
	spin_unlock_irq(&queue->lock);
	if (gone) {
		/* What firmware told of this queue must not be taken for news of the next one. */
		ogpu_mbox_wait_events(mgr->odev);
		xa_cmpxchg(&mgr->queues, queue->number, queue, NULL, 0);
	} else {
		list_add_tail(&queue->zombie, &mgr->zombies);
		if (ret != -ENODEV)
			ogpu_report(mgr->odev, OGPU_TROUBLE_QUEUE_DESTROY);
	}
	mutex_unlock(&mgr->lock);

	if (gone)
		ogpu_queue_free(queue);
}

static void ogpu_queue_release(struct kref *ref)
{
	struct ogpu_queue *queue = container_of(ref, struct ogpu_queue, ref);

	queue_work(ogpu_sched_wq(), &queue->release);
}

/**
 * ogpu_queue_get() - take a reference
 * @queue: queue
 *
 * Return: @queue.
 */
struct ogpu_queue *ogpu_queue_get(struct ogpu_queue *queue)
{
	kref_get(&queue->ref);
	return queue;
}

/**
 * ogpu_queue_put() - drop a reference
 * @queue: queue, or NULL
 *
 * Callable from any context. Jobs that were pushed still run; the queue goes after them.
 */
void ogpu_queue_put(struct ogpu_queue *queue)
{
	if (queue)
		kref_put(&queue->ref, ogpu_queue_release);
}

/**
 * ogpu_queue_create() - make a queue
 * @odev: the card; running
 * @params: what kind of queue
 *
 * Sleeps, asks firmware.
 *
 * Return: the queue with one reference, or an ERR_PTR(): -ENOSPC if the card has none left,
 * -ENOMEM, -ENODEV.
 */
struct ogpu_queue *ogpu_queue_create(struct ogpu_device *odev,
				     const struct ogpu_queue_params *params)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	struct ogpu_queue *queue;
	int ret;

	queue = kzalloc_obj(*queue, GFP_KERNEL);
	if (!queue)
		return ERR_PTR(-ENOMEM);

	kref_init(&queue->ref);
	drm_dev_get(&odev->drm);
	queue->odev = odev;
	if (params->vm)
		queue->vm = ogpu_vm_get(params->vm);
	if (params->owner) {
		kref_get(&params->owner->ref);
		queue->owner = params->owner;
	}
	queue->id = params->id;
	queue->name = params->name;
	queue->engine = params->engine;
	queue->priority = params->priority;
	queue->timeout_ms = params->timeout_ms;
	queue->save_va = params->save_va;
	queue->save_bytes = params->save_bytes;
	INIT_WORK(&queue->release, ogpu_queue_release_work);
	INIT_DELAYED_WORK(&queue->watch, ogpu_queue_watch_work);
	INIT_LIST_HEAD(&queue->zombie);
	mutex_init(&queue->submit_lock);
	ogpu_lockdep_class(&queue->submit_lock, OGPU_LOCK_SUBMIT);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);

	queue->sched = ogpu_sched_create(odev, &ogpu_queue_sched_ops, params->name,
					 ogpu_ring_credits(params->ring_size));
	if (IS_ERR(queue->sched)) {
		ret = PTR_ERR(queue->sched);
		queue->sched = NULL;
		goto err_free;
	}

	ret = ogpu_queue_alloc_mem(queue, params->ring_size);
	if (ret)
		goto err_free;

	ret = xa_alloc(&mgr->queues, &queue->number, queue, XA_LIMIT(0, odev->disc.doorbells - 1),
		       GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_free;
	}

	ret = ogpu_queue_create_on_card(queue);
	if (ret) {
		ogpu_queue_put(queue);
		return ERR_PTR(ret);
	}

	return queue;

err_free:
	ogpu_queue_free(queue);
	return ERR_PTR(ret);
}

/**
 * ogpu_queue_is_dead() - ask whether a queue executes nothing more
 * @queue: queue
 *
 * Return: true if it does not.
 */
bool ogpu_queue_is_dead(struct ogpu_queue *queue)
{
	return READ_ONCE(queue->dead);
}

/*
 * Nothing reaches the ring after this. Who calls it makes sure that the queue ends. Returns false
 * if it was dead before.
 */
static bool ogpu_queue_set_dead(struct ogpu_queue *queue, const struct ogpu_queue_failure *error)
{
	lockdep_assert_held(&queue->lock);

	if (queue->dead)
		return false;
	queue->error = *error;
	WRITE_ONCE(queue->dead, true);

	return true;
}

/**
 * ogpu_queue_kill() - end a queue and what runs on it
 * @queue: queue
 * @code: &enum drm_ogpu_queue_error to tell who asks
 * @error: for the fence of the job that runs; those after it get -ECANCELED
 *
 * Asks firmware if there is something to stop: sleeps for a bounded time, allocates nothing. When
 * it returns all fences have signalled, or a reset of the card is under way that will signal them.
 * The latter is always so for a queue of the kernel.
 */
void ogpu_queue_kill(struct ogpu_queue *queue, u32 code, int error)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	const struct ogpu_queue_failure why = {
		.code = code,
	};
	bool idle;
	int ret;

	spin_lock_irq(&queue->lock);
	ogpu_queue_set_dead(queue, &why);
	ogpu_queue_signal_done(queue);
	idle = list_empty(&queue->pending);
	if (idle && !ogpu_queue_is_kernel(queue))
		queue->ended = true;
	spin_unlock_irq(&queue->lock);
	if (ogpu_queue_is_kernel(queue)) {
		ogpu_report(queue->odev, OGPU_TROUBLE_COPY_STOPPED);
		return;
	}
	if (idle)
		return;

	mutex_lock(&mgr->lock);
	ret = ogpu_queue_request(queue, OGPU_MSG_QUEUE_STOP);
	mutex_unlock(&mgr->lock);

	if (!ret) {
		spin_lock_irq(&queue->lock);
		ogpu_queue_fail_pending(queue, error, -ECANCELED);
		spin_unlock_irq(&queue->lock);
	} else if (ret != -ENODEV) {
		ogpu_report(queue->odev, OGPU_TROUBLE_QUEUE_STOP);
	}
}

/*
 * All queues of a card
 */

/* The queue of this number, with a reference, or NULL. */
static struct ogpu_queue *ogpu_queue_get_number(struct ogpu_queue_mgr *mgr, unsigned long number)
{
	struct ogpu_queue *queue;

	xa_lock(&mgr->queues);
	queue = xa_load(&mgr->queues, number);
	if (queue && !kref_get_unless_zero(&queue->ref))
		queue = NULL;
	xa_unlock(&mgr->queues);

	return queue;
}

/* The next queue from *number on, with a reference; NULL if there is none. */
static struct ogpu_queue *ogpu_queue_find(struct ogpu_queue_mgr *mgr, unsigned long *number)
{
	struct ogpu_queue *queue;

	xa_lock(&mgr->queues);
	queue = xa_find(&mgr->queues, number, ULONG_MAX, XA_PRESENT);
	while (queue && !kref_get_unless_zero(&queue->ref))
		queue = xa_find_after(&mgr->queues, number, ULONG_MAX, XA_PRESENT);
	xa_unlock(&mgr->queues);

	return queue;
}

/*
 * Hardware has forgotten all queues or is off: lets go of numbers, of zombies, and of memory for
 * DMA, which has to be gone before the device is. A queue that is in the table is not freed while
 * the lock is held.
 */
static void ogpu_queues_forget(struct ogpu_queue_mgr *mgr)
{
	struct ogpu_queue *queue, *next;
	unsigned long number;
	LIST_HEAD(zombies);

	mutex_lock(&mgr->lock);
	xa_for_each(&mgr->queues, number, queue) {
		queue->on_card = false;
		ogpu_queue_free_mem(queue);
		xa_cmpxchg(&mgr->queues, number, queue, NULL, 0);
	}
	list_splice_init(&mgr->zombies, &zombies);
	mutex_unlock(&mgr->lock);

	list_for_each_entry_safe(queue, next, &zombies, zombie)
		ogpu_queue_free(queue);
}

/* Signal all fences of jobs that are done. */
static void ogpu_queues_poll(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned long number;

	for (number = 0; (queue = ogpu_queue_find(odev->queues, &number)); number++) {
		ogpu_queue_poll(queue);
		ogpu_queue_put(queue);
	}
}

/*
 * What hardware and firmware tell
 */

/* An OGPU_EVENT_FENCE has come. Of a queue that does not exist it is ignored. */
static void ogpu_queue_handle_fence(struct ogpu_device *odev, const struct ogpu_event *ev)
{
	struct ogpu_queue *queue = ogpu_queue_get_number(odev->queues, le32_to_cpu(ev->queue));

	if (!queue)
		return;

	ogpu_queue_poll(queue);
	ogpu_queue_put(queue);
}

/* Events were lost, nobody knows of which queues. */
static void ogpu_queue_handle_lost(struct ogpu_device *odev, const struct ogpu_event *ev)
{
	ogpu_queues_poll(odev);
}

/* Firmware has stopped a queue. */
static void ogpu_queue_handle_error(struct ogpu_device *odev, const void *body)
{
	const struct ogpu_msg_queue_error *msg = body;
	const struct ogpu_queue_failure why = ogpu_queue_failure_from(msg);
	struct ogpu_queue *queue;
	bool cookie, first;

	cookie = dma_fence_begin_signalling();
	queue = ogpu_queue_get_number(odev->queues, le32_to_cpu(msg->queue));
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
	spin_unlock_irq(&queue->lock);

	if (first)
		drm_dbg(&odev->drm, "%s queue %u stopped: error %u va %#llx pc %#llx detail %#x\n",
			queue->name, queue->number, why.code, why.fault_va, why.pc, why.detail);

	/* A queue that is being killed ends by ogpu_queue_kill(), which hears whether it obeyed. */
	if (ogpu_queue_is_kernel(queue)) {
		ogpu_report(odev, OGPU_TROUBLE_COPY_FAILED);
	} else if (why.code == DRM_OGPU_QUEUE_ERR_ENGINE) {
		/* It may still execute: fences signal when the reset has stopped it. */
		ogpu_report(odev, OGPU_TROUBLE_ENGINE);
	} else if (first) {
		/* Who is woken by a fence finds the error recorded. */
		spin_lock_irq(&queue->lock);
		ogpu_queue_fail_pending(queue, -EIO, -ECANCELED);
		spin_unlock_irq(&queue->lock);
	}
	ogpu_queue_put(queue);
out:
	dma_fence_end_signalling(cookie);
}

/*
 * Start and stop
 */

/* Unbind: hardware is off. */
static void ogpu_queues_unbind(void *arg)
{
	ogpu_queues_forget(arg);
	/* Queues that were on their way out when we looked. */
	flush_workqueue(ogpu_sched_wq());
}

static void ogpu_queues_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_queue_mgr *mgr = arg;

	mutex_destroy(&mgr->lock);
	xa_destroy(&mgr->queues);
}

/**
 * ogpu_queues_init() - set up the software state of all queues
 * @odev: the card, in probe; with mailbox and event ring
 *
 * Undone by drmm_ and devm_ actions. When the latter run, the card must have stopped all DMA.
 *
 * Return: 0 or a negative errno.
 */
int ogpu_queues_init(struct ogpu_device *odev)
{
	struct ogpu_queue_mgr *mgr;
	int ret;

	mgr = drmm_kzalloc(&odev->drm, sizeof(*mgr), GFP_KERNEL);
	if (!mgr)
		return -ENOMEM;

	mgr->odev = odev;
	mgr->stopped = true;
	INIT_LIST_HEAD(&mgr->zombies);
	mgr->timeout_wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-timeout-%s",
						       WQ_MEM_RECLAIM, pci_name(odev->pdev));
	if (IS_ERR(mgr->timeout_wq))
		return PTR_ERR(mgr->timeout_wq);
	xa_init_flags(&mgr->queues, XA_FLAGS_ALLOC);
	mutex_init(&mgr->lock);
	ogpu_lockdep_class(&mgr->lock, OGPU_LOCK_QUEUES);
	odev->queues = mgr;
	ogpu_event_set_handler(odev, OGPU_EVENT_KIND_FENCE, ogpu_queue_handle_fence);
	ogpu_event_set_handler(odev, OGPU_EVENT_KIND_LOST, ogpu_queue_handle_lost);
	ogpu_mbox_set_handler(odev, OGPU_MBOX_QUEUE_ERROR, ogpu_queue_handle_error);

	ret = drmm_add_action_or_reset(&odev->drm, ogpu_queues_fini, mgr);
	if (ret)
		return ret;

	return devm_add_action_or_reset(odev->drm.dev, ogpu_queues_unbind, mgr);
}

/**
 * ogpu_queues_start() - firmware has started and knows no queues
 * @odev: the card
 *
 * Queues from before a reset stay dead, but their numbers become free.
 */
void ogpu_queues_start(struct ogpu_device *odev)
{
	struct ogpu_queue_mgr *mgr = odev->queues;

	ogpu_queues_forget(mgr);

	mutex_lock(&mgr->lock);
	mgr->stopped = false;
	mutex_unlock(&mgr->lock);
}

/**
 * ogpu_queues_stop() - end all queues because the card is about to be reset or removed
 * @odev: the card; executes nothing more
 * @fence_error: for the fences of jobs that are not done
 *
 * When it returns all fences of jobs on rings have signalled. Jobs that wait for something else
 * will fail when it is their turn.
 */
void ogpu_queues_stop(struct ogpu_device *odev, int fence_error)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	const struct ogpu_queue_failure why = {
		.code = DRM_OGPU_QUEUE_ERR_ENGINE,
	};
	struct ogpu_queue *queue;
	unsigned long number;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&mgr->lock);
	mgr->stopped = true;
	mutex_unlock(&mgr->lock);

	for (number = 0; (queue = ogpu_queue_find(mgr, &number)); number++) {
		spin_lock_irq(&queue->lock);
		ogpu_queue_set_dead(queue, &why);
		ogpu_queue_fail_pending(queue, fence_error, fence_error);
		spin_unlock_irq(&queue->lock);
		ogpu_queue_put(queue);
	}
	dma_fence_end_signalling(cookie);
}

/**
 * ogpu_queues_kill() - end all queues of a file
 * @odev: the card
 * @owner: of the queues
 *
 * Also those that were destroyed while their jobs were running. Sleeps for a bounded time.
 */
void ogpu_queues_kill(struct ogpu_device *odev, const struct ogpu_queue_owner *owner)
{
	struct ogpu_queue *queue;
	unsigned long number;

	for (number = 0; (queue = ogpu_queue_find(odev->queues, &number)); number++) {
		if (queue->owner == owner)
			ogpu_queue_kill(queue, DRM_OGPU_QUEUE_ERR_TIMEOUT, -ECANCELED);
		ogpu_queue_put(queue);
	}
}

/**
 * ogpu_queues_account() - have the owner of queues pay for the time that they took
 * @odev: the card
 * @owner: of the queues; its @unit_ns is brought up to date
 *
 * Also for those that were destroyed, whether their jobs are running or have just ended. Asks
 * nobody and does not sleep.
 */
void ogpu_queues_account(struct ogpu_device *odev, const struct ogpu_queue_owner *owner)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	struct ogpu_queue *queue;
	unsigned long number;

	/* Queues that are in the table are not freed, referenced or not. */
	xa_lock(&mgr->queues);
	xa_for_each(&mgr->queues, number, queue) {
		if (queue->owner != owner)
			continue;
		spin_lock_irq(&queue->lock);
		ogpu_queue_update_times(queue);
		spin_unlock_irq(&queue->lock);
	}
	xa_unlock(&mgr->queues);
}

/**
 * ogpu_queues_print_state() - list all queues
 * @odev: the card
 * @p: where to
 */
void ogpu_queues_print_state(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_queue *queue;
	unsigned long number;

	drm_puts(p, "number engine priority asid state error submitted completed rptr wptr name\n");
	for (number = 0; (queue = ogpu_queue_find(odev->queues, &number)); number++) {
		u64 submitted, completed, rptr, wptr;
		const char *state;
		u32 error;

		spin_lock_irq(&queue->lock);
		submitted = queue->submitted;
		completed = queue->completed;
		wptr = queue->ring.wptr;
		rptr = queue->mem ? le64_to_cpu(READ_ONCE(queue->mem->rptr)) : 0;
		error = queue->error.code;
		state = queue->dead ? "dead" : list_empty(&queue->pending) ? "idle" : "busy";
		spin_unlock_irq(&queue->lock);

		drm_printf(p, "%u %s %u %u %s %u %llu %llu %llu %llu %s\n", queue->number,
			   queue->engine == OGPU_ENGINE_COPY ? "copy" : "compute", queue->priority,
			   queue->vm ? queue->vm->asid : 0, state, error, submitted, completed,
			   rptr, wptr, queue->name);
		ogpu_queue_put(queue);
	}
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_test.c"
#endif
