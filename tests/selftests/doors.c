// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The examples of docs/queues.md, as they stand there, and both doors of libogpu.
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "doc-queues.h"
#include "harness.h"

#define WAIT_NS	(10000000000ll * time_scale())

TEST(example_submit)
{
	EXPECT_EQ(submit_door(), 0);
}

TEST(example_user)
{
	EXPECT_EQ(user_door(), 0);
}

/** struct door - a user queue of libogpu */
struct door {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
	struct ogpu_queue *queue;
	struct ogpu_stream stream;
	struct ogpu_buffer buf;
};

static void door_open(struct door *d, uint64_t ring_bytes)
{
	const struct ogpu_queue_options options = {
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.user = true,
		.ring_bytes = ring_bytes,
	};

	ASSERT_EQ(ogpu_device_open(NULL, &d->dev), 0);
	ASSERT_EQ(ogpu_vm_create_with(d->dev, DRM_OGPU_VM_LONG_RUNNING, &d->vm), 0);
	ASSERT_EQ(ogpu_queue_create_with(d->vm, &options, &d->queue), 0);
	ASSERT_EQ(ogpu_stream_create(d->vm, 4096, &d->stream), 0);
	ASSERT_EQ(ogpu_buffer_create(d->vm, 4096, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				     &d->buf), 0);
}

/* A full ring says so, and is not full for ever. */
TEST(ring_full)
{
	struct ogpu_stream block;
	unsigned int jobs = 0;
	uint64_t point;
	struct door d;
	int ret;

	door_open(&d, 4096);
	ASSERT_EQ(ogpu_stream_create(d.vm, 4096, &block), 0);
	ogpu_emit_wait(&block, d.buf.va + 8, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	ASSERT_EQ(ogpu_queue_submit(d.queue, &block, NULL, 0, &point), 0);
	ogpu_emit_atomic(&d.stream, DRM_OGPU_ATOMIC_ADD, d.buf.va, 1);
	do {
		ret = ogpu_queue_submit(d.queue, &d.stream, NULL, 0, &point);
		jobs += !ret;
	} while (!ret && jobs < 4096);
	EXPECT_EQ(ret, -EBUSY);
	/* 40 bytes each, less the one that waits. */
	EXPECT_EQ(jobs, 4096 / 40 - 1);

	*((volatile uint64_t *)d.buf.ptr + 1) = 1;
	ASSERT_EQ(ogpu_queue_wait(d.queue, point, WAIT_NS), 0);
	EXPECT_EQ(*(uint32_t *)d.buf.ptr, jobs);
	ASSERT_EQ(ogpu_queue_submit(d.queue, &d.stream, NULL, 0, &point), 0);
	ASSERT_EQ(ogpu_queue_wait(d.queue, point, WAIT_NS), 0);
	EXPECT_EQ(*(uint32_t *)d.buf.ptr, jobs + 1);
}

TEST(bad_options)
{
	struct ogpu_queue_options options = { .user = true, .ring_bytes = 12288 };
	struct drm_ogpu_sync sync = { .handle = 1 };
	struct ogpu_queue *queue;
	struct ogpu_vm *plain;
	struct door d;

	door_open(&d, 0);
	EXPECT_EQ(ogpu_queue_create_with(d.vm, &options, &queue), -EINVAL);
	options.ring_bytes = 2 << 20;
	EXPECT_EQ(ogpu_queue_create_with(d.vm, &options, &queue), -EINVAL);
	options.ring_bytes = 0;
	ASSERT_EQ(ogpu_vm_create(d.dev, &plain), 0);
	EXPECT_EQ(ogpu_queue_create_with(plain, &options, &queue), -EINVAL);
	EXPECT_EQ(ogpu_queue_submit(d.queue, &d.stream, &sync, 1, NULL), -EINVAL);
	EXPECT_EQ(ogpu_queue_wait(d.queue, 1, 1000000), -ETIME);
}

TEST(failure_is_told)
{
	int fd = eventfd(0, 0);
	struct drm_ogpu_queue_get_state state;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t point;
	struct door d;

	door_open(&d, 0);
	ASSERT_EQ(ogpu_queue_set_eventfd(d.queue, fd, DRM_OGPU_EVENT_ERROR), 0);
	ogpu_emit_fill(&d.stream, 0x700000000000, 1, 64);
	ASSERT_EQ(ogpu_queue_submit(d.queue, &d.stream, NULL, 0, &point), 0);
	EXPECT_EQ(ogpu_queue_wait(d.queue, point, WAIT_NS), -ECANCELED);
	EXPECT_EQ(poll(&p, 1, 10000 * time_scale()), 1);
	ASSERT_EQ(ogpu_queue_state(d.queue, &state), 0);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	ogpu_queue_destroy(d.queue);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
