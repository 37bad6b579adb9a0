// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: rings of mailbox messages. Included by ogpu_mbox_ring.c.
 */
#include <kunit/test.h>

#define OGPU_RING_TEST_ENTRIES	8

struct ogpu_ring_test {
	struct ogpu_msg slots[OGPU_RING_TEST_ENTRIES];
	__le32 ours;
	__le32 theirs;
	struct ogpu_mbox_ring ring;
};

static struct ogpu_ring_test *ogpu_ring_test_make(struct kunit *test, u32 start)
{
	struct ogpu_ring_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->ours = cpu_to_le32(start);
	t->theirs = cpu_to_le32(start);
	t->ring = (struct ogpu_mbox_ring) {
		.slots = t->slots,
		.ours = &t->ours,
		.theirs = &t->theirs,
		.entries = OGPU_RING_TEST_ENTRIES,
		.count = start,
	};

	return t;
}

/* Counters are free-running: begin shortly before they wrap. */
static void ogpu_ring_test_push(struct kunit *test)
{
	struct ogpu_ring_test *t = ogpu_ring_test_make(test, -3);
	struct ogpu_msg msg = { };
	u32 i;

	for (i = 0; i < OGPU_RING_TEST_ENTRIES; i++) {
		msg.seq = cpu_to_le32(i);
		KUNIT_ASSERT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), 0);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(t->ours), (u32)(-3 + i + 1));
	}
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), -EBUSY);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(t->slots[(u32)-3 % OGPU_RING_TEST_ENTRIES].seq), 0);

	/* The other side takes one. */
	t->theirs = cpu_to_le32(-2);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), 0);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), -EBUSY);
}

static void ogpu_ring_test_push_hostile(struct kunit *test)
{
	struct ogpu_ring_test *t = ogpu_ring_test_make(test, 100);
	struct ogpu_msg msg = { };

	/* It took more than there was. */
	t->theirs = cpu_to_le32(101);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), -EIO);
	t->theirs = cpu_to_le32(0);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), -EIO);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(t->ours), 100);

	/* What it writes over our counter does not matter. */
	t->theirs = cpu_to_le32(100);
	t->ours = cpu_to_le32(7);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_push(&t->ring, &msg), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(t->ours), 101);
}

static void ogpu_ring_test_pop(struct kunit *test)
{
	struct ogpu_ring_test *t = ogpu_ring_test_make(test, -1);
	struct ogpu_msg msg;
	u32 i;

	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 0);

	for (i = 0; i < OGPU_RING_TEST_ENTRIES; i++)
		t->slots[(u32)(-1 + i) % OGPU_RING_TEST_ENTRIES].seq = cpu_to_le32(i);
	t->theirs = cpu_to_le32(-1 + OGPU_RING_TEST_ENTRIES);

	for (i = 0; i < OGPU_RING_TEST_ENTRIES; i++) {
		KUNIT_ASSERT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 1);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(msg.seq), i);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(t->ours), (u32)(-1 + i + 1));
	}
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 0);
}

static void ogpu_ring_test_pop_hostile(struct kunit *test)
{
	struct ogpu_ring_test *t = ogpu_ring_test_make(test, 5);
	struct ogpu_msg msg;

	t->theirs = cpu_to_le32(5 + OGPU_RING_TEST_ENTRIES + 1);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), -EIO);
	t->theirs = cpu_to_le32(4);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), -EIO);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(t->ours), 5);

	/* A message that claims too large a body is dropped; the ring goes on. */
	t->slots[5].size = cpu_to_le32(OGPU_MSG_BODY + 1);
	t->slots[6].size = cpu_to_le32(OGPU_MSG_BODY);
	t->theirs = cpu_to_le32(7);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), -EBADMSG);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 1);
	KUNIT_EXPECT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 0);
}

/* What older firmware does not tell is zero, whatever the ring holds. */
static void ogpu_ring_test_pop_short(struct kunit *test)
{
	struct ogpu_ring_test *t = ogpu_ring_test_make(test, 0);
	struct ogpu_msg msg;

	memset(t->slots[0].body, 0xff, OGPU_MSG_BODY);
	t->slots[0].size = cpu_to_le32(OGPU_MSG_QUEUE_STATE_MIN);
	t->theirs = cpu_to_le32(1);
	KUNIT_ASSERT_EQ(test, ogpu_mbox_ring_pop(&t->ring, &msg), 1);
	KUNIT_EXPECT_EQ(test, msg.body[OGPU_MSG_QUEUE_STATE_MIN - 1], 0xff);
	KUNIT_EXPECT_NULL(test, memchr_inv(msg.body + OGPU_MSG_QUEUE_STATE_MIN, 0,
					   OGPU_MSG_BODY - OGPU_MSG_QUEUE_STATE_MIN));
}

static bool ogpu_ring_test_complete(u16 type, u32 size)
{
	const struct ogpu_msg msg = {
		.type = cpu_to_le16(type),
		.size = cpu_to_le32(size),
	};

	return ogpu_mbox_msg_complete(&msg);
}

/* Firmware may be older or newer than the driver. */
static void ogpu_ring_test_sizes(struct kunit *test)
{
	static const struct {
		u16 type;
		u32 min;
	} sizes[] = {
		{ OGPU_MSG_HELLO, 72 },
		{ OGPU_MSG_QUEUE_ERROR, 40 },
		{ OGPU_MSG_SENSOR_ALERT, 56 },
		{ OGPU_MSG_SENSORS | OGPU_MSG_REPLY, 56 },
		{ OGPU_MSG_QUEUE_QUERY | OGPU_MSG_REPLY, 32 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_FALSE(test, ogpu_ring_test_complete(sizes[i].type, sizes[i].min - 1));
		KUNIT_EXPECT_TRUE(test, ogpu_ring_test_complete(sizes[i].type, sizes[i].min));
		KUNIT_EXPECT_TRUE(test, ogpu_ring_test_complete(sizes[i].type, OGPU_MSG_BODY));
	}
	KUNIT_EXPECT_TRUE(test, ogpu_ring_test_complete(OGPU_MSG_PING | OGPU_MSG_REPLY, 0));
	KUNIT_EXPECT_TRUE(test, ogpu_ring_test_complete(OGPU_MSG_PING | OGPU_MSG_REPLY, 8));
	KUNIT_EXPECT_FALSE(test, ogpu_ring_test_complete(OGPU_MSG_PING, 0));
}

static void ogpu_ring_test_log(struct kunit *test)
{
	u8 log[8] = "cd\nfgab\n";
	char buf[9];

	/* Not yet wrapped. */
	KUNIT_EXPECT_EQ(test, ogpu_mbox_log_copy(log, 8, 3, buf), 3);
	KUNIT_EXPECT_STREQ(test, buf, "cd\n");

	/* Wrapped: the oldest byte is the next one to be written. */
	KUNIT_EXPECT_EQ(test, ogpu_mbox_log_copy(log, 8, 8 * 100 + 5, buf), 8);
	KUNIT_EXPECT_STREQ(test, buf, "ab\ncd\nfg");

	/* Nothing that a terminal would obey. */
	log[0] = 0x1b;
	log[1] = 0xff;
	log[2] = 0;
	KUNIT_EXPECT_EQ(test, ogpu_mbox_log_copy(log, 8, 4, buf), 4);
	KUNIT_EXPECT_STREQ(test, buf, "???f");
}

static struct kunit_case ogpu_ring_test_cases[] = {
	KUNIT_CASE(ogpu_ring_test_push),
	KUNIT_CASE(ogpu_ring_test_push_hostile),
	KUNIT_CASE(ogpu_ring_test_pop),
	KUNIT_CASE(ogpu_ring_test_pop_hostile),
	KUNIT_CASE(ogpu_ring_test_pop_short),
	KUNIT_CASE(ogpu_ring_test_sizes),
	KUNIT_CASE(ogpu_ring_test_log),
	{ }
};

static struct kunit_suite ogpu_ring_test_suite = {
	.name = "ogpu_mbox_ring",
	.test_cases = ogpu_ring_test_cases,
};

kunit_test_suite(ogpu_ring_test_suite);
