// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A card of whose VRAM the CPU sees one part in 64: all of it is used, and right.
 *
 * VM: --memory 3G --vgpu-args '--vram 1G --aperture 16M'
 */
#include "card.h"
#include "harness.h"

#define MIB	(1024 * 1024ull)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SLOW_MS	60000
/* Buffers that the CPU does not see, and their size. */
#define PIECES	14
#define PIECE	(64 * MIB)
/* The smallest piece of VRAM that is given out. */
#define STEP		65536ull
#define FIRST_VA	0x200000000000ull
/* Buffers that it sees, more than there is room for. */
#define SEEN	12
#define SEEN_SIZE	(2 * MIB)
/* More of 4 KiB than fit into what a user may have of the aperture, a quarter. */
#define TABLES	1500

static void open_small(struct card *card)
{
	struct drm_ogpu_query_memory mem;

	card_open(card);
	mem = card_memory(card);
	if (mem.vram_size < 1000 * MIB || mem.vram_visible_size > 16 * MIB)
		SKIP("needs a card with an aperture of 16 MiB for 1 GiB of VRAM");
}

/* Nearly all of VRAM at once, the ends of each smallest piece told from all others. */
TEST_TIMEOUT(all_of_vram, 240)
{
	struct drm_ogpu_bo_create create = { .size = PIECE, .placement = DRM_OGPU_BO_VRAM };
	struct buffer pieces[PIECES], system;
	unsigned int i, n, wrong = 0;
	struct stream stream;
	struct card card;
	uint32_t queue;
	uint64_t at;

	open_small(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, SLOW_MS);
	card_buffer(&card, &system, 65536, DRM_OGPU_BO_SYSTEM, RW);
	for (i = 0; i < PIECES; i++) {
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		pieces[i] = (struct buffer) {
			.handle = create.handle, .size = create.size, .va = FIRST_VA + i * PIECE,
		};
		ASSERT_EQ(card_bind(&card, &pieces[i], pieces[i].va, RW), 0);
	}
	card_stream(&card, &stream, 262144);
	for (i = 0; i < PIECES; i++) {
		stream_reset(&stream);
		for (at = 0; at < PIECE; at += STEP)
			stream_fill(&stream, pieces[i].va + at, STEP, i << 16 | at / STEP);
		card_run(&card, queue, &stream);
	}
	for (i = 0; i < PIECES; i++) {
		stream_reset(&stream);
		for (at = 0; at < PIECE; at += STEP) {
			stream_copy(&stream, pieces[i].va + at, system.va + 8 * (at / STEP), 4);
			stream_copy(&stream, pieces[i].va + at + STEP - 4,
				    system.va + 8 * (at / STEP) + 4, 4);
		}
		card_run(&card, queue, &stream);
		for (n = 0; n < 2 * (PIECE / STEP); n++)
			wrong += ((uint32_t *)system.map)[n] != (i << 16 | n / 2);
	}
	EXPECT_EQ(wrong, 0);
	card_close(&card);
}

/* The CPU works on more than the aperture holds: what it touches comes to where it sees it. */
TEST_TIMEOUT(cpu_sees_all_by_turns, 120)
{
	struct buffer seen[SEEN];
	unsigned int i, round, wrong = 0;
	struct card card;
	uint64_t at;

	open_small(&card);
	for (i = 0; i < SEEN; i++)
		card_buffer(&card, &seen[i], SEEN_SIZE, DRM_OGPU_BO_VRAM, RW);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SEEN; i++)
			for (at = 0; at < SEEN_SIZE / 4; at += 256)
				((uint32_t *)seen[i].map)[at] = round << 24 ^ i << 20 ^ at;
		for (i = 0; i < SEEN; i++)
			for (at = 0; at < SEEN_SIZE / 4; at += 256)
				wrong += ((uint32_t *)seen[i].map)[at] !=
					 (round << 24 ^ i << 20 ^ at);
	}
	EXPECT_EQ(wrong, 0);
	card_close(&card);
}

/* Page tables have to be where the CPU sees them, or elsewhere if there is no room. */
TEST_TIMEOUT(many_page_tables, 120)
{
	struct buffer buf, system;
	unsigned int i, wrong = 0;
	struct stream stream;
	struct card card;
	uint32_t queue;

	open_small(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, SLOW_MS);
	card_buffer(&card, &system, 65536, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 4096, DRM_OGPU_BO_SYSTEM, RW);
	((uint32_t *)buf.map)[0] = 0x600d600d;
	card_stream(&card, &stream, 65536);
	for (i = 0; i < TABLES; i++) {
		ASSERT_EQ(card_bind(&card, &buf, FIRST_VA + i * (1ull << 30), RW), 0);
		stream_copy(&stream, FIRST_VA + i * (1ull << 30), system.va + 4 * i, 4);
	}
	card_run(&card, queue, &stream);
	for (i = 0; i < TABLES; i++)
		wrong += ((uint32_t *)system.map)[i] != 0x600d600d;
	EXPECT_EQ(wrong, 0);
	card_close(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
