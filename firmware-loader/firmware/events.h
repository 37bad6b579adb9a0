/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Events that the firmware sends of its own accord. */
#ifndef FW_EVENTS_H
#define FW_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"
#include "clock.h"
#include "queue.h"

#define EVENTS_RETRY_NS	NS_PER_MS	/* after the ring was full */

#define FW_FEATURES	(OGPU_FW_FEATURE_QUEUES | OGPU_FW_FEATURE_SENSORS | OGPU_FW_FEATURE_SUSPEND)

void events_hello(void);
void events_alert(void);
bool events_about(struct queue *queue);
void events_send(uint64_t now);
uint64_t events_deadline(uint64_t now);

#endif
