// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sleep: the card loses its power, and what is on it is kept.
 *
 * DOC: Sleep
 *
 * Before the machine sleeps or hibernates programs are frozen. Then, for a card that runs:
 *
 * - workers of this driver that have the card do something for them are kept from that
 *   (ogpu_device_close()), and so are moves and clears (ogpu_copy_hold());
 * - firmware takes all queues off the card, with what they execute in their save areas, and
 *   publishes where they stand in their control pages;
 * - from then on memory of programs may change without a change of page tables
 *   (ogpu_userptr_sleep.c);
 * - what is in VRAM is copied to system memory (ogpu_image.c). The memory is taken before programs
 *   are frozen, when other things can still be written to swap space. If there is not enough the
 *   sleep is refused, and nothing has changed;
 * - the card is stopped, as for a reset, but no fence signals and no file becomes stale.
 *
 * Afterwards the firmware that ran is started, VRAM is filled again, queues are made anew where
 * they stood, and who waits for one is woken. A card that does not come up again is recovered as
 * after any trouble: then what was on it is lost, and its files are stale.
 *
 * A card that does not run has nothing to be kept, and of one with an address space that mirrors a
 * process nothing can be (ogpu_svm.c), but that memory of processes that is in VRAM is copied back
 * before programs are frozen, and none comes until the machine is awake. It is held while the
 * machine sleeps, and looked at afterwards, as if somebody had reset it.
 */
#include <linux/device.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/suspend.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "ogpu_boot.h"
#include "ogpu_copy.h"
#include "ogpu_copy_work.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_fw.h"
#include "ogpu_image.h"
#include "ogpu_life.h"
#include "ogpu_mbox.h"
#include "ogpu_queue.h"
#include "ogpu_ras.h"
#include "ogpu_report.h"
#include "ogpu_reset.h"
#include "ogpu_signal.h"
#include "ogpu_sleep.h"
#include "ogpu_start.h"
#include "ogpu_svm.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_watchdog.h"

/**
 * struct ogpu_sleep - of a card
 */
struct ogpu_sleep {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @image: what was in VRAM */
	struct ogpu_image *image;
	/** @notifier: tells that the machine is about to sleep, or has */
	struct notifier_block notifier;
	/** @asleep: all that is on the card is kept; under &struct ogpu_device.reset_lock */
	bool asleep;
};

/* Programs still run: there is memory, or it can be made. */
static int ogpu_sleep_prepare(struct ogpu_sleep *sleep)
{
	int ret;

	/* That of processes does not come back from a card that has lost its power. */
	ret = ogpu_svm_vram_close(sleep->odev);
	if (!ret && ogpu_device_running(sleep->odev) && !ogpu_svms_exist(sleep->odev))
		ret = ogpu_image_reserve(sleep->image);
	if (ret) {
		ogpu_image_release(sleep->image);
		ogpu_svm_vram_open(sleep->odev);
	}

	return ret;
}

static int ogpu_sleep_notify(struct notifier_block *block, unsigned long event, void *unused)
{
	struct ogpu_sleep *sleep = container_of(block, struct ogpu_sleep, notifier);
	int ret = 0;

	/*
	 * Without reset_lock: who reclaims memory for this may wait for a reset. The PM core does
	 * one thing after the other.
	 */
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		ret = ogpu_sleep_prepare(sleep);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		ogpu_image_release(sleep->image);
		ogpu_svm_vram_open(sleep->odev);
		break;
	}

	return notifier_from_errno(ret);
}

/* Nobody but us has the card do something. */
static int ogpu_sleep_close(struct ogpu_device *odev)
{
	int ret;

	ret = ogpu_device_close(odev);
	if (ret)
		return ret;
	ret = ogpu_copy_hold(odev->copy);
	if (ret)
		ogpu_device_open(odev);

	return ret;
}

static void ogpu_sleep_open(struct ogpu_device *odev)
{
	ogpu_copy_let_go(odev->copy);
	ogpu_device_open(odev);
}

/* Nothing is lost if this fails, unless the card does not do what it is told. */
static int ogpu_sleep_save(struct ogpu_device *odev, struct ogpu_image *image)
{
	int ret;

	/* Workers may have taken more of VRAM meanwhile. */
	ret = ogpu_image_reserve(image);
	if (ret)
		return ret;

	ret = ogpu_queues_suspend(odev);
	if (!ret) {
		ogpu_userptrs_sleep(odev);
		ret = ogpu_image_save(image);
		/* The card may still write to the image, which is freed if there is no sleep. */
		if (ret == -ETIMEDOUT) {
			ogpu_report(odev, OGPU_TROUBLE_COPY_FAILED);
			ogpu_life_halt(odev);
			ogpu_userptrs_wake(odev);
			return ret;
		}
	}
	if (!ret)
		ret = ogpu_mbox_request(odev, OGPU_MSG_SUSPEND, NULL, 0, NULL, 0);
	/* A card that has failed has told so, and will be recovered. */
	if (ret && !ogpu_userptrs_wake(odev))
		ogpu_queues_resume(odev);

	return ret;
}

/* As ogpu_life_stop(), but all that was under way goes on later. Under reset_lock. */
static void ogpu_sleep_stop(struct ogpu_device *odev)
{
	ogpu_mbox_stop(odev);
	ogpu_mbox_flush(odev);
	ogpu_life_halt(odev);
	ogpu_boot_stopped(odev);
	ogpu_event_stop(odev);
	ogpu_signal_stop(odev);
	/* Who looks again waits until the machine is awake. */
	ogpu_mem_unmap_cpu(odev);
}

/**
 * ogpu_sleep_begin() - the card is about to lose its power
 * @odev: the card; programs are frozen, or nobody uses it
 *
 * When it returns 0 the card stands still, and nobody starts it before ogpu_sleep_end(). Under the
 * device lock. Sleeps.
 *
 * Return: 0, or an errno; then it goes on as before.
 */
int ogpu_sleep_begin(struct ogpu_device *odev)
{
	struct ogpu_sleep *sleep = odev->sleep;
	unsigned int noreclaim;
	int ret;

	mutex_lock(&odev->reset_lock);
	/* Pages of processes may go while the card cannot be told to forget them. */
	if (!ogpu_device_running(odev) || odev->reset_holders || ogpu_svms_exist(odev)) {
		mutex_unlock(&odev->reset_lock);
		ogpu_reset_prepare(odev, OGPU_RESET_SLEEP);
		return 0;
	}

	ret = ogpu_image_reserve(sleep->image);
	/* Who reclaims memory may wait for what stands still from here on. */
	noreclaim = memalloc_noreclaim_save();
	if (!ret)
		ret = ogpu_sleep_close(odev);
	if (!ret) {
		ogpu_watchdog_stop(odev);
		ret = ogpu_sleep_save(odev, sleep->image);
		if (ret) {
			ogpu_watchdog_start(odev);
			ogpu_sleep_open(odev);
		}
	}
	memalloc_noreclaim_restore(noreclaim);
	if (ret) {
		drm_err(&odev->drm, "cannot sleep: %pe\n", ERR_PTR(ret));
	} else {
		sleep->asleep = true;
		WRITE_ONCE(odev->reset_holders, odev->reset_holders | OGPU_RESET_SLEEP);
		ogpu_sleep_stop(odev);
	}
	mutex_unlock(&odev->reset_lock);

	return ret;
}

/* Under reset_lock. */
static int ogpu_sleep_start(struct ogpu_device *odev, struct ogpu_image *image)
{
	int ret;

	if (!ogpu_device_running(odev))
		return -EIO;
	ogpu_start_begin(odev);
	ret = ogpu_fw_boot_kept(odev);
	if (ret)
		return ret;
	/* What was in bad pages has been told as lost. */
	ogpu_ras_retire_all(odev);

	ret = ogpu_queues_restore_kernel(odev);
	if (!ret)
		ret = ogpu_image_load(image);
	if (!ret)
		ret = ogpu_userptrs_wake(odev);
	if (!ret)
		ret = ogpu_queues_restore(odev);

	return ret;
}

/**
 * ogpu_sleep_end() - the card has power again
 * @odev: the card, after ogpu_sleep_begin(), or nothing happens
 *
 * It goes on where it stood, or is recovered. Under the device lock. Sleeps.
 */
void ogpu_sleep_end(struct ogpu_device *odev)
{
	struct ogpu_sleep *sleep = odev->sleep;
	unsigned int noreclaim;
	int ret;

	mutex_lock(&odev->reset_lock);
	if (!sleep->asleep) {
		mutex_unlock(&odev->reset_lock);
		ogpu_reset_done(odev, OGPU_RESET_SLEEP);
		return;
	}

	sleep->asleep = false;
	noreclaim = memalloc_noreclaim_save();
	ret = ogpu_sleep_start(odev, sleep->image);
	memalloc_noreclaim_restore(noreclaim);
	if (!ret) {
		ogpu_reset_release(odev, OGPU_RESET_SLEEP);
		ogpu_watchdog_start(odev);
		ogpu_start_running(odev);
		drm_info(&odev->drm, "awake, with %lu MiB of VRAM as they were\n",
			 ogpu_image_size(sleep->image));
	} else {
		drm_err(&odev->drm, "what was on the card is lost: %pe\n", ERR_PTR(ret));
		ogpu_reset_give_up(odev);
		ogpu_userptrs_wake(odev);
	}
	ogpu_sleep_open(odev);
	mutex_unlock(&odev->reset_lock);
	if (ret)
		ogpu_reset_done(odev, OGPU_RESET_SLEEP);
}

static void ogpu_sleep_fini(void *arg)
{
	struct ogpu_sleep *sleep = arg;

	unregister_pm_notifier(&sleep->notifier);
	ogpu_image_destroy(sleep->image);
}

/**
 * ogpu_sleep_init() - prepare at probe
 * @odev: the card, with its memory
 *
 * Undone at unbind.
 *
 * Return: 0 or an errno.
 */
int ogpu_sleep_init(struct ogpu_device *odev)
{
	struct ogpu_sleep *sleep;
	int ret;

	sleep = drmm_kzalloc(&odev->drm, sizeof(*sleep), GFP_KERNEL);
	if (!sleep)
		return -ENOMEM;

	sleep->odev = odev;
	odev->sleep = sleep;
	sleep->image = ogpu_image_create(odev);
	if (!sleep->image)
		return -ENOMEM;
	sleep->notifier.notifier_call = ogpu_sleep_notify;
	ret = register_pm_notifier(&sleep->notifier);
	if (ret) {
		ogpu_image_destroy(sleep->image);
		return ret;
	}

	return devm_add_action_or_reset(odev->drm.dev, ogpu_sleep_fini, sleep);
}
