// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND: locks, the tree of addresses, and the job that makes page tables of it.
 *
 * Cost and memory of a call are bounded: by the number of mappings that exist where it changes
 * something, which are counted while they are locked, and by the tables that it takes. Both are
 * looked at once for each address, however often operations of the call name it: the job is made
 * from the tree as it is at the end.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/ogpu_drm.h>

#include "ogpu_bind.h"
#include "ogpu_bind_priv.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_preempt.h"
#include "ogpu_sync.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

/* How often to look whether somebody wants the caller dead. */
#define OGPU_BIND_LOOK		256

/* An address space may map as much as this times what buffers can have, or so many bytes. */
#define OGPU_BIND_MAX_TIMES	8
#define OGPU_BIND_MAX_BYTES	(64ull << 30)

/* Tables that are in store before a call, so that small ones find what they need. */
#define OGPU_BIND_STORE		8

/* Returns -EINTR if somebody wants the caller dead; looked at now and then only. */
static int ogpu_bind_look(u32 count)
{
	if (count % OGPU_BIND_LOOK)
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	return 0;
}

/*
 * Lock
 */

/* What is private to the address space is locked with it. */
static int ogpu_bind_lock_obj(struct ogpu_bind *bind, struct drm_gem_object *obj,
			      struct drm_gem_object **before)
{
	if (!obj || obj == *before || obj->resv == drm_gpuvm_resv(&bind->vm->base))
		return 0;
	*before = obj;

	return drm_exec_prepare_obj(&bind->exec, obj, 1);
}

/* The buffers of mappings that are changed. */
static int ogpu_bind_lock_spans(struct ogpu_bind *bind)
{
	struct drm_gem_object *before = NULL;
	struct drm_gpuva *va;
	u32 i, count = 0;
	int ret;

	bind->replaced = 0;
	for (i = 0; i < bind->num_spans; i++) {
		struct ogpu_bind_span *span = &bind->spans[i];

		drm_gpuvm_for_each_va_range(va, &bind->vm->base, span->start, span->end) {
			if (++count > DRM_OGPU_MAX_BIND_MAPPINGS)
				return -E2BIG;
			bind->replaced += va->va.range;
			ret = ogpu_bind_lock_obj(bind, va->gem.obj, &before);
			if (!ret)
				ret = ogpu_bind_look(count);
			if (ret)
				return ret;
		}
	}

	return 0;
}

/* And those that are mapped. */
static int ogpu_bind_lock_all(struct ogpu_bind *bind)
{
	struct drm_gem_object *before = NULL;
	int ret;
	u32 i;

	ret = drm_gpuvm_prepare_vm(&bind->vm->base, &bind->exec, 1);
	for (i = 0; i < bind->count && !ret; i++) {
		if (bind->reqs[i].bo)
			ret = ogpu_bind_lock_obj(bind, &bind->reqs[i].bo->ttm.base, &before);
	}

	return ret ?: ogpu_bind_lock_spans(bind);
}

static int ogpu_bind_validate(struct ogpu_bind *bind)
{
	struct ogpu_bo *before = NULL;
	int ret = 0;
	u32 i;

	for (i = 0; i < bind->count && !ret; i++) {
		struct ogpu_bo *bo = bind->reqs[i].bo;

		if (bo && bo != before)
			ret = ogpu_bo_validate(bo, &bind->try);
		if (!ret)
			ret = ogpu_bind_look(i + 1);
		before = bo;
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
		ret = ogpu_bind_lock_all(bind);
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
		cond_resched();
	}
}

static struct ogpu_va *ogpu_va_new(u64 prot)
{
	struct ogpu_va *va = kzalloc_obj(*va, GFP_KERNEL_ACCOUNT);

	if (va)
		va->prot = prot;

	return va;
}

/* A part of a mapping that stays: page tables know as much of it as of the whole. */
static struct ogpu_va *ogpu_va_part(const struct ogpu_va *old)
{
	struct ogpu_va *va = ogpu_va_new(old->prot);

	if (va) {
		va->userptr = old->userptr;
		va->seqno = old->seqno;
		va->moves = old->moves;
	}

	return va;
}

static int ogpu_bind_stage_remap(struct ogpu_va_op *op)
{
	struct ogpu_va *old = to_ogpu_va(op->base.remap.unmap->va);

	if (op->base.remap.prev) {
		op->new = ogpu_va_part(old);
		if (!op->new)
			return -ENOMEM;
	}
	if (op->base.remap.next) {
		op->next = ogpu_va_part(old);
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
		op->new->userptr = req->userptr;
		if (req->bo)
			op->new->moves = req->bo->moves;
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

	if (!req->prot)
		return drm_gpuvm_sm_unmap_ops_create(&bind->vm->base, req->va, req->size);

	return drm_gpuvm_sm_map_ops_create(&bind->vm->base, &map);
}

static int ogpu_bind_stage_req(struct ogpu_bind *bind, struct ogpu_bind_req *req)
{
	struct drm_gpuva_ops *ops;
	struct drm_gpuva_op *op;
	u32 count = 0;
	int ret;

	ops = ogpu_bind_make_ops(bind, req);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	req->ops = ops;

	drm_gpuva_for_each_op(op, ops) {
		ret = ogpu_bind_stage_op(bind, req, to_ogpu_va_op(op));
		if (!ret)
			ret = ogpu_bind_look(++count);
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

	vm_bo = ogpu_vm_obtain_bo(bind->vm, obj);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	req->vm_bo = vm_bo;

	return list_empty(&vm_bo->list.gpuva) ? ogpu_bind_copy_fences(bind->vm, obj->resv) : 0;
}

static int ogpu_bind_fill_va(struct ogpu_bind_job *job, struct drm_gpuva *va)
{
	struct ogpu_bo *bo = va->gem.obj ? gem_to_ogpu_bo(va->gem.obj) : NULL;
	u64 prot = to_ogpu_va(va)->prot;

	if (to_ogpu_va(va)->userptr)
		return ogpu_bind_job_map_userptr(job, va->va.addr, va->va.range, prot,
						 to_ogpu_va(va)->userptr);

	return ogpu_bind_job_map(job, va->va.addr, va->va.range, prot, bo, va->gem.offset);
}

/* The tree is as it will be: what it says of the span goes into the page tables. */
static int ogpu_bind_fill_span(struct ogpu_bind *bind, const struct ogpu_bind_span *span)
{
	struct ogpu_bind_job *job = bind->job;
	u64 at = span->start;
	struct drm_gpuva *va;
	int ret;

	drm_gpuvm_for_each_va_range(va, &bind->vm->base, span->start, span->end) {
		if (at != va->va.addr) {
			ret = ogpu_bind_job_unmap(job, at, va->va.addr - at);
			if (ret)
				return ret;
		}
		ret = ogpu_bind_fill_va(job, va);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		if (ret)
			return ret;
		cond_resched();
		at = va->va.addr + va->va.range;
	}

	return at == span->end ? 0 : ogpu_bind_job_unmap(job, at, span->end - at);
}

/* Is something mapped beside an end of a span that may be in one large page with what was in it? */
static bool ogpu_bind_is_cut(struct ogpu_vm *vm, u64 va, bool below)
{
	u64 page = ALIGN_DOWN(va, OGPU_PAGE_2M);
	u64 start = below ? page : va;
	u64 end = below ? va : page + OGPU_PAGE_2M;

	return va != page && drm_gpuva_find_first(&vm->base, start, end - start);
}

static int ogpu_bind_fill(struct ogpu_bind *bind)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < bind->num_spans && !ret; i++) {
		const struct ogpu_bind_span *span = &bind->spans[i];

		if (ogpu_bind_is_cut(bind->vm, span->start, true))
			ogpu_bind_job_cut(bind->job, span->start);
		ret = ogpu_bind_fill_span(bind, span);
		if (ogpu_bind_is_cut(bind->vm, span->end, false))
			ogpu_bind_job_cut(bind->job, span->end);
	}
	if (ret)
		return ret;

	bind->tables = bind->job->need.leaf + bind->job->need.inner;
	/* Those in VRAM are better, and can be had before anything is locked. */
	if (bind->tables > READ_ONCE(bind->vm->pt_mem.free) && !bind->tables_tried)
		return -ENOBUFS;

	return ogpu_bind_job_prepare(bind->job);
}

/* What is mapped has to be looked at page by page when it moves. */
static int ogpu_bind_check_bytes(struct ogpu_bind *bind)
{
	struct ogpu_mem *mem = bind->vm->odev->mem;
	u64 bytes = bind->vm->bytes;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		if ((bind->reqs[i].bo || bind->reqs[i].userptr) &&
		    check_add_overflow(bytes, bind->reqs[i].size, &bytes))
			return -ENOSPC;
	}

	if (bytes == bind->vm->bytes || bytes <= OGPU_BIND_MAX_BYTES)
		return 0;

	return bytes / OGPU_BIND_MAX_TIMES <= mem->vram.base.size + mem->tt.size ? 0 : -ENOSPC;
}

static int ogpu_bind_stage(struct ogpu_bind *bind)
{
	struct drm_gem_object *obj;
	int ret = ogpu_bind_check_bytes(bind);
	u32 i;

	for (i = 0; i < bind->count && !ret; i++) {
		if (bind->reqs[i].bo)
			ret = ogpu_bind_prepare_bo(bind, &bind->reqs[i]);
	}
	for (i = 0; i < bind->count && !ret; i++) {
		ret = ogpu_bind_stage_req(bind, &bind->reqs[i]);
		if (!ret)
			ret = ogpu_bind_look(i + 1);
	}
	if (!ret)
		ret = ogpu_bind_fill(bind);
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

static bool ogpu_bind_has_memory(const struct drm_gpuva *base)
{
	return base->gem.obj || container_of(base, struct ogpu_va, base)->userptr;
}

/* From @start to @end nothing is left of it. */
static void ogpu_bind_commit_old(struct ogpu_vm *vm, struct drm_gpuva *va, u64 start, u64 end)
{
	struct ogpu_userptr *userptr = to_ogpu_va(va)->userptr;

	if (userptr) {
		ogpu_userptr_cut(userptr, start, end);
		ogpu_userptr_unlink(userptr);
	}
	vm->bytes -= ogpu_bind_has_memory(va) ? va->va.range : 0;
	vm->mappings--;
	if (va->vm_bo && (to_ogpu_va(va)->prot & OGPU_PTE_WRITE))
		to_ogpu_vm_bo(va->vm_bo)->writable--;
	drm_gpuva_unlink(va);
	kfree(to_ogpu_va(va));
}

static void ogpu_bind_commit_new(struct ogpu_vm *vm, struct ogpu_va *va, struct drm_gpuvm_bo *vm_bo)
{
	if (!va)
		return;
	drm_gpuva_link(&va->base, vm_bo);
	vm->mappings++;
	vm->bytes += ogpu_bind_has_memory(&va->base) ? va->base.va.range : 0;
	if (va->userptr)
		ogpu_userptr_link(va->userptr);
	if (vm_bo && (va->prot & OGPU_PTE_WRITE))
		to_ogpu_vm_bo(vm_bo)->writable++;
}

static u64 ogpu_bind_remap_start(const struct drm_gpuva_op_remap *remap)
{
	return remap->prev ? remap->prev->va.addr + remap->prev->va.range :
			     remap->unmap->va->va.addr;
}

static u64 ogpu_bind_remap_end(const struct drm_gpuva_op_remap *remap)
{
	const struct drm_gpuva *old = remap->unmap->va;

	return remap->next ? remap->next->va.addr : old->va.addr + old->va.range;
}

static void ogpu_bind_commit_op(struct ogpu_bind *bind, struct ogpu_bind_req *req,
				struct ogpu_va_op *op, u64 seqno)
{
	struct ogpu_vm *vm = bind->vm;
	struct drm_gpuva *old;

	switch (op->base.op) {
	case DRM_GPUVA_OP_MAP:
		op->new->seqno = seqno;
		ogpu_bind_commit_new(vm, op->new, req->vm_bo);
		if (req->vm_bo)
			drm_gpuvm_bo_extobj_add(req->vm_bo);
		break;
	case DRM_GPUVA_OP_REMAP:
		old = op->base.remap.unmap->va;
		ogpu_bind_commit_new(vm, op->new, old->vm_bo);
		ogpu_bind_commit_new(vm, op->next, old->vm_bo);
		ogpu_bind_commit_old(vm, old, ogpu_bind_remap_start(&op->base.remap),
				     ogpu_bind_remap_end(&op->base.remap));
		break;
	default:
		old = op->base.unmap.va;
		ogpu_bind_commit_old(vm, old, old->va.addr, old->va.addr + old->va.range);
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

static void ogpu_bind_commit_tree(struct ogpu_bind *bind, u64 seqno)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct ogpu_bind_req *req = &bind->reqs[i];
		struct drm_gpuva_op *op;

		drm_gpuva_for_each_op(op, req->ops)
			ogpu_bind_commit_op(bind, req, to_ogpu_va_op(op), seqno);
		drm_gpuva_ops_free(&bind->vm->base, req->ops);
		req->ops = NULL;
		cond_resched();
	}
}

static void ogpu_bind_commit(struct ogpu_bind *bind)
{
	struct drm_gem_object *obj;
	struct dma_fence *fence;
	bool done;

	done = ogpu_bind_job_do_now(bind->job, bind->replaced);
	fence = done ? dma_fence_get_stub() : dma_fence_get(ogpu_bind_job_arm(bind->job));

	/* Before buffers lose their mappings, with which they may go: their memory must stay. */
	drm_exec_for_each_locked_object(&bind->exec, obj) {
		if (!done)
			dma_resv_add_fence(obj->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	}
	ogpu_bind_commit_tree(bind, done ? 0 : fence->seqno);
	drm_exec_for_each_locked_object(&bind->exec, obj) {
		if (bind->vm->preempt)
			ogpu_bind_forget_bo(bind->vm, obj, fence);
	}
	ogpu_syncs_signal(&bind->syncs, fence);

	if (done) {
		ogpu_bind_job_abort(bind->job);
		dma_fence_put(fence);
	} else {
		ogpu_bind_job_push(bind->job);
		bind->fence = fence;
	}
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

/* What a synchronous call waits for it has waited for. */
static int ogpu_bind_add_deps(struct ogpu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->syncs.count && bind->async; i++) {
		const struct ogpu_sync *op = &bind->syncs.ops[i];
		struct dma_fence *fence;
		int ret;

		if (ogpu_sync_is_signal(op))
			continue;

		fence = ogpu_sync_find_fence(op);
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

/* All dma_resv are locked. */
static int ogpu_bind_try_locked(struct ogpu_bind *bind)
{
	struct dma_fence *rebind = bind->vm->lines[OGPU_BIND_LINE_REBIND].last;
	int ret;

	ret = ogpu_sched_job_add_dep(&bind->job->base, dma_fence_get(rebind));
	if (!ret)
		ret = ogpu_bind_stage(bind);
	if (!ret)
		ogpu_bind_commit(bind);
	else
		ogpu_bind_unstage(bind);
	ogpu_bind_put_vm_bos(bind);

	return ret;
}

/* After an error nothing is locked and nothing has changed. */
static int ogpu_bind_try(struct ogpu_bind *bind)
{
	int ret;

	bind->placed = false;
	bind->job = ogpu_bind_job_create(bind->vm, OGPU_BIND_LINE_USER, bind->count,
					 bind->file->client_id);
	if (IS_ERR(bind->job))
		return PTR_ERR(bind->job);

	ret = ogpu_bind_add_deps(bind);
	if (!ret)
		ret = ogpu_bind_lock(bind);
	bind->placed = !ret;
	if (!ret) {
		ret = ogpu_bind_try_locked(bind);
		drm_exec_fini(&bind->exec);
	}
	if (ret)
		ogpu_bind_job_abort(bind->job);

	return ret;
}

static int ogpu_bind_try_placed(struct ogpu_bind *bind)
{
	struct ogpu_device *odev = bind->vm->odev;
	int ret, room;
	bool again;

	do {
		ret = ogpu_mem_begin(odev, &bind->try);
		if (ret)
			return ret;
		ret = ogpu_bind_try(bind);
		/* What is missing after that nobody has to make room for. */
		room = ret && bind->placed ? -ECANCELED : ret;
		again = ogpu_mem_retry(odev, &bind->try, &room);
		/* A wait for room may have been interrupted. */
		if (room != -ECANCELED)
			ret = room;
	} while (again);

	if (!ret)
		ogpu_mem_end(odev);

	return ret;
}

/**
 * ogpu_bind_change() - change mappings, as far as that is possible now
 * @bind: the call
 *
 * Under vm->bind_lock, in ogpu_device_enter(). After success @bind->fence tells when it is done.
 *
 * Return: 0, or an error: then nothing has changed.
 */
int ogpu_bind_change(struct ogpu_bind *bind)
{
	struct ogpu_vm *vm = bind->vm;
	int ret;

	/* Who has waited in this call may have done so throughout a reset. */
	if (ogpu_vm_is_stale(vm))
		return -ENODEV;

	/* Without a store it works as well, if it needs none: to unmap. */
	ret = ogpu_pt_mem_fill(&vm->pt_mem, OGPU_BIND_STORE);
	if (ret == -EINTR)
		return ret;

	ret = ogpu_bind_try_placed(bind);
	if (ret == -ENOBUFS) {
		bind->tables_tried = true;
		ret = ogpu_pt_mem_fill(&vm->pt_mem, bind->tables);
		if (ret != -EINTR)
			ret = ogpu_bind_try_placed(bind);
		ogpu_pt_mem_shrink(&vm->pt_mem);
	}

	return ret;
}
