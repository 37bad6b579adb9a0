// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Who gets a compute unit next. No locks and no clock: all is in the arguments.
 *
 * Equal ones have a quantum each in a round. Who had more than that, because a host thread was
 * late, has less in the rounds that follow.
 */
#include <stddef.h>

#include "share.h"

struct offer {
	struct share *const *share;
	unsigned int count;
	uint64_t free;		/* units */
};

static bool can_use(const struct offer *o, const struct share *s)
{
	return s && s->ready && s->mask & o->free;
}

/* Who has had no unit for so long that priorities do not matter any more. */
static int starving(const struct offer *o, uint64_t now)
{
	int found = SHARE_NONE;

	for (unsigned int i = 0; i < o->count; i++) {
		const struct share *s = o->share[i];

		if (!can_use(o, s) || s->running || now - s->left_ns < SHARE_STARVE_NS)
			continue;
		if (found == SHARE_NONE || s->left_ns < o->share[found]->left_ns)
			found = i;
	}
	return found;
}

/* Only who may use the same units competes for them. */
static bool must_wait(const struct offer *o, const struct share *s)
{
	for (unsigned int i = 0; i < o->count; i++) {
		const struct share *other = o->share[i];

		if (can_use(o, other) && other->priority > s->priority &&
		    other->mask & s->mask & o->free)
			return true;
	}
	return false;
}

/* In turn: who has credit, then who has no unit before who has some, then who has had less. */
static bool before(const struct share *a, const struct share *b)
{
	const bool a_has = a->credit_ns > 0, b_has = b->credit_ns > 0;

	if (a_has != b_has)
		return a_has;
	if (!a->running != !b->running)
		return !a->running;
	return a->credit_ns > b->credit_ns;
}

/* The current one comes last among those that are as good. */
static int first_in_turn(const struct offer *o, int current)
{
	int found = SHARE_NONE;

	for (unsigned int n = 1; n <= o->count; n++) {
		const unsigned int i = (unsigned int)(current + (int)n) % o->count;

		if (!can_use(o, o->share[i]) || must_wait(o, o->share[i]))
			continue;
		if (found == SHARE_NONE || before(o->share[i], o->share[found]))
			found = i;
	}
	return found;
}

static void next_round(const struct offer *o)
{
	for (unsigned int i = 0; i < o->count; i++) {
		struct share *s = o->share[i];
		int64_t most = SHARE_QUANTUM_NS;

		if (!s)
			continue;
		/* Who is on units is charged at the end of its turns. */
		if (s->ready || s->running)
			most *= 1 + o->count;
		s->credit_ns += SHARE_QUANTUM_NS;
		if (s->credit_ns > most)
			s->credit_ns = most;
	}
}

/**
 * share_pick() - Choose the slot that a host thread serves next.
 * @share: the slots with a dispatch; NULL: this one has none
 * @count: how many there are
 * @busy: units that are taken, a bit for each
 * @now: time
 * @current: the slot that this thread served just now, or SHARE_NONE
 *
 * Return: its number, or SHARE_NONE.
 */
int share_pick(struct share *const *share, unsigned int count, uint64_t busy, uint64_t now,
	       int current)
{
	const struct offer o = { share, count, ~busy };
	int found = starving(&o, now);

	if (found != SHARE_NONE)
		return found;
	if (current != SHARE_NONE && can_use(&o, share[current]) &&
	    share[current]->credit_ns > 0 && !must_wait(&o, share[current]))
		return current;
	for (;;) {
		found = first_in_turn(&o, current);
		if (found == SHARE_NONE || share[found]->credit_ns > 0)
			return found;
		next_round(&o);
	}
}

/**
 * share_charge() - Account for a turn.
 * @s: who had it
 * @ns: how long it was
 */
void share_charge(struct share *s, uint64_t ns)
{
	s->credit_ns -= ns < SHARE_DEBT_NS ? (int64_t)ns : SHARE_DEBT_NS;
	if (s->credit_ns < -SHARE_DEBT_NS)
		s->credit_ns = -SHARE_DEBT_NS;
}
