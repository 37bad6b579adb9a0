// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues of an open file: the QUEUE_* ioctls, and what happens to queues when the file is closed.
 */
#include <linux/align.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/xarray.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_file.h"
#include "ogpu_queue.h"
#include "ogpu_queue_file.h"
#include "ogpu_queue_mmap.h"
#include "ogpu_queue_priv.h"
#include "ogpu_vm.h"

/* Of queues of SUBMIT: room for some 190 jobs; more have to wait for it. */
#define OGPU_SUBMIT_RING_SIZE	SZ_8K

/**
 * ogpu_queue_lookup() - find a queue of a file
 * @ofile: the file
 * @id: of the queue
 *
 * Return: the queue with a reference, or NULL.
 */
struct ogpu_queue *ogpu_queue_lookup(struct ogpu_file *ofile, u32 id)
{
	struct ogpu_queue *queue;

	xa_lock(&ofile->queues);
	queue = xa_load(&ofile->queues, id);
	if (queue)
		ogpu_queue_get(queue);
	xa_unlock(&ofile->queues);

	return queue;
}

/**
 * ogpu_queue_file_open() - prepare a new file for queues
 * @ofile: the file
 *
 * Return: 0 or -ENOMEM. Undone by ogpu_queue_file_close().
 */
int ogpu_queue_file_open(struct ogpu_file *ofile)
{
	struct ogpu_queue_file *file;

	file = kzalloc_obj(*file, GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;

	file->quota = ogpu_queue_quota_get(ofile->odev);
	if (!file->quota) {
		kfree(file);
		return -ENOMEM;
	}
	kref_init(&file->ref);
	ofile->queue_file = file;
	xa_init_flags(&ofile->queues, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);

	return 0;
}

/**
 * ogpu_queue_file_close() - kill all queues of a file
 * @ofile: the file, which nobody uses any more
 *
 * Sleeps for a bounded time.
 */
void ogpu_queue_file_close(struct ogpu_file *ofile)
{
	struct ogpu_queue *queue;
	unsigned long id;

	ogpu_queue_mgr_kill(ofile->odev, ofile->queue_file);
	xa_for_each(&ofile->queues, id, queue)
		ogpu_queue_put(queue);
	xa_destroy(&ofile->queues);
	ogpu_queue_file_put(ofile->queue_file);
}

/* What the message to firmware can carry; whether it is mapped shows when it is used. */
static bool ogpu_queue_save_ok(const struct drm_ogpu_queue_create *args)
{
	if (!args->save_bytes)
		return !args->save_va;

	return args->engine == DRM_OGPU_ENGINE_COMPUTE && args->save_bytes <= U32_MAX &&
	       IS_ALIGNED(args->save_va | args->save_bytes, OGPU_PAGE_4K) &&
	       ogpu_vm_range_ok(args->save_va, args->save_bytes);
}

/* Firmware would refuse anything else. */
static bool ogpu_queue_user_ring_ok(const struct drm_ogpu_queue_create *args)
{
	return is_power_of_2(args->ring_bytes) && args->ring_bytes >= OGPU_RING_MIN_SIZE &&
	       args->ring_bytes <= OGPU_RING_MAX_SIZE && IS_ALIGNED(args->ring_va, OGPU_PAGE_4K) &&
	       ogpu_vm_range_ok(args->ring_va, args->ring_bytes) &&
	       IS_ALIGNED(args->rptr_va | args->wptr_va, sizeof(u64)) &&
	       ogpu_vm_range_ok(args->rptr_va, sizeof(u64)) &&
	       ogpu_vm_range_ok(args->wptr_va, sizeof(u64));
}

static int ogpu_queue_check_ring(struct ogpu_device *odev,
				 const struct drm_ogpu_queue_create *args)
{
	if (!(args->flags & DRM_OGPU_QUEUE_USER))
		return args->ring_va || args->ring_bytes || args->rptr_va || args->wptr_va ?
			-EINVAL : 0;
	/* There are no jobs whose time could be over. */
	if (args->timeout_ms || !ogpu_queue_user_ring_ok(args))
		return -EINVAL;

	return ogpu_queue_has_doorbell_page(odev) ? 0 : -EOPNOTSUPP;
}

static int ogpu_queue_check_args(struct ogpu_device *odev, const struct drm_ogpu_queue_create *args)
{
	if (!ogpu_queue_save_ok(args))
		return -EINVAL;
	if (args->flags & ~DRM_OGPU_QUEUE_USER || args->pad ||
	    args->engine > DRM_OGPU_ENGINE_COPY || args->priority > DRM_OGPU_PRIORITY_HIGH)
		return -EINVAL;
	if (args->timeout_ms > odev->disc.job_max_ms ||
	    (args->timeout_ms > ogpu_device_job_ms(odev) && !capable(CAP_SYS_ADMIN)))
		return -EINVAL;
	if (args->priority == DRM_OGPU_PRIORITY_HIGH && !capable(CAP_SYS_NICE))
		return -EACCES;

	return 0;
}

/**
 * ogpu_ioctl_queue_create() - DRM_IOCTL_OGPU_QUEUE_CREATE
 * @drm: the card
 * @data: &struct drm_ogpu_queue_create
 * @file: caller
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_queue_create *args = data;
	struct ogpu_file *ofile = to_ogpu_file(file);
	struct ogpu_queue_params params = {
		.file = ofile->queue_file,
		.client_id = file->client_id,
		.name = "ogpu-user",
		.engine = args->engine,
		.priority = args->priority,
		.kind = OGPU_QUEUE_KIND_SUBMIT,
		.ring_size = OGPU_SUBMIT_RING_SIZE,
		.timeout_ms = args->timeout_ms ?: ogpu_device_job_ms(ofile->odev),
		.save_va = args->save_va,
		.save_bytes = args->save_bytes,
	};
	struct ogpu_queue *queue;
	int ret;

	ret = ogpu_queue_check_args(ofile->odev, args);
	if (!ret)
		ret = ogpu_queue_check_ring(ofile->odev, args);
	if (ret)
		return ret;

	params.vm = ogpu_vm_lookup(ofile, args->vm_id);
	if (!params.vm)
		return -ENOENT;
	/* Either is the wrong place for the other: no fence may wait for a ring of user space. */
	if (!params.vm->preempt != !(args->flags & DRM_OGPU_QUEUE_USER)) {
		ret = -EINVAL;
		goto out_vm;
	}
	if (ogpu_pt_mem_is_lost(&params.vm->pt_mem)) {
		ret = -EBADMSG;
		goto out_vm;
	}
	if (args->flags & DRM_OGPU_QUEUE_USER) {
		params.kind = OGPU_QUEUE_KIND_USER;
		params.ring_size = args->ring_bytes;
		params.user.ring_va = args->ring_va;
		params.user.rptr_va = args->rptr_va;
		params.user.wptr_va = args->wptr_va;
	}
	if (args->gang) {
		params.gang = ogpu_queue_lookup(ofile, args->gang);
		if (!params.gang) {
			ret = -ENOENT;
			goto out_vm;
		}
		if (params.gang->engine != params.engine ||
		    params.gang->priority != params.priority || params.gang->kind != params.kind) {
			ret = -EINVAL;
			goto out_vm;
		}
	}

	/* Nobody finds the queue under its id before it is complete. */
	ret = xa_alloc(&ofile->queues, &params.id, NULL, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto out_vm;

	queue = ogpu_queue_create(ofile->odev, &params);
	/* Some may have been destroyed already and only wait for firmware to let go. */
	if ((queue == ERR_PTR(-ENOSPC) || queue == ERR_PTR(-EDQUOT)) &&
	    ogpu_queue_mgr_settle(ofile->odev, ofile->queue_file))
		queue = ogpu_queue_create(ofile->odev, &params);
	if (IS_ERR(queue)) {
		ret = PTR_ERR(queue);
		xa_erase(&ofile->queues, params.id);
		goto out_vm;
	}

	args->queue_id = params.id;
	args->control_offset = ogpu_queue_mmap_offset(queue, OGPU_QUEUE_PAGE_CONTROL);
	args->doorbell_offset = 0;
	if (queue->kind == OGPU_QUEUE_KIND_USER)
		args->doorbell_offset = ogpu_queue_mmap_offset(queue, OGPU_QUEUE_PAGE_DOORBELL);
	xa_store(&ofile->queues, params.id, queue, GFP_KERNEL);

out_vm:
	ogpu_queue_put(params.gang);
	ogpu_vm_put(params.vm);
	return ret;
}

/**
 * ogpu_ioctl_queue_destroy() - DRM_IOCTL_OGPU_QUEUE_DESTROY
 * @drm: the card
 * @data: &struct drm_ogpu_queue_destroy
 * @file: caller
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_queue_destroy *args = data;
	struct ogpu_file *ofile = to_ogpu_file(file);
	struct ogpu_queue *queue;

	if (args->flags & ~DRM_OGPU_QUEUE_DESTROY_KILL)
		return -EINVAL;

	/* An entry that is only reserved belongs to QUEUE_CREATE. */
	xa_lock(&ofile->queues);
	queue = xa_load(&ofile->queues, args->queue_id);
	if (queue) {
		__xa_erase(&ofile->queues, args->queue_id);
		/* Its jobs may run on and fail, but the id may be another queue's by then. */
		WRITE_ONCE(queue->id, 0);
	}
	xa_unlock(&ofile->queues);
	if (!queue)
		return -ENOENT;

	/* Its pages do not come back without an id. */
	ogpu_queue_unmap(queue);
	/* Memory that a ring of user space works on may be used for something else afterwards. */
	if (args->flags & DRM_OGPU_QUEUE_DESTROY_KILL || queue->kind == OGPU_QUEUE_KIND_USER)
		ogpu_queue_kill(queue, DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED);
	ogpu_queue_put(queue);

	return 0;
}

/**
 * ogpu_ioctl_queue_kill() - DRM_IOCTL_OGPU_QUEUE_KILL
 * @drm: the card
 * @data: &struct drm_ogpu_queue_kill
 * @file: caller
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_queue_kill(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_queue_kill *args = data;
	struct ogpu_queue *queue;

	if (args->pad)
		return -EINVAL;

	queue = ogpu_queue_lookup(to_ogpu_file(file), args->queue_id);
	if (!queue)
		return -ENOENT;

	ogpu_queue_kill(queue, DRM_OGPU_QUEUE_ERR_KILLED, -ECANCELED);
	ogpu_queue_put(queue);

	return 0;
}

/**
 * ogpu_ioctl_queue_get_state() - DRM_IOCTL_OGPU_QUEUE_GET_STATE
 * @drm: the card
 * @data: &struct drm_ogpu_queue_get_state
 * @file: caller; may be stale
 *
 * Answers from memory: neither card nor firmware is asked, and the card may be lost.
 *
 * Return: 0 or a negative errno, see the uapi.
 */
int ogpu_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_queue_get_state *args = data;
	const struct ogpu_queue_failure *error;
	struct ogpu_queue *queue;

	if (args->pad)
		return -EINVAL;

	queue = ogpu_queue_lookup(to_ogpu_file(file), args->queue_id);
	if (!queue)
		return -ENOENT;

	/* A job of another queue that came after may have been seen done before the interrupts. */
	ogpu_queue_poll(queue);

	spin_lock_irq(&queue->lock);
	ogpu_queue_update_times(queue);
	error = &queue->error;
	args->error = error->code;
	args->fault_va = error->fault_va;
	args->access = error->access;
	args->reason = error->reason;
	args->pc = error->pc;
	args->detail = error->detail;
	args->submitted = queue->submitted;
	args->completed = queue->completed;
	args->busy_ns = queue->times.busy_ns;
	args->unit_ns = queue->times.unit_ns;
	args->waited_ns = queue->times.waited_ns;
	args->packet = error->packet;
	memcpy(args->nested, error->nested, sizeof(args->nested));
	args->flags = error->blame;
	args->held = error->held;
	args->failed_job = error->job;
	args->last_job_done = queue->completed;
	spin_unlock_irq(&queue->lock);
	ogpu_queue_put(queue);

	return 0;
}
