/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A card without PCI: what the management controller needs of its neighbours (vgpu.h), for tests of
 * the firmware. Slots execute toy queues: each 8-byte word of a ring is a job, see FAKE_JOB_*.
 */
#ifndef FAKE_CARD_H
#define FAKE_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "vgpu.h"

#define FAKE_COMPUTE_SLOTS	8
#define FAKE_COPY_SLOTS		2
#define FAKE_SLOTS		(FAKE_COMPUTE_SLOTS + FAKE_COPY_SLOTS)
#define FAKE_DOORBELLS		2304

/* Host memory of the card, at this bus address. */
#define FAKE_HOST_BASE		0x200000000ull
#define FAKE_HOST_SIZE		0x2000000u

/* A job: kind in 63:56, argument below. */
#define FAKE_JOB(kind, arg)	((uint64_t)(kind) << 56 | (arg))
enum fake_job {
	FAKE_JOB_RUN = 1,	/* argument: microseconds */
	FAKE_JOB_ERROR = 2,	/* argument: STATUS bits 23:8 of the failed slot */
	FAKE_JOB_DEAF = 3,	/* runs for ever, ignores PREEMPT */
	FAKE_JOB_HUNG = 4,	/* runs for ever, ignores PREEMPT and KILL */
	FAKE_JOB_WAIT = 5,	/* waits until the word at this bus address is not 0 */
	FAKE_JOB_FAULT = 6,	/* a memory fault until that word is not 0 */
};

#define FAKE_PC		0xabcd00001234ull	/* of whatever executes */

struct vgpu *fake_card_create(void);
void fake_card_destroy(struct vgpu *gpu);
struct mc *fake_card_mc(struct vgpu *gpu);
/* Fewer slots than usual, before the firmware starts. */
void fake_shape(struct vgpu *gpu, uint32_t compute_slots, uint32_t copy_slots);

void *fake_host(struct vgpu *gpu, uint64_t bus_addr);
void fake_host_gone(struct vgpu *gpu, bool gone);	/* no bus address answers any more */
void fake_doorbell(struct vgpu *gpu, uint32_t index);
void fake_engines_reset(struct vgpu *gpu);
/* No FAKE_JOB_RUN comes to its end as long as this holds: however late who looks at it is. */
void fake_endless(struct vgpu *gpu, bool endless);
/* Firmware gives up a slot that does not obey ten times as late at least as long as this holds. */
void fake_patient(struct vgpu *gpu, bool patient);
void fake_set_temp(struct vgpu *gpu, int32_t mdeg);
void fake_set_hot(struct vgpu *gpu, bool hot);		/* hardware throttles, or not any more */
void fake_set_ras(struct vgpu *gpu, uint32_t reg, uint32_t value);
uint32_t fake_sensor(struct vgpu *gpu, uint32_t reg);
uint32_t fake_slot_reg(struct vgpu *gpu, unsigned int slot, uint32_t reg);
uint64_t fake_slot_counter(struct vgpu *gpu, unsigned int slot, unsigned int counter);
unsigned int fake_watches(struct vgpu *gpu);		/* that are armed */
unsigned int fake_starts(struct vgpu *gpu);		/* START commands so far */
unsigned int fake_misuse(struct vgpu *gpu);		/* commands against the contract so far */

/* Waits for OGPU_VECTOR_MBOX; false after the timeout. */
bool fake_wait_irq(struct vgpu *gpu, unsigned int timeout_ms);

#endif
