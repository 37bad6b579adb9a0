/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * When each move or clear of the kernel's is due: what ogpu_copy.c makes, this puts on the ring.
 */
#ifndef _OGPU_COPY_WORK_H_
#define _OGPU_COPY_WORK_H_

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "ogpu_bo.h"
#include "ogpu_job.h"

struct dma_resv;
struct ogpu_device;
struct ogpu_queue;
struct ogpu_vram_deps;

/**
 * struct ogpu_copy - the copy queue of a card
 */
struct ogpu_copy {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @lock: protects all that follows but @woken; inside of locks of fences, irq-safe */
	spinlock_t lock;
	/** @queue: NULL while there is none; all works since it was made are for it */
	struct ogpu_queue *queue;
	/** @flows: &struct ogpu_copy_flow with works, in the order of their turns */
	struct list_head flows;
	/** @nobody: for buffers that have no client any more */
	struct ogpu_copy_flow nobody;
	/** @held: nothing more goes to the ring: the card is about to sleep */
	bool held;
	/** @flight_jobs: jobs that are on the ring */
	u32 flight_jobs;
	/** @flight_bytes: what they move or clear */
	u64 flight_bytes;
	/** @woken: works whose wait is over, by &struct ogpu_copy_work.woken */
	struct llist_head woken;
	/** @run: looks at @woken and @flows */
	struct work_struct run;
};

/**
 * enum ogpu_copy_state - where a work is
 * @OGPU_COPY_WAITING: it waits for fences, one after the other
 * @OGPU_COPY_READY: it stands in the flow of its client
 * @OGPU_COPY_ON_RING: all of its jobs have gone to the ring, or are over
 */
enum ogpu_copy_state {
	OGPU_COPY_WAITING,
	OGPU_COPY_READY,
	OGPU_COPY_ON_RING,
};

/**
 * struct ogpu_copy_work - one move or clear
 *
 * Referenced as its fence is: by itself until it is over, and by whoever has the fence.
 */
struct ogpu_copy_work {
	/** @fence: first, because dma_fence_free() frees its address; a fence once submitted */
	struct dma_fence fence;
	/** @fence_lock: of @fence where the kernel does not bring one */
	spinlock_t fence_lock;
	/** @copy: the card's */
	struct ogpu_copy *copy;
	/** @queue: referenced until it is over; constant */
	struct ogpu_queue *queue;
	/** @client: whose turn it takes; referenced until it is over, or NULL */
	struct ogpu_mem_client *client;
	/** @deps: what it waits for, referenced; used by one thread at a time until it is ready */
	struct dma_fence **deps;
	/** @dep_count: of @deps */
	u32 dep_count;
	/** @dep: in @deps: those before it have been waited for */
	u32 dep;
	/** @cb: on @deps[@dep] */
	struct dma_fence_cb cb;
	/** @woken: in &struct ogpu_copy.woken */
	struct llist_node woken;
	/** @prompt: it waits for no jobs, nor for works that do; becomes true when it is ready */
	bool prompt;

	/** @state: this and what follows is under &struct ogpu_copy.lock once submitted */
	enum ogpu_copy_state state;
	/** @link: in @waiters of another one, or in &struct ogpu_copy_flow.works */
	struct list_head link;
	/** @waiters: works that are to be on the ring behind this one */
	struct list_head waiters;
	/** @jobs: &struct ogpu_job that are still to go to the ring */
	struct list_head jobs;
	/** @jobs_left: that are not over */
	u32 jobs_left;
	/** @error: of the first job that failed */
	int error;
};

/**
 * struct ogpu_copy_piece - the packets of one job of a work; a single allocation with them
 */
struct ogpu_copy_piece {
	/** @base: first: it is what the job frees if it is not started */
	struct ogpu_job_packets base;
	/** @work: that it is a part of */
	struct ogpu_copy_work *work;
	/** @bytes: that it moves or clears */
	u64 bytes;
	/** @packets: what @base refers to */
	u8 packets[] __aligned(8);
};

static inline struct ogpu_copy_piece *to_ogpu_copy_piece(struct ogpu_job_packets *base)
{
	return container_of(base, struct ogpu_copy_piece, base);
}

void ogpu_copy_work_init_card(struct ogpu_copy *copy, struct ogpu_device *odev);
void ogpu_copy_work_fini_card(struct ogpu_copy *copy);
int ogpu_copy_hold(struct ogpu_copy *copy);
void ogpu_copy_let_go(struct ogpu_copy *copy);

struct ogpu_copy_work *ogpu_copy_work_create(struct ogpu_copy *copy, struct ogpu_queue *queue,
					     struct ogpu_mem_client *client);
void ogpu_copy_work_abort(struct ogpu_copy_work *work);
int ogpu_copy_work_add_deps(struct ogpu_copy_work *work, struct dma_resv *resv, u64 context,
			    const struct ogpu_vram_deps *deps);
struct dma_fence *ogpu_copy_work_submit(struct ogpu_copy_work *work, u64 context, u64 seqno);
void ogpu_copy_work_job_over(struct ogpu_job_packets *base, int error);
bool ogpu_copy_waits(struct dma_fence *fence);

#endif
