// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 *
 * DOC: Kernel copies
 *
 * One queue without an address space, at the highest priority, whose ring holds COPY and FILL
 * packets with physical operands. A buffer is walked piece by piece, as pieces are contiguous on
 * the bus, and cut into jobs of a bounded number of packets and bytes, so that each fits the ring
 * many times and ends long before its timeout. Jobs of a queue are in order: the last one's fence
 * stands for all.
 *
 * What is moved may have been lost to a memory error, which is no reason to stop: if it leaves the
 * card, packets write zeroes in its place and tell, and the buffer is marked, so that its users are
 * refused; within the card, hardware moves the error with it.
 *
 * The queue is the kernel's own, so if it fails or a job of it takes too long, the card or the
 * driver is broken and the card is reset; ogpu_queue.c tells why fences wait for that.
 */
#include <linux/dmapool.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_managed.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_bo.h"
#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

#define OGPU_COPY_RING_SIZE	SZ_64K
#define OGPU_COPY_JOB_PACKETS	128u
#define OGPU_COPY_JOB_BYTES	((u64)SZ_64M)
/* Not the limit for jobs of user space: the administrator may set that as low as he likes. */
#define OGPU_COPY_TIMEOUT_MS	10000

/* The longest packet of a move or clear. */
#define OGPU_COPY_PACKET_BYTES	sizeof(struct ogpu_pkt_copy_lost)

static_assert(OGPU_COPY_JOB_PACKETS * OGPU_COPY_PACKET_BYTES <= OGPU_COPY_RING_SIZE / 8);
static_assert(sizeof(struct ogpu_pkt_fill) <= OGPU_COPY_PACKET_BYTES);

/**
 * struct ogpu_copy - the copy queue of a card
 */
struct ogpu_copy {
	/** @lock: protects @queue */
	spinlock_t lock;
	/** @queue: NULL while there is none */
	struct ogpu_queue *queue;
	/** @words: where packets tell that something is lost; freed at unbind */
	struct dma_pool *words;
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
	/** @tell: packets tell, by the word at @lost, that they have met lost memory */
	bool tell;
	/** @lost: operand */
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
	struct ogpu_queue *queue;

	queue = ogpu_queue_create(odev, &params);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	spin_lock(&odev->copy->lock);
	odev->copy->queue = queue;
	spin_unlock(&odev->copy->lock);

	return 0;
}

/**
 * ogpu_copy_stop() - let go of the copy queue
 * @odev: the card, after ogpu_queue_mgr_stop(); may be called when there is no queue
 */
void ogpu_copy_stop(struct ogpu_device *odev)
{
	struct ogpu_queue *queue;

	spin_lock(&odev->copy->lock);
	queue = odev->copy->queue;
	odev->copy->queue = NULL;
	spin_unlock(&odev->copy->lock);

	ogpu_queue_put(queue);
}

static struct ogpu_queue *ogpu_copy_get_queue(struct ogpu_device *odev)
{
	struct ogpu_queue *queue = NULL;

	spin_lock(&odev->copy->lock);
	if (odev->copy->queue && !ogpu_queue_is_dead(odev->copy->queue))
		queue = ogpu_queue_get(odev->copy->queue);
	spin_unlock(&odev->copy->lock);

	return queue;
}

static void *ogpu_copy_emit_move(void *pkt, const struct ogpu_copy_walk *walk, u64 bytes)
{
	if (!walk->tell) {
		ogpu_pkt_set_copy(pkt, walk->src.operand, walk->dst.operand, bytes);
		return pkt + sizeof(struct ogpu_pkt_copy);
	}
	ogpu_pkt_set_copy_lost(pkt, walk->src.operand, walk->dst.operand, bytes, walk->lost);
	return pkt + sizeof(struct ogpu_pkt_copy_lost);
}

/* Fills memory with packets for the next pieces. Returns the bytes of them. */
static u32 ogpu_copy_emit(void *packets, struct ogpu_copy_walk *walk)
{
	u64 left = OGPU_COPY_JOB_BYTES;
	void *pkt = packets;
	u32 n;

	for (n = 0; n < OGPU_COPY_JOB_PACKETS && left && walk->dst.remaining; n++) {
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

static struct dma_fence *ogpu_copy_push_job(struct ogpu_queue *queue, struct ogpu_copy_walk *walk,
					    struct dma_resv *deps)
{
	struct ogpu_job *job;
	LIST_HEAD(jobs);
	int ret = -ENOMEM;

	job = ogpu_job_create(queue);
	if (!job)
		return ERR_PTR(-ENOMEM);

	job->privileged = true;
	job->packets = kmalloc_array(OGPU_COPY_JOB_PACKETS, OGPU_COPY_PACKET_BYTES, GFP_KERNEL);
	if (!job->packets)
		goto err_abort;
	if (deps) {
		ret = ogpu_job_add_resv_deps(job, deps, DMA_RESV_USAGE_BOOKKEEP);
		if (ret)
			goto err_abort;
	}

	job->bytes = ogpu_copy_emit(job->packets, walk);
	list_add(&job->link, &jobs);
	ret = ogpu_queue_submit(queue, &jobs, 1, NULL);
	if (ret)
		goto err_abort;

	return &job->fence;

err_abort:
	ogpu_job_abort(job);
	return ERR_PTR(ret == -ECANCELED ? -ENODEV : ret);
}

static struct dma_fence *ogpu_copy_run(struct ogpu_device *odev, struct ogpu_copy_walk *walk,
				       struct dma_resv *resv)
{
	struct dma_fence *last = NULL;
	struct ogpu_queue *queue;

	queue = ogpu_copy_get_queue(odev);
	if (!queue)
		return ERR_PTR(-ENODEV);

	while (walk->dst.remaining) {
		struct dma_fence *fence;

		fence = ogpu_copy_push_job(queue, walk, last ? NULL : resv);
		if (IS_ERR(fence)) {
			/* The caller will do it another way: not while these jobs still write. */
			if (last)
				dma_fence_wait(last, false);
			dma_fence_put(last);
			last = fence;
			break;
		}
		dma_fence_put(last);
		last = fence;
		cond_resched();
	}
	ogpu_queue_put(queue);

	return last;
}

/* Waits for the end: who evicts does so anyway, and a buffer may be used only if it is whole. */
static struct dma_fence *ogpu_copy_move_out(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					    struct ogpu_copy_walk *walk)
{
	struct dma_pool *words = odev->copy->words;
	struct dma_fence *fence;
	dma_addr_t dma;
	__le64 *lost;

	lost = dma_pool_zalloc(words, GFP_KERNEL, &dma);
	if (!lost)
		return ERR_PTR(-ENOMEM);

	walk->tell = true;
	walk->lost = OGPU_OPERAND(OGPU_TARGET_SYSTEM, dma);
	fence = ogpu_copy_run(odev, walk, bo->base.resv);
	if (!IS_ERR(fence)) {
		dma_fence_wait(fence, false);
		if (READ_ONCE(*lost))
			ogpu_bo_set_lost(ttm_to_ogpu_bo(bo));
	}
	dma_pool_free(words, lost, dma);

	return fence;
}

/*
 * Waits, on the card, for all fences of the buffer, whose pages are populated if either place is
 * system memory. Allocates memory. The fence carries an error if the copy failed. -ENODEV: the
 * engine cannot be used now.
 */
static struct dma_fence *ogpu_copy_move(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					struct ttm_resource *old_res,
					struct ttm_resource *new_res)
{
	struct ogpu_copy_walk walk = {};

	ogpu_res_first(bo, old_res, 0, bo->base.size, &walk.src);
	ogpu_res_first(bo, new_res, 0, bo->base.size, &walk.dst);

	if (old_res->mem_type == TTM_PL_VRAM && new_res->mem_type != TTM_PL_VRAM)
		return ogpu_copy_move_out(odev, bo, &walk);
	return ogpu_copy_run(odev, &walk, bo->base.resv);
}

/*
 * Likewise, but waits for nothing: fresh memory is idle but for copies before this one. The
 * dma_resv may be that of an address space, with jobs of its own, which nobody else's copies should
 * wait for.
 */
static struct dma_fence *ogpu_copy_clear(struct ogpu_device *odev, struct ttm_buffer_object *bo,
					 struct ttm_resource *res)
{
	struct ogpu_copy_walk walk = { .clear = true };

	ogpu_res_first(bo, res, 0, bo->base.size, &walk.dst);

	return ogpu_copy_run(odev, &walk, NULL);
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

	copy->words = dmam_pool_create("ogpu-copy", odev->drm.dev, sizeof(__le64), sizeof(__le64),
				       0);
	if (!copy->words)
		return -ENOMEM;

	spin_lock_init(&copy->lock);
	odev->copy = copy;
	odev->mem->ops = &ogpu_copy_mem_ops;

	return 0;
}
