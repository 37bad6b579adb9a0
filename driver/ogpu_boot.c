// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Start of firmware: hand the image to the boot ROM, wait for its verdict, agree with the firmware.
 *
 * The image is put into VRAM through the aperture. Only the boot ROM judges the signature. The
 * firmware then sends HELLO, and CONFIGURE chooses the version of messages. Each step is bounded
 * by the module parameter fw_timeout_ms, and says in words what went wrong.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/time64.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/mbox.h"
#include "abi/regs.h"
#include "ogpu_boot.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_mbox.h"
#include "ogpu_mmu.h"
#include "ogpu_params.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"
#include "ogpu_vram_mgr.h"
#include "ogpu_watchdog.h"

#define OGPU_FW_FEATURES_NEEDED	OGPU_FW_FEATURE_QUEUES
#define OGPU_FW_FEATURES_USED	(OGPU_FW_FEATURE_QUEUES | OGPU_FW_FEATURE_SENSORS)

/* How soon the verdict of the boot ROM is noticed. */
#define OGPU_BOOT_POLL_US	1000
/* How soon a crash of firmware at its start is noticed. */
#define OGPU_BOOT_SLICE_MS	20

/**
 * struct ogpu_boot - start of firmware on a card
 */
struct ogpu_boot {
	/** @fuse_svn: what the fuses demanded when last read */
	u32 fuse_svn;
	/** @lock: protects what follows */
	struct mutex lock;
	/** @info: about the firmware that runs */
	struct ogpu_fw_info info;
	/** @info_valid: there is one */
	bool info_valid;
	/** @waiting: ogpu_boot() waits for the card and may be cancelled */
	bool waiting;
	/** @cancelled: user space wants the upload to end; read with READ_ONCE() */
	bool cancelled;
};

/**
 * ogpu_boot_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_boot_init(struct ogpu_device *odev)
{
	struct ogpu_boot *boot;

	boot = drmm_kzalloc(&odev->drm, sizeof(*boot), GFP_KERNEL);
	if (!boot)
		return -ENOMEM;

	odev->boot = boot;
	return drmm_mutex_init(&odev->drm, &boot->lock);
}

/**
 * ogpu_boot_stopped() - no firmware runs any more
 * @odev: the card
 *
 * Sleeps.
 */
void ogpu_boot_stopped(struct ogpu_device *odev)
{
	mutex_lock(&odev->boot->lock);
	odev->boot->info_valid = false;
	mutex_unlock(&odev->boot->lock);
}

/**
 * ogpu_boot_get_info() - what the firmware that runs told about itself
 * @odev: the card
 * @info: filled in
 *
 * Sleeps.
 *
 * Return: 0, or -ENODATA if none runs.
 */
int ogpu_boot_get_info(struct ogpu_device *odev, struct ogpu_fw_info *info)
{
	struct ogpu_boot *boot = odev->boot;
	int ret = -ENODATA;

	mutex_lock(&boot->lock);
	if (boot->info_valid) {
		*info = boot->info;
		ret = 0;
	}
	mutex_unlock(&boot->lock);

	return ret;
}

/**
 * ogpu_boot_fuse_svn() - what the fuses demand of firmware
 * @odev: the card
 *
 * The registers are mapped, see ogpu_device_present().
 *
 * Return: the lowest security version that the card accepts; what it was last if the card is gone
 * or being reset.
 */
u32 ogpu_boot_fuse_svn(struct ogpu_device *odev)
{
	u32 svn = OGPU_REG_GONE;

	if (!READ_ONCE(odev->reset_holders))
		svn = odev->chip->boot_svn(odev);
	if (svn == OGPU_REG_GONE)
		return READ_ONCE(odev->boot->fuse_svn);
	WRITE_ONCE(odev->boot->fuse_svn, svn);

	return svn;
}

/**
 * ogpu_boot_commit_svn() - have the card refuse older firmware for ever
 * @odev: the card
 * @svn: lowest security version that it shall accept
 *
 * Sleeps.
 *
 * Return: 0; -EINVAL if the firmware that runs is older than that itself, or @svn is below what the
 * card demands already; or another errno if no firmware runs.
 */
int ogpu_boot_commit_svn(struct ogpu_device *odev, u32 svn)
{
	struct ogpu_msg_svn request = { .svn = cpu_to_le32(svn) };
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	if (svn < ogpu_boot_fuse_svn(odev))
		ret = -EINVAL;
	else
		ret = ogpu_mbox_request(odev, OGPU_MSG_COMMIT_SVN, &request, sizeof(request), NULL,
					0);
	ogpu_device_exit(odev, idx);

	return ret;
}

/**
 * ogpu_boot_cancel() - make ogpu_boot() give up, in another thread
 * @odev: the card
 *
 * No effect if it is not, or no longer, waiting for the card. Before ogpu_boot() it makes that end
 * at once; ogpu_boot_clear_cancel() takes it back.
 */
void ogpu_boot_cancel(struct ogpu_device *odev)
{
	struct ogpu_boot *boot = odev->boot;

	mutex_lock(&boot->lock);
	WRITE_ONCE(boot->cancelled, true);
	if (boot->waiting)
		ogpu_mbox_stop(odev);
	mutex_unlock(&boot->lock);
}

/**
 * ogpu_boot_is_cancelled() - was ogpu_boot_cancel() called?
 * @odev: the card
 *
 * Return: true if so, and not taken back.
 */
bool ogpu_boot_is_cancelled(struct ogpu_device *odev)
{
	return READ_ONCE(odev->boot->cancelled);
}

/**
 * ogpu_boot_clear_cancel() - forget about ogpu_boot_cancel(), before a new upload
 * @odev: the card
 */
void ogpu_boot_clear_cancel(struct ogpu_device *odev)
{
	struct ogpu_boot *boot = odev->boot;

	mutex_lock(&boot->lock);
	WRITE_ONCE(boot->cancelled, false);
	mutex_unlock(&boot->lock);
}

/* Put the image where the boot ROM reads it, and tell it. */
static void ogpu_boot_submit(struct ogpu_device *odev, const void *image, u32 size)
{
	u64 offset = ogpu_fw_staging_offset(odev);

	memcpy_toio(odev->aperture + offset, image, size);
	/* What is written through the write-combined aperture must arrive first. */
	wmb();
	odev->chip->boot_start(odev, offset, size);
}

static int ogpu_boot_refused(struct ogpu_device *odev, u32 error)
{
	static const struct {
		const char *word;	/* for firmware_error in sysfs: the image itself is bad */
		const char *text;
	} reasons[] = {
		[OGPU_BOOT_ERR_ADDRESS] = { NULL, "boot ROM cannot read the image from VRAM" },
		[OGPU_BOOT_ERR_FORMAT] = {
			"format", "boot ROM: structure of the image is broken" },
		[OGPU_BOOT_ERR_KEY] = {
			"key",
			"boot ROM: image is signed with a key that this card does not trust" },
		[OGPU_BOOT_ERR_SIGNATURE] = {
			"signature",
			"boot ROM: signature does not match; image was altered or damaged" },
		[OGPU_BOOT_ERR_BOARD] = { "board", "boot ROM: image is for other hardware" },
		[OGPU_BOOT_ERR_SVN] = {
			"svn",
			"boot ROM: security version of the image is older than this card accepts" },
		[OGPU_BOOT_ERR_COMPONENT] = {
			"component", "boot ROM: a component does not fit the card's memory" },
		[OGPU_BOOT_ERR_BUSY] = { NULL, "boot ROM: management core is running" },
		[OGPU_BOOT_ERR_HOT] = { NULL, "boot ROM: card is too hot, let it cool" },
		[OGPU_BOOT_ERR_REVOKED] = {
			"revoked", "boot ROM: image is signed with a key that was revoked" },
		[OGPU_BOOT_ERR_HASH] = {
			"hash",
			"boot ROM: component does not match its hash; image was altered" },
	};

	if (error >= ARRAY_SIZE(reasons) || !reasons[error].text) {
		ogpu_device_set_error(odev, "boot ROM refused the image, error %u", error);
		return -EIO;
	}

	ogpu_device_set_error(odev, "%s", reasons[error].text);
	if (!reasons[error].word)
		return -EIO;
	WRITE_ONCE(odev->fw_refusal, reasons[error].word);

	return -EKEYREJECTED;
}

/* There is no sense in waiting: 0, -ECANCELED, or -ENODEV if the driver leaves the card. */
static int ogpu_boot_over(struct ogpu_device *odev)
{
	if (READ_ONCE(odev->state) == OGPU_STATE_GONE)
		return -ENODEV;

	return READ_ONCE(odev->boot->cancelled) ? -ECANCELED : 0;
}

/* Wait for the verdict of the boot ROM. */
static int ogpu_boot_wait_rom(struct ogpu_device *odev)
{
	unsigned int timeout_ms = ogpu_fw_timeout_ms;
	u32 error = 0;
	int verdict;

	if (read_poll_timeout(odev->chip->boot_verdict, verdict,
			      verdict != -EINPROGRESS || ogpu_boot_over(odev),
			      OGPU_BOOT_POLL_US, (u64)timeout_ms * USEC_PER_MSEC, false,
			      odev, &error)) {
		ogpu_device_set_error(odev, "boot ROM gave no verdict within %u ms", timeout_ms);
		return -ETIMEDOUT;
	}
	/* No verdict, but no timeout either. */
	if (verdict == -EINPROGRESS)
		return ogpu_boot_over(odev);

	return verdict == -EKEYREJECTED ? ogpu_boot_refused(odev, error) : verdict;
}

/* A crash of firmware makes no interrupt, so that its first message is waited for in slices. */
static int ogpu_boot_wait_hello(struct ogpu_device *odev, struct ogpu_msg_hello *hello)
{
	ktime_t end = ktime_add_ms(ktime_get(), ogpu_fw_timeout_ms);
	struct ogpu_chip_crash crash;
	int ret;

	do {
		ret = ogpu_mbox_wait_hello(odev, hello, OGPU_BOOT_SLICE_MS);
		if (ogpu_boot_over(odev))
			return ogpu_boot_over(odev);
		if (ret != -ETIMEDOUT)
			return ret;

		ret = odev->chip->mc_crash(odev, &crash);
		if (ret == -EIO)
			ogpu_device_set_error(odev, "firmware crashed at start, cause %#x at %#x",
					      crash.cause, crash.pc);
		if (ret)
			return ret;
	} while (ktime_before(ktime_get(), end));

	ogpu_device_set_error(odev, "firmware started but was silent for %u ms",
			      ogpu_fw_timeout_ms);
	return -ETIMEDOUT;
}

/* Choose the newest version of messages that both sides know. */
static int ogpu_boot_configure(struct ogpu_device *odev, const struct ogpu_msg_hello *hello)
{
	u32 abi_min = le32_to_cpu(hello->abi_min);
	u32 abi_max = le32_to_cpu(hello->abi_max);
	u64 features = le64_to_cpu(hello->features);
	u32 abi = min_t(u32, abi_max, OGPU_FW_ABI_MAX);
	struct ogpu_msg_configure configure = {
		.abi = cpu_to_le32(abi),
		.features = cpu_to_le64(features & OGPU_FW_FEATURES_USED),
		.host_time_ns = cpu_to_le64(ktime_get_real_ns()),
	};
	struct ogpu_boot *boot = odev->boot;
	int ret, i;

	if (abi < abi_min || abi < OGPU_FW_ABI_MIN) {
		WRITE_ONCE(odev->fw_refusal, "abi");
		ogpu_device_set_error(odev,
				      "firmware speaks ABI %u to %u, this driver %u to %u; update the older one",
				      abi_min, abi_max, OGPU_FW_ABI_MIN, OGPU_FW_ABI_MAX);
		return -EPROTONOSUPPORT;
	}
	if ((features & OGPU_FW_FEATURES_NEEDED) != OGPU_FW_FEATURES_NEEDED) {
		WRITE_ONCE(odev->fw_refusal, "abi");
		ogpu_device_set_error(odev, "firmware lacks features %#llx; upload a newer one",
				      OGPU_FW_FEATURES_NEEDED & ~features);
		return -EPROTONOSUPPORT;
	}

	ret = ogpu_mbox_request(odev, OGPU_MSG_CONFIGURE, &configure, sizeof(configure), NULL, 0);
	if (READ_ONCE(boot->cancelled))
		return -ECANCELED;
	if (ret) {
		ogpu_report_explain(odev, "firmware did not accept its configuration", ret);
		/* It was found dead. */
		return ret == -ENODEV && !ogpu_boot_over(odev) ? -EIO : ret;
	}
	ogpu_mbox_open(odev);

	mutex_lock(&boot->lock);
	for (i = 0; i < 4; i++)
		boot->info.version[i] = le16_to_cpu(hello->version[i]);
	boot->info.abi = abi;
	boot->info.svn = le32_to_cpu(hello->svn);
	boot->info.max_queues = le32_to_cpu(hello->max_queues);
	boot->info.features = features & OGPU_FW_FEATURES_USED;
	memset(boot->info.build_id, 0, sizeof(boot->info.build_id));
	memcpy(boot->info.build_id, hello->build_id, sizeof(hello->build_id));
	odev->chip->boot_image(odev, boot->info.hash, boot->info.key_id);
	boot->info_valid = true;
	mutex_unlock(&boot->lock);

	return 0;
}

static void ogpu_boot_set_waiting(struct ogpu_boot *boot, bool waiting)
{
	mutex_lock(&boot->lock);
	boot->waiting = waiting;
	mutex_unlock(&boot->lock);
}

/**
 * ogpu_boot() - start firmware on a card
 * @odev: the card; in state BOOTING or RESETTING, its queues are stopped
 * @image: the image; its structure is checked
 * @size: its bytes
 *
 * Under @odev->reset_lock. Sleeps, bounded. What went wrong is told with ogpu_device_set_error().
 * After an error the management core stands still.
 *
 * Return: 0; -EKEYREJECTED if the boot ROM refused the image; -EPROTONOSUPPORT if firmware and
 * driver do not fit; -ECANCELED; -ETIMEDOUT; -ENODEV if the card is gone; or another errno.
 */
int ogpu_boot(struct ogpu_device *odev, const void *image, u32 size)
{
	struct ogpu_boot *boot = odev->boot;
	struct ogpu_msg_hello hello;
	int ret;

	ogpu_boot_stopped(odev);
	ret = odev->chip->quiesce(odev);
	if (ret) {
		ogpu_device_set_error(odev, "card does not obey a reset: %d", ret);
		return ret;
	}
	/* A card that did not obey before was cut off. */
	pci_set_master(odev->pdev);
	ret = ogpu_mmu_start(odev);
	if (ret) {
		ogpu_device_set_error(odev, "card does not invalidate its TLBs: %d", ret);
		return ret;
	}
	ogpu_event_start(odev);
	ogpu_signal_start(odev);
	ogpu_mbox_start(odev);
	ogpu_boot_set_waiting(boot, true);
	ogpu_boot_submit(odev, image, size);

	ret = ogpu_boot_wait_rom(odev);
	if (!ret)
		ret = ogpu_boot_wait_hello(odev, &hello);
	if (!ret) {
		ogpu_watchdog_begin(odev);
		ret = ogpu_boot_configure(odev, &hello);
	}

	ogpu_boot_set_waiting(boot, false);
	if (!ret && READ_ONCE(boot->cancelled))
		ret = -ECANCELED;
	if (!ret) {
		ogpu_device_clear_error(odev);
		return 0;
	}

	if (ret == -ECANCELED)
		ogpu_device_set_error(odev, "upload was cancelled");
	ogpu_watchdog_stop(odev);
	ogpu_mbox_stop(odev);
	ogpu_event_stop(odev);
	ogpu_signal_stop(odev);
	odev->chip->quiesce(odev);

	return ret;
}
