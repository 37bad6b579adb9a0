// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * GPU address spaces: their life, their faults, and how SUBMIT uses them.
 *
 * DOC: Address spaces and moving buffers
 *
 * Page tables may point to where a buffer was before it was moved. That is harmless as long as
 * everyone who can follow them is waited for before the old place is reused:
 *
 * - The fence of each job is put into the dma_resv of all buffers that are mapped, and a move
 *   waits for these.
 * - When a buffer is mapped, the fences of jobs that are already under way are added to its
 *   dma_resv (ogpu_bind.c), because they can see it from then on.
 * - The fence of a bind job is in the dma_resv of all buffers that it maps or unmaps, so that their
 *   memory stays what it is until the page tables are changed.
 * - In an address space of the long-running kind there are no jobs whose end is known. There all
 *   mapped buffers have a fence that signals when nothing executes any more (ogpu_preempt.c).
 * - A job that is submitted after a move waits for the bind job that renews the entries
 *   (ogpu_vm_rebind()), which in turn waits for the move.
 *
 * Buffers that are private to an address space share its dma_resv. So as long as all that is mapped
 * is private and nothing has moved, a job costs the same however many buffers there are.
 */
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "ogpu_array.h"
#include "ogpu_bind.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_file.h"
#include "ogpu_lockdep.h"
#include "ogpu_mmu.h"
#include "ogpu_preempt.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

/* Page tables of one file may take this part of visible VRAM: enough to map 100 times its size. */
#define OGPU_VM_PT_SHARE	4

/* Bytes of a fault in version 0.1. */
#define OGPU_FAULT_MIN_SIZE	24
static_assert(sizeof(struct drm_ogpu_fault) >= OGPU_FAULT_MIN_SIZE);

/*
 * Memory of page tables
 */

/* Tables are carved out of buffers of the smallest size that VRAM is given out in. */
struct ogpu_vm_chunk {
	struct list_head link;
	struct ogpu_bo *bo;
};

static void ogpu_pt_budget_release(struct kref *ref)
{
	kfree(container_of(ref, struct ogpu_pt_budget, ref));
}

static struct ogpu_bo *ogpu_vm_chunk_bo(struct ogpu_vm *vm)
{
	struct ogpu_bo *bo;

	if (atomic64_sub_return(OGPU_PAGE_64K, &vm->budget->left) < 0)
		bo = ERR_PTR(-ENOSPC);
	else
		bo = ogpu_bo_create_pinned(vm->odev, OGPU_PAGE_64K);
	if (IS_ERR(bo))
		atomic64_add(OGPU_PAGE_64K, &vm->budget->left);

	return bo;
}

static int ogpu_vm_pt_alloc(void *priv, struct ogpu_pt_table *table)
{
	struct ogpu_vm *vm = priv;
	struct ogpu_vm_chunk *chunk;

	chunk = list_first_entry_or_null(&vm->pt_chunks, struct ogpu_vm_chunk, link);
	if (!chunk || vm->pt_used == chunk->bo->ttm.base.size) {
		struct ogpu_bo *bo;

		chunk = kzalloc_obj(*chunk);
		if (!chunk)
			return -ENOMEM;

		bo = ogpu_vm_chunk_bo(vm);
		if (IS_ERR(bo)) {
			kfree(chunk);
			return PTR_ERR(bo);
		}

		chunk->bo = bo;
		list_add(&chunk->link, &vm->pt_chunks);
		vm->pt_used = 0;
	}

	table->addr = FIELD_GET(OGPU_OPERAND_ADDR, ogpu_bo_operand(chunk->bo)) + vm->pt_used;
	table->mem = (void __force *)chunk->bo->iomem + vm->pt_used;
	vm->pt_used += OGPU_PT_SIZE;

	return 0;
}

static void ogpu_vm_pt_write(struct ogpu_pt_table *table, unsigned int index, unsigned int count,
			     u64 pte, u64 step)
{
	void __iomem *entry = (void __iomem __force *)table->mem + index * sizeof(u64);

	for (; count; count--) {
		writeq(pte, entry);
		entry += sizeof(u64);
		pte += step;
	}
}

static u64 ogpu_vm_pt_read(struct ogpu_pt_table *table, unsigned int index)
{
	return readq((void __iomem __force *)table->mem + index * sizeof(u64));
}

static const struct ogpu_pt_ops ogpu_vm_pt_ops = {
	.alloc = ogpu_vm_pt_alloc,
	.write = ogpu_vm_pt_write,
	.read = ogpu_vm_pt_read,
};

static void ogpu_vm_pt_fini(struct ogpu_vm *vm)
{
	struct ogpu_vm_chunk *chunk, *next;

	ogpu_pt_fini(&vm->pt);
	list_for_each_entry_safe(chunk, next, &vm->pt_chunks, link) {
		ogpu_bo_put(chunk->bo);
		atomic64_add(OGPU_PAGE_64K, &vm->budget->left);
		kfree(chunk);
	}
	kref_put(&vm->budget->ref, ogpu_pt_budget_release);
}

/*
 * Callbacks of drm_gpuvm
 */

static void ogpu_vm_free(struct drm_gpuvm *gpuvm)
{
	struct ogpu_vm *vm = to_ogpu_vm(gpuvm);

	mutex_destroy(&vm->bind_lock);
	kfree(vm);
}

static struct drm_gpuva_op *ogpu_vm_op_alloc(void)
{
	struct ogpu_va_op *op = kzalloc_obj(*op);

	return op ? &op->base : NULL;
}

static void ogpu_vm_op_free(struct drm_gpuva_op *op)
{
	kfree(to_ogpu_va_op(op));
}

/* For each buffer that has moved: bring it back to where the card can use it, note its mappings. */
static int ogpu_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct ogpu_vm *vm = to_ogpu_vm(vm_bo->vm);
	struct ogpu_bo *bo = gem_to_ogpu_bo(vm_bo->obj);
	struct drm_gpuva *va;
	int ret;

	ret = ogpu_bo_validate(bo);
	if (ret)
		return ret;

	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		ret = ogpu_bind_job_map(vm->rebind, va->va.addr, va->va.range,
					to_ogpu_va(va)->prot, bo, va->gem.offset);
		if (ret)
			return ret;
	}

	return 0;
}

static const struct drm_gpuvm_ops ogpu_vm_ops = {
	.vm_free = ogpu_vm_free,
	.op_alloc = ogpu_vm_op_alloc,
	.op_free = ogpu_vm_op_free,
	.vm_bo_validate = ogpu_vm_bo_validate,
};

/*
 * Life
 */

/*
 * Lock the address space and a buffer, which may have the same dma_resv. Others that lock either,
 * to make room, go on without us, so backing off ends.
 */
static void ogpu_vm_lock_pair(struct ogpu_vm *vm, struct dma_resv *resv,
			      struct ww_acquire_ctx *ticket)
{
	struct dma_resv *first = drm_gpuvm_resv(&vm->base), *second = resv;

	ww_acquire_init(ticket, &reservation_ww_class);
	dma_resv_lock(first, ticket);
	while (second != first && dma_resv_lock(second, ticket) == -EDEADLK) {
		dma_resv_unlock(first);
		swap(first, second);
		dma_resv_lock_slow(first, ticket);
	}
	ww_acquire_done(ticket);
}

static void ogpu_vm_unmap_all(struct ogpu_vm *vm)
{
	struct drm_gpuva *va, *next;

	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		struct drm_gem_object *obj = va->gem.obj;
		struct ww_acquire_ctx ticket;

		drm_gem_object_get(obj);
		down_read(&vm->odev->mem->validate_lock);
		ogpu_vm_lock_pair(vm, obj->resv, &ticket);

		drm_gpuva_remove(va);
		drm_gpuva_unlink(va);
		kfree(to_ogpu_va(va));

		if (obj->resv != drm_gpuvm_resv(&vm->base))
			dma_resv_unlock(obj->resv);
		dma_resv_unlock(drm_gpuvm_resv(&vm->base));
		ww_acquire_fini(&ticket);
		ogpu_mem_end(vm->odev);
		drm_gem_object_put(obj);
		cond_resched();
	}
}

static void ogpu_vm_destroy_work(struct work_struct *work)
{
	struct ogpu_vm *vm = container_of(work, struct ogpu_vm, destroy_work);
	struct ogpu_device *odev = vm->odev;

	/*
	 * All jobs are over, because they were users. First hardware may find the page tables no
	 * more, then they may go, and the buffers that were mapped.
	 */
	ogpu_preempt_destroy(vm->preempt);
	if (vm->asid)
		ogpu_mmu_as_free(odev, vm->asid);

	ogpu_vm_unmap_all(vm);
	ogpu_vm_pt_fini(vm);
	ogpu_sched_put(vm->sched);
	dma_fence_put(vm->last_bind);
	dma_fence_put(vm->last_rebind);
	drm_gpuvm_put(&vm->base);
}

static void ogpu_vm_release(struct kref *kref)
{
	struct ogpu_vm *vm = container_of(kref, struct ogpu_vm, users);

	queue_work(ogpu_sched_wq(), &vm->destroy_work);
}

/**
 * ogpu_vm_get() - become a user of an address space
 * @vm: address space that the caller is a user of already
 *
 * Return: @vm.
 */
struct ogpu_vm *ogpu_vm_get(struct ogpu_vm *vm)
{
	kref_get(&vm->users);

	return vm;
}

/**
 * ogpu_vm_put() - stop being a user
 * @vm: address space, or NULL
 *
 * Callable from any context. After the last user has gone the address space is taken down in a
 * worker.
 */
void ogpu_vm_put(struct ogpu_vm *vm)
{
	if (vm)
		kref_put(&vm->users, ogpu_vm_release);
}

/**
 * ogpu_vm_lookup() - find an address space by its uapi id
 * @ofile: whose id it is
 * @id: the id
 *
 * Return: the address space, of which the caller is a user then, or NULL.
 */
struct ogpu_vm *ogpu_vm_lookup(struct ogpu_file *ofile, u32 id)
{
	struct ogpu_vm *vm;

	xa_lock(&ofile->vms);
	vm = xa_load(&ofile->vms, id);
	if (vm)
		ogpu_vm_get(vm);
	xa_unlock(&ofile->vms);

	return vm;
}

/**
 * ogpu_vm_file_open() - prepare a file for address spaces
 * @ofile: file that is being opened
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_vm_file_open(struct ogpu_file *ofile)
{
	struct ogpu_pt_budget *budget = kzalloc_obj(*budget, GFP_KERNEL_ACCOUNT);

	if (!budget)
		return -ENOMEM;

	kref_init(&budget->ref);
	atomic64_set(&budget->left,
		     div_u64(ofile->odev->mem->vram.visible_size, OGPU_VM_PT_SHARE));
	ofile->pt_budget = budget;

	return 0;
}

/**
 * ogpu_vm_file_close() - drop all address spaces of a file
 * @ofile: file that is being closed; its queues have been dropped
 */
void ogpu_vm_file_close(struct ogpu_file *ofile)
{
	struct ogpu_vm *vm;
	unsigned long id;

	xa_for_each(&ofile->vms, id, vm) {
		xa_erase(&ofile->vms, id);
		ogpu_vm_put(vm);
	}
	kref_put(&ofile->pt_budget->ref, ogpu_pt_budget_release);
}

static struct ogpu_vm *ogpu_vm_create(struct ogpu_file *ofile, u32 flags)
{
	struct ogpu_device *odev = ofile->odev;
	struct drm_gem_object *resv_obj;
	struct ogpu_sched *sched;
	struct ogpu_vm *vm;
	int ret;

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	resv_obj = drm_gpuvm_resv_object_alloc(&odev->drm);
	if (!resv_obj) {
		kfree(vm);
		return ERR_PTR(-ENOMEM);
	}

	vm->odev = odev;
	vm->budget = ofile->pt_budget;
	kref_get(&vm->budget->ref);
	kref_init(&vm->users);
	INIT_WORK(&vm->destroy_work, ogpu_vm_destroy_work);
	mutex_init(&vm->bind_lock);
	ogpu_lockdep_class(&vm->bind_lock, OGPU_LOCK_BIND);
	INIT_LIST_HEAD(&vm->pt_chunks);
	spin_lock_init(&vm->faults.lock);
	drm_gpuvm_init(&vm->base, "ogpu", DRM_GPUVM_RESV_PROTECTED, &odev->drm, resv_obj,
		       OGPU_VM_START, OGPU_VM_END - OGPU_VM_START, 0, 0, &ogpu_vm_ops);
	drm_gem_object_put(resv_obj);

	/* From here on everything is undone by taking the address space down. */
	vm->fence_context = dma_fence_context_alloc(1);
	sched = ogpu_sched_create(odev, &ogpu_bind_sched_ops, "ogpu-bind", vm->fence_context);
	if (IS_ERR(sched)) {
		ret = PTR_ERR(sched);
		goto err_put;
	}
	vm->sched = sched;

	ret = ogpu_pt_init(&vm->pt, &ogpu_vm_pt_ops, vm);
	if (ret)
		goto err_put;

	if (flags & DRM_OGPU_VM_LONG_RUNNING) {
		vm->preempt = ogpu_preempt_create(vm);
		if (!vm->preempt) {
			ret = -ENOMEM;
			goto err_put;
		}
	}

	spin_lock(&odev->mem->binds.lock);
	vm->stops = odev->mem->binds.stops;
	spin_unlock(&odev->mem->binds.lock);

	ret = ogpu_mmu_as_alloc(odev, ogpu_pt_root_pte(&vm->pt), &vm->asid);
	if (ret)
		goto err_put;

	return vm;

err_put:
	ogpu_vm_put(vm);
	return ERR_PTR(ret);
}

/*
 * SUBMIT
 */

/*
 * Renew the entries of buffers that have moved. All dma_resv of the address space are locked, but
 * the transaction is still open, because whom TTM evicts is locked with the same ticket.
 */
static int ogpu_vm_rebind(struct drm_gpuvm_exec *exec)
{
	struct ogpu_vm *vm = to_ogpu_vm(exec->vm);
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	struct drm_gpuvm_bo *vm_bo, *next;
	struct ogpu_bind_job *job;
	struct dma_fence *fence;
	int ret;

	if (list_empty(&vm->base.evict.list))
		return 0;

	job = ogpu_bind_job_create(vm, 0, 0);
	if (IS_ERR(job))
		return PTR_ERR(job);

	vm->rebind = job;
	ret = drm_gpuvm_validate(&vm->base, &exec->exec);
	vm->rebind = NULL;
	if (ret)
		goto err_abort;

	/* Moves have used up room for fences. */
	list_for_each_entry(vm_bo, &vm->base.evict.list, list.entry.evict) {
		ret = dma_resv_reserve_fences(vm_bo->obj->resv, exec->num_fences);
		if (ret)
			goto err_abort;
	}

	/* Point of no return. */
	fence = ogpu_bind_job_arm(job);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL);
	dma_fence_put(vm->last_rebind);
	vm->last_rebind = dma_fence_get(fence);
	list_for_each_entry_safe(vm_bo, next, &vm->base.evict.list, list.entry.evict) {
		if (vm_bo->obj->resv != resv)
			dma_resv_add_fence(vm_bo->obj->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
		vm_bo->evicted = false;
		list_del_init(&vm_bo->list.entry.evict);
	}
	ogpu_bind_job_push(job);

	return 0;

err_abort:
	ogpu_bind_job_abort(job);
	return ret;
}

/* Locks an address space of which only private buffers are mapped, none of them moved: -EAGAIN. */
static int ogpu_vm_lock_private(struct ogpu_vm *vm)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	if (list_empty(&vm->base.extobj.list) && list_empty(&vm->base.evict.list))
		ret = dma_resv_reserve_fences(resv, 1);
	else
		ret = -EAGAIN;
	if (ret)
		dma_resv_unlock(resv);

	return ret;
}

/**
 * ogpu_vm_exec_lock() - lock an address space and all its buffers for a job
 * @vm: the address space
 * @exec: what is locked; need not be initialised; unlock with ogpu_vm_exec_unlock()
 *
 * There is room for one fence of the caller's. Buffers that have been evicted are brought back and
 * their page-table entries renewed; this is not waited for. The caller's jobs must wait for all
 * fences of usage DMA_RESV_USAGE_KERNEL of all objects that are locked here.
 *
 * Return: 0 with everything locked; or an error with nothing locked: -ENOSPC: the buffers do not
 * fit into VRAM all at once, -ENOMEM, -ENODEV: card gone, -EINTR or -ERESTARTSYS.
 */
int ogpu_vm_exec_lock(struct ogpu_vm *vm, struct ogpu_vm_exec *exec)
{
	enum ogpu_mem_mode mode = OGPU_MEM_SHARED;
	int ret;

	exec->vm = vm;
	ret = ogpu_vm_lock_private(vm);
	exec->private = !ret;
	if (ret != -EAGAIN)
		return ret;

	do {
		ret = ogpu_mem_begin(vm->odev, mode);
		if (ret)
			return ret;

		exec->all = (struct drm_gpuvm_exec) {
			.vm = &vm->base,
			.flags = DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
			/* The caller's, and one of the bind job. */
			.num_fences = 2,
			.extra.fn = ogpu_vm_rebind,
		};
		ret = drm_gpuvm_exec_lock(&exec->all);
	} while (ogpu_mem_retry(vm->odev, &mode, ret));

	return ret;
}

/**
 * ogpu_vm_exec_unlock() - undo ogpu_vm_exec_lock()
 * @exec: what is locked
 */
void ogpu_vm_exec_unlock(struct ogpu_vm_exec *exec)
{
	if (exec->private) {
		dma_resv_unlock(drm_gpuvm_resv(&exec->vm->base));
		return;
	}

	drm_gpuvm_exec_unlock(&exec->all);
	ogpu_mem_end(exec->vm->odev);
}

/**
 * ogpu_vm_exec_add_fence() - note that a job uses the address space
 * @exec: from ogpu_vm_exec_lock()
 * @fence: of the job
 *
 * The buffers are not moved and their memory not reused before @fence has signalled. Cannot fail.
 */
void ogpu_vm_exec_add_fence(struct ogpu_vm_exec *exec, struct dma_fence *fence)
{
	if (exec->private)
		dma_resv_add_fence(drm_gpuvm_resv(&exec->vm->base), fence,
				   DMA_RESV_USAGE_BOOKKEEP);
	else
		drm_gpuvm_exec_resv_add_fence(&exec->all, fence, DMA_RESV_USAGE_BOOKKEEP,
					      DMA_RESV_USAGE_BOOKKEEP);
}

/*
 * Faults
 */

/**
 * ogpu_vm_record_fault() - remember a fault for VM_GET_FAULTS
 * @vm: address space in which it happened
 * @fault: the fault; its time is set here
 *
 * Process context.
 */
void ogpu_vm_record_fault(struct ogpu_vm *vm, const struct drm_ogpu_fault *fault)
{
	struct drm_ogpu_fault *entry;

	spin_lock(&vm->faults.lock);
	entry = &vm->faults.ring[vm->faults.total++ % OGPU_VM_FAULTS];
	*entry = *fault;
	entry->time_ns = ktime_get_ns();
	spin_unlock(&vm->faults.lock);
}

/*
 * Ioctls
 */

/**
 * ogpu_ioctl_vm_create() - DRM_IOCTL_OGPU_VM_CREATE
 * @drm: the card
 * @data: &struct drm_ogpu_vm_create
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct ogpu_file *ofile = to_ogpu_file(file);
	struct drm_ogpu_vm_create *args = data;
	struct ogpu_vm *vm;
	u32 id;
	int ret;

	if (args->flags & ~DRM_OGPU_VM_LONG_RUNNING)
		return -EINVAL;

	vm = ogpu_vm_create(ofile, args->flags);
	if (vm == ERR_PTR(-ENOSPC)) {
		/* Some may have been dropped already and only wait to be taken down. */
		flush_workqueue(ogpu_sched_wq());
		vm = ogpu_vm_create(ofile, args->flags);
	}
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	ret = xa_alloc(&ofile->vms, &id, vm, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		ogpu_vm_put(vm);
		return ret;
	}
	args->vm_id = id;

	return 0;
}

/**
 * ogpu_ioctl_vm_destroy() - DRM_IOCTL_OGPU_VM_DESTROY
 * @drm: the card
 * @data: &struct drm_ogpu_vm_destroy
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_vm_destroy *args = data;
	struct ogpu_vm *vm;

	if (args->pad)
		return -EINVAL;

	vm = xa_erase(&to_ogpu_file(file)->vms, args->vm_id);
	if (!vm)
		return -ENOENT;
	ogpu_vm_put(vm);

	return 0;
}

/**
 * ogpu_ioctl_vm_get_faults() - DRM_IOCTL_OGPU_VM_GET_FAULTS
 * @drm: the card
 * @data: &struct drm_ogpu_vm_get_faults
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_vm_get_faults(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_vm_get_faults *args = data;
	struct drm_ogpu_fault faults[OGPU_VM_FAULTS];
	struct ogpu_vm *vm;
	u32 total, count, i;
	int ret;

	ret = ogpu_array_check(&args->faults, OGPU_FAULT_MIN_SIZE, 0, U32_MAX);
	if (ret)
		return ret;

	vm = ogpu_vm_lookup(to_ogpu_file(file), args->vm_id);
	if (!vm)
		return -ENOENT;

	spin_lock(&vm->faults.lock);
	total = vm->faults.total;
	count = min3(total, (u32)OGPU_VM_FAULTS, args->faults.count);
	for (i = 0; i < count; i++)
		faults[i] = vm->faults.ring[(total - count + i) % OGPU_VM_FAULTS];
	spin_unlock(&vm->faults.lock);
	ogpu_vm_put(vm);

	ret = ogpu_array_copy_out(&args->faults, sizeof(faults[0]), count, faults);
	if (ret)
		return ret;

	args->total = total;
	args->faults.count = count;

	return 0;
}
