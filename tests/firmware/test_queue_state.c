// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues under the real firmware, with toy engines and without QEMU: suspension, what the control
 * page says, faults, and a change of firmware.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/packet.h"
#include "fixture.h"

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
	fake_endless(host.gpu, true);
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
	fake_endless(host.gpu, false);
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
	uint64_t end;

	(void)state;
	fake_endless(host.gpu, true);
	for (i = 0; i < 16; i++) {
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
		assert_int_equal(host_control(&host, i).state, OGPU_QUEUE_IDLE);
		host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 60000));
	}
	end = vgpu_time_ns(host.gpu) + EVENT_MS * 1000000ull;
	do {
		assert_true(vgpu_time_ns(host.gpu) < end);
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
		else if (++seen > 3)
			fake_endless(host.gpu, false);
		last = page;
	} while (host_rptr(&host, 3) != 8);
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
	host_expect_quiet(&host);

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
	host_expect_quiet(&host);
}

/* Queues survive a change of firmware: suspended, described by their control pages, restored. */
static void test_firmware_is_changed(void **state)
{
	struct ogpu_queue_control before[20];
	struct ogpu_msg_queue_create desc;
	struct ogpu_msg msg;
	unsigned int i, begun = 0;

	(void)state;
	fake_endless(host.gpu, true);
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
	fake_endless(host.gpu, false);

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

int main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup_booted, teardown)
	const struct CMUnitTest tests[] = {
		T(test_suspend_and_resume),
		T(test_queue_suspend),
		T(test_stop_tells_where),
		T(test_control_page),
		T(test_fault_is_replayed),
		T(test_firmware_is_changed),
		T(test_bad_restore),
	};

	return cmocka_run_group_tests_name("firmware-queue-state", tests, NULL, NULL);
}
