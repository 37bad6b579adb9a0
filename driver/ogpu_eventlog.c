// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Events of a card: each is a line in the kernel log and, with a sequence number, one of the sysfs
 * attribute "events", which keeps the last ones and which poll() waits for. A number that is
 * missing there was pushed out by newer ones. Those of queues, which any user can cause, have room
 * of their own: they push out nothing that is told of the card.
 */
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>

#include "ogpu_device.h"
#include "ogpu_eventlog.h"

/* All lines together fit into an attribute. */
#define OGPU_EVENTLOG_CARD	5
#define OGPU_EVENTLOG_QUEUE	14
#define OGPU_EVENTLOG_TEXT	144
/* The kernel log has room for more. */
#define OGPU_EVENTLOG_LINE	192

/**
 * struct ogpu_eventlog_entry - an event
 */
struct ogpu_eventlog_entry {
	/** @seq: its sequence number, 0: none yet */
	u64 seq;
	/** @time_ns: when, CLOCK_MONOTONIC */
	u64 time_ns;
	/** @number: what, OGPU_EVENT_NR_* or enum ogpu_trouble */
	unsigned int number;
	/** @action: what to do, a constant */
	const char *action;
	/** @text: what happened, and to whom */
	char text[OGPU_EVENTLOG_TEXT];
};

/**
 * struct ogpu_eventlog_ring - the last events of a kind
 */
struct ogpu_eventlog_ring {
	/** @first: of &struct ogpu_eventlog.entries, the first that is its own */
	unsigned int first;
	/** @entries: how many these are */
	unsigned int entries;
	/** @next: of these, the one that is the oldest */
	unsigned int next;
};

/**
 * struct ogpu_eventlog - the last events of a card
 */
struct ogpu_eventlog {
	/** @lock: protects all below but @work; innermost, taken in any context */
	spinlock_t lock;
	/** @seq: of the newest event */
	u64 seq;
	/** @rings: where events of each kind go */
	struct ogpu_eventlog_ring rings[OGPU_EVENT_KINDS];
	/** @entries: of all kinds */
	struct ogpu_eventlog_entry entries[OGPU_EVENTLOG_CARD + OGPU_EVENTLOG_QUEUE];
	/** @work: wakes who polls */
	struct work_struct work;
	/** @dev: whose attribute that is */
	struct device *dev;
};

static void ogpu_eventlog_work(struct work_struct *work)
{
	struct ogpu_eventlog *log = container_of(work, struct ogpu_eventlog, work);

	sysfs_notify(&log->dev->kobj, NULL, "events");
}

static void ogpu_eventlog_keep(struct ogpu_eventlog *log, enum ogpu_event_kind kind,
			       unsigned int number, const char *action, const char *text)
{
	struct ogpu_eventlog_ring *ring = &log->rings[kind];
	struct ogpu_eventlog_entry *entry;
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	entry = &log->entries[ring->first + ring->next];
	ring->next = (ring->next + 1) % ring->entries;
	entry->seq = ++log->seq;
	entry->time_ns = ktime_get_ns();
	entry->number = number;
	entry->action = action;
	strscpy(entry->text, text, sizeof(entry->text));
	spin_unlock_irqrestore(&log->lock, flags);
	schedule_work(&log->work);
}

/**
 * ogpu_eventlog_add() - something happened that an administrator should know
 * @odev: the card
 * @kind: whom it is about; how often a user's queues are told of is the caller's to limit
 * @number: what it is, OGPU_EVENT_NR_* or enum ogpu_trouble
 * @action: what to do now, a constant that docs/operating.md explains
 * @fmt: in words, without a line break
 *
 * Any context.
 */
void ogpu_eventlog_add(struct ogpu_device *odev, enum ogpu_event_kind kind, unsigned int number,
		       const char *action, const char *fmt, ...)
{
	char text[OGPU_EVENTLOG_LINE];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (kind == OGPU_EVENT_CARD)
		dev_err(odev->drm.dev, "event %u: %s; action: %s\n", number, text, action);
	else
		dev_notice(odev->drm.dev, "event %u: %s; action: %s\n", number, text, action);
	ogpu_eventlog_keep(odev->eventlog, kind, number, action, text);
}

/* The oldest that is younger than @seq, or NULL. */
static const struct ogpu_eventlog_entry *
ogpu_eventlog_next(const struct ogpu_eventlog *log, u64 seq)
{
	const struct ogpu_eventlog_entry *found = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(log->entries); i++) {
		const struct ogpu_eventlog_entry *entry = &log->entries[i];

		if (entry->seq > seq && (!found || entry->seq < found->seq))
			found = entry;
	}

	return found;
}

/**
 * ogpu_eventlog_emit() - write the last events, the oldest first
 * @odev: the card
 * @buf: a page
 *
 * Return: bytes written.
 */
ssize_t ogpu_eventlog_emit(struct ogpu_device *odev, char *buf)
{
	struct ogpu_eventlog *log = odev->eventlog;
	const struct ogpu_eventlog_entry *entry;
	unsigned long flags;
	u64 seq = 0;
	int at = 0;

	spin_lock_irqsave(&log->lock, flags);
	while ((entry = ogpu_eventlog_next(log, seq))) {
		u32 rest;
		u64 s = div_u64_rem(entry->time_ns, NSEC_PER_SEC, &rest);

		at += sysfs_emit_at(buf, at, "%llu %llu.%06u event %u: %s; action: %s\n",
				    entry->seq, s, rest / (u32)NSEC_PER_USEC, entry->number,
				    entry->text, entry->action);
		seq = entry->seq;
	}
	spin_unlock_irqrestore(&log->lock, flags);

	return at;
}

/**
 * ogpu_eventlog_init() - a card without events yet
 * @odev: the card
 *
 * Return: 0 or -ENOMEM. Freed with the DRM device.
 */
int ogpu_eventlog_init(struct ogpu_device *odev)
{
	struct ogpu_eventlog *log = drmm_kzalloc(&odev->drm, sizeof(*log), GFP_KERNEL);

	if (!log)
		return -ENOMEM;

	spin_lock_init(&log->lock);
	INIT_WORK(&log->work, ogpu_eventlog_work);
	log->dev = &odev->pdev->dev;
	log->rings[OGPU_EVENT_CARD].entries = OGPU_EVENTLOG_CARD;
	log->rings[OGPU_EVENT_QUEUE].first = OGPU_EVENTLOG_CARD;
	log->rings[OGPU_EVENT_QUEUE].entries = OGPU_EVENTLOG_QUEUE;
	odev->eventlog = log;

	return 0;
}

/**
 * ogpu_eventlog_fini() - the last step of unbinding: nobody is woken any more
 * @odev: the card
 */
void ogpu_eventlog_fini(struct ogpu_device *odev)
{
	cancel_work_sync(&odev->eventlog->work);
}
