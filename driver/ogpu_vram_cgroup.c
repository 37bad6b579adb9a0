// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Limits of VRAM for groups of programs: the dmem controller.
 *
 * TTM does the work: it charges a buffer's VRAM to the group of who brings the buffer there, and
 * has who is at the limit of a group move buffers of that group away. When the administrator lowers
 * a limit, what is over it is moved away here, as far as no job uses it.
 */
#include <linux/cgroup.h>
#include <linux/cgroup_dmem.h>
#include <linux/err.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>

#include <drm/drm_drv.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_device.h"
#include "ogpu_place.h"
#include "ogpu_vram_cgroup.h"
#include "ogpu_vram_mgr.h"

static int ogpu_vram_cgroup_reclaim(struct dmem_cgroup_pool_state *pool, u64 bytes, void *priv)
{
	struct ogpu_vram_mgr *mgr = priv;
	struct ogpu_mem_try try = {};
	int ret;

	ret = ogpu_mem_begin(mgr->odev, &try);
	if (ret)
		return ret;
	ret = ttm_resource_manager_dmem_reclaim(pool, bytes, &mgr->base);
	ogpu_mem_end(mgr->odev);

	return ret;
}

static const struct dmem_cgroup_ops ogpu_vram_cgroup_ops = {
	.reclaim = ogpu_vram_cgroup_reclaim,
};

/**
 * ogpu_vram_cgroup_init() - let groups have limits, at probe
 * @mgr: VRAM of the card, known to TTM
 *
 * Undone together with the DRM device, before ogpu_vram_mgr_fini().
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_vram_cgroup_init(struct ogpu_vram_mgr *mgr)
{
	const struct dmem_cgroup_init init = {
		.size = mgr->base.size - mgr->reserved_size,
		.ops = &ogpu_vram_cgroup_ops,
		.reclaim_priv = mgr,
	};
	struct dmem_cgroup_region *region;

	region = drmm_cgroup_register_region(&mgr->odev->drm, "vram", &init);
	if (IS_ERR(region))
		return PTR_ERR(region);
	ttm_resource_manager_set_dmem_region(&mgr->base, region);

	return 0;
}

/**
 * ogpu_vram_cgroup_limits() - is a process in a group with an account of its own?
 * @mm: of the process
 *
 * Nobody but the process itself can charge that.
 *
 * Return: true if it is, or if the process has ended.
 */
bool ogpu_vram_cgroup_limits(struct mm_struct *mm)
{
	bool limits = IS_ENABLED(CONFIG_CGROUP_DMEM);
#if IS_ENABLED(CONFIG_CGROUP_DMEM) && IS_ENABLED(CONFIG_MEMCG)
	struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task)
		limits = task_css(task, dmem_cgrp_id)->parent;
	rcu_read_unlock();
#endif
	return limits;
}
