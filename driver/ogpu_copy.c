// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 *
 * DOC: Kernel copies
 *
 * Queues without an address space, at the highest priority, whose rings hold COPY and FILL packets
 * with physical operands. A buffer is walked piece by piece, as pieces are contiguous on the bus,
 * and cut into jobs of a bounded number of packets and bytes, so that each fits the ring many times
 * and ends long before its timeout. Jobs of a queue are in order: the last one's fence stands for
 * all.
 *
 * What has nothing to wait for goes to the first queue. What has to wait, for jobs that use a
 * buffer which is moved or for a move out of the place that it goes to, goes to one of the others,
 * so that it does not hold up the rest: to one that it would have to wait for anyway, or to the one
 * with the least to do.
 *
 * What is moved may have been lost to a memory error, which is no reason to stop: if it leaves the
 * card, packets write zeroes in its place and tell, and the buffer is marked, so that its users are
 * refused; within the card, hardware moves the error with it.
 *
 * The queues are the kernel's own, so if one fails or a job takes too long, the card or the driver
 * is broken and the card is reset; ogpu_queue.c tells why fences wait for that.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_managed.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

#define OGPU_COPY_RING_SIZE	SZ_64K
#define OGPU_COPY_JOB_PACKETS	128u
#define OGPU_COPY_JOB_BYTES	((u64)SZ_64M)
/* Not the limit for jobs of user space: the administrator may set that very low. */
#define OGPU_COPY_TIMEOUT_MS	10000

/* The longest packet of a move or clear. */
#define OGPU_COPY_PACKET_BYTES	sizeof(struct ogpu_pkt_copy_lost)

static_assert(OGPU_COPY_JOB_PACKETS * OGPU_COPY_PACKET_BYTES <= OGPU_COPY_RING_SIZE / 8);
static_assert(sizeof(struct ogpu_pkt_fill) <= OGPU_COPY_PACKET_BYTES);

static_assert(OGPU_COPY_QUEUES <= OGPU_VRAM_TIMELINES);

/**
 * struct ogpu_copy - the copy queues of a card
 */
struct ogpu_copy {
	/** @lock: protects @queues */
	spinlock_t lock;
	/** @queues: all NULL while there are none; the first is for work that waits for nothing */
	struct ogpu_queue *queues[OGPU_COPY_QUEUES];
};

/**
 * struct ogpu_copy_walk - what is left to do of one move or clear
 */
struct ogpu_copy_walk {
	/** @src: where to read; unused if @clear */
	struct ogpu_res_cursor src;
	/** @dst: where to write */
	struct ogpu_res_cursor dst;
	/** @clear: write zeroes */
	bool clear;
	/** @lost: operand of a word by which packets tell of lost memory; 0: none */
	u64 lost;
	/** @resv: of the buffer: its fences are waited for; NULL: they are not */
	struct dma_resv *resv;
	/** @deps: what the new place has to wait for */
	const struct ogpu_vram_deps *deps;
};

/**
 * ogpu_copy_start() - make the copy queues
 * @odev: the card, with queues started; without copy queues yet
 *
 * Sleeps, asks firmware.
 *
 * Return: 0 or a negative errno; then ogpu_copy_stop() undoes what was done.
 */
int ogpu_copy_start(struct ogpu_device *odev)
{
	const struct ogpu_queue_params params = {
		.name = "ogpu-copy",
		.engine = OGPU_ENGINE_COPY,
		.priority = OGPU_PRIORITY_REALTIME,
		.kind = OGPU_QUEUE_KIND_KERNEL,
		.ring_size = OGPU_COPY_RING_SIZE,
		.timeout_ms = OGPU_COPY_TIMEOUT_MS,
	};
	struct ogpu_queue *queue;
	unsigned int i;

	for (i = 0; i < OGPU_COPY_QUEUES; i++) {
		queue = ogpu_queue_create(odev, &params);
		if (IS_ERR(queue))
			return PTR_ERR(queue);

		spin_lock(&odev->copy->lock);
		odev->copy->queues[i] = queue;
		spin_unlock(&odev->copy->lock);
		if (!i)
			ogpu_vram_mgr_set_prompt(&odev->mem->vram, queue->context);
	}

	return 0;
}

/**
 * ogpu_copy_stop() - let go of the copy queues
 * @odev: the card, after ogpu_queue_mgr_stop(); may be called when there are none
 */
void ogpu_copy_stop(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;
	unsigned int i;

	for (i = 0; i < OGPU_COPY_QUEUES; i++) {
		spin_lock(&odev->copy->lock);
		queue = odev->copy->queues[i];
		odev->copy->queues[i] = NULL;
		spin_unlock(&odev->copy->lock);

		ogpu_queue_put(queue);
	}
}

/*
 * Which queue
 */

/**
 * struct ogpu_copy_choice - queues for one move or clear
 */
struct ogpu_copy_choice {
	/** @queues: all of the card; referenced */
	struct ogpu_queue *queues[OGPU_COPY_QUEUES];
	/** @waits: there is something to wait for that the first queue does not do */
	bool waits;
	/** @joined: a queue whose jobs have to be waited for, or NULL */
	struct ogpu_queue *joined;
};

static void ogpu_copy_choose_after(struct ogpu_copy_choice *choice, struct dma_fence *fence)
{
	unsigned int i;

	if (fence->context == choice->queues[0]->context || dma_fence_is_signaled(fence))
		return;

	choice->waits = true;
	for (i = 1; i < OGPU_COPY_QUEUES; i++) {
		if (fence->context == choice->queues[i]->context)
			choice->joined = choice->queues[i];
	}
}

static u64 ogpu_copy_backlog(const struct ogpu_queue *queue)
{
	return READ_ONCE(queue->submitted) - READ_ONCE(queue->finished);
}

static struct ogpu_queue *ogpu_copy_choose(struct ogpu_copy_choice *choice,
					   const struct ogpu_copy_walk *walk)
{
	struct dma_resv_iter cursor;
	struct ogpu_queue *queue;
	struct dma_fence *fence;
	unsigned int i;

	if (walk->resv) {
		dma_resv_for_each_fence(&cursor, walk->resv, DMA_RESV_USAGE_BOOKKEEP, fence)
			ogpu_copy_choose_after(choice, fence);
	}
	for (i = 0; i < walk->deps->count; i++)
		ogpu_copy_choose_after(choice, walk->deps->fences[i]);

	if (!choice->waits)
		return choice->queues[0];
	if (choice->joined)
		return choice->joined;

	queue = choice->queues[1];
	for (i = 2; i < OGPU_COPY_QUEUES; i++) {
		if (ogpu_copy_backlog(choice->queues[i]) < ogpu_copy_backlog(queue))
			queue = choice->queues[i];
	}

	return queue;
}

/* Returns false if the engine cannot be used now. */
static bool ogpu_copy_get_queues(struct ogpu_device *odev, struct ogpu_copy_choice *choice)
{
	struct ogpu_copy *copy = odev->copy;
	bool usable = true;
	unsigned int i;

	spin_lock(&copy->lock);
	for (i = 0; i < OGPU_COPY_QUEUES; i++)
		usable = usable && copy->queues[i] && !ogpu_queue_is_dead(copy->queues[i]);
	for (i = 0; i < OGPU_COPY_QUEUES && usable; i++)
		choice->queues[i] = ogpu_queue_get(copy->queues[i]);
	spin_unlock(&copy->lock);

	return usable;
}

static void ogpu_copy_put_queues(struct ogpu_copy_choice *choice)
{
	unsigned int i;

	for (i = 0; i < OGPU_COPY_QUEUES; i++)
		ogpu_queue_put(choice->queues[i]);
}

/*
 * Jobs
 */

static void *ogpu_copy_emit_move(void *pkt, const struct ogpu_copy_walk *walk, u64 bytes)
{
	if (!walk->lost) {
		ogpu_pkt_set_copy(pkt, walk->src.operand, walk->dst.operand, bytes);
		return pkt + sizeof(struct ogpu_pkt_copy);
	}
	ogpu_pkt_set_copy_lost(pkt, walk->src.operand, walk->dst.operand, bytes, walk->lost);
	return pkt + sizeof(struct ogpu_pkt_copy_lost);
}

/* Fills memory with packets for the next pieces. Returns the bytes of them. */
static u32 ogpu_copy_emit(void *packets, u32 room, struct ogpu_copy_walk *walk)
{
	u64 left = OGPU_COPY_JOB_BYTES;
	void *pkt = packets;
	u32 n;

	for (n = 0; n < room && left && walk->dst.remaining; n++) {
		u64 bytes = min(walk->dst.size, left);

		if (walk->clear) {
			ogpu_pkt_set_fill(pkt, walk->dst.operand, bytes, 0);
			pkt += sizeof(struct ogpu_pkt_fill);
		} else {
			bytes = min(bytes, walk->src.size);
			pkt = ogpu_copy_emit_move(pkt, walk, bytes);
			ogpu_res_next(&walk->src, bytes);
		}
		ogpu_res_next(&walk->dst, bytes);
		left -= bytes;
	}

	return pkt - packets;
}

/* A job for the next pieces. */
static struct ogpu_job *ogpu_copy_make_job(struct ogpu_queue *queue, struct ogpu_copy_walk *walk)
{
	u64 pages = walk->dst.remaining >> PAGE_SHIFT;
	u32 room = min_t(u64, OGPU_COPY_JOB_PACKETS, pages);
	struct ogpu_job *job;

	job = ogpu_job_create(queue);
	if (!job)
		return NULL;

	job->privileged = true;
	job->packets = kmalloc_array(room, OGPU_COPY_PACKET_BYTES, GFP_KERNEL);
	if (!job->packets) {
		ogpu_job_abort(job);
		return NULL;
	}
	job->bytes = ogpu_copy_emit(job->packets, room, walk);

	return job;
}

static int ogpu_copy_add_deps(struct ogpu_job *job, const struct ogpu_copy_walk *walk)
{
	int ret = 0;
	u32 i;

	if (walk->resv)
		ret = ogpu_job_add_resv_deps(job, walk->resv, DMA_RESV_USAGE_BOOKKEEP);
	for (i = 0; i < walk->deps->count && !ret; i++)
		ret = ogpu_job_add_dep(job, dma_fence_get(walk->deps->fences[i]));

	return ret;
}

static void ogpu_copy_abort_jobs(struct list_head *jobs)
{
	struct ogpu_job *job, *next;

	list_for_each_entry_safe(job, next, jobs, link)
		ogpu_job_abort(job);
}

/* Hands jobs over, all or none, and drops the caller's references but for the last job's. */
static int ogpu_copy_push_jobs(struct ogpu_queue *queue, struct list_head *jobs, u32 count)
{
	struct ogpu_job **all = NULL, *job;
	u32 i = 0;
	int ret;

	if (count > 1) {
		all = kvmalloc_array(count, sizeof(*all), GFP_KERNEL);
		if (!all)
			return -ENOMEM;
		list_for_each_entry(job, jobs, link)
			all[i++] = job;
	}

	ret = ogpu_queue_submit(queue, jobs, count, NULL);
	for (i = 0; i + 1 < count && !ret; i++)
		dma_fence_put(&all[i]->fence);
	kvfree(all);

	return ret;
}

/* Returns the last job, whose fence the caller has a reference to. */
static struct ogpu_job *ogpu_copy_submit(struct ogpu_queue *queue, struct ogpu_copy_walk *walk)
{
	struct ogpu_job *job, *last = NULL;
	LIST_HEAD(jobs);
	u32 count = 0;
	int ret = 0;

	while (walk->dst.remaining) {
		job = ogpu_copy_make_job(queue, walk);
		if (!job) {
			ret = -ENOMEM;
			goto err_abort;
		}
		list_add_tail(&job->link, &jobs);
		/* Of the others the queue's order takes care. */
		if (!count++)
			ret = ogpu_copy_add_deps(job, walk);
		if (ret)
			goto err_abort;
		last = job;
		cond_resched();
	}

	ret = ogpu_copy_push_jobs(queue, &jobs, count);
	if (ret)
		goto err_abort;

	return last;

err_abort:
	ogpu_copy_abort_jobs(&jobs);
	return ERR_PTR(ret == -ECANCELED ? -ENODEV : ret);
}

static struct dma_fence *ogpu_copy_run(struct ogpu_device *odev, struct ogpu_copy_walk *walk)
{
	struct ogpu_copy_choice choice = {};
	struct ogpu_job *last;

	if (!ogpu_copy_get_queues(odev, &choice))
		return ERR_PTR(-ENODEV);
	last = ogpu_copy_submit(ogpu_copy_choose(&choice, walk), walk);
	ogpu_copy_put_queues(&choice);

	return IS_ERR(last) ? ERR_CAST(last) : &last->fence;
}

/* What VRAM that was handed out depends on. */
static const struct ogpu_vram_deps *ogpu_copy_deps(struct ttm_resource *res)
{
	static const struct ogpu_vram_deps none;

	return res->mem_type == TTM_PL_VRAM ? &to_ogpu_vram_resource(res)->deps : &none;
}

/*
 * The buffer's pages are populated if either place is system memory. Allocates memory. The fence
 * carries an error if the copy failed. -ENODEV: the engine cannot be used now.
 */
static struct dma_fence *ogpu_copy_move(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					struct ttm_resource *old_res,
					struct ttm_resource *new_res, u64 lost)
{
	struct ogpu_copy_walk walk = {
		.lost = lost,
		.resv = bo->base.resv,
		.deps = ogpu_copy_deps(new_res),
	};

	ogpu_res_first(bo, old_res, 0, bo->base.size, &walk.src);
	ogpu_res_first(bo, new_res, 0, bo->base.size, &walk.dst);

	return ogpu_copy_run(odev, &walk);
}

/*
 * Waits for what was in this place, but for nothing else: the dma_resv may be that of an address
 * space, with jobs of its own that have nothing to do with fresh memory.
 */
static struct dma_fence *ogpu_copy_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					 struct ttm_resource *res)
{
	struct ogpu_copy_walk walk = {
		.clear = true,
		.deps = ogpu_copy_deps(res),
	};

	ogpu_res_first(bo, res, 0, bo->base.size, &walk.dst);

	return ogpu_copy_run(odev, &walk);
}

static const struct ogpu_mem_ops ogpu_copy_mem_ops = {
	.move = ogpu_copy_move,
	.clear = ogpu_copy_clear,
};

/**
 * ogpu_copy_init() - prepare at probe
 * @odev: the card, whose memory has been set up
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_copy_init(struct ogpu_device *odev)
{
	struct ogpu_copy *copy;

	copy = drmm_kzalloc(&odev->drm, sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	spin_lock_init(&copy->lock);
	odev->copy = copy;
	odev->mem->ops = &ogpu_copy_mem_ops;

	return 0;
}
