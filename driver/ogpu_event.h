/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The event ring: completion of fences and memory errors (abi/event.h).
 */
#ifndef _OGPU_EVENT_H_
#define _OGPU_EVENT_H_

#include <linux/irqreturn.h>
#include <linux/limits.h>
#include <linux/types.h>

struct drm_printer;
struct ogpu_device;
struct ogpu_event;

/**
 * enum ogpu_event_kind - what a handler is called for
 * @OGPU_EVENT_KIND_FENCE: OGPU_EVENT_FENCE
 * @OGPU_EVENT_KIND_MEMORY_ERROR: OGPU_EVENT_MEMORY_ERROR
 * @OGPU_EVENT_KIND_LOST: the ring was full and events of any kind were lost; there is no entry, and
 *	the handler may sleep
 * @OGPU_EVENT_KINDS: how many there are
 */
enum ogpu_event_kind {
	OGPU_EVENT_KIND_FENCE,
	OGPU_EVENT_KIND_MEMORY_ERROR,
	OGPU_EVENT_KIND_LOST,
	OGPU_EVENT_KINDS,
};

/* All jobs of an event, by pieces: the caller may be put off the processor. */
#define OGPU_EVENT_ALL	UINT_MAX

/*
 * Called by the interrupt (fences only), by its thread or by the watchdog; allocates nothing. Two
 * may handle fences at a time, and the same one. Ends jobs and wakes threads, @max together at most
 * unless that is OGPU_EVENT_ALL, and returns how many: if that is @max there may be more.
 */
typedef unsigned int (*ogpu_event_handler)(struct ogpu_device *odev, const struct ogpu_event *ev,
					   unsigned int max);

int ogpu_event_init(struct ogpu_device *odev);
void ogpu_event_set_handler(struct ogpu_device *odev, enum ogpu_event_kind kind,
			    ogpu_event_handler handler);
void ogpu_event_start(struct ogpu_device *odev);
void ogpu_event_stop(struct ogpu_device *odev);
void ogpu_event_poll(struct ogpu_device *odev);
irqreturn_t ogpu_event_irq(int irq, void *arg);
irqreturn_t ogpu_event_irq_thread(int irq, void *arg);
void ogpu_event_print_state(struct ogpu_device *odev, struct drm_printer *p);

#endif
