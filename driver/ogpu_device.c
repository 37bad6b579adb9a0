// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The card as a whole: register access and its state.
 */
#include <linux/atomic.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/sysfs.h>
#include <linux/time64.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/regs.h"
#include "ogpu_compat.h"
#include "ogpu_device.h"
#include "ogpu_eventlog.h"
#include "ogpu_lockdep.h"
#include "ogpu_report.h"
#include "ogpu_trace.h"

/* How long what others have begun may take before the card can sleep. */
#define OGPU_DEVICE_CLOSE_MS	10000
/* How often to look at a register that is waited for: invalidating a TLB takes microseconds. */
#define OGPU_DEVICE_POLL_US	20

/**
 * ogpu_device_present() - ask the card whether it is there
 * @odev: the card
 *
 * The caller makes sure that the registers are mapped, by ogpu_device_enter() or by being part of
 * probe or remove. Any context.
 *
 * Return: false if the card answers all-ones, as something unplugged or dead does.
 */
bool ogpu_device_present(struct ogpu_device *odev)
{
	return readl(odev->regs + OGPU_GLB_MAGIC) == OGPU_MAGIC;
}

/**
 * ogpu_read32() - read a register
 * @odev: the card
 * @base: start of the register block in BAR 0
 * @reg: offset in the block
 *
 * The registers are mapped, see ogpu_device_present(). Any context. Notices if the card is gone.
 *
 * Return: the value; OGPU_REG_GONE if the card is gone.
 */
u32 ogpu_read32(struct ogpu_device *odev, u32 base, u32 reg)
{
	u32 val = readl(odev->regs + base + reg);

	if (unlikely(val == OGPU_REG_GONE))
		ogpu_device_check_gone(odev);

	return val;
}

/**
 * ogpu_write32() - write a register
 * @odev: the card
 * @base: start of the register block in BAR 0
 * @reg: offset in the block
 * @val: the value
 *
 * The registers are mapped, see ogpu_device_present(). Any context.
 */
void ogpu_write32(struct ogpu_device *odev, u32 base, u32 reg, u32 val)
{
	writel(val, odev->regs + base + reg);
}

/**
 * ogpu_write_lohi() - write a pair of registers
 * @odev: the card
 * @base: start of the register block in BAR 0
 * @reg_lo: offset of the low half, which is written first; the high half follows it
 * @val: the value
 */
void ogpu_write_lohi(struct ogpu_device *odev, u32 base, u32 reg_lo, u64 val)
{
	lo_hi_writeq(val, odev->regs + base + reg_lo);
}

/* Returns 0 if bits of a register have a value, -EAGAIN if not yet, -ENODEV if the card is gone. */
static int ogpu_check32(struct ogpu_device *odev, u32 base, u32 reg, u32 mask, u32 val)
{
	u32 cur = readl(odev->regs + base + reg);

	/* First of all, because all-ones may look like what is waited for. */
	if (cur == OGPU_REG_GONE && !ogpu_device_present(odev))
		return -ENODEV;

	return (cur & mask) == val ? 0 : -EAGAIN;
}

/**
 * ogpu_wait32() - wait until bits of a register have a value
 * @odev: the card
 * @base: start of the register block in BAR 0
 * @reg: offset in the block
 * @mask: bits that count
 * @val: what they shall be
 * @timeout_ms: longest time to wait, not 0
 *
 * Sleeps. Allocates nothing: may be used where fences are signalled.
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV if the card is gone.
 */
int ogpu_wait32(struct ogpu_device *odev, u32 base, u32 reg, u32 mask, u32 val,
		unsigned int timeout_ms)
{
	int err, ret;

	ret = read_poll_timeout(ogpu_check32, err, err != -EAGAIN, OGPU_DEVICE_POLL_US,
				(u64)timeout_ms * USEC_PER_MSEC, false,
				odev, base, reg, mask, val);

	return ret ?: err;
}

/**
 * ogpu_state_name() - a state as sysfs shows it
 * @state: the state
 *
 * Return: static text.
 */
const char *ogpu_state_name(enum ogpu_state state)
{
	static const char * const names[] = {
		[OGPU_STATE_AWAITING_FIRMWARE] = "awaiting-firmware",
		[OGPU_STATE_BOOTING] = "booting",
		[OGPU_STATE_RUNNING] = "running",
		[OGPU_STATE_RESETTING] = "resetting",
		[OGPU_STATE_WEDGED] = "wedged",
		[OGPU_STATE_GONE] = "gone",
	};

	return names[state];
}

/* Programs that poll() sysfs and udev rules want to hear of a change. */
static void ogpu_device_state_work(struct work_struct *work)
{
	struct ogpu_device *odev = container_of(work, struct ogpu_device, state_work);
	char *envp[2] = { };
	char event[40];

	envp[0] = event;
	snprintf(event, sizeof(event), "OGPU_STATE=%s", ogpu_state_name(READ_ONCE(odev->state)));
	sysfs_notify(&odev->pdev->dev.kobj, NULL, "state");
	kobject_uevent_env(&odev->pdev->dev.kobj, KOBJ_CHANGE, envp);
}

/**
 * ogpu_device_set_state() - change the state
 * @odev: the card
 * @from: the state that it must have
 * @to: the new state
 *
 * Any context.
 *
 * Return: true if it was @from and is @to now; false if nothing changed.
 */
bool ogpu_device_set_state(struct ogpu_device *odev, enum ogpu_state from, enum ogpu_state to)
{
	if (cmpxchg(&odev->state, from, to) != from)
		return false;

	trace_ogpu_state(odev, ogpu_state_name(to));
	schedule_work(&odev->state_work);

	return true;
}

/**
 * ogpu_device_set_gone() - the card has left the bus
 * @odev: the card
 *
 * Everything that uses it fails quickly from now on, and all fences are signalled soon. Any
 * context, any number of times.
 */
void ogpu_device_set_gone(struct ogpu_device *odev)
{
	if (xchg(&odev->state, OGPU_STATE_GONE) == OGPU_STATE_GONE)
		return;

	wake_up_all(&odev->gate);
	trace_ogpu_state(odev, ogpu_state_name(OGPU_STATE_GONE));
	ogpu_device_set_error(odev, "card does not answer; reseat or power-cycle it");
	ogpu_eventlog_add(odev, OGPU_EVENT_CARD, OGPU_TROUBLE_GONE, "power-cycle",
			  "card is gone from the bus");
	schedule_work(&odev->state_work);
	ogpu_report(odev, OGPU_TROUBLE_GONE);
}

/**
 * ogpu_device_check_gone() - a register read all-ones: does the card still answer?
 * @odev: the card
 *
 * The registers are mapped, see ogpu_device_present(). Any context. A card that is being reset, or
 * whose link is frozen, is silent for a moment, and that may be so before anybody has told us:
 * recovery looks whether it comes back, and only then says that the card is gone.
 */
void ogpu_device_check_gone(struct ogpu_device *odev)
{
	enum ogpu_state state = READ_ONCE(odev->state);

	if (state != OGPU_STATE_RESETTING && state != OGPU_STATE_GONE &&
	    READ_ONCE(odev->pdev->error_state) != pci_channel_io_frozen &&
	    !ogpu_device_present(odev))
		ogpu_report(odev, OGPU_TROUBLE_LOST);
}

/**
 * ogpu_device_detach() - the driver is leaving the card
 * @odev: the card
 *
 * As ogpu_device_set_gone(), but nothing is wrong.
 */
void ogpu_device_detach(struct ogpu_device *odev)
{
	xchg(&odev->state, OGPU_STATE_GONE);
	wake_up_all(&odev->gate);
}

/**
 * ogpu_device_set_error() - keep in words why the card does not work
 * @odev: the card
 * @fmt: format, no newline
 *
 * Any context.
 */
void ogpu_device_set_error(struct ogpu_device *odev, const char *fmt, ...)
{
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	spin_lock_irqsave(&odev->error_lock, flags);
	vsnprintf(odev->last_error, sizeof(odev->last_error), fmt, args);
	spin_unlock_irqrestore(&odev->error_lock, flags);
	va_end(args);
}

/**
 * ogpu_device_clear_error() - the card works
 * @odev: the card
 */
void ogpu_device_clear_error(struct ogpu_device *odev)
{
	unsigned long flags;

	spin_lock_irqsave(&odev->error_lock, flags);
	odev->last_error[0] = '\0';
	spin_unlock_irqrestore(&odev->error_lock, flags);
}

/**
 * ogpu_device_get_error() - what ogpu_device_set_error() kept
 * @odev: the card
 * @buf: filled with the text
 * @size: of @buf
 */
void ogpu_device_get_error(struct ogpu_device *odev, char *buf, size_t size)
{
	unsigned long flags;

	spin_lock_irqsave(&odev->error_lock, flags);
	strscpy(buf, odev->last_error, size);
	spin_unlock_irqrestore(&odev->error_lock, flags);
}

/**
 * ogpu_device_enter() - use the card, which is not taken away meanwhile
 * @odev: the card
 * @idx: for ogpu_device_exit()
 *
 * Until ogpu_device_exit() the registers stay mapped, and memory may be mapped for the card's DMA.
 * The same as drm_dev_enter(), with one difference: who unplugs any DRM device waits for all
 * sections of that, but only who unbinds this card waits for those of this one. So one may sleep
 * here, even for jobs of this card, which end when it is being unbound; but not for what others
 * do, such as a fence that user space brought along. Sections nest. Any context.
 *
 * Return: false if the card is or is being taken away; then there is nothing to exit.
 */
bool ogpu_device_enter(struct ogpu_device *odev, int *idx)
{
	*idx = srcu_read_lock(&odev->unplug_srcu);
	if (!READ_ONCE(odev->unplugged)) {
		/* Sparse knows no lock that is held if a function says so. */
		__release(&odev->unplug_srcu);
		return true;
	}
	srcu_read_unlock(&odev->unplug_srcu, *idx);

	return false;
}

/**
 * ogpu_device_exit() - the card is not used any more
 * @odev: the card
 * @idx: from ogpu_device_enter()
 */
void ogpu_device_exit(struct ogpu_device *odev, int idx)
{
	__acquire(&odev->unplug_srcu);
	srcu_read_unlock(&odev->unplug_srcu, idx);
}

/**
 * ogpu_device_read_time() - read the card's clock
 * @odev: the card
 * @card_ns: out: nanoseconds
 * @cpu_ns: out: CLOCK_MONOTONIC just before and just after; may be NULL
 *
 * Process context. Interrupts stay on: who is interrupted sees that in @cpu_ns.
 *
 * Return: 0, or -ENODEV if the card is unbound, gone or silent.
 */
int ogpu_device_read_time(struct ogpu_device *odev, u64 *card_ns, u64 *cpu_ns)
{
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	spin_lock(&odev->time_lock);
	if (cpu_ns)
		cpu_ns[0] = ktime_get_ns();
	*card_ns = odev->chip->time_ns(odev);
	if (cpu_ns)
		cpu_ns[1] = ktime_get_ns();
	spin_unlock(&odev->time_lock);

	/* No clock gets there, but a card that does not answer reads so. */
	if (*card_ns == U64_MAX)
		ogpu_device_check_gone(odev);
	ogpu_device_exit(odev, idx);

	return *card_ns == U64_MAX ? -ENODEV : 0;
}

static bool ogpu_device_is_open(struct ogpu_device *odev)
{
	return !READ_ONCE(odev->closed) || READ_ONCE(odev->state) == OGPU_STATE_GONE;
}

/**
 * ogpu_device_begin_work() - a worker is about to have the card do something
 * @odev: the card
 *
 * Waits while the card sleeps, but for nobody else. Sections do not nest. Callable where fences are
 * signalled: who closes the gate has taken all memory that he needs before, and programs are
 * frozen. (That is also why lockdep is not told.)
 */
void ogpu_device_begin_work(struct ogpu_device *odev)
{
	for (;;) {
		atomic_inc(&odev->workers);
		/* Pairs with ogpu_device_close(): one of us sees the other. */
		smp_mb__after_atomic();
		if (ogpu_device_is_open(odev))
			return;
		ogpu_device_end_work(odev);
		wait_event(odev->gate, ogpu_device_is_open(odev));
	}
}

/**
 * ogpu_device_end_work() - the work is done
 * @odev: the card
 */
void ogpu_device_end_work(struct ogpu_device *odev)
{
	if (atomic_dec_and_test(&odev->workers))
		wake_up_all(&odev->gate);
}

/**
 * ogpu_device_close() - have no worker use the card
 * @odev: the card
 *
 * Until ogpu_device_open(). Under @odev->reset_lock. Sleeps.
 *
 * Return: 0, or -EBUSY if those who have begun do not end; then nothing is closed.
 */
int ogpu_device_close(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->closed, true);
	/* Pairs with ogpu_device_begin_work(): one of us sees the other. */
	smp_mb();
	if (wait_event_timeout(odev->gate, !atomic_read(&odev->workers),
			       msecs_to_jiffies(OGPU_DEVICE_CLOSE_MS)))
		return 0;

	ogpu_device_open(odev);
	return -EBUSY;
}

/**
 * ogpu_device_open() - undo ogpu_device_close()
 * @odev: the card
 */
void ogpu_device_open(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->closed, false);
	wake_up_all(&odev->gate);
}

/**
 * ogpu_device_unplug() - have nobody use the card any more
 * @odev: card that is being unbound, with all its fences signalled
 *
 * Waits for those who do.
 */
void ogpu_device_unplug(struct ogpu_device *odev)
{
	WRITE_ONCE(odev->unplugged, true);
	synchronize_srcu(&odev->unplug_srcu);
}

static void ogpu_device_cleanup_srcu(struct drm_device *drm, void *arg)
{
	struct ogpu_device *odev = arg;

	cleanup_srcu_struct(&odev->unplug_srcu);
}

/**
 * ogpu_device_init() - prepare the members of a new card that belong to no part
 * @odev: the card
 *
 * Return: 0 or -ENOMEM. What it allocates is freed with the DRM device.
 */
int ogpu_device_init(struct ogpu_device *odev)
{
	int ret;

	ret = init_srcu_struct(&odev->unplug_srcu);
	if (ret)
		return ret;
	ret = drmm_add_action_or_reset(&odev->drm, ogpu_device_cleanup_srcu, odev);
	if (ret)
		return ret;

	spin_lock_init(&odev->time_lock);
	spin_lock_init(&odev->error_lock);
	init_waitqueue_head(&odev->released);
	init_waitqueue_head(&odev->gate);
	INIT_WORK(&odev->state_work, ogpu_device_state_work);
	odev->state = OGPU_STATE_AWAITING_FIRMWARE;
	odev->generation = 1;
	odev->reset_holders = OGPU_RESET_BIND;

	ret = ogpu_eventlog_init(odev);
	if (ret)
		return ret;
	ret = drmm_mutex_init(&odev->drm, &odev->reset_lock);
	if (ret)
		return ret;
	ogpu_lockdep_class(&odev->reset_lock, OGPU_LOCK_RESET);

	odev->wq = drmm_alloc_ordered_workqueue(&odev->drm, "ogpu-%s", WQ_MEM_RECLAIM,
						pci_name(odev->pdev));

	return PTR_ERR_OR_ZERO(odev->wq);
}

/**
 * ogpu_device_fini() - the last step of unbinding: no more news for user space
 * @odev: the card
 */
void ogpu_device_fini(struct ogpu_device *odev)
{
	cancel_work_sync(&odev->state_work);
	ogpu_eventlog_fini(odev);
}
