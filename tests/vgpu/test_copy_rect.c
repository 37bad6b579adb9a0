// SPDX-License-Identifier: GPL-2.0 OR MIT
/* COPY_RECT: rows and slices, any alignment, faults, and going on where it stopped. */
#include "fake_packets.h"

#define SRC	0x0u			/* offsets from VA */
#define DST	0x80000u

/* What the packet asks for, byte by byte, on a copy of the memory. */
static void copy_model(uint8_t *to, const uint8_t *from, const struct ogpu_pkt_copy_rect *r)
{
	for (uint32_t z = 0; z < r->extent[2]; z++)
		for (uint32_t y = 0; y < r->extent[1]; y++)
			for (uint32_t x = 0; x < r->extent[0]; x++)
				to[r->dst - VA + z * r->dst_pitch[1] + y * r->dst_pitch[0] + x] =
					from[r->src - VA + z * r->src_pitch[1] +
					     y * r->src_pitch[0] + x];
}

static void check(const struct ogpu_pkt_copy_rect *r)
{
	uint8_t *want = malloc(BYTES);

	assert_non_null(want);
	memcpy(want, mem(0), BYTES);
	copy_model(want, mem(0), r);
	q_put(q, OGPU_OP_COPY_RECT, 0, r, sizeof(*r));
	done();
	assert_memory_equal(mem(0), want, BYTES);
	free(want);
}

static void test_shapes(void **state)
{
	const struct ogpu_pkt_copy_rect cases[] = {
		/* One row, one byte of each row, a matrix, a part of a volume. */
		{ .extent = { 5000, 1, 1 } },
		{ .extent = { 1, 3000, 1 }, .src_pitch = { 7 }, .dst_pitch = { 100 } },
		{ .extent = { 300, 200, 1 }, .src_pitch = { 1024 }, .dst_pitch = { 300 } },
		{ .extent = { 5, 70, 40 }, .src_pitch = { 64, 64 * 80 }, .dst_pitch = { 5, 400 } },
		/* Rows over ends of pages, slices without a pitch: the last one stays. */
		{ .extent = { 9000, 20, 1 }, .src_pitch = { 9001 }, .dst_pitch = { 12289 } },
		/* Upside down. */
		{ .extent = { 16, 100, 1 }, .src_pitch = { 16 }, .dst_pitch = { -16ull } },
		/* Nothing. */
		{ .extent = { 0, 7, 7 } }, { .extent = { 7, 0, 7 } }, { .extent = { 7, 7, 0 } },
		{ .extent = { ~0u, ~0u, 0 } },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ogpu_pkt_copy_rect r = cases[i];

		r.src = VA + SRC + i;
		r.dst = VA + DST + 16 * 100 + 3 * i;
		check(&r);
	}
}

static void test_wrong(void **state)
{
	const struct ogpu_pkt_copy_rect good = {
		.src = VA, .dst = VA + DST, .extent = { 8, 8, 1 }, .src_pitch = { 8 },
		.dst_pitch = { 8 },
	};
	struct ogpu_pkt_copy_rect r = good;

	(void)state;
	wrong(OGPU_OP_COPY_RECT, 1, &r, sizeof(r), OGPU_QERR_PACKET);
	wrong(OGPU_OP_COPY_RECT, 0, &r, sizeof(r) - 8, OGPU_QERR_PACKET);
	r.rsvd = 1;
	wrong(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), OGPU_QERR_PACKET);
	r = good;
	r.rsvd2 = 1;
	wrong(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), OGPU_QERR_PACKET);
	r = good;
	for (unsigned int i = 0; i < 3; i++)
		r.extent[i] = ~0u;
	wrong(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), OGPU_QERR_PACKET);
	/* Too many bytes by one row. */
	r.extent[0] = 1u << 28;
	r.extent[1] = (1u << 28) + 1;
	r.extent[2] = 1;
	wrong(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), OGPU_QERR_PACKET);
}

static void test_faults(void **state)
{
	const struct ogpu_pkt_copy_rect good = {
		.src = VA, .dst = VA + DST, .extent = { 8, 8, 1 }, .src_pitch = { 8 },
		.dst_pitch = { 8 },
	};
	struct ogpu_pkt_copy_rect r = good;

	(void)state;
	/* The fourth row begins nowhere; the three before it are there. */
	r.src_pitch[0] = 0x55000;
	memset(mem(DST), 0, 64);
	memory_fault(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), VA + 4ull * 0x55000, OGPU_ACCESS_READ,
		     OGPU_FAULT_NOT_MAPPED);
	for (unsigned int y = 0; y < 4; y++)
		assert_memory_equal(mem(DST + 8 * y), mem(y * 0x55000), 8);
	r = good;
	r.dst = VA_RO;
	memory_fault(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), VA_RO, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_PERMISSION);
	/* Rows that leave the address space, upwards and downwards, and all operand bits. */
	r = good;
	r.src_pitch[0] = 1ull << 48;
	memory_fault(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), VA + (1ull << 48), OGPU_ACCESS_READ,
		     OGPU_FAULT_VA_RANGE);
	r = good;
	r.dst_pitch[0] = -(VA + DST + 8);
	memory_fault(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), -8ull, OGPU_ACCESS_WRITE,
		     OGPU_FAULT_VA_RANGE);
	r = good;
	r.src = VRAM(FAKE_DATA) | 3ull << 62;
	memory_fault(OGPU_OP_COPY_RECT, 0, &r, sizeof(r), r.src, OGPU_ACCESS_READ,
		     OGPU_FAULT_VA_RANGE);
}

static uint64_t moved(void)
{
	struct engines_work work;

	engines_work(gpu->engines, &work);
	return work.bytes_moved;
}

/* Copies, and takes it off its slot whenever it has moved something. Returns how often. */
static unsigned int copy_in_pieces(const struct ogpu_pkt_copy_rect *r)
{
	uint64_t last = 0, seen = moved();
	unsigned int saved = 0;

	q->context12 = 0;
	q_put(q, OGPU_OP_COPY_RECT, 0, r, sizeof(*r));
	q_ring(q);
	while (q_rptr(q) != q->wptr) {
		if (moved() == seen)
			continue;
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
		assert_true(q_wait(q, OGPU_SLOT_SAVED));
		q_clear(q);
		seen = moved();
		if (q->pos != q->wptr) {
			assert_true(q->context12 > last);
			last = q->context12;
			saved++;
		}
		q_start(q);
	}
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	return saved;
}

/* Taken off its slot again and again, it makes progress each time and ends right. */
static void test_preempt(void **state)
{
	const struct ogpu_pkt_copy_rect r = {
		.src = VA, .dst = VA + DST, .extent = { 3, 90, 300 }, .src_pitch = { 5, 450 },
		.dst_pitch = { 4, 360 },
	};
	/* The same slice again and again: long enough to be stopped many times. */
	const struct ogpu_pkt_copy_rect slow = {
		.src = VA, .dst = VA + DST, .extent = { 1, 2000, 1000 }, .src_pitch = { 5 },
		.dst_pitch = { 3 },
	};
	uint8_t *want = malloc(BYTES);
	unsigned int pieces = 0;

	(void)state;
	assert_non_null(want);
	memcpy(want, mem(0), BYTES);
	copy_model(want, mem(0), &slow);
	/* Unless this thread was not run meanwhile. */
	for (unsigned int round = 0; round < 20 && pieces < 5; round++)
		pieces = copy_in_pieces(&slow);
	assert_true(pieces >= 5);
	assert_memory_equal(mem(0), want, BYTES);
	copy_model(want, mem(0), &r);

	/* From the middle of a row, of a slice; and from behind the end. */
	for (uint64_t at = 0; at <= 3 * 90 * 300; at += 30031) {
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
		assert_true(q_wait(q, OGPU_SLOT_SAVED));
		q_clear(q);
		memset(mem(DST), 0, BYTES - DST);
		q_put(q, OGPU_OP_COPY_RECT, 0, &r, sizeof(r));
		q->context12 = at;
		*q_pointer(q, 1) = q->wptr;
		q_start(q);
		done();
		for (uint64_t i = 0; i < 3 * 90 * 300; i++) {
			uint64_t to = DST + i / 270 * 360 + i / 3 % 90 * 4 + i % 3;

			assert_int_equal(*mem(to), i < at ? 0 : want[to]);
		}
	}
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	q_clear(q);
	q_put(q, OGPU_OP_COPY_RECT, 0, &r, sizeof(r));
	q->context12 = 3 * 90 * 300 + 1;
	*q_pointer(q, 1) = q->wptr;
	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_PACKET);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preempt, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu copy_rect", tests, NULL, NULL);
}
