/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Page tables of one address space: which tables exist, and how a range becomes entries. Where the
 * memory of tables comes from is the caller's affair, and how it is reached that of struct
 * ogpu_pt_ops, so that KUnit tests run the same code on ordinary memory.
 */
#ifndef _OGPU_PT_H_
#define _OGPU_PT_H_

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/types.h>

#include "abi/addr.h"

/**
 * struct ogpu_pt_table - one table, 512 entries
 */
struct ogpu_pt_table {
	/** @operand: OGPU_OPERAND() of its memory, 4 KiB aligned */
	u64 operand;
	/** @mem: how struct ogpu_pt_ops reaches the entries */
	void *mem;
	/** @owner: the caller's */
	void *owner;
	/** @link: in a list of tables that are not in the tree */
	struct list_head link;
	/** @level: OGPU_PT_LEVELS - 1 for the root, 0 for tables of 4 KiB pages */
	unsigned int level;
	/** @linked: a set bit: the entry is valid; all others are zero */
	DECLARE_BITMAP(linked, OGPU_PT_ENTRIES);
	/** @child: of levels above 0: tables below; NULL: the entry is not valid or a leaf */
	struct ogpu_pt_table **child;
};

/**
 * struct ogpu_pt_ops - memory of tables
 */
struct ogpu_pt_ops {
	/** @write: store @count entries from @index on; each is @step more than the one before */
	void (*write)(struct ogpu_pt_table *table, unsigned int index, unsigned int count,
		      u64 pte, u64 step);
	/** @read: one entry */
	u64 (*read)(struct ogpu_pt_table *table, unsigned int index);
};

/**
 * struct ogpu_pt - the tables of an address space
 *
 * Who changes it is serialised by the caller.
 */
struct ogpu_pt {
	/** @ops: memory access */
	const struct ogpu_pt_ops *ops;
	/** @pages: sizes of pages that the card has, a set bit each; 4 KiB always */
	u64 pages;
	/** @root: level OGPU_PT_LEVELS - 1 */
	struct ogpu_pt_table *root;
};

/**
 * struct ogpu_pt_segment - memory that is contiguous on the bus
 */
struct ogpu_pt_segment {
	/** @operand: OGPU_OPERAND() of the first byte, 4 KiB aligned */
	u64 operand;
	/** @size: bytes, multiple of 4 KiB */
	u64 size;
};

/**
 * struct ogpu_pt_need - how many tables a change takes at most
 */
struct ogpu_pt_need {
	/** @leaf: tables of 4 KiB pages */
	u32 leaf;
	/** @inner: tables of tables */
	u32 inner;
	/* private: region of each level that was counted last, plus 1 */
	u64 last[OGPU_PT_LEVELS];
};

/* Most tables that one call may need. What has moved is renewed, however much it is. */
#define OGPU_PT_NEED_MAX	16384

static inline bool ogpu_pt_need_too_much(const struct ogpu_pt_need *need)
{
	return need->leaf > OGPU_PT_NEED_MAX || need->leaf + need->inner > OGPU_PT_NEED_MAX;
}

/* Ranges that a change remembers one by one. */
#define OGPU_PT_RANGES	8

/**
 * struct ogpu_pt_ranges - addresses that the card must forget
 */
struct ogpu_pt_ranges {
	/** @count: of @range */
	unsigned int count;
	/** @range: if there are more, the last one covers the rest, with what is between */
	struct {
		u64 start;
		u64 end;
	} range[OGPU_PT_RANGES];
};

/**
 * struct ogpu_pt_change - what goes into a change, and what comes out
 */
struct ogpu_pt_change {
	/** @leaf: in: empty tables, as many as &struct ogpu_pt_need says; unused ones stay here */
	struct list_head leaf;
	/** @inner: the same for those with room for children */
	struct list_head inner;
	/** @dead: out: tables that are to be given back once the card has forgotten @stale */
	struct list_head dead;
	/** @stale: out: where valid entries were changed */
	struct ogpu_pt_ranges stale;
};

static inline void ogpu_pt_change_init(struct ogpu_pt_change *change)
{
	INIT_LIST_HEAD(&change->leaf);
	INIT_LIST_HEAD(&change->inner);
	INIT_LIST_HEAD(&change->dead);
	change->stale.count = 0;
}

void ogpu_pt_init(struct ogpu_pt *pt, const struct ogpu_pt_ops *ops, u64 pages,
		  struct ogpu_pt_table *root);
void ogpu_pt_need_map(const struct ogpu_pt *pt, struct ogpu_pt_need *need, u64 va, u64 size,
		      const struct ogpu_pt_segment *segments);
void ogpu_pt_need_cut(struct ogpu_pt_need *need, u64 va);
void ogpu_pt_split(struct ogpu_pt *pt, struct ogpu_pt_change *change, struct ogpu_pt_ranges *split,
		   u64 va);
void ogpu_pt_map(struct ogpu_pt *pt, struct ogpu_pt_change *change, u64 va, u64 size, u64 prot,
		 const struct ogpu_pt_segment *segments);
void ogpu_pt_unmap(struct ogpu_pt *pt, struct ogpu_pt_change *change, u64 va, u64 size);
u64 ogpu_pt_entry(const struct ogpu_pt *pt, u64 va, unsigned int level);
u64 ogpu_pt_root_pte(const struct ogpu_pt *pt);

#endif
