/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Limits of VRAM for groups of programs: the dmem controller.
 */
#ifndef _OGPU_VRAM_CGROUP_H_
#define _OGPU_VRAM_CGROUP_H_

#include <linux/types.h>

struct mm_struct;
struct ogpu_vram_mgr;

#ifdef OGPU_HAVE_TTM_DMEM
int ogpu_vram_cgroup_init(struct ogpu_vram_mgr *mgr);
bool ogpu_vram_cgroup_limits(struct mm_struct *mm);
#else
static inline int ogpu_vram_cgroup_init(struct ogpu_vram_mgr *mgr)
{
	return 0;
}
static inline bool ogpu_vram_cgroup_limits(struct mm_struct *mm)
{
	return false;
}
#endif

#endif
