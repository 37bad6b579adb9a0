// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The ladder: what is done to a card that fails, in which order. Each trouble names the step to
 * begin with (ogpu_report.c). After a step the card is started again; if that fails the next one is
 * tried. What each did is counted (ogpu_report_step()).
 *
 * Queues are killed by the parts that deal with queues. There is no step that resets the engines
 * alone: that would end what is on all slots, the kernel's copy queue with it, without which the
 * card cannot be used.
 */
#include <linux/bits.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/time64.h>

#include <drm/drm_print.h>

#include "ogpu_device.h"
#include "ogpu_ladder.h"
#include "ogpu_reset.h"

/* A link that does not come up within this time does not come up: by PCIe it has one second. */
#define OGPU_LADDER_LOST_MS	5000
#define OGPU_LADDER_POLL_US	10000

/* What outlives a step. */
#define OGPU_KEEPS_QUEUES	BIT(0)	/* of others, with open files and buffers in VRAM */
#define OGPU_KEEPS_CONFIG	BIT(1)	/* PCI configuration */

/**
 * struct ogpu_ladder_step - a row of the table
 */
struct ogpu_ladder_step {
	/** @name: for sysfs and the log */
	const char *name;
	/** @run: does it to a card that stands still; NULL: done elsewhere, before */
	int (*run)(struct ogpu_device *odev);
	/** @keeps: OGPU_KEEPS_* */
	u32 keeps;
	/**
	 * @limit_ms: what it may take, without the start of firmware, which fw_timeout_ms bounds;
	 * those who wait within it have limits of their own, so more than this is told in the log
	 */
	unsigned int limit_ms;
};

/* The PCI core has found out by itself, and is about to call ogpu_reset_prepare(). */
bool ogpu_ladder_bus_is_at_it(struct ogpu_device *odev)
{
	return READ_ONCE(odev->pdev->error_state) == pci_channel_io_frozen;
}

/* There is nothing to wait for. */
static bool ogpu_ladder_is_decided(struct ogpu_device *odev)
{
	return READ_ONCE(odev->state) == OGPU_STATE_GONE ||
	       READ_ONCE(odev->pdev->error_state) != pci_channel_io_normal;
}

/* Wait until the configuration space answers. False: it does not, or others will see to it. */
static bool ogpu_ladder_wait_bus(struct ogpu_device *odev)
{
	bool answers;

	read_poll_timeout(pci_device_is_present, answers, answers || ogpu_ladder_is_decided(odev),
			  OGPU_LADDER_POLL_US, OGPU_LADDER_LOST_MS * USEC_PER_MSEC, false,
			  odev->pdev);

	return answers && !ogpu_ladder_is_decided(odev);
}

/* The start of firmware begins with the reset of engines and management core by register. */
static int ogpu_ladder_core(struct ogpu_device *odev)
{
	return ogpu_device_present(odev) ? 0 : -ENODEV;
}

/*
 * Not by pci_reset_function(): that takes the device lock, which unbind holds while it waits for
 * us, and calls us back. If someone else has locked out accesses to the configuration space, he is
 * about to reset the function and waits for us in ogpu_reset_prepare(): we must not wait for him,
 * and need no lock of our own.
 */
static int ogpu_ladder_function(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;
	bool locked;
	int ret;

	/* Whether it has left matters more than what it offers. */
	if (!ogpu_ladder_wait_bus(odev))
		return -ENODEV;
	if (pcie_reset_flr(pdev, PCI_RESET_PROBE))
		return -ENOTTY;

	locked = pci_cfg_access_trylock(pdev);
	ret = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	if (locked)
		pci_cfg_access_unlock(pdev);

	/* So the PCI core also says that the function did not come back. */
	return ret == -ENOTTY ? -ETIMEDOUT : ret;
}

/*
 * Tries locks only, so it fails if somebody unbinds or resets the card right now, who waits for us.
 * Calls us back meanwhile, which ogpu_ladder_is_own_reset() tells. Not if there are other functions
 * on the bus, which are not ours to reset.
 */
static int ogpu_ladder_bus(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;
	int ret;

	if (pci_is_root_bus(pdev->bus) || !list_is_singular(&pdev->bus->devices) ||
	    (pci_probe_reset_slot(pdev->slot) && pci_probe_reset_bus(pdev->bus)))
		return -ENOTTY;
	if (!ogpu_ladder_wait_bus(odev))
		return -ENODEV;

	WRITE_ONCE(odev->bus_resetter, current);
	ret = pci_reset_bus(pdev);
	WRITE_ONCE(odev->bus_resetter, NULL);

	return ret == -ENOTTY ? -ETIMEDOUT : ret;
}

static const struct ogpu_ladder_step ogpu_ladder_steps[OGPU_STEPS] = {
	/* The watchdog looks whether firmware has a heartbeat. */
	[OGPU_STEP_LOOK] = { "look", NULL, OGPU_KEEPS_QUEUES | OGPU_KEEPS_CONFIG, 4000 },
	/* Firmware stops one queue, or says that it cannot. */
	[OGPU_STEP_QUEUE] = { "queue-kill", NULL, OGPU_KEEPS_QUEUES | OGPU_KEEPS_CONFIG, 3000 },
	[OGPU_STEP_CORE] = { "core-reset", ogpu_ladder_core, OGPU_KEEPS_CONFIG, 1000 },
	/* The PCI core gives a function, and a bus, one minute to come back. */
	[OGPU_STEP_FUNCTION] = { "function-reset", ogpu_ladder_function, 0,
				 OGPU_LADDER_LOST_MS + 61000 },
	[OGPU_STEP_BUS] = { "bus-reset", ogpu_ladder_bus, 0, OGPU_LADDER_LOST_MS + 62000 },
	/* The end: the card stands still, cut off from the bus, until somebody sees to it. */
	[OGPU_STEP_WEDGED] = { "wedged", NULL, 0, 0 },
};

/**
 * ogpu_ladder_name() - a step in words
 * @step: which
 *
 * Return: static text.
 */
const char *ogpu_ladder_name(enum ogpu_step step)
{
	return ogpu_ladder_steps[step].name;
}

/**
 * ogpu_ladder_is_own_reset() - is it recovery itself that has the PCI core call us?
 * @odev: the card
 *
 * Return: true in what is called by the bus reset of a climb.
 */
bool ogpu_ladder_is_own_reset(struct ogpu_device *odev)
{
	return READ_ONCE(odev->bus_resetter) == current;
}

/**
 * ogpu_ladder_try() - do one step to a card that stands still, and leave it so
 * @odev: the card
 * @step: one that has something to do
 *
 * Under @odev->reset_lock. Sleeps, bounded.
 *
 * Return: 0 or an errno; -ENODEV if the card does not answer, or others see to it.
 */
int ogpu_ladder_try(struct ogpu_device *odev, enum ogpu_step step)
{
	const struct ogpu_ladder_step *row = &ogpu_ladder_steps[step];
	unsigned long began = jiffies;
	unsigned int ms;
	int ret;

	if (!(row->keeps & OGPU_KEEPS_CONFIG))
		ogpu_reset_save_config(odev);
	ret = row->run(odev);
	/* What was there before is as good as what is there after a reset that failed. */
	if (!(row->keeps & OGPU_KEEPS_CONFIG) && ret != -ENODEV && ret != -ENOTTY)
		ogpu_reset_restore_config(odev);
	ms = jiffies_to_msecs(jiffies - began);
	if (ms > row->limit_ms)
		drm_warn(&odev->drm, "%s took %u ms, more than %u\n", row->name, ms, row->limit_ms);

	return ret;
}

/**
 * ogpu_ladder_climb() - try one step after the other until the card works
 * @odev: the card; stands still, all fences have signalled
 * @trouble: why
 * @step: the one to begin with; OGPU_STEP_WEDGED: none
 * @start: starts the card, after a step that has worked
 *
 * Under @odev->reset_lock. Sleeps, bounded. What failed last is told by ogpu_device_set_error().
 *
 * Return: 0 or what the last step failed with: no other one would help, or is left.
 */
int ogpu_ladder_climb(struct ogpu_device *odev, enum ogpu_trouble trouble, enum ogpu_step step,
		      int (*start)(struct ogpu_device *odev))
{
	char error[sizeof(odev->last_error)];
	unsigned long began;
	int ret = -EIO, err;

	/* What has nothing to do here was done before. */
	for (step = max(step, OGPU_STEP_CORE); step < OGPU_STEP_WEDGED; step++) {
		began = jiffies;
		err = ogpu_ladder_try(odev, step);
		if (!err)
			err = start(odev);
		else if (err != -ENODEV && err != -ENOTTY)
			ogpu_device_set_error(odev, "%s failed: %d", ogpu_ladder_name(step), err);
		/* A bus that must not be reset says nothing about the card. */
		if (err == -ENOTTY)
			continue;
		ret = err;
		ogpu_report_step(odev, step, trouble, !ret, jiffies_to_msecs(jiffies - began));
		/* No reset changes what the fuses say. */
		if (!ret || ret == -EKEYREJECTED || ogpu_ladder_is_decided(odev))
			return ret;
		ogpu_device_get_error(odev, error, sizeof(error));
		drm_err(&odev->drm, "%s did not help: %s\n", ogpu_ladder_name(step), error);
	}

	return ret;
}
