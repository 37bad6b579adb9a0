// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of programs while the card sleeps.
 *
 * Page tables are a part of what is kept of VRAM, and so nobody may change them. But no queue
 * executes that could use the memory: what changes meanwhile goes at once. It is noted, and taken
 * out of the page tables before queues go on. A job that was under way goes on, too, and faults
 * only if it uses what has changed.
 */
#include <linux/list.h>
#include <linux/mutex.h>

#include "ogpu_device.h"
#include "ogpu_pt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_userptr.h"
#include "ogpu_userptr_priv.h"
#include "ogpu_vm.h"

/**
 * ogpu_userptrs_sleep() - no queue executes from now on, and page tables stay as they are
 * @odev: the card, in ogpu_device_close()
 *
 * Sleeps for a short time.
 */
void ogpu_userptrs_sleep(struct ogpu_device *odev)
{
	struct ogpu_userptr_all *all = odev->userptrs;
	struct ogpu_userptr *userptr;

	mutex_lock(&all->lock);
	WRITE_ONCE(all->asleep, true);
	/* Who has not seen it is done with the page tables then. */
	list_for_each_entry(userptr, &all->list, link) {
		mutex_lock(&userptr->vm->pt_lock);
		mutex_unlock(&userptr->vm->pt_lock);
	}
	mutex_unlock(&all->lock);
}

/* Returns false if the card may remember what has changed. */
static bool ogpu_userptr_wake(struct ogpu_userptr *userptr)
{
	struct ogpu_vm *vm = userptr->vm;
	struct ogpu_pt_change change;
	bool sure = true;

	ogpu_pt_change_init(&change);
	mutex_lock(&vm->pt_lock);
	if (userptr->lost) {
		userptr->lost = false;
		ogpu_userptr_clear_entries(userptr, &change);
		sure = ogpu_userptrs_are_safe(vm);
	}
	mutex_unlock(&vm->pt_lock);
	ogpu_pt_mem_give(&vm->pt_mem, &change);

	return sure;
}

/**
 * ogpu_userptrs_wake() - take what has changed out of page tables
 * @odev: the card, after ogpu_userptrs_sleep(), or nothing happens; it has its page tables again,
 *	or has been stopped
 *
 * No queue has gone on yet. Sleeps.
 *
 * Return: 0; -EIO: queues may not go on. The card has told so, and will be recovered.
 */
int ogpu_userptrs_wake(struct ogpu_device *odev)
{
	struct ogpu_userptr_all *all = odev->userptrs;
	struct ogpu_userptr *userptr;
	bool sure = true;

	mutex_lock(&all->lock);
	WRITE_ONCE(all->asleep, false);
	list_for_each_entry(userptr, &all->list, link)
		sure &= ogpu_userptr_wake(userptr);
	mutex_unlock(&all->lock);

	return sure ? 0 : -EIO;
}
