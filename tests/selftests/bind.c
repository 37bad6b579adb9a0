// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND at its limits: many mappings, calls that touch very many of them, page tables that do not
 * fit into visible VRAM, ends at any moment, and what must not wait for what.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

#define VA	0x200000000000ull	/* far away from what card_buffer() uses */

/* Longer than the tests take: nothing but the test ends a job that waits. */
#define GATE_MS	3600000

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#define BIND(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, args)

#define MAX_OPS	DRM_OGPU_MAX_BIND_OPS

static struct drm_ogpu_bind_op ops[MAX_OPS];

static int bind_ops(struct card *card, uint32_t count)
{
	struct drm_ogpu_vm_bind args = { .vm_id = card->vm, .ops = CARD_ARRAY(ops, count) };

	return BIND(card, &args);
}

static void close_buffer(struct card *card, const struct buffer *buf)
{
	struct drm_gem_close args = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_GEM_CLOSE, &args), 0);
}

static uint32_t read_word(struct card *card, uint32_t queue, struct stream *s,
			  const struct buffer *out, uint64_t va)
{
	memset(out->map, 0xff, 4);
	stream_reset(s);
	stream_copy(s, va, out->va, 4);
	card_run(card, queue, s);

	return *(volatile uint32_t *)out->map;
}

/* One mapping in each of 4,096 GiB, of buffers that have locks of their own. */
static void map_scattered(struct card *card)
{
	struct buffer bufs[64];
	unsigned int i;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(card_buffer_create(card, &bufs[i], 64 * KIB, DRM_OGPU_BO_SYSTEM), 0);
	for (i = 0; i < MAX_OPS; i++)
		ops[i] = card_map_op(&bufs[i % 64], i / 64 % 16 * 4096, VA + i * GIB, 4096);
	ASSERT_EQ(bind_ops(card, MAX_OPS), 0);
}

/* A file is closed that has them all: everything comes back, and no lock is confused. */
TEST_TIMEOUT(close_scattered, 120)
{
	struct drm_ogpu_query_memory before;
	struct card unused;
	pid_t pid;

	card_open_unused(&unused);
	before = card_memory(&unused);

	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct card card;

		card_open(&card);
		map_scattered(&card);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(card_wait_memory(&unused, &before), 0);
}

/*
 * Page tables for 4,096 GiB are 32 MiB, more than there is visible VRAM: they are somewhere else,
 * work, and go back with the mappings.
 */
TEST_TIMEOUT(tables_anywhere, 120)
{
	struct drm_ogpu_query_memory before;
	struct buffer out, first;
	struct stream s;
	struct card card;
	uint32_t queue;
	unsigned int i;

	card_open_unused(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &first, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	for (i = 0; i < 16; i++)
		((uint32_t *)first.map)[i * 1024] = 100 + i;
	before = card_memory(&card);

	for (i = 0; i < MAX_OPS; i++)
		ops[i] = card_map_op(&first, i % 16 * 4096, VA + i * GIB, 4096);
	ASSERT_EQ(bind_ops(&card, MAX_OPS), 0);
	for (i = 0; i < MAX_OPS; i += 371)
		EXPECT_EQ(read_word(&card, queue, &s, &out, VA + i * GIB), 100 + i % 16);

	/* One after the other and all at once. */
	for (i = 0; i < MAX_OPS / 2; i++)
		ops[i] = card_unmap_op(VA + i * GIB, 4096);
	ASSERT_EQ(bind_ops(&card, MAX_OPS / 2), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + MAX_OPS / 2 * GIB), 100);
	ops[0] = card_unmap_op(VA, MAX_OPS * GIB);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	EXPECT_EQ(card_wait_memory(&card, &before), 0);
}

/* A call that needs more page tables than anybody can have leaves what stood before. */
TEST(tables_too_many)
{
	struct drm_ogpu_query_memory before;
	struct buffer out, buf, huge;
	struct stream s;
	struct card card;
	uint32_t queue;
	unsigned int i;

	card_open_unused(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	*(uint32_t *)buf.map = 77;
	ops[0] = card_map_op(&buf, 0, VA, 4096);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	/* Tables are kept in store for a call, this one as well. */
	ops[0] = card_unmap_op(VA + GIB, 4096);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	before = card_memory(&card);

	/* 4,096 times 8 MiB of 4 KiB pages, at addresses that fit no large page. */
	ASSERT_EQ(card_buffer_create(&card, &huge, 8 * MIB, DRM_OGPU_BO_VRAM), 0);
	for (i = 0; i < MAX_OPS; i++)
		ops[i] = card_map_op(&huge, 0, VA + i * GIB + (i ? 4096 : 0), 8 * MIB);
	EXPECT_EQ(bind_ops(&card, MAX_OPS), -E2BIG);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA), 77);
	close_buffer(&card, &huge);
	EXPECT_EQ(card_wait_memory(&card, &before), 0);

	/* There is still room for others. */
	for (i = 0; i < 64; i++)
		ops[i] = card_map_op(&buf, 0, VA + (1 + i) * GIB, 4096);
	ASSERT_EQ(bind_ops(&card, 64), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 64 * GIB), 77);
}

/* Makes 70,000 mappings of a page each, side by side. */
#define CROWD	70000

static void map_crowd(struct card *card, const struct buffer *buf)
{
	unsigned int i, done;

	for (done = 0; done < CROWD; done += i) {
		for (i = 0; i < MAX_OPS && done + i < CROWD; i++)
			ops[i] = card_map_op(buf, (done + i) % 16 * 4096,
					     VA + (done + i) * 4096ull, 4096);
		ASSERT_EQ(bind_ops(card, i), 0);
	}
}

/*
 * 4,096 operations that each touch all of them, which is more than a call may: refused at once.
 * Fewer: done once, not 4,096 times.
 */
TEST_TIMEOUT(crowd, 240)
{
	uint64_t half = CROWD / 2 * 4096ull, begin, mapped_ms;
	struct buffer buf, out;
	struct stream s;
	struct card card;
	uint32_t queue;
	unsigned int i;

	card_open(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	*(uint32_t *)buf.map = 99;
	/* How fast the machine is: 4,096 times more can be told from ten times more. */
	begin = time_ms();
	map_crowd(&card, &buf);
	mapped_ms = time_ms() - begin;

	for (i = 0; i < MAX_OPS; i++)
		ops[i] = card_unmap_op(VA, CROWD * 4096ull);
	begin = time_ms();
	EXPECT_EQ(bind_ops(&card, MAX_OPS), -E2BIG);
	EXPECT_LE(time_ms() - begin, 10 * (mapped_ms + 1000));
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA), 99);

	for (i = 0; i < MAX_OPS; i++)
		ops[i] = i % 2 ? card_unmap_op(VA, half) :
				 card_map_op(&buf, 0, VA + half - 64 * KIB, 64 * KIB);
	begin = time_ms();
	EXPECT_EQ(bind_ops(&card, MAX_OPS), 0);
	EXPECT_LE(time_ms() - begin, 10 * (mapped_ms + 1000));
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + CROWD * 4096ull - 64 * KIB * 4), 99);
	ops[0] = card_unmap_op(VA, CROWD * 4096ull);
	EXPECT_EQ(bind_ops(&card, 1), 0);
}

/* Killed at any point of calls that are as large as they can be: all comes back. */
TEST_TIMEOUT(kill_anywhere, 240)
{
	struct drm_ogpu_query_memory before;
	struct card unused;
	unsigned int round;

	card_open_unused(&unused);
	before = card_memory(&unused);
	for (round = 0; round < 12; round++) {
		int ready[2];
		pid_t pid;
		char c;

		ASSERT_EQ(pipe(ready), 0);
		pid = fork();
		ASSERT(pid >= 0);
		if (!pid) {
			struct buffer buf;
			struct card card;
			unsigned int i;

			card_open(&card);
			card_buffer(&card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;) {
				for (i = 0; i < MAX_OPS; i++)
					ops[i] = card_map_op(&buf, 0, VA + i * 8192ull, 4096);
				bind_ops(&card, MAX_OPS);
				for (i = 0; i < MAX_OPS; i++)
					ops[i] = card_unmap_op(VA + i * 8192ull, 4096 * MAX_OPS);
				bind_ops(&card, MAX_OPS);
			}
		}
		ASSERT_EQ(read(ready[0], &c, 1), 1);
		sleep_ms(3 + round * 37);
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		close(ready[0]);
		close(ready[1]);
	}
	EXPECT_EQ(card_wait_memory(&unused, &before), 0);
}

/* A synchronous call that waits for a fence can be killed while it does. */
TEST(kill_waiting)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer buf;
	struct stream gate;
	struct card card;
	uint32_t queue;
	pid_t pid;

	card_open(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, GATE_MS);
	card_stream(&card, &gate, 4096);
	card_buffer(&card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	stream_wait(&gate, buf.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	sync.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, queue, &gate, &sync, 1), 0);

	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct drm_ogpu_vm_bind args = { .vm_id = card.vm, .ops = CARD_ARRAY(ops, 1) };

		sync.flags = 0;
		args.syncs = CARD_ARRAY(&sync, 1);
		ops[0] = card_map_op(&buf, 0, VA, 4096);
		BIND(&card, &args);
		_exit(0);
	}
	wait_asleep(pid, SYS_ioctl);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	*(volatile uint64_t *)buf.map = 1;
	EXPECT_EQ(card_syncobj_wait(&card, sync.handle, 10000), 0);
}

/* Fills VRAM by a client of its own until a buffer is in system memory; the client stays. */
static void push_out(struct card *other, struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info info = { .handle = buf->handle };
	struct buffer filler;
	unsigned int i;

	card_open(other);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
		if (info.current_placement == DRM_OGPU_BO_SYSTEM)
			return;
		ASSERT_EQ(card_buffer_create(other, &filler, 4 * MIB, DRM_OGPU_BO_VRAM), 0);
	}
	ASSERT_EQ(info.current_placement, DRM_OGPU_BO_SYSTEM);
}

/* A job of another address space that waits for a word; its fence is in the syncobj. */
struct gate {
	struct buffer flag;
	struct stream stream;
	uint32_t syncobj;
};

static void gate_close(struct card *card, struct gate *gate)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_vm_create create = {};
	struct card keeper = *card;
	uint32_t queue;

	card_stream(card, &gate->stream, 4096);
	card_buffer(card, &gate->flag, 4096, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_VM_CREATE, &create), 0);
	keeper.vm = create.vm_id;
	ASSERT_EQ(card_bind(&keeper, &gate->stream.buf, gate->stream.buf.va,
			    DRM_OGPU_BIND_READ), 0);
	ASSERT_EQ(card_bind(&keeper, &gate->flag, gate->flag.va, RW), 0);
	queue = card_queue(&keeper, DRM_OGPU_ENGINE_COPY, GATE_MS);
	stream_wait(&gate->stream, gate->flag.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	gate->syncobj = card_syncobj(card);
	sync.handle = gate->syncobj;
	ASSERT_EQ(card_submit(&keeper, queue, &gate->stream, &sync, 1), 0);
}

static void gate_open(struct gate *gate)
{
	*(volatile uint64_t *)gate->flag.map = 1;
}

/*
 * Page tables of a buffer that has moved are renewed at once, though a call of VM_BIND stands
 * before that which waits for a fence.
 */
TEST(rebind_not_behind_bind)
{
	struct drm_ogpu_sync syncs[2] = {};
	struct drm_ogpu_vm_bind args;
	struct card card, other;
	struct buffer buf, out;
	struct gate gate;
	struct stream s;
	uint32_t queue;

	card_open_unused(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 4 * MIB, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM, RW);
	*(uint32_t *)buf.map = 1234;
	EXPECT_EQ(read_word(&card, queue, &s, &out, buf.va), 1234);
	push_out(&other, &card, &buf);

	/* Not by a job of this address space, whose buffers would have to be in place. */
	gate_close(&card, &gate);
	syncs[0].handle = gate.syncobj;
	syncs[1].handle = card_syncobj(&card);
	syncs[1].flags = DRM_OGPU_SYNC_SIGNAL;

	ops[0] = card_map_op(&out, 0, VA, 4096);
	args = (struct drm_ogpu_vm_bind) {
		.vm_id = card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC,
		.ops = CARD_ARRAY(ops, 1), .syncs = CARD_ARRAY(syncs, 2),
	};
	ASSERT_EQ(BIND(&card, &args), 0);

	EXPECT_EQ(read_word(&card, queue, &s, &out, buf.va), 1234);
	/* The CPU does not wait for it either. */
	EXPECT_EQ(*(volatile uint32_t *)buf.map, 1234);
	EXPECT_EQ(card_syncobj_wait(&card, syncs[1].handle, 0), -ETIME);
	gate_open(&gate);
	EXPECT_EQ(card_syncobj_wait(&card, syncs[1].handle, 10000), 0);
	*(uint32_t *)buf.map = 4321;
	EXPECT_EQ(read_word(&card, queue, &s, &out, buf.va), 4321);
	card_close(&other);
}

/* A mapped buffer without handle, which goes with its mapping. */
static void come_and_go(struct card *card, uint64_t bytes)
{
	struct buffer buf;

	card_private = true;
	ASSERT_EQ(card_buffer_create(card, &buf, bytes, DRM_OGPU_BO_VRAM), 0);
	card_private = false;
	ASSERT_EQ(card_bind(card, &buf, VA, RW), 0);
	close_buffer(card, &buf);
	ASSERT_EQ(card_unbind(card, VA, bytes), 0);
}

/* Memory of a buffer without handle stays until page tables have forgotten it. */
TEST(unmap_frees_late)
{
	uint32_t bytes = 4 * MIB;
	struct drm_ogpu_sync syncs[2] = {};
	struct drm_ogpu_query_memory before, held;
	struct drm_ogpu_vm_bind args;
	struct card card, other;
	struct buffer buf;
	struct gate gate;
	uint64_t end;

	card_open_unused(&card);
	card_open(&other);
	gate_close(&card, &gate);
	before = card_memory(&card);
	card_private = true;
	ASSERT_EQ(card_buffer_create(&card, &buf, bytes, DRM_OGPU_BO_VRAM), 0);
	card_private = false;
	ASSERT_EQ(card_bind(&card, &buf, VA, RW), 0);
	close_buffer(&card, &buf);

	ops[0] = card_unmap_op(VA, bytes);
	syncs[0].handle = gate.syncobj;
	syncs[1].handle = card_syncobj(&card);
	syncs[1].flags = DRM_OGPU_SYNC_SIGNAL;
	args = (struct drm_ogpu_vm_bind) {
		.vm_id = card.vm, .flags = DRM_OGPU_VM_BIND_ASYNC,
		.ops = CARD_ARRAY(ops, 1), .syncs = CARD_ARRAY(syncs, 2),
	};
	ASSERT_EQ(BIND(&card, &args), 0);
	/* It would be freed at once, or by the worker that frees what another client has. */
	come_and_go(&other, bytes);
	end = time_limit(10000);
	do
		held = card_memory(&card);
	while (held.vram_used >= before.vram_used + 2 * bytes && time_ms() < end);
	come_and_go(&other, bytes);
	EXPECT_EQ(card_wait_memory(&card, &held), 0);
	EXPECT_GE(held.vram_used, before.vram_used + bytes);
	EXPECT_EQ(card_syncobj_wait(&card, syncs[1].handle, 0), -ETIME);
	gate_open(&gate);
	EXPECT_EQ(card_syncobj_wait(&card, syncs[1].handle, 10000), 0);
}

/* Two holes that one call makes in one large page are holes. */
TEST(two_holes)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer buf, out;
	struct stream s;
	struct card card;
	uint32_t queue;
	unsigned int i;

	card_open(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 4 * MIB, DRM_OGPU_BO_VRAM, RW);
	for (i = 0; i < buf.size / 4096; i++)
		((uint32_t *)buf.map)[i * 1024] = i;

	ops[0] = card_map_op(&buf, 0, VA, 4 * MIB);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 96 * KIB), 24);
	ops[0] = card_unmap_op(VA, 32 * KIB);
	ops[1] = card_unmap_op(VA + 96 * KIB, 4096);
	ASSERT_EQ(bind_ops(&card, 2), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 64 * KIB), 16);
	ops[0] = card_unmap_op(VA + 100 * KIB, 4096);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 92 * KIB), 23);

	for (i = 96; i <= 100; i += 4) {
		queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
		sync.handle = card_syncobj(&card);
		stream_reset(&s);
		stream_copy(&s, VA + i * KIB, out.va, 4);
		ASSERT_EQ(card_submit(&card, queue, &s, &sync, 1), 0);
		ASSERT_EQ(card_syncobj_wait(&card, sync.handle, 10000), 0);
		card_queue_state(&card, queue, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
		EXPECT_EQ(state.fault_va, VA + i * KIB);
	}
}

/* Reads zero, and what is written there is lost; also beside and in the middle of memory. */
TEST(null_pages)
{
	struct buffer buf, out;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&card, &buf, 4 * MIB, DRM_OGPU_BO_VRAM, RW);
	memset(buf.map, 0x11, buf.size);

	/* A terabyte, with memory in its middle and a hole in that. */
	ops[0] = (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_NULL, .flags = RW, .va = VA, .size = 1024 * GIB,
	};
	ops[1] = card_map_op(&buf, 0, VA + 512 * GIB, 4 * MIB);
	ops[2] = ops[0];
	ops[2].va += 512 * GIB + 4096;
	ops[2].size = 4096;
	ASSERT_EQ(bind_ops(&card, 3), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 1024 * GIB - 4096), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 512 * GIB), 0x11111111);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 512 * GIB + 4096), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 512 * GIB + 8192), 0x11111111);

	stream_reset(&s);
	stream_fill(&s, VA + 512 * GIB + 4096, 8192, 0x22222222);
	card_run(&card, queue, &s);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 512 * GIB + 4096), 0);
	EXPECT_EQ(read_word(&card, queue, &s, &out, VA + 512 * GIB + 8192), 0x22222222);
	ops[0] = card_unmap_op(VA, 1024 * GIB);
	EXPECT_EQ(bind_ops(&card, 1), 0);
}

/* The list of mappings, as debugfs shows it now: a line of it, or NULL. */
static const char *mapping_line(const char *start)
{
	static char line[256];
	char path[80];
	FILE *file = NULL;
	int i;

	for (i = 128; i < 192 && !file; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/mappings", i);
		file = fopen(path, "r");
	}
	if (!file)
		SKIP("debugfs cannot be read: not mounted, or not root");
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, start)) {
			fclose(file);
			return line;
		}
	}
	fclose(file);

	return NULL;
}

TEST(listed)
{
	struct buffer buf;
	const char *line;
	struct card card;

	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &buf, MIB, DRM_OGPU_BO_SYSTEM), 0);
	EXPECT(!mapping_line("200000100000-"));
	ops[0] = card_map_op(&buf, 64 * KIB, VA + MIB, 64 * KIB);
	ops[0].flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC | DRM_OGPU_BIND_UNCACHED;
	ops[1] = (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_NULL, .flags = RW, .va = VA + 2 * MIB, .size = MIB,
	};
	ASSERT_EQ(bind_ops(&card, 2), 0);
	line = mapping_line("200000100000-200000110000");
	ASSERT(line);
	EXPECT(strstr(line, "r-x uncached, buffer of 1048576 bytes from 0x10000"));
	line = mapping_line("200000200000-200000300000");
	ASSERT(line);
	EXPECT(strstr(line, "rw- no memory"));
	ops[0] = card_unmap_op(VA, 4 * MIB);
	ASSERT_EQ(bind_ops(&card, 1), 0);
	EXPECT(!mapping_line("200000100000-"));
}

/* Another user gets half of the address spaces at most, with however many files. */
TEST(spaces_of_a_user)
{
	unsigned int all = 0, other = 0;
	pid_t pid, second;
	struct card card;
	int result[2];

	ASSERT_EQ(pipe(result), 0);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct drm_ogpu_vm_create args;
		struct card files[4];
		unsigned int i, n = 0;

		/* The node is root's in this machine. */
		for (i = 0; i < 4; i++)
			files[i].fd = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
		for (i = 0; i < 4; i++) {
			args = (struct drm_ogpu_vm_create) {};
			while (!card_ioctl(&files[i], DRM_IOCTL_OGPU_VM_CREATE, &args))
				n++;
		}
		if (write(result[1], &n, sizeof(n)) != sizeof(n))
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(read(result[0], &all, sizeof(all)), sizeof(all));
	EXPECT_GE(all, 4);

	/* It has all that its user can have; somebody else has nothing yet. */
	second = fork();
	ASSERT(second >= 0);
	if (!second) {
		unsigned int n = 0;

		card_let_all();
		if (setuid(1000))
			_exit(1);
		card_open(&card);
		n = 1;
		if (write(result[1], &n, sizeof(n)) != sizeof(n))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(read(result[0], &other, sizeof(other)), sizeof(other));
	EXPECT_EQ(other, 1);
	ASSERT_EQ(waitpid(second, NULL, 0), second);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	card_open(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
