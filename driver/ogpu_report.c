// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Trouble with the card goes up from here: who finds it says what it is, and the table says what
 * must follow. Recovery registers itself as the one that does it; nobody below knows it.
 */
#include <drm/drm_print.h>

#include "ogpu_device.h"
#include "ogpu_report.h"

/* What must follow. */
enum ogpu_report_action {
	OGPU_REPORT_RECOVER,
	OGPU_REPORT_LOOK,
};

/* @text is for the log. */
static const struct {
	const char *text;
	enum ogpu_report_action action;
} ogpu_troubles[OGPU_TROUBLES] = {
	[OGPU_TROUBLE_GONE] = { "card is gone", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_LOST] = { "card does not answer", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_CRASH] = { "firmware crashed", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_HEARTBEAT] = { "firmware has no heartbeat", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_RESTART] = { "firmware restarted by itself", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_LATE] = { "firmware is late", OGPU_REPORT_LOOK },
	[OGPU_TROUBLE_FW_SILENT] = { "firmware does not answer", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_EVENTS] = { "events of firmware pile up", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_FW_FLOOD] = { "firmware floods the host", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_MBOX_COUNTERS] = { "mailbox counters make no sense", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_CHIP_MEMORY] = {
		"uncorrectable error in a memory of the chip", OGPU_REPORT_RECOVER
	},
	[OGPU_TROUBLE_AS_TABLE] = {
		"the table of address spaces has a memory error", OGPU_REPORT_RECOVER
	},
	[OGPU_TROUBLE_TLBI] = { "TLB invalidation does not end", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_ENGINE] = { "an engine failed", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_QUEUE_CREATE] = { "firmware refused to make a queue", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_QUEUE_STOP] = { "firmware did not stop a queue", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_QUEUE_DESTROY] = { "firmware did not destroy a queue", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_QUEUE_SUSPEND] = { "firmware did not suspend a queue", OGPU_REPORT_RECOVER },
	[OGPU_TROUBLE_COPY_STOPPED] = {
		"the kernel's copy queue was stopped", OGPU_REPORT_RECOVER
	},
	[OGPU_TROUBLE_COPY_FAILED] = { "the kernel's copy queue failed", OGPU_REPORT_RECOVER },
};

/**
 * ogpu_trouble_text() - trouble in words
 * @trouble: which
 *
 * Return: static text.
 */
const char *ogpu_trouble_text(enum ogpu_trouble trouble)
{
	return ogpu_troubles[trouble].text;
}

/**
 * ogpu_report() - something is wrong with the card
 * @odev: the card
 * @trouble: what
 *
 * Any context, any number of times. The caller does not wait for what follows: after trouble that
 * needs recovery new ioctls fail at once, and all fences are signalled soon.
 */
void ogpu_report(struct ogpu_device *odev, enum ogpu_trouble trouble)
{
	drm_dbg(&odev->drm, "trouble: %s\n", ogpu_trouble_text(trouble));

	switch (ogpu_troubles[trouble].action) {
	case OGPU_REPORT_RECOVER:
		odev->report_ops->recover(odev, trouble);
		break;
	case OGPU_REPORT_LOOK:
		odev->report_ops->look(odev);
		break;
	}
}
