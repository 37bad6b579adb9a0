// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What it costs that programs together use more VRAM than there is: how fast the buffers of two
 * that take turns change places, and how long SUBMIT of six at once takes at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define TURNS		6
#define PROGRAMS	6
#define ROUNDS		6
#define WAIT_NS		60000000000ll

/* A program with a large buffer in VRAM. */
struct user {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
	struct ogpu_queue *queue;
	struct ogpu_bo *big;
	struct ogpu_stream stream;
	uint64_t va;
};

static uint64_t vram_size(void)
{
	struct drm_ogpu_query_memory mem;
	struct ogpu_device *dev;

	check(ogpu_device_open(NULL, &dev), "card");
	check(ogpu_query(dev, DRM_OGPU_QUERY_MEMORY, &mem, sizeof(mem)), "memory");
	ogpu_device_close(dev);

	return mem.vram_size;
}

static void start_user(struct user *u, uint64_t size)
{
	*u = (struct user) {};
	check(ogpu_device_open(NULL, &u->dev), "card");
	check(ogpu_vm_create(u->dev, &u->vm), "address space");
	check(ogpu_queue_create(u->vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_NORMAL, &u->queue),
	      "queue");
	check(ogpu_bo_create_private(u->vm, size, DRM_OGPU_BO_VRAM, 0, &u->big), "buffer");
	check(ogpu_vm_map(u->vm, u->big, 0, u->big->size, READ_WRITE, &u->va), "map");
	check(ogpu_stream_create(u->vm, 4096, &u->stream), "stream");
}

/* Has a small job done that needs the buffer. Returns how long SUBMIT took. */
static double use(struct user *u)
{
	double began = now(), took;
	uint64_t point;

	ogpu_stream_reset(&u->stream);
	ogpu_emit_fill(&u->stream, u->va, 1, 4096);
	check(ogpu_queue_submit(u->queue, &u->stream, NULL, 0, &point), "submit");
	took = now() - began;
	check(ogpu_queue_wait(u->queue, point, WAIT_NS), "wait");

	return took;
}

/* Bytes a second of the copy engine, from VRAM to system memory and back. */
static double copy_rate(uint64_t size)
{
	struct ogpu_bo *system;
	struct user u;
	uint64_t point, va = 0;
	double began;

	start_user(&u, size);
	check(ogpu_bo_create_private(u.vm, size, DRM_OGPU_BO_SYSTEM, 0, &system), "buffer");
	check(ogpu_vm_map(u.vm, system, 0, system->size, READ_WRITE, &va), "map");
	use(&u);
	began = now();
	ogpu_stream_reset(&u.stream);
	ogpu_emit_copy(&u.stream, va, u.va, size);
	ogpu_emit_copy(&u.stream, u.va, va, size);
	check(ogpu_queue_submit(u.queue, &u.stream, NULL, 0, &point), "submit");
	check(ogpu_queue_wait(u.queue, point, WAIT_NS), "wait");
	began = now() - began;
	ogpu_device_close(u.dev);

	return 2 * size / began;
}

/* Two programs in turns: what the one needs takes the place of what the other has. */
static void bench_turns(uint64_t size, double rate)
{
	struct user users[2];
	double began;

	start_user(&users[0], size);
	start_user(&users[1], size);
	use(&users[0]);
	use(&users[1]);
	began = now();
	for (unsigned int i = 0; i < TURNS; i++)
		use(&users[i % 2]);
	result("evict_restore_copy_ratio", TURNS * 2.0 * size / (now() - began) / rate, "",
	       "two buffers that do not fit change places: bytes moved a second over those of COPY");
	ogpu_device_close(users[0].dev);
	ogpu_device_close(users[1].dev);
}

/* Six programs at once, each with half of VRAM. */
static void bench_crowded(uint64_t size, double rate)
{
	double *longest = mmap(NULL, PROGRAMS * sizeof(*longest), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double most = 0;
	int status;

	if (longest == MAP_FAILED)
		die("memory");
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		struct user u;

		if (fork())
			continue;
		start_user(&u, size);
		for (unsigned int k = 0; k < ROUNDS; k++) {
			double took = use(&u);

			if (took > longest[i])
				longest[i] = took;
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			die("a program");
	for (unsigned int i = 0; i < PROGRAMS; i++)
		if (longest[i] > most)
			most = longest[i];
	result("evict_stall_ms", most * 1e3, "ms",
	       "the longest SUBMIT of six programs, each with half of VRAM");
	result("evict_stall_copy_ratio", most / (2 * size / rate), "",
	       "the same over the time to copy such a buffer out and another one in");
}

void bench_evict(void)
{
	uint64_t vram = vram_size(), mib = 1 << 20;
	double rate = copy_rate(vram / 4 / mib * mib);

	bench_turns(vram * 6 / 10 / mib * mib, rate);
	bench_crowded(vram / 2 / mib * mib, rate);
}
