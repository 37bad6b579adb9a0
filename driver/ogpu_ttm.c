// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of one card: TTM device, system memory within the card's reach, and moves.
 *
 * DOC: Places
 *
 * A buffer is in one of three places. TTM_PL_VRAM: the card's memory. TTM_PL_TT: pages of system
 * memory that are mapped for the card's DMA; a share of all system memory is the limit.
 * TTM_PL_SYSTEM: pages that the card cannot reach; TTM's own ways may lead through it, the driver
 * never puts a buffer there. Eviction goes from VRAM to TT. Page tables of GPU address spaces
 * keep pointing to the old place after a move until the next SUBMIT renews them (ogpu_vm.c); this
 * is safe because a move waits for every job and every bind job that could use the old place:
 * their fences are in the buffer's dma_resv.
 *
 * Who needs room evicts buffers of others, but only those that nobody has locked. So under pressure
 * from many sides there may seem to be no room. Everybody who locks buffers to place them therefore
 * does so between ogpu_mem_begin() and ogpu_mem_end(); who fails tries again alone.
 *
 * Moves and clears are done by the copy engine, in one line for everybody. So that nobody's jobs
 * hold it up, a buffer is waited for until it is idle before its move is queued. Who evicts also
 * waits for the end of the move: TTM would otherwise keep its fence, and compare it with later
 * ones, which after a reset are on another timeline. When the engine is not there (reset, before
 * the first boot) the CPU does the work, which is possible for memory in the aperture only.
 */
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
#include "ogpu_compat.h"
#include "ogpu_lockdep.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

/*
 * System memory: no addresses to give out, only a limit.
 */

static int ogpu_tt_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *bo,
			 const struct ttm_place *place, struct ttm_resource **res)
{
	struct ttm_resource *new;

	new = kzalloc_obj(*new);
	if (!new)
		return -ENOMEM;

	ttm_resource_init(bo, place, new);

	/* A stop on the way to VRAM is short; refusing it would make eviction impossible. */
	if (!(place->flags & TTM_PL_FLAG_TEMPORARY) &&
	    ttm_resource_manager_usage(man) > man->size) {
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

	/* TTM swaps buffers out when all devices together hold more than half of the memory. */
	si_meminfo(&si);

	man->use_tt = true;
	man->func = &ogpu_tt_mgr_func;
	ttm_resource_manager_init(man, &mem->ttm, (u64)si.totalram * si.mem_unit / 2);
	ttm_set_driver_manager(&mem->ttm, TTM_PL_TT, man);
	ttm_resource_manager_set_used(man, true);
}

/*
 * Pages
 */

static struct ttm_tt *ogpu_ttm_tt_create(struct ttm_buffer_object *bo, u32 page_flags)
{
	struct ttm_tt *tt;

	tt = kzalloc_obj(*tt);
	if (!tt)
		return NULL;

	if (ttm_sg_tt_init(tt, bo, page_flags, ttm_cached)) {
		kfree(tt);
		return NULL;
	}

	return tt;
}

static void ogpu_ttm_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

/*
 * Moves
 */

/* Bytes of a piece that the CPU can reach at once, and where. Undone by ogpu_cpu_unmap(). */
static void *ogpu_cpu_map(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			  struct ttm_resource *res, u64 offset, struct ogpu_res_cursor *cur,
			  void __iomem **iomem)
{
	if (res->mem_type == TTM_PL_VRAM) {
		*iomem = odev->aperture + FIELD_GET(OGPU_OPERAND_ADDR, cur->operand);
		return NULL;
	}

	*iomem = NULL;
	return kmap_local_page(bo->ttm->pages[offset >> PAGE_SHIFT]);
}

/*
 * Copy by the CPU. The buffer must be idle. Goes in steps of one CPU page, of which VRAM blocks and
 * system pages are multiples.
 */
static void ogpu_cpu_copy(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			  struct ttm_resource *old, struct ttm_resource *new)
{
	struct ogpu_res_cursor from, to;
	void __iomem *from_io, *to_io;
	void *from_mem, *to_mem;
	u64 offset;

	ogpu_res_first(bo, old, 0, bo->base.size, &from);
	ogpu_res_first(bo, new, 0, bo->base.size, &to);

	for (offset = 0; offset < bo->base.size; offset += PAGE_SIZE) {
		from_mem = ogpu_cpu_map(odev, bo, old, offset, &from, &from_io);
		to_mem = ogpu_cpu_map(odev, bo, new, offset, &to, &to_io);

		if (from_mem && to_io) {
			memcpy_toio(to_io, from_mem, PAGE_SIZE);
		} else if (from_io && to_mem) {
			memcpy_fromio(to_mem, from_io, PAGE_SIZE);
		} else if (from_io && to_io) {
			u64 i;

			for (i = 0; i < PAGE_SIZE; i += sizeof(u64))
				writeq(readq(from_io + i), to_io + i);
		}

		if (to_mem)
			kunmap_local(to_mem);
		if (from_mem)
			kunmap_local(from_mem);

		ogpu_res_next(&from, PAGE_SIZE);
		ogpu_res_next(&to, PAGE_SIZE);
		cond_resched();
	}
	/* Write-combined stores must arrive before the card is told about this memory. */
	wmb();
}

static void ogpu_cpu_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			   struct ttm_resource *res)
{
	struct ogpu_res_cursor cur;

	ogpu_res_first(bo, res, 0, bo->base.size, &cur);
	while (cur.remaining) {
		u64 bytes = min_t(u64, cur.size, SZ_1M);

		memset_io(odev->aperture + FIELD_GET(OGPU_OPERAND_ADDR, cur.operand), 0, bytes);
		ogpu_res_next(&cur, bytes);
		cond_resched();
	}
	/* Write-combined stores must arrive before the card is told about this memory. */
	wmb();
}

/* Fill a new buffer's VRAM with zero. Kernel buffers are cleared by who makes them. */
static int ogpu_ttm_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
			  struct ttm_resource *res)
{
	struct dma_fence *fence;

	if (bo->type == ttm_bo_type_kernel)
		return 0;

	fence = odev->mem->ops->clear(odev, bo, res);
	if (!IS_ERR(fence)) {
		dma_resv_add_fence(bo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
		dma_fence_put(fence);
		return 0;
	}

	if (!ogpu_cpu_reaches(res))
		return PTR_ERR(fence);

	ogpu_cpu_clear(odev, bo, res);
	return 0;
}

static int ogpu_ttm_copy(struct ogpu_device *odev, struct ttm_buffer_object *bo, bool evict,
			 struct ttm_operation_ctx *ctx, struct ttm_resource *new)
{
	struct dma_fence *fence;
	int ret;

	ret = ttm_bo_wait_ctx(bo, ctx);
	if (ret)
		return ret;

	fence = odev->mem->ops->move(odev, bo, bo->resource, new);
	if (!IS_ERR(fence)) {
		ret = ttm_bo_move_accel_cleanup(bo, fence, evict, false, new);
		if (ret) {
			/* No memory to let the old place linger, or the copy takes long. */
			dma_fence_wait(fence, false);
			ttm_bo_move_sync_cleanup(bo, new);
		}
		dma_fence_put(fence);
		return 0;
	}

	if (!ogpu_cpu_reaches(bo->resource) || !ogpu_cpu_reaches(new))
		return PTR_ERR(fence);

	ogpu_cpu_copy(odev, bo, bo->resource, new);
	ttm_bo_move_sync_cleanup(bo, new);
	return 0;
}

static int ogpu_ttm_move_hw(struct ogpu_device *odev, struct ttm_buffer_object *bo, bool evict,
			    struct ttm_operation_ctx *ctx, struct ttm_resource *new)
{
	int ret, idx;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	if (bo->resource) {
		ret = ogpu_ttm_copy(odev, bo, evict, ctx, new);
	} else {
		ret = ogpu_ttm_clear(odev, bo, new);
		if (!ret) {
			/* Left over from the time when it had no place at all. */
			if (bo->ttm)
				ogpu_ttm_tt_destroy(bo->bdev, bo->ttm);
			bo->ttm = NULL;
			ttm_bo_move_null(bo, new);
		}
	}

	ogpu_device_exit(odev, idx);
	return ret;
}

static int ogpu_ttm_move(struct ttm_buffer_object *bo, bool evict, struct ttm_operation_ctx *ctx,
			 struct ttm_resource *new, struct ttm_place *hop)
{
	struct ogpu_device *odev = ttm_to_ogpu_device(bo->bdev);
	struct ttm_resource *old = bo->resource;
	int ret;

	if (!old) {
		/* Pages of a new buffer come zeroed. */
		if (new->mem_type == TTM_PL_VRAM)
			return ogpu_ttm_move_hw(odev, bo, evict, ctx, new);
		ttm_bo_move_null(bo, new);
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

	/* All address spaces that map it must renew their page tables before their next job. */
	odev->mem->moved(bo);

	if (old->mem_type == TTM_PL_TT && new->mem_type == TTM_PL_SYSTEM) {
		ret = ttm_bo_wait_ctx(bo, ctx);
		if (ret)
			return ret;
		ttm_bo_move_null(bo, new);
		return 0;
	}

	return ogpu_ttm_move_hw(odev, bo, evict, ctx, new);
}

static bool ogpu_ttm_eviction_valuable(struct ttm_buffer_object *bo,
				       const struct ttm_place *place)
{
	struct ogpu_mem *mem = container_of(bo->bdev, struct ogpu_mem, ttm);

	/* It is not moved but freed. */
	if (bo->deleted)
		return ttm_bo_eviction_valuable(bo, place);

	switch (bo->resource->mem_type) {
	case TTM_PL_TT:
		/* To SYSTEM: the pages would stay, only the limit would be got round. */
		return false;
	case TTM_PL_VRAM:
		if (ttm_resource_manager_usage(&mem->tt) + bo->base.size > mem->tt.size)
			return false;
		break;
	}

	return ttm_bo_eviction_valuable(bo, place);
}

static void ogpu_ttm_evict_flags(struct ttm_buffer_object *bo, struct ttm_placement *placement)
{
	static const struct ttm_place tt = { .mem_type = TTM_PL_TT };
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };

	placement->num_placement = 1;
	placement->placement = bo->resource->mem_type == TTM_PL_VRAM ? &tt : &system;
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
}

static const struct ttm_device_funcs ogpu_ttm_funcs = {
	.ttm_tt_create = ogpu_ttm_tt_create,
	.ttm_tt_destroy = ogpu_ttm_tt_destroy,
	.eviction_valuable = ogpu_ttm_eviction_valuable,
	.evict_flags = ogpu_ttm_evict_flags,
	.move = ogpu_ttm_move,
	.release_notify = ogpu_ttm_release_notify,
	.io_mem_reserve = ogpu_ttm_io_mem_reserve,
	.io_mem_pfn = ogpu_ttm_io_mem_pfn,
};

static void ogpu_mem_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_mem *mem = arg;

	/* Buffers whose last reference is gone but that waited for their fences. */
	flush_workqueue(mem->ttm.wq);

	ogpu_vram_mgr_fini(&mem->vram);
	ttm_resource_manager_set_used(&mem->tt, false);
	ttm_resource_manager_cleanup(&mem->tt);
	ttm_set_driver_manager(&mem->ttm, TTM_PL_TT, NULL);
	ttm_device_fini(&mem->ttm);
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
	spin_lock_init(&mem->binds.lock);
	INIT_LIST_HEAD(&mem->binds.parked);
	INIT_LIST_HEAD(&mem->binds.vms);

	ret = ogpu_ttm_device_init(&mem->ttm, &ogpu_ttm_funcs, drm->dev,
				   drm->anon_inode->i_mapping, drm->vma_offset_manager,
				   drm_need_swiotlb(odev->disc.dma_bits),
				   dma_addressing_limited(drm->dev));
	if (ret)
		return ret;

	ret = ogpu_vram_mgr_init(&mem->vram, odev, &mem->ttm);
	if (ret)
		goto err_ttm;

	ogpu_tt_mgr_init(mem);

	return drmm_add_action_or_reset(drm, ogpu_mem_fini, mem);

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

	flush_workqueue(mem->preempts.resume_wq);
	flush_workqueue(mem->ttm.wq);
	ogpu_mem_unmap_cpu(odev);
	ttm_device_clear_dma_mappings(&mem->ttm);
}

/**
 * ogpu_mem_begin() - before locking buffers in order to place them
 * @odev: the card
 * @mode: OGPU_MEM_SHARED at first; see ogpu_mem_retry()
 *
 * When it returns 0 the lock is held for reading or writing. No dma_resv may be held.
 *
 * Return: 0, or -EINTR.
 */
int ogpu_mem_begin(struct ogpu_device *odev, enum ogpu_mem_mode mode)
{
	if (mode == OGPU_MEM_EXCLUSIVE)
		return down_write_killable(&odev->mem->validate_lock);

	return down_read_interruptible(&odev->mem->validate_lock);
}

/**
 * ogpu_mem_retry() - after trying to place buffers
 * @odev: the card
 * @mode: what was given to ogpu_mem_begin(); changed for the next try
 * @ret: how it went; after an error everything else is undone
 *
 * After success the lock stays held for reading, until ogpu_mem_end(); otherwise it is released.
 *
 * Return: whether to try once more.
 */
bool ogpu_mem_retry(struct ogpu_device *odev, enum ogpu_mem_mode *mode, int ret)
{
	struct rw_semaphore *lock = &odev->mem->validate_lock;

	if (*mode == OGPU_MEM_EXCLUSIVE) {
		if (ret)
			up_write(lock);
		else
			downgrade_write(lock);
		return false;
	}

	if (!ret)
		return false;

	up_read(lock);
	*mode = OGPU_MEM_EXCLUSIVE;

	/* Older kernels say -ENOMEM for both. */
	return ret == -ENOSPC || ret == -ENOMEM;
}

/**
 * ogpu_mem_end() - after unlocking buffers that were placed
 * @odev: the card
 */
void ogpu_mem_end(struct ogpu_device *odev)
{
	up_read(&odev->mem->validate_lock);
}

/**
 * ogpu_mem_get_stats() - how much memory is in use
 * @odev: the card
 * @stats: out
 */
void ogpu_mem_get_stats(struct ogpu_device *odev, struct drm_ogpu_query_memory *stats)
{
	struct ogpu_mem *mem = odev->mem;
	struct ttm_resource_manager *system = ttm_manager_type(&mem->ttm, TTM_PL_SYSTEM);
	struct ogpu_vram_mgr *vram = &mem->vram;

	stats->vram_size = vram->base.size - vram->reserved_size;
	stats->vram_visible_size = vram->visible_size - vram->reserved_size;
	ogpu_vram_mgr_usage(vram, &stats->vram_used, &stats->vram_visible_used);
	stats->system_size = mem->tt.size;
	stats->system_used = ttm_resource_manager_usage(&mem->tt) +
			     ttm_resource_manager_usage(system);
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
