/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bind jobs: changes of page tables, done by the CPU in the order of an address space's calls.
 */
#ifndef _OGPU_BIND_H_
#define _OGPU_BIND_H_

#include <linux/list.h>
#include <linux/types.h>

#include "ogpu_sched.h"

struct drm_device;
struct drm_file;
struct ogpu_bo;
struct ogpu_device;
struct ogpu_pt_segment;
struct ogpu_vm;

/**
 * struct ogpu_bind_range - one range of addresses to change
 */
struct ogpu_bind_range {
	/** @va: first address */
	u64 va;
	/** @size: bytes */
	u64 size;
	/** @prot: OGPU_PTE_READ, _WRITE, _EXEC */
	u64 prot;
	/** @segments: memory to map, owned; NULL: unmap */
	struct ogpu_pt_segment *segments;
};

/**
 * struct ogpu_bind_job - a change of an address space
 */
struct ogpu_bind_job {
	/** @base: orders it */
	struct ogpu_sched_job base;
	/** @fence: signals when the tables are changed; valid once pushed, owned */
	struct dma_fence *fence;
	/** @vm: the address space; referenced */
	struct ogpu_vm *vm;
	/** @ranges: to change, in this order */
	struct ogpu_bind_range *ranges;
	/** @count: of @ranges */
	u32 count;
	/** @room: in @ranges */
	u32 room;
	/** @parked: in &struct ogpu_mem_binds */
	struct list_head parked;
};

extern const struct ogpu_sched_ops ogpu_bind_sched_ops;

struct ogpu_bind_job *ogpu_bind_job_create(struct ogpu_vm *vm, u32 room, u64 client_id);
struct dma_fence *ogpu_bind_job_arm(struct ogpu_bind_job *job);
void ogpu_bind_job_push(struct ogpu_bind_job *job);
void ogpu_bind_job_abort(struct ogpu_bind_job *job);
int ogpu_bind_job_map(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot, struct ogpu_bo *bo,
		      u64 offset);
int ogpu_bind_job_unmap(struct ogpu_bind_job *job, u64 va, u64 size);
void ogpu_binds_stop(struct ogpu_device *odev);

int ogpu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);

#endif
