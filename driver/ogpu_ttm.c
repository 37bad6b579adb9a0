// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of one card: TTM device, system memory within the card's reach, and moves.
 *
 * DOC: Places
 *
 * A buffer is in one of three places. TTM_PL_VRAM: the card's memory. TTM_PL_TT: pages of system
 * memory that are mapped for the card's DMA. TTM_PL_SYSTEM: pages that the card cannot reach, or
 * swap space: when buffers of all cards take more than half of the system's memory, or the system
 * runs short of it (ogpu_shrink.c), TTM puts there what no job uses. Both count, for all cards
 * together, and that half is the limit: without swap space nothing would be won by more. Eviction
 * goes from VRAM to TT. Page tables of GPU address spaces keep pointing to the old place after a
 * move until the next SUBMIT renews them (ogpu_vm.c); this is safe because a move waits for every
 * job and every bind job that could use the old place: their fences are in the buffer's dma_resv.
 *
 * Moves and clears are done by the copy engine and waited for on the card alone: a copy by the jobs
 * that use the buffer, and by what was in its new place before; jobs by the copy. So the old place
 * in VRAM is free as soon as the copy is queued (ogpu_vram_mgr.c). Of a copy out of VRAM must be
 * known whether something was lost before the buffer is used again: ogpu_bo_settle().
 *
 * Memory of other devices is in a place of its own and stays there: ogpu_import.c.
 *
 * When the engine is not there, because the card is being reset, nothing is moved: what was in VRAM
 * then is lost, and freed without a copy.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mm.h>

#include <drm/drm_cache.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_import.h"
#include "ogpu_lockdep.h"
#include "ogpu_place.h"
#include "ogpu_res.h"
#include "ogpu_svm.h"
#include "ogpu_tt.h"
#include "ogpu_ttm.h"
#include "ogpu_vram_cgroup.h"

/*
 * System memory: no addresses to give out, only a limit.
 */

/* All memory of cards, which take it from the same system. */
static LIST_HEAD(ogpu_mems);
static DEFINE_SPINLOCK(ogpu_mems_lock);

/* Bytes of system memory that buffers of all cards have, in pages or swapped out. */
static u64 ogpu_system_usage(void)
{
	struct ogpu_mem *mem;
	u64 usage = 0, purged = 0;

	spin_lock(&ogpu_mems_lock);
	list_for_each_entry(mem, &ogpu_mems, link) {
		purged += atomic64_read(&mem->purged);
		usage += ttm_resource_manager_usage(&mem->tt) +
			 ttm_resource_manager_usage(ttm_manager_type(&mem->ttm, TTM_PL_SYSTEM));
	}
	spin_unlock(&ogpu_mems_lock);

	/* They are not looked at all at once. */
	return usage - min(usage, purged);
}

static void ogpu_mems_add(struct ogpu_mem *mem)
{
	spin_lock(&ogpu_mems_lock);
	list_add(&mem->link, &ogpu_mems);
	spin_unlock(&ogpu_mems_lock);
}

static void ogpu_mems_del(struct ogpu_mem *mem)
{
	spin_lock(&ogpu_mems_lock);
	list_del(&mem->link);
	spin_unlock(&ogpu_mems_lock);
}

static int ogpu_tt_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *bo,
			 const struct ttm_place *place, struct ttm_resource **res)
{
	struct ttm_resource *new;

	new = kzalloc_obj(*new, GFP_KERNEL);
	if (!new)
		return -ENOMEM;

	ttm_resource_init(bo, place, new);

	/*
	 * A stop on the way to VRAM is short; refusing it would make eviction impossible. What
	 * comes back from swap space has been counted before.
	 */
	if (!(place->flags & TTM_PL_FLAG_TEMPORARY) &&
	    !(bo->resource && bo->resource->mem_type == TTM_PL_SYSTEM &&
	      !ogpu_bo_is_empty(ttm_to_ogpu_bo(bo))) &&
	    ogpu_system_usage() > man->size) {
		ttm_resource_fini(man, new);
		kfree(new);
		return -ENOSPC;
	}

	*res = new;
	return 0;
}

static void ogpu_tt_free(struct ttm_resource_manager *man, struct ttm_resource *res)
{
	ttm_resource_fini(man, res);
	kfree(res);
}

static const struct ttm_resource_manager_func ogpu_tt_mgr_func = {
	.alloc = ogpu_tt_alloc,
	.free = ogpu_tt_free,
};

static void ogpu_tt_mgr_init(struct ogpu_mem *mem)
{
	struct ttm_resource_manager *man = &mem->tt;
	struct sysinfo si;

	/* Where TTM begins to swap out, too. */
	si_meminfo(&si);

	man->use_tt = true;
	man->func = &ogpu_tt_mgr_func;
	ttm_resource_manager_init(man, &mem->ttm, (u64)si.totalram * si.mem_unit / 2);
	ttm_set_driver_manager(&mem->ttm, TTM_PL_TT, man);
	ttm_resource_manager_set_used(man, true);
}

static int ogpu_imports_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *bo,
			      const struct ttm_place *place, struct ttm_resource **res)
{
	*res = kzalloc_obj(**res, GFP_KERNEL);
	if (!*res)
		return -ENOMEM;
	ttm_resource_init(bo, place, *res);

	return 0;
}

static const struct ttm_resource_manager_func ogpu_imports_mgr_func = {
	.alloc = ogpu_imports_alloc,
	.free = ogpu_tt_free,
};

static void ogpu_imports_mgr_init(struct ogpu_mem *mem)
{
	mem->imports.func = &ogpu_imports_mgr_func;
	ttm_resource_manager_init(&mem->imports, &mem->ttm, 0);
	ttm_set_driver_manager(&mem->ttm, OGPU_PL_IMPORT, &mem->imports);
	ttm_resource_manager_set_used(&mem->imports, true);
}

static void ogpu_imports_mgr_fini(struct ogpu_mem *mem)
{
	ttm_resource_manager_set_used(&mem->imports, false);
	ttm_resource_manager_cleanup(&mem->imports);
	ttm_set_driver_manager(&mem->ttm, OGPU_PL_IMPORT, NULL);
}

/*
 * Moves
 */

/* Fill a new buffer's VRAM with zero. Kernel buffers are cleared by who makes them. */
static int ogpu_ttm_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			  struct ttm_resource *res)
{
	struct dma_fence *fence;

	if (bo->type == ttm_bo_type_kernel)
		return 0;

	fence = odev->mem->ops->clear(odev, bo, res);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	dma_resv_add_fence(bo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
	ogpu_bo_set_moving(ttm_to_ogpu_bo(bo), fence);
	dma_fence_put(fence);

	return 0;
}

/* The old place is used until @fence has signalled, the new one from then on. */
static void ogpu_ttm_leave_vram(struct ttm_buffer_object *bo, struct dma_fence *fence,
				struct ttm_resource *new)
{
	ogpu_vram_leave(bo->resource, fence);
	ttm_resource_free(bo, &bo->resource);
	ttm_bo_assign_mem(bo, new);
}

/* Out of VRAM: into system memory, or elsewhere in it. */
static int ogpu_ttm_copy_from_vram(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				   struct ttm_resource *new)
{
	struct ogpu_bo *obo = ttm_to_ogpu_bo(bo);
	bool out = new->mem_type != TTM_PL_VRAM;
	struct dma_fence *fence;
	u64 lost = 0;
	int ret;

	ret = ogpu_vram_begin_leave(bo->resource);
	if (ret)
		return ret;
	if (out) {
		ret = ogpu_bo_begin_out(obo, &lost);
		if (ret)
			return ret;
	}

	fence = odev->mem->ops->move(odev, bo, bo->resource, new, lost);
	if (IS_ERR(fence)) {
		if (out)
			ogpu_bo_cancel_out(obo);
		return PTR_ERR(fence);
	}
	dma_resv_add_fence(bo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
	ogpu_bo_set_moving(obo, fence);
	if (out)
		ogpu_bo_watch_out(obo, fence);
	ogpu_ttm_leave_vram(bo, fence, new);
	dma_fence_put(fence);

	return 0;
}

static int ogpu_ttm_copy_to_vram(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				 struct ttm_resource *new)
{
	struct dma_fence *fence;

	fence = odev->mem->ops->move(odev, bo, bo->resource, new, 0);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	ogpu_bo_set_moving(ttm_to_ogpu_bo(bo), fence);
	if (ttm_bo_move_accel_cleanup(bo, fence, false, false, new)) {
		/* No memory to let the old place linger. */
		dma_fence_wait(fence, false);
		ttm_bo_move_sync_cleanup(bo, new);
	}
	dma_fence_put(fence);

	return 0;
}

/*
 * The content was lost with the card's state, and nobody gets to see what is in its place. -EBUSY:
 * not this one yet; who wants room goes on with others.
 */
static int ogpu_ttm_drop(struct ttm_buffer_object *bo, struct ttm_resource *new)
{
	if (!dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return -EBUSY;
	ttm_bo_move_null(bo, new);

	return 0;
}

/* It has no content, and no page of system memory. */
static bool ogpu_ttm_is_new(struct ttm_buffer_object *bo)
{
	return !bo->resource || (ogpu_bo_is_buffer(bo) && ogpu_bo_is_empty(ttm_to_ogpu_bo(bo)) &&
				 !(bo->ttm && ttm_tt_is_populated(bo->ttm)));
}

static int ogpu_ttm_move_hw(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			    struct ttm_resource *new)
{
	int ret, idx;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	if (ogpu_ttm_is_new(bo)) {
		ret = ogpu_ttm_clear(odev, bo, new);
		if (!ret) {
			/* Left over from the time when it had no place at all. */
			if (bo->ttm)
				ogpu_tt_destroy(bo->bdev, bo->ttm);
			bo->ttm = NULL;
			ttm_bo_move_null(bo, new);
		}
	} else if (bo->resource->mem_type == TTM_PL_VRAM) {
		ret = ogpu_ttm_copy_from_vram(odev, bo, new);
	} else {
		ret = ogpu_ttm_copy_to_vram(odev, bo, new);
	}

	if (!ret && new->mem_type == TTM_PL_VRAM)
		ogpu_vram_arrived(new);

	ogpu_device_exit(odev, idx);
	return ret;
}

static int ogpu_ttm_try_move(struct ttm_buffer_object *bo, struct ttm_operation_ctx *ctx,
			     struct ttm_resource *new, struct ttm_place *hop)
{
	struct ogpu_device *odev = ttm_to_ogpu_device(bo->bdev);
	struct ttm_resource *old = bo->resource;
	int ret;

	/* Pages of a new buffer come zeroed. */
	if (ogpu_ttm_is_new(bo) && new->mem_type == TTM_PL_VRAM)
		return ogpu_ttm_move_hw(odev, bo, new);
	if (!old) {
		ttm_bo_move_null(bo, new);
		return 0;
	}

	if (new->mem_type == TTM_PL_SYSTEM && old->mem_type == TTM_PL_VRAM &&
	    ogpu_bo_can_purge(bo)) {
		odev->mem->moved(bo);
		ogpu_bo_purge(ttm_to_ogpu_bo(bo), new);
		return 0;
	}

	/* The copy engine cannot reach SYSTEM: stop over in TT. */
	if ((old->mem_type == TTM_PL_SYSTEM && new->mem_type == TTM_PL_VRAM) ||
	    (old->mem_type == TTM_PL_VRAM && new->mem_type == TTM_PL_SYSTEM)) {
		*hop = (struct ttm_place) {
			.mem_type = TTM_PL_TT,
			.flags = TTM_PL_FLAG_TEMPORARY,
		};
		return -EMULTIHOP;
	}

	/* TTM has mapped the pages. From TT to TT comes after a stopover that went no further. */
	if (new->mem_type == TTM_PL_TT && old->mem_type != TTM_PL_VRAM) {
		ttm_bo_move_null(bo, new);
		return 0;
	}

	/* What TTM makes for old memory is freed, never moved. */
	if (!ogpu_bo_is_buffer(bo))
		return -EINVAL;

	/* All address spaces that map it must renew their page tables before their next job. */
	odev->mem->moved(bo);

	if (old->mem_type == TTM_PL_VRAM && ogpu_bo_is_stale(ttm_to_ogpu_bo(bo)))
		return ogpu_ttm_drop(bo, new);

	if (old->mem_type == TTM_PL_TT && new->mem_type == TTM_PL_SYSTEM) {
		ret = ttm_bo_wait_ctx(bo, ctx);
		if (ret)
			return ret;
		ttm_bo_move_null(bo, new);
		return 0;
	}

	return ogpu_ttm_move_hw(odev, bo, new);
}

static int ogpu_ttm_move(struct ttm_buffer_object *bo, bool evict, struct ttm_operation_ctx *ctx,
			 struct ttm_resource *new, struct ttm_place *hop)
{
	int ret = ogpu_ttm_try_move(bo, ctx, new, hop);

	if (ret)
		return ret;
	if (new->mem_type != TTM_PL_SYSTEM)
		ogpu_bo_filled(ttm_to_ogpu_bo(bo));
	if (!ogpu_bo_is_empty(ttm_to_ogpu_bo(bo)))
		ogpu_bo_set_region(ttm_to_ogpu_bo(bo), new->mem_type == TTM_PL_VRAM ?
				   OGPU_REGION_VRAM : OGPU_REGION_SYSTEM);

	return 0;
}

/* The pages are about to go to swap space, unless there are none afterwards. */
static void ogpu_ttm_swap_notify(struct ttm_buffer_object *bo)
{
	if (!ogpu_bo_is_buffer(bo))
		return;
	if (ogpu_bo_can_purge(bo))
		ogpu_bo_purge_pages(ttm_to_ogpu_bo(bo));
	else
		ogpu_bo_set_region(ttm_to_ogpu_bo(bo), OGPU_REGIONS);
}

/* The memory is about to be freed for good. */
static void ogpu_ttm_delete_mem_notify(struct ttm_buffer_object *bo)
{
	if (!ogpu_bo_is_buffer(bo))
		return;
	if (ogpu_bo_is_import(ttm_to_ogpu_bo(bo)))
		ogpu_import_unmap(ttm_to_ogpu_bo(bo));
	ogpu_bo_set_region(ttm_to_ogpu_bo(bo), OGPU_REGIONS);
}

static bool ogpu_ttm_eviction_valuable(struct ttm_buffer_object *bo,
				       const struct ttm_place *place)
{
	struct ogpu_mem *mem = container_of(bo->bdev, struct ogpu_mem, ttm);

	/* What TTM makes for old memory, and not yet marked as deleted. */
	if (!bo->deleted && !ogpu_bo_is_buffer(bo))
		return false;
	if (!ogpu_place_may_evict(place, bo))
		return false;
	/* It is not moved but freed. */
	if (bo->deleted)
		return ttm_bo_eviction_valuable(bo, place);

	switch (bo->resource->mem_type) {
	case TTM_PL_TT:
		/* The limit counts what is swapped out as well: no room is made by that. */
		if (place && (place->flags & OGPU_PLACE_OWN))
			return false;
		fallthrough;
	case TTM_PL_SYSTEM:
		/* Other devices are told of nothing while memory is reclaimed. */
		if (!list_empty(&ttm_to_ogpu_bo(bo)->importers))
			return false;
		/* The last question: yes is an attempt. */
		if (!ogpu_shrink_may_take(mem, bo))
			return false;
		break;
	case TTM_PL_VRAM:
		if (!ogpu_bo_can_purge(bo) &&
		    ogpu_system_usage() + bo->base.size > mem->tt.size)
			return false;
		break;
	}

	return ttm_bo_eviction_valuable(bo, place);
}

static void ogpu_ttm_evict_flags(struct ttm_buffer_object *bo, struct ttm_placement *placement)
{
	static const struct ttm_place tt = { .mem_type = TTM_PL_TT, .flags = OGPU_PLACE_OWN };
	static const struct ttm_place system = {
		.mem_type = TTM_PL_SYSTEM, .flags = OGPU_PLACE_OWN,
	};

	placement->num_placement = 1;
	placement->placement = bo->resource->mem_type == TTM_PL_VRAM && !ogpu_bo_can_purge(bo) ?
			       &tt : &system;
}

/*
 * CPU access
 */

static int ogpu_ttm_io_mem_reserve(struct ttm_device *bdev, struct ttm_resource *res)
{
	struct ogpu_device *odev = ttm_to_ogpu_device(bdev);

	if (res->mem_type != TTM_PL_VRAM)
		return 0;

	if (!ogpu_cpu_reaches(res))
		return -EINVAL;

	if (res->start != OGPU_VRAM_SCATTERED) {
		u64 offset = (u64)res->start << PAGE_SHIFT;

		res->bus.offset = odev->aperture_phys + offset;
		res->bus.addr = (void __force *)odev->aperture + offset;
	}
	res->bus.is_iomem = true;
	res->bus.caching = ttm_write_combined;

	return 0;
}

static unsigned long ogpu_ttm_io_mem_pfn(struct ttm_buffer_object *bo, unsigned long page)
{
	struct ogpu_device *odev = ttm_to_ogpu_device(bo->bdev);
	struct ogpu_res_cursor cur;

	ogpu_res_first(bo, bo->resource, (u64)page << PAGE_SHIFT, PAGE_SIZE, &cur);

	return PHYS_PFN(odev->aperture_phys + FIELD_GET(OGPU_OPERAND_ADDR, cur.operand));
}

static void ogpu_ttm_release_notify(struct ttm_buffer_object *bo)
{
	struct ogpu_mem *mem = container_of(bo->bdev, struct ogpu_mem, ttm);

	mem->preempts.release_bo(bo);
	if (ogpu_bo_is_buffer(bo) && ogpu_bo_is_import(ttm_to_ogpu_bo(bo)))
		ogpu_import_release(ttm_to_ogpu_bo(bo));
}

static const struct ttm_device_funcs ogpu_ttm_funcs = {
	.ttm_tt_create = ogpu_tt_create,
	.ttm_tt_populate = ogpu_tt_populate,
	.ttm_tt_unpopulate = ogpu_tt_unpopulate,
	.ttm_tt_destroy = ogpu_tt_destroy,
	.eviction_valuable = ogpu_ttm_eviction_valuable,
	.evict_flags = ogpu_ttm_evict_flags,
	.move = ogpu_ttm_move,
	.swap_notify = ogpu_ttm_swap_notify,
	.delete_mem_notify = ogpu_ttm_delete_mem_notify,
	.release_notify = ogpu_ttm_release_notify,
	.io_mem_reserve = ogpu_ttm_io_mem_reserve,
	.io_mem_pfn = ogpu_ttm_io_mem_pfn,
};

static void ogpu_mem_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_mem *mem = arg;

	/* Buffers whose last reference is gone but that waited for their fences. */
	flush_workqueue(mem->ttm.wq);
	ogpu_mems_del(mem);
	mutex_destroy(&mem->outs.lock);

	ogpu_vram_mgr_fini(&mem->vram);
	ogpu_imports_mgr_fini(mem);
	ttm_resource_manager_set_used(&mem->tt, false);
	ttm_resource_manager_cleanup(&mem->tt);
	ttm_set_driver_manager(&mem->ttm, TTM_PL_TT, NULL);
	ttm_device_fini(&mem->ttm);
}

static enum ogpu_mem_pages ogpu_mem_pages(struct ogpu_device *odev)
{
	if (drm_need_swiotlb(odev->disc.dma_bits))
		return OGPU_MEM_PAGES_DMA;

	return dma_addressing_limited(odev->drm.dev) ? OGPU_MEM_PAGES_DMA32 : OGPU_MEM_PAGES_ANY;
}

/**
 * ogpu_mem_init() - software state of the card's memory
 * @odev: card whose discovery table has been read, with its DMA mask set
 *
 * Touches no hardware. Freed together with the DRM device.
 *
 * Return: 0, -EINVAL if the discovery table makes no sense, -ENOMEM.
 */
int ogpu_mem_init(struct ogpu_device *odev)
{
	struct drm_device *drm = &odev->drm;
	struct ogpu_mem *mem;
	int ret;

	mem = drmm_kzalloc(drm, sizeof(*mem), GFP_KERNEL);
	if (!mem)
		return -ENOMEM;

	mem->odev = odev;
	odev->mem = mem;
	init_rwsem(&mem->validate_lock);
	ogpu_lockdep_validate_class(&mem->validate_lock);
	ogpu_bos_init(mem);
	mutex_init(&mem->outs.lock);
	INIT_LIST_HEAD(&mem->outs.pages);
	spin_lock_init(&mem->binds.lock);
	init_waitqueue_head(&mem->binds.stopped);
	INIT_LIST_HEAD(&mem->binds.deferred);
	INIT_LIST_HEAD(&mem->binds.vms);

	mem->pages = ogpu_mem_pages(odev);
	ret = ogpu_ttm_device_init(&mem->ttm, &ogpu_ttm_funcs, drm->dev,
				   drm->anon_inode->i_mapping, drm->vma_offset_manager,
				   mem->pages == OGPU_MEM_PAGES_DMA,
				   mem->pages == OGPU_MEM_PAGES_DMA32);
	if (ret)
		return ret;

	mem->vram.takes_busy = ogpu_place_takes_busy;
	mem->vram.no_room = ogpu_place_no_room;
	ret = ogpu_vram_mgr_init(&mem->vram, odev, &mem->ttm);
	if (ret)
		goto err_ttm;

	ogpu_tt_mgr_init(mem);
	ogpu_imports_mgr_init(mem);
	ogpu_mems_add(mem);
	/* Some from the start: buffers are moved when memory is short. */
	if (!ogpu_bo_add_outs(odev)) {
		ogpu_mem_fini(drm, mem);
		return -ENOMEM;
	}

	ret = drmm_add_action_or_reset(drm, ogpu_mem_fini, mem);
	if (ret)
		return ret;

	ret = ogpu_vram_cgroup_init(&mem->vram);
	if (ret)
		return ret;

	return ogpu_shrink_init(mem);

err_ttm:
	ttm_device_fini(&mem->ttm);
	return ret;
}

/**
 * ogpu_mem_unmap_cpu() - cut the CPU mappings of all buffers
 * @odev: the card
 *
 * Who touches one afterwards gets a new decision: see ogpu_bo.c. Sleeps.
 */
void ogpu_mem_unmap_cpu(struct ogpu_device *odev)
{
	unmap_mapping_range(odev->drm.anon_inode->i_mapping, 0, 0, 1);
}

/**
 * ogpu_mem_stop() - let go of the hardware
 * @odev: card that is being unbound, unplugged, with all its fences signalled
 *
 * CPU mappings are cut; who touches one afterwards gets a page of zeros. System memory of buffers
 * that are still open is given back, because its DMA mappings must not outlive the device.
 */
void ogpu_mem_stop(struct ogpu_device *odev)
{
	struct ogpu_mem *mem = odev->mem;

	ogpu_svms_unbind(odev);
	flush_workqueue(mem->preempts.resume_wq);
	flush_workqueue(mem->ttm.wq);
	ogpu_mem_unmap_cpu(odev);
	ogpu_bos_stop(mem);
}

/**
 * ogpu_mem_get_stats() - how much memory is in use
 * @odev: the card
 * @stats: out
 */
void ogpu_mem_get_stats(struct ogpu_device *odev, struct drm_ogpu_query_memory *stats)
{
	struct ogpu_mem *mem = odev->mem;
	struct ogpu_vram_mgr *vram = &mem->vram;

	stats->vram_size = vram->base.size - vram->reserved_size;
	stats->vram_visible_size = vram->visible_size - vram->reserved_size;
	ogpu_vram_mgr_usage(vram, &stats->vram_used, &stats->vram_visible_used);
	stats->system_size = mem->tt.size;
	stats->system_used = ogpu_system_usage();
}

/**
 * ogpu_mem_print() - write the state of memory for people
 * @odev: the card
 * @p: where to
 */
void ogpu_mem_print(struct ogpu_device *odev, struct drm_printer *p)
{
	struct drm_ogpu_query_memory stats;

	ogpu_mem_get_stats(odev, &stats);
	drm_printf(p, "vram: %llu of %llu bytes used\n", stats.vram_used, stats.vram_size);
	drm_printf(p, "visible vram: %llu of %llu bytes used\n", stats.vram_visible_used,
		   stats.vram_visible_size);
	drm_printf(p, "system: %llu of %llu bytes used\n", stats.system_used, stats.system_size);
	ogpu_vram_mgr_print(&odev->mem->vram, p);
}
