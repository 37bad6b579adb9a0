/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The DRM driver: open files and the table of ioctls.
 *
 * The ioctl functions live in the files of their subject. Before each, ogpu_drv.c checks that the
 * card runs and that the file is not stale. It also enters the card (ogpu_device_enter()) for those
 * that neither copy arrays from or to user space nor wait for others; these do it themselves.
 */
#ifndef _OGPU_DRV_H_
#define _OGPU_DRV_H_

struct drm_driver;

extern const struct drm_driver ogpu_drm_driver;

#endif
