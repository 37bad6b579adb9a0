// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The real firmware on the virtual GPU's management controller, with toy engines and without QEMU:
 * handshake, requests good and bad, rings that are full, sensors, errors of memory, crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fixture.h"

static uint32_t fatal_code(void)
{
	return mc_fatal(host.mc) & 0xff;
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
	wait_for_beats();
	assert_false(host_receive(&host, &msg, 0));
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
		post_about(i % 2 ? OGPU_MSG_PING :
			   i % 4 ? OGPU_MSG_QUEUE_SUSPEND : OGPU_MSG_QUEUE_STOP, i / 2);
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
		if (msg.type != (OGPU_MSG_PING | OGPU_MSG_REPLY)) {
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

/* Milliseconds that a heartbeat takes, of some. */
static uint32_t beat_ms(void)
{
	uint32_t beat = mc_heartbeat(host.mc);
	uint64_t start;

	WAIT_UNTIL(mc_heartbeat(host.mc) != beat, EVENT_MS);
	beat = mc_heartbeat(host.mc);
	start = vgpu_time_ns(host.gpu);
	WAIT_UNTIL(mc_heartbeat(host.mc) >= beat + 3, EVENT_MS);
	return (vgpu_time_ns(host.gpu) - start) / 3000000;
}

/* A card without work is told so, and then the core sleeps longer, until there is work. */
static void test_card_idle(void **state)
{
	unsigned int tries = 5;
	uint64_t start;
	uint32_t ms;

	(void)state;
	WAIT_UNTIL(fake_sensor(host.gpu, OGPU_MC_IDLE) == 1, EVENT_MS);
	/* On a busy host some come late. */
	do {
		ms = beat_ms();
	} while (ms > OGPU_HEARTBEAT_MS && --tries);
	print_message("# a heartbeat each %u ms while idle\n", ms);
	assert_in_range(ms, 200, OGPU_HEARTBEAT_MS);

	/*
	 * Hardware ends it, also for a queue on a slot, of which firmware hears nothing else. What
	 * it does with a heartbeat it does from then on.
	 */
	assert_int_equal(host_create(&host, 5, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
	host_submit(&host, 5, FAKE_JOB(FAKE_JOB_RUN, 1000));
	assert_true(host_wait_done(&host, 5, EVENT_MS));
	WAIT_UNTIL(fake_sensor(host.gpu, OGPU_MC_IDLE) == 1, EVENT_MS);
	start = vgpu_time_ns(host.gpu);
	host_submit(&host, 5, FAKE_JOB(FAKE_JOB_DEAF, 0));
	WAIT_UNTIL(host_control(&host, 5).busy_ns > 100000000, EVENT_MS);
	assert_true(host_rptr(&host, 5) == 8);
	assert_int_equal(fake_sensor(host.gpu, OGPU_MC_IDLE), 0);
	print_message("# 100 ms of work are told after %llu ms\n",
		      (unsigned long long)(vgpu_time_ns(host.gpu) - start) / 1000000);
	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_DESTROY, 5, NULL), OGPU_MSG_OK);
}

/* What hardware has to say is taken when it says it, not with the next heartbeat. */
static void test_idle_interrupts(void **state)
{
	struct ogpu_msg msg;
	unsigned int tries = 10;
	uint32_t beat, log;

	(void)state;
	WAIT_UNTIL(fake_sensor(host.gpu, OGPU_MC_IDLE) == 1, EVENT_MS);
	/* A host that is busy may need longer than a heartbeat takes, though hardly each time. */
	do {
		beat = mc_heartbeat(host.mc);
		WAIT_UNTIL(mc_heartbeat(host.mc) != beat, EVENT_MS);
		beat = mc_heartbeat(host.mc);
		log = host.mbox->log_wptr;
		fake_set_ras(host.gpu, OGPU_MC_RAS_RECORD, OGPU_RAS_RECORD_VALID);
		WAIT_UNTIL(__atomic_load_n(&host.mbox->log_wptr, __ATOMIC_ACQUIRE) != log,
			   EVENT_MS);
	} while (mc_heartbeat(host.mc) != beat && --tries);
	assert_int_equal(mc_heartbeat(host.mc), beat);
	fake_set_hot(host.gpu, true);
	assert_true(host_event(&host, OGPU_MSG_SENSOR_ALERT, &msg, EVENT_MS));
	/* The alert is one by itself. */
	assert_true(mc_heartbeat(host.mc) > beat);
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

static uint32_t had_ms(void)
{
	return __atomic_load_n(&host.mbox->had_ms, __ATOMIC_ACQUIRE);
}

/* How much time firmware has had: no more than has passed, also while it sleeps. */
static void test_progress_is_told(void **state)
{
	uint32_t had = had_ms();
	uint64_t start;

	(void)state;
	WAIT_UNTIL(had_ms() != had, EVENT_MS);
	start = vgpu_time_ns(host.gpu);
	had = had_ms();
	WAIT_UNTIL(had_ms() - had >= 1200, 10 * EVENT_MS);
	assert_true(had_ms() - had <= (vgpu_time_ns(host.gpu) - start) / 1000000 + OGPU_FW_HAD_MS);
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
	wait_for_beats();
	assert_false(fake_wait_irq(host.gpu, 0));
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
		T(test_slow_stop_holds_up_nobody),
		T(test_many_slow_requests),
		COLD(test_full_ring_loses_no_reply),
		COLD(test_event_rate),
		T(test_sensors_and_throttling),
		T(test_hardware_throttles),
		COLD(test_start_while_throttled),
		T(test_ras),
		T(test_commit_svn),
		T(test_power_cap),
		T(test_card_idle),
		T(test_idle_interrupts),
		T(test_heartbeat_and_idle),
		T(test_progress_is_told),
		T(test_mad_pointers),
		T(test_random_messages),
		T(test_doorbells_of_nobody),
		T(test_injected_crash),
		T(test_injected_hang),
		T(test_host_memory_goes_away),
		COLD(test_reset_at_any_time),
	};

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
