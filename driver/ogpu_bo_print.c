// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers for people: debugfs.
 */
#include <linux/string.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_placement.h>

#include "ogpu_bo.h"

static void ogpu_bo_print(struct ogpu_bo *bo, struct drm_printer *p)
{
	struct ttm_resource *res;

	/* Who looks must not hold up who opens and closes files, and waits for locks of neither. */
	if (!dma_resv_trylock(bo->ttm.base.resv)) {
		drm_printf(p, "  %zu bytes, locked\n", bo->ttm.base.size);
		return;
	}
	res = bo->ttm.resource;
	drm_printf(p, "  %zu bytes, in %s%s, placement %#x, flags %#x, label \"%*pE\"\n",
		   bo->ttm.base.size,
		   res->mem_type == TTM_PL_VRAM ? "vram" : "system",
		   ogpu_bo_is_import(bo) ? " of another device" : "", bo->placement, bo->flags,
		   bo->label ? (int)strlen(bo->label) : 0, bo->label ?: "");
	dma_resv_unlock(bo->ttm.base.resv);
}

/**
 * ogpu_bo_print_all() - write the buffers that have handles for people
 * @odev: the card
 * @p: where to
 *
 * Tries the dma_resv of each buffer.
 */
void ogpu_bo_print_all(struct ogpu_device *odev, struct drm_printer *p)
{
	struct drm_file *file;
	struct ogpu_bo *bo;
	int handle;

	mutex_lock(&odev->drm.filelist_mutex);
	list_for_each_entry(file, &odev->drm.filelist, lhead) {
		drm_printf(p, "client %llu\n", file->client_id);
		for (handle = 1; (bo = ogpu_bo_next(file, &handle)); handle++) {
			ogpu_bo_print(bo, p);
			ogpu_bo_put(bo);
		}
	}
	mutex_unlock(&odev->drm.filelist_mutex);
}
