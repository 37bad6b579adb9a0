// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Who gets a slot next, and who makes room: see sched.h for the policy. */
#include <stddef.h>

#include "sched_priv.h"

/* The priority of a ready queue, with what its wait adds to it: wherever its turn is. */
static uint8_t wait_priority(const struct queue *q, uint64_t now)
{
	uint32_t priority = q->desc.priority;
	uint64_t waited = now - q->since;

	for (; waited >= SCHED_AGE_NS && priority < OGPU_PRIORITIES - 1; waited -= SCHED_AGE_NS)
		priority++;
	return priority;
}

/* Walks the ready queues of a class in the order in which they are to be served. */
struct cursor {
	struct queue *at[OGPU_PRIORITIES][SCHED_TURN_LISTS];
	unsigned int top;		/* no priority above has any left */
	struct queue *raised;		/* the one that is, until it is served */
	uint8_t raised_to;
};

static bool is_before(const struct queue *a, uint8_t a_priority, const struct queue *b,
		      uint8_t b_priority)
{
	return !b || a_priority > b_priority || (a_priority == b_priority && a->turn < b->turn);
}

/* Chooses whom its wait raises, of those that have less priority and have not been served. */
static void cursor_raise(struct cursor *cursor, uint8_t priorities, uint64_t now)
{
	struct queue **from = NULL;
	unsigned int i, j;

	for (i = 0; i < priorities; i++) {
		for (j = 0; j < SCHED_TURN_LISTS; j++) {
			struct queue *q = cursor->at[i][j];
			uint8_t priority;

			if (!q)
				continue;
			/* Nobody in the list has waited longer, or has an earlier turn. */
			priority = wait_priority(q, now);
			if (priority > i &&
			    is_before(q, priority, cursor->raised, cursor->raised_to)) {
				cursor->raised = q;
				cursor->raised_to = priority;
				from = &cursor->at[i][j];
			}
		}
	}
	if (cursor->raised)
		*from = cursor->raised->next;
}

static void cursor_begin(struct cursor *cursor, enum ogpu_engine_class engine)
{
	unsigned int i, j;

	cursor->top = OGPU_PRIORITIES - 1;
	cursor->raised = NULL;
	cursor->raised_to = 0;
	for (i = 0; i < OGPU_PRIORITIES; i++) {
		for (j = 0; j < SCHED_TURN_LISTS; j++)
			cursor->at[i][j] = sched.ready[engine][i][j].first;
	}
}

/* The one that is raised, NULL if there is none, and its priority. */
static struct queue *cursor_take_raised(struct cursor *cursor, uint8_t *priority)
{
	struct queue *q = cursor->raised;

	*priority = cursor->raised_to;
	cursor->raised = NULL;
	return q;
}

/* The next one, NULL at the end, and its priority. */
static struct queue *cursor_next(struct cursor *cursor, uint8_t *priority)
{
	struct queue *best = NULL, **from = NULL;
	unsigned int j;

	for (;; cursor->top--) {
		for (j = 0; j < SCHED_TURN_LISTS; j++) {
			struct queue **at = &cursor->at[cursor->top][j];

			if (*at && is_before(*at, cursor->top, best, cursor->top)) {
				best = *at;
				from = at;
			}
		}
		if (best || !cursor->top)
			break;
	}
	if (cursor->raised && is_before(cursor->raised, cursor->raised_to, best,
					best ? best->desc.priority : 0))
		return cursor_take_raised(cursor, priority);
	if (best) {
		*priority = best->desc.priority;
		*from = best->next;
	}
	return best;
}

/* Such a slot obeys PREEMPT at once; one that executes may take up to SCHED_PREEMPT_NS. */
static bool stands_still(const struct slot *slot)
{
	return slot->state == OGPU_SLOT_IDLE || slot->state == OGPU_SLOT_WAITING ||
	       slot->state == OGPU_SLOT_FAULTED;
}

/* A queue that looks for a slot. */
struct seeker {
	const struct queue *queue;	/* no member of its gang that executes makes room */
	uint8_t priority;	/* with what its wait adds */
	bool at_once;		/* a gang that was raised: slices of others than equals are cut */
};

static bool is_mate(const struct queue *a, const struct queue *b)
{
	return a->desc.gang && a->desc.gang == b->desc.gang;
}

/* How willingly a slot is given to a queue; 0: not at all. */
static unsigned int willingness(unsigned int index, const struct seeker *seeker, uint64_t now)
{
	const struct slot *slot = &sched.slots[index];

	if (slot->phase != PHASE_ON)
		return 0;
	if (slot->state == OGPU_SLOT_IDLE)
		return 4;
	if (stands_still(slot))
		return 3;
	if (is_mate(slot->queue, seeker->queue))
		return 0;
	/* Those behind whom a gang comes in each round would never have a whole slice. */
	if (seeker->at_once && slot->queue->desc.priority == seeker->queue->desc.priority &&
	    !sched_slice_is_over(index, now))
		return 0;
	if (slot->priority < seeker->priority)
		return 2;
	if (slot->priority > seeker->priority)
		return 0;
	return seeker->at_once || sched_slice_is_over(index, now) ? 1 : 0;
}

static int find_victim(enum ogpu_engine_class engine, const struct seeker *seeker, uint64_t now)
{
	unsigned int i, will, best_will = 0;
	const struct slot *slot, *best = NULL;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		slot = &sched.slots[i];
		will = willingness(i, seeker, now);
		if (!will || will < best_will)
			continue;
		if (will == best_will &&
		    (slot->priority > best->priority ||
		     (slot->priority == best->priority && slot->slice_end >= best->slice_end)))
			continue;
		best = slot;
		best_will = will;
	}
	return best ? best - sched.slots : -1;
}

/* Whether a member of a gang executes, so that the others must, too. */
static bool executes(const struct queue *q)
{
	return q->state == QUEUE_ACTIVE && sched.slots[q->slot].phase == PHASE_ON &&
	       !stands_still(&sched.slots[q->slot]);
}

/* Takes all of a gang that execute off their slots. */
static void take_off_gang(struct queue *q, uint64_t now)
{
	struct queue *mate = q;

	do {
		if (executes(mate))
			sched_begin_preempt(mate->slot, now);
		mate = mate->mate;
	} while (mate != q);
}

static void make_room(unsigned int index, uint64_t now)
{
	struct queue *q = sched.slots[index].queue;

	if (executes(q))
		take_off_gang(q, now);
	else
		sched_begin_preempt(index, now);
}

/* Slots of a class by what they can do for a gang. */
struct tally {
	unsigned int empty;
	unsigned int coming;	/* will be empty soon */
	unsigned int willing;
	unsigned int later;	/* willing once their slices are over */
	unsigned int mates;	/* willing or later for others */
};

/* The slots of a class, seen by who looks for some. */
struct view {
	enum ogpu_engine_class engine;
	unsigned int leaving_now;	/* being cleared, not for somebody before: at once, */
	unsigned int leaving_later;	/* or perhaps not */
	uint64_t now;
	bool counted;			/* since a slot was given or told to make room: */
	uint8_t priority;		/* for gangs of this one, on no slot and not raised, */
	struct tally tally;		/* this */
};

static bool is_leaving(const struct slot *slot)
{
	return slot->phase == PHASE_PREEMPTING || slot->phase == PHASE_KILLING;
}

static unsigned int count_leaving(enum ogpu_engine_class engine, bool at_once)
{
	unsigned int i, count = 0;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		const struct slot *slot = &sched.slots[i];

		if (is_leaving(slot) && stands_still(slot) == at_once)
			count++;
	}
	return count;
}

static void put_raised(unsigned int index, struct queue *q, uint8_t priority, unsigned int raises,
		       uint64_t now)
{
	if (priority > q->desc.priority)
		sched.next_raise[q->desc.engine] = now + raises * SCHED_RAISE_NS;
	sched_put_on_slot(index, q, priority, now);
}

/* One queue that waits. False if those after it get nothing either. */
static bool place_one(struct view *view, struct queue *q, uint8_t priority)
{
	const struct seeker seeker = { q, priority, false };
	int index = sched_find_empty(view->engine);

	if (index >= 0) {
		view->counted = false;
		put_raised(index, q, priority, 1, view->now);
		return true;
	}
	if (view->leaving_now) {	/* a slot is being cleared for this one */
		view->leaving_now--;
		return true;
	}
	index = find_victim(view->engine, &seeker, view->now);
	/* Likewise, but that may take long: a slot that stands still is better. */
	if (view->leaving_later && (index < 0 || !stands_still(&sched.slots[index]))) {
		view->leaving_later--;
		return true;
	}
	if (index < 0)
		return false;
	view->counted = false;
	make_room(index, view->now);
	return true;
}

/* --- gangs ------------------------------------------------------------------------------------ */

/* Members of a gang by what they do. */
struct members {
	unsigned int ready;
	unsigned int leaving;	/* make room */
	unsigned int active;	/* are on slots, with those */
};

static struct members count_members(const struct queue *q)
{
	const struct queue *mate = q;
	struct members m = { 0 };

	do {
		m.ready += mate->state == QUEUE_READY;
		m.active += mate->state == QUEUE_ACTIVE;
		m.leaving += mate->state == QUEUE_ACTIVE && is_leaving(&sched.slots[mate->slot]);
		mate = mate->mate;
	} while (mate != q);
	return m;
}

static struct tally count_slots(const struct view *view, const struct seeker *seeker)
{
	struct tally t = { 0 };
	unsigned int i;

	for (i = sched.first[view->engine]; i < sched.end[view->engine]; i++) {
		const struct slot *slot = &sched.slots[i];

		if (slot->phase == PHASE_EMPTY)
			t.empty++;
		else if (is_leaving(slot) && view->now - slot->told < SCHED_GATHER_NS)
			t.coming++;
		else if (willingness(i, seeker, view->now))
			t.willing++;
		else if (slot->phase != PHASE_ON || slot->priority > seeker->priority)
			continue;
		else if (is_mate(slot->queue, seeker->queue))
			t.mates++;
		else
			t.later++;
	}
	return t;
}

/* The same for all gangs that wait with one priority, as long as nothing is done with slots. */
static struct tally tally(struct view *view, const struct seeker *seeker, bool on_slots)
{
	if (on_slots || seeker->at_once)
		return count_slots(view, seeker);
	if (!view->counted || view->priority != seeker->priority) {
		view->counted = true;
		view->priority = seeker->priority;
		view->tally = count_slots(view, seeker);
	}
	return view->tally;
}

static void put_gang(struct queue *q, uint8_t priority, unsigned int count, uint64_t now)
{
	struct queue *mate = q;

	do {
		if (mate->state == QUEUE_READY)
			put_raised(sched_find_empty(q->desc.engine), mate, priority, count, now);
		mate = mate->mate;
	} while (mate != q);
}

/* What became of a gang that waits. */
enum outcome {
	GANG_PLACED,	/* it has slots: look again from the start */
	GANG_NEXT,	/* its turn has come, and who comes after takes no slot before it */
	GANG_LATER,	/* likewise, but slices of others have to be over first */
	GANG_AWAY,	/* it cannot have slots for now, and keeps nobody out */
	GANG_NOBODY,	/* likewise, and who comes after gets none either */
};

/* Not in this pass, whoever of it comes: there are not going to be more slots. */
static enum outcome refuse_gang(struct queue *q, const struct tally *t)
{
	struct queue *mate = q;

	do {
		mate->refused = sched.pass;
		mate = mate->mate;
	} while (mate != q);
	return t->empty || t->willing || t->later || t->mates ? GANG_AWAY : GANG_NOBODY;
}

/* All of a gang that have work, of which one has its turn. */
static enum outcome place_gang(struct view *view, struct queue *q, uint8_t priority)
{
	const struct seeker seeker = { q, priority, priority > q->desc.priority };
	struct members m = count_members(q);
	struct tally t = tally(view, &seeker, m.active);
	unsigned int missing, leaving = view->leaving_now + view->leaving_later;
	int index;

	if (t.coming > leaving)
		t.coming = leaving;
	if (m.leaving)
		return refuse_gang(q, &t);
	if (m.ready <= t.empty) {
		put_gang(q, priority, m.ready, view->now);
		return GANG_PLACED;
	}
	missing = m.ready - t.empty;
	if (missing <= t.coming)
		return GANG_NEXT;
	missing -= t.coming;
	if (missing > t.willing + t.later)
		return refuse_gang(q, &t);
	if (missing > t.willing)
		return GANG_LATER;
	view->counted = false;
	for (; missing; missing--) {
		index = find_victim(view->engine, &seeker, view->now);
		if (index < 0)
			break;		/* whole gangs have made room */
		make_room(index, view->now);
	}
	return GANG_NEXT;
}

/* --- all that wait ---------------------------------------------------------------------------- */

/* Serves those that wait in their order. True if that is to be done again from the start. */
static bool place_all(enum ogpu_engine_class engine, uint64_t now)
{
	struct view view = {
		.engine = engine, .now = now,
		.leaving_now = count_leaving(engine, true),
		.leaving_later = count_leaving(engine, false),
	};
	struct cursor cursor;
	enum outcome outcome;
	uint8_t priority, least = 0;
	bool raised, instead = false;
	struct queue *q;

	sched.pass++;
	cursor_begin(&cursor, engine);
	if (now >= sched.next_raise[engine])
		cursor_raise(&cursor, OGPU_PRIORITIES, now);
	while ((q = cursor_next(&cursor, &priority))) {
		raised = priority > q->desc.priority;
		if (q->desc.priority < least && !(raised && instead)) {
			/* Likewise all after it, but for one that is raised. */
			q = instead ? cursor_take_raised(&cursor, &priority) : NULL;
			if (!q)
				return false;
			raised = true;
		}
		if (q->mate == q) {
			if (!place_one(&view, q, priority))
				return false;
			continue;
		}
		outcome = q->refused == sched.pass ? GANG_AWAY : place_gang(&view, q, priority);
		if (outcome == GANG_PLACED)
			return true;
		if (outcome == GANG_NOBODY)
			return false;
		/* A raise is for one's turn, not for keeping out who has more priority. */
		if (outcome != GANG_AWAY)
			least = q->desc.priority + 1;
		if (!raised || outcome == GANG_NEXT)
			continue;
		/* Who cannot use it yet leaves it to others; equals have slices meanwhile. */
		instead = true;
		cursor_raise(&cursor, outcome == GANG_AWAY ? OGPU_PRIORITIES : q->desc.priority,
			     now);
	}
	return false;
}

static bool has_ready_mate(const struct queue *q)
{
	const struct queue *mate;

	for (mate = q->mate; mate != q; mate = mate->mate) {
		if (mate->state == QUEUE_READY)
			return true;
	}
	return false;
}

/* Members of a gang got work and no slot: nobody of it executes. */
static void part_gangs(enum ogpu_engine_class engine, uint64_t now)
{
	unsigned int i;

	for (i = sched.first[engine]; i < sched.end[engine]; i++) {
		struct queue *q = sched.slots[i].queue;

		if (q && executes(q) && has_ready_mate(q))
			take_off_gang(q, now);
	}
}

/**
 * sched_place() - give slots to those who wait, and make room for those who get none
 * @engine: the class
 * @now: time
 */
void sched_place(enum ogpu_engine_class engine, uint64_t now)
{
	while (place_all(engine, now))
		;
	part_gangs(engine, now);
}
