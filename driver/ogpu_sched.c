// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Jobs that run in order once what they depend on is done.
 *
 * DOC: Scheduling
 *
 * One struct ogpu_sched is one entity of the kernel's GPU scheduler, with a scheduler of its own
 * beneath: choosing between queues is the firmware's business. What is left for the
 * kernel: wait for dependencies, limit what is on the ring (credits), free jobs.
 *
 * What other parts of the driver can rely on:
 *
 * - Each job that was pushed runs exactly once and in order, whatever became of its queue: ops->run
 *   tells. Nothing is ever taken out of the entity.
 * - The fences of jobs are the driver's own. The kernel scheduler's fences are seen by nobody; they
 *   point to their scheduler for ever, which must be free to go away.
 * - An entity is referenced by its jobs, and each job by the list it is in. It is taken down
 *   when the last reference is gone, on ogpu_sched_wq(), because that may be in the entity's own
 *   worker. Then no job is left in the kernel's scheduler, and none has to be cancelled.
 *   It also waits for RCU: who signals the last dependency of a job, with interrupts off, tells the
 *   kernel's scheduler so when the job may have run, ended and dropped the last reference already.
 * - Nobody watches the time here: whoever lets jobs run for long sees to it that their fences are
 *   signalled in the end.
 * - A job that is in flight keeps the module loaded.
 *
 * Whoever signals a fence that ops->run has returned, from outside of its worker, must hold
 * a reference to the entity: the kernel's scheduler still looks at itself after the callback that
 * lets the last job be freed.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_managed.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_sched.h"

/* Dependencies of a job that are compared with each new one; where others are is looked up. */
#define OGPU_SCHED_FEW_DEPS	16u

/**
 * struct ogpu_sched - an entity, whose jobs run in order
 */
struct ogpu_sched {
	/** @base: the kernel's scheduler */
	struct drm_gpu_scheduler base;
	/** @entity: the only source of its jobs */
	struct drm_sched_entity entity;
	/** @ref: held by jobs and by the owner of the entity */
	struct kref ref;
	/** @odev: the card; referenced */
	struct ogpu_device *odev;
	/** @ops: what its jobs do */
	const struct ogpu_sched_ops *ops;
	/** @context: timeline of the jobs' fences; a job does not wait for its own entity */
	u64 context;
	/** @destroy: takes the entity down */
	struct rcu_work destroy;
};

static struct workqueue_struct *ogpu_wq;
static atomic_t ogpu_sched_count = ATOMIC_INIT(0);

static void ogpu_sched_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_device *odev = arg;

	destroy_workqueue(odev->submit_wq);
}

static struct ogpu_sched_job *to_ogpu_sched_job(struct drm_sched_job *base)
{
	return container_of(base, struct ogpu_sched_job, base);
}

/**
 * ogpu_sched_init() - set up what all entities of a card share, in probe
 * @odev: the card
 *
 * One workqueue for all of them: an entity must not cost a thread, which is what a workqueue of its
 * own for use under memory pressure does. Works of different entities run side by side.
 *
 * Return: 0 or -ENOMEM. Undone when the card's software state goes.
 */
int ogpu_sched_init(struct ogpu_device *odev)
{
	struct workqueue_struct *wq;

	wq = alloc_workqueue("ogpu-submit-%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
			     pci_name(odev->pdev));
	if (!wq)
		return -ENOMEM;
	odev->submit_wq = wq;

	return drmm_add_action_or_reset(&odev->drm, ogpu_sched_fini, odev);
}

/**
 * ogpu_sched_module_init() - set up what all cards share
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_sched_module_init(void)
{
	ogpu_wq = alloc_workqueue("ogpu", WQ_UNBOUND, 0);

	return ogpu_wq ? 0 : -ENOMEM;
}

/**
 * ogpu_sched_module_exit() - undo ogpu_sched_module_init()
 *
 * Called when no card is bound any more. All jobs are over by then, as jobs keep the module loaded,
 * but entities and fences may still be on their way out; this waits for them.
 */
void ogpu_sched_module_exit(void)
{
	wait_var_event(&ogpu_sched_count, !atomic_read(&ogpu_sched_count));
	destroy_workqueue(ogpu_wq);
}

/**
 * ogpu_sched_wq() - where to do what jobs may not do
 *
 * For work that may lock reservation objects, wait, or allocate. It is flushed before the module
 * goes.
 *
 * Return: the workqueue.
 */
struct workqueue_struct *ogpu_sched_wq(void)
{
	return ogpu_wq;
}

static struct dma_fence *ogpu_sched_prepare_job(struct drm_sched_job *base,
						struct drm_sched_entity *entity)
{
	struct ogpu_sched_job *job = to_ogpu_sched_job(base);

	return job->sched->ops->prepare ? job->sched->ops->prepare(job) : NULL;
}

static struct dma_fence *ogpu_sched_run_job(struct drm_sched_job *base)
{
	struct ogpu_sched_job *job = to_ogpu_sched_job(base);
	struct dma_fence *fence;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	fence = job->sched->ops->run(job);
	dma_fence_end_signalling(cookie);

	return fence;
}

static void ogpu_sched_free_job(struct drm_sched_job *base)
{
	struct ogpu_sched_job *job = to_ogpu_sched_job(base);

	job->sched->ops->free(job);
}

static const struct drm_sched_backend_ops ogpu_sched_backend_ops = {
	.prepare_job = ogpu_sched_prepare_job,
	.run_job = ogpu_sched_run_job,
	.free_job = ogpu_sched_free_job,
};

static void ogpu_sched_destroy(struct work_struct *work)
{
	struct ogpu_sched *sched = container_of(to_rcu_work(work), struct ogpu_sched, destroy);

	drm_sched_entity_fini(&sched->entity);
	drm_sched_fini(&sched->base);
	drm_dev_put(&sched->odev->drm);
	kfree(sched);

	if (atomic_dec_and_test(&ogpu_sched_count))
		wake_up_var(&ogpu_sched_count);
}

/**
 * ogpu_sched_create() - make an entity
 * @odev: the card
 * @ops: what its jobs do
 * @name: for messages and traces; static
 * @context: timeline of the jobs' fences
 *
 * Return: the entity with one reference, or an ERR_PTR().
 */
struct ogpu_sched *ogpu_sched_create(struct ogpu_device *odev, const struct ogpu_sched_ops *ops,
				     const char *name, u64 context)
{
	const struct drm_sched_init_args args = {
		.ops = &ogpu_sched_backend_ops,
		.submit_wq = odev->submit_wq,
		.num_rqs = 1,
		.credit_limit = 1,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = name,
		.dev = odev->drm.dev,
	};
	struct drm_gpu_scheduler *base;
	struct ogpu_sched *sched;
	int ret;

	sched = kzalloc_obj(*sched, GFP_KERNEL_ACCOUNT);
	if (!sched)
		return ERR_PTR(-ENOMEM);

	base = &sched->base;
	ret = drm_sched_init(base, &args);
	if (ret)
		goto err_free;

	ret = drm_sched_entity_init(&sched->entity, DRM_SCHED_PRIORITY_KERNEL, &base, 1, NULL);
	if (ret)
		goto err_sched;

	drm_dev_get(&odev->drm);
	atomic_inc(&ogpu_sched_count);
	kref_init(&sched->ref);
	sched->odev = odev;
	sched->ops = ops;
	sched->context = context;
	INIT_RCU_WORK(&sched->destroy, ogpu_sched_destroy);

	return sched;

err_sched:
	drm_sched_fini(base);
err_free:
	kfree(sched);
	return ERR_PTR(ret);
}

/**
 * ogpu_sched_get() - take a reference
 * @sched: entity
 *
 * Return: @sched.
 */
struct ogpu_sched *ogpu_sched_get(struct ogpu_sched *sched)
{
	kref_get(&sched->ref);
	return sched;
}

static void ogpu_sched_release(struct kref *ref)
{
	struct ogpu_sched *sched = container_of(ref, struct ogpu_sched, ref);

	queue_rcu_work(ogpu_wq, &sched->destroy);
}

/**
 * ogpu_sched_put() - drop a reference
 * @sched: entity, or NULL
 *
 * Callable from any context. Jobs that were pushed still run.
 */
void ogpu_sched_put(struct ogpu_sched *sched)
{
	if (sched)
		kref_put(&sched->ref, ogpu_sched_release);
}

/**
 * ogpu_sched_job_init() - set up a job
 * @job: to set up
 * @sched: entity that it will go through
 * @client_id: of the DRM file it belongs to, for traces; 0: the kernel
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_sched_job_init(struct ogpu_sched_job *job, struct ogpu_sched *sched, u64 client_id)
{
	int ret;

	ret = drm_sched_job_init(&job->base, &sched->entity, 1, sched->odev, client_id);
	if (ret)
		return ret;

	/* User space chooses how many there are: have it pay. */
	job->base.dependencies.xa_flags |= XA_FLAGS_ACCOUNT;
	xa_init_flags(&job->timelines, XA_FLAGS_ACCOUNT);
	job->sched = ogpu_sched_get(sched);
	__module_get(THIS_MODULE);

	return 0;
}

/* Where in the list a fence of this timeline is; false: nowhere. */
static bool ogpu_sched_job_find_dep(struct ogpu_sched_job *job, u64 context, u32 *index)
{
	struct dma_fence *fence;
	unsigned long i;
	void *entry;

	xa_for_each_range(&job->base.dependencies, i, fence, 0, OGPU_SCHED_FEW_DEPS - 1) {
		if (fence->context == context) {
			*index = i;
			return true;
		}
	}

	entry = xa_load(&job->timelines, context);
	if (entry)
		*index = xa_to_value(entry);

	return entry;
}

/* Like drm_sched_job_add_dependency(), which compares each fence with all before it. */
static int ogpu_sched_job_store_dep(struct ogpu_sched_job *job, struct dma_fence *fence)
{
	struct xarray *deps = &job->base.dependencies;
	u32 index;
	int ret;

	if (ogpu_sched_job_find_dep(job, fence->context, &index)) {
		/* Of a timeline the last one counts. In place of another one it needs no memory. */
		if (dma_fence_is_later(fence, xa_load(deps, index)))
			fence = xa_store(deps, index, fence, GFP_KERNEL);
		dma_fence_put(fence);
		return 0;
	}

	ret = xa_alloc(deps, &index, fence, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto err_put;
	if (index < OGPU_SCHED_FEW_DEPS)
		return 0;
	ret = xa_err(xa_store(&job->timelines, fence->context, xa_mk_value(index), GFP_KERNEL));
	if (ret)
		goto err_erase;

	return 0;

err_erase:
	xa_erase(deps, index);
err_put:
	dma_fence_put(fence);
	return ret;
}

/**
 * ogpu_sched_job_add_dep() - let a job wait
 * @job: not yet armed
 * @fence: to wait for; the reference is consumed in any case. NULL is ignored
 *
 * Errors of @fence do not matter to the job. A fence of the same entity is ignored, because it
 * is in order anyway. What it costs does not depend on how many there are: each buffer that is not
 * private to an address space brings timelines of its own.
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_sched_job_add_dep(struct ogpu_sched_job *job, struct dma_fence *fence)
{
	if (!fence)
		return 0;

	if (fence->context == job->sched->context || dma_fence_is_signaled(fence)) {
		dma_fence_put(fence);
		return 0;
	}

	return ogpu_sched_job_store_dep(job, fence);
}

/**
 * ogpu_sched_job_add_resv_deps() - let a job wait for the fences of a reservation object
 * @job: not yet armed
 * @resv: locked
 * @usage: fences of this and of stricter kinds
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_sched_job_add_resv_deps(struct ogpu_sched_job *job, struct dma_resv *resv,
				 enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_assert_held(resv);

	dma_resv_for_each_fence(&cursor, resv, usage, fence) {
		ret = ogpu_sched_job_add_dep(job, dma_fence_get(fence));
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_sched_job_is_ready() - see whether a job has anything to wait for
 * @job: not yet armed
 *
 * Return: true if it has not, beside what is before it in its entity.
 */
bool ogpu_sched_job_is_ready(const struct ogpu_sched_job *job)
{
	return xa_empty(&job->base.dependencies);
}

/**
 * ogpu_sched_job_fini() - undo ogpu_sched_job_init()
 * @job: not armed, or over (in ops->free)
 *
 * The memory of @job stays the caller's.
 */
void ogpu_sched_job_fini(struct ogpu_sched_job *job)
{
	struct drm_sched_fence *s_fence = job->base.s_fence;

	/*
	 * The scheduler remembers the last job by its own fence, and that one refers to what run()
	 * returned, which may keep the module loaded. Nobody else has it: cut the tie.
	 */
	dma_fence_put(s_fence->parent);
	s_fence->parent = NULL;
	drm_sched_job_cleanup(&job->base);
	xa_destroy(&job->timelines);
	ogpu_sched_put(job->sched);
	module_put(THIS_MODULE);
}

/**
 * ogpu_sched_job_push() - hand a job over
 * @job: to push; the caller has locked who else might push to this entity
 *
 * Cannot fail. From here on the job may run, end and be freed at any moment.
 */
void ogpu_sched_job_push(struct ogpu_sched_job *job)
{
	/* Nothing is added any more. */
	xa_destroy(&job->timelines);
	drm_sched_job_arm(&job->base);
	drm_sched_entity_push_job(&job->base);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_sched_test.c"
#endif
