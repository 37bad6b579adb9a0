// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * All buffers of a card, and how they give back their system memory when the card is unbound.
 *
 * DOC: Unbind
 *
 * Programs may keep buffers for as long as they like, but DMA mappings must not outlive the
 * binding. So whoever still has a reference keeps a buffer without memory. A buffer whose last
 * reference is gone is on its way out on some other CPU, and gives back its memory by itself: it is
 * not touched, but waited for. TTM has a function for this, but that takes buffers off its lists
 * while they are still counted as parts of them, and spins with the lock that a release needs when
 * it meets a buffer that is being released.
 *
 * Other devices that are attached to a buffer are told. If what they were doing with it is not over
 * within half a minute, or if they had it pinned, it keeps its memory until they let go of it: that
 * DMA mappings outlive the binding then is better than that others write to free memory. VRAM that
 * they use answers as long as they are waited for.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/find.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include <drm/drm_print.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_import.h"
#include "ogpu_share.h"
#include "ogpu_ttm.h"

/* Other devices that use buffers of the card are waited for so long, all together. */
#define OGPU_BOS_WAIT_MS	30000

/**
 * ogpu_bos_init() - begin without buffers
 * @mem: memory of a card
 */
void ogpu_bos_init(struct ogpu_mem *mem)
{
	spin_lock_init(&mem->bos.lock);
	INIT_LIST_HEAD(&mem->bos.all);
	INIT_LIST_HEAD(&mem->bos.imported);
	INIT_LIST_HEAD(&mem->bos.ending);
	init_waitqueue_head(&mem->bos.ended);
}

/**
 * ogpu_bos_add() - a buffer is being made
 * @bo: the buffer, with a reference; in ogpu_device_enter()
 */
void ogpu_bos_add(struct ogpu_bo *bo)
{
	struct ogpu_mem_bos *bos = &ogpu_bo_device(bo)->mem->bos;

	bo->imported.bo = bo;
	spin_lock(&bos->lock);
	list_add_tail(&bo->all, &bos->all);
	spin_unlock(&bos->lock);
}

/**
 * ogpu_bos_del() - a buffer is about to be freed
 * @bo: the buffer, without memory
 */
void ogpu_bos_del(struct ogpu_bo *bo)
{
	struct ogpu_mem_bos *bos = &ogpu_bo_device(bo)->mem->bos;

	spin_lock(&bos->lock);
	list_del(&bo->all);
	if (wq_has_sleeper(&bos->ended))
		wake_up(&bos->ended);
	spin_unlock(&bos->lock);
}

/**
 * ogpu_bos_set_imported() - other devices are attached to a buffer, or no other one any more
 * @bo: the buffer, locked
 * @imported: one is
 */
void ogpu_bos_set_imported(struct ogpu_bo *bo, bool imported)
{
	struct ogpu_mem_bos *bos = &ogpu_bo_device(bo)->mem->bos;

	spin_lock(&bos->lock);
	/* At the head, so that nobody's way becomes longer. */
	if (imported)
		list_add(&bo->imported.link, &bos->imported);
	else
		list_del(&bo->imported.link);
	spin_unlock(&bos->lock);
}

/**
 * ogpu_bos_next_imported() - go through the buffers that other devices are attached to
 * @mem: memory of a card
 * @way: all zero to begin with; to be gone to the end
 *
 * What is attached to for the first time meanwhile is not among them.
 *
 * Return: the next buffer, for ogpu_compat_mapped_bo_put(); NULL: this is the end.
 */
struct ogpu_bo *ogpu_bos_next_imported(struct ogpu_mem *mem, struct ogpu_bos_link *way)
{
	struct ogpu_mem_bos *bos = &mem->bos;
	struct ogpu_bo *bo = NULL;

	spin_lock(&bos->lock);
	if (!way->link.next)
		list_add(&way->link, &bos->imported);
	while (!bo && !list_is_last(&way->link, &bos->imported)) {
		struct ogpu_bos_link *next = list_next_entry(way, link);

		list_move(&way->link, &next->link);
		if (next->bo && ogpu_compat_mapped_bo_get_unless_zero(&next->bo->ttm))
			bo = next->bo;
	}
	if (!bo)
		list_del(&way->link);
	spin_unlock(&bos->lock);

	return bo;
}

/* Nobody waits for strangers' fences: they do not say that the card is at work. */
static void ogpu_bo_forget_fences(struct dma_resv *resv)
{
	struct dma_fence *stub = dma_fence_get_stub();
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		dma_resv_replace_fences(resv, fence->context, stub, dma_resv_iter_usage(&cursor));
	dma_fence_put(stub);
}

/* All fences of the card have signalled. */
static void ogpu_bo_give_back(struct ogpu_bo *bo, unsigned long deadline)
{
	struct ttm_operation_ctx ctx = {};
	struct ttm_placement nowhere = {};
	bool pages;

	dma_resv_lock(bo->ttm.base.resv, NULL);
	pages = bo->ttm.ttm && ttm_tt_is_populated(bo->ttm.ttm);
	if (ogpu_bo_is_import(bo)) {
		ogpu_import_stop(bo);
	} else if (ogpu_share_stop(bo, deadline) && pages) {
		ogpu_bo_forget_fences(bo->ttm.base.resv);
		if (ttm_bo_validate(&bo->ttm, &nowhere, &ctx))
			drm_warn(bo->ttm.base.dev, "a buffer keeps its memory\n");
		ogpu_bo_set_region(bo, OGPU_REGIONS);
	}
	dma_resv_unlock(bo->ttm.base.resv);
}

/**
 * ogpu_bos_stop() - take the system memory of all buffers
 * @mem: of a card that is being unbound, unplugged, with all its fences signalled
 *
 * Waits for buffers whose last reference is gone.
 */
void ogpu_bos_stop(struct ogpu_mem *mem)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(OGPU_BOS_WAIT_MS);
	struct ogpu_mem_bos *bos = &mem->bos;
	LIST_HEAD(stopped);
	struct ogpu_bo *bo;

	spin_lock(&bos->lock);
	while ((bo = list_first_entry_or_null(&bos->all, struct ogpu_bo, all))) {
		if (!ogpu_compat_mapped_bo_get_unless_zero(&bo->ttm)) {
			list_move_tail(&bo->all, &bos->ending);
			continue;
		}
		list_move_tail(&bo->all, &stopped);
		spin_unlock(&bos->lock);

		ogpu_bo_give_back(bo, deadline);
		ogpu_compat_mapped_bo_put(&bo->ttm);
		spin_lock(&bos->lock);
	}
	list_splice(&stopped, &bos->all);
	spin_unlock(&bos->lock);

	wait_event(bos->ended, list_empty_careful(&bos->ending));
}

static bool ogpu_bo_has_chunk(struct ogpu_vram_mgr *vram, struct ogpu_vram_resource *vres,
			      const unsigned long *chunks)
{
	u64 chunk = vram->mm.chunk_size;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, &vres->blocks, link) {
		u64 size = gpu_buddy_block_size(&vram->mm, block);
		unsigned long first = div64_u64(gpu_buddy_block_offset(block), chunk);
		unsigned long end = first + div64_u64(size, chunk);

		if (find_next_bit(chunks, end, first) < end)
			return true;
	}

	return false;
}

/**
 * ogpu_bos_lose() - mark buffers of which something was lost to bad memory
 * @mem: memory of a card
 * @chunks: a bit for each chunk of VRAM where that is so
 *
 * Return: 0; -EBADMSG if it is memory of the driver itself.
 */
int ogpu_bos_lose(struct ogpu_mem *mem, const unsigned long *chunks)
{
	struct ogpu_vram_mgr *vram = &mem->vram;
	struct ogpu_vram_resource *vres;
	int ret = 0;

	mutex_lock(&vram->lock);
	list_for_each_entry(vres, &vram->resources, link) {
		struct ttm_buffer_object *bo = vres->base.bo;

		if (!bo || !ogpu_bo_has_chunk(vram, vres, chunks))
			continue;
		if (bo->type == ttm_bo_type_kernel) {
			ret = -EBADMSG;
		} else if (ogpu_bo_is_buffer(bo)) {
			WRITE_ONCE(ttm_to_ogpu_bo(bo)->lost, true);
			drm_err_ratelimited(&mem->odev->drm,
					    "a buffer of %zu bytes has lost its content to bad memory\n",
					    bo->base.size);
		}
	}
	mutex_unlock(&vram->lock);

	return ret;
}
