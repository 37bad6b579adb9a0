// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs is about to change: who waits for whom, and for how long.
 *
 * An invalidation may be part of memory reclaim, of anybody, who holds locks that others want. It
 * takes pt_lock, under which nothing is allocated, and no other lock. Jobs are waited for out of
 * an account of their user, see ogpu_userptr_account.c: one for what the program itself takes away from
 * its address space (munmap, mremap, mprotect), which it can be killed in, and a much smaller one
 * for all else, also in the program's name, because such calls may hold locks of files and pages.
 * When the account is empty nobody is killed: the card loses the memory, and a job that still uses
 * it faults, as does who was taken memory by the end of the program.
 *
 * In an address space of the long-running kind what executes is suspended, by the preempt fence,
 * and not before the memory is there again it goes on. How long that takes is up to the card,
 * and not to the user. But how often he can have others wait for it is: while his account is
 * nearly empty it does not go on (ogpu_userptrs_rest_ms()).
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_userptr_account.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

static kuid_t ogpu_userptr_uid(const struct ogpu_vm *vm)
{
	return vm->pt_mem.owner->uid;
}

/* Does the program itself take it away, in a call that holds nothing but its own? */
static enum ogpu_account_kind ogpu_userptr_kind(const struct ogpu_userptr *userptr,
						 const struct mmu_notifier_range *range)
{
	if (current->mm == userptr->notifier.mm && !(current->flags & PF_MEMALLOC) &&
	    (range->event == MMU_NOTIFY_UNMAP || range->event == MMU_NOTIFY_PROTECTION_VMA))
		return OGPU_ACCOUNT_OWN;

	return OGPU_ACCOUNT_OTHERS;
}

/* Calls of VM_BIND may wait for anybody, and neither they nor moves of buffers use the memory. */
static bool ogpu_userptr_is_job(const struct ogpu_vm *vm, struct dma_resv_iter *cursor,
				const struct dma_fence *fence)
{
	return dma_resv_iter_usage(cursor) == DMA_RESV_USAGE_BOOKKEEP &&
	       fence->context != vm->lines[OGPU_BIND_LINE_USER].context;
}

/* Wait for jobs that may use it, or until that has taken too long. */
static void ogpu_userptr_wait_jobs(struct ogpu_userptr *userptr, enum ogpu_account_kind kind)
{
	struct ogpu_account *patience = &userptr->vm->odev->userptrs->patience;
	struct ogpu_vm *vm = userptr->vm;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	long left;

	left = nsecs_to_jiffies(ogpu_account_left(patience, ogpu_userptr_uid(vm), kind));
	dma_resv_iter_begin(&cursor, drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (left <= 0)
			break;
		if (!ogpu_userptr_is_job(vm, &cursor, fence))
			continue;
		/* Others may hold what has to be given back whatever becomes of them. */
		if (kind == OGPU_ACCOUNT_OWN)
			left = ogpu_fence_wait_timeout(fence, left);
		else
			left = dma_fence_wait_timeout(fence, false, left);
	}
	dma_resv_iter_end(&cursor);
}

/* Wait until nothing executes in an address space of the long-running kind. */
static void ogpu_userptr_wait_preempt(struct ogpu_userptr *userptr)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, drm_gpuvm_resv(&userptr->vm->base), DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (fence->context == userptr->context)
			dma_fence_wait(fence, false);
	}
	dma_resv_iter_end(&cursor);
}

static void ogpu_userptr_wait(struct ogpu_userptr *userptr, const struct mmu_notifier_range *range)
{
	enum ogpu_account_kind kind = ogpu_userptr_kind(userptr, range);
	struct ogpu_vm *vm = userptr->vm;
	u64 began = ktime_get_ns();

	if (userptr->context)
		ogpu_userptr_wait_preempt(userptr);
	else
		ogpu_userptr_wait_jobs(userptr, kind);
	ogpu_account_spend(&vm->odev->userptrs->patience, ogpu_userptr_uid(vm), kind,
			    ktime_get_ns() - began);
}

/**
 * ogpu_userptrs_rest_ms() - how long is what executes in an address space to stand still?
 * @vm: the address space, of the long-running kind
 *
 * Return: milliseconds, so that others are not kept waiting too often; 0: it may go on.
 */
unsigned int ogpu_userptrs_rest_ms(struct ogpu_vm *vm)
{
	if (!READ_ONCE(vm->userptrs.mappings))
		return 0;

	return ogpu_account_rest_ms(&vm->odev->userptrs->patience, ogpu_userptr_uid(vm));
}

static bool ogpu_userptrs_are_safe(struct ogpu_vm *vm)
{
	return READ_ONCE(vm->odev->mem->binds.stops) != vm->stops;
}

/**
 * ogpu_userptrs_await_card() - wait until the card uses nothing that page tables do not say
 * @vm: the address space, under pt_lock, which is released meanwhile
 *
 * Does not wait unless the card has not confirmed that it forgot something: then it is being
 * stopped, which is sure to come.
 */
void ogpu_userptrs_await_card(struct ogpu_vm *vm)
{
	lockdep_assert_held(&vm->pt_lock);

	if (!vm->userptrs.unsure || ogpu_userptrs_are_safe(vm))
		return;
	mutex_unlock(&vm->pt_lock);
	wait_event(vm->odev->mem->binds.stopped, ogpu_userptrs_are_safe(vm));
	mutex_lock(&vm->pt_lock);
}

/* Take its pages from the card. */
static void ogpu_userptr_clear(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;
	struct ogpu_pt_change change;

	ogpu_pt_change_init(&change);
	mutex_lock(&vm->pt_lock);
	ogpu_userptr_clear_entries(userptr, &change);
	ogpu_userptrs_await_card(vm);
	ogpu_userptr_drop_pages(userptr);
	mutex_unlock(&vm->pt_lock);
	ogpu_pt_mem_give(&vm->pt_mem, &change);
}

static bool ogpu_userptr_invalidate(struct mmu_interval_notifier *notifier,
				    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct ogpu_userptr *userptr = container_of(notifier, struct ogpu_userptr, notifier);
	struct ogpu_vm *vm = userptr->vm;
	bool ready, used;

	if (!mmu_notifier_range_blockable(range))
		return false;

	mutex_lock(&vm->pt_lock);
	mmu_interval_set_seq(notifier, seq);
	ready = userptr->ready;
	used = userptr->bound || userptr->count;
	ogpu_userptr_unbind(userptr);
	mutex_unlock(&vm->pt_lock);

	if (used && range->event != MMU_NOTIFY_RELEASE)
		ogpu_userptr_wait(userptr, range);
	if (ready)
		ogpu_userptr_clear(userptr);

	return true;
}

const struct mmu_interval_notifier_ops ogpu_userptr_ops = {
	.invalidate = ogpu_userptr_invalidate,
};
