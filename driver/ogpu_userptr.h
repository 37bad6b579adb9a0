/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of programs in address spaces of the card.
 */
#ifndef _OGPU_USERPTR_H_
#define _OGPU_USERPTR_H_

#include <linux/atomic.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct mem_cgroup;
struct ogpu_bind_job;
struct ogpu_bind_range;
struct ogpu_device;
struct ogpu_pt_change;
struct ogpu_userptr;
struct ogpu_vm;

/* Bytes of a program's memory that one operation can map: its pages are looked at one by one. */
#define OGPU_USERPTR_MAX_SIZE	SZ_1G

/*
 * Addresses of the card at multiples of it are in different pieces. Each costs whoever changes a
 * page of it an invalidation, and the user a look at all its pages.
 */
#define OGPU_USERPTR_PIECE	((u64)SZ_16M)

/**
 * struct ogpu_userptrs - memory of programs in one address space
 */
struct ogpu_userptrs {
	/** @populate: one at a time brings pages in; outside mmap_lock */
	struct mutex populate;
	/** @lock: of what is ready and what changes, see ogpu_userptr_claim(); inside pt_lock */
	spinlock_t lock;
	/** @tree: &struct ogpu_userptr by addresses of the card; under pt_lock */
	struct rb_root_cached tree;
	/** @unbound: those that a job could not use now; under pt_lock */
	struct list_head unbound;
	/** @unsure: the card may not have forgotten what entries said before; under pt_lock */
	bool unsure;
	/** @admitted: it counts as one of the long-running kind; written under pt_lock */
	bool admitted;
	/** @mappings: that are of this kind; under the dma_resv of the address space */
	u64 mappings;
	/** @count: how many &struct ogpu_userptr there are, and 1 until ogpu_userptrs_fini() */
	atomic_t count;
};

/* How much of a range is in its first piece. */
static inline u64 ogpu_userptr_piece(u64 va, u64 size)
{
	return min(size, OGPU_USERPTR_PIECE - va % OGPU_USERPTR_PIECE);
}

int ogpu_userptr_init(struct ogpu_device *odev);
void ogpu_userptr_stop(struct ogpu_device *odev);
bool ogpu_userptr_is_supported(struct ogpu_device *odev);

int ogpu_userptr_check(struct ogpu_vm *vm, u64 addr, u64 size, bool write);
struct ogpu_userptr *ogpu_userptr_create(struct ogpu_vm *vm, u64 addr, u64 size, u64 va,
					 bool write);
struct ogpu_userptr *ogpu_userptr_get(struct ogpu_userptr *userptr);
void ogpu_userptr_put(struct ogpu_userptr *userptr);
unsigned long ogpu_userptr_seq(const struct ogpu_userptr *userptr);
u64 ogpu_userptr_address(const struct ogpu_userptr *userptr, u64 va);
void ogpu_userptr_link(struct ogpu_userptr *userptr);
void ogpu_userptr_cut(struct ogpu_userptr *userptr, u64 start, u64 end);
void ogpu_userptr_unlink(struct ogpu_userptr *userptr);
void ogpu_userptr_write_entries(const struct ogpu_bind_range *range,
				struct ogpu_pt_change *change);

void ogpu_userptrs_sleep(struct ogpu_device *odev);
int ogpu_userptrs_wake(struct ogpu_device *odev);

void ogpu_userptrs_init(struct ogpu_vm *vm);
bool ogpu_userptrs_fini(struct ogpu_vm *vm);
int ogpu_userptrs_populate(struct ogpu_vm *vm);
struct mem_cgroup *ogpu_userptrs_get_payer(struct ogpu_vm *vm);
bool ogpu_userptrs_are_bound(struct ogpu_vm *vm);
int ogpu_userptrs_fill(struct ogpu_vm *vm, struct ogpu_bind_job *job);
void ogpu_userptrs_bind(struct ogpu_vm *vm, const struct ogpu_bind_job *job);
int ogpu_userptrs_lock(struct ogpu_vm *vm);
void ogpu_userptrs_unlock(struct ogpu_vm *vm);
unsigned int ogpu_userptrs_rest_ms(struct ogpu_vm *vm);
int ogpu_userptrs_pay(struct ogpu_vm *vm);
int ogpu_userptrs_rest(struct ogpu_vm *vm);
void ogpu_userptrs_forget_entries(struct ogpu_vm *vm, u64 va, u64 size);

#endif
