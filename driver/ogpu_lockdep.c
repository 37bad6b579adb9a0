// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Teaches lockdep the order of the driver's locks, when the module is loaded.
 *
 * Without it an inversion is only reported once both orders have happened. Each lock of the order
 * gets a class of its own; the whole order is then walked once with locks that serve nothing else.
 * Locks below memory reclaim and inside a fence-signalling section must never be held over an
 * allocation that can wait, nor over a wait for a fence. OGPU_LOCK_PT is taken in reclaim indeed,
 * by ogpu_userptr_notify.c.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>

#include "ogpu_lockdep.h"

static struct lock_class_key ogpu_lockdep_keys[OGPU_LOCKS];
static struct lock_class_key ogpu_lockdep_validate_key;

static const char * const ogpu_lockdep_names[OGPU_LOCKS] = {
	[OGPU_LOCK_RESET] = "ogpu_device.reset_lock",
	[OGPU_LOCK_BIND] = "ogpu_vm.bind_lock",
	[OGPU_LOCK_SUBMIT] = "ogpu_queue.submit_lock",
	[OGPU_LOCK_PREEMPT] = "ogpu_preempt.lock",
	[OGPU_LOCK_PT] = "ogpu_vm.pt_lock",
	[OGPU_LOCK_QUEUES] = "ogpu_queue_mgr.lock",
	[OGPU_LOCK_MBOX] = "ogpu_mbox.lock",
	[OGPU_LOCK_MMU] = "ogpu_mmu.lock",
	[OGPU_LOCK_EVENT] = "ogpu_event_ring.lock",
};

/**
 * ogpu_lockdep_class() - say which lock of the order a mutex is, after it was initialised
 * @lock: the mutex
 * @which: its place
 */
void ogpu_lockdep_class(struct mutex *lock, enum ogpu_lock which)
{
	lockdep_set_class_and_name(lock, &ogpu_lockdep_keys[which], ogpu_lockdep_names[which]);
}

/**
 * ogpu_lockdep_validate_class() - say that a lock is the one of the order that is no mutex
 * @lock: ogpu_mem.validate_lock, after it was initialised
 */
void ogpu_lockdep_validate_class(struct rw_semaphore *lock)
{
	lockdep_set_class_and_name(lock, &ogpu_lockdep_validate_key, "ogpu_mem.validate_lock");
}

/* What may be taken where fences are signalled, each with what is taken inside it. */
static void ogpu_lockdep_prime_signalling(struct mutex *locks)
{
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&locks[OGPU_LOCK_PREEMPT]);
	mutex_lock(&locks[OGPU_LOCK_QUEUES]);
	mutex_lock(&locks[OGPU_LOCK_MBOX]);
	mutex_unlock(&locks[OGPU_LOCK_MBOX]);
	mutex_unlock(&locks[OGPU_LOCK_QUEUES]);
	mutex_lock(&locks[OGPU_LOCK_PT]);
	mutex_unlock(&locks[OGPU_LOCK_PT]);
	mutex_unlock(&locks[OGPU_LOCK_PREEMPT]);

	mutex_lock(&locks[OGPU_LOCK_PT]);
	mutex_lock(&locks[OGPU_LOCK_MMU]);
	mutex_unlock(&locks[OGPU_LOCK_MMU]);
	mutex_unlock(&locks[OGPU_LOCK_PT]);

	mutex_lock(&locks[OGPU_LOCK_EVENT]);
	mutex_unlock(&locks[OGPU_LOCK_EVENT]);

	dma_fence_end_signalling(cookie);
}

/**
 * ogpu_lockdep_prime() - walk the order once
 */
void ogpu_lockdep_prime(void)
{
	static struct mutex locks[OGPU_LOCKS];
	static struct rw_semaphore validate_lock;
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;
	unsigned int i;

	for (i = 0; i < OGPU_LOCKS; i++) {
		mutex_init(&locks[i]);
		ogpu_lockdep_class(&locks[i], i);
	}
	init_rwsem(&validate_lock);
	ogpu_lockdep_validate_class(&validate_lock);
	dma_resv_init(&resv);

	mutex_lock(&locks[OGPU_LOCK_RESET]);
	mutex_lock(&locks[OGPU_LOCK_BIND]);
	down_read(&validate_lock);
	ww_acquire_init(&ctx, &reservation_ww_class);
	if (!dma_resv_lock(&resv, &ctx)) {
		mutex_lock(&locks[OGPU_LOCK_SUBMIT]);
		fs_reclaim_acquire(GFP_KERNEL);
		ogpu_lockdep_prime_signalling(locks);
		fs_reclaim_release(GFP_KERNEL);
		mutex_unlock(&locks[OGPU_LOCK_SUBMIT]);
		dma_resv_unlock(&resv);
	}
	ww_acquire_fini(&ctx);
	up_read(&validate_lock);
	mutex_unlock(&locks[OGPU_LOCK_BIND]);
	mutex_unlock(&locks[OGPU_LOCK_RESET]);

	dma_resv_fini(&resv);
	for (i = 0; i < OGPU_LOCKS; i++)
		mutex_destroy(&locks[i]);
}
