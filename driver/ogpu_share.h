/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers that leave their file: dma-buf.
 */
#ifndef _OGPU_SHARE_H_
#define _OGPU_SHARE_H_

#include <linux/types.h>

struct dma_buf;
struct dma_resv;
struct drm_device;
struct drm_file;
struct drm_gem_object;
struct ogpu_bo;

int ogpu_share_handle_to_fd(struct drm_device *drm, struct drm_file *file, u32 handle, u32 flags,
			    int *fd);
void ogpu_share_forget(struct dma_resv *resv, bool preempts);
void ogpu_share_moved(struct ogpu_bo *bo);
bool ogpu_share_stop(struct ogpu_bo *bo, unsigned long deadline);
struct dma_buf *ogpu_share_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *ogpu_share_import(struct drm_device *drm, struct dma_buf *dma_buf);

#endif
