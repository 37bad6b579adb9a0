/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A walk over the pieces of memory that a buffer is made of.
 */
#ifndef _OGPU_RES_H_
#define _OGPU_RES_H_

#include <linux/types.h>

#include "ogpu_compat.h"

struct ttm_buffer_object;
struct ttm_resource;

/**
 * struct ogpu_res_cursor - where a walk stands
 *
 * Each piece is contiguous on the bus: a block of VRAM, or neighbouring pages of system memory.
 */
struct ogpu_res_cursor {
	/** @operand: OGPU_OPERAND() of the current piece's first byte */
	u64 operand;
	/** @size: bytes of the current piece */
	u64 size;
	/** @remaining: bytes from the current piece to the end of the walk; 0: the walk is over */
	u64 remaining;
	/* private: */
	const dma_addr_t *addrs;
	u64 offset;
	struct gpu_buddy *mm;
	struct gpu_buddy_block *block;
	u64 block_offset;
};

void ogpu_res_first(struct ttm_buffer_object *bo, struct ttm_resource *res, u64 offset, u64 bytes,
		    struct ogpu_res_cursor *cur);
void ogpu_res_next(struct ogpu_res_cursor *cur, u64 bytes);

#endif
