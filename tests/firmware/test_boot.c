// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The real firmware on the virtual GPU's management controller, with toy engines and without QEMU:
 * handshake, requests good and bad, many queues on few slots, errors, kills, crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "host.h"

#define EVENT_MS	10000
#define QUIET_MS	30
#define MAX_QUEUES	2048	/* less than the card has doorbells */

static struct host host;

static int setup(void **state)
{
	(void)state;
	host_init(&host);
	return 0;
}

static int setup_booted(void **state)
{
	setup(state);
	host_boot(&host);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (getenv("OGPU_FW_LOG"))
		host_print_log(&host);
	host_fini(&host);
	return 0;
}

/* Waits until something holds; for states that nobody announces. */
#define WAIT_UNTIL(condition, timeout_ms) do { \
	uint64_t end_ = vgpu_time_ns(host.gpu) + (timeout_ms) * 1000000ull; \
	while (!(condition)) { \
		const struct timespec pause_ = { .tv_nsec = 1000000 }; \
		if (vgpu_time_ns(host.gpu) > end_) \
			fail_msg("timeout: %s", #condition); \
		nanosleep(&pause_, NULL); \
	} \
} while (0)

static uint32_t fatal_code(void)
{
	return mc_fatal(host.mc) & 0xff;
}

static void expect_error(uint32_t queue, uint32_t error, struct ogpu_msg_queue_error *out)
{
	struct ogpu_msg_queue_error body;
	struct ogpu_msg msg;

	if (!host_event(&host, OGPU_MSG_QUEUE_ERROR, &msg, EVENT_MS))
		fail_msg("no error event for queue %u", queue);
	assert_int_equal(msg.size, sizeof(body));
	memcpy(&body, msg.body, sizeof(body));
	assert_int_equal(body.queue, queue);
	assert_int_equal(body.error, error);
	if (out)
		*out = body;
}

static struct ogpu_msg_queue_state query(uint32_t number)
{
	struct ogpu_msg_queue_state answer;
	struct ogpu_msg reply;

	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_QUERY, number, &reply), OGPU_MSG_OK);
	assert_int_equal(reply.size, sizeof(answer));
	memcpy(&answer, reply.body, sizeof(answer));
	assert_int_equal(answer.queue, number);
	return answer;
}

static void test_hello(void **state)
{
	struct ogpu_msg_configure configure = { .abi = OGPU_FW_ABI_VERSION };
	struct ogpu_msg_hello hello;
	struct ogpu_msg msg;

	(void)state;
	host_start(&host);
	assert_true(host_event(&host, OGPU_MSG_HELLO, &msg, EVENT_MS));
	assert_int_equal(msg.size, sizeof(hello));
	memcpy(&hello, msg.body, sizeof(hello));
	assert_int_equal(hello.abi_min, OGPU_FW_ABI_VERSION);
	assert_int_equal(hello.abi_max, OGPU_FW_ABI_VERSION);
	assert_int_equal(hello.svn, 7);
	assert_int_equal(hello.max_queues, MAX_QUEUES);
	assert_int_equal(hello.features & OGPU_FW_FEATURE_QUEUES, OGPU_FW_FEATURE_QUEUES);
	assert_true(hello.build_id[0]);
	assert_int_equal(hello.build_id[39], 0);

	/* Nothing but CONFIGURE before CONFIGURE, and that only once and only in range. */
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_EPROTO);
	assert_int_equal(host_request(&host, 77, NULL, 0, NULL), OGPU_MSG_EPROTO);
	configure.abi = OGPU_FW_ABI_VERSION + 1;
	assert_int_equal(host_request(&host, OGPU_MSG_CONFIGURE, &configure, sizeof(configure),
				      NULL), OGPU_MSG_EABI);
	configure.abi = OGPU_FW_ABI_VERSION;
	configure.features = 1ull << 63;
	assert_int_equal(host_request(&host, OGPU_MSG_CONFIGURE, &configure, sizeof(configure),
				      NULL), OGPU_MSG_EINVAL);
	configure.features = 0;
	assert_int_equal(host_request(&host, OGPU_MSG_CONFIGURE, &configure, sizeof(configure),
				      NULL), OGPU_MSG_OK);
	assert_int_equal(host_request(&host, OGPU_MSG_CONFIGURE, &configure, sizeof(configure),
				      NULL), OGPU_MSG_EPROTO);
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

static void test_bad_mailbox(void **state)
{
	(void)state;
	host.mbox->magic = 0;
	host_start(&host);
	WAIT_UNTIL(!mc_running(host.mc), EVENT_MS);
	assert_int_equal(fatal_code(), OGPU_MC_FATAL_ASSERT);

	host.mbox->magic = OGPU_MBOX_MAGIC;
	host.mbox->req_entries = 3;
	host_start(&host);
	WAIT_UNTIL(!mc_running(host.mc), EVENT_MS);
	assert_int_equal(fatal_code(), OGPU_MC_FATAL_ASSERT);

	/* A good one works afterwards. */
	host_layout(&host, 16, 32);
	host_boot(&host);
}

/* A host that is newer says more, but asks for nothing new. */
static void test_long_requests(void **state)
{
	uint8_t body[OGPU_MSG_BODY] = { 5 };

	(void)state;
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, body, 8, NULL),
			 OGPU_MSG_ENOQUEUE);
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, body, 16, NULL),
			 OGPU_MSG_ENOQUEUE);
	body[15] = 1;
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, body, 16, NULL),
			 OGPU_MSG_EINVAL);
	memset(body, 0, sizeof(body));
	assert_int_equal(host_request(&host, OGPU_MSG_PING, body, sizeof(body), NULL),
			 OGPU_MSG_OK);
}

static void test_bad_messages(void **state)
{
	struct ogpu_msg_queue body = { .queue = 5 };
	struct ogpu_msg msg = { .type = OGPU_MSG_PING };

	(void)state;
	assert_int_equal(host_request(&host, 99, NULL, 0, NULL), OGPU_MSG_EUNKNOWN);
	assert_int_equal(host_request(&host, OGPU_MSG_HELLO, NULL, 0, NULL), OGPU_MSG_EUNKNOWN);
	assert_int_equal(host_request(&host, OGPU_MSG_PING, &body, 4, NULL), OGPU_MSG_EINVAL);
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, &body, 4, NULL),
			 OGPU_MSG_EINVAL);
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, &body, 8, NULL),
			 OGPU_MSG_ENOQUEUE);
	body.rsvd = 1;
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_STOP, &body, 8, NULL),
			 OGPU_MSG_EINVAL);
	body.rsvd = 0;
	body.queue = 0xffffffff;
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_DESTROY, &body, 8, NULL),
			 OGPU_MSG_ENOQUEUE);

	/* Headers: reserved member, status, size over the body, bytes after the body. */
	msg.rsvd = 1;
	host_post_raw(&host, &msg);
	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.status, OGPU_MSG_EINVAL);
	memset(&msg, 0, sizeof(msg));
	msg.type = OGPU_MSG_PING;
	msg.status = 1;
	host_post_raw(&host, &msg);
	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.status, OGPU_MSG_EINVAL);
	memset(&msg, 0, sizeof(msg));
	msg.type = OGPU_MSG_PING;
	msg.size = 0xffffffff;
	host_post_raw(&host, &msg);
	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.status, OGPU_MSG_EINVAL);
	memset(&msg, 0, sizeof(msg));
	msg.type = OGPU_MSG_PING;
	msg.body[111] = 1;
	host_post_raw(&host, &msg);
	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.status, OGPU_MSG_EINVAL);

	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

static void expect_create(const struct ogpu_msg_queue_create *desc, uint16_t status)
{
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_CREATE, desc, sizeof(*desc), NULL),
			 status);
}

static void test_bad_queues(void **state)
{
	struct ogpu_msg_queue_create good, desc;

	(void)state;
	host_describe(&good, 3);
#define BAD(member, value) do { \
	desc = good; \
	desc.member = value; \
	expect_create(&desc, OGPU_MSG_EINVAL); \
} while (0)
	BAD(queue, FAKE_DOORBELLS);
	BAD(queue, 0xffffffff);
	BAD(engine, OGPU_ENGINE_CLASSES);
	BAD(engine, 255);
	BAD(priority, OGPU_PRIORITIES);
	BAD(flags, 8);
	BAD(flags, 0x80000000);
	BAD(rsvd, 1);
	BAD(ring_size, 0);
	BAD(ring_size, 2048);
	BAD(ring_size, 12288);
	BAD(ring_size, 1u << 21);
	BAD(ring, good.ring + 8);
	BAD(ring, OGPU_OPERAND(OGPU_TARGET_PEER, 0));
	BAD(ring, good.ring | 1ull << 56);
	BAD(rptr, good.rptr + 4);
	BAD(wptr, good.wptr + 1);
	BAD(wptr, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 1ull << 48));
	BAD(rptr, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 4));
	BAD(ring, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 8));
	BAD(save, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	BAD(save_size, 0x1800);
	BAD(control, OGPU_CONTROL_NONE & ~0xfffull);
	BAD(control, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	BAD(control, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x1008));
	BAD(control, OGPU_OPERAND(OGPU_TARGET_PEER, 0x1000));
	good.flags = OGPU_QUEUE_RESTORE;
	BAD(control, OGPU_CONTROL_NONE);
	BAD(control, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x1000));

	/* A privileged ring is not in memory that a user maps. */
	good.flags = OGPU_QUEUE_PRIVILEGED;
	BAD(ring, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	BAD(rptr, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	BAD(wptr, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	good.flags = 0;

	/* Without an address space nothing is virtual. */
	good.asid = 0;
	BAD(wptr, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	good.save_size = 0x1000;
	BAD(save, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000));
	good.asid = 4;

	BAD(save, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1008));
	BAD(save, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 1ull << 48));
	BAD(save, 1ull << 57);
	good.save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000);
	BAD(save_size, 0x1001);
#undef BAD
	desc = good;
	desc.queue = MAX_QUEUES;
	expect_create(&desc, OGPU_MSG_ENOSPC);
	desc.queue = MAX_QUEUES - 1;
	expect_create(&desc, OGPU_MSG_OK);
	expect_create(&good, OGPU_MSG_OK);
	expect_create(&good, OGPU_MSG_EEXIST);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 3, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 3, NULL), OGPU_MSG_ENOQUEUE);
	expect_create(&good, OGPU_MSG_OK);
}

/* All that the host says of a queue reaches its slot. */
static void test_descriptor_on_slot(void **state)
{
	struct ogpu_msg_queue_create desc;
	unsigned int i;

	(void)state;
	host_describe(&desc, 1);
	desc.priority = OGPU_PRIORITY_HIGH;
	desc.ring_size = 0x2000;
	desc.flags = OGPU_QUEUE_PRIVILEGED | OGPU_QUEUE_REPLAY;
	desc.save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x7654321000);
	desc.save_size = 0x123000;
	for (i = 0; i < 8; i++)
		desc.cu_mask[i] = 0x1000001 + i;
	expect_create(&desc, OGPU_MSG_OK);
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 1, EVENT_MS));
#define REG(name) fake_slot_reg(host.gpu, 0, OGPU_SLOT_ ## name)
#define PAIR(name) (REG(name ## _LO) | (uint64_t)REG(name ## _HI) << 32)
	assert_int_equal(REG(QUEUE), 1);
	assert_int_equal(REG(DOORBELL), 1);
	assert_int_equal(REG(ASID), 2);
	assert_int_equal(REG(FLAGS), OGPU_QUEUE_PRIVILEGED | OGPU_QUEUE_REPLAY);
	assert_int_equal(REG(RING_SIZE), 0x2000);
	assert_int_equal(REG(PRIORITY), OGPU_PRIORITY_HIGH);
	assert_int_equal(REG(SAVE_SIZE), 0x123000);
	assert_true(PAIR(SAVE) == desc.save);
	assert_true(PAIR(RING) == desc.ring);
	assert_true(PAIR(RPTR) == desc.rptr);
	assert_true(PAIR(WPTR) == desc.wptr);
	for (i = 0; i < 8; i++)
		assert_int_equal(fake_slot_reg(host.gpu, 0, OGPU_SLOT_CU_MASK(i)), 0x1000001 + i);
#undef PAIR
#undef REG
}

/* A write pointer that firmware cannot read: the queue has work when it is rung. */
static void test_virtual_ring(void **state)
{
	struct ogpu_msg_queue_create desc;

	(void)state;
	host_describe(&desc, 1);
	desc.ring = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, HOST_RING(1));
	desc.rptr = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, HOST_RPTR(1));
	desc.wptr = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, HOST_WPTR(1));
	expect_create(&desc, OGPU_MSG_OK);
	assert_int_equal(query(1).switches, 0);
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 1, EVENT_MS));
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 1, EVENT_MS));
	assert_int_equal(query(1).switches, 1);

	/* Not rung, but written: it is watched while the queue is on no slot. */
	host_describe(&desc, 3);
	desc.wptr = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, HOST_WPTR(3));
	expect_create(&desc, OGPU_MSG_OK);
	WAIT_UNTIL(fake_watches(host.gpu) == 1, EVENT_MS);
	*(uint64_t *)fake_host(host.gpu, HOST_RING(3)) = FAKE_JOB(FAKE_JOB_RUN, 100);
	host.wptr[3] = 8;
	__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_WPTR(3)), 8, __ATOMIC_RELEASE);
	assert_true(host_wait_done(&host, 3, EVENT_MS));
	assert_int_equal(fake_watches(host.gpu), 0);

	/* Nobody maps this pointer. */
	host_describe(&desc, 2);
	desc.wptr = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 0x1000);
	expect_create(&desc, OGPU_MSG_OK);
	fake_doorbell(host.gpu, 2);
	expect_error(2, OGPU_QERR_RING, NULL);
}

static void test_wptr_that_does_not_answer(void **state)
{
	struct ogpu_msg_queue_create desc;

	(void)state;
	/* Only the slot can tell the host, and does; the firmware lives on. */
	host_describe(&desc, 1);
	desc.wptr = OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x1000);
	expect_create(&desc, OGPU_MSG_OK);
	expect_error(1, OGPU_QERR_RING, NULL);
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

static void test_one_job(void **state)
{
	struct ogpu_msg_queue_state answer;

	(void)state;
	assert_int_equal(host_create(&host, 9, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_NORMAL), 0);
	answer = query(9);
	assert_int_equal(answer.state, OGPU_QUEUE_IDLE);
	assert_int_equal(answer.switches, 0);
	host_submit(&host, 9, FAKE_JOB(FAKE_JOB_RUN, 500));
	assert_true(host_wait_done(&host, 9, EVENT_MS));
	answer = query(9);
	assert_int_equal(answer.error, OGPU_QERR_NONE);
	assert_int_equal(answer.switches, 1);
	assert_int_equal(answer.rptr, 8);
	assert_true(answer.busy_ns >= 500000);
	assert_true(answer.waited_ns == 0);
}

static void test_64_queues_on_8_slots(void **state)
{
	struct ogpu_msg_queue_state answer;
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 64; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, i % 4), OGPU_MSG_OK);
	for (n = 0; n < 3; n++) {
		for (i = 0; i < 64; i++)
			host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 200 + i * 20));
	}
	/* Some of them come back for more while others wait. */
	for (i = 0; i < 64; i++) {
		if (!host_wait_done(&host, i, 20000)) {
			answer = query(i);
			host_print_log(&host);
			fail_msg("queue %u: state %u rptr %llu of %llu", i, answer.state,
				 (unsigned long long)answer.rptr,
				 (unsigned long long)host.wptr[i]);
		}
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 100));
	}
	for (i = 0; i < 64; i++) {
		assert_true(host_wait_done(&host, i, 20000));
		answer = query(i);
		assert_int_equal(answer.error, OGPU_QERR_NONE);
		assert_true(answer.switches >= 1);
		assert_true(answer.busy_ns >= 600000);
	}
	for (i = 0; i < 64; i++)
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, i, NULL), OGPU_MSG_OK);
	assert_true(mc_running(host.mc));
}

static void test_long_jobs_share(void **state)
{
	uint64_t waited = 0;
	unsigned int i;

	(void)state;
	/* Twice as many as slots, each longer than many slices: all advance in turn. */
	for (i = 0; i < 16; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_NORMAL),
				 OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 40000));
	}
	for (i = 0; i < 16; i++) {
		assert_true(host_wait_done(&host, i, 20000));
		assert_true(query(i).switches >= 2);
		assert_true(query(i).busy_ns >= 40000000);
		waited += query(i).waited_ns;
	}
	assert_true(waited > 0);
}

static void test_error_event(void **state)
{
	struct ogpu_msg_queue_error error;
	uint32_t status = FIELD_PREP(OGPU_SLOT_STATUS_ERROR, OGPU_QERR_MEMORY) |
			  FIELD_PREP(OGPU_SLOT_STATUS_ACCESS, OGPU_ACCESS_WRITE) |
			  FIELD_PREP(OGPU_SLOT_STATUS_REASON, OGPU_FAULT_NOT_MAPPED);

	(void)state;
	assert_int_equal(host_create(&host, 20, OGPU_ENGINE_COPY, OGPU_PRIORITY_HIGH), 0);
	assert_int_equal(host_create(&host, 21, OGPU_ENGINE_COPY, OGPU_PRIORITY_HIGH), 0);
	host_submit(&host, 20, FAKE_JOB(FAKE_JOB_RUN, 100));
	host_submit(&host, 20, FAKE_JOB(FAKE_JOB_ERROR, status));
	expect_error(20, OGPU_QERR_MEMORY, &error);
	assert_true(error.fault_va == 0x123456789000);
	assert_true(error.pc == 0xabcd00001234);
	assert_int_equal(error.packet, 8);
	assert_int_equal(error.asid, 21);
	assert_int_equal(error.access, OGPU_ACCESS_WRITE);
	assert_int_equal(error.reason, OGPU_FAULT_NOT_MAPPED);
	assert_int_equal(error.detail, 0x600dbad);
	assert_int_equal(query(20).state, OGPU_QUEUE_FAILED);
	assert_int_equal(query(20).error, OGPU_QERR_MEMORY);

	/* It executes nothing more, its neighbour goes on. */
	host_submit(&host, 20, FAKE_JOB(FAKE_JOB_RUN, 100));
	host_submit(&host, 21, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 21, EVENT_MS));
	assert_int_equal(host_rptr(&host, 20), 8);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 20, NULL), OGPU_MSG_OK);
}

static void test_no_error_is_lost(void **state)
{
	unsigned int i;
	bool seen[64] = { false };
	struct ogpu_msg msg;
	uint32_t queue;

	(void)state;
	/* More errors than the ring has entries, while the host does not look. */
	host_layout(&host, 16, 4);
	host_boot(&host);
	for (i = 0; i < 64; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	for (i = 0; i < 64; i++)
		host_submit(&host, i,
			    FAKE_JOB(FAKE_JOB_ERROR, FIELD_PREP(OGPU_SLOT_STATUS_ERROR,
								OGPU_QERR_OPCODE)));
	WAIT_UNTIL(__atomic_load_n(&host.mbox->msg_wptr, __ATOMIC_ACQUIRE) -
		   host.mbox->msg_rptr == 4, EVENT_MS);
	for (i = 0; i < 64; i++) {
		assert_true(host_event(&host, OGPU_MSG_QUEUE_ERROR, &msg, EVENT_MS));
		memcpy(&queue, msg.body, 4);
		assert_true(queue < 64 && !seen[queue]);
		seen[queue] = true;
	}
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

static void test_stop_running(void **state)
{
	struct ogpu_msg msg;

	(void)state;
	assert_int_equal(host_create(&host, 1, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_DEAF, 0));
	WAIT_UNTIL(query(1).state == OGPU_QUEUE_RUNNING, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 1, NULL), OGPU_MSG_OK);
	assert_int_equal(query(1).state, OGPU_QUEUE_FAILED);
	assert_int_equal(query(1).error, OGPU_QERR_KILLED);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 1, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 1, NULL), OGPU_MSG_OK);
	/* Who asked is answered, there is no event. */
	assert_false(host_receive(&host, &msg, QUIET_MS));

	/* Destroy in one go; afterwards the number is free and starts afresh. */
	assert_int_equal(host_create(&host, 1, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_DEAF, 0));
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 1, NULL), OGPU_MSG_OK);
	assert_int_equal(host_create(&host, 1, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	assert_int_equal(query(1).switches, 0);
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 1, EVENT_MS));
}

static void post_about(uint16_t type, uint32_t number)
{
	struct ogpu_msg_queue body = { .queue = number };

	host_post(&host, type, &body, sizeof(body));
}

/* The reply to the request that was posted as the n-th since first, whatever comes in between. */
static void expect_reply(uint32_t seq, uint16_t type, uint16_t status)
{
	struct ogpu_msg msg;

	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.seq, seq);
	assert_int_equal(msg.type, type | OGPU_MSG_REPLY);
	assert_int_equal(msg.status, status);
}

/* Stopping what does not obey takes a second; meanwhile everybody else is served. */
static void test_slow_stop_holds_up_nobody(void **state)
{
	uint32_t first;

	(void)state;
	assert_int_equal(host_create(&host, 0, OGPU_ENGINE_COPY, 1), OGPU_MSG_OK);
	assert_int_equal(host_create(&host, 1, OGPU_ENGINE_COPY, 1), OGPU_MSG_OK);
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_HUNG, 0));
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_DEAF, 0));
	WAIT_UNTIL(fake_starts(host.gpu) == 2, EVENT_MS);

	first = host.seq;
	post_about(OGPU_MSG_QUEUE_STOP, 0);
	post_about(OGPU_MSG_QUEUE_DESTROY, 0);
	host_post(&host, OGPU_MSG_PING, NULL, 0);
	expect_reply(first + 3, OGPU_MSG_PING, OGPU_MSG_OK);
	post_about(OGPU_MSG_QUEUE_DESTROY, 1);
	expect_reply(first + 4, OGPU_MSG_QUEUE_DESTROY, OGPU_MSG_OK);
	post_about(OGPU_MSG_QUEUE_STOP, 1);
	expect_reply(first + 5, OGPU_MSG_QUEUE_STOP, OGPU_MSG_ENOQUEUE);
	assert_int_equal(query(0).state, OGPU_QUEUE_RUNNING);

	/* Its error comes before the first reply about it. */
	expect_error(0, OGPU_QERR_ENGINE, NULL);
	expect_reply(first + 1, OGPU_MSG_QUEUE_STOP, OGPU_MSG_EHW);
	expect_reply(first + 2, OGPU_MSG_QUEUE_DESTROY, OGPU_MSG_EHW);
}

/* More requests that take time than firmware keeps: the rest waits in the ring. */
static void test_many_slow_requests(void **state)
{
	unsigned int i, n = OGPU_FW_OWED_MAX + 8;
	struct ogpu_msg msg;
	uint32_t first;

	(void)state;
	assert_int_equal(host_create(&host, 0, OGPU_ENGINE_COPY, 1), OGPU_MSG_OK);
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_HUNG, 0));
	WAIT_UNTIL(fake_starts(host.gpu) == 1, EVENT_MS);
	first = host.seq;
	for (i = 0; i < n; i++) {
		WAIT_UNTIL(host.mbox->req_wptr - __atomic_load_n(&host.mbox->req_rptr,
								 __ATOMIC_ACQUIRE) <
			   host.mbox->req_entries, EVENT_MS);
		post_about(OGPU_MSG_QUEUE_STOP, 0);
	}
	WAIT_UNTIL(__atomic_load_n(&host.mbox->req_rptr, __ATOMIC_ACQUIRE) - first + 1 >=
		   OGPU_FW_OWED_MAX, EVENT_MS);
	assert_false(host_receive(&host, &msg, QUIET_MS));
	assert_int_not_equal(host.mbox->req_wptr, host.mbox->req_rptr);
	expect_error(0, OGPU_QERR_ENGINE, NULL);
	for (i = 1; i <= n; i++)
		expect_reply(first + i, OGPU_MSG_QUEUE_STOP, OGPU_MSG_EHW);
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

/* The host does not look for a while: no reply is lost, none of a queue precedes its error. */
static void test_full_ring_loses_no_reply(void **state)
{
	bool failed[8] = { false }, stopped[8] = { false };
	uint32_t first, queue, replies = 0;
	struct ogpu_msg msg;
	unsigned int i;

	(void)state;
	host_layout(&host, 16, 2);
	host_boot(&host);
	for (i = 0; i < 8; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	first = host.seq;
	for (i = 0; i < 8; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_ERROR,
					       FIELD_PREP(OGPU_SLOT_STATUS_ERROR,
							  OGPU_QERR_OPCODE)));
	WAIT_UNTIL(__atomic_load_n(&host.mbox->msg_wptr, __ATOMIC_ACQUIRE) -
		   host.mbox->msg_rptr == 2, EVENT_MS);
	for (i = 0; i < 16; i++)
		post_about(i % 2 ? OGPU_MSG_PING : OGPU_MSG_QUEUE_STOP, i / 2);
	for (i = 0; i < 24; i++) {
		assert_true(host_receive(&host, &msg, EVENT_MS));
		memcpy(&queue, msg.body, 4);
		if (msg.type == OGPU_MSG_QUEUE_ERROR) {
			assert_true(queue < 8 && !failed[queue]);
			failed[queue] = true;
			continue;
		}
		queue = (msg.seq - first - 1) / 2;
		assert_true(msg.seq > first && msg.seq <= first + 16);
		assert_false(replies & 1u << (msg.seq - first - 1));
		replies |= 1u << (msg.seq - first - 1);
		if (msg.type == (OGPU_MSG_QUEUE_STOP | OGPU_MSG_REPLY)) {
			assert_true(failed[queue] && !stopped[queue]);
			stopped[queue] = true;
		}
	}
	assert_int_equal(replies, 0xffff);
}

/* Users who make their queues fail do not flood the host. */
static void test_event_rate(void **state)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t begin, seen;
	struct ogpu_msg msg;
	uint32_t wptr;
	unsigned int i;

	(void)state;
	host_layout(&host, 16, 256);
	host_boot(&host);
	for (i = 0; i < 150; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	/* HELLO counts as well: not in the same interval. */
	for (begin = vgpu_time_ns(host.gpu);
	     vgpu_time_ns(host.gpu) < begin + OGPU_FW_EVENTS_MS * 1000000ull;)
		nanosleep(&pause, NULL);

	wptr = host.mbox->msg_wptr;
	begin = vgpu_time_ns(host.gpu);
	for (i = 0; i < 150; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_ERROR,
					       FIELD_PREP(OGPU_SLOT_STATUS_ERROR,
							  OGPU_QERR_OPCODE)));
	WAIT_UNTIL(__atomic_load_n(&host.mbox->msg_wptr, __ATOMIC_ACQUIRE) - wptr >
		   OGPU_FW_EVENTS_MAX, EVENT_MS);
	seen = vgpu_time_ns(host.gpu);
	assert_true(seen - begin >= OGPU_FW_EVENTS_MS * 1000000ull);
	WAIT_UNTIL(__atomic_load_n(&host.mbox->msg_wptr, __ATOMIC_ACQUIRE) - wptr >
		   2 * OGPU_FW_EVENTS_MAX, EVENT_MS);
	seen = vgpu_time_ns(host.gpu);
	assert_true(seen - begin >= 2 * OGPU_FW_EVENTS_MS * 1000000ull);

	/* Requests are answered meanwhile, and nothing is lost. */
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 150; i++)
		assert_true(host_event(&host, OGPU_MSG_QUEUE_ERROR, &msg, EVENT_MS));
}

static void test_deaf_queue_is_killed_when_others_wait(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	for (i = 0; i < 8; i++)
		host_submit(&host, i, FAKE_JOB(i ? FAKE_JOB_RUN : FAKE_JOB_DEAF, 400000));
	WAIT_UNTIL(fake_starts(host.gpu) == 8, EVENT_MS);
	host_submit(&host, 8, FAKE_JOB(FAKE_JOB_RUN, 400000));
	expect_error(0, OGPU_QERR_ENGINE, NULL);
	for (i = 1; i < 9; i++)
		assert_true(host_wait_done(&host, i, 20000));
}

static void test_hung_slot(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(host_create(&host, 0, OGPU_ENGINE_COPY, 1), OGPU_MSG_OK);
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_HUNG, 0));
	WAIT_UNTIL(fake_starts(host.gpu) == 1, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 0, NULL), OGPU_MSG_EHW);
	expect_error(0, OGPU_QERR_ENGINE, NULL);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 0, NULL), OGPU_MSG_EHW);

	/* The other slot serves all. */
	for (i = 1; i < 5; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COPY, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 10000));
	}
	for (i = 1; i < 5; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));

	/* A reset of the engines gives the slot back, and the queue can go. */
	fake_engines_reset(host.gpu);
	WAIT_UNTIL(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 0, NULL) == OGPU_MSG_OK, EVENT_MS);
}

static void test_waiting_queues_make_room(void **state)
{
	unsigned int i;

	(void)state;
	/* Eight queues wait for what the ninth does afterwards. */
	for (i = 0; i < 9; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE,
					     i < 8 ? OGPU_PRIORITY_HIGH : OGPU_PRIORITY_LOW),
				 OGPU_MSG_OK);
	for (i = 0; i < 8; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(8)));
	WAIT_UNTIL(fake_starts(host.gpu) == 8, EVENT_MS);
	host_submit(&host, 8, FAKE_JOB(FAKE_JOB_RUN, 20000));
	assert_true(host_wait_done(&host, 8, EVENT_MS));
	__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(8)), 1, __ATOMIC_RELEASE);
	for (i = 0; i < 8; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));
}

/* Instructions that the core executes in so many heartbeats. */
static uint64_t instructions_of(uint32_t beats)
{
	uint32_t beat = mc_heartbeat(host.mc);
	uint64_t before;

	WAIT_UNTIL(mc_heartbeat(host.mc) != beat, EVENT_MS);
	beat = mc_heartbeat(host.mc);
	before = mc_instructions(host.mc);
	WAIT_UNTIL(mc_heartbeat(host.mc) >= beat + beats, EVENT_MS);
	return mc_instructions(host.mc) - before;
}

/* A thousand queues that wait: each leaves its slot to others, and then costs nothing. */
static void test_1000_queues_wait(void **state)
{
	uint64_t few, many;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, i), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(i)));
	}
	WAIT_UNTIL(fake_starts(host.gpu) == 4, EVENT_MS);
	few = instructions_of(8);
	for (; i < 1024; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, i % 4), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(i)));
	}
	WAIT_UNTIL(fake_watches(host.gpu) == 1024 - FAKE_COMPUTE_SLOTS, 60000);
	many = instructions_of(8);
	print_message("# 8 heartbeats: %llu instructions with 4 queues waiting, %llu with 1024\n",
		      (unsigned long long)few, (unsigned long long)many);
	assert_true(many < few + 40000);

	/* No other queue notices. */
	assert_int_equal(host_create(&host, 1024, OGPU_ENGINE_COMPUTE, 0), OGPU_MSG_OK);
	host_submit(&host, 1024, FAKE_JOB(FAKE_JOB_RUN, 1000));
	assert_true(host_wait_done(&host, 1024, EVENT_MS));
	for (i = 0; i < 1024; i++)
		assert_true(host_rptr(&host, i) == 0);

	/* Each is woken by what it waits for. */
	for (i = 0; i < 1024; i += 7) {
		__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(i)), 1,
				 __ATOMIC_RELEASE);
		assert_true(host_wait_done(&host, i, EVENT_MS));
	}
	for (i = 0; i < 1024; i++)
		__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(i)), 1,
				 __ATOMIC_RELEASE);
	for (i = 0; i < 1024; i++) {
		assert_true(host_wait_done(&host, i, EVENT_MS));
		assert_true(query(i).busy_ns < 1000000);
	}
	assert_int_equal(fake_watches(host.gpu), 0);

	/* As many idle queues cost no more than as many that do not exist. */
	assert_true(instructions_of(8) < few + 40000);
}

/* A watch ends with its queue, so that its number and address space can be used again. */
static void test_watch_ends_with_its_queue(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(i)));
	}
	WAIT_UNTIL(fake_watches(host.gpu) == 12 - FAKE_COMPUTE_SLOTS, EVENT_MS);
	for (i = 0; i < 12; i += 2)
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, i, NULL), OGPU_MSG_OK);
	for (i = 1; i < 12; i += 4)
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, i, NULL), OGPU_MSG_OK);
	for (i = 3; i < 12; i += 4)
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, i, NULL), OGPU_MSG_OK);
	assert_int_equal(fake_watches(host.gpu), 0);
	/* What was suspended while it waited waits again. */
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 5, NULL), OGPU_MSG_OK);
	WAIT_UNTIL(query(5).state == OGPU_QUEUE_WAITING, EVENT_MS);
	__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(5)), 1, __ATOMIC_RELEASE);
	assert_true(host_wait_done(&host, 5, EVENT_MS));
}

static void test_suspend_and_resume(void **state)
{
	uint64_t before[12];
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 30000));
	}
	assert_int_equal(host_request(&host, OGPU_MSG_SUSPEND, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 12; i++)
		before[i] = query(i).busy_ns;
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_RUN, 100));
	for (i = 0; i < 12; i++)
		assert_int_not_equal(query(i).state, OGPU_QUEUE_RUNNING);
	for (i = 0; i < 12; i++)
		assert_int_equal(query(i).busy_ns, before[i]);
	assert_int_equal(host_request(&host, OGPU_MSG_RESUME, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 12; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));
}

static void wait_state(uint32_t number, enum ogpu_queue_run_state state)
{
	WAIT_UNTIL(host_control(&host, number).state == state, EVENT_MS);
}

static void test_queue_suspend(void **state)
{
	struct ogpu_queue_control page;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 7, NULL), OGPU_MSG_ENOQUEUE);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 7, NULL), OGPU_MSG_ENOQUEUE);
	for (i = 0; i < 2; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 50000));
	WAIT_UNTIL(fake_starts(host.gpu) == 2, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 0, NULL), OGPU_MSG_OK);
	page = host_control(&host, 0);
	assert_int_equal(page.state, OGPU_QUEUE_SUSPENDED);
	assert_true(page.pos == 0 && page.context[0] * 1000ull == page.busy_ns);
	assert_int_equal(query(0).state, OGPU_QUEUE_SUSPENDED);

	/* Neither its doorbell nor time moves it; its neighbour goes on. */
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 1, EVENT_MS));
	assert_true(host_control(&host, 0).busy_ns == page.busy_ns);

	/* Going on where it stood, not from the beginning. */
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 0, NULL), OGPU_MSG_OK);
	assert_true(host_wait_done(&host, 0, EVENT_MS));
	wait_state(0, OGPU_QUEUE_IDLE);
	assert_true(host_control(&host, 0).busy_ns == 50100000);

	/* Stopped and destroyed while suspended; and one that has failed is none the worse. */
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 0, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 0, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 0, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 0, NULL), OGPU_MSG_OK);
	assert_int_equal(host_control(&host, 0).state, OGPU_QUEUE_FAILED);
	assert_int_equal(host_control(&host, 0).error, OGPU_QERR_KILLED);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 0, NULL), OGPU_MSG_OK);

	/* One on a slot that does not obey: it fails, and the request says so. */
	host_submit(&host, 1, FAKE_JOB(FAKE_JOB_HUNG, 0));
	WAIT_UNTIL(query(1).state == OGPU_QUEUE_RUNNING, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 1, NULL), OGPU_MSG_EHW);
	expect_error(1, OGPU_QERR_ENGINE, NULL);
}

/* The control page is whole at any time, and never goes back. */
static void test_control_page(void **state)
{
	struct ogpu_queue_control page, last = { 0 };
	struct ogpu_msg_queue_create desc;
	unsigned int i, seen = 0;

	(void)state;
	for (i = 0; i < 16; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		assert_int_equal(host_control(&host, i).state, OGPU_QUEUE_IDLE);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 60000));
	}
	do {
		page = host_control(&host, 3);
		assert_true(page.seq >= last.seq && page.seq % 2 == 0);
		assert_int_equal(page.asid, 4);
		assert_true(page.now_ns >= last.now_ns && page.now_ns <= vgpu_time_ns(host.gpu));
		assert_true(page.busy_ns >= last.busy_ns && page.busy_ns <= 60000000);
		assert_true(page.waited_ns >= last.waited_ns);
		assert_true(page.switches >= last.switches);
		assert_true(page.state <= OGPU_QUEUE_RUNNING);
		/* One page is one moment: what belongs together changes together. */
		if (page.seq == last.seq)
			assert_memory_equal(&page, &last, sizeof(page));
		else
			seen++;
		last = page;
	} while (host_rptr(&host, 3) != 8);
	assert_true(seen > 3);
	wait_state(3, OGPU_QUEUE_IDLE);
	page = host_control(&host, 3);
	assert_true(page.busy_ns == 60000000 && page.waited_ns > 0);

	/* Memory that does not answer harms nobody; neither does having no page. */
	host_describe(&desc, 20);
	desc.control = OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x1000);
	expect_create(&desc, OGPU_MSG_OK);
	host_describe(&desc, 21);
	desc.control = OGPU_CONTROL_NONE;
	expect_create(&desc, OGPU_MSG_OK);
	for (i = 20; i < 22; i++) {
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 1000));
		assert_true(host_wait_done(&host, i, EVENT_MS));
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, i, NULL), OGPU_MSG_OK);
	}
}

/* A fault of a queue with REPLAY: told once, leaves its slot to others, goes on when mended. */
static void test_fault_is_replayed(void **state)
{
	struct ogpu_msg_queue_create desc;
	struct ogpu_msg_queue_error error;
	struct ogpu_msg msg;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		host_describe(&desc, i);
		desc.flags = OGPU_QUEUE_REPLAY;
		expect_create(&desc, OGPU_MSG_OK);
	}
	for (i = 0; i < 9; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_FAULT, HOST_FLAG(i)));
	for (i = 0; i < 9; i++) {
		assert_true(host_event(&host, OGPU_MSG_QUEUE_FAULT, &msg, EVENT_MS));
		memcpy(&error, msg.body, sizeof(error));
		assert_int_equal(error.error, OGPU_QERR_MEMORY);
		assert_int_equal(error.reason, OGPU_FAULT_NOT_MAPPED);
		assert_true(error.queue < 9 && error.fault_va == HOST_FLAG(error.queue));
		wait_state(error.queue, OGPU_QUEUE_FAULTED);
	}
	/* More of them than slots: the tenth gets one all the same, and nothing is told twice. */
	host_submit(&host, 9, FAKE_JOB(FAKE_JOB_RUN, 1000));
	assert_true(host_wait_done(&host, 9, EVENT_MS));
	assert_false(host_receive(&host, &msg, QUIET_MS));

	for (i = 0; i < 8; i++) {
		__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(i)), 1,
				 __ATOMIC_RELEASE);
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, i, NULL), OGPU_MSG_OK);
		assert_true(host_wait_done(&host, i, EVENT_MS));
		assert_int_equal(query(i).error, OGPU_QERR_NONE);
	}
	/* Not mended: told again. Not to be mended: stopped. */
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 8, NULL), OGPU_MSG_OK);
	assert_true(host_event(&host, OGPU_MSG_QUEUE_FAULT, &msg, EVENT_MS));
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 8, NULL), OGPU_MSG_OK);
	assert_int_equal(host_control(&host, 8).error, OGPU_QERR_KILLED);
	assert_false(host_receive(&host, &msg, QUIET_MS));
}

/* Queues survive a change of firmware: suspended, described by their control pages, restored. */
static void test_firmware_is_changed(void **state)
{
	struct ogpu_queue_control before[20];
	struct ogpu_msg_queue_create desc;
	struct ogpu_msg msg;
	unsigned int i, begun = 0;

	(void)state;
	for (i = 0; i < 20; i++) {
		host_describe(&desc, i);
		desc.priority = i % 4;
		desc.flags = i == 17 ? OGPU_QUEUE_REPLAY : 0;
		expect_create(&desc, OGPU_MSG_OK);
		host_submit(&host, i, i == 18 ? FAKE_JOB(FAKE_JOB_ERROR, 0x300) :
				      i == 19 ? FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(19)) :
				      i == 17 ? FAKE_JOB(FAKE_JOB_FAULT, HOST_FLAG(17)) :
						FAKE_JOB(FAKE_JOB_RUN, 20000));
	}
	for (i = 0; i < 2; i++) {
		assert_true(host_receive(&host, &msg, EVENT_MS));
		assert_int_equal(msg.type, msg.body[0] == 18 ? OGPU_MSG_QUEUE_ERROR :
							       OGPU_MSG_QUEUE_FAULT);
	}
	assert_int_equal(host_request(&host, OGPU_MSG_SUSPEND, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 20; i++) {
		before[i] = host_control(&host, i);
		assert_int_equal(before[i].state, i == 18 ? OGPU_QUEUE_FAILED :
							    OGPU_QUEUE_SUSPENDED);
		begun += before[i].context[0] > 0;
	}
	assert_true(begun > 0);

	host_layout(&host, 16, 32);
	host_boot(&host);
	assert_int_equal(host_request(&host, OGPU_MSG_SUSPEND, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 20; i++) {
		host_describe(&desc, i);
		desc.priority = i % 4;
		desc.flags = OGPU_QUEUE_RESTORE | (i == 17 ? OGPU_QUEUE_REPLAY : 0);
		expect_create(&desc, OGPU_MSG_OK);
		before[i].now_ns = host_control(&host, i).now_ns;
		before[i].seq += 2;
		if (i == 17) {	/* the fault is forgotten: the access is tried again */
			assert_int_equal(before[i].error, OGPU_QERR_MEMORY);
			continue;
		}
		assert_memory_equal(&before[i], (struct ogpu_queue_control[]) {
				    host_control(&host, i) }, sizeof(before[i]));
	}
	assert_int_equal(host_request(&host, OGPU_MSG_RESUME, NULL, 0, NULL), OGPU_MSG_OK);
	for (i = 0; i < 17; i++) {
		assert_true(host_wait_done(&host, i, EVENT_MS));
		wait_state(i, OGPU_QUEUE_IDLE);
		/* Nothing was done twice, nothing was left out. */
		assert_true(host_control(&host, i).busy_ns == 20000000);
	}
	assert_int_equal(query(18).state, OGPU_QUEUE_FAILED);
	assert_int_equal(query(18).error, OGPU_QERR_PRIVILEGE);
	__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(19)), 1, __ATOMIC_RELEASE);
	assert_true(host_wait_done(&host, 19, EVENT_MS));

	assert_true(host_event(&host, OGPU_MSG_QUEUE_FAULT, &msg, EVENT_MS));
	__atomic_store_n((uint64_t *)fake_host(host.gpu, HOST_FLAG(17)), 1, __ATOMIC_RELEASE);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 17, NULL), OGPU_MSG_OK);
	assert_true(host_wait_done(&host, 17, EVENT_MS));
}

/* A page that firmware cannot have written is refused, whatever is in it. */
static void test_bad_restore(void **state)
{
	struct ogpu_queue_control *page = fake_host(host.gpu, HOST_CONTROL(3));
	struct ogpu_queue_control bad, good = { .seq = 2, .state = OGPU_QUEUE_IDLE };
	struct ogpu_msg_queue_create desc;
	unsigned int i;

	(void)state;
	host_describe(&desc, 3);
	desc.flags = OGPU_QUEUE_RESTORE;
#define BAD(member, value) do { \
	bad = good; \
	bad.member = value; \
	*page = bad; \
	expect_create(&desc, OGPU_MSG_EINVAL); \
} while (0)
	BAD(seq, 3);
	BAD(state, OGPU_QUEUE_FAULTED + 1);
	BAD(state, OGPU_QUEUE_FAILED);
	BAD(error, OGPU_QERR_MEMORY);
	good.state = OGPU_QUEUE_FAILED;
	BAD(error, 0x100);
	good.state = OGPU_QUEUE_IDLE;
	BAD(pos, 4);
	BAD(rsvd[0], 1);
	BAD(rsvd[2], 1);
#undef BAD
	/* Anything else is the queue's own affair: this one stands where there is nothing. */
	for (i = 0; i < 200; i++) {
		memset(page, rand(), sizeof(*page));
		page->seq = i * 2;
		page->state = i % 6;
		page->error = page->state == OGPU_QUEUE_FAILED;
		page->pos &= ~7ull;
		memset(page->rsvd, 0, sizeof(page->rsvd));
		expect_create(&desc, OGPU_MSG_OK);
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 3, NULL), OGPU_MSG_OK);
	}
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
}

/* A reset while firmware puts queues on slots: none starts with half a descriptor. */
static void test_engine_reset_at_any_time(void **state)
{
	struct ogpu_msg msg;
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 40; i++) {
		for (n = 0; n < FAKE_COMPUTE_SLOTS; n++) {
			assert_int_equal(host_create(&host, n, OGPU_ENGINE_COMPUTE, 1),
					 OGPU_MSG_OK);
			host_submit(&host, n, FAKE_JOB(FAKE_JOB_DEAF, 0));
		}
		for (n = 0; n < i * 50; n++)
			mc_irq(host.mc, OGPU_MC_IRQ_MBOX);
		fake_engines_reset(host.gpu);
		for (n = 0; n < FAKE_COMPUTE_SLOTS; n++)
			assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, n, NULL),
					 OGPU_MSG_OK);
		while (host.event_taken < host.event_count)
			host_event(&host, OGPU_MSG_QUEUE_ERROR, &msg, 0);
		host.event_count = 0;
		host.event_taken = 0;
	}
	/* host_fini() looks for what slots were told against the contract. */
}

static void test_engine_reset_fails_running_queues(void **state)
{
	(void)state;
	assert_int_equal(host_create(&host, 0, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	host_submit(&host, 0, FAKE_JOB(FAKE_JOB_DEAF, 0));
	WAIT_UNTIL(fake_starts(host.gpu) == 1, EVENT_MS);
	fake_engines_reset(host.gpu);
	expect_error(0, OGPU_QERR_ENGINE, NULL);
}

static struct ogpu_msg_sensors read_sensors(void)
{
	struct ogpu_msg_sensors answer;
	struct ogpu_msg reply;

	assert_int_equal(host_request(&host, OGPU_MSG_SENSORS, NULL, 0, &reply), OGPU_MSG_OK);
	assert_int_equal(reply.size, sizeof(answer));
	memcpy(&answer, reply.body, sizeof(answer));
	return answer;
}

static void test_sensors_and_throttling(void **state)
{
	struct ogpu_msg_sensors sensors;
	struct ogpu_msg msg;

	(void)state;
	sensors = read_sensors();
	assert_int_equal(sensors.temp_mdeg, 45000);
	assert_int_equal(sensors.clock_khz, 1600000);
	assert_int_equal(sensors.throttle, 0);
	assert_int_equal(sensors.fan_rpm, 800 + 5 * 50);

	fake_set_temp(host.gpu, 99000);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	memcpy(&sensors, msg.body, sizeof(sensors));
	assert_int_equal(sensors.throttle, OGPU_THROTTLE_THERMAL);
	assert_true(sensors.clock_khz < 1600000);
	assert_int_equal(fake_sensor(host.gpu, OGPU_MC_THROTTLE), OGPU_THROTTLE_THERMAL);

	fake_set_temp(host.gpu, 60000);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	sensors = read_sensors();
	assert_int_equal(sensors.throttle, 0);
	assert_int_equal(sensors.clock_khz, 1600000);
}

/* Whatever firmware thinks of the temperature. */
static void test_hardware_throttles(void **state)
{
	struct ogpu_msg_sensors sensors;
	struct ogpu_msg msg;

	(void)state;
	fake_set_hot(host.gpu, true);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	memcpy(&sensors, msg.body, sizeof(sensors));
	assert_int_equal(sensors.throttle, OGPU_THROTTLE_THERMAL);
	assert_int_equal(sensors.clock_khz, 800000);
	fake_set_hot(host.gpu, false);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	assert_int_equal(read_sensors().throttle, 0);
}

/* What the clock is while hardware throttles is not taken for the highest. */
static void test_start_while_throttled(void **state)
{
	struct ogpu_msg msg;

	(void)state;
	fake_set_hot(host.gpu, true);
	fake_set_temp(host.gpu, 99000);
	host_boot(&host);
	assert_int_equal(read_sensors().throttle, OGPU_THROTTLE_THERMAL);
	fake_set_hot(host.gpu, false);
	fake_set_temp(host.gpu, 60000);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	assert_int_equal(read_sensors().clock_khz, 1600000);
}

static enum ogpu_msg_status ask_ras(uint32_t op, uint32_t block, uint64_t addr,
				    struct ogpu_msg_ras *answer)
{
	const struct ogpu_msg_ras_query query = { .op = op, .block = block, .addr = addr };
	enum ogpu_msg_status status;
	struct ogpu_msg reply;

	status = host_request(&host, OGPU_MSG_RAS, &query, sizeof(query), &reply);
	assert_int_equal(reply.size, sizeof(*answer));
	memcpy(answer, reply.body, sizeof(*answer));
	return status;
}

static void test_ras(void **state)
{
	uint32_t link = OGPU_MC_RAS_BLOCK(OGPU_RAS_LINK);
	struct ogpu_msg_ras answer;

	(void)state;
	fake_set_ras(host.gpu, link + OGPU_RAS_CORRECTED, 1);
	fake_set_ras(host.gpu, link + OGPU_RAS_UNCORRECTED, 2);
	fake_set_ras(host.gpu, link + OGPU_RAS_DEFERRED, 3);
	fake_set_ras(host.gpu, link + OGPU_RAS_ADDR_LO, 4);
	fake_set_ras(host.gpu, link + OGPU_RAS_ADDR_HI, 5);
	fake_set_ras(host.gpu, link + OGPU_RAS_QUEUE, 6);
	fake_set_ras(host.gpu, OGPU_MC_SPARES, 7);
	assert_int_equal(ask_ras(OGPU_RAS_OP_QUERY, OGPU_RAS_LINK, 0, &answer), OGPU_MSG_OK);
	assert_int_equal(answer.block, OGPU_RAS_LINK);
	assert_int_equal(answer.corrected, 1);
	assert_int_equal(answer.uncorrected, 2);
	assert_int_equal(answer.deferred, 3);
	assert_int_equal(answer.addr, 0x500000004);
	assert_int_equal(answer.queue, 6);
	assert_int_equal(answer.spares, 7);
	assert_int_equal(ask_ras(OGPU_RAS_OP_QUERY, OGPU_RAS_VRAM, 0, &answer), OGPU_MSG_OK);
	assert_int_equal(answer.corrected, 0);
	assert_int_equal(read_sensors().ecc_uncorrected, 2);

	assert_int_equal(ask_ras(OGPU_RAS_OP_RETIRE, 0, 0x7000, &answer), OGPU_MSG_OK);
	assert_int_equal(ask_ras(OGPU_RAS_OP_RETIRE, 0, 0, &answer), OGPU_MSG_ENOSPC);
	assert_int_equal(ask_ras(OGPU_RAS_OP_RETIRE, 0, 0x7008, &answer), OGPU_MSG_EINVAL);
	assert_int_equal(ask_ras(OGPU_RAS_OP_RETIRE, 1, 0x7000, &answer), OGPU_MSG_EINVAL);
	assert_int_equal(ask_ras(OGPU_RAS_OP_QUERY, 0, 8, &answer), OGPU_MSG_EINVAL);
	assert_int_equal(ask_ras(OGPU_RAS_OP_QUERY, OGPU_RAS_BLOCKS, 0, &answer),
			 OGPU_MSG_EINVAL);
	assert_int_equal(ask_ras(2, 0, 0, &answer), OGPU_MSG_EINVAL);
}

static enum ogpu_msg_status commit(uint32_t svn, uint32_t rsvd, uint32_t *now)
{
	const struct ogpu_msg_svn request = { .svn = svn, .rsvd = rsvd };
	struct ogpu_msg_svn answer;
	enum ogpu_msg_status status;
	struct ogpu_msg reply;

	status = host_request(&host, OGPU_MSG_COMMIT_SVN, &request, sizeof(request), &reply);
	memcpy(&answer, reply.body, sizeof(answer));
	*now = answer.svn;
	return status;
}

/* The firmware of these tests has security version 7. */
static void test_commit_svn(void **state)
{
	uint32_t now;

	(void)state;
	assert_int_equal(commit(8, 0, &now), OGPU_MSG_EINVAL);
	assert_int_equal(commit(3, 1, &now), OGPU_MSG_EINVAL);
	assert_int_equal(commit(3, 0, &now), OGPU_MSG_OK);
	assert_int_equal(now, 3);
	assert_int_equal(commit(7, 0, &now), OGPU_MSG_OK);
	assert_int_equal(now, 7);
	/* Not back. */
	assert_int_equal(commit(3, 0, &now), OGPU_MSG_OK);
	assert_int_equal(now, 7);
}

static void test_power_cap(void **state)
{
	struct ogpu_msg_power_cap cap = { .cap_uw = 20000000 };
	struct ogpu_msg reply;

	(void)state;
	assert_int_equal(host_request(&host, OGPU_MSG_POWER_CAP, &cap, sizeof(cap), &reply),
			 OGPU_MSG_OK);
	memcpy(&cap, reply.body, sizeof(cap));
	assert_int_equal(cap.cap_uw, 20000000);
	assert_int_equal(fake_sensor(host.gpu, OGPU_MC_POWER_CAP), 20000000);
	assert_int_equal(read_sensors().power_cap_uw, 20000000);
	cap.rsvd = 1;
	assert_int_equal(host_request(&host, OGPU_MSG_POWER_CAP, &cap, sizeof(cap), &reply),
			 OGPU_MSG_EINVAL);
}

/* A card without work is told so. */
static void test_card_idle(void **state)
{
	(void)state;
	WAIT_UNTIL(fake_sensor(host.gpu, OGPU_MC_IDLE) == 1, EVENT_MS);
}

static void test_heartbeat_and_idle(void **state)
{
	uint32_t beat = mc_heartbeat(host.mc);
	uint64_t before, instructions;

	(void)state;
	WAIT_UNTIL(mc_heartbeat(host.mc) >= beat + 2, EVENT_MS);
	/* An idle core sleeps: only the heartbeat's few instructions are executed. */
	beat = mc_heartbeat(host.mc);
	before = mc_instructions(host.mc);
	WAIT_UNTIL(mc_heartbeat(host.mc) >= beat + 4, EVENT_MS);
	instructions = mc_instructions(host.mc) - before;
	assert_true(instructions < 8 * 20000);
}

static void test_mad_pointers(void **state)
{
	struct ogpu_msg msg;

	(void)state;
	/* A write pointer from nowhere: requests are lost, the firmware is not. */
	__atomic_store_n(&host.mbox->req_wptr, host.mbox->req_wptr + 1000, __ATOMIC_RELEASE);
	mc_irq(host.mc, OGPU_MC_IRQ_MBOX);
	WAIT_UNTIL(__atomic_load_n(&host.mbox->req_rptr, __ATOMIC_ACQUIRE) == host.mbox->req_wptr,
		   EVENT_MS);
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);

	/* A read pointer from nowhere counts as a full ring. */
	__atomic_store_n(&host.mbox->msg_rptr, host.mbox->msg_rptr + 5, __ATOMIC_RELEASE);
	fake_wait_irq(host.gpu, 0);
	host_post(&host, OGPU_MSG_PING, NULL, 0);
	assert_false(fake_wait_irq(host.gpu, QUIET_MS));
	__atomic_store_n(&host.mbox->msg_rptr, host.mbox->msg_rptr - 5, __ATOMIC_RELEASE);
	assert_true(host_receive(&host, &msg, EVENT_MS));
	assert_int_equal(msg.type, OGPU_MSG_PING | OGPU_MSG_REPLY);
}

static void test_random_messages(void **state)
{
	struct ogpu_msg msg, reply;
	unsigned int i, n;

	(void)state;
	srand(1);
	for (i = 0; i < 3000; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.seq = i;
		msg.type = rand() % 12;
		if (msg.type == OGPU_MSG_SUSPEND)
			msg.type = OGPU_MSG_RESUME;
		switch (rand() % 3) {
		case 0:
			msg.size = sizeof(struct ogpu_msg_queue);
			break;
		case 1:
			msg.size = sizeof(struct ogpu_msg_queue_create);
			break;
		default:
			msg.size = rand() % 120;
			break;
		}
		for (n = 0; n < msg.size && n < OGPU_MSG_BODY; n++)
			msg.body[n] = rand() % 3 ? 0 : rand();
		host_post_raw(&host, &msg);
		do {
			assert_true(host_receive(&host, &reply, EVENT_MS));
		} while (!(reply.type & OGPU_MSG_REPLY));
		assert_int_equal(reply.seq, i);
		assert_int_equal(reply.type, msg.type | OGPU_MSG_REPLY);
		assert_true(reply.status <= OGPU_MSG_EHW);
	}
	assert_true(mc_running(host.mc));
}

static void test_doorbells_of_nobody(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 100 * FAKE_DOORBELLS; i++)
		fake_doorbell(host.gpu, i * 7 % FAKE_DOORBELLS);
	assert_int_equal(host_create(&host, 5, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	host_submit(&host, 5, FAKE_JOB(FAKE_JOB_RUN, 100));
	assert_true(host_wait_done(&host, 5, EVENT_MS));
	/* A doorbell without work costs nobody a slot. */
	fake_doorbell(host.gpu, 6);
	assert_int_equal(host_create(&host, 6, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	for (i = 0; i < 100; i++)
		fake_doorbell(host.gpu, 6);
	assert_int_equal(query(6).switches, 0);
}

static void random_job(uint32_t number)
{
	uint64_t job = FAKE_JOB(FAKE_JOB_RUN, rand() % 3000);

	if (rand() % 20 == 0)
		job = FAKE_JOB(FAKE_JOB_ERROR, FIELD_PREP(OGPU_SLOT_STATUS_ERROR,
							  OGPU_QERR_PACKET));
	else if (rand() % 50 == 0)
		job = FAKE_JOB(FAKE_JOB_DEAF, 0);
	else if (rand() % 20 == 0)
		job = FAKE_JOB(FAKE_JOB_WAIT, HOST_FLAG(rand() % HOST_QUEUES));
	host_submit(&host, number, job);
}

static void test_random_life(void **state)
{
	bool exists[HOST_QUEUES] = { false };
	unsigned int i, number;
	struct ogpu_msg msg;
	uint16_t status;

	(void)state;
	srand(2);
	for (i = 0; i < 4000; i++) {
		number = rand() % HOST_QUEUES;
		if (!exists[number]) {
			status = host_create(&host, number, rand() % 2, rand() % OGPU_PRIORITIES);
			assert_int_equal(status, OGPU_MSG_OK);
			exists[number] = true;
		} else if (rand() % 12 == 0) {
			status = host_about(&host, OGPU_MSG_QUEUE_DESTROY, number, NULL);
			assert_int_equal(status, OGPU_MSG_OK);
			exists[number] = false;
		} else if (rand() % 30 == 0) {
			status = host_about(&host, OGPU_MSG_QUEUE_STOP, number, NULL);
			assert_int_equal(status, OGPU_MSG_OK);
		} else if (rand() % 200 == 0) {
			assert_int_equal(host_request(&host, OGPU_MSG_SUSPEND, NULL, 0, NULL),
					 OGPU_MSG_OK);
			assert_int_equal(host_request(&host, OGPU_MSG_RESUME, NULL, 0, NULL),
					 OGPU_MSG_OK);
		} else {
			random_job(number);
		}
		host.event_count = 0;
		host.event_taken = 0;
	}
	for (number = 0; number < HOST_QUEUES; number++) {
		if (exists[number])
			assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, number, NULL),
					 OGPU_MSG_OK);
	}
	while (host_receive(&host, &msg, QUIET_MS))
		assert_int_equal(msg.type, OGPU_MSG_QUEUE_ERROR);

	/* All slots are free: as many queues as there are slots run at once. */
	for (number = 0; number < FAKE_COMPUTE_SLOTS; number++) {
		assert_int_equal(host_create(&host, number, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, number, FAKE_JOB(FAKE_JOB_DEAF, 0));
	}
	for (number = 0; number < FAKE_COMPUTE_SLOTS; number++)
		WAIT_UNTIL(query(number).state == OGPU_QUEUE_RUNNING, EVENT_MS);
}

static void test_injected_crash(void **state)
{
	(void)state;
	mc_inject_crash(host.mc);
	WAIT_UNTIL(!mc_running(host.mc), EVENT_MS);
	assert_int_equal(fatal_code(), OGPU_MC_FATAL_ASSERT);
	assert_int_equal(mc_fatal(host.mc) >> 8, 1);
	assert_true(mc_fatal_pc(host.mc) >= OGPU_MC_SRAM_BASE);

	/* Reset and the same image again. */
	host.event_count = 0;
	host.event_taken = 0;
	host_layout(&host, 16, 32);
	host_boot(&host);
	assert_int_equal(mc_fatal(host.mc), OGPU_MC_FATAL_NONE);
}

static void test_injected_hang(void **state)
{
	uint32_t beat;

	(void)state;
	mc_inject_hang(host.mc);
	beat = mc_heartbeat(host.mc);
	WAIT_UNTIL(!mc_running(host.mc), 5000);
	assert_int_equal(fatal_code(), OGPU_MC_FATAL_WATCHDOG);
	assert_true(mc_heartbeat(host.mc) - beat <= 1);
	mc_reset(host.mc);
	assert_int_equal(mc_fatal(host.mc), OGPU_MC_FATAL_NONE);
}

static void test_host_memory_goes_away(void **state)
{
	(void)state;
	fake_host_gone(host.gpu, true);
	mc_irq(host.mc, OGPU_MC_IRQ_MBOX);
	WAIT_UNTIL(!mc_running(host.mc), EVENT_MS);
	assert_int_equal(fatal_code(), OGPU_MC_FATAL_BUS);
}

static void test_reset_at_any_time(void **state)
{
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 30; i++) {
		host_start(&host);
		for (n = 0; n < i * 100; n++)
			mc_irq(host.mc, OGPU_MC_IRQ_MBOX);
		mc_reset(host.mc);
		assert_false(mc_running(host.mc));
		assert_int_equal(mc_heartbeat(host.mc), 0);
	}
	host_layout(&host, 16, 32);
	host_boot(&host);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup_booted, teardown)
#define COLD(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		COLD(test_hello),
		COLD(test_bad_mailbox),
		T(test_long_requests),
		T(test_bad_messages),
		T(test_bad_queues),
		T(test_descriptor_on_slot),
		T(test_virtual_ring),
		T(test_wptr_that_does_not_answer),
		T(test_one_job),
		T(test_64_queues_on_8_slots),
		T(test_long_jobs_share),
		T(test_error_event),
		COLD(test_no_error_is_lost),
		T(test_stop_running),
		T(test_slow_stop_holds_up_nobody),
		T(test_many_slow_requests),
		COLD(test_full_ring_loses_no_reply),
		COLD(test_event_rate),
		T(test_deaf_queue_is_killed_when_others_wait),
		T(test_hung_slot),
		T(test_waiting_queues_make_room),
		T(test_1000_queues_wait),
		T(test_watch_ends_with_its_queue),
		T(test_suspend_and_resume),
		T(test_queue_suspend),
		T(test_control_page),
		T(test_fault_is_replayed),
		T(test_firmware_is_changed),
		T(test_bad_restore),
		T(test_engine_reset_at_any_time),
		T(test_engine_reset_fails_running_queues),
		T(test_sensors_and_throttling),
		T(test_hardware_throttles),
		COLD(test_start_while_throttled),
		T(test_ras),
		T(test_commit_svn),
		T(test_power_cap),
		T(test_card_idle),
		T(test_heartbeat_and_idle),
		T(test_mad_pointers),
		T(test_random_messages),
		T(test_doorbells_of_nobody),
		T(test_random_life),
		T(test_injected_crash),
		T(test_injected_hang),
		T(test_host_memory_goes_away),
		COLD(test_reset_at_any_time),
	};

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
