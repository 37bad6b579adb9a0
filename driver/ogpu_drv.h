/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The DRM driver: open files and the table of ioctls.
 *
 * The ioctl functions live in the files of their subject. Before each, ogpu_drv.c checks that the
 * card runs and that the file is not stale, and enters the card (ogpu_device_enter()), so that none
 * has to do so itself but those that wait for others.
 */
#ifndef _OGPU_DRV_H_
#define _OGPU_DRV_H_

struct drm_driver;

extern const struct drm_driver ogpu_drm_driver;

#endif
