// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: requests to firmware that are under way. Included by ogpu_mbox_call.c.
 */
#include <kunit/test.h>

#define OGPU_CALL_TEST_ENTRIES	8
#define OGPU_CALL_TEST_TIMEOUT	1000

struct ogpu_call_test {
	struct ogpu_msg slots[OGPU_CALL_TEST_ENTRIES];
	__le32 ours;
	__le32 theirs;
	struct ogpu_mbox_ring ring;
	struct ogpu_mbox_calls calls;
	struct ogpu_mbox_call call[OGPU_MBOX_CALLS + OGPU_CALL_TEST_ENTRIES];
	unsigned long now;
	u32 had;
};

static struct ogpu_call_test *ogpu_call_test_make(struct kunit *test)
{
	struct ogpu_call_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->ring = (struct ogpu_mbox_ring) {
		.slots = t->slots,
		.ours = &t->ours,
		.theirs = &t->theirs,
		.entries = OGPU_CALL_TEST_ENTRIES,
	};
	ogpu_mbox_calls_init(&t->calls, &t->ring, OGPU_CALL_TEST_TIMEOUT);
	/* Both clocks wrap. */
	t->now = 0 - msecs_to_jiffies(300);
	t->had = -300;

	return t;
}

static void ogpu_call_test_add(struct ogpu_call_test *t, unsigned int i)
{
	t->call[i].msg.type = cpu_to_le16(OGPU_MSG_PING);
	ogpu_mbox_calls_add(&t->calls, &t->call[i]);
	ogpu_mbox_calls_tick(&t->calls, t->now, t->had);
}

/* So many times 100 ms, each of which firmware has had so much of. */
static void ogpu_call_test_pass(struct ogpu_call_test *t, unsigned int looks, u32 had)
{
	while (looks--) {
		t->now += msecs_to_jiffies(100);
		t->had += had;
		ogpu_mbox_calls_tick(&t->calls, t->now, t->had);
	}
}

/* Hands on all that fit; how many those are. */
static int ogpu_call_test_push(struct ogpu_call_test *t)
{
	struct ogpu_mbox_call *call;
	int count = 0;

	while (!IS_ERR_OR_NULL(call = ogpu_mbox_calls_push(&t->calls)))
		count++;

	return IS_ERR(call) ? PTR_ERR(call) : count;
}

/* Firmware takes all that is in the ring. */
static void ogpu_call_test_take(struct ogpu_call_test *t)
{
	t->theirs = t->ours;
}

static struct ogpu_mbox_call *ogpu_call_test_reply(struct ogpu_call_test *t, u32 seq, u16 type)
{
	struct ogpu_msg msg = {
		.seq = cpu_to_le32(seq),
		.type = cpu_to_le16(type),
	};

	return ogpu_mbox_calls_reply(&t->calls, &msg);
}

/* Replies in any order find their requests, once. */
static void ogpu_call_test_order(struct kunit *test)
{
	static const unsigned int order[] = { 3, 0, 2, 1 };
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i;

	for (i = 0; i < 4; i++)
		ogpu_call_test_add(t, i);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 4);
	for (i = 0; i < 4; i++) {
		u32 seq = le32_to_cpu(t->slots[order[i]].seq);
		struct ogpu_mbox_call *call = &t->call[order[i]];

		KUNIT_EXPECT_NE(test, seq, 0);
		KUNIT_EXPECT_PTR_EQ(test, call,
				    ogpu_call_test_reply(t, seq, OGPU_MSG_PING | OGPU_MSG_REPLY));
		KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq,
							     OGPU_MSG_PING | OGPU_MSG_REPLY));
	}
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_any(&t->calls));
}

/* Replies that nobody waits for. */
static void ogpu_call_test_hostile(struct kunit *test)
{
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i;
	u32 seq;

	/* Before there is any. */
	for (i = 0; i < 3 * OGPU_MBOX_CALLS; i++)
		KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, i,
							     OGPU_MSG_PING | OGPU_MSG_REPLY));
	ogpu_call_test_add(t, 0);
	/* To one that it was not given yet. */
	for (i = 0; i < 3 * OGPU_MBOX_CALLS; i++)
		KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, i,
							     OGPU_MSG_PING | OGPU_MSG_REPLY));
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
	seq = le32_to_cpu(t->slots[0].seq);
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, 0, OGPU_MSG_PING | OGPU_MSG_REPLY));
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq + 1, OGPU_MSG_PING | OGPU_MSG_REPLY));
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq + OGPU_MBOX_CALLS,
						     OGPU_MSG_PING | OGPU_MSG_REPLY));
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq, OGPU_MSG_PING));
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq, OGPU_MSG_SENSORS | OGPU_MSG_REPLY));
	KUNIT_EXPECT_PTR_EQ(test, &t->call[0],
			    ogpu_call_test_reply(t, seq, OGPU_MSG_PING | OGPU_MSG_REPLY));
}

/* What is late is over; a reply that comes then is nobody's. */
static void ogpu_call_test_late(struct kunit *test)
{
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i;
	u32 seq;

	for (i = 0; i < 3; i++) {
		ogpu_call_test_add(t, i);
		KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
		ogpu_call_test_pass(t, 1, 100);
	}
	seq = le32_to_cpu(t->slots[1].seq);
	ogpu_call_test_pass(t, 7, 100);
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
	ogpu_call_test_pass(t, 2, 100);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_PTR_EQ(test, &t->call[i], ogpu_mbox_calls_late(&t->calls));
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
	KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, seq, OGPU_MSG_PING | OGPU_MSG_REPLY));
	KUNIT_EXPECT_PTR_EQ(test, &t->call[2], ogpu_mbox_calls_any(&t->calls));
}

/* Firmware that is run now and then has more time, within limits, whatever it tells. */
static void ogpu_call_test_slow(struct kunit *test)
{
	static const struct {
		u32 had;
		unsigned int looks;
	} paces[] = {
		{ 100, 10 }, { 50, 20 }, { 15, 66 }, { 2, 100 }, { 0, 100 }, { -5, 0 },
	};
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i, looks;

	for (i = 0; i < ARRAY_SIZE(paces); i++) {
		ogpu_call_test_add(t, 0);
		KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
		ogpu_call_test_take(t);
		for (looks = 0; looks < paces[i].looks; looks++) {
			KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
			ogpu_call_test_pass(t, 1, paces[i].had);
		}
		KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
		ogpu_call_test_pass(t, 1, paces[i].had);
		KUNIT_EXPECT_PTR_EQ(test, &t->call[0], ogpu_mbox_calls_late(&t->calls));
		KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_any(&t->calls));
	}
}

/* What firmware had before there was a request is not counted, nor is a look too early. */
static void ogpu_call_test_idle(struct kunit *test)
{
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i;

	ogpu_call_test_add(t, 0);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
	KUNIT_EXPECT_PTR_EQ(test, &t->call[0], ogpu_mbox_calls_any(&t->calls));
	t->now += msecs_to_jiffies(100 * OGPU_CALL_TEST_TIMEOUT);
	t->had += 100 * OGPU_CALL_TEST_TIMEOUT;
	ogpu_call_test_add(t, 0);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
	for (i = 0; i < 1000; i++) {
		t->had += 100;
		ogpu_mbox_calls_tick(&t->calls, t->now, t->had);
	}
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
	KUNIT_EXPECT_PTR_EQ(test, &t->call[0], ogpu_mbox_calls_any(&t->calls));
}

/* More than the ring holds wait for room, in order, and not for ever. */
static void ogpu_call_test_backlog(struct kunit *test)
{
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	unsigned int i;

	for (i = 0; i < 2 * OGPU_CALL_TEST_ENTRIES; i++)
		ogpu_call_test_add(t, i);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), OGPU_CALL_TEST_ENTRIES);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 0);
	t->theirs = cpu_to_le32(3);
	ogpu_call_test_pass(t, 5, 100);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 3);
	ogpu_call_test_pass(t, 6, 100);
	/* Those in the ring since the start, then those for which there was no room. */
	for (i = 0; i < OGPU_CALL_TEST_ENTRIES; i++)
		KUNIT_EXPECT_PTR_EQ(test, &t->call[i], ogpu_mbox_calls_late(&t->calls));
	for (i += 3; i < 2 * OGPU_CALL_TEST_ENTRIES; i++)
		KUNIT_EXPECT_PTR_EQ(test, &t->call[i], ogpu_mbox_calls_late(&t->calls));
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_late(&t->calls));
	ogpu_call_test_pass(t, 5, 100);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, &t->call[OGPU_CALL_TEST_ENTRIES + i],
				    ogpu_mbox_calls_late(&t->calls));
	KUNIT_EXPECT_NULL(test, ogpu_mbox_calls_any(&t->calls));

	t->theirs = cpu_to_le32(le32_to_cpu(t->ours) + 1);
	ogpu_call_test_add(t, 0);
	KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), -EIO);
	KUNIT_EXPECT_PTR_EQ(test, &t->call[0], ogpu_mbox_calls_any(&t->calls));
}

/* Firmware that takes requests and answers none, or one, for ever. */
static void ogpu_call_test_full_table(struct kunit *test)
{
	struct ogpu_call_test *t = ogpu_call_test_make(test);
	u32 first, seq, last = 0;
	unsigned int i;

	t->calls.seq = -3;		/* numbers wrap, without 0 */
	for (i = 0; i < ARRAY_SIZE(t->call); i++) {
		ogpu_call_test_add(t, i);
		KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), i < OGPU_MBOX_CALLS);
		ogpu_call_test_take(t);
		if (i < OGPU_MBOX_CALLS)
			KUNIT_EXPECT_NE(test, t->call[i].msg.seq, 0);
	}
	first = le32_to_cpu(t->call[0].msg.seq);
	seq = le32_to_cpu(t->call[5].msg.seq);
	for (i = 0; i < OGPU_CALL_TEST_ENTRIES; i++) {
		KUNIT_ASSERT_NOT_NULL(test, ogpu_call_test_reply(t, seq,
								 OGPU_MSG_PING | OGPU_MSG_REPLY));
		KUNIT_EXPECT_EQ(test, ogpu_call_test_push(t), 1);
		ogpu_call_test_take(t);
		last = seq;
		seq = le32_to_cpu(t->call[OGPU_MBOX_CALLS + i].msg.seq);
		/* The same place, another number. */
		KUNIT_EXPECT_EQ(test, seq % OGPU_MBOX_CALLS, last % OGPU_MBOX_CALLS);
		KUNIT_EXPECT_NULL(test, ogpu_call_test_reply(t, last,
							     OGPU_MSG_PING | OGPU_MSG_REPLY));
	}
	KUNIT_EXPECT_PTR_EQ(test, &t->call[0],
			    ogpu_call_test_reply(t, first, OGPU_MSG_PING | OGPU_MSG_REPLY));
}

static struct kunit_case ogpu_call_test_cases[] = {
	KUNIT_CASE(ogpu_call_test_order),
	KUNIT_CASE(ogpu_call_test_hostile),
	KUNIT_CASE(ogpu_call_test_late),
	KUNIT_CASE(ogpu_call_test_slow),
	KUNIT_CASE(ogpu_call_test_idle),
	KUNIT_CASE(ogpu_call_test_backlog),
	KUNIT_CASE(ogpu_call_test_full_table),
	{ }
};

static struct kunit_suite ogpu_call_test_suite = {
	.name = "ogpu_mbox_call",
	.test_cases = ogpu_call_test_cases,
};

kunit_test_suite(ogpu_call_test_suite);
