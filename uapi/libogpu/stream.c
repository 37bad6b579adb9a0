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
#define HEADER(name, packet)	DRM_OGPU_PKT(DRM_OGPU_PKT_##name, sizeof(packet))

void ogpu_emit_copy(struct ogpu_stream *s, uint64_t dst, uint64_t src, uint64_t bytes)
{
	struct drm_ogpu_pkt_copy p = { .src = src, .dst = dst, .bytes = bytes };

	p.header = HEADER(COPY, p);
	EMIT(s, p);
}

void ogpu_emit_fill(struct ogpu_stream *s, uint64_t dst, uint32_t pattern, uint64_t bytes)
{
	struct drm_ogpu_pkt_fill p = { .pattern = pattern, .dst = dst, .bytes = bytes };

	p.header = HEADER(FILL, p);
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
	p.header = DRM_OGPU_PKT(DRM_OGPU_PKT_WRITE, bytes);
	emit(s, &p, sizeof(p), words, 4 * count);
}

void ogpu_emit_fence(struct ogpu_stream *s, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_fence p = { .addr = addr, .value = value };

	p.header = HEADER(FENCE, p);
	EMIT(s, p);
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

	p.header = HEADER(WAIT, p);
	EMIT(s, p);
}

void ogpu_emit_timestamp(struct ogpu_stream *s, uint64_t addr)
{
	struct drm_ogpu_pkt_timestamp p = { .addr = addr };

	p.header = HEADER(TIMESTAMP, p);
	EMIT(s, p);
}

void ogpu_emit_cache(struct ogpu_stream *s, uint32_t ops)
{
	struct drm_ogpu_pkt_cache p = { .ops = ops };

	p.header = HEADER(CACHE, p);
	EMIT(s, p);
}

void ogpu_emit_dispatch(struct ogpu_stream *s, const struct ogpu_dispatch *d)
{
	struct drm_ogpu_pkt_dispatch p = {
		.entry = d->entry,
		.args = d->args,
		.local_bytes = d->local_bytes,
		.private_bytes = d->private_bytes ? d->private_bytes : OGPU_PRIVATE_DEFAULT,
	};

	p.header = HEADER(DISPATCH, p);
	for (int i = 0; i < 3; i++) {
		p.grid[i] = d->grid[i] ? d->grid[i] : 1;
		p.group[i] = d->group[i] ? d->group[i] : 1;
	}
	EMIT(s, p);
}
