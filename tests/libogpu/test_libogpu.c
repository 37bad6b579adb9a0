// SPDX-License-Identifier: GPL-2.0 OR MIT
/* libogpu against a fake driver: cards, addresses, packets, submits, save areas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/save.h"
#include "fixture.h"

static void test_open_refuses_others(void **state)
{
	struct ogpu_device *dev;

	(void)state;
	fake_reset();
	fake.driver = "amdgpu";
	assert_int_equal(ogpu_device_open(fake_node(), &dev), -EINVAL);
	fake.driver = NULL;
	fake.major = 9;
	assert_int_equal(ogpu_device_open(fake_node(), &dev), -EPROTO);
	assert_int_equal(ogpu_device_open("/nonexistent", &dev), -ENOENT);
}

static void test_list(void **state)
{
	struct ogpu_card cards[2] = { 0 };
	struct ogpu_device *dev;
	int ret;

	(void)state;
	fake_reset();
	/* Without /sys, and nothing in /dev/dri that could be opened as ours. */
	fake.driver = "amdgpu";
	assert_int_equal(ogpu_device_list(cards, 2), 0);
	ret = ogpu_device_open(NULL, &dev);
	assert_true(ret == -ENOENT || ret == -EACCES);

	fake.listed = true;
	assert_int_equal(ogpu_device_list(cards, 2), 0);
	fake.driver = NULL;
	assert_int_equal(ogpu_device_list(NULL, 0), 2);
	assert_int_equal(ogpu_device_list(cards, 1), 2);
	assert_string_equal(cards[1].node, "");
	assert_int_equal(ogpu_device_list(cards, 2), 2);
	assert_string_equal(cards[0].pci_address, "0000:03:00.0");
	assert_string_equal(cards[1].pci_address, "0000:09:00.0");
	assert_int_equal(ogpu_device_open(cards[1].node, &dev), 0);
	ogpu_device_close(dev);
	assert_int_equal(ogpu_device_open(NULL, &dev), 0);
	ogpu_device_close(dev);

	/* Why none can be used is worth more than that there is none. */
	fake.major = 9;
	assert_int_equal(ogpu_device_open(NULL, &dev), -EPROTO);
	assert_int_equal(ogpu_device_list(cards, 2), 0);
}

static void test_va_alloc(void **state)
{
	struct fixture *f = *state;
	uint64_t a, b, c, d;

	assert_int_equal(ogpu_va_alloc(f->vm, 0, 4096, &a), -EINVAL);
	assert_int_equal(ogpu_va_alloc(f->vm, 1, 4095, &a), -EINVAL);
	assert_int_equal(ogpu_va_alloc(f->vm, 1, 64, &a), -EINVAL);
	assert_int_equal(ogpu_va_alloc(f->vm, UINT64_MAX, 4096, &a), -ENOSPC);
	assert_int_equal(ogpu_va_alloc(f->vm, 1ull << 48, 4096, &a), -ENOSPC);

	assert_int_equal(ogpu_va_alloc(f->vm, 1, 4096, &a), 0);
	assert_int_equal(ogpu_va_alloc(f->vm, 4097, 4096, &b), 0);
	assert_int_equal(ogpu_va_alloc(f->vm, 1 << 20, 1 << 21, &c), 0);
	assert_int_equal(a, OGPU_VA_FIRST);
	assert_int_equal(b, a + 4096);
	assert_int_equal(c % (1 << 21), 0);

	/* A hole is used again, by what fits only. */
	ogpu_va_free(f->vm, a, 1);
	assert_int_equal(ogpu_va_alloc(f->vm, 8192, 4096, &d), 0);
	assert_int_equal(d, b + 8192);
	assert_int_equal(ogpu_va_alloc(f->vm, 4096, 4096, &d), 0);
	assert_int_equal(d, a);
}

static void test_va_never_overlaps(void **state)
{
	struct fixture *f = *state;
	static uint64_t start[256], size[256];
	unsigned int seed = 1;

	for (int round = 0; round < 4000; round++) {
		int i = rand_r(&seed) % 256;

		if (size[i]) {
			ogpu_va_free(f->vm, start[i], size[i]);
			size[i] = 0;
			continue;
		}
		size[i] = 4096 * (1 + rand_r(&seed) % 64);
		assert_int_equal(ogpu_va_alloc(f->vm, size[i], 4096 << rand_r(&seed) % 6,
					       &start[i]), 0);
		for (int j = 0; j < 256; j++)
			assert_true(j == i || !size[j] || start[i] >= start[j] + size[j] ||
				    start[j] >= start[i] + size[i]);
	}
}

static void test_buffer_unwinds(void **state)
{
	struct fixture *f = *state;
	struct ogpu_buffer buf;

	fake.fail_bo = true;
	assert_int_equal(ogpu_buffer_create(f->vm, 1, DRM_OGPU_BO_VRAM, 0, &buf), -ENOSPC);
	fake.fail_bo = false;
	fake.fail_bind = true;
	assert_int_equal(ogpu_buffer_create(f->vm, 1, DRM_OGPU_BO_VRAM, 0, &buf), -ENOMEM);
	fake.fail_bind = false;
	assert_int_equal(fake.live_bos, 0);
	assert_int_equal(ogpu_buffer_create(f->vm, 1, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS,
					    &buf), 0);
	assert_non_null(buf.ptr);
	ogpu_buffer_destroy(&buf);
}

static void test_pool(void **state)
{
	struct fixture *f = *state;
	static struct ogpu_piece piece[256];
	struct ogpu_pool *pool;
	unsigned int seed = 2;
	uint32_t bos;

	assert_int_equal(ogpu_pool_create(f->vm, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
					  1 << 18, &pool), 0);
	for (int round = 0; round < 8000; round++) {
		int i = rand_r(&seed) % 256;
		uint64_t align = 64ull << rand_r(&seed) % 11;

		if (piece[i].bo) {
			/* Nobody else has written there. */
			for (uint64_t at = 0; at < piece[i].bytes; at++)
				assert_int_equal(((uint8_t *)piece[i].ptr)[at], i);
			ogpu_pool_free(pool, &piece[i]);
			assert_null(piece[i].bo);
			continue;
		}
		assert_int_equal(ogpu_pool_alloc(pool, 1 + rand_r(&seed) % 5000, align,
						 &piece[i]), 0);
		assert_int_equal(piece[i].va % align, 0);
		assert_true(piece[i].offset + piece[i].bytes <= piece[i].bo->size);
		memset(piece[i].ptr, i, piece[i].bytes);
	}
	for (int i = 0; i < 256; i++)
		ogpu_pool_free(pool, &piece[i]);

	/* All of it is one range again, in one buffer that stays. */
	assert_int_equal(fake.live_bos, 1);
	bos = fake.bos;
	assert_int_equal(ogpu_pool_alloc(pool, 1 << 18, 0, &piece[0]), 0);
	assert_int_equal(fake.bos, bos);
	assert_int_equal(ogpu_pool_alloc(pool, (1 << 18) + 1, 0, &piece[1]), 0);
	assert_int_equal(fake.bos, bos + 1);
	assert_int_equal(fake.live_bos, 2);
	ogpu_pool_free(pool, &piece[1]);
	assert_int_equal(fake.live_bos, 1);

	/* At the edge of a chunk that is full another one is made once. */
	bos = fake.bos;
	for (int i = 0; i < 9; i++) {
		assert_int_equal(ogpu_pool_alloc(pool, 1, 0, &piece[1]), 0);
		ogpu_pool_free(pool, &piece[1]);
	}
	assert_int_equal(fake.bos, bos + 1);
	/* What has a buffer of its own gives it back, whatever came after it. */
	assert_int_equal(ogpu_pool_alloc(pool, (1 << 18) + 1, 0, &piece[1]), 0);
	assert_int_equal(ogpu_pool_alloc(pool, 1, 0, &piece[2]), 0);
	ogpu_pool_free(pool, &piece[1]);
	assert_int_equal(fake.live_bos, 2);
	ogpu_pool_free(pool, &piece[2]);

	assert_int_equal(ogpu_pool_alloc(pool, 0, 0, &piece[1]), -EINVAL);
	assert_int_equal(ogpu_pool_alloc(pool, UINT64_MAX, 0, &piece[1]), -EINVAL);
	assert_int_equal(ogpu_pool_alloc(pool, 64, 96, &piece[1]), -EINVAL);
	assert_int_equal(ogpu_pool_alloc(pool, 64, 1 << 17, &piece[1]), -EINVAL);
	fake.fail_bo = true;
	assert_int_equal(ogpu_pool_alloc(pool, (1 << 18) + 1, 0, &piece[1]), -ENOSPC);
	fake.fail_bo = false;
	ogpu_pool_destroy(pool);	/* with a piece */
}

static void test_stream_args(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[300000];
	struct ogpu_stream s;
	uint32_t header;
	uint64_t va;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	assert_int_equal(ogpu_stream_create(f->vm, 1 << 20, &s), 0);
	ogpu_emit_timestamp(&s, 0x1000);
	va = ogpu_emit_args(&s, data, 13);
	assert_int_equal(va, s.buf.va + 16 + 8);
	assert_memory_equal((char *)s.buf.ptr + 24, data, 13);
	memcpy(&header, (char *)s.buf.ptr + 16, sizeof(header));
	assert_int_equal(header, DRM_OGPU_PKT(DRM_OGPU_PKT_NOP, 24));
	assert_int_equal(s.used, 40);
	assert_int_equal(ogpu_emit_args(&s, data, 262128), s.buf.va + 48);
	assert_memory_equal((char *)s.buf.ptr + 48, data, 262128);
	assert_false(s.overflow);
	assert_int_equal(ogpu_emit_args(&s, data, 262129), 0);
	assert_true(s.overflow);
	ogpu_stream_destroy(&s);
}

static void test_stream_packets(void **state)
{
	struct fixture *f = *state;
	static const uint32_t words[2] = { 1, 2 };
	struct ogpu_dispatch d = {
		.entry = 0x1000, .args = 0x2000, .grid = { 3 }, .group = { 64 },
	};
	const struct drm_ogpu_pkt_dispatch *p;
	struct ogpu_stream s;
	const uint32_t *w;

	assert_int_equal(ogpu_stream_create(f->vm, 4096, &s), 0);
	w = s.buf.ptr;
	ogpu_emit_copy(&s, 1, 2, 3);
	assert_int_equal(s.used, 32);
	assert_int_equal(w[0], 2 | 0x80 << 8 | 8 << 16);
	ogpu_emit_write(&s, 8, words, 2);
	s.overlap = true;
	ogpu_emit_write(&s, 8, words, 2);
	assert_int_equal(w[14], 4 | 6 << 16);
	s.overlap = false;
	s.used -= 24;
	assert_int_equal(w[8], 4 | 0x80 << 8 | 6 << 16);
	assert_int_equal(w[13], 2);
	ogpu_emit_dispatch(&s, &d);
	p = (const void *)&w[14];
	assert_int_equal(p->header, 8 | 0x80 << 8 | 20 << 16);
	assert_int_equal(p->grid[1], 1);
	assert_int_equal(p->group[0], 64);
	assert_int_equal(p->private_bytes, OGPU_PRIVATE_DEFAULT);
	ogpu_stream_destroy(&s);
}

/* Each emitter's packet: its opcode and flags, its size, and its members where they belong. */
static void test_stream_emitters(void **state)
{
	struct fixture *f = *state;
	const struct ogpu_copy_rect r = {
		.src = 1, .dst = 2, .extent = { 3, 4, 5 }, .src_pitch = { -6, 7 },
		.dst_pitch = { 8, -9 },
	};
	const struct ogpu_dispatch d = {
		.entry = 2, .args = 3, .grid = { 4, 5, 6 }, .base = { 7, 8, 9 },
		.total = { 11, 13, 15 }, .local_bytes = 16, .private_bytes = 32,
	};
	const struct drm_ogpu_pkt_dispatch_indirect *i;
	const struct drm_ogpu_pkt_timestamp *t;
	const struct drm_ogpu_pkt_counters *cn;
	const struct drm_ogpu_pkt_copy_rect *c;
	const struct drm_ogpu_pkt_indirect *in;
	const struct drm_ogpu_pkt_dispatch *p;
	const struct drm_ogpu_pkt_atomic *a;
	const struct drm_ogpu_pkt_cache *k;
	const struct drm_ogpu_pkt_fence *n;
	struct ogpu_stream s;
	uint8_t *at;

	assert_int_equal(ogpu_stream_create(f->vm, 4096, &s), 0);
	at = s.buf.ptr;
#define NEXT(packet) ({ (packet) = (const void *)at; at += sizeof(*(packet)); \
			assert_int_equal((packet)->header >> 16, sizeof(*(packet)) / 4); \
			(packet)->header & 0xffff; })
	ogpu_emit_copy_rect(&s, &r);
	assert_int_equal(NEXT(c), DRM_OGPU_PKT_COPY_RECT | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(c->src, 1);
	assert_int_equal(c->dst, 2);
	assert_int_equal(c->extent[2], 5);
	assert_int_equal(c->src_pitch[0], -6ull);
	assert_int_equal(c->src_pitch[1], 7);
	assert_int_equal(c->dst_pitch[1], -9ull);
	ogpu_emit_fence_signal(&s, 8, 9);
	assert_int_equal(NEXT(n), DRM_OGPU_PKT_FENCE | DRM_OGPU_PKT_BARRIER |
				  DRM_OGPU_FENCE_SIGNAL);
	assert_int_equal(n->value, 9);
	ogpu_emit_timestamp(&s, 16);
	assert_int_equal(NEXT(t), DRM_OGPU_PKT_TIMESTAMP | DRM_OGPU_PKT_BARRIER |
				  DRM_OGPU_TIMESTAMP_END);
	s.overlap = true;
	ogpu_emit_timestamp_start(&s, 16);
	assert_int_equal(NEXT(t), DRM_OGPU_PKT_TIMESTAMP);
	s.overlap = false;
	ogpu_emit_counters(&s, 32);
	assert_int_equal(NEXT(cn), DRM_OGPU_PKT_COUNTERS | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(cn->addr, 32);
	ogpu_emit_cache_range(&s, DRM_OGPU_CACHE_CODE, 5, 6);
	assert_int_equal(NEXT(k), DRM_OGPU_PKT_CACHE | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(k->ops, 4);
	assert_int_equal(k->start, 5);
	assert_int_equal(k->end, 6);
	ogpu_emit_cache(&s, DRM_OGPU_CACHE_CLEAN);
	assert_int_equal(NEXT(k), DRM_OGPU_PKT_CACHE | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(k->ops, 1);
	assert_int_equal(k->start, 0);
	assert_int_equal(k->end, 0);
	ogpu_emit_indirect(&s, 24, 8);
	assert_int_equal(NEXT(in), DRM_OGPU_PKT_INDIRECT | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(in->bytes, 8);
	assert_int_equal(in->addr, 24);
	ogpu_emit_atomic(&s, DRM_OGPU_ATOMIC_XOR, 4, 5);
	assert_int_equal(NEXT(a), DRM_OGPU_PKT_ATOMIC | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(a->result, 0);
	ogpu_emit_atomic_return(&s, DRM_OGPU_ATOMIC_CAS | DRM_OGPU_ATOMIC_WIDE, 8, 5, 6, 16);
	assert_int_equal(NEXT(a), DRM_OGPU_PKT_ATOMIC | DRM_OGPU_PKT_BARRIER |
				  DRM_OGPU_ATOMIC_RETURN);
	assert_int_equal(a->op, 0x102);
	assert_int_equal(a->addr, 8);
	assert_int_equal(a->value, 5);
	assert_int_equal(a->compare, 6);
	assert_int_equal(a->result, 16);
	ogpu_emit_dispatch(&s, &d);
	assert_int_equal(NEXT(p), DRM_OGPU_PKT_DISPATCH | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(p->base[2], 9);
	assert_int_equal(p->total[0], 11);
	ogpu_emit_dispatch_indirect(&s, &d, 40);
	assert_int_equal(NEXT(i), DRM_OGPU_PKT_DISPATCH_INDIRECT | DRM_OGPU_PKT_BARRIER);
	assert_int_equal(i->grid, 40);
	assert_int_equal(i->group[1], 1);
	assert_int_equal(i->local_bytes, 16);
	assert_int_equal(i->private_bytes, 32);
	assert_int_equal(s.used, at - (uint8_t *)s.buf.ptr);
	ogpu_stream_destroy(&s);
}

/* What is between the two ends is left out; one within the other; without room nothing is. */
static void test_stream_skip(void **state)
{
	struct fixture *f = *state;
	const struct drm_ogpu_pkt_skip *p;
	uint32_t outer, inner;
	struct ogpu_stream s;

	assert_int_equal(ogpu_stream_create(f->vm, 4096, &s), 0);
	p = s.buf.ptr;
	outer = ogpu_emit_skip(&s, 8, DRM_OGPU_COMPARE_GE, 9, 10);
	assert_int_equal(p->header, 13 | 0x80 << 8 | 10 << 16);
	assert_int_equal(p->compare, DRM_OGPU_COMPARE_GE);
	assert_int_equal(p->addr, 8);
	assert_int_equal(p->value, 9);
	assert_int_equal(p->mask, 10);
	assert_int_equal(p->bytes, 0);
	inner = ogpu_emit_skip(&s, 8, DRM_OGPU_COMPARE_LT, 9, 10);
	ogpu_emit_fence(&s, 0, 0);
	ogpu_emit_skip_end(&s, inner);
	ogpu_emit_fence(&s, 0, 0);
	ogpu_emit_skip_end(&s, outer);
	assert_int_equal(p[0].bytes, 40 + 24 + 24);
	assert_int_equal(p[1].bytes, 24);
	while (!s.overflow)
		inner = ogpu_emit_skip(&s, 8, DRM_OGPU_COMPARE_LT, 9, 10);
	ogpu_emit_skip_end(&s, inner);
	assert_int_equal(p[0].bytes, 40 + 24 + 24);
	ogpu_stream_destroy(&s);
}

static void test_stream_overflow(void **state)
{
	struct fixture *f = *state;
	struct ogpu_queue *queue;
	struct ogpu_stream s;
	uint64_t room;

	assert_int_equal(ogpu_stream_create(f->vm, 1, &s), 0);
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE,
					   DRM_OGPU_PRIORITY_NORMAL, &queue), 0);
	room = s.buf.bo->size / 24;
	for (uint64_t i = 0; i < room; i++)
		ogpu_emit_fence(&s, 0, 0);
	assert_false(s.overflow);
	ogpu_emit_fence(&s, 0, 0);
	assert_true(s.overflow);
	assert_int_equal(ogpu_queue_submit(queue, &s, NULL, 0, NULL), -ENOSPC);
	assert_int_equal(fake.submits, 0);
	ogpu_stream_reset(&s);
	assert_int_equal(ogpu_queue_submit(queue, &s, NULL, 0, NULL), 0);
	ogpu_queue_destroy(queue);
	ogpu_stream_destroy(&s);
}

static void test_submit(void **state)
{
	struct fixture *f = *state;
	struct drm_ogpu_sync many[20] = { { .handle = 3 } };
	struct ogpu_queue *queue;
	struct ogpu_stream s;
	uint64_t point = 0;

	assert_int_equal(ogpu_stream_create(f->vm, 4096, &s), 0);
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE,
					   DRM_OGPU_PRIORITY_NORMAL, &queue), 0);
	ogpu_emit_timestamp(&s, 0x1000);
	assert_int_equal(ogpu_queue_submit(queue, &s, NULL, 0, &point), 0);
	assert_int_equal(point, 1);
	assert_int_equal(fake.job.stream_va, s.buf.va);
	assert_int_equal(fake.job.stream_bytes, 16);
	assert_int_equal(fake.syncs[0].handle, 77);
	assert_int_equal(fake.syncs[0].value, 1);

	fake.fail_submit = true;
	assert_int_equal(ogpu_queue_submit(queue, &s, NULL, 0, &point), -ECANCELED);
	fake.fail_submit = false;
	assert_int_equal(ogpu_queue_submit(queue, &s, many, 20, &point), 0);
	assert_int_equal(point, 2);	/* a failed submit takes no point */
	assert_int_equal(fake.job.syncs.count, 21);
	assert_int_equal(fake.syncs[1].handle, 3);
	assert_int_equal(ogpu_queue_submit(queue, &s, many, DRM_OGPU_MAX_SYNCS, &point), -EINVAL);
	ogpu_queue_destroy(queue);
	ogpu_stream_destroy(&s);
}

static void test_submit_many(void **state)
{
	struct fixture *f = *state;
	struct drm_ogpu_sync more[2] = { { .handle = 3 }, { .handle = 4 } };
	struct ogpu_submission jobs[DRM_OGPU_MAX_JOBS + 1];
	struct ogpu_queue *queue;
	struct ogpu_stream s;
	uint64_t point = 0;

	assert_int_equal(ogpu_stream_create(f->vm, 4096, &s), 0);
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE,
					   DRM_OGPU_PRIORITY_NORMAL, &queue), 0);
	ogpu_emit_timestamp(&s, 0x1000);
	for (int i = 0; i <= DRM_OGPU_MAX_JOBS; i++)
		jobs[i] = (struct ogpu_submission){
			.stream = &s, .syncs = more, .sync_count = i % 3,
		};
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, 3, &point), 0);
	assert_int_equal(point, 3);
	assert_int_equal(fake.submits, 1);
	assert_int_equal(fake.jobs, 3);
	assert_int_equal(fake.job.stream_va, s.buf.va);
	assert_int_equal(fake.job.syncs.count, 3);
	assert_int_equal(fake.syncs[0].value, 3);
	assert_int_equal(fake.syncs[1].handle, 3);
	assert_int_equal(fake.syncs[2].handle, 4);

	assert_int_equal(ogpu_queue_submit_many(queue, jobs, DRM_OGPU_MAX_JOBS, &point), 0);
	assert_int_equal(point, 3 + DRM_OGPU_MAX_JOBS);
	assert_int_equal(fake.syncs[0].value, point);
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, 0, &point), -EINVAL);
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, DRM_OGPU_MAX_JOBS + 1, &point),
			 -EINVAL);
	jobs[1].flags = 1;
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, 2, &point), -EINVAL);
	jobs[1].flags = 0;
	jobs[1].sync_count = DRM_OGPU_MAX_SYNCS;
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, 2, &point), -EINVAL);
	s.overflow = true;
	assert_int_equal(ogpu_queue_submit_many(queue, jobs, 1, &point), -ENOSPC);
	assert_int_equal(fake.submits, 2);
	ogpu_queue_destroy(queue);
	ogpu_stream_destroy(&s);
}

/* One ioctl, with the number that the job has in its queue, whoever else submitted to that. */
static void test_wait(void **state)
{
	struct fixture *f = *state;
	struct ogpu_stream stream = { 0 };
	struct drm_ogpu_wait_fence done;
	struct ogpu_queue *queue;
	uint64_t point;

	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_LOW,
					   &queue), 0);
	assert_int_equal(ogpu_queue_wait(queue, 0, -1), 0);
	assert_int_equal(fake.waits, 0);
	assert_int_equal(ogpu_queue_submit(queue, &stream, NULL, 0, &point), 0);
	assert_int_equal(ogpu_queue_wait(queue, point, -1), 0);
	assert_int_equal(fake.waits, 1);
	assert_int_equal(fake.states, 0);
	assert_int_equal(fake.wait.type, DRM_OGPU_WAIT_JOB);
	assert_int_equal(fake.wait.queue_id, queue->id);
	assert_int_equal(fake.wait.value, 1);
	assert_int_equal(fake.wait.pointer, 0);
	assert_int_equal(fake.wait.mask, 0);

	fake.number += 2;
	assert_int_equal(ogpu_queue_submit(queue, &stream, NULL, 0, &point), 0);
	assert_int_equal(point, 2);
	ogpu_queue_done(queue, point, &done);
	assert_int_equal(done.value, 4);

	fake.wait_error = ETIME;
	assert_int_equal(ogpu_queue_wait(queue, point, 0), -ETIME);
	fake.wait_error = ECANCELED;
	assert_int_equal(ogpu_queue_wait(queue, point, 0), -ECANCELED);
	assert_int_equal(fake.states, 0);

	/* After a reset the state of the queue still tells. */
	fake.wait_error = ENODEV;
	fake.state.error = DRM_OGPU_QUEUE_ERR_ENGINE;
	fake.state.completed = 3;
	assert_int_equal(ogpu_queue_wait(queue, point, 0), -ECANCELED);
	fake.state.completed = 4;
	assert_int_equal(ogpu_queue_wait(queue, point, 0), 0);
	ogpu_queue_destroy(queue);
}

static void test_label(void **state)
{
	struct fixture *f = *state;
	struct ogpu_bo *bo;

	assert_int_equal(ogpu_bo_create(f->dev, 4096, DRM_OGPU_BO_SYSTEM, 0, &bo), 0);
	assert_int_equal(ogpu_bo_set_label(bo, "weights"), 0);
	assert_int_equal(fake.labelled, bo->handle);
	assert_string_equal(fake.label, "weights");
	ogpu_bo_destroy(bo);
}

static void test_madvise(void **state)
{
	struct fixture *f = *state;
	struct ogpu_bo *bo;
	bool retained;

	assert_int_equal(ogpu_bo_create(f->dev, 4096, DRM_OGPU_BO_VRAM, 0, &bo), 0);
	assert_int_equal(ogpu_bo_madvise(bo, DRM_OGPU_MADV_DONTNEED, NULL), 0);
	assert_int_equal(fake.advice.handle, bo->handle);
	assert_int_equal(fake.advice.advice, DRM_OGPU_MADV_DONTNEED);
	assert_int_equal(ogpu_bo_madvise(bo, DRM_OGPU_MADV_WILLNEED, &retained), 0);
	assert_int_equal(fake.advice.advice, DRM_OGPU_MADV_WILLNEED);
	assert_true(retained);
	fake.purged = true;
	assert_int_equal(ogpu_bo_madvise(bo, DRM_OGPU_MADV_WILLNEED, &retained), 0);
	assert_false(retained);
	fake.purged = false;
	assert_int_equal(ogpu_bo_prefetch(bo, DRM_OGPU_BO_VRAM), 0);
	assert_int_equal(fake.prefetch.handle, bo->handle);
	assert_int_equal(fake.prefetch.placement, DRM_OGPU_BO_VRAM);
	ogpu_bo_destroy(bo);
}

static void test_kill(void **state)
{
	struct fixture *f = *state;
	struct ogpu_queue *queue;

	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_NORMAL,
					   &queue), 0);
	assert_int_equal(ogpu_queue_kill(queue), 0);
	assert_int_equal(fake.killed, queue->id);
	ogpu_queue_destroy(queue);
}

/* The formula of the uapi, and of the contract: both give the same. */
static void test_save_bytes(void **state)
{
	static const struct {
		uint32_t groups, items, local, private;
		uint64_t frame;
	} sizes[] = {
		{ 1, 1, 0, 0, 256 + 16896 },
		{ 1, 32, 1, 16, 256 + 256 + 16896 + 512 },
		{ 1, 33, 256, 16, 256 + 256 + 2 * 16896 + 1024 },
		{ 3, 1024, 65536, 1024, 256 + 65536 + 32 * 16896 + 1024 * 1024 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t waves = (sizes[i].items + 31) / 32;

		assert_int_equal(OGPU_SAVE_FRAME(32, waves, sizes[i].local, sizes[i].private),
				 sizes[i].frame);
		assert_int_equal(ogpu_save_bytes(f->dev, sizes[i].groups, sizes[i].items,
						 sizes[i].local, sizes[i].private),
				 (sizes[i].groups * sizes[i].frame + 4095) / 4096 * 4096);
	}
	assert_int_equal(ogpu_save_bytes(f->dev, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX),
			 UINT64_MAX);
	/* Four units with workgroups of 256 need more than one of 1024 work-items. */
	assert_int_equal(ogpu_save_bytes_default(f->dev),
			 ogpu_save_bytes(f->dev, 4, 256, 65536, OGPU_PRIVATE_DEFAULT));
}

/* Compute queues have a save area, which goes after their last job; copy queues have none. */
static void test_save_area(void **state)
{
	static const struct ogpu_queue_options bare = { .timeout_ms = 7 };
	struct fixture *f = *state;
	struct ogpu_queue *queue;
	uint64_t va, next;

	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_LOW,
					   &queue), 0);
	va = fake.queue.save_va;
	assert_int_equal(fake.queue.save_bytes, ogpu_save_bytes_default(f->dev));
	assert_int_equal(va, fake.bind[0].va);
	assert_true(fake.bind[0].size >= fake.queue.save_bytes);
	assert_int_equal(fake.bind[0].flags, DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	ogpu_queue_destroy(queue);
	assert_int_equal(fake.submits, 1);
	assert_int_equal(fake.bind_sync.handle, 77);
	assert_int_equal(fake.bind_sync.flags, DRM_OGPU_SYNC_TIMELINE);
	assert_int_equal(fake.bind_sync.value, 1);
	assert_int_equal(fake.bind[1].op, DRM_OGPU_BIND_UNMAP);
	assert_int_equal(fake.bind[1].va, va);
	assert_int_equal(fake.live_bos, 0);
	assert_int_equal(ogpu_va_alloc(f->vm, 4096, 4096, &next), 0);
	assert_int_equal(next, va);
	ogpu_va_free(f->vm, next, 4096);

	/* One that has failed takes no job any more. */
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_LOW,
					   &queue), 0);
	fake.fail_submit = true;
	ogpu_queue_destroy(queue);
	assert_int_equal(fake.bind_sync.handle, 0);
	assert_int_equal(fake.bind[3].op, DRM_OGPU_BIND_UNMAP);
	assert_int_equal(fake.live_bos, 0);

	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_LOW,
					   &queue), 0);
	assert_int_equal(fake.queue.save_bytes, 0);
	assert_int_equal(fake.queue.save_va, 0);
	ogpu_queue_destroy(queue);
	assert_int_equal(ogpu_queue_create_with(f->vm, &bare, &queue), 0);
	assert_int_equal(fake.queue.engine, DRM_OGPU_ENGINE_COMPUTE);
	assert_int_equal(fake.queue.timeout_ms, 7);
	assert_int_equal(fake.queue.save_bytes, 0);
	ogpu_queue_destroy(queue);
	assert_int_equal(fake.binds, 4);

	fake.fail_queue = true;
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_LOW,
					   &queue), -ENOSPC);
	assert_int_equal(fake.live_bos, 0);
	fake.fail_bo = true;
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_LOW,
					   &queue), -ENOSPC);
}

/* A save area as hardware leaves it, and others. */
static void test_dump(void **state)
{
	enum { LANES = 32, WAVES = 2, LOCAL = 300, PRIVATE = 16, FRAMES = 3 };
	const uint64_t size = OGPU_SAVE_FRAME(LANES, WAVES, LOCAL, PRIVATE);
	uint8_t *area = calloc(FRAMES, size);
	struct ogpu_save_group *head;
	struct ogpu_dump_wave wave;
	struct ogpu_dump dump;
	unsigned int n = 0;
	uint64_t *at;

	(void)state;
	for (unsigned int f = 0; f < FRAMES; f++) {
		head = (struct ogpu_save_group *)(area + f * size);
		*head = (struct ogpu_save_group){
			.state = f ? OGPU_SAVE_HELD : OGPU_SAVE_FREE, .waves = WAVES,
			.lanes = LANES, .local_bytes = LOCAL, .private_bytes = PRIVATE,
			.group = 100 + f,
		};
		for (unsigned int w = 0; w < WAVES; w++) {
			at = (uint64_t *)(area + f * size + OGPU_SAVE_WAVES(LOCAL) +
					  w * OGPU_SAVE_WAVE(LANES));
			at[63 * LANES + 31] = 1000 * f + w;
			at[OGPU_SAVE_PC(LANES) / 8 + 5] = 2000 * f + w;
			at[OGPU_SAVE_STATE(LANES) / 8] = 0xf0 + f;
			at[OGPU_SAVE_STATE(LANES) / 8 + 1] = 0x10;
			((uint8_t *)at)[OGPU_SAVE_FRM(LANES) + 3] = 4;
		}
	}
	assert_int_equal(ogpu_dump_open(area, FRAMES * size, 2, OGPU_SAVE_WAVE(LANES), &dump), 0);
	for (; ogpu_dump_next(&dump, &wave); n++) {
		const unsigned int f = 1 + n / WAVES;

		assert_int_equal(wave.group, 100 + f);
		assert_int_equal(wave.wave, n % WAVES);
		assert_int_equal(wave.lanes, LANES);
		assert_int_equal(wave.live, 0xf0 + f);
		assert_int_equal(wave.barrier, 0x10);
		assert_int_equal(wave.pc[5], 2000 * f + n % WAVES);
		assert_int_equal(wave.frm[3], 4);
		assert_int_equal(ogpu_dump_reg(&wave, 63, 31), 1000 * f + n % WAVES);
		assert_ptr_equal(wave.local, area + f * size + OGPU_SAVE_LOCAL);
		assert_int_equal(wave.local_bytes, LOCAL);
	}
	assert_int_equal(n, 2 * WAVES);
	/* No more than are said to be there, and no further than the area goes. */
	assert_int_equal(ogpu_dump_open(area, FRAMES * size, 1, OGPU_SAVE_WAVE(LANES), &dump), 0);
	for (n = 0; ogpu_dump_next(&dump, &wave); n++)
		;
	assert_int_equal(n, WAVES);
	assert_int_equal(ogpu_dump_open(area, 2 * size, 2, OGPU_SAVE_WAVE(LANES), &dump), 0);
	for (n = 0; ogpu_dump_next(&dump, &wave); n++)
		;
	assert_int_equal(n, WAVES);
	assert_int_equal(ogpu_dump_open(area, FRAMES * size, 0, OGPU_SAVE_WAVE(LANES), &dump),
			 -ENODATA);
	/* Whatever stands there. */
	for (unsigned int i = 0; i < 200000; i++) {
		for (unsigned int b = 0; b < 32; b++)
			area[b] = i < 100 ? 0xff : rand() >> (rand() % 24);
		if (i % 2)
			memcpy(area + 24, &(uint32_t){ LANES }, 4);
		if (i % 3)
			memcpy(area + 4, &(uint32_t){ rand() % 4 }, 4);
		if (ogpu_dump_open(area, FRAMES * size, 3, OGPU_SAVE_WAVE(LANES), &dump))
			continue;
		while (ogpu_dump_next(&dump, &wave)) {
			assert_true((const uint8_t *)wave.regs >= area);
			assert_true((const uint8_t *)wave.frm + wave.lanes <= area + FRAMES * size);
		}
	}
	free(area);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_refuses_others),
		cmocka_unit_test(test_list),
		IN_VM(test_va_alloc),
		IN_VM(test_va_never_overlaps),
		IN_VM(test_buffer_unwinds),
		IN_VM(test_pool),
		IN_VM(test_stream_packets),
		IN_VM(test_stream_args),
		IN_VM(test_stream_emitters),
		IN_VM(test_stream_skip),
		IN_VM(test_stream_overflow),
		IN_VM(test_submit),
		IN_VM(test_submit_many),
		IN_VM(test_wait),
		IN_VM(test_label),
		IN_VM(test_madvise),
		IN_VM(test_kill),
		IN_VM(test_save_bytes),
		IN_VM(test_save_area),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests_name("libogpu", tests, NULL, NULL);
}
