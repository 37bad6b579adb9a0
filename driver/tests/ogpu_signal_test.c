// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_signal.c: what signals of a queue may cost.
 */
#include <kunit/test.h>

#include "ogpu_chip.h"

#define OGPU_SIGNAL_TEST_QUEUES	8

static void ogpu_signal_test_free(void *arg)
{
	struct ogpu_device *odev = arg;
	u32 i;

	cancel_delayed_work_sync(&odev->signal->arm_work);
	cleanup_srcu_struct(&odev->unplug_srcu);
	for (i = 0; i < OGPU_SIGNAL_TEST_QUEUES; i++) {
		if (odev->signal->slots[i].user)
			ogpu_signal_user_put(odev->signal->slots[i].user);
	}
}

/**
 * ogpu_signal_test_device() - a card that has signals and nothing else, also for other tests; each
 *	queue is another user's
 * @test: until whose end it exists
 * @arm: what is done when a queue is armed, under the lock of its slot
 *
 * Return: the card.
 */
struct ogpu_device *ogpu_signal_test_device(struct kunit *test,
					    void (*arm)(struct ogpu_device *odev, u32 queue))
{
	struct ogpu_device *odev = kunit_kzalloc(test, sizeof(*odev), GFP_KERNEL);
	struct ogpu_signal_ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	struct ogpu_chip_ops *chip = kunit_kzalloc(test, sizeof(*chip), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_TRUE(test, odev && ring && chip);
	odev->disc.doorbells = OGPU_SIGNAL_TEST_QUEUES;
	odev->state = OGPU_STATE_RUNNING;
	odev->chip = chip;
	odev->signal = ring;
	chip->signal_arm = arm;

	ring->odev = odev;
	ring->size = OGPU_SIGNAL_TEST_QUEUES;
	ring->running = true;
	ring->entries = kunit_kcalloc(test, ring->size, sizeof(*ring->entries), GFP_KERNEL);
	ring->slots = kunit_kcalloc(test, ring->size, sizeof(*ring->slots), GFP_KERNEL);
	ring->late = kunit_kcalloc(test, BITS_TO_LONGS(ring->size), sizeof(long), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, ring->entries && ring->slots && ring->late);
	spin_lock_init(&ring->lock);
	INIT_DELAYED_WORK(&ring->arm_work, ogpu_signal_arm_work);
	for (i = 0; i < ring->size; i++) {
		init_waitqueue_head(&ring->slots[i].wait);
		INIT_LIST_HEAD(&ring->slots[i].link);
	}

	KUNIT_ASSERT_EQ(test, init_srcu_struct(&odev->unplug_srcu), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ogpu_signal_test_free, odev), 0);
	for (i = 0; i < ring->size; i++) {
		ring->slots[i].user = ogpu_signal_user_create(odev);
		KUNIT_ASSERT_NOT_NULL(test, ring->slots[i].user);
	}

	return odev;
}

/* How often a queue is told of and armed again within a tick. */
static unsigned int ogpu_signal_test_count(struct ogpu_signal_ring *ring,
					   struct ogpu_signal_slot *slot, unsigned long now)
{
	unsigned int count = 0;

	while (ogpu_signal_may_arm(ring, slot, now) && count < 2 * OGPU_SIGNAL_TICK_COST) {
		ogpu_signal_charge(ring, slot, now);
		count++;
	}

	return count;
}

static void ogpu_signal_test_cost(struct kunit *test)
{
	struct ogpu_signal_ring *ring = ogpu_signal_test_device(test, NULL)->signal;
	struct ogpu_eventfd some = { };
	struct ogpu_signal_slot *slot = &ring->slots[0];

	/* Each tick is a new one, also when they begin anew. */
	slot->waiters = OGPU_SIGNAL_MAX_WAITERS;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 100), 4);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 100), 0);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, ULONG_MAX), 4);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 0), 4);

	/* One waiter hardly notices. */
	slot->waiters = 1;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 1), 342);

	slot->waiters = 0;
	slot->eventfd = &some;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 2), 16);

	/* Who comes later has to do with what the others have cost. */
	slot->eventfd = NULL;
	slot->waiters = 1;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 2), 0);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_may_arm(ring, slot, 3));

	/* An interrupt that nobody waits for any more is not for nothing. */
	slot->waiters = 0;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 4), 513);
}

/* However many queues signal, and who is quiet is told at once. */
static void ogpu_signal_test_card(struct kunit *test)
{
	struct ogpu_signal_ring *ring = ogpu_signal_test_device(test, NULL)->signal;
	unsigned int i, count = 0;

	for (i = 0; i < OGPU_SIGNAL_TEST_QUEUES; i++)
		ring->slots[i].waiters = 1;
	for (i = 0; i < OGPU_SIGNAL_TEST_QUEUES - 1; i++)
		count += ogpu_signal_test_count(ring, &ring->slots[i], 7);
	/* Two have all that there is; little is left for each of the others. */
	KUNIT_EXPECT_EQ(test, count, 342 + 341 + (OGPU_SIGNAL_TEST_QUEUES - 3) * 22);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, &ring->slots[i], 7), 22);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, &ring->slots[i], 8), 342);
}

/* What the queues of one user cost is added up. */
static void ogpu_signal_test_user(struct kunit *test)
{
	struct ogpu_signal_ring *ring = ogpu_signal_test_device(test, NULL)->signal;
	struct ogpu_signal_user *other = ring->slots[1].user;
	struct ogpu_signal_slot *slots = ring->slots;

	slots[0].waiters = 1;
	slots[1].waiters = 1;
	slots[1].user = slots[0].user;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, &slots[0], 5), 342);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, &slots[1], 5), 0);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_may_arm(ring, &slots[2], 5));
	KUNIT_EXPECT_TRUE(test, ogpu_signal_may_arm(ring, &slots[1], 6));
	slots[1].user = other;
}

/* For how long after @now a user's queues are not armed. */
static u64 ogpu_signal_test_idle(const struct ogpu_signal_user *user, u64 now)
{
	return user->idle_at <= now + OGPU_SIGNAL_CREDIT_NS ?
	       0 : user->idle_at - now - OGPU_SIGNAL_CREDIT_NS;
}

/* Eventfds take an eighth of a processor's time at most, but a little at once. */
static void ogpu_signal_test_time(struct kunit *test)
{
	struct ogpu_signal_ring *ring = ogpu_signal_test_device(test, NULL)->signal;
	struct ogpu_signal_slot *slot = &ring->slots[0];
	u64 now = ktime_get_ns(), spent = 0;

	ogpu_signal_spend(slot->user, now, 100 * NSEC_PER_USEC);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_idle(slot->user, now), 0);
	KUNIT_EXPECT_FALSE(test, ogpu_signal_is_spent(slot->user, now));
	/* A crowd that hangs on one. The user is not forgotten, and who is in WAIT is not late. */
	ogpu_signal_spend(slot->user, now, 3600ull * NSEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_is_spent(slot->user, now));
	KUNIT_EXPECT_FALSE(test, ogpu_signal_user_is_idle(slot->user));
	KUNIT_EXPECT_TRUE(test, ogpu_signal_may_arm(ring, slot, 1));
	KUNIT_EXPECT_FALSE(test, ogpu_signal_is_spent(ring->slots[1].user, now));
	KUNIT_EXPECT_TRUE(test, ogpu_signal_user_is_idle(ring->slots[1].user));

	slot->user->idle_at = 0;
	now = NSEC_PER_SEC;
	while (now < 2 * NSEC_PER_SEC) {
		ogpu_signal_spend(slot->user, now, 10 * NSEC_PER_USEC);
		spent += 10 * NSEC_PER_USEC;
		now += 10 * NSEC_PER_USEC + ogpu_signal_test_idle(slot->user, now);
	}
	KUNIT_EXPECT_GE(test, spent, NSEC_PER_SEC / 10);
	KUNIT_EXPECT_LE(test, spent, NSEC_PER_SEC / 7);
}

/* The interrupt leaves a crowd to its thread, in which one queue after the other has its turn. */
static void ogpu_signal_test_irq(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_signal_test_device(test, NULL);
	struct ogpu_signal_ring *ring = odev->signal;
	u32 i;

	for (i = 0; i < OGPU_SIGNAL_TEST_QUEUES; i++) {
		ring->entries[i].queue = cpu_to_le32(i);
		ring->entries[i].seq = cpu_to_le32(i + 1);
		ring->slots[i].waiters = i < 4 ? 10 : OGPU_SIGNAL_MAX_WAITERS;
	}
	/* A number that no queue can have costs something, too. */
	ring->entries[1].queue = cpu_to_le32(OGPU_SIGNAL_TEST_QUEUES);

	KUNIT_EXPECT_EQ(test, (int)ogpu_signal_irq(0, odev), (int)IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, ring->rptr, 4);
	KUNIT_EXPECT_EQ(test, ring->strange, 1);
	KUNIT_EXPECT_EQ(test, (int)ogpu_signal_irq(0, odev), (int)IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, ring->rptr, 4);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_drain(ring, OGPU_SIGNAL_ROUND_COST));
	KUNIT_EXPECT_EQ(test, ring->rptr, 5);
	ogpu_signal_poll(odev);
	KUNIT_EXPECT_EQ(test, ring->rptr, OGPU_SIGNAL_TEST_QUEUES);
	KUNIT_EXPECT_EQ(test, (int)ogpu_signal_irq(0, odev), (int)IRQ_HANDLED);
}

/* What is owed when a queue goes is told, and what is owed when an eventfd is replaced. */
static void ogpu_signal_test_owed(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_signal_test_device(test, NULL);
	struct ogpu_signal_slot *slot = &odev->signal->slots[0], *next;
	struct ogpu_signal_user *user = slot->user;
	struct ogpu_eventfd first = { .events = DRM_OGPU_EVENT_SIGNAL | DRM_OGPU_EVENT_ERROR };
	struct ogpu_eventfd second = { .events = DRM_OGPU_EVENT_ERROR }, *eventfd;

	/* So many references that nothing is freed here; and no worker. */
	refcount_set(&first.ref.refcount, 8);
	refcount_set(&second.ref.refcount, 8);
	user->busy = true;

	ogpu_signal_set_eventfd(odev, 0, &first);
	ogpu_signal_tell(odev, 0, DRM_OGPU_EVENT_SIGNAL);
	ogpu_signal_tell(odev, 0, DRM_OGPU_EVENT_ERROR);
	ogpu_signal_set_eventfd(odev, 0, &second);
	KUNIT_EXPECT_EQ(test, slot->owed, DRM_OGPU_EVENT_ERROR);
	KUNIT_EXPECT_FALSE(test, list_empty(&slot->link));

	ogpu_signal_end(odev, 0);
	KUNIT_EXPECT_NULL(test, slot->eventfd);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_next_owed(user, &eventfd, &next));
	KUNIT_EXPECT_PTR_EQ(test, eventfd, &second);
	KUNIT_EXPECT_FALSE(test, ogpu_signal_next_owed(user, &eventfd, &next));
	KUNIT_EXPECT_FALSE(test, user->busy);
	slot->user = user;
}

static struct kunit_case ogpu_signal_cases[] = {
	KUNIT_CASE(ogpu_signal_test_cost),
	KUNIT_CASE(ogpu_signal_test_card),
	KUNIT_CASE(ogpu_signal_test_user),
	KUNIT_CASE(ogpu_signal_test_time),
	KUNIT_CASE(ogpu_signal_test_irq),
	KUNIT_CASE(ogpu_signal_test_owed),
	{ }
};

static struct kunit_suite ogpu_signal_suite = {
	.name = "ogpu_signal",
	.test_cases = ogpu_signal_cases,
};

kunit_test_suite(ogpu_signal_suite);
