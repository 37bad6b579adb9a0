// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Page tables: the tree of tables, and how ranges of addresses become entries.
 *
 * DOC: Page tables
 *
 * A change cannot fail: it brings with it all tables that it may need (struct ogpu_pt_need counts
 * them without looking at the tree, which other changes may alter before it is its turn). What it
 * did not need goes back afterwards, and so do tables in which no entry is valid any more: those
 * when the card has forgotten them.
 *
 * An entry of level 1 points to a table of 4 KiB pages or is a leaf of 2 MiB. To turn a leaf into a
 * table the table is filled first; then one 64-bit store replaces the leaf. This is done at both
 * ends of all ranges of a change before any of them is changed (ogpu_pt_split()). The bits @linked
 * and the children tell what an entry is, so that nothing has to be read back from VRAM, but for
 * entries that are split.
 *
 * CONTIG stands in all 16 entries of a 64 KiB group or in none. The card may use any of them for
 * the whole group. So before a part of a group is changed it is taken out of all
 * (ogpu_pt_split()), and the card forgets the group. A group that is replaced as a whole needs
 * no such step.
 *
 * Entries that were not valid are not remembered by the card, so that only changes of valid ones
 * are noted as stale.
 */
#include <linux/align.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <asm/barrier.h>

#include "ogpu_pt.h"

/* Entries of a CONTIG group. */
#define OGPU_PT_GROUP	(OGPU_PAGE_64K / OGPU_PAGE_4K)

/* Ranges that are so near to each other are forgotten together. */
#define OGPU_PT_NEAR	OGPU_PAGE_2M

/* What a walk has yet to map; without a segment: nothing, for pages without memory. */
struct ogpu_pt_source {
	const struct ogpu_pt_segment *segment;
	u64 offset;	/* in the segment */
};

static u64 ogpu_pt_encode(u64 operand, u64 flags)
{
	u64 addr = FIELD_GET(OGPU_OPERAND_ADDR, operand);
	u64 target = FIELD_GET(OGPU_OPERAND_TARGET, operand);

	return OGPU_PTE_VALID | FIELD_PREP(OGPU_PTE_TARGET, target) | (addr & OGPU_PTE_ADDR) |
	       flags;
}

static u64 ogpu_pt_bytes(unsigned int level)
{
	return 1ull << OGPU_PT_LEVEL_SHIFT(level);
}

static void ogpu_pt_add_stale(struct ogpu_pt_ranges *stale, u64 start, u64 end)
{
	unsigned int last = stale->count - 1;

	if (stale->count == OGPU_PT_RANGES ||
	    (stale->count && start <= stale->range[last].end + OGPU_PT_NEAR &&
	     end + OGPU_PT_NEAR >= stale->range[last].start)) {
		stale->range[last].start = min(stale->range[last].start, start);
		stale->range[last].end = max(stale->range[last].end, end);
		return;
	}

	stale->range[stale->count].start = start;
	stale->range[stale->count].end = end;
	stale->count++;
}

/**
 * ogpu_pt_init() - make an empty address space
 * @pt: what to set up
 * @ops: memory of tables
 * @pages: sizes of pages that the card has
 * @root: empty table with room for children
 */
void ogpu_pt_init(struct ogpu_pt *pt, const struct ogpu_pt_ops *ops, u64 pages,
		  struct ogpu_pt_table *root)
{
	root->level = OGPU_PT_LEVELS - 1;
	pt->ops = ops;
	pt->pages = pages;
	pt->root = root;
}

/*
 * Count
 */

/* A region of @level needs a table below, which is counted unless it was the last time. */
static bool ogpu_pt_need_region(struct ogpu_pt_need *need, u64 va, unsigned int level)
{
	u64 region = (va >> OGPU_PT_LEVEL_SHIFT(level)) + 1;

	if (need->last[level] == region)
		return false;
	need->last[level] = region;

	return true;
}

static bool ogpu_pt_fits_2m(const struct ogpu_pt *pt, const struct ogpu_pt_source *src, u64 va,
			    u64 end)
{
	if (!(pt->pages & OGPU_PAGE_2M) || end - va != OGPU_PAGE_2M)
		return false;

	return !src->segment ||
	       (IS_ALIGNED(src->segment->operand + src->offset, OGPU_PAGE_2M) &&
		src->segment->size - src->offset >= OGPU_PAGE_2M);
}

/* @bytes of the current segment have been mapped. */
static void ogpu_pt_advance(struct ogpu_pt_source *src, u64 bytes)
{
	if (!src->segment)
		return;

	src->offset += bytes;
	if (src->offset == src->segment->size) {
		src->segment++;
		src->offset = 0;
	}
}

/**
 * ogpu_pt_need_map() - count what ogpu_pt_map() may need
 * @pt: the address space
 * @need: sum so far; counted best if addresses rise
 * @va: first address, 4 KiB aligned
 * @size: bytes, multiple of 4 KiB, not 0
 * @segments: what will be mapped; NULL: pages without memory
 */
void ogpu_pt_need_map(const struct ogpu_pt *pt, struct ogpu_pt_need *need, u64 va, u64 size,
		      const struct ogpu_pt_segment *segments)
{
	struct ogpu_pt_source src = { .segment = segments };
	u64 end = va + size;

	while (va < end) {
		u64 next = min(ALIGN_DOWN(va, OGPU_PAGE_2M) + OGPU_PAGE_2M, end);

		/* Without memory there is no other end to it. */
		if (!segments && ogpu_pt_need_too_much(need))
			return;

		need->inner += ogpu_pt_need_region(need, va, 3);
		need->inner += ogpu_pt_need_region(need, va, 2);
		if (!ogpu_pt_fits_2m(pt, &src, va, next))
			need->leaf += ogpu_pt_need_region(need, va, 1);

		while (va < next) {
			u64 bytes = next - va;

			if (src.segment)
				bytes = min(bytes, src.segment->size - src.offset);
			ogpu_pt_advance(&src, bytes);
			va += bytes;
		}
	}
}

/**
 * ogpu_pt_need_cut() - count what it may need to change entries on one side of an address only
 * @need: sum so far
 * @va: where what is mapped may be cut, 4 KiB aligned
 */
void ogpu_pt_need_cut(struct ogpu_pt_need *need, u64 va)
{
	if (!IS_ALIGNED(va, OGPU_PAGE_2M))
		need->leaf += ogpu_pt_need_region(need, va, 1);
}

/*
 * Tables
 */

static struct ogpu_pt_table *ogpu_pt_take(struct list_head *list, unsigned int level)
{
	struct ogpu_pt_table *table = list_first_entry(list, struct ogpu_pt_table, link);

	list_del(&table->link);
	table->level = level;

	return table;
}

/* Let an entry point to its table, whose entries are right by now. */
static void ogpu_pt_link(struct ogpu_pt *pt, struct ogpu_pt_table *table, unsigned int index,
			 struct ogpu_pt_table *child)
{
	/* Stores to VRAM may be combined and reordered otherwise. */
	wmb();
	pt->ops->write(table, index, 1, ogpu_pt_encode(child->operand, 0), 0);
	__set_bit(index, table->linked);
	table->child[index] = child;
}

/* Nothing points to the table any more, nor to those below it. */
static void ogpu_pt_bury(struct ogpu_pt_change *change, struct ogpu_pt_table *table)
{
	unsigned int i;

	list_add_tail(&table->link, &change->dead);
	if (!table->level)
		return;

	for_each_set_bit(i, table->linked, OGPU_PT_ENTRIES) {
		if (table->child[i])
			ogpu_pt_bury(change, table->child[i]);
		table->child[i] = NULL;
	}
}

/* Make an entry invalid, with all below it. */
static void ogpu_pt_drop(struct ogpu_pt *pt, struct ogpu_pt_change *change,
			 struct ogpu_pt_table *table, unsigned int index)
{
	pt->ops->write(table, index, 1, 0, 0);
	__clear_bit(index, table->linked);
	if (table->child[index])
		ogpu_pt_bury(change, table->child[index]);
	table->child[index] = NULL;
}

/* A table of 4 KiB pages that says what the 2 MiB leaf says which it is to replace. */
static struct ogpu_pt_table *ogpu_pt_table_of_leaf(struct ogpu_pt *pt,
						   struct ogpu_pt_change *change, u64 leaf)
{
	struct ogpu_pt_table *table = ogpu_pt_take(&change->leaf, 0);
	u64 step = OGPU_PAGE_4K;

	if (!(leaf & OGPU_PTE_VALID)) {
		/* Lost to bad memory: it says nothing, and does not come to say something. */
		leaf = 0;
		step = 0;
	} else if (leaf & OGPU_PTE_NULL) {
		step = 0;
	} else if (pt->pages & OGPU_PAGE_64K) {
		leaf |= OGPU_PTE_CONTIG;
	}
	pt->ops->write(table, 0, OGPU_PT_ENTRIES, leaf, step);
	bitmap_fill(table->linked, OGPU_PT_ENTRIES);

	return table;
}

/* If a CONTIG group has entries on both sides of @index, take CONTIG out of it. */
static bool ogpu_pt_split_group(struct ogpu_pt *pt, struct ogpu_pt_table *table,
				unsigned int index)
{
	unsigned int first = ALIGN_DOWN(index, OGPU_PT_GROUP);
	u64 pte;

	if (index == first || !test_bit(index, table->linked))
		return false;

	pte = pt->ops->read(table, first);
	if (!(pte & OGPU_PTE_CONTIG))
		return false;
	/* It stands in all of them or in none: what is not valid must not become so. */
	if (WARN_ON_ONCE(find_next_zero_bit(table->linked, first + OGPU_PT_GROUP, first) <
			 first + OGPU_PT_GROUP))
		return false;

	pt->ops->write(table, first, OGPU_PT_GROUP, pte & ~OGPU_PTE_CONTIG, OGPU_PAGE_4K);
	return true;
}

/**
 * ogpu_pt_split() - make entries below and above an address independent of each other
 * @pt: the address space
 * @change: with the tables that ogpu_pt_need_cut() counts
 * @split: what the card must forget before one of the sides is changed
 * @va: where, 4 KiB aligned
 *
 * For both ends of all ranges that are mapped or unmapped, before the first of them is.
 */
void ogpu_pt_split(struct ogpu_pt *pt, struct ogpu_pt_change *change, struct ogpu_pt_ranges *split,
		   u64 va)
{
	u64 group = ALIGN_DOWN(va, OGPU_PAGE_64K), page = ALIGN_DOWN(va, OGPU_PAGE_2M);
	unsigned int index = OGPU_PT_INDEX(va, 1);
	struct ogpu_pt_table *table = pt->root;

	if (va == page)
		return;

	while (table && table->level > 1)
		table = table->child[OGPU_PT_INDEX(va, table->level)];
	if (!table || !test_bit(index, table->linked))
		return;

	if (!table->child[index]) {
		struct ogpu_pt_table *child;

		if (WARN_ON_ONCE(list_empty(&change->leaf)))
			return;
		child = ogpu_pt_table_of_leaf(pt, change, pt->ops->read(table, index));
		ogpu_pt_split_group(pt, child, OGPU_PT_INDEX(va, 0));
		ogpu_pt_link(pt, table, index, child);
		/* Old and new say the same, so this can be forgotten together with the change. */
		ogpu_pt_add_stale(&change->stale, page, page + OGPU_PAGE_2M);
	} else if (ogpu_pt_split_group(pt, table->child[index], OGPU_PT_INDEX(va, 0))) {
		ogpu_pt_add_stale(split, group, group + OGPU_PAGE_64K);
	}
}

/*
 * Map
 */

/* Write 4 KiB entries from @va to @end, which lie in one table. */
static void ogpu_pt_map_pages(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end,
			      u64 prot, struct ogpu_pt_source *src)
{
	unsigned int first = OGPU_PT_INDEX(va, 0);

	bitmap_set(table->linked, first, (end - va) / OGPU_PAGE_4K);
	if (!src->segment) {
		pt->ops->write(table, first, (end - va) / OGPU_PAGE_4K,
			       OGPU_PTE_VALID | OGPU_PTE_LEAF | prot, 0);
		return;
	}

	while (va < end) {
		u64 operand = src->segment->operand + src->offset;
		u64 size = min(src->segment->size - src->offset, end - va);
		u64 flags = OGPU_PTE_LEAF | prot;

		/* Go in runs that are CONTIG as a whole or not at all. */
		if (!(pt->pages & OGPU_PAGE_64K)) {
			/* None is. */
		} else if (IS_ALIGNED(va | operand, OGPU_PAGE_64K) && size >= OGPU_PAGE_64K) {
			size = ALIGN_DOWN(size, OGPU_PAGE_64K);
			flags |= OGPU_PTE_CONTIG;
		} else if (IS_ALIGNED(va ^ operand, OGPU_PAGE_64K)) {
			size = min(size, ALIGN(va + 1, OGPU_PAGE_64K) - va);
		}

		pt->ops->write(table, OGPU_PT_INDEX(va, 0), size / OGPU_PAGE_4K,
			       ogpu_pt_encode(operand, flags), OGPU_PAGE_4K);
		va += size;
		ogpu_pt_advance(src, size);
	}
}

/* Are entries of 4 KiB from @va to @end, in one table, all invalid? */
static bool ogpu_pt_none_linked(const struct ogpu_pt_table *table, u64 va, u64 end)
{
	unsigned int first = OGPU_PT_INDEX(va, 0);
	unsigned int last = first + (end - va) / OGPU_PAGE_4K;

	return find_next_bit(table->linked, last, first) >= last;
}

/* Map from @va to @end, which lie in one entry of a level-1 table. */
static void ogpu_pt_map_2m(struct ogpu_pt *pt, struct ogpu_pt_change *change,
			   struct ogpu_pt_table *table, u64 va, u64 end, u64 prot,
			   struct ogpu_pt_source *src)
{
	unsigned int index = OGPU_PT_INDEX(va, 1);
	struct ogpu_pt_table *child = table->child[index];
	bool linked = test_bit(index, table->linked);
	u64 flags = OGPU_PTE_LEAF | prot;

	if (ogpu_pt_fits_2m(pt, src, va, end)) {
		u64 pte = OGPU_PTE_VALID | flags;

		if (src->segment)
			pte = ogpu_pt_encode(src->segment->operand + src->offset, flags);
		if (linked)
			ogpu_pt_add_stale(&change->stale, va, end);
		pt->ops->write(table, index, 1, pte, 0);
		__set_bit(index, table->linked);
		if (child)
			ogpu_pt_bury(change, child);
		table->child[index] = NULL;
		ogpu_pt_advance(src, OGPU_PAGE_2M);
		return;
	}

	if (child) {
		if (!ogpu_pt_none_linked(child, va, end))
			ogpu_pt_add_stale(&change->stale, va, end);
		ogpu_pt_map_pages(pt, child, va, end, prot, src);
		return;
	}

	/* A leaf that is replaced in part has been split. */
	WARN_ON_ONCE(linked);
	child = ogpu_pt_take(&change->leaf, 0);
	ogpu_pt_map_pages(pt, child, va, end, prot, src);
	ogpu_pt_link(pt, table, index, child);
}

static void ogpu_pt_map_table(struct ogpu_pt *pt, struct ogpu_pt_change *change,
			      struct ogpu_pt_table *table, u64 va, u64 end, u64 prot,
			      struct ogpu_pt_source *src)
{
	u64 bytes = ogpu_pt_bytes(table->level);

	while (va < end) {
		unsigned int index = OGPU_PT_INDEX(va, table->level);
		u64 next = min(ALIGN_DOWN(va, bytes) + bytes, end);

		if (table->level == 1) {
			ogpu_pt_map_2m(pt, change, table, va, next, prot, src);
		} else {
			struct ogpu_pt_table *child = table->child[index];
			bool new = !child;

			if (new)
				child = ogpu_pt_take(&change->inner, table->level - 1);
			ogpu_pt_map_table(pt, change, child, va, next, prot, src);
			if (new)
				ogpu_pt_link(pt, table, index, child);
			cond_resched();
		}
		va = next;
	}
}

/**
 * ogpu_pt_map() - map a range, whatever was there before
 * @pt: the address space
 * @change: with the tables that ogpu_pt_need_map() counts, and ogpu_pt_need_cut() for both ends
 * @va: first address, 4 KiB aligned
 * @size: bytes, multiple of 4 KiB, not 0
 * @prot: attributes of leaves: access, memory type, OGPU_PTE_NULL
 * @segments: what to map; together at least @size bytes. NULL: pages without memory
 *
 * Both ends have been split. Cannot fail, allocates nothing.
 */
void ogpu_pt_map(struct ogpu_pt *pt, struct ogpu_pt_change *change, u64 va, u64 size, u64 prot,
		 const struct ogpu_pt_segment *segments)
{
	struct ogpu_pt_source src = { .segment = segments };

	ogpu_pt_map_table(pt, change, pt->root, va, va + size, prot, &src);
}

/*
 * Unmap
 */

static void ogpu_pt_unmap_pages(struct ogpu_pt *pt, struct ogpu_pt_change *change,
				struct ogpu_pt_table *table, u64 va, u64 end)
{
	unsigned int first = OGPU_PT_INDEX(va, 0);
	unsigned int count = (end - va) / OGPU_PAGE_4K;

	if (ogpu_pt_none_linked(table, va, end))
		return;

	ogpu_pt_add_stale(&change->stale, va, end);
	pt->ops->write(table, first, count, 0, 0);
	bitmap_clear(table->linked, first, count);
}

static void ogpu_pt_unmap_table(struct ogpu_pt *pt, struct ogpu_pt_change *change,
				struct ogpu_pt_table *table, u64 va, u64 end)
{
	u64 bytes = ogpu_pt_bytes(table->level);
	unsigned int index = OGPU_PT_INDEX(va, table->level);

	/* Only entries that are valid are looked at, however large the range is. */
	while (va < end) {
		unsigned int valid = find_next_bit(table->linked, OGPU_PT_ENTRIES, index);
		struct ogpu_pt_table *child;
		u64 next;

		if (valid != index) {
			va = ALIGN_DOWN(va, bytes) + (valid - index) * bytes;
			index = valid;
			if (va >= end || valid == OGPU_PT_ENTRIES)
				return;
		}

		next = min(ALIGN_DOWN(va, bytes) + bytes, end);
		child = table->child[index];
		/* A leaf that is removed in part has been split: if not, rather too much. */
		if (next - va == bytes || WARN_ON_ONCE(!child)) {
			ogpu_pt_add_stale(&change->stale, ALIGN_DOWN(va, bytes),
					  ALIGN_DOWN(va, bytes) + bytes);
			ogpu_pt_drop(pt, change, table, index);
		} else {
			if (table->level == 1)
				ogpu_pt_unmap_pages(pt, change, child, va, next);
			else
				ogpu_pt_unmap_table(pt, change, child, va, next);
			if (bitmap_empty(child->linked, OGPU_PT_ENTRIES))
				ogpu_pt_drop(pt, change, table, index);
		}
		va = next;
		index++;
	}
}

/**
 * ogpu_pt_unmap() - remove all translations of a range
 * @pt: the address space
 * @change: with the tables that ogpu_pt_need_cut() counts for both ends
 * @va: first address, 4 KiB aligned
 * @size: bytes, multiple of 4 KiB, not 0
 *
 * Both ends have been split. Cannot fail, allocates nothing, whatever is or is not mapped there.
 */
void ogpu_pt_unmap(struct ogpu_pt *pt, struct ogpu_pt_change *change, u64 va, u64 size)
{
	ogpu_pt_unmap_table(pt, change, pt->root, va, va + size);
}

/**
 * ogpu_pt_entry() - look at an entry, as it is in memory
 * @pt: the address space, which nobody changes now
 * @va: any address
 * @level: OGPU_PT_LEVELS - 1 for the root, 0 for 4 KiB pages
 *
 * Return: the entry; 0 if the tables do not go so deep.
 */
u64 ogpu_pt_entry(const struct ogpu_pt *pt, u64 va, unsigned int level)
{
	struct ogpu_pt_table *table = pt->root;

	if (va >> OGPU_VA_BITS)
		return 0;
	while (table->level > level) {
		table = table->child[(va >> OGPU_PT_LEVEL_SHIFT(table->level)) % OGPU_PT_ENTRIES];
		if (!table)
			return 0;
	}

	return pt->ops->read(table, (va >> OGPU_PT_LEVEL_SHIFT(level)) % OGPU_PT_ENTRIES);
}

/**
 * ogpu_pt_root_pte() - what the address-space table says about this address space
 * @pt: the address space
 *
 * Return: for &struct ogpu_as_entry.root.
 */
u64 ogpu_pt_root_pte(const struct ogpu_pt *pt)
{
	return ogpu_pt_encode(pt->root->operand, 0);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_pt_test.c"
#endif
