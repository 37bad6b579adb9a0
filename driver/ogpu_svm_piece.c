// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Pieces of VRAM that hold memory of a process, as the kernel sees them: pages that CPUs cannot
 * reach, and copies to and from them. When there are any: ogpu_svm_vram.c.
 *
 * A piece lives as long as one of its pages is in a process, and holds the DRM device and the
 * module. Its VRAM is contiguous and aligned, because the kernel may have all of it as one page.
 */
#include <linux/bitfield.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_res.h"
#include "ogpu_svm_piece.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"

struct workqueue_struct *ogpu_svm_piece_wq;
struct dev_pagemap_ops ogpu_svm_piece_page_ops;

static struct ogpu_svm_piece *to_ogpu_svm_piece(struct drm_pagemap_devmem *base)
{
	return container_of(base, struct ogpu_svm_piece, base);
}

/* Which piece a part of VRAM belongs to. */
static int ogpu_svm_piece_own(struct ogpu_svm_piece *piece, bool own)
{
	struct ttm_buffer_object *bo = &piece->bo->ttm;
	struct xarray *owners = &piece->vram->owners;
	struct ogpu_res_cursor cur;
	u64 at, done;
	int ret = 0;

	dma_resv_lock(bo->base.resv, NULL);
	ogpu_res_first(bo, bo->resource, 0, bo->base.size, &cur);
	while (cur.remaining && !ret) {
		at = FIELD_GET(OGPU_OPERAND_ADDR, cur.operand);
		for (done = 0; done < cur.size && !ret; done += SZ_64K)
			ret = xa_err(xa_store(owners, (at + done) / SZ_64K, own ? piece : NULL,
					      GFP_KERNEL));
		ogpu_res_next(&cur, cur.size);
	}
	dma_resv_unlock(bo->base.resv);

	return ret;
}

static void ogpu_svm_piece_free(struct ogpu_svm_piece *piece)
{
	struct drm_device *drm = piece->bo->ttm.base.dev;

	ogpu_svm_piece_own(piece, false);
	atomic64_sub(piece->base.size, &piece->client->mirrored);
	ogpu_mem_client_put(piece->client);
	ogpu_bo_put(piece->bo);
	mmdrop(piece->mm);
	mutex_destroy(&piece->copying);
	kfree(piece);
	drm_dev_put(drm);
	module_put(THIS_MODULE);
}

static void ogpu_svm_piece_free_work(struct work_struct *work)
{
	ogpu_svm_piece_free(container_of(work, struct ogpu_svm_piece, free_work));
}

static void ogpu_svm_piece_unlink(struct ogpu_svm_piece *piece)
{
	unsigned long flags;

	spin_lock_irqsave(&piece->vram->lock, flags);
	list_del(&piece->link);
	WRITE_ONCE(piece->vram->count, piece->vram->count - 1);
	spin_unlock_irqrestore(&piece->vram->lock, flags);
}

static void ogpu_svm_piece_release(struct kref *ref)
{
	struct ogpu_svm_piece *piece = container_of(ref, struct ogpu_svm_piece, ref);

	ogpu_svm_piece_unlink(piece);
	queue_work(ogpu_svm_piece_wq, &piece->free_work);
}

/* Any context. */
static void ogpu_svm_piece_put(struct ogpu_svm_piece *piece)
{
	kref_put(&piece->ref, ogpu_svm_piece_release);
}

static void ogpu_svm_piece_release_now(struct kref *ref)
{
	struct ogpu_svm_piece *piece = container_of(ref, struct ogpu_svm_piece, ref);

	ogpu_svm_piece_unlink(piece);
	ogpu_svm_piece_free(piece);
}

/**
 * ogpu_svm_piece_put_now() - drop a reference
 * @piece: the piece
 *
 * Sleeps.
 *
 * Return: true if it was the last one: then the VRAM is free.
 */
bool ogpu_svm_piece_put_now(struct ogpu_svm_piece *piece)
{
	return kref_put(&piece->ref, ogpu_svm_piece_release_now);
}

/*
 * Callbacks of drm_pagemap
 */

static void ogpu_svm_piece_detached(struct drm_pagemap_devmem *base)
{
	ogpu_svm_piece_put(to_ogpu_svm_piece(base));
}

static unsigned long ogpu_svm_piece_pfn(struct ogpu_svm_vram *vram, u64 offset)
{
	return PHYS_PFN(vram->pages.range.start + offset);
}

static struct ogpu_svm_vram *ogpu_svm_piece_vram(struct page *page)
{
	return container_of(page_pgmap(page), struct ogpu_svm_vram, pages);
}

static u64 ogpu_svm_piece_offset(struct ogpu_svm_vram *vram, struct page *page)
{
	return PFN_PHYS(page_to_pfn(page)) - vram->pages.range.start;
}

/* Which pages the VRAM of a piece is. */
static int ogpu_svm_piece_populate(struct drm_pagemap_devmem *base, unsigned long count,
				   unsigned long *pfns)
{
	struct ogpu_svm_piece *piece = to_ogpu_svm_piece(base);
	struct ttm_buffer_object *bo = &piece->bo->ttm;
	struct ogpu_res_cursor cur;
	unsigned long i = 0;
	u64 done;

	dma_resv_lock(bo->base.resv, NULL);
	ogpu_res_first(bo, bo->resource, 0, (u64)count << PAGE_SHIFT, &cur);
	while (cur.remaining) {
		for (done = 0; done < cur.size; done += PAGE_SIZE)
			pfns[i++] = ogpu_svm_piece_pfn(piece->vram,
						       FIELD_GET(OGPU_OPERAND_ADDR, cur.operand) +
						      done);
		ogpu_res_next(&cur, cur.size);
	}
	dma_resv_unlock(bo->base.resv);

	return 0;
}

static struct dma_fence *ogpu_svm_piece_begin_copy(struct ogpu_svm_piece *piece,
						   struct ogpu_copy_span *spans, u32 count,
						   bool out)
{
	struct ttm_buffer_object *bo = &piece->bo->ttm;
	struct ogpu_device *odev = piece->vram->odev;
	struct dma_fence *fence;
	u64 lost = 0;
	int ret;

	if (out) {
		ret = ogpu_bo_begin_out(piece->bo, &lost);
		if (ret)
			return ERR_PTR(ret);
	}
	fence = odev->mem->ops->copy(odev, bo, spans, count, lost);
	if (out && IS_ERR(fence))
		ogpu_bo_cancel_out(piece->bo);
	else if (out)
		ogpu_bo_watch_out(piece->bo, fence);

	return fence;
}

static int ogpu_svm_piece_copy_spans(struct ogpu_svm_piece *piece, struct ogpu_copy_span *spans,
				     u32 count, bool out)
{
	struct dma_resv *resv = piece->bo->ttm.base.resv;
	struct dma_fence *fence;
	int ret;

	mutex_lock(&piece->copying);
	dma_resv_lock(resv, NULL);
	fence = ogpu_svm_piece_begin_copy(piece, spans, count, out);
	dma_resv_unlock(resv);
	if (IS_ERR(fence)) {
		mutex_unlock(&piece->copying);
		return PTR_ERR(fence);
	}

	dma_fence_wait(fence, false);
	ret = fence->error;
	if (out) {
		dma_resv_lock(resv, NULL);
		ogpu_bo_forget_out(piece->bo);
		dma_resv_unlock(resv);
	}
	dma_fence_put(fence);
	mutex_unlock(&piece->copying);

	if (!ret && ogpu_svm_piece_is_lost(piece))
		ret = -EIO;

	return ret;
}

/* All pages are of one piece. What is not there in system memory nobody touched: VRAM is zero. */
static int ogpu_svm_piece_copy(struct page **pages, struct drm_pagemap_addr *addrs,
			       unsigned long count, bool to_vram)
{
	struct ogpu_svm_piece *piece = NULL;
	struct ogpu_copy_span *spans;
	unsigned long i, step;
	u32 used = 0;
	int ret, idx;

	spans = kvmalloc_objs(*spans, count);
	if (!spans)
		return -ENOMEM;

	for (i = 0; i < count; i += step) {
		struct ogpu_svm_vram *owner;
		u64 at, vram, system;

		step = 1;
		if (!pages[i] || !addrs[i].addr)
			continue;
		step = 1ul << addrs[i].order;
		owner = ogpu_svm_piece_vram(pages[i]);
		at = ogpu_svm_piece_offset(owner, pages[i]);
		if (!piece)
			piece = xa_load(&owner->owners, at / SZ_64K);
		vram = OGPU_OPERAND(OGPU_TARGET_VRAM, at);
		system = OGPU_OPERAND(OGPU_TARGET_SYSTEM, addrs[i].addr);
		spans[used++] = (struct ogpu_copy_span) {
			.src = to_vram ? system : vram,
			.dst = to_vram ? vram : system,
			.bytes = PAGE_SIZE << addrs[i].order,
		};
	}

	ret = 0;
	if (piece && ogpu_device_enter(piece->vram->odev, &idx)) {
		ret = ogpu_svm_piece_copy_spans(piece, spans, used, !to_vram);
		ogpu_device_exit(piece->vram->odev, idx);
	} else if (piece) {
		ret = -ENODEV;
	}
	kvfree(spans);

	return ret;
}

static int ogpu_svm_piece_copy_in(struct page **pages, struct drm_pagemap_addr *addrs,
				  unsigned long count, struct dma_fence *before)
{
	return ogpu_svm_piece_copy(pages, addrs, count, true);
}

static int ogpu_svm_piece_copy_out(struct page **pages, struct drm_pagemap_addr *addrs,
				   unsigned long count, struct dma_fence *before)
{
	return ogpu_svm_piece_copy(pages, addrs, count, false);
}

/* The piece stays as long as the page does. */
static struct ogpu_svm_piece *ogpu_svm_piece_of(struct ogpu_svm_vram *vram, struct page *page)
{
	return xa_load(&vram->owners, ogpu_svm_piece_offset(vram, page) / SZ_64K);
}

/* A CPU touches memory that is in VRAM. It is not taken back from a card that is being unbound. */
static vm_fault_t ogpu_svm_piece_fault(struct vm_fault *vmf)
{
	struct ogpu_svm_vram *vram = ogpu_svm_piece_vram(vmf->page);
	vm_fault_t fault = VM_FAULT_SIGBUS;
	struct ogpu_svm_piece *piece;
	int idx;

	if (!ogpu_device_enter(vram->odev, &idx))
		return fault;
	piece = ogpu_svm_piece_of(vram, vmf->page);
	if (piece && !ogpu_svm_piece_is_lost(piece))
		fault = drm_pagemap_pagemap_ops_get()->migrate_to_ram(vmf);
	if (fault)
		drm_err_ratelimited(&vram->odev->drm,
				    "process %d does not get its memory back from VRAM\n",
				    task_tgid_nr(current));
	ogpu_device_exit(vram->odev, idx);

	return fault;
}

static const struct drm_pagemap_devmem_ops ogpu_svm_piece_devmem_ops = {
	.devmem_release = ogpu_svm_piece_detached,
	.populate_devmem_pfn = ogpu_svm_piece_populate,
	.copy_to_devmem = ogpu_svm_piece_copy_in,
	.copy_to_ram = ogpu_svm_piece_copy_out,
};

/* Where a page is for the card. Others do not reach it, and what is lost nobody. */
static struct drm_pagemap_addr ogpu_svm_piece_map(struct drm_pagemap *map, struct device *dev,
						  struct page *page, unsigned int order,
						 enum dma_data_direction dir)
{
	struct ogpu_svm_vram *vram = container_of(map->pagemap, struct ogpu_svm_vram, pages);
	struct ogpu_svm_piece *piece = ogpu_svm_piece_of(vram, page);
	dma_addr_t addr = DMA_MAPPING_ERROR;

	if (dev == map->drm->dev && piece && !ogpu_svm_piece_is_lost(piece))
		addr = ogpu_svm_piece_offset(vram, page);

	return drm_pagemap_addr_encode(addr, DRM_INTERCONNECT_DRIVER, order, dir);
}

static void ogpu_svm_piece_unmap(struct drm_pagemap *map, struct device *dev,
				 const struct drm_pagemap_addr *addr)
{
}

static int ogpu_svm_piece_populate_mm(struct drm_pagemap *map, unsigned long start,
				      unsigned long end, struct mm_struct *mm,
				     unsigned long timeslice_ms)
{
	return -EOPNOTSUPP;
}

const struct drm_pagemap_ops ogpu_svm_piece_map_ops = {
	.device_map = ogpu_svm_piece_map,
	.device_unmap = ogpu_svm_piece_unmap,
	.populate_mm = ogpu_svm_piece_populate_mm,
};

/*
 * Birth
 */

/* Empty VRAM. Whatever is not copied to it is what nobody touched before: it must be zero. */
static struct ogpu_bo *ogpu_svm_piece_create_bo(struct ogpu_device *odev,
						struct ogpu_mem_client *client, size_t size)
{
	struct ogpu_bo *bo;
	int ret = 0;

	bo = ogpu_bo_create_mirror(odev, size, client);
	if (IS_ERR(bo))
		return bo;

	dma_resv_wait_timeout(bo->ttm.base.resv, DMA_RESV_USAGE_KERNEL, false,
			      MAX_SCHEDULE_TIMEOUT);
	if (ogpu_bo_is_stale(bo))
		ret = -ENODEV;
	else if (!IS_ALIGNED((u64)bo->ttm.resource->start << PAGE_SHIFT, size))
		ret = -ENOSPC;
	if (ret) {
		ogpu_bo_put(bo);
		return ERR_PTR(ret);
	}

	return bo;
}

/**
 * ogpu_svm_piece_new() - make an empty piece
 * @odev: the card, with pages for its VRAM; in ogpu_device_enter()
 * @client: who pays
 * @mm: of the process that it is for
 * @size: bytes: 64 KiB or 2 MiB
 *
 * Waits until it is zero. Nothing is evicted for it.
 *
 * Return: the piece, or -ENOSPC, -ENOMEM; -ENODEV: none may be made now.
 */
struct ogpu_svm_piece *ogpu_svm_piece_new(struct ogpu_device *odev,
					  struct ogpu_mem_client *client, struct mm_struct *mm,
					  size_t size)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;
	struct ogpu_svm_piece *piece;
	struct ogpu_bo *bo;
	bool closed;
	int ret;

	piece = kzalloc_obj(*piece, GFP_KERNEL_ACCOUNT);
	if (!piece)
		return ERR_PTR(-ENOMEM);
	bo = ogpu_svm_piece_create_bo(odev, client, size);
	if (IS_ERR(bo)) {
		kfree(piece);
		return ERR_CAST(bo);
	}

	__module_get(THIS_MODULE);
	drm_dev_get(&odev->drm);
	kref_init(&piece->ref);
	piece->bo = bo;
	piece->vram = vram;
	piece->client = ogpu_mem_client_get(client);
	atomic64_add(size, &client->mirrored);
	mmgrab(mm);
	piece->mm = mm;
	mutex_init(&piece->copying);
	INIT_WORK(&piece->free_work, ogpu_svm_piece_free_work);
	drm_pagemap_devmem_init(&piece->base, odev->drm.dev, mm, &ogpu_svm_piece_devmem_ops,
				vram->map, size, NULL);
	spin_lock_irq(&vram->lock);
	closed = vram->closed;
	list_add_tail(&piece->link, &vram->pieces);
	WRITE_ONCE(vram->count, vram->count + 1);
	spin_unlock_irq(&vram->lock);
	ret = closed ? -ENODEV : ogpu_svm_piece_own(piece, true);
	if (ret) {
		ogpu_svm_piece_put_now(piece);
		return ERR_PTR(ret);
	}

	return piece;
}

/**
 * ogpu_svm_vram_module_init() - prepare what all cards share
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_svm_vram_module_init(void)
{
	ogpu_svm_piece_page_ops = *drm_pagemap_pagemap_ops_get();
	ogpu_svm_piece_page_ops.migrate_to_ram = ogpu_svm_piece_fault;
	ogpu_svm_piece_wq = alloc_workqueue("ogpu-svm-vram", WQ_UNBOUND, 0);

	return ogpu_svm_piece_wq ? 0 : -ENOMEM;
}

/**
 * ogpu_svm_vram_module_exit() - undo ogpu_svm_vram_module_init()
 */
void ogpu_svm_vram_module_exit(void)
{
	destroy_workqueue(ogpu_svm_piece_wq);
}
