// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The pool of compute units: the workgroups of all dispatches, shared out over host threads.
 *
 * How many workgroups a dispatch has under way depends on the card alone: on its units, on what
 * each holds, and on the queue's save area. The threads, of which there may be fewer, take turns
 * among them, so workgroups that wait for one another make progress on any host. Who gets
 * the next turn says share.c; a workgroup that has to make room is parked in its job.
 *
 * Workgroups of a dispatch start in order. When the queue is preempted those that have started and
 * not ended are parked, and written to the save area (save.c): what is done or saved is a prefix.
 * When it is killed or fails the same is done, as a dump for its owner, who need not have room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/mbox.h"
#include "clock.h"
#include "command.h"
#include "engines.h"
#include "save.h"
#include "share.h"

#define SMALL_GRID	2	/* workgroups that the slot's thread tries to do alone */
#define UNITS_MAX	64
#define FRAMES_MAX	(UNITS_MAX * VGPU_RESIDENT_GROUPS)

/* A dispatch. The pool's lock protects what is not said to be otherwise. */
struct job {
	struct slot *slot;
	const struct cu_launch *launch;
	struct share share;
	uint64_t number;		/* of all dispatches */
	uint64_t total;
	_Atomic uint64_t next;		/* workgroup to start; any thread */
	_Atomic bool abort;		/* finish none; any thread */
	_Atomic bool stalled;		/* go on with none for now: see error; any thread */
	struct save save;
	struct cu_group *parked, **parked_end;
	uint32_t under_way, limit;	/* workgroups started and not ended */
	uint64_t frame[FRAMES_MAX / 64];	/* in use, a bit for each */
	bool failed;
	struct cu_error error;		/* of the first that failed */
};

struct pool {
	struct vgpu *gpu;
	struct engines *eng;
	pthread_mutex_t lock;
	pthread_cond_t work;		/* for threads: there may be a turn */
	pthread_cond_t change;		/* for slots: a job may have ended, or be told to */
	struct job *job[OGPU_MC_SLOT_MAX];	/* of each slot */
	unsigned int slots;
	_Atomic uint32_t changes;	/* somebody may have to make room */
	unsigned int sleeping;		/* threads */
	uint64_t dispatches;		/* since power-up */
	uint64_t units, busy;		/* working ones, and those of them that a thread plays */
	unsigned int unit_count;
	struct cu *idle;
	struct cu_group *spare;
	unsigned int spares;
	bool exiting;
	unsigned int threads;
	struct cu **cu;
	pthread_t *thread;
};

/* A host thread's turn. */
struct turn {
	struct job *job;
	struct cu *cu;
	struct cu_group *group;
	uint64_t unit;			/* bit */
	uint64_t start;
	uint32_t changes;
	bool fresh;			/* the group has no workgroup yet */
};

/* --- what a job has to do --------------------------------------------------------------------- */

static bool may_run(const struct job *job)
{
	return !atomic_load(&job->slot->stop) && !atomic_load(&job->abort) &&
	       !atomic_load(&job->stalled);
}

static bool startable(const struct job *job)
{
	return job->under_way < job->limit && atomic_load(&job->next) < job->total;
}

static bool ready(const struct job *job)
{
	return may_run(job) && (job->parked || startable(job));
}

static bool claim(struct job *job, uint64_t *index)
{
	*index = atomic_load(&job->next);
	do {
		if (*index >= job->total || !may_run(job))
			return false;
	} while (!atomic_compare_exchange_weak(&job->next, index, *index + 1));
	return true;
}

static void park(struct job *job, struct cu_group *g)
{
	g->next = NULL;
	*job->parked_end = g;
	job->parked_end = &g->next;
}

static struct cu_group *unpark(struct job *job)
{
	struct cu_group *g = job->parked;

	job->parked = g->next;
	if (!job->parked)
		job->parked_end = &job->parked;
	return g;
}

static struct cu_group *take_spare(struct pool *pool)
{
	struct cu_group *g = pool->spare;

	if (!g)
		return cu_group_create();
	pool->spare = g->next;
	pool->spares--;
	return g;
}

/* The workgroup has ended, or will never be run on. */
static void drop(struct pool *pool, struct job *job, struct cu_group *g)
{
	job->frame[g->frame / 64] &= ~(1ull << g->frame % 64);
	job->under_way--;
	if (pool->spares == pool->unit_count) {
		cu_group_destroy(g);
		return;
	}
	g->next = pool->spare;
	pool->spare = g;
	pool->spares++;
}

/* A place for one more workgroup, in a given frame; NULL: no memory. */
static struct cu_group *new_group(struct pool *pool, struct job *job, uint32_t frame)
{
	struct cu_group *g = take_spare(pool);

	if (!g)
		return NULL;
	g->frame = frame;
	job->frame[frame / 64] |= 1ull << frame % 64;
	job->under_way++;
	if (cu_group_init(g, job->launch, save_private(&job->save, frame)))
		return g;
	drop(pool, job, g);
	return NULL;
}

static uint32_t free_frame(const struct job *job)
{
	uint32_t n = 0;

	while (!~job->frame[n])
		n++;
	return n * 64 + __builtin_ctzll(~job->frame[n]);
}

static void fail(struct job *job, const struct cu_error *error)
{
	atomic_store(&job->abort, true);
	if (!job->failed)
		job->error = *error;
	job->failed = true;
}

/* A work-item's memory was refused: whether that may be mended. It stands at the instruction. */
static bool stall(struct job *job, const struct cu_error *error)
{
	if (error->error != OGPU_QERR_MEMORY || error->area ||
	    !(job->slot->queue.flags & OGPU_QUEUE_REPLAY))
		return false;
	if (!atomic_exchange(&job->stalled, true) && !job->failed) {
		job->error = *error;
		job->error.replay = true;
	}
	return true;
}

/* --- turns ------------------------------------------------------------------------------------ */

static int pick(struct pool *pool, const struct job *current, uint64_t now)
{
	struct share *share[OGPU_MC_SLOT_MAX];

	for (unsigned int i = 0; i < pool->slots; i++) {
		struct job *job = pool->job[i];

		share[i] = NULL;
		if (!job)
			continue;
		job->share.ready = ready(job);
		job->share.priority = atomic_load(&job->slot->priority);
		share[i] = &job->share;
	}
	return share_pick(share, pool->slots, ~pool->units | pool->busy, now,
			  current ? (int)current->slot->index : SHARE_NONE);
}

/* With the lock held: something for this thread to do, best what it did last. */
static bool begin_turn(struct pool *pool, struct turn *t, const struct job *last)
{
	const uint64_t now = vgpu_time_ns(pool->gpu);
	struct job *job;
	int i;

	if (!pool->idle)
		return false;
	do {
		i = pick(pool, last, now);
		if (i == SHARE_NONE)
			return false;
		job = pool->job[i];
		/* Start new ones before going on with old ones, so that all get their turn. */
		t->fresh = startable(job);
		/* Workgroups are claimed without the lock: the last one may be gone already. */
	} while (!t->fresh && !job->parked);
	t->group = t->fresh ? new_group(pool, job, free_frame(job)) : unpark(job);
	if (!t->group) {
		fail(job, &(struct cu_error){ .error = OGPU_QERR_ENGINE });
		pthread_cond_broadcast(&pool->change);
		return false;
	}
	t->job = job;
	t->start = now;
	t->cu = pool->idle;
	pool->idle = t->cu->next;
	t->unit = job->share.mask & pool->units & ~pool->busy;
	t->unit &= -t->unit;
	pool->busy |= t->unit;
	job->share.running++;
	t->changes = atomic_load(&pool->changes);
	return true;
}

/* What a unit has counted. */
struct reading {
	uint64_t lane_instructions, instructions, read, written, walks, misses;
};

static struct reading read_unit(const struct cu *cu, uint64_t instructions)
{
	return (struct reading){
		.lane_instructions = atomic_load_explicit(&cu->lane_instructions,
							  memory_order_relaxed),
		.instructions = instructions, .read = cu->bytes_read,
		.written = cu->bytes_written, .walks = cu->mmu.walks,
		.misses = cu->mmu.misses,
	};
}

/* Its queue has done what the unit has counted since then. */
static void count_turn(const struct turn *t, const struct reading *before, uint64_t ended)
{
	const struct reading now = read_unit(t->cu, t->group->instructions);
	const uint64_t ns = vgpu_time_ns(t->job->slot->gpu) - t->start;
	const uint64_t more[OGPU_COUNTERS] = {
		[OGPU_COUNTER_INSTRUCTIONS] = now.lane_instructions - before->lane_instructions,
		[OGPU_COUNTER_WAVE_INSTRUCTIONS] = now.instructions - before->instructions,
		[OGPU_COUNTER_BYTES_READ] = now.read - before->read,
		[OGPU_COUNTER_BYTES_WRITTEN] = now.written - before->written,
		[OGPU_COUNTER_TLB_MISSES] = now.walks - before->walks,
		[OGPU_COUNTER_CACHE_MISSES] = now.misses - before->misses,
		[OGPU_COUNTER_WAVE_NS] = ns * t->group->waves,
		[OGPU_COUNTER_WORKGROUPS] = ended,
	};

	slot_count(t->job->slot, more);
}

/* Without the lock: run the workgroup, and if it ends others after it. */
static enum cu_result run_turn(struct pool *pool, struct turn *t)
{
	const struct reading before = read_unit(t->cu, t->group->instructions);
	struct job *job = t->job;
	struct cu *cu = t->cu;
	enum cu_result result;
	uint64_t index, ended = 0;

	slot_unit_begin(job->slot);
	cu_attach(cu, t->group, cu->served != job->number);
	cu->served = job->number;
	do {
		cu_enter(cu);
		do {
			result = CU_DONE;
			if (t->fresh && !claim(job, &index))
				break;
			if (t->fresh)
				cu_start(cu, index);
			result = cu_step(cu);
			t->fresh = result == CU_DONE;
			ended += t->fresh;
		} while (result == CU_DONE);
		cu_leave(cu);
		engines_memory_changed(pool->eng);
	} while (result == CU_PAUSED && may_run(job) && atomic_load(&pool->changes) == t->changes &&
		 vgpu_time_ns(pool->gpu) - t->start < SHARE_TURN_NS);
	cu_detach(cu);
	engines_memory_changed(pool->eng);
	slot_unit_end(job->slot);
	count_turn(t, &before, ended);
	return result;
}

static void end_turn(struct pool *pool, struct turn *t, enum cu_result result)
{
	struct job *job = t->job;

	job->share.running--;
	job->share.left_ns = vgpu_time_ns(pool->gpu);
	share_charge(&job->share, job->share.left_ns - t->start);
	pool->busy &= ~t->unit;
	t->cu->next = pool->idle;
	pool->idle = t->cu;
	if (result == CU_FAILED && stall(job, &t->cu->error))
		result = CU_PAUSED;
	if (result == CU_FAILED)
		fail(job, &t->cu->error);
	if (result == CU_DONE)
		drop(pool, job, t->group);
	else
		park(job, t->group);
	if (!job->share.running && !ready(job))
		pthread_cond_broadcast(&pool->change);
}

/* With the lock held: wake a thread if there is something to do that nobody does. */
static void wake_one(struct pool *pool)
{
	if (pool->sleeping && pool->idle &&
	    pick(pool, NULL, vgpu_time_ns(pool->gpu)) != SHARE_NONE)
		pthread_cond_signal(&pool->work);
}

static void *pool_thread(void *p)
{
	struct pool *pool = p;
	const struct job *last = NULL;
	enum cu_result result;
	struct turn t;

	pthread_mutex_lock(&pool->lock);
	while (!pool->exiting) {
		if (!begin_turn(pool, &t, last)) {
			last = NULL;
			pool->sleeping++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->sleeping--;
			continue;
		}
		wake_one(pool);
		pthread_mutex_unlock(&pool->lock);
		result = run_turn(pool, &t);
		pthread_mutex_lock(&pool->lock);
		last = t.job;
		end_turn(pool, &t, result);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* --- a dispatch, from its slot's thread ------------------------------------------------------- */

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Workgroups that may be under way; 0: the dispatch asks for more than there is. */
static uint32_t job_limit(const struct job *job)
{
	const struct cu_launch *launch = job->launch;
	uint32_t each = at_most(VGPU_RESIDENT_GROUPS,
				VGPU_RESIDENT_WAVES / cu_launch_waves(launch)), limit;

	if (launch->local_bytes)
		each = at_most(each, VGPU_RESIDENT_LOCAL / launch->local_bytes);
	limit = each * __builtin_popcountll(job->share.mask);
	return at_most(limit, job->save.frames);
}

/* All that may ever have been used, also with more units or another limit. */
static uint32_t frames(const struct job *job)
{
	return at_most(job->save.frames, FRAMES_MAX);
}

static bool already_held(const struct job *job, uint64_t index)
{
	for (const struct cu_group *g = job->parked; g; g = g->next)
		if (g->index == index)
			return true;
	return false;
}

static void memory_error(struct cu_error *error, const struct mmu_fault *fault)
{
	*error = (struct cu_error){ .error = OGPU_QERR_MEMORY, .fault = *fault };
}

/*
 * Take back what is in the save area; the job is not the pool's yet. Returns false if that failed,
 * or if the slot has other orders: the area is as it was.
 */
static bool restore(struct pool *pool, struct job *job, uint32_t held)
{
	struct cu_error error = { .error = OGPU_QERR_SAVE };
	enum save_found found = SAVE_BAD;
	struct mmu_fault fault;
	struct cu_group *g;

	for (uint32_t frame = 0; frame < frames(job) && held; frame++) {
		if (atomic_load(&job->slot->stop))
			return false;
		pthread_mutex_lock(&pool->lock);
		g = new_group(pool, job, frame);
		pthread_mutex_unlock(&pool->lock);
		if (!g) {
			error.error = OGPU_QERR_ENGINE;
			break;
		}
		found = save_read(&job->save, &job->slot->mmu, frame,
				  at_most(atomic_load(&job->next), job->total), g, &fault);
		if (found == SAVE_HELD && !already_held(job, g->index)) {
			park(job, g);
			held--;
			continue;
		}
		pthread_mutex_lock(&pool->lock);
		drop(pool, job, g);
		pthread_mutex_unlock(&pool->lock);
		if (found != SAVE_FREE)
			break;
	}
	if (!held)
		return true;
	if (found == SAVE_UNREADABLE)
		memory_error(&error, &fault);
	fail(job, &error);
	return false;
}

/* Where the first work-item of the first frame stands, 0 if there is none. */
static uint64_t first_pc(const struct job *job)
{
	const struct cu_group *first = job->parked;

	for (const struct cu_group *g = first; g; g = g->next)
		if (g->frame < first->frame)
			first = g;
	for (uint32_t i = 0; first && i < first->waves; i++)
		if (first->wave[i]->live)
			return first->wave[i]->pc[__builtin_ctz(first->wave[i]->live)];
	return 0;
}

/* Put what is parked into the save area; whether the job ends for good if that is refused. */
static void save(struct job *job, bool needed)
{
	struct slot_context *context = &job->slot->context;
	struct cu_error error;
	struct mmu_fault fault;
	bool ok = true;

	context->pc = first_pc(job);
	for (struct cu_group *g = job->parked; ok && g; g = g->next, context->held++)
		ok = save_write(&job->save, &job->slot->mmu, g, &fault);
	for (uint32_t frame = 0; ok && frame < frames(job); frame++)
		if (!(job->frame[frame / 64] >> frame % 64 & 1))
			ok = save_write_free(&job->save, &job->slot->mmu, frame, &fault);
	if (ok)
		return;
	context->held = 0;
	memory_error(&error, &fault);
	if (needed)
		fail(job, &error);
}

/* With the lock held: a grid so small that waking a thread would take longer. */
static void try_alone(struct pool *pool, struct job *job)
{
	enum cu_result result;
	struct turn t;

	if (pick(pool, NULL, vgpu_time_ns(pool->gpu)) != (int)job->slot->index ||
	    !begin_turn(pool, &t, NULL))
		return;
	if (job->total - atomic_load(&job->next) > SMALL_GRID)
		wake_one(pool);
	pthread_mutex_unlock(&pool->lock);
	result = run_turn(pool, &t);
	pthread_mutex_lock(&pool->lock);
	end_turn(pool, &t, result);
}

/* With the lock held, which is released: packets before the dispatch end beside it. */
static void wait_beside_late(struct processor *cp, struct pool *pool, struct job *job)
{
	struct timespec until = clock_after(LATE_NS);
	enum step step;

	if (pthread_cond_timedwait(&pool->change, &pool->lock, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&pool->lock);
	step = late_finish(cp);
	pthread_mutex_lock(&pool->lock);
	if (step)
		atomic_store(&job->abort, true);
}

/* Until all workgroups have ended, or those under way are parked because of an order. */
static void run(struct processor *cp, struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->number = ++pool->dispatches;
	job->share.left_ns = vgpu_time_ns(pool->gpu);
	pool->job[job->slot->index] = job;
	atomic_fetch_add(&pool->changes, 1);
	try_alone(pool, job);
	if (job->share.running || ready(job)) {
		slot_unit_end(job->slot);
		while (job->share.running || ready(job)) {
			wake_one(pool);
			if (late_pending(cp))
				wait_beside_late(cp, pool, job);
			else
				pthread_cond_wait(&pool->change, &pool->lock);
		}
		slot_unit_begin(job->slot);
	}
	pool->job[job->slot->index] = NULL;
	pthread_mutex_unlock(&pool->lock);
}

/* Those that are under way go on later, or their owner may look at them. */
static void put_away(struct job *job)
{
	const uint32_t stop = atomic_load(&job->slot->stop);
	const bool ended = !job->parked && atomic_load(&job->next) >= job->total;

	if (!ended && !(stop & ~(STOP_PREEMPT | STOP_KILL)))
		save(job, !job->failed && !(stop & STOP_KILL));
}

static enum step finish(struct pool *pool, struct job *job, struct cu_error *error)
{
	struct slot_context *context = &job->slot->context;
	const uint32_t stop = atomic_load(&job->slot->stop);

	pthread_mutex_lock(&pool->lock);
	while (job->parked)
		drop(pool, job, unpark(job));
	pthread_mutex_unlock(&pool->lock);
	job->slot->credit_ns = job->share.credit_ns;
	context->context12 = atomic_load(&job->next);
	if (job->failed || atomic_load(&job->stalled)) {
		*error = job->error;
		return STEP_FAIL;
	}
	return context->held || context->context12 < job->total ||
	       stop & ~STOP_PREEMPT ? STEP_STOP : STEP_DONE;
}

static uint64_t allowed_units(const struct pool *pool, const struct slot_queue *q)
{
	uint32_t any = 0;

	for (unsigned int i = 0; i < 8; i++)
		any |= q->cu_mask[i];
	return any ? pool->units & ((uint64_t)q->cu_mask[1] << 32 | q->cu_mask[0]) : pool->units;
}

/**
 * pool_dispatch() - Run the workgroups of a dispatch; blocks.
 * @cp: the command processor; its slot's context says where to go on, and then how far it came
 * @launch: the dispatch, checked
 * @error: filled for STEP_FAIL
 *
 * Return: STEP_STOP if an order came before the end. After STOP_PREEMPT the context is exact,
 * after other orders it means nothing.
 */
enum step pool_dispatch(struct processor *cp, const struct cu_launch *launch,
			struct cu_error *error)
{
	struct slot *slot = cp->slot;
	struct pool *pool = slot->eng->pool;
	struct job job = {
		.slot = slot, .launch = launch,
		.share.mask = allowed_units(pool, &slot->queue),
		.share.credit_ns = slot->credit_ns,
		.total = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2],
		.next = slot->context.context12,
	};
	const uint32_t held = slot->context.held;
	bool restored;

	job.parked_end = &job.parked;
	if (!job.total && !held)
		return STEP_DONE;
	save_init(&job.save, launch, slot->queue.save, slot->queue.save_size);
	job.limit = job_limit(&job);
	if (!job.limit) {
		*error = (struct cu_error){ .error = OGPU_QERR_DISPATCH };
		return STEP_FAIL;
	}
	slot->context.held = 0;
	slot->context.pc = 0;
	/* No unit executes a workgroup that is on its way out of the save area, or into it. */
	slot_unit_end(slot);
	restored = restore(pool, &job, held);
	slot_unit_begin(slot);
	if (restored)
		run(cp, pool, &job);
	slot_unit_end(slot);
	if (restored)
		put_away(&job);
	else if (!job.failed)
		slot->context.held = held;
	slot_unit_begin(slot);
	return finish(pool, &job, error);
}

/* --- the pool --------------------------------------------------------------------------------- */

static bool start_thread(struct pool *pool, const _Atomic uint64_t *as_table)
{
	struct cu *cu = cu_create(pool->gpu, as_table);

	if (!cu)
		return false;
	if (pthread_create(&pool->thread[pool->threads], NULL, pool_thread, pool)) {
		cu_destroy(cu);
		return false;
	}
	pthread_mutex_lock(&pool->lock);
	cu->next = pool->idle;
	pool->idle = cu;
	pool->cu[pool->threads++] = cu;
	pthread_mutex_unlock(&pool->lock);
	return true;
}

/* Compute units that are there and not fused off. */
static uint64_t working_units(const struct vgpu_config *cfg)
{
	return ~cfg->cu_fused & ~0ull >> (UNITS_MAX - cfg->cu_count);
}

/**
 * pool_create() - Start the threads that play the compute units.
 * @eng: the engines
 *
 * Return: NULL if that fails.
 */
struct pool *pool_create(struct engines *eng)
{
	const struct vgpu_config *cfg = vgpu_config(eng->gpu);
	struct pool *pool = calloc(1, sizeof(*pool));
	unsigned int want;

	if (!pool)
		return NULL;
	pool->gpu = eng->gpu;
	pool->eng = eng;
	pool->slots = cfg->compute_slots;
	pool->units = working_units(cfg);
	pool->unit_count = __builtin_popcountll(pool->units);
	want = at_most(pool->unit_count, cfg->host_threads ? cfg->host_threads : UNITS_MAX);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	clock_cond_init(&pool->change);
	pool->thread = calloc(want + 1, sizeof(*pool->thread));
	pool->cu = calloc(want + 1, sizeof(struct cu *));
	while (pool->thread && pool->cu && pool->threads < want &&
	       start_thread(pool, &eng->as_table))
		;
	if (pool->thread && pool->cu && pool->threads == want)
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
	struct cu_group *g;

	pthread_mutex_lock(&pool->lock);
	pool->exiting = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->threads; i++) {
		pthread_join(pool->thread[i], NULL);
		cu_destroy(pool->cu[i]);
	}
	while (pool->spare) {
		g = pool->spare;
		pool->spare = g->next;
		cu_group_destroy(g);
	}
	pthread_cond_destroy(&pool->change);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->cu);
	free(pool->thread);
	free(pool);
}

/**
 * pool_clean() - Have all units write back what they keep.
 * @pool: the pool
 *
 * Nobody is inside the memory bracket.
 */
void pool_clean(struct pool *pool)
{
	for (unsigned int i = 0; i < pool->threads; i++)
		mmu_cache_clean(&pool->cu[i]->mmu);
}

/**
 * pool_poke() - A slot's orders or its priority have changed.
 * @pool: the pool
 */
void pool_poke(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	atomic_fetch_add(&pool->changes, 1);
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

	for (unsigned int i = 0; i < pool->threads; i++)
		sum += atomic_load_explicit(&pool->cu[i]->lane_instructions, memory_order_relaxed);
	return sum;
}
