/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pieces of VRAM that hold memory of a process, as the kernel sees them. For ogpu_svm_vram.c.
 */
#ifndef _OGPU_SVM_PIECE_H_
#define _OGPU_SVM_PIECE_H_

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_pagemap.h>

#include "ogpu_bo.h"

/**
 * struct ogpu_svm_vram - VRAM of a card as pages
 */
struct ogpu_svm_vram {
	/** @pages: as the kernel has them */
	struct dev_pagemap pages;
	/** @region: physical addresses that are nobody else's */
	struct resource *region;
	/** @odev: the card; outlives this */
	struct ogpu_device *odev;
	/** @map: our part in it, referenced while there are @users and the card is bound */
	struct drm_pagemap *map;
	/**
	 * @users: address spaces whose memory may come; as @map, under the lock of
	 * &struct ogpu_mem_svms
	 */
	unsigned int users;
	/** @lock: protects @pieces, @count and @closed; irq-safe */
	spinlock_t lock;
	/** @pieces: &struct ogpu_svm_piece, those that came first at the head */
	struct list_head pieces;
	/** @count: how many */
	unsigned long count;
	/** @closed: no more pieces, see also &struct ogpu_mem_svms; written under @out_lock */
	bool closed;
	/** @pause: nor before then, in jiffies; only roughly true */
	u64 pause;
	/** @owners: &struct ogpu_svm_piece, by parts of VRAM of 64 KiB */
	struct xarray owners;
	/** @out_lock: held by who sends pieces back; above dma_resv */
	struct mutex out_lock;
	/** @wanted: bytes that @work is to make room for */
	atomic64_t wanted;
	/** @work: sends pieces back */
	struct work_struct work;
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
	/** @client: who pays for it, referenced */
	struct ogpu_mem_client *client;
	/** @mm: of the process that it came from, which may have ended; referenced */
	struct mm_struct *mm;
	/** @vram: of the card */
	struct ogpu_svm_vram *vram;
	/** @link: in &struct ogpu_svm_vram.pieces */
	struct list_head link;
	/** @copying: one copy at a time */
	struct mutex copying;
	/** @free_work: gives the VRAM back: the last page may go in an interrupt */
	struct work_struct free_work;
};

/* What the last page of a piece leaves behind is done here, also after unbind. */
extern struct workqueue_struct *ogpu_svm_piece_wq;

/* Those of drm_pagemap, but for faults of CPUs. */
extern struct dev_pagemap_ops ogpu_svm_piece_page_ops;
extern const struct drm_pagemap_ops ogpu_svm_piece_map_ops;

/* Its content is nobody's to see any more. */
static inline bool ogpu_svm_piece_is_lost(struct ogpu_svm_piece *piece)
{
	return ogpu_bo_is_stale(piece->bo) || READ_ONCE(piece->bo->lost);
}

struct ogpu_svm_piece *ogpu_svm_piece_new(struct ogpu_device *odev,
					  struct ogpu_mem_client *client, struct mm_struct *mm,
					  size_t size);
bool ogpu_svm_piece_put_now(struct ogpu_svm_piece *piece);

#endif
