// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 *
 * DOC: Kernel copies
 *
 * A queue without an address space, at the highest priority, whose ring holds COPY and FILL packets
 * with physical operands. A buffer is walked piece by piece, as pieces are contiguous on the bus,
 * and cut into jobs of a bounded number of packets and bytes, so that clients can take turns and
 * each job ends long before its timeout. When they go to the ring: ogpu_copy_work.c.
 *
 * What is moved may have been lost to a memory error, which is no reason to stop: if it leaves the
 * card, packets write zeroes in its place and tell, and the buffer is marked, so that its users are
 * refused; within the card, hardware moves the error with it.
 *
 * The queue is the kernel's own, so if it fails or a job takes too long, the card or the driver
 * is broken and the card is reset; ogpu_queue.c tells why fences wait for that.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_managed.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_bo.h"
#include "ogpu_copy.h"
#include "ogpu_copy_work.h"
#include "ogpu_device.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

#define OGPU_COPY_RING_SIZE	SZ_64K
#define OGPU_COPY_JOB_PACKETS	128u
#define OGPU_COPY_JOB_BYTES	((u64)SZ_16M)
/* Not the limit for jobs of user space: the administrator may set that very low. */
#define OGPU_COPY_TIMEOUT_MS	10000

/* The longest packet of a move or clear. */
#define OGPU_COPY_PACKET_BYTES	sizeof(struct ogpu_pkt_copy_lost)

static_assert(OGPU_COPY_JOB_PACKETS * OGPU_COPY_PACKET_BYTES <= OGPU_COPY_RING_SIZE / 8);
static_assert(sizeof(struct ogpu_pkt_fill) <= OGPU_COPY_PACKET_BYTES);

/**
 * struct ogpu_copy_walk - what is left to do of one move or clear
 */
struct ogpu_copy_walk {
	/** @src: where to read; unused if @clear */
	struct ogpu_res_cursor src;
	/** @dst: where to write */
	struct ogpu_res_cursor dst;
	/** @spans: instead of both, but for the bytes that remain; or NULL */
	struct ogpu_copy_span *spans;
	/** @clear: write zeroes */
	bool clear;
	/** @lost: operand of a word by which packets tell of lost memory; 0: none */
	u64 lost;
};

/**
 * ogpu_copy_start() - make the copy queue
 * @odev: the card, with queues started; without a copy queue yet
 *
 * Sleeps, asks firmware.
 *
 * Return: 0 or a negative errno.
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
	struct ogpu_copy *copy = odev->copy;
	struct ogpu_queue *queue;

	queue = ogpu_queue_create(odev, &params);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	spin_lock_irq(&copy->lock);
	copy->queue = queue;
	spin_unlock_irq(&copy->lock);

	return 0;
}

/**
 * ogpu_copy_stop() - let go of the copy queue
 * @odev: the card, after ogpu_queue_mgr_stop(); may be called when there is none
 *
 * Works for it fail when what they wait for is over, and have failed when this returns if it was
 * over before.
 */
void ogpu_copy_stop(struct ogpu_device *odev)
{
	struct ogpu_copy *copy = odev->copy;
	struct ogpu_queue *queue;

	spin_lock_irq(&copy->lock);
	queue = copy->queue;
	copy->queue = NULL;
	spin_unlock_irq(&copy->lock);

	flush_work(&copy->run);
	ogpu_queue_put(queue);
}

/**
 * ogpu_copy_get_queue() - the copy queue itself
 * @copy: of the card
 *
 * Return: the queue with a reference, or NULL if the engine cannot be used now.
 */
struct ogpu_queue *ogpu_copy_get_queue(struct ogpu_copy *copy)
{
	struct ogpu_queue *queue = NULL;

	spin_lock_irq(&copy->lock);
	if (copy->queue && !ogpu_queue_is_dead(copy->queue))
		queue = ogpu_queue_get(copy->queue);
	spin_unlock_irq(&copy->lock);

	return queue;
}

/*
 * Jobs
 */

static void *ogpu_copy_emit_move(void *pkt, u64 src, u64 dst, u64 bytes, u64 lost)
{
	if (!lost) {
		ogpu_pkt_set_copy(pkt, src, dst, bytes);
		return pkt + sizeof(struct ogpu_pkt_copy);
	}
	ogpu_pkt_set_copy_lost(pkt, src, dst, bytes, lost);
	return pkt + sizeof(struct ogpu_pkt_copy_lost);
}

/* Up to *@bytes, which are changed to what it is. */
static void *ogpu_copy_emit_span(void *pkt, struct ogpu_copy_walk *walk, u64 *bytes)
{
	struct ogpu_copy_span *span = walk->spans;

	*bytes = min(span->bytes, *bytes);
	pkt = ogpu_copy_emit_move(pkt, span->src, span->dst, *bytes, walk->lost);
	span->src += *bytes;
	span->dst += *bytes;
	span->bytes -= *bytes;
	walk->dst.remaining -= *bytes;
	if (!span->bytes)
		walk->spans++;

	return pkt;
}

/* Fills a piece with packets for what comes next. Returns the bytes of them. */
static u32 ogpu_copy_emit(struct ogpu_copy_piece *piece, u32 room, struct ogpu_copy_walk *walk)
{
	void *pkt = piece->packets;
	u32 n;

	for (n = 0; n < room && piece->bytes < OGPU_COPY_JOB_BYTES && walk->dst.remaining; n++) {
		u64 bytes = OGPU_COPY_JOB_BYTES - piece->bytes;

		if (walk->spans) {
			pkt = ogpu_copy_emit_span(pkt, walk, &bytes);
			piece->bytes += bytes;
			continue;
		}
		bytes = min(walk->dst.size, bytes);
		if (walk->clear) {
			ogpu_pkt_set_fill(pkt, walk->dst.operand, bytes, 0);
			pkt += sizeof(struct ogpu_pkt_fill);
		} else {
			bytes = min(bytes, walk->src.size);
			pkt = ogpu_copy_emit_move(pkt, walk->src.operand, walk->dst.operand, bytes,
						  walk->lost);
			ogpu_res_next(&walk->src, bytes);
		}
		ogpu_res_next(&walk->dst, bytes);
		piece->bytes += bytes;
	}

	return pkt - (void *)piece->packets;
}

/* A job for what comes next. */
static struct ogpu_job *ogpu_copy_make_job(struct ogpu_copy_work *work, struct ogpu_copy_walk *walk)
{
	u64 pages = walk->dst.remaining >> PAGE_SHIFT;
	u32 room = min_t(u64, OGPU_COPY_JOB_PACKETS, pages);
	struct ogpu_copy_piece *piece;
	struct ogpu_job *job;

	job = ogpu_job_create(work->queue);
	if (!job)
		return NULL;

	piece = kmalloc(size_add(sizeof(*piece), size_mul(room, OGPU_COPY_PACKET_BYTES)),
			GFP_KERNEL_ACCOUNT);
	if (!piece) {
		ogpu_job_abort(job);
		return NULL;
	}
	piece->base.data = piece->packets;
	piece->base.over = ogpu_copy_work_job_over;
	piece->work = work;
	piece->bytes = 0;
	job->privileged = true;
	job->packets = &piece->base;
	job->bytes = ogpu_copy_emit(piece, room, walk);

	return job;
}

static int ogpu_copy_make_jobs(struct ogpu_copy_work *work, struct ogpu_copy_walk *walk)
{
	struct ogpu_job *job;

	while (walk->dst.remaining) {
		job = ogpu_copy_make_job(work, walk);
		if (!job)
			return -ENOMEM;
		list_add_tail(&job->link, &work->jobs);
		work->jobs_left++;
		cond_resched();
	}

	return 0;
}

/* What VRAM that was handed out depends on. */
static const struct ogpu_vram_deps *ogpu_copy_deps(struct ttm_resource *res)
{
	static const struct ogpu_vram_deps none;

	return res->mem_type == TTM_PL_VRAM ? &to_ogpu_vram_resource(res)->deps : &none;
}

static struct dma_fence *ogpu_copy_run(struct ogpu_device *odev, struct ogpu_bo *bo,
				       struct ogpu_copy_walk *walk, struct ttm_resource *new_res)
{
	struct ogpu_copy_timelines *times = bo->root ? &bo->root->copies : &bo->copies;
	u64 context = walk->clear ? times->clears : times->clears + 1;
	struct ogpu_copy *copy = odev->copy;
	struct ogpu_copy_work *work;
	struct ogpu_queue *queue;
	int ret;

	queue = ogpu_copy_get_queue(copy);
	if (!queue)
		return ERR_PTR(-ENODEV);
	work = ogpu_copy_work_create(copy, queue, bo->client);
	ogpu_queue_put(queue);
	if (!work)
		return ERR_PTR(-ENOMEM);

	ret = ogpu_copy_make_jobs(work, walk);
	if (!ret)
		ret = ogpu_copy_work_add_deps(work, bo->ttm.base.resv, walk->clear ? context : 0,
					      ogpu_copy_deps(new_res));
	if (ret) {
		ogpu_copy_work_abort(work);
		return ERR_PTR(ret);
	}

	return ogpu_copy_work_submit(work, context, ++times->seqno);
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
	};

	ogpu_res_first(bo, old_res, 0, bo->base.size, &walk.src);
	ogpu_res_first(bo, new_res, 0, bo->base.size, &walk.dst);

	return ogpu_copy_run(odev, ttm_to_ogpu_bo(bo), &walk, new_res);
}

/*
 * Waits for what was in this place, and for earlier clears, but for nothing else: the dma_resv may
 * be that of an address space, with jobs of its own that have nothing to do with fresh memory.
 */
static struct dma_fence *ogpu_copy_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					 struct ttm_resource *res)
{
	struct ogpu_copy_walk walk = {
		.clear = true,
	};

	ogpu_res_first(bo, res, 0, bo->base.size, &walk.dst);

	return ogpu_copy_run(odev, ttm_to_ogpu_bo(bo), &walk, res);
}

static struct dma_fence *ogpu_copy_spans(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					 struct ogpu_copy_span *spans, u32 count, u64 lost)
{
	struct ogpu_copy_walk walk = {
		.spans = spans,
		.lost = lost,
	};
	u32 i;

	for (i = 0; i < count; i++)
		walk.dst.remaining += spans[i].bytes;

	return ogpu_copy_run(odev, ttm_to_ogpu_bo(bo), &walk, bo->resource);
}

static const struct ogpu_mem_ops ogpu_copy_mem_ops = {
	.move = ogpu_copy_move,
	.clear = ogpu_copy_clear,
	.copy = ogpu_copy_spans,
};

static void ogpu_copy_fini(struct drm_device *drm, void *arg)
{
	ogpu_copy_work_fini_card(arg);
}

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

	ogpu_copy_work_init_card(copy, odev);
	odev->copy = copy;
	odev->mem->ops = &ogpu_copy_mem_ops;
	odev->mem->vram.waits = ogpu_copy_waits;

	return drmm_add_action_or_reset(&odev->drm, ogpu_copy_fini, copy);
}
