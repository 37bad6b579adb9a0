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
#include <linux/cred.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
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
#include "ogpu_place.h"
#include "ogpu_preempt.h"
#include "ogpu_svm.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

/* Mappings that are removed at a time when an address space goes. */
#define OGPU_VM_UNMAP_BATCH	256

/* Bytes of a fault in version 0.1. */
#define OGPU_FAULT_MIN_SIZE	24
static_assert(sizeof(struct drm_ogpu_fault) >= OGPU_FAULT_MIN_SIZE);

/*
 * Callbacks of drm_gpuvm
 */

static void ogpu_vm_free(struct drm_gpuvm *gpuvm)
{
	struct ogpu_vm *vm = to_ogpu_vm(gpuvm);

	mutex_destroy(&vm->userptrs.populate);
	mutex_destroy(&vm->pt_lock);
	mutex_destroy(&vm->bind_lock);
	kfree(vm);
}

static struct drm_gpuva_op *ogpu_vm_op_alloc(void)
{
	struct ogpu_va_op *op = kzalloc_obj(*op, GFP_KERNEL_ACCOUNT);

	return op ? &op->base : NULL;
}

static void ogpu_vm_op_free(struct drm_gpuva_op *op)
{
	kfree(to_ogpu_va_op(op));
}

/* User space chooses how many there are: have it pay. */
static struct drm_gpuvm_bo *ogpu_vm_bo_alloc(void)
{
	struct ogpu_vm_bo *vm_bo = kzalloc_obj(*vm_bo, GFP_KERNEL_ACCOUNT);

	return vm_bo ? &vm_bo->base : NULL;
}

/* Jobs need all buffers at once: is there room if all others make way? */
static bool ogpu_vm_can_fit(struct ogpu_vm *vm)
{
	struct ogpu_root *root = gem_to_ogpu_root(drm_gpuvm_resv_obj(&vm->base));
	struct ogpu_vram_mgr *vram = &vm->odev->mem->vram;

	return atomic64_read(&root->vram_only) <= ogpu_vram_mgr_room(vram, false) &&
	       atomic64_read(&root->visible_only) <= ogpu_vram_mgr_room(vram, true);
}

/**
 * ogpu_vm_obtain_bo() - say that a buffer is, or will be, in an address space
 * @vm: the address space
 * @obj: the buffer, both locked
 *
 * Return: what stands for it there, with a reference, or an ERR_PTR().
 */
struct drm_gpuvm_bo *ogpu_vm_obtain_bo(struct ogpu_vm *vm, struct drm_gem_object *obj)
{
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_obtain_locked(&vm->base, obj);

	if (!IS_ERR(vm_bo) && !to_ogpu_vm_bo(vm_bo)->counted) {
		ogpu_bo_count(gem_to_ogpu_bo(obj), gem_to_ogpu_root(drm_gpuvm_resv_obj(&vm->base)),
			      true);
		to_ogpu_vm_bo(vm_bo)->counted = true;
	}

	return vm_bo;
}

static void ogpu_vm_bo_free(struct drm_gpuvm_bo *vm_bo)
{
	if (to_ogpu_vm_bo(vm_bo)->counted)
		ogpu_bo_count(gem_to_ogpu_bo(vm_bo->obj),
			      gem_to_ogpu_root(drm_gpuvm_resv_obj(vm_bo->vm)), false);
	kfree(to_ogpu_vm_bo(vm_bo));
}

/* For each buffer that has moved: bring it back to where the card can use it, note its mappings. */
static int ogpu_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct ogpu_vm *vm = to_ogpu_vm(vm_bo->vm);
	struct ogpu_bo *bo = gem_to_ogpu_bo(vm_bo->obj);
	struct drm_gpuva *base;
	bool pending = false;
	int ret;

	ret = ogpu_bo_validate(bo, vm->rebind_try);
	if (ret)
		return ret;

	drm_gpuvm_bo_for_each_va(base, vm_bo) {
		struct ogpu_va *va = to_ogpu_va(base);

		/* Its page tables are right, or will be when its turn comes. */
		if (va->moves == bo->moves)
			continue;

		/* There may be many, of large buffers. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		pending |= va->seqno > READ_ONCE(vm->bound_seqno);
		ret = ogpu_bind_job_map(vm->rebind, base->va.addr, base->va.range, va->prot, bo,
					base->gem.offset);
		if (ret)
			return ret;
	}
	if (!pending)
		return 0;

	/* Was mapped, and has moved since: the move waits for the call that maps it. */
	return ogpu_sched_job_add_dep(&vm->rebind->base,
				      dma_fence_get(vm->lines[OGPU_BIND_LINE_USER].last));
}

static const struct drm_gpuvm_ops ogpu_vm_ops = {
	.vm_free = ogpu_vm_free,
	.op_alloc = ogpu_vm_op_alloc,
	.op_free = ogpu_vm_op_free,
	.vm_bo_alloc = ogpu_vm_bo_alloc,
	.vm_bo_free = ogpu_vm_bo_free,
	.vm_bo_validate = ogpu_vm_bo_validate,
};

/*
 * Life
 */

/*
 * Lock the address space and a buffer, NULL for none, which may have the same dma_resv. Fails only
 * if there is no memory, with nothing locked.
 */
static int ogpu_vm_lock_with(struct ogpu_vm *vm, struct drm_gem_object *obj, struct drm_exec *exec)
{
	int ret;

	drm_exec_init(exec, DRM_EXEC_IGNORE_DUPLICATES, 2);
	drm_exec_until_all_locked(exec) {
		ret = drm_exec_lock_obj(exec, drm_gpuvm_resv_obj(&vm->base));
		if (!ret && obj)
			ret = drm_exec_lock_obj(exec, obj);
		drm_exec_retry_on_contention(exec);
		if (ret) {
			drm_exec_fini(exec);
			return ret;
		}
	}

	return 0;
}

/* Remove the first mappings, as far as they are of buffers that are locked. */
static void ogpu_vm_unmap_some(struct ogpu_vm *vm, struct drm_gem_object *locked)
{
	unsigned int left = OGPU_VM_UNMAP_BATCH;
	struct drm_gpuva *va, *next;

	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		struct drm_gem_object *obj = va->gem.obj;

		if (obj && obj != locked && obj->resv != drm_gpuvm_resv(&vm->base))
			return;

		drm_gpuva_remove(va);
		drm_gpuva_unlink(va);
		if (to_ogpu_va(va)->userptr)
			ogpu_userptr_unlink(to_ogpu_va(va)->userptr);
		kfree(to_ogpu_va(va));
		if (!--left)
			return;
	}
}

/* Nobody uses the address space any more: only eviction still looks at its mappings. */
static void ogpu_vm_unmap_all(struct ogpu_vm *vm)
{
	struct drm_exec exec;
	struct drm_gpuva *va;

	while ((va = drm_gpuva_find_first(&vm->base, OGPU_VM_START, OGPU_VM_END - OGPU_VM_START))) {
		down_read(&vm->odev->mem->validate_lock);
		if (!ogpu_vm_lock_with(vm, va->gem.obj, &exec)) {
			ogpu_vm_unmap_some(vm, va->gem.obj);
			drm_exec_fini(&exec);
		}
		ogpu_mem_end(vm->odev);
		cond_resched();
	}
}

/* Let it wait until the card is stopped, which is sure to come; false: the card has been. */
static bool ogpu_vm_defer(struct ogpu_vm *vm)
{
	struct ogpu_mem_binds *binds = &vm->odev->mem->binds;
	bool wait;

	spin_lock(&binds->lock);
	wait = vm->stops == binds->stops;
	if (wait)
		list_add_tail(&vm->deferred, &binds->vms);
	spin_unlock(&binds->lock);

	return wait;
}

/* With the references that ogpu_vm_destroy_work() has taken. */
static void ogpu_vm_end_work(struct work_struct *work)
{
	struct ogpu_vm *vm = container_of(work, struct ogpu_vm, end_work);
	struct ogpu_vm_owner *owner = vm->pt_mem.owner;
	struct ogpu_device *odev = vm->odev;
	unsigned int i;

	ogpu_pt_mem_fini(&vm->pt_mem);
	for (i = 0; i < OGPU_BIND_LINES; i++) {
		ogpu_sched_put(vm->lines[i].sched);
		dma_fence_put(vm->lines[i].last);
	}
	drm_gpuvm_put(&vm->base);
	ogpu_vm_owner_give(owner, OGPU_VM_SHARE_SPACES, 1);
	ogpu_vm_owner_end_dying(owner);
	ogpu_vm_owner_put(owner);
	drm_dev_put(&odev->drm);
}

static void ogpu_vm_destroy_work(struct work_struct *work)
{
	struct ogpu_vm *vm = container_of(work, struct ogpu_vm, destroy_work);
	struct ogpu_vm_owner *owner = ogpu_vm_owner_get(vm->pt_mem.owner);
	struct ogpu_device *odev = vm->odev;

	/* Nothing of the address space may be left that holds it. */
	drm_dev_get(&odev->drm);

	/*
	 * All jobs are over, because they were users. First hardware may find the page tables no
	 * more, then they may go, and the buffers that were mapped. If it cannot be told, the card
	 * is stopped, and this is called again.
	 */
	ogpu_preempt_destroy(vm->preempt);
	vm->preempt = NULL;
	if (vm->asid && ogpu_mmu_as_clear(odev, vm->asid) && ogpu_vm_defer(vm))
		goto out_put;
	if (vm->asid)
		ogpu_mmu_as_free(odev, vm->asid);
	ogpu_svm_destroy(vm);

	ogpu_vm_unmap_all(vm);
	if (ogpu_userptrs_fini(vm))
		queue_work(ogpu_sched_wq(), &vm->end_work);
	return;

out_put:
	ogpu_vm_owner_put(owner);
	drm_dev_put(&odev->drm);
}

static void ogpu_vm_release(struct kref *kref)
{
	struct ogpu_vm *vm = container_of(kref, struct ogpu_vm, users);

	ogpu_vm_owner_begin_dying(vm->pt_mem.owner);
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
	ofile->vm_owner = ogpu_vm_owner_find(ofile->odev, current_euid());

	return ofile->vm_owner ? 0 : -ENOMEM;
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
	ogpu_vm_owner_put(ofile->vm_owner);
}

static int ogpu_vm_create_lines(struct ogpu_vm *vm)
{
	static const char * const names[OGPU_BIND_LINES] = {
		[OGPU_BIND_LINE_USER] = "ogpu-bind",
		[OGPU_BIND_LINE_REBIND] = "ogpu-rebind",
	};
	unsigned int i;

	for (i = 0; i < OGPU_BIND_LINES; i++) {
		u64 context = dma_fence_context_alloc(1);
		struct ogpu_sched *sched;

		sched = ogpu_sched_create(vm->odev, &ogpu_bind_sched_ops, names[i], context);
		if (IS_ERR(sched))
			return PTR_ERR(sched);
		vm->lines[i].context = context;
		vm->lines[i].sched = sched;
	}

	return 0;
}

static int ogpu_vm_start(struct ogpu_vm *vm, struct ogpu_file *ofile, u32 flags)
{
	struct ogpu_device *odev = vm->odev;
	struct ogpu_pt_table *root;
	int ret;

	ret = ogpu_vm_create_lines(vm);
	if (ret)
		return ret;

	root = ogpu_pt_mem_root(&vm->pt_mem);
	if (IS_ERR(root))
		return PTR_ERR(root);
	ogpu_pt_init(&vm->pt, &ogpu_pt_mem_ops, odev->disc.page_sizes, root);

	if (flags & DRM_OGPU_VM_LONG_RUNNING) {
		vm->preempt = ogpu_preempt_create(vm);
		if (!vm->preempt)
			return -ENOMEM;
	}
	if (flags & DRM_OGPU_VM_SVM) {
		bool vram = flags & DRM_OGPU_VM_SVM_VRAM;

		ret = ogpu_svm_create(vm, vram ? ofile->mem_client : NULL);
		if (ret)
			return ret;
	}

	spin_lock(&odev->mem->binds.lock);
	vm->stops = odev->mem->binds.stops;
	spin_unlock(&odev->mem->binds.lock);

	return ogpu_mmu_as_alloc(odev, ofile->generation, ogpu_pt_root_pte(&vm->pt), &vm->asid);
}

static struct ogpu_vm *ogpu_vm_create(struct ogpu_file *ofile, u32 flags)
{
	struct ogpu_device *odev = ofile->odev;
	struct ogpu_root *root;
	struct ogpu_vm *vm;
	int ret = -ENOMEM;

	if (!ogpu_vm_owner_take(ofile->vm_owner, OGPU_VM_SHARE_SPACES, 1))
		return ERR_PTR(-ENOSPC);

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		goto err_give;
	root = ogpu_root_create(odev);
	if (!root)
		goto err_free;

	vm->odev = odev;
	kref_init(&vm->users);
	INIT_WORK(&vm->destroy_work, ogpu_vm_destroy_work);
	INIT_WORK(&vm->end_work, ogpu_vm_end_work);
	mutex_init(&vm->bind_lock);
	ogpu_lockdep_class(&vm->bind_lock, OGPU_LOCK_BIND);
	mutex_init(&vm->pt_lock);
	ogpu_lockdep_class(&vm->pt_lock, OGPU_LOCK_PT);
	ogpu_pt_mem_init(&vm->pt_mem, odev, ofile->vm_owner);
	ogpu_userptrs_init(vm);
	spin_lock_init(&vm->faults.lock);
	drm_gpuvm_init(&vm->base, "ogpu", DRM_GPUVM_RESV_PROTECTED, &odev->drm, &root->base,
		       OGPU_VM_START, OGPU_VM_END - OGPU_VM_START, 0, 0, &ogpu_vm_ops);
	drm_gem_object_put(&root->base);

	/* From here on everything is undone by taking the address space down. */
	ret = ogpu_vm_start(vm, ofile, flags);
	if (ret) {
		ogpu_vm_put(vm);
		return ERR_PTR(ret);
	}

	return vm;

err_free:
	kfree(vm);
err_give:
	ogpu_vm_owner_give(ofile->vm_owner, OGPU_VM_SHARE_SPACES, 1);
	return ERR_PTR(ret);
}

/*
 * SUBMIT
 */

/* How often it is looked whether there is room in VRAM for buffers that would rather be there. */
#define OGPU_VM_RECALL_MS	100

/* Under the dma_resv. Returns true once after memory was freed, if some time has passed. */
static bool ogpu_vm_may_recall(struct ogpu_vm *vm)
{
	u32 frees = READ_ONCE(vm->odev->mem->vram.frees);

	if (vm->frees == frees ||
	    time_before(jiffies, vm->recalled + msecs_to_jiffies(OGPU_VM_RECALL_MS)))
		return false;
	vm->recalled = jiffies;
	vm->frees = frees;

	return true;
}

/* Have private buffers that are not in VRAM validated again; under the dma_resv. */
static void ogpu_vm_recall_private(struct ogpu_vm *vm)
{
	struct ogpu_root *root = gem_to_ogpu_root(drm_gpuvm_resv_obj(&vm->base));
	struct ogpu_bo *bo;

	if (list_empty(&root->away) || !ogpu_vm_may_recall(vm))
		return;
	list_for_each_entry(bo, &root->away, away)
		drm_gpuvm_bo_gem_evict(&bo->ttm.base, true);
}

/* The same for all buffers. Returns whether there are any. */
static bool ogpu_vm_recall_all(struct ogpu_vm *vm, struct drm_exec *exec)
{
	struct drm_gem_object *root = drm_gpuvm_resv_obj(&vm->base), *obj;
	bool may = ogpu_vm_may_recall(vm), any = false;

	drm_exec_for_each_locked_object(exec, obj) {
		if (!may || obj == root || !gem_to_ogpu_bo(obj)->is_away)
			continue;
		drm_gpuvm_bo_gem_evict(obj, true);
		any = true;
	}

	return any;
}

/*
 * Renew the entries of buffers that have moved, and of memory that programs have changed. This does
 * not wait for calls of VM_BIND that wait for something: where such a call will change a mapping,
 * the tree of addresses says so already, and what is not in the tree is left alone. Calls that come
 * later wait for this.
 *
 * All dma_resv of the address space are locked, but
 * the transaction is still open, because whom TTM evicts is locked with the same ticket.
 */
static int ogpu_vm_rebind(struct drm_gpuvm_exec *exec)
{
	struct ogpu_vm *vm = to_ogpu_vm(exec->vm);
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	struct drm_gpuvm_bo *vm_bo, *next;
	struct ogpu_bind_job *job;
	struct dma_fence *fence;
	struct drm_gpuva *va;
	bool moved;
	int ret;

	/* They may be placed only by who said before that he would. */
	if (!container_of(exec, struct ogpu_vm_exec, all)->placed &&
	    (!list_empty(&vm->base.evict.list) || ogpu_vm_recall_all(vm, &exec->exec)))
		return -ESTALE;
	moved = !list_empty(&vm->base.evict.list);
	if (!moved && ogpu_userptrs_are_bound(vm))
		return 0;

	job = ogpu_bind_job_create(vm, OGPU_BIND_LINE_REBIND, 0, 0);
	if (IS_ERR(job))
		return PTR_ERR(job);

	vm->rebind = job;
	vm->rebind_try = &container_of(exec, struct ogpu_vm_exec, all)->try;
	ret = drm_gpuvm_validate(&vm->base, &exec->exec);
	vm->rebind = NULL;
	vm->rebind_try = NULL;
	if (!ret)
		ret = ogpu_userptrs_fill(vm, job);
	if (!ret)
		ret = ogpu_bind_job_prepare(job);
	if (ret || (!moved && !job->count))
		goto out_abort;

	/* What nobody has to wait for. */
	if (!moved && ogpu_bind_job_do_now(job, 0)) {
		ogpu_userptrs_bind(vm, job);
		goto out_abort;
	}

	/* Moves have used up room for fences. */
	list_for_each_entry(vm_bo, &vm->base.evict.list, list.entry.evict) {
		ret = dma_resv_reserve_fences(vm_bo->obj->resv, exec->num_fences);
		if (ret)
			goto out_abort;
	}

	/* Point of no return. */
	fence = ogpu_bind_job_arm(job);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL);
	list_for_each_entry_safe(vm_bo, next, &vm->base.evict.list, list.entry.evict) {
		if (vm_bo->obj->resv != resv)
			dma_resv_add_fence(vm_bo->obj->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
		drm_gpuvm_bo_for_each_va(va, vm_bo)
			to_ogpu_va(va)->moves = gem_to_ogpu_bo(vm_bo->obj)->moves;
		vm_bo->evicted = false;
		list_del_init(&vm_bo->list.entry.evict);
	}
	ogpu_userptrs_bind(vm, job);
	ogpu_bind_job_push(job);

	return 0;

out_abort:
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

	ogpu_vm_recall_private(vm);
	if (list_empty(&vm->base.extobj.list) && list_empty(&vm->base.evict.list) &&
	    ogpu_userptrs_are_bound(vm))
		ret = dma_resv_reserve_fences(resv, 1);
	else
		ret = -EAGAIN;
	if (ret)
		dma_resv_unlock(resv);

	return ret;
}

/* -ESTALE: buffers have moved, and @exec->placed is not set. */
static int ogpu_vm_lock_all(struct ogpu_vm_exec *exec)
{
	exec->all = (struct drm_gpuvm_exec) {
		.vm = &exec->vm->base,
		.flags = DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		/* The caller's, and one of the bind job. */
		.num_fences = 2,
		.extra.fn = ogpu_vm_rebind,
	};

	return drm_gpuvm_exec_lock(&exec->all);
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
	int ret;

	exec->vm = vm;
	exec->placed = false;
	exec->try = (struct ogpu_mem_try) {};
	ret = ogpu_vm_lock_private(vm);
	exec->private = !ret;
	if (ret != -EAGAIN)
		return ret;

	ret = ogpu_vm_lock_all(exec);
	if (ret != -ESTALE)
		return ret;

	/* Otherwise all others would have to make way for nothing. */
	if (!ogpu_vm_can_fit(vm))
		return -ENOSPC;

	exec->placed = true;
	do {
		ret = ogpu_mem_begin(vm->odev, &exec->try);
		if (ret)
			return ret;
		ret = ogpu_vm_lock_all(exec);
	} while (ogpu_mem_retry(vm->odev, &exec->try, &ret));

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
	if (exec->placed)
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
	struct drm_gem_object *root = drm_gpuvm_resv_obj(&exec->vm->base), *obj;

	ogpu_root_used(gem_to_ogpu_root(root));
	if (exec->private) {
		dma_resv_add_fence(root->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
		return;
	}

	drm_exec_for_each_locked_object(&exec->all.exec, obj) {
		if (obj != root && obj->resv != root->resv)
			ogpu_bo_used(gem_to_ogpu_bo(obj));
	}
	drm_gpuvm_exec_resv_add_fence(&exec->all, fence, DMA_RESV_USAGE_BOOKKEEP,
				      DMA_RESV_USAGE_BOOKKEEP);
}

/**
 * ogpu_vm_exec_next_shared() - go through the buffers that were exported
 * @exec: from ogpu_vm_exec_lock()
 * @before: the last one; NULL: begin
 *
 * Return: the next one, or NULL.
 */
struct ogpu_vm_bo *ogpu_vm_exec_next_shared(struct ogpu_vm_exec *exec, struct ogpu_vm_bo *before)
{
	struct list_head *head = &exec->vm->base.extobj.list;
	struct drm_gpuvm_bo *vm_bo;

	if (exec->private)
		return NULL;

	vm_bo = before ? &before->base :
			 list_entry(head, struct drm_gpuvm_bo, list.entry.extobj);
	list_for_each_entry_continue(vm_bo, head, list.entry.extobj) {
		if (gem_to_ogpu_bo(vm_bo->obj)->shared)
			return to_ogpu_vm_bo(vm_bo);
	}

	return NULL;
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

/* Each needs the one before it. */
static bool ogpu_vm_flags_are_valid(u32 flags)
{
	switch (flags) {
	case 0:
	case DRM_OGPU_VM_LONG_RUNNING:
	case DRM_OGPU_VM_LONG_RUNNING | DRM_OGPU_VM_SVM:
	case DRM_OGPU_VM_LONG_RUNNING | DRM_OGPU_VM_SVM | DRM_OGPU_VM_SVM_VRAM:
		return true;
	default:
		return false;
	}
}

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

	if (!ogpu_vm_flags_are_valid(args->flags))
		return -EINVAL;

	vm = ogpu_vm_create(ofile, args->flags);
	if (vm == ERR_PTR(-ENOSPC)) {
		/* Some may have been dropped already and only wait to be taken down. */
		ret = ogpu_vm_owner_wait_dying(ofile->vm_owner);
		if (ret)
			return ret;
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
