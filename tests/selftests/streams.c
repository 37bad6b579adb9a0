// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Packets that call, skip, count, copy rectangles and run parts of grids, as programs use them:
 * emitted by libogpu, executed by the card, and their results looked at.
 */
#include <errno.h>
#include <string.h>

#include <ogpu.h>

#include "harness.h"

#define BYTES		(1u << 20)
#define TIMEOUT_NS	10000000000ll
#define WIDE(op)	(DRM_OGPU_ATOMIC_##op | DRM_OGPU_ATOMIC_WIDE)

struct setup {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
	struct ogpu_queue *queue;
	struct ogpu_buffer data;
	volatile uint64_t *words;
	struct ogpu_stream s;
};

static void set_up(struct setup *t)
{
	ASSERT_EQ(ogpu_device_open(NULL, &t->dev), 0);
	ASSERT_EQ(ogpu_vm_create(t->dev, &t->vm), 0);
	ASSERT_EQ(ogpu_queue_create(t->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_NORMAL,
				    &t->queue), 0);
	ASSERT_EQ(ogpu_buffer_create(t->vm, BYTES, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				     &t->data), 0);
	ASSERT_EQ(ogpu_stream_create(t->vm, 65536, &t->s), 0);
	t->words = t->data.ptr;
}

static void tear_down(struct setup *t)
{
	ogpu_stream_destroy(&t->s);
	ogpu_buffer_destroy(&t->data);
	ogpu_queue_destroy(t->queue);
	ogpu_vm_destroy(t->vm);
	ogpu_device_close(t->dev);
}

static int run_stream(struct setup *t)
{
	uint64_t point;

	ASSERT_EQ(ogpu_queue_submit(t->queue, &t->s, NULL, 0, &point), 0);
	return ogpu_queue_wait(t->queue, point, TIMEOUT_NS);
}

static void run(struct setup *t)
{
	ASSERT_EQ(run_stream(t), 0);
	ogpu_stream_reset(&t->s);
}

static void expect_error(struct setup *t, uint32_t error, uint32_t opcode)
{
	struct drm_ogpu_queue_get_state state;

	EXPECT_EQ(run_stream(t), -ECANCELED);
	ASSERT_EQ(ogpu_queue_state(t->queue, &state), 0);
	EXPECT_EQ(state.error, error);
	EXPECT_EQ(state.detail, opcode);
}

/* A stream calls buffers that call others, each of which counts; one level more is an error. */
TEST(nested_streams)
{
	struct ogpu_stream inner[DRM_OGPU_INDIRECT_LEVELS];
	struct setup t;
	unsigned int i;

	set_up(&t);
	for (i = DRM_OGPU_INDIRECT_LEVELS; i--; ) {
		ASSERT_EQ(ogpu_stream_create(t.vm, 4096, &inner[i]), 0);
		ogpu_emit_atomic(&inner[i], WIDE(ADD), t.data.va + 8 * i, 1);
		if (i + 1 == DRM_OGPU_INDIRECT_LEVELS)
			continue;
		ogpu_emit_indirect(&inner[i], inner[i + 1].buf.va, inner[i + 1].used);
		ogpu_emit_indirect(&inner[i], inner[i + 1].buf.va, inner[i + 1].used);
	}
	/* The stream is the first level: inner[1] and those it calls are the other three. */
	ogpu_emit_indirect(&t.s, inner[1].buf.va, inner[1].used);
	ogpu_emit_indirect(&t.s, inner[1].buf.va, inner[1].used);
	run(&t);
	EXPECT_EQ(t.words[0], 0);
	EXPECT_EQ(t.words[1], 2);
	EXPECT_EQ(t.words[2], 4);
	EXPECT_EQ(t.words[3], 8);

	ogpu_emit_indirect(&t.s, inner[0].buf.va, inner[0].used);
	expect_error(&t, DRM_OGPU_QUEUE_ERR_PACKET, DRM_OGPU_PKT_INDIRECT);
	EXPECT_EQ(t.words[0], 1);
	EXPECT_EQ(t.words[2], 5);
	EXPECT_EQ(t.words[3], 8);
	for (i = 0; i < DRM_OGPU_INDIRECT_LEVELS; i++)
		ogpu_stream_destroy(&inner[i]);
	tear_down(&t);
}

TEST(skip)
{
	struct setup t;
	uint32_t outer, inner;
	unsigned int i;

	set_up(&t);
	t.words[0] = 5;
	for (i = 0; i < 2; i++) {
		/* Left out if word 0 is 5; within it, if it is less than 7. */
		outer = ogpu_emit_skip(&t.s, t.data.va, DRM_OGPU_COMPARE_EQ, 5, UINT64_MAX);
		ogpu_emit_fence(&t.s, t.data.va + 8, 1);
		inner = ogpu_emit_skip(&t.s, t.data.va, DRM_OGPU_COMPARE_LT, 7, UINT64_MAX);
		ogpu_emit_fence(&t.s, t.data.va + 16, 1);
		ogpu_emit_skip_end(&t.s, inner);
		ogpu_emit_skip_end(&t.s, outer);
		ogpu_emit_atomic(&t.s, WIDE(ADD), t.data.va + 24, 1);
		/* The second time it is 6. */
		ogpu_emit_fence(&t.s, t.data.va, 6);
	}
	run(&t);
	EXPECT_EQ(t.words[1], 1);
	EXPECT_EQ(t.words[2], 0);
	EXPECT_EQ(t.words[3], 2);
	tear_down(&t);
}

/* One packet behind the end of the stream. */
TEST(skip_too_far)
{
	struct drm_ogpu_pkt_skip *p;
	struct setup t;

	set_up(&t);
	ogpu_emit_skip(&t.s, t.data.va, DRM_OGPU_COMPARE_NE, 0, UINT64_MAX);
	p = t.s.buf.ptr;
	p->bytes = 8;
	expect_error(&t, DRM_OGPU_QUEUE_ERR_PACKET, DRM_OGPU_PKT_SKIP);
	tear_down(&t);
}

TEST(atomics)
{
	struct setup t;

	set_up(&t);
	t.words[0] = UINT32_MAX;
	ogpu_emit_atomic(&t.s, DRM_OGPU_ATOMIC_ADD, t.data.va, 2);
	t.words[1] = UINT32_MAX;
	ogpu_emit_atomic_return(&t.s, WIDE(ADD), t.data.va + 8, 2, 0, t.data.va + 16);
	t.words[3] = 7;
	ogpu_emit_atomic_return(&t.s, WIDE(CAS), t.data.va + 24, 8, 7, t.data.va + 32);
	ogpu_emit_atomic_return(&t.s, WIDE(CAS), t.data.va + 24, 9, 7, t.data.va + 40);
	t.words[6] = 3;
	ogpu_emit_atomic(&t.s, DRM_OGPU_ATOMIC_MIN, t.data.va + 48, UINT32_MAX);
	ogpu_emit_atomic(&t.s, DRM_OGPU_ATOMIC_MAXU, t.data.va + 52, UINT32_MAX);
	run(&t);
	EXPECT_EQ(t.words[0], 1);
	EXPECT_EQ(t.words[1], UINT32_MAX + 2ull);
	EXPECT_EQ(t.words[2], UINT32_MAX);
	EXPECT_EQ(t.words[3], 8);
	EXPECT_EQ(t.words[4], 7);
	EXPECT_EQ(t.words[5], 8);
	EXPECT_EQ(t.words[6], UINT64_MAX);
	ogpu_emit_atomic(&t.s, WIDE(ADD), t.data.va + 4, 1);
	expect_error(&t, DRM_OGPU_QUEUE_ERR_PACKET, DRM_OGPU_PKT_ATOMIC);
	tear_down(&t);
}

/* A part of a matrix into a smaller one, and a volume upside down. */
TEST(copy_rect)
{
	const struct ogpu_copy_rect part = {
		.extent = { 100, 200, 1 }, .src_pitch = { 1000 }, .dst_pitch = { 100 },
	};
	const struct ogpu_copy_rect flip = {
		.extent = { 16, 20, 30 }, .src_pitch = { 16, 320 }, .dst_pitch = { -16, -320 },
	};
	unsigned int i, x, y, wrong = 0;
	struct ogpu_copy_rect r;
	uint8_t *at;
	struct setup t;

	set_up(&t);
	at = t.data.ptr;
	for (i = 0; i < 300000; i++)
		at[i] = i * 7 + i / 251;
	r = part;
	r.src = t.data.va + 5003;
	r.dst = t.data.va + 500000;
	ogpu_emit_copy_rect(&t.s, &r);
	r = flip;
	r.src = t.data.va;
	r.dst = t.data.va + 800000 + 320 * 30 - 16;
	ogpu_emit_copy_rect(&t.s, &r);
	run(&t);
	for (y = 0; y < 200; y++)
		wrong += !!memcmp(at + 500000 + 100 * y, at + 5003 + 1000 * y, 100);
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(at[499999], 0);
	EXPECT_EQ(at[500000 + 100 * 200], 0);
	for (x = 0; x < 20 * 30; x++)
		wrong += !!memcmp(at + 800000 + 16 * x, at + 16 * (20 * 30 - 1 - x), 16);
	EXPECT_EQ(wrong, 0);
	tear_down(&t);
}

/* Each group stores the number of groups that it is told where its id says. */
static void grid_program(struct setup *t, struct ogpu_buffer *code)
{
	static const uint32_t program[] = {
		0xcc6025f3,	/* csrr a1, group id x */
		0xccc02673,	/* csrr a2, number of groups x */
		0x00359693,	/* slli a3, a1, 3 */
		0x00d50533,	/* add a0, a0, a3 */
		0x00c53023,	/* sd a2, 0(a0) */
		0x00008067,	/* ret */
	};
	uint64_t va = 0;
	void *map;

	memset(code, 0, sizeof(*code));
	ASSERT_EQ(ogpu_bo_create(t->dev, 4096, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				 &code->bo), 0);
	ASSERT_EQ(ogpu_bo_map(code->bo, &map), 0);
	memcpy(map, program, sizeof(program));
	ASSERT_EQ(ogpu_vm_map(t->vm, code->bo, 0, 4096, DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC,
			      &va), 0);
	code->va = va;
}

static void expect_grid(struct setup *t, unsigned int groups)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < groups; i++)
		wrong += t->words[i] != groups;
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(t->words[groups], 0);
	memset(t->data.ptr, 0, 8 * groups);
}

/* A grid in parts that may overlap, and one that the card itself has written to memory. */
TEST(grid_in_parts)
{
	struct ogpu_dispatch d = { .group = { 1 }, .total = { 100 } };
	struct ogpu_buffer code;
	struct setup t;
	unsigned int i;

	set_up(&t);
	grid_program(&t, &code);
	d.entry = code.va;
	d.args = t.data.va;
	t.s.overlap = true;
	for (i = 0; i < 10; i++) {
		d.base[0] = 10 * i;
		d.grid[0] = 10;
		ogpu_emit_dispatch(&t.s, &d);
	}
	run(&t);
	expect_grid(&t, 100);

	ogpu_emit_fill(&t.s, t.data.va + 8192, 1, 12);
	ogpu_emit_atomic(&t.s, DRM_OGPU_ATOMIC_ADD, t.data.va + 8192, 76);
	ogpu_emit_dispatch_indirect(&t.s, &d, t.data.va + 8192);
	run(&t);
	expect_grid(&t, 77);

	/* Not inside the whole. */
	d.base[0] = 91;
	ogpu_emit_dispatch(&t.s, &d);
	expect_error(&t, DRM_OGPU_QUEUE_ERR_PACKET, DRM_OGPU_PKT_DISPATCH);
	ogpu_bo_destroy(code.bo);
	tear_down(&t);
}

/* Around work: one before it begins, one after its end. */
TEST(timestamps)
{
	struct setup t;

	set_up(&t);
	ogpu_emit_timestamp_start(&t.s, t.data.va);
	ogpu_emit_fill(&t.s, t.data.va + 4096, 1, BYTES - 4096);
	ogpu_emit_timestamp(&t.s, t.data.va + 8);
	ogpu_emit_cache_range(&t.s, DRM_OGPU_CACHE_CLEAN, t.data.va, t.data.va + BYTES);
	ogpu_emit_fence_signal(&t.s, t.data.va + 16, 3);
	run(&t);
	EXPECT_NE(t.words[0], 0);
	EXPECT_LE(t.words[0] + 1, t.words[1]);
	EXPECT_EQ(t.words[2], 3);
	tear_down(&t);
}

/* What is between two COUNTERS is what was done there, and no more. */
TEST(counters)
{
	volatile struct drm_ogpu_counters *c;
	struct setup t;

	set_up(&t);
	c = t.data.ptr;
	ogpu_emit_counters(&t.s, t.data.va);
	ogpu_emit_copy(&t.s, t.data.va + 8192, t.data.va + 65536, 10000);
	ogpu_emit_counters(&t.s, t.data.va + sizeof(*c));
	ogpu_emit_fill(&t.s, t.data.va + 8192, 7, 4096);
	ogpu_emit_counters(&t.s, t.data.va + 2 * sizeof(*c));
	run(&t);
	EXPECT_EQ(c[0].bytes_read, 0);
	EXPECT_EQ(c[1].bytes_read, 10000);
	EXPECT_EQ(c[1].bytes_written, 10000);
	EXPECT_LE(1, c[1].tlb_misses);
	EXPECT_EQ(c[2].bytes_read, 10000);
	EXPECT_EQ(c[2].bytes_written, 10000 + 4096);
	EXPECT_EQ(c[2].instructions, 0);
	EXPECT_EQ(c[2].workgroups, 0);
	tear_down(&t);
}

#define INSN_LI_T3	0x12300e13u	/* li t3, 0x123 */
#define INSN_EBREAK	0x00100073u
#define INSN_SELF	0x0000006fu	/* j . */

/* A kernel of two instructions, in a queue whose save area can be looked at. */
static uint64_t bad_kernel(struct setup *t, uint32_t last, struct ogpu_bo **code)
{
	struct ogpu_queue_options options = { .dump = true, .timeout_ms = 3000 };
	uint64_t va = 0;
	void *ptr;

	set_up(t);
	ogpu_queue_destroy(t->queue);
	options.save_bytes = ogpu_save_bytes(t->dev, 4, 64, 256, OGPU_PRIVATE_DEFAULT);
	ASSERT_EQ(ogpu_queue_create_with(t->vm, &options, &t->queue), 0);
	ASSERT_EQ(ogpu_bo_create(t->dev, 4096, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				 code), 0);
	ASSERT_EQ(ogpu_bo_map(*code, &ptr), 0);
	((volatile uint32_t *)ptr)[0] = INSN_LI_T3;
	((volatile uint32_t *)ptr)[1] = last;
	ASSERT_EQ(ogpu_vm_map(t->vm, *code, 0, 4096,
			      DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC, &va), 0);
	return va;
}

/* Waves of the failed workgroup, of which one at least stands at the instruction that is told. */
static void look_at_dump(struct setup *t, uint64_t entry)
{
	struct drm_ogpu_queue_get_state state;
	struct ogpu_dump_wave wave;
	struct ogpu_packet packet;
	struct ogpu_dump dump;
	unsigned int waves = 0, there = 0, lane;

	ASSERT_EQ(ogpu_queue_state(t->queue, &state), 0);
	EXPECT_EQ(state.pc, entry + 4);
	EXPECT_EQ(state.held, 1);
	ASSERT_EQ(ogpu_queue_dump(t->queue, &dump), 0);
	while (ogpu_dump_next(&dump, &wave)) {
		EXPECT_EQ(wave.group, 0);
		EXPECT_EQ(wave.wave, waves);
		EXPECT_EQ(wave.local_bytes, 128);
		waves++;
		for (lane = 0; lane < wave.lanes; lane++) {
			if (!(wave.live >> lane & 1) || wave.pc[lane] != state.pc)
				continue;
			there++;
			EXPECT_EQ(ogpu_dump_reg(&wave, 28, lane), 0x123);
			EXPECT_EQ(ogpu_dump_reg(&wave, 0, lane), 0);
			EXPECT_EQ(ogpu_dump_reg(&wave, 10, lane), 77);
		}
	}
	EXPECT_LE(1, there);
	EXPECT_LE(1, waves);

	/* The packet, and the one before it. */
	ASSERT_EQ(ogpu_packet_read(t->s.buf.ptr, t->s.used, state.packet, &packet), true);
	EXPECT_EQ(strcmp(packet.name, "DISPATCH"), 0);
	ASSERT_EQ(ogpu_packet_read(t->s.buf.ptr, t->s.used, 0, &packet), true);
	EXPECT_EQ(strcmp(packet.name, "FENCE"), 0);
	EXPECT_EQ(packet.offset + packet.bytes, state.packet);
	EXPECT_EQ(ogpu_packet_read(t->s.buf.ptr, t->s.used, t->s.used, &packet), false);
	EXPECT_EQ(ogpu_packet_read(t->s.buf.ptr, t->s.used, 4, &packet), false);
}

static void fail_and_look(uint32_t last, uint32_t error)
{
	struct ogpu_dispatch d = {
		.args = 77, .grid = { 1, 1, 1 }, .group = { 40, 1, 1 }, .local_bytes = 128,
	};
	struct drm_ogpu_queue_get_state state;
	struct ogpu_dump dump;
	struct ogpu_bo *code;
	struct setup t;

	d.entry = bad_kernel(&t, last, &code);
	EXPECT_EQ(ogpu_queue_dump(t.queue, &dump), -ENODATA);
	ogpu_emit_fence(&t.s, t.data.va, 1);
	ogpu_emit_dispatch(&t.s, &d);
	EXPECT_NE(run_stream(&t), 0);
	ASSERT_EQ(ogpu_queue_state(t.queue, &state), 0);
	EXPECT_EQ(state.error, error);
	look_at_dump(&t, d.entry);
	ogpu_bo_destroy(code);
	tear_down(&t);
}

TEST(dump_of_a_trap)
{
	fail_and_look(INSN_EBREAK, DRM_OGPU_QUEUE_ERR_TRAP);
}

TEST(dump_of_a_timeout)
{
	fail_and_look(INSN_SELF, DRM_OGPU_QUEUE_ERR_TIMEOUT);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
