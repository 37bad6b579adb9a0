/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Sensors of the card, for hwmon.
 */
#ifndef _OGPU_HWMON_H_
#define _OGPU_HWMON_H_

#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct ogpu_device;

#if IS_REACHABLE(CONFIG_HWMON)
int ogpu_hwmon_init(struct ogpu_device *odev);
void ogpu_hwmon_register(struct ogpu_device *odev);
void ogpu_hwmon_unregister(struct ogpu_device *odev);
int ogpu_hwmon_get_throttle(struct ogpu_device *odev, u32 *throttle);
#else
static inline int ogpu_hwmon_init(struct ogpu_device *odev)
{
	return 0;
}

static inline void ogpu_hwmon_register(struct ogpu_device *odev) { }
static inline void ogpu_hwmon_unregister(struct ogpu_device *odev) { }

static inline int ogpu_hwmon_get_throttle(struct ogpu_device *odev, u32 *throttle)
{
	return -EOPNOTSUPP;
}

#endif

#endif
