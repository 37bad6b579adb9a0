// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Requests of the host. Most are answered at once. Stopping a queue and suspending take time: their
 * replies are owed until the scheduler says that it is done, and requests after them are served
 * meanwhile. A request is taken only if there is room for its reply, so none is ever lost.
 */
#include "request.h"

#include <stddef.h>
#include <string.h>

#include "control.h"
#include "events.h"
#include "hw.h"
#include "log.h"
#include "mailbox.h"
#include "queue.h"
#include "ras.h"
#include "ring.h"
#include "sched.h"
#include "sensors.h"
#include "window.h"

/* Requests taken in one round of the main loop, so that everything else has its turn. */
#define ROUND_MAX	32

/* A request that has begun and whose reply comes when the scheduler has done it. */
struct owed {
	uint32_t seq;
	enum ogpu_msg_type type;
	struct queue *queue;	/* NULL: all of them, or one that is gone */
};

static struct {
	bool configured;
	uint64_t features;	/* chosen by the host */
	bool blocked;		/* there is something to send and no room for it */
	bool more;		/* requests were left for the next round */
	struct owed owed[OGPU_FW_OWED_MAX];	/* in the order in which they were asked */
	unsigned int owed_count;
} state;

/* Bodies are copied out of the message: there they are not aligned for the compiler's liking. */
union body {
	struct ogpu_msg_configure configure;
	struct ogpu_msg_queue_create create;
	struct ogpu_msg_queue queue;
	struct ogpu_msg_svn svn;
	struct ogpu_msg_power_cap power_cap;
	struct ogpu_msg_ras_query ras;
	uint8_t bytes[OGPU_MSG_BODY];
};

/* A request; what follows sends the reply or owes it. */
struct request {
	uint32_t seq;
	enum ogpu_msg_type type;
	union body body;
	uint64_t now;
};

static void reply(uint32_t seq, enum ogpu_msg_type type, enum ogpu_msg_status status,
		  const void *body, uint32_t size)
{
	struct ogpu_msg msg = {
		.seq = seq,
		.type = type | OGPU_MSG_REPLY,
		.status = status,
		.size = size,
	};

	if (size)
		memcpy(msg.body, body, size);
	mailbox_send(&msg);
}

static void answer(const struct request *req, enum ogpu_msg_status status)
{
	reply(req->seq, req->type, status, NULL, 0);
}

static void owe(const struct request *req, struct queue *queue)
{
	state.owed[state.owed_count++] = (struct owed) { req->seq, req->type, queue };
}

static enum ogpu_msg_status try_configure(const struct ogpu_msg_configure *body)
{
	if (state.configured)
		return OGPU_MSG_EPROTO;
	if (body->abi != OGPU_FW_ABI_VERSION)
		return OGPU_MSG_EABI;
	if (body->rsvd || (body->features & ~FW_FEATURES))
		return OGPU_MSG_EINVAL;
	state.configured = true;
	state.features = body->features;
	log_line("configured: ABI %lu, features 0x%llx, host time %lu s", body->abi,
		 (unsigned long long)body->features,
		 (uint32_t)(body->host_time_ns / 1000000000));
	return OGPU_MSG_OK;
}

static void configure(const struct request *req)
{
	answer(req, try_configure(&req->body.configure));
}

static void ping(const struct request *req)
{
	answer(req, OGPU_MSG_OK);
}

static void create(const struct request *req)
{
	const struct ogpu_msg_queue_create *body = &req->body.create;
	enum ogpu_msg_status status = OGPU_MSG_EINVAL;
	struct queue *q;

	if (body->engine < OGPU_ENGINE_CLASSES && sched_class_slots(body->engine))
		status = queue_create(body, hw_read(OGPU_MC_DOORBELLS), &q);
	if (status == OGPU_MSG_OK) {
		status = queue_join_gang(q, sched_class_slots(body->engine));
		if (status == OGPU_MSG_OK && (body->flags & OGPU_QUEUE_RESTORE) &&
		    !control_restore(q))
			status = OGPU_MSG_EINVAL;
		if (status == OGPU_MSG_OK)
			sched_add(q, req->now);
		else
			queue_free(q);
	}
	answer(req, status);
}

/* The queue that a request is about; NULL if there is none: that has been answered, then. */
static struct queue *queue_of(const struct request *req)
{
	struct queue *q = queue_find(req->body.queue.queue);

	if (req->body.queue.rsvd) {
		answer(req, OGPU_MSG_EINVAL);
		return NULL;
	}
	if (!q)
		answer(req, OGPU_MSG_ENOQUEUE);
	return q;
}

static void query(const struct request *req)
{
	struct queue *q = queue_of(req);
	struct ogpu_msg_queue_state body;
	uint64_t rptr;

	if (!q)
		return;
	body = (struct ogpu_msg_queue_state) {
		.queue = q->desc.queue,
		.state = sched_queue_state(q),
		.error = q->error.error,
		.switches = q->switches,
		.busy_ns = sched_queue_busy_ns(q),
		.rptr = q->pos,
		.waited_ns = sched_queue_waited_ns(q, req->now),
		.unit_ns = sched_queue_unit_ns(q),
	};
	if (q->state == QUEUE_ACTIVE && !queue_is_virtual(q) && window_peek64(q->desc.rptr, &rptr))
		body.rptr = rptr;
	reply(req->seq, req->type, OGPU_MSG_OK, &body, sizeof(body));
}

static void stop(const struct request *req)
{
	struct queue *q = queue_of(req);

	if (!q)
		return;
	sched_stop(q, req->now);
	owe(req, q);
}

static void queue_suspend(const struct request *req)
{
	struct queue *q = queue_of(req);

	if (!q)
		return;
	sched_queue_suspend(q, req->now);
	owe(req, q);
}

static void queue_resume(const struct request *req)
{
	struct queue *q = queue_of(req);

	if (!q)
		return;
	sched_queue_resume(q, req->now);
	answer(req, OGPU_MSG_OK);
}

static void sensors(const struct request *req)
{
	struct ogpu_msg_sensors body = { 0 };

	sensors_read(&body, req->now);
	reply(req->seq, req->type, OGPU_MSG_OK, &body, sizeof(body));
}

static void commit(const struct request *req)
{
	struct ogpu_msg_svn body = { 0 };
	enum ogpu_msg_status status = svn_commit(&req->body.svn, &body);

	reply(req->seq, req->type, status, &body, sizeof(body));
}

static void power_cap(const struct request *req)
{
	struct ogpu_msg_power_cap body = { 0 };
	enum ogpu_msg_status status = sensors_power_cap(&req->body.power_cap, &body);

	reply(req->seq, req->type, status, &body, sizeof(body));
}

static void ras(const struct request *req)
{
	struct ogpu_msg_ras body = { 0 };
	enum ogpu_msg_status status = ras_request(&req->body.ras, &body);

	reply(req->seq, req->type, status, &body, sizeof(body));
}

static void suspend(const struct request *req)
{
	sched_suspend();
	sched_run(req->now);
	owe(req, NULL);
}

static void resume(const struct request *req)
{
	sched_resume();
	answer(req, OGPU_MSG_OK);
}

#define QUEUE_BODY	sizeof(struct ogpu_msg_queue)

/* All requests: the least bytes of their body, those of it that we know, and who serves them. */
static const struct {
	uint8_t min, known;
	void (*serve)(const struct request *req);
} requests[] = {
	[OGPU_MSG_CONFIGURE] = { OGPU_MSG_CONFIGURE_MIN, sizeof(struct ogpu_msg_configure),
				 configure },
	[OGPU_MSG_PING] = { 0, 0, ping },
	[OGPU_MSG_QUEUE_CREATE] = { OGPU_MSG_QUEUE_CREATE_MIN,
				    sizeof(struct ogpu_msg_queue_create), create },
	[OGPU_MSG_QUEUE_DESTROY] = { OGPU_MSG_QUEUE_MIN, QUEUE_BODY, stop },
	[OGPU_MSG_QUEUE_STOP] = { OGPU_MSG_QUEUE_MIN, QUEUE_BODY, stop },
	[OGPU_MSG_QUEUE_QUERY] = { OGPU_MSG_QUEUE_MIN, QUEUE_BODY, query },
	[OGPU_MSG_SENSORS] = { 0, 0, sensors },
	[OGPU_MSG_SUSPEND] = { 0, 0, suspend },
	[OGPU_MSG_RESUME] = { 0, 0, resume },
	[OGPU_MSG_QUEUE_SUSPEND] = { OGPU_MSG_QUEUE_MIN, QUEUE_BODY, queue_suspend },
	[OGPU_MSG_QUEUE_RESUME] = { OGPU_MSG_QUEUE_MIN, QUEUE_BODY, queue_resume },
	[OGPU_MSG_COMMIT_SVN] = { OGPU_MSG_SVN_MIN, sizeof(struct ogpu_msg_svn), commit },
	[OGPU_MSG_POWER_CAP] = { OGPU_MSG_POWER_CAP_MIN, sizeof(struct ogpu_msg_power_cap),
				 power_cap },
	[OGPU_MSG_RAS] = { OGPU_MSG_RAS_QUERY_MIN, sizeof(struct ogpu_msg_ras_query), ras },
};

static void begin(const struct ogpu_msg *msg, uint64_t now)
{
	struct request req = { .seq = msg->seq, .type = msg->type, .now = now };

	memcpy(req.body.bytes, msg->body, sizeof(req.body.bytes));
	if (!ring_message_ok(msg))
		answer(&req, OGPU_MSG_EINVAL);
	else if (!state.configured && msg->type != OGPU_MSG_CONFIGURE)
		answer(&req, OGPU_MSG_EPROTO);
	else if (msg->type >= sizeof(requests) / sizeof(requests[0]) ||
		 !requests[msg->type].serve)
		answer(&req, OGPU_MSG_EUNKNOWN);
	else if (!ring_body_ok(msg, requests[msg->type].min, requests[msg->type].known))
		answer(&req, OGPU_MSG_EINVAL);
	else
		requests[msg->type].serve(&req);
}

static bool is_done(const struct owed *owed, enum ogpu_msg_status *status)
{
	const struct queue *q = owed->queue;
	bool done, obeyed;

	if (owed->type == OGPU_MSG_SUSPEND) {
		done = sched_quiet(&obeyed);
	} else if (!q) {
		*status = OGPU_MSG_ENOQUEUE;
		return true;
	} else if (q->state == QUEUE_FAILED) {
		done = true;
		obeyed = q->slot == QUEUE_NO_SLOT;	/* else that slot is dead */
	} else {
		done = owed->type == OGPU_MSG_QUEUE_SUSPEND &&
		       (q->slot == QUEUE_NO_SLOT || !q->suspended);
		obeyed = true;
	}
	*status = obeyed ? OGPU_MSG_OK : OGPU_MSG_EHW;
	return done;
}

/* The queue is gone; whoever asked for it as well finds none. */
static void forget(struct queue *q)
{
	unsigned int i;

	for (i = 0; i < state.owed_count; i++) {
		if (state.owed[i].queue == q)
			state.owed[i].queue = NULL;
	}
	queue_free(q);
}

/* Sends a reply that is owed. False if there is no room. */
static bool pay(const struct owed *owed, enum ogpu_msg_status status)
{
	if (owed->queue && !events_about(owed->queue))
		return false;
	if (!mailbox_room())
		return false;
	if (status == OGPU_MSG_EHW)
		log_line("request %lu: a slot does not obey", owed->seq);
	reply(owed->seq, owed->type, status, NULL, 0);
	if (owed->type == OGPU_MSG_QUEUE_DESTROY && status == OGPU_MSG_OK)
		forget(owed->queue);
	return true;
}

/* Sends the replies that can be sent now. */
static void settle(void)
{
	enum ogpu_msg_status status;
	unsigned int i, kept = 0;

	state.blocked = false;
	for (i = 0; i < state.owed_count; i++) {
		if (!state.blocked && is_done(&state.owed[i], &status)) {
			if (pay(&state.owed[i], status))
				continue;
			state.blocked = true;
		}
		state.owed[kept++] = state.owed[i];
	}
	state.owed_count = kept;
}

/**
 * request_serve() - take requests, and answer those that are done
 * @now: time
 *
 * What there is to tell of a queue goes out before the reply to its STOP, DESTROY or SUSPEND. After
 * the first two no error of that queue follows.
 */
void request_serve(uint64_t now)
{
	struct ogpu_msg msg;
	unsigned int n;

	settle();
	for (n = 0; n < ROUND_MAX; n++) {
		if (state.owed_count == OGPU_FW_OWED_MAX || !mailbox_waiting())
			break;
		/* Most are answered at once. */
		if (!mailbox_room()) {
			state.blocked = true;
			break;
		}
		if (!mailbox_take(&msg))
			break;
		begin(&msg, now);
		settle();
	}
	state.more = n == ROUND_MAX;
}

/**
 * request_blocked() - whether there is something to send and no room for it
 */
bool request_blocked(void)
{
	return state.blocked;
}

/**
 * request_more() - whether request_serve() left requests although they could be served
 */
bool request_more(void)
{
	return state.more;
}

/**
 * request_alerts_wanted() - whether the host is interested in sensors
 */
bool request_alerts_wanted(void)
{
	return state.features & OGPU_FW_FEATURE_SENSORS;
}
