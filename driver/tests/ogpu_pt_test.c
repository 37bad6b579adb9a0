// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of page tables, on ordinary memory. After each change the tables are walked as
 * hardware does and compared with a plain list of pages.
 */
#include <kunit/test.h>

#include <linux/sizes.h>
#include <linux/slab.h>

#define PT_TEST_TABLES	64
#define PT_TEST_BASE	0x100000000ull

struct pt_test {
	struct ogpu_pt pt;
	struct ogpu_pt_table *tables;
	u64 (*mem)[OGPU_PT_ENTRIES];
	struct list_head free;
	unsigned int used;
	/* Of the change before. */
	struct ogpu_pt_ranges stale;
	struct ogpu_pt_ranges split;
};

static void pt_test_write(struct ogpu_pt_table *table, unsigned int index, unsigned int count,
			  u64 pte, u64 step)
{
	u64 *entries = table->mem;

	while (count--) {
		entries[index++] = pte;
		pte += step;
	}
}

static u64 pt_test_read(struct ogpu_pt_table *table, unsigned int index)
{
	return ((u64 *)table->mem)[index];
}

static const struct ogpu_pt_ops pt_test_ops = {
	.write = pt_test_write,
	.read = pt_test_read,
};

static void pt_test_take(struct kunit *test, struct list_head *to, unsigned int count)
{
	struct pt_test *t = test->priv;

	while (count--) {
		KUNIT_ASSERT_FALSE(test, list_empty(&t->free));
		list_move(t->free.next, to);
		t->used++;
	}
}

/* Tables that were not used must be as empty as they came. */
static void pt_test_give(struct kunit *test, struct list_head *from, bool dead)
{
	struct ogpu_pt_table *table, *next;
	struct pt_test *t = test->priv;
	unsigned int i;

	list_for_each_entry_safe(table, next, from, link) {
		if (!dead)
			KUNIT_EXPECT_NULL(test, memchr_inv(table->mem, 0, OGPU_PT_SIZE));
		memset(table->mem, 0, OGPU_PT_SIZE);
		bitmap_zero(table->linked, OGPU_PT_ENTRIES);
		for (i = 0; i < OGPU_PT_ENTRIES; i++)
			KUNIT_EXPECT_NULL(test, table->child[i]);
		list_move(&table->link, &t->free);
		t->used--;
	}
}

static int pt_test_init(struct kunit *test)
{
	struct pt_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	INIT_LIST_HEAD(&t->free);
	t->mem = kunit_kzalloc(test, PT_TEST_TABLES * sizeof(*t->mem), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->mem);
	t->tables = kunit_kcalloc(test, PT_TEST_TABLES, sizeof(*t->tables), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->tables);
	for (i = 0; i < PT_TEST_TABLES; i++) {
		t->tables[i].operand = OGPU_OPERAND(OGPU_TARGET_VRAM,
						    PT_TEST_BASE + i * OGPU_PT_SIZE);
		t->tables[i].mem = t->mem[i];
		t->tables[i].child = kunit_kcalloc(test, OGPU_PT_ENTRIES, sizeof(void *),
						   GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->tables[i].child);
		if (i)
			list_add_tail(&t->tables[i].link, &t->free);
	}
	ogpu_pt_init(&t->pt, &pt_test_ops, OGPU_PAGE_4K | OGPU_PAGE_64K | OGPU_PAGE_2M,
		     &t->tables[0]);

	return 0;
}

/* Walk in memory, using nothing but addresses and bits of the contract. */
static u64 pt_test_walk_to(struct kunit *test, u64 va, u64 *page, int *leaf_level)
{
	struct pt_test *t = test->priv;
	u64 pte = ogpu_pt_root_pte(&t->pt);
	int level;

	for (level = OGPU_PT_LEVELS - 1; level >= 0; level--) {
		u64 table = FIELD_GET(OGPU_PTE_ADDR, pte) << 12;
		u64 offset = va & ((1ull << OGPU_PT_LEVEL_SHIFT(level)) - 1);

		KUNIT_EXPECT_EQ(test, FIELD_GET(OGPU_PTE_TARGET, pte), (u64)OGPU_TARGET_VRAM);
		KUNIT_EXPECT_EQ(test, pte & (OGPU_PTE_MBZ | OGPU_PTE_PEER | OGPU_PTE_READ |
					     OGPU_PTE_WRITE | OGPU_PTE_EXEC | OGPU_PTE_CONTIG |
					     OGPU_PTE_MTYPE | OGPU_PTE_NULL), 0);
		KUNIT_ASSERT_LT(test, (table - PT_TEST_BASE) / OGPU_PT_SIZE, (u64)PT_TEST_TABLES);

		pte = t->mem[(table - PT_TEST_BASE) / OGPU_PT_SIZE][OGPU_PT_INDEX(va, level)];
		if (!(pte & OGPU_PTE_VALID))
			return 0;
		if (pte & OGPU_PTE_LEAF) {
			KUNIT_EXPECT_LE(test, level, 1);
			*leaf_level = level;
			*page = (FIELD_GET(OGPU_PTE_ADDR, pte) << 12) + (offset & ~0xfffull);
			return pte;
		}
	}

	KUNIT_FAIL(test, "entry at level 0 is no leaf");
	return 0;
}

static u64 pt_test_walk(struct kunit *test, u64 va, u64 *page)
{
	int level;

	return pt_test_walk_to(test, va, page, &level);
}

static void pt_test_expect(struct kunit *test, u64 va, u64 operand, u64 flags)
{
	u64 page = 0;
	u64 pte = pt_test_walk(test, va, &page);

	KUNIT_EXPECT_NE_MSG(test, pte, 0, "va %#llx", va);
	KUNIT_EXPECT_EQ_MSG(test, page, FIELD_GET(OGPU_OPERAND_ADDR, operand), "va %#llx", va);
	KUNIT_EXPECT_EQ(test, FIELD_GET(OGPU_PTE_TARGET, pte),
			FIELD_GET(OGPU_OPERAND_TARGET, operand));
	KUNIT_EXPECT_EQ_MSG(test, pte & (OGPU_PTE_READ | OGPU_PTE_WRITE | OGPU_PTE_EXEC |
					 OGPU_PTE_CONTIG | OGPU_PTE_MBZ | OGPU_PTE_PEER),
			    flags, "va %#llx", va);
}

static void pt_test_expect_none(struct kunit *test, u64 va)
{
	u64 page;

	KUNIT_EXPECT_EQ_MSG(test, pt_test_walk(test, va, &page), 0, "va %#llx", va);
}

struct pt_test_range {
	u64 va;
	u64 size;
	u64 prot;	/* 0: unmap */
	const struct ogpu_pt_segment *segments;
};

/* One job, as ogpu_bind_job.c does it, with exactly the tables that are counted for it. */
static void pt_test_job(struct kunit *test, const struct pt_test_range *ranges, unsigned int count)
{
	struct pt_test *t = test->priv;
	struct ogpu_pt_ranges split = {};
	struct ogpu_pt_change change;
	struct ogpu_pt_need need = {};
	unsigned int i;

	ogpu_pt_change_init(&change);
	for (i = 0; i < count; i++) {
		const struct pt_test_range *range = &ranges[i];

		ogpu_pt_need_cut(&need, range->va);
		if (range->prot)
			ogpu_pt_need_map(&t->pt, &need, range->va, range->size, range->segments);
		ogpu_pt_need_cut(&need, range->va + range->size);
	}
	pt_test_take(test, &change.leaf, need.leaf);
	pt_test_take(test, &change.inner, need.inner);

	for (i = 0; i < count; i++) {
		ogpu_pt_split(&t->pt, &change, &split, ranges[i].va);
		ogpu_pt_split(&t->pt, &change, &split, ranges[i].va + ranges[i].size);
	}
	for (i = 0; i < count; i++) {
		const struct pt_test_range *range = &ranges[i];

		if (range->prot)
			ogpu_pt_map(&t->pt, &change, range->va, range->size, range->prot,
				    range->segments);
		else
			ogpu_pt_unmap(&t->pt, &change, range->va, range->size);
	}

	pt_test_give(test, &change.leaf, false);
	pt_test_give(test, &change.inner, false);
	pt_test_give(test, &change.dead, true);
	t->stale = change.stale;
	t->split = split;
}

/* Unmaps if @prot is 0. */
static void pt_test_change(struct kunit *test, u64 va, u64 size, u64 prot,
			   const struct ogpu_pt_segment *segments)
{
	const struct pt_test_range range = { va, size, prot, segments };

	pt_test_job(test, &range, 1);
}

static void pt_test_map(struct kunit *test, u64 va, u64 size, u64 prot, u64 operand)
{
	const struct ogpu_pt_segment segment = { operand, size };

	pt_test_change(test, va, size, prot, &segment);
}

static void pt_test_unmap(struct kunit *test, u64 va, u64 size)
{
	pt_test_change(test, va, size, 0, NULL);
}

/* Level of the entry that maps an address, -1 if none does. */
static int pt_test_level(struct kunit *test, u64 va)
{
	int level = -1;
	u64 page;

	pt_test_walk_to(test, va, &page, &level);

	return level;
}

static void pt_test_empty(struct kunit *test)
{
	pt_test_expect_none(test, 0);
	pt_test_expect_none(test, 0xfffffffff000);
	pt_test_unmap(test, 0, 1ull << OGPU_VA_BITS);
	pt_test_expect_none(test, SZ_64K);
}

static void pt_test_one_page(struct kunit *test)
{
	u64 va = 0x7fff12345000;

	pt_test_map(test, va, SZ_4K, OGPU_PTE_READ, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x123456000));
	pt_test_expect(test, va, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x123456000), OGPU_PTE_READ);
	pt_test_expect_none(test, va - SZ_4K);
	pt_test_expect_none(test, va + SZ_4K);
}

static void pt_test_contig(struct kunit *test)
{
	u64 prot = OGPU_PTE_READ | OGPU_PTE_WRITE;
	u64 i;

	/* Aligned in both: CONTIG. One page more: not. */
	pt_test_map(test, SZ_64K, SZ_64K + SZ_4K, prot, OGPU_OPERAND(OGPU_TARGET_VRAM, SZ_1M));
	for (i = 0; i < SZ_64K; i += SZ_4K)
		pt_test_expect(test, SZ_64K + i, SZ_1M + i, prot | OGPU_PTE_CONTIG);
	pt_test_expect(test, 2 * SZ_64K, SZ_1M + SZ_64K, prot);

	/* Not aligned in memory: never. */
	pt_test_map(test, SZ_1M, SZ_128K, prot, SZ_1M + SZ_4K);
	for (i = 0; i < SZ_128K; i += SZ_4K)
		pt_test_expect(test, SZ_1M + i, SZ_1M + SZ_4K + i, prot);

	/* A hole takes CONTIG out of the whole group and of no other. */
	pt_test_map(test, SZ_64K, SZ_128K, prot, SZ_1M);
	pt_test_unmap(test, SZ_64K + 3 * SZ_4K, SZ_4K);
	for (i = 0; i < SZ_64K; i += SZ_4K) {
		if (i == 3 * SZ_4K)
			pt_test_expect_none(test, SZ_64K + i);
		else
			pt_test_expect(test, SZ_64K + i, SZ_1M + i, prot);
	}
	pt_test_expect(test, 2 * SZ_64K, SZ_1M + SZ_64K, prot | OGPU_PTE_CONTIG);
}

static void pt_test_huge(struct kunit *test)
{
	u64 prot = OGPU_PTE_READ | OGPU_PTE_EXEC;
	u64 i;

	pt_test_map(test, SZ_4M, SZ_4M, prot, SZ_8M);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_4M), 1);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_4M + SZ_2M), 1);
	pt_test_expect(test, SZ_4M + 0x5000, SZ_8M + 0x5000, prot);

	/* Split by an unmap across the border of two leaves. */
	pt_test_unmap(test, SZ_4M + SZ_2M - SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_4M), 0);
	pt_test_expect_none(test, SZ_4M + SZ_2M - SZ_4K);
	pt_test_expect_none(test, SZ_4M + SZ_2M);
	for (i = 0; i < SZ_4M; i += SZ_4K) {
		u64 contig = i < SZ_2M - SZ_64K || i >= SZ_2M + SZ_64K ? OGPU_PTE_CONTIG : 0;

		if (i != SZ_2M - SZ_4K && i != SZ_2M)
			pt_test_expect(test, SZ_4M + i, SZ_8M + i, prot | contig);
	}

	/* Back to leaves, then away, then pages in a table that has old entries. */
	pt_test_map(test, SZ_4M, SZ_4M, prot, SZ_16M);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_4M), 1);
	pt_test_expect(test, SZ_8M - SZ_4K, SZ_16M + SZ_4M - SZ_4K, prot);
	pt_test_unmap(test, 0, 1ull << OGPU_VA_BITS);
	for (i = 0; i < SZ_4M; i += SZ_4K)
		pt_test_expect_none(test, SZ_4M + i);
	pt_test_map(test, SZ_4M + SZ_4K, SZ_4K, prot, SZ_1M);
	for (i = 0; i < SZ_2M; i += SZ_4K) {
		if (i != SZ_4K)
			pt_test_expect_none(test, SZ_4M + i);
	}
	pt_test_expect(test, SZ_4M + SZ_4K, SZ_1M, prot);
}

static void pt_test_segments(struct kunit *test)
{
	const struct ogpu_pt_segment segments[] = {
		{ OGPU_OPERAND(OGPU_TARGET_VRAM, SZ_2M), SZ_2M + SZ_64K },
		{ OGPU_OPERAND(OGPU_TARGET_VRAM, SZ_1G), SZ_4K },
		{ OGPU_OPERAND(OGPU_TARGET_SYSTEM, SZ_32M), SZ_2M - SZ_64K - SZ_4K },
	};
	u64 va = 0x10000000000ull - SZ_2M;	/* goes over the border of two level-2 tables */

	pt_test_change(test, va, SZ_4M, OGPU_PTE_READ, segments);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, va), 1);
	pt_test_expect(test, va + SZ_2M - SZ_4K, SZ_4M - SZ_4K, OGPU_PTE_READ);
	pt_test_expect(test, va + SZ_2M, SZ_4M, OGPU_PTE_READ | OGPU_PTE_CONTIG);
	pt_test_expect(test, va + SZ_2M + SZ_64K, SZ_1G, OGPU_PTE_READ);
	pt_test_expect(test, va + SZ_2M + SZ_64K + SZ_4K,
		       OGPU_OPERAND(OGPU_TARGET_SYSTEM, SZ_32M), OGPU_PTE_READ);
	pt_test_expect(test, va + SZ_4M - SZ_4K,
		       OGPU_OPERAND(OGPU_TARGET_SYSTEM, SZ_32M + SZ_2M - SZ_64K - SZ_8K),
		       OGPU_PTE_READ);
	pt_test_expect_none(test, va + SZ_4M);
}

/* Tables go back when they are empty, and are not made where none is needed. */
static void pt_test_tables(struct kunit *test)
{
	struct pt_test *t = test->priv;

	pt_test_map(test, SZ_1G - SZ_4K, SZ_8K, OGPU_PTE_READ, SZ_1M);
	KUNIT_EXPECT_EQ(test, t->used, 5);
	pt_test_unmap(test, SZ_1G, SZ_4K);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	pt_test_map(test, SZ_1G - SZ_2M, SZ_2M, OGPU_PTE_READ, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->used, 2);
	pt_test_unmap(test, SZ_1G - SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	pt_test_expect(test, SZ_1G - SZ_128K, SZ_4M - SZ_128K, OGPU_PTE_READ | OGPU_PTE_CONTIG);
	pt_test_unmap(test, SZ_64K, SZ_1G);
	KUNIT_EXPECT_EQ(test, t->used, 0);
	pt_test_expect_none(test, SZ_1G - SZ_8K);
}

/* The card must forget what was valid, and need not forget anything else. */
static void pt_test_stale(struct kunit *test)
{
	struct pt_test *t = test->priv;
	unsigned int i;

	pt_test_map(test, SZ_1M, SZ_1M, OGPU_PTE_READ, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->stale.count, 0);
	pt_test_unmap(test, SZ_4M, SZ_1G);
	KUNIT_EXPECT_EQ(test, t->stale.count, 0);

	pt_test_map(test, SZ_1M + SZ_64K, SZ_64K, OGPU_PTE_READ, SZ_4M);
	KUNIT_ASSERT_EQ(test, t->stale.count, 1);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].start, SZ_1M + SZ_64K);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].end, SZ_1M + SZ_128K);

	KUNIT_EXPECT_EQ(test, t->split.count, 0);

	/* Of a part of a CONTIG group all, before; of a leaf all. */
	pt_test_unmap(test, SZ_1M + SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(test, t->split.count, 1);
	KUNIT_EXPECT_EQ(test, t->split.range[0].start, SZ_1M);
	KUNIT_EXPECT_EQ(test, t->split.range[0].end, SZ_1M + SZ_64K);
	KUNIT_ASSERT_EQ(test, t->stale.count, 1);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].start, SZ_1M + SZ_4K);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].end, SZ_1M + SZ_8K);
	pt_test_map(test, SZ_4M, SZ_2M, OGPU_PTE_READ, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->stale.count, 0);
	pt_test_map(test, SZ_4M + SZ_8K, SZ_4K, OGPU_PTE_READ, SZ_1M);
	KUNIT_ASSERT_EQ(test, t->stale.count, 1);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].start, SZ_4M);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].end, SZ_4M + SZ_2M);

	/* Far from each other: not what is between. More than fit: the last covers the rest. */
	pt_test_map(test, SZ_1G, SZ_4K, OGPU_PTE_READ, SZ_1M);
	pt_test_map(test, SZ_4G, SZ_4K, OGPU_PTE_READ, SZ_1M);
	pt_test_unmap(test, SZ_512M, SZ_4G);
	KUNIT_ASSERT_EQ(test, t->stale.count, 2);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].end, (u64)SZ_2G);
	KUNIT_EXPECT_EQ(test, t->stale.range[1].start, (u64)SZ_4G);
	t->stale.count = 0;
	for (i = 0; i < 2 * OGPU_PT_RANGES; i++)
		ogpu_pt_add_stale(&t->stale, i * (u64)SZ_1G, i * (u64)SZ_1G + SZ_4K);
	KUNIT_ASSERT_EQ(test, t->stale.count, OGPU_PT_RANGES);
	KUNIT_EXPECT_EQ(test, t->stale.range[0].end, SZ_4K);
	KUNIT_EXPECT_EQ(test, t->stale.range[OGPU_PT_RANGES - 1].end,
			(2 * OGPU_PT_RANGES - 1) * (u64)SZ_1G + SZ_4K);
}

/* Pages without memory. */
static void pt_test_null(struct kunit *test)
{
	u64 prot = OGPU_PTE_READ | OGPU_PTE_WRITE | OGPU_PTE_NULL;
	u64 page;

	pt_test_change(test, SZ_2M + SZ_64K, SZ_4M, prot, NULL);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_2M + SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_4M), 1);
	KUNIT_EXPECT_EQ(test, pt_test_walk(test, SZ_2M + SZ_64K, &page),
			prot | OGPU_PTE_VALID | OGPU_PTE_LEAF);
	KUNIT_EXPECT_EQ(test, pt_test_walk(test, SZ_4M, &page),
			prot | OGPU_PTE_VALID | OGPU_PTE_LEAF);
	pt_test_unmap(test, SZ_4M + SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, pt_test_walk(test, SZ_4M, &page),
			prot | OGPU_PTE_VALID | OGPU_PTE_LEAF);
	pt_test_expect_none(test, SZ_4M + SZ_4K);
}

/* A card that has pages of 4 KiB only. */
static void pt_test_small_pages(struct kunit *test)
{
	struct pt_test *t = test->priv;

	t->pt.pages = OGPU_PAGE_4K;
	pt_test_map(test, SZ_2M, SZ_4M, OGPU_PTE_READ, SZ_8M);
	KUNIT_EXPECT_EQ(test, pt_test_level(test, SZ_2M), 0);
	pt_test_expect(test, SZ_4M, SZ_8M + SZ_2M, OGPU_PTE_READ);
	pt_test_unmap(test, SZ_2M + SZ_4K, SZ_2M);
	pt_test_expect_none(test, SZ_2M + SZ_4K);
	pt_test_expect(test, SZ_4M + SZ_4K, SZ_8M + SZ_2M + SZ_4K, OGPU_PTE_READ);
}

/* Of each table of 4 KiB pages: what is valid is noted, CONTIG stands in all of a group or none. */
static void pt_test_expect_sane(struct kunit *test, u64 va)
{
	struct pt_test *t = test->priv;
	struct ogpu_pt_table *table = t->pt.root;
	unsigned int i;

	while (table && table->level)
		table = table->child[OGPU_PT_INDEX(va, table->level)];
	for (i = 0; table && i < OGPU_PT_ENTRIES; i++) {
		u64 pte = pt_test_read(table, i), first = pt_test_read(table, ALIGN_DOWN(i, 16));

		KUNIT_EXPECT_EQ_MSG(test, !!(pte & OGPU_PTE_VALID), test_bit(i, table->linked),
				    "va %#llx entry %u", va, i);
		KUNIT_EXPECT_EQ_MSG(test, pte & OGPU_PTE_CONTIG, first & OGPU_PTE_CONTIG,
				    "va %#llx entry %u", va, i);
	}
}

/* Several ranges of one job inside one leaf. */
static void pt_test_ranges_in_leaf(struct kunit *test)
{
	const struct ogpu_pt_segment other = { SZ_16M, SZ_4K };
	const struct pt_test_range unmaps[] = {
		{ SZ_4M, SZ_32K },
		{ SZ_4M + SZ_64K + SZ_32K, SZ_4K },
		{ SZ_4M + SZ_1M + SZ_4K, SZ_4K, OGPU_PTE_READ, &other },
	};

	pt_test_map(test, SZ_4M, SZ_2M, OGPU_PTE_READ, SZ_8M);
	pt_test_job(test, unmaps, ARRAY_SIZE(unmaps));
	pt_test_expect_sane(test, SZ_4M);
	pt_test_expect_none(test, SZ_4M + SZ_64K + SZ_32K);
	pt_test_expect(test, SZ_4M + SZ_64K, SZ_8M + SZ_64K, OGPU_PTE_READ);
	pt_test_expect(test, SZ_4M + SZ_1M + SZ_4K, SZ_16M, OGPU_PTE_READ);
	pt_test_expect(test, SZ_4M + SZ_1M, SZ_8M + SZ_1M, OGPU_PTE_READ);
	pt_test_expect(test, SZ_4M + SZ_512K, SZ_8M + SZ_512K, OGPU_PTE_READ | OGPU_PTE_CONTIG);

	pt_test_unmap(test, SZ_4M + SZ_64K + SZ_32K + SZ_4K, SZ_4K);
	pt_test_expect_sane(test, SZ_4M);
	pt_test_expect_none(test, SZ_4M + SZ_64K + SZ_32K);
}

/* Random changes inside 8 MiB, against an array of pages. */
static void pt_test_random(struct kunit *test)
{
	unsigned int pages = SZ_8M / SZ_4K;
	u64 *model = kunit_kzalloc(test, pages * sizeof(*model), GFP_KERNEL);
	u64 base = SZ_1G - SZ_4M;
	u32 seed = 1;
	int round;

	KUNIT_ASSERT_NOT_NULL(test, model);

	for (round = 0; round < 200; round++) {
		unsigned int first, count, i;
		u64 operand;

		seed = seed * 1103515245 + 12345;
		first = (seed >> 8) % pages;
		seed = seed * 1103515245 + 12345;
		count = 1 + (seed >> 8) % (pages - first);
		seed = seed * 1103515245 + 12345;
		if (seed & 0x100) {
			first = ALIGN_DOWN(first, 16);
			count = min(ALIGN(count, 512), pages - first);
		}
		/* Often aligned as the address is, so that large pages come up. */
		operand = (u64)(seed >> 9) % SZ_4K * SZ_8M + (seed & 0x200 ? first * SZ_4K : 0);

		if ((seed & 0xc00) == 0xc00 && count > 8) {
			unsigned int gap = 1 + (seed >> 12) % (count - 2);
			const struct pt_test_range two[] = {
				{ base + first * SZ_4K, gap * SZ_4K },
				{ base + (first + gap + 1) * SZ_4K, (count - gap - 1) * SZ_4K },
			};
			u64 kept = model[first + gap];

			/* All but one page, in one job. */
			pt_test_job(test, two, ARRAY_SIZE(two));
			memset(model + first, 0, count * sizeof(*model));
			model[first + gap] = kept;
		} else if (seed & 0x400) {
			pt_test_unmap(test, base + first * SZ_4K, count * SZ_4K);
			memset(model + first, 0, count * sizeof(*model));
		} else {
			pt_test_map(test, base + first * SZ_4K, count * SZ_4K, OGPU_PTE_READ,
				    operand);
			for (i = 0; i < count; i++)
				model[first + i] = operand + i * SZ_4K + 1;
		}

		for (i = 0; i < pages; i += OGPU_PT_ENTRIES)
			pt_test_expect_sane(test, base + i * SZ_4K);
		for (i = 0; i < pages; i++) {
			u64 page = 0;
			u64 pte = pt_test_walk(test, base + i * SZ_4K, &page);

			if (model[i] != (pte ? page + 1 : 0)) {
				KUNIT_FAIL(test, "round %d page %u: %llx instead of %llx", round,
					   i, pte, model[i]);
				return;
			}
			/* A CONTIG group is one run of memory. */
			if ((pte & OGPU_PTE_CONTIG) && i % 16 &&
			    model[i] != model[i - 1] + SZ_4K) {
				KUNIT_FAIL(test, "round %d page %u: wrong CONTIG", round, i);
				return;
			}
			if ((pte & OGPU_PTE_CONTIG) && !(i % 16) &&
			    (page % SZ_64K || model[i + 15] != model[i] + 15 * SZ_4K)) {
				KUNIT_FAIL(test, "round %d page %u: bad CONTIG", round, i);
				return;
			}
		}
	}
}

static struct kunit_case ogpu_pt_test_cases[] = {
	KUNIT_CASE(pt_test_empty),
	KUNIT_CASE(pt_test_one_page),
	KUNIT_CASE(pt_test_contig),
	KUNIT_CASE(pt_test_huge),
	KUNIT_CASE(pt_test_segments),
	KUNIT_CASE(pt_test_tables),
	KUNIT_CASE(pt_test_stale),
	KUNIT_CASE(pt_test_ranges_in_leaf),
	KUNIT_CASE(pt_test_null),
	KUNIT_CASE(pt_test_small_pages),
	KUNIT_CASE(pt_test_random),
	{}
};

static struct kunit_suite ogpu_pt_test_suite = {
	.name = "ogpu_pt",
	.init = pt_test_init,
	.test_cases = ogpu_pt_test_cases,
};

kunit_test_suite(ogpu_pt_test_suite);
