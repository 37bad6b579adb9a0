/* SPDX-License-Identifier: MIT */
/*
 * What the card reads and writes in a program's memory: packets, counters, the control page of a
 * queue, and the save area. Part of the interface that ogpu_drm.h describes, which includes it.
 */
#ifndef _OGPU_PACKET_H_
#define _OGPU_PACKET_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------
 * Packets
 *
 * DOC: Packets
 *
 * A stream is a sequence of packets. All words are little-endian. The first 32-bit word of each is
 * the header: bits 7:0 opcode, 15:8 flags, 31:16 the size of the packet in 32-bit words, header
 * included. DRM_OGPU_PKT() makes one without flags. Every packet begins at a multiple of 8 bytes
 * and is a multiple of 8 bytes long. Members called reserved, flags that are not named for a
 * packet, and unused bits of members must be zero. The stream ends after stream_bytes; there is no
 * packet for its end. The stream itself and what packets read must be mapped with
 * DRM_OGPU_BIND_READ, what they write with DRM_OGPU_BIND_WRITE, what ATOMIC changes with both. A
 * bad packet stops the queue (&enum drm_ogpu_queue_error) and nothing else.
 *
 * Packets of a queue start in order. One with DRM_OGPU_PKT_BARRIER starts when all before it are
 * complete and what they wrote is visible to it; without, it may run at the same time as packets
 * before it. A FENCE, BARRIER or not, stores its value when all before it are complete. A job
 * begins after all packets of the job before it.
 *
 * Privileged are the opcode 10 (invalidation of translations; with another length than its 24 bytes
 * it is ERR_PACKET as any packet), the flag IRQ (1 << 1) of FENCE, and
 * the flags PHYS and LOST: 1 << 0 of FILL, FENCE, WAIT and TIMESTAMP, 1 << 0 to 1 << 2 of COPY.
 * They are for the kernel's rings; elsewhere they stop the queue with
 * DRM_OGPU_QUEUE_ERR_PRIVILEGE.
 */
#define DRM_OGPU_PKT(opcode, bytes)	((__u32)(opcode) | (__u32)((bytes) / 4) << 16)
/** @DRM_OGPU_PKT_BARRIER: to be ORed into any header */
#define DRM_OGPU_PKT_BARRIER		(1u << 15)
/*
 * To be ORed into the header of FENCE, WAIT, CACHE, SKIP or ATOMIC: only engines of this card have
 * to see the effect, or are waited for; without, the CPU and other cards as well.
 */
/** @DRM_OGPU_PKT_CARD: see above */
#define DRM_OGPU_PKT_CARD		(1u << 14)

/** @DRM_OGPU_PKT_NOP: a header of any length; what follows it is ignored */
#define DRM_OGPU_PKT_NOP	0
/** @DRM_OGPU_PKT_INDIRECT: &struct drm_ogpu_pkt_indirect */
#define DRM_OGPU_PKT_INDIRECT	1
/** @DRM_OGPU_PKT_COPY: &struct drm_ogpu_pkt_copy */
#define DRM_OGPU_PKT_COPY	2
/** @DRM_OGPU_PKT_FILL: &struct drm_ogpu_pkt_fill */
#define DRM_OGPU_PKT_FILL	3
/** @DRM_OGPU_PKT_WRITE: &struct drm_ogpu_pkt_write */
#define DRM_OGPU_PKT_WRITE	4
/** @DRM_OGPU_PKT_FENCE: &struct drm_ogpu_pkt_fence */
#define DRM_OGPU_PKT_FENCE	5
/** @DRM_OGPU_PKT_WAIT: &struct drm_ogpu_pkt_wait */
#define DRM_OGPU_PKT_WAIT	6
/** @DRM_OGPU_PKT_TIMESTAMP: &struct drm_ogpu_pkt_timestamp */
#define DRM_OGPU_PKT_TIMESTAMP	7
/** @DRM_OGPU_PKT_DISPATCH: &struct drm_ogpu_pkt_dispatch; compute queues only */
#define DRM_OGPU_PKT_DISPATCH	8
/** @DRM_OGPU_PKT_CACHE: &struct drm_ogpu_pkt_cache */
#define DRM_OGPU_PKT_CACHE	9
/** @DRM_OGPU_PKT_DISPATCH_INDIRECT: &struct drm_ogpu_pkt_dispatch_indirect; compute queues only */
#define DRM_OGPU_PKT_DISPATCH_INDIRECT	11
/** @DRM_OGPU_PKT_COPY_RECT: &struct drm_ogpu_pkt_copy_rect */
#define DRM_OGPU_PKT_COPY_RECT	12
/** @DRM_OGPU_PKT_SKIP: &struct drm_ogpu_pkt_skip */
#define DRM_OGPU_PKT_SKIP	13
/** @DRM_OGPU_PKT_ATOMIC: &struct drm_ogpu_pkt_atomic */
#define DRM_OGPU_PKT_ATOMIC	14
/** @DRM_OGPU_PKT_COUNTERS: &struct drm_ogpu_pkt_counters */
#define DRM_OGPU_PKT_COUNTERS	15

/** @DRM_OGPU_INDIRECT_LEVELS: most buffers of packets open at a time, a job's stream included */
#define DRM_OGPU_INDIRECT_LEVELS	4
/** @DRM_OGPU_INDIRECT_MAX_BYTES: most bytes of such a buffer */
#define DRM_OGPU_INDIRECT_MAX_BYTES	(1u << 24)

/** struct drm_ogpu_pkt_indirect - execute the packets of another buffer, then go on */
struct drm_ogpu_pkt_indirect {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_INDIRECT, 16) */
	__u32 header;
	/** @bytes: of whole packets, multiple of 8, 8 .. DRM_OGPU_INDIRECT_MAX_BYTES */
	__u32 bytes;
	/** @addr: GPU address of the first one, multiple of 8 */
	__u64 addr;
};

/**
 * struct drm_ogpu_pkt_copy - copy bytes; any alignment
 *
 * Ranges of addresses that overlap stop the queue with DRM_OGPU_QUEUE_ERR_PACKET, and nothing is
 * copied. If the same memory is mapped at both, its content is undefined afterwards.
 */
struct drm_ogpu_pkt_copy {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_COPY, 32) */
	__u32 header;
	/** @reserved: zero */
	__u32 reserved;
	/** @src: GPU address */
	__u64 src;
	/** @dst: GPU address */
	__u64 dst;
	/** @bytes: may be 0 */
	__u64 bytes;
};

/** struct drm_ogpu_pkt_fill - fill with a 32-bit pattern */
struct drm_ogpu_pkt_fill {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_FILL, 24) */
	__u32 header;
	/** @pattern: repeated */
	__u32 pattern;
	/** @dst: GPU address, multiple of 4 */
	__u64 dst;
	/** @bytes: multiple of 4 */
	__u64 bytes;
};

/** struct drm_ogpu_pkt_write - store words that stand in the packet itself */
struct drm_ogpu_pkt_write {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_WRITE, 16 + 4 * words), words even and at least 2 */
	__u32 header;
	__u32 reserved;
	/** @dst: GPU address, multiple of 4; the words follow this member */
	__u64 dst;
};

/** @DRM_OGPU_FENCE_SIGNAL: ORed into a FENCE's header: then wake who waits for the queue */
#define DRM_OGPU_FENCE_SIGNAL		(1u << 10)

/** struct drm_ogpu_pkt_fence - store a 64-bit value when all before it is done and visible */
struct drm_ogpu_pkt_fence {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE, 24) */
	__u32 header;
	__u32 reserved;
	/** @addr: GPU address, multiple of 8 */
	__u64 addr;
	/** @value: to store */
	__u64 value;
};

/** enum drm_ogpu_compare - a condition, both sides unsigned 64 bits */
enum drm_ogpu_compare {
	DRM_OGPU_COMPARE_EQ = 0,
	DRM_OGPU_COMPARE_NE = 1,
	DRM_OGPU_COMPARE_GE = 2,
	DRM_OGPU_COMPARE_LT = 3,
};

/**
 * struct drm_ogpu_pkt_wait - hold the queue until (memory & mask) compares with (value & mask)
 *
 * What the card stores is noticed at once, what the CPU or another card stores after some
 * milliseconds. While it waits the queue may lose its place on the hardware to others.
 */
struct drm_ogpu_pkt_wait {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_WAIT, 32) */
	__u32 header;
	/** @compare: &enum drm_ogpu_compare */
	__u32 compare;
	/** @addr: GPU address, multiple of 8 */
	__u64 addr;
	/** @value: right side */
	__u64 value;
	/** @mask: bits that count */
	__u64 mask;
};

/** @DRM_OGPU_TIMESTAMP_END: ORed into a header: the time when everything before it is complete */
#define DRM_OGPU_TIMESTAMP_END		(1u << 9)

/** struct drm_ogpu_pkt_timestamp - store the GPU clock, 64 bits, nanoseconds */
struct drm_ogpu_pkt_timestamp {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_TIMESTAMP, 16) */
	__u32 header;
	__u32 reserved;
	/** @addr: GPU address, multiple of 8 */
	__u64 addr;
};

/**
 * struct drm_ogpu_pkt_counters - store what the queue has done, when everything before is complete
 *
 * Two of them tell what has been done between.
 */
struct drm_ogpu_pkt_counters {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_COUNTERS, 16) */
	__u32 header;
	/** @reserved: zero */
	__u32 reserved;
	/** @addr: GPU address, multiple of 8, of a &struct drm_ogpu_counters */
	__u64 addr;
};

/**
 * struct drm_ogpu_counters - what the jobs of a queue have done since it was made
 *
 * Of this queue alone, whatever others do at the same time. What a card does not count stays 0.
 */
struct drm_ogpu_counters {
	/** @instructions: that work-items have executed */
	__u64 instructions;
	/** @wave_instructions: likewise, one for all work-items that execute it together */
	__u64 wave_instructions;
	/** @bytes_read: by load and atomic instructions, any memory, and by COPY and COPY_RECT */
	__u64 bytes_read;
	/** @bytes_written: by store and atomic instructions, these packets, FILL and WRITE */
	__u64 bytes_written;
	/** @tlb_misses: addresses for which page tables were read */
	__u64 tlb_misses;
	/**
	 * @cache_misses: accesses that found nothing in a cache of data; 0 where units have none,
	 * as those of a virtual GPU that is not strict
	 */
	__u64 cache_misses;
	/**
	 * @wave_ns: time of each wave on compute units; divided by the time it took, how many there
	 * were at a time
	 */
	__u64 wave_ns;
	/** @workgroups: that have ended */
	__u64 workgroups;
};

/**
 * struct drm_ogpu_pkt_dispatch - run a compute kernel
 *
 * Runs grid[0] * grid[1] * grid[2] workgroups of group[0] * group[1] * group[2] work-items. A grid
 * with a zero does nothing; a group has at least one work-item. Asking for more than
 * &struct drm_ogpu_query_device offers stops the queue with DRM_OGPU_QUEUE_ERR_DISPATCH.
 *
 * A grid may be cut into several dispatches without a kernel that could tell: @base is the id of
 * the first group, @total what work-items are told as the number of groups.
 *
 * A work-item is an RV64IMAFDC (lp64d) hart with Zicsr and Zifencei in user mode: at its start pc
 * is @entry, a0 is @args, sp is the end of its private memory (the stack), ra is an address that
 * ends the work-item when jumped to, so that the entry is an ordinary C function void
 * kernel(struct my_args *args); all other registers are zero. Pointers are GPU addresses; local
 * memory of the workgroup starts at 0x0001000000000000, private memory at 0x0002000000000000.
 * Private memory ends at sp: @private_bytes of the dispatch down from there. Plain loads and
 * stores may be misaligned, atomics may not; they work on local memory, too. LR and SC are a
 * compare-and-swap: SC does not notice a value that changed and changed back. fflags need not
 * accumulate.
 *
 * ecall is the barrier of the workgroup: it waits for all work-items of the group that have not
 * ended, orders memory among them, and changes no register. A work-item that spins for another one
 * of its group may spin for ever. Read-only CSRs tell ids (0xcc0..2 global id, 0xcc3..5 local id,
 * 0xcc6..8 group id, 0xcc9..b group size, 0xccc..e number of groups, x y z each; 0xccf is
 * @local_bytes). ogpu_kernel.h of libogpu wraps them.
 */
struct drm_ogpu_pkt_dispatch {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, 80) */
	__u32 header;
	/** @reserved: zero */
	__u32 reserved;
	/** @entry: GPU address of the first instruction, even; mapped with DRM_OGPU_BIND_EXEC */
	__u64 entry;
	/** @args: passed to the kernel in a0 */
	__u64 args;
	/** @grid: workgroups in x, y, z */
	__u32 grid[3];
	/** @group: work-items of a workgroup in x, y, z; only their product is limited */
	__u32 group[3];
	/** @local_bytes: local memory of each workgroup, zero at its start */
	__u32 local_bytes;
	/**
	 * @private_bytes: stack and private memory of each work-item, multiple of 16, undefined at
	 * its start; may be 0 for a kernel without a stack
	 */
	__u32 private_bytes;
	/** @base: group id of the first workgroup in x, y, z; 0 if the grid is whole */
	__u32 base[3];
	/** @total: number of groups of the whole grid, at least @base + @grid; 0 stands for that */
	__u32 total[3];
};

/**
 * struct drm_ogpu_pkt_dispatch_indirect - run a compute kernel whose grid stands in memory
 *
 * As &struct drm_ogpu_pkt_dispatch with base and total zero. Memory must hold the grid until the
 * packet is complete.
 */
struct drm_ogpu_pkt_dispatch_indirect {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH_INDIRECT, 56) */
	__u32 header;
	/** @reserved: zero */
	__u32 reserved;
	/** @entry: as for DISPATCH */
	__u64 entry;
	/** @args: as for DISPATCH */
	__u64 args;
	/** @grid: GPU address, multiple of 4, of three 32-bit words: workgroups in x, y, z */
	__u64 grid;
	/** @group: as for DISPATCH */
	__u32 group[3];
	/** @local_bytes: as for DISPATCH */
	__u32 local_bytes;
	/** @private_bytes: as for DISPATCH */
	__u32 private_bytes;
	/** @reserved2: zero */
	__u32 reserved2;
};

/**
 * struct drm_ogpu_pkt_copy_rect - copy rows of bytes, and slices of rows
 *
 * Byte x of row y of slice z is at the address + z * pitch[1] + y * pitch[0] + x, modulo 2^64, so a
 * pitch may be negative. Any alignment. A byte that is both read and written, or written twice, is
 * undefined afterwards.
 */
struct drm_ogpu_pkt_copy_rect {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_COPY_RECT, 72) */
	__u32 header;
	/** @reserved: zero */
	__u32 reserved;
	/** @src: GPU address */
	__u64 src;
	/** @dst: GPU address */
	__u64 dst;
	/** @extent: bytes of a row, rows of a slice, slices; at most 2^56 bytes in all */
	__u32 extent[3];
	/** @reserved2: zero */
	__u32 reserved2;
	/** @src_pitch: bytes from one row to the next, and from one slice to the next */
	__u64 src_pitch[2];
	/** @dst_pitch: likewise */
	__u64 dst_pitch[2];
};

/**
 * struct drm_ogpu_pkt_skip - if (memory & mask) compares with (value & mask), leave out packets
 *
 * Goes on @bytes behind the end of this packet, which must not be behind the end of the buffer that
 * it stands in; in a ring not behind the write pointer.
 */
struct drm_ogpu_pkt_skip {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_SKIP, 40) */
	__u32 header;
	/** @compare: &enum drm_ogpu_compare */
	__u32 compare;
	/** @addr: GPU address, multiple of 8 */
	__u64 addr;
	/** @value: right side */
	__u64 value;
	/** @mask: bits that count */
	__u64 mask;
	/** @bytes: to leave out, multiple of 8: whole packets */
	__u32 bytes;
	/** @reserved: zero */
	__u32 reserved;
};

/** enum drm_ogpu_atomic - what an ATOMIC stores */
enum drm_ogpu_atomic {
	DRM_OGPU_ATOMIC_ADD = 0,
	DRM_OGPU_ATOMIC_SWAP = 1,
	/** @DRM_OGPU_ATOMIC_CAS: value if memory is equal to compare */
	DRM_OGPU_ATOMIC_CAS = 2,
	DRM_OGPU_ATOMIC_AND = 3,
	DRM_OGPU_ATOMIC_OR = 4,
	DRM_OGPU_ATOMIC_XOR = 5,
	/** @DRM_OGPU_ATOMIC_MIN: signed */
	DRM_OGPU_ATOMIC_MIN = 6,
	DRM_OGPU_ATOMIC_MAX = 7,
	/** @DRM_OGPU_ATOMIC_MINU: unsigned */
	DRM_OGPU_ATOMIC_MINU = 8,
	DRM_OGPU_ATOMIC_MAXU = 9,
};

/** @DRM_OGPU_ATOMIC_WIDE: to be ORed into the operation: 64 bits, otherwise 32 */
#define DRM_OGPU_ATOMIC_WIDE		(1u << 8)
/** @DRM_OGPU_ATOMIC_RETURN: ORed into an ATOMIC's header: store what was there before */
#define DRM_OGPU_ATOMIC_RETURN		(1u << 8)

/** struct drm_ogpu_pkt_atomic - change a word of memory in one indivisible step */
struct drm_ogpu_pkt_atomic {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_ATOMIC, 40) */
	__u32 header;
	/** @op: &enum drm_ogpu_atomic */
	__u32 op;
	/** @addr: GPU address, a multiple of the operation's size */
	__u64 addr;
	/** @value: right side; below 2^32 for 32 bits, also if it means a negative number */
	__u64 value;
	/** @compare: for CAS, likewise; otherwise zero */
	__u64 compare;
	/** @result: with RETURN: GPU address, multiple of 8, of 64 bits; otherwise zero */
	__u64 result;
};

/** @DRM_OGPU_CACHE_CLEAN: write back data that engines have cached */
#define DRM_OGPU_CACHE_CLEAN		(1u << 0)
/** @DRM_OGPU_CACHE_INVALIDATE: drop data that engines have cached */
#define DRM_OGPU_CACHE_INVALIDATE	(1u << 1)
/*
 * CODE is needed, also between jobs, before code that has been executed is executed again after a
 * job or the CPU has changed it in place. Not needed for what has been mapped since.
 */
/** @DRM_OGPU_CACHE_CODE: drop cached instructions */
#define DRM_OGPU_CACHE_CODE		(1u << 2)

/**
 * struct drm_ogpu_pkt_cache - cache maintenance; jobs begin and end coherent without it, but for
 * code
 *
 * Of the addresses from @start up to @end; engines may do it for more. Both zero: of everything.
 */
struct drm_ogpu_pkt_cache {
	/** @header: DRM_OGPU_PKT(DRM_OGPU_PKT_CACHE, 24) */
	__u32 header;
	/** @ops: DRM_OGPU_CACHE_* */
	__u32 ops;
	/** @start: GPU address */
	__u64 start;
	/** @end: GPU address after the last byte */
	__u64 end;
};

/* ---------------------------------------------------------------------------------------------
 * Control page
 */

/** enum drm_ogpu_queue_run_state - how a queue stands */
enum drm_ogpu_queue_run_state {
	/** @DRM_OGPU_QUEUE_IDLE: its ring is empty */
	DRM_OGPU_QUEUE_IDLE = 0,
	/** @DRM_OGPU_QUEUE_READY: it has work and waits for the hardware */
	DRM_OGPU_QUEUE_READY = 1,
	/** @DRM_OGPU_QUEUE_RUNNING: it has the hardware */
	DRM_OGPU_QUEUE_RUNNING = 2,
	/** @DRM_OGPU_QUEUE_FAILED: it executes nothing more */
	DRM_OGPU_QUEUE_FAILED = 3,
	/** @DRM_OGPU_QUEUE_WAITING: in a WAIT packet */
	DRM_OGPU_QUEUE_WAITING = 4,
	/** @DRM_OGPU_QUEUE_SUSPENDED: by the kernel, for a moment */
	DRM_OGPU_QUEUE_SUSPENDED = 5,
	/**
	 * @DRM_OGPU_QUEUE_FAULTED: at a memory fault that the kernel is mending: only in address
	 * spaces with DRM_OGPU_VM_SVM
	 */
	DRM_OGPU_QUEUE_FAULTED = 6,
};

/**
 * struct drm_ogpu_queue_control - control page of a queue, written by the card
 *
 * It changes when the queue gets the hardware or leaves it, fails, or is suspended, and at least
 * every 50 ms while it runs. @seq is odd while it is written: read it, then the rest, then @seq
 * again, and begin anew if it was odd or has changed. What has no meaning at the moment may have
 * any value.
 */
struct drm_ogpu_queue_control {
	/** @seq: see above */
	__u32 seq;
	/** @state: &enum drm_ogpu_queue_run_state */
	__u32 state;
	/** @switches: times that it was given the hardware */
	__u32 switches;
	/**
	 * @error: as in &struct drm_ogpu_queue_get_state, which is right also about what the card
	 * did not notice, such as a timeout
	 */
	__u32 error;
	/** @fault_va: of a memory fault */
	__u64 fault_va;
	/** @packet: read pointer of the ring at the packet to blame */
	__u64 packet;
	/** @pc: of the work-item to blame, 0 if there is none */
	__u64 pc;
	/** @asid: for people */
	__u16 asid;
	/** @access: &enum drm_ogpu_access of a memory fault */
	__u8 access;
	/** @reason: &enum drm_ogpu_fault_reason of a memory fault */
	__u8 reason;
	/** @detail: as in &struct drm_ogpu_queue_get_state */
	__u32 detail;
	/** @busy_ns: time in which it had the hardware and did not wait in a WAIT packet */
	__u64 busy_ns;
	/** @waited_ns: time in which it had work and waited for the hardware */
	__u64 waited_ns;
	/** @unit_ns: time in which it had a compute unit, or did what needs none */
	__u64 unit_ns;
	/** @now_ns: GPU clock when this was written */
	__u64 now_ns;
	/** @pos: read pointer, unless it has the hardware */
	__u64 pos;
	/** @context: how far the packet at @pos is: bytes of buffers, groups or bytes done */
	__u32 context[6];
	/** @held: workgroups in the save area, unless it has the hardware */
	__u32 held;
	/** @reserved: for later */
	__u32 reserved[3];
};

/* ---------------------------------------------------------------------------------------------
 * Save area
 */

/** enum drm_ogpu_save_state - what is in a frame of a save area */
enum drm_ogpu_save_state {
	/** @DRM_OGPU_SAVE_FREE: no workgroup */
	DRM_OGPU_SAVE_FREE = 0,
	/** @DRM_OGPU_SAVE_HELD: a workgroup that was under way */
	DRM_OGPU_SAVE_HELD = 1,
};

/**
 * struct drm_ogpu_save_group - start of a frame of a save area
 *
 * When a queue fails or is killed in a DISPATCH, the card writes the workgroups that were under way
 * into its save area, for who wants to know where they stood. @held of
 * &struct drm_ogpu_queue_get_state says how many; if it is 0 the area means nothing. Frames follow
 * one another; all have the size that &struct drm_ogpu_queue_create tells, for the lanes, waves,
 * local and private memory that each header has. With R(x) as there, a frame has
 *
 * - this header;
 * - local memory, from byte 256 on;
 * - from 256 + R(local_bytes) on the waves, each save_wave_bytes long: x0 to x31 and f0 to f31,
 *   each of all lanes, 64 bits; the program counter of each lane, 64 bits;
 *   &struct drm_ogpu_save_wave; frm of each lane, a byte;
 * - then private memory, of one wave after the other: the 8 bytes at offset 8 * g of lane n are the
 *   (g * lanes + n)-th.
 *
 * In the wave of the work-item to blame the program counter of its lane is @pc of the state. The
 * area is the program's memory as before.
 */
struct drm_ogpu_save_group {
	/** @state: &enum drm_ogpu_save_state */
	__u32 state;
	/** @waves: of the workgroup */
	__u32 waves;
	/** @group: number of the workgroup in its DISPATCH, x running fastest */
	__u64 group;
	/** @local_bytes: local memory */
	__u32 local_bytes;
	/** @private_bytes: private memory of each work-item */
	__u32 private_bytes;
	/** @lanes: of a wave, whether they have a work-item or not */
	__u32 lanes;
	/** @reserved0: zero */
	__u32 reserved0;
	/** @instructions: what its work-items read as cycle */
	__u64 instructions;
	/** @reserved: zero */
	__u32 reserved[54];
};

/** struct drm_ogpu_save_wave - which lanes of a wave there are; see &struct drm_ogpu_save_group */
struct drm_ogpu_save_wave {
	/** @live: a bit for each lane whose work-item has not ended */
	__u64 live;
	/** @barrier: those of them that wait at a barrier */
	__u64 barrier;
	__u64 reserved[2];
};

#if defined(__cplusplus)
}
#endif

#endif
