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
#include <linux/bitmap.h>
#include <linux/dma-fence.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>

#include "ogpu_compat.h"
#include "ogpu_vram_mgr.h"

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

static void ogpu_vram_idle(struct ogpu_vram_busy *busy)
{
	struct ogpu_vram_mgr *mgr = container_of(busy, struct ogpu_vram_mgr, busy);

	mgr->freed(mgr->odev);
}

/**
 * ogpu_vram_begin_leave() - prepare to move away what is in a piece of VRAM
 * @res: the piece
 *
 * May be called again.
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_vram_begin_leave(struct ttm_resource *res)
{
	struct ogpu_vram_mgr *mgr =
		to_ogpu_vram_mgr(ttm_manager_type(res->bo->bdev, TTM_PL_VRAM));
	struct ogpu_vram_resource *vres = to_ogpu_vram_resource(res);

	if (!vres->left)
		vres->left = ogpu_vram_left_create(&mgr->mm, &vres->blocks);

	return vres->left ? 0 : -ENOMEM;
}

/**
 * ogpu_vram_leave() - what is in a piece of VRAM is being moved away
 * @res: the piece, after ogpu_vram_begin_leave(), about to be freed
 * @fence: of the move
 */
void ogpu_vram_leave(struct ttm_resource *res, struct dma_fence *fence)
{
	to_ogpu_vram_resource(res)->left->fence = dma_fence_get(fence);
}

/**
 * ogpu_vram_arrived() - the first use of a piece of VRAM waits for what it has to wait for
 * @res: the piece
 */
void ogpu_vram_arrived(struct ttm_resource *res)
{
	ogpu_vram_deps_fini(&to_ogpu_vram_resource(res)->deps);
}

/* The blocks of a resource are about to be freed: the card may still copy what was there. */
static void ogpu_vram_note_busy(struct ogpu_vram_mgr *mgr, struct ogpu_vram_resource *vres)
{
	if (vres->left && vres->left->fence)
		ogpu_vram_busy_add(&mgr->busy, vres->left);
	else
		ogpu_vram_left_free(vres->left);
	vres->left = NULL;
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

/*
 * How many times blocks that are busy are refused before there is said to be no room, and how much
 * is asked for at once, more each time, so that what little is idle is found.
 */
#define OGPU_VRAM_TRIES		64
#define OGPU_VRAM_ASK_MOST	((u64)SZ_256M)

/**
 * struct ogpu_vram_search - blocks found for one resource, none of which is busy
 */
struct ogpu_vram_search {
	/** @flags: GPU_BUDDY_* */
	unsigned long flags;
	/** @start: of the part of VRAM where they may be */
	u64 start;
	/** @end: of that */
	u64 end;
	/** @left: bytes that are still missing */
	u64 left;
	/** @cpu: for the CPU, which cannot wait for any copy; the card waits for short ones */
	bool cpu;
	/** @refused: blocks that are busy, and so that they are not found again, not free yet */
	struct list_head refused;
};

static bool ogpu_vram_block_waits(struct ogpu_vram_mgr *mgr, struct gpu_buddy_block *block,
				  bool cpu)
{
	u64 start = gpu_buddy_block_offset(block);

	return ogpu_vram_is_busy(&mgr->busy, start, start + gpu_buddy_block_size(&mgr->mm, block),
				 cpu ? NULL : mgr->waits);
}

/* Takes the head of a block, which is more than is missing. Certain to succeed. */
static int ogpu_vram_split(struct ogpu_vram_mgr *mgr, struct gpu_buddy_block *block, u64 size,
			   struct list_head *kept)
{
	u64 start = gpu_buddy_block_offset(block);
	LIST_HEAD(whole);
	LIST_HEAD(part);
	int ret;

	list_move(&block->link, &whole);
	gpu_buddy_free_list(&mgr->mm, &whole, 0);
	ret = ogpu_vram_alloc_blocks(mgr, start, start + size, size, GPU_BUDDY_RANGE_ALLOCATION,
				     &part);
	list_splice_tail(&part, kept);

	return ret;
}

/* Keeps blocks that are not busy, as many as are missing. */
static int ogpu_vram_sort(struct ogpu_vram_mgr *mgr, struct ogpu_vram_search *search,
			  struct list_head *found, struct list_head *kept)
{
	bool whole = search->flags & GPU_BUDDY_CONTIGUOUS_ALLOCATION;
	struct gpu_buddy_block *block, *next;
	u64 size;
	int ret;

	list_for_each_entry(block, found, link) {
		if (whole && ogpu_vram_block_waits(mgr, block, search->cpu)) {
			list_splice_init(found, &search->refused);
			return 0;
		}
	}
	list_for_each_entry_safe(block, next, found, link) {
		size = gpu_buddy_block_size(&mgr->mm, block);
		if (!search->left || ogpu_vram_block_waits(mgr, block, search->cpu)) {
			list_move(&block->link, &search->refused);
		} else if (size <= search->left || whole) {
			list_move_tail(&block->link, kept);
			search->left -= min(size, search->left);
		} else {
			ret = ogpu_vram_split(mgr, block, search->left, kept);
			if (ret)
				return ret;
			search->left = 0;
		}
	}

	return 0;
}

static int ogpu_vram_search(struct ogpu_vram_mgr *mgr, struct ogpu_vram_search *search,
			    struct list_head *kept)
{
	bool whole = search->flags & GPU_BUDDY_CONTIGUOUS_ALLOCATION;
	u64 most = max(search->left, OGPU_VRAM_ASK_MOST);
	u64 ask = search->left;
	unsigned int tries;
	LIST_HEAD(found);
	int ret = 0;

	for (tries = 0; tries < OGPU_VRAM_TRIES && search->left; tries++) {
		ret = ogpu_vram_alloc_blocks(mgr, search->start, search->end, ask, search->flags,
					     &found);
		if (ret == -ENOSPC && ask > search->left) {
			most = max(rounddown_pow_of_two(ask) / 2, search->left);
			ask = most;
			continue;
		}
		if (!ret)
			ret = ogpu_vram_sort(mgr, search, &found, kept);
		gpu_buddy_free_list(&mgr->mm, &found, 0);
		if (ret)
			return ret;
		ask = whole ? search->left : clamp(2 * ask, search->left, most);
	}

	return search->left ? -ENOSPC : 0;
}

/* Memory for which no jobs have to be waited for, and if it is for the CPU nothing at all. */
static int ogpu_vram_alloc_idle(struct ogpu_vram_mgr *mgr, struct ogpu_vram_resource *vres,
				u64 start, u64 end, unsigned long flags, bool cpu)
{
	struct ogpu_vram_search search = {
		.flags = flags,
		.start = start,
		.end = end,
		.left = vres->base.size,
		.cpu = cpu,
		.refused = LIST_HEAD_INIT(search.refused),
	};
	int ret;

	ogpu_vram_busy_clean(&mgr->busy);
	ret = ogpu_vram_search(mgr, &search, &vres->blocks);
	gpu_buddy_free_list(&mgr->mm, &search.refused, 0);
	if (ret)
		gpu_buddy_free_list(&mgr->mm, &vres->blocks, 0);

	return ret;
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

	vres = kzalloc_obj(*vres, GFP_KERNEL);
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
	ret = ogpu_vram_deps_init(&vres->deps, &mgr->busy, &mgr->mm, &vres->blocks);
	if (ret) {
		gpu_buddy_free_list(&mgr->mm, &vres->blocks, 0);
		goto err_unlock;
	}

	list_for_each_entry(block, &vres->blocks, link)
		vres->visible += ogpu_vram_block_visible(mgr, block);
	mgr->visible_used += vres->visible;
	vres->pinned = bo->type == ttm_bo_type_kernel;
	if (vres->pinned)
		mgr->pinned += vres->base.size;
	list_add_tail(&vres->link, &mgr->resources);
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
	if (ret == -ENOSPC)
		mgr->no_room(place, bo);
	ttm_resource_fini(man, &vres->base);
	kfree(vres);
	return ret;
}

static void ogpu_vram_free(struct ttm_resource_manager *man, struct ttm_resource *res)
{
	struct ogpu_vram_mgr *mgr = to_ogpu_vram_mgr(man);
	struct ogpu_vram_resource *vres = to_ogpu_vram_resource(res);

	mutex_lock(&mgr->lock);
	list_del(&vres->link);
	ogpu_vram_note_busy(mgr, vres);
	gpu_buddy_free_list(&mgr->mm, &vres->blocks, 0);
	mgr->visible_used -= vres->visible;
	if (vres->pinned)
		mgr->pinned -= vres->base.size;
	WRITE_ONCE(mgr->frees, mgr->frees + 1);
	mutex_unlock(&mgr->lock);
	mgr->freed(mgr->odev);

	ogpu_vram_deps_fini(&vres->deps);
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
	INIT_LIST_HEAD(&mgr->reserved);
	INIT_LIST_HEAD(&mgr->bad);
	INIT_LIST_HEAD(&mgr->resources);
	mutex_init(&mgr->lock);
	ogpu_vram_busy_init(&mgr->busy, &mgr->lock, ogpu_vram_idle);

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

	ogpu_vram_busy_fini(&mgr->busy);
	mutex_lock(&mgr->lock);
	gpu_buddy_free_list(&mgr->mm, &mgr->reserved, 0);
	gpu_buddy_free_list(&mgr->mm, &mgr->bad, 0);
	mutex_unlock(&mgr->lock);

	gpu_buddy_fini(&mgr->mm);
	ttm_resource_manager_cleanup(&mgr->base);
	ttm_set_driver_manager(ttm, TTM_PL_VRAM, NULL);
	mutex_destroy(&mgr->lock);
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
	if (!ogpu_vram_is_busy(&mgr->busy, start, end, NULL))
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
 * ogpu_vram_mgr_mark_used() - where is there something that somebody may still read?
 * @mgr: the allocator
 * @chunks: a bit for each chunk of VRAM; set for those that are in use, or busy
 *
 * The head of VRAM and bad pages are not told.
 */
void ogpu_vram_mgr_mark_used(struct ogpu_vram_mgr *mgr, unsigned long *chunks)
{
	u64 chunk = mgr->mm.chunk_size;
	struct ogpu_vram_resource *vres;
	struct gpu_buddy_block *block;

	mutex_lock(&mgr->lock);
	list_for_each_entry(vres, &mgr->resources, link)
		list_for_each_entry(block, &vres->blocks, link)
			bitmap_set(chunks, div64_u64(gpu_buddy_block_offset(block), chunk),
				   div64_u64(gpu_buddy_block_size(&mgr->mm, block), chunk));
	ogpu_vram_busy_mark(&mgr->busy, chunks, chunk);
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
