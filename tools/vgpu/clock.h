/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Waiting with a limit: condition variables on CLOCK_MONOTONIC, which nobody sets.
 */
#ifndef OGPU_VGPU_CLOCK_H
#define OGPU_VGPU_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S	1000000000ull

/**
 * clock_cond_init() - make a condition variable for pthread_cond_timedwait() with clock_after().
 * @cond: the condition variable
 */
static inline void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/**
 * clock_after() - a time to come.
 * @ns: nanoseconds from now
 *
 * Return: what pthread_cond_timedwait() takes.
 */
static inline struct timespec clock_after(uint64_t ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns += (uint64_t)ts.tv_nsec;
	ts.tv_sec += ns / CLOCK_NS_PER_S;
	ts.tv_nsec = ns % CLOCK_NS_PER_S;
	return ts;
}

#endif
