/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Firmware images that have run, by board.
 */
#ifndef _OGPU_FW_STORE_H_
#define _OGPU_FW_STORE_H_

#include <linux/kref.h>
#include <linux/types.h>

struct ogpu_device;

/**
 * struct ogpu_fw_blob - an image; constant once it is shared
 */
struct ogpu_fw_blob {
	/** @ref: references */
	struct kref ref;
	/** @size: its bytes */
	u32 size;
	/** @data: the image */
	u8 data[];
};

struct ogpu_fw_blob *ogpu_fw_blob_create(u32 size);
void ogpu_fw_blob_put(struct ogpu_fw_blob *blob);

void ogpu_fw_store_keep(struct ogpu_device *odev, struct ogpu_fw_blob *blob);
struct ogpu_fw_blob *ogpu_fw_store_get(struct ogpu_device *odev);
bool ogpu_fw_store_has(struct ogpu_device *odev);
void ogpu_fw_store_forget(struct ogpu_device *odev);
void ogpu_fw_store_exit(void);

#endif
