/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Inside of the management controller, shared by mc.c (thread and life) and mc_bus.c (its view). */
#ifndef OGPU_MC_INTERNAL_H
#define OGPU_MC_INTERNAL_H

#include "rv32.h"
#include "vgpu.h"

#define MC_SRAM_SIZE	VGPU_MC_SRAM_SIZE

/* Interrupts that are remembered until acknowledged; the others are levels. */
#define MC_IRQ_EDGES	(OGPU_MC_IRQ_MBOX | OGPU_MC_IRQ_SENSOR | OGPU_MC_IRQ_RAS)

/* A reset of the slots under running firmware: START is refused until it has acknowledged. */
enum mc_slot_reset {
	MC_SLOT_RESET_NONE,
	MC_SLOT_RESET_BEGUN,
	MC_SLOT_RESET_TOLD,	/* SLOT_RESET reads 1 */
};

struct mc {
	struct vgpu *gpu;
	struct rv32 cpu;
	uint8_t *sram;
	uint32_t slots;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;		/* the core thread has something to look at */
	pthread_cond_t stopped;		/* executing became false */

	/* Read by everybody, written by the core thread or while it is stopped. */
	_Atomic bool running;
	_Atomic uint32_t heartbeat;
	_Atomic uint32_t fatal, fatal_pc;
	_Atomic uint64_t instructions;
	_Atomic bool hang;

	/* Under the lock. */
	bool quit;
	bool want_run;
	bool executing;
	uint32_t svn;
	uint64_t mbox_addr;
	uint32_t mbox_size;
	uint32_t irq_edges, irq_enable, slot_irq;
	enum mc_slot_reset slot_reset;
	uint32_t doorbell_pages;
	uint32_t *doorbell_fifo;
	uint32_t doorbell_head, doorbell_count;
	bool *doorbell_known;		/* in the FIFO */

	/* Of the core thread alone while it executes. */
	uint64_t last_beat;		/* GLB_TIME of the last write to HEARTBEAT */
	uint64_t timecmp;
	uint32_t time_hi;		/* latched */
	uint64_t window[OGPU_MC_WINDOWS];	/* address operands */
	struct engines_condition watch;	/* WATCH_* registers */
};

/* mc.c */
uint32_t mc_irq_pending(const struct mc *mc);
void mc_irq_changed(struct mc *mc);
void mc_update_timer(struct mc *mc);
void mc_stop_fatal(struct mc *mc, enum ogpu_mc_fatal why, uint32_t detail, uint32_t pc);

/* mc_bus.c */
bool mc_bus_init(struct mc *mc);
void mc_bus_reset(struct mc *mc);

#endif
