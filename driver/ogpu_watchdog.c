// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The watchdog: looks once a second whether card and firmware are alive.
 *
 * It also empties the event ring and the mailbox, so that a lost interrupt delays work but does not
 * stop it, and tells the administrator when the card slows down.
 *
 * While a card is being started it looks, too: who starts it waits for answers of firmware, for
 * long on a busy host, and must not do so for firmware that is dead.
 */
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/mbox.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_mbox.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"
#include "ogpu_watchdog.h"

#define OGPU_WATCHDOG_MS	1000
/* Looks without a new heartbeat before firmware counts as dead: a busy host may be slow. */
#define OGPU_WATCHDOG_MISSES	3

/* What the card is doing that is looked after. */
enum ogpu_watchdog_mode {
	OGPU_WATCHDOG_OFF,
	OGPU_WATCHDOG_START,
	OGPU_WATCHDOG_RUN,
};

/**
 * struct ogpu_watchdog - what the watchdog of a card remembers
 *
 * @heartbeat, @looked_at and @misses belong to @work; while that is off, to ogpu_watchdog_set().
 */
struct ogpu_watchdog {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @wq: its own, because recovery, on that of the card, waits for firmware */
	struct workqueue_struct *wq;
	/** @work: one look */
	struct delayed_work work;
	/** @mode: written under reset_lock */
	enum ogpu_watchdog_mode mode;
	/** @heartbeat: as last seen */
	u32 heartbeat;
	/** @looked_at: when the last look that counts was, jiffies */
	unsigned long looked_at;
	/** @misses: looks that found no new heartbeat */
	unsigned int misses;
};

/* Should the card be looked at? */
static bool ogpu_watchdog_is_on(struct ogpu_watchdog *dog)
{
	switch (READ_ONCE(dog->mode)) {
	case OGPU_WATCHDOG_START:
		return true;
	case OGPU_WATCHDOG_RUN:
		return ogpu_device_running(dog->odev);
	default:
		return false;
	}
}

/* Firmware is dead. */
static void ogpu_watchdog_tell(struct ogpu_watchdog *dog, enum ogpu_trouble trouble)
{
	ogpu_report(dog->odev, trouble);
	/* Who starts the card waits no longer, and finds what was reported. */
	if (READ_ONCE(dog->mode) == OGPU_WATCHDOG_START)
		ogpu_mbox_stop(dog->odev);
}

/* Returns true if the card should be looked at again. */
static bool ogpu_watchdog_check(struct ogpu_watchdog *dog)
{
	struct ogpu_device *odev = dog->odev;
	struct ogpu_chip_crash crash;
	u32 heartbeat;
	int ret;

	if (!ogpu_watchdog_is_on(dog))
		return false;

	ret = odev->chip->mc_crash(odev, &crash);
	if (ret == -EIO) {
		drm_err(&odev->drm, "firmware crashed: cause %#x at %#x\n", crash.cause, crash.pc);
		ogpu_watchdog_tell(dog, OGPU_TROUBLE_FW_CRASH);
		return false;
	}
	if (ret == -ENODEV && READ_ONCE(dog->mode) == OGPU_WATCHDOG_START) {
		ogpu_watchdog_tell(dog, OGPU_TROUBLE_LOST);
		return false;
	}
	if (ret)
		return ogpu_watchdog_is_on(dog);

	heartbeat = odev->chip->mc_heartbeat(odev);
	if (heartbeat != dog->heartbeat) {
		dog->heartbeat = heartbeat;
		dog->looked_at = jiffies;
		dog->misses = 0;
	} else if (time_after(jiffies, dog->looked_at + msecs_to_jiffies(OGPU_WATCHDOG_MS / 2))) {
		dog->looked_at = jiffies;
		if (++dog->misses >= OGPU_WATCHDOG_MISSES) {
			ogpu_watchdog_tell(dog, OGPU_TROUBLE_FW_HEARTBEAT);
			return false;
		}
	}

	ogpu_mbox_poll(odev);
	ogpu_event_poll(odev);
	ogpu_signal_poll(odev);

	return true;
}

static void ogpu_watchdog_sensor_alert(struct ogpu_device *odev, const void *body)
{
	const struct ogpu_msg_sensors *sensors = body;
	u32 throttle = le32_to_cpu(sensors->throttle);
	s32 temp_mdeg = le32_to_cpu(sensors->temp_mdeg);

	if (throttle)
		dev_warn_ratelimited(odev->drm.dev,
				     "card slows down: %s%s%s%d.%03d degrees, %u mW\n",
				     throttle & OGPU_THROTTLE_THERMAL ? "too hot, " : "",
				     throttle & OGPU_THROTTLE_POWER ? "too much power, " : "",
				     throttle & OGPU_THROTTLE_BRAKE ? "braked from outside, " : "",
				     temp_mdeg / 1000, abs(temp_mdeg) % 1000,
				     le32_to_cpu(sensors->power_uw) / 1000);
	else
		dev_info_ratelimited(odev->drm.dev,
				     "card does not slow down any more: %d.%03d degrees\n",
				     temp_mdeg / 1000, abs(temp_mdeg) % 1000);
}

static void ogpu_watchdog_work(struct work_struct *work)
{
	struct ogpu_watchdog *dog = container_of(work, struct ogpu_watchdog, work.work);

	if (ogpu_watchdog_check(dog))
		queue_delayed_work(dog->wq, &dog->work, msecs_to_jiffies(OGPU_WATCHDOG_MS));
}

static void ogpu_watchdog_set(struct ogpu_watchdog *dog, enum ogpu_watchdog_mode mode)
{
	WRITE_ONCE(dog->mode, OGPU_WATCHDOG_OFF);
	cancel_delayed_work_sync(&dog->work);
	if (mode == OGPU_WATCHDOG_OFF)
		return;

	dog->misses = 0;
	dog->looked_at = jiffies;
	WRITE_ONCE(dog->mode, mode);
	queue_delayed_work(dog->wq, &dog->work, msecs_to_jiffies(OGPU_WATCHDOG_MS));
}

/**
 * ogpu_watchdog_begin() - look after a card that is being started and whose firmware has said HELLO
 * @odev: the card
 *
 * If firmware is dead that is reported, and the mailbox stopped. Under @odev->reset_lock. Sleeps.
 */
void ogpu_watchdog_begin(struct ogpu_device *odev)
{
	ogpu_watchdog_set(odev->watchdog, OGPU_WATCHDOG_START);
}

/**
 * ogpu_watchdog_start() - look after a card that runs now
 * @odev: the card
 *
 * Under @odev->reset_lock. Sleeps.
 */
void ogpu_watchdog_start(struct ogpu_device *odev)
{
	ogpu_watchdog_set(odev->watchdog, OGPU_WATCHDOG_RUN);
}

/**
 * ogpu_watchdog_stop() - the card is being stopped: nobody expects a heartbeat
 * @odev: the card
 *
 * Under @odev->reset_lock. Sleeps.
 */
void ogpu_watchdog_stop(struct ogpu_device *odev)
{
	ogpu_watchdog_set(odev->watchdog, OGPU_WATCHDOG_OFF);
}

/**
 * ogpu_watchdog_kick() - look at the card at once, because something is strange
 * @odev: the card
 *
 * Any context.
 */
void ogpu_watchdog_kick(struct ogpu_device *odev)
{
	mod_delayed_work(odev->watchdog->wq, &odev->watchdog->work, 0);
}

/**
 * ogpu_watchdog_fini() - look no more, at unbind
 * @odev: the card
 */
void ogpu_watchdog_fini(struct ogpu_device *odev)
{
	disable_delayed_work_sync(&odev->watchdog->work);
}

/**
 * ogpu_watchdog_init() - prepare at probe
 * @odev: the card, with its mailbox
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_watchdog_init(struct ogpu_device *odev)
{
	struct ogpu_watchdog *dog;

	dog = drmm_kzalloc(&odev->drm, sizeof(*dog), GFP_KERNEL);
	if (!dog)
		return -ENOMEM;

	dog->odev = odev;
	dog->wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-watchdog-%s", WQ_MEM_RECLAIM,
					       pci_name(odev->pdev));
	if (IS_ERR(dog->wq))
		return PTR_ERR(dog->wq);
	INIT_DELAYED_WORK(&dog->work, ogpu_watchdog_work);
	odev->watchdog = dog;
	ogpu_mbox_set_handler(odev, OGPU_MBOX_SENSOR_ALERT, ogpu_watchdog_sensor_alert);

	return 0;
}
