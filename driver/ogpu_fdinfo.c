// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What an open file uses, in /proc/PID/fdinfo. The keys are those of the kernel's
 * Documentation/gpu/drm-usage-stats.rst.
 */
#include <linux/atomic.h>
#include <linux/dma-resv.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/queue.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_fdinfo.h"
#include "ogpu_file.h"
#include "ogpu_queue.h"

/* What jobs use at the moment. A look at each handle, without a lock of the buffer. */
static void ogpu_fdinfo_add_active(struct ogpu_bo *bo, struct drm_memory_stats *stats)
{
	enum ogpu_region region = READ_ONCE(bo->region);

	if (region != OGPU_REGIONS &&
	    !dma_resv_test_signaled(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP))
		stats[region].active += bo->ttm.base.size;
}

/*
 * A buffer counts where it was meant to be, however it is moved about; it is resident, and active,
 * where it is. It counts for who made it, as long as there is anything of it.
 */
static void ogpu_fdinfo_show_memory(struct drm_printer *p, struct drm_file *file)
{
	static const char *const names[OGPU_REGIONS] = {
		[OGPU_REGION_VRAM] = "vram",
		[OGPU_REGION_SYSTEM] = "system",
	};
	struct ogpu_mem_client *client = to_ogpu_file(file)->mem_client;
	struct drm_memory_stats stats[OGPU_REGIONS] = {};
	struct ogpu_bo *bo;
	int handle, i;

	for (handle = 1; (bo = ogpu_bo_next(file, &handle)); handle++) {
		ogpu_fdinfo_add_active(bo, stats);
		ogpu_bo_put(bo);
	}
	for (i = 0; i < OGPU_REGIONS; i++) {
		u64 total = atomic64_read(&client->total[i]);

		stats[i].shared = min_t(u64, atomic64_read(&client->shared[i]), total);
		stats[i].private = total - stats[i].shared;
		stats[i].resident = atomic64_read(&client->resident[i]);
		stats[i].purgeable = min_t(u64, atomic64_read(&client->purgeable[i]),
					   stats[i].resident);
		drm_print_memory_stats(p, &stats[i],
				       DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_PURGEABLE |
				       DRM_GEM_OBJECT_ACTIVE, names[i]);
	}
}

static void ogpu_fdinfo_show_engines(struct drm_printer *p, struct ogpu_file *ofile)
{
	const struct ogpu_queue_file *file = ofile->queue_file;
	struct ogpu_device *odev = ofile->odev;

	ogpu_queue_mgr_account(odev, file);

	drm_printf(p, "drm-engine-compute:\t%llu ns\n",
		   (u64)atomic64_read(&file->unit_ns[OGPU_ENGINE_COMPUTE]));
	drm_printf(p, "drm-engine-capacity-compute:\t%u\n", odev->disc.compute_slots);
	drm_printf(p, "drm-engine-copy:\t%llu ns\n",
		   (u64)atomic64_read(&file->unit_ns[OGPU_ENGINE_COPY]));
	drm_printf(p, "drm-engine-capacity-copy:\t%u\n", odev->disc.copy_slots);
}

/**
 * ogpu_fdinfo_show() - print what the driver knows of a file
 * @p: where to
 * @file: the file
 *
 * Waits for no buffer.
 */
void ogpu_fdinfo_show(struct drm_printer *p, struct drm_file *file)
{
	ogpu_fdinfo_show_engines(p, to_ogpu_file(file));
	ogpu_fdinfo_show_memory(p, file);
}
