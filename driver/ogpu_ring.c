// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Writing packets into a ring.
 *
 * Nobody checks here whether there is room: ogpu_ring_room() tells.
 */
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "abi/queue.h"
#include "ogpu_ring.h"

/*
 * A job gives its room back when its fence is seen in memory. Hardware may then not yet have
 * stepped over the FENCE packet, so this many bytes are never promised to anyone.
 */
#define OGPU_RING_SLACK		256u

static_assert(sizeof(struct ogpu_pkt_fence) <= OGPU_RING_SLACK);

/**
 * ogpu_ring_init() - set up an empty ring
 * @ring: to set up
 * @mem: memory of the ring
 * @size: bytes of it, power of two
 */
void ogpu_ring_init(struct ogpu_ring *ring, void *mem, u32 size)
{
	ring->mem = mem;
	ring->size = size;
	ring->wptr = 0;
}

/**
 * ogpu_ring_write() - append packets
 * @ring: with enough room
 * @packets: whole packets
 * @bytes: of @packets, multiple of 8, at most the size of the ring
 *
 * Hardware takes no notice before it is given the new @ring->wptr.
 */
void ogpu_ring_write(struct ogpu_ring *ring, const void *packets, u32 bytes)
{
	u32 at = ring->wptr & (ring->size - 1);
	u32 first = min(bytes, ring->size - at);

	memcpy(ring->mem + at, packets, first);
	memcpy(ring->mem, packets + first, bytes - first);
	ring->wptr += bytes;
}

/*
 * Where to put packets together: in the ring, or in @aside if they have to go around its end.
 * ogpu_ring_put() follows.
 */
static void *ogpu_ring_reserve(struct ogpu_ring *ring, void *aside, u32 bytes)
{
	u32 at = ring->wptr & (ring->size - 1);

	return bytes <= ring->size - at ? ring->mem + at : aside;
}

static void ogpu_ring_put(struct ogpu_ring *ring, const void *packets, const void *aside, u32 bytes)
{
	if (packets == aside)
		ogpu_ring_write(ring, packets, bytes);
	else
		ring->wptr += bytes;
}

static void ogpu_pkt_set_fence(struct ogpu_pkt_fence *pkt, u64 operand, u64 value)
{
	pkt->header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_FENCE, OGPU_FENCE_PHYS | OGPU_FENCE_IRQ,
					       sizeof(*pkt)));
	pkt->rsvd = 0;
	pkt->addr = cpu_to_le64(operand);
	pkt->value = cpu_to_le64(value);
}

/**
 * ogpu_ring_write_fence() - append the FENCE packet that ends a job
 * @ring: with enough room
 * @operand: address operand of the fence slot
 * @value: to be stored there when all before it is done
 */
void ogpu_ring_write_fence(struct ogpu_ring *ring, u64 operand, u64 value)
{
	struct ogpu_pkt_fence aside, *pkt = ogpu_ring_reserve(ring, &aside, sizeof(*pkt));

	ogpu_pkt_set_fence(pkt, operand, value);
	ogpu_ring_put(ring, pkt, &aside, sizeof(*pkt));
}

/**
 * ogpu_ring_write_stream() - append a job of user space: an INDIRECT and a FENCE packet
 * @ring: with enough room
 * @va: of the packets to execute
 * @bytes: of them
 * @operand: as for ogpu_ring_write_fence()
 * @value: likewise
 */
void ogpu_ring_write_stream(struct ogpu_ring *ring, u64 va, u32 bytes, u64 operand, u64 value)
{
	struct {
		struct ogpu_pkt_indirect indirect;
		struct ogpu_pkt_fence fence;
	} aside, *pkts = ogpu_ring_reserve(ring, &aside, sizeof(*pkts));

	static_assert(sizeof(aside) == sizeof(aside.indirect) + sizeof(aside.fence));

	ogpu_pkt_set_indirect(&pkts->indirect, va, bytes);
	ogpu_pkt_set_fence(&pkts->fence, operand, value);
	ogpu_ring_put(ring, pkts, &aside, sizeof(*pkts));
}

/**
 * ogpu_ring_write_wait() - append a WAIT packet
 * @ring: with enough room
 * @operand: address operand of 64 bits
 * @value: to wait for, or for any above it
 */
void ogpu_ring_write_wait(struct ogpu_ring *ring, u64 operand, u64 value)
{
	struct ogpu_pkt_wait pkt = {
		.header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_WAIT, OGPU_WAIT_PHYS, sizeof(pkt))),
		.compare = cpu_to_le32(OGPU_COMPARE_GE),
		.addr = cpu_to_le64(operand),
		.value = cpu_to_le64(value),
		.mask = cpu_to_le64(U64_MAX),
	};

	ogpu_ring_write(ring, &pkt, sizeof(pkt));
}

/**
 * ogpu_ring_room() - bytes that may be written
 * @ring: the ring
 * @tail: write pointer behind the last job that is known to be done
 *
 * Return: bytes.
 */
u32 ogpu_ring_room(const struct ogpu_ring *ring, u64 tail)
{
	return ring->size - OGPU_RING_SLACK - (u32)(ring->wptr - tail);
}

/**
 * ogpu_pkt_set_indirect() - fill an INDIRECT packet
 * @pkt: to fill
 * @va: of the packets to execute
 * @bytes: of them
 */
void ogpu_pkt_set_indirect(struct ogpu_pkt_indirect *pkt, u64 va, u32 bytes)
{
	pkt->header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_INDIRECT, OGPU_PKT_BARRIER,
					       sizeof(*pkt)));
	pkt->bytes = cpu_to_le32(bytes);
	pkt->addr = cpu_to_le64(va);
}

/**
 * ogpu_pkt_set_copy() - fill a COPY packet with physical operands
 * @pkt: to fill
 * @src_operand: address operand to read from
 * @dst_operand: address operand to write to
 * @bytes: to copy
 */
void ogpu_pkt_set_copy(struct ogpu_pkt_copy *pkt, u64 src_operand, u64 dst_operand, u64 bytes)
{
	pkt->header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_COPY,
					       OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS |
					       OGPU_PKT_BARRIER, sizeof(*pkt)));
	pkt->rsvd = 0;
	pkt->src = cpu_to_le64(src_operand);
	pkt->dst = cpu_to_le64(dst_operand);
	pkt->bytes = cpu_to_le64(bytes);
}

/**
 * ogpu_pkt_set_copy_lost() - fill a COPY packet that goes on where memory is bad
 * @pkt: to fill
 * @src_operand: address operand to read from
 * @dst_operand: address operand to write to
 * @bytes: to copy
 * @lost_operand: of a word that becomes 1 if zeroes were written for what is lost
 */
void ogpu_pkt_set_copy_lost(struct ogpu_pkt_copy_lost *pkt, u64 src_operand, u64 dst_operand,
			    u64 bytes, u64 lost_operand)
{
	ogpu_pkt_set_copy(&pkt->copy, src_operand, dst_operand, bytes);
	pkt->copy.header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_COPY,
						    OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS |
						    OGPU_COPY_LOST | OGPU_PKT_BARRIER,
						    sizeof(*pkt)));
	pkt->lost = cpu_to_le64(lost_operand);
}

/**
 * ogpu_pkt_set_fill() - fill a FILL packet with a physical operand
 * @pkt: to fill
 * @dst_operand: address operand to write to
 * @bytes: to fill, multiple of 4
 * @pattern: repeated
 */
void ogpu_pkt_set_fill(struct ogpu_pkt_fill *pkt, u64 dst_operand, u64 bytes, u32 pattern)
{
	pkt->header = cpu_to_le32(OGPU_PKT_HDR(OGPU_OP_FILL,
					       OGPU_FILL_DST_PHYS | OGPU_PKT_BARRIER,
					       sizeof(*pkt)));
	pkt->pattern = cpu_to_le32(pattern);
	pkt->dst = cpu_to_le64(dst_operand);
	pkt->bytes = cpu_to_le64(bytes);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_ring_test.c"
#endif
