/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Requests to firmware that are under way, each waiting for the reply of its sequence number.
 *
 * Pure code on memory, as ogpu_mbox_ring.h: the caller serialises, and tells the time.
 */
#ifndef _OGPU_MBOX_CALL_H_
#define _OGPU_MBOX_CALL_H_

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/types.h>

#include "abi/mbox.h"

struct ogpu_mbox_ring;

/* Firmware takes OGPU_FW_OWED_MAX requests that take time, and the ring holds some more. */
#define OGPU_MBOX_CALLS		128u

/* Time that passes counts for so much less, at most, if firmware is not run. */
#define OGPU_MBOX_SLOW		10u
/* How often the clock is moved on at most. */
#define OGPU_MBOX_TICK_MS	50u

/**
 * struct ogpu_mbox_call - one request; memory of who makes it, from ogpu_mbox_send() until
 *	ogpu_mbox_finish() has returned
 */
struct ogpu_mbox_call {
	/** @link: in &struct ogpu_mbox_calls */
	struct list_head link;
	/** @over: completed once @err is final */
	struct completion over;
	/** @msg: the request; once @over, with @err 0, the reply */
	struct ogpu_msg msg;
	/** @type: of the request */
	u16 type;
	/** @err: 0 if there is a reply, whatever it says, else why not */
	int err;
	/** @deadline: on the clock of all, until which firmware has to reply, or to make room */
	u32 deadline;
};

/**
 * struct ogpu_mbox_calls - all requests that are not over
 */
struct ogpu_mbox_calls {
	/** @ring: where firmware takes them */
	struct ogpu_mbox_ring *ring;
	/** @table: those that it was given, at their sequence number modulo the size */
	struct ogpu_mbox_call *table[OGPU_MBOX_CALLS];
	/** @sent: the same ones, in order */
	struct list_head sent;
	/** @backlog: those for which the ring has no room yet, in order */
	struct list_head backlog;
	/** @seq: of the last one */
	u32 seq;
	/** @timeout: milliseconds of @clock that each may take */
	u32 timeout;
	/** @clock: milliseconds that firmware has had while there were some, free-running */
	u32 clock;
	/** @looked: when it was moved on, jiffies */
	unsigned long looked;
	/** @had: what firmware told then of the time that it had */
	u32 had;
	/** @started: the first of some has come since then */
	bool started;
};

void ogpu_mbox_calls_init(struct ogpu_mbox_calls *calls, struct ogpu_mbox_ring *ring,
			  u32 timeout);
void ogpu_mbox_calls_tick(struct ogpu_mbox_calls *calls, unsigned long now, u32 had);
void ogpu_mbox_calls_add(struct ogpu_mbox_calls *calls, struct ogpu_mbox_call *call);
struct ogpu_mbox_call *ogpu_mbox_calls_push(struct ogpu_mbox_calls *calls);
struct ogpu_mbox_call *ogpu_mbox_calls_reply(struct ogpu_mbox_calls *calls,
					     const struct ogpu_msg *msg);
struct ogpu_mbox_call *ogpu_mbox_calls_late(struct ogpu_mbox_calls *calls);
struct ogpu_mbox_call *ogpu_mbox_calls_any(struct ogpu_mbox_calls *calls);

#endif
