// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What QUEUE_GET_STATE tells of a queue that failed: which job, which packet, where in the program,
 * and who is to blame.
 */
#include <sys/ioctl.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "user.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define INSN_LOOP	0x0000006fu
#define INSN_EBREAK	0x00100073u
#define TIMEOUT_MS	3000

static const uint32_t bad_packet[2] = { DRM_OGPU_PKT(0x7f, 8) };

static void add_indirect(struct stream *s, const struct stream *to)
{
	const struct drm_ogpu_pkt_indirect packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_INDIRECT, sizeof(packet)),
		.bytes = to->bytes,
		.addr = to->buf.va,
	};

	stream_add(s, &packet, sizeof(packet));
}

/* Before it, three jobs that go well. All is known when the fence signals. */
static void fail_in_fourth(struct card *card, uint32_t queue, const struct stream *s,
			   struct drm_ogpu_queue_get_state *state)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct stream good;
	int i;

	card_stream(card, &good, 4096);
	stream_nop(&good, 2);
	for (i = 0; i < 3; i++)
		card_run(card, queue, &good);
	out.handle = card_syncobj(card);
	ASSERT_EQ(card_submit(card, queue, s, &out, 1), 0);
	ASSERT_EQ(card_syncobj_wait(card, out.handle, 10000), 0);
	card_queue_state(card, queue, state);
	EXPECT_EQ(state->failed_job, 4);
	EXPECT_EQ(state->last_job_done, 3);
	EXPECT_EQ(state->completed, 3);
}

/* One that has not failed. */
TEST(works)
{
	struct drm_ogpu_queue_get_state state;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_run(&card, queue, &s);
	card_run(&card, queue, &s);
	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(state.flags, 0);
	EXPECT_EQ(state.failed_job, 0);
	EXPECT_EQ(state.last_job_done, 2);
	EXPECT_EQ(state.packet, 0);
}

/* Where in the stream. */
TEST(packet)
{
	struct drm_ogpu_queue_get_state state;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	stream_nop(&s, 6);
	stream_add(&s, bad_packet, sizeof(bad_packet));
	stream_nop(&s, 2);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	fail_in_fourth(&card, queue, &s, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_GUILTY);
	EXPECT_EQ(state.packet, 32);
	EXPECT_EQ(state.nested[0], 0);
	EXPECT_EQ(state.pc, 0);
}

/* In the buffers that it executes, down to the last. */
TEST(nested_packet)
{
	struct drm_ogpu_queue_get_state state;
	struct stream s[DRM_OGPU_INDIRECT_LEVELS];
	struct card card;
	uint32_t queue;
	int i;

	card_open(&card);
	for (i = DRM_OGPU_INDIRECT_LEVELS - 1; i >= 0; i--) {
		card_stream(&card, &s[i], 4096);
		stream_nop(&s[i], 2 + 2 * i);
		if (i == DRM_OGPU_INDIRECT_LEVELS - 1)
			stream_add(&s[i], bad_packet, sizeof(bad_packet));
		else
			add_indirect(&s[i], &s[i + 1]);
		stream_nop(&s[i], 2);
	}
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	fail_in_fourth(&card, queue, &s[0], &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(state.packet, 8);
	EXPECT_EQ(state.nested[0], 16);
	EXPECT_EQ(state.nested[1], 24);
	EXPECT_EQ(state.nested[2], 32);
	EXPECT_EQ(state.nested[3], 0);
}

/* In a ring of the program's own, the second time round. */
TEST(packet_in_ring)
{
	struct drm_ogpu_queue_get_state state;
	struct card card;
	struct user u;
	uint64_t at;
	int i;

	card_open(&card);
	user_vm(&card);
	user_open(&card, &u, 4096);
	for (i = 0; i < 3; i++) {
		user_nop(&u, 2048);
		user_fence(&u);
		user_ring(&u);
		ASSERT_EQ(user_wait(&u, 5000), 0);
	}
	at = u.tail;
	user_add(&u, bad_packet, sizeof(bad_packet));
	user_ring(&u);
	EXPECT_EQ(user_error(&u), DRM_OGPU_QUEUE_ERR_OPCODE);
	card_queue_state(&card, u.args.queue_id, &state);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_GUILTY);
	EXPECT_GE(at, 4097);
	EXPECT_EQ(state.packet, at);
	EXPECT_EQ(state.nested[0], 0);
	EXPECT_EQ(state.failed_job, 0);
}

/* A kernel whose third instruction is this one. */
static void add_kernel(struct card *card, struct stream *s, struct buffer *code, uint32_t last)
{
	volatile uint32_t *insns;

	card_buffer(card, code, 4096, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ |
		    DRM_OGPU_BIND_EXEC);
	insns = code->map;
	insns[0] = 0x00000013;
	insns[1] = 0x00000013;
	insns[2] = last;
	stream_dispatch(s, code->va, 0, 4, 64);
}

/* The state tells in which program, and where. */
static void fail_in_kernel(uint32_t instruction, uint32_t timeout_ms, uint32_t error)
{
	struct drm_ogpu_queue_get_state state;
	struct buffer code;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	add_kernel(&card, &s, &code, instruction);
	queue = card_compute_queue(&card, timeout_ms, card_save_area(&card, CARD_SAVE_BYTES),
				   CARD_SAVE_BYTES);
	fail_in_fourth(&card, queue, &s, &state);
	EXPECT_EQ(state.error, error);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_GUILTY);
	EXPECT_EQ(state.pc, code.va + 8);
	EXPECT_EQ(state.packet, 8);
}

TEST(trap)
{
	fail_in_kernel(INSN_EBREAK, 0, DRM_OGPU_QUEUE_ERR_TRAP);
}

/* A job that hangs. */
TEST(timeout)
{
	fail_in_kernel(INSN_LOOP, TIMEOUT_MS, DRM_OGPU_QUEUE_ERR_TIMEOUT);
}

/* A WAIT that never holds is no work-item's fault. */
TEST(timeout_of_wait)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	struct buffer gate;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_buffer(&card, &gate, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 4);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, TIMEOUT_MS);
	out.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, queue, &s, &out, 1), 0);
	ASSERT_EQ(card_syncobj_wait(&card, out.handle, 10000), 0);
	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_TIMEOUT);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_GUILTY);
	EXPECT_EQ(state.failed_job, 1);
	EXPECT_EQ(state.packet, 16);
	EXPECT_EQ(state.pc, 0);
}

/* A program that was built before the structure grew. */
TEST(shorter_structure)
{
	struct {
		struct drm_ogpu_queue_get_state state;
		uint32_t guard[16];
	} args = {};
	size_t size = offsetof(struct drm_ogpu_queue_get_state, waited_ns);
	struct card card;
	unsigned int i;

	card_open(&card);
	memset(&args, 0x5a, sizeof(args));
	args.state.queue_id = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	args.state.pad = 0;
	ASSERT_EQ(card_ioctl(&card, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE +
					 DRM_OGPU_QUEUE_GET_STATE, size), &args), 0);
	EXPECT_EQ(args.state.error, DRM_OGPU_QUEUE_OK);
	for (i = size; i < sizeof(args); i++)
		ASSERT_EQ(((uint8_t *)&args)[i], 0x5a);
}

/* After a reset of the card the file is stale, but who was innocent can still be asked. */
TEST(after_reset)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	uint32_t idle, busy, failed;
	struct stream s, bad;
	struct buffer gate;
	struct admin admin;
	struct card card;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	card_open(&card);
	card_buffer(&card, &gate, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	card_stream(&card, &bad, 4096);
	stream_add(&bad, bad_packet, sizeof(bad_packet));
	idle = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	busy = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	failed = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	out.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, busy, &s, &out, 1), 0);
	ASSERT_EQ(card_submit(&card, failed, &bad, NULL, 0), 0);
	card_queue_wait_error(&card, failed, &state);

	ASSERT(admin_write(&admin, "reset", "1"));
	EXPECT_EQ(card_syncobj_wait(&card, out.handle, 10000), 0);
	EXPECT_EQ(card_submit(&card, idle, NULL, NULL, 0), -ENODEV);
	EXPECT_EQ(card_queue_destroy(&card, idle), -ENODEV);

	card_queue_state(&card, idle, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_ENGINE);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_INNOCENT);
	EXPECT_EQ(state.failed_job, 0);
	card_queue_state(&card, busy, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_ENGINE);
	EXPECT_EQ(state.flags, 0);
	EXPECT_EQ(state.failed_job, 1);
	EXPECT_EQ(state.last_job_done, 0);
	card_queue_state(&card, failed, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_OPCODE);
	EXPECT_EQ(state.flags, DRM_OGPU_QUEUE_GUILTY);
	EXPECT(admin_wait(&admin, "state", "running"));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
