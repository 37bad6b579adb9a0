/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The event ring: completion of fences and memory errors (abi/event.h).
 */
#ifndef _OGPU_EVENT_H_
#define _OGPU_EVENT_H_

#include <linux/irqreturn.h>
#include <linux/types.h>

struct ogpu_device;
struct drm_printer;

int ogpu_event_init(struct ogpu_device *odev);
void ogpu_event_start(struct ogpu_device *odev);
void ogpu_event_stop(struct ogpu_device *odev);
void ogpu_event_poll(struct ogpu_device *odev);
irqreturn_t ogpu_event_irq_thread(int irq, void *arg);
void ogpu_event_print_state(struct ogpu_device *odev, struct drm_printer *p);

#endif
