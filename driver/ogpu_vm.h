/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * GPU address spaces: which buffer is mapped where, and the page tables that say so to the card.
 */
#ifndef _OGPU_VM_H_
#define _OGPU_VM_H_

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include <drm/drm_gpuvm.h>
#include <drm/ogpu_drm.h>

#include "ogpu_bind.h"
#include "ogpu_device.h"
#include "ogpu_place.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_sched.h"
#include "ogpu_userptr.h"

struct drm_printer;
struct ogpu_preempt;
struct ogpu_svm;
struct ogpu_file;

/* The first and the last bytes of an address space that are never mapped. */
#define OGPU_VM_GUARD		OGPU_PAGE_64K
#define OGPU_VM_START		((u64)OGPU_VM_GUARD)
#define OGPU_VM_END		((1ull << OGPU_VA_BITS) - OGPU_VM_GUARD)

/* Is it a range of addresses that can be mapped? */
static inline bool ogpu_vm_range_ok(u64 va, u64 size)
{
	return size && va >= OGPU_VM_START && va <= OGPU_VM_END && size <= OGPU_VM_END - va;
}

#define OGPU_VM_FAULTS		16

/**
 * struct ogpu_vm_faults - the newest faults of an address space
 */
struct ogpu_vm_faults {
	/** @lock: protects the others */
	spinlock_t lock;
	/** @total: faults so far; the newest is at (@total - 1) % OGPU_VM_FAULTS */
	u32 total;
	/** @ring: the last ones */
	struct drm_ogpu_fault ring[OGPU_VM_FAULTS];
};

/**
 * struct ogpu_bind_order - one of the orders that changes are in, see &enum ogpu_bind_line
 */
struct ogpu_bind_order {
	/** @sched: runs its jobs */
	struct ogpu_sched *sched;
	/** @context: timeline of its jobs */
	u64 context;
	/** @seqno: of the job armed last; protected by the dma_resv of the address space */
	u64 seqno;
	/** @last: fence of that job or NULL; protected by the dma_resv */
	struct dma_fence *last;
};

/**
 * struct ogpu_vm - an address space
 *
 * Two reference counts: @users (the uapi id, queues, running ioctls) keeps mappings and ASID; when
 * it drops to zero all mappings go, in a worker. drm_gpuvm's own count keeps the memory of this
 * structure.
 *
 * Locks, outermost first: @bind_lock, ogpu_mem.validate_lock, the dma_resv of @base and of buffers
 * (through drm_exec), @pt_lock.
 */
struct ogpu_vm {
	/** @base: what is mapped where; protected by its dma_resv */
	struct drm_gpuvm base;
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @users: who needs mappings and ASID */
	struct kref users;
	/** @destroy_work: takes everything down after the last user left */
	struct work_struct destroy_work;
	/** @end_work: the last part of it */
	struct work_struct end_work;
	/** @deferred: in &struct ogpu_mem_binds, if the card could not be told that it is gone */
	struct list_head deferred;
	/** @asid: name of this address space towards hardware */
	u16 asid;
	/** @bind_lock: serialises VM_BIND */
	struct mutex bind_lock;
	/**
	 * @pt_lock: protects @pt, @invalidations and what @userptrs say of it; taken where fences
	 * are signalled and in memory reclaim
	 */
	struct mutex pt_lock;
	/** @pt: page tables */
	struct ogpu_pt pt;
	/** @pt_mem: memory of page tables */
	struct ogpu_pt_mem pt_mem;
	/** @invalidations: ranges that the card was told to forget */
	u64 invalidations;
	/** @lines: the orders that changes are in */
	struct ogpu_bind_order lines[OGPU_BIND_LINES];
	/** @bound_seqno: of OGPU_BIND_LINE_USER: the job done last; read with READ_ONCE() */
	u64 bound_seqno;
	/** @mappings: how many there are; protected by the dma_resv */
	u64 mappings;
	/** @bytes: of memory that they map; protected by the dma_resv */
	u64 bytes;
	/** @userptrs: memory of programs */
	struct ogpu_userptrs userptrs;
	/** @preempt: if it is of the long-running kind, otherwise NULL; constant */
	struct ogpu_preempt *preempt;
	/** @svm: if it mirrors a process, otherwise NULL; constant while there are users */
	struct ogpu_svm *svm;
	/** @rebind: collects what has moved, while drm_gpuvm_validate() runs */
	struct ogpu_bind_job *rebind;
	/** @recalled: when buffers were recalled to VRAM last, in jiffies; under the dma_resv */
	unsigned long recalled;
	/** @frees: &struct ogpu_vram_mgr.frees at that time */
	u32 frees;
	/** @rebind_try: the attempt to place buffers, meanwhile */
	struct ogpu_mem_try *rebind_try;
	/** @stops: &struct ogpu_mem_binds.stops before the card was told of it; constant */
	u32 stops;
	/** @faults: for VM_GET_FAULTS */
	struct ogpu_vm_faults faults;
	/** @has_lost: some of its memory was lost while the card slept; by ogpu_vm_has_lost() */
	bool has_lost;
	/** @looked: &struct ogpu_mem.saves when that was found out */
	u32 looked;
};

/**
 * struct ogpu_va - one mapping
 */
struct ogpu_va {
	/** @base: range of addresses and part of a buffer; no buffer: pages without memory */
	struct drm_gpuva base;
	/** @userptr: memory of a program; referenced once it is in the tree for good */
	struct ogpu_userptr *userptr;
	/** @prot: attributes of page-table entries: access, memory type, OGPU_PTE_NULL */
	u64 prot;
	/** @seqno: of OGPU_BIND_LINE_USER: the job that maps it; 0: it is mapped */
	u64 seqno;
	/** @moves: &struct ogpu_bo.moves when page tables were told where the buffer is */
	u32 moves;
};

/**
 * struct ogpu_va_op - a step of changing the mappings
 */
struct ogpu_va_op {
	/** @base: what to do; see &enum drm_gpuva_op_type */
	struct drm_gpuva_op base;
	/** @new: mapping that a map step adds, or what stays below the range of a remap step */
	struct ogpu_va *new;
	/** @next: what stays above the range of a remap step */
	struct ogpu_va *next;
	/** @staged: done, in the tree of addresses */
	bool staged;
};

static inline struct ogpu_va_op *to_ogpu_va_op(struct drm_gpuva_op *op)
{
	return container_of(op, struct ogpu_va_op, base);
}

static inline struct ogpu_va *to_ogpu_va(struct drm_gpuva *va)
{
	return container_of(va, struct ogpu_va, base);
}

/**
 * struct ogpu_vm_bo - a buffer in an address space
 */
struct ogpu_vm_bo {
	/** @base: first, because drm_gpuvm frees its address */
	struct drm_gpuvm_bo base;
	/** @writable: mappings for writing; protected by the dma_resv of the address space */
	u64 writable;
	/** @counted: ogpu_bo_count() knows of it; protected by the dma_resv of the buffer */
	bool counted;
};

static_assert(offsetof(struct ogpu_vm_bo, base) == 0);

static inline struct ogpu_vm_bo *to_ogpu_vm_bo(struct drm_gpuvm_bo *vm_bo)
{
	return container_of(vm_bo, struct ogpu_vm_bo, base);
}

static inline struct ogpu_vm *to_ogpu_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct ogpu_vm, base);
}

bool ogpu_vm_has_lost(struct ogpu_vm *vm);

struct drm_gpuvm_bo *ogpu_vm_obtain_bo(struct ogpu_vm *vm, struct drm_gem_object *obj);
struct ogpu_vm *ogpu_vm_lookup(struct ogpu_file *ofile, u32 id);
struct ogpu_vm *ogpu_vm_get(struct ogpu_vm *vm);
void ogpu_vm_put(struct ogpu_vm *vm);
int ogpu_vm_file_open(struct ogpu_file *ofile);
void ogpu_vm_file_close(struct ogpu_file *ofile);

/**
 * struct ogpu_vm_exec - an address space that is locked for a job
 */
struct ogpu_vm_exec {
	/** @vm: the address space */
	struct ogpu_vm *vm;
	/** @private: its own dma_resv is all there is to lock; @all is not used */
	bool private;
	/** @placed: buffers had to be placed: until unlocked, the lock for that is held */
	bool placed;
	/** @try: how that went */
	struct ogpu_mem_try try;
	/** @all: its dma_resv and those of its buffers */
	struct drm_gpuvm_exec all;
};

/*
 * For SUBMIT. After success all dma_resv of the address space are locked, with room for one more
 * fence each; unlock with ogpu_vm_exec_unlock(). A job that uses the address space must wait for
 * all fences of usage DMA_RESV_USAGE_KERNEL of all locked objects: fresh memory being cleared,
 * moves, and page-table updates after moves. Its own fence is added with ogpu_vm_exec_add_fence().
 *
 * ogpu_vm_exec_next_shared() goes through buffers that were exported.
 */
int ogpu_vm_exec_lock(struct ogpu_vm *vm, struct ogpu_vm_exec *exec);
void ogpu_vm_exec_unlock(struct ogpu_vm_exec *exec);
void ogpu_vm_exec_add_fence(struct ogpu_vm_exec *exec, struct dma_fence *fence);
struct ogpu_vm_bo *ogpu_vm_exec_next_shared(struct ogpu_vm_exec *exec, struct ogpu_vm_bo *before);

void ogpu_vm_print_all(struct ogpu_device *odev, struct drm_printer *p);
void ogpu_vm_print_path(struct ogpu_vm *vm, u64 va, struct drm_printer *p);
bool ogpu_vm_peek(struct ogpu_vm *vm, u64 va, void *buf, size_t size);
void ogpu_vm_record_fault(struct ogpu_vm *vm, const struct drm_ogpu_fault *fault);

int ogpu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_vm_get_faults(struct drm_device *drm, void *data, struct drm_file *file);

#endif
