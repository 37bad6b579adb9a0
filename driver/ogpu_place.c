// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Finding a place for buffers: where one may be, what may make way for it, and how long it is
 * tried.
 *
 * DOC: Making room
 *
 * Who needs room moves others away, those first that were used longest ago, but none whose jobs are
 * still to be done as long as idle ones suffice. If they do not, those in use are moved too: the
 * copy waits on the card for their jobs, so nobody waits in the kernel. What cannot be had in that
 * way, because a buffer was freed while jobs use it, is waited for without any lock, and only by
 * who wants the room.
 *
 * Only buffers that nobody has locked are moved at first. So under pressure from many sides there
 * may seem to be no room. Everybody who locks buffers to place them therefore does so between
 * ogpu_mem_begin() and ogpu_mem_end(); who fails tries again alone. Nothing is waited for in
 * between but locks and pages of system memory. Even alone he meets locks of those who place
 * nothing, and buffers that are just being freed, so he looks a few times more.
 */
#include <linux/bitfield.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/rwsem.h>

#include <drm/ttm/ttm_bo.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_place.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"

/* Room that is about to be free is waited for so long. */
#define OGPU_PLACE_WAIT_MS	10000
/* Room in VRAM is looked for again for so long if nothing can be waited for, ever more seldom. */
#define OGPU_PLACE_LOCKED_MS	2000
#define OGPU_PLACE_LOOKS_SHIFT	5u
/* How often memory of processes is asked to make way: others may be faster each time. */
#define OGPU_PLACE_ASKS		4
/* How often it is looked whether the card is being unbound meanwhile, in jiffies. */
#define OGPU_PLACE_LOOK		(HZ / 10)

/* Next to OGPU_PLACE_OWN: it is part of a struct ogpu_places, and which, counted from 1. */
#define OGPU_PLACE_INDEX	GENMASK(30, 29)

/**
 * ogpu_places_init() - begin a list of places
 * @places: the list
 * @try: who wants a place
 */
void ogpu_places_init(struct ogpu_places *places, struct ogpu_mem_try *try)
{
	places->placement = (struct ttm_placement) { .placement = places->places };
	places->try = try;
}

/**
 * ogpu_places_add() - add a place to a list
 * @places: the list, with less than OGPU_PLACES of them
 * @mem_type: TTM_PL_*
 * @flags: TTM_PL_FLAG_*
 *
 * Return: the place, which is anywhere in that memory.
 */
struct ttm_place *ogpu_places_add(struct ogpu_places *places, u32 mem_type, u32 flags)
{
	unsigned int index = places->placement.num_placement++;
	struct ttm_place *place = &places->places[index];

	if (mem_type == TTM_PL_VRAM)
		places->try->vram = true;

	*place = (struct ttm_place) {
		.mem_type = mem_type,
		.flags = flags | OGPU_PLACE_OWN | FIELD_PREP(OGPU_PLACE_INDEX, index + 1),
	};

	return place;
}

/* NULL: TTM's own, or one that the driver uses on the way. */
static struct ogpu_mem_try *ogpu_place_try(const struct ttm_place *place)
{
	unsigned int index = place ? FIELD_GET(OGPU_PLACE_INDEX, place->flags) : 0;

	return index ? container_of(place, struct ogpu_places, places[index - 1])->try : NULL;
}

/**
 * ogpu_place_takes_busy() - is memory taken that can be used only after jobs of others?
 * @place: where room is wanted
 *
 * Return: true if there is nothing else left.
 */
bool ogpu_place_takes_busy(const struct ttm_place *place)
{
	struct ogpu_mem_try *try = ogpu_place_try(place);

	return try && try->busy;
}

/**
 * ogpu_place_no_room() - there is no room for a buffer in VRAM
 * @place: where it was wanted
 * @bo: the buffer
 *
 * Memory of processes makes way for it, soon or in ogpu_mem_retry(), but not for its like.
 */
void ogpu_place_no_room(const struct ttm_place *place, struct ttm_buffer_object *bo)
{
	struct ogpu_mem_try *try = ogpu_place_try(place);

	if (ogpu_bo_is_buffer(bo) && ttm_to_ogpu_bo(bo)->mirror)
		return;
	if (try) {
		try->missing = max_t(u64, try->missing, bo->base.size);
		try->visible = place->lpfn;
	}
	if (!place->lpfn)
		ogpu_svm_vram_want(ttm_to_ogpu_device(bo->bdev), bo->base.size);
}

/**
 * ogpu_mem_wait_for() - say what should be waited for before the next attempt
 * @try: the attempt
 * @fence: it gets a reference
 */
void ogpu_mem_wait_for(struct ogpu_mem_try *try, struct dma_fence *fence)
{
	if (!try->wait)
		try->wait = dma_fence_get(fence);
}

static void ogpu_place_note_busy(struct ogpu_mem_try *try, struct dma_resv *resv)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (!dma_fence_is_signaled(fence)) {
			ogpu_mem_wait_for(try, fence);
			return;
		}
	}
}

/**
 * ogpu_place_may_evict() - may a buffer be moved away, or freed at last, to make room?
 * @place: where room is wanted; NULL: anywhere
 * @bo: the buffer, locked
 *
 * Return: true if that needs no wait.
 */
bool ogpu_place_may_evict(const struct ttm_place *place, struct ttm_buffer_object *bo)
{
	struct ogpu_mem_try *try = ogpu_place_try(place);

	if (dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return true;
	if (!bo->deleted)
		return try && try->busy;

	/* TTM would wait for its jobs here and now. */
	if (try && try->busy)
		ogpu_place_note_busy(try, bo->base.resv);

	return false;
}

/**
 * ogpu_mem_begin() - before locking buffers in order to place them
 * @odev: the card
 * @try: all zero, or after ogpu_mem_retry()
 *
 * When it returns 0 the lock is held for reading or writing. No dma_resv may be held.
 *
 * Return: 0, or -EINTR.
 */
int ogpu_mem_begin(struct ogpu_device *odev, struct ogpu_mem_try *try)
{
	if (try->mode == OGPU_MEM_EXCLUSIVE)
		return down_write_killable(&odev->mem->validate_lock);

	return down_read_interruptible(&odev->mem->validate_lock);
}

/* Is what failed worth waiting for? Older kernels say -ENOMEM for both. */
static bool ogpu_mem_no_room(int err)
{
	return err == -ENOSPC || (err == -ENOMEM && !OGPU_TTM_TELLS_ENOSPC);
}

/* Returns whether to try again; if not because the wait was interrupted, *@ret says so. */
static bool ogpu_mem_wait(struct ogpu_device *odev, struct ogpu_mem_try *try, int *ret)
{
	long left;

	if (!try->wait)
		return false;

	if (*ret == -EAGAIN) {
		/*
		 * The caller's own jobs and the copy engine come to an end by themselves, but not
		 * what other drivers do, for which unbind does not wait.
		 */
		do
			left = dma_fence_wait_timeout(try->wait, true, OGPU_PLACE_LOOK);
		while (!left && !READ_ONCE(odev->unplugged));
		if (!left)
			left = -ENODEV;
	} else {
		if (!try->waited)
			try->since = ktime_get();
		try->waited = true;
		left = OGPU_PLACE_WAIT_MS - ktime_ms_delta(ktime_get(), try->since);
		left = left > 0 ? msecs_to_jiffies(left) : 0;
		if (left)
			left = dma_fence_wait_timeout(try->wait, true, left);
	}
	dma_fence_put(try->wait);
	try->wait = NULL;
	if (left < 0)
		*ret = left;

	return left > 0;
}

/* Memory of processes that is in VRAM makes way. Returns whether some did. */
static bool ogpu_mem_ask_processes(struct ogpu_device *odev, struct ogpu_mem_try *try)
{
	u64 missing = try->missing;

	try->missing = 0;
	if (!try->vram || try->asked == OGPU_PLACE_ASKS)
		return false;
	try->asked++;

	return ogpu_svm_vram_make_room(odev, missing, try->visible);
}

/*
 * All others were to make way and did not, but none of them uses what is wanted: somebody had a
 * buffer locked, or was freeing it, which TTM tells nobody. Returns whether to try again.
 */
static bool ogpu_mem_look_again(struct ogpu_mem_try *try, int *ret)
{
	if (!try->vram)
		return false;

	if (!try->looks)
		try->looking = ktime_get();
	if (ktime_ms_delta(ktime_get(), try->looking) > OGPU_PLACE_LOCKED_MS)
		return false;

	/* Most often it is over by now, but who has it locked may have no processor. */
	if (try->looks)
		schedule_timeout_interruptible(1l << min(try->looks, OGPU_PLACE_LOOKS_SHIFT));
	try->looks++;
	if (!signal_pending(current))
		return true;
	*ret = -ERESTARTSYS;

	return false;
}

/**
 * ogpu_mem_retry() - after trying to place buffers
 * @odev: the card
 * @try: the attempt; changed for the next one
 * @ret: how it went; after an error everything else is undone. -EAGAIN: not before what
 *	ogpu_mem_wait_for() was told. Changed if waiting was interrupted
 *
 * After success the lock stays held for reading, until ogpu_mem_end(); otherwise it is released.
 * Waits with no lock held.
 *
 * Return: whether to try once more.
 */
bool ogpu_mem_retry(struct ogpu_device *odev, struct ogpu_mem_try *try, int *ret)
{
	struct rw_semaphore *lock = &odev->mem->validate_lock;

	if (try->mode == OGPU_MEM_EXCLUSIVE) {
		if (*ret)
			up_write(lock);
		else
			downgrade_write(lock);
	} else if (*ret) {
		up_read(lock);
	}

	if (*ret == -EAGAIN)
		return ogpu_mem_wait(odev, try, ret);
	if (ogpu_mem_no_room(*ret)) {
		if (ogpu_mem_ask_processes(odev, try))
			return true;
		if (try->mode == OGPU_MEM_EXCLUSIVE && try->busy)
			return try->wait ? ogpu_mem_wait(odev, try, ret) :
					   ogpu_mem_look_again(try, ret);
		/* A step at a time: TTM may have failed because it had to end the transaction. */
		try->busy = try->mode == OGPU_MEM_EXCLUSIVE;
		try->mode = OGPU_MEM_EXCLUSIVE;
		dma_fence_put(try->wait);
		try->wait = NULL;
		return true;
	}
	dma_fence_put(try->wait);
	try->wait = NULL;

	return false;
}

/**
 * ogpu_mem_end() - after unlocking buffers that were placed
 * @odev: the card
 */
void ogpu_mem_end(struct ogpu_device *odev)
{
	up_read(&odev->mem->validate_lock);
}
