// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Bind jobs: changes of page tables, done by the CPU in the order of an address space's calls.
 *
 * A job is filled while the buffers are locked: it remembers where their memory is at that
 * moment. This stays true until the job has run, because its fence, which is put into the buffers'
 * dma_resv, holds back every move and every release of memory.
 *
 * For the same reason a job that cannot be done, because the card has failed, must not be over
 * before the card has been stopped: until then its engines may follow what the page tables or the
 * TLB said before. Such a job is parked; ogpu_binds_stop() ends it.
 */
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "ogpu_bind.h"
#include "ogpu_bo.h"
#include "ogpu_fence.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

static struct ogpu_bind_job *to_ogpu_bind_job(struct ogpu_sched_job *job)
{
	return container_of(job, struct ogpu_bind_job, base);
}

static int ogpu_bind_job_apply(struct ogpu_bind_job *job)
{
	struct ogpu_vm *vm = job->vm;
	u64 start = U64_MAX;
	u64 end = 0;
	int ret, idx;
	u32 i;

	/* A card that is being reset may not be touched. */
	if (!ogpu_device_running(vm->odev))
		return -ENODEV;
	/* Without the card there are no page tables. */
	if (!ogpu_device_enter(vm->odev, &idx))
		return -ENODEV;

	for (i = 0; i < job->count; i++) {
		struct ogpu_bind_range *range = &job->ranges[i];

		if (range->segments)
			ogpu_pt_map(&vm->pt, range->va, range->size, range->prot, range->segments);
		else
			ogpu_pt_unmap(&vm->pt, range->va, range->size);

		start = min(start, range->va);
		end = max(end, range->va + range->size);
		cond_resched();
	}

	/* The entries must be in VRAM before the card is told to look again. */
	wmb();
	ret = job->count ? ogpu_mmu_invalidate(vm->odev, vm->asid, start, end) : 0;
	ogpu_device_exit(vm->odev, idx);

	return ret;
}

/* Let a job wait until the card is stopped, which is sure to come; unless it has been. */
static int ogpu_bind_job_park(struct ogpu_bind_job *job)
{
	struct ogpu_mem_binds *binds = &job->vm->odev->mem->binds;
	int ret = 0;

	spin_lock(&binds->lock);
	if (job->vm->stops == binds->stops)
		list_add_tail(&job->parked, &binds->parked);
	else
		ret = -ENODEV;
	spin_unlock(&binds->lock);

	return ret;
}

static struct dma_fence *ogpu_bind_job_run(struct ogpu_sched_job *sched_job)
{
	struct ogpu_bind_job *job = to_ogpu_bind_job(sched_job);
	struct dma_fence *fence = dma_fence_get(job->fence);
	int ret;

	ret = ogpu_bind_job_apply(job);
	if (ret) {
		ret = ogpu_bind_job_park(job);
		if (!ret)
			return fence;
	}
	ogpu_fence_signal(fence, ret);
	dma_fence_put(fence);

	return NULL;
}

/**
 * ogpu_binds_stop() - fail all bind jobs that could not be done
 * @odev: card that stands still and forgets all address spaces before it is started again
 *
 * From now on jobs of address spaces that exist fail at once if they cannot be done. Callable where
 * fences are signalled.
 */
void ogpu_binds_stop(struct ogpu_device *odev)
{
	struct ogpu_mem_binds *binds = &odev->mem->binds;
	struct ogpu_bind_job *job;

	spin_lock(&binds->lock);
	binds->stops++;
	while ((job = list_first_entry_or_null(&binds->parked, struct ogpu_bind_job, parked))) {
		struct ogpu_sched *sched = ogpu_sched_get(job->base.sched);
		struct dma_fence *fence = dma_fence_get(job->fence);

		list_del(&job->parked);
		spin_unlock(&binds->lock);

		ogpu_fence_signal(fence, -ENODEV);
		dma_fence_put(fence);
		ogpu_sched_put(sched);

		spin_lock(&binds->lock);
	}
	spin_unlock(&binds->lock);
}

/* The scheduler's part of the job has been undone. */
static void ogpu_bind_job_release(struct ogpu_bind_job *job)
{
	u32 i;

	for (i = 0; i < job->count; i++)
		kvfree(job->ranges[i].segments);
	kvfree(job->ranges);
	ogpu_vm_put(job->vm);
	kfree(job);
}

static void ogpu_bind_job_free(struct ogpu_sched_job *sched_job)
{
	struct ogpu_bind_job *job = to_ogpu_bind_job(sched_job);

	ogpu_sched_job_fini(&job->base);
	dma_fence_put(job->fence);
	ogpu_bind_job_release(job);
}

const struct ogpu_sched_ops ogpu_bind_sched_ops = {
	.run = ogpu_bind_job_run,
	.free = ogpu_bind_job_free,
};

/**
 * ogpu_bind_job_create() - make an empty bind job
 * @vm: address space to change
 * @room: ranges that are sure to come; more may come
 * @client_id: of the DRM file that wants it; 0: the kernel
 *
 * Return: the job, or ERR_PTR(-ENOMEM).
 */
struct ogpu_bind_job *ogpu_bind_job_create(struct ogpu_vm *vm, u32 room, u64 client_id)
{
	struct ogpu_bind_job *job;
	int ret;

	job = kzalloc_obj(*job);
	if (!job)
		return ERR_PTR(-ENOMEM);

	job->room = max(room, 16u);
	job->ranges = kvcalloc(job->room, sizeof(*job->ranges), GFP_KERNEL_ACCOUNT);
	if (!job->ranges) {
		ret = -ENOMEM;
		goto err_free;
	}

	job->fence = ogpu_fence_alloc();
	if (!job->fence) {
		ret = -ENOMEM;
		goto err_ranges;
	}

	ret = ogpu_sched_job_init(&job->base, vm->sched, client_id);
	if (ret)
		goto err_fence;

	job->vm = ogpu_vm_get(vm);

	return job;

err_fence:
	ogpu_fence_free_unused(job->fence);
err_ranges:
	kvfree(job->ranges);
err_free:
	kfree(job);
	return ERR_PTR(ret);
}

/**
 * ogpu_bind_job_abort() - drop a job that was not armed
 * @job: the job, or NULL
 */
void ogpu_bind_job_abort(struct ogpu_bind_job *job)
{
	if (!job)
		return;

	ogpu_sched_job_fini(&job->base);
	ogpu_fence_free_unused(job->fence);
	ogpu_bind_job_release(job);
}

/**
 * ogpu_bind_job_arm() - give a job its place among the changes of its address space
 * @job: to arm; the address space's dma_resv is locked
 *
 * The point of no return: after it comes ogpu_bind_job_push(), before the dma_resv is unlocked.
 *
 * Return: the job's fence, borrowed; it signals when the job is over.
 */
struct dma_fence *ogpu_bind_job_arm(struct ogpu_bind_job *job)
{
	struct ogpu_vm *vm = job->vm;

	dma_resv_assert_held(drm_gpuvm_resv(&vm->base));
	ogpu_fence_init(job->fence, vm->fence_context, ++vm->fence_seqno);

	return job->fence;
}

/**
 * ogpu_bind_job_push() - hand a job over
 * @job: armed
 *
 * From here on it may run, end and be freed at any moment.
 */
void ogpu_bind_job_push(struct ogpu_bind_job *job)
{
	ogpu_sched_job_push(&job->base);
}

static struct ogpu_bind_range *ogpu_bind_job_add(struct ogpu_bind_job *job)
{
	struct ogpu_bind_range *ranges;
	u32 room = job->room * 2;

	if (job->count < job->room)
		return &job->ranges[job->count];

	ranges = kvcalloc(room, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return NULL;

	memcpy(ranges, job->ranges, job->count * sizeof(*ranges));
	kvfree(job->ranges);
	job->ranges = ranges;
	job->room = room;

	return &job->ranges[job->count];
}

static struct ogpu_pt_segment *ogpu_bind_segments(struct ogpu_bo *bo, u64 offset, u64 size)
{
	struct ttm_buffer_object *tbo = &bo->ttm;
	struct ogpu_pt_segment *segments;
	struct ogpu_res_cursor cur;
	size_t count = 0;

	for (ogpu_res_first(tbo, tbo->resource, offset, size, &cur); cur.remaining;
	     ogpu_res_next(&cur, cur.size))
		count++;

	segments = kvmalloc_array(count, sizeof(*segments), GFP_KERNEL_ACCOUNT);
	if (!segments)
		return NULL;

	count = 0;
	for (ogpu_res_first(tbo, tbo->resource, offset, size, &cur); cur.remaining;
	     ogpu_res_next(&cur, cur.size)) {
		segments[count].operand = cur.operand;
		segments[count].size = cur.size;
		count++;
	}

	return segments;
}

/**
 * ogpu_bind_job_map() - add a range to map
 * @job: not armed
 * @va: first address; the page tables have been prepared
 * @size: bytes
 * @prot: OGPU_PTE_READ, _WRITE, _EXEC
 * @bo: buffer, locked, where the card can use it; the caller puts the job's fence into its dma_resv
 * @offset: first byte of the buffer
 *
 * The job waits for the buffer's clears and moves: nobody must see this memory earlier.
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_bind_job_map(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot, struct ogpu_bo *bo,
		      u64 offset)
{
	struct ogpu_bind_range *range = ogpu_bind_job_add(job);
	struct ogpu_pt_segment *segments;

	if (!range)
		return -ENOMEM;

	segments = ogpu_bind_segments(bo, offset, size);
	if (!segments)
		return -ENOMEM;

	*range = (struct ogpu_bind_range) {
		.va = va,
		.size = size,
		.prot = prot,
		.segments = segments,
	};
	job->count++;

	return ogpu_sched_job_add_resv_deps(&job->base, bo->ttm.base.resv, DMA_RESV_USAGE_KERNEL);
}

/**
 * ogpu_bind_job_unmap() - add a range to unmap
 * @job: not armed
 * @va: first address
 * @size: bytes
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_bind_job_unmap(struct ogpu_bind_job *job, u64 va, u64 size)
{
	struct ogpu_bind_range *range = ogpu_bind_job_add(job);

	if (!range)
		return -ENOMEM;

	*range = (struct ogpu_bind_range) { .va = va, .size = size };
	job->count++;

	return 0;
}
