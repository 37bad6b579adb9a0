/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The card's address-space table and the invalidation of its TLBs (abi/addr.h).
 */
#ifndef _OGPU_MMU_H_
#define _OGPU_MMU_H_

#include <linux/types.h>

struct ogpu_device;
struct ogpu_pt_ranges;

int ogpu_mmu_init(struct ogpu_device *odev);
int ogpu_mmu_start(struct ogpu_device *odev);
int ogpu_mmu_as_alloc(struct ogpu_device *odev, u32 generation, u64 root_pte, u16 *asid);
int ogpu_mmu_as_clear(struct ogpu_device *odev, u16 asid);
void ogpu_mmu_as_free(struct ogpu_device *odev, u16 asid);
void ogpu_mmu_flush(struct ogpu_device *odev, u16 asid);
int ogpu_mmu_invalidate(struct ogpu_device *odev, u16 asid, const struct ogpu_pt_ranges *ranges);

#endif
