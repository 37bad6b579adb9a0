// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The pool of compute units: workgroups of all dispatches shared out over host threads.
 *
 * One thread stands for one unit, so there are never more workgroups under way than the card has
 * units, nor more threads than the host gives us. Workgroups of a dispatch start in order and all
 * that started are finished before a preempted dispatch stops: what is done is always a prefix.
 */
#include <stdlib.h>

#include "engines.h"

#define TURN_NS		1000000u	/* a unit serves one dispatch this long if others wait */

struct job {
	struct job *next_job;
	const struct cu_launch *launch;
	uint64_t number;		/* of all dispatches */
	uint64_t total;
	_Atomic uint64_t next;		/* workgroup to start */
	_Atomic uint32_t hold;		/* start no more */
	_Atomic uint32_t abort;		/* finish none */
	unsigned int workers;		/* units on it; pool lock */
	struct cu_error error;		/* of the first that failed; pool lock */
	bool failed;
};

struct pool {
	struct vgpu *gpu;
	pthread_mutex_t lock;
	pthread_cond_t work;		/* for units: there may be a workgroup */
	pthread_cond_t change;		/* for slots: a job may have ended, or be told to */
	struct job *jobs;		/* in turn */
	_Atomic unsigned int job_count;
	uint64_t dispatches;		/* since power-up */
	bool exiting;
	unsigned int units;
	struct unit {
		struct pool *pool;
		struct cu *cu;
		uint64_t served;	/* number of the last job, 0: none */
		pthread_t thread;
	} *unit;
};

static bool has_work(struct job *job)
{
	return atomic_load(&job->next) < job->total && !atomic_load(&job->hold) &&
	       !atomic_load(&job->abort);
}

static bool claim(struct job *job, uint64_t *index)
{
	*index = atomic_load(&job->next);
	do {
		if (*index >= job->total || atomic_load(&job->hold) || atomic_load(&job->abort))
			return false;
	} while (!atomic_compare_exchange_weak(&job->next, index, *index + 1));
	return true;
}

/* With the lock held: the next job in turn that has work; it goes to the end of the list. */
static struct job *pick(struct pool *pool)
{
	struct job **link = &pool->jobs, *job;

	while (*link && !has_work(*link))
		link = &(*link)->next_job;
	job = *link;
	if (!job)
		return NULL;
	*link = job->next_job;
	job->next_job = NULL;
	while (*link)
		link = &(*link)->next_job;
	*link = job;
	return job;
}

static void remove_job(struct pool *pool, struct job *job)
{
	struct job **link = &pool->jobs;

	while (*link != job)
		link = &(*link)->next_job;
	*link = job->next_job;
}

static void serve(struct pool *pool, struct unit *unit, struct job *job)
{
	enum cu_result result = CU_FAILED;
	struct cu *cu = unit->cu;
	uint64_t start, index;

	if (!cu_begin(cu, job->launch, &job->abort, unit->served != job->number)) {
		cu->error = (struct cu_error){ .error = OGPU_QERR_ENGINE };
	} else {
		unit->served = job->number;
		start = vgpu_time_ns(pool->gpu);
		result = CU_DONE;
		while (result == CU_DONE && claim(job, &index)) {
			result = cu_workgroup(cu, index);
			if (atomic_load_explicit(&pool->job_count, memory_order_relaxed) > 1 &&
			    vgpu_time_ns(pool->gpu) - start > TURN_NS)
				break;
		}
		cu_end(cu, !has_work(job));
	}
	if (result != CU_FAILED)
		return;
	atomic_store(&job->abort, 1);
	pthread_mutex_lock(&pool->lock);
	if (!job->failed) {
		job->failed = true;
		job->error = cu->error;
	}
	pthread_mutex_unlock(&pool->lock);
}

static void *unit_main(void *p)
{
	struct unit *unit = p;
	struct pool *pool = unit->pool;
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	while (!pool->exiting) {
		job = pick(pool);
		if (!job) {
			pthread_cond_wait(&pool->work, &pool->lock);
			continue;
		}
		job->workers++;
		pthread_mutex_unlock(&pool->lock);
		serve(pool, unit, job);
		pthread_mutex_lock(&pool->lock);
		job->workers--;
		if (!job->workers)
			pthread_cond_broadcast(&pool->change);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static bool start_unit(struct pool *pool, const _Atomic uint64_t *as_table)
{
	struct unit *unit = &pool->unit[pool->units];

	unit->pool = pool;
	unit->cu = cu_create(pool->gpu, as_table);
	if (!unit->cu)
		return false;
	if (pthread_create(&unit->thread, NULL, unit_main, unit)) {
		cu_destroy(unit->cu);
		return false;
	}
	pool->units++;
	return true;
}

/* Compute units that are there and not fused off. */
static unsigned int working_units(const struct vgpu_config *cfg)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < cfg->cu_count; i++)
		count += i >= 64 || !(cfg->cu_fused >> i & 1);
	return count;
}

/**
 * pool_create() - Start the compute units' threads.
 * @gpu: the card
 * @as_table: where the card keeps the place of its address-space table
 *
 * Return: NULL if that fails.
 */
struct pool *pool_create(struct vgpu *gpu, const _Atomic uint64_t *as_table)
{
	const struct vgpu_config *cfg = vgpu_config(gpu);
	unsigned int want = working_units(cfg);
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	if (cfg->host_threads && want > cfg->host_threads)
		want = cfg->host_threads;
	pool->gpu = gpu;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->change, NULL);
	pool->unit = calloc(want ? want : 1, sizeof(*pool->unit));
	while (pool->unit && pool->units < want && start_unit(pool, as_table))
		;
	if (pool->unit && pool->units == want)
		return pool;
	pool_destroy(pool);
	return NULL;
}

/**
 * pool_destroy() - Stop and free the compute units; no dispatch may be under way.
 * @pool: the pool
 */
void pool_destroy(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->exiting = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->units; i++) {
		pthread_join(pool->unit[i].thread, NULL);
		cu_destroy(pool->unit[i].cu);
	}
	pthread_cond_destroy(&pool->change);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->unit);
	free(pool);
}

/* With the lock held: pass the slot's orders on to the units. */
static void obey(struct job *job, uint32_t stop)
{
	if (stop)
		atomic_store(&job->hold, 1);
	if (stop & ~STOP_PREEMPT)
		atomic_store(&job->abort, 1);
}

/**
 * pool_dispatch() - Run the workgroups of a dispatch; blocks.
 * @pool: the pool
 * @launch: the dispatch, checked
 * @stop: the slot's STOP_* bits; pool_poke() tells that they changed
 * @done: workgroups that are done; where to go on, and how far it came
 * @error: filled for STEP_FAIL
 *
 * Return: STEP_STOP if stopped before the end. After STOP_PREEMPT @done is exact, after other
 * orders it means nothing.
 */
enum step pool_dispatch(struct pool *pool, const struct cu_launch *launch,
			const _Atomic uint32_t *stop, uint64_t *done, struct cu_error *error)
{
	struct job job = {
		.launch = launch,
		.total = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2],
		.next = *done,
	};

	if (job.next >= job.total)
		return STEP_DONE;
	pthread_mutex_lock(&pool->lock);
	job.number = ++pool->dispatches;
	job.next_job = pool->jobs;
	pool->jobs = &job;
	atomic_fetch_add(&pool->job_count, 1);
	pthread_cond_broadcast(&pool->work);
	for (;;) {
		obey(&job, atomic_load(stop));
		if (!job.workers && !has_work(&job))
			break;
		pthread_cond_wait(&pool->change, &pool->lock);
	}
	remove_job(pool, &job);
	atomic_fetch_sub(&pool->job_count, 1);
	pthread_mutex_unlock(&pool->lock);

	*done = atomic_load(&job.next);
	if (job.failed) {
		*error = job.error;
		return STEP_FAIL;
	}
	return *done < job.total || atomic_load(&job.abort) ? STEP_STOP : STEP_DONE;
}

/**
 * pool_poke() - Tell dispatches to look at their slot's orders.
 * @pool: the pool
 */
void pool_poke(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->change);
	pthread_mutex_unlock(&pool->lock);
}

/**
 * pool_lane_instructions() - Instructions executed since power-up, counted once for each lane.
 * @pool: the pool
 *
 * Return: the sum over all units.
 */
uint64_t pool_lane_instructions(struct pool *pool)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < pool->units; i++)
		sum += atomic_load_explicit(&pool->unit[i].cu->lane_instructions,
					    memory_order_relaxed);
	return sum;
}

/**
 * pool_empty() - Whether the card has no working compute unit.
 * @pool: the pool
 *
 * Return: true if no dispatch can run.
 */
bool pool_empty(const struct pool *pool)
{
	return !pool->units;
}
