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
 * What executes in an address space of the long-running kind has no fence of its end.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <drm/drm_prime.h>

#include "ogpu_bo.h"
#include "ogpu_fence.h"
#include "ogpu_share.h"

/* A buffer of one card, for files of that card. */
static int ogpu_share_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	return -EOPNOTSUPP;
}

static const struct dma_buf_ops ogpu_share_ops = {
	.attach = ogpu_share_attach,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
};

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
 * Return: a buffer with a reference; -EOPNOTSUPP: of another device.
 */
struct drm_gem_object *ogpu_share_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj = dma_buf->priv;

	if (dma_buf->ops != &ogpu_share_ops || obj->dev != drm)
		return ERR_PTR(-EOPNOTSUPP);
	drm_gem_object_get(obj);

	return obj;
}
