// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a job costs in a queue whose ring is the program's, in instructions of a machine that counts
 * them, and how many system calls it needs, which the kernel counts.
 */
#include <fcntl.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

#define TRACING	"/sys/kernel/tracing/"
#define ROUNDS	64

static void write_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* System calls of this process between two times; there is one at least before and one after. */
static unsigned int count_calls(uint64_t start, uint64_t end)
{
	unsigned int count = 0, all = 0;
	char line[512];
	FILE *f = fopen(TRACING "trace", "r");

	if (!f)
		die(TRACING "trace");
	while (fgets(line, sizeof(line), f)) {
		char *what = strstr(line, ": sys_enter");
		uint64_t time;
		char *at;

		if (!what || line[0] == '#')
			continue;
		for (at = what; at > line && at[-1] != ' ';)
			at--;
		time = strtoull(at, NULL, 10);
		all++;
		count += time > start && time < end;
	}
	fclose(f);
	if (!all) {
		fputs("ogpu-bench: no system call was seen at all\n", stderr);
		exit(1);
	}
	return count;
}

void bench_user(struct ogpu_device *dev)
{
	static const struct ogpu_queue_options options = {
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.user = true,
	};
	uint64_t start, end, first, best = UINT64_MAX, point = 0;
	struct ogpu_stream stream;
	struct ogpu_queue *queue;
	struct ogpu_vm *vm;
	char filter[64];

	check(ogpu_vm_create_with(dev, DRM_OGPU_VM_LONG_RUNNING, &vm), "address space");
	check(ogpu_queue_create_with(vm, &options, &queue), "user queue");
	check(ogpu_stream_create(vm, 4096, &stream), "stream");
	ogpu_emit_timestamp(&stream, stream.buf.va + 2048);
	/* Pages are put in place by the first use. */
	check(ogpu_queue_submit(queue, &stream, NULL, 0, &point), "submit");
	check(ogpu_queue_wait(queue, point, -1), "wait");

	write_file("trace_clock", "x86-tsc");
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	write_file("events/raw_syscalls/sys_enter/filter", filter);
	write_file("trace", "");
	write_file("events/raw_syscalls/sys_enter/enable", "1");
	(void)getppid();
	first = __rdtsc();
	for (int i = 0; i < ROUNDS; i++) {
		start = __rdtsc();
		check(ogpu_queue_submit(queue, &stream, NULL, 0, &point), "submit");
		end = __rdtsc();
		if (end - start < best)
			best = end - start;
	}
	write_file("events/raw_syscalls/sys_enter/enable", "0");
	check(ogpu_queue_wait(queue, point, -1), "wait");

	result("submit_user_instructions", best, "instructions",
	       "a job of a user queue, from ogpu_queue_submit() to its return, doorbell rung");
	result("submit_user_syscalls", count_calls(first, end), "",
	       "system calls in 64 such submissions");
	write_file("events/raw_syscalls/sys_enter/filter", "0");

	ogpu_stream_destroy(&stream);
	ogpu_queue_destroy(queue);
	ogpu_vm_destroy(vm);
}
