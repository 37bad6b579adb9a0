/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What /proc/PID/fdinfo tells of an open file.
 */
#ifndef _OGPU_FDINFO_H_
#define _OGPU_FDINFO_H_

struct drm_file;
struct drm_printer;

void ogpu_fdinfo_show(struct drm_printer *p, struct drm_file *file);

#endif
