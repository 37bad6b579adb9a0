/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bind jobs: changes of page tables, done by the CPU.
 */
#ifndef _OGPU_BIND_H_
#define _OGPU_BIND_H_

#include <linux/list.h>
#include <linux/types.h>

#include "ogpu_pt.h"
#include "ogpu_sched.h"

struct drm_device;
struct drm_file;
struct ogpu_bo;
struct ogpu_device;
struct ogpu_userptr;
struct ogpu_vm;

/**
 * enum ogpu_bind_line - the two orders that the changes of an address space are in
 * @OGPU_BIND_LINE_USER: calls of VM_BIND, which may wait for anything
 * @OGPU_BIND_LINE_REBIND: entries of buffers that have moved: wait for moves alone
 * @OGPU_BIND_LINES: how many there are
 *
 * A call of VM_BIND waits for the rebinds before it, a rebind not for calls, see ogpu_vm_rebind().
 */
enum ogpu_bind_line {
	OGPU_BIND_LINE_USER,
	OGPU_BIND_LINE_REBIND,
	OGPU_BIND_LINES
};

/**
 * struct ogpu_bind_range - one range of addresses to change
 */
struct ogpu_bind_range {
	/** @va: first address */
	u64 va;
	/** @size: bytes */
	u64 size;
	/** @prot: attributes of page-table entries; 0: unmap */
	u64 prot;
	/** @segments: memory to map; NULL: unmap, or pages without memory. Owned, unless @one */
	struct ogpu_pt_segment *segments;
	/** @userptr: memory of a program to map, referenced; @segments is NULL */
	struct ogpu_userptr *userptr;
	/** @seq: of @userptr, see ogpu_userptr_seq() */
	unsigned long seq;
	/** @one: used as @segments if that is enough */
	struct ogpu_pt_segment one;
};

/**
 * struct ogpu_bind_job - a change of an address space
 */
struct ogpu_bind_job {
	/** @base: orders it */
	struct ogpu_sched_job base;
	/** @fence: signals when the tables are changed; valid once armed, owned */
	struct dma_fence *fence;
	/** @vm: the address space; referenced */
	struct ogpu_vm *vm;
	/** @line: which order it is in */
	enum ogpu_bind_line line;
	/** @ranges: to change, in this order */
	struct ogpu_bind_range *ranges;
	/** @count: of @ranges */
	u32 count;
	/** @room: in @ranges */
	u32 room;
	/** @segments: of all ranges */
	u64 segments;
	/** @system: bytes of system memory that it maps */
	u64 system;
	/** @userptrs: memory of programs is mapped, too */
	bool userptrs;
	/** @need: tables that it takes */
	struct ogpu_pt_need need;
	/** @change: these tables */
	struct ogpu_pt_change change;
	/** @deferred: in &struct ogpu_mem_binds */
	struct list_head deferred;
};

extern const struct ogpu_sched_ops ogpu_bind_sched_ops;

struct ogpu_bind_job *ogpu_bind_job_create(struct ogpu_vm *vm, enum ogpu_bind_line line, u32 room,
					   u64 client_id);
int ogpu_bind_job_map(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot, struct ogpu_bo *bo,
		      u64 offset);
int ogpu_bind_job_map_userptr(struct ogpu_bind_job *job, u64 va, u64 size, u64 prot,
			      struct ogpu_userptr *userptr);
int ogpu_bind_job_unmap(struct ogpu_bind_job *job, u64 va, u64 size);
void ogpu_bind_job_cut(struct ogpu_bind_job *job, u64 va);
int ogpu_bind_job_prepare(struct ogpu_bind_job *job);
bool ogpu_bind_job_do_now(struct ogpu_bind_job *job, u64 replaced);
struct dma_fence *ogpu_bind_job_arm(struct ogpu_bind_job *job);
void ogpu_bind_job_push(struct ogpu_bind_job *job);
void ogpu_bind_job_abort(struct ogpu_bind_job *job);
void ogpu_binds_stop(struct ogpu_device *odev);

int ogpu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);

#endif
