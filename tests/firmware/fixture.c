// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What the programs share that run the real firmware on a fake card. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

struct host host;

int setup(void **state)
{
	(void)state;
	host_init(&host);
	return 0;
}

int setup_booted(void **state)
{
	setup(state);
	host_boot(&host);
	return 0;
}

int teardown(void **state)
{
	(void)state;
	if (getenv("OGPU_FW_LOG"))
		host_print_log(&host);
	host_fini(&host);
	return 0;
}

void wait_for_beats(void)
{
	uint32_t beat = mc_heartbeat(host.mc);

	WAIT_UNTIL(mc_heartbeat(host.mc) - beat >= 2, EVENT_MS);
}

void expect_error(uint32_t queue, uint32_t error, struct ogpu_msg_queue_error *out)
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

struct ogpu_msg_queue_state query(uint32_t number)
{
	struct ogpu_msg_queue_state answer;
	struct ogpu_msg reply;

	assert_int_equal(host_about(&host, OGPU_MSG_QUEUE_QUERY, number, &reply), OGPU_MSG_OK);
	assert_int_equal(reply.size, sizeof(answer));
	memcpy(&answer, reply.body, sizeof(answer));
	assert_int_equal(answer.queue, number);
	return answer;
}

void expect_create(const struct ogpu_msg_queue_create *desc, uint16_t status)
{
	assert_int_equal(host_request(&host, OGPU_MSG_QUEUE_CREATE, desc, sizeof(*desc), NULL),
			 status);
}
