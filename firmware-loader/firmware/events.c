// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Events. What there is to tell is kept where it arose (a mark here, the error in its queue) until
 * the ring has room for it, so a host that is slow loses nothing. Users can make queues fail, so
 * there is a limit to how many are sent in a time.
 */
#include "events.h"

#include <string.h>

#include "hw.h"
#include "mailbox.h"
#include "queue.h"
#include "sensors.h"

/* Given by make. */
static const char build_id[] = FW_BUILD_ID;
static_assert(sizeof(build_id) <= sizeof(((struct ogpu_msg_hello *)0)->build_id));

static bool hello_unsent, alert_unsent;

/* Events of the last OGPU_FW_EVENTS_MS. */
static struct {
	uint64_t end;		/* of the interval that is counted */
	unsigned int count;
} window;

/* Whether one more may be sent now. */
static bool allowed(uint64_t now)
{
	if (now >= window.end) {
		window.end = now + OGPU_FW_EVENTS_MS * NS_PER_MS;
		window.count = 0;
	}
	return window.count < OGPU_FW_EVENTS_MAX;
}

static void send(enum ogpu_msg_type type, const void *body, uint32_t size)
{
	struct ogpu_msg msg = { .type = type, .size = size };

	memcpy(msg.body, body, size);
	mailbox_send(&msg);
	window.count++;
}

static void send_about(struct queue *q)
{
	struct ogpu_msg_queue_error body = {
		.queue = q->desc.queue,
		.error = q->error.error,
		.fault_va = q->error.fault_va,
		.packet = q->error.packet,
		.pc = q->error.pc,
		.asid = q->desc.asid,
		.access = q->error.access,
		.reason = q->error.reason,
		.detail = q->error.detail,
	};

	queue_list_leave(q);
	send(q->state == QUEUE_FAILED ? OGPU_MSG_QUEUE_ERROR : OGPU_MSG_QUEUE_FAULT, &body,
	     sizeof(body));
}

static void send_hello(void)
{
	struct ogpu_msg_hello hello = {
		.version = { FW_VERSION_MAJOR, FW_VERSION_MINOR, FW_VERSION_PATCH, 0 },
		.abi_min = OGPU_FW_ABI_VERSION,
		.abi_max = OGPU_FW_ABI_VERSION,
		.svn = hw_read(OGPU_MC_SVN),
		.max_queues = QUEUE_MAX,
		.features = FW_FEATURES,
	};

	if (hw_read(OGPU_MC_DOORBELLS) < QUEUE_MAX)
		hello.max_queues = hw_read(OGPU_MC_DOORBELLS);
	memcpy(hello.build_id, build_id, sizeof(build_id));
	send(OGPU_MSG_HELLO, &hello, sizeof(hello));
}

static void send_alert(uint64_t now)
{
	struct ogpu_msg_sensors sensors = { 0 };

	sensors_read(&sensors, now);
	send(OGPU_MSG_SENSOR_ALERT, &sensors, sizeof(sensors));
}

/**
 * events_hello() - announce the firmware
 */
void events_hello(void)
{
	hello_unsent = true;
}

/**
 * events_alert() - tell the host how the sensors stand
 */
void events_alert(void)
{
	alert_unsent = true;
}

static bool waiting(void)
{
	return hello_unsent || alert_unsent || queue_next_unsent();
}

/**
 * events_deadline() - when to call events_send() again although nothing changes
 * @now: time
 *
 * Return: a time, CLOCK_NEVER if there is nothing to tell. The host does not ring when it has made
 * room.
 */
uint64_t events_deadline(uint64_t now)
{
	if (!waiting())
		return CLOCK_NEVER;
	return allowed(now) ? now + EVENTS_RETRY_NS : window.end;
}

/**
 * events_about() - tell the host about a queue before anything else is told
 * @queue: any queue
 *
 * It is part of the answer to a request, so the limit of events does not hold it up.
 *
 * Return: false if the ring has no room for what there is to tell.
 */
bool events_about(struct queue *queue)
{
	if (!queue_is_unsent(queue))
		return true;
	if (!mailbox_room())
		return false;
	send_about(queue);
	return true;
}

/**
 * events_send() - tell the host what there is to tell, as far as the ring has room and
 *	OGPU_FW_EVENTS_MAX allows
 * @now: time
 */
void events_send(uint64_t now)
{
	while (waiting() && allowed(now) && mailbox_room()) {
		if (hello_unsent) {
			hello_unsent = false;
			send_hello();
		} else if (alert_unsent) {
			alert_unsent = false;
			send_alert(now);
		} else {
			send_about(queue_next_unsent());
		}
	}
}
