/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The scheduler: more queues than slots. Pure but for slot.h; times are in nanoseconds.
 *
 * Policy. A queue stays on its slot until somebody needs the slot. Who waits takes, in this order,
 * an empty slot, one whose ring is empty, one that stands in a WAIT packet or at a fault, one whose
 * queue has less priority, one whose queue has used up its time slice and has no more priority. A
 * queue that left its slot in a WAIT packet comes back when hardware, which watches memory for it,
 * says that it has what it waits for. Nothing is done for queues with nothing to do, however many
 * there are.
 *
 * Among those who wait the highest priority goes first, then the longest wait, in which it counts
 * how much time with units they have had (sched_turn.c). So that nobody starves, waiting, whatever
 * the turn, raises priority by a level each SCHED_AGE_NS; but only one queue of a class gets a slot
 * by a raise in SCHED_RAISE_NS, and for no more than SCHED_SLICE_NS, so that a thousand queues that
 * have waited do not keep out one with more priority. The raise holds for units as for slots, else
 * hardware would let the slice pass without giving one. A slot that was told to stop and still
 * executes is not waited for if another one stands still.
 *
 * Gangs. Of those of a gang that have work all are on slots or none. Where one has its turn all
 * have, and take slots when there are enough for them: until then nobody who comes after takes one,
 * unless it has more priority. If one that executes has to make room all do. A raise gives them all
 * a slot, of those with more priority whose slices need not be over, too, and puts off the next
 * raise by as many times; until it can be used somebody else has it. Who is suspended, stands at a
 * fault or in a WAIT packet has no work in this.
 */
#ifndef FW_SCHED_H
#define FW_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

#define SCHED_SLICE_NS		5000000ull	/* default time slice */
#define SCHED_SLICE_MIN_NS	100000ull
#define SCHED_SLICE_MAX_NS	1000000000ull
#define SCHED_TURN_PART		8		/* an eighth of a slice is time with a unit */
#define SCHED_TURN_NS		45000000ull	/* or else the slice is so much longer */
#define SCHED_AGE_NS		50000000ull
#define SCHED_RAISE_NS		(2 * SCHED_SLICE_NS)
#define SCHED_GATHER_NS		50000000ull	/* gangs do not wait longer for a slot that is told
						 * to make room
						 */
#define SCHED_SHOW_NS		2000000ull	/* between two times that idle queues show it */
#define SCHED_SWEEP		64		/* queues looked at in a round, where it is all */
/*
 * Longest time to answer PREEMPT and KILL, of which hardware needs some 10 ms. Time is counted as
 * we look, at most SCHED_LOOK_NS for each look: else a virtual GPU on a busy host would be taken
 * for a broken one.
 */
#define SCHED_PREEMPT_NS	500000000ull
#define SCHED_KILL_NS		1000000000ull
#define SCHED_LOOK_NS		2000000ull

void sched_init(uint32_t compute_slots, uint32_t copy_slots);
unsigned int sched_class_slots(enum ogpu_engine_class engine);
void sched_check_work(struct queue *queue, bool rung, uint64_t now);
void sched_add(struct queue *queue, uint64_t now);
void sched_queue_suspend(struct queue *queue, uint64_t now);
void sched_queue_resume(struct queue *queue, uint64_t now);
void sched_stop(struct queue *queue, uint64_t now);
void sched_suspend(void);
void sched_resume(void);
bool sched_quiet(bool *obeyed);
void sched_run(uint64_t now);
uint64_t sched_deadline(uint64_t now);
uint64_t sched_queue_busy_ns(const struct queue *queue);
uint64_t sched_queue_unit_ns(const struct queue *queue);
uint64_t sched_queue_waited_ns(const struct queue *queue, uint64_t now);
enum ogpu_queue_run_state sched_queue_state(const struct queue *queue);
void sched_refresh(uint64_t now);
uint64_t sched_class_busy_ns(enum ogpu_engine_class engine);

#endif
