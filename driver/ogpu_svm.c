// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces that mirror a process.
 *
 * DOC: Shared virtual memory
 *
 * Below OGPU_SVM_END an address means the same to the card as to the process that made the address
 * space. Nothing is mapped there in advance: an access faults, the queue stands still, a worker
 * finds the process's pages, enters them into the page tables, and the access is tried again. No
 * page is held. When the process's memory changes, the kernel tells (drm_gpusvm); the entries are
 * taken out, and before that returns the card has forgotten them. Nobody waits for what executes:
 * it faults again.
 *
 * A card that does not confirm that it has forgotten is stopped by recovery. Until then the pages
 * do not go back: who tells of the change waits for that (&struct ogpu_mem_svms.wait). So recovery
 * must come as far as that without allocating memory, as for fences.
 *
 * VM_BIND is for addresses from OGPU_SVM_END on. The two halves have no table in common but the
 * root, and there not a word. So ours have a lock of their own, which nobody keeps for long: the
 * kernel, which needs pages of a process, does not wait for the process's calls of VM_BIND.
 *
 * Faults of an address space are served one at a time, and after each its work goes to the end of
 * the line. A process can have its memory come as late as it likes (userfaultfd, FUSE): then a
 * worker sleeps, which is why nobody waits for workers. While one works it is a user of the address
 * space. At unbind all DMA mappings are undone, and none are made after that.
 *
 * Ranges are added, removed and given pages by the worker alone, or when there are no users.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_gpusvm.h>
#include <drm/drm_managed.h>
#include <drm/drm_pagemap.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_svm.h"
#include "ogpu_svm_rate.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"
#include "ogpu_vm_owner.h"

/* The first page is never mapped, nor is anything near it. */
#define OGPU_SVM_START		((u64)OGPU_VM_START)

/* The kernel tells of changes in parts of this size. */
#define OGPU_SVM_NOTIFIER	((unsigned long)SZ_512M)

/* Pages of a process that are mapped together, if they lie in one area of its memory. */
static const unsigned long ogpu_svm_chunks[] = { SZ_2M, SZ_64K, SZ_4K };

/* What CPUs take back as often stays in system memory. */
#define OGPU_SVM_BRING		4

#define OGPU_SVM_SEGMENTS	(SZ_2M / SZ_4K)

/* Ranges that are taken away at a time under the lock that reclaim waits for. */
#define OGPU_SVM_BATCH		64

static_assert(OGPU_SVM_END == 1ull << (OGPU_VA_BITS - 1));
/* Halves of the root: no word of the bits that say which entries are valid is in both. */
static_assert(OGPU_PT_ENTRIES / 2 % BITS_PER_LONG == 0);

/**
 * struct ogpu_svm - the mirrored half of an address space
 */
struct ogpu_svm {
	/** @base: parts of the process's memory that are known; its lock is taken in reclaim */
	struct drm_gpusvm base;
	/** @odev: the card; referenced */
	struct ogpu_device *odev;
	/** @vm: the address space; NULL: it is gone. Under the lock of @base */
	struct ogpu_vm *vm;
	/** @owner: who is charged; referenced */
	struct ogpu_vm_owner *owner;
	/** @client: who pays for VRAM, referenced; NULL: no memory comes there; constant */
	struct ogpu_mem_client *client;
	/** @work: removes garbage, serves a fault; for each it is a user of @vm */
	struct delayed_work work;
	/** @end: waits for the kernel to have told all, and frees this */
	struct work_struct end;
	/** @link: in &struct ogpu_mem_svms.list */
	struct list_head link;
	/** @pt_lock: protects page tables of this half and @ranges; allocate nothing under it */
	struct mutex pt_lock;
	/** @ranges: all &struct ogpu_svm_range but @killed */
	struct list_head ranges;
	/** @killed: those that will have no DMA mapping any more; as @ranges */
	struct list_head killed;
	/** @dead: no more DMA mappings */
	bool dead;
	/** @lock: protects @faults and @garbage */
	spinlock_t lock;
	/** @faults: &struct ogpu_svm_client */
	struct list_head faults;
	/** @garbage: &struct ogpu_svm_range of which the process has unmapped something */
	struct list_head garbage;
	/** @segments: the worker's, of a range */
	struct ogpu_pt_segment segments[OGPU_SVM_SEGMENTS];
	/** @pfns: the worker's, of a range */
	unsigned long pfns[OGPU_SVM_SEGMENTS];
};

/**
 * struct ogpu_svm_range - up to 2 MiB of the process's memory
 */
struct ogpu_svm_range {
	/** @base: where */
	struct drm_gpusvm_range base;
	/** @pages: where it is on the bus */
	struct drm_gpusvm_pages pages;
	/** @link: in &struct ogpu_svm.ranges or killed */
	struct list_head link;
	/** @garbage: in &struct ogpu_svm.garbage, or empty */
	struct list_head garbage;
	/** @stale: among those that are being unmapped */
	struct list_head stale;
	/** @charged: bytes that the user was charged with */
	u64 charged;
	/** @mapped: in the page tables; under &struct ogpu_svm.pt_lock */
	bool mapped;
	/** @write: the pages may be written to */
	bool write;
	/** @brought: how often it came to VRAM, up to OGPU_SVM_BRING */
	unsigned int brought;
};

static struct workqueue_struct *ogpu_svm_wq;

static struct ogpu_svm *to_ogpu_svm(struct drm_gpusvm *base)
{
	return container_of(base, struct ogpu_svm, base);
}

static struct ogpu_svm_range *to_ogpu_svm_range(struct drm_gpusvm_range *base)
{
	return container_of(base, struct ogpu_svm_range, base);
}

static unsigned long ogpu_svm_range_pages(struct ogpu_svm_range *range)
{
	return drm_gpusvm_range_size(&range->base) >> PAGE_SHIFT;
}

/*
 * Unmap
 */

/* Was the card stopped since the address space was made? Then it has forgotten all of it. */
static bool ogpu_svm_is_stopped(struct ogpu_vm *vm)
{
	return READ_ONCE(vm->odev->mem->binds.stops) != vm->stops;
}

/* May the page tables be touched? Otherwise the card has been stopped, or will be. */
static bool ogpu_svm_may_change(struct ogpu_vm *vm)
{
	return ogpu_device_running(vm->odev) && !ogpu_svm_is_stopped(vm);
}

/* Returns 0 if the card has forgotten the ranges. */
static int ogpu_svm_clear(struct ogpu_svm *svm, struct list_head *stale,
			  struct ogpu_pt_change *change)
{
	struct ogpu_vm *vm = svm->vm;
	struct ogpu_svm_range *range;
	int idx, ret = -ENODEV;

	if (!ogpu_device_enter(vm->odev, &idx))
		return -ENODEV;

	mutex_lock(&svm->pt_lock);
	if (ogpu_svm_may_change(vm)) {
		list_for_each_entry(range, stale, stale) {
			if (range->mapped)
				ogpu_pt_unmap(&vm->pt, change, drm_gpusvm_range_start(&range->base),
					      drm_gpusvm_range_size(&range->base));
			cond_resched();
		}
		ret = 0;
		if (change->stale.count)
			ret = ogpu_mmu_invalidate(vm->odev, vm->asid, &change->stale);
	}
	mutex_unlock(&svm->pt_lock);
	ogpu_device_exit(vm->odev, idx);

	return ret;
}

/*
 * Take ranges from the card. Under the lock of @svm->base for writing. Sleeps: until the card
 * confirms, or until it is stopped because it does not. Allocates nothing.
 */
static void ogpu_svm_unmap(struct ogpu_svm *svm, struct list_head *stale)
{
	struct drm_gpusvm_ctx ctx = { .in_notifier = true };
	struct ogpu_svm_range *range, *next;
	struct ogpu_vm *vm = svm->vm;
	struct ogpu_pt_change change;
	bool any = false;

	list_for_each_entry(range, stale, stale)
		any |= range->mapped;

	if (vm && any) {
		ogpu_pt_change_init(&change);
		if (ogpu_svm_clear(svm, stale, &change))
			wait_event(vm->odev->mem->svms.wait, ogpu_svm_is_stopped(vm));
		ogpu_pt_mem_give(&vm->pt_mem, &change);
	}

	list_for_each_entry_safe(range, next, stale, stale) {
		list_del_init(&range->stale);
		range->mapped = false;
		drm_gpusvm_unmap_pages(&svm->base, &range->pages, ogpu_svm_range_pages(range),
				       &ctx);
		cond_resched();
	}
}

static void ogpu_svm_unmap_one(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	LIST_HEAD(stale);

	down_write(&svm->base.notifier_lock);
	list_add(&range->stale, &stale);
	ogpu_svm_unmap(svm, &stale);
	up_write(&svm->base.notifier_lock);
}

/*
 * Callbacks of drm_gpusvm
 */

/* The process's memory changes. May be called in reclaim. */
static void ogpu_svm_invalidate(struct drm_gpusvm *base, struct drm_gpusvm_notifier *notifier,
				const struct mmu_notifier_range *mmu_range)
{
	struct ogpu_svm *svm = to_ogpu_svm(base);
	struct drm_gpusvm_range *pos = NULL;
	bool garbage = false;
	LIST_HEAD(stale);

	drm_gpusvm_for_each_range(pos, notifier, mmu_range->start, mmu_range->end) {
		struct ogpu_svm_range *range = to_ogpu_svm_range(pos);

		list_add_tail(&range->stale, &stale);
		if (mmu_range->event != MMU_NOTIFY_UNMAP)
			continue;
		drm_gpusvm_range_set_unmapped(pos, &range->pages, 1, mmu_range);
		spin_lock(&svm->lock);
		list_move_tail(&range->garbage, &svm->garbage);
		spin_unlock(&svm->lock);
		garbage = true;
	}

	ogpu_svm_unmap(svm, &stale);
	if (garbage)
		queue_delayed_work(ogpu_svm_wq, &svm->work, 0);
}

static struct drm_gpusvm_range *ogpu_svm_range_alloc(struct drm_gpusvm *base)
{
	struct ogpu_svm *svm = to_ogpu_svm(base);
	struct ogpu_svm_range *range = kzalloc_obj(*range, GFP_KERNEL_ACCOUNT);

	if (!range)
		return NULL;

	drm_gpusvm_init_pages(&range->pages, &svm->odev->drm);
	INIT_LIST_HEAD(&range->garbage);
	INIT_LIST_HEAD(&range->stale);
	mutex_lock(&svm->pt_lock);
	list_add_tail(&range->link, &svm->ranges);
	mutex_unlock(&svm->pt_lock);

	return &range->base;
}

static void ogpu_svm_range_free(struct drm_gpusvm_range *base)
{
	struct ogpu_svm_range *range = to_ogpu_svm_range(base);
	struct ogpu_svm *svm = to_ogpu_svm(base->gpusvm);

	mutex_lock(&svm->pt_lock);
	list_del(&range->link);
	mutex_unlock(&svm->pt_lock);
	spin_lock(&svm->lock);
	list_del(&range->garbage);
	spin_unlock(&svm->lock);
	drm_gpusvm_free_pages(&svm->base, &range->pages, ogpu_svm_range_pages(range));
	ogpu_vm_owner_give(svm->owner, OGPU_VM_SHARE_MIRROR, range->charged);
	kfree(range);
}

static const struct drm_gpusvm_ops ogpu_svm_ops = {
	.range_alloc = ogpu_svm_range_alloc,
	.range_free = ogpu_svm_range_free,
	.invalidate = ogpu_svm_invalidate,
};

/*
 * Serve faults
 */

static void ogpu_svm_remove(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	ogpu_svm_unmap_one(svm, range);
	drm_gpusvm_range_remove(&svm->base, &range->base);
}

static struct ogpu_svm_range *ogpu_svm_next_garbage(struct ogpu_svm *svm)
{
	struct ogpu_svm_range *range;

	spin_lock(&svm->lock);
	range = list_first_entry_or_null(&svm->garbage, struct ogpu_svm_range, garbage);
	if (range)
		list_del_init(&range->garbage);
	spin_unlock(&svm->lock);

	return range;
}

/* Forget what the process has unmapped. */
static void ogpu_svm_collect(struct ogpu_svm *svm)
{
	struct ogpu_svm_range *range;

	while ((range = ogpu_svm_next_garbage(svm))) {
		ogpu_svm_remove(svm, range);
		cond_resched();
	}
}

/* Remove the oldest ranges, OGPU_SVM_BATCH at most. Returns how many. */
static unsigned int ogpu_svm_remove_some(struct ogpu_svm *svm)
{
	struct ogpu_svm_range *range;
	unsigned int count = 0;
	LIST_HEAD(stale);

	down_write(&svm->base.notifier_lock);
	mutex_lock(&svm->pt_lock);
	list_for_each_entry(range, &svm->ranges, link) {
		list_add_tail(&range->stale, &stale);
		spin_lock(&svm->lock);
		list_move_tail(&range->garbage, &svm->garbage);
		spin_unlock(&svm->lock);
		if (++count == OGPU_SVM_BATCH)
			break;
	}
	mutex_unlock(&svm->pt_lock);
	ogpu_svm_unmap(svm, &stale);
	up_write(&svm->base.notifier_lock);
	ogpu_svm_collect(svm);

	return count;
}

/*
 * The user has too much, or too many page tables: begin anew with what is touched from now on. By
 * pieces: who reclaims memory of the process waits for the lock.
 */
static void ogpu_svm_remove_all(struct ogpu_svm *svm)
{
	while (ogpu_svm_remove_some(svm) == OGPU_SVM_BATCH)
		cond_resched();
}

static bool ogpu_svm_charge(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	u64 size = drm_gpusvm_range_size(&range->base);

	if (range->charged)
		return true;
	if (!ogpu_vm_owner_take(svm->owner, OGPU_VM_SHARE_MIRROR, size))
		return false;
	range->charged = size;

	return true;
}

/* Where the pages are. If that changes meanwhile nobody uses what is found here. */
static int ogpu_svm_locate(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	unsigned long done, count = ogpu_svm_range_pages(range);
	struct ogpu_pt_segment *segment = svm->segments;
	unsigned int i;

	for (i = 0, done = 0; done < count; i++) {
		const struct drm_pagemap_addr *addr = &range->pages.dma_addr[i];
		bool vram = addr->proto == DRM_INTERCONNECT_DRIVER;
		u64 operand = OGPU_OPERAND(vram ? OGPU_TARGET_VRAM : OGPU_TARGET_SYSTEM,
					   addr->addr);
		u64 size = (u64)PAGE_SIZE << addr->order;

		/* A copy elsewhere is no shared memory. */
		if (!vram && dma_need_sync(svm->odev->drm.dev, addr->addr))
			return -EIO;
		if (done && segment->operand + segment->size == operand) {
			segment->size += size;
		} else {
			segment += done ? 1 : 0;
			segment->operand = operand;
			segment->size = size;
		}
		done += 1ul << addr->order;
	}

	return 0;
}

/* Tell the card where the pages are, if that is still so; else -EAGAIN. */
static int ogpu_svm_enter(struct ogpu_svm *svm, struct ogpu_svm_range *range,
			  struct ogpu_pt_change *change)
{
	u64 prot = OGPU_PTE_READ | FIELD_PREP(OGPU_PTE_MTYPE, OGPU_MTYPE_COHERENT);
	struct ogpu_vm *vm = svm->vm;
	int ret = 0;

	if (range->write)
		prot |= OGPU_PTE_WRITE;

	drm_gpusvm_notifier_lock(&svm->base);
	mutex_lock(&svm->pt_lock);
	if (!ogpu_svm_may_change(vm)) {
		ret = -ENODEV;
	} else if (!drm_gpusvm_pages_valid(&svm->base, &range->pages)) {
		ret = -EAGAIN;
	} else if (!range->mapped) {
		ogpu_pt_map(&vm->pt, change, drm_gpusvm_range_start(&range->base),
			    drm_gpusvm_range_size(&range->base), prot, svm->segments);
		ogpu_mmu_flush(vm->odev, vm->asid);
		range->mapped = true;
	}
	mutex_unlock(&svm->pt_lock);
	drm_gpusvm_notifier_unlock(&svm->base);

	return ret;
}

static int ogpu_svm_map(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	struct ogpu_pt_need need = {};
	struct ogpu_vm *vm = svm->vm;
	struct ogpu_pt_change change;
	int ret, idx;

	ret = ogpu_svm_locate(svm, range);
	if (ret)
		return ret;
	if (!ogpu_device_enter(vm->odev, &idx))
		return -ENODEV;

	ogpu_pt_change_init(&change);
	ogpu_pt_need_map(&vm->pt, &need, drm_gpusvm_range_start(&range->base),
			 drm_gpusvm_range_size(&range->base), svm->segments);
	ret = ogpu_pt_mem_take(&vm->pt_mem, &need, &change, false);
	if (!ret)
		ret = ogpu_svm_enter(svm, range, &change);
	ogpu_pt_mem_give(&vm->pt_mem, &change);
	ogpu_device_exit(vm->odev, idx);

	return ret;
}

static bool ogpu_svm_is_unmapped(struct ogpu_svm_range *range)
{
	struct drm_gpusvm_range_flags flags = {
		.__flags = READ_ONCE(range->base.flags.__flags),
	};

	return flags.unmapped;
}

/* The process has unmapped it since garbage was collected, and may have something else there. */
static int ogpu_svm_begin_anew(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	ogpu_svm_remove(svm, range);
	return -EAGAIN;
}

/* To VRAM, if it may and is worth it and there is room; else it stays where it is. */
static void ogpu_svm_bring(struct ogpu_svm *svm, struct ogpu_svm_range *range)
{
	if (!svm->client || !range->base.flags.migrate_devmem || range->brought >= OGPU_SVM_BRING ||
	    drm_gpusvm_range_size(&range->base) < SZ_64K || READ_ONCE(range->mapped))
		return;
	if (!ogpu_svm_vram_bring(svm->odev, svm->client, svm->base.mm,
				 drm_gpusvm_range_start(&range->base),
				 drm_gpusvm_range_end(&range->base)))
		range->brought++;
}

/* @end - @start: more than a page: take what lies around @va as well. */
static int ogpu_svm_fault_range(struct ogpu_svm *svm, u64 va, u64 start, u64 end, bool write,
				bool *large)
{
	/* Others of the process, or of its parent, may have had some of it come to VRAM. */
	struct drm_gpusvm_ctx ctx = {
		.device_private_page_owner = ogpu_svm_vram_page_owner(svm->odev),
		.read_only = !write,
		.devmem_possible = !!svm->client,
		.allow_mixed = true,
	};
	struct drm_gpusvm_range *base;
	struct ogpu_svm_range *range;
	int ret;

	*large = false;
	ogpu_svm_collect(svm);
	base = drm_gpusvm_range_find_or_insert(&svm->base, va, start, end, &ctx);
	if (IS_ERR(base))
		return PTR_ERR(base);
	range = to_ogpu_svm_range(base);
	*large = drm_gpusvm_range_size(base) > PAGE_SIZE;
	/* Who unbinds has looked at this range, or is seen here. */
	smp_mb();
	if (READ_ONCE(svm->dead))
		return -ENODEV;
	if (ogpu_svm_is_unmapped(range))
		return ogpu_svm_begin_anew(svm, range);
	if (!ogpu_svm_charge(svm, range))
		return -EDQUOT;

	if (write && !range->write) {
		ogpu_svm_unmap_one(svm, range);
		range->write = true;
	} else if (!READ_ONCE(range->mapped)) {
		range->write = write;
		/* Pages that were not entered the last time are of the other kind, perhaps. */
		ogpu_svm_unmap_one(svm, range);
	}
	ctx.read_only = !range->write;
	ogpu_svm_bring(svm, range);
	ret = drm_gpusvm_get_pages(&svm->base, &range->pages, svm->base.mm,
				   &base->notifier->notifier, drm_gpusvm_range_start(base),
				   drm_gpusvm_range_end(base), &ctx);
	if (!ret && range->write && range->pages.flags.has_devmem_pages)
		ret = ogpu_svm_vram_own(svm->odev, &base->notifier->notifier,
					drm_gpusvm_range_start(base), drm_gpusvm_range_end(base),
					svm->pfns);
	if (!ret)
		ret = ogpu_svm_map(svm, range);
	if (ret == -EFAULT && READ_ONCE(svm->dead))
		return -ENODEV;
	if (ret == -EFAULT && ogpu_svm_is_unmapped(range))
		return ogpu_svm_begin_anew(svm, range);
	if (ret && ret != -EAGAIN && ret != -EBUSY && *large)
		ogpu_svm_remove(svm, range);

	return ret;
}

/*
 * Give the card what it wanted. -EAGAIN: not yet; -EACCES: the process may not do that itself;
 * -EFAULT: there is nothing; -EIO: not with a card; -ENOSPC, -ENOMEM; -ENODEV: the card is stopped;
 * -ESRCH: there is no process any more.
 */
static int ogpu_svm_fault(struct ogpu_svm *svm, u64 va, bool write)
{
	u64 page = ALIGN_DOWN(va, PAGE_SIZE);
	bool large;
	int ret;

	if (va < OGPU_SVM_START || va >= OGPU_SVM_END)
		return -EFAULT;

	ret = ogpu_svm_fault_range(svm, va, OGPU_SVM_START, OGPU_SVM_END, write, &large);
	if (ret == -EDQUOT || ret == -ENOSPC) {
		ogpu_svm_remove_all(svm);
		ret = ogpu_svm_fault_range(svm, va, page, page + PAGE_SIZE, write, &large);
	} else if (ret && large && ret != -EAGAIN && ret != -EBUSY && ret != -ENODEV) {
		/* Something near it may be missing: the end of a file. */
		ret = ogpu_svm_fault_range(svm, va, page, page + PAGE_SIZE, write, &large);
	}

	switch (ret) {
	case -EBUSY:
		return -EAGAIN;
	case -EPERM:
		return -EACCES;
	case -EDQUOT:
		return -ENOSPC;
	case -ENOENT:
	case -EINVAL:
		return -EFAULT;
	case -EOPNOTSUPP:
		return -EIO;
	default:
		return ret;
	}
}

/* In the name of the process, which pays for what is allocated. */
static int ogpu_svm_serve(struct ogpu_svm *svm, u64 va, bool write)
{
	struct mm_struct *mm = svm->base.mm;
	struct mem_cgroup *memcg, *old;
	int ret;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	memcg = get_mem_cgroup_from_mm(mm);
	old = set_active_memcg(memcg);
	ret = ogpu_svm_fault(svm, va, write);
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	mmput(mm);

	return ret;
}

static struct ogpu_svm_client *ogpu_svm_next_client(struct ogpu_svm *svm, u64 *va, bool *write)
{
	struct ogpu_svm_client *client;

	spin_lock(&svm->lock);
	client = list_first_entry_or_null(&svm->faults, struct ogpu_svm_client, link);
	if (client) {
		list_del_init(&client->link);
		*va = client->va;
		*write = client->write;
	}
	spin_unlock(&svm->lock);

	return client;
}

/* Back to the end of the line, unless it has come by itself. Returns whether it was put there. */
static bool ogpu_svm_put_back(struct ogpu_svm *svm, struct ogpu_svm_client *client)
{
	bool put;

	spin_lock(&svm->lock);
	put = list_empty(&client->link);
	if (put)
		list_add_tail(&client->link, &svm->faults);
	spin_unlock(&svm->lock);

	return put;
}

static void ogpu_svm_work(struct work_struct *work)
{
	struct ogpu_svm *svm = container_of(to_delayed_work(work), struct ogpu_svm, work);
	struct ogpu_mem_svms *svms = &svm->odev->mem->svms;
	struct ogpu_vm *vm = svm->vm;
	struct ogpu_svm_client *client;
	unsigned long wait = 0;
	bool write;
	u64 va;
	int ret;

	/* Without users nothing executes, and the address space is being taken down. */
	if (!kref_get_unless_zero(&vm->users))
		return;

	client = ogpu_svm_next_client(svm, &va, &write);
	if (!client) {
		ogpu_svm_collect(svm);
		goto out_put;
	}

	if (svms->gone(client)) {
		ret = -ENODEV;
	} else {
		wait = ogpu_svm_rate_take(&svms->rate, &svm->owner->faults, jiffies);
		ret = wait ? -EAGAIN : ogpu_svm_serve(svm, va, write);
	}
	if (ret != -EAGAIN || !ogpu_svm_put_back(svm, client))
		svms->served(client, ret);
	if (!list_empty_careful(&svm->faults))
		queue_delayed_work(ogpu_svm_wq, &svm->work, wait);

out_put:
	ogpu_vm_put(vm);
}

/**
 * ogpu_svm_add_client() - something stands at a fault
 * @vm: address space, of which it is a user
 * @client: what it is
 * @va: what it accessed
 * @write: to store something
 *
 * &struct ogpu_mem_svms.served is called once for each client that was added, in a worker. Any
 * context but interrupts; allocates nothing.
 *
 * Return: false if it waits already: then only the address is new.
 */
bool ogpu_svm_add_client(struct ogpu_vm *vm, struct ogpu_svm_client *client, u64 va, bool write)
{
	struct ogpu_svm *svm = vm->svm;
	bool added;

	spin_lock(&svm->lock);
	client->va = va;
	client->write = write;
	added = list_empty(&client->link);
	if (added)
		list_add_tail(&client->link, &svm->faults);
	spin_unlock(&svm->lock);
	queue_delayed_work(ogpu_svm_wq, &svm->work, 0);

	return added;
}

/*
 * Life
 */

/* The kernel may be telling of a change right now, for as long as others take to hear of it. */
static void ogpu_svm_end_work(struct work_struct *work)
{
	struct ogpu_svm *svm = container_of(work, struct ogpu_svm, end);
	struct ogpu_device *odev = svm->odev;

	drm_gpusvm_fini(&svm->base);
	ogpu_vm_owner_put(svm->owner);
	ogpu_mem_client_put(svm->client);
	mutex_destroy(&svm->pt_lock);
	kvfree(svm);
	drm_dev_put(&odev->drm);
	module_put(THIS_MODULE);
}

/* Returns whether there may be more. */
static bool ogpu_svm_kill_some(struct ogpu_svm *svm)
{
	struct ogpu_svm_range *range, *next;
	unsigned int count = 0;
	LIST_HEAD(stale);

	down_write(&svm->base.notifier_lock);
	mutex_lock(&svm->pt_lock);
	list_for_each_entry_safe(range, next, &svm->ranges, link) {
		range->pages.flags.unmapped = true;
		list_move_tail(&range->link, &svm->killed);
		list_add_tail(&range->stale, &stale);
		if (++count == OGPU_SVM_BATCH)
			break;
	}
	mutex_unlock(&svm->pt_lock);
	ogpu_svm_unmap(svm, &stale);
	up_write(&svm->base.notifier_lock);

	return count == OGPU_SVM_BATCH;
}

/* No DMA mappings from now on. By pieces, as for ogpu_svm_remove_all(). */
static void ogpu_svm_kill(struct ogpu_svm *svm)
{
	WRITE_ONCE(svm->dead, true);
	/* Who has not seen it has added his range. */
	smp_mb();
	while (ogpu_svm_kill_some(svm))
		cond_resched();
}

/**
 * ogpu_svm_is_supported() - ask whether address spaces can mirror processes
 * @odev: the card
 *
 * Return: true if they can.
 */
bool ogpu_svm_is_supported(struct ogpu_device *odev)
{
	return PAGE_SIZE == SZ_4K && DEFAULT_MAP_WINDOW <= OGPU_SVM_END &&
	       dev_is_dma_coherent(odev->drm.dev);
}

/* Pages of VRAM, if there are to be any. */
static int ogpu_svm_get_vram(struct ogpu_device *odev, bool want)
{
	int ret = 0;

	mutex_lock(&odev->mem->svms.lock);
	if (want)
		ret = ogpu_svm_vram_get(odev);
	mutex_unlock(&odev->mem->svms.lock);

	return ret && ret != -ENOMEM ? -EOPNOTSUPP : ret;
}

static void ogpu_svm_put_vram(struct ogpu_device *odev, bool have)
{
	mutex_lock(&odev->mem->svms.lock);
	if (have)
		ogpu_svm_vram_put(odev);
	mutex_unlock(&odev->mem->svms.lock);
}

/**
 * ogpu_svm_create() - have an address space mirror the calling process
 * @vm: the address space, new, of the long-running kind
 * @client: who pays for VRAM that memory may come to; NULL: none may
 *
 * Return: 0, -EOPNOTSUPP or -ENOMEM. Undone by ogpu_svm_destroy().
 */
int ogpu_svm_create(struct ogpu_vm *vm, struct ogpu_mem_client *client)
{
	struct ogpu_device *odev = vm->odev;
	struct ogpu_svm *svm;
	int ret;

	if (!ogpu_svm_is_supported(odev) || (client && !ogpu_svm_vram_is_supported(odev)))
		return -EOPNOTSUPP;

	svm = kvzalloc_obj(*svm, GFP_KERNEL_ACCOUNT);
	if (!svm)
		return -ENOMEM;
	ret = ogpu_svm_get_vram(odev, client);
	if (ret)
		goto err_free;
	ret = drm_gpusvm_init(&svm->base, "ogpu", current->mm, 0, OGPU_SVM_END, OGPU_SVM_NOTIFIER,
			      &ogpu_svm_ops, ogpu_svm_chunks, ARRAY_SIZE(ogpu_svm_chunks));
	if (ret)
		goto err_vram;

	/* It may outlive the file. */
	__module_get(THIS_MODULE);
	drm_dev_get(&odev->drm);
	svm->odev = odev;
	svm->vm = vm;
	svm->owner = ogpu_vm_owner_get(vm->pt_mem.owner);
	svm->client = ogpu_mem_client_get(client);
	INIT_DELAYED_WORK(&svm->work, ogpu_svm_work);
	INIT_WORK(&svm->end, ogpu_svm_end_work);
	mutex_init(&svm->pt_lock);
	INIT_LIST_HEAD(&svm->ranges);
	INIT_LIST_HEAD(&svm->killed);
	spin_lock_init(&svm->lock);
	INIT_LIST_HEAD(&svm->faults);
	INIT_LIST_HEAD(&svm->garbage);
	mutex_lock(&odev->mem->svms.lock);
	list_add_tail(&svm->link, &odev->mem->svms.list);
	mutex_unlock(&odev->mem->svms.lock);
	vm->svm = svm;

	return 0;

err_vram:
	ogpu_svm_put_vram(odev, client);
err_free:
	kvfree(svm);
	return ret;
}

/**
 * ogpu_svm_destroy() - undo ogpu_svm_create()
 * @vm: address space without users, which the card has forgotten
 *
 * Sleeps for a short time.
 */
void ogpu_svm_destroy(struct ogpu_vm *vm)
{
	struct ogpu_svm *svm = vm->svm;

	if (!svm)
		return;

	vm->svm = NULL;
	/* It does not work without users. */
	disable_delayed_work_sync(&svm->work);
	down_write(&svm->base.notifier_lock);
	svm->vm = NULL;
	up_write(&svm->base.notifier_lock);
	ogpu_svm_kill(svm);
	mutex_lock(&svm->odev->mem->svms.lock);
	list_del(&svm->link);
	mutex_unlock(&svm->odev->mem->svms.lock);
	ogpu_svm_put_vram(svm->odev, svm->client);
	queue_work(ogpu_svm_wq, &svm->end);
}

/**
 * ogpu_svm_trylock_pt() - keep page tables of the mirrored half as they are
 * @vm: any address space
 *
 * Return: true if ogpu_svm_unlock_pt() is to be called.
 */
bool ogpu_svm_trylock_pt(struct ogpu_vm *vm)
{
	return !vm->svm || mutex_trylock(&vm->svm->pt_lock);
}

/**
 * ogpu_svm_unlock_pt() - undo ogpu_svm_trylock_pt()
 * @vm: the address space
 */
void ogpu_svm_unlock_pt(struct ogpu_vm *vm)
{
	if (vm->svm)
		mutex_unlock(&vm->svm->pt_lock);
}

/**
 * ogpu_svms_wake() - the card was stopped
 * @odev: card that stands still; &struct ogpu_mem_binds.stops says so
 */
void ogpu_svms_wake(struct ogpu_device *odev)
{
	wake_up_all(&odev->mem->svms.wait);
}

/**
 * ogpu_svms_exist() - ask whether there are address spaces that mirror processes
 * @odev: the card
 *
 * Return: true if there are, also of before a reset.
 */
bool ogpu_svms_exist(struct ogpu_device *odev)
{
	struct ogpu_mem_svms *svms = &odev->mem->svms;
	bool exist;

	mutex_lock(&svms->lock);
	exist = !list_empty(&svms->list);
	mutex_unlock(&svms->lock);

	return exist;
}

/**
 * ogpu_svms_unbind() - undo all DMA mappings of memory of processes
 * @odev: card that was stopped and is being unbound
 */
void ogpu_svms_unbind(struct ogpu_device *odev)
{
	struct ogpu_mem_svms *svms = &odev->mem->svms;
	struct ogpu_svm *svm;

	mutex_lock(&svms->lock);
	list_for_each_entry(svm, &svms->list, link)
		ogpu_svm_kill(svm);
	ogpu_svm_vram_stop(odev);
	mutex_unlock(&svms->lock);
}

/**
 * ogpu_svms_init() - prepare at probe, as part of memory
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_svms_init(struct ogpu_device *odev)
{
	struct ogpu_mem_svms *svms = &odev->mem->svms;

	init_waitqueue_head(&svms->wait);
	INIT_LIST_HEAD(&svms->list);
	ogpu_svm_rate_init(&svms->rate);

	return drmm_mutex_init(&odev->drm, &svms->lock);
}

/**
 * ogpu_svm_module_init() - prepare what all cards share
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_svm_module_init(void)
{
	int ret;

	ret = ogpu_svm_vram_module_init();
	if (ret)
		return ret;
	/* One worker of each address space may sleep for as long as its process wants. */
	ogpu_svm_wq = alloc_workqueue("ogpu-svm", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!ogpu_svm_wq) {
		ogpu_svm_vram_module_exit();
		return -ENOMEM;
	}

	return 0;
}

/**
 * ogpu_svm_module_exit() - undo ogpu_svm_module_init()
 */
void ogpu_svm_module_exit(void)
{
	destroy_workqueue(ogpu_svm_wq);
	ogpu_svm_vram_module_exit();
}
