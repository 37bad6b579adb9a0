// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues under the real firmware, with toy engines and without QEMU: what a slot is given, many
 * queues on few slots, errors, kills, waits, faults, suspension, resets, a change of firmware.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/packet.h"
#include "fixture.h"

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

/* As many as there are slots, and with one of them too many none of them is worse off. */
static void test_gang(void **state)
{
	struct ogpu_msg_queue_create desc;
	uint32_t switches = 0;
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
	for (i = 0; i < FAKE_COMPUTE_SLOTS; i++)
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 30000));
	host_submit(&host, 20, FAKE_JOB(FAKE_JOB_RUN, 30000));
	for (i = 0; i < FAKE_COMPUTE_SLOTS; i++) {
		assert_true(host_wait_done(&host, i, EVENT_MS));
		switches += query(i).switches;
	}
	assert_true(host_wait_done(&host, 20, EVENT_MS));
	/* They had to make room for the other one. */
	assert_true(switches >= 2 * FAKE_COMPUTE_SLOTS);
}

/* What hardware has counted for a queue goes with it from slot to slot. */
static void test_counters(void **state)
{
	unsigned int i, n, found = 0;

	(void)state;
	for (i = 0; i < 12; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 40000));
	}
	for (i = 0; i < 12; i++) {
		assert_true(host_wait_done(&host, i, EVENT_MS));
		assert_true(query(i).switches >= 1);
	}
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
	assert_true(error.pc == FAKE_PC);
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
	WAIT_UNTIL(query(1).busy_ns, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 1, NULL), OGPU_MSG_OK);
	assert_int_equal(query(1).state, OGPU_QUEUE_FAILED);
	assert_int_equal(query(1).error, OGPU_QERR_KILLED);
	assert_int_equal(host_control(&host, 1).held, 1);
	assert_true(host_control(&host, 1).pc == FAKE_PC);
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
	WAIT_UNTIL(query(0).busy_ns, EVENT_MS);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, 0, NULL), OGPU_MSG_OK);
	page = host_control(&host, 0);
	assert_true(page.held == 1 && page.pc == FAKE_PC);
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

/* Where a queue stood is told of one that was stopped on no slot as well, but not after a reset. */
static void test_stop_tells_where(void **state)
{
	struct ogpu_queue_control page;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 10000000));
		WAIT_UNTIL(query(i).busy_ns, EVENT_MS);
		assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_SUSPEND, i, NULL), OGPU_MSG_OK);
	}
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 0, NULL), OGPU_MSG_OK);
	/* Suspended again before it has executed anything, perhaps. */
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 1, NULL), OGPU_MSG_OK);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_STOP, 1, NULL), OGPU_MSG_OK);
	for (i = 0; i < 2; i++) {
		page = host_control(&host, i);
		assert_int_equal(page.error, OGPU_QERR_KILLED);
		assert_true(page.held == 1 && page.pc == FAKE_PC && page.context[0]);
	}
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_RESUME, 2, NULL), OGPU_MSG_OK);
	WAIT_UNTIL(query(2).state == OGPU_QUEUE_RUNNING, EVENT_MS);
	fake_engines_reset(host.gpu);
	expect_error(2, OGPU_QERR_ENGINE, NULL);
	page = host_control(&host, 2);
	assert_true(!page.held && !page.pc);
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

int main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup_booted, teardown)
#define COLD(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_bad_queues),
		T(test_two_cards),
		T(test_gang),
		T(test_counters),
		T(test_descriptor_on_slot),
		T(test_virtual_ring),
		T(test_wptr_that_does_not_answer),
		T(test_one_job),
		T(test_64_queues_on_8_slots),
		T(test_long_jobs_share),
		T(test_error_event),
		COLD(test_no_error_is_lost),
		T(test_stop_running),
		T(test_deaf_queue_is_killed_when_others_wait),
		T(test_hung_slot),
		T(test_waiting_queues_make_room),
		T(test_1000_queues_wait),
		T(test_watch_ends_with_its_queue),
		T(test_suspend_and_resume),
		T(test_queue_suspend),
		T(test_stop_tells_where),
		T(test_control_page),
		T(test_fault_is_replayed),
		T(test_firmware_is_changed),
		T(test_bad_restore),
		T(test_engine_reset_at_any_time),
		T(test_engine_reset_fails_running_queues),
		T(test_random_life),
	};

	return cmocka_run_group_tests_name("firmware-queues", tests, NULL, NULL);
}
