// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND at its limits: many mappings, calls that touch very many of them, ends at any moment.
 */
#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

#define VA	0x200000000000ull	/* far away from what card_buffer() uses */

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)

#define BIND(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, args)

#define MAX_OPS	DRM_OGPU_MAX_BIND_OPS

static struct drm_ogpu_bind_op ops[MAX_OPS];

static int bind_ops(struct card *card, uint32_t count)
{
	struct drm_ogpu_vm_bind args = { .vm_id = card->vm, .ops = CARD_ARRAY(ops, count) };

	return BIND(card, &args);
}

static struct drm_ogpu_bind_op map_op(const struct buffer *buf, uint64_t offset, uint64_t va,
				      uint64_t size)
{
	return (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP, .flags = RW, .bo_handle = buf->handle,
		.bo_offset = offset, .va = va, .size = size,
	};
}

/* One mapping in each of 4,096 GiB, of buffers that have locks of their own. */
static void map_scattered(struct card *card)
{
	struct buffer bufs[64];
	unsigned int i;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(card_buffer_create(card, &bufs[i], 64 * KIB, DRM_OGPU_BO_SYSTEM), 0);
	for (i = 0; i < MAX_OPS; i++)
		ops[i] = map_op(&bufs[i % 64], i / 64 % 16 * 4096, VA + i * GIB, 4096);
	ASSERT_EQ(bind_ops(card, MAX_OPS), 0);
}

/* A file is closed that has them all: everything comes back, and no lock is confused. */
TEST(close_scattered)
{
	struct drm_ogpu_query_memory before;
	struct card unused;
	pid_t pid;

	card_open_unused(&unused);
	before = card_memory(&unused);

	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		struct card card;

		card_open(&card);
		map_scattered(&card);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(card_wait_memory(&unused, &before), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
