// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the program in an address space of a card that is taken away, reset, or does not answer
 * any more: nobody who changes the memory waits for ever, and the memory is as it should be.
 *
 * VM-ALONE: --cards 2
 */
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define VA	0x200000000000ull
#define SIZE	(4ull << 20)
#define LIMIT_MS	60000
#define GATE_MS	3600000

struct setup {
	struct admin admin;
	struct card card;
	struct stream s;
	struct buffer page;
	uint32_t queue;
	uint32_t done;
	uint32_t *mem;
};

/* A job that uses the memory and does not end. */
static void set_up(struct setup *t, int number)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP_USERPTR,
		.flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE,
		.va = VA,
		.size = SIZE,
	};
	struct drm_ogpu_vm_bind args = { .ops = CARD_ARRAY(&op, 1) };
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };

	memset(t, 0, sizeof(*t));
	if (!admin_init(&t->admin, number) || !admin_has_control(&t->admin))
		SKIP("no virtual GPU %d with a control socket", number);
	card_open_number(&t->card, number);
	if (!(t->card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&t->card, &t->s, 4096);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	t->done = card_syncobj(&t->card);

	t->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(t->mem != MAP_FAILED);
	op.userptr = (uintptr_t)t->mem;
	args.vm_id = t->card.vm;
	ASSERT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_BIND, &args), 0);
	stream_fill(&t->s, VA, SIZE, 0x5eed);
	stream_fence(&t->s, t->page.va + 8, 1);
	stream_wait(&t->s, t->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_fill(&t->s, VA, SIZE, 0xbad);
	out.handle = t->done;
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->s, &out, 1), 0);
	while (!((volatile uint64_t *)t->page.map)[1])
		sleep_ms(1);
}

/* All that was written is there, and nothing that was not. */
static void expect_memory(struct setup *t, uint64_t from)
{
	uint64_t i, bad = 0;

	for (i = from / 4; i < SIZE / 4; i++)
		bad += t->mem[i] != 0x5eed;
	EXPECT_EQ(bad, 0);
}

static void change_all(struct setup *t)
{
	uint64_t start = time_ms();
	pid_t pid = fork();

	if (!pid) {
		expect_memory(t, 0);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(madvise(t->mem, SIZE / 4, MADV_DONTNEED), 0);
	expect_memory(t, SIZE / 4);
	EXPECT_EQ(munmap(t->mem, SIZE), 0);
	EXPECT_LE(time_ms() - start, LIMIT_MS * time_scale());
}

TEST_TIMEOUT(reset, 120)
{
	struct setup t;

	set_up(&t, 0);
	ASSERT(admin_control(&t.admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	change_all(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, LIMIT_MS), 0);
	EXPECT(admin_wait(&t.admin, "state", "running"));
	card_close(&t.card);
	EXPECT(client_works());
}

/* It answers, but does not say that it has forgotten: then it is stopped, which is waited for. */
TEST_TIMEOUT(no_invalidation, 120)
{
	struct setup t;

	set_up(&t, 0);
	ASSERT(admin_control(&t.admin, "{\"cmd\":\"inject\",\"fault\":\"tlbi\"}"));
	change_all(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, LIMIT_MS), 0);
	EXPECT_EQ(card_fence_status(&t.card, t.done), -ENODEV);
	EXPECT(admin_wait(&t.admin, "state", "running"));
	card_close(&t.card);
	EXPECT(client_works());
}

/* The card cannot say that it has forgotten the memory: it is waited until it stands still. */
TEST_TIMEOUT(no_answer, 120)
{
	struct setup t;

	set_up(&t, 1);
	ASSERT(admin_control(&t.admin, "{\"cmd\":\"inject\",\"fault\":\"gone\"}"));
	change_all(&t);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, LIMIT_MS), 0);
	EXPECT(admin_wait(&t.admin, "state", "gone"));
	/* What the card was not seen to end is kept until then. */
	ASSERT(admin_unbind(&t.admin));
}

/* The last one: the card gets another node. Nothing of it is left that keeps the driver. */
TEST_TIMEOUT(unbind, 120)
{
	struct setup t;
	uint64_t end;

	set_up(&t, 0);
	ASSERT(admin_unbind(&t.admin));
	expect_memory(&t, 0);
	change_all(&t);
	ASSERT_EQ(munmap(t.page.map, t.page.size), 0);
	ASSERT_EQ(munmap(t.s.buf.map, t.s.buf.size), 0);
	card_close(&t.card);
	end = time_limit(LIMIT_MS);
	while (!admin_run("rmmod ogpu 2>/dev/null") && time_ms() < end)
		sleep_ms(10);
	EXPECT_LE(time_ms(), end);
	EXPECT(admin_run("modprobe ogpu"));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
