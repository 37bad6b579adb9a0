// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_event.c: what the interrupt does, and what it leaves to its thread.
 */
#include <kunit/test.h>

static unsigned int ogpu_event_test_calls;

/* The entry says how much there is to do. */
static unsigned int ogpu_event_test_handler(struct ogpu_device *odev, const struct ogpu_event *ev,
					    unsigned int max)
{
	ogpu_event_test_calls++;

	return min(le32_to_cpu(ev->queue), max);
}

/* A ring with entries of a type, each with so much to do. */
static struct ogpu_device *ogpu_event_test_begin(struct kunit *test, u32 count, u8 type, u32 each)
{
	struct ogpu_device *odev = kunit_kzalloc(test, sizeof(*odev), GFP_KERNEL);
	struct ogpu_event_ring *event = kunit_kzalloc(test, sizeof(*event), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_TRUE(test, odev && event);
	event->entries = kunit_kcalloc(test, OGPU_EVENT_RING_ENTRIES, sizeof(*event->entries),
				       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, event->entries);
	spin_lock_init(&event->take_lock);
	event->handlers[OGPU_EVENT_KIND_FENCE] = ogpu_event_test_handler;
	event->running = true;
	for (i = 0; i < count; i++) {
		event->entries[i].type = type;
		event->entries[i].queue = cpu_to_le32(each);
		event->entries[i].seq = cpu_to_le32(i + 1);
	}
	odev->event = event;
	ogpu_event_test_calls = 0;

	return odev;
}

/* With interrupts off, as an interrupt comes. */
static irqreturn_t ogpu_event_test_irq(struct ogpu_device *odev)
{
	unsigned long flags;
	irqreturn_t ret;

	local_irq_save(flags);
	ret = ogpu_event_irq(0, odev);
	local_irq_restore(flags);

	return ret;
}

static void ogpu_event_test_few(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_event_test_begin(test, 3, OGPU_EVENT_FENCE, 0);

	KUNIT_EXPECT_EQ(test, ogpu_event_test_irq(odev), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, odev->event->rptr, 3);
	KUNIT_EXPECT_EQ(test, ogpu_event_test_calls, 3);
}

/* Entries for which there is nothing to do cost as well. */
static void ogpu_event_test_many(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_event_test_begin(test, OGPU_EVENT_IRQ_BUDGET + 1,
							 OGPU_EVENT_FENCE, 0);

	KUNIT_EXPECT_EQ(test, ogpu_event_test_irq(odev), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, odev->event->rptr, OGPU_EVENT_IRQ_BUDGET);
}

/* What one entry needs is not there for the next, and one that is not done with stays. */
static void ogpu_event_test_budget(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_event_test_begin(test, 3, OGPU_EVENT_FENCE,
							 OGPU_EVENT_IRQ_BUDGET / 2 + 1);

	KUNIT_EXPECT_EQ(test, ogpu_event_test_irq(odev), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, odev->event->rptr, 1);
	KUNIT_EXPECT_EQ(test, ogpu_event_test_calls, 2);
}

static void ogpu_event_test_other(struct kunit *test)
{
	struct ogpu_device *odev = ogpu_event_test_begin(test, 1, OGPU_EVENT_MEMORY_ERROR, 0);

	KUNIT_EXPECT_EQ(test, ogpu_event_test_irq(odev), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, odev->event->rptr, 0);
}

static struct kunit_case ogpu_event_cases[] = {
	KUNIT_CASE(ogpu_event_test_few),
	KUNIT_CASE(ogpu_event_test_many),
	KUNIT_CASE(ogpu_event_test_budget),
	KUNIT_CASE(ogpu_event_test_other),
	{ }
};

static struct kunit_suite ogpu_event_suite = {
	.name = "ogpu_event",
	.test_cases = ogpu_event_cases,
};

kunit_test_suite(ogpu_event_suite);
