// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What a queue that failed or was killed leaves: its place and its workgroups (abi/save.h). */
#include "abi/save.h"
#include "fake_slots.h"
#include "cu_limits.h"

#define VA_BYTES	0x800000u		/* at VA */
#define ARGS	0x100u			/* offsets from VA */
#define OUTER	0x1000u
#define INNER	0x2000u
#define SAVE	0x400000u
#define SAVE_BYTES	0x400000u
#define RO_VA	0x40000000ull		/* SAVE_BYTES, read only */
#define GONE_VA	0x50000000ull		/* not mapped */

#define GROUPS	6u
#define ITEMS	48u
#define WAVES	2u
#define LOCAL	256u
#define FRAME	OGPU_SAVE_FRAME(VGPU_LANES, WAVES, LOCAL, 0)
#define BAD_GROUP	2u
#define BAD_ITEM	37u
#define ITEM(group, item)	((uint64_t)(group) << 32 | (item))
#define NOBODY	ITEM(GROUPS, 0)

static struct fake_queue queue, *const q = &queue;

static void power_up(uint32_t threads)
{
	fake_slots(threads, VA_BYTES);
	fake_map(gpu, ASID, RO_VA, VRAM(FAKE_DATA + SAVE), SAVE_BYTES, OGPU_PTE_READ);
	q_init(q, gpu, 0, ASID, 0);
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + SAVE);
	/* As many frames as there are workgroups: each is in one of these. */
	q->save_size = GROUPS * FRAME;
	memset(mem(SAVE), 0xee, SAVE_BYTES);
}

/* One work-item traps, the others wait for ever. */
static struct ogpu_pkt_dispatch trap_one(uint64_t item)
{
	*(uint64_t *)mem(ARGS) = item;
	return (struct ogpu_pkt_dispatch){
		.entry = kernel_entry("trap_one"), .args = VA + ARGS, .grid = { GROUPS, 1, 1 },
		.group = { ITEMS, 1, 1 }, .local_bytes = LOCAL,
	};
}

static void start(uint64_t item)
{
	struct ogpu_pkt_dispatch d = trap_one(item);

	q_start(q);
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	q_ring(q);
}

static uint64_t instructions(void)
{
	struct engines_work work;

	engines_work(gpu->engines, &work);
	return work.lane_instructions;
}

/* Work-items wait. */
static void wait_for_work(uint64_t since)
{
	const uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000 * MS;

	while (instructions() < since + 1000000 && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_true(instructions() >= since + 1000000);
}

static void command(enum ogpu_slot_command what, enum ogpu_slot_state state)
{
	q_write(q, OGPU_SLOT_CTRL, what);
	assert_true(q_wait(q, state));
}

static uint64_t pc(void)
{
	return q_read64(q, OGPU_SLOT_FAULT_PC_LO);
}

static const struct ogpu_save_group *frame(uint32_t n)
{
	return (const struct ogpu_save_group *)mem(SAVE + n * FRAME);
}

static const uint64_t *wave(uint32_t n, uint32_t w)
{
	return (const uint64_t *)mem(SAVE + n * FRAME + OGPU_SAVE_WAVES(LOCAL) +
				     w * OGPU_SAVE_WAVE(VGPU_LANES));
}

static uint64_t live(uint32_t n, uint32_t w)
{
	return wave(n, w)[OGPU_SAVE_STATE(VGPU_LANES) / 8];
}

static uint64_t lane_pc(uint32_t n, uint32_t w, unsigned int lane)
{
	return wave(n, w)[OGPU_SAVE_PC(VGPU_LANES) / 8 + lane];
}

/* Each frame's sizes are there, and of those that hold one its registers; how many those are. */
static uint32_t look_at_frames(void)
{
	uint32_t held = 0;

	for (uint32_t n = 0; n < GROUPS; n++) {
		const struct ogpu_save_group *head = frame(n);

		assert_int_equal(head->waves, WAVES);
		assert_int_equal(head->lanes, VGPU_LANES);
		assert_int_equal(head->local_bytes, LOCAL);
		assert_int_equal(head->private_bytes, 0);
		if (head->state != OGPU_SAVE_HELD)
			continue;
		held++;
		for (uint32_t w = 0; w < WAVES; w++) {
			for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
				const uint64_t item = ITEM(head->group, w * VGPU_LANES + lane);
				const double number = item;

				if (!(live(n, w) >> lane & 1))
					continue;
				if (lane_pc(n, w, lane) < kernel_entry("trap_one_here"))
					continue;
				assert_true(wave(n, w)[28 * VGPU_LANES + lane] == item);
				assert_memory_equal(&wave(n, w)[32 * VGPU_LANES + lane], &number,
						    sizeof(number));
			}
		}
	}
	return held;
}

static uint32_t first_held(void)
{
	uint32_t n = 0;

	while (frame(n)->state != OGPU_SAVE_HELD)
		n++;
	return n;
}

/* A work-item that trapped: its workgroup and those beside it, each where it stood. */
static void test_trap(void **state)
{
	bool found = false;

	(void)state;
	start(ITEM(BAD_GROUP, BAD_ITEM));
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_TRAP);
	assert_true(pc() == kernel_entry("trap_one_here"));
	assert_in_range(q_read(q, OGPU_SLOT_HELD), BAD_GROUP + 1, GROUPS);
	assert_int_equal(look_at_frames(), q_read(q, OGPU_SLOT_HELD));
	for (uint32_t n = 0; n < GROUPS; n++) {
		if (frame(n)->state != OGPU_SAVE_HELD || frame(n)->group != BAD_GROUP)
			continue;
		found = true;
		assert_true(live(n, 1) >> (BAD_ITEM - VGPU_LANES) & 1);
		assert_true(lane_pc(n, 1, BAD_ITEM - VGPU_LANES) == pc());
	}
	assert_true(found);
}

/* A queue that was killed tells where it stood as well. */
static void test_kill(void **state)
{
	const uint64_t since = instructions();

	(void)state;
	start(NOBODY);
	wait_for_work(since);
	command(OGPU_SLOT_CMD_KILL, OGPU_SLOT_FAILED);
	assert_int_equal(q_error(q), OGPU_QERR_KILLED);
	assert_in_range(q_read(q, OGPU_SLOT_HELD), 1, GROUPS);
	assert_int_equal(look_at_frames(), q_read(q, OGPU_SLOT_HELD));
	assert_true(live(first_held(), 0));
	assert_true(pc() == lane_pc(first_held(), 0, __builtin_ctzll(live(first_held(), 0))));
	assert_in_range(pc(), kernel_entry("trap_one"), kernel_entry("trap_one_here") + 8);
	/* Which is not told of the next queue there. */
	q_restart(q);
	command(OGPU_SLOT_CMD_KILL, OGPU_SLOT_FAILED);
	assert_int_equal(pc(), 0);
	assert_int_equal(q_read(q, OGPU_SLOT_HELD), 0);
}

/* Likewise if it had left its units before. */
static void test_saved(void **state)
{
	const uint64_t since = instructions();
	uint64_t saved;
	uint32_t held;

	(void)state;
	start(NOBODY);
	wait_for_work(since);
	command(OGPU_SLOT_CMD_PREEMPT, OGPU_SLOT_SAVED);
	saved = pc();
	assert_in_range(saved, kernel_entry("trap_one"), kernel_entry("trap_one_here") + 8);
	held = q_read(q, OGPU_SLOT_HELD);
	assert_in_range(held, 1, GROUPS);
	command(OGPU_SLOT_CMD_KILL, OGPU_SLOT_FAILED);
	assert_true(pc() == saved);
	assert_int_equal(q_read(q, OGPU_SLOT_HELD), held);
	assert_int_equal(look_at_frames(), held);
}

/* Without memory for it there is no dump; the error stays what it is, and the place is told. */
static void test_no_area(void **state)
{
	static const uint64_t bad[] = { RO_VA, GONE_VA };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		const uint64_t since = instructions();

		q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, bad[i]);
		start(NOBODY);
		wait_for_work(since);
		command(OGPU_SLOT_CMD_KILL, OGPU_SLOT_FAILED);
		assert_int_equal(q_error(q), OGPU_QERR_KILLED);
		assert_int_equal(q_read(q, OGPU_SLOT_HELD), 0);
		assert_in_range(pc(), kernel_entry("trap_one"),
				kernel_entry("trap_one_here") + 8);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		q_init(q, gpu, 0, ASID, 0);
		q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, bad[i]);
		q->save_size = SAVE_BYTES;
		start(ITEM(BAD_GROUP, BAD_ITEM));
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_TRAP);
		assert_true(pc() == kernel_entry("trap_one_here"));
		assert_int_equal(q_read(q, OGPU_SLOT_HELD), 0);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
		q_init(q, gpu, 0, ASID, 0);
		q->save_size = SAVE_BYTES;
	}
}

/* Packets of nested buffers: POS and CONTEXT tell the way to the one that was executed. */
static void test_nested(void **state)
{
	struct ogpu_pkt_indirect in = { .bytes = 8 + sizeof(in), .addr = VA + OUTER };
	struct ogpu_pkt_dispatch d = trap_one(ITEM(0, 0));
	const uint32_t nop = OGPU_PKT_HDR(OGPU_OP_NOP, 0, 8);

	(void)state;
	q_start(q);
	q_put(q, OGPU_OP_NOP, 0, &nop, 8);
	q_put(q, OGPU_OP_INDIRECT, 0, &in, sizeof(in));
	in.header = OGPU_PKT_HDR(OGPU_OP_INDIRECT, 0, sizeof(in));
	in.addr = VA + INNER;
	in.bytes = 16 + sizeof(d);
	*(uint32_t *)mem(OUTER) = nop;
	memcpy(mem(OUTER + 8), &in, sizeof(in));
	d.header = OGPU_PKT_HDR(OGPU_OP_DISPATCH, 0, sizeof(d));
	*(uint32_t *)mem(INNER) = nop;
	*(uint32_t *)mem(INNER + 8) = nop;
	memcpy(mem(INNER + 16), &d, sizeof(d));
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_TRAP);
	assert_int_equal(q_read64(q, OGPU_SLOT_POS_LO), 8);
	assert_int_equal(q_read(q, OGPU_SLOT_CONTEXT0), 8);
	assert_int_equal(q_read(q, OGPU_SLOT_CONTEXT3), 16);
	assert_int_equal(q_read(q, OGPU_SLOT_CONTEXT4), 0);
	assert_true(q_read(q, OGPU_SLOT_HELD) > 0);
	assert_int_equal(look_at_frames(), q_read(q, OGPU_SLOT_HELD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_trap),
		T(test_kill),
		T(test_saved),
		T(test_no_area),
		T(test_nested),
	};

	return cmocka_run_group_tests_name("vgpu dump", tests, NULL, NULL);
}
