/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rings of mailbox messages in memory that the other side can write at any time.
 *
 * Pure code on memory: knows neither hardware nor locks. The caller serialises uses of a ring.
 */
#ifndef _OGPU_MBOX_RING_H_
#define _OGPU_MBOX_RING_H_

#include <linux/types.h>

#include "abi/mbox.h"

/**
 * struct ogpu_mbox_ring - one ring, seen from the driver
 */
struct ogpu_mbox_ring {
	/** @slots: the messages */
	struct ogpu_msg *slots;
	/** @ours: counter that the driver publishes: of requests written or messages read */
	__le32 *ours;
	/** @theirs: counter that firmware publishes */
	const __le32 *theirs;
	/** @entries: number of slots, a power of two */
	u32 entries;
	/** @count: the driver's own counter; what stands in shared memory is never read back */
	u32 count;
};

int ogpu_mbox_ring_push(struct ogpu_mbox_ring *ring, const struct ogpu_msg *msg);
int ogpu_mbox_ring_pop(struct ogpu_mbox_ring *ring, struct ogpu_msg *msg);
bool ogpu_mbox_msg_complete(const struct ogpu_msg *msg);
size_t ogpu_mbox_log_copy(const u8 *log, u32 log_size, u32 wptr, char *buf);

#endif
