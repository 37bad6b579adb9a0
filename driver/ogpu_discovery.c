// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reads the discovery table: all that the driver knows about a card comes from here.
 *
 * Pure code on a copy of the table. Nothing in the table is trusted: sizes, counts and register
 * blocks are checked before anything else uses them.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/string.h>

#include "abi/addr.h"
#include "abi/discovery.h"
#include "abi/mbox.h"
#include "abi/regs.h"
#include "abi/save.h"
#include "ogpu_discovery.h"

/* Versions of blocks that the driver knows; a block's major number is its generation. */
#define OGPU_BLOCK_MAJOR	1

static u32 ogpu_disc_crc(const void *table, size_t size)
{
	static const u8 zero[sizeof_field(struct ogpu_disc_header, crc32)];
	const size_t start = offsetof(struct ogpu_disc_header, crc32);
	const size_t end = start + sizeof(zero);
	u32 crc;

	crc = crc32_le(~0u, table, start);
	crc = crc32_le(crc, zero, sizeof(zero));
	crc = crc32_le(crc, table + end, size - end);

	return ~crc;
}

/* Where the registers of a block start, if they all lie in BAR 0 before the MSI-X table. */
static int ogpu_disc_block(const struct ogpu_disc_entry *entry, u32 min_size, u32 *base)
{
	u32 start = le32_to_cpu(entry->base);
	u32 size = le32_to_cpu(entry->regs_size);

	if (size < min_size || start < OGPU_GLB_SIZE || !IS_ALIGNED(start, sizeof(u32)) ||
	    start > OGPU_MSIX_TABLE_OFFSET || size > OGPU_MSIX_TABLE_OFFSET - start)
		return -EINVAL;

	*base = start;
	return 0;
}

static int ogpu_disc_board(struct ogpu_disc *disc, const struct ogpu_disc_board *board)
{
	disc->board_id = le32_to_cpu(board->board_id);
	disc->hw_rev = le16_to_cpu(board->hw_rev);
	disc->generation = le16_to_cpu(board->generation);
	memcpy(disc->uuid, board->uuid, sizeof(disc->uuid));
	memcpy(disc->name, board->name, sizeof(board->name));

	return disc->generation ? 0 : -EINVAL;
}

static int ogpu_disc_memory(struct ogpu_disc *disc, const struct ogpu_disc_memory *memory)
{
	disc->vram_size = le64_to_cpu(memory->vram_size);
	disc->aperture_size = le64_to_cpu(memory->aperture_size);
	disc->dma_bits = le32_to_cpu(memory->dma_bits);
	disc->pcie_atomics = le32_to_cpu(memory->flags) & OGPU_DISC_MEMORY_ATOMICS;

	if (!disc->aperture_size || disc->aperture_size > disc->vram_size ||
	    !IS_ALIGNED(disc->vram_size, OGPU_PAGE_64K) ||
	    !IS_ALIGNED(disc->aperture_size, OGPU_PAGE_64K) ||
	    disc->vram_size > OGPU_OPERAND_ADDR ||
	    disc->dma_bits < 32 || disc->dma_bits > 56)
		return -EINVAL;

	return 0;
}

static int ogpu_disc_mmu(struct ogpu_disc *disc, const struct ogpu_disc_mmu *mmu)
{
	disc->va_bits = le32_to_cpu(mmu->va_bits);
	disc->as_count = le32_to_cpu(mmu->as_count);
	disc->page_sizes = le64_to_cpu(mmu->page_sizes);

	if (disc->va_bits != OGPU_VA_BITS || disc->as_count < 2 || disc->as_count > U16_MAX + 1 ||
	    !(disc->page_sizes & OGPU_PAGE_4K))
		return -EINVAL;

	return ogpu_disc_block(&mmu->entry, OGPU_MMU_REGS_SIZE, &disc->mmu_base);
}

static int ogpu_disc_compute(struct ogpu_disc *disc, const struct ogpu_disc_compute *compute)
{
	u32 units = le32_to_cpu(compute->cu_count);
	u32 i;

	if (!units || units > OGPU_DISC_MAX_CU)
		return -EINVAL;

	disc->cu_count = 0;
	for (i = 0; i < units; i++) {
		u64 fused = le64_to_cpu(compute->cu_fused[i / 64]);

		if (!(fused & BIT_ULL(i % 64)))
			disc->cu_count++;
	}

	disc->lanes = le32_to_cpu(compute->lanes);
	disc->max_workgroup = le32_to_cpu(compute->max_workgroup);
	disc->local_bytes = le32_to_cpu(compute->local_bytes);
	disc->private_bytes = le32_to_cpu(compute->private_bytes);
	disc->clock_khz = le32_to_cpu(compute->clock_khz);

	disc->resident_groups = le32_to_cpu(compute->resident_groups);
	disc->resident_waves = le32_to_cpu(compute->resident_waves);
	disc->resident_local = le32_to_cpu(compute->resident_local);
	disc->save_wave_bytes = le32_to_cpu(compute->save_wave_bytes);
	disc->quantum_us = le32_to_cpu(compute->quantum_us);
	disc->starve_ms = le32_to_cpu(compute->starve_ms);
	disc->preempt_ms = le32_to_cpu(compute->preempt_ms);

	/* A wave has a bit for each lane, and a unit holds any workgroup that may be asked for. */
	if (!disc->cu_count || !disc->lanes || disc->lanes > 64 || !disc->max_workgroup ||
	    !disc->resident_groups || disc->resident_local < disc->local_bytes ||
	    disc->resident_waves < DIV_ROUND_UP_ULL(disc->max_workgroup, disc->lanes) ||
	    disc->save_wave_bytes != OGPU_SAVE_WAVE(disc->lanes))
		return -EINVAL;

	return disc->quantum_us && disc->starve_ms && disc->preempt_ms ? 0 : -EINVAL;
}

static int ogpu_disc_isa(struct ogpu_disc *disc, const struct ogpu_disc_isa *isa)
{
	size_t i, length = strnlen(isa->isa, sizeof(isa->isa));

	/* Shown to programs, which take it apart: letters, digits and underscores. */
	for (i = 0; i < length; i++) {
		u8 c = isa->isa[i];

		/* To the kernel, letters of Latin-1 are letters as well. */
		if (!isascii(c) || (!islower(c) && !isdigit(c) && c != '_'))
			return -EINVAL;
	}
	if (strncmp(isa->isa, "rv64i", 5) ||
	    memchr_inv(isa->isa + length, 0, sizeof(isa->isa) - length))
		return -EINVAL;
	memcpy(disc->isa, isa->isa, length);
	disc->isa[length] = '\0';

	return 0;
}

static int ogpu_disc_copy(struct ogpu_disc *disc, const struct ogpu_disc_copy *copy)
{
	disc->copy_engines = le32_to_cpu(copy->engines);

	return 0;
}

static int ogpu_disc_queues(struct ogpu_disc *disc, const struct ogpu_disc_queues *queues)
{
	disc->compute_slots = le32_to_cpu(queues->compute_slots);
	disc->copy_slots = le32_to_cpu(queues->copy_slots);
	disc->doorbells = le32_to_cpu(queues->doorbells);
	disc->doorbell_stride = le32_to_cpu(queues->doorbell_stride);
	disc->job_ms = le32_to_cpu(queues->job_ms);
	disc->job_max_ms = le32_to_cpu(queues->job_max_ms);

	if (!disc->compute_slots || !disc->copy_slots || !disc->doorbells ||
	    disc->doorbells > U16_MAX || disc->doorbell_stride < OGPU_PAGE_4K ||
	    !is_power_of_2(disc->doorbell_stride))
		return -EINVAL;
	if (!disc->job_ms || disc->job_ms > disc->job_max_ms ||
	    disc->job_max_ms > OGPU_DISC_JOB_MAX_MS)
		return -EINVAL;

	return 0;
}

static int ogpu_disc_power(struct ogpu_disc *disc, const struct ogpu_disc_power *power)
{
	disc->cap_min_uw = le32_to_cpu(power->cap_min_uw);
	disc->cap_max_uw = le32_to_cpu(power->cap_max_uw);

	return disc->cap_min_uw <= disc->cap_max_uw ? 0 : -EINVAL;
}

/* What the parser knows about each type of entry. */
struct ogpu_disc_rule {
	u16 type;
	u16 min_size;
	bool optional;
};

static const struct ogpu_disc_rule ogpu_disc_rules[] = {
	{ OGPU_DISC_BOARD, sizeof(struct ogpu_disc_board) },
	{ OGPU_DISC_MEMORY, sizeof(struct ogpu_disc_memory) },
	{ OGPU_DISC_COMPUTE, sizeof(struct ogpu_disc_compute) },
	{ OGPU_DISC_COPY, sizeof(struct ogpu_disc_copy) },
	{ OGPU_DISC_ISA, sizeof(struct ogpu_disc_isa) },
	{ OGPU_DISC_QUEUES, sizeof(struct ogpu_disc_queues) },
	{ OGPU_DISC_BOOT, sizeof(struct ogpu_disc_entry) },
	{ OGPU_DISC_MBOX, sizeof(struct ogpu_disc_entry) },
	{ OGPU_DISC_EVENT, sizeof(struct ogpu_disc_entry) },
	{ OGPU_DISC_MMU, sizeof(struct ogpu_disc_mmu) },
	/* Without it power cannot be limited. */
	{ OGPU_DISC_POWER, sizeof(struct ogpu_disc_power), true },
};

static const struct ogpu_disc_rule *ogpu_disc_find_rule(u16 type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ogpu_disc_rules); i++) {
		if (ogpu_disc_rules[i].type == type)
			return &ogpu_disc_rules[i];
	}

	return NULL;
}

static int ogpu_disc_entry(struct ogpu_disc *disc, const struct ogpu_disc_entry *entry)
{
	const void *body = entry;

	switch (le16_to_cpu(entry->type)) {
	case OGPU_DISC_BOARD:
		return ogpu_disc_board(disc, body);
	case OGPU_DISC_MEMORY:
		return ogpu_disc_memory(disc, body);
	case OGPU_DISC_COMPUTE:
		return ogpu_disc_compute(disc, body);
	case OGPU_DISC_ISA:
		return ogpu_disc_isa(disc, body);
	case OGPU_DISC_COPY:
		return ogpu_disc_copy(disc, body);
	case OGPU_DISC_QUEUES:
		return ogpu_disc_queues(disc, body);
	case OGPU_DISC_MMU:
		return ogpu_disc_mmu(disc, body);
	case OGPU_DISC_POWER:
		return ogpu_disc_power(disc, body);
	case OGPU_DISC_BOOT:
		return ogpu_disc_block(entry, OGPU_BOOT_REGS_SIZE, &disc->boot_base);
	case OGPU_DISC_MBOX:
		return ogpu_disc_block(entry, OGPU_MBOX_REGS_SIZE, &disc->mbox_base);
	case OGPU_DISC_EVENT:
		return ogpu_disc_block(entry, OGPU_EVENT_REGS_SIZE, &disc->event_base);
	default:
		return 0;
	}
}

/**
 * ogpu_disc_parse() - read a discovery table
 * @disc: filled in
 * @table: copy of the table, aligned to 8 bytes
 * @size: its size in bytes
 *
 * Entries of unknown type are stepped over. If there are several instances of a block, the first
 * one counts. Pure; may be called from any context.
 *
 * Return: 0; -EINVAL if the table is damaged or says something impossible; -EPROTONOSUPPORT if it,
 * or a block that the driver needs, has an unknown major version; -ENOENT if a needed block is
 * missing.
 */
int ogpu_disc_parse(struct ogpu_disc *disc, const void *table, size_t size)
{
	const struct ogpu_disc_header *header = table;
	unsigned long seen = 0;
	size_t pos = sizeof(*header);
	u32 count, i;
	int ret;

	memset(disc, 0, sizeof(*disc));

	if (size < sizeof(*header) || size > OGPU_DISC_MAX_SIZE ||
	    le32_to_cpu(header->magic) != OGPU_DISC_MAGIC)
		return -EINVAL;
	if (le16_to_cpu(header->major) != OGPU_DISC_MAJOR)
		return -EPROTONOSUPPORT;
	if (le32_to_cpu(header->size) != size ||
	    le32_to_cpu(header->crc32) != ogpu_disc_crc(table, size))
		return -EINVAL;

	count = le32_to_cpu(header->entry_count);
	for (i = 0; i < count; i++) {
		const struct ogpu_disc_entry *entry = table + pos;
		const struct ogpu_disc_rule *rule;
		u16 entry_size, type;

		if (size - pos < sizeof(*entry))
			return -EINVAL;

		entry_size = le16_to_cpu(entry->size);
		if (entry_size < sizeof(*entry) || !IS_ALIGNED(entry_size, 8) ||
		    entry_size > size - pos)
			return -EINVAL;
		pos += entry_size;

		type = le16_to_cpu(entry->type);
		rule = ogpu_disc_find_rule(type);
		if (!rule || (seen & BIT(type)))
			continue;
		if (entry->major != OGPU_BLOCK_MAJOR)
			return -EPROTONOSUPPORT;
		if (entry_size < rule->min_size)
			return -EINVAL;

		ret = ogpu_disc_entry(disc, entry);
		if (ret)
			return ret;
		seen |= BIT(type);
	}

	for (i = 0; i < ARRAY_SIZE(ogpu_disc_rules); i++) {
		if (!ogpu_disc_rules[i].optional && !(seen & BIT(ogpu_disc_rules[i].type)))
			return -ENOENT;
	}

	return 0;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_discovery_test.c"
#endif
