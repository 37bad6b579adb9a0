// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs in address spaces of the card.
 *
 * DOC: Memory of programs
 *
 * Pages of a program are its own: it unmaps, moves and forks them, and the kernel swaps, migrates
 * and collapses them, whatever the card does. Nothing is pinned. Instead, the kernel tells before
 * it changes any page (ogpu_userptr_invalidate()): then the jobs that may use it are waited for,
 * the page-table entries are cleared, the card forgets them, and the next SUBMIT finds out what
 * pages are there now and writes the entries again.
 *
 * Each mapping is one of
 *
 *	empty		no pages are known, no entries are written
 *	ready		pages are known and mapped for DMA: ogpu_userptrs_populate(), before locks
 *	bound		a job has been armed that writes entries for them: ogpu_userptrs_bind()
 *
 * SUBMIT brings all to be bound, and looks once more, under pt_lock, when it makes its job known in
 * the dma_resv: ogpu_userptrs_lock(). An invalidation takes "bound" away under pt_lock first, and
 * then waits for what it finds in the dma_resv. So a job is either waited for, or finds that
 * something is missing and begins anew. In an address space of the long-running kind the preempt
 * fence takes the place of the job.
 *
 * An invalidation may be part of memory reclaim, of anybody, who holds locks that others want. It
 * takes pt_lock, under which nothing is allocated, and no other lock. The program waits for its own
 * jobs for two seconds, or until it is killed, others for a tenth of a second, and after that the
 * queues of these jobs are killed, which takes a bounded time; for some seconds nobody waits for
 * jobs of this user then. Who ends does not wait: jobs lose their memory and fault.
 *
 * Which entries are this mapping's is told by @present, a bit for each page, kept up to date by
 * whom changes the page tables; the tree of addresses may be ahead of them.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/hmm.h>
#include <linux/jiffies.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/wait_bit.h>

#include <drm/drm_managed.h>

#include "ogpu_bind.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

/* The program waits so long for its own jobs, others so long, before their queues are killed. */
#define OGPU_USERPTR_WAIT_OWN_MS	2000
#define OGPU_USERPTR_WAIT_MS		100

/* Whose jobs were late others do not wait for at all, for some time. */
#define OGPU_USERPTR_LATE_MS		10000

/* Mappings of an address space: each may have to be cleared when one page is taken. */
#define OGPU_USERPTR_MAX_COUNT	4096

/* Pages that are looked up at a time. */
#define OGPU_USERPTR_BATCH	512

/* The CPU uses the pages at the same time, and other mappings may have the same ones. */
#define OGPU_USERPTR_DMA	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_REQUIRE_COHERENT)

/* Pieces of memory that are mapped at a time. */
#define OGPU_USERPTR_PIECES	16

/**
 * struct ogpu_userptr_page - one page
 */
struct ogpu_userptr_page {
	/** @page: the page; NULL: not known */
	struct page *page;
	/** @dma: where the card finds it */
	dma_addr_t dma;
};

/**
 * struct ogpu_userptr - one mapping, as it was made; the program may have unmapped parts of it
 */
struct ogpu_userptr {
	/** @notifier: tells of changes of its pages; its user lock is pt_lock */
	struct mmu_interval_notifier notifier;
	/** @ref: held by mappings in the tree of addresses, bind jobs, and if @count is not 0 */
	struct kref ref;
	/** @release: takes it down */
	struct work_struct release;
	/** @vm: the address space, which does not go before it has */
	struct ogpu_vm *vm;
	/** @link: in &struct ogpu_userptr_all */
	struct list_head link;
	/** @addr: first address in the program */
	u64 addr;
	/** @pages: how many there are */
	unsigned long pages;
	/** @write: the card may write to it */
	bool write;
	/** @page: what is there, by number; written under populate, used while @ready */
	struct ogpu_userptr_page *page;
	/** @empty: in a list of those to be populated, under populate */
	struct list_head empty;
	/** @fill: in a list of those to be bound, under the dma_resv of the address space */
	struct list_head fill;

	/** @node: in &struct ogpu_userptrs.tree; this and what follows is under pt_lock */
	struct interval_tree_node node;
	/** @unbound: in &struct ogpu_userptrs.unbound, while it is mapped and not @bound */
	struct list_head unbound;
	/** @mappings: in the tree of addresses */
	unsigned int mappings;
	/** @seq: of @notifier, when it was found out what is there */
	unsigned long seq;
	/** @ready: the pages are known and mapped for DMA */
	bool ready;
	/** @bound: jobs may rely on it */
	bool bound;
	/** @gone: something of it is not there: nothing is mapped */
	bool gone;
	/** @want: pages that are mapped in the tree of addresses; only becomes less */
	unsigned long *want;
	/** @present: pages whose entries are written */
	unsigned long *present;
	/** @count: of @present */
	unsigned long count;
};

/**
 * struct ogpu_userptr_all - memory of programs in all address spaces of a card
 */
struct ogpu_userptr_all {
	/** @lock: protects @list; outside pt_lock */
	struct mutex lock;
	/** @list: &struct ogpu_userptr */
	struct list_head list;
	/** @wq: takes them down */
	struct workqueue_struct *wq;
};

static u64 ogpu_userptr_va(const struct ogpu_userptr *userptr, unsigned long page)
{
	return userptr->node.start + ((u64)page << PAGE_SHIFT);
}

static unsigned long ogpu_userptr_index(const struct ogpu_userptr *userptr, u64 va)
{
	return (va - userptr->node.start) >> PAGE_SHIFT;
}

static enum dma_data_direction ogpu_userptr_dir(const struct ogpu_userptr *userptr)
{
	return userptr->write ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

/*
 * Pages
 */

/* The CPU's page tables do not know of what the card wrote; file systems that ask for it do. */
static void ogpu_userptr_set_dirty(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (folio_test_anon(folio) || folio_test_swapbacked(folio))
		folio_mark_dirty(folio);
}

/* Between pages, of which there may be many. */
static void ogpu_userptr_breathe(unsigned long page)
{
	if (page % OGPU_USERPTR_BATCH == OGPU_USERPTR_BATCH - 1)
		cond_resched();
}

/* Of the first @pages pages. */
static void ogpu_userptr_unmap_dma(struct ogpu_userptr *userptr, unsigned long pages)
{
	struct device *dev = userptr->vm->odev->drm.dev;
	unsigned long i;

	for (i = 0; i < pages; i++) {
		struct ogpu_userptr_page *page = &userptr->page[i];

		ogpu_userptr_breathe(i);
		if (!page->page)
			continue;
		dma_unmap_page_attrs(dev, page->dma, PAGE_SIZE, ogpu_userptr_dir(userptr),
				     OGPU_USERPTR_DMA);
		if (userptr->write)
			ogpu_userptr_set_dirty(page->page);
		page->page = NULL;
	}
}

/* No entry is left that leads to the pages; under pt_lock. */
static void ogpu_userptr_drop_pages(struct ogpu_userptr *userptr)
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

		ogpu_userptr_breathe(i);
		/* What has been unmapped since is not looked at any more. */
		if (!test_bit(i, userptr->want)) {
			page->page = NULL;
			continue;
		}
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

		if (is_pci_p2pdma_page(page))
			return -EFAULT;
		userptr->page[first + i].page = page;
	}

	return 0;
}

static int ogpu_userptr_fault(struct ogpu_userptr *userptr, struct hmm_range *range)
{
	unsigned long i = 0, end, count;
	int ret;

	for (;;) {
		i = find_next_bit(userptr->want, userptr->pages, i);
		if (i >= userptr->pages)
			return 0;
		end = find_next_zero_bit(userptr->want, userptr->pages, i);
		count = min(end - i, OGPU_USERPTR_BATCH);
		ret = ogpu_userptr_fault_some(userptr, range, i, count);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		i += count;
	}
}

/* Errors of hmm_range_fault() that have other reasons than what is there. */
static bool ogpu_userptr_is_gone(int error)
{
	return error && error != -ENOMEM && error != -EINTR && error != -EBUSY;
}

/* What was found out was of no use: these may be anybody's pages by now. */
static void ogpu_userptr_forget_pages(struct ogpu_userptr *userptr)
{
	unsigned long i;

	for (i = 0; i < userptr->pages; i++) {
		ogpu_userptr_breathe(i);
		userptr->page[i].page = NULL;
	}
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

static int ogpu_userptr_populate(struct ogpu_userptr *userptr, unsigned long *pfns)
{
	struct hmm_range range = {
		.notifier = &userptr->notifier,
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | (userptr->write ? HMM_PFN_REQ_WRITE : 0),
	};
	int ret;

	do {
		/* Waits for an invalidation that is under way. */
		range.notifier_seq = mmu_interval_read_begin(&userptr->notifier);
		ret = -EFAULT;
		if (mmget_not_zero(userptr->notifier.mm)) {
			ret = ogpu_userptr_fault(userptr, &range);
			mmput(userptr->notifier.mm);
		}
		if (ret == -EBUSY)
			ogpu_userptr_forget_pages(userptr);
		else
			ret = ogpu_userptr_finish(userptr, range.notifier_seq, ret);
		if (ret == -EBUSY && signal_pending(current))
			ret = -ERESTARTSYS;
	} while (ret == -EBUSY);

	return ret;
}

/* Are the pages known, and the same still? Under pt_lock. */
static bool ogpu_userptr_is_ready(struct ogpu_userptr *userptr)
{
	return userptr->ready && !mmu_interval_read_retry(&userptr->notifier, userptr->seq);
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
 * Return: 0, -ENOMEM, -ENODEV, -EINTR or -ERESTARTSYS.
 */
int ogpu_userptrs_populate(struct ogpu_vm *vm)
{
	struct ogpu_userptr *userptr, *next;
	unsigned long *pfns;
	LIST_HEAD(empty);
	int ret;

	if (ogpu_userptrs_are_bound(vm))
		return 0;

	pfns = kmalloc_array(OGPU_USERPTR_BATCH, sizeof(*pfns), GFP_KERNEL);
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

/*
 * Page tables, under pt_lock
 */

/* Pages that follow each other, to be mapped together. */
struct ogpu_userptr_run {
	u64 prot;
	unsigned long first;
	unsigned long pages;
	unsigned int count;	/* of @segments */
	struct ogpu_pt_segment segments[OGPU_USERPTR_PIECES];
};

static void ogpu_userptr_run_flush(struct ogpu_userptr *userptr, struct ogpu_pt_change *change,
				   struct ogpu_userptr_run *run)
{
	if (!run->count)
		return;

	ogpu_pt_map(&userptr->vm->pt, change, ogpu_userptr_va(userptr, run->first),
		    (u64)run->pages << PAGE_SHIFT, run->prot, run->segments);
	bitmap_set(userptr->present, run->first, run->pages);
	if (!userptr->count)
		ogpu_userptr_get(userptr);
	userptr->count += run->pages;
	run->count = 0;
}

static void ogpu_userptr_run_add(struct ogpu_userptr *userptr, struct ogpu_pt_change *change,
				 struct ogpu_userptr_run *run, unsigned long page)
{
	u64 operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, userptr->page[page].dma);
	struct ogpu_pt_segment *last = run->count ? &run->segments[run->count - 1] : NULL;

	if (last && last->operand + last->size == operand) {
		last->size += PAGE_SIZE;
		run->pages++;
		return;
	}

	if (run->count == OGPU_USERPTR_PIECES)
		ogpu_userptr_run_flush(userptr, change, run);
	if (!run->count) {
		run->first = page;
		run->pages = 0;
	}
	run->segments[run->count].operand = operand;
	run->segments[run->count++].size = PAGE_SIZE;
	run->pages++;
}

/**
 * ogpu_userptr_write_entries() - write the entries of a part of it
 * @userptr: the mapping; without effect if its pages are not known any more
 * @change: with the tables for it
 * @va: first address
 * @size: bytes
 * @prot: attributes of entries
 *
 * Under pt_lock; nothing is mapped there, and both ends have been split.
 */
void ogpu_userptr_write_entries(struct ogpu_userptr *userptr, struct ogpu_pt_change *change,
				u64 va, u64 size, u64 prot)
{
	unsigned long first = ogpu_userptr_index(userptr, va), last = first + (size >> PAGE_SHIFT);
	struct ogpu_userptr_run run = { .prot = prot };
	unsigned long i;

	lockdep_assert_held(&userptr->vm->pt_lock);
	if (!userptr->ready)
		return;

	for (i = first; i < last; i++) {
		ogpu_userptr_breathe(i);
		if (userptr->page[i].page)
			ogpu_userptr_run_add(userptr, change, &run, i);
		else
			ogpu_userptr_run_flush(userptr, change, &run);
	}
	ogpu_userptr_run_flush(userptr, change, &run);
}

static void ogpu_userptr_forget(struct ogpu_userptr *userptr, unsigned long first,
				unsigned long last)
{
	unsigned long i = find_next_bit(userptr->present, last, first), count = 0;

	for (; i < last; i = find_next_bit(userptr->present, last, i + 1)) {
		ogpu_userptr_breathe(i);
		__clear_bit(i, userptr->present);
		count++;
	}
	if (!count)
		return;
	userptr->count -= count;
	if (!userptr->count)
		ogpu_userptr_put(userptr);
}

/**
 * ogpu_userptrs_forget_entries() - entries are about to be changed
 * @vm: the address space
 * @va: first address
 * @size: bytes
 *
 * Under pt_lock. What was written there is nobody's any more.
 */
void ogpu_userptrs_forget_entries(struct ogpu_vm *vm, u64 va, u64 size)
{
	u64 last = va + size - 1;
	struct interval_tree_node *node;

	lockdep_assert_held(&vm->pt_lock);

	for (node = interval_tree_iter_first(&vm->userptrs.tree, va, last); node;
	     node = interval_tree_iter_next(node, va, last)) {
		struct ogpu_userptr *userptr = container_of(node, struct ogpu_userptr, node);
		u64 from = max_t(u64, va, node->start), to = min_t(u64, last, node->last);

		ogpu_userptr_forget(userptr, ogpu_userptr_index(userptr, from),
				    ogpu_userptr_index(userptr, to) + 1);
	}
}

/* Has the card been stopped since? Then it uses no page table of that time. */
static bool ogpu_userptr_is_stopped(struct ogpu_vm *vm)
{
	return READ_ONCE(vm->odev->mem->binds.stops) != vm->stops;
}

/* Clear all its entries. Returns 0 when the card has forgotten them. */
static int ogpu_userptr_clear_card(struct ogpu_userptr *userptr, struct ogpu_pt_change *change)
{
	struct ogpu_vm *vm = userptr->vm;
	unsigned long start, end;

	for_each_set_bitrange(start, end, userptr->present, userptr->pages) {
		ogpu_pt_unmap(&vm->pt, change, ogpu_userptr_va(userptr, start),
			      (u64)(end - start) << PAGE_SHIFT);
		cond_resched();
	}
	if (!change->stale.count)
		return 0;

	vm->invalidations += change->stale.count;
	return ogpu_mmu_invalidate(vm->odev, vm->asid, &change->stale);
}

static int ogpu_userptr_clear_entries(struct ogpu_userptr *userptr, struct ogpu_pt_change *change)
{
	struct ogpu_vm *vm = userptr->vm;
	int ret = -ENODEV, idx;

	lockdep_assert_held(&vm->pt_lock);

	if (ogpu_userptr_is_stopped(vm))
		return 0;
	if (ogpu_device_running(vm->odev) && ogpu_device_enter(vm->odev, &idx)) {
		ret = ogpu_userptr_clear_card(userptr, change);
		ogpu_device_exit(vm->odev, idx);
	}

	return ret;
}

/*
 * Invalidation
 */

/* Jobs may not rely on it any more; under pt_lock. */
static void ogpu_userptr_unbind(struct ogpu_userptr *userptr)
{
	if (!userptr->bound)
		return;
	userptr->bound = false;
	if (userptr->mappings)
		list_add_tail(&userptr->unbound, &userptr->vm->userptrs.unbound);
}

/* Does the program itself change its memory? */
static bool ogpu_userptr_is_own_call(const struct ogpu_userptr *userptr)
{
	return current->mm == userptr->notifier.mm && !(current->flags & PF_MEMALLOC);
}

/* How long to wait for its jobs, in jiffies; 0: not. */
static long ogpu_userptr_patience(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;
	unsigned long late = READ_ONCE(vm->pt_mem.owner->late);

	/* Is suspended by the kernel, within a time that the driver sees to. */
	if (vm->preempt)
		return MAX_SCHEDULE_TIMEOUT;
	if (ogpu_userptr_is_own_call(userptr))
		return msecs_to_jiffies(OGPU_USERPTR_WAIT_OWN_MS);
	if (late && time_before(jiffies, late))
		return 0;

	return msecs_to_jiffies(OGPU_USERPTR_WAIT_MS);
}

/* Wait for all that may use it: jobs, or what executes in a long-running address space. */
static bool ogpu_userptr_wait_jobs(struct ogpu_userptr *userptr)
{
	long left = ogpu_userptr_patience(userptr);
	struct ogpu_vm *vm = userptr->vm;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		/* Calls of VM_BIND may wait for anybody, and use no memory. */
		if (fence->context == vm->lines[OGPU_BIND_LINE_USER].context)
			continue;
		if (dma_fence_is_signaled(fence))
			continue;
		if (left > 0)
			left = ogpu_fence_wait_timeout(fence, left);
		if (left <= 0)
			break;
	}
	dma_resv_iter_end(&cursor);

	return !fence;
}

/* Its jobs end now, or have. */
static void ogpu_userptr_end_jobs(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;

	if (ogpu_userptr_wait_jobs(userptr))
		return;

	if (!ogpu_userptr_is_own_call(userptr))
		WRITE_ONCE(vm->pt_mem.owner->late,
			   (jiffies + msecs_to_jiffies(OGPU_USERPTR_LATE_MS)) | 1);
	vm->odev->mem->kill_late(vm->odev, vm);
}

/* Take its pages from the card. */
static void ogpu_userptr_clear(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;
	struct ogpu_pt_change change;
	int ret;

	ogpu_pt_change_init(&change);
	mutex_lock(&vm->pt_lock);
	ret = ogpu_userptr_clear_entries(userptr, &change);
	if (ret) {
		/* It may still use them until it is stopped, which is sure to come. */
		mutex_unlock(&vm->pt_lock);
		wait_var_event(&vm->odev->mem->binds.stops, ogpu_userptr_is_stopped(vm));
		mutex_lock(&vm->pt_lock);
	}
	ogpu_userptr_drop_pages(userptr);
	ogpu_pt_mem_give(&vm->pt_mem, &change);
	ogpu_userptr_forget(userptr, 0, userptr->pages);
	mutex_unlock(&vm->pt_lock);
}

static bool ogpu_userptr_invalidate(struct mmu_interval_notifier *notifier,
				    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct ogpu_userptr *userptr = container_of(notifier, struct ogpu_userptr, notifier);
	struct ogpu_vm *vm = userptr->vm;
	bool ready;

	if (!mmu_notifier_range_blockable(range))
		return false;

	mutex_lock(&vm->pt_lock);
	mmu_interval_set_seq(notifier, seq);
	ogpu_userptr_unbind(userptr);
	ready = userptr->ready;
	mutex_unlock(&vm->pt_lock);

	if (ready && range->event != MMU_NOTIFY_RELEASE)
		ogpu_userptr_end_jobs(userptr);
	if (ready)
		ogpu_userptr_clear(userptr);

	return true;
}

static const struct mmu_interval_notifier_ops ogpu_userptr_ops = {
	.invalidate = ogpu_userptr_invalidate,
};

/*
 * Jobs
 */

/**
 * ogpu_userptrs_are_bound() - can a job be submitted as it is?
 * @vm: the address space
 *
 * Return: false if pages have to be found first; just a hint, see ogpu_userptrs_lock().
 */
bool ogpu_userptrs_are_bound(struct ogpu_vm *vm)
{
	return list_empty(&vm->userptrs.unbound);
}

/* Those that can be bound, each referenced. */
static void ogpu_userptrs_list_ready(struct ogpu_vm *vm, struct list_head *list)
{
	struct ogpu_userptr *userptr;

	mutex_lock(&vm->pt_lock);
	list_for_each_entry(userptr, &vm->userptrs.unbound, unbound) {
		if (ogpu_userptr_is_ready(userptr))
			list_add_tail(&ogpu_userptr_get(userptr)->fill, list);
	}
	mutex_unlock(&vm->pt_lock);
}

/* What of it is in the tree of addresses. */
static int ogpu_userptr_fill(struct ogpu_userptr *userptr, struct ogpu_bind_job *job,
			     bool *pending)
{
	struct ogpu_vm *vm = userptr->vm;
	struct drm_gpuva *base;
	int ret;

	drm_gpuvm_for_each_va_range(base, &vm->base, userptr->node.start, userptr->node.last + 1) {
		struct ogpu_va *va = to_ogpu_va(base);

		if (va->userptr != userptr)
			continue;
		*pending |= va->seqno > READ_ONCE(vm->bound_seqno);
		ret = ogpu_bind_job_map_userptr(job, base->va.addr, base->va.range, va->prot,
						userptr);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_userptrs_fill() - have a job write the entries of all that can be bound
 * @vm: the address space, locked
 * @job: not armed
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_userptrs_fill(struct ogpu_vm *vm, struct ogpu_bind_job *job)
{
	struct ogpu_userptr *userptr, *next;
	bool pending = false;
	LIST_HEAD(ready);
	int ret = 0;

	ogpu_userptrs_list_ready(vm, &ready);
	list_for_each_entry_safe(userptr, next, &ready, fill) {
		if (!ret)
			ret = ogpu_userptr_fill(userptr, job, &pending);
		ogpu_userptr_put(userptr);
	}
	if (ret || !pending)
		return ret;

	/* Not before the call that maps it. */
	return ogpu_sched_job_add_dep(&job->base,
				      dma_fence_get(vm->lines[OGPU_BIND_LINE_USER].last));
}

/**
 * ogpu_userptrs_bind() - let jobs rely on what a job has written, or will write
 * @vm: the address space, locked
 * @job: from ogpu_userptrs_fill(); done, or armed with its fence in the dma_resv
 *
 * But for what has changed meanwhile.
 */
void ogpu_userptrs_bind(struct ogpu_vm *vm, const struct ogpu_bind_job *job)
{
	u32 i;

	mutex_lock(&vm->pt_lock);
	for (i = 0; i < job->count; i++) {
		struct ogpu_userptr *userptr = job->ranges[i].userptr;

		if (userptr && userptr->mappings && ogpu_userptr_is_ready(userptr)) {
			userptr->bound = true;
			list_del_init(&userptr->unbound);
		}
	}
	mutex_unlock(&vm->pt_lock);
}

static bool ogpu_userptrs_any(struct ogpu_vm *vm)
{
	return vm && vm->userptrs.mappings;
}

/**
 * ogpu_userptrs_lock() - keep what is bound so, until a job is known that relies on it
 * @vm: the address space, locked; NULL for a queue that has none
 *
 * After success pt_lock is held until ogpu_userptrs_unlock(), if there is such memory: nothing may
 * be allocated. What is gone is not waited for: it is not mapped.
 *
 * Return: 0; -ESTALE: something has changed, begin with ogpu_userptrs_populate().
 */
int ogpu_userptrs_lock(struct ogpu_vm *vm)
{
	struct ogpu_userptr *userptr;

	if (!ogpu_userptrs_any(vm))
		return 0;

	mutex_lock(&vm->pt_lock);
	list_for_each_entry(userptr, &vm->userptrs.unbound, unbound) {
		if (!userptr->gone || mmu_interval_read_retry(&userptr->notifier, userptr->seq)) {
			mutex_unlock(&vm->pt_lock);
			return -ESTALE;
		}
	}

	return 0;
}

/**
 * ogpu_userptrs_unlock() - undo ogpu_userptrs_lock()
 * @vm: the address space, locked, or NULL
 */
void ogpu_userptrs_unlock(struct ogpu_vm *vm)
{
	if (ogpu_userptrs_any(vm))
		mutex_unlock(&vm->pt_lock);
}

/*
 * Life
 */

/* Is all of it memory of the program, with this access? */
static int ogpu_userptr_check(u64 addr, u64 size, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	u64 at = addr;
	int ret;

	VMA_ITERATOR(vmi, mm, addr);

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	for_each_vma_range(vmi, vma, addr + size) {
		if (vma->vm_start > at || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
			break;
		if (!(vma->vm_flags & VM_READ) || (write && !(vma->vm_flags & VM_WRITE))) {
			ret = -EACCES;
			break;
		}
		at = vma->vm_end;
	}
	mmap_read_unlock(mm);

	return ret ?: at < addr + size ? -EFAULT : 0;
}

static void ogpu_userptr_free(struct ogpu_userptr *userptr)
{
	kvfree(userptr->page);
	kvfree(userptr->want);
	kvfree(userptr->present);
	kfree(userptr);
}

static void ogpu_userptr_release_work(struct work_struct *work)
{
	struct ogpu_userptr *userptr = container_of(work, struct ogpu_userptr, release);
	struct ogpu_userptr_all *all = userptr->vm->odev->userptrs;
	struct ogpu_vm *vm = userptr->vm;

	/* As long as there is a notifier pages cannot go untold. */
	mutex_lock(&vm->pt_lock);
	interval_tree_remove(&userptr->node, &vm->userptrs.tree);
	ogpu_userptr_drop_pages(userptr);
	mutex_unlock(&vm->pt_lock);
	mmu_interval_notifier_remove(&userptr->notifier);

	mutex_lock(&all->lock);
	list_del(&userptr->link);
	mutex_unlock(&all->lock);
	ogpu_userptr_free(userptr);

	/* From here on the address space may go; it goes on where it did not wait for us. */
	if (atomic_dec_and_test(&vm->userptrs.count))
		queue_work(ogpu_sched_wq(), &vm->end_work);
}

static void ogpu_userptr_release(struct kref *ref)
{
	struct ogpu_userptr *userptr = container_of(ref, struct ogpu_userptr, ref);

	queue_work(userptr->vm->odev->userptrs->wq, &userptr->release);
}

/**
 * ogpu_userptr_get() - take a reference
 * @userptr: the mapping
 *
 * Return: @userptr.
 */
struct ogpu_userptr *ogpu_userptr_get(struct ogpu_userptr *userptr)
{
	kref_get(&userptr->ref);

	return userptr;
}

/**
 * ogpu_userptr_put() - drop a reference
 * @userptr: the mapping, or NULL
 *
 * Callable where fences are signalled.
 */
void ogpu_userptr_put(struct ogpu_userptr *userptr)
{
	if (userptr)
		kref_put(&userptr->ref, ogpu_userptr_release);
}

static struct ogpu_userptr *ogpu_userptr_alloc(struct ogpu_vm *vm, unsigned long pages)
{
	struct ogpu_userptr *userptr = kzalloc_obj(*userptr, GFP_KERNEL_ACCOUNT);
	size_t longs = BITS_TO_LONGS(pages);

	if (!userptr)
		return NULL;

	userptr->page = kvcalloc(pages, sizeof(*userptr->page), GFP_KERNEL_ACCOUNT);
	userptr->want = kvcalloc(longs, sizeof(*userptr->want), GFP_KERNEL_ACCOUNT);
	userptr->present = kvcalloc(longs, sizeof(*userptr->present), GFP_KERNEL_ACCOUNT);
	if (!userptr->page || !userptr->want || !userptr->present) {
		ogpu_userptr_free(userptr);
		return NULL;
	}

	kref_init(&userptr->ref);
	INIT_WORK(&userptr->release, ogpu_userptr_release_work);
	INIT_LIST_HEAD(&userptr->unbound);
	userptr->vm = vm;
	userptr->pages = pages;
	bitmap_fill(userptr->want, pages);

	return userptr;
}

static struct ogpu_userptr *ogpu_userptr_create_counted(struct ogpu_vm *vm, u64 addr, u64 size,
							u64 va, bool write)
{
	struct ogpu_userptr_all *all = vm->odev->userptrs;
	struct ogpu_userptr *userptr;
	int ret;

	ret = ogpu_userptr_check(addr, size, write);
	if (ret)
		return ERR_PTR(ret);
	userptr = ogpu_userptr_alloc(vm, size >> PAGE_SHIFT);
	if (!userptr)
		return ERR_PTR(-ENOMEM);

	userptr->addr = addr;
	userptr->write = write;
	userptr->node.start = va;
	userptr->node.last = va + size - 1;
	ret = mmu_interval_notifier_insert(&userptr->notifier, current->mm, addr, size,
					   &ogpu_userptr_ops);
	if (ret) {
		ogpu_userptr_free(userptr);
		return ERR_PTR(ret);
	}

	mutex_lock(&all->lock);
	list_add_tail(&userptr->link, &all->list);
	mutex_unlock(&all->lock);
	mutex_lock(&vm->pt_lock);
	interval_tree_insert(&userptr->node, &vm->userptrs.tree);
	mutex_unlock(&vm->pt_lock);

	return userptr;
}

/**
 * ogpu_userptr_create() - make memory of the caller one that can be mapped
 * @vm: address space, of which the caller is a user
 * @addr: first address of the program
 * @size: bytes
 * @va: where it will be mapped
 * @write: the card may write to it
 *
 * Return: the mapping with one reference; or an ERR_PTR(): -EFAULT, -EACCES, -E2BIG, -ENOSPC,
 * -ENOMEM, -EINTR, -EOPNOTSUPP.
 */
struct ogpu_userptr *ogpu_userptr_create(struct ogpu_vm *vm, u64 addr, u64 size, u64 va,
					 bool write)
{
	struct ogpu_userptr *userptr = ERR_PTR(-ENOSPC);

	if (!ogpu_userptr_is_supported(vm->odev))
		return ERR_PTR(-EOPNOTSUPP);
	if (size > OGPU_USERPTR_MAX_SIZE)
		return ERR_PTR(-E2BIG);
	if (!access_ok(u64_to_user_ptr(addr), size))
		return ERR_PTR(-EFAULT);

	if (atomic_inc_return(&vm->userptrs.count) <= OGPU_USERPTR_MAX_COUNT + 1)
		userptr = ogpu_userptr_create_counted(vm, addr, size, va, write);
	if (IS_ERR(userptr))
		atomic_dec(&vm->userptrs.count);

	return userptr;
}

/**
 * ogpu_userptr_address() - find an address of the program
 * @userptr: the mapping
 * @va: address of the card in it
 *
 * Return: the address.
 */
u64 ogpu_userptr_address(const struct ogpu_userptr *userptr, u64 va)
{
	return userptr->addr + (va - userptr->node.start);
}

/**
 * ogpu_userptr_link() - it is, or a part of it, in the tree of addresses
 * @userptr: the mapping; its address space is locked
 */
void ogpu_userptr_link(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;

	ogpu_userptr_get(userptr);
	vm->userptrs.mappings++;
	mutex_lock(&vm->pt_lock);
	if (!userptr->mappings++)
		list_add_tail(&userptr->unbound, &vm->userptrs.unbound);
	mutex_unlock(&vm->pt_lock);
}

/**
 * ogpu_userptr_cut() - a part of it is not in the tree any more
 * @userptr: the mapping; its address space is locked
 * @start: first address of the card
 * @end: behind the last
 */
void ogpu_userptr_cut(struct ogpu_userptr *userptr, u64 start, u64 end)
{
	mutex_lock(&userptr->vm->pt_lock);
	bitmap_clear(userptr->want, ogpu_userptr_index(userptr, start),
		     (end - start) >> PAGE_SHIFT);
	mutex_unlock(&userptr->vm->pt_lock);
}

/**
 * ogpu_userptr_unlink() - undo ogpu_userptr_link()
 * @userptr: the mapping; its address space is locked
 */
void ogpu_userptr_unlink(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;

	vm->userptrs.mappings--;
	mutex_lock(&vm->pt_lock);
	if (!--userptr->mappings) {
		list_del_init(&userptr->unbound);
		userptr->bound = false;
	}
	mutex_unlock(&vm->pt_lock);
	ogpu_userptr_put(userptr);
}

/**
 * ogpu_userptrs_init() - prepare an address space
 * @vm: the address space
 */
void ogpu_userptrs_init(struct ogpu_vm *vm)
{
	mutex_init(&vm->userptrs.populate);
	vm->userptrs.tree = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&vm->userptrs.unbound);
	atomic_set(&vm->userptrs.count, 1);
}

/**
 * ogpu_userptrs_fini() - take down what is left
 * @vm: address space that nothing is mapped in any more, whose page tables nobody looks at
 *
 * Does not wait: who takes one down may have to wait for what its program is doing.
 *
 * Return: true if nothing is left; otherwise @vm->end_work is queued when that is so.
 */
bool ogpu_userptrs_fini(struct ogpu_vm *vm)
{
	struct interval_tree_node *node;

	mutex_lock(&vm->pt_lock);
	for (node = interval_tree_iter_first(&vm->userptrs.tree, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		struct ogpu_userptr *userptr = container_of(node, struct ogpu_userptr, node);

		ogpu_userptr_forget(userptr, 0, userptr->pages);
	}
	mutex_unlock(&vm->pt_lock);

	return atomic_dec_and_test(&vm->userptrs.count);
}

/**
 * ogpu_userptr_is_supported() - can memory of programs be mapped?
 * @odev: the card
 *
 * Return: false if the card does not reach all memory directly, or its pages are smaller than the
 * CPU's: what is mapped is kept in pages of both.
 */
bool ogpu_userptr_is_supported(struct ogpu_device *odev)
{
	return IS_ENABLED(CONFIG_PAGE_SIZE_4KB) && !dma_addressing_limited(odev->drm.dev) &&
	       !is_swiotlb_force_bounce(odev->drm.dev);
}

static void ogpu_userptr_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_userptr_all *all = arg;

	destroy_workqueue(all->wq);
}

/**
 * ogpu_userptr_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_userptr_init(struct ogpu_device *odev)
{
	struct ogpu_userptr_all *all;
	int ret;

	all = drmm_kzalloc(&odev->drm, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	ret = drmm_mutex_init(&odev->drm, &all->lock);
	if (ret)
		return ret;
	INIT_LIST_HEAD(&all->list);
	all->wq = alloc_workqueue("ogpu-userptr-%s", WQ_UNBOUND, 0, pci_name(odev->pdev));
	if (!all->wq)
		return -ENOMEM;
	odev->userptrs = all;

	return drmm_add_action_or_reset(&odev->drm, ogpu_userptr_fini, all);
}

/**
 * ogpu_userptr_stop() - let go of the pages of all programs
 * @odev: card that nobody uses any more; it is being unbound
 */
void ogpu_userptr_stop(struct ogpu_device *odev)
{
	struct ogpu_userptr *userptr;

	mutex_lock(&odev->userptrs->lock);
	list_for_each_entry(userptr, &odev->userptrs->list, link) {
		mutex_lock(&userptr->vm->pt_lock);
		ogpu_userptr_drop_pages(userptr);
		mutex_unlock(&userptr->vm->pt_lock);
	}
	mutex_unlock(&odev->userptrs->lock);
}
