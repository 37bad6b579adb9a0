/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Events that the firmware sends of its own accord. */
#ifndef FW_EVENTS_H
#define FW_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"

#define FW_FEATURES	(OGPU_FW_FEATURE_QUEUES | OGPU_FW_FEATURE_SENSORS | OGPU_FW_FEATURE_SUSPEND)

void events_hello(void);
void events_alert(void);
void events_send(uint64_t now);
bool events_waiting(void);

#endif
