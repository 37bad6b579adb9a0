/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The DRM driver: open files and the table of ioctls.
 *
 * The ioctl functions live in the files of their subject. The table in ogpu_drv.c calls each under
 * drm_dev_enter(), after it has checked that the card runs and that the file is not stale, so
 * that none has to do so itself.
 */
#ifndef _OGPU_DRV_H_
#define _OGPU_DRV_H_

struct drm_driver;

extern const struct drm_driver ogpu_drm_driver;

#endif
