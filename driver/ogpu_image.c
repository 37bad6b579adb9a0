// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What is in VRAM, kept in system memory while the card has no power.
 *
 * DOC: Images of VRAM
 *
 * Buffers are not moved: every piece of VRAM that somebody has, or that a move has still to read,
 * is copied to pages of system memory, and later back to where it was. So page tables, save areas
 * of queues that were preempted, and moves that wait for jobs stay right without anybody knowing.
 * The card's copy engine does it, by the kernel's copy queue; all other queues stand still.
 *
 * The head of VRAM belongs to the driver, which writes it anew when the card starts; only the table
 * of address spaces is kept.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_image.h"
#include "ogpu_job.h"
#include "ogpu_mmu.h"
#include "ogpu_queue.h"
#include "ogpu_ring.h"
#include "ogpu_ttm.h"

/* Pages come in pieces of at most a chunk of VRAM. */
#define OGPU_IMAGE_ORDER	get_order(SZ_64K)
/* As other copies of the kernel. */
#define OGPU_IMAGE_JOB_PACKETS	128u
#define OGPU_IMAGE_JOB_MS	10000

/*
 * Memory that is free or can be written out, but nobody is killed for it, and what is there for
 * emergencies stays.
 */
#define OGPU_IMAGE_GFP		(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOMEMALLOC | __GFP_NOWARN)
#define OGPU_IMAGE_GFP_LARGE	(OGPU_IMAGE_GFP & ~(__GFP_RECLAIM | __GFP_RETRY_MAYFAIL))

/**
 * struct ogpu_image_piece - pages that follow each other
 */
struct ogpu_image_piece {
	/** @page: the first */
	struct page *page;
	/** @order: how many */
	unsigned int order;
	/** @dma: bus address */
	dma_addr_t dma;
};

/**
 * struct ogpu_image - of one card
 */
struct ogpu_image {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @chunks: a bit for each chunk of VRAM that is in the image */
	unsigned long *chunks;
	/** @bad: of these, whose content was lost to a memory error */
	unsigned long *bad;
	/** @pieces: memory for them, in their order */
	struct ogpu_image_piece *pieces;
	/** @count: of @pieces */
	unsigned long count;
	/** @room: how many fit into @pieces */
	unsigned long room;
	/** @bytes: of all pieces */
	u64 bytes;
	/** @as_table: content of the table of address spaces */
	void *as_table;
	/** @lost: a word in which the card tells of lost memory */
	__le64 *lost;
	/** @lost_dma: its bus address */
	dma_addr_t lost_dma;
};

/**
 * struct ogpu_image_job - packets of one job
 */
struct ogpu_image_job {
	/** @base: first: it is what the job gives back */
	struct ogpu_job_packets base;
	/** @ref: held by the job and by who waits for it */
	refcount_t ref;
	/** @over: done when it is over */
	struct completion over;
	/** @error: of the job; valid then */
	int error;
	/** @packets: what @base refers to */
	struct ogpu_pkt_copy_lost packets[OGPU_IMAGE_JOB_PACKETS];
};

/**
 * struct ogpu_image_walk - where in image and VRAM a copy stands
 */
struct ogpu_image_walk {
	/** @vram: VRAM offset of the next byte */
	u64 vram;
	/** @end: of the bytes behind it that are in the image, too */
	u64 end;
	/** @piece: where the next byte is kept */
	unsigned long piece;
	/** @offset: in that */
	u64 offset;
};

static u64 ogpu_image_chunk(const struct ogpu_image *image)
{
	return image->odev->mem->vram.mm.chunk_size;
}

static unsigned long ogpu_image_chunks(const struct ogpu_image *image)
{
	return div64_u64(image->odev->mem->vram.base.size, ogpu_image_chunk(image));
}

/**
 * ogpu_image_create() - prepare at probe
 * @odev: the card, with its memory set up
 *
 * Return: an empty image, or NULL.
 */
struct ogpu_image *ogpu_image_create(struct ogpu_device *odev)
{
	struct ogpu_image *image = kzalloc_obj(*image, GFP_KERNEL);

	if (!image)
		return NULL;

	image->odev = odev;
	image->chunks = bitmap_zalloc(ogpu_image_chunks(image), GFP_KERNEL);
	image->bad = bitmap_zalloc(ogpu_image_chunks(image), GFP_KERNEL);
	image->as_table = kvcalloc(odev->disc.as_count, sizeof(struct ogpu_as_entry), GFP_KERNEL);
	image->lost = dma_alloc_coherent(odev->drm.dev, sizeof(*image->lost), &image->lost_dma,
					 GFP_KERNEL);
	if (!image->chunks || !image->bad || !image->as_table || !image->lost) {
		ogpu_image_destroy(image);
		return NULL;
	}

	return image;
}

/**
 * ogpu_image_destroy() - undo ogpu_image_create(), at unbind
 * @image: the image
 */
void ogpu_image_destroy(struct ogpu_image *image)
{
	ogpu_image_release(image);
	if (image->lost)
		dma_free_coherent(image->odev->drm.dev, sizeof(*image->lost), image->lost,
				  image->lost_dma);
	kvfree(image->as_table);
	bitmap_free(image->bad);
	bitmap_free(image->chunks);
	kfree(image);
}

/*
 * Memory
 */

static int ogpu_image_grow(struct ogpu_image *image)
{
	unsigned long room = max(2 * image->room, 1024ul);
	struct ogpu_image_piece *pieces;

	pieces = kvmalloc_array(room, sizeof(*pieces), OGPU_IMAGE_GFP);
	if (!pieces)
		return -ENOMEM;

	if (image->count)
		memcpy(pieces, image->pieces, image->count * sizeof(*pieces));
	kvfree(image->pieces);
	image->pieces = pieces;
	image->room = room;

	return 0;
}

static int ogpu_image_add(struct ogpu_image *image)
{
	struct device *dev = image->odev->drm.dev;
	struct ogpu_image_piece piece = { .order = OGPU_IMAGE_ORDER };

	if (image->count == image->room && ogpu_image_grow(image))
		return -ENOMEM;

	piece.page = alloc_pages(OGPU_IMAGE_GFP_LARGE, piece.order);
	if (!piece.page) {
		piece.order = 0;
		piece.page = alloc_page(OGPU_IMAGE_GFP);
	}
	if (!piece.page)
		return -ENOMEM;
	piece.dma = dma_map_page(dev, piece.page, 0, PAGE_SIZE << piece.order, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, piece.dma)) {
		__free_pages(piece.page, piece.order);
		return -ENOMEM;
	}
	image->pieces[image->count++] = piece;
	image->bytes += PAGE_SIZE << piece.order;

	return 0;
}

/**
 * ogpu_image_reserve() - take memory for what is in VRAM now
 * @image: the image
 *
 * May be called again, then only what is missing is taken. Sleeps, allocates.
 *
 * Return: 0; -ENOMEM: nothing has changed but that some memory may have been taken.
 */
int ogpu_image_reserve(struct ogpu_image *image)
{
	unsigned long chunks = ogpu_image_chunks(image);
	u64 need;
	int ret;

	bitmap_zero(image->chunks, chunks);
	ogpu_vram_mgr_mark_used(&image->odev->mem->vram, image->chunks);
	need = bitmap_weight(image->chunks, chunks) * ogpu_image_chunk(image);

	while (image->bytes < need) {
		ret = ogpu_image_add(image);
		if (ret) {
			drm_err(&image->odev->drm,
				"%llu MiB of system memory are needed to keep VRAM, there are %llu\n",
				need >> 20, image->bytes >> 20);
			return ret;
		}
		cond_resched();
	}

	return 0;
}

/**
 * ogpu_image_release() - give all memory back
 * @image: the image
 */
void ogpu_image_release(struct ogpu_image *image)
{
	struct ogpu_image_piece *piece;

	while (image->count) {
		piece = &image->pieces[--image->count];
		dma_unmap_page(image->odev->drm.dev, piece->dma, PAGE_SIZE << piece->order,
			       DMA_BIDIRECTIONAL);
		__free_pages(piece->page, piece->order);
	}
	kvfree(image->pieces);
	image->pieces = NULL;
	image->room = 0;
	image->bytes = 0;
}

/**
 * ogpu_image_size() - how much is kept
 * @image: after ogpu_image_save()
 *
 * Return: MiB.
 */
unsigned long ogpu_image_size(const struct ogpu_image *image)
{
	return bitmap_weight(image->chunks, ogpu_image_chunks(image)) *
	       ogpu_image_chunk(image) >> 20;
}

/*
 * Copies
 */

/* Go to the next byte that is in the image. False if there is none. */
static bool ogpu_image_next(const struct ogpu_image *image, struct ogpu_image_walk *walk)
{
	unsigned long chunks = ogpu_image_chunks(image), first, end;
	u64 chunk = ogpu_image_chunk(image);

	if (walk->vram < walk->end)
		return true;

	first = find_next_bit(image->chunks, chunks, div64_u64(walk->end, chunk));
	if (first >= chunks)
		return false;
	end = find_next_zero_bit(image->chunks, chunks, first);
	walk->vram = first * chunk;
	walk->end = end * chunk;

	return true;
}

/* Adds at most so many packets for what comes next. */
static u32 ogpu_image_emit(const struct ogpu_image *image, struct ogpu_image_walk *walk, bool save,
			   struct ogpu_pkt_copy_lost *packets, u32 most)
{
	u64 lost = OGPU_OPERAND(OGPU_TARGET_SYSTEM, image->lost_dma);
	const struct ogpu_image_piece *piece;
	u64 bytes, vram, system;
	u32 n;

	for (n = 0; n < most && ogpu_image_next(image, walk); n++) {
		piece = &image->pieces[walk->piece];
		bytes = min((PAGE_SIZE << piece->order) - walk->offset, walk->end - walk->vram);
		vram = OGPU_OPERAND(OGPU_TARGET_VRAM, walk->vram);
		system = OGPU_OPERAND(OGPU_TARGET_SYSTEM, piece->dma + walk->offset);
		ogpu_pkt_set_copy_lost(&packets[n], save ? vram : system, save ? system : vram,
				       bytes, lost);
		walk->vram += bytes;
		walk->offset += bytes;
		if (walk->offset == PAGE_SIZE << piece->order) {
			walk->piece++;
			walk->offset = 0;
		}
	}

	return n;
}

static void ogpu_image_job_put(struct ogpu_image_job *packets)
{
	if (refcount_dec_and_test(&packets->ref))
		kfree(packets);
}

static void ogpu_image_job_over(struct ogpu_job_packets *base, int error)
{
	struct ogpu_image_job *packets = container_of(base, struct ogpu_image_job, base);

	packets->error = error;
	complete(&packets->over);
	ogpu_image_job_put(packets);
}

/* Runs the packets and waits for them. Takes care of their memory. */
static int ogpu_image_run(struct ogpu_queue *queue, struct ogpu_image_job *packets, u32 count)
{
	struct ogpu_job *job;
	int ret;

	packets->base.data = packets->packets;
	packets->base.over = ogpu_image_job_over;
	job = ogpu_job_create(queue);
	if (!job) {
		kfree(packets);
		return -ENOMEM;
	}
	job->privileged = true;
	job->packets = &packets->base;
	job->bytes = count * sizeof(packets->packets[0]);
	init_completion(&packets->over);
	refcount_set(&packets->ref, 2);

	/* The ring is empty, there is room. */
	ret = ogpu_queue_start(queue, job);
	if (ret) {
		ogpu_job_abort(job);
		return ret;
	}
	ogpu_queue_flush_ring(queue);
	if (wait_for_completion_timeout(&packets->over, msecs_to_jiffies(OGPU_IMAGE_JOB_MS)))
		ret = packets->error;
	else
		ret = -ETIMEDOUT;
	ogpu_image_job_put(packets);

	return ret;
}

/* Whether the last job has found bad memory. */
static bool ogpu_image_take_lost(struct ogpu_image *image)
{
	if (!READ_ONCE(*image->lost))
		return false;
	WRITE_ONCE(*image->lost, 0);

	return true;
}

/* The one packet of the last job has found bad memory. */
static void ogpu_image_note_bad(struct ogpu_image *image, const struct ogpu_image_walk *from,
				const struct ogpu_image_walk *to)
{
	u64 chunk = ogpu_image_chunk(image);
	unsigned long first = div64_u64(from->vram, chunk);

	bitmap_set(image->bad, first, DIV64_U64_ROUND_UP(to->vram, chunk) - first);
}

static int ogpu_image_copy(struct ogpu_image *image, bool save)
{
	struct ogpu_queue *queue = ogpu_copy_get_queue(image->odev->copy);
	struct ogpu_image_walk walk = {}, from;
	struct ogpu_image_job *packets;
	u64 single = 0;
	u32 count, most;
	int ret = 0;

	if (!queue)
		return -ENODEV;

	while (!ret && ogpu_image_next(image, &walk)) {
		packets = kmalloc_obj(*packets, GFP_KERNEL);
		if (!packets) {
			ret = -ENOMEM;
			break;
		}
		from = walk;
		most = walk.vram < single ? 1 : OGPU_IMAGE_JOB_PACKETS;
		count = ogpu_image_emit(image, &walk, save, packets->packets, most);
		ret = ogpu_image_run(queue, packets, count);
		if (ret || !save || !ogpu_image_take_lost(image))
			continue;
		if (count == 1) {
			ogpu_image_note_bad(image, &from, &walk);
		} else {
			/* Which one was it? */
			single = walk.vram;
			walk = from;
		}
	}
	ogpu_queue_put(queue);

	return ret;
}

static void ogpu_image_sync(struct ogpu_image *image, bool for_cpu)
{
	struct device *dev = image->odev->drm.dev;
	unsigned long i;

	for (i = 0; i < image->count; i++) {
		const struct ogpu_image_piece *piece = &image->pieces[i];

		if (for_cpu)
			dma_sync_single_for_cpu(dev, piece->dma, PAGE_SIZE << piece->order,
						DMA_BIDIRECTIONAL);
		else
			dma_sync_single_for_device(dev, piece->dma, PAGE_SIZE << piece->order,
						   DMA_BIDIRECTIONAL);
	}
}

/**
 * ogpu_image_save() - copy what is in VRAM
 * @image: after ogpu_image_reserve(); since then nobody has taken or freed VRAM
 *
 * The card runs, and nobody but the caller has it do something. Sleeps.
 *
 * Return: 0 or an errno; nothing has changed then, but the card may not obey.
 */
int ogpu_image_save(struct ogpu_image *image)
{
	struct ogpu_device *odev = image->odev;
	int ret;

	bitmap_zero(image->bad, ogpu_image_chunks(image));
	WRITE_ONCE(*image->lost, 0);
	ret = ogpu_image_copy(image, true);
	if (ret)
		return ret;
	ogpu_image_sync(image, true);
	memcpy_fromio(image->as_table, odev->aperture + OGPU_AS_TABLE_OFFSET,
		      odev->disc.as_count * sizeof(struct ogpu_as_entry));

	ogpu_bos_lose(odev->mem, image->bad);

	return 0;
}

/**
 * ogpu_image_load() - copy it back
 * @image: after ogpu_image_save()
 *
 * The card runs, its table of address spaces is empty, and there is no queue but the kernel's.
 * Sleeps.
 *
 * Return: 0 or an errno; then what is in VRAM is lost.
 */
int ogpu_image_load(struct ogpu_image *image)
{
	struct ogpu_device *odev = image->odev;
	int ret;

	ogpu_image_sync(image, false);
	ret = ogpu_image_copy(image, false);
	if (ret)
		return ret;

	/* Entries that were not valid need no invalidation, but have to be there. */
	memcpy_toio(odev->aperture + OGPU_AS_TABLE_OFFSET, image->as_table,
		    odev->disc.as_count * sizeof(struct ogpu_as_entry));
	ogpu_mmu_flush(odev, 0);

	return 0;
}
