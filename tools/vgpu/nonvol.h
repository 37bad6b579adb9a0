/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What outlives power: the fuses of the boot ROM, and which pages of VRAM lie in spare ones.
 */
#ifndef OGPU_VGPU_NONVOL_H
#define OGPU_VGPU_NONVOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/regs.h"

#define NONVOL_KEY_SIZE	32u		/* Ed25519 public key */
#define NONVOL_SPARES	64u		/* spare pages of VRAM when the card was made */

struct nonvol {
	const char *path;		/* file that keeps it, NULL: lost when the process ends */
	pthread_mutex_t lock;		/* of all that follows */
	uint32_t svn;
	unsigned int revoked;		/* bit mask of key slots */
	unsigned int keys;		/* slots 0 .. keys - 1 hold one */
	unsigned int retired_count;
	uint64_t retired[NONVOL_SPARES];	/* VRAM offsets of pages that lie in spare ones */
	uint8_t key[OGPU_BOOT_KEY_SLOTS][NONVOL_KEY_SIZE];
};

#define NONVOL_INITIALIZER	{ .lock = PTHREAD_MUTEX_INITIALIZER }

bool nonvol_open(struct nonvol *nv, const char *path);
uint32_t nonvol_svn(struct nonvol *nv);
void nonvol_set_svn(struct nonvol *nv, uint32_t svn);
void nonvol_commit_svn(struct nonvol *nv, uint32_t svn, uint32_t limit);
bool nonvol_fuse_key(struct nonvol *nv, const uint8_t key[NONVOL_KEY_SIZE]);
void nonvol_set_revoked(struct nonvol *nv, unsigned int slots);
uint32_t nonvol_keys(struct nonvol *nv);
bool nonvol_key(struct nonvol *nv, unsigned int slot, uint8_t key[NONVOL_KEY_SIZE], bool *revoked);
bool nonvol_retire(struct nonvol *nv, uint64_t page);
unsigned int nonvol_spares(struct nonvol *nv);

#endif
