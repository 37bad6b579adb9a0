// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers whose content is needed no more: MADVISE.
 *
 * DOC: Purging
 *
 * A program that keeps buffers for later use says so. Such a buffer makes way before all others,
 * and without a copy: its place in VRAM is free at once, and its pages of system memory are when
 * that runs short. It is then in TTM_PL_SYSTEM, without a page. Mappings of address spaces that
 * still have it say that there is no memory (reads give 0), from the next job on; the CPU gets
 * SIGBUS.
 *
 * While jobs use it, it is treated like any other: it is moved, if at all. A buffer that was
 * exported cannot be given up, because others may rely on it.
 *
 * When it is needed again, it gets memory as a new buffer does, from whoever uses it first.
 */
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/nospec.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "ogpu_bo.h"
#include "ogpu_ttm.h"

/* What an advice makes of what was. */
static const enum ogpu_bo_need ogpu_purge_next[][OGPU_BO_NEEDS] = {
	[DRM_OGPU_MADV_WILLNEED] = {
		[OGPU_BO_NEEDED] = OGPU_BO_NEEDED,
		[OGPU_BO_PURGEABLE] = OGPU_BO_NEEDED,
		[OGPU_BO_PURGED] = OGPU_BO_EMPTY,
		[OGPU_BO_EMPTY] = OGPU_BO_EMPTY,
	},
	[DRM_OGPU_MADV_DONTNEED] = {
		[OGPU_BO_NEEDED] = OGPU_BO_PURGEABLE,
		[OGPU_BO_PURGEABLE] = OGPU_BO_PURGEABLE,
		[OGPU_BO_PURGED] = OGPU_BO_PURGED,
		[OGPU_BO_EMPTY] = OGPU_BO_PURGED,
	},
};

/**
 * ogpu_bo_can_purge() - may a buffer's content go, here and now?
 * @tbo: a buffer, locked, or what TTM makes of one
 *
 * Return: true if nobody needs it and no job uses it.
 */
bool ogpu_bo_can_purge(struct ttm_buffer_object *tbo)
{
	return ogpu_bo_is_buffer(tbo) && ttm_to_ogpu_bo(tbo)->need == OGPU_BO_PURGEABLE &&
	       dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP);
}

/* It has no memory any more, and is in TTM_PL_SYSTEM. */
static void ogpu_bo_purged(struct ogpu_bo *bo)
{
	/* If there are pages again they are not what was there. */
	bo->ttm.ttm->page_flags |= TTM_TT_FLAG_ZERO_ALLOC;
	bo->is_away = false;
	list_del_init(&bo->away);
	ogpu_bo_set_region(bo, OGPU_REGIONS);
	ogpu_bo_set_need(bo, OGPU_BO_PURGED);
	atomic64_add(bo->ttm.base.size, &ogpu_bo_device(bo)->mem->purged);
}

/**
 * ogpu_bo_purge() - let a buffer's content go
 * @bo: the buffer, in VRAM, locked, after ogpu_bo_can_purge() and ogpu_bo_moved()
 * @system: its new place, TTM_PL_SYSTEM
 */
void ogpu_bo_purge(struct ogpu_bo *bo, struct ttm_resource *system)
{
	ttm_bo_move_null(&bo->ttm, system);
	ogpu_bo_purged(bo);
}

/**
 * ogpu_bo_purge_pages() - let a buffer's content go, and its pages with it
 * @bo: the buffer, in TTM_PL_SYSTEM, locked, after ogpu_bo_can_purge() and ogpu_bo_moved()
 */
void ogpu_bo_purge_pages(struct ogpu_bo *bo)
{
	struct ttm_operation_ctx ctx = { .no_wait_gpu = true };
	struct ttm_resource *system = bo->ttm.resource;
	struct ttm_placement nowhere = {};
	int ret;

	/* TTM frees pages together with the place; but this one is none, and is still needed. */
	bo->ttm.resource = NULL;
	ret = ttm_bo_validate(&bo->ttm, &nowhere, &ctx);
	bo->ttm.resource = system;
	if (ret)
		return;

	ogpu_bo_purged(bo);
	ogpu_shrink_purged(ogpu_bo_device(bo)->mem, bo->ttm.base.size);
}

/**
 * ogpu_bo_filled() - a buffer has memory, or is about to be freed
 * @bo: the buffer, locked
 */
void ogpu_bo_filled(struct ogpu_bo *bo)
{
	if (!ogpu_bo_is_empty(bo))
		return;
	atomic64_sub(bo->ttm.base.size, &ogpu_bo_device(bo)->mem->purged);
	ogpu_bo_set_need(bo, OGPU_BO_NEEDED);
}

/* TTM begins with buffers of the lowest priority. */
static void ogpu_purge_set_priority(struct ogpu_bo *bo)
{
	unsigned int priority = bo->need == OGPU_BO_PURGEABLE ? OGPU_BO_PRIORITY_PURGEABLE :
								OGPU_BO_PRIORITY_NEEDED;
	struct ttm_buffer_object *tbo = &bo->ttm;

	if (tbo->priority == priority)
		return;

	ttm_bo_set_bulk_move(tbo, NULL);
	spin_lock(&tbo->bdev->lru_lock);
	tbo->priority = priority;
	ttm_bo_move_to_lru_tail(tbo);
	spin_unlock(&tbo->bdev->lru_lock);
	if (bo->root)
		ttm_bo_set_bulk_move(tbo, &bo->root->bulk);
}

static int ogpu_purge_advise(struct ogpu_bo *bo, u32 advice)
{
	enum ogpu_bo_need next = ogpu_purge_next[advice][bo->need];

	if (bo->shared && advice == DRM_OGPU_MADV_DONTNEED)
		return -EPERM;

	/* Its mappings get memory with the next job. */
	if (bo->need == OGPU_BO_PURGED && next == OGPU_BO_EMPTY)
		ogpu_bo_moved(&bo->ttm);
	ogpu_bo_set_need(bo, next);
	ogpu_purge_set_priority(bo);

	return 0;
}

/**
 * ogpu_ioctl_bo_madvise() - DRM_IOCTL_OGPU_BO_MADVISE
 * @drm: the card
 * @data: &struct drm_ogpu_bo_madvise
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_madvise(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_bo_madvise *args = data;
	struct ogpu_bo *bo;
	u32 advice;
	int ret;

	if (args->pad || args->advice >= ARRAY_SIZE(ogpu_purge_next))
		return -EINVAL;
	advice = array_index_nospec(args->advice, ARRAY_SIZE(ogpu_purge_next));

	bo = ogpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	ret = dma_resv_lock_interruptible(bo->ttm.base.resv, NULL);
	if (ret)
		goto out_put;
	ret = ogpu_purge_advise(bo, advice);
	args->retained = !ogpu_bo_is_empty(bo);
	dma_resv_unlock(bo->ttm.base.resv);

out_put:
	ogpu_bo_put(bo);
	return ret;
}
