/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Cards of the same machine find each other's VRAM.
 */
#ifndef OGPU_VGPU_PEERS_H
#define OGPU_VGPU_PEERS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct peers {
	char folder[PATH_MAX];		/* empty: there are no peers */
	char link[PATH_MAX];		/* what tells of this card's VRAM; empty: nothing does */
	long client;			/* process that is the machine */
	uint64_t addr;			/* of BAR 2, 0: off */
};

void peers_init(struct peers *peers, const char *socket_path, int conn);
void peers_fini(struct peers *peers);
void peers_tell(struct peers *peers, uint64_t addr, int vram_fd);
int peers_find(const struct peers *peers, uint64_t addr, uint64_t size);

#endif
