/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * struct ogpu_device: one card, and how the parts of the driver hang together.
 *
 * Each part owns one member, named after its file, and its own locks; the only thing shared by all
 * is the device state. Lock order, outermost first (taught to lockdep in ogpu_lockdep.c):
 *
 *	reset_lock -> vm->bind_lock -> mem->validate_lock -> dma_resv (drm_exec) ->
 *	queue->submit_lock, preempt->lock, vm->pt_lock -> queues->lock ->
 *	mbox->lock, mmu->lock, event->lock -> spinlocks
 *
 * Some locks are held by one part alone, and lockdep learns their place by itself:
 *
 *	reset_lock -> boot->lock -> mbox->lock
 *	hwmon->lock -> mbox->lock
 *	dma_resv -> mem->vram.lock, pt_mems->lock
 *	mmap_lock -> queues->map_sem -> queues->lock
 *	vm->userptrs.populate -> mmap_lock -> vm->pt_lock
 *	reset_lock -> userptrs->lock -> vm->pt_lock
 *	reset_lock -> dump->lock -> boot->lock, mbox->lock
 *	mmap_lock, reclaim -> lock of vm->svm->base -> vm->svm->pt_lock -> mmu->lock
 *
 * Software state is freed by drmm_ actions when the last file is closed; hardware state by devm_
 * actions when the device is unbound. After probe, what comes from the render node, debugfs or
 * hwmon and uses the card is in ogpu_device_enter(); for a register access that cannot sleep
 * drm_dev_enter() does as well. All else is ended before the registers are unmapped: attributes
 * in sysfs by the driver core, firmware upload by ogpu_fw_unregister(), recovery and the watchdog
 * by ogpu_reset_fini() and ogpu_watchdog_fini(), interrupts by devm_.
 */
#ifndef _OGPU_DEVICE_H_
#define _OGPU_DEVICE_H_

#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>

#include "ogpu_chip.h"
#include "ogpu_discovery.h"
#include "ogpu_params.h"
#include "ogpu_report.h"

struct ogpu_boot;
struct ogpu_dump;
struct ogpu_event_ring;
struct ogpu_fw;
struct ogpu_hwmon;
struct ogpu_mbox;
struct ogpu_mem;
struct ogpu_mmu;
struct ogpu_queue_mgr;
struct ogpu_copy;
struct ogpu_ras;
struct ogpu_pt_mems;
struct ogpu_report_ops;
struct ogpu_reset;
struct ogpu_signal_ring;
struct ogpu_sleep;
struct ogpu_userptr_all;
struct ogpu_vm_owners;
struct ogpu_watchdog;

/**
 * enum ogpu_state - what the card is doing
 * @OGPU_STATE_AWAITING_FIRMWARE: nothing runs on it; user space has to upload firmware
 * @OGPU_STATE_BOOTING: an upload is under way, or its firmware starts
 * @OGPU_STATE_RUNNING: it can do work
 * @OGPU_STATE_RESETTING: it failed, or the administrator resets it; comes back by itself
 * @OGPU_STATE_WEDGED: resets did not help
 * @OGPU_STATE_GONE: it left the bus, or the driver leaves it
 *
 * Allowed changes: AWAITING_FIRMWARE -> BOOTING -> RUNNING -> RESETTING -> RUNNING | WEDGED;
 * BOOTING -> AWAITING_FIRMWARE (firmware refused or silent); RUNNING | RESETTING -> BOOTING (an
 * upload whose firmware runs, but no render node can be made); RESETTING -> AWAITING_FIRMWARE (the
 * card does not accept the kept image any more); WEDGED -> RESETTING (the administrator resets the
 * card); any -> GONE, which is final.
 */
enum ogpu_state {
	OGPU_STATE_AWAITING_FIRMWARE,
	OGPU_STATE_BOOTING,
	OGPU_STATE_RUNNING,
	OGPU_STATE_RESETTING,
	OGPU_STATE_WEDGED,
	OGPU_STATE_GONE,
};

/*
 * Who keeps the card from being started: bits of reset_holders. Each is set and cleared by its own
 * pair of calls, and the last one to leave starts the card.
 */
#define OGPU_RESET_BIND		BIT(0)	/* probe and unbind */
#define OGPU_RESET_BUS_ERROR	BIT(1)	/* error recovery of the PCI core */
#define OGPU_RESET_FUNCTION	BIT(2)	/* a reset of the function by the PCI core */
#define OGPU_RESET_SLEEP	BIT(3)	/* sleep of the machine */

/**
 * struct ogpu_device - one card
 */
struct ogpu_device {
	/** @drm: base; registered only once firmware is alive */
	struct drm_device drm;
	/** @pdev: the PCI function */
	struct pci_dev *pdev;
	/** @regs: BAR 0 */
	void __iomem *regs;
	/** @doorbells: BAR 4 */
	void __iomem *doorbells;
	/** @doorbells_phys: CPU physical address of BAR 4 */
	resource_size_t doorbells_phys;
	/** @aperture: BAR 2, write-combined; @disc.aperture_size bytes */
	void __iomem *aperture;
	/** @aperture_phys: CPU physical address of BAR 2 */
	resource_size_t aperture_phys;
	/** @unplug_srcu: read side: who uses the card, see ogpu_device_enter() */
	struct srcu_struct unplug_srcu;
	/** @unplugged: nobody may use it any more; read under @unplug_srcu */
	bool unplugged;
	/** @workers: how many are in ogpu_device_begin_work() */
	atomic_t workers;
	/** @closed: nobody may begin; written under @reset_lock, read with READ_ONCE() */
	bool closed;
	/** @gate: woken when either changes to what somebody waits for */
	wait_queue_head_t gate;
	/** @disc: what the discovery table told; constant after probe */
	struct ogpu_disc disc;
	/** @system_atomics: atomics on host memory are such for the CPU, too; likewise */
	bool system_atomics;
	/** @chip: how to use the registers of its generation; constant after probe */
	const struct ogpu_chip_ops *chip;

	/**
	 * @state: changed atomically, by ogpu_device_set_state(), ogpu_device_set_gone() and
	 * ogpu_device_detach() only; read with READ_ONCE()
	 */
	enum ogpu_state state;
	/** @state_work: tells user space about a change of @state */
	struct work_struct state_work;
	/** @time_lock: serialises reads of the card's clock; innermost, process context */
	spinlock_t time_lock;
	/** @report_ops: deals with trouble (ogpu_report.c); constant from probe on */
	const struct ogpu_report_ops *report_ops;
	/** @error_lock: protects @last_error and @steps; innermost, taken in any context */
	spinlock_t error_lock;
	/** @last_error: why the card does not work, in words */
	char last_error[128];
	/** @steps: what each did (ogpu_report.c) */
	struct ogpu_step_count steps[OGPU_STEPS];
	/**
	 * @fw_refusal: what was wrong with the last image, a constant word, see ogpu_sysfs.c;
	 * read with READ_ONCE()
	 */
	const char *fw_refusal;
	/**
	 * @generation: rises with each reset; state of an older generation is stale. Read with
	 * READ_ONCE().
	 */
	u32 generation;
	/**
	 * @reset_lock: serialises start, reset and stop of the card; protects
	 * @registered and @reset_holders
	 */
	struct mutex reset_lock;
	/** @start_trouble: enum ogpu_trouble + 1 since the last start began, or 0 (ogpu_start.c) */
	atomic_t start_trouble;
	/** @released: woken when nobody holds the card any more */
	wait_queue_head_t released;
	/** @registered: the DRM device is registered */
	bool registered;
	/** @reset_holders: OGPU_RESET_*: no recovery, no boot; read with READ_ONCE() elsewhere */
	u32 reset_holders;
	/** @bus_resetter: the task that resets the bus in recovery, or NULL (ogpu_ladder.c) */
	struct task_struct *bus_resetter;
	/** @wq: for recovery; usable when memory is short */
	struct workqueue_struct *wq;
	/** @submit_wq: runs jobs that had to wait and page-table changes (ogpu_sched.c) */
	struct workqueue_struct *submit_wq;

	/** @eventlog: what was told of the card last (ogpu_eventlog.c) */
	struct ogpu_eventlog *eventlog;
	/** @fw: firmware upload, the image that is kept (ogpu_fw.c) */
	struct ogpu_fw *fw;
	/** @boot: start of firmware, what it told about itself (ogpu_boot.c) */
	struct ogpu_boot *boot;
	/** @reset: recovery of the whole card (ogpu_reset.c) */
	struct ogpu_reset *reset;
	/** @sleep: what is kept while the card has no power (ogpu_sleep.c) */
	struct ogpu_sleep *sleep;
	/** @ras: pages of VRAM that went bad (ogpu_ras.c) */
	struct ogpu_ras *ras;
	/** @watchdog: looks after the card once a second (ogpu_watchdog.c) */
	struct ogpu_watchdog *watchdog;
	/** @mbox: messages to and from firmware (ogpu_mbox.c) */
	struct ogpu_mbox *mbox;
	/** @event: the event ring (ogpu_event.c) */
	struct ogpu_event_ring *event;
	/** @signal: the signal ring, and who waits for queues (ogpu_signal.c) */
	struct ogpu_signal_ring *signal;
	/** @mmu: address-space table and TLB invalidation (ogpu_mmu.c) */
	struct ogpu_mmu *mmu;
	/** @mem: TTM device and VRAM manager (ogpu_ttm.c, ogpu_vram_mgr.c) */
	struct ogpu_mem *mem;
	/** @vm_owners: users, and what their address spaces have taken (ogpu_vm_owner.c) */
	struct ogpu_vm_owners *vm_owners;
	/** @pt_mems: page tables in system memory (ogpu_pt_mem.c) */
	struct ogpu_pt_mems *pt_mems;
	/** @userptrs: memory of programs (ogpu_userptr.c) */
	struct ogpu_userptr_all *userptrs;
	/** @queues: all queues of the card by number (ogpu_queue.c) */
	struct ogpu_queue_mgr *queues;
	/** @copy: the kernel's own copy queue, for moves and clears (ogpu_copy.c) */
	struct ogpu_copy *copy;
	/** @dump: the next dump (ogpu_dump.c) */
	struct ogpu_dump *dump;
	/** @hwmon: sensors (ogpu_hwmon.c) */
	struct ogpu_hwmon *hwmon;
};

static inline struct ogpu_device *to_ogpu_device(struct drm_device *drm)
{
	return container_of(drm, struct ogpu_device, drm);
}

/* All-ones is what a PCI device that is gone answers; no register of the contract reads so. */
#define OGPU_REG_GONE	0xffffffffu

u32 ogpu_read32(struct ogpu_device *odev, u32 base, u32 reg);
void ogpu_write32(struct ogpu_device *odev, u32 base, u32 reg, u32 val);
void ogpu_write_lohi(struct ogpu_device *odev, u32 base, u32 reg_lo, u64 val);

int ogpu_wait32(struct ogpu_device *odev, u32 base, u32 reg, u32 mask, u32 val,
		unsigned int timeout_ms);

int ogpu_device_init(struct ogpu_device *odev);
void ogpu_device_fini(struct ogpu_device *odev);
bool ogpu_device_enter(struct ogpu_device *odev, int *idx);
void ogpu_device_exit(struct ogpu_device *odev, int idx);
void ogpu_device_begin_work(struct ogpu_device *odev);
void ogpu_device_end_work(struct ogpu_device *odev);
int ogpu_device_close(struct ogpu_device *odev);
void ogpu_device_open(struct ogpu_device *odev);
void ogpu_device_unplug(struct ogpu_device *odev);
int ogpu_device_read_time(struct ogpu_device *odev, u64 *card_ns, u64 *cpu_ns);
bool ogpu_device_set_state(struct ogpu_device *odev, enum ogpu_state from, enum ogpu_state to);
void ogpu_device_set_gone(struct ogpu_device *odev);
void ogpu_device_check_gone(struct ogpu_device *odev);
void ogpu_device_detach(struct ogpu_device *odev);
bool ogpu_device_present(struct ogpu_device *odev);
const char *ogpu_state_name(enum ogpu_state state);
__printf(2, 3)
void ogpu_device_set_error(struct ogpu_device *odev, const char *fmt, ...);
void ogpu_device_clear_error(struct ogpu_device *odev);
void ogpu_device_get_error(struct ogpu_device *odev, char *buf, size_t size);

/* Limit of a job's time and default of queues: the administrator's word, or else the card's. */
static inline u32 ogpu_device_job_ms(const struct ogpu_device *odev)
{
	return min(READ_ONCE(ogpu_job_timeout_ms) ?: odev->disc.job_ms, odev->disc.job_max_ms);
}

static inline bool ogpu_device_running(const struct ogpu_device *odev)
{
	return READ_ONCE(odev->state) == OGPU_STATE_RUNNING;
}

#endif
