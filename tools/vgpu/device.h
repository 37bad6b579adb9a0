/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * struct vgpu, as the parts that make up the card's PCI side see it. Engines and the management
 * core know only vgpu.h.
 *
 * Locks, outermost first: reset_lock -> event or signal ring -> memory bracket -> DMA table;
 * reset_lock -> sensors -> a slot, and sensors -> the management core. Those of the interrupt table
 * and of the helper thread are leaves.
 */
#ifndef OGPU_VGPU_DEVICE_H
#define OGPU_VGPU_DEVICE_H

#include "bootrom.h"
#include "discovery.h"
#include "event.h"
#include "irq.h"
#include "memory.h"
#include "pci_config.h"
#include "ras.h"
#include "regs.h"
#include "vgpu.h"
#include "worker.h"

struct control;

struct vgpu {
	struct vgpu_config cfg;
	uint64_t epoch_ns;		/* CLOCK_MONOTONIC at power-up */

	_Atomic bool gone;		/* off the bus: reads answer ones, nothing else happens */
	_Atomic uint64_t back_ns;	/* vgpu_time_ns() when the link is up again, 0: never */
	_Atomic uint64_t rom_delay_ns;	/* fault: how late verdicts of the boot ROM are */
	_Atomic bool stuck;		/* fault: obeys no reset but that of its bus */
	_Atomic bool tlbi_stuck;	/* fault: invalidations do not end */
	pthread_mutex_t reset_lock;	/* one reset or boot at a time */

	struct discovery disc;
	struct pci_config pci;		/* vfio thread only */
	struct regs regs;		/* vfio thread only */
	struct bootrom boot;
	struct event_ring event;
	struct signal_ring signal;
	uint32_t *doorbell_low;		/* half a write pointer for each page; vfio thread only */
	struct irq_table irq;
	struct memory mem;
	struct ras ras;
	struct tlbi_queue tlbi;

	struct worker *worker;
	struct sensors *sensors;
	struct engines *engines;
	struct mc *mc;
	struct control *control;	/* NULL if there is no control socket */
};

struct vgpu *vgpu_create(const struct vgpu_config *cfg);
void vgpu_destroy(struct vgpu *gpu);
void vgpu_reset_by_host(struct vgpu *gpu);
void vgpu_reset_by_bus(struct vgpu *gpu);
void vgpu_reset_by_power(struct vgpu *gpu);
void vgpu_reset_core(struct vgpu *gpu);
void vgpu_set_gone(struct vgpu *gpu, uint64_t ns);
bool vgpu_is_gone(struct vgpu *gpu);

/* Accesses by the host, in the vfio-user thread. */
void vgpu_config_read(struct vgpu *gpu, uint64_t offset, void *buf, size_t len);
void vgpu_config_write(struct vgpu *gpu, uint64_t offset, const void *buf, size_t len);
uint64_t vgpu_bar_size(const struct vgpu *gpu, unsigned int bar);
void vgpu_bar_read(struct vgpu *gpu, unsigned int bar, uint64_t offset, void *buf, size_t len);
void vgpu_bar_write(struct vgpu *gpu, unsigned int bar, uint64_t offset, const void *buf,
		    size_t len);

#endif
