/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Jobs that run in order once what they depend on is done.
 *
 * A thin layer over the kernel's GPU scheduler, and the only place that knows it. It is used by
 * queues for jobs that have to wait for something before they can go to the ring, and by VM_BIND
 * (jobs are done by the CPU, in the submission worker). ogpu_sched.c tells the rules.
 *
 * Life of a job:
 *
 *	ogpu_sched_job_init()		may fail; allocates all that is needed
 *	ogpu_sched_job_add_dep()	may fail; any number of times
 *	--- from here ogpu_sched_job_fini() undoes it ---
 *	ogpu_sched_job_push()		cannot fail; after it the job belongs to the scheduler
 *	ops->prepare()			when all dependencies have signalled, until it gives no more
 *	ops->run()			once, in order
 *	ops->free()			once, after what run() returned has signalled
 */
#ifndef _OGPU_SCHED_H_
#define _OGPU_SCHED_H_

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/gpu_scheduler.h>

struct ogpu_device;
struct ogpu_sched;
struct ogpu_sched_job;

/**
 * struct ogpu_sched_ops - what a kind of job does
 */
struct ogpu_sched_ops {
	/**
	 * @prepare: what else the job has to wait for: a fence with a reference, or NULL if it can
	 * run. Optional. Same rules as for @run.
	 */
	struct dma_fence *(*prepare)(struct ogpu_sched_job *job);

	/**
	 * @run: start the job. Called in the submission worker, inside a fence-signalling section:
	 * it must not allocate memory other than with GFP_NOWAIT, not take a dma_resv, not wait for
	 * a fence. Returns a fence, with a reference, that has to signal before the next job of the
	 * entity runs and this one is freed, or NULL.
	 */
	struct dma_fence *(*run)(struct ogpu_sched_job *job);

	/**
	 * @free: the job is over; free its memory, after ogpu_sched_job_fini(). Called in the
	 * submission worker: same rules as for @run. What needs a dma_resv or may wait (putting the
	 * last reference to a buffer or an address space) goes to ogpu_sched_wq().
	 */
	void (*free)(struct ogpu_sched_job *job);
};

/**
 * struct ogpu_sched_job - base of all jobs; embed it
 */
struct ogpu_sched_job {
	/** @base: belongs to ogpu_sched.c */
	struct drm_sched_job base;
	/** @sched: referenced until ogpu_sched_job_fini() */
	struct ogpu_sched *sched;
	/** @timelines: where each but the first ones is in the list of dependencies */
	struct xarray timelines;
};

int ogpu_sched_init(struct ogpu_device *odev);
int ogpu_sched_module_init(void);
void ogpu_sched_module_exit(void);
struct workqueue_struct *ogpu_sched_wq(void);

struct ogpu_sched *ogpu_sched_create(struct ogpu_device *odev, const struct ogpu_sched_ops *ops,
				     const char *name, u64 context);
struct ogpu_sched *ogpu_sched_get(struct ogpu_sched *sched);
void ogpu_sched_put(struct ogpu_sched *sched);

int ogpu_sched_job_init(struct ogpu_sched_job *job, struct ogpu_sched *sched, u64 client_id);
int ogpu_sched_job_add_dep(struct ogpu_sched_job *job, struct dma_fence *fence);
int ogpu_sched_job_add_resv_deps(struct ogpu_sched_job *job, struct dma_resv *resv,
				 enum dma_resv_usage usage);
bool ogpu_sched_job_is_ready(const struct ogpu_sched_job *job);
void ogpu_sched_job_fini(struct ogpu_sched_job *job);
void ogpu_sched_job_push(struct ogpu_sched_job *job);

#endif
