// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers that leave their file: dma-buf.
 *
 * DOC: Fences of shared buffers
 *
 * Fences of jobs are in the dma_resv of all that is mapped, with usage DMA_RESV_USAGE_BOOKKEEP: for
 * memory management alone. Between programs that use cards of this driver that is all, because they
 * tell each other what to wait for, with syncobjs or in memory. Others know implicit fences alone:
 * poll() and DMA_BUF_IOCTL_SYNC, and drivers that use a buffer after what was there before. So in
 * the dma_resv of a buffer that was exported fences of jobs say whether the job may write to it,
 * that is whether it is mapped for writing; and jobs wait for fences of others than this driver.
 *
 * They do not wait for implicit fences of jobs of this driver: who has a buffer could make each
 * submission of those that he shares it with wait for his jobs, and jobs that wait for each other
 * by values in memory would wait for ever.
 *
 * Other cards of this driver that can use VRAM where it is are peers: ogpu_peer.c. Devices of other
 * drivers, and all other cards, are attached to buffers that may be in system memory, and use them
 * there: a buffer that they have mapped stays there, out of swap space, as long as one is attached.
 * Those that cannot be told of moves, and those that say so, pin it; that counts as locked memory
 * of who made the buffer.
 *
 * What executes in an address space of the long-running kind has no fence of its end.
 *
 * Whoever has the dma-buf can put a fence of another driver into it, which need not signal soon. It
 * holds up who uses the buffer, but not its end: when nobody has it any more, no other driver does.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <drm/drm_gpuvm.h>
#include <drm/drm_prime.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_fence.h"
#include "ogpu_import.h"
#include "ogpu_peer.h"
#include "ogpu_place.h"
#include "ogpu_preempt.h"
#include "ogpu_share.h"

/*
 * Other devices
 */

/**
 * struct ogpu_share_link - another device that is attached to a buffer
 */
struct ogpu_share_link {
	/** @link: in &struct ogpu_bo.importers */
	struct list_head link;
	/** @attach: the core's */
	struct dma_buf_attachment *attach;
	/** @peer: it reaches VRAM */
	bool peer;
};

/* Who is no peer reaches it in system memory only, where it stays as long as he is attached. */
static int ogpu_share_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(dma_buf->priv);
	struct ogpu_share_link *link;
	bool peer;
	int ret;

	peer = ogpu_import_follows(attach) && ogpu_peer_fits(bo) &&
	       ogpu_peer_can(ogpu_bo_device(bo), attach->dev);
	if (!peer && !(bo->placement & DRM_OGPU_BO_SYSTEM))
		return -EOPNOTSUPP;

	link = kzalloc_obj(*link, GFP_KERNEL_ACCOUNT);
	if (!link)
		return -ENOMEM;
	ret = dma_resv_lock_interruptible(dma_buf->resv, NULL);
	if (ret) {
		kfree(link);
		return ret;
	}
	/* What cards of this driver take is settled without the core. */
	attach->peer2peer = false;
	attach->priv = link;
	link->attach = attach;
	link->peer = peer;
	ogpu_bo_set_importer(bo, &link->link, true);
	if (!peer) {
		bo->far++;
		bo->is_away = false;
	}
	dma_resv_unlock(dma_buf->resv);

	return 0;
}

static void ogpu_share_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(dma_buf->priv);
	struct ogpu_share_link *link = attach->priv;

	dma_resv_lock(dma_buf->resv, NULL);
	ogpu_bo_set_importer(bo, &link->link, false);
	/* To VRAM with the next job, if that is where it would rather be. */
	if (!link->peer && !--bo->far)
		drm_gpuvm_bo_gem_evict(&bo->ttm.base, true);
	dma_resv_unlock(dma_buf->resv);
	kfree(link);
}

/*
 * In VRAM if all are peers and there is room, else in system memory, also if it may be in VRAM only
 * as long as the card uses it. The move is not waited for: its fence is in the dma_resv, of usage
 * DMA_RESV_USAGE_KERNEL. Until its last move out is over nobody knows whether that has lost
 * something, and it stays.
 */
static int ogpu_share_place(struct ogpu_bo *bo)
{
	struct ttm_operation_ctx ctx = { .interruptible = true, .gfp_retry_mayfail = true };
	struct ogpu_mem_try try = {};
	struct ogpu_places places;
	bool settled, vram;

	settled = ogpu_bo_settle(bo);
	if (ogpu_bo_is_stale(bo) || READ_ONCE(bo->lost))
		return -ENODEV;
	ogpu_places_init(&places, &try);
	vram = settled && bo->prefer == DRM_OGPU_BO_VRAM &&
	       ogpu_peer_add_place(bo, &places, TTM_PL_FLAG_DESIRED);
	ogpu_places_add(&places, TTM_PL_TT, vram ? TTM_PL_FLAG_FALLBACK : 0);

	return ttm_bo_validate(&bo->ttm, &places.placement, &ctx);
}

static struct sg_table *ogpu_share_map_pages(struct dma_buf_attachment *attach, struct ogpu_bo *bo,
					     enum dma_data_direction dir)
{
	struct ttm_tt *tt = bo->ttm.ttm;
	struct sg_table *sgt;
	int ret;

	sgt = drm_prime_pages_to_sg(bo->ttm.base.dev, tt->pages, tt->num_pages);
	if (IS_ERR(sgt))
		return sgt;
	ret = dma_map_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(ret);
	}

	return sgt;
}

static struct sg_table *ogpu_share_map_placed(struct dma_buf_attachment *attach,
					      struct ogpu_bo *bo, enum dma_data_direction dir)
{
	int ret;

	ret = ogpu_share_place(bo);
	if (ret)
		return ERR_PTR(ret);

	return bo->ttm.resource->mem_type == TTM_PL_VRAM ?
	       ogpu_peer_map(bo, attach->dev, dir) : ogpu_share_map_pages(attach, bo, dir);
}

static struct sg_table *ogpu_share_map(struct dma_buf_attachment *attach,
				       enum dma_data_direction dir)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(attach->dmabuf->priv);
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct sg_table *sgt;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return ERR_PTR(-ENODEV);
	sgt = ogpu_share_map_placed(attach, bo, dir);
	ogpu_device_exit(odev, idx);

	return sgt;
}

static void ogpu_share_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			     enum dma_data_direction dir)
{
	if (ogpu_peer_is_mapping(sgt)) {
		ogpu_peer_unmap(sgt, attach->dev, dir);
		return;
	}
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/* What is pinned counts for who made the buffer: he has handed it out. */
static int ogpu_share_pin_new(struct ogpu_bo *bo)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	ret = ogpu_mem_client_pin(bo->client, bo->ttm.base.size);
	if (!ret) {
		ret = ogpu_share_place(bo);
		if (ret)
			ogpu_mem_client_unpin(bo->client, bo->ttm.base.size);
	}
	ogpu_device_exit(odev, idx);

	return ret;
}

/* For devices that cannot be told that memory moves. Cards of this driver always can. */
static int ogpu_share_pin(struct dma_buf_attachment *attach)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(attach->dmabuf->priv);
	int ret;

	if (ogpu_import_follows(attach))
		return 0;
	if (!bo->ttm.pin_count) {
		ret = ogpu_share_pin_new(bo);
		if (ret)
			return ret;
	}
	ttm_bo_pin(&bo->ttm);

	return 0;
}

static void ogpu_share_unpin(struct dma_buf_attachment *attach)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(attach->dmabuf->priv);

	if (ogpu_import_follows(attach))
		return;
	ttm_bo_unpin(&bo->ttm);
	if (!bo->ttm.pin_count)
		ogpu_mem_client_unpin(bo->client, bo->ttm.base.size);
}

static const struct dma_buf_ops ogpu_share_ops = {
	.attach = ogpu_share_attach,
	.detach = ogpu_share_detach,
	.pin = ogpu_share_pin,
	.unpin = ogpu_share_unpin,
	.map_dma_buf = ogpu_share_map,
	.unmap_dma_buf = ogpu_share_unmap,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
};

/**
 * ogpu_share_moved() - tell other devices that a buffer is about to be moved
 * @bo: the buffer, locked
 *
 * What they do with it until then is in its dma_resv.
 */
void ogpu_share_moved(struct ogpu_bo *bo)
{
	struct dma_buf *told = NULL;
	struct ogpu_share_link *link;

	/* Most often there is one for all of them. */
	list_for_each_entry(link, &bo->importers, link) {
		if (link->attach->dmabuf != told)
			dma_buf_invalidate_mappings(link->attach->dmabuf);
		told = link->attach->dmabuf;
	}
}

/**
 * ogpu_share_stop() - may a buffer's pages be taken, because its card is being unbound?
 * @bo: the buffer, locked
 * @deadline: until when other devices are waited for, in jiffies
 *
 * Return: true; false: other devices still use them, so they stay until these let go of the buffer.
 */
bool ogpu_share_stop(struct ogpu_bo *bo, unsigned long deadline)
{
	long left = time_before(jiffies, deadline) ? deadline - jiffies : 0;

	if (list_empty(&bo->importers))
		return true;
	if (bo->ttm.pin_count)
		return false;
	ogpu_bo_moved(&bo->ttm);

	return dma_resv_wait_timeout(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP, false, left) > 0;
}

/*
 * Export and import
 */

/*
 * From now on fences in the dma_resv say how jobs use the buffer. Of those that are under way it is
 * not known any more.
 */
static int ogpu_share_begin(struct ogpu_bo *bo)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	if (bo->need == OGPU_BO_PURGEABLE || bo->need == OGPU_BO_PURGED) {
		dma_resv_unlock(resv);
		return -EPERM;
	}
	if (!bo->shared) {
		/* Needs no room: takes the place of the same fence. */
		dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
			if (dma_resv_iter_usage(&cursor) == DMA_RESV_USAGE_BOOKKEEP &&
			    ogpu_fence_is_job(fence))
				dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
		}
		ogpu_bo_set_shared(bo);
	}
	dma_resv_unlock(resv);

	return 0;
}

/**
 * ogpu_share_handle_to_fd() - DRM_IOCTL_PRIME_HANDLE_TO_FD
 * @drm: the card
 * @file: who calls
 * @handle: of the buffer
 * @flags: for the new file
 * @fd: out
 *
 * Whatever has to be waited for is, before the core takes a lock that all files of the card use.
 *
 * Return: see the uapi header.
 */
int ogpu_share_handle_to_fd(struct drm_device *drm, struct drm_file *file, u32 handle, u32 flags,
			    int *fd)
{
	struct ogpu_bo *bo;
	int ret;

	bo = ogpu_bo_lookup(file, handle);
	if (!bo)
		return -ENOENT;

	ret = bo->root ? -EPERM : ogpu_share_begin(bo);
	ogpu_bo_put(bo);

	return ret ?: drm_gem_prime_handle_to_fd(drm, file, handle, flags, fd);
}

/**
 * ogpu_share_forget() - forget the fences of other drivers
 * @resv: of a buffer whose last reference is gone, locked
 * @preempts: and those that hold what executes in address spaces
 *
 * Its memory need not wait for them.
 */
void ogpu_share_forget(struct dma_resv *resv, bool preempts)
{
	struct dma_fence *stub = dma_fence_get_stub();
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (!ogpu_fence_is_ours(fence) || (preempts && ogpu_preempt_is_fence(fence)))
			dma_resv_replace_fences(resv, fence->context, stub,
						dma_resv_iter_usage(&cursor));
	}
	dma_fence_put(stub);
}

/**
 * ogpu_share_export() - &drm_gem_object_funcs.export
 * @obj: the buffer
 * @flags: for the file
 *
 * Return: the dma-buf; -ENOENT: the handle has become that of another buffer; -ENOMEM.
 */
struct dma_buf *ogpu_share_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf *dma_buf;

	if (!READ_ONCE(gem_to_ogpu_bo(obj)->shared))
		return ERR_PTR(-ENOENT);

	dma_buf = drm_gem_prime_export(obj, flags);
	if (!IS_ERR(dma_buf))
		dma_buf->ops = &ogpu_share_ops;

	return dma_buf;
}

/**
 * ogpu_share_import() - &drm_driver.gem_prime_import
 * @drm: the card
 * @dma_buf: what is imported
 *
 * Return: a buffer with a reference, or an ERR_PTR().
 */
struct drm_gem_object *ogpu_share_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj = dma_buf->priv;

	if (dma_buf->ops != &ogpu_share_ops || obj->dev != drm)
		return ogpu_import(drm, dma_buf);
	drm_gem_object_get(obj);

	return obj;
}
