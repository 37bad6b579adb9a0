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

	cancel_delayed_work_sync(&odev->signal->arm_work);
	cleanup_srcu_struct(&odev->unplug_srcu);
}

/**
 * ogpu_signal_test_device() - a card that has signals and nothing else, also for other tests
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
	for (i = 0; i < ring->size; i++)
		init_waitqueue_head(&ring->slots[i].wait);

	KUNIT_ASSERT_EQ(test, init_srcu_struct(&odev->unplug_srcu), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ogpu_signal_test_free, odev), 0);

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
	struct eventfd_ctx *some = (struct eventfd_ctx *)test;
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
	slot->eventfd = some;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(ring, slot, 2), 8);

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

static struct kunit_case ogpu_signal_cases[] = {
	KUNIT_CASE(ogpu_signal_test_cost),
	KUNIT_CASE(ogpu_signal_test_card),
	{ }
};

static struct kunit_suite ogpu_signal_suite = {
	.name = "ogpu_signal",
	.test_cases = ogpu_signal_cases,
};

kunit_test_suite(ogpu_signal_suite);
