/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of the program itself in an address space of the card, and jobs that use it and wait.
 */
#ifndef _OWN_H_
#define _OWN_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "card.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define PAGE	4096ull

#define VA	0x200000000000ull	/* far away from what card_buffer() uses */

/* Longer than the tests take: nothing but the test ends a job that waits. */
#define GATE_MS	3600000
#define WAIT_MS	10000

#define READ	DRM_OGPU_BIND_READ
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* What another process opens the gate after: this one must not need its own memory to do it. */
struct own_request {
	volatile uint32_t where;	/* system call that this process sleeps in */
	volatile uint32_t late;		/* it did not */
};

/** struct own - a program with a card, a copy queue, and a job */
struct own {
	struct card card;
	uint32_t queue;
	struct stream s;
	struct buffer out;
	struct buffer page;
	volatile uint64_t *gate;
	struct own_request *request;
	uint32_t done;
};

/* A card of this user that reaches the memory of programs. */
void own_open_as(struct card *card, uid_t uid);
/* As this user: each has his own account of how long others wait for his jobs. */
void own_set_up_as(struct own *t, uid_t uid);
/* As a user of its own. */
void own_set_up(struct own *t);
/* Of a VM_BIND. */
struct drm_ogpu_bind_op own_op(const void *mem, uint64_t va, uint64_t size, uint32_t flags);
int own_bind_op(struct card *card, struct drm_ogpu_bind_op op);
int own_bind(struct own *t, const void *mem, uint64_t va, uint64_t size, uint32_t flags);
void *own_anon(uint64_t size);
/* In memory, without name. */
int own_file(uint64_t size);
/* Each byte of each page differs from its neighbours and from other seeds. */
uint32_t own_word(uint64_t index, uint32_t seed);
void own_fill(void *mem, uint64_t size, uint32_t seed);
/* How many words are wrong. */
uint64_t own_wrong(const void *mem, uint64_t size, uint32_t seed);
uint64_t own_not_all(const void *mem, uint64_t size, uint32_t value);
/* Has the card copy it to the buffer. */
void own_copy_out(struct own *t, uint64_t va, uint64_t size);
void own_fill_by_card(struct own *t, uint64_t va, uint64_t size, uint32_t pattern);
/*
 * Submits a job that, once the gate is open, copies from @va to the buffer and writes @pattern to
 * @va, unless that is zero. The gate opens when this process sleeps in the system call @where.
 */
void own_submit_gated(struct own *t, uint64_t va, uint64_t size, uint32_t pattern, int where);
/* The job is over, went well, and the call has waited for it; or it had no time for that. */
bool own_was_waited(struct own *t);
/*
 * Who changes memory waits for a short time only, in which the job has to end: again as somebody
 * else if it was too short, as it may be on a machine that is busy.
 */
void own_until_waited(bool (*once)(struct own *t));
/* A job that reads @va faults, and costs nothing but its queue. */
void own_expect_fault(struct own *t, uint64_t va);
/* Opens the gate when this process sleeps in the system call @where. */
void own_open_in(struct own *t, int where);

#endif
