// SPDX-License-Identifier: MIT
/* Queues: submitting streams and waiting for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xf86drm.h>

#include "internal.h"

/* Parts of a frame of a save area begin at multiples of this, and so does its header long. */
#define SAVE_PART	256u
#define PAGE		4096u

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

uint64_t ogpu_save_bytes(const struct ogpu_device *dev, uint32_t groups, uint32_t items,
			 uint32_t local_bytes, uint32_t private_bytes)
{
	const struct drm_ogpu_query_device *info = ogpu_device_info(dev);
	uint64_t waves = ((uint64_t)items + info->lanes - 1) / info->lanes;
	uint64_t frame, bytes;

	frame = SAVE_PART + round_up(local_bytes, SAVE_PART) + waves * info->save_wave_bytes;
	if (__builtin_mul_overflow(waves * info->lanes, private_bytes, &bytes) ||
	    __builtin_add_overflow(frame, round_up(bytes, SAVE_PART), &frame) ||
	    __builtin_mul_overflow(frame, groups, &bytes) || bytes > UINT64_MAX - PAGE)
		return UINT64_MAX;
	return round_up(bytes, PAGE);
}

uint64_t ogpu_save_bytes_default(const struct ogpu_device *dev)
{
	const struct drm_ogpu_query_device *info = ogpu_device_info(dev);
	uint64_t largest, usual;

	largest = ogpu_save_bytes(dev, 1, info->max_workgroup, info->local_bytes,
				  OGPU_PRIVATE_DEFAULT);
	usual = ogpu_save_bytes(dev, info->cu_count, 256, info->local_bytes, OGPU_PRIVATE_DEFAULT);
	return largest > usual ? largest : usual;
}

int ogpu_queue_create(struct ogpu_vm *vm, enum drm_ogpu_engine engine,
		      enum drm_ogpu_priority priority, struct ogpu_queue **queue)
{
	struct ogpu_queue_options options = { .engine = engine, .priority = priority };

	if (engine == DRM_OGPU_ENGINE_COMPUTE)
		options.save_bytes = ogpu_save_bytes_default(ogpu_vm_device(vm));
	return ogpu_queue_create_with(vm, &options, queue);
}

static void destroy_id(struct ogpu_queue *queue)
{
	struct drm_ogpu_queue_destroy destroy = { .queue_id = queue->id };

	ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy);
}

static void destroy_door(struct ogpu_queue *queue)
{
	ogpu_user_ring_destroy(queue->user);
	if (!queue->user)
		drmSyncobjDestroy(ogpu_device_fd(ogpu_vm_device(queue->vm)), queue->timeline);
}

int ogpu_queue_create_with(struct ogpu_vm *vm, const struct ogpu_queue_options *options,
			   struct ogpu_queue **out)
{
	struct drm_ogpu_queue_create create = {
		.vm_id = ogpu_vm_id(vm),
		.engine = options->engine,
		.priority = options->priority,
		.timeout_ms = options->timeout_ms,
		.save_bytes = options->save_bytes,
		.gang = options->gang ? options->gang->id : 0,
	};
	struct ogpu_device *dev = ogpu_vm_device(vm);
	struct ogpu_queue *queue;
	int ret;

	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->vm = vm;
	if (options->save_bytes) {
		ret = ogpu_buffer_create(vm, options->save_bytes,
					 DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
					 options->dump ? DRM_OGPU_BO_CPU_ACCESS : 0, &queue->save);
		if (ret)
			goto err_free;
		create.save_va = queue->save.va;
	}
	if (options->user)
		ret = ogpu_user_ring_create(vm, options->ring_bytes, &create, &queue->user);
	else
		ret = drmSyncobjCreate(ogpu_device_fd(dev), 0, &queue->timeline) ? -errno : 0;
	if (ret)
		goto err_save;
	ret = ogpu_ioctl(dev, DRM_IOCTL_OGPU_QUEUE_CREATE, &create);
	if (ret)
		goto err_door;
	queue->id = create.queue_id;
	if (queue->user)
		ret = ogpu_user_ring_map(vm, queue->user, &create);
	if (ret)
		goto err_queue;
	*out = queue;
	return 0;

err_queue:
	destroy_id(queue);
err_door:
	destroy_door(queue);
err_save:
	ogpu_buffer_destroy(&queue->save);
err_free:
	free(queue);
	return ret;
}

/*
 * Unmaps the save area once the last job is done, also one that was submitted with the ioctl. If
 * the queue has failed there is nothing to wait for. If it cannot be done, the area stays as long
 * as the address space.
 */
static void drop_save_area(struct ogpu_queue *queue)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_UNMAP,
		.va = queue->save.va,
		.size = queue->save.bo->size,
	};
	struct drm_ogpu_sync idle = {
		.handle = queue->timeline,
		.flags = DRM_OGPU_SYNC_TIMELINE,
	};
	struct ogpu_stream nothing = { 0 };
	int ret;

	ret = ogpu_queue_submit(queue, &nothing, NULL, 0, NULL);
	idle.value = queue->submitted;
	if (!ret || ret == -ECANCELED)
		ret = ogpu_vm_bind(queue->vm, DRM_OGPU_VM_BIND_ASYNC, &op, 1, &idle, !ret);
	if (!ret)
		ogpu_va_free(queue->vm, op.va, op.size);
	ogpu_bo_destroy(queue->save.bo);
}

void ogpu_queue_destroy(struct ogpu_queue *queue)
{
	if (!queue)
		return;
	if (queue->save.bo && !queue->user)
		drop_save_area(queue);
	destroy_id(queue);
	/* A user queue has stopped now. */
	if (queue->save.bo && queue->user)
		ogpu_buffer_destroy(&queue->save);
	destroy_door(queue);
	free(queue);
}

static int submit_user(struct ogpu_queue *queue, const struct ogpu_stream *stream,
		       uint32_t sync_count, uint64_t *point)
{
	int ret;

	if (sync_count)
		return -EINVAL;
	ret = ogpu_user_ring_submit(queue->user, stream, queue->submitted + 1);
	if (ret)
		return ret;
	queue->submitted++;
	if (point)
		*point = queue->submitted;
	return 0;
}

/* Each job signals its point, and what the caller wants. @syncs has room for all. */
static void fill_jobs(const struct ogpu_queue *queue, const struct ogpu_submission *from,
		      uint32_t count, struct drm_ogpu_job *jobs, struct drm_ogpu_sync *syncs)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct ogpu_stream *stream = from[i].stream;

		syncs[0] = (struct drm_ogpu_sync){
			.handle = queue->timeline,
			.flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE,
			.value = queue->submitted + 1 + i,
		};
		if (from[i].sync_count)
			memcpy(&syncs[1], from[i].syncs, from[i].sync_count * sizeof(*syncs));
		jobs[i] = (struct drm_ogpu_job){
			.stream_va = stream->used ? stream->buf.va : 0,
			.stream_bytes = stream->used,
			.syncs = {
				.stride = sizeof(*syncs),
				.count = from[i].sync_count + 1,
				.array = (uintptr_t)syncs,
			},
		};
		syncs += from[i].sync_count + 1;
	}
}

static int submit_kernel(struct ogpu_queue *queue, const struct ogpu_submission *from,
			 uint32_t count, uint64_t *point)
{
	struct drm_ogpu_submit submit = {
		.queue_id = queue->id,
		.jobs = { .stride = sizeof(struct drm_ogpu_job), .count = count },
	};
	struct {
		struct drm_ogpu_job jobs[1];
		struct drm_ogpu_sync syncs[8];
	} few;
	struct drm_ogpu_job *jobs = few.jobs;
	struct drm_ogpu_sync *syncs = few.syncs;
	size_t sync_count = count;
	void *many = NULL;
	int ret;

	for (uint32_t i = 0; i < count; i++) {
		if (from[i].sync_count >= DRM_OGPU_MAX_SYNCS)
			return -EINVAL;
		sync_count += from[i].sync_count;
	}
	if (count > 1 || sync_count > sizeof(few.syncs) / sizeof(few.syncs[0])) {
		many = calloc(1, count * sizeof(*jobs) + sync_count * sizeof(*syncs));
		if (!many)
			return -ENOMEM;
		jobs = many;
		syncs = (struct drm_ogpu_sync *)(jobs + count);
	}
	fill_jobs(queue, from, count, jobs, syncs);
	submit.jobs.array = (uintptr_t)jobs;

	ret = ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_SUBMIT, &submit);
	if (!ret) {
		queue->submitted += count;
		queue->others = submit.first_job + count - 1 - queue->submitted;
		if (point)
			*point = queue->submitted;
	}
	free(many);
	return ret;
}

int ogpu_queue_submit_many(struct ogpu_queue *queue, const struct ogpu_submission *jobs,
			   uint32_t count, uint64_t *point)
{
	if (queue->user || !count || count > DRM_OGPU_MAX_JOBS)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (jobs[i].flags || jobs[i].reserved[0] || jobs[i].reserved[1])
			return -EINVAL;
		if (jobs[i].stream->overflow)
			return -ENOSPC;
	}
	return submit_kernel(queue, jobs, count, point);
}

int ogpu_queue_submit(struct ogpu_queue *queue, struct ogpu_stream *stream,
		      const struct drm_ogpu_sync *syncs, uint32_t sync_count, uint64_t *point)
{
	struct ogpu_submission job = {
		.stream = stream,
		.syncs = syncs,
		.sync_count = sync_count,
	};

	if (stream->overflow)
		return -ENOSPC;
	if (queue->user)
		return submit_user(queue, stream, sync_count, point);
	return submit_kernel(queue, &job, 1, point);
}

int64_t ogpu_deadline(int64_t timeout_ns)
{
	struct timespec now;
	int64_t now_ns;

	if (timeout_ns < 0)
		return INT64_MAX;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	return timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
}

void ogpu_queue_done(const struct ogpu_queue *queue, uint64_t point,
		     struct drm_ogpu_wait_fence *fence)
{
	if (queue->user) {
		ogpu_user_ring_done(queue, point, fence);
		return;
	}
	*fence = (struct drm_ogpu_wait_fence){
		.type = DRM_OGPU_WAIT_JOB,
		.queue_id = queue->id,
		.value = point + queue->others,
	};
}

int ogpu_queue_wait(struct ogpu_queue *queue, uint64_t point, int64_t timeout_ns)
{
	struct drm_ogpu_queue_get_state state;
	struct drm_ogpu_wait_fence done;
	int ret;

	if (!point || (queue->user && ogpu_user_ring_is_done(queue->user, point)))
		return 0;
	ogpu_queue_done(queue, point, &done);
	ret = ogpu_wait(ogpu_vm_device(queue->vm), &done, 1, 0, timeout_ns, NULL);
	if (ret != -ENODEV || queue->user || ogpu_queue_state(queue, &state))
		return ret;

	/* The card was reset: what became of the job is still told. */
	return state.completed >= done.value ? 0 : -ECANCELED;
}

int ogpu_queue_set_eventfd(struct ogpu_queue *queue, int fd, uint32_t events)
{
	struct drm_ogpu_queue_eventfd arg = {
		.queue_id = queue->id,
		.fd = fd,
		.events = events,
	};

	return ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_QUEUE_EVENTFD, &arg);
}

int ogpu_wait(struct ogpu_device *dev, const struct drm_ogpu_wait_fence *fences, uint32_t count,
	      uint32_t flags, int64_t timeout_ns, uint32_t *index)
{
	struct drm_ogpu_wait arg = {
		.flags = flags,
		.timeout_ns = ogpu_deadline(timeout_ns),
		.fences = {
			.stride = sizeof(*fences),
			.count = count,
			.array = (uintptr_t)fences,
		},
	};
	int ret;

	ret = ogpu_ioctl(dev, DRM_IOCTL_OGPU_WAIT, &arg);
	if (index)
		*index = arg.index;
	return ret;
}

int ogpu_queue_state(struct ogpu_queue *queue, struct drm_ogpu_queue_get_state *state)
{
	*state = (struct drm_ogpu_queue_get_state){ .queue_id = queue->id };
	return ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_QUEUE_GET_STATE, state);
}

int ogpu_queue_kill(struct ogpu_queue *queue)
{
	struct drm_ogpu_queue_kill kill = { .queue_id = queue->id };

	return ogpu_ioctl(ogpu_vm_device(queue->vm), DRM_IOCTL_OGPU_QUEUE_KILL, &kill);
}
