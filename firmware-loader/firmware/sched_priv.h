/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Inside the scheduler: what sched.c (slots and queues that change state), sched_turn.c (in which
 * order equals have their turns) and sched_place.c (who gets a slot next, who makes room) share.
 */
#ifndef FW_SCHED_PRIV_H
#define FW_SCHED_PRIV_H

#include "abi/mc.h"
#include "sched.h"

enum phase {
	PHASE_EMPTY = 0,
	PHASE_ON,		/* has a queue */
	PHASE_PREEMPTING,	/* told to stop and save what it does */
	PHASE_KILLING,		/* told to stop now */
	PHASE_DEAD,		/* did not obey KILL; useless until it does or is reset */
};

struct slot {
	enum phase phase;
	enum ogpu_slot_state state;	/* as last seen */
	struct queue *queue;
	uint8_t priority;		/* of the queue, raised by its wait until slice_end */
	uint64_t waited_ns;		/* the queue for this slot */
	enum ogpu_slot_state stopped;	/* what it did when it was told to stop */
	uint64_t slice_end;
	uint64_t told;			/* when it was told to stop, */
	uint64_t patience;		/* nanoseconds that it still has for that, */
	uint64_t looked;		/* as of then */
	uint64_t shown_ns;		/* busy time that is in the control page, */
	enum ogpu_slot_state shown;	/* and the state, */
	uint64_t shown_at;		/* since when */
	enum ogpu_queue_error kill_error;
};

#define SCHED_TURN_LISTS	9	/* of equals, by how much their turns are shifted */

/* Of the slices of a priority: only what they are to each other matters, see sched_turn.c. */
struct mean {
	uint64_t unit_us;		/* time with a unit */
	uint64_t round_us;		/* and all time in which one was wanted */
};

/**
 * struct sched - the scheduler's state
 */
struct sched {
	struct slot slots[OGPU_MC_SLOT_MAX];
	unsigned int first[OGPU_ENGINE_CLASSES], end[OGPU_ENGINE_CLASSES];
	struct queue_list ready[OGPU_ENGINE_CLASSES][OGPU_PRIORITIES][SCHED_TURN_LISTS];
	struct mean mean[OGPU_ENGINE_CLASSES][OGPU_PRIORITIES];
	uint64_t next_raise[OGPU_ENGINE_CLASSES];	/* no slot by a raise before */
	uint64_t busy_ns[OGPU_ENGINE_CLASSES];	/* of queues that have left their slots */
	bool suspended;
	uint32_t pass;			/* over those that wait, free-running */
	uint32_t sweep;			/* number from which control pages are to be written */
};

extern struct sched sched;

/* sched.c */
int sched_find_empty(enum ogpu_engine_class engine);
void sched_put_on_slot(unsigned int index, struct queue *q, uint8_t priority, uint64_t now);
void sched_begin_preempt(unsigned int index, uint64_t now);
bool sched_slice_is_over(unsigned int index, uint64_t now);

/* sched_turn.c */
void sched_turn_ends(struct queue *q, uint64_t unit_ns, uint64_t round_ns);
void sched_turn_even(struct queue *q);
void sched_turn_begins(struct queue *q, uint64_t now);

/* sched_place.c */
void sched_place(enum ogpu_engine_class engine, uint64_t now);

#endif
