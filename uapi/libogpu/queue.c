// SPDX-License-Identifier: MIT
/* Queues: submitting streams and waiting for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xf86drm.h>

#include "internal.h"

int ogpu_queue_create(struct ogpu_vm *vm, enum drm_ogpu_engine engine,
		      enum drm_ogpu_priority priority, struct ogpu_queue **out)
{
	struct drm_ogpu_queue_create create = {
		.vm_id = ogpu_vm_id(vm),
		.engine = engine,
		.priority = priority,
	};
	struct ogpu_device *dev = ogpu_vm_device(vm);
	struct ogpu_queue *queue;
	int ret;

	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->vm = vm;
	if (drmSyncobjCreate(ogpu_device_fd(dev), 0, &queue->timeline)) {
		ret = -errno;
		goto err_free;
	}
	ret = ogpu_ioctl(dev, DRM_IOCTL_OGPU_QUEUE_CREATE, &create);
	if (ret)
		goto err_syncobj;
	queue->id = create.queue_id;
	*out = queue;
	return 0;

err_syncobj:
	drmSyncobjDestroy(ogpu_device_fd(dev), queue->timeline);
err_free:
	free(queue);
	return ret;
}

void ogpu_queue_destroy(struct ogpu_queue *queue)
{
	struct drm_ogpu_queue_destroy destroy;
	struct ogpu_device *dev;

	if (!queue)
		return;
	dev = ogpu_vm_device(queue->vm);
	destroy = (struct drm_ogpu_queue_destroy){ .queue_id = queue->id };
	ogpu_ioctl(dev, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy);
	drmSyncobjDestroy(ogpu_device_fd(dev), queue->timeline);
	free(queue);
}

int ogpu_queue_submit(struct ogpu_queue *queue, struct ogpu_stream *stream,
		      const struct drm_ogpu_sync *syncs, uint32_t sync_count, uint64_t *point)
{
	struct drm_ogpu_sync few[8], *all = few;
	struct drm_ogpu_job job = {
		.stream_va = stream->used ? stream->buf.va : 0,
		.stream_bytes = stream->used,
	};
	struct drm_ogpu_submit submit = {
		.queue_id = queue->id,
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	};
	int ret;

	if (stream->overflow)
		return -ENOSPC;
	if (sync_count >= DRM_OGPU_MAX_SYNCS)
		return -EINVAL;
	if (sync_count + 1 > sizeof(few) / sizeof(few[0])) {
		all = calloc(sync_count + 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
	}

	all[0] = (struct drm_ogpu_sync){
		.handle = queue->timeline,
		.flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE,
		.value = queue->submitted + 1,
	};
	if (sync_count)
		memcpy(&all[1], syncs, sync_count * sizeof(*syncs));
	job.syncs = (struct drm_ogpu_array){
		.stride = sizeof(*all),
		.count = sync_count + 1,
		.array = (uintptr_t)all,
	};

	ret = ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_SUBMIT, &submit);
	if (!ret) {
		queue->submitted++;
		if (point)
			*point = queue->submitted;
	}
	if (all != few)
		free(all);
	return ret;
}

/* Absolute CLOCK_MONOTONIC time, as the syncobj ioctls want it; saturates. */
static int64_t deadline(int64_t timeout_ns)
{
	struct timespec now;
	int64_t now_ns;

	if (timeout_ns < 0)
		return INT64_MAX;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	return timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
}

int ogpu_queue_wait(struct ogpu_queue *queue, uint64_t point, int64_t timeout_ns)
{
	struct drm_ogpu_queue_get_state state;
	int ret;

	ret = drmSyncobjTimelineWait(ogpu_device_fd(ogpu_vm_device(queue->vm)), &queue->timeline,
				     &point, 1, deadline(timeout_ns), 0, NULL);
	if (ret)
		return ret;

	/* A syncobj does not tell whether its fence carries an error; the queue does. */
	ret = ogpu_queue_state(queue, &state);
	if (ret)
		return ret;
	return state.error && state.completed < point ? -ECANCELED : 0;
}

int ogpu_queue_state(struct ogpu_queue *queue, struct drm_ogpu_queue_get_state *state)
{
	*state = (struct drm_ogpu_queue_get_state){ .queue_id = queue->id };
	return ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_QUEUE_GET_STATE, state);
}

const char *ogpu_queue_error_text(uint32_t error)
{
	switch (error) {
	case DRM_OGPU_QUEUE_OK:
		return "no error";
	case DRM_OGPU_QUEUE_ERR_OPCODE:
		return "unknown packet, or not for this engine";
	case DRM_OGPU_QUEUE_ERR_PACKET:
		return "malformed packet";
	case DRM_OGPU_QUEUE_ERR_PRIVILEGE:
		return "privileged packet";
	case DRM_OGPU_QUEUE_ERR_MEMORY:
		return "memory fault";
	case DRM_OGPU_QUEUE_ERR_INSTRUCTION:
		return "illegal instruction";
	case DRM_OGPU_QUEUE_ERR_MISALIGNED:
		return "misaligned atomic or jump";
	case DRM_OGPU_QUEUE_ERR_TRAP:
		return "ebreak";
	case DRM_OGPU_QUEUE_ERR_DISPATCH:
		return "dispatch asks for more than the card has";
	case DRM_OGPU_QUEUE_ERR_TIMEOUT:
		return "job ran longer than the queue's timeout";
	case DRM_OGPU_QUEUE_ERR_PREEMPT:
		return "did not make room when told to";
	case DRM_OGPU_QUEUE_ERR_ENGINE:
		return "engine or card failed";
	}
	return "unknown error";
}
