// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Messages between driver and firmware: requests with replies, events, the log.
 *
 * Many requests may be under way at a time (ogpu_mbox_call.c). The thread of the mailbox interrupt
 * takes messages out of the ring: replies wake who waits, events are put aside for a worker, so
 * that what handles an event may send requests itself. All waits are bounded; a request without an
 * answer has the card looked at, and some of them in a row have it reset. So does firmware that
 * sends so many messages of its own accord that they would keep the host busy.
 */
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/kfifo.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/mbox.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_lockdep.h"
#include "ogpu_mbox.h"
#include "ogpu_mbox_call.h"
#include "ogpu_mbox_ring.h"
#include "ogpu_report.h"
#include "ogpu_trace.h"

#define OGPU_MBOX_REQ_OFFSET	4096u
#define OGPU_MBOX_REQ_ENTRIES	32u
#define OGPU_MBOX_MSG_OFFSET	8192u
#define OGPU_MBOX_MSG_ENTRIES	256u
#define OGPU_MBOX_LOG_OFFSET	40960u
#define OGPU_MBOX_LOG_SIZE	16384u
#define OGPU_MBOX_AREA_SIZE	57344u

static_assert(OGPU_MBOX_REQ_OFFSET + OGPU_MBOX_REQ_ENTRIES * sizeof(struct ogpu_msg) <=
	      OGPU_MBOX_MSG_OFFSET);
static_assert(OGPU_MBOX_MSG_OFFSET + OGPU_MBOX_MSG_ENTRIES * sizeof(struct ogpu_msg) <=
	      OGPU_MBOX_LOG_OFFSET);
static_assert(OGPU_MBOX_LOG_OFFSET + OGPU_MBOX_LOG_SIZE <= OGPU_MBOX_AREA_SIZE);
static_assert(OGPU_MBOX_LOG_SIZE + 1 <= OGPU_MBOX_LOG_TEXT);

#define OGPU_MBOX_TIMEOUT_MS	3000
/* How often to look into the ring while waiting, in case an interrupt got lost. */
#define OGPU_MBOX_POLL_MS	100
/* Requests without an answer, one after the other, that make a reset due. */
#define OGPU_MBOX_MAX_TIMEOUTS	3
#define OGPU_MBOX_EVENTS	64
/* Messages of each ring that are printed. */
#define OGPU_MBOX_PRINT		16u
/* Messages in a second that nobody asked for, four times what firmware may send. */
#define OGPU_MBOX_FLOOD	(4 * OGPU_FW_EVENTS_MAX * MSEC_PER_SEC / OGPU_FW_EVENTS_MS)

/**
 * struct ogpu_mbox - the mailbox of a card
 */
struct ogpu_mbox {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @header: start of the area; valid until unbind */
	struct ogpu_mbox_header *header;
	/** @dma: bus address of the area */
	dma_addr_t dma;
	/** @handlers: who is told of events, by kind; constant after probe */
	ogpu_mbox_handler handlers[OGPU_MBOX_KINDS];
	/** @running: firmware may be spoken to; written under @lock */
	bool running;
	/** @wait: woken by HELLO, when an event was handled, and when @running drops */
	wait_queue_head_t wait;

	/** @lock: protects what follows */
	struct mutex lock;
	/** @req: ring of requests */
	struct ogpu_mbox_ring req;
	/** @calls: requests that are under way */
	struct ogpu_mbox_calls calls;
	/** @timeouts: requests without an answer since the last one with */
	unsigned int timeouts;
	/** @msg: ring of replies and events */
	struct ogpu_mbox_ring msg;
	/** @open: firmware has its configuration, and refuses nobody */
	bool open;
	/** @broken: the ring's counters made no sense; nothing more is taken from it */
	bool broken;
	/** @hello: what firmware told about itself, once @got_hello */
	struct ogpu_msg_hello hello;
	/** @got_hello: firmware is alive */
	bool got_hello;
	/** @events: put aside for @event_work */
	DECLARE_KFIFO(events, struct ogpu_msg, OGPU_MBOX_EVENTS);
	/** @events_put: that were ever put aside, free-running */
	u32 events_put;
	/** @events_done: of those, handled; written by @event_work */
	u32 events_done;
	/** @unexpected: messages that nobody waited for, or that broke the rules */
	u64 unexpected;

	/** @told_since: when @told began to count, jiffies */
	unsigned long told_since;
	/** @told: messages that nobody asked for, less the replies, which errors may precede */
	unsigned int told;

	/** @event_work: handles @events on @wq */
	struct work_struct event_work;
	/** @wq: fences depend on it, so it must work when memory is short */
	struct workqueue_struct *wq;
};

static void *ogpu_mbox_at(struct ogpu_mbox *mbox, u32 offset)
{
	return (u8 *)mbox->header + offset;
}

/* Give an event to who it is for. */
static void ogpu_mbox_handle_event(struct ogpu_mbox *mbox, const struct ogpu_msg *msg)
{
	const struct ogpu_msg_queue *queue = (const void *)msg->body;
	enum ogpu_mbox_kind kind;

	switch (le16_to_cpu(msg->type)) {
	case OGPU_MSG_QUEUE_ERROR:
		trace_ogpu_event(mbox->odev, OGPU_MSG_QUEUE_ERROR, le32_to_cpu(queue->queue));
		kind = OGPU_MBOX_QUEUE_ERROR;
		break;
	case OGPU_MSG_QUEUE_FAULT:
		trace_ogpu_event(mbox->odev, OGPU_MSG_QUEUE_FAULT, le32_to_cpu(queue->queue));
		kind = OGPU_MBOX_QUEUE_FAULT;
		break;
	case OGPU_MSG_SENSOR_ALERT:
		kind = OGPU_MBOX_SENSOR_ALERT;
		break;
	default:
		return;
	}
	if (mbox->handlers[kind])
		mbox->handlers[kind](mbox->odev, msg->body);
}

static void ogpu_mbox_event_work(struct work_struct *work)
{
	struct ogpu_mbox *mbox = container_of(work, struct ogpu_mbox, event_work);
	struct ogpu_msg msg;
	bool got;

	for (;;) {
		mutex_lock(&mbox->lock);
		got = mbox->running && kfifo_get(&mbox->events, &msg);
		mutex_unlock(&mbox->lock);
		if (!got)
			break;
		ogpu_mbox_handle_event(mbox, &msg);
		WRITE_ONCE(mbox->events_done, mbox->events_done + 1);
		wake_up_all(&mbox->wait);
	}

	/* There is room again for what had to stay in the ring. */
	ogpu_mbox_poll(mbox->odev);
}

/* A request is over. Whoever waits for it may free it at once. */
static void ogpu_mbox_end(struct ogpu_mbox_call *call, int err)
{
	call->err = err;
	complete(&call->over);
}

/* Firmware that runs did not take a request or did not reply: is it dead? */
static void ogpu_mbox_no_reply(struct ogpu_mbox *mbox, struct ogpu_mbox_call *call, int err)
{
	struct ogpu_device *odev = mbox->odev;

	mbox->timeouts++;
	drm_err_ratelimited(&odev->drm, "firmware does not answer request %u: %pe\n", call->type,
			    ERR_PTR(err));
	if (mbox->timeouts >= OGPU_MBOX_MAX_TIMEOUTS || err == -EIO)
		ogpu_report(odev, OGPU_TROUBLE_FW_SILENT);
	else
		ogpu_report(odev, OGPU_TROUBLE_FW_LATE);
	ogpu_mbox_end(call, err);
}

/* Give firmware requests for which there is room. */
static void ogpu_mbox_push(struct ogpu_mbox *mbox)
{
	struct ogpu_mbox_call *call;
	bool any = false;
	int err;

	while (!IS_ERR_OR_NULL(call = ogpu_mbox_calls_push(&mbox->calls))) {
		trace_ogpu_request(mbox->odev, le32_to_cpu(call->msg.seq), call->type, 0);
		any = true;
	}
	if (any)
		mbox->odev->chip->mbox_bell(mbox->odev);
	if (!IS_ERR(call))
		return;
	err = PTR_ERR(call);
	while ((call = ogpu_mbox_calls_any(&mbox->calls)))
		ogpu_mbox_no_reply(mbox, call, err);
}

/* A message has come that nobody asked for. */
static void ogpu_mbox_count_told(struct ogpu_mbox *mbox)
{
	if (time_after(jiffies, mbox->told_since + HZ)) {
		mbox->told_since = jiffies;
		mbox->told = 0;
	}
	if (++mbox->told < OGPU_MBOX_FLOOD)
		return;
	mbox->told = 0;
	ogpu_report(mbox->odev, OGPU_TROUBLE_FW_FLOOD);
}

static void ogpu_mbox_receive(struct ogpu_mbox *mbox, const struct ogpu_msg *msg)
{
	u16 type = le16_to_cpu(msg->type);
	u32 seq = le32_to_cpu(msg->seq);

	if (type & OGPU_MSG_REPLY) {
		struct ogpu_mbox_call *call = ogpu_mbox_calls_reply(&mbox->calls, msg);

		trace_ogpu_reply(mbox->odev, seq, type & ~OGPU_MSG_REPLY,
				 le16_to_cpu(msg->status));
		if (call) {
			mbox->timeouts = 0;
			if (mbox->told)
				mbox->told--;
			ogpu_mbox_end(call, 0);
		} else {
			mbox->unexpected++;
			ogpu_mbox_count_told(mbox);
		}
		return;
	}

	ogpu_mbox_count_told(mbox);
	if (seq || !ogpu_mbox_msg_complete(msg)) {
		mbox->unexpected++;
	} else if (type == OGPU_MSG_HELLO) {
		if (mbox->got_hello) {
			/* Firmware started anew by itself: it knows nothing of its queues. */
			mbox->unexpected++;
			ogpu_report(mbox->odev, OGPU_TROUBLE_FW_RESTART);
			return;
		}
		memcpy(&mbox->hello, msg->body, sizeof(mbox->hello));
		WRITE_ONCE(mbox->got_hello, true);
		wake_up_all(&mbox->wait);
	} else {
		kfifo_put(&mbox->events, *msg);
		WRITE_ONCE(mbox->events_put, mbox->events_put + 1);
		queue_work(mbox->wq, &mbox->event_work);
	}
}

/**
 * ogpu_mbox_poll() - take messages out of the ring
 * @odev: the card
 *
 * Called by the interrupt's thread, by who waits for a reply, and by the watchdog. Sleeps. Harmless
 * when the mailbox is stopped. Requests that are late are over afterwards.
 */
void ogpu_mbox_poll(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox = odev->mbox;
	struct ogpu_mbox_call *call;
	unsigned int i;

	mutex_lock(&mbox->lock);
	/* Before looking into the ring: what is late then has had its chance. */
	ogpu_mbox_calls_tick(&mbox->calls, jiffies, le32_to_cpu(READ_ONCE(mbox->header->had_ms)));
	/* Bounded, in case firmware writes as fast as we read. */
	for (i = 0; i < OGPU_MBOX_MSG_ENTRIES; i++) {
		struct ogpu_msg msg;
		int ret;

		if (!mbox->running || mbox->broken || kfifo_is_full(&mbox->events))
			break;

		ret = ogpu_mbox_ring_pop(&mbox->msg, &msg);
		if (!ret)
			break;

		if (ret == 1) {
			ogpu_mbox_receive(mbox, &msg);
		} else if (ret == -EBADMSG) {
			mbox->unexpected++;
			ogpu_mbox_count_told(mbox);
		} else {
			mbox->broken = true;
			ogpu_report(odev, OGPU_TROUBLE_MBOX_COUNTERS);
		}
	}
	if (mbox->running) {
		while ((call = ogpu_mbox_calls_late(&mbox->calls)))
			ogpu_mbox_no_reply(mbox, call, -ETIMEDOUT);
		/* Firmware may have made room. */
		ogpu_mbox_push(mbox);
	}
	mutex_unlock(&mbox->lock);
}

/**
 * ogpu_mbox_irq_thread() - interrupt: firmware put messages into the ring
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t ogpu_mbox_irq_thread(int irq, void *arg)
{
	ogpu_mbox_poll(arg);

	return IRQ_HANDLED;
}

static int ogpu_mbox_errno(u16 status)
{
	switch (status) {
	case OGPU_MSG_OK:
		return 0;
	case OGPU_MSG_EUNKNOWN:
		return -EOPNOTSUPP;
	case OGPU_MSG_EINVAL:
		return -EINVAL;
	case OGPU_MSG_ENOQUEUE:
		return -ENOENT;
	case OGPU_MSG_EEXIST:
		return -EEXIST;
	case OGPU_MSG_ENOSPC:
		return -ENOSPC;
	case OGPU_MSG_EABI:
		return -EPROTONOSUPPORT;
	case OGPU_MSG_EHW:
		return -EIO;
	default:
		return -EPROTO;
	}
}

/* Wait a while for HELLO. Who then reads it takes the lock under which it was stored. */
static int ogpu_mbox_wait_slice(struct ogpu_mbox *mbox, const bool *got, unsigned int ms)
{
	wait_event_timeout(mbox->wait, READ_ONCE(*got) || !READ_ONCE(mbox->running),
			   msecs_to_jiffies(ms));
	/* In case the interrupt got lost. */
	if (!READ_ONCE(*got))
		ogpu_mbox_poll(mbox->odev);
	if (READ_ONCE(*got))
		return 0;

	return READ_ONCE(mbox->running) ? -ETIMEDOUT : -ENODEV;
}

/**
 * ogpu_mbox_send() - ask firmware for something
 * @odev: the card
 * @call: the caller's memory, in use until ogpu_mbox_finish() returns
 * @type: kind of request
 * @body: its body, or NULL
 * @size: bytes of @body
 *
 * Firmware gets requests in the order in which they are sent, as soon as there is room in the ring.
 * Before ogpu_mbox_open() it gets none but OGPU_MSG_CONFIGURE: it would refuse what somebody asks
 * about a queue that was there before a reset, and that would look like trouble.
 * Allocates nothing and waits for nobody but a lock: may be called where fences are signalled, and
 * from handlers of events. Failure is for ogpu_mbox_finish() to tell.
 */
void ogpu_mbox_send(struct ogpu_device *odev, struct ogpu_mbox_call *call, enum ogpu_msg_type type,
		    const void *body, size_t size)
{
	struct ogpu_mbox *mbox = odev->mbox;

	init_completion(&call->over);
	call->msg = (struct ogpu_msg) {
		.type = cpu_to_le16(type),
		.size = cpu_to_le32(size),
	};
	if (drm_WARN_ON(&odev->drm, size > OGPU_MSG_BODY)) {
		ogpu_mbox_end(call, -EINVAL);
		return;
	}
	if (size)
		memcpy(call->msg.body, body, size);

	mutex_lock(&mbox->lock);
	if (mbox->running && (mbox->open || type == OGPU_MSG_CONFIGURE)) {
		ogpu_mbox_calls_add(&mbox->calls, call);
		ogpu_mbox_push(mbox);
	} else {
		ogpu_mbox_end(call, -ENODEV);
	}
	mutex_unlock(&mbox->lock);
}

/**
 * ogpu_mbox_finish() - wait for the reply to a request
 * @odev: the card
 * @call: from ogpu_mbox_send()
 * @reply: filled with the reply's body, or NULL; what firmware does not know of it is zero
 * @reply_size: bytes of @reply
 *
 * Sleeps until firmware has had OGPU_MBOX_TIMEOUT_MS for it since there was room for the request,
 * which may take as long, and one OGPU_MBOX_POLL_MS at most; on a busy host that is up to
 * OGPU_MBOX_SLOW times as long. May be called where ogpu_mbox_send() may.
 *
 * Return: 0; -ETIMEDOUT if firmware does not answer; -ENODEV if it does not run or was stopped;
 * -EPROTO if the reply breaks the rules; otherwise what the reply's status means.
 */
int ogpu_mbox_finish(struct ogpu_device *odev, struct ogpu_mbox_call *call, void *reply,
		     size_t reply_size)
{
	int ret;

	/* In case the interrupt got lost, or does not come. */
	while (!wait_for_completion_timeout(&call->over, msecs_to_jiffies(OGPU_MBOX_POLL_MS)))
		ogpu_mbox_poll(odev);

	if (call->err)
		return call->err;
	ret = ogpu_mbox_errno(le16_to_cpu(call->msg.status));
	if (ret)
		return ret;
	if (!ogpu_mbox_msg_complete(&call->msg) ||
	    drm_WARN_ON(&odev->drm, reply_size > OGPU_MSG_BODY))
		return -EPROTO;
	if (reply_size)
		memcpy(reply, call->msg.body, reply_size);

	return 0;
}

/**
 * ogpu_mbox_request() - ask firmware for something and wait for the reply
 * @odev: the card
 * @type: kind of request
 * @body: its body, or NULL
 * @size: bytes of @body
 * @reply: as for ogpu_mbox_finish()
 * @reply_size: bytes of @reply
 *
 * Return: as ogpu_mbox_finish().
 */
int ogpu_mbox_request(struct ogpu_device *odev, enum ogpu_msg_type type, const void *body,
		      size_t size, void *reply, size_t reply_size)
{
	struct ogpu_mbox_call call;

	ogpu_mbox_send(odev, &call, type, body, size);

	return ogpu_mbox_finish(odev, &call, reply, reply_size);
}

/**
 * ogpu_mbox_wait_hello() - wait for the first message of firmware that was just started
 * @odev: the card
 * @hello: filled with the message's body
 * @timeout_ms: longest time to wait
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV if the mailbox was stopped meanwhile.
 */
int ogpu_mbox_wait_hello(struct ogpu_device *odev, struct ogpu_msg_hello *hello,
			 unsigned int timeout_ms)
{
	struct ogpu_mbox *mbox = odev->mbox;
	int ret;

	ret = ogpu_mbox_wait_slice(mbox, &mbox->got_hello, timeout_ms);
	if (ret)
		return ret;

	mutex_lock(&mbox->lock);
	*hello = mbox->hello;
	mutex_unlock(&mbox->lock);

	return 0;
}

/**
 * ogpu_mbox_start() - lay out the area and tell the card where it is, before firmware starts
 * @odev: the card; its management core stands still
 */
void ogpu_mbox_start(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox = odev->mbox;
	struct ogpu_mbox_header *header = mbox->header;

	/* No event of firmware that ran before is handled any more. */
	cancel_work_sync(&mbox->event_work);

	mutex_lock(&mbox->lock);

	memset(header, 0, OGPU_MBOX_AREA_SIZE);
	header->magic = cpu_to_le32(OGPU_MBOX_MAGIC);
	header->layout = cpu_to_le32(OGPU_MBOX_LAYOUT);
	header->size = cpu_to_le32(OGPU_MBOX_AREA_SIZE);
	header->msg_size = cpu_to_le32(sizeof(struct ogpu_msg));
	header->req_offset = cpu_to_le32(OGPU_MBOX_REQ_OFFSET);
	header->req_entries = cpu_to_le32(OGPU_MBOX_REQ_ENTRIES);
	header->msg_offset = cpu_to_le32(OGPU_MBOX_MSG_OFFSET);
	header->msg_entries = cpu_to_le32(OGPU_MBOX_MSG_ENTRIES);
	header->log_offset = cpu_to_le32(OGPU_MBOX_LOG_OFFSET);
	header->log_size = cpu_to_le32(OGPU_MBOX_LOG_SIZE);

	mbox->req = (struct ogpu_mbox_ring) {
		.slots = ogpu_mbox_at(mbox, OGPU_MBOX_REQ_OFFSET),
		.ours = &header->req_wptr,
		.theirs = &header->req_rptr,
		.entries = OGPU_MBOX_REQ_ENTRIES,
	};
	mbox->msg = (struct ogpu_mbox_ring) {
		.slots = ogpu_mbox_at(mbox, OGPU_MBOX_MSG_OFFSET),
		.ours = &header->msg_rptr,
		.theirs = &header->msg_wptr,
		.entries = OGPU_MBOX_MSG_ENTRIES,
	};
	kfifo_reset(&mbox->events);
	/* Not from 0: who waits since before the start waits no longer. */
	mbox->events_done = mbox->events_put;
	ogpu_mbox_calls_init(&mbox->calls, &mbox->req, OGPU_MBOX_TIMEOUT_MS);
	mbox->timeouts = 0;
	mbox->told_since = jiffies;
	mbox->told = 0;
	mbox->got_hello = false;
	mbox->open = false;
	mbox->broken = false;

	odev->chip->mbox_set(odev, mbox->dma, OGPU_MBOX_AREA_SIZE);
	WRITE_ONCE(mbox->running, true);

	mutex_unlock(&mbox->lock);
}

/**
 * ogpu_mbox_open() - firmware has its configuration: others than who starts it may speak to it
 * @odev: the card
 */
void ogpu_mbox_open(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox = odev->mbox;

	mutex_lock(&mbox->lock);
	mbox->open = true;
	mutex_unlock(&mbox->lock);
}

/**
 * ogpu_mbox_stop() - speak to firmware no more
 * @odev: the card; need not answer
 *
 * Who waits for firmware gets -ENODEV. When it returns no message is being received any more. An
 * event may still be being handled.
 */
void ogpu_mbox_stop(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox = odev->mbox;
	struct ogpu_mbox_call *call;

	mutex_lock(&mbox->lock);
	if (mbox->running) {
		WRITE_ONCE(mbox->running, false);
		while ((call = ogpu_mbox_calls_any(&mbox->calls)))
			ogpu_mbox_end(call, -ENODEV);
	}
	mutex_unlock(&mbox->lock);
	wake_up_all(&mbox->wait);
}

/**
 * ogpu_mbox_init() - allocate the area, at probe
 * @odev: the card; its DMA mask is set
 *
 * Return: 0 or -ENOMEM. The area is freed at unbind.
 */
int ogpu_mbox_init(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox;
	int ret;

	mbox = drmm_kzalloc(&odev->drm, sizeof(*mbox), GFP_KERNEL);
	if (!mbox)
		return -ENOMEM;

	mbox->odev = odev;
	init_waitqueue_head(&mbox->wait);
	INIT_KFIFO(mbox->events);
	INIT_WORK(&mbox->event_work, ogpu_mbox_event_work);

	ret = drmm_mutex_init(&odev->drm, &mbox->lock);
	if (ret)
		return ret;
	ogpu_lockdep_class(&mbox->lock, OGPU_LOCK_MBOX);

	mbox->wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-mbox-%s", WQ_MEM_RECLAIM,
						pci_name(odev->pdev));
	if (IS_ERR(mbox->wq))
		return PTR_ERR(mbox->wq);

	mbox->header = dmam_alloc_coherent(&odev->pdev->dev, OGPU_MBOX_AREA_SIZE, &mbox->dma,
					   GFP_KERNEL);
	if (!mbox->header)
		return -ENOMEM;

	odev->mbox = mbox;
	return 0;
}

/**
 * ogpu_mbox_set_handler() - have someone told of events of firmware, in probe
 * @odev: the card
 * @kind: of which
 * @handler: to call
 */
void ogpu_mbox_set_handler(struct ogpu_device *odev, enum ogpu_mbox_kind kind,
			   ogpu_mbox_handler handler)
{
	odev->mbox->handlers[kind] = handler;
}

/**
 * ogpu_mbox_wait_events() - wait until the events are handled that firmware has told so far
 * @odev: the card
 *
 * That is those that it told before a request whose reply has been taken; what it tells meanwhile
 * is not waited for. Sleeps for a bounded time: if its events take longer, the card is
 * reset. The caller holds no lock that a handler of events takes.
 */
void ogpu_mbox_wait_events(struct ogpu_device *odev)
{
	struct ogpu_mbox *mbox = odev->mbox;
	unsigned int left = OGPU_MBOX_SLOW;
	u32 generation = READ_ONCE(odev->generation);
	u32 put = READ_ONCE(mbox->events_put);
	u32 done;

	/* They have more time as long as some are handled: that may be slow, as a console is. */
	do {
		done = READ_ONCE(mbox->events_done);
		if (wait_event_timeout(mbox->wait, (s32)(READ_ONCE(mbox->events_done) - put) >= 0 ||
				       !READ_ONCE(mbox->running),
				       msecs_to_jiffies(OGPU_MBOX_TIMEOUT_MS)))
			return;
	} while (READ_ONCE(mbox->events_done) != done && --left);

	ogpu_report_since(odev, generation, OGPU_TROUBLE_FW_EVENTS);
}

/**
 * ogpu_mbox_flush() - wait until no event is being handled any more
 * @odev: the card; its mailbox is stopped
 *
 * Events that are not being handled yet are dropped. Sleeps.
 */
void ogpu_mbox_flush(struct ogpu_device *odev)
{
	cancel_work_sync(&odev->mbox->event_work);
}

/**
 * ogpu_mbox_print_log_by() - print what firmware wrote into its log, without memory of its own
 * @odev: the card
 * @p: where to
 * @text: OGPU_MBOX_LOG_TEXT bytes to work with
 *
 * The area is there until unbind.
 */
void ogpu_mbox_print_log_by(struct ogpu_device *odev, struct drm_printer *p, char *text)
{
	struct ogpu_mbox *mbox = odev->mbox;
	char *pos, *line;

	ogpu_mbox_log_copy(ogpu_mbox_at(mbox, OGPU_MBOX_LOG_OFFSET), OGPU_MBOX_LOG_SIZE,
			   le32_to_cpu(READ_ONCE(mbox->header->log_wptr)), text);

	pos = text;
	while ((line = strsep(&pos, "\n"))) {
		if (*line)
			drm_printf(p, "%s\n", line);
	}
}

/**
 * ogpu_mbox_print_log() - print what firmware wrote into its log
 * @odev: the card
 * @p: where to
 *
 * In ogpu_device_enter(). Sleeps, allocates.
 */
void ogpu_mbox_print_log(struct ogpu_device *odev, struct drm_printer *p)
{
	char *text = kvmalloc(OGPU_MBOX_LOG_TEXT, GFP_KERNEL);

	if (text)
		ogpu_mbox_print_log_by(odev, p, text);
	kvfree(text);
}

/* The last messages of a ring, the newest first; by their heads only. */
static void ogpu_mbox_print_ring(const struct ogpu_mbox_ring *ring, struct drm_printer *p,
				 const char *name)
{
	const struct ogpu_msg *slots = ring->slots;
	unsigned int i;

	for (i = 1; ring->entries && i <= min(ring->count, OGPU_MBOX_PRINT); i++) {
		const struct ogpu_msg *msg = &slots[(ring->count - i) % ring->entries];

		drm_printf(p, "%s: seq %u type %#x status %u size %u\n", name,
			   le32_to_cpu(msg->seq), le16_to_cpu(msg->type),
			   le16_to_cpu(msg->status), le32_to_cpu(msg->size));
	}
}

/**
 * ogpu_mbox_print_messages() - print what was said last
 * @odev: the card
 * @p: where to
 *
 * Sleeps.
 */
void ogpu_mbox_print_messages(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_mbox *mbox = odev->mbox;

	mutex_lock(&mbox->lock);
	ogpu_mbox_print_ring(&mbox->req, p, "request");
	ogpu_mbox_print_ring(&mbox->msg, p, "message");
	mutex_unlock(&mbox->lock);
}

/**
 * ogpu_mbox_print_state() - for debugfs
 * @odev: the card
 * @p: where to
 *
 * In ogpu_device_enter().
 */
void ogpu_mbox_print_state(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_mbox *mbox = odev->mbox;

	mutex_lock(&mbox->lock);
	drm_printf(p, "mailbox: %s%s\n", mbox->running ? "on" : "off",
		   mbox->broken ? ", broken" : "");
	drm_printf(p, "  requests: sent %u, taken by firmware %u\n", mbox->req.count,
		   le32_to_cpu(READ_ONCE(mbox->header->req_rptr)));
	drm_printf(p, "  messages: received %u, unexpected %llu\n", mbox->msg.count,
		   mbox->unexpected);
	mutex_unlock(&mbox->lock);
}
