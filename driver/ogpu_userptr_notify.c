// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs is about to change: who waits for whom, and for how long.
 *
 * An invalidation may be part of memory reclaim, of anybody, who holds locks that others want. It
 * takes pt_lock, under which nothing is allocated, and no other lock; and not even that if the card
 * has nothing of the memory, so that who has mapped much and uses nothing keeps nobody. Jobs are
 * waited for out of the account of their user, see ogpu_userptr_account.c: of one kind for what the
 * program itself takes away from its address space (munmap, mremap, mprotect), which it can be
 * killed in, and of another, where there is much less, for all else, also in the program's name,
 * because such calls may hold locks of files and pages. When nothing is left nobody is killed: the
 * card loses the memory, and a job that still uses it faults, as does who was taken memory by the
 * end of the program.
 *
 * That the card forgets the memory has to be waited for, and pt_lock, too. But for what the program
 * itself takes away that is charged, to the account of the second kind, and before the program gets
 * back what has changed, or maps anything, for which pt_lock is held, it rests until it has paid
 * (ogpu_userptrs_rest(), ogpu_userptrs_pay()).
 *
 * In an address space of the long-running kind what executes is suspended, by the preempt fence,
 * and not before the memory is there again it goes on. How long that takes is up to the card,
 * and not to the user. But how often he can have others wait for it is: while his account is
 * nearly empty it does not go on.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "ogpu_device.h"
#include "ogpu_fence.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_account.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

/* How often to look whether the card sleeps, in jiffies. */
#define OGPU_USERPTR_LOOK	(HZ / 10)

/**
 * struct ogpu_userptr_call - somebody changes memory
 */
struct ogpu_userptr_call {
	/** @account: of the user who has mapped it */
	struct ogpu_account *account;
	/** @kind: what its waits for jobs are taken from; if others, those for all else, too */
	enum ogpu_account_kind kind;
	/** @began: when */
	u64 began;
	/** @charged: how much of the time has been settled, nanoseconds */
	u64 charged;
};

static struct ogpu_account *ogpu_userptrs_account(const struct ogpu_vm *vm)
{
	return &vm->pt_mem.owner->account;
}

static void ogpu_userptr_begin_call(struct ogpu_userptr_call *call,
				    const struct ogpu_userptr *userptr,
				    const struct mmu_notifier_range *range)
{
	call->account = ogpu_userptrs_account(userptr->vm);
	call->kind = OGPU_ACCOUNT_OTHERS;
	/* Does the program take it away, in a call that holds nothing but its own, or end? */
	if (range->event == MMU_NOTIFY_RELEASE ||
	    (current->mm == userptr->notifier.mm && !(current->flags & PF_MEMALLOC) &&
	     (range->event == MMU_NOTIFY_UNMAP || range->event == MMU_NOTIFY_PROTECTION_VMA)))
		call->kind = OGPU_ACCOUNT_OWN;
	call->began = ktime_get_ns();
	call->charged = 0;
}

/*
 * What somebody had to wait for besides jobs: the card, and locks of the address space. Strangers
 * may have waited for the program that has waited: for locks of a file that it has truncated, say.
 */
static void ogpu_userptr_end_call(const struct ogpu_userptr_call *call)
{
	u64 now = ktime_get_ns();

	if (call->kind == OGPU_ACCOUNT_OTHERS)
		ogpu_account_settle(call->account, OGPU_ACCOUNT_OTHERS, 0,
				    now - call->began - call->charged, now);
}

/* Calls of VM_BIND may wait for anybody, and neither they nor moves of buffers use the memory. */
static bool ogpu_userptr_is_job(const struct ogpu_vm *vm, struct dma_resv_iter *cursor,
				const struct dma_fence *fence)
{
	return dma_resv_iter_usage(cursor) == DMA_RESV_USAGE_BOOKKEEP &&
	       fence->context != vm->lines[OGPU_BIND_LINE_USER].context;
}

/* Then nothing executes, and who is waited for does not end. */
static bool ogpu_userptr_is_asleep(const struct ogpu_userptr *userptr)
{
	return READ_ONCE(userptr->vm->odev->userptrs->asleep);
}

/* Wait for a fence, for a part of the account. Returns 0, or -ERESTARTSYS: the caller is to die. */
static long ogpu_userptr_wait_some(struct ogpu_userptr_call *call, struct dma_fence *fence,
				   u64 taken, u64 began)
{
	long timeout = max(nsecs_to_jiffies(taken), 1ul), ret;
	u64 now;

	if (call->kind == OGPU_ACCOUNT_OWN)
		ret = ogpu_fence_wait_timeout(fence, timeout);
	else
		/* He may hold what has to be given back whatever becomes of him. */
		ret = dma_fence_wait_timeout(fence, false, timeout);
	now = ktime_get_ns();
	/* That he got a processor late is nobody's fault. */
	ogpu_account_settle(call->account, call->kind, taken, min(now - began, taken), now);
	call->charged += now - began;

	return min(ret, 0l);
}

/* Returns false if nobody waits any more. */
static bool ogpu_userptr_wait_job(struct ogpu_userptr *userptr, struct ogpu_userptr_call *call,
				  struct dma_fence *fence)
{
	u64 taken, now;

	while (!dma_fence_is_signaled(fence)) {
		if (ogpu_userptr_is_asleep(userptr))
			return false;
		now = ktime_get_ns();
		taken = ogpu_account_take(call->account, call->kind, now);
		if (!taken || ogpu_userptr_wait_some(call, fence, taken, now))
			return false;
	}

	return true;
}

/* Wait for jobs that may use it, or until that has taken too long. */
static void ogpu_userptr_wait_jobs(struct ogpu_userptr *userptr, struct ogpu_userptr_call *call)
{
	struct ogpu_vm *vm = userptr->vm;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (ogpu_userptr_is_job(vm, &cursor, fence) &&
		    !ogpu_userptr_wait_job(userptr, call, fence))
			break;
	}
	dma_resv_iter_end(&cursor);
}

/* What is in the account, as far as it goes: this leaves no debt. */
static void ogpu_userptr_charge(struct ogpu_userptr_call *call, u64 ns)
{
	u64 now = ktime_get_ns(), taken, used;

	while (ns) {
		taken = ogpu_account_take(call->account, call->kind, now);
		if (!taken)
			break;
		used = min(taken, ns);
		ogpu_account_settle(call->account, call->kind, taken, used, now);
		call->charged += used;
		ns -= used;
	}
}

/*
 * If the card sleeps it suspends when it wakes, because somebody has waited, but is not waited for.
 * Returns 0, or -ERESTARTSYS: the caller is to die.
 */
static long ogpu_userptr_wait_suspended(struct ogpu_userptr *userptr,
					struct ogpu_userptr_call *call, struct dma_fence *fence)
{
	long ret;

	do {
		long timeout = ogpu_userptr_is_asleep(userptr) ? 1 : OGPU_USERPTR_LOOK;

		if (call->kind == OGPU_ACCOUNT_OWN)
			ret = ogpu_fence_wait_timeout(fence, timeout);
		else
			ret = dma_fence_wait_timeout(fence, false, timeout);
	} while (!ret && !ogpu_userptr_is_asleep(userptr));

	return min(ret, 0l);
}

/* Wait until nothing executes in an address space of the long-running kind. */
static void ogpu_userptr_wait_preempt(struct ogpu_userptr *userptr, struct ogpu_userptr_call *call)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	u64 began = ktime_get_ns();

	dma_resv_iter_begin(&cursor, drm_gpuvm_resv(&userptr->vm->base), DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (fence->context == userptr->context &&
		    ogpu_userptr_wait_suspended(userptr, call, fence))
			break;
	}
	dma_resv_iter_end(&cursor);
	ogpu_userptr_charge(call, ktime_get_ns() - began);
}

/**
 * ogpu_userptrs_rest_ms() - how long is what executes without end to stand still?
 * @vm: the address space, of the long-running kind
 *
 * Return: milliseconds, so that others are not kept waiting too often; 0: it may go on.
 */
unsigned int ogpu_userptrs_rest_ms(struct ogpu_vm *vm)
{
	if (!READ_ONCE(vm->userptrs.mappings))
		return 0;

	return ogpu_account_rest_ms(ogpu_userptrs_account(vm), OGPU_ACCOUNT_HALF, ktime_get_ns());
}

/**
 * ogpu_userptrs_pay() - before others may have to wait for a change: rest until there is no debt
 * @vm: the address space; the caller is a user of it and holds no lock
 *
 * Return: 0 or -ERESTARTSYS.
 */
int ogpu_userptrs_pay(struct ogpu_vm *vm)
{
	struct ogpu_account *account = ogpu_userptrs_account(vm);
	unsigned int ms;

	if (!READ_ONCE(vm->userptrs.mappings))
		return 0;
	while ((ms = ogpu_account_rest_ms(account, 0, ktime_get_ns()))) {
		if (msleep_interruptible(ms))
			return -ERESTARTSYS;
	}

	return 0;
}

/**
 * ogpu_userptrs_rest() - before memory that has changed is brought back: rest, if need be
 * @vm: the address space, of jobs that end; the caller is a user of it and holds no lock
 *
 * Return: 0 or -ERESTARTSYS.
 */
int ogpu_userptrs_rest(struct ogpu_vm *vm)
{
	return ogpu_userptrs_are_bound(vm) ? 0 : ogpu_userptrs_pay(vm);
}

/**
 * ogpu_userptrs_are_safe() - does the card use nothing that page tables do not say?
 * @vm: the address space
 *
 * Return: false: it may, until it has been stopped.
 */
bool ogpu_userptrs_are_safe(struct ogpu_vm *vm)
{
	return !READ_ONCE(vm->userptrs.unsure) ||
	       READ_ONCE(vm->odev->mem->binds.stops) != vm->stops;
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

	if (ogpu_userptrs_are_safe(vm))
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

/*
 * If the card has nothing of it there is nothing to wait for, not even pt_lock: who finds out what
 * is there sees that it has changed. Without pages it gets no entries, and no job may rely on it.
 * Returns false if there may be something.
 */
static bool ogpu_userptr_invalidate_empty(struct ogpu_userptr *userptr, unsigned long seq)
{
	struct ogpu_userptrs *userptrs = &userptr->vm->userptrs;
	bool empty;

	spin_lock(&userptrs->lock);
	empty = !userptr->ready && !READ_ONCE(userptr->bound) && !READ_ONCE(userptr->count);
	if (empty)
		mmu_interval_set_seq(&userptr->notifier, seq);
	spin_unlock(&userptrs->lock);

	return empty;
}

static bool ogpu_userptr_invalidate(struct mmu_interval_notifier *notifier,
				    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct ogpu_userptr *userptr = container_of(notifier, struct ogpu_userptr, notifier);
	struct ogpu_vm *vm = userptr->vm;
	struct ogpu_userptr_call call;
	bool ready, used;

	if (ogpu_userptr_invalidate_empty(userptr, seq))
		return true;
	if (!mmu_notifier_range_blockable(range))
		return false;

	ogpu_userptr_begin_call(&call, userptr, range);
	mutex_lock(&vm->pt_lock);
	mmu_interval_set_seq(notifier, seq);
	ready = userptr->ready;
	used = userptr->bound || userptr->count;
	ogpu_userptr_unbind(userptr);
	mutex_unlock(&vm->pt_lock);

	if (used && range->event != MMU_NOTIFY_RELEASE) {
		if (userptr->context)
			ogpu_userptr_wait_preempt(userptr, &call);
		else
			ogpu_userptr_wait_jobs(userptr, &call);
	}
	if (ready)
		ogpu_userptr_clear(userptr);
	ogpu_userptr_end_call(&call);

	return true;
}

const struct mmu_interval_notifier_ops ogpu_userptr_ops = {
	.invalidate = ogpu_userptr_invalidate,
};
