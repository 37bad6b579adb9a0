// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The watcher: looks at memory for everybody who waits for a word of it to change.
 *
 * That is slots in a WAIT packet, and the watches that firmware has armed for queues it took off
 * their slots. One thread looks for all of them, so that a waiting queue costs a look now and then
 * and no thread of its own. It looks when the card has stored something, which those who store tell
 * it at the price of reading a flag; and because the host's CPU tells nobody, it looks at each
 * watch by itself after 1 ms, and then after twice as long again and again, up to 16 ms. These
 * times are multiples of the interval on one clock, so old watches are looked at together.
 *
 * Stores that nobody waits for must not keep the thread busy either: after a look in vain the next
 * one that a store causes comes no sooner than a while later, which doubles up to STORE_MAX_NS.
 *
 * Where a word is in this process is kept until an unmap or an invalidation of translations. The
 * lock is a leaf: what is looked at is copied out, so nobody waits for a look.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "engines.h"

#define CPU_MIN_NS	1000000u	/* stores of the CPU: first look */
#define CPU_MAX_NS	16000000u
#define STORE_MIN_NS	50000u		/* stores of the card: between two looks in vain */
#define STORE_MAX_NS	2000000u
#define BATCH		64u		/* watches in one memory bracket */

struct watch {
	struct engines_condition what;
	uint64_t serial;		/* changes when it is armed or ended */
	uint64_t due;			/* next look, if no store comes before; 0: at once */
	uint64_t interval;
	uint64_t generation, tlbi;	/* of memory and translations, that host is good for */
	const uint64_t *host;		/* NULL: not known */
};

/* A watch that is looked at, copied out. */
struct look {
	unsigned int id;
	bool ended;			/* it holds, or cannot be read */
	struct watch watch;
};

struct watcher {
	struct engines *eng;
	unsigned int doorbells;
	unsigned int ids;		/* doorbells, then slots */
	pthread_t thread;
	struct mmu mmu;			/* the thread's */
	struct look look[BATCH];	/* the thread's */

	_Atomic bool changed;		/* memory, since the last look at everything */
	_Atomic bool asleep;		/* the thread sleeps until it is told */
	_Atomic unsigned int count;	/* of watches; changed under the lock */
	_Atomic uint64_t looks, wakeups;

	pthread_mutex_t lock;		/* of all that follows */
	pthread_cond_t wake;
	bool exiting;
	uint64_t first_due;
	uint64_t store_gap;
	uint64_t store_next;		/* no look because of a store before */
	uint64_t *armed;		/* bit mask of ids */
	struct watch *watch;
};

/**
 * condition_holds() - Whether a value is what somebody waits for.
 * @what: the condition
 * @now: 64 bits from memory
 *
 * Return: true if it is.
 */
bool condition_holds(const struct engines_condition *what, uint64_t now)
{
	const uint64_t a = now & what->mask, b = what->value & what->mask;

	switch (what->compare) {
	case OGPU_COMPARE_EQ:
		return a == b;
	case OGPU_COMPARE_NE:
		return a != b;
	case OGPU_COMPARE_GE:
		return a >= b;
	default:
		return a < b;
	}
}

static bool is_armed(const struct watcher *w, unsigned int id)
{
	return w->armed[id / 64] >> id % 64 & 1;
}

/* With the lock held. */
static void disarm(struct watcher *w, unsigned int id)
{
	if (!is_armed(w, id))
		return;
	w->armed[id / 64] &= ~(1ull << id % 64);
	w->watch[id].serial++;
	atomic_fetch_sub(&w->count, 1);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Inside the bracket: where the word is. */
static bool find(struct watcher *w, struct watch *watch)
{
	const uint64_t tlbi = vgpu_mem_tlbi_log(w->eng->gpu)->count;
	const uint64_t operand = watch->what.operand;
	struct mmu_fault ignored;
	struct mmu_page page;

	if (watch->host && watch->generation == w->mmu.generation && watch->tlbi == tlbi)
		return true;
	watch->host = NULL;
	if (operand & (OGPU_OPERAND_MBZ | 7) ||
	    FIELD_GET(OGPU_OPERAND_TARGET, operand) == OGPU_TARGET_PEER)
		return false;
	mmu_set_asid(&w->mmu, watch->what.asid);
	if (!mmu_resolve(&w->mmu, operand, false, &page, &ignored))
		return false;
	watch->host = (const uint64_t *)page.host;
	watch->generation = w->mmu.generation;
	watch->tlbi = tlbi;
	return true;
}

static void look_at(struct watcher *w, unsigned int count)
{
	mmu_enter(&w->mmu);
	for (unsigned int i = 0; i < count; i++) {
		struct watch *watch = &w->look[i].watch;

		w->look[i].ended = !find(w, watch) ||
				   condition_holds(&watch->what,
						   __atomic_load_n(watch->host, __ATOMIC_ACQUIRE));
	}
	mmu_leave(&w->mmu);
	atomic_fetch_add_explicit(&w->looks, count, memory_order_relaxed);
}

static void notify(struct watcher *w, unsigned int id)
{
	if (id >= w->doorbells)
		slot_recheck(&w->eng->slot[id - w->doorbells]);
	else if (vgpu_mc(w->eng->gpu))
		mc_doorbell(vgpu_mc(w->eng->gpu), id);
}

/* With the lock held: remember what a look has found out. */
static void put_back(struct watcher *w, struct look *look, uint64_t now)
{
	struct watch *watch = &w->watch[look->id];

	if (watch->serial != look->watch.serial) {
		look->ended = false;
		return;
	}
	if (look->ended) {
		disarm(w, look->id);
		return;
	}
	watch->host = look->watch.host;
	watch->generation = look->watch.generation;
	watch->tlbi = look->watch.tlbi;
	if (watch->due && watch->due <= now && watch->interval < CPU_MAX_NS)
		watch->interval *= 2;
	watch->due = (now / watch->interval + 1) * watch->interval;
}

/* With the lock held, which is released for a while. Returns whether any watch ended. */
static bool look_and_tell(struct watcher *w, unsigned int count, uint64_t now)
{
	bool any = false;

	pthread_mutex_unlock(&w->lock);
	look_at(w, count);
	pthread_mutex_lock(&w->lock);
	for (unsigned int i = 0; i < count; i++)
		put_back(w, &w->look[i], now);
	pthread_mutex_unlock(&w->lock);
	for (unsigned int i = 0; i < count; i++) {
		if (!w->look[i].ended)
			continue;
		any = true;
		notify(w, w->look[i].id);
	}
	pthread_mutex_lock(&w->lock);
	return any;
}

/* With the lock held, which is released for a while: look at what is due, or at everything. */
static bool look_round(struct watcher *w, bool everything, uint64_t now)
{
	unsigned int count = 0;
	bool any = false;

	for (unsigned int id = 0; id < w->ids; id++) {
		if (id % 64 == 0 && !w->armed[id / 64]) {
			id += 63;
			continue;
		}
		if (!is_armed(w, id) || (!everything && w->watch[id].due > now))
			continue;
		w->look[count].id = id;
		w->look[count].watch = w->watch[id];
		if (++count == BATCH) {
			any |= look_and_tell(w, count, now);
			count = 0;
		}
	}
	if (count)
		any |= look_and_tell(w, count, now);

	w->first_due = UINT64_MAX;
	for (unsigned int id = 0; id < w->ids; id++)
		if (is_armed(w, id) && w->watch[id].due < w->first_due)
			w->first_due = w->watch[id].due;
	return any;
}

/* With the lock held, which is released for a while. */
static void look_after_store(struct watcher *w, uint64_t now)
{
	bool any;

	atomic_store(&w->changed, false);
	any = look_round(w, true, now);
	if (any)
		w->store_gap = STORE_MIN_NS;
	w->store_next = vgpu_time_ns(w->eng->gpu) + w->store_gap;
	if (!any && w->store_gap < STORE_MAX_NS)
		w->store_gap *= 2;
}

/* With the lock held, which is released: until a watch is due or a store may cause a look. */
static void sleep_until_needed(struct watcher *w, uint64_t now)
{
	uint64_t end = w->first_due;
	struct timespec until;

	if (now < w->store_next) {
		/* Stores are seen when this is over. */
		if (w->store_next < end)
			end = w->store_next;
	} else {
		atomic_store(&w->asleep, true);
		if (atomic_load(&w->changed)) {
			atomic_store(&w->asleep, false);
			return;
		}
	}
	if (end == UINT64_MAX) {
		pthread_cond_wait(&w->wake, &w->lock);
	} else {
		until = clock_after(end - now);
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
	atomic_store(&w->asleep, false);
	atomic_fetch_add_explicit(&w->wakeups, 1, memory_order_relaxed);
}

static void *watch_main(void *arg)
{
	struct watcher *w = arg;
	uint64_t now;

	pthread_mutex_lock(&w->lock);
	while (!w->exiting) {
		now = vgpu_time_ns(w->eng->gpu);
		if (!atomic_load(&w->count)) {
			pthread_cond_wait(&w->wake, &w->lock);
			w->store_gap = STORE_MIN_NS;
		} else if (atomic_load(&w->changed) && now >= w->store_next) {
			look_after_store(w, now);
		} else if (now >= w->first_due) {
			look_round(w, false, now);
		} else {
			sleep_until_needed(w, now);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- for the others --------------------------------------------------------------------------- */

/**
 * watch_arm() - Begin to watch, in place of what was watched under that number.
 * @w: the watcher
 * @id: a doorbell, or the number of doorbells and that of a slot
 * @what: for what
 *
 * When it holds or memory cannot be read the watch is over, and the management core is told as if
 * the doorbell had rung; or the slot shall look for itself.
 */
void watch_arm(struct watcher *w, unsigned int id, const struct engines_condition *what)
{
	struct watch *watch = &w->watch[id];

	pthread_mutex_lock(&w->lock);
	disarm(w, id);
	watch->what = *what;
	watch->serial++;
	watch->host = NULL;
	watch->interval = CPU_MIN_NS;
	watch->due = 0;
	w->first_due = 0;
	w->armed[id / 64] |= 1ull << id % 64;
	atomic_fetch_add(&w->count, 1);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

/**
 * watch_end() - Watch no more.
 * @w: the watcher
 * @id: as for watch_arm(); nothing happens if there is no watch
 */
void watch_end(struct watcher *w, unsigned int id)
{
	if (!atomic_load(&w->count))
		return;
	pthread_mutex_lock(&w->lock);
	disarm(w, id);
	pthread_mutex_unlock(&w->lock);
}

/**
 * watch_stored() - The card has stored something.
 * @w: the watcher
 *
 * Any thread. Costs nothing while nobody waits, and little while stores come often.
 */
void watch_stored(struct watcher *w)
{
	if (!atomic_load(&w->count) || atomic_exchange(&w->changed, true))
		return;
	if (!atomic_load(&w->asleep))
		return;
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

/**
 * watch_work() - What waiting has cost since power-up.
 * @w: the watcher
 * @work: wait_looks and wait_wakeups are set
 */
void watch_work(struct watcher *w, struct engines_work *work)
{
	work->wait_looks = atomic_load_explicit(&w->looks, memory_order_relaxed);
	work->wait_wakeups = atomic_load_explicit(&w->wakeups, memory_order_relaxed);
}

/* --- life ------------------------------------------------------------------------------------- */

static void free_watcher(struct watcher *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->armed);
	free(w->watch);
	free(w);
}

/**
 * watch_create() - Start the watcher.
 * @eng: the engines
 * @slots: how many slots there will be
 *
 * Return: NULL if there is no memory or no thread to be had.
 */
struct watcher *watch_create(struct engines *eng, unsigned int slots)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->eng = eng;
	w->doorbells = vgpu_config(eng->gpu)->doorbells;
	w->ids = w->doorbells + slots;
	w->store_gap = STORE_MIN_NS;
	w->first_due = UINT64_MAX;
	mmu_init(&w->mmu, eng->gpu, &eng->as_table);
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	w->watch = calloc(w->ids, sizeof(*w->watch));
	w->armed = calloc(w->ids / 64 + 1, sizeof(*w->armed));
	if (w->watch && w->armed && !pthread_create(&w->thread, NULL, watch_main, w))
		return w;
	free_watcher(w);
	return NULL;
}

/**
 * watch_destroy() - Stop the watcher and free it.
 * @w: the watcher; nobody uses it any more
 */
void watch_destroy(struct watcher *w)
{
	pthread_mutex_lock(&w->lock);
	w->exiting = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	free_watcher(w);
}
