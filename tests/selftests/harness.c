// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Runs the tests of a program (see harness.h).
 */
#include "harness.h"

struct harness_test harness_tests[HARNESS_MAX_TESTS];
unsigned int harness_count;
struct harness_result *harness_result;

/* Returns whether the test passed. */
static bool harness_run_one(unsigned int number, const struct harness_test *test)
{
	int status = 0;
	pid_t pid;

	memset(harness_result, 0, sizeof(*harness_result));
	fflush(stdout);

	pid = fork();
	if (pid < 0) {
		printf("not ok %u %s # fork: %s\n", number, test->name, strerror(errno));
		return false;
	}
	if (!pid) {
		alarm(test->timeout * time_scale());
		test->func();
		HARNESS_END();
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;

	if (WIFSIGNALED(status)) {
		printf("not ok %u %s # killed by signal %d%s\n", number, test->name,
		       WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (timeout)" : "");
		return false;
	}
	if (harness_result->failed || WEXITSTATUS(status)) {
		printf("not ok %u %s\n", number, test->name);
		return false;
	}
	if (harness_result->skipped)
		printf("ok %u %s # SKIP %s\n", number, test->name, harness_result->reason);
	else
		printf("ok %u %s\n", number, test->name);

	return true;
}

static bool harness_wanted(const struct harness_test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], test->name))
			return true;
	}

	return argc < 2;
}

int harness_run(int argc, char **argv)
{
	unsigned int i, number = 0, failed = 0;

	if (argc == 2 && !strcmp(argv[1], "--limit")) {
		for (i = 0; i < harness_count; i++)
			number += harness_tests[i].timeout;
		printf("%u\n", number);
		return 0;
	}

	harness_result = mmap(NULL, sizeof(*harness_result), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (harness_result == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return 1;
	}

	printf("TAP version 13\n");
	for (i = 0; i < harness_count; i++)
		number += harness_wanted(&harness_tests[i], argc, argv);
	printf("1..%u\n", number);

	number = 0;
	for (i = 0; i < harness_count; i++) {
		if (harness_wanted(&harness_tests[i], argc, argv))
			failed += !harness_run_one(++number, &harness_tests[i]);
	}
	printf("# %u of %u failed\n", failed, number);
	fflush(stdout);

	return failed != 0;
}
