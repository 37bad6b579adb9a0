/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Control pages of queues. control.c writes them; the tests of the scheduler look at what it is. */
#ifndef FW_CONTROL_H
#define FW_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

void control_publish(struct queue *queue, uint64_t now);
bool control_restore(struct queue *queue);

#endif
