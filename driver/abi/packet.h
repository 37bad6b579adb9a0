/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Ring packets.
 *
 * A packet starts at an 8-byte boundary with a header word and is an even number of 32-bit words
 * long; it may wrap round the end of the ring. Packets of a queue execute in order: all memory
 * effects of one are visible to the next one. Reserved members and flags must be zero, otherwise
 * the queue stops with OGPU_QERR_PACKET. Addresses are VAs of the queue's address space, unless
 * the packet's PHYS flag makes them address operands (addr.h): that is privileged. Privileged
 * packets are accepted only directly from the ring of a queue created with OGPU_QUEUE_PRIVILEGED,
 * never from an indirect buffer.
 */
#ifndef _OGPU_ABI_PACKET_H_
#define _OGPU_ABI_PACKET_H_

#include "types.h"

#define OGPU_PKT_OPCODE		GENMASK(7, 0)
#define OGPU_PKT_FLAGS		GENMASK(15, 8)
#define OGPU_PKT_WORDS		GENMASK(31, 16)	/* 32-bit words, header included; even, not 0 */

#define OGPU_PKT_HDR(opcode, flags, bytes) \
	(FIELD_PREP(OGPU_PKT_OPCODE, opcode) | FIELD_PREP(OGPU_PKT_FLAGS, flags) | \
	 FIELD_PREP(OGPU_PKT_WORDS, (bytes) / 4))

enum ogpu_opcode {
	OGPU_OP_NOP = 0,
	OGPU_OP_INDIRECT = 1,
	OGPU_OP_COPY = 2,
	OGPU_OP_FILL = 3,
	OGPU_OP_WRITE = 4,
	OGPU_OP_FENCE = 5,
	OGPU_OP_WAIT = 6,
	OGPU_OP_TIMESTAMP = 7,
	OGPU_OP_DISPATCH = 8,
	OGPU_OP_CACHE = 9,
	OGPU_OP_TLBI = 10,
};

/* NOP: a header of any length; the words that follow are ignored. Flags must be zero. */

/*
 * INDIRECT: execute the packets in a buffer, then go on. The buffer holds whole packets. Not
 * allowed inside an indirect buffer.
 */
struct ogpu_pkt_indirect {
	__le32 header;
	__le32 bytes;		/* of the buffer, multiple of 8, 1 .. OGPU_INDIRECT_MAX_BYTES */
	__le64 addr;		/* VA, 8-byte aligned, readable */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_indirect, 16);
#define OGPU_INDIRECT_MAX_BYTES	(1u << 24)

/* COPY: source and destination must not overlap. Any alignment; size 0 is allowed. */
struct ogpu_pkt_copy {
	__le32 header;
	__le32 rsvd;
	__le64 src;
	__le64 dst;
	__le64 bytes;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_copy, 32);
#define OGPU_COPY_SRC_PHYS	BIT(0)
#define OGPU_COPY_DST_PHYS	BIT(1)

/* FILL: repeat a 32-bit pattern. Address and size are multiples of 4. */
struct ogpu_pkt_fill {
	__le32 header;
	__le32 pattern;
	__le64 dst;
	__le64 bytes;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_fill, 24);
#define OGPU_FILL_DST_PHYS	BIT(0)

/* WRITE: store the words that follow (an even number, at least 2). Address multiple of 4. */
struct ogpu_pkt_write {
	__le32 header;
	__le32 rsvd;
	__le64 dst;
	__le32 data[];
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_write, 16);

/*
 * FENCE: when everything before it is done and visible, store a 64-bit value (8-byte aligned,
 * single copy atomic) and, with IRQ, put an OGPU_EVENT_FENCE entry into the event ring. IRQ is
 * privileged.
 */
struct ogpu_pkt_fence {
	__le32 header;
	__le32 rsvd;
	__le64 addr;
	__le64 value;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_fence, 24);
#define OGPU_FENCE_PHYS		BIT(0)
#define OGPU_FENCE_IRQ		BIT(1)

/*
 * WAIT: hold the queue until (memory & mask) compares with (value & mask), both unsigned 64 bits.
 * The address is 8-byte aligned. A waiting queue may be taken off its slot.
 */
struct ogpu_pkt_wait {
	__le32 header;
	__le32 compare;		/* enum ogpu_compare */
	__le64 addr;
	__le64 value;
	__le64 mask;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_wait, 32);

enum ogpu_compare {
	OGPU_COMPARE_EQ = 0,
	OGPU_COMPARE_NE = 1,
	OGPU_COMPARE_GE = 2,
	OGPU_COMPARE_LT = 3,
};

/* TIMESTAMP: store the value of GLB_TIME (64 bits, nanoseconds). */
struct ogpu_pkt_timestamp {
	__le32 header;
	__le32 rsvd;
	__le64 addr;		/* 8-byte aligned */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_timestamp, 16);
#define OGPU_TIMESTAMP_PHYS	BIT(0)

/*
 * DISPATCH: run grid[0] * grid[1] * grid[2] workgroups of group[0] * group[1] * group[2] work-items
 * (cu.h says what a work-item sees). A grid with a zero is done at once; a workgroup has at least
 * one work-item and at most what discovery says.
 */
struct ogpu_pkt_dispatch {
	__le32 header;
	__le32 rsvd;
	__le64 entry;		/* VA of the first instruction, 2-byte aligned, executable */
	__le64 args;		/* handed to each work-item in a0; not looked at */
	__le32 grid[3];		/* workgroups */
	__le32 group[3];	/* work-items in a workgroup */
	__le32 local_bytes;	/* local memory of each workgroup, zero at its start */
	__le32 private_bytes;	/* private memory of each work-item, multiple of 16 */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_dispatch, 56);

/*
 * CACHE: write back and/or drop what engines have cached, so that the CPU and other cards see, or
 * have seen, what they should. A fence orders; this makes non-coherent memory visible.
 */
struct ogpu_pkt_cache {
	__le32 header;
	__le32 ops;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_cache, 8);
#define OGPU_CACHE_CLEAN	BIT(0)
#define OGPU_CACHE_INVALIDATE	BIT(1)
#define OGPU_CACHE_CODE		BIT(2)	/* instruction caches of the compute units */

/* TLBI: as the MMU register does, in order with the queue. Privileged. */
struct ogpu_pkt_tlbi {
	__le32 header;
	__le32 asid;		/* 0: all address spaces, and start and end must be zero */
	__le64 start;		/* 4 KiB aligned VAs; both zero: the whole address space */
	__le64 end;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_tlbi, 24);

#endif
