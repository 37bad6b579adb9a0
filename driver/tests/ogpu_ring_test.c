// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_ring.c: packets as the contract wants them, wrapping, room.
 */
#include <kunit/test.h>

#include "abi/addr.h"

static void ogpu_ring_test_packets(struct kunit *test)
{
	struct ogpu_pkt_indirect indirect;
	struct ogpu_pkt_copy_lost copy_lost;
	struct ogpu_pkt_copy copy;
	struct ogpu_pkt_fill fill;

	memset(&indirect, 0xff, sizeof(indirect));
	ogpu_pkt_set_indirect(&indirect, 0x123456789008ull, 64);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(indirect.header), 0x00048001);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(indirect.bytes), 64);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(indirect.addr), 0x123456789008ull);

	memset(&copy, 0xff, sizeof(copy));
	ogpu_pkt_set_copy(&copy, OGPU_OPERAND(OGPU_TARGET_VRAM, 0x1000),
			  OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x2000), 1ull << 32);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(copy.header), 0x00088302);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(copy.rsvd), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy.src), 0x1000ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy.dst), 0x4000000000002000ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy.bytes), 1ull << 32);

	memset(&copy_lost, 0xff, sizeof(copy_lost));
	ogpu_pkt_set_copy_lost(&copy_lost, OGPU_OPERAND(OGPU_TARGET_VRAM, 0x1000),
			       OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x2000), 4096,
			       OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x3008));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(copy_lost.copy.header), 0x000a8702);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy_lost.copy.bytes), 4096ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy_lost.lost), 0x4000000000003008ull);

	memset(&fill, 0xff, sizeof(fill));
	ogpu_pkt_set_fill(&fill, 0x3000, 4096, 0xdeadbeef);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fill.header), 0x00068103);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fill.pattern), 0xdeadbeef);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(fill.dst), 0x3000ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(fill.bytes), 4096ull);
}

static void ogpu_ring_test_fence(struct kunit *test)
{
	u64 *mem = kunit_kzalloc(test, OGPU_RING_MIN_SIZE, GFP_KERNEL);
	struct ogpu_pkt_fence *pkt = (struct ogpu_pkt_fence *)mem;
	struct ogpu_ring ring;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	ogpu_ring_init(&ring, mem, OGPU_RING_MIN_SIZE);
	ogpu_ring_write_fence(&ring, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x4000), 7);

	KUNIT_EXPECT_EQ(test, ring.wptr, (u64)OGPU_RING_FENCE_BYTES);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(pkt->header), 0x00060305);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(pkt->rsvd), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(pkt->addr), 0x4000000000004000ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(pkt->value), 7ull);
	KUNIT_EXPECT_EQ(test, mem[3], 0ull);
}

static void ogpu_ring_test_wait(struct kunit *test)
{
	u64 *mem = kunit_kzalloc(test, OGPU_RING_MIN_SIZE, GFP_KERNEL);
	struct ogpu_pkt_wait *pkt = (struct ogpu_pkt_wait *)mem;
	struct ogpu_ring ring;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	ogpu_ring_init(&ring, mem, OGPU_RING_MIN_SIZE);
	ogpu_ring_write_wait(&ring, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x4000), 1ull << 40);

	KUNIT_EXPECT_EQ(test, ring.wptr, 32ull);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(pkt->header), 0x00080106);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(pkt->compare), 2);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(pkt->addr), 0x4000000000004000ull);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(pkt->value), 1ull << 40);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(pkt->mask), U64_MAX);
}

/* Writes three words at a time, many times round, and reads each back. */
static void ogpu_ring_test_wrap(struct kunit *test)
{
	const u32 words = OGPU_RING_MIN_SIZE / sizeof(u64);
	u64 *mem = kunit_kzalloc(test, OGPU_RING_MIN_SIZE + sizeof(u64), GFP_KERNEL);
	struct ogpu_ring ring;
	u64 packet[3];
	u64 n, i;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem[words] = 0x5a5a5a5a5a5a5a5aull;
	ogpu_ring_init(&ring, mem, OGPU_RING_MIN_SIZE);

	for (n = 0; n < 3 * words; n += ARRAY_SIZE(packet)) {
		for (i = 0; i < ARRAY_SIZE(packet); i++)
			packet[i] = n + i + 1;
		ogpu_ring_write(&ring, packet, sizeof(packet));

		KUNIT_ASSERT_EQ(test, ring.wptr, (n + ARRAY_SIZE(packet)) * sizeof(u64));
		for (i = 0; i < ARRAY_SIZE(packet); i++)
			KUNIT_ASSERT_EQ(test, mem[(n + i) % words], n + i + 1);
	}
	KUNIT_EXPECT_EQ(test, mem[words], 0x5a5a5a5a5a5a5a5aull);

	/* Nothing to write changes nothing, also at the very end of the ring. */
	ring.wptr = OGPU_RING_MIN_SIZE;
	ogpu_ring_write(&ring, packet, 0);
	KUNIT_EXPECT_EQ(test, ring.wptr, (u64)OGPU_RING_MIN_SIZE);
}

/* A job's packets are the same wherever they begin, also where they go around the end. */
static void ogpu_ring_test_stream(struct kunit *test)
{
	const u32 words = OGPU_RING_MIN_SIZE / sizeof(u64);
	u64 *mem = kunit_kzalloc(test, OGPU_RING_MIN_SIZE + sizeof(u64), GFP_KERNEL);
	struct ogpu_ring ring;
	u64 expected[5], at;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem[words] = 0x5a5a5a5a5a5a5a5aull;
	ogpu_ring_init(&ring, mem, OGPU_RING_MIN_SIZE);
	ogpu_ring_write_stream(&ring, 0x123456789008ull, 64, 0x4000000000004000ull, 7);
	memcpy(expected, mem, sizeof(expected));
	KUNIT_EXPECT_EQ(test, lower_32_bits(expected[0]), 0x00048001);
	KUNIT_EXPECT_EQ(test, expected[1], 0x123456789008ull);
	KUNIT_EXPECT_EQ(test, lower_32_bits(expected[2]), 0x00060305);
	KUNIT_EXPECT_EQ(test, expected[3], 0x4000000000004000ull);
	KUNIT_EXPECT_EQ(test, expected[4], 7ull);

	for (at = words - 6; at < words + 2; at++) {
		memset(mem, 0, OGPU_RING_MIN_SIZE);
		ring.wptr = at * sizeof(u64);
		ogpu_ring_write_stream(&ring, 0x123456789008ull, 64, 0x4000000000004000ull, 7);
		KUNIT_EXPECT_EQ(test, ring.wptr, (at + ARRAY_SIZE(expected)) * sizeof(u64));
		for (i = 0; i < ARRAY_SIZE(expected); i++)
			KUNIT_EXPECT_EQ(test, mem[(at + i) % words], expected[i]);
		KUNIT_EXPECT_EQ(test, mem[(at + i) % words], 0ull);
		KUNIT_EXPECT_EQ(test, mem[words], 0x5a5a5a5a5a5a5a5aull);
	}
}

/* What jobs that are not done take is room for nobody, nor is a FENCE that is being executed. */
static void ogpu_ring_test_room(struct kunit *test)
{
	struct ogpu_ring ring;
	u64 tail = 5 * OGPU_RING_FENCE_BYTES;
	u32 jobs;

	ogpu_ring_init(&ring, kunit_kzalloc(test, OGPU_RING_MIN_SIZE, GFP_KERNEL),
		       OGPU_RING_MIN_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, ring.mem);
	ring.wptr = tail;
	KUNIT_EXPECT_LE(test, ogpu_ring_room(&ring, tail) + OGPU_RING_FENCE_BYTES, ring.size);

	for (jobs = 0; ogpu_ring_room(&ring, tail) >= 16 + OGPU_RING_FENCE_BYTES; jobs++) {
		u32 room = ogpu_ring_room(&ring, tail);

		ogpu_ring_write_stream(&ring, 0x10000, 64, 0, jobs);
		KUNIT_ASSERT_EQ(test, ogpu_ring_room(&ring, tail),
				room - 16 - OGPU_RING_FENCE_BYTES);
	}
	KUNIT_EXPECT_GE(test, jobs, 90);
	KUNIT_EXPECT_LE(test, ring.wptr - tail + OGPU_RING_FENCE_BYTES, (u64)ring.size);
	KUNIT_EXPECT_EQ(test, ogpu_ring_room(&ring, ring.wptr), ring.size - OGPU_RING_SLACK);
}

static struct kunit_case ogpu_ring_cases[] = {
	KUNIT_CASE(ogpu_ring_test_packets),
	KUNIT_CASE(ogpu_ring_test_fence),
	KUNIT_CASE(ogpu_ring_test_wait),
	KUNIT_CASE(ogpu_ring_test_wrap),
	KUNIT_CASE(ogpu_ring_test_stream),
	KUNIT_CASE(ogpu_ring_test_room),
	{ }
};

static struct kunit_suite ogpu_ring_suite = {
	.name = "ogpu_ring",
	.test_cases = ogpu_ring_cases,
};

kunit_test_suite(ogpu_ring_suite);
