/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The discovery table that the card shows, and where its register blocks are.
 */
#ifndef OGPU_VGPU_DISCOVERY_H
#define OGPU_VGPU_DISCOVERY_H

#include "vgpu.h"

/* Offsets in BAR 0. Software learns them from the table. */
#define BLOCK_GLB	0x00000u
#define BLOCK_BOOT	0x01000u
#define BLOCK_MBOX	0x02000u
#define BLOCK_EVENT	0x03000u
#define BLOCK_MMU	0x04000u
#define BLOCK_DISCOVERY	0x10000u

#define DISCOVERY_ROOM	1024u

struct discovery {
	uint32_t size;

	_Alignas(8) uint8_t table[DISCOVERY_ROOM];
};

void discovery_build(struct discovery *disc, const struct vgpu_config *cfg);

#endif
