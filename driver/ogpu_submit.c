// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * SUBMIT: from an array of jobs in user memory to jobs on a queue.
 *
 * DOC: Submission
 *
 * All or nothing: whatever may fail is done for all jobs before the first is submitted.
 *
 *	copy the array of jobs, check them
 *	for each job
 *		copy its syncs, look up syncobjs, allocate links of timelines
 *		make the job
 *	for each job
 *		depend on the in-syncs, but for those that an earlier job of this call signals or
 *		waits for
 *	enter the card: what follows does not touch memory of user space
 *	lock all reservation objects of the address space
 *		bring evicted buffers back, rewrite their page-table entries
 *		let the first job wait for the kernel's fences: moves, clears, rewritten entries;
 *			and for implicit fences of others than this driver in shared buffers
 *		put the jobs on the queue, if it works and has room
 *			--- point of no return ---
 *		add the last job's fence to all reservation objects
 *	put the fences into the out-syncs
 *
 * The last fence stands for all, because a queue is in order; for the same reason only the first
 * job has to wait for the kernel's fences. Small calls need no memory beside that of the jobs.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gpuvm.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_file.h"
#include "ogpu_job.h"
#include "ogpu_queue.h"
#include "ogpu_queue_file.h"
#include "ogpu_submit.h"
#include "ogpu_sync.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

/* Bytes of an element in version 0.1. */
#define OGPU_JOB_MIN_SIZE	32
static_assert(sizeof(struct drm_ogpu_job) >= OGPU_JOB_MIN_SIZE);
static_assert(DRM_OGPU_MAX_STREAM_BYTES <= OGPU_INDIRECT_MAX_BYTES);

/* Small calls: jobs, and syncs of all of them. */
#define OGPU_SUBMIT_FEW		4
#define OGPU_SUBMIT_FEW_SYNCS	8

/* How often to look whether somebody wants the caller dead. */
#define OGPU_SUBMIT_LOOK	16

/**
 * struct ogpu_submit_job - one job of a call
 */
struct ogpu_submit_job {
	/** @job: once submitted only its fence may be used, which is referenced */
	struct ogpu_job *job;
	/** @syncs: what it waits for and signals */
	struct ogpu_syncs syncs;
};

/**
 * struct ogpu_submit - one call
 */
struct ogpu_submit {
	/** @queue: to run the jobs; referenced */
	struct ogpu_queue *queue;
	/** @file: caller */
	struct drm_file *file;
	/** @list: &struct ogpu_job by @link, until they are submitted */
	struct list_head list;
	/** @args: array of @count, as user space gave it */
	struct drm_ogpu_job *args;
	/** @jobs: array of @count */
	struct ogpu_submit_job *jobs;
	/** @ops: operations of all jobs */
	struct ogpu_sync *ops;
	/** @count: of @jobs */
	u32 count;
	/** @parsed: of these, jobs that have been made */
	u32 parsed;
	/** @syncobjs: of all jobs, at most; some are counted more than once */
	u32 syncobjs;
	/** @submitted: the jobs are the queue's */
	bool submitted;
	/** @waits: a job behind the first has something to wait for */
	bool waits;
	/** @batch: what jobs so far wait for and signal */
	struct ogpu_sync_batch batch;
	/** @few_args: used as @args if that is enough */
	struct drm_ogpu_job few_args[OGPU_SUBMIT_FEW];
	/** @few_jobs: used as @jobs */
	struct ogpu_submit_job few_jobs[OGPU_SUBMIT_FEW];
	/** @few_ops: used as @ops */
	struct ogpu_sync few_ops[OGPU_SUBMIT_FEW_SYNCS];
};

static int ogpu_submit_check_job(const struct drm_ogpu_job *arg)
{
	if (arg->flags || arg->stream_bytes > DRM_OGPU_MAX_STREAM_BYTES ||
	    arg->stream_bytes % 8 || arg->stream_va % 8)
		return -EINVAL;
	if (arg->stream_bytes ? !ogpu_vm_range_ok(arg->stream_va, arg->stream_bytes) :
				!!arg->stream_va)
		return -EINVAL;

	return 0;
}

/* Copies the jobs and checks them. Returns how many syncs they have, or a negative errno. */
static int ogpu_submit_copy_jobs(struct ogpu_submit *submit, const struct drm_ogpu_array *array)
{
	u32 syncs = 0;
	int ret;
	u32 i;

	ret = ogpu_array_check(array, OGPU_JOB_MIN_SIZE, 1, DRM_OGPU_MAX_JOBS);
	if (ret)
		return ret;

	if (array->count > OGPU_SUBMIT_FEW) {
		submit->args = kvmalloc_array(array->count, sizeof(*submit->args),
					      GFP_KERNEL_ACCOUNT);
		submit->jobs = kvmalloc_array(array->count, sizeof(*submit->jobs),
					      GFP_KERNEL_ACCOUNT);
		if (!submit->args || !submit->jobs)
			return -ENOMEM;
	}
	submit->count = array->count;

	ret = ogpu_array_copy_part(array, sizeof(*submit->args), 0, array->count, submit->args);
	for (i = 0; i < submit->count && !ret; i++) {
		ret = ogpu_submit_check_job(&submit->args[i]);
		if (!ret)
			ret = ogpu_syncs_check(&submit->args[i].syncs);
		syncs += submit->args[i].syncs.count;
	}

	/* Not more than DRM_OGPU_MAX_JOBS * DRM_OGPU_MAX_SYNCS. */
	return ret ?: syncs;
}

static int ogpu_submit_parse_job(struct ogpu_submit *submit, const struct drm_ogpu_job *arg,
				 struct ogpu_sync *ops)
{
	struct ogpu_submit_job *sjob = &submit->jobs[submit->parsed];
	struct ogpu_job *job;
	int ret;
	u32 i;

	job = ogpu_job_create(submit->queue);
	if (!job)
		return -ENOMEM;

	job->stream_va = arg->stream_va;
	job->bytes = arg->stream_bytes;
	list_add_tail(&job->link, &submit->list);
	sjob->job = job;
	submit->parsed++;

	ret = ogpu_syncs_parse(submit->file, &arg->syncs,
			       submit->parsed > 1 ? &sjob[-1].syncs : NULL, ops, &sjob->syncs);
	if (ret)
		return ret;

	for (i = 0; i < sjob->syncs.count; i++) {
		submit->syncobjs += ops[i].first == &ops[i];
		/* To be looked at for jobs that do not come first. */
		submit->waits |= submit->parsed > 1 && !ogpu_sync_is_signal(&ops[i]);
	}

	return 0;
}

static int ogpu_submit_parse(struct ogpu_submit *submit, const struct drm_ogpu_submit *args)
{
	int ret, syncs;
	u32 i, used = 0;

	syncs = ogpu_submit_copy_jobs(submit, &args->jobs);
	if (syncs < 0)
		return syncs;

	if (syncs > OGPU_SUBMIT_FEW_SYNCS) {
		submit->ops = kvmalloc_array(syncs, sizeof(*submit->ops), GFP_KERNEL_ACCOUNT);
		if (!submit->ops)
			return -ENOMEM;
	}

	for (i = 0; i < submit->count; i++) {
		const struct drm_ogpu_job *arg = &submit->args[i];

		if (i % OGPU_SUBMIT_LOOK == OGPU_SUBMIT_LOOK - 1) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		ret = ogpu_submit_parse_job(submit, arg, &submit->ops[used]);
		if (ret)
			return ret;
		used += arg->syncs.count;
	}

	return ogpu_sync_batch_init(&submit->batch, submit->waits ? submit->syncobjs : 0);
}

static int ogpu_submit_add_deps(struct ogpu_submit *submit)
{
	u32 i, k;

	for (i = 0; i < submit->count; i++) {
		struct ogpu_submit_job *sjob = &submit->jobs[i];

		for (k = 0; k < sjob->syncs.count; k++) {
			const struct ogpu_sync *op = &sjob->syncs.ops[k];
			struct dma_fence *fence;
			int ret;

			if (ogpu_sync_is_signal(op))
				continue;

			fence = ogpu_sync_batch_find_fence(&submit->batch, op);
			if (!fence)
				continue;
			if (IS_ERR(fence))
				return PTR_ERR(fence);
			ret = ogpu_job_add_dep(sjob->job, fence);
			if (ret)
				return ret;
			/* Its timeline may be long. */
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		ogpu_sync_batch_add(&submit->batch, &sjob->syncs);
	}

	return 0;
}

/* Between buffers, of which there may be many, all locked. */
static int ogpu_submit_look(u32 *seen)
{
	if (++*seen % OGPU_SUBMIT_LOOK)
		return 0;
	cond_resched();

	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int ogpu_submit_add_kernel_deps(struct ogpu_submit *submit, struct ogpu_vm_exec *exec)
{
	struct ogpu_job *first = submit->jobs[0].job;
	struct drm_gem_object *obj;
	u32 seen = 0;
	int ret;

	if (exec->private)
		return ogpu_job_add_resv_deps(first, drm_gpuvm_resv(&exec->vm->base),
					      DMA_RESV_USAGE_KERNEL);

	drm_exec_for_each_locked_object(&exec->all.exec, obj) {
		ret = ogpu_job_add_resv_deps(first, obj->resv, DMA_RESV_USAGE_KERNEL);
		if (!ret)
			ret = ogpu_submit_look(&seen);
		if (ret)
			return ret;
	}

	return 0;
}

/* What others than this driver do with shared buffers; see ogpu_share.c. */
static int ogpu_submit_add_foreign_deps(struct ogpu_submit *submit, struct ogpu_vm_exec *exec)
{
	struct ogpu_vm_bo *vm_bo = NULL;
	u32 seen = 0;
	int ret;

	while ((vm_bo = ogpu_vm_exec_next_shared(exec, vm_bo))) {
		ret = ogpu_job_add_foreign_deps(submit->jobs[0].job, vm_bo->base.obj->resv,
						dma_resv_usage_rw(vm_bo->writable));
		if (!ret)
			ret = ogpu_submit_look(&seen);
		if (ret)
			return ret;
	}

	return 0;
}

/* And what these have to wait for in turn. In place of the same fence: needs no room. */
static void ogpu_submit_add_implicit_fence(struct ogpu_vm_exec *exec, struct dma_fence *fence)
{
	struct ogpu_vm_bo *vm_bo = NULL;

	while ((vm_bo = ogpu_vm_exec_next_shared(exec, vm_bo)))
		dma_resv_add_fence(vm_bo->base.obj->resv, fence,
				   vm_bo->writable ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
}

static int ogpu_submit_try(struct ogpu_submit *submit, u64 *first_job)
{
	struct ogpu_queue *queue = submit->queue;
	struct ogpu_vm_exec exec;
	struct dma_fence *fence;
	int idx, ret;

	if (!ogpu_device_enter(queue->odev, &idx))
		return -ENODEV;
	ret = ogpu_vm_exec_lock(queue->vm, &exec);
	if (ret)
		goto out_exit;

	ret = ogpu_submit_add_kernel_deps(submit, &exec);
	if (!ret)
		ret = ogpu_submit_add_foreign_deps(submit, &exec);
	if (ret)
		goto out_unlock;

	ret = ogpu_queue_submit(queue, &submit->list, submit->count, first_job);
	if (ret)
		goto out_unlock;

	submit->submitted = true;
	fence = &submit->jobs[submit->count - 1].job->fence;
	ogpu_vm_exec_add_fence(&exec, fence);
	ogpu_userptrs_unlock(queue->vm);
	ogpu_submit_add_implicit_fence(&exec, fence);

out_unlock:
	ogpu_vm_exec_unlock(&exec);
out_exit:
	ogpu_device_exit(queue->odev, idx);
	return ret;
}

/* Begins anew as long as the program changes its memory in the midst of it. */
static int ogpu_submit_run(struct ogpu_submit *submit, u64 *first_job)
{
	int ret;

	if (ogpu_pt_mem_is_lost(&submit->queue->vm->pt_mem))
		return -EBADMSG;

	do {
		ret = signal_pending(current) ? -ERESTARTSYS : 0;
		if (!ret)
			ret = ogpu_userptrs_rest(submit->queue->vm);
		if (!ret)
			ret = ogpu_userptrs_populate(submit->queue->vm);
		if (!ret)
			ret = ogpu_submit_try(submit, first_job);
	} while (ret == -ESTALE);

	return ret;
}

static void ogpu_submit_signal(struct ogpu_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->count; i++) {
		struct ogpu_submit_job *sjob = &submit->jobs[i];

		ogpu_syncs_signal(&sjob->syncs, &sjob->job->fence);
	}
}

static void ogpu_submit_init(struct ogpu_submit *submit, struct drm_file *file)
{
	submit->file = file;
	INIT_LIST_HEAD(&submit->list);
	submit->args = submit->few_args;
	submit->jobs = submit->few_jobs;
	submit->ops = submit->few_ops;
	submit->count = 0;
	submit->parsed = 0;
	submit->syncobjs = 0;
	submit->submitted = false;
	submit->waits = false;
	submit->batch.table = NULL;
}

static void ogpu_submit_fini(struct ogpu_submit *submit)
{
	u32 i;

	ogpu_sync_batch_fini(&submit->batch);
	for (i = 0; i < submit->parsed; i++) {
		struct ogpu_submit_job *sjob = &submit->jobs[i];

		ogpu_syncs_fini(&sjob->syncs);
		if (submit->submitted)
			dma_fence_put(&sjob->job->fence);
		else
			ogpu_job_abort(sjob->job);
	}
	if (submit->ops != submit->few_ops)
		kvfree(submit->ops);
	if (submit->jobs != submit->few_jobs)
		kvfree(submit->jobs);
	if (submit->args != submit->few_args)
		kvfree(submit->args);
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
	struct drm_ogpu_submit *args = data;
	struct ogpu_submit submit;
	int ret;

	if (args->flags)
		return -EINVAL;

	ogpu_submit_init(&submit, file);
	submit.queue = ogpu_queue_lookup(to_ogpu_file(file), args->queue_id);
	if (!submit.queue)
		return -ENOENT;
	if (submit.queue->kind != OGPU_QUEUE_KIND_SUBMIT) {
		ogpu_queue_put(submit.queue);
		return -EINVAL;
	}

	ret = ogpu_submit_parse(&submit, args);
	if (!ret)
		ret = ogpu_submit_add_deps(&submit);
	if (!ret)
		ret = ogpu_submit_run(&submit, &args->first_job);
	if (!ret)
		ogpu_submit_signal(&submit);
	ogpu_submit_fini(&submit);

	return ret;
}
