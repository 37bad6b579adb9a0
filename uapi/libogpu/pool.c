// SPDX-License-Identifier: MIT
/*
 * Pools: pieces of large buffers, for programs that need many small ones.
 *
 * A chunk is a buffer; what is free of it is a sorted list of ranges, and a piece is cut from the
 * first one with room. Giving a piece back needs no memory: room for the ranges that it may leave
 * is made when it is cut.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define CHUNK_DEFAULT	(2u << 20)
/* Chunks begin at multiples of this, so pieces can. */
#define ALIGN_MAX	65536u
/* Of pieces: what card and CPU write is never in one cache line. */
#define GRAIN		64u

struct range {
	uint64_t start, end;
};

struct chunk {
	struct ogpu_buffer buf;
	struct chunk *next;
	struct range *free;	/* sorted; no two of them touch */
	size_t count, room;
	size_t pieces;
};

struct ogpu_pool {
	struct ogpu_vm *vm;
	uint32_t placement, flags;
	uint64_t chunk_bytes;
	struct chunk *chunks;
};

int ogpu_pool_create(struct ogpu_vm *vm, uint32_t placement, uint32_t flags, uint64_t chunk_bytes,
		     struct ogpu_pool **out)
{
	struct ogpu_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->vm = vm;
	pool->placement = placement;
	pool->flags = flags;
	pool->chunk_bytes = chunk_bytes ? chunk_bytes : CHUNK_DEFAULT;
	if (pool->chunk_bytes < ALIGN_MAX)
		pool->chunk_bytes = ALIGN_MAX;
	*out = pool;
	return 0;
}

static void chunk_destroy(struct chunk *chunk)
{
	ogpu_buffer_destroy(&chunk->buf);
	free(chunk->free);
	free(chunk);
}

void ogpu_pool_destroy(struct ogpu_pool *pool)
{
	struct chunk *chunk, *next;

	if (!pool)
		return;
	for (chunk = pool->chunks; chunk; chunk = next) {
		next = chunk->next;
		chunk_destroy(chunk);
	}
	free(pool);
}

/* With n pieces there are at most n + 1 free ranges. */
static int reserve(struct chunk *chunk, size_t pieces)
{
	size_t room = chunk->room ? 2 * chunk->room : 16;
	struct range *ranges;

	if (chunk->room > pieces)
		return 0;
	ranges = realloc(chunk->free, room * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	chunk->free = ranges;
	chunk->room = room;
	return 0;
}

static int chunk_create(struct ogpu_pool *pool, uint64_t bytes, struct chunk **out)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	int ret;

	if (!chunk)
		return -ENOMEM;
	ret = reserve(chunk, 1);
	if (!ret)
		ret = ogpu_buffer_create(pool->vm,
					 bytes > pool->chunk_bytes ? bytes : pool->chunk_bytes,
					 pool->placement, pool->flags, &chunk->buf);
	if (ret) {
		free(chunk->free);
		free(chunk);
		return ret;
	}
	/* One that is made for a large piece has room for nothing else. */
	chunk->free[0] = (struct range){
		0, bytes > pool->chunk_bytes ? bytes : chunk->buf.bo->size,
	};
	chunk->count = 1;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	*out = chunk;
	return 0;
}

static void insert(struct chunk *chunk, size_t i, struct range range)
{
	memmove(&chunk->free[i + 1], &chunk->free[i], (chunk->count - i) * sizeof(range));
	chunk->free[i] = range;
	chunk->count++;
}

static void delete(struct chunk *chunk, size_t i)
{
	chunk->count--;
	memmove(&chunk->free[i], &chunk->free[i + 1],
		(chunk->count - i) * sizeof(*chunk->free));
}

/* Cuts a piece. False if there is no room. */
static bool cut(struct chunk *chunk, uint64_t bytes, uint64_t align, uint64_t *offset)
{
	for (size_t i = 0; i < chunk->count; i++) {
		struct range range = chunk->free[i];
		uint64_t start = (range.start + align - 1) & ~(align - 1);

		if (start >= range.end || range.end - start < bytes)
			continue;
		delete(chunk, i);
		if (start + bytes < range.end)
			insert(chunk, i, (struct range){ start + bytes, range.end });
		if (range.start < start)
			insert(chunk, i, (struct range){ range.start, start });
		chunk->pieces++;
		*offset = start;
		return true;
	}
	return false;
}

int ogpu_pool_alloc(struct ogpu_pool *pool, uint64_t bytes, uint64_t align,
		    struct ogpu_piece *piece)
{
	struct chunk *chunk;
	uint64_t offset;
	int ret;

	if (!bytes || bytes > UINT64_MAX - GRAIN || align > ALIGN_MAX || (align & (align - 1)))
		return -EINVAL;
	if (align < GRAIN)
		align = GRAIN;
	bytes = (bytes + GRAIN - 1) & ~(uint64_t)(GRAIN - 1);

	for (chunk = pool->chunks; chunk; chunk = chunk->next) {
		ret = reserve(chunk, chunk->pieces + 1);
		if (ret)
			return ret;
		if (cut(chunk, bytes, align, &offset))
			break;
	}
	if (!chunk) {
		ret = chunk_create(pool, bytes, &chunk);
		if (ret)
			return ret;
		cut(chunk, bytes, align, &offset);
	}
	*piece = (struct ogpu_piece){
		.bo = chunk->buf.bo,
		.offset = offset,
		.bytes = bytes,
		.va = chunk->buf.va + offset,
		.ptr = chunk->buf.ptr ? (char *)chunk->buf.ptr + offset : NULL,
	};
	return 0;
}

static void give_back(struct chunk *chunk, struct range range)
{
	size_t i;

	for (i = 0; i < chunk->count && chunk->free[i].start < range.start; i++)
		;
	if (i < chunk->count && chunk->free[i].start == range.end) {
		range.end = chunk->free[i].end;
		delete(chunk, i);
	}
	if (i && chunk->free[i - 1].end == range.start)
		chunk->free[i - 1].end = range.end;
	else
		insert(chunk, i, range);
	chunk->pieces--;
}

/* One that is empty stays, so that a program at its edge does not make and unmake it. */
static bool may_stay(const struct ogpu_pool *pool, const struct chunk *chunk)
{
	const struct chunk *other;

	if (chunk->free[0].end > pool->chunk_bytes)
		return false;
	for (other = pool->chunks; other; other = other->next) {
		if (other != chunk && !other->pieces)
			return false;
	}
	return true;
}

void ogpu_pool_free(struct ogpu_pool *pool, struct ogpu_piece *piece)
{
	struct chunk **at, *chunk;

	if (!piece->bo)
		return;
	for (at = &pool->chunks; (*at)->buf.bo != piece->bo; at = &(*at)->next)
		;
	chunk = *at;
	give_back(chunk, (struct range){ piece->offset, piece->offset + piece->bytes });
	*piece = (struct ogpu_piece){ 0 };
	if (!chunk->pieces && !may_stay(pool, chunk)) {
		*at = chunk->next;
		chunk_destroy(chunk);
	}
}
