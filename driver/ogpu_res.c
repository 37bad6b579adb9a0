// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A walk over the pieces of memory that a buffer is made of.
 */

#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_res.h"
#include "ogpu_vram_mgr.h"

static void ogpu_res_vram_piece(struct ogpu_res_cursor *cur)
{
	u64 start = gpu_buddy_block_offset(cur->block) + cur->block_offset;
	u64 left = gpu_buddy_block_size(cur->mm, cur->block) - cur->block_offset;

	cur->operand = OGPU_OPERAND(OGPU_TARGET_VRAM, start);
	cur->size = min(left, cur->remaining);
}

static void ogpu_res_system_piece(struct ogpu_res_cursor *cur)
{
	unsigned long page = cur->offset >> PAGE_SHIFT;
	dma_addr_t next = cur->addrs[page];
	u64 size = PAGE_SIZE - offset_in_page(cur->offset);

	cur->operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, next + offset_in_page(cur->offset));

	while (size < cur->remaining) {
		next += PAGE_SIZE;
		if (cur->addrs[++page] != next)
			break;
		size += PAGE_SIZE;
	}
	cur->size = min(size, cur->remaining);
}

/**
 * ogpu_res_first() - begin a walk
 * @bo: the buffer
 * @res: its memory, present or to come: in VRAM, in TT with the pages of @bo->ttm populated, or
 *	another device's, with its addresses known
 * @offset: first byte of the buffer to look at
 * @bytes: how many; not 0, and inside the buffer
 * @cur: the walk
 *
 * The caller holds the buffer's dma_resv throughout the walk.
 */
void ogpu_res_first(struct ttm_buffer_object *bo, struct ttm_resource *res, u64 offset, u64 bytes,
		    struct ogpu_res_cursor *cur)
{
	*cur = (struct ogpu_res_cursor) { .remaining = bytes };

	if (res->mem_type == TTM_PL_VRAM) {
		struct ogpu_vram_resource *vres = to_ogpu_vram_resource(res);

		cur->mm = &to_ogpu_vram_mgr(ttm_manager_type(bo->bdev, TTM_PL_VRAM))->mm;
		cur->block = list_first_entry(&vres->blocks, struct gpu_buddy_block, link);
		while (offset >= gpu_buddy_block_size(cur->mm, cur->block)) {
			offset -= gpu_buddy_block_size(cur->mm, cur->block);
			cur->block = list_next_entry(cur->block, link);
		}
		cur->block_offset = offset;
		ogpu_res_vram_piece(cur);
	} else {
		cur->addrs = bo->type == ttm_bo_type_sg ? ttm_to_ogpu_bo(bo)->import.addrs :
							  bo->ttm->dma_address;
		cur->offset = offset;
		ogpu_res_system_piece(cur);
	}
}

/**
 * ogpu_res_next() - step forward
 * @cur: the walk, not over
 * @bytes: at most the size of the current piece, usually all of it
 */
void ogpu_res_next(struct ogpu_res_cursor *cur, u64 bytes)
{
	cur->remaining -= bytes;
	if (!cur->remaining) {
		cur->size = 0;
		return;
	}

	if (cur->addrs) {
		cur->offset += bytes;
		ogpu_res_system_piece(cur);
		return;
	}

	cur->block_offset += bytes;
	if (cur->block_offset == gpu_buddy_block_size(cur->mm, cur->block)) {
		cur->block = list_next_entry(cur->block, link);
		cur->block_offset = 0;
	}
	ogpu_res_vram_piece(cur);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_res_test.c"
#endif
