// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The command processor: every packet done right, and every way of getting one wrong. */
#include "fake_packets.h"

static void test_nop(void **state)
{
	uint8_t junk[256];

	(void)state;
	memset(junk, 0xff, sizeof(junk));
	q_put(q, OGPU_OP_NOP, 0, junk, 8);
	q_put(q, OGPU_OP_NOP, 0, junk, 256);
	done();
	wrong(OGPU_OP_NOP, 1, junk, 8, OGPU_QERR_PACKET);
	wrong(99, 0, junk, 8, OGPU_QERR_OPCODE);
	wrong(255, 0, junk, 8, OGPU_QERR_OPCODE);
}

static void test_header(void **state)
{
	uint32_t *ring = (uint32_t *)(gpu->vram + Q_RING);

	(void)state;
	ring[0] = OGPU_PKT_HDR(OGPU_OP_NOP, 0, 0);
	q->wptr = 8;
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
	q_restart(q);
	/* An odd number of words. */
	ring[0] = OGPU_PKT_HDR(OGPU_OP_NOP, 0, 12);
	q->wptr = 16;
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
	q_restart(q);
	/* Longer than what was written. */
	ring[0] = OGPU_PKT_HDR(OGPU_OP_NOP, 0, 16);
	q->wptr = 8;
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
}

static void test_pointers(void **state)
{
	static const uint64_t bad[] = { 4, 7, Q_RING_SIZE + 8, ~7ull };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		q->wptr = bad[i];
		q_ring(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_RING);
		q_restart(q);
	}
}

static void test_wrap(void **state)
{
	struct ogpu_pkt_fill f = { .dst = VA, .bytes = 4 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		f.pattern = i;
		f.dst = VA + i * 4;
		q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
		if (i % 50 == 49)
			done();
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(((uint32_t *)mem(0))[i], i);
}

static void copy_between(uint64_t src, const uint8_t *from, uint64_t dst, const uint8_t *to,
			 uint64_t bytes, uint32_t flags)
{
	struct ogpu_pkt_copy c = { .src = src, .dst = dst, .bytes = bytes };

	q_put(q, OGPU_OP_COPY, flags, &c, sizeof(c));
	done();
	assert_memory_equal(from, to, bytes);
}

static void test_copy(void **state)
{
	uint8_t *sys = gpu->system + 0x100000;
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x80000, .bytes = 16 };
	uint8_t longer[sizeof(c) + 8] = { 0 };

	(void)state;
	copy_between(VA, mem(0), VA_SYS, sys, BYTES, 0);
	copy_between(VA_SYS + 3, sys + 3, VA + 0x40005, mem(0x40005), 0x20001, 0);
	copy_between(VRAM(FAKE_DATA + 1), mem(1), SYSTEM(FAKE_SYSTEM + 0x200002),
		     gpu->system + 0x200002, 0x12345, OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS);
	copy_between(VA + 0x100, mem(0x100), VRAM(FAKE_DATA + 0xc0000), mem(0xc0000), 100,
		     OGPU_COPY_DST_PHYS);
	copy_between(OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 0x300), mem(0x300), VA + 0xd0000,
		     mem(0xd0000), 100, OGPU_COPY_SRC_PHYS);
	copy_between(1ull << 60, mem(0), 1ull << 61, mem(0), 0, 0);

	wrong(OGPU_OP_COPY, 4, &c, sizeof(c), OGPU_QERR_PACKET);
	wrong(OGPU_OP_COPY, 0, &c, sizeof(c) - 8, OGPU_QERR_PACKET);
	wrong(OGPU_OP_COPY, 0, longer, sizeof(longer), OGPU_QERR_PACKET);
	c.rsvd = 1;
	wrong(OGPU_OP_COPY, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	c.rsvd = 0;
	c.dst = VA + 8;
	wrong(OGPU_OP_COPY, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	c.src = VA + 16;
	wrong(OGPU_OP_COPY, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	c.src = OGPU_OPERAND(OGPU_TARGET_PEER, 0);
	wrong(OGPU_OP_COPY, OGPU_COPY_SRC_PHYS, &c, sizeof(c), OGPU_QERR_PACKET);
	c.src = VRAM(0) | BIT_ULL(56);
	wrong(OGPU_OP_COPY, OGPU_COPY_SRC_PHYS, &c, sizeof(c), OGPU_QERR_PACKET);
	c.src = VRAM(0);
	c.bytes = BIT_ULL(56);
	wrong(OGPU_OP_COPY, OGPU_COPY_SRC_PHYS, &c, sizeof(c), OGPU_QERR_PACKET);
}

static void test_copy_faults(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA + BYTES - 0x800, .dst = VA_SYS, .bytes = 0x1000 };

	(void)state;
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA + BYTES, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
	assert_memory_equal(gpu->system + 0x100000, mem(BYTES - 0x800), 0x800);
	c = (struct ogpu_pkt_copy){ .src = VA, .dst = VA_RO + 0x123, .bytes = 4 };
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA_RO + 0x123, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_PERMISSION);
	c.dst = 1ull << 48;
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), 1ull << 48, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_VA_RANGE);
	c.src = ~0ull;
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), ~0ull, OGPU_ACCESS_READ,
		     OGPU_FAULT_VA_RANGE);
	c = (struct ogpu_pkt_copy){ .src = VRAM(FAKE_VRAM), .dst = VA, .bytes = 4 };
	memory_fault(OGPU_OP_COPY, OGPU_COPY_SRC_PHYS, &c, sizeof(c), VRAM(FAKE_VRAM),
		     OGPU_ACCESS_READ, OGPU_FAULT_BUS);
	c = (struct ogpu_pkt_copy){ .src = VA, .dst = SYSTEM(0x1000), .bytes = 4 };
	memory_fault(OGPU_OP_COPY, OGPU_COPY_DST_PHYS, &c, sizeof(c), SYSTEM(0x1000),
		     OGPU_ACCESS_WRITE, OGPU_FAULT_BUS);
	poison_add(&gpu->poison, FAKE_DATA, true);
	fake_lose_pointers(gpu);
	c = (struct ogpu_pkt_copy){ .src = VA + 0xff0, .dst = VA_SYS, .bytes = 0x20 };
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA + 0xff0, OGPU_ACCESS_READ,
		     OGPU_FAULT_POISON);
}

static void copy_page(uint64_t src, uint64_t dst, uint64_t bytes)
{
	struct ogpu_pkt_copy c = { .src = src, .dst = dst, .bytes = bytes };

	q_put(q, OGPU_OP_COPY, 0, &c, sizeof(c));
}

static bool is_poisoned(uint64_t offset)
{
	return vgpu_mem_poisoned(gpu, OGPU_TARGET_VRAM, FAKE_DATA + offset, 1);
}

/*
 * A copy of poison goes on and poisons what it is copied to, which harms only who uses that; whole
 * pages that are stored anew are good.
 */
static void test_poison(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA + 0x20000, .dst = VA_SYS, .bytes = 8 };
	struct ogpu_pkt_fill f = { .pattern = 7, .dst = VA + 0x20000, .bytes = 0x800 };

	(void)state;
	poison_add(&gpu->poison, FAKE_DATA + 0x10000, true);
	fake_lose_pointers(gpu);
	/* Three pages, of which the second is lost, to where they are not aligned alike. */
	copy_page(VA + 0xf000, VA + 0x20000, 0x3000);
	done();
	assert_memory_equal(mem(0x20000), mem(0xf000), 0x1000);
	assert_memory_equal(mem(0x22000), mem(0x11000), 0x1000);
	assert_false(is_poisoned(0x20000));
	assert_true(is_poisoned(0x21000));
	assert_false(is_poisoned(0x22000));
	assert_int_equal(gpu->carried, 1);
	copy_page(VA + 0x10ff8, VA + 0x30ffc, 0x10);
	done();
	assert_true(is_poisoned(0x30000));
	assert_false(is_poisoned(0x2f000));

	/* Memory that cannot be poisoned: the copy has used it. */
	c.src = VA + 0x21000;
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA + 0x21000, OGPU_ACCESS_READ,
		     OGPU_FAULT_POISON);
	/* A part of a page cannot be stored, all of it can. */
	f.dst = VA + 0x21000;
	memory_fault(OGPU_OP_FILL, 0, &f, sizeof(f), VA + 0x21000, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_POISON);
	f.bytes = 0x1000;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	copy_page(VA, VA + 0x30000, 0x1000);
	done();
	copy_page(VA + 0x21000, VA_SYS, 8);
	done();
	assert_false(is_poisoned(0x21000));
	assert_false(is_poisoned(0x30000));
	assert_int_equal(*(uint32_t *)mem(0x21000), 7);
	assert_memory_equal(mem(0x30000), mem(0), 0x1000);
	/* However the work is cut up, and wherever it begins. */
	poison_add(&gpu->poison, FAKE_DATA + 0x50000, false);
	fake_lose_pointers(gpu);
	f.dst = VA + 0x40800;
	f.bytes = 0x20000;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	done();
	assert_false(is_poisoned(0x50000));
	assert_int_equal(*(uint32_t *)mem(0x50000), 7);
	assert_int_equal(*(uint32_t *)mem(0x607fc), 7);
	/* Bad cells hold nothing, whatever is stored. */
	copy_page(VA, VA + 0x10000, 0x1000);
	done();
	assert_true(is_poisoned(0x10000));
	c.src = VA + 0x10000;
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA + 0x10000, OGPU_ACCESS_READ,
		     OGPU_FAULT_POISON);
}

/* Who moves what is not his own is told what is lost, and goes on. */
static void test_copy_lost(void **state)
{
	const uint32_t phys = OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS | OGPU_COPY_LOST;
	uint64_t *lost = (uint64_t *)(gpu->system + 0x5000);
	struct ogpu_pkt_copy_lost c = {
		.copy = {
			.src = VRAM(FAKE_DATA + 0xf000), .dst = SYSTEM(FAKE_SYSTEM + 0x200000),
			.bytes = 0x3000,
		},
		.lost = SYSTEM(FAKE_SYSTEM + 0x5000),
	};
	static const uint8_t zero[0x1000];
	uint8_t *to = gpu->system + 0x200000;

	(void)state;
	*lost = 0;
	q_put(q, OGPU_OP_COPY, phys, &c, sizeof(c));
	done();
	assert_memory_equal(to, mem(0xf000), 0x3000);
	assert_int_equal(*lost, 0);

	poison_add(&gpu->poison, FAKE_DATA + 0x10000, false);
	fake_lose_pointers(gpu);
	q_put(q, OGPU_OP_COPY, phys, &c, sizeof(c));
	done();
	assert_memory_equal(to, mem(0xf000), 0x1000);
	assert_memory_equal(to + 0x1000, zero, 0x1000);
	assert_memory_equal(to + 0x2000, mem(0x11000), 0x1000);
	assert_int_equal(*lost, 1);

	/* What can be poisoned is, and nothing is told. */
	*lost = 0;
	c.copy.dst = VRAM(FAKE_DATA + 0x20000);
	q_put(q, OGPU_OP_COPY, phys, &c, sizeof(c));
	done();
	assert_true(is_poisoned(0x21000));
	assert_int_equal(*lost, 0);
	/* Other faults are faults, and so is a word that does not answer. */
	c.copy.src = VRAM(FAKE_VRAM);
	memory_fault(OGPU_OP_COPY, phys, &c, sizeof(c), VRAM(FAKE_VRAM), OGPU_ACCESS_READ,
		     OGPU_FAULT_BUS);
	c.copy.src = VRAM(FAKE_DATA + 0x10000);
	c.copy.dst = SYSTEM(FAKE_SYSTEM + 0x200000);
	c.lost = VRAM(FAKE_VRAM);
	memory_fault(OGPU_OP_COPY, phys, &c, sizeof(c), VRAM(FAKE_VRAM), OGPU_ACCESS_WRITE,
		     OGPU_FAULT_BUS);

	c.lost = SYSTEM(FAKE_SYSTEM + 4);
	wrong(OGPU_OP_COPY, phys, &c, sizeof(c), OGPU_QERR_PACKET);
	c.lost = OGPU_OPERAND(OGPU_TARGET_PEER, 0);
	wrong(OGPU_OP_COPY, phys, &c, sizeof(c), OGPU_QERR_PACKET);
	c.lost = SYSTEM(FAKE_SYSTEM);
	wrong(OGPU_OP_COPY, phys, &c, sizeof(c.copy), OGPU_QERR_PACKET);
	wrong(OGPU_OP_COPY, phys & ~OGPU_COPY_LOST, &c, sizeof(c), OGPU_QERR_PACKET);
}

/* A poisoned page table poisons nothing: it faults. */
static void test_poisoned_table(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x40000, .bytes = 0x1000 };

	(void)state;
	for (uint64_t table = FAKE_TABLES; table < gpu->tables; table += MMU_PAGE)
		if (poison_count(&gpu->poison) < POISON_MAX)
			poison_add(&gpu->poison, table, true);
	fake_lose_pointers(gpu);
	vgpu_mem_invalidate(gpu, &(struct tlbi){ 0 }, 1);
	memory_fault(OGPU_OP_COPY, 0, &c, sizeof(c), VA, OGPU_ACCESS_READ, OGPU_FAULT_POISON);
	assert_int_equal(gpu->carried, 0);
}

static void test_fill(void **state)
{
	struct ogpu_pkt_fill f = { .pattern = 0x12345678, .dst = VA + 4, .bytes = 0x23450 };

	(void)state;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	f.dst = VRAM(FAKE_DATA + 0x80000);
	f.bytes = 8;
	q_put(q, OGPU_OP_FILL, OGPU_FILL_DST_PHYS, &f, sizeof(f));
	f.dst = VA_SYS + 0xffc;
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	done();
	assert_int_not_equal(*(uint32_t *)mem(0), f.pattern);
	for (unsigned int i = 0; i < 0x23450; i += 4)
		assert_int_equal(*(uint32_t *)mem(4 + i), f.pattern);
	assert_int_not_equal(*(uint32_t *)mem(4 + 0x23450), f.pattern);
	assert_int_equal(*(uint32_t *)mem(0x80004), f.pattern);
	assert_int_equal(*(uint32_t *)(gpu->system + 0x101000), f.pattern);

	f = (struct ogpu_pkt_fill){ .dst = VA + 2, .bytes = 4 };
	wrong(OGPU_OP_FILL, 0, &f, sizeof(f), OGPU_QERR_PACKET);
	f = (struct ogpu_pkt_fill){ .dst = VA, .bytes = 6 };
	wrong(OGPU_OP_FILL, 0, &f, sizeof(f), OGPU_QERR_PACKET);
	wrong(OGPU_OP_FILL, 2, &f, sizeof(f), OGPU_QERR_PACKET);
	f = (struct ogpu_pkt_fill){ .dst = VA_RO, .bytes = 4 };
	memory_fault(OGPU_OP_FILL, 0, &f, sizeof(f), VA_RO, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_PERMISSION);
}

static void test_write(void **state)
{
	struct {
		struct ogpu_pkt_write w;
		uint32_t data[400];
	} p = { .w = { .dst = VA + 0xff4 } };

	(void)state;
	for (unsigned int i = 0; i < 400; i++)
		p.data[i] = i * 3;
	q_put(q, OGPU_OP_WRITE, 0, &p, sizeof(p.w) + 8);
	p.w.dst = VA + 0x2000;
	q_put(q, OGPU_OP_WRITE, 0, &p, sizeof(p));
	done();
	assert_memory_equal(mem(0xff4), p.data, 8);
	assert_memory_equal(mem(0x2000), p.data, sizeof(p.data));
	wrong(OGPU_OP_WRITE, 0, &p, sizeof(p.w), OGPU_QERR_PACKET);
	wrong(OGPU_OP_WRITE, 1, &p, sizeof(p.w) + 8, OGPU_QERR_PACKET);
	p.w.dst = VA + 2;
	wrong(OGPU_OP_WRITE, 0, &p, sizeof(p.w) + 8, OGPU_QERR_PACKET);
	p.w.dst = VA;
	p.w.rsvd = 1;
	wrong(OGPU_OP_WRITE, 0, &p, sizeof(p.w) + 8, OGPU_QERR_PACKET);
	p.w.rsvd = 0;
	p.w.dst = VA + BYTES - 4;
	memory_fault(OGPU_OP_WRITE, 0, &p, sizeof(p.w) + 8, VA + BYTES, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_NOT_MAPPED);
}

static void test_fence(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VA + 0x100, .value = 0x123456789abcdefull };

	(void)state;
	q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
	done();
	assert_int_equal(*(uint64_t *)mem(0x100), f.value);
	f.addr++;
	wrong(OGPU_OP_FENCE, 0, &f, sizeof(f), OGPU_QERR_PACKET);
	f.addr = VA;
	wrong(OGPU_OP_FENCE, 8, &f, sizeof(f), OGPU_QERR_PACKET);
	f.rsvd = 1;
	wrong(OGPU_OP_FENCE, 0, &f, sizeof(f), OGPU_QERR_PACKET);
	f.rsvd = 0;
	f.addr = VA_RO;
	memory_fault(OGPU_OP_FENCE, 0, &f, sizeof(f), VA_RO, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_PERMISSION);
}

/* Any queue may signal; only the kernel's may put events into the ring of its fences. */
static void test_fence_signal(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VA + 0x110, .value = 9 };
	struct fake_queue user;

	(void)state;
	q_init(&user, gpu, 1, ASID, 0);
	q_start(&user);
	q_put(&user, OGPU_OP_FENCE, OGPU_FENCE_SIGNAL | OGPU_PKT_CARD, &f, sizeof(f));
	q_ring(&user);
	assert_true(q_wait(&user, OGPU_SLOT_IDLE));
	pthread_mutex_lock(&gpu->lock);
	while (!gpu->signals)
		pthread_cond_wait(&gpu->change, &gpu->lock);
	pthread_mutex_unlock(&gpu->lock);
	assert_int_equal(gpu->signal_queue, 41);
	assert_int_equal(*(uint64_t *)mem(0x110), 9);
	assert_int_equal(gpu->events, 0);
	/* A fence that cannot be stored does not signal. */
	f.addr = VA_RO;
	memory_fault(OGPU_OP_FENCE, OGPU_FENCE_SIGNAL, &f, sizeof(f), VA_RO, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_PERMISSION);
	assert_int_equal(gpu->signals, 1);
}

static void test_timestamp(void **state)
{
	struct ogpu_pkt_timestamp t = { .addr = VA + 0x200 };
	uint64_t before = vgpu_time_ns(gpu), first, second;

	(void)state;
	q_put(q, OGPU_OP_TIMESTAMP, 0, &t, sizeof(t));
	t.addr = VRAM(FAKE_DATA + 0x208);
	q_put(q, OGPU_OP_TIMESTAMP, OGPU_TIMESTAMP_PHYS | OGPU_TIMESTAMP_END, &t, sizeof(t));
	done();
	first = *(uint64_t *)mem(0x200);
	second = *(uint64_t *)mem(0x208);
	assert_true(before <= first && first <= second && second <= vgpu_time_ns(gpu));
	t.addr = VA + 4;
	wrong(OGPU_OP_TIMESTAMP, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	t.addr = VA;
	t.rsvd = 1;
	wrong(OGPU_OP_TIMESTAMP, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	t.rsvd = 0;
	wrong(OGPU_OP_TIMESTAMP, 4, &t, sizeof(t), OGPU_QERR_PACKET);
}

static void test_wait(void **state)
{
	static const struct {
		enum ogpu_compare compare;
		uint64_t blocked, passes;
	} cases[] = {
		{ OGPU_COMPARE_EQ, 6, 5 }, { OGPU_COMPARE_NE, 5, 6 },
		{ OGPU_COMPARE_GE, 4, 5 }, { OGPU_COMPARE_GE, 4, 9 }, { OGPU_COMPARE_LT, 5, 4 },
	};
	struct ogpu_pkt_wait w = { .addr = VA + 8, .mask = 0xff, .value = 0x705 };
	_Atomic uint64_t *cell = (_Atomic uint64_t *)mem(8);

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		*cell = cases[i].blocked | 0x100;
		w.compare = cases[i].compare;
		q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
		q_ring(q);
		assert_true(q_wait(q, OGPU_SLOT_WAITING));
		*cell = cases[i].passes | 0x200;
		done();
	}
	w.compare = 4;
	wrong(OGPU_OP_WAIT, 0, &w, sizeof(w), OGPU_QERR_PACKET);
	w.compare = 0;
	w.addr++;
	wrong(OGPU_OP_WAIT, 0, &w, sizeof(w), OGPU_QERR_PACKET);
	w.addr = VA;
	wrong(OGPU_OP_WAIT, 2, &w, sizeof(w), OGPU_QERR_PACKET);
	w.addr = VA + BYTES;
	memory_fault(OGPU_OP_WAIT, 0, &w, sizeof(w), VA + BYTES, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
}

/* One queue's fence lets another go on. */
static void test_wait_for_queue(void **state)
{
	struct ogpu_pkt_wait w = {
		.addr = VA + 0x18, .mask = ~0ull, .value = 3, .compare = OGPU_COMPARE_GE,
	};
	struct ogpu_pkt_fence f = { .addr = VA + 0x18, .value = 3 };
	struct fake_queue other;

	(void)state;
	*(uint64_t *)mem(0x18) = 0;
	q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	q_init(&other, gpu, COPY, ASID, 0);
	q_start(&other);
	q_put(&other, OGPU_OP_FENCE, 0, &f, sizeof(f));
	q_ring(&other);
	done();
}

static void test_indirect(void **state)
{
	struct ogpu_pkt_fill f = { .pattern = 0xabc, .dst = VA + 0x5000, .bytes = 4 };
	struct ogpu_pkt_indirect ib = { .addr = VA + 0xff0 };
	uint32_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < 10; i++, f.dst += 4)
		n += ib_put(0xff0 + n, OGPU_OP_FILL, 0, &f, sizeof(f));
	ib.bytes = n;
	q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
	done();
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(*(uint32_t *)mem(0x5000 + 4 * i), 0xabc);

	ib.bytes = n - 8;
	q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
	q_restart(q);
	ib.bytes = 12;
	wrong(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), OGPU_QERR_PACKET);
	ib.bytes = 0;
	wrong(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), OGPU_QERR_PACKET);
	ib.bytes = OGPU_INDIRECT_MAX_BYTES + 8;
	wrong(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), OGPU_QERR_PACKET);
	ib.bytes = 16;
	ib.addr = VA + 4;
	wrong(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), OGPU_QERR_PACKET);
	ib.addr = VA;
	wrong(OGPU_OP_INDIRECT, 1, &ib, sizeof(ib), OGPU_QERR_PACKET);
	ib.addr = VA + BYTES;
	memory_fault(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), VA + BYTES, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
	ib.addr = 1ull << 50;
	memory_fault(OGPU_OP_INDIRECT, 0, &ib, sizeof(ib), 1ull << 50, OGPU_ACCESS_READ,
		     OGPU_FAULT_VA_RANGE);
}

/* Privileged packets, from an indirect buffer and from a ring without the privilege. */
static void test_privilege(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x1000, .bytes = 8 };
	struct ogpu_pkt_fill f = { .dst = VA, .bytes = 8 };
	struct ogpu_pkt_fence n = { .addr = VA };
	struct ogpu_pkt_timestamp t = { .addr = VA };
	struct ogpu_pkt_wait w = { .addr = VA };
	struct ogpu_pkt_tlbi i = { .asid = 0 };
	const struct {
		uint32_t opcode, flags;
		const void *packet;
		uint32_t bytes;
	} cases[] = {
		{ OGPU_OP_COPY, OGPU_COPY_SRC_PHYS, &c, sizeof(c) },
		{ OGPU_OP_COPY, OGPU_COPY_DST_PHYS, &c, sizeof(c) },
		{ OGPU_OP_COPY, OGPU_COPY_LOST, &c, sizeof(c) },
		{ OGPU_OP_FILL, OGPU_FILL_DST_PHYS, &f, sizeof(f) },
		{ OGPU_OP_FENCE, OGPU_FENCE_PHYS, &n, sizeof(n) },
		{ OGPU_OP_FENCE, OGPU_FENCE_IRQ, &n, sizeof(n) },
		{ OGPU_OP_TIMESTAMP, OGPU_TIMESTAMP_PHYS, &t, sizeof(t) },
		{ OGPU_OP_WAIT, OGPU_WAIT_PHYS, &w, sizeof(w) },
		{ OGPU_OP_TLBI, 0, &i, sizeof(i) },
	};
	struct ogpu_pkt_indirect ib = { .addr = VA + 0x8000 };
	struct fake_queue user;

	(void)state;
	q_init(&user, gpu, 1, ASID, 0);
	q_start(&user);
	for (unsigned int k = 0; k < ARRAY_SIZE(cases); k++) {
		wrong_slot(&user, cases[k].opcode, cases[k].flags, cases[k].packet,
			   cases[k].bytes, OGPU_QERR_PRIVILEGE);
		ib.bytes = ib_put(0x8000, cases[k].opcode, cases[k].flags, cases[k].packet,
				  cases[k].bytes);
		q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
		q_ring(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_PRIVILEGE);
		assert_int_equal(gpu->events, 0);
		q_restart(q);
	}
}

/* BARRIER goes with every packet; CARD with some. */
static void test_common_flags(void **state)
{
	static const uint8_t scoped[] = {
		OGPU_OP_FENCE, OGPU_OP_WAIT, OGPU_OP_CACHE, OGPU_OP_SKIP, OGPU_OP_ATOMIC
	};
	struct ogpu_pkt_skip s = { .addr = VA, .compare = OGPU_COMPARE_GE };
	struct ogpu_pkt_atomic a = { .addr = VA };
	struct ogpu_pkt_copy_rect r = { .src = VA, .dst = VA };
	struct ogpu_pkt_dispatch d = { .entry = VA, .group = { 1, 1, 1 } };
	struct ogpu_pkt_dispatch_indirect di = { .entry = VA, .grid = VA, .group = { 1, 1, 1 } };
	struct ogpu_pkt_indirect ib = { .addr = VA + 0x8000, .bytes = 8 };
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x1000, .bytes = 8 };
	struct ogpu_pkt_fill f = { .dst = VA, .bytes = 8 };
	struct ogpu_pkt_fence n = { .addr = VA };
	struct ogpu_pkt_wait w = { .addr = VA, .compare = OGPU_COMPARE_GE };
	struct ogpu_pkt_timestamp t = { .addr = VA + 0x20 };
	struct ogpu_pkt_counters cn = { .addr = VA + 0x800 };
	struct ogpu_pkt_cache k = { .ops = OGPU_CACHE_CLEAN };
	struct ogpu_pkt_tlbi i = { .asid = 0 };
	struct {
		struct ogpu_pkt_write w;
		uint32_t data[2];
	} wr = { .w = { .dst = VA } };
	uint64_t nop = 0;
	const struct {
		uint32_t opcode;
		const void *packet;
		uint32_t bytes;
	} all[] = {
		{ OGPU_OP_NOP, &nop, 8 }, { OGPU_OP_INDIRECT, &ib, sizeof(ib) },
		{ OGPU_OP_COPY, &c, sizeof(c) }, { OGPU_OP_FILL, &f, sizeof(f) },
		{ OGPU_OP_WRITE, &wr, sizeof(wr) }, { OGPU_OP_FENCE, &n, sizeof(n) },
		{ OGPU_OP_WAIT, &w, sizeof(w) }, { OGPU_OP_TIMESTAMP, &t, sizeof(t) },
		{ OGPU_OP_DISPATCH, &d, sizeof(d) }, { OGPU_OP_CACHE, &k, sizeof(k) },
		{ OGPU_OP_TLBI, &i, sizeof(i) }, { OGPU_OP_DISPATCH_INDIRECT, &di, sizeof(di) },
		{ OGPU_OP_COPY_RECT, &r, sizeof(r) }, { OGPU_OP_SKIP, &s, sizeof(s) },
		{ OGPU_OP_ATOMIC, &a, sizeof(a) }, { OGPU_OP_COUNTERS, &cn, sizeof(cn) },
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(all), OGPU_OPCODES);
	memset(mem(0), 0, 64);
	ib_put(0x8000, OGPU_OP_NOP, OGPU_PKT_BARRIER, &nop, 8);
	for (unsigned int n = 0; n < ARRAY_SIZE(all); n++) {
		uint32_t op = all[n].opcode;

		memset(mem(0), 0, 64);
		q_put(q, op, OGPU_PKT_BARRIER, all[n].packet, all[n].bytes);
		done();
		if (memchr(scoped, op, sizeof(scoped))) {
			q_put(q, op, OGPU_PKT_CARD, all[n].packet, all[n].bytes);
			done();
		} else {
			wrong(op, OGPU_PKT_CARD, all[n].packet, all[n].bytes, OGPU_QERR_PACKET);
		}
	}
}

static uint64_t atomic_once(uint32_t op, uint64_t before, uint64_t value, uint64_t compare)
{
	struct ogpu_pkt_atomic a = {
		.op = op, .addr = VA + 0x40, .value = value, .compare = compare,
		.result = VA + 0x48,
	};
	uint64_t seen = op & OGPU_ATOMIC_WIDE ? before : (uint32_t)before;

	*(uint64_t *)mem(0x40) = before;
	q_put(q, OGPU_OP_ATOMIC, OGPU_ATOMIC_RETURN, &a, sizeof(a));
	done();
	assert_int_equal(*(uint64_t *)mem(0x48), seen);
	return *(uint64_t *)mem(0x40);
}

static void test_atomic(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t before, value, compare, after;
	} cases[] = {
		{ OGPU_ATOMIC_ADD, 0x1ffffffff, 2, 0, 0x100000001 },
		{ OGPU_ATOMIC_ADD | OGPU_ATOMIC_WIDE, 0x1ffffffff, 2, 0, 0x200000001 },
		{ OGPU_ATOMIC_SWAP, 0x700000005, 9, 0, 0x700000009 },
		{ OGPU_ATOMIC_SWAP | OGPU_ATOMIC_WIDE, 5, ~0ull, 0, ~0ull },
		{ OGPU_ATOMIC_CAS, 0x700000005, 9, 5, 0x700000009 },
		{ OGPU_ATOMIC_CAS, 0x700000005, 9, 6, 0x700000005 },
		{ OGPU_ATOMIC_CAS | OGPU_ATOMIC_WIDE, 0x700000005, 9, 5, 0x700000005 },
		{ OGPU_ATOMIC_CAS | OGPU_ATOMIC_WIDE, 0x700000005, 9, 0x700000005, 9 },
		{ OGPU_ATOMIC_AND, 0x7000000fc, 0x3f, 0, 0x70000003c },
		{ OGPU_ATOMIC_OR, 0x7000000f0, 0x0f, 0, 0x7000000ff },
		{ OGPU_ATOMIC_XOR | OGPU_ATOMIC_WIDE, 0xff00000000, 0x0f0000000f, 0, 0xf00000000f },
		{ OGPU_ATOMIC_MIN, 3, 0xffffffff, 0, 0xffffffff },
		{ OGPU_ATOMIC_MAX, 3, 0xffffffff, 0, 3 },
		{ OGPU_ATOMIC_MIN | OGPU_ATOMIC_WIDE, 3, ~0ull, 0, ~0ull },
		{ OGPU_ATOMIC_MAX | OGPU_ATOMIC_WIDE, ~0ull, 3, 0, 3 },
		{ OGPU_ATOMIC_MINU, 3, 0xffffffff, 0, 3 },
		{ OGPU_ATOMIC_MAXU, 0x700000003, 0xffffffff, 0, 0x7ffffffff },
		{ OGPU_ATOMIC_MINU | OGPU_ATOMIC_WIDE, ~0ull, 3, 0, 3 },
		{ OGPU_ATOMIC_MAXU | OGPU_ATOMIC_WIDE, ~0ull, 3, 0, ~0ull },
	};
	struct ogpu_pkt_atomic a = { .addr = VA + 0x50, .value = 1 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(atomic_once(cases[i].op, cases[i].before, cases[i].value,
					     cases[i].compare), cases[i].after);
	*(uint64_t *)mem(0x50) = 0x0123456700000000;
	a.addr = VA + 0x54;
	q_put(q, OGPU_OP_ATOMIC, 0, &a, sizeof(a));
	done();
	assert_int_equal(*(uint64_t *)mem(0x50), 0x0123456800000000);
}

static void test_atomic_wrong(void **state)
{
	const struct ogpu_pkt_atomic good = { .addr = VA + 0x50, .value = 1 };
	struct ogpu_pkt_atomic a;

	(void)state;
	*(uint64_t *)mem(0x50) = 77;
	a = good;
	a.op = OGPU_ATOMIC_OPS;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a.op = 1u << 9;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a = good;
	a.addr += 2;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a.addr = VA + 0x54;
	a.op = OGPU_ATOMIC_WIDE;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a = good;
	a.value = 1ull << 32;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a = good;
	a.compare = 1;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a.op = OGPU_ATOMIC_CAS;
	a.compare = 1ull << 32;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a = good;
	a.result = VA;
	wrong(OGPU_OP_ATOMIC, 0, &a, sizeof(a), OGPU_QERR_PACKET);
	a.result = VA + 4;
	wrong(OGPU_OP_ATOMIC, OGPU_ATOMIC_RETURN, &a, sizeof(a), OGPU_QERR_PACKET);
	wrong(OGPU_OP_ATOMIC, 2, &a, sizeof(a), OGPU_QERR_PACKET);
	wrong(OGPU_OP_ATOMIC, 0, &good, sizeof(a) - 8, OGPU_QERR_PACKET);
	assert_int_equal(*(uint64_t *)mem(0x50), 77);
	a = good;
	a.addr = VA_RO;
	memory_fault(OGPU_OP_ATOMIC, 0, &a, sizeof(a), VA_RO, OGPU_ACCESS_ATOMIC,
		     OGPU_FAULT_PERMISSION);
	a.addr = 1ull << 60;
	memory_fault(OGPU_OP_ATOMIC, 0, &a, sizeof(a), 1ull << 60, OGPU_ACCESS_ATOMIC,
		     OGPU_FAULT_VA_RANGE);
	a = good;
	a.result = VA + BYTES;
	*(uint64_t *)mem(a.addr - VA) = 5;
	memory_fault(OGPU_OP_ATOMIC, OGPU_ATOMIC_RETURN, &a, sizeof(a), VA + BYTES,
		     OGPU_ACCESS_WRITE, OGPU_FAULT_NOT_MAPPED);
	assert_int_equal(*(uint64_t *)mem(a.addr - VA), 5);
}

static void test_cache_and_tlbi(void **state)
{
	struct ogpu_pkt_cache c = { .ops = 7, .start = VA, .end = VA + 1 };
	struct ogpu_pkt_tlbi t = { .asid = ASID, .start = VA, .end = VA + 0x1000 };
	struct ogpu_pkt_fill f = { .pattern = 1, .dst = VA, .bytes = 4 };
	uint64_t before = gpu->tlbi.count;

	(void)state;
	q_put(q, OGPU_OP_CACHE, 0, &c, sizeof(c));
	q_put(q, OGPU_OP_FILL, 0, &f, sizeof(f));
	q_put(q, OGPU_OP_TLBI, 0, &t, sizeof(t));
	done();
	assert_int_equal(gpu->tlbi.count, before + 1);
	/* After a TLBI the old translation is not used any more. */
	*fake_entry(gpu, ASID, VA, 0) = 0;
	t = (struct ogpu_pkt_tlbi){ 0 };
	q_put(q, OGPU_OP_TLBI, 0, &t, sizeof(t));
	done();
	memory_fault(OGPU_OP_FILL, 0, &f, sizeof(f), VA, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_NOT_MAPPED);
	c.ops = 8;
	wrong(OGPU_OP_CACHE, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	c.ops = 1;
	wrong(OGPU_OP_CACHE, 1, &c, sizeof(c), OGPU_QERR_PACKET);
	wrong(OGPU_OP_CACHE, 0, &c, 8, OGPU_QERR_PACKET);
	c.start = VA + 1;
	c.end = VA;
	wrong(OGPU_OP_CACHE, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	c.end = (1ull << OGPU_VA_BITS) + 1;
	wrong(OGPU_OP_CACHE, 0, &c, sizeof(c), OGPU_QERR_PACKET);
	t = (struct ogpu_pkt_tlbi){ .asid = 0, .end = 0x1000 };
	wrong(OGPU_OP_TLBI, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	t = (struct ogpu_pkt_tlbi){ .asid = 1, .start = 1 };
	wrong(OGPU_OP_TLBI, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	t = (struct ogpu_pkt_tlbi){ .asid = 1, .start = 0x2000, .end = 0x1000 };
	wrong(OGPU_OP_TLBI, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	t = (struct ogpu_pkt_tlbi){ .asid = 0x10000 };
	wrong(OGPU_OP_TLBI, 0, &t, sizeof(t), OGPU_QERR_PACKET);
	wrong(OGPU_OP_TLBI, 1, &t, sizeof(t), OGPU_QERR_PACKET);
}

static void test_dispatch_checks(void **state)
{
	const struct ogpu_pkt_dispatch good = {
		.entry = VA, .grid = { 0, 1, 1 }, .group = { 32, 1, 1 },
	};
	struct ogpu_pkt_dispatch d = good;
	struct fake_queue copy;

	(void)state;
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	done();
	q_init(&copy, gpu, COPY, ASID, 0);
	q_start(&copy);
	wrong_slot(&copy, OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_OPCODE);
	wrong(OGPU_OP_DISPATCH, 1, &d, sizeof(d), OGPU_QERR_PACKET);
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d) - 8, OGPU_QERR_PACKET);
	d.rsvd = 1;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.entry++;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.group[1] = 0;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.group[1] = 33;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	for (unsigned int i = 0; i < 3; i++)
		d.group[i] = 0x80000000;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	d = good;
	d.local_bytes = VGPU_LOCAL_BYTES + 1;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	d = good;
	d.private_bytes = 8;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d.private_bytes = VGPU_PRIVATE_BYTES + 16;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	d = good;
	for (unsigned int i = 0; i < 3; i++)
		d.grid[i] = ~0u;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	/* A part that is not inside the whole. */
	d = good;
	d.base[1] = 4;
	d.grid[1] = 3;
	d.total[1] = 7;
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	done();
	d.total[1] = 6;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d.total[1] = 0;
	d.base[1] = ~0u;
	wrong(OGPU_OP_DISPATCH, 0, &d, sizeof(d), OGPU_QERR_PACKET);
}

static void test_dispatch_indirect_checks(void **state)
{
	const struct ogpu_pkt_dispatch_indirect good = {
		.entry = VA, .grid = VA + 4, .group = { 32, 1, 1 },
	};
	struct ogpu_pkt_dispatch_indirect d = good;
	uint32_t *grid = (uint32_t *)mem(4);
	uint8_t longer[sizeof(d) + 8] = { 0 };
	struct fake_queue copy;

	(void)state;
	grid[0] = 5;
	grid[1] = 0;
	grid[2] = 5;
	q_put(q, OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d));
	done();
	q_init(&copy, gpu, COPY, ASID, 0);
	q_start(&copy);
	wrong_slot(&copy, OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_OPCODE);
	wrong(OGPU_OP_DISPATCH_INDIRECT, 1, &d, sizeof(d), OGPU_QERR_PACKET);
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, longer, sizeof(longer), OGPU_QERR_PACKET);
	d.rsvd = 1;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.rsvd2 = 1;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.grid += 2;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d = good;
	d.group[2] = 0;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_PACKET);
	d.group[2] = VGPU_MAX_WORKGROUP;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
	d = good;
	d.grid = VA + BYTES - 4;
	memory_fault(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), VA + BYTES, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
	d = good;
	grid[0] = ~0u;
	grid[1] = ~0u;
	grid[2] = ~0u;
	wrong(OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d), OGPU_QERR_DISPATCH);
}

/* Anything at all in the ring: the queue ends in an error or goes on, nothing else happens. */
static void test_garbage(void **state)
{
	uint8_t *ring = gpu->vram + Q_RING;
	unsigned int x = 12345;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		for (unsigned int i = 0; i < Q_RING_SIZE; i++) {
			x = x * 1103515245 + 12345;
			ring[i] = x >> 16;
			if (i % 8 == 0)
				ring[i] %= OGPU_OPCODES + 1;
			if (i % 8 == 1)
				ring[i] = 0;
			if (i % 8 == 2)
				ring[i] &= 0x1e;
			if (i % 8 == 3)
				ring[i] = 0;
		}
		q->wptr = 4096;
		q_ring(q);
		while (q_state(q) == OGPU_SLOT_RUNNING || q_state(q) == OGPU_SLOT_IDLE) {
			if (q_rptr(q) == 4096)
				break;
			sched_yield();
		}
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		q_restart(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poison, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poisoned_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fence_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timestamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_for_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indirect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_privilege, setup, teardown),
		cmocka_unit_test_setup_teardown(test_common_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomic_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache_and_tlbi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dispatch_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dispatch_indirect_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu packets", tests, NULL, NULL);
}
