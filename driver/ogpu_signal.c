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
 * waiting, interrupts once.
 *
 * Nobody knows who hangs on an eventfd, nor how many. So the interrupt only puts the queue on the
 * list of its user, whose worker adds to the eventfd and then arms the queue again; what was
 * signalled meanwhile is told then. The interrupt itself wakes a few waiters, its thread the rest.
 *
 * What a signal costs is counted for the user whose queue it is, however many queues that are: the
 * interrupt and whom it wakes by the tick, the time of the worker as a part of all time. Who has
 * spent too much by the tick has his queues armed by a worker later; his own worker waits. Once all
 * users of the card have cost so much together in a tick each has much less left. So neither queues
 * that signal all the time nor many who wait for them take more than so much of the host's time,
 * and others are told at once all the same.
 *
 * A slot's wait.lock protects all of it and is taken in any context, inside of the ring's lock and
 * outside of that of a user.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/rt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/event.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_signal.h"

/* What a user's queues may cost in one tick; to wake a waiter costs 1. */
#define OGPU_SIGNAL_TICK_COST	1024
/* What a signal costs that nobody waits for any more. */
#define OGPU_SIGNAL_ENTRY_COST	2
/* What an eventfd costs, beside the time that the worker takes. */
#define OGPU_SIGNAL_EVENTFD_COST	64
/* What all users of a card may cost in one tick, and each of them once they have. */
#define OGPU_SIGNAL_CARD_COST	2048
#define OGPU_SIGNAL_SCARCE_COST	64

/* What the interrupt does itself, and its thread at a time, with interrupts off. */
#define OGPU_SIGNAL_IRQ_COST	64
#define OGPU_SIGNAL_ROUND_COST	(OGPU_SIGNAL_ENTRY_COST + OGPU_SIGNAL_MAX_WAITERS)

/* Of the time that eventfds take a user gets one part in so many, once this much is used up. */
#define OGPU_SIGNAL_PARTS	8
#define OGPU_SIGNAL_CREDIT_NS	NSEC_PER_MSEC

/* For all cards: adds to eventfds. */
static struct workqueue_struct *ogpu_signal_wq;

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
 * struct ogpu_eventfd - an eventfd that a queue has
 */
struct ogpu_eventfd {
	/** @ref: held by the slot and by who adds to it */
	struct kref ref;
	/** @ctx: referenced */
	struct eventfd_ctx *ctx;
	/** @events: DRM_OGPU_EVENT_*, what it is for */
	u32 events;
	/** @link: in &struct ogpu_signal_user.last, once no slot has it any more */
	struct list_head link;
};

/**
 * struct ogpu_signal_user - a user whose queues signal
 */
struct ogpu_signal_user {
	/** @ref: held by who has queues, and by @work while it is @busy */
	struct kref ref;
	/** @odev: the card; may be gone unless there are queues or @busy */
	struct ogpu_device *odev;
	/** @cost: of signals of all queues; protected by the ring's lock, may be read without */
	struct ogpu_signal_cost cost;
	/** @idle_at: ktime in ns, when the time of @work is made up for; written by it alone */
	u64 idle_at;
	/** @work: adds to eventfds */
	struct work_struct work;
	/** @lock: protects what follows; innermost, interrupts off */
	spinlock_t lock;
	/** @owed: &struct ogpu_signal_slot whose eventfd has not been added to */
	struct list_head owed;
	/** @last: &struct ogpu_eventfd, referenced, of queues that are gone, not added to either */
	struct list_head last;
	/** @busy: @work will look at both; it holds a reference to this and to the card */
	bool busy;
};

/**
 * struct ogpu_signal_slot - whom to tell about the queue of one number
 */
struct ogpu_signal_slot {
	/** @wait: who waits; its lock protects the other members */
	wait_queue_head_t wait;
	/** @waiters: how many */
	unsigned int waiters;
	/** @user: whose queue it is, or NULL if nobody is told; lives as long as the queue */
	struct ogpu_signal_user *user;
	/** @eventfd: or NULL; referenced */
	struct ogpu_eventfd *eventfd;
	/** @owed: DRM_OGPU_EVENT_*, what has not been added to @eventfd */
	u32 owed;
	/** @link: in &struct ogpu_signal_user.owed; protected by that user's lock */
	struct list_head link;
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
	/** @arm_work: arms those whose user had spent too much */
	struct delayed_work arm_work;
	/** @arm_next: number with which @arm_work begins, so that all have their turn */
	u32 arm_next;
	/** @lock: protects what follows; taken in any context, outside of the locks of slots */
	spinlock_t lock;
	/** @running: hardware may write entries */
	bool running;
	/** @cost: of the signals of all users; may be read without @lock */
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

static unsigned int ogpu_signal_price(const struct ogpu_signal_slot *slot)
{
	unsigned int price = OGPU_SIGNAL_ENTRY_COST + slot->waiters;

	if (slot->eventfd)
		price += OGPU_SIGNAL_EVENTFD_COST;

	return price;
}

static void ogpu_signal_charge(struct ogpu_signal_ring *ring, const struct ogpu_signal_slot *slot,
			       unsigned long now)
{
	unsigned int price = ogpu_signal_price(slot);

	if (slot->user)
		ogpu_signal_cost_add(&slot->user->cost, price, now);
	ogpu_signal_cost_add(&ring->cost, price, now);
}

static bool ogpu_signal_may_arm(const struct ogpu_signal_ring *ring,
				const struct ogpu_signal_slot *slot, unsigned long now)
{
	bool scarce = ogpu_signal_cost_of(&ring->cost, now) > OGPU_SIGNAL_CARD_COST;
	const struct ogpu_signal_user *user = slot->user;

	return ogpu_signal_cost_of(&user->cost, now) <=
	       (scarce ? OGPU_SIGNAL_SCARCE_COST : OGPU_SIGNAL_TICK_COST);
}

/* Under the slot's lock, and in ogpu_device_enter(). */
static void ogpu_signal_arm_slot(struct ogpu_signal_ring *ring, struct ogpu_signal_slot *slot)
{
	u32 number = slot - ring->slots;

	lockdep_assert_held(&slot->wait.lock);

	/* After a reset who waits may come too late. */
	if (!slot->user)
		return;
	if (ogpu_signal_may_arm(ring, slot, jiffies)) {
		ogpu_signal_write_arm(ring, number);
		return;
	}
	set_bit(number, ring->late);
	schedule_delayed_work(&ring->arm_work, 1);
}

/* Returns true if the queue has to wait. */
static bool ogpu_signal_arm_late(struct ogpu_signal_ring *ring, u32 number)
{
	struct ogpu_signal_slot *slot = &ring->slots[number];
	bool wait = false;

	spin_lock_irq(&ring->lock);
	spin_lock(&slot->wait.lock);
	if (!slot->user) {
		clear_bit(number, ring->late);
	} else if (ogpu_signal_may_arm(ring, slot, jiffies)) {
		clear_bit(number, ring->late);
		/* It signals all the time: all that are armed now must not be too much, either. */
		ogpu_signal_charge(ring, slot, jiffies);
		ogpu_signal_write_arm(ring, number);
	} else {
		wait = true;
	}
	spin_unlock(&slot->wait.lock);
	spin_unlock_irq(&ring->lock);

	return wait;
}

static void ogpu_signal_arm_work(struct work_struct *work)
{
	struct ogpu_signal_ring *ring = container_of(work, struct ogpu_signal_ring, arm_work.work);
	u32 number, count = ring->odev->disc.doorbells, first = ring->arm_next;
	bool wait = false;

	for_each_set_bit_wrap(number, ring->late, count, first) {
		if (!ogpu_signal_arm_late(ring, number))
			continue;
		if (!wait)
			ring->arm_next = number;
		wait = true;
	}
	if (wait)
		schedule_delayed_work(&ring->arm_work, 1);
}

/*
 * Eventfds
 */

static void ogpu_eventfd_release(struct kref *ref)
{
	struct ogpu_eventfd *eventfd = container_of(ref, struct ogpu_eventfd, ref);

	eventfd_ctx_put(eventfd->ctx);
	kfree(eventfd);
}

/**
 * ogpu_eventfd_put() - drop a reference
 * @eventfd: or NULL
 */
void ogpu_eventfd_put(struct ogpu_eventfd *eventfd)
{
	if (eventfd)
		kref_put(&eventfd->ref, ogpu_eventfd_release);
}

/**
 * ogpu_eventfd_get() - take an eventfd of the caller
 * @fd: descriptor
 * @events: DRM_OGPU_EVENT_*, what it is for
 *
 * Return: it, or an ERR_PTR(): -EBADF, -EINVAL if it is something else, -ENOMEM.
 */
struct ogpu_eventfd *ogpu_eventfd_get(int fd, u32 events)
{
	struct ogpu_eventfd *eventfd;
	struct eventfd_ctx *ctx;

	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return ERR_CAST(ctx);

	eventfd = kzalloc_obj(*eventfd, GFP_KERNEL_ACCOUNT);
	if (!eventfd) {
		eventfd_ctx_put(ctx);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&eventfd->ref);
	eventfd->ctx = ctx;
	eventfd->events = events;

	return eventfd;
}

/**
 * ogpu_eventfd_signal() - add to an eventfd
 * @eventfd: to which
 *
 * Takes as long as it takes to wake whoever hangs on it.
 */
void ogpu_eventfd_signal(struct ogpu_eventfd *eventfd)
{
	eventfd_signal(eventfd->ctx);
}

/* The user's worker is to add to the eventfd of a slot. */
static void ogpu_signal_owe(struct ogpu_signal_slot *slot, u32 event)
{
	struct ogpu_signal_user *user = slot->user;

	lockdep_assert_held(&slot->wait.lock);

	slot->owed |= event;
	spin_lock(&user->lock);
	if (list_empty(&slot->link))
		list_add_tail(&slot->link, &user->owed);
	if (!user->busy) {
		WRITE_ONCE(user->busy, true);
		kref_get(&user->ref);
		drm_dev_get(&user->odev->drm);
		queue_work(ogpu_signal_wq, &user->work);
	}
	spin_unlock(&user->lock);
}

/*
 * What is to be added to next: the eventfd of a queue that is gone, whose reference is the
 * caller's, or that of a slot. False: nothing, and the user is not busy any more.
 */
static bool ogpu_signal_next_owed(struct ogpu_signal_user *user, struct ogpu_eventfd **eventfd,
				  struct ogpu_signal_slot **slot)
{
	spin_lock_irq(&user->lock);
	*slot = NULL;
	*eventfd = list_first_entry_or_null(&user->last, struct ogpu_eventfd, link);
	if (*eventfd) {
		list_del(&(*eventfd)->link);
	} else {
		*slot = list_first_entry_or_null(&user->owed, struct ogpu_signal_slot, link);
		if (*slot)
			list_del_init(&(*slot)->link);
		else
			WRITE_ONCE(user->busy, false);
	}
	spin_unlock_irq(&user->lock);

	return *eventfd || *slot;
}

/* Does the worker have to wait? */
static bool ogpu_signal_is_spent(const struct ogpu_signal_user *user, u64 now)
{
	return READ_ONCE(user->idle_at) > now + OGPU_SIGNAL_CREDIT_NS;
}

/* The worker has worked for a user for so long, until now. */
static void ogpu_signal_spend(struct ogpu_signal_user *user, u64 now, u64 ns)
{
	WRITE_ONCE(user->idle_at, max(user->idle_at + ns, now) + (OGPU_SIGNAL_PARTS - 1) * ns);
}

/* Add to an eventfd for a user, who pays for that and for nothing else. */
static void ogpu_signal_pay(struct ogpu_signal_user *user, struct ogpu_eventfd *eventfd)
{
	u64 start, now;

	/* Who is woken must not run before we know how long it took. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
	start = ktime_get_ns();
	ogpu_eventfd_signal(eventfd);
	now = ktime_get_ns();
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
	ogpu_signal_spend(user, now, now - start);
}

static void ogpu_signal_add_to_slot(struct ogpu_signal_user *user, struct ogpu_signal_slot *slot)
{
	struct ogpu_eventfd *eventfd = NULL;
	u32 owed = 0;

	spin_lock_irq(&slot->wait.lock);
	/* The queue may be gone, and the number somebody else's. */
	if (slot->user == user && slot->eventfd) {
		eventfd = slot->eventfd;
		kref_get(&eventfd->ref);
		owed = slot->owed;
		slot->owed = 0;
	}
	spin_unlock_irq(&slot->wait.lock);
	if (!eventfd)
		return;

	if (owed)
		ogpu_signal_pay(user, eventfd);
	if (owed & DRM_OGPU_EVENT_SIGNAL)
		ogpu_signal_arm(user->odev, slot - user->odev->signal->slots);
	ogpu_eventfd_put(eventfd);
}

/* Until the user has made up for what he has spent, or the card is unbound. */
static void ogpu_signal_wait_idle(struct ogpu_signal_user *user)
{
	int idx;

	while (ogpu_signal_is_spent(user, ktime_get_ns()) &&
	       ogpu_device_enter(user->odev, &idx)) {
		ogpu_device_exit(user->odev, idx);
		schedule_timeout_idle(DIV_ROUND_UP(HZ, 100));
	}
}

static void ogpu_signal_user_work(struct work_struct *work)
{
	struct ogpu_signal_user *user = container_of(work, struct ogpu_signal_user, work);
	struct ogpu_device *odev = user->odev;
	struct ogpu_signal_slot *slot;
	struct ogpu_eventfd *eventfd;

	while (ogpu_signal_next_owed(user, &eventfd, &slot)) {
		ogpu_signal_wait_idle(user);
		if (eventfd) {
			ogpu_signal_pay(user, eventfd);
			ogpu_eventfd_put(eventfd);
		} else {
			ogpu_signal_add_to_slot(user, slot);
		}
		cond_resched();
	}
	ogpu_signal_user_put(user);
	drm_dev_put(&odev->drm);
}

/**
 * ogpu_signal_user_create() - a user comes who may have queues
 * @odev: the card, which lives longer than the user has queues
 *
 * Return: it, with one reference, or NULL if there is no memory.
 */
struct ogpu_signal_user *ogpu_signal_user_create(struct ogpu_device *odev)
{
	struct ogpu_signal_user *user;

	user = kzalloc_obj(*user, GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;

	kref_init(&user->ref);
	user->odev = odev;
	spin_lock_init(&user->lock);
	INIT_LIST_HEAD(&user->owed);
	INIT_LIST_HEAD(&user->last);
	INIT_WORK(&user->work, ogpu_signal_user_work);

	return user;
}

/**
 * ogpu_signal_user_is_idle() - may a user be forgotten?
 * @user: who has no queues
 *
 * Return: false while the worker has something to do for him, or he has time to make up for: he
 * might come again at once. Any context.
 */
bool ogpu_signal_user_is_idle(const struct ogpu_signal_user *user)
{
	return !READ_ONCE(user->busy) && READ_ONCE(user->idle_at) <= ktime_get_ns();
}

static void ogpu_signal_user_release(struct kref *ref)
{
	kfree(container_of(ref, struct ogpu_signal_user, ref));
}

/**
 * ogpu_signal_user_put() - drop a reference
 * @user: from ogpu_signal_user_create()
 */
void ogpu_signal_user_put(struct ogpu_signal_user *user)
{
	kref_put(&user->ref, ogpu_signal_user_release);
}

/*
 * Signals
 */

/* Tells whoever wants to know of @event, or of anything if it waits. */
static void ogpu_signal_tell_slot(struct ogpu_signal_slot *slot, u32 event)
{
	lockdep_assert_held(&slot->wait.lock);

	wake_up_all_locked(&slot->wait);
	if (slot->eventfd && (slot->eventfd->events & event))
		ogpu_signal_owe(slot, event);
}

static void ogpu_signal_handle(struct ogpu_signal_ring *ring, struct ogpu_signal_slot *slot)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->wait.lock, flags);
	ogpu_signal_charge(ring, slot, jiffies);
	ogpu_signal_tell_slot(slot, DRM_OGPU_EVENT_SIGNAL);
	spin_unlock_irqrestore(&slot->wait.lock, flags);
}

/* The queue of the oldest entry, which stays there; false if there is none. */
static bool ogpu_signal_peek(const struct ogpu_signal_ring *ring, u32 *number)
{
	/* One access, as hardware writes it. */
	u64 entry = le64_to_cpu((__force __le64)
				READ_ONCE(*(u64 *)&ring->entries[ring->rptr & (ring->size - 1)]));

	if (upper_32_bits(entry) != ring->rptr + 1)
		return false;
	/* Who is told reads what the queue stored before: barriers of CPUs do not order DMA. */
	dma_rmb();

	*number = lower_32_bits(entry);

	return true;
}

/* Handles entries that cost up to @budget together. Returns true if there is another one. */
static bool ogpu_signal_drain(struct ogpu_signal_ring *ring, unsigned int budget)
{
	struct ogpu_signal_slot *slot;
	unsigned int price, spent = 0;
	unsigned long flags;
	bool more = false;
	u32 number;

	spin_lock_irqsave(&ring->lock, flags);
	while (ring->running && ogpu_signal_peek(ring, &number)) {
		slot = number < ring->odev->disc.doorbells ? &ring->slots[number] : NULL;
		/* An eventfd is the worker's. */
		price = OGPU_SIGNAL_ENTRY_COST + (slot ? READ_ONCE(slot->waiters) : 0);
		spent += price;
		more = spent > budget;
		if (more)
			break;
		ring->rptr++;
		if (slot)
			ogpu_signal_handle(ring, slot);
		else
			ring->strange++;
	}
	spin_unlock_irqrestore(&ring->lock, flags);

	return more;
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

	return ogpu_signal_drain(odev->signal, OGPU_SIGNAL_IRQ_COST) ? IRQ_WAKE_THREAD :
								       IRQ_HANDLED;
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
	/* Not real time: who has many waiters must not take a processor from everybody. */
	if (rt_task(current))
		sched_set_normal(current, MIN_NICE);

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
	u32 round;

	/* No more than fit: an entry that comes meanwhile has an interrupt of its own. */
	for (round = 0; round < ring->size; round++) {
		if (!ogpu_signal_drain(ring, OGPU_SIGNAL_ROUND_COST))
			break;
		cond_resched();
	}
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
		WRITE_ONCE(slot->waiters, slot->waiters + 1);
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
	WRITE_ONCE(slot->waiters, slot->waiters - 1);
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
 * @eventfd: or NULL for none
 *
 * The caller arms the queue if the eventfd wants its signals. What the one before was not told yet
 * this one is told.
 */
void ogpu_signal_set_eventfd(struct ogpu_device *odev, u32 number, struct ogpu_eventfd *eventfd)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];

	spin_lock_irq(&slot->wait.lock);
	if (eventfd)
		kref_get(&eventfd->ref);
	swap(slot->eventfd, eventfd);
	slot->owed &= slot->eventfd ? slot->eventfd->events : 0;
	spin_unlock_irq(&slot->wait.lock);

	ogpu_eventfd_put(eventfd);
}

/**
 * ogpu_signal_begin() - a queue has got its number
 * @odev: the card
 * @number: of the queue
 * @user: whose it is, until ogpu_signal_end()
 */
void ogpu_signal_begin(struct ogpu_device *odev, u32 number, struct ogpu_signal_user *user)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];

	spin_lock_irq(&slot->wait.lock);
	slot->user = user;
	spin_unlock_irq(&slot->wait.lock);
}

/**
 * ogpu_signal_end() - a queue is about to give up its number
 * @odev: the card
 * @number: of the queue
 */
void ogpu_signal_end(struct ogpu_device *odev, u32 number)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	struct ogpu_eventfd *eventfd;

	spin_lock_irq(&slot->wait.lock);
	eventfd = slot->eventfd;
	if (slot->user) {
		spin_lock(&slot->user->lock);
		list_del_init(&slot->link);
		/* What is owed is owed all the same; the worker is busy until it finds nothing. */
		if (eventfd && slot->owed) {
			list_add_tail(&eventfd->link, &slot->user->last);
			eventfd = NULL;
		}
		spin_unlock(&slot->user->lock);
	}
	slot->user = NULL;
	slot->eventfd = NULL;
	slot->owed = 0;
	spin_unlock_irq(&slot->wait.lock);

	ogpu_eventfd_put(eventfd);
}

/**
 * ogpu_signal_again() - what a queue has signalled, and whether it was armed, was forgotten
 * @odev: the card, which was started again
 * @number: of the queue
 *
 * Who waits looks again, and is told of what follows.
 */
void ogpu_signal_again(struct ogpu_device *odev, u32 number)
{
	struct ogpu_signal_slot *slot = &odev->signal->slots[number];
	unsigned long flags;

	spin_lock_irqsave(&slot->wait.lock, flags);
	if (slot->user) {
		ogpu_signal_tell_slot(slot, DRM_OGPU_EVENT_SIGNAL);
		ogpu_signal_arm_slot(odev->signal, slot);
	}
	spin_unlock_irqrestore(&slot->wait.lock, flags);
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
	for (i = 0; i < count; i++) {
		init_waitqueue_head(&ring->slots[i].wait);
		INIT_LIST_HEAD(&ring->slots[i].link);
	}
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

/**
 * ogpu_signal_module_init() - set up what all cards share
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_signal_module_init(void)
{
	/* Of its own: how long it takes is the choice of programs, and nobody waits for it. */
	ogpu_signal_wq = alloc_workqueue("ogpu-signal", WQ_UNBOUND, 0);

	return ogpu_signal_wq ? 0 : -ENOMEM;
}

/**
 * ogpu_signal_module_exit() - undo ogpu_signal_module_init()
 *
 * Called when no card is bound any more. Cards that a worker still holds go here.
 */
void ogpu_signal_module_exit(void)
{
	destroy_workqueue(ogpu_signal_wq);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_signal_test.c"
#endif
