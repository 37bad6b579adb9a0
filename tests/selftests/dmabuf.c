// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers that leave their file as dma-bufs: to other files of the card, to the CPU, and to who
 * knows implicit fences alone.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define READ		DRM_OGPU_BIND_READ
#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define BOTH		(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)
#define SIZE		(256u << 10)
#define WAIT_MS		20000
#define SOON_MS		200	/* for what must not happen */

/* 0 or a negative errno; @fd is left alone then. */
static int export_flags(const struct card *card, uint32_t handle, uint32_t flags, int *fd)
{
	struct drm_prime_handle args = { .handle = handle, .flags = flags };
	int ret = card_ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	if (!ret)
		*fd = args.fd;
	return ret;
}

static int export(const struct card *card, const struct buffer *buf)
{
	int fd;

	ASSERT_EQ(export_flags(card, buf->handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);

	return fd;
}

static int try_import(const struct card *card, int fd, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = fd };
	int ret = card_ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}

/* Mapped for the card at the next free address, and by the CPU through the dma-buf. */
static void import(struct card *card, int fd, struct buffer *buf, uint32_t bind_flags)
{
	memset(buf, 0, sizeof(*buf));
	buf->size = lseek(fd, 0, SEEK_END);
	ASSERT_EQ(try_import(card, fd, &buf->handle), 0);
	buf->va = card->next_va;
	card->next_va += buf->size + (1 << 20);
	ASSERT_EQ(card_bind(card, buf, buf->va, bind_flags), 0);
	buf->map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(buf->map, MAP_FAILED);
}

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1 && p.revents == events;
}

static int sync_cpu(int fd, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	return ioctl(fd, DMA_BUF_IOCTL_SYNC, &args) ? -errno : 0;
}

/* A job of @card that may use all that is mapped there, and does not end before let_go(). */
struct holder {
	struct card *card;
	struct buffer page;
	struct stream s;
	uint32_t queue, done;
};

static void holder_open(struct holder *h, struct card *card)
{
	h->card = card;
	card_buffer(card, &h->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(card, &h->s, 4096);
	h->queue = card_queue(card, DRM_OGPU_ENGINE_COPY, WAIT_MS);
	h->done = card_syncobj(card);
}

static void hold(struct holder *h)
{
	struct drm_ogpu_sync sync = { .handle = h->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	*(volatile uint64_t *)h->page.map = 0;
	stream_reset(&h->s);
	stream_wait(&h->s, h->page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(h->card, h->queue, &h->s, &sync, 1), 0);
}

static void let_go(struct holder *h)
{
	*(volatile uint64_t *)h->page.map = 1;
	ASSERT_EQ(card_syncobj_wait(h->card, h->done, WAIT_MS), 0);
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

/* Two files, both ways: what one card job writes the other file's job and CPU read. */
TEST(two_files)
{
	static const uint32_t kinds[] = { DRM_OGPU_BO_VRAM, DRM_OGPU_BO_SYSTEM, BOTH };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct card one, other;
		struct buffer mine, theirs, out;
		struct stream s, t;
		uint32_t again;
		int fd;

		card_open(&one);
		card_open(&other);
		card_buffer(&one, &mine, SIZE, kinds[i], READ_WRITE);
		fd = export(&one, &mine);
		EXPECT_EQ(lseek(fd, 0, SEEK_END), mine.size);
		import(&other, fd, &theirs, READ_WRITE);
		EXPECT_EQ(try_import(&other, fd, &again), 0);
		EXPECT_EQ(again, theirs.handle);
		EXPECT_EQ(try_import(&one, fd, &again), 0);
		EXPECT_EQ(again, mine.handle);

		card_stream(&one, &s, 4096);
		stream_fill(&s, mine.va, SIZE, 0x11111111);
		card_run(&one, card_queue(&one, DRM_OGPU_ENGINE_COPY, 0), &s);
		EXPECT(is_all(&theirs, 0x11111111));

		card_buffer(&other, &out, SIZE, DRM_OGPU_BO_SYSTEM, READ_WRITE);
		card_stream(&other, &t, 4096);
		stream_copy(&t, theirs.va, out.va, SIZE);
		stream_fill(&t, theirs.va, SIZE, 0x22222222);
		card_run(&other, card_queue(&other, DRM_OGPU_ENGINE_COPY, 0), &t);
		EXPECT(is_all(&out, 0x11111111));
		EXPECT(is_all(&mine, 0x22222222));

		/* Who made it goes: the other one has it as before. */
		close(fd);
		card_close(&one);
		stream_reset(&t);
		stream_copy(&t, theirs.va, out.va, SIZE);
		card_run(&other, card_queue(&other, DRM_OGPU_ENGINE_COPY, 0), &t);
		EXPECT(is_all(&out, 0x22222222));
		EXPECT(is_all(&theirs, 0x22222222));
		card_close(&other);
	}
}

/* All memory returns when the last of file, handle, mapping has gone, in whatever order. */
TEST(memory_returns)
{
	struct drm_ogpu_query_memory before;
	struct card one, other, look;
	struct buffer mine, theirs;
	int i, fd;

	card_open_unused(&look);
	before = card_memory(&look);
	for (i = 0; i < 4; i++) {
		card_open(&one);
		card_open(&other);
		card_buffer(&one, &mine, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
		fd = export(&one, &mine);
		import(&other, fd, &theirs, READ_WRITE);
		if (i & 1)
			close(fd);
		card_close(&one);
		if (i & 2)
			card_close(&other);
		EXPECT_EQ(((uint32_t *)theirs.map)[0], 0);
		munmap(theirs.map, theirs.size);
		munmap(mine.map, mine.size);
		if (!(i & 2))
			card_close(&other);
		if (!(i & 1))
			close(fd);
		EXPECT_EQ(card_wait_memory(&look, &before), 0);
	}
}

TEST(refused)
{
	struct drm_prime_handle bad = { .flags = 1 };
	struct buffer mine;
	struct card card;
	uint32_t handle;
	int fd;

	card_open(&card);
	card_private = true;
	card_buffer(&card, &mine, SIZE, BOTH, READ_WRITE);
	EXPECT_EQ(export_flags(&card, mine.handle, DRM_CLOEXEC, &fd), -EPERM);
	card_private = false;
	EXPECT_EQ(export_flags(&card, 12345, DRM_CLOEXEC, &fd), -ENOENT);
	card_buffer(&card, &mine, SIZE, BOTH, READ_WRITE);
	bad.handle = mine.handle;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &bad), -EINVAL);
	EXPECT_EQ(try_import(&card, -1, &handle), -EBADF);
	EXPECT_EQ(try_import(&card, card.fd, &handle), -EINVAL);
}

/* Through a dma-buf the CPU gets no more than otherwise, and less if it says so. */
TEST(cpu_mapping)
{
	struct buffer mine;
	struct card card;
	void *map;
	int fd;

	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &mine, SIZE, DRM_OGPU_BO_SYSTEM), 0);
	fd = export(&card, &mine);
	EXPECT_EQ(mmap(NULL, SIZE + 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, SIZE), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, SIZE - 4096);
	ASSERT_NE(map, MAP_FAILED);
	((uint32_t *)map)[1023] = 0x55;
	munmap(map, 4096);
	close(fd);

	ASSERT_EQ(export_flags(&card, mine.handle, DRM_CLOEXEC, &fd), 0);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(map, MAP_FAILED);
	EXPECT_EQ(((uint32_t *)map)[SIZE / 4 - 1], 0x55);
}

/*
 * poll() tells when jobs are done that may write, or use, a buffer: also those that were submitted
 * before it was exported.
 */
TEST(poll_waits_for_jobs)
{
	struct holder h;
	struct card card;
	struct buffer mine;
	int fd;

	card_open(&card);
	holder_open(&h, &card);
	card_buffer(&card, &mine, SIZE, BOTH, READ_WRITE);
	hold(&h);
	fd = export(&card, &mine);
	EXPECT(!ready(fd, POLLOUT, SOON_MS));
	EXPECT(!ready(fd, POLLIN, SOON_MS));
	let_go(&h);
	EXPECT(ready(fd, POLLOUT, WAIT_MS));
	EXPECT(ready(fd, POLLIN, WAIT_MS));

	hold(&h);
	EXPECT(!ready(fd, POLLIN, SOON_MS));
	let_go(&h);
	EXPECT(ready(fd, POLLIN, WAIT_MS));

	/* Mapped for reading only: reading goes on, writing has to wait. */
	ASSERT_EQ(card_bind(&card, &mine, mine.va, READ), 0);
	hold(&h);
	EXPECT(ready(fd, POLLIN, WAIT_MS));
	EXPECT(!ready(fd, POLLOUT, SOON_MS));
	let_go(&h);
	EXPECT(ready(fd, POLLOUT, WAIT_MS));

	/* Not mapped any more. */
	ASSERT_EQ(card_unbind(&card, mine.va, SIZE), 0);
	hold(&h);
	EXPECT(ready(fd, POLLOUT, WAIT_MS));
	let_go(&h);
}

/* A child that waits in DMA_BUF_IOCTL_SYNC. */
static pid_t sync_in_child(int fd, uint64_t flags)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(sync_cpu(fd, flags) ? 1 : 0);

	return pid;
}

static bool ends_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

TEST(cpu_access_waits_for_jobs)
{
	struct holder h;
	struct card card;
	struct buffer mine;
	int fd, status;
	pid_t pid;

	card_open(&card);
	holder_open(&h, &card);
	card_buffer(&card, &mine, SIZE, BOTH, READ_WRITE);
	fd = export(&card, &mine);

	hold(&h);
	pid = sync_in_child(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	sleep_ms(SOON_MS);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	let_go(&h);
	EXPECT(ends_well(pid));
	EXPECT_EQ(sync_cpu(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);

	/* Who waits can be killed. */
	hold(&h);
	pid = sync_in_child(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	sleep_ms(SOON_MS);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status));
	let_go(&h);

	EXPECT_EQ(sync_cpu(fd, 0x100), -EINVAL);
}

/* The fences of a buffer, as a syncobj for SUBMIT: how two programs order their jobs. */
static uint32_t fences_of(struct card *card, int fd, uint32_t flags)
{
	struct dma_buf_export_sync_file args = { .flags = flags };
	uint32_t syncobj = card_syncobj(card);

	ASSERT_EQ(ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args), 0);
	ASSERT_EQ(drmSyncobjImportSyncFile(card->fd, syncobj, args.fd), 0);
	close(args.fd);

	return syncobj;
}

TEST(sync_files)
{
	struct holder h, after;
	struct drm_ogpu_sync sync = {};
	struct dma_buf_import_sync_file add = { .flags = DMA_BUF_SYNC_WRITE };
	struct card one, other;
	struct buffer mine, theirs, alone;
	int fd, alone_fd;

	card_open(&one);
	card_open(&other);
	holder_open(&h, &one);
	holder_open(&after, &other);
	card_buffer(&one, &mine, SIZE, BOTH, READ_WRITE);
	fd = export(&one, &mine);
	import(&other, fd, &theirs, READ_WRITE);

	/* A job of the other file does not wait by itself. */
	hold(&h);
	hold(&after);
	let_go(&after);

	/* It does if it is told to, by the fence that is in the buffer. */
	sync.handle = fences_of(&other, fd, DMA_BUF_SYNC_WRITE);
	stream_reset(&after.s);
	stream_nop(&after.s, 2);
	ASSERT_EQ(card_submit(&other, after.queue, &after.s,
			      (struct drm_ogpu_sync[]){ sync, { .handle = after.done,
			      .flags = DRM_OGPU_SYNC_SIGNAL } }, 2), 0);
	EXPECT_EQ(card_syncobj_wait(&other, after.done, SOON_MS), -ETIME);
	let_go(&h);
	EXPECT_EQ(card_syncobj_wait(&other, after.done, WAIT_MS), 0);

	/* And a fence can be put into a buffer that the job does not know. */
	ASSERT_EQ(card_buffer_create(&one, &alone, SIZE, BOTH), 0);
	alone_fd = export(&one, &alone);
	hold(&h);
	EXPECT(ready(alone_fd, POLLOUT, WAIT_MS));
	ASSERT_EQ(drmSyncobjExportSyncFile(one.fd, h.done, &add.fd), 0);
	EXPECT_EQ(ioctl(alone_fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &add), 0);
	EXPECT(!ready(alone_fd, POLLIN, SOON_MS));
	let_go(&h);
	EXPECT(ready(alone_fd, POLLIN, WAIT_MS));
}

/* A process that has got a buffer dies with a job under way, at any time: nothing is lost. */
TEST_TIMEOUT(importer_dies, 120)
{
	struct buffer mine;
	struct stream s;
	struct card card;
	unsigned int i;
	uint32_t queue;
	int fd;

	card_open(&card);
	card_buffer(&card, &mine, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
	fd = export(&card, &mine);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	for (i = 0; i < 8; i++) {
		int pipes[2], status;
		char byte;
		pid_t pid;

		ASSERT_EQ(pipe(pipes), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct buffer theirs;
			struct holder h;
			struct card other;

			card_open(&other);
			import(&other, fd, &theirs, READ_WRITE);
			holder_open(&h, &other);
			hold(&h);
			if (write(pipes[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		sleep_ms(i);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		close(pipes[1]);

		stream_reset(&s);
		stream_fill(&s, mine.va, SIZE, i);
		card_run(&card, queue, &s);
		EXPECT(is_all(&mine, i));
		EXPECT(ready(fd, POLLOUT, WAIT_MS));
	}
}

/* A buffer of before a reset is not to be used any more, whoever has it. */
TEST_TIMEOUT(reset, 120)
{
	struct buffer mine, theirs = { .size = SIZE };
	struct card card, later;
	struct admin admin;
	int fd;

	card_open(&card);
	ASSERT(admin_init(&admin, 0));
	card_buffer(&card, &mine, SIZE, BOTH, READ_WRITE);
	fd = export(&card, &mine);
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
	EXPECT_EQ(try_import(&card, fd, &theirs.handle), -ENODEV);
	EXPECT_EQ(export_flags(&card, mine.handle, DRM_CLOEXEC, &fd), -ENODEV);

	card_open(&later);
	ASSERT_EQ(try_import(&later, fd, &theirs.handle), 0);
	EXPECT_EQ(card_bind(&later, &theirs, 1ull << 32, READ_WRITE), -EBADMSG);
	EXPECT(ready(fd, POLLOUT, WAIT_MS));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
