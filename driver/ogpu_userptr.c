// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs in address spaces of the card: life of mappings.
 *
 * DOC: Memory of programs
 *
 * Pages of a program are its own: it unmaps, moves and forks them, and the kernel swaps, migrates
 * and collapses them, whatever the card does. Nothing is pinned. Instead, the kernel tells before
 * it changes any page (ogpu_userptr_notify.c): then the jobs that may use it are waited for, for
 * some time, the page-table entries are cleared, the card forgets them, and the next SUBMIT finds
 * out what pages are there now and writes the entries again.
 *
 * What VM_BIND maps is made of pieces, of at most 16 MiB: whatever is done to one page costs no
 * more than one piece of each mapping, and a lock is held for no more than one.
 *
 * Each piece is one of
 *
 *	empty		no pages are known, no entries are written
 *	ready		pages are known and mapped for DMA: ogpu_userptrs_populate(), before locks
 *	bound		a job has been armed that writes entries for them: ogpu_userptrs_bind()
 *
 * SUBMIT brings all to be bound, and looks once more, under pt_lock, when it makes its job known in
 * the dma_resv: ogpu_userptrs_lock(). An invalidation takes "bound" away under pt_lock first, and
 * then waits for what it finds in the dma_resv. So a job is either waited for, or finds that
 * something is missing and begins anew. In an address space of the long-running kind the preempt
 * fence takes the place of the job.
 *
 * Pages go back only when the card has confirmed that it forgot them, or has been stopped. Once an
 * invalidation of an address space has failed nobody of it gives any back before the latter.
 */
#include <linux/bitmap.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include <drm/drm_managed.h>

#include "ogpu_device.h"
#include "ogpu_preempt.h"
#include "ogpu_sched.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

/**
 * ogpu_userptr_check() - may this be mapped?
 * @vm: address space, of which the caller is a user
 * @addr: first address of the calling program
 * @size: bytes
 * @write: the card may write to it
 *
 * Is all of it memory of the program, with this access? That may change at once.
 *
 * Return: 0, -EFAULT, -EACCES, -E2BIG, -EINTR or -EOPNOTSUPP.
 */
int ogpu_userptr_check(struct ogpu_vm *vm, u64 addr, u64 size, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	u64 at = addr;
	int ret;

	VMA_ITERATOR(vmi, mm, addr);

	if (!ogpu_userptr_is_supported(vm->odev))
		return -EOPNOTSUPP;
	if (size > OGPU_USERPTR_MAX_SIZE)
		return -E2BIG;
	if (!access_ok(u64_to_user_ptr(addr), size))
		return -EFAULT;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	for_each_vma_range(vmi, vma, addr + size) {
		if (vma->vm_start > at || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
			break;
		if (!(vma->vm_flags & VM_READ) || (write && !(vma->vm_flags & VM_WRITE))) {
			ret = -EACCES;
			break;
		}
		at = vma->vm_end;
	}
	mmap_read_unlock(mm);

	return ret ?: at < addr + size ? -EFAULT : 0;
}

/* Waits for the kernel's changes of that program; on a workqueue that nobody waits for. */
static void ogpu_userptr_release_work(struct work_struct *work)
{
	struct ogpu_userptr *userptr = container_of(work, struct ogpu_userptr, release);
	struct ogpu_userptr_all *all = userptr->vm->odev->userptrs;
	struct ogpu_vm *vm = userptr->vm;
	struct ogpu_vm_owner *owner = vm->pt_mem.owner;

	/* As long as there is a notifier pages cannot go untold. */
	mutex_lock(&vm->pt_lock);
	interval_tree_remove(&userptr->node, &vm->userptrs.tree);
	ogpu_userptrs_await_card(vm);
	ogpu_userptr_drop_pages(userptr);
	mutex_unlock(&vm->pt_lock);
	mmu_interval_notifier_remove(&userptr->notifier);

	mutex_lock(&all->lock);
	list_del(&userptr->link);
	mutex_unlock(&all->lock);
	kvfree(userptr);
	ogpu_vm_owner_give(owner, OGPU_VM_SHARE_USERPTRS, 1);
	ogpu_vm_owner_end_dying(owner);

	/* From here on the address space may go; it goes on where it did not wait for us. */
	if (atomic_dec_and_test(&vm->userptrs.count))
		queue_work(ogpu_sched_wq(), &vm->end_work);
	/* The queue is empty before it is gone, which is part of taking the card down. */
	module_put(THIS_MODULE);
}

/* Who maps others instead may wait for its end. */
static void ogpu_userptr_begin_dying(struct ogpu_userptr *userptr)
{
	if (userptr->dying)
		return;
	userptr->dying = true;
	ogpu_vm_owner_begin_dying(userptr->vm->pt_mem.owner);
}

static void ogpu_userptr_release(struct kref *ref)
{
	struct ogpu_userptr *userptr = container_of(ref, struct ogpu_userptr, ref);

	ogpu_userptr_begin_dying(userptr);
	queue_work(userptr->vm->odev->userptrs->wq, &userptr->release);
}

/**
 * ogpu_userptr_get() - take a reference
 * @userptr: the mapping
 *
 * Return: @userptr.
 */
struct ogpu_userptr *ogpu_userptr_get(struct ogpu_userptr *userptr)
{
	kref_get(&userptr->ref);

	return userptr;
}

/**
 * ogpu_userptr_put() - drop a reference
 * @userptr: the mapping, or NULL
 *
 * Callable where fences are signalled.
 */
void ogpu_userptr_put(struct ogpu_userptr *userptr)
{
	if (userptr)
		kref_put(&userptr->ref, ogpu_userptr_release);
}

static struct ogpu_userptr *ogpu_userptr_alloc(struct ogpu_vm *vm, unsigned long pages)
{
	struct ogpu_userptr *userptr;

	userptr = kvzalloc(struct_size(userptr, page, pages), GFP_KERNEL_ACCOUNT);
	if (!userptr)
		return NULL;

	userptr->pages = pages;
	kref_init(&userptr->ref);
	INIT_WORK(&userptr->release, ogpu_userptr_release_work);
	INIT_LIST_HEAD(&userptr->unbound);
	userptr->vm = vm;
	userptr->context = vm->preempt ? vm->preempt->context : 0;
	bitmap_fill(userptr->want, pages);

	return userptr;
}

static struct ogpu_userptr *ogpu_userptr_create_counted(struct ogpu_vm *vm, u64 addr, u64 size,
							u64 va, bool write)
{
	struct ogpu_userptr_all *all = vm->odev->userptrs;
	struct ogpu_userptr *userptr;
	int ret;

	userptr = ogpu_userptr_alloc(vm, size >> PAGE_SHIFT);
	if (!userptr)
		return ERR_PTR(-ENOMEM);

	userptr->addr = addr;
	userptr->write = write;
	userptr->node.start = va;
	userptr->node.last = va + size - 1;
	ret = mmu_interval_notifier_insert(&userptr->notifier, current->mm, addr, size,
					   &ogpu_userptr_ops);
	if (ret) {
		kvfree(userptr);
		return ERR_PTR(ret);
	}

	/* Its end may come after all files are closed. */
	__module_get(THIS_MODULE);
	mutex_lock(&all->lock);
	list_add_tail(&userptr->link, &all->list);
	mutex_unlock(&all->lock);
	mutex_lock(&vm->pt_lock);
	interval_tree_insert(&userptr->node, &vm->userptrs.tree);
	mutex_unlock(&vm->pt_lock);

	return userptr;
}

/* What executes in a few address spaces can be suspended within what others wait. */
static bool ogpu_userptrs_admit(struct ogpu_vm *vm)
{
	struct ogpu_vm_owner *owner = vm->pt_mem.owner;

	if (!vm->preempt)
		return true;

	mutex_lock(&vm->pt_lock);
	if (!vm->userptrs.admitted)
		vm->userptrs.admitted = ogpu_vm_owner_take(owner, OGPU_VM_SHARE_LONG_USERPTRS, 1);
	mutex_unlock(&vm->pt_lock);

	return vm->userptrs.admitted;
}

static int ogpu_userptr_count(struct ogpu_vm_owner *owner)
{
	int ret;

	if (ogpu_vm_owner_take(owner, OGPU_VM_SHARE_USERPTRS, 1))
		return 0;
	/* Some may have been unmapped already and only wait to be taken down. */
	ret = ogpu_vm_owner_wait_dying(owner);
	if (ret)
		return ret;

	return ogpu_vm_owner_take(owner, OGPU_VM_SHARE_USERPTRS, 1) ? 0 : -ENOSPC;
}

/**
 * ogpu_userptr_create() - make a piece of the caller's memory one that can be mapped
 * @vm: address space, of which the caller is a user
 * @addr: first address of the program
 * @size: bytes, at most what ogpu_userptr_piece() gives
 * @va: where it will be mapped
 * @write: the card may write to it
 *
 * After ogpu_userptr_check().
 *
 * Return: the piece with one reference; or an ERR_PTR(): -ENOSPC, -ENOMEM, -EINTR or -ERESTARTSYS.
 */
struct ogpu_userptr *ogpu_userptr_create(struct ogpu_vm *vm, u64 addr, u64 size, u64 va,
					 bool write)
{
	struct ogpu_vm_owner *owner = vm->pt_mem.owner;
	struct ogpu_userptr *userptr;
	int ret;

	if (!ogpu_userptrs_admit(vm))
		return ERR_PTR(-ENOSPC);
	ret = ogpu_userptr_count(owner);
	if (ret)
		return ERR_PTR(ret);

	/* The address space is not taken down before it has ended. */
	atomic_inc(&vm->userptrs.count);
	userptr = ogpu_userptr_create_counted(vm, addr, size, va, write);
	if (IS_ERR(userptr)) {
		atomic_dec(&vm->userptrs.count);
		ogpu_vm_owner_give(owner, OGPU_VM_SHARE_USERPTRS, 1);
	}

	return userptr;
}

/**
 * ogpu_userptr_address() - find an address of the program
 * @userptr: the mapping
 * @va: address of the card in it
 *
 * Return: the address.
 */
u64 ogpu_userptr_address(const struct ogpu_userptr *userptr, u64 va)
{
	return userptr->addr + (va - userptr->node.start);
}

/**
 * ogpu_userptr_link() - it is, or a part of it, in the tree of addresses
 * @userptr: the mapping; its address space is locked
 */
void ogpu_userptr_link(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;

	ogpu_userptr_get(userptr);
	vm->userptrs.mappings++;
	mutex_lock(&vm->pt_lock);
	if (!userptr->mappings++)
		list_add_tail(&userptr->unbound, &vm->userptrs.unbound);
	mutex_unlock(&vm->pt_lock);
}

/**
 * ogpu_userptr_cut() - a part of it is not in the tree any more
 * @userptr: the mapping; its address space is locked
 * @start: first address of the card
 * @end: behind the last
 */
void ogpu_userptr_cut(struct ogpu_userptr *userptr, u64 start, u64 end)
{
	mutex_lock(&userptr->vm->pt_lock);
	bitmap_clear(userptr->want, ogpu_userptr_index(userptr, start),
		     (end - start) >> PAGE_SHIFT);
	mutex_unlock(&userptr->vm->pt_lock);
}

/**
 * ogpu_userptr_unlink() - undo ogpu_userptr_link()
 * @userptr: the mapping; its address space is locked
 */
void ogpu_userptr_unlink(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;

	vm->userptrs.mappings--;
	mutex_lock(&vm->pt_lock);
	if (!--userptr->mappings) {
		list_del_init(&userptr->unbound);
		userptr->bound = false;
		ogpu_userptr_begin_dying(userptr);
	}
	mutex_unlock(&vm->pt_lock);
	ogpu_userptr_put(userptr);
}

/**
 * ogpu_userptrs_init() - prepare an address space
 * @vm: the address space
 */
void ogpu_userptrs_init(struct ogpu_vm *vm)
{
	mutex_init(&vm->userptrs.populate);
	spin_lock_init(&vm->userptrs.lock);
	vm->userptrs.tree = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&vm->userptrs.unbound);
	atomic_set(&vm->userptrs.count, 1);
}

/**
 * ogpu_userptrs_fini() - take down what is left
 * @vm: address space that nothing is mapped in any more, whose page tables nobody looks at
 *
 * Does not wait: who takes one down may have to wait for what its program is doing.
 *
 * Return: true if nothing is left; otherwise @vm->end_work is queued when that is so.
 */
bool ogpu_userptrs_fini(struct ogpu_vm *vm)
{
	struct interval_tree_node *node;

	mutex_lock(&vm->pt_lock);
	for (node = interval_tree_iter_first(&vm->userptrs.tree, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		struct ogpu_userptr *userptr = container_of(node, struct ogpu_userptr, node);

		ogpu_userptr_forget(userptr, 0, userptr->pages);
	}
	mutex_unlock(&vm->pt_lock);
	if (vm->userptrs.admitted)
		ogpu_vm_owner_give(vm->pt_mem.owner, OGPU_VM_SHARE_LONG_USERPTRS, 1);

	return atomic_dec_and_test(&vm->userptrs.count);
}

/**
 * ogpu_userptr_is_supported() - can memory of programs be mapped?
 * @odev: the card
 *
 * Return: false if the card does not reach all memory directly, or not as the CPU sees it, or its
 * pages are smaller than the CPU's: what is mapped is kept in pages of both.
 */
bool ogpu_userptr_is_supported(struct ogpu_device *odev)
{
	struct device *dev = odev->drm.dev;

	return IS_ENABLED(CONFIG_PAGE_SIZE_4KB) && dev_is_dma_coherent(dev) &&
	       !dma_addressing_limited(dev) && !is_swiotlb_force_bounce(dev);
}

static void ogpu_userptr_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_userptr_all *all = arg;

	destroy_workqueue(all->wq);
}

/**
 * ogpu_userptr_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_userptr_init(struct ogpu_device *odev)
{
	struct ogpu_userptr_all *all;
	int ret;

	all = drmm_kzalloc(&odev->drm, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	ret = drmm_mutex_init(&odev->drm, &all->lock);
	if (ret)
		return ret;
	INIT_LIST_HEAD(&all->list);
	/* Each may have to wait for an invalidation, as long as that of its program takes. */
	all->wq = alloc_workqueue("ogpu-userptr-%s", WQ_UNBOUND, WQ_MAX_ACTIVE,
				  pci_name(odev->pdev));
	if (!all->wq)
		return -ENOMEM;
	odev->userptrs = all;

	return drmm_add_action_or_reset(&odev->drm, ogpu_userptr_fini, all);
}

/**
 * ogpu_userptr_stop() - let go of the pages of all programs
 * @odev: card that nobody uses any more; it is being unbound
 */
void ogpu_userptr_stop(struct ogpu_device *odev)
{
	struct ogpu_userptr *userptr;

	mutex_lock(&odev->userptrs->lock);
	list_for_each_entry(userptr, &odev->userptrs->list, link) {
		mutex_lock(&userptr->vm->pt_lock);
		ogpu_userptr_drop_pages(userptr);
		mutex_unlock(&userptr->vm->pt_lock);
	}
	mutex_unlock(&odev->userptrs->lock);
}
