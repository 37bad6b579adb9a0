/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Registers in BAR 0 that no other part keeps: GLB, MBOX and MMU.
 */
#ifndef OGPU_VGPU_REGS_H
#define OGPU_VGPU_REGS_H

#include <stdint.h>

struct vgpu;

struct regs {
	uint32_t time_hi;		/* latched by reading GLB_TIME_LO */
	uint32_t scratch;
	uint32_t mbox_lo, mbox_hi, mbox_size;
	uint32_t as_lo, as_hi, as_count;
	uint32_t tlbi_start_lo, tlbi_start_hi, tlbi_end_lo, tlbi_end_hi;
	uint32_t tlbi;			/* as written; constant while the helper thread uses it */
	uint64_t tlbi_start, tlbi_end;	/* likewise */
};

uint32_t regs_read(struct vgpu *gpu, uint32_t offset);
void regs_write(struct vgpu *gpu, uint32_t offset, uint32_t value);
void regs_reset(struct vgpu *gpu);
void regs_tlb_invalidate(struct vgpu *gpu);

#endif
