// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Arrays of struct drm_ogpu_sync: what a job waits for and what it signals.
 */
#include <linux/dma-fence-chain.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_syncobj.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_compat.h"
#include "ogpu_sync.h"

/* Bytes of an element in version 0.1. */
#define OGPU_SYNC_MIN_SIZE	16
static_assert(sizeof(struct drm_ogpu_sync) >= OGPU_SYNC_MIN_SIZE);

static bool ogpu_sync_is_timeline(const struct ogpu_sync *op)
{
	return op->flags & DRM_OGPU_SYNC_TIMELINE;
}

/* @like: an operation of the same call, or NULL: often it is for the same syncobj. */
static int ogpu_sync_parse(struct drm_file *file, const struct drm_ogpu_sync *arg,
			   const struct ogpu_sync *like, struct ogpu_sync *op)
{
	if (arg->flags & ~(DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE))
		return -EINVAL;
	op->flags = arg->flags;
	op->value = arg->value;
	op->chain = NULL;

	if (ogpu_sync_is_timeline(op) != !!op->value)
		return -EINVAL;

	op->handle = arg->handle;
	if (like && like->handle == op->handle) {
		op->syncobj = like->syncobj;
		op->first = like->first;
	} else {
		op->syncobj = drm_syncobj_find(file, op->handle);
		if (!op->syncobj)
			return -ENOENT;
		op->first = op;
		op->note = NULL;
	}

	if (ogpu_sync_is_timeline(op) && ogpu_sync_is_signal(op)) {
		/* Not dma_fence_chain_alloc(), which does not charge user space for it. */
		op->chain = kmalloc_obj(*op->chain, GFP_KERNEL_ACCOUNT);
		if (!op->chain) {
			if (op->first == op)
				drm_syncobj_put(op->syncobj);
			return -ENOMEM;
		}
	}

	return 0;
}

/**
 * ogpu_syncs_check() - see whether an array of syncobj operations keeps the rules of the uapi
 * @array: what user space gave
 *
 * Return: 0 or -EINVAL.
 */
int ogpu_syncs_check(const struct drm_ogpu_array *array)
{
	return ogpu_array_check(array, OGPU_SYNC_MIN_SIZE, 0, DRM_OGPU_MAX_SYNCS);
}

/**
 * ogpu_syncs_parse() - take over an array of syncobj operations
 * @file: whose handles they are
 * @array: what user space gave; passed ogpu_syncs_check()
 * @before: of the job before in the same call, or NULL; not to be given up before @syncs
 * @ops: room for @array->count operations
 * @syncs: out: to be given to ogpu_syncs_fini(), also after an error
 *
 * Checks everything that can be checked without looking at fences and allocates all that
 * ogpu_syncs_signal() needs.
 *
 * Return: 0, -EINVAL, -E2BIG, -EFAULT, -ENOENT, -ENOMEM.
 */
int ogpu_syncs_parse(struct drm_file *file, const struct drm_ogpu_array *array,
		     const struct ogpu_syncs *before, struct ogpu_sync *ops,
		     struct ogpu_syncs *syncs)
{
	struct drm_ogpu_sync args[OGPU_SYNC_FEW];
	u32 first, i, n;
	int ret;

	syncs->ops = ops;
	syncs->count = 0;

	for (first = 0; first < array->count; first += n) {
		n = min_t(u32, array->count - first, ARRAY_SIZE(args));
		ret = ogpu_array_copy_part(array, sizeof(args[0]), first, n, args);
		if (ret)
			return ret;

		for (i = 0; i < n; i++) {
			const struct ogpu_sync *like = NULL;

			if (before && syncs->count < before->count)
				like = &before->ops[syncs->count];
			ret = ogpu_sync_parse(file, &args[i], like, &ops[syncs->count]);
			if (ret)
				return ret;
			syncs->count++;
		}
	}

	return 0;
}

/**
 * ogpu_sync_find_fence() - what an operation waits for
 * @op: that waits
 *
 * Return: a fence with a reference; NULL: nothing, the point was passed long ago; ERR_PTR(-EINVAL):
 * there is no fence.
 */
struct dma_fence *ogpu_sync_find_fence(const struct ogpu_sync *op)
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

/* The note of an operation's syncobj, which is made if there is none yet. */
static struct ogpu_sync_note *ogpu_sync_batch_note(struct ogpu_sync_batch *batch,
						   const struct ogpu_sync *op)
{
	struct ogpu_sync *first = op->first;
	u32 mask = (1u << batch->bits) - 1;
	u32 i;

	if (first->note)
		return first->note;

	i = hash_ptr(op->syncobj, batch->bits);
	while (batch->table[i].syncobj && batch->table[i].syncobj != op->syncobj)
		i = (i + 1) & mask;
	batch->table[i].syncobj = op->syncobj;
	first->note = &batch->table[i];

	return first->note;
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
 * ogpu_syncs_fini() - let go of operations
 * @syncs: from ogpu_syncs_parse(), or all zero; their memory stays the caller's
 */
void ogpu_syncs_fini(struct ogpu_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct ogpu_sync *op = &syncs->ops[i];

		if (op->chain)
			dma_fence_chain_free(op->chain);
		if (op->first == op)
			drm_syncobj_put(op->syncobj);
	}
	syncs->count = 0;
}

/**
 * ogpu_sync_batch_init() - start to note what the jobs of one call wait for and signal
 * @batch: to set up
 * @count: most syncobjs that will be noted; 0: there will be no notes
 *
 * Return: 0 or -ENOMEM. Undone by ogpu_sync_batch_fini().
 */
int ogpu_sync_batch_init(struct ogpu_sync_batch *batch, u32 count)
{
	batch->table = NULL;
	if (!count)
		return 0;

	if (count <= OGPU_SYNC_FEW) {
		batch->bits = OGPU_SYNC_FEW_BITS;
		memset(batch->few, 0, sizeof(batch->few));
		batch->table = batch->few;
		return 0;
	}

	batch->bits = ilog2(roundup_pow_of_two(2 * count));
	batch->table = kvcalloc(1u << batch->bits, sizeof(batch->table[0]), GFP_KERNEL_ACCOUNT);

	return batch->table ? 0 : -ENOMEM;
}

/**
 * ogpu_sync_batch_find_fence() - what an operation of one of the jobs of a call waits for
 * @batch: notes, which will say that it waits
 * @op: that waits
 *
 * Return: as ogpu_sync_find_fence(); NULL also if earlier jobs of the call see to it.
 */
struct dma_fence *ogpu_sync_batch_find_fence(struct ogpu_sync_batch *batch,
					     const struct ogpu_sync *op)
{
	struct ogpu_sync_note *note;
	struct dma_fence *fence;

	if (!batch->table)
		return ogpu_sync_find_fence(op);

	note = ogpu_sync_batch_note(batch, op);
	/* That a point is there is known of those up to one that is. */
	if (op->value ? op->value <= note->waited : note->waited_binary)
		return NULL;

	fence = note->signal ? ogpu_sync_find_batched(op, note->signal) : ogpu_sync_find_fence(op);
	if (!IS_ERR(fence)) {
		if (op->value)
			note->waited = op->value;
		else
			note->waited_binary = true;
	}

	return fence;
}

/**
 * ogpu_sync_batch_add() - note what one job signals
 * @batch: notes
 * @syncs: of the job; must stay until ogpu_sync_batch_fini()
 */
void ogpu_sync_batch_add(struct ogpu_sync_batch *batch, const struct ogpu_syncs *syncs)
{
	u32 i;

	if (!batch->table)
		return;

	for (i = 0; i < syncs->count; i++) {
		const struct ogpu_sync *op = &syncs->ops[i];
		struct ogpu_sync_note *note;

		if (!ogpu_sync_is_signal(op))
			continue;

		/* A binary signal replaces all; on a timeline the highest point counts. */
		note = ogpu_sync_batch_note(batch, op);
		if (!note->signal || !op->value || op->value > note->signal->value)
			note->signal = op;
	}
}

/**
 * ogpu_sync_batch_fini() - forget the notes
 * @batch: notes
 */
void ogpu_sync_batch_fini(struct ogpu_sync_batch *batch)
{
	if (batch->table != batch->few)
		kvfree(batch->table);
}
