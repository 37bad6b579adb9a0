// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces of the long-running kind: what executes in them is suspended when memory has to
 * move, and goes on afterwards.
 *
 * DOC: Preempt fences
 *
 * Nobody knows when work of a user-mode queue ends, so no fence may depend on its end. Instead the
 * buffers of its address space carry a preempt fence, which signals when somebody waits for it:
 * then the queues are suspended, wherever they are in their work. So a move of a buffer waits for
 * at most as long as hardware takes to let go of the queues, plus a moment that a queue that was
 * just resumed may run, without which two address spaces could take each other's memory without
 * end.
 *
 *	SUSPENDED --resume worker: buffers in place, fence in their dma_resv--> RESUMING
 *	RESUMING --page tables are right, clients resumed--> RUNNING
 *	RUNNING, RESUMING --somebody waits: clients suspended, fence signals--> SUSPENDED
 *
 * There is a fence in RESUMING and RUNNING. A client is added in RUNNING only, so that it never
 * executes without one.
 *
 * The suspend worker signals a fence: it takes @lock, asks firmware, and allocates nothing. If
 * firmware does not obey, the card is reset, and the fence signals when the card stands still
 * (ogpu_preempts_stop()); after that no address space of that time gets another one. The resume
 * worker is on nobody's way: it takes dma_resv, allocates, and waits for page tables without a
 * lock. If there is no room for the buffers it tries again, each time a little later, and after
 * some time it gives up: it would evict the buffers of others each time, for nothing.
 *
 * A buffer that is unmapped from its last address loses the fence: what it has to wait for instead
 * is the bind job that unmaps it (ogpu_preempt_forget_bo()).
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <drm/drm_gpuvm.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_lockdep.h"
#include "ogpu_preempt.h"
#include "ogpu_report.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

/* Who was resumed runs for so long before it is suspended again. */
#define OGPU_PREEMPT_MIN_RUN_MS		10
/* Buffers that do not fit: the time between attempts doubles from the first to the second. */
#define OGPU_PREEMPT_RETRY_MIN_MS	10
#define OGPU_PREEMPT_RETRY_MAX_MS	1000
/* So long after the first failure it is given up. */
#define OGPU_PREEMPT_GIVE_UP_MS		10000

/**
 * struct ogpu_preempt_fence - what holds the buffers of an address space
 */
struct ogpu_preempt_fence {
	/** @base: first, because dma_fence_free() frees its address */
	struct dma_fence base;
	/** @lock: of @base where the kernel does not bring one */
	spinlock_t lock;
	/** @preempt: lives at least until the fence has signalled */
	struct ogpu_preempt *preempt;
};

static_assert(offsetof(struct ogpu_preempt_fence, base) == 0);

/*
 * Fences
 */

static const char *ogpu_preempt_fence_timeline_name(struct dma_fence *fence)
{
	return "ogpu-preempt";
}

/* Somebody waits for the memory. */
static bool ogpu_preempt_fence_enable(struct dma_fence *fence)
{
	struct ogpu_preempt_fence *pfence = container_of(fence, struct ogpu_preempt_fence, base);
	struct ogpu_preempt *preempt = pfence->preempt;

	queue_work(preempt->vm->odev->mem->preempts.suspend_wq, &preempt->suspend);

	return true;
}

static const struct dma_fence_ops ogpu_preempt_fence_ops = {
	OGPU_FENCE_OPS_64BIT
	.get_driver_name = ogpu_fence_get_driver_name,
	.get_timeline_name = ogpu_preempt_fence_timeline_name,
	.enable_signaling = ogpu_preempt_fence_enable,
	.release = OGPU_FENCE_DETACHES ? NULL : ogpu_fence_release,
};

/**
 * ogpu_preempt_is_fence() - does a fence hold what executes in an address space?
 * @fence: anybody's
 *
 * Return: true if so, of any card of this driver, and it has not signalled.
 */
bool ogpu_preempt_is_fence(const struct dma_fence *fence)
{
	return ogpu_compat_fence_ops(fence) == &ogpu_preempt_fence_ops;
}

/**
 * ogpu_preempt_suspend_users() - what executes is to look anew where a buffer is
 * @resv: of the buffer, which has moved or is lost; locked
 *
 * In address spaces of all cards. Not waited for: it is as if somebody did.
 */
void ogpu_preempt_suspend_users(struct dma_resv *resv)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (ogpu_preempt_is_fence(fence))
			dma_fence_enable_signaling(fence);
	}
}

static void ogpu_preempt_fence_init(struct ogpu_preempt_fence *pfence, struct ogpu_preempt *preempt)
{
	if (!OGPU_FENCE_DETACHES)
		__module_get(THIS_MODULE);
	pfence->preempt = preempt;
	dma_fence_init64(&pfence->base, &ogpu_preempt_fence_ops,
			 ogpu_compat_fence_lock(&pfence->lock), preempt->context,
			 ++preempt->seqno);
}

/*
 * Under the dma_resv of all buffers. Without effect, and false, if the card was stopped since the
 * address space was made: then it has none any more that could be resumed.
 */
static bool ogpu_preempt_arm(struct ogpu_preempt *preempt, struct dma_fence *fence)
{
	struct ogpu_mem *mem = preempt->vm->odev->mem;
	bool armed;

	spin_lock_irq(&mem->preempts.lock);
	armed = READ_ONCE(mem->binds.stops) == preempt->vm->stops;
	if (armed) {
		preempt->fence = dma_fence_get(fence);
		list_add_tail(&preempt->armed, &mem->preempts.armed);
	}
	spin_unlock_irq(&mem->preempts.lock);

	return armed;
}

/* Nothing executes in the address space any more. Callable where fences are signalled. */
static void ogpu_preempt_disarm(struct ogpu_preempt *preempt)
{
	struct ogpu_mem_preempts *preempts = &preempt->vm->odev->mem->preempts;
	struct dma_fence *fence;

	spin_lock_irq(&preempts->lock);
	fence = preempt->fence;
	preempt->fence = NULL;
	list_del_init(&preempt->armed);
	spin_unlock_irq(&preempts->lock);

	if (!fence)
		return;
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/**
 * ogpu_preempts_stop() - signal all preempt fences
 * @odev: card that stands still and forgets all address spaces before it is started again; bind
 *	jobs were stopped
 *
 * Callable where fences are signalled.
 */
void ogpu_preempts_stop(struct ogpu_device *odev)
{
	struct ogpu_mem_preempts *preempts = &odev->mem->preempts;
	struct ogpu_preempt *preempt;
	struct dma_fence *fence;

	spin_lock_irq(&preempts->lock);
	while ((preempt = list_first_entry_or_null(&preempts->armed, struct ogpu_preempt, armed))) {
		fence = preempt->fence;
		preempt->fence = NULL;
		list_del_init(&preempt->armed);
		spin_unlock_irq(&preempts->lock);

		dma_fence_signal(fence);
		dma_fence_put(fence);

		spin_lock_irq(&preempts->lock);
	}
	spin_unlock_irq(&preempts->lock);
}

/*
 * Changes of state
 */

static const u8 ogpu_preempt_changes[OGPU_PREEMPT_STATES] = {
	[OGPU_PREEMPT_SUSPENDED] = BIT(OGPU_PREEMPT_RESUMING),
	[OGPU_PREEMPT_RESUMING] = BIT(OGPU_PREEMPT_RUNNING) | BIT(OGPU_PREEMPT_SUSPENDED),
	[OGPU_PREEMPT_RUNNING] = BIT(OGPU_PREEMPT_SUSPENDED),
};

static void ogpu_preempt_set_state(struct ogpu_preempt *preempt, enum ogpu_preempt_state state)
{
	lockdep_assert_held(&preempt->lock);

	drm_WARN_ON_ONCE(&preempt->vm->odev->drm,
			 !(ogpu_preempt_changes[preempt->state] & BIT(state)));
	WRITE_ONCE(preempt->state, state);
	wake_up_all(&preempt->wait);
}

static void ogpu_preempt_resume_soon(struct ogpu_preempt *preempt, unsigned int ms)
{
	mod_delayed_work(preempt->vm->odev->mem->preempts.resume_wq, &preempt->resume,
			 msecs_to_jiffies(ms));
}

/* Returns whether the clients are off the card. */
static bool ogpu_preempt_suspend_clients(struct ogpu_preempt *preempt)
{
	struct ogpu_device *odev = preempt->vm->odev;
	u32 generation = READ_ONCE(odev->generation);
	int ret;

	if (preempt->state != OGPU_PREEMPT_RUNNING || list_empty(&preempt->clients))
		return true;

	ret = odev->mem->preempts.ops->suspend(odev, &preempt->clients);
	if (ret && ret != -ENODEV)
		ogpu_report_since(odev, generation, OGPU_TROUBLE_QUEUE_SUSPEND);

	return !ret;
}

static void ogpu_preempt_suspend_work(struct work_struct *work)
{
	struct ogpu_preempt *preempt = container_of(work, struct ogpu_preempt, suspend);
	bool cookie, again = false;
	s64 ran_ms;

	cookie = dma_fence_begin_signalling();
	ran_ms = ktime_ms_delta(ktime_get(), READ_ONCE(preempt->since));
	if (ran_ms < OGPU_PREEMPT_MIN_RUN_MS)
		msleep(OGPU_PREEMPT_MIN_RUN_MS - ran_ms);

	ogpu_device_begin_work(preempt->vm->odev);
	mutex_lock(&preempt->lock);
	/* If not, the card is being stopped, which ends the fence. */
	if (preempt->state != OGPU_PREEMPT_SUSPENDED && ogpu_preempt_suspend_clients(preempt)) {
		ogpu_preempt_set_state(preempt, OGPU_PREEMPT_SUSPENDED);
		ogpu_preempt_disarm(preempt);
		again = !list_empty(&preempt->clients);
	}
	mutex_unlock(&preempt->lock);
	ogpu_device_end_work(preempt->vm->odev);
	dma_fence_end_signalling(cookie);

	if (again)
		ogpu_preempt_resume_soon(preempt, 0);
}

/*
 * Resume
 */

/* Bring all buffers back, and hold them. Returns 0 in RESUMING, or an error in SUSPENDED. */
static int ogpu_preempt_hold_buffers(struct ogpu_preempt *preempt)
{
	struct ogpu_preempt_fence *pfence;
	struct ogpu_vm *vm = preempt->vm;
	struct ogpu_vm_exec exec;
	int ret, idx;

	pfence = kzalloc_obj(*pfence, GFP_KERNEL);
	if (!pfence)
		return -ENOMEM;

	/* Pages that are taken after the driver has left the card would never be given back. */
	if (!ogpu_device_enter(vm->odev, &idx)) {
		kfree(pfence);
		return -ENODEV;
	}
	ret = ogpu_vm_exec_lock(vm, &exec);
	ogpu_device_exit(vm->odev, idx);
	if (ret) {
		kfree(pfence);
		return ret;
	}

	/*
	 * Before the fence can be seen: who waits for it finds that there is nothing to suspend.
	 * Nobody keeps the lock for long while others wait for the buffers: firmware is asked under
	 * it in RUNNING, by this worker, and by the suspend worker, which is done then.
	 */
	mutex_lock(&preempt->lock);
	ogpu_preempt_fence_init(pfence, preempt);
	ret = ogpu_userptrs_lock(vm);
	if (!ret && ogpu_preempt_arm(preempt, &pfence->base)) {
		ogpu_preempt_set_state(preempt, OGPU_PREEMPT_RESUMING);
		ogpu_vm_exec_add_fence(&exec, &pfence->base);
		ogpu_userptrs_unlock(vm);
	} else {
		dma_fence_signal(&pfence->base);
		if (!ret) {
			ogpu_userptrs_unlock(vm);
			ret = -ENODEV;
		}
	}
	mutex_unlock(&preempt->lock);

	ogpu_vm_exec_unlock(&exec);
	dma_fence_put(&pfence->base);

	/* A program has changed its memory meanwhile. */
	return ret == -ESTALE ? -EAGAIN : ret;
}

/* The page tables must say where the buffers are now. Fails only if the card is being stopped. */
static int ogpu_preempt_wait_rebound(struct ogpu_preempt *preempt)
{
	struct ogpu_vm *vm = preempt->vm;
	struct dma_fence *rebound;
	int ret = 0;

	dma_resv_lock(drm_gpuvm_resv(&vm->base), NULL);
	rebound = dma_fence_get(vm->lines[OGPU_BIND_LINE_REBIND].last);
	dma_resv_unlock(drm_gpuvm_resv(&vm->base));

	if (rebound) {
		dma_fence_wait(rebound, false);
		ret = dma_fence_get_status(rebound) < 0 ? -ENODEV : 0;
		dma_fence_put(rebound);
	}

	return ret;
}

/* -EAGAIN: to be called again, nothing is wrong. */
static int ogpu_preempt_try_resume(struct ogpu_preempt *preempt)
{
	struct ogpu_device *odev = preempt->vm->odev;
	struct mem_cgroup *payer, *old;
	int ret;

	if (READ_ONCE(preempt->state) == OGPU_PREEMPT_RUNNING)
		return 0;

	if (READ_ONCE(preempt->state) == OGPU_PREEMPT_SUSPENDED) {
		/* The program's memory may take as long as it likes: nobody waits for this. */
		ret = ogpu_userptrs_populate(preempt->vm);
		if (ret)
			return ret == -ESTALE ? -EAGAIN : ret;
		payer = ogpu_userptrs_get_payer(preempt->vm);
		old = set_active_memcg(payer);
		ogpu_device_begin_work(odev);
		ret = ogpu_preempt_hold_buffers(preempt);
		ogpu_device_end_work(odev);
		set_active_memcg(old);
		mem_cgroup_put(payer);
		if (ret)
			return ret;
	}
	ret = ogpu_preempt_wait_rebound(preempt);
	if (ret)
		return ret;

	ogpu_device_begin_work(odev);
	mutex_lock(&preempt->lock);
	if (preempt->state == OGPU_PREEMPT_RESUMING) {
		odev->mem->preempts.ops->resume(odev, &preempt->clients);
		WRITE_ONCE(preempt->since, ktime_get());
		ogpu_preempt_set_state(preempt, OGPU_PREEMPT_RUNNING);
	} else {
		/* Somebody has taken the memory again. */
		ret = -EAGAIN;
	}
	mutex_unlock(&preempt->lock);
	ogpu_device_end_work(odev);

	return ret;
}

/* It did not work. Returns after how many milliseconds to try again; 0: not. */
static unsigned int ogpu_preempt_retry_ms(struct ogpu_preempt *preempt, int error)
{
	struct ogpu_device *odev = preempt->vm->odev;
	unsigned int ms = 0;
	s64 failing_ms;

	ogpu_device_begin_work(odev);
	mutex_lock(&preempt->lock);
	if (!preempt->failing_since)
		preempt->failing_since = ktime_get();
	failing_ms = ktime_ms_delta(ktime_get(), preempt->failing_since);

	if (!list_empty(&preempt->clients) && error != -ENODEV) {
		/* What is lost does not come back. */
		if (failing_ms < OGPU_PREEMPT_GIVE_UP_MS && error != -EBADMSG)
			ms = clamp_t(s64, failing_ms, OGPU_PREEMPT_RETRY_MIN_MS,
				     OGPU_PREEMPT_RETRY_MAX_MS);
		else
			odev->mem->preempts.ops->fail(odev, &preempt->clients);
	}
	if (!ms)
		preempt->failing_since = 0;
	mutex_unlock(&preempt->lock);
	ogpu_device_end_work(odev);

	return ms;
}

static void ogpu_preempt_resume_work(struct work_struct *work)
{
	struct ogpu_preempt *preempt = container_of(work, struct ogpu_preempt, resume.work);
	struct ogpu_vm *vm = preempt->vm;
	unsigned int ms;
	int ret;

	/* Without users there are no clients, and the address space is being taken down. */
	if (!kref_get_unless_zero(&vm->users))
		return;

	/* Others have had to wait for it too often. */
	ms = ogpu_userptrs_rest_ms(vm);
	if (ms && READ_ONCE(preempt->state) == OGPU_PREEMPT_SUSPENDED) {
		ogpu_preempt_resume_soon(preempt, ms);
		ogpu_vm_put(vm);
		return;
	}

	ret = ogpu_preempt_try_resume(preempt);
	if (ret == -EAGAIN) {
		ogpu_preempt_resume_soon(preempt, 0);
	} else if (ret) {
		ms = ogpu_preempt_retry_ms(preempt, ret);
		WRITE_ONCE(preempt->error, ret);
		wake_up_all(&preempt->wait);
		if (ms)
			ogpu_preempt_resume_soon(preempt, ms);
	} else {
		WRITE_ONCE(preempt->failing_since, 0);
	}

	ogpu_vm_put(vm);
}

/*
 * Clients
 */

static bool ogpu_preempt_has_decided(struct ogpu_preempt *preempt)
{
	return READ_ONCE(preempt->state) == OGPU_PREEMPT_RUNNING || READ_ONCE(preempt->error);
}

/**
 * ogpu_preempt_begin_add() - make it safe to start something in an address space
 * @preempt: of the address space; the caller is a user of it
 *
 * Sleeps until the buffers are in place. After success @preempt->lock is held until
 * ogpu_preempt_end_add(): nothing may be allocated.
 *
 * Return: 0; -ENOSPC or -ENOMEM: the buffers do not fit; -EBADMSG: the content of one is lost;
 * -ENODEV; -EINTR or -ERESTARTSYS.
 */
int ogpu_preempt_begin_add(struct ogpu_preempt *preempt)
{
	long left;
	int ret;

	for (;;) {
		mutex_lock(&preempt->lock);
		if (preempt->state == OGPU_PREEMPT_RUNNING)
			return 0;
		WRITE_ONCE(preempt->error, 0);
		ogpu_preempt_resume_soon(preempt, 0);
		mutex_unlock(&preempt->lock);

		left = wait_event_interruptible_timeout(preempt->wait,
							ogpu_preempt_has_decided(preempt), HZ);
		if (left < 0)
			return left;
		if (!ogpu_device_running(preempt->vm->odev))
			return -ENODEV;
		ret = READ_ONCE(preempt->error);
		if (ret && READ_ONCE(preempt->state) != OGPU_PREEMPT_RUNNING)
			return ret;
	}
}

/**
 * ogpu_preempt_renew() - have what executes see memory of programs that was mapped just now
 * @preempt: of the address space; the caller is a user of it
 *
 * All is suspended for a moment. Without effect while it is so anyway: who resumes it looks. Sleeps
 * until it goes on, or cannot; nobody but who is to die gives up before.
 */
void ogpu_preempt_renew(struct ogpu_preempt *preempt)
{
	struct ogpu_mem_preempts *preempts = &preempt->vm->odev->mem->preempts;
	struct dma_fence *fence;
	bool wait;

	spin_lock_irq(&preempts->lock);
	fence = dma_fence_get(preempt->fence);
	spin_unlock_irq(&preempts->lock);
	if (fence)
		ogpu_fence_wait_killable(fence);
	dma_fence_put(fence);

	mutex_lock(&preempt->lock);
	wait = !list_empty(&preempt->clients) && preempt->state != OGPU_PREEMPT_RUNNING;
	if (wait) {
		WRITE_ONCE(preempt->error, 0);
		ogpu_preempt_resume_soon(preempt, 0);
	}
	mutex_unlock(&preempt->lock);

	while (wait && ogpu_device_running(preempt->vm->odev) && !fatal_signal_pending(current))
		wait = !wait_event_killable_timeout(preempt->wait,
						    ogpu_preempt_has_decided(preempt), HZ);
}

/**
 * ogpu_preempt_end_add() - it was started, or not
 * @preempt: of the address space
 * @client: what was started, from now on among the clients; NULL: nothing was
 */
void ogpu_preempt_end_add(struct ogpu_preempt *preempt, struct list_head *client)
{
	if (client)
		list_add_tail(client, &preempt->clients);
	mutex_unlock(&preempt->lock);
}

/**
 * ogpu_preempt_remove() - it has ended
 * @preempt: of the address space
 * @client: what does not execute any more; perhaps was never added, then it is an empty list
 */
void ogpu_preempt_remove(struct ogpu_preempt *preempt, struct list_head *client)
{
	mutex_lock(&preempt->lock);
	list_del_init(client);
	mutex_unlock(&preempt->lock);
}

/**
 * ogpu_preempt_forget_bo() - a buffer is mapped in the address space no more
 * @preempt: of the address space
 * @obj: the buffer, locked
 * @unbound: fence of the job that unmaps it, after which nothing reaches it
 */
void ogpu_preempt_forget_bo(struct ogpu_preempt *preempt, struct drm_gem_object *obj,
			    struct dma_fence *unbound)
{
	dma_resv_replace_fences(obj->resv, preempt->context, unbound, DMA_RESV_USAGE_BOOKKEEP);
}

/*
 * A buffer without references is mapped nowhere. If it shared the dma_resv of its address space, it
 * has got copies of all fences there: it need not wait for what executes now.
 */
static void ogpu_preempt_release_bo(struct ttm_buffer_object *tbo)
{
	struct dma_resv *resv = tbo->base.resv;
	struct dma_fence *stub;
	struct ogpu_bo *bo;

	if (!ogpu_bo_is_buffer(tbo))
		return;
	bo = ttm_to_ogpu_bo(tbo);
	if (!bo->preempt_context || resv != &tbo->base._resv || !dma_resv_trylock(resv))
		return;

	stub = dma_fence_get_stub();
	dma_resv_replace_fences(resv, bo->preempt_context, stub, DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(stub);
	dma_resv_unlock(resv);
}

/*
 * Life
 */

/**
 * ogpu_preempt_create() - make an address space a long-running one
 * @vm: the address space, new
 *
 * Return: what goes into @vm->preempt, or NULL if there is no memory.
 */
struct ogpu_preempt *ogpu_preempt_create(struct ogpu_vm *vm)
{
	struct ogpu_preempt *preempt = kzalloc_obj(*preempt, GFP_KERNEL_ACCOUNT);

	if (!preempt)
		return NULL;

	preempt->vm = vm;
	preempt->context = dma_fence_context_alloc(1);
	INIT_WORK(&preempt->suspend, ogpu_preempt_suspend_work);
	INIT_DELAYED_WORK(&preempt->resume, ogpu_preempt_resume_work);
	init_waitqueue_head(&preempt->wait);
	mutex_init(&preempt->lock);
	ogpu_lockdep_class(&preempt->lock, OGPU_LOCK_PREEMPT);
	INIT_LIST_HEAD(&preempt->clients);
	INIT_LIST_HEAD(&preempt->armed);

	return preempt;
}

/**
 * ogpu_preempt_destroy() - undo ogpu_preempt_create()
 * @preempt: of an address space without users, or NULL
 */
void ogpu_preempt_destroy(struct ogpu_preempt *preempt)
{
	if (!preempt)
		return;

	/* Once the fence has signalled nobody asks for it. */
	ogpu_preempt_disarm(preempt);
	disable_work_sync(&preempt->suspend);
	disable_delayed_work_sync(&preempt->resume);
	mutex_destroy(&preempt->lock);
	kfree(preempt);
}

static void ogpu_preempts_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_mem_preempts *preempts = arg;

	if (preempts->resume_wq)
		destroy_workqueue(preempts->resume_wq);
	if (preempts->suspend_wq)
		destroy_workqueue(preempts->suspend_wq);
}

/**
 * ogpu_preempts_init() - prepare at probe, as part of memory
 * @odev: the card
 *
 * Return: 0 or a negative errno.
 */
int ogpu_preempts_init(struct ogpu_device *odev)
{
	struct ogpu_mem_preempts *preempts = &odev->mem->preempts;

	spin_lock_init(&preempts->lock);
	INIT_LIST_HEAD(&preempts->armed);
	preempts->release_bo = ogpu_preempt_release_bo;
	odev->mem->moved = ogpu_bo_moved;
	preempts->suspend_wq = alloc_workqueue("ogpu-suspend-%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0,
					       pci_name(odev->pdev));
	preempts->resume_wq = alloc_workqueue("ogpu-resume-%s", WQ_UNBOUND, 0,
					      pci_name(odev->pdev));
	if (!preempts->suspend_wq || !preempts->resume_wq) {
		ogpu_preempts_fini(&odev->drm, preempts);
		return -ENOMEM;
	}

	return drmm_add_action_or_reset(&odev->drm, ogpu_preempts_fini, preempts);
}
