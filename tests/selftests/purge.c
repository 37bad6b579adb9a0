// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BO_MADVISE: buffers that are not needed make way first, without a copy, and come back empty.
 *
 * VM: --vgpu-args '--vram 64M'
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIZE	(8 * MIB)
#define MOST	12
#define EVER_MS	3600000

#define ADVISE(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_BO_MADVISE, args)

/* Who has a buffer that is given up, and a queue. */
struct owner {
	struct card card;
	struct buffer buf, out;
	struct stream s;
	uint32_t queue;
};

static sigjmp_buf on_sigbus;

static void sigbus(int signal)
{
	siglongjmp(on_sigbus, signal);
}

static bool raises_sigbus(const volatile uint32_t *word)
{
	signal(SIGBUS, sigbus);
	if (sigsetjmp(on_sigbus, 1))
		return true;
	(void)*word;

	return false;
}

/* Returns whether the content is still there. */
static uint32_t advise(struct card *card, const struct buffer *buf, uint32_t advice)
{
	struct drm_ogpu_bo_madvise args = { .handle = buf->handle, .advice = advice };

	args.retained = 77;
	ASSERT_EQ(ADVISE(card, &args), 0);

	return args.retained;
}

static uint32_t placement_now(struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info args = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &args), 0);

	return args.current_placement;
}

static void need_small_card(struct card *card)
{
	card_open_unused(card);
	if (card_memory(card).vram_size > 64 * MIB)
		SKIP("needs a card with 64 MiB of VRAM");
}

/* Each word has its number, and something of the owner's. */
static uint32_t word(uint32_t seed, uint64_t number)
{
	return (number + 1) * 2654435761u ^ seed;
}

static void owner_open(struct owner *o, uint32_t seed)
{
	uint32_t *words;
	uint64_t n;

	card_open(&o->card);
	o->queue = card_queue(&o->card, DRM_OGPU_ENGINE_COPY, EVER_MS);
	card_stream(&o->card, &o->s, 4096);
	card_buffer(&o->card, &o->out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&o->card, &o->buf, SIZE, DRM_OGPU_BO_VRAM, RW);
	words = o->buf.map;
	for (n = 0; n < SIZE / 4; n++)
		words[n] = word(seed, n);
}

/* Words that are not what they should be; @seed 0: zero. */
static uint64_t wrong(const struct buffer *buf, uint32_t seed)
{
	const uint32_t *words = buf->map;
	uint64_t n, count = 0;

	for (n = 0; n < buf->size / 4; n++)
		count += words[n] != (seed ? word(seed, n) : 0);

	return count;
}

/* What a job finds at the end of the buffer. */
static uint32_t job_reads(struct owner *o)
{
	memset(o->out.map, 0xff, 4);
	stream_reset(&o->s);
	stream_copy(&o->s, o->buf.va + SIZE - 4, o->out.va, 4);
	card_run(&o->card, o->queue, &o->s);

	return *(uint32_t *)o->out.map;
}

static void job_fills(struct owner *o, uint32_t value)
{
	stream_reset(&o->s);
	stream_fill(&o->s, o->buf.va, SIZE, value);
	card_run(&o->card, o->queue, &o->s);
}

/* Makes buffers until that of the owner is not in VRAM any more. Returns how many. */
static unsigned int press(struct card *card, struct owner *o, struct buffer *bufs)
{
	unsigned int n;

	for (n = 0; n < MOST && placement_now(&o->card, &o->buf) == DRM_OGPU_BO_VRAM; n++)
		card_buffer(card, &bufs[n], SIZE, DRM_OGPU_BO_VRAM, RW);

	return n;
}

TEST(bad_arguments)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct drm_ogpu_bo_madvise args;
	struct buffer buf, shared;
	struct card card;
	unsigned int i;

	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &buf, 64 * KIB, DRM_OGPU_BO_VRAM), 0);
	ASSERT_EQ(card_buffer_create(&card, &shared, 64 * KIB, DRM_OGPU_BO_VRAM), 0);
	for (i = 2; i; i *= 2) {
		args = (struct drm_ogpu_bo_madvise) { .handle = buf.handle, .advice = i };
		EXPECT_EQ(ADVISE(&card, &args), -EINVAL);
		args = (struct drm_ogpu_bo_madvise) { .handle = buf.handle, .pad = i };
		EXPECT_EQ(ADVISE(&card, &args), -EINVAL);
	}
	args = (struct drm_ogpu_bo_madvise) { .handle = 0 };
	EXPECT_EQ(ADVISE(&card, &args), -ENOENT);
	args.handle = buf.handle + 1000;
	EXPECT_EQ(ADVISE(&card, &args), -ENOENT);
	EXPECT_EQ(ADVISE(&card, NULL), -EFAULT);

	/* Others may rely on what was exported, and cannot get what is not needed. */
	prime.handle = shared.handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
	args = (struct drm_ogpu_bo_madvise) {
		.handle = shared.handle, .advice = DRM_OGPU_MADV_DONTNEED,
	};
	EXPECT_EQ(ADVISE(&card, &args), -EPERM);
	args.advice = DRM_OGPU_MADV_WILLNEED;
	EXPECT_EQ(ADVISE(&card, &args), 0);
	EXPECT_EQ(args.retained, 1);
	EXPECT_EQ(advise(&card, &buf, DRM_OGPU_MADV_DONTNEED), 1);
	prime.handle = buf.handle;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -EPERM);
	EXPECT_EQ(advise(&card, &buf, DRM_OGPU_MADV_WILLNEED), 1);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
}

/* Nothing happens to it while there is room. */
TEST(retained)
{
	struct owner o;

	owner_open(&o, 5);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-purgeable-vram"), 0);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED), 1);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED), 1);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-purgeable-vram"), SIZE);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-purgeable-system"), 0);
	EXPECT_EQ(job_reads(&o), word(5, SIZE / 4 - 1));
	EXPECT_EQ(wrong(&o.buf, 5), 0);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 1);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-purgeable-vram"), 0);
	EXPECT_EQ(wrong(&o.buf, 5), 0);
}

static void purged(void)
{
	struct drm_ogpu_query_memory mem;
	struct buffer bufs[MOST];
	uint64_t total, system;
	struct card card;
	unsigned int n, i;
	struct owner o;

	need_small_card(&card);
	owner_open(&o, 9);
	ASSERT_EQ(placement_now(&o.card, &o.buf), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED), 1);
	total = fdinfo_get(&o.card, "drm-total-vram");
	system = fdinfo_get(&o.card, "drm-resident-system");
	mem = card_memory(&card);

	n = press(&card, &o, bufs);
	ASSERT_LE(n, MOST - 1);
	EXPECT_EQ(placement_now(&o.card, &o.buf), 0);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-purgeable-vram"), 0);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-resident-vram"), 0);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-total-vram"), total);
	/* It was not copied, and takes no memory. */
	EXPECT_EQ(fdinfo_get(&o.card, "drm-resident-system"), system);
	EXPECT_EQ(card_memory(&card).system_used, mem.system_used);
	for (i = 0; i < n; i++)
		EXPECT_EQ(wrong(&bufs[i], 0), 0);

	/* Nobody gets to what is in its place now. */
	EXPECT(raises_sigbus(o.buf.map));
	EXPECT_EQ(job_reads(&o), 0);
	job_fills(&o, 0x55555555);
	EXPECT_EQ(job_reads(&o), 0);
	for (i = 0; i < n; i++)
		EXPECT_EQ(wrong(&bufs[i], 0), 0);
	EXPECT_EQ(placement_now(&o.card, &o.buf), 0);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED), 0);

	/* And back: asked for, changed its mind, asked for again. */
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 0);
	EXPECT_EQ(placement_now(&o.card, &o.buf), 0);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED), 0);
	EXPECT(raises_sigbus(o.buf.map));
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 0);
	EXPECT_EQ(job_reads(&o), 0);
	EXPECT_EQ(placement_now(&o.card, &o.buf), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(wrong(&o.buf, 0), 0);
	job_fills(&o, 0x12345678);
	EXPECT_EQ(job_reads(&o), 0x12345678);
	EXPECT_EQ(((uint32_t *)o.buf.map)[1], 0x12345678);
	EXPECT_EQ(fdinfo_get(&o.card, "drm-resident-vram"), SIZE);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 1);
}

TEST(purged)
{
	purged();
}

TEST(purged_private)
{
	card_private = true;
	purged();
}

/* What was dropped needs no room: more than VRAM has may be mapped, and jobs run. */
static void larger_cache(void)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct buffer bufs[MOST];
	unsigned int n, dropped = 0;
	struct card card;
	struct owner o;

	need_small_card(&card);
	owner_open(&o, 4);
	for (n = 0; n < MOST; n++) {
		card_buffer(&o.card, &bufs[n], SIZE, DRM_OGPU_BO_VRAM, RW);
		EXPECT_EQ(advise(&o.card, &bufs[n], DRM_OGPU_MADV_DONTNEED), 1);
	}
	EXPECT_EQ(job_reads(&o), word(4, SIZE / 4 - 1));
	EXPECT_EQ(wrong(&o.buf, 4), 0);
	for (n = 0; n < MOST; n++)
		dropped += !placement_now(&o.card, &bufs[n]);
	EXPECT_GE(dropped, MOST - 8);

	/* All at once are too much; and then they are not. */
	for (n = 0; n < MOST; n++)
		advise(&o.card, &bufs[n], DRM_OGPU_MADV_WILLNEED);
	stream_reset(&o.s);
	stream_nop(&o.s, 2);
	EXPECT_EQ(card_submit(&o.card, o.queue, &o.s, NULL, 0), -ENOSPC);
	for (n = 0; n < MOST; n++)
		advise(&o.card, &bufs[n], DRM_OGPU_MADV_DONTNEED);
	EXPECT_EQ(job_reads(&o), word(4, SIZE / 4 - 1));
	if (card_private)
		return;

	/* One that is needed, and has no memory yet, can be handed on. */
	for (n = 0; placement_now(&o.card, &bufs[n]); n++)
		ASSERT_LE(n, MOST - 2);
	EXPECT_EQ(advise(&o.card, &bufs[n], DRM_OGPU_MADV_WILLNEED), 0);
	prime.handle = bufs[n].handle;
	EXPECT_EQ(card_ioctl(&o.card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
}

TEST(larger_cache)
{
	larger_cache();
}

TEST(larger_cache_private)
{
	card_private = true;
	larger_cache();
}

/* The CPU can be the first to use it, too. */
TEST(cpu_comes_first)
{
	struct buffer bufs[MOST];
	struct card card;
	struct owner o;
	uint32_t *words;

	need_small_card(&card);
	owner_open(&o, 3);
	advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED);
	ASSERT_LE(press(&card, &o, bufs), MOST - 1);
	ASSERT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 0);
	EXPECT_EQ(wrong(&o.buf, 0), 0);
	words = o.buf.map;
	words[SIZE / 4 - 1] = 99;
	EXPECT_EQ(job_reads(&o), 99);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 1);
}

/* It makes way though others were used longer ago; and these stay, with what is in them. */
TEST(goes_first)
{
	struct buffer bufs[MOST];
	struct owner old, o;
	struct card card;

	need_small_card(&card);
	owner_open(&old, 1);
	owner_open(&o, 2);
	advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED);
	EXPECT_EQ(job_reads(&o), word(2, SIZE / 4 - 1));
	ASSERT_LE(press(&card, &o, bufs), MOST - 1);
	EXPECT_EQ(placement_now(&o.card, &o.buf), 0);
	EXPECT_EQ(placement_now(&old.card, &old.buf), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(wrong(&old.buf, 1), 0);
}

/* What a job uses is moved, as any other buffer, and keeps its content. */
TEST(busy_is_moved)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_bo_create create = { .size = SIZE, .placement = DRM_OGPU_BO_VRAM };
	struct card card;
	struct owner o;
	unsigned int n;

	need_small_card(&card);
	owner_open(&o, 7);
	sync.handle = card_syncobj(&o.card);
	*(volatile uint64_t *)o.out.map = 0;
	stream_reset(&o.s);
	stream_wait(&o.s, o.out.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&o.card, o.queue, &o.s, &sync, 1), 0);
	advise(&o.card, &o.buf, DRM_OGPU_MADV_DONTNEED);
	/* Others, which nobody uses, would do as well: all of VRAM is wanted at once. */
	for (n = 0; n < 2; n++) {
		create.size = card_memory(&card).vram_size - 8 * MIB;
		if (card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create))
			break;
	}
	EXPECT_NE(placement_now(&o.card, &o.buf), 0);
	EXPECT_EQ(advise(&o.card, &o.buf, DRM_OGPU_MADV_WILLNEED), 1);
	*(volatile uint64_t *)o.out.map = 1;
	EXPECT_EQ(card_syncobj_wait(&o.card, sync.handle, 10000), 0);
	EXPECT_EQ(wrong(&o.buf, 7), 0);
}

/* Freed in whatever state, all memory comes back. */
TEST(accounting_after)
{
	struct drm_ogpu_query_memory before;
	struct buffer bufs[MOST];
	struct card card, other;
	struct owner o[3];
	unsigned int i, n;

	need_small_card(&card);
	before = card_memory(&card);
	card_open(&other);
	for (i = 0; i < 3; i++) {
		card_private = i == 2;
		owner_open(&o[i], i + 1);
		advise(&o[i].card, &o[i].buf, DRM_OGPU_MADV_DONTNEED);
	}
	card_private = false;
	n = press(&other, &o[2], bufs);
	ASSERT_LE(n, MOST - 1);
	EXPECT_EQ(advise(&o[0].card, &o[0].buf, DRM_OGPU_MADV_WILLNEED), 0);
	for (i = 0; i < 3; i++)
		card_close(&o[i].card);
	card_close(&other);
	for (i = 0; i < n; i++)
		munmap(bufs[i].map, SIZE);
	for (i = 0; i < 3; i++) {
		munmap(o[i].buf.map, SIZE);
		munmap(o[i].out.map, o[i].out.size);
		munmap(o[i].s.buf.map, o[i].s.buf.size);
	}
	EXPECT_EQ(card_wait_memory(&card, &before), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
