// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What COUNTERS stores. */
#include "fake_slots.h"
#include "cu_limits.h"

#define VA_BYTES	0x800000u		/* at VA */
#define ARGS	0x100u			/* offsets from VA */
#define BEFORE	0x1000u
#define AFTER	0x1100u
#define DONE	0x2000u
#define SOURCE	0x10000u
#define TARGET	0x80000u
#define SAVE	0x400000u
#define SAVE_BYTES	0x400000u

#define GROUPS	6u
#define ITEMS	48u			/* a wave and a half */
#define ALL	(GROUPS * ITEMS)

static struct fake_queue queue, *const q = &queue;

static void power_up(uint32_t threads)
{
	fake_slots(threads, VA_BYTES);
	q_init(q, gpu, 0, ASID, 0);
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + SAVE);
	q->save_size = SAVE_BYTES;
	memset(mem(0), 0, DONE + 64);
}

static void put_counters(struct fake_queue *fq, uint32_t at)
{
	struct ogpu_pkt_counters c = { .addr = VA + at };

	q_put(fq, OGPU_OP_COUNTERS, 0, &c, sizeof(c));
}

static void put_dispatch(struct fake_queue *fq, const char *kernel, uint32_t groups)
{
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry(kernel), .args = VA + ARGS, .grid = { groups, 1, 1 },
		.group = { ITEMS, 1, 1 },
	};

	q_put(fq, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
}

static void run(struct fake_queue *fq, uint64_t value)
{
	struct ogpu_pkt_fence f = { .addr = VA + DONE + fq->slot * 8, .value = value };

	q_put(fq, OGPU_OP_FENCE, 0, &f, sizeof(f));
	q_ring(fq);
	while (cell(DONE + fq->slot * 8) != value) {
		assert_int_not_equal(q_state(fq), OGPU_SLOT_FAILED);
		sched_yield();
	}
}

static uint64_t between(enum ogpu_counter which)
{
	return cell(AFTER + 8 * which) - cell(BEFORE + 8 * which);
}

/* A kernel of which is known what it does. */
static void test_kernel(void **state)
{
	uint64_t begin;

	(void)state;
	q_start(q);
	begin = vgpu_time_ns(gpu);
	put_counters(q, BEFORE);
	put_dispatch(q, "counted", GROUPS);
	put_counters(q, AFTER);
	run(q, 1);
	assert_int_equal(cell(BEFORE + 8 * OGPU_COUNTER_INSTRUCTIONS), 0);
	assert_int_equal(cell(BEFORE + 8 * OGPU_COUNTER_WORKGROUPS), 0);
	assert_int_equal(between(OGPU_COUNTER_INSTRUCTIONS), 3 * ALL);
	assert_int_equal(between(OGPU_COUNTER_WAVE_INSTRUCTIONS), 3 * 2 * GROUPS);
	assert_int_equal(between(OGPU_COUNTER_BYTES_READ), 8 * ALL);
	assert_int_equal(between(OGPU_COUNTER_BYTES_WRITTEN), 4 * ALL);
	assert_int_equal(between(OGPU_COUNTER_WORKGROUPS), GROUPS);
	/* The page that it reads and writes, once for each unit, and for each workgroup at most. */
	assert_in_range(between(OGPU_COUNTER_CACHE_MISSES), 1, GROUPS);
	assert_in_range(between(OGPU_COUNTER_TLB_MISSES), 2, 100);
	/* A turn is no shorter than a nanosecond, and all turns are in the test. */
	assert_in_range(between(OGPU_COUNTER_WAVE_NS), 2,
			2 * VGPU_MAX_WORKGROUP * (vgpu_time_ns(gpu) - begin));

	/* What has been walked stays known. */
	put_counters(q, BEFORE);
	put_dispatch(q, "counted", GROUPS);
	put_counters(q, AFTER);
	run(q, 2);
	assert_int_equal(between(OGPU_COUNTER_INSTRUCTIONS), 3 * ALL);
}

/* Units without caches for data have nothing to miss. */
static void test_no_caches(void **state)
{
	(void)state;
	engines_reset(gpu->engines);
	fake_destroy(gpu);
	fake_config.strict = false;
	power_up(2);
	fake_config.strict = true;
	q_start(q);
	put_dispatch(q, "counted", GROUPS);
	put_counters(q, AFTER);
	run(q, 1);
	assert_int_equal(cell(AFTER + 8 * OGPU_COUNTER_WORKGROUPS), GROUPS);
	assert_int_equal(cell(AFTER + 8 * OGPU_COUNTER_CACHE_MISSES), 0);
}

static void test_packets(void **state)
{
	struct ogpu_pkt_copy copy = { .src = VA + SOURCE, .dst = VA + TARGET, .bytes = 100001 };
	struct ogpu_pkt_fill fill = { .dst = VA + TARGET, .bytes = 4096 };
	struct ogpu_pkt_copy_rect rect = {
		.src = VA + SOURCE, .dst = VA + TARGET, .extent = { 100, 7, 3 },
		.src_pitch = { 200, 2000 }, .dst_pitch = { 300, 3000 },
	};
	struct {
		struct ogpu_pkt_write write;
		uint32_t data[6];
	} write = { .write.dst = VA + TARGET };

	(void)state;
	q_start(q);
	put_counters(q, BEFORE);
	q_put(q, OGPU_OP_COPY, 0, &copy, sizeof(copy));
	q_put(q, OGPU_OP_FILL, 0, &fill, sizeof(fill));
	q_put(q, OGPU_OP_COPY_RECT, 0, &rect, sizeof(rect));
	q_put(q, OGPU_OP_WRITE, 0, &write, sizeof(write));
	put_counters(q, AFTER);
	run(q, 1);
	assert_int_equal(between(OGPU_COUNTER_BYTES_READ), 100001 + 2100);
	assert_int_equal(between(OGPU_COUNTER_BYTES_WRITTEN), 100001 + 4096 + 2100 + 24);
	assert_true(between(OGPU_COUNTER_TLB_MISSES) > 0);
	assert_int_equal(between(OGPU_COUNTER_INSTRUCTIONS), 0);
	assert_int_equal(between(OGPU_COUNTER_WAVE_NS), 0);
	assert_int_equal(between(OGPU_COUNTER_WORKGROUPS), 0);
}

/* On whatever slot, and however often it had to leave: what it did before is in it. */
static void test_preempt(void **state)
{
	const struct mixed_args args = { VA + SOURCE, VA + ARGS + 64, 12345, 60 };
	unsigned int saved = 0, i;
	uint64_t whole;

	(void)state;
	memcpy(mem(ARGS), &args, sizeof(args));
	q_start(q);
	/* The first one goes through; then as many as it takes to catch one under way. */
	for (i = 0; i < 200 && !saved; i++) {
		struct ogpu_pkt_dispatch d = {
			.entry = kernel_entry("mixed"), .args = VA + ARGS, .grid = { 24, 1, 1 },
			.group = { ITEMS, 1, 1 }, .local_bytes = 1024, .private_bytes = 512,
		};
		struct ogpu_pkt_fence f = { .addr = VA + DONE, .value = i + 1 };

		put_counters(q, i ? AFTER : BEFORE);
		q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
		put_counters(q, i ? AFTER + 64 : BEFORE + 64);
		q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
		q_ring(q);
		while (cell(DONE) != i + 1) {
			if (!i)
				continue;
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
			assert_true(q_wait(q, OGPU_SLOT_SAVED));
			saved += q_read(q, OGPU_SLOT_HELD) > 0;
			q_clear(q);
			q->slot ^= 1;
			*q_pointer(q, 1) = q->wptr;
			memcpy(gpu->vram + Q_RING + q->slot * Q_RING_SIZE,
			       gpu->vram + Q_RING + (q->slot ^ 1) * Q_RING_SIZE, Q_RING_SIZE);
			q_start(q);
			for (unsigned int n = 0; n < 100 && cell(DONE) != i + 1; n++)
				sched_yield();
		}
	}
	assert_true(saved > 0);
	for (unsigned int n = 0; n < OGPU_COUNTERS; n++) {
		whole = cell(BEFORE + 64 + 8 * n) - cell(BEFORE + 8 * n);
		/* What depends on when it had to leave; so does which lanes go together. */
		if (n == OGPU_COUNTER_TLB_MISSES || n == OGPU_COUNTER_CACHE_MISSES ||
		    n == OGPU_COUNTER_WAVE_NS || n == OGPU_COUNTER_WAVE_INSTRUCTIONS)
			assert_true(cell(AFTER + 64 + 8 * n) >= cell(AFTER + 8 * n));
		else
			assert_int_equal(cell(AFTER + 64 + 8 * n) - cell(AFTER + 8 * n), whole);
	}
	assert_int_equal(cell(AFTER + 64 + 8 * OGPU_COUNTER_WORKGROUPS), 24 * i);
}

/* What others do at the same time is not in it. */
static void test_two_queues(void **state)
{
	struct fake_queue other;
	uint64_t end;

	(void)state;
	q_init(&other, gpu, 1, ASID, 0);
	q_start(&other);
	put_dispatch(&other, "endless", 4);
	q_ring(&other);
	end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000 * MS;
	while (q_read64(&other, OGPU_SLOT_UNIT_NS_LO) < 20 * MS && vgpu_time_ns(gpu) < end)
		sched_yield();
	q_start(q);
	put_counters(q, BEFORE);
	put_dispatch(q, "counted", GROUPS);
	put_counters(q, AFTER);
	run(q, 1);
	assert_int_equal(cell(AFTER + 8 * OGPU_COUNTER_INSTRUCTIONS), 3 * ALL);
	assert_int_equal(between(OGPU_COUNTER_BYTES_READ), 8 * ALL);
	/* The other one's are in its slot, also when it is killed. */
	q_write(&other, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(&other, OGPU_SLOT_FAILED));
	q_clear(&other);
	assert_true(other.counter[OGPU_COUNTER_INSTRUCTIONS] > 3 * ALL);
	assert_int_equal(other.counter[OGPU_COUNTER_WORKGROUPS], 0);
	assert_true(other.counter[OGPU_COUNTER_WAVE_NS] > 1 * MS);
	/* The next queue there begins anew. */
	q_init(&other, gpu, 1, ASID, 0);
	q_start(&other);
	put_counters(&other, BEFORE);
	run(&other, 5);
	assert_int_equal(cell(BEFORE + 8 * OGPU_COUNTER_INSTRUCTIONS), 0);
}

static void test_bad_packets(void **state)
{
	static const struct {
		struct ogpu_pkt_counters packet;
		uint32_t flags;
		enum ogpu_queue_error error;
	} bad[] = {
		{ { .addr = VA + 4 }, 0, OGPU_QERR_PACKET },
		{ { .addr = VA, .rsvd = 1 }, 0, OGPU_QERR_PACKET },
		{ { .addr = VA }, 1, OGPU_QERR_PACKET },
		{ { .addr = VA }, OGPU_PKT_CARD, OGPU_QERR_PACKET },
		{ { .addr = VA + 0x10000000 }, 0, OGPU_QERR_MEMORY },
		{ { .addr = 1ull << 48 }, 0, OGPU_QERR_MEMORY },
		{ { .addr = VA + VA_BYTES - 8 }, 0, OGPU_QERR_MEMORY },
	};

	(void)state;
	q_start(q);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		q_put(q, OGPU_OP_COUNTERS, bad[i].flags, &bad[i].packet, sizeof(bad[i].packet));
		q_ring(q);
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), bad[i].error);
		q_restart(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_kernel),
		T(test_no_caches),
		T(test_packets),
		T(test_preempt),
		T(test_two_queues),
		T(test_bad_packets),
	};

	return cmocka_run_group_tests_name("vgpu counters", tests, NULL, NULL);
}
