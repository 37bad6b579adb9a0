// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Builds the discovery table from the card's configuration.
 */
#include <string.h>

#include "abi/cu.h"
#include "abi/discovery.h"
#include "abi/save.h"
#include "discovery.h"
#include "cu_limits.h"
#include "nonvol.h"

#define BLOCK_MAJOR	1
#define BLOCK_MINOR	0
#define GENERATION	1

/* IEEE 802.3: reflected polynomial, all ones in, inverted out. */
static uint32_t crc32_ieee(const uint8_t *data, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* Appends an entry of @size bytes and fills in its head. */
static void *add_entry(struct discovery *disc, enum ogpu_disc_type type, uint16_t size,
		       uint32_t base, uint32_t regs_size)
{
	struct ogpu_disc_header *header = (void *)disc->table;
	struct ogpu_disc_entry *entry = (void *)(disc->table + disc->size);

	entry->type = type;
	entry->size = size;
	entry->major = BLOCK_MAJOR;
	entry->minor = BLOCK_MINOR;
	entry->base = base;
	entry->regs_size = regs_size;
	disc->size += size;
	header->entry_count++;
	return entry;
}

static void add_board(struct discovery *disc, const struct vgpu_config *cfg)
{
	static const char name[] = "OGPU-1 virtual";
	struct ogpu_disc_board *board = add_entry(disc, OGPU_DISC_BOARD, sizeof(*board), 0, 0);

	board->board_id = cfg->board_id;
	board->hw_rev = cfg->hw_rev;
	board->generation = GENERATION;
	memcpy(board->uuid, cfg->uuid, sizeof(board->uuid));
	memcpy(board->name, name, sizeof(name));
}

static void add_memory(struct discovery *disc, const struct vgpu_config *cfg)
{
	struct ogpu_disc_memory *memory = add_entry(disc, OGPU_DISC_MEMORY, sizeof(*memory), 0, 0);
	struct ogpu_disc_mmu *mmu = add_entry(disc, OGPU_DISC_MMU, sizeof(*mmu), BLOCK_MMU,
					      OGPU_MMU_REGS_SIZE);

	memory->vram_size = cfg->vram_size;
	memory->aperture_size = cfg->aperture_size;
	memory->dma_bits = VGPU_DMA_BITS;
	memory->flags = OGPU_DISC_MEMORY_ATOMICS;
	mmu->va_bits = OGPU_VA_BITS;
	mmu->as_count = VGPU_AS_COUNT;
	mmu->page_sizes = OGPU_PAGE_4K | OGPU_PAGE_64K | OGPU_PAGE_2M;
}

static void add_engines(struct discovery *disc, const struct vgpu_config *cfg)
{
	struct ogpu_disc_compute *compute = add_entry(disc, OGPU_DISC_COMPUTE, sizeof(*compute),
						      0, 0);
	struct ogpu_disc_copy *copy = add_entry(disc, OGPU_DISC_COPY, sizeof(*copy), 0, 0);
	struct ogpu_disc_isa *isa = add_entry(disc, OGPU_DISC_ISA, sizeof(*isa), 0, 0);
	struct ogpu_disc_queues *queues = add_entry(disc, OGPU_DISC_QUEUES, sizeof(*queues), 0, 0);

	compute->cu_count = cfg->cu_count;
	compute->lanes = VGPU_LANES;
	compute->cu_fused[0] = cfg->cu_fused;
	compute->max_workgroup = VGPU_MAX_WORKGROUP;
	compute->local_bytes = VGPU_LOCAL_BYTES;
	compute->private_bytes = VGPU_PRIVATE_BYTES;
	compute->clock_khz = VGPU_CLOCK_KHZ;
	compute->resident_groups = VGPU_RESIDENT_GROUPS;
	compute->resident_waves = VGPU_RESIDENT_WAVES;
	compute->resident_local = VGPU_RESIDENT_LOCAL;
	compute->save_wave_bytes = OGPU_SAVE_WAVE(VGPU_LANES);
	compute->quantum_us = VGPU_QUANTUM_US;
	compute->starve_ms = VGPU_STARVE_MS;
	compute->preempt_ms = VGPU_PREEMPT_MS;
	memcpy(isa->isa, OGPU_CU_ISA, strlen(OGPU_CU_ISA));
	copy->engines = cfg->copy_slots;
	queues->compute_slots = cfg->compute_slots;
	queues->copy_slots = cfg->copy_slots;
	queues->doorbells = cfg->doorbells;
	queues->doorbell_stride = VGPU_DOORBELL_STRIDE;
	queues->job_ms = cfg->job_ms;
	queues->job_max_ms = OGPU_DISC_JOB_MAX_MS;
}

static void add_care(struct discovery *disc)
{
	struct ogpu_disc_ras *ras = add_entry(disc, OGPU_DISC_RAS, sizeof(*ras), 0, 0);
	struct ogpu_disc_power *power = add_entry(disc, OGPU_DISC_POWER, sizeof(*power), 0, 0);

	ras->blocks = BIT(OGPU_RAS_BLOCKS) - 1;
	ras->spare_pages = NONVOL_SPARES;
	power->cap_min_uw = VGPU_CAP_MIN_UW;
	power->cap_max_uw = VGPU_CAP_MAX_UW;
	power->mem_clock_khz = VGPU_MEM_CLOCK_KHZ;
	power->idle_exit_us = VGPU_IDLE_EXIT_US;
}

static void add_controller(struct discovery *disc)
{
	struct ogpu_disc_mc *mc;

	add_entry(disc, OGPU_DISC_BOOT, sizeof(struct ogpu_disc_entry), BLOCK_BOOT,
		  OGPU_BOOT_REGS_SIZE);
	add_entry(disc, OGPU_DISC_MBOX, sizeof(struct ogpu_disc_entry), BLOCK_MBOX,
		  OGPU_MBOX_REGS_SIZE);
	add_entry(disc, OGPU_DISC_EVENT, sizeof(struct ogpu_disc_entry), BLOCK_EVENT,
		  OGPU_EVENT_REGS_SIZE);
	mc = add_entry(disc, OGPU_DISC_MC, sizeof(*mc), 0, 0);
	mc->sram_size = VGPU_MC_SRAM_SIZE;
	mc->clock_khz = VGPU_MC_CLOCK_KHZ;
}

/**
 * discovery_build() - make the table.
 * @disc: where
 * @cfg: what the card is made of
 */
void discovery_build(struct discovery *disc, const struct vgpu_config *cfg)
{
	struct ogpu_disc_header *header = (void *)disc->table;

	memset(disc, 0, sizeof(*disc));
	disc->size = sizeof(*header);
	add_board(disc, cfg);
	add_memory(disc, cfg);
	add_engines(disc, cfg);
	add_controller(disc);
	add_care(disc);

	header->magic = OGPU_DISC_MAGIC;
	header->major = OGPU_DISC_MAJOR;
	header->minor = OGPU_DISC_MINOR;
	header->size = disc->size;
	header->crc32 = crc32_ieee(disc->table, disc->size);
}

static_assert(sizeof(struct ogpu_disc_header) + sizeof(struct ogpu_disc_board) +
	      sizeof(struct ogpu_disc_memory) + sizeof(struct ogpu_disc_mmu) +
	      sizeof(struct ogpu_disc_compute) + sizeof(struct ogpu_disc_copy) +
	      sizeof(struct ogpu_disc_queues) + 3 * sizeof(struct ogpu_disc_entry) +
	      sizeof(struct ogpu_disc_ras) + sizeof(struct ogpu_disc_power) +
	      sizeof(struct ogpu_disc_mc) <= DISCOVERY_ROOM, "discovery table has no room");
static_assert(sizeof(OGPU_CU_ISA) - 1 <= sizeof(((struct ogpu_disc_isa *)0)->isa),
	      "instruction set string has no room");
