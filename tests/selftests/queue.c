// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * QUEUE_CREATE, QUEUE_DESTROY, QUEUE_GET_STATE: arguments, limits, and life of queues.
 */
#include <sys/prctl.h>
#include <sys/types.h>

#include "card.h"
#include "harness.h"

static struct drm_ogpu_queue_create good(const struct card *card)
{
	return (struct drm_ogpu_queue_create) {
		.vm_id = card->vm,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
	};
}

#define CREATE(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_CREATE, args)

TEST(create_bad_arguments)
{
	struct drm_ogpu_queue_create args;
	struct card card;
	int bit;

	card_open(&card);
	for (bit = 0; bit < 32; bit++) {
		args = good(&card);
		args.flags = 1u << bit;
		EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	}

	args = good(&card);
	args.engine = 2;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args.engine = UINT32_MAX;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);

	args = good(&card);
	args.priority = 3;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args.priority = UINT32_MAX;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);

	args = good(&card);
	args.vm_id = 0;
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
	args.vm_id = card.vm + 1;
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
	args.vm_id = UINT32_MAX;
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
}

/* A save area is checked as far as it goes without looking at what is mapped. */
TEST(create_bad_save_area)
{
	static const struct {
		uint64_t va, bytes;
		int ret;
	} areas[] = {
		{ 0x10000, 4096, 0 },
		{ 0x100000000, 0xfffff000, 0 },
		{ 0xfffffffe0000, 0x10000, 0 },	/* the last that can be mapped */
		{ 0x100000000, 0, -EINVAL },
		{ 0, 4096, -EINVAL },
		{ 0xf000, 4096, -EINVAL },
		{ 0x100000800, 4096, -EINVAL },
		{ 0x100000001, 4096, -EINVAL },
		{ 0x100000000, 1, -EINVAL },
		{ 0x100000000, 4097, -EINVAL },
		{ 0x100000000, 0x100000000, -EINVAL },
		{ 0x100000000, 0x1000000001000, -EINVAL },
		{ 0xfffffffe0000, 0x11000, -EINVAL },
		{ 0xffffffff0000, 4096, -EINVAL },
		{ 0x1000000000000, 4096, -EINVAL },
		{ 0xfffffffffffff000, 4096, -EINVAL },
		{ 0xfffffffffffff000, 8192, -EINVAL },
		{ 0xfffffffffffff000, 0xfffffffffffff000, -EINVAL },
		{ 0x8000000000001000, 4096, -EINVAL },
	};
	struct drm_ogpu_queue_create args;
	struct card card;
	unsigned int i;
	int ret;

	card_open(&card);
	for (i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		args = good(&card);
		args.save_va = areas[i].va;
		args.save_bytes = areas[i].bytes;
		ret = CREATE(&card, &args);
		if (ret != areas[i].ret)
			HARNESS_FAIL("area %u: %d, not %d", i, ret, areas[i].ret);
		if (!ret)
			EXPECT_EQ(card_queue_destroy(&card, args.queue_id), 0);
	}

	args = good(&card);
	args.engine = DRM_OGPU_ENGINE_COPY;
	args.save_va = 0x10000;
	args.save_bytes = 4096;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
}

/* A program that does not know of save areas. */
TEST(create_without_save_area)
{
	struct {
		uint32_t vm_id, engine, priority, flags, timeout_ms, queue_id;
	} args = { .priority = DRM_OGPU_PRIORITY_NORMAL };
	struct card card;

	card_open(&card);
	args.vm_id = card.vm;
	ASSERT_EQ(card_ioctl(&card, DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_CREATE, args),
			     &args), 0);
	EXPECT_EQ(card_queue_destroy(&card, args.queue_id), 0);
}

TEST(create_needs_privilege)
{
	struct drm_ogpu_queue_create args;
	struct card card;

	card_open(&card);
	args = good(&card);
	args.priority = DRM_OGPU_PRIORITY_HIGH;
	EXPECT_EQ(CREATE(&card, &args), 0);
	EXPECT_EQ(card_queue_destroy(&card, args.queue_id), 0);
	args = good(&card);
	args.timeout_ms = 3600 * 1000;
	EXPECT_EQ(CREATE(&card, &args), 0);

	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		SKIP("cannot drop privileges: %s", strerror(errno));

	args = good(&card);
	args.priority = DRM_OGPU_PRIORITY_HIGH;
	EXPECT_EQ(CREATE(&card, &args), -EACCES);
	args = good(&card);
	args.timeout_ms = 3600 * 1000;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args = good(&card);
	args.timeout_ms = 1000;
	args.priority = DRM_OGPU_PRIORITY_LOW;
	EXPECT_EQ(CREATE(&card, &args), 0);
}

/* A gang is of one file, engine and priority, no larger than what the card executes at a time. */
TEST(gang)
{
	struct drm_ogpu_queue_destroy destroy = {};
	struct drm_ogpu_queue_create args;
	uint32_t leader, member[64];
	struct card card, other;
	unsigned int i, count = 0;
	struct stream s;
	int ret;

	card_open(&card);
	card_open(&other);
	args = good(&card);
	args.pad = 1;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args = good(&card);
	args.gang = 12345;
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
	args = good(&card);
	ASSERT_EQ(CREATE(&card, &args), 0);
	leader = args.queue_id;
	args = good(&other);
	args.gang = leader;
	EXPECT_EQ(CREATE(&other, &args), -ENOENT);
	args = good(&card);
	args.gang = leader;
	args.engine = DRM_OGPU_ENGINE_COPY;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args = good(&card);
	args.gang = leader;
	args.priority = DRM_OGPU_PRIORITY_LOW;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);

	/* Any member names the gang. */
	for (i = 0; i < 64; i++) {
		args = good(&card);
		args.gang = i ? member[i - 1] : leader;
		ret = CREATE(&card, &args);
		if (ret)
			break;
		member[count++] = args.queue_id;
	}
	EXPECT_EQ(ret, -ENOSPC);
	ASSERT_LE(1, count);

	/* They work, also without the one that was first. */
	destroy.queue_id = leader;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy), 0);
	card_stream(&card, &s, 4096);
	stream_cache(&s, 0);
	for (i = 0; i < count; i++)
		card_run(&card, member[i], &s);
	for (i = 0; i < count; i++) {
		destroy.queue_id = member[i];
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy), 0);
	}
	/* What is left of it keeps nobody from making another one. */
	args = good(&card);
	ASSERT_EQ(CREATE(&card, &args), 0);
	for (i = 0; i < count; i++) {
		leader = args.queue_id;
		args = good(&card);
		args.gang = leader;
		EXPECT_EQ(CREATE(&card, &args), 0);
	}
}

TEST(destroy_bad_arguments)
{
	struct drm_ogpu_queue_destroy args = {};
	struct card card;
	int bit;

	card_open(&card);
	args.queue_id = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	for (bit = 1; bit < 32; bit++) {
		args.flags = 1u << bit;
		EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &args), -EINVAL);
	}
	args.flags = 0;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &args), 0);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &args), -ENOENT);
	EXPECT_EQ(card_queue_destroy(&card, 0), -ENOENT);
	EXPECT_EQ(card_queue_destroy(&card, UINT32_MAX), -ENOENT);
}

TEST(state_bad_arguments)
{
	struct drm_ogpu_queue_get_state args = {};
	struct card card;

	card_open(&card);
	args.queue_id = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	args.pad = 1;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &args), -EINVAL);
	args.pad = 0;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &args), 0);
	args.queue_id++;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &args), -ENOENT);
}

TEST(state_counts)
{
	struct drm_ogpu_queue_get_state state;
	struct stream s;
	struct card card;
	uint32_t queue;
	int i;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);

	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(state.submitted, 0);
	EXPECT_EQ(state.completed, 0);

	for (i = 0; i < 3; i++)
		card_run(&card, queue, &s);

	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(state.submitted, 3);
	EXPECT_EQ(state.completed, 3);
}

/* Ids belong to a file. */
TEST(ids_of_other_files)
{
	struct card one, two;
	uint32_t queue;

	card_open(&one);
	card_open(&two);
	queue = card_queue(&one, DRM_OGPU_ENGINE_COMPUTE, 0);
	EXPECT_EQ(card_queue_destroy(&two, queue), -ENOENT);
	EXPECT_EQ(card_submit(&two, queue, NULL, NULL, 0), -ENOENT);
	EXPECT_EQ(card_submit(&one, queue, NULL, NULL, 0), 0);
}

/* The address space lives as long as a queue needs it. */
TEST(vm_destroyed_first)
{
	struct drm_ogpu_vm_destroy destroy = {};
	struct buffer buf;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_buffer(&card, &buf, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	stream_fill(&s, buf.va, 4096, 0x11111111);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);

	destroy.vm_id = card.vm;
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_DESTROY, &destroy), 0);
	card_run(&card, queue, &s);
	EXPECT_EQ(*(uint32_t *)buf.map, 0x11111111);
}

/* Jobs that have been submitted run to their end. */
TEST(destroy_lets_jobs_finish)
{
	const uint64_t any = UINT64_MAX;
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	volatile uint64_t *flag, *done;
	struct buffer buf;
	struct stream s;
	struct card card;
	uint32_t queue;

	card_open(&card);
	card_buffer(&card, &buf, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	flag = buf.map;
	done = flag + 1;
	card_stream(&card, &s, 4096);
	stream_wait(&s, buf.va, DRM_OGPU_COMPARE_EQ, 1, any);
	stream_fence(&s, buf.va + 8, 99);

	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	out.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, queue, &s, &out, 1), 0);
	EXPECT_EQ(card_queue_destroy(&card, queue), 0);
	EXPECT_EQ(card_submit(&card, queue, &s, NULL, 0), -ENOENT);
	EXPECT_EQ(card_syncobj_wait(&card, out.handle, 100), -ETIME);

	*flag = 1;
	EXPECT_EQ(card_syncobj_wait(&card, out.handle, 5000), 0);
	EXPECT_EQ(*done, 99);
}

static uint32_t queues[4096];

/* Returns how many there are, with all of them in @queues. */
static uint32_t create_all(struct card *card)
{
	struct drm_ogpu_queue_create args;
	uint32_t count;
	int ret = 0;

	for (count = 0; count < 4096; count++) {
		args = good(card);
		ret = CREATE(card, &args);
		if (ret)
			break;
		queues[count] = args.queue_id;
	}
	EXPECT_EQ(ret, -ENOSPC);

	return count;
}

/* All queues that the card says programs can have, then none, then at once all again. */
TEST_TIMEOUT(as_many_as_there_are, 180)
{
	uint32_t count, round;
	struct card card;

	card_open(&card);
	for (round = 0; round < 3; round++) {
		count = create_all(&card);
		EXPECT_EQ(count, card.info.max_queues);
		while (count)
			EXPECT_EQ(card_queue_destroy(&card, queues[--count]), 0);
	}
}

/* The same if the last thing that they did was a job. */
TEST(again_after_jobs)
{
	struct drm_ogpu_queue_create args = {};
	uint32_t count, i, round;
	struct stream s;
	struct card card;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_nop(&s, 2);
	count = create_all(&card);
	ASSERT_GE(count, 8);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++)
			card_run(&card, queues[i], &s);
		for (i = 0; i < 8; i++)
			EXPECT_EQ(card_queue_destroy(&card, queues[i]), 0);
		for (i = 0; i < 8; i++) {
			args = good(&card);
			ASSERT_EQ(CREATE(&card, &args), 0);
			queues[i] = args.queue_id;
		}
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
