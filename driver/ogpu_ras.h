/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pages of VRAM that went bad.
 */
#ifndef _OGPU_RAS_H_
#define _OGPU_RAS_H_

struct drm_printer;
struct ogpu_device;

int ogpu_ras_init(struct ogpu_device *odev);
void ogpu_ras_fini(struct ogpu_device *odev);
void ogpu_ras_vram_freed(struct ogpu_device *odev);
void ogpu_ras_retire_all(struct ogpu_device *odev);
void ogpu_ras_print(struct ogpu_device *odev, struct drm_printer *p);

#endif
