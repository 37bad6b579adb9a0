/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Recovery of the whole card.
 */
#ifndef _OGPU_RESET_H_
#define _OGPU_RESET_H_

#include <linux/types.h>

struct ogpu_device;

int ogpu_reset_init(struct ogpu_device *odev);
int ogpu_reset_allow(struct ogpu_device *odev);
void ogpu_reset_fini(struct ogpu_device *odev);
bool ogpu_reset_release(struct ogpu_device *odev, u32 holder);
void ogpu_reset_give_up(struct ogpu_device *odev);
void ogpu_reset_prepare(struct ogpu_device *odev, u32 holder);
void ogpu_reset_done(struct ogpu_device *odev, u32 holder);
bool ogpu_reset_holds(struct ogpu_device *odev, u32 holder);
bool ogpu_reset_bus_done(struct ogpu_device *odev);
void ogpu_reset_save_config(struct ogpu_device *odev);
void ogpu_reset_restore_config(struct ogpu_device *odev);
u32 ogpu_reset_count(struct ogpu_device *odev);

#endif
