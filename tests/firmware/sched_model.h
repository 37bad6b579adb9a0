/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The slots and the clock that the scheduler's tests give it; all is in the test's hands. */
#ifndef SCHED_MODEL_H
#define SCHED_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "sched.h"
#include "slot.h"

#define COMPUTE_SLOTS	8
#define COPY_SLOTS	2
#define SLOTS		(COMPUTE_SLOTS + COPY_SLOTS)
#define MANY		2048
#define US		1000ull
#define MS		1000000ull

/* Model: a queue has so many nanoseconds of work left, or waits in memory, or does not obey. */
struct model {
	uint64_t work_ns;
	bool waits, deaf, hung, faults;
	bool no_unit;			/* executes nothing while it is on its slot */
	bool slow;			/* needs a step to make room */
	bool watched;
	enum ogpu_queue_error fails;
	uint64_t ran_ns;		/* while on slots, */
	uint64_t unit_ns;		/* and with a unit */
	/* What its control page shows. */
	enum ogpu_queue_run_state shown;
	uint64_t shown_busy_ns;
	unsigned int published;
};

struct model_slot {
	enum ogpu_slot_state state;
	uint32_t queue;
	enum ogpu_priority priority;
	uint64_t told;			/* to make room */
	uint64_t busy_ns;
	uint64_t unit_ns;
	uint64_t pos;
	enum ogpu_queue_error error;
};

extern struct model model[MANY];
extern struct model_slot slots[SLOTS];
extern struct queue *queues[MANY];
extern uint64_t now;
extern unsigned int preempts, watches;
/* How many slots have a unit at a time, in turns of uneven length; 0: all, for half of the time. */
extern unsigned int units;
extern bool engines_reset, all_suspended;
/* Basic blocks of sched_place.c that were executed. */
extern uint64_t steps;

void wake(uint32_t number);
void work(uint64_t ns);
void pass_time(uint64_t ns);
void add(uint32_t number, uint8_t engine, uint8_t priority);
enum ogpu_msg_status add_to_gang(uint32_t number, uint8_t priority, uint32_t gang);
bool together(uint32_t number);
void give(uint32_t number, uint64_t work_ns);
int setup(void **state);

#endif
