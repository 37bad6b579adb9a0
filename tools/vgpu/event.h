/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The event ring's registers and writer.
 */
#ifndef OGPU_VGPU_EVENT_H
#define OGPU_VGPU_EVENT_H

#include <pthread.h>
#include <stdint.h>

struct vgpu;

struct event_ring {
	pthread_mutex_t lock;	/* of all that follows, and of the order of entries */
	uint64_t addr;
	uint32_t entries;	/* as written; 0 or no power of two: no ring */
	uint32_t rptr, wptr;
	uint32_t dropped;
};

void event_init(struct event_ring *ring);
void event_fini(struct event_ring *ring);
void event_reset(struct event_ring *ring);
uint32_t event_reg_read(struct event_ring *ring, uint32_t reg);
void event_reg_write(struct event_ring *ring, uint32_t reg, uint32_t value);

#endif
