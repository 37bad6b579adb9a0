// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compute units shared among slots, on hosts with one and with two threads. */
#include <sys/resource.h>

#include "fake_slots.h"
#include "cu_limits.h"

#define VA_BYTES	0x2000000u		/* at VA */
#define ARGS	0x100u			/* offsets from VA, 256 bytes for each slot */
#define OUT	0x10000u
#define SAVE	0x1000000u		/* one for each slot */
#define SAVE_BYTES	0x800000u

static struct fake_queue queue[2], *const a = &queue[0], *const b = &queue[1];

static void power_up(uint32_t threads)
{
	fake_slots(threads, VA_BYTES);
	memset(mem(OUT), 0, 256);
	for (unsigned int i = 0; i < 2; i++) {
		q_init(&queue[i], gpu, i, ASID, 0);
		queue[i].save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + SAVE + i * SAVE_BYTES);
		queue[i].save_size = SAVE_BYTES;
	}
}

static void put_dispatch(struct fake_queue *q, const char *kernel, uint32_t groups, uint32_t items,
			 const void *args, size_t size)
{
	const uint64_t at = ARGS + q->slot * 256;
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry(kernel), .args = VA + at, .grid = { groups, 1, 1 },
		.group = { items, 1, 1 }, .local_bytes = 4096,
	};

	if (size)
		memcpy(mem(at), args, size);
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
}

static void put_fence(struct fake_queue *q, uint64_t offset, uint64_t value)
{
	struct ogpu_pkt_fence f = { .addr = VA + offset, .value = value };

	q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
}

static void hog(struct fake_queue *q)
{
	q_start(q);
	put_dispatch(q, "endless", 1000, 64, NULL, 0);
	q_ring(q);
}

static uint64_t unit_ns(struct fake_queue *q)
{
	return q_read64(q, OGPU_SLOT_UNIT_NS_LO);
}

/* Until a queue has had units for so long. */
static void let_run(struct fake_queue *q, uint64_t ns)
{
	const uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000 * MS, from = unit_ns(q);

	while (unit_ns(q) - from < ns && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_true(unit_ns(q) - from >= ns);
}

static void wait_cell(uint64_t offset, uint64_t value)
{
	const uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000 * MS;

	while (cell(offset) != value && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_int_equal(cell(offset), value);
}

/* Unit time that another queue had while a kernel of one workgroup went through. */
static uint64_t small_job_beside(struct fake_queue *small, struct fake_queue *other, uint64_t n)
{
	const struct count_args args = { VA + OUT + 64 };
	const uint64_t before = unit_ns(other);

	put_dispatch(small, "count", 1, 32, &args, sizeof(args));
	put_fence(small, OUT, n);
	q_ring(small);
	wait_cell(OUT, n);
	return unit_ns(other) - before;
}

/*
 * Each queue's share of the time that both have together nears a half. A busy host may take this
 * thread away between two reads, so a longer time is looked at if need be.
 */
static void test_equal_hogs(void **state)
{
	uint64_t of_a, of_b, total, difference;

	(void)state;
	hog(a);
	hog(b);
	let_run(a, 1);
	let_run(b, 1);
	of_a = unit_ns(a);
	of_b = unit_ns(b);
	for (uint64_t ms = 100; ms <= 3200; ms *= 2) {
		let_run(a, ms * MS);
		total = unit_ns(a) - of_a + (unit_ns(b) - of_b);
		difference = 2 * (unit_ns(a) - of_a);
		difference = difference > total ? difference - total : total - difference;
		if (difference < total / 20)
			return;
	}
	fail_msg("they are %lu of %lu us apart", (long)difference / 1000, (long)total / 1000);
}

static void test_high_beside_hog(void **state)
{
	uint64_t best = UINT64_MAX;

	(void)state;
	a->priority = OGPU_PRIORITY_LOW;
	b->priority = OGPU_PRIORITY_HIGH;
	hog(a);
	let_run(a, 5 * MS);
	q_start(b);
	/* A busy host may take the threads away at any time: one that went well is enough. */
	for (uint64_t n = 1; n <= 200 && best >= 10 * MS; n++) {
		const uint64_t ns = small_job_beside(b, a, n);

		best = ns < best ? ns : best;
	}
	assert_true(best < 10 * MS);
}

static void test_low_beside_hog(void **state)
{
	uint64_t best = UINT64_MAX;

	(void)state;
	a->priority = OGPU_PRIORITY_HIGH;
	b->priority = OGPU_PRIORITY_LOW;
	hog(a);
	let_run(a, 5 * MS);
	q_start(b);
	for (uint64_t n = 1; n <= 50 && best >= 2 * VGPU_STARVE_MS * MS; n++) {
		const uint64_t ns = small_job_beside(b, a, n);

		best = ns < best ? ns : best;
	}
	assert_true(best < 2 * VGPU_STARVE_MS * MS);
}

/* Threads that look for work while another one takes the last of it. */
static void test_last_workgroup(void **state)
{
	const struct count_args args = { VA + OUT + 64 };

	(void)state;
	q_start(a);
	for (uint64_t n = 1; n <= 5000; n++) {
		put_dispatch(a, "count", 4 + n % 4, 1, &args, sizeof(args));
		put_fence(a, OUT, n);
		q_ring(a);
		wait_cell(OUT, n);
	}
}

/* What a queue waits for units does not count as its time. */
static void test_unit_time(void **state)
{
	uint64_t busy, units;

	(void)state;
	a->priority = OGPU_PRIORITY_HIGH;
	b->priority = OGPU_PRIORITY_LOW;
	hog(a);
	let_run(a, 5 * MS);
	hog(b);
	let_run(a, 300 * MS);
	units = unit_ns(b);
	busy = q_read64(b, OGPU_SLOT_BUSY_LO);
	assert_true(units > 0);
	assert_true(busy >= 300 * MS);
	assert_true(units < busy / 3);
	/* Higher than the other now: it is the other that waits. */
	q_write(b, OGPU_SLOT_PRIORITY, OGPU_PRIORITY_HIGH + 1);
	assert_int_equal(q_read(b, OGPU_SLOT_PRIORITY), OGPU_PRIORITY_HIGH + 1);
	let_run(b, 5 * MS);
	units = unit_ns(a);
	busy = q_read64(a, OGPU_SLOT_BUSY_LO);
	let_run(b, 300 * MS);
	assert_true(unit_ns(a) - units < (q_read64(a, OGPU_SLOT_BUSY_LO) - busy) / 3);
}

/* A queue that executes packets without any unit has its time counted, too; not in a WAIT. */
static void test_packet_time(void **state)
{
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + 0x800000, .bytes = 0x800000 };
	struct ogpu_pkt_wait w = { .addr = VA + OUT, .mask = ~0ull, .value = 3 };
	uint64_t units;

	(void)state;
	q_start(a);
	q_put(a, OGPU_OP_COPY, 0, &c, sizeof(c));
	q_ring(a);
	assert_true(q_wait(a, OGPU_SLOT_IDLE));
	units = unit_ns(a);
	assert_true(units > 0);
	assert_true(units <= q_read64(a, OGPU_SLOT_BUSY_LO));
	q_put(a, OGPU_OP_WAIT, 0, &w, sizeof(w));
	q_ring(a);
	assert_true(q_wait(a, OGPU_SLOT_WAITING));
	units = unit_ns(a);
	hog(b);
	let_run(b, 20 * MS);
	assert_int_equal(q_state(a), OGPU_SLOT_WAITING);
	assert_int_equal(unit_ns(a), units);
}

/* As many workgroups are under way as the units hold, whatever the host has. */
static void test_cooperation(void **state)
{
	static const struct {
		uint32_t groups, items;
	} cases[] = {
		{ 4, 64 }, { 8, VGPU_MAX_WORKGROUP }, { 8 * VGPU_RESIDENT_GROUPS, 32 },
	};

	(void)state;
	q_start(a);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct meet_args args = { VA + OUT + 64 + 8 * i, cases[i].groups, 3 };

		put_dispatch(a, "meet", cases[i].groups, cases[i].items, &args, sizeof(args));
		put_fence(a, OUT, i + 1);
		q_ring(a);
		wait_cell(OUT, i + 1);
		assert_int_equal(cell(OUT + 64 + 8 * i), 3 * cases[i].groups);
	}
}

static long voluntary_switches(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_nvcsw;
}

/* A small grid is done by the thread of its slot: no thread of the units wakes and sleeps again. */
static void test_small_grids(void **state)
{
	enum { COUNT = 30, ROUNDS = 10 };
	const struct count_args args = { VA + OUT + 64 };
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry("count"), .args = VA + ARGS, .grid = { 1, 1, 1 },
		.group = { 32, 1, 1 }, .local_bytes = 4096,
	};
	long before;

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	q_start(a);
	assert_true(q_wait(a, OGPU_SLOT_IDLE));
	before = voluntary_switches();
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		for (unsigned int i = 0; i < COUNT; i++)
			q_put(a, OGPU_OP_DISPATCH, OGPU_PKT_BARRIER, &d, sizeof(d));
		put_fence(a, OUT, round);
		q_ring(a);
		wait_cell(OUT, round);
	}
	assert_in_range(voluntary_switches() - before, 0, COUNT * ROUNDS / 2);
}

static void test_unit_mask(void **state)
{
	const struct crowd_args args = { VA + OUT + 64, 30000 };
	const uint32_t groups = 3 * VGPU_RESIDENT_GROUPS;

	(void)state;
	q_start(a);
	put_dispatch(a, "crowd", groups, 32, &args, sizeof(args));
	put_fence(a, OUT, 1);
	q_ring(a);
	wait_cell(OUT, 1);
	assert_in_range(cell(OUT + 72), VGPU_RESIDENT_GROUPS + 1, groups);

	memset(mem(OUT + 64), 0, 16);
	b->cu_mask[0] = 0x10;
	q_start(b);
	assert_int_equal(q_read(b, OGPU_SLOT_CU_MASK(0)), 0x10);
	put_dispatch(b, "crowd", groups, 32, &args, sizeof(args));
	put_fence(b, OUT, 2);
	q_ring(b);
	wait_cell(OUT, 2);
	assert_in_range(cell(OUT + 72), 2, VGPU_RESIDENT_GROUPS);
	/* Waves and local memory of a unit are limits, too. */
	memset(mem(OUT + 64), 0, 16);
	put_dispatch(b, "crowd", groups, VGPU_RESIDENT_WAVES * VGPU_LANES / 2, &args,
		     sizeof(args));
	put_fence(b, OUT, 3);
	q_ring(b);
	wait_cell(OUT, 3);
	assert_in_range(cell(OUT + 72), 1, 2);

	/* No unit at all that works. */
	q_write(b, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(b, OGPU_SLOT_FAILED));
	b->cu_mask[0] = 0;
	b->cu_mask[7] = 1;
	q_restart(b);
	put_dispatch(b, "crowd", groups, 32, &args, sizeof(args));
	q_ring(b);
	assert_true(q_wait(b, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(b), OGPU_QERR_DISPATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_equal_hogs),
		T(test_high_beside_hog),
		T(test_low_beside_hog),
		T(test_last_workgroup),
		T(test_unit_time),
		T(test_packet_time),
		T(test_cooperation),
		T(test_small_grids),
		T(test_unit_mask),
	};

	return cmocka_run_group_tests_name("vgpu units", tests, NULL, NULL);
}
