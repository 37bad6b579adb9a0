// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_signal.c: what signals of a queue may cost.
 */
#include <kunit/test.h>

/* How often a queue is told of and armed again within a tick. */
static unsigned int ogpu_signal_test_count(struct ogpu_signal_slot *slot, unsigned long now)
{
	unsigned int count = 0;

	while (ogpu_signal_may_arm(slot, now) && count < 2 * OGPU_SIGNAL_TICK_COST) {
		ogpu_signal_charge(slot, now);
		count++;
	}

	return count;
}

static void ogpu_signal_test_cost(struct kunit *test)
{
	struct eventfd_ctx *some = (struct eventfd_ctx *)test;
	struct ogpu_signal_slot slot = { .tick = 99 };

	/* Each tick is a new one, also when they begin anew. */
	slot.waiters = OGPU_SIGNAL_MAX_WAITERS;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 100), 5);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 100), 0);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, ULONG_MAX), 5);
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 0), 5);

	/* One waiter hardly notices. */
	slot.waiters = 1;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 1), OGPU_SIGNAL_TICK_COST + 1);

	slot.waiters = 0;
	slot.eventfd = some;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 2), 9);

	/* Who comes later has to do with what the others have cost. */
	slot.eventfd = NULL;
	slot.waiters = 1;
	KUNIT_EXPECT_EQ(test, ogpu_signal_test_count(&slot, 2), 0);
	KUNIT_EXPECT_TRUE(test, ogpu_signal_may_arm(&slot, 3));
}

static struct kunit_case ogpu_signal_cases[] = {
	KUNIT_CASE(ogpu_signal_test_cost),
	{ }
};

static struct kunit_suite ogpu_signal_suite = {
	.name = "ogpu_signal",
	.test_cases = ogpu_signal_cases,
};

kunit_test_suite(ogpu_signal_suite);
