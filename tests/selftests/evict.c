// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * More buffers than VRAM has room for, and an aperture that is smaller than VRAM: moves keep every
 * byte, address spaces find their buffers again, and nobody sees what others left behind.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

#define BOTH	(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#define CLIENTS		16
#define SIZE		(12 * MIB)
#define BIG_VA		0x200000000000ull

/* How long a job may last: longer than any test, however slow the machine. */
#define EVER_MS		3600000

/* Seconds for tests that do many things, on a debug kernel on a machine with other work. */
#define SLOW_S		240

/* A client: a file with an address space, a queue, and a large buffer in VRAM. */
struct client {
	struct card card;
	uint32_t queue;
	struct stream s;
	struct buffer out;
	struct buffer big;	/* not mapped by the CPU */
};

static int create(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement,
		  uint32_t flags)
{
	struct drm_ogpu_bo_create args = {
		.size = size, .placement = placement, .flags = flags,
		.vm_id = card_private ? card->vm : 0,
	};
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &args);

	*buf = (struct buffer) { .handle = args.handle, .size = args.size };

	return ret;
}

static void *map(struct card *card, struct buffer *buf)
{
	struct drm_ogpu_bo_mmap_offset args = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &args), 0);
	buf->map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED, card->fd,
			args.offset);
	ASSERT(buf->map != MAP_FAILED);

	return buf->map;
}

static uint32_t placement_now(struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info args = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &args), 0);

	return args.current_placement;
}

static void need_small_card(void)
{
	struct drm_ogpu_query_memory mem;
	struct card card;

	/* What the test before had would be room for this one's buffers. */
	card_open_unused(&card);
	mem = card_memory(&card);
	card_close(&card);
	if (mem.vram_size > 64 * MIB || mem.vram_visible_size > 32 * MIB)
		SKIP("needs a card with 64 MiB of VRAM and 32 MiB of aperture");
}

static void client_open(struct client *c, uint64_t size, uint32_t placement, uint32_t flags)
{
	card_open(&c->card);
	c->queue = card_queue(&c->card, DRM_OGPU_ENGINE_COPY, EVER_MS);
	card_stream(&c->card, &c->s, 64 * KIB);
	card_buffer(&c->card, &c->out, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(create(&c->card, &c->big, size, placement, flags), 0);
	c->big.va = BIG_VA;
	ASSERT_EQ(card_bind(&c->card, &c->big, BIG_VA, RW), 0);
}

/* Each 64 KiB get a word of their own. */
static uint32_t tag(unsigned int client, unsigned int round, uint64_t offset)
{
	return client << 24 | round << 16 | offset / (64 * KIB);
}

static void client_fill(struct client *c, unsigned int number, unsigned int round)
{
	uint64_t offset;

	stream_reset(&c->s);
	for (offset = 0; offset < c->big.size; offset += 64 * KIB)
		stream_fill(&c->s, BIG_VA + offset, 64 * KIB, tag(number, round, offset));
	card_run(&c->card, c->queue, &c->s);
}

/* What the card sees: the last word of each 64 KiB, gathered into @out. */
static void client_check(struct client *c, unsigned int number, unsigned int round)
{
	uint32_t *out = c->out.map;
	unsigned int i, wrong = 0;

	memset(out, 0xff, c->out.size);
	stream_reset(&c->s);
	for (i = 0; i < c->big.size / (64 * KIB); i++)
		stream_copy(&c->s, BIG_VA + (i + 1) * 64 * KIB - 4, c->out.va + i * 4, 4);
	card_run(&c->card, c->queue, &c->s);
	for (i = 0; i < c->big.size / (64 * KIB); i++)
		wrong += out[i] != tag(number, round, i * 64 * KIB);
	EXPECT_EQ(wrong, 0);
}

TEST(many_files)
{
	static struct client clients[CLIENTS];
	unsigned int i, round;

	need_small_card();
	for (i = 0; i < CLIENTS; i++)
		client_open(&clients[i], SIZE, DRM_OGPU_BO_VRAM, 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < CLIENTS; i++)
			client_fill(&clients[i], i, round);
		for (i = 0; i < CLIENTS; i++)
			client_check(&clients[i], i, round);
	}
}

static void one_process(unsigned int number)
{
	struct client c;
	unsigned int round;

	client_open(&c, SIZE, DRM_OGPU_BO_VRAM, 0);
	for (round = 0; round < 6; round++) {
		client_fill(&c, number, round);
		client_check(&c, number, round);
	}
}

TEST(many_processes)
{
	unsigned int i;

	need_small_card();
	for (i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		ASSERT(pid >= 0);
		if (!pid) {
			one_process(i);
			_exit(harness_result->failed);
		}
	}
	for (i = 0; i < CLIENTS; i++) {
		int status;

		ASSERT(wait(&status) > 0);
		EXPECT_EQ(status, 0);
	}
}

/* The CPU's view follows a buffer that is moved. */
TEST(cpu_map_follows)
{
	struct client a, others[6];
	unsigned int i;
	uint32_t *words;
	uint64_t n;

	need_small_card();
	client_open(&a, SIZE, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS);
	words = map(&a.card, &a.big);
	for (n = 0; n < SIZE / 4; n++)
		words[n] = n * 2654435761u;
	EXPECT_EQ(placement_now(&a.card, &a.big), DRM_OGPU_BO_VRAM);

	for (i = 0; i < 6; i++) {
		client_open(&others[i], SIZE, DRM_OGPU_BO_VRAM, 0);
		client_fill(&others[i], i, 0);
	}
	EXPECT_EQ(placement_now(&a.card, &a.big), DRM_OGPU_BO_SYSTEM);
	for (n = 0; n < SIZE / 4; n++) {
		if (words[n] != (uint32_t)(n * 2654435761u))
			break;
	}
	EXPECT_EQ(n, SIZE / 4);
	words[SIZE / 4 - 1] = 1;

	/* The card brings it back. */
	stream_reset(&a.s);
	stream_copy(&a.s, BIG_VA + SIZE - 8, a.out.va, 8);
	card_run(&a.card, a.queue, &a.s);
	EXPECT_EQ(placement_now(&a.card, &a.big), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(((uint32_t *)a.out.map)[0], (uint32_t)((SIZE / 4 - 2) * 2654435761u));
	EXPECT_EQ(((uint32_t *)a.out.map)[1], 1);
	EXPECT_EQ(words[SIZE / 4 - 2], (uint32_t)((SIZE / 4 - 2) * 2654435761u));
}

/* A buffer that the CPU cannot see is moved when the CPU touches it. */
TEST(invisible_map)
{
	struct client c;
	uint32_t *words;
	uint64_t n;

	need_small_card();
	client_open(&c, SIZE, BOTH, 0);
	client_fill(&c, 5, 7);
	EXPECT_EQ(placement_now(&c.card, &c.big), DRM_OGPU_BO_VRAM);
	words = map(&c.card, &c.big);
	for (n = 0; n < SIZE / 4; n++) {
		if (words[n] != tag(5, 7, n * 4))
			break;
	}
	EXPECT_EQ(n, SIZE / 4);
	words[SIZE / 4 - 1] = 99;
	stream_reset(&c.s);
	stream_copy(&c.s, BIG_VA + SIZE - 4, c.out.va, 4);
	card_run(&c.card, c.queue, &c.s);
	EXPECT_EQ(*(uint32_t *)c.out.map, 99);
}

TEST(visible_part)
{
	struct drm_ogpu_query_memory mem;
	struct buffer buf;
	struct card card;
	unsigned int n;

	need_small_card();
	card_open(&card);
	mem = card_memory(&card);
	EXPECT(mem.vram_visible_size < mem.vram_size);
	EXPECT_EQ(create(&card, &buf, mem.vram_visible_size + MIB, DRM_OGPU_BO_VRAM,
			 DRM_OGPU_BO_CPU_ACCESS), -ENOSPC);
	EXPECT_EQ(create(&card, &buf, mem.vram_visible_size + MIB, DRM_OGPU_BO_VRAM, 0), 0);
	/* Those that must be visible push each other out, not the machine over. */
	for (n = 0; n < 12; n++) {
		ASSERT_EQ(create(&card, &buf, 8 * MIB, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS),
			  0);
		memset(map(&card, &buf), n + 1, buf.size);
	}
	mem = card_memory(&card);
	EXPECT_LE(mem.vram_visible_used, mem.vram_visible_size);
	EXPECT_LE(mem.vram_used, mem.vram_size);
}

/* What does not fit all at once cannot be used by one job. The address space stays good. */
TEST(too_much_for_one)
{
	struct drm_gem_close args = {};
	struct drm_ogpu_sync sync;
	struct client c, other;
	struct buffer more[6];
	unsigned int i;

	need_small_card();
	client_open(&c, SIZE, DRM_OGPU_BO_VRAM, 0);
	client_fill(&c, 1, 1);
	client_open(&other, SIZE, DRM_OGPU_BO_VRAM, 0);
	for (i = 0; i < 6; i++) {
		int ret = create(&c.card, &more[i], SIZE, DRM_OGPU_BO_VRAM, 0);

		ASSERT_EQ(ret, 0);
		ret = card_bind(&c.card, &more[i], BIG_VA + (i + 1) * SIZE, RW);
		ASSERT(ret == 0 || ret == -ENOSPC);
	}
	sync = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&c.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	stream_reset(&c.s);
	stream_nop(&c.s, 2);
	client_fill(&other, 2, 1);
	EXPECT_EQ(card_submit(&c.card, c.queue, &c.s, &sync, 1), -ENOSPC);
	EXPECT_EQ(card_syncobj_wait(&c.card, sync.handle, 0), -EINVAL);
	/* Nobody made way for nothing. */
	EXPECT_EQ(placement_now(&other.card, &other.big), DRM_OGPU_BO_VRAM);
	ASSERT_EQ(card_unbind(&c.card, BIG_VA + SIZE, 6 * SIZE), 0);
	for (i = 0; i < 6; i++) {
		args.handle = more[i].handle;
		ASSERT_EQ(card_ioctl(&c.card, DRM_IOCTL_GEM_CLOSE, &args), 0);
	}
	client_check(&c, 1, 1);
}

/* Fresh memory is zero, wherever it comes from and however busy the card is. */
TEST(fresh_is_zero)
{
	unsigned int i, round;
	struct client c;

	need_small_card();
	for (round = 0; round < 8; round++) {
		uint32_t *out;

		client_open(&c, SIZE, DRM_OGPU_BO_VRAM, 0);
		out = c.out.map;
		memset(out, 0xff, c.out.size);
		stream_reset(&c.s);
		for (i = 0; i < SIZE / (64 * KIB); i++)
			stream_copy(&c.s, BIG_VA + i * 64 * KIB + 4096 * (i % 16),
				    c.out.va + i * 256, 256);
		card_run(&c.card, c.queue, &c.s);
		for (i = 0; i < SIZE / (64 * KIB) * 64; i++) {
			if (out[i])
				break;
		}
		EXPECT_EQ(i, SIZE / (64 * KIB) * 64);
		client_fill(&c, 0xff, round);
		if (round % 2)
			card_close(&c.card);
	}
}

/* Binds that are handed over before a buffer is moved find it after the move. */
TEST_TIMEOUT(async_binds_and_moves, SLOW_S)
{
	struct drm_ogpu_vm_bind bind;
	struct drm_ogpu_bind_op op;
	struct client c, others[5];
	unsigned int i, round;

	need_small_card();
	client_open(&c, SIZE, DRM_OGPU_BO_VRAM, 0);
	for (i = 0; i < 5; i++)
		client_open(&others[i], SIZE, DRM_OGPU_BO_VRAM, 0);
	client_fill(&c, 3, 0);

	for (round = 1; round < 20; round++) {
		uint64_t va = BIG_VA + round * SIZE;

		op = (struct drm_ogpu_bind_op) {
			.op = DRM_OGPU_BIND_MAP, .flags = RW, .bo_handle = c.big.handle,
			.va = va, .size = SIZE,
		};
		bind = (struct drm_ogpu_vm_bind) {
			.vm_id = c.card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC,
			.ops = CARD_ARRAY(&op, 1),
		};
		ASSERT_EQ(card_ioctl(&c.card, DRM_IOCTL_OGPU_VM_BIND, &bind), 0);
		for (i = 0; i < 5; i++)
			client_fill(&others[i], i, round);
		stream_reset(&c.s);
		stream_copy(&c.s, va + MIB, c.out.va, 4);
		stream_copy(&c.s, BIG_VA + 2 * MIB, c.out.va + 4, 4);
		card_run(&c.card, c.queue, &c.s);
		EXPECT_EQ(((uint32_t *)c.out.map)[0], tag(3, 0, MIB));
		EXPECT_EQ(((uint32_t *)c.out.map)[1], tag(3, 0, 2 * MIB));
	}
}

/* What nobody may take who is held up by what others do. */

/* Has a job that waits for word 0 of @out. Returns a syncobj that it signals. */
static uint32_t client_hold(struct client *c)
{
	struct drm_ogpu_sync sync = {
		.handle = card_syncobj(&c->card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};

	*(volatile uint64_t *)c->out.map = 0;
	stream_reset(&c->s);
	stream_wait(&c->s, c->out.va, 0, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&c->card, c->queue, &c->s, &sync, 1), 0);

	return sync.handle;
}

static void client_let_go(struct client *c)
{
	*(volatile uint64_t *)c->out.map = 1;
}

static int bind_async(struct client *c, const struct buffer *buf, uint64_t va)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP, .flags = RW, .bo_handle = buf->handle,
		.va = va, .size = buf->size,
	};
	struct drm_ogpu_vm_bind bind = {
		.vm_id = c->card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC, .ops = CARD_ARRAY(&op, 1),
	};

	return card_ioctl(&c->card, DRM_IOCTL_OGPU_VM_BIND, &bind);
}

/* Takes all VRAM that is left, in buffers of its address space. Returns how many. */
static unsigned int client_take_rest(struct client *c, struct buffer *bufs, unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most; n++) {
		struct drm_ogpu_query_memory mem = card_memory(&c->card);

		if (mem.vram_used + SIZE > mem.vram_size)
			break;
		ASSERT_EQ(create(&c->card, &bufs[n], SIZE, DRM_OGPU_BO_VRAM, 0), 0);
		ASSERT_EQ(card_bind(&c->card, &bufs[n], BIG_VA + (n + 1) * SIZE, RW), 0);
	}

	return n;
}

/*
 * All VRAM is in use by a job that does not end. Who wants some of it gets it after that job, and
 * until then waits in no system call; who needs none notices nothing.
 */
TEST(busy_memory_holds_up_nobody)
{
	struct client a, b, c;
	struct buffer rest[8];
	struct drm_ogpu_sync sync;
	uint32_t held;

	need_small_card();
	client_open(&c, MIB, DRM_OGPU_BO_VRAM, 0);
	client_open(&b, MIB, DRM_OGPU_BO_VRAM, 0);
	/* Page tables, for which nothing that is used is moved. */
	ASSERT_EQ(create(&b.card, &rest[0], SIZE, DRM_OGPU_BO_SYSTEM, 0), 0);
	ASSERT_EQ(card_bind(&b.card, &rest[0], BIG_VA + SIZE, RW), 0);
	client_open(&a, SIZE, DRM_OGPU_BO_VRAM, 0);
	client_take_rest(&a, rest, 8);
	client_fill(&a, 1, 1);
	client_fill(&c, 3, 1);
	held = client_hold(&a);

	ASSERT_EQ(create(&b.card, &rest[0], SIZE, DRM_OGPU_BO_VRAM, 0), 0);
	ASSERT_EQ(bind_async(&b, &rest[0], BIG_VA + SIZE), 0);
	sync = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&b.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	stream_reset(&b.s);
	stream_copy(&b.s, BIG_VA + 2 * SIZE - 8, b.out.va, 8);
	memset(b.out.map, 0xff, 8);
	ASSERT_EQ(card_submit(&b.card, b.queue, &b.s, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&b.card, sync.handle, 0), -ETIME);

	client_check(&c, 3, 1);
	client_fill(&c, 3, 2);
	ASSERT_EQ(create(&c.card, &rest[1], MIB, DRM_OGPU_BO_SYSTEM, 0), 0);
	ASSERT_EQ(card_bind(&c.card, &rest[1], BIG_VA, RW), 0);
	ASSERT_EQ(card_bind(&c.card, &c.big, BIG_VA, RW), 0);
	client_check(&c, 3, 2);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 0), -ETIME);

	client_let_go(&a);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 10000), 0);
	EXPECT_EQ(card_syncobj_wait(&b.card, sync.handle, 10000), 0);
	EXPECT_EQ(*(uint64_t *)b.out.map, 0);
	client_check(&a, 1, 1);
}

/* Small buffers that one client has in use, and of these, how many others want room for. */
#define SMALL		(64ull << 10)
#define SMALL_MOST	1024
#define SMALL_OUT	600

/* However many buffers are on their way out behind a job, more can be moved. */
TEST_TIMEOUT(many_moves_out_at_once, SLOW_S)
{
	static struct buffer small[SMALL_MOST], wanted[SMALL_OUT];
	struct drm_ogpu_query_memory mem;
	struct client a, b;
	unsigned int i, n;
	uint32_t held;

	need_small_card();
	client_open(&b, MIB, DRM_OGPU_BO_SYSTEM, 0);
	client_open(&a, MIB, DRM_OGPU_BO_SYSTEM, 0);
	for (n = 0; n < SMALL_MOST; n++) {
		mem = card_memory(&a.card);
		if (mem.vram_used + SMALL > mem.vram_size)
			break;
		ASSERT_EQ(create(&a.card, &small[n], SMALL, DRM_OGPU_BO_VRAM, 0), 0);
		ASSERT_EQ(card_bind(&a.card, &small[n], BIG_VA + MIB + n * SMALL, RW), 0);
	}
	ASSERT_LE(SMALL_OUT, n);
	held = client_hold(&a);

	for (i = 0; i < SMALL_OUT; i++)
		ASSERT_EQ(create(&b.card, &wanted[i], SMALL, DRM_OGPU_BO_VRAM, 0), 0);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 0), -ETIME);

	client_let_go(&a);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 10000), 0);
}

/* Buffers of a client that does not end, and as many that others want. */
#define WAITING		12

/*
 * One client's moves wait for its job. Those of another one wait for a job, too, but a short one:
 * they are over with that, and who wants the room has it, however long the first one's job lasts.
 */
TEST(waiting_moves_hold_up_nobody)
{
	static struct buffer small[WAITING], rest[64], taken[WAITING];
	struct drm_ogpu_query_memory mem;
	struct client a, b, c, d;
	struct drm_ogpu_sync sync;
	uint32_t held, held_b;
	struct buffer wanted;
	unsigned int i, n;

	need_small_card();
	client_open(&d, MIB, DRM_OGPU_BO_SYSTEM, 0);
	client_open(&c, MIB, DRM_OGPU_BO_SYSTEM, 0);
	client_open(&b, MIB, DRM_OGPU_BO_SYSTEM, 0);
	client_open(&a, MIB, DRM_OGPU_BO_SYSTEM, 0);
	/* Page tables, for which nothing that is used is moved. */
	ASSERT_EQ(create(&d.card, &wanted, SIZE, DRM_OGPU_BO_SYSTEM, 0), 0);
	ASSERT_EQ(card_bind(&d.card, &wanted, BIG_VA + SIZE, RW), 0);
	for (i = 0; i < WAITING; i++) {
		ASSERT_EQ(create(&a.card, &small[i], MIB, DRM_OGPU_BO_VRAM, 0), 0);
		ASSERT_EQ(card_bind(&a.card, &small[i], BIG_VA + (i + 1) * MIB, RW), 0);
	}
	for (n = 0; n < 64; n++) {
		mem = card_memory(&b.card);
		if (mem.vram_used + MIB > mem.vram_size)
			break;
		ASSERT_EQ(create(&b.card, &rest[n], MIB, DRM_OGPU_BO_VRAM, 0), 0);
		ASSERT_EQ(card_bind(&b.card, &rest[n], BIG_VA + (n + 1) * MIB, RW), 0);
	}
	ASSERT_GE(n, SIZE / MIB + 1);
	held = client_hold(&a);
	held_b = client_hold(&b);

	/* All of the first one's are moved out, being used before the others. */
	for (i = 0; i < WAITING; i++)
		ASSERT_EQ(create(&c.card, &taken[i], MIB, DRM_OGPU_BO_VRAM, 0), 0);
	for (i = 0; i < WAITING; i++)
		ASSERT_EQ(placement_now(&a.card, &small[i]), DRM_OGPU_BO_SYSTEM);

	ASSERT_EQ(create(&d.card, &wanted, SIZE, DRM_OGPU_BO_VRAM, 0), 0);
	ASSERT_EQ(bind_async(&d, &wanted, BIG_VA + SIZE), 0);
	sync = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&d.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	stream_reset(&d.s);
	stream_copy(&d.s, BIG_VA + 2 * SIZE - 8, d.out.va, 8);
	memset(d.out.map, 0xff, 8);
	ASSERT_EQ(card_submit(&d.card, d.queue, &d.s, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&d.card, sync.handle, 0), -ETIME);

	client_let_go(&b);
	EXPECT_EQ(card_syncobj_wait(&b.card, held_b, 10000), 0);
	EXPECT_EQ(card_syncobj_wait(&d.card, sync.handle, 10000), 0);
	EXPECT_EQ(*(uint64_t *)d.out.map, 0);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 0), -ETIME);

	client_let_go(&a);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 10000), 0);
}

/*
 * Memory that was freed under a job is had when that ends. Who wants it waits, with nothing locked;
 * who needs none notices nothing.
 */
TEST(freed_memory_is_waited_for)
{
	struct drm_gem_close close = {};
	struct client a, b, c;
	struct buffer rest[8], buf;
	unsigned int n, i;
	uint64_t end;
	uint32_t held;
	int status;
	pid_t pid;

	need_small_card();
	client_open(&c, MIB, DRM_OGPU_BO_VRAM, 0);
	client_open(&a, MIB, DRM_OGPU_BO_VRAM, 0);
	n = client_take_rest(&a, rest, 8);
	ASSERT_GE(n, 2);
	client_fill(&c, 3, 1);
	held = client_hold(&a);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(card_unbind(&a.card, BIG_VA + (i + 1) * SIZE, SIZE), 0);
		close.handle = rest[i].handle;
		ASSERT_EQ(card_ioctl(&a.card, DRM_IOCTL_GEM_CLOSE, &close), 0);
	}

	/* Mappings go behind the call: as long as there is one it is a buffer to move. */
	end = time_limit(10000);
	while (fdinfo_get(&a.card, "drm-total-vram") > a.big.size && time_ms() < end)
		sleep_ms(1);
	ASSERT_LE(fdinfo_get(&a.card, "drm-total-vram"), a.big.size);

	fflush(stdout);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		card_open(&b.card);
		_exit(create(&b.card, &buf, (n - 1) * SIZE, DRM_OGPU_BO_VRAM, 0) != 0);
	}
	sleep_ms(200);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	client_check(&c, 3, 1);
	EXPECT_EQ(card_syncobj_wait(&a.card, held, 0), -ETIME);

	client_let_go(&a);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* What was used longest ago makes way, not what was made first. */
TEST(least_recently_used)
{
	struct client c[4], last;
	unsigned int i;

	need_small_card();
	for (i = 0; i < 4; i++)
		client_open(&c[i], 11 * MIB, DRM_OGPU_BO_VRAM, 0);
	for (i = 4; i--;)
		client_fill(&c[i], i, 0);
	client_fill(&c[0], 0, 1);
	client_open(&last, 20 * MIB, DRM_OGPU_BO_VRAM, 0);
	EXPECT_EQ(placement_now(&c[0].card, &c[0].big), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(placement_now(&c[1].card, &c[1].big), DRM_OGPU_BO_VRAM);
	EXPECT_EQ(placement_now(&c[3].card, &c[3].big), DRM_OGPU_BO_SYSTEM);
	client_check(&c[3], 3, 0);
	client_check(&c[0], 0, 1);
}

/* Which was made in system memory because VRAM was full, and is used when it is full no more. */
TEST(comes_to_vram_later)
{
	struct drm_gem_close close = {};
	struct client a, b;
	struct buffer rest[8];
	unsigned int n, i;
	uint64_t end;

	need_small_card();
	client_open(&a, MIB, DRM_OGPU_BO_VRAM, 0);
	n = client_take_rest(&a, rest, 8);
	client_open(&b, SIZE, BOTH, 0);
	client_fill(&b, 2, 0);
	ASSERT_EQ(placement_now(&b.card, &b.big), DRM_OGPU_BO_SYSTEM);
	ASSERT_EQ(card_unbind(&a.card, BIG_VA, (n + 1) * SIZE), 0);
	for (i = 0; i < n; i++) {
		close.handle = rest[i].handle;
		ASSERT_EQ(card_ioctl(&a.card, DRM_IOCTL_GEM_CLOSE, &close), 0);
	}

	end = time_limit(10000);
	do {
		client_check(&b, 2, 0);
	} while (placement_now(&b.card, &b.big) != DRM_OGPU_BO_VRAM && time_ms() < end);
	EXPECT_EQ(placement_now(&b.card, &b.big), DRM_OGPU_BO_VRAM);
	client_check(&b, 2, 0);
}

/* Has TTM swap out what no job uses. Returns pages; -1: it cannot be asked. */
static long swap_out(void)
{
	FILE *file = fopen("/sys/kernel/debug/ttm/tt_shrink", "r");
	long pages = -1;

	if (file) {
		EXPECT_EQ(fscanf(file, "%ld", &pages), 1);
		fclose(file);
	}

	return pages;
}

/* System memory of buffers can be swapped out, counts all the same, and comes back for all. */
TEST(swapped_out)
{
	struct drm_ogpu_query_memory mem;
	struct client c, idle;
	long pages, all = 0;
	uint32_t *words;
	uint32_t held;
	uint64_t n;

	need_small_card();
	client_open(&c, SIZE, DRM_OGPU_BO_SYSTEM, 0);
	client_open(&idle, SIZE, DRM_OGPU_BO_SYSTEM, 0);
	client_fill(&c, 1, 1);
	client_fill(&idle, 2, 1);
	mem = card_memory(&c.card);
	held = client_hold(&c);
	while ((pages = swap_out()) > 0)
		all += pages;
	if (pages < 0)
		SKIP("debugfs cannot be read: not mounted, or not root");
	/* Those of the one who has a job are not among them. */
	EXPECT_GE(all, (long)(SIZE / sysconf(_SC_PAGESIZE)));
	EXPECT_LE(all, (long)((SIZE + 8 * MIB) / sysconf(_SC_PAGESIZE)));
	EXPECT_EQ(card_memory(&c.card).system_used, mem.system_used);
	client_let_go(&c);
	ASSERT_EQ(card_syncobj_wait(&c.card, held, 10000), 0);
	client_check(&idle, 2, 1);

	while (swap_out() > 0)
		;
	words = map(&c.card, &c.big);
	for (n = 0; n < SIZE / 4; n++) {
		if (words[n] != tag(1, 1, n * 4))
			break;
	}
	EXPECT_EQ(n, SIZE / 4);
	client_check(&c, 1, 1);
	EXPECT_EQ(card_memory(&c.card).system_used, mem.system_used);
}

/* A buffer is moved for the CPU while others move theirs: no object of TTM's is taken for one. */
TEST(touched_under_pressure)
{
	struct client c;
	unsigned int i;
	pid_t pids[3];

	need_small_card();
	for (i = 0; i < 3; i++) {
		fflush(stdout);
		pids[i] = fork();
		ASSERT(pids[i] >= 0);
		if (!pids[i]) {
			unsigned int round;

			client_open(&c, 2 * SIZE, DRM_OGPU_BO_VRAM, 0);
			for (round = 0; round < 12; round++) {
				client_fill(&c, i, round);
				client_check(&c, i, round);
			}
			_exit(harness_result->failed);
		}
	}
	client_open(&c, SIZE, BOTH, 0);
	map(&c.card, &c.big);
	for (i = 0; i < 12; i++) {
		client_fill(&c, 9, i);
		EXPECT_EQ(*(uint32_t *)(c.big.map + SIZE - 4), tag(9, i, SIZE - 4));
	}
	for (i = 0; i < 3; i++) {
		int status;

		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
}

TEST(accounting_after)
{
	struct drm_ogpu_query_memory before;
	struct card card;
	pid_t pid;

	need_small_card();
	card_open_unused(&card);
	before = card_memory(&card);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct client clients[8];
		unsigned int i;

		for (i = 0; i < 8; i++) {
			client_open(&clients[i], SIZE, DRM_OGPU_BO_VRAM, 0);
			client_fill(&clients[i], i, 0);
		}
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	ASSERT_EQ(card_wait_memory(&card, &before), 0);
}

/* The same with buffers that share the reservation object of their address space. */
TEST(many_files_private)
{
	card_private = true;
	test_many_files();
}

TEST(many_processes_private)
{
	card_private = true;
	test_many_processes();
}

TEST(cpu_map_follows_private)
{
	card_private = true;
	test_cpu_map_follows();
}

TEST(too_much_for_one_private)
{
	card_private = true;
	test_too_much_for_one();
}

TEST(fresh_is_zero_private)
{
	card_private = true;
	test_fresh_is_zero();
}

TEST_TIMEOUT(async_binds_and_moves_private, SLOW_S)
{
	card_private = true;
	test_async_binds_and_moves();
}

TEST(busy_memory_holds_up_nobody_private)
{
	card_private = true;
	test_busy_memory_holds_up_nobody();
}

TEST(waiting_moves_hold_up_nobody_private)
{
	card_private = true;
	test_waiting_moves_hold_up_nobody();
}

TEST(comes_to_vram_later_private)
{
	card_private = true;
	test_comes_to_vram_later();
}

TEST(least_recently_used_private)
{
	card_private = true;
	test_least_recently_used();
}

TEST(touched_under_pressure_private)
{
	card_private = true;
	test_touched_under_pressure();
}

TEST(accounting_after_private)
{
	card_private = true;
	test_accounting_after();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
