// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers that two cards share, and what becomes of them when one of the cards, or a program that
 * uses it, goes.
 *
 * VM: --cards 2
 * VM: --cards 2 --switch 2
 * VM: --cards 2 --switch 2 --iommu
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "user.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define BOTH		(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)
#define SIZE		(1u << 20)
#define WAIT_MS		60000
#define SOON_MS		200	/* for what must not happen */

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1 && p.revents == events;
}

static int export(const struct card *card, const struct buffer *buf)
{
	int fd;

	ASSERT_EQ(drmPrimeHandleToFD(card->fd, buf->handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);

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
static void import(struct card *card, int fd, struct buffer *buf)
{
	memset(buf, 0, sizeof(*buf));
	buf->size = lseek(fd, 0, SEEK_END);
	ASSERT_EQ(try_import(card, fd, &buf->handle), 0);
	buf->va = card->next_va;
	card->next_va += buf->size + (1 << 20);
	ASSERT_EQ(card_bind(card, buf, buf->va, READ_WRITE), 0);
}

static struct drm_ogpu_bo_info info(const struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info info = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);

	return info;
}

static bool is_all(const struct buffer *buf, uint32_t word)
{
	const uint32_t *words = buf->map;
	size_t i;

	for (i = 0; i < buf->size / 4; i++) {
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
	stream_fill(&side->s, buf->va, SIZE, word);
	card_run(&side->card, side->queue, &side->s);
}

/* What a job of this side finds there. */
static bool finds(struct side *side, const struct buffer *buf, uint32_t word)
{
	stream_reset(&side->s);
	stream_copy(&side->s, buf->va, side->out.va, SIZE);
	card_run(&side->card, side->queue, &side->s);

	return is_all(&side->out, word);
}

/* A job that finds what is there when let_go() is called. */
static void hold(struct side *side, const struct buffer *buf)
{
	struct drm_ogpu_sync sync = { .handle = side->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	*(volatile uint64_t *)side->page.map = 0;
	stream_reset(&side->s);
	stream_wait(&side->s, side->page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
	stream_copy(&side->s, buf->va, side->out.va, SIZE);
	ASSERT_EQ(card_submit(&side->card, side->queue, &side->s, &sync, 1), 0);
}

static void let_go(struct side *side)
{
	*(volatile uint64_t *)side->page.map = 1;
	ASSERT_EQ(card_syncobj_wait(&side->card, side->done, WAIT_MS), 0);
}

/* In both directions, each card reads what the other one wrote. */
static void share(unsigned int first, uint32_t placement)
{
	uint32_t place = DRM_OGPU_BO_SYSTEM;
	struct buffer mine, theirs;
	struct side one, other;
	int fd, i;

	side_open(&one, first);
	side_open(&other, !first);
	if (placement == BOTH &&
	    card_peer_path(&one.card, &other.card) == DRM_OGPU_PEER_DIRECT)
		place = DRM_OGPU_BO_VRAM;
	card_buffer(&one.card, &mine, SIZE, placement, READ_WRITE);
	fill(&one, &mine, 0x11111111);
	fd = export(&one.card, &mine);
	import(&other.card, fd, &theirs);
	EXPECT_EQ(info(&other.card, &theirs).flags, DRM_OGPU_BO_IMPORTED);
	EXPECT(finds(&other, &theirs, 0x11111111));
	EXPECT_EQ(info(&one.card, &mine).current_placement, place);
	for (i = 0; i < 4; i++) {
		fill(&other, &theirs, 0x2200 + i);
		EXPECT(finds(&one, &mine, 0x2200 + i));
		fill(&one, &mine, 0x3300 + i);
		EXPECT(finds(&other, &theirs, 0x3300 + i));
	}

	/* Who waits by the dma-buf waits for both. */
	hold(&other, &theirs);
	EXPECT(!ready(fd, POLLOUT, SOON_MS));
	let_go(&other);
	EXPECT(ready(fd, POLLOUT, WAIT_MS));

	/* Without the other card it is where it would rather be. */
	side_close(&other);
	for (i = 0; i < 100 && info(&one.card, &mine).current_placement == DRM_OGPU_BO_SYSTEM &&
	     placement == BOTH; i++) {
		EXPECT(finds(&one, &mine, 0x3303));
		sleep_ms(20);
	}
	EXPECT(finds(&one, &mine, 0x3303));
	if (placement == BOTH)
		EXPECT_EQ(info(&one.card, &mine).current_placement, DRM_OGPU_BO_VRAM);
	close(fd);
	munmap(mine.map, SIZE);
	side_close(&one);
}

TEST_TIMEOUT(both_ways, 120)
{
	share(0, DRM_OGPU_BO_SYSTEM);
	share(1, BOTH);
	share(0, BOTH);
}

/* What may only be in VRAM another card reaches if the two are peers. */
TEST(vram_only)
{
	struct card one, other;
	struct buffer mine;
	uint32_t handle;
	int fd;

	card_open_number(&one, 0);
	card_open_number(&other, 1);
	card_buffer(&one, &mine, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
	fd = export(&one, &mine);
	EXPECT_EQ(try_import(&other, fd, &handle),
		  card_peer_path(&one, &other) == DRM_OGPU_PEER_DIRECT ? 0 : -EOPNOTSUPP);
}

/* A program that uses the other card comes and goes, with a job under way: nothing is lost. */
TEST_TIMEOUT(importer_dies, 180)
{
	struct drm_ogpu_query_memory before;
	struct buffer mine;
	struct side one;
	struct card look;
	unsigned int i;
	int fd;

	card_open_number_unused(&look, 1);
	side_open(&one, 0);
	card_buffer(&one.card, &mine, SIZE, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	fd = export(&one.card, &mine);
	before = card_memory(&look);
	for (i = 0; i < 4; i++) {
		int pipes[2], status;
		char byte;
		pid_t pid;

		fill(&one, &mine, 0x4400 + i);
		ASSERT_EQ(pipe(pipes), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct buffer theirs;
			struct side other;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			side_open(&other, 1);
			import(&other.card, fd, &theirs);
			hold(&other, &theirs);
			if (write(pipes[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		if (i & 1)
			EXPECT(finds(&one, &mine, 0x4400 + i));
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		close(pipes[1]);
		EXPECT(finds(&one, &mine, 0x4400 + i));
		EXPECT(ready(fd, POLLOUT, WAIT_MS));
		EXPECT_EQ(card_wait_memory(&look, &before), 0);
	}
}

/* The program that made a buffer dies, also with a job under way: who got it keeps it. */
TEST_TIMEOUT(exporter_killed, 120)
{
	struct buffer theirs;
	struct side other;
	int pipes[2], status, fd;
	pid_t pid;

	ASSERT_EQ(pipe(pipes), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct buffer mine;
		struct side one;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		side_open(&one, 0);
		card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
		fill(&one, &mine, 0x55);
		fd = export(&one.card, &mine);
		hold(&one, &mine);
		if (write(pipes[1], &fd, sizeof(fd)) == sizeof(fd))
			pause();
		_exit(1);
	}
	ASSERT_EQ(read(pipes[0], &fd, sizeof(fd)), sizeof(fd));
	fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), fd, 0);
	ASSERT_GE(fd, 0);
	side_open(&other, 1);
	import(&other.card, fd, &theirs);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(finds(&other, &theirs, 0x55));
	close(fd);
	EXPECT(finds(&other, &theirs, 0x55));
}

static void find_admin(const struct card *card, struct admin *admin)
{
	drmDevicePtr device;
	char address[32];
	int i;

	ASSERT_EQ(drmGetDevice2(card->fd, 0, &device), 0);
	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", device->businfo.pci->domain,
		 device->businfo.pci->bus, device->businfo.pci->dev, device->businfo.pci->func);
	drmFreeDevice(&device);
	for (i = 0; admin_init(admin, i); i++) {
		if (!strcmp(admin->address, address))
			return;
	}
	HARNESS_FAIL("card %s is nobody's", address);
	HARNESS_END();
}

static void give_back(struct admin *admin)
{
	ASSERT(admin_bind(admin));
	ASSERT_EQ(admin_load_firmware(admin), 0);
	ASSERT(admin_wait(admin, "state", "running"));
}

struct late {
	struct side *one, *other;
};

/* Once the first card is refused to its programs. */
static void *let_go_late(void *arg)
{
	struct late *late = arg;
	struct drm_ogpu_bo_info info = { .handle = late->one->out.handle };

	while (card_ioctl(&late->one->card, DRM_IOCTL_OGPU_BO_INFO, &info) != -ENODEV)
		sleep_ms(10);
	sleep_ms(SOON_MS);
	*(volatile uint64_t *)late->other->page.map = 1;

	return NULL;
}

/*
 * The card goes whose memory it is. A job of the other one that was submitted before reads what was
 * there, also if it goes on meanwhile; later jobs are refused, until the buffer is unmapped.
 */
static void exporter_goes(bool at_work)
{
	struct buffer mine, theirs;
	struct side one, other;
	struct late late = { &one, &other };
	struct admin admin;
	pthread_t thread;
	int fd;

	side_open(&one, 0);
	side_open(&other, 1);
	find_admin(&one.card, &admin);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0x6600 + at_work);
	fd = export(&one.card, &mine);
	import(&other.card, fd, &theirs);
	EXPECT(finds(&other, &theirs, 0x6600 + at_work));
	memset(other.out.map, 0, SIZE);
	if (at_work) {
		hold(&other, &theirs);
		ASSERT_EQ(pthread_create(&thread, NULL, let_go_late, &late), 0);
	}
	ASSERT(admin_unbind(&admin));
	if (at_work) {
		ASSERT_EQ(pthread_join(thread, NULL), 0);
		let_go(&other);
		EXPECT(is_all(&other.out, 0x6600 + at_work));
	}
	stream_reset(&other.s);
	stream_nop(&other.s, 2);
	EXPECT_EQ(card_submit(&other.card, other.queue, &other.s, NULL, 0), -EBADMSG);
	EXPECT_EQ(info(&other.card, &theirs).flags, DRM_OGPU_BO_IMPORTED | DRM_OGPU_BO_LOST);
	EXPECT_EQ(card_bind(&other.card, &theirs, theirs.va, READ_WRITE), -EBADMSG);
	ASSERT_EQ(card_unbind(&other.card, theirs.va, SIZE), 0);
	card_run(&other.card, other.queue, &other.s);
	side_close(&other);
	munmap(mine.map, SIZE);
	side_close(&one);
	close(fd);
	give_back(&admin);
}

TEST_TIMEOUT(exporter_goes_idle, 120)
{
	exporter_goes(false);
}

TEST_TIMEOUT(exporter_goes_at_work, 120)
{
	exporter_goes(true);
}

/* Resets the card of a side. After that a virtual card's VRAM is not found by others any more. */
static void reset(const struct side *one)
{
	struct admin admin;

	find_admin(&one->card, &admin);
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
}

/* The card is reset whose memory it is: what was in VRAM is lost, and the other one is told. */
TEST_TIMEOUT(exporter_is_reset, 120)
{
	struct buffer mine, theirs;
	struct side one, other;
	bool direct;
	int fd;

	side_open(&one, 0);
	side_open(&other, 1);
	direct = card_peer_path(&one.card, &other.card) == DRM_OGPU_PEER_DIRECT;
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0x7700);
	fd = export(&one.card, &mine);
	import(&other.card, fd, &theirs);
	EXPECT(finds(&other, &theirs, 0x7700));
	reset(&one);
	if (!direct) {
		EXPECT(finds(&other, &theirs, 0x7700));
		return;
	}
	stream_reset(&other.s);
	stream_nop(&other.s, 2);
	EXPECT_EQ(card_submit(&other.card, other.queue, &other.s, NULL, 0), -EBADMSG);
	EXPECT_EQ(info(&other.card, &theirs).flags, DRM_OGPU_BO_IMPORTED | DRM_OGPU_BO_LOST);
	EXPECT_EQ(card_bind(&other.card, &theirs, theirs.va, READ_WRITE), -EBADMSG);
	ASSERT_EQ(card_unbind(&other.card, theirs.va, SIZE), 0);
	card_run(&other.card, other.queue, &other.s);
}

/* The same the other way round, for a queue that needs no SUBMIT. */
TEST_TIMEOUT(exporter_is_reset_user, 120)
{
	struct buffer mine, theirs;
	struct card other;
	struct side one;
	struct user u;
	int fd;

	side_open(&one, 1);
	card_open_number(&other, 0);
	if (card_peer_path(&one.card, &other) != DRM_OGPU_PEER_DIRECT)
		SKIP("no peers");
	user_vm(&other);
	card_buffer(&one.card, &mine, SIZE, BOTH, READ_WRITE);
	fill(&one, &mine, 0x7800);
	fd = export(&one.card, &mine);
	import(&other, fd, &theirs);
	user_open(&other, &u, 65536);
	user_fill(&u, theirs.va, SIZE, 0x7801);
	user_fence(&u);
	user_ring(&u);
	EXPECT_EQ(user_wait(&u, WAIT_MS), 0);
	EXPECT(finds(&one, &mine, 0x7801));
	EXPECT_EQ(info(&one.card, &mine).current_placement, DRM_OGPU_BO_VRAM);
	reset(&one);
	EXPECT_EQ(user_error(&u), DRM_OGPU_QUEUE_ERR_NO_ROOM);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
