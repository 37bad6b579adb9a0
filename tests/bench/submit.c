// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What it costs to submit a job and to hear of its end, in instructions of a machine that counts
 * them (tests/vm/run --icount): one tick of the time-stamp counter is one instruction there. Minima
 * are reported where not said otherwise: other rounds contain timer ticks.
 *
 * The kernel's own tracing tells when the doorbell is rung, when the interrupt comes and who is put
 * on the processor; it is on only for those few places. What is between a system call's return and
 * a switch to a worker is not the submission's: it is taken out if the doorbell is rung by a
 * worker.
 */
#include <drm/drm.h>
#include <errno.h>
#include <fcntl.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>
#include <xf86drm.h>

#include "bench.h"

#define TRACING		"/sys/kernel/tracing/"
#define ROUNDS		64
#define BATCH		64
#define SCALE_QUEUES	1024
#define SCALE_ROUNDS	4
#define SCALE_BUFFERS	1000
#define LONG_BYTES	(8u << 20)	/* a FILL that outlasts the way into the wait */

/* The function that writes the doorbell register. */
#define DOORBELL	"ogpu_v1_doorbell"
#define INTERRUPT	"irq_handler_entry"
#define SWITCH		"sched_switch"

static void trace_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void trace_start(void)
{
	trace_file("trace_clock", "x86-tsc");
	trace_file("set_ftrace_filter", DOORBELL);
	trace_file("current_tracer", "function");
	trace_file("events/sched/" SWITCH "/enable", "1");
	trace_file("events/irq/" INTERRUPT "/enable", "1");
	trace_file("events/irq/" INTERRUPT "/filter", "name ~ \"*event*\"");
}

static void trace_stop(void)
{
	trace_file("events/irq/" INTERRUPT "/enable", "0");
	trace_file("events/sched/" SWITCH "/enable", "0");
	trace_file("current_tracer", "nop");
}

/* What the trace tells of one round. */
struct seen {
	uint64_t doorbell;	/* when it was rung last */
	uint64_t switched;	/* the last switch before that; 0: none since the start */
	unsigned int switches;	/* so many */
	uint64_t irq;		/* when the event interrupt came to somebody else than us */
	uint64_t waiter;	/* when we were on the processor again */
};

static bool from_us(const char *line)
{
	return strstr(line, "prev_comm=ogpu-bench");
}

static bool to_us(const char *line)
{
	return strstr(line, "next_comm=ogpu-bench");
}

static struct seen trace_read(uint64_t start)
{
	struct seen seen = { 0 };
	uint64_t switched = 0;
	unsigned int switches = 0;
	bool away = false;
	char line[512];
	FILE *f = fopen(TRACING "trace", "r");

	if (!f)
		die(TRACING "trace");
	while (fgets(line, sizeof(line), f)) {
		char *what = strstr(line, ": " DOORBELL);
		uint64_t time;
		char *at;

		if (!what)
			what = strstr(line, ": " INTERRUPT ":");
		if (!what)
			what = strstr(line, ": " SWITCH ":");
		if (!what || line[0] == '#')
			continue;
		for (at = what; at > line && at[-1] != ' ';)
			at--;
		time = strtoull(at, NULL, 10);
		if (time <= start)
			continue;
		what += 2;
		if (!strncmp(what, DOORBELL, strlen(DOORBELL))) {
			seen.doorbell = time;
			seen.switched = switched;
			seen.switches = switches;
		} else if (!strncmp(what, INTERRUPT, strlen(INTERRUPT))) {
			if (away)
				seen.irq = time;
		} else {
			switched = time;
			switches++;
			if (from_us(what))
				away = true;
			if (away && to_us(what)) {
				away = false;
				if (seen.irq && !seen.waiter)
					seen.waiter = time;
			}
		}
	}
	fclose(f);
	return seen;
}

/* A queue with a stream, and syncobjs to wait for and to signal. */
struct door {
	int fd;
	struct ogpu_vm *vm;
	struct ogpu_queue *queue;
	struct ogpu_stream stream;
	uint32_t in, out;
	struct drm_ogpu_sync syncs[2];
	struct drm_ogpu_job jobs[BATCH];
	struct drm_ogpu_submit submit;
};

static void door_open(struct ogpu_device *dev, struct door *d)
{
	static const struct ogpu_queue_options options = { .priority = DRM_OGPU_PRIORITY_NORMAL };

	*d = (struct door) { .fd = ogpu_device_fd(dev) };
	check(ogpu_vm_create(dev, &d->vm), "address space");
	check(ogpu_queue_create_with(d->vm, &options, &d->queue), "queue");
	check(ogpu_stream_create(d->vm, 4096, &d->stream), "stream");
	ogpu_emit_timestamp(&d->stream, d->stream.buf.va + 2048);
	if (drmSyncobjCreate(d->fd, DRM_SYNCOBJ_CREATE_SIGNALED, &d->in) ||
	    drmSyncobjCreate(d->fd, 0, &d->out))
		die("syncobj");
	d->syncs[0] = (struct drm_ogpu_sync) { .handle = d->in };
	d->syncs[1] = (struct drm_ogpu_sync) { .handle = d->out, .flags = DRM_OGPU_SYNC_SIGNAL };
	for (int i = 0; i < BATCH; i++)
		d->jobs[i] = (struct drm_ogpu_job) {
			.stream_va = d->stream.buf.va,
			.stream_bytes = d->stream.used,
			.syncs = { .array = (uintptr_t)d->syncs, .count = 2,
				   .stride = sizeof(d->syncs[0]) },
		};
	d->submit = (struct drm_ogpu_submit) {
		.queue_id = d->queue->id,
		.jobs = { .array = (uintptr_t)d->jobs, .count = 1, .stride = sizeof(d->jobs[0]) },
	};
}

static void door_close(struct door *d)
{
	drmSyncobjDestroy(d->fd, d->in);
	drmSyncobjDestroy(d->fd, d->out);
	ogpu_stream_destroy(&d->stream);
	ogpu_queue_destroy(d->queue);
	ogpu_vm_destroy(d->vm);
}

static void door_wait(struct door *d)
{
	if (drmSyncobjWait(d->fd, &d->out, 1, INT64_MAX, 0, NULL))
		die("syncobj wait");
}

/* Instructions from the call to its return. */
static uint64_t door_submit(struct door *d)
{
	uint64_t start = __rdtsc();

	if (ioctl(d->fd, DRM_IOCTL_OGPU_SUBMIT, &d->submit))
		die("SUBMIT");
	return __rdtsc() - start;
}

uint64_t measure_null(int fd)
{
	struct drm_get_cap cap = { .capability = DRM_CAP_SYNCOBJ };
	uint64_t best = UINT64_MAX, start, time;

	for (int i = 0; i < ROUNDS; i++) {
		start = __rdtsc();
		if (ioctl(fd, DRM_IOCTL_GET_CAP, &cap))
			die("GET_CAP");
		time = __rdtsc() - start;
		if (time < best)
			best = time;
	}
	return best;
}

/* The cheapest of some rounds: from the call to the last doorbell, and of the call as a whole. */
struct cost {
	uint64_t doorbell, call;
	unsigned int switches;
};

static struct cost measure_submit(struct door *d, uint32_t jobs)
{
	struct cost best = { UINT64_MAX, UINT64_MAX, 0 };

	d->submit.jobs.count = jobs;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start, call, time;
		struct seen seen;

		trace_file("trace", "");
		start = __rdtsc();
		call = door_submit(d);
		door_wait(d);
		seen = trace_read(start);
		if (call < best.call)
			best.call = call;
		if (!seen.doorbell)
			continue;
		time = seen.doorbell - start;
		if (time > call && seen.switched > start + call)
			time = call + seen.doorbell - seen.switched;
		if (time < best.doorbell) {
			best.doorbell = time;
			best.switches = seen.switches;
		}
	}
	d->submit.jobs.count = 1;
	if (best.doorbell == UINT64_MAX) {
		fputs("ogpu-bench: no doorbell was seen\n", stderr);
		exit(1);
	}
	return best;
}

static void bench_submit(struct door *d, uint64_t null)
{
	struct cost one = measure_submit(d, 1), batch = measure_submit(d, BATCH);

	result("submit_call_instructions", one.call, "instructions",
	       "DRM_IOCTL_OGPU_SUBMIT, user to user: one job, one in- and one out-syncobj");
	result("submit_kernel_instructions", one.doorbell, "instructions",
	       "the same, system call to doorbell");
	result("submit_kernel_null_ratio", (double)one.doorbell / null, "",
	       "submit_kernel_instructions over null_drm_ioctl_instructions");
	result("submit_context_switches", one.switches, "", "in between");
	result("submit_kernel_batch64_null_ratio", (double)batch.doorbell / BATCH / null, "",
	       "a job of 64 in one call, each with one in- and one out-syncobj, likewise");
}

/* From the event interrupt to the waiter, which sleeps, and to its return from the system call. */
static void bench_complete(struct ogpu_device *dev, struct door *d)
{
	uint64_t best = UINT64_MAX, best_user = UINT64_MAX;
	struct ogpu_buffer target;

	check(ogpu_buffer_create(d->vm, LONG_BYTES, DRM_OGPU_BO_VRAM, 0, &target), "buffer");
	ogpu_stream_reset(&d->stream);
	ogpu_emit_fill(&d->stream, target.va, 0, target.bo->size);
	d->jobs[0].stream_bytes = d->stream.used;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start, end;
		struct seen seen;

		trace_file("trace", "");
		start = __rdtsc();
		door_submit(d);
		door_wait(d);
		end = __rdtsc();
		seen = trace_read(start);
		if (!seen.irq || !seen.waiter)
			continue;
		if (seen.waiter - seen.irq < best)
			best = seen.waiter - seen.irq;
		if (end - seen.irq < best_user)
			best_user = end - seen.irq;
	}
	ogpu_buffer_destroy(&target);
	if (best == UINT64_MAX) {
		fputs("ogpu-bench: the interrupt never came to a waiter that slept\n", stderr);
		exit(1);
	}
	result("complete_irq_to_waiter_instructions", best, "instructions",
	       "event interrupt to the switch to the process that sleeps in SYNCOBJ_WAIT");
	result("complete_irq_to_user_instructions", best_user, "instructions",
	       "the same, to its return from the system call");
	(void)dev;
}

void bench_instructions(struct ogpu_device *dev)
{
	struct door d;
	uint64_t null;

	door_open(dev, &d);
	null = measure_null(d.fd);
	result("null_drm_ioctl_instructions", null, "instructions",
	       "DRM_IOCTL_GET_CAP, user to user");
	trace_start();
	bench_submit(&d, null);
	bench_complete(dev, &d);
	trace_stop();
	door_close(&d);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median of calls that go through the queues in turn. */
static double measure_scale(struct door *d, const uint32_t *ids, unsigned int count)
{
	static uint64_t calls[SCALE_QUEUES * SCALE_ROUNDS];
	const unsigned int rounds = SCALE_QUEUES * SCALE_ROUNDS;

	for (unsigned int i = 0; i < rounds; i++) {
		d->submit.queue_id = ids[i % count];
		calls[i] = door_submit(d);
		/* As many jobs are under way in both cases. */
		if (i % 64 == 63)
			door_wait(d);
	}
	door_wait(d);
	qsort(calls, rounds, sizeof(calls[0]), compare);
	return calls[rounds / 2];
}

/* What buffers cost that a job may use, and does not. */
static void bench_buffers(struct ogpu_device *dev)
{
	static struct ogpu_buffer buffers[SCALE_BUFFERS];
	double one, many;
	struct door d;

	door_open(dev, &d);
	one = measure_scale(&d, &d.queue->id, 1);
	for (int i = 0; i < SCALE_BUFFERS; i++)
		check(ogpu_buffer_create(d.vm, 4096, DRM_OGPU_BO_SYSTEM, 0, &buffers[i]), "buffer");
	many = measure_scale(&d, &d.queue->id, 1);
	for (int i = 0; i < SCALE_BUFFERS; i++)
		ogpu_buffer_destroy(&buffers[i]);
	door_close(&d);
	result("submit_1000_buffers_ratio", many / one, "",
	       "median of SUBMIT calls with 1,000 buffers mapped over that with one");
}

void bench_scale(struct ogpu_device *dev)
{
	static const struct ogpu_queue_options options = { .priority = DRM_OGPU_PRIORITY_NORMAL };
	static struct ogpu_queue *queues[SCALE_QUEUES];
	static uint32_t ids[SCALE_QUEUES];
	double one, many;
	struct door d;

	door_open(dev, &d);
	one = measure_scale(&d, &d.queue->id, 1);
	for (int i = 0; i < SCALE_QUEUES; i++) {
		check(ogpu_queue_create_with(d.vm, &options, &queues[i]), "queue");
		ids[i] = queues[i]->id;
	}
	many = measure_scale(&d, ids, SCALE_QUEUES);
	for (int i = 0; i < SCALE_QUEUES; i++)
		ogpu_queue_destroy(queues[i]);
	door_close(&d);
	result("submit_scale_1024_ratio", many / one, "",
	       "median of SUBMIT calls on 1,024 queues in turn over that on one queue");
	bench_buffers(dev);
}
