// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ioctls of programs of 32 bits: the structures are the same, and so is what stands before them. A
 * program of 64 bits makes system calls of the other kind with int 0x80.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define NR_IOCTL	54	/* of 32-bit programs, like the next */
#define NR_GETPID	20
#define SLOW_MS		10000

/* Where a pointer of 32 bits reaches. */
static char *low;

static sigjmp_buf jump;

static long call32(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret) : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");

	return (int)ret;
}

static void on_fault(int number)
{
	siglongjmp(jump, number);
}

static void set_up(struct card *card)
{
	struct sigaction action = { .sa_handler = on_fault };
	struct sigaction before;

	sigaction(SIGSEGV, &action, &before);
	if (sigsetjmp(jump, 1))
		SKIP("the kernel runs no programs of 32 bits");
	ASSERT_EQ(call32(NR_GETPID, 0, 0, 0), getpid());
	sigaction(SIGSEGV, &before, NULL);

	card_open(card);
	low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		   0);
	ASSERT(low != MAP_FAILED);
}

/* 0 or a negative errno. */
static int ioctl32(const struct card *card, unsigned long request, void *args, size_t size)
{
	int ret;

	memcpy(low, args, size);
	ret = call32(NR_IOCTL, card->fd, request, (long)low);
	memcpy(args, low, size);

	return ret;
}

#define IOCTL32(card, request, args)	ioctl32(card, request, args, sizeof(*(args)))

TEST(same_answers)
{
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_DEVICE,
		.size = sizeof(struct drm_ogpu_query_device),
	};
	struct card card;

	set_up(&card);
	query.pointer = (uintptr_t)low + 4096;
	ASSERT_EQ(IOCTL32(&card, DRM_IOCTL_OGPU_QUERY, &query), 0);
	EXPECT(!memcmp(low + 4096, &card.info, sizeof(card.info)));
}

/* Arrays and pointers in them, too. */
TEST(job)
{
	struct drm_ogpu_queue_create create = {
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
	};
	struct drm_ogpu_sync *sync;
	struct drm_ogpu_job *job;
	struct drm_ogpu_submit submit = {};
	struct card card;
	struct stream s;
	struct buffer buf;

	set_up(&card);
	create.vm_id = card.vm;
	ASSERT_EQ(IOCTL32(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create), 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &buf, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	stream_fill(&s, buf.va, 4096, 0x32323232);
	job = (struct drm_ogpu_job *)(low + 4096);
	sync = (struct drm_ogpu_sync *)(job + 1);
	*sync = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	*job = (struct drm_ogpu_job) {
		.stream_va = s.buf.va, .stream_bytes = s.bytes,
		.syncs = card_array(sync, sizeof(*sync), 1),
	};
	submit.queue_id = create.queue_id;
	submit.jobs = card_array(job, sizeof(*job), 1);
	ASSERT_EQ(IOCTL32(&card, DRM_IOCTL_OGPU_SUBMIT, &submit), 0);
	EXPECT_EQ(submit.first_job, 1);
	EXPECT_EQ(card_syncobj_wait(&card, sync->handle, SLOW_MS), 0);
	EXPECT_EQ(*(uint32_t *)buf.map, 0x32323232);
}

/* A file from before a reset has lost its card, for these programs as for all. */
TEST_TIMEOUT(stale_file, 120)
{
	struct drm_ogpu_vm_create args = {};
	struct admin admin;
	struct card card;

	set_up(&card);
	if (!admin_init(&admin, 0))
		SKIP("no card");
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &args), -ENODEV);
	EXPECT_EQ(IOCTL32(&card, DRM_IOCTL_OGPU_VM_CREATE, &args), -ENODEV);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
