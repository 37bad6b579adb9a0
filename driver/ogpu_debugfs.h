/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Files in debugfs; ogpu_debugfs.c describes them.
 */
#ifndef _OGPU_DEBUGFS_H_
#define _OGPU_DEBUGFS_H_

struct drm_minor;

#ifdef CONFIG_DEBUG_FS
void ogpu_debugfs_init(struct drm_minor *minor);
#else
#define ogpu_debugfs_init	NULL
#endif

#endif
