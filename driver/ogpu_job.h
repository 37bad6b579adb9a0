/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * One job of a queue: its fence, its packets, and what it has to wait for.
 */
#ifndef _OGPU_JOB_H_
#define _OGPU_JOB_H_

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "ogpu_sched.h"

struct ogpu_queue;

/**
 * struct ogpu_job_packets - packets of the kernel; at the start of memory from kmalloc()
 */
struct ogpu_job_packets {
	/** @data: copied to the ring when the job starts */
	const void *data;
	/** @over: the job has started and is over; frees this. Any context, no locks */
	void (*over)(struct ogpu_job_packets *packets, int error);
};

/**
 * struct ogpu_job - one job of a queue
 *
 * The only allocation of a job that need not wait. It is referenced as its fence is: by the queue
 * until the job is over, by who submits it, and by whoever has got hold of the fence.
 */
struct ogpu_job {
	/** @fence: first, because dma_fence_free() frees its address; a fence once submitted */
	struct dma_fence fence;
	/** @lock: of @fence where the kernel does not bring one */
	spinlock_t lock;
	/** @bytes: of the stream, or of @packets */
	u32 bytes:30;
	/** @privileged: it has packets of the kernel's, not a stream */
	u32 privileged:1;
	/** @on_ring: hardware may execute it; 0 if the queue was dead when the job started */
	u32 on_ring:1;
	union {
		/** @stream_va: GPU address of a stream of user space */
		u64 stream_va;
		/** @packets: of the kernel, if @privileged; owned */
		struct ogpu_job_packets *packets;
	};
	/** @queue: valid until the job is over */
	struct ogpu_queue *queue;
	/** @link: in the list of who submits it, then in &struct ogpu_queue.pending */
	struct list_head link;
	/** @ring_end: write pointer of the ring behind its packets; set when it starts */
	u64 ring_end;
	/** @slow: NULL if the job has nothing to wait for; owned until it is pushed */
	struct ogpu_slow_job *slow;
	/** @waits: what hardware waits for before it; NULL: nothing. Owned */
	struct ogpu_job_waits *waits;
};

/* Jobs of other queues that hardware waits for; the CPU waits for more. */
#define OGPU_JOB_WAITS		4

/**
 * struct ogpu_job_waits - jobs of other queues of the card that hardware waits for
 */
struct ogpu_job_waits {
	/** @count: of @wait */
	u32 count;
	/** @wait: each until the slot of a queue has this value, or a later one */
	struct {
		/** @wait.operand: of the slot */
		u64 operand;
		/** @wait.value: for the job */
		u64 value;
		/** @wait.fence: of the job; referenced */
		struct dma_fence *fence;
	} wait[OGPU_JOB_WAITS];
};

/**
 * struct ogpu_slow_job - a job that cannot go to the ring at once
 */
struct ogpu_slow_job {
	/** @base: has what to wait for */
	struct ogpu_sched_job base;
	/** @job: not used any more once it was started */
	struct ogpu_job *job;
	/** @queue: referenced */
	struct ogpu_queue *queue;
	/** @charged: it counts for the user: until it starts, or will not */
	bool charged;
};

static inline struct ogpu_slow_job *to_ogpu_slow_job(struct ogpu_sched_job *base)
{
	return container_of(base, struct ogpu_slow_job, base);
}

struct ogpu_job *ogpu_job_create(struct ogpu_queue *queue);
void ogpu_job_abort(struct ogpu_job *job);
int ogpu_job_add_dep(struct ogpu_job *job, struct dma_fence *fence);
int ogpu_job_add_resv_deps(struct ogpu_job *job, struct dma_resv *resv, enum dma_resv_usage usage);
int ogpu_job_add_foreign_deps(struct ogpu_job *job, struct dma_resv *resv,
			      enum dma_resv_usage usage);
bool ogpu_job_is_held(const struct ogpu_job *job, ktime_t *until);
int ogpu_job_make_slow(struct ogpu_job *job);
void ogpu_slow_job_uncharge(struct ogpu_slow_job *slow);
void ogpu_slow_job_free(struct ogpu_sched_job *base);
void ogpu_job_arm(struct ogpu_job *job, u64 context, u64 seqno);
void ogpu_job_end(struct ogpu_job *job);

#endif
