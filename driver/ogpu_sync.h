/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Arrays of struct drm_ogpu_sync: what a job waits for and what it signals.
 *
 * Use: ogpu_syncs_check(); ogpu_syncs_parse(), then ogpu_sync_find_fence() for each operation that
 * waits, or ogpu_sync_batch_find_fence() if there are other jobs in the call, or ogpu_syncs_wait(),
 * all of which may fail; after the point of no return ogpu_syncs_signal(), which cannot; in any
 * case ogpu_syncs_fini().
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
	/** @syncobj: referenced by @first */
	struct drm_syncobj *syncobj;
	/** @first: an operation of the same call on @syncobj, often this one */
	struct ogpu_sync *first;
	/** @note: of @syncobj; of @first only, NULL before it was looked for */
	struct ogpu_sync_note *note;
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

/* Syncobjs that fit into the table that a batch has without allocating one. */
#define OGPU_SYNC_FEW		4
#define OGPU_SYNC_FEW_BITS	3

/**
 * struct ogpu_sync_note - what the earlier jobs of one SUBMIT call have to do with a syncobj
 */
struct ogpu_sync_note {
	/** @syncobj: NULL: the place is free */
	const struct drm_syncobj *syncobj;
	/** @signal: what they are going to signal; NULL: nothing */
	const struct ogpu_sync *signal;
	/** @waited: the latest point that one of them waits for */
	u64 waited;
	/** @waited_binary: one of them waits for all that was there */
	bool waited_binary;
};

/**
 * struct ogpu_sync_batch - what the earlier jobs of one SUBMIT call wait for and signal
 *
 * Syncobjs show it only once the whole call can no longer fail. Jobs of a call run in order, so
 * that a job need not wait for what an earlier one waits for. A hash table by syncobj, at most half
 * full.
 */
struct ogpu_sync_batch {
	/** @table: 2 to the power of @bits notes; NULL: nothing is noted */
	struct ogpu_sync_note *table;
	/** @bits: see @table */
	u32 bits;
	/** @few: used as @table if that is enough */
	struct ogpu_sync_note few[1 << OGPU_SYNC_FEW_BITS];
};

static inline bool ogpu_sync_is_signal(const struct ogpu_sync *op)
{
	return op->flags & DRM_OGPU_SYNC_SIGNAL;
}

int ogpu_syncs_check(const struct drm_ogpu_array *array);
int ogpu_syncs_parse(struct drm_file *file, const struct drm_ogpu_array *array,
		     const struct ogpu_syncs *before, struct ogpu_sync *ops,
		     struct ogpu_syncs *syncs);
struct dma_fence *ogpu_sync_find_fence(const struct ogpu_sync *op);
int ogpu_syncs_wait(const struct ogpu_syncs *syncs);
void ogpu_syncs_signal(struct ogpu_syncs *syncs, struct dma_fence *fence);
void ogpu_syncs_fini(struct ogpu_syncs *syncs);

int ogpu_sync_batch_init(struct ogpu_sync_batch *batch, u32 count);
struct dma_fence *ogpu_sync_batch_find_fence(struct ogpu_sync_batch *batch,
					     const struct ogpu_sync *op);
void ogpu_sync_batch_add(struct ogpu_sync_batch *batch, const struct ogpu_syncs *syncs);
void ogpu_sync_batch_fini(struct ogpu_sync_batch *batch);

#endif
