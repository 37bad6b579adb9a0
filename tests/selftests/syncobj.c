// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Corners of syncobjs: waiting for what nobody has submitted yet, sync_files in between, points of
 * timelines that come in the wrong order, syncobjs that are used again, reset or destroyed while a
 * job waits for what they held, and errors of jobs.
 */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include <drm.h>
#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIGNAL		DRM_OGPU_SYNC_SIGNAL
#define TIMELINE	DRM_OGPU_SYNC_TIMELINE
#define WAIT_MS		30000
#define HELD_MS		3600000
#define SLOT_BYTES	256u

struct setup {
	struct card card;
	/* What CPU and card write. */
	struct buffer page;
	volatile uint64_t *words;
	struct stream s;
	uint32_t gated;
};

static void set_up(struct setup *t)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	t->words = t->page.map;
	card_stream(&t->card, &t->s, 65536);
	t->gated = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, HELD_MS);
}

static uint64_t word_va(const struct setup *t, unsigned int index)
{
	return t->page.va + 8 * index;
}

/* Part of the stream for a job of its own. */
static struct stream slot(const struct setup *t, unsigned int number)
{
	struct stream s = { .buf = t->s.buf };

	s.buf.map = (char *)s.buf.map + number * SLOT_BYTES;
	s.buf.va += number * SLOT_BYTES;
	s.buf.size = SLOT_BYTES;

	return s;
}

/* A job that ends once the CPU has written word @gate, and signals something. */
static void submit_gated(struct setup *t, unsigned int gate, struct drm_ogpu_sync out)
{
	struct stream s = slot(t, gate);

	stream_wait(&s, word_va(t, gate), DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	ASSERT_EQ(card_submit(&t->card, card_queue(&t->card, DRM_OGPU_ENGINE_COPY, HELD_MS), &s,
			      &out, 1), 0);
}

static void submit(struct setup *t, uint32_t queue, struct drm_ogpu_sync a, struct drm_ogpu_sync b)
{
	struct drm_ogpu_sync syncs[2] = { a, b };

	ASSERT_EQ(card_submit(&t->card, queue, NULL, syncs, b.handle ? 2 : 1), 0);
}

static struct drm_ogpu_sync sync_of(uint32_t handle, uint32_t flags, uint64_t value)
{
	return (struct drm_ogpu_sync) { handle, flags, value };
}

static int64_t deadline(void)
{
	return time_limit_ns(WAIT_MS);
}

/*
 * Waits until something has been submitted that will signal, as a program's thread does that is to
 * submit a job which waits for it.
 */
static int wait_submitted(int fd, uint32_t handle, uint64_t point)
{
	const uint32_t flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;

	/* Binary ones have no other way to say it than to wait for their end. */
	if (!point)
		return drmSyncobjWait(fd, &handle, 1, deadline(), flags, NULL);

	return drmSyncobjTimelineWait(fd, &handle, &point, 1, deadline(),
				      flags | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, NULL);
}

/* A thread that submits a job as soon as what it waits for has been submitted. */
struct submitter {
	struct setup *t;
	pthread_t thread;
	uint32_t queue;
	unsigned int number;
	uint32_t timeline;
	bool reached;
	int ret;
};

static void *submit_later(void *arg)
{
	struct submitter *s = arg;
	struct setup *t = s->t;
	struct stream stream = slot(t, s->number);
	struct drm_ogpu_sync syncs[2] = {
		sync_of(s->timeline, TIMELINE, s->number),
		sync_of(s->timeline, SIGNAL | TIMELINE, s->number + 1),
	};

	s->ret = wait_submitted(t->card.fd, s->timeline, s->number);
	if (s->ret)
		return NULL;
	/* Before it is its turn there is nothing to copy. */
	stream_copy(&stream, word_va(t, s->number), word_va(t, s->number + 1), 8);
	s->ret = card_submit(&t->card, s->queue, &stream, syncs, 2);
	__atomic_store_n(&s->reached, true, __ATOMIC_SEQ_CST);

	return NULL;
}

/* The last job's thread is there first. */
TEST(threads_submit_in_turn)
{
	enum { THREADS = 24, ROUNDS = 4 };
	struct submitter submitters[THREADS + 1] = {};
	struct setup t;
	int i, round;

	set_up(&t);
	for (i = 1; i <= THREADS; i++)
		submitters[i].queue = card_queue(&t.card, i & 1, 0);
	for (round = 1; round <= ROUNDS; round++) {
		uint32_t timeline = card_syncobj(&t.card);

		memset(t.page.map, 0, t.page.size);
		for (i = THREADS; i; i--) {
			submitters[i].t = &t;
			submitters[i].number = i;
			submitters[i].timeline = timeline;
			submitters[i].reached = false;
			ASSERT_EQ(pthread_create(&submitters[i].thread, NULL, submit_later,
						 &submitters[i]), 0);
		}
		EXPECT_EQ(card_timeline_wait(&t.card, timeline, 1, 0), -EINVAL);
		for (i = 1; i <= THREADS; i++)
			EXPECT(!__atomic_load_n(&submitters[i].reached, __ATOMIC_SEQ_CST));
		/* All submit now, but nothing is done. */
		submit_gated(&t, 0, sync_of(timeline, SIGNAL | TIMELINE, 1));
		for (i = 1; i <= THREADS; i++) {
			ASSERT_EQ(pthread_join(submitters[i].thread, NULL), 0);
			ASSERT_EQ(submitters[i].ret, 0);
		}
		EXPECT_EQ(card_timeline_query(&t.card, timeline), 0);
		t.words[1] = round;
		t.words[0] = 1;
		EXPECT_EQ(card_timeline_wait(&t.card, timeline, THREADS + 1, WAIT_MS), 0);
		EXPECT_EQ(t.words[THREADS + 1], round);
		drmSyncobjDestroy(t.card.fd, timeline);
	}
}

/* One program of a ring: waits for its points, submits, and so lets the next one go on. */
static void program(int timeline_fd, unsigned int number, unsigned int count, unsigned int rounds,
		    volatile uint64_t *times)
{
	struct drm_ogpu_sync syncs[2];
	unsigned int round, point;
	struct setup t;
	uint32_t handle;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60 * time_scale());
	set_up(&t);
	if (drmSyncobjFDToHandle(t.card.fd, timeline_fd, &handle))
		_exit(1);
	for (round = 0; round < rounds; round++) {
		struct stream s = slot(&t, round);

		point = round * count + number + 1;
		if (wait_submitted(t.card.fd, handle, point))
			_exit(2);
		stream_timestamp(&s, word_va(&t, round));
		syncs[0] = sync_of(handle, TIMELINE, point);
		syncs[1] = sync_of(handle, SIGNAL | TIMELINE, point + 1);
		if (card_submit(&t.card, t.gated, &s, syncs, 2))
			_exit(3);
	}
	if (card_timeline_wait(&t.card, handle, point + 1, WAIT_MS))
		_exit(4);
	for (round = 0; round < rounds; round++)
		times[round * count + number] = t.words[round];
	_exit(0);
}

TEST(programs_submit_in_turn)
{
	enum { PROGRAMS = 4, ROUNDS = 30 };
	uint32_t timeline;
	uint64_t *times;
	struct setup t;
	int i, fd;

	set_up(&t);
	times = mmap(NULL, PROGRAMS * ROUNDS * sizeof(*times), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(times != MAP_FAILED);
	timeline = card_syncobj(&t.card);
	ASSERT_EQ(drmSyncobjHandleToFD(t.card.fd, timeline, &fd), 0);
	fflush(stdout);
	for (i = PROGRAMS - 1; i >= 0; i--) {
		pid_t pid = fork();

		ASSERT_GE(pid, 0);
		if (!pid)
			program(fd, i, PROGRAMS, ROUNDS, times);
	}
	submit_gated(&t, 0, sync_of(timeline, SIGNAL | TIMELINE, 1));
	/* All that is submitted waits for this one. */
	ASSERT_EQ(wait_submitted(t.card.fd, timeline, PROGRAMS * ROUNDS + 1), 0);
	EXPECT_EQ(card_timeline_query(&t.card, timeline), 0);
	t.words[0] = 1;
	for (i = 0; i < PROGRAMS; i++) {
		int status;

		ASSERT_GE(wait(&status), 0);
		EXPECT_EQ(status, 0);
	}
	EXPECT_EQ(card_timeline_query(&t.card, timeline), PROGRAMS * ROUNDS + 1);
	for (i = 1; i < PROGRAMS * ROUNDS; i++) {
		EXPECT(times[i - 1]);
		EXPECT_GE(times[i], times[i - 1]);
	}
}

/* A binary one: who waits for it gets up when the job is done that was submitted later. */
TEST(binary_before_submit)
{
	uint32_t handle;
	struct setup t;
	pid_t pid;
	int fd, status;

	set_up(&t);
	handle = card_syncobj(&t.card);
	EXPECT_EQ(card_syncobj_wait(&t.card, handle, 0), -EINVAL);
	ASSERT_EQ(drmSyncobjHandleToFD(t.card.fd, handle, &fd), 0);
	fflush(stdout);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct setup other;
		uint32_t mine;

		set_up(&other);
		if (drmSyncobjFDToHandle(other.card.fd, fd, &mine))
			_exit(1);
		_exit(wait_submitted(other.card.fd, mine, 0) ? 2 : 0);
	}
	submit_gated(&t, 0, sync_of(handle, SIGNAL, 0));
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	t.words[0] = 1;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* From one file to another by way of a sync_file, also after its syncobj and its queue are gone. */
TEST(sync_file_in_between)
{
	struct setup t, other;
	uint32_t mine, theirs, done, copies[32];
	unsigned int i;
	int fd;

	set_up(&t);
	set_up(&other);
	mine = card_syncobj(&t.card);
	theirs = card_syncobj(&other.card);
	done = card_syncobj(&other.card);
	submit_gated(&t, 0, sync_of(mine, SIGNAL, 0));
	ASSERT_EQ(drmSyncobjExportSyncFile(t.card.fd, mine, &fd), 0);
	ASSERT_EQ(drmSyncobjDestroy(t.card.fd, mine), 0);
	ASSERT_EQ(drmSyncobjImportSyncFile(other.card.fd, theirs, fd), 0);
	close(fd);
	/* Once more, and as a point of a timeline. */
	ASSERT_EQ(drmSyncobjExportSyncFile(other.card.fd, theirs, &fd), 0);
	for (i = 0; i < 32; i++) {
		copies[i] = card_syncobj(&other.card);
		if (i & 1) {
			ASSERT_EQ(drmSyncobjTransfer(other.card.fd, copies[i], i, theirs, 0, 0), 0);
			submit(&other, other.gated, sync_of(copies[i], TIMELINE, i),
			       sync_of(done, SIGNAL, 0));
		} else {
			ASSERT_EQ(drmSyncobjImportSyncFile(other.card.fd, copies[i], fd), 0);
			submit(&other, other.gated, sync_of(copies[i], 0, 0),
			       sync_of(done, SIGNAL, 0));
		}
		ASSERT_EQ(drmSyncobjDestroy(other.card.fd, copies[i]), 0);
	}
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 50), 0);
	EXPECT_EQ(card_syncobj_wait(&other.card, done, 0), -ETIME);
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&other.card, done, WAIT_MS), 0);
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 0), 1);
	close(fd);
}

/* Later points that are done first are not told before the earlier ones. */
TEST(timeline_done_in_the_wrong_order)
{
	enum { POINTS = 12 };
	uint32_t timeline, done;
	struct setup t;
	int i;

	set_up(&t);
	timeline = card_syncobj(&t.card);
	done = card_syncobj(&t.card);
	for (i = 1; i <= POINTS; i++)
		submit_gated(&t, i, sync_of(timeline, SIGNAL | TIMELINE, i));
	submit(&t, t.gated, sync_of(timeline, TIMELINE, POINTS), sync_of(done, SIGNAL, 0));
	for (i = POINTS; i > 1; i--) {
		t.words[i] = 1;
		EXPECT_EQ(card_timeline_wait(&t.card, timeline, i, 20), -ETIME);
	}
	EXPECT_EQ(card_timeline_query(&t.card, timeline), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, done, 0), -ETIME);
	t.words[1] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, done, WAIT_MS), 0);
	EXPECT_EQ(card_timeline_query(&t.card, timeline), POINTS);
}

/* Jobs of one call wait for a timeline: each for what is new to it, and that must be there. */
TEST(jobs_of_one_call_wait_in_turn)
{
	/* Each waits for a point and signals something. */
	static const uint64_t points[] = { 2, 1, 2, 4, 3 };
	enum { JOBS = sizeof(points) / sizeof(points[0]) };
	struct drm_ogpu_sync syncs[JOBS + 1][2];
	struct drm_ogpu_job jobs[JOBS + 1];
	uint32_t timeline, done[JOBS + 1];
	struct setup t;
	int i;

	set_up(&t);
	timeline = card_syncobj(&t.card);
	submit_gated(&t, 1, sync_of(timeline, SIGNAL | TIMELINE, 2));
	submit_gated(&t, 2, sync_of(timeline, SIGNAL | TIMELINE, 4));
	for (i = 0; i < JOBS + 1; i++) {
		done[i] = card_syncobj(&t.card);
		syncs[i][0] = sync_of(timeline, TIMELINE, i < JOBS ? points[i] : 5);
		syncs[i][1] = sync_of(done[i], SIGNAL, 0);
		jobs[i] = (struct drm_ogpu_job) {
			.syncs = { .array = (uintptr_t)syncs[i], .count = 2,
				   .stride = sizeof(syncs[i][0]) },
		};
	}

	/* The last one waits for what nobody signals: none of them is submitted. */
	EXPECT_EQ(card_submit_jobs(&t.card, t.gated, jobs, JOBS + 1), -EINVAL);
	EXPECT_EQ(card_syncobj_wait(&t.card, done[0], 0), -EINVAL);

	ASSERT_EQ(card_submit_jobs(&t.card, t.gated, jobs, JOBS), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, done[0], 20), -ETIME);
	t.words[1] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, done[2], WAIT_MS), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, done[3], 20), -ETIME);
	t.words[2] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, done[JOBS - 1], WAIT_MS), 0);
}

/* Points that are handed over in the wrong order break nothing but their own order. */
TEST(timeline_submitted_in_the_wrong_order)
{
	uint32_t timeline, done;
	struct setup t;
	int i;

	set_up(&t);
	timeline = card_syncobj(&t.card);
	done = card_syncobj(&t.card);
	submit_gated(&t, 1, sync_of(timeline, SIGNAL | TIMELINE, 9));
	submit_gated(&t, 2, sync_of(timeline, SIGNAL | TIMELINE, 4));
	submit_gated(&t, 3, sync_of(timeline, SIGNAL | TIMELINE, 9));
	submit_gated(&t, 4, sync_of(timeline, SIGNAL | TIMELINE, 20));
	submit(&t, t.gated, sync_of(timeline, TIMELINE, 20), sync_of(done, SIGNAL, 0));
	for (i = 4; i; i--) {
		EXPECT_EQ(card_syncobj_wait(&t.card, done, 10), -ETIME);
		t.words[i] = 1;
	}
	EXPECT_EQ(card_syncobj_wait(&t.card, done, WAIT_MS), 0);
	EXPECT_EQ(card_timeline_wait(&t.card, timeline, 4, WAIT_MS), 0);
	EXPECT_EQ(card_timeline_wait(&t.card, timeline, 20, WAIT_MS), 0);
	EXPECT_EQ(card_timeline_query(&t.card, timeline), 20);
}

/* A job waits for what the syncobj held when it was submitted, whatever becomes of it. */
TEST(binary_used_again)
{
	uint32_t handle, done[3], queue;
	struct setup t;
	int i;

	set_up(&t);
	handle = card_syncobj(&t.card);
	for (i = 0; i < 3; i++)
		done[i] = card_syncobj(&t.card);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);

	/* Signalled anew by a job that ends at once. */
	submit_gated(&t, 1, sync_of(handle, SIGNAL, 0));
	submit(&t, t.gated, sync_of(handle, 0, 0), sync_of(done[0], SIGNAL, 0));
	submit(&t, queue, sync_of(handle, SIGNAL, 0), (struct drm_ogpu_sync) {});
	EXPECT_EQ(card_syncobj_wait(&t.card, handle, WAIT_MS), 0);
	/* Waited for and signalled by the same job, over and over. */
	for (i = 0; i < 64; i++)
		submit(&t, i & 1 ? queue : card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0),
		       sync_of(handle, 0, 0), sync_of(handle, SIGNAL, 0));
	EXPECT_EQ(card_syncobj_wait(&t.card, handle, WAIT_MS), 0);
	/* Reset, and destroyed. */
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	submit_gated(&t, 2, sync_of(handle, SIGNAL, 0));
	submit(&t, queue, sync_of(handle, 0, 0), sync_of(done[1], SIGNAL, 0));
	ASSERT_EQ(drmSyncobjReset(t.card.fd, &handle, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, handle, 0), -EINVAL);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	submit_gated(&t, 3, sync_of(handle, SIGNAL, 0));
	submit(&t, queue, sync_of(handle, 0, 0), sync_of(done[2], SIGNAL, 0));
	ASSERT_EQ(drmSyncobjDestroy(t.card.fd, handle), 0);

	for (i = 2; i >= 0; i--) {
		EXPECT_EQ(card_syncobj_wait(&t.card, done[i], 20), -ETIME);
		t.words[i + 1] = 1;
		EXPECT_EQ(card_syncobj_wait(&t.card, done[i], WAIT_MS), 0);
	}
}

static int status_of(int fd)
{
	struct sync_file_info info = {};

	ASSERT_EQ(ioctl(fd, SYNC_IOC_FILE_INFO, &info), 0);

	return info.status;
}

/* Errors go where the fence goes, but not on to jobs that wait for it. */
TEST(errors_are_carried)
{
	uint32_t failed, after, timeline, import;
	struct drm_ogpu_sync syncs[2];
	struct stream bad, good;
	struct setup t;
	uint32_t queue;
	int fd;

	set_up(&t);
	failed = card_syncobj(&t.card);
	after = card_syncobj(&t.card);
	timeline = card_syncobj(&t.card);
	import = card_syncobj(&t.card);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	bad = slot(&t, 10);
	stream_wait(&bad, word_va(&t, 0), DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	stream_copy(&bad, word_va(&t, 0), 0x50000, 8);
	good = slot(&t, 11);
	stream_copy(&good, word_va(&t, 0), word_va(&t, 1), 8);

	syncs[0] = sync_of(failed, SIGNAL, 0);
	syncs[1] = sync_of(timeline, SIGNAL | TIMELINE, 1);
	ASSERT_EQ(card_submit(&t.card, queue, &bad, syncs, 2), 0);
	/* On the way before it fails. */
	ASSERT_EQ(drmSyncobjExportSyncFile(t.card.fd, failed, &fd), 0);
	ASSERT_EQ(drmSyncobjImportSyncFile(t.card.fd, import, fd), 0);
	syncs[0] = sync_of(import, 0, 0);
	syncs[1] = sync_of(after, SIGNAL, 0);
	ASSERT_EQ(card_submit(&t.card, t.gated, &good, syncs, 2), 0);
	EXPECT_EQ(status_of(fd), 0);
	t.words[0] = 0x1234;
	EXPECT_EQ(card_syncobj_wait(&t.card, after, WAIT_MS), 0);
	EXPECT_EQ(t.words[1], 0x1234);
	EXPECT_EQ(card_fence_status(&t.card, after), 1);
	EXPECT_EQ(card_fence_status(&t.card, failed), -EIO);
	EXPECT_EQ(card_fence_status(&t.card, import), -EIO);
	EXPECT_EQ(status_of(fd), -EIO);
	EXPECT_EQ(card_timeline_wait(&t.card, timeline, 1, WAIT_MS), 0);
	/* After it has failed. */
	ASSERT_EQ(drmSyncobjImportSyncFile(t.card.fd, after, fd), 0);
	EXPECT_EQ(card_fence_status(&t.card, after), -EIO);
	t.words[1] = 0;
	syncs[0] = sync_of(after, 0, 0);
	syncs[1] = sync_of(import, SIGNAL, 0);
	ASSERT_EQ(card_submit(&t.card, t.gated, &good, syncs, 2), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, import, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, import), 1);
	EXPECT_EQ(t.words[1], 0x1234);
	close(fd);
}

/* An eventfd can be armed before anything has been submitted. */
TEST(eventfd_before_submit)
{
	uint64_t count;
	uint32_t timeline;
	struct setup t;
	int fds[2], i;

	set_up(&t);
	timeline = card_syncobj(&t.card);
	for (i = 0; i < 2; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_GE(fds[i], 0);
		ASSERT_EQ(drmSyncobjEventfd(t.card.fd, timeline, 2, fds[i], i ? 0 :
					    DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE), 0);
	}
	submit_gated(&t, 1, sync_of(timeline, SIGNAL | TIMELINE, 1));
	EXPECT_EQ(read(fds[0], &count, 8), -1);
	submit_gated(&t, 2, sync_of(timeline, SIGNAL | TIMELINE, 2));
	EXPECT_EQ(read(fds[0], &count, 8), 8);
	t.words[2] = 1;
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fds[1], .events = POLLIN }, 1, 50), 0);
	t.words[1] = 1;
	EXPECT_EQ(poll(&(struct pollfd) { .fd = fds[1], .events = POLLIN }, 1,
		       WAIT_MS * time_scale()), 1);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
