// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Waiting: what slots and watches are told, what wakes them, and what it costs if nothing does. */
#include "fake_kernels.h"
#include "fake_packets.h"

#define QUEUES		4096u
#define SLOTS		8u
#define MANY		1000u
#define POLL_NS		16000000u	/* an old watch is looked at so often */
#define STORE_NS	2000000u	/* and all of them so often because of stores */

static int setup_many(void **state)
{
	(void)state;
	fake_config.compute_slots = SLOTS;
	fake_config.doorbells = QUEUES;
	gpu = fake_create(1);
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), BYTES, PTE_RW);
	fake_map(gpu, ASID + 1, VA, SYSTEM(FAKE_SYSTEM + 0x100000), BYTES, PTE_RW);
	kernels_load(gpu, ASID, FAKE_DATA + BYTES);
	q_init(q, gpu, 0, ASID, 0);
	return 0;
}

static struct engines_condition when(uint64_t va, enum ogpu_compare compare, uint64_t value)
{
	return (struct engines_condition){
		.operand = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, va), .asid = ASID, .value = value,
		.mask = ~0ull, .compare = compare,
	};
}

static void watch(uint32_t number, uint64_t va, enum ogpu_compare compare, uint64_t value)
{
	const struct engines_condition what = when(va, compare, value);

	engines_watch(gpu->engines, number, &what);
}

static struct engines_work work(void)
{
	struct engines_work w;

	engines_work(gpu->engines, &w);
	return w;
}

static void set(uint64_t offset, uint64_t value)
{
	__atomic_store_n((uint64_t *)mem(offset), value, __ATOMIC_SEQ_CST);
}

static unsigned int rung(void)
{
	unsigned int n;

	pthread_mutex_lock(&gpu->lock);
	n = gpu->doorbells_forwarded;
	pthread_mutex_unlock(&gpu->lock);
	return n;
}

/* Sleeps until so many doorbells have been passed on to the management core. */
static void wait_rung(unsigned int count)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += Q_TIMEOUT_S;
	pthread_mutex_lock(&gpu->lock);
	while (gpu->doorbells_forwarded < count && !err)
		err = pthread_cond_timedwait(&gpu->change, &gpu->lock, &until);
	pthread_mutex_unlock(&gpu->lock);
	assert_int_equal(rung(), count);
}

/* Until the watcher has looked so many times more. */
static void wait_looks(uint64_t count)
{
	const struct timespec ms = { 0, 1000000 };
	uint64_t end = work().wait_looks + count;

	while (work().wait_looks < end)
		nanosleep(&ms, NULL);
}

/* --- watches ---------------------------------------------------------------------------------- */

static void test_compare(void **state)
{
	static const struct {
		enum ogpu_compare compare;
		uint64_t blocked, passes;
	} cases[] = {
		{ OGPU_COMPARE_EQ, 6, 5 }, { OGPU_COMPARE_NE, 5, 6 }, { OGPU_COMPARE_GE, 4, 5 },
		{ OGPU_COMPARE_GE, 4, ~0ull }, { OGPU_COMPARE_LT, 5, 4 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		set(8, cases[i].blocked);
		watch(100 + i, VA + 8, cases[i].compare, 5);
		wait_looks(4);
		assert_int_equal(rung(), i);
		set(8, cases[i].passes);
		wait_rung(i + 1);
		assert_int_equal(gpu->doorbell_forwarded, 100 + i);
	}
	/* Each of them is over: these would hold for one or another. */
	watch(99, VA + 16, OGPU_COMPARE_EQ, ~0ull);
	for (uint64_t value = 0; value < 10; value++) {
		set(8, value);
		wait_looks(1);
	}
	assert_int_equal(rung(), ARRAY_SIZE(cases));
}

/* Only bits in the mask count. */
static void test_mask(void **state)
{
	struct engines_condition what = when(VA + 8, OGPU_COMPARE_EQ, 0xab12);

	(void)state;
	what.mask = 0xff;
	set(8, 0x1213);
	engines_watch(gpu->engines, 5, &what);
	wait_looks(3);
	assert_int_equal(rung(), 0);
	set(8, 0xffff12);
	wait_rung(1);
}

/* The address space is that of the watch; operands may be physical as well. */
static void test_places(void **state)
{
	struct engines_condition what = when(VA + 8, OGPU_COMPARE_EQ, 1);

	(void)state;
	set(8, 1);
	*(uint64_t *)(gpu->system + 0x100008) = 0;
	what.asid = ASID + 1;
	engines_watch(gpu->engines, 6, &what);
	wait_looks(3);
	assert_int_equal(rung(), 0);
	__atomic_store_n((uint64_t *)(gpu->system + 0x100008), 1, __ATOMIC_SEQ_CST);
	wait_rung(1);
	set(8, 0);
	what.asid = 0;
	what.operand = VRAM(FAKE_DATA + 8);
	engines_watch(gpu->engines, 7, &what);
	wait_looks(3);
	assert_int_equal(rung(), 1);
	set(8, 1);
	wait_rung(2);
}

/* What cannot be read ends the watch, so that the queue fails when it looks for itself. */
static void test_unreadable(void **state)
{
	struct engines_condition bad[7];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = when(VA + 8, OGPU_COMPARE_EQ, ~0ull);
	bad[0].operand = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + BYTES);
	bad[1].operand = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, 1ull << 50);
	bad[2].operand |= 4;
	bad[3].operand |= BIT_ULL(57);
	bad[4].operand = OGPU_OPERAND(OGPU_TARGET_PEER, 0);
	bad[5].asid = 0;
	bad[6].operand = VRAM(FAKE_VRAM);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		engines_watch(gpu->engines, 10 + i, &bad[i]);
		wait_rung(i + 1);
		assert_int_equal(gpu->doorbell_forwarded, 10 + i);
	}
}

/* A mapping that goes away, or changes, while a watch has it in its cache. */
static void test_unmapped(void **state)
{
	(void)state;
	set(8, 0);
	set(0x1008, 1);
	watch(3, VA + 8, OGPU_COMPARE_EQ, 1);
	wait_looks(3);
	*fake_entry(gpu, ASID, VA, 0) = fake_pte(VRAM(FAKE_DATA + 0x1000), OGPU_PTE_LEAF | PTE_RW);
	engines_tlb_invalidate(gpu->engines, &(struct tlbi){ ASID, VA, VA + 4096 });
	wait_rung(1);
	watch(3, VA + 0x2008, OGPU_COMPARE_EQ, ~0ull);
	wait_looks(3);
	*fake_entry(gpu, ASID, VA + 0x2000, 0) = 0;
	engines_tlb_invalidate(gpu->engines, &(struct tlbi){ ASID, VA + 0x2000, VA + 0x3000 });
	wait_rung(2);
	/* Host memory that is taken away. */
	watch(3, VA + 0x3008, OGPU_COMPARE_EQ, ~0ull);
	wait_looks(3);
	poison_add(&gpu->poison, FAKE_DATA + 0x3000, true);
	fake_lose_pointers(gpu);
	wait_rung(3);
}

static void test_ended(void **state)
{
	(void)state;
	set(8, 0);
	watch(99, VA + 16, OGPU_COMPARE_EQ, ~0ull);
	/* By firmware, by the doorbell, by another watch, by a reset; there is no queue 4096. */
	watch(1, VA + 8, OGPU_COMPARE_EQ, 1);
	watch(2, VA + 8, OGPU_COMPARE_EQ, 1);
	watch(3, VA + 8, OGPU_COMPARE_EQ, 1);
	watch(QUEUES, VA + 8, OGPU_COMPARE_EQ, 0);
	engines_watch(gpu->engines, 1, NULL);
	engines_watch(gpu->engines, 1, NULL);
	engines_watch(gpu->engines, QUEUES, NULL);
	assert_false(engines_doorbell(gpu->engines, 2, NULL));
	watch(3, VA + 24, OGPU_COMPARE_EQ, ~0ull);
	set(8, 1);
	wait_looks(8);
	assert_int_equal(rung(), 0);
	watch(4, VA + 32, OGPU_COMPARE_EQ, ~0ull);
	engines_watch_reset(gpu->engines);
	set(16, ~0ull);
	set(32, ~0ull);
	watch(5, VA + 40, OGPU_COMPARE_EQ, ~0ull);
	wait_looks(4);
	assert_int_equal(rung(), 0);
}

/* Many at once, some of which hold: exactly those are told, each once. */
static void test_many(void **state)
{
	(void)state;
	memset(mem(0), 0, 8 * QUEUES);
	for (unsigned int i = 0; i < QUEUES; i++)
		watch(i, VA + 8 * i, OGPU_COMPARE_EQ, 1);
	for (unsigned int i = 0; i < QUEUES; i += 7)
		set(8 * i, 1);
	wait_rung((QUEUES + 6) / 7);
	wait_looks(2 * QUEUES);
	assert_int_equal(rung(), (QUEUES + 6) / 7);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void put_wait(struct fake_queue *wq, uint64_t offset, enum ogpu_compare compare,
		     uint64_t value)
{
	struct ogpu_pkt_wait w = {
		.addr = VA + offset, .value = value, .mask = 0xffff, .compare = compare,
	};

	q_put(wq, OGPU_OP_WAIT, 0, &w, sizeof(w));
}

static void check_no_wait(void)
{
	for (uint32_t reg = OGPU_SLOT_WAIT_CTRL; reg <= OGPU_SLOT_WAIT_MASK_HI; reg += 4)
		assert_int_equal(q_read(q, reg), 0);
}

static void check_wait(void)
{
	assert_int_equal(q_read(q, OGPU_SLOT_WAIT_CTRL), OGPU_SLOT_WAIT_VALID |
			 FIELD_PREP(OGPU_SLOT_WAIT_COMPARE, OGPU_COMPARE_GE));
	assert_int_equal(q_read64(q, OGPU_SLOT_WAIT_ADDR_LO),
			 OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8));
	assert_int_equal(q_read64(q, OGPU_SLOT_WAIT_VALUE_LO), 0x123456789abcull);
	assert_int_equal(q_read64(q, OGPU_SLOT_WAIT_MASK_LO), 0xffff);
}

static void test_slot_registers(void **state)
{
	(void)state;
	set(8, 0);
	check_no_wait();
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	check_no_wait();
	put_wait(q, 8, OGPU_COMPARE_GE, 0x123456789abcull);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	check_wait();
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	check_wait();
	q_clear(q);
	check_no_wait();
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	set(8, 0x9abc);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	check_no_wait();
	/* Saved, but not in a WAIT. */
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	check_no_wait();
}

/* A mapping taken away under a WAIT: that queue's memory fault, though nothing stores there. */
static void test_slot_unmapped(void **state)
{
	uint32_t status;

	(void)state;
	set(8, 0);
	q_start(q);
	put_wait(q, 8, OGPU_COMPARE_EQ, 1);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_WAITING));
	*fake_entry(gpu, ASID, VA, 0) = 0;
	engines_tlb_invalidate(gpu->engines, &(struct tlbi){ ASID, 0, 0 });
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	status = q_read(q, OGPU_SLOT_STATUS);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ERROR, status), OGPU_QERR_MEMORY);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON, status), OGPU_FAULT_NOT_MAPPED);
}

/* --- what wakes, and when --------------------------------------------------------------------- */

/* A watch that is old, and was looked at this moment: the next look of itself is far away. */
static void old_watch(uint64_t offset)
{
	struct engines_condition what = when(VA + offset, OGPU_COMPARE_EQ, 1);
	uint64_t start = vgpu_time_ns(gpu);

	what.mask = UINT32_MAX;
	engines_watch(gpu->engines, 50, &what);
	while (vgpu_time_ns(gpu) - start < 3 * POLL_NS)
		wait_looks(1);
}

/*
 * What the card stores is seen at once: well before the watch would be looked at because of the
 * CPU. A host that is busy may take its time, so the best of many tries counts.
 */
static void check_card_store(uint32_t opcode, const void *packet, uint32_t bytes, uint64_t offset)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < 50 && best > POLL_NS / 2; i++) {
		unsigned int before = rung();
		uint64_t start;

		set(offset, 0);
		old_watch(offset);
		start = vgpu_time_ns(gpu);
		q_put(q, opcode, 0, packet, bytes);
		q_ring(q);
		wait_rung(before + 1);
		if (vgpu_time_ns(gpu) - start < best)
			best = vgpu_time_ns(gpu) - start;
	}
	assert_true(best <= POLL_NS / 2);
}

static void test_card_stores(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VA + 8, .value = 1 };
	struct {
		struct ogpu_pkt_write w;
		uint32_t data[2];
	} w = { .w = { .dst = VA + 8 }, .data = { 1, 0 } };
	struct ogpu_pkt_atomic a = { .addr = VA + 8, .value = 1 };
	struct ogpu_pkt_copy c = { .src = VA + 0x100, .dst = VA + 8, .bytes = 8 };
	struct ogpu_pkt_fill l = { .pattern = 1, .dst = VA + 8, .bytes = 4 };
	struct ogpu_pkt_copy_rect r = {
		.src = VA + 0x100, .dst = VA + 8, .extent = { 8, 1, 1 },
	};

	(void)state;
	set(0x100, 1);
	q_start(q);
	check_card_store(OGPU_OP_FENCE, &f, sizeof(f), 8);
	check_card_store(OGPU_OP_WRITE, &w, sizeof(w), 8);
	check_card_store(OGPU_OP_ATOMIC, &a, sizeof(a), 8);
	check_card_store(OGPU_OP_COPY, &c, sizeof(c), 8);
	check_card_store(OGPU_OP_FILL, &l, sizeof(l), 8);
	check_card_store(OGPU_OP_COPY_RECT, &r, sizeof(r), 8);
}

/* So is the read pointer of a queue, of which programs may know where it is. */
static void test_read_pointer(void **state)
{
	uint64_t best = UINT64_MAX, start;
	const uint32_t nop[2] = { 0 };

	(void)state;
	q_start(q);
	for (unsigned int i = 0; i < 50 && best > POLL_NS / 2; i++) {
		const struct engines_condition what = {
			.operand = SYSTEM(Q_POINTERS), .mask = ~0ull, .value = q->wptr,
			.compare = OGPU_COMPARE_NE,
		};
		unsigned int before = rung();

		assert_true(q_wait(q, OGPU_SLOT_IDLE));
		start = vgpu_time_ns(gpu);
		engines_watch(gpu->engines, 50, &what);
		while (vgpu_time_ns(gpu) - start < 3 * POLL_NS)
			wait_looks(1);
		start = vgpu_time_ns(gpu);
		q_put(q, OGPU_OP_NOP, 0, nop, sizeof(nop));
		q_ring(q);
		wait_rung(before + 1);
		if (vgpu_time_ns(gpu) - start < best)
			best = vgpu_time_ns(gpu) - start;
	}
	assert_true(best <= POLL_NS / 2);
}

/* So is what a kernel stores. */
static void test_kernel_stores(void **state)
{
	const struct count_args args = { VA + 8 };
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry("count"), .args = VA + 0x200, .grid = { 1, 1, 1 },
		.group = { 1, 1, 1 }, .local_bytes = 4096, .private_bytes = 512,
	};

	(void)state;
	memcpy(mem(0x200), &args, sizeof(args));
	q_start(q);
	check_card_store(OGPU_OP_DISPATCH, &d, sizeof(d), 8);
}

/* --- what it costs ---------------------------------------------------------------------------- */

struct cost {
	uint64_t ns, looks, wakeups;
};

/*
 * Over some time, on a clock that bounds how often anything may have been due; a busy host takes
 * more of it until there were so many looks.
 */
static struct cost measure(unsigned int polls, uint64_t looks)
{
	const struct timespec ms = { 0, 1000000 };
	struct engines_work before = work(), after;
	uint64_t start = vgpu_time_ns(gpu), end = start + (uint64_t)polls * POLL_NS;

	do {
		nanosleep(&ms, NULL);
		after = work();
	} while (vgpu_time_ns(gpu) < end || after.wait_looks - before.wait_looks < looks);
	return (struct cost){
		.ns = vgpu_time_ns(gpu) - start, .looks = after.wait_looks - before.wait_looks,
		.wakeups = after.wait_wakeups - before.wait_wakeups,
	};
}

/* A thousand queues wait for what never comes: some 60 wakeups and 60,000 looks a second. */
static void test_cost_of_watches(void **state)
{
	struct cost c;

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		watch(i, VA + 512 * i, OGPU_COMPARE_EQ, 0x123456789abcdefull);
	measure(4, 0);
	c = measure(20, MANY);
	printf("# %.1f wakeups and %.0f looks in each %u ms\n", (double)c.wakeups * POLL_NS / c.ns,
	       (double)c.looks * POLL_NS / c.ns, POLL_NS / 1000000);
	assert_true(c.looks <= MANY * (c.ns / POLL_NS + 2));
	assert_true(c.wakeups <= 2 * (c.ns / POLL_NS + 2));
	/* And when nobody waits any more, none. */
	engines_watch_reset(gpu->engines);
	measure(2, 0);
	c = measure(5, 0);
	assert_int_equal(c.looks, 0);
	assert_true(c.wakeups <= 1);	/* the last sleep ends */
}

static void test_cost_of_slots(void **state)
{
	struct fake_queue many[SLOTS];
	struct cost c;

	(void)state;
	set(8, 0);
	for (unsigned int i = 0; i < SLOTS; i++) {
		q_init(&many[i], gpu, i, ASID, 0);
		put_wait(&many[i], 8, OGPU_COMPARE_EQ, 1);
		*q_pointer(&many[i], 1) = many[i].wptr;
		q_start(&many[i]);
		assert_true(q_wait(&many[i], OGPU_SLOT_WAITING));
	}
	measure(4, 0);
	c = measure(20, SLOTS);
	assert_true(c.looks <= SLOTS * (c.ns / POLL_NS + 2));
	assert_true(c.wakeups <= 2 * (c.ns / POLL_NS + 2));
	set(8, 1);
	for (unsigned int i = 0; i < SLOTS; i++)
		assert_true(q_wait(&many[i], OGPU_SLOT_IDLE));
}

/* A queue that stores all the time cannot make a thousand others cost more than so much. */
static void test_cost_of_stores(void **state)
{
	struct ogpu_pkt_fence f = { .addr = VA + 8 };
	struct ogpu_pkt_indirect ib = { .addr = VA + 0x1000 };
	struct cost c;

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		watch(i, VA + 512 * i, OGPU_COMPARE_EQ, 0x123456789abcdefull);
	for (unsigned int i = 0; i < 1000; i++)
		ib.bytes += ib_put(0x1000 + ib.bytes, OGPU_OP_FENCE, 0, &f, sizeof(f));
	for (unsigned int i = 0; i < Q_RING_SIZE / sizeof(ib); i++)
		q_put(q, OGPU_OP_INDIRECT, 0, &ib, sizeof(ib));
	*q_pointer(q, 1) = q->wptr;
	q_start(q);
	c = measure(5, MANY);
	assert_true(c.looks <= MANY * (c.ns / STORE_NS + c.ns / POLL_NS + 10));
	assert_true(c.wakeups <= 4 * (c.ns / STORE_NS + 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_compare, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_mask, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_unmapped, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_ended, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_slot_registers, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_slot_unmapped, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_card_stores, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_read_pointer, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_kernel_stores, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_cost_of_watches, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_cost_of_slots, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_cost_of_stores, setup_many, teardown),
	};

	return cmocka_run_group_tests_name("vgpu wait", tests, NULL, NULL);
}
