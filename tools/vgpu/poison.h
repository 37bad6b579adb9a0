/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pages of VRAM whose content is lost: because cells went bad, or because it was copied from there.
 */
#ifndef OGPU_VGPU_POISON_H
#define OGPU_VGPU_POISON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define POISON_MAX	64u	/* pages at the same time */
#define POISON_PAGE	4096u

struct poison {
	pthread_mutex_t lock;		/* of changes; looking needs none */
	_Atomic uint32_t used;		/* entries that were ever in use */
	_Atomic uint64_t entry[POISON_MAX];	/* page, and POISON_*; 0: free */
};

void poison_init(struct poison *p);
void poison_fini(struct poison *p);
bool poison_find(const struct poison *p, uint64_t addr, uint64_t len);
bool poison_add(struct poison *p, uint64_t addr, bool bad_cells);
bool poison_overwrite(struct poison *p, uint64_t addr);
bool poison_is_bad(struct poison *p, uint64_t addr);
void poison_remove(struct poison *p, uint64_t addr);
unsigned int poison_count(const struct poison *p);

#endif
