// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * CPU mappings of buffers: what happens when one is touched, by the program or by its debugger.
 *
 * Only moves of the buffer itself are waited for, and without mmap_lock if the kernel allows that,
 * so that neither strangers nor other buffers of the address space hold up the program.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include <drm/drm_cache.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "abi/addr.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_place.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

/* Pages around a touched one are mapped as well, up to the next multiple of this. */
#define OGPU_BO_FAULT_AROUND	SZ_2M

/* Nobody gets to see what is in its place. */
static bool ogpu_bo_has_content(struct ogpu_bo *bo)
{
	return !ogpu_bo_is_stale(bo) && !READ_ONCE(bo->lost) && bo->need != OGPU_BO_PURGED;
}

/*
 * Move a buffer that the CPU touches but cannot reach; its dma_resv is locked. To where the CPU
 * reaches VRAM, if need be in the place of buffers that are idle, otherwise to system memory. What
 * was swapped out comes back.
 */
static int ogpu_bo_make_reachable(struct ogpu_bo *bo)
{
	struct ogpu_vram_mgr *vram = &ogpu_bo_device(bo)->mem->vram;
	struct ttm_operation_ctx ctx = { .interruptible = true, .gfp_retry_mayfail = true };
	u32 mem_type = bo->ttm.resource->mem_type;
	struct ogpu_mem_try try = {};
	struct ogpu_places places;

	if (mem_type != TTM_PL_SYSTEM && ogpu_cpu_reaches(bo->ttm.resource))
		return 0;

	ogpu_places_init(&places, &try);
	if (mem_type == TTM_PL_VRAM && bo->ttm.base.size <= ogpu_vram_mgr_room(vram, true))
		ogpu_places_add(&places, TTM_PL_VRAM, 0)->lpfn = vram->visible_size >> PAGE_SHIFT;
	ogpu_places_add(&places, TTM_PL_TT, 0);

	return ttm_bo_validate(&bo->ttm, &places.placement, &ctx);
}

/*
 * Never with the dma_resv, which others wait for. The first time without mmap_lock either, which is
 * told by VM_FAULT_RETRY; else the caller is given what to wait for when he has unlocked.
 */
static vm_fault_t ogpu_bo_fault_wait(struct ogpu_bo *bo, struct vm_fault *vmf,
				     struct dma_fence **wait)
{
	struct dma_fence *fence = bo->moving;

	if (!fence || dma_fence_is_signaled(fence))
		return 0;

	if (fault_flag_allow_retry_first(vmf->flags)) {
		if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
			return VM_FAULT_RETRY;

		dma_fence_get(fence);
		ogpu_compat_mapped_bo_get(&bo->ttm);
		dma_resv_unlock(bo->ttm.base.resv);
		mmap_read_unlock(vmf->vma->vm_mm);
		dma_fence_wait(fence, true);
		ogpu_compat_mapped_bo_put(&bo->ttm);
		dma_fence_put(fence);
		return VM_FAULT_RETRY;
	}

	*wait = dma_fence_get(fence);
	return VM_FAULT_NOPAGE;
}

/* Frames of VRAM, a run of them at a time. */
static vm_fault_t ogpu_bo_insert_vram(struct ogpu_bo *bo, struct vm_area_struct *vma,
				      unsigned long addr, u64 offset, u64 bytes)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	pgprot_t prot = pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	vm_fault_t fault = VM_FAULT_NOPAGE;
	struct ogpu_res_cursor cur;

	for (ogpu_res_first(&bo->ttm, bo->ttm.resource, offset, bytes, &cur);
	     cur.remaining && !(fault & VM_FAULT_ERROR); ogpu_res_next(&cur, PAGE_SIZE)) {
		u64 at = FIELD_GET(OGPU_OPERAND_ADDR, cur.operand);

		fault = vmf_insert_pfn_prot(vma, addr, PHYS_PFN(odev->aperture_phys + at), prot);
		addr += PAGE_SIZE;
	}

	return fault;
}

static vm_fault_t ogpu_bo_insert_pages(struct ogpu_bo *bo, struct vm_area_struct *vma,
				       unsigned long addr, u64 offset, u64 bytes)
{
	struct page **page = &bo->ttm.ttm->pages[offset >> PAGE_SHIFT];
	pgprot_t prot = ttm_io_prot(&bo->ttm, bo->ttm.resource, vma->vm_page_prot);
	vm_fault_t fault = VM_FAULT_NOPAGE;

	for (; bytes && !(fault & VM_FAULT_ERROR); bytes -= PAGE_SIZE) {
		fault = vmf_insert_pfn_prot(vma, addr, page_to_pfn(*page++), prot);
		addr += PAGE_SIZE;
	}

	return fault;
}

/* If only pages that nobody has touched yet cannot be mapped, that is no error. */
static void ogpu_bo_insert(struct ogpu_bo *bo, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long end = min(ALIGN(addr + 1, OGPU_BO_FAULT_AROUND), vma->vm_end);
	u64 page = ((addr - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff -
		   drm_vma_node_start(&bo->ttm.base.vma_node);
	u64 offset = page << PAGE_SHIFT;
	u64 bytes = min_t(u64, end - addr, bo->ttm.base.size - offset);

	if (bo->ttm.resource->mem_type == TTM_PL_VRAM)
		ogpu_bo_insert_vram(bo, vma, addr, offset, bytes);
	else
		ogpu_bo_insert_pages(bo, vma, addr, offset, bytes);
}

static vm_fault_t ogpu_bo_fault_locked(struct ogpu_bo *bo, struct vm_fault *vmf,
				       struct dma_fence **wait)
{
	vm_fault_t fault;
	int ret;

	if (!ogpu_bo_has_content(bo))
		return VM_FAULT_SIGBUS;

	ret = ogpu_bo_make_reachable(bo);
	/* Interrupted: the access is tried again. */
	if (ret == -EINTR || ret == -ERESTARTSYS)
		return VM_FAULT_NOPAGE;
	if (ret)
		return VM_FAULT_SIGBUS;

	fault = ogpu_bo_fault_wait(bo, vmf, wait);
	if (fault)
		return fault;

	ogpu_bo_settle(bo);
	if (!ogpu_bo_has_content(bo))
		return VM_FAULT_SIGBUS;

	ogpu_bo_insert(bo, vmf);

	/* A reset has either cut this mapping, or has raised the generation before. */
	smp_mb();
	if (!ogpu_bo_is_stale(bo))
		return VM_FAULT_NOPAGE;
	ttm_bo_unmap_virtual(&bo->ttm);

	return VM_FAULT_SIGBUS;
}

static vm_fault_t ogpu_bo_vm_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *tbo = vmf->vma->vm_private_data;
	struct ogpu_device *odev = ttm_to_ogpu_device(tbo->bdev);
	struct dma_fence *wait = NULL;
	vm_fault_t fault;
	int idx;

	fault = ttm_bo_vm_reserve(tbo, vmf);
	if (fault)
		return fault;

	if (ogpu_device_enter(odev, &idx)) {
		fault = ogpu_bo_fault_locked(ttm_to_ogpu_bo(tbo), vmf, &wait);
		ogpu_device_exit(odev, idx);
	} else {
		fault = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	}

	/* In this case the lock has been dropped, together with mmap_lock, to wait. */
	if (fault == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return fault;

	dma_resv_unlock(tbo->base.resv);

	/* Whether it was interrupted or not, the access is tried again. */
	if (wait)
		dma_fence_wait(wait, true);
	dma_fence_put(wait);

	return fault;
}

/*
 * Lock a buffer for a debugger, reachable and with its content there. After a wait everything is
 * looked at again: it may have been moved.
 */
static int ogpu_bo_lock_for_access(struct ogpu_bo *bo)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct dma_fence *moving;
	int ret;

	do {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;

		ret = ogpu_bo_has_content(bo) ? ogpu_bo_make_reachable(bo) : -EIO;
		moving = ret ? NULL : bo->moving;
		if (!ret && (!moving || dma_fence_is_signaled(moving))) {
			ogpu_bo_settle(bo);
			if (ogpu_bo_has_content(bo))
				return 0;
			moving = NULL;
			ret = -EIO;
		}
		dma_fence_get(moving);
		dma_resv_unlock(resv);

		if (moving)
			ret = dma_fence_wait(moving, true);
		dma_fence_put(moving);
	} while (!ret);

	return ret;
}

static void ogpu_bo_access_vram(struct ogpu_bo *bo, u64 offset, void *buf, int len, bool write)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	struct ogpu_res_cursor cur;

	for (ogpu_res_first(&bo->ttm, bo->ttm.resource, offset, len, &cur); cur.remaining;
	     ogpu_res_next(&cur, cur.size)) {
		void __iomem *mem = odev->aperture + FIELD_GET(OGPU_OPERAND_ADDR, cur.operand);

		if (write)
			memcpy_toio(mem, buf, cur.size);
		else
			memcpy_fromio(buf, mem, cur.size);
		buf += cur.size;
	}
}

/* Mapped as the program has them mapped. */
static int ogpu_bo_access_pages(struct ogpu_bo *bo, u64 offset, void *buf, int len, bool write)
{
	struct ttm_bo_kmap_obj map;
	bool iomem;
	void *mem;
	int ret;

	while (len) {
		size_t bytes = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));

		ret = ttm_bo_kmap(&bo->ttm, offset >> PAGE_SHIFT, 1, &map);
		if (ret)
			return ret;
		mem = ttm_kmap_obj_virtual(&map, &iomem) + offset_in_page(offset);
		if (write)
			memcpy(mem, buf, bytes);
		else
			memcpy(buf, mem, bytes);
		ttm_bo_kunmap(&map);
		offset += bytes;
		buf += bytes;
		len -= bytes;
	}

	return 0;
}

static int ogpu_bo_access(struct ogpu_bo *bo, u64 offset, void *buf, int len, bool write)
{
	int ret;

	if (len < 1 || offset + len > bo->ttm.base.size)
		return -EIO;

	ret = ogpu_bo_lock_for_access(bo);
	if (ret)
		return ret;

	if (bo->ttm.resource->mem_type != TTM_PL_VRAM)
		ret = ogpu_bo_access_pages(bo, offset, buf, len, write);
	else if (ogpu_device_running(ogpu_bo_device(bo)))
		ogpu_bo_access_vram(bo, offset, buf, len, write);
	else
		ret = -EIO;

	/* A reset on the way: nothing of it is to be seen. */
	if (!ogpu_bo_has_content(bo))
		ret = -EIO;
	dma_resv_unlock(bo->ttm.base.resv);

	return ret ?: len;
}

/* What the CPU maps, for ptrace and /proc/PID/mem. */
static int ogpu_bo_vm_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			     int write)
{
	struct ttm_buffer_object *tbo = vma->vm_private_data;
	struct ogpu_device *odev = ttm_to_ogpu_device(tbo->bdev);
	u64 page = vma->vm_pgoff - drm_vma_node_start(&tbo->base.vma_node);
	int ret, idx;

	if (!ogpu_device_enter(odev, &idx))
		return -EIO;
	ret = ogpu_bo_access(ttm_to_ogpu_bo(tbo), addr - vma->vm_start + (page << PAGE_SHIFT), buf,
			     len, write);
	ogpu_device_exit(odev, idx);

	return ret;
}

/* Of all mappings of buffers. */
const struct vm_operations_struct ogpu_bo_vm_ops = {
	.fault = ogpu_bo_vm_fault,
	.access = ogpu_bo_vm_access,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
};
