// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BO_PREFETCH: buffers are moved before they are used, and stay where they are preferred.
 *
 * VM: --vgpu-args '--vram 64M'
 */
#include <fcntl.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

#define BOTH	(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIZE	(8 * MIB)
#define MOST	12
#define EVER_MS	3600000

/* Who has a buffer, with words in it, and a queue. */
struct owner {
	struct card card;
	struct buffer buf, out;
	struct stream s;
	uint32_t queue;
};

static int prefetch(struct card *card, uint32_t handle, uint32_t placement)
{
	struct drm_ogpu_bo_prefetch args = { .handle = handle, .placement = placement };

	return card_ioctl(card, DRM_IOCTL_OGPU_BO_PREFETCH, &args);
}

static uint32_t placement_now(struct owner *o)
{
	struct drm_ogpu_bo_info args = { .handle = o->buf.handle };

	ASSERT_EQ(card_ioctl(&o->card, DRM_IOCTL_OGPU_BO_INFO, &args), 0);

	return args.current_placement;
}

static void owner_open(struct owner *o, uint32_t placement)
{
	uint32_t *words;
	uint64_t n;

	card_open(&o->card);
	o->queue = card_queue(&o->card, DRM_OGPU_ENGINE_COPY, EVER_MS);
	card_stream(&o->card, &o->s, 4096);
	card_buffer(&o->card, &o->out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&o->card, &o->buf, SIZE, placement, RW);
	words = o->buf.map;
	for (n = 0; n < SIZE / 4; n++)
		words[n] = n * 2654435761u;
}

/* The job sees what the CPU does. */
static void owner_check(struct owner *o)
{
	const uint32_t *words = o->buf.map;
	uint64_t n;

	memset(o->out.map, 0xff, 4);
	stream_reset(&o->s);
	stream_copy(&o->s, o->buf.va + SIZE - 4, o->out.va, 4);
	card_run(&o->card, o->queue, &o->s);
	EXPECT_EQ(*(uint32_t *)o->out.map, (uint32_t)((SIZE / 4 - 1) * 2654435761u));
	for (n = 0; n < SIZE / 4 && words[n] == (uint32_t)(n * 2654435761u); n++)
		;
	EXPECT_EQ(n, SIZE / 4);
}

TEST(bad_arguments)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct buffer vram, system, both;
	struct card card, other;
	unsigned int i;

	card_open(&card);
	card_open(&other);
	ASSERT_EQ(card_buffer_create(&card, &vram, 64 * KIB, DRM_OGPU_BO_VRAM), 0);
	ASSERT_EQ(card_buffer_create(&card, &system, 64 * KIB, DRM_OGPU_BO_SYSTEM), 0);
	ASSERT_EQ(card_buffer_create(&card, &both, 64 * KIB, BOTH), 0);
	for (i = 4; i; i *= 2)
		EXPECT_EQ(prefetch(&card, both.handle, i), -EINVAL);
	EXPECT_EQ(prefetch(&card, both.handle, 0), -EINVAL);
	EXPECT_EQ(prefetch(&card, both.handle, BOTH), -EINVAL);
	EXPECT_EQ(prefetch(&card, both.handle, UINT32_MAX), -EINVAL);
	EXPECT_EQ(prefetch(&card, vram.handle, DRM_OGPU_BO_SYSTEM), -EINVAL);
	EXPECT_EQ(prefetch(&card, system.handle, DRM_OGPU_BO_VRAM), -EINVAL);
	EXPECT_EQ(prefetch(&card, vram.handle, DRM_OGPU_BO_VRAM), 0);
	EXPECT_EQ(prefetch(&card, system.handle, DRM_OGPU_BO_SYSTEM), 0);
	EXPECT_EQ(prefetch(&card, 0, DRM_OGPU_BO_VRAM), -ENOENT);
	EXPECT_EQ(prefetch(&card, both.handle + 1000, DRM_OGPU_BO_VRAM), -ENOENT);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_PREFETCH, NULL), -EFAULT);

	/* Who was only handed a buffer does not say where it is. */
	prime.handle = both.handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), 0);
	EXPECT_EQ(prefetch(&other, prime.handle, DRM_OGPU_BO_SYSTEM), -EPERM);
	EXPECT_EQ(prefetch(&card, both.handle, DRM_OGPU_BO_SYSTEM), 0);
}

static void preferred(void)
{
	struct drm_gem_close close = {};
	struct buffer freed;
	struct owner o;
	int i;

	owner_open(&o, BOTH);
	ASSERT_EQ(placement_now(&o), DRM_OGPU_BO_VRAM);
	ASSERT_EQ(prefetch(&o.card, o.buf.handle, DRM_OGPU_BO_SYSTEM), 0);
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_SYSTEM);
	/* Jobs use it there, though there is room in VRAM, which SUBMIT looks for now and then. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(card_buffer_create(&o.card, &freed, SIZE, DRM_OGPU_BO_VRAM), 0);
		close.handle = freed.handle;
		ASSERT_EQ(card_ioctl(&o.card, DRM_IOCTL_GEM_CLOSE, &close), 0);
		sleep_ms(150);
		owner_check(&o);
	}
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_SYSTEM);
	ASSERT_EQ(prefetch(&o.card, o.buf.handle, DRM_OGPU_BO_VRAM), 0);
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_VRAM);
	owner_check(&o);
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_VRAM);
}

TEST(preferred)
{
	preferred();
}

TEST(preferred_private)
{
	card_private = true;
	preferred();
}

/* What was moved out for others comes back before a job needs it, and others make way. */
TEST(comes_back)
{
	struct buffer bufs[MOST];
	struct card card;
	struct owner o;
	unsigned int n;

	card_open_unused(&card);
	if (card_memory(&card).vram_size > 64 * MIB)
		SKIP("needs a card with 64 MiB of VRAM");
	owner_open(&o, DRM_OGPU_BO_VRAM);
	for (n = 0; n < MOST && placement_now(&o) == DRM_OGPU_BO_VRAM; n++)
		card_buffer(&card, &bufs[n], SIZE, DRM_OGPU_BO_VRAM, RW);
	ASSERT_EQ(placement_now(&o), DRM_OGPU_BO_SYSTEM);
	ASSERT_EQ(prefetch(&o.card, o.buf.handle, DRM_OGPU_BO_VRAM), 0);
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_VRAM);
	owner_check(&o);
}

/* A buffer that a job uses is moved behind that, and nobody waits for it. */
TEST(behind_a_job)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct owner o;

	owner_open(&o, BOTH);
	sync.handle = card_syncobj(&o.card);
	*(volatile uint64_t *)o.out.map = 0;
	stream_reset(&o.s);
	stream_wait(&o.s, o.out.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_fill(&o.s, o.buf.va, 4, 0x12345678);
	ASSERT_EQ(card_submit(&o.card, o.queue, &o.s, &sync, 1), 0);
	ASSERT_EQ(prefetch(&o.card, o.buf.handle, DRM_OGPU_BO_SYSTEM), 0);
	EXPECT_EQ(placement_now(&o), DRM_OGPU_BO_SYSTEM);
	EXPECT_EQ(card_syncobj_wait(&o.card, sync.handle, 0), -ETIME);
	*(volatile uint64_t *)o.out.map = 1;
	EXPECT_EQ(card_syncobj_wait(&o.card, sync.handle, 10000), 0);
	EXPECT_EQ(*(uint32_t *)o.buf.map, 0x12345678);
	*(uint32_t *)o.buf.map = 0;
	owner_check(&o);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
