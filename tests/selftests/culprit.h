/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues that misbehave: each with a job that fails or never ends, and one behind it that must
 * never be done.
 */
#ifndef _CULPRIT_H_
#define _CULPRIT_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "card.h"

#define CULPRITS	4	/* at a time */

/** enum culprit_kind - what is wrong, and what ends it */
enum culprit_kind {
	CULPRIT_FAULT,
	CULPRIT_PACKET,
	CULPRIT_TRAP,
	CULPRIT_WAIT_TIMEOUT,
	CULPRIT_KERNEL_TIMEOUT,
	CULPRIT_WAIT_KILLED,
	CULPRIT_KERNEL_KILLED,
	CULPRIT_WAIT_DESTROYED,
	CULPRIT_KERNEL_DESTROYED,
	CULPRIT_KINDS,
};

/** struct culprit - one such queue and the fences of its jobs */
struct culprit {
	enum culprit_kind kind;
	uint32_t queue;
	uint32_t done[2];
};

/** struct culprits - those of one address space */
struct culprits {
	struct card *card;
	/** @words: one that nobody writes, and one that must never be written */
	struct buffer words;
	struct buffer code;
	struct stream fault, packet, trap, endless_wait, endless_kernel, never;
	uint64_t save_va[CULPRITS];
	struct culprit culprit[CULPRITS];
	unsigned int count;
	/** @killer: ends those that are to be killed, whatever the others do */
	pthread_t killer;
	int orders[2];
	bool killer_failed;
};

void culprits_open(struct culprits *c, struct card *card);
/* At most CULPRITS before culprits_end(). A syncobj that one of its jobs signals. */
uint32_t culprit_start(struct culprits *c, enum culprit_kind kind);
/* Waits until all have ended; false, and says so, if one did not as it should. */
bool culprits_end(struct culprits *c);
/* A queue with a job that nothing ends for very long. */
uint32_t culprit_for_ever(struct culprits *c, bool kernel);

#endif
