/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Limits of VRAM for groups of programs: the dmem controller.
 */
#ifndef _OGPU_VRAM_CGROUP_H_
#define _OGPU_VRAM_CGROUP_H_

struct ogpu_vram_mgr;

#ifdef OGPU_HAVE_TTM_DMEM
int ogpu_vram_cgroup_init(struct ogpu_vram_mgr *mgr);
#else
static inline int ogpu_vram_cgroup_init(struct ogpu_vram_mgr *mgr)
{
	return 0;
}
#endif

#endif
