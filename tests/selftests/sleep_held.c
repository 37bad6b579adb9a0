// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a program waits for when the machine is to sleep does not hold that up: it is frozen where
 * it is, and goes on waiting afterwards.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M' --append no_console_suspend \
 *     --qemu-args '-global pcie-root-port.hotplug=off'
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "nap.h"
#include "own.h"
#include "user.h"

#define SLOW_MS		60000
#define SIZE		(64 * KIB)
#define ROUNDS		3

/** struct mapper - a thread that calls VM_BIND */
struct mapper {
	struct card *card;
	struct buffer *buf;
	void *mem;
	volatile pid_t tid;
	volatile bool stop, done;
	volatile unsigned int calls;
	int ret;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;

	while (!m->stop && !m->ret) {
		m->ret = own_bind_op(m->card, own_op(m->mem, VA, SIZE, RW));
		if (!m->ret)
			m->ret = card_unbind(m->card, VA, SIZE);
		m->calls++;
	}

	return NULL;
}

/* In a space whose queue executes each mapping waits until the queue has seen it. */
TEST_TIMEOUT(mapping_own_memory, 240)
{
	struct mapper m = {};
	unsigned int i, calls;
	pthread_t thread;
	struct card card;
	struct user u;

	card_open(&card);
	if (!(card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	user_vm(&card);
	user_open(&card, &u, 4096);
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_ring(&u);
	m.card = &card;
	m.mem = own_anon(SIZE);
	ASSERT_EQ(pthread_create(&thread, NULL, map_and_unmap, &m), 0);

	for (i = 0; i < ROUNDS; i++) {
		uint64_t end = time_limit(SLOW_MS);

		calls = m.calls;
		while (m.calls < calls + 2 && !m.ret)
			ASSERT_LE(time_ms(), end);
		nap_once();
	}
	m.stop = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(m.ret, 0);

	own_fill(m.mem, SIZE, 1);
	ASSERT_EQ(own_bind_op(&card, own_op(m.mem, VA, SIZE, RW)), 0);
	user_fill(&u, VA, SIZE / 2, 7);
	user_fence(&u);
	user_ring(&u);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	EXPECT_EQ(own_not_all(m.mem, SIZE / 2, 7), 0);
	card_close(&card);
}

static unsigned int resident(void *mem)
{
	unsigned char pages[SIZE / PAGE];
	unsigned int i, count = 0;

	ASSERT_EQ(mincore(mem, SIZE, pages), 0);
	for (i = 0; i < SIZE / PAGE; i++)
		count += pages[i] & 1;

	return count;
}

/*
 * A program that writes an image of the machine opens this file before others are frozen. From then
 * on nothing is brought back, because that might read from swap space.
 */
TEST_TIMEOUT(brought_back_afterwards, 120)
{
	struct card card;
	struct user u;
	void *mem;
	int fd;

	card_open(&card);
	if (!(card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	user_vm(&card);
	user_open(&card, &u, 4096);
	mem = own_anon(SIZE);
	ASSERT_EQ(own_bind_op(&card, own_op(mem, VA, SIZE, RW)), 0);
	user_fill(&u, VA, SIZE, 5);
	user_fence(&u);
	user_ring(&u);
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	EXPECT_EQ(resident(mem), SIZE / PAGE);

	fd = open("/dev/snapshot", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("the kernel lets nobody write an image");
	ASSERT_EQ(madvise(mem, SIZE, MADV_DONTNEED), 0);
	user_fill(&u, VA, SIZE, 6);
	user_fence(&u);
	user_ring(&u);
	EXPECT_NE(user_wait(&u, 1000), 0);
	EXPECT_EQ(resident(mem), 0);
	/* Nobody waits for it, either. */
	EXPECT_EQ(own_bind_op(&card, own_op(mem, VA + SIZE, SIZE, RW)), 0);
	close(fd);
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	EXPECT_EQ(own_not_all(mem, SIZE, 6), 0);
	card_close(&card);
}

static void *map_once(void *arg)
{
	struct mapper *m = arg;

	m->tid = syscall(SYS_gettid);
	m->ret = card_bind(m->card, m->buf, VA, RW);
	m->done = true;

	return NULL;
}

/* Room for the buffer is there when a stranger's job is over, which is after the sleep. */
TEST_TIMEOUT(mapping_a_buffer, 120)
{
	struct drm_ogpu_bo_create create = { .size = 48 * MIB, .placement = DRM_OGPU_BO_VRAM };
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer hog, buf, word;
	struct mapper m = {};
	struct card card, other;
	struct stream stream;
	pthread_t thread;

	card_open(&other);
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	hog = (struct buffer) { .handle = create.handle, .size = create.size };
	ASSERT_EQ(card_bind(&other, &hog, VA, RW), 0);
	card_buffer(&other, &word, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_stream(&other, &stream, 4096);
	stream_fill(&stream, VA, 4096, 0);
	stream_wait(&stream, word.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	sync.handle = card_syncobj(&other);
	ASSERT_EQ(card_submit(&other, card_queue(&other, DRM_OGPU_ENGINE_COMPUTE, GATE_MS), &stream,
			      &sync, 1), 0);

	card_open(&card);
	create.size = 24 * MIB;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	buf = (struct buffer) { .handle = create.handle, .size = create.size };
	m.card = &card;
	m.buf = &buf;
	ASSERT_EQ(pthread_create(&thread, NULL, map_once, &m), 0);
	while (!m.tid)
		sleep_ms(1);
	wait_asleep(m.tid, SYS_ioctl);

	nap_once();
	EXPECT(!m.done);
	EXPECT_EQ(card_fence_status(&other, sync.handle), 0);
	*(volatile uint64_t *)word.map = 1;
	ASSERT_EQ(card_syncobj_wait(&other, sync.handle, SLOW_MS), 0);
	EXPECT_EQ(card_fence_status(&other, sync.handle), 1);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(m.ret, 0);
	card_close(&card);
	card_close(&other);
}

/** struct maker - a thread that makes a queue of user space */
struct maker {
	struct user u;
	volatile pid_t tid;
	int ret;
};

static void *make_queue(void *arg)
{
	struct maker *m = arg;

	m->tid = syscall(SYS_gettid);
	m->ret = user_create(&m->u);

	return NULL;
}

static uint64_t nap_ms(void)
{
	uint64_t began = time_ms();

	nap_once();

	return time_ms() - began;
}

static struct buffer vram_buffer(struct card *card, uint64_t size)
{
	struct drm_ogpu_bo_create create = { .size = size, .placement = DRM_OGPU_BO_VRAM };
	struct buffer buf;

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	buf = (struct buffer) { .handle = create.handle, .size = size };
	ASSERT_EQ(card_bind(card, &buf, VA, RW), 0);

	return buf;
}

/*
 * Room for the memory of a new user queue is taken by a buffer that is gone but for a job, which
 * goes on over the sleep. A worker waits for that, up to 10 s; the machine does not.
 */
TEST_TIMEOUT(waiting_for_room, 120)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_gem_close gem = {};
	struct buffer hog, word;
	struct card card, other;
	struct stream stream;
	struct maker m = {};
	uint64_t calm, took;
	pthread_t thread;

	card_open(&card);
	user_vm(&card);
	vram_buffer(&card, 24 * MIB);
	user_prepare(&card, &m.u, 4096);
	calm = nap_ms();

	card_open(&other);
	hog = vram_buffer(&other, 48 * MIB);
	card_buffer(&other, &word, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_stream(&other, &stream, 4096);
	stream_fill(&stream, VA, 4096, 0);
	stream_fence(&stream, word.va + 8, 1);
	stream_wait(&stream, word.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	sync.handle = card_syncobj(&other);
	ASSERT_EQ(card_submit(&other, card_queue(&other, DRM_OGPU_ENGINE_COMPUTE, GATE_MS), &stream,
			      &sync, 1), 0);
	while (!((volatile uint64_t *)word.map)[1])
		sleep_ms(1);
	ASSERT_EQ(card_unbind(&other, VA, hog.size), 0);
	gem.handle = hog.handle;
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_GEM_CLOSE, &gem), 0);

	ASSERT_EQ(pthread_create(&thread, NULL, make_queue, &m), 0);
	while (!m.tid)
		sleep_ms(1);
	wait_asleep(m.tid, SYS_ioctl);
	took = nap_ms();
	printf("# it took %llu ms, without %llu\n", (unsigned long long)took,
	       (unsigned long long)calm);
	EXPECT_LE(took, 2 * calm + 4000);
	EXPECT_EQ(card_fence_status(&other, sync.handle), 0);
	*(volatile uint64_t *)word.map = 1;
	ASSERT_EQ(card_syncobj_wait(&other, sync.handle, SLOW_MS), 0);
	EXPECT_EQ(card_fence_status(&other, sync.handle), 1);
	card_close(&other);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ASSERT_EQ(m.ret, 0);
	user_fill(&m.u, VA, MIB, 1);
	user_fence(&m.u);
	user_ring(&m.u);
	ASSERT_EQ(user_wait(&m.u, SLOW_MS), 0);
	card_close(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
