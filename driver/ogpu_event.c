// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The event ring: taking out what hardware put in.
 *
 * The interrupt's thread and the watchdog empty the ring. An entry counts once its sequence number
 * is the expected one, so that nothing has to be read from the card. Who is told of an entry
 * registers a handler for its kind. Handlers signal fences: no memory is allocated while the ring
 * is being emptied.
 */
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/event.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_lockdep.h"
#include "ogpu_trace.h"

#define OGPU_EVENT_RING_ENTRIES	1024u

/**
 * struct ogpu_event_ring - the event ring of a card
 */
struct ogpu_event_ring {
	/** @entries: the ring; valid while @running */
	struct ogpu_event *entries;
	/** @dma: its bus address */
	dma_addr_t dma;
	/** @handlers: who is told, by kind; constant after probe */
	ogpu_event_handler handlers[OGPU_EVENT_KINDS];
	/** @lock: protects what follows */
	struct mutex lock;
	/** @running: hardware may write entries */
	bool running;
	/** @rptr: entries taken, free-running */
	u32 rptr;
	/** @dropped: what EVENT_DROPPED was when we last looked */
	u32 dropped;
	/** @fences: fence events taken, for debugfs */
	u64 fences;
	/** @unknown: events of a type that we do not know */
	u64 unknown;
};

/**
 * ogpu_event_init() - allocate the ring, at probe
 * @odev: the card; its DMA mask is set
 *
 * Return: 0 or -ENOMEM. The ring is freed at unbind.
 */
int ogpu_event_init(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event;
	int ret;

	event = drmm_kzalloc(&odev->drm, sizeof(*event), GFP_KERNEL);
	if (!event)
		return -ENOMEM;

	ret = drmm_mutex_init(&odev->drm, &event->lock);
	if (ret)
		return ret;
	ogpu_lockdep_class(&event->lock, OGPU_LOCK_EVENT);

	event->entries = dmam_alloc_coherent(&odev->pdev->dev,
					     OGPU_EVENT_RING_ENTRIES * sizeof(*event->entries),
					     &event->dma, GFP_KERNEL);
	if (!event->entries)
		return -ENOMEM;

	odev->event = event;
	return 0;
}

/**
 * ogpu_event_set_handler() - have someone told of events, in probe
 * @odev: the card
 * @kind: of which
 * @handler: to call
 */
void ogpu_event_set_handler(struct ogpu_device *odev, enum ogpu_event_kind kind,
			    ogpu_event_handler handler)
{
	odev->event->handlers[kind] = handler;
}

/**
 * ogpu_event_start() - empty the ring and give it to hardware
 * @odev: the card; its engines stand still
 */
void ogpu_event_start(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event = odev->event;

	mutex_lock(&event->lock);
	/* No entry may look like a coming one; their numbers begin at 1. */
	memset(event->entries, 0, OGPU_EVENT_RING_ENTRIES * sizeof(*event->entries));
	event->rptr = 0;
	event->dropped = 0;
	odev->chip->event_set(odev, event->dma, OGPU_EVENT_RING_ENTRIES);
	event->running = true;
	mutex_unlock(&event->lock);
}

static void ogpu_event_tell(struct ogpu_device *odev, enum ogpu_event_kind kind,
			    const struct ogpu_event *ev)
{
	if (odev->event->handlers[kind])
		odev->event->handlers[kind](odev, ev);
}

static void ogpu_event_handle(struct ogpu_device *odev, const struct ogpu_event *ev)
{
	struct ogpu_event_ring *event = odev->event;

	trace_ogpu_event(odev, ev->type, le32_to_cpu(ev->queue));
	switch (ev->type) {
	case OGPU_EVENT_FENCE:
		event->fences++;
		ogpu_event_tell(odev, OGPU_EVENT_KIND_FENCE, ev);
		break;
	case OGPU_EVENT_MEMORY_ERROR:
		ogpu_event_tell(odev, OGPU_EVENT_KIND_MEMORY_ERROR, ev);
		break;
	default:
		event->unknown++;
		break;
	}
}

static bool ogpu_event_take(struct ogpu_event_ring *event, struct ogpu_event *ev)
{
	struct ogpu_event *entry = &event->entries[event->rptr % OGPU_EVENT_RING_ENTRIES];

	if (READ_ONCE(entry->seq) != cpu_to_le32(event->rptr + 1))
		return false;

	/* The body was written before the sequence number. */
	dma_rmb();
	*ev = *entry;
	event->rptr++;

	return true;
}

/* Returns true if the ring held more than one round may take. */
static bool ogpu_event_drain(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event = odev->event;
	unsigned int taken = 0;
	struct ogpu_event ev;
	bool cookie;

	mutex_lock(&event->lock);
	cookie = dma_fence_begin_signalling();
	/* Bounded, in case hardware fills the ring as fast as we empty it. */
	while (event->running && taken < OGPU_EVENT_RING_ENTRIES && ogpu_event_take(event, &ev)) {
		ogpu_event_handle(odev, &ev);
		taken++;
		/* Give slots back early enough that hardware need not drop anything. */
		if (!(taken % (OGPU_EVENT_RING_ENTRIES / 4)))
			odev->chip->event_taken(odev, event->rptr);
	}
	if (taken % (OGPU_EVENT_RING_ENTRIES / 4))
		odev->chip->event_taken(odev, event->rptr);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&event->lock);

	return taken == OGPU_EVENT_RING_ENTRIES;
}

/**
 * ogpu_event_stop() - take the ring away from hardware
 * @odev: the card; need not answer
 *
 * When it returns no event is being handled any more. Those that are in the ring are: recovery
 * wants to know of bad pages.
 */
void ogpu_event_stop(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event = odev->event;

	ogpu_event_drain(odev);

	mutex_lock(&event->lock);
	if (event->running) {
		odev->chip->event_set(odev, 0, 0);
		event->running = false;
	}
	mutex_unlock(&event->lock);
}

/**
 * ogpu_event_irq_thread() - interrupt: hardware put entries into the ring
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t ogpu_event_irq_thread(int irq, void *arg)
{
	while (ogpu_event_drain(arg))
		cond_resched();

	return IRQ_HANDLED;
}

/**
 * ogpu_event_poll() - make up for interrupts and events that were lost
 * @odev: the card
 *
 * Called by the watchdog, which ogpu_watchdog_fini() ends before the registers go. Sleeps.
 */
void ogpu_event_poll(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event = odev->event;
	u32 dropped, lost = 0;

	ogpu_event_drain(odev);

	mutex_lock(&event->lock);
	if (event->running) {
		dropped = odev->chip->event_dropped(odev);
		if (dropped != OGPU_REG_GONE) {
			lost = dropped - event->dropped;
			event->dropped = dropped;
		}
	}
	mutex_unlock(&event->lock);

	if (lost) {
		dev_warn_ratelimited(odev->drm.dev, "event ring was full: %u events lost\n", lost);
		ogpu_event_tell(odev, OGPU_EVENT_KIND_LOST, NULL);
	}
}

/**
 * ogpu_event_print_state() - for debugfs
 * @odev: the card
 * @p: where to
 */
void ogpu_event_print_state(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_event_ring *event = odev->event;

	mutex_lock(&event->lock);
	drm_printf(p, "event ring: %s, taken %u, lost %u\n", event->running ? "on" : "off",
		   event->rptr, event->dropped);
	drm_printf(p, "  fences %llu, unknown %llu\n", event->fences, event->unknown);
	mutex_unlock(&event->lock);
}
