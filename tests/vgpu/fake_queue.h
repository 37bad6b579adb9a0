/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A queue on a slot of the fake card, driven through the slot registers as firmware does. */
#ifndef OGPU_TESTS_FAKE_QUEUE_H
#define OGPU_TESTS_FAKE_QUEUE_H

#include "abi/mbox.h"
#include "abi/packet.h"
#include "fake_card.h"

#define Q_RING_SIZE	OGPU_RING_MIN_SIZE
#define Q_RING		0x10000u	/* VRAM offset, one for each slot */
#define Q_POINTERS	(FAKE_SYSTEM + 0x1000)
#define Q_TIMEOUT_S	20

struct fake_queue {
	struct vgpu *gpu;
	unsigned int slot;
	uint64_t wptr;
	uint64_t pos, context12;	/* saved */
	uint32_t context0, context3[3];
	uint32_t held;
	uint64_t counter[OGPU_COUNTERS];
	uint32_t asid, flags;
	uint64_t save;			/* descriptor */
	uint32_t save_size, priority, cu_mask[8];
};

static uint64_t *q_pointer(struct fake_queue *q, unsigned int n)
{
	return (uint64_t *)(q->gpu->system + 0x1000 + q->slot * 64) + n;
}

/* The read pointer in memory. */
static __attribute__((unused)) uint64_t q_rptr(struct fake_queue *q)
{
	return __atomic_load_n(q_pointer(q, 0), __ATOMIC_SEQ_CST);
}

static uint32_t q_read(struct fake_queue *q, uint32_t reg)
{
	return engines_slot_read(q->gpu->engines, q->slot, reg);
}

static void q_write(struct fake_queue *q, uint32_t reg, uint32_t value)
{
	engines_slot_write(q->gpu->engines, q->slot, reg, value);
}

static void q_write64(struct fake_queue *q, uint32_t reg, uint64_t value)
{
	q_write(q, reg, (uint32_t)value);
	q_write(q, reg + 4, value >> 32);
}

static uint64_t q_read64(struct fake_queue *q, uint32_t reg)
{
	uint64_t lo = q_read(q, reg);

	return (uint64_t)q_read(q, reg + 4) << 32 | lo;
}

static enum ogpu_slot_state q_state(struct fake_queue *q)
{
	return FIELD_GET(OGPU_SLOT_STATUS_STATE, q_read(q, OGPU_SLOT_STATUS));
}

static __attribute__((unused)) enum ogpu_queue_error q_error(struct fake_queue *q)
{
	return FIELD_GET(OGPU_SLOT_STATUS_ERROR, q_read(q, OGPU_SLOT_STATUS));
}

static void q_start(struct fake_queue *q)
{
	q_write(q, OGPU_SLOT_QUEUE, 40 + q->slot);
	q_write(q, OGPU_SLOT_DOORBELL, 40 + q->slot);
	q_write(q, OGPU_SLOT_ASID, q->asid);
	q_write(q, OGPU_SLOT_FLAGS, q->flags);
	q_write64(q, OGPU_SLOT_RING_LO, VRAM(Q_RING + q->slot * Q_RING_SIZE));
	q_write(q, OGPU_SLOT_RING_SIZE, Q_RING_SIZE);
	q_write64(q, OGPU_SLOT_RPTR_LO, SYSTEM(Q_POINTERS + q->slot * 64));
	q_write64(q, OGPU_SLOT_WPTR_LO, SYSTEM(Q_POINTERS + q->slot * 64 + 8));
	q_write64(q, OGPU_SLOT_POS_LO, q->pos);
	q_write(q, OGPU_SLOT_CONTEXT0, q->context0);
	q_write64(q, OGPU_SLOT_CONTEXT1, q->context12);
	for (unsigned int i = 0; i < 3; i++)
		q_write(q, OGPU_SLOT_CONTEXT3 + 4 * i, q->context3[i]);
	q_write(q, OGPU_SLOT_HELD, q->held);
	for (unsigned int i = 0; i < OGPU_COUNTERS; i++) {
		q_write(q, OGPU_SLOT_COUNTER_INDEX, i);
		q_write64(q, OGPU_SLOT_COUNTER_LO, q->counter[i]);
	}
	q_write(q, OGPU_SLOT_PRIORITY, q->priority);
	q_write64(q, OGPU_SLOT_SAVE_LO, q->save);
	q_write(q, OGPU_SLOT_SAVE_SIZE, q->save_size);
	for (unsigned int i = 0; i < 8; i++)
		q_write(q, OGPU_SLOT_CU_MASK(i), q->cu_mask[i]);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
}

static void q_init(struct fake_queue *q, struct vgpu *gpu, unsigned int slot, uint32_t asid,
		   uint32_t flags)
{
	*q = (struct fake_queue){
		.gpu = gpu, .slot = slot, .asid = asid, .flags = flags,
		.save = VRAM(FAKE_SAVE + slot * (uint64_t)FAKE_SAVE_BYTES),
		.save_size = slot < 2 ? FAKE_SAVE_BYTES : 0,
	};
	*q_pointer(q, 0) = 0;
	*q_pointer(q, 1) = 0;
}

/* Writes a packet into the ring; the header is made here. */
static void q_put(struct fake_queue *q, uint32_t opcode, uint32_t flags, const void *packet,
		  uint32_t bytes)
{
	uint8_t *ring = q->gpu->vram + Q_RING + q->slot * Q_RING_SIZE;
	uint32_t header = OGPU_PKT_HDR(opcode, flags, bytes);

	for (uint32_t i = 0; i < bytes; i++) {
		const uint8_t *from = i < 4 ? (uint8_t *)&header : (const uint8_t *)packet;

		ring[(q->wptr + i) % Q_RING_SIZE] = from[i];
	}
	q->wptr += bytes;
}

static void q_ring(struct fake_queue *q)
{
	__atomic_store_n(q_pointer(q, 1), q->wptr, __ATOMIC_SEQ_CST);
	engines_doorbell(q->gpu->engines, 40 + q->slot, NULL);
}

/* Sleeps until the slot reports a state other than running; false if it does not. */
static __attribute__((unused)) bool q_wait(struct fake_queue *q, enum ogpu_slot_state state)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += Q_TIMEOUT_S;
	pthread_mutex_lock(&q->gpu->lock);
	while (q_state(q) != state && !err)
		err = pthread_cond_timedwait(&q->gpu->change, &q->gpu->lock, &until);
	pthread_mutex_unlock(&q->gpu->lock);
	return q_state(q) == state;
}

static __attribute__((unused)) void q_clear(struct fake_queue *q)
{
	q->pos = q_read64(q, OGPU_SLOT_POS_LO);
	q->context0 = q_read(q, OGPU_SLOT_CONTEXT0);
	q->context12 = q_read64(q, OGPU_SLOT_CONTEXT1);
	for (unsigned int i = 0; i < 3; i++)
		q->context3[i] = q_read(q, OGPU_SLOT_CONTEXT3 + 4 * i);
	q->held = q_read(q, OGPU_SLOT_HELD);
	for (unsigned int i = 0; i < OGPU_COUNTERS; i++) {
		q_write(q, OGPU_SLOT_COUNTER_INDEX, i);
		q->counter[i] = q_read64(q, OGPU_SLOT_COUNTER_LO);
	}
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
}

/* From the start of its ring, with the same descriptor. */
static __attribute__((unused)) void q_restart(struct fake_queue *q)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	q->wptr = 0;
	q->pos = 0;
	q->context0 = 0;
	memset(q->context3, 0, sizeof(q->context3));
	q->context12 = 0;
	q->held = 0;
	*q_pointer(q, 0) = 0;
	*q_pointer(q, 1) = 0;
	q_start(q);
}

#endif
