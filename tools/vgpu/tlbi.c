// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The queue behind the TLBI register: the vfio-user thread puts invalidations in, the helper thread
 * carries out all that wait with one stop of the engines.
 */
#include <string.h>

#include "device.h"

/**
 * tlbi_init() - nothing is under way.
 * @queue: the queue
 */
void tlbi_init(struct tlbi_queue *queue)
{
	*queue = (struct tlbi_queue){ 0 };
	pthread_mutex_init(&queue->lock, NULL);
}

/**
 * tlbi_fini() - end of life.
 * @queue: the queue; nobody may use it any more
 */
void tlbi_fini(struct tlbi_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

/**
 * tlbi_reset() - as after power-up.
 * @queue: the queue; the helper thread is idle
 */
void tlbi_reset(struct tlbi_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->started = 0;
	queue->done = 0;
	pthread_mutex_unlock(&queue->lock);
}

/**
 * tlbi_start() - put an invalidation into the queue.
 * @queue: the queue
 * @what: what it names
 * @notify: its end puts an entry into the event ring
 *
 * Return: false if the queue is full.
 */
bool tlbi_start(struct tlbi_queue *queue, const struct tlbi *what, bool notify)
{
	bool room;

	pthread_mutex_lock(&queue->lock);
	room = queue->started - queue->done < OGPU_MMU_TLBI_DEPTH;
	if (room)
		queue->waiting[queue->started++ % OGPU_MMU_TLBI_DEPTH] =
			(struct tlbi_request){ *what, notify };
	pthread_mutex_unlock(&queue->lock);
	return room;
}

/**
 * tlbi_counts() - how far it is.
 * @queue: the queue
 * @started: result: invalidations that were put in
 * @done: result: those that have ended
 */
void tlbi_counts(struct tlbi_queue *queue, uint32_t *started, uint32_t *done)
{
	pthread_mutex_lock(&queue->lock);
	*started = queue->started;
	*done = queue->done;
	pthread_mutex_unlock(&queue->lock);
}

/**
 * tlbi_run() - carry out what waits.
 * @gpu: the card; this is its helper thread
 */
void tlbi_run(struct vgpu *gpu)
{
	struct tlbi_request request[OGPU_MMU_TLBI_DEPTH];
	struct tlbi what[OGPU_MMU_TLBI_DEPTH];
	struct tlbi_queue *queue = &gpu->tlbi;
	uint32_t first, count;

	if (gpu->tlbi_stuck)
		return;

	pthread_mutex_lock(&queue->lock);
	first = queue->done;
	count = queue->started - first;
	for (uint32_t i = 0; i < count; i++) {
		request[i] = queue->waiting[(first + i) % OGPU_MMU_TLBI_DEPTH];
		what[i] = request[i].what;
	}
	pthread_mutex_unlock(&queue->lock);

	vgpu_mem_invalidate(gpu, what, count);
	pthread_mutex_lock(&queue->lock);
	queue->done += count;
	pthread_mutex_unlock(&queue->lock);
	for (uint32_t i = 0; i < count; i++) {
		struct ogpu_event event = {
			.type = OGPU_EVENT_TLBI, .asid = what[i].asid,
			.queue = OGPU_EVENT_NO_QUEUE, .value0 = first + i + 1,
		};

		if (request[i].notify)
			vgpu_event_push(gpu, &event);
	}
}
