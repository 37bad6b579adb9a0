// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The register blocks in BAR 0, one 32-bit register at a time. Runs in the vfio-user thread, which
 * must not block: what takes time goes to the helper thread.
 */
#include <string.h>

#include "device.h"

static uint32_t glb_read(struct vgpu *gpu, uint32_t reg)
{
	uint64_t now;

	switch (reg) {
	case OGPU_GLB_MAGIC:
		return OGPU_MAGIC;
	case OGPU_GLB_CONTRACT:
		return FIELD_PREP(OGPU_GLB_CONTRACT_MAJOR, 1) |
		       FIELD_PREP(OGPU_GLB_CONTRACT_MINOR, 0);
	case OGPU_GLB_DISCOVERY_OFFSET:
		return BLOCK_DISCOVERY;
	case OGPU_GLB_DISCOVERY_SIZE:
		return gpu->disc.size;
	case OGPU_GLB_STATUS:
		return OGPU_GLB_STATUS_VRAM_READY |
		       (mc_running(gpu->mc) ? OGPU_GLB_STATUS_MC_RUNNING : 0) |
		       (mc_fatal(gpu->mc) ? OGPU_GLB_STATUS_MC_FATAL : 0);
	case OGPU_GLB_RESET:
		return (worker_busy(gpu->worker, WORKER_RESET_COMPUTE) ?
			OGPU_GLB_RESET_COMPUTE : 0) |
		       (worker_busy(gpu->worker, WORKER_RESET_MC) ? OGPU_GLB_RESET_MC : 0);
	case OGPU_GLB_TIME_LO:
		now = vgpu_time_ns(gpu);
		gpu->regs.time_hi = now >> 32;
		return now;
	case OGPU_GLB_TIME_HI:
		return gpu->regs.time_hi;
	case OGPU_GLB_SCRATCH:
		return gpu->regs.scratch;
	default:
		return 0;
	}
}

static void glb_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case OGPU_GLB_RESET:
		if (value & OGPU_GLB_RESET_MC)
			worker_post(gpu->worker, WORKER_RESET_MC);
		if (value & OGPU_GLB_RESET_COMPUTE)
			worker_post(gpu->worker, WORKER_RESET_COMPUTE);
		break;
	case OGPU_GLB_SCRATCH:
		gpu->regs.scratch = value;
		break;
	}
}

static uint32_t mbox_read(struct vgpu *gpu, uint32_t reg)
{
	switch (reg) {
	case OGPU_MBOX_ADDR_LO:
		return gpu->regs.mbox_lo;
	case OGPU_MBOX_ADDR_HI:
		return gpu->regs.mbox_hi;
	case OGPU_MBOX_SIZE:
		return gpu->regs.mbox_size;
	default:
		return 0;
	}
}

static void mbox_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case OGPU_MBOX_ADDR_LO:
		gpu->regs.mbox_lo = value & ~0xfffu;
		break;
	case OGPU_MBOX_ADDR_HI:
		gpu->regs.mbox_hi = value;
		break;
	case OGPU_MBOX_SIZE:
		gpu->regs.mbox_size = value;
		break;
	case OGPU_MBOX_BELL:
		mc_irq(gpu->mc, OGPU_MC_IRQ_MBOX);
		break;
	}
}

static uint32_t mmu_read(struct vgpu *gpu, uint32_t reg)
{
	const struct regs *r = &gpu->regs;

	switch (reg) {
	case OGPU_MMU_AS_ADDR_LO:
		return r->as_lo;
	case OGPU_MMU_AS_ADDR_HI:
		return r->as_hi;
	case OGPU_MMU_AS_COUNT:
		return r->as_count;
	case OGPU_MMU_TLBI_START_LO:
		return r->tlbi_start_lo;
	case OGPU_MMU_TLBI_START_HI:
		return r->tlbi_start_hi;
	case OGPU_MMU_TLBI_END_LO:
		return r->tlbi_end_lo;
	case OGPU_MMU_TLBI_END_HI:
		return r->tlbi_end_hi;
	case OGPU_MMU_TLBI:
		return (r->tlbi & (OGPU_MMU_TLBI_ASID | OGPU_MMU_TLBI_TYPE)) |
		       (worker_busy(gpu->worker, WORKER_TLB) ? OGPU_MMU_TLBI_BUSY : 0);
	default:
		return 0;
	}
}

/* The table must lie in VRAM as a whole; otherwise no address space exists. */
static void set_as_table(struct vgpu *gpu)
{
	const struct regs *r = &gpu->regs;
	uint64_t base = (uint64_t)r->as_hi << 32 | r->as_lo;
	uint64_t bytes = (uint64_t)r->as_count * sizeof(struct ogpu_as_entry);
	bool ok = r->as_count <= VGPU_AS_COUNT && base <= gpu->cfg.vram_size &&
		  bytes <= gpu->cfg.vram_size - base;

	engines_set_as_table(gpu->engines, base, ok ? r->as_count : 0);
}

static void start_tlbi(struct vgpu *gpu, uint32_t value)
{
	struct regs *r = &gpu->regs;

	if (worker_busy(gpu->worker, WORKER_TLB))
		return;
	r->tlbi = value;
	r->tlbi_start = (uint64_t)r->tlbi_start_hi << 32 | r->tlbi_start_lo;
	r->tlbi_end = (uint64_t)r->tlbi_end_hi << 32 | r->tlbi_end_lo;
	worker_post(gpu->worker, WORKER_TLB);
}

static void mmu_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	struct regs *r = &gpu->regs;

	switch (reg) {
	case OGPU_MMU_AS_ADDR_LO:
		r->as_lo = value & ~0xfffu;
		set_as_table(gpu);
		break;
	case OGPU_MMU_AS_ADDR_HI:
		r->as_hi = value;
		set_as_table(gpu);
		break;
	case OGPU_MMU_AS_COUNT:
		r->as_count = value;
		set_as_table(gpu);
		break;
	case OGPU_MMU_TLBI_START_LO:
		r->tlbi_start_lo = value & ~0xfffu;
		break;
	case OGPU_MMU_TLBI_START_HI:
		r->tlbi_start_hi = value;
		break;
	case OGPU_MMU_TLBI_END_LO:
		r->tlbi_end_lo = value & ~0xfffu;
		break;
	case OGPU_MMU_TLBI_END_HI:
		r->tlbi_end_hi = value;
		break;
	case OGPU_MMU_TLBI:
		start_tlbi(gpu, value);
		break;
	}
}

/**
 * regs_tlb_invalidate() - do what the last write to TLBI asked for.
 * @gpu: the card
 *
 * In the helper thread; blocks until the engines have dropped the translations. A type that does
 * not exist invalidates everything, which is always safe.
 */
void regs_tlb_invalidate(struct vgpu *gpu)
{
	const struct regs *r = &gpu->regs;
	uint32_t asid = FIELD_GET(OGPU_MMU_TLBI_ASID, r->tlbi);

	switch (FIELD_GET(OGPU_MMU_TLBI_TYPE, r->tlbi)) {
	case OGPU_MMU_TLBI_RANGE:
		if (r->tlbi_start < r->tlbi_end)
			engines_tlb_invalidate(gpu->engines, asid, r->tlbi_start, r->tlbi_end);
		break;
	case OGPU_MMU_TLBI_AS:
		engines_tlb_invalidate(gpu->engines, asid, 0, 0);
		break;
	default:
		engines_tlb_invalidate(gpu->engines, 0, 0, 0);
		break;
	}
}

/**
 * regs_read() - the host reads a register.
 * @gpu: the card
 * @offset: in BAR 0, multiple of 4, less than OGPU_BAR_REGS_SIZE
 *
 * Return: the value; 0 where there is no register.
 */
uint32_t regs_read(struct vgpu *gpu, uint32_t offset)
{
	uint32_t reg = offset & 0xfff, value = 0;

	if (offset >= BLOCK_DISCOVERY && offset - BLOCK_DISCOVERY < gpu->disc.size) {
		memcpy(&value, gpu->disc.table + (offset - BLOCK_DISCOVERY), sizeof(value));
		return value;
	}

	switch (offset - reg) {
	case BLOCK_GLB:
		value = glb_read(gpu, reg);
		break;
	case BLOCK_BOOT:
		value = bootrom_reg_read(gpu, reg);
		break;
	case BLOCK_MBOX:
		value = mbox_read(gpu, reg);
		break;
	case BLOCK_EVENT:
		value = event_reg_read(&gpu->event, reg);
		break;
	case BLOCK_MMU:
		value = mmu_read(gpu, reg);
		break;
	}
	vgpu_trace(gpu, TRACE_REG, "read  0x%05x = %#x", offset, value);
	return value;
}

/**
 * regs_write() - the host writes a register.
 * @gpu: the card
 * @offset: in BAR 0, multiple of 4, less than OGPU_BAR_REGS_SIZE
 * @value: what it writes; ignored where there is no register
 */
void regs_write(struct vgpu *gpu, uint32_t offset, uint32_t value)
{
	uint32_t reg = offset & 0xfff;

	vgpu_trace(gpu, TRACE_REG, "write 0x%05x = %#x", offset, value);
	switch (offset - reg) {
	case BLOCK_GLB:
		glb_write(gpu, reg, value);
		break;
	case BLOCK_BOOT:
		bootrom_reg_write(gpu, reg, value);
		break;
	case BLOCK_MBOX:
		mbox_write(gpu, reg, value);
		break;
	case BLOCK_EVENT:
		event_reg_write(&gpu->event, reg, value);
		break;
	case BLOCK_MMU:
		mmu_write(gpu, reg, value);
		break;
	}
}

/**
 * regs_reset() - the registers kept here to their values at power-up.
 * @gpu: the card; its helper thread is idle
 */
void regs_reset(struct vgpu *gpu)
{
	gpu->regs = (struct regs){ 0 };
	engines_set_as_table(gpu->engines, 0, 0);
}
