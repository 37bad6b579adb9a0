/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The event ring's and the signal ring's registers and writers.
 */
#ifndef OGPU_VGPU_EVENT_H
#define OGPU_VGPU_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vgpu;

struct event_ring {
	pthread_mutex_t lock;	/* of all that follows, and of the order of entries */
	uint64_t addr;
	uint32_t entries;	/* as written; 0 or no power of two: no ring */
	uint32_t rptr, wptr;
	uint32_t dropped;
};

/* Of a queue, towards the signal ring. */
enum signal_state {
	SIGNAL_DISARMED,	/* has an entry in the ring, or was never armed */
	SIGNAL_OWED,		/* likewise, and has signalled since */
	SIGNAL_ARMED,
};

struct signal_ring {
	pthread_mutex_t lock;	/* of all that follows, and of the order of entries */
	uint64_t addr;
	uint32_t entries;	/* as written */
	uint32_t wptr;
	uint32_t queues;
	uint8_t *state;		/* enum signal_state of each queue */
};

void event_init(struct event_ring *ring);
void event_fini(struct event_ring *ring);
void event_reset(struct event_ring *ring);
uint32_t event_reg_read(struct event_ring *ring, uint32_t reg);
void event_reg_write(struct event_ring *ring, uint32_t reg, uint32_t value);

/* signal.c */
int signal_init(struct signal_ring *ring, uint32_t queues);
void signal_fini(struct signal_ring *ring);
void signal_reset(struct signal_ring *ring);
uint32_t signal_reg_read(struct signal_ring *ring, uint32_t reg);
void signal_reg_write(struct vgpu *gpu, uint32_t reg, uint32_t value);

#endif
