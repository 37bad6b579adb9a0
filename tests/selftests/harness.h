/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A tiny test harness: prints TAP version 13, runs each test in a process of its own.
 *
 *	TEST(name)
 *	{
 *		EXPECT_EQ(1 + 1, 2);
 *	}
 *
 *	int main(int argc, char **argv)
 *	{
 *		return harness_run(argc, argv);
 *	}
 *
 * EXPECT_* notes a failure and goes on, ASSERT_* ends the test, SKIP(reason) ends it without a
 * failure. They also work in functions that a test calls and in threads, but not in its children.
 * Program arguments, if any, are the names of the tests to run. With --limit alone none runs, and
 * the seconds that they may take in all are printed.
 */
#ifndef _HARNESS_H_
#define _HARNESS_H_

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card.h"

#define HARNESS_TIMEOUT_S	60
#define HARNESS_MAX_TESTS	256

struct harness_test {
	const char *name;
	void (*func)(void);
	unsigned int timeout;
};

/* What a test's process tells its parent. */
struct harness_result {
	bool failed;
	bool skipped;
	char reason[200];
};

extern struct harness_test harness_tests[HARNESS_MAX_TESTS];
extern unsigned int harness_count;
extern struct harness_result *harness_result;

/* Runs tests: what main() returns. */
int harness_run(int argc, char **argv);

#define TEST(name)	TEST_TIMEOUT(name, HARNESS_TIMEOUT_S)

/* A test that may take some other number of seconds, or of time_scale() seconds. */
#define TEST_TIMEOUT(name, seconds) \
static void test_##name(void); \
__attribute__((constructor)) static void harness_add_##name(void) \
{ \
	harness_tests[harness_count++] = (struct harness_test) { #name, test_##name, seconds }; \
} \
static void test_##name(void)

#define HARNESS_FAIL(...) do { \
	printf("# %s:%d: ", __FILE__, __LINE__); \
	printf(__VA_ARGS__); \
	printf("\n"); \
	harness_result->failed = true; \
} while (0)

#define HARNESS_END() do { \
	fflush(stdout); \
	_exit(0); \
} while (0)

#define SKIP(...) do { \
	harness_result->skipped = true; \
	snprintf(harness_result->reason, sizeof(harness_result->reason), __VA_ARGS__); \
	HARNESS_END(); \
} while (0)

#define HARNESS_TRUE(cond, end) do { \
	if (!(cond)) { \
		HARNESS_FAIL("not true: %s", #cond); \
		end; \
	} \
} while (0)

#define HARNESS_CMP(a, op, b, end) do { \
	long long harness_a = (long long)(a), harness_b = (long long)(b); \
	if (!(harness_a op harness_b)) { \
		HARNESS_FAIL("%s is %lld (%#llx), not %s %lld (%#llx)", #a, harness_a, harness_a, \
			     #op, harness_b, harness_b); \
		end; \
	} \
} while (0)

#define EXPECT(cond)		HARNESS_TRUE(cond, (void)0)
#define EXPECT_EQ(a, b)		HARNESS_CMP(a, ==, b, (void)0)
#define EXPECT_NE(a, b)		HARNESS_CMP(a, !=, b, (void)0)
#define EXPECT_LE(a, b)		HARNESS_CMP(a, <=, b, (void)0)
#define EXPECT_GE(a, b)		HARNESS_CMP(a, >=, b, (void)0)
#define ASSERT(cond)		HARNESS_TRUE(cond, HARNESS_END())
#define ASSERT_EQ(a, b)		HARNESS_CMP(a, ==, b, HARNESS_END())
#define ASSERT_NE(a, b)		HARNESS_CMP(a, !=, b, HARNESS_END())
#define ASSERT_LE(a, b)		HARNESS_CMP(a, <=, b, HARNESS_END())
#define ASSERT_GE(a, b)		HARNESS_CMP(a, >=, b, HARNESS_END())

#endif
