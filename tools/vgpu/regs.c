// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The register blocks in BAR 0, one 32-bit register at a time. Runs in the vfio-user thread, which
 * must not block: what takes time goes to the helper thread.
 */
#include <string.h>

#include "device.h"
#include "reg64.h"

static uint32_t glb_read(struct vgpu *gpu, uint32_t reg)
{
	uint64_t now;

	switch (reg) {
	case OGPU_GLB_MAGIC:
		return OGPU_MAGIC;
	case OGPU_GLB_CONTRACT:
		return FIELD_PREP(OGPU_GLB_CONTRACT_MAJOR, OGPU_CONTRACT_MAJOR) |
		       FIELD_PREP(OGPU_GLB_CONTRACT_MINOR, OGPU_CONTRACT_MINOR);
	case OGPU_GLB_DISCOVERY_OFFSET:
		return BLOCK_DISCOVERY;
	case OGPU_GLB_DISCOVERY_SIZE:
		return gpu->disc.size;
	case OGPU_GLB_STATUS:
		return OGPU_GLB_STATUS_VRAM_READY |
		       (mc_running(gpu->mc) ? OGPU_GLB_STATUS_MC_RUNNING : 0) |
		       (mc_fatal(gpu->mc) ? OGPU_GLB_STATUS_MC_FATAL : 0);
	case OGPU_GLB_RESET:
		if (gpu->stuck)
			return OGPU_GLB_RESET_COMPUTE | OGPU_GLB_RESET_MC;
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
		if (gpu->stuck)
			break;
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
	case OGPU_MBOX_ADDR_HI:
		return reg64_get(gpu->regs.mbox_addr, reg == OGPU_MBOX_ADDR_HI);
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
		reg64_set(&gpu->regs.mbox_addr, value & ~0xfffu, false);
		break;
	case OGPU_MBOX_ADDR_HI:
		reg64_set(&gpu->regs.mbox_addr, value, true);
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
	uint32_t started, done;

	tlbi_counts(&gpu->tlbi, &started, &done);
	switch (reg) {
	case OGPU_MMU_AS_ADDR_LO:
	case OGPU_MMU_AS_ADDR_HI:
		return reg64_get(r->as_addr, reg == OGPU_MMU_AS_ADDR_HI);
	case OGPU_MMU_AS_COUNT:
		return r->as_count;
	case OGPU_MMU_TLBI_START_LO:
	case OGPU_MMU_TLBI_START_HI:
		return reg64_get(r->tlbi_start, reg == OGPU_MMU_TLBI_START_HI);
	case OGPU_MMU_TLBI_END_LO:
	case OGPU_MMU_TLBI_END_HI:
		return reg64_get(r->tlbi_end, reg == OGPU_MMU_TLBI_END_HI);
	case OGPU_MMU_TLBI:
		return r->tlbi |
		       (started - done == OGPU_MMU_TLBI_DEPTH ? OGPU_MMU_TLBI_FULL : 0) |
		       (started != done ? OGPU_MMU_TLBI_BUSY : 0);
	case OGPU_MMU_TLBI_STARTED:
		return started;
	case OGPU_MMU_TLBI_DONE:
		return done;
	default:
		return 0;
	}
}

/* The table must lie in VRAM as a whole; otherwise no address space exists. */
static void set_as_table(struct vgpu *gpu)
{
	const struct regs *r = &gpu->regs;
	uint64_t bytes = (uint64_t)r->as_count * sizeof(struct ogpu_as_entry);
	bool ok = r->as_count <= VGPU_AS_COUNT && r->as_addr <= gpu->cfg.vram_size &&
		  bytes <= gpu->cfg.vram_size - r->as_addr;

	engines_set_as_table(gpu->engines, r->as_addr, ok ? r->as_count : 0);
}

/* ASID 0 has no translations, and a range that is empty names none: these have nothing to drop. */
static void start_tlbi(struct vgpu *gpu, uint32_t value)
{
	const uint32_t known = OGPU_MMU_TLBI_ASID | OGPU_MMU_TLBI_TYPE | OGPU_MMU_TLBI_NOTIFY;
	const struct regs *r = &gpu->regs;
	struct tlbi what = { .asid = FIELD_GET(OGPU_MMU_TLBI_ASID, value) };
	struct tlbi none = { .asid = OGPU_MMU_TLBI_ASID, .start = 1, .end = 0 };

	switch (FIELD_GET(OGPU_MMU_TLBI_TYPE, value)) {
	case OGPU_MMU_TLBI_RANGE:
		what.start = r->tlbi_start;
		what.end = r->tlbi_end;
		if (!what.asid || what.start >= what.end)
			what = none;
		break;
	case OGPU_MMU_TLBI_AS:
		if (!what.asid)
			what = none;
		break;
	default:
		what.asid = 0;
		break;
	}
	if (!tlbi_start(&gpu->tlbi, &what, value & OGPU_MMU_TLBI_NOTIFY))
		return;
	gpu->regs.tlbi = value & known;
	worker_post(gpu->worker, WORKER_TLB);
}

static void mmu_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	struct regs *r = &gpu->regs;

	switch (reg) {
	case OGPU_MMU_AS_ADDR_LO:
		reg64_set(&r->as_addr, value & ~0xfffu, false);
		set_as_table(gpu);
		break;
	case OGPU_MMU_AS_ADDR_HI:
		reg64_set(&r->as_addr, value, true);
		set_as_table(gpu);
		break;
	case OGPU_MMU_AS_COUNT:
		r->as_count = value;
		set_as_table(gpu);
		break;
	case OGPU_MMU_TLBI_START_LO:
		reg64_set(&r->tlbi_start, value & ~0xfffu, false);
		break;
	case OGPU_MMU_TLBI_START_HI:
		reg64_set(&r->tlbi_start, value, true);
		break;
	case OGPU_MMU_TLBI_END_LO:
		reg64_set(&r->tlbi_end, value & ~0xfffu, false);
		break;
	case OGPU_MMU_TLBI_END_HI:
		reg64_set(&r->tlbi_end, value, true);
		break;
	case OGPU_MMU_TLBI:
		start_tlbi(gpu, value);
		break;
	}
}

static uint32_t block_read(struct vgpu *gpu, uint32_t block, uint32_t reg)
{
	switch (block) {
	case BLOCK_GLB:
		return glb_read(gpu, reg);
	case BLOCK_BOOT:
		return bootrom_reg_read(gpu, reg);
	case BLOCK_MBOX:
		return mbox_read(gpu, reg);
	case BLOCK_EVENT:
		return reg < OGPU_SIGNAL_ADDR_LO ? event_reg_read(&gpu->event, reg) :
						   signal_reg_read(&gpu->signal, reg);
	case BLOCK_MMU:
		return mmu_read(gpu, reg);
	default:
		return 0;
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
	uint32_t reg = offset & 0xfff, value;

	if (offset >= BLOCK_DISCOVERY && offset - BLOCK_DISCOVERY < gpu->disc.size)
		memcpy(&value, gpu->disc.table + (offset - BLOCK_DISCOVERY), sizeof(value));
	else
		value = block_read(gpu, offset - reg, reg);
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
		if (reg < OGPU_SIGNAL_ADDR_LO)
			event_reg_write(&gpu->event, reg, value);
		else
			signal_reg_write(gpu, reg, value);
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
	tlbi_reset(&gpu->tlbi);
	engines_set_as_table(gpu->engines, 0, 0);
}
