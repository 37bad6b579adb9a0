// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rings and buffers of packets: nesting, skipping, where a queue goes on after it left its slot,
 * rings at virtual addresses, and doorbells that carry the write pointer.
 */
#include "fake_packets.h"

#define VA_RING		0x40000000ull
#define VA_POINTERS	0x40010000ull
#define BUFFER(level)	(0x10000u * (level))	/* offsets from VA */
#define OUT		0x80000u

static uint64_t out(unsigned int n)
{
	return __atomic_load_n((uint64_t *)mem(OUT) + n, __ATOMIC_SEQ_CST);
}

/* Adds 1 to cell n. */
static uint32_t put_count(uint64_t at, unsigned int n)
{
	struct ogpu_pkt_atomic a = {
		.op = OGPU_ATOMIC_ADD | OGPU_ATOMIC_WIDE, .addr = VA + OUT + 8 * n, .value = 1,
	};

	return ib_put(at, OGPU_OP_ATOMIC, OGPU_PKT_BARRIER, &a, sizeof(a));
}

static uint32_t put_call(uint64_t at, uint64_t buffer, uint32_t bytes)
{
	struct ogpu_pkt_indirect ib = { .addr = VA + buffer, .bytes = bytes };

	return ib_put(at, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
}

static uint32_t put_wait(uint64_t at, unsigned int n, uint64_t value)
{
	struct ogpu_pkt_wait w = {
		.addr = VA + OUT + 8 * n, .value = value, .mask = ~0ull,
		.compare = OGPU_COMPARE_GE,
	};

	return ib_put(at, OGPU_OP_WAIT, 0, &w, sizeof(w));
}

static void call(uint64_t buffer, uint32_t bytes)
{
	struct ogpu_pkt_indirect ib = { .addr = VA + buffer, .bytes = bytes };

	q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
}

static void preempt(void)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	q_clear(q);
}

static int setup_out(void **state)
{
	setup(state);
	memset(mem(OUT), 0, 4096);
	return 0;
}

/*
 * Buffers that call each other twice, counting before and after: level 4 is reached 8 times. At the
 * bottom stands what the caller wants there.
 */
static uint32_t nest(uint32_t bottom_bytes)
{
	uint32_t bytes[OGPU_INDIRECT_LEVELS + 1] = { [OGPU_INDIRECT_LEVELS] = bottom_bytes };

	for (unsigned int level = OGPU_INDIRECT_LEVELS - 1; level; level--) {
		uint64_t at = BUFFER(level), start = at;

		at += put_count(at, level);
		at += put_call(at, BUFFER(level + 1), bytes[level + 1]);
		at += put_call(at, BUFFER(level + 1), bytes[level + 1]);
		at += put_count(at, level);
		bytes[level] = at - start;
	}
	return bytes[1];
}

static void test_nested(void **state)
{
	uint32_t bytes = nest(put_count(BUFFER(4), 4));

	(void)state;
	call(BUFFER(1), bytes);
	done();
	assert_int_equal(out(1), 2);
	assert_int_equal(out(2), 4);
	assert_int_equal(out(3), 8);
	assert_int_equal(out(4), 8);

	/* A fifth is one too many; what came before it is done. */
	nest(put_call(BUFFER(4), BUFFER(5), put_count(BUFFER(5), 5)));
	call(BUFFER(1), bytes);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
	assert_int_equal(q_read(q, OGPU_SLOT_DETAIL), OGPU_OP_INDIRECT);
	assert_int_equal(out(3), 9);
	assert_int_equal(out(5), 0);

	/* Where it stood is of no concern to the next queue, whatever is written of it. */
	assert_int_not_equal(q_read(q, OGPU_SLOT_CONTEXT4), 0);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), 0);
	for (uint32_t reg = OGPU_SLOT_CONTEXT0; reg <= OGPU_SLOT_HELD; reg += 4)
		assert_int_equal(q_read(q, reg), 0);
}

/* Privilege does not come back in a buffer of a buffer. */
static void test_nested_privilege(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VRAM(FAKE_DATA) };
	uint32_t bytes = nest(ib_put(BUFFER(4), OGPU_OP_FENCE, OGPU_FENCE_PHYS, &f, sizeof(f)));

	(void)state;
	call(BUFFER(1), bytes);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PRIVILEGE);
}

/* It waits in the innermost buffer; each time it is taken off, and the context says where. */
static void test_nested_preempt(void **state)
{
	uint32_t bytes, at = 0, bottom;

	(void)state;
	at += put_count(BUFFER(4), 4);
	bottom = at;
	at += put_wait(BUFFER(4) + at, 6, 0);
	bytes = nest(at);
	call(BUFFER(1), bytes);
	/* Passes once it has been let through as often as it has come here. */
	for (unsigned int round = 1; round <= 8; round++) {
		put_wait(BUFFER(4) + bottom, 6, round);
		if (round == 1)
			q_ring(q);
		else
			q_start(q);
		while (out(4) < round)
			sched_yield();
		assert_true(q_wait(q, OGPU_SLOT_WAITING));
		assert_int_equal(q_read(q, OGPU_SLOT_WAIT_CTRL), OGPU_SLOT_WAIT_VALID |
				 FIELD_PREP(OGPU_SLOT_WAIT_COMPARE, OGPU_COMPARE_GE));
		preempt();
		assert_int_equal(q->context3[2], bottom);
		assert_int_equal(q->context0 != 0 && q->context3[0] && q->context3[1], 1);
		q_start(q);
		assert_true(q_wait(q, OGPU_SLOT_WAITING));
		assert_int_equal(out(4), round);
		/* The next one shall wait for the next round. */
		preempt();
		__atomic_store_n((uint64_t *)mem(OUT) + 6, round, __ATOMIC_SEQ_CST);
		if (round < 8) {
			/* Step over this WAIT as its packet would have done. */
			assert_int_equal(q->context3[2], bottom);
			q->context3[2] = at;
		}
	}
	q_start(q);
	done();
	assert_int_equal(out(1), 2);
	assert_int_equal(out(2), 4);
	assert_int_equal(out(3), 8);
	assert_int_equal(out(4), 8);
}

/* Contexts that cannot be: error 2, nobody else notices. */
static void test_bad_context(void **state)
{
	uint32_t bytes = nest(put_count(BUFFER(4), 4));
	const struct {
		uint32_t context0, context3[3];
	} bad[] = {
		{ 4, { 0 } }, { bytes + 8, { 0 } }, { 0, { 8 } }, { 0, { 0, 8 } },
		{ 0, { 0, 0, 8 } }, { 40, { 4 } }, { 40, { 1 << 20 } }, { 40, { 40, 40, 4 } },
		{ 40, { 40, 40, 48 } },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		preempt();
		q_init(q, gpu, 0, ASID, 0);
		call(BUFFER(1), bytes);
		*q_pointer(q, 1) = q->wptr;
		q->context0 = bad[i].context0;
		memcpy(q->context3, bad[i].context3, sizeof(q->context3));
		q_start(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_PACKET);
		q_restart(q);
	}
	/* A context without an INDIRECT. */
	preempt();
	q_init(q, gpu, 0, ASID, 0);
	q_put(q, OGPU_OP_NOP, 0, &(const uint64_t){ 0 }, 8);
	*q_pointer(q, 1) = q->wptr;
	q->context0 = 8;
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
}

static struct ogpu_pkt_skip skip_if(unsigned int n, uint64_t value, uint32_t bytes)
{
	return (struct ogpu_pkt_skip){
		.compare = OGPU_COMPARE_EQ, .addr = VA + OUT + 8 * n, .value = value,
		.mask = 0xff, .bytes = bytes,
	};
}

static void test_skip(void **state)
{
	struct ogpu_pkt_skip s;
	uint32_t n = 0, first;

	(void)state;
	/* Over one packet, over none, to the end of the buffer; in a buffer and in the ring. */
	first = put_count(0, 1);
	for (unsigned int i = 0; i < 4; i++) {
		s = skip_if(0, i & 1, i & 2 ? 0 : first);
		n += ib_put(BUFFER(1) + n, OGPU_OP_SKIP, 0, &s, sizeof(s));
		n += put_count(BUFFER(1) + n, 1 + i);
	}
	call(BUFFER(1), n);
	done();
	assert_int_equal(out(1), 0);
	assert_int_equal(out(2), 1);
	assert_int_equal(out(3), 1);
	assert_int_equal(out(4), 1);

	s = skip_if(0, 0, first);
	q_put(q, OGPU_OP_SKIP, 0, &s, sizeof(s));
	q_put(q, OGPU_OP_ATOMIC, 0, mem(BUFFER(1) + sizeof(s)), first);
	done();
	assert_int_equal(out(1), 0);
	s = skip_if(0, 1, first);
	q_put(q, OGPU_OP_SKIP, 0, &s, sizeof(s));
	q_put(q, OGPU_OP_ATOMIC, 0, mem(BUFFER(1) + sizeof(s)), first);
	done();
	assert_int_equal(out(1), 1);
}

static void test_skip_wrong(void **state)
{
	const struct ogpu_pkt_skip good = skip_if(0, 0, 0);
	struct ogpu_pkt_skip s = good;

	(void)state;
	/* Behind the write pointer, behind the end of the buffer: whether it is done or not. */
	for (unsigned int i = 0; i < 2; i++) {
		s = skip_if(0, i, 8);
		wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
		call(BUFFER(1), ib_put(BUFFER(1), OGPU_OP_SKIP, 0, &s, sizeof(s)));
		q_ring(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_PACKET);
		q_restart(q);
	}
	s.bytes = ~7u;
	wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
	s.bytes = 4;
	wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
	s = good;
	s.rsvd = 1;
	wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
	s = good;
	s.compare = 4;
	wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
	s = good;
	s.addr += 4;
	wrong(OGPU_OP_SKIP, 0, &s, sizeof(s), OGPU_QERR_PACKET);
	wrong(OGPU_OP_SKIP, 1, &good, sizeof(s), OGPU_QERR_PACKET);
	wrong(OGPU_OP_SKIP, 0, &good, sizeof(s) - 8, OGPU_QERR_PACKET);
	s = good;
	s.addr = VA + BYTES;
	memory_fault(OGPU_OP_SKIP, 0, &s, sizeof(s), VA + BYTES, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
}

/* The context counts what was skipped: after it the queue goes on behind. */
static void test_skip_preempt(void **state)
{
	struct ogpu_pkt_skip s = skip_if(0, 0, put_count(0, 1));
	uint32_t n = ib_put(BUFFER(1), OGPU_OP_SKIP, 0, &s, sizeof(s)), wait;

	(void)state;
	n += put_count(BUFFER(1) + n, 1);
	wait = n;
	n += put_wait(BUFFER(1) + n, 2, 1);
	n += put_count(BUFFER(1) + n, 3);
	call(BUFFER(1), n);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	preempt();
	assert_int_equal(q->context0, wait);
	*((uint64_t *)mem(OUT) + 2) = 1;
	q_start(q);
	done();
	assert_int_equal(out(1), 0);
	assert_int_equal(out(3), 1);
}

/* --- the ring itself -------------------------------------------------------------------------- */

/* A queue whose ring and pointers are where its own address space says. */
static void start_virtual(void)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	q_write(q, OGPU_SLOT_ASID, ASID);
	q_write(q, OGPU_SLOT_FLAGS, 0);
	q_write64(q, OGPU_SLOT_RING_LO, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA_RING));
	q_write64(q, OGPU_SLOT_RPTR_LO, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA_POINTERS));
	q_write64(q, OGPU_SLOT_WPTR_LO, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA_POINTERS + 8));
	q_write64(q, OGPU_SLOT_POS_LO, 0);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
}

static int setup_virtual(void **state)
{
	setup_out(state);
	fake_map(gpu, ASID, VA_RING, VRAM(Q_RING), Q_RING_SIZE, OGPU_PTE_READ);
	fake_map(gpu, ASID, VA_POINTERS, SYSTEM(FAKE_SYSTEM + 0x1000), 4096, PTE_RW);
	preempt();
	q_init(q, gpu, 0, ASID, 0);
	return 0;
}

static void put_ring_count(unsigned int n)
{
	uint32_t bytes = put_count(BUFFER(7), n);

	q_put(q, OGPU_OP_ATOMIC, 0, mem(BUFFER(7)), bytes);
}

static void test_virtual_ring(void **state)
{
	(void)state;
	start_virtual();
	for (unsigned int i = 0; i < 300; i++) {
		put_ring_count(1);
		if (i % 100 < 99)
			continue;
		q_ring(q);
		while (q_rptr(q) != q->wptr && q_state(q) != OGPU_SLOT_FAILED)
			sched_yield();
	}
	assert_int_equal(out(1), 300);
	assert_int_equal(q_rptr(q), q->wptr);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
}

/* What cannot be read or written is an error of that queue, and the fault is told. */
static void test_virtual_ring_faults(void **state)
{
	static const struct {
		uint32_t reg;
		uint64_t va;
		enum ogpu_access access;
		enum ogpu_fault_reason reason;
	} bad[] = {
		{ OGPU_SLOT_RING_LO, VA + BYTES, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED },
		{ OGPU_SLOT_RING_LO, 1ull << 48, OGPU_ACCESS_READ, OGPU_FAULT_VA_RANGE },
		{ OGPU_SLOT_WPTR_LO, VA + BYTES, OGPU_ACCESS_READ, OGPU_FAULT_NOT_MAPPED },
		{ OGPU_SLOT_RPTR_LO, VA_RO, OGPU_ACCESS_WRITE, OGPU_FAULT_PERMISSION },
		{ OGPU_SLOT_RPTR_LO, VA + BYTES, OGPU_ACCESS_WRITE, OGPU_FAULT_NOT_MAPPED },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		uint32_t status;

		q_init(q, gpu, 0, ASID, 0);
		put_ring_count(1);
		*q_pointer(q, 1) = q->wptr;
		start_virtual();
		preempt();
		q_write64(q, bad[i].reg, OGPU_OPERAND(OGPU_TARGET_VIRTUAL, bad[i].va));
		q_write64(q, OGPU_SLOT_POS_LO, 0);
		*q_pointer(q, 0) = 0;
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		status = q_read(q, OGPU_SLOT_STATUS);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ERROR, status), OGPU_QERR_RING);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ACCESS, status), bad[i].access);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON, status), bad[i].reason);
		assert_int_equal(q_read64(q, OGPU_SLOT_FAULT_VA_LO), bad[i].va);
	}
	assert_int_equal(gpu->events, 0);
}

static void *rewrite(void *arg)
{
	_Atomic bool *stop = arg;
	uint32_t x = 1;

	while (!*stop) {
		for (unsigned int i = 0; i < Q_RING_SIZE; i += 4) {
			x = x * 1103515245 + 12345;
			__atomic_store_n((uint32_t *)(gpu->vram + Q_RING + i),
					 i % 8 ? x : (x & 0xf) | (x & 0x8000) | 2 << 16 |
						     (x & 0xe0000), __ATOMIC_RELAXED);
		}
		__atomic_store_n(q_pointer(q, 1), (uint64_t)x & 0x1ff8, __ATOMIC_SEQ_CST);
		engines_doorbell(gpu->engines, 40, NULL);
	}
	return NULL;
}

/* A ring and a pointer that change while they are used: that queue fails, another one does not. */
static void test_rewritten_ring(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VA + OUT + 64 };
	_Atomic bool stop = false;
	struct fake_queue other;
	pthread_t thread;

	(void)state;
	q_init(&other, gpu, 1, ASID, 0);
	q_start(&other);
	/* Not what the other one needs: nothing else of this address space may be written. */
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &stop), 0);
	for (unsigned int i = 1; i <= 200; i++) {
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		start_virtual();
		f.value = i;
		q_put(&other, OGPU_OP_FENCE, OGPU_FENCE_SIGNAL, &f, sizeof(f));
		q_ring(&other);
		pthread_mutex_lock(&gpu->lock);
		while (gpu->signals < i)
			pthread_cond_wait(&gpu->change, &gpu->lock);
		pthread_mutex_unlock(&gpu->lock);
		assert_int_equal(out(8), i);
	}
	stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(q_state(&other), OGPU_SLOT_IDLE);
}

/* --- doorbells that carry the pointer --------------------------------------------------------- */

static void ring_with(uint64_t wptr)
{
	engines_doorbell(gpu->engines, 40, &wptr);
}

static void test_doorbell_wptr(void **state)
{
	(void)state;
	start_virtual();
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	put_ring_count(1);
	put_ring_count(1);
	/* The slot goes by the doorbell; memory says something else, and is not looked at. */
	*q_pointer(q, 1) = 4;
	ring_with(q->wptr / 2);
	while (out(1) < 1)
		sched_yield();
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(out(1), 1);
	ring_with(q->wptr);
	while (out(1) < 2)
		sched_yield();
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	/* One that is behind came late: memory decides, and has nothing new. */
	*q_pointer(q, 1) = q->wptr;
	ring_with(8);
	while (q_state(q) == OGPU_SLOT_RUNNING)
		sched_yield();
	assert_int_equal(q_state(q), OGPU_SLOT_IDLE);
	put_ring_count(1);
	q_ring(q);
	while (out(1) < 3)
		sched_yield();
}

/* A pointer that cannot be, with one in memory that cannot be either. */
static void test_doorbell_wptr_wrong(void **state)
{
	static const uint64_t bad[] = { 4, 7, Q_RING_SIZE + 8, ~7ull };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		q_init(q, gpu, 0, ASID, 0);
		start_virtual();
		assert_true(q_wait(q, OGPU_SLOT_IDLE));
		*q_pointer(q, 1) = bad[i];
		ring_with(bad[i]);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_RING);
	}
}

/* On no slot: firmware is told, and START reads memory. */
static void test_doorbell_wptr_off_slot(void **state)
{
	(void)state;
	put_ring_count(1);
	*q_pointer(q, 1) = q->wptr;
	assert_false(engines_doorbell(gpu->engines, 40, &q->wptr));
	start_virtual();
	while (!out(1))
		sched_yield();
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	assert_int_equal(out(1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nested, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_nested_privilege, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_nested_preempt, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_bad_context, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_skip, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_skip_wrong, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_skip_preempt, setup_out, teardown),
		cmocka_unit_test_setup_teardown(test_virtual_ring, setup_virtual, teardown),
		cmocka_unit_test_setup_teardown(test_virtual_ring_faults, setup_virtual, teardown),
		cmocka_unit_test_setup_teardown(test_rewritten_ring, setup_virtual, teardown),
		cmocka_unit_test_setup_teardown(test_doorbell_wptr, setup_virtual, teardown),
		cmocka_unit_test_setup_teardown(test_doorbell_wptr_wrong, setup_virtual, teardown),
		cmocka_unit_test_setup_teardown(test_doorbell_wptr_off_slot, setup_virtual,
						teardown),
	};

	return cmocka_run_group_tests_name("vgpu streams", tests, NULL, NULL);
}
