/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the files about queues share and nobody else sees.
 */
#ifndef _OGPU_QUEUE_PRIV_H_
#define _OGPU_QUEUE_PRIV_H_

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "abi/addr.h"
#include "abi/mbox.h"
#include "ogpu_device.h"
#include "ogpu_queue.h"
#include "ogpu_sched.h"

struct ogpu_device;
struct ogpu_signal_user;

/**
 * struct ogpu_queue_mem - what a queue shares with hardware beside its ring
 *
 * One cache line for each writer.
 */
struct ogpu_queue_mem {
	/** @control: how the queue stands, written by firmware; at the start, aligned to 4 KiB */
	struct ogpu_queue_control control;
	/** @rptr: written by hardware */
	__le64 rptr;
	/* private: */
	__le64 pad[7];
	/* public: */
	/** @wptr: written by us */
	__le64 wptr;
};

/**
 * struct ogpu_queue_quotas - who has how many of the queues of a card (ogpu_queue_quota.c)
 */
struct ogpu_queue_quotas {
	/** @lock: protects what follows, and what users have; inside of all others */
	spinlock_t lock;
	/**
	 * @users: &struct ogpu_queue_quota of those who have a file open or a queue, and of some
	 * of whom was logged just before
	 */
	struct list_head users;
	/** @total: queues that the card has */
	u32 total;
	/** @used: of them, with those of the kernel */
	u32 used;
	/** @gone: how many of @users have nothing */
	u32 gone;
};

/**
 * struct ogpu_queue_mgr - all queues of a card
 */
struct ogpu_queue_mgr {
	/** @odev: the card */
	struct ogpu_device *odev;
	/**
	 * @queues: &struct ogpu_queue by number. An entry holds no reference: who finds it takes
	 * one under the xa_lock or in an RCU section, unless there are none left
	 */
	struct xarray queues;
	/**
	 * @slots: by number of a queue: @slot_base and the number of the last job done, written by
	 * FENCE packets. Values never become less. Valid until unbind
	 */
	__le64 *slots;
	/** @slots_dma: bus address of @slots */
	dma_addr_t slots_dma;
	/** @lock: keeps firmware's idea of which queues exist and ours together */
	struct mutex lock;
	/** @stopped: no queues can be made; protected by @lock */
	bool stopped;
	/** @orphans: queues without references whose end is not confirmed; protected by @lock */
	struct list_head orphans;
	/**
	 * @map_sem: held for reading by who puts pages of a queue into a process, for writing while
	 * all queues are forgotten; taken inside of mmap_lock and outside of @lock
	 */
	struct rw_semaphore map_sem;
	/** @quotas: who has how many of @queues */
	struct ogpu_queue_quotas quotas;
	/** @serial: of the newest queue */
	atomic64_t serial;
	/**
	 * @timeout_wq: runs &ogpu_queue.timeout; ordered: one job of a card at a time is found
	 * guilty
	 */
	struct workqueue_struct *timeout_wq;
	/** @suspended_at: when the machine was about to sleep; under &ogpu_device.reset_lock */
	ktime_t suspended_at;
};

/**
 * struct ogpu_queue_done - jobs that are over, but their fences have not signalled
 */
struct ogpu_queue_done {
	/** @jobs: &struct ogpu_job by @link */
	struct list_head jobs;
	/** @put: a reference to the queue comes with them */
	bool put;
};

#define OGPU_QUEUE_DONE(name)	{ .jobs = LIST_HEAD_INIT((name).jobs) }

/*
 * From before jobs are taken until their fences have signalled: who waits for them must not wait
 * for a program that took them by an ioctl and is not scheduled now. (Where spinlocks sleep this
 * is left to priorities.)
 */
static inline void ogpu_queue_done_begin(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

static inline void ogpu_queue_done_end(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

static inline bool ogpu_queue_is_kernel(const struct ogpu_queue *queue)
{
	return queue->kind == OGPU_QUEUE_KIND_KERNEL;
}

static inline struct ogpu_queue_quota *ogpu_queue_quota(const struct ogpu_queue *queue)
{
	return queue->file ? queue->file->quota : NULL;
}

static inline u64 ogpu_queue_mem_operand(const struct ogpu_queue *queue, size_t offset)
{
	return OGPU_OPERAND(OGPU_TARGET_SYSTEM, queue->mem_dma + offset);
}

/* Operand of the fence slot of a queue. Needs no lock, only that the queue is not freed. */
static inline u64 ogpu_queue_slot_operand(const struct ogpu_queue *queue)
{
	return OGPU_OPERAND(OGPU_TARGET_SYSTEM, queue->odev->queues->slots_dma +
						queue->number * sizeof(__le64));
}

/* Number of the last job that hardware has done. */
static inline u64 ogpu_queue_jobs_done(const struct ogpu_queue *queue)
{
	return le64_to_cpu(READ_ONCE(queue->odev->queues->slots[queue->number])) -
	       queue->slot_base;
}

/* ogpu_queue.c */
void ogpu_queue_free_mem(struct ogpu_queue *queue);
void ogpu_queue_free(struct ogpu_queue *queue);
int ogpu_queue_restore(struct ogpu_queue *queue);
void ogpu_queue_send(struct ogpu_queue *queue, struct ogpu_queue_request *request,
		     enum ogpu_msg_type type);
bool ogpu_queue_set_dead(struct ogpu_queue *queue, const struct ogpu_queue_failure *error);
bool ogpu_queue_set_ended(struct ogpu_queue *queue);
void ogpu_queue_begin_kill(struct ogpu_queue *queue, struct ogpu_queue_request *stop, u32 code);
void ogpu_queue_finish_kill(struct ogpu_queue *queue, struct ogpu_queue_request *stop, int error);

/* ogpu_queue_control.c */
void ogpu_queue_update_times(struct ogpu_queue *queue);
void ogpu_queue_locate_error(struct ogpu_queue *queue);

/* ogpu_queue_error.c */
struct ogpu_queue_failure ogpu_queue_failure_from(const struct ogpu_msg_queue_error *msg);
void ogpu_queue_report_error(struct ogpu_queue *queue, unsigned int event);
void ogpu_queue_log_error(const struct ogpu_queue *queue, const struct ogpu_queue_failure *why);

/* ogpu_queue_fault.c */
void ogpu_queue_fault_init(struct ogpu_device *odev);

/* ogpu_queue_mgr.c */
struct ogpu_queue *ogpu_queue_mgr_get(struct ogpu_queue_mgr *mgr, unsigned long number);
struct ogpu_queue *ogpu_queue_mgr_find(struct ogpu_queue_mgr *mgr, unsigned long *number);
void ogpu_queue_mgr_drop(struct ogpu_queue_mgr *mgr, struct ogpu_queue *queue);

/* ogpu_queue_quota.c */
void ogpu_queue_quotas_init(struct ogpu_queue_quotas *quotas);
void ogpu_queue_quotas_fini(struct ogpu_queue_quotas *quotas);
void ogpu_queue_quotas_set(struct ogpu_queue_quotas *quotas, u32 total);
struct ogpu_queue_quota *ogpu_queue_quota_get(struct ogpu_device *odev);
void ogpu_queue_quota_put(struct ogpu_queue_quota *quota);
struct ogpu_signal_user *ogpu_queue_quota_signals(const struct ogpu_queue_quota *quota);
bool ogpu_queue_quota_may_log(struct ogpu_queue_quota *quota);
int ogpu_queue_quota_charge(struct ogpu_queue_quotas *quotas, struct ogpu_queue_quota *quota);
void ogpu_queue_quota_uncharge(struct ogpu_queue_quotas *quotas, struct ogpu_queue_quota *quota);
bool ogpu_queue_quota_charge_job(struct ogpu_queue_quota *quota, int limit);
void ogpu_queue_quota_uncharge_job(struct ogpu_queue_quota *quota);
void ogpu_queue_quota_begin_dying(struct ogpu_queue_quota *quota);
void ogpu_queue_quota_end_dying(struct ogpu_queue_quota *quota);
bool ogpu_queue_quota_wait_dying(struct ogpu_queue_quota *quota);

/* ogpu_queue_job.c */
extern const struct ogpu_sched_ops ogpu_queue_sched_ops;

void ogpu_queue_wake(struct ogpu_queue *queue);
void ogpu_queue_take_done(struct ogpu_queue *queue, struct ogpu_queue_done *done);
void ogpu_queue_end_jobs(struct ogpu_queue *queue, struct ogpu_queue_done *done);
void ogpu_queue_free_waiters(struct ogpu_queue *queue);
void ogpu_queue_stopped(struct ogpu_queue *queue, int guilty, int others);
unsigned int ogpu_queue_poll_some(struct ogpu_queue *queue, unsigned int max);
void ogpu_queue_poll(struct ogpu_queue *queue);

/* ogpu_queue_user.c */
extern const struct ogpu_preempt_ops ogpu_queue_user_preempt_ops;

void ogpu_queue_user_describe(const struct ogpu_queue *queue, struct ogpu_msg_queue_create *body);

/* ogpu_queue_timeout.c */
void ogpu_queue_start_time(struct ogpu_queue *queue);
void ogpu_queue_look_soon(struct ogpu_queue *queue);
void ogpu_queue_skip_time(struct ogpu_queue *queue, ktime_t since);
void ogpu_queue_timeout_work(struct work_struct *work);

#endif
