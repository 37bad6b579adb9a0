// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VRAM that was given back though a move has still to read it.
 *
 * It is remembered exactly, in a tree of ranges, however much there is: who moves brings the memory
 * for that. So what one client has in use never makes other memory count as busy. Looking costs by
 * what is looked at, and nothing is looked at again once its fence has signalled.
 */
#include <linux/bitmap.h>
#include <linux/interval_tree_generic.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "ogpu_vram_busy.h"

#define OGPU_VRAM_RANGE_START(range)	((range)->start)
#define OGPU_VRAM_RANGE_LAST(range)	((range)->last)

INTERVAL_TREE_DEFINE(struct ogpu_vram_range, rb, u64, subtree_last, OGPU_VRAM_RANGE_START,
		     OGPU_VRAM_RANGE_LAST, static inline, ogpu_vram_range);

static u64 ogpu_vram_block_end(struct gpu_buddy *mm, struct gpu_buddy_block *block)
{
	return gpu_buddy_block_offset(block) + gpu_buddy_block_size(mm, block);
}

/**
 * ogpu_vram_left_create() - prepare to leave memory that a move will still read
 * @mm: allocator of the blocks
 * @blocks: the memory, which is not given back before this is freed or added
 *
 * Needs no lock.
 *
 * Return: it, or NULL if memory is short.
 */
struct ogpu_vram_left *ogpu_vram_left_create(struct gpu_buddy *mm, struct list_head *blocks)
{
	struct gpu_buddy_block *block;
	struct ogpu_vram_left *left;
	u64 end = U64_MAX;
	u32 count = 0;

	list_for_each_entry(block, blocks, link) {
		count += gpu_buddy_block_offset(block) != end;
		end = ogpu_vram_block_end(mm, block);
	}
	left = kvzalloc(struct_size(left, ranges, count), GFP_KERNEL_ACCOUNT);
	if (!left)
		return NULL;

	left->count = count;
	count = 0;
	end = U64_MAX;
	list_for_each_entry(block, blocks, link) {
		if (gpu_buddy_block_offset(block) != end) {
			left->ranges[count].start = gpu_buddy_block_offset(block);
			left->ranges[count++].left = left;
		}
		end = ogpu_vram_block_end(mm, block);
		left->ranges[count - 1].last = end - 1;
	}

	return left;
}

/**
 * ogpu_vram_left_free() - undo ogpu_vram_left_create()
 * @left: that was not added, or NULL
 *
 * Needs no lock.
 */
void ogpu_vram_left_free(struct ogpu_vram_left *left)
{
	if (!left)
		return;
	dma_fence_put(left->fence);
	kvfree(left);
}

static void ogpu_vram_busy_drop(struct ogpu_vram_busy *busy, struct ogpu_vram_left *left)
{
	u32 i;

	for (i = 0; i < left->count; i++)
		ogpu_vram_range_remove(&left->ranges[i], &busy->ranges);
	list_del(&left->link);
	ogpu_vram_left_free(left);
}

/**
 * ogpu_vram_busy_clean() - forget what is idle by now
 * @busy: all that is busy
 */
void ogpu_vram_busy_clean(struct ogpu_vram_busy *busy)
{
	struct llist_node *done = llist_del_all(&busy->done);
	struct ogpu_vram_left *left, *next;

	lockdep_assert_held(busy->lock);

	llist_for_each_entry_safe(left, next, done, done)
		ogpu_vram_busy_drop(busy, left);
	if (done)
		busy->idle(busy);
}

static void ogpu_vram_busy_clean_work(struct work_struct *work)
{
	struct ogpu_vram_busy *busy = container_of(work, struct ogpu_vram_busy, clean);

	mutex_lock(busy->lock);
	ogpu_vram_busy_clean(busy);
	mutex_unlock(busy->lock);
}

static void ogpu_vram_left_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct ogpu_vram_left *left = container_of(cb, struct ogpu_vram_left, cb);
	struct ogpu_vram_busy *busy = left->busy;

	if (llist_add(&left->done, &busy->done))
		schedule_work(&busy->clean);
}

/**
 * ogpu_vram_busy_add() - memory is given back while a move reads it
 * @busy: all that is busy
 * @left: with its fence; belongs to @busy from here on
 */
void ogpu_vram_busy_add(struct ogpu_vram_busy *busy, struct ogpu_vram_left *left)
{
	u32 i;

	lockdep_assert_held(busy->lock);

	left->busy = busy;
	for (i = 0; i < left->count; i++)
		ogpu_vram_range_insert(&left->ranges[i], &busy->ranges);
	list_add(&left->link, &busy->all);
	if (dma_fence_add_callback(left->fence, &left->cb, ogpu_vram_left_signaled))
		ogpu_vram_busy_drop(busy, left);
}

/**
 * ogpu_vram_busy_mark() - what is busy in units of chunks
 * @busy: all that is busy
 * @chunks: a bit for each chunk of VRAM; set for those that are
 * @chunk: its bytes
 */
void ogpu_vram_busy_mark(struct ogpu_vram_busy *busy, unsigned long *chunks, u64 chunk)
{
	struct ogpu_vram_left *left;
	u32 i;

	lockdep_assert_held(busy->lock);

	list_for_each_entry(left, &busy->all, link) {
		for (i = 0; i < left->count; i++) {
			u64 first = div64_u64(left->ranges[i].start, chunk);
			u64 last = div64_u64(left->ranges[i].last, chunk);

			bitmap_set(chunks, first, last - first + 1);
		}
	}
}

/**
 * ogpu_vram_is_busy() - is some of a range busy?
 * @busy: all that is busy
 * @start: VRAM offset of the first byte
 * @end: of the first byte behind
 * @counts: if not NULL, only fences count for which this returns true
 *
 * Return: true if it is.
 */
bool ogpu_vram_is_busy(struct ogpu_vram_busy *busy, u64 start, u64 end,
		       bool (*counts)(struct dma_fence *fence))
{
	struct ogpu_vram_range *range;

	lockdep_assert_held(busy->lock);

	for (range = ogpu_vram_range_iter_first(&busy->ranges, start, end - 1); range;
	     range = ogpu_vram_range_iter_next(range, start, end - 1)) {
		if (!dma_fence_is_signaled(range->left->fence) &&
		    (!counts || counts(range->left->fence)))
			return true;
	}

	return false;
}

/* Each fence once. Returns how many; @fences may be NULL. */
static u32 ogpu_vram_busy_look(struct ogpu_vram_busy *busy, struct gpu_buddy *mm,
			       struct list_head *blocks, struct dma_fence **fences)
{
	struct gpu_buddy_block *block;
	struct ogpu_vram_range *range;
	u32 count = 0;

	busy->looks++;
	list_for_each_entry(block, blocks, link) {
		u64 start = gpu_buddy_block_offset(block);
		u64 last = ogpu_vram_block_end(mm, block) - 1;

		for (range = ogpu_vram_range_iter_first(&busy->ranges, start, last); range;
		     range = ogpu_vram_range_iter_next(range, start, last)) {
			if (range->left->seen == busy->looks)
				continue;
			range->left->seen = busy->looks;
			if (fences)
				fences[count] = dma_fence_get(range->left->fence);
			count++;
		}
	}

	return count;
}

/**
 * ogpu_vram_deps_init() - find out what memory that is handed out has to wait for
 * @deps: all zero; ogpu_vram_deps_fini() empties it
 * @busy: all that is busy
 * @mm: allocator of the blocks
 * @blocks: the memory
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_vram_deps_init(struct ogpu_vram_deps *deps, struct ogpu_vram_busy *busy,
			struct gpu_buddy *mm, struct list_head *blocks)
{
	u32 count;

	lockdep_assert_held(busy->lock);

	ogpu_vram_busy_clean(busy);
	count = ogpu_vram_busy_look(busy, mm, blocks, NULL);
	if (!count)
		return 0;

	deps->fences = kvmalloc_array(count, sizeof(*deps->fences), GFP_KERNEL_ACCOUNT);
	if (!deps->fences)
		return -ENOMEM;
	deps->count = ogpu_vram_busy_look(busy, mm, blocks, deps->fences);

	return 0;
}

/**
 * ogpu_vram_deps_fini() - let go of what was to be waited for
 * @deps: to empty
 *
 * Needs no lock.
 */
void ogpu_vram_deps_fini(struct ogpu_vram_deps *deps)
{
	while (deps->count)
		dma_fence_put(deps->fences[--deps->count]);
	kvfree(deps->fences);
	deps->fences = NULL;
}

/**
 * ogpu_vram_busy_init() - nothing is busy
 * @busy: to set up
 * @lock: of the allocator
 * @idle: called with @lock when something has become idle
 */
void ogpu_vram_busy_init(struct ogpu_vram_busy *busy, struct mutex *lock,
			 void (*idle)(struct ogpu_vram_busy *busy))
{
	busy->lock = lock;
	busy->idle = idle;
	busy->ranges = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&busy->all);
	init_llist_head(&busy->done);
	INIT_WORK(&busy->clean, ogpu_vram_busy_clean_work);
}

/**
 * ogpu_vram_busy_fini() - forget all that is busy
 * @busy: all that is busy; nothing is handed out any more
 *
 * Takes the lock.
 */
void ogpu_vram_busy_fini(struct ogpu_vram_busy *busy)
{
	struct ogpu_vram_left *left, *next;

	mutex_lock(busy->lock);
	list_for_each_entry_safe(left, next, &busy->all, link) {
		/* Otherwise its callback has run, and it is among the others. */
		if (dma_fence_remove_callback(left->fence, &left->cb))
			ogpu_vram_busy_drop(busy, left);
	}
	ogpu_vram_busy_clean(busy);
	mutex_unlock(busy->lock);
	cancel_work_sync(&busy->clean);
}
