// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues under the real firmware, with toy engines and without QEMU: what QUEUE_CREATE refuses, and
 * what a slot is given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/packet.h"
#include "fixture.h"

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
	BAD(rsvd2, 1);
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

/* The same firmware runs another card with fewer slots beside the usual one. */
static void test_two_cards(void **state)
{
	struct ogpu_msg_queue_create desc;
	struct host small;
	unsigned int i;

	(void)state;
	memset(&small, 0, sizeof(small));
	host_init(&small);
	fake_shape(small.gpu, 2, 1);
	host_boot(&small);
	for (i = 0; i < 3; i++) {
		host_describe(&desc, i);
		desc.gang = 1;
		assert_int_equal(host_request(&small, OGPU_MSG_QUEUE_CREATE, &desc, sizeof(desc),
					      NULL), i < 2 ? OGPU_MSG_OK : OGPU_MSG_ENOSPC);
		expect_create(&desc, OGPU_MSG_OK);
	}
	for (i = 2; i < 12; i++)
		assert_int_equal(host_create(&small, i, i == 11 ? OGPU_ENGINE_COPY :
					     OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	for (i = 0; i < 12; i++) {
		host_submit(&small, i, FAKE_JOB(FAKE_JOB_RUN, 3000));
		host_submit(&host, i % 3, FAKE_JOB(FAKE_JOB_RUN, 3000));
	}
	for (i = 0; i < 12; i++)
		assert_true(host_wait_done(&small, i, EVENT_MS));
	for (i = 0; i < 3; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));
	/* Its copy slot is the third one. */
	assert_int_equal(fake_slot_reg(small.gpu, 2, OGPU_SLOT_QUEUE), 11);
	for (i = 3; i < FAKE_SLOTS; i++)
		assert_int_equal(fake_slot_reg(small.gpu, i, OGPU_SLOT_RING_SIZE), 0);
	host_fini(&small);
}

/* How often those of the gang below have been put on a slot. */
static uint32_t gang_switches(void)
{
	uint32_t switches = 0;

	for (unsigned int i = 0; i < FAKE_COMPUTE_SLOTS; i++)
		switches += query(i).switches;
	return switches;
}

/* As many as there are slots, and with one of them too many none of them is worse off. */
static void test_gang(void **state)
{
	struct ogpu_msg_queue_create desc;
	unsigned int i;

	(void)state;
	for (i = 0; i <= FAKE_COMPUTE_SLOTS; i++) {
		host_describe(&desc, i);
		desc.gang = 1;
		expect_create(&desc, i < FAKE_COMPUTE_SLOTS ? OGPU_MSG_OK : OGPU_MSG_ENOSPC);
	}
	desc.priority++;
	expect_create(&desc, OGPU_MSG_EINVAL);
	desc.priority--;
	desc.engine = OGPU_ENGINE_COPY;
	expect_create(&desc, OGPU_MSG_EINVAL);
	desc.gang = 2;
	expect_create(&desc, OGPU_MSG_OK);
	assert_int_equal(host_create(&host, 20, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	fake_endless(host.gpu, true);
	for (i = 0; i < FAKE_COMPUTE_SLOTS; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 30000));
	host_submit(&host, 20, FAKE_JOB(FAKE_JOB_RUN, 30000));
	/* They have to make room for the other one. */
	WAIT_UNTIL(gang_switches() >= 2 * FAKE_COMPUTE_SLOTS, EVENT_MS);
	fake_endless(host.gpu, false);
	for (i = 0; i < FAKE_COMPUTE_SLOTS; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));
	assert_true(host_wait_done(&host, 20, EVENT_MS));
}

/* What hardware has counted for a queue goes with it from slot to slot. */
static void test_counters(void **state)
{
	unsigned int i, n, found = 0;

	(void)state;
	fake_endless(host.gpu, true);
	for (i = 0; i < 12; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 40000));
	}
	for (i = 0; i < 12; i++)
		WAIT_UNTIL(query(i).switches >= 2, EVENT_MS);
	fake_endless(host.gpu, false);
	for (i = 0; i < 12; i++)
		assert_true(host_wait_done(&host, i, EVENT_MS));
	for (i = 0; i < FAKE_COMPUTE_SLOTS; i++) {
		if (query(fake_slot_reg(host.gpu, i, OGPU_SLOT_QUEUE)).switches < 2)
			continue;
		found++;
		for (n = 0; n < OGPU_COUNTERS; n++)
			assert_true(fake_slot_counter(host.gpu, i, n) == 40000ull << (8 * n % 40));
	}
	assert_true(found > 0);
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

int main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup_booted, teardown)
	const struct CMUnitTest tests[] = {
		T(test_bad_queues),
		T(test_two_cards),
		T(test_gang),
		T(test_counters),
		T(test_descriptor_on_slot),
		T(test_virtual_ring),
		T(test_wptr_that_does_not_answer),
	};

	return cmocka_run_group_tests_name("firmware-queue-create", tests, NULL, NULL);
}
