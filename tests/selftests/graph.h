/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Random work whose results are known: a graph of jobs on many queues, ordered by what they read
 * and write.
 *
 * Memory is cells of 64 words. A job makes a cell of others, in a way that depends on their order;
 * the CPU does the same when the job is submitted. A job waits for what it reads and for those who
 * still read what it writes, by all the ways that there are. So a job that is lost, done twice or
 * too early, and memory that loses a byte, make a cell wrong, and what is made of it. Besides, each
 * job adds to and XORs a word of its queue, which tells the same of jobs whose cell nobody reads.
 */
#ifndef _GRAPH_H_
#define _GRAPH_H_

#include <stdbool.h>
#include <stdint.h>

#include "card.h"

#define GRAPH_QUEUES	64
#define GRAPH_CELLS	256
#define GRAPH_WORDS	64
#define GRAPH_DEPTH	16	/* jobs of a queue that may be under way */
#define GRAPH_SNAPS	64
#define GRAPH_STAMPS	1024
#define GRAPH_PEERS	64
#define GRAPH_BINARIES	64
#define GRAPH_WAIT_MS	150000
/* None of its jobs is killed because others have the card. */
#define GRAPH_TIMEOUT_MS	600000

/** struct graph_size - how much of everything */
struct graph_size {
	/** @queues: 1 .. GRAPH_QUEUES, of both engines and all priorities */
	unsigned int queues;
	/** @cells: 2 .. GRAPH_CELLS, each with a mapping of its own */
	unsigned int cells;
	/** @buffers: that the cells are in, by turns in VRAM, in system memory and in either */
	unsigned int buffers;
	/** @buffer_bytes: size of each, a multiple of 64 KiB */
	uint64_t buffer_bytes;
};

/** struct graph_cell - GRAPH_WORDS words of memory */
struct graph_cell {
	struct buffer *buf;
	uint64_t offset;
	/** @at: which of the two addresses that it has in turn is mapped */
	unsigned int at;
	uint64_t va[2];
	/** @bind_point: of the bind that mapped it */
	uint64_t bind_point;
	/** @writer: queue that was the last to write, and the point of that job; 0: none */
	unsigned int writer;
	uint64_t written;
	/** @read: points of the last jobs that read, by queue */
	uint64_t read[GRAPH_QUEUES];
	/** @words: what it will be when all jobs are done */
	uint64_t words[GRAPH_WORDS];
};

/** struct graph_queue - a queue, or several one after the other */
struct graph_queue {
	uint32_t id;
	bool compute;
	/** @timeline: its jobs signal one point after the other */
	uint32_t timeline;
	uint64_t point;
	/** @first: point of the first job of the queue of this @id */
	uint64_t first;
	/** @others: jobs of that queue that signal no point */
	unsigned int others;
	/** @acc: what the word of the queue will be */
	uint64_t acc;
	struct stream s;
	uint64_t save_va;
};

/** struct graph_snap - copy of a cell that a job has made, to be looked at later */
struct graph_snap {
	uint64_t words[GRAPH_WORDS];
};

/** struct graph_cross - a job that waited for a point of another graph's @timeline */
struct graph_cross {
	uint32_t peer;
	uint64_t point;
	/** @stamp: index of the time at which it began */
	unsigned int stamp;
};

/** struct graph - see above; one thread at a time */
struct graph {
	struct card *card;
	struct graph_size size;
	uint64_t random;
	uint64_t save_bytes;
	struct buffer code, control, out;
	struct buffer *bufs;
	struct graph_cell *cells;
	struct graph_queue queues[GRAPH_QUEUES];
	struct graph_snap snaps[GRAPH_SNAPS];
	unsigned int snap_count;
	struct stream gather;
	uint32_t bind_timeline;
	uint64_t bind_point;
	/** @binary: used again and again, but for different things only in different calls */
	uint32_t binary[GRAPH_BINARIES];
	unsigned int next_binary;
	/** @extra: that the next job has to wait for besides */
	struct drm_ogpu_sync extra;
	/** @timeline: if not 0, some jobs signal it and store when they ended */
	uint32_t timeline;
	uint64_t published;
	/** @peers: timelines of other graphs on the same card, which some jobs wait for */
	uint32_t peers[GRAPH_PEERS];
	unsigned int peer_count;
	struct graph_cross cross[GRAPH_STAMPS];
	unsigned int cross_count;
	uint64_t jobs;
	/** @evicted: buffers that may be in VRAM only and were seen elsewhere */
	unsigned int evicted;
	/** @wrong: words and counts that were not as they should be */
	unsigned int wrong;
};

uint64_t graph_random(uint64_t *state);
/* 0 .. @n - 1 */
unsigned int graph_pick(uint64_t *state, unsigned int n);

void graph_open(struct graph *g, struct card *card, const struct graph_size *size, uint64_t seed);
/* Up to 8 jobs in one SUBMIT. */
void graph_step(struct graph *g);
/* The next job also waits for this, which is in memory of the caller no longer than the call. */
void graph_wait_for(struct graph *g, struct drm_ogpu_sync sync);
/* A queue goes while it has work, and another one takes its place. */
void graph_replace_queue(struct graph *g);
/* A cell moves to another address while jobs are under way, by asynchronous binds. */
void graph_move_cell(struct graph *g);
/* Adds to @evicted those that are elsewhere now. graph_check() does that, too. */
void graph_count_evicted(struct graph *g);
/* Waits for all jobs and looks at everything. False, and says so, if anything has been wrong. */
bool graph_check(struct graph *g);
/* When jobs ended that signalled @timeline, by point; 0: it has not. After graph_check(). */
uint64_t graph_ended(const struct graph *g, uint64_t point);
/* When the job of a graph_cross began. */
uint64_t graph_began(const struct graph *g, const struct graph_cross *cross);

#endif
