// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues that misbehave (see culprit.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>

#include "culprit.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SHORT_MS	200	/* that a job is given which is to be timed out */
#define EVER_MS		600000
#define WAIT_MS		150000

#define INSN_LOOP	0x0000006fu
#define INSN_EBREAK	0x00100073u

/* An order to the killer. */
struct order {
	uint32_t queue;
	bool destroy;
};

/* What such a queue and its first fence must say; the second says -ECANCELED. */
static const struct {
	uint32_t error;
	int status;
	uint32_t timeout_ms;
} expected[CULPRIT_KINDS] = {
	[CULPRIT_FAULT] = { DRM_OGPU_QUEUE_ERR_MEMORY, -EIO, EVER_MS },
	[CULPRIT_PACKET] = { DRM_OGPU_QUEUE_ERR_OPCODE, -EIO, EVER_MS },
	[CULPRIT_TRAP] = { DRM_OGPU_QUEUE_ERR_TRAP, -EIO, EVER_MS },
	[CULPRIT_WAIT_TIMEOUT] = { DRM_OGPU_QUEUE_ERR_TIMEOUT, -ETIMEDOUT, SHORT_MS },
	[CULPRIT_KERNEL_TIMEOUT] = { DRM_OGPU_QUEUE_ERR_TIMEOUT, -ETIMEDOUT, SHORT_MS },
	[CULPRIT_WAIT_KILLED] = { DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED, EVER_MS },
	[CULPRIT_KERNEL_KILLED] = { DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED, EVER_MS },
	[CULPRIT_WAIT_DESTROYED] = { DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED, EVER_MS },
	[CULPRIT_KERNEL_DESTROYED] = { DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED, EVER_MS },
};

static bool is_destroyed(enum culprit_kind kind)
{
	return kind == CULPRIT_WAIT_DESTROYED || kind == CULPRIT_KERNEL_DESTROYED;
}

static bool is_killed(enum culprit_kind kind)
{
	return expected[kind].error == DRM_OGPU_QUEUE_ERR_KILLED;
}

static void die(const char *what)
{
	printf("# culprit: %s: %m\n", what);
	fflush(stdout);
	_exit(1);
}

static void *kill_queues(void *arg)
{
	struct culprits *c = arg;
	struct order order;
	int ret;

	while (read(c->orders[0], &order, sizeof(order)) == sizeof(order)) {
		struct drm_ogpu_queue_destroy destroy = {
			.queue_id = order.queue,
			.flags = DRM_OGPU_QUEUE_DESTROY_KILL,
		};
		struct drm_ogpu_queue_kill kill = { .queue_id = order.queue };

		if (order.destroy)
			ret = card_ioctl(c->card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy);
		else
			ret = card_ioctl(c->card, DRM_IOCTL_OGPU_QUEUE_KILL, &kill);
		if (ret) {
			printf("# kill of queue %u: %s\n", order.queue, strerror(-ret));
			c->killer_failed = true;
		}
	}

	return NULL;
}

void culprits_open(struct culprits *c, struct card *card)
{
	static const uint32_t code[] = { INSN_LOOP, INSN_EBREAK };
	static const uint32_t unknown[] = { DRM_OGPU_PKT(0xff, 8), 0 };
	struct stream *streams[] = {
		&c->fault, &c->packet, &c->trap, &c->endless_wait, &c->endless_kernel, &c->never,
	};
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->card = card;
	card_buffer(card, &c->words, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_buffer(card, &c->code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(c->code.map, code, sizeof(code));
	for (i = 0; i < CULPRITS; i++)
		c->save_va[i] = card_save_area(card, CARD_SAVE_BYTES);
	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		card_stream(card, streams[i], 4096);
	stream_copy(&c->fault, c->words.va, 0x50000, 8);
	stream_add(&c->packet, unknown, sizeof(unknown));
	stream_dispatch(&c->trap, c->code.va + 4, 0, 1, 1);
	stream_wait(&c->endless_wait, c->words.va, DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	stream_dispatch(&c->endless_kernel, c->code.va, 0, 4, 32);
	stream_fill(&c->never, c->words.va + 8, 8, 0xdeadbeef);
	if (pipe(c->orders))
		die("pipe");
	errno = pthread_create(&c->killer, NULL, kill_queues, c);
	if (errno)
		die("thread");
}

static const struct stream *stream_of(const struct culprits *c, enum culprit_kind kind)
{
	switch (kind) {
	case CULPRIT_FAULT:
		return &c->fault;
	case CULPRIT_PACKET:
		return &c->packet;
	case CULPRIT_TRAP:
		return &c->trap;
	case CULPRIT_WAIT_TIMEOUT:
	case CULPRIT_WAIT_KILLED:
	case CULPRIT_WAIT_DESTROYED:
		return &c->endless_wait;
	default:
		return &c->endless_kernel;
	}
}

/* @first and one that must never be done, in one call: the queue may fail at once. */
static void submit(struct culprits *c, uint32_t queue, const struct stream *first,
		   const uint32_t *done)
{
	struct drm_ogpu_sync out[2];
	struct drm_ogpu_job jobs[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct stream *s = i ? &c->never : first;

		out[i] = (struct drm_ogpu_sync) {
			.handle = done[i],
			.flags = DRM_OGPU_SYNC_SIGNAL,
		};
		jobs[i] = (struct drm_ogpu_job) {
			.stream_va = s->buf.va,
			.stream_bytes = s->bytes,
			.syncs = CARD_ARRAY(&out[i], 1),
		};
	}
	if (card_submit_jobs(c->card, queue, jobs, 2))
		die("SUBMIT");
}

uint32_t culprit_start(struct culprits *c, enum culprit_kind kind)
{
	struct culprit *culprit = &c->culprit[c->count];

	culprit->kind = kind;
	culprit->done[0] = card_syncobj(c->card);
	culprit->done[1] = card_syncobj(c->card);
	culprit->queue = card_compute_queue(c->card, expected[kind].timeout_ms,
					    c->save_va[c->count++], CARD_SAVE_BYTES);
	submit(c, culprit->queue, stream_of(c, kind), culprit->done);
	if (is_killed(kind)) {
		struct order order = { culprit->queue, is_destroyed(kind) };

		if (write(c->orders[1], &order, sizeof(order)) != sizeof(order))
			die("pipe");
	}

	return culprit->done[kind & 1];
}

static bool ended_right(struct culprits *c, const struct culprit *culprit)
{
	struct drm_ogpu_queue_get_state state = { .error = expected[culprit->kind].error };
	int i, status[2];

	if (card_syncobj_wait(c->card, culprit->done[1], WAIT_MS) ||
	    card_syncobj_wait(c->card, culprit->done[0], 0)) {
		printf("# culprit of kind %u does not end\n", culprit->kind);
		return false;
	}
	for (i = 0; i < 2; i++) {
		status[i] = card_fence_status(c->card, culprit->done[i]);
		drmSyncobjDestroy(c->card->fd, culprit->done[i]);
	}
	if (!is_destroyed(culprit->kind)) {
		card_queue_state(c->card, culprit->queue, &state);
		if (card_queue_destroy(c->card, culprit->queue))
			die("QUEUE_DESTROY");
	}
	if (state.error == expected[culprit->kind].error && !state.completed &&
	    status[0] == expected[culprit->kind].status && status[1] == -ECANCELED)
		return true;
	printf("# culprit of kind %u: error %u, %llu jobs completed, fences say %d, %d\n",
	       culprit->kind, state.error, (unsigned long long)state.completed, status[0],
	       status[1]);

	return false;
}

bool culprits_end(struct culprits *c)
{
	bool right = true;

	while (c->count)
		right &= ended_right(c, &c->culprit[--c->count]);
	if (((volatile uint64_t *)c->words.map)[1]) {
		printf("# a job behind one that failed was done\n");
		right = false;
	}

	return right && !c->killer_failed;
}

uint32_t culprit_for_ever(struct culprits *c, bool kernel)
{
	uint32_t done[2] = { card_syncobj(c->card), card_syncobj(c->card) };
	uint32_t queue = card_compute_queue(c->card, EVER_MS,
					    card_save_area(c->card, CARD_SAVE_BYTES),
					    CARD_SAVE_BYTES);

	submit(c, queue, kernel ? &c->endless_kernel : &c->endless_wait, done);

	return queue;
}
