// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The GPU MMU: page sizes, permissions, every fault reason, directions of host memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_card.h"

#define ASID	5u
#define VA	0x123456789000ull

static struct vgpu *gpu;
static struct mmu mmu;
static struct mmu_page page;
static struct mmu_fault fault;

static int setup(void **state)
{
	(void)state;
	gpu = fake_create(1);
	mmu_init(&mmu, gpu, &gpu->engines->as_table);
	mmu_set_asid(&mmu, ASID);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(gpu);
	return 0;
}

static void invalidate(uint32_t asid, uint64_t start, uint64_t end)
{
	vgpu_mem_invalidate(gpu, &(struct tlbi){ asid, start, end }, 1);
}

static bool translate(uint64_t va, enum ogpu_access access)
{
	bool ok;

	memset(&page, 0, sizeof(page));
	memset(&fault, 0, sizeof(fault));
	mmu_enter(&mmu);
	ok = mmu_translate(&mmu, va, access, &page, &fault);
	mmu_leave(&mmu);
	return ok;
}

static void refused(uint64_t va, enum ogpu_access access, enum ogpu_fault_reason reason)
{
	assert_false(translate(va, access));
	assert_int_equal(fault.reason, reason);
	assert_int_equal(fault.access, access);
	assert_int_equal(fault.va, va);
	mmu_flush(&mmu);
}

static void found(uint64_t va, enum ogpu_access access, uint64_t operand)
{
	uint64_t addr = operand & OGPU_OPERAND_ADDR;
	const uint8_t *host = vgpu_mem_ptr(gpu, FIELD_GET(OGPU_OPERAND_TARGET, operand), addr, 1,
					   access == OGPU_ACCESS_WRITE);

	assert_true(translate(va, access));
	assert_ptr_equal(page.host, host);
	assert_int_equal(page.bytes, MMU_PAGE - va % MMU_PAGE);
}

static void test_small_page(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	found(VA + 8, OGPU_ACCESS_READ, VRAM(FAKE_DATA + 8));
	found(VA + 0xfff, OGPU_ACCESS_WRITE, VRAM(FAKE_DATA + 0xfff));
	found(VA, OGPU_ACCESS_ATOMIC, VRAM(FAKE_DATA));
	assert_non_null(mmu_lookup(&mmu, VA, MMU_DIRECT_READ | MMU_DIRECT_WRITE));
	refused(VA + MMU_PAGE, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
	refused(VA - 1, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
}

static void test_large_page(void **state)
{
	const uint64_t va = VA & ~(uint64_t)(OGPU_PAGE_2M - 1);

	(void)state;
	*fake_entry(gpu, ASID, va, 1) = fake_pte(VRAM(0x1000000), OGPU_PTE_LEAF | PTE_RW);
	found(va, OGPU_ACCESS_READ, VRAM(0x1000000));
	found(va + 0x1fffff, OGPU_ACCESS_WRITE, VRAM(0x11fffff));
	found(va + 0x5008, OGPU_ACCESS_READ, VRAM(0x1005008));
	/* The whole leaf is remembered: pages never touched need no walk. */
	*fake_entry(gpu, ASID, va, 1) = 0;
	found(va + 0x7000, OGPU_ACCESS_READ, VRAM(0x1007000));
	vgpu_mem_invalidate(gpu, &(struct tlbi){ 0 }, 1);
	refused(va + 0x7000, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
	*fake_entry(gpu, ASID, va, 1) = fake_pte(VRAM(0x1001000), OGPU_PTE_LEAF | PTE_RW);
	refused(va, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
	*fake_entry(gpu, ASID, va, 1) = fake_pte(VRAM(0x1000000), OGPU_PTE_LEAF | PTE_RW |
						 OGPU_PTE_CONTIG);
	refused(va, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
}

static void test_contiguous(void **state)
{
	const uint64_t va = VA & ~(uint64_t)(OGPU_PAGE_64K - 1);

	(void)state;
	fake_map(gpu, ASID, va, VRAM(FAKE_DATA), OGPU_PAGE_64K, PTE_RW | OGPU_PTE_CONTIG);
	found(va + 0x3010, OGPU_ACCESS_READ, VRAM(FAKE_DATA + 0x3010));
	*fake_entry(gpu, ASID, va + 0x8000, 0) = 0;
	found(va + 0x8000, OGPU_ACCESS_WRITE, VRAM(FAKE_DATA + 0x8000));
	vgpu_mem_invalidate(gpu, &(struct tlbi){ 0 }, 1);
	refused(va + 0x8000, OGPU_ACCESS_WRITE, OGPU_FAULT_NOT_MAPPED);
	found(va + 0xf000, OGPU_ACCESS_WRITE, VRAM(FAKE_DATA + 0xf000));
	/* Memory that is not aligned as its address is. */
	fake_map(gpu, ASID, va, VRAM(FAKE_DATA + 0x1000), OGPU_PAGE_64K, PTE_RW | OGPU_PTE_CONTIG);
	mmu_flush(&mmu);
	refused(va, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
}

static void test_memory_types(void **state)
{
	(void)state;
	for (uint64_t type = OGPU_MTYPE_CACHED; type <= OGPU_MTYPE_COHERENT; type++) {
		fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE,
			 PTE_RW | FIELD_PREP(OGPU_PTE_MTYPE, type));
		found(VA, OGPU_ACCESS_ATOMIC, VRAM(FAKE_DATA));
		mmu_flush(&mmu);
	}
}

/* Pages without memory, of both sizes: zero whatever was stored, and no other access. */
static void test_null_pages(void **state)
{
	const uint64_t large = VA & ~(uint64_t)(OGPU_PAGE_2M - 1);
	const uint64_t null = OGPU_PTE_VALID | OGPU_PTE_LEAF | OGPU_PTE_NULL;
	const uint64_t bad[] = {
		OGPU_PTE_EXEC, OGPU_PTE_CONTIG, BIT_ULL(6), BIT_ULL(8), BIT_ULL(12), BIT_ULL(55),
	};

	(void)state;
	for (int level = 1; level >= 0; level--) {
		uint64_t *entry = fake_entry(gpu, ASID, VA, level), value = ~0ull, back = 1;

		*entry = null | PTE_RW;
		for (unsigned int i = 0; i < 2; i++) {
			assert_true(mmu_write(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8),
					      &value, 8, &fault));
			assert_true(mmu_read(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8),
					     &back, 8, &fault));
			assert_int_equal(back, 0);
		}
		assert_null(mmu_lookup(&mmu, VA, MMU_DIRECT_WRITE));
		refused(VA, OGPU_ACCESS_ATOMIC, OGPU_FAULT_PERMISSION);
		refused(VA, OGPU_ACCESS_EXEC, OGPU_FAULT_PERMISSION);
		*entry = null | OGPU_PTE_READ;
		refused(VA, OGPU_ACCESS_WRITE, OGPU_FAULT_PERMISSION);
		*entry = null | OGPU_PTE_WRITE;
		refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PERMISSION);
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			*entry = null | PTE_RW | bad[i];
			refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
		}
		*fake_entry(gpu, ASID, large, 1) = 0;
	}
}

struct flip {
	_Atomic bool stop;
	uint64_t *entry, large, table;
};

/* Merges 2 MiB into a large page and splits it again, for as long as the test lasts. */
static void *flip(void *arg)
{
	struct flip *f = arg;

	while (!f->stop) {
		__atomic_store_n(f->entry, f->large, __ATOMIC_RELEASE);
		__atomic_store_n(f->entry, f->table, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Live split and merge: each walk finds the page by the old entry or by the new one. */
static void test_split_and_merge(void **state)
{
	const uint64_t va = VA & ~(uint64_t)(OGPU_PAGE_2M - 1);
	struct flip f = { .entry = fake_entry(gpu, ASID, va, 1) };
	uint64_t old = 0, new = 0;
	pthread_t thread;

	(void)state;
	fake_map(gpu, ASID, va, VRAM(0x1000000), OGPU_PAGE_2M, PTE_RW);
	f.table = *f.entry;
	f.large = fake_pte(VRAM(0x1200000), OGPU_PTE_LEAF | PTE_RW);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	for (uint64_t i = 0; i < 20000 || !old || !new; i++) {
		uint64_t offset = i * 0x3008 % OGPU_PAGE_2M;

		assert_true(translate(va + offset, OGPU_ACCESS_READ));
		old += page.host == gpu->vram + 0x1000000 + offset;
		new += page.host == gpu->vram + 0x1200000 + offset;
		assert_int_equal(old + new, i + 1);
		invalidate(ASID, va, va + OGPU_PAGE_2M);
	}
	f.stop = true;
	pthread_join(thread, NULL);
}

static void test_permissions(void **state)
{
	static const struct {
		uint64_t bits;
		bool ok[4];	/* read, write, exec, atomic */
	} cases[] = {
		{ 0, { false, false, false, false } },
		{ OGPU_PTE_READ, { true, false, false, false } },
		{ OGPU_PTE_WRITE, { false, true, false, false } },
		{ OGPU_PTE_EXEC, { false, false, true, false } },
		{ PTE_RW, { true, true, false, true } },
		{ PTE_RX, { true, false, true, false } },
		{ PTE_RWX, { true, true, true, true } },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, cases[i].bits);
		mmu_flush(&mmu);
		for (enum ogpu_access a = OGPU_ACCESS_READ; a <= OGPU_ACCESS_ATOMIC; a++) {
			if (cases[i].ok[a])
				found(VA, a, VRAM(FAKE_DATA));
			else
				refused(VA, a, OGPU_FAULT_PERMISSION);
		}
	}
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, OGPU_PTE_WRITE);
	mmu_flush(&mmu);
	found(VA, OGPU_ACCESS_WRITE, VRAM(FAKE_DATA));
	assert_null(mmu_lookup(&mmu, VA, MMU_DIRECT_READ));
}

static void test_no_address_space(void **state)
{
	struct ogpu_as_entry *as = (struct ogpu_as_entry *)(gpu->vram + FAKE_AS_TABLE);

	(void)state;
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_NO_AS);
	mmu_set_asid(&mmu, 0);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_NO_AS);
	mmu_set_asid(&mmu, FAKE_AS_COUNT);
	as[FAKE_AS_COUNT].root = fake_pte(VRAM(FAKE_TABLES), 0);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_NO_AS);
	mmu_set_asid(&mmu, ASID);
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	as[ASID].rsvd = 1;
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
	as[ASID].rsvd = 0;
	as[ASID].root |= OGPU_PTE_READ;
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
	as[ASID].root &= ~OGPU_PTE_READ;
	found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
	engines_set_as_table(gpu->engines, FAKE_VRAM, 100);
	mmu_flush(&mmu);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_BUS);
}

static void test_malformed(void **state)
{
	static const uint64_t bad_leaf[] = {
		OGPU_PTE_MTYPE, BIT_ULL(11), BIT_ULL(56), BIT_ULL(63),
		(uint64_t)OGPU_TARGET_PEER << 6, 3ull << 6,
		OGPU_PTE_NULL,		/* with an address */
	};
	static const uint64_t bad_table[] = {
		OGPU_PTE_READ, OGPU_PTE_WRITE, OGPU_PTE_EXEC, OGPU_PTE_CONTIG, BIT_ULL(8),
		BIT_ULL(9), OGPU_PTE_NULL, BIT_ULL(11), BIT_ULL(60), OGPU_PTE_LEAF, 3ull << 6,
	};
	uint64_t *entry, good;

	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	entry = fake_entry(gpu, ASID, VA, 0);
	good = *entry;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_leaf); i++) {
		*entry = good | bad_leaf[i];
		refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
	}
	*entry = good & ~OGPU_PTE_LEAF;
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
	*entry = good;
	for (int level = 1; level < OGPU_PT_LEVELS; level++) {
		entry = fake_entry(gpu, ASID, VA, level);
		good = *entry;
		for (unsigned int i = 0; i < ARRAY_SIZE(bad_table); i++) {
			*entry = good | bad_table[i];
			if (level == 1 && bad_table[i] == OGPU_PTE_LEAF)
				*entry |= OGPU_PAGE_64K;
			refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_PTE);
		}
		*entry = good & ~OGPU_PTE_VALID;
		refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
		*entry = good;
	}
	found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
}

static void test_bus(void **state)
{
	uint64_t value = 0x1122334455667788ull, back = 0;

	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_VRAM), MMU_PAGE, PTE_RW);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_BUS);
	*fake_entry(gpu, ASID, VA, 1) = fake_pte(VRAM(FAKE_VRAM), 0);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_BUS);
	*fake_entry(gpu, ASID, VA, 1) = fake_pte(SYSTEM(0x5000), 0);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_BUS);
	*fake_entry(gpu, ASID, VA, 1) = 0;
	fake_map(gpu, ASID, VA, SYSTEM(0x5000), MMU_PAGE, PTE_RW);
	assert_false(mmu_write(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA), &value, 8, &fault));
	assert_int_equal(fault.reason, OGPU_FAULT_BUS);
	assert_int_equal(fault.va, VA);
	/* Memory that has a pointer for reading only. */
	mmu_flush(&mmu);
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_READ_ONLY), MMU_PAGE, PTE_RW);
	assert_true(mmu_read(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA), &back, 8, &fault));
	assert_false(mmu_write(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA), &value, 8, &fault));
	assert_int_equal(fault.access, OGPU_ACCESS_WRITE);
}

static void test_range(void **state)
{
	(void)state;
	refused(1ull << 48, OGPU_ACCESS_READ, OGPU_FAULT_VA_RANGE);
	refused(~0ull, OGPU_ACCESS_WRITE, OGPU_FAULT_VA_RANGE);
	refused((1ull << 48) - 1, OGPU_ACCESS_EXEC, OGPU_FAULT_NO_AS);
}

static void test_poison(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	poison_add(&gpu->poison, FAKE_DATA, true);
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_POISON);
	refused(VA + 5, OGPU_ACCESS_WRITE, OGPU_FAULT_POISON);
	assert_false(mmu_read(&mmu, VRAM(FAKE_DATA + 16), &page, 8, &fault));
	assert_int_equal(fault.reason, OGPU_FAULT_POISON);
}

/* The host may have mapped memory for one direction only, whatever the page tables allow. */
static void test_directions(void **state)
{
	uint64_t value = 0x1122334455667788ull, back;

	(void)state;
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_WRITE_ONLY), MMU_PAGE, PTE_RWX);
	found(VA, OGPU_ACCESS_WRITE, SYSTEM(FAKE_WRITE_ONLY));
	assert_null(mmu_lookup(&mmu, VA, MMU_DIRECT_READ));
	refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_BUS);
	refused(VA, OGPU_ACCESS_EXEC, OGPU_FAULT_BUS);
	refused(VA, OGPU_ACCESS_ATOMIC, OGPU_FAULT_BUS);
	assert_true(mmu_write(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8), &value, 8, &fault));
	assert_memory_equal(gpu->page + 8, &value, 8);
	assert_false(mmu_read(&mmu, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8), &back, 8, &fault));
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_READ_ONLY), MMU_PAGE, PTE_RWX);
	mmu_flush(&mmu);
	found(VA, OGPU_ACCESS_READ, SYSTEM(FAKE_READ_ONLY));
	found(VA, OGPU_ACCESS_EXEC, SYSTEM(FAKE_READ_ONLY));
	assert_null(mmu_lookup(&mmu, VA, MMU_DIRECT_WRITE));
	refused(VA, OGPU_ACCESS_ATOMIC, OGPU_FAULT_BUS);
}

/* A platform that refuses AtomicOps: of system memory, and only these. */
static void test_no_atomics(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_SYSTEM), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, VA + MMU_PAGE, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, VA + 2 * MMU_PAGE, SYSTEM(FAKE_READ_ONLY), MMU_PAGE, PTE_RW);
	found(VA, OGPU_ACCESS_ATOMIC, SYSTEM(FAKE_SYSTEM));
	gpu->no_atomics = true;
	mmu_flush(&mmu);
	refused(VA, OGPU_ACCESS_ATOMIC, OGPU_FAULT_ATOMIC);
	assert_null(mmu_lookup(&mmu, VA, MMU_DIRECT_ATOMIC));
	found(VA, OGPU_ACCESS_READ, SYSTEM(FAKE_SYSTEM));
	found(VA, OGPU_ACCESS_WRITE, SYSTEM(FAKE_SYSTEM));
	found(VA + MMU_PAGE, OGPU_ACCESS_ATOMIC, VRAM(FAKE_DATA));
	assert_non_null(mmu_lookup(&mmu, VA + MMU_PAGE, MMU_DIRECT_ATOMIC));
	refused(VA + 2 * MMU_PAGE, OGPU_ACCESS_ATOMIC, OGPU_FAULT_BUS);
}

/* New mappings of host memory do not raise the generation: no "not there" may be remembered. */
static void test_late(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_LATE), MMU_PAGE, PTE_RW);
	assert_false(translate(VA, OGPU_ACCESS_READ));
	assert_int_equal(fault.reason, OGPU_FAULT_BUS);
	gpu->late = true;
	found(VA, OGPU_ACCESS_READ, SYSTEM(FAKE_LATE));
	found(VA, OGPU_ACCESS_ATOMIC, SYSTEM(FAKE_LATE));
}

static void test_address_spaces(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID + 1, VA, VRAM(FAKE_DATA + MMU_PAGE), MMU_PAGE, PTE_RW);
	found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
	mmu_set_asid(&mmu, ASID + 1);
	found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA + MMU_PAGE));
}

/*
 * An invalidation drops what it names and nothing else: that is seen by page tables that have
 * changed meanwhile, which only a new walk notices.
 */
static void test_invalidation(void **state)
{
	static const struct {
		uint32_t asid;
		uint64_t start, end;
		bool first, second, other;	/* what is dropped */
	} named[] = {
		{ ASID, VA, VA + MMU_PAGE, true, false, false },
		{ ASID, VA + MMU_PAGE, VA + 2 * MMU_PAGE, false, true, false },
		{ ASID, VA, VA + 2 * MMU_PAGE, true, true, false },
		{ ASID, VA - 4 * MMU_PAGE, VA, false, false, false },
		{ ASID, VA + 2 * MMU_PAGE, 1ull << 48, false, false, false },
		{ ASID, MMU_PAGE, 1ull << 48, true, true, false },
		{ ASID, VA + MMU_PAGE, VA, false, false, false },
		{ ASID, 0, 0, true, true, false },
		{ ASID + 1, VA, VA + MMU_PAGE, false, false, true },
		{ ASID + 1, 0, 0, false, false, true },
		{ ASID + 2, 0, 0, false, false, false },
		{ 0, 0, 0, true, true, true },
	};
	const uint64_t old = FAKE_DATA, new = FAKE_DATA + 0x10000;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(named); i++) {
		for (unsigned int pass = 0; pass < 2; pass++) {
			uint64_t base = pass ? new : old;

			fake_map(gpu, ASID, VA, VRAM(base), 2 * MMU_PAGE, PTE_RW);
			fake_map(gpu, ASID + 1, VA, VRAM(base), MMU_PAGE, PTE_RW);
			if (pass)
				invalidate(named[i].asid, named[i].start, named[i].end);
			mmu_set_asid(&mmu, ASID);
			base = pass && named[i].first ? new : old;
			found(VA, OGPU_ACCESS_READ, VRAM(base));
			base = pass && named[i].second ? new : old;
			found(VA + MMU_PAGE, OGPU_ACCESS_READ, VRAM(base + MMU_PAGE));
			mmu_set_asid(&mmu, ASID + 1);
			base = pass && named[i].other ? new : old;
			found(VA, OGPU_ACCESS_READ, VRAM(base));
		}
		mmu_flush(&mmu);
	}
}

/* A range inside a large page, or that holds a page table, drops those. */
static void test_invalidation_of_part(void **state)
{
	const uint64_t large = VA & ~(uint64_t)(OGPU_PAGE_2M - 1), small = large + OGPU_PAGE_2M;

	(void)state;
	*fake_entry(gpu, ASID, large, 1) = fake_pte(VRAM(0x1000000), OGPU_PTE_LEAF | PTE_RW);
	found(large, OGPU_ACCESS_READ, VRAM(0x1000000));
	*fake_entry(gpu, ASID, large, 1) = 0;
	invalidate(ASID, large + 0x100000, large + 0x101000);
	refused(large, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);

	/* A table that is replaced: what was not used yet is found by the new one. */
	fake_map(gpu, ASID, small, VRAM(FAKE_DATA), 4 * MMU_PAGE, PTE_RW);
	found(small, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
	*fake_entry(gpu, ASID, small, 1) = 0;
	found(small + MMU_PAGE, OGPU_ACCESS_READ, VRAM(FAKE_DATA + MMU_PAGE));
	invalidate(ASID, small + 0x1ff000, small + 0x200000);
	refused(small + 2 * MMU_PAGE, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
}

/*
 * A strict card keeps tables of any level, and the root, until an invalidation names an address
 * below them: pages that were never used are found by them. Another one finds the new tables.
 */
static void test_tables_are_kept(void **state)
{
	(void)state;
	for (unsigned int level = 1; level <= OGPU_PT_LEVELS; level++) {
		const uint64_t below = 1ull << OGPU_PT_LEVEL_SHIFT(level - 1);
		const uint64_t bytes = 1ull << OGPU_PT_LEVEL_SHIFT(level);
		const uint64_t first = VA & ~(bytes - 1);
		uint64_t *entry = fake_entry(gpu, ASID, VA, level);

		for (unsigned int i = 0; i < 4; i++)
			fake_map(gpu, ASID, VA ^ i * below, VRAM(FAKE_DATA + i * MMU_PAGE),
				 MMU_PAGE, PTE_RW);
		invalidate(ASID, 0, 0);
		found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
		*entry = 0;
		found(VA ^ below, OGPU_ACCESS_READ, VRAM(FAKE_DATA + MMU_PAGE));
		invalidate(ASID + 1, 0, 0);
		if (first)
			invalidate(ASID, 0, first);
		if (first + bytes < 1ull << OGPU_VA_BITS)
			invalidate(ASID, first + bytes, 1ull << OGPU_VA_BITS);
		found(VA ^ 2 * below, OGPU_ACCESS_READ, VRAM(FAKE_DATA + 2 * MMU_PAGE));
		invalidate(ASID, first + bytes - MMU_PAGE, first + bytes);
		refused(VA ^ 3 * below, OGPU_ACCESS_READ, level == OGPU_PT_LEVELS ?
			OGPU_FAULT_NO_AS : OGPU_FAULT_NOT_MAPPED);
	}
}

static void test_tables_are_read(void **state)
{
	(void)state;
	gpu->cfg.strict = false;
	mmu_init(&mmu, gpu, &gpu->engines->as_table);
	mmu_set_asid(&mmu, ASID);
	for (unsigned int level = 2; level <= OGPU_PT_LEVELS; level++) {
		const uint64_t other = VA ^ 1ull << OGPU_PT_LEVEL_SHIFT(level - 1);

		fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
		fake_map(gpu, ASID, other, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
		found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
		*fake_entry(gpu, ASID, VA, level) = 0;
		refused(other, OGPU_ACCESS_READ, level == OGPU_PT_LEVELS ?
			OGPU_FAULT_NO_AS : OGPU_FAULT_NOT_MAPPED);
	}
}

/* What was not valid, or malformed, at any level is found as soon as it is right. */
static void test_invalid_entries(void **state)
{
	static const uint64_t wrong[] = { 0, OGPU_PTE_VALID | OGPU_PTE_MBZ };

	(void)state;
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	for (int level = 0; level <= OGPU_PT_LEVELS; level++) {
		uint64_t *entry = fake_entry(gpu, ASID, VA, level), good = *entry;

		for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
			invalidate(ASID, 0, 0);
			*entry = wrong[i];
			assert_false(translate(VA, OGPU_ACCESS_READ));
			*entry = good;
			found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
		}
	}
}

/* One that missed more invalidations than the log keeps forgets everything. */
static void test_log(void **state)
{
	for (unsigned int count = TLBI_LOG; count <= TLBI_LOG + 1; count++) {
		(void)state;
		fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
		found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
		*fake_entry(gpu, ASID, VA, 0) = 0;
		for (unsigned int i = 0; i < count; i++)
			invalidate(ASID + 1, 0, 0);
		if (count == TLBI_LOG)
			found(VA, OGPU_ACCESS_READ, VRAM(FAKE_DATA));
		else
			refused(VA, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED);
		mmu_flush(&mmu);
	}
}

/* An unmap of host memory takes pointers away and leaves translations alone. */
static void test_pointers(void **state)
{
	(void)state;
	fake_map(gpu, ASID, VA, SYSTEM(FAKE_LATE), MMU_PAGE, PTE_RW);
	gpu->late = true;
	found(VA, OGPU_ACCESS_READ, SYSTEM(FAKE_LATE));
	*fake_entry(gpu, ASID, VA, 0) = 0;
	gpu->late = false;
	fake_lose_pointers(gpu);
	assert_false(translate(VA, OGPU_ACCESS_READ));
	assert_int_equal(fault.reason, OGPU_FAULT_BUS);
	gpu->late = true;
	found(VA, OGPU_ACCESS_READ, SYSTEM(FAKE_LATE));
}

/* Strides that once met in one entry of the cache: each page is walked once. */
static void test_strides(void **state)
{
	const uint64_t first = 0x100000000000ull;
	uint64_t walks;

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		*fake_entry(gpu, ASID, first + i * 0x200000ull, 1) =
			fake_pte(VRAM(0), OGPU_PTE_LEAF | PTE_RW);
	walks = mmu.walks;
	for (unsigned int round = 0; round < 10; round++)
		for (unsigned int i = 0; i < 64; i++)
			found(first + i * 0x200000ull, OGPU_ACCESS_READ, VRAM(0));
	assert_int_equal(mmu.walks - walks, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_contiguous, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_split_and_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_address_space, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poison, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_atomics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_spaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalidation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalidation_of_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strides, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu mmu", tests, NULL, NULL);
}
