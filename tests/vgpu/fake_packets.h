/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What tests of packets share: a fake card with a queue of the compute engine, memory for it, and
 * how a packet must end. Included once by each test program.
 */
#ifndef OGPU_TESTS_FAKE_PACKETS_H
#define OGPU_TESTS_FAKE_PACKETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_queue.h"

#define ASID	7u
#define VA	0x10000000ull		/* 1 MiB of VRAM, read and write */
#define VA_RO	0x20000000ull		/* 64 KiB, read only */
#define VA_SYS	0x30000000ull		/* 1 MiB of host memory */
#define BYTES	0x100000u
#define COPY	2u			/* slot of the copy engine */

static struct vgpu *gpu;
static struct fake_queue queue, *q = &queue;

static uint8_t *mem(uint64_t offset)
{
	return gpu->vram + FAKE_DATA + offset;
}

static __attribute__((unused)) int setup(void **state)
{
	(void)state;
	gpu = fake_create(1);
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), BYTES, PTE_RW);
	fake_map(gpu, ASID, VA_RO, VRAM(FAKE_DATA), 0x10000, OGPU_PTE_READ);
	fake_map(gpu, ASID, VA_SYS, SYSTEM(FAKE_SYSTEM + 0x100000), BYTES, PTE_RW);
	q_init(q, gpu, 0, ASID, OGPU_QUEUE_PRIVILEGED);
	q_start(q);
	for (unsigned int i = 0; i < BYTES; i++)
		mem(0)[i] = i * 7 + (i >> 8);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(gpu);
	return 0;
}

/* Puts a fence after what was put, and waits for it. */
static __attribute__((unused)) void done(void)
{
	static uint64_t number = 100;
	struct ogpu_pkt_fence f = { .addr = SYSTEM(FAKE_SYSTEM + 0x3000), .value = ++number };
	struct timespec until;
	unsigned int before = gpu->events;
	int err = 0;

	q_put(q, OGPU_OP_FENCE, OGPU_FENCE_PHYS | OGPU_FENCE_IRQ, &f, sizeof(f));
	q_ring(q);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += Q_TIMEOUT_S;
	pthread_mutex_lock(&gpu->lock);
	while (gpu->events == before && q_state(q) != OGPU_SLOT_FAILED && !err)
		err = pthread_cond_timedwait(&gpu->change, &gpu->lock, &until);
	pthread_mutex_unlock(&gpu->lock);
	if (q_state(q) == OGPU_SLOT_FAILED)
		fail_msg("queue error %u detail 0x%x", q_error(q), q_read(q, OGPU_SLOT_DETAIL));
	assert_int_equal(*(uint64_t *)(gpu->system + 0x3000), number);
	assert_int_equal(gpu->event[before].type, OGPU_EVENT_FENCE);
	assert_int_equal(gpu->event[before].queue, 40);
	assert_int_equal(gpu->event[before].asid, ASID);
	assert_int_equal(gpu->event[before].value0, f.addr);
	assert_int_equal(gpu->event[before].value1, number);
	assert_int_equal(q_rptr(q), q->wptr);
	gpu->events = 0;
}

/* The packet in the ring must fail that way; the queue is then set up anew. */
static __attribute__((unused))
void wrong_slot(struct fake_queue *wq, uint32_t opcode, uint32_t flags, const void *packet,
		uint32_t bytes, enum ogpu_queue_error error)
{
	uint64_t at = wq->wptr;

	q_put(wq, opcode, flags, packet, bytes);
	q_ring(wq);
	assert_true(q_wait(wq, OGPU_SLOT_FAILED));
	if (q_error(wq) != error)
		fail_msg("opcode %u flags 0x%x bytes %u: error %u, should be %u", opcode, flags,
			 bytes, q_error(wq), error);
	assert_int_equal(q_read(wq, OGPU_SLOT_DETAIL), opcode);
	assert_int_equal(q_read64(wq, OGPU_SLOT_POS_LO), at);
	assert_int_equal(q_rptr(wq), at);
	q_restart(wq);
}

static __attribute__((unused))
void wrong(uint32_t opcode, uint32_t flags, const void *packet, uint32_t bytes,
	   enum ogpu_queue_error error)
{
	wrong_slot(q, opcode, flags, packet, bytes, error);
}

static __attribute__((unused))
void memory_fault(uint32_t opcode, uint32_t flags, const void *packet, uint32_t bytes,
		  uint64_t va, enum ogpu_access access, enum ogpu_fault_reason reason)
{
	uint32_t status;

	q_put(q, opcode, flags, packet, bytes);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	status = q_read(q, OGPU_SLOT_STATUS);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ERROR, status), OGPU_QERR_MEMORY);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON, status), reason);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ACCESS, status), access);
	assert_int_equal(q_read64(q, OGPU_SLOT_FAULT_VA_LO), va);
	q_restart(q);
}

/* Writes a packet to memory, for a buffer. */
static __attribute__((unused))
uint32_t ib_put(uint64_t offset, uint32_t opcode, uint32_t flags, const void *packet,
		uint32_t bytes)
{
	uint32_t header = OGPU_PKT_HDR(opcode, flags, bytes);

	memcpy(mem(offset), packet, bytes);
	memcpy(mem(offset), &header, 4);
	return bytes;
}

#endif
