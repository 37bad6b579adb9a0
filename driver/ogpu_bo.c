// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers: creation, placement, CPU mappings, and the BO_* ioctls.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_file.h"
#include "ogpu_preempt.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

#define OGPU_BO_MAX_SIZE	SZ_1T

/* Alignment of buffers that may be in VRAM: one CONTIG group of page-table entries. */
#define OGPU_BO_VRAM_ALIGN	max_t(u64, OGPU_PAGE_64K, PAGE_SIZE)

/* Where a buffer may be, in the form that TTM wants. */
struct ogpu_bo_places {
	struct ttm_place places[2];
	struct ttm_placement placement;
};

static void ogpu_bo_get_places(struct ogpu_bo *bo, struct ogpu_bo_places *out)
{
	struct ogpu_vram_mgr *vram = &ogpu_bo_device(bo)->mem->vram;
	bool partly_visible = vram->visible_size < vram->base.size;
	bool fits = bo->ttm.base.size <= vram->base.size - vram->reserved_size;
	u64 system_size = ogpu_bo_device(bo)->mem->tt.size;
	struct ttm_place *place = out->places;

	*out = (struct ogpu_bo_places) { .placement.placement = out->places };

	if (bo->flags & DRM_OGPU_BO_CPU_ACCESS)
		fits = bo->ttm.base.size <= vram->visible_size - vram->reserved_size;

	/*
	 * What can never fit is no place: TTM would evict everything, and make the list of pages,
	 * before it gives up.
	 */
	if ((bo->placement & DRM_OGPU_BO_VRAM) && fits) {
		place->mem_type = TTM_PL_VRAM;
		/* Page tables may be elsewhere: nobody has to make room for them. */
		if (bo->kernel)
			place->flags |= TTM_PL_FLAG_CONTIGUOUS | TTM_PL_FLAG_DESIRED;
		if (partly_visible) {
			if (bo->flags & DRM_OGPU_BO_CPU_ACCESS)
				place->lpfn = vram->visible_size >> PAGE_SHIFT;
			else
				place->flags |= TTM_PL_FLAG_TOPDOWN;
		}
		place++;
	}

	if ((bo->placement & DRM_OGPU_BO_SYSTEM) && bo->ttm.base.size <= system_size) {
		place->mem_type = TTM_PL_TT;
		/* Use VRAM while some is free, then system memory; evict nothing for it. */
		if (place != out->places) {
			out->places[0].flags |= TTM_PL_FLAG_DESIRED;
			place->flags |= TTM_PL_FLAG_FALLBACK;
		}
		place++;
	}

	out->placement.num_placement = place - out->places;
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
 * ogpu_bo_validate() - bring a buffer to where the card can use it
 * @bo: the buffer, its dma_resv locked
 *
 * Others may be evicted for it. The move is not waited for: its fence is in the dma_resv with usage
 * DMA_RESV_USAGE_KERNEL. Consumes room for fences in the dma_resv. Between ogpu_mem_begin() and
 * ogpu_mem_end().
 *
 * Return: 0, -EBADMSG: its content is lost, -ENOSPC: no room in VRAM, -ENOMEM, -ENODEV: card gone,
 * -ERESTARTSYS, -EINTR: could not be moved because of jobs that use it.
 */
int ogpu_bo_validate(struct ogpu_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ogpu_bo_places places;
	int ret;

	if (bo->lost)
		return -EBADMSG;

	/* Room in VRAM is not worth waiting for jobs that use it where it is. */
	if ((bo->placement & DRM_OGPU_BO_SYSTEM) && bo->ttm.resource->mem_type == TTM_PL_TT &&
	    !dma_resv_test_signaled(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return 0;

	ogpu_bo_get_places(bo, &places);
	ret = ttm_bo_validate(&bo->ttm, &places.placement, &ctx);

	/* Long jobs of the caller's own: let it decide whether it goes on waiting. */
	return ret == -EBUSY ? -EINTR : ogpu_bo_space_error(bo->placement, ret);
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
}

/**
 * ogpu_bo_set_lost() - the content was lost to a memory error while the buffer was moved
 * @bo: buffer, whose dma_resv is held
 *
 * What is in its place is nobody's to see.
 */
void ogpu_bo_set_lost(struct ogpu_bo *bo)
{
	if (!bo->lost)
		drm_err_ratelimited(bo->ttm.base.dev,
				    "a buffer of %zu bytes has lost its content to bad memory\n",
				    bo->ttm.base.size);
	bo->lost = true;
}

/*
 * GEM object functions
 */

static void ogpu_bo_free(struct drm_gem_object *obj)
{
	struct ogpu_bo *bo = gem_to_ogpu_bo(obj);

	if (bo->ttm.pin_count) {
		dma_resv_lock(obj->resv, NULL);
		ttm_bo_unpin(&bo->ttm);
		dma_resv_unlock(obj->resv);
	}

	ttm_bo_fini(&bo->ttm);
}

/* Move a buffer that the CPU touches but cannot reach; its dma_resv is locked. */
static int ogpu_bo_make_reachable(struct ogpu_bo *bo)
{
	static const struct ttm_place tt = { .mem_type = TTM_PL_TT };
	struct ttm_placement placement = { .num_placement = 1, .placement = &tt };
	struct ttm_operation_ctx ctx = { .interruptible = true };

	if (ogpu_cpu_reaches(bo->ttm.resource))
		return 0;

	return ttm_bo_validate(&bo->ttm, &placement, &ctx);
}

/*
 * Wait for clears and moves. As TTM does itself, which comes too late for who must look at the
 * outcome: the first time without mmap_lock, which is told by VM_FAULT_RETRY; see
 * ogpu_bo_vm_fault().
 */
static vm_fault_t ogpu_bo_fault_wait(struct ogpu_bo *bo, struct vm_fault *vmf)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	long ret;

	if (dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
		return 0;

	if (fault_flag_allow_retry_first(vmf->flags)) {
		if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
			return VM_FAULT_RETRY;

		ogpu_compat_mapped_bo_get(&bo->ttm);
		mmap_read_unlock(vmf->vma->vm_mm);
		dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true, MAX_SCHEDULE_TIMEOUT);
		dma_resv_unlock(resv);
		ogpu_compat_mapped_bo_put(&bo->ttm);
		return VM_FAULT_RETRY;
	}

	ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true, MAX_SCHEDULE_TIMEOUT);

	return ret < 0 ? VM_FAULT_NOPAGE : 0;
}

/*
 * After a reset the content of memory is lost, and whatever a failed clear or move has left in it
 * is nobody's to see. The generation changes before the fences of what failed signal.
 */
static bool ogpu_bo_is_stale(struct ogpu_bo *bo)
{
	return bo->generation != READ_ONCE(ogpu_bo_device(bo)->generation);
}

static vm_fault_t ogpu_bo_fault_locked(struct ogpu_bo *bo, struct vm_fault *vmf)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	pgprot_t prot = vmf->vma->vm_page_prot;
	vm_fault_t fault;
	int ret, idx;

	if (!ogpu_device_enter(odev, &idx))
		return ttm_bo_vm_dummy_page(vmf, prot);

	ret = ogpu_bo_make_reachable(bo);
	if (ret) {
		/* Interrupted, or still in use by jobs: the access is tried again. */
		fault = ret == -EINTR || ret == -ERESTARTSYS || ret == -EBUSY ? VM_FAULT_NOPAGE :
										VM_FAULT_SIGBUS;
		goto out_exit;
	}

	fault = ogpu_bo_fault_wait(bo, vmf);
	if (fault)
		goto out_exit;

	if (ogpu_bo_is_stale(bo) || bo->lost)
		fault = VM_FAULT_SIGBUS;
	else
		fault = ttm_bo_vm_fault_reserved(vmf, prot, TTM_BO_VM_NUM_PREFAULT);

out_exit:
	ogpu_device_exit(odev, idx);
	return fault;
}

static vm_fault_t ogpu_bo_vm_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *tbo = vmf->vma->vm_private_data;
	vm_fault_t fault;

	fault = ttm_bo_vm_reserve(tbo, vmf);
	if (fault)
		return fault;

	fault = ogpu_bo_fault_locked(ttm_to_ogpu_bo(tbo), vmf);

	/* In this case the lock has been dropped, together with mmap_lock, to wait. */
	if (fault == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return fault;

	dma_resv_unlock(tbo->base.resv);
	return fault;
}

static const struct vm_operations_struct ogpu_bo_vm_ops = {
	.fault = ogpu_bo_vm_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
};

/* What may be in VRAM only, and anywhere in it, is out of the CPU's reach for good. */
static bool ogpu_bo_is_mappable(const struct ogpu_bo *bo)
{
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
	.vm_ops = &ogpu_bo_vm_ops,
};

/*
 * Creation
 */

/* The last thing that happens to a buffer: TTM has given its memory back. */
static void ogpu_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct ogpu_bo *bo = ttm_to_ogpu_bo(tbo);

	drm_gem_object_release(&tbo->base);
	if (bo->root)
		drm_gem_object_put(bo->root);
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
static int ogpu_bo_place(struct ogpu_bo *bo, struct ttm_placement *placement,
			 struct ttm_operation_ctx *ctx)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct ww_acquire_ctx ticket;
	int ret;

	ww_acquire_init(&ticket, &reservation_ww_class);
	dma_resv_lock(resv, &ticket);
	ret = ttm_bo_validate(&bo->ttm, placement, ctx);
	if (!ret && bo->kernel)
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
static int ogpu_bo_init(struct ogpu_bo *bo, struct ogpu_bo_places *places, enum ogpu_mem_mode mode)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct ttm_operation_ctx ctx = {
		.interruptible = !bo->kernel,
		.gfp_retry_mayfail = true,
	};
	struct dma_resv *resv = bo->root ? bo->root->resv : NULL;
	struct ttm_placement nowhere = {};
	bool alone = mode == OGPU_MEM_EXCLUSIVE;
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

	if (bo->kernel && !alone)
		ttm_bo_pin(&bo->ttm);
	dma_resv_unlock(bo->ttm.base.resv);

	if (alone) {
		ret = ogpu_bo_place(bo, &places->placement, &ctx);
		if (ret)
			ogpu_bo_put(bo);
	}

	return ret;
}

static struct ogpu_bo *ogpu_bo_new(struct ogpu_device *odev, u64 size, u32 placement, u32 flags,
				   struct drm_gem_object *root, bool kernel)
{
	enum ogpu_mem_mode mode = OGPU_MEM_SHARED;
	struct ogpu_bo_places places;
	struct ogpu_bo *bo;
	int ret;

	do {
		bo = kzalloc_obj(*bo);
		if (!bo)
			return ERR_PTR(-ENOMEM);

		bo->placement = placement;
		bo->flags = flags;
		bo->kernel = kernel;
		if (root)
			drm_gem_object_get(root);
		bo->root = root;
		bo->ttm.base.funcs = &ogpu_gem_funcs;
		drm_gem_private_object_init(&odev->drm, &bo->ttm.base, size);

		ogpu_bo_get_places(bo, &places);
		ret = places.placement.num_placement ? ogpu_mem_begin(odev, mode) : -ENOSPC;
		if (ret) {
			ogpu_bo_destroy(&bo->ttm);
			return ERR_PTR(ogpu_bo_space_error(placement, ret));
		}
		ret = ogpu_bo_init(bo, &places, mode);
	} while (ogpu_mem_retry(odev, &mode, ret) && !kernel);

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
			 vm ? drm_gpuvm_resv_obj(&vm->base) : NULL, false);
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
 * It lies in VRAM, contiguous and visible, is never moved, and is zero. Nothing is evicted for it.
 * ogpu_bo.iomem is where the CPU reaches it, ogpu_bo_operand() where the card does. Must not be called with a dma_resv
 * locked.
 *
 * Return: the buffer, or -ENOSPC, -ENOMEM.
 */
struct ogpu_bo *ogpu_bo_create_pinned(struct ogpu_device *odev, u64 size)
{
	struct ogpu_bo *bo;

	bo = ogpu_bo_new(odev, round_up(size, OGPU_BO_VRAM_ALIGN), DRM_OGPU_BO_VRAM,
			 DRM_OGPU_BO_CPU_ACCESS, NULL, true);
	if (IS_ERR(bo))
		return bo;

	bo->iomem = odev->aperture + ((u64)bo->ttm.resource->start << PAGE_SHIFT);
	memset_io(bo->iomem, 0, bo->ttm.base.size);

	return bo;
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
 * Debugfs
 */

static void ogpu_bo_print(struct ogpu_bo *bo, struct drm_printer *p)
{
	struct ttm_resource *res;

	dma_resv_lock(bo->ttm.base.resv, NULL);
	res = bo->ttm.resource;
	drm_printf(p, "  %zu bytes, in %s, placement %#x, flags %#x, label \"%s\"\n",
		   bo->ttm.base.size,
		   res->mem_type == TTM_PL_VRAM ? "vram" : "system", bo->placement, bo->flags,
		   bo->label ?: "");
	dma_resv_unlock(bo->ttm.base.resv);
}

/**
 * ogpu_bo_print_all() - write the buffers that have handles for people
 * @odev: the card
 * @p: where to
 *
 * Takes the dma_resv of each buffer.
 */
void ogpu_bo_print_all(struct ogpu_device *odev, struct drm_printer *p)
{
	struct drm_file *file;
	struct ogpu_bo *bo;
	int handle;

	mutex_lock(&odev->drm.filelist_mutex);
	list_for_each_entry(file, &odev->drm.filelist, lhead) {
		drm_printf(p, "client %llu\n", file->client_id);
		for (handle = 1; (bo = ogpu_bo_next(file, &handle)); handle++) {
			ogpu_bo_print(bo, p);
			ogpu_bo_put(bo);
		}
	}
	mutex_unlock(&odev->drm.filelist_mutex);
}

/*
 * Ioctls
 */

/**
 * ogpu_bo_prime_export() - DRM_IOCTL_PRIME_HANDLE_TO_FD
 * @drm: the card
 * @file: who calls
 * @handle: of the buffer
 * @flags: for the new file
 * @fd: out
 *
 * Refused: a buffer belongs to one file, with which it becomes stale after a reset.
 *
 * Return: -EOPNOTSUPP.
 */
int ogpu_bo_prime_export(struct drm_device *drm, struct drm_file *file, u32 handle, u32 flags,
			 int *fd)
{
	return -EOPNOTSUPP;
}

/**
 * ogpu_bo_prime_import() - DRM_IOCTL_PRIME_FD_TO_HANDLE
 * @drm: the card
 * @file: who calls
 * @fd: of a dma-buf
 * @handle: out
 *
 * Refused, as ogpu_bo_prime_export().
 *
 * Return: -EOPNOTSUPP.
 */
int ogpu_bo_prime_import(struct drm_device *drm, struct drm_file *file, int fd, u32 *handle)
{
	return -EOPNOTSUPP;
}

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

	if (args->flags & ~DRM_OGPU_BO_CPU_ACCESS)
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
	args->flags = bo->flags | (bo->lost ? DRM_OGPU_BO_LOST : 0);
	args->current_placement = bo->ttm.resource->mem_type == TTM_PL_VRAM ? DRM_OGPU_BO_VRAM :
									     DRM_OGPU_BO_SYSTEM;
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
