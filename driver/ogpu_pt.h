/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Page tables of one address space: which tables exist, and how a range becomes entries. How the
 * memory of a table is obtained and reached is left to struct ogpu_pt_ops, so that KUnit tests run
 * the same code on ordinary memory.
 */
#ifndef _OGPU_PT_H_
#define _OGPU_PT_H_

#include <linux/bitmap.h>
#include <linux/types.h>

#include "abi/addr.h"

/**
 * struct ogpu_pt_table - one table, 512 entries
 */
struct ogpu_pt_table {
	/** @addr: VRAM offset, 4 KiB aligned */
	u64 addr;
	/** @mem: how struct ogpu_pt_ops reaches the entries */
	void *mem;
	/** @level: OGPU_PT_LEVELS - 1 for the root, 0 for tables of 4 KiB pages */
	unsigned int level;
	/** @linked: a set bit: the entry is a leaf or points to a table */
	DECLARE_BITMAP(linked, OGPU_PT_ENTRIES);
	/** @leaf: of @linked, those that are leaves of 2 MiB; level 1 only */
	DECLARE_BITMAP(leaf, OGPU_PT_ENTRIES);
	/** @child: tables below; NULL: none yet; not there at level 0 */
	struct ogpu_pt_table *child[];
};

/**
 * struct ogpu_pt_ops - memory of tables
 */
struct ogpu_pt_ops {
	/**
	 * @alloc: give @table zeroed memory: set its addr and mem. Memory is never given back for a
	 * single table. Returns 0, -ENOSPC, -ENOMEM.
	 */
	int (*alloc)(void *priv, struct ogpu_pt_table *table);
	/** @write: store @count entries from @index on; each is @step more than the one before */
	void (*write)(struct ogpu_pt_table *table, unsigned int index, unsigned int count,
		      u64 pte, u64 step);
	/** @read: one entry */
	u64 (*read)(struct ogpu_pt_table *table, unsigned int index);
};

/**
 * struct ogpu_pt - the tables of an address space
 *
 * ogpu_pt_prepare() adds tables and may fail; it is serialised by its caller. ogpu_pt_map() and
 * ogpu_pt_unmap() write entries, cannot fail, and are serialised among themselves by their caller,
 * but may run beside ogpu_pt_prepare().
 */
struct ogpu_pt {
	/** @ops: memory access */
	const struct ogpu_pt_ops *ops;
	/** @priv: for @ops->alloc */
	void *priv;
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

int ogpu_pt_init(struct ogpu_pt *pt, const struct ogpu_pt_ops *ops, void *priv);
void ogpu_pt_fini(struct ogpu_pt *pt);
int ogpu_pt_prepare(struct ogpu_pt *pt, u64 va, u64 size);
void ogpu_pt_map(struct ogpu_pt *pt, u64 va, u64 size, u64 prot,
		 const struct ogpu_pt_segment *segments);
void ogpu_pt_unmap(struct ogpu_pt *pt, u64 va, u64 size);
u64 ogpu_pt_root_pte(const struct ogpu_pt *pt);

#endif
