// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How much time firmware has had. The core of a virtual GPU stands still while a busy host runs
 * others, and so do its slots; what the host of the driver grants firmware for an answer must not
 * pass meanwhile. So a round of the main loop counts for as long as it meant to sleep, or for
 * PROGRESS_ROUND_NS, however late the next one comes.
 */
#include "progress.h"

#include "clock.h"

static uint64_t had_ns, began, expected;

/**
 * progress_init() - begin to count
 * @now: time
 */
void progress_init(uint64_t now)
{
	had_ns = 0;
	began = now;
	expected = now;
}

/**
 * progress_round() - a round begins, which ends the one before
 * @now: time
 */
void progress_round(uint64_t now)
{
	uint64_t end = began + PROGRESS_ROUND_NS;

	if (end < expected)
		end = expected;
	had_ns += (now < end ? now : end) - began;
	began = now;
	expected = now;
}

/**
 * progress_sleep() - this round sleeps
 * @until: unless an interrupt comes
 */
void progress_sleep(uint64_t until)
{
	expected = until;
}

/**
 * progress_ms() - milliseconds that firmware has had, free-running
 */
uint32_t progress_ms(void)
{
	return had_ns / NS_PER_MS;
}
