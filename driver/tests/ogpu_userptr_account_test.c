// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_userptr_account.c: how long is waited at most, by how many at a time ever.
 */
#include <kunit/test.h>

#define OGPU_ACCOUNT_TEST_MS	((u64)NSEC_PER_MSEC)
#define OGPU_ACCOUNT_TEST_BEGIN	(1000 * OGPU_ACCOUNT_TEST_MS)

static u64 ogpu_account_test_take_all(struct ogpu_account *account, enum ogpu_account_kind kind,
				      u64 now)
{
	u64 taken, sum = 0;

	while ((taken = ogpu_account_take(account, kind, now)))
		sum += taken;

	return sum;
}

/* Many at the same time have no more than one, and none has it all. */
static void ogpu_account_test_parallel(struct kunit *test)
{
	u64 now = OGPU_ACCOUNT_TEST_BEGIN, first;
	struct ogpu_account account;

	ogpu_account_init(&account, now);
	first = ogpu_account_take(&account, OGPU_ACCOUNT_OTHERS, now);
	KUNIT_EXPECT_GE(test, first, TICK_NSEC);
	KUNIT_EXPECT_LE(test, first, max(10 * OGPU_ACCOUNT_TEST_MS, (u64)TICK_NSEC));
	first += ogpu_account_test_take_all(&account, OGPU_ACCOUNT_OTHERS, now);
	KUNIT_EXPECT_LE(test, first, 100 * OGPU_ACCOUNT_TEST_MS);
	KUNIT_EXPECT_GT(test, first, 100 * OGPU_ACCOUNT_TEST_MS - TICK_NSEC);

	/* Of the other kind there is as much as before. */
	first = ogpu_account_test_take_all(&account, OGPU_ACCOUNT_OWN, now);
	KUNIT_EXPECT_LE(test, first, 2000 * OGPU_ACCOUNT_TEST_MS);
	KUNIT_EXPECT_GT(test, first, 2000 * OGPU_ACCOUNT_TEST_MS - TICK_NSEC);
}

/*
 * What was not used comes back at once, what was used in a hundred times, or twice, the time, which
 * begins when it has been used.
 */
static void ogpu_account_test_give_back(struct kunit *test)
{
	u64 now = OGPU_ACCOUNT_TEST_BEGIN, taken;
	struct ogpu_account account;

	ogpu_account_init(&account, now);
	taken = ogpu_account_take(&account, OGPU_ACCOUNT_OTHERS, now);
	KUNIT_EXPECT_FALSE(test, ogpu_account_is_full(&account, now));
	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, taken, 0, now);
	KUNIT_EXPECT_TRUE(test, ogpu_account_is_full(&account, now));

	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, OGPU_ACCOUNT_TEST_MS, now);
	now += 100 * OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_FALSE(test, ogpu_account_is_full(&account, now));
	now += OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_TRUE(test, ogpu_account_is_full(&account, now));

	ogpu_account_settle(&account, OGPU_ACCOUNT_OWN, 0, OGPU_ACCOUNT_TEST_MS, now);
	now += 2 * OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_FALSE(test, ogpu_account_is_full(&account, now));
	now += OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_TRUE(test, ogpu_account_is_full(&account, now));
}

/* Who waits until nothing is left waits for no longer than that. */
static void ogpu_account_test_longest(struct kunit *test)
{
	u64 begin = OGPU_ACCOUNT_TEST_BEGIN, now, taken;
	struct ogpu_account account;
	unsigned int kind;

	for (kind = 0; kind < OGPU_ACCOUNT_KINDS; kind++) {
		u64 most = kind == OGPU_ACCOUNT_OWN ? 2000 : 100;

		ogpu_account_init(&account, begin);
		now = begin;
		while ((taken = ogpu_account_take(&account, kind, now))) {
			now += taken;
			ogpu_account_settle(&account, kind, taken, taken, now);
		}
		KUNIT_EXPECT_LE(test, now - begin, most * OGPU_ACCOUNT_TEST_MS);
		KUNIT_EXPECT_GT(test, now - begin, most * OGPU_ACCOUNT_TEST_MS - TICK_NSEC);
	}
}

/* However long it took: the rest has an end. Who rests for as long is told no more. */
static void ogpu_account_test_debt(struct kunit *test)
{
	u64 now = OGPU_ACCOUNT_TEST_BEGIN;
	struct ogpu_account account;
	unsigned int ms;

	ogpu_account_init(&account, now);
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, 0, now), 0);
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, OGPU_ACCOUNT_HALF, now), 0);
	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, 60 * OGPU_ACCOUNT_TEST_MS, now);
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, 0, now), 0);
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, OGPU_ACCOUNT_HALF, now), 1061);

	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, U64_MAX, now);
	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, 3600000 * OGPU_ACCOUNT_TEST_MS, now);
	KUNIT_EXPECT_EQ(test, ogpu_account_take(&account, OGPU_ACCOUNT_OTHERS, now), 0);
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, OGPU_ACCOUNT_HALF, now), 15001);
	ms = ogpu_account_rest_ms(&account, 0, now);
	KUNIT_EXPECT_EQ(test, ms, 10001);
	now += ms * OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_EQ(test, ogpu_account_rest_ms(&account, 0, now), 0);
	/* There is not a jiffy yet. */
	KUNIT_EXPECT_EQ(test, ogpu_account_take(&account, OGPU_ACCOUNT_OTHERS, now), 0);
}

/* Who has looked at the clock earlier may come later. */
static void ogpu_account_test_order(struct kunit *test)
{
	u64 now = OGPU_ACCOUNT_TEST_BEGIN;
	struct ogpu_account account;

	ogpu_account_init(&account, now);
	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, OGPU_ACCOUNT_TEST_MS, now);
	ogpu_account_settle(&account, OGPU_ACCOUNT_OTHERS, 0, 0, now - 1);
	KUNIT_EXPECT_FALSE(test, ogpu_account_is_full(&account, now - 1));
	now += 50 * OGPU_ACCOUNT_TEST_MS;
	KUNIT_EXPECT_FALSE(test, ogpu_account_is_full(&account, now));
	KUNIT_EXPECT_TRUE(test, ogpu_account_is_full(&account, U64_MAX));
}

static struct kunit_case ogpu_account_cases[] = {
	KUNIT_CASE(ogpu_account_test_parallel),
	KUNIT_CASE(ogpu_account_test_give_back),
	KUNIT_CASE(ogpu_account_test_longest),
	KUNIT_CASE(ogpu_account_test_debt),
	KUNIT_CASE(ogpu_account_test_order),
	{ }
};

static struct kunit_suite ogpu_account_suite = {
	.name = "ogpu_userptr_account",
	.test_cases = ogpu_account_cases,
};

kunit_test_suite(ogpu_account_suite);
