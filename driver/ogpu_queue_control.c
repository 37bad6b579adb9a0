// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The control page of a queue, in which firmware tells how the queue stands: where its time went,
 * and where it was when it failed. It is read here and nobody is asked, so that all this works
 * however busy firmware is.
 */
#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/processor.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <drm/ogpu_drm.h>

#include "abi/mbox.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"

/* Firmware writes a page in microseconds. */
#define OGPU_CONTROL_TRIES	100

static_assert(offsetof(struct ogpu_queue_mem, control) == 0);
static_assert(sizeof(struct ogpu_queue_control) % sizeof(u64) == 0);

/* Copies a page that firmware may be writing. Returns false if it is never whole. */
static bool ogpu_queue_copy_control(const struct ogpu_queue_control *control,
				    struct ogpu_queue_control *copy)
{
	const u64 *from = (const u64 *)control;
	u64 *to = (u64 *)copy;
	unsigned int i, word;

	for (i = 0; i < OGPU_CONTROL_TRIES; i++) {
		u32 seq = le32_to_cpu(READ_ONCE(control->seq));

		if (!(seq & 1)) {
			dma_rmb();
			for (word = 0; word < sizeof(*copy) / sizeof(*to); word++)
				to[word] = READ_ONCE(from[word]);
			dma_rmb();
			if (le32_to_cpu(READ_ONCE(control->seq)) == seq)
				return true;
		}
		cpu_relax();
	}

	return false;
}

/**
 * ogpu_queue_update_times() - see where the time of a queue went, and have its file pay
 * @queue: the queue, locked
 */
void ogpu_queue_update_times(struct ogpu_queue *queue)
{
	struct ogpu_queue_control control;
	struct ogpu_queue_times times;

	lockdep_assert_held(&queue->lock);

	if (!queue->mem || !ogpu_queue_copy_control(&queue->mem->control, &control))
		return;

	times.state = le32_to_cpu(control.state);
	times.busy_ns = le64_to_cpu(control.busy_ns);
	times.waited_ns = le64_to_cpu(control.waited_ns);
	times.unit_ns = le64_to_cpu(control.unit_ns);
	times.now_ns = le64_to_cpu(control.now_ns);
	if (queue->file && times.unit_ns > queue->times.unit_ns)
		atomic64_add(times.unit_ns - queue->times.unit_ns,
			     &queue->file->unit_ns[queue->engine]);
	queue->times = times;
}

/* Number of the job that hardware was executing, 0 if none. */
static u64 ogpu_queue_job_under_way(struct ogpu_queue *queue)
{
	u64 done = ogpu_queue_jobs_done(queue);
	struct ogpu_job *job;

	list_for_each_entry(job, &queue->pending, link) {
		if (job->fence.seqno > done)
			return job->on_ring ? job->fence.seqno : 0;
	}

	return 0;
}

/**
 * ogpu_queue_locate_error() - add to the error of a queue where it happened
 * @queue: the queue, locked; dead, and firmware has told so, or that it has stopped it
 */
void ogpu_queue_locate_error(struct ogpu_queue *queue)
{
	/* Where the control page has how far buffers were executed, the outermost first. */
	static const u8 context[] = { 0, 3, 4, 5 };
	struct ogpu_queue_failure *error = &queue->error;
	struct ogpu_queue_control control;
	u32 levels[ARRAY_SIZE(context)];
	unsigned int i;
	u64 job;

	BUILD_BUG_ON(sizeof(levels) != sizeof(error->nested));
	lockdep_assert_held(&queue->lock);

	if (!queue->mem)
		return;
	job = ogpu_queue_job_under_way(queue);
	/* A job that was late has ended by itself: where the next one was is not its place. */
	if (error->job && error->job != job)
		return;
	error->job = job;

	if (!ogpu_queue_copy_control(&queue->mem->control, &control) ||
	    le32_to_cpu(control.state) != OGPU_QUEUE_FAILED)
		return;
	for (i = 0; i < ARRAY_SIZE(levels); i++)
		levels[i] = le32_to_cpu(control.context[context[i]]);
	if (queue->kind == OGPU_QUEUE_KIND_USER) {
		error->packet = le64_to_cpu(control.packet);
		memcpy(error->nested, levels, sizeof(levels));
	} else {
		/* The job is one INDIRECT packet of the ring. */
		error->packet = levels[0];
		memcpy(error->nested, &levels[1], sizeof(levels) - sizeof(levels[0]));
	}
	error->held = le32_to_cpu(control.held);
	/* Who had it stopped does not know what it was doing. */
	if (!error->pc)
		error->pc = le64_to_cpu(control.pc);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_control_test.c"
#endif
