/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of page tables: where it comes from, who pays for it, when it goes back.
 */
#ifndef _OGPU_PT_MEM_H_
#define _OGPU_PT_MEM_H_

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "ogpu_pt.h"

struct ogpu_device;
struct ogpu_vm_owner;

/**
 * struct ogpu_pt_mem - tables of an address space that are not in use, and the memory of all
 */
struct ogpu_pt_mem {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @owner: who is charged; referenced */
	struct ogpu_vm_owner *owner;
	/** @lock: protects what follows up to @trim; innermost */
	spinlock_t lock;
	/** @leaf: free tables, &struct ogpu_pt_table */
	struct list_head leaf;
	/** @inner: free tables that have room for children */
	struct list_head inner;
	/** @free: how many there are in both */
	u32 free;
	/** @chunks: &struct ogpu_pt_chunk, of which tables are in use or may be */
	struct list_head chunks;
	/** @idle: of @chunks, how many have no table in use */
	u32 idle;
	/** @surplus: chunks that go back */
	struct list_head surplus;
	/** @trim: gives @surplus back */
	struct work_struct trim;
	/** @lost: entries were lost to a memory error; never taken back */
	bool lost;
	/** @looked: &struct ogpu_mem.saves when it was looked last */
	u32 looked;
};

extern const struct ogpu_pt_ops ogpu_pt_mem_ops;

int ogpu_pt_mems_init(struct ogpu_device *odev);
void ogpu_pt_mems_stop(struct ogpu_device *odev);

void ogpu_pt_mem_init(struct ogpu_pt_mem *mem, struct ogpu_device *odev,
		      struct ogpu_vm_owner *owner);
void ogpu_pt_mem_fini(struct ogpu_pt_mem *mem);
int ogpu_pt_mem_fill(struct ogpu_pt_mem *mem, u32 tables);
int ogpu_pt_mem_take(struct ogpu_pt_mem *mem, const struct ogpu_pt_need *need,
		     struct ogpu_pt_change *change, bool borrow);
void ogpu_pt_mem_give(struct ogpu_pt_mem *mem, struct ogpu_pt_change *change);
bool ogpu_pt_mem_is_lost(struct ogpu_pt_mem *mem);
void ogpu_pt_mem_shrink(struct ogpu_pt_mem *mem);
struct ogpu_pt_table *ogpu_pt_mem_root(struct ogpu_pt_mem *mem);

#endif
