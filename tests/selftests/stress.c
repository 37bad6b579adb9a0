// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Everything at once: programs with several threads submit random graphs of short jobs on very many
 * queues, wait for each other, have more memory than the card, move what they have mapped, destroy
 * queues at work, and run jobs that fail; others are killed. All results are looked at.
 *
 *	stress [--seed N] [--programs N] [--threads N] [--queues N] [--cells N] [--steps N]
 *	       [--mib N] [--victims N] [TEST...]
 *
 * The amount of work is given, not the time. The seed is printed; with the same seed and sizes each
 * thread does the same again, though not at the same moment as the others.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 * ARGS debug: --programs 5 --queues 14 --cells 192 --steps 40 --mib 44 --victims 6
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>

#include <xf86drm.h>

#include "card.h"
#include "culprit.h"
#include "graph.h"
#include "harness.h"

#define MOST_PROGRAMS	16
#define MOST_THREADS	4
#define MOST_GRAPHS	(MOST_PROGRAMS * MOST_THREADS)
#define TIMEOUT_S	900
#define MIB		(1ull << 20)

static struct {
	uint64_t seed;
	/* Programs, their threads, and queues and cells of a thread: a graph each. */
	unsigned int programs, threads, queues, cells;
	/* Calls of SUBMIT of a thread. */
	unsigned int steps;
	/* Of buffers of a program. */
	unsigned int mib;
	/* Programs that are killed while they work. */
	unsigned int victims;
} opts = {
	.programs = 4, .threads = 2, .queues = 16, .cells = 64, .steps = 40, .mib = 56,
	.victims = 3,
};

/* What a graph tells when it is done, in memory that all share. */
struct told {
	uint64_t jobs;
	/* Buffers seen in system memory that were only there because others had the card's. */
	unsigned int evicted;
	uint64_t ended[GRAPH_STAMPS];
	struct graph_cross cross[GRAPH_STAMPS];
	uint64_t began[GRAPH_STAMPS];
	unsigned int cross_count;
};

/* How long programs that are done wait for others. */
#define MEET_MS		300000

/* What programs have of each other. */
struct shared {
	struct told told[MOST_GRAPHS];
	/* Programs that have done their jobs, and of those, that have looked where buffers are. */
	unsigned int done, looked;
	/* Some program has failed. */
	bool failed;
};

static struct shared *shared;
/* Timelines of all graphs. */
static int timeline_fds[MOST_GRAPHS];

/* A thread: a graph, and queues that fail beside it. */
struct thread {
	pthread_t id;
	unsigned int number;
	struct graph graph;
	uint64_t random;
	struct culprits culprits;
	bool right;
};

/* Programs ----------------------------------------------------------------------------------- */

static void thread_open(struct thread *t, struct card *card, unsigned int number)
{
	struct graph_size size = {
		.queues = opts.queues,
		.cells = opts.cells,
		.buffers = opts.mib / opts.threads ? opts.mib / opts.threads : 1,
		.buffer_bytes = MIB,
	};
	unsigned int i;

	t->number = number;
	t->random = opts.seed ^ (number + 1) * 0x9e3779b97f4a7c15ull;
	graph_open(&t->graph, card, &size, graph_random(&t->random));
	for (i = 0; i < opts.programs * opts.threads; i++) {
		uint32_t handle;

		ASSERT_EQ(drmSyncobjFDToHandle(card->fd, timeline_fds[i], &handle), 0);
		t->graph.peers[i] = handle;
	}
	t->graph.peer_count = opts.programs * opts.threads;
	culprits_open(&t->culprits, card);
	t->right = true;
}

static void look(struct thread *t)
{
	t->right &= graph_check(&t->graph);
	t->right &= culprits_end(&t->culprits);
}

/* Who waits for a job that fails goes on. */
static void misbehave(struct thread *t)
{
	struct drm_ogpu_sync sync = {};

	if (t->culprits.count == CULPRITS)
		t->right &= culprits_end(&t->culprits);
	sync.handle = culprit_start(&t->culprits, graph_pick(&t->random, CULPRIT_KINDS));
	graph_wait_for(&t->graph, sync);
}

static void random_step(struct thread *t)
{
	switch (graph_pick(&t->random, 32)) {
	case 0:
	case 1:
		graph_replace_queue(&t->graph);
		break;
	case 2:
	case 7:
		misbehave(t);
		break;
	case 3:
	case 4:
	case 5:
		graph_move_cell(&t->graph);
		break;
	case 6:
		look(t);
		break;
	}
	graph_step(&t->graph);
}

static void *thread_run(void *arg)
{
	struct thread *t = arg;
	unsigned int i;

	for (i = 0; i < opts.steps && t->right; i++)
		random_step(t);
	look(t);

	return NULL;
}

static void tell(const struct thread *t)
{
	struct told *told = &shared->told[t->number];
	unsigned int i;

	for (i = 1; i <= t->graph.published; i++)
		told->ended[i] = graph_ended(&t->graph, i);
	for (i = 0; i < t->graph.cross_count; i++) {
		told->cross[i] = t->graph.cross[i];
		told->began[i] = graph_began(&t->graph, &t->graph.cross[i]);
	}
	told->cross_count = t->graph.cross_count;
	told->jobs = t->graph.jobs;
	told->evicted = t->graph.evicted;
}

/* Waits for the others. */
static void meet(unsigned int *arrived)
{
	uint64_t end = time_limit(MEET_MS);

	__atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) < opts.programs &&
	       !__atomic_load_n(&shared->failed, __ATOMIC_SEQ_CST) && time_ms() < end)
		sleep_ms(10);
}

static void program(unsigned int number)
{
	static struct thread threads[MOST_THREADS];
	struct card card;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	card_open(&card);
	for (i = 0; i < opts.threads; i++) {
		thread_open(&threads[i], &card, number * opts.threads + i);
		/* Its own is among those of all. */
		threads[i].graph.timeline = threads[i].graph.peers[threads[i].number];
	}
	for (i = 0; i < opts.threads; i++)
		ASSERT_EQ(pthread_create(&threads[i].id, NULL, thread_run, &threads[i]), 0);
	for (i = 0; i < opts.threads; i++) {
		ASSERT_EQ(pthread_join(threads[i].id, NULL), 0);
		if (!threads[i].right)
			HARNESS_FAIL("thread %u has wrong results", threads[i].number);
	}
	/* Now all have their buffers, for which VRAM has no room. */
	meet(&shared->done);
	for (i = 0; i < opts.threads; i++) {
		graph_count_evicted(&threads[i].graph);
		tell(&threads[i]);
	}
	meet(&shared->looked);
	fflush(stdout);
	_exit(0);
}

/* Like the others, then with a job that never ends, and until it is killed. */
static void victim(unsigned int number, unsigned int steps, int ready)
{
	static struct thread t;
	struct card card;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	card_open(&card);
	thread_open(&t, &card, MOST_GRAPHS + number);
	while (steps--)
		random_step(&t);
	/* It keeps the card's memory from the others, so they wait until this one is killed. */
	culprit_for_ever(&t.culprits, number & 1);
	if (!t.right || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		random_step(&t);
}

/* Kills victims one after the other, each after so many steps. Returns the steps of all. */
static unsigned int kill_victims(void)
{
	uint64_t random = opts.seed;
	unsigned int i, total = 0;
	int status;

	for (i = 0; i < opts.victims; i++) {
		unsigned int steps = graph_pick(&random, opts.steps / 4 + 1);
		int ready[2];
		char byte;
		pid_t pid;

		ASSERT_EQ(pipe(ready), 0);
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			victim(i, steps, ready[1]);
		close(ready[1]);
		EXPECT_EQ(read(ready[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		close(ready[0]);
		total += steps;
	}

	return total;
}

/* Who waited for another graph's job began when that had ended, by the card's own clock. */
static unsigned int check_cross(void)
{
	unsigned int i, k, compared = 0;

	for (i = 0; i < opts.programs * opts.threads; i++) {
		const struct told *told = &shared->told[i];

		for (k = 0; k < told->cross_count; k++) {
			const struct graph_cross *cross = &told->cross[k];
			uint64_t ended = shared->told[cross->peer].ended[cross->point];

			if (!ended || told->began[k] < ended)
				HARNESS_FAIL("graph %u began at %llu, graph %u ended at %llu", i,
					     (unsigned long long)told->began[k], cross->peer,
					     (unsigned long long)ended);
			compared++;
		}
	}

	return compared;
}

static void open_timelines(struct card *card)
{
	unsigned int i;

	for (i = 0; i < opts.programs * opts.threads; i++)
		ASSERT_EQ(drmSyncobjHandleToFD(card->fd, card_syncobj(card), &timeline_fds[i]), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT(shared != MAP_FAILED);
}

TEST_TIMEOUT(everything, TIMEOUT_S)
{
	struct drm_ogpu_query_memory before;
	unsigned int i, compared, killed, evicted = 0;
	uint64_t jobs = 0;
	struct card card;
	pid_t pid;
	int status;

	printf("# --seed %llu\n", (unsigned long long)opts.seed);
	card_open_unused(&card);
	before = card_memory(&card);
	open_timelines(&card);
	fflush(stdout);
	for (i = 0; i < opts.programs; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			program(i);
	}
	killed = kill_victims();
	for (i = 0; i < opts.programs; i++) {
		ASSERT_GE(wait(&status), 0);
		EXPECT_EQ(status, 0);
		if (status)
			__atomic_store_n(&shared->failed, true, __ATOMIC_SEQ_CST);
	}
	compared = check_cross();
	for (i = 0; i < opts.programs * opts.threads; i++) {
		jobs += shared->told[i].jobs;
		evicted += shared->told[i].evicted;
	}
	printf("# %llu jobs on %u queues, %u waits for others, %u buffers seen evicted, ",
	       (unsigned long long)jobs, opts.programs * opts.threads * opts.queues, compared,
	       evicted);
	printf("%u programs killed after %u steps\n", opts.victims, killed);
	/* Half of all buffers may be in VRAM only. */
	if (opts.programs * opts.mib / 2 * MIB > card_memory(&card).vram_size)
		EXPECT_GE(evicted, 1);
	/* Whatever was killed, destroyed or moved: nothing is left. */
	EXPECT_EQ(card_wait_memory(&card, &before), 0);
}

static unsigned int number(const char *text, unsigned int most)
{
	unsigned long value = strtoul(text, NULL, 0);

	if (!value || value > most) {
		printf("Bail out! %s is not in 1 .. %u\n", text, most);
		exit(1);
	}

	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "programs", required_argument, NULL, 'p' },
		{ "threads", required_argument, NULL, 't' },
		{ "queues", required_argument, NULL, 'q' },
		{ "cells", required_argument, NULL, 'c' },
		{ "steps", required_argument, NULL, 'n' },
		{ "mib", required_argument, NULL, 'm' },
		{ "victims", required_argument, NULL, 'v' },
		{ "limit", no_argument, NULL, 'l' },
		{},
	};
	struct timespec now;
	int option;

	clock_gettime(CLOCK_REALTIME, &now);
	opts.seed = now.tv_sec * 1000000000ull + now.tv_nsec;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			opts.seed = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			opts.programs = number(optarg, MOST_PROGRAMS);
			break;
		case 't':
			opts.threads = number(optarg, MOST_THREADS);
			break;
		case 'q':
			opts.queues = number(optarg, GRAPH_QUEUES);
			break;
		case 'c':
			opts.cells = number(optarg, GRAPH_CELLS);
			break;
		case 'n':
			opts.steps = number(optarg, 1000000);
			break;
		case 'm':
			opts.mib = number(optarg, 60);
			break;
		case 'v':
			opts.victims = number(optarg, 1000);
			break;
		case 'l':
			return harness_run(2, (char *[]) { argv[0], "--limit", NULL });
		default:
			return 1;
		}
	}

	/* What is left are names of tests. */
	return harness_run(argc - optind + 1, argv + optind - 1);
}
