// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Fences of jobs.
 *
 * DOC: Fences
 *
 * Each job has one fence of the driver's own, which is what syncobjs and reservation objects get to
 * see; fences of the kernel's scheduler stay inside ogpu_sched.c. So a waiter is woken straight
 * from the interrupt, and what user space may keep for ever (a sync_file) points to nothing but its
 * own memory: neither to the queue nor to the scheduler. Memory of a fence is charged to who made
 * the job. It comes from kmalloc(): a cache of our own would have to outlive what user space keeps.
 *
 * A fence has no .signaled operation: it is signalled by whoever sees the job's end, and by nobody
 * else.
 *
 * On kernels that do not detach a signalled fence from its driver each fence keeps the module
 * loaded until its last reference is gone.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ogpu_compat.h"
#include "ogpu_fence.h"

struct ogpu_fence {
	/** @base: first, because dma_fence_free() frees its address */
	struct dma_fence base;
	/** @lock: of @base where the kernel does not bring one */
	spinlock_t lock;
};

static_assert(offsetof(struct ogpu_fence, base) == 0);

/**
 * ogpu_fence_get_driver_name() - &dma_fence_ops.get_driver_name
 * @fence: not looked at
 *
 * Return: the name.
 */
const char *ogpu_fence_get_driver_name(struct dma_fence *fence)
{
	return "ogpu";
}

/**
 * ogpu_fence_get_timeline_name() - &dma_fence_ops.get_timeline_name
 * @fence: not looked at
 *
 * Return: the name.
 */
const char *ogpu_fence_get_timeline_name(struct dma_fence *fence)
{
	return "ogpu-job";
}

/**
 * ogpu_fence_release() - &dma_fence_ops.release where fences do not detach
 * @fence: at the start of memory from kmalloc()
 */
void ogpu_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

/* Of fences that are nothing else. */
static const struct dma_fence_ops ogpu_fence_ops = {
	OGPU_FENCE_OPS_64BIT
	.get_driver_name = ogpu_fence_get_driver_name,
	.get_timeline_name = ogpu_fence_get_timeline_name,
	.release = OGPU_FENCE_DETACHES ? NULL : ogpu_fence_release,
};

/* Of those that are part of a &struct ogpu_job. */
const struct dma_fence_ops ogpu_fence_job_ops = {
	OGPU_FENCE_OPS_64BIT
	.get_driver_name = ogpu_fence_get_driver_name,
	.get_timeline_name = ogpu_fence_get_timeline_name,
	.release = OGPU_FENCE_DETACHES ? NULL : ogpu_fence_release,
};

/**
 * ogpu_fence_is_job() - is it the fence of a job?
 * @fence: anybody's
 *
 * Return: true if it is, of any card of this driver; that may be forgotten once it has signalled.
 */
bool ogpu_fence_is_job(const struct dma_fence *fence)
{
	return ogpu_compat_fence_ops(fence) == &ogpu_fence_job_ops;
}

/**
 * ogpu_fence_is_ours() - is it a fence of this driver, whatever it stands for?
 * @fence: anybody's
 *
 * Return: true if it is a job's, a bind's or a move's, of any card; that may be forgotten once it
 * has signalled.
 */
bool ogpu_fence_is_ours(const struct dma_fence *fence)
{
	const struct dma_fence_ops *ops;
	bool ours;

	/* Those of other modules may go when the fence signals. */
	rcu_read_lock();
	ops = ogpu_compat_fence_ops(fence);
	ours = ops && ops->get_driver_name == ogpu_fence_get_driver_name;
	rcu_read_unlock();

	return ours;
}

/**
 * ogpu_fence_alloc() - allocate the memory of a fence
 *
 * It is no fence yet: only ogpu_fence_init() and ogpu_fence_free_unused() may be called.
 *
 * Return: the fence, or NULL.
 */
struct dma_fence *ogpu_fence_alloc(void)
{
	struct ogpu_fence *fence = kmalloc_obj(*fence, GFP_KERNEL_ACCOUNT);

	return fence ? &fence->base : NULL;
}

/**
 * ogpu_fence_setup() - make memory a fence
 * @fence: at the start of memory from kmalloc()
 * @lock: to be used where the kernel does not bring one
 * @ops: with the functions above
 * @context: timeline, from dma_fence_context_alloc()
 * @seqno: its place there
 *
 * Cannot fail. The caller owns the first reference and must see to it that the fence is signalled.
 */
void ogpu_fence_setup(struct dma_fence *fence, spinlock_t *lock, const struct dma_fence_ops *ops,
		      u64 context, u64 seqno)
{
	if (!OGPU_FENCE_DETACHES)
		__module_get(THIS_MODULE);
	dma_fence_init64(fence, ops, ogpu_compat_fence_lock(lock), context, seqno);
}

/**
 * ogpu_fence_init() - make it a fence
 * @fence: from ogpu_fence_alloc()
 * @context: timeline, from dma_fence_context_alloc()
 * @seqno: its place there
 *
 * As ogpu_fence_setup().
 */
void ogpu_fence_init(struct dma_fence *fence, u64 context, u64 seqno)
{
	struct ogpu_fence *ofence = container_of(fence, struct ogpu_fence, base);

	ogpu_fence_setup(fence, &ofence->lock, &ogpu_fence_ops, context, seqno);
}

/**
 * ogpu_fence_free_unused() - free what ogpu_fence_init() was never called for
 * @fence: from ogpu_fence_alloc(), or NULL
 */
void ogpu_fence_free_unused(struct dma_fence *fence)
{
	if (fence)
		kfree(container_of(fence, struct ogpu_fence, base));
}

struct ogpu_fence_waiter {
	struct dma_fence_cb cb;
	struct completion done;
};

static void ogpu_fence_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(&container_of(cb, struct ogpu_fence_waiter, cb)->done);
}

/**
 * ogpu_fence_wait_timeout() - wait for a fence, as long as nobody wants the caller dead
 * @fence: anybody's
 * @timeout: how long at most, in jiffies, not 0; or MAX_SCHEDULE_TIMEOUT
 *
 * Return: what is left of the time, at least 1; 0: it is over; -ERESTARTSYS: the caller is to die.
 */
long ogpu_fence_wait_timeout(struct dma_fence *fence, long timeout)
{
	struct ogpu_fence_waiter waiter;
	long ret;

	init_completion(&waiter.done);
	if (dma_fence_add_callback(fence, &waiter.cb, ogpu_fence_wake))
		return timeout;
	ret = wait_for_completion_killable_timeout(&waiter.done, timeout);
	if (ret <= 0)
		dma_fence_remove_callback(fence, &waiter.cb);

	return ret;
}

/**
 * ogpu_fence_wait_killable() - wait for a fence, as long as nobody wants the caller dead
 * @fence: anybody's
 *
 * For what cannot be begun anew if a signal has a handler. The caller holds no lock: he is frozen
 * here if the machine is to sleep, which may be what the fence waits for.
 *
 * Return: 0, or -ERESTARTSYS: the caller is to die.
 */
int ogpu_fence_wait_killable(struct dma_fence *fence)
{
	struct ogpu_fence_waiter waiter;
	int ret;

	init_completion(&waiter.done);
	if (dma_fence_add_callback(fence, &waiter.cb, ogpu_fence_wake))
		return 0;
	ret = wait_for_completion_state(&waiter.done, TASK_KILLABLE | TASK_FREEZABLE);
	if (ret)
		dma_fence_remove_callback(fence, &waiter.cb);

	return ret;
}

/**
 * ogpu_fence_signal() - tell all that wait that the job is over
 * @fence: the caller holds a reference
 * @error: 0, or the negative errno to leave in the fence
 *
 * Callable from any context. What all fences before it on its timeline stand for is over, too.
 */
void ogpu_fence_signal(struct dma_fence *fence, int error)
{
	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
}
