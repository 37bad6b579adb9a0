// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards that reach each other's VRAM, beside one that does not. Two of the three are behind a
 * switch; whether the kernel uses that a query tells, and the tests take its word.
 *
 * VM: --cards 3 --switch 2 --vgpu-args '--vram 64M --aperture 16M' --append no_console_suspend
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define BOTH		(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)
#define CARDS		3
#define SIZE		(1u << 20)
#define BIG		(8u << 20)
#define APERTURE	(16u << 20)
#define WAIT_MS		60000

static int export(const struct card *card, uint32_t handle)
{
	int fd;

	ASSERT_EQ(drmPrimeHandleToFD(card->fd, handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);

	return fd;
}

static int try_import(const struct card *card, int fd, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = fd };
	int ret = card_ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}

/* Mapped for the card at the next free address. */
static void map_new(struct card *card, struct buffer *buf)
{
	buf->va = card->next_va;
	card->next_va += buf->size + (1 << 20);
	ASSERT_EQ(card_bind(card, buf, buf->va, READ_WRITE), 0);
}

static void import(struct card *card, int fd, struct buffer *buf)
{
	memset(buf, 0, sizeof(*buf));
	buf->size = lseek(fd, 0, SEEK_END);
	ASSERT_EQ(try_import(card, fd, &buf->handle), 0);
	map_new(card, buf);
}

/* The same, and nothing is waited for. */
static void import_async(struct card *card, int fd, struct buffer *buf)
{
	struct drm_ogpu_bind_op op = {};
	struct drm_ogpu_vm_bind bind = {
		.vm_id = card->vm, .flags = DRM_OGPU_VM_BIND_ASYNC, .ops = CARD_ARRAY(&op, 1),
	};

	*buf = (struct buffer){ .size = lseek(fd, 0, SEEK_END), .va = card->next_va };
	card->next_va += buf->size + (1 << 20);
	ASSERT_EQ(try_import(card, fd, &buf->handle), 0);
	op = card_map_op(buf, 0, buf->va, buf->size);
	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, &bind), 0);
}

static int prefetch(const struct card *card, const struct buffer *buf, uint32_t placement)
{
	struct drm_ogpu_bo_prefetch args = { .handle = buf->handle, .placement = placement };

	return card_ioctl(card, DRM_IOCTL_OGPU_BO_PREFETCH, &args);
}

static uint32_t place(const struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info info = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);

	return info.current_placement;
}

static bool is_all(const uint32_t *words, uint32_t word)
{
	size_t i;

	for (i = 0; i < SIZE / 4; i++) {
		if (words[i] != word)
			return false;
	}

	return true;
}

/* One side: a card, a queue, and memory to look at. */
struct side {
	struct card card;
	struct buffer out, page;
	struct stream s;
	uint32_t queue, done;
};

static void side_open(struct side *side, unsigned int number)
{
	memset(side, 0, sizeof(*side));
	card_open_number(&side->card, number);
	card_buffer(&side->card, &side->out, SIZE, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_buffer(&side->card, &side->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&side->card, &side->s, 4096);
	side->queue = card_queue(&side->card, DRM_OGPU_ENGINE_COPY, WAIT_MS);
	side->done = card_syncobj(&side->card);
}

/* What is mapped would keep the file open. */
static void side_close(struct side *side)
{
	munmap(side->out.map, side->out.size);
	munmap(side->page.map, side->page.size);
	munmap(side->s.buf.map, side->s.buf.size);
	card_close(&side->card);
}

static void fill(struct side *side, const struct buffer *buf, uint32_t word)
{
	stream_reset(&side->s);
	stream_fill(&side->s, buf->va, buf->size, word);
	card_run(&side->card, side->queue, &side->s);
}

/* What a job of this side finds at the end of the buffer. */
static bool finds(struct side *side, const struct buffer *buf, uint32_t word)
{
	stream_reset(&side->s);
	stream_copy(&side->s, buf->va + buf->size - SIZE, side->out.va, SIZE);
	card_run(&side->card, side->queue, &side->s);

	return is_all(side->out.map, word);
}

/* Submits the stream; let_go() waits for it. */
static void submit(struct side *side)
{
	struct drm_ogpu_sync sync = { .handle = side->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	ASSERT_EQ(card_submit(&side->card, side->queue, &side->s, &sync, 1), 0);
}

/* A job that finds what is there when let_go() is called. */
static void hold(struct side *side, const struct buffer *buf)
{
	*(volatile uint64_t *)side->page.map = 0;
	stream_reset(&side->s);
	stream_wait(&side->s, side->page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
	stream_copy(&side->s, buf->va + buf->size - SIZE, side->out.va, SIZE);
	submit(side);
}

/* And that fills the buffer then. */
static void hold_fill(struct side *side, const struct buffer *buf, uint32_t word)
{
	*(volatile uint64_t *)side->page.map = 0;
	stream_reset(&side->s);
	stream_wait(&side->s, side->page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
	stream_copy(&side->s, buf->va + buf->size - SIZE, side->out.va, SIZE);
	stream_fill(&side->s, buf->va, buf->size, word);
	submit(side);
}

static void let_go(struct side *side)
{
	*(volatile uint64_t *)side->page.map = 1;
	ASSERT_EQ(card_syncobj_wait(&side->card, side->done, WAIT_MS), 0);
}

/* @near of @card reaches its VRAM, @far does not. False: there are no such cards. */
static bool find(unsigned int *card, unsigned int *near, unsigned int *far)
{
	struct card cards[CARDS];
	unsigned int i, j;
	bool found = false;

	for (i = 0; i < CARDS; i++)
		card_open_number(&cards[i], i);
	for (i = 0; i < CARDS && !found; i++) {
		for (j = 0; j < CARDS && !found; j++) {
			if (i == j ||
			    card_peer_path(&cards[i], &cards[j]) != DRM_OGPU_PEER_DIRECT)
				continue;
			*card = i;
			*near = j;
			*far = CARDS - i - j;
			found = card_peer_path(&cards[i], &cards[*far]) != DRM_OGPU_PEER_DIRECT;
		}
	}
	for (i = 0; i < CARDS; i++)
		card_close(&cards[i]);

	return found;
}

static int ask(const struct card *card, struct drm_ogpu_query_peer *peer, uint32_t size)
{
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_PEER,
		.size = size,
		.pointer = (uintptr_t)peer,
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &query);
}

TEST(query)
{
	struct drm_ogpu_query_peer peer = { .bus = 256 };
	struct card cards[CARDS];
	unsigned int i, j, direct = 0;
	bool kernel = true;

	for (i = 0; i < CARDS; i++)
		card_open_number(&cards[i], i);
	for (i = 0; i < CARDS; i++) {
		for (j = 0; j < CARDS; j++) {
			uint32_t path = card_peer_path(&cards[i], &cards[j]);

			EXPECT_EQ(path, card_peer_path(&cards[j], &cards[i]));
			direct += i != j && path == DRM_OGPU_PEER_DIRECT;
			kernel &= path != DRM_OGPU_PEER_SYSTEM_KERNEL;
			printf("# card %u of card %u: path %u\n", j, i, path);
		}
	}
	if (kernel)
		EXPECT_GE(direct, 2);
	else
		EXPECT_EQ(direct, 0);

	EXPECT_EQ(ask(&cards[0], &peer, sizeof(peer)), -EINVAL);
	peer = (struct drm_ogpu_query_peer){ .device = 32 };
	EXPECT_EQ(ask(&cards[0], &peer, sizeof(peer)), -EINVAL);
	peer = (struct drm_ogpu_query_peer){ .function = 8 };
	EXPECT_EQ(ask(&cards[0], &peer, sizeof(peer)), -EINVAL);
	peer = (struct drm_ogpu_query_peer){ .domain = 0xffff, .bus = 255, .device = 31 };
	EXPECT_EQ(ask(&cards[0], &peer, sizeof(peer)), -ENOENT);
	EXPECT_EQ(ask(&cards[0], &peer, offsetof(struct drm_ogpu_query_peer, path) - 1), -EINVAL);
	EXPECT_EQ(ask(&cards[0], NULL, sizeof(peer)), -EFAULT);
	/* The host bridge, which is a device like any other. */
	peer = (struct drm_ogpu_query_peer){};
	EXPECT_EQ(ask(&cards[0], &peer, offsetof(struct drm_ogpu_query_peer, path)), 0);
	EXPECT_EQ(ask(&cards[0], &peer, sizeof(peer)), 0);
	EXPECT_EQ(peer.path,
		  kernel ? DRM_OGPU_PEER_SYSTEM_DRIVER : DRM_OGPU_PEER_SYSTEM_KERNEL);
	EXPECT_EQ(peer.distance, 0);
}

/* In VRAM, with what each of them writes seen by the other one, and by the CPU. */
static void direct(uint32_t placement)
{
	unsigned int card, near, far, i;
	struct buffer mine, theirs;
	struct side one, other;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&one, card);
	side_open(&other, near);
	card_buffer(&one.card, &mine, SIZE, placement, READ_WRITE);
	fill(&one, &mine, 0x11111111);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	for (i = 0; i < 4; i++) {
		fill(&one, &mine, 0x2200 + i);
		EXPECT(finds(&other, &theirs, 0x2200 + i));
		fill(&other, &theirs, 0x3300 + i);
		EXPECT(finds(&one, &mine, 0x3300 + i));
		EXPECT(is_all(mine.map, 0x3300 + i));
		EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	}
	close(fd);
	munmap(mine.map, SIZE);
	side_close(&one);
	EXPECT(finds(&other, &theirs, 0x3303));
	side_close(&other);
}

TEST_TIMEOUT(direct_both, 120)
{
	direct(BOTH);
}

TEST_TIMEOUT(direct_vram_only, 120)
{
	direct(DRM_OGPU_BO_VRAM);
}

/* What is out of the CPU's sight comes into it for the peer's sake. */
TEST_TIMEOUT(out_of_sight, 120)
{
	struct drm_ogpu_bo_create create = { .size = BIG, .placement = DRM_OGPU_BO_VRAM };
	struct drm_ogpu_query_memory before, after;
	struct buffer mine = { .size = BIG }, theirs;
	unsigned int card, near, far;
	struct side one, other;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&one, card);
	side_open(&other, near);
	ASSERT_EQ(card_ioctl(&one.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	mine.handle = create.handle;
	map_new(&one.card, &mine);
	fill(&one, &mine, 0x77);
	before = card_memory(&one.card);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	EXPECT(finds(&other, &theirs, 0x77));
	EXPECT(finds(&one, &mine, 0x77));
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	after = card_memory(&one.card);
	EXPECT_GE(after.vram_visible_used, before.vram_visible_used + BIG);
	fill(&other, &theirs, 0x78);
	EXPECT(finds(&one, &mine, 0x78));

	/* More than the CPU can ever see. */
	create = (struct drm_ogpu_bo_create){ .size = APERTURE, .placement = DRM_OGPU_BO_VRAM };
	ASSERT_EQ(card_ioctl(&one.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	close(fd);
	fd = export(&one.card, create.handle);
	EXPECT_EQ(try_import(&other.card, fd, &theirs.handle), -EOPNOTSUPP);
	close(fd);
	side_close(&other);
	side_close(&one);
}

/* What does not fit into the CPU's sight is refused, and nobody has to make way for it. */
TEST_TIMEOUT(too_much, 180)
{
	struct buffer mine[3], theirs[3], bystander;
	struct side one, other, stranger;
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	unsigned int card, near, far, i;
	int fd, ret = -1;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&stranger, card);
	card_buffer(&stranger.card, &bystander, 4 * SIZE, BOTH, READ_WRITE);
	fill(&stranger, &bystander, 0xa00);
	ASSERT_EQ(place(&stranger.card, &bystander), DRM_OGPU_BO_VRAM);
	side_open(&one, card);
	side_open(&other, near);
	for (i = 0; i < 3; i++) {
		struct drm_ogpu_bo_create create = {
			.size = 6 * SIZE, .placement = DRM_OGPU_BO_VRAM,
		};

		ASSERT_EQ(card_ioctl(&one.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		mine[i] = (struct buffer){ .handle = create.handle, .size = create.size };
		map_new(&one.card, &mine[i]);
		fill(&one, &mine[i], 0xa10 + i);
	}
	for (i = 0; i < 3; i++) {
		fd = export(&one.card, mine[i].handle);
		import(&other.card, fd, &theirs[i]);
		close(fd);
	}
	stream_reset(&one.s);
	stream_nop(&one.s, 2);
	EXPECT_EQ(card_submit(&one.card, one.queue, &one.s, NULL, 0), -ENOSPC);
	EXPECT_EQ(place(&stranger.card, &bystander), DRM_OGPU_BO_VRAM);
	EXPECT(finds(&stranger, &bystander, 0xa00));
	for (i = 0; i < 3; i++)
		EXPECT(finds(&other, &theirs[i], 0xa10 + i));

	/* Without the peer it can be out of sight. */
	side_close(&other);
	sync.handle = one.done;
	stream_reset(&one.s);
	stream_nop(&one.s, 2);
	for (i = 0; i < 500 && ret; i++) {
		ret = card_submit(&one.card, one.queue, &one.s, &sync, 1);
		if (ret)
			sleep_ms(20);
	}
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(card_syncobj_wait(&one.card, one.done, WAIT_MS), 0);
	for (i = 0; i < 3; i++)
		EXPECT(finds(&one, &mine[i], 0xa10 + i));
}

/* With one that is no peer it is in system memory for all, and afterwards in VRAM again. */
TEST_TIMEOUT(third, 180)
{
	struct buffer mine, theirs, others;
	unsigned int card, near, far, i, j;
	struct side one, other, third;
	uint32_t handle;
	int fd, vram_fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&one, card);
	side_open(&other, near);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	fill(&one, &mine, 0x100);
	EXPECT(finds(&other, &theirs, 0x100));
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	for (i = 0; i < 2; i++) {
		/* It comes in the middle of a job of the peer. */
		hold(&other, &theirs);
		side_open(&third, far);
		others = (struct buffer){ .size = SIZE };
		ASSERT_EQ(try_import(&third.card, fd, &others.handle), 0);
		let_go(&other);
		EXPECT(is_all(other.out.map, 0x100 + 0x10 * i));
		map_new(&third.card, &others);
		EXPECT(finds(&third, &others, 0x100 + 0x10 * i));
		EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
		fill(&third, &others, 0x101 + 0x10 * i);
		EXPECT(finds(&other, &theirs, 0x101 + 0x10 * i));
		fill(&other, &theirs, 0x102 + 0x10 * i);
		EXPECT(finds(&one, &mine, 0x102 + 0x10 * i));
		EXPECT(finds(&third, &others, 0x102 + 0x10 * i));
		side_close(&third);

		fill(&one, &mine, 0x110 + 0x10 * i);
		for (j = 0; j < 100 && place(&one.card, &mine) == DRM_OGPU_BO_SYSTEM; j++) {
			sleep_ms(20);
			EXPECT(finds(&one, &mine, 0x110 + 0x10 * i));
		}
		EXPECT(finds(&other, &theirs, 0x110 + 0x10 * i));
		EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	}

	/* It cannot have what is in VRAM only, whoever else has. */
	card_buffer(&one.card, &others, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
	vram_fd = export(&one.card, others.handle);
	EXPECT_EQ(try_import(&other.card, vram_fd, &handle), 0);
	side_open(&third, far);
	EXPECT_EQ(try_import(&third.card, vram_fd, &handle), -EOPNOTSUPP);
}

/* Others need the room: it makes way under a job of the peer, and nothing is lost. */
TEST_TIMEOUT(moved_away, 180)
{
	unsigned int card, near, far, count, i;
	struct buffer mine, theirs, others[8];
	struct side one, other, crowd;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&one, card);
	side_open(&other, near);
	card_buffer(&one.card, &mine, BIG, DRM_OGPU_BO_VRAM, READ_WRITE);
	fill(&one, &mine, 0x500);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	EXPECT(finds(&other, &theirs, 0x500));
	fill(&other, &theirs, 0x501);
	hold_fill(&other, &theirs, 0x502);
	ASSERT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);

	side_open(&crowd, card);
	/* All of VRAM but some for page tables. */
	count = (card_memory(&crowd.card).vram_size - (2 << 20)) / BIG;
	ASSERT_LE(count, 8);
	for (i = 0; i < count; i++) {
		struct drm_ogpu_bo_create create = { .size = BIG, .placement = DRM_OGPU_BO_VRAM };

		others[i] = (struct buffer){ .size = BIG };
		ASSERT_EQ(card_ioctl(&crowd.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		others[i].handle = create.handle;
		map_new(&crowd.card, &others[i]);
	}
	/* Their jobs need all of them at once, and wait for the move. */
	stream_reset(&crowd.s);
	for (i = 0; i < count; i++)
		stream_fill(&crowd.s, others[i].va, BIG, 0x600 + i);
	submit(&crowd);
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
	let_go(&other);
	EXPECT(is_all(other.out.map, 0x501));
	let_go(&crowd);
	EXPECT(finds(&other, &theirs, 0x502));
	EXPECT(finds(&one, &mine, 0x502));
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	fill(&one, &mine, 0x503);
	EXPECT(finds(&other, &theirs, 0x503));
	for (i = 0; i < count; i++)
		EXPECT(finds(&crowd, &others[i], 0x600 + i));
}

/* While its move out of VRAM waits for a job it does not come back, though there is room. */
TEST_TIMEOUT(settles, 120)
{
	unsigned int card, near, far;
	struct buffer mine, theirs;
	struct side one, other;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	side_open(&one, card);
	side_open(&other, near);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0x900);
	hold(&one, &mine);
	ASSERT_EQ(prefetch(&one.card, &mine, DRM_OGPU_BO_SYSTEM), 0);
	ASSERT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
	fd = export(&one.card, mine.handle);
	/* Of what was exported and is in use this only says where it should be. */
	ASSERT_EQ(prefetch(&one.card, &mine, DRM_OGPU_BO_VRAM), 0);
	import_async(&other.card, fd, &theirs);
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
	let_go(&one);
	EXPECT(is_all(one.out.map, 0x900));
	EXPECT(finds(&other, &theirs, 0x900));
	fill(&one, &mine, 0x901);
	EXPECT(finds(&other, &theirs, 0x901));
}

/* A program dies in the middle of a job on a peer's VRAM: it comes back, nothing else goes. */
TEST_TIMEOUT(importer_dies, 180)
{
	struct drm_ogpu_query_memory before;
	unsigned int card, near, far, i;
	struct card look, look_near;
	struct buffer mine;
	struct side one;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	card_open_number_unused(&look, card);
	card_open_number_unused(&look_near, near);
	before = card_memory(&look);
	for (i = 0; i < 3; i++) {
		int pipes[2], status;
		char byte;
		pid_t pid;

		side_open(&one, card);
		card_buffer(&one.card, &mine, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
		fill(&one, &mine, 0x700 + i);
		fd = export(&one.card, mine.handle);
		ASSERT_EQ(pipe(pipes), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct buffer theirs;
			struct side other;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			side_open(&other, near);
			import(&other.card, fd, &theirs);
			hold(&other, &theirs);
			if (write(pipes[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		close(pipes[1]);
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		EXPECT(finds(&one, &mine, 0x700 + i));
		close(fd);
		munmap(mine.map, SIZE);
		side_close(&one);
		EXPECT_EQ(card_wait_memory(&look, &before), 0);
	}
	card_close(&look);
	card_close(&look_near);
}

static bool put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, word, strlen(word)) == (ssize_t)strlen(word);
	err = errno;
	close(fd);
	errno = err;

	return ok;
}

/* All devices sleep for a second. */
static bool freeze(void)
{
	bool ok;
	int err;

	put("/sys/module/suspend/parameters/pm_test_delay", "1");
	ok = put("/sys/power/pm_test", "devices") && put("/sys/power/state", "freeze");
	err = errno;
	put("/sys/power/pm_test", "none");
	errno = err;

	return ok;
}

/* Cards stop and start in any order: meanwhile it is in system memory, then in VRAM again. */
TEST_TIMEOUT(sleep, 240)
{
	unsigned int card, near, far, i;
	struct buffer mine, theirs;
	struct side one, other;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	if (access("/sys/power/pm_test", W_OK))
		SKIP("the kernel cannot do that");
	side_open(&one, card);
	side_open(&other, near);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0x800);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	for (i = 0; i < 2; i++) {
		EXPECT(finds(&other, &theirs, 0x800 + i));
		EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
		EXPECT(freeze());
		EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
		EXPECT(finds(&other, &theirs, 0x800 + i));
		EXPECT(finds(&one, &mine, 0x800 + i));
		fill(&other, &theirs, 0x801 + i);
		EXPECT(finds(&one, &mine, 0x801 + i));
	}

	/* Nothing has changed if it is refused. */
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	hold(&other, &theirs);
	EXPECT(!freeze());
	EXPECT_EQ(errno, EBUSY);
	let_go(&other);
	EXPECT(is_all(other.out.map, 0x802));
	fill(&one, &mine, 0x803);
	EXPECT(finds(&other, &theirs, 0x803));
}

/* The same with one attached that is no peer, and has not used the buffer yet. */
TEST_TIMEOUT(sleep_third, 300)
{
	struct buffer mine, theirs, others;
	struct side one, other, third;
	unsigned int card, near, far;
	uint32_t handle;
	int fd;

	if (!find(&card, &near, &far))
		SKIP("no peers");
	if (access("/sys/power/pm_test", W_OK))
		SKIP("the kernel cannot do that");
	side_open(&one, card);
	side_open(&other, near);
	side_open(&third, far);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0xb00);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	EXPECT(finds(&other, &theirs, 0xb00));
	ASSERT_EQ(try_import(&third.card, fd, &handle), 0);
	ASSERT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	EXPECT(freeze());
	EXPECT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
	EXPECT(finds(&other, &theirs, 0xb00));

	/* It has been moved already, as soon as a job of the peer is over: that is waited for. */
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0xb01);
	close(fd);
	fd = export(&one.card, mine.handle);
	import(&other.card, fd, &theirs);
	hold(&other, &theirs);
	ASSERT_EQ(place(&one.card, &mine), DRM_OGPU_BO_VRAM);
	import_async(&third.card, fd, &others);
	ASSERT_EQ(place(&one.card, &mine), DRM_OGPU_BO_SYSTEM);
	EXPECT(!freeze());
	EXPECT_EQ(errno, EBUSY);
	let_go(&other);
	EXPECT(is_all(other.out.map, 0xb01));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
