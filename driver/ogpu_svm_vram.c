// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of processes that is in VRAM while the card uses it.
 *
 * DOC: Shared virtual memory in VRAM
 *
 * A reset of the card loses what is there, so it is done only for address spaces whose program has
 * asked for it (DRM_OGPU_VM_SVM_VRAM). For all others memory stays where it is; but what somebody
 * else of the process has had come they use there.
 *
 * Each page of VRAM has a &struct page of the kind that CPUs cannot reach (MEMORY_DEVICE_PRIVATE),
 * so the aperture does not matter. A piece is what comes to VRAM together: a part of one anonymous
 * mapping, whose pages are copied by the copy engine. A CPU that touches such memory faults, and
 * the kernel has the piece copied back (drm_pagemap); so do all who need the pages. After fork()
 * two processes have them, and nobody may write to them there: ogpu_svm_vram_own().
 *
 * Nothing is evicted for a piece. To TTM it is pinned, because its pages cannot be copied back with
 * a dma_resv held; but pieces make way for every buffer that finds no room, the oldest first, while
 * TTM has other buffers make way: in a worker, and in who wants the room, with no lock of TTM. For
 * a while after that none come. Of two clients with pieces the one that has more makes way.
 *
 * Before the card is unbound or sleeps all pieces are copied back. What cannot be is lost, as after
 * a reset: who touches it gets SIGBUS, and a queue its error of memory. The pages stay until the
 * processes that have them let go of them, which nobody waits for: they outlive the card.
 */
#include <linux/hmm.h>
#include <linux/ioport.h>
#include <linux/jiffies.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_managed.h>
#include <drm/drm_pagemap.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_svm.h"
#include "ogpu_svm_piece.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"
#include "ogpu_vram_cgroup.h"
#include "ogpu_vram_mgr.h"

/* The kernel leaves a piece alone for as long after it has come. */
#define OGPU_SVM_VRAM_STAY_MS	5
/* After one had to make way none come for as long: who wanted the room shall get it. */
#define OGPU_SVM_VRAM_PAUSE_MS	100
/* All of it. */
#define OGPU_SVM_VRAM_ALL	U64_MAX
/* Who wants room does not try for ever: there may be no system memory. */
#define OGPU_SVM_VRAM_FAILS	16
/* What came while it was closed, or is locked by somebody for a moment, goes the next time. */
#define OGPU_SVM_VRAM_CLOSE_TRIES	8

/* The pages of a card, for who does not hold the lock under which they are made; or NULL. */
static struct ogpu_svm_vram *ogpu_svm_vram_look(struct ogpu_device *odev)
{
	/* Pairs with the release in ogpu_svm_vram_init(). */
	return smp_load_acquire(&odev->mem->svms.vram);
}

/*
 * Coming
 */

/* Nobody was evicted for a piece. If those who came first have more than its client, one goes. */
static void ogpu_svm_vram_share(struct ogpu_svm_vram *vram, struct ogpu_mem_client *client,
				size_t size)
{
	s64 mine = atomic64_read(&client->mirrored) + size;
	struct ogpu_svm_piece *first;
	bool more = false;

	spin_lock_irq(&vram->lock);
	first = list_first_entry_or_null(&vram->pieces, struct ogpu_svm_piece, link);
	if (first)
		more = first->client != client && atomic64_read(&first->client->mirrored) > mine;
	if (!more)
		list_rotate_left(&vram->pieces);
	spin_unlock_irq(&vram->lock);

	if (more)
		ogpu_svm_vram_want(vram->odev, size);
}

/* May memory come now? */
static bool ogpu_svm_vram_is_open(struct ogpu_svm_vram *vram, struct mm_struct *mm)
{
	if (!vram || READ_ONCE(vram->closed) || !vram->map ||
	    time_before64(get_jiffies_64(), READ_ONCE(vram->pause)))
		return false;

	/* Nobody could charge the group for it: workers are in none. */
	return !ogpu_vram_cgroup_limits(mm);
}

/**
 * ogpu_svm_vram_bring() - have memory of a process come to VRAM
 * @odev: the card, running; not in ogpu_device_enter()
 * @client: who pays for the VRAM
 * @mm: the process's, of which the caller is a user, mirrored by an address space of the card
 * @start: first address
 * @end: behind the last; multiples of 64 KiB
 *
 * Return: 0; or a negative errno, and then it is where it was, or some of it.
 */
int ogpu_svm_vram_bring(struct ogpu_device *odev, struct ogpu_mem_client *client,
			struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct drm_pagemap_migrate_details details = {
		.timeslice_ms = OGPU_SVM_VRAM_STAY_MS,
	};
	struct ogpu_svm_piece *piece;
	int ret, idx;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	ret = -EAGAIN;
	if (ogpu_svm_vram_is_open(odev->mem->svms.vram, mm)) {
		piece = ogpu_svm_piece_new(odev, client, mm, end - start);
		ret = PTR_ERR_OR_ZERO(piece);
		if (ret == -ENOSPC)
			ogpu_svm_vram_share(odev->mem->svms.vram, client, end - start);
	}
	if (!ret) {
		mmap_read_lock(mm);
		/* Takes over the reference. */
		ret = drm_pagemap_migrate_to_devmem(&piece->base, mm, start, end, &details);
		mmap_read_unlock(mm);
	}
	ogpu_device_exit(odev, idx);

	return ret;
}

/*
 * Pages of ours that are not the process's alone, or not to be written by it: the kernel reports
 * them as they are, though asked for pages to write to.
 */
static bool ogpu_svm_vram_is_shared(const unsigned long *pfns, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		if ((pfns[i] & HMM_PFN_VALID) && !(pfns[i] & HMM_PFN_WRITE))
			return true;
	}

	return false;
}

/**
 * ogpu_svm_vram_own() - make sure that the card may write to memory of a process
 * @odev: the card
 * @notifier: of the memory, of a process of which the caller is a user
 * @start: first address
 * @end: behind the last
 * @pfns: scratch, for as many pages
 *
 * fork() write-protects pages in VRAM, and drm_gpusvm_get_pages() does not tell. To be called after
 * that: what is found counts as long as the pages it got are valid. What is shared is brought to
 * system memory, as by a CPU that writes to it: from then on each process has its own.
 *
 * Return: 0; -EAGAIN: it was shared, the pages have to be got anew; -EBUSY: memory changes all the
 * time; -EPERM: the process may not write there; or what else a fault gives.
 */
int ogpu_svm_vram_own(struct ogpu_device *odev, struct mmu_interval_notifier *notifier,
		      unsigned long start, unsigned long end, unsigned long *pfns)
{
	struct hmm_range range = {
		.notifier = notifier,
		.start = start,
		.end = end,
		.hmm_pfns = pfns,
		.dev_private_owner = ogpu_svm_vram_page_owner(odev),
	};
	unsigned long timeout = msecs_to_jiffies(HMM_RANGE_DEFAULT_TIMEOUT);
	int ret;

	ret = hmm_range_fault_unlocked_timeout(&range, timeout);
	if (ret || !ogpu_svm_vram_is_shared(pfns, (end - start) >> PAGE_SHIFT))
		return ret;

	range.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
	range.dev_private_owner = NULL;
	ret = hmm_range_fault_unlocked_timeout(&range, timeout);

	return ret ?: -EAGAIN;
}

/**
 * ogpu_svm_vram_page_owner() - whose pages of devices the card reaches
 * @odev: the card
 *
 * Return: for &struct drm_gpusvm_ctx.device_private_page_owner.
 */
void *ogpu_svm_vram_page_owner(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;

	return vram ? vram->pages.owner : NULL;
}

/*
 * Going
 */

/* Returns whether its VRAM is free, or about to be. Needs a process, any one that lives. */
static bool ogpu_svm_vram_send(struct ogpu_svm_vram *vram, struct ogpu_svm_piece *piece)
{
	int ret = -ENODEV, idx;

	lockdep_assert_held(&vram->out_lock);

	if (ogpu_device_enter(vram->odev, &idx)) {
		/* The one that it came from may have ended, and a child of it have the pages. */
		piece->base.mm = piece->mm;
		ret = drm_pagemap_evict_to_ram(&piece->base);
		if (ret == -EFAULT && current->mm) {
			piece->base.mm = current->mm;
			ret = drm_pagemap_evict_to_ram(&piece->base);
		}
		ogpu_device_exit(vram->odev, idx);
	}

	return ogpu_svm_piece_put_now(piece) || !ret;
}

/* Is it worth while to send it back? */
static bool ogpu_svm_vram_may_send(struct ogpu_svm_piece *piece, bool visible)
{
	if (ogpu_svm_piece_is_lost(piece))
		return false;

	/* It is pinned: its place does not change. */
	return !visible || to_ogpu_vram_resource(piece->bo->ttm.resource)->visible;
}

/* The next of at most @left pieces that can be sent back, with a reference. */
static struct ogpu_svm_piece *ogpu_svm_vram_next(struct ogpu_svm_vram *vram, unsigned long *left,
						 bool visible)
{
	struct ogpu_svm_piece *piece, *found = NULL;

	while (*left && !found) {
		--*left;
		spin_lock_irq(&vram->lock);
		piece = list_first_entry_or_null(&vram->pieces, struct ogpu_svm_piece, link);
		if (piece) {
			if (ogpu_svm_vram_may_send(piece, visible) &&
			    kref_get_unless_zero(&piece->ref))
				found = piece;
			/* If it cannot be sent now others are tried before it is again. */
			list_move_tail(&piece->link, &vram->pieces);
		}
		spin_unlock_irq(&vram->lock);
	}

	return found;
}

/* Send back at least so many bytes, if there are as many. Returns how many. */
static u64 ogpu_svm_vram_send_some(struct ogpu_svm_vram *vram, u64 bytes, bool visible)
{
	unsigned long left = READ_ONCE(vram->count);
	bool all = bytes == OGPU_SVM_VRAM_ALL;
	struct ogpu_svm_piece *piece;
	unsigned int fails = 0;
	u64 sent = 0;

	while (sent < bytes && (piece = ogpu_svm_vram_next(vram, &left, visible))) {
		u64 size = piece->base.size;

		WRITE_ONCE(vram->pause, get_jiffies_64() +
			   msecs_to_jiffies(OGPU_SVM_VRAM_PAUSE_MS));
		if (ogpu_svm_vram_send(vram, piece))
			sent += size;
		else
			fails++;
		if (!all && (fails == OGPU_SVM_VRAM_FAILS || fatal_signal_pending(current)))
			break;
		cond_resched();
	}

	return sent;
}

static void ogpu_svm_vram_work(struct work_struct *work)
{
	struct ogpu_svm_vram *vram = container_of(work, struct ogpu_svm_vram, work);

	mutex_lock(&vram->out_lock);
	ogpu_svm_vram_send_some(vram, atomic64_xchg(&vram->wanted, 0), false);
	mutex_unlock(&vram->out_lock);
}

/**
 * ogpu_svm_vram_want() - have memory of processes make way soon
 * @odev: the card
 * @bytes: how much
 *
 * Any context.
 */
void ogpu_svm_vram_want(struct ogpu_device *odev, u64 bytes)
{
	struct ogpu_svm_vram *vram = ogpu_svm_vram_look(odev);

	if (!vram || !READ_ONCE(vram->count))
		return;
	atomic64_add(bytes, &vram->wanted);
	queue_work(ogpu_svm_piece_wq, &vram->work);
}

/**
 * ogpu_svm_vram_make_room() - have memory of processes make way
 * @odev: the card
 * @bytes: how much
 * @visible: it must be where the CPU sees it
 *
 * Sleeps, for copies and memory. No dma_resv may be held, nor the lock of who places buffers.
 *
 * Return: true if some did.
 */
bool ogpu_svm_vram_make_room(struct ogpu_device *odev, u64 bytes, bool visible)
{
	struct ogpu_svm_vram *vram = ogpu_svm_vram_look(odev);
	u64 sent;

	if (!vram || !bytes || !READ_ONCE(vram->count))
		return false;

	mutex_lock(&vram->out_lock);
	/* It is the same room, most likely. */
	atomic64_set(&vram->wanted, 0);
	sent = ogpu_svm_vram_send_some(vram, bytes, visible);
	mutex_unlock(&vram->out_lock);

	return sent;
}

/* Returns the pages, if there are any. Those that are made later are closed, too. */
static struct ogpu_svm_vram *ogpu_svm_vram_note_closed(struct ogpu_device *odev, bool closed)
{
	struct ogpu_mem_svms *svms = &odev->mem->svms;
	struct ogpu_svm_vram *vram;

	mutex_lock(&svms->lock);
	svms->vram_closed = closed;
	vram = svms->vram;
	mutex_unlock(&svms->lock);

	return vram;
}

static void ogpu_svm_vram_set_closed(struct ogpu_svm_vram *vram, bool closed)
{
	spin_lock_irq(&vram->lock);
	WRITE_ONCE(vram->closed, closed);
	spin_unlock_irq(&vram->lock);
}

/* Is there anything that could be sent back? */
static bool ogpu_svm_vram_is_empty(struct ogpu_svm_vram *vram)
{
	struct ogpu_svm_piece *piece;
	bool empty = true;

	spin_lock_irq(&vram->lock);
	list_for_each_entry(piece, &vram->pieces, link)
		empty &= ogpu_svm_piece_is_lost(piece) || !kref_read(&piece->ref);
	spin_unlock_irq(&vram->lock);

	return empty;
}

/**
 * ogpu_svm_vram_close() - have all memory of processes go back, and none come
 * @odev: the card, which works, or else nothing goes back
 *
 * Until ogpu_svm_vram_open(), also if it fails. Sleeps.
 *
 * Return: 0, or -EBUSY: there is still some, which is lost if the card stops.
 */
int ogpu_svm_vram_close(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = ogpu_svm_vram_note_closed(odev, true);
	unsigned int try;
	bool empty = true;

	if (!vram)
		return 0;

	mutex_lock(&vram->out_lock);
	ogpu_svm_vram_set_closed(vram, true);
	for (try = 0; try < OGPU_SVM_VRAM_CLOSE_TRIES; try++) {
		ogpu_svm_vram_send_some(vram, OGPU_SVM_VRAM_ALL, false);
		empty = ogpu_svm_vram_is_empty(vram);
		if (empty)
			break;
		schedule_timeout_uninterruptible(1l << try);
	}
	mutex_unlock(&vram->out_lock);

	return empty ? 0 : -EBUSY;
}

/**
 * ogpu_svm_vram_open() - undo ogpu_svm_vram_close()
 * @odev: the card
 */
void ogpu_svm_vram_open(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = ogpu_svm_vram_note_closed(odev, false);

	if (!vram)
		return;
	mutex_lock(&vram->out_lock);
	ogpu_svm_vram_set_closed(vram, false);
	mutex_unlock(&vram->out_lock);
}

/*
 * Life
 */

static void ogpu_svm_vram_fini(struct drm_device *drm, void *arg)
{
	struct ogpu_svm_vram *vram = arg;

	/* All pieces are gone: each holds the DRM device. */
	memunmap_pages(&vram->pages);
	release_mem_region(vram->region->start, resource_size(vram->region));
	xa_destroy(&vram->owners);
	mutex_destroy(&vram->out_lock);
}

static int ogpu_svm_vram_init(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram;
	void *addr;
	int ret;

	vram = drmm_kzalloc(&odev->drm, sizeof(*vram), GFP_KERNEL);
	if (!vram)
		return -ENOMEM;
	vram->odev = odev;
	vram->closed = odev->mem->svms.vram_closed;
	vram->pause = get_jiffies_64();
	spin_lock_init(&vram->lock);
	INIT_LIST_HEAD(&vram->pieces);
	xa_init(&vram->owners);
	mutex_init(&vram->out_lock);
	INIT_WORK(&vram->work, ogpu_svm_vram_work);

	vram->region = request_free_mem_region(&iomem_resource, odev->disc.vram_size, "ogpu");
	if (IS_ERR(vram->region)) {
		ret = PTR_ERR(vram->region);
		goto err_free;
	}
	vram->pages.type = MEMORY_DEVICE_PRIVATE;
	vram->pages.range.start = vram->region->start;
	vram->pages.range.end = vram->region->end;
	vram->pages.nr_range = 1;
	vram->pages.ops = &ogpu_svm_piece_page_ops;
	vram->pages.owner = vram;
	addr = memremap_pages(&vram->pages, dev_to_node(odev->drm.dev));
	if (IS_ERR(addr)) {
		ret = PTR_ERR(addr);
		goto err_region;
	}
	ret = drmm_add_action_or_reset(&odev->drm, ogpu_svm_vram_fini, vram);
	if (ret)
		return ret;
	/* Who wants room does not take the lock. */
	smp_store_release(&odev->mem->svms.vram, vram);

	return 0;

err_region:
	release_mem_region(vram->region->start, resource_size(vram->region));
err_free:
	drmm_kfree(&odev->drm, vram);
	return ret;
}

static int ogpu_svm_vram_start(struct ogpu_svm_vram *vram)
{
	struct drm_pagemap *map;
	int ret;

	map = kzalloc_obj(*map, GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	ret = drm_pagemap_init(map, &vram->pages, &vram->odev->drm, &ogpu_svm_piece_map_ops);
	if (ret) {
		kfree(map);
		return ret;
	}
	vram->map = map;

	return 0;
}

/**
 * ogpu_svm_vram_is_supported() - ask whether memory of processes can come to VRAM
 * @odev: the card
 *
 * Return: true if it can.
 */
bool ogpu_svm_vram_is_supported(struct ogpu_device *odev)
{
	return ogpu_svm_is_supported(odev);
}

/**
 * ogpu_svm_vram_get() - there is one more address space whose memory may come to VRAM
 * @odev: the card; in ogpu_device_enter(), under &struct ogpu_mem_svms.lock
 *
 * Makes pages of VRAM for the first. They hold the module while there are any.
 *
 * Return: 0; or -ENOMEM, -ERANGE, -EBUSY: no room among physical addresses, or what the
 * architecture says.
 */
int ogpu_svm_vram_get(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;
	int ret;

	if (!vram) {
		ret = ogpu_svm_vram_init(odev);
		if (ret)
			return ret;
		vram = odev->mem->svms.vram;
	}
	if (!vram->users) {
		ret = ogpu_svm_vram_start(vram);
		if (ret)
			return ret;
	}
	vram->users++;

	return 0;
}

/**
 * ogpu_svm_vram_put() - undo ogpu_svm_vram_get()
 * @odev: the card, perhaps unbound; under &struct ogpu_mem_svms.lock
 *
 * After the last one all memory goes back soon.
 */
void ogpu_svm_vram_put(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;

	if (--vram->users || !vram->map)
		return;
	drm_pagemap_put(vram->map);
	vram->map = NULL;
	ogpu_svm_vram_want(odev, odev->disc.vram_size);
}

/**
 * ogpu_svm_vram_stop() - no page of VRAM will be needed any more
 * @odev: card that is being unbound, unplugged; under &struct ogpu_mem_svms.lock
 */
void ogpu_svm_vram_stop(struct ogpu_device *odev)
{
	struct ogpu_svm_vram *vram = odev->mem->svms.vram;

	if (!vram)
		return;
	disable_work_sync(&vram->work);
	drm_pagemap_put(vram->map);
	vram->map = NULL;
}
