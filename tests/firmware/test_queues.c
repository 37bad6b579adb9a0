// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues under the real firmware, with toy engines and without QEMU: many queues on few slots,
 * errors, kills, waits, resets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/packet.h"
#include "fixture.h"

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
	fake_endless(host.gpu, true);
	for (i = 0; i < 16; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, OGPU_PRIORITY_NORMAL),
				 OGPU_MSG_OK);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 40000));
	}
	for (i = 0; i < 16; i++)
		WAIT_UNTIL(query(i).switches >= 2, EVENT_MS);
	fake_endless(host.gpu, false);
	for (i = 0; i < 16; i++) {
		assert_true(host_wait_done(&host, i, 20000));
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
	host_expect_quiet(&host);

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
	fake_endless(host.gpu, true);
	for (i = 0; i < 8; i++)
		host_submit(&host, i, FAKE_JOB(i ? FAKE_JOB_RUN : FAKE_JOB_DEAF, 400000));
	WAIT_UNTIL(fake_starts(host.gpu) == 8, EVENT_MS);
	host_submit(&host, 8, FAKE_JOB(FAKE_JOB_RUN, 400000));
	expect_error(0, OGPU_QERR_ENGINE, NULL);
	fake_endless(host.gpu, false);
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
	assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
	while (host.event_taken < host.event_count)
		assert_true(host_event(&host, OGPU_MSG_QUEUE_ERROR, &msg, 0));

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
		T(test_engine_reset_at_any_time),
		T(test_engine_reset_fails_running_queues),
		T(test_random_life),
	};

	return cmocka_run_group_tests_name("firmware-queues", tests, NULL, NULL);
}
