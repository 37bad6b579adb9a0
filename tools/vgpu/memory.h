/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The card's VRAM and its way to the host's memory. What engines use of it is in vgpu.h.
 */
#ifndef OGPU_VGPU_MEMORY_H
#define OGPU_VGPU_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>

#include "dma_table.h"
#include "poison.h"
#include "tlbi.h"
#include "vgpu.h"

struct vgpu;

struct memory {
	/*
	 * Held for reading while host pointers are in use, for writing to take memory away: DMA
	 * mappings, DMA as a whole, pages that go bad, translations. New mappings come without it.
	 */
	pthread_rwlock_t bracket;

	_Atomic uint64_t generation;	/* of host pointers */
	struct tlbi_log tlbi;		/* of translations */
	_Atomic bool dma_enabled;	/* bus master and in D0 */
	struct dma_table dma;
	bool atomics_sent;		/* AtomicOp Requester Enable is set, */
	bool atomics_refused;		/* and the platform refuses what is sent */

	int vram_fd;
	uint8_t *vram;
	uint64_t vram_size;

	struct poison poison;
};

void memory_lose(struct vgpu *gpu);
int memory_init(struct memory *mem, uint64_t vram_size);
void memory_fini(struct memory *mem);
void memory_set_dma(struct vgpu *gpu, bool enabled);
void memory_set_atomics(struct vgpu *gpu, bool sent);
void memory_refuse_atomics(struct vgpu *gpu, bool refused);
int memory_unmap(struct vgpu *gpu, uint64_t addr, uint64_t size);
void memory_unmap_all(struct vgpu *gpu);
bool memory_poison(struct vgpu *gpu, uint64_t vram_offset);
enum ogpu_retire_result memory_retire(struct vgpu *gpu, uint64_t vram_offset);

#endif
