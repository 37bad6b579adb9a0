/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Ring packets.
 *
 * A packet starts at an 8-byte boundary with a header word and is an even number of 32-bit words
 * long; it may wrap round the end of the ring. Packets of a queue start in order; one with BARRIER
 * starts when all before it are complete and their memory effects visible, others may overlap with
 * earlier ones. Reserved members and flags must be zero, otherwise the queue stops with
 * OGPU_QERR_PACKET. Addresses are VAs of the queue's address space, unless the packet's PHYS flag
 * makes them address operands (addr.h): that is privileged. Privileged packets are accepted only
 * directly from the ring of a queue created with OGPU_QUEUE_PRIVILEGED, never from an indirect
 * buffer.
 */
#ifndef _OGPU_ABI_PACKET_H_
#define _OGPU_ABI_PACKET_H_

#include "types.h"

#define OGPU_PKT_OPCODE		GENMASK(7, 0)
#define OGPU_PKT_FLAGS		GENMASK(15, 8)
#define OGPU_PKT_WORDS		GENMASK(31, 16)	/* 32-bit words, header included; even, not 0 */

/*
 * Flags that mean the same in every packet that has them. BARRIER is allowed in all. CARD, in
 * FENCE, WAIT, CACHE, SKIP and ATOMIC: the scope is the engines of this card, otherwise the whole
 * system.
 */
#define OGPU_PKT_BARRIER	BIT(7)
#define OGPU_PKT_CARD		BIT(6)

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
	OGPU_OP_DISPATCH_INDIRECT = 11,
	OGPU_OP_COPY_RECT = 12,
	OGPU_OP_SKIP = 13,
	OGPU_OP_ATOMIC = 14,
	OGPU_OP_COUNTERS = 15,
	OGPU_OPCODES
};

/* NOP: a header of any length; the words that follow are ignored. */

/*
 * INDIRECT: execute the packets in a buffer, then go on. The buffer holds whole packets, among them
 * INDIRECT ones as long as no more than OGPU_INDIRECT_LEVELS buffers are open at a time.
 */
struct ogpu_pkt_indirect {
	__le32 header;
	__le32 bytes;		/* of the buffer, multiple of 8, 1 .. OGPU_INDIRECT_MAX_BYTES */
	__le64 addr;		/* VA, 8-byte aligned, readable */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_indirect, 16);
#define OGPU_INDIRECT_LEVELS	4
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
#define OGPU_COPY_LOST		BIT(2)	/* is struct ogpu_pkt_copy_lost; privileged */

/*
 * COPY with LOST: what cannot be read because of a memory error, nor be poisoned where it is copied
 * to, does not end the queue: zeros are stored there, and 1 in the 64-bit word at lost.
 */
struct ogpu_pkt_copy_lost {
	struct ogpu_pkt_copy copy;
	__le64 lost;		/* address operand, 8-byte aligned */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_copy_lost, 40);

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
 * FENCE: when everything before it is done and visible in its scope, BARRIER or not, store a 64-bit
 * value (8-byte aligned, single copy atomic); then, with IRQ, put an OGPU_EVENT_FENCE entry into
 * the event ring and, with SIGNAL, the queue into the signal ring (event.h). IRQ is privileged.
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
#define OGPU_FENCE_SIGNAL	BIT(2)

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
#define OGPU_WAIT_PHYS		BIT(0)

enum ogpu_compare {
	OGPU_COMPARE_EQ = 0,
	OGPU_COMPARE_NE = 1,
	OGPU_COMPARE_GE = 2,
	OGPU_COMPARE_LT = 3,
};

/*
 * TIMESTAMP: store the value of GLB_TIME (64 bits, nanoseconds) when the packet starts or, with
 * END, when everything before it is complete.
 */
struct ogpu_pkt_timestamp {
	__le32 header;
	__le32 rsvd;
	__le64 addr;		/* 8-byte aligned */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_timestamp, 16);
#define OGPU_TIMESTAMP_PHYS	BIT(0)
#define OGPU_TIMESTAMP_END	BIT(1)

/*
 * COUNTERS: when everything before it is complete, store what the queue has done since it was made
 * (struct ogpu_counters), so that two of them tell what is between them.
 */
struct ogpu_pkt_counters {
	__le32 header;
	__le32 rsvd;
	__le64 addr;		/* 8-byte aligned */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_counters, 16);

/* In the order of enum ogpu_counter; each 64 bits, free-running. What is not counted reads 0. */
struct ogpu_counters {
	__le64 instructions;		/* of work-items */
	__le64 wave_instructions;	/* of waves: for all lanes that execute one together */
	__le64 bytes_read;		/* by load instructions, COPY and COPY_RECT */
	__le64 bytes_written;		/* by store instructions, these, FILL and WRITE */
	__le64 tlb_misses;		/* walks of page tables */
	__le64 cache_misses;
	__le64 wave_ns;			/* time on units, of each wave */
	__le64 workgroups;		/* that have ended */
};
OGPU_ASSERT_SIZE(struct ogpu_counters, 64);

enum ogpu_counter {
	OGPU_COUNTER_INSTRUCTIONS = 0,
	OGPU_COUNTER_WAVE_INSTRUCTIONS = 1,
	OGPU_COUNTER_BYTES_READ = 2,
	OGPU_COUNTER_BYTES_WRITTEN = 3,
	OGPU_COUNTER_TLB_MISSES = 4,
	OGPU_COUNTER_CACHE_MISSES = 5,
	OGPU_COUNTER_WAVE_NS = 6,
	OGPU_COUNTER_WORKGROUPS = 7,
	OGPU_COUNTERS
};

/*
 * DISPATCH: run grid[0] * grid[1] * grid[2] workgroups of group[0] * group[1] * group[2] work-items
 * (cu.h says what a work-item sees). A grid with a zero is done at once; a workgroup has at least
 * one work-item and at most what discovery says. The first workgroup has the ids in base, and total
 * is the number of workgroups that work-items are told, so that a grid can be cut into dispatches
 * without a kernel that could tell. base + grid must not be above total; a zero in total stands for
 * base + grid.
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
	__le32 base[3];		/* workgroups */
	__le32 total[3];	/* workgroups */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_dispatch, 80);

/*
 * DISPATCH_INDIRECT: as DISPATCH, with base and total zero; the grid is in memory (3 times 32 bits,
 * 4-byte aligned), read when the packet starts and each time it goes on.
 */
struct ogpu_pkt_dispatch_indirect {
	__le32 header;
	__le32 rsvd;
	__le64 entry;
	__le64 args;
	__le64 grid;		/* VA */
	__le32 group[3];
	__le32 local_bytes;
	__le32 private_bytes;
	__le32 rsvd2;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_dispatch_indirect, 56);

/*
 * CACHE: write back and/or drop what units keep of a range of CACHED memory and of code. Workgroups
 * and FENCE write back, and DISPATCH drops, without it: it is for workgroups that run beside the
 * packet. Units may do it for more than the range. Both ends zero: everything.
 */
struct ogpu_pkt_cache {
	__le32 header;
	__le32 ops;
	__le64 start;
	__le64 end;		/* VA after the last */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_cache, 24);
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

/*
 * COPY_RECT: copy extent[2] slices of extent[1] rows of extent[0] bytes, at most 2^56 bytes in all.
 * Row y of slice z starts y times the first pitch and z times the second one behind src or dst,
 * modulo 2^64, so that a pitch may be negative. Any alignment. A byte that is both read and
 * written, or written twice, is undefined afterwards.
 */
struct ogpu_pkt_copy_rect {
	__le32 header;
	__le32 rsvd;
	__le64 src;
	__le64 dst;
	__le32 extent[3];
	__le32 rsvd2;
	__le64 src_pitch[2];
	__le64 dst_pitch[2];
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_copy_rect, 72);
#define OGPU_COPY_RECT_MAX_BYTES	(1ull << 56)

/*
 * SKIP: if (memory & mask) compares with (value & mask), as in WAIT, go on that many bytes behind
 * this packet. They must be packets of the same buffer or, in a ring, lie below the write pointer.
 */
struct ogpu_pkt_skip {
	__le32 header;
	__le32 compare;		/* enum ogpu_compare */
	__le64 addr;		/* 8-byte aligned */
	__le64 value;
	__le64 mask;
	__le32 bytes;		/* multiple of 8 */
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_skip, 40);

/*
 * ATOMIC: memory = op(memory, value), indivisible in its scope; naturally aligned. With RETURN what
 * was there before is stored at result as 64 bits, zero-extended. A 32-bit operation takes the low
 * halves of value and compare; the high ones must be zero. compare is zero but for CAS.
 */
struct ogpu_pkt_atomic {
	__le32 header;
	__le32 op;		/* enum ogpu_atomic_op, and WIDE */
	__le64 addr;
	__le64 value;
	__le64 compare;		/* CAS stores value if it finds this */
	__le64 result;		/* 8-byte aligned; zero without RETURN */
};
OGPU_ASSERT_SIZE(struct ogpu_pkt_atomic, 40);
#define OGPU_ATOMIC_RETURN	BIT(0)	/* flag */
#define OGPU_ATOMIC_WIDE	BIT(8)	/* in op: 64 bits, otherwise 32 */

enum ogpu_atomic_op {
	OGPU_ATOMIC_ADD = 0,
	OGPU_ATOMIC_SWAP = 1,
	OGPU_ATOMIC_CAS = 2,
	OGPU_ATOMIC_AND = 3,
	OGPU_ATOMIC_OR = 4,
	OGPU_ATOMIC_XOR = 5,
	OGPU_ATOMIC_MIN = 6,	/* signed */
	OGPU_ATOMIC_MAX = 7,
	OGPU_ATOMIC_MINU = 8,
	OGPU_ATOMIC_MAXU = 9,
	OGPU_ATOMIC_OPS
};

#endif
