// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Start and stop of a card: in which order its parts begin and end their work.
 */
#include <linux/pci.h>

#include "ogpu_bind.h"
#include "ogpu_boot.h"
#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_life.h"
#include "ogpu_mbox.h"
#include "ogpu_queue.h"
#include "ogpu_preempt.h"
#include "ogpu_ras.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"
#include "ogpu_svm.h"
#include "ogpu_ttm.h"
#include "ogpu_watchdog.h"

/**
 * ogpu_life_init() - have parts told of what they cannot see, last of all parts
 * @odev: the card, in probe
 *
 * Return: 0.
 */
int ogpu_life_init(struct ogpu_device *odev)
{
	odev->mem->vram.freed = ogpu_ras_vram_freed;

	return 0;
}

/**
 * ogpu_life_start() - make a card with live firmware usable
 * @odev: the card; in state BOOTING or RESETTING
 *
 * Under @odev->reset_lock. After success the caller sets the state to RUNNING.
 *
 * Return: 0 or an errno; then the card is stopped, and ogpu_device_set_error() told why.
 */
int ogpu_life_start(struct ogpu_device *odev)
{
	struct ogpu_fw_info info;
	int ret;

	ret = ogpu_boot_get_info(odev, &info);
	if (!ret) {
		ogpu_queue_mgr_start(odev, info.max_queues);
		ret = ogpu_copy_start(odev);
	}
	if (ret) {
		ogpu_report_explain(odev, "firmware runs but the card cannot be used", ret);
		ogpu_life_stop(odev, -ENODEV);
	}

	return ret;
}

/**
 * ogpu_life_halt() - make sure that the card accesses no memory of the host
 * @odev: the card; need not answer
 *
 * A card that does not answer or obey is cut off from the bus. Under @odev->reset_lock. Sleeps.
 */
void ogpu_life_halt(struct ogpu_device *odev)
{
	if (!ogpu_device_present(odev) || odev->chip->quiesce(odev))
		pci_clear_master(odev->pdev);
}

/**
 * ogpu_life_stop() - stop all use of a card, whether it still answers or not
 * @odev: the card; in no state that starts work
 * @fence_error: errno for the fences of what was running
 *
 * Under @odev->reset_lock. When it returns the card stands still, all fences have signalled, and
 * nothing waits for firmware. May be called again.
 */
void ogpu_life_stop(struct ogpu_device *odev, int fence_error)
{
	ogpu_watchdog_stop(odev);
	ogpu_mbox_stop(odev);
	/* What firmware told before must not be taken for news of queues that come later. */
	ogpu_mbox_flush(odev);
	/* Whoever sees a fence signal may reuse the memory: the card must be done with it. */
	ogpu_life_halt(odev);
	ogpu_boot_stopped(odev);
	ogpu_binds_stop(odev);
	ogpu_svms_wake(odev);
	ogpu_queue_mgr_stop(odev, fence_error);
	ogpu_preempts_stop(odev);
	ogpu_copy_stop(odev);
	ogpu_event_stop(odev);
	ogpu_signal_stop(odev);
}
