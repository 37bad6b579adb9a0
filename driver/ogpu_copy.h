/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 */
#ifndef _OGPU_COPY_H_
#define _OGPU_COPY_H_

struct dma_fence;
struct ogpu_device;
struct ttm_buffer_object;
struct ttm_resource;

int ogpu_copy_init(struct ogpu_device *odev);
int ogpu_copy_start(struct ogpu_device *odev);
void ogpu_copy_stop(struct ogpu_device *odev);
struct dma_fence *ogpu_copy_move(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				 struct ttm_resource *old_res, struct ttm_resource *new_res);
struct dma_fence *ogpu_copy_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				  struct ttm_resource *res);

#endif
