// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Control pages: host memory in which the host sees how a queue stands without asking, and from
 * which other firmware takes the queue over. Memory that does not answer costs the host what it
 * would have read, and nobody else anything.
 */
#include "control.h"

#include <stddef.h>
#include <string.h>

#include "hw.h"
#include "sched.h"
#include "window.h"

#define POS_ALIGN	8u

/**
 * control_publish() - write how a queue stands to its control page
 * @queue: any queue
 * @now: time
 */
void control_publish(struct queue *queue, uint64_t now)
{
	const struct queue_error *error = &queue->error;
	struct ogpu_queue_control page = {
		.state = sched_queue_state(queue),
		.switches = queue->switches,
		.error = error->error,
		.fault_va = error->fault_va,
		.packet = error->packet,
		.pc = error->pc,
		.asid = queue->desc.asid,
		.access = error->access,
		.reason = error->reason,
		.detail = error->detail,
		.busy_ns = sched_queue_busy_ns(queue),
		.waited_ns = sched_queue_waited_ns(queue, now),
		.unit_ns = sched_queue_unit_ns(queue),
		.now_ns = now,
		.pos = queue->pos,
		.held = queue->held,
	};
	size_t seq_size = sizeof(page.seq);

	if (queue->desc.control == OGPU_CONTROL_NONE)
		return;
	memcpy(page.context, queue->context, sizeof(page.context));
	queue->control_seq += 2;
	page.seq = queue->control_seq - 1;
	window_move(queue->desc.control);
	if (!window_put(0, &page.seq, seq_size))
		return;
	hw_fence();
	window_put(seq_size, (const char *)&page + seq_size, sizeof(page) - seq_size);
	hw_fence();
	page.seq++;
	window_put(0, &page.seq, seq_size);
}

/* A queue that has failed has an error, one that stands at a fault may, also while suspended. */
static bool error_ok(enum ogpu_queue_run_state state, uint32_t error)
{
	if (error > UINT8_MAX)		/* as wide as in a slot's STATUS */
		return false;
	switch (state) {
	case OGPU_QUEUE_FAILED:
		return error;
	case OGPU_QUEUE_FAULTED:
	case OGPU_QUEUE_SUSPENDED:
		return true;
	default:
		return !error;
	}
}

/**
 * control_restore() - go on where a queue's control page says
 * @queue: just created
 *
 * The page is the host's and may say anything. Where the queue stands is checked by the slot that
 * it gets, as if user space had written it.
 *
 * Return: false if the page does not answer or was not written by firmware.
 */
bool control_restore(struct queue *queue)
{
	struct ogpu_queue_control page;

	window_move(queue->desc.control);
	if (!window_get(&page, sizeof(page)))
		return false;
	if (page.seq % 2 || page.state > OGPU_QUEUE_FAULTED || page.pos % POS_ALIGN ||
	    page.rsvd[0] || page.rsvd[1] || page.rsvd[2] || !error_ok(page.state, page.error))
		return false;
	queue->control_seq = page.seq;
	queue->switches = page.switches;
	queue->busy_ns = page.busy_ns;
	queue->waited_ns = page.waited_ns;
	queue->unit_ns = page.unit_ns;
	queue->pos = page.pos;
	memcpy(queue->context, page.context, sizeof(queue->context));
	queue->held = page.held;
	queue->error.pc = page.pc;
	if (page.state == OGPU_QUEUE_FAILED) {
		struct queue_error error = {
			.error = page.error,
			.fault_va = page.fault_va,
			.packet = page.packet,
			.pc = page.pc,
			.access = page.access,
			.reason = page.reason,
			.detail = page.detail,
		};

		queue_fail(queue, &error, false);	/* the host has been told */
	}
	return true;
}
