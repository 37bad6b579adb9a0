// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of processes that is in VRAM while the card uses it.
 *
 * DOC: Shared virtual memory in VRAM
 *
 * Each page of VRAM has a &struct page of the kind that CPUs cannot reach (MEMORY_DEVICE_PRIVATE),
 * so the aperture does not matter. A piece is what comes to VRAM together: a part of one anonymous
 * mapping, whose pages are copied by the copy engine. A CPU that touches such memory faults, and
 * the kernel has the piece copied back (drm_pagemap); so do fork(), and all who need the pages.
 *
 * Nothing is evicted for a piece, and a piece is pinned: who wants that VRAM does not get it until
 * the process's CPUs touch it or the process ends. At unbind all pieces are copied back.
 */
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/hmm.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_managed.h>
#include <drm/drm_pagemap.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_res.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"

/* The kernel leaves a piece alone for as long after it has come. */
#define OGPU_SVM_VRAM_STAY_MS	5

/**
 * struct ogpu_svm_vram - VRAM of a card as pages
 */
struct ogpu_svm_vram {
	/** @pages: as the kernel has them */
	struct dev_pagemap pages;
	/** @map: our part in it; with a reference while the card is bound */
	struct drm_pagemap *map;
	/** @lock: protects @pieces and @closed; irq-safe */
	spinlock_t lock;
	/** @pieces: &struct ogpu_svm_piece */
	struct list_head pieces;
	/** @closed: no more pieces */
	bool closed;
	/** @owners: &struct ogpu_svm_piece, by parts of VRAM of 64 KiB */
	struct xarray owners;
};

/**
 * struct ogpu_svm_piece - VRAM that holds memory of a process
 */
struct ogpu_svm_piece {
	/** @base: the kernel's part */
	struct drm_pagemap_devmem base;
	/** @ref: of the pages, together, and of who sends it back */
	struct kref ref;
	/** @bo: the VRAM */
	struct ogpu_bo *bo;
	/** @vram: of the card */
	struct ogpu_svm_vram *vram;
	/** @link: in &struct ogpu_svm_vram.pieces */
	struct list_head link;
	/** @free_work: gives the VRAM back: the last page may go in an interrupt */
	struct work_struct free_work;
};

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

static void ogpu_svm_piece_free_work(struct work_struct *work)
{
	struct ogpu_svm_piece *piece = container_of(work, struct ogpu_svm_piece, free_work);
	struct drm_device *drm = piece->bo->ttm.base.dev;

	ogpu_svm_piece_own(piece, false);
	ogpu_bo_put(piece->bo);
	kfree(piece);
	drm_dev_put(drm);
}

static void ogpu_svm_piece_release(struct kref *ref)
{
	struct ogpu_svm_piece *piece = container_of(ref, struct ogpu_svm_piece, ref);
	unsigned long flags;

	spin_lock_irqsave(&piece->vram->lock, flags);
	list_del(&piece->link);
	spin_unlock_irqrestore(&piece->vram->lock, flags);
	queue_work(system_unbound_wq, &piece->free_work);
}

static void ogpu_svm_piece_put(struct ogpu_svm_piece *piece)
{
	kref_put(&piece->ref, ogpu_svm_piece_release);
}

/*
 * Callbacks of drm_pagemap
 */

static void ogpu_svm_vram_release(struct drm_pagemap_devmem *base)
{
	ogpu_svm_piece_put(to_ogpu_svm_piece(base));
}

static unsigned long ogpu_svm_vram_pfn(struct ogpu_svm_vram *vram, u64 offset)
{
	return PHYS_PFN(vram->pages.range.start + offset);
}

static u64 ogpu_svm_vram_offset(struct ogpu_svm_vram *vram, struct page *page)
{
	return PFN_PHYS(page_to_pfn(page)) - vram->pages.range.start;
}

/* Which pages the VRAM of a piece is. */
static int ogpu_svm_vram_populate(struct drm_pagemap_devmem *base, unsigned long count,
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
			pfns[i++] = ogpu_svm_vram_pfn(piece->vram,
						      FIELD_GET(OGPU_OPERAND_ADDR, cur.operand) +
						      done);
		ogpu_res_next(&cur, cur.size);
	}
	dma_resv_unlock(bo->base.resv);

	return 0;
}

static int ogpu_svm_vram_copy_spans(struct ogpu_svm_piece *piece, struct ogpu_copy_span *spans,
				    u32 count)
{
	struct ttm_buffer_object *bo = &piece->bo->ttm;
	struct ogpu_device *odev = to_ogpu_device(bo->base.dev);
	struct dma_fence *fence;
	int ret, idx;

	if (!count)
		return 0;
	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	dma_resv_lock(bo->base.resv, NULL);
	fence = odev->mem->ops->copy(odev, bo, spans, count);
	dma_resv_unlock(bo->base.resv);
	ogpu_device_exit(odev, idx);
	if (IS_ERR(fence))
		return PTR_ERR(fence);

	dma_fence_wait(fence, false);
	ret = fence->error;
	dma_fence_put(fence);

	return ret;
}

/* What is not there in system memory was never touched: VRAM of a new piece is zero. */
static int ogpu_svm_vram_copy(struct page **pages, struct drm_pagemap_addr *addrs,
			      unsigned long count, bool to_vram)
{
	struct ogpu_svm_piece *piece = NULL;
	struct ogpu_copy_span *spans;
	unsigned long i, step;
	u32 used = 0;
	int ret;

	spans = kvmalloc_objs(*spans, count);
	if (!spans)
		return -ENOMEM;

	for (i = 0; i < count; i += step) {
		u64 at, vram, system, bytes = PAGE_SIZE << addrs[i].order;
		struct ogpu_svm_vram *owner;

		step = 1;
		if (!pages[i] || !addrs[i].addr)
			continue;
		step = 1ul << addrs[i].order;
		owner = container_of(page_pgmap(pages[i]), struct ogpu_svm_vram, pages);
		at = ogpu_svm_vram_offset(owner, pages[i]);
		/* All are of one card: then it does not matter whose copy it is. */
		if (!piece)
			piece = xa_load(&owner->owners, at / SZ_64K);
		vram = OGPU_OPERAND(OGPU_TARGET_VRAM, at);
		system = OGPU_OPERAND(OGPU_TARGET_SYSTEM, addrs[i].addr);
		spans[used++] = (struct ogpu_copy_span) {
			.src = to_vram ? system : vram,
			.dst = to_vram ? vram : system,
			.bytes = bytes,
		};
	}
	ret = piece ? ogpu_svm_vram_copy_spans(piece, spans, used) : 0;
	kvfree(spans);

	return ret;
}

static int ogpu_svm_vram_copy_in(struct page **pages, struct drm_pagemap_addr *addrs,
				 unsigned long count, struct dma_fence *before)
{
	return ogpu_svm_vram_copy(pages, addrs, count, true);
}

static int ogpu_svm_vram_copy_out(struct page **pages, struct drm_pagemap_addr *addrs,
				  unsigned long count, struct dma_fence *before)
{
	return ogpu_svm_vram_copy(pages, addrs, count, false);
}

static const struct drm_pagemap_devmem_ops ogpu_svm_vram_devmem_ops = {
	.devmem_release = ogpu_svm_vram_release,
	.populate_devmem_pfn = ogpu_svm_vram_populate,
	.copy_to_devmem = ogpu_svm_vram_copy_in,
	.copy_to_ram = ogpu_svm_vram_copy_out,
};

/* Where a page is for the card. Others do not reach it. */
static struct drm_pagemap_addr ogpu_svm_vram_map(struct drm_pagemap *map, struct device *dev,
						 struct page *page, unsigned int order,
						 enum dma_data_direction dir)
{
	struct ogpu_svm_vram *vram = container_of(map->pagemap, struct ogpu_svm_vram, pages);
	dma_addr_t addr = DMA_MAPPING_ERROR;

	if (dev == map->drm->dev)
		addr = ogpu_svm_vram_offset(vram, page);

	return drm_pagemap_addr_encode(addr, DRM_INTERCONNECT_DRIVER, order, dir);
}

static void ogpu_svm_vram_unmap(struct drm_pagemap *map, struct device *dev,
				const struct drm_pagemap_addr *addr)
{
}

static int ogpu_svm_vram_populate_mm(struct drm_pagemap *map, unsigned long start,
				     unsigned long end, struct mm_struct *mm,
				     unsigned long timeslice_ms)
{
	return -EOPNOTSUPP;
}

static const struct drm_pagemap_ops ogpu_svm_vram_ops = {
	.device_map = ogpu_svm_vram_map,
	.device_unmap = ogpu_svm_vram_unmap,
	.populate_mm = ogpu_svm_vram_populate_mm,
};

static struct ogpu_svm_piece *ogpu_svm_piece_new(struct ogpu_device *odev,
						 struct ogpu_mem_client *client,
						 struct mm_struct *mm, size_t size)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;
	struct ogpu_svm_piece *piece;
	bool closed;
	int ret;

	piece = kzalloc_obj(*piece, GFP_KERNEL_ACCOUNT);
	if (!piece)
		return ERR_PTR(-ENOMEM);
	piece->bo = ogpu_bo_create_mirror(odev, size, client);
	if (IS_ERR(piece->bo)) {
		ret = PTR_ERR(piece->bo);
		kfree(piece);
		return ERR_PTR(ret);
	}

	/* Whatever is not copied is not touched by anybody before the card: it must be zero by then. */
	dma_resv_wait_timeout(piece->bo->ttm.base.resv, DMA_RESV_USAGE_KERNEL, false,
			      MAX_SCHEDULE_TIMEOUT);
	ret = 0;
	if (ogpu_bo_is_stale(piece->bo))
		ret = -ENODEV;
	else if (!IS_ALIGNED((u64)piece->bo->ttm.resource->start << PAGE_SHIFT, size))
		ret = -ENOSPC;
	if (ret) {
		ogpu_bo_put(piece->bo);
		kfree(piece);
		return ERR_PTR(ret);
	}

	kref_init(&piece->ref);
	piece->vram = vram;
	INIT_WORK(&piece->free_work, ogpu_svm_piece_free_work);
	drm_dev_get(&odev->drm);
	drm_pagemap_devmem_init(&piece->base, odev->drm.dev, mm, &ogpu_svm_vram_devmem_ops,
				vram->map, size, NULL);
	spin_lock_irq(&vram->lock);
	closed = vram->closed;
	list_add_tail(&piece->link, &vram->pieces);
	spin_unlock_irq(&vram->lock);
	ret = closed ? -ENODEV : ogpu_svm_piece_own(piece, true);
	if (ret) {
		ogpu_svm_piece_put(piece);
		return ERR_PTR(ret);
	}

	return piece;
}

/**
 * ogpu_svm_vram_bring() - have memory of a process come to VRAM
 * @odev: the card, running; not in ogpu_device_enter()
 * @client: who pays for the VRAM
 * @mm: the process's, of which the caller is a user
 * @start: first address
 * @end: behind the last; multiples of 64 KiB
 *
 * Return: 0; or a negative errno, and then it is where it was, or some of it.
 */
int ogpu_svm_vram_bring(struct ogpu_device *odev, struct ogpu_mem_client *client,
			struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct drm_pagemap_migrate_details details = {
		.timeslice_ms = OGPU_SVM_VRAM_STAY_MS,
	};
	struct ogpu_svm_piece *piece;
	int ret, idx;

	if (!odev->mem->svms.vram)
		return -EOPNOTSUPP;
	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	piece = ogpu_svm_piece_new(odev, client, mm, end - start);
	ret = PTR_ERR_OR_ZERO(piece);
	if (!ret) {
		mmap_read_lock(mm);
		/* Takes over the reference. */
		ret = drm_pagemap_migrate_to_devmem(&piece->base, mm, start, end, &details);
		mmap_read_unlock(mm);
	}
	ogpu_device_exit(odev, idx);

	return ret;
}

/*
 * Pages of ours that are not the process's alone, or not to be written by it: the kernel reports
 * them as they are, though asked for pages to write to.
 */
static bool ogpu_svm_vram_is_shared(const unsigned long *pfns, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		if ((pfns[i] & HMM_PFN_VALID) && !(pfns[i] & HMM_PFN_WRITE))
			return true;
	}

	return false;
}

/**
 * ogpu_svm_vram_own() - make sure that the card may write to memory of a process
 * @odev: the card
 * @notifier: of the memory, of a process of which the caller is a user
 * @start: first address
 * @end: behind the last
 * @pfns: scratch, for as many pages
 *
 * fork() write-protects pages in VRAM, and drm_gpusvm_get_pages() does not tell. To be called after
 * that: what is found counts as long as the pages it got are valid. What is shared is brought to
 * system memory, as by a CPU that writes to it: from then on each process has its own.
 *
 * Return: 0; -EAGAIN: it was shared, the pages have to be got anew; -EBUSY: memory changes all the
 * time; -EPERM: the process may not write there; or what else a fault gives.
 */
int ogpu_svm_vram_own(struct ogpu_device *odev, struct mmu_interval_notifier *notifier,
		      unsigned long start, unsigned long end, unsigned long *pfns)
{
	struct hmm_range range = {
		.notifier = notifier,
		.start = start,
		.end = end,
		.hmm_pfns = pfns,
		.dev_private_owner = ogpu_svm_vram_page_owner(odev),
	};
	unsigned long timeout = msecs_to_jiffies(HMM_RANGE_DEFAULT_TIMEOUT);
	int ret;

	ret = hmm_range_fault_unlocked_timeout(&range, timeout);
	if (ret || !ogpu_svm_vram_is_shared(pfns, (end - start) >> PAGE_SHIFT))
		return ret;

	range.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
	range.dev_private_owner = NULL;
	ret = hmm_range_fault_unlocked_timeout(&range, timeout);

	return ret ?: -EAGAIN;
}

/**
 * ogpu_svm_vram_page_owner() - whose pages of devices the card reaches
 * @odev: the card
 *
 * Return: for &struct drm_gpusvm_ctx.device_private_page_owner.
 */
void *ogpu_svm_vram_page_owner(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;

	return vram ? vram->pages.owner : NULL;
}

static struct ogpu_svm_piece *ogpu_svm_vram_next(struct ogpu_svm_vram *vram)
{
	struct ogpu_svm_piece *piece, *found = NULL;

	spin_lock_irq(&vram->lock);
	vram->closed = true;
	list_for_each_entry(piece, &vram->pieces, link) {
		if (kref_get_unless_zero(&piece->ref)) {
			/* Those that fail come last. */
			list_move_tail(&piece->link, &vram->pieces);
			found = piece;
			break;
		}
	}
	spin_unlock_irq(&vram->lock);

	return found;
}

/**
 * ogpu_svm_vram_unbind() - have all come back
 * @odev: card that is about to be unbound, and works still, if it does
 *
 * What it cannot copy stays until its process ends.
 */
void ogpu_svm_vram_unbind(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;
	struct ogpu_svm_piece *piece;
	unsigned int failed = 0;

	if (!vram)
		return;
	while (failed < 16 && (piece = ogpu_svm_vram_next(vram))) {
		if (drm_pagemap_evict_to_ram(&piece->base))
			failed++;
		ogpu_svm_piece_put(piece);
	}
	drm_pagemap_put(vram->map);
}

/**
 * ogpu_svm_vram_init() - make pages of VRAM, for the first who needs them
 * @odev: the card; in ogpu_device_enter(), under &struct ogpu_mem_svms.lock
 *
 * Return: 0 or -ENOMEM, -EBUSY, -ENOSPC: no room among physical addresses.
 */
int ogpu_svm_vram_init(struct ogpu_device *odev)
{
	struct device *dev = odev->drm.dev;
	struct ogpu_svm_vram *vram;
	struct drm_pagemap *map;
	struct resource *res;
	void *addr;
	int ret;

	if (odev->mem->svms.vram)
		return 0;
	vram = drmm_kzalloc(&odev->drm, sizeof(*vram), GFP_KERNEL);
	if (!vram)
		return -ENOMEM;
	spin_lock_init(&vram->lock);
	INIT_LIST_HEAD(&vram->pieces);
	xa_init(&vram->owners);

	res = devm_request_free_mem_region(dev, &iomem_resource, odev->disc.vram_size);
	if (IS_ERR(res))
		return PTR_ERR(res);
	vram->pages.type = MEMORY_DEVICE_PRIVATE;
	vram->pages.range.start = res->start;
	vram->pages.range.end = res->end;
	vram->pages.nr_range = 1;
	vram->pages.ops = drm_pagemap_pagemap_ops_get();
	vram->pages.owner = vram;
	addr = devm_memremap_pages(dev, &vram->pages);
	if (IS_ERR(addr)) {
		ret = PTR_ERR(addr);
		goto err_region;
	}

	map = kzalloc_obj(*map, GFP_KERNEL);
	if (!map) {
		ret = -ENOMEM;
		goto err_pages;
	}
	ret = drm_pagemap_init(map, &vram->pages, &odev->drm, &ogpu_svm_vram_ops);
	if (ret) {
		kfree(map);
		goto err_pages;
	}
	vram->map = map;
	odev->mem->svms.vram = vram;

	return 0;

err_pages:
	devm_memunmap_pages(dev, &vram->pages);
err_region:
	devm_release_mem_region(dev, res->start, resource_size(res));
	return ret;
}
