// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_wait.c: when a WAIT arms queues, sleeps, and ends.
 */
#include <kunit/test.h>
#include <linux/mman.h>

/* So often at most does the queue below signal as soon as it is armed. */
#define OGPU_WAIT_TEST_STORM	1000

struct ogpu_wait_test {
	struct ogpu_wait wait;
	struct ogpu_wait_queue wq;
	struct drm_ogpu_wait_fence fence;
	struct ogpu_queue queue;
	struct ogpu_file ofile;
	u16 which;
	unsigned int armed;
};

static struct ogpu_wait_test *ogpu_wait_test;

/* As the interrupt does it, with the slot's lock held; who waits is killed in the end. */
static void ogpu_wait_test_arm(struct ogpu_device *odev, u32 queue)
{
	if (++ogpu_wait_test->armed <= OGPU_WAIT_TEST_STORM)
		ogpu_wait_wake(&ogpu_wait_test->wq.entry, TASK_NORMAL, 0, NULL);
	else
		send_sig(SIGUSR1, ogpu_wait_test->wait.task, 0);
}

/* A WAIT for memory that nobody stores to, and for a queue that signals all the time. */
static struct ogpu_wait_test *ogpu_wait_test_begin(struct kunit *test)
{
	struct ogpu_wait_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->fence.pointer = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
					 MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, t->fence.pointer, 0);
	t->fence.value = 1;
	t->fence.mask = U64_MAX;
	t->fence.compare = DRM_OGPU_COMPARE_GE;
	t->ofile.odev = ogpu_signal_test_device(test, ogpu_wait_test_arm);
	t->wait.ofile = &t->ofile;
	t->wait.task = current;
	t->wait.fences = &t->fence;
	t->wait.count = 1;
	t->wait.which = &t->which;
	t->wait.queues = &t->wq;
	t->wait.queue_count = 1;
	ogpu_wait_init_queue(&t->wait, &t->wq, &t->queue);
	t->wq.memory = true;
	ogpu_wait_test = t;

	return t;
}

static void ogpu_wait_test_end(struct ogpu_wait_test *t)
{
	ogpu_wait_unlisten(&t->wait);
}

/* Who is killed goes, though there is always a reason to look again. */
static void ogpu_wait_test_killed(struct kunit *test)
{
	struct ogpu_wait_test *t = ogpu_wait_test_begin(test);

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	KUNIT_ASSERT_TRUE(test, signal_pending(current));
	KUNIT_EXPECT_EQ(test, ogpu_wait_run(&t->wait, KTIME_MAX), -ERESTARTSYS);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	KUNIT_EXPECT_LE(test, t->armed, 1);
	ogpu_wait_test_end(t);
}

/* With a deadline that is over it looks, and interrupts nobody. */
static void ogpu_wait_test_over(struct kunit *test)
{
	struct ogpu_wait_test *t = ogpu_wait_test_begin(test);

	KUNIT_EXPECT_EQ(test, ogpu_wait_run(&t->wait, 0), -ETIME);
	KUNIT_EXPECT_EQ(test, t->armed, 0);
	KUNIT_EXPECT_EQ(test, t->wait.listening, 0);
	ogpu_wait_test_end(t);
}

/* Each time that the queue was told of it is armed again, and never with that unseen. */
static void ogpu_wait_test_rearmed(struct kunit *test)
{
	struct ogpu_wait_test *t = ogpu_wait_test_begin(test);

	allow_signal(SIGUSR1);
	KUNIT_EXPECT_EQ(test, ogpu_wait_run(&t->wait, KTIME_MAX), -ERESTARTSYS);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	KUNIT_EXPECT_EQ(test, t->armed, OGPU_WAIT_TEST_STORM + 1);
	KUNIT_EXPECT_FALSE(test, ogpu_wait_is_told(&t->wait));
	ogpu_wait_test_end(t);
}

static struct kunit_case ogpu_wait_cases[] = {
	KUNIT_CASE(ogpu_wait_test_killed),
	KUNIT_CASE(ogpu_wait_test_over),
	KUNIT_CASE(ogpu_wait_test_rearmed),
	{ }
};

static struct kunit_suite ogpu_wait_suite = {
	.name = "ogpu_wait",
	.test_cases = ogpu_wait_cases,
};

kunit_test_suite(ogpu_wait_suite);
