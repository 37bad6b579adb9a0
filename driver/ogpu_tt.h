/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pages of buffers in system memory, and who pays for them.
 */
#ifndef _OGPU_TT_H_
#define _OGPU_TT_H_

#include <linux/types.h>

struct mem_cgroup;
struct ttm_buffer_object;
struct ttm_device;
struct ttm_operation_ctx;
struct ttm_tt;

struct mem_cgroup *ogpu_tt_get_payer(void);

struct ttm_tt *ogpu_tt_create(struct ttm_buffer_object *bo, u32 page_flags);
void ogpu_tt_destroy(struct ttm_device *bdev, struct ttm_tt *ttm);
int ogpu_tt_populate(struct ttm_device *bdev, struct ttm_tt *ttm, struct ttm_operation_ctx *ctx);
void ogpu_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *ttm);

#endif
