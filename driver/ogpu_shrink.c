// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Giving system memory back to the kernel when that runs short.
 *
 * DOC: Short of memory
 *
 * The kernel asks all who have memory that can be had again. Here that are pages of buffers which
 * no job uses: those whose content is not needed are freed, the others go to swap space if there is
 * any, those first that were used longest ago. To swap out takes memory at first, and whoever asks
 * may hold any lock and has the last pages in his hands; so he is not the one who does it, but a
 * worker. The kernel begins to ask long before it has nothing left.
 */
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "ogpu_bo.h"
#include "ogpu_shrink.h"
#include "ogpu_ttm.h"

static struct ogpu_mem *to_ogpu_mem(struct ogpu_shrink *shrink)
{
	return container_of(shrink, struct ogpu_mem, shrink);
}

static unsigned long ogpu_shrink_pages(struct ogpu_shrink *shrink)
{
	unsigned long pages = ttm_resource_manager_usage(&to_ogpu_mem(shrink)->tt) >> PAGE_SHIFT;
	unsigned long purgeable = atomic64_read(&shrink->purgeable) >> PAGE_SHIFT;
	long swap = get_nr_swap_pages();

	/* They are not looked at all at once. */
	pages -= min(pages, purgeable);

	return purgeable + (swap > 0 ? min_t(unsigned long, pages, swap) : 0);
}

static unsigned long ogpu_shrink_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	return ogpu_shrink_pages(shrinker->private_data) ?: SHRINK_EMPTY;
}

/* What the worker will do is not known yet: nothing was freed. */
static unsigned long ogpu_shrink_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct ogpu_shrink *shrink = shrinker->private_data;
	long wanted = atomic_long_read(&shrink->wanted);

	/* Many ask for the same pages until there are fewer: what they ask for is not added up. */
	while (wanted < (long)sc->nr_to_scan &&
	       !atomic_long_try_cmpxchg(&shrink->wanted, &wanted, sc->nr_to_scan))
		;
	queue_work(shrink->wq, &shrink->work);

	return 0;
}

static void ogpu_shrink_work(struct work_struct *work)
{
	struct ogpu_shrink *shrink = container_of(work, struct ogpu_shrink, work);
	struct ttm_operation_ctx ctx = { .no_wait_gpu = true };
	struct ogpu_mem *mem = to_ogpu_mem(shrink);
	long left, swapped;

	left = atomic_long_xchg(&shrink->wanted, 0);
	shrink->left = min_t(unsigned long, left, ogpu_shrink_pages(shrink));
	WRITE_ONCE(shrink->worker, current);
	while (shrink->left > 0) {
		left = shrink->left;
		shrink->swaps = get_nr_swap_pages() > 0;
		swapped = ttm_device_swapout(&mem->ttm, &ctx,
					     GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (swapped > 0)
			shrink->left -= swapped;
		if (shrink->left == left)
			break;
		cond_resched();
	}
	WRITE_ONCE(shrink->worker, NULL);
}

/**
 * ogpu_shrink_may_take() - may TTM take a buffer's pages, in order to swap them out?
 * @mem: memory of the card
 * @tbo: the buffer, locked
 *
 * Return: false if nothing would be won.
 */
bool ogpu_shrink_may_take(struct ogpu_mem *mem, struct ttm_buffer_object *tbo)
{
	struct ogpu_shrink *shrink = &mem->shrink;

	if (READ_ONCE(shrink->worker) != current)
		return true;

	if (shrink->left <= 0 || !tbo->ttm || !ttm_tt_is_populated(tbo->ttm))
		return false;
	if (ogpu_bo_can_purge(tbo))
		return true;
	if ((long)tbo->ttm->num_pages > get_nr_swap_pages())
		return false;

	/* If TTM asks for another one, that before could not be swapped out, for want of memory. */
	return xchg(&shrink->swaps, false);
}

/**
 * ogpu_shrink_purged() - pages of a buffer were freed, its content with them
 * @mem: memory of the card
 * @bytes: how much
 *
 * TTM counts only what it has swapped out.
 */
void ogpu_shrink_purged(struct ogpu_mem *mem, u64 bytes)
{
	if (READ_ONCE(mem->shrink.worker) == current)
		mem->shrink.left -= bytes >> PAGE_SHIFT;
}

static void ogpu_shrink_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_shrink *shrink = arg;

	shrinker_free(shrink->shrinker);
	destroy_workqueue(shrink->wq);
}

/**
 * ogpu_shrink_init() - have the kernel ask for memory, at probe
 * @mem: memory of the card
 *
 * Undone together with the DRM device, before the memory of the card.
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_shrink_init(struct ogpu_mem *mem)
{
	struct drm_device *drm = &mem->odev->drm;
	struct ogpu_shrink *shrink = &mem->shrink;

	INIT_WORK(&shrink->work, ogpu_shrink_work);
	shrink->wq = alloc_workqueue("ogpu-shrink-%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 1,
				     drm->unique);
	if (!shrink->wq)
		return -ENOMEM;
	shrink->shrinker = shrinker_alloc(0, "drm-ogpu:%s", drm->unique);
	if (!shrink->shrinker) {
		destroy_workqueue(shrink->wq);
		return -ENOMEM;
	}

	shrink->shrinker->count_objects = ogpu_shrink_count;
	shrink->shrinker->scan_objects = ogpu_shrink_scan;
	shrink->shrinker->private_data = shrink;
	shrinker_register(shrink->shrinker);

	return drmm_add_action_or_reset(drm, ogpu_shrink_fini, shrink);
}
