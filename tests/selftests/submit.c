// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * SUBMIT: arguments, syncobjs, order, jobs that never end, clients that die.
 */
#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIGNAL		DRM_OGPU_SYNC_SIGNAL
#define TIMELINE	DRM_OGPU_SYNC_TIMELINE
#define WAIT_MS		30000

/* RISC-V: jump to itself. */
#define INSN_LOOP	0x0000006fu

/* A job that the test holds may run for so long. */
#define HELD_MS		3600000

struct setup {
	struct card card;
	/* A page that CPU and card write. */
	struct buffer page;
	volatile uint64_t *words;
	struct stream s;
	uint32_t queue;
};

static void set_up(struct setup *t)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	t->words = t->page.map;
	card_stream(&t->card, &t->s, 65536);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, 0);
}

static uint64_t word_va(const struct setup *t, unsigned int index)
{
	return t->page.va + 8 * index;
}

static struct drm_ogpu_job job_of(const struct stream *s, const struct drm_ogpu_sync *syncs,
				  uint32_t count)
{
	return (struct drm_ogpu_job) {
		.stream_va = s ? s->buf.va : 0,
		.stream_bytes = s ? s->bytes : 0,
		.syncs = CARD_ARRAY(syncs, count),
	};
}

static int submit_array(struct setup *t, struct drm_ogpu_array jobs)
{
	struct drm_ogpu_submit submit = {
		.queue_id = t->queue,
		.jobs = jobs,
	};

	return card_ioctl(&t->card, DRM_IOCTL_OGPU_SUBMIT, &submit);
}

static int submit_sync(struct setup *t, uint32_t handle, uint32_t flags, uint64_t value)
{
	struct drm_ogpu_sync sync = {
		.handle = handle,
		.flags = flags,
		.value = value,
	};

	return card_submit(&t->card, t->queue, NULL, &sync, 1);
}

TEST(bad_submit)
{
	struct drm_ogpu_submit submit;
	struct drm_ogpu_job job;
	struct setup t;
	int bit;

	set_up(&t);
	job = job_of(NULL, NULL, 0);
	for (bit = 0; bit < 32; bit++) {
		submit = (struct drm_ogpu_submit) {
			.queue_id = t.queue,
			.flags = 1u << bit,
			.jobs = CARD_ARRAY(&job, 1),
		};
		EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), -EINVAL);
	}

	submit.flags = 0;
	submit.queue_id = 0;
	EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), -ENOENT);
	submit.queue_id = UINT32_MAX;
	EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), -ENOENT);
	submit.queue_id = t.queue;
	EXPECT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), 0);
}

TEST(bad_job_arrays)
{
	static struct drm_ogpu_job jobs[257];
	const uint32_t size = sizeof(jobs[0]);
	static uint64_t wide[2 * 512];
	struct setup t;

	set_up(&t);
	EXPECT_EQ(submit_array(&t, card_array(jobs, size, 0)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, size, 257)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, size, UINT32_MAX)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, 0, 1)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, size - 8, 1)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, size + 4, 1)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, 4104, 1)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array(jobs, UINT32_MAX - 7, 1)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array((void *)8, size, 1)), -EFAULT);
	EXPECT_EQ(submit_array(&t, card_array(NULL, size, 1)), -EFAULT);
	EXPECT_EQ(submit_array(&t, card_array((void *)-64l, size, 256)), -EINVAL);
	EXPECT_EQ(submit_array(&t, card_array((void *)0xffff800000000000ul, size, 1)), -EFAULT);

	/* A program of the future: longer elements, the unknown part must be zero. */
	EXPECT_EQ(submit_array(&t, card_array(wide, 4096, 2)), 0);
	wide[512 + 511] = 1;
	EXPECT_EQ(submit_array(&t, card_array(wide, 4096, 2)), -E2BIG);

	/* Nothing says that arrays are aligned. */
	EXPECT_EQ(submit_array(&t, card_array((char *)jobs + 3, size, 2)), 0);
}

TEST(bad_jobs)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_job job, two[2];
	struct setup t;
	int bit;

	set_up(&t);
	stream_nop(&t.s, 2);

	for (bit = 0; bit < 32; bit++) {
		job = job_of(&t.s, NULL, 0);
		job.flags = 1u << bit;
		EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	}
	for (bit = 0; bit < 3; bit++) {
		job = job_of(&t.s, NULL, 0);
		job.stream_va += 1u << bit;
		EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
		job = job_of(&t.s, NULL, 0);
		job.stream_bytes += 1u << bit;
		EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	}
	job = job_of(&t.s, NULL, 0);
	job.stream_bytes = DRM_OGPU_MAX_STREAM_BYTES + 8;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	job.stream_bytes = UINT32_MAX - 7;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	job.stream_bytes = 0;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);

	/* All or none. */
	two[0] = job_of(&t.s, NULL, 0);
	two[1] = job_of(&t.s, NULL, 0);
	two[1].flags = 1;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, two, 2), -EINVAL);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.submitted, 0);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
}

TEST(bad_syncs)
{
	static struct drm_ogpu_sync many[1025];
	struct drm_ogpu_job job;
	uint32_t handle;
	struct setup t;
	int bit, i;

	set_up(&t);
	handle = card_syncobj(&t.card);
	for (bit = 2; bit < 32; bit++)
		EXPECT_EQ(submit_sync(&t, handle, SIGNAL | 1u << bit, 0), -EINVAL);
	EXPECT_EQ(submit_sync(&t, 0, SIGNAL, 0), -ENOENT);
	EXPECT_EQ(submit_sync(&t, handle + 1, SIGNAL, 0), -ENOENT);
	EXPECT_EQ(submit_sync(&t, UINT32_MAX, 0, 0), -ENOENT);
	EXPECT_EQ(submit_sync(&t, handle, SIGNAL, 1), -EINVAL);
	EXPECT_EQ(submit_sync(&t, handle, 0, 1), -EINVAL);
	EXPECT_EQ(submit_sync(&t, handle, SIGNAL | TIMELINE, 0), -EINVAL);
	/* Nothing to wait for. */
	EXPECT_EQ(submit_sync(&t, handle, 0, 0), -EINVAL);
	EXPECT_EQ(submit_sync(&t, handle, TIMELINE, 1), -EINVAL);

	for (i = 0; i < 1025; i++)
		many[i] = (struct drm_ogpu_sync) { .handle = handle, .flags = SIGNAL };
	job = job_of(NULL, many, 1025);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	job = job_of(NULL, many, 1024);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, handle, WAIT_MS), 0);
	job.syncs.stride = 12;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	job.syncs.stride = 8;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	job = job_of(NULL, (void *)16, 1);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EFAULT);
	job = job_of(NULL, NULL, 0);
	job.syncs.array = (uintptr_t)many;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
}

/* A failed call signals nothing. */
TEST(failed_call_signals_nothing)
{
	struct drm_ogpu_sync first = { .flags = SIGNAL }, second = {};
	struct drm_ogpu_job jobs[2];
	struct setup t;

	set_up(&t);
	first.handle = card_syncobj(&t.card);
	second.handle = card_syncobj(&t.card);
	jobs[0] = job_of(NULL, &first, 1);
	jobs[1] = job_of(NULL, &second, 1);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 2), -EINVAL);
	EXPECT_EQ(card_syncobj_wait(&t.card, first.handle, 0), -EINVAL);
}

/* Jobs without packets only order. */
TEST(empty_jobs)
{
	struct drm_ogpu_sync sync = { .flags = SIGNAL };
	struct setup t;
	int i;

	set_up(&t);
	sync.handle = card_syncobj(&t.card);
	stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, sync.handle, 100), -ETIME);
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, sync.handle, WAIT_MS), 0);
}

/* One queue waits for the other through a syncobj. */
TEST(binary_between_queues)
{
	struct drm_ogpu_sync sync[2] = {};
	struct stream second;
	uint32_t other;
	struct setup t;

	set_up(&t);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&t.card, &second, 4096);
	sync[0].handle = card_syncobj(&t.card);
	sync[0].flags = SIGNAL;
	sync[1].handle = card_syncobj(&t.card);
	sync[1].flags = SIGNAL;

	stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	stream_fence(&t.s, word_va(&t, 1), 7);
	stream_copy(&second, word_va(&t, 1), word_va(&t, 2), 8);

	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &sync[0], 1), 0);
	sync[0].flags = 0;
	ASSERT_EQ(card_submit(&t.card, other, &second, sync, 2), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, sync[1].handle, 100), -ETIME);
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, sync[1].handle, WAIT_MS), 0);
	EXPECT_EQ(t.words[2], 7);
}

TEST(timelines)
{
	struct drm_ogpu_sync sync = { .flags = SIGNAL | TIMELINE };
	struct setup t;
	uint64_t i, point = 300;
	uint32_t other;

	set_up(&t);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	sync.handle = card_syncobj(&t.card);

	for (i = 1; i <= 20; i++) {
		sync.value = 10 * i;
		sync.flags = SIGNAL | TIMELINE;
		ASSERT_EQ(card_submit(&t.card, i & 1 ? t.queue : other, NULL, &sync, 1), 0);
	}
	EXPECT_EQ(card_timeline_wait(&t.card, sync.handle, 200, WAIT_MS), 0);
	EXPECT_EQ(card_timeline_query(&t.card, sync.handle), 200);

	/* Between points, the last, beyond. */
	EXPECT_EQ(submit_sync(&t, sync.handle, TIMELINE, 5), 0);
	EXPECT_EQ(submit_sync(&t, sync.handle, TIMELINE, 155), 0);
	EXPECT_EQ(submit_sync(&t, sync.handle, TIMELINE, 200), 0);
	EXPECT_EQ(submit_sync(&t, sync.handle, TIMELINE, 201), -EINVAL);

	/* A point that the CPU signals. */
	ASSERT_EQ(drmSyncobjTimelineSignal(t.card.fd, &sync.handle, &point, 1), 0);
	EXPECT_EQ(submit_sync(&t, sync.handle, TIMELINE, point), 0);
}

/* Each job of a call waits for what the one before it signals. */
TEST(jobs_of_one_call)
{
	static struct drm_ogpu_job jobs[256];
	static struct drm_ogpu_sync syncs[256][2];
	struct drm_ogpu_queue_get_state state;
	struct stream s[256];
	struct setup t;
	uint32_t handle;
	int i;

	set_up(&t);
	handle = card_syncobj(&t.card);
	for (i = 0; i < 256; i++) {
		/* Counts up: copies word i to word i + 1, out of order it would copy zero. */
		s[i].buf = t.s.buf;
		s[i].buf.map = (char *)t.s.buf.map + 128 * i;
		s[i].buf.va = t.s.buf.va + 128 * i;
		s[i].bytes = 0;
		stream_copy(&s[i], word_va(&t, i), word_va(&t, i + 1), 8);
		syncs[i][0] = (struct drm_ogpu_sync) { handle, SIGNAL | TIMELINE, i + 1 };
		syncs[i][1] = (struct drm_ogpu_sync) { handle, TIMELINE, i };
		jobs[i] = job_of(&s[i], syncs[i], i ? 2 : 1);
	}
	t.words[0] = 0x1234;
	ASSERT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 256), 0);
	EXPECT_EQ(card_timeline_wait(&t.card, handle, 256, WAIT_MS), 0);
	EXPECT_EQ(t.words[256], 0x1234);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.submitted, 256);
	EXPECT_EQ(state.completed, 256);
}

/* What a later job of the same call signals cannot be waited for. */
TEST(jobs_of_one_call_wrong_order)
{
	struct drm_ogpu_job jobs[2];
	struct drm_ogpu_sync in = {}, out = { .flags = SIGNAL };
	struct setup t;

	set_up(&t);
	in.handle = card_syncobj(&t.card);
	out.handle = in.handle;
	jobs[0] = job_of(NULL, &in, 1);
	jobs[1] = job_of(NULL, &out, 1);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 2), -EINVAL);
	jobs[0] = job_of(NULL, &out, 1);
	jobs[1] = job_of(NULL, &in, 1);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 2), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, in.handle, WAIT_MS), 0);

	in = (struct drm_ogpu_sync) { card_syncobj(&t.card), TIMELINE, 5 };
	out = (struct drm_ogpu_sync) { in.handle, SIGNAL | TIMELINE, 4 };
	jobs[0] = job_of(NULL, &out, 1);
	jobs[1] = job_of(NULL, &in, 1);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 2), -EINVAL);
	in.value = 3;
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 2), 0);
}

/* Far more jobs than a ring holds. */
TEST(more_jobs_than_the_ring_holds)
{
	static struct drm_ogpu_job jobs[256];
	struct drm_ogpu_sync out = { .flags = SIGNAL };
	struct drm_ogpu_queue_get_state state;
	struct setup t;
	int i;

	set_up(&t);
	/* However long it takes to submit them. */
	t.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, HELD_MS);
	stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
	for (i = 0; i < 256; i++)
		jobs[i] = job_of(&t.s, NULL, 0);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(card_submit_jobs(&t.card, t.queue, jobs, 256), 0);
	out.handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &out, 1), 0);
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.completed, 8 * 256 + 2);
}

/* That a job is given which never ends: time for others to do something on a slow machine. */
#define ENDLESS_MS	2000

/*
 * What never ends is killed, and nobody else notices: a queue that works all the time goes on, and
 * the fences of the dead one signal.
 */
static void run_endless(struct setup *t, uint32_t queue, const struct stream *endless)
{
	struct drm_ogpu_sync out[2] = { { .flags = SIGNAL }, { .flags = SIGNAL } };
	struct drm_ogpu_queue_get_state state;
	uint64_t begin = time_ms(), end = time_limit(10000);
	struct stream good;

	card_stream(&t->card, &good, 4096);
	stream_fill(&good, word_va(t, 8), 8, 0x55555555);
	out[0].handle = card_syncobj(&t->card);
	out[1].handle = card_syncobj(&t->card);

	ASSERT_EQ(card_submit(&t->card, queue, endless, &out[0], 1), 0);
	ASSERT_EQ(card_submit(&t->card, queue, &good, &out[1], 1), 0);
	do {
		card_run(&t->card, t->queue, &good);
		card_queue_state(&t->card, queue, &state);
	} while (state.error == DRM_OGPU_QUEUE_OK && time_ms() < end);

	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_TIMEOUT);
	EXPECT_GE(time_ms() - begin, ENDLESS_MS - 100);
	EXPECT_EQ(card_syncobj_wait(&t->card, out[0].handle, WAIT_MS), 0);
	EXPECT_EQ(card_syncobj_wait(&t->card, out[1].handle, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t->card, out[0].handle), -ETIMEDOUT);
	EXPECT_EQ(card_fence_status(&t->card, out[1].handle), -ECANCELED);
	card_queue_state(&t->card, queue, &state);
	EXPECT_EQ(state.submitted, 2);
	EXPECT_EQ(state.completed, 0);
	EXPECT_EQ(card_submit(&t->card, queue, NULL, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t->card, queue), 0);

	/* The rest of the card is as it was. */
	card_run(&t->card, t->queue, &good);
	queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_run(&t->card, queue, &good);
}

TEST(endless_wait)
{
	struct stream endless;
	struct setup t;

	set_up(&t);
	card_stream(&t.card, &endless, 4096);
	stream_wait(&endless, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	run_endless(&t, card_queue(&t.card, DRM_OGPU_ENGINE_COPY, ENDLESS_MS), &endless);
}

/* Jobs that follow it do not prolong its time. */
TEST(endless_wait_with_successors)
{
	struct drm_ogpu_queue_get_state state;
	uint64_t begin = time_ms(), end = time_limit(10000);
	struct setup t;
	uint32_t queue;

	set_up(&t);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 500);
	stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t.card, queue, &t.s, NULL, 0), 0);
	while (!card_submit(&t.card, queue, NULL, NULL, 0) && time_ms() < end)
		sleep_ms(50);
	card_queue_state(&t.card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_TIMEOUT);
	EXPECT_GE(time_ms() - begin, 500);
}

TEST(endless_kernel)
{
	struct stream endless;
	struct buffer code;
	struct setup t;
	uint64_t save;

	set_up(&t);
	card_buffer(&t.card, &code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	*(volatile uint32_t *)code.map = INSN_LOOP;
	card_stream(&t.card, &endless, 4096);
	stream_dispatch(&endless, code.va, 0, 64, 64);
	save = card_save_area(&t.card, CARD_SAVE_BYTES);
	run_endless(&t, card_compute_queue(&t.card, ENDLESS_MS, save, CARD_SAVE_BYTES), &endless);
}

/*
 * More queues than the card has slots for, and none can go on before another has been on a slot.
 * Hard on the scheduler when the one that all wait for was submitted last.
 */
static void progress_round(struct setup *t, const uint32_t *queues, struct stream *s,
			   unsigned int count, uint64_t round, bool forward)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	uint32_t handles[64];
	unsigned int i;

	for (i = 0; i < count; i++) {
		unsigned int at = forward ? count - 1 - i : i;

		stream_reset(&s[at]);
		stream_wait(&s[at], word_va(t, at + 1), DRM_OGPU_COMPARE_GE, round, UINT64_MAX);
		stream_fence(&s[at], word_va(t, at), round);
		handles[at] = card_syncobj(&t->card);
		out.handle = handles[at];
		ASSERT_EQ(card_submit(&t->card, queues[at], &s[at], &out, 1), 0);
	}
	t->words[count] = round;
	for (i = 0; i < count; i++)
		ASSERT_EQ(card_syncobj_wait(&t->card, handles[i], 60000), 0);
	EXPECT_EQ(t->words[0], round);
	for (i = 0; i < count; i++) {
		card_queue_state(&t->card, queues[i], &state);
		ASSERT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		drmSyncobjDestroy(t->card.fd, handles[i]);
	}
}

TEST_TIMEOUT(many_queues_progress, 200)
{
	enum { QUEUES = 60, TIMEOUT_MS = 50000 };
	uint32_t queues[QUEUES];
	struct stream s[QUEUES];
	unsigned int i, round;
	struct setup t;

	set_up(&t);
	for (i = 0; i < QUEUES; i++) {
		queues[i] = card_queue(&t.card, i % 4 ? DRM_OGPU_ENGINE_COMPUTE :
				       DRM_OGPU_ENGINE_COPY, TIMEOUT_MS);
		card_stream(&t.card, &s[i], 4096);
	}

	for (round = 1; round <= 4; round++) {
		uint64_t begin = time_ms();

		progress_round(&t, queues, s, QUEUES, round, round & 1);
		printf("# round %u: %llu ms\n", round, (unsigned long long)(time_ms() - begin));
	}
}

/*
 * A crowd: far more queues than the card executes at a time, each with one job that makes room
 * whenever it is told to, and ends when the CPU says so (or after a time that no test takes): a
 * dispatch of very many workgroups that are short, and shorter after the end.
 */
#define CROWD	56
/* Room for one workgroup of one wave each. */
#define CROWD_SAVE_BYTES	0x30000u

struct crowd {
	uint32_t queues[CROWD];
	struct drm_ogpu_sync out[CROWD];
	struct buffer code;
	struct stream job, gate;
};

/* Words that the CPU writes. */
enum { WORD_BEGIN = 10, WORD_END, WORD_NEVER };

static const uint32_t short_workgroup[] = {
	0x00053583,	/*	ld	a1, (a0)	*/
	0x00059c63,	/*	bnez	a1, 2f		*/
	0xc01025f3,	/*	rdtime	a1		*/
	0x001e86b7,	/*	lui	a3, 2 ms	*/
	0x00d585b3,	/*	add	a1, a1, a3	*/
	0xc0102673,	/* 1:	rdtime	a2		*/
	0xfeb66ee3,	/*	bltu	a2, a1, 1b	*/
	0x00008067,	/* 2:	ret			*/
};

/* All jobs of the crowd start together when the CPU has written WORD_BEGIN. */
static void crowd_submit(struct setup *t, struct crowd *crowd, uint32_t timeout_ms)
{
	struct drm_ogpu_sync begin = { .flags = SIGNAL };
	unsigned int i;

	card_buffer(&t->card, &crowd->code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(crowd->code.map, short_workgroup, sizeof(short_workgroup));
	card_stream(&t->card, &crowd->job, 4096);
	stream_dispatch(&crowd->job, crowd->code.va, word_va(t, WORD_END), 2000, 1);
	card_stream(&t->card, &crowd->gate, 4096);
	stream_wait(&crowd->gate, word_va(t, WORD_BEGIN), DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);

	begin.handle = card_syncobj(&t->card);
	ASSERT_EQ(card_submit(&t->card, t->queue, &crowd->gate, &begin, 1), 0);
	begin.flags = 0;
	for (i = 0; i < CROWD; i++) {
		struct drm_ogpu_sync *out = &crowd->out[i];
		struct drm_ogpu_sync syncs[2];

		out->handle = card_syncobj(&t->card);
		out->flags = SIGNAL;
		syncs[0] = begin;
		syncs[1] = *out;
		crowd->queues[i] = card_compute_queue(&t->card, timeout_ms,
						      card_save_area(&t->card, CROWD_SAVE_BYTES),
						      CROWD_SAVE_BYTES);
		ASSERT_EQ(card_submit(&t->card, crowd->queues[i], &crowd->job, syncs, 2), 0);
	}
}

static void crowd_expect(struct setup *t, const struct crowd *crowd, uint64_t completed)
{
	struct drm_ogpu_queue_get_state state;
	unsigned int i;

	for (i = 0; i < CROWD; i++) {
		card_queue_state(&t->card, crowd->queues[i], &state);
		ASSERT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		ASSERT_EQ(state.completed, completed);
	}
}

/* Jobs that together take far longer than their timeout, but none of them by itself. */
TEST(crowd_is_not_killed)
{
	const unsigned int timeout_ms = 2500 * time_scale();
	static struct crowd crowd;
	struct setup t;
	unsigned int i;

	set_up(&t);
	crowd_submit(&t, &crowd, timeout_ms);
	t.words[WORD_BEGIN] = 1;
	sleep_ms(3 * timeout_ms / 2);
	t.words[WORD_END] = 1;
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(card_syncobj_wait(&t.card, crowd.out[i].handle, WAIT_MS), 0);
	crowd_expect(&t, &crowd, 1);
}

/* What never ends does not find shelter in the crowd, though it hardly ever gets a slot. */
TEST(endless_wait_in_a_crowd)
{
	enum { TIMEOUT_MS = 200 };
	struct drm_ogpu_queue_get_state state;
	static struct crowd crowd;
	struct stream endless;
	uint64_t begin;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	crowd_submit(&t, &crowd, 0);
	card_stream(&t.card, &endless, 4096);
	stream_wait(&endless, word_va(&t, WORD_NEVER), DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, TIMEOUT_MS);

	t.words[WORD_BEGIN] = 1;
	begin = time_ms();
	ASSERT_EQ(card_submit(&t.card, queue, &endless, NULL, 0), 0);
	card_queue_wait_error(&t.card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_TIMEOUT);
	EXPECT_GE(time_ms() - begin, TIMEOUT_MS);

	/* It was crowded all the time. */
	crowd_expect(&t, &crowd, 0);
	t.words[WORD_END] = 1;
}

static void die_in_mid_job(bool kernel)
{
	struct stream endless;
	struct buffer code;
	struct setup t;
	uint32_t queue;
	int i;

	set_up(&t);
	card_stream(&t.card, &endless, 4096);
	if (kernel) {
		card_buffer(&t.card, &code, 4096, DRM_OGPU_BO_SYSTEM,
			    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
		*(volatile uint32_t *)code.map = INSN_LOOP;
		stream_fence(&endless, word_va(&t, 1), 1);
		stream_dispatch(&endless, code.va, 0, 16, 64);
	} else {
		stream_fence(&endless, word_va(&t, 1), 1);
		stream_wait(&endless, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	}
	for (i = 0; i < 4; i++) {
		/* It is not their timeout that ends them. */
		queue = card_compute_queue(&t.card, 3600 * 1000,
					   card_save_area(&t.card, CARD_SAVE_BYTES),
					   CARD_SAVE_BYTES);
		if (card_submit(&t.card, queue, &endless, NULL, 0) ||
		    card_submit(&t.card, queue, &endless, NULL, 0))
			_exit(1);
	}
	while (!t.words[1])
		sleep_ms(1);
	raise(SIGKILL);
}

/* A client dies while its jobs run: others go on, and all that it had comes back. */
TEST(killed_client)
{
	struct stream good;
	struct setup t;
	int i, status;

	set_up(&t);
	card_stream(&t.card, &good, 4096);
	stream_fill(&good, word_va(&t, 8), 8, 0x55555555);

	for (i = 0; i < 6; i++) {
		pid_t pid = fork();

		ASSERT_GE(pid, 0);
		if (!pid)
			die_in_mid_job(i & 1);
		card_run(&t.card, t.queue, &good);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		/* Nor by way of a reset, after which this file would be stale. */
		card_run(&t.card, t.queue, &good);
	}
}

/* Fences outlive queues and files. Closing the file also ends jobs of queues that are destroyed. */
static void close_in_mid_job(bool destroy)
{
	struct drm_ogpu_sync out = { .flags = SIGNAL };
	int fd = -1, fd2 = -1;
	struct setup t;

	set_up(&t);
	out.handle = card_syncobj(&t.card);
	stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &out, 1), 0);
	ASSERT_EQ(drmSyncobjExportSyncFile(t.card.fd, out.handle, &fd), 0);
	if (destroy)
		ASSERT_EQ(card_queue_destroy(&t.card, t.queue), 0);
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 0), 0);

	/* A mapping keeps the file open. */
	munmap(t.page.map, t.page.size);
	munmap(t.s.buf.map, t.s.buf.size);
	card_close(&t.card);
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1,
		       5000 * time_scale()), 1);

	card_open(&t.card);
	out.handle = card_syncobj(&t.card);
	ASSERT_EQ(drmSyncobjImportSyncFile(t.card.fd, out.handle, fd), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
	EXPECT_EQ(drmSyncobjExportSyncFile(t.card.fd, out.handle, &fd2), 0);
	close(fd);
	close(fd2);
}

TEST(sync_file_outlives_all)
{
	close_in_mid_job(false);
}

TEST(close_ends_destroyed_queues)
{
	close_in_mid_job(true);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
