// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Short of system memory: what buffers have of it and no job uses goes to swap space and comes
 * back, and what is not needed is freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "partner.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIZE	(8 * MIB)
#define COUNT	6
#define ZRAM	"/dev/zram0"
#define RESIDENT	"drm-resident-system"
#define PURGEABLE	"drm-purgeable-system"

/* A program with memory, something in it, and a queue. */
struct owner {
	struct card card;
	struct buffer bufs[COUNT], out;
	struct stream s;
	uint32_t queue;
};

static uint32_t word(uint32_t seed, uint64_t number)
{
	return (number + 1) * 2654435761u ^ seed;
}

/* Alone: what the test before had would be missed when it goes. */
static void owner_open(struct owner *o)
{
	uint32_t *words, i;
	uint64_t n;

	card_open_unused(&o->card);
	o->queue = card_queue(&o->card, DRM_OGPU_ENGINE_COPY, 60000);
	card_stream(&o->card, &o->s, 4096);
	card_buffer(&o->card, &o->out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	for (i = 0; i < COUNT; i++) {
		card_buffer(&o->card, &o->bufs[i], SIZE, DRM_OGPU_BO_SYSTEM, RW);
		words = o->bufs[i].map;
		for (n = 0; n < SIZE / 4; n++)
			words[n] = word(i, n);
	}
}

/* By the CPU, and the ends by a job. */
static void owner_check(struct owner *o, unsigned int i)
{
	const uint32_t *words = o->bufs[i].map, *found = o->out.map;
	uint64_t n;

	stream_reset(&o->s);
	stream_copy(&o->s, o->bufs[i].va, o->out.va, 4);
	stream_copy(&o->s, o->bufs[i].va + SIZE - 4, o->out.va + 4, 4);
	card_run(&o->card, o->queue, &o->s);
	EXPECT_EQ(found[0], word(i, 0));
	EXPECT_EQ(found[1], word(i, SIZE / 4 - 1));
	for (n = 0; n < SIZE / 4 && words[n] == word(i, n); n++)
		;
	EXPECT_EQ(n, SIZE / 4);
}

static uint32_t advise(struct card *card, const struct buffer *buf, uint32_t advice)
{
	struct drm_ogpu_bo_madvise args = { .handle = buf->handle, .advice = advice };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_MADVISE, &args), 0);

	return args.retained;
}

/* Has the kernel ask everybody for memory until the card's has shrunk to this. */
static bool shrinks_to(struct card *card, uint64_t most)
{
	uint64_t limit = time_limit(30000);
	FILE *f;

	while (fdinfo_get(card, RESIDENT) > most) {
		if (time_ms() > limit)
			return false;
		f = fopen("/proc/sys/vm/drop_caches", "w");
		ASSERT(f);
		ASSERT(fputs("2", f) >= 0);
		ASSERT_EQ(fclose(f), 0);
		usleep(10000);
	}

	return true;
}

static void swap_begin(void)
{
	if (!admin_run("modprobe zram num_devices=1 2>/dev/null; "
		       "echo 256M > /sys/block/zram0/disksize && mkswap " ZRAM " >/dev/null"))
		SKIP("no block device in memory");
	if (swapon(ZRAM, 0))
		SKIP("the kernel has no swap space: %s", strerror(errno));
}

static void swap_end(void)
{
	EXPECT_EQ(swapoff(ZRAM), 0);
	EXPECT(admin_run("echo 1 > /sys/block/zram0/reset"));
}

/* Without swap space only what is not needed can be given back. */
TEST(purged)
{
	struct drm_ogpu_query_memory before;
	struct owner o;
	uint64_t all;
	unsigned int i;

	owner_open(&o);
	before = card_memory(&o.card);
	all = fdinfo_get(&o.card, RESIDENT);
	EXPECT_EQ(advise(&o.card, &o.bufs[1], DRM_OGPU_MADV_DONTNEED), 1);
	EXPECT_EQ(advise(&o.card, &o.bufs[4], DRM_OGPU_MADV_DONTNEED), 1);
	EXPECT_EQ(fdinfo_get(&o.card, PURGEABLE), 2 * SIZE);
	EXPECT(shrinks_to(&o.card, all - 2 * SIZE));
	EXPECT_EQ(fdinfo_get(&o.card, RESIDENT), all - 2 * SIZE);
	EXPECT_EQ(fdinfo_get(&o.card, PURGEABLE), 0);
	EXPECT_EQ(card_memory(&o.card).system_used, before.system_used - 2 * SIZE);

	/* What was not given up is untouched; what was is fresh memory. */
	EXPECT_EQ(advise(&o.card, &o.bufs[1], DRM_OGPU_MADV_WILLNEED), 0);
	EXPECT_EQ(advise(&o.card, &o.bufs[4], DRM_OGPU_MADV_WILLNEED), 0);
	for (i = 0; i < COUNT; i++) {
		if (i != 1 && i != 4)
			owner_check(&o, i);
	}
	for (i = 1; i <= 4; i += 3) {
		stream_reset(&o.s);
		stream_copy(&o.s, o.bufs[i].va + SIZE - 4, o.out.va, 4);
		card_run(&o.card, o.queue, &o.s);
		EXPECT_EQ(*(uint32_t *)o.out.map, 0);
		EXPECT_EQ(((uint32_t *)o.bufs[i].map)[7], 0);
	}
	EXPECT_EQ(card_memory(&o.card).system_used, before.system_used);
	EXPECT_EQ(fdinfo_get(&o.card, RESIDENT), all);
}

/* What jobs use stays. */
TEST(busy_stays)
{
	uint32_t *gate;
	uint32_t done;
	struct owner o;
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };

	owner_open(&o);
	gate = o.out.map;
	done = card_syncobj(&o.card);
	sync.handle = done;
	stream_reset(&o.s);
	stream_wait(&o.s, o.out.va + 64, DRM_OGPU_COMPARE_EQ, 1, ~0ull);
	ASSERT_EQ(card_submit(&o.card, o.queue, &o.s, &sync, 1), 0);
	EXPECT_EQ(advise(&o.card, &o.bufs[0], DRM_OGPU_MADV_DONTNEED), 1);
	ASSERT(admin_run("echo 2 > /proc/sys/vm/drop_caches; echo 2 > /proc/sys/vm/drop_caches"));
	EXPECT_EQ(advise(&o.card, &o.bufs[0], DRM_OGPU_MADV_WILLNEED), 1);
	gate[16] = 1;
	ASSERT_EQ(card_syncobj_wait(&o.card, done, 10000), 0);
	owner_check(&o, 0);
}

/* Idle buffers go to swap space, and come back right. */
TEST_TIMEOUT(swapped, 120)
{
	struct drm_ogpu_query_memory before;
	struct owner o;
	unsigned int i;

	swap_begin();
	owner_open(&o);
	before = card_memory(&o.card);
	EXPECT(shrinks_to(&o.card, SIZE));
	/* They still count: they come back. */
	EXPECT_EQ(card_memory(&o.card).system_used, before.system_used);
	for (i = 0; i < COUNT; i++)
		owner_check(&o, i);
	card_close(&o.card);
	swap_end();
}

/* One that another device knows of stays, and does not keep the others from going. */
TEST_TIMEOUT(shared_stays, 120)
{
	int shared, importer;
	struct owner o;
	unsigned int i;

	swap_begin();
	owner_open(&o);
	ASSERT_EQ(drmPrimeHandleToFD(o.card.fd, o.bufs[0].handle, DRM_CLOEXEC, &shared), 0);
	importer = partner_vgem_import(shared);
	ASSERT_GE(importer, 0);
	EXPECT(shrinks_to(&o.card, 2 * SIZE));
	EXPECT_GE(fdinfo_get(&o.card, RESIDENT), SIZE);
	for (i = 0; i < COUNT; i++)
		owner_check(&o, i);
	close(importer);
	close(shared);
	card_close(&o.card);
	swap_end();
}

/* A program that takes all there is gets it, and the buffers of another one make way. */
TEST_TIMEOUT(pressure, 240)
{
	struct sysinfo info;
	struct owner o;
	uint64_t all, size;
	unsigned int i;
	int status;
	pid_t pid;

	swap_begin();
	owner_open(&o);
	all = fdinfo_get(&o.card, RESIDENT);
	ASSERT_EQ(sysinfo(&info), 0);
	size = info.freeram * info.mem_unit + SIZE;
	fflush(stdout);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
		uint64_t n;

		if (mem == MAP_FAILED)
			_exit(2);
		for (n = 0; n < size; n += 4096)
			mem[n] = 1;
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_LE(fdinfo_get(&o.card, RESIDENT), all - SIZE);
	for (i = 0; i < COUNT; i++)
		owner_check(&o, i);
	card_close(&o.card);
	swap_end();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
