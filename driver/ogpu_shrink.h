/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Giving system memory back to the kernel when that runs short.
 */
#ifndef _OGPU_SHRINK_H_
#define _OGPU_SHRINK_H_

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ogpu_mem;
struct shrinker;
struct task_struct;
struct ttm_buffer_object;

/**
 * struct ogpu_shrink - what the kernel asked a card's memory for
 */
struct ogpu_shrink {
	/** @shrinker: through which it asks */
	struct shrinker *shrinker;
	/** @wq: for @work */
	struct workqueue_struct *wq;
	/** @work: gives pages back */
	struct work_struct work;
	/** @wanted: pages that were asked for and that @work has not begun with */
	atomic_long_t wanted;
	/** @purgeable: bytes of system memory of buffers whose content is not needed */
	atomic64_t purgeable;
	/** @worker: thread of @work while it is at it, which alone uses what follows; or NULL */
	struct task_struct *worker;
	/** @left: pages that it has still to give back */
	long left;
	/** @swaps: there is swap space */
	bool swaps;
};

int ogpu_shrink_init(struct ogpu_mem *mem);
bool ogpu_shrink_may_take(struct ogpu_mem *mem, struct ttm_buffer_object *tbo);
void ogpu_shrink_purged(struct ogpu_mem *mem, u64 bytes);

#endif
