// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Nobody notices a queue that misbehaves: neighbours in the same address space, in the same file
 * and in other programs go on, lose no job, and have right results.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "culprit.h"
#include "graph.h"
#include "harness.h"

#define TIMEOUT_S	120
#define SEED		0x6e65696768626f75ull
#define STEPS		3	/* before and while each of them misbehaves */

static const struct graph_size size = {
	.queues = 8, .cells = 16, .buffers = 8, .buffer_bytes = 1 << 20,
};

/* A graph is at work while queues of each kind fail or are ended. */
static void work_beside(struct graph *g, struct culprits *c)
{
	unsigned int kind, i;

	for (kind = 0; kind < CULPRIT_KINDS; kind++) {
		for (i = 0; i < STEPS; i++)
			graph_step(g);
		culprit_start(c, kind);
		for (i = 0; i < STEPS; i++)
			graph_step(g);
		if (!graph_check(g))
			HARNESS_FAIL("beside a culprit of kind %u", kind);
		EXPECT(culprits_end(c));
	}
	/* And with all of them in the past. */
	graph_step(g);
	EXPECT(graph_check(g));
}

TEST_TIMEOUT(in_the_same_address_space, TIMEOUT_S)
{
	static struct graph g;
	struct culprits c;
	struct card card;

	card_open(&card);
	graph_open(&g, &card, &size, SEED);
	culprits_open(&c, &card);
	work_beside(&g, &c);
}

TEST_TIMEOUT(in_the_same_file, TIMEOUT_S)
{
	struct drm_ogpu_vm_create vm = {};
	struct card card, other;
	static struct graph g;
	struct culprits c;

	card_open(&card);
	graph_open(&g, &card, &size, SEED);
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm), 0);
	other = card;
	other.vm = vm.vm_id;
	culprits_open(&c, &other);
	work_beside(&g, &c);
}

TEST_TIMEOUT(in_another_file, TIMEOUT_S)
{
	struct card card, other;
	static struct graph g;
	struct culprits c;

	card_open(&card);
	graph_open(&g, &card, &size, SEED);
	card_open(&other);
	culprits_open(&c, &other);
	work_beside(&g, &c);
}

/* Has a job that does not end, and is killed in the midst of it. */
static void die_at_work(bool kernel, int ready)
{
	struct culprits c;
	struct card card;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	card_open(&card);
	culprits_open(&c, &card);
	culprit_for_ever(&c, kernel);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

TEST_TIMEOUT(in_a_program_that_is_killed, TIMEOUT_S)
{
	enum { ROUNDS = 8 };
	static struct graph g;
	struct card card;
	int i, k;

	card_open(&card);
	graph_open(&g, &card, &size, SEED);
	for (i = 0; i < ROUNDS; i++) {
		int status, ready[2];
		pid_t pid;
		char byte;

		ASSERT_EQ(pipe(ready), 0);
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			die_at_work(i & 1, ready[1]);
		ASSERT_EQ(read(ready[0], &byte, 1), 1);
		for (k = 0; k < STEPS; k++)
			graph_step(&g);
		kill(pid, SIGKILL);
		for (k = 0; k < STEPS; k++)
			graph_step(&g);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT(WIFSIGNALED(status));
		EXPECT(graph_check(&g));
		close(ready[0]);
		close(ready[1]);
	}
}

/* A program that wants more of the card's memory than others leave it. */
struct greedy {
	pthread_t thread;
	struct card card;
	struct stream s;
	struct buffer big;
	uint32_t queue, done;
	pid_t tid;
	bool returned;
	int ret;
};

static void greedy_open(struct greedy *g, uint64_t bytes)
{
	struct drm_ogpu_bo_create create = { .size = bytes, .placement = DRM_OGPU_BO_VRAM };

	card_open(&g->card);
	ASSERT_EQ(card_ioctl(&g->card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	g->big.handle = create.handle;
	g->big.size = create.size;
	g->big.va = 0x200000000000ull;
	ASSERT_EQ(card_bind(&g->card, &g->big, g->big.va,
			    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE), 0);
	card_stream(&g->card, &g->s, 4096);
	stream_fill(&g->s, g->big.va, 4096, 1);
	g->queue = card_queue(&g->card, DRM_OGPU_ENGINE_COPY, 0);
	g->done = card_syncobj(&g->card);
}

static void *greedy_submit(void *arg)
{
	struct greedy *g = arg;
	struct drm_ogpu_sync out = { .handle = g->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	__atomic_store_n(&g->tid, gettid(), __ATOMIC_SEQ_CST);
	g->ret = card_submit(&g->card, g->queue, &g->s, &out, 1);
	__atomic_store_n(&g->returned, true, __ATOMIC_SEQ_CST);

	return NULL;
}

/* Waits until a thread sleeps in SUBMIT, or is through it and its job waits on the card. */
static void wait_settled(const struct greedy *g)
{
	uint64_t end = time_limit(30000);
	pid_t tid;

	do {
		ASSERT_LE(time_ms(), end);
		sleep_ms(1);
		if (__atomic_load_n(&g->returned, __ATOMIC_SEQ_CST))
			return;
		tid = __atomic_load_n(&g->tid, __ATOMIC_SEQ_CST);
	} while (!tid || !is_asleep(tid, SYS_ioctl));
}

/*
 * One holds memory with a job that does not end, and two wait for room, in SUBMIT or on the card;
 * the second finds nothing to evict that the first one does not look at already. Whose memory is
 * where it should be is not concerned.
 */
TEST_TIMEOUT(while_others_wait_for_memory, TIMEOUT_S)
{
	static struct greedy holder, greedy[2];
	struct drm_ogpu_queue_kill kill = {};
	struct card card;
	struct buffer words;
	struct stream s;
	struct drm_ogpu_query_memory mem;
	uint32_t queue;
	uint64_t bytes;
	int i;

	card_open_unused(&card);
	mem = card_memory(&card);
	bytes = mem.vram_size / 8 * 5;
	if (mem.vram_size > 64 << 20)
		SKIP("needs a card with 64 MiB of VRAM");
	card_buffer(&card, &words, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	stream_fill(&s, words.va, 8, 0x1234567);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_run(&card, queue, &s);

	greedy_open(&greedy[0], bytes);
	greedy_open(&greedy[1], bytes);
	greedy_open(&holder, bytes);
	stream_wait(&holder.s, holder.big.va + 8192, DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	holder.queue = card_queue(&holder.card, DRM_OGPU_ENGINE_COPY, GRAPH_TIMEOUT_MS);
	greedy_submit(&holder);
	ASSERT_EQ(holder.ret, 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pthread_create(&greedy[i].thread, NULL, greedy_submit, &greedy[i]), 0);
		wait_settled(&greedy[i]);
	}

	alarm(30 * time_scale());
	for (i = 0; i < 20; i++) {
		memset(words.map, 0, 8);
		card_run(&card, queue, &s);
		EXPECT_EQ(*(volatile uint32_t *)words.map, 0x1234567);
	}
	EXPECT_EQ(card_syncobj_wait(&holder.card, holder.done, 0), -ETIME);
	alarm(TIMEOUT_S * time_scale());

	/* They get it when it is free. */
	kill.queue_id = holder.queue;
	EXPECT_EQ(card_ioctl(&holder.card, DRM_IOCTL_OGPU_QUEUE_KILL, &kill), 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pthread_join(greedy[i].thread, NULL), 0);
		ASSERT_EQ(greedy[i].ret, 0);
		EXPECT_EQ(card_syncobj_wait(&greedy[i].card, greedy[i].done, 30000), 0);
		EXPECT_EQ(card_fence_status(&greedy[i].card, greedy[i].done), 1);
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
