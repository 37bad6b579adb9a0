// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Pages of buffers in system memory, and who pays for them.
 *
 * DOC: Who pays for pages
 *
 * The memory cgroup of the program that made a buffer pays for its pages, whoever brings them
 * about. When the group is at its limit, a program of the group gets -ENOMEM. But who needs room in
 * VRAM and moves a stranger's buffer out of it must not fail by the stranger's limit: then the
 * smallest group pays to which both belong, which may be that of all, so nobody. TTM's pool does
 * not charge anybody, so pages are taken from the kernel here; it still serves cards for which the
 * kernel has to allocate DMA memory.
 *
 * Nothing is kept for later: a page that went from one group to another would be paid by the wrong
 * one.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_cache.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_pool.h>
#include <drm/ttm/ttm_tt.h>

#ifdef CONFIG_X86
#include <asm/set_memory.h>
#endif

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_tt.h"
#include "ogpu_ttm.h"

/**
 * struct ogpu_tt - pages of a buffer, or the room for them
 */
struct ogpu_tt {
	/** @base: for TTM */
	struct ttm_tt base;
	/** @payer: who pays for pages that are yet to come; the buffer's reference; may be NULL */
	struct mem_cgroup *payer;
};

static struct ogpu_tt *to_ogpu_tt(struct ttm_tt *ttm)
{
	return container_of(ttm, struct ogpu_tt, base);
}

/**
 * ogpu_tt_get_payer() - who pays for what the caller is making?
 *
 * Return: its memory cgroup, for mem_cgroup_put(), or NULL: nobody.
 */
struct mem_cgroup *ogpu_tt_get_payer(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

/**
 * ogpu_tt_create() - prepare a buffer for having pages
 * @bo: the buffer
 * @page_flags: TTM_TT_FLAG_*
 *
 * Return: the room for them, or NULL.
 */
struct ttm_tt *ogpu_tt_create(struct ttm_buffer_object *bo, u32 page_flags)
{
	enum ttm_caching caching = ttm_cached;
	bool buffer = ogpu_bo_is_buffer(bo);
	struct ogpu_tt *tt;

	/*
	 * On x86 the kernel's own mapping of the pages is changed as well. Elsewhere that stays
	 * cached, and what is stored by way of one mapping may be lost to the other.
	 */
	if (IS_ENABLED(CONFIG_X86) && drm_arch_can_wc_memory() && buffer &&
	    ttm_to_ogpu_bo(bo)->flags & DRM_OGPU_BO_WRITE_COMBINED)
		caching = ttm_write_combined;

	tt = kzalloc_obj(*tt, GFP_KERNEL);
	if (!tt)
		return NULL;

	if (ttm_sg_tt_init(&tt->base, bo, page_flags, caching)) {
		kfree(tt);
		return NULL;
	}
	if (buffer)
		tt->payer = ttm_to_ogpu_bo(bo)->payer;

	return &tt->base;
}

/**
 * ogpu_tt_destroy() - undo ogpu_tt_create()
 * @bdev: memory of the card
 * @ttm: without pages
 */
void ogpu_tt_destroy(struct ttm_device *bdev, struct ttm_tt *ttm)
{
	ttm_tt_fini(ttm);
	kfree(to_ogpu_tt(ttm));
}

/*
 * The smallest group in which both who pays and the caller are: if it is not that of who pays, the
 * caller is a stranger. It lives as long as @payer.
 */
static struct mem_cgroup *ogpu_tt_common_payer(struct mem_cgroup *payer)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *group;

	rcu_read_lock();
	group = mem_cgroup_from_task(current);
	while (payer && !(group && mem_cgroup_is_descendant(group, payer)))
		payer = parent_mem_cgroup(payer);
	rcu_read_unlock();
#endif
	return payer;
}

static int ogpu_tt_set_caching(struct ttm_tt *ttm, bool write_combined)
{
#ifdef CONFIG_X86
	if (ttm->caching == ttm_write_combined)
		return write_combined ? set_pages_array_wc(ttm->pages, ttm->num_pages) :
					set_pages_array_wb(ttm->pages, ttm->num_pages);
#endif
	return 0;
}

/* The first @count pages. */
static void ogpu_tt_free_pages(struct ttm_device *bdev, struct ttm_tt *ttm, pgoff_t count)
{
	struct device *dev = ttm_to_ogpu_device(bdev)->drm.dev;
	unsigned int order;
	struct page *page;
	pgoff_t n;

	for (n = 0; n < count; n += 1ul << order) {
		page = ttm->pages[n];
		order = page_private(page);
		dma_unmap_page(dev, ttm->dma_address[n], PAGE_SIZE << order, DMA_BIDIRECTIONAL);
		ogpu_compat_count_gpu_pages(page, -(1 << order));
		set_page_private(page, 0);
		__free_pages(page, order);
	}
}

/* Makes 1 << @order pages the next ones, from @first on. */
static int ogpu_tt_add_pages(struct ttm_device *bdev, struct ttm_tt *ttm, pgoff_t first,
			     struct page *page, unsigned int order)
{
	struct device *dev = ttm_to_ogpu_device(bdev)->drm.dev;
	dma_addr_t addr;
	pgoff_t n;

	addr = dma_map_page(dev, page, 0, PAGE_SIZE << order, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, addr)) {
		__free_pages(page, order);
		return -ENOMEM;
	}
	ogpu_compat_count_gpu_pages(page, 1 << order);
	set_page_private(page, order);
	for (n = 0; n < 1ul << order; n++) {
		ttm->pages[first + n] = page + n;
		ttm->dma_address[first + n] = addr + n * PAGE_SIZE;
	}

	return 0;
}

static gfp_t ogpu_tt_gfp(const struct ogpu_mem *mem, const struct ttm_tt *ttm,
			 const struct ttm_operation_ctx *ctx)
{
	gfp_t gfp = mem->pages == OGPU_MEM_PAGES_DMA32 ? GFP_USER | GFP_DMA32 : GFP_HIGHUSER;

	if (ttm->page_flags & TTM_TT_FLAG_ZERO_ALLOC)
		gfp |= __GFP_ZERO;
	if (ctx->gfp_retry_mayfail)
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	return gfp;
}

/* Large pieces are taken where they are to be had for little. */
static struct page *ogpu_tt_alloc(struct ttm_device *bdev, gfp_t gfp, unsigned int order)
{
	if (order) {
		gfp &= ~__GFP_RETRY_MAYFAIL;
		gfp |= __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN;
	}

	return alloc_pages_node(dev_to_node(ttm_to_ogpu_device(bdev)->drm.dev), gfp, order);
}

/* Pieces for page tables: 2 MiB, then 64 KiB, then single pages. */
static unsigned int ogpu_tt_next_order(unsigned int order)
{
	return order > get_order(OGPU_PAGE_64K) ? get_order(OGPU_PAGE_64K) : 0;
}

static int ogpu_tt_alloc_pages(struct ttm_device *bdev, struct ttm_tt *ttm,
			       const struct ttm_operation_ctx *ctx)
{
	gfp_t gfp = ogpu_tt_gfp(container_of(bdev, struct ogpu_mem, ttm), ttm, ctx) | __GFP_ACCOUNT;
	struct mem_cgroup *payer = to_ogpu_tt(ttm)->payer;
	struct mem_cgroup *common = ogpu_tt_common_payer(payer);
	unsigned int order = get_order(SZ_2M);
	bool stranger = common != payer;
	struct page *page;
	pgoff_t n = 0;
	int ret;

	while (n < ttm->num_pages) {
		order = min_t(unsigned int, order, ilog2(ttm->num_pages - n));
		/* It is not for a stranger to make room in the group. */
		page = ogpu_tt_alloc(bdev, stranger ? (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN :
				     gfp, order);
		if (page) {
			ret = ogpu_tt_add_pages(bdev, ttm, n, page, order);
			if (ret)
				goto err_free;
			n += 1ul << order;
		} else if (stranger && !order) {
			set_active_memcg(common);
			stranger = false;
			order = get_order(SZ_2M);
		} else if (order) {
			order = ogpu_tt_next_order(order);
		} else {
			ret = -ENOMEM;
			goto err_free;
		}
		if (fatal_signal_pending(current)) {
			ret = -ERESTARTSYS;
			goto err_free;
		}
	}
	ret = ogpu_tt_set_caching(ttm, true);
	if (ret) {
		/* Some of them may be write-combined already. */
		ogpu_tt_set_caching(ttm, false);
		ret = -ENOMEM;
		goto err_free;
	}

	return 0;

err_free:
	ogpu_tt_free_pages(bdev, ttm, n);
	return ret;
}

/**
 * ogpu_tt_populate() - give a buffer pages that the card can reach
 * @bdev: memory of the card
 * @ttm: without pages
 * @ctx: how to allocate
 *
 * Return: 0, -ENOMEM: there is no memory, or who pays has reached the limit, -ERESTARTSYS: the
 * caller is being killed.
 */
int ogpu_tt_populate(struct ttm_device *bdev, struct ttm_tt *ttm, struct ttm_operation_ctx *ctx)
{
	struct mem_cgroup *old;
	int ret;

	if (container_of(bdev, struct ogpu_mem, ttm)->pages == OGPU_MEM_PAGES_DMA)
		return ttm_pool_alloc(&bdev->pool, ttm, ctx);

	old = set_active_memcg(to_ogpu_tt(ttm)->payer);
	ret = ogpu_tt_alloc_pages(bdev, ttm, ctx);
	set_active_memcg(old);

	return ret;
}

/**
 * ogpu_tt_unpopulate() - undo ogpu_tt_populate()
 * @bdev: memory of the card
 * @ttm: with pages that nobody uses any more
 */
void ogpu_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *ttm)
{
	if (container_of(bdev, struct ogpu_mem, ttm)->pages == OGPU_MEM_PAGES_DMA) {
		ttm_pool_free(&bdev->pool, ttm);
		return;
	}
	ogpu_tt_set_caching(ttm, false);
	ogpu_tt_free_pages(bdev, ttm, ttm->num_pages);
}
