// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the program in an address space of the card: how long others wait for jobs that use it,
 * and what becomes of both when they do not end, when nobody waits any more, and when all happens
 * at the same time.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "own.h"
#include "user.h"

/* Pieces of memory are apart by this. */
#define PIECE	(16 * MIB)

#ifndef SYS_process_mrelease
#define SYS_process_mrelease	448
#endif

static uint64_t unmap_ms(void *mem, uint64_t size)
{
	uint64_t start = time_ms();

	ASSERT_EQ(munmap(mem, size), 0);

	return time_ms() - start;
}

/*
 * A job that does not end keeps its own program waiting for two seconds, once, however many pieces
 * it has mapped. It goes on, and faults where memory is gone, which costs its own queue alone.
 */
TEST(late_job)
{
	struct drm_ogpu_queue_get_state state;
	struct own t;
	uint32_t other;
	uint64_t first, ms;
	uint8_t *mem;

	own_set_up(&t);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	mem = own_anon(16 * MIB);
	ASSERT_EQ(own_bind(&t, mem, VA + 12 * KIB, 16 * MIB, RW), 0);
	own_submit_gated(&t, VA + 12 * KIB, 64 * KIB, 9, 0);
	first = unmap_ms(mem, 8 * MIB);
	EXPECT_GE(first, 1900);
	EXPECT_LE(first, 10000 * time_scale());
	ms = unmap_ms(mem + 8 * MIB, 8 * MIB);
	printf("# first %llu ms, second %llu ms\n", (unsigned long long)first,
	       (unsigned long long)ms);
	/* Otherwise as long as the first, however slow the machine is. */
	EXPECT_LE(ms, first / 2);

	stream_reset(&t.s);
	stream_fill(&t.s, t.out.va, 4096, 5);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, 0);
	*t.gate = 1;
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.fault_va, VA + 12 * KIB);
	card_run(&t.card, other, &t.s);
	EXPECT_EQ(own_not_all(t.out.map, 4096, 5), 0);
}

/* Nothing of a file; with all that is mapped of it. */
static uint64_t punch_us(int fd, uint64_t size)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	ASSERT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);

	return (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
}

/* One page of a file, mapped so often that the card takes long to forget it. */
static void map_often(struct own *t, int fd, unsigned int times)
{
	void *mem = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned int i;

	ASSERT(mem != MAP_FAILED);
	for (i = 0; i < times; i++)
		ASSERT_EQ(own_bind(t, mem, VA + i * PIECE, 4 * KIB, RW), 0);
}

/*
 * Who punches holes into a file holds its locks, which strangers may want: what the card takes for
 * it is his own program's debt, without any job that is waited for.
 */
TEST_TIMEOUT(own_calls_are_paid, 180)
{
	uint64_t start, ms, us = 0;
	unsigned int i;
	struct own t;
	int fd;

	fd = own_file(4 * KIB);
	own_set_up(&t);
	map_often(&t, fd, 64);
	start = time_ms();
	for (i = 0; us < 200000; i++) {
		own_fill_by_card(&t, VA, 4 * KIB, i + 1);
		us += punch_us(fd, 4 * KIB);
	}
	own_fill_by_card(&t, VA, 4 * KIB, i + 1);
	ms = time_ms() - start;
	printf("# %u calls took %llu us, with all else %llu ms\n", i, (unsigned long long)us,
	       (unsigned long long)ms);
	/* A hundred times of what is above 100 ms, unless something else kept the program. */
	EXPECT_GE(ms, 1500);

	/* Nothing is left: what this one costs is a debt, which keeps who maps, not who unmaps. */
	us = punch_us(fd, 4 * KIB);
	start = time_ms();
	EXPECT_EQ(card_unbind(&t.card, VA, 4 * KIB), 0);
	EXPECT_EQ(own_bind_op(&t.card, card_map_op(&t.out, 0, VA, 4 * KIB)), 0);
	ms = time_ms() - start;
	printf("# %llu us are paid in %llu ms\n", (unsigned long long)us, (unsigned long long)ms);
	EXPECT_GE(ms, us / 100);
}

#define TAKERS	8u

/* Another process that takes pages of a file, and tells how long each call took. */
struct taker {
	volatile uint32_t go;
	volatile uint64_t ms;
};

static struct taker *start_taker(int fd, uint64_t size)
{
	struct taker *taker = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				   -1, 0);
	pid_t parent = getpid();

	ASSERT(taker != MAP_FAILED);
	if (fork())
		return taker;

	alarm(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent) {
		uint64_t start;

		while (!taker->go)
			sleep_ms(1);
		start = time_ms();
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size))
			_exit(1);
		taker->ms = time_ms() - start;
		taker->go = 0;
	}
	_exit(0);
}

static uint64_t await_taker(struct taker *taker)
{
	uint64_t end = time_limit(WAIT_MS);

	while (taker->go && time_ms() < end)
		sleep_ms(1);
	ASSERT_EQ(taker->go, 0);

	return taker->ms;
}

static uint64_t take(struct taker *taker)
{
	taker->go = 1;

	return await_taker(taker);
}

/* Strangers wait for jobs that do not end for a tenth of a second, all of them together. */
TEST_TIMEOUT(others_patience, 300)
{
	struct drm_ogpu_queue_get_state state;
	const unsigned int rounds = 6;
	uint64_t first, ms, start, sum = 0;
	unsigned int i, as_long = 0;
	struct taker *taker;
	struct own t;
	void *mem;
	int fd;

	fd = own_file(64 * KIB);
	taker = start_taker(fd, 64 * KIB);
	own_set_up(&t);
	mem = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(own_bind(&t, mem, VA, 64 * KIB, RW), 0);
	own_submit_gated(&t, VA, 64 * KIB, 9, 0);
	first = take(taker);
	EXPECT_GE(first, 80);
	for (i = 0; i < rounds; i++) {
		/*
		 * It is there again for this one, which waits behind the other; as late as 10 s
		 * from now, if the machine was slow enough for a debt.
		 */
		ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
		ms = take(taker);
		sum += ms;
		as_long += ms >= first / 4 * 3;
	}
	printf("# first %llu ms, %u more %llu ms, %u as long\n", (unsigned long long)first, rounds,
	       (unsigned long long)sum, as_long);
	/* Some may be for other reasons. */
	EXPECT_LE(as_long, rounds / 2);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, 0);
	*t.gate = 1;
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);

	/* Who closes all and comes again finds his account as it was, but for what has come in. */
	start = time_ms();
	for (i = 0; i < 5; i++) {
		card_close(&t.card);
		own_set_up(&t);
		ASSERT_EQ(own_bind(&t, mem, VA, 64 * KIB, RW), 0);
		own_submit_gated(&t, VA, 64 * KIB, 9, 0);
		if (take(taker) <= first / 2 + (time_ms() - start) / 100)
			break;
	}
	EXPECT_LE(i, 4);
	*t.gate = 1;
}

/* How many of several who wait at the same time wait as long as one alone: @first milliseconds. */
static unsigned int take_together(struct taker **taker, const int *fd, uid_t uid, uint64_t first)
{
	unsigned int i, as_long = 0;
	uint64_t ms, sum = 0;
	struct own t;
	uint8_t *mem;

	own_set_up_as(&t, uid);
	for (i = 0; i < TAKERS; i++) {
		mem = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i], 0);
		ASSERT(mem != MAP_FAILED);
		ASSERT_EQ(own_bind(&t, mem, VA + i * PIECE, 4 * KIB, RW), 0);
	}
	own_submit_gated(&t, VA, 4 * KIB, 9, 0);
	for (i = 0; i < TAKERS; i++)
		taker[i]->go = 1;
	for (i = 0; i < TAKERS; i++) {
		ms = await_taker(taker[i]);
		sum += ms;
		as_long += ms >= first / 4 * 3;
	}
	printf("# alone %llu ms, %u together %llu ms, %u as long\n", (unsigned long long)first,
	       TAKERS, (unsigned long long)sum, as_long);
	*t.gate = 1;

	return as_long;
}

/* Several at the same time have no more than one alone. */
TEST_TIMEOUT(others_together, 120)
{
	struct taker *taker[TAKERS];
	struct own alone;
	int fd[TAKERS];
	unsigned int i;
	uint64_t first;
	uint8_t *mem;

	for (i = 0; i < TAKERS; i++) {
		fd[i] = own_file(4 * KIB);
		taker[i] = start_taker(fd[i], 4 * KIB);
	}
	own_set_up_as(&alone, 300000 + 100 * getpid());
	mem = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd[0], 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(own_bind(&alone, mem, VA, 4 * KIB, RW), 0);
	own_submit_gated(&alone, VA, 4 * KIB, 9, 0);
	first = take(taker[0]);
	EXPECT_GE(first, 80);
	*alone.gate = 1;

	/* A machine that stands still for a moment does so for all: again, as somebody else. */
	for (i = 1; i < 10; i++) {
		if (take_together(taker, fd, 300000 + 100 * getpid() + i, first) <= TAKERS / 2)
			break;
	}
	EXPECT_LE(i, 9);
}

/* Killed in a call that waits for a job, and with a job under way: soon gone, all given back. */
TEST(kill_in_mid_job)
{
	/* Not in a call; in one. */
	uint64_t best[2] = { UINT64_MAX, UINT64_MAX };
	struct drm_ogpu_query_memory before;
	struct card unused;
	int status, i;
	pid_t pid;

	card_open_unused(&unused);
	before = card_memory(&unused);
	for (i = 0; i < 4; i++) {
		uint64_t start, ms;
		int ready[2];
		char byte;

		ASSERT_EQ(pipe(ready), 0);
		pid = fork();
		ASSERT(pid >= 0);
		if (!pid) {
			struct own t;
			void *mem;

			own_set_up(&t);
			mem = own_anon(64 * KIB);
			ASSERT_EQ(own_bind(&t, mem, VA, 64 * KIB, RW), 0);
			own_submit_gated(&t, VA, 64 * KIB, 9, 0);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			if (i & 1)
				munmap(mem, 64 * KIB);
			for (;;)
				pause();
		}
		ASSERT_EQ(read(ready[0], &byte, 1), 1);
		wait_asleep(pid, i & 1 ? SYS_munmap : SYS_pause);
		start = time_ms();
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ms = time_ms() - start;
		best[i & 1] = ms < best[i & 1] ? ms : best[i & 1];
		EXPECT(WIFSIGNALED(status));
		close(ready[0]);
		close(ready[1]);
	}
	printf("# killed in %llu and %llu ms\n", (unsigned long long)best[0],
	       (unsigned long long)best[1]);
	EXPECT_LE(best[0], 1000 * time_scale());
	EXPECT_LE(best[1], 1000 * time_scale());
	EXPECT_EQ(card_wait_memory(&unused, &before), 0);
}

/* Of a process, in bytes. */
static uint64_t resident(pid_t pid)
{
	unsigned long long pages = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "r");
	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%*u %llu", &pages), 1);
	fclose(file);

	return pages * PAGE;
}

/*
 * Killed because memory is short, a program that has mapped all of it for the card, but has not
 * used it, keeps none until it ends, however late that is.
 */
TEST(reaped)
{
	uint64_t before, after;
	int status, ready[2];
	long pidfd;
	char byte;
	pid_t pid;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct own t;
		void *mem;

		own_set_up(&t);
		mem = own_anon(16 * MIB);
		own_fill(mem, 16 * MIB, 3);
		ASSERT_EQ(own_bind(&t, mem, VA, 16 * MIB, RW), 0);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		HARNESS_END();
	}

	/* It is to die, and does not get on with it. */
	ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT), 0);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT(pidfd >= 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSTOPPED(status));
	ASSERT_EQ(status >> 16, PTRACE_EVENT_EXIT);
	before = resident(pid);
	/* As the kernel does it in need. */
	EXPECT_EQ(syscall(SYS_process_mrelease, pidfd, 0), 0);
	after = resident(pid);
	printf("# %llu KiB, then %llu KiB\n", (unsigned long long)(before / KIB),
	       (unsigned long long)(after / KIB));
	EXPECT_GE(before, 16 * MIB);
	EXPECT_LE(after, 8 * MIB);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status));
}

/* Memory that another thread changes all the time while jobs run: each byte is right. */
struct changer {
	uint8_t *mem;
	uint64_t size;
	volatile bool stop;
	unsigned int rounds;
};

static void *change(void *arg)
{
	struct changer *c = arg;

	while (!c->stop) {
		uint8_t *at = c->mem + c->rounds % 16 * (c->size / 16);

		/* Most of it is charged to nobody: otherwise jobs would soon have to rest. */
		switch (c->rounds % 32) {
		case 1:
			madvise(at, c->size / 16, MADV_PAGEOUT);
			break;
		case 10:
			madvise(c->mem, c->size, MADV_COLLAPSE);
			break;
		case 19:
			madvise(at, c->size / 16, MADV_COLD);
			break;
		default:
			mprotect(at, 4 * KIB, PROT_READ);
			mprotect(at, 4 * KIB, PROT_READ | PROT_WRITE);
			break;
		}
		c->rounds++;
	}

	return NULL;
}

/* Another thread whose jobs use the address space meanwhile, and the same memory. */
struct submitter {
	struct card *card;
	uint32_t queue;
	uint32_t done;
	struct stream s;
	struct buffer out;
	volatile unsigned int good;
	unsigned int jobs, wrong;
	volatile bool stop;
};

static void *submit_all_the_time(void *arg)
{
	struct submitter *m = arg;

	while (!m->stop) {
		struct drm_ogpu_sync sync = { .handle = m->done, .flags = DRM_OGPU_SYNC_SIGNAL };

		m->jobs++;
		stream_reset(&m->s);
		/* Zeros, which nobody writes to. */
		stream_copy(&m->s, VA + PIECE, m->out.va, 16 * KIB);
		memset(m->out.map, 0xee, 16 * KIB);
		if (card_submit(m->card, m->queue, &m->s, &sync, 1) ||
		    card_syncobj_wait(m->card, m->done, WAIT_MS))
			break;
		if (card_fence_status(m->card, m->done) == 1) {
			m->good++;
			m->wrong += own_not_all(m->out.map, 16 * KIB, 0) != 0;
		} else {
			card_queue_destroy(m->card, m->queue);
			m->queue = card_queue(m->card, DRM_OGPU_ENGINE_COPY, GATE_MS);
		}
	}

	return NULL;
}

TEST_TIMEOUT(stress, 300)
{
	struct changer c = { .size = 2 * MIB };
	unsigned int i, good = 0;
	struct submitter m = {};
	pthread_t thread, other;
	uint64_t end, limit;
	struct own t;
	pid_t pid;

	own_set_up(&t);
	c.mem = own_anon(6 * MIB);
	c.mem = (uint8_t *)(((uintptr_t)c.mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(c.mem, 2 * MIB, MADV_HUGEPAGE);
	ASSERT_EQ(own_bind(&t, c.mem, VA, c.size, RW), 0);
	ASSERT_EQ(own_bind(&t, c.mem + c.size, VA + PIECE, 16 * KIB, RW), 0);
	m.card = &t.card;
	m.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	m.done = card_syncobj(&t.card);
	card_stream(&t.card, &m.s, PAGE);
	card_buffer(&t.card, &m.out, 16 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(pthread_create(&thread, NULL, change, &c), 0);
	ASSERT_EQ(pthread_create(&other, NULL, submit_all_the_time, &m), 0);
	end = time_ms() + 5000 * time_scale();
	/* Whoever keeps others waiting rests: once nothing changes any more, it has to go well. */
	limit = end + WAIT_MS * 6 * time_scale();
	for (i = 1; time_ms() < end || ((good < 10 || m.good < 10) && time_ms() < limit); i++) {
		struct drm_ogpu_sync sync = { .handle = t.done, .flags = DRM_OGPU_SYNC_SIGNAL };

		if (time_ms() >= end)
			c.stop = true;
		stream_reset(&t.s);
		stream_fill(&t.s, VA, c.size, i);
		stream_copy(&t.s, VA, t.out.va, c.size);
		ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &sync, 1), 0);
		if (i % 8 == 0 && !c.stop) {
			pid = fork();
			if (!pid)
				_exit(0);
			ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		}
		ASSERT_EQ(card_syncobj_wait(&t.card, t.done, WAIT_MS), 0);
		if (card_fence_status(&t.card, t.done) != 1) {
			/* A page could not be written just then, or nobody waited any more. */
			card_queue_destroy(&t.card, t.queue);
			t.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
			continue;
		}
		good++;
		EXPECT_EQ(own_not_all(t.out.map, c.size, i), 0);
		EXPECT_EQ(own_not_all(c.mem, c.size, i), 0);
	}
	c.stop = true;
	m.stop = true;
	pthread_join(thread, NULL);
	pthread_join(other, NULL);
	EXPECT_EQ(m.wrong, 0);
	EXPECT_GE(good, 10);
	EXPECT_GE(m.good, 10);
	printf("# %u of %u jobs, %u of %u beside them, %u changes\n", good, i - 1, m.good, m.jobs,
	       c.rounds);
}

/** struct unmapper - another thread that unmaps page by page of the card's addresses */
struct unmapper {
	struct card *card;
	uint64_t from, to;
	volatile bool over;
};

static void *unmap_pages(void *arg)
{
	struct unmapper *u = arg;
	uint64_t va;

	for (va = u->to; va > u->from; va -= PAGE)
		EXPECT_EQ(card_unbind(u->card, va - PAGE, PAGE), 0);
	u->over = true;

	return NULL;
}

/* What is still mapped is there for jobs, while other parts of it are unmapped. */
TEST_TIMEOUT(unmapped_beside, 120)
{
	unsigned int rounds = 0, jobs = 0;
	struct unmapper u;
	pthread_t thread;
	struct own t;
	uint8_t *mem;
	uint64_t end;

	own_set_up(&t);
	mem = own_anon(MIB);
	own_fill(mem, MIB, 3);
	u = (struct unmapper) { .card = &t.card, .from = VA + MIB / 2, .to = VA + MIB };
	for (end = time_ms() + 3000; time_ms() < end || !rounds; rounds++) {
		u.over = false;
		ASSERT_EQ(own_bind(&t, mem, VA, MIB, RW), 0);
		ASSERT_EQ(pthread_create(&thread, NULL, unmap_pages, &u), 0);
		do {
			/* It has to be looked for anew. */
			mprotect(mem, 4 * KIB, PROT_READ);
			mprotect(mem, 4 * KIB, PROT_READ | PROT_WRITE);
			own_copy_out(&t, VA, 64 * KIB);
			EXPECT_EQ(own_wrong(t.out.map, 64 * KIB, 3), 0);
			jobs++;
		} while (!u.over);
		pthread_join(thread, NULL);
	}
	printf("# %u rounds, %u jobs\n", rounds, jobs);
}

/* A user-mode queue is suspended while a stranger takes pages of a file, and sees what is there. */
TEST_TIMEOUT(others_and_user_queue, 300)
{
	struct taker *taker;
	struct card card;
	struct buffer out;
	struct user u;
	unsigned int i;
	void *mem;
	int fd;

	fd = own_file(64 * KIB);
	taker = start_taker(fd, 64 * KIB);
	own_open_as(&card, 100000 + getpid());
	user_vm(&card);
	card_buffer(&card, &out, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&card, &u, 65536);
	mem = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(own_bind_op(&card, own_op(mem, VA, 64 * KIB, RW)), 0);

	for (i = 0; i < 3; i++) {
		own_fill(mem, 64 * KIB, i + 3);
		u.word[1] = 0;
		user_copy(&u, VA, out.va, 64 * KIB);
		user_fence(&u);
		user_wait_packet(&u, USER_WORD(&u) + 8, 1);
		user_copy(&u, VA, out.va, 64 * KIB);
		user_fill(&u, VA, 4 * KIB, 7);
		user_fence(&u);
		user_ring(&u);
		take(taker);
		u.word[1] = 1;
		/* It stands still until the user has paid for the time that others waited. */
		ASSERT_EQ(user_wait(&u, 3 * WAIT_MS), 0);
		EXPECT_EQ(own_not_all(out.map, 64 * KIB, 0), 0);
		EXPECT_EQ(own_not_all(mem, 4 * KIB, 7), 0);
	}
}

/* How often it was tried to have user-mode queues of programs go on. */
static unsigned int attempts_to_resume(void)
{
	char path[80], line[256];
	FILE *file = NULL;
	unsigned int sum;
	bool busy;
	int i;

	do {
		sum = 0;
		for (i = 128; i < 192 && !file; i++) {
			snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/mappings", i);
			file = fopen(path, "r");
		}
		if (!file)
			SKIP("debugfs cannot be read: not mounted, or not root");
		busy = false;
		while (fgets(line, sizeof(line), file)) {
			char *at = strstr(line, " ranges invalidated, ");

			if (strstr(line, ": busy"))
				busy = true;
			if (at)
				sum += atoi(at + strlen(" ranges invalidated, "));
		}
		fclose(file);
		file = NULL;
	} while (busy);

	return sum;
}

static void *zap(void *arg)
{
	struct changer *c = arg;

	while (!c->stop)
		madvise(c->mem + c->rounds++ % 16 * (c->size / 16), 4 * KIB, MADV_DONTNEED);

	return NULL;
}

/*
 * A program whose memory changes all the time has the kernel look for it again and again: less and
 * less often, and its queue goes on once it has made up its mind.
 */
TEST_TIMEOUT(changes_and_user_queue, 120)
{
	struct changer c = { .size = 2 * MIB };
	unsigned int before, after;
	struct buffer out;
	pthread_t thread;
	struct card card;
	uint64_t end;
	struct user u;

	own_open_as(&card, 100000 + getpid());
	user_vm(&card);
	card_buffer(&card, &out, 4 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&card, &u, 65536);
	c.mem = own_anon(c.size);
	ASSERT_EQ(own_bind_op(&card, own_op(c.mem, VA, c.size, RW)), 0);
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_copy(&u, VA, out.va, 4 * KIB);
	user_fence(&u);
	user_ring(&u);

	before = attempts_to_resume();
	ASSERT_EQ(pthread_create(&thread, NULL, zap, &c), 0);
	for (end = time_ms() + 3000; time_ms() < end;)
		sleep_ms(100);
	after = attempts_to_resume();
	c.stop = true;
	pthread_join(thread, NULL);
	printf("# %u changes, %u attempts\n", c.rounds, after - before);
	EXPECT_LE(after - before, 40);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, 3 * WAIT_MS), 0);
	EXPECT_EQ(own_not_all(out.map, 4 * KIB, 0), 0);
}

/* A call that maps memory, or nothing at all, and waits for @before. */
static void bind_async(struct own *t, struct drm_ogpu_bind_op op, uint32_t before)
{
	struct drm_ogpu_sync sync = { .handle = before };
	struct drm_ogpu_vm_bind args = {
		.vm_id = t->card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC, .ops = CARD_ARRAY(&op, 1),
		.syncs = CARD_ARRAY(&sync, 1),
	};

	ASSERT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_BIND, &args), 0);
}

/* A syncobj that signals when the word has become 1. */
static uint32_t wait_for_word(struct own *t, struct stream *s, unsigned int word)
{
	/* The other slots are few. */
	uint32_t queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, GATE_MS);
	struct drm_ogpu_sync out = {
		.handle = card_syncobj(&t->card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};

	card_stream(&t->card, s, PAGE);
	stream_wait(s, t->page.va + 8 * word, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&t->card, queue, s, &out, 1), 0);

	return out.handle;
}

/* A job that does not use the memory. */
static void submit_other(struct own *t, struct stream *s, uint32_t queue, uint32_t done)
{
	struct drm_ogpu_sync out = { .handle = done, .flags = DRM_OGPU_SYNC_SIGNAL };

	stream_reset(s);
	stream_fill(s, t->out.va, 4 * KIB, 5);
	ASSERT_EQ(card_submit(&t->card, queue, s, &out, 1), 0);
}

/*
 * The entries of the same memory are to be written twice, each time behind a call of VM_BIND that
 * waits for something. When it is gone, between the two, none are left.
 */
TEST_TIMEOUT(written_twice, 120)
{
	uint32_t first, second, queue, over[2];
	struct stream gate[2], s[2];
	struct own t;
	uint8_t *mem;
	unsigned int i;

	own_set_up(&t);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	for (i = 0; i < 2; i++) {
		card_stream(&t.card, &s[i], PAGE);
		over[i] = card_syncobj(&t.card);
	}
	first = wait_for_word(&t, &gate[0], 1);
	second = wait_for_word(&t, &gate[1], 0);
	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);

	bind_async(&t, own_op(mem, VA, 64 * KIB, RW), first);
	submit_other(&t, &s[0], queue, over[0]);
	bind_async(&t, (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_NULL, .flags = RW, .va = VA + PIECE, .size = 64 * KIB,
	}, second);
	ASSERT_EQ(madvise(mem, 64 * KIB, MADV_DONTNEED), 0);
	submit_other(&t, &s[1], queue, over[1]);

	t.gate[1] = 1;
	ASSERT_EQ(card_syncobj_wait(&t.card, over[0], WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, over[0]), 1);
	own_open_in(&t, SYS_munmap);
	ASSERT_EQ(munmap(mem, 64 * KIB), 0);
	EXPECT_EQ(t.request->late, 0);
	ASSERT_EQ(card_syncobj_wait(&t.card, over[1], WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, over[1]), 1);
	own_expect_fault(&t, VA);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
