// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Where a buffer should be, and moving it there before it is used: BO_PREFETCH.
 */
#include <linux/dma-resv.h>
#include <linux/log2.h>
#include <linux/ww_mutex.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "ogpu_bo.h"
#include "ogpu_file.h"
#include "ogpu_place.h"

/* Who was given the buffer must not be held up by moves to and fro. */
static bool ogpu_prefetch_may_move(const struct ogpu_bo *bo)
{
	return !bo->shared || dma_resv_test_signaled(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP);
}

/* With a ticket: who has others locked for a moment is waited for. */
static int ogpu_prefetch_try(struct ogpu_bo *bo, u32 placement, struct ogpu_mem_try *try)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct ww_acquire_ctx ticket;
	u32 before;
	int ret;

	ww_acquire_init(&ticket, &reservation_ww_class);
	ret = dma_resv_lock_interruptible(resv, &ticket);
	if (!ret) {
		before = bo->prefer;
		bo->prefer = placement;
		if (ogpu_prefetch_may_move(bo))
			ret = ogpu_bo_validate(bo, try);
		else
			ogpu_bo_note_away(bo);
		if (ret)
			bo->prefer = before;
		dma_resv_unlock(resv);
	}
	ww_acquire_fini(&ticket);

	return ret;
}

static int ogpu_prefetch(struct ogpu_bo *bo, u32 placement)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct ogpu_mem_try try = {};
	int ret;

	do {
		ret = ogpu_mem_begin(odev, &try);
		if (ret)
			return ret;
		ret = ogpu_prefetch_try(bo, placement, &try);
	} while (ogpu_mem_retry(odev, &try, &ret));

	if (!ret)
		ogpu_mem_end(odev);

	return ret;
}

/**
 * ogpu_ioctl_bo_prefetch() - DRM_IOCTL_OGPU_BO_PREFETCH
 * @drm: the card
 * @data: &struct drm_ogpu_bo_prefetch
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_prefetch(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_bo_prefetch *args = data;
	struct ogpu_bo *bo;
	int ret;

	if (!is_power_of_2(args->placement))
		return -EINVAL;

	bo = ogpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	if (args->placement & ~bo->placement)
		ret = -EINVAL;
	else if (READ_ONCE(bo->client) != to_ogpu_file(file)->mem_client)
		ret = -EPERM;
	else
		ret = ogpu_prefetch(bo, args->placement);
	ogpu_bo_put(bo);

	return ret;
}
