// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The signal ring in host memory, into which queues put themselves (abi/event.h).
 *
 * A queue has at most one entry in the ring that the host has not taken: the entry disarms it, and
 * what it signals afterwards is remembered as one signal until the host arms it again. So neither a
 * flood of signals nor a host that is slow can make the ring overflow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "reg64.h"

/**
 * signal_init() - a ring that is disabled.
 * @ring: the ring
 * @queues: how many queues there can be
 *
 * Return: 0 or a negative errno.
 */
int signal_init(struct signal_ring *ring, uint32_t queues)
{
	*ring = (struct signal_ring){ .queues = queues };
	ring->state = calloc(queues, sizeof(*ring->state));
	if (!ring->state)
		return -ENOMEM;
	pthread_mutex_init(&ring->lock, NULL);
	return 0;
}

/**
 * signal_fini() - end of life.
 * @ring: the ring; nobody may use it any more
 */
void signal_fini(struct signal_ring *ring)
{
	pthread_mutex_destroy(&ring->lock);
	free(ring->state);
}

/* With the lock held: a new ring, or none. */
static void set_entries(struct signal_ring *ring, uint32_t entries)
{
	ring->entries = entries;
	ring->wptr = 0;
	memset(ring->state, SIGNAL_DISARMED, ring->queues * sizeof(*ring->state));
}

/**
 * signal_reset() - registers to their values at power-up.
 * @ring: the ring
 */
void signal_reset(struct signal_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->addr = 0;
	set_entries(ring, 0);
	pthread_mutex_unlock(&ring->lock);
}

/**
 * signal_reg_read() - host reads a SIGNAL register of the EVENT block.
 * @ring: the ring
 * @reg: offset in the block
 *
 * Return: the value, 0 for registers that do not exist.
 */
uint32_t signal_reg_read(struct signal_ring *ring, uint32_t reg)
{
	uint32_t value = 0;

	pthread_mutex_lock(&ring->lock);
	switch (reg) {
	case OGPU_SIGNAL_ADDR_LO:
	case OGPU_SIGNAL_ADDR_HI:
		value = reg64_get(ring->addr, reg == OGPU_SIGNAL_ADDR_HI);
		break;
	case OGPU_SIGNAL_ENTRIES:
		value = ring->entries;
		break;
	case OGPU_SIGNAL_WPTR:
		value = ring->wptr;
		break;
	}
	pthread_mutex_unlock(&ring->lock);
	return value;
}

static bool usable(const struct signal_ring *ring)
{
	return ring->entries >= ring->queues && !(ring->entries & (ring->entries - 1));
}

/* With the lock held: put an entry into the ring. False if its memory does not answer. */
static bool put(struct vgpu *gpu, uint32_t queue)
{
	struct signal_ring *ring = &gpu->signal;
	const struct ogpu_signal entry = { .queue = queue, .seq = ring->wptr + 1 };
	uint64_t *slot, value;

	memcpy(&value, &entry, sizeof(value));
	vgpu_mem_begin(gpu);
	slot = vgpu_mem_ptr(gpu, OGPU_TARGET_SYSTEM,
			    ring->addr + (ring->wptr & (ring->entries - 1)) * sizeof(entry),
			    sizeof(entry), true);
	if (slot)
		__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	vgpu_mem_end(gpu);
	if (slot)
		ring->wptr++;
	return slot;
}

/*
 * What happens to a queue, whose state is in the row: it signals, or the host arms it. Armed and
 * signalled at a time makes an entry.
 */
static void change(struct vgpu *gpu, uint32_t queue, bool signals)
{
	static const enum signal_state next[][2] = {
		/*			host arms		queue signals */
		[SIGNAL_DISARMED] = {	SIGNAL_ARMED,		SIGNAL_OWED },
		[SIGNAL_OWED] = {	SIGNAL_DISARMED,	SIGNAL_OWED },
		[SIGNAL_ARMED] = {	SIGNAL_ARMED,		SIGNAL_DISARMED },
	};
	struct signal_ring *ring = &gpu->signal;
	bool stored = false;

	pthread_mutex_lock(&ring->lock);
	if (queue < ring->queues && usable(ring)) {
		uint8_t *state = &ring->state[queue];
		enum signal_state old = *state;

		*state = next[old][signals];
		if (old != SIGNAL_DISARMED && *state == SIGNAL_DISARMED) {
			stored = put(gpu, queue);
			/* Not told yet: it is when the host arms it the next time. */
			if (!stored)
				*state = SIGNAL_OWED;
		}
	}
	pthread_mutex_unlock(&ring->lock);
	if (!stored)
		return;
	vgpu_trace(gpu, TRACE_IRQ, "signal of queue %u", queue);
	vgpu_irq_raise(gpu, OGPU_VECTOR_SIGNAL);
}

/**
 * signal_reg_write() - host writes a SIGNAL register of the EVENT block.
 * @gpu: the card
 * @reg: offset in the block
 * @value: what it writes
 */
void signal_reg_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	struct signal_ring *ring = &gpu->signal;

	if (reg == OGPU_SIGNAL_ARM) {
		change(gpu, value, false);
		return;
	}
	pthread_mutex_lock(&ring->lock);
	switch (reg) {
	case OGPU_SIGNAL_ADDR_LO:
		reg64_set(&ring->addr, value & ~0xfffu, false);
		break;
	case OGPU_SIGNAL_ADDR_HI:
		reg64_set(&ring->addr, value, true);
		break;
	case OGPU_SIGNAL_ENTRIES:
		set_entries(ring, value);
		break;
	}
	pthread_mutex_unlock(&ring->lock);
}

/**
 * vgpu_signal() - a FENCE packet signals.
 * @gpu: the card
 * @queue: number of its queue
 *
 * Any thread, outside a memory bracket.
 */
void vgpu_signal(struct vgpu *gpu, uint32_t queue)
{
	change(gpu, queue, true);
}
