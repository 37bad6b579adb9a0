/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How user space waits for queues without a fence: WAIT and eventfds.
 */
#ifndef _OGPU_WAIT_H_
#define _OGPU_WAIT_H_

struct drm_device;
struct drm_file;

int ogpu_ioctl_wait(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_eventfd(struct drm_device *drm, void *data, struct drm_file *file);

#endif
