// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Measurements inside a test machine; each prints lines of JSON, one object each, for
 * tests/bench/run: ogpu-bench PART, where parts[] has them all.
 *
 * "instructions", "bind", "memory", "user" and "scale" need a machine that counts instructions
 * (tests/vm/run --icount).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define COPY_BYTES	(16ul << 20)
#define COPY_ROUNDS	5
#define QUEUES		128

void die(const char *what)
{
	fprintf(stderr, "ogpu-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void check(int ret, const char *what)
{
	if (ret) {
		errno = -ret;
		die(what);
	}
}

void result(const char *name, double value, const char *unit, const char *note)
{
	printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"note\": \"%s\"}\n", name,
	       value, unit, note);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void command(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		freopen("/dev/null", "w", stdout);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die(argv[0]);
	if (status) {
		fprintf(stderr, "ogpu-bench: %s failed with status %#x\n", argv[0], status);
		exit(1);
	}
}

/* The module is not loaded yet; leaves a card that works. */
static void bench_load(void)
{
	static const char * const modprobe[] = { "modprobe", "ogpu", NULL };
	static const char * const rmmod[] = { "rmmod", "ogpu", NULL };
	static const char * const fwload[] = { "ogpu-fwload", "load", "--all", NULL };
	double start, loaded, end;
	struct stat st;

	/* Modules that it needs, and the page cache, are not what is measured. */
	command(modprobe);
	command(rmmod);
	start = now();
	command(modprobe);
	loaded = now();
	command(fwload);
	if (stat("/dev/dri/renderD128", &st))
		die("/dev/dri/renderD128");
	end = now();
	result("load_to_node_ms", (end - start) * 1e3, "ms",
	       "modprobe to render node, with verification and copy of the image");
	result("load_module_ms", (loaded - start) * 1e3, "ms", "the part before the loader");
}

static double best_copy(void *dst, const void *src)
{
	double best = 1e9, start, time;

	for (int i = 0; i < COPY_ROUNDS; i++) {
		start = now();
		memcpy(dst, src, COPY_BYTES);
		__asm__ volatile("" : : : "memory");
		time = now() - start;
		if (time < best)
			best = time;
	}
	return best;
}

static void bench_aperture(struct ogpu_device *dev)
{
	struct ogpu_bo *bo;
	/* Odd offsets: emulated TLBs collide for buffers a power of two apart. */
	char *a = malloc(COPY_BYTES + (1 << 20)), *b = malloc(COPY_BYTES + (1 << 20));
	double system, vram;
	void *map;

	if (!a || !b)
		die("malloc");
	a += 5 * 4096;
	b += 11 * 4096;
	check(ogpu_bo_create(dev, COPY_BYTES, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS, &bo),
	      "buffer in VRAM");
	check(ogpu_bo_map(bo, &map), "map");
	memset(a, 1, COPY_BYTES);
	memset(b, 2, COPY_BYTES);
	memset(map, 3, COPY_BYTES);
	system = best_copy(b, a);
	vram = best_copy(map, a);
	result("aperture_copy_ratio", system / vram, "",
	       "CPU copy of 16 MiB to VRAM over the same copy to system memory; target 0.8");
	result("aperture_copy_bytes_per_second", COPY_BYTES / vram, "B/s", "CPU copy to VRAM");
	ogpu_bo_destroy(bo);
}

static double free_bytes(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f;

	f = fopen("/proc/sys/vm/drop_caches", "w");
	if (f) {
		fputs("3\n", f);
		fclose(f);
	}
	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024.0;
}

static void bench_queues(struct ogpu_device *dev)
{
	static const struct ogpu_queue_options idle = { .priority = DRM_OGPU_PRIORITY_NORMAL };
	struct ogpu_queue *queues[QUEUES];
	double before, after;
	struct ogpu_vm *vm;
	int count;

	check(ogpu_vm_create(dev, &vm), "address space");
	before = free_bytes();
	for (count = 0; count < QUEUES; count++)
		if (ogpu_queue_create_with(vm, &idle, &queues[count]))
			break;
	after = free_bytes();
	if (!count)
		die("queue");
	result("module_bytes_per_queue", (before - after) / count, "B",
	       "free memory of the kernel before and after 128 idle queues without save areas");
	while (count--)
		ogpu_queue_destroy(queues[count]);
	ogpu_vm_destroy(vm);
}

/* With the card that "load" leaves. */
static void with_card(void (*measure)(struct ogpu_device *dev))
{
	struct ogpu_device *dev;

	check(ogpu_device_open(NULL, &dev), "card");
	measure(dev);
	ogpu_device_close(dev);
}

static const struct part {
	const char *name;
	/* One of the two. */
	void (*run)(void);
	void (*run_with_card)(struct ogpu_device *dev);
} parts[] = {
	{ "load", .run = bench_load },
	{ "aperture", .run_with_card = bench_aperture },
	{ "queues", .run_with_card = bench_queues },
	{ "instructions", .run_with_card = bench_instructions },
	{ "user", .run_with_card = bench_user },
	{ "bind", .run_with_card = bench_bind },
	{ "memory", .run_with_card = bench_memory },
	{ "scale", .run_with_card = bench_scale },
	{ "share", .run = bench_share },
	{ "crowd", .run = bench_crowd },
	{ "wait", .run = bench_wait },
	{ "state", .run = bench_state },
	{ "kill", .run = bench_kill },
	{ "fault", .run = bench_fault },
	{ "evict", .run = bench_evict },
};

#define PARTS	(sizeof(parts) / sizeof(parts[0]))

int main(int argc, char **argv)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (argc != 2 || strcmp(argv[1], parts[i].name))
			continue;
		if (parts[i].run)
			parts[i].run();
		else
			with_card(parts[i].run_with_card);
		return 0;
	}

	fputs("usage: ogpu-bench", stderr);
	for (size_t i = 0; i < PARTS; i++)
		fprintf(stderr, "%c%s", i ? '|' : ' ', parts[i].name);
	fputc('\n', stderr);
	return 2;
}
