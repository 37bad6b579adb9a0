// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The event ring in host memory. Engines on many threads write to it; the ring's lock makes them
 * one writer. The host validates an entry by its sequence number, which is stored last.
 */
#include <string.h>

#include "device.h"
#include "reg64.h"

/**
 * event_init() - a ring that is disabled.
 * @ring: the ring
 */
void event_init(struct event_ring *ring)
{
	*ring = (struct event_ring){ 0 };
	pthread_mutex_init(&ring->lock, NULL);
}

/**
 * event_fini() - end of life.
 * @ring: the ring; nobody may use it any more
 */
void event_fini(struct event_ring *ring)
{
	pthread_mutex_destroy(&ring->lock);
}

/**
 * event_reset() - registers to their values at power-up.
 * @ring: the ring
 */
void event_reset(struct event_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->addr = 0;
	ring->entries = 0;
	ring->rptr = 0;
	ring->wptr = 0;
	ring->dropped = 0;
	pthread_mutex_unlock(&ring->lock);
}

/**
 * event_reg_read() - host reads a register of the EVENT block.
 * @ring: the ring
 * @reg: offset in the block
 *
 * Return: the value, 0 for registers that do not exist.
 */
uint32_t event_reg_read(struct event_ring *ring, uint32_t reg)
{
	uint32_t value = 0;

	pthread_mutex_lock(&ring->lock);
	switch (reg) {
	case OGPU_EVENT_ADDR_LO:
	case OGPU_EVENT_ADDR_HI:
		value = reg64_get(ring->addr, reg == OGPU_EVENT_ADDR_HI);
		break;
	case OGPU_EVENT_ENTRIES:
		value = ring->entries;
		break;
	case OGPU_EVENT_RPTR:
		value = ring->rptr;
		break;
	case OGPU_EVENT_WPTR:
		value = ring->wptr;
		break;
	case OGPU_EVENT_DROPPED:
		value = ring->dropped;
		break;
	}
	pthread_mutex_unlock(&ring->lock);
	return value;
}

/**
 * event_reg_write() - host writes a register of the EVENT block.
 * @ring: the ring
 * @reg: offset in the block
 * @value: what it writes
 */
void event_reg_write(struct event_ring *ring, uint32_t reg, uint32_t value)
{
	pthread_mutex_lock(&ring->lock);
	switch (reg) {
	case OGPU_EVENT_ADDR_LO:
		reg64_set(&ring->addr, value & ~0xfffu, false);
		break;
	case OGPU_EVENT_ADDR_HI:
		reg64_set(&ring->addr, value, true);
		break;
	case OGPU_EVENT_ENTRIES:
		ring->entries = value;
		ring->rptr = 0;
		ring->wptr = 0;
		ring->dropped = 0;
		break;
	case OGPU_EVENT_RPTR:
		ring->rptr = value;
		break;
	}
	pthread_mutex_unlock(&ring->lock);
}

/* One entry to host memory; false if the memory does not answer. */
static bool event_store(struct vgpu *gpu, uint64_t addr, const struct ogpu_event *event)
{
	struct ogpu_event *slot;

	vgpu_mem_begin(gpu);
	slot = vgpu_mem_ptr(gpu, OGPU_TARGET_SYSTEM, addr, sizeof(*slot), true);
	if (slot) {
		memcpy((char *)slot + sizeof(slot->seq), (const char *)event + sizeof(event->seq),
		       sizeof(*slot) - sizeof(slot->seq));
		__atomic_store_n(&slot->seq, event->seq, __ATOMIC_RELEASE);
	}
	vgpu_mem_end(gpu);
	return slot;
}

/**
 * vgpu_event_push() - tell the host about something.
 * @gpu: the card
 * @event: what happened; seq is filled in here
 *
 * A full ring, or one whose memory does not answer, loses the event and counts it. Any thread,
 * outside a memory bracket.
 */
void vgpu_event_push(struct vgpu *gpu, const struct ogpu_event *event)
{
	struct event_ring *ring = &gpu->event;
	struct ogpu_event entry = *event;
	bool stored = false;
	uint32_t entries;

	pthread_mutex_lock(&ring->lock);
	entries = ring->entries;
	if (entries && !(entries & (entries - 1))) {
		if (ring->wptr - ring->rptr < entries) {
			uint64_t offset = (ring->wptr & (entries - 1)) * sizeof(entry);

			entry.seq = ring->wptr + 1;
			stored = event_store(gpu, ring->addr + offset, &entry);
		}
		if (stored)
			ring->wptr++;
		else
			ring->dropped++;
	}
	pthread_mutex_unlock(&ring->lock);

	vgpu_trace(gpu, TRACE_IRQ, "event type %u queue %d value %#llx %#llx: %s", entry.type,
		   (int)entry.queue, (unsigned long long)entry.value0,
		   (unsigned long long)entry.value1, stored ? "stored" : "dropped");
	if (stored)
		vgpu_irq_raise(gpu, OGPU_VECTOR_EVENT);
}
