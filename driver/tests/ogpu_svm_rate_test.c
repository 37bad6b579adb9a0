// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_svm_rate.c: a user who faults without end leaves something to others.
 */
#include <kunit/test.h>

/* Whatever the jiffies are: the first of an interval. */
#define OGPU_SVM_RATE_TEST_BEGIN	(1000ul * OGPU_SVM_RATE_TICKS)

/* Faults that are served before one has to wait. */
static unsigned int ogpu_svm_rate_test_serve(struct ogpu_svm_rate *rate,
					     struct ogpu_svm_share *share, unsigned long now)
{
	unsigned int count = 0;

	while (count < OGPU_FW_EVENTS_MAX && !ogpu_svm_rate_take(rate, share, now))
		count++;

	return count;
}

static void ogpu_svm_rate_test_alone(struct kunit *test)
{
	unsigned long now = OGPU_SVM_RATE_TEST_BEGIN;
	struct ogpu_svm_share share = {};
	struct ogpu_svm_rate rate = {};
	unsigned long wait;

	ogpu_svm_rate_init(&rate);
	KUNIT_EXPECT_EQ(test, ogpu_svm_rate_test_serve(&rate, &share, now), OGPU_SVM_RATE_ALL);
	wait = ogpu_svm_rate_take(&rate, &share, now);
	KUNIT_EXPECT_EQ(test, wait, OGPU_SVM_RATE_TICKS);
	/* After that wait, not before, there is as much again. */
	KUNIT_EXPECT_EQ(test, ogpu_svm_rate_take(&rate, &share, now + wait - 1), 1);
	KUNIT_EXPECT_EQ(test, ogpu_svm_rate_test_serve(&rate, &share, now + wait),
			OGPU_SVM_RATE_ALL);
}

static void ogpu_svm_rate_test_strangers(struct kunit *test)
{
	struct ogpu_svm_share greedy = {}, stranger[2] = {};
	unsigned long now = OGPU_SVM_RATE_TEST_BEGIN;
	struct ogpu_svm_rate rate = {};
	unsigned int i;

	ogpu_svm_rate_init(&rate);
	KUNIT_EXPECT_EQ(test, ogpu_svm_rate_test_serve(&rate, &greedy, now), OGPU_SVM_RATE_ALL);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, ogpu_svm_rate_test_serve(&rate, &stranger[i], now),
				OGPU_SVM_RATE_OWN);
	}
	KUNIT_EXPECT_NE(test, ogpu_svm_rate_take(&rate, &greedy, now), 0);
}

static struct kunit_case ogpu_svm_rate_test_cases[] = {
	KUNIT_CASE(ogpu_svm_rate_test_alone),
	KUNIT_CASE(ogpu_svm_rate_test_strangers),
	{}
};

static struct kunit_suite ogpu_svm_rate_test_suite = {
	.name = "ogpu_svm_rate",
	.test_cases = ogpu_svm_rate_test_cases,
};

kunit_test_suite(ogpu_svm_rate_test_suite);
