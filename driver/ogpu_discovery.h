/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the discovery table of a card told, in CPU byte order. Pure: also compiled by KUnit.
 */
#ifndef _OGPU_DISCOVERY_H_
#define _OGPU_DISCOVERY_H_

#include <linux/types.h>

/**
 * struct ogpu_disc - a card's facts; see abi/discovery.h for units
 */
struct ogpu_disc {
	/** @generation: of the hardware contract */
	u16 generation;
	/** @hw_rev: hardware revision */
	u16 hw_rev;
	/** @board_id: maker's number of the board */
	u32 board_id;
	/** @uuid: of the card */
	u8 uuid[16];
	/** @name: of the board, NUL-terminated */
	char name[33];

	/** @vram_size: bytes */
	u64 vram_size;
	/** @aperture_size: bytes of VRAM, from offset 0, that the CPU sees */
	u64 aperture_size;
	/** @dma_bits: width of bus addresses */
	u32 dma_bits;
	/** @pcie_atomics: the card can send PCIe AtomicOps */
	bool pcie_atomics;

	/** @va_bits: width of virtual addresses */
	u32 va_bits;
	/** @as_count: entries of the address-space table */
	u32 as_count;
	/** @page_sizes: a set bit n: pages of 2^n bytes */
	u64 page_sizes;

	/** @cu_count: compute units that are not fused off */
	u32 cu_count;
	/** @lanes: work-items executed together */
	u32 lanes;
	/** @max_workgroup: work-items in a workgroup */
	u32 max_workgroup;
	/** @local_bytes: local memory for a workgroup */
	u32 local_bytes;
	/** @private_bytes: private memory for a work-item */
	u32 private_bytes;
	/** @clock_khz: highest clock */
	u32 clock_khz;
	/** @cap_min_uw: lowest power cap */
	u32 cap_min_uw;
	/** @cap_max_uw: highest power cap, 0 if power cannot be limited */
	u32 cap_max_uw;
	/** @resident_groups: workgroups that a unit holds at a time */
	u32 resident_groups;
	/** @resident_waves: waves that it holds */
	u32 resident_waves;
	/** @resident_local: bytes of local memory that it holds */
	u32 resident_local;
	/** @save_wave_bytes: of a wave in a save area */
	u32 save_wave_bytes;
	/** @quantum_us: a unit goes to the next slot of equal priority after so long */
	u32 quantum_us;
	/** @starve_ms: no slot with work is without a unit for longer */
	u32 starve_ms;
	/** @preempt_ms: a slot stops when told to within */
	u32 preempt_ms;
	/** @isa: ISA string of work-items, NUL-terminated */
	char isa[113];
	/** @copy_engines: number of copy engines */
	u32 copy_engines;

	/** @compute_slots: hardware slots for compute queues */
	u32 compute_slots;
	/** @copy_slots: hardware slots for copy queues */
	u32 copy_slots;
	/** @doorbells: pages in BAR 4, the most queues that can exist */
	u32 doorbells;
	/** @doorbell_stride: bytes between pages */
	u32 doorbell_stride;
	/** @job_ms: limit of a job's time, unless somebody chooses another one */
	u32 job_ms;
	/** @job_max_ms: highest that anybody may choose */
	u32 job_max_ms;

	/** @boot_base: start of the BOOT registers in BAR 0 */
	u32 boot_base;
	/** @mbox_base: start of the MBOX registers in BAR 0 */
	u32 mbox_base;
	/** @event_base: start of the EVENT registers in BAR 0 */
	u32 event_base;
	/** @mmu_base: start of the MMU registers in BAR 0 */
	u32 mmu_base;
};

int ogpu_disc_parse(struct ogpu_disc *disc, const void *table, size_t size);

#endif
