// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Recovery of the whole card.
 *
 * Who finds the card unusable tells ogpu_report(), which calls ogpu_reset_recover_soon(). A worker
 * then fails all jobs, so that nothing waits for the card any more, and tries in turn: reset of
 * engines and management core by register; function level reset. After each it boots the firmware
 * that it kept, which then retires bad pages of VRAM. If that does not help the card is wedged, and
 * user space is told how it may repair it. So it is at once when firmware that was reset for its
 * flood of messages does it again.
 *
 * Resets that the administrator or the PCI core want (sysfs "reset", error recovery) go through
 * ogpu_reset_prepare() and ogpu_reset_done(), which do the same in two halves. So does the sleep of
 * the whole machine, in which the card loses power.
 *
 * Whatever the path, files that were open before are stale: their ioctls give -ENODEV.
 */
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_fw.h"
#include "ogpu_life.h"
#include "ogpu_ras.h"
#include "ogpu_report.h"
#include "ogpu_reset.h"
#include "ogpu_ttm.h"
#include "ogpu_trace.h"
#include "ogpu_watchdog.h"

/* Firmware that floods the host again within this time is not booted again. */
#define OGPU_RESET_FLOOD_S	60

/**
 * struct ogpu_reset - recovery of a card
 */
struct ogpu_reset {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @work: does what ogpu_reset_recover_soon() asked for, on the card's workqueue */
	struct work_struct work;
	/** @trouble: why the card was to be recovered last */
	enum ogpu_trouble trouble;
	/** @flood_at: when firmware flooded the host last, seconds since boot; 0 if it never did */
	time64_t flood_at;
	/** @count: resets since probe; written under reset_lock */
	u32 count;
	/** @config: PCI configuration as probe left it */
	struct pci_saved_state *config;
};

/* Stop the card, fail all jobs and make what is open stale. Under reset_lock. */
static void ogpu_reset_stop(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->generation, odev->generation + 1);
	WRITE_ONCE(odev->reset->count, odev->reset->count + 1);
	ogpu_life_stop(odev, -ENODEV);
	/* What they show is lost; who looks again is told so. */
	ogpu_mem_unmap_cpu(odev);
}

/* Boot the kept firmware and use the card again. Under reset_lock. */
static int ogpu_reset_start(struct ogpu_device *odev)
{
	int ret;

	ret = ogpu_fw_boot_kept(odev);
	if (ret)
		return ret;
	/* Nothing in VRAM counts any more. */
	ogpu_ras_retire_all(odev);

	return ogpu_life_start(odev);
}

/* What comes out of the attempts to start again. Under reset_lock. */
static void ogpu_reset_conclude(struct ogpu_device *odev, int ret)
{
	char error[sizeof(odev->last_error)];

	if (!ret && ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_RUNNING)) {
		drm_info(&odev->drm, "card works again\n");
		ogpu_watchdog_start(odev);
		return;
	}
	if (!ogpu_device_present(odev)) {
		ogpu_device_set_gone(odev);
		return;
	}
	if (!ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_WEDGED))
		return;

	ogpu_life_halt(odev);
	ogpu_device_get_error(odev, error, sizeof(error));
	drm_err(&odev->drm, "card is wedged: %s\n", error);
	if (odev->registered)
		drm_dev_wedged_event(&odev->drm,
				     DRM_WEDGE_RECOVERY_REBIND | DRM_WEDGE_RECOVERY_BUS_RESET,
				     NULL);
}

static void ogpu_reset_restore_config(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;

	if (!pci_load_saved_state(pdev, odev->reset->config))
		pci_restore_state(pdev);
}

/*
 * Function level reset. Not by pci_reset_function(): that takes the device lock, which unbind holds
 * while it waits for us, and calls us back. If someone else has locked out accesses to the
 * configuration space, he is about to reset the function and waits for us in ogpu_reset_prepare():
 * we must not wait for him, and need no lock of our own.
 */
static int ogpu_reset_flr(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;
	bool locked = pci_cfg_access_trylock(pdev);
	int ret;

	ret = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	ogpu_reset_restore_config(odev);
	if (locked)
		pci_cfg_access_unlock(pdev);

	return ret;
}

/* Would the kept firmware do what it did before? Under reset_lock. */
static bool ogpu_reset_is_vain(struct ogpu_reset *reset)
{
	time64_t last = reset->flood_at;

	if (READ_ONCE(reset->trouble) != OGPU_TROUBLE_FW_FLOOD)
		return false;
	reset->flood_at = ktime_get_seconds();

	return last && reset->flood_at - last < OGPU_RESET_FLOOD_S;
}

static void ogpu_reset_recover(struct ogpu_device *odev)
{
	int ret;

	drm_err(&odev->drm, "resetting the card: %s\n",
		ogpu_trouble_text(READ_ONCE(odev->reset->trouble)));
	ogpu_reset_stop(odev);

	if (ogpu_reset_is_vain(odev->reset)) {
		ogpu_device_set_error(odev, "firmware floods the host again");
		ogpu_reset_conclude(odev, -EIO);
		return;
	}

	ret = ogpu_reset_start(odev);
	if (ret)
		drm_err(&odev->drm, "reset by register did not help: %d\n", ret);
	if (ret && ogpu_device_present(odev)) {
		drm_err(&odev->drm, "resetting the whole function\n");
		ret = ogpu_reset_flr(odev);
		if (!ret)
			ret = ogpu_reset_start(odev);
		else
			ogpu_device_set_error(odev, "function level reset failed: %d", ret);
	}
	ogpu_reset_conclude(odev, ret);
}

static void ogpu_reset_work(struct work_struct *work)
{
	struct ogpu_reset *reset = container_of(work, struct ogpu_reset, work);
	struct ogpu_device *odev = reset->odev;

	mutex_lock(&odev->reset_lock);
	if (!odev->reset_blocked) {
		switch (READ_ONCE(odev->state)) {
		case OGPU_STATE_RESETTING:
			ogpu_reset_recover(odev);
			break;
		case OGPU_STATE_GONE:
			ogpu_reset_stop(odev);
			break;
		default:
			break;
		}
	}
	mutex_unlock(&odev->reset_lock);
}

/*
 * New ioctls fail at once. Has an effect only on a card that runs, and once on one that is gone.
 */
static void ogpu_reset_recover_soon(struct ogpu_device *odev, enum ogpu_trouble trouble)
{
	if (!ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_RESETTING) &&
	    READ_ONCE(odev->state) != OGPU_STATE_GONE)
		return;

	trace_ogpu_reset(odev, ogpu_trouble_text(trouble));
	WRITE_ONCE(odev->reset->trouble, trouble);
	queue_work(odev->wq, &odev->reset->work);
}

static const struct ogpu_report_ops ogpu_reset_report_ops = {
	.recover = ogpu_reset_recover_soon,
	.look = ogpu_watchdog_kick,
};

/**
 * ogpu_reset_prepare() - someone else is about to reset the function, or the machine goes to sleep
 * @odev: the card
 *
 * When it returns nothing uses the card any more, and nobody starts it before ogpu_reset_done().
 * Under the device lock. Sleeps.
 */
void ogpu_reset_prepare(struct ogpu_device *odev)
{
	enum ogpu_state state;

	/* A recovery that has begun is waited for; one that has not is replaced by this reset. */
	cancel_work_sync(&odev->reset->work);

	mutex_lock(&odev->reset_lock);
	odev->reset_blocked = true;
	if (!ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_RESETTING))
		ogpu_device_set_state(odev, OGPU_STATE_WEDGED, OGPU_STATE_RESETTING);
	state = READ_ONCE(odev->state);
	/* That the card is gone may just have been found, and the work that stops it cancelled. */
	if (state == OGPU_STATE_RESETTING || state == OGPU_STATE_GONE)
		ogpu_reset_stop(odev);
	mutex_unlock(&odev->reset_lock);
}

/**
 * ogpu_reset_done() - the function was reset, or the attempt failed, or the machine woke up
 * @odev: the card
 *
 * If the card ran before, it runs again when this returns, or is wedged or gone. Under the device
 * lock. Sleeps.
 */
void ogpu_reset_done(struct ogpu_device *odev)
{
	mutex_lock(&odev->reset_lock);
	odev->reset_blocked = false;
	if (READ_ONCE(odev->state) == OGPU_STATE_RESETTING)
		ogpu_reset_conclude(odev, ogpu_reset_start(odev));
	else if (!ogpu_device_present(odev))
		ogpu_device_set_gone(odev);
	mutex_unlock(&odev->reset_lock);
}

/**
 * ogpu_reset_bus_done() - the bus was reset, and nobody has restored our configuration yet
 * @odev: the card
 *
 * Return: true if the card answers.
 */
bool ogpu_reset_bus_done(struct ogpu_device *odev)
{
	ogpu_reset_restore_config(odev);

	return ogpu_device_present(odev);
}

/**
 * ogpu_reset_count() - how often was the card reset?
 * @odev: the card
 *
 * Return: resets since probe.
 */
u32 ogpu_reset_count(struct ogpu_device *odev)
{
	return READ_ONCE(odev->reset->count);
}

static void ogpu_reset_release(struct drm_device *drm, void *arg)
{
	struct ogpu_reset *reset = arg;

	kfree(reset->config);
}

/**
 * ogpu_reset_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_reset_init(struct ogpu_device *odev)
{
	struct ogpu_reset *reset;

	reset = drmm_kzalloc(&odev->drm, sizeof(*reset), GFP_KERNEL);
	if (!reset)
		return -ENOMEM;

	reset->odev = odev;
	INIT_WORK(&reset->work, ogpu_reset_work);
	odev->reset = reset;
	odev->report_ops = &ogpu_reset_report_ops;

	return drmm_add_action_or_reset(&odev->drm, ogpu_reset_release, reset);
}

/**
 * ogpu_reset_allow() - from now on the card may be recovered; end of probe
 * @odev: the card; its interrupts and bus mastering are set up
 *
 * Return: 0 or an errno.
 */
int ogpu_reset_allow(struct ogpu_device *odev)
{
	int ret;

	ret = pci_save_state(odev->pdev);
	if (ret)
		return ret;
	odev->reset->config = pci_store_saved_state(odev->pdev);
	if (!odev->reset->config)
		return -ENOMEM;

	mutex_lock(&odev->reset_lock);
	odev->reset_blocked = false;
	mutex_unlock(&odev->reset_lock);

	return 0;
}

/**
 * ogpu_reset_fini() - no more recovery, at unbind
 * @odev: the card
 *
 * Not under @odev->reset_lock.
 */
void ogpu_reset_fini(struct ogpu_device *odev)
{
	mutex_lock(&odev->reset_lock);
	odev->reset_blocked = true;
	mutex_unlock(&odev->reset_lock);

	disable_work_sync(&odev->reset->work);
	ogpu_ras_fini(odev);
}
