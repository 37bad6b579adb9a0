// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What all address spaces of one user may take from a card together.
 *
 * Address spaces have numbers, and page tables are pinned memory: both are there for everybody, and
 * a user who opens more files must not get more of them. So is the time that others wait because of
 * memory of programs, ogpu_userptr_account.c.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_ttm.h"
#include "ogpu_vm_owner.h"

/* Parts of what the card has, at least one address space. */
#define OGPU_VM_OWNER_SPACES	2	/* of the numbers */
#define OGPU_VM_OWNER_VRAM	4	/* of visible VRAM: tables for 100 times its size */
#define OGPU_VM_OWNER_SYSTEM	8	/* of the system memory that buffers may take */
/* So many times the latter. Each page takes 16 bytes or some more. */
#define OGPU_VM_OWNER_MIRROR	4

/* Of programs' memory, see ogpu_userptr.c. */
#define OGPU_VM_OWNER_USERPTRS		512	/* of 66 KiB each */
#define OGPU_VM_OWNER_LONG_USERPTRS	8	/* to suspend each takes some milliseconds */

/* Taking something down takes milliseconds, unless the card is broken, or others are slow. */
#define OGPU_VM_OWNER_DYING_MS	5000

/**
 * struct ogpu_vm_owners - all users of a card
 */
struct ogpu_vm_owners {
	/** @lock: protects @list */
	struct mutex lock;
	/** @list: &struct ogpu_vm_owner */
	struct list_head list;
};

/* Nobody is referred to any more. */
static void ogpu_vm_owners_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_vm_owner *owner, *next;
	struct ogpu_vm_owners *owners = arg;

	list_for_each_entry_safe(owner, next, &owners->list, link)
		kfree(owner);
}

/**
 * ogpu_vm_owners_init() - prepare at probe
 * @odev: the card; its memory is known
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_vm_owners_init(struct ogpu_device *odev)
{
	struct ogpu_vm_owners *owners;
	int ret;

	owners = drmm_kzalloc(&odev->drm, sizeof(*owners), GFP_KERNEL);
	if (!owners)
		return -ENOMEM;

	INIT_LIST_HEAD(&owners->list);
	odev->vm_owners = owners;
	ret = drmm_mutex_init(&odev->drm, &owners->lock);
	if (ret)
		return ret;

	return drmm_add_action_or_reset(&odev->drm, ogpu_vm_owners_fini, owners);
}

/* Unless he has to be remembered: who closes all and comes again finds his account as it was. */
static void ogpu_vm_owner_free(struct ogpu_vm_owner *owner, u64 now)
{
	if (!ogpu_account_is_full(&owner->account, now))
		return;

	list_del(&owner->link);
	kfree(owner);
}

static void ogpu_vm_owner_release(struct kref *ref)
{
	struct ogpu_vm_owner *owner = container_of(ref, struct ogpu_vm_owner, ref);
	struct ogpu_vm_owners *owners = owner->odev->vm_owners;

	ogpu_vm_owner_free(owner, ktime_get_ns());
	mutex_unlock(&owners->lock);
}

/**
 * ogpu_vm_owner_put() - drop a reference
 * @owner: user
 *
 * Sleeps.
 */
void ogpu_vm_owner_put(struct ogpu_vm_owner *owner)
{
	kref_put_mutex(&owner->ref, ogpu_vm_owner_release, &owner->odev->vm_owners->lock);
}

/**
 * ogpu_vm_owner_get() - take a reference
 * @owner: user
 *
 * Return: @owner.
 */
struct ogpu_vm_owner *ogpu_vm_owner_get(struct ogpu_vm_owner *owner)
{
	kref_get(&owner->ref);
	return owner;
}

static struct ogpu_vm_owner *ogpu_vm_owner_new(struct ogpu_device *odev, kuid_t uid)
{
	struct ogpu_vm_owner *owner = kzalloc_obj(*owner, GFP_KERNEL_ACCOUNT);
	struct ogpu_mem *mem = odev->mem;

	if (!owner)
		return NULL;

	kref_init(&owner->ref);
	owner->odev = odev;
	owner->uid = uid;
	init_waitqueue_head(&owner->wait);
	ogpu_account_init(&owner->account, ktime_get_ns());
	/* Number 0 is nobody's. */
	atomic64_set(&owner->left[OGPU_VM_SHARE_SPACES],
		     max((odev->disc.as_count - 1) / OGPU_VM_OWNER_SPACES, 1u));
	atomic64_set(&owner->left[OGPU_VM_SHARE_VRAM],
		     div_u64(mem->vram.visible_size, OGPU_VM_OWNER_VRAM));
	atomic64_set(&owner->left[OGPU_VM_SHARE_SYSTEM],
		     div_u64(mem->tt.size, OGPU_VM_OWNER_SYSTEM));
	atomic64_set(&owner->left[OGPU_VM_SHARE_MIRROR], mem->tt.size * OGPU_VM_OWNER_MIRROR);
	atomic64_set(&owner->left[OGPU_VM_SHARE_USERPTRS], OGPU_VM_OWNER_USERPTRS);
	atomic64_set(&owner->left[OGPU_VM_SHARE_LONG_USERPTRS], OGPU_VM_OWNER_LONG_USERPTRS);
	list_add(&owner->link, &odev->vm_owners->list);

	return owner;
}

/**
 * ogpu_vm_owner_find() - find a user of a card, or make one
 * @odev: the card
 * @uid: who it is
 *
 * Return: the user with a reference, or NULL if there is no memory.
 */
struct ogpu_vm_owner *ogpu_vm_owner_find(struct ogpu_device *odev, kuid_t uid)
{
	struct ogpu_vm_owner *owner, *next;
	u64 now = ktime_get_ns();

	mutex_lock(&odev->vm_owners->lock);
	/* Nobody drops the last reference meanwhile. */
	list_for_each_entry_safe(owner, next, &odev->vm_owners->list, link) {
		if (uid_eq(owner->uid, uid)) {
			if (!kref_get_unless_zero(&owner->ref))
				kref_init(&owner->ref);
			goto out_unlock;
		}
		if (!kref_read(&owner->ref))
			ogpu_vm_owner_free(owner, now);
	}
	owner = ogpu_vm_owner_new(odev, uid);

out_unlock:
	mutex_unlock(&odev->vm_owners->lock);
	return owner;
}

/**
 * ogpu_vm_owner_take() - charge a user
 * @owner: user
 * @share: with what
 * @amount: how much
 *
 * Return: false if that is too much, and then nothing is charged.
 */
bool ogpu_vm_owner_take(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount)
{
	if (atomic64_sub_return(amount, &owner->left[share]) >= 0)
		return true;

	atomic64_add(amount, &owner->left[share]);
	return false;
}

/**
 * ogpu_vm_owner_borrow() - charge a user, also if it is too much
 * @owner: user
 * @share: with what
 * @amount: how much
 */
void ogpu_vm_owner_borrow(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount)
{
	atomic64_sub(amount, &owner->left[share]);
}

/**
 * ogpu_vm_owner_give() - undo ogpu_vm_owner_take()
 * @owner: user
 * @share: with what
 * @amount: how much
 */
void ogpu_vm_owner_give(struct ogpu_vm_owner *owner, enum ogpu_vm_share share, u64 amount)
{
	atomic64_add(amount, &owner->left[share]);
}

/**
 * ogpu_vm_owner_begin_dying() - an address space, or a piece of memory, has lost its last user
 * @owner: whose it is
 *
 * Callable from any context.
 */
void ogpu_vm_owner_begin_dying(struct ogpu_vm_owner *owner)
{
	atomic_inc(&owner->dying);
}

/**
 * ogpu_vm_owner_end_dying() - it has been taken down
 * @owner: whose it was
 */
void ogpu_vm_owner_end_dying(struct ogpu_vm_owner *owner)
{
	if (atomic_dec_and_test(&owner->dying))
		wake_up_all(&owner->wait);
}

/**
 * ogpu_vm_owner_wait_dying() - wait until what the user has dropped is given back
 * @owner: user
 *
 * For a bounded time.
 *
 * Return: 0 or -ERESTARTSYS.
 */
int ogpu_vm_owner_wait_dying(struct ogpu_vm_owner *owner)
{
	long ret;

	ret = wait_event_interruptible_timeout(owner->wait, !atomic_read(&owner->dying),
					       msecs_to_jiffies(OGPU_VM_OWNER_DYING_MS));

	return min(ret, 0l);
}
