/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A card whose firmware runs, made anew for each test; needs <cmocka.h> before it. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <time.h>

#include "host.h"

#define EVENT_MS	10000
#define MAX_QUEUES	2048	/* less than the card has doorbells */

extern struct host host;

int setup(void **state);
int setup_booted(void **state);
int teardown(void **state);

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

/* Firmware has looked at all that there is since this was called. */
void wait_for_beats(void);
void expect_error(uint32_t queue, uint32_t error, struct ogpu_msg_queue_error *out);
struct ogpu_msg_queue_state query(uint32_t number);
void expect_create(const struct ogpu_msg_queue_create *desc, uint16_t status);

#endif
