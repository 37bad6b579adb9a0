// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The firmware's own time: what passes while nobody runs it is not in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "progress.h"

#define MS	1000000ull

static uint64_t now;

static int setup(void **state)
{
	(void)state;
	now = 5000 * MS;
	progress_init(now);
	return 0;
}

/* So many rounds, each of which begins so late after what the one before meant to sleep. */
static void rounds(unsigned int count, uint64_t sleep, uint64_t late)
{
	while (count--) {
		if (sleep)
			progress_sleep(now + sleep);
		now += sleep + late;
		progress_round(now);
	}
}

/* Where it is run in time all of it counts, however long it sleeps. */
static void test_all(void **state)
{
	(void)state;
	rounds(1000, 0, MS / 10);
	assert_int_equal(progress_ms(), 100);
	rounds(20, 50 * MS, 0);
	assert_int_equal(progress_ms(), 1100);
	rounds(4, 500 * MS, 0);
	assert_int_equal(progress_ms(), 3100);
}

/* An interrupt ends sleep. */
static void test_woken(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		progress_sleep(now + 500 * MS);
		now += 3 * MS;
		progress_round(now);
	}
	assert_int_equal(progress_ms(), 300);
}

/* What others had meanwhile does not count. */
static void test_late(void **state)
{
	(void)state;
	rounds(100, 0, 100 * MS);
	assert_int_equal(progress_ms(), 200);
	rounds(100, 2 * MS, 100 * MS);
	assert_int_equal(progress_ms(), 400);
	rounds(10, 50 * MS, 1000 * MS);
	assert_int_equal(progress_ms(), 900);
	/* A sleep is that of its own round. */
	rounds(1, 0, 400 * MS);
	assert_int_equal(progress_ms(), 902);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(test_all),
		T(test_woken),
		T(test_late),
	};

	return cmocka_run_group_tests_name("firmware-progress", tests, NULL, NULL);
}
