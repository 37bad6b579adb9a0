// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The user-mode door at its worst: programs with very many queues of their own and more memory than
 * the card has. Each step of a queue takes a block that another one has made, changes it and leaves
 * it for others; only the card is told who waits for whom. Beside them queues fail and are killed,
 * and programs end in the middle. All results are looked at.
 *
 *	user_storm [--seed N] [--programs N] [--victims N] [--queues N] [--steps N] [TEST...]
 *
 * The amount of work is given, not the time. The seed is printed.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M --doorbells 1152'
 * ARGS debug: --queues 48 --steps 4
 */
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>

#include "card.h"
#include "graph.h"
#include "harness.h"
#include "user.h"

#define MOST_PROGRAMS	8
#define MOST_QUEUES	128
#define TIMEOUT_S	900
#define WAIT_MS		120000
#define RING_BYTES	(1 << 15)
/* Of each queue: blocks, and the VRAM that they are the beginning of. */
#define BLOCKS		4
#define BLOCK_WORDS	256
#define BLOCK_BYTES	(BLOCK_WORDS * 8)
#define QUEUE_BYTES	(256 << 10)
/* That a block is copied to before it is made anew. */
#define READERS		3
#define BAD_OPCODE	0xffu

static struct {
	uint64_t seed;
	unsigned int programs, victims, queues;
	/* Of each queue. */
	unsigned int steps;
} opts = { .programs = 3, .victims = 1, .queues = 96, .steps = 8 };

/* Steps that a victim has done. */
static unsigned int *steps_done;

/* What some queue made last here, and who reads it since. */
struct block {
	uint64_t fence;
	struct reader {
		struct user *user;
		uint64_t fence;
	} readers[READERS];
	unsigned int count;
	uint64_t want[BLOCK_WORDS];
};

struct worker {
	struct user user;
	struct block blocks[BLOCKS];
	uint64_t va;
};

struct program {
	struct card card;
	struct worker *workers;
	uint64_t random;
};

static void add_wait(struct user *u, const struct user *other, uint64_t value)
{
	struct drm_ogpu_pkt_wait packet = {
		.header = DRM_OGPU_PKT_BARRIER | DRM_OGPU_PKT(DRM_OGPU_PKT_WAIT, sizeof(packet)),
		.compare = DRM_OGPU_COMPARE_GE,
		.addr = USER_WORD(other),
		.value = value,
		.mask = UINT64_MAX,
	};

	/* One's own packets come in turn. */
	if (other != u)
		user_add(u, &packet, sizeof(packet));
}

static void add_atomic(struct user *u, uint32_t op, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_atomic packet = {
		.header = DRM_OGPU_PKT_BARRIER |
			  DRM_OGPU_PKT(DRM_OGPU_PKT_ATOMIC, sizeof(packet)),
		.op = op | DRM_OGPU_ATOMIC_WIDE,
		.addr = addr,
		.value = value,
	};

	user_add(u, &packet, sizeof(packet));
}

/* Rings that were not told of are told of now, or a wait could be for what never begins. */
static void ring_all(struct program *p)
{
	unsigned int i;

	for (i = 0; i < opts.queues; i++)
		user_ring(&p->workers[i].user);
}

static void wait_all(struct program *p)
{
	unsigned int i;

	ring_all(p);
	for (i = 0; i < opts.queues; i++)
		ASSERT_EQ(user_wait(&p->workers[i].user, WAIT_MS), 0);
}

/* A block that may get one more reader and is not the one to be written; NULL if none was found. */
static struct block *pick_source(struct program *p, const struct block *not, struct worker **worker)
{
	unsigned int tries;

	for (tries = 0; tries < 8; tries++) {
		struct worker *w = &p->workers[graph_pick(&p->random, opts.queues)];
		struct block *b = &w->blocks[graph_pick(&p->random, BLOCKS)];

		if (b != not && b->fence && b->count < READERS) {
			*worker = w;
			return b;
		}
	}

	return NULL;
}

static void step(struct program *p, struct worker *w)
{
	struct block *b = &w->blocks[graph_pick(&p->random, BLOCKS)];
	uint64_t va = w->va + (b - w->blocks) * BLOCK_BYTES;
	unsigned int i, n = graph_pick(&p->random, BLOCK_WORDS);
	uint64_t k = graph_random(&p->random);
	struct worker *from = NULL;
	struct block *source = pick_source(p, b, &from);

	for (i = 0; i < b->count; i++)
		add_wait(&w->user, b->readers[i].user, b->readers[i].fence);
	b->count = 0;
	if (source) {
		add_wait(&w->user, &from->user, source->fence);
		user_copy(&w->user, from->va + (source - from->blocks) * BLOCK_BYTES, va,
			  BLOCK_BYTES);
		memcpy(b->want, source->want, BLOCK_BYTES);
	} else {
		user_fill(&w->user, va, BLOCK_BYTES, (uint32_t)k);
		for (i = 0; i < BLOCK_WORDS; i++)
			b->want[i] = (k & UINT32_MAX) << 32 | (k & UINT32_MAX);
	}
	add_atomic(&w->user, DRM_OGPU_ATOMIC_ADD, va + 8 * n, k);
	add_atomic(&w->user, DRM_OGPU_ATOMIC_XOR, va + 8 * n, k >> 9);
	b->want[n] = (b->want[n] + k) ^ k >> 9;
	user_fence(&w->user);
	b->fence = w->user.fence;
	if (source)
		source->readers[source->count++] = (struct reader) { &w->user, w->user.fence };
	if (graph_pick(&p->random, 8))
		user_ring(&w->user);
}

/* A queue that ends badly, in a way of three. It is nobody else's concern. */
static void misbehave(struct program *p)
{
	uint32_t words[2] = { DRM_OGPU_PKT(BAD_OPCODE, sizeof(words)) };
	unsigned int how = graph_pick(&p->random, 3);
	static const uint32_t errors[] = {
		DRM_OGPU_QUEUE_ERR_OPCODE, DRM_OGPU_QUEUE_ERR_RING, DRM_OGPU_QUEUE_ERR_KILLED,
	};
	struct drm_ogpu_queue_kill kill = {};
	struct drm_ogpu_queue_get_state state;
	uint64_t end = time_limit(WAIT_MS);
	struct user u;

	user_open(&p->card, &u, 4096);
	switch (how) {
	case 0:
		user_add(&u, words, sizeof(words));
		user_ring(&u);
		break;
	case 1:
		/* More than the ring has. */
		u.tail += 2 * RING_BYTES;
		user_ring(&u);
		break;
	default:
		user_wait_packet(&u, USER_WORD(&u), UINT64_MAX);
		user_ring(&u);
		kill.queue_id = u.args.queue_id;
		ASSERT_EQ(card_ioctl(&p->card, DRM_IOCTL_OGPU_QUEUE_KILL, &kill), 0);
		break;
	}
	/* Nothing of it executes while others have its memory. */
	do {
		card_queue_wait_error(&p->card, u.args.queue_id, &state);
	} while (!state.error && time_ms() < end);
	EXPECT_EQ(state.error, errors[how]);
	user_destroy(&u);
}

static void check(struct program *p)
{
	unsigned int i, k, wrong = 0;
	struct buffer out;

	wait_all(p);
	card_buffer(&p->card, &out, (uint64_t)opts.queues * BLOCKS * BLOCK_BYTES,
		    DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	for (i = 0; i < opts.queues; i++) {
		struct worker *w = &p->workers[i];

		user_copy(&w->user, w->va, out.va + i * BLOCKS * BLOCK_BYTES, BLOCKS * BLOCK_BYTES);
		user_fence(&w->user);
	}
	wait_all(p);
	for (i = 0; i < opts.queues; i++) {
		for (k = 0; k < BLOCKS; k++) {
			const struct block *b = &p->workers[i].blocks[k];

			if (b->fence && memcmp((char *)out.map + (i * BLOCKS + k) * BLOCK_BYTES,
					       b->want, BLOCK_BYTES))
				wrong++;
		}
	}
	EXPECT_EQ(wrong, 0);
}

/* Does not return. A victim has no end of its own. */
static void program(unsigned int number, bool victim)
{
	static const uint32_t priorities[] = {
		DRM_OGPU_PRIORITY_LOW, DRM_OGPU_PRIORITY_NORMAL, DRM_OGPU_PRIORITY_HIGH,
	};
	struct program p = { .random = opts.seed ^ (number + 1) * 0x9e3779b97f4a7c15ull };
	unsigned int i, done;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	card_open(&p.card);
	user_vm(&p.card);
	p.workers = calloc(opts.queues, sizeof(*p.workers));
	ASSERT(p.workers);
	for (i = 0; i < opts.queues; i++) {
		struct drm_ogpu_bo_create create = {
			.size = QUEUE_BYTES,
			.placement = DRM_OGPU_BO_VRAM,
		};
		struct worker *w = &p.workers[i];
		struct buffer big = { .size = QUEUE_BYTES };

		w->va = 0x200000000000ull + i * (uint64_t)QUEUE_BYTES;
		ASSERT_EQ(card_ioctl(&p.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		big.handle = create.handle;
		ASSERT_EQ(card_bind(&p.card, &big, w->va,
				    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE), 0);
		user_prepare(&p.card, &w->user, RING_BYTES);
		w->user.args.priority = priorities[graph_pick(&p.random, 3)];
		ASSERT_EQ(user_create(&w->user), 0);
	}
	for (done = 0; victim || done < opts.steps * opts.queues; done++) {
		step(&p, &p.workers[graph_pick(&p.random, opts.queues)]);
		if (victim)
			__atomic_add_fetch(steps_done, 1, __ATOMIC_SEQ_CST);
		switch (graph_pick(&p.random, 128)) {
		case 0:
			misbehave(&p);
			break;
		case 1:
			ring_all(&p);
			i = graph_pick(&p.random, opts.queues);
			ASSERT_EQ(user_wait(&p.workers[i].user, WAIT_MS), 0);
			break;
		}
	}
	check(&p);
	HARNESS_END();
}

static pid_t start(unsigned int number, bool victim)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		program(number, victim);

	return pid;
}

/* Kills programs, one after the other, once they have so many queues at work. */
static void kill_victims(uint64_t *random)
{
	unsigned int i;

	for (i = 0; i < opts.victims; i++) {
		unsigned int steps = opts.queues + graph_pick(random, opts.queues);
		uint64_t end = time_limit(WAIT_MS);
		pid_t pid;

		__atomic_store_n(steps_done, 0, __ATOMIC_SEQ_CST);
		pid = start(MOST_PROGRAMS + i, true);
		while (__atomic_load_n(steps_done, __ATOMIC_SEQ_CST) < steps) {
			if (waitpid(pid, NULL, WNOHANG)) {
				HARNESS_FAIL("victim %u ended by itself", i);
				return;
			}
			if (time_ms() > end) {
				HARNESS_FAIL("victim %u does not get to %u steps", i, steps);
				break;
			}
			sleep_ms(10);
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

TEST_TIMEOUT(storm, TIMEOUT_S)
{
	struct drm_ogpu_query_memory before;
	uint64_t random = opts.seed;
	pid_t pids[MOST_PROGRAMS];
	struct card card;
	unsigned int i;
	int status;

	printf("# --seed %llu\n", (unsigned long long)opts.seed);
	card_open_unused(&card);
	if (card.info.max_queues < (opts.programs + 1) * (opts.queues + 1))
		SKIP("the card has too few queues");
	before = card_memory(&card);
	steps_done = mmap(NULL, sizeof(*steps_done), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(steps_done != MAP_FAILED);
	fflush(stdout);
	for (i = 0; i < opts.programs; i++)
		pids[i] = start(i, false);
	kill_victims(&random);
	for (i = 0; i < opts.programs; i++) {
		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
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
		{ "victims", required_argument, NULL, 'v' },
		{ "queues", required_argument, NULL, 'q' },
		{ "steps", required_argument, NULL, 'n' },
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
		case 'v':
			opts.victims = number(optarg, 1000);
			break;
		case 'q':
			opts.queues = number(optarg, MOST_QUEUES);
			break;
		case 'n':
			opts.steps = number(optarg, 1000);
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
