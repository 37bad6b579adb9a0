// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND.
 *
 * DOC: Flow of VM_BIND
 *
 *	copy in and check the operations, look up buffers and syncobjs
 *	wait for the in-syncs if the call is synchronous (nothing has changed yet: restartable)
 *	lock vm->bind_lock
 *	wait for earlier calls if the call is synchronous
 *	ogpu_device_enter()
 *	make page tables for all ranges to map
 *	ogpu_mem_begin()
 *	lock the dma_resv of the address space and of all buffers that appear or disappear
 *	bring the buffers to where the card can use them
 *	stage: change the tree of addresses step by step; fill the bind job
 *	--- everything up to here may fail, and is undone in reverse order ---
 *	commit: link and unlink mappings and buffers
 *	arm the job, put its fence into all dma_resv and out-syncs, push it
 *	ogpu_device_exit(), unlock; wait for the job if the call is synchronous
 *
 * The job (ogpu_bind_job.c) changes the page tables and invalidates the TLB once.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_bind.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_preempt.h"
#include "ogpu_file.h"
#include "ogpu_sync.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

/* Bytes of an operation in version 0.1. */
#define OGPU_BIND_OP_MIN_SIZE	40
static_assert(sizeof(struct drm_ogpu_bind_op) >= OGPU_BIND_OP_MIN_SIZE);

#define OGPU_BIND_FLAGS	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE | DRM_OGPU_BIND_EXEC)

/**
 * struct ogpu_bind_req - one operation of a call
 */
struct ogpu_bind_req {
	/** @va: first address */
	u64 va;
	/** @size: bytes */
	u64 size;
	/** @offset: first byte of @bo */
	u64 offset;
	/** @prot: OGPU_PTE_READ, _WRITE, _EXEC */
	u64 prot;
	/** @bo: buffer to map, referenced; NULL: unmap */
	struct ogpu_bo *bo;
	/** @vm_bo: @bo in this address space; referenced, under the dma_resv of both */
	struct drm_gpuvm_bo *vm_bo;
	/** @ops: steps that change the tree of addresses */
	struct drm_gpuva_ops *ops;
};

/**
 * struct ogpu_bind - one call
 */
struct ogpu_bind {
	/** @vm: the address space; a user of it */
	struct ogpu_vm *vm;
	/** @file: who calls */
	struct drm_file *file;
	/** @reqs: operations */
	struct ogpu_bind_req *reqs;
	/** @count: of @reqs */
	u32 count;
	/** @async: return before it is done */
	bool async;
	/** @syncs: to wait for and to signal */
	struct ogpu_syncs syncs;
	/** @sync_ops: memory of @syncs */
	struct ogpu_sync *sync_ops;
	/** @exec: what is locked */
	struct drm_exec exec;
	/** @job: that changes the page tables */
	struct ogpu_bind_job *job;
};

/*
 * Check arguments
 */

static int ogpu_bind_check_range(const struct drm_ogpu_bind_op *op)
{
	if (!IS_ALIGNED(op->va | op->size | op->bo_offset, max_t(u64, OGPU_PAGE_4K, PAGE_SIZE)))
		return -EINVAL;

	return ogpu_vm_range_ok(op->va, op->size) ? 0 : -EINVAL;
}

static int ogpu_bind_check_unmap(const struct drm_ogpu_bind_op *op)
{
	return op->flags || op->bo_handle || op->bo_offset ? -EINVAL : 0;
}

static int ogpu_bind_check_map(const struct drm_ogpu_bind_op *op)
{
	/* WRITE and EXEC without READ are not supported, and mapping without any makes no sense. */
	if (op->flags & ~OGPU_BIND_FLAGS || !(op->flags & DRM_OGPU_BIND_READ))
		return -EINVAL;

	return 0;
}

static int ogpu_bind_parse_op(struct ogpu_bind *bind, const struct drm_ogpu_bind_op *op,
			      struct ogpu_bind_req *req)
{
	u64 end;
	int ret;

	if (op->pad)
		return -EINVAL;
	if (op->op != DRM_OGPU_BIND_MAP && op->op != DRM_OGPU_BIND_UNMAP)
		return -EINVAL;

	ret = op->op == DRM_OGPU_BIND_MAP ? ogpu_bind_check_map(op) : ogpu_bind_check_unmap(op);
	if (ret)
		return ret;
	ret = ogpu_bind_check_range(op);
	if (ret)
		return ret;

	req->va = op->va;
	req->size = op->size;
	if (op->op == DRM_OGPU_BIND_UNMAP)
		return 0;

	req->offset = op->bo_offset;
	req->prot = OGPU_PTE_READ;
	if (op->flags & DRM_OGPU_BIND_WRITE)
		req->prot |= OGPU_PTE_WRITE;
	if (op->flags & DRM_OGPU_BIND_EXEC)
		req->prot |= OGPU_PTE_EXEC;

	req->bo = ogpu_bo_lookup(bind->file, op->bo_handle);
	if (!req->bo)
		return -ENOENT;
	if (req->bo->root && req->bo->root != drm_gpuvm_resv_obj(&bind->vm->base))
		return -EINVAL;
	if (check_add_overflow(op->bo_offset, op->size, &end) || end > req->bo->ttm.base.size)
		return -EINVAL;

	return 0;
}

static int ogpu_bind_parse_ops(struct ogpu_bind *bind, const struct drm_ogpu_array *array)
{
	struct drm_ogpu_bind_op *ops;
	void *elems;
	int ret;
	u32 i;

	ret = ogpu_array_copy_in(array, OGPU_BIND_OP_MIN_SIZE, sizeof(*ops), 1,
				 DRM_OGPU_MAX_BIND_OPS, &elems);
	if (ret)
		return ret;
	ops = elems;

	bind->reqs = kvcalloc(array->count, sizeof(*bind->reqs), GFP_KERNEL_ACCOUNT);
	if (!bind->reqs) {
		ret = -ENOMEM;
		goto out_free;
	}

	bind->count = array->count;
	for (i = 0; i < bind->count && !ret; i++)
		ret = ogpu_bind_parse_op(bind, &ops[i], &bind->reqs[i]);

out_free:
	kvfree(ops);
	return ret;
}

static int ogpu_bind_parse_syncs(struct ogpu_bind *bind, const struct drm_ogpu_array *array)
{
	int ret;

	ret = ogpu_syncs_check(array);
	if (ret || !array->count)
		return ret;

	bind->sync_ops = kvmalloc_array(array->count, sizeof(*bind->sync_ops), GFP_KERNEL_ACCOUNT);
	if (!bind->sync_ops)
		return -ENOMEM;

	return ogpu_syncs_parse(bind->file, array, bind->sync_ops, &bind->syncs);
}

/*
 * Lock
 */

/* The buffers of mappings that the operation changes, and the one that it maps. */
static int ogpu_bind_lock_req(struct ogpu_bind *bind, const struct ogpu_bind_req *req)
{
	struct drm_gpuva *va;
	int ret;

	if (req->bo) {
		ret = drm_exec_prepare_obj(&bind->exec, &req->bo->ttm.base, 1);
		if (ret)
			return ret;
	}

	drm_gpuvm_for_each_va_range(va, &bind->vm->base, req->va, req->va + req->size) {
		ret = drm_exec_prepare_obj(&bind->exec, va->gem.obj, 1);
		if (ret)
			return ret;
	}

	return 0;
}

static int ogpu_bind_lock_reqs(struct ogpu_bind *bind)
{
	int ret;
	u32 i;

	ret = drm_gpuvm_prepare_vm(&bind->vm->base, &bind->exec, 1);
	for (i = 0; i < bind->count && !ret; i++)
		ret = ogpu_bind_lock_req(bind, &bind->reqs[i]);

	return ret;
}

static int ogpu_bind_validate(struct ogpu_bind *bind)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < bind->count && !ret; i++) {
		if (bind->reqs[i].bo)
			ret = ogpu_bo_validate(bind->reqs[i].bo);
	}

	return ret;
}

/*
 * Locks everything and brings the buffers to where the card can use them. The latter while the
 * transaction is still open, because whom TTM evicts is locked with the same ticket.
 */
static int ogpu_bind_lock(struct ogpu_bind *bind)
{
	int ret;

	drm_exec_init(&bind->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&bind->exec) {
		ret = ogpu_bind_lock_reqs(bind);
		drm_exec_retry_on_contention(&bind->exec);
		if (!ret)
			ret = ogpu_bind_validate(bind);
		if (ret) {
			drm_exec_fini(&bind->exec);
			return ret;
		}
	}

	return 0;
}

/*
 * Stage: change the tree of addresses, in a way that can be undone
 */

static void ogpu_bind_unstage_op(struct ogpu_vm *vm, struct ogpu_va_op *op)
{
	if (op->staged) {
		if (op->new)
			drm_gpuva_remove(&op->new->base);
		if (op->next)
			drm_gpuva_remove(&op->next->base);
		if (op->base.op == DRM_GPUVA_OP_REMAP)
			drm_gpuva_insert(&vm->base, op->base.remap.unmap->va);
		else if (op->base.op == DRM_GPUVA_OP_UNMAP)
			drm_gpuva_insert(&vm->base, op->base.unmap.va);
	}
	kfree(op->new);
	kfree(op->next);
}

static void ogpu_bind_unstage(struct ogpu_bind *bind)
{
	u32 i = bind->count;

	while (i--) {
		struct ogpu_bind_req *req = &bind->reqs[i];
		struct drm_gpuva_op *op;

		if (req->ops) {
			list_for_each_entry_reverse(op, &req->ops->list, entry)
				ogpu_bind_unstage_op(bind->vm, to_ogpu_va_op(op));
			drm_gpuva_ops_free(&bind->vm->base, req->ops);
			req->ops = NULL;
		}
	}
}

static struct ogpu_va *ogpu_va_new(u64 prot)
{
	struct ogpu_va *va = kzalloc_obj(*va, GFP_KERNEL_ACCOUNT);

	if (va)
		va->prot = prot;

	return va;
}

static int ogpu_bind_stage_remap(struct ogpu_va_op *op)
{
	u64 prot = to_ogpu_va(op->base.remap.unmap->va)->prot;

	if (op->base.remap.prev) {
		op->new = ogpu_va_new(prot);
		if (!op->new)
			return -ENOMEM;
	}
	if (op->base.remap.next) {
		op->next = ogpu_va_new(prot);
		if (!op->next)
			return -ENOMEM;
	}

	drm_gpuva_remap(op->new ? &op->new->base : NULL, op->next ? &op->next->base : NULL,
			&op->base.remap);
	op->staged = true;

	return 0;
}

static int ogpu_bind_stage_op(struct ogpu_bind *bind, struct ogpu_bind_req *req,
			      struct ogpu_va_op *op)
{
	switch (op->base.op) {
	case DRM_GPUVA_OP_MAP:
		op->new = ogpu_va_new(req->prot);
		if (!op->new)
			return -ENOMEM;
		drm_gpuva_map(&bind->vm->base, &op->new->base, &op->base.map);
		op->staged = true;
		return 0;
	case DRM_GPUVA_OP_REMAP:
		return ogpu_bind_stage_remap(op);
	case DRM_GPUVA_OP_UNMAP:
		drm_gpuva_unmap(&op->base.unmap);
		op->staged = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static struct drm_gpuva_ops *ogpu_bind_make_ops(struct ogpu_bind *bind, struct ogpu_bind_req *req)
{
	const struct drm_gpuvm_map_req map = {
		.map.va.addr = req->va,
		.map.va.range = req->size,
		.map.gem.obj = req->bo ? &req->bo->ttm.base : NULL,
		.map.gem.offset = req->offset,
	};

	if (!req->bo)
		return drm_gpuvm_sm_unmap_ops_create(&bind->vm->base, req->va, req->size);

	return drm_gpuvm_sm_map_ops_create(&bind->vm->base, &map);
}

static int ogpu_bind_stage_req(struct ogpu_bind *bind, struct ogpu_bind_req *req)
{
	struct drm_gpuva_ops *ops;
	struct drm_gpuva_op *op;
	int ret;

	if (req->bo)
		ret = ogpu_bind_job_map(bind->job, req->va, req->size, req->prot, req->bo,
					req->offset);
	else
		ret = ogpu_bind_job_unmap(bind->job, req->va, req->size);
	if (ret)
		return ret;

	ops = ogpu_bind_make_ops(bind, req);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	req->ops = ops;

	drm_gpuva_for_each_op(op, ops) {
		ret = ogpu_bind_stage_op(bind, req, to_ogpu_va_op(op));
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * Jobs that are under way see a buffer from the moment it is mapped on. A move of the buffer must
 * wait for them: let it know them. Of a buffer that is private to the address space it does.
 */
static int ogpu_bind_copy_fences(struct ogpu_vm *vm, struct dma_resv *to)
{
	struct dma_resv *from = drm_gpuvm_resv(&vm->base);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int count = 0;
	int ret;

	if (to == from)
		return 0;

	dma_resv_for_each_fence(&cursor, from, DMA_RESV_USAGE_BOOKKEEP, fence)
		count++;
	if (!count)
		return 0;

	ret = dma_resv_reserve_fences(to, count);
	if (ret)
		return ret;

	dma_resv_for_each_fence(&cursor, from, DMA_RESV_USAGE_BOOKKEEP, fence)
		dma_resv_add_fence(to, fence, DMA_RESV_USAGE_BOOKKEEP);

	return 0;
}

static int ogpu_bind_prepare_bo(struct ogpu_bind *bind, struct ogpu_bind_req *req)
{
	struct drm_gem_object *obj = &req->bo->ttm.base;
	struct drm_gpuvm_bo *vm_bo;

	vm_bo = drm_gpuvm_bo_obtain_locked(&bind->vm->base, obj);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	req->vm_bo = vm_bo;

	return list_empty(&vm_bo->list.gpuva) ? ogpu_bind_copy_fences(bind->vm, obj->resv) : 0;
}

static int ogpu_bind_stage(struct ogpu_bind *bind)
{
	struct drm_gem_object *obj;
	int ret = 0;
	u32 i;

	for (i = 0; i < bind->count && !ret; i++) {
		if (bind->reqs[i].bo)
			ret = ogpu_bind_prepare_bo(bind, &bind->reqs[i]);
	}
	for (i = 0; i < bind->count && !ret; i++) {
		ret = ogpu_bind_stage_req(bind, &bind->reqs[i]);
		cond_resched();
	}
	if (ret)
		return ret;

	/* Moves have used up room for fences. */
	drm_exec_for_each_locked_object(&bind->exec, obj) {
		ret = dma_resv_reserve_fences(obj->resv, 1);
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * Commit: no way back, no errors
 */

static void ogpu_bind_commit_old(struct drm_gpuva *va)
{
	drm_gpuva_unlink(va);
	kfree(to_ogpu_va(va));
}

static void ogpu_bind_commit_op(struct ogpu_bind_req *req, struct ogpu_va_op *op)
{
	struct drm_gpuva *old;

	switch (op->base.op) {
	case DRM_GPUVA_OP_MAP:
		drm_gpuva_link(&op->new->base, req->vm_bo);
		drm_gpuvm_bo_extobj_add(req->vm_bo);
		break;
	case DRM_GPUVA_OP_REMAP:
		old = op->base.remap.unmap->va;
		if (op->new)
			drm_gpuva_link(&op->new->base, old->vm_bo);
		if (op->next)
			drm_gpuva_link(&op->next->base, old->vm_bo);
		ogpu_bind_commit_old(old);
		break;
	default:
		ogpu_bind_commit_old(op->base.unmap.va);
		break;
	}
}

/* A buffer that is not mapped any more need not wait for what executes in the address space. */
static void ogpu_bind_forget_bo(struct ogpu_vm *vm, struct drm_gem_object *obj,
				struct dma_fence *unbound)
{
	struct drm_gpuvm_bo *vm_bo;

	if (obj->resv == drm_gpuvm_resv(&vm->base))
		return;

	vm_bo = drm_gpuvm_bo_find(&vm->base, obj);
	if (vm_bo)
		drm_gpuvm_bo_put(vm_bo);
	else
		ogpu_preempt_forget_bo(vm->preempt, obj, unbound);
}

static void ogpu_bind_commit(struct ogpu_bind *bind)
{
	struct drm_gem_object *obj;
	struct dma_fence *fence;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct ogpu_bind_req *req = &bind->reqs[i];
		struct drm_gpuva_op *op;

		drm_gpuva_for_each_op(op, req->ops)
			ogpu_bind_commit_op(req, to_ogpu_va_op(op));
		drm_gpuva_ops_free(&bind->vm->base, req->ops);
		req->ops = NULL;
	}

	fence = ogpu_bind_job_arm(bind->job);
	drm_exec_for_each_locked_object(&bind->exec, obj) {
		dma_resv_add_fence(obj->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
		if (bind->vm->preempt)
			ogpu_bind_forget_bo(bind->vm, obj, fence);
	}
	dma_fence_put(bind->vm->last_bind);
	bind->vm->last_bind = dma_fence_get(fence);
	ogpu_syncs_signal(&bind->syncs, fence);

	ogpu_bind_job_push(bind->job);
	bind->job = NULL;
}

static void ogpu_bind_put_vm_bos(struct ogpu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		if (bind->reqs[i].vm_bo)
			drm_gpuvm_bo_put(bind->reqs[i].vm_bo);
		bind->reqs[i].vm_bo = NULL;
	}
}

static int ogpu_bind_add_deps(struct ogpu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->syncs.count; i++) {
		const struct ogpu_sync *op = &bind->syncs.ops[i];
		struct dma_fence *fence;
		int ret;

		if (ogpu_sync_is_signal(op))
			continue;

		fence = ogpu_sync_find_fence(op, NULL);
		if (IS_ERR(fence))
			return PTR_ERR(fence);
		ret = ogpu_sched_job_add_dep(&bind->job->base, fence);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	return 0;
}

/* After an error nothing is locked and nothing has changed. */
static int ogpu_bind_try(struct ogpu_bind *bind)
{
	int ret;

	bind->job = ogpu_bind_job_create(bind->vm, bind->count, bind->file->client_id);
	if (IS_ERR(bind->job))
		return PTR_ERR(bind->job);

	ret = ogpu_bind_add_deps(bind);
	if (ret)
		goto err_abort;

	ret = ogpu_bind_lock(bind);
	if (ret)
		goto err_abort;

	ret = ogpu_bind_stage(bind);
	if (!ret)
		ogpu_bind_commit(bind);
	else
		ogpu_bind_unstage(bind);
	ogpu_bind_put_vm_bos(bind);
	drm_exec_fini(&bind->exec);

	if (!ret)
		return 0;

err_abort:
	ogpu_bind_job_abort(bind->job);
	return ret;
}

/* Under vm->bind_lock, in ogpu_device_enter(). */
static int ogpu_bind_change(struct ogpu_bind *bind)
{
	enum ogpu_mem_mode mode = OGPU_MEM_SHARED;
	struct ogpu_vm *vm = bind->vm;
	int ret;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct ogpu_bind_req *req = &bind->reqs[i];

		if (req->bo) {
			ret = ogpu_pt_prepare(&vm->pt, req->va, req->size);
			if (ret)
				return ret;
		}
	}

	do {
		ret = ogpu_mem_begin(vm->odev, mode);
		if (ret)
			return ret;
		ret = ogpu_bind_try(bind);
	} while (ogpu_mem_retry(vm->odev, &mode, ret));

	if (!ret)
		ogpu_mem_end(vm->odev);

	return ret;
}

/* Under vm->bind_lock. */
static int ogpu_bind_locked(struct ogpu_bind *bind)
{
	struct ogpu_vm *vm = bind->vm;
	int ret, idx;

	/* Wait for earlier calls while this one can still be restarted. */
	if (!bind->async && vm->last_bind) {
		ret = dma_fence_wait(vm->last_bind, true);
		if (ret)
			return ret;
	}

	if (!ogpu_device_enter(vm->odev, &idx))
		return -ENODEV;
	ret = ogpu_bind_change(bind);
	ogpu_device_exit(vm->odev, idx);

	return ret;
}

static int ogpu_bind_run(struct ogpu_bind *bind)
{
	struct ogpu_vm *vm = bind->vm;
	struct dma_fence *fence = NULL;
	int ret;

	if (!bind->async) {
		ret = ogpu_syncs_wait(&bind->syncs);
		if (ret)
			return ret;
	}

	ret = mutex_lock_interruptible(&vm->bind_lock);
	if (ret)
		return ret;
	ret = ogpu_bind_locked(bind);
	if (!ret)
		fence = dma_fence_get(vm->last_bind);
	mutex_unlock(&vm->bind_lock);
	if (ret)
		return ret;

	/*
	 * Not interruptible: the change is made. What is left are clears and moves of buffers. If
	 * it fails the card is being reset, which the next call tells: this one changed mappings.
	 */
	if (!bind->async)
		dma_fence_wait(fence, false);
	dma_fence_put(fence);

	return 0;
}

static void ogpu_bind_fini(struct ogpu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++)
		ogpu_bo_put(bind->reqs[i].bo);
	kvfree(bind->reqs);
	ogpu_syncs_fini(&bind->syncs);
	kvfree(bind->sync_ops);
	ogpu_vm_put(bind->vm);
}

/**
 * ogpu_ioctl_vm_bind() - DRM_IOCTL_OGPU_VM_BIND
 * @drm: the card
 * @data: &struct drm_ogpu_vm_bind
 * @file: who calls
 *
 * Not in ogpu_device_enter(): fences of anybody are waited for.
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_vm_bind *args = data;
	struct ogpu_bind bind = {
		.file = file,
		.async = args->flags & DRM_OGPU_VM_BIND_ASYNC,
	};
	int ret;

	if (args->flags & ~DRM_OGPU_VM_BIND_ASYNC)
		return -EINVAL;

	bind.vm = ogpu_vm_lookup(to_ogpu_file(file), args->vm_id);
	if (!bind.vm)
		return -ENOENT;

	ret = ogpu_bind_parse_ops(&bind, &args->ops);
	if (!ret)
		ret = ogpu_bind_parse_syncs(&bind, &args->syncs);
	if (!ret)
		ret = ogpu_bind_run(&bind);
	ogpu_bind_fini(&bind);

	return ret;
}
