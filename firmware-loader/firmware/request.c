// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Requests of the host, one at a time: the next one is taken when the reply to the last one is in
 * the ring. Stopping a queue and suspending take time; they are in progress until the scheduler
 * says that it is done, and everything else goes on meanwhile.
 */
#include "request.h"

#include <stddef.h>
#include <string.h>

#include "events.h"
#include "hw.h"
#include "log.h"
#include "mailbox.h"
#include "queue.h"
#include "ring.h"
#include "sched.h"
#include "sensors.h"
#include "window.h"

enum progress {
	NOTHING,	/* no request in hand */
	STOPPING,	/* a queue leaves its slot */
	SUSPENDING,	/* all queues leave their slots */
	DONE,		/* the reply is complete and waits for room */
};

static struct {
	enum progress progress;
	struct ogpu_msg reply;
	struct queue *queue;	/* of STOPPING */
	bool destroy;
	bool configured;
	uint64_t features;	/* chosen by the host */
} state;

static void finish(enum ogpu_msg_status status, const void *body, uint32_t size)
{
	state.reply.status = status;
	state.reply.size = size;
	if (size)
		memcpy(state.reply.body, body, size);
	state.progress = DONE;
}

static void configure(const struct ogpu_msg_configure *body)
{
	if (state.configured) {
		finish(OGPU_MSG_EPROTO, NULL, 0);
	} else if (body->abi != OGPU_FW_ABI_VERSION) {
		finish(OGPU_MSG_EABI, NULL, 0);
	} else if (body->rsvd || (body->features & ~FW_FEATURES)) {
		finish(OGPU_MSG_EINVAL, NULL, 0);
	} else {
		state.configured = true;
		state.features = body->features;
		log_line("configured: ABI %lu, features 0x%llx, host time %lu s", body->abi,
			 (unsigned long long)body->features,
			 (uint32_t)(body->host_time_ns / 1000000000));
		finish(OGPU_MSG_OK, NULL, 0);
	}
}

static void create(const struct ogpu_msg_queue_create *body, uint64_t now)
{
	enum ogpu_msg_status status;
	struct queue *q;

	if (body->engine < OGPU_ENGINE_CLASSES && !sched_has_class(body->engine)) {
		finish(OGPU_MSG_EINVAL, NULL, 0);
		return;
	}
	status = queue_create(body, hw_read(OGPU_MC_DOORBELLS), &q);
	if (status == OGPU_MSG_OK)
		sched_check_work(q, false, now);
	finish(status, NULL, 0);
}

static void query(const struct queue *q, uint64_t now)
{
	struct ogpu_msg_queue_state answer = {
		.queue = q->desc.queue,
		.error = q->error.error,
		.switches = q->switches,
		.busy_ns = sched_queue_busy_ns(q),
		.rptr = q->pos,
		.waited_ns = sched_queue_waited_ns(q, now),
		.unit_ns = sched_queue_unit_ns(q),
	};
	uint64_t rptr;

	switch (q->state) {
	case QUEUE_READY:
	case QUEUE_PARKED:
		answer.state = OGPU_QUEUE_READY;
		break;
	case QUEUE_ACTIVE:
		answer.state = sched_queue_executing(q) ? OGPU_QUEUE_RUNNING : OGPU_QUEUE_IDLE;
		if (window_peek64(q->desc.rptr, &rptr))
			answer.rptr = rptr;
		break;
	case QUEUE_FAILED:
		answer.state = OGPU_QUEUE_FAILED;
		break;
	default:
		answer.state = OGPU_QUEUE_IDLE;
		break;
	}
	finish(OGPU_MSG_OK, &answer, sizeof(answer));
}

static void about_queue(enum ogpu_msg_type type, const struct ogpu_msg_queue *body, uint64_t now)
{
	struct queue *q = queue_find(body->queue);

	if (body->rsvd) {
		finish(OGPU_MSG_EINVAL, NULL, 0);
	} else if (!q) {
		finish(OGPU_MSG_ENOQUEUE, NULL, 0);
	} else if (type == OGPU_MSG_QUEUE_QUERY) {
		query(q, now);
	} else {
		state.queue = q;
		state.destroy = type == OGPU_MSG_QUEUE_DESTROY;
		state.progress = STOPPING;
		sched_stop(q, now);
	}
}

static void sensors(uint64_t now)
{
	struct ogpu_msg_sensors answer = { 0 };

	sensors_read(&answer, now);
	finish(OGPU_MSG_OK, &answer, sizeof(answer));
}

/* Bytes that the body of a request has at least, and those of it that we know. */
struct body_size {
	uint32_t min, known;
};

/* Returns false for an unknown type. */
static bool body_size(enum ogpu_msg_type type, struct body_size *size)
{
	switch (type) {
	case OGPU_MSG_CONFIGURE:
		*size = (struct body_size) { OGPU_MSG_CONFIGURE_MIN,
					     sizeof(struct ogpu_msg_configure) };
		return true;
	case OGPU_MSG_QUEUE_CREATE:
		*size = (struct body_size) { OGPU_MSG_QUEUE_CREATE_MIN,
					     sizeof(struct ogpu_msg_queue_create) };
		return true;
	case OGPU_MSG_QUEUE_DESTROY:
	case OGPU_MSG_QUEUE_STOP:
	case OGPU_MSG_QUEUE_QUERY:
		*size = (struct body_size) { OGPU_MSG_QUEUE_MIN, sizeof(struct ogpu_msg_queue) };
		return true;
	case OGPU_MSG_PING:
	case OGPU_MSG_SENSORS:
	case OGPU_MSG_SUSPEND:
	case OGPU_MSG_RESUME:
		*size = (struct body_size) { 0, 0 };
		return true;
	default:
		return false;
	}
}

/* Bodies are copied out of the message: there they are not aligned for the compiler's liking. */
union body {
	struct ogpu_msg_configure configure;
	struct ogpu_msg_queue_create create;
	struct ogpu_msg_queue queue;
	uint8_t bytes[OGPU_MSG_BODY];
};

static void begin(const struct ogpu_msg *req, uint64_t now)
{
	struct body_size size;
	union body body;

	memset(&state.reply, 0, sizeof(state.reply));
	state.reply.seq = req->seq;
	state.reply.type = req->type | OGPU_MSG_REPLY;
	memcpy(body.bytes, req->body, sizeof(body.bytes));

	if (!ring_message_ok(req)) {
		finish(OGPU_MSG_EINVAL, NULL, 0);
		return;
	}
	if (!state.configured && req->type != OGPU_MSG_CONFIGURE) {
		finish(OGPU_MSG_EPROTO, NULL, 0);
		return;
	}
	if (!body_size(req->type, &size)) {
		finish(OGPU_MSG_EUNKNOWN, NULL, 0);
		return;
	}
	if (!ring_body_ok(req, size.min, size.known)) {
		finish(OGPU_MSG_EINVAL, NULL, 0);
		return;
	}

	switch (req->type) {
	case OGPU_MSG_CONFIGURE:
		configure(&body.configure);
		break;
	case OGPU_MSG_QUEUE_CREATE:
		create(&body.create, now);
		break;
	case OGPU_MSG_QUEUE_DESTROY:
	case OGPU_MSG_QUEUE_STOP:
	case OGPU_MSG_QUEUE_QUERY:
		about_queue(req->type, &body.queue, now);
		break;
	case OGPU_MSG_SENSORS:
		sensors(now);
		break;
	case OGPU_MSG_SUSPEND:
		sched_suspend();
		sched_run(now);
		state.progress = SUSPENDING;
		break;
	case OGPU_MSG_RESUME:
		sched_resume();
		finish(OGPU_MSG_OK, NULL, 0);
		break;
	default:	/* PING */
		finish(OGPU_MSG_OK, NULL, 0);
		break;
	}
}

/* A queue has stopped when it is on no slot; it is still on one after failing if that is dead. */
static void check_stopped(void)
{
	struct queue *q = state.queue;

	if (q->state != QUEUE_FAILED)
		return;
	if (q->slot != QUEUE_NO_SLOT) {
		log_line("queue %lu does not leave slot %lu", (uint32_t)q->desc.queue,
			 (uint32_t)q->slot);
		finish(OGPU_MSG_EHW, NULL, 0);
		return;
	}
	if (state.destroy)
		queue_free(q);
	finish(OGPU_MSG_OK, NULL, 0);
}

static void go_on(void)
{
	bool obeyed;

	if (state.progress == STOPPING)
		check_stopped();
	else if (state.progress == SUSPENDING && sched_quiet(&obeyed))
		finish(obeyed ? OGPU_MSG_OK : OGPU_MSG_EHW, NULL, 0);
}

/**
 * request_serve() - take requests and answer them, as far as that is possible now
 * @now: time
 *
 * What there is to tell goes out before a reply: after the reply to STOP no error of that queue
 * follows.
 */
void request_serve(uint64_t now)
{
	struct ogpu_msg req;

	for (;;) {
		go_on();
		if (state.progress == DONE) {
			events_send(now);
			if (events_waiting() || !mailbox_room())
				return;
			mailbox_send(&state.reply);
			state.progress = NOTHING;
		}
		if (state.progress != NOTHING || !mailbox_take(&req))
			return;
		begin(&req, now);
	}
}

/**
 * request_reply_waiting() - whether a reply waits for room in the ring
 */
bool request_reply_waiting(void)
{
	return state.progress == DONE;
}

/**
 * request_alerts_wanted() - whether the host is interested in sensors
 */
bool request_alerts_wanted(void)
{
	return state.features & OGPU_FW_FEATURE_SENSORS;
}
