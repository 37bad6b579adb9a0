// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Page tables: the tree of tables, and how ranges of addresses become entries.
 *
 * DOC: Page tables
 *
 * The tree only grows: VM_BIND makes all tables that a range can need, down to 4 KiB pages, before
 * its point of no return; they stay until the address space dies. So what comes later (bind jobs,
 * renewals after a move to other memory with other page sizes) never needs memory and cannot
 * fail.
 *
 * A table that exists is not necessarily pointed to. An entry of level 1 either points to its
 * table of 4 KiB pages or is a leaf of 2 MiB. To turn a leaf into a table the table is filled
 * first; then one 64-bit store replaces the leaf. The bits @linked and @leaf tell what an entry
 * is, so that nothing has to be read back from VRAM, but for entries that are split.
 *
 * CONTIG stands in all 16 entries of a 64 KiB group or in none. A change of a part of a group
 * takes it out of the rest.
 *
 * The caller invalidates the TLB after changes, before memory that was mapped is used otherwise.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <asm/barrier.h>

#include "ogpu_pt.h"

/* Entries of a CONTIG group. */
#define OGPU_PT_GROUP	(OGPU_PAGE_64K / OGPU_PAGE_4K)

/* What a walk over segments has yet to map. */
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

static u64 ogpu_pt_table_pte(const struct ogpu_pt_table *table)
{
	return ogpu_pt_encode(OGPU_OPERAND(OGPU_TARGET_VRAM, table->addr), 0);
}

static u64 ogpu_pt_bytes(unsigned int level)
{
	return 1ull << OGPU_PT_LEVEL_SHIFT(level);
}

static struct ogpu_pt_table *ogpu_pt_table_new(struct ogpu_pt *pt, unsigned int level)
{
	unsigned int children = level ? OGPU_PT_ENTRIES : 0;
	struct ogpu_pt_table *table;
	int ret;

	table = kzalloc_flex(*table, child, children);
	if (!table)
		return ERR_PTR(-ENOMEM);

	table->level = level;
	ret = pt->ops->alloc(pt->priv, table);
	if (ret) {
		kfree(table);
		return ERR_PTR(ret);
	}

	return table;
}

static void ogpu_pt_table_free(struct ogpu_pt_table *table)
{
	unsigned int i;

	for (i = 0; table->level && i < OGPU_PT_ENTRIES; i++) {
		if (table->child[i])
			ogpu_pt_table_free(table->child[i]);
	}
	kfree(table);
}

/**
 * ogpu_pt_init() - make an empty address space
 * @pt: what to set up
 * @ops: memory of tables
 * @priv: for @ops->alloc
 *
 * Return: 0, or what @ops->alloc returned.
 */
int ogpu_pt_init(struct ogpu_pt *pt, const struct ogpu_pt_ops *ops, void *priv)
{
	struct ogpu_pt_table *root;

	pt->ops = ops;
	pt->priv = priv;
	root = ogpu_pt_table_new(pt, OGPU_PT_LEVELS - 1);
	if (IS_ERR(root))
		return PTR_ERR(root);
	pt->root = root;

	return 0;
}

/**
 * ogpu_pt_fini() - free the tree
 * @pt: set up by ogpu_pt_init(), or all zero
 *
 * The memory of the tables themselves is the caller's.
 */
void ogpu_pt_fini(struct ogpu_pt *pt)
{
	if (pt->root)
		ogpu_pt_table_free(pt->root);
	pt->root = NULL;
}

static int ogpu_pt_prepare_table(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end)
{
	u64 bytes = ogpu_pt_bytes(table->level);
	int ret = 0;

	while (va < end && !ret) {
		unsigned int index = OGPU_PT_INDEX(va, table->level);
		u64 next = min(ALIGN_DOWN(va, bytes) + bytes, end);
		struct ogpu_pt_table *child = table->child[index];

		if (!child) {
			child = ogpu_pt_table_new(pt, table->level - 1);
			if (IS_ERR(child))
				return PTR_ERR(child);
			/* A bind job may be looking at it; pairs with ogpu_pt_child(). */
			smp_store_release(&table->child[index], child);
		}
		if (child->level)
			ret = ogpu_pt_prepare_table(pt, child, va, next);
		va = next;
	}

	return ret;
}

/**
 * ogpu_pt_prepare() - make all tables that a range can need
 * @pt: the address space
 * @va: first address
 * @size: bytes, not 0
 *
 * Changes no translation. After an error the tables that were made stay.
 *
 * Return: 0, or what ogpu_pt_ops.alloc returned.
 */
int ogpu_pt_prepare(struct ogpu_pt *pt, u64 va, u64 size)
{
	return ogpu_pt_prepare_table(pt, pt->root, va, va + size);
}

static struct ogpu_pt_table *ogpu_pt_child(struct ogpu_pt_table *table, unsigned int index)
{
	/* Pairs with the store in ogpu_pt_prepare_table(). */
	return smp_load_acquire(&table->child[index]);
}

/* Let an entry point to its table, whose entries are right by now. */
static void ogpu_pt_link(struct ogpu_pt *pt, struct ogpu_pt_table *table, unsigned int index,
			 struct ogpu_pt_table *child)
{
	/* Stores to VRAM may be combined and reordered otherwise. */
	wmb();
	pt->ops->write(table, index, 1, ogpu_pt_table_pte(child), 0);
	__set_bit(index, table->linked);
	__clear_bit(index, table->leaf);
}

/* Empty a table that nothing points to: it may still have entries from before it was replaced. */
static void ogpu_pt_clear_table(struct ogpu_pt *pt, struct ogpu_pt_table *table)
{
	if (bitmap_empty(table->linked, OGPU_PT_ENTRIES))
		return;

	pt->ops->write(table, 0, OGPU_PT_ENTRIES, 0, 0);
	bitmap_zero(table->linked, OGPU_PT_ENTRIES);
}

/* Fill a table of 4 KiB pages with what the 2 MiB leaf says that it is to replace. */
static void ogpu_pt_fill_from_leaf(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 leaf)
{
	pt->ops->write(table, 0, OGPU_PT_ENTRIES, leaf | OGPU_PTE_CONTIG, OGPU_PAGE_4K);
	bitmap_fill(table->linked, OGPU_PT_ENTRIES);
}

/* If a CONTIG group has entries on both sides of @index, take CONTIG out of it. */
static void ogpu_pt_split_group(struct ogpu_pt *pt, struct ogpu_pt_table *table, unsigned int index)
{
	unsigned int first = ALIGN_DOWN(index, OGPU_PT_GROUP);
	u64 pte;

	if (index == first || !test_bit(index, table->linked))
		return;

	pte = pt->ops->read(table, first);
	if (!(pte & OGPU_PTE_CONTIG))
		return;

	pt->ops->write(table, first, OGPU_PT_GROUP, pte & ~OGPU_PTE_CONTIG, OGPU_PAGE_4K);
}

/* Make entries @first .. @last - 1 independent of the others. */
static void ogpu_pt_split_groups(struct ogpu_pt *pt, struct ogpu_pt_table *table,
				 unsigned int first, unsigned int last)
{
	ogpu_pt_split_group(pt, table, first);
	if (last < OGPU_PT_ENTRIES)
		ogpu_pt_split_group(pt, table, last);
}

/* @bytes of the current segment have been mapped. */
static void ogpu_pt_advance(struct ogpu_pt_source *src, u64 bytes)
{
	src->offset += bytes;
	if (src->offset == src->segment->size) {
		src->segment++;
		src->offset = 0;
	}
}

/* Write 4 KiB entries from @va to @end, which lie in one table. */
static void ogpu_pt_map_pages(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end,
			      u64 prot, struct ogpu_pt_source *src)
{
	unsigned int first = OGPU_PT_INDEX(va, 0);
	unsigned int last = first + (end - va) / OGPU_PAGE_4K;

	ogpu_pt_split_groups(pt, table, first, last);
	bitmap_set(table->linked, first, last - first);

	while (va < end) {
		u64 operand = src->segment->operand + src->offset;
		u64 size = min(src->segment->size - src->offset, end - va);
		u64 flags = OGPU_PTE_LEAF | prot;

		/* Go in runs that are CONTIG as a whole or not at all. */
		if (IS_ALIGNED(va | operand, OGPU_PAGE_64K) && size >= OGPU_PAGE_64K) {
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

/* Map from @va to @end, which lie in one entry of a level-1 table. */
static void ogpu_pt_map_2m(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end,
			   u64 prot, struct ogpu_pt_source *src)
{
	unsigned int index = OGPU_PT_INDEX(va, 1);
	u64 operand = src->segment->operand + src->offset;
	struct ogpu_pt_table *child;

	if (end - va == OGPU_PAGE_2M && IS_ALIGNED(operand, OGPU_PAGE_2M) &&
	    src->segment->size - src->offset >= OGPU_PAGE_2M) {
		pt->ops->write(table, index, 1, ogpu_pt_encode(operand, OGPU_PTE_LEAF | prot), 0);
		__set_bit(index, table->linked);
		__set_bit(index, table->leaf);
		ogpu_pt_advance(src, OGPU_PAGE_2M);
		return;
	}

	child = ogpu_pt_child(table, index);
	if (test_bit(index, table->leaf))
		ogpu_pt_fill_from_leaf(pt, child, pt->ops->read(table, index));
	else if (!test_bit(index, table->linked))
		ogpu_pt_clear_table(pt, child);

	ogpu_pt_map_pages(pt, child, va, end, prot, src);

	if (test_bit(index, table->leaf) || !test_bit(index, table->linked))
		ogpu_pt_link(pt, table, index, child);
}

static void ogpu_pt_map_table(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end,
			      u64 prot, struct ogpu_pt_source *src)
{
	u64 bytes = ogpu_pt_bytes(table->level);

	while (va < end) {
		unsigned int index = OGPU_PT_INDEX(va, table->level);
		u64 next = min(ALIGN_DOWN(va, bytes) + bytes, end);

		if (table->level == 1) {
			ogpu_pt_map_2m(pt, table, va, next, prot, src);
		} else {
			struct ogpu_pt_table *child = ogpu_pt_child(table, index);

			ogpu_pt_map_table(pt, child, va, next, prot, src);
			if (!test_bit(index, table->linked))
				ogpu_pt_link(pt, table, index, child);
		}
		va = next;
	}
}

/**
 * ogpu_pt_map() - map a range, whatever was there before
 * @pt: the address space
 * @va: first address, 4 KiB aligned
 * @size: bytes, multiple of 4 KiB, not 0
 * @prot: OGPU_PTE_READ, _WRITE, _EXEC
 * @segments: what to map; together at least @size bytes
 *
 * The range has been prepared with ogpu_pt_prepare(). Cannot fail, allocates nothing.
 */
void ogpu_pt_map(struct ogpu_pt *pt, u64 va, u64 size, u64 prot,
		 const struct ogpu_pt_segment *segments)
{
	struct ogpu_pt_source src = { .segment = segments };

	ogpu_pt_map_table(pt, pt->root, va, va + size, prot, &src);
}

static void ogpu_pt_unmap_pages(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end)
{
	unsigned int first = OGPU_PT_INDEX(va, 0);
	unsigned int last = first + (end - va) / OGPU_PAGE_4K;

	if (find_next_bit(table->linked, last, first) >= last)
		return;

	ogpu_pt_split_groups(pt, table, first, last);
	pt->ops->write(table, first, last - first, 0, 0);
	bitmap_clear(table->linked, first, last - first);
}

static void ogpu_pt_unmap_table(struct ogpu_pt *pt, struct ogpu_pt_table *table, u64 va, u64 end)
{
	u64 bytes = ogpu_pt_bytes(table->level);

	while (va < end) {
		unsigned int index = OGPU_PT_INDEX(va, table->level);
		u64 next = min(ALIGN_DOWN(va, bytes) + bytes, end);
		struct ogpu_pt_table *child;

		if (!test_bit(index, table->linked)) {
			va = next;
			continue;
		}

		child = ogpu_pt_child(table, index);
		if (test_bit(index, table->leaf)) {
			if (next - va == bytes) {
				pt->ops->write(table, index, 1, 0, 0);
				__clear_bit(index, table->linked);
				__clear_bit(index, table->leaf);
			} else {
				ogpu_pt_fill_from_leaf(pt, child, pt->ops->read(table, index));
				ogpu_pt_unmap_pages(pt, child, va, next);
				ogpu_pt_link(pt, table, index, child);
			}
		} else if (table->level == 1) {
			ogpu_pt_unmap_pages(pt, child, va, next);
		} else {
			ogpu_pt_unmap_table(pt, child, va, next);
		}
		va = next;
	}
}

/**
 * ogpu_pt_unmap() - remove all translations of a range
 * @pt: the address space
 * @va: first address, 4 KiB aligned
 * @size: bytes, multiple of 4 KiB, not 0
 *
 * Cannot fail, allocates nothing, whatever is or is not mapped there.
 */
void ogpu_pt_unmap(struct ogpu_pt *pt, u64 va, u64 size)
{
	ogpu_pt_unmap_table(pt, pt->root, va, va + size);
}

/**
 * ogpu_pt_root_pte() - what the address-space table says about this address space
 * @pt: the address space
 *
 * Return: for &struct ogpu_as_entry.root.
 */
u64 ogpu_pt_root_pte(const struct ogpu_pt *pt)
{
	return ogpu_pt_table_pte(pt->root);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_pt_test.c"
#endif
