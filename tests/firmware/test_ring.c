// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The firmware's rules for the mailbox area: each member of the header, wrong in each way. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ring.h"

#define SIZE	0x4000u

static const struct ogpu_mbox_header good = {
	.magic = OGPU_MBOX_MAGIC,
	.layout = OGPU_MBOX_LAYOUT,
	.size = SIZE,
	.msg_size = sizeof(struct ogpu_msg),
	.req_offset = 0x100,
	.req_entries = 16,
	.msg_offset = 0x1000,
	.msg_entries = 32,
	.log_offset = 0x3000,
	.log_size = 0x1000,
};

static struct ring_layout layout;

static void test_good_header(void **state)
{
	struct ogpu_mbox_header header = good;

	(void)state;
	assert_true(ring_layout(&layout, &header, SIZE));
	assert_int_equal(layout.req_offset, 0x100);
	assert_int_equal(layout.req_entries, 16);
	assert_int_equal(layout.msg_offset, 0x1000);
	assert_int_equal(layout.msg_entries, 32);
	assert_int_equal(layout.log_offset, 0x3000);
	assert_int_equal(layout.log_size, 0x1000);

	/* Pointers may stand anywhere; rings may touch. */
	header.req_wptr = 7;
	header.msg_wptr = 0xffffffff;
	header.msg_offset = 0x100 + 16 * 128;
	assert_true(ring_layout(&layout, &header, SIZE));
}

static void test_bad_headers(void **state)
{
	struct ogpu_mbox_header header;

	(void)state;
#define BAD(member, value) do { \
	header = good; \
	header.member = value; \
	assert_false(ring_layout(&layout, &header, SIZE)); \
} while (0)
	BAD(magic, 0);
	BAD(layout, 2);
	BAD(size, SIZE - 1);
	BAD(msg_size, 64);
	BAD(req_offset, 0x104);		/* misaligned */
	BAD(req_offset, 0);		/* over the header */
	BAD(req_offset, 184);
	BAD(req_offset, 0x3000);	/* over the log */
	BAD(req_offset, SIZE - 128);	/* over the end */
	BAD(req_offset, 0xfffffff8);
	BAD(req_entries, 0);
	BAD(req_entries, 3);
	BAD(req_entries, 32);		/* into the messages */
	BAD(req_entries, 1u << 31);
	BAD(msg_entries, 0);
	BAD(msg_entries, 33);
	BAD(msg_entries, 1u << 25);	/* bytes would overflow 32 bits to zero */
	BAD(msg_offset, 0x180);
	BAD(log_offset, SIZE - 8);
	BAD(log_size, 0);
	BAD(log_size, 128);
	BAD(log_size, 0xfff);
	BAD(log_size, 0x2000);
	BAD(rsvd0[5], 1);
	BAD(rsvd1[0], 1);
	BAD(rsvd2[11], 1);
#undef BAD
}

static void test_used(void **state)
{
	uint32_t used;

	(void)state;
	assert_true(ring_used(0, 0, 16, &used));
	assert_int_equal(used, 0);
	assert_true(ring_used(16, 0, 16, &used));
	assert_int_equal(used, 16);
	assert_true(ring_used(5, 0xfffffffe, 16, &used));
	assert_int_equal(used, 7);
	assert_false(ring_used(17, 0, 16, &used));
	assert_false(ring_used(0, 1, 16, &used));
}

static void test_message(void **state)
{
	struct ogpu_msg msg = { .type = OGPU_MSG_PING };

	(void)state;
	assert_true(ring_message_ok(&msg));
	msg.size = OGPU_MSG_BODY;
	memset(msg.body, 0xff, sizeof(msg.body));
	assert_true(ring_message_ok(&msg));
	msg.size--;
	assert_false(ring_message_ok(&msg));
	msg.size = OGPU_MSG_BODY + 1;
	assert_false(ring_message_ok(&msg));
	msg.size = OGPU_MSG_BODY;
	msg.status = 1;
	assert_false(ring_message_ok(&msg));
	msg.status = 0;
	msg.rsvd = 1;
	assert_false(ring_message_ok(&msg));
}

/* Hosts may be older or newer than firmware. */
static void test_body(void **state)
{
	struct ogpu_msg msg = { .size = 8 };

	(void)state;
	msg.body[7] = 1;
	assert_true(ring_body_ok(&msg, 8, 8));
	assert_true(ring_body_ok(&msg, 8, 24));
	assert_false(ring_body_ok(&msg, 9, 24));
	msg.size = 12;
	assert_true(ring_body_ok(&msg, 8, 8));
	msg.body[11] = 1;
	assert_false(ring_body_ok(&msg, 8, 8));
	assert_true(ring_body_ok(&msg, 8, 12));
	msg.size = OGPU_MSG_BODY;
	assert_true(ring_body_ok(&msg, 8, OGPU_MSG_BODY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_header),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests_name("firmware-ring", tests, NULL, NULL);
}
