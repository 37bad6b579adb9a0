// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Signals of queues: who waits for a queue, or has an eventfd for it, is told here.
 *
 * DOC: Signals
 *
 * A FENCE packet of any queue may signal. Hardware puts a queue that is armed into the signal ring,
 * disarms it, and interrupts. The interrupt only says that something may have happened: who waits
 * looks at memory. There is a slot for each number that a queue can have, so that the interrupt
 * needs to find nothing; a signal of a queue that had the number before wakes somebody for nothing.
 *
 * Who waits (ogpu_wait.c) arms the queue, and again after each time that it was woken, before it
 * looks at memory; who does not wait does not arm. Thus a queue that signals for ever, with nobody
 * waiting, interrupts once. For an eventfd the interrupt arms the queue itself. What a signal costs
 * is counted, the interrupt and whom it wakes: a queue that has cost too much in a tick is armed by
 * a worker in the next one. Once all queues of the card have cost so much together each has much
 * less left. So neither queues that signal all the time nor many threads that wait for them take
 * more than so much of the host's time, and who waits for a quiet queue is told at once all the
 * same.
 *
 * A slot's wait.lock protects all of it and is taken in any context; locks of an eventfd are taken
 * inside.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/event.h"
#include "ogpu_device.h"
#include "ogpu_signal.h"

/* What a queue may cost in one tick; to wake a waiter costs 1. */
#define OGPU_SIGNAL_TICK_COST	1024
/* What a signal costs that nobody waits for any more. */
#define OGPU_SIGNAL_ENTRY_COST	2
/* What an eventfd costs. */
#define OGPU_SIGNAL_EVENTFD_COST	128
/* What all queues of a card may cost in one tick, and each of them once they have. */
#define OGPU_SIGNAL_CARD_COST	2048
#define OGPU_SIGNAL_SCARCE_COST	64

/* Entries that are taken at a time, with interrupts off. */
#define OGPU_SIGNAL_ROUND	32

/**
 * struct ogpu_signal_cost - what signals have cost in a tick
 */
struct ogpu_signal_cost {
	/** @tick: which */
	unsigned long tick;
	/** @sum: of it */
	unsigned int sum;
};

/**
 * struct ogpu_signal_slot - whom to tell about the queue of one number
 */
struct ogpu_signal_slot {
	/** @wait: who waits; its lock protects the other members */
	wait_queue_head_t wait;
	/** @waiters: how many */
	unsigned int waiters;
	/** @events: DRM_OGPU_EVENT_*, what @eventfd is for */
	u32 events;
	/** @eventfd: or NULL; referenced */
	struct eventfd_ctx *eventfd;
	/** @cost: of its signals */
	struct ogpu_signal_cost cost;
};

/**
 * struct ogpu_signal_ring - the signal ring of a card
 */
struct ogpu_signal_ring {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @entries: the ring, @size of them */
	struct ogpu_signal *entries;
	/** @dma: its bus address */
	dma_addr_t dma;
	/** @size: power of two, at least the number of queues */
	u32 size;
	/** @slots: one for each number of a queue */
	struct ogpu_signal_slot *slots;
	/** @late: numbers of queues that @arm_work is to arm */
	unsigned long *late;
	/** @arm_work: arms those that have cost too much in a tick */
	struct delayed_work arm_work;
	/** @lock: protects what follows; taken in any context, outside of the locks of slots */
	spinlock_t lock;
	/** @running: hardware may write entries */
	bool running;
	/** @cost: of the signals of all queues; may be read without @lock */
	struct ogpu_signal_cost cost;
	/** @rptr: entries taken, free-running */
	u32 rptr;
	/** @strange: entries with a number that no queue can have */
	u64 strange;
};

/* The registers are there while interrupts and workers of this file are. */
static void ogpu_signal_write_arm(struct ogpu_signal_ring *ring, u32 number)
{
	if (READ_ONCE(ring->running))
		ring->odev->chip->signal_arm(ring->odev, number);
}

static void ogpu_signal_cost_add(struct ogpu_signal_cost *cost, unsigned int amount,
				 unsigned long now)
{
	if (cost->tick != now) {
		WRITE_ONCE(cost->sum, 0);
		WRITE_ONCE(cost->tick, now);
	}
	WRITE_ONCE(cost->sum, cost->sum + amount);
}

static unsigned int ogpu_signal_cost_of(const struct ogpu_signal_cost *cost, unsigned long now)
{
	return READ_ONCE(cost->tick) == now ? READ_ONCE(cost->sum) : 0;
}

/* A signal is about to be told of. */
static void ogpu_signal_charge(struct ogpu_signal_ring *ring, struct ogpu_signal_slot *slot,
			       unsigned long now)
{
	unsigned int amount = OGPU_SIGNAL_ENTRY_COST + slot->waiters;

	if (slot->eventfd)
		amount += OGPU_SIGNAL_EVENTFD_COST;
	ogpu_signal_cost_add(&slot->cost, amount, now);
	ogpu_signal_cost_add(&ring->cost, amount, now);
}

static bool ogpu_signal_may_arm(const struct ogpu_signal_ring *ring,
				const struct ogpu_signal_slot *slot, unsigned long now)
{
	bool scarce = ogpu_signal_cost_of(&ring->cost, now) > OGPU_SIGNAL_CARD_COST;

	return ogpu_signal_cost_of(&slot->cost, now) <=
	       (scarce ? OGPU_SIGNAL_SCARCE_COST : OGPU_SIGNAL_TICK_COST);
}

/* Under the slot's lock, and in an interrupt or in ogpu_device_enter(). */
static void ogpu_signal_arm_slot(struct ogpu_signal_ring *ring, struct ogpu_signal_slot *slot)
{
	u32 number = slot - ring->slots;

	lockdep_assert_held(&slot->wait.lock);

	if (ogpu_signal_may_arm(ring, slot, jiffies)) {
		ogpu_signal_write_arm(ring, number);
		return;
	}
	set_bit(number, ring->late);
	schedule_delayed_work(&ring->arm_work, 1);
}

static void ogpu_signal_arm_work(struct work_struct *work)
{
	struct ogpu_signal_ring *ring = container_of(work, struct ogpu_signal_ring, arm_work.work);
	u32 number;

	for_each_set_bit(number, ring->late, ring->odev->disc.doorbells) {
		clear_bit(number, ring->late);
		ogpu_signal_write_arm(ring, number);
	}
}

/* Tells whoever wants to know of @event, or of anything if it waits. */
static void ogpu_signal_tell_slot(struct ogpu_signal_slot *slot, u32 event)
{
	lockdep_assert_held(&slot->wait.lock);

	wake_up_all_locked(&slot->wait);
	if (slot->eventfd && (slot->events & event))
		eventfd_signal(slot->eventfd);
}

static void ogpu_signal_handle(struct ogpu_signal_ring *ring, u32 number)
{
	struct ogpu_signal_slot *slot;
	unsigned long flags;

	if (number >= ring->odev->disc.doorbells) {
		ring->strange++;
		return;
	}

	slot = &ring->slots[number];
	spin_lock_irqsave(&slot->wait.lock, flags);
	ogpu_signal_charge(ring, slot, jiffies);
	/* First, so that what is signalled from now on is not missed by who looks when told. */
	if (slot->eventfd && (slot->events & DRM_OGPU_EVENT_SIGNAL))
		ogpu_signal_arm_slot(ring, slot);
	ogpu_signal_tell_slot(slot, DRM_OGPU_EVENT_SIGNAL);
	spin_unlock_irqrestore(&slot->wait.lock, flags);
}

static bool ogpu_signal_take(struct ogpu_signal_ring *ring, u32 *number)
{
	/* One access, as hardware writes it. */
	u64 entry = le64_to_cpu((__force __le64)
				READ_ONCE(*(u64 *)&ring->entries[ring->rptr & (ring->size - 1)]));

	if (upper_32_bits(entry) != ring->rptr + 1)
		return false;
	/* Who is told reads what the queue stored before: barriers of CPUs do not order DMA. */
	dma_rmb();

	*number = lower_32_bits(entry);
	ring->rptr++;

	return true;
}

/* Returns true if the ring held more than one round may take. */
static bool ogpu_signal_drain(struct ogpu_signal_ring *ring)
{
	unsigned int taken;
	unsigned long flags;
	u32 number;

	spin_lock_irqsave(&ring->lock, flags);
	for (taken = 0; ring->running && taken < OGPU_SIGNAL_ROUND; taken++) {
		if (!ogpu_signal_take(ring, &number))
			break;
		ogpu_signal_handle(ring, number);
	}
	spin_unlock_irqrestore(&ring->lock, flags);

	return taken == OGPU_SIGNAL_ROUND;
}

/**
 * ogpu_signal_irq() - interrupt: hardware put entries into the ring
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_WAKE_THREAD if something is left to do.
 */
irqreturn_t ogpu_signal_irq(int irq, void *arg)
{
	struct ogpu_device *odev = arg;

	return ogpu_signal_drain(odev->signal) ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

/**
 * ogpu_signal_irq_thread() - what the interrupt left to do
 * @irq: unused
 * @arg: the card
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t ogpu_signal_irq_thread(int irq, void *arg)
{
	ogpu_signal_poll(arg);

	return IRQ_HANDLED;
}

/**
 * ogpu_signal_poll() - make up for interrupts that were lost
 * @odev: the card
 *
 * Called by the watchdog. Sleeps.
 */
void ogpu_signal_poll(struct ogpu_device *odev)
{
	struct ogpu_signal_ring *ring = odev->signal;
	u32 taken;

	/* No more than fit: an entry that comes meanwhile has an interrupt of its own. */
	for (taken = 0; taken < ring->size && ogpu_signal_drain(ring); taken += OGPU_SIGNAL_ROUND)
		cond_resched();
}

/**
 * ogpu_signal_wait_begin() - have a waiter woken when a queue signals or fails
 * @odev: the card
 * @number: of the queue
 * @entry: the waiter
 *
 * The queue still has to be armed. Any number of times, each with an entry of its own.
 *
 * Return: 0, or -EBUSY if the queue has too many waiters.
 */
int ogpu_signal_wait_begin(struct ogpu_device *odev, u32 number, struct wait_queue_entry *entry)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	int ret = -EBUSY;

	spin_lock_irq(&slot->wait.lock);
	if (slot->waiters < OGPU_SIGNAL_MAX_WAITERS) {
		slot->waiters++;
		__add_wait_queue(&slot->wait, entry);
		ret = 0;
	}
	spin_unlock_irq(&slot->wait.lock);

	return ret;
}

/**
 * ogpu_signal_wait_end() - undo ogpu_signal_wait_begin()
 * @odev: the card
 * @number: of the queue
 * @entry: the waiter
 */
void ogpu_signal_wait_end(struct ogpu_device *odev, u32 number, struct wait_queue_entry *entry)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];

	spin_lock_irq(&slot->wait.lock);
	__remove_wait_queue(&slot->wait, entry);
	slot->waiters--;
	spin_unlock_irq(&slot->wait.lock);
}

/**
 * ogpu_signal_arm() - have the next signal of a queue, or one that is owed, told
 * @odev: the card
 * @number: of the queue
 *
 * Any context.
 */
void ogpu_signal_arm(struct ogpu_device *odev, u32 number)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	unsigned long flags;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return;
	spin_lock_irqsave(&slot->wait.lock, flags);
	ogpu_signal_arm_slot(odev->signal, slot);
	spin_unlock_irqrestore(&slot->wait.lock, flags);
	ogpu_device_exit(odev, idx);
}

/**
 * ogpu_signal_tell() - something else has happened to a queue
 * @odev: the card
 * @number: of the queue, which must not have been given up
 * @event: DRM_OGPU_EVENT_*
 *
 * Any context.
 */
void ogpu_signal_tell(struct ogpu_device *odev, u32 number, u32 event)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	unsigned long flags;

	spin_lock_irqsave(&slot->wait.lock, flags);
	ogpu_signal_tell_slot(slot, event);
	spin_unlock_irqrestore(&slot->wait.lock, flags);
}

/**
 * ogpu_signal_set_eventfd() - choose the eventfd of a queue
 * @odev: the card
 * @number: of the queue, which must not have been given up
 * @eventfd: which takes over the reference, or NULL for none
 * @events: DRM_OGPU_EVENT_*, what it is for
 *
 * The caller arms the queue if @events wants its signals.
 *
 * Return: the eventfd from before, whose reference belongs to the caller, or NULL.
 */
struct eventfd_ctx *ogpu_signal_set_eventfd(struct ogpu_device *odev, u32 number,
					    struct eventfd_ctx *eventfd, u32 events)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	unsigned long flags;

	spin_lock_irqsave(&slot->wait.lock, flags);
	swap(slot->eventfd, eventfd);
	slot->events = events;
	spin_unlock_irqrestore(&slot->wait.lock, flags);

	return eventfd;
}

/**
 * ogpu_signal_start() - empty the ring and give it to hardware
 * @odev: the card; its engines stand still
 */
void ogpu_signal_start(struct ogpu_device *odev)
{
	struct ogpu_signal_ring *ring = odev->signal;

	spin_lock_irq(&ring->lock);
	/* No entry may look like a coming one; their numbers begin at 1. */
	memset(ring->entries, 0, ring->size * sizeof(*ring->entries));
	ring->rptr = 0;
	odev->chip->signal_set(odev, ring->dma, ring->size);
	WRITE_ONCE(ring->running, true);
	spin_unlock_irq(&ring->lock);
}

/**
 * ogpu_signal_stop() - take the ring away from hardware
 * @odev: the card; need not answer
 *
 * Sleeps for a moment.
 */
void ogpu_signal_stop(struct ogpu_device *odev)
{
	struct ogpu_signal_ring *ring = odev->signal;

	spin_lock_irq(&ring->lock);
	if (ring->running) {
		WRITE_ONCE(ring->running, false);
		odev->chip->signal_set(odev, 0, 0);
	}
	spin_unlock_irq(&ring->lock);
	cancel_delayed_work_sync(&ring->arm_work);
}

/**
 * ogpu_signal_print() - for debugfs
 * @odev: the card
 * @p: where to
 */
void ogpu_signal_print(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_signal_ring *ring = odev->signal;

	drm_printf(p, "signal ring: %s, taken %u, strange %llu\n",
		   READ_ONCE(ring->running) ? "on" : "off", READ_ONCE(ring->rptr),
		   READ_ONCE(ring->strange));
}

/* All queues that had an eventfd are gone by now. */
static void ogpu_signal_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_signal_ring *ring = arg;

	kvfree(ring->slots);
}

/**
 * ogpu_signal_init() - allocate the ring, at probe
 * @odev: the card; its DMA mask is set
 *
 * Return: 0 or -ENOMEM. The ring is freed at unbind, the rest with the DRM device.
 */
int ogpu_signal_init(struct ogpu_device *odev)
{
	u32 i, count = odev->disc.doorbells;
	struct ogpu_signal_ring *ring;
	int ret;

	ring = drmm_kzalloc(&odev->drm, sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;

	ring->odev = odev;
	ring->size = roundup_pow_of_two(count);
	spin_lock_init(&ring->lock);
	INIT_DELAYED_WORK(&ring->arm_work, ogpu_signal_arm_work);
	ring->late = drmm_kcalloc(&odev->drm, BITS_TO_LONGS(count), sizeof(long), GFP_KERNEL);
	if (!ring->late)
		return -ENOMEM;

	ring->slots = kvcalloc(count, sizeof(*ring->slots), GFP_KERNEL);
	if (!ring->slots)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		init_waitqueue_head(&ring->slots[i].wait);
	ret = drmm_add_action_or_reset(&odev->drm, ogpu_signal_fini, ring);
	if (ret)
		return ret;

	ring->entries = dmam_alloc_coherent(&odev->pdev->dev, ring->size * sizeof(*ring->entries),
					    &ring->dma, GFP_KERNEL);
	if (!ring->entries)
		return -ENOMEM;

	odev->signal = ring;
	return 0;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_signal_test.c"
#endif
