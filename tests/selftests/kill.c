// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * QUEUE_KILL, and QUEUE_DESTROY that kills: what ends, what does not, and what is told afterwards.
 */
#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
/* Longer than the tests take: nothing but a kill or the gate ends a job. */
#define EVER_MS		3600000
#define WAIT_MS		30000

/** struct setup - a card, a gate in memory, and a stream that waits for it */
struct setup {
	struct card card;
	struct buffer gate;
	struct stream gated;
};

/* A kernel that stores 1 where its argument says, and does not end. */
static const uint32_t loop[] = {
	0x00100593,	/*	li	a1, 1		*/
	0x00b53023,	/*	sd	a1, 0(a0)	*/
	0x0000006f,	/*	j	.		*/
};

static void set_up(struct setup *t)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->gate, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&t->card, &t->gated, 4096);
	stream_wait(&t->gated, t->gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
}

static void open_gate(struct setup *t)
{
	*(volatile uint64_t *)t->gate.map = 1;
}

static int kill_queue(struct card *card, uint32_t queue)
{
	struct drm_ogpu_queue_kill args = { .queue_id = queue };

	return card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_KILL, &args);
}

/* A job, and the syncobj that it signals. */
static uint32_t submit(struct card *card, uint32_t queue, const struct stream *s, uint32_t wait_for)
{
	struct drm_ogpu_sync syncs[2] = {
		{ .flags = DRM_OGPU_SYNC_SIGNAL },
		{ .handle = wait_for },
	};

	syncs[0].handle = card_syncobj(card);
	ASSERT_EQ(card_submit(card, queue, s, syncs, wait_for ? 2 : 1), 0);

	return syncs[0].handle;
}

/* Its job was not done. */
static void expect_cancelled(struct card *card, uint32_t out)
{
	EXPECT_EQ(card_syncobj_wait(card, out, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(card, out), -ECANCELED);
}

static void expect_error(struct card *card, uint32_t queue, uint32_t error)
{
	struct drm_ogpu_queue_get_state state;

	card_queue_state(card, queue, &state);
	EXPECT_EQ(state.error, error);
}

TEST(bad_arguments)
{
	struct drm_ogpu_queue_kill args = {};
	struct card card, other;

	card_open(&card);
	card_open(&other);
	args.queue_id = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	args.pad = 1;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_KILL, &args), -EINVAL);
	args.pad = 0;
	EXPECT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_QUEUE_KILL, &args), -ENOENT);
	EXPECT_EQ(kill_queue(&card, 0), -ENOENT);
	EXPECT_EQ(kill_queue(&card, args.queue_id + 1), -ENOENT);
	EXPECT_EQ(kill_queue(&card, UINT32_MAX), -ENOENT);
	expect_error(&card, args.queue_id, DRM_OGPU_QUEUE_OK);
}

/* All jobs of the queue end, with buffers mapped and in use, and none of its neighbour's. */
TEST(ends_jobs)
{
	uint32_t queue, neighbour, out[3], other;
	struct setup t;

	set_up(&t);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	neighbour = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	other = submit(&t.card, neighbour, &t.gated, 0);
	out[0] = submit(&t.card, queue, &t.gated, 0);
	out[1] = submit(&t.card, queue, &t.gated, 0);
	out[2] = submit(&t.card, queue, NULL, 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, out[0], 0), -ETIME);

	ASSERT_EQ(kill_queue(&t.card, queue), 0);
	expect_error(&t.card, queue, DRM_OGPU_QUEUE_ERR_KILLED);
	expect_cancelled(&t.card, out[0]);
	expect_cancelled(&t.card, out[1]);
	expect_cancelled(&t.card, out[2]);
	EXPECT_EQ(card_submit(&t.card, queue, &t.gated, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);

	expect_error(&t.card, neighbour, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(card_fence_status(&t.card, other), 0);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, other, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, other), 1);
}

/* A kernel that never ends, on all compute units. */
TEST(ends_endless_kernel)
{
	struct drm_ogpu_queue_get_state state;
	struct stream endless, good;
	uint32_t queue, done;
	struct buffer code, page;
	uint64_t save, end;
	struct setup t;

	set_up(&t);
	card_buffer(&t.card, &code, 4096, DRM_OGPU_BO_VRAM, DRM_OGPU_BIND_READ |
		    DRM_OGPU_BIND_EXEC);
	memcpy(code.map, loop, sizeof(loop));
	card_buffer(&t.card, &page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	save = card_save_area(&t.card, CARD_SAVE_BYTES);
	queue = card_compute_queue(&t.card, EVER_MS, save, CARD_SAVE_BYTES);
	card_stream(&t.card, &endless, 4096);
	stream_dispatch(&endless, code.va, page.va, 8, 64);
	done = submit(&t.card, queue, &endless, 0);
	/* Until it is on the units. */
	end = time_limit(WAIT_MS);
	while (!*(volatile uint64_t *)page.map)
		ASSERT_LE(time_ms(), end);

	ASSERT_EQ(kill_queue(&t.card, queue), 0);
	EXPECT_EQ(card_fence_status(&t.card, done), -ECANCELED);
	card_queue_state(&t.card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_KILLED);
	EXPECT_EQ(state.flags, 0);
	EXPECT_EQ(state.failed_job, 1);
	EXPECT_GE(state.pc, code.va);
	EXPECT_LE(state.pc, code.va + 8);

	card_stream(&t.card, &good, 4096);
	stream_nop(&good, 2);
	card_run(&t.card, card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS), &good);
}

/* One that has nothing to do is killed as well, and killing once more changes nothing. */
TEST(idle_and_again)
{
	struct setup t;
	uint32_t queue;

	set_up(&t);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	EXPECT_EQ(kill_queue(&t.card, queue), 0);
	expect_error(&t.card, queue, DRM_OGPU_QUEUE_ERR_KILLED);
	EXPECT_EQ(kill_queue(&t.card, queue), 0);
	expect_error(&t.card, queue, DRM_OGPU_QUEUE_ERR_KILLED);
	EXPECT_EQ(card_submit(&t.card, queue, NULL, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);
	EXPECT_EQ(kill_queue(&t.card, queue), -ENOENT);
}

/* What a queue failed of before stays what it failed of. */
TEST(keeps_first_error)
{
	static const uint32_t bad[2] = { DRM_OGPU_PKT(0x7f, 8) };
	struct drm_ogpu_queue_get_state state;
	struct stream s;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	card_stream(&t.card, &s, 4096);
	stream_add(&s, bad, sizeof(bad));
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	submit(&t.card, queue, &s, 0);
	card_queue_wait_error(&t.card, queue, &state);
	ASSERT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(kill_queue(&t.card, queue), 0);
	expect_error(&t.card, queue, DRM_OGPU_QUEUE_ERR_OPCODE);
}

/* A job that has not begun never does, and its fence need not wait for what the job waits for. */
TEST(job_that_waits)
{
	uint32_t queue, first, in, out;
	struct buffer buf;
	struct stream s;
	struct setup t;

	set_up(&t);
	card_buffer(&t.card, &buf, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&t.card, &s, 4096);
	stream_fill(&s, buf.va, 4096, 0x11111111);
	first = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	in = submit(&t.card, first, &t.gated, 0);
	out = submit(&t.card, queue, &s, in);

	ASSERT_EQ(kill_queue(&t.card, queue), 0);
	expect_error(&t.card, queue, DRM_OGPU_QUEUE_ERR_KILLED);
	EXPECT_EQ(card_fence_status(&t.card, in), 0);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, out, WAIT_MS), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, in, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, in), 1);
	EXPECT_EQ(card_fence_status(&t.card, out), -ECANCELED);
	EXPECT_EQ(*(uint32_t *)buf.map, 0);
}

TEST(destroy_kills)
{
	struct drm_ogpu_queue_destroy args = { .flags = DRM_OGPU_QUEUE_DESTROY_KILL };
	struct setup t;
	uint32_t done;

	set_up(&t);
	args.queue_id = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	done = submit(&t.card, args.queue_id, &t.gated, 0);
	EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &args), 0);
	expect_cancelled(&t.card, done);
	EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &args), -ENOENT);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
