// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the program in an address space of the card, while the program and the kernel do to it
 * whatever they can: who changes it waits for jobs under way, and later jobs see what is there.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "user.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define PAGE	4096ull

#define VA	0x200000000000ull	/* far away from what card_buffer() uses */

/* Longer than the tests take: nothing but the test ends a job that waits. */
#define GATE_MS	3600000
#define WAIT_MS	10000

#define READ	DRM_OGPU_BIND_READ
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* What another process opens the gate after: this one must not need its own memory to do it. */
struct request {
	volatile uint32_t where;	/* system call that this process sleeps in */
	volatile uint32_t late;		/* it did not */
};

struct setup {
	struct card card;
	uint32_t queue;
	struct stream s;
	struct buffer out;
	struct buffer page;
	volatile uint64_t *gate;
	struct request *request;
	uint32_t done;
};

static void gate_keeper(struct setup *t, pid_t parent)
{
	uint64_t end;

	for (;;) {
		while (!t->request->where)
			sleep_ms(1);
		end = time_limit(WAIT_MS);
		while (!is_asleep(parent, t->request->where) && time_ms() < end)
			sleep_ms(1);
		t->request->late = time_ms() >= end;
		t->request->where = 0;
		*t->gate = 1;
	}
}

/* As this user: each has his own accounts of how long others wait for his jobs. */
static void set_up_as(struct setup *t, uid_t uid)
{
	pid_t parent = getpid();

	memset(t, 0, sizeof(*t));
	ASSERT_EQ(chmod("/dev/dri/renderD128", 0666), 0);
	ASSERT_EQ(seteuid(uid), 0);
	card_open(&t->card);
	ASSERT_EQ(seteuid(0), 0);
	if (!(t->card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	card_stream(&t->card, &t->s, 64 * KIB);
	card_buffer(&t->card, &t->out, 4 * MIB, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&t->card, &t->page, PAGE, DRM_OGPU_BO_SYSTEM, RW);
	memset(t->out.map, 0, t->out.size);
	t->gate = t->page.map;
	*t->gate = 0;
	t->done = card_syncobj(&t->card);

	t->request = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(t->request != MAP_FAILED);
	t->request->where = 0;
	if (!fork()) {
		alarm(0);
		/* Ends with the test, which may have ended already. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			gate_keeper(t, parent);
		_exit(0);
	}
}

static void set_up(struct setup *t)
{
	set_up_as(t, 100000 + getpid());
}

static struct drm_ogpu_bind_op user_op(const void *mem, uint64_t va, uint64_t size, uint32_t flags)
{
	return (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_USERPTR,
		.flags = flags,
		.userptr = (uintptr_t)mem,
		.va = va,
		.size = size,
	};
}

static int bind_op(struct card *card, struct drm_ogpu_bind_op op)
{
	struct drm_ogpu_vm_bind args = { .vm_id = card->vm, .ops = CARD_ARRAY(&op, 1) };

	return card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, &args);
}

static int bind_user(struct setup *t, const void *mem, uint64_t va, uint64_t size, uint32_t flags)
{
	return bind_op(&t->card, user_op(mem, va, size, flags));
}

static void *anon(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(mem != MAP_FAILED);

	return mem;
}

static int make_file(uint64_t size)
{
	int fd = memfd_create("userptr", MFD_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, size), 0);

	return fd;
}

/* Each byte of each page differs from its neighbours and from other seeds. */
static uint32_t word_at(uint64_t index, uint32_t seed)
{
	return (uint32_t)(index * 2654435761u) ^ seed;
}

static void fill(void *mem, uint64_t size, uint32_t seed)
{
	uint32_t *word = mem;
	uint64_t i;

	for (i = 0; i < size / 4; i++)
		word[i] = word_at(i, seed);
}

/* How many words are wrong. */
static uint64_t wrong(const void *mem, uint64_t size, uint32_t seed)
{
	const volatile uint32_t *word = mem;
	uint64_t i, bad = 0;

	for (i = 0; i < size / 4; i++)
		bad += word[i] != word_at(i, seed);

	return bad;
}

static uint64_t not_all(const void *mem, uint64_t size, uint32_t value)
{
	const volatile uint32_t *word = mem;
	uint64_t i, bad = 0;

	for (i = 0; i < size / 4; i++)
		bad += word[i] != value;

	return bad;
}

static void copy_out(struct setup *t, uint64_t va, uint64_t size)
{
	memset(t->out.map, 0xee, size);
	stream_reset(&t->s);
	stream_copy(&t->s, va, t->out.va, size);
	card_run(&t->card, t->queue, &t->s);
}

static void fill_by_card(struct setup *t, uint64_t va, uint64_t size, uint32_t pattern)
{
	stream_reset(&t->s);
	stream_fill(&t->s, va, size, pattern);
	card_run(&t->card, t->queue, &t->s);
}

/*
 * Submits a job that, once the gate is open, copies from @va to the buffer and writes @pattern to
 * @va, unless that is zero. The gate opens when this process sleeps in the system call @where.
 */
static void submit_gated(struct setup *t, uint64_t va, uint64_t size, uint32_t pattern, int where)
{
	struct drm_ogpu_sync sync = { .handle = t->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	memset(t->out.map, 0xee, size);
	*t->gate = 0;
	stream_reset(&t->s);
	stream_wait(&t->s, t->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_copy(&t->s, va, t->out.va, size);
	if (pattern)
		stream_fill(&t->s, va, size, pattern);
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->s, &sync, 1), 0);
	t->request->late = 0;
	t->request->where = where;
}

/* The job is over, went well, and the call has waited for it. */
static void expect_waited(struct setup *t)
{
	EXPECT_EQ(card_syncobj_wait(&t->card, t->done, 0), 0);
	EXPECT_EQ(card_fence_status(&t->card, t->done), 1);
	EXPECT_EQ(t->request->late, 0);
}

#define ATTEMPTS	10

/* The job is over, went well, and the call has waited for it; or it had no time for that. */
static bool was_waited(struct setup *t)
{
	bool over = !card_syncobj_wait(&t->card, t->done, 0);

	*t->gate = 1;
	ASSERT_EQ(card_syncobj_wait(&t->card, t->done, WAIT_MS), 0);

	return over && card_fence_status(&t->card, t->done) == 1 && !t->request->late;
}

/*
 * What may hold up others waits for a short time only, in which the job has to end: again as
 * somebody else if it was too short, as it may be on a machine that is busy.
 */
static void until_waited(bool (*once)(struct setup *t))
{
	struct setup t;
	unsigned int i;

	for (i = 0; i < ATTEMPTS; i++) {
		set_up_as(&t, 200000 + 100 * getpid() + i);
		if (once(&t))
			break;
	}
	EXPECT_LE(i, ATTEMPTS - 1);
}

/* A job that reads @va faults, and costs nothing but its queue. */
static void expect_fault(struct setup *t, uint64_t va)
{
	struct drm_ogpu_sync sync = { .handle = t->done, .flags = DRM_OGPU_SYNC_SIGNAL };

	stream_reset(&t->s);
	stream_copy(&t->s, va, t->out.va, 4);
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->s, &sync, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&t->card, t->done, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t->card, t->done), -EIO);
	EXPECT_EQ(card_queue_destroy(&t->card, t->queue), 0);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COPY, GATE_MS);
}

/* The card reads what the CPU wrote, and the other way round, at any address in it. */
TEST(both_ways)
{
	struct setup t;
	uint8_t *mem;

	set_up(&t);
	mem = anon(3 * MIB);
	fill(mem, 3 * MIB, 1);
	ASSERT_EQ(bind_user(&t, mem, VA, 3 * MIB, RW), 0);

	copy_out(&t, VA, 3 * MIB);
	EXPECT_EQ(wrong(t.out.map, 3 * MIB, 1), 0);
	/* No new mapping of it: the next job sees what is written now. */
	fill(mem, 3 * MIB, 2);
	copy_out(&t, VA, 3 * MIB);
	EXPECT_EQ(wrong(t.out.map, 3 * MIB, 2), 0);

	fill_by_card(&t, VA + 12 * KIB, 8 * KIB, 0x600d711e);
	EXPECT_EQ(not_all(mem + 12 * KIB, 8 * KIB, 0x600d711e), 0);
	EXPECT_EQ(wrong(mem, 12 * KIB, 2), 0);
	EXPECT_EQ(((uint32_t *)mem)[5 * KIB], word_at(5 * KIB, 2));

	ASSERT_EQ(card_unbind(&t.card, VA, 3 * MIB), 0);
	expect_fault(&t, VA);
}

/* Memory that was never touched is there for the card, to read and to write. */
TEST(untouched)
{
	struct setup t;
	uint8_t *mem;

	set_up(&t);
	mem = anon(MIB);
	ASSERT_EQ(bind_user(&t, mem, VA, MIB, RW), 0);
	copy_out(&t, VA, MIB);
	EXPECT_EQ(not_all(t.out.map, MIB, 0), 0);
	fill_by_card(&t, VA, MIB, 7);
	EXPECT_EQ(not_all(mem, MIB, 7), 0);
}

TEST(munmap_in_mid_job)
{
	struct setup t;
	void *mem;

	set_up(&t);
	mem = anon(256 * KIB);
	fill(mem, 256 * KIB, 3);
	ASSERT_EQ(bind_user(&t, mem, VA, 256 * KIB, RW), 0);
	submit_gated(&t, VA, 256 * KIB, 9, SYS_munmap);
	ASSERT_EQ(munmap(mem, 256 * KIB), 0);
	expect_waited(&t);
	EXPECT_EQ(wrong(t.out.map, 256 * KIB, 3), 0);

	/* It is gone: jobs that do not use it do not mind. */
	stream_reset(&t.s);
	stream_fill(&t.s, t.out.va, 4096, 5);
	card_run(&t.card, t.queue, &t.s);
	EXPECT_EQ(not_all(t.out.map, 4096, 5), 0);
	expect_fault(&t, VA);

	/* Other memory in its place is what jobs find there. */
	ASSERT(mmap(mem, 256 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == mem);
	fill(mem, 256 * KIB, 4);
	copy_out(&t, VA, 256 * KIB);
	EXPECT_EQ(wrong(t.out.map, 256 * KIB, 4), 0);
}

/* A hole in it takes all of it away, until the hole is filled. */
TEST(hole)
{
	struct setup t;
	uint8_t *mem;

	set_up(&t);
	mem = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
	copy_out(&t, VA, 64 * KIB);
	ASSERT_EQ(munmap(mem + 32 * KIB, 4 * KIB), 0);
	expect_fault(&t, VA);
	expect_fault(&t, VA + 32 * KIB);

	/* Where it is not mapped any more it does not matter. */
	ASSERT_EQ(card_unbind(&t.card, VA + 32 * KIB, 4 * KIB), 0);
	copy_out(&t, VA, 32 * KIB);
	EXPECT_EQ(wrong(t.out.map, 32 * KIB, 3), 0);
	copy_out(&t, VA + 36 * KIB, 28 * KIB);
	EXPECT_EQ(*(uint32_t *)t.out.map, word_at(9 * KIB, 3));
	expect_fault(&t, VA + 32 * KIB);
}

TEST(mprotect_in_mid_job)
{
	struct setup t;
	void *mem;

	set_up(&t);
	mem = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(&t, VA, 64 * KIB, 9, SYS_mprotect);
	ASSERT_EQ(mprotect(mem, 64 * KIB, PROT_READ), 0);
	expect_waited(&t);
	EXPECT_EQ(wrong(t.out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(not_all(mem, 64 * KIB, 9), 0);

	/* What the program may not write the card may not. */
	expect_fault(&t, VA);
	ASSERT_EQ(bind_user(&t, mem, VA + MIB, 64 * KIB, RW), -EACCES);
	ASSERT_EQ(bind_user(&t, mem, VA + MIB, 64 * KIB, READ), 0);
	copy_out(&t, VA + MIB, 64 * KIB);
	EXPECT_EQ(not_all(t.out.map, 64 * KIB, 9), 0);

	ASSERT_EQ(mprotect(mem, 64 * KIB, PROT_READ | PROT_WRITE), 0);
	fill_by_card(&t, VA, 64 * KIB, 10);
	EXPECT_EQ(not_all(mem, 64 * KIB, 10), 0);
}

TEST(mremap_in_mid_job)
{
	struct setup t;
	void *mem, *to;

	set_up(&t);
	mem = anon(64 * KIB);
	to = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
	ASSERT_EQ(bind_user(&t, to, VA + MIB, 64 * KIB, RW), 0);
	submit_gated(&t, VA, 64 * KIB, 9, SYS_mremap);
	ASSERT(mremap(mem, 64 * KIB, 64 * KIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	expect_waited(&t);
	EXPECT_EQ(wrong(t.out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(not_all(to, 64 * KIB, 9), 0);

	/* A mapping is of addresses: what is where it is told to be. */
	copy_out(&t, VA + MIB, 64 * KIB);
	EXPECT_EQ(not_all(t.out.map, 64 * KIB, 9), 0);
	expect_fault(&t, VA);
}

static bool dontneed_once(struct setup *t)
{
	void *mem;

	mem = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(bind_user(t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(t, VA, 64 * KIB, 9, SYS_madvise);
	ASSERT_EQ(madvise(mem, 64 * KIB, MADV_DONTNEED), 0);
	if (!was_waited(t))
		return false;
	EXPECT_EQ(wrong(t->out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(not_all(mem, 64 * KIB, 0), 0);
	copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(not_all(t->out.map, 64 * KIB, 0), 0);

	return true;
}

TEST(dontneed_in_mid_job)
{
	until_waited(dontneed_once);
}

/* Of parent and child each has its own memory, and the card writes to the parent's. */
static bool fork_once(struct setup *t)
{
	int status, ready[2];
	char byte = 0;
	void *mem;
	pid_t pid;

	mem = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(bind_user(t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(t, VA, 64 * KIB, 9, SYS_clone);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		/* What the job wrote before is here, what jobs write from now on is not. */
		if (read(ready[0], &byte, 1) != 1)
			_exit(2);
		_exit(not_all(mem, 64 * KIB, 9) ? 1 : 0);
	}
	if (!was_waited(t))
		return false;
	EXPECT_EQ(wrong(t->out.map, 64 * KIB, 3), 0);
	fill_by_card(t, VA, 64 * KIB, 11);
	EXPECT_EQ(not_all(mem, 64 * KIB, 11), 0);
	ASSERT_EQ(write(ready[1], &byte, 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(not_all(t->out.map, 64 * KIB, 11), 0);

	return true;
}

TEST(fork_in_mid_job)
{
	until_waited(fork_once);
}

/* Small pages become a large one, and small ones again. */
static bool collapse_once(struct setup *t)
{
	uint8_t *mem;
	int fd;

	/* The kernel does not do it of itself. */
	fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY);
	if (fd < 0 || write(fd, "madvise", 7) != 7)
		SKIP("huge pages cannot be set up");
	close(fd);
	mem = anon(4 * MIB);
	mem = (uint8_t *)(((uintptr_t)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	fill(mem, 2 * MIB, 3);
	ASSERT_EQ(bind_user(t, mem, VA, 2 * MIB, RW), 0);
	submit_gated(t, VA, 2 * MIB, 9, SYS_madvise);
	if (madvise(mem, 2 * MIB, MADV_COLLAPSE))
		SKIP("no large page to be had: %s", strerror(errno));
	if (!was_waited(t))
		return false;
	EXPECT_EQ(wrong(t->out.map, 2 * MIB, 3), 0);
	EXPECT_EQ(not_all(mem, 2 * MIB, 9), 0);

	fill(mem, 2 * MIB, 4);
	submit_gated(t, VA, 2 * MIB, 10, SYS_madvise);
	ASSERT_EQ(madvise(mem + MIB, 4 * KIB, MADV_DONTNEED), 0);
	if (!was_waited(t))
		return false;
	EXPECT_EQ(wrong(t->out.map, 2 * MIB, 4), 0);
	EXPECT_EQ(not_all(mem, MIB, 10), 0);
	EXPECT_EQ(not_all(mem + MIB, 4 * KIB, 0), 0);
	copy_out(t, VA, 2 * MIB);
	EXPECT_EQ(memcmp(t->out.map, mem, 2 * MIB), 0);
	fill_by_card(t, VA, 2 * MIB, 12);
	EXPECT_EQ(not_all(mem, 2 * MIB, 12), 0);

	return true;
}

TEST(collapse_in_mid_job)
{
	until_waited(collapse_once);
}

/* Put out and brought back, what the card wrote last is what is there. */
TEST(swap)
{
	struct setup t;
	uint8_t *mem;
	unsigned int i;

	admin_run("modprobe zram num_devices=1 2>/dev/null");
	if (!admin_run("echo 16M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null") ||
	    swapon("/dev/zram0", 0))
		SKIP("no swap space");
	set_up(&t);
	mem = anon(MIB);
	ASSERT_EQ(bind_user(&t, mem, VA, MIB, RW), 0);
	for (i = 1; i < 8; i++) {
		fill_by_card(&t, VA, MIB, i);
		ASSERT_EQ(madvise(mem, MIB, MADV_PAGEOUT), 0);
		copy_out(&t, VA, MIB);
		EXPECT_EQ(not_all(t.out.map, MIB, i), 0);
		ASSERT_EQ(madvise(mem, MIB, MADV_PAGEOUT), 0);
		EXPECT_EQ(not_all(mem, MIB, i), 0);
	}
	EXPECT_EQ(swapoff("/dev/zram0"), 0);
	EXPECT(admin_run("echo 1 >/sys/block/zram0/reset"));
}

/* Of a file: shared, what the card writes is in it; private, it is not. */
TEST(file)
{
	static uint8_t bytes[64 * KIB];
	struct setup t;
	void *shared, *priv;
	int fd;

	set_up(&t);
	fd = make_file(64 * KIB);
	fill(bytes, sizeof(bytes), 3);
	ASSERT_EQ(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	shared = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	priv = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(shared != MAP_FAILED && priv != MAP_FAILED);
	ASSERT_EQ(bind_user(&t, priv, VA, 64 * KIB, READ), 0);
	copy_out(&t, VA, 64 * KIB);
	EXPECT_EQ(wrong(t.out.map, 64 * KIB, 3), 0);
	ASSERT_EQ(bind_user(&t, priv, VA, 64 * KIB, RW), 0);
	ASSERT_EQ(bind_user(&t, shared, VA + MIB, 64 * KIB, RW), 0);

	fill_by_card(&t, VA, 4 * KIB, 7);
	EXPECT_EQ(not_all(priv, 4 * KIB, 7), 0);
	EXPECT_EQ(wrong(shared, 64 * KIB, 3), 0);
	fill_by_card(&t, VA + MIB + 4 * KIB, 4 * KIB, 8);
	ASSERT_EQ(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	EXPECT_EQ(not_all(bytes + 4 * KIB, 4 * KIB, 8), 0);
	EXPECT_EQ(wrong(bytes, 4 * KIB, 3), 0);

	/* The first write to a page of the file parts the private one from it. */
	ASSERT_EQ(bind_user(&t, priv, VA, 64 * KIB, READ), 0);
	copy_out(&t, VA, 64 * KIB);
	((volatile uint32_t *)priv)[15 * KIB] = 0x1234;
	copy_out(&t, VA, 64 * KIB);
	EXPECT_EQ(((uint32_t *)t.out.map)[15 * KIB], 0x1234);
}

static bool truncate_once(struct setup *t)
{
	void *mem;
	int fd;

	fd = make_file(64 * KIB);
	mem = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(mem != MAP_FAILED);
	fill(mem, 64 * KIB, 3);
	ASSERT_EQ(bind_user(t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(t, VA, 64 * KIB, 9, SYS_ftruncate);
	ASSERT_EQ(ftruncate(fd, 0), 0);
	if (!was_waited(t))
		return false;
	EXPECT_EQ(wrong(t->out.map, 64 * KIB, 3), 0);
	expect_fault(t, VA);
	ASSERT_EQ(ftruncate(fd, 64 * KIB), 0);
	copy_out(t, VA, 64 * KIB);
	EXPECT_EQ(not_all(t->out.map, 64 * KIB, 0), 0);

	return true;
}

TEST(truncate_in_mid_job)
{
	until_waited(truncate_once);
}

/* What is mapped for reading the card cannot write. */
TEST(read_only)
{
	struct drm_ogpu_sync sync;
	struct setup t;
	void *mem;

	set_up(&t);
	mem = anon(16 * KIB);
	fill(mem, 16 * KIB, 3);
	ASSERT_EQ(bind_user(&t, mem, VA, 16 * KIB, READ), 0);
	copy_out(&t, VA, 16 * KIB);
	EXPECT_EQ(wrong(t.out.map, 16 * KIB, 3), 0);
	stream_reset(&t.s);
	stream_fill(&t.s, VA, 16 * KIB, 1);
	sync = (struct drm_ogpu_sync) { .handle = t.done, .flags = DRM_OGPU_SYNC_SIGNAL };
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &sync, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&t.card, t.done, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, t.done), -EIO);
	EXPECT_EQ(wrong(mem, 16 * KIB, 3), 0);
}

/* Parts of it are replaced, and mapped elsewhere; the same memory at two addresses. */
TEST(parts)
{
	struct buffer buf;
	struct setup t;
	uint8_t *mem;

	set_up(&t);
	mem = anon(4 * MIB);
	mem = (uint8_t *)(((uintptr_t)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(mem, 2 * MIB, MADV_HUGEPAGE);
	fill(mem, 2 * MIB, 3);
	card_buffer(&t.card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	fill(buf.map, 64 * KIB, 5);
	ASSERT_EQ(bind_user(&t, mem, VA, 2 * MIB, RW), 0);
	ASSERT_EQ(bind_user(&t, mem, VA + 4 * MIB, 2 * MIB, READ), 0);
	copy_out(&t, VA, 2 * MIB);
	EXPECT_EQ(wrong(t.out.map, 2 * MIB, 3), 0);

	ASSERT_EQ(bind_op(&t.card, card_map_op(&buf, 0, VA + 64 * KIB, 64 * KIB)), 0);
	copy_out(&t, VA, 2 * MIB);
	EXPECT_EQ(wrong(t.out.map, 64 * KIB, 3), 0);
	EXPECT_EQ(wrong((uint8_t *)t.out.map + 64 * KIB, 64 * KIB, 5), 0);
	EXPECT_EQ(((uint32_t *)t.out.map)[32 * KIB], word_at(32 * KIB, 3));

	/* What changes takes the buffer in its midst from nobody. */
	ASSERT_EQ(madvise(mem, 2 * MIB, MADV_DONTNEED), 0);
	copy_out(&t, VA + 64 * KIB, 64 * KIB);
	EXPECT_EQ(wrong(t.out.map, 64 * KIB, 5), 0);
	fill_by_card(&t, VA + 128 * KIB, 64 * KIB, 6);
	copy_out(&t, VA + 4 * MIB, 2 * MIB);
	EXPECT_EQ(not_all(t.out.map, 128 * KIB, 0), 0);
	EXPECT_EQ(not_all((uint8_t *)t.out.map + 128 * KIB, 64 * KIB, 6), 0);
	EXPECT_EQ(wrong(buf.map, 64 * KIB, 5), 0);

	/* And the memory again, over the buffer. */
	ASSERT_EQ(bind_user(&t, mem, VA + 64 * KIB, 64 * KIB, RW), 0);
	fill_by_card(&t, VA + 64 * KIB, 64 * KIB, 8);
	EXPECT_EQ(not_all(mem, 64 * KIB, 8), 0);
	ASSERT_EQ(card_unbind(&t.card, VA, 8 * MIB), 0);
	expect_fault(&t, VA + 64 * KIB);
}

/* A call that waits for something, and jobs before and behind it. */
TEST(bind_later)
{
	struct drm_ogpu_sync in = {}, out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_bind_op op;
	struct drm_ogpu_vm_bind args;
	struct setup t;
	struct stream other;
	void *mem;

	set_up(&t);
	card_stream(&t.card, &other, PAGE);
	mem = anon(16 * KIB);
	fill(mem, 16 * KIB, 3);
	op = user_op(mem, VA, 16 * KIB, RW);
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
	EXPECT_EQ(wrong(t.out.map, 16 * KIB, 3), 0);
}

static uint64_t unmap_ms(void *mem, uint64_t size)
{
	uint64_t start = time_ms();

	ASSERT_EQ(munmap(mem, size), 0);

	return time_ms() - start;
}

/*
 * A job that does not end keeps its own program waiting for two seconds, once, however many pieces
 * it has mapped. It goes on, and faults where memory is gone, which costs its own queue alone.
 */
TEST(late_job)
{
	struct drm_ogpu_queue_get_state state;
	struct setup t;
	uint32_t other;
	uint64_t ms;
	uint8_t *mem;

	set_up(&t);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	mem = anon(16 * MIB);
	ASSERT_EQ(bind_user(&t, mem, VA + 12 * KIB, 16 * MIB, RW), 0);
	submit_gated(&t, VA + 12 * KIB, 64 * KIB, 9, 0);
	ms = unmap_ms(mem, 8 * MIB);
	EXPECT_GE(ms, 1900);
	EXPECT_LE(ms, 4000 * time_scale());
	ms = unmap_ms(mem + 8 * MIB, 8 * MIB);
	EXPECT_LE(ms, 1500 * time_scale());

	stream_reset(&t.s);
	stream_fill(&t.s, t.out.va, 4096, 5);
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, 0);
	*t.gate = 1;
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.fault_va, VA + 12 * KIB);
	card_run(&t.card, other, &t.s);
	EXPECT_EQ(not_all(t.out.map, 4096, 5), 0);
}

/* Another process that takes pages of a file, and tells how long each call took. */
struct taker {
	volatile uint32_t go;
	volatile uint64_t ms;
};

static struct taker *start_taker(int fd, uint64_t size)
{
	struct taker *taker = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				   -1, 0);
	pid_t parent = getpid();

	ASSERT(taker != MAP_FAILED);
	if (fork())
		return taker;

	alarm(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent) {
		uint64_t start;

		while (!taker->go)
			sleep_ms(1);
		start = time_ms();
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size))
			_exit(1);
		taker->ms = time_ms() - start;
		taker->go = 0;
	}
	_exit(0);
}

static uint64_t take(struct taker *taker)
{
	uint64_t end = time_limit(WAIT_MS);

	taker->go = 1;
	while (taker->go && time_ms() < end)
		sleep_ms(1);
	ASSERT_EQ(taker->go, 0);

	return taker->ms;
}

/* Strangers wait for jobs that do not end for a tenth of a second, all of them together. */
TEST_TIMEOUT(others_patience, 120)
{
	struct drm_ogpu_queue_get_state state;
	uint64_t first, ms, sum = 0, most = 0;
	struct taker *taker;
	struct setup t;
	unsigned int i;
	void *mem;
	int fd;

	fd = make_file(64 * KIB);
	taker = start_taker(fd, 64 * KIB);
	set_up(&t);
	mem = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(&t, VA, 64 * KIB, 9, 0);
	first = take(taker);
	EXPECT_GE(first, 80);
	for (i = 0; i < 20; i++) {
		/* It is there again for this one, which waits behind the other. */
		ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
		ms = take(taker);
		sum += ms;
		most = ms > most ? ms : most;
	}
	printf("# first %llu ms, 20 more %llu ms, longest %llu ms\n", (unsigned long long)first,
	       (unsigned long long)sum, (unsigned long long)most);
	/* Otherwise 100 ms each. */
	EXPECT_LE(sum, 1000 * time_scale());
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, 0);
	*t.gate = 1;
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);

	/* Who closes all and comes again finds his account as it was. */
	card_close(&t.card);
	set_up(&t);
	ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
	submit_gated(&t, VA, 64 * KIB, 9, 0);
	EXPECT_LE(take(taker), 80 * time_scale());
	*t.gate = 1;
}

TEST(bad_input)
{
	struct drm_ogpu_bind_op op;
	struct setup t;
	uint8_t *mem, *low;
	int fd;

	set_up(&t);
	mem = anon(64 * KIB);
	EXPECT_EQ(bind_user(&t, mem + 8, VA, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA + 8, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB + 8, RW), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA, 0, RW), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, 0, 4 * KIB, RW), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB, 0), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB, DRM_OGPU_BIND_WRITE), -EINVAL);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB, RW | 1u << 31), -EINVAL);
	op = user_op(mem, VA, 4 * KIB, RW);
	op.bo_handle = t.out.handle;
	EXPECT_EQ(bind_op(&t.card, op), -EINVAL);
	op = user_op(mem, VA, 4 * KIB, RW);
	op.pad = 1;
	EXPECT_EQ(bind_op(&t.card, op), -EINVAL);

	/* Nothing there, or not all of it. */
	EXPECT_EQ(bind_user(&t, NULL, VA, 4 * KIB, RW), -EFAULT);
	EXPECT_EQ(bind_user(&t, (void *)-4096l, VA, 4 * KIB, READ), -EFAULT);
	EXPECT_EQ(bind_user(&t, (void *)-4096l, VA, 8 * KIB, READ), -EFAULT);
	EXPECT_EQ(bind_user(&t, (void *)0xffff888000000000ul, VA, 4 * KIB, READ), -EFAULT);
	ASSERT_EQ(munmap(mem + 32 * KIB, 4 * KIB), 0);
	EXPECT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), -EFAULT);
	ASSERT_EQ(munmap(mem + 60 * KIB, 4 * KIB), 0);
	EXPECT_EQ(bind_user(&t, mem + 36 * KIB, VA, 28 * KIB, RW), -EFAULT);
	EXPECT_EQ(bind_user(&t, mem, VA, (1ull << 30) + PAGE, RW), -E2BIG);

	/* Memory of this card, and of devices in general. */
	EXPECT_EQ(bind_user(&t, t.out.map, VA, 4 * KIB, RW), -EFAULT);
	EXPECT_EQ(bind_user(&t, t.page.map, VA, 4 * KIB, READ), -EFAULT);

	/* Not readable; not writable; of a file that is open for reading. */
	ASSERT_EQ(mprotect(mem, 4 * KIB, PROT_NONE), 0);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB, READ), -EACCES);
	ASSERT_EQ(mprotect(mem, 4 * KIB, PROT_READ), 0);
	EXPECT_EQ(bind_user(&t, mem, VA, 4 * KIB, RW), -EACCES);
	fd = open("/proc/self/exe", O_RDONLY);
	ASSERT(fd >= 0);
	low = mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(low != MAP_FAILED);
	EXPECT_EQ(bind_user(&t, low, VA, 4 * KIB, RW), -EACCES);
	EXPECT_EQ(bind_user(&t, low, VA, 4 * KIB, READ), 0);
	copy_out(&t, VA, 4 * KIB);
	EXPECT_EQ(memcmp(t.out.map, "\177ELF", 4), 0);

	/* After all that nothing else is there. */
	expect_fault(&t, VA + 4 * KIB);
}

/* So many and no more, and none is left over. */
TEST(too_many)
{
	struct setup t;
	void *mem;
	int i, ret = 0;

	set_up(&t);
	mem = anon(4 * KIB);
	for (i = 0; i < 5000 && !ret; i++)
		ret = bind_user(&t, mem, VA + i * PAGE, 4 * KIB, RW);
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT_EQ(i, 513);
	fill_by_card(&t, VA + 100 * PAGE, 4 * KIB, 5);
	EXPECT_EQ(not_all(mem, 4 * KIB, 5), 0);
	ASSERT_EQ(madvise(mem, 4 * KIB, MADV_DONTNEED), 0);
	copy_out(&t, VA + 511 * PAGE, 4 * KIB);
	EXPECT_EQ(not_all(t.out.map, 4 * KIB, 0), 0);
	ASSERT_EQ(card_unbind(&t.card, VA, 5000 * PAGE), 0);
}

/* Killed in a call that waits for a job, and with a job under way: soon gone, all given back. */
TEST(kill_in_mid_job)
{
	struct drm_ogpu_query_memory before;
	struct card unused;
	int status, i;
	pid_t pid;

	card_open_unused(&unused);
	before = card_memory(&unused);
	for (i = 0; i < 4; i++) {
		uint64_t start;
		int ready[2];
		char byte;

		ASSERT_EQ(pipe(ready), 0);
		pid = fork();
		ASSERT(pid >= 0);
		if (!pid) {
			struct setup t;
			void *mem;

			set_up(&t);
			mem = anon(64 * KIB);
			ASSERT_EQ(bind_user(&t, mem, VA, 64 * KIB, RW), 0);
			submit_gated(&t, VA, 64 * KIB, 9, 0);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			if (i & 1)
				munmap(mem, 64 * KIB);
			for (;;)
				pause();
		}
		ASSERT_EQ(read(ready[0], &byte, 1), 1);
		wait_asleep(pid, i & 1 ? SYS_munmap : SYS_pause);
		start = time_ms();
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_LE(time_ms() - start, 1000 * time_scale());
		EXPECT(WIFSIGNALED(status));
		close(ready[0]);
		close(ready[1]);
	}
	EXPECT_EQ(card_wait_memory(&unused, &before), 0);
}

/* Memory that another thread changes all the time while jobs run: each byte is right. */
struct changer {
	uint8_t *mem;
	uint64_t size;
	volatile bool stop;
	unsigned int rounds;
};

static void *change(void *arg)
{
	struct changer *c = arg;

	while (!c->stop) {
		uint8_t *at = c->mem + c->rounds % 16 * (c->size / 16);

		switch (c->rounds % 4) {
		case 0:
			mprotect(at, 4 * KIB, PROT_READ);
			mprotect(at, 4 * KIB, PROT_READ | PROT_WRITE);
			break;
		case 1:
			madvise(at, c->size / 16, MADV_PAGEOUT);
			break;
		case 2:
			madvise(c->mem, c->size, MADV_COLLAPSE);
			break;
		default:
			madvise(at, c->size / 16, MADV_COLD);
			break;
		}
		c->rounds++;
	}

	return NULL;
}

/* Another thread whose jobs use the address space meanwhile, and the same memory. */
struct submitter {
	struct card *card;
	uint32_t queue;
	uint32_t done;
	struct stream s;
	struct buffer out;
	unsigned int jobs, good, wrong;
	volatile bool stop;
};

static void *submit_all_the_time(void *arg)
{
	struct submitter *m = arg;

	while (!m->stop) {
		struct drm_ogpu_sync sync = { .handle = m->done, .flags = DRM_OGPU_SYNC_SIGNAL };

		m->jobs++;
		stream_reset(&m->s);
		/* Zeros, which nobody writes to. */
		stream_copy(&m->s, VA + 2 * MIB, m->out.va, 16 * KIB);
		memset(m->out.map, 0xee, 16 * KIB);
		if (card_submit(m->card, m->queue, &m->s, &sync, 1) ||
		    card_syncobj_wait(m->card, m->done, WAIT_MS))
			break;
		if (card_fence_status(m->card, m->done) == 1) {
			m->good++;
			m->wrong += not_all(m->out.map, 16 * KIB, 0) != 0;
		} else {
			card_queue_destroy(m->card, m->queue);
			m->queue = card_queue(m->card, DRM_OGPU_ENGINE_COPY, GATE_MS);
		}
	}

	return NULL;
}

TEST_TIMEOUT(stress, 120)
{
	struct changer c = { .size = 2 * MIB };
	unsigned int i, good = 0;
	struct submitter m = {};
	pthread_t thread, other;
	struct setup t;
	uint64_t end;
	pid_t pid;

	set_up(&t);
	c.mem = anon(6 * MIB);
	c.mem = (uint8_t *)(((uintptr_t)c.mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(c.mem, 2 * MIB, MADV_HUGEPAGE);
	ASSERT_EQ(bind_user(&t, c.mem, VA, c.size + 16 * KIB, RW), 0);
	m.card = &t.card;
	m.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	m.done = card_syncobj(&t.card);
	card_stream(&t.card, &m.s, PAGE);
	card_buffer(&t.card, &m.out, 16 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(pthread_create(&thread, NULL, change, &c), 0);
	ASSERT_EQ(pthread_create(&other, NULL, submit_all_the_time, &m), 0);
	end = time_ms() + 5000 * time_scale();
	for (i = 1; time_ms() < end || good < 10; i++) {
		struct drm_ogpu_sync sync = { .handle = t.done, .flags = DRM_OGPU_SYNC_SIGNAL };

		stream_reset(&t.s);
		stream_fill(&t.s, VA, c.size, i);
		stream_copy(&t.s, VA, t.out.va, c.size);
		ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &sync, 1), 0);
		if (i % 8 == 0) {
			pid = fork();
			if (!pid)
				_exit(0);
			ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		}
		ASSERT_EQ(card_syncobj_wait(&t.card, t.done, WAIT_MS), 0);
		if (card_fence_status(&t.card, t.done) != 1) {
			/* A page could not be written just then, or nobody waited any more. */
			card_queue_destroy(&t.card, t.queue);
			t.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, GATE_MS);
			continue;
		}
		good++;
		EXPECT_EQ(not_all(t.out.map, c.size, i), 0);
		EXPECT_EQ(not_all(c.mem, c.size, i), 0);
	}
	c.stop = true;
	m.stop = true;
	pthread_join(thread, NULL);
	pthread_join(other, NULL);
	EXPECT_EQ(m.wrong, 0);
	EXPECT_GE(m.good, 10);
	printf("# %u of %u jobs, %u of %u beside them, %u changes\n", good, i - 1, m.good, m.jobs,
	       c.rounds);
}

/* A user-mode queue is suspended while its memory changes, in the midst of its work. */
TEST_TIMEOUT(user_queue, 120)
{
	struct card card;
	struct buffer out;
	struct user u;
	uint8_t *mem;
	unsigned int i;
	pid_t pid;

	card_open(&card);
	if (!(card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	user_vm(&card);
	card_buffer(&card, &out, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&card, &u, 65536);
	mem = anon(64 * KIB);
	fill(mem, 64 * KIB, 3);
	/* While it runs, and waits for us. */
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_copy(&u, VA, out.va, 64 * KIB);
	user_fence(&u);
	user_ring(&u);
	ASSERT_EQ(bind_op(&card, user_op(mem, VA, 64 * KIB, RW)), 0);
	fill(mem, 64 * KIB, 4);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, WAIT_MS), 0);
	EXPECT_EQ(wrong(out.map, 64 * KIB, 4), 0);

	for (i = 0; i < 20; i++) {
		u.word[1] = 0;
		user_wait_packet(&u, USER_WORD(&u) + 8, 1);
		user_copy(&u, VA, out.va, 64 * KIB);
		user_fill(&u, VA, 64 * KIB, i + 100);
		user_fence(&u);
		user_ring(&u);
		fill(mem, 64 * KIB, i + 10);
		switch (i % 4) {
		case 0:
			pid = fork();
			if (!pid)
				_exit(wrong(mem, 64 * KIB, i + 10) ? 1 : 0);
			u.word[1] = 1;
			ASSERT_EQ(waitpid(pid, NULL, 0), pid);
			break;
		case 1:
			ASSERT_EQ(madvise(mem, 64 * KIB, MADV_DONTNEED), 0);
			fill(mem, 64 * KIB, i + 10);
			break;
		case 2:
			ASSERT_EQ(munmap(mem, 64 * KIB), 0);
			ASSERT(mmap(mem, 64 * KIB, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem);
			fill(mem, 64 * KIB, i + 10);
			ASSERT_EQ(bind_op(&card, user_op(mem, VA, 64 * KIB, RW)), 0);
			break;
		default:
			madvise(mem, 64 * KIB, MADV_PAGEOUT);
			break;
		}
		u.word[1] = 1;
		ASSERT_EQ(user_wait(&u, WAIT_MS), 0);
		EXPECT_EQ(wrong(out.map, 64 * KIB, i + 10), 0);
		EXPECT_EQ(not_all(mem, 64 * KIB, i + 100), 0);
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
