// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware images that have run, by board: what is bound later starts without user space.
 *
 * The last image that ran on a board is kept as long as the module is there. A card of the same
 * board that is bound, plugged in, or bound again is started with it in probe.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_fw_store.h"

/**
 * struct ogpu_fw_entry - the image of a board
 */
struct ogpu_fw_entry {
	/** @link: in ogpu_fw_store */
	struct list_head link;
	/** @vendor: PCI vendor ID */
	u16 vendor;
	/** @device: PCI device ID */
	u16 device;
	/** @hw_rev: revision of the hardware */
	u16 hw_rev;
	/** @board_id: the maker's number of the board */
	u32 board_id;
	/** @blob: the image; referenced */
	struct ogpu_fw_blob *blob;
};

/* One entry for each kind of board in the machine; innermost, sleeps. */
static LIST_HEAD(ogpu_fw_store);
static DEFINE_MUTEX(ogpu_fw_store_lock);

/**
 * ogpu_fw_blob_create() - make room for an image
 * @size: its bytes
 *
 * Return: it, with one reference, or NULL.
 */
struct ogpu_fw_blob *ogpu_fw_blob_create(u32 size)
{
	struct ogpu_fw_blob *blob = kvmalloc(struct_size(blob, data, size), GFP_KERNEL);

	if (!blob)
		return NULL;
	kref_init(&blob->ref);
	blob->size = size;

	return blob;
}

static void ogpu_fw_blob_release(struct kref *ref)
{
	kvfree(container_of(ref, struct ogpu_fw_blob, ref));
}

/**
 * ogpu_fw_blob_put() - drop a reference
 * @blob: the image, or NULL
 */
void ogpu_fw_blob_put(struct ogpu_fw_blob *blob)
{
	if (blob)
		kref_put(&blob->ref, ogpu_fw_blob_release);
}

static struct ogpu_fw_entry *ogpu_fw_store_find(struct ogpu_device *odev)
{
	struct ogpu_fw_entry *entry;

	lockdep_assert_held(&ogpu_fw_store_lock);

	list_for_each_entry(entry, &ogpu_fw_store, link) {
		if (entry->vendor == odev->pdev->vendor && entry->device == odev->pdev->device &&
		    entry->board_id == odev->disc.board_id && entry->hw_rev == odev->disc.hw_rev)
			return entry;
	}

	return NULL;
}

static void ogpu_fw_store_remove(struct ogpu_fw_entry *entry)
{
	list_del(&entry->link);
	ogpu_fw_blob_put(entry->blob);
	kfree(entry);
}

/**
 * ogpu_fw_store_keep() - an image runs on a card: others of its board shall start with it
 * @odev: the card
 * @blob: the image; the store takes a reference
 *
 * Without memory it is not kept, and user space has to upload it again.
 */
void ogpu_fw_store_keep(struct ogpu_device *odev, struct ogpu_fw_blob *blob)
{
	struct ogpu_fw_entry *entry;

	mutex_lock(&ogpu_fw_store_lock);
	entry = ogpu_fw_store_find(odev);
	if (entry) {
		ogpu_fw_blob_put(entry->blob);
	} else {
		entry = kzalloc_obj(*entry, GFP_KERNEL);
		if (!entry)
			goto out;
		entry->vendor = odev->pdev->vendor;
		entry->device = odev->pdev->device;
		entry->board_id = odev->disc.board_id;
		entry->hw_rev = odev->disc.hw_rev;
		list_add(&entry->link, &ogpu_fw_store);
	}
	kref_get(&blob->ref);
	entry->blob = blob;
out:
	mutex_unlock(&ogpu_fw_store_lock);
}

/**
 * ogpu_fw_store_get() - the last image that ran on a board like this
 * @odev: the card
 *
 * Return: it, with a reference, or NULL.
 */
struct ogpu_fw_blob *ogpu_fw_store_get(struct ogpu_device *odev)
{
	struct ogpu_fw_blob *blob = NULL;
	struct ogpu_fw_entry *entry;

	mutex_lock(&ogpu_fw_store_lock);
	entry = ogpu_fw_store_find(odev);
	if (entry) {
		blob = entry->blob;
		kref_get(&blob->ref);
	}
	mutex_unlock(&ogpu_fw_store_lock);

	return blob;
}

/**
 * ogpu_fw_store_has() - will a board like this start without user space?
 * @odev: the card
 *
 * Return: true if an image is kept for it.
 */
bool ogpu_fw_store_has(struct ogpu_device *odev)
{
	bool has;

	mutex_lock(&ogpu_fw_store_lock);
	has = ogpu_fw_store_find(odev);
	mutex_unlock(&ogpu_fw_store_lock);

	return has;
}

/**
 * ogpu_fw_store_forget() - boards like this are to wait for user space
 * @odev: the card
 */
void ogpu_fw_store_forget(struct ogpu_device *odev)
{
	struct ogpu_fw_entry *entry;

	mutex_lock(&ogpu_fw_store_lock);
	entry = ogpu_fw_store_find(odev);
	if (entry)
		ogpu_fw_store_remove(entry);
	mutex_unlock(&ogpu_fw_store_lock);
}

/**
 * ogpu_fw_store_exit() - free all, when no card is bound any more
 */
void ogpu_fw_store_exit(void)
{
	struct ogpu_fw_entry *entry, *next;

	mutex_lock(&ogpu_fw_store_lock);
	list_for_each_entry_safe(entry, next, &ogpu_fw_store, link)
		ogpu_fw_store_remove(entry);
	mutex_unlock(&ogpu_fw_store_lock);
}
