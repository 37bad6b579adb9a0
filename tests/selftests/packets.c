// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Packets: what each does, and what happens to a queue that is given a bad one.
 */
#include <sys/types.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

/* RISC-V; the last one is no instruction at all. */
#define INSN_RET	0x00008067u
#define INSN_EBREAK	0x00100073u
#define INSN_JR_A0	0x00050067u	/* jr a0 */
#define INSN_LD_A0	0x00053583u	/* ld a1, 0(a0) */
#define INSN_SD_A0	0x00053023u	/* sd zero, 0(a0) */
#define INSN_AMO_W	0x0005202fu	/* amoadd.w zero, zero, (a0) */
#define INSN_AMO_D	0x0005302fu	/* amoadd.d zero, zero, (a0) */
#define INSN_SC_D	0x1805302fu	/* sc.d zero, zero, (a0) */
#define INSN_PUSH	0xff010113u	/* addi sp, sp, -16 */
#define INSN_SD_RA	0x00113423u	/* sd ra, 8(sp) */
#define INSN_CALL_BACK	0xff9ff0efu	/* jal ra, 8 bytes back */
#define INSN_ILLEGAL	0x00000000u

#define UNMAPPED	0x5000000000ull
#define NO_ADDRESS	(1ull << 50)

/* Of work-items: local memory of their group, and their stack. */
#define LOCAL		0x0001000000000000ull
#define STACK		0x0002000000000000ull

struct setup {
	struct card card;
	struct buffer data;
	volatile uint64_t *words;
	struct stream s;
	uint32_t queue;
	/* Save area of the queues of which one after the other dispatches. */
	uint64_t save_va;
};

static void set_up(struct setup *t, uint32_t engine)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->data, 1 << 20, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	t->words = t->data.map;
	card_stream(&t->card, &t->s, 65536);
	t->save_va = card_save_area(&t->card, CARD_SAVE_BYTES);
	if (engine == DRM_OGPU_ENGINE_COMPUTE)
		t->queue = card_compute_queue(&t->card, 0, t->save_va, CARD_SAVE_BYTES);
	else
		t->queue = card_queue(&t->card, engine, 0);
}

static void run(struct setup *t)
{
	struct drm_ogpu_queue_get_state state;

	card_run(&t->card, t->queue, &t->s);
	card_queue_state(&t->card, t->queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	stream_reset(&t->s);
}

static uint8_t pattern(unsigned int i)
{
	return i * 7 + i / 251;
}

TEST(nop)
{
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	stream_nop(&t.s, 2);
	stream_nop(&t.s, 64);
	stream_nop(&t.s, 4096);
	stream_fence(&t.s, t.data.va, 1);
	run(&t);
	EXPECT_EQ(t.words[0], 1);
}

static void check_copy(struct setup *t, const struct buffer *to, uint32_t from_off, uint32_t to_off,
		       uint32_t bytes)
{
	const uint8_t *src = t->data.map, *dst = to->map;
	unsigned int i, wrong = 0;

	memset(to->map, 0xee, to_off + bytes + 64);
	stream_copy(&t->s, t->data.va + from_off, to->va + to_off, bytes);
	run(t);
	for (i = 0; i < bytes; i++)
		wrong += dst[to_off + i] != src[from_off + i];
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(dst[to_off + bytes], 0xee);
	if (to_off)
		EXPECT_EQ(dst[to_off - 1], 0xee);
}

static void copy_all(uint32_t engine, uint32_t placement)
{
	static const uint32_t sizes[] = { 0, 1, 7, 8, 4095, 4096, 4097, 65536, 500001 };
	struct buffer to;
	struct setup t;
	unsigned int i;

	set_up(&t, engine);
	card_buffer(&t.card, &to, 1 << 20, placement, READ_WRITE);
	for (i = 0; i < t.data.size; i++)
		((uint8_t *)t.data.map)[i] = pattern(i);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_copy(&t, &to, 0, 0, sizes[i]);
		check_copy(&t, &to, 3, 4090, sizes[i]);
		check_copy(&t, &to, 4093, 1, sizes[i]);
	}
}

/* The ranges touch, which is as far as they may come. */
TEST(copy_to_next)
{
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	t.words[1] = 7;
	stream_copy(&t.s, t.data.va + 8, t.data.va, 8);
	stream_copy(&t.s, t.data.va + 8, t.data.va + 16, 8);
	run(&t);
	EXPECT_EQ(t.words[0], 7);
	EXPECT_EQ(t.words[2], 7);
}

TEST(copy_by_compute)
{
	copy_all(DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_BO_SYSTEM);
}

TEST(copy_by_copy_engine)
{
	copy_all(DRM_OGPU_ENGINE_COPY, DRM_OGPU_BO_SYSTEM);
}

TEST(copy_to_vram)
{
	copy_all(DRM_OGPU_ENGINE_COPY, DRM_OGPU_BO_VRAM);
}

TEST(fill)
{
	const uint32_t *data;
	struct setup t;
	unsigned int i, wrong = 0;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	data = t.data.map;
	stream_fill(&t.s, t.data.va, 65536, 0x01020304);
	stream_fill(&t.s, t.data.va + 4, 4, 0xa5a5a5a5);
	stream_fill(&t.s, t.data.va + 8, 0, 0x77777777);
	stream_fill(&t.s, t.data.va + 8188, 8, 0xffffffff);
	run(&t);
	EXPECT_EQ(data[1], 0xa5a5a5a5);
	EXPECT_EQ(data[2047], 0xffffffff);
	EXPECT_EQ(data[2048], 0xffffffff);
	for (i = 0; i < 16384; i++)
		wrong += data[i] != 0x01020304;
	EXPECT_EQ(wrong, 3);
	EXPECT_EQ(data[16384], 0);
}

TEST(write_words)
{
	uint32_t words[64];
	const uint32_t *data;
	struct setup t;
	unsigned int i;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	data = t.data.map;
	for (i = 0; i < 64; i++)
		words[i] = 0x1000 + i;
	stream_write(&t.s, t.data.va + 4, words, 2);
	/* Across pages. */
	stream_write(&t.s, t.data.va + 4096 - 100, words, 64);
	run(&t);
	EXPECT_EQ(data[0], 0);
	EXPECT_EQ(data[1], 0x1000);
	EXPECT_EQ(data[2], 0x1001);
	EXPECT_EQ(data[3], 0);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(data[1024 - 25 + i], 0x1000 + i);
	EXPECT_EQ(data[1024 - 25 + 64], 0);
}

TEST(fence_and_order)
{
	struct setup t;
	unsigned int i;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	/* Each packet sees what the one before it did. */
	for (i = 0; i < 64; i++) {
		stream_fence(&t.s, t.data.va, 0x8000000000000000ull + i);
		stream_copy(&t.s, t.data.va, t.data.va + 8 + 8 * i, 8);
	}
	run(&t);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(t.words[1 + i], 0x8000000000000000ull + i);
}

TEST(wait_compares)
{
	static const struct {
		uint32_t compare;
		uint64_t memory, value, mask;
	} cases[] = {
		{ DRM_OGPU_COMPARE_EQ, 5, 5, UINT64_MAX },
		{ DRM_OGPU_COMPARE_EQ, 0x15, 0x25, 0xf },
		{ DRM_OGPU_COMPARE_NE, 5, 6, UINT64_MAX },
		{ DRM_OGPU_COMPARE_NE, 1ull << 63, 0, UINT64_MAX },
		{ DRM_OGPU_COMPARE_GE, 5, 5, UINT64_MAX },
		{ DRM_OGPU_COMPARE_GE, UINT64_MAX, 0, UINT64_MAX },
		{ DRM_OGPU_COMPARE_LT, 4, 5, UINT64_MAX },
		{ DRM_OGPU_COMPARE_LT, 0, UINT64_MAX, UINT64_MAX },
		{ DRM_OGPU_COMPARE_LT, 0xf0, 1, 0xf },
	};
	const unsigned int count = sizeof(cases) / sizeof(cases[0]);
	struct setup t;
	unsigned int i;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	for (i = 0; i < count; i++) {
		t.words[i] = cases[i].memory;
		stream_wait(&t.s, t.data.va + 8 * i, cases[i].compare, cases[i].value,
			    cases[i].mask);
	}
	stream_fence(&t.s, t.data.va + 8 * count, 1);
	run(&t);
	EXPECT_EQ(t.words[count], 1);
}

/* Holds the queue, and lets it go when the CPU says so. */
static void wait_holds(uint32_t compare, uint64_t before, uint64_t after, uint64_t value)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	out.handle = card_syncobj(&t.card);
	t.words[0] = before;
	stream_wait(&t.s, t.data.va, compare, value, UINT64_MAX);
	stream_fence(&t.s, t.data.va + 8, 1);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &out, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 50), -ETIME);
	EXPECT_EQ(t.words[1], 0);
	t.words[0] = after;
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 5000), 0);
	EXPECT_EQ(t.words[1], 1);
}

TEST(wait_holds)
{
	wait_holds(DRM_OGPU_COMPARE_EQ, 0, 7, 7);
	wait_holds(DRM_OGPU_COMPARE_NE, 7, 0, 7);
	wait_holds(DRM_OGPU_COMPARE_GE, 6, UINT64_MAX, 7);
	wait_holds(DRM_OGPU_COMPARE_LT, 7, 6, 7);
}

TEST(timestamp)
{
	struct drm_ogpu_query_time time = {};
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_TIME,
		.size = sizeof(time),
		.pointer = (uintptr_t)&time,
	};
	struct setup t;
	uint64_t before;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_QUERY, &query), 0);
	before = time.gpu_ns;
	stream_timestamp(&t.s, t.data.va);
	stream_timestamp(&t.s, t.data.va + 8);
	run(&t);
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_QUERY, &query), 0);
	EXPECT_LE(before, t.words[0]);
	EXPECT_LE(t.words[0], t.words[1]);
	EXPECT_LE(t.words[1], time.gpu_ns);
}

TEST(cache)
{
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	stream_cache(&t.s, DRM_OGPU_CACHE_CLEAN | DRM_OGPU_CACHE_INVALIDATE |
		     DRM_OGPU_CACHE_CODE);
	stream_cache(&t.s, 0);
	run(&t);
}

static void code_buffer(struct setup *t, struct buffer *code, uint32_t insn)
{
	card_buffer(&t->card, code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	*(volatile uint32_t *)code->map = insn;
}

TEST(dispatch)
{
	/* sd a0, 0(a0); ret */
	static const uint32_t program[] = { 0x00a53023, INSN_RET };
	struct buffer code;
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	code_buffer(&t, &code, 0);
	memcpy(code.map, program, sizeof(program));
	stream_dispatch(&t.s, code.va, t.data.va + 64, 4, 32);
	stream_copy(&t.s, t.data.va + 64, t.data.va, 8);
	/* No workgroups: nothing happens. */
	stream_dispatch(&t.s, code.va, t.data.va + 128, 0, 32);
	run(&t);
	EXPECT_EQ(t.words[0], t.data.va + 64);
	EXPECT_EQ(t.words[16], 0);
}

/* A program that stores a number. */
static void put_store(struct buffer *code, uint32_t number)
{
	volatile uint32_t *insn = code->map;

	insn[0] = number << 20 | 0x00000593;	/* li a1, number */
	insn[1] = 0x00b53023;			/* sd a1, 0(a0) */
	insn[2] = INSN_RET;
}

/* Code that the CPU changes in place: the card may know the old one until it is told. */
TEST(changed_code)
{
	struct buffer code;
	struct setup t;
	uint32_t n;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	code_buffer(&t, &code, 0);
	for (n = 1; n < 5; n++) {
		put_store(&code, n);
		stream_cache(&t.s, DRM_OGPU_CACHE_CODE);
		stream_dispatch(&t.s, code.va, t.data.va, 4, 32);
		run(&t);
		EXPECT_EQ(t.words[0], n);
	}
}

/* Other code at an address where there was some: unmapping it is enough. */
TEST(remapped_code)
{
	const uint32_t flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC;
	struct buffer code[2];
	struct setup t;
	uint64_t va;
	uint32_t n;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	for (n = 0; n < 2; n++) {
		code_buffer(&t, &code[n], 0);
		put_store(&code[n], n + 1);
		ASSERT_EQ(card_unbind(&t.card, code[n].va, code[n].size), 0);
	}
	va = code[0].va;
	for (n = 0; n < 6; n++) {
		ASSERT_EQ(card_bind(&t.card, &code[n % 2], va, flags), 0);
		stream_dispatch(&t.s, va, t.data.va, 4, 32);
		run(&t);
		EXPECT_EQ(t.words[0], n % 2 + 1);
		/* Without a gap, too. */
		ASSERT_EQ(card_bind(&t.card, &code[(n + 1) % 2], va, flags), 0);
		stream_dispatch(&t.s, va, t.data.va, 4, 32);
		run(&t);
		EXPECT_EQ(t.words[0], (n + 1) % 2 + 1);
		ASSERT_EQ(card_unbind(&t.card, va, code[0].size), 0);
	}
}

/*
 * Bad packets. The queue stops at the packet, with the right reason; what stood before it was done,
 * what stands after it is not; others do not notice.
 */

struct bad {
	const char *name;
	uint32_t error;
	/* Words of the packet; the address of the data buffer is added where DATA stands. */
	uint32_t words[20];
};

#define PKT(op, bytes)		DRM_OGPU_PKT(DRM_OGPU_PKT_##op, bytes)
#define FLAGS(n)		((uint32_t)(n) << 8)
#define DATA			0xda7a0000u, 0xda7a0001u
#define OFFSET(n)		0xda7a0000u + (n), 0xda7a0001u
#define ERR(name)		DRM_OGPU_QUEUE_ERR_##name

static const struct bad bad_packets[] = {
	{ "opcode 16", ERR(OPCODE), { DRM_OGPU_PKT(16, 8) } },
	{ "opcode 255", ERR(OPCODE), { DRM_OGPU_PKT(255, 8) } },
	{ "size 0", ERR(PACKET), { PKT(NOP, 0) } },
	{ "odd size", ERR(PACKET), { PKT(NOP, 12) } },
	{ "longer than the stream", ERR(PACKET), { PKT(NOP, 262136) } },
	{ "nop with flag", ERR(PACKET), { PKT(NOP, 8) | FLAGS(1) } },
	{ "indirect, empty", ERR(PACKET), { PKT(INDIRECT, 16), 0, DATA } },
	{ "indirect, misaligned", ERR(PACKET), { PKT(INDIRECT, 16), 8, OFFSET(4) } },
	{ "indirect, too long", ERR(PACKET), { PKT(INDIRECT, 16), (1 << 24) + 8, DATA } },
	{ "indirect nowhere", ERR(MEMORY), { PKT(INDIRECT, 16), 8, 0, 0x50 } },
	{ "tlbi", ERR(PRIVILEGE), { DRM_OGPU_PKT(10, 24) } },
	{ "copy, short", ERR(PACKET), { PKT(COPY, 24), 0, DATA, DATA } },
	{ "copy, long", ERR(PACKET), { PKT(COPY, 40), 0, DATA, OFFSET(64), 8 } },
	{ "copy, reserved", ERR(PACKET), { PKT(COPY, 32), 1, DATA, OFFSET(64), 8 } },
	{ "copy, unknown flag", ERR(PACKET), { PKT(COPY, 32) | FLAGS(8), 0, DATA, OFFSET(64), 8 } },
	{ "copy, source phys", ERR(PRIVILEGE),
	  { PKT(COPY, 32) | FLAGS(1), 0, DATA, OFFSET(64), 8 } },
	{ "copy, target phys", ERR(PRIVILEGE),
	  { PKT(COPY, 32) | FLAGS(2), 0, DATA, OFFSET(64), 8 } },
	{ "copy, lost", ERR(PRIVILEGE),
	  { PKT(COPY, 40) | FLAGS(4), 0, DATA, OFFSET(64), 8, DATA } },
	{ "copy onto itself", ERR(PACKET), { PKT(COPY, 32), 0, DATA, DATA, 1 } },
	{ "copy, overlap upwards", ERR(PACKET), { PKT(COPY, 32), 0, DATA, OFFSET(64), 65 } },
	{ "copy, overlap downwards", ERR(PACKET), { PKT(COPY, 32), 0, OFFSET(64), DATA, 65 } },
	{ "copy from nowhere", ERR(MEMORY), { PKT(COPY, 32), 0, 0, 0x50, DATA, 8 } },
	{ "copy to nowhere", ERR(MEMORY), { PKT(COPY, 32), 0, DATA, 0, 0x50, 8 } },
	{ "copy to no address", ERR(MEMORY), { PKT(COPY, 32), 0, DATA, 0, 1u << 18, 8 } },
	{ "fill, short", ERR(PACKET), { PKT(FILL, 16), 0, DATA } },
	{ "fill, phys", ERR(PRIVILEGE), { PKT(FILL, 24) | FLAGS(1), 0, DATA, 8 } },
	{ "fill, misaligned", ERR(PACKET), { PKT(FILL, 24), 0, OFFSET(2), 8 } },
	{ "fill, size not of 4", ERR(PACKET), { PKT(FILL, 24), 0, DATA, 6 } },
	{ "fill nowhere", ERR(MEMORY), { PKT(FILL, 24), 0, 0, 0x50, 8 } },
	{ "fill page 0", ERR(MEMORY), { PKT(FILL, 24), 0, 0, 0, 8 } },
	{ "write, empty", ERR(PACKET), { PKT(WRITE, 16), 0, DATA } },
	{ "write, reserved", ERR(PACKET), { PKT(WRITE, 24), 1, DATA } },
	{ "write, misaligned", ERR(PACKET), { PKT(WRITE, 24), 0, OFFSET(1) } },
	{ "write, flag", ERR(PACKET), { PKT(WRITE, 24) | FLAGS(1), 0, DATA } },
	{ "fence, irq", ERR(PRIVILEGE), { PKT(FENCE, 24) | FLAGS(2), 0, DATA, 1 } },
	{ "fence, phys", ERR(PRIVILEGE), { PKT(FENCE, 24) | FLAGS(1), 0, DATA, 1 } },
	{ "fence, misaligned", ERR(PACKET), { PKT(FENCE, 24), 0, OFFSET(4), 1 } },
	{ "wait, unknown compare", ERR(PACKET), { PKT(WAIT, 32), 4, DATA } },
	{ "wait, misaligned", ERR(PACKET), { PKT(WAIT, 32), 0, OFFSET(4) } },
	{ "wait nowhere", ERR(MEMORY), { PKT(WAIT, 32), 0, 0, 0x50 } },
	{ "timestamp, phys", ERR(PRIVILEGE), { PKT(TIMESTAMP, 16) | FLAGS(1), 0, DATA } },
	{ "timestamp, misaligned", ERR(PACKET), { PKT(TIMESTAMP, 16), 0, OFFSET(4) } },
	{ "counters, misaligned", ERR(PACKET), { PKT(COUNTERS, 16), 0, OFFSET(4) } },
	{ "counters, flag", ERR(PACKET), { PKT(COUNTERS, 16) | FLAGS(1), 0, DATA } },
	{ "counters, long", ERR(PACKET), { PKT(COUNTERS, 24), 0, DATA } },
	{ "counters nowhere", ERR(MEMORY), { PKT(COUNTERS, 16), 0, 0, 0x50 } },
	{ "wait, phys", ERR(PRIVILEGE), { PKT(WAIT, 32) | FLAGS(1), 0, DATA } },
	{ "cache, unknown op", ERR(PACKET), { PKT(CACHE, 24), 8 } },
	{ "cache, long", ERR(PACKET), { PKT(CACHE, 32), 1 } },
	{ "cache, short", ERR(PACKET), { PKT(CACHE, 8), 1 } },
	{ "cache, backwards", ERR(PACKET), { PKT(CACHE, 24), 1, OFFSET(8), DATA } },
	{ "dispatch, short", ERR(PACKET), { PKT(DISPATCH, 48), 0, DATA } },
	{ "dispatch, odd entry", ERR(PACKET),
	  { PKT(DISPATCH, 80), 0, OFFSET(1), 0, 0, 1, 1, 1, 1, 1, 1, 0, 0 } },
	{ "dispatch, no items", ERR(PACKET),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0 } },
	{ "dispatch, too many items", ERR(DISPATCH),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 0x100000, 1, 1, 0, 0 } },
	{ "dispatch, items overflow", ERR(DISPATCH),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 0x10000, 0x10000, 0x10000, 0, 0 } },
	{ "dispatch, local memory", ERR(DISPATCH),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 1, 1, 1, UINT32_MAX, 0 } },
	{ "dispatch, private memory", ERR(DISPATCH),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0xfffffff0 } },
	{ "dispatch, part not inside", ERR(PACKET),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 2, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 2, 1, 1 } },
	{ "dispatch indirect, short", ERR(PACKET), { PKT(DISPATCH_INDIRECT, 48), 0, DATA } },
	{ "dispatch indirect, reserved", ERR(PACKET),
	  { PKT(DISPATCH_INDIRECT, 56), 0, DATA, 0, 0, DATA, 1, 1, 1, 0, 0, 1 } },
	{ "dispatch indirect, misaligned", ERR(PACKET),
	  { PKT(DISPATCH_INDIRECT, 56), 0, DATA, 0, 0, OFFSET(2), 1, 1, 1, 0, 0, 0 } },
	{ "dispatch indirect from nowhere", ERR(MEMORY),
	  { PKT(DISPATCH_INDIRECT, 56), 0, DATA, 0, 0, 0, 0x50, 1, 1, 1, 0, 0, 0 } },
	{ "copy_rect, flag", ERR(PACKET),
	  { PKT(COPY_RECT, 72) | FLAGS(1), 0, DATA, OFFSET(64), 8, 1, 1 } },
	{ "copy_rect, reserved", ERR(PACKET),
	  { PKT(COPY_RECT, 72), 1, DATA, OFFSET(64), 8, 1, 1 } },
	{ "copy_rect, too much", ERR(PACKET),
	  { PKT(COPY_RECT, 72), 0, DATA, OFFSET(64), UINT32_MAX, UINT32_MAX, UINT32_MAX } },
	{ "copy_rect from nowhere", ERR(MEMORY),
	  { PKT(COPY_RECT, 72), 0, 0, 0x50, DATA, 8, 1, 1 } },
	{ "copy_rect to no address", ERR(MEMORY),
	  { PKT(COPY_RECT, 72), 0, DATA, 0, 1u << 31, 8, 1, 1 } },
	{ "skip, unknown compare", ERR(PACKET), { PKT(SKIP, 40), 4, DATA } },
	{ "skip, misaligned", ERR(PACKET), { PKT(SKIP, 40), 0, OFFSET(4) } },
	{ "skip, half a word", ERR(PACKET), { PKT(SKIP, 40), 0, DATA, 0, 0, 0, 0, 4 } },
	{ "skip, too far", ERR(PACKET), { PKT(SKIP, 40), 0, DATA, 0, 0, 0, 0, 32 } },
	{ "skip nowhere", ERR(MEMORY), { PKT(SKIP, 40), 0, 0, 0x50 } },
	{ "atomic, unknown", ERR(PACKET), { PKT(ATOMIC, 40), 10, DATA } },
	{ "atomic, reserved", ERR(PACKET), { PKT(ATOMIC, 40), 1u << 31, DATA } },
	{ "atomic, misaligned", ERR(PACKET), { PKT(ATOMIC, 40), 1 << 8, OFFSET(4) } },
	{ "atomic, wide value", ERR(PACKET), { PKT(ATOMIC, 40), 0, DATA, 0, 1 } },
	{ "atomic, compare", ERR(PACKET), { PKT(ATOMIC, 40), 0, DATA, 0, 0, 1 } },
	{ "atomic, unasked result", ERR(PACKET), { PKT(ATOMIC, 40), 0, DATA, 0, 0, 0, 0, DATA } },
	{ "atomic nowhere", ERR(MEMORY), { PKT(ATOMIC, 40), 0, 0, 0x50 } },
	{ "dispatch, not executable", ERR(MEMORY),
	  { PKT(DISPATCH, 80), 0, DATA, 0, 0, 1, 1, 1, 1, 1, 1, 0, 4096 } },
};

static void add_bad(struct setup *t, const struct bad *bad)
{
	uint32_t bytes = (bad->words[0] >> 16) * 4;
	uint32_t words[20];
	unsigned int i;

	memcpy(words, bad->words, sizeof(words));
	for (i = 0; i + 1 < 20; i++) {
		uint32_t offset = words[i] - 0xda7a0000u;

		if (offset < 0x1000 && words[i + 1] == 0xda7a0001u) {
			words[i] = t->data.va + 4096 + offset;
			words[i + 1] = (t->data.va + 4096 + offset) >> 32;
		}
	}
	if (bytes < 8 || bytes > sizeof(words))
		bytes = 8;
	/* The stream stays whole: sizes are of 8 bytes whatever a packet claims. */
	stream_add(&t->s, words, (bytes + 7) & ~7u);
}

static void run_bad(struct setup *t, const struct bad *bad)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_sync out = {
		.handle = card_syncobj(&t->card),
		.flags = DRM_OGPU_SYNC_SIGNAL,
	};
	uint32_t queue = card_compute_queue(&t->card, 2000, t->save_va, CARD_SAVE_BYTES);

	t->words[0] = 0;
	t->words[1] = 0;
	stream_reset(&t->s);
	stream_fence(&t->s, t->data.va, 1);
	add_bad(t, bad);
	stream_fence(&t->s, t->data.va + 8, 1);

	ASSERT_EQ(card_submit(&t->card, queue, &t->s, &out, 1), 0);
	card_queue_wait_error(&t->card, queue, &state);
	if (state.error != bad->error)
		HARNESS_FAIL("%s: error %u, not %u", bad->name, state.error, bad->error);
	EXPECT_EQ(card_syncobj_wait(&t->card, out.handle, 5000), 0);
	EXPECT_EQ(card_fence_status(&t->card, out.handle), -EIO);
	EXPECT_EQ(t->words[0], 1);
	EXPECT_EQ(t->words[1], 0);
	EXPECT_EQ(state.completed, 0);
	EXPECT_EQ(card_submit(&t->card, queue, NULL, NULL, 0), -ECANCELED);
	EXPECT_EQ(card_queue_destroy(&t->card, queue), 0);
}

TEST(bad_packets)
{
	struct stream good;
	struct setup t;
	unsigned int i;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	card_stream(&t.card, &good, 4096);
	stream_nop(&good, 2);
	for (i = 0; i < sizeof(bad_packets) / sizeof(bad_packets[0]); i++) {
		run_bad(&t, &bad_packets[i]);
		card_run(&t.card, t.queue, &good);
	}
}

TEST(dispatch_on_copy_queue)
{
	struct drm_ogpu_queue_get_state state;
	struct buffer code;
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	code_buffer(&t, &code, INSN_RET);
	stream_dispatch(&t.s, code.va, 0, 1, 1);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
}

struct bad_kernel {
	const char *name;
	uint32_t code[3];
	/* Which of them is to blame; -1: none, what is at @va. */
	int blame;
	/* In a0; what memory faults are about. */
	uint64_t va;
	uint32_t error, access, reason;
};

#define FAULT(kind, why) \
	.error = ERR(MEMORY), .access = DRM_OGPU_ACCESS_##kind, .reason = DRM_OGPU_FAULT_##why

static const struct bad_kernel bad_kernels[] = {
	{ "no instruction", { INSN_ILLEGAL }, .error = ERR(INSTRUCTION) },
	{ "ebreak", { INSN_EBREAK }, .error = ERR(TRAP) },
	{ "jump to NULL", { INSN_JR_A0 }, -1, 0, FAULT(EXEC, NOT_MAPPED) },
	{ "jump to nothing", { INSN_JR_A0 }, -1, UNMAPPED, FAULT(EXEC, NOT_MAPPED) },
	{ "jump to no address", { INSN_JR_A0 }, -1, NO_ADDRESS, FAULT(EXEC, VA_RANGE) },
	{ "jump to local memory", { INSN_JR_A0 }, -1, LOCAL, FAULT(EXEC, APERTURE) },
	{ "jump to the stack", { INSN_JR_A0 }, -1, STACK, FAULT(EXEC, APERTURE) },
	{ "load from nothing", { INSN_LD_A0 }, 0, UNMAPPED, FAULT(READ, NOT_MAPPED) },
	{ "load from no address", { INSN_LD_A0 }, 0, NO_ADDRESS, FAULT(READ, VA_RANGE) },
	{ "load behind the stack", { INSN_LD_A0 }, 0, STACK + 4096, FAULT(READ, APERTURE) },
	{ "store to local memory", { INSN_SD_A0 }, 0, LOCAL, FAULT(WRITE, APERTURE) },
	{ "endless recursion", { INSN_PUSH, INSN_SD_RA, INSN_CALL_BACK }, 1, STACK - 8,
	  FAULT(WRITE, APERTURE) },
	{ "atomic on nothing", { INSN_AMO_W }, 0, UNMAPPED, FAULT(ATOMIC, NOT_MAPPED) },
	{ "misaligned word", { INSN_AMO_W }, 0, UNMAPPED + 2, .error = ERR(MISALIGNED) },
	{ "misaligned double word", { INSN_AMO_D }, 0, UNMAPPED + 4, .error = ERR(MISALIGNED) },
	{ "misaligned store", { INSN_SC_D }, 0, UNMAPPED + 4, .error = ERR(MISALIGNED) },
};

static void run_bad_kernel(const struct bad_kernel *bad)
{
	struct drm_ogpu_queue_get_state state;
	bool memory = bad->error == ERR(MEMORY);
	struct buffer code;
	struct setup t;

	printf("# %s\n", bad->name);
	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	code_buffer(&t, &code, 0);
	memcpy(code.map, bad->code, sizeof(bad->code));
	stream_dispatch(&t.s, code.va, bad->va, 1, 1);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, NULL, 0), 0);
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, bad->error);
	EXPECT_EQ(state.fault_va, memory ? bad->va : 0);
	EXPECT_EQ(state.access, bad->access);
	EXPECT_EQ(state.reason, bad->reason);
	EXPECT_EQ(state.pc, bad->blame < 0 ? bad->va : code.va + 4 * bad->blame);
	EXPECT_EQ(state.detail, bad->blame < 0 ? 0 : bad->code[bad->blame]);
	card_close(&t.card);
}

TEST(bad_kernels)
{
	unsigned int i;

	for (i = 0; i < sizeof(bad_kernels) / sizeof(bad_kernels[0]); i++)
		run_bad_kernel(&bad_kernels[i]);
}

static void expect_fault(struct setup *t, uint64_t va, uint32_t access, uint32_t reason)
{
	struct drm_ogpu_fault faults[16] = {};
	struct drm_ogpu_vm_get_faults get = {
		.vm_id = t->card.vm,
		.faults = CARD_ARRAY(faults, 16),
	};
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_fault *last;
	uint32_t queue;

	queue = card_queue(&t->card, DRM_OGPU_ENGINE_COPY, 0);
	ASSERT_EQ(card_submit(&t->card, queue, &t->s, NULL, 0), 0);
	card_queue_wait_error(&t->card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.fault_va, va);
	EXPECT_EQ(state.access, access);
	EXPECT_EQ(state.reason, reason);

	ASSERT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &get), 0);
	ASSERT_GE(get.faults.count, 1);
	last = &faults[get.faults.count - 1];
	EXPECT_EQ(last->va, va);
	EXPECT_EQ(last->queue_id, queue);
	EXPECT_EQ(last->access, access);
	EXPECT_EQ(last->reason, reason);
	EXPECT_EQ(card_queue_destroy(&t->card, queue), 0);
	stream_reset(&t->s);
}

TEST(faults)
{
	struct buffer read_only;
	struct setup t;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	card_buffer(&t.card, &read_only, 4096, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ);

	stream_fill(&t.s, UNMAPPED, 4096, 0);
	expect_fault(&t, UNMAPPED, DRM_OGPU_ACCESS_WRITE, DRM_OGPU_FAULT_NOT_MAPPED);
	stream_copy(&t.s, UNMAPPED + 5, t.data.va, 16);
	expect_fault(&t, UNMAPPED + 5, DRM_OGPU_ACCESS_READ, DRM_OGPU_FAULT_NOT_MAPPED);
	stream_fill(&t.s, read_only.va, 4, 0);
	expect_fault(&t, read_only.va, DRM_OGPU_ACCESS_WRITE, DRM_OGPU_FAULT_PERMISSION);
	stream_fill(&t.s, NO_ADDRESS, 4, 0);
	expect_fault(&t, NO_ADDRESS, DRM_OGPU_ACCESS_WRITE, DRM_OGPU_FAULT_VA_RANGE);
	/* Over the end of a buffer. */
	stream_fill(&t.s, t.data.va + t.data.size - 8, 16, 0);
	expect_fault(&t, t.data.va + t.data.size, DRM_OGPU_ACCESS_WRITE,
		     DRM_OGPU_FAULT_NOT_MAPPED);
}

/* Nobody else gets the blame, not even a queue that has the same id now. */
TEST(fault_of_destroyed_queue)
{
	struct drm_ogpu_fault faults[16] = {};
	struct drm_ogpu_vm_get_faults get = { .faults = CARD_ARRAY(faults, 16) };
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	struct setup t;
	uint32_t other;

	set_up(&t, DRM_OGPU_ENGINE_COPY);
	get.vm_id = t.card.vm;
	out.handle = card_syncobj(&t.card);
	stream_wait(&t.s, t.data.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_fill(&t.s, UNMAPPED, 4, 0);
	ASSERT_EQ(card_submit(&t.card, t.queue, &t.s, &out, 1), 0);
	EXPECT_EQ(card_queue_destroy(&t.card, t.queue), 0);
	other = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 5000), 0);

	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &get), 0);
	ASSERT_EQ(get.faults.count, 1);
	EXPECT_EQ(faults[0].va, UNMAPPED);
	EXPECT_EQ(faults[0].queue_id, 0);
	card_queue_state(&t.card, other, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
}

/*
 * A stream where nothing can be mapped is refused; one where nothing is mapped, or that runs over
 * the end of what is, stops the queue.
 */
TEST(bad_streams)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_job job = { .stream_bytes = 64 };
	static const uint64_t vas[] = {
		0, 0xfff8, 0xfffffffefff8, 0xffffffff0000, NO_ADDRESS, UINT64_MAX - 7,
	};
	struct setup t;
	unsigned int i;
	uint32_t queue;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	for (i = 0; i < sizeof(vas) / sizeof(vas[0]); i++) {
		job.stream_va = vas[i];
		EXPECT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), -EINVAL);
	}
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	job.stream_va = UNMAPPED;
	ASSERT_EQ(card_submit_jobs(&t.card, queue, &job, 1), 0);
	card_queue_wait_error(&t.card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);

	stream_nop(&t.s, t.s.buf.size / 4);
	job.stream_va = t.s.buf.va;
	job.stream_bytes = t.s.buf.size + 4096;
	ASSERT_EQ(card_submit_jobs(&t.card, t.queue, &job, 1), 0);
	card_queue_wait_error(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
}

/* What comes from nowhere: streams of noise must end, one way or another, and hurt nobody. */
TEST_TIMEOUT(noise, 120)
{
	uint64_t x = 88172645463325252ull;
	struct stream good;
	struct setup t;
	unsigned int i, k;

	set_up(&t, DRM_OGPU_ENGINE_COMPUTE);
	card_stream(&t.card, &good, 4096);
	stream_nop(&good, 2);
	for (i = 0; i < 100; i++) {
		struct drm_ogpu_sync out = {
			.handle = card_syncobj(&t.card),
			.flags = DRM_OGPU_SYNC_SIGNAL,
		};
		uint32_t queue = i & 1 ? card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 1000) :
			card_compute_queue(&t.card, 1000, t.save_va, CARD_SAVE_BYTES);

		stream_reset(&t.s);
		for (k = 0; k < 64; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			stream_add(&t.s, &x, sizeof(x));
		}
		/* Half of them begin with a header that looks right. */
		if (i & 2)
			*(uint32_t *)t.s.buf.map = DRM_OGPU_PKT(i % 16, 8 * (1 + i % 8));
		ASSERT_EQ(card_submit(&t.card, queue, &t.s, &out, 1), 0);
		EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 5000), 0);
		EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);
		card_run(&t.card, t.queue, &good);
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
