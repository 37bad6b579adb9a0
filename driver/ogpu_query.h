/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * QUERY: what the card and its driver are.
 */
#ifndef _OGPU_QUERY_H_
#define _OGPU_QUERY_H_

struct drm_device;
struct drm_file;

int ogpu_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);

#endif
