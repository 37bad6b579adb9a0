// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware upload by user space, through the kernel's firmware-upload class.
 *
 * /sys/class/firmware/ogpu-<PCI address> is there as long as the driver is bound. An image that is
 * malformed or meant for something else is refused before anything changes. A good one boots the
 * card, and the first one that does so makes the render node appear. The image is kept, so that
 * the card can be reset without user space, and started when it is bound again, or another one of
 * its board is (ogpu_fw_store.c).
 *
 * The upload device is registered without a module owner: with one, it would hold a reference and
 * rmmod would not work. Unregistering it at unbind cancels and waits for an upload.
 */
#include <linux/firmware.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/fw_image.h"
#include "ogpu_boot.h"
#include "ogpu_device.h"
#include "ogpu_fw.h"
#include "ogpu_fw_store.h"
#include "ogpu_life.h"
#include "ogpu_start.h"
#include "ogpu_watchdog.h"

/**
 * struct ogpu_fw - firmware of a card
 *
 * @staged and @received belong to the upload that is under way; the firmware-upload
 * class runs one at a time.
 */
struct ogpu_fw {
	/** @upload: the upload device */
	struct fw_upload *upload;
	/** @first_run: to be called when firmware runs for the first time */
	void (*first_run)(struct ogpu_device *odev);
	/** @staged: image that is being uploaded; a reference */
	struct ogpu_fw_blob *staged;
	/** @received: bytes that have come */
	u32 received;
	/** @kept: image that runs, a reference; protected by reset_lock */
	struct ogpu_fw_blob *kept;
};

static void ogpu_fw_release(struct drm_device *drm, void *arg)
{
	struct ogpu_fw *fw = arg;

	ogpu_fw_blob_put(fw->kept);
}

/**
 * ogpu_fw_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_fw_init(struct ogpu_device *odev)
{
	struct ogpu_fw *fw;

	fw = drmm_kzalloc(&odev->drm, sizeof(*fw), GFP_KERNEL);
	if (!fw)
		return -ENOMEM;

	odev->fw = fw;
	odev->fw_refusal = "none";
	return drmm_add_action_or_reset(&odev->drm, ogpu_fw_release, fw);
}

/* Is an image with a good structure meant for this card and this driver? */
static bool ogpu_fw_match(struct ogpu_device *odev, const struct ogpu_fw_header *header)
{
	const struct ogpu_disc *disc = &odev->disc;
	u32 abi_min = le32_to_cpu(header->driver_abi_min);
	u32 abi_max = le32_to_cpu(header->driver_abi_max);
	u32 fuse_svn = ogpu_boot_fuse_svn(odev);

	if (le16_to_cpu(header->vendor) != odev->pdev->vendor ||
	    le16_to_cpu(header->device) != odev->pdev->device ||
	    le32_to_cpu(header->board_id) != disc->board_id) {
		WRITE_ONCE(odev->fw_refusal, "board");
		ogpu_device_set_error(odev,
				      "image is for board %04x:%04x %#x, this is %04x:%04x %#x",
				      le16_to_cpu(header->vendor), le16_to_cpu(header->device),
				      le32_to_cpu(header->board_id), odev->pdev->vendor,
				      odev->pdev->device, disc->board_id);
		return false;
	}
	if (disc->hw_rev < le16_to_cpu(header->hw_rev_min) ||
	    disc->hw_rev > le16_to_cpu(header->hw_rev_max)) {
		WRITE_ONCE(odev->fw_refusal, "board");
		ogpu_device_set_error(odev, "image is for hardware revisions %u to %u, this is %u",
				      le16_to_cpu(header->hw_rev_min),
				      le16_to_cpu(header->hw_rev_max), disc->hw_rev);
		return false;
	}
	if (OGPU_DRIVER_ABI_VERSION < abi_min || OGPU_DRIVER_ABI_VERSION > abi_max) {
		WRITE_ONCE(odev->fw_refusal, "abi");
		ogpu_device_set_error(odev,
				      "image is for driver ABI %u to %u, this is %u; update the older one",
				      abi_min, abi_max, OGPU_DRIVER_ABI_VERSION);
		return false;
	}
	if (le32_to_cpu(header->fw_abi_min) > OGPU_FW_ABI_MAX ||
	    le32_to_cpu(header->fw_abi_max) < OGPU_FW_ABI_MIN) {
		WRITE_ONCE(odev->fw_refusal, "abi");
		ogpu_device_set_error(odev,
				      "image speaks firmware ABI %u to %u, this driver %u to %u; update the older one",
				      le32_to_cpu(header->fw_abi_min),
				      le32_to_cpu(header->fw_abi_max), OGPU_FW_ABI_MIN,
				      OGPU_FW_ABI_MAX);
		return false;
	}
	if (le32_to_cpu(header->svn) < fuse_svn) {
		WRITE_ONCE(odev->fw_refusal, "svn");
		ogpu_device_set_error(odev, "image has security version %u, this card needs %u",
				      le32_to_cpu(header->svn), fuse_svn);
		return false;
	}

	return true;
}

static enum fw_upload_err ogpu_fw_prepare(struct fw_upload *upload, const u8 *data, u32 size)
{
	struct ogpu_device *odev = upload->dd_handle;
	struct ogpu_fw *fw = odev->fw;
	enum ogpu_fw_check check;
	enum ogpu_state state = READ_ONCE(odev->state);

	WRITE_ONCE(odev->fw_refusal, "none");
	switch (state) {
	case OGPU_STATE_AWAITING_FIRMWARE:
		break;
	case OGPU_STATE_WEDGED:
		ogpu_device_set_error(odev, "card is wedged; reset or rebind it before an upload");
		return FW_UPLOAD_ERR_HW_ERROR;
	case OGPU_STATE_GONE:
		return FW_UPLOAD_ERR_HW_ERROR;
	default:
		return FW_UPLOAD_ERR_BUSY;
	}

	if (size > OGPU_FW_MAX_SIZE) {
		ogpu_device_set_error(odev, "image has %u bytes, more than %u", size,
				      OGPU_FW_MAX_SIZE);
		return FW_UPLOAD_ERR_INVALID_SIZE;
	}
	check = ogpu_fw_image_check(data, size);
	if (check != OGPU_FW_OK) {
		WRITE_ONCE(odev->fw_refusal, "format");
		ogpu_device_set_error(odev, "not a valid image: %s", ogpu_fw_check_text(check));
		return FW_UPLOAD_ERR_FW_INVALID;
	}
	if (!ogpu_fw_match(odev, (const void *)data))
		return FW_UPLOAD_ERR_FW_INVALID;

	fw->staged = ogpu_fw_blob_create(size);
	if (!fw->staged)
		return FW_UPLOAD_ERR_RW_ERROR;

	ogpu_boot_clear_cancel(odev);
	if (!ogpu_device_set_state(odev, OGPU_STATE_AWAITING_FIRMWARE, OGPU_STATE_BOOTING)) {
		ogpu_fw_blob_put(fw->staged);
		fw->staged = NULL;
		return FW_UPLOAD_ERR_BUSY;
	}
	fw->received = 0;

	return FW_UPLOAD_ERR_NONE;
}

static enum fw_upload_err ogpu_fw_write(struct fw_upload *upload, const u8 *data, u32 offset,
					u32 size, u32 *written)
{
	struct ogpu_device *odev = upload->dd_handle;
	struct ogpu_fw *fw = odev->fw;
	/* Small enough that a cancelled upload ends soon and progress can be watched. */
	u32 chunk = min_t(u32, size, SZ_64K);

	if (offset != fw->received || chunk > fw->staged->size - fw->received)
		return FW_UPLOAD_ERR_RW_ERROR;

	memcpy(fw->staged->data + offset, data + offset, chunk);
	fw->received += chunk;
	*written = chunk;

	return FW_UPLOAD_ERR_NONE;
}

/* Firmware runs: for the first time, or after the card has refused what ran. Under reset_lock. */
static int ogpu_fw_register_drm(struct ogpu_device *odev)
{
	int ret;

	if (odev->registered)
		return 0;
	ret = drm_dev_register(&odev->drm, 0);
	if (ret)
		return ret;

	odev->registered = true;
	odev->fw->first_run(odev);

	return 0;
}

/* Boot an image, keep it, and offer the card to user space. Under reset_lock. */
static int ogpu_fw_bring_up(struct ogpu_device *odev, struct ogpu_fw_blob *blob)
{
	struct ogpu_fw *fw = odev->fw;
	struct ogpu_fw_info info;
	int ret;

	if (ogpu_boot_is_cancelled(odev)) {
		ogpu_device_set_error(odev, "upload was cancelled");
		return -ECANCELED;
	}
	if (odev->reset_holders || READ_ONCE(odev->state) != OGPU_STATE_BOOTING) {
		ogpu_device_set_error(odev, "card is being reset; upload again");
		return -EAGAIN;
	}

	ogpu_start_begin(odev);
	ret = ogpu_boot(odev, blob->data, blob->size);
	if (ret)
		return ret;

	ret = ogpu_life_start(odev);
	if (ret)
		return ret;
	ret = ogpu_start_end(odev);
	if (ret)
		return -EIO;

	/* The image is needed as soon as the state allows a reset. */
	kref_get(&blob->ref);
	ogpu_fw_blob_put(fw->kept);
	fw->kept = blob;
	ogpu_fw_store_keep(odev, blob);

	/* Before the node appears, because it is used as soon as it does. */
	if (!ogpu_device_set_state(odev, OGPU_STATE_BOOTING, OGPU_STATE_RUNNING)) {
		ret = -ENODEV;
		goto err_stop;
	}
	ret = ogpu_fw_register_drm(odev);
	if (ret) {
		ogpu_device_set_error(odev, "cannot make a render node: %d", ret);
		/* A recovery that was asked for meanwhile must not find a card to start. */
		if (!ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_BOOTING))
			ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_BOOTING);
		goto err_stop;
	}
	ogpu_watchdog_start(odev);
	ogpu_start_running(odev);
	if (!ogpu_boot_get_info(odev, &info))
		drm_info(&odev->drm, "firmware %u.%u.%u is running\n", info.version[0],
			 info.version[1], info.version[2]);

	return 0;

err_stop:
	ogpu_life_stop(odev, -ENODEV);

	return ret;
}

static enum fw_upload_err ogpu_fw_poll_complete(struct fw_upload *upload)
{
	struct ogpu_device *odev = upload->dd_handle;
	int ret;

	if (odev->fw->received != odev->fw->staged->size)
		return FW_UPLOAD_ERR_RW_ERROR;

	/* The image is here: a reset meanwhile does not matter. */
	ogpu_start_wait(odev);
	mutex_lock(&odev->reset_lock);
	ret = ogpu_fw_bring_up(odev, odev->fw->staged);
	mutex_unlock(&odev->reset_lock);

	switch (ret) {
	case 0:
		return FW_UPLOAD_ERR_NONE;
	case -EKEYREJECTED:
	case -EPROTONOSUPPORT:
		return FW_UPLOAD_ERR_FW_INVALID;
	case -ETIMEDOUT:
		return FW_UPLOAD_ERR_TIMEOUT;
	case -EAGAIN:
		return FW_UPLOAD_ERR_BUSY;
	case -ECANCELED:
		return FW_UPLOAD_ERR_CANCELED;
	default:
		return FW_UPLOAD_ERR_HW_ERROR;
	}
}

static void ogpu_fw_cancel(struct fw_upload *upload)
{
	ogpu_boot_cancel(upload->dd_handle);
	ogpu_start_wake(upload->dd_handle);
}

/* An attempt to start the card is over. */
static void ogpu_fw_tried(struct ogpu_device *odev)
{
	char error[sizeof(odev->last_error)];

	/* Still booting: it did not work. */
	if (!ogpu_device_set_state(odev, OGPU_STATE_BOOTING, OGPU_STATE_AWAITING_FIRMWARE))
		return;
	ogpu_device_get_error(odev, error, sizeof(error));
	drm_err(&odev->drm, "firmware was not started: %s\n", error);
	/* Perhaps because there is no card any more. */
	ogpu_device_check_gone(odev);
}

static void ogpu_fw_cleanup(struct fw_upload *upload)
{
	struct ogpu_device *odev = upload->dd_handle;

	ogpu_fw_blob_put(odev->fw->staged);
	odev->fw->staged = NULL;
	ogpu_fw_tried(odev);
}

static const struct fw_upload_ops ogpu_fw_ops = {
	.prepare = ogpu_fw_prepare,
	.write = ogpu_fw_write,
	.poll_complete = ogpu_fw_poll_complete,
	.cancel = ogpu_fw_cancel,
	.cleanup = ogpu_fw_cleanup,
};

/**
 * ogpu_fw_register() - let user space upload firmware; last step of probe
 * @odev: the card
 * @first_run: called under @odev->reset_lock when the render node has been made
 *
 * Return: 0 or an errno.
 */
int ogpu_fw_register(struct ogpu_device *odev, void (*first_run)(struct ogpu_device *odev))
{
	struct fw_upload *upload;
	char *name;

	name = devm_kasprintf(&odev->pdev->dev, GFP_KERNEL, "ogpu-%s", pci_name(odev->pdev));
	if (!name)
		return -ENOMEM;

	odev->fw->first_run = first_run;
	upload = firmware_upload_register(NULL, &odev->pdev->dev, name, &ogpu_fw_ops, odev);
	if (IS_ERR(upload))
		return PTR_ERR(upload);

	odev->fw->upload = upload;
	return 0;
}

/**
 * ogpu_fw_boot_known() - start a new card with what runs, or ran, on others of its board
 * @odev: the card, in probe, before its attributes are there
 *
 * If there is nothing, or it fails, the card waits for an upload. Sleeps, bounded.
 */
void ogpu_fw_boot_known(struct ogpu_device *odev)
{
	struct ogpu_fw_blob *blob = ogpu_fw_store_get(odev);

	if (!blob)
		return;

	if (ogpu_fw_match(odev, (const void *)blob->data) &&
	    ogpu_device_set_state(odev, OGPU_STATE_AWAITING_FIRMWARE, OGPU_STATE_BOOTING)) {
		mutex_lock(&odev->reset_lock);
		ogpu_fw_bring_up(odev, blob);
		mutex_unlock(&odev->reset_lock);
		ogpu_fw_tried(odev);
	}
	ogpu_fw_blob_put(blob);
}

/**
 * ogpu_fw_unregister() - end an upload that is under way, and allow no other; first step of unbind
 * @odev: the card
 *
 * Not under @odev->reset_lock.
 */
void ogpu_fw_unregister(struct ogpu_device *odev)
{
	firmware_upload_unregister(odev->fw->upload);
}

/**
 * ogpu_fw_boot_kept() - start the firmware that ran before a reset
 * @odev: the card; in state RESETTING
 *
 * Under @odev->reset_lock.
 *
 * Return: as ogpu_boot().
 */
int ogpu_fw_boot_kept(struct ogpu_device *odev)
{
	ogpu_boot_clear_cancel(odev);

	return ogpu_boot(odev, odev->fw->kept->data, odev->fw->kept->size);
}

/**
 * ogpu_fw_forget_kept() - the card does not accept the firmware any more that ran before a reset
 * @odev: the card; in state RESETTING, and not to be started before an upload
 *
 * Under @odev->reset_lock.
 */
void ogpu_fw_forget_kept(struct ogpu_device *odev)
{
	struct ogpu_fw *fw = odev->fw;

	ogpu_fw_blob_put(fw->kept);
	fw->kept = NULL;
	ogpu_fw_store_forget(odev);
}
