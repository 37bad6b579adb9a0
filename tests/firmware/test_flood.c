// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The real firmware while somebody rings doorbells, or asks, without end: it takes a part of that
 * in each round, so that slots and everybody else have their turn.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

/* More than there are slots, so that some wait until others make room. */
#define QUEUES	(FAKE_COMPUTE_SLOTS + 4)
#define JOBS	5
#define REQUESTS	64u
#define THREADS	4

static atomic_bool over;

/* Rings for queues that there are not, faster than they are popped. */
static void *ring_without_end(void *arg)
{
	unsigned int i;

	for (i = QUEUES; !over; i = i + 1 < FAKE_DOORBELLS ? i + 1 : QUEUES)
		fake_doorbell(host.gpu, i);
	return arg;
}

/* Keeps the ring of requests full, and takes the replies; counts them. */
static void *ask_without_end(void *arg)
{
	unsigned int *served = arg;
	struct ogpu_msg msg;

	while (!over) {
		while (host.mbox->req_wptr - __atomic_load_n(&host.mbox->req_rptr,
							     __ATOMIC_ACQUIRE) < REQUESTS)
			host_post(&host, OGPU_MSG_PING, NULL, 0);
		while (__atomic_load_n(&host.mbox->msg_wptr, __ATOMIC_ACQUIRE) !=
		       host.mbox->msg_rptr && host_receive(&host, &msg, 0))
			++*served;
	}
	return arg;
}

static void create_queues(void)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(host_create(&host, i, OGPU_ENGINE_COMPUTE, 1), OGPU_MSG_OK);
}

static void jobs_get_done(void)
{
	for (unsigned int n = 0; n < JOBS; n++) {
		for (unsigned int i = 0; i < QUEUES; i++)
			host_submit(&host, i, FAKE_JOB(FAKE_JOB_RUN, 1000));
		for (unsigned int i = 0; i < QUEUES; i++)
			assert_true(host_wait_done(&host, i, EVENT_MS));
	}
}

static void test_doorbells(void **state)
{
	pthread_t threads[THREADS];
	uint32_t beat;

	(void)state;
	create_queues();
	over = false;
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ring_without_end, NULL), 0);
	jobs_get_done();
	for (unsigned int i = 0; i < JOBS; i++)
		assert_int_equal(host_request(&host, OGPU_MSG_PING, NULL, 0, NULL), OGPU_MSG_OK);
	beat = mc_heartbeat(host.mc);
	WAIT_UNTIL(mc_heartbeat(host.mc) - beat >= 2, EVENT_MS);
	over = true;
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(mc_running(host.mc));
}

static void test_requests(void **state)
{
	unsigned int served = 0;
	pthread_t thread;
	uint32_t beat;

	(void)state;
	host_layout(&host, REQUESTS, REQUESTS);
	host_boot(&host);
	create_queues();
	over = false;
	assert_int_equal(pthread_create(&thread, NULL, ask_without_end, &served), 0);
	jobs_get_done();
	beat = mc_heartbeat(host.mc);
	WAIT_UNTIL(mc_heartbeat(host.mc) - beat >= 2, EVENT_MS);
	over = true;
	pthread_join(thread, NULL);
	assert_true(served > REQUESTS);
	assert_true(mc_running(host.mc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_doorbells, setup_booted, teardown),
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
	};

	return cmocka_run_group_tests_name("firmware flood", tests, NULL, NULL);
}
