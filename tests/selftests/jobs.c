// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What jobs cost and how they wait: threads of the kernel, limits, order between queues, waits for
 * what nobody has submitted yet.
 */
#include <dirent.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define QUEUES		24
#define VMS		8

/* Threads that the kernel keeps for workqueues of the driver. */
static unsigned int kernel_threads(void)
{
	unsigned int count = 0;
	struct dirent *entry;
	char path[300], comm[32];
	DIR *dir;
	FILE *f;

	dir = opendir("/proc");
	ASSERT(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, "kworker/R-ogpu", 14))
			count++;
		fclose(f);
	}
	closedir(dir);
	return count;
}

TEST(queues_cost_no_threads)
{
	struct drm_ogpu_vm_create vm = {};
	unsigned int before, i;
	struct card card;

	card_open(&card);
	before = kernel_threads();
	EXPECT_GE(before, 1);
	for (i = 0; i < QUEUES; i++)
		card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	for (i = 0; i < VMS; i++)
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm), 0);
	EXPECT_EQ(kernel_threads(), before);
}

/* A page that CPU and card write, and a queue. */
struct setup {
	struct card card;
	struct buffer page;
	volatile uint64_t *words;
	struct stream s;
	uint32_t queue;
};

static void set_up(struct setup *t)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	t->words = t->page.map;
	card_stream(&t->card, &t->s, 65536);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, 0);
}

static uint64_t word_va(const struct setup *t, unsigned int index)
{
	return t->page.va + 8 * index;
}

/* Puts a job on the queue that waits until the CPU stores 1 in word 0. */
static void close_gate(struct setup *t)
{
	stream_reset(&t->s);
	stream_wait(&t->s, word_va(t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->s, NULL, 0), 0);
}

static void open_gate(struct setup *t)
{
	t->words[0] = 1;
}

/* So many jobs of a queue may be under way and no more; those of other queues do not count. */
TEST(backlog_is_limited)
{
	static struct drm_ogpu_job jobs[DRM_OGPU_MAX_JOBS];
	const unsigned int calls = DRM_OGPU_MAX_QUEUED_JOBS / DRM_OGPU_MAX_JOBS;
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	unsigned int i;
	struct setup t;
	uint32_t other;

	set_up(&t);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	close_gate(&t);
	for (i = 0; i < calls - 1; i++)
		ASSERT_EQ(card_submit_jobs(&t.card, t.queue, jobs, DRM_OGPU_MAX_JOBS), 0);
	EXPECT_EQ(card_submit_jobs(&t.card, t.queue, jobs, DRM_OGPU_MAX_JOBS), -EBUSY);
	ASSERT_EQ(card_submit_jobs(&t.card, t.queue, jobs, DRM_OGPU_MAX_JOBS - 2), 0);
	out.handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &out, 1), 0);
	EXPECT_EQ(card_submit(&t.card, t.queue, NULL, NULL, 0), -EBUSY);
	EXPECT_EQ(card_submit(&t.card, other, NULL, NULL, 0), 0);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.submitted, DRM_OGPU_MAX_QUEUED_JOBS);
	EXPECT_EQ(state.completed, 0);

	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 20000), 0);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.completed, DRM_OGPU_MAX_QUEUED_JOBS);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &out, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 5000), 0);
}

/* SUBMIT tells the numbers of jobs, each queue's from 1. */
TEST(job_numbers)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_job jobs[5] = {};
	struct drm_ogpu_submit submit;
	uint64_t next = 1;
	struct setup t;
	uint32_t i;

	set_up(&t);
	for (i = 1; i <= 5; i++) {
		submit = (struct drm_ogpu_submit) {
			.queue_id = t.queue,
			.jobs = CARD_ARRAY(jobs, i),
			.first_job = 0x1234,
		};
		ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), 0);
		EXPECT_EQ(submit.first_job, next);
		next += i;
	}
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.submitted, next - 1);

	submit.queue_id = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_SUBMIT, &submit), 0);
	EXPECT_EQ(submit.first_job, 1);
}

/* Jobs that wait for others, jobs that do not, and a full ring: the order stays. */
TEST(order_of_fast_and_slow_jobs)
{
	struct drm_ogpu_sync in = {}, out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	unsigned int i, first, n = 480;
	struct drm_ogpu_job job;
	struct stream gate;
	struct setup t;
	uint32_t other;

	set_up(&t);
	card_stream(&t.card, &gate, 4096);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	stream_wait(&gate, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	in.handle = card_syncobj(&t.card);
	out.handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, other, &gate, &out, 1), 0);
	in.handle = out.handle;
	out.handle = card_syncobj(&t.card);

	/* Each copies a word to the next: out of order it would copy zero. */
	t.words[1] = 0x1234;
	for (i = 1; i <= n; i++) {
		first = t.s.bytes;
		stream_copy(&t.s, word_va(&t, i), word_va(&t, i + 1), 8);
		job = (struct drm_ogpu_job) {
			.stream_va = t.s.buf.va + first,
			.stream_bytes = t.s.bytes - first,
		};
		if (i % 16 == 3)
			job.syncs = CARD_ARRAY(&in, 1);
		else if (i == n)
			job.syncs = CARD_ARRAY(&out, 1);
		ASSERT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), 0);
	}
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 100), -ETIME);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 10000), 0);
	EXPECT_EQ(t.words[n + 1], 0x1234);
}

/* A queue that fails while jobs of it wait for another one: they end when it is their turn. */
TEST(slow_jobs_of_a_failed_queue)
{
	struct drm_ogpu_sync in = {}, out[2] = { { .flags = DRM_OGPU_SYNC_SIGNAL },
						 { .flags = DRM_OGPU_SYNC_SIGNAL } };
	struct drm_ogpu_queue_get_state state;
	struct stream bad;
	struct setup t;
	uint32_t other;

	set_up(&t);
	card_stream(&t.card, &bad, 4096);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	in.handle = card_syncobj(&t.card);
	close_gate(&t);
	in.flags = DRM_OGPU_SYNC_SIGNAL;
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &in, 1), 0);
	in.flags = 0;

	stream_add(&bad, &(uint64_t) { 0x2 << 16 | 99 }, 8);
	out[0].handle = card_syncobj(&t.card);
	out[1].handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, other, &bad, &out[0], 1), 0);
	{
		struct drm_ogpu_sync syncs[2] = { in, out[1] };

		ASSERT_EQ(card_submit(&t.card, other, NULL, syncs, 2), 0);
	}
	card_queue_wait_error(&t.card, other, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(card_syncobj_wait(&t.card, out[0].handle, 5000), 0);
	EXPECT_EQ(card_fence_status(&t.card, out[0].handle), -EIO);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, out[1].handle, 5000), 0);
	EXPECT_EQ(card_fence_status(&t.card, out[1].handle), -ECANCELED);
	EXPECT_EQ(card_submit(&t.card, other, NULL, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t.card, other), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
