// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Events. What there is to tell is kept where it arose (a mark here, the error in its queue) until
 * the ring has room for it, so a host that is slow loses nothing.
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

static void send(enum ogpu_msg_type type, const void *body, uint32_t size)
{
	struct ogpu_msg msg = { .type = type, .size = size };

	memcpy(msg.body, body, size);
	mailbox_send(&msg);
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

/**
 * events_waiting() - whether there is something to tell
 */
bool events_waiting(void)
{
	return hello_unsent || alert_unsent || queue_any_unsent();
}

/**
 * events_send() - tell the host what there is to tell, as far as the ring has room
 * @now: time
 */
void events_send(uint64_t now)
{
	struct queue *q;

	while (events_waiting() && mailbox_room()) {
		if (hello_unsent) {
			hello_unsent = false;
			send_hello();
		} else if (alert_unsent) {
			alert_unsent = false;
			send_alert(now);
		} else {
			q = queue_next_unsent();
			send(OGPU_MSG_QUEUE_ERROR, &q->error, sizeof(q->error));
		}
	}
}
