/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * TLB invalidations: what they name, the queue behind the TLBI register, and the log from which
 * each MMU learns what to drop.
 *
 * The log is written while nobody is inside the memory bracket and read inside it. An MMU that has
 * fallen behind by more than the log keeps drops everything.
 */
#ifndef OGPU_VGPU_TLBI_H
#define OGPU_VGPU_TLBI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/regs.h"

struct vgpu;

#define TLBI_LOG	64u

/* Translations of which any part lies in [start, end) of an address space. */
struct tlbi {
	uint32_t asid;		/* 0: of all */
	uint64_t start, end;	/* both 0: all of it */
};

struct tlbi_log {
	uint64_t count;			/* invalidations so far; the n-th is at n % TLBI_LOG */
	struct tlbi entry[TLBI_LOG];
};

/* Invalidations that the host has started, in order. */
struct tlbi_queue {
	pthread_mutex_t lock;		/* of all that follows */
	uint32_t started, done;		/* free-running; the n-th waits at n % depth */
	struct tlbi_request {
		struct tlbi what;
		bool notify;
	} waiting[OGPU_MMU_TLBI_DEPTH];
};

void tlbi_init(struct tlbi_queue *queue);
void tlbi_fini(struct tlbi_queue *queue);
void tlbi_reset(struct tlbi_queue *queue);
bool tlbi_start(struct tlbi_queue *queue, const struct tlbi *what, bool notify);
void tlbi_counts(struct tlbi_queue *queue, uint32_t *started, uint32_t *done);
void tlbi_run(struct vgpu *gpu);

static inline void tlbi_log_add(struct tlbi_log *log, const struct tlbi *what, unsigned int count)
{
	while (count--)
		log->entry[log->count++ % TLBI_LOG] = *what++;
}

/* True if an invalidation names any of the bytes [first, last] of an address space. */
static inline bool tlbi_covers(const struct tlbi *what, uint32_t asid, uint64_t first,
			       uint64_t last)
{
	if (what->asid && what->asid != asid)
		return false;
	return !(what->start | what->end) || (first < what->end && last >= what->start);
}

#endif
