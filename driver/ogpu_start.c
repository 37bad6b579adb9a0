// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What an upload and a reset have in common when they start a card: trouble that comes meanwhile is
 * not forgotten, and nobody starts a card that others hold.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/wait.h>

#include "ogpu_boot.h"
#include "ogpu_device.h"
#include "ogpu_life.h"
#include "ogpu_start.h"

/* Longer than any reset of the function; the sleep of the machine does not count. */
#define OGPU_START_HELD_MS	120000

/**
 * ogpu_start_begin() - the card is about to be started: trouble from before does not count
 * @odev: the card, which stands still
 *
 * Under @odev->reset_lock.
 */
void ogpu_start_begin(struct ogpu_device *odev)
{
	atomic_set(&odev->start_trouble, 0);
}

/**
 * ogpu_start_note() - there is trouble, perhaps while the card is being started
 * @odev: the card
 * @trouble: what; the first one counts
 *
 * The caller looks at the state after it, who starts the card looks here after changing the state:
 * one of them sees to it. Any context.
 */
void ogpu_start_note(struct ogpu_device *odev, enum ogpu_trouble trouble)
{
	atomic_cmpxchg(&odev->start_trouble, 0, trouble + 1);
	/* Before the caller looks at the state, whether that has changed or not. */
	smp_mb__after_atomic();
}

/**
 * ogpu_start_end() - has the card come up without trouble?
 * @odev: the card, whose state is not RUNNING yet
 *
 * Under @odev->reset_lock.
 *
 * Return: 0, or -EAGAIN if there was trouble; then the card is stopped.
 */
int ogpu_start_end(struct ogpu_device *odev)
{
	int trouble = atomic_read(&odev->start_trouble);

	if (!trouble)
		return 0;

	ogpu_device_set_error(odev, "card failed while it started: %s",
			      ogpu_trouble_text(trouble - 1));
	ogpu_life_stop(odev, -ENODEV);

	return -EAGAIN;
}

/**
 * ogpu_start_running() - see to trouble that came just before the state was RUNNING
 * @odev: the card, whose state is RUNNING now
 *
 * Under @odev->reset_lock.
 */
void ogpu_start_running(struct ogpu_device *odev)
{
	int trouble = atomic_read(&odev->start_trouble);

	if (trouble)
		ogpu_report(odev, trouble - 1);
}

/**
 * ogpu_start_wait() - wait until nobody holds the card, or the upload is cancelled
 * @odev: the card
 *
 * Not under @odev->reset_lock. Sleeps, bounded.
 */
void ogpu_start_wait(struct ogpu_device *odev)
{
	wait_event_timeout(odev->released,
			   !READ_ONCE(odev->reset_holders) || ogpu_boot_is_cancelled(odev) ||
			   READ_ONCE(odev->state) == OGPU_STATE_GONE,
			   msecs_to_jiffies(OGPU_START_HELD_MS));
}

/**
 * ogpu_start_wake() - have ogpu_start_wait() look again
 * @odev: the card
 */
void ogpu_start_wake(struct ogpu_device *odev)
{
	wake_up_all(&odev->released);
}
