/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Makes older kernels look like the newest one that the driver supports.
 *
 * All other files are written against the newest kernel API. What an older kernel lacks is
 * found out by Kbuild.probes, which defines OGPU_HAVE_* from the kernel's headers, and is supplied
 * here. Kernel versions are never compared, because stable kernels carry backports. A file includes
 * this header when it uses one of the functions below.
 */
#ifndef _OGPU_COMPAT_H_
#define _OGPU_COMPAT_H_

#include <linux/dma-fence-array.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/kobject.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/gpu_scheduler.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>

#ifdef OGPU_HAVE_GPU_BUDDY
#include <linux/gpu_buddy.h>
#else
#include <drm/drm_buddy.h>
#endif

/*
 * GPU scheduler
 */

#ifndef OGPU_HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int ogpu_compat_sched_init(struct drm_gpu_scheduler *sched,
					 const struct drm_sched_init_args *args)
{
	return drm_sched_init(sched, args->ops, args->submit_wq, args->num_rqs,
			      args->credit_limit, args->hang_limit, args->timeout,
			      args->timeout_wq, args->score, args->name, args->dev);
}

#define drm_sched_init		ogpu_compat_sched_init
#endif

/* For traces of the scheduler; old ones do not name the client. */
#ifndef OGPU_HAVE_SCHED_CLIENT_ID
static inline int ogpu_compat_sched_job_init(struct drm_sched_job *job,
					     struct drm_sched_entity *entity, u32 credits,
					     void *owner, u64 client_id)
{
	return drm_sched_job_init(job, entity, credits, owner);
}

#define drm_sched_job_init	ogpu_compat_sched_job_init
#endif

/* Old ones want a variable for the index. */
#ifndef OGPU_HAVE_EXEC_WALK
static inline struct drm_gem_object *ogpu_compat_exec_object(struct drm_exec *exec, unsigned int i)
{
	return i < exec->num_objects ? exec->objects[i] : NULL;
}

#undef drm_exec_for_each_locked_object
#define drm_exec_for_each_locked_object(exec, obj) \
	for (unsigned int ogpu_i = 0; ((obj) = ogpu_compat_exec_object(exec, ogpu_i)); ogpu_i++)
#endif

/*
 * GPU address spaces
 */

#ifndef OGPU_HAVE_GPUVM_MAP_REQ
struct drm_gpuvm_map_req {
	struct drm_gpuva_op_map map;
};

static inline struct drm_gpuva_ops *
ogpu_compat_sm_map_ops_create(struct drm_gpuvm *gpuvm, const struct drm_gpuvm_map_req *req)
{
	return drm_gpuvm_sm_map_ops_create(gpuvm, req->map.va.addr, req->map.va.range,
					   req->map.gem.obj, req->map.gem.offset);
}

#define drm_gpuvm_sm_map_ops_create	ogpu_compat_sm_map_ops_create
#endif

#ifndef OGPU_HAVE_GPUVM_BO_OBTAIN_LOCKED
#define drm_gpuvm_bo_obtain_locked	drm_gpuvm_bo_obtain
#endif

/*
 * Memory management
 */

#ifndef OGPU_HAVE_KZALLOC_OBJ
#define kmalloc_obj(object, gfp)	kmalloc(sizeof(object), gfp)
#define kzalloc_obj(object, gfp)	kzalloc(sizeof(object), gfp)
#endif

#ifndef OGPU_HAVE_GPU_BUDDY
#define GPU_BUDDY_CONTIGUOUS_ALLOCATION	DRM_BUDDY_CONTIGUOUS_ALLOCATION
#define GPU_BUDDY_RANGE_ALLOCATION	DRM_BUDDY_RANGE_ALLOCATION
#define GPU_BUDDY_TOPDOWN_ALLOCATION	DRM_BUDDY_TOPDOWN_ALLOCATION
#define gpu_buddy			drm_buddy
#define gpu_buddy_block			drm_buddy_block
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_block_offset		drm_buddy_block_offset
#define gpu_buddy_block_size		drm_buddy_block_size
#define gpu_buddy_fini			drm_buddy_fini
#define gpu_buddy_free_list		drm_buddy_free_list
#define gpu_buddy_init			drm_buddy_init
#endif

#ifndef OGPU_HAVE_GPU_BUDDY_SET_LOCK
static inline void gpu_buddy_driver_set_lock(struct gpu_buddy *mm, struct mutex *lock) { }
#endif

/* New kernels can tell "no VRAM" from "no memory"; old ones say -ENOMEM for both. */
#ifdef OGPU_HAVE_TTM_ALLOC_FLAGS
#define ogpu_ttm_device_init(bdev, funcs, dev, mapping, vma_manager, use_dma_alloc, use_dma32) \
	ttm_device_init(bdev, funcs, dev, mapping, vma_manager, \
			((use_dma_alloc) ? TTM_ALLOCATION_POOL_USE_DMA_ALLOC : 0) | \
			((use_dma32) ? TTM_ALLOCATION_POOL_USE_DMA32 : 0) | \
			TTM_ALLOCATION_PROPAGATE_ENOSPC)
#define OGPU_TTM_TELLS_ENOSPC	1
#else
#define ogpu_ttm_device_init	ttm_device_init
#define OGPU_TTM_TELLS_ENOSPC	0
#endif

/* CPU mappings hold the TTM object on old kernels, where its GEM object may be dead already. */
#ifdef OGPU_HAVE_TTM_BO_FINI
static inline void ogpu_compat_mapped_bo_get(struct ttm_buffer_object *bo)
{
	drm_gem_object_get(&bo->base);
}

static inline void ogpu_compat_mapped_bo_put(struct ttm_buffer_object *bo)
{
	drm_gem_object_put(&bo->base);
}

static inline bool ogpu_compat_mapped_bo_get_unless_zero(struct ttm_buffer_object *bo)
{
	return kref_get_unless_zero(&bo->base.refcount);
}
#else
#define ogpu_compat_mapped_bo_get	ttm_bo_get
#define ogpu_compat_mapped_bo_get_unless_zero	ttm_bo_get_unless_zero
#define ogpu_compat_mapped_bo_put	ttm_bo_put

/* Only for drm_gem_object_funcs.free, where the last reference is gone in both worlds. */
#define ttm_bo_fini	ttm_bo_put
#endif

/* New kernels tell how many pages buffers have. */
static inline void ogpu_compat_count_gpu_pages(struct page *page, int count)
{
#ifdef OGPU_HAVE_NR_GPU_ACTIVE
	mod_node_page_state(page_pgdat(page), NR_GPU_ACTIVE, count);
#endif
}

#ifndef DMA_ATTR_REQUIRE_COHERENT
/* Where it is missing, nobody checks that other mappings may have the same memory. */
#define DMA_ATTR_REQUIRE_COHERENT	0
#endif

/*
 * Fences. New kernels bring the lock inside the fence and want it used; old ones need one from
 * the driver: pass its address through ogpu_compat_fence_lock(). New kernels also detach a
 * signalled fence from its driver (OGPU_FENCE_DETACHES), so that it may outlive the module.
 */

static inline spinlock_t *ogpu_compat_fence_lock(spinlock_t *lock)
{
#ifdef OGPU_HAVE_FENCE_INLINE_LOCK
	return NULL;
#else
	spin_lock_init(lock);

	return lock;
#endif
}

#ifdef OGPU_HAVE_FENCE_INLINE_LOCK
#define OGPU_FENCE_DETACHES	1
#else
#define OGPU_FENCE_DETACHES	0
#endif

/* New kernels take it away when the fence signals. */
static inline const struct dma_fence_ops *ogpu_compat_fence_ops(const struct dma_fence *fence)
{
#ifdef OGPU_HAVE_FENCE_INLINE_LOCK
	return rcu_access_pointer(fence->ops);
#else
	return fence->ops;
#endif
}

#ifdef OGPU_HAVE_FENCE_INIT64
#define OGPU_FENCE_OPS_64BIT
#else
#define OGPU_FENCE_OPS_64BIT	.use_64bit_seqno = true,
#define dma_fence_init64	dma_fence_init
#endif

#ifndef OGPU_HAVE_FENCE_ENABLE_SIGNALING
#define dma_fence_enable_signaling	dma_fence_enable_sw_signaling
#endif

/* Old ones could also signal with the first of them. */
#ifdef OGPU_HAVE_FENCE_ARRAY_ANY
static inline struct dma_fence_array *
ogpu_compat_fence_array_create(int num, struct dma_fence **fences, u64 context, unsigned int seqno)
{
	return dma_fence_array_create(num, fences, context, seqno, false);
}

#define dma_fence_array_create	ogpu_compat_fence_array_create
#endif

/*
 * Shared buffers
 */

#ifndef OGPU_HAVE_DMA_BUF_INVALIDATE
#define invalidate_mappings		move_notify
#define dma_buf_invalidate_mappings	dma_buf_move_notify
#endif

/* The name became a string. */
#ifdef OGPU_HAVE_IMPORT_NS_STRING
#define OGPU_NS_DMA_BUF			"DMA_BUF"
#else
#define OGPU_NS_DMA_BUF			DMA_BUF
#endif

/*
 * DRM core
 */

#ifndef OGPU_HAVE_DRIVER_GEM_GPUVA
/* Where it is missing, every driver has the feature. */
#define DRIVER_GEM_GPUVA	0
#endif

#ifndef OGPU_HAVE_GEM_OBJECT_ACTIVE
/* Where it is missing, drm_print_memory_stats() takes it for granted. */
#define DRM_GEM_OBJECT_ACTIVE	0
#endif

#ifndef OGPU_HAVE_DRMM_WORKQUEUE
static inline void ogpu_compat_release_workqueue(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

static inline struct workqueue_struct *ogpu_compat_manage_workqueue(struct drm_device *drm,
								    struct workqueue_struct *wq)
{
	int ret;

	if (!wq)
		return ERR_PTR(-ENOMEM);
	ret = drmm_add_action_or_reset(drm, ogpu_compat_release_workqueue, wq);

	return ret ? ERR_PTR(ret) : wq;
}

#define drmm_alloc_ordered_workqueue(drm, fmt, flags, args...) \
	ogpu_compat_manage_workqueue(drm, alloc_ordered_workqueue(fmt, flags, ##args))
#endif

#ifndef OGPU_HAVE_DRM_WEDGED
#define DRM_WEDGE_RECOVERY_REBIND	BIT(1)
#define DRM_WEDGE_RECOVERY_BUS_RESET	BIT(2)

struct drm_wedge_task_info;

static inline int ogpu_compat_wedged_event(struct drm_device *drm, unsigned long method,
					   struct drm_wedge_task_info *info)
{
	char *envp[2] = { };
	char event[64];

	envp[0] = event;
	snprintf(event, sizeof(event), "WEDGED=%s%s%s",
		 method & DRM_WEDGE_RECOVERY_REBIND ? "rebind" : "",
		 (method & DRM_WEDGE_RECOVERY_REBIND) &&
		 (method & DRM_WEDGE_RECOVERY_BUS_RESET) ? "," : "",
		 method & DRM_WEDGE_RECOVERY_BUS_RESET ? "bus-reset" : "");

	return kobject_uevent_env(&drm->primary->kdev->kobj, KOBJ_CHANGE, envp);
}

#define drm_dev_wedged_event	ogpu_compat_wedged_event
#endif

#endif
