// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The address-space table and TLB invalidation.
 *
 * The table lies in VRAM and is written through the aperture; an entry changes by one 64-bit write.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/mutex.h>

#include <drm/drm_managed.h>

#include "abi/addr.h"
#include "ogpu_device.h"
#include "ogpu_lockdep.h"
#include "ogpu_mmu.h"
#include "ogpu_pt.h"
#include "ogpu_report.h"
#include "ogpu_vram_mgr.h"

/**
 * struct ogpu_mmu - state of the MMU of a card
 */
struct ogpu_mmu {
	/** @lock: one invalidation is started at a time */
	struct mutex lock;
	/** @asids: numbers in use */
	struct ida asids;
};

static void ogpu_mmu_release(struct drm_device *drm, void *arg)
{
	struct ogpu_mmu *mmu = arg;

	ida_destroy(&mmu->asids);
}

/**
 * ogpu_mmu_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_mmu_init(struct ogpu_device *odev)
{
	struct ogpu_mmu *mmu;
	int ret;

	mmu = drmm_kzalloc(&odev->drm, sizeof(*mmu), GFP_KERNEL);
	if (!mmu)
		return -ENOMEM;

	ret = drmm_mutex_init(&odev->drm, &mmu->lock);
	if (ret)
		return ret;
	ogpu_lockdep_class(&mmu->lock, OGPU_LOCK_MMU);

	ida_init(&mmu->asids);
	ret = drmm_add_action_or_reset(&odev->drm, ogpu_mmu_release, mmu);
	if (ret)
		return ret;

	odev->mmu = mmu;
	return 0;
}

static void __iomem *ogpu_mmu_as_entry(struct ogpu_device *odev, u16 asid)
{
	return odev->aperture + OGPU_AS_TABLE_OFFSET + asid * sizeof(struct ogpu_as_entry);
}

static bool ogpu_mmu_works(struct ogpu_device *odev)
{
	enum ogpu_state state = READ_ONCE(odev->state);

	return state == OGPU_STATE_RUNNING || state == OGPU_STATE_BOOTING;
}

/*
 * Of @ranges, or of all if that is NULL; they end in the order in which they began. @start: of a
 * card that is being started.
 */
static int ogpu_mmu_tlbi(struct ogpu_device *odev, u16 asid, const struct ogpu_pt_ranges *ranges,
			 bool start)
{
	unsigned int i, count = ranges ? ranges->count : 1;
	u32 number;
	int ret = 0;

	/* Entries written through the write-combined aperture must arrive first. */
	wmb();
	mutex_lock(&odev->mmu->lock);
	/* Who was before may have found out that it does not work: do not try it one by one. */
	if (!start && !ogpu_mmu_works(odev))
		ret = -ENODEV;
	for (i = 0; i < count && !ret; i++)
		ret = odev->chip->tlbi_start(odev, asid, ranges ? ranges->range[i].start : 0,
					     ranges ? ranges->range[i].end : 0, &number);
	mutex_unlock(&odev->mmu->lock);

	return ret ?: odev->chip->tlbi_wait(odev, number);
}

/**
 * ogpu_mmu_start() - give the card an empty table, at boot and after a reset
 * @odev: the card; its engines stand still
 *
 * Address spaces of files from before a reset lose their entry: these files are stale.
 *
 * Return: 0, -ETIMEDOUT or -ENODEV.
 */
int ogpu_mmu_start(struct ogpu_device *odev)
{
	mutex_lock(&odev->mmu->lock);
	memset_io(odev->aperture + OGPU_AS_TABLE_OFFSET, 0,
		  odev->disc.as_count * sizeof(struct ogpu_as_entry));
	mutex_unlock(&odev->mmu->lock);
	/* Through the write-combined aperture: must be there when the card looks. */
	wmb();
	odev->chip->as_set(odev, OGPU_AS_TABLE_OFFSET, odev->disc.as_count);

	return ogpu_mmu_tlbi(odev, 0, NULL, true);
}

/**
 * ogpu_mmu_as_alloc() - enter an address space into the table
 * @odev: the card
 * @generation: that the page tables are of: what was written before a reset is lost
 * @root_pte: from ogpu_pt_root_pte()
 * @asid: the number that it got
 *
 * Sleeps, allocates. In ogpu_device_enter().
 *
 * Return: 0, -ENOMEM, -ENOSPC if all numbers are in use, -ENODEV if the card has been reset.
 */
int ogpu_mmu_as_alloc(struct ogpu_device *odev, u32 generation, u64 root_pte, u16 *asid)
{
	int id, ret = 0;

	id = ida_alloc_range(&odev->mmu->asids, 1, odev->disc.as_count - 1, GFP_KERNEL);
	if (id < 0)
		return id;

	/* A reset that begins later finds the entry, and empties the table. */
	mutex_lock(&odev->mmu->lock);
	if (generation == READ_ONCE(odev->generation))
		writeq(root_pte, ogpu_mmu_as_entry(odev, id));
	else
		ret = -ENODEV;
	mutex_unlock(&odev->mmu->lock);
	if (ret) {
		ida_free(&odev->mmu->asids, id);
		return ret;
	}

	/* The card does not remember that an entry was not valid. */
	ogpu_mmu_flush(odev, id);
	*asid = id;

	return 0;
}

/**
 * ogpu_mmu_as_clear() - take an address space out of the table
 * @odev: the card
 * @asid: its number
 *
 * Sleeps. Also works when the card is unbound or gone.
 *
 * Return: 0: the card does not use the page tables any more; otherwise what ogpu_mmu_invalidate()
 * gives: it may, until it has been stopped.
 */
int ogpu_mmu_as_clear(struct ogpu_device *odev, u16 asid)
{
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return 0;

	ogpu_device_begin_work(odev);
	writeq(0, ogpu_mmu_as_entry(odev, asid));
	ret = ogpu_mmu_invalidate(odev, asid, NULL);
	ogpu_device_end_work(odev);
	ogpu_device_exit(odev, idx);

	return ret;
}

/**
 * ogpu_mmu_as_free() - let others have the number of an address space
 * @odev: the card
 * @asid: the number, which the card uses no more
 */
void ogpu_mmu_as_free(struct ogpu_device *odev, u16 asid)
{
	ida_free(&odev->mmu->asids, asid);
}

/**
 * ogpu_mmu_flush() - have entries arrive that were not valid before
 * @odev: the card; in ogpu_device_enter()
 * @asid: address space
 *
 * Any access that begins later sees them.
 */
void ogpu_mmu_flush(struct ogpu_device *odev, u16 asid)
{
	/* Entries written through the write-combined aperture must arrive first. */
	wmb();
	/* A read returns when what was written before is done. */
	readq(ogpu_mmu_as_entry(odev, asid));
}

/**
 * ogpu_mmu_invalidate() - make the card forget translations
 * @odev: the card
 * @asid: address space
 * @ranges: which; NULL: the whole address space
 *
 * When it returns 0 no access uses what the page tables said before. Sleeps for a bounded time,
 * allocates nothing: may be used where fences are signalled. An invalidation that does not end
 * makes the card recover.
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV if the card is unbound, gone or being reset; in the last case
 * recovery drops all translations.
 */
int ogpu_mmu_invalidate(struct ogpu_device *odev, u16 asid, const struct ogpu_pt_ranges *ranges)
{
	u32 generation = READ_ONCE(odev->generation);
	int idx, ret;

	if (!ogpu_mmu_works(odev))
		return -ENODEV;
	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	/* Callers rely on recovery: one that has begun since then will do. */
	ret = ogpu_mmu_tlbi(odev, asid, ranges, false);
	if (ret == -ETIMEDOUT)
		ogpu_report_since(odev, generation, OGPU_TROUBLE_TLBI);
	else if (ret == -ENODEV && ogpu_mmu_works(odev))
		/* The card may answer again by now. */
		ogpu_report_since(odev, generation, OGPU_TROUBLE_LOST);
	ogpu_device_exit(odev, idx);

	return ret;
}
