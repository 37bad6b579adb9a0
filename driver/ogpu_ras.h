/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pages of VRAM that went bad.
 */
#ifndef _OGPU_RAS_H_
#define _OGPU_RAS_H_

#include <linux/types.h>

struct drm_printer;
struct ogpu_device;
struct ogpu_msg_ras;

/**
 * struct ogpu_ras_counts - errors of VRAM since the driver was bound
 */
struct ogpu_ras_counts {
	/** @corrected: errors that ECC corrected */
	u64 corrected;
	/** @uncorrected: those that it could not */
	u64 uncorrected;
	/** @in_use: bad pages that wait until they are free */
	unsigned int in_use;
	/** @replaced: bad pages that have a spare one now */
	unsigned int replaced;
	/** @lost: bad pages for which there was none */
	unsigned int lost;
};

int ogpu_ras_init(struct ogpu_device *odev);
void ogpu_ras_fini(struct ogpu_device *odev);
void ogpu_ras_vram_freed(struct ogpu_device *odev);
void ogpu_ras_retire_all(struct ogpu_device *odev);
void ogpu_ras_get_counts(struct ogpu_device *odev, struct ogpu_ras_counts *counts);
int ogpu_ras_query(struct ogpu_device *odev, unsigned int block, struct ogpu_msg_ras *ras);
void ogpu_ras_print(struct ogpu_device *odev, struct drm_printer *p);

#endif
