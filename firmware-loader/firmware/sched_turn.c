// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * In which order those of equal priority have their turns: so that in the long run they have equal
 * time with units, however uneven slices are.
 *
 * Slots are given for slices of time, in which hardware gives one queue more of its units than
 * another: its turns are as long as a slice, and on a virtual GPU as long as the host likes. So we
 * count how far each queue is ahead of the others, as time: what it had, at the rate at which
 * they have units on average, less the time in which it wanted one. One that is ahead by so much
 * becomes ready so much later, as far as the order is concerned, and one that is behind earlier.
 * Only those that want all they can get are compared: who leaves a slot of its own accord is even.
 */
#include "sched_priv.h"

#define NS_PER_US	1000ull
#define MEAN_SHIFT	7		/* means go over some 128 slices */
#define LEAD_MAX_NS	1000000000ll	/* more is forgiven, */
#define SHIFT_MAX_NS	100000000ll	/* and a turn is not shifted by more than this */
#define SHIFT_STEP_NS	(2 * SHIFT_MAX_NS / (SCHED_TURN_LISTS - 1))
#define ROUND_MAX_NS	1000000000ull	/* a longer round counts as one of so much */

static int64_t clamp(int64_t value, int64_t most)
{
	if (value > most)
		return most;
	return value < -most ? -most : value;
}

/**
 * sched_turn_ends() - a queue that still has work is taken off its slot
 * @q: the queue
 * @unit_ns: time with a unit that it had on the slot
 * @round_ns: time in which it wanted one: it waited for the slot, or executed on it
 */
void sched_turn_ends(struct queue *q, uint64_t unit_ns, uint64_t round_ns)
{
	struct mean *mean = &sched.mean[q->desc.engine][q->desc.priority];
	uint64_t unit, round = round_ns / NS_PER_US, most = ROUND_MAX_NS / NS_PER_US;

	unit = (unit_ns < round_ns ? unit_ns : round_ns) / NS_PER_US;
	/* Nobody wanted the slot for long. Its share of that time is kept. */
	if (round > most) {
		unit = unit * most / round;
		round = most;
	}
	if (mean->unit_us)
		q->lead_ns += unit * mean->round_us / mean->unit_us * NS_PER_US -
			      round * NS_PER_US;
	q->lead_ns = clamp(q->lead_ns, LEAD_MAX_NS);
	/* Those of before: how long this one was must not make it seem less. */
	mean->unit_us += unit - (mean->unit_us >> MEAN_SHIFT);
	mean->round_us += round - (mean->round_us >> MEAN_SHIFT);
}

/**
 * sched_turn_even() - a queue leaves its slot of its own accord
 * @q: the queue
 */
void sched_turn_even(struct queue *q)
{
	q->lead_ns = 0;
}

/**
 * sched_turn_begins() - a queue becomes ready: put it in its place among those that wait
 * @q: the queue, in no list
 * @now: time
 *
 * Those whose turns are shifted by the same wait in one list, so that this takes no search: each
 * list is in order both of waits and of turns.
 */
void sched_turn_begins(struct queue *q, uint64_t now)
{
	int64_t shift = clamp(q->lead_ns, SHIFT_MAX_NS) + SHIFT_MAX_NS;
	unsigned int step = (shift + SHIFT_STEP_NS / 2) / SHIFT_STEP_NS;

	q->since = now;
	q->turn = now + step * SHIFT_STEP_NS - SHIFT_MAX_NS;
	queue_list_append(&sched.ready[q->desc.engine][q->desc.priority][step], q);
}
