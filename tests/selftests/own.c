// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the program itself in an address space of the card, and jobs that use it and wait.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "own.h"
#include "harness.h"

/* Users that a test comes as, until the machine was fast enough. */
#define ATTEMPTS	10

static void gate_keeper(struct own *t, pid_t parent)
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

void own_open_as(struct card *card, uid_t uid)
{
	card_let_all();
	ASSERT_EQ(seteuid(uid), 0);
	card_open(card);
	ASSERT_EQ(seteuid(0), 0);
	if (!(card->info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
}

void own_set_up_as(struct own *t, uid_t uid)
{
	pid_t parent = getpid();

	memset(t, 0, sizeof(*t));
	own_open_as(&t->card, uid);
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

void own_set_up(struct own *t)
{
	own_set_up_as(t, 100000 + getpid());
}

struct drm_ogpu_bind_op own_op(const void *mem, uint64_t va, uint64_t size, uint32_t flags)
{
	return (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_USERPTR,
		.flags = flags,
		.userptr = (uintptr_t)mem,
		.va = va,
		.size = size,
	};
}

int own_bind_op(struct card *card, struct drm_ogpu_bind_op op)
{
	struct drm_ogpu_vm_bind args = { .vm_id = card->vm, .ops = CARD_ARRAY(&op, 1) };

	return card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, &args);
}

int own_bind(struct own *t, const void *mem, uint64_t va, uint64_t size, uint32_t flags)
{
	return own_bind_op(&t->card, own_op(mem, va, size, flags));
}

void *own_anon(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(mem != MAP_FAILED);

	return mem;
}

int own_file(uint64_t size)
{
	int fd = memfd_create("userptr", MFD_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, size), 0);

	return fd;
}

uint32_t own_word(uint64_t index, uint32_t seed)
{
	return (uint32_t)(index * 2654435761u) ^ seed;
}

void own_fill(void *mem, uint64_t size, uint32_t seed)
{
	uint32_t *word = mem;
	uint64_t i;

	for (i = 0; i < size / 4; i++)
		word[i] = own_word(i, seed);
}

uint64_t own_wrong(const void *mem, uint64_t size, uint32_t seed)
{
	const volatile uint32_t *word = mem;
	uint64_t i, bad = 0;

	for (i = 0; i < size / 4; i++)
		bad += word[i] != own_word(i, seed);

	return bad;
}

uint64_t own_not_all(const void *mem, uint64_t size, uint32_t value)
{
	const volatile uint32_t *word = mem;
	uint64_t i, bad = 0;

	for (i = 0; i < size / 4; i++)
		bad += word[i] != value;

	return bad;
}

void own_copy_out(struct own *t, uint64_t va, uint64_t size)
{
	memset(t->out.map, 0xee, size);
	stream_reset(&t->s);
	stream_copy(&t->s, va, t->out.va, size);
	card_run(&t->card, t->queue, &t->s);
}

void own_fill_by_card(struct own *t, uint64_t va, uint64_t size, uint32_t pattern)
{
	stream_reset(&t->s);
	stream_fill(&t->s, va, size, pattern);
	card_run(&t->card, t->queue, &t->s);
}

void own_open_in(struct own *t, int where)
{
	t->request->late = 0;
	t->request->where = where;
}

void own_submit_gated(struct own *t, uint64_t va, uint64_t size, uint32_t pattern, int where)
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
	own_open_in(t, where);
}

bool own_was_waited(struct own *t)
{
	bool over = !card_syncobj_wait(&t->card, t->done, 0);

	*t->gate = 1;
	ASSERT_EQ(card_syncobj_wait(&t->card, t->done, WAIT_MS), 0);

	return over && card_fence_status(&t->card, t->done) == 1 && !t->request->late;
}

void own_until_waited(bool (*once)(struct own *t))
{
	struct own t;
	unsigned int i;

	for (i = 0; i < ATTEMPTS; i++) {
		own_set_up_as(&t, 200000 + 100 * getpid() + i);
		if (once(&t))
			break;
	}
	if (i)
		printf("# %u of %u were not waited for\n", i, ATTEMPTS);
	EXPECT_LE(i, ATTEMPTS - 1);
}

void own_expect_fault(struct own *t, uint64_t va)
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
