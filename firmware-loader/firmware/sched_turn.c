// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * In which order those of equal priority have their turns: so that in the long run they have equal
 * time with units, however uneven slices are.
 *
 * Slots are given for slices of time, in which hardware gives one queue more of its units than
 * another: its turns are as long as a slice, and on a virtual GPU as long as the host likes. So we
 * count how far each queue is ahead of the others, as time: what it had, at the rate at which
 * they have units on average, less the time that has passed. One that is ahead by so much
 * becomes ready so much later, as far as the order is concerned, and one that is behind earlier.
 * Only those that want all they can get are compared: who leaves a slot of its own accord is even.
 */
#include "sched_priv.h"

#define NS_PER_US	1000ull
#define MEAN_SHIFT	7		/* means go over some 128 slices */
#define UNIT_MAX_US	(1u << 22)	/* so much of a slice counts */
#define ROUND_MAX_US	UINT32_MAX
#define LEAD_MAX_NS	1000000000ll	/* more is forgiven, */
#define SHIFT_MAX_NS	100000000ll	/* and a turn is not shifted by more than this */

static int64_t clamp(int64_t value, int64_t most)
{
	if (value > most)
		return most;
	return value < -most ? -most : value;
}

static uint32_t to_us(uint64_t ns, uint32_t most)
{
	uint64_t us = ns / NS_PER_US;

	return us < most ? us : most;
}

/**
 * sched_turn_ends() - a queue that still has work is taken off its slot
 * @q: the queue; since when it became ready
 * @unit_ns: time with a unit that it had on the slot
 * @now: time
 */
void sched_turn_ends(struct queue *q, uint64_t unit_ns, uint64_t now)
{
	struct mean *mean = &sched.mean[q->desc.engine][q->desc.priority];
	uint64_t unit = to_us(unit_ns, UNIT_MAX_US), round = to_us(now - q->since, ROUND_MAX_US);

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
 */
void sched_turn_begins(struct queue *q, uint64_t now)
{
	struct queue_list *list = &sched.ready[q->desc.engine][q->desc.priority];
	struct queue *before = list->last;

	q->since = now;
	q->turn = now + clamp(q->lead_ns, SHIFT_MAX_NS);
	while (before && before->turn > q->turn)
		before = before->prev;
	queue_list_insert(list, before, q);
}
