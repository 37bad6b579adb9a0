// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Who has which part of VRAM.
 *
 * DOC: VRAM
 *
 * A buddy allocator hands out blocks of at least 64 KiB, so that every buffer in VRAM can be mapped
 * with CONTIG entries. The head of VRAM belongs to the card's tables and to firmware and is taken
 * from the allocator at the start. The CPU sees only the first bytes of VRAM, the aperture;
 * buffers that it must reach are placed there with ttm_place.lpfn, others begin at the far end,
 * so that the scarce part stays free.
 *
 * Memory of a buffer that is moved away is free at once, for who can wait on the card: it is
 * remembered as busy until it has been copied. Who gets it has its first access, a clear or a copy,
 * wait for that, and nobody else waits. If the copy waits for jobs, that may be long: such memory
 * is handed out only if nothing else is left (&struct ogpu_mem_try.busy). The driver's own buffers
 * are written by the CPU and never get memory that is busy.
 */
#include <linux/dma-fence.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>

#include "ogpu_compat.h"
#include "ogpu_vram_mgr.h"

/* How often busy memory is looked at that nobody asks for. */
#define OGPU_VRAM_CLEAN_DELAY	(HZ / 10)

/* Bytes of a block that lie in the aperture. */
static u64 ogpu_vram_block_visible(struct ogpu_vram_mgr *mgr, struct gpu_buddy_block *block)
{
	u64 start = gpu_buddy_block_offset(block);
	u64 end = start + gpu_buddy_block_size(&mgr->mm, block);

	if (start >= mgr->visible_size)
		return 0;

	return min(end, mgr->visible_size) - start;
}

static bool ogpu_vram_is_contiguous(struct ogpu_vram_mgr *mgr, struct list_head *blocks)
{
	struct gpu_buddy_block *block;
	u64 expected = 0;
	bool first = true;

	list_for_each_entry(block, blocks, link) {
		u64 start = gpu_buddy_block_offset(block);

		if (!first && start != expected)
			return false;
		expected = start + gpu_buddy_block_size(&mgr->mm, block);
		first = false;
	}

	return true;
}

/* The part of VRAM in which a buffer may be. */
static void ogpu_vram_place_range(struct ttm_resource_manager *man, const struct ttm_place *place,
				  u64 *start, u64 *end)
{
	*start = (u64)place->fpfn << PAGE_SHIFT;
	*end = place->lpfn ? min((u64)place->lpfn << PAGE_SHIFT, man->size) : man->size;
}

/*
 * Busy memory
 */

static void ogpu_vram_busy_drop(struct ogpu_vram_mgr *mgr, u32 i)
{
	dma_fence_put(mgr->busy[i].fence);
	mgr->busy[i] = mgr->busy[--mgr->busy_count];
}

/* The later of two fences of a timeline stands for both. Consumes @fence. */
static void ogpu_vram_busy_extend(struct ogpu_vram_busy *busy, u64 start, u64 end,
				  struct dma_fence *fence)
{
	busy->start = min(busy->start, start);
	busy->end = max(busy->end, end);
	if (dma_fence_is_later(fence, busy->fence))
		swap(busy->fence, fence);
	dma_fence_put(fence);
}

/* Make room: one range for each timeline, which says more than is true, but nothing less. */
static void ogpu_vram_busy_merge(struct ogpu_vram_mgr *mgr)
{
	u32 i, k;

	for (i = 0; i < mgr->busy_count; i++) {
		for (k = mgr->busy_count - 1; k > i; k--) {
			struct ogpu_vram_busy *busy = &mgr->busy[k];

			if (busy->fence->context != mgr->busy[i].fence->context)
				continue;
			ogpu_vram_busy_extend(&mgr->busy[i], busy->start, busy->end,
					      dma_fence_get(busy->fence));
			ogpu_vram_busy_drop(mgr, k);
		}
	}
}

static void ogpu_vram_busy_add(struct ogpu_vram_mgr *mgr, u64 start, u64 end,
			       struct dma_fence *fence)
{
	struct ogpu_vram_busy *last = mgr->busy_count ? &mgr->busy[mgr->busy_count - 1] : NULL;

	lockdep_assert_held(&mgr->lock);

	if (last && last->fence->context == fence->context &&
	    (last->end == start || last->start == end)) {
		ogpu_vram_busy_extend(last, start, end, dma_fence_get(fence));
		return;
	}
	if (mgr->busy_count == OGPU_VRAM_BUSY)
		ogpu_vram_busy_merge(mgr);
	mgr->busy[mgr->busy_count++] = (struct ogpu_vram_busy) {
		.start = start,
		.end = end,
		.fence = dma_fence_get(fence),
	};
}

static void ogpu_vram_deps_add(struct ogpu_vram_deps *deps, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < deps->count; i++) {
		if (deps->fences[i]->context != fence->context)
			continue;
		if (dma_fence_is_later(fence, deps->fences[i])) {
			dma_fence_put(deps->fences[i]);
			deps->fences[i] = dma_fence_get(fence);
		}
		return;
	}
	/* Fences of other queues than those that the card has now have all signalled. */
	if (!WARN_ON_ONCE(deps->count == OGPU_VRAM_TIMELINES))
		deps->fences[deps->count++] = dma_fence_get(fence);
}

static void ogpu_vram_deps_fini(struct ogpu_vram_deps *deps)
{
	while (deps->count)
		dma_fence_put(deps->fences[--deps->count]);
}

/* Forget what is idle by now. */
static void ogpu_vram_busy_clean(struct ogpu_vram_mgr *mgr)
{
	u32 i;

	lockdep_assert_held(&mgr->lock);

	for (i = mgr->busy_count; i--;) {
		if (dma_fence_is_signaled(mgr->busy[i].fence))
			ogpu_vram_busy_drop(mgr, i);
	}
}

/*
 * Nobody may want memory for long, but a signalled fence that is kept keeps the module on kernels
 * that do not detach it from its driver.
 */
static void ogpu_vram_clean_work(struct work_struct *work)
{
	struct ogpu_vram_mgr *mgr = container_of(to_delayed_work(work), struct ogpu_vram_mgr,
						 clean);

	mutex_lock(&mgr->lock);
	ogpu_vram_busy_clean(mgr);
	if (mgr->busy_count)
		schedule_delayed_work(&mgr->clean, OGPU_VRAM_CLEAN_DELAY);
	mutex_unlock(&mgr->lock);
}

static bool ogpu_vram_is_busy(struct ogpu_vram_mgr *mgr, u64 start, u64 end)
{
	u32 i;

	ogpu_vram_busy_clean(mgr);
	for (i = 0; i < mgr->busy_count; i++) {
		if (mgr->busy[i].start < end && start < mgr->busy[i].end)
			return true;
	}

	return false;
}

/* What the blocks of a new resource were used for is not over: note until when. */
static void ogpu_vram_find_deps(struct ogpu_vram_mgr *mgr, struct ogpu_vram_resource *vres)
{
	struct gpu_buddy_block *block;
	u32 i;

	ogpu_vram_busy_clean(mgr);
	if (!mgr->busy_count)
		return;

	list_for_each_entry(block, &vres->blocks, link) {
		u64 start = gpu_buddy_block_offset(block);
		u64 end = start + gpu_buddy_block_size(&mgr->mm, block);

		for (i = 0; i < mgr->busy_count; i++) {
			if (mgr->busy[i].start < end && start < mgr->busy[i].end)
				ogpu_vram_deps_add(&vres->deps, mgr->busy[i].fence);
		}
	}
}

/* The blocks of a resource are about to be freed while the card still copies what was there. */
static void ogpu_vram_note_busy(struct ogpu_vram_mgr *mgr, struct ogpu_vram_resource *vres)
{
	struct gpu_buddy_block *block;

	lockdep_assert_held(&mgr->lock);

	if (!vres->moved || dma_fence_is_signaled(vres->moved))
		return;
	list_for_each_entry(block, &vres->blocks, link) {
		u64 start = gpu_buddy_block_offset(block);

		ogpu_vram_busy_add(mgr, start, start + gpu_buddy_block_size(&mgr->mm, block),
				   vres->moved);
	}
	schedule_delayed_work(&mgr->clean, OGPU_VRAM_CLEAN_DELAY);
}

static int ogpu_vram_alloc_blocks(struct ogpu_vram_mgr *mgr, u64 start, u64 end, u64 size,
				  unsigned long flags, struct list_head *blocks)
{
	int ret;

	lockdep_assert_held(&mgr->lock);

	ret = gpu_buddy_alloc_blocks(&mgr->mm, start, end, size, mgr->mm.chunk_size, blocks, flags);

	/* A contiguous request over the largest block is told as -EINVAL. */
	return ret == -EINVAL ? -ENOSPC : ret;
}

/* How many times blocks that are busy are refused before there is said to be no room. */
#define OGPU_VRAM_TRIES		16

/*
 * Would who gets this block have to wait? The CPU for any copy, the card only for those that wait
 * for jobs themselves: others are over soon.
 */
static bool ogpu_vram_block_waits(struct ogpu_vram_mgr *mgr, struct gpu_buddy_block *block,
				  bool cpu)
{
	u64 start = gpu_buddy_block_offset(block);
	u64 end = start + gpu_buddy_block_size(&mgr->mm, block);
	u32 i;

	for (i = 0; i < mgr->busy_count; i++) {
		if (mgr->busy[i].start < end && start < mgr->busy[i].end &&
		    (cpu || mgr->busy[i].fence->context != mgr->prompt))
			return true;
	}

	return false;
}

/* Blocks that wait go to @refused: if memory must be contiguous all do. Returns bytes kept. */
static u64 ogpu_vram_sort(struct ogpu_vram_mgr *mgr, struct list_head *found,
			  struct list_head *kept, struct list_head *refused, bool whole, bool cpu)
{
	struct gpu_buddy_block *block, *next;
	u64 bytes = 0;

	list_for_each_entry(block, found, link) {
		if (whole && ogpu_vram_block_waits(mgr, block, cpu)) {
			list_splice_init(found, refused);
			return 0;
		}
	}
	list_for_each_entry_safe(block, next, found, link) {
		if (ogpu_vram_block_waits(mgr, block, cpu)) {
			list_move(&block->link, refused);
			continue;
		}
		list_move_tail(&block->link, kept);
		bytes += gpu_buddy_block_size(&mgr->mm, block);
	}

	return bytes;
}

/* Memory for which no jobs have to be waited for, and if it is for the CPU nothing at all. */
static int ogpu_vram_alloc_idle(struct ogpu_vram_mgr *mgr, struct ogpu_vram_resource *vres,
				u64 start, u64 end, unsigned long flags, bool cpu)
{
	bool whole = flags & GPU_BUDDY_CONTIGUOUS_ALLOCATION;
	u64 left = vres->base.size;
	LIST_HEAD(refused);
	unsigned int tries;
	LIST_HEAD(found);
	int ret = 0;

	ogpu_vram_busy_clean(mgr);
	for (tries = 0; tries < OGPU_VRAM_TRIES && left; tries++) {
		ret = ogpu_vram_alloc_blocks(mgr, start, end, left, flags, &found);
		if (ret)
			break;
		left -= min(left, ogpu_vram_sort(mgr, &found, &vres->blocks, &refused, whole, cpu));
	}
	gpu_buddy_free_list(&mgr->mm, &refused, 0);
	if (!left)
		return 0;

	gpu_buddy_free_list(&mgr->mm, &vres->blocks, 0);
	return ret ?: -ENOSPC;
}

static int ogpu_vram_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *bo,
			   const struct ttm_place *place, struct ttm_resource **res)
{
	struct ogpu_vram_mgr *mgr = to_ogpu_vram_mgr(man);
	struct ogpu_vram_resource *vres;
	struct gpu_buddy_block *block;
	unsigned long flags = 0;
	u64 start, end;
	int ret;

	vres = kzalloc_obj(*vres);
	if (!vres)
		return -ENOMEM;

	ttm_resource_init(bo, place, &vres->base);
	INIT_LIST_HEAD(&vres->blocks);

	ogpu_vram_place_range(man, place, &start, &end);
	if (start || end != man->size)
		flags |= GPU_BUDDY_RANGE_ALLOCATION;
	if (place->flags & TTM_PL_FLAG_TOPDOWN)
		flags |= GPU_BUDDY_TOPDOWN_ALLOCATION;
	if (place->flags & TTM_PL_FLAG_CONTIGUOUS)
		flags |= GPU_BUDDY_CONTIGUOUS_ALLOCATION;

	mutex_lock(&mgr->lock);
	if (vres->base.size > mgr->mm.avail ||
	    (end <= mgr->visible_size &&
	     vres->base.size > mgr->visible_size - mgr->visible_used)) {
		ret = -ENOSPC;
		goto err_unlock;
	}

	ret = ogpu_vram_alloc_idle(mgr, vres, start, end, flags, bo->type == ttm_bo_type_kernel);
	if (ret == -ENOSPC && bo->type != ttm_bo_type_kernel && mgr->takes_busy(place))
		ret = ogpu_vram_alloc_blocks(mgr, start, end, vres->base.size, flags,
					     &vres->blocks);
	if (ret)
		goto err_unlock;
	ogpu_vram_find_deps(mgr, vres);

	list_for_each_entry(block, &vres->blocks, link)
		vres->visible += ogpu_vram_block_visible(mgr, block);
	mgr->visible_used += vres->visible;
	vres->pinned = bo->type == ttm_bo_type_kernel;
	if (vres->pinned)
		mgr->pinned += vres->base.size;
	mutex_unlock(&mgr->lock);

	vres->base.start = OGPU_VRAM_SCATTERED;
	if (ogpu_vram_is_contiguous(mgr, &vres->blocks)) {
		block = list_first_entry(&vres->blocks, struct gpu_buddy_block, link);
		vres->base.start = gpu_buddy_block_offset(block) >> PAGE_SHIFT;
		vres->base.placement |= TTM_PL_FLAG_CONTIGUOUS;
	}

	*res = &vres->base;
	return 0;

err_unlock:
	mutex_unlock(&mgr->lock);
	ttm_resource_fini(man, &vres->base);
	kfree(vres);
	return ret;
}

static void ogpu_vram_free(struct ttm_resource_manager *man, struct ttm_resource *res)
{
	struct ogpu_vram_mgr *mgr = to_ogpu_vram_mgr(man);
	struct ogpu_vram_resource *vres = to_ogpu_vram_resource(res);

	mutex_lock(&mgr->lock);
	ogpu_vram_note_busy(mgr, vres);
	gpu_buddy_free_list(&mgr->mm, &vres->blocks, 0);
	mgr->visible_used -= vres->visible;
	if (vres->pinned)
		mgr->pinned -= vres->base.size;
	WRITE_ONCE(mgr->frees, mgr->frees + 1);
	mutex_unlock(&mgr->lock);
	mgr->freed(mgr->odev);

	ogpu_vram_deps_fini(&vres->deps);
	dma_fence_put(vres->moved);
	ttm_resource_fini(man, res);
	kfree(vres);
}

/* Both checks look at blocks of a live resource, which never change. */
static bool ogpu_vram_intersects(struct ttm_resource_manager *man, struct ttm_resource *res,
				 const struct ttm_place *place, size_t size)
{
	struct ogpu_vram_mgr *mgr = to_ogpu_vram_mgr(man);
	struct gpu_buddy_block *block;
	u64 start, end;

	ogpu_vram_place_range(man, place, &start, &end);
	if (!start && end == man->size)
		return true;
	list_for_each_entry(block, &to_ogpu_vram_resource(res)->blocks, link) {
		u64 offset = gpu_buddy_block_offset(block);

		if (offset < end && offset + gpu_buddy_block_size(&mgr->mm, block) > start)
			return true;
	}

	return false;
}

static bool ogpu_vram_compatible(struct ttm_resource_manager *man, struct ttm_resource *res,
				 const struct ttm_place *place, size_t size)
{
	struct ogpu_vram_mgr *mgr = to_ogpu_vram_mgr(man);
	struct gpu_buddy_block *block;
	u64 start, end;

	ogpu_vram_place_range(man, place, &start, &end);
	if (!start && end == man->size)
		return true;
	if (!start && end == mgr->visible_size)
		return to_ogpu_vram_resource(res)->visible == res->size;
	list_for_each_entry(block, &to_ogpu_vram_resource(res)->blocks, link) {
		u64 offset = gpu_buddy_block_offset(block);

		if (offset < start || offset + gpu_buddy_block_size(&mgr->mm, block) > end)
			return false;
	}

	return true;
}

static void ogpu_vram_debug(struct ttm_resource_manager *man, struct drm_printer *p)
{
	ogpu_vram_mgr_print(to_ogpu_vram_mgr(man), p);
}

static const struct ttm_resource_manager_func ogpu_vram_func = {
	.alloc = ogpu_vram_alloc,
	.free = ogpu_vram_free,
	.intersects = ogpu_vram_intersects,
	.compatible = ogpu_vram_compatible,
	.debug = ogpu_vram_debug,
};

/**
 * ogpu_vram_mgr_init() - set up the allocator
 * @mgr: the allocator
 * @odev: card whose discovery table has been read
 * @ttm: its TTM device
 *
 * Undone by ogpu_vram_mgr_fini().
 *
 * Return: 0, -EINVAL if the CPU sees no more VRAM than the head that is never handed out, -ENOMEM.
 */
int ogpu_vram_mgr_init(struct ogpu_vram_mgr *mgr, struct ogpu_device *odev,
		       struct ttm_device *ttm)
{
	u64 chunk = max_t(u64, SZ_64K, PAGE_SIZE);
	u64 size = round_down(odev->disc.vram_size, chunk);
	u64 visible = round_down(odev->disc.aperture_size, chunk);
	u64 reserved = round_up(ogpu_vram_reserved(odev), chunk);
	int ret;

	/* The CPU writes the head of VRAM, and page tables behind it. */
	if (reserved >= visible) {
		drm_err(&odev->drm,
			"CPU sees %llu bytes of VRAM but the driver needs more than %llu: broken discovery table\n",
			visible, reserved);
		return -EINVAL;
	}

	mgr->odev = odev;
	mgr->base.func = &ogpu_vram_func;
	mgr->reserved_size = reserved;
	mgr->visible_size = visible;
	INIT_DELAYED_WORK(&mgr->clean, ogpu_vram_clean_work);
	INIT_LIST_HEAD(&mgr->reserved);
	INIT_LIST_HEAD(&mgr->bad);
	mutex_init(&mgr->lock);

	ttm_resource_manager_init(&mgr->base, ttm, size);

	ret = gpu_buddy_init(&mgr->mm, size, chunk);
	if (ret)
		goto err_mutex;
	gpu_buddy_driver_set_lock(&mgr->mm, &mgr->lock);

	mutex_lock(&mgr->lock);
	ret = gpu_buddy_alloc_blocks(&mgr->mm, 0, reserved, reserved, chunk, &mgr->reserved,
				     GPU_BUDDY_RANGE_ALLOCATION);
	mgr->visible_used = reserved;
	mutex_unlock(&mgr->lock);
	if (ret)
		goto err_buddy;

	ttm_set_driver_manager(ttm, TTM_PL_VRAM, &mgr->base);
	ttm_resource_manager_set_used(&mgr->base, true);

	return 0;

err_buddy:
	gpu_buddy_fini(&mgr->mm);
err_mutex:
	mutex_destroy(&mgr->lock);
	return ret;
}

/**
 * ogpu_vram_mgr_fini() - take down the allocator
 * @mgr: the allocator; there are no buffers any more
 */
void ogpu_vram_mgr_fini(struct ogpu_vram_mgr *mgr)
{
	struct ttm_device *ttm = mgr->base.bdev;

	ttm_resource_manager_set_used(&mgr->base, false);

	cancel_delayed_work_sync(&mgr->clean);
	mutex_lock(&mgr->lock);
	while (mgr->busy_count)
		ogpu_vram_busy_drop(mgr, mgr->busy_count - 1);
	gpu_buddy_free_list(&mgr->mm, &mgr->reserved, 0);
	gpu_buddy_free_list(&mgr->mm, &mgr->bad, 0);
	mutex_unlock(&mgr->lock);

	gpu_buddy_fini(&mgr->mm);
	ttm_resource_manager_cleanup(&mgr->base);
	ttm_set_driver_manager(ttm, TTM_PL_VRAM, NULL);
	mutex_destroy(&mgr->lock);
}

/**
 * ogpu_vram_mgr_set_prompt() - say which copies wait for no jobs
 * @mgr: the allocator
 * @context: timeline of their fences
 */
void ogpu_vram_mgr_set_prompt(struct ogpu_vram_mgr *mgr, u64 context)
{
	mutex_lock(&mgr->lock);
	mgr->prompt = context;
	mutex_unlock(&mgr->lock);
}

/* Bytes of the chunk at @start, the least that is handed out, that the CPU can see. */
static u64 ogpu_vram_chunk_visible(struct ogpu_vram_mgr *mgr, u64 start)
{
	return start < mgr->visible_size ? mgr->mm.chunk_size : 0;
}

/**
 * ogpu_vram_mgr_take() - take what is around a place from those that may be handed out
 * @mgr: the allocator
 * @offset: the place, in VRAM
 * @blocks: out: the least piece that is handed out
 *
 * Return: 0, or an errno if a part of it is in use, or is still to be read by a move.
 */
int ogpu_vram_mgr_take(struct ogpu_vram_mgr *mgr, u64 offset, struct list_head *blocks)
{
	u64 start = round_down(offset, mgr->mm.chunk_size);
	u64 end = start + mgr->mm.chunk_size;
	int ret = -EBUSY;

	mutex_lock(&mgr->lock);
	if (!ogpu_vram_is_busy(mgr, start, end))
		ret = gpu_buddy_alloc_blocks(&mgr->mm, start, end, mgr->mm.chunk_size,
					     mgr->mm.chunk_size, blocks,
					     GPU_BUDDY_RANGE_ALLOCATION);
	if (!ret)
		mgr->visible_used += ogpu_vram_chunk_visible(mgr, start);
	mutex_unlock(&mgr->lock);

	return ret;
}

/**
 * ogpu_vram_mgr_give() - undo ogpu_vram_mgr_take()
 * @mgr: the allocator
 * @offset: as given to that
 * @blocks: as got from that
 */
void ogpu_vram_mgr_give(struct ogpu_vram_mgr *mgr, u64 offset, struct list_head *blocks)
{
	mutex_lock(&mgr->lock);
	gpu_buddy_free_list(&mgr->mm, blocks, 0);
	mgr->visible_used -= ogpu_vram_chunk_visible(mgr, round_down(offset, mgr->mm.chunk_size));
	mutex_unlock(&mgr->lock);
}

/**
 * ogpu_vram_mgr_keep() - what was taken is not handed out as long as the driver is bound
 * @mgr: the allocator
 * @blocks: from ogpu_vram_mgr_take()
 */
void ogpu_vram_mgr_keep(struct ogpu_vram_mgr *mgr, struct list_head *blocks)
{
	mutex_lock(&mgr->lock);
	list_splice(blocks, &mgr->bad);
	mutex_unlock(&mgr->lock);
}

/**
 * ogpu_vram_mgr_room() - how large can a buffer become if all that can be moved makes way?
 * @mgr: the allocator
 * @visible: it must be where the CPU can see it
 *
 * Return: bytes.
 */
u64 ogpu_vram_mgr_room(struct ogpu_vram_mgr *mgr, bool visible)
{
	u64 size = visible ? mgr->visible_size : mgr->base.size;

	return size - mgr->reserved_size - READ_ONCE(mgr->pinned);
}

/**
 * ogpu_vram_mgr_usage() - how much of VRAM is taken
 * @mgr: the allocator
 * @used: out: bytes in use by buffers and page tables
 * @visible_used: out: of these, bytes that the CPU can see
 *
 * The head of VRAM that is never handed out counts in neither.
 */
void ogpu_vram_mgr_usage(struct ogpu_vram_mgr *mgr, u64 *used, u64 *visible_used)
{
	mutex_lock(&mgr->lock);
	*used = mgr->mm.size - mgr->mm.avail - mgr->reserved_size;
	*visible_used = mgr->visible_used - mgr->reserved_size;
	mutex_unlock(&mgr->lock);
}

/**
 * ogpu_vram_mgr_print() - write the state of the allocator for people
 * @mgr: the allocator
 * @p: where to
 */
void ogpu_vram_mgr_print(struct ogpu_vram_mgr *mgr, struct drm_printer *p)
{
	mutex_lock(&mgr->lock);
	drm_printf(p, "size: %llu, reserved: %llu\n", mgr->base.size, mgr->reserved_size);
	drm_printf(p, "visible: %llu, used: %llu\n", mgr->visible_size, mgr->visible_used);
	drm_printf(p, "free: %llu, in pieces of %llu and more\n", mgr->mm.avail,
		   mgr->mm.chunk_size);
	mutex_unlock(&mgr->lock);
}
