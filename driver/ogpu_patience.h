/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Fences of other drivers that are waited for only so long.
 */
#ifndef _OGPU_PATIENCE_H_
#define _OGPU_PATIENCE_H_

struct dma_fence;

struct dma_fence *ogpu_patience_create(struct dma_fence *other, unsigned int ms);

#endif
