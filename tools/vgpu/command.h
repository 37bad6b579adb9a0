/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Inside the command processor: what command.c (the ring, buffers, rules), packets.c and
 * packets_copy.c (what packets do) and late.c (when, on a strict card) share.
 */
#ifndef OGPU_VGPU_COMMAND_H
#define OGPU_VGPU_COMMAND_H

#include "abi/mbox.h"
#include "abi/packet.h"
#include "engines.h"

#define PACKET_FIXED_MAX	80	/* bytes of the longest packet without data */

/* One packet, and where it comes from. */
struct packet {
	unsigned int level;	/* 0: the ring, else that of the indirect buffer */
	uint64_t at;		/* ring position, or VA in an indirect buffer */
	uint32_t bytes;
	uint64_t room;		/* bytes behind it: to the buffer's end or the write pointer */
	uint32_t skip;		/* out: how many of them are not executed */
	uint32_t opcode, flags;
	union {
		uint8_t raw[PACKET_FIXED_MAX];
		uint32_t header;
		struct ogpu_pkt_indirect indirect;
		struct ogpu_pkt_copy copy;
		struct ogpu_pkt_copy_lost copy_lost;
		struct ogpu_pkt_fill fill;
		struct ogpu_pkt_write write;
		struct ogpu_pkt_fence fence;
		struct ogpu_pkt_wait wait;
		struct ogpu_pkt_timestamp timestamp;
		struct ogpu_pkt_dispatch dispatch;
		struct ogpu_pkt_dispatch_indirect dispatch_indirect;
		struct ogpu_pkt_cache cache;
		struct ogpu_pkt_tlbi tlbi;
		struct ogpu_pkt_copy_rect copy_rect;
		struct ogpu_pkt_skip skip;
		struct ogpu_pkt_atomic atomic;
		struct ogpu_pkt_counters counters;
	} u;
};

#define LATE_MAX	8	/* packets that are late at a time, */
#define LATE_BYTES	65536u	/* each of so many bytes at most, */
#define LATE_NS		2000000	/* beside a dispatch for as long as this */
#define LATE_EARLY	4096u	/* bytes of a copy that are read before the dispatch before it */

struct late_packet {
	struct packet packet;
	struct slot_context context;	/* when it was to start */
	enum step (*run)(struct processor *cp, struct packet *p);
};

/* Packets that do not wait for each other: see late.c. */
struct late {
	bool on;
	bool finishing;			/* whatever orders the slot has */
	unsigned int count;
	struct late_packet packet[LATE_MAX];
	bool failed;			/* the first one that did: */
	struct slot_failure failure;
	struct slot_context failed_at;
	struct ogpu_pkt_copy early_packet;
	uint32_t early_bytes;
	uint8_t early[LATE_EARLY];
};

struct processor {
	struct slot *slot;
	const struct slot_queue *queue;
	uint64_t wptr;			/* as last read */
	uint64_t rptr_written;
	struct late late;
};

/* command.c */
enum step command_fail(struct processor *cp, enum ogpu_queue_error error, uint32_t detail);
enum step command_fail_memory(struct processor *cp, const struct mmu_fault *fault,
			      uint32_t detail);
enum step command_operand(struct processor *cp, const struct packet *p, uint64_t addr,
			  uint64_t bytes, bool phys, bool write, uint64_t *result);
enum step command_read(struct processor *cp, const struct packet *p, uint32_t offset, void *buf,
		       size_t len);
enum step command_fetch(struct processor *cp, struct packet *p, uint64_t available);
enum step command_write_rptr(struct processor *cp, uint64_t pos);

/* late.c */
void late_begin(struct processor *cp);
bool late_add(struct processor *cp, const struct packet *p,
	      enum step (*run)(struct processor *cp, struct packet *p));
bool late_pending(const struct processor *cp);
enum step late_finish(struct processor *cp);
enum step late_end(struct processor *cp, enum step step);
void late_peek(struct processor *cp, const struct packet *p);
bool late_take(struct processor *cp, const struct packet *p, uint64_t dst, struct mmu_fault *fault);

/* packets.c */
enum step packet_write(struct processor *cp, struct packet *p);
enum step packet_fence(struct processor *cp, struct packet *p);
enum step packet_wait(struct processor *cp, struct packet *p);
enum step packet_skip(struct processor *cp, struct packet *p);
enum step packet_atomic(struct processor *cp, struct packet *p);
enum step packet_timestamp(struct processor *cp, struct packet *p);
enum step packet_counters(struct processor *cp, struct packet *p);
enum step packet_dispatch(struct processor *cp, struct packet *p);
enum step packet_dispatch_indirect(struct processor *cp, struct packet *p);
enum step packet_cache(struct processor *cp, struct packet *p);
enum step packet_tlbi(struct processor *cp, struct packet *p);

/* packets_copy.c */
enum step packet_copy(struct processor *cp, struct packet *p);
enum step packet_fill(struct processor *cp, struct packet *p);
enum step packet_copy_rect(struct processor *cp, struct packet *p);

#endif
