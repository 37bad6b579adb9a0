/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Events: what happened to the card or to a queue, for the kernel log and for programs.
 */
#ifndef _OGPU_EVENTLOG_H_
#define _OGPU_EVENTLOG_H_

#include <linux/compiler_attributes.h>
#include <linux/types.h>

struct ogpu_device;

/**
 * enum ogpu_event_kind - whom an event is about
 * @OGPU_EVENT_CARD: the card; an error in the log
 * @OGPU_EVENT_QUEUE: a queue of a program; a notice in the log
 * @OGPU_EVENT_KINDS: the number after the last one
 */
enum ogpu_event_kind {
	OGPU_EVENT_CARD,
	OGPU_EVENT_QUEUE,
	OGPU_EVENT_KINDS,
};

int ogpu_eventlog_init(struct ogpu_device *odev);
void ogpu_eventlog_fini(struct ogpu_device *odev);
__printf(5, 6)
void ogpu_eventlog_add(struct ogpu_device *odev, enum ogpu_event_kind kind, unsigned int number,
		       const char *action, const char *fmt, ...);
ssize_t ogpu_eventlog_emit(struct ogpu_device *odev, char *buf);

#endif
