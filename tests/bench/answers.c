// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What it costs to hear how a queue stands, how soon one is ended that never ends by itself, and
 * what others lose when one fails.
 */
#include <errno.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>
#include <xf86drm.h>

#include "bench.h"

#define ROUNDS		64
#define KILLS		11
#define FAULTS		20
#define JOBS		8		/* of each neighbour, beside each fault */
#define AT_WORK_S	10.0
#define SOON_NS		10000000000ll

#define INSN_WILD	0x00003023u	/* sd zero, 0(zero) */

/* In a machine that counts instructions (see submit.c). */
void bench_state(void)
{
	uint64_t best = UINT64_MAX, null, start, time;
	struct drm_ogpu_queue_get_state state = {};
	struct program p;
	int fd;

	/* A queue that has done something. */
	start_program(&p, DRM_OGPU_PRIORITY_NORMAL, INSN_RET, 0);
	check(ogpu_queue_submit(p.queue, &p.stream, NULL, 0, &time), "submit");
	check(ogpu_queue_wait(p.queue, time, SOON_NS), "wait");
	fd = ogpu_device_fd(p.dev);
	null = measure_null(fd);
	for (int i = 0; i < ROUNDS; i++) {
		state.queue_id = p.queue->id;
		start = __rdtsc();
		if (ioctl(fd, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &state))
			die("GET_STATE");
		time = __rdtsc() - start;
		if (time < best)
			best = time;
	}
	end_program(&p);
	result("queue_state_instructions", best, "instructions", "QUEUE_GET_STATE, user to user");
	result("queue_state_null_ratio", (double)best / null, "",
	       "the same over null_drm_ioctl_instructions");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Until work of the queue is on compute units. */
static void wait_at_work(struct program *p)
{
	struct drm_ogpu_queue_get_state state;
	double start = now();

	do {
		check(ogpu_queue_state(p->queue, &state), "state of a queue");
		if (now() - start > AT_WORK_S) {
			errno = ETIME;
			die("endless workgroups");
		}
	} while (!state.unit_ns);
}

void bench_kill(void)
{
	double times[KILLS], start;
	uint64_t point;

	for (unsigned int i = 0; i < KILLS; i++) {
		struct program p;

		start_program(&p, DRM_OGPU_PRIORITY_NORMAL, INSN_FOR_EVER, 2);
		check(ogpu_queue_submit(p.queue, &p.stream, NULL, 0, &point), "submit");
		wait_at_work(&p);
		start = now();
		check(ogpu_queue_kill(p.queue), "kill");
		if (ogpu_queue_wait(p.queue, point, SOON_NS) != -ECANCELED)
			die("wait for a killed job");
		times[i] = (now() - start) * 1e3;
		end_program(&p);
	}
	qsort(times, KILLS, sizeof(times[0]), compare);
	result("kill_endless_ms", times[KILLS / 2], "ms",
	       "QUEUE_KILL of endless workgroups on all units, until the job's fence: median of 11");
	result("kill_endless_worst_ms", times[KILLS - 1], "ms", "the longest of them");
}

/* Jobs of a queue that are not done well. */
static unsigned int count_lost(struct ogpu_queue *queue, const uint64_t *points, unsigned int count)
{
	unsigned int lost = 0;

	for (unsigned int i = 0; i < count; i++)
		lost += ogpu_queue_wait(queue, points[i], SOON_NS) != 0;

	return lost;
}

void bench_fault(void)
{
	struct drm_ogpu_queue_get_state state;
	unsigned int lost = 0, faults = 0;
	uint64_t points[2][JOBS], point;
	struct program stranger, wild;
	struct ogpu_queue *sibling;

	start_program(&stranger, DRM_OGPU_PRIORITY_NORMAL, INSN_RET, 1);
	for (unsigned int n = 0; n < FAULTS; n++) {
		start_program(&wild, DRM_OGPU_PRIORITY_NORMAL, INSN_WILD, 2);
		/* Of the same process, in the same address space. */
		check(ogpu_queue_create(wild.vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_NORMAL,
					&sibling), "queue");
		for (unsigned int i = 0; i < JOBS; i++) {
			struct ogpu_stream none = {};

			check(ogpu_queue_submit(stranger.queue, &stranger.stream, NULL, 0,
						&points[0][i]), "submit");
			if (i == JOBS / 2)
				check(ogpu_queue_submit(wild.queue, &wild.stream, NULL, 0, &point),
				      "submit");
			check(ogpu_queue_submit(sibling, &none, NULL, 0, &points[1][i]), "submit");
		}
		ogpu_queue_wait(wild.queue, point, SOON_NS);
		check(ogpu_queue_state(wild.queue, &state), "state of a queue");
		faults += state.error == DRM_OGPU_QUEUE_ERR_MEMORY;
		lost += count_lost(stranger.queue, points[0], JOBS);
		lost += count_lost(sibling, points[1], JOBS);
		ogpu_queue_destroy(sibling);
		end_program(&wild);
	}
	end_program(&stranger);
	if (faults != FAULTS) {
		fprintf(stderr, "ogpu-bench: %u of %u wild stores were found\n", faults, FAULTS);
		exit(1);
	}
	result("fault_neighbour_lost_jobs", lost, "",
	       "of 320 jobs of another process and of another queue in the same address space, beside 20 queues that store to a wild address");
}
