/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Inside the engines: queue slots, their command processors, and the pool of compute units.
 *
 * Locks: a slot's lock and the watcher's are leaves; a slot's may be taken under the pool's.
 * Nothing outside this part is called with one of them held, nor is the memory bracket entered.
 */
#ifndef OGPU_VGPU_ENGINES_H
#define OGPU_VGPU_ENGINES_H

#include "abi/packet.h"
#include "cu.h"
#include "mmu.h"
#include "vgpu.h"

/* Bits of slot.stop: what the slot's thread shall do instead of executing packets. */
#define STOP_PREEMPT	BIT(0)
#define STOP_KILL	BIT(1)
#define STOP_HANG	BIT(2)	/* injected: nothing but a reset helps */
#define STOP_RESET	BIT(3)
#define STOP_EXIT	BIT(4)

/* How a packet, or a run of them, came to its end. */
enum step {
	STEP_DONE,
	STEP_STOP,	/* slot.stop is set; the packet is unfinished, the context says how far */
	STEP_FAIL,	/* slot.failure is set */
};

struct slot_failure {
	enum ogpu_queue_error error;
	struct mmu_fault fault;
	uint64_t pc;
	uint32_t detail;
	bool replay;			/* the context says how to try again */
};

/* What firmware wrote before START. */
struct slot_queue {
	uint32_t queue, doorbell, asid, flags;
	uint64_t ring, rptr, wptr, save;	/* address operands */
	uint32_t ring_size, save_size;
	uint32_t cu_mask[8];		/* all zero: every unit */
};

/* Where execution stands (abi/mc.h). */
struct slot_context {
	uint64_t pos;
	uint64_t context12;
	uint32_t inner[OGPU_INDIRECT_LEVELS];	/* CONTEXT0, 3, 4, 5 */
	uint32_t held;
	uint64_t pc;			/* out: of a work-item under way, see FAULT_PC */
};

/* Why a slot whose ring was empty goes on. */
enum slot_news {
	NEWS_LOOK,	/* memory may have another write pointer, or there are orders */
	NEWS_WPTR,	/* the doorbell told it */
};

struct slot {
	struct engines *eng;
	struct vgpu *gpu;
	unsigned int index;
	enum ogpu_engine_class class;
	pthread_t thread;
	_Atomic uint32_t stop;		/* STOP_* */
	_Atomic uint32_t priority;	/* enum ogpu_priority */

	pthread_mutex_t lock;		/* of what follows, down to the blank line */
	pthread_cond_t wake;		/* something for the thread to do */
	pthread_cond_t obeyed;		/* an order was carried out */
	uint64_t ordered;		/* when the first came of PREEMPT and KILL in stop */
	struct slot_queue queue;
	enum ogpu_slot_state state;
	struct slot_failure failure;	/* valid while FAILED */
	struct slot_context shown;	/* in the registers: as of the last change of state */
	bool rung;			/* doorbell since the write pointer was read */
	bool rung_wptr;			/* one that told it: */
	uint64_t wptr;
	bool resumed;			/* RESUME came */
	bool recheck;			/* memory that a WAIT looks at may have changed */
	bool wait_valid;		/* in a WAIT, for: */
	struct engines_condition wait;
	uint64_t busy_ns;		/* since START, without the stretch that is under way */
	uint64_t busy_since;
	uint64_t busy_total;		/* since power-up, likewise */
	uint32_t busy_hi;		/* latch */
	/* Likewise with a workgroup on a unit, or executing other packets. */
	unsigned int unit_users;
	uint64_t unit_ns, unit_since;
	uint32_t unit_hi;
	uint32_t counter_index;
	uint64_t counter[OGPU_COUNTERS];

	struct slot_context context;	/* the thread's while it executes, else under the lock */
	struct mmu mmu;			/* the thread's */
	int64_t credit_ns;		/* the thread's, see share.h */
	uint64_t walks;			/* likewise: of mmu, as far as they are counted */
};

struct pool;
struct processor;
struct watcher;

struct engines {
	struct vgpu *gpu;
	struct pool *pool;
	unsigned int slots;
	struct slot *slot;
	_Atomic uint64_t as_table;	/* MMU_AS_TABLE() */
	pthread_mutex_t code_lock;	/* of code_log, and of changes of code_count, */
	struct tlbi_log code_log;	/* code that is not to be used any more, */
	_Atomic uint64_t code_count;	/* and its count, see engines_code_count() */
	_Atomic uint64_t bytes_moved;
	_Atomic uint64_t late_ns;	/* until when somebody waited for a slot that is late */
	struct watcher *watcher;
};

/* slot.c */
bool slot_create(struct engines *eng, unsigned int index, enum ogpu_engine_class class);
void slot_destroy(struct slot *slot);
bool slot_set_state(struct slot *slot, enum ogpu_slot_state state);
uint64_t slot_busy(const struct slot *slot, uint64_t ended);
uint64_t slot_unit_ns(const struct slot *slot);
void slot_unit_begin(struct slot *slot);
void slot_unit_end(struct slot *slot);
void slot_order(struct slot *slot, uint32_t stop);
void slot_wait_late(struct slot *slot);
void slot_count(struct slot *slot, const uint64_t *more);
void slot_count_bytes(struct slot *slot, uint64_t read, uint64_t written);
/* The same, for the command processor. */
enum slot_news slot_wait_idle(struct slot *slot, uint64_t *wptr);
bool slot_wait_memory(struct slot *slot, const struct engines_condition *what);
void slot_wait_over(struct slot *slot);
bool slot_stall(struct slot *slot);
/* For the watcher. */
void slot_recheck(struct slot *slot);

/* A queue is on it and has not stopped. */
static inline bool slot_live(enum ogpu_slot_state state)
{
	return state == OGPU_SLOT_RUNNING || state == OGPU_SLOT_IDLE ||
	       state == OGPU_SLOT_WAITING || state == OGPU_SLOT_FAULTED;
}

/* engines.c */
void engines_memory_changed(struct engines *eng);

/* engines.c, for caches of code */
void engines_code_invalidate(struct engines *eng, const struct tlbi *what);
uint64_t engines_code_count(struct engines *eng);
bool engines_code_dropped(struct engines *eng, uint32_t asid, uint64_t va, uint64_t *since);

/* watch.c */
struct watcher *watch_create(struct engines *eng, unsigned int slots);
void watch_destroy(struct watcher *w);
void watch_arm(struct watcher *w, unsigned int id, const struct engines_condition *what);
void watch_end(struct watcher *w, unsigned int id);
void watch_stored(struct watcher *w);
void watch_work(struct watcher *w, struct engines_work *work);
bool condition_holds(const struct engines_condition *what, uint64_t now);

/* command.c */
enum step command_run(struct slot *slot, struct slot_queue *queue);

/* copy.c: slices of rows of bytes */
struct move {
	uint64_t src, dst;	/* address operands; VAs if rows */
	bool rows;
	uint64_t extent[3];	/* bytes, rows, slices */
	uint64_t src_pitch[2], dst_pitch[2];	/* of rows and slices */
	uint32_t *pattern;	/* NULL, or a page that is the source of everything */
	bool whole;		/* whatever orders the slot has */
	bool *lost;		/* NULL, or set where zeros were stored for what is lost */
};

uint64_t move_bytes(const struct move *m);
enum step move_run(struct slot *slot, const struct move *m, uint64_t *done,
		   struct mmu_fault *fault);

/* dispatch.c */
struct pool *pool_create(struct engines *eng);
void pool_destroy(struct pool *pool);
enum step pool_dispatch(struct processor *cp, const struct cu_launch *launch,
			struct cu_error *error);
void pool_clean(struct pool *pool);
void pool_poke(struct pool *pool);
uint64_t pool_lane_instructions(struct pool *pool);

#endif
