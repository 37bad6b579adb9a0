/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Writing packets into a ring. Pure: touches nothing but the ring's memory; KUnit runs it.
 */
#ifndef _OGPU_RING_H_
#define _OGPU_RING_H_

#include <linux/types.h>

#include "abi/packet.h"

/**
 * struct ogpu_ring - the write side of a ring (abi/queue.h)
 */
struct ogpu_ring {
	/** @mem: @size bytes, read by hardware */
	void *mem;
	/** @size: bytes, power of two */
	u32 size;
	/** @wptr: free-running byte count of what was written */
	u64 wptr;
};

/* What a job needs beside its own packets: the FENCE that ends it. */
#define OGPU_RING_FENCE_BYTES	((u32)sizeof(struct ogpu_pkt_fence))

void ogpu_ring_init(struct ogpu_ring *ring, void *mem, u32 size);
void ogpu_ring_write(struct ogpu_ring *ring, const void *packets, u32 bytes);
void ogpu_ring_write_fence(struct ogpu_ring *ring, u64 operand, u64 value);
void ogpu_ring_write_stream(struct ogpu_ring *ring, u64 va, u32 bytes, u64 operand, u64 value);
void ogpu_ring_write_wait(struct ogpu_ring *ring, u64 operand, u64 value);
u32 ogpu_ring_room(const struct ogpu_ring *ring, u64 tail);

void ogpu_pkt_set_indirect(struct ogpu_pkt_indirect *pkt, u64 va, u32 bytes);
void ogpu_pkt_set_copy(struct ogpu_pkt_copy *pkt, u64 src_operand, u64 dst_operand, u64 bytes);
void ogpu_pkt_set_copy_lost(struct ogpu_pkt_copy_lost *pkt, u64 src_operand, u64 dst_operand,
			    u64 bytes, u64 lost_operand);
void ogpu_pkt_set_fill(struct ogpu_pkt_fill *pkt, u64 dst_operand, u64 bytes, u32 pattern);

#endif
