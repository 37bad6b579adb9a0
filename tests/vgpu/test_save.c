// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Preemption inside workgroups: bit-exact results however often it happens, and save areas that are
 * not what they should be.
 */
#include "abi/save.h"
#include "fake_slots.h"
#include "cu_limits.h"

#define OTHER	4u			/* a stranger's address space */
#define VA_BYTES	0x2000000u		/* at VA; for the stranger what is behind that: */
#define OTHER_BYTES	0x800000u
#define ARGS	0x100u			/* offsets from VA */
#define OUT	0x10000u
#define COUNTER	0x8000u
#define DONE	0x9000u
#define OUT2	0x100000u		/* of the run that nobody disturbs */
#define SAVE	0x400000u
#define SAVE_BYTES	0x400000u
#define RO_VA	0x40000000ull		/* SAVE_BYTES, read only */
#define GONE_VA	0x50000000ull		/* not mapped */

#define GROUPS	24u
#define ITEMS	80u			/* two waves and a half */
#define ROUNDS	60u
#define LOCAL	1024u
#define PRIVATE	512u
#define WAVES	3u
#define THREADS_MAX	2u			/* of tests' cards */
#define FRAME	OGPU_SAVE_FRAME(VGPU_LANES, WAVES, LOCAL, PRIVATE)

static struct fake_queue queue, *const q = &queue, stranger;
static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static uint64_t virtual(uint64_t va)
{
	return OGPU_OPERAND(OGPU_TARGET_VIRTUAL, va);
}

static void power_up(uint32_t threads)
{
	fake_slots(threads, VA_BYTES);
	fake_map(gpu, OTHER, VA, VRAM(FAKE_DATA + VA_BYTES), OTHER_BYTES, PTE_RW);
	fake_map(gpu, ASID, RO_VA, VRAM(FAKE_DATA + SAVE), SAVE_BYTES, OGPU_PTE_READ);
	kernels_load(gpu, OTHER, CODE);
	q_init(q, gpu, 0, ASID, 0);
	q->save = virtual(VA + SAVE);
	q->save_size = SAVE_BYTES;
	q_init(&stranger, gpu, 1, OTHER, 0);
	stranger.save = virtual(VA + SAVE);
	stranger.save_size = SAVE_BYTES;
	random_state = 1;
}

/* Of the "mixed" kernel; base is where the address space is in VRAM. */
static void put_mixed(struct fake_queue *fq, uint64_t base, uint64_t out, uint64_t counter,
		      uint64_t done, uint64_t rounds)
{
	const struct mixed_args args = { VA + out, VA + counter, 12345, rounds };
	const uint64_t at = ARGS + (out == OUT2 ? 64 : 0);
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry("mixed"), .args = VA + at, .grid = { GROUPS / 2, 2, 1 },
		.group = { ITEMS, 1, 1 }, .local_bytes = LOCAL, .private_bytes = PRIVATE,
	};
	struct ogpu_pkt_fence f = { .addr = VA + done, .value = 1 };

	memcpy(mem(base + at), &args, sizeof(args));
	q_put(fq, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	q_put(fq, OGPU_OP_FENCE, 0, &f, sizeof(f));
	q_ring(fq);
}

static void put_endless(struct fake_queue *fq, uint32_t groups, uint32_t items)
{
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry("endless"), .args = VA + ARGS, .grid = { groups, 1, 1 },
		.group = { items, 1, 1 }, .local_bytes = LOCAL, .private_bytes = PRIVATE,
	};

	q_put(fq, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	q_ring(fq);
}

static uint64_t instructions(void)
{
	struct engines_work work;

	engines_work(gpu->engines, &work);
	return work.lane_instructions;
}

/* Until work-items have executed something since then, or the queue has failed. */
static void wait_for_work(uint64_t since)
{
	const uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000 * MS;

	while (instructions() == since && q_state(q) != OGPU_SLOT_FAILED &&
	       vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_true(instructions() != since || q_state(q) == OGPU_SLOT_FAILED);
}

static void preempt(void)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
}

static void fail_with(enum ogpu_queue_error error)
{
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), error);
}

/* The queue has failed: an empty ring, and no context. */
static void from_the_start(void)
{
	q_restart(q);
	preempt();
	q_clear(q);
	q->pos = 0;
	q->wptr = 0;
	*q_pointer(q, 1) = 0;
}

/* A dispatch that has been preempted with workgroups under way. */
static void hold_some(void)
{
	const uint64_t since = instructions();

	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, 1000000);
	wait_for_work(since);
	preempt();
	q_clear(q);
	assert_in_range(q->held, 1, q->context12);
}

/* Preempted again and again, and with a stranger's work in between: the same as undisturbed. */
static void test_exact(void **state)
{
	unsigned int saved = 0, held = 0;

	(void)state;
	memset(mem(COUNTER), 0, 0x2000);
	q_start(q);
	put_mixed(q, 0, OUT2, COUNTER + 64, DONE + 64, ROUNDS);
	while (cell(DONE + 64) != 1)
		sched_yield();
	put_mixed(q, 0, OUT, COUNTER, DONE, ROUNDS);
	while (cell(DONE) != 1) {
		/* Work, not time: however late the host runs threads, each round brings it on. */
		const uint64_t start = instructions(), wait = random_below(400) * 500;

		while (instructions() - start < wait && cell(DONE) != 1)
			sched_yield();
		preempt();
		q_clear(q);
		saved++;
		held += q->held;
		assert_true(q->held <= GROUPS);
		if (saved % 4 == 0) {
			memset(mem(VA_BYTES + DONE), 0, 64);
			q_start(&stranger);
			put_mixed(&stranger, VA_BYTES, OUT, COUNTER, DONE, 3);
			while (cell(VA_BYTES + DONE) != 1)
				sched_yield();
			q_write(&stranger, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
			assert_true(q_wait(&stranger, OGPU_SLOT_FAILED));
			q_write(&stranger, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
			q_init(&stranger, gpu, 1, OTHER, 0);
			stranger.save = virtual(VA + SAVE);
			stranger.save_size = SAVE_BYTES;
		}
		q_start(q);
	}
	assert_true(saved > 3);
	assert_true(held > 0);
	assert_memory_equal(mem(OUT), mem(OUT2), GROUPS * ITEMS * 16);
	assert_int_equal(cell(COUNTER), cell(COUNTER + 64));
}

/* A dispatch that stays on its slot has private memory in its frames, and writes no more. */
static void test_undisturbed(void **state)
{
	const uint64_t private = OGPU_SAVE_PRIVATE(VGPU_LANES, WAVES, LOCAL);

	(void)state;
	memset(mem(SAVE), 0xee, SAVE_BYTES);
	memset(mem(COUNTER), 0, 0x2000);
	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, 2);
	while (cell(DONE) != 1)
		sched_yield();
	for (uint64_t at = 0; at + FRAME <= SAVE_BYTES; at += FRAME)
		for (uint64_t i = 0; i < private; i++)
			assert_int_equal(*mem(SAVE + at + i), 0xee);
}

/* Any number of frames, not only one for each workgroup, and an area that is not virtual. */
static void test_few_frames(void **state)
{
	(void)state;
	memset(mem(COUNTER), 0, 0x2000);
	q->save_size = (3 * FRAME + OGPU_PAGE_4K - 1) & ~(OGPU_PAGE_4K - 1);
	q_start(q);
	put_mixed(q, 0, OUT2, COUNTER + 64, DONE + 64, ROUNDS);
	while (cell(DONE + 64) != 1)
		sched_yield();
	preempt();
	q_clear(q);
	q->save = VRAM(FAKE_DATA + SAVE);
	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, ROUNDS);
	while (cell(DONE) != 1) {
		preempt();
		assert_true(q_read(q, OGPU_SLOT_HELD) <= q->save_size / FRAME);
		q_clear(q);
		q_start(q);
		for (unsigned int i = 0; i < 50 && cell(DONE) != 1; i++)
			sched_yield();
	}
	assert_memory_equal(mem(OUT), mem(OUT2), GROUPS * ITEMS * 16);
	assert_int_equal(cell(COUNTER), cell(COUNTER + 64));
}

/*
 * What never ends is saved and killed in time: each thread ends what it does with a budget, and the
 * time is what the model took of processors, in the best round: what others took is in it.
 */
static void test_endless(void **state)
{
	uint64_t best[2] = { UINT64_MAX, UINT64_MAX }, took;

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t before = instructions(), start;

		q_start(q);
		put_endless(q, 1000, 64);
		wait_for_work(before);
		start = fake_process_ns();
		q_write(q, OGPU_SLOT_CTRL, i % 2 ? OGPU_SLOT_CMD_KILL : OGPU_SLOT_CMD_PREEMPT);
		before = instructions();
		assert_true(q_wait(q, i % 2 ? OGPU_SLOT_FAILED : OGPU_SLOT_SAVED));
		took = fake_process_ns() - start;
		if (took < best[i % 2])
			best[i % 2] = took;
		assert_true(instructions() - before <= 2 * THREADS_MAX * CU_BUDGET * VGPU_LANES);
		if (i % 2)
			assert_int_equal(q_error(q), OGPU_QERR_KILLED);
		else
			assert_true(q_read(q, OGPU_SLOT_HELD) > 0);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		q->wptr = 0;
		*(uint64_t *)q_pointer(q, 1) = 0;
		q->pos = 0;
	}
	assert_in_range(best[0], 1, VGPU_PREEMPT_MS * MS);
	assert_in_range(best[1], 1, VGPU_PREEMPT_MS * MS);
}

/* The layout is as save.h has it. */
static void test_layout(void **state)
{
	const struct ogpu_save_group *head = (const struct ogpu_save_group *)mem(SAVE);
	const struct ogpu_save_wave *wave;
	const uint64_t *sp;
	uint32_t found = 0;

	(void)state;
	hold_some();
	for (uint32_t i = 0; i < SAVE_BYTES / FRAME && i < 8 * VGPU_RESIDENT_GROUPS; i++) {
		const uint8_t *frame = mem(SAVE + i * FRAME);

		head = (const struct ogpu_save_group *)frame;
		if (head->state != OGPU_SAVE_HELD)
			continue;
		found++;
		assert_int_equal(head->waves, WAVES);
		assert_int_equal(head->lanes, VGPU_LANES);
		assert_int_equal(head->local_bytes, LOCAL);
		assert_int_equal(head->private_bytes, PRIVATE);
		assert_true(head->group < q->context12);
		for (unsigned int w = 0; w < WAVES; w++) {
			const uint8_t *at = frame + OGPU_SAVE_WAVES(LOCAL) +
					    w * OGPU_SAVE_WAVE(VGPU_LANES);
			const uint64_t lanes = w < 2 ? 0xffffffff : 0xffff;

			wave = (const struct ogpu_save_wave *)(at + OGPU_SAVE_STATE(VGPU_LANES));
			sp = (const uint64_t *)at + 2 * VGPU_LANES;
			assert_int_equal(wave->live & ~lanes, 0);
			assert_int_equal(wave->barrier & ~wave->live, 0);
			/* x0 is zero, the stack pointer points into private memory. */
			for (unsigned int l = 0; l < VGPU_LANES; l++) {
				assert_int_equal(((const uint64_t *)at)[l], 0);
				if (wave->live >> l & 1)
					assert_in_range(sp[l] >> 48, 2, 2);
			}
		}
	}
	assert_int_equal(found, q->held);
}

static uint8_t *first_held(void)
{
	uint32_t i = 0;

	while (((struct ogpu_save_group *)mem(SAVE + i * FRAME))->state != OGPU_SAVE_HELD)
		i++;
	return mem(SAVE + i * FRAME);
}

/* Values that cannot be, put there while the queue was off its slot. */
static void test_nonsense(void **state)
{
	static const struct {
		uint32_t offset;
		uint32_t value;
	} bad[] = {
		{ offsetof(struct ogpu_save_group, state), OGPU_SAVE_FREE },
		{ offsetof(struct ogpu_save_group, state), 2 },
		{ offsetof(struct ogpu_save_group, waves), WAVES + 1 },
		{ offsetof(struct ogpu_save_group, group), GROUPS },
		{ offsetof(struct ogpu_save_group, group) + 4, 1 },
		{ offsetof(struct ogpu_save_group, local_bytes), LOCAL + 16 },
		{ offsetof(struct ogpu_save_group, private_bytes), PRIVATE + 16 },
		{ offsetof(struct ogpu_save_group, lanes), 64 },
		{ offsetof(struct ogpu_save_group, rsvd), 1 },
		{ OGPU_SAVE_WAVES(LOCAL) + OGPU_SAVE_STATE(VGPU_LANES) + 4, 1 },
		{ OGPU_SAVE_WAVES(LOCAL) + 2 * OGPU_SAVE_WAVE(VGPU_LANES) +
		  OGPU_SAVE_STATE(VGPU_LANES), 0x10000 },
		{ OGPU_SAVE_WAVES(LOCAL) + OGPU_SAVE_STATE(VGPU_LANES) + 12, 1 },
		{ OGPU_SAVE_WAVES(LOCAL) + OGPU_SAVE_STATE(VGPU_LANES) + 16, 1 },
	};
	uint8_t *frame;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		hold_some();
		frame = first_held();
		*(uint32_t *)(frame + bad[i].offset) = bad[i].value;
		q_start(q);
		fail_with(OGPU_QERR_SAVE);
		from_the_start();
	}
}

/* The grid of an indirect dispatch, which is read again, is not what it was. */
static void test_other_grid(void **state)
{
	static const struct {
		uint32_t grid[3];
		bool ok;		/* else a workgroup that is held is not in it */
	} grids[] = {
		{ { GROUPS / 2, 2, 1 }, true },
		{ { GROUPS, 1, 1 }, true },
		{ { GROUPS, 2, 1 }, true },
		{ { 0, 2, 1 }, false },
		{ { 1, 1, 0 }, false },
	};
	const struct mixed_args args = { VA + OUT, VA + COUNTER, 12345, ROUNDS };
	struct ogpu_pkt_dispatch_indirect d = {
		.entry = kernel_entry("mixed"), .args = VA + ARGS, .grid = VA + ARGS + 64,
		.group = { ITEMS, 1, 1 }, .local_bytes = LOCAL, .private_bytes = PRIVATE,
	};
	struct ogpu_pkt_fence f = { .addr = VA + DONE, .value = 1 };

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	for (unsigned int i = 0, tries = 0; i < ARRAY_SIZE(grids); i++) {
		uint64_t since = instructions();

		memset(mem(DONE), 0, 8);
		memcpy(mem(ARGS + 64), grids[0].grid, sizeof(grids[0].grid));
		q_start(q);
		q_put(q, OGPU_OP_DISPATCH_INDIRECT, 0, &d, sizeof(d));
		q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
		q_ring(q);
		wait_for_work(since);
		preempt();
		q_clear(q);
		/* Over before it was stopped, if this thread was not run: once more. */
		if (!q->held) {
			assert_int_equal(cell(DONE), 1);
			assert_in_range(++tries, 1, 20);
			from_the_start();
			i--;
			continue;
		}
		assert_in_range(q->held, 1, q->context12);
		memcpy(mem(ARGS + 64), grids[i].grid, sizeof(grids[i].grid));
		q_start(q);
		if (grids[i].ok)
			while (cell(DONE) != 1)
				sched_yield();
		else
			fail_with(OGPU_QERR_SAVE);
		if (grids[i].ok)
			preempt();
		from_the_start();
	}
}

/* Fewer units than before: what is held is found all the same, and nothing twice. */
static void test_fewer_units(void **state)
{
	(void)state;
	memset(mem(COUNTER), 0, 0x2000);
	q_start(q);
	put_mixed(q, 0, OUT2, COUNTER + 64, DONE + 64, ROUNDS);
	while (cell(DONE + 64) != 1)
		sched_yield();
	put_mixed(q, 0, OUT, COUNTER, DONE, ROUNDS);
	for (uint32_t mask = 0; cell(DONE) != 1; mask = mask % 8 + 1) {
		const uint64_t since = instructions();

		while (instructions() == since && cell(DONE) != 1)
			sched_yield();
		preempt();
		q_clear(q);
		q->cu_mask[0] = mask;
		q_start(q);
	}
	assert_memory_equal(mem(OUT), mem(OUT2), GROUPS * ITEMS * 16);
	assert_int_equal(cell(COUNTER), cell(COUNTER + 64));
}

static void overwrite_registers(void)
{
	for (uint32_t i = 0; i < q->held; i++)
		memset(first_held() + i * FRAME + OGPU_SAVE_WAVES(LOCAL), 0xfe,
		       OGPU_SAVE_PC(VGPU_LANES));
}

/* What work-items of the other address space find in their registers at their start. */
static void stranger_finds_zeros(void)
{
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry("registers"), .args = VA + OUT, .grid = { 1, 1, 1 },
		.group = { 32, 1, 1 }, .local_bytes = LOCAL, .private_bytes = PRIVATE,
	};
	struct ogpu_pkt_fence f = { .addr = VA + DONE, .value = 1 };

	q_start(&stranger);
	for (unsigned int i = 0; i < 2 * GROUPS; i++) {
		memset(mem(VA_BYTES + DONE), 0, 8);
		memset(mem(VA_BYTES + OUT), 0x55, 256);
		q_put(&stranger, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
		q_put(&stranger, OGPU_OP_FENCE, 0, &f, sizeof(f));
		q_ring(&stranger);
		while (cell(VA_BYTES + DONE) != 1)
			sched_yield();
		for (unsigned int n = 0; n < 4; n++)
			assert_int_equal(cell(VA_BYTES + OUT + 8 * n), 0);
	}
}

/* Registers that came out of an area are not what the next address space begins with. */
static void test_registers(void **state)
{
	uint64_t since;

	(void)state;
	hold_some();
	overwrite_registers();
	since = instructions();
	q_start(q);
	wait_for_work(since);
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	stranger_finds_zeros();
}

/* Nor those of a workgroup that was read in part and then refused. */
static void test_registers_of_refused(void **state)
{
	struct ogpu_save_wave *last;

	(void)state;
	hold_some();
	overwrite_registers();
	last = (struct ogpu_save_wave *)(first_held() + OGPU_SAVE_WAVES(LOCAL) +
					 (WAVES - 1) * OGPU_SAVE_WAVE(VGPU_LANES) +
					 OGPU_SAVE_STATE(VGPU_LANES));
	last->rsvd[0] = 1;
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
	stranger_finds_zeros();
}

static void test_lies_about_held(void **state)
{
	struct ogpu_pkt_dispatch *d = (struct ogpu_pkt_dispatch *)(gpu->vram + Q_RING);
	struct ogpu_pkt_copy c = { .src = VA, .dst = VA + OUT2, .bytes = 64 };

	(void)state;
	/* More than there are. */
	hold_some();
	q->held++;
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
	/* A packet that has become smaller than what was held of it, or nothing at all. */
	from_the_start();
	hold_some();
	d->grid[0] = 0;
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), 0);
	from_the_start();
	hold_some();
	((struct ogpu_save_group *)first_held())->group = 1;
	d->grid[0] = 1;
	d->grid[1] = 1;
	q->context12 = GROUPS;
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
	/* One of them twice. */
	from_the_start();
	hold_some();
	for (uint32_t i = 0; i < 2; i++)
		memcpy(mem(SAVE + i * FRAME), first_held(), FRAME);
	q->held = 2;
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
	/* Some without an area. */
	q->save_size = 0;
	q_restart(q);
	preempt();
	q_clear(q);
	q->held = 1;
	put_endless(q, 1, 32);
	q_start(q);
	fail_with(OGPU_QERR_DISPATCH);
	/* Some of a packet that has no workgroups. */
	q->save_size = SAVE_BYTES;
	q_restart(q);
	preempt();
	q_clear(q);
	q->held = 1;
	q_put(q, OGPU_OP_COPY, 0, &c, sizeof(c));
	q_ring(q);
	q_start(q);
	fail_with(OGPU_QERR_SAVE);
}

/* Whatever is there, the card obeys, and a stranger's results are right. */
static void test_garbage(void **state)
{
	unsigned int refused = 0, taken = 0;

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		uint64_t since;
		uint8_t *frame;

		hold_some();
		frame = first_held();
		for (unsigned int n = 0; n < 1 + i % 8; n++) {
			uint32_t at = i % 3 ? OGPU_SAVE_LOCAL + random_below(FRAME - 256) :
					      random_below(FRAME);

			frame[at] = random_below(256);
		}
		if (i % 5 == 0)
			memset(frame + OGPU_SAVE_WAVES(LOCAL), 0xfe, 16384);
		since = instructions();
		q_start(q);
		wait_for_work(since);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		if (q_error(q) == OGPU_QERR_SAVE)
			refused++;
		else
			taken++;
		from_the_start();
	}
	assert_true(refused > 0);
	assert_true(taken > 0);
	memset(mem(COUNTER), 0, 0x2000);
	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, 2);
	while (cell(DONE) != 1)
		sched_yield();
	q_start(&stranger);
	put_mixed(&stranger, VA_BYTES, OUT, COUNTER, DONE, 2);
	while (cell(VA_BYTES + DONE) != 1)
		sched_yield();
	assert_memory_equal(mem(OUT), mem(VA_BYTES + OUT), GROUPS * ITEMS * 16);
}

static void test_no_area(void **state)
{
	static const struct {
		uint64_t va;
		enum ogpu_fault_reason reason;
	} bad[] = {
		{ RO_VA, OGPU_FAULT_PERMISSION }, { GONE_VA, OGPU_FAULT_NOT_MAPPED },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		const uint64_t since = instructions();

		/* Nothing of it is used before PREEMPT. */
		q->save = virtual(bad[i].va);
		q_start(q);
		put_endless(q, 100, 64);
		wait_for_work(since);
		assert_int_equal(q_state(q), OGPU_SLOT_RUNNING);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
		fail_with(OGPU_QERR_MEMORY);
		assert_in_range(q_read64(q, OGPU_SLOT_FAULT_VA_LO), bad[i].va,
				bad[i].va + SAVE_BYTES);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON,
					   q_read(q, OGPU_SLOT_STATUS)), bad[i].reason);
		/* Private memory is there as well. */
		q_restart(q);
		put_mixed(q, 0, OUT, COUNTER, DONE, 1);
		fail_with(OGPU_QERR_MEMORY);
		assert_in_range(q_read64(q, OGPU_SLOT_FAULT_VA_LO), bad[i].va,
				bad[i].va + SAVE_BYTES);
		assert_true(q_read64(q, OGPU_SLOT_FAULT_PC_LO) > 0);
		q_restart(q);
		preempt();
		q_clear(q);
	}
	/* Gone while the queue was off its slot. */
	q->save = virtual(VA + SAVE);
	hold_some();
	q->save = virtual(GONE_VA);
	q_start(q);
	fail_with(OGPU_QERR_MEMORY);
}

static void test_too_small(void **state)
{
	(void)state;
	q->save_size = (FRAME - 1) & ~(OGPU_PAGE_4K - 1);
	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, 1);
	fail_with(OGPU_QERR_DISPATCH);
	q->save_size = 0;
	q_restart(q);
	put_endless(q, 1, 1);
	fail_with(OGPU_QERR_DISPATCH);
	/* And operands that are none. */
	q->save_size = SAVE_BYTES;
	for (unsigned int i = 0; i < 4; i++) {
		static const uint64_t bad[] = {
			OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + 8),
			OGPU_OPERAND(OGPU_TARGET_VIRTUAL, (1ull << OGPU_VA_BITS) - OGPU_PAGE_4K),
			OGPU_OPERAND(OGPU_TARGET_PEER, VA), VA | 1ull << 60,
		};

		q->save = bad[i];
		q_restart(q);
		fail_with(OGPU_QERR_RING);
	}
}

/* Two queues with one area spoil each other's work and nobody else's. */
static void test_shared(void **state)
{
	struct fake_queue second;

	(void)state;
	memset(mem(COUNTER), 0, 0x2000);
	q_init(&second, gpu, 1, ASID, 0);
	second.save = q->save;
	second.save_size = q->save_size;
	for (unsigned int i = 0; i < 30; i++) {
		q_start(q);
		q_start(&second);
		put_mixed(q, 0, OUT, COUNTER, DONE, 1000000);
		put_mixed(&second, 0, OUT2, COUNTER, DONE, 1000000);
		for (unsigned int n = 0; n < 3; n++) {
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
			q_write(&second, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
			while (q_state(q) == OGPU_SLOT_RUNNING ||
			       q_state(&second) == OGPU_SLOT_RUNNING)
				sched_yield();
			q_clear(q);
			q_clear(&second);
			q_start(q);
			q_start(&second);
		}
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		q_write(&second, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_true(q_wait(&second, OGPU_SLOT_FAILED));
		q_restart(q);
		preempt();
		q_clear(q);
		q_restart(&second);
		q_write(&second, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
		assert_true(q_wait(&second, OGPU_SLOT_SAVED));
		q_clear(&second);
	}
	memset(mem(COUNTER), 0, 0x2000);
	q_start(q);
	put_mixed(q, 0, OUT, COUNTER, DONE, 2);
	while (cell(DONE) != 1)
		sched_yield();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_exact),
		T(test_undisturbed),
		T(test_few_frames),
		T(test_endless),
		T(test_layout),
		T(test_nonsense),
		T(test_lies_about_held),
		T(test_other_grid),
		T(test_fewer_units),
		T(test_registers),
		T(test_registers_of_refused),
		T(test_garbage),
		T(test_no_area),
		T(test_too_small),
		T(test_shared),
	};

	return cmocka_run_group_tests_name("vgpu save", tests, NULL, NULL);
}
