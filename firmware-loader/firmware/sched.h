/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The scheduler: more queues than slots. Pure but for slot.h; times are in nanoseconds.
 *
 * Policy. A queue stays on its slot until somebody needs the slot. Who waits takes, in this order,
 * an empty slot, one whose ring is empty, one that stands in a WAIT packet, one whose queue has
 * less priority, one whose queue has used up its time slice and has no more priority. Among those
 * who wait the highest priority goes first, then the longest wait. Waiting raises priority, one
 * level each SCHED_AGE_NS, and the raise lasts for the slice that it earned: nobody starves. It
 * holds for units as for slots, else hardware would let the slice pass without giving one. A slot
 * that was told to stop and still executes is not waited for if another one stands still.
 */
#ifndef FW_SCHED_H
#define FW_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

#define SCHED_SLICE_NS		5000000ull	/* default time slice */
#define SCHED_SLICE_MIN_NS	100000ull
#define SCHED_SLICE_MAX_NS	1000000000ull
#define SCHED_AGE_NS		50000000ull
#define SCHED_PARK_NS		1000000ull	/* between looks at a queue that waits in memory */
#define SCHED_PREEMPT_NS	1000000000ull	/* longest time to answer PREEMPT; a busy host of a
						 * virtual GPU may well not run a slot for 100 ms
						 */
#define SCHED_KILL_NS		1000000000ull	/* longest time to answer KILL */

void sched_init(uint32_t compute_slots, uint32_t copy_slots);
bool sched_has_class(enum ogpu_engine_class engine);
void sched_check_work(struct queue *queue, bool rung, uint64_t now);
void sched_stop(struct queue *queue, uint64_t now);
void sched_suspend(void);
void sched_resume(void);
bool sched_quiet(bool *obeyed);
void sched_run(uint64_t now);
uint64_t sched_deadline(uint64_t now);
uint64_t sched_queue_busy_ns(const struct queue *queue);
uint64_t sched_queue_unit_ns(const struct queue *queue);
uint64_t sched_queue_waited_ns(const struct queue *queue, uint64_t now);
bool sched_queue_executing(const struct queue *queue);
uint64_t sched_class_busy_ns(enum ogpu_engine_class engine);

#endif
