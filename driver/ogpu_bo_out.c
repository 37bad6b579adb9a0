// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Moves of buffers out of VRAM: the card tells in a word of memory whether something was lost.
 */
#include <linux/bitmap.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_device.h"
#include "ogpu_ttm.h"

/*
 * What was lost is nobody's to see. Once for each move; any context. A move that failed has told
 * nothing, and may end when the card, and with it the words, are not there any more.
 */
static void ogpu_bo_end_out(struct ogpu_bo *bo)
{
	if (!bo->out.fence->error && READ_ONCE(bo->out.page->words[bo->out.word])) {
		WRITE_ONCE(bo->lost, true);
		drm_err_ratelimited(bo->ttm.base.dev,
				    "a buffer of %zu bytes has lost its content to bad memory\n",
				    bo->ttm.base.size);
	}
	clear_bit_unlock(bo->out.word, bo->out.page->used);
}

static void ogpu_bo_out_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ogpu_bo_end_out(container_of(cb, struct ogpu_bo, out.cb));
}

/**
 * ogpu_bo_forget_out() - let go of the last move out of VRAM
 * @bo: the buffer, locked, or nobody else has it; hardware is done with the move
 */
void ogpu_bo_forget_out(struct ogpu_bo *bo)
{
	if (!bo->out.fence)
		return;
	/* This also waits for a callback that runs right now. */
	if (dma_fence_remove_callback(bo->out.fence, &bo->out.cb))
		ogpu_bo_end_out(bo);
	dma_fence_put(bo->out.fence);
	bo->out.fence = NULL;
}

/**
 * ogpu_bo_settle() - is known whether the last move out of VRAM has lost something?
 * @bo: the buffer, locked
 *
 * Return: true if the move is over.
 */
bool ogpu_bo_settle(struct ogpu_bo *bo)
{
	if (bo->out.fence && !dma_fence_is_signaled(bo->out.fence))
		return false;
	ogpu_bo_forget_out(bo);

	return true;
}

/**
 * ogpu_bo_add_outs() - make words for more moves out of VRAM
 * @odev: the card, bound; they are there until unbind
 *
 * With the lock of &struct ogpu_mem_outs, or when nobody else moves buffers yet.
 *
 * Return: the words, or NULL.
 */
struct ogpu_mem_outs_page *ogpu_bo_add_outs(struct ogpu_device *odev)
{
	struct ogpu_mem_outs_page *page;

	page = drmm_kzalloc(&odev->drm, sizeof(*page), GFP_KERNEL);
	if (!page)
		return NULL;
	page->words = dmam_alloc_coherent(odev->drm.dev, OGPU_MEM_OUTS * sizeof(*page->words),
					  &page->dma, GFP_KERNEL);
	if (!page->words) {
		drmm_kfree(&odev->drm, page);
		return NULL;
	}
	list_add(&page->link, &odev->mem->outs.pages);

	return page;
}

/* Take a word that no other move uses. */
static int ogpu_bo_take_out(struct ogpu_bo *bo)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct ogpu_mem_outs *outs = &odev->mem->outs;
	struct ogpu_mem_outs_page *page;
	unsigned long word = 0;

	mutex_lock(&outs->lock);
	list_for_each_entry(page, &outs->pages, link) {
		word = find_first_zero_bit(page->used, OGPU_MEM_OUTS);
		if (word < OGPU_MEM_OUTS)
			goto found;
	}
	word = 0;
	page = ogpu_bo_add_outs(odev);
	if (!page) {
		mutex_unlock(&outs->lock);
		return -ENOMEM;
	}
found:
	/* Pairs with clear_bit_unlock(): who had it before has read it. */
	test_and_set_bit_lock(word, page->used);
	mutex_unlock(&outs->lock);

	bo->out.page = page;
	bo->out.word = word;
	return 0;
}

/**
 * ogpu_bo_begin_out() - prepare to find out whether a move out of VRAM loses something
 * @bo: the buffer, locked; in ogpu_device_enter()
 * @operand: out: word for the card to set
 *
 * Followed by ogpu_bo_watch_out() or ogpu_bo_cancel_out().
 *
 * Return: 0, or -ENOMEM.
 */
int ogpu_bo_begin_out(struct ogpu_bo *bo, u64 *operand)
{
	struct ogpu_bo_out *out = &bo->out;
	int ret;

	/* It came back since its last move. */
	if (drm_WARN_ON_ONCE(bo->ttm.base.dev, !ogpu_bo_settle(bo)))
		return -EBUSY;

	ret = ogpu_bo_take_out(bo);
	if (ret)
		return ret;

	out->page->words[out->word] = 0;
	/* Before the card is told. */
	dma_wmb();
	*operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM,
				out->page->dma + out->word * sizeof(*out->page->words));

	return 0;
}

/**
 * ogpu_bo_cancel_out() - nothing is moved
 * @bo: after ogpu_bo_begin_out()
 */
void ogpu_bo_cancel_out(struct ogpu_bo *bo)
{
	clear_bit_unlock(bo->out.word, bo->out.page->used);
}

/**
 * ogpu_bo_watch_out() - the move is under way
 * @bo: after ogpu_bo_begin_out(), locked
 * @fence: of the move
 */
void ogpu_bo_watch_out(struct ogpu_bo *bo, struct dma_fence *fence)
{
	bo->out.fence = dma_fence_get(fence);
	if (dma_fence_add_callback(fence, &bo->out.cb, ogpu_bo_out_signaled))
		ogpu_bo_end_out(bo);
}
