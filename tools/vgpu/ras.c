// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What went wrong in memories and links, and pages of VRAM that are replaced by spare ones.
 *
 * Corrected and uncorrected errors make a record for firmware and an event for the host. Poison
 * that is carried is only counted: a program that copies could make any number.
 */
#include "device.h"
#include "nonvol.h"
#include "ras.h"
#include "reg64.h"

/**
 * ras_init() - a card without errors.
 * @ras: the errors
 * @gpu: the card
 */
void ras_init(struct ras *ras, struct vgpu *gpu)
{
	*ras = (struct ras){ .gpu = gpu };
	pthread_mutex_init(&ras->lock, NULL);
	for (unsigned int i = 0; i < OGPU_RAS_BLOCKS; i++)
		ras->block[i].queue = OGPU_EVENT_NO_QUEUE;
}

/**
 * ras_fini() - end of life.
 * @ras: the errors
 */
void ras_fini(struct ras *ras)
{
	pthread_mutex_destroy(&ras->lock);
}

static void count(struct ras_counters *counters, const struct ras_record *error)
{
	if (counters->count[error->severity] != UINT32_MAX)
		counters->count[error->severity]++;
	counters->addr = error->addr;
	counters->queue = error->queue;
}

static void keep_record(struct ras *ras, const struct ras_record *error)
{
	if (ras->count == RAS_RECORDS) {
		ras->lost = true;
		return;
	}
	ras->record[(ras->head + ras->count++) % RAS_RECORDS] = *error;
}

/**
 * ras_report() - there was an error.
 * @ras: the errors
 * @error: what and where
 *
 * Deferred ones inside or outside a bracket, others outside.
 */
void ras_report(struct ras *ras, const struct ras_record *error)
{
	struct ogpu_event event = {
		.type = OGPU_EVENT_MEMORY_ERROR,
		.queue = error->queue,
		.value0 = error->addr,
		.value1 = FIELD_PREP(OGPU_EVENT_ERROR_SEVERITY, error->severity) |
			  FIELD_PREP(OGPU_EVENT_ERROR_BLOCK, error->block),
	};
	bool tell = error->severity != OGPU_RAS_SEV_DEFERRED;

	pthread_mutex_lock(&ras->lock);
	count(&ras->block[error->block], error);
	if (tell)
		keep_record(ras, error);
	pthread_mutex_unlock(&ras->lock);
	if (!tell)
		return;
	mc_irq(ras->gpu->mc, OGPU_MC_IRQ_RAS);
	vgpu_event_push(ras->gpu, &event);
}

/* The next record, and what is to be read behind it. */
static uint32_t take_record(struct ras *ras)
{
	uint32_t value;

	if (!ras->count)
		return 0;
	ras->taken = ras->record[ras->head];
	ras->head = (ras->head + 1) % RAS_RECORDS;
	ras->count--;
	value = OGPU_RAS_RECORD_VALID | FIELD_PREP(OGPU_RAS_RECORD_BLOCK, ras->taken.block) |
		FIELD_PREP(OGPU_RAS_RECORD_SEVERITY, ras->taken.severity) |
		(ras->lost ? OGPU_RAS_RECORD_LOST : 0);
	ras->lost = false;
	return value;
}

static uint32_t read_block(const struct ras_counters *counters, uint32_t reg)
{
	switch (reg) {
	case OGPU_RAS_CORRECTED:
	case OGPU_RAS_UNCORRECTED:
	case OGPU_RAS_DEFERRED:
		return counters->count[reg / 4];
	case OGPU_RAS_ADDR_LO:
	case OGPU_RAS_ADDR_HI:
		return reg64_get(counters->addr, reg == OGPU_RAS_ADDR_HI);
	case OGPU_RAS_QUEUE:
		return counters->queue;
	default:
		return 0;
	}
}

static uint32_t read_reg(struct ras *ras, uint32_t reg)
{
	switch (reg) {
	case OGPU_MC_RAS_RECORD:
		return take_record(ras);
	case OGPU_MC_RAS_ADDR_LO:
	case OGPU_MC_RAS_ADDR_HI:
		return reg64_get(ras->taken.addr, reg == OGPU_MC_RAS_ADDR_HI);
	case OGPU_MC_RAS_QUEUE:
		return ras->taken.queue;
	case OGPU_MC_RETIRE_LO:
	case OGPU_MC_RETIRE_HI:
		return reg64_get(ras->retire_addr, reg == OGPU_MC_RETIRE_HI);
	case OGPU_MC_RETIRE:
		return ras->retire_result;
	case OGPU_MC_SPARES:
		return nonvol_spares(ras->gpu->cfg.nonvol);
	case OGPU_MC_RAS_BLOCK(0) ... OGPU_MC_RAS_BLOCK(OGPU_RAS_BLOCKS) - 4:
		reg -= OGPU_MC_RAS_BLOCK(0);
		return read_block(&ras->block[reg / 0x20], reg % 0x20);
	default:
		return 0;
	}
}

/**
 * ras_reg_read() - firmware reads a register about errors.
 * @ras: the errors
 * @reg: OGPU_MC_RAS_RECORD and following
 *
 * Return: the value; 0 for registers that do not exist.
 */
uint32_t ras_reg_read(struct ras *ras, uint32_t reg)
{
	uint32_t value;

	pthread_mutex_lock(&ras->lock);
	value = read_reg(ras, reg);
	pthread_mutex_unlock(&ras->lock);
	return value;
}

/* Waits for all brackets to end; who is inside one may report an error: without the lock. */
static void retire(struct ras *ras)
{
	enum ogpu_retire_result result;
	uint64_t addr;

	pthread_mutex_lock(&ras->lock);
	addr = ras->retire_addr;
	pthread_mutex_unlock(&ras->lock);
	result = memory_retire(ras->gpu, addr);
	pthread_mutex_lock(&ras->lock);
	ras->retire_result = result;
	pthread_mutex_unlock(&ras->lock);
}

/**
 * ras_reg_write() - firmware retires a page.
 * @ras: the errors
 * @reg: OGPU_MC_RETIRE_LO, _HI or OGPU_MC_RETIRE; others do nothing
 * @value: what it writes
 */
void ras_reg_write(struct ras *ras, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case OGPU_MC_RETIRE_LO:
	case OGPU_MC_RETIRE_HI:
		pthread_mutex_lock(&ras->lock);
		reg64_set(&ras->retire_addr, value, reg == OGPU_MC_RETIRE_HI);
		pthread_mutex_unlock(&ras->lock);
		break;
	case OGPU_MC_RETIRE:
		retire(ras);
		break;
	}
}
