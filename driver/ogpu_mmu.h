/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The card's address-space table and the invalidation of its TLBs (abi/addr.h).
 */
#ifndef _OGPU_MMU_H_
#define _OGPU_MMU_H_

#include <linux/align.h>
#include <linux/types.h>

#include "abi/addr.h"
#include "abi/fw_image.h"
#include "ogpu_device.h"

/* VRAM from offset 0: the address-space table, then room to hand firmware to the boot ROM. */
#define OGPU_AS_TABLE_OFFSET	0ull

/**
 * ogpu_fw_staging_offset() - where is the firmware image put for the boot ROM?
 * @odev: the card
 *
 * Return: VRAM offset.
 */
static inline u64 ogpu_fw_staging_offset(const struct ogpu_device *odev)
{
	return OGPU_AS_TABLE_OFFSET +
	       ALIGN((u64)odev->disc.as_count * sizeof(struct ogpu_as_entry), OGPU_PAGE_4K);
}

/**
 * ogpu_vram_reserved() - what part of VRAM is not for buffers?
 * @odev: the card
 *
 * Return: VRAM offset of the first byte that may be handed out.
 */
static inline u64 ogpu_vram_reserved(const struct ogpu_device *odev)
{
	return ALIGN(ogpu_fw_staging_offset(odev) + OGPU_FW_MAX_SIZE, OGPU_PAGE_64K);
}

int ogpu_mmu_init(struct ogpu_device *odev);
int ogpu_mmu_start(struct ogpu_device *odev);
int ogpu_mmu_as_alloc(struct ogpu_device *odev, u64 root_pte, u16 *asid);
void ogpu_mmu_as_free(struct ogpu_device *odev, u16 asid);
int ogpu_mmu_invalidate(struct ogpu_device *odev, u16 asid, u64 start, u64 end);

#endif
