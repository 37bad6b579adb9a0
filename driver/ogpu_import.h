/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers of other devices: dma-buf import.
 */
#ifndef _OGPU_IMPORT_H_
#define _OGPU_IMPORT_H_

#include <linux/types.h>

struct dma_buf;
struct dma_buf_attachment;
struct drm_device;
struct drm_gem_object;
struct ogpu_bo;
struct ogpu_mem_try;

struct drm_gem_object *ogpu_import(struct drm_device *drm, struct dma_buf *dma_buf);
bool ogpu_import_follows(const struct dma_buf_attachment *attach);
int ogpu_import_validate(struct ogpu_bo *bo, struct ogpu_mem_try *try);
void ogpu_import_stop(struct ogpu_bo *bo);
void ogpu_import_release(struct ogpu_bo *bo);
void ogpu_import_unmap(struct ogpu_bo *bo);
void ogpu_import_fini(struct ogpu_bo *bo);

#endif
