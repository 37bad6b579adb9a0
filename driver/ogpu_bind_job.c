// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Bind jobs: changes of page tables, done by the CPU in the order of an address space's calls, or
 * at once if there is nothing to wait for.
 *
 * A job is filled while the buffers are locked: it remembers where their memory is at that moment,
 * and brings all tables that it may need. This stays true until the job has run, because its fence,
 * which is put into the buffers' dma_resv, holds back every move and every release of memory.
 *
 * For the same reason a job that cannot be done, because the card has failed, must not be over
 * before the card has been stopped: until then its engines may follow what the page tables or the
 * TLB said before. Such a job is deferred; ogpu_binds_stop() ends it.
 */
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "ogpu_bind.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_fence.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

static struct ogpu_bind_job *to_ogpu_bind_job(struct ogpu_sched_job *job)
{
	return container_of(job, struct ogpu_bind_job, base);
}

/* Bytes of system memory that a call may map: it is looked at page by page. */
#define OGPU_BIND_MAX_SYSTEM	(64ull << 30)

/* Jobs with more ranges and segments, or tables, are not done at once: it would take long. */
#define OGPU_BIND_NOW_MAX	4096
#define OGPU_BIND_NOW_TABLES	128

static int ogpu_bind_job_change(struct ogpu_bind_job *job)
{
	struct ogpu_pt_change *change = &job->change;
	struct ogpu_vm *vm = job->vm;
	struct ogpu_pt_ranges split = {};
	int ret = 0;
	u32 i;

	for (i = 0; i < job->count; i++) {
		ogpu_pt_split(&vm->pt, change, &split, job->ranges[i].va);
		ogpu_pt_split(&vm->pt, change, &split, job->ranges[i].va + job->ranges[i].size);
	}
	if (split.count)
		ret = ogpu_mmu_invalidate(vm->odev, vm->asid, &split);

	for (i = 0; i < job->count && !ret; i++) {
		struct ogpu_bind_range *range = &job->ranges[i];

		ogpu_userptrs_forget_entries(vm, range->va, range->size);
		if (range->prot && !range->userptr)
			ogpu_pt_map(&vm->pt, change, range->va, range->size, range->prot,
				    range->segments);
		else
			ogpu_pt_unmap(&vm->pt, change, range->va, range->size);
		/* What was written for it before is gone by now, also if nothing can be written. */
		if (range->userptr)
			ogpu_userptr_write_entries(range, change);
		cond_resched();
	}
	if (ret)
		return ret;

	vm->invalidations += split.count + change->stale.count;
	if (!change->stale.count) {
		ogpu_mmu_flush(vm->odev, vm->asid);
		return 0;
	}

	return ogpu_mmu_invalidate(vm->odev, vm->asid, &change->stale);
}

/* May be called again if it fails. */
static int ogpu_bind_job_apply(struct ogpu_bind_job *job)
{
	struct ogpu_vm *vm = job->vm;
	int ret, idx;

	/* A card that is being reset may not be touched. */
	if (!ogpu_device_running(vm->odev))
		return -ENODEV;
	/* After a reset page tables lack what was not done before: they fit no later change. */
	if (ogpu_vm_is_stale(vm))
		return -ENODEV;
	/* Without the card there are no page tables. */
	if (!ogpu_device_enter(vm->odev, &idx))
		return -ENODEV;

	mutex_lock(&vm->pt_lock);
	ret = ogpu_bind_job_change(job);
	if (ret)
		vm->userptrs.unsure = true;
	mutex_unlock(&vm->pt_lock);
	ogpu_device_exit(vm->odev, idx);

	/* Otherwise the card may still look at them. */
	if (!ret)
		ogpu_pt_mem_give(&vm->pt_mem, &job->change);

	return ret;
}

/* Let a job wait until the card is stopped, which is sure to come; unless it has been. */
static int ogpu_bind_job_defer(struct ogpu_bind_job *job)
{
	struct ogpu_mem_binds *binds = &job->vm->odev->mem->binds;
	int ret = 0;

	spin_lock(&binds->lock);
	if (job->vm->stops == binds->stops)
		list_add_tail(&job->deferred, &binds->deferred);
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

	ogpu_device_begin_work(job->vm->odev);
	ret = ogpu_bind_job_apply(job);
	ogpu_device_end_work(job->vm->odev);
	if (ret) {
		ret = ogpu_bind_job_defer(job);
		if (!ret)
			return fence;
	}
	if (job->line == OGPU_BIND_LINE_USER)
		WRITE_ONCE(job->vm->bound_seqno, fence->seqno);
	ogpu_fence_signal(fence, ret);
	dma_fence_put(fence);

	return NULL;
}

/**
 * ogpu_binds_stop() - fail all bind jobs that could not be done
 * @odev: card that stands still and forgets all address spaces before it is started again
 *
 * Address spaces that could not be taken from the card are taken down now. From now on jobs of
 * address spaces that exist fail at once if they cannot be done. Callable where fences are
 * signalled.
 */
void ogpu_binds_stop(struct ogpu_device *odev)
{
	struct ogpu_mem_binds *binds = &odev->mem->binds;
	struct ogpu_bind_job *job;
	struct ogpu_vm *vm;

	spin_lock(&binds->lock);
	binds->stops++;
	/* Takes the lock under which others begin to wait: nobody misses it. */
	wake_up_all(&binds->stopped);
	while ((vm = list_first_entry_or_null(&binds->vms, struct ogpu_vm, deferred))) {
		list_del(&vm->deferred);
		queue_work(ogpu_sched_wq(), &vm->destroy_work);
	}
	while ((job = list_first_entry_or_null(&binds->deferred, struct ogpu_bind_job, deferred))) {
		struct ogpu_sched *sched = ogpu_sched_get(job->base.sched);
		struct dma_fence *fence = dma_fence_get(job->fence);

		list_del(&job->deferred);
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

	ogpu_pt_mem_give(&job->vm->pt_mem, &job->change);
	for (i = 0; i < job->count; i++) {
		if (job->ranges[i].segments != &job->ranges[i].one)
			kvfree(job->ranges[i].segments);
		ogpu_userptr_put(job->ranges[i].userptr);
	}
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
 * @line: the order that it is in
 * @room: ranges that are sure to come; more may come
 * @client_id: of the DRM file that wants it; 0: the kernel
 *
 * Return: the job, or ERR_PTR(-ENOMEM).
 */
struct ogpu_bind_job *ogpu_bind_job_create(struct ogpu_vm *vm, enum ogpu_bind_line line, u32 room,
					   u64 client_id)
{
	struct ogpu_bind_job *job;
	int ret;

	job = kzalloc_obj(*job, GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);

	ogpu_pt_change_init(&job->change);
	job->line = line;
	job->room = max(room, 4u);
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

	ret = ogpu_sched_job_init(&job->base, vm->lines[line].sched, client_id);
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
 * ogpu_bind_job_do_now() - do a job without the detour of a line, if nothing is to be waited for
 * @job: prepared, not armed; the dma_resv of all that it maps or unmaps are locked
 * @replaced: bytes that were mapped where something changes
 *
 * So nobody can be before it who has not begun.
 *
 * Return: true if it is done: then it has no fence, and is to be dropped by ogpu_bind_job_abort().
 */
bool ogpu_bind_job_do_now(struct ogpu_bind_job *job, u64 replaced)
{
	struct ogpu_vm *vm = job->vm;
	unsigned int i;

	dma_resv_assert_held(drm_gpuvm_resv(&vm->base));
	if (!ogpu_sched_job_is_ready(&job->base) || job->segments > OGPU_BIND_NOW_MAX ||
	    job->need.leaf + job->need.inner > OGPU_BIND_NOW_TABLES ||
	    replaced > OGPU_BIND_NOW_TABLES * (u64)OGPU_PAGE_2M)
		return false;

	for (i = 0; i < OGPU_BIND_LINES; i++) {
		if (vm->lines[i].last && !dma_fence_is_signaled(vm->lines[i].last))
			return false;
	}

	/* What is not possible now goes the other way, and is deferred there. */
	return !ogpu_bind_job_apply(job);
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
	struct ogpu_bind_order *order = &job->vm->lines[job->line];

	dma_resv_assert_held(drm_gpuvm_resv(&job->vm->base));
	ogpu_fence_init(job->fence, order->context, ++order->seqno);
	dma_fence_put(order->last);
	order->last = dma_fence_get(job->fence);

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

/* The next range, to be counted by the caller. */
static struct ogpu_bind_range *ogpu_bind_job_add(struct ogpu_bind_job *job, u64 va, u64 size,
						 u64 prot)
{
	struct ogpu_bind_range *ranges, *range;
	u32 room = job->room * 2;
	u32 i;

	if (job->count == job->room) {
		ranges = kvcalloc(room, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return NULL;

		memcpy(ranges, job->ranges, job->count * sizeof(*ranges));
		for (i = 0; i < job->count; i++) {
			if (ranges[i].segments == &job->ranges[i].one)
				ranges[i].segments = &ranges[i].one;
		}
		kvfree(job->ranges);
		job->ranges = ranges;
		job->room = room;
	}

	range = &job->ranges[job->count];
	range->va = va;
	range->size = size;
	range->prot = prot;
	range->segments = NULL;
	range->userptr = NULL;
	job->segments++;

	return range;
}

/* Remember where a part of a buffer is. */
static int ogpu_bind_range_locate(struct ogpu_bind_range *range, struct ogpu_bo *bo, u64 offset,
				  u64 *segments)
{
	struct ttm_buffer_object *tbo = &bo->ttm;
	struct ogpu_res_cursor cur;
	size_t count = 0;

	for (ogpu_res_first(tbo, tbo->resource, offset, range->size, &cur); cur.remaining;
	     ogpu_res_next(&cur, cur.size))
		count++;

	*segments += count;
	range->segments = &range->one;
	if (count > 1) {
		range->segments = kvmalloc_array(count, sizeof(*range->segments),
						 GFP_KERNEL_ACCOUNT);
		if (!range->segments)
			return -ENOMEM;
	}

	count = 0;
	for (ogpu_res_first(tbo, tbo->resource, offset, range->size, &cur); cur.remaining;
	     ogpu_res_next(&cur, cur.size)) {
		range->segments[count].operand = cur.operand;
		range->segments[count].size = cur.size;
		count++;
	}

	return 0;
}

/**
 * ogpu_bind_job_map() - add a range to map
 * @job: not armed
 * @va: first address
 * @size: bytes
 * @prot: attributes of page-table entries
 * @bo: buffer, locked, where the card can use it; the caller puts the job's fence into its
 *	dma_resv. NULL: pages without memory
 * @offset: first byte of the buffer
 *
 * The job waits for the buffer's clears and moves: nobody must see this memory earlier. Of a buffer
 * that was purged the pages have no memory either.
 *
 * Return: 0; -E2BIG: it is too much for one call; -ENOMEM.
 */
int ogpu_bind_job_map(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot, struct ogpu_bo *bo,
		      u64 offset)
{
	struct ogpu_bind_range *range;
	int ret;

	if (bo && ogpu_bo_is_empty(bo)) {
		prot = OGPU_PTE_NULL | (prot & (OGPU_PTE_READ | OGPU_PTE_WRITE));
		bo = NULL;
	}

	range = ogpu_bind_job_add(job, va, size, prot);
	if (!range)
		return -ENOMEM;
	if (bo) {
		if (bo->ttm.resource->mem_type != TTM_PL_VRAM)
			job->system += size;
		if (job->line == OGPU_BIND_LINE_USER && job->system > OGPU_BIND_MAX_SYSTEM)
			return -E2BIG;
		ret = ogpu_bind_range_locate(range, bo, offset, &job->segments);
		if (ret)
			return ret;
	}
	job->count++;
	ogpu_pt_need_map(&job->vm->pt, &job->need, va, size, range->segments);
	if (job->line == OGPU_BIND_LINE_USER && ogpu_pt_need_too_much(&job->need))
		return -E2BIG;

	return bo ? ogpu_sched_job_add_resv_deps(&job->base, bo->ttm.base.resv,
						 DMA_RESV_USAGE_KERNEL) : 0;
}

/**
 * ogpu_bind_job_map_userptr() - add a range of a program's memory
 * @job: not armed
 * @va: first address
 * @size: bytes
 * @prot: attributes of page-table entries
 * @userptr: the memory
 *
 * A call of VM_BIND makes room and sees whether there can be tables; the entries are written when
 * the memory is used, see ogpu_userptr.c.
 *
 * Return: 0; -E2BIG: it is too much for one call; -ENOMEM.
 */
int ogpu_bind_job_map_userptr(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot,
			      struct ogpu_userptr *userptr)
{
	/* Whatever the pages are, they are no large ones, so that all tables are counted. */
	const struct ogpu_pt_segment scattered = { .operand = va + OGPU_PAGE_4K, .size = size };
	bool now = job->line == OGPU_BIND_LINE_REBIND;
	struct ogpu_bind_range *range;

	range = ogpu_bind_job_add(job, va, size, now ? prot : 0);
	if (!range)
		return -ENOMEM;
	if (now) {
		range->userptr = ogpu_userptr_get(userptr);
		range->seq = ogpu_userptr_seq(userptr);
		job->segments += size >> PAGE_SHIFT;
	}
	job->count++;
	job->userptrs = true;
	job->system += size;
	ogpu_pt_need_map(&job->vm->pt, &job->need, va, size, &scattered);
	if (!now && (job->system > OGPU_BIND_MAX_SYSTEM || ogpu_pt_need_too_much(&job->need)))
		return -E2BIG;

	return 0;
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
	if (!ogpu_bind_job_add(job, va, size, 0))
		return -ENOMEM;
	job->count++;

	return 0;
}

/**
 * ogpu_bind_job_cut() - note that what is mapped around an address is changed on one side only
 * @job: not armed
 * @va: the address
 */
void ogpu_bind_job_cut(struct ogpu_bind_job *job, u64 va)
{
	ogpu_pt_need_cut(&job->need, va);
}

/**
 * ogpu_bind_job_prepare() - after all ranges were added
 * @job: not armed; in ogpu_device_enter()
 *
 * Return: 0, -ENOSPC, -ENOMEM, -EINTR.
 */
int ogpu_bind_job_prepare(struct ogpu_bind_job *job)
{
	return ogpu_pt_mem_take(&job->vm->pt_mem, &job->need, &job->change,
				job->line == OGPU_BIND_LINE_REBIND && !job->userptrs);
}
