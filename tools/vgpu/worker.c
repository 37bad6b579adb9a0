// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The helper thread. Jobs run one after the other in the order in which they were posted; a job
 * that already waits is not posted twice. The thread sleeps while there is nothing to do.
 */
#include <stdlib.h>

#include "device.h"

struct worker {
	struct vgpu *gpu;
	pthread_t thread;
	pthread_mutex_t lock;		/* of all that follows */
	pthread_cond_t wake;		/* a job was posted, or stop */
	pthread_cond_t done;		/* a job ended */
	enum worker_job queue[WORKER_JOBS];
	unsigned int queued;
	bool waiting[WORKER_JOBS];	/* in the queue */
	bool running;
	enum worker_job current;	/* if running */
	bool stop;
};

static void worker_run(struct vgpu *gpu, enum worker_job job)
{
	switch (job) {
	case WORKER_RESET_COMPUTE:
		vgpu_reset(gpu, VGPU_RESET_COMPUTE);
		break;
	case WORKER_RESET_MC:
		vgpu_reset(gpu, VGPU_RESET_MC);
		break;
	case WORKER_TRIP:
		vgpu_reset(gpu, VGPU_RESET_TRIP);
		break;
	case WORKER_BOOT:
		bootrom_run(gpu);
		break;
	case WORKER_TLB:
		tlbi_run(gpu);
		break;
	case WORKER_JOBS:
		break;
	}
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		enum worker_job job;

		while (!w->queued && !w->stop)
			pthread_cond_wait(&w->wake, &w->lock);
		if (w->stop)
			break;

		job = w->queue[0];
		w->queued--;
		for (unsigned int i = 0; i < w->queued; i++)
			w->queue[i] = w->queue[i + 1];
		w->waiting[job] = false;
		w->running = true;
		w->current = job;
		pthread_mutex_unlock(&w->lock);

		worker_run(w->gpu, job);

		pthread_mutex_lock(&w->lock);
		w->running = false;
		pthread_cond_broadcast(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void free_worker(struct worker *w)
{
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/**
 * worker_create() - start the helper thread of a card.
 * @gpu: the card
 *
 * Return: the worker, or NULL if there is no memory or no thread.
 */
struct worker *worker_create(struct vgpu *gpu)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->gpu = gpu;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	pthread_cond_init(&w->done, NULL);
	if (pthread_create(&w->thread, NULL, worker_thread, w)) {
		free_worker(w);
		return NULL;
	}
	return w;
}

/**
 * worker_destroy() - end the helper thread after the job that it runs.
 * @w: the worker, NULL is allowed
 */
void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	free_worker(w);
}

/**
 * worker_post() - have a job done soon.
 * @w: the worker
 * @job: ignored if it already waits; if it runs it will run once more
 */
void worker_post(struct worker *w, enum worker_job job)
{
	pthread_mutex_lock(&w->lock);
	if (!w->waiting[job]) {
		w->waiting[job] = true;
		w->queue[w->queued++] = job;
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->lock);
}

/**
 * worker_busy() - whether a job still waits or runs.
 * @w: the worker
 * @job: the job
 *
 * Return: true until the job has ended.
 */
bool worker_busy(struct worker *w, enum worker_job job)
{
	bool busy;

	pthread_mutex_lock(&w->lock);
	busy = w->waiting[job] || (w->running && w->current == job);
	pthread_mutex_unlock(&w->lock);
	return busy;
}

/**
 * worker_cancel() - drop the jobs that wait and wait for the one that runs.
 * @w: the worker
 *
 * Not with reset_lock held, which the job may need.
 */
void worker_cancel(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	for (unsigned int i = 0; i < w->queued; i++)
		w->waiting[w->queue[i]] = false;
	w->queued = 0;
	while (w->running)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}
