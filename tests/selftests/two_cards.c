// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Two cards that wait for each other, in both directions at once, also when one of them is reset in
 * between.
 *
 * VM: --cards 2
 */
#include <sys/types.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIGNAL		DRM_OGPU_SYNC_SIGNAL
#define TIMELINE	DRM_OGPU_SYNC_TIMELINE
#define WAIT_MS		30000
#define TIMEOUT_S	120
#define JOB_TIMEOUT_MS	600000
#define TURNS		128	/* jobs of a game on one card */

/* One side of a game: its words are counted up by its jobs, one each. */
struct side {
	struct card card;
	struct buffer page;
	volatile uint64_t *words;
	struct stream s;
	uint32_t queue;
	/* The timeline that both sides share. */
	uint32_t timeline;
};

/*
 * Jobs in turn on two cards: turn n of the first side waits for point 2 * n, that of the other one
 * for point 2 * n + 1, and both signal the next.
 */
struct game {
	struct side sides[2];
	/* Of the first turn to come. */
	unsigned int turn;
};

static bool right_card(const struct card *card, const struct admin *admin)
{
	drmDevicePtr device;
	char address[32];

	ASSERT_EQ(drmGetDevice2(card->fd, 0, &device), 0);
	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", device->businfo.pci->domain,
		 device->businfo.pci->bus, device->businfo.pci->dev, device->businfo.pci->func);
	drmFreeDevice(&device);

	return !strcmp(address, admin->address);
}

/* The card that an administrator calls @number. */
static void open_card(struct card *card, unsigned int number)
{
	struct admin admin;
	unsigned int i;

	ASSERT(admin_init(&admin, number));
	for (i = 0; i < 2; i++) {
		card_open_number(card, i);
		if (right_card(card, &admin))
			return;
		card_close(card);
	}
	HARNESS_FAIL("card %s has no node", admin.address);
	HARNESS_END();
}

static void side_open(struct side *side, unsigned int number)
{
	open_card(&side->card, number);
	card_buffer(&side->card, &side->page, 8 * TURNS + 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	side->words = side->page.map;
	card_stream(&side->card, &side->s, 65536);
	side->queue = card_queue(&side->card, DRM_OGPU_ENGINE_COMPUTE, JOB_TIMEOUT_MS);
}

static void game_open(struct game *g, unsigned int first)
{
	struct side *sides = g->sides;
	int fd;

	memset(g, 0, sizeof(*g));
	side_open(&sides[0], first);
	side_open(&sides[1], !first);
	sides[0].timeline = card_syncobj(&sides[0].card);
	ASSERT_EQ(drmSyncobjHandleToFD(sides[0].card.fd, sides[0].timeline, &fd), 0);
	ASSERT_EQ(drmSyncobjFDToHandle(sides[1].card.fd, fd, &sides[1].timeline), 0);
	close(fd);
}

static uint64_t word_va(const struct side *side, unsigned int index)
{
	return side->page.va + 8 * index;
}

/* Word 0 of the first side lets the game begin, its other words and those of the second tell. */
static void play(struct game *g, unsigned int count)
{
	unsigned int i, k, end = g->turn + count;

	ASSERT_LE(end, TURNS);
	for (i = g->turn; i < end; i++) {
		for (k = 0; k < 2; k++) {
			struct side *side = &g->sides[k];
			struct drm_ogpu_sync syncs[2] = {
				{ side->timeline, SIGNAL | TIMELINE, 2 * i + k + 1 },
				{ side->timeline, TIMELINE, 2 * i + k },
			};
			struct drm_ogpu_job job = {
				.stream_va = side->s.buf.va + side->s.bytes,
				.syncs = CARD_ARRAY(syncs, i + k ? 2 : 1),
			};

			if (!k)
				stream_wait(&side->s, word_va(side, 0), DRM_OGPU_COMPARE_GE,
					    i + 1, UINT64_MAX);
			stream_fence(&side->s, word_va(side, i + 1), i + 1);
			job.stream_bytes = side->s.buf.va + side->s.bytes - job.stream_va;
			ASSERT_EQ(card_submit_jobs(&side->card, side->queue, &job, 1), 0);
		}
	}
	g->turn = end;
}

static bool done(const struct side *side, unsigned int turn)
{
	return side->words[turn + 1] == turn + 1;
}

/* Lets the turns before @end be played. */
static void let(struct game *g, unsigned int end)
{
	g->sides[0].words[0] = end;
}

static void wait_turn(struct game *g, unsigned int turn)
{
	unsigned int k;

	for (k = 0; k < 2; k++) {
		struct side *side = &g->sides[k];

		EXPECT_EQ(card_timeline_wait(&side->card, side->timeline, 2 * turn + 2, WAIT_MS),
			  0);
		EXPECT(done(side, turn));
	}
}

static void expect_sound(struct game *g)
{
	struct drm_ogpu_queue_get_state state;
	unsigned int k;

	for (k = 0; k < 2; k++) {
		card_queue_state(&g->sides[k].card, g->sides[k].queue, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		EXPECT_EQ(state.completed, g->turn);
	}
}

/* Turn by turn: nobody is early. */
TEST_TIMEOUT(in_turn, TIMEOUT_S)
{
	struct game games[2];
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		game_open(&games[k], k);
		play(&games[k], TURNS);
	}
	for (i = 0; i < TURNS; i++) {
		for (k = 0; k < 2; k++)
			EXPECT(!done(&games[k].sides[0], i) && !done(&games[k].sides[1], i));
		for (k = 0; k < 2; k++)
			let(&games[k], i + 1);
		for (k = 0; k < 2; k++)
			wait_turn(&games[k], i);
	}
	expect_sound(&games[0]);
	expect_sound(&games[1]);
}

/* As fast as they can, many games in both directions. */
TEST_TIMEOUT(all_at_once, TIMEOUT_S)
{
	enum { GAMES = 8 };
	static struct game games[GAMES];
	unsigned int i, k;

	for (k = 0; k < GAMES; k++) {
		game_open(&games[k], k & 1);
		play(&games[k], 1);
		let(&games[k], TURNS);
	}
	/* Some are at it while others are still submitted. */
	for (k = 0; k < GAMES; k++)
		play(&games[k], TURNS - 1);
	for (k = 0; k < GAMES; k++) {
		for (i = 0; i < TURNS; i++)
			wait_turn(&games[k], i);
		expect_sound(&games[k]);
	}
}

/*
 * The fences of a card that is reset signal, so the other card goes on; it has lost nothing, its
 * file works, and plays again with a new file of the other one.
 */
static void reset_one(unsigned int number, unsigned int played)
{
	struct game games[2], again;
	struct admin admin;
	unsigned int i, k;

	ASSERT(admin_init(&admin, number));
	for (k = 0; k < 2; k++) {
		game_open(&games[k], k);
		play(&games[k], 32);
		let(&games[k], played);
		if (played)
			wait_turn(&games[k], played - 1);
	}
	ASSERT(admin_write(&admin, "reset", "1"));
	for (k = 0; k < 2; k++) {
		struct side *well = &games[k].sides[number ^ k ^ 1];
		struct side *lost = &games[k].sides[number ^ k];
		struct drm_ogpu_queue_get_state state;

		/* What the lost one had mapped raises SIGBUS now. */
		if (well == &games[k].sides[0])
			let(&games[k], TURNS);
		EXPECT_EQ(card_timeline_wait(&well->card, well->timeline, 2 * 32, WAIT_MS), 0);
		for (i = 0; i < 32; i++)
			EXPECT(done(well, i));
		card_queue_state(&well->card, well->queue, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		EXPECT_EQ(state.completed, 32);
		EXPECT_EQ(card_submit(&lost->card, lost->queue, NULL, NULL, 0), -ENODEV);
		stream_reset(&well->s);
		stream_fence(&well->s, word_va(well, TURNS), 0x77);
		card_run(&well->card, well->queue, &well->s);
		EXPECT_EQ(well->words[TURNS], 0x77);
	}
	ASSERT(admin_wait(&admin, "state", "running"));
	game_open(&again, number);
	play(&again, 16);
	let(&again, 16);
	wait_turn(&again, 15);
	expect_sound(&again);
}

TEST_TIMEOUT(reset_of_the_first, TIMEOUT_S)
{
	reset_one(0, 0);
	reset_one(0, 5);
	reset_one(0, 17);
}

TEST_TIMEOUT(reset_of_the_second, TIMEOUT_S)
{
	reset_one(1, 0);
	reset_one(1, 5);
	reset_one(1, 17);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
