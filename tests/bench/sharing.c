// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What programs that share a card get of it: beside one that takes all units for ever, beside an
 * equal one, in a crowd of queues, and beside a thousand queues that wait.
 */
#include <errno.h>
#include <math.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define JOBS		100
#define MOST_S		10.0	/* for all of them, and for one that is not done in time */
#define SHARE_S		5
#define CROWD		12	/* queues, which are more than the card has slots for */
#define CROWD_FILES	2
/*
 * Time on units that each of them has on average. What a control page says is up to 50 ms old, at
 * the beginning and at the end: little beside this.
 */
#define CROWD_MS	3000
#define CROWD_S		120.0	/* for that, also on a busy host */
#define QUEUES		1000
#define PHASE_S		5
#define WAKE_S		60.0	/* for all of them, also on a busy host */
#define WAIT_LIMIT_MS	600000	/* a job's time in a WAIT, and on units, counts */
#define SLOT_BYTES	64u	/* in the buffer of the queues that wait: packets of one queue */

void start_program(struct program *p, enum drm_ogpu_priority priority, uint32_t instruction,
		   uint32_t groups_per_unit)
{
	struct ogpu_dispatch dispatch = { .group = { 64 } };
	void *map;

	check(ogpu_device_open(NULL, &p->dev), "card");
	check(ogpu_vm_create(p->dev, &p->vm), "address space");
	check(ogpu_queue_create(p->vm, DRM_OGPU_ENGINE_COMPUTE, priority, &p->queue), "queue");
	check(ogpu_bo_create(p->dev, 4096, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS, &p->code),
	      "buffer");
	check(ogpu_bo_map(p->code, &map), "map");
	*(uint32_t *)map = instruction;
	check(ogpu_vm_map(p->vm, p->code, 0, p->code->size,
			  DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC, &dispatch.entry), "code");
	check(ogpu_stream_create(p->vm, 4096, &p->stream), "stream");
	dispatch.grid[0] = groups_per_unit * ogpu_device_info(p->dev)->cu_count;
	if (!dispatch.grid[0])
		dispatch.grid[0] = 1;
	ogpu_emit_dispatch(&p->stream, &dispatch);
}

/* With two endless workgroups on each unit. */
static void start_hog(struct program *p)
{
	start_program(p, DRM_OGPU_PRIORITY_NORMAL, INSN_FOR_EVER, 2);
	check(ogpu_queue_submit(p->queue, &p->stream, NULL, 0, NULL), "submit");
}

void end_program(struct program *p)
{
	ogpu_device_close(p->dev);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How long no-ops of a program take, one after the other: 99 of 100 take no longer. */
static void bench_noop(const char *name, enum drm_ogpu_priority priority, const char *note)
{
	double times[JOBS], start = now();
	struct program p;
	unsigned int n;
	char text[160];
	int ret = 0;

	start_program(&p, priority, INSN_RET, 0);
	for (n = 0; n < JOBS && !ret && now() - start < MOST_S; n++) {
		double began = now();
		uint64_t point;

		ret = ogpu_queue_submit(p.queue, &p.stream, NULL, 0, &point);
		if (!ret)
			ret = ogpu_queue_wait(p.queue, point, MOST_S * 1e9);
		times[n] = (now() - began) * 1e3;
	}
	end_program(&p);
	qsort(times, n, sizeof(times[0]), compare);
	snprintf(text, sizeof(text), "%s: p99 of %u%s%s", note, n,
		 ret ? ", the last one failed: " : "", ret ? strerror(-ret) : "");
	result(name, times[(n * 99 + 99) / 100 - 1], "ms", text);
}

static double unit_ns(struct ogpu_queue *queue)
{
	struct drm_ogpu_queue_get_state state;

	check(ogpu_queue_state(queue, &state), "state of a queue");
	return state.unit_ns;
}

/* How far two programs that both want all units are from half of them each. */
static void bench_equal(void)
{
	struct program hogs[2];
	double ns[2];

	start_hog(&hogs[0]);
	start_hog(&hogs[1]);
	/* Both are at work, and their times are told. */
	sleep(1);
	for (unsigned int i = 0; i < 2; i++)
		ns[i] = unit_ns(hogs[i].queue);
	sleep(SHARE_S);
	for (unsigned int i = 0; i < 2; i++)
		ns[i] = unit_ns(hogs[i].queue) - ns[i];
	for (unsigned int i = 0; i < 2; i++)
		end_program(&hogs[i]);
	result("unit_share_error", ns[0] + ns[1] ? fabs(ns[0] - ns[1]) / (ns[0] + ns[1]) : 1, "",
	       "two files with endless workgroups: difference of their unit times over the sum");
}

/* Queues of a program that all have its endless workgroups, one on each unit. */
static void start_crowd(struct program *p, struct ogpu_queue **queues, unsigned int count)
{
	struct ogpu_queue_options options = {
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.timeout_ms = WAIT_LIMIT_MS,
	};

	start_program(p, DRM_OGPU_PRIORITY_NORMAL, INSN_FOR_EVER, 1);
	options.save_bytes = ogpu_save_bytes(p->dev, ogpu_device_info(p->dev)->cu_count, 64, 0,
					     OGPU_PRIVATE_DEFAULT);
	for (unsigned int i = 0; i < count; i++) {
		check(ogpu_queue_create_with(p->vm, &options, &queues[i]), "queue");
		check(ogpu_queue_submit(queues[i], &p->stream, NULL, 0, NULL), "submit");
	}
}

/* How equal the queues of a crowd are, and what one of low priority gets beside them. */
void bench_crowd(void)
{
	double ns[CROWD], sum, min, max, low_ns, start;
	struct program programs[CROWD_FILES], low;
	struct ogpu_queue *queues[CROWD];

	for (unsigned int i = 0; i < CROWD_FILES; i++)
		start_crowd(&programs[i], &queues[i * CROWD / CROWD_FILES], CROWD / CROWD_FILES);
	start_program(&low, DRM_OGPU_PRIORITY_LOW, INSN_FOR_EVER, 1);
	check(ogpu_queue_submit(low.queue, &low.stream, NULL, 0, NULL), "submit");
	/* All have had their turns, and their times are told. */
	sleep(1);
	for (unsigned int i = 0; i < CROWD; i++)
		ns[i] = -unit_ns(queues[i]);
	low_ns = -unit_ns(low.queue);
	start = now();
	do {
		usleep(10000);
		sum = 0;
		for (unsigned int i = 0; i < CROWD; i++)
			sum += ns[i] + unit_ns(queues[i]);
	} while (sum < CROWD * CROWD_MS * 1e6 && now() - start < CROWD_S);
	low_ns += unit_ns(low.queue);
	sum = 0;
	min = INFINITY;
	max = 0;
	for (unsigned int i = 0; i < CROWD; i++) {
		ns[i] += unit_ns(queues[i]);
		sum += ns[i];
		min = fmin(min, ns[i]);
		max = fmax(max, ns[i]);
	}
	if (sum < CROWD * CROWD_MS * 1e6) {
		fprintf(stderr, "ogpu-bench: a crowd had units for %.0f ms only\n", sum / 1e6);
		exit(1);
	}
	end_program(&low);
	for (unsigned int i = 0; i < CROWD_FILES; i++)
		end_program(&programs[i]);
	result("priority_share_error", (max - min) * CROWD / sum, "",
	       "12 endless queues of equal priority, two files: (largest - smallest) / mean unit time");
	result("priority_share_unit_ms", sum / CROWD / 1e6, "ms", "that mean");
	result("priority_low_unit_ms", low_ns / 1e6, "ms",
	       "unit time of one of low priority beside them, meanwhile");
	result("priority_low_ratio", low_ns * CROWD / sum, "",
	       "the same over the mean");
}

void bench_share(void)
{
	struct program hog;

	bench_noop("unit_share_alone_ms", DRM_OGPU_PRIORITY_NORMAL, "no-op job alone");
	start_hog(&hog);
	bench_noop("unit_share_victim_ms", DRM_OGPU_PRIORITY_NORMAL,
		   "no-op job beside endless workgroups of another file on all units");
	end_program(&hog);
	start_hog(&hog);
	bench_noop("unit_share_high_ms", DRM_OGPU_PRIORITY_HIGH, "the same with high priority");
	end_program(&hog);
	bench_equal();
}

/* bench.py looks at the card's process when it reads this; an empty line pushes it on its way. */
static void begin_phase(const char *name)
{
	printf("{\"phase\": \"%s\"}\n\n", name);
	fflush(stdout);
}

void bench_wait(void)
{
	struct ogpu_buffer cells;
	struct ogpu_device *dev;
	struct ogpu_stream s;
	struct ogpu_vm *vm;
	_Atomic uint64_t *cell;
	unsigned int n, done;
	double start;

	check(ogpu_device_open(NULL, &dev), "card");
	check(ogpu_vm_create(dev, &vm), "address space");
	check(ogpu_buffer_create(vm, (QUEUES + 1) * sizeof(*cell), DRM_OGPU_BO_SYSTEM,
				 DRM_OGPU_BO_CPU_ACCESS, &cells), "cells");
	cell = cells.ptr;
	check(ogpu_stream_create(vm, QUEUES * SLOT_BYTES, &s), "streams");
	begin_phase("idle");
	sleep(PHASE_S);
	begin_phase("setup");
	bench_noop("wait_alone_ms", DRM_OGPU_PRIORITY_NORMAL, "no-op job alone");
	for (n = 0; n < QUEUES; n++) {
		struct drm_ogpu_queue_create create = {
			.vm_id = ogpu_vm_id(vm), .engine = DRM_OGPU_ENGINE_COMPUTE,
			.priority = DRM_OGPU_PRIORITY_NORMAL, .timeout_ms = WAIT_LIMIT_MS,
		};
		struct drm_ogpu_job job = { .stream_va = s.buf.va + s.used };
		struct drm_ogpu_submit submit = {
			.jobs = { .array = (uintptr_t)&job, .count = 1, .stride = sizeof(job) },
		};

		/* Without save area: no memory but its ring. */
		if (ioctl(ogpu_device_fd(dev), DRM_IOCTL_OGPU_QUEUE_CREATE, &create)) {
			if (errno == ENOSPC)
				break;
			die("queue");
		}
		ogpu_emit_wait(&s, cells.va, DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
		ogpu_emit_fence(&s, cells.va + (n + 1) * sizeof(*cell), 1);
		job.stream_bytes = s.buf.va + s.used - job.stream_va;
		submit.queue_id = create.queue_id;
		if (ioctl(ogpu_device_fd(dev), DRM_IOCTL_OGPU_SUBMIT, &submit))
			die("submit");
	}
	/* All are in their WAIT once nobody is put on a slot any more. */
	sleep(2);
	begin_phase("waiting");
	sleep(PHASE_S);
	begin_phase("end");
	result("wait_queues", n, "", "queues in WAIT while the card's process was measured");
	bench_noop("wait_1000_victim_ms", DRM_OGPU_PRIORITY_NORMAL,
		   "no-op job of another file beside these");
	/* They were really waiting, and go on. */
	cell[0] = 1;
	start = now();
	do {
		usleep(1000);
		done = 0;
		for (unsigned int i = 1; i <= n; i++)
			done += cell[i] == 1;
	} while (done < n && now() - start < WAKE_S);
	if (done < n) {
		fprintf(stderr, "ogpu-bench: %u of %u queues still wait\n", n - done, n);
		exit(1);
	}
	result("wait_wake_ms", (now() - start) * 1e3, "ms", "until all of them have gone on");
	ogpu_device_close(dev);
}
