/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Inside the command processor: what command.c (the ring, buffers, rules) and packets.c and
 * packets_copy.c (what packets do) share.
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
	} u;
};

struct processor {
	struct slot *slot;
	const struct slot_queue *queue;
	uint64_t wptr;			/* as last read */
	uint64_t rptr_written;
};

/* command.c */
enum step command_fail(struct processor *cp, enum ogpu_queue_error error, uint32_t detail);
enum step command_fail_memory(struct processor *cp, const struct mmu_fault *fault,
			      uint32_t detail);
enum step command_operand(struct processor *cp, const struct packet *p, uint64_t addr,
			  uint64_t bytes, bool phys, bool write, uint64_t *result);
enum step command_read(struct processor *cp, const struct packet *p, uint32_t offset, void *buf,
		       size_t len);
enum step command_write_rptr(struct processor *cp, uint64_t pos);

/* packets.c */
enum step packet_write(struct processor *cp, struct packet *p);
enum step packet_fence(struct processor *cp, struct packet *p);
enum step packet_wait(struct processor *cp, struct packet *p);
enum step packet_skip(struct processor *cp, struct packet *p);
enum step packet_atomic(struct processor *cp, struct packet *p);
enum step packet_timestamp(struct processor *cp, struct packet *p);
enum step packet_dispatch(struct processor *cp, struct packet *p);
enum step packet_dispatch_indirect(struct processor *cp, struct packet *p);
enum step packet_cache(struct processor *cp, struct packet *p);
enum step packet_tlbi(struct processor *cp, struct packet *p);

/* packets_copy.c */
enum step packet_copy(struct processor *cp, struct packet *p);
enum step packet_fill(struct processor *cp, struct packet *p);
enum step packet_copy_rect(struct processor *cp, struct packet *p);

#endif
