// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs: its page-table entries, and on what jobs may rely.
 *
 * Which entries are whose is told by @present, a bit for each page, kept up to date by whom changes
 * the page tables; the tree of addresses may be ahead of them.
 */
#include <linux/bitmap.h>
#include <linux/dma-fence.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>

#include "ogpu_bind.h"
#include "ogpu_device.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"

/* Memory that is contiguous, so many times at once. */
#define OGPU_USERPTR_SEGMENTS	16

/* Pages that one job binds, which keeps pt_lock: whoever changes memory may wait for it. */
#define OGPU_USERPTR_BATCH	(8 * OGPU_USERPTR_PAGES)

/*
 * Page tables, under pt_lock
 */

/* Pages that follow each other, to be mapped together. */
struct ogpu_userptr_run {
	u64 prot;
	unsigned long first;
	unsigned long pages;
	unsigned int count;	/* of @segments */
	struct ogpu_pt_segment segments[OGPU_USERPTR_SEGMENTS];
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

	if (run->count == OGPU_USERPTR_SEGMENTS)
		ogpu_userptr_run_flush(userptr, change, run);
	if (!run->count) {
		run->first = page;
		run->pages = 0;
	}
	run->segments[run->count].operand = operand;
	run->segments[run->count++].size = PAGE_SIZE;
	run->pages++;
}

/* Are the pages known, and those for which the range was made? */
static bool ogpu_userptr_is_current(const struct ogpu_bind_range *range)
{
	return ogpu_userptr_is_ready(range->userptr) && range->userptr->seq == range->seq;
}

/**
 * ogpu_userptr_write_entries() - write the entries of a part of it
 * @range: which; without effect if its pages are not known any more, or have been looked for anew:
 *	then another job writes the entries
 * @change: with the tables for it
 *
 * Under pt_lock; nothing is mapped there: ogpu_pt_unmap(), and both ends have been split.
 */
void ogpu_userptr_write_entries(const struct ogpu_bind_range *range, struct ogpu_pt_change *change)
{
	struct ogpu_userptr *userptr = range->userptr;
	unsigned long first = ogpu_userptr_index(userptr, range->va);
	unsigned long last = first + (range->size >> PAGE_SHIFT);
	struct ogpu_userptr_run run = { .prot = range->prot };
	unsigned long i;

	lockdep_assert_held(&userptr->vm->pt_lock);
	if (!ogpu_userptr_is_current(range))
		return;

	for (i = first; i < last; i++) {
		if (userptr->page[i].page)
			ogpu_userptr_run_add(userptr, change, &run, i);
		else
			ogpu_userptr_run_flush(userptr, change, &run);
	}
	ogpu_userptr_run_flush(userptr, change, &run);
}

/**
 * ogpu_userptr_forget() - entries are not there, or not its own, any more
 * @userptr: the mapping, under pt_lock
 * @first: first page
 * @last: behind the last
 */
void ogpu_userptr_forget(struct ogpu_userptr *userptr, unsigned long first, unsigned long last)
{
	unsigned long i = find_next_bit(userptr->present, last, first), count = 0;

	for (; i < last; i = find_next_bit(userptr->present, last, i + 1)) {
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
 * Under pt_lock. What was written there is nobody's any more. If the card does not forget it the
 * caller says so before he unlocks: &struct ogpu_userptrs.unsure.
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

/* Returns 0 when the card has forgotten them. */
static int ogpu_userptr_clear_card(struct ogpu_userptr *userptr, struct ogpu_pt_change *change)
{
	struct ogpu_vm *vm = userptr->vm;
	unsigned long start, end;

	for_each_set_bitrange(start, end, userptr->present, userptr->pages)
		ogpu_pt_unmap(&vm->pt, change, ogpu_userptr_va(userptr, start),
			      (u64)(end - start) << PAGE_SHIFT);
	if (!change->stale.count)
		return 0;

	vm->invalidations += change->stale.count;
	return ogpu_mmu_invalidate(vm->odev, vm->asid, &change->stale);
}

/**
 * ogpu_userptr_clear_entries() - have the card not find it any more
 * @userptr: the mapping, under pt_lock
 * @change: initialised; out: tables that are not needed any more
 *
 * The card may still use it until ogpu_userptrs_await_card() returns. Waits for a bounded time.
 * While the card sleeps that is done later.
 */
void ogpu_userptr_clear_entries(struct ogpu_userptr *userptr, struct ogpu_pt_change *change)
{
	struct ogpu_vm *vm = userptr->vm;
	int ret = -ENODEV, idx;

	lockdep_assert_held(&vm->pt_lock);

	if (READ_ONCE(vm->odev->userptrs->asleep)) {
		userptr->lost = userptr->count;
		return;
	}

	/* After a stop the card uses no page table of the time before. */
	if (!ogpu_vm_is_stale(vm) && userptr->count) {
		if (ogpu_device_running(vm->odev) && ogpu_device_enter(vm->odev, &idx)) {
			ret = ogpu_userptr_clear_card(userptr, change);
			ogpu_device_exit(vm->odev, idx);
		}
		if (ret)
			vm->userptrs.unsure = true;
	}
	ogpu_userptr_forget(userptr, 0, userptr->pages);
}

/**
 * ogpu_userptr_unbind() - jobs may not rely on it any more
 * @userptr: the mapping, under pt_lock
 */
void ogpu_userptr_unbind(struct ogpu_userptr *userptr)
{
	if (!userptr->bound)
		return;
	userptr->bound = false;
	if (userptr->mappings)
		list_add_tail(&userptr->unbound, &userptr->vm->userptrs.unbound);
}

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

/* Some of those that can be bound, each referenced. */
static void ogpu_userptrs_list_ready(struct ogpu_vm *vm, struct list_head *list)
{
	struct ogpu_userptr *userptr;
	unsigned long pages = 0;

	mutex_lock(&vm->pt_lock);
	list_for_each_entry(userptr, &vm->userptrs.unbound, unbound) {
		if (!ogpu_userptr_is_ready(userptr))
			continue;
		list_add_tail(&ogpu_userptr_get(userptr)->fill, list);
		pages += userptr->pages;
		if (pages >= OGPU_USERPTR_BATCH)
			break;
	}
	mutex_unlock(&vm->pt_lock);
}

/**
 * ogpu_userptr_seq() - tell one time from another at which its pages were found out
 * @userptr: the mapping
 *
 * Return: a number; it changes before other pages are known. Any context.
 */
unsigned long ogpu_userptr_seq(const struct ogpu_userptr *userptr)
{
	return READ_ONCE(userptr->seq);
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
 * ogpu_userptrs_fill() - have a job write the entries of some that can be bound
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
 * But for what has changed since it was filled.
 */
void ogpu_userptrs_bind(struct ogpu_vm *vm, const struct ogpu_bind_job *job)
{
	u32 i;

	mutex_lock(&vm->pt_lock);
	for (i = 0; i < job->count; i++) {
		struct ogpu_userptr *userptr = job->ranges[i].userptr;

		if (userptr && userptr->mappings && !userptr->bound &&
		    ogpu_userptr_is_current(&job->ranges[i])) {
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
