// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Slots: states, orders, context save and restore, hangs and resets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "fake_kernels.h"
#include "fake_queue.h"

#define ASID	3u
#define VA	0x10000000ull		/* 32 MiB of VRAM */
#define VA_BYTES	0x2000000u
#define ARGS	0x100u			/* offsets from VA */
#define OUT	0x10000u
#define CODE	(FAKE_DATA - 0x10000)	/* VRAM offset */

static struct vgpu *gpu;
static struct fake_queue queue, *q = &queue;

static uint8_t *mem(uint64_t offset)
{
	return gpu->vram + FAKE_DATA + offset;
}

static int setup(void **state)
{
	(void)state;
	gpu = fake_create(2);
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), VA_BYTES, PTE_RW);
	kernels_load(gpu, ASID, CODE);
	q_init(q, gpu, 0, ASID, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(gpu);
	return 0;
}

static void put_fence(struct fake_queue *fq, uint64_t offset, uint64_t value)
{
	struct ogpu_pkt_fence f = { .addr = VA + offset, .value = value };

	q_put(fq, OGPU_OP_FENCE, 0, &f, sizeof(f));
}

static uint64_t cell(uint64_t offset)
{
	return __atomic_load_n((uint64_t *)mem(offset), __ATOMIC_SEQ_CST);
}

static struct ogpu_pkt_dispatch dispatch(const char *kernel, uint32_t groups, uint32_t items)
{
	return (struct ogpu_pkt_dispatch){
		.entry = kernel_entry(kernel), .args = VA + ARGS, .grid = { groups, 1, 1 },
		.group = { items, 1, 1 }, .local_bytes = 4096, .private_bytes = 512,
	};
}

static void put_dispatch(struct fake_queue *fq, const char *kernel, uint32_t groups,
			 uint32_t items)
{
	struct ogpu_pkt_dispatch d = dispatch(kernel, groups, items);

	q_put(fq, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
}

static void wait_cell(uint64_t offset, uint64_t value)
{
	uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000000000ull;

	while (cell(offset) != value && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_int_equal(cell(offset), value);
}

static void preempt(void)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
}

static void resume(void)
{
	q_clear(q);
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	q_start(q);
}

static unsigned int wakes(void)
{
	unsigned int count;

	pthread_mutex_lock(&gpu->lock);
	count = gpu->wakes;
	pthread_mutex_unlock(&gpu->lock);
	return count;
}

/* What ends the card's idle state: START, a doorbell, memory that a WAIT was for. */
static void test_work_is_told(void **state)
{
	struct ogpu_pkt_wait wait = { .addr = VA + OUT, .value = 1, .mask = UINT64_MAX };

	(void)state;
	assert_int_equal(wakes(), 0);
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(wakes(), 1);
	q_put(q, OGPU_OP_WAIT, 0, &wait, sizeof(wait));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	assert_int_equal(wakes(), 2);
	__atomic_store_n((uint64_t *)mem(OUT), 1, __ATOMIC_SEQ_CST);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(wakes(), 3);
}

/* What a queue has had too much of units, or is owed, is not the next one's. */
static void test_shares_end(void **state)
{
	(void)state;
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	preempt();
	gpu->engines->slot[0].credit_ns = -1000000;
	q_clear(q);
	assert_int_equal(gpu->engines->slot[0].credit_ns, 0);
}

static void test_states(void **state)
{
	(void)state;
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	assert_false(engines_doorbell(gpu->engines, 40, NULL));
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_true(gpu->slot_irqs & 1);
	assert_true(engines_doorbell(gpu->engines, 40, NULL));
	assert_false(engines_doorbell(gpu->engines, 41, NULL));
	/* The descriptor cannot be changed now, nor the slot be started or cleared. */
	q_write(q, OGPU_SLOT_QUEUE, 99);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	q_write(q, OGPU_SLOT_CTRL, 77);
	assert_int_equal(q_read(q, OGPU_SLOT_QUEUE), 40);
	assert_int_equal(q_state(q), OGPU_SLOT_IDLE);
	put_fence(q, OUT, 5);
	q_ring(q);
	wait_cell(OUT, 5);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(q_rptr(q), q->wptr);
	preempt();
	assert_false(engines_doorbell(gpu->engines, 40, NULL));
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), q->wptr);
	resume();
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_KILLED);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	/* There is no such slot. */
	assert_int_equal(engines_slot_read(gpu->engines, 99, OGPU_SLOT_STATUS), 0);
	engines_slot_write(gpu->engines, 99, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
}

/* A KILL that comes too late for its queue does nothing to an empty slot or to the next queue. */
static void test_late_kill(void **state)
{
	(void)state;
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	for (unsigned int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	for (unsigned int i = 0; i < 1000; i++) {
		q_start(q);
		assert_true(q_wait(q, OGPU_SLOT_IDLE));
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		for (unsigned int n = 0; n < i % 8; n++)
			sched_yield();
		assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	}
}

static void test_bad_descriptor(void **state)
{
	static const struct {
		uint32_t reg, value;
	} bad[] = {
		{ OGPU_SLOT_RING_LO, 0x10008 }, { OGPU_SLOT_WPTR_HI, 1u << 30 | 1u << 31 },
		{ OGPU_SLOT_RING_HI, 1u << 31 }, { OGPU_SLOT_RING_HI, 1u << 24 },
		{ OGPU_SLOT_RING_SIZE, 0 }, { OGPU_SLOT_RING_SIZE, 2048 },
		{ OGPU_SLOT_RING_SIZE, 4096 + 8 }, { OGPU_SLOT_RING_SIZE, 2u << 20 },
		{ OGPU_SLOT_RPTR_LO, 4 }, { OGPU_SLOT_WPTR_LO, 0x1004 },
		{ OGPU_SLOT_WPTR_HI, 1u << 30 | 1 << 8 }, { OGPU_SLOT_ASID, 0x10000 },
		{ OGPU_SLOT_FLAGS, 4 }, { OGPU_SLOT_POS_LO, 4 },
		{ OGPU_SLOT_SAVE_LO, 0x800 }, { OGPU_SLOT_SAVE_HI, 1u << 31 },
		{ OGPU_SLOT_SAVE_HI, 1u << 24 },
		{ OGPU_SLOT_SAVE_HI, 1u << 30 | 1u << 31 | 1u << 16 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Write all of it, then one member again: START came with the first. */
		q_start(q);
		assert_true(q_wait(q, OGPU_SLOT_IDLE));
		preempt();
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		q_write(q, bad[i].reg, bad[i].value);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_RING);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	}
}

/* CONTEXT1/2 that the packet at POS cannot have left. */
static void test_bad_progress(void **state)
{
	struct ogpu_pkt_copy copy = { .src = VA, .dst = VA + 0x1000, .bytes = 64 };
	struct ogpu_pkt_fill fill = { .dst = VA + 0x1000, .bytes = 64 };
	struct ogpu_pkt_fence fence = { .addr = VA + 0x1000 };
	const struct {
		uint32_t opcode, bytes;
		const void *packet;
		uint64_t progress;
	} bad[] = {
		{ OGPU_OP_NOP, 8, &copy, 8 },
		{ OGPU_OP_COPY, sizeof(copy), &copy, 65 },
		{ OGPU_OP_COPY, sizeof(copy), &copy, 1ull << 32 },
		{ OGPU_OP_FILL, sizeof(fill), &fill, 2 },
		{ OGPU_OP_FILL, sizeof(fill), &fill, 68 },
		{ OGPU_OP_FENCE, sizeof(fence), &fence, 1 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		q_init(q, gpu, 0, ASID, 0);
		q_put(q, bad[i].opcode, 0, bad[i].packet, bad[i].bytes);
		*q_pointer(q, 1) = q->wptr;
		q->context12 = bad[i].progress;
		q_start(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_PACKET);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	}

	/* More workgroups than there are: all have started. */
	q_init(q, gpu, 0, ASID, 0);
	put_dispatch(q, "endless", 3, 32);
	put_fence(q, 0, 1);
	*q_pointer(q, 1) = q->wptr;
	q->context12 = 5;
	q_start(q);
	wait_cell(0, 1);
}

static void test_kill_dispatch(void **state)
{
	(void)state;
	q_start(q);
	put_dispatch(q, "endless", 1000, 64);
	q_ring(q);
	for (unsigned int i = 0; i < 100; i++)
		sched_yield();
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_KILLED);
	/* The units are free for the next one. */
	q_restart(q);
	put_fence(q, OUT, 9);
	q_ring(q);
	wait_cell(OUT, 9);
}

static void test_reset(void **state)
{
	struct fake_queue other;

	(void)state;
	q_start(q);
	put_dispatch(q, "endless", 5, 64);
	q_ring(q);
	q_init(&other, gpu, 1, ASID, 0);
	q_start(&other);
	put_dispatch(&other, "endless", 5, 64);
	q_ring(&other);
	engines_reset(gpu->engines);
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	assert_int_equal(q_state(&other), OGPU_SLOT_EMPTY);
	assert_int_equal(q_read(q, OGPU_SLOT_QUEUE), 0);
	assert_int_equal(q_read(q, OGPU_SLOT_RING_SIZE), 0);
	q_init(q, gpu, 0, ASID, 0);
	q_start(q);
	put_fence(q, OUT, 10);
	q_ring(q);
	wait_cell(OUT, 10);
}

static void test_hang(void **state)
{
	(void)state;
	q_start(q);
	put_dispatch(q, "endless", 5, 64);
	q_ring(q);
	engines_inject_hang(gpu->engines, 0);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	for (unsigned int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_not_equal(q_state(q), OGPU_SLOT_FAILED);
	assert_int_not_equal(q_state(q), OGPU_SLOT_SAVED);
	engines_reset(gpu->engines);
	assert_int_equal(q_state(q), OGPU_SLOT_EMPTY);
	/* A slot that hangs while empty takes a queue and does nothing with it. */
	engines_inject_hang(gpu->engines, 0);
	q_init(q, gpu, 0, ASID, 0);
	q_start(q);
	put_fence(q, OUT, 11);
	q_ring(q);
	for (unsigned int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(q_state(q), OGPU_SLOT_RUNNING);
	assert_int_not_equal(cell(OUT), 11);
	engines_reset(gpu->engines);
	q_init(q, gpu, 0, ASID, 0);
	q_start(q);
	put_fence(q, OUT, 12);
	q_ring(q);
	wait_cell(OUT, 12);
}

/* Preempt a dispatch again and again: each workgroup runs exactly once. */
static void test_preempt_dispatch(void **state)
{
	const struct count_args args = { VA + OUT };
	const uint32_t groups = 3000, items = 256;
	unsigned int saved = 0;
	uint64_t last = 0;

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	memset(mem(OUT), 0, 64);
	q_start(q);
	put_dispatch(q, "count", groups, items);
	put_fence(q, OUT + 32, 1);
	q_ring(q);
	while (cell(OUT + 32) != 1) {
		uint64_t seen = cell(OUT + 8);

		while (cell(OUT + 8) == seen && cell(OUT + 32) != 1)
			sched_yield();
		preempt();
		saved++;
		assert_true(q_read64(q, OGPU_SLOT_CONTEXT1) >= last ||
			    q_read64(q, OGPU_SLOT_POS_LO) > 0);
		last = q_read64(q, OGPU_SLOT_CONTEXT1);
		/* What has started has ended, or is held, and has been counted once at most. */
		if (q_read64(q, OGPU_SLOT_POS_LO) == 0)
			assert_in_range(cell(OUT + 8),
					(last - q_read(q, OGPU_SLOT_HELD)) * items, last * items);
		resume();
	}
	assert_int_equal(cell(OUT), (uint64_t)groups * items);
	assert_int_equal(cell(OUT + 8), (uint64_t)groups * items);
	assert_true(saved > 2);
}

static uint32_t ib_put(uint64_t offset, uint32_t opcode, const void *packet, uint32_t bytes)
{
	uint32_t header = OGPU_PKT_HDR(opcode, 0, bytes);

	memcpy(mem(offset), packet, bytes);
	memcpy(mem(offset), &header, 4);
	return bytes;
}

/* The same inside an indirect buffer, behind another packet. */
static void test_preempt_indirect(void **state)
{
	const struct count_args args = { VA + OUT };
	struct ogpu_pkt_dispatch d;
	struct ogpu_pkt_indirect ib = { .addr = VA + 0x1000 };
	struct ogpu_pkt_fence f = { .addr = VA + OUT + 40, .value = 7 };

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	memset(mem(OUT), 0, 64);
	d = dispatch("count", 2000, 128);
	ib.bytes = ib_put(0x1000, OGPU_OP_FENCE, &f, sizeof(f));
	ib.bytes += ib_put(0x1000 + ib.bytes, OGPU_OP_DISPATCH, &d, sizeof(d));
	q_start(q);
	q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
	put_fence(q, OUT + 32, 1);
	q_ring(q);
	wait_cell(OUT + 40, 7);
	while (cell(OUT + 32) != 1) {
		preempt();
		if (!q_read64(q, OGPU_SLOT_POS_LO) && cell(OUT + 8))
			assert_int_equal(q_read(q, OGPU_SLOT_CONTEXT0), sizeof(f));
		resume();
	}
	assert_int_equal(cell(OUT), 2000 * 128);
}

static void test_preempt_wait(void **state)
{
	struct ogpu_pkt_wait w = { .addr = VA + OUT, .mask = ~0ull, .value = 3 };

	(void)state;
	memset(mem(OUT), 0, 64);
	q_start(q);
	put_fence(q, OUT + 8, 1);
	q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
	put_fence(q, OUT + 16, 2);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	preempt();
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), sizeof(struct ogpu_pkt_fence));
	*(uint64_t *)mem(OUT) = 3;
	resume();
	wait_cell(OUT + 16, 2);
}

/* A copy longer than the slices it gets comes to its end. */
static void test_preempt_copy(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x1000000, .bytes = 0x1000000 };

	(void)state;
	for (unsigned int i = 0; i < 0x1000000; i += 4)
		*(uint32_t *)mem(i) = i * 2654435761u;
	q_start(q);
	q_put(q, OGPU_OP_COPY, 0, &c, sizeof(c));
	q_ring(q);
	while (q_rptr(q) != q->wptr) {
		preempt();
		resume();
	}
	assert_memory_equal(mem(0), mem(0x1000000), 0x1000000);
}

/* Endless work is told to stop while the host does not run it: until the bracket is unlocked. */
static void preempt_late(void)
{
	put_dispatch(q, "endless", 1, 32);
	*q_pointer(q, 1) = q->wptr;
	pthread_rwlock_wrlock(&gpu->bracket);
	q_start(q);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
}

/* A doorbell that comes while the queue is taken off is passed on. */
static void test_late_doorbell(void **state)
{
	enum ogpu_slot_state seen;
	struct timespec until;
	bool connected;
	int err = 0;

	(void)state;
	preempt_late();
	connected = engines_doorbell(gpu->engines, 40, NULL);
	seen = q_state(q);
	pthread_rwlock_unlock(&gpu->bracket);
	assert_true(connected);
	assert_int_equal(seen, OGPU_SLOT_RUNNING);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += Q_TIMEOUT_S;
	pthread_mutex_lock(&gpu->lock);
	while (!gpu->doorbells_forwarded && !err)
		err = pthread_cond_timedwait(&gpu->change, &gpu->lock, &until);
	pthread_mutex_unlock(&gpu->lock);
	assert_int_equal(gpu->doorbell_forwarded, 40);
}

/*
 * Who looks at a slot that is late waits for it: in one second there are 100 looks before it is
 * late, and less than 50 then, of which each may ask more than once.
 */
static void test_late_slot(void **state)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	const uint64_t start = vgpu_time_ns(gpu);
	unsigned int looks = 0, other = 0;

	(void)state;
	preempt_late();
	while (vgpu_time_ns(gpu) - start < CLOCK_NS_PER_S) {
		for (unsigned int i = 0; i < 3; i++)
			other += q_state(q) != OGPU_SLOT_RUNNING;
		looks++;
		nanosleep(&ms, NULL);
	}
	pthread_rwlock_unlock(&gpu->bracket);
	assert_int_equal(other, 0);
	assert_in_range(looks, 1, 100 + 50);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
}

static void test_two_queues(void **state)
{
	const struct count_args args = { VA + OUT };
	struct fake_queue other;
	struct engines_work work;

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	memset(mem(OUT), 0, 64);
	q_start(q);
	q_init(&other, gpu, 1, ASID, 0);
	q_start(&other);
	put_dispatch(q, "count", 1000, 100);
	put_fence(q, OUT + 32, 1);
	put_dispatch(&other, "count", 1000, 33);
	put_fence(&other, OUT + 40, 1);
	q_ring(q);
	q_ring(&other);
	wait_cell(OUT + 32, 1);
	wait_cell(OUT + 40, 1);
	assert_int_equal(cell(OUT), 133000);
	engines_work(gpu->engines, &work);
	assert_true(work.lane_instructions > 133000);
	assert_true(work.busy_ns[OGPU_ENGINE_COMPUTE] > 0);
	assert_int_equal(work.busy_ns[OGPU_ENGINE_COPY], 0);
	assert_true(q_read64(q, OGPU_SLOT_BUSY_LO) > 0);
}

/* Time of processors that the card takes in 300 ms: the least that is seen in some of them. */
static uint64_t least_ns(uint64_t enough)
{
	const struct timespec while_ns = { .tv_nsec = 300000000 };
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 5 && least >= enough; i++) {
		const uint64_t before = fake_process_ns();

		nanosleep(&while_ns, NULL);
		if (fake_process_ns() - before < least)
			least = fake_process_ns() - before;
	}
	return least;
}

/* An idle card costs nothing, a queue in a WAIT little. */
static void test_idle(void **state)
{
	struct ogpu_pkt_wait w = { .addr = VA + OUT, .mask = ~0ull, .value = 3 };

	(void)state;
	memset(mem(OUT), 0, 64);
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_true(least_ns(3000000) < 3000000);
	q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	assert_true(least_ns(100000000) < 100000000);
}

/* Translations dropped under running kernels: they go on, and never use what is gone. */
static void test_invalidate_while_running(void **state)
{
	const struct count_args args = { VA + OUT };
	uint64_t seen = 0;

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	memset(mem(OUT), 0, 64);
	q_start(q);
	put_dispatch(q, "count", 4000, 64);
	put_fence(q, OUT + 32, 1);
	q_ring(q);
	while (cell(OUT + 32) != 1)
		engines_tlb_invalidate(gpu->engines, &(struct tlbi){ 0 });
	assert_int_equal(cell(OUT), 4000 * 64);

	put_dispatch(q, "count", 1u << 30, 64);
	q_ring(q);
	while (cell(OUT + 8) < 300000)
		sched_yield();
	*fake_entry(gpu, ASID, VA + OUT, 0) = 0;
	engines_tlb_invalidate(gpu->engines, &(struct tlbi){ 0 });
	seen = cell(OUT + 8);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	assert_int_equal(cell(OUT + 8), seen);
	assert_int_equal(q_read64(q, OGPU_SLOT_FAULT_VA_LO) & ~15ull, VA + OUT);
}

/* A grid cut into parts, and one from memory: work-items cannot tell them from the whole. */
static void test_grid_in_parts(void **state)
{
	const uint32_t whole[3] = { 3, 4, 5 }, cut[3] = { 2, 1, 3 };
	const uint64_t items = 3 * 4 * 5 * 8, bytes = items * sizeof(struct ids_out);
	const struct ids_args args = { VA + OUT };
	struct ogpu_pkt_dispatch d = dispatch("ids", 0, 8), part;
	struct ogpu_pkt_dispatch_indirect i = {
		.entry = d.entry, .args = d.args, .grid = VA + 0x80, .group = { 8, 1, 1 },
		.local_bytes = 4096, .private_bytes = 512,
	};
	uint8_t *want = malloc(bytes);

	(void)state;
	assert_non_null(want);
	memcpy(mem(ARGS), &args, sizeof(args));
	q_start(q);
	memcpy(d.grid, whole, sizeof(whole));
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	put_fence(q, 0, 1);
	q_ring(q);
	wait_cell(0, 1);
	memcpy(want, mem(OUT), bytes);

	/* Eight parts, cut in each direction; the last one's total is told by its end. */
	memset(mem(OUT), 0, bytes);
	for (unsigned int n = 0; n < 8; n++) {
		part = d;
		for (unsigned int k = 0; k < 3; k++) {
			part.base[k] = n >> k & 1 ? cut[k] : 0;
			part.grid[k] = n >> k & 1 ? whole[k] - cut[k] : cut[k];
			part.total[k] = n < 7 ? whole[k] : 0;
		}
		q_put(q, OGPU_OP_DISPATCH, 0, &part, sizeof(part));
	}
	put_fence(q, 0, 2);
	q_ring(q);
	wait_cell(0, 2);
	assert_memory_equal(mem(OUT), want, bytes);

	memset(mem(OUT), 0, bytes);
	memcpy(mem(0x80), whole, sizeof(whole));
	q_put(q, OGPU_OP_DISPATCH_INDIRECT, 0, &i, sizeof(i));
	put_fence(q, 0, 3);
	q_ring(q);
	wait_cell(0, 3);
	assert_memory_equal(mem(OUT), want, bytes);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_work_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shares_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill_dispatch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preempt_dispatch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preempt_indirect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preempt_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preempt_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_doorbell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grid_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalidate_while_running, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu slots", tests, NULL, NULL);
}
