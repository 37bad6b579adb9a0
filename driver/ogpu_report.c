// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Trouble with the card goes up from here: who finds it says what it is, and the table says what
 * must follow. Recovery registers itself as the one that does it; nobody below knows it.
 */
#include <linux/atomic.h>
#include <linux/spinlock.h>

#include <drm/drm_print.h>

#include "ogpu_device.h"
#include "ogpu_report.h"

/* @text is for the log; @step is the first that must follow. */
static const struct {
	const char *text;
	enum ogpu_step step;
} ogpu_troubles[OGPU_TROUBLES] = {
	[OGPU_TROUBLE_GONE] = { "card is gone", OGPU_STEP_CORE },
	[OGPU_TROUBLE_LOST] = { "card does not answer", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_CRASH] = { "firmware crashed", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_HEARTBEAT] = { "firmware has no heartbeat", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_RESTART] = { "firmware restarted by itself", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_LATE] = { "firmware is late", OGPU_STEP_LOOK },
	[OGPU_TROUBLE_FW_SILENT] = { "firmware does not answer", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_EVENTS] = { "events of firmware pile up", OGPU_STEP_CORE },
	[OGPU_TROUBLE_FW_FLOOD] = { "firmware floods the host", OGPU_STEP_CORE },
	[OGPU_TROUBLE_MBOX_COUNTERS] = { "mailbox counters make no sense", OGPU_STEP_CORE },
	[OGPU_TROUBLE_CHIP_MEMORY] = {
		"uncorrectable error in a memory of the chip", OGPU_STEP_CORE
	},
	[OGPU_TROUBLE_AS_TABLE] = {
		"the table of address spaces has a memory error", OGPU_STEP_CORE
	},
	[OGPU_TROUBLE_TLBI] = { "TLB invalidation does not end", OGPU_STEP_CORE },
	[OGPU_TROUBLE_ENGINE] = { "an engine failed", OGPU_STEP_CORE },
	[OGPU_TROUBLE_QUEUE_CREATE] = { "firmware refused to make a queue", OGPU_STEP_CORE },
	[OGPU_TROUBLE_QUEUE_STOP] = { "firmware did not stop a queue", OGPU_STEP_CORE },
	[OGPU_TROUBLE_QUEUE_DESTROY] = { "firmware did not destroy a queue", OGPU_STEP_CORE },
	[OGPU_TROUBLE_QUEUE_SUSPEND] = { "firmware did not suspend a queue", OGPU_STEP_CORE },
	[OGPU_TROUBLE_COPY_STOPPED] = {
		"the kernel's copy queue was stopped", OGPU_STEP_CORE
	},
	[OGPU_TROUBLE_COPY_FAILED] = { "the kernel's copy queue failed", OGPU_STEP_CORE },
	[OGPU_TROUBLE_BUS] = { "error recovery of the bus did not end", OGPU_STEP_FUNCTION },
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
 * ogpu_trouble_step() - what is tried first
 * @trouble: why
 *
 * Return: the step.
 */
enum ogpu_step ogpu_trouble_step(enum ogpu_trouble trouble)
{
	return ogpu_troubles[trouble].step;
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

	if (ogpu_trouble_step(trouble) == OGPU_STEP_LOOK) {
		ogpu_report_step(odev, OGPU_STEP_LOOK, trouble, true, 0);
		odev->report_ops->look(odev);
	} else {
		odev->report_ops->recover(odev, trouble);
	}
}

/**
 * ogpu_report_step() - a step was tried
 * @odev: the card
 * @step: which
 * @event: why, OGPU_EVENT_NR_* or enum ogpu_trouble
 * @helped: did it help?
 * @ms: how long it took
 *
 * Any context.
 */
void ogpu_report_step(struct ogpu_device *odev, enum ogpu_step step, unsigned int event,
		      bool helped, unsigned int ms)
{
	struct ogpu_step_count *count = &odev->steps[step];
	unsigned long flags;

	spin_lock_irqsave(&odev->error_lock, flags);
	count->tried++;
	count->helped += helped;
	count->event = event;
	count->ms = ms;
	spin_unlock_irqrestore(&odev->error_lock, flags);
}

/**
 * ogpu_report_get_step() - what a step did since probe
 * @odev: the card
 * @step: which
 * @count: filled in
 */
void ogpu_report_get_step(struct ogpu_device *odev, enum ogpu_step step,
			  struct ogpu_step_count *count)
{
	unsigned long flags;

	spin_lock_irqsave(&odev->error_lock, flags);
	*count = odev->steps[step];
	spin_unlock_irqrestore(&odev->error_lock, flags);
}

/**
 * ogpu_report_explain() - keep in words why the card did not come up
 * @odev: the card
 * @what: what could not be done
 * @err: the errno with which it failed
 *
 * Trouble that was reported since the start began says more than that errno. Under
 * @odev->reset_lock.
 */
void ogpu_report_explain(struct ogpu_device *odev, const char *what, int err)
{
	int trouble = atomic_read(&odev->start_trouble);

	if (trouble)
		ogpu_device_set_error(odev, "%s: %s", what, ogpu_trouble_text(trouble - 1));
	else
		ogpu_device_set_error(odev, "%s: %d", what, err);
}

/**
 * ogpu_report_since() - something was wrong with the card when we asked
 * @odev: the card
 * @generation: of the card, from before we asked
 * @trouble: what
 *
 * As ogpu_report(), but who is told late that firmware did not obey does not have a card reset that
 * has been reset since.
 */
void ogpu_report_since(struct ogpu_device *odev, u32 generation, enum ogpu_trouble trouble)
{
	if (READ_ONCE(odev->generation) == generation)
		ogpu_report(odev, trouble);
}
