// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The data cache of a unit of a strict card: it keeps for as long as the contract allows what was
 * read from CACHED pages, and what was stored there, so that a release, an acquire or a memory type
 * which is missing shows.
 *
 * The cache has copies of whole pages, by their place in memory, with a bit for each byte that was
 * stored; others' bytes of a page are never written back, and an aligned store is written back in
 * one piece. Pointers to copies for reading are kept in the translation cache as those to memory
 * are; stores ask mmu_translate() each time.
 *
 * The unit uses its cache inside the memory bracket. Whoever takes memory or translations away has
 * all of it written back first, with nobody inside: mmu_cache_clean(). So nothing is stored later
 * to memory that belongs to somebody else by then.
 */
#include <stdlib.h>
#include <string.h>

#include "mmu.h"

#define GRANULE		8u	/* bytes that a word of a copy has */
#define WORK_COPY	8	/* in vector instructions that take as long at most */

_Static_assert(MMU_COPIES == 64, "a bit for each in one word");

/**
 * mmu_cache_create() - Give a unit a data cache.
 * @mmu: of the unit
 *
 * Return: false if there is no memory.
 */
bool mmu_cache_create(struct mmu *mmu)
{
	struct mmu_cache *cache = aligned_alloc(64, sizeof(*cache));

	mmu->cache = cache;
	if (!cache)
		return false;
	memset(cache, 0, sizeof(*cache));
	for (unsigned int i = 0; i < MMU_COPIES; i++)
		cache->copy[i].data = cache->page[i];
	for (unsigned int i = 0; i < MMU_SPARES; i++)
		cache->spare[i] = cache->page[MMU_COPIES + i];
	return true;
}

/* Where a page of memory is kept if it is: 64 that follow each other are kept side by side. */
static unsigned int place_of(uint64_t operand)
{
	return (operand >> 12 ^ operand >> 18 ^ operand >> 24) % MMU_COPIES;
}

/* Stores the bytes of a word that are marked, each aligned part of it that is whole at once. */
static void store_granule(uint8_t *to, const uint8_t *from, uint8_t marked)
{
	if (marked == 0xff) {
		__atomic_store_n((uint64_t *)to, *(const uint64_t *)from, __ATOMIC_RELAXED);
		return;
	}
	for (unsigned int i = 0; i < GRANULE;) {
		if (i % 4 == 0 && (marked >> i & 0xf) == 0xf) {
			__atomic_store_n((uint32_t *)(to + i), *(const uint32_t *)(from + i),
					 __ATOMIC_RELAXED);
			i += 4;
		} else if (i % 2 == 0 && (marked >> i & 3) == 3) {
			__atomic_store_n((uint16_t *)(to + i), *(const uint16_t *)(from + i),
					 __ATOMIC_RELAXED);
			i += 2;
		} else {
			if (marked >> i & 1)
				__atomic_store_n(to + i, from[i], __ATOMIC_RELAXED);
			i++;
		}
	}
}

/* What memory does not take any more is lost. */
static void write_back(struct mmu *mmu, unsigned int n)
{
	struct mmu_copy *copy = &mmu->cache->copy[n];
	uint8_t *host;

	if (!(mmu->cache->stored >> n & 1))
		return;
	mmu->work += WORK_COPY;
	mmu->cache->stored &= ~(1ull << n);
	host = vgpu_mem_ptr(mmu->gpu, FIELD_GET(OGPU_OPERAND_TARGET, copy->operand),
			    FIELD_GET(OGPU_OPERAND_ADDR, copy->operand), MMU_PAGE, true);
	for (unsigned int i = 0; host && i < MMU_PAGE; i += GRANULE)
		if (copy->marked[i / GRANULE])
			store_granule(host + i, copy->data + i, copy->marked[i / GRANULE]);
	memset(copy->marked, 0, sizeof(copy->marked));
}

/* The translation that points to a copy, if there is one, does not any more. */
static void forget_user(struct mmu_copy *copy)
{
	if (copy->user && copy->user->host == copy->data) {
		copy->user->page = MMU_TLB_NONE;
		copy->user->direct = 0;
	}
	copy->user = NULL;
}

static void drop(struct mmu *mmu, unsigned int n)
{
	write_back(mmu, n);
	forget_user(&mmu->cache->copy[n]);
	mmu->cache->valid &= ~(1ull << n);
}

/**
 * mmu_cache_clean() - Write back all that was stored, if there is a cache.
 * @mmu: of a unit; inside the bracket, or nobody is
 */
void mmu_cache_clean(struct mmu *mmu)
{
	if (!mmu->cache)
		return;
	for (uint64_t left = mmu->cache->stored; left; left &= left - 1)
		write_back(mmu, __builtin_ctzll(left));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/**
 * mmu_cache_drop() - Keep nothing any longer; what was stored is written back.
 * @mmu: inside the bracket; it need not have a cache
 */
void mmu_cache_drop(struct mmu *mmu)
{
	if (!mmu->cache)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint64_t left = mmu->cache->valid; left; left &= left - 1)
		drop(mmu, __builtin_ctzll(left));
}

/**
 * mmu_cache_drop_page() - The same for a page that will be accessed in memory.
 * @mmu: of a unit, inside the bracket
 * @operand: start of the page
 */
void mmu_cache_drop_page(struct mmu *mmu, uint64_t operand)
{
	const unsigned int n = place_of(operand);

	if (mmu->cache->valid >> n & 1 && mmu->cache->copy[n].operand == operand)
		drop(mmu, n);
}

/* Takes the page that has been left alone for longest. */
static void renew(struct mmu_cache *cache, struct mmu_copy *copy)
{
	uint8_t **spare = &cache->spare[cache->next_spare++ % MMU_SPARES];
	uint8_t *old = copy->data;

	copy->data = *spare;
	*spare = old;
}

/**
 * mmu_cache_page() - A page as the unit sees it, copied if it is not there yet.
 * @mmu: of a unit, inside the bracket
 * @operand: start of the page
 * @host: where the page is in memory, for reading
 *
 * Return: the copy, whose data are good for reading until MMU_SPARES more have been made; to be
 * written before the next call.
 */
struct mmu_copy *mmu_cache_page(struct mmu *mmu, uint64_t operand, const uint8_t *host)
{
	const unsigned int n = place_of(operand);
	struct mmu_copy *copy = &mmu->cache->copy[n];

	if (mmu->cache->valid >> n & 1) {
		if (copy->operand == operand)
			return copy;
		drop(mmu, n);
	}
	mmu->work += WORK_COPY;
	mmu->misses++;
	renew(mmu->cache, copy);
	copy->operand = operand;
	for (unsigned int i = 0; i < MMU_PAGE; i += GRANULE)
		*(uint64_t *)(copy->data + i) =
			__atomic_load_n((const uint64_t *)(host + i), __ATOMIC_RELAXED);
	mmu->cache->valid |= 1ull << n;
	return copy;
}

/**
 * mmu_cache_point() - Let a translation point to a copy.
 * @copy: the copy
 * @e: the translation, the only one then
 */
void mmu_cache_point(struct mmu_copy *copy, struct mmu_tlb_entry *e)
{
	if (copy->user != e)
		forget_user(copy);
	copy->user = e;
	e->host = copy->data;
	e->direct = MMU_DIRECT_READ;
}

/**
 * mmu_cache_mark() - Bytes of a copy have been stored.
 * @mmu: of a unit, inside the bracket
 * @copy: the copy
 * @offset: where in the page
 * @bytes: how many, 8 at most
 */
void mmu_cache_mark(struct mmu *mmu, struct mmu_copy *copy, unsigned int offset,
		    unsigned int bytes)
{
	const unsigned int n = copy - mmu->cache->copy;
	const uint32_t mask = ((1u << bytes) - 1) << offset % GRANULE;

	mmu->cache->stored |= 1ull << n;
	copy->marked[offset / GRANULE] |= mask;
	if (mask >> GRANULE)
		copy->marked[offset / GRANULE + 1] |= mask >> GRANULE;
}
