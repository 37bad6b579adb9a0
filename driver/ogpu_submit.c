// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * SUBMIT: from an array of jobs in user memory to jobs on a queue.
 *
 * DOC: Submission
 *
 * All or nothing: whatever may fail is done for all jobs before the first is armed.
 *
 *	copy the array of jobs
 *	for each job
 *		check it, make a queue job with its INDIRECT packet
 *		copy its syncs, look up syncobjs, allocate links of timelines
 *		depend on the in-syncs, but for those that an earlier job of this call signals
 *	lock all reservation objects of the address space
 *		bring evicted buffers back, rewrite their page-table entries
 *		let the first job wait for the kernel's fences: moves, clears, rewritten entries
 *		lock the queue's submit_lock, look whether the queue still works
 *			--- point of no return ---
 *			arm all jobs
 *			add the last job's fence to all reservation objects
 *			push all jobs
 *			put the fences into the out-syncs
 *
 * The last fence stands for all, because a queue is in order; for the same reason only the first
 * job has to wait for the kernel's fences.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gpuvm.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_device.h"
#include "ogpu_file.h"
#include "ogpu_queue.h"
#include "ogpu_queue_file.h"
#include "ogpu_submit.h"
#include "ogpu_sync.h"
#include "ogpu_vm.h"

/* Bytes of an element in version 0.1. */
#define OGPU_JOB_MIN_SIZE	32
static_assert(sizeof(struct drm_ogpu_job) >= OGPU_JOB_MIN_SIZE);
static_assert(DRM_OGPU_MAX_STREAM_BYTES <= OGPU_INDIRECT_MAX_BYTES);

/**
 * struct ogpu_submit_job - one job of a call
 */
struct ogpu_submit_job {
	/** @job: NULL once pushed */
	struct ogpu_queue_job *job;
	/** @syncs: what it waits for and signals */
	struct ogpu_syncs syncs;
	/** @fence: of the job, referenced; NULL until armed */
	struct dma_fence *fence;
};

/**
 * struct ogpu_submit - one call
 */
struct ogpu_submit {
	/** @queue: to run the jobs; referenced */
	struct ogpu_queue *queue;
	/** @file: caller */
	struct drm_file *file;
	/** @jobs: array of @count */
	struct ogpu_submit_job *jobs;
	/** @count: of @jobs */
	u32 count;
	/** @batch: what jobs so far are going to signal */
	struct ogpu_sync_batch batch;
};

static int ogpu_submit_check_job(const struct drm_ogpu_job *arg)
{
	if (arg->flags || arg->stream_bytes > DRM_OGPU_MAX_STREAM_BYTES ||
	    arg->stream_bytes % 8 || arg->stream_va % 8)
		return -EINVAL;
	if (!arg->stream_bytes && arg->stream_va)
		return -EINVAL;

	return 0;
}

static struct ogpu_queue_job *ogpu_submit_make_job(struct ogpu_submit *submit,
						   const struct drm_ogpu_job *arg)
{
	u32 bytes = arg->stream_bytes ? sizeof(struct ogpu_pkt_indirect) : 0;
	struct ogpu_queue_job *job;

	job = ogpu_queue_job_create(submit->queue, bytes, submit->file->client_id);
	if (!IS_ERR(job) && bytes)
		ogpu_pkt_set_indirect((struct ogpu_pkt_indirect *)job->packets, arg->stream_va,
				      arg->stream_bytes);

	return job;
}

static int ogpu_submit_parse_job(struct ogpu_submit *submit, const struct drm_ogpu_job *arg,
				 struct ogpu_submit_job *sjob)
{
	struct ogpu_queue_job *job;
	int ret;

	ret = ogpu_submit_check_job(arg);
	if (ret)
		return ret;

	ret = ogpu_syncs_parse(submit->file, &arg->syncs, &sjob->syncs);
	if (ret)
		return ret;

	job = ogpu_submit_make_job(submit, arg);
	if (IS_ERR(job))
		return PTR_ERR(job);
	sjob->job = job;

	ret = ogpu_syncs_add_deps(&sjob->syncs, &job->base, &submit->batch);
	if (ret)
		return ret;

	return submit->count > 1 ? ogpu_sync_batch_add(&submit->batch, &sjob->syncs) : 0;
}

static int ogpu_submit_parse(struct ogpu_submit *submit, const struct drm_ogpu_submit *args)
{
	struct drm_ogpu_job *jobs;
	void *elems;
	int ret;
	u32 i;

	ret = ogpu_array_copy_in(&args->jobs, OGPU_JOB_MIN_SIZE, sizeof(*jobs), 1,
				 DRM_OGPU_MAX_JOBS, &elems);
	if (ret)
		return ret;
	jobs = elems;

	submit->jobs = kvcalloc(args->jobs.count, sizeof(*submit->jobs), GFP_KERNEL_ACCOUNT);
	if (!submit->jobs) {
		ret = -ENOMEM;
		goto out_free;
	}

	submit->count = args->jobs.count;
	for (i = 0; i < submit->count && !ret; i++) {
		ret = fatal_signal_pending(current) ? -EINTR :
			ogpu_submit_parse_job(submit, &jobs[i], &submit->jobs[i]);
	}

out_free:
	kvfree(jobs);
	return ret;
}

static int ogpu_submit_add_kernel_deps(struct ogpu_submit *submit, struct drm_exec *exec)
{
	struct ogpu_sched_job *first = &submit->jobs[0].job->base;
	struct drm_gem_object *obj;
	int ret;

	drm_exec_for_each_locked_object(exec, obj) {
		ret = ogpu_sched_job_add_resv_deps(first, obj->resv, DMA_RESV_USAGE_KERNEL);
		if (ret)
			return ret;
	}

	return 0;
}

/* All reservation objects are locked; nothing here may fail any more. */
static void ogpu_submit_commit(struct ogpu_submit *submit, struct drm_gpuvm_exec *exec)
{
	struct ogpu_queue *queue = submit->queue;
	u32 i;

	lockdep_assert_held(&queue->submit_lock);

	for (i = 0; i < submit->count; i++) {
		struct ogpu_submit_job *sjob = &submit->jobs[i];

		sjob->fence = dma_fence_get(ogpu_sched_job_arm(&sjob->job->base));
	}

	ogpu_vm_exec_add_fence(exec, submit->jobs[submit->count - 1].fence);

	for (i = 0; i < submit->count; i++) {
		ogpu_queue_job_push(submit->jobs[i].job);
		submit->jobs[i].job = NULL;
	}

	for (i = 0; i < submit->count; i++)
		ogpu_syncs_signal(&submit->jobs[i].syncs, submit->jobs[i].fence);
}

static int ogpu_submit_run(struct ogpu_submit *submit)
{
	struct ogpu_queue *queue = submit->queue;
	struct drm_gpuvm_exec exec;
	int ret;

	ret = ogpu_vm_exec_lock(queue->vm, &exec);
	if (ret)
		return ret;

	ret = ogpu_submit_add_kernel_deps(submit, &exec.exec);
	if (ret)
		goto out_unlock;

	mutex_lock(&queue->submit_lock);
	if (ogpu_queue_is_dead(queue))
		ret = -ECANCELED;
	else
		ogpu_submit_commit(submit, &exec);
	mutex_unlock(&queue->submit_lock);

out_unlock:
	ogpu_vm_exec_unlock(&exec);
	return ret;
}

static void ogpu_submit_fini(struct ogpu_submit *submit)
{
	u32 i;

	ogpu_sync_batch_fini(&submit->batch);
	for (i = 0; i < submit->count; i++) {
		struct ogpu_submit_job *sjob = &submit->jobs[i];

		ogpu_queue_job_abort(sjob->job);
		ogpu_syncs_fini(&sjob->syncs);
		dma_fence_put(sjob->fence);
	}
	kvfree(submit->jobs);
	ogpu_queue_put(submit->queue);
}

/**
 * ogpu_ioctl_submit() - DRM_IOCTL_OGPU_SUBMIT
 * @drm: the card
 * @data: &struct drm_ogpu_submit
 * @file: caller
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	const struct drm_ogpu_submit *args = data;
	struct ogpu_submit submit = {
		.file = file,
	};
	int ret;

	if (args->flags)
		return -EINVAL;

	submit.queue = ogpu_queue_lookup(to_ogpu_file(file), args->queue_id);
	if (!submit.queue)
		return -ENOENT;

	ogpu_sync_batch_init(&submit.batch);
	ret = ogpu_submit_parse(&submit, args);
	if (!ret)
		ret = ogpu_submit_run(&submit);
	ogpu_submit_fini(&submit);

	return ret;
}
