/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The event ring: how engines interrupt the host.
 *
 * A ring of 32-byte entries in host memory. Hardware writes an entry's body first and its sequence
 * number last: the entry at index (n mod entries) is valid once its seq equals the low 32 bits of
 * n + 1, n being the free-running count. The host writes what it took to EVENT_RPTR; hardware drops
 * (and counts) events when the ring is full. After writing, hardware raises OGPU_VECTOR_EVENT.
 */
#ifndef _OGPU_ABI_EVENT_H_
#define _OGPU_ABI_EVENT_H_

#include "types.h"

enum ogpu_event_type {
	OGPU_EVENT_FENCE = 1,		/* value0: address operand or VA, value1: value stored */
	OGPU_EVENT_MEMORY_ERROR = 2,	/* value0: VRAM offset, or address in the block; value1: */
#define OGPU_EVENT_ERROR_SEVERITY	GENMASK_ULL(7, 0)	/* enum ogpu_ras_severity (mc.h) */
#define OGPU_EVENT_ERROR_BLOCK		GENMASK_ULL(15, 8)	/* enum ogpu_ras_block */
	OGPU_EVENT_TLBI = 3,		/* value0: count of MMU_TLBI_DONE that was reached */
};

struct ogpu_event {
	__le32 seq;
	__u8 type;		/* enum ogpu_event_type */
	__u8 engine;		/* enum ogpu_engine_class */
	__le16 asid;
	__le32 queue;		/* queue number, OGPU_EVENT_NO_QUEUE if none */
	__le32 rsvd;
	__le64 value0;
	__le64 value1;
};
OGPU_ASSERT_SIZE(struct ogpu_event, 32);
OGPU_ASSERT_OFFSET(struct ogpu_event, value0, 16);

#define OGPU_EVENT_NO_QUEUE	0xffffffffu

/*
 * Entry of the signal ring: valid once seq equals the low 32 bits of n + 1, as above. Hardware then
 * raises OGPU_VECTOR_SIGNAL. A queue is armed by writing its number to SIGNAL_ARM; a signal that
 * came while it was not armed puts an entry there and then.
 */
struct ogpu_signal {
	__le32 queue;
	__le32 seq;		/* written last, with queue in one 64-bit access */
};
OGPU_ASSERT_SIZE(struct ogpu_signal, 8);

#endif
