// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_hwmon.c: when firmware is asked.
 */
#include <kunit/test.h>

static void ogpu_hwmon_test_ask(struct kunit *test)
{
	struct ogpu_hwmon hwmon = {};

	KUNIT_EXPECT_TRUE(test, ogpu_hwmon_must_ask(&hwmon, 1));
	ogpu_hwmon_asked(&hwmon, 1, 0);
	KUNIT_EXPECT_FALSE(test, ogpu_hwmon_must_ask(&hwmon, 1));
	/* Another firmware runs since a reset. */
	KUNIT_EXPECT_TRUE(test, ogpu_hwmon_must_ask(&hwmon, 2));
	hwmon.read_at = jiffies - msecs_to_jiffies(OGPU_HWMON_CACHE_MS) - 1;
	KUNIT_EXPECT_TRUE(test, ogpu_hwmon_must_ask(&hwmon, 1));
}

/* Who reads again after an error asks no more often than others, unless nobody was asked. */
static void ogpu_hwmon_test_error(struct kunit *test)
{
	struct ogpu_hwmon hwmon = {};

	ogpu_hwmon_asked(&hwmon, 1, -EPROTO);
	KUNIT_EXPECT_FALSE(test, ogpu_hwmon_must_ask(&hwmon, 1));
	KUNIT_EXPECT_EQ(test, hwmon.error, -EPROTO);
	ogpu_hwmon_asked(&hwmon, 1, -ENODEV);
	KUNIT_EXPECT_TRUE(test, ogpu_hwmon_must_ask(&hwmon, 1));
}

static struct kunit_case ogpu_hwmon_cases[] = {
	KUNIT_CASE(ogpu_hwmon_test_ask),
	KUNIT_CASE(ogpu_hwmon_test_error),
	{ }
};

static struct kunit_suite ogpu_hwmon_suite = {
	.name = "ogpu_hwmon",
	.test_cases = ogpu_hwmon_cases,
};

kunit_test_suite(ogpu_hwmon_suite);
