/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * One call of VM_BIND, shared by ogpu_bind.c (the ioctl) and ogpu_bind_change.c (the change).
 */
#ifndef _OGPU_BIND_PRIV_H_
#define _OGPU_BIND_PRIV_H_

#include <linux/types.h>

#include <drm/drm_exec.h>
#include <drm/drm_gpuvm.h>

#include "ogpu_place.h"
#include "ogpu_sync.h"

struct drm_file;
struct ogpu_bind_job;
struct ogpu_bo;
struct ogpu_userptr;
struct ogpu_vm;

/**
 * struct ogpu_bind_req - one operation of a call
 */
struct ogpu_bind_req {
	/** @va: first address */
	u64 va;
	/** @size: bytes */
	u64 size;
	/** @offset: first byte of @bo */
	u64 offset;
	/** @prot: attributes of page-table entries; 0: unmap */
	u64 prot;
	/** @bo: buffer to map, referenced; NULL: none */
	struct ogpu_bo *bo;
	/** @userptr: memory of the program to map, referenced; NULL: none */
	struct ogpu_userptr *userptr;
	/** @vm_bo: @bo in this address space; referenced, under the dma_resv of both */
	struct drm_gpuvm_bo *vm_bo;
	/** @ops: steps that change the tree of addresses */
	struct drm_gpuva_ops *ops;
};

/**
 * struct ogpu_bind_span - addresses that a call changes
 */
struct ogpu_bind_span {
	/** @start: first one */
	u64 start;
	/** @end: behind the last */
	u64 end;
};

/**
 * struct ogpu_bind - one call
 */
struct ogpu_bind {
	/** @vm: the address space; a user of it */
	struct ogpu_vm *vm;
	/** @file: who calls */
	struct drm_file *file;
	/** @reqs: operations */
	struct ogpu_bind_req *reqs;
	/** @count: of @reqs */
	u32 count;
	/** @room: for so many */
	u32 room;
	/** @one_req: used as @reqs if that is enough */
	struct ogpu_bind_req one_req;
	/** @spans: what the operations change together: with gaps, by rising addresses */
	struct ogpu_bind_span *spans;
	/** @num_spans: of @spans */
	u32 num_spans;
	/** @one_span: used as @spans if that is enough */
	struct ogpu_bind_span one_span;
	/** @userptrs: some map memory of the program */
	bool userptrs;
	/** @async: return before it is done */
	bool async;
	/** @syncs: to wait for and to signal */
	struct ogpu_syncs syncs;
	/** @sync_ops: memory of @syncs */
	struct ogpu_sync *sync_ops;
	/** @placed: buffers were where the card can use them when it failed */
	bool placed;
	/** @replaced: bytes that were mapped where it changes something */
	u64 replaced;
	/** @exec: what is locked */
	struct drm_exec exec;
	/** @job: that changes the page tables */
	struct ogpu_bind_job *job;
	/** @tables: how many @job may need */
	u32 tables;
	/** @tables_tried: it was tried to have as many in store */
	bool tables_tried;
	/** @try: the attempt to place buffers */
	struct ogpu_mem_try try;
	/** @fence: of the change, referenced; NULL: it is done */
	struct dma_fence *fence;
};

int ogpu_bind_change(struct ogpu_bind *bind);

#endif
