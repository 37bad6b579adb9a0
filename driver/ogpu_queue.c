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
 * end firmware has not confirmed is an orphan until the card has been reset or is unbound.
 *
 * Errors. A queue dies at once and for good. It is DEAD before anything else happens, so nothing
 * is added to the ring. When hardware is known to have stopped, the fences of its jobs signal:
 * those whose number is in memory without error, the first of the others (the guilty one) with
 * -EIO, or -ETIMEDOUT if it ran too long, all later ones with -ECANCELED. After a reset of the card
 * nobody knows who was guilty: all get the error that the reset gives.
 *
 * A fence says that the memory of all earlier jobs may be reused. So a job that starts when its
 * queue is DEAD fails at once only if the queue has ENDED; until then it waits in the list of
 * pending jobs, and fails after them.
 *
 * A queue of the kernel that dies has the card reset. Its fences guard memory that other programs
 * get to see, such as a buffer that was to be cleared. They signal in the reset, when the card
 * stands still and all files are stale.
 *
 * A job that runs too long (ogpu_queue_timeout.c): QUEUE_STOP tells firmware to kill it, which
 * leaves other queues alone. If firmware does not do so, the card is reset.
 *
 * Locks. The lock of struct ogpu_queue_mgr keeps the card's idea of which queues exist and ours
 * together: requests are sent under it, but their replies are waited for without it, so that queues
 * do not wait for one another. Memory is never allocated under it. It is outside of the mailbox's
 * lock and of @lock, and inside of @submit_lock; what handles events of firmware must not take it.
 * How jobs get to the ring and how they end: ogpu_queue_job.c.
 */
#include <linux/bits.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_lockdep.h"
#include "ogpu_mbox.h"
#include "ogpu_preempt.h"
#include "ogpu_queue.h"
#include "ogpu_queue_mmap.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"
#include "ogpu_trace.h"
#include "ogpu_vm.h"

/* Requests of user space are handed on as they are. */
static_assert((int)DRM_OGPU_ENGINE_COMPUTE == (int)OGPU_ENGINE_COMPUTE);
static_assert((int)DRM_OGPU_ENGINE_COPY == (int)OGPU_ENGINE_COPY);
static_assert((int)DRM_OGPU_PRIORITY_LOW == (int)OGPU_PRIORITY_LOW);
static_assert((int)DRM_OGPU_PRIORITY_NORMAL == (int)OGPU_PRIORITY_NORMAL);
static_assert((int)DRM_OGPU_PRIORITY_HIGH == (int)OGPU_PRIORITY_HIGH);

/*
 * Memory
 */

/* What is shared with a process has its pages alone. */
#define OGPU_QUEUE_MEM_SIZE	PAGE_ALIGN(sizeof(struct ogpu_queue_mem))

static int ogpu_queue_alloc_mem(struct ogpu_queue *queue)
{
	struct device *dev = queue->odev->drm.dev;
	void *ring;

	queue->mem = dma_alloc_coherent(dev, OGPU_QUEUE_MEM_SIZE, &queue->mem_dma,
					GFP_KERNEL_ACCOUNT);
	if (!queue->mem)
		return -ENOMEM;
	if (queue->kind == OGPU_QUEUE_KIND_USER)
		return 0;

	/* After a failure ogpu_queue_free_mem() frees what there is. */
	ring = dma_alloc_coherent(dev, queue->ring_size, &queue->ring_dma,
				  GFP_KERNEL_ACCOUNT);
	if (!ring)
		return -ENOMEM;
	ogpu_ring_init(&queue->ring, ring, queue->ring_size);

	return 0;
}

/**
 * ogpu_queue_free_mem() - free what the queue shares with hardware
 * @queue: queue that hardware does not know any more, or hardware is off
 *
 * May be called again.
 */
void ogpu_queue_free_mem(struct ogpu_queue *queue)
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

	if (mem)
		dma_free_coherent(dev, OGPU_QUEUE_MEM_SIZE, mem, queue->mem_dma);
	if (ring)
		dma_free_coherent(dev, queue->ring_size, ring, queue->ring_dma);
}

/*
 * Requests to firmware
 */

/**
 * ogpu_queue_send() - have firmware do something with a queue
 * @queue: the queue
 * @request: the caller's memory, in use until ogpu_mbox_finish() returns if @sent says so
 * @type: what to do
 *
 * Nothing is sent if firmware does not know the queue any more. Waits for no reply.
 */
void ogpu_queue_send(struct ogpu_queue *queue, struct ogpu_queue_request *request,
		     enum ogpu_msg_type type)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	struct ogpu_msg_queue body = {
		.queue = cpu_to_le32(queue->number),
	};

	mutex_lock(&mgr->lock);
	request->generation = READ_ONCE(queue->odev->generation);
	/* The number may belong to another queue by now. */
	request->sent = queue->on_card;
	if (request->sent)
		ogpu_mbox_send(queue->odev, &request->call, type, &body, sizeof(body));
	mutex_unlock(&mgr->lock);
}

/* What firmware's answer means for who wants a queue. */
static int ogpu_queue_create_errno(int err)
{
	return !err || err == -ENOSPC ? err : -ENODEV;
}

/* @flags: OGPU_QUEUE_RESTORE: go on where it stood; or 0 */
static int ogpu_queue_create_on_card(struct ogpu_queue *queue, u32 flags)
{
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	struct ogpu_msg_queue_create body = {
		.queue = cpu_to_le32(queue->number),
		.asid = cpu_to_le16(queue->vm ? queue->vm->asid : 0),
		.engine = queue->engine,
		.priority = queue->priority,
		.flags = cpu_to_le32(OGPU_QUEUE_PRIVILEGED),
		.ring_size = cpu_to_le32(queue->ring_size),
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
	struct ogpu_mbox_call call;
	u32 generation;
	int ret;

	/* Each has one, of which others may become members. */
	if (!ogpu_queue_is_kernel(queue))
		body.gang = cpu_to_le32((queue->gang ?: queue)->number + 1);
	if (queue->save_bytes)
		body.save = cpu_to_le64(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, queue->save_va));
	if (queue->kind == OGPU_QUEUE_KIND_USER)
		ogpu_queue_user_describe(queue, &body);
	body.flags |= cpu_to_le32(flags);

	mutex_lock(&mgr->lock);
	generation = READ_ONCE(queue->odev->generation);
	/* Who has slept until here may have done so throughout a reset. */
	queue->on_card = !mgr->stopped && xa_load(&mgr->queues, queue->number) == queue &&
			 !(queue->vm && ogpu_vm_is_stale(queue->vm));
	if (!queue->on_card) {
		mutex_unlock(&mgr->lock);
		return -ENODEV;
	}
	ogpu_mbox_send(queue->odev, &call, OGPU_MSG_QUEUE_CREATE, &body, sizeof(body));
	mutex_unlock(&mgr->lock);

	ret = ogpu_mbox_finish(queue->odev, &call, NULL, 0);
	/* Unless refused it may exist; then only a reset makes sure that it does not. */
	if (ret == -ENOSPC || ret == -EINVAL || ret == -EEXIST) {
		mutex_lock(&mgr->lock);
		queue->on_card = false;
		mutex_unlock(&mgr->lock);
	}

	/* The mailbox sees to firmware that does not answer. */
	if (ret && ret != -ENOSPC && ret != -ENODEV && ret != -ETIMEDOUT) {
		drm_err(&queue->odev->drm, "firmware refuses to make a queue: %pe\n", ERR_PTR(ret));
		ogpu_report_since(queue->odev, generation, OGPU_TROUBLE_QUEUE_CREATE);
	}

	return ogpu_queue_create_errno(ret);
}

/**
 * ogpu_queue_restore() - a queue that firmware does not know any more goes on where it stood
 * @queue: the queue, whose control page tells that
 *
 * Sleeps, asks firmware.
 *
 * Return: 0 or an errno.
 */
int ogpu_queue_restore(struct ogpu_queue *queue)
{
	return ogpu_queue_create_on_card(queue, OGPU_QUEUE_RESTORE);
}

/* It may execute as soon as it exists: its memory must be there, and held. */
static int ogpu_queue_create_user(struct ogpu_queue *queue)
{
	struct ogpu_preempt *preempt = queue->vm->preempt;
	int ret;

	ret = ogpu_preempt_begin_add(preempt);
	if (ret)
		return ret;
	ret = ogpu_queue_create_on_card(queue, 0);
	/* After some errors nobody knows. */
	ogpu_preempt_end_add(preempt, READ_ONCE(queue->on_card) ? &queue->client : NULL);

	return ret;
}

/*
 * Life of a queue
 */

static void ogpu_queue_file_release(struct kref *ref)
{
	struct ogpu_queue_file *file = container_of(ref, struct ogpu_queue_file, ref);

	ogpu_queue_quota_put(file->quota);
	kfree(file);
}

/**
 * ogpu_queue_file_put() - drop a reference
 * @file: what queues of a file have in common, or NULL
 */
void ogpu_queue_file_put(struct ogpu_queue_file *file)
{
	if (file)
		kref_put(&file->ref, ogpu_queue_file_release);
}

/**
 * ogpu_queue_free() - the end of a queue
 * @queue: queue without references, which neither firmware nor hardware knows
 */
void ogpu_queue_free(struct ogpu_queue *queue)
{
	struct ogpu_device *odev = queue->odev;
	bool kernel = ogpu_queue_is_kernel(queue);

	if (queue->kind == OGPU_QUEUE_KIND_USER)
		ogpu_preempt_remove(queue->vm->preempt, &queue->client);
	ogpu_queue_free_mem(queue);
	ogpu_sched_put(queue->sched);
	ogpu_vm_put(queue->vm);
	ogpu_queue_file_put(queue->file);
	ogpu_queue_put(queue->gang);
	mutex_destroy(&queue->submit_lock);
	kfree_rcu(queue, rcu);
	drm_dev_put(&odev->drm);
	if (!kernel)
		module_put(THIS_MODULE);
}

static void ogpu_queue_release_work(struct work_struct *work)
{
	struct ogpu_queue *queue = container_of(work, struct ogpu_queue, release);
	struct ogpu_queue_mgr *mgr = queue->odev->queues;
	struct ogpu_queue_request destroy;
	bool gone;
	int ret;

	/* There are no jobs any more for which it would come again. */
	cancel_delayed_work_sync(&queue->timeout);
	/* Without a reference nobody puts its pages back. */
	ogpu_queue_unmap(queue);

	ogpu_queue_send(queue, &destroy, OGPU_MSG_QUEUE_DESTROY);
	ret = destroy.sent ? ogpu_mbox_finish(queue->odev, &destroy.call, NULL, 0) : -ENODEV;
	mutex_lock(&mgr->lock);
	if (!ret || ret == -ENOENT)
		queue->on_card = false;
	gone = !queue->on_card;
	/* While it can be found, so that its time is not missed by who adds up meanwhile. */
	spin_lock_irq(&queue->lock);
	ogpu_queue_update_times(queue);
	spin_unlock_irq(&queue->lock);
	if (!gone) {
		ogpu_queue_quota_end_dying(ogpu_queue_quota(queue));
		/* Then it belongs to ogpu_queue_mgr_forget(). */
		list_add_tail(&queue->orphan, &mgr->orphans);
	}
	mutex_unlock(&mgr->lock);

	if (!gone) {
		if (ret != -ENODEV)
			ogpu_report_since(mgr->odev, destroy.generation,
					  OGPU_TROUBLE_QUEUE_DESTROY);
		return;
	}
	/* Who asked firmware for something meanwhile is done with it while the number is ours. */
	if (queue->kind == OGPU_QUEUE_KIND_USER)
		ogpu_preempt_remove(queue->vm->preempt, &queue->client);
	/* What firmware told of this queue must not be taken for news of the next one. */
	ogpu_mbox_wait_events(mgr->odev);
	mutex_lock(&mgr->lock);
	ogpu_queue_mgr_drop(mgr, queue);
	mutex_unlock(&mgr->lock);
	ogpu_queue_quota_end_dying(ogpu_queue_quota(queue));
	ogpu_queue_free(queue);
}

static void ogpu_queue_release(struct kref *ref)
{
	struct ogpu_queue *queue = container_of(ref, struct ogpu_queue, ref);

	ogpu_queue_quota_begin_dying(ogpu_queue_quota(queue));
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
 * Callable from any context. Jobs that were submitted still run; the queue goes after them.
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
 * -EDQUOT if what is left is for other users, -ENOMEM, -ENODEV; for OGPU_QUEUE_KIND_USER also what
 * ogpu_preempt_begin_add() gives.
 */
struct ogpu_queue *ogpu_queue_create(struct ogpu_device *odev,
				     const struct ogpu_queue_params *params)
{
	struct ogpu_queue_mgr *mgr = odev->queues;
	struct ogpu_queue *queue;
	int ret;

	queue = kzalloc_obj(*queue, GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);

	kref_init(&queue->ref);
	drm_dev_get(&odev->drm);
	queue->odev = odev;
	if (params->vm) {
		queue->vm = ogpu_vm_get(params->vm);
		/* Its jobs run on when the file is closed. The kernel's queue goes at unbind. */
		__module_get(THIS_MODULE);
	}
	if (params->gang)
		queue->gang = ogpu_queue_get(params->gang->gang ?: params->gang);
	if (params->file) {
		kref_get(&params->file->ref);
		queue->file = params->file;
	}
	queue->id = params->id;
	queue->client_id = params->client_id;
	queue->context = dma_fence_context_alloc(1);
	queue->name = params->name;
	get_task_comm(queue->comm, current);
	queue->pid = task_tgid_nr(current);
	queue->kind = params->kind;
	queue->user = params->user;
	queue->ring_size = params->ring_size;
	queue->serial = atomic64_inc_return(&mgr->serial);
	INIT_LIST_HEAD(&queue->client);
	INIT_LIST_HEAD(&queue->at_fault.link);
	queue->engine = params->engine;
	queue->priority = params->priority;
	queue->timeout_ms = params->timeout_ms;
	queue->save_va = params->save_va;
	queue->save_bytes = params->save_bytes;
	INIT_WORK(&queue->release, ogpu_queue_release_work);
	INIT_DELAYED_WORK(&queue->timeout, ogpu_queue_timeout_work);
	INIT_LIST_HEAD(&queue->orphan);
	mutex_init(&queue->submit_lock);
	ogpu_lockdep_class(&queue->submit_lock, OGPU_LOCK_SUBMIT);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->waiters);

	ret = ogpu_queue_alloc_mem(queue);
	if (ret)
		goto err_free;

	ret = ogpu_queue_quota_charge(&mgr->quotas, ogpu_queue_quota(queue));
	if (ret)
		goto err_free;
	ret = xa_alloc(&mgr->queues, &queue->number, NULL, XA_LIMIT(0, odev->disc.doorbells - 1),
		       GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_uncharge;
	}

	/* Nobody else writes it: the number was given back when hardware had forgotten it. */
	queue->slot_base = le64_to_cpu(mgr->slots[queue->number]);
	ogpu_signal_begin(odev, queue->number, ogpu_queue_quota_signals(ogpu_queue_quota(queue)));
	/* Needs no memory: the place was reserved. */
	xa_store(&mgr->queues, queue->number, queue, GFP_KERNEL);

	if (queue->kind == OGPU_QUEUE_KIND_USER)
		ret = ogpu_queue_create_user(queue);
	else
		ret = ogpu_queue_create_on_card(queue, 0);
	if (ret) {
		ogpu_queue_put(queue);
		return ERR_PTR(ret);
	}

	return queue;

err_uncharge:
	ogpu_queue_quota_uncharge(&mgr->quotas, ogpu_queue_quota(queue));
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
	return READ_ONCE(queue->state) != OGPU_QUEUE_ALIVE;
}

/* Allowed changes of state. */
static const u8 ogpu_queue_changes[OGPU_QUEUE_STATES] = {
	[OGPU_QUEUE_ALIVE] = BIT(OGPU_QUEUE_DEAD),
	[OGPU_QUEUE_DEAD] = BIT(OGPU_QUEUE_ENDED),
	[OGPU_QUEUE_ENDED] = 0,
};

static bool ogpu_queue_may_become(const struct ogpu_queue *queue, enum ogpu_queue_state state)
{
	return ogpu_queue_changes[queue->state] & BIT(state);
}

/**
 * ogpu_queue_set_dead() - nothing reaches the ring any more
 * @queue: the queue, locked
 * @error: why
 *
 * The caller makes sure that the queue ends.
 *
 * Return: false if it was dead before.
 */
bool ogpu_queue_set_dead(struct ogpu_queue *queue, const struct ogpu_queue_failure *error)
{
	lockdep_assert_held(&queue->lock);

	if (!ogpu_queue_may_become(queue, OGPU_QUEUE_DEAD))
		return false;
	trace_ogpu_queue_error(queue->odev, queue->number, error->code);
	/* Record the error before the state that says that there is one. */
	queue->error = *error;
	WRITE_ONCE(queue->state, OGPU_QUEUE_DEAD);

	return true;
}

/**
 * ogpu_queue_set_ended() - hardware has stopped a queue that is dead
 * @queue: the queue, locked
 *
 * Return: false if it had ended before; then its number may be another queue's.
 */
bool ogpu_queue_set_ended(struct ogpu_queue *queue)
{
	lockdep_assert_held(&queue->lock);

	if (!ogpu_queue_may_become(queue, OGPU_QUEUE_ENDED))
		return false;
	WRITE_ONCE(queue->state, OGPU_QUEUE_ENDED);
	ogpu_queue_wake(queue);

	return true;
}

/**
 * ogpu_queue_begin_kill() - first half of ogpu_queue_kill()
 * @queue: queue
 * @stop: the caller's memory, in use until ogpu_queue_finish_kill() returns
 * @code: &enum drm_ogpu_queue_error to tell who asks
 *
 * Nothing more is added to the ring, and firmware is asked if there is something to stop. Waits for
 * no reply, allocates nothing.
 */
void ogpu_queue_begin_kill(struct ogpu_queue *queue, struct ogpu_queue_request *stop, u32 code)
{
	const struct ogpu_queue_failure why = {
		.code = code,
	};
	struct ogpu_queue_done done = OGPU_QUEUE_DONE(done);
	bool idle, ended;

	stop->sent = false;
	ended = !ogpu_queue_is_kernel(queue) && READ_ONCE(queue->state) == OGPU_QUEUE_ENDED;
	/* Also what another thread has left, which ended it. */
	ogpu_queue_poll(queue);
	/* Hardware has stopped it before: there is nothing to ask. */
	if (ended)
		return;

	ogpu_queue_done_begin();
	spin_lock_irq(&queue->lock);
	ogpu_queue_set_dead(queue, &why);
	ogpu_queue_take_done(queue, &done);
	/* Of a user's ring nobody knows. */
	idle = list_empty(&queue->pending) && queue->kind != OGPU_QUEUE_KIND_USER;
	if (idle && !ogpu_queue_is_kernel(queue) && ogpu_queue_set_ended(queue))
		ogpu_queue_free_waiters(queue);
	spin_unlock_irq(&queue->lock);
	ogpu_queue_end_jobs(queue, &done);
	ogpu_queue_done_end();

	if (ogpu_queue_is_kernel(queue))
		ogpu_report(queue->odev, OGPU_TROUBLE_COPY_STOPPED);
	else if (idle)
		ogpu_queue_tell_error(queue);
	else
		ogpu_queue_send(queue, stop, OGPU_MSG_QUEUE_STOP);
}

/**
 * ogpu_queue_finish_kill() - second half of ogpu_queue_kill()
 * @queue: queue
 * @stop: from ogpu_queue_begin_kill()
 * @error: as for ogpu_queue_kill()
 */
void ogpu_queue_finish_kill(struct ogpu_queue *queue, struct ogpu_queue_request *stop, int error)
{
	unsigned long began = jiffies;
	int ret;

	if (!stop->sent)
		return;

	ret = ogpu_mbox_finish(queue->odev, &stop->call, NULL, 0);
	if (ret != -ENODEV)
		ogpu_report_step(queue->odev, OGPU_STEP_QUEUE,
				 OGPU_EVENT_NR_QUEUE + READ_ONCE(queue->error.code),
				 !ret || ret == -ENOENT, jiffies_to_msecs(jiffies - began));
	/* Of a queue that is being destroyed firmware has stopped everything, too. */
	if (!ret || ret == -ENOENT) {
		spin_lock_irq(&queue->lock);
		/* While the jobs are there: who killed it first may be answered last. */
		if (queue->state == OGPU_QUEUE_DEAD)
			ogpu_queue_locate_error(queue);
		spin_unlock_irq(&queue->lock);
		ogpu_queue_stopped(queue, error, -ECANCELED);
		ogpu_queue_tell_error(queue);
	} else if (ret != -ENODEV) {
		ogpu_report_since(queue->odev, stop->generation, OGPU_TROUBLE_QUEUE_STOP);
	}
}

/**
 * ogpu_queue_kill() - end a queue and what runs on it
 * @queue: queue
 * @code: &enum drm_ogpu_queue_error to tell who asks
 * @error: for the fence of the job to blame, if there is one; the others get -ECANCELED
 *
 * Asks firmware if there is something to stop: sleeps for a bounded time, allocates nothing. When
 * it returns all fences have signalled, or a reset of the card is under way that will signal them.
 * The latter is always so for a queue of the kernel.
 */
void ogpu_queue_kill(struct ogpu_queue *queue, u32 code, int error)
{
	struct ogpu_queue_request stop;

	ogpu_queue_begin_kill(queue, &stop, code);
	ogpu_queue_finish_kill(queue, &stop, error);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_test.c"
#endif
