// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the program in an address space of the card, while the program and the kernel do to it
 * whatever they can: who changes it waits for jobs under way, and later jobs see what is there.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "own.h"
#include "user.h"

#define PIECES	512	/* that a user can map */

/* The card reads what the CPU wrote, and the other way round, at any address in it. */
TEST(both_ways)
{
	struct own t;
	uint8_t *mem;

	own_set_up(&t);
	mem = own_anon(3 * MIB);
	own_fill(mem, 3 * MIB, 1);
	ASSERT_EQ(own_bind(&t, mem, VA, 3 * MIB, RW), 0);

	own_copy_out(&t, VA, 3 * MIB);
	EXPECT_EQ(own_wrong(t.out.map, 3 * MIB, 1), 0);
	/* No new mapping of it: the next job sees what is written now. */
	own_fill(mem, 3 * MIB, 2);
	own_copy_out(&t, VA, 3 * MIB);
	EXPECT_EQ(own_wrong(t.out.map, 3 * MIB, 2), 0);

	own_fill_by_card(&t, VA + 12 * KIB, 8 * KIB, 0x600d711e);
	EXPECT_EQ(own_not_all(mem + 12 * KIB, 8 * KIB, 0x600d711e), 0);
	EXPECT_EQ(own_wrong(mem, 12 * KIB, 2), 0);
	EXPECT_EQ(((uint32_t *)mem)[5 * KIB], own_word(5 * KIB, 2));

	ASSERT_EQ(card_unbind(&t.card, VA, 3 * MIB), 0);
	own_expect_fault(&t, VA);
}

/* Memory that was never touched is there for the card, to read and to write. */
TEST(untouched)
{
	struct own t;
	uint8_t *mem;

	own_set_up(&t);
	mem = own_anon(MIB);
	ASSERT_EQ(own_bind(&t, mem, VA, MIB, RW), 0);
	own_copy_out(&t, VA, MIB);
	EXPECT_EQ(own_not_all(t.out.map, MIB, 0), 0);
	own_fill_by_card(&t, VA, MIB, 7);
	EXPECT_EQ(own_not_all(mem, MIB, 7), 0);
}

static bool munmap_once(struct own *t)
{
	void *mem;

	mem = own_anon(256 * KIB);
	own_fill(mem, 256 * KIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 256 * KIB, RW), 0);
	own_submit_gated(t, VA, 256 * KIB, 9, SYS_munmap);
	ASSERT_EQ(munmap(mem, 256 * KIB), 0);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 256 * KIB, 3), 0);

	/* It is gone: jobs that do not use it do not mind. */
	stream_reset(&t->s);
	stream_fill(&t->s, t->out.va, 4096, 5);
	card_run(&t->card, t->queue, &t->s);
	EXPECT_EQ(own_not_all(t->out.map, 4096, 5), 0);
	own_expect_fault(t, VA);

	/* Other memory in its place is what jobs find there. */
	ASSERT(mmap(mem, 256 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == mem);
	own_fill(mem, 256 * KIB, 4);
	own_copy_out(t, VA, 256 * KIB);
	EXPECT_EQ(own_wrong(t->out.map, 256 * KIB, 4), 0);

	return true;
}

TEST(munmap_in_mid_job)
{
	own_until_waited(munmap_once);
}

/* A hole in it takes all of it away, until the hole is filled. */
TEST(hole)
{
	struct own t;
	uint8_t *mem;

	own_set_up(&t);
	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(own_bind(&t, mem, VA, 64 * KIB, RW), 0);
	own_copy_out(&t, VA, 64 * KIB);
	ASSERT_EQ(munmap(mem + 32 * KIB, 4 * KIB), 0);
	own_expect_fault(&t, VA);
	own_expect_fault(&t, VA + 32 * KIB);

	/* Where it is not mapped any more it does not matter. */
	ASSERT_EQ(card_unbind(&t.card, VA + 32 * KIB, 4 * KIB), 0);
	own_copy_out(&t, VA, 32 * KIB);
	EXPECT_EQ(own_wrong(t.out.map, 32 * KIB, 3), 0);
	own_copy_out(&t, VA + 36 * KIB, 28 * KIB);
	EXPECT_EQ(*(uint32_t *)t.out.map, own_word(9 * KIB, 3));
	own_expect_fault(&t, VA + 32 * KIB);
}

static bool mprotect_once(struct own *t)
{
	void *mem;

	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 64 * KIB, RW), 0);
	own_submit_gated(t, VA, 64 * KIB, 9, SYS_mprotect);
	ASSERT_EQ(mprotect(mem, 64 * KIB, PROT_READ), 0);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(own_not_all(mem, 64 * KIB, 9), 0);

	/* What the program may not write the card may not. */
	own_expect_fault(t, VA);
	ASSERT_EQ(own_bind(t, mem, VA + MIB, 64 * KIB, RW), -EACCES);
	ASSERT_EQ(own_bind(t, mem, VA + MIB, 64 * KIB, READ), 0);
	own_copy_out(t, VA + MIB, 64 * KIB);
	EXPECT_EQ(own_not_all(t->out.map, 64 * KIB, 9), 0);

	ASSERT_EQ(mprotect(mem, 64 * KIB, PROT_READ | PROT_WRITE), 0);
	own_fill_by_card(t, VA, 64 * KIB, 10);
	EXPECT_EQ(own_not_all(mem, 64 * KIB, 10), 0);

	return true;
}

TEST(mprotect_in_mid_job)
{
	own_until_waited(mprotect_once);
}

static bool mremap_once(struct own *t)
{
	void *mem, *to;

	mem = own_anon(64 * KIB);
	to = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 64 * KIB, RW), 0);
	ASSERT_EQ(own_bind(t, to, VA + MIB, 64 * KIB, RW), 0);
	own_submit_gated(t, VA, 64 * KIB, 9, SYS_mremap);
	ASSERT(mremap(mem, 64 * KIB, 64 * KIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(own_not_all(to, 64 * KIB, 9), 0);

	/* A mapping is of addresses: what is where it is told to be. */
	own_copy_out(t, VA + MIB, 64 * KIB);
	EXPECT_EQ(own_not_all(t->out.map, 64 * KIB, 9), 0);
	own_expect_fault(t, VA);

	return true;
}

TEST(mremap_in_mid_job)
{
	own_until_waited(mremap_once);
}

static bool dontneed_once(struct own *t)
{
	void *mem;

	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 64 * KIB, RW), 0);
	own_submit_gated(t, VA, 64 * KIB, 9, SYS_madvise);
	ASSERT_EQ(madvise(mem, 64 * KIB, MADV_DONTNEED), 0);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(own_not_all(mem, 64 * KIB, 0), 0);
	own_copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(own_not_all(t->out.map, 64 * KIB, 0), 0);

	return true;
}

TEST(dontneed_in_mid_job)
{
	own_until_waited(dontneed_once);
}

/* Of parent and child each has its own memory, and the card writes to the parent's. */
static bool fork_once(struct own *t)
{
	int status, ready[2];
	char byte = 0;
	void *mem;
	pid_t pid;

	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(own_bind(t, mem, VA, 64 * KIB, RW), 0);
	own_submit_gated(t, VA, 64 * KIB, 9, SYS_clone);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		/* What the job wrote before is here, what jobs write from now on is not. */
		if (read(ready[0], &byte, 1) != 1)
			_exit(2);
		_exit(own_not_all(mem, 64 * KIB, 9) ? 1 : 0);
	}
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 64 * KIB, 3), 0);
	own_fill_by_card(t, VA, 64 * KIB, 11);
	EXPECT_EQ(own_not_all(mem, 64 * KIB, 11), 0);
	ASSERT_EQ(write(ready[1], &byte, 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	own_copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(own_not_all(t->out.map, 64 * KIB, 11), 0);

	return true;
}

TEST(fork_in_mid_job)
{
	own_until_waited(fork_once);
}

/* Small pages become a large one, and small ones again. */
static bool collapse_once(struct own *t)
{
	uint8_t *mem;
	int fd;

	/* The kernel does not do it of itself. */
	fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY);
	if (fd < 0 || write(fd, "madvise", 7) != 7)
		SKIP("huge pages cannot be set up");
	close(fd);
	mem = own_anon(4 * MIB);
	mem = (uint8_t *)(((uintptr_t)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	own_fill(mem, 2 * MIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 2 * MIB, RW), 0);
	own_submit_gated(t, VA, 2 * MIB, 9, SYS_madvise);
	if (madvise(mem, 2 * MIB, MADV_COLLAPSE))
		SKIP("no large page to be had: %s", strerror(errno));
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 2 * MIB, 3), 0);
	EXPECT_EQ(own_not_all(mem, 2 * MIB, 9), 0);

	own_fill(mem, 2 * MIB, 4);
	own_submit_gated(t, VA, 2 * MIB, 10, SYS_madvise);
	ASSERT_EQ(madvise(mem + MIB, 4 * KIB, MADV_DONTNEED), 0);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 2 * MIB, 4), 0);
	EXPECT_EQ(own_not_all(mem, MIB, 10), 0);
	EXPECT_EQ(own_not_all(mem + MIB, 4 * KIB, 0), 0);
	own_copy_out(t, VA, 2 * MIB);
	EXPECT_EQ(memcmp(t->out.map, mem, 2 * MIB), 0);
	own_fill_by_card(t, VA, 2 * MIB, 12);
	EXPECT_EQ(own_not_all(mem, 2 * MIB, 12), 0);

	return true;
}

TEST(collapse_in_mid_job)
{
	own_until_waited(collapse_once);
}

/* Put out and brought back, what the card wrote last is what is there. */
TEST(swap)
{
	struct own t;
	uint8_t *mem;
	unsigned int i;

	admin_run("modprobe zram num_devices=1 2>/dev/null");
	if (!admin_run("echo 16M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null") ||
	    swapon("/dev/zram0", 0))
		SKIP("no swap space");
	own_set_up(&t);
	mem = own_anon(MIB);
	ASSERT_EQ(own_bind(&t, mem, VA, MIB, RW), 0);
	for (i = 1; i < 8; i++) {
		own_fill_by_card(&t, VA, MIB, i);
		ASSERT_EQ(madvise(mem, MIB, MADV_PAGEOUT), 0);
		own_copy_out(&t, VA, MIB);
		EXPECT_EQ(own_not_all(t.out.map, MIB, i), 0);
		ASSERT_EQ(madvise(mem, MIB, MADV_PAGEOUT), 0);
		EXPECT_EQ(own_not_all(mem, MIB, i), 0);
	}
	EXPECT_EQ(swapoff("/dev/zram0"), 0);
	EXPECT(admin_run("echo 1 >/sys/block/zram0/reset"));
}

/* Of a file: shared, what the card writes is in it; private, it is not. */
TEST(file)
{
	static uint8_t bytes[64 * KIB];
	struct own t;
	void *shared, *priv;
	int fd;

	own_set_up(&t);
	fd = own_file(64 * KIB);
	own_fill(bytes, sizeof(bytes), 3);
	ASSERT_EQ(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	shared = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	priv = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(shared != MAP_FAILED && priv != MAP_FAILED);
	ASSERT_EQ(own_bind(&t, priv, VA, 64 * KIB, READ), 0);
	own_copy_out(&t, VA, 64 * KIB);
	EXPECT_EQ(own_wrong(t.out.map, 64 * KIB, 3), 0);
	ASSERT_EQ(own_bind(&t, priv, VA, 64 * KIB, RW), 0);
	ASSERT_EQ(own_bind(&t, shared, VA + MIB, 64 * KIB, RW), 0);

	own_fill_by_card(&t, VA, 4 * KIB, 7);
	EXPECT_EQ(own_not_all(priv, 4 * KIB, 7), 0);
	EXPECT_EQ(own_wrong(shared, 64 * KIB, 3), 0);
	own_fill_by_card(&t, VA + MIB + 4 * KIB, 4 * KIB, 8);
	ASSERT_EQ(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	EXPECT_EQ(own_not_all(bytes + 4 * KIB, 4 * KIB, 8), 0);
	EXPECT_EQ(own_wrong(bytes, 4 * KIB, 3), 0);

	/* The first write to a page of the file parts the private one from it. */
	ASSERT_EQ(own_bind(&t, priv, VA, 64 * KIB, READ), 0);
	own_copy_out(&t, VA, 64 * KIB);
	((volatile uint32_t *)priv)[15 * KIB] = 0x1234;
	own_copy_out(&t, VA, 64 * KIB);
	EXPECT_EQ(((uint32_t *)t.out.map)[15 * KIB], 0x1234);
}

static bool truncate_once(struct own *t)
{
	void *mem;
	int fd;

	fd = own_file(64 * KIB);
	mem = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(mem != MAP_FAILED);
	own_fill(mem, 64 * KIB, 3);
	ASSERT_EQ(own_bind(t, mem, VA, 64 * KIB, RW), 0);
	own_submit_gated(t, VA, 64 * KIB, 9, SYS_ftruncate);
	ASSERT_EQ(ftruncate(fd, 0), 0);
	if (!own_was_waited(t))
		return false;
	EXPECT_EQ(own_wrong(t->out.map, 64 * KIB, 3), 0);
	own_expect_fault(t, VA);
	ASSERT_EQ(ftruncate(fd, 64 * KIB), 0);
	own_copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(own_not_all(t->out.map, 64 * KIB, 0), 0);

	return true;
}

TEST(truncate_in_mid_job)
{
	own_until_waited(truncate_once);
}

/* What is mapped for reading the card cannot write. */
TEST(read_only)
{
	struct drm_ogpu_sync sync;
	struct own t;
	void *mem;

	own_set_up(&t);
	mem = own_anon(16 * KIB);
	own_fill(mem, 16 * KIB, 3);
	ASSERT_EQ(own_bind(&t, mem, VA, 16 * KIB, READ), 0);
	own_copy_out(&t, VA, 16 * KIB);
	EXPECT_EQ(own_wrong(t.out.map, 16 * KIB, 3), 0);
	stream_reset(&t.s);
	stream_fill(&t.s, VA, 16 * KIB, 1);
	sync = (struct drm_ogpu_sync) { .handle = t.done, .flags = DRM_OGPU_SYNC_SIGNAL };
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &sync, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&t.card, t.done, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, t.done), -EIO);
	EXPECT_EQ(own_wrong(mem, 16 * KIB, 3), 0);
}

/* Parts of it are replaced, and mapped elsewhere; the same memory at two addresses. */
TEST(parts)
{
	struct buffer buf;
	struct own t;
	uint8_t *mem;

	own_set_up(&t);
	mem = own_anon(4 * MIB);
	mem = (uint8_t *)(((uintptr_t)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(mem, 2 * MIB, MADV_HUGEPAGE);
	own_fill(mem, 2 * MIB, 3);
	card_buffer(&t.card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	own_fill(buf.map, 64 * KIB, 5);
	ASSERT_EQ(own_bind(&t, mem, VA, 2 * MIB, RW), 0);
	ASSERT_EQ(own_bind(&t, mem, VA + 4 * MIB, 2 * MIB, READ), 0);
	own_copy_out(&t, VA, 2 * MIB);
	EXPECT_EQ(own_wrong(t.out.map, 2 * MIB, 3), 0);

	ASSERT_EQ(own_bind_op(&t.card, card_map_op(&buf, 0, VA + 64 * KIB, 64 * KIB)), 0);
	own_copy_out(&t, VA, 2 * MIB);
	EXPECT_EQ(own_wrong(t.out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(own_wrong((uint8_t *)t.out.map + 64 * KIB, 64 * KIB, 5), 0);
	EXPECT_EQ(((uint32_t *)t.out.map)[32 * KIB], own_word(32 * KIB, 3));

	/* What changes takes the buffer in its midst from nobody. */
	ASSERT_EQ(madvise(mem, 2 * MIB, MADV_DONTNEED), 0);
	own_copy_out(&t, VA + 64 * KIB, 64 * KIB);
	EXPECT_EQ(own_wrong(t.out.map, 64 * KIB, 5), 0);
	own_fill_by_card(&t, VA + 128 * KIB, 64 * KIB, 6);
	own_copy_out(&t, VA + 4 * MIB, 2 * MIB);
	EXPECT_EQ(own_not_all(t.out.map, 128 * KIB, 0), 0);
	EXPECT_EQ(own_not_all((uint8_t *)t.out.map + 128 * KIB, 64 * KIB, 6), 0);
	EXPECT_EQ(own_wrong(buf.map, 64 * KIB, 5), 0);

	/* And the memory again, over the buffer. */
	ASSERT_EQ(own_bind(&t, mem, VA + 64 * KIB, 64 * KIB, RW), 0);
	own_fill_by_card(&t, VA + 64 * KIB, 64 * KIB, 8);
	EXPECT_EQ(own_not_all(mem, 64 * KIB, 8), 0);
	ASSERT_EQ(card_unbind(&t.card, VA, 8 * MIB), 0);
	own_expect_fault(&t, VA + 64 * KIB);
}

/* A call that waits for something, and jobs before and behind it. */
TEST(bind_later)
{
	struct drm_ogpu_sync in = {}, out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_bind_op op;
	struct drm_ogpu_vm_bind args;
	struct own t;
	struct stream other;
	void *mem;

	own_set_up(&t);
	card_stream(&t.card, &other, PAGE);
	mem = own_anon(16 * KIB);
	own_fill(mem, 16 * KIB, 3);
	op = own_op(mem, VA, 16 * KIB, RW);
	in.handle = card_syncobj(&t.card);
	out.handle = card_syncobj(&t.card);
	stream_wait(&other, t.page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	in.flags = DRM_OGPU_SYNC_SIGNAL;
	ASSERT_EQ(card_submit(&t.card, t.queue, &other, &in, 1), 0);
	in.flags = 0;
	args = (struct drm_ogpu_vm_bind) {
		.vm_id = t.card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC, .ops = CARD_ARRAY(&op, 1),
		.syncs = CARD_ARRAY(((struct drm_ogpu_sync[]) { in, out }), 2),
	};
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_VM_BIND, &args), 0);

	stream_copy(&t.s, VA, t.out.va, 16 * KIB);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s,
			      (struct drm_ogpu_sync[]) { { .handle = out.handle },
			      { .handle = t.done, .flags = DRM_OGPU_SYNC_SIGNAL } }, 2), 0);
	*t.gate = 1;
	ASSERT_EQ(card_syncobj_wait(&t.card, t.done, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, t.done), 1);
	EXPECT_EQ(own_wrong(t.out.map, 16 * KIB, 3), 0);
}

TEST(bad_input)
{
	struct drm_ogpu_bind_op op;
	struct own t;
	uint8_t *mem, *low;
	int fd;

	own_set_up(&t);
	mem = own_anon(64 * KIB);
	EXPECT_EQ(own_bind(&t, mem + 8, VA, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA + 8, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB + 8, RW), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA, 0, RW), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, 0, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB, 0), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB, DRM_OGPU_BIND_WRITE), -EINVAL);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB, RW | 1u << 31), -EINVAL);
	op = own_op(mem, VA, 4 * KIB, RW);
	op.bo_handle = t.out.handle;
	EXPECT_EQ(own_bind_op(&t.card, op), -EINVAL);
	op = own_op(mem, VA, 4 * KIB, RW);
	op.pad = 1;
	EXPECT_EQ(own_bind_op(&t.card, op), -EINVAL);

	/* Nothing there, or not all of it. */
	EXPECT_EQ(own_bind(&t, NULL, VA, 4 * KIB, RW), -EFAULT);
	EXPECT_EQ(own_bind(&t, (void *)-4096l, VA, 4 * KIB, READ), -EFAULT);
	EXPECT_EQ(own_bind(&t, (void *)-4096l, VA, 8 * KIB, READ), -EFAULT);
	EXPECT_EQ(own_bind(&t, (void *)0xffff888000000000ul, VA, 4 * KIB, READ), -EFAULT);
	ASSERT_EQ(munmap(mem + 32 * KIB, 4 * KIB), 0);
	EXPECT_EQ(own_bind(&t, mem, VA, 64 * KIB, RW), -EFAULT);
	ASSERT_EQ(munmap(mem + 60 * KIB, 4 * KIB), 0);
	EXPECT_EQ(own_bind(&t, mem + 36 * KIB, VA, 28 * KIB, RW), -EFAULT);
	EXPECT_EQ(own_bind(&t, mem, VA, (1ull << 30) + PAGE, RW), -E2BIG);

	/* Memory of this card, and of devices in general. */
	EXPECT_EQ(own_bind(&t, t.out.map, VA, 4 * KIB, RW), -EFAULT);
	EXPECT_EQ(own_bind(&t, t.page.map, VA, 4 * KIB, READ), -EFAULT);

	/* Not readable; not writable; of a file that is open for reading. */
	ASSERT_EQ(mprotect(mem, 4 * KIB, PROT_NONE), 0);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB, READ), -EACCES);
	ASSERT_EQ(mprotect(mem, 4 * KIB, PROT_READ), 0);
	EXPECT_EQ(own_bind(&t, mem, VA, 4 * KIB, RW), -EACCES);
	fd = open("/proc/self/exe", O_RDONLY);
	ASSERT(fd >= 0);
	low = mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(low != MAP_FAILED);
	EXPECT_EQ(own_bind(&t, low, VA, 4 * KIB, RW), -EACCES);
	EXPECT_EQ(own_bind(&t, low, VA, 4 * KIB, READ), 0);
	own_copy_out(&t, VA, 4 * KIB);
	EXPECT_EQ(memcmp(t.out.map, "\177ELF", 4), 0);

	/* After all that nothing else is there. */
	own_expect_fault(&t, VA + 4 * KIB);
}

/* So many and no more, and none is left over. */
TEST_TIMEOUT(too_many, 120)
{
	struct own t;
	void *mem;
	int i, k, ret = 0;

	own_set_up(&t);
	mem = own_anon(4 * KIB);
	for (i = 0; i < 5000 && !ret; i++)
		ret = own_bind(&t, mem, VA + i * PAGE, 4 * KIB, RW);
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT_EQ(i, PIECES + 1);
	own_fill_by_card(&t, VA + 100 * PAGE, 4 * KIB, 5);
	EXPECT_EQ(own_not_all(mem, 4 * KIB, 5), 0);
	ASSERT_EQ(madvise(mem, 4 * KIB, MADV_DONTNEED), 0);
	own_copy_out(&t, VA + (PIECES - 1) * PAGE, 4 * KIB);
	EXPECT_EQ(own_not_all(t.out.map, 4 * KIB, 0), 0);

	/* As many again at once: those that are being taken down are waited for. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(card_unbind(&t.card, VA, 5000 * PAGE), 0);
		ret = 0;
		for (k = 0; k < PIECES && !ret; k++)
			ret = own_bind(&t, mem, VA + k * PAGE, 4 * KIB, RW);
		EXPECT_EQ(ret, 0);
	}
	ASSERT_EQ(card_unbind(&t.card, VA, 5000 * PAGE), 0);
}

/* A user-mode queue is suspended while its memory changes, in the midst of its work. */
TEST_TIMEOUT(user_queue, 300)
{
	struct card card;
	struct buffer out;
	struct user u;
	uint8_t *mem;
	unsigned int i;
	pid_t pid;

	/* Nobody else's account is emptied, nor is his. */
	own_open_as(&card, 100000 + getpid());
	user_vm(&card);
	card_buffer(&card, &out, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&card, &u, 65536);
	mem = own_anon(64 * KIB);
	own_fill(mem, 64 * KIB, 3);
	/* While it runs, and waits for us. */
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_copy(&u, VA, out.va, 64 * KIB);
	user_fence(&u);
	user_ring(&u);
	ASSERT_EQ(own_bind_op(&card, own_op(mem, VA, 64 * KIB, RW)), 0);
	own_fill(mem, 64 * KIB, 4);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, 3 * WAIT_MS), 0);
	EXPECT_EQ(own_wrong(out.map, 64 * KIB, 4), 0);

	/* Each may have to wait for 15 s, see 3 * WAIT_MS. */
	for (i = 0; i < 8; i++) {
		u.word[1] = 0;
		user_wait_packet(&u, USER_WORD(&u) + 8, 1);
		user_copy(&u, VA, out.va, 64 * KIB);
		user_fill(&u, VA, 64 * KIB, i + 100);
		user_fence(&u);
		user_ring(&u);
		own_fill(mem, 64 * KIB, i + 10);
		switch (i % 4) {
		case 0:
			pid = fork();
			if (!pid)
				_exit(own_wrong(mem, 64 * KIB, i + 10) ? 1 : 0);
			u.word[1] = 1;
			ASSERT_EQ(waitpid(pid, NULL, 0), pid);
			break;
		case 1:
			ASSERT_EQ(madvise(mem, 64 * KIB, MADV_DONTNEED), 0);
			own_fill(mem, 64 * KIB, i + 10);
			break;
		case 2:
			ASSERT_EQ(munmap(mem, 64 * KIB), 0);
			ASSERT(mmap(mem, 64 * KIB, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem);
			own_fill(mem, 64 * KIB, i + 10);
			ASSERT_EQ(own_bind_op(&card, own_op(mem, VA, 64 * KIB, RW)), 0);
			break;
		default:
			madvise(mem, 64 * KIB, MADV_PAGEOUT);
			break;
		}
		u.word[1] = 1;
		ASSERT_EQ(user_wait(&u, 3 * WAIT_MS), 0);
		EXPECT_EQ(own_wrong(out.map, 64 * KIB, i + 10), 0);
		EXPECT_EQ(own_not_all(mem, 64 * KIB, i + 100), 0);
	}

	/* Gone: the queue fails, and nothing else. */
	ASSERT_EQ(munmap(mem, 64 * KIB), 0);
	user_copy(&u, VA, out.va, 4);
	user_ring(&u);
	EXPECT_EQ(user_error(&u), DRM_OGPU_QUEUE_ERR_MEMORY);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
