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
	uint64_t mbox_addr, as_addr, tlbi_start, tlbi_end;
	uint32_t mbox_size, as_count, tlbi;
};

uint32_t regs_read(struct vgpu *gpu, uint32_t offset);
void regs_write(struct vgpu *gpu, uint32_t offset, uint32_t value);
void regs_reset(struct vgpu *gpu);

#endif
