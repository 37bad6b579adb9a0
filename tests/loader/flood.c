// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware that floods: the real one, linked with this between its main loop, its mailbox and its
 * events. It does all that it should, and from when it has been asked to make a compute queue and
 * then to destroy any queue, more: in each round it sends whatever the ring has room for (events of
 * queues that do not exist, alerts, types that nobody knows, replies that nobody waits for) and
 * raises the interrupts of the other rings.
 */
#include "abi/mbox.h"
#include "abi/queue.h"
#include "abi/regs.h"
#include "events.h"
#include "hw.h"
#include "mailbox.h"

/* A round ends although the host keeps up, for the heartbeat's sake. */
#define FLOOD_ROUND	64

/* The linker's names of what is wrapped. */
bool __real_mailbox_take(struct ogpu_msg *msg);
bool __wrap_mailbox_take(struct ogpu_msg *msg);
void __real_events_send(uint64_t now);
void __wrap_events_send(uint64_t now);
uint64_t __real_events_deadline(uint64_t now);
uint64_t __wrap_events_deadline(uint64_t now);

static bool compute_queue, flooding;

static const uint16_t flood_types[] = {
	OGPU_MSG_QUEUE_ERROR,
	OGPU_MSG_SENSOR_ALERT,
	0x7777,
	OGPU_MSG_QUEUE_QUERY | OGPU_MSG_REPLY,
};

bool __wrap_mailbox_take(struct ogpu_msg *msg)
{
	const struct ogpu_msg_queue_create *create = (const void *)msg->body;

	if (!__real_mailbox_take(msg))
		return false;
	if (msg->type == OGPU_MSG_QUEUE_CREATE && create->engine == OGPU_ENGINE_COMPUTE)
		compute_queue = true;
	if (msg->type == OGPU_MSG_QUEUE_DESTROY && compute_queue)
		flooding = true;
	return true;
}

void __wrap_events_send(uint64_t now)
{
	static uint32_t count;
	unsigned int i;

	__real_events_send(now);
	if (!flooding)
		return;
	for (i = 0; i < FLOOD_ROUND && mailbox_room(); i++, count++) {
		struct ogpu_msg msg = {
			.type = flood_types[count % 4],
			.size = OGPU_MSG_BODY,
		};
		unsigned int at;

		/* Of no queue that there is, and a load of hardware that cannot be. */
		for (at = 0; at < OGPU_MSG_BODY; at++)
			msg.body[at] = 0xff;
		if (msg.type & OGPU_MSG_REPLY)
			msg.seq = count | 0x80000000;
		mailbox_send(&msg);
		hw_write(OGPU_MC_HOST_IRQ, OGPU_VECTOR_EVENT);
		hw_write(OGPU_MC_HOST_IRQ, OGPU_VECTOR_SIGNAL);
	}
}

/* Who floods never sleeps. */
uint64_t __wrap_events_deadline(uint64_t now)
{
	return flooding ? now : __real_events_deadline(now);
}
