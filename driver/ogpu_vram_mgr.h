/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Who has which part of VRAM, and how much of the part that the CPU can see is taken. The head of
 * VRAM is not for buffers: from offset 0 the address-space table, then room to hand firmware to the
 * boot ROM.
 */
#ifndef _OGPU_VRAM_MGR_H_
#define _OGPU_VRAM_MGR_H_

#include <linux/align.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_resource.h>

#include "abi/addr.h"
#include "abi/fw_image.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_vram_busy.h"

struct dma_fence;
struct drm_printer;
struct ttm_device;

/* VRAM offset of the address-space table. */
#define OGPU_AS_TABLE_OFFSET	0ull

/* ttm_resource.start of memory that is not contiguous. */
#define OGPU_VRAM_SCATTERED	ULONG_MAX

/**
 * struct ogpu_vram_mgr - allocator of VRAM
 */
struct ogpu_vram_mgr {
	/** @base: for TTM; pages are numbered from VRAM offset 0 */
	struct ttm_resource_manager base;
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @freed: told when memory was freed, in any context; set before there are buffers */
	void (*freed)(struct ogpu_device *odev);
	/** @takes_busy: is memory taken that can be used only after jobs of others? Set likewise */
	bool (*takes_busy)(const struct ttm_place *place);
	/** @no_room: told when there is no room for a buffer, which is locked. Set likewise */
	void (*no_room)(const struct ttm_place *place, struct ttm_buffer_object *bo);
	/** @waits: does a move, by its fence, wait for jobs? Set likewise */
	bool (*waits)(struct dma_fence *fence);
	/** @lock: protects all that follows but constants */
	struct mutex lock;
	/** @mm: free and used blocks */
	struct gpu_buddy mm;
	/** @reserved: blocks that cover the head of VRAM, never handed out */
	struct list_head reserved;
	/** @bad: blocks with bad pages for which there is no spare one, never handed out */
	struct list_head bad;
	/** @resources: &struct ogpu_vram_resource, all that were handed out */
	struct list_head resources;
	/** @reserved_size: bytes of @reserved; constant */
	u64 reserved_size;
	/** @visible_size: bytes from VRAM offset 0 that the CPU can see; constant */
	u64 visible_size;
	/** @visible_used: of these, bytes that are taken, @reserved_size included */
	u64 visible_used;
	/** @frees: how often memory was freed; read with READ_ONCE() */
	u32 frees;
	/** @pinned: bytes of buffers of the driver, all visible */
	u64 pinned;
	/** @busy: parts that are free, or in use again, while what was there is moved away */
	struct ogpu_vram_busy busy;
};

/**
 * struct ogpu_vram_resource - piece of VRAM that belongs to one buffer
 */
struct ogpu_vram_resource {
	/** @base: for TTM; @base.start: page of the first byte, or OGPU_VRAM_SCATTERED */
	struct ttm_resource base;
	/** @link: in &struct ogpu_vram_mgr.resources */
	struct list_head link;
	/** @blocks: &struct gpu_buddy_block, in the order of the buffer's bytes */
	struct list_head blocks;
	/** @visible: bytes that the CPU can see */
	u64 visible;
	/** @pinned: it belongs to a buffer of the driver */
	bool pinned;
	/** @deps: what its first use by the card has to wait for */
	struct ogpu_vram_deps deps;
	/** @left: for when what is in it is moved away; NULL: it is not */
	struct ogpu_vram_left *left;
};

static inline struct ogpu_vram_mgr *to_ogpu_vram_mgr(struct ttm_resource_manager *man)
{
	return container_of(man, struct ogpu_vram_mgr, base);
}

static inline struct ogpu_vram_resource *to_ogpu_vram_resource(struct ttm_resource *res)
{
	return container_of(res, struct ogpu_vram_resource, base);
}

/* Can the CPU get at all bytes of this memory? */
static inline bool ogpu_cpu_reaches(struct ttm_resource *res)
{
	return res->mem_type != TTM_PL_VRAM || to_ogpu_vram_resource(res)->visible == res->size;
}

/**
 * ogpu_fw_staging_offset() - where is the firmware image put for the boot ROM?
 * @odev: the card
 *
 * Return: VRAM offset.
 */
static inline u64 ogpu_fw_staging_offset(const struct ogpu_device *odev)
{
	return OGPU_AS_TABLE_OFFSET +
	       ALIGN((u64)odev->disc.as_count * sizeof(struct ogpu_as_entry), OGPU_PAGE_4K);
}

/**
 * ogpu_vram_reserved() - what part of VRAM is not for buffers?
 * @odev: the card
 *
 * Return: VRAM offset of the first byte that may be handed out.
 */
static inline u64 ogpu_vram_reserved(const struct ogpu_device *odev)
{
	return ALIGN(ogpu_fw_staging_offset(odev) + OGPU_FW_MAX_SIZE, OGPU_PAGE_64K);
}

int ogpu_vram_mgr_init(struct ogpu_vram_mgr *mgr, struct ogpu_device *odev,
		       struct ttm_device *ttm);
void ogpu_vram_mgr_fini(struct ogpu_vram_mgr *mgr);
u64 ogpu_vram_mgr_room(struct ogpu_vram_mgr *mgr, bool visible);
void ogpu_vram_mgr_usage(struct ogpu_vram_mgr *mgr, u64 *used, u64 *visible_used);
int ogpu_vram_begin_leave(struct ttm_resource *res);
void ogpu_vram_leave(struct ttm_resource *res, struct dma_fence *fence);
void ogpu_vram_arrived(struct ttm_resource *res);
int ogpu_vram_mgr_take(struct ogpu_vram_mgr *mgr, u64 offset, struct list_head *blocks);
void ogpu_vram_mgr_give(struct ogpu_vram_mgr *mgr, u64 offset, struct list_head *blocks);
void ogpu_vram_mgr_keep(struct ogpu_vram_mgr *mgr, struct list_head *blocks);
void ogpu_vram_mgr_mark_used(struct ogpu_vram_mgr *mgr, unsigned long *chunks);
void ogpu_vram_mgr_print(struct ogpu_vram_mgr *mgr, struct drm_printer *p);

#endif
