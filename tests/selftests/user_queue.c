// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues whose ring belongs to user space: work without a system call, and everything that a
 * hostile program may do with ring, pointers, doorbell and control page. A neighbour with jobs of
 * its own must not notice any of it.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "card.h"
#include "harness.h"
#include "user.h"

#define SLOW_MS	10000
#define EVER_MS	3600000	/* longer than the test */
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

static void set_up(struct card *card, struct user *u, uint32_t ring_bytes)
{
	card_open(card);
	user_vm(card);
	user_open(card, u, ring_bytes);
}

static bool works(struct user *u)
{
	user_fence(u);
	user_ring(u);

	return user_wait(u, SLOW_MS) == 0;
}

/** struct neighbour - another program, with jobs of the kernel's door */
struct neighbour {
	struct card card;
	struct buffer page;
	struct stream stream;
	uint32_t queue;
	uint64_t jobs;
};

static void neighbour_open(struct neighbour *n)
{
	card_open(&n->card);
	card_buffer(&n->card, &n->page, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_stream(&n->card, &n->stream, 4096);
	n->queue = card_queue(&n->card, DRM_OGPU_ENGINE_COMPUTE, 0);
	n->jobs = 0;
}

static void neighbour_works(struct neighbour *n)
{
	volatile uint64_t *word = n->page.map;

	stream_reset(&n->stream);
	stream_fence(&n->stream, n->page.va, ++n->jobs);
	card_run(&n->card, n->queue, &n->stream);
	EXPECT_EQ(*word, n->jobs);
}

/*
 * Creation
 */

TEST(create_bad_arguments)
{
	static const struct {
		uint64_t ring_va, ring_bytes, rptr_va, wptr_va;
	} bad[] = {
		{ 0x100000000, 2048, 0x200000000, 0x200000008 },
		{ 0x100000000, 4096 + 8, 0x200000000, 0x200000008 },
		{ 0x100000000, 12288, 0x200000000, 0x200000008 },
		{ 0x100000000, 2u << 20, 0x200000000, 0x200000008 },
		{ 0x100000000, 0, 0x200000000, 0x200000008 },
		{ 0x100000000, 1ull << 32, 0x200000000, 0x200000008 },
		{ 0x100000800, 4096, 0x200000000, 0x200000008 },
		{ 0, 4096, 0x200000000, 0x200000008 },
		{ 0xffffffff0000, 4096, 0x200000000, 0x200000008 },
		{ 0xfffffffff000, 8192, 0x200000000, 0x200000008 },
		{ 0x8000000100000000, 4096, 0x200000000, 0x200000008 },
		{ 0x100000000, 4096, 0x200000004, 0x200000008 },
		{ 0x100000000, 4096, 0x200000000, 0x200000001 },
		{ 0x100000000, 4096, 0, 0x200000008 },
		{ 0x100000000, 4096, 0x200000000, 0xfffffffffffffff8 },
		{ 0x100000000, 4096, 0x200000000, 0x1000000000000 },
	};
	struct drm_ogpu_queue_create args;
	uint32_t other_vm;
	struct card card;
	struct user u;
	unsigned int i;

	card_open(&card);
	other_vm = card.vm;
	user_vm(&card);
	user_prepare(&card, &u, 4096);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		args = u.args;
		args.ring_va = bad[i].ring_va;
		args.ring_bytes = bad[i].ring_bytes;
		args.rptr_va = bad[i].rptr_va;
		args.wptr_va = bad[i].wptr_va;
		if (card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args) != -EINVAL)
			HARNESS_FAIL("case %u", i);
	}

	args = u.args;
	args.timeout_ms = 1;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args), -EINVAL);
	/* Each kind in the address space of the other. */
	args = u.args;
	args.vm_id = other_vm;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args), -EINVAL);
	args = (struct drm_ogpu_queue_create) { .vm_id = card.vm };
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args), -EINVAL);
	/* A ring for a queue that has one of the kernel's. */
	args = u.args;
	args.vm_id = other_vm;
	args.flags = 0;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args), -EINVAL);
	EXPECT_EQ(user_create(&u), 0);
	EXPECT(works(&u));
}

TEST(vm_bad_flags)
{
	struct drm_ogpu_vm_create args;
	struct card card;
	int bit;

	card_open(&card);
	for (bit = 1; bit < 32; bit++) {
		args = (struct drm_ogpu_vm_create) { .flags = 1u << bit };
		EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &args), -EINVAL);
	}
}

TEST(no_submit)
{
	struct drm_ogpu_job job = {};
	struct card card;
	struct user u;

	set_up(&card, &u, 4096);
	EXPECT_EQ(card_submit_jobs(&card, u.args.queue_id, &job, 1), -EINVAL);
	EXPECT(works(&u));
}

/*
 * Work
 */

/* 24 does not divide 4096, so packets wrap in every way. */
TEST(ring_wraps)
{
	struct card card;
	struct user u;
	int i;

	set_up(&card, &u, 4096);
	for (i = 0; i < 5000; i++) {
		user_fence(&u);
		if (i % 7 == 0)
			user_nop(&u, 8 + i % 25 * 8);
		if (i % 3 == 0)
			user_ring(&u);
	}
	user_ring(&u);
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	EXPECT_EQ(*u.word, 5000);
}

/* What a write pointer in memory and the other doorbell say counts as well. */
TEST(plain_doorbell)
{
	struct card card;
	struct user u;

	set_up(&card, &u, 4096);
	user_fence(&u);
	__atomic_store_n(u.wptr, u.tail, __ATOMIC_RELEASE);
	*(volatile uint32_t *)u.doorbell = 1;
	EXPECT_EQ(user_wait(&u, SLOW_MS), 0);
}

TEST(waits_one_after_the_other)
{
	struct card card;
	struct user u;
	int i;

	set_up(&card, &u, 65536);
	for (i = 0; i < 200; i++)
		ASSERT(works(&u));
	EXPECT_EQ(*u.rptr, u.tail);
}

TEST(many_queues)
{
	static struct user u[40];
	struct card card;
	int i, round;

	card_open(&card);
	user_vm(&card);
	for (i = 0; i < 40; i++)
		user_open(&card, &u[i], 4096);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 40; i++) {
			user_fence(&u[i]);
			user_ring(&u[i]);
		}
		for (i = 0; i < 40; i++)
			ASSERT_EQ(user_wait(&u[i], SLOW_MS), 0);
	}
}

TEST(control_page)
{
	struct drm_ogpu_queue_create args = {};
	volatile struct drm_ogpu_queue_control *control;
	uint64_t end = time_limit(SLOW_MS);
	uint32_t other_vm, seq, state;
	struct card card;
	struct user u;

	card_open(&card);
	other_vm = card.vm;
	user_vm(&card);
	user_open(&card, &u, 4096);
	ASSERT(works(&u));
	EXPECT_GE(u.control->switches, 1);
	do {
		seq = __atomic_load_n(&u.control->seq, __ATOMIC_ACQUIRE);
		state = u.control->state;
	} while ((seq % 2 || state != DRM_OGPU_QUEUE_IDLE) && time_ms() < end);
	EXPECT_EQ(state, DRM_OGPU_QUEUE_IDLE);

	/* Of a queue of the other kind it is there, too, and the doorbell is not. */
	args.vm_id = other_vm;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args), 0);
	EXPECT_EQ(args.doorbell_offset, 0);
	control = mmap(NULL, 4096, PROT_READ, MAP_SHARED, card.fd, args.control_offset);
	ASSERT(control != MAP_FAILED);
	EXPECT_EQ(control->state, DRM_OGPU_QUEUE_IDLE);
	EXPECT(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, card.fd,
		    args.control_offset - 4096) == MAP_FAILED);
}

/*
 * Pages
 */

static int map_error(struct card *card, uint64_t offset, int prot, int flags, size_t bytes)
{
	void *at = mmap(NULL, bytes, prot, flags, card->fd, offset);

	return at == MAP_FAILED ? errno : 0;
}

TEST(pages_are_guarded)
{
	struct card card, stranger;
	struct user u;

	set_up(&card, &u, 4096);
	card_open(&stranger);

	EXPECT_EQ(map_error(&card, u.args.doorbell_offset, PROT_READ, MAP_SHARED, 4096), EACCES);
	EXPECT_EQ(map_error(&card, u.args.doorbell_offset, PROT_READ | PROT_WRITE, MAP_SHARED,
			    4096), EACCES);
	EXPECT_EQ(map_error(&card, u.args.doorbell_offset, PROT_WRITE, MAP_PRIVATE, 4096), EINVAL);
	EXPECT_EQ(map_error(&card, u.args.doorbell_offset, PROT_WRITE, MAP_SHARED, 8192), EINVAL);
	EXPECT_EQ(map_error(&card, u.args.control_offset, PROT_WRITE, MAP_SHARED, 4096), EACCES);
	EXPECT_EQ(map_error(&card, u.args.control_offset, PROT_READ | PROT_EXEC, MAP_SHARED,
			    4096), EACCES);
	EXPECT_EQ(map_error(&card, u.args.control_offset, PROT_READ, MAP_SHARED, 8192), EINVAL);
	EXPECT_EQ(map_error(&card, u.args.control_offset + (1u << 24), PROT_READ, MAP_SHARED,
			    4096), EINVAL);
	EXPECT_EQ(map_error(&card, 1ull << 62, PROT_READ, MAP_SHARED, 4096), EINVAL);
	EXPECT_EQ(map_error(&stranger, u.args.doorbell_offset, PROT_WRITE, MAP_SHARED, 4096),
		  EINVAL);
	EXPECT_EQ(map_error(&stranger, u.args.control_offset, PROT_READ, MAP_SHARED, 4096), EINVAL);

	/* Nothing more is to be had afterwards. */
	EXPECT_EQ(mprotect((void *)u.control, 4096, PROT_READ | PROT_WRITE), -1);
	EXPECT_EQ(mprotect((void *)u.doorbell, 4096, PROT_READ | PROT_WRITE), -1);
	EXPECT_EQ(user_touch(u.control, true), SIGSEGV);
	EXPECT_EQ(user_touch(u.control, false), 0);
	EXPECT(works(&u));
}

TEST(pages_after_destroy)
{
	struct card card;
	struct user u, next;

	set_up(&card, &u, 4096);
	ASSERT(works(&u));
	EXPECT_EQ(user_touch(u.doorbell, true), 0);
	EXPECT_EQ(user_touch(u.control, false), 0);
	user_destroy(&u);
	EXPECT_EQ(user_touch(u.doorbell, true), SIGBUS);
	EXPECT_EQ(user_touch(u.control, false), SIGBUS);
	EXPECT(map_error(&card, u.args.doorbell_offset, PROT_WRITE, MAP_SHARED, 4096));

	/* Also when another queue has the number. */
	user_open(&card, &next, 4096);
	ASSERT(works(&next));
	EXPECT_EQ(user_touch(u.doorbell, true), SIGBUS);
	EXPECT_EQ(user_touch(u.control, false), SIGBUS);
}

TEST(pages_not_inherited)
{
	struct card card;
	struct user u;
	int status;
	pid_t pid;

	set_up(&card, &u, 4096);
	ASSERT(works(&u));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(user_touch(u.doorbell, true) != SIGSEGV ||
		      user_touch(u.control, false) != SIGSEGV);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	EXPECT(works(&u));
}

/*
 * Hostile programs
 */

static uint32_t random_word(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;

	return *state ^ *state >> 16;
}

/* Rings full of anything: that queue has an error, nobody else. */
TEST(garbage)
{
	uint32_t seed = 1, *ring;
	struct neighbour n;
	struct card card;
	struct user u;
	unsigned int i, round;

	neighbour_open(&n);
	card_open(&card);
	user_vm(&card);
	for (round = 0; round < 30; round++) {
		user_open(&card, &u, 4096);
		ring = u.ring.map;
		for (i = 0; i < 1024; i++)
			ring[i] = random_word(&seed);
		/* Some begin well. */
		if (round % 2)
			ring[0] = DRM_OGPU_PKT(round / 2 % 15, 8 + round % 5 * 8);
		u.tail = 4096;
		user_ring(&u);
		EXPECT(user_error(&u));
		user_destroy(&u);
		neighbour_works(&n);
	}
}

/* The ring is written while hardware reads it. */
static void *scribble(void *arg)
{
	struct user *u = arg;
	volatile uint32_t *ring = u->ring.map;
	uint32_t seed = 7;

	while (!__atomic_load_n(&u->fence, __ATOMIC_RELAXED))
		ring[random_word(&seed) % 1024] = random_word(&seed);

	return NULL;
}

TEST(ring_changes_while_it_is_read)
{
	struct neighbour n;
	pthread_t thread;
	struct card card;
	struct user u;
	int round;

	neighbour_open(&n);
	card_open(&card);
	user_vm(&card);
	for (round = 0; round < 5; round++) {
		user_open(&card, &u, 4096);
		ASSERT_EQ(pthread_create(&thread, NULL, scribble, &u), 0);
		u.tail = 4096;
		user_ring(&u);
		EXPECT(user_error(&u));
		__atomic_store_n(&u.fence, 1, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		user_destroy(&u);
		neighbour_works(&n);
	}
}

/* Write pointers that make no sense, both ways, in memory and in the doorbell. */
TEST(moved_write_pointer)
{
	static const uint64_t moves[] = {
		-8ull, -4096ull, 4, 1, 4096 + 8, 1ull << 32, 1ull << 63, UINT64_MAX, INT64_MAX,
	};
	struct drm_ogpu_queue_get_state state;
	struct neighbour n;
	struct card card;
	struct user u;
	unsigned int i;

	neighbour_open(&n);
	card_open(&card);
	user_vm(&card);
	for (i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		user_open(&card, &u, 4096);
		ASSERT(works(&u));
		u.tail += moves[i];
		user_ring(&u);
		card_queue_wait_error(&card, u.args.queue_id, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_RING);
		EXPECT_EQ(user_wait_for(&card, u.args.queue_id, u.word, 1000, SLOW_MS),
			  -ECANCELED);
		user_destroy(&u);
		neighbour_works(&n);
	}
}

/* A doorbell alone, without memory that says the same, is worth nothing. */
TEST(lying_doorbell)
{
	struct neighbour n;
	struct card card;
	struct user u;
	unsigned int i;

	neighbour_open(&n);
	set_up(&card, &u, 4096);
	for (i = 0; i < 1000; i++)
		u.doorbell[1] = (uint64_t)i << (i % 60);
	neighbour_works(&n);
}

TEST(privileged_packets)
{
	uint32_t flags[] = { 1u << 8, 1u << 9 };
	struct neighbour n;
	struct card card;
	struct user u;
	unsigned int i;

	neighbour_open(&n);
	card_open(&card);
	user_vm(&card);
	for (i = 0; i < 2; i++) {
		struct drm_ogpu_pkt_fence packet = {
			.header = DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE, sizeof(packet)) | flags[i],
		};

		user_open(&card, &u, 4096);
		packet.addr = USER_WORD(&u);
		packet.value = 7;
		user_add(&u, &packet, sizeof(packet));
		user_ring(&u);
		EXPECT_EQ(user_error(&u), DRM_OGPU_QUEUE_ERR_PRIVILEGE);
		EXPECT_EQ(*u.word, 0);
		neighbour_works(&n);
	}
}

struct ringer {
	struct user *u;
	bool stop;
};

static void *ring_for_ever(void *arg)
{
	struct ringer *r = arg;
	uint64_t i = 0;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		*(volatile uint32_t *)r->u->doorbell = i;
		r->u->doorbell[1] = i += 8;
	}

	return NULL;
}

/* Doorbells rung for ever by four threads: others have their jobs done. */
TEST_TIMEOUT(doorbell_storm, 120)
{
	struct neighbour n;
	struct ringer r = {};
	pthread_t threads[4];
	struct card card;
	struct user u;
	int i;

	neighbour_open(&n);
	set_up(&card, &u, 4096);
	r.u = &u;
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, ring_for_ever, &r), 0);
	for (i = 0; i < 50; i++)
		neighbour_works(&n);
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	neighbour_works(&n);
}

/* Fences that signal for ever, and an eventfd that nobody reads. */
TEST(signal_storm)
{
	struct drm_ogpu_queue_eventfd args = { .events = DRM_OGPU_EVENT_SIGNAL };
	struct neighbour n;
	uint64_t end;
	struct card card;
	struct user u;

	neighbour_open(&n);
	set_up(&card, &u, 1 << 20);
	args.queue_id = u.args.queue_id;
	args.fd = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_EVENTFD, &args), 0);
	close(args.fd);
	end = time_ms() + 2000;
	while (time_ms() < end) {
		int i;

		for (i = 0; i < 10000; i++)
			user_fence(&u);
		user_ring(&u);
		neighbour_works(&n);
	}
	EXPECT_EQ(user_wait(&u, SLOW_MS), 0);
}

/* A queue that waits for ever, and one that is destroyed while it does. */
TEST(destroyed_at_work)
{
	struct neighbour n;
	struct card card;
	struct user u;
	int i;

	neighbour_open(&n);
	card_open(&card);
	user_vm(&card);
	for (i = 0; i < 10; i++) {
		user_open(&card, &u, 4096);
		user_fence(&u);
		user_wait_packet(&u, USER_WORD(&u), 12345);
		user_fence(&u);
		user_ring(&u);
		ASSERT_EQ(user_wait_for(&card, u.args.queue_id, u.word, 1, SLOW_MS), 0);
		user_destroy(&u);
		EXPECT_EQ(*u.word, 1);
		/* It stores nothing more. */
		*u.word = 12345;
		neighbour_works(&n);
		EXPECT_EQ(*u.word, 12345);
	}
}

struct waiter {
	struct user *u;
	pid_t tid;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);

	return (void *)(intptr_t)user_wait_for(w->u->card, w->u->args.queue_id, w->u->word, 1000,
					       EVER_MS);
}

/* Who waits for a queue is told of its end. */
TEST(destroyed_while_waited_for)
{
	struct waiter waiter = {};
	pthread_t thread;
	struct card card;
	struct user u;
	void *ret;

	set_up(&card, &u, 4096);
	waiter.u = &u;
	ASSERT_EQ(pthread_create(&thread, NULL, wait_in_thread, &waiter), 0);
	while (!__atomic_load_n(&waiter.tid, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	wait_asleep(waiter.tid, SYS_ioctl);
	user_destroy(&u);
	pthread_join(thread, &ret);
	EXPECT_EQ((intptr_t)ret, -ECANCELED);
}

/* The id of an address space goes; what runs in it goes on. */
TEST(address_space_destroyed)
{
	struct drm_ogpu_vm_destroy args;
	struct card card;
	struct user u;

	set_up(&card, &u, 4096);
	args = (struct drm_ogpu_vm_destroy) { .vm_id = card.vm };
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), 0);
	EXPECT(works(&u));
	user_destroy(&u);
}

/* Ring and pointers disappear under it. */
TEST(ring_unmapped)
{
	struct neighbour n;
	struct card card;
	struct user u;

	neighbour_open(&n);
	set_up(&card, &u, 4096);
	ASSERT(works(&u));
	ASSERT_EQ(card_unbind(&card, u.ring.va, 65536 > u.ring.size ? u.ring.size : 65536), 0);
	user_fence(&u);
	user_ring(&u);
	EXPECT_EQ(user_error(&u), DRM_OGPU_QUEUE_ERR_RING);
	neighbour_works(&n);

	user_open(&card, &u, 4096);
	ASSERT(works(&u));
	ASSERT_EQ(card_unbind(&card, u.words.va, u.words.size), 0);
	user_fence(&u);
	user_ring(&u);
	EXPECT(user_error(&u));
	neighbour_works(&n);
}

/* Memory that is mapped, used, unmapped and given back, again and again, under a running queue. */
TEST(buffers_come_and_go)
{
	struct buffer buf;
	struct card card;
	struct user u;
	int i;

	set_up(&card, &u, 4096);
	for (i = 0; i < 100; i++) {
		struct drm_gem_close args;

		card_buffer(&card, &buf, 65536, DRM_OGPU_BO_VRAM, RW);
		user_fill(&u, buf.va, buf.size, i);
		ASSERT(works(&u));
		EXPECT_EQ(((volatile uint32_t *)buf.map)[100], i);
		munmap(buf.map, buf.size);
		ASSERT_EQ(card_unbind(&card, buf.va, buf.size), 0);
		args = (struct drm_gem_close) { .handle = buf.handle };
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_GEM_CLOSE, &args), 0);
	}
}

/* A process is killed at work: what it had comes back, and the others go on. */
TEST(process_killed)
{
	struct drm_ogpu_query_memory before;
	struct card card, first;
	struct neighbour n;
	int status, pipes[2];
	char byte;
	pid_t pid;

	/* What earlier tests held is on its way back, and nothing else may be. */
	card_open_unused(&first);
	neighbour_open(&n);
	neighbour_works(&n);
	before = card_memory(&n.card);
	ASSERT_EQ(pipe(pipes), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct buffer big;
		struct user u;

		set_up(&card, &u, 4096);
		card_buffer(&card, &big, 4 << 20, DRM_OGPU_BO_VRAM, RW);
		user_fence(&u);
		user_wait_packet(&u, USER_WORD(&u), 12345);
		user_ring(&u);
		if (user_wait(&u, SLOW_MS) || write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(pipes[0], &byte, 1), 1);
	neighbour_works(&n);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	neighbour_works(&n);
	EXPECT_EQ(card_wait_memory(&n.card, &before), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
