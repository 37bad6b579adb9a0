/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * VRAM that was given back though a move has still to read it.
 */
#ifndef _OGPU_VRAM_BUSY_H_
#define _OGPU_VRAM_BUSY_H_

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "ogpu_compat.h"

struct ogpu_vram_busy;
struct ogpu_vram_left;

/**
 * struct ogpu_vram_range - neighbouring blocks
 */
struct ogpu_vram_range {
	/** @rb: in &struct ogpu_vram_busy.ranges */
	struct rb_node rb;
	/** @start: VRAM offset of the first byte */
	u64 start;
	/** @last: of the last byte */
	u64 last;
	/** @subtree_last: the largest @last at or below @rb */
	u64 subtree_last;
	/** @left: what it is a part of */
	struct ogpu_vram_left *left;
};

/**
 * struct ogpu_vram_left - all that one move leaves
 *
 * Made before the move, by who has it made, so that giving memory back cannot fail.
 */
struct ogpu_vram_left {
	/** @busy: that it was added to */
	struct ogpu_vram_busy *busy;
	/** @link: in &struct ogpu_vram_busy.all */
	struct list_head link;
	/** @done: in &struct ogpu_vram_busy.done */
	struct llist_node done;
	/** @cb: on @fence */
	struct dma_fence_cb cb;
	/** @fence: when it is idle; referenced, NULL before there is a move */
	struct dma_fence *fence;
	/** @seen: by which look, see &struct ogpu_vram_busy.looks */
	u64 seen;
	/** @count: of @ranges */
	u32 count;
	/** @ranges: where it is */
	struct ogpu_vram_range ranges[] __counted_by(count);
};

/**
 * struct ogpu_vram_busy - all such VRAM of a card, which may be free, or in use again
 */
struct ogpu_vram_busy {
	/** @lock: of the allocator, held for all functions but where it says otherwise */
	struct mutex *lock;
	/** @idle: told when some of it has become idle; constant */
	void (*idle)(struct ogpu_vram_busy *busy);
	/** @ranges: &struct ogpu_vram_range, by where they are; they may overlap */
	struct rb_root_cached ranges;
	/** @all: &struct ogpu_vram_left */
	struct list_head all;
	/** @done: those whose fences have signalled; without @lock */
	struct llist_head done;
	/** @clean: forgets @done: a fence that is kept may keep the module */
	struct work_struct clean;
	/** @looks: how often what is busy was counted */
	u64 looks;
};

/**
 * struct ogpu_vram_deps - what must be over before the card writes to VRAM that was handed out
 */
struct ogpu_vram_deps {
	/** @count: of @fences */
	u32 count;
	/** @fences: referenced; each once */
	struct dma_fence **fences;
};

void ogpu_vram_busy_init(struct ogpu_vram_busy *busy, struct mutex *lock,
			 void (*idle)(struct ogpu_vram_busy *busy));
void ogpu_vram_busy_fini(struct ogpu_vram_busy *busy);
void ogpu_vram_busy_clean(struct ogpu_vram_busy *busy);
void ogpu_vram_busy_add(struct ogpu_vram_busy *busy, struct ogpu_vram_left *left);
bool ogpu_vram_is_busy(struct ogpu_vram_busy *busy, u64 start, u64 end,
		       bool (*counts)(struct dma_fence *fence));
void ogpu_vram_busy_mark(struct ogpu_vram_busy *busy, unsigned long *chunks, u64 chunk);
int ogpu_vram_deps_init(struct ogpu_vram_deps *deps, struct ogpu_vram_busy *busy,
			struct gpu_buddy *mm, struct list_head *blocks);
void ogpu_vram_deps_fini(struct ogpu_vram_deps *deps);

struct ogpu_vram_left *ogpu_vram_left_create(struct gpu_buddy *mm, struct list_head *blocks);
void ogpu_vram_left_free(struct ogpu_vram_left *left);

#endif
