// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers: creation, placement, and the BO_* ioctls.
 */
#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <drm/drm_file.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_file.h"
#include "ogpu_import.h"
#include "ogpu_place.h"
#include "ogpu_preempt.h"
#include "ogpu_share.h"
#include "ogpu_tt.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

#define OGPU_BO_MAX_SIZE	SZ_1T

/* Alignment of buffers that may be in VRAM: one CONTIG group of page-table entries. */
#define OGPU_BO_VRAM_ALIGN	max_t(u64, OGPU_PAGE_64K, PAGE_SIZE)

static void ogpu_bo_add_vram(struct ogpu_bo *bo, struct ogpu_places *out, u32 flags)
{
	struct ogpu_vram_mgr *vram = &ogpu_bo_device(bo)->mem->vram;
	bool cpu = bo->flags & DRM_OGPU_BO_CPU_ACCESS;
	struct ttm_place *place;

	place = ogpu_places_add(out, TTM_PL_VRAM, flags);
	/* Page tables may be elsewhere: nobody has to make room for them. */
	if (bo->kernel)
		place->flags |= TTM_PL_FLAG_CONTIGUOUS | TTM_PL_FLAG_DESIRED;
	/* The kernel may have the pages as one. */
	if (bo->mirror)
		place->flags |= TTM_PL_FLAG_CONTIGUOUS | TTM_PL_FLAG_DESIRED;
	if (vram->visible_size < vram->base.size) {
		if (cpu)
			place->lpfn = vram->visible_size >> PAGE_SHIFT;
		else
			place->flags |= TTM_PL_FLAG_TOPDOWN;
	}
}

static void ogpu_bo_get_places(struct ogpu_bo *bo, struct ogpu_places *out,
			       struct ogpu_mem_try *try)
{
	struct ogpu_mem *mem = ogpu_bo_device(bo)->mem;
	bool cpu = bo->flags & DRM_OGPU_BO_CPU_ACCESS;
	u64 size = bo->ttm.base.size;
	u32 vram_flags = 0, tt_flags = 0;
	bool vram, tt;

	/*
	 * What can never fit is no place: TTM would evict everything, and make the list of pages,
	 * before it gives up.
	 */
	vram = (bo->placement & DRM_OGPU_BO_VRAM) && size <= ogpu_vram_mgr_room(&mem->vram, cpu) &&
	       list_empty(&bo->importers);
	tt = (bo->placement & DRM_OGPU_BO_SYSTEM) && size <= mem->tt.size;

	/* Use what is preferred while some is free, then the other; evict nothing for it. */
	if (vram && tt) {
		bool prefer_vram = bo->prefer == DRM_OGPU_BO_VRAM;

		vram_flags = prefer_vram ? TTM_PL_FLAG_DESIRED : TTM_PL_FLAG_FALLBACK;
		tt_flags = prefer_vram ? TTM_PL_FLAG_FALLBACK : TTM_PL_FLAG_DESIRED;
	}

	ogpu_places_init(out, try);
	if (vram)
		ogpu_bo_add_vram(bo, out, vram_flags);
	if (tt)
		ogpu_places_add(out, TTM_PL_TT, tt_flags);
}

/* Tells what ran out: TTM of older kernels says -ENOMEM in both cases. */
static int ogpu_bo_space_error(u32 placement, int err)
{
	bool vram_only = placement == DRM_OGPU_BO_VRAM;

	if (err == -ENOSPC && !vram_only)
		return -ENOMEM;
	if (err == -ENOMEM && vram_only && !OGPU_TTM_TELLS_ENOSPC)
		return -ENOSPC;

	return err;
}

/**
 * ogpu_bo_note_away() - is a buffer where it would rather be?
 * @bo: the buffer, locked, that has been placed or would rather be elsewhere
 *
 * If it is not it is recalled when there is room.
 */
void ogpu_bo_note_away(struct ogpu_bo *bo)
{
	bo->is_away = bo->prefer == DRM_OGPU_BO_VRAM && list_empty(&bo->importers) &&
		      bo->ttm.resource->mem_type == TTM_PL_TT;
	if (!bo->root)
		return;
	if (bo->is_away)
		list_move_tail(&bo->away, &bo->root->away);
	else
		list_del_init(&bo->away);
}

/**
 * ogpu_bo_set_moving() - what is in the buffer's place is there when a fence has signalled
 * @bo: the buffer, locked
 * @fence: of a clear or a move; it gets a reference
 */
void ogpu_bo_set_moving(struct ogpu_bo *bo, struct dma_fence *fence)
{
	dma_fence_put(bo->moving);
	bo->moving = dma_fence_get(fence);
}

/**
 * ogpu_bo_validate() - bring a buffer to where the card can use it
 * @bo: the buffer, its dma_resv locked
 * @try: from ogpu_mem_begin()
 *
 * Others may be evicted for it. The move is not waited for: its fence is in the dma_resv with usage
 * DMA_RESV_USAGE_KERNEL. Consumes room for fences in the dma_resv. Between ogpu_mem_begin() and
 * ogpu_mem_end().
 *
 * Return: 0, -EBADMSG: its content is lost, -ENOSPC: no room in VRAM, -ENOMEM, -ENODEV: card gone,
 * -ERESTARTSYS, -EAGAIN: it is being moved away: for ogpu_mem_retry().
 */
int ogpu_bo_validate(struct ogpu_bo *bo, struct ogpu_mem_try *try)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ogpu_places places;
	int ret;

	if (ogpu_bo_is_import(bo))
		return ogpu_import_validate(bo, try);

	/* Page tables will say that there is no memory. */
	if (bo->need == OGPU_BO_PURGED)
		return 0;

	if (!ogpu_bo_settle(bo)) {
		ogpu_mem_wait_for(try, bo->out.fence);
		return -EAGAIN;
	}
	if (READ_ONCE(bo->lost))
		return -EBADMSG;

	/* Room in VRAM is not worth waiting for jobs that use it where it is. */
	if ((bo->placement & DRM_OGPU_BO_SYSTEM) && bo->ttm.resource->mem_type == TTM_PL_TT &&
	    !dma_resv_test_signaled(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP)) {
		ogpu_bo_note_away(bo);
		return 0;
	}

	ogpu_bo_get_places(bo, &places, try);

	ret = ttm_bo_validate(&bo->ttm, &places.placement, &ctx);
	if (!ret)
		ogpu_bo_note_away(bo);
	/* It is of before a reset, and not idle yet. */
	if (ret == -EBUSY && ogpu_bo_is_stale(bo))
		ret = -ENODEV;

	return ogpu_bo_space_error(bo->placement, ret);
}

/**
 * ogpu_bo_moved() - have all address spaces renew their page tables before their next job
 * @tbo: buffer that is about to be moved, whose dma_resv is held, or what TTM makes of one
 */
void ogpu_bo_moved(struct ttm_buffer_object *tbo)
{
	if (!ogpu_bo_is_buffer(tbo))
		return;
	drm_gpuvm_bo_gem_evict(&tbo->base, true);
	ttm_to_ogpu_bo(tbo)->moves++;
	ogpu_share_moved(ttm_to_ogpu_bo(tbo));
}

/*
 * Who pays
 */

/* What region a buffer was made for, wherever it is now. */
static enum ogpu_region ogpu_bo_home(const struct ogpu_bo *bo)
{
	return bo->placement & DRM_OGPU_BO_VRAM ? OGPU_REGION_VRAM : OGPU_REGION_SYSTEM;
}

/* For who made it, and for who looks for memory in the system. */
static void ogpu_bo_count_purgeable(const struct ogpu_bo *bo, s64 size)
{
	if (!bo->client || bo->region == OGPU_REGIONS || bo->need != OGPU_BO_PURGEABLE)
		return;
	atomic64_add(size, &bo->client->purgeable[bo->region]);
	if (bo->region == OGPU_REGION_SYSTEM)
		atomic64_add(size, &to_ogpu_device(bo->ttm.base.dev)->mem->shrink.purgeable);
}

/**
 * ogpu_bo_set_region() - a buffer has got memory, was moved, or has none any more
 * @bo: the buffer, locked, or nobody else has it
 * @region: where it is now
 */
void ogpu_bo_set_region(struct ogpu_bo *bo, enum ogpu_region region)
{
	s64 size = bo->ttm.base.size;

	ogpu_bo_count_purgeable(bo, -size);
	if (bo->client && bo->region != OGPU_REGIONS)
		atomic64_sub(size, &bo->client->resident[bo->region]);
	WRITE_ONCE(bo->region, region);
	if (bo->client && region != OGPU_REGIONS)
		atomic64_add(size, &bo->client->resident[region]);
	ogpu_bo_count_purgeable(bo, size);
}

/**
 * ogpu_bo_count() - a buffer comes to an address space, or leaves it
 * @bo: the buffer, locked
 * @root: of the address space
 * @add: it comes
 *
 * One that was dropped needs no room until it is needed again.
 */
void ogpu_bo_count(const struct ogpu_bo *bo, struct ogpu_root *root, bool add)
{
	s64 size = add ? bo->ttm.base.size : -bo->ttm.base.size;

	if (bo->placement != DRM_OGPU_BO_VRAM || bo->need == OGPU_BO_PURGED)
		return;
	atomic64_add(size, &root->vram_only);
	if (bo->flags & DRM_OGPU_BO_CPU_ACCESS)
		atomic64_add(size, &root->visible_only);
}

static void ogpu_bo_count_all(const struct ogpu_bo *bo, bool add)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->ttm.base)
		ogpu_bo_count(bo, gem_to_ogpu_root(drm_gpuvm_resv_obj(vm_bo->vm)), add);
}

/**
 * ogpu_bo_set_need() - the content of a buffer is needed, or needed no more, or is gone
 * @bo: the buffer, locked
 * @need: what is so from now on
 */
void ogpu_bo_set_need(struct ogpu_bo *bo, enum ogpu_bo_need need)
{
	s64 size = bo->ttm.base.size;
	enum ogpu_bo_need was = bo->need;

	if (was == need)
		return;
	ogpu_bo_count_purgeable(bo, -size);
	if (need == OGPU_BO_PURGED)
		ogpu_bo_count_all(bo, false);
	WRITE_ONCE(bo->need, need);
	if (was == OGPU_BO_PURGED)
		ogpu_bo_count_all(bo, true);
	ogpu_bo_count_purgeable(bo, size);
}

static void ogpu_bo_charge(struct ogpu_bo *bo, struct ogpu_mem_client *client, u64 size)
{
	bo->client = ogpu_mem_client_get(client);
	atomic64_add(size, &client->total[ogpu_bo_home(bo)]);
}

/* From now on it is the kernel's affair how long the memory is still needed. */
static void ogpu_bo_discharge(struct ogpu_bo *bo)
{
	struct ogpu_mem_client *client = bo->client;

	if (!client)
		return;
	ogpu_bo_set_region(bo, OGPU_REGIONS);
	bo->client = NULL;
	if (bo->shared)
		atomic64_sub(bo->ttm.base.size, &client->shared[ogpu_bo_home(bo)]);
	atomic64_sub(bo->ttm.base.size, &client->total[ogpu_bo_home(bo)]);
	ogpu_mem_client_put(client);
}

/**
 * ogpu_bo_set_shared() - a buffer is exported for the first time
 * @bo: the buffer, locked
 */
void ogpu_bo_set_shared(struct ogpu_bo *bo)
{
	WRITE_ONCE(bo->shared, true);
	if (bo->client)
		atomic64_add(bo->ttm.base.size, &bo->client->shared[ogpu_bo_home(bo)]);
}

/*
 * GEM object functions
 */

/*
 * For frees that have to wait for a dma_resv. Of its own: QUEUE_CREATE flushes ogpu_sched_wq(), and
 * must not wait for whom a dma_resv belongs to.
 */
static struct workqueue_struct *ogpu_bo_free_wq;

/**
 * ogpu_bo_module_init() - set up what buffers of all cards share
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_bo_module_init(void)
{
	ogpu_bo_free_wq = alloc_workqueue("ogpu-free", WQ_UNBOUND, 0);

	return ogpu_bo_free_wq ? 0 : -ENOMEM;
}

/**
 * ogpu_bo_module_exit() - undo ogpu_bo_module_init()
 *
 * Called after ogpu_sched_module_exit(), whose work may free buffers. Waits for all that are on
 * their way out.
 */
void ogpu_bo_module_exit(void)
{
	destroy_workqueue(ogpu_bo_free_wq);
}

/* Who may still be moving the buffer does so under its dma_resv, which is held here, too. */
static void ogpu_bo_let_go(struct ogpu_bo *bo)
{
	if (bo->ttm.pin_count)
		ttm_bo_unpin(&bo->ttm);
	ttm_bo_set_bulk_move(&bo->ttm, NULL);
	if (bo->shared && !ogpu_bo_is_import(bo))
		ogpu_share_forget(bo->ttm.base.resv, false);
	list_del_init(&bo->away);
	ogpu_bo_filled(bo);
	ogpu_bo_discharge(bo);
}

static void ogpu_bo_free_work(struct work_struct *work)
{
	struct ogpu_bo *bo = container_of(work, struct ogpu_bo, free_work);
	struct drm_device *drm = bo->ttm.base.dev;

	dma_resv_lock(bo->ttm.base.resv, NULL);
	ogpu_bo_let_go(bo);
	dma_resv_unlock(bo->ttm.base.resv);
	ttm_bo_fini(&bo->ttm);
	drm_dev_put(drm);
}

/* The caller may hold the dma_resv, which may be that of an address space. */
static void ogpu_bo_free(struct drm_gem_object *obj)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(obj);

	if (!dma_resv_trylock(obj->resv)) {
		drm_dev_get(obj->dev);
		INIT_WORK(&bo->free_work, ogpu_bo_free_work);
		queue_work(ogpu_bo_free_wq, &bo->free_work);
		return;
	}
	ogpu_bo_let_go(bo);
	dma_resv_unlock(obj->resv);
	ttm_bo_fini(&bo->ttm);
}

/*
 * What may be in VRAM only, and anywhere in it, is out of the CPU's reach for good; who maps memory
 * of another device asks that.
 */
static bool ogpu_bo_is_mappable(const struct ogpu_bo *bo)
{
	if (ogpu_bo_is_import(bo))
		return false;

	return bo->placement != DRM_OGPU_BO_VRAM || (bo->flags & DRM_OGPU_BO_CPU_ACCESS);
}

static int ogpu_bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(obj);

	if (!ogpu_bo_is_mappable(bo))
		return -EPERM;

	return drm_gem_ttm_mmap(obj, vma);
}

static const struct drm_gem_object_funcs ogpu_gem_funcs = {
	.free = ogpu_bo_free,
	.print_info = drm_gem_ttm_print_info,
	.mmap = ogpu_bo_mmap,
	.export = ogpu_share_export,
	.vm_ops = &ogpu_bo_vm_ops,
};

/*
 * What address spaces and their buffers share
 */

static void ogpu_root_free(struct drm_gem_object *obj)
{
	struct ogpu_root *root = gem_to_ogpu_root(obj);
	struct ogpu_mem *mem = to_ogpu_device(obj->dev)->mem;

	cmpxchg(&mem->last_used, root, NULL);
	ttm_lru_bulk_move_fini(&mem->ttm, &root->bulk);
	drm_gem_object_release(obj);
	kfree(root);
}

static const struct drm_gem_object_funcs ogpu_root_funcs = {
	.free = ogpu_root_free,
};

/**
 * ogpu_root_create() - make what an address space and its buffers share
 * @odev: the card
 *
 * Return: it, with one reference, or NULL.
 */
struct ogpu_root *ogpu_root_create(struct ogpu_device *odev)
{
	struct ogpu_root *root = kzalloc_obj(*root, GFP_KERNEL_ACCOUNT);

	if (!root)
		return NULL;

	ttm_lru_bulk_move_init(&root->bulk);
	INIT_LIST_HEAD(&root->away);
	root->copies.clears = dma_fence_context_alloc(OGPU_COPY_TIMELINES);
	root->base.funcs = &ogpu_root_funcs;
	drm_gem_private_object_init(&odev->drm, &root->base, 0);

	return root;
}

/**
 * ogpu_root_used() - all private buffers of an address space are in use now
 * @root: of the address space, locked
 *
 * They are moved away after all others. Who uses memory again and again, with nobody else doing so,
 * pays nothing.
 */
void ogpu_root_used(struct ogpu_root *root)
{
	struct ogpu_mem *mem = to_ogpu_device(root->base.dev)->mem;

	if (READ_ONCE(mem->last_used) == root)
		return;

	spin_lock(&mem->ttm.lru_lock);
	ttm_lru_bulk_move_tail(&root->bulk);
	WRITE_ONCE(mem->last_used, root);
	spin_unlock(&mem->ttm.lru_lock);
}

/**
 * ogpu_bo_used() - a buffer that is not private is in use now
 * @bo: the buffer, locked
 */
void ogpu_bo_used(struct ogpu_bo *bo)
{
	struct ogpu_mem *mem = ogpu_bo_device(bo)->mem;

	spin_lock(&mem->ttm.lru_lock);
	ttm_bo_move_to_lru_tail(&bo->ttm);
	WRITE_ONCE(mem->last_used, NULL);
	spin_unlock(&mem->ttm.lru_lock);
}

/*
 * Creation
 */

/* The last thing that happens to a buffer: TTM has given its memory back. */
static void ogpu_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct ogpu_bo *bo = ttm_to_ogpu_bo(tbo);

	ogpu_bo_forget_out(bo);
	dma_fence_put(bo->moving);
	if (ogpu_bo_is_import(bo))
		ogpu_import_fini(bo);
	drm_gem_object_release(&tbo->base);
	if (bo->root)
		drm_gem_object_put(&bo->root->base);
	ogpu_bo_discharge(bo);
	mem_cgroup_put(bo->payer);
	ogpu_bos_del(bo);
	kfree(bo->label);
	kfree(bo);
}

/**
 * ogpu_bo_is_buffer() - tell a buffer from what TTM makes to hold the old memory of one
 * @tbo: either
 *
 * Return: true if it is part of a &struct ogpu_bo.
 */
bool ogpu_bo_is_buffer(const struct ttm_buffer_object *tbo)
{
	return tbo->destroy == ogpu_bo_destroy;
}

/* Give a buffer memory, with a ticket: who has others locked for a moment is waited for. */
static int ogpu_bo_place(struct ogpu_bo *bo, struct ogpu_places *places,
			 struct ttm_operation_ctx *ctx)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct ww_acquire_ctx ticket;
	int ret;

	ww_acquire_init(&ticket, &reservation_ww_class);
	dma_resv_lock(resv, &ticket);
	ret = ttm_bo_validate(&bo->ttm, &places->placement, ctx);
	if (!ret)
		ogpu_bo_note_away(bo);
	if (!ret && (bo->kernel || bo->mirror))
		ttm_bo_pin(&bo->ttm);
	dma_resv_unlock(resv);
	ww_acquire_fini(&ticket);

	return ret;
}

/*
 * Hand a buffer to TTM. Returns with the buffer in place, unlocked, and pinned if it is the
 * driver's; after an error it is gone. Others that are private to the same address space may be
 * evicted for it, like anybody's.
 */
static int ogpu_bo_init(struct ogpu_bo *bo, struct ogpu_places *places)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct ttm_operation_ctx ctx = {
		.interruptible = !bo->kernel,
		.gfp_retry_mayfail = true,
	};
	struct dma_resv *resv = bo->root ? bo->root->base.resv : NULL;
	struct ttm_placement nowhere = {};
	bool alone = places->try->mode == OGPU_MEM_EXCLUSIVE;
	int ret;

	if (resv) {
		dma_resv_lock(resv, NULL);
		ctx.resv = resv;
		ctx.allow_res_evict = true;
	}

	/* After a failure TTM has called ogpu_bo_destroy() already. */
	ret = ttm_bo_init_reserved(&odev->mem->ttm, &bo->ttm,
				   bo->kernel ? ttm_bo_type_kernel : ttm_bo_type_device,
				   alone ? &nowhere : &places->placement, 0, &ctx, NULL, resv,
				   ogpu_bo_destroy);
	if (ret) {
		if (resv)
			dma_resv_unlock(resv);
		return ret;
	}

	if (bo->root)
		ttm_bo_set_bulk_move(&bo->ttm, &bo->root->bulk);
	if (!alone)
		ogpu_bo_note_away(bo);
	if ((bo->kernel || bo->mirror) && !alone)
		ttm_bo_pin(&bo->ttm);
	dma_resv_unlock(bo->ttm.base.resv);

	if (alone) {
		ret = ogpu_bo_place(bo, places, &ctx);
		if (ret)
			ogpu_bo_put(bo);
	}

	return ret;
}

/* Of &struct ogpu_bo.mirror; not of userspace. */
#define OGPU_BO_MIRROR	(1u << 31)

static struct ogpu_bo *ogpu_bo_new(struct ogpu_device *odev, u64 size, u32 placement, u32 flags,
				   struct ogpu_root *root, struct ogpu_mem_client *client)
{
	struct ogpu_mem_try try = {};
	struct ogpu_places places;
	bool kernel = !client;
	struct ogpu_bo *bo;
	int ret;

	do {
		bo = kzalloc_obj(*bo, GFP_KERNEL_ACCOUNT);
		if (!bo)
			return ERR_PTR(-ENOMEM);

		bo->placement = placement;
		bo->prefer = placement & DRM_OGPU_BO_VRAM ?: DRM_OGPU_BO_SYSTEM;
		bo->flags = flags & ~OGPU_BO_MIRROR;
		bo->mirror = flags & OGPU_BO_MIRROR;
		bo->kernel = kernel;
		bo->region = OGPU_REGIONS;
		bo->ttm.priority = OGPU_BO_PRIORITY_NEEDED;
		INIT_LIST_HEAD(&bo->away);
		INIT_LIST_HEAD(&bo->importers);
		if (!root)
			bo->copies.clears = dma_fence_context_alloc(OGPU_COPY_TIMELINES);
		if (client) {
			bo->payer = ogpu_tt_get_payer();
			ogpu_bo_charge(bo, client, size);
		}
		bo->generation = READ_ONCE(odev->generation);
		if (root)
			drm_gem_object_get(&root->base);
		bo->root = root;
		bo->ttm.base.funcs = &ogpu_gem_funcs;
		drm_gem_private_object_init(&odev->drm, &bo->ttm.base, size);
		ogpu_bos_add(bo);

		ogpu_bo_get_places(bo, &places, &try);
		ret = places.placement.num_placement ? ogpu_mem_begin(odev, &try) : -ENOSPC;
		if (ret) {
			ogpu_bo_destroy(&bo->ttm);
			return ERR_PTR(ogpu_bo_space_error(placement, ret));
		}
		ret = ogpu_bo_init(bo, &places);
	} while (ogpu_mem_retry(odev, &try, &ret) && !kernel && !(flags & OGPU_BO_MIRROR));

	if (ret)
		return ERR_PTR(ogpu_bo_space_error(placement, ret));
	ogpu_mem_end(odev);

	return bo;
}

/*
 * Make a buffer for userspace. It is filled with zero, or will be once the fences in its dma_resv
 * have signalled.
 */
static struct ogpu_bo *ogpu_bo_create(struct ogpu_file *ofile, u64 size, u32 placement, u32 flags,
				      struct ogpu_vm *vm)
{
	struct ogpu_bo *bo;

	size = round_up(size, placement & DRM_OGPU_BO_VRAM ? OGPU_BO_VRAM_ALIGN : PAGE_SIZE);

	bo = ogpu_bo_new(ofile->odev, size, placement, flags,
			 vm ? gem_to_ogpu_root(drm_gpuvm_resv_obj(&vm->base)) : NULL,
			 ofile->mem_client);
	if (!IS_ERR(bo)) {
		bo->generation = ofile->generation;
		if (vm && vm->preempt)
			bo->preempt_context = vm->preempt->context;
	}

	return bo;
}

/**
 * ogpu_bo_create_pinned() - make a buffer for the driver itself
 * @odev: the card, running; in ogpu_device_enter()
 * @size: bytes, rounded up to 64 KiB
 *
 * It lies in VRAM, contiguous and visible, is never moved, and is zero. Nothing is evicted for it,
 * and nothing waited for. ogpu_bo.iomem is where the CPU reaches it, ogpu_bo_operand() where the
 * card does. Must not be called with a dma_resv locked.
 *
 * Return: the buffer, or -ENOSPC, -ENOMEM.
 */
struct ogpu_bo *ogpu_bo_create_pinned(struct ogpu_device *odev, u64 size)
{
	struct ogpu_bo *bo;

	bo = ogpu_bo_new(odev, round_up(size, OGPU_BO_VRAM_ALIGN), DRM_OGPU_BO_VRAM,
			 DRM_OGPU_BO_CPU_ACCESS, NULL, NULL);
	if (IS_ERR(bo))
		return bo;

	bo->iomem = odev->aperture + ((u64)bo->ttm.resource->start << PAGE_SHIFT);
	memset_io(bo->iomem, 0, bo->ttm.base.size);

	return bo;
}

/**
 * ogpu_bo_create_mirror() - make a buffer for memory of a process
 * @odev: the card, running; in ogpu_device_enter()
 * @size: bytes, a multiple of 64 KiB
 * @client: who pays
 *
 * In VRAM, contiguous, pinned, and zero once the fences in its dma_resv have signalled. Nothing is
 * evicted for it.
 *
 * Return: the buffer, or -ENOSPC, -ENOMEM.
 */
struct ogpu_bo *ogpu_bo_create_mirror(struct ogpu_device *odev, u64 size,
				      struct ogpu_mem_client *client)
{
	return ogpu_bo_new(odev, size, DRM_OGPU_BO_VRAM, OGPU_BO_MIRROR, NULL, client);
}

/**
 * ogpu_bo_create_import() - make a buffer for memory of another device
 * @odev: the card; in ogpu_device_enter()
 * @dma_buf: the memory; the buffer gets a reference and is not attached to it yet
 *
 * Return: the buffer, or -EINVAL, -ENOMEM, -EINTR.
 */
struct ogpu_bo *ogpu_bo_create_import(struct ogpu_device *odev, struct dma_buf *dma_buf)
{
	static const struct ttm_place place = { .mem_type = OGPU_PL_IMPORT };
	struct ttm_placement placement = { .num_placement = 1, .placement = &place };
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct ogpu_bo *bo;
	int ret;

	if (!dma_buf->size || !PAGE_ALIGNED(dma_buf->size) || dma_buf->size > OGPU_BO_MAX_SIZE)
		return ERR_PTR(-EINVAL);
	bo = kzalloc_obj(*bo, GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->placement = DRM_OGPU_BO_SYSTEM;
	bo->prefer = DRM_OGPU_BO_SYSTEM;
	bo->region = OGPU_REGIONS;
	bo->ttm.priority = OGPU_BO_PRIORITY_NEEDED;
	INIT_LIST_HEAD(&bo->away);
	INIT_LIST_HEAD(&bo->importers);
	INIT_LIST_HEAD(&bo->import.old);
	bo->shared = true;
	bo->generation = READ_ONCE(odev->generation);
	get_dma_buf(dma_buf);
	bo->import.dma_buf = dma_buf;
	bo->ttm.base.funcs = &ogpu_gem_funcs;
	drm_gem_private_object_init(&odev->drm, &bo->ttm.base, dma_buf->size);
	ogpu_bos_add(bo);

	ret = dma_resv_lock_interruptible(dma_buf->resv, NULL);
	if (ret) {
		ogpu_bo_destroy(&bo->ttm);
		return ERR_PTR(ret);
	}
	/* After a failure TTM has called ogpu_bo_destroy() already, or will. */
	ret = ttm_bo_init_reserved(&odev->mem->ttm, &bo->ttm, ttm_bo_type_sg, &placement, 0, &ctx,
				   NULL, dma_buf->resv, ogpu_bo_destroy);
	dma_resv_unlock(dma_buf->resv);

	return ret ? ERR_PTR(ret) : bo;
}

/**
 * ogpu_bo_operand() - where the card finds a driver's buffer
 * @bo: from ogpu_bo_create_pinned()
 *
 * Return: address operand of the first byte.
 */
u64 ogpu_bo_operand(struct ogpu_bo *bo)
{
	return OGPU_OPERAND(OGPU_TARGET_VRAM, (u64)bo->ttm.resource->start << PAGE_SHIFT);
}

/**
 * ogpu_bo_lookup() - find a buffer by handle
 * @file: whose handle it is
 * @handle: the handle
 *
 * Return: the buffer with a reference, or NULL.
 */
struct ogpu_bo *ogpu_bo_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	return obj ? gem_to_ogpu_bo(obj) : NULL;
}

/**
 * ogpu_bo_next() - go through the buffers of a file
 * @file: the file
 * @handle: in: where to begin, 1 or more; out: the handle of the buffer
 *
 * Return: the first buffer from there on, with a reference, or NULL.
 */
struct ogpu_bo *ogpu_bo_next(struct drm_file *file, int *handle)
{
	struct drm_gem_object *obj;

	spin_lock(&file->table_lock);
	obj = idr_get_next(&file->object_idr, handle);
	if (obj)
		drm_gem_object_get(obj);
	spin_unlock(&file->table_lock);

	return obj ? gem_to_ogpu_bo(obj) : NULL;
}

/*
 * Ioctls
 */

/**
 * ogpu_ioctl_bo_create() - DRM_IOCTL_OGPU_BO_CREATE
 * @drm: the card
 * @data: &struct drm_ogpu_bo_create
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct ogpu_file *ofile = to_ogpu_file(file);
	struct drm_ogpu_bo_create *args = data;
	struct ogpu_vm *vm = NULL;
	struct ogpu_bo *bo;
	u32 handle;
	int ret;

	if (args->flags & ~(DRM_OGPU_BO_CPU_ACCESS | DRM_OGPU_BO_WRITE_COMBINED))
		return -EINVAL;
	if (!args->placement || args->placement & ~(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM))
		return -EINVAL;
	if (!args->size || args->size > OGPU_BO_MAX_SIZE)
		return -EINVAL;

	if (args->vm_id) {
		vm = ogpu_vm_lookup(ofile, args->vm_id);
		if (!vm)
			return -ENOENT;
	}

	bo = ogpu_bo_create(ofile, args->size, args->placement, args->flags, vm);
	ogpu_vm_put(vm);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->ttm.base, &handle);
	if (!ret) {
		args->size = bo->ttm.base.size;
		args->handle = handle;
	}
	ogpu_bo_put(bo);

	return ret;
}

/**
 * ogpu_ioctl_bo_mmap_offset() - DRM_IOCTL_OGPU_BO_MMAP_OFFSET
 * @drm: the card
 * @data: &struct drm_ogpu_bo_mmap_offset
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_bo_mmap_offset *args = data;
	struct ogpu_bo *bo;
	int ret = 0;

	if (args->flags)
		return -EINVAL;

	bo = ogpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	if (ogpu_bo_is_mappable(bo))
		args->offset = drm_vma_node_offset_addr(&bo->ttm.base.vma_node);
	else
		ret = -EPERM;
	ogpu_bo_put(bo);

	return ret;
}

/**
 * ogpu_ioctl_bo_info() - DRM_IOCTL_OGPU_BO_INFO
 * @drm: the card
 * @data: &struct drm_ogpu_bo_info
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_bo_info *args = data;
	struct ogpu_bo *bo;
	int ret;

	if (args->pad)
		return -EINVAL;

	bo = ogpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	ret = dma_resv_lock_interruptible(bo->ttm.base.resv, NULL);
	if (ret)
		goto out_put;

	args->size = bo->ttm.base.size;
	args->placement = bo->placement;
	args->flags = bo->flags | (READ_ONCE(bo->lost) ? DRM_OGPU_BO_LOST : 0) |
		      (ogpu_bo_is_import(bo) ? DRM_OGPU_BO_IMPORTED : 0);
	args->current_placement = bo->ttm.resource->mem_type == TTM_PL_VRAM ? DRM_OGPU_BO_VRAM :
									     DRM_OGPU_BO_SYSTEM;
	if (ogpu_bo_is_empty(bo))
		args->current_placement = 0;
	args->pad2 = 0;
	dma_resv_unlock(bo->ttm.base.resv);

out_put:
	ogpu_bo_put(bo);
	return ret;
}

/**
 * ogpu_ioctl_bo_set_label() - DRM_IOCTL_OGPU_BO_SET_LABEL
 * @drm: the card
 * @data: &struct drm_ogpu_bo_set_label
 * @file: who calls
 *
 * Return: see the uapi header.
 */
int ogpu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_ogpu_bo_set_label *args = data;
	char *label = NULL;
	struct ogpu_bo *bo;
	int ret;

	if (args->pad)
		return -EINVAL;

	bo = ogpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	if (args->label) {
		label = strndup_user(u64_to_user_ptr(args->label), DRM_OGPU_LABEL_MAX);
		if (IS_ERR(label)) {
			/* strndup_user() says -EINVAL for a string that is too long. */
			ret = PTR_ERR(label) == -EINVAL ? -E2BIG : PTR_ERR(label);
			goto out_put;
		}
	}

	ret = dma_resv_lock_interruptible(bo->ttm.base.resv, NULL);
	if (!ret) {
		swap(bo->label, label);
		dma_resv_unlock(bo->ttm.base.resv);
	}
	kfree(label);

out_put:
	ogpu_bo_put(bo);
	return ret;
}
