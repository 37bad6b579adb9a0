/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The ladder: what is done to a card that fails, in which order.
 */
#ifndef _OGPU_LADDER_H_
#define _OGPU_LADDER_H_

#include <linux/types.h>

#include "ogpu_report.h"

struct ogpu_device;

int ogpu_ladder_climb(struct ogpu_device *odev, enum ogpu_trouble trouble, enum ogpu_step step,
		      int (*start)(struct ogpu_device *odev));
int ogpu_ladder_try(struct ogpu_device *odev, enum ogpu_step step);
bool ogpu_ladder_bus_is_at_it(struct ogpu_device *odev);
bool ogpu_ladder_is_own_reset(struct ogpu_device *odev);
const char *ogpu_ladder_name(enum ogpu_step step);

#endif
