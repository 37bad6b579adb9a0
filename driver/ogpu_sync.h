/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Arrays of struct drm_ogpu_sync: what a job waits for and what it signals.
 *
 * Use: ogpu_syncs_check(); ogpu_syncs_parse(), then ogpu_sync_find_fence() for each operation that
 * waits, or ogpu_syncs_wait(), all of which may fail; after the point of no return
 * ogpu_syncs_signal(), which cannot; in any case ogpu_syncs_fini().
 */
#ifndef _OGPU_SYNC_H_
#define _OGPU_SYNC_H_

#include <linux/types.h>

#include <drm/ogpu_drm.h>

struct dma_fence;
struct dma_fence_chain;
struct drm_file;
struct drm_ogpu_array;
struct drm_syncobj;

/**
 * struct ogpu_sync - one operation on a syncobj
 */
struct ogpu_sync {
	/** @syncobj: referenced */
	struct drm_syncobj *syncobj;
	/** @chain: link for the timeline, allocated ahead; only to signal a timeline */
	struct dma_fence_chain *chain;
	/** @value: point of a timeline; 0 if binary */
	u64 value;
	/** @flags: DRM_OGPU_SYNC_* */
	u32 flags;
	/** @handle: of @syncobj */
	u32 handle;
};

/**
 * struct ogpu_syncs - operations of one job; all zero is an empty array
 */
struct ogpu_syncs {
	/** @ops: array of @count; the memory is the caller's */
	struct ogpu_sync *ops;
	/** @count: of @ops */
	u32 count;
};

/* Operations that fit into the table that a batch has without allocating one. */
#define OGPU_SYNC_FEW		8
#define OGPU_SYNC_FEW_BITS	4

/**
 * struct ogpu_sync_batch - what the earlier jobs of one SUBMIT call are going to signal
 *
 * Syncobjs show it only once the whole call can no longer fail. A hash table by syncobj, at most
 * half full.
 */
struct ogpu_sync_batch {
	/** @table: 2 to the power of @bits operations or NULL; NULL: nothing is noted */
	const struct ogpu_sync **table;
	/** @bits: see @table */
	u32 bits;
	/** @few: used as @table if that is enough */
	const struct ogpu_sync *few[1 << OGPU_SYNC_FEW_BITS];
};

static inline bool ogpu_sync_is_signal(const struct ogpu_sync *op)
{
	return op->flags & DRM_OGPU_SYNC_SIGNAL;
}

int ogpu_syncs_check(const struct drm_ogpu_array *array);
int ogpu_syncs_parse(struct drm_file *file, const struct drm_ogpu_array *array,
		     const struct ogpu_syncs *before, struct ogpu_sync *ops,
		     struct ogpu_syncs *syncs);
struct dma_fence *ogpu_sync_find_fence(const struct ogpu_sync *op,
				       const struct ogpu_sync_batch *batch);
int ogpu_syncs_wait(const struct ogpu_syncs *syncs);
void ogpu_syncs_signal(struct ogpu_syncs *syncs, struct dma_fence *fence);
void ogpu_syncs_fini(struct ogpu_syncs *syncs);

int ogpu_sync_batch_init(struct ogpu_sync_batch *batch, u32 count);
void ogpu_sync_batch_add(struct ogpu_sync_batch *batch, const struct ogpu_syncs *syncs);
void ogpu_sync_batch_fini(struct ogpu_sync_batch *batch);

#endif
