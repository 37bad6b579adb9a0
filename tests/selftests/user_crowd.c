// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Very many queues of one process. All of a thousand have their turn on the few slots of the card;
 * and if they never end and the process is killed, they end together, the work of others goes on
 * meanwhile, and the card has its queues back.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M --doorbells 1152'
 */
#include <sys/types.h>

#include "card.h"
#include "harness.h"
#include "user.h"

#define RW		(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define EVER		3600000u
#define SLOW_MS		30000
#define INSN_LOOP	0x0000006fu
#define QUEUES		200u
/* Of each door. */
#define MANY		512u
#define STREAM_BYTES	128u

/* With the same kernel that never ends in all queues of both doors. */
static void crowd(unsigned int queues, int ready)
{
	struct drm_ogpu_pkt_dispatch packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, sizeof(packet)),
		.grid = { 1, 1, 1 },
		.group = { 1, 1, 1 },
	};
	struct card card;
	struct buffer code;
	uint32_t submit_vm, queue;
	uint64_t bytes;
	unsigned int i;

	card_open(&card);
	submit_vm = card.vm;
	bytes = (256 + card.info.save_wave_bytes + 4095) & ~4095ull;
	for (i = 0; i < queues; i++) {
		struct stream s;
		struct user u;

		/* The second half of them is that of the other door. */
		if (i == 0 || i == queues / 2) {
			if (i == 0 && queues > 1)
				card.vm = submit_vm;
			else
				user_vm(&card);
			card_buffer(&card, &code, 4096, DRM_OGPU_BO_SYSTEM,
				    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
			*(uint32_t *)code.map = INSN_LOOP;
			packet.entry = code.va;
		}
		if (card.vm == submit_vm) {
			card_stream(&card, &s, 4096);
			stream_add(&s, &packet, sizeof(packet));
			queue = card_compute_queue(&card, EVER, card_save_area(&card, bytes),
						   bytes);
			ASSERT_EQ(card_submit(&card, queue, &s, NULL, 0), 0);
			continue;
		}
		user_prepare(&card, &u, 4096);
		u.args.save_va = card_save_area(&card, bytes);
		u.args.save_bytes = bytes;
		ASSERT_EQ(user_create(&u), 0);
		user_add(&u, &packet, sizeof(packet));
		user_ring(&u);
	}
	ASSERT_EQ(write(ready, "", 1), 1);
	pause();
	HARNESS_END();
}

/* Kills a process with so many queues while a neighbour works. Returns for how many ms it lasts. */
static uint64_t kill_crowd(unsigned int queues, struct card *neighbour, uint32_t queue,
			   const struct stream *s)
{
	uint64_t before;
	char byte;
	int fd[2];
	pid_t pid;

	ASSERT_EQ(pipe(fd), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		crowd(queues, fd[1]);
	close(fd[1]);
	ASSERT_EQ(read(fd[0], &byte, 1), 1);
	close(fd[0]);

	card_run(neighbour, queue, s);
	before = time_ms();
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	while (waitpid(pid, NULL, WNOHANG) == 0)
		card_run(neighbour, queue, s);

	return time_ms() - before;
}

TEST_TIMEOUT(killed, 150)
{
	struct drm_ogpu_queue_get_state state;
	uint64_t one, all;
	struct stream s;
	struct card card, next;
	uint32_t queue;
	unsigned int i;

	card_open(&card);
	if (card.info.max_queues < QUEUES + 16)
		SKIP("the card has too few queues");
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	one = kill_crowd(1, &card, queue, &s);
	all = kill_crowd(QUEUES, &card, queue, &s);
	printf("# one queue ends in %llu ms, %u in %llu ms\n", (unsigned long long)one, QUEUES,
	       (unsigned long long)all);
	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);

	/* None is missing, but for those of the kernel and of who watches. */
	card_open(&next);
	for (i = 0; i < next.info.max_queues - 8; i++)
		card_queue(&next, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_run(&card, queue, &s);
}

/* Waits until the gate, word 0, is open, then stores the number of the queue. */
static void many_submit(struct card *card, const struct buffer *words, const struct buffer *streams)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		struct stream s = { .buf = *streams };

		s.buf.map = (char *)streams->map + i * STREAM_BYTES;
		s.buf.va = streams->va + i * STREAM_BYTES;
		stream_wait(&s, words->va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
		stream_fence(&s, words->va + 8 * (1 + i), 1 + i);
		ASSERT_LE(s.bytes, STREAM_BYTES);
		ASSERT_EQ(card_submit(card, card_queue(card, DRM_OGPU_ENGINE_COMPUTE, EVER), &s,
				      NULL, 0), 0);
	}
}

static void many_user(struct card *card, const struct buffer *words)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		struct drm_ogpu_pkt_fence fence = {
			.header = DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE, sizeof(fence)) |
				  DRM_OGPU_FENCE_SIGNAL,
			.addr = words->va + 8 * (1 + MANY + i),
			.value = 1 + MANY + i,
		};
		struct user u;

		user_open(card, &u, 4096);
		user_wait_packet(&u, words->va, 1);
		user_add(&u, &fence, sizeof(fence));
		user_ring(&u);
	}
}

/* All are at work before the first one may end. */
TEST_TIMEOUT(all_have_their_turn, 180)
{
	struct buffer words, streams;
	uint64_t end;
	struct card card;
	unsigned int i;

	/* Queues of the tests before keep their numbers until they have been destroyed. */
	card_open_unused(&card);
	if (card.info.max_queues < 2 * MANY)
		SKIP("the card has too few queues");
	card_buffer(&card, &words, 16384, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &streams, MANY * STREAM_BYTES, DRM_OGPU_BO_SYSTEM, RW);
	many_submit(&card, &words, &streams);
	user_vm(&card);
	ASSERT_EQ(card_bind(&card, &words, words.va, RW), 0);
	many_user(&card, &words);
	for (i = 1; i <= 2 * MANY; i++)
		EXPECT_EQ(((volatile uint64_t *)words.map)[i], 0);

	*(volatile uint64_t *)words.map = 1;
	end = time_limit(60000);
	for (i = 1; i <= 2 * MANY; i++) {
		volatile uint64_t *word = (volatile uint64_t *)words.map + i;

		while (*word != i && time_ms() < end)
			sleep_ms(1);
		ASSERT_EQ(*word, i);
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
