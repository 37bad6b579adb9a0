/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Firmware upload by user space, and the image that is kept for resets.
 */
#ifndef _OGPU_FW_H_
#define _OGPU_FW_H_

struct ogpu_device;

int ogpu_fw_init(struct ogpu_device *odev);
int ogpu_fw_register(struct ogpu_device *odev, void (*first_run)(struct ogpu_device *odev));
void ogpu_fw_boot_known(struct ogpu_device *odev);
void ogpu_fw_unregister(struct ogpu_device *odev);
int ogpu_fw_boot_kept(struct ogpu_device *odev);
void ogpu_fw_forget_kept(struct ogpu_device *odev);

#endif
