/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Time in nanoseconds since power-up, and the alarm that ends sleep. */
#ifndef FW_CLOCK_H
#define FW_CLOCK_H

#include <stdint.h>

#define NS_PER_US	1000ull
#define NS_PER_MS	1000000ull

#define CLOCK_NEVER	UINT64_MAX

/**
 * clock_earlier() - the earlier one of two points in time
 * @a: a time, or CLOCK_NEVER
 * @b: likewise
 */
static inline uint64_t clock_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t clock_now(void);
void clock_sleep(uint64_t until);

#endif
