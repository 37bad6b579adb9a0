/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the files about memory of programs share and nobody else sees.
 */
#ifndef _OGPU_USERPTR_PRIV_H_
#define _OGPU_USERPTR_PRIV_H_

#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/interval_tree.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "ogpu_compat.h"
#include "ogpu_userptr.h"

/* Pages that one has at most. */
#define OGPU_USERPTR_PAGES	(OGPU_USERPTR_PIECE >> PAGE_SHIFT)

/**
 * struct ogpu_userptr_page - one page
 */
struct ogpu_userptr_page {
	/** @page: the page; NULL: not known */
	struct page *page;
	/** @dma: where the card finds it */
	dma_addr_t dma;
};

/**
 * struct ogpu_userptr - a piece of a program's memory, as it was mapped; parts may be gone since
 */
struct ogpu_userptr {
	/** @notifier: tells of changes of its pages; its user lock is pt_lock */
	struct mmu_interval_notifier notifier;
	/** @ref: held by mappings in the tree of addresses, bind jobs, and if @count is not 0 */
	struct kref ref;
	/** @release: takes it down */
	struct work_struct release;
	/** @vm: the address space, which does not go before it has */
	struct ogpu_vm *vm;
	/** @context: of preempt fences of the address space; 0: it is of the other kind */
	u64 context;
	/** @link: in &struct ogpu_userptr_all */
	struct list_head link;
	/** @addr: first address in the program */
	u64 addr;
	/** @write: the card may write to it */
	bool write;
	/** @empty: in a list of those to be populated, under populate */
	struct list_head empty;
	/** @fill: in a list of those to be bound, under the dma_resv of the address space */
	struct list_head fill;

	/** @node: in &struct ogpu_userptrs.tree; this and what follows is under pt_lock */
	struct interval_tree_node node;
	/** @unbound: in &struct ogpu_userptrs.unbound, while it is mapped and not @bound */
	struct list_head unbound;
	/** @mappings: in the tree of addresses; when it is 0 again it begins to die */
	unsigned int mappings;
	/** @seq: of @notifier, when it was found out what is there */
	unsigned long seq;
	/**
	 * @ready: the pages are known and mapped for DMA, see also ogpu_userptr_is_ready(); written
	 * under &struct ogpu_userptrs.lock, too
	 */
	bool ready;
	/** @bound: jobs may rely on it */
	bool bound;
	/** @dying: it is in &struct ogpu_vm_owner.dying */
	bool dying;
	/** @gone: something of it is not there: nothing is mapped */
	bool gone;
	/** @want: pages that are mapped in the tree of addresses; only becomes less */
	DECLARE_BITMAP(want, OGPU_USERPTR_PAGES);
	/** @present: pages whose entries are written */
	DECLARE_BITMAP(present, OGPU_USERPTR_PAGES);
	/** @count: of @present */
	unsigned long count;
	/** @lost: its entries are to be cleared when the card wakes */
	bool lost;
	/** @iova: if an IOMMU has them together; as @page */
	struct dma_iova_state iova;
	/** @pages: how many there are; constant */
	unsigned long pages;
	/** @page: what is there, by number; written under populate, used while @ready */
	struct ogpu_userptr_page page[] __counted_by(pages);
};

/**
 * struct ogpu_userptr_all - memory of programs in all address spaces of a card
 */
struct ogpu_userptr_all {
	/** @lock: protects @list; outside pt_lock */
	struct mutex lock;
	/** @list: &struct ogpu_userptr */
	struct list_head list;
	/** @wq: takes them down */
	struct workqueue_struct *wq;
	/** @asleep: nothing uses the memory, and page tables stay as they are; see pt_lock, too */
	bool asleep;
};

static inline u64 ogpu_userptr_va(const struct ogpu_userptr *userptr, unsigned long page)
{
	return userptr->node.start + ((u64)page << PAGE_SHIFT);
}

static inline unsigned long ogpu_userptr_index(const struct ogpu_userptr *userptr, u64 va)
{
	return (va - userptr->node.start) >> PAGE_SHIFT;
}

/* Are the pages known, and the same still? Under pt_lock. */
static inline bool ogpu_userptr_is_ready(struct ogpu_userptr *userptr)
{
	return userptr->ready && !mmu_interval_read_retry(&userptr->notifier, userptr->seq);
}

/* ogpu_userptr_pages.c */
void ogpu_userptr_drop_pages(struct ogpu_userptr *userptr);

/* ogpu_userptr_bind.c */
void ogpu_userptr_unbind(struct ogpu_userptr *userptr);
void ogpu_userptr_clear_entries(struct ogpu_userptr *userptr, struct ogpu_pt_change *change);
void ogpu_userptr_forget(struct ogpu_userptr *userptr, unsigned long first, unsigned long last);

/* ogpu_userptr_notify.c */
extern const struct mmu_interval_notifier_ops ogpu_userptr_ops;
bool ogpu_userptrs_are_safe(struct ogpu_vm *vm);
void ogpu_userptrs_await_card(struct ogpu_vm *vm);

#endif
