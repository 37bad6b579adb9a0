// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers of other devices: dma-buf import.
 *
 * DOC: Imported buffers
 *
 * A buffer of another device is a buffer without memory of its own. It is in OGPU_PL_IMPORT, has no
 * pages, only addresses, and TTM never moves it. Where its memory is for this card the exporter
 * says, when the buffer is to be used for the first time, and again for the next job after he has
 * said that he is about to move it.
 *
 * It shares the dma_resv of the dma-buf. So the exporter waits for the jobs of this card before he
 * moves memory, and jobs and page tables wait for his moves. A mapping that is not valid any more
 * is undone when all is over that was under way then, because the card may still use it: this is
 * not waited for as long as there are few of them.
 *
 * If the exporter is gone the content of the buffer is lost. What he has mapped before stays what
 * it is: he may not take it back without asking.
 *
 * The memory counts for the exporter, not here; the list of addresses, which is made when there is
 * memory behind the buffer, for who uses it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_fence.h"
#include "ogpu_import.h"
#include "ogpu_place.h"
#include "ogpu_share.h"

/* Mappings of a buffer that are not valid any more and that jobs may still use. */
#define OGPU_IMPORT_OLD		4

/**
 * struct ogpu_import_map - a mapping that is not valid any more
 */
struct ogpu_import_map {
	/** @link: in &struct ogpu_import.old */
	struct list_head link;
	/** @sgt: from the exporter */
	struct sg_table *sgt;
	/** @over: when nobody uses it, referenced; NULL: now */
	struct dma_fence *over;
};

/* The exporter is about to move the memory, or to take it away; with the dma_resv. */
static void ogpu_import_moved(struct dma_buf_attachment *attach)
{
	struct ogpu_bo *bo = attach->importer_priv;

	bo->import.valid = false;
	ogpu_bo_moved(&bo->ttm);
}

static const struct dma_buf_attach_ops ogpu_import_ops = {
	.invalidate_mappings = ogpu_import_moved,
};

/**
 * ogpu_import_follows() - is it an attachment of this driver, to whatever card?
 * @attach: of anybody
 *
 * Return: true if so: it takes moves, whether the kernel tells dynamic importers of them or not.
 */
bool ogpu_import_follows(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops == &ogpu_import_ops;
}

static void ogpu_import_undo(struct ogpu_import *import, struct sg_table *sgt)
{
	dma_buf_unmap_attachment(import->attach, sgt, DMA_BIDIRECTIONAL);
}

/* Undo old mappings: those that nobody uses, or all. Returns how many are left. */
static unsigned int ogpu_import_reap(struct ogpu_import *import, bool all)
{
	struct ogpu_import_map *map, *next;
	unsigned int left = 0;

	list_for_each_entry_safe(map, next, &import->old, link) {
		if (!all && map->over && !dma_fence_is_signaled(map->over)) {
			left++;
			continue;
		}
		list_del(&map->link);
		ogpu_import_undo(import, map->sgt);
		dma_fence_put(map->over);
		kfree(map);
	}

	return left;
}

/*
 * One fence for all of this driver, among which are those of this card; none: NULL. Other drivers
 * do not use this card's mapping, and need not come to an end.
 */
static int ogpu_import_users(struct dma_resv *resv, struct dma_fence **over)
{
	struct dma_fence_array *array;
	struct dma_resv_iter cursor;
	struct dma_fence **fences;
	struct dma_fence *fence;
	unsigned int count = 0;

	*over = NULL;
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		count++;
	if (!count)
		return 0;
	fences = kmalloc_array(count, sizeof(*fences), GFP_KERNEL_ACCOUNT);
	if (!fences)
		return -ENOMEM;

	count = 0;
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (ogpu_fence_is_ours(fence) && !dma_fence_is_signaled(fence))
			fences[count++] = dma_fence_get(fence);
	}
	if (!count) {
		kfree(fences);
		return 0;
	}
	array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1);
	if (!array) {
		while (count--)
			dma_fence_put(fences[count]);
		kfree(fences);
		return -ENOMEM;
	}
	*over = &array->base;

	return 0;
}

/* Put the mapping that is not valid any more aside. -EAGAIN: there are too many of them. */
static int ogpu_import_retire(struct ogpu_bo *bo, struct ogpu_mem_try *try)
{
	struct ogpu_import *import = &bo->import;
	struct ogpu_import_map *map;
	int ret;

	if (ogpu_import_reap(import, false) >= OGPU_IMPORT_OLD) {
		map = list_first_entry(&import->old, struct ogpu_import_map, link);
		ogpu_mem_wait_for(try, map->over);
		return -EAGAIN;
	}
	if (!import->sgt)
		return 0;

	map = kzalloc_obj(*map, GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	ret = ogpu_import_users(bo->ttm.base.resv, &map->over);
	if (ret) {
		kfree(map);
		return ret;
	}
	map->sgt = import->sgt;
	import->sgt = NULL;
	list_add_tail(&map->link, &import->old);
	ogpu_import_reap(import, false);

	return 0;
}

/* Whole pages, all of them, within the card's reach. */
static int ogpu_import_fill(struct ogpu_bo *bo, struct sg_table *sgt)
{
	unsigned long page = 0, pages = bo->ttm.base.size >> PAGE_SHIFT;
	u64 reach = dma_get_mask(bo->ttm.base.dev->dev);
	dma_addr_t *addrs = bo->import.addrs;
	struct scatterlist *sg;
	int i;

	if (!addrs)
		addrs = kvmalloc_array(pages, sizeof(*addrs), GFP_KERNEL_ACCOUNT);
	if (!addrs)
		return -ENOMEM;
	bo->import.addrs = addrs;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg), end = addr + sg_dma_len(sg);

		if (!PAGE_ALIGNED(addr | end) || end - 1 > reach)
			return -EINVAL;
		for (; addr < end && page < pages; addr += PAGE_SIZE)
			addrs[page++] = addr;
	}

	return page == pages ? 0 : -EINVAL;
}

/* What others say when they do not hand out memory becomes what this driver says. */
static int ogpu_import_error(struct ogpu_bo *bo, int err)
{
	switch (err) {
	case -ENODEV:
		WRITE_ONCE(bo->lost, true);
		return -EBADMSG;
	case -EINTR:
	case -ERESTARTSYS:
	case -ENOMEM:
		return err;
	case -EAGAIN:
	case -EBUSY:
	case -EDEADLK:
	case -ENOSPC:
		return -ENOMEM;
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * ogpu_import_validate() - have the exporter say where the memory is
 * @bo: imported, its dma_resv locked
 * @try: from ogpu_mem_begin()
 *
 * As ogpu_bo_validate(): waits for nothing of the card.
 *
 * Return: 0, -EBADMSG: the exporter is gone, -EOPNOTSUPP: the memory cannot be reached, -ENOMEM,
 * -ERESTARTSYS, -EAGAIN: for ogpu_mem_retry().
 */
int ogpu_import_validate(struct ogpu_bo *bo, struct ogpu_mem_try *try)
{
	struct ogpu_import *import = &bo->import;
	struct sg_table *sgt;
	int ret;

	if (READ_ONCE(bo->lost))
		return -EBADMSG;
	if (import->sgt && import->valid)
		return 0;

	ret = ogpu_import_retire(bo, try);
	if (ret)
		return ret;

	/* He may move it to where this card reaches it, and say so. */
	sgt = dma_buf_map_attachment(import->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return ogpu_import_error(bo, PTR_ERR(sgt));
	ret = ogpu_import_fill(bo, sgt);
	if (ret) {
		ogpu_import_undo(import, sgt);
		return ogpu_import_error(bo, ret);
	}
	import->sgt = sgt;
	import->valid = true;

	return 0;
}

/**
 * ogpu_import_unmap() - undo all mappings
 * @bo: imported, its dma_resv locked; no job of this card uses it any more
 */
void ogpu_import_unmap(struct ogpu_bo *bo)
{
	struct ogpu_import *import = &bo->import;

	ogpu_import_reap(import, true);
	if (import->sgt)
		ogpu_import_undo(import, import->sgt);
	import->sgt = NULL;
}

/**
 * ogpu_import_stop() - let go of the memory, because the card is being unbound
 * @bo: imported, its dma_resv locked; all fences of the card have signalled
 */
void ogpu_import_stop(struct ogpu_bo *bo)
{
	WRITE_ONCE(bo->lost, true);
	ogpu_import_unmap(bo);
}

/**
 * ogpu_import_release() - the last reference of a buffer is gone
 * @bo: imported; TTM has copied the fences of the dma-buf, and nobody else sees the copies
 *
 * This card is not at work where others are, and nothing that executes on it finds the buffer.
 */
void ogpu_import_release(struct ogpu_bo *bo)
{
	struct dma_resv *resv = &bo->ttm.base._resv;

	if (WARN_ON_ONCE(!dma_resv_trylock(resv)))
		return;
	ogpu_share_forget(resv, true);
	dma_resv_unlock(resv);
}

/**
 * ogpu_import_fini() - let go of the dma-buf
 * @bo: imported, without mappings
 */
void ogpu_import_fini(struct ogpu_bo *bo)
{
	struct ogpu_import *import = &bo->import;

	if (import->attach)
		dma_buf_detach(import->dma_buf, import->attach);
	dma_buf_put(import->dma_buf);
	kvfree(import->addrs);
}

/**
 * ogpu_import() - make a buffer of a dma-buf of another device
 * @drm: the card
 * @dma_buf: what is imported
 *
 * Return: a buffer with a reference, or an ERR_PTR().
 */
struct drm_gem_object *ogpu_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct ogpu_device *odev = to_ogpu_device(drm);
	struct dma_buf_attachment *attach;
	struct ogpu_bo *bo;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return ERR_PTR(-ENODEV);
	bo = ogpu_bo_create_import(odev, dma_buf);
	ogpu_device_exit(odev, idx);
	if (IS_ERR(bo))
		return ERR_CAST(bo);

	/* From here on the exporter knows of the buffer. */
	attach = dma_buf_dynamic_attach(dma_buf, drm->dev, &ogpu_import_ops, bo);
	if (IS_ERR(attach)) {
		ogpu_bo_put(bo);
		return ERR_CAST(attach);
	}
	bo->import.attach = attach;
	bo->ttm.base.import_attach = attach;

	return &bo->ttm.base;
}
