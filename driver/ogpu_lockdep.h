/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Teaches lockdep the order of the driver's locks; see ogpu_device.h.
 */
#ifndef _OGPU_LOCKDEP_H_
#define _OGPU_LOCKDEP_H_

struct mutex;
struct rw_semaphore;

/**
 * enum ogpu_lock - mutexes whose order is written down
 * @OGPU_LOCK_RESET: ogpu_device.reset_lock
 * @OGPU_LOCK_BIND: ogpu_vm.bind_lock
 * @OGPU_LOCK_SUBMIT: ogpu_queue.submit_lock
 * @OGPU_LOCK_PREEMPT: ogpu_preempt.lock
 * @OGPU_LOCK_PT: ogpu_vm.pt_lock
 * @OGPU_LOCK_QUEUES: ogpu_queue_mgr.lock
 * @OGPU_LOCK_MBOX: ogpu_mbox.lock
 * @OGPU_LOCK_MMU: ogpu_mmu.lock
 * @OGPU_LOCK_EVENT: ogpu_event_ring.lock
 * @OGPU_LOCKS: how many there are
 */
enum ogpu_lock {
	OGPU_LOCK_RESET,
	OGPU_LOCK_BIND,
	OGPU_LOCK_SUBMIT,
	OGPU_LOCK_PREEMPT,
	OGPU_LOCK_PT,
	OGPU_LOCK_QUEUES,
	OGPU_LOCK_MBOX,
	OGPU_LOCK_MMU,
	OGPU_LOCK_EVENT,
	OGPU_LOCKS
};

#ifdef CONFIG_LOCKDEP
void ogpu_lockdep_class(struct mutex *lock, enum ogpu_lock which);
void ogpu_lockdep_validate_class(struct rw_semaphore *lock);
void ogpu_lockdep_prime(void);
#else
static inline void ogpu_lockdep_class(struct mutex *lock, enum ogpu_lock which) { }
static inline void ogpu_lockdep_validate_class(struct rw_semaphore *lock) { }
static inline void ogpu_lockdep_prime(void) { }
#endif

#endif
