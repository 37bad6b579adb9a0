// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Poisoned pages: a few entries that are looked at without a lock. An entry never moves, so who
 * looks while another one changes misses none.
 */
#include "abi/types.h"
#include "poison.h"

#define POISON_SET	1u	/* in use */
#define POISON_CELLS	2u	/* cells are bad: nothing that is stored there stays */

static uint64_t page_of(uint64_t addr)
{
	return addr & ~(uint64_t)(POISON_PAGE - 1);
}

/**
 * poison_init() - no page is poisoned.
 * @p: the list
 */
void poison_init(struct poison *p)
{
	*p = (struct poison){ 0 };
	pthread_mutex_init(&p->lock, NULL);
}

/**
 * poison_fini() - end of life.
 * @p: the list
 */
void poison_fini(struct poison *p)
{
	pthread_mutex_destroy(&p->lock);
}

/**
 * poison_find() - whether memory is poisoned.
 * @p: the list
 * @addr: VRAM offset
 * @len: bytes
 *
 * Return: true if a byte of it is.
 */
bool poison_find(const struct poison *p, uint64_t addr, uint64_t len)
{
	uint32_t used = atomic_load_explicit(&p->used, memory_order_acquire);

	for (uint32_t i = 0; i < used; i++) {
		uint64_t entry = atomic_load_explicit(&p->entry[i], memory_order_acquire);
		uint64_t page = page_of(entry);

		if (entry && addr < page + POISON_PAGE && page < addr + len)
			return true;
	}
	return false;
}

/* Under the lock: the entry of a page, or NULL. */
static _Atomic uint64_t *find_entry(struct poison *p, uint64_t addr)
{
	for (uint32_t i = 0; i < POISON_MAX; i++)
		if (p->entry[i] && page_of(p->entry[i]) == page_of(addr))
			return &p->entry[i];
	return NULL;
}

static _Atomic uint64_t *free_entry(struct poison *p)
{
	for (uint32_t i = 0; i < POISON_MAX; i++) {
		if (p->entry[i])
			continue;
		if (i >= p->used)
			p->used = i + 1;
		return &p->entry[i];
	}
	return NULL;
}

/**
 * poison_add() - a page is poisoned.
 * @p: the list
 * @addr: VRAM offset of any byte of it
 * @bad_cells: because its cells are bad
 *
 * Return: false if the list is full.
 */
bool poison_add(struct poison *p, uint64_t addr, bool bad_cells)
{
	_Atomic uint64_t *entry;

	pthread_mutex_lock(&p->lock);
	entry = find_entry(p, addr);
	if (!entry)
		entry = free_entry(p);
	if (entry)
		*entry |= page_of(addr) | POISON_SET | (bad_cells ? POISON_CELLS : 0);
	pthread_mutex_unlock(&p->lock);
	return entry;
}

/**
 * poison_overwrite() - all bytes of a poisoned page are stored anew.
 * @p: the list
 * @addr: VRAM offset of the page
 *
 * Return: true if the page is good now; false if its cells are bad, so that it stays as it is.
 */
bool poison_overwrite(struct poison *p, uint64_t addr)
{
	_Atomic uint64_t *entry;
	bool good = true;

	pthread_mutex_lock(&p->lock);
	entry = find_entry(p, addr);
	if (entry) {
		good = !(*entry & POISON_CELLS);
		if (good)
			*entry = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return good;
}

/**
 * poison_is_bad() - whether the cells of a page are bad.
 * @p: the list
 * @addr: VRAM offset of the page
 *
 * Return: true if so: it is poisoned, whatever is stored.
 */
bool poison_is_bad(struct poison *p, uint64_t addr)
{
	const _Atomic uint64_t *entry;
	bool bad;

	pthread_mutex_lock(&p->lock);
	entry = find_entry(p, addr);
	bad = entry && *entry & POISON_CELLS;
	pthread_mutex_unlock(&p->lock);
	return bad;
}

/**
 * poison_remove() - a page is good again, whatever was wrong.
 * @p: the list
 * @addr: VRAM offset of the page
 */
void poison_remove(struct poison *p, uint64_t addr)
{
	_Atomic uint64_t *entry;

	pthread_mutex_lock(&p->lock);
	entry = find_entry(p, addr);
	if (entry)
		*entry = 0;
	pthread_mutex_unlock(&p->lock);
}

/**
 * poison_count() - how many pages are poisoned.
 * @p: the list
 *
 * Return: pages.
 */
unsigned int poison_count(const struct poison *p)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < POISON_MAX; i++)
		count += p->entry[i] != 0;
	return count;
}
