// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Pages of VRAM that went bad: they are noted when the card tells of them, and retired by firmware
 * as soon as nobody has them, because the spare page that comes in their place is empty.
 *
 * A page that is free is taken out of the allocator for that time, and stays out if the card has
 * no spare page left. One that is in use is left to its user, whose job fails when it uses what is
 * lost; freeing it makes the worker look again. After a reset of the card no content counts any
 * more, and all are retired at once: the driver's own memory, which is never freed, is among it.
 * If that is the table of address spaces, the card is reset for it.
 */
#include <linux/bitfield.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/addr.h"
#include "abi/event.h"
#include "abi/mbox.h"
#include "abi/mc.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_mbox.h"
#include "ogpu_ras.h"
#include "ogpu_report.h"
#include "ogpu_ttm.h"
#include "ogpu_vram_mgr.h"

/* Bad pages at a time that are known by name. */
#define OGPU_RAS_PAGES	128

/**
 * struct ogpu_ras - bad pages of a card
 */
struct ogpu_ras {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @work: retires what can be retired */
	struct work_struct work;
	/** @wq: runs @work; of its own, because it waits for firmware, and recovery not for it */
	struct workqueue_struct *wq;
	/** @lock: protects what follows; a leaf */
	spinlock_t lock;
	/** @pages: VRAM offsets of pages that wait for being retired */
	u64 pages[OGPU_RAS_PAGES];
	/** @count: how many there are */
	unsigned int count;
	/** @retired: pages that were replaced, since probe */
	unsigned int retired;
	/** @lost: pages for which there was no spare one, since probe */
	unsigned int lost;
	/** @corrected: errors that hardware corrected, in any memory of the card */
	u64 corrected;
	/** @uncorrected: errors that it could not correct */
	u64 uncorrected;
};

static bool ogpu_ras_add(struct ogpu_ras *ras, u64 page)
{
	unsigned int i;

	for (i = 0; i < ras->count; i++)
		if (ras->pages[i] == page)
			return true;
	if (ras->count == OGPU_RAS_PAGES)
		return false;
	ras->pages[ras->count++] = page;

	return true;
}

/* Take a page from the list, whatever its place is by now. */
static void ogpu_ras_remove(struct ogpu_ras *ras, u64 page, unsigned int *counter)
{
	unsigned int i;

	spin_lock(&ras->lock);
	for (i = 0; i < ras->count; i++) {
		if (ras->pages[i] != page)
			continue;
		ras->pages[i] = ras->pages[--ras->count];
		(*counter)++;
		break;
	}
	spin_unlock(&ras->lock);
}

static bool ogpu_ras_get(struct ogpu_ras *ras, unsigned int index, u64 *page)
{
	bool found;

	spin_lock(&ras->lock);
	found = index < ras->count;
	if (found)
		*page = ras->pages[index];
	spin_unlock(&ras->lock);

	return found;
}

/* Memory of the card has an error that cannot be corrected, at this offset in VRAM. */
static void ogpu_ras_note(struct ogpu_device *odev, u64 offset)
{
	struct ogpu_ras *ras = odev->ras;
	unsigned int before;
	bool known, first;

	/* No page of ours: it could never be retired. */
	if (offset >= odev->disc.vram_size)
		return;

	spin_lock(&ras->lock);
	before = ras->count;
	known = ogpu_ras_add(ras, round_down(offset, OGPU_PAGE_4K));
	first = ras->count != before;
	spin_unlock(&ras->lock);

	if (known)
		queue_work(ras->wq, &ras->work);
	else
		drm_err_ratelimited(&odev->drm, "too many bad pages of VRAM to keep in mind\n");
	/* Hundreds of address spaces have their entries there, and none of them works any more. */
	if (first && offset < ogpu_fw_staging_offset(odev))
		ogpu_report(odev, OGPU_TROUBLE_AS_TABLE);
}

/* An OGPU_EVENT_MEMORY_ERROR has come. */
static unsigned int ogpu_ras_handle_error(struct ogpu_device *odev, const struct ogpu_event *ev,
					  unsigned int max)
{
	u64 what = le64_to_cpu(ev->value1), addr = le64_to_cpu(ev->value0);
	u32 block = FIELD_GET(OGPU_EVENT_ERROR_BLOCK, what);
	struct ogpu_ras *ras = odev->ras;
	bool corrected = FIELD_GET(OGPU_EVENT_ERROR_SEVERITY, what) == OGPU_RAS_SEV_CORRECTED;

	spin_lock(&ras->lock);
	if (corrected)
		ras->corrected++;
	else
		ras->uncorrected++;
	spin_unlock(&ras->lock);
	if (corrected)
		return 0;

	if (block == OGPU_RAS_VRAM) {
		drm_err_ratelimited(&odev->drm, "uncorrectable memory error at VRAM offset %#llx\n",
				    addr);
		ogpu_ras_note(odev, addr);
	} else {
		/* Nobody knows whose data it was. */
		drm_err_ratelimited(&odev->drm, "uncorrectable error in block %u at %#llx\n", block,
				    addr);
		ogpu_report(odev, OGPU_TROUBLE_CHIP_MEMORY);
	}

	return 0;
}

/**
 * ogpu_ras_vram_freed() - memory was freed: a bad page may have been among it
 * @odev: the card
 *
 * Any context.
 */
void ogpu_ras_vram_freed(struct ogpu_device *odev)
{
	if (READ_ONCE(odev->ras->count))
		queue_work(odev->ras->wq, &odev->ras->work);
}

/* Ask firmware for a spare page in place of this one. Sleeps. */
static int ogpu_ras_retire(struct ogpu_device *odev, u64 page)
{
	struct ogpu_msg_ras_query query = {
		.op = cpu_to_le32(OGPU_RAS_OP_RETIRE),
		.addr = cpu_to_le64(page),
	};
	struct ogpu_ras *ras = odev->ras;
	int ret;

	ret = ogpu_mbox_request(odev, OGPU_MSG_RAS, &query, sizeof(query), NULL, 0);
	if (!ret)
		ogpu_ras_remove(ras, page, &ras->retired);

	return ret;
}

/* Firmware does not answer: there is no sense in going on with other pages. */
static bool ogpu_ras_is_hopeless(int err)
{
	return err == -ETIMEDOUT || err == -ENODEV;
}

/* Returns false if there is no sense in going on with others. */
static bool ogpu_ras_retire_free(struct ogpu_device *odev, u64 page)
{
	struct ogpu_vram_mgr *mgr = &odev->mem->vram;
	struct ogpu_ras *ras = odev->ras;
	LIST_HEAD(blocks);
	int ret;

	/* In use. */
	if (ogpu_vram_mgr_take(mgr, page, &blocks))
		return true;

	ret = ogpu_ras_retire(odev, page);
	if (ret == -ENOSPC) {
		drm_warn(&odev->drm, "no spare page for VRAM offset %#llx: not used any more\n",
			 page);
		ogpu_ras_remove(ras, page, &ras->lost);
		ogpu_vram_mgr_keep(mgr, &blocks);
		return true;
	}
	ogpu_vram_mgr_give(mgr, page, &blocks);

	return !ogpu_ras_is_hopeless(ret);
}

static void ogpu_ras_work(struct work_struct *work)
{
	struct ogpu_ras *ras = container_of(work, struct ogpu_ras, work);
	struct ogpu_device *odev = ras->odev;
	unsigned int before, i = 0;
	u64 page;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return;
	/* One that is retired makes room for the last one in the list. */
	while (READ_ONCE(odev->state) == OGPU_STATE_RUNNING && ogpu_ras_get(ras, i, &page)) {
		before = READ_ONCE(ras->count);
		if (!ogpu_ras_retire_free(odev, page))
			break;
		if (READ_ONCE(ras->count) >= before)
			i++;
	}
	ogpu_device_exit(odev, idx);
}

/**
 * ogpu_ras_retire_all() - retire all bad pages, in use or not
 * @odev: the card, whose firmware has just been started after a reset
 *
 * Under @odev->reset_lock. Sleeps, bounded.
 */
void ogpu_ras_retire_all(struct ogpu_device *odev)
{
	struct ogpu_ras *ras = odev->ras;
	unsigned int i = 0;
	u64 page;
	int ret;

	while (ogpu_ras_get(ras, i, &page)) {
		ret = ogpu_ras_retire(odev, page);
		if (ogpu_ras_is_hopeless(ret))
			return;
		/* Without a spare page it is kept out of use when it is free. */
		if (ret)
			i++;
	}
}

/**
 * ogpu_ras_get_counts() - how the memory of a card does
 * @odev: the card
 * @counts: filled; each by itself is right
 */
void ogpu_ras_get_counts(struct ogpu_device *odev, struct ogpu_ras_counts *counts)
{
	struct ogpu_ras *ras = odev->ras;

	counts->corrected = READ_ONCE(ras->corrected);
	counts->uncorrected = READ_ONCE(ras->uncorrected);
	counts->in_use = READ_ONCE(ras->count);
	counts->replaced = READ_ONCE(ras->retired);
	counts->lost = READ_ONCE(ras->lost);
}

/**
 * ogpu_ras_query() - ask firmware for the errors of a block of the card
 * @odev: the card
 * @block: enum ogpu_ras_block
 * @ras: filled with counters since power-up
 *
 * Sleeps.
 *
 * Return: 0, -ENODEV if the card is unbound or no firmware runs, or another errno of
 * ogpu_mbox_request().
 */
int ogpu_ras_query(struct ogpu_device *odev, unsigned int block, struct ogpu_msg_ras *ras)
{
	struct ogpu_msg_ras_query query = {
		.op = cpu_to_le32(OGPU_RAS_OP_QUERY),
		.block = cpu_to_le32(block),
	};
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	ret = ogpu_mbox_request(odev, OGPU_MSG_RAS, &query, sizeof(query), ras, sizeof(*ras));
	ogpu_device_exit(odev, idx);

	return ret;
}

/**
 * ogpu_ras_print() - for debugfs
 * @odev: the card
 * @p: where to
 */
void ogpu_ras_print(struct ogpu_device *odev, struct drm_printer *p)
{
	struct ogpu_ras_counts counts;

	ogpu_ras_get_counts(odev, &counts);
	drm_printf(p, "  memory errors: corrected %llu, uncorrected %llu\n", counts.corrected,
		   counts.uncorrected);
	drm_printf(p, "bad pages of VRAM: %u in use, %u replaced, %u without a spare one\n",
		   counts.in_use, counts.replaced, counts.lost);
}

/**
 * ogpu_ras_init() - prepare at probe
 * @odev: the card, with its event ring
 *
 * Return: 0 or an errno.
 */
int ogpu_ras_init(struct ogpu_device *odev)
{
	struct ogpu_ras *ras;

	ras = drmm_kzalloc(&odev->drm, sizeof(*ras), GFP_KERNEL);
	if (!ras)
		return -ENOMEM;

	ras->odev = odev;
	ras->wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-ras-%s", WQ_MEM_RECLAIM,
					       pci_name(odev->pdev));
	if (IS_ERR(ras->wq))
		return PTR_ERR(ras->wq);
	INIT_WORK(&ras->work, ogpu_ras_work);
	spin_lock_init(&ras->lock);
	odev->ras = ras;
	ogpu_event_set_handler(odev, OGPU_EVENT_KIND_MEMORY_ERROR, ogpu_ras_handle_error);

	return 0;
}

/**
 * ogpu_ras_fini() - look for bad pages no more, at unbind
 * @odev: the card; probe may have failed before ogpu_ras_init()
 */
void ogpu_ras_fini(struct ogpu_device *odev)
{
	if (odev->ras)
		disable_work_sync(&odev->ras->work);
}
