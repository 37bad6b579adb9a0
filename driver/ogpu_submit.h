/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * SUBMIT: jobs of user space.
 */
#ifndef _OGPU_SUBMIT_H_
#define _OGPU_SUBMIT_H_

struct drm_device;
struct drm_file;

int ogpu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif
