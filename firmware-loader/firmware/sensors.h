/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Sensors: what the host is told, and keeping the card cool. */
#ifndef FW_SENSORS_H
#define FW_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"

void sensors_init(uint64_t now);
void sensors_tick(uint64_t now);
bool sensors_resting(void);
bool sensors_alert(void);
enum ogpu_msg_status sensors_power_cap(const struct ogpu_msg_power_cap *request,
				       struct ogpu_msg_power_cap *answer);
void sensors_read(struct ogpu_msg_sensors *sensors, uint64_t now);

#endif
