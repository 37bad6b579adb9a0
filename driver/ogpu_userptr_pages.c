// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs: what pages there are, and where the card finds them.
 */
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/memcontrol.h>
#include <linux/memremap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"

/* The CPU uses the pages at the same time, and other mappings may have the same ones. */
#define OGPU_USERPTR_DMA	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_REQUIRE_COHERENT)

/* Pages that are looked at under mmap_lock together. */
#define OGPU_USERPTR_AT_ONCE	512ul

/* So often it is looked what is there while it changes all the time, until the caller looks up. */
#define OGPU_USERPTR_TRIES	16

static enum dma_data_direction ogpu_userptr_dir(const struct ogpu_userptr *userptr)
{
	return userptr->write ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

/* The CPU's page tables do not know of what the card wrote; file systems that ask for it do. */
static void ogpu_userptr_set_dirty(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (folio_test_anon(folio) || folio_test_swapbacked(folio))
		folio_mark_dirty(folio);
}

/* Of the first @pages pages. */
static void ogpu_userptr_unmap_dma(struct ogpu_userptr *userptr, unsigned long pages)
{
	struct device *dev = userptr->vm->odev->drm.dev;
	bool together = dma_use_iova(&userptr->iova);
	unsigned long i;

	if (together) {
		dma_iova_destroy(dev, &userptr->iova, pages << PAGE_SHIFT,
				 ogpu_userptr_dir(userptr), OGPU_USERPTR_DMA);
		memset(&userptr->iova, 0, sizeof(userptr->iova));
	}
	for (i = 0; i < pages; i++) {
		struct ogpu_userptr_page *page = &userptr->page[i];

		if (!page->page)
			continue;
		if (!together)
			dma_unmap_page_attrs(dev, page->dma, PAGE_SIZE, ogpu_userptr_dir(userptr),
					     OGPU_USERPTR_DMA);
		if (userptr->write)
			ogpu_userptr_set_dirty(page->page);
		page->page = NULL;
	}
}

/*
 * From now on who changes the pages waits for pt_lock, which is held: these are the ones that were
 * found, until ogpu_userptr_release_pages(). Returns -EBUSY if they are not any more.
 */
static int ogpu_userptr_claim(struct ogpu_userptr *userptr, unsigned long seq)
{
	struct ogpu_userptrs *userptrs = &userptr->vm->userptrs;
	int ret = 0;

	spin_lock(&userptrs->lock);
	if (mmu_interval_read_retry(&userptr->notifier, seq))
		ret = -EBUSY;
	else
		userptr->ready = true;
	spin_unlock(&userptrs->lock);

	return ret;
}

/* Under pt_lock. None is mapped for DMA any more. */
static void ogpu_userptr_release_pages(struct ogpu_userptr *userptr)
{
	struct ogpu_userptrs *userptrs = &userptr->vm->userptrs;

	spin_lock(&userptrs->lock);
	userptr->ready = false;
	spin_unlock(&userptrs->lock);
}

/**
 * ogpu_userptr_drop_pages() - the pages may be anybody's from now on
 * @userptr: whose they were; under pt_lock, and the card does not reach them any more
 */
void ogpu_userptr_drop_pages(struct ogpu_userptr *userptr)
{
	lockdep_assert_held(&userptr->vm->pt_lock);

	if (!userptr->ready)
		return;
	ogpu_userptr_unmap_dma(userptr, userptr->pages);
	ogpu_userptr_release_pages(userptr);
}

static int ogpu_userptr_map_page(struct ogpu_userptr *userptr, unsigned long i)
{
	struct device *dev = userptr->vm->odev->drm.dev;
	struct ogpu_userptr_page *page = &userptr->page[i];
	size_t offset = i << PAGE_SHIFT;

	if (dma_use_iova(&userptr->iova)) {
		page->dma = userptr->iova.addr + offset;
		return dma_iova_link(dev, &userptr->iova, page_to_phys(page->page), offset,
				     PAGE_SIZE, ogpu_userptr_dir(userptr), OGPU_USERPTR_DMA);
	}
	page->dma = dma_map_page_attrs(dev, page->page, 0, PAGE_SIZE, ogpu_userptr_dir(userptr),
				       OGPU_USERPTR_DMA);

	return dma_mapping_error(dev, page->dma);
}

/* What has been unmapped since is not looked at any more. Returns whether all of it is there. */
static bool ogpu_userptr_drop_unwanted(struct ogpu_userptr *userptr)
{
	bool whole = true;
	unsigned long i;

	for (i = 0; i < userptr->pages; i++) {
		if (!test_bit(i, userptr->want))
			userptr->page[i].page = NULL;
		whole &= !!userptr->page[i].page;
	}

	return whole;
}

/*
 * Under pt_lock, with pages that cannot go meanwhile. In ogpu_device_enter(). An IOMMU has those of
 * a whole piece together, and forgets them at once: who changes one waits until all are given back.
 */
static int ogpu_userptr_map_dma(struct ogpu_userptr *userptr)
{
	struct device *dev = userptr->vm->odev->drm.dev;
	size_t size = userptr->pages << PAGE_SHIFT;
	unsigned long i;
	int ret = 0;

	if (ogpu_userptr_drop_unwanted(userptr))
		dma_iova_try_alloc(dev, &userptr->iova, 0, size);
	for (i = 0; i < userptr->pages; i++) {
		if (!userptr->page[i].page)
			continue;
		ret = ogpu_userptr_map_page(userptr, i);
		if (ret)
			break;
	}
	if (!ret && dma_use_iova(&userptr->iova))
		ret = dma_iova_sync(dev, &userptr->iova, 0, size);
	if (!ret)
		return 0;
	ogpu_userptr_unmap_dma(userptr, i);

	return -ENOMEM;
}

static int ogpu_userptr_look(struct hmm_range *range, unsigned long count)
{
	memset(range->hmm_pfns, 0, count * sizeof(*range->hmm_pfns));

	return hmm_range_fault(range);
}

/*
 * Older kernels say that nothing is there also if memory is short. Each page that was not found
 * tells for itself. Under mmap_lock. Returns 0 if there is none.
 */
static int ogpu_userptr_fault_each(struct ogpu_userptr *userptr, const struct hmm_range *range,
				   unsigned long count)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (userptr->write ? FAULT_FLAG_WRITE : 0);
	unsigned long need = range->default_flags;
	unsigned long i;
	int ret;

	for (i = 0; i < count; i++) {
		if ((range->hmm_pfns[i] & need) == need)
			continue;
		ret = fixup_user_fault(userptr->notifier.mm, range->start + (i << PAGE_SHIFT),
				       flags, NULL);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
	}

	return 0;
}

/* Find out what some pages are, and have them there. */
static int ogpu_userptr_fault_some(struct ogpu_userptr *userptr, struct hmm_range *range,
				   unsigned long first, unsigned long count)
{
	struct mm_struct *mm = userptr->notifier.mm;
	unsigned long i;
	int ret;

	range->start = userptr->addr + (first << PAGE_SHIFT);
	range->end = range->start + (count << PAGE_SHIFT);
	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	ret = ogpu_userptr_look(range, count);
	if (ret == -EFAULT) {
		ret = ogpu_userptr_fault_each(userptr, range, count);
		if (!ret)
			ret = ogpu_userptr_look(range, count);
	}
	mmap_read_unlock(mm);
	if (ret)
		return ret;

	for (i = 0; i < count; i++) {
		struct page *page = hmm_pfn_to_page(range->hmm_pfns[i]);

		/* Of a device, be it coherent: it is no memory that anybody may have. */
		if (is_zone_device_page(page))
			return -EFAULT;
		userptr->page[first + i].page = page;
	}

	return 0;
}

static int ogpu_userptr_fault(struct ogpu_userptr *userptr, struct hmm_range *range)
{
	unsigned long i = 0, end;
	int ret;

	for (;;) {
		i = find_next_bit(userptr->want, userptr->pages, i);
		if (i >= userptr->pages)
			return 0;
		end = min(find_next_zero_bit(userptr->want, userptr->pages, i),
			  i + OGPU_USERPTR_AT_ONCE);
		/* Not wanted any more: a part was just unmapped. */
		if (end == i)
			continue;
		ret = ogpu_userptr_fault_some(userptr, range, i, end - i);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		i = end;
	}
}

/* Errors that say that something is not there, or not for the card. */
static bool ogpu_userptr_is_gone(int error)
{
	return error == -EFAULT || error == -EPERM || error == -EHWPOISON;
}

/* What was found out is of no use: these may be anybody's pages by now. */
static void ogpu_userptr_forget_pages(struct ogpu_userptr *userptr)
{
	unsigned long i;

	for (i = 0; i < userptr->pages; i++)
		userptr->page[i].page = NULL;
}

/* The pages are known, unless they have changed since: -EBUSY. */
static int ogpu_userptr_finish(struct ogpu_userptr *userptr, unsigned long seq, int error)
{
	struct ogpu_vm *vm = userptr->vm;
	int ret = error, idx;

	if (!ogpu_device_enter(vm->odev, &idx)) {
		ogpu_userptr_forget_pages(userptr);
		return -ENODEV;
	}

	mutex_lock(&vm->pt_lock);
	if (mmu_interval_read_retry(&userptr->notifier, seq))
		ret = -EBUSY;
	if (!ret)
		ret = ogpu_userptr_claim(userptr, seq);
	if (!ret) {
		ret = ogpu_userptr_map_dma(userptr);
		if (ret)
			ogpu_userptr_release_pages(userptr);
	}
	if (ret)
		ogpu_userptr_forget_pages(userptr);
	userptr->seq = seq;
	userptr->gone = ogpu_userptr_is_gone(ret);
	mutex_unlock(&vm->pt_lock);
	ogpu_device_exit(vm->odev, idx);

	return userptr->gone ? 0 : ret;
}

static int ogpu_userptr_try_populate(struct ogpu_userptr *userptr, unsigned long *pfns)
{
	struct hmm_range range = {
		.notifier = &userptr->notifier,
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | (userptr->write ? HMM_PFN_REQ_WRITE : 0),
	};
	int ret = -EFAULT;

	/* Waits for an invalidation that is under way. */
	range.notifier_seq = mmu_interval_read_begin(&userptr->notifier);
	if (mmget_not_zero(userptr->notifier.mm)) {
		ret = ogpu_userptr_fault(userptr, &range);
		/* It is not for us to take a program down. */
		mmput_async(userptr->notifier.mm);
	}

	return ogpu_userptr_finish(userptr, range.notifier_seq, ret);
}

static int ogpu_userptr_populate(struct ogpu_userptr *userptr, unsigned long *pfns)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = ogpu_userptr_try_populate(userptr, pfns);
		if (ret == -EBUSY && signal_pending(current))
			return -ERESTARTSYS;
	} while (ret == -EBUSY && ++tries < OGPU_USERPTR_TRIES);

	return ret == -EBUSY ? -ESTALE : ret;
}

/* Those whose pages are not known, each referenced. */
static void ogpu_userptrs_list_empty(struct ogpu_vm *vm, struct list_head *list)
{
	struct ogpu_userptr *userptr;

	mutex_lock(&vm->pt_lock);
	list_for_each_entry(userptr, &vm->userptrs.unbound, unbound) {
		if (!ogpu_userptr_is_ready(userptr))
			list_add_tail(&ogpu_userptr_get(userptr)->empty, list);
	}
	mutex_unlock(&vm->pt_lock);
}

/**
 * ogpu_userptrs_populate() - find out what pages there are, and have them mapped for DMA
 * @vm: the address space; the caller is a user of it and holds no lock
 *
 * Sleeps for as long as the program's own memory takes. Not in ogpu_device_enter(). What is found
 * out may have changed at once.
 *
 * Return: 0, -ENOMEM, -ENODEV, -EINTR, -ERESTARTSYS; -ESTALE: it changes all the time, try again.
 */
int ogpu_userptrs_populate(struct ogpu_vm *vm)
{
	struct ogpu_userptr *userptr, *next;
	unsigned long *pfns;
	LIST_HEAD(empty);
	int ret;

	if (ogpu_userptrs_are_bound(vm))
		return 0;

	pfns = kcalloc(OGPU_USERPTR_AT_ONCE, sizeof(*pfns), GFP_KERNEL_ACCOUNT);
	if (!pfns)
		return -ENOMEM;
	ret = mutex_lock_interruptible(&vm->userptrs.populate);
	if (ret)
		goto out_free;

	ogpu_userptrs_list_empty(vm, &empty);
	list_for_each_entry_safe(userptr, next, &empty, empty) {
		if (!ret)
			ret = ogpu_userptr_populate(userptr, pfns);
		ogpu_userptr_put(userptr);
	}
	mutex_unlock(&vm->userptrs.populate);

out_free:
	kfree(pfns);
	return ret;
}

/**
 * ogpu_userptrs_get_payer() - find who pays for what a worker allocates to bring memory back
 * @vm: the address space
 *
 * Return: the group of a program that has mapped some of its memory, with a reference, for
 * mem_cgroup_put(); NULL: nobody has, or there are no groups.
 */
struct mem_cgroup *ogpu_userptrs_get_payer(struct ogpu_vm *vm)
{
	struct interval_tree_node *node;
	struct mem_cgroup *payer = NULL;

	mutex_lock(&vm->pt_lock);
	node = interval_tree_iter_first(&vm->userptrs.tree, 0, ULONG_MAX);
	if (node)
		payer = get_mem_cgroup_from_mm(container_of(node, struct ogpu_userptr,
							    node)->notifier.mm);
	mutex_unlock(&vm->pt_lock);

	return payer;
}
