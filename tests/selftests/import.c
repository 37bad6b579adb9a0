// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of other drivers that a card uses, and what it shares with them: udmabuf, DMA heaps, vgem,
 * and virtio-gpu where it is.
 *
 * VM: --qemu-args '-device virtio-gpu-pci'
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "partner.h"

#define READ		DRM_OGPU_BIND_READ
#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIZE		(256u << 10)
#define WAIT_MS		30000
#define SOON_MS		200	/* for what must not happen */

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1 && p.revents == events;
}

/* What udmabuf maps for it is longer than it says it may be, which a debug kernel reports. */
static void sync_cpu(enum partner partner, int fd, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	if (partner == PARTNER_UDMABUF)
		return;
	ASSERT_EQ(ioctl(fd, DMA_BUF_IOCTL_SYNC, &args), 0);
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

static void fill(const struct buffer *buf, uint32_t first)
{
	uint32_t *words = buf->map;
	size_t i;

	for (i = 0; i < buf->size / 4; i++)
		words[i] = first + i;
}

static bool counts(const struct buffer *buf, uint32_t first)
{
	const uint32_t *words = buf->map;
	size_t i;

	for (i = 0; i < buf->size / 4; i++) {
		if (words[i] != first + i)
			return false;
	}

	return true;
}

static uint32_t info_flags(const struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info info = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	EXPECT_EQ(info.size, buf->size);

	return info.flags;
}

/* What the CPU writes there a job reads, and what a job writes the CPU reads. */
static void use_memory_of(enum partner partner)
{
	struct drm_ogpu_bo_mmap_offset offset = {};
	struct drm_ogpu_query_memory before;
	struct buffer theirs, mine;
	struct card card, look;
	struct stream s;
	uint32_t again;
	int fd;

	fd = partner_buffer(partner, SIZE);
	if (fd < 0)
		SKIP("no %s", partner_names[partner]);
	card_open_unused(&look);
	card_open(&card);
	card_buffer(&card, &mine, SIZE, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	before = card_memory(&look);
	import(&card, fd, &theirs, READ_WRITE);
	EXPECT_EQ(card_memory(&look).system_used, before.system_used);
	EXPECT_EQ(info_flags(&card, &theirs), DRM_OGPU_BO_IMPORTED);
	EXPECT_EQ(try_import(&card, fd, &again), 0);
	EXPECT_EQ(again, theirs.handle);
	offset.handle = theirs.handle;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &offset), -EPERM);

	sync_cpu(partner, fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	fill(&theirs, 0x1000);
	sync_cpu(partner, fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
	stream_copy(&s, theirs.va, mine.va, SIZE);
	card_run(&card, card_queue(&card, DRM_OGPU_ENGINE_COPY, 0), &s);
	EXPECT(counts(&mine, 0x1000));

	fill(&mine, 0x77000000);
	stream_reset(&s);
	stream_copy(&s, mine.va, theirs.va, SIZE);
	card_run(&card, card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0), &s);
	sync_cpu(partner, fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	EXPECT(counts(&theirs, 0x77000000));
	sync_cpu(partner, fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);

	/* Whoever goes first: the other one has it as before. */
	close(fd);
	fill(&theirs, 0x5000);
	stream_reset(&s);
	stream_copy(&s, theirs.va, mine.va, SIZE);
	card_run(&card, card_queue(&card, DRM_OGPU_ENGINE_COPY, 0), &s);
	EXPECT(counts(&mine, 0x5000));
	card_close(&card);
	EXPECT(counts(&theirs, 0x5000));
	munmap(theirs.map, SIZE);
	munmap(mine.map, SIZE);
	card_close(&look);
}

TEST(udmabuf)
{
	use_memory_of(PARTNER_UDMABUF);
}

TEST(heap)
{
	use_memory_of(PARTNER_HEAP);
}

TEST(vgem)
{
	use_memory_of(PARTNER_VGEM);
}

TEST(virtio_gpu)
{
	use_memory_of(PARTNER_VIRTIO);
}

/* Without the right to lock memory beyond the limit. */
static void drop_memlock(rlim_t bytes)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct rlimit limit = { bytes, bytes };
	struct __user_cap_data_struct caps[2];

	ASSERT_EQ(syscall(SYS_capget, &header, caps), 0);
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	ASSERT_EQ(syscall(SYS_capset, &header, caps), 0);
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* Another driver uses a buffer of the card; where it pins it, that counts as locked memory. */
TEST(export)
{
	struct drm_ogpu_bo_info info;
	struct buffer mine[3], vram;
	struct stream s;
	struct card card;
	int fds[3], importers[3], i, fd;
	uint32_t queue;

	drop_memlock(2 * SIZE);
	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &vram, SIZE, DRM_OGPU_BO_VRAM), 0);
	ASSERT_EQ(drmPrimeHandleToFD(card.fd, vram.handle, DRM_CLOEXEC, &fd), 0);
	importers[0] = partner_vgem_import(fd);
	if (importers[0] == -ENODEV)
		SKIP("no vgem");
	EXPECT_EQ(importers[0], -EOPNOTSUPP);

	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	for (i = 0; i < 3; i++) {
		card_buffer(&card, &mine[i], SIZE, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
			    READ_WRITE);
		stream_reset(&s);
		stream_fill(&s, mine[i].va, SIZE, 0x100 + i);
		card_run(&card, queue, &s);
		ASSERT_EQ(drmPrimeHandleToFD(card.fd, mine[i].handle, DRM_CLOEXEC, &fds[i]), 0);
		importers[i] = partner_vgem_import(fds[i]);
		if (i < 2)
			ASSERT_GE(importers[i], 0);
	}
	if (importers[2] == -ENOMEM) {
		/* Pinned: in system memory, and stays there. */
		info = (struct drm_ogpu_bo_info){ .handle = mine[1].handle };
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
		EXPECT_EQ(info.current_placement, DRM_OGPU_BO_SYSTEM);
		close(importers[0]);
		importers[2] = partner_vgem_import(fds[2]);
	} else {
		printf("# vgem pins nothing\n");
	}
	ASSERT_GE(importers[2], 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(((uint32_t *)mine[i].map)[SIZE / 4 - 1], 0x100 + i);

	/* Who made them goes first. */
	for (i = 0; i < 3; i++)
		close(fds[i]);
	card_close(&card);
	close(importers[1]);
	close(importers[2]);
}

/* The other driver's fences are waited for, and it gets to see those of jobs. */
TEST_TIMEOUT(implicit_fences, 120)
{
	struct dma_buf_import_sync_file add = { .flags = DMA_BUF_SYNC_WRITE };
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer theirs, page;
	uint32_t queue;
	struct card card;
	struct stream s;
	int fd;

	fd = partner_buffer(PARTNER_VGEM, SIZE);
	add.fd = partner_timed_fence();
	if (fd < 0 || add.fd < 0)
		SKIP("no vgem");
	card_open(&card);
	import(&card, fd, &theirs, READ_WRITE);
	card_buffer(&card, &page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, WAIT_MS);
	sync.handle = card_syncobj(&card);

	EXPECT(ready(fd, POLLOUT, 0));
	stream_wait(&s, page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
	ASSERT_EQ(card_submit(&card, queue, &s, &sync, 1), 0);
	EXPECT(!ready(fd, POLLIN, SOON_MS));
	*(volatile uint64_t *)page.map = 1;
	EXPECT(ready(fd, POLLOUT, WAIT_MS));

	/* Mapped for reading only: who reads need not wait. */
	ASSERT_EQ(card_bind(&card, &theirs, theirs.va, READ), 0);
	*(volatile uint64_t *)page.map = 0;
	ASSERT_EQ(card_submit(&card, queue, &s, &sync, 1), 0);
	EXPECT(ready(fd, POLLIN, WAIT_MS));
	EXPECT(!ready(fd, POLLOUT, SOON_MS));
	*(volatile uint64_t *)page.map = 1;
	EXPECT(ready(fd, POLLOUT, WAIT_MS));

	ASSERT_EQ(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &add), 0);
	ASSERT_EQ(card_submit(&card, queue, &s, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&card, sync.handle, WAIT_MS), 0);
	EXPECT(partner_fence_is_over(add.fd));
}

/* A stranger's fence that never ends keeps nobody's jobs waiting for ever. */
TEST_TIMEOUT(endless_fence, 120)
{
	struct dma_buf_import_sync_file add = { .flags = DMA_BUF_SYNC_WRITE };
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer mine;
	struct card card;
	struct stream s;
	uint32_t queue;
	int fd;

	if (!partner_fence_lasts())
		SKIP("no such fences");
	add.fd = partner_fence();
	ASSERT_GE(add.fd, 0);
	card_open(&card);
	card_buffer(&card, &mine, SIZE, DRM_OGPU_BO_VRAM, READ_WRITE);
	ASSERT_EQ(drmPrimeHandleToFD(card.fd, mine.handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
	ASSERT_EQ(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &add), 0);
	card_stream(&card, &s, 4096);
	stream_fill(&s, mine.va, SIZE, 0x66);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	sync.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, queue, &s, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&card, sync.handle, SOON_MS), -ETIME);
	EXPECT_EQ(card_syncobj_wait(&card, sync.handle, 2 * WAIT_MS), 0);
	EXPECT(!partner_fence_is_over(add.fd));
	EXPECT_EQ(((uint32_t *)mine.map)[0], 0x66);
}

/* A process that uses such memory dies with a job under way: nothing of it is left or lost. */
TEST_TIMEOUT(importer_dies, 120)
{
	struct drm_ogpu_query_memory before;
	struct card look;
	unsigned int i;
	uint32_t *map;
	int fd;

	fd = partner_buffer(PARTNER_UDMABUF, SIZE);
	if (fd < 0)
		SKIP("no udmabuf");
	card_open_unused(&look);
	before = card_memory(&look);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(map, MAP_FAILED);
	for (i = 0; i < 6; i++) {
		int pipes[2], status;
		char byte;
		pid_t pid;

		map[0] = i;
		ASSERT_EQ(pipe(pipes), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct buffer theirs, page;
			struct stream s;
			struct card card;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			card_open(&card);
			import(&card, fd, &theirs, READ_WRITE);
			card_buffer(&card, &page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
			card_stream(&card, &s, 4096);
			stream_wait(&s, page.va, DRM_OGPU_COMPARE_GE, 1, UINT64_MAX);
			card_submit(&card, card_queue(&card, DRM_OGPU_ENGINE_COPY, WAIT_MS), &s,
				    NULL, 0);
			if (write(pipes[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		close(pipes[1]);
		EXPECT_EQ(map[0], i);
		EXPECT(ready(fd, POLLOUT, WAIT_MS));
		EXPECT_EQ(card_wait_memory(&look, &before), 0);
	}
}

/* The card goes while it has memory of others mapped, which these keep. */
TEST_TIMEOUT(unbind, 120)
{
	struct buffer theirs;
	struct admin admin;
	struct card card;
	int fd;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	fd = partner_buffer(PARTNER_UDMABUF, SIZE);
	if (fd < 0)
		SKIP("no udmabuf");
	card_open(&card);
	import(&card, fd, &theirs, READ_WRITE);
	fill(&theirs, 0x9000);
	ASSERT(admin_unbind(&admin));
	EXPECT(counts(&theirs, 0x9000));
	EXPECT(ready(fd, POLLOUT, WAIT_MS));
	card_close(&card);
	EXPECT(counts(&theirs, 0x9000));
	close(fd);
	EXPECT(counts(&theirs, 0x9000));
	munmap(theirs.map, SIZE);
	ASSERT(admin_bind(&admin));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	ASSERT(admin_wait(&admin, "state", "running"));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
