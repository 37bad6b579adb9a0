// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND: arguments, order, waiting. What happens to mappings is in ogpu_bind_change.c.
 *
 * DOC: Flow of VM_BIND
 *
 *	copy in and check the operations, look up buffers and syncobjs
 *	wait for the in-syncs, and for earlier calls, if the call is synchronous (nothing has
 *		changed yet: restartable)
 *	lock vm->bind_lock
 *	ogpu_device_enter()
 *	have tables in store
 *	ogpu_mem_begin()
 *	lock the dma_resv of the address space and of all buffers that appear or disappear
 *	bring the buffers to where the card can use them
 *	stage: change the tree of addresses step by step; fill the bind job; take tables
 *	--- everything up to here may fail, and is undone in reverse order ---
 *	commit: link and unlink mappings and buffers
 *	if nothing is to be waited for: change the page tables; otherwise
 *		arm the job, put its fence into all dma_resv and out-syncs, push it
 *	ogpu_device_exit(), unlock; wait for the job if the call is synchronous
 *
 * The job (ogpu_bind_job.c) changes the page tables, each entry once whatever operations overlap,
 * and then invalidates the TLB.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "ogpu_array.h"
#include "ogpu_bind.h"
#include "ogpu_bind_priv.h"
#include "ogpu_bo.h"
#include "ogpu_fence.h"
#include "ogpu_file.h"
#include "ogpu_preempt.h"
#include "ogpu_svm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

/* Bytes of an operation in version 0.1. */
#define OGPU_BIND_OP_MIN_SIZE	40
static_assert(sizeof(struct drm_ogpu_bind_op) >= OGPU_BIND_OP_MIN_SIZE);

#define OGPU_BIND_ACCESS	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE | DRM_OGPU_BIND_EXEC)
#define OGPU_BIND_CACHING	(DRM_OGPU_BIND_UNCACHED | DRM_OGPU_BIND_COHERENT)

/* How often to look whether somebody wants the caller dead. */
#define OGPU_BIND_LOOK		64

/*
 * Check arguments
 */

static int ogpu_bind_check_range(const struct drm_ogpu_bind_op *op)
{
	/* The card's page, not the CPU's: a buffer is mapped by parts of its pages as well. */
	if (!IS_ALIGNED(op->va | op->size | op->bo_offset, OGPU_PAGE_4K))
		return -EINVAL;

	return ogpu_vm_range_ok(op->va, op->size) ? 0 : -EINVAL;
}

/* The flags that each operation knows; a buffer or none. */
static int ogpu_bind_check_op(const struct drm_ogpu_bind_op *op)
{
	u32 flags = 0;

	switch (op->op) {
	case DRM_OGPU_BIND_MAP:
	case DRM_OGPU_BIND_MAP_USERPTR:
		flags = OGPU_BIND_ACCESS | OGPU_BIND_CACHING;
		break;
	case DRM_OGPU_BIND_MAP_NULL:
		flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE;
		break;
	case DRM_OGPU_BIND_UNMAP:
		break;
	default:
		return -EINVAL;
	}

	if (op->pad || op->flags & ~flags)
		return -EINVAL;
	/* WRITE and EXEC without READ are not supported, and mapping without any makes no sense. */
	if (flags && !(op->flags & DRM_OGPU_BIND_READ))
		return -EINVAL;
	if ((op->flags & OGPU_BIND_CACHING) == OGPU_BIND_CACHING)
		return -EINVAL;
	if (op->op != DRM_OGPU_BIND_MAP && op->bo_handle)
		return -EINVAL;
	if (op->op != DRM_OGPU_BIND_MAP && op->op != DRM_OGPU_BIND_MAP_USERPTR && op->bo_offset)
		return -EINVAL;

	return ogpu_bind_check_range(op);
}

static u64 ogpu_bind_prot(const struct drm_ogpu_bind_op *op)
{
	enum ogpu_mtype mtype = OGPU_MTYPE_CACHED;
	u64 prot = OGPU_PTE_READ;

	if (op->op == DRM_OGPU_BIND_UNMAP)
		return 0;

	if (op->flags & DRM_OGPU_BIND_WRITE)
		prot |= OGPU_PTE_WRITE;
	if (op->flags & DRM_OGPU_BIND_EXEC)
		prot |= OGPU_PTE_EXEC;
	if (op->flags & DRM_OGPU_BIND_UNCACHED)
		mtype = OGPU_MTYPE_UNCACHED;
	else if (op->flags & DRM_OGPU_BIND_COHERENT)
		mtype = OGPU_MTYPE_COHERENT;
	prot |= FIELD_PREP(OGPU_PTE_MTYPE, mtype);
	if (op->op == DRM_OGPU_BIND_MAP_NULL)
		prot |= OGPU_PTE_NULL;

	return prot;
}

/* Room for @count more. */
static int ogpu_bind_reserve(struct ogpu_bind *bind, u32 count)
{
	struct ogpu_bind_req *reqs;
	u32 room;

	if (bind->room - bind->count >= count)
		return 0;

	room = max(bind->count + count, 2 * bind->room);
	reqs = kvcalloc(room, sizeof(*reqs), GFP_KERNEL_ACCOUNT);
	if (!reqs)
		return -ENOMEM;
	memcpy(reqs, bind->reqs, bind->count * sizeof(*reqs));
	if (bind->reqs != &bind->one_req)
		kvfree(bind->reqs);
	bind->reqs = reqs;
	bind->room = room;

	return 0;
}

static int ogpu_bind_parse_piece(struct ogpu_bind *bind, const struct drm_ogpu_bind_op *op,
				 u64 done, u64 size)
{
	struct ogpu_bind_req *req;
	struct ogpu_userptr *userptr;
	int ret;

	ret = ogpu_bind_reserve(bind, 1);
	if (ret)
		return ret;

	userptr = ogpu_userptr_create(bind->vm, op->userptr + done, size, op->va + done,
				      op->flags & DRM_OGPU_BIND_WRITE);
	if (IS_ERR(userptr))
		return PTR_ERR(userptr);
	req = &bind->reqs[bind->count++];
	req->va = op->va + done;
	req->size = size;
	req->prot = ogpu_bind_prot(op);
	req->userptr = userptr;

	return 0;
}

/* One operation that becomes several. */
static int ogpu_bind_parse_userptr(struct ogpu_bind *bind, const struct drm_ogpu_bind_op *op)
{
	u64 done, size;
	int ret;

	/* Nobody could tell when the card sees it: not the fence of the call. */
	if (bind->vm->preempt && bind->async)
		return -EINVAL;

	ret = ogpu_userptr_check(bind->vm, op->userptr, op->size, op->flags & DRM_OGPU_BIND_WRITE);
	bind->userptrs = true;
	for (done = 0; !ret && done < op->size; done += size) {
		size = ogpu_userptr_piece(op->va + done, op->size - done);
		ret = ogpu_bind_parse_piece(bind, op, done, size);
	}

	return ret;
}

static int ogpu_bind_parse_op(struct ogpu_bind *bind, const struct drm_ogpu_bind_op *op)
{
	struct ogpu_bind_req *req;
	u64 end;
	int ret;

	ret = ogpu_bind_check_op(op);
	if (ret)
		return ret;
	/* These are the process's. */
	if (bind->vm->svm && op->va < OGPU_SVM_END)
		return -EINVAL;
	if (op->op == DRM_OGPU_BIND_MAP_USERPTR)
		return ogpu_bind_parse_userptr(bind, op);

	ret = ogpu_bind_reserve(bind, 1);
	if (ret)
		return ret;
	req = &bind->reqs[bind->count++];
	req->va = op->va;
	req->size = op->size;
	req->prot = ogpu_bind_prot(op);
	if (op->op != DRM_OGPU_BIND_MAP)
		return 0;

	req->offset = op->bo_offset;
	req->bo = ogpu_bo_lookup(bind->file, op->bo_handle);
	if (!req->bo)
		return -ENOENT;
	/* Lost to a reset before this file was opened: it came from another one. */
	if (req->bo->generation != to_ogpu_file(bind->file)->generation)
		return -EBADMSG;
	if (req->bo->root && &req->bo->root->base != drm_gpuvm_resv_obj(&bind->vm->base))
		return -EINVAL;
	if (check_add_overflow(op->bo_offset, op->size, &end) || end > req->bo->ttm.base.size)
		return -EINVAL;

	return 0;
}

static int ogpu_bind_cmp_spans(const void *a, const void *b)
{
	const struct ogpu_bind_span *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

/* Join what overlaps or touches. */
static void ogpu_bind_make_spans(struct ogpu_bind *bind)
{
	struct ogpu_bind_span *last = bind->spans;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		bind->spans[i].start = bind->reqs[i].va;
		bind->spans[i].end = bind->reqs[i].va + bind->reqs[i].size;
	}
	sort(bind->spans, bind->count, sizeof(*bind->spans), ogpu_bind_cmp_spans, NULL);

	for (i = 1; i < bind->count; i++) {
		if (bind->spans[i].start <= last->end)
			last->end = max(last->end, bind->spans[i].end);
		else
			*++last = bind->spans[i];
	}
	bind->num_spans = last - bind->spans + 1;
}

static int ogpu_bind_parse_ops(struct ogpu_bind *bind, const struct drm_ogpu_array *array)
{
	struct drm_ogpu_bind_op op;
	int ret;
	u32 i;

	ret = ogpu_array_check(array, OGPU_BIND_OP_MIN_SIZE, 1, DRM_OGPU_MAX_BIND_OPS);
	if (ret)
		return ret;

	ret = ogpu_bind_reserve(bind, array->count);
	if (ret)
		return ret;

	for (i = 0; i < array->count; i++) {
		if (i % OGPU_BIND_LOOK == OGPU_BIND_LOOK - 1) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		ret = ogpu_array_copy_part(array, sizeof(op), i, 1, &op);
		if (!ret)
			ret = ogpu_bind_parse_op(bind, &op);
		if (ret)
			return ret;
	}

	if (bind->count > 1) {
		bind->spans = kvmalloc_array(bind->count, sizeof(*bind->spans),
					     GFP_KERNEL_ACCOUNT);
		if (!bind->spans)
			return -ENOMEM;
	}
	ogpu_bind_make_spans(bind);

	return 0;
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

	return ogpu_syncs_parse(bind->file, array, NULL, bind->sync_ops, &bind->syncs);
}

/*
 * Order
 */

/* Wait for earlier calls, which may wait for anybody, while this one can still be restarted. */
static int ogpu_bind_wait_earlier(struct ogpu_vm *vm)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	struct dma_fence *last;
	long ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	last = dma_fence_get(vm->lines[OGPU_BIND_LINE_USER].last);
	dma_resv_unlock(resv);

	ret = last ? dma_fence_wait(last, true) : 0;
	dma_fence_put(last);

	return ret;
}

static int ogpu_bind_locked(struct ogpu_bind *bind)
{
	int ret, idx;

	if (!ogpu_device_enter(bind->vm->odev, &idx))
		return -ENODEV;
	ret = ogpu_bind_change(bind);
	ogpu_device_exit(bind->vm->odev, idx);

	return ret;
}

static int ogpu_bind_run(struct ogpu_bind *bind)
{
	struct ogpu_vm *vm = bind->vm;
	int ret;

	if (!bind->async) {
		ret = ogpu_syncs_wait(&bind->syncs);
		if (!ret)
			ret = ogpu_bind_wait_earlier(vm);
		if (ret)
			return ret;
	}

	ret = mutex_lock_interruptible(&vm->bind_lock);
	if (ret)
		return ret;
	ret = ogpu_bind_locked(bind);
	mutex_unlock(&vm->bind_lock);

	/*
	 * The change is made, and only who is to die does not wait for it. What is left are clears
	 * and moves of buffers. If it fails the card is being reset, which the next call tells.
	 */
	if (!ret && !bind->async && bind->fence)
		ogpu_fence_wait_killable(bind->fence);
	if (!ret && bind->userptrs && vm->preempt)
		ogpu_preempt_renew(vm->preempt);

	return ret;
}

static void ogpu_bind_init(struct ogpu_bind *bind, struct drm_file *file, bool async)
{
	*bind = (struct ogpu_bind) { .file = file, .async = async };
	bind->reqs = &bind->one_req;
	bind->room = 1;
	bind->spans = &bind->one_span;
}

static void ogpu_bind_fini(struct ogpu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		ogpu_bo_put(bind->reqs[i].bo);
		ogpu_userptr_put(bind->reqs[i].userptr);
	}
	if (bind->reqs != &bind->one_req)
		kvfree(bind->reqs);
	if (bind->spans != &bind->one_span)
		kvfree(bind->spans);
	ogpu_syncs_fini(&bind->syncs);
	kvfree(bind->sync_ops);
	dma_fence_put(bind->fence);
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
	struct ogpu_bind bind;
	int ret;

	if (args->flags & ~DRM_OGPU_VM_BIND_ASYNC)
		return -EINVAL;

	ogpu_bind_init(&bind, file, args->flags & DRM_OGPU_VM_BIND_ASYNC);
	bind.vm = ogpu_vm_lookup(to_ogpu_file(file), args->vm_id);
	if (!bind.vm)
		return -ENOENT;

	ret = ogpu_pt_mem_is_lost(&bind.vm->pt_mem) ? -EBADMSG : 0;
	if (!ret)
		ret = ogpu_bind_parse_ops(&bind, &args->ops);
	if (!ret)
		ret = ogpu_bind_parse_syncs(&bind, &args->syncs);
	if (!ret)
		ret = ogpu_bind_run(&bind);
	ogpu_bind_fini(&bind);

	return ret;
}
