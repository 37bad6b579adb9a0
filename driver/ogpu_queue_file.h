/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues of an open file.
 */
#ifndef _OGPU_QUEUE_FILE_H_
#define _OGPU_QUEUE_FILE_H_

#include <linux/types.h>

struct drm_device;
struct drm_file;
struct ogpu_file;
struct ogpu_queue;

int ogpu_queue_file_open(struct ogpu_file *ofile);
void ogpu_queue_file_close(struct ogpu_file *ofile);
struct ogpu_queue *ogpu_queue_lookup(struct ogpu_file *ofile, u32 id);

int ogpu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_kill(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file);

#endif
