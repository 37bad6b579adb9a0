/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers: GEM objects on top of TTM, for userspace and for the driver itself.
 */
#ifndef _OGPU_BO_H_
#define _OGPU_BO_H_

#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>

#include "ogpu_device.h"

struct drm_file;
struct drm_printer;

/**
 * struct ogpu_bo - a buffer
 */
struct ogpu_bo {
	/** @ttm: base; @ttm.base is the GEM object */
	struct ttm_buffer_object ttm;
	/** @placement: DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM; constant */
	u32 placement;
	/** @flags: DRM_OGPU_BO_CPU_ACCESS; constant */
	u32 flags;
	/**
	 * @root: of the address space to which the buffer is private: the GEM object whose dma_resv
	 * it uses, referenced; NULL: it has its own and may be mapped anywhere. Constant
	 */
	struct drm_gem_object *root;
	/** @preempt_context: of the fences that hold a long-running @root; else 0 */
	u64 preempt_context;
	/** @kernel: belongs to the driver: pinned, contiguous, in the visible part of VRAM */
	bool kernel;
	/** @generation: of the file that made it, see &struct ogpu_file; constant */
	u32 generation;
	/** @moves: how often it was moved; protected by the dma_resv */
	u32 moves;
	/** @lost: some of the content was lost to a memory error; protected by the dma_resv */
	bool lost;
	/** @iomem: of a kernel buffer: where the CPU reaches it, from creation to release */
	void __iomem *iomem;
	/** @label: name given by userspace or NULL; protected by the dma_resv */
	char *label;
};

static inline struct ogpu_bo *ttm_to_ogpu_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct ogpu_bo, ttm);
}

static inline struct ogpu_bo *gem_to_ogpu_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct ogpu_bo, ttm.base);
}

static inline struct ogpu_device *ogpu_bo_device(struct ogpu_bo *bo)
{
	return to_ogpu_device(bo->ttm.base.dev);
}

static inline void ogpu_bo_put(struct ogpu_bo *bo)
{
	if (bo)
		drm_gem_object_put(&bo->ttm.base);
}

struct ogpu_bo *ogpu_bo_create_pinned(struct ogpu_device *odev, u64 size);
struct ogpu_bo *ogpu_bo_lookup(struct drm_file *file, u32 handle);
struct ogpu_bo *ogpu_bo_next(struct drm_file *file, int *handle);
bool ogpu_bo_is_buffer(const struct ttm_buffer_object *tbo);
u64 ogpu_bo_operand(struct ogpu_bo *bo);
int ogpu_bo_validate(struct ogpu_bo *bo);
void ogpu_bo_moved(struct ttm_buffer_object *tbo);
void ogpu_bo_set_lost(struct ogpu_bo *bo);
int ogpu_bo_prime_export(struct drm_device *drm, struct drm_file *file, u32 handle, u32 flags,
			 int *fd);
int ogpu_bo_prime_import(struct drm_device *drm, struct drm_file *file, int fd, u32 *handle);

int ogpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file);

void ogpu_bo_print_all(struct ogpu_device *odev, struct drm_printer *p);

#endif
