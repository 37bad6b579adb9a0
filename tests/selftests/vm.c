// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_CREATE, VM_DESTROY, VM_BIND, VM_GET_FAULTS: arguments, what is mapped after a bind, order of
 * asynchronous binds, life of address spaces, faults.
 */
#include <stddef.h>
#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

#define VA		0x200000000000ull	/* far away from what card_buffer() uses */
#define VA_LAST		(1ull << 48)

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#define BIND(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, args)

static int bind_ops(struct card *card, const struct drm_ogpu_bind_op *ops, uint32_t count)
{
	struct drm_ogpu_vm_bind args = { .vm_id = card->vm, .ops = CARD_ARRAY(ops, count) };

	return BIND(card, &args);
}

static int bind_async(struct card *card, const struct drm_ogpu_bind_op *ops, uint32_t count,
		      const struct drm_ogpu_sync *syncs, uint32_t num_syncs)
{
	struct drm_ogpu_vm_bind args = {
		.vm_id = card->vm,
		.flags = DRM_OGPU_VM_BIND_ASYNC,
		.ops = CARD_ARRAY(ops, count),
		.syncs = CARD_ARRAY(syncs, num_syncs),
	};

	return BIND(card, &args);
}

static void close_handle(struct card *card, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_GEM_CLOSE, &args), 0);
}

/* Everything that tests of mappings need. */
struct bench {
	struct card card;
	uint32_t queue;
	struct stream s;
	struct buffer out;	/* results */
	struct buffer buf;	/* what is mapped here and there; word n of page p is p << 16 | n */
};

static void fill_pages(struct buffer *buf, uint32_t tag)
{
	uint32_t *words = buf->map;
	uint64_t i;

	for (i = 0; i < buf->size / 4; i++)
		words[i] = tag + ((i / 1024) << 10) + i % 1024;
}

static void bench_open_with(struct bench *b, uint64_t size, uint32_t placement)
{
	card_open(&b->card);
	b->queue = card_queue(&b->card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&b->card, &b->s, 64 * KIB);
	card_buffer(&b->card, &b->out, 64 * KIB, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&b->card, &b->buf, size, placement, RW);
	fill_pages(&b->buf, 0);
}

static void bench_open(struct bench *b)
{
	bench_open_with(b, 4 * MIB, DRM_OGPU_BO_VRAM);
}

/* The first word of what the card sees at an address, which must be mapped. */
static uint32_t read_word(struct bench *b, uint64_t va)
{
	memset(b->out.map, 0xff, 4);
	stream_reset(&b->s);
	stream_copy(&b->s, va, b->out.va, 4);
	card_run(&b->card, b->queue, &b->s);

	return *(uint32_t *)b->out.map;
}

/* Whether the card faults there; costs a queue. */
static bool faults(struct bench *b, uint64_t va)
{
	struct drm_ogpu_queue_get_state state;
	uint32_t queue = card_queue(&b->card, DRM_OGPU_ENGINE_COPY, 0);
	struct drm_ogpu_sync sync = {
		.handle = card_syncobj(&b->card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};

	stream_reset(&b->s);
	stream_copy(&b->s, va, b->out.va, 4);
	ASSERT_EQ(card_submit(&b->card, queue, &b->s, &sync, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&b->card, sync.handle, 10000), 0);
	card_queue_state(&b->card, queue, &state);
	EXPECT_EQ(card_queue_destroy(&b->card, queue), 0);
	if (state.error == DRM_OGPU_QUEUE_OK)
		return false;

	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.fault_va & ~0xfffull, va & ~0xfffull);

	return true;
}

/* What the card sees in the page of @buf that holds byte @offset. */
static uint32_t page_word(uint64_t offset)
{
	return offset / 4096 << 10;
}

/*
 * Arguments
 */

TEST(create_bad_arguments)
{
	struct drm_ogpu_vm_create args;
	struct card card;
	int bit;

	card_open(&card);
	for (bit = 0; bit < 32; bit++) {
		args = (struct drm_ogpu_vm_create) { .flags = 1u << bit };
		if (args.flags == DRM_OGPU_VM_LONG_RUNNING)
			continue;
		EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &args), -EINVAL);
	}
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, (void *)8), -EFAULT);
}

TEST(destroy_bad_arguments)
{
	struct drm_ogpu_vm_destroy args = {};
	struct card card;

	card_open(&card);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), -ENOENT);
	args.vm_id = UINT32_MAX;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), -ENOENT);
	args.vm_id = card.vm;
	args.pad = 1;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), -EINVAL);
	args.pad = 0;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), 0);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &args), -ENOENT);
}

TEST(create_many)
{
	struct drm_ogpu_vm_create args;
	struct card card, other;
	unsigned int n;
	int ret = 0;

	card_open(&card);
	card_open(&other);
	for (n = 0; n < 70000 && !ret; n++) {
		args = (struct drm_ogpu_vm_create) {};
		ret = card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &args);
	}
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT_GE(n, 8);
	card_close(&card);

	args = (struct drm_ogpu_vm_create) {};
	EXPECT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_VM_CREATE, &args), 0);
}

TEST(bind_bad_call)
{
	struct drm_ogpu_vm_bind good, args;
	struct drm_ogpu_bind_op op;
	struct card card, other;
	struct buffer buf;
	int bit;

	card_open(&card);
	card_open(&other);
	ASSERT_EQ(card_buffer_create(&card, &buf, MIB, DRM_OGPU_BO_SYSTEM), 0);
	op = card_map_op(&buf, 0, VA, MIB);
	good = (struct drm_ogpu_vm_bind) { .vm_id = card.vm, .ops = CARD_ARRAY(&op, 1) };

	for (bit = 1; bit < 32; bit++) {
		args = good;
		args.flags = 1u << bit;
		EXPECT_EQ(BIND(&card, &args), -EINVAL);
	}
	args = good;
	args.vm_id = 0;
	EXPECT_EQ(BIND(&card, &args), -ENOENT);
	args.vm_id = card.vm + 1;
	EXPECT_EQ(BIND(&card, &args), -ENOENT);
	args.vm_id = UINT32_MAX;
	EXPECT_EQ(BIND(&card, &args), -ENOENT);
	EXPECT_EQ(BIND(&card, NULL), -EFAULT);

	/* The array: too short, too long, wrong stride, wild pointers. */
	args = good;
	args.ops.count = 0;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.ops.array = 0;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args = good;
	args.ops.count = DRM_OGPU_MAX_BIND_OPS + 1;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.ops.count = UINT32_MAX;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args = good;
	args.ops.stride = sizeof(op) - 8;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.ops.stride = sizeof(op) + 4;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.ops.stride = 4104;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.ops.stride = 0;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args = good;
	args.ops.array = 0;
	EXPECT_EQ(BIND(&card, &args), -EFAULT);
	args.ops.array = 8;
	EXPECT_EQ(BIND(&card, &args), -EFAULT);
	args.ops.array = 0xffff800000000000ull;
	EXPECT_EQ(BIND(&card, &args), -EFAULT);
	args.ops.array = UINT64_MAX - 64;
	EXPECT_EQ(BIND(&card, &args), -EFAULT);

	/* Syncs. */
	args = good;
	args.syncs.stride = 16;
	args.syncs.count = 1;
	args.syncs.array = 8;
	EXPECT_EQ(BIND(&card, &args), -EFAULT);
	args.syncs.count = DRM_OGPU_MAX_SYNCS + 1;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);
	args.syncs.count = 0;
	EXPECT_EQ(BIND(&card, &args), -EINVAL);

	/* A handle of another file, and in the end the good call. */
	ASSERT_EQ(card_buffer_create(&other, &buf, MIB, DRM_OGPU_BO_SYSTEM), 0);
	ASSERT_EQ(card_buffer_create(&other, &buf, MIB, DRM_OGPU_BO_SYSTEM), 0);
	op.bo_handle = buf.handle;
	EXPECT_EQ(BIND(&card, &good), -ENOENT);
	op.bo_handle = 1;
	EXPECT_EQ(BIND(&card, &good), 0);
}

TEST(bind_bad_ops)
{
	struct drm_ogpu_bind_op good, op;
	struct card card;
	struct buffer buf;
	int bit;

	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &buf, MIB, DRM_OGPU_BO_VRAM), 0);
	good = card_map_op(&buf, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&card, &good, 1), 0);

#define BAD(member, value, error) do { \
	op = good; \
	op.member = value; \
	EXPECT_EQ(bind_ops(&card, &op, 1), error); \
} while (0)

	BAD(op, 3, -EINVAL);
	BAD(op, UINT32_MAX, -EINVAL);
	BAD(pad, 1, -EINVAL);
	for (bit = 5; bit < 32; bit++)
		BAD(flags, RW | 1u << bit, -EINVAL);
	BAD(flags, RW | DRM_OGPU_BIND_UNCACHED | DRM_OGPU_BIND_COHERENT, -EINVAL);
	BAD(flags, 0, -EINVAL);
	BAD(flags, DRM_OGPU_BIND_WRITE, -EINVAL);
	BAD(flags, DRM_OGPU_BIND_EXEC, -EINVAL);
	BAD(bo_handle, 0, -ENOENT);
	BAD(bo_handle, 77, -ENOENT);
	BAD(bo_handle, UINT32_MAX, -ENOENT);
	BAD(bo_offset, 1, -EINVAL);
	BAD(bo_offset, 2048, -EINVAL);
	BAD(bo_offset, 4096, -EINVAL);
	BAD(bo_offset, MIB, -EINVAL);
	BAD(bo_offset, 0ull - 4096, -EINVAL);
	BAD(bo_offset, 0ull - MIB, -EINVAL);
	BAD(size, 0, -EINVAL);
	BAD(size, 1, -EINVAL);
	BAD(size, MIB + 4096, -EINVAL);
	BAD(size, MIB - 1, -EINVAL);
	BAD(size, UINT64_MAX, -EINVAL);
	BAD(size, 0ull - 4096, -EINVAL);
	BAD(va, VA + 1, -EINVAL);
	BAD(va, VA + 2048, -EINVAL);
	BAD(va, 0, -EINVAL);
	BAD(va, 60 * KIB, -EINVAL);
	BAD(va, VA_LAST - MIB, -EINVAL);
	BAD(va, VA_LAST - MIB - 60 * KIB, -EINVAL);
	BAD(va, VA_LAST, -EINVAL);
	BAD(va, 0ull - MIB, -EINVAL);
	BAD(va, 0ull - 4096, -EINVAL);

	good = card_unmap_op(VA, MIB);
	BAD(flags, DRM_OGPU_BIND_READ, -EINVAL);
	BAD(bo_handle, buf.handle, -EINVAL);
	BAD(bo_offset, 4096, -EINVAL);
	BAD(pad, 1, -EINVAL);
	BAD(size, 0, -EINVAL);
	BAD(size, VA_LAST, -EINVAL);
	BAD(va, 0, -EINVAL);
	BAD(va, VA_LAST - 64 * KIB, -EINVAL);

	/* Pages without memory have no buffer, and nothing to execute or to cache. */
	good = (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP_NULL, .flags = RW, .va = VA, .size = MIB,
	};
	BAD(bo_handle, buf.handle, -EINVAL);
	BAD(bo_offset, 4096, -EINVAL);
	BAD(flags, 0, -EINVAL);
	BAD(flags, DRM_OGPU_BIND_WRITE, -EINVAL);
	for (bit = 2; bit < 32; bit++)
		BAD(flags, RW | 1u << bit, -EINVAL);
	BAD(size, 0, -EINVAL);
	BAD(va, VA_LAST - MIB, -EINVAL);

	/* The first and the last bytes that can be mapped. */
	op = card_map_op(&buf, 0, 64 * KIB, MIB);
	EXPECT_EQ(bind_ops(&card, &op, 1), 0);
	op = card_map_op(&buf, 0, VA_LAST - MIB - 64 * KIB, MIB);
	EXPECT_EQ(bind_ops(&card, &op, 1), 0);
	op = card_unmap_op(64 * KIB, VA_LAST - 128 * KIB);
	EXPECT_EQ(bind_ops(&card, &op, 1), 0);
	EXPECT_EQ(bind_ops(&card, &op, 1), 0);
}

TEST(bind_bad_syncs)
{
	struct drm_ogpu_sync sync = {};
	struct drm_ogpu_bind_op op;
	struct card card;
	struct buffer buf;
	uint32_t signal;

	card_open(&card);
	ASSERT_EQ(card_buffer_create(&card, &buf, MIB, DRM_OGPU_BO_VRAM), 0);
	op = card_map_op(&buf, 0, VA, MIB);

	sync.handle = 77;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -ENOENT);
	/* A wait for what nobody has promised. */
	sync.handle = card_syncobj(&card);
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);
	sync.flags = DRM_OGPU_SYNC_TIMELINE;
	sync.value = 5;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);
	sync.value = 0;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);
	sync.flags |= DRM_OGPU_SYNC_SIGNAL;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);
	sync.flags = 4;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);

	/* After an error no syncobj is signalled. */
	signal = card_syncobj(&card);
	sync = (struct drm_ogpu_sync) { .handle = signal, .flags = DRM_OGPU_SYNC_SIGNAL };
	op.va = 1;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), -EINVAL);
	EXPECT_EQ(card_syncobj_wait(&card, signal, 0), -EINVAL);
	op.va = VA;
	EXPECT_EQ(bind_async(&card, &op, 1, &sync, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&card, signal, 10000), 0);
}

/*
 * What is mapped
 */

TEST(map_unmap)
{
	struct drm_ogpu_bind_op op;
	struct bench b;

	bench_open(&b);
	op = card_map_op(&b.buf, 0, VA, 4 * MIB);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
	EXPECT_EQ(read_word(&b, VA), 0);
	EXPECT_EQ(read_word(&b, VA + 4 * MIB - 4096), page_word(4 * MIB - 4096));
	EXPECT(faults(&b, VA - 4));
	EXPECT(faults(&b, VA + 4 * MIB));
	op = card_unmap_op(VA, 4 * MIB);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
	EXPECT(faults(&b, VA));
	EXPECT(faults(&b, VA + 4 * MIB - 4));
	/* The other mapping of the same buffer is not touched. */
	EXPECT_EQ(read_word(&b, b.buf.va + MIB), page_word(MIB));
}

/* One page out of the middle of large pages; then something else into the hole. */
TEST(partial_unmap)
{
	static const uint64_t holes[] = { 0, 4096, MIB, 2 * MIB - 4096, 2 * MIB, 4 * MIB - 4096 };
	struct drm_ogpu_bind_op op;
	struct bench b;
	unsigned int i, k;

	bench_open(&b);
	for (i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		op = card_map_op(&b.buf, 0, VA, 4 * MIB);
		ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
		op = card_unmap_op(VA + holes[i], 4096);
		ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
		EXPECT(faults(&b, VA + holes[i]));
		for (k = 0; k < sizeof(holes) / sizeof(holes[0]); k++) {
			if (k != i)
				EXPECT_EQ(read_word(&b, VA + holes[k]), page_word(holes[k]));
		}
		op = card_map_op(&b.buf, 3 * MIB, VA + holes[i], 4096);
		ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
		EXPECT_EQ(read_word(&b, VA + holes[i]), page_word(3 * MIB));
	}
}

TEST(map_over)
{
	struct drm_ogpu_bind_op ops[3];
	struct buffer other;
	struct bench b;

	bench_open(&b);
	card_buffer(&b.card, &other, MIB, DRM_OGPU_BO_SYSTEM, RW);
	fill_pages(&other, 0x1000000);

	/* In one call: a mapping, another on top of its middle, and a hole in that. */
	ops[0] = card_map_op(&b.buf, 0, VA, 4 * MIB);
	ops[1] = card_map_op(&other, 0, VA + MIB, MIB);
	ops[2] = card_unmap_op(VA + MIB + 64 * KIB, 64 * KIB);
	ASSERT_EQ(bind_ops(&b.card, ops, 3), 0);
	EXPECT_EQ(read_word(&b, VA + MIB - 4096), page_word(MIB - 4096));
	EXPECT_EQ(read_word(&b, VA + MIB), 0x1000000);
	EXPECT(faults(&b, VA + MIB + 64 * KIB));
	EXPECT_EQ(read_word(&b, VA + MIB + 128 * KIB), 0x1000000 + page_word(128 * KIB));
	EXPECT_EQ(read_word(&b, VA + 2 * MIB), page_word(2 * MIB));

	/* A mapping exactly on top, and one that covers several. */
	ops[0] = card_map_op(&b.buf, 2 * MIB, VA + MIB, MIB);
	ASSERT_EQ(bind_ops(&b.card, ops, 1), 0);
	EXPECT_EQ(read_word(&b, VA + MIB + 64 * KIB), page_word(2 * MIB + 64 * KIB));
	ops[0] = card_map_op(&b.buf, 0, VA, 4 * MIB);
	ASSERT_EQ(bind_ops(&b.card, ops, 1), 0);
	EXPECT_EQ(read_word(&b, VA + MIB + 64 * KIB), page_word(MIB + 64 * KIB));
}

/* A call that fails half way leaves what stood before. */
TEST(all_or_nothing)
{
	struct drm_ogpu_bind_op ops[3];
	struct bench b;

	bench_open(&b);
	ops[0] = card_map_op(&b.buf, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&b.card, ops, 1), 0);

	ops[0] = card_unmap_op(VA, MIB);
	ops[1] = card_map_op(&b.buf, MIB, VA + GIB, MIB);
	ops[2] = card_map_op(&b.buf, 0, VA + 1, MIB);
	EXPECT_EQ(bind_ops(&b.card, ops, 3), -EINVAL);
	ops[2] = card_map_op(&b.buf, 0, VA + 2 * GIB, MIB);
	ops[2].bo_handle = 99;
	EXPECT_EQ(bind_ops(&b.card, ops, 3), -ENOENT);
	EXPECT_EQ(read_word(&b, VA + 4096), page_word(4096));
	EXPECT(faults(&b, VA + GIB));
}

TEST(protection)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_bind_op op;
	struct drm_ogpu_sync sync;
	struct bench b;

	bench_open(&b);
	op = card_map_op(&b.buf, 0, VA, 4 * MIB);
	op.flags = DRM_OGPU_BIND_READ;
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
	EXPECT_EQ(read_word(&b, VA + MIB), page_word(MIB));

	sync = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&b.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	stream_reset(&b.s);
	stream_fill(&b.s, VA + MIB, 4, 0xdead);
	ASSERT_EQ(card_submit(&b.card, b.queue, &b.s, &sync, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&b.card, sync.handle, 10000), 0);
	card_queue_state(&b.card, b.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.access, DRM_OGPU_ACCESS_WRITE);
	EXPECT_EQ(state.reason, DRM_OGPU_FAULT_PERMISSION);
	EXPECT_EQ(state.fault_va, VA + MIB);
	EXPECT_EQ(*((uint32_t *)b.buf.map + MIB / 4), page_word(MIB));
}

TEST(long_array)
{
	static struct drm_ogpu_bind_op ops[DRM_OGPU_MAX_BIND_OPS];
	struct bench b;
	unsigned int i;

	bench_open_with(&b, 16 * MIB, DRM_OGPU_BO_VRAM);
	/* Pages in reverse order. */
	for (i = 0; i < DRM_OGPU_MAX_BIND_OPS; i++)
		ops[i] = card_map_op(&b.buf, 16 * MIB - (i + 1) * 4096ull, VA + i * 4096ull, 4096);
	ASSERT_EQ(bind_ops(&b.card, ops, DRM_OGPU_MAX_BIND_OPS), 0);
	for (i = 0; i < DRM_OGPU_MAX_BIND_OPS; i += 1000)
		EXPECT_EQ(read_word(&b, VA + i * 4096ull), page_word(16 * MIB - (i + 1) * 4096ull));
	for (i = 0; i < DRM_OGPU_MAX_BIND_OPS; i++)
		ops[i] = card_unmap_op(VA + i * 4096ull, 4096);
	ASSERT_EQ(bind_ops(&b.card, ops, DRM_OGPU_MAX_BIND_OPS), 0);
	EXPECT(faults(&b, VA + 4096));
}

TEST(larger_elements)
{
	struct {
		struct drm_ogpu_bind_op op;
		uint64_t future;
	} op = {};
	struct drm_ogpu_vm_bind args;
	struct bench b;

	bench_open(&b);
	op.op = card_map_op(&b.buf, 0, VA, MIB);
	args = (struct drm_ogpu_vm_bind) { .vm_id = b.card.vm, .ops = CARD_ARRAY(&op, 1) };
	op.future = 1;
	EXPECT_EQ(BIND(&b.card, &args), -E2BIG);
	op.future = 0;
	EXPECT_EQ(BIND(&b.card, &args), 0);
	EXPECT_EQ(read_word(&b, VA), 0);
}

/* Mapped memory lives on when its handle is closed. */
TEST(mapping_keeps_memory)
{
	struct drm_ogpu_bind_op op;
	struct buffer other;
	struct bench b;

	bench_open(&b);
	op = card_map_op(&b.buf, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
	close_handle(&b.card, b.buf.handle);
	ASSERT_EQ(munmap(b.buf.map, b.buf.size), 0);
	card_buffer(&b.card, &other, 4 * MIB, DRM_OGPU_BO_VRAM, RW);
	memset(other.map, 0x55, other.size);
	EXPECT_EQ(read_word(&b, VA + 8192), page_word(8192));
}

TEST(several_address_spaces)
{
	struct drm_ogpu_vm_create create = {};
	struct drm_ogpu_vm_destroy destroy;
	struct drm_ogpu_bind_op op;
	struct buffer other;
	struct bench b, c;

	bench_open(&b);
	card_buffer(&b.card, &other, MIB, DRM_OGPU_BO_SYSTEM, RW);
	fill_pages(&other, 0x2000000);
	op = card_map_op(&b.buf, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);

	/* The second one of the same file: shares buffers, not addresses. */
	ASSERT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_CREATE, &create), 0);
	EXPECT_NE(create.vm_id, b.card.vm);
	c = b;
	c.card.vm = create.vm_id;
	c.queue = card_queue(&c.card, DRM_OGPU_ENGINE_COPY, 0);
	op = card_map_op(&c.s.buf, 0, c.s.buf.va, c.s.buf.size);
	ASSERT_EQ(bind_ops(&c.card, &op, 1), 0);
	op = card_map_op(&c.out, 0, c.out.va, c.out.size);
	ASSERT_EQ(bind_ops(&c.card, &op, 1), 0);
	op = card_map_op(&other, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&c.card, &op, 1), 0);
	EXPECT_EQ(read_word(&b, VA), 0);
	EXPECT_EQ(read_word(&c, VA), 0x2000000);
	EXPECT(faults(&c, b.buf.va));

	/* Its id goes at once, what it maps stays while it has a queue. */
	destroy = (struct drm_ogpu_vm_destroy) { .vm_id = create.vm_id };
	ASSERT_EQ(card_ioctl(&c.card, DRM_IOCTL_OGPU_VM_DESTROY, &destroy), 0);
	EXPECT_EQ(bind_ops(&c.card, &op, 1), -ENOENT);
	EXPECT_EQ(read_word(&c, VA), 0x2000000);
	EXPECT_EQ(card_queue_destroy(&c.card, c.queue), 0);
	EXPECT_EQ(read_word(&b, VA + 4096), page_word(4096));
}

/*
 * Order
 */

TEST(async_order)
{
	struct drm_ogpu_sync waits = {}, done = {};
	struct drm_ogpu_bind_op op;
	struct bench b;
	int i;

	bench_open(&b);
	/* A chain of binds that all stand behind one syncobj. */
	waits.handle = card_syncobj(&b.card);
	ASSERT_EQ(drmSyncobjSignal(b.card.fd, &waits.handle, 1), 0);
	done.handle = card_syncobj(&b.card);
	done.flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE;
	for (i = 1; i <= 64; i++) {
		struct drm_ogpu_sync syncs[] = { waits, done };

		syncs[1].value = i;
		op = i % 2 ? card_map_op(&b.buf, i * 4096, VA, MIB) :
			     card_unmap_op(VA + 8192, 4096);
		ASSERT_EQ(bind_async(&b.card, &op, 1, syncs, 2), 0);
	}
	ASSERT_EQ(card_timeline_wait(&b.card, done.handle, 64, 10000), 0);
	EXPECT_EQ(read_word(&b, VA), page_word(63 * 4096));
	EXPECT(faults(&b, VA + 8192));

	/* A synchronous bind waits for those before it. */
	op = card_map_op(&b.buf, MIB, VA, MIB);
	ASSERT_EQ(bind_async(&b.card, &op, 1, NULL, 0), 0);
	op = card_map_op(&b.buf, 2 * MIB, VA, 4096);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);
	EXPECT_EQ(read_word(&b, VA), page_word(2 * MIB));
	EXPECT_EQ(read_word(&b, VA + 8192), page_word(MIB + 8192));
}

/* Queue -> bind -> queue, all handed over before the first has run. */
TEST(async_between_jobs)
{
	struct drm_ogpu_sync first, second, syncs[2], last;
	struct drm_ogpu_bind_op op;
	struct stream gate;
	struct bench b;
	volatile uint64_t *flag;

	bench_open(&b);
	card_stream(&b.card, &gate, 64 * KIB);
	op = card_map_op(&b.buf, 0, VA, MIB);
	ASSERT_EQ(bind_ops(&b.card, &op, 1), 0);

	/* A job that waits for the CPU. */
	flag = (volatile uint64_t *)((char *)b.out.map + 32 * KIB);
	*flag = 0;
	stream_wait(&gate, b.out.va + 32 * KIB, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	first = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&b.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	ASSERT_EQ(card_submit(&b.card, b.queue, &gate, &first, 1), 0);

	/* A bind after it, which must not have happened yet while the job waits. */
	second = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&b.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	syncs[0] = (struct drm_ogpu_sync) { .handle = first.handle };
	syncs[1] = second;
	op = card_map_op(&b.buf, 2 * MIB, VA, MIB);
	ASSERT_EQ(bind_async(&b.card, &op, 1, syncs, 2), 0);

	stream_reset(&b.s);
	stream_copy(&b.s, VA, b.out.va, 4);
	syncs[0] = (struct drm_ogpu_sync) { .handle = second.handle };
	last = (struct drm_ogpu_sync) {
		.handle = card_syncobj(&b.card), .flags = DRM_OGPU_SYNC_SIGNAL,
	};
	syncs[1] = last;
	ASSERT_EQ(card_submit(&b.card, b.queue, &b.s, syncs, 2), 0);

	EXPECT_EQ(card_syncobj_wait(&b.card, second.handle, 50), -ETIME);
	*flag = 1;
	ASSERT_EQ(card_syncobj_wait(&b.card, last.handle, 10000), 0);
	EXPECT_EQ(*(uint32_t *)b.out.map, page_word(2 * MIB));
}

/* The process ends with binds under way; all memory comes back when they are done. */
TEST(close_with_binds_pending)
{
	struct drm_ogpu_query_memory before;
	struct card card;
	int round;

	card_open_unused(&card);
	before = card_memory(&card);
	for (round = 0; round < 8; round++) {
		pid_t pid = fork();

		ASSERT(pid >= 0);
		if (!pid) {
			struct drm_ogpu_bind_op op;
			struct bench b;
			int i;

			bench_open(&b);
			for (i = 0; i < 200; i++) {
				op = card_map_op(&b.buf, 0, VA + i * 4 * MIB, 4 * MIB);
				bind_async(&b.card, &op, 1, NULL, 0);
			}
			_exit(0);
		}
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	}

	ASSERT_EQ(card_wait_memory(&card, &before), 0);
}

/*
 * Faults
 */

static int get_faults(struct card *card, struct drm_ogpu_fault *faults, uint32_t *count,
		      uint32_t *total)
{
	struct drm_ogpu_vm_get_faults args = {
		.vm_id = card->vm, .faults = CARD_ARRAY(faults, *count),
	};
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args);

	*count = args.faults.count;
	*total = args.total;

	return ret;
}

TEST(get_faults)
{
	struct drm_ogpu_fault list[20];
	struct bench b;
	uint32_t count, total;
	unsigned int i;

	bench_open(&b);
	count = 20;
	ASSERT_EQ(get_faults(&b.card, list, &count, &total), 0);
	EXPECT_EQ(count, 0);
	EXPECT_EQ(total, 0);

	for (i = 0; i < 20; i++)
		EXPECT(faults(&b, VA + i * 4096));
	count = 20;
	memset(list, 0xff, sizeof(list));
	ASSERT_EQ(get_faults(&b.card, list, &count, &total), 0);
	EXPECT_EQ(total, 20);
	ASSERT_EQ(count, 16);
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(list[i].va, VA + (i + 4) * 4096);
		EXPECT_EQ(list[i].access, DRM_OGPU_ACCESS_READ);
		EXPECT_EQ(list[i].reason, DRM_OGPU_FAULT_NOT_MAPPED);
		EXPECT_NE(list[i].time_ns, 0);
		if (i)
			EXPECT_GE(list[i].time_ns, list[i - 1].time_ns);
	}
	EXPECT_EQ(list[16].va, UINT64_MAX);

	count = 2;
	ASSERT_EQ(get_faults(&b.card, list, &count, &total), 0);
	ASSERT_EQ(count, 2);
	EXPECT_EQ(list[0].va, VA + 18 * 4096);
	EXPECT_EQ(list[1].va, VA + 19 * 4096);
	count = 0;
	ASSERT_EQ(get_faults(&b.card, list, &count, &total), 0);
	EXPECT_EQ(total, 20);
}

TEST(get_faults_bad_arguments)
{
	struct drm_ogpu_fault list[2];
	struct drm_ogpu_vm_get_faults good, args;
	struct bench b;

	bench_open(&b);
	EXPECT(faults(&b, VA));
	good = (struct drm_ogpu_vm_get_faults) {
		.vm_id = b.card.vm, .faults = CARD_ARRAY(list, 2),
	};
	args = good;
	args.vm_id = 77;
	EXPECT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args), -ENOENT);
	args = good;
	args.faults.stride = 16;
	EXPECT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args), -EINVAL);
	args = good;
	args.faults.array = 8;
	EXPECT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args), -EFAULT);
	args = good;
	args.faults.count = 0;
	EXPECT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args), -EINVAL);
	args = good;
	EXPECT_EQ(card_ioctl(&b.card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &args), 0);
	EXPECT_EQ(args.faults.count, 1);
}

/* A private buffer is mapped in its address space and nowhere else, and outlives it. */
TEST(private_buffer)
{
	struct drm_ogpu_vm_create create = {};
	struct drm_ogpu_vm_destroy destroy = {};
	struct card card, other;
	struct buffer buf;
	struct stream s;
	uint32_t queue;

	card_open(&card);
	card_open(&other);
	card_private = true;
	card_buffer(&card, &buf, 65536, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	stream_fill(&s, buf.va, buf.size, 0x12345678);
	card_run(&card, queue, &s);
	EXPECT_EQ(((volatile uint32_t *)buf.map)[16383], 0x12345678);

	/* Mapped twice, and beside one that is not private. */
	ASSERT_EQ(card_bind(&card, &buf, 0x100000000000ull, DRM_OGPU_BIND_READ), 0);
	card_private = false;
	card_buffer(&card, &(struct buffer) {}, 65536, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ);
	card_run(&card, queue, &s);
	ASSERT_EQ(card_unbind(&card, 0x100000000000ull, buf.size), 0);

	destroy.vm_id = card.vm;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &create), 0);
	card.vm = create.vm_id;
	EXPECT_EQ(card_bind(&card, &buf, 0x100000000000ull, DRM_OGPU_BIND_READ), -EINVAL);

	/* The mapping ends with the address space, the buffer does not. */
	EXPECT_EQ(card_queue_destroy(&card, queue), 0);
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &destroy), 0);
	EXPECT_EQ(card_bind(&card, &buf, 0x100000000000ull, DRM_OGPU_BIND_READ), -EINVAL);
	EXPECT_EQ(((volatile uint32_t *)buf.map)[16383], 0x12345678);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
