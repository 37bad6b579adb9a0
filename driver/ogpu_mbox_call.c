// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Requests to firmware that are under way: which reply belongs to which, and which are late.
 *
 * Firmware may be broken or hostile: it may reply twice, to nobody, with another type, late or
 * never, and take requests without end. A reply counts once and only for the request whose number
 * and type it has, and the number of one that is over does not come again for a long time.
 *
 * What is late is told by a clock of its own, which goes as fast as firmware is run: that of a
 * virtual GPU on a busy host may need ten times as long for what it owes without being broken, and
 * so may the queues that it stops.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "ogpu_mbox_call.h"
#include "ogpu_mbox_ring.h"

/**
 * ogpu_mbox_calls_init() - none is under way
 * @calls: to set up
 * @ring: of requests
 * @timeout: milliseconds that each may take
 */
void ogpu_mbox_calls_init(struct ogpu_mbox_calls *calls, struct ogpu_mbox_ring *ring,
			  u32 timeout)
{
	calls->ring = ring;
	calls->timeout = timeout;
	calls->clock = 0;
	calls->started = true;
	calls->seq = 0;
	memset(calls->table, 0, sizeof(calls->table));
	INIT_LIST_HEAD(&calls->sent);
	INIT_LIST_HEAD(&calls->backlog);
}

/**
 * ogpu_mbox_calls_tick() - move the clock on
 * @calls: all of them
 * @now: jiffies
 * @had: &struct ogpu_mbox_header.had_ms; firmware that is broken may tell anything
 */
void ogpu_mbox_calls_tick(struct ogpu_mbox_calls *calls, unsigned long now, u32 had)
{
	unsigned int passed = jiffies_to_msecs(now - calls->looked);

	if (calls->started) {
		calls->started = false;
	} else {
		if (passed < OGPU_MBOX_TICK_MS)
			return;
		/* Some of what is told only now may be older. */
		calls->clock += clamp(had - calls->had, passed / OGPU_MBOX_SLOW,
				      passed + OGPU_FW_HAD_MS);
	}
	calls->looked = now;
	calls->had = had;
}

/**
 * ogpu_mbox_calls_add() - put a request behind all others
 * @calls: all of them
 * @call: the new one, with type, size and body in its @msg
 */
void ogpu_mbox_calls_add(struct ogpu_mbox_calls *calls, struct ogpu_mbox_call *call)
{
	if (list_empty(&calls->sent) && list_empty(&calls->backlog))
		calls->started = true;
	call->type = le16_to_cpu(call->msg.type);
	call->deadline = calls->clock + calls->timeout;
	list_add_tail(&call->link, &calls->backlog);
}

/* The next number whose place in the table is free; 0 if there is none. */
static u32 ogpu_mbox_calls_next_seq(struct ogpu_mbox_calls *calls)
{
	unsigned int i;

	for (i = 0; i <= OGPU_MBOX_CALLS; i++) {
		/* 0 stands for events. */
		if (++calls->seq && !calls->table[calls->seq % OGPU_MBOX_CALLS])
			return calls->seq;
	}

	return 0;
}

/**
 * ogpu_mbox_calls_push() - give firmware a request
 * @calls: all of them
 *
 * After the last one the caller rings the bell.
 *
 * Return: the request; NULL if none waits or there is no room; ERR_PTR(-EIO) if firmware's counter
 * is impossible.
 */
struct ogpu_mbox_call *ogpu_mbox_calls_push(struct ogpu_mbox_calls *calls)
{
	struct ogpu_mbox_call *call;
	u32 seq;
	int ret;

	call = list_first_entry_or_null(&calls->backlog, struct ogpu_mbox_call, link);
	if (!call)
		return NULL;
	seq = ogpu_mbox_calls_next_seq(calls);
	if (!seq)
		return NULL;
	call->msg.seq = cpu_to_le32(seq);
	ret = ogpu_mbox_ring_push(calls->ring, &call->msg);
	if (ret)
		return ret == -EBUSY ? NULL : ERR_PTR(ret);

	call->deadline = calls->clock + calls->timeout;
	calls->table[seq % OGPU_MBOX_CALLS] = call;
	list_move_tail(&call->link, &calls->sent);

	return call;
}

/* Whoever it is: it is under way no more. */
static struct ogpu_mbox_call *ogpu_mbox_calls_remove(struct ogpu_mbox_calls *calls,
						     struct ogpu_mbox_call *call)
{
	u32 at = le32_to_cpu(call->msg.seq) % OGPU_MBOX_CALLS;

	if (calls->table[at] == call)
		calls->table[at] = NULL;
	list_del_init(&call->link);

	return call;
}

/**
 * ogpu_mbox_calls_reply() - find the request to which firmware replies
 * @calls: all of them
 * @msg: the reply, which is then the request's @msg
 *
 * Return: the request, which is under way no more, or NULL if none waits for this reply.
 */
struct ogpu_mbox_call *ogpu_mbox_calls_reply(struct ogpu_mbox_calls *calls,
					     const struct ogpu_msg *msg)
{
	u32 seq = le32_to_cpu(msg->seq);
	struct ogpu_mbox_call *call = calls->table[seq % OGPU_MBOX_CALLS];

	if (!call || le32_to_cpu(call->msg.seq) != seq ||
	    le16_to_cpu(msg->type) != (call->type | OGPU_MSG_REPLY))
		return NULL;

	ogpu_mbox_calls_remove(calls, call);
	call->msg = *msg;

	return call;
}

static bool ogpu_mbox_calls_is_late(const struct ogpu_mbox_calls *calls,
				    const struct ogpu_mbox_call *call)
{
	return call && (s32)(calls->clock - call->deadline) > 0;
}

/**
 * ogpu_mbox_calls_late() - find a request that has taken too long
 * @calls: all of them
 *
 * Return: the request, which is under way no more, or NULL if there is none.
 */
struct ogpu_mbox_call *ogpu_mbox_calls_late(struct ogpu_mbox_calls *calls)
{
	struct ogpu_mbox_call *call;

	/* Both lists are in the order of their deadlines. */
	call = list_first_entry_or_null(&calls->sent, struct ogpu_mbox_call, link);
	if (ogpu_mbox_calls_is_late(calls, call))
		return ogpu_mbox_calls_remove(calls, call);
	call = list_first_entry_or_null(&calls->backlog, struct ogpu_mbox_call, link);
	if (ogpu_mbox_calls_is_late(calls, call))
		return ogpu_mbox_calls_remove(calls, call);

	return NULL;
}

/**
 * ogpu_mbox_calls_any() - find any request
 * @calls: all of them
 *
 * Return: one, which is under way no more, or NULL if there is none.
 */
struct ogpu_mbox_call *ogpu_mbox_calls_any(struct ogpu_mbox_calls *calls)
{
	struct ogpu_mbox_call *call;

	call = list_first_entry_or_null(&calls->sent, struct ogpu_mbox_call, link);
	if (!call)
		call = list_first_entry_or_null(&calls->backlog, struct ogpu_mbox_call, link);

	return call ? ogpu_mbox_calls_remove(calls, call) : NULL;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_mbox_call_test.c"
#endif
