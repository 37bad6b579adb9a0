// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of page tables: where it comes from, who pays for it, when it goes back.
 *
 * DOC: Memory of page tables
 *
 * Tables are carved out of chunks. A chunk is a buffer in the visible part of VRAM as long as
 * there is room and the user has not got more than a share of it, and system memory otherwise: so
 * what can be mapped does not depend on how much of VRAM the CPU can see. System memory is charged
 * to who binds, and limited as well.
 *
 * Buffers cannot be made where a dma_resv is locked, so VM_BIND fills the store of tables before
 * it locks anything (ogpu_pt_mem_fill()). If that was not enough, the rest is system memory.
 *
 * Tables that are given back may have been in use: they are emptied when they are taken again,
 * because where they are given back the card need not be there. A chunk of which all tables are
 * back goes back itself, but for one.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_pt_mem.h"
#include "ogpu_sched.h"
#include "ogpu_ttm.h"
#include "ogpu_vm_owner.h"

/* The smallest size that VRAM is given out in. */
#define OGPU_PT_CHUNK_SIZE	OGPU_PAGE_64K
#define OGPU_PT_CHUNK_TABLES	(OGPU_PT_CHUNK_SIZE / OGPU_PT_SIZE)

/**
 * struct ogpu_pt_chunk - memory of some tables
 */
struct ogpu_pt_chunk {
	/** @link: in &struct ogpu_pt_mem */
	struct list_head link;
	/** @bo: if it is in VRAM */
	struct ogpu_bo *bo;
	/** @mem: if it is in system memory; NULL: it was given back, see ogpu_pt_mems_stop() */
	void *mem;
	/** @dma: where the card finds @mem */
	dma_addr_t dma;
	/** @system: in &struct ogpu_pt_mems if it is in system memory */
	struct list_head system;
	/** @used: tables that are taken */
	unsigned int used;
	/** @tables: in it */
	struct ogpu_pt_table tables[OGPU_PT_CHUNK_TABLES];
};

/**
 * struct ogpu_pt_mems - the page tables of a card in system memory
 */
struct ogpu_pt_mems {
	/** @lock: protects @list and the memory of those in it */
	struct mutex lock;
	/** @list: &struct ogpu_pt_chunk */
	struct list_head list;
};

static void ogpu_pt_mem_write(struct ogpu_pt_table *table, unsigned int index, unsigned int count,
			      u64 pte, u64 step)
{
	struct ogpu_pt_chunk *chunk = table->owner;

	if (chunk->bo) {
		u64 __iomem *entry = (u64 __iomem __force *)table->mem + index;

		for (; count; count--, pte += step)
			writeq(pte, entry++);
	} else {
		__le64 *entry = (__le64 *)table->mem + index;

		for (; count; count--, pte += step)
			WRITE_ONCE(*entry++, cpu_to_le64(pte));
	}
}

static u64 ogpu_pt_mem_read(struct ogpu_pt_table *table, unsigned int index)
{
	struct ogpu_pt_chunk *chunk = table->owner;

	if (chunk->bo)
		return readq((u64 __iomem __force *)table->mem + index);

	return le64_to_cpu(((__le64 *)table->mem)[index]);
}

const struct ogpu_pt_ops ogpu_pt_mem_ops = {
	.write = ogpu_pt_mem_write,
	.read = ogpu_pt_mem_read,
};

/*
 * Chunks
 */

/* Under the lock of &struct ogpu_pt_mems. */
static void ogpu_pt_chunk_put_system(struct ogpu_device *odev, struct ogpu_pt_chunk *chunk)
{
	list_del_init(&chunk->system);
	dma_free_coherent(odev->drm.dev, OGPU_PT_CHUNK_SIZE, chunk->mem, chunk->dma);
	chunk->mem = NULL;
}

static void ogpu_pt_chunk_free(struct ogpu_pt_mem *mem, struct ogpu_pt_chunk *chunk)
{
	struct ogpu_pt_mems *mems = mem->odev->pt_mems;
	unsigned int i;

	if (chunk->bo) {
		ogpu_bo_put(chunk->bo);
	} else {
		mutex_lock(&mems->lock);
		if (chunk->mem)
			ogpu_pt_chunk_put_system(mem->odev, chunk);
		mutex_unlock(&mems->lock);
	}
	ogpu_vm_owner_give(mem->owner,
			   chunk->bo ? OGPU_VM_SHARE_VRAM : OGPU_VM_SHARE_SYSTEM,
			   OGPU_PT_CHUNK_SIZE);

	for (i = 0; i < OGPU_PT_CHUNK_TABLES; i++)
		kfree(chunk->tables[i].child);
	kfree(chunk);
}

static int ogpu_pt_chunk_get_vram(struct ogpu_pt_mem *mem, struct ogpu_pt_chunk *chunk)
{
	struct ogpu_bo *bo;

	if (!ogpu_vm_owner_take(mem->owner, OGPU_VM_SHARE_VRAM, OGPU_PT_CHUNK_SIZE))
		return -ENOSPC;

	bo = ogpu_bo_create_pinned(mem->odev, OGPU_PT_CHUNK_SIZE);
	if (IS_ERR(bo)) {
		ogpu_vm_owner_give(mem->owner, OGPU_VM_SHARE_VRAM, OGPU_PT_CHUNK_SIZE);
		return PTR_ERR(bo);
	}
	chunk->bo = bo;

	return 0;
}

static int ogpu_pt_chunk_get_system(struct ogpu_pt_mem *mem, struct ogpu_pt_chunk *chunk,
				    bool borrow)
{
	struct ogpu_pt_mems *mems = mem->odev->pt_mems;

	if (borrow)
		ogpu_vm_owner_borrow(mem->owner, OGPU_VM_SHARE_SYSTEM, OGPU_PT_CHUNK_SIZE);
	else if (!ogpu_vm_owner_take(mem->owner, OGPU_VM_SHARE_SYSTEM, OGPU_PT_CHUNK_SIZE))
		return -ENOSPC;

	chunk->mem = dma_alloc_coherent(mem->odev->drm.dev, OGPU_PT_CHUNK_SIZE, &chunk->dma,
					GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!chunk->mem) {
		ogpu_vm_owner_give(mem->owner, OGPU_VM_SHARE_SYSTEM, OGPU_PT_CHUNK_SIZE);
		return -ENOMEM;
	}

	mutex_lock(&mems->lock);
	list_add(&chunk->system, &mems->list);
	mutex_unlock(&mems->lock);

	return 0;
}

/* @vram: no dma_resv is locked. @borrow: whatever the user's share is. */
static int ogpu_pt_mem_grow(struct ogpu_pt_mem *mem, bool vram, bool borrow)
{
	struct ogpu_pt_chunk *chunk;
	int ret = -ENOSPC;
	unsigned int i;

	chunk = kzalloc_obj(*chunk, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;

	if (vram)
		ret = ogpu_pt_chunk_get_vram(mem, chunk);
	if (ret == -ENOSPC)
		ret = ogpu_pt_chunk_get_system(mem, chunk, borrow);
	if (ret) {
		kfree(chunk);
		return ret;
	}

	for (i = 0; i < OGPU_PT_CHUNK_TABLES; i++) {
		struct ogpu_pt_table *table = &chunk->tables[i];
		u64 offset = i * OGPU_PT_SIZE;

		table->owner = chunk;
		if (chunk->bo) {
			table->operand = ogpu_bo_operand(chunk->bo) + offset;
			table->mem = (void __force *)chunk->bo->iomem + offset;
		} else {
			table->operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, chunk->dma + offset);
			table->mem = chunk->mem + offset;
		}
	}

	spin_lock(&mem->lock);
	list_add(&chunk->link, &mem->chunks);
	mem->idle++;
	mem->free += OGPU_PT_CHUNK_TABLES;
	/* Those of VRAM are taken first. */
	for (i = 0; i < OGPU_PT_CHUNK_TABLES; i++) {
		if (chunk->bo)
			list_add(&chunk->tables[i].link, &mem->leaf);
		else
			list_add_tail(&chunk->tables[i].link, &mem->leaf);
	}
	spin_unlock(&mem->lock);

	return 0;
}

static void ogpu_pt_mem_trim(struct work_struct *work)
{
	struct ogpu_pt_mem *mem = container_of(work, struct ogpu_pt_mem, trim);
	struct ogpu_pt_chunk *chunk, *next;
	LIST_HEAD(surplus);

	spin_lock(&mem->lock);
	list_splice_init(&mem->surplus, &surplus);
	spin_unlock(&mem->lock);

	list_for_each_entry_safe(chunk, next, &surplus, link)
		ogpu_pt_chunk_free(mem, chunk);
}

/*
 * Life
 */

/**
 * ogpu_pt_mems_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_pt_mems_init(struct ogpu_device *odev)
{
	struct ogpu_pt_mems *mems;

	mems = drmm_kzalloc(&odev->drm, sizeof(*mems), GFP_KERNEL);
	if (!mems)
		return -ENOMEM;

	INIT_LIST_HEAD(&mems->list);
	odev->pt_mems = mems;

	return drmm_mutex_init(&odev->drm, &mems->lock);
}

/**
 * ogpu_pt_mems_stop() - give back the system memory of all page tables
 * @odev: card that nobody uses any more; it is being unbound
 *
 * The memory was allocated for the device, and must not outlive it. Address spaces may.
 */
void ogpu_pt_mems_stop(struct ogpu_device *odev)
{
	struct ogpu_pt_chunk *chunk, *next;

	mutex_lock(&odev->pt_mems->lock);
	list_for_each_entry_safe(chunk, next, &odev->pt_mems->list, system)
		ogpu_pt_chunk_put_system(odev, chunk);
	mutex_unlock(&odev->pt_mems->lock);
}

/**
 * ogpu_pt_mem_init() - begin without memory
 * @mem: to set up
 * @odev: the card
 * @owner: who is charged
 */
void ogpu_pt_mem_init(struct ogpu_pt_mem *mem, struct ogpu_device *odev,
		      struct ogpu_vm_owner *owner)
{
	mem->odev = odev;
	mem->owner = ogpu_vm_owner_get(owner);
	spin_lock_init(&mem->lock);
	INIT_LIST_HEAD(&mem->leaf);
	INIT_LIST_HEAD(&mem->inner);
	INIT_LIST_HEAD(&mem->chunks);
	INIT_LIST_HEAD(&mem->surplus);
	INIT_WORK(&mem->trim, ogpu_pt_mem_trim);
}

/**
 * ogpu_pt_mem_fini() - give all memory back, also that of tables in use
 * @mem: the card does not look at it any more
 */
void ogpu_pt_mem_fini(struct ogpu_pt_mem *mem)
{
	struct ogpu_pt_chunk *chunk, *next;

	disable_work_sync(&mem->trim);
	list_splice(&mem->surplus, &mem->chunks);
	list_for_each_entry_safe(chunk, next, &mem->chunks, link) {
		ogpu_pt_chunk_free(mem, chunk);
		cond_resched();
	}
	ogpu_vm_owner_put(mem->owner);
}

/**
 * ogpu_pt_mem_fill() - have tables in store
 * @mem: memory of tables
 * @tables: how many there should be
 *
 * In ogpu_device_enter(), without a dma_resv. Sleeps.
 *
 * Return: 0, -ENOSPC: the user has too many, -ENOMEM, -EINTR: somebody wants the caller dead.
 */
int ogpu_pt_mem_fill(struct ogpu_pt_mem *mem, u32 tables)
{
	int ret = 0;

	while (!ret && READ_ONCE(mem->free) < tables)
		ret = fatal_signal_pending(current) ? -EINTR : ogpu_pt_mem_grow(mem, true, false);

	return ret;
}

/*
 * Tables
 */

static struct ogpu_pt_table *ogpu_pt_mem_get(struct ogpu_pt_mem *mem, bool inner)
{
	struct list_head *first = inner ? &mem->inner : &mem->leaf;
	struct list_head *second = inner ? &mem->leaf : &mem->inner;
	struct ogpu_pt_table *table = NULL;
	struct ogpu_pt_chunk *chunk;

	spin_lock(&mem->lock);
	if (mem->free) {
		table = list_first_entry(list_empty(first) ? second : first, struct ogpu_pt_table,
					 link);
		list_del(&table->link);
		mem->free--;
		chunk = table->owner;
		mem->idle -= !chunk->used++;
	}
	spin_unlock(&mem->lock);

	return table;
}

/* A chunk without tables in use is to go back. Under the lock. */
static void ogpu_pt_mem_drop(struct ogpu_pt_mem *mem, struct ogpu_pt_chunk *chunk)
{
	unsigned int i;

	for (i = 0; i < OGPU_PT_CHUNK_TABLES; i++)
		list_del(&chunk->tables[i].link);
	mem->free -= OGPU_PT_CHUNK_TABLES;
	mem->idle--;
	list_move(&chunk->link, &mem->surplus);
}

static void ogpu_pt_mem_put(struct ogpu_pt_mem *mem, struct ogpu_pt_table *table)
{
	struct ogpu_pt_chunk *chunk = table->owner;
	bool trim = false;

	spin_lock(&mem->lock);
	list_add(&table->link, table->child ? &mem->inner : &mem->leaf);
	mem->free++;
	if (!--chunk->used && mem->idle++) {
		ogpu_pt_mem_drop(mem, chunk);
		trim = true;
	}
	spin_unlock(&mem->lock);

	if (trim)
		queue_work(ogpu_sched_wq(), &mem->trim);
}

/* Empty it if it was in use, give it room for children. */
static int ogpu_pt_mem_prepare(struct ogpu_pt_table *table, bool inner)
{
	if (inner && !table->child) {
		table->child = kcalloc(OGPU_PT_ENTRIES, sizeof(*table->child), GFP_KERNEL_ACCOUNT);
		if (!table->child)
			return -ENOMEM;
	}
	if (!bitmap_empty(table->linked, OGPU_PT_ENTRIES)) {
		ogpu_pt_mem_write(table, 0, OGPU_PT_ENTRIES, 0, 0);
		bitmap_zero(table->linked, OGPU_PT_ENTRIES);
	}

	return 0;
}

static int ogpu_pt_mem_take_some(struct ogpu_pt_mem *mem, u32 count, bool inner, bool borrow,
				 struct list_head *to)
{
	while (count--) {
		struct ogpu_pt_table *table = ogpu_pt_mem_get(mem, inner);
		int ret;

		while (!table) {
			if (fatal_signal_pending(current))
				return -EINTR;
			ret = ogpu_pt_mem_grow(mem, false, borrow);
			if (ret)
				return ret;
			table = ogpu_pt_mem_get(mem, inner);
		}

		list_add_tail(&table->link, to);
		ret = ogpu_pt_mem_prepare(table, inner);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ogpu_pt_mem_take() - take tables for a change
 * @mem: memory of tables
 * @need: how many
 * @change: where to; they must be given back in any case, ogpu_pt_mem_give()
 * @borrow: also beyond the user's share: what is mapped must stay so, and most go back at once
 *
 * In ogpu_device_enter(); a dma_resv may be locked. What is not in store is allocated.
 *
 * Return: 0; -ENOSPC: the user has too many; -ENOMEM; -EINTR: somebody wants the caller dead.
 */
int ogpu_pt_mem_take(struct ogpu_pt_mem *mem, const struct ogpu_pt_need *need,
		     struct ogpu_pt_change *change, bool borrow)
{
	int ret;

	ret = ogpu_pt_mem_take_some(mem, need->inner, true, borrow, &change->inner);

	return ret ?: ogpu_pt_mem_take_some(mem, need->leaf, false, borrow, &change->leaf);
}

/**
 * ogpu_pt_mem_give() - give tables back after a change
 * @mem: memory of tables
 * @change: what is left of it; the card has forgotten the ranges that are stale
 *
 * Callable where fences are signalled.
 */
void ogpu_pt_mem_give(struct ogpu_pt_mem *mem, struct ogpu_pt_change *change)
{
	struct ogpu_pt_table *table, *next;
	LIST_HEAD(all);

	list_splice_init(&change->leaf, &all);
	list_splice_init(&change->inner, &all);
	list_splice_init(&change->dead, &all);
	list_for_each_entry_safe(table, next, &all, link)
		ogpu_pt_mem_put(mem, table);
}

/**
 * ogpu_pt_mem_is_lost() - were tables lost to bad memory?
 * @mem: memory of tables
 *
 * What the driver remembers of them is not so any more. Costs nothing but after a sleep.
 *
 * Return: true if some were, and nothing can be mapped any more.
 */
bool ogpu_pt_mem_is_lost(struct ogpu_pt_mem *mem)
{
	u32 saves = READ_ONCE(mem->odev->mem->saves);
	struct ogpu_pt_chunk *chunk;

	/* Who sees that somebody has looked sees what was found. */
	if (smp_load_acquire(&mem->looked) == saves)
		return READ_ONCE(mem->lost);

	spin_lock(&mem->lock);
	list_for_each_entry(chunk, &mem->chunks, link)
		if (chunk->bo && READ_ONCE(chunk->bo->lost))
			WRITE_ONCE(mem->lost, true);
	/* Pairs with the look at it above. */
	smp_store_release(&mem->looked, saves);
	spin_unlock(&mem->lock);

	return READ_ONCE(mem->lost);
}

/**
 * ogpu_pt_mem_shrink() - give back what was filled in and not used
 * @mem: memory of tables
 */
void ogpu_pt_mem_shrink(struct ogpu_pt_mem *mem)
{
	struct ogpu_pt_chunk *chunk, *next;

	if (READ_ONCE(mem->idle) < 2)
		return;

	spin_lock(&mem->lock);
	list_for_each_entry_safe(chunk, next, &mem->chunks, link) {
		if (mem->idle < 2)
			break;
		if (!chunk->used)
			ogpu_pt_mem_drop(mem, chunk);
	}
	spin_unlock(&mem->lock);
	queue_work(ogpu_sched_wq(), &mem->trim);
}

/**
 * ogpu_pt_mem_root() - take the first table
 * @mem: memory of tables
 *
 * As ogpu_pt_mem_fill().
 *
 * Return: an empty table with room for children, or an ERR_PTR().
 */
struct ogpu_pt_table *ogpu_pt_mem_root(struct ogpu_pt_mem *mem)
{
	LIST_HEAD(list);
	int ret;

	ret = ogpu_pt_mem_fill(mem, 1);
	if (!ret)
		ret = ogpu_pt_mem_take_some(mem, 1, true, false, &list);
	if (ret)
		return ERR_PTR(ret);

	return list_first_entry(&list, struct ogpu_pt_table, link);
}
