// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Recovery of the whole card.
 *
 * Who finds the card unusable tells ogpu_report(), which calls ogpu_reset_recover_soon(). A worker
 * then fails all jobs, so that nothing waits for the card any more, and climbs the ladder
 * (ogpu_ladder.c). After each step it boots the firmware that it kept, which then retires bad pages
 * of VRAM. If none helps the card is wedged, and user space is told how it may repair it. So it is
 * at once when firmware that was reset for its flood of messages does it again.
 *
 * Resets that the administrator or the PCI core want (sysfs "reset", error recovery) go through
 * ogpu_reset_prepare() and ogpu_reset_done(), which do the same in two halves. So does the sleep of
 * the whole machine, in which the card loses power. Each of them holds the card; only who has
 * prepared may end that, and nobody starts a card that somebody holds. Error recovery is the one
 * that the PCI core may give up without a word: after OGPU_RESET_BUS_MS the card is taken back, and
 * recovered as any other.
 *
 * A card that answers all-ones may be back in a moment: its link may be down, the PCI core may be
 * about to tell us. It is stopped like any other, and is gone when the bus says so, or when its
 * configuration space has not answered for five seconds.
 *
 * Whatever the path, files that were open before are stale: their ioctls give -ENODEV.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
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
#include "ogpu_dump.h"
#include "ogpu_eventlog.h"
#include "ogpu_fw.h"
#include "ogpu_ladder.h"
#include "ogpu_life.h"
#include "ogpu_peer.h"
#include "ogpu_ras.h"
#include "ogpu_report.h"
#include "ogpu_reset.h"
#include "ogpu_start.h"
#include "ogpu_ttm.h"
#include "ogpu_trace.h"
#include "ogpu_watchdog.h"

/* Firmware that floods the host again within this time is not booted again. */
#define OGPU_RESET_FLOOD_S	60
/*
 * How long the PCI core may take from when it tells of an error until it says that this is over. If
 * it still does later, that is one more reset.
 */
#define OGPU_RESET_BUS_MS	30000

/**
 * struct ogpu_reset - recovery of a card
 */
struct ogpu_reset {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @work: does what ogpu_reset_recover_soon() asked for, on the card's workqueue */
	struct work_struct work;
	/** @overdue: comes if error recovery of the PCI core does not end, on the same */
	struct delayed_work overdue;
	/** @trouble: why the card was to be recovered last */
	enum ogpu_trouble trouble;
	/** @flood_at: when firmware flooded the host last, seconds since boot; 0 if it never did */
	time64_t flood_at;
	/** @count: resets since probe; written under reset_lock */
	u32 count;
	/** @config: PCI configuration, as it was when the card was last about to be reset */
	struct pci_saved_state *config;
};

/* Stop the card, fail all jobs and make what is open stale. Under reset_lock. */
static void ogpu_reset_stop(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->generation, odev->generation + 1);
	ogpu_life_stop(odev, -ENODEV);
	/* What they show is lost; who looks again is told so. */
	ogpu_mem_unmap_cpu(odev);
	ogpu_peers_lose(odev->mem);
}

static void ogpu_reset_count_one(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->reset->count, odev->reset->count + 1);
}

/* Boot the kept firmware and use the card again. Under reset_lock. */
static int ogpu_reset_start(struct ogpu_device *odev)
{
	int ret;

	ogpu_start_begin(odev);
	ret = ogpu_fw_boot_kept(odev);
	if (ret)
		return ret;
	/* Nothing in VRAM counts any more. */
	ogpu_ras_retire_all(odev);

	ret = ogpu_life_start(odev);

	return ret ?: ogpu_start_end(odev);
}

/*
 * The PCI core leaves a link "frozen" for good if it gives up recovering, say for another function
 * below the same port. Under the device lock, as is its own recovery.
 */
static void ogpu_reset_thaw(struct ogpu_device *odev)
{
	if (ogpu_ladder_bus_is_at_it(odev) && ogpu_device_present(odev))
		WRITE_ONCE(odev->pdev->error_state, pci_channel_io_normal);
}

/* The kept firmware is not for this card any more; it can do with other one. Under reset_lock. */
static void ogpu_reset_drop_firmware(struct ogpu_device *odev)
{
	char error[sizeof(odev->last_error)];

	ogpu_life_halt(odev);
	ogpu_fw_forget_kept(odev);
	if (!ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_AWAITING_FIRMWARE))
		return;

	ogpu_device_get_error(odev, error, sizeof(error));
	ogpu_eventlog_add(odev, OGPU_EVENT_CARD, OGPU_EVENT_NR_REFUSED, "load firmware",
			  "card does not accept its firmware any more: %s", error);
}

/* What comes out of the attempts to start again. Under reset_lock. */
static void ogpu_reset_conclude(struct ogpu_device *odev, int ret)
{
	char error[sizeof(odev->last_error)];

	if (!ret && ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_RUNNING)) {
		drm_info(&odev->drm, "card works again\n");
		ogpu_watchdog_start(odev);
		ogpu_start_running(odev);
		return;
	}
	if (ogpu_ladder_bus_is_at_it(odev))
		return;
	if (!ogpu_device_present(odev) && !pci_device_is_present(odev->pdev)) {
		ogpu_device_set_gone(odev);
		return;
	}
	if (ret == -EKEYREJECTED) {
		ogpu_reset_drop_firmware(odev);
		return;
	}
	/* Who sees the state finds it counted. */
	ogpu_report_step(odev, OGPU_STEP_WEDGED, READ_ONCE(odev->reset->trouble), false, 0);
	if (!ogpu_device_set_state(odev, OGPU_STATE_RESETTING, OGPU_STATE_WEDGED))
		return;

	ogpu_life_halt(odev);
	ogpu_device_get_error(odev, error, sizeof(error));
	ogpu_eventlog_add(odev, OGPU_EVENT_CARD, OGPU_EVENT_NR_WEDGED, "reset card",
			  "card is wedged: %s", error);
	if (odev->registered)
		drm_dev_wedged_event(&odev->drm,
				     DRM_WEDGE_RECOVERY_REBIND | DRM_WEDGE_RECOVERY_BUS_RESET,
				     NULL);
}

/**
 * ogpu_reset_save_config() - what the administrator and the PCI core have changed since is kept
 * @odev: the card, which is about to be reset
 *
 * Nothing is saved if it does not answer, or has lost its configuration. Sleeps.
 */
void ogpu_reset_save_config(struct ogpu_device *odev)
{
	struct ogpu_reset *reset = odev->reset;
	struct pci_saved_state *config;
	struct pci_dev *pdev = odev->pdev;
	u16 command;

	if (!pci_device_is_present(pdev) ||
	    pci_read_config_word(pdev, PCI_COMMAND, &command) || !(command & PCI_COMMAND_MEMORY) ||
	    PCI_POSSIBLE_ERROR(command) ||
	    pci_save_state(pdev))
		return;

	config = pci_store_saved_state(pdev);
	if (!config)
		return;
	kfree(reset->config);
	reset->config = config;
}

/**
 * ogpu_reset_restore_config() - the PCI configuration as it was before
 * @odev: the card, whose function or bus was reset
 */
void ogpu_reset_restore_config(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;

	if (!pci_load_saved_state(pdev, odev->reset->config))
		pci_restore_state(pdev);
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
	enum ogpu_trouble trouble = READ_ONCE(odev->reset->trouble);
	enum ogpu_step step = ogpu_trouble_step(trouble);

	ogpu_eventlog_add(odev, OGPU_EVENT_CARD, trouble, "restart job", "resetting the card: %s",
			  ogpu_trouble_text(trouble));
	ogpu_dump_take(odev, NULL, trouble);
	ogpu_reset_count_one(odev);
	ogpu_reset_stop(odev);
	ogpu_dump_publish(odev);

	if (ogpu_reset_is_vain(odev->reset)) {
		ogpu_device_set_error(odev, "firmware floods the host again");
		step = OGPU_STEP_WEDGED;
	}
	ogpu_reset_conclude(odev, ogpu_ladder_climb(odev, trouble, step, ogpu_reset_start));
}

/*
 * Is a card still there that was not working anyway? If it answers all-ones, it gets some time and
 * a function level reset. Under reset_lock.
 */
static void ogpu_reset_look(struct ogpu_device *odev)
{
	if (ogpu_device_present(odev))
		return;
	if (ogpu_ladder_try(odev, OGPU_STEP_FUNCTION) == -ENODEV &&
	    !ogpu_ladder_bus_is_at_it(odev))
		ogpu_device_set_gone(odev);
}

static void ogpu_reset_work(struct work_struct *work)
{
	struct ogpu_reset *reset = container_of(work, struct ogpu_reset, work);
	struct ogpu_device *odev = reset->odev;

	mutex_lock(&odev->reset_lock);
	if (!odev->reset_holders) {
		switch (READ_ONCE(odev->state)) {
		case OGPU_STATE_RESETTING:
			ogpu_reset_recover(odev);
			break;
		case OGPU_STATE_GONE:
			ogpu_reset_stop(odev);
			break;
		case OGPU_STATE_AWAITING_FIRMWARE:
		case OGPU_STATE_WEDGED:
			ogpu_reset_look(odev);
			break;
		default:
			break;
		}
	}
	mutex_unlock(&odev->reset_lock);
}

/*
 * New ioctls fail at once. Who starts a card right now finds the trouble when he is done; one that
 * was not working anyway is looked at.
 */
static void ogpu_reset_recover_soon(struct ogpu_device *odev, enum ogpu_trouble trouble)
{
	struct ogpu_reset *reset = odev->reset;

	/* Before the state is looked at. */
	ogpu_start_note(odev, trouble);
	if (ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_RESETTING)) {
		trace_ogpu_reset(odev, ogpu_trouble_text(trouble));
		WRITE_ONCE(reset->trouble, trouble);
		queue_work(odev->wq, &reset->work);
		return;
	}

	switch (READ_ONCE(odev->state)) {
	case OGPU_STATE_BOOTING:
	case OGPU_STATE_RESETTING:
		break;
	default:
		queue_work(odev->wq, &reset->work);
		break;
	}
}

static const struct ogpu_report_ops ogpu_reset_report_ops = {
	.recover = ogpu_reset_recover_soon,
	.look = ogpu_watchdog_kick,
	.queue = ogpu_dump_take,
};

/**
 * ogpu_reset_prepare() - someone else is about to reset the function, or the machine goes to sleep
 * @odev: the card
 * @holder: OGPU_RESET_*: who
 *
 * When it returns nothing uses the card any more, and nobody starts it before ogpu_reset_done().
 * Under the device lock. Sleeps.
 */
void ogpu_reset_prepare(struct ogpu_device *odev, u32 holder)
{
	enum ogpu_state state;
	bool first;

	if (ogpu_ladder_is_own_reset(odev))
		return;
	/* A recovery that has begun is waited for; one that has not is replaced by this reset. */
	cancel_work_sync(&odev->reset->work);

	mutex_lock(&odev->reset_lock);
	first = !odev->reset_holders;
	if (!ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_RESETTING))
		ogpu_device_set_state(odev, OGPU_STATE_WEDGED, OGPU_STATE_RESETTING);
	state = READ_ONCE(odev->state);
	if (state == OGPU_STATE_RESETTING && first)
		ogpu_reset_count_one(odev);
	WRITE_ONCE(odev->reset_holders, odev->reset_holders | holder);
	/* That the card is gone may just have been found, and the work that stops it cancelled. */
	if (state == OGPU_STATE_RESETTING || state == OGPU_STATE_GONE)
		ogpu_reset_stop(odev);
	/* Allocates memory: not before all fences have signalled. */
	if (holder == OGPU_RESET_BUS_ERROR && first)
		ogpu_reset_save_config(odev);
	if (holder == OGPU_RESET_BUS_ERROR)
		mod_delayed_work(odev->wq, &odev->reset->overdue,
				 msecs_to_jiffies(OGPU_RESET_BUS_MS));
	mutex_unlock(&odev->reset_lock);
}

/**
 * ogpu_reset_give_up() - what is on a card that somebody holds is lost
 * @odev: the card, which he could not start; ogpu_reset_done() follows
 *
 * Under @odev->reset_lock. Sleeps.
 */
void ogpu_reset_give_up(struct ogpu_device *odev)
{
	ogpu_device_set_state(odev, OGPU_STATE_RUNNING, OGPU_STATE_RESETTING);
	ogpu_reset_count_one(odev);
	ogpu_reset_stop(odev);
}

/**
 * ogpu_reset_release() - somebody does not hold the card any more
 * @odev: the card
 * @holder: OGPU_RESET_*: who
 *
 * Under @odev->reset_lock.
 *
 * Return: true if he did, and nobody else does.
 */
bool ogpu_reset_release(struct ogpu_device *odev, u32 holder)
{
	/* The PCI core also ends what it never began: an error that needed no reset. */
	if (!(odev->reset_holders & holder))
		return false;

	/* What the bus wanted is done by a reset of the function, too, and may never be ended. */
	if (holder == OGPU_RESET_FUNCTION)
		holder |= OGPU_RESET_BUS_ERROR;
	if (holder & OGPU_RESET_BUS_ERROR)
		cancel_delayed_work(&odev->reset->overdue);
	WRITE_ONCE(odev->reset_holders, odev->reset_holders & ~holder);
	if (odev->reset_holders)
		return false;
	ogpu_start_wake(odev);

	return true;
}

/**
 * ogpu_reset_done() - the function was reset, or the attempt failed, or the machine woke up
 * @odev: the card
 * @holder: OGPU_RESET_*: who; nothing happens if he did not prepare, or others still hold the card
 *
 * If the card ran before, it runs again when this returns, or is wedged or gone. Under the device
 * lock. Sleeps.
 */
void ogpu_reset_done(struct ogpu_device *odev, u32 holder)
{
	int ret;

	if (ogpu_ladder_is_own_reset(odev))
		return;
	mutex_lock(&odev->reset_lock);
	if (!ogpu_reset_release(odev, holder))
		goto out;
	if (READ_ONCE(odev->state) != OGPU_STATE_RESETTING) {
		ogpu_reset_look(odev);
		goto out;
	}
	if (holder == OGPU_RESET_FUNCTION)
		ogpu_reset_thaw(odev);
	ret = ogpu_reset_start(odev);
	if (ret == -EAGAIN) {
		WRITE_ONCE(odev->reset->trouble, atomic_read(&odev->start_trouble) - 1);
		queue_work(odev->wq, &odev->reset->work);
	} else {
		ogpu_reset_conclude(odev, ret);
	}
out:
	mutex_unlock(&odev->reset_lock);
}

/*
 * The PCI core has not ended what it began: it gives up without telling us, say because another
 * function below the same port has no driver. Whoever has the device lock now may be the core.
 */
static void ogpu_reset_overdue(struct work_struct *work)
{
	struct ogpu_reset *reset = container_of(to_delayed_work(work), struct ogpu_reset, overdue);
	struct ogpu_device *odev = reset->odev;
	struct pci_dev *pdev = odev->pdev;

	if (!device_trylock(&pdev->dev)) {
		queue_delayed_work(odev->wq, &reset->overdue, HZ);
		return;
	}
	mutex_lock(&odev->reset_lock);
	if (odev->reset_holders & OGPU_RESET_BUS_ERROR) {
		if (ogpu_ladder_bus_is_at_it(odev))
			WRITE_ONCE(pdev->error_state, pci_channel_io_normal);
		WRITE_ONCE(reset->trouble, OGPU_TROUBLE_BUS);
		if (ogpu_reset_release(odev, OGPU_RESET_BUS_ERROR))
			queue_work(odev->wq, &reset->work);
	}
	mutex_unlock(&odev->reset_lock);
	device_unlock(&pdev->dev);
}

/**
 * ogpu_reset_holds() - has he prepared?
 * @odev: the card
 * @holder: OGPU_RESET_*: who; only he himself changes that meanwhile
 *
 * Return: true if the card is stopped and waits for him.
 */
bool ogpu_reset_holds(struct ogpu_device *odev, u32 holder)
{
	return READ_ONCE(odev->reset_holders) & holder;
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

	return !pci_reenable_device(odev->pdev) && ogpu_device_present(odev);
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

static void ogpu_reset_free(struct drm_device *drm, void *arg)
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
	reset->trouble = OGPU_TROUBLE_LOST;
	INIT_WORK(&reset->work, ogpu_reset_work);
	INIT_DELAYED_WORK(&reset->overdue, ogpu_reset_overdue);
	odev->reset = reset;
	odev->report_ops = &ogpu_reset_report_ops;

	return drmm_add_action_or_reset(&odev->drm, ogpu_reset_free, reset);
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
	ogpu_reset_thaw(odev);

	mutex_lock(&odev->reset_lock);
	WRITE_ONCE(odev->reset_holders, odev->reset_holders & ~OGPU_RESET_BIND);
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
	WRITE_ONCE(odev->reset_holders, odev->reset_holders | OGPU_RESET_BIND);
	mutex_unlock(&odev->reset_lock);

	disable_delayed_work_sync(&odev->reset->overdue);
	disable_work_sync(&odev->reset->work);
	ogpu_ras_fini(odev);
}
