/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Start and stop of a card whose firmware is alive.
 */
#ifndef _OGPU_LIFE_H_
#define _OGPU_LIFE_H_

struct ogpu_device;

int ogpu_life_init(struct ogpu_device *odev);
int ogpu_life_start(struct ogpu_device *odev);
void ogpu_life_stop(struct ogpu_device *odev, int fence_error);
void ogpu_life_halt(struct ogpu_device *odev);

#endif
