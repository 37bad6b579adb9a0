// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User queues while memory is short: they are suspended, their buffers move, they go on, and every
 * result is right. Nobody waits for them longer than hardware takes to let go.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include <sys/types.h>

#include "card.h"
#include "harness.h"
#include "user.h"

#define MIB	(1024 * 1024ull)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define BIG_VA	0x200000000000ull
#define SIZE	(24 * MIB)
#define STEP	65536ull
#define SLOW_MS	60000

static void need_small_card(void)
{
	struct drm_ogpu_query_memory mem;
	struct card card;

	card_open(&card);
	mem = card_memory(&card);
	card_close(&card);
	if (mem.vram_size > 64 * MIB)
		SKIP("needs a card with 64 MiB of VRAM");
}

/* Not for the CPU, whose part of VRAM is small. */
static int create(struct card *card, struct buffer *buf, uint64_t size)
{
	struct drm_ogpu_bo_create args = { .size = size, .placement = DRM_OGPU_BO_VRAM };
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &args);

	*buf = (struct buffer) { .handle = args.handle, .size = args.size };

	return ret;
}

static uint32_t placement_now(struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info args = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &args), 0);

	return args.current_placement;
}

/** struct worker - a program with a user queue that works on a large buffer */
struct worker {
	struct card card;
	struct user u;
	struct buffer big, out;
	unsigned int number;
};

static void worker_open(struct worker *w, unsigned int number)
{
	w->number = number;
	card_open(&w->card);
	user_vm(&w->card);
	ASSERT_EQ(create(&w->card, &w->big, SIZE), 0);
	ASSERT_EQ(card_bind(&w->card, &w->big, BIG_VA, RW), 0);
	card_buffer(&w->card, &w->out, STEP, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&w->card, &w->u, 65536);
}

static uint32_t tag(const struct worker *w, unsigned int round, uint64_t i)
{
	return w->number << 24 | round << 12 | i;
}

static void worker_fill(struct worker *w, unsigned int round)
{
	uint64_t i;

	for (i = 0; i < SIZE / STEP; i++)
		user_fill(&w->u, BIG_VA + i * STEP, STEP, tag(w, round, i));
	user_fence(&w->u);
	user_ring(&w->u);
}

/* What was filled in is gathered from the last word of each piece. */
static void worker_check(struct worker *w, unsigned int round)
{
	volatile uint32_t *out = w->out.map;
	unsigned int wrong = 0;
	uint64_t i;

	memset(w->out.map, 0xff, STEP);
	for (i = 0; i < SIZE / STEP; i++)
		user_copy(&w->u, BIG_VA + (i + 1) * STEP - 4, w->out.va + i * 4, 4);
	user_fence(&w->u);
	user_ring(&w->u);
	ASSERT_EQ(user_wait(&w->u, SLOW_MS), 0);
	for (i = 0; i < SIZE / STEP; i++)
		wrong += out[i] != tag(w, round, i);
	EXPECT_EQ(wrong, 0);
}

/*
 * A queue waits in the middle of its ring while its memory is taken away; afterwards it finds what
 * it left.
 */
TEST_TIMEOUT(evicted_while_it_waits, 120)
{
	struct drm_ogpu_query_memory mem;
	struct worker w;

	need_small_card();
	worker_open(&w, 1);
	worker_fill(&w, 0);
	ASSERT_EQ(user_wait(&w.u, SLOW_MS), 0);
	user_wait_packet(&w.u, USER_WORD(&w.u) + 8, 1);
	user_fence(&w.u);
	user_ring(&w.u);
	EXPECT_EQ(placement_now(&w.card, &w.big), DRM_OGPU_BO_VRAM);

	/* All that is left and a part of what the queue has, while the queue still waits. */
	mem = card_memory(&w.card);
	user_hog(mem.vram_size - 16 * MIB);
	EXPECT_EQ(*w.u.word, w.u.fence - 1);

	w.u.word[1] = 1;
	ASSERT_EQ(user_wait(&w.u, SLOW_MS), 0);
	worker_check(&w, 0);
}

static void work(unsigned int number, unsigned int rounds)
{
	struct worker w;
	unsigned int round;

	worker_open(&w, number);
	for (round = 0; round < rounds; round++) {
		worker_fill(&w, round);
		worker_check(&w, round);
	}
}

/* More user queues than their memory fits into VRAM: they take turns, and nothing is lost. */
TEST_TIMEOUT(take_turns, 240)
{
	unsigned int i;
	int status;

	need_small_card();
	for (i = 0; i < 4; i++) {
		pid_t pid = fork();

		ASSERT_GE(pid, 0);
		if (!pid) {
			work(i + 1, 4);
			HARNESS_END();
		}
	}
	for (i = 0; i < 4; i++) {
		ASSERT_GE(wait(&status), 0);
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
	}
}

/* Another program fills VRAM with jobs of the kernel's door, time and again. */
TEST_TIMEOUT(against_submit, 240)
{
	struct card other;
	struct stream s;
	unsigned int i;
	int status;
	pid_t pid;

	need_small_card();
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		work(1, 6);
		HARNESS_END();
	}
	for (i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
		struct buffer buf;
		uint32_t queue;

		card_open(&other);
		queue = card_queue(&other, DRM_OGPU_ENGINE_COPY, 0);
		card_stream(&other, &s, 4096);
		ASSERT_EQ(create(&other, &buf, 48 * MIB), 0);
		ASSERT_EQ(card_bind(&other, &buf, BIG_VA, RW), 0);
		stream_fill(&s, BIG_VA, buf.size, i);
		card_run(&other, queue, &s);
		/* A mapping would keep the file. */
		munmap(s.buf.map, s.buf.size);
		card_close(&other);
	}
	EXPECT_GE(i, 1);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* What can never fit is refused, and after a moment ends who is there already. */
TEST_TIMEOUT(too_much, 120)
{
	struct drm_ogpu_query_memory mem;
	struct drm_ogpu_queue_get_state state;
	struct buffer half[2];
	struct card card, other;
	struct user u;
	uint64_t end;
	int i;

	need_small_card();
	card_open(&card);
	mem = card_memory(&card);
	user_vm(&card);
	user_prepare(&card, &u, 4096);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(create(&card, &half[i], mem.vram_size / 8 * 5), 0);
		ASSERT_EQ(card_bind(&card, &half[i], BIG_VA + i * (1ull << 32), RW), 0);
	}
	EXPECT_EQ(user_create(&u), -ENOSPC);

	/* It fits while the second half is not mapped. */
	ASSERT_EQ(card_unbind(&card, BIG_VA + (1ull << 32), half[1].size), 0);
	ASSERT_EQ(user_create(&u), 0);
	user_fence(&u);
	user_ring(&u);
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);

	/* Mapping it takes the memory of the first one, which cannot come back. */
	ASSERT_EQ(card_bind(&card, &half[1], BIG_VA + (1ull << 32), RW), 0);
	end = time_limit(60000);
	do {
		card_queue_state(&card, u.args.queue_id, &state);
		sleep_ms(50);
	} while (!state.error && time_ms() < end);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_NO_ROOM);

	/* Others have the card as before. */
	card_open(&other);
	user_vm(&other);
	user_open(&other, &u, 4096);
	user_fence(&u);
	user_ring(&u);
	EXPECT_EQ(user_wait(&u, SLOW_MS), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
