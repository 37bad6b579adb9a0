// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The event ring: taking out what hardware put in.
 *
 * The interrupt takes fences out, as many as are soon dealt with; its thread and the watchdog take
 * the rest. An entry counts once its sequence number is the expected one, so that nothing has to be
 * read from the card. Who is told of an entry registers a handler for its kind. Handlers signal
 * fences: no memory is allocated while the ring is being emptied.
 */
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/rt.h>
#include <linux/spinlock.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/event.h"
#include "abi/regs.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_lockdep.h"
#include "ogpu_trace.h"

#define OGPU_EVENT_RING_ENTRIES	1024u

/* Entries are given back so many at a time: often enough that hardware need not drop anything. */
#define OGPU_EVENT_GIVE_BACK	(OGPU_EVENT_RING_ENTRIES / 4)

/* Entries, jobs and threads to wake that one interrupt handles; the rest is the thread's. */
#define OGPU_EVENT_IRQ_BUDGET	64

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
	/** @lock: held by who empties the ring in a thread, starts or stops it */
	struct mutex lock;
	/** @dropped: what EVENT_DROPPED was when we last looked; protected by @lock */
	u32 dropped;
	/** @take_lock: protects what follows; irq-safe */
	spinlock_t take_lock;
	/** @running: hardware may write entries */
	bool running;
	/** @rptr: entries taken, free-running */
	u32 rptr;
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
	spin_lock_init(&event->take_lock);

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
	spin_lock_irq(&event->take_lock);
	event->running = true;
	spin_unlock_irq(&event->take_lock);
	mutex_unlock(&event->lock);
}

static unsigned int ogpu_event_tell(struct ogpu_device *odev, enum ogpu_event_kind kind,
				    const struct ogpu_event *ev, unsigned int max)
{
	ogpu_event_handler handler = odev->event->handlers[kind];

	return handler ? handler(odev, ev, max) : 0;
}

static unsigned int ogpu_event_handle(struct ogpu_device *odev, const struct ogpu_event *ev,
				      unsigned int max)
{
	switch (ev->type) {
	case OGPU_EVENT_FENCE:
		return ogpu_event_tell(odev, OGPU_EVENT_KIND_FENCE, ev, max);
	case OGPU_EVENT_MEMORY_ERROR:
		return ogpu_event_tell(odev, OGPU_EVENT_KIND_MEMORY_ERROR, ev, max);
	default:
		return 0;
	}
}

/* The oldest entry, which stays there, or NULL if there is none. */
static const struct ogpu_event *ogpu_event_peek(struct ogpu_event_ring *event)
{
	struct ogpu_event *entry = &event->entries[event->rptr % OGPU_EVENT_RING_ENTRIES];

	lockdep_assert_held(&event->take_lock);

	if (!event->running || READ_ONCE(entry->seq) != cpu_to_le32(event->rptr + 1))
		return NULL;

	/* The body was written before the sequence number. */
	dma_rmb();

	return entry;
}

static void ogpu_event_take(struct ogpu_device *odev, const struct ogpu_event *entry,
			    struct ogpu_event *ev)
{
	struct ogpu_event_ring *event = odev->event;

	lockdep_assert_held(&event->take_lock);

	*ev = *entry;
	trace_ogpu_event(odev, ev->type, le32_to_cpu(ev->queue));
	if (ev->type == OGPU_EVENT_FENCE)
		event->fences++;
	else if (ev->type != OGPU_EVENT_MEMORY_ERROR)
		event->unknown++;

	event->rptr++;
	if (event->rptr % OGPU_EVENT_GIVE_BACK)
		return;
	/* Entries have been read before hardware may write them again. */
	mb();
	odev->chip->event_taken(odev, event->rptr);
}

/* Returns true if the ring held more than one round may take. */
static bool ogpu_event_drain(struct ogpu_device *odev)
{
	struct ogpu_event_ring *event = odev->event;
	const struct ogpu_event *entry;
	unsigned int taken;
	struct ogpu_event ev;
	bool cookie;

	mutex_lock(&event->lock);
	cookie = dma_fence_begin_signalling();
	/* Bounded, in case hardware fills the ring as fast as we empty it. */
	for (taken = 0; taken < OGPU_EVENT_RING_ENTRIES; taken++) {
		spin_lock_irq(&event->take_lock);
		entry = ogpu_event_peek(event);
		if (entry)
			ogpu_event_take(odev, entry, &ev);
		spin_unlock_irq(&event->take_lock);
		if (!entry)
			break;
		ogpu_event_handle(odev, &ev, OGPU_EVENT_ALL);
	}
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
	spin_lock_irq(&event->take_lock);
	if (event->running) {
		odev->chip->event_set(odev, 0, 0);
		event->running = false;
	}
	spin_unlock_irq(&event->take_lock);
	mutex_unlock(&event->lock);

	/* The interrupt may be handling what it took before. */
	synchronize_hardirq(pci_irq_vector(odev->pdev, OGPU_VECTOR_EVENT));
}

/**
 * ogpu_event_irq() - interrupt: hardware put entries into the ring
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_WAKE_THREAD if something is left to do.
 */
irqreturn_t ogpu_event_irq(int irq, void *arg)
{
	struct ogpu_device *odev = arg;
	struct ogpu_event_ring *event = odev->event;
	unsigned int budget = OGPU_EVENT_IRQ_BUDGET, ended;
	const struct ogpu_event *entry;
	struct ogpu_event ev;
	u32 rptr;

	for (;;) {
		spin_lock(&event->take_lock);
		entry = ogpu_event_peek(event);
		if (!entry || entry->type != OGPU_EVENT_FENCE) {
			spin_unlock(&event->take_lock);
			return entry ? IRQ_WAKE_THREAD : IRQ_HANDLED;
		}
		ev = *entry;
		rptr = event->rptr;
		spin_unlock(&event->take_lock);

		ended = ogpu_event_handle(odev, &ev, budget);
		/* What is left of it is the thread's, which finds it where it is. */
		if (ended == budget)
			return IRQ_WAKE_THREAD;

		/* Unless the thread has. */
		spin_lock(&event->take_lock);
		if (event->running && event->rptr == rptr)
			ogpu_event_take(odev, entry, &ev);
		spin_unlock(&event->take_lock);
		budget -= max(ended, 1u);
		if (!budget)
			return IRQ_WAKE_THREAD;
	}
}

/**
 * ogpu_event_irq_thread() - what the interrupt left to do
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t ogpu_event_irq_thread(int irq, void *arg)
{
	/* Not real time: who floods the card with jobs must not take a processor from everybody. */
	if (rt_task(current))
		sched_set_normal(current, MIN_NICE);

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
		ogpu_event_tell(odev, OGPU_EVENT_KIND_LOST, NULL, OGPU_EVENT_ALL);
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

	u64 fences, unknown;
	bool running;
	u32 rptr;

	spin_lock_irq(&event->take_lock);
	running = event->running;
	rptr = event->rptr;
	fences = event->fences;
	unknown = event->unknown;
	spin_unlock_irq(&event->take_lock);

	drm_printf(p, "event ring: %s, taken %u, lost %u\n", running ? "on" : "off", rptr,
		   READ_ONCE(event->dropped));
	drm_printf(p, "  fences %llu, unknown %llu\n", fences, unknown);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_event_test.c"
#endif
