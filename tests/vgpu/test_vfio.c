// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The card as QEMU sees it: protocol, configuration space, registers, DMA table, interrupts, and
 * what happens to clients that do not keep to the rules.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/cu.h"
#include "abi/discovery.h"
#include "abi/event.h"
#include "client.h"

#define PAGE	4096u

#define DMA_RW	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static int setup(void **state)
{
	static struct server s;
	static const char * const options[] = { "--vram", "16M", NULL };

	server_start(&s, options);
	client_connect(&s);
	client_negotiate(&s);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	return server_stop(*state);
}

static unsigned int find_ext_cap(struct server *s, unsigned int id)
{
	unsigned int at = 0x100;

	while (at && PCI_EXT_CAP_ID(config_read(s, at, 4)) != id)
		at = PCI_EXT_CAP_NEXT(config_read(s, at, 4));
	return at;
}

static void test_device_info(void **state)
{
	struct server *s = *state;
	uint32_t info[4] = { sizeof(info) };
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };

	assert_int_equal(client_request(s, CMD_GET_INFO, info, sizeof(info), NULL, 0, info,
					sizeof(info)), 0);
	assert_true(info[1] & VFIO_DEVICE_FLAGS_PCI);
	assert_true(info[1] & VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info[2], VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info[3], VFIO_PCI_NUM_IRQS);

	assert_int_equal(client_request(s, CMD_GET_IRQ_INFO, &irq, sizeof(irq), NULL, 0, &irq,
					sizeof(irq)), 0);
	assert_int_equal(irq.count, OGPU_VECTOR_COUNT);
	irq.index = VFIO_PCI_ERR_IRQ_INDEX;
	assert_int_equal(client_request(s, CMD_GET_IRQ_INFO, &irq, sizeof(irq), NULL, 0, &irq,
					sizeof(irq)), 0);
	assert_int_equal(irq.count, 0);
	irq.index = VFIO_PCI_NUM_IRQS;
	assert_int_not_equal(client_request(s, CMD_GET_IRQ_INFO, &irq, sizeof(irq), NULL, 0, &irq,
					    sizeof(irq)), 0);
}

static void test_regions(void **state)
{
	static const uint64_t sizes[VFIO_PCI_NUM_REGIONS] = {
		[0] = OGPU_BAR_REGS_SIZE, [2] = 16 << 20, [4] = 256 * PAGE, [REGION_CONFIG] = 4096,
	};
	struct server *s = *state;
	uint8_t byte;

	for (uint32_t i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		assert_int_equal(client_request(s, CMD_GET_REGION_INFO, &info, sizeof(info), NULL,
						0, &info, sizeof(info)), 0);
		assert_int_equal(info.size, sizes[i]);
		assert_int_equal(!!(info.flags & VFIO_REGION_INFO_FLAG_MMAP), i == 2);
		assert_int_equal(s->last_fd >= 0, i == 2);
		/* One byte after the end. */
		assert_int_not_equal(client_read(s, i, sizes[i], &byte, 1), 0);
	}
	assert_int_not_equal(client_read(s, VFIO_PCI_NUM_REGIONS, 0, &byte, 1), 0);
	assert_int_not_equal(client_read(s, 0, ~0ull, &byte, 1), 0);
}

static void test_config_identity(void **state)
{
	struct server *s = *state;
	unsigned int cap;

	assert_int_equal(config_read(s, PCI_VENDOR_ID, 2), OGPU_PCI_VENDOR);
	assert_int_equal(config_read(s, PCI_DEVICE_ID, 2), OGPU_PCI_DEVICE_OGPU1);
	assert_int_equal(config_read(s, PCI_CLASS_DEVICE, 2), 0x0302);
	assert_int_equal(config_read(s, PCI_BASE_ADDRESS_0, 4), PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(config_read(s, PCI_BASE_ADDRESS_2, 4),
			 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);

	cap = config_find_cap(s, PCI_CAP_ID_MSIX);
	assert_int_not_equal(cap, 0);
	assert_int_equal(config_read(s, cap + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE,
			 OGPU_VECTOR_COUNT - 1);
	assert_int_equal(config_read(s, cap + PCI_MSIX_TABLE, 4), OGPU_MSIX_TABLE_OFFSET);
	assert_int_equal(config_read(s, cap + PCI_MSIX_PBA, 4), OGPU_MSIX_PBA_OFFSET);
	cap = config_find_cap(s, PCI_CAP_ID_EXP);
	assert_int_not_equal(cap, 0);
	assert_true(config_read(s, cap + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	assert_int_not_equal(config_find_cap(s, PCI_CAP_ID_PM), 0);
	assert_int_not_equal(find_ext_cap(s, PCI_EXT_CAP_ID_ERR), 0);
	assert_int_not_equal(find_ext_cap(s, PCI_EXT_CAP_ID_DSN), 0);
}

static void test_config_write_rules(void **state)
{
	struct server *s = *state;
	unsigned int aer = find_ext_cap(s, PCI_EXT_CAP_ID_ERR);
	unsigned int exp = config_find_cap(s, PCI_CAP_ID_EXP);
	uint8_t ones[64];
	uint32_t before;

	/* Read-only. */
	config_write(s, PCI_VENDOR_ID, 0xffffffff, 4);
	assert_int_equal(config_read(s, PCI_VENDOR_ID, 2), OGPU_PCI_VENDOR);
	before = config_read(s, exp + PCI_EXP_DEVCAP, 4);
	config_write(s, exp + PCI_EXP_DEVCAP, ~before, 4);
	assert_int_equal(config_read(s, exp + PCI_EXP_DEVCAP, 4), before);
	/* A BAR tells its size. */
	config_write(s, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	assert_int_equal(config_read(s, PCI_BASE_ADDRESS_0, 4),
			 (uint32_t)-OGPU_BAR_REGS_SIZE | PCI_BASE_ADDRESS_MEM_TYPE_64);
	config_write(s, PCI_BASE_ADDRESS_1, 0xffffffff, 4);
	assert_int_equal(config_read(s, PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	/* Read-write. */
	config_write(s, aer + PCI_ERR_COR_MASK, PCI_ERR_COR_RCVR, 4);
	assert_int_equal(config_read(s, aer + PCI_ERR_COR_MASK, 4), PCI_ERR_COR_RCVR);
	config_write(s, exp + PCI_EXP_DEVCTL2, 0xffff, 2);
	assert_int_equal(config_read(s, exp + PCI_EXP_DEVCTL2, 2),
			 PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS |
			 PCI_EXP_DEVCTL2_ATOMIC_REQ);
	/* Status bits are only ever cleared. */
	config_write(s, PCI_STATUS, 0xffff, 2);
	assert_int_equal(config_read(s, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	/* A write over the end changes nothing. */
	memset(ones, 0xff, sizeof(ones));
	assert_int_not_equal(client_write(s, REGION_CONFIG, 4096 - 32, ones, sizeof(ones)), 0);
}

static void test_flr(void **state)
{
	struct server *s = *state;
	unsigned int exp = config_find_cap(s, PCI_CAP_ID_EXP);
	unsigned int aer = find_ext_cap(s, PCI_EXT_CAP_ID_ERR);

	client_map_vram(s);
	s->vram[12345] = 0x5a;
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
	config_write(s, aer + PCI_ERR_COR_MASK, PCI_ERR_COR_RCVR, 4);
	reg_write(s, OGPU_GLB_SCRATCH, 0x12345678);
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES, 64);
	reg_write(s, BLOCK_MMU + OGPU_MMU_AS_COUNT, 5);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0x12345678);

	config_write(s, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(config_read(s, exp + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	assert_int_equal(config_read(s, PCI_COMMAND, 2), 0);
	assert_int_equal(config_read(s, aer + PCI_ERR_COR_MASK, 4), PCI_ERR_COR_RCVR);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES), 0);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_AS_COUNT), 0);
	assert_int_equal(s->vram[12345], 0x5a);

	reg_write(s, OGPU_GLB_SCRATCH, 1);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0);
}

static void test_registers(void **state)
{
	struct server *s = *state;
	uint64_t before, after, wide;
	uint16_t half;

	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
	assert_int_equal(FIELD_GET(OGPU_GLB_CONTRACT_MAJOR, reg_read(s, OGPU_GLB_CONTRACT)),
			 OGPU_CONTRACT_MAJOR);
	assert_true(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_VRAM_READY);
	reg_write(s, OGPU_GLB_MAGIC, 0);
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
	/* Holes. */
	reg_write(s, 0x7ff0, 0xffffffff);
	assert_int_equal(reg_read(s, 0x7ff0), 0);

	before = reg_read(s, OGPU_GLB_TIME_LO);
	before |= (uint64_t)reg_read(s, OGPU_GLB_TIME_HI) << 32;
	after = reg_read(s, OGPU_GLB_TIME_LO);
	after |= (uint64_t)reg_read(s, OGPU_GLB_TIME_HI) << 32;
	assert_true(after > before);

	/* Other widths. */
	wide = 0x1122334455667788;
	assert_int_equal(client_write(s, 0, BLOCK_MMU + OGPU_MMU_TLBI_START_LO, &wide, 8), 0);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_START_LO), 0x55667000);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_START_HI), 0x11223344);
	assert_int_equal(client_read(s, 0, 2, &half, 2), 0);
	assert_int_equal(half, OGPU_MAGIC >> 16);
	reg_write(s, OGPU_GLB_SCRATCH, 7);
	assert_int_equal(client_write(s, 0, OGPU_GLB_SCRATCH, &half, 2), 0);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 7);
	/* Doorbells answer nothing and take anything. */
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, 255 * PAGE, &wide, 4), 0);
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, 8, &wide, 8), 0);
}

static void test_reset_register(void **state)
{
	struct server *s = *state;

	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_COMPUTE | OGPU_GLB_RESET_MC);
	while (reg_read(s, OGPU_GLB_RESET))
		;
	reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI,
		  FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_ALL));
	while (reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI) & OGPU_MMU_TLBI_BUSY)
		;
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_STARTED), 1);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_DONE), 1);
}

static void test_discovery(void **state)
{
	struct server *s = *state;
	uint32_t offset = reg_read(s, OGPU_GLB_DISCOVERY_OFFSET);
	uint32_t size = reg_read(s, OGPU_GLB_DISCOVERY_SIZE);
	uint8_t table[OGPU_DISC_MAX_SIZE];
	struct ogpu_disc_header *header = (void *)table;
	uint32_t crc, sum = ~0u, at = sizeof(*header), seen = 0;

	assert_in_range(size, sizeof(*header), sizeof(table));
	assert_int_equal(client_read(s, 0, offset, table, size), 0);
	assert_int_equal(header->magic, OGPU_DISC_MAGIC);
	assert_int_equal(header->size, size);
	crc = header->crc32;
	header->crc32 = 0;
	for (uint32_t i = 0; i < size; i++)
		for (unsigned int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ ((sum ^ table[i] >> bit) & 1 ? 0xedb88320u : 0);
	assert_int_equal(crc, ~sum);

	for (uint32_t i = 0; i < header->entry_count; i++) {
		struct ogpu_disc_entry *entry = (void *)(table + at);

		assert_int_equal(entry->size % 8, 0);
		seen |= BIT(entry->type);
		if (entry->type == OGPU_DISC_MEMORY)
			assert_int_equal(((struct ogpu_disc_memory *)entry)->vram_size, 16 << 20);
		if (entry->type == OGPU_DISC_MEMORY)
			assert_int_equal(((struct ogpu_disc_memory *)entry)->flags,
					 OGPU_DISC_MEMORY_ATOMICS);
		if (entry->type == OGPU_DISC_MMU)
			assert_int_equal(entry->base, BLOCK_MMU);
		if (entry->type == OGPU_DISC_QUEUES) {
			assert_int_equal(((struct ogpu_disc_queues *)entry)->job_ms, 10000);
			assert_int_equal(((struct ogpu_disc_queues *)entry)->job_max_ms,
					 OGPU_DISC_JOB_MAX_MS);
		}
		if (entry->type == OGPU_DISC_ISA)
			assert_memory_equal(((struct ogpu_disc_isa *)entry)->isa, OGPU_CU_ISA,
					    sizeof(OGPU_CU_ISA));
		at += entry->size;
	}
	assert_int_equal(at, size);
	assert_int_equal(seen, GENMASK(OGPU_DISC_POWER, OGPU_DISC_BOARD));
}

static int make_memory(size_t size, uint8_t **ptr)
{
	int fd = memfd_create("test-ram", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	*ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(*ptr, MAP_FAILED);
	return fd;
}

static void test_dma_map(void **state)
{
	struct server *s = *state;
	uint8_t *ram;
	int fd = make_memory(16 * PAGE, &ram);

	assert_int_equal(dma_map(s, 0x10000, 4 * PAGE, DMA_RW, fd, 0), 0);
	assert_int_not_equal(dma_map(s, 0x10000, PAGE, DMA_RW, fd, 0), 0);	/* overlaps */
	assert_int_not_equal(dma_map(s, 0x13000, 4 * PAGE, DMA_RW, fd, 0), 0);
	assert_int_not_equal(dma_map(s, 0x20000, 32 * PAGE, DMA_RW, fd, 0), 0);	/* past the file */
	assert_int_not_equal(dma_map(s, 0x20000, PAGE, DMA_RW, fd, ~0ull), 0);
	assert_int_not_equal(dma_map(s, 0x20000, PAGE, DMA_RW, fd, 0x800), 0);	/* misaligned */
	assert_int_not_equal(dma_map(s, -4096ull, 2 * PAGE, DMA_RW, fd, 0), 0);	/* wraps */
	assert_int_not_equal(dma_map(s, 0x20000, 0, DMA_RW, fd, 0), 0);
	assert_int_equal(dma_map(s, -4096ull, PAGE, DMA_RW, fd, 0), 0);
	assert_int_equal(dma_map(s, 0x40000, PAGE, VFIO_DMA_MAP_FLAG_READ, -1, 0), 0);

	assert_int_not_equal(dma_unmap(s, 0x11000, PAGE, 0), 0);		/* cuts */
	assert_int_not_equal(dma_unmap(s, 0x10000, 0, 0), 0);
	assert_int_equal(dma_unmap(s, 0x10000, 4 * PAGE, 0), 0);
	assert_int_equal(dma_unmap(s, 0x10000, 4 * PAGE, 0), 0);		/* nothing there */
	assert_int_equal(dma_unmap(s, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	assert_int_equal(dma_map(s, -4096ull, PAGE, DMA_RW, fd, 0), 0);
	assert_int_not_equal(dma_unmap(s, 0, PAGE, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP), 0);

	munmap(ram, 16 * PAGE);
	close(fd);
}

/* An IOMMU announces each page on its own. */
static void test_many_maps(void **state)
{
	const unsigned int count = 20000;
	struct server *s = *state;
	uint8_t *ram;
	int fd = make_memory(256 * PAGE, &ram);

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(dma_map(s, 0xfffff000ull - (uint64_t)i * PAGE, PAGE, DMA_RW, fd,
					 (i % 256) * PAGE), 0);
	for (unsigned int i = 0; i < count; i += 2)
		assert_int_equal(dma_unmap(s, 0xfffff000ull - (uint64_t)i * PAGE, PAGE, 0), 0);
	assert_int_equal(dma_unmap(s, 0, 0x100000000ull, 0), 0);
	munmap(ram, 256 * PAGE);
	close(fd);
}

#define RING_ADDR	0x100000ull
#define RING_ENTRIES	8u

/* A ring of 8 events in the second page of a file. */
static int start_ring(struct server *s, uint8_t **ram)
{
	int fd = make_memory(2 * PAGE, ram);

	assert_int_equal(dma_map(s, RING_ADDR, PAGE, DMA_RW, fd, PAGE), 0);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ADDR_LO, RING_ADDR);
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES, RING_ENTRIES);
	return fd;
}

static const char corrected[] = "{\"cmd\":\"inject\",\"fault\":\"ecc-corrected\",\"offset\":8192}";

static void test_event_ring(void **state)
{
	struct server *s = *state;
	int irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct ogpu_event *ring;
	eventfd_t value;
	uint8_t *ram;
	int fd = start_ring(s, &ram);

	ring = (void *)(ram + PAGE);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_EVENT, irq), 0);
	for (unsigned int i = 0; i < RING_ENTRIES; i++) {
		assert_true(control_ok(s, corrected));
		assert_int_equal(ring[i].seq, i + 1);
		assert_int_equal(ring[i].type, OGPU_EVENT_MEMORY_ERROR);
		assert_int_equal(ring[i].value0, 8192);
		assert_int_equal(eventfd_read(irq, &value), 0);
	}
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR), RING_ENTRIES);

	/* Full: dropped, counted, no interrupt. */
	assert_true(control_ok(s, corrected));
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 1);
	assert_int_equal(eventfd_read(irq, &value), -1);

	/* Room again: the ring wraps. */
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_RPTR, 1);
	assert_true(control_ok(s, corrected));
	assert_int_equal(ring[0].seq, RING_ENTRIES + 1);
	assert_int_equal(eventfd_read(irq, &value), 0);

	/* Memory that is gone does not answer. */
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_RPTR, RING_ENTRIES);
	assert_int_equal(dma_unmap(s, RING_ADDR, PAGE, 0), 0);
	assert_true(control_ok(s, corrected));
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 2);

	/* Set up anew, it starts from zero. */
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES, RING_ENTRIES);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR), 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_RPTR), 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 0);

	munmap(ram, 2 * PAGE);
	close(fd);
	close(irq);
}

/* Several invalidations, of which every second one tells its end; a reset forgets the counts. */
static void test_tlbi(void **state)
{
	const uint32_t kinds[] = {
		FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_RANGE) | 7,
		FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_AS) | 7 | OGPU_MMU_TLBI_NOTIFY,
		FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_ALL),
		FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_ALL) | OGPU_MMU_TLBI_NOTIFY,
	};
	struct server *s = *state;
	const struct ogpu_event *ring;
	uint8_t *ram;
	int fd = start_ring(s, &ram);

	ring = (const void *)(ram + PAGE);
	reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI_END_LO, 0x2000);
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI, kinds[i]);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_STARTED), ARRAY_SIZE(kinds));
	while (reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_DONE) != ARRAY_SIZE(kinds))
		;
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI), kinds[3]);
	while (reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR) != 2)
		;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(ring[i].seq, i + 1);
		assert_int_equal(ring[i].type, OGPU_EVENT_TLBI);
		assert_int_equal(ring[i].queue, OGPU_EVENT_NO_QUEUE);
		assert_int_equal(ring[i].asid, i ? 0 : 7);
		assert_int_equal(ring[i].value0, 2 * i + 2);
	}
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI), 0);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_STARTED), 0);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_DONE), 0);
	munmap(ram, 2 * PAGE);
	close(fd);
}

static void test_bus_master(void **state)
{
	struct server *s = *state;
	uint8_t *ram;
	int fd = start_ring(s, &ram);

	config_write(s, PCI_COMMAND, 0, 2);
	assert_true(control_ok(s, corrected));
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 1);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	/* D3hot takes the bus away too. */
	config_write(s, config_find_cap(s, PCI_CAP_ID_PM) + PCI_PM_CTRL, 3, 2);
	assert_true(control_ok(s, corrected));
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 2);
	/* Back from there nothing is left. */
	config_write(s, config_find_cap(s, PCI_CAP_ID_PM) + PCI_PM_CTRL, 0, 2);
	assert_int_equal(config_read(s, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES), 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 0);
	munmap(ram, 2 * PAGE);
	close(fd);
}

static void test_irq_set(void **state)
{
	struct server *s = *state;
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.start = 0,
		.count = 1,
	};
	int irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t value;

	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(set_irq_fd(s, 0, irq), 0);
	assert_int_equal(client_request(s, CMD_SET_IRQS, &set, sizeof(set), NULL, 0, NULL, 0), 0);
	assert_int_equal(eventfd_read(irq, &value), 0);
	/* Disable all. */
	set.count = 0;
	assert_int_equal(client_request(s, CMD_SET_IRQS, &set, sizeof(set), NULL, 0, NULL, 0), 0);
	set.count = 1;
	assert_int_equal(client_request(s, CMD_SET_IRQS, &set, sizeof(set), NULL, 0, NULL, 0), 0);
	assert_int_equal(eventfd_read(irq, &value), -1);
	/* Vectors and kinds of interrupt that do not exist. */
	assert_int_not_equal(set_irq_fd(s, OGPU_VECTOR_COUNT, irq), 0);
	set.index = VFIO_PCI_NUM_IRQS;
	assert_int_not_equal(client_request(s, CMD_SET_IRQS, &set, sizeof(set), NULL, 0, NULL, 0),
			     0);
	close(irq);
}

/* An eventfd that takes no more has an interrupt waiting already: nobody waits for room in it. */
static void test_full_eventfd(void **state)
{
	struct server *s = *state;
	int irq = eventfd(0, EFD_CLOEXEC);
	uint8_t *ram;
	int fd = start_ring(s, &ram);

	assert_int_equal(eventfd_write(irq, 0xfffffffffffffffeull), 0);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_EVENT, irq), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_true(control_ok(s, corrected));
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR), 2);
	munmap(ram, 2 * PAGE);
	close(fd);
	close(irq);
}

/* A client cannot take VRAM away under the card. */
static void test_sealed_vram(void **state)
{
	struct server *s = *state;
	struct vfio_region_info info = { .argsz = sizeof(info), .index = OGPU_BAR_VRAM };

	assert_int_equal(client_request(s, CMD_GET_REGION_INFO, &info, sizeof(info), NULL, 0, &info,
					sizeof(info)), 0);
	assert_true(s->last_fd >= 0);
	assert_int_equal(ftruncate(s->last_fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(s->last_fd, 64 << 20), -1);
	assert_int_equal(fcntl(s->last_fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void reconnect(struct server *s)
{
	client_disconnect(s);
	client_connect(s);
	client_negotiate(s);
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
}

struct raw {
	uint16_t id, command;
	uint32_t size, flags, error;
	uint8_t body[48];
};

static void test_bad_messages(void **state)
{
	static const struct raw bad[] = {
		{ .command = CMD_GET_INFO, .size = 0 },			/* shorter than a header */
		{ .command = CMD_GET_INFO, .size = 15 },
		{ .command = CMD_GET_INFO, .size = 0xffffffff },	/* endless */
		{ .command = CMD_GET_INFO, .size = 16, .flags = 1 },	/* a reply */
		{ .command = CMD_DMA_MAP, .size = 24 },			/* no whole body */
		{ .command = CMD_DMA_UNMAP, .size = 16 },
		{ .command = CMD_GET_REGION_INFO, .size = 20 },
		{ .command = CMD_GET_IRQ_INFO, .size = 20 },
		{ .command = CMD_SET_IRQS, .size = 20 },
		{ .command = CMD_REGION_READ, .size = 20 },
		/* Says more data than there is. */
		{ .command = CMD_REGION_WRITE, .size = 32, .body = { [12] = 64 } },
	};
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		client_send_raw(s, &bad[i], bad[i].size < 16 || bad[i].size > 64 ? 16 :
				bad[i].size);
		assert_true(client_is_closed(s));
		reconnect(s);
	}

	/* Unknown commands are answered. */
	assert_int_not_equal(client_request(s, 6, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_not_equal(client_request(s, 999, NULL, 0, NULL, 0, NULL, 0), 0);
}

static void test_leave_in_message(void **state)
{
	static const struct raw half = { .command = CMD_REGION_WRITE, .size = 4096 };
	struct server *s = *state;

	client_send_raw(s, &half, 7);
	reconnect(s);
	client_send_raw(s, &half, 20);
	reconnect(s);
}

static void test_no_version(void **state)
{
	static const struct raw info = { .command = CMD_GET_INFO, .size = 16 };
	struct server *s = *state;

	client_disconnect(s);
	client_connect(s);
	client_send_raw(s, &info, 16);
	assert_true(client_is_closed(s));
	reconnect(s);
}

/* Descriptors that nobody asked for are closed: the server does not run out of them. */
static void test_stray_fds(void **state)
{
	struct vfio_irq_set set = { .argsz = sizeof(set) };
	struct server *s = *state;
	int fds[8];

	for (unsigned int i = 0; i < 8; i++)
		fds[i] = STDERR_FILENO;
	for (unsigned int i = 0; i < 500; i++)
		assert_int_not_equal(client_request(s, CMD_SET_IRQS, &set, sizeof(set), fds, 8,
						    NULL, 0), 0);
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
}

static void test_posted_write(void **state)
{
	struct server *s = *state;
	struct raw msg = { .command = CMD_REGION_WRITE, .size = 16 + 16 + 4, .flags = 0x10 };
	const uint64_t offset = OGPU_GLB_SCRATCH;
	const uint32_t count = 4, value = 0xabcdef01;

	memcpy(msg.body, &offset, 8);
	memcpy(msg.body + 12, &count, 4);
	memcpy(msg.body + 16, &value, 4);
	client_send_raw(s, &msg, msg.size);
	/* The next answer is that of the read. */
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), value);
	/* A posted write that fails is not answered either. */
	memset(msg.body, 0xff, 8);
	client_send_raw(s, &msg, msg.size);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), value);
}

/* A read of any BAR comes back after earlier writes to BAR 2, though nobody answers these. */
static void test_aperture_order(void **state)
{
	static const struct {
		uint32_t region;
		uint64_t offset;
	} reads[] = { { OGPU_BAR_REGS, OGPU_GLB_MAGIC }, { OGPU_BAR_VRAM, 0 } };
	struct server *s = *state;
	uint32_t value, back;

	client_map_vram(s);
	for (value = 1; value < 200; value++) {
		const uint64_t offset = 0x3000 + value * 4;

		client_post(s, OGPU_BAR_VRAM, offset, &value, 4);
		assert_int_equal(client_read(s, reads[value % 2].region, reads[value % 2].offset,
					     &back, 4), 0);
		assert_int_equal(*(volatile uint32_t *)(s->vram + offset), value);
	}
}

/* Each client meets a card as after power-up, with empty VRAM. */
static void test_next_client(void **state)
{
	struct server *s = *state;

	client_map_vram(s);
	memset(s->vram, 0xaa, s->vram_size);
	reg_write(s, OGPU_GLB_SCRATCH, 99);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	reconnect(s);
	client_map_vram(s);
	for (size_t i = 0; i < s->vram_size; i++)
		assert_int_equal(s->vram[i], 0);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0);
	assert_int_equal(config_read(s, PCI_COMMAND, 2), 0);
}

static void test_aperture(void **state)
{
	struct server *s = *state;
	uint32_t value = 0x01020304, back;

	/* The trapped way and the mapped way lead to the same memory. */
	client_map_vram(s);
	assert_int_equal(client_write(s, OGPU_BAR_VRAM, 0x1000, &value, 4), 0);
	memcpy(&back, s->vram + 0x1000, 4);
	assert_int_equal(back, value);
	s->vram[0x1001] = 0xee;
	assert_int_equal(client_read(s, OGPU_BAR_VRAM, 0x1000, &back, 4), 0);
	assert_int_equal(back, 0x0102ee04);
}

static void test_once(void **state)
{
	static const char * const options[] = { "--once", "--vram", "64M", "--aperture", "16M",
						NULL };
	struct server s;

	(void)state;
	server_start(&s, options);
	client_connect(&s);
	client_negotiate(&s);
	client_map_vram(&s);
	assert_int_equal(s.vram_size, 16 << 20);
	assert_int_equal(server_wait(&s), 0);
}

static void test_stop_while_client_hangs(void **state)
{
	static const struct raw half = { .command = CMD_REGION_WRITE, .size = 4096 };
	struct server s;

	(void)state;
	server_start(&s, NULL);
	client_connect(&s);
	client_send_raw(&s, &half, 20);
	assert_int_equal(server_stop(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config_write_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_register, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discovery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tlbi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bus_master, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_eventfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sealed_vram, setup, teardown),
		cmocka_unit_test_setup_teardown(test_irq_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leave_in_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stray_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_posted_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aperture_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aperture, setup, teardown),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_stop_while_client_hangs),
	};

	return cmocka_run_group_tests_name("vgpu-vfio", tests, NULL, NULL);
}
