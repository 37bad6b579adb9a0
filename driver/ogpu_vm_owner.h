/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What all address spaces of one user may take from a card together.
 */
#ifndef _OGPU_VM_OWNER_H_
#define _OGPU_VM_OWNER_H_

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "ogpu_svm_rate.h"
#include "ogpu_userptr_account.h"

struct ogpu_device;

/**
 * enum ogpu_vm_share - what is limited for each user
 * @OGPU_VM_SHARE_SPACES: address spaces
 * @OGPU_VM_SHARE_VRAM: bytes of page tables in VRAM, which are pinned in the visible part
 * @OGPU_VM_SHARE_SYSTEM: bytes of page tables in system memory
 * @OGPU_VM_SHARE_MIRROR: bytes of processes' memory that are kept an account of
 * @OGPU_VM_SHARE_USERPTRS: pieces of programs' memory, each with notifier and list of pages
 * @OGPU_VM_SHARE_LONG_USERPTRS: long-running address spaces that have such
 * @OGPU_VM_SHARES: how many there are
 */
enum ogpu_vm_share {
	OGPU_VM_SHARE_SPACES,
	OGPU_VM_SHARE_VRAM,
	OGPU_VM_SHARE_SYSTEM,
	OGPU_VM_SHARE_MIRROR,
	OGPU_VM_SHARE_USERPTRS,
	OGPU_VM_SHARE_LONG_USERPTRS,
	OGPU_VM_SHARES
};

/**
 * struct ogpu_vm_owner - a user of a card, however many files are open
 */
struct ogpu_vm_owner {
	/** @ref: held by files and by address spaces, which may live longer */
	struct kref ref;
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @link: in &struct ogpu_vm_owners */
	struct list_head link;
	/** @uid: who it is */
	kuid_t uid;
	/** @left: what may still be taken */
	atomic64_t left[OGPU_VM_SHARES];
	/** @account: how long others wait; it is what keeps a user that nobody refers to */
	struct ogpu_account account;
	/** @faults: what was served for the user */
	struct ogpu_svm_share faults;
	/** @dying: address spaces, and pieces of programs' memory, that are being taken down */
	atomic_t dying;
	/** @wait: for @dying to be 0 */
	wait_queue_head_t wait;
};

int ogpu_vm_owners_init(struct ogpu_device *odev);
struct ogpu_vm_owner *ogpu_vm_owner_find(struct ogpu_device *odev, kuid_t uid);
struct ogpu_vm_owner *ogpu_vm_owner_get(struct ogpu_vm_owner *owner);
void ogpu_vm_owner_put(struct ogpu_vm_owner *owner);
bool ogpu_vm_owner_take(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount);
void ogpu_vm_owner_borrow(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount);
void ogpu_vm_owner_give(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount);
void ogpu_vm_owner_begin_dying(struct ogpu_vm_owner *owner);
void ogpu_vm_owner_end_dying(struct ogpu_vm_owner *owner);
int ogpu_vm_owner_wait_dying(struct ogpu_vm_owner *owner);

#endif
