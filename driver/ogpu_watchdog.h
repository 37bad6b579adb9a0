/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The watchdog: looks whether card and firmware are alive.
 */
#ifndef _OGPU_WATCHDOG_H_
#define _OGPU_WATCHDOG_H_

struct ogpu_device;

int ogpu_watchdog_init(struct ogpu_device *odev);
void ogpu_watchdog_begin(struct ogpu_device *odev);
void ogpu_watchdog_start(struct ogpu_device *odev);
void ogpu_watchdog_stop(struct ogpu_device *odev);
void ogpu_watchdog_fini(struct ogpu_device *odev);
void ogpu_watchdog_kick(struct ogpu_device *odev);

#endif
