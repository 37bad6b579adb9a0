// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: the discovery table. Included by ogpu_discovery.c.
 */
#include <kunit/test.h>

/* A whole table of a plausible card. */
struct ogpu_disc_test_table {
	struct ogpu_disc_header header;
	struct ogpu_disc_board board;
	struct ogpu_disc_memory memory;
	struct ogpu_disc_compute compute;
	struct ogpu_disc_copy copy;
	struct ogpu_disc_isa isa;
	struct ogpu_disc_queues queues;
	struct ogpu_disc_entry boot;
	struct ogpu_disc_entry mbox;
	struct ogpu_disc_entry event;
	struct ogpu_disc_mmu mmu;
	struct ogpu_disc_mc mc;
	struct ogpu_disc_power power;
};

#define OGPU_DISC_TEST_ENTRIES	12

static void ogpu_disc_test_seal(struct ogpu_disc_test_table *t)
{
	t->header.crc32 = cpu_to_le32(ogpu_disc_crc(t, sizeof(*t)));
}

static struct ogpu_disc_entry ogpu_disc_test_entry(u16 type, u16 size, u32 base)
{
	return (struct ogpu_disc_entry) {
		.type = cpu_to_le16(type),
		.size = cpu_to_le16(size),
		.major = 1,
		.base = cpu_to_le32(base),
		.regs_size = cpu_to_le32(base ? 0x100 : 0),
	};
}

static struct ogpu_disc_test_table *ogpu_disc_test_make(struct kunit *test)
{
	struct ogpu_disc_test_table *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);

	t->header.magic = cpu_to_le32(OGPU_DISC_MAGIC);
	t->header.major = cpu_to_le16(OGPU_DISC_MAJOR);
	t->header.size = cpu_to_le32(sizeof(*t));
	t->header.entry_count = cpu_to_le32(OGPU_DISC_TEST_ENTRIES);

	t->board.entry = ogpu_disc_test_entry(OGPU_DISC_BOARD, sizeof(t->board), 0);
	t->board.board_id = cpu_to_le32(0x1001);
	t->board.hw_rev = cpu_to_le16(2);
	t->board.generation = cpu_to_le16(1);
	memset(t->board.name, 'n', sizeof(t->board.name));
	t->memory.entry = ogpu_disc_test_entry(OGPU_DISC_MEMORY, sizeof(t->memory), 0);
	t->memory.vram_size = cpu_to_le64(256 << 20);
	t->memory.aperture_size = cpu_to_le64(64 << 20);
	t->memory.dma_bits = cpu_to_le32(48);
	t->compute.entry = ogpu_disc_test_entry(OGPU_DISC_COMPUTE, sizeof(t->compute), 0);
	t->compute.cu_count = cpu_to_le32(66);
	t->compute.cu_fused[0] = cpu_to_le64(0x5);
	t->compute.cu_fused[1] = cpu_to_le64(0x2);
	t->compute.lanes = cpu_to_le32(32);
	t->compute.max_workgroup = cpu_to_le32(1024);
	t->compute.local_bytes = cpu_to_le32(65536);
	t->compute.resident_groups = cpu_to_le32(2);
	t->compute.resident_waves = cpu_to_le32(32);
	t->compute.resident_local = cpu_to_le32(65536);
	t->compute.save_wave_bytes = cpu_to_le32(OGPU_SAVE_WAVE(32));
	t->compute.quantum_us = cpu_to_le32(1000);
	t->compute.starve_ms = cpu_to_le32(40);
	t->compute.preempt_ms = cpu_to_le32(10);
	t->copy.entry = ogpu_disc_test_entry(OGPU_DISC_COPY, sizeof(t->copy), 0);
	t->copy.engines = cpu_to_le32(2);
	t->isa.entry = ogpu_disc_test_entry(OGPU_DISC_ISA, sizeof(t->isa), 0);
	memcpy(t->isa.isa, "rv64imafdc_zicsr", 16);
	t->queues.entry = ogpu_disc_test_entry(OGPU_DISC_QUEUES, sizeof(t->queues), 0);
	t->queues.compute_slots = cpu_to_le32(8);
	t->queues.copy_slots = cpu_to_le32(2);
	t->queues.doorbells = cpu_to_le32(64);
	t->queues.doorbell_stride = cpu_to_le32(4096);
	t->queues.job_ms = cpu_to_le32(10000);
	t->queues.job_max_ms = cpu_to_le32(60000);
	t->boot = ogpu_disc_test_entry(OGPU_DISC_BOOT, sizeof(t->boot), 0x1000);
	t->mbox = ogpu_disc_test_entry(OGPU_DISC_MBOX, sizeof(t->mbox), 0x2000);
	t->event = ogpu_disc_test_entry(OGPU_DISC_EVENT, sizeof(t->event), 0x3000);
	t->mmu.entry = ogpu_disc_test_entry(OGPU_DISC_MMU, sizeof(t->mmu), 0x4000);
	t->mmu.va_bits = cpu_to_le32(48);
	t->mmu.as_count = cpu_to_le32(256);
	t->mmu.page_sizes = cpu_to_le64(0x211000);
	t->mc.entry = ogpu_disc_test_entry(OGPU_DISC_MC, sizeof(t->mc), 0);
	t->power.entry = ogpu_disc_test_entry(OGPU_DISC_POWER, sizeof(t->power), 0);
	t->power.cap_min_uw = cpu_to_le32(10000000);
	t->power.cap_max_uw = cpu_to_le32(75000000);
	ogpu_disc_test_seal(t);

	return t;
}

static void ogpu_disc_test_good(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;

	KUNIT_ASSERT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0);
	KUNIT_EXPECT_EQ(test, disc.board_id, 0x1001);
	KUNIT_EXPECT_EQ(test, disc.hw_rev, 2);
	KUNIT_EXPECT_EQ(test, strlen(disc.name), 32);
	KUNIT_EXPECT_EQ(test, disc.vram_size, 256 << 20);
	/* 66 units, three of them fused off, one bit of the mask beyond the units. */
	KUNIT_EXPECT_EQ(test, disc.cu_count, 63);
	KUNIT_EXPECT_EQ(test, disc.resident_groups, 2);
	KUNIT_EXPECT_EQ(test, disc.resident_waves, 32);
	KUNIT_EXPECT_EQ(test, disc.resident_local, 65536);
	KUNIT_EXPECT_EQ(test, disc.save_wave_bytes, 16896);
	KUNIT_EXPECT_EQ(test, disc.quantum_us, 1000);
	KUNIT_EXPECT_EQ(test, disc.starve_ms, 40);
	KUNIT_EXPECT_EQ(test, disc.preempt_ms, 10);
	KUNIT_EXPECT_STREQ(test, disc.isa, "rv64imafdc_zicsr");
	KUNIT_EXPECT_EQ(test, disc.doorbells, 64);
	KUNIT_EXPECT_EQ(test, disc.job_ms, 10000);
	KUNIT_EXPECT_EQ(test, disc.job_max_ms, 60000);
	KUNIT_EXPECT_EQ(test, disc.boot_base, 0x1000);
	KUNIT_EXPECT_EQ(test, disc.mmu_base, 0x4000);
	KUNIT_EXPECT_EQ(test, disc.cap_min_uw, 10000000);
	KUNIT_EXPECT_EQ(test, disc.cap_max_uw, 75000000);
	KUNIT_EXPECT_FALSE(test, disc.pcie_atomics);

	/* Flags that we do not know are somebody else's. */
	t->memory.flags = cpu_to_le32(OGPU_DISC_MEMORY_ATOMICS | BIT(31));
	ogpu_disc_test_seal(t);
	KUNIT_ASSERT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0);
	KUNIT_EXPECT_TRUE(test, disc.pcie_atomics);
}

static void ogpu_disc_test_unknown_entry(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;

	/* An unknown block is stepped over, whatever its version. */
	t->mc.entry.type = cpu_to_le16(999);
	t->mc.entry.major = 9;
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0);

	/* An unknown version of a needed block is not. */
	t->mmu.entry.major = 2;
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EPROTONOSUPPORT);
}

static void ogpu_disc_test_missing_entry(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;

	/* A card need not let its power be limited. */
	t->power.entry.type = cpu_to_le16(999);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0);
	KUNIT_EXPECT_EQ(test, disc.cap_max_uw, 0);

	t->event.type = cpu_to_le16(999);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -ENOENT);
}

static void ogpu_disc_test_every_bit(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;
	u8 *bytes = (u8 *)t;
	size_t i;

	for (i = 0; i < sizeof(*t); i++) {
		bytes[i] ^= 1 << (i % 8);
		KUNIT_EXPECT_NE_MSG(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0,
				    "byte %zu changed", i);
		bytes[i] ^= 1 << (i % 8);
	}
}

static void ogpu_disc_test_every_size(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;
	size_t i;

	for (i = 0; i < sizeof(*t); i++)
		KUNIT_EXPECT_NE_MSG(test, ogpu_disc_parse(&disc, t, i), 0, "%zu bytes", i);
}

static void ogpu_disc_test_hostile(struct kunit *test)
{
	struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);
	struct ogpu_disc disc;

	/* A valid checksum does not make it true. */
	t->header.entry_count = cpu_to_le32(U32_MAX);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);

	t = ogpu_disc_test_make(test);
	t->board.entry.size = 0;
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);

	t = ogpu_disc_test_make(test);
	t->mc.entry.size = cpu_to_le16(sizeof(t->mc) + 8);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);

	t = ogpu_disc_test_make(test);
	t->boot.base = cpu_to_le32(OGPU_MSIX_TABLE_OFFSET - 0x80);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);

	t = ogpu_disc_test_make(test);
	t->memory.aperture_size = cpu_to_le64(512 << 20);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);

	t = ogpu_disc_test_make(test);
	t->compute.cu_count = cpu_to_le32(OGPU_DISC_MAX_CU + 1);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);
}

static void ogpu_disc_test_isa_string(struct kunit *test)
{
	static const char * const bad[] = {
		"", "rv32i", "rv64", "rv64i zba", "rv64I", "rv64i\n", "rv64i\xff",
	};
	struct ogpu_disc_test_table *t;
	struct ogpu_disc disc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		t = ogpu_disc_test_make(test);
		memset(t->isa.isa, 0, sizeof(t->isa.isa));
		memcpy(t->isa.isa, bad[i], strlen(bad[i]));
		ogpu_disc_test_seal(t);
		KUNIT_EXPECT_EQ_MSG(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL, "%u", i);
	}

	/* Something behind its end; no end. */
	t = ogpu_disc_test_make(test);
	t->isa.isa[20] = 'x';
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL);
	t = ogpu_disc_test_make(test);
	memset(t->isa.isa + 5, 'x', sizeof(t->isa.isa) - 5);
	ogpu_disc_test_seal(t);
	KUNIT_EXPECT_EQ(test, ogpu_disc_parse(&disc, t, sizeof(*t)), 0);
	KUNIT_EXPECT_EQ(test, strlen(disc.isa), sizeof(t->isa.isa));
}

/* Units that could not hold what the same entry promises, and times that would be none. */
static void ogpu_disc_test_units(struct kunit *test)
{
	static const struct {
		size_t offset;
		u32 value;
	} bad[] = {
		{ offsetof(struct ogpu_disc_compute, lanes), 0 },
		{ offsetof(struct ogpu_disc_compute, lanes), 65 },
		{ offsetof(struct ogpu_disc_compute, lanes), U32_MAX },
		{ offsetof(struct ogpu_disc_compute, max_workgroup), 0 },
		{ offsetof(struct ogpu_disc_compute, max_workgroup), 1025 },
		{ offsetof(struct ogpu_disc_compute, max_workgroup), U32_MAX },
		{ offsetof(struct ogpu_disc_compute, local_bytes), 65537 },
		{ offsetof(struct ogpu_disc_compute, resident_groups), 0 },
		{ offsetof(struct ogpu_disc_compute, resident_waves), 31 },
		{ offsetof(struct ogpu_disc_compute, resident_local), 65535 },
		{ offsetof(struct ogpu_disc_compute, save_wave_bytes), 16896 - 256 },
		{ offsetof(struct ogpu_disc_compute, save_wave_bytes), 0 },
		{ offsetof(struct ogpu_disc_compute, quantum_us), 0 },
		{ offsetof(struct ogpu_disc_compute, starve_ms), 0 },
		{ offsetof(struct ogpu_disc_compute, preempt_ms), 0 },
	};
	struct ogpu_disc disc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ogpu_disc_test_table *t = ogpu_disc_test_make(test);

		*(__le32 *)((u8 *)&t->compute + bad[i].offset) = cpu_to_le32(bad[i].value);
		ogpu_disc_test_seal(t);
		KUNIT_EXPECT_EQ_MSG(test, ogpu_disc_parse(&disc, t, sizeof(*t)), -EINVAL, "%u", i);
	}
}

static struct kunit_case ogpu_disc_test_cases[] = {
	KUNIT_CASE(ogpu_disc_test_good),
	KUNIT_CASE(ogpu_disc_test_unknown_entry),
	KUNIT_CASE(ogpu_disc_test_missing_entry),
	KUNIT_CASE(ogpu_disc_test_every_bit),
	KUNIT_CASE(ogpu_disc_test_every_size),
	KUNIT_CASE(ogpu_disc_test_hostile),
	KUNIT_CASE(ogpu_disc_test_isa_string),
	KUNIT_CASE(ogpu_disc_test_units),
	{ }
};

static struct kunit_suite ogpu_disc_test_suite = {
	.name = "ogpu_discovery",
	.test_cases = ogpu_disc_test_cases,
};

kunit_test_suite(ogpu_disc_test_suite);
