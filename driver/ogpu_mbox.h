/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Messages between driver and firmware (abi/mbox.h).
 */
#ifndef _OGPU_MBOX_H_
#define _OGPU_MBOX_H_

#include <linux/irqreturn.h>
#include <linux/types.h>

#include "abi/mbox.h"
#include "ogpu_mbox_call.h"

struct drm_printer;
/* Bytes for a copy of the log of firmware. */
#define OGPU_MBOX_LOG_TEXT	16385u

struct ogpu_device;

/**
 * enum ogpu_mbox_kind - what a handler is called for
 * @OGPU_MBOX_QUEUE_ERROR: OGPU_MSG_QUEUE_ERROR; body: &struct ogpu_msg_queue_error
 * @OGPU_MBOX_QUEUE_FAULT: OGPU_MSG_QUEUE_FAULT; body: &struct ogpu_msg_queue_error
 * @OGPU_MBOX_SENSOR_ALERT: OGPU_MSG_SENSOR_ALERT; body: &struct ogpu_msg_sensors
 * @OGPU_MBOX_KINDS: how many there are
 */
enum ogpu_mbox_kind {
	OGPU_MBOX_QUEUE_ERROR,
	OGPU_MBOX_QUEUE_FAULT,
	OGPU_MBOX_SENSOR_ALERT,
	OGPU_MBOX_KINDS,
};

/*
 * Called by a worker, which may be on the way of fences: allocates nothing. May send requests, but
 * must not take a lock under which ogpu_mbox_wait_events() is called.
 */
typedef void (*ogpu_mbox_handler)(struct ogpu_device *odev, const void *body);

int ogpu_mbox_init(struct ogpu_device *odev);
void ogpu_mbox_set_handler(struct ogpu_device *odev, enum ogpu_mbox_kind kind,
			   ogpu_mbox_handler handler);
void ogpu_mbox_wait_events(struct ogpu_device *odev);
void ogpu_mbox_flush(struct ogpu_device *odev);
void ogpu_mbox_start(struct ogpu_device *odev);
void ogpu_mbox_open(struct ogpu_device *odev);
void ogpu_mbox_stop(struct ogpu_device *odev);
int ogpu_mbox_wait_hello(struct ogpu_device *odev, struct ogpu_msg_hello *hello,
			 unsigned int timeout_ms);
void ogpu_mbox_send(struct ogpu_device *odev, struct ogpu_mbox_call *call, enum ogpu_msg_type type,
		    const void *body, size_t size);
int ogpu_mbox_finish(struct ogpu_device *odev, struct ogpu_mbox_call *call, void *reply,
		     size_t reply_size);
int ogpu_mbox_request(struct ogpu_device *odev, enum ogpu_msg_type type, const void *body,
		      size_t size, void *reply, size_t reply_size);
void ogpu_mbox_poll(struct ogpu_device *odev);
irqreturn_t ogpu_mbox_irq_thread(int irq, void *arg);
void ogpu_mbox_print_log_by(struct ogpu_device *odev, struct drm_printer *p, char *text);
void ogpu_mbox_print_messages(struct ogpu_device *odev, struct drm_printer *p);
void ogpu_mbox_print_log(struct ogpu_device *odev, struct drm_printer *p);
void ogpu_mbox_print_state(struct ogpu_device *odev, struct drm_printer *p);

#endif
