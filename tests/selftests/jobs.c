// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What jobs cost and how they wait: threads of the kernel, limits, order between queues, waits for
 * what nobody has submitted yet.
 */
#include <dirent.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define QUEUES		24
#define VMS		8
/* How long a job may wait for the gate, which the test opens. */
#define GATE_MS		3600000
/* How long one may take that is to have ended: a slow kernel must not be the one that kills it. */
#define JOB_MS		5000
#define WAIT_MS		30000

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
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, GATE_MS);
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
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.completed, DRM_OGPU_MAX_QUEUED_JOBS);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &out, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
}

#define LINKS		6
#define WAITS		512
#define WAITERS		32

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ASSERT(f);
	ASSERT_GE(fputs(text, f), 0);
	ASSERT_EQ(fclose(f), 0);
}

/* Bytes of the kernel's that a group pays for and that the kernel may call reclaimable. */
static uint64_t charged(const char *group)
{
	unsigned long long bytes = 0;
	char path[200], line[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.stat", group);
	f = fopen(path, "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f) &&
	       sscanf(line, "slab_reclaimable %llu", &bytes) != 1)
		;
	fclose(f);
	return bytes;
}

/* What the kernel keeps for each of many syncobjs that jobs wait for is charged to the program. */
TEST(waiting_is_charged)
{
	static struct drm_ogpu_sync syncs[WAITS];
	/* A pointer for each is the least. */
	const uint64_t least = WAITERS * WAITS * sizeof(void *);
	char root[] = "/tmp/cgroup-XXXXXX", group[100];
	unsigned int i, k, tries = 2000;
	uint64_t bytes;
	struct setup t;
	uint32_t queue;

	ASSERT(mkdtemp(root));
	ASSERT_EQ(mount("none", root, "cgroup2", 0, NULL), 0);
	write_file(root, "cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), "%s/ogpu-test", root);
	ASSERT_EQ(mkdir(group, 0700), 0);

	/* Timelines, each with points of so many queues that only the CPU can wait for them. */
	set_up(&t);
	for (k = 0; k < WAITS; k++)
		syncs[k].handle = card_syncobj(&t.card);
	for (i = 0; i < LINKS; i++) {
		for (k = 0; k < WAITS; k++) {
			syncs[k].flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE;
			syncs[k].value = i + 1;
		}
		close_gate(&t);
		ASSERT_EQ(card_submit(&t.card, t.queue, NULL, syncs, WAITS), 0);
		t.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, GATE_MS);
	}

	for (k = 0; k < WAITS; k++)
		syncs[k].flags = DRM_OGPU_SYNC_TIMELINE;
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	/* The group pays for what follows only. Its sums are told late, by seconds. */
	write_file(group, "cgroup.procs", "0");
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(card_submit(&t.card, queue, NULL, syncs, WAITS), 0);
	do {
		bytes = charged(group);
	} while (bytes < least && --tries && !usleep(10000));
	EXPECT_GE(bytes, least);
	open_gate(&t);

	write_file(root, "cgroup.procs", "0");
	EXPECT_EQ(rmdir(group), 0);
	EXPECT_EQ(umount(root), 0);
	EXPECT_EQ(rmdir(root), 0);
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
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
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
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
	EXPECT_EQ(t.words[n + 1], 0x1234);
}

/*
 * Hardware waits for jobs of other queues: a job whose turn it is not yet is on the ring already,
 * its time does not run, and it is done when the others are.
 */
TEST(jobs_wait_for_other_queues)
{
	struct drm_ogpu_sync syncs[2] = { {}, { .flags = DRM_OGPU_SYNC_SIGNAL } };
	struct drm_ogpu_queue_get_state state;
	const unsigned int n = 100, limit_ms = JOB_MS * time_scale();
	struct stream s[100];
	uint32_t queue[3];
	unsigned int i;
	struct setup t;

	set_up(&t);
	queue[0] = t.queue;
	queue[1] = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, limit_ms);
	queue[2] = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, limit_ms);
	close_gate(&t);

	/* From queue to queue: each copies a word to the next, out of order it would copy zero. */
	t.words[1] = 0x1234;
	for (i = 0; i < n; i++) {
		s[i].buf = t.s.buf;
		s[i].buf.map = (char *)t.s.buf.map + 128 * (i + 1);
		s[i].buf.va = t.s.buf.va + 128 * (i + 1);
		s[i].bytes = 0;
		stream_copy(&s[i], word_va(&t, i + 1), word_va(&t, i + 2), 8);
		syncs[0].handle = syncs[1].handle;
		syncs[1].handle = card_syncobj(&t.card);
		ASSERT_EQ(card_submit(&t.card, queue[i % 3], &s[i], i ? syncs : &syncs[1],
				      i ? 2 : 1), 0);
	}

	/* Longer than a job of theirs may take. */
	sleep_ms(3 * limit_ms / 2);
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[1].handle, 0), -ETIME);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[1].handle, WAIT_MS), 0);
	EXPECT_EQ(t.words[n + 1], 0x1234);
	for (i = 0; i < 3; i++) {
		card_queue_state(&t.card, queue[i], &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		EXPECT_EQ(state.completed, state.submitted);
	}
}

/* A job that was held for longer than it may take has all of its time afterwards. */
TEST(time_begins_when_others_are_done)
{
	struct drm_ogpu_sync syncs[2] = { {}, { .flags = DRM_OGPU_SYNC_SIGNAL } };
	struct drm_ogpu_queue_get_state state;
	const unsigned int limit_ms = JOB_MS * time_scale();
	struct stream job;
	struct setup t;
	uint32_t other;

	set_up(&t);
	card_stream(&t.card, &job, 4096);
	stream_wait(&job, word_va(&t, 1), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, limit_ms);
	close_gate(&t);
	syncs[0].handle = card_syncobj(&t.card);
	syncs[0].flags = DRM_OGPU_SYNC_SIGNAL;
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, syncs, 1), 0);
	syncs[0].flags = 0;
	syncs[1].handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, other, &job, syncs, 2), 0);
	sleep_ms(5 * limit_ms / 4);
	open_gate(&t);
	/* Until its time runs, and then a part of it. */
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[0].handle, WAIT_MS), 0);
	sleep_ms(limit_ms / 8);
	EXPECT_EQ(card_fence_status(&t.card, syncs[1].handle), 0);
	t.words[1] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[1].handle, WAIT_MS), 0);
	card_queue_state(&t.card, other, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
}

/* When the queue that others wait for is killed they go on, and so does who gets its number. */
TEST(waiters_of_a_killed_queue)
{
	struct drm_ogpu_sync in = {}, out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_kill kill = {};
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_job jobs[40] = {};
	struct stream good;
	unsigned int round;
	struct setup t;
	uint32_t other;

	set_up(&t);
	card_stream(&t.card, &good, 4096);
	stream_fill(&good, word_va(&t, 8), 8, 0x55555555);
	for (round = 0; round < 5; round++) {
		other = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
		in.handle = card_syncobj(&t.card);
		in.flags = DRM_OGPU_SYNC_SIGNAL;
		out.handle = card_syncobj(&t.card);
		t.words[8] = 0;
		stream_reset(&t.s);
		stream_wait(&t.s, word_va(&t, 0), DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
		ASSERT_EQ(card_submit(&t.card, other, &t.s, NULL, 0), 0);
		ASSERT_EQ(card_submit_jobs(&t.card, other, jobs, 40), 0);
		ASSERT_EQ(card_submit(&t.card, other, NULL, &in, 1), 0);
		in.flags = 0;
		{
			struct drm_ogpu_sync syncs[2] = { in, out };

			ASSERT_EQ(card_submit(&t.card, t.queue, &good, syncs, 2), 0);
		}
		EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 50), -ETIME);
		EXPECT_EQ(t.words[8], 0);
		kill.queue_id = other;
		ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_QUEUE_KILL, &kill), 0);
		EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, WAIT_MS), 0);
		EXPECT_EQ(card_fence_status(&t.card, in.handle), -ECANCELED);
		EXPECT_EQ(card_fence_status(&t.card, out.handle), 1);
		EXPECT_EQ(t.words[8], 0x5555555555555555);
		EXPECT_EQ(card_queue_destroy(&t.card, other), 0);

		/* The first job of a new queue is not taken for done. */
		other = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
		t.words[8] = 0;
		card_run(&t.card, other, &good);
		EXPECT_EQ(t.words[8], 0x5555555555555555);
		card_queue_state(&t.card, other, &state);
		EXPECT_EQ(state.submitted, 1);
		EXPECT_EQ(state.completed, 1);
		EXPECT_EQ(card_queue_destroy(&t.card, other), 0);
	}
}

/* A timeline of many points, each by another queue, waited for as a whole and out of order. */
TEST(timeline_of_many_queues)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE };
	struct drm_ogpu_sync syncs[2];
	uint32_t queue[8], last;
	struct stream good;
	unsigned int i;
	struct setup t;

	set_up(&t);
	card_stream(&t.card, &good, 4096);
	stream_copy(&good, word_va(&t, 0), word_va(&t, 9), 8);
	close_gate(&t);
	out.handle = card_syncobj(&t.card);
	out.value = 1;
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &out, 1), 0);
	for (i = 0; i < 8; i++) {
		queue[i] = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
		out.value = 2 + i;
		ASSERT_EQ(card_submit(&t.card, queue[i], NULL, &out, 1), 0);
	}

	/* Point 9 is behind point 1, which the gate holds; so is 3. */
	last = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	syncs[0] = (struct drm_ogpu_sync) { out.handle, DRM_OGPU_SYNC_TIMELINE, 9 };
	syncs[1] = (struct drm_ogpu_sync) { card_syncobj(&t.card), DRM_OGPU_SYNC_SIGNAL, 0 };
	ASSERT_EQ(card_submit(&t.card, last, &good, syncs, 2), 0);
	syncs[0].value = 3;
	ASSERT_EQ(card_submit(&t.card, queue[0], &good, syncs, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[1].handle, 100), -ETIME);
	EXPECT_EQ(t.words[9], 0);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, syncs[1].handle, WAIT_MS), 0);
	EXPECT_EQ(t.words[9], 1);
}

/* New buffers of an address space that is busy keep nobody else's copies waiting. */
TEST(clears_wait_for_no_jobs)
{
	struct buffer mine, theirs;
	struct setup t, other;

	card_private = true;
	set_up(&t);
	set_up(&other);
	close_gate(&t);
	card_buffer(&t.card, &mine, 1 << 20, DRM_OGPU_BO_VRAM, DRM_OGPU_BIND_READ);

	card_buffer(&other.card, &theirs, 1 << 20, DRM_OGPU_BO_VRAM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	stream_fill(&other.s, theirs.va, 4096, 0x12345678);
	card_run(&other.card, other.queue, &other.s);
	EXPECT_EQ(*(volatile uint32_t *)theirs.map, 0x12345678);
	EXPECT_EQ(*(volatile uint32_t *)mine.map, 0);
	open_gate(&t);
}

struct late {
	struct setup *t;
	uint32_t queue;
	struct drm_ogpu_sync syncs[2];
};

/* The thread of a program that lets jobs wait for what nobody has submitted yet. */
static void *submit_thread(void *arg)
{
	struct late *late = arg;
	uint64_t point = late->syncs[0].value;

	ASSERT_EQ(drmSyncobjTimelineWait(late->t->card.fd, &late->syncs[0].handle, &point, 1,
					 INT64_MAX,
					 DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT |
					 DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, NULL), 0);
	ASSERT_EQ(card_submit(&late->t->card, late->queue, NULL, late->syncs, 2), 0);
	return NULL;
}

TEST(wait_before_signal)
{
	struct drm_ogpu_sync signal = { .flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE };
	struct late late = {};
	pthread_t thread;
	struct setup t;

	set_up(&t);
	late.t = &t;
	late.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	signal.handle = card_syncobj(&t.card);
	signal.value = 7;
	late.syncs[0] = (struct drm_ogpu_sync) { signal.handle, DRM_OGPU_SYNC_TIMELINE, 7 };
	late.syncs[1] = (struct drm_ogpu_sync) { card_syncobj(&t.card), DRM_OGPU_SYNC_SIGNAL, 0 };
	EXPECT_EQ(card_submit(&t.card, late.queue, NULL, late.syncs, 2), -EINVAL);
	ASSERT_EQ(pthread_create(&thread, NULL, submit_thread, &late), 0);

	close_gate(&t);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, &signal, 1), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, late.syncs[1].handle, 100), -ETIME);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, late.syncs[1].handle, WAIT_MS), 0);
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
	{
		struct drm_ogpu_sync syncs[2] = { in, out[1] };
		struct drm_ogpu_job jobs[2] = {
			{ bad.buf.va, bad.bytes, 0, CARD_ARRAY(&out[0], 1) },
			{ .syncs = CARD_ARRAY(syncs, 2) },
		};

		/* At once: the first one fails soon. */
		ASSERT_EQ(card_submit_jobs(&t.card, other, jobs, 2), 0);
	}
	card_queue_wait_error(&t.card, other, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(card_syncobj_wait(&t.card, out[0].handle, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, out[0].handle), -EIO);
	open_gate(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, out[1].handle, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, out[1].handle), -ECANCELED);
	EXPECT_EQ(card_submit(&t.card, other, NULL, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t.card, other), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
