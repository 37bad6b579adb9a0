// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Arrays of struct drm_ogpu_sync: what a job waits for and what it signals.
 */
#include <linux/dma-fence-chain.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_sched.h"
#include "ogpu_sync.h"

/* Bytes of an element in version 0.1. */
#define OGPU_SYNC_MIN_SIZE	16
static_assert(sizeof(struct drm_ogpu_sync) >= OGPU_SYNC_MIN_SIZE);

static bool ogpu_sync_is_signal(const struct ogpu_sync *op)
{
	return op->flags & DRM_OGPU_SYNC_SIGNAL;
}

static bool ogpu_sync_is_timeline(const struct ogpu_sync *op)
{
	return op->flags & DRM_OGPU_SYNC_TIMELINE;
}

static int ogpu_sync_parse(struct drm_file *file, const struct drm_ogpu_sync *arg,
			   struct ogpu_sync *op)
{
	if (arg->flags & ~(DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE))
		return -EINVAL;
	op->flags = arg->flags;
	op->value = arg->value;

	if (ogpu_sync_is_timeline(op) != !!op->value)
		return -EINVAL;

	op->syncobj = drm_syncobj_find(file, arg->handle);
	if (!op->syncobj)
		return -ENOENT;

	if (ogpu_sync_is_timeline(op) && ogpu_sync_is_signal(op)) {
		op->chain = dma_fence_chain_alloc();
		if (!op->chain)
			return -ENOMEM;
	}

	return 0;
}

/**
 * ogpu_syncs_parse() - take over an array of syncobj operations
 * @file: whose handles they are
 * @array: what user space gave
 * @syncs: out: to be freed with ogpu_syncs_fini(), also after an error
 *
 * Checks everything that can be checked without looking at fences and allocates all that
 * ogpu_syncs_signal() needs.
 *
 * Return: 0, -EINVAL, -E2BIG, -EFAULT, -ENOENT, -ENOMEM.
 */
int ogpu_syncs_parse(struct drm_file *file, const struct drm_ogpu_array *array,
		     struct ogpu_syncs *syncs)
{
	struct drm_ogpu_sync *args;
	void *elems;
	int ret;
	u32 i;

	syncs->ops = NULL;
	syncs->count = 0;

	ret = ogpu_array_copy_in(array, OGPU_SYNC_MIN_SIZE, sizeof(*args), 0, DRM_OGPU_MAX_SYNCS,
				 &elems);
	if (ret || !array->count)
		return ret;
	args = elems;

	syncs->ops = kvcalloc(array->count, sizeof(*syncs->ops), GFP_KERNEL_ACCOUNT);
	if (!syncs->ops) {
		ret = -ENOMEM;
		goto out_free;
	}

	syncs->count = array->count;
	for (i = 0; i < syncs->count && !ret; i++)
		ret = ogpu_sync_parse(file, &args[i], &syncs->ops[i]);

out_free:
	kvfree(args);
	return ret;
}

/* The fence to wait for; NULL: the point was passed long ago; ERR_PTR(-EINVAL): there is none. */
static struct dma_fence *ogpu_sync_find_fence(const struct ogpu_sync *op)
{
	struct dma_fence *fence = drm_syncobj_fence_get(op->syncobj);

	if (!fence)
		return ERR_PTR(-EINVAL);
	if (dma_fence_chain_find_seqno(&fence, op->value)) {
		dma_fence_put(fence);
		return ERR_PTR(-EINVAL);
	}

	return fence;
}

/*
 * The same for a syncobj that an earlier job of the same call signals by @signal. Jobs of a call
 * run in order, so there is no need to wait for that job itself; but a point of a timeline also
 * stands for all points before it.
 */
static struct dma_fence *ogpu_sync_find_batched(const struct ogpu_sync *op,
						const struct ogpu_sync *signal)
{
	struct dma_fence *fence;

	if (!op->value)
		return ogpu_sync_is_timeline(signal) ? drm_syncobj_fence_get(op->syncobj) : NULL;

	fence = ogpu_sync_find_fence(op);
	if (IS_ERR(fence) && ogpu_sync_is_timeline(signal) && signal->value >= op->value)
		fence = drm_syncobj_fence_get(op->syncobj);

	return fence;
}

/**
 * ogpu_syncs_add_deps() - let a job wait for its in-syncs
 * @syncs: operations of the job
 * @job: not yet armed
 * @batch: what earlier jobs of the same call signal, or NULL
 *
 * Return: 0; -EINVAL if something to wait for has no fence; -ENOMEM.
 */
int ogpu_syncs_add_deps(const struct ogpu_syncs *syncs, struct ogpu_sched_job *job,
			struct ogpu_sync_batch *batch)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		const struct ogpu_sync *op = &syncs->ops[i];
		const struct ogpu_sync *signal = NULL;
		struct dma_fence *fence;
		int ret;

		if (ogpu_sync_is_signal(op))
			continue;

		if (batch)
			signal = xa_load(&batch->latest, (unsigned long)op->syncobj);
		fence = signal ? ogpu_sync_find_batched(op, signal) : ogpu_sync_find_fence(op);
		if (IS_ERR(fence))
			return PTR_ERR(fence);

		ret = ogpu_sched_job_add_dep(job, fence);
		if (ret)
			return ret;
		cond_resched();
	}

	return 0;
}

/**
 * ogpu_syncs_wait() - wait for the in-syncs now
 * @syncs: operations
 *
 * Fences always signal, so this ends; errors they carry do not matter.
 *
 * Return: 0; -EINVAL if something to wait for has no fence; -ERESTARTSYS.
 */
int ogpu_syncs_wait(const struct ogpu_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		const struct ogpu_sync *op = &syncs->ops[i];
		struct dma_fence *fence;
		long ret;

		if (ogpu_sync_is_signal(op))
			continue;

		fence = ogpu_sync_find_fence(op);
		if (IS_ERR(fence))
			return PTR_ERR(fence);
		if (!fence)
			continue;

		ret = dma_fence_wait(fence, true);
		dma_fence_put(fence);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_syncs_signal() - let the out-syncs signal together with a fence
 * @syncs: operations; used up
 * @fence: of the job
 *
 * Cannot fail.
 */
void ogpu_syncs_signal(struct ogpu_syncs *syncs, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct ogpu_sync *op = &syncs->ops[i];

		if (!ogpu_sync_is_signal(op))
			continue;

		if (op->chain) {
			drm_syncobj_add_point(op->syncobj, op->chain, fence, op->value);
			op->chain = NULL;
		} else {
			drm_syncobj_replace_fence(op->syncobj, fence);
		}
	}
}

/**
 * ogpu_syncs_fini() - free operations
 * @syncs: from ogpu_syncs_parse(), or all zero
 */
void ogpu_syncs_fini(struct ogpu_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct ogpu_sync *op = &syncs->ops[i];

		dma_fence_chain_free(op->chain);
		if (op->syncobj)
			drm_syncobj_put(op->syncobj);
	}
	kvfree(syncs->ops);
	syncs->ops = NULL;
	syncs->count = 0;
}

/**
 * ogpu_sync_batch_init() - start to note what the jobs of one call signal
 * @batch: to set up
 */
void ogpu_sync_batch_init(struct ogpu_sync_batch *batch)
{
	xa_init(&batch->latest);
}

/**
 * ogpu_sync_batch_add() - note what one job signals
 * @batch: notes
 * @syncs: of the job; must stay until ogpu_sync_batch_fini()
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_sync_batch_add(struct ogpu_sync_batch *batch, const struct ogpu_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct ogpu_sync *op = &syncs->ops[i];
		unsigned long index = (unsigned long)op->syncobj;
		const struct ogpu_sync *old;
		int ret;

		if (!ogpu_sync_is_signal(op))
			continue;

		/* A binary signal replaces all; on a timeline the highest point counts. */
		old = xa_load(&batch->latest, index);
		if (old && op->value && op->value <= old->value)
			continue;

		ret = xa_err(xa_store(&batch->latest, index, op, GFP_KERNEL));
		if (ret)
			return ret;
		cond_resched();
	}

	return 0;
}

/**
 * ogpu_sync_batch_fini() - forget the notes
 * @batch: notes
 */
void ogpu_sync_batch_fini(struct ogpu_sync_batch *batch)
{
	xa_destroy(&batch->latest);
}
