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
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_preempt.h"
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
	unsigned long i;

	for (i = 0; i < pages; i++) {
		struct ogpu_userptr_page *page = &userptr->page[i];

		if (!page->page)
			continue;
		dma_unmap_page_attrs(dev, page->dma, PAGE_SIZE, ogpu_userptr_dir(userptr),
				     OGPU_USERPTR_DMA);
		if (userptr->write)
			ogpu_userptr_set_dirty(page->page);
		page->page = NULL;
	}
}

/**
 * ogpu_userptr_drop_pages() - the pages may be anybody's from now on
 * @userptr: whose they were; under pt_lock, and the card does not reach them any more
 */
void ogpu_userptr_drop_pages(struct ogpu_userptr *userptr)
{
	lockdep_assert_held(&userptr->vm->pt_lock);

	if (userptr->ready)
		ogpu_userptr_unmap_dma(userptr, userptr->pages);
	userptr->ready = false;
}

/* Under pt_lock, with pages that cannot go meanwhile. In ogpu_device_enter(). */
static int ogpu_userptr_map_dma(struct ogpu_userptr *userptr)
{
	struct device *dev = userptr->vm->odev->drm.dev;
	unsigned long i;

	for (i = 0; i < userptr->pages; i++) {
		struct ogpu_userptr_page *page = &userptr->page[i];

		/* What has been unmapped since is not looked at any more. */
		if (!test_bit(i, userptr->want))
			page->page = NULL;
		if (!page->page)
			continue;
		page->dma = dma_map_page_attrs(dev, page->page, 0, PAGE_SIZE,
					       ogpu_userptr_dir(userptr), OGPU_USERPTR_DMA);
		if (dma_mapping_error(dev, page->dma)) {
			ogpu_userptr_unmap_dma(userptr, i);
			return -ENOMEM;
		}
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

	memset(range->hmm_pfns, 0, count * sizeof(*range->hmm_pfns));
	range->start = userptr->addr + (first << PAGE_SHIFT);
	range->end = range->start + (count << PAGE_SHIFT);
	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	ret = hmm_range_fault(range);
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

/* Programs are frozen before swap space has to stay as it is; workers are not. */
static int ogpu_userptr_fault_piece(struct ogpu_userptr *userptr, struct hmm_range *range,
				    unsigned long first, unsigned long count)
{
	struct ogpu_device *odev = userptr->vm->odev;
	int ret;

	if (!(current->flags & PF_KTHREAD))
		return ogpu_userptr_fault_some(userptr, range, first, count);

	if (!ogpu_preempts_begin_fault(odev))
		return -EAGAIN;
	ret = ogpu_userptr_fault_some(userptr, range, first, count);
	ogpu_preempts_end_fault(odev);

	return ret;
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
		ret = ogpu_userptr_fault_piece(userptr, range, i, end - i);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		i = end;
	}
}

/* Errors of hmm_range_fault() that have other reasons than what is there. */
static bool ogpu_userptr_is_gone(int error)
{
	return error && error != -ENOMEM && error != -EINTR && error != -EBUSY && error != -EAGAIN;
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
	if (mmu_interval_read_retry(&userptr->notifier, seq)) {
		ret = -EBUSY;
	} else if (!ret) {
		ret = ogpu_userptr_map_dma(userptr);
		userptr->ready = !ret;
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
 * Return: 0, -ENOMEM, -ENODEV, -EINTR, -ERESTARTSYS; -ESTALE: it changes all the time, try again;
 * -EAGAIN, of workers only: the machine is about to sleep.
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
