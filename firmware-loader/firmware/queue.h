/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The table of queues: what the host asked for, where each stands, why it ended. Pure: also
 * compiled on the host for the tests of the scheduler.
 */
#ifndef FW_QUEUE_H
#define FW_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"
#include "abi/packet.h"
#include "abi/queue.h"

#define QUEUE_MAX	2048	/* numbers 0 .. QUEUE_MAX - 1; as many as SRAM holds */
#define QUEUE_NO_SLOT	0xff

enum queue_state {
	QUEUE_UNUSED = 0,
	QUEUE_IDLE,	/* on no slot, nothing to do */
	QUEUE_READY,	/* on no slot, has work */
	QUEUE_PARKED,	/* on no slot; stood in a WAIT packet, and is watched */
	QUEUE_ACTIVE,	/* on a slot */
	QUEUE_SUSPENDED,	/* on no slot until the host resumes it */
	QUEUE_FAULTED,	/* likewise, because of a memory fault */
	QUEUE_FAILED,	/* executes nothing more; still on its slot if that does not obey */
};

struct queue;

/**
 * struct queue_list - queues in some order; a queue is in one at most
 */
struct queue_list {
	struct queue *first, *last;
};

/**
 * struct queue_error - why a queue failed, or at which fault it stands; see
 *	&struct ogpu_msg_queue_error
 */
struct queue_error {
	uint64_t fault_va, packet, pc;
	uint32_t detail;
	uint8_t error;
	uint8_t access;
	uint8_t reason;
};

/**
 * struct queue_desc - what the host said of a queue, checked; see &struct ogpu_msg_queue_create
 */
struct queue_desc {
	uint64_t ring, rptr, wptr;	/* address operands */
	uint64_t save, control;		/* likewise */
	uint32_t save_size;
	uint32_t timeslice_us;
	uint32_t gang;
	uint32_t cu_mask[8];
	uint16_t queue;
	uint16_t asid;
	uint8_t engine;
	uint8_t priority;
	uint8_t flags;
	uint8_t ring_shift;		/* the ring has 2 to the power of this many bytes */
};

/**
 * struct queue - one queue
 */
struct queue {
	/** @desc: as the host gave it */
	struct queue_desc desc;
	/** @state: who may have it, see &enum queue_state */
	enum queue_state state;
	/** @slot: the slot it is on, or QUEUE_NO_SLOT */
	uint8_t slot;
	/** @suspended: the host wants it on no slot */
	bool suspended;
	/** @faulted: stands at a memory fault, which the host is told */
	bool faulted;
	/** @watched: hardware watches memory for it */
	bool watched;
	/** @pos: ring read pointer at which it goes on */
	uint64_t pos;
	/** @context: the rest of where it goes on, as the slot saved it */
	uint32_t context[6];
	/** @held: workgroups in its save area, as the slot told */
	uint32_t held;
	/** @switches: times it was put on a slot */
	uint32_t switches;
	/** @busy_ns: time spent executing, without what it spends on a slot now */
	uint64_t busy_ns;
	/** @unit_ns: time with a workgroup on a unit, likewise */
	uint64_t unit_ns;
	/** @waited_ns: time spent READY, without the wait that goes on now */
	uint64_t waited_ns;
	/** @counter: what hardware counts for it, without what it counts on a slot now */
	uint64_t counter[OGPU_COUNTERS];
	/** @control_seq: of its control page */
	uint32_t control_seq;
	/** @refused: the scheduler's last pass that had no slots for its gang */
	uint32_t refused;
	/** @since: when it became ready */
	uint64_t since;
	/** @turn: when it did as far as its turn is concerned */
	uint64_t turn;
	/** @lead_ns: how far it is ahead of its equals, see sched_turn.c */
	int64_t lead_ns;
	/** @list: the list that it is in, NULL if in none */
	struct queue_list *list;
	/** @prev: neighbour in that list, likewise @next */
	struct queue *prev, *next;
	/** @mate: the next one of its gang, in a circle; itself if there is none */
	struct queue *mate;
	/**
	 * @error: why it failed, or the fault at which it stands; without either pc is that of a
	 *	work-item that is held, or 0
	 */
	struct queue_error error;
};

void queue_table_init(void);
struct queue *queue_find(uint32_t number);
bool queue_is_virtual(const struct queue *queue);
enum ogpu_msg_status queue_create(const struct ogpu_msg_queue_create *desc, uint32_t doorbells,
				  struct queue **queue);
enum ogpu_msg_status queue_join_gang(struct queue *queue, unsigned int max);
void queue_free(struct queue *queue);
void queue_fail(struct queue *queue, const struct queue_error *error, bool tell);
void queue_fault(struct queue *queue, const struct queue_error *error);
void queue_list_append(struct queue_list *list, struct queue *queue);
void queue_list_leave(struct queue *queue);
bool queue_is_unsent(const struct queue *queue);
struct queue *queue_next_unsent(void);

#endif
