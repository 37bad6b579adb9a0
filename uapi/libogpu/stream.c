// SPDX-License-Identifier: MIT
/* Writing packets. */
#include <string.h>

#include "internal.h"

int ogpu_stream_create(struct ogpu_vm *vm, uint32_t size, struct ogpu_stream *stream)
{
	*stream = (struct ogpu_stream){ 0 };
	return ogpu_buffer_create(vm, size, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				  &stream->buf);
}

void ogpu_stream_destroy(struct ogpu_stream *stream)
{
	ogpu_buffer_destroy(&stream->buf);
}

void ogpu_stream_reset(struct ogpu_stream *stream)
{
	stream->used = 0;
	stream->overflow = false;
	stream->overlap = false;
}

static void emit(struct ogpu_stream *s, const void *packet, uint32_t bytes, const void *tail,
		 uint32_t tail_bytes)
{
	uint8_t *at = (uint8_t *)s->buf.ptr + s->used;

	if (s->overflow || s->buf.bo->size - s->used < (uint64_t)bytes + tail_bytes) {
		s->overflow = true;
		return;
	}
	memcpy(at, packet, bytes);
	if (tail_bytes)
		memcpy(at + bytes, tail, tail_bytes);
	s->used += bytes + tail_bytes;
}

#define EMIT(s, packet)	emit(s, &(packet), sizeof(packet), NULL, 0)
#define HEADER(s, name, packet)	header(s, DRM_OGPU_PKT_##name, sizeof(packet))

static uint32_t header(const struct ogpu_stream *s, uint32_t opcode, uint64_t bytes)
{
	return DRM_OGPU_PKT(opcode, bytes) | (s->overlap ? 0 : DRM_OGPU_PKT_BARRIER);
}

void ogpu_emit_copy(struct ogpu_stream *s, uint64_t dst, uint64_t src, uint64_t bytes)
{
	struct drm_ogpu_pkt_copy p = { .src = src, .dst = dst, .bytes = bytes };

	p.header = HEADER(s, COPY, p);
	EMIT(s, p);
}

void ogpu_emit_fill(struct ogpu_stream *s, uint64_t dst, uint32_t pattern, uint64_t bytes)
{
	struct drm_ogpu_pkt_fill p = { .pattern = pattern, .dst = dst, .bytes = bytes };

	p.header = HEADER(s, FILL, p);
	EMIT(s, p);
}

void ogpu_emit_write(struct ogpu_stream *s, uint64_t dst, const uint32_t *words, uint32_t count)
{
	struct drm_ogpu_pkt_write p = { .dst = dst };
	uint64_t bytes = sizeof(p) + 4ull * count;

	/* The header counts words in 16 bits. */
	if (bytes / 4 > 0xffff) {
		s->overflow = true;
		return;
	}
	p.header = header(s, DRM_OGPU_PKT_WRITE, bytes);
	emit(s, &p, sizeof(p), words, 4 * count);
}

uint64_t ogpu_emit_args(struct ogpu_stream *s, const void *data, uint32_t bytes)
{
	static const uint64_t end;
	uint32_t head[2] = { 0 }, padding = -bytes & 7;
	uint64_t all = sizeof(head) + (uint64_t)bytes + padding;
	uint64_t va = s->buf.va + s->used + sizeof(head);

	/* The header counts words in 16 bits. */
	if (all / 4 > 0xffff || s->overflow || s->buf.bo->size - s->used < all) {
		s->overflow = true;
		return 0;
	}
	/* What follows the header of a NOP is nobody's business. */
	head[0] = DRM_OGPU_PKT(DRM_OGPU_PKT_NOP, all);
	emit(s, head, sizeof(head), data, bytes);
	emit(s, &end, padding, NULL, 0);
	return va;
}

static void emit_fence(struct ogpu_stream *s, uint64_t addr, uint64_t value, uint32_t flags)
{
	struct drm_ogpu_pkt_fence p = { .addr = addr, .value = value };

	p.header = HEADER(s, FENCE, p) | flags;
	EMIT(s, p);
}

void ogpu_emit_fence(struct ogpu_stream *s, uint64_t addr, uint64_t value)
{
	emit_fence(s, addr, value, 0);
}

void ogpu_emit_fence_signal(struct ogpu_stream *s, uint64_t addr, uint64_t value)
{
	emit_fence(s, addr, value, DRM_OGPU_FENCE_SIGNAL);
}

void ogpu_emit_wait(struct ogpu_stream *s, uint64_t addr, enum drm_ogpu_compare compare,
		    uint64_t value, uint64_t mask)
{
	struct drm_ogpu_pkt_wait p = {
		.compare = compare,
		.addr = addr,
		.value = value,
		.mask = mask,
	};

	p.header = HEADER(s, WAIT, p);
	EMIT(s, p);
}

static void emit_timestamp(struct ogpu_stream *s, uint64_t addr, uint32_t flags)
{
	struct drm_ogpu_pkt_timestamp p = { .addr = addr };

	p.header = HEADER(s, TIMESTAMP, p) | flags;
	EMIT(s, p);
}

void ogpu_emit_timestamp(struct ogpu_stream *s, uint64_t addr)
{
	emit_timestamp(s, addr, DRM_OGPU_TIMESTAMP_END);
}

void ogpu_emit_counters(struct ogpu_stream *s, uint64_t addr)
{
	struct drm_ogpu_pkt_counters p = { .addr = addr };

	p.header = HEADER(s, COUNTERS, p);
	EMIT(s, p);
}

void ogpu_emit_timestamp_start(struct ogpu_stream *s, uint64_t addr)
{
	emit_timestamp(s, addr, 0);
}

void ogpu_emit_cache(struct ogpu_stream *s, uint32_t ops)
{
	ogpu_emit_cache_range(s, ops, 0, 0);
}

void ogpu_emit_cache_range(struct ogpu_stream *s, uint32_t ops, uint64_t start, uint64_t end)
{
	struct drm_ogpu_pkt_cache p = { .ops = ops, .start = start, .end = end };

	p.header = HEADER(s, CACHE, p);
	EMIT(s, p);
}

void ogpu_emit_indirect(struct ogpu_stream *s, uint64_t addr, uint32_t bytes)
{
	struct drm_ogpu_pkt_indirect p = { .bytes = bytes, .addr = addr };

	p.header = HEADER(s, INDIRECT, p);
	EMIT(s, p);
}

void ogpu_emit_copy_rect(struct ogpu_stream *s, const struct ogpu_copy_rect *r)
{
	struct drm_ogpu_pkt_copy_rect p = { .src = r->src, .dst = r->dst };

	p.header = HEADER(s, COPY_RECT, p);
	for (int i = 0; i < 3; i++)
		p.extent[i] = r->extent[i];
	for (int i = 0; i < 2; i++) {
		p.src_pitch[i] = r->src_pitch[i];
		p.dst_pitch[i] = r->dst_pitch[i];
	}
	EMIT(s, p);
}

uint32_t ogpu_emit_skip(struct ogpu_stream *s, uint64_t addr, enum drm_ogpu_compare compare,
			uint64_t value, uint64_t mask)
{
	struct drm_ogpu_pkt_skip p = {
		.compare = compare,
		.addr = addr,
		.value = value,
		.mask = mask,
	};

	p.header = HEADER(s, SKIP, p);
	EMIT(s, p);
	return s->used;
}

void ogpu_emit_skip_end(struct ogpu_stream *s, uint32_t skip)
{
	uint32_t bytes = s->used - skip;

	if (s->overflow)
		return;
	memcpy((uint8_t *)s->buf.ptr + skip - sizeof(struct drm_ogpu_pkt_skip) +
	       offsetof(struct drm_ogpu_pkt_skip, bytes), &bytes, sizeof(bytes));
}

static void emit_atomic(struct ogpu_stream *s, struct drm_ogpu_pkt_atomic *p, uint32_t flags)
{
	p->header = HEADER(s, ATOMIC, *p) | flags;
	EMIT(s, *p);
}

void ogpu_emit_atomic(struct ogpu_stream *s, uint32_t op, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_atomic p = { .op = op, .addr = addr, .value = value };

	emit_atomic(s, &p, 0);
}

void ogpu_emit_atomic_return(struct ogpu_stream *s, uint32_t op, uint64_t addr, uint64_t value,
			     uint64_t compare, uint64_t result)
{
	struct drm_ogpu_pkt_atomic p = {
		.op = op,
		.addr = addr,
		.value = value,
		.compare = compare,
		.result = result,
	};

	emit_atomic(s, &p, DRM_OGPU_ATOMIC_RETURN);
}

static uint32_t private_bytes(const struct ogpu_dispatch *d)
{
	return d->private_bytes ? d->private_bytes : OGPU_PRIVATE_DEFAULT;
}

void ogpu_emit_dispatch(struct ogpu_stream *s, const struct ogpu_dispatch *d)
{
	struct drm_ogpu_pkt_dispatch p = {
		.entry = d->entry,
		.args = d->args,
		.local_bytes = d->local_bytes,
		.private_bytes = private_bytes(d),
	};

	p.header = HEADER(s, DISPATCH, p);
	for (int i = 0; i < 3; i++) {
		p.grid[i] = d->grid[i] ? d->grid[i] : 1;
		p.group[i] = d->group[i] ? d->group[i] : 1;
		p.base[i] = d->base[i];
		p.total[i] = d->total[i];
	}
	EMIT(s, p);
}

void ogpu_emit_dispatch_indirect(struct ogpu_stream *s, const struct ogpu_dispatch *d,
				 uint64_t grid)
{
	struct drm_ogpu_pkt_dispatch_indirect p = {
		.entry = d->entry,
		.args = d->args,
		.grid = grid,
		.local_bytes = d->local_bytes,
		.private_bytes = private_bytes(d),
	};

	p.header = HEADER(s, DISPATCH_INDIRECT, p);
	for (int i = 0; i < 3; i++)
		p.group[i] = d->group[i] ? d->group[i] : 1;
	EMIT(s, p);
}
