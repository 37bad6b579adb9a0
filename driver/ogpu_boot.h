/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Start of firmware: boot ROM protocol and first messages.
 */
#ifndef _OGPU_BOOT_H_
#define _OGPU_BOOT_H_

#include <linux/types.h>

#include "abi/fw_image.h"
#include "abi/mbox.h"

/* Messages of firmware that this driver understands. */
#define OGPU_FW_ABI_MIN		2
#define OGPU_FW_ABI_MAX		OGPU_FW_ABI_VERSION

struct ogpu_device;

/**
 * struct ogpu_fw_info - what firmware told about itself
 */
struct ogpu_fw_info {
	/** @version: major, minor, patch, 0 */
	u16 version[4];
	/** @abi: message version in use */
	u32 abi;
	/** @svn: security version */
	u32 svn;
	/** @max_queues: queues that it can manage */
	u32 max_queues;
	/** @features: OGPU_FW_FEATURE_* in use */
	u64 features;
	/** @build_id: NUL-terminated */
	char build_id[41];
	/** @hash: SHA-256 of the signed part of its image, from the boot ROM */
	u8 hash[OGPU_FW_HASH_SIZE];
	/** @key_id: of the key that it is signed with, from the boot ROM */
	u8 key_id[OGPU_FW_KEY_ID_SIZE];
};

int ogpu_boot_init(struct ogpu_device *odev);
int ogpu_boot(struct ogpu_device *odev, const void *image, u32 size);
void ogpu_boot_cancel(struct ogpu_device *odev);
bool ogpu_boot_is_cancelled(struct ogpu_device *odev);
void ogpu_boot_clear_cancel(struct ogpu_device *odev);
void ogpu_boot_stopped(struct ogpu_device *odev);
int ogpu_boot_get_info(struct ogpu_device *odev, struct ogpu_fw_info *info);
u32 ogpu_boot_fuse_svn(struct ogpu_device *odev);
int ogpu_boot_commit_svn(struct ogpu_device *odev, u32 svn);

#endif
