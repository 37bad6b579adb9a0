/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What one generation of cards does in another way than the next: how registers are used. The rest
 * of the driver says what is to be done and touches none, but for those that identify a card (see
 * ogpu_pci.c). A new generation is a file of its own and a line in ogpu_pci_find_chip().
 */
#ifndef _OGPU_CHIP_H_
#define _OGPU_CHIP_H_

#include <linux/types.h>

#include "abi/fw_image.h"

struct drm_printer;
struct ogpu_device;

/**
 * struct ogpu_chip_crash - how firmware ended
 */
struct ogpu_chip_crash {
	/** @cause: enum ogpu_mc_fatal in bits 7:0, detail above */
	u32 cause;
	/** @pc: program counter */
	u32 pc;
};

/**
 * struct ogpu_chip_ops - a generation of cards
 *
 * The registers are mapped while an operation runs: ogpu_device_enter(), or part of probe or
 * remove. A card may be gone at any moment: what is written to it then is lost, and what is read is
 * OGPU_REG_GONE. Any context and no sleeping, unless said otherwise; nothing is allocated.
 */
struct ogpu_chip_ops {
	/**
	 * @quiesce: reset engines and management core; when it returns 0 they access no memory
	 * until told to. Sleeps for a bounded time. Returns 0, -ETIMEDOUT, or -ENODEV if the card
	 * is gone.
	 */
	int (*quiesce)(struct ogpu_device *odev);
	/** @time_ns: the card's clock; one caller at a time */
	u64 (*time_ns)(struct ogpu_device *odev);

	/** @boot_svn: the lowest security version of firmware that the fuses allow */
	u32 (*boot_svn)(struct ogpu_device *odev);
	/** @boot_start: let the boot ROM judge and start the image at @offset in VRAM */
	void (*boot_start)(struct ogpu_device *odev, u64 offset, u32 size);
	/**
	 * @boot_verdict: returns 0 if firmware was started, -EINPROGRESS, -EKEYREJECTED with an
	 * enum ogpu_boot_error in @error if it was refused, or -ENODEV if the card is gone
	 */
	int (*boot_verdict)(struct ogpu_device *odev, u32 *error);
	/**
	 * @boot_image: what runs: SHA-256 of the signed part of the image, and the identity of the
	 * key that it is signed with
	 */
	void (*boot_image)(struct ogpu_device *odev, u8 hash[OGPU_FW_HASH_SIZE],
			   u8 key_id[OGPU_FW_KEY_ID_SIZE]);

	/**
	 * @mc_crash: returns 0 if firmware has not crashed, -EIO with the reason in @crash if it
	 * has, or -ENODEV if the card is gone
	 */
	int (*mc_crash)(struct ogpu_device *odev, struct ogpu_chip_crash *crash);
	/** @mc_heartbeat: changes every OGPU_HEARTBEAT_MS while firmware is alive */
	u32 (*mc_heartbeat)(struct ogpu_device *odev);

	/** @mbox_set: where the mailbox area is, bus address and bytes; before firmware starts */
	void (*mbox_set)(struct ogpu_device *odev, u64 addr, u32 size);
	/** @mbox_bell: firmware has a message */
	void (*mbox_bell)(struct ogpu_device *odev);

	/**
	 * @event_set: give the event ring to hardware, bus address and number of entries, or with
	 * no entries take it away; all counts begin at 0
	 */
	void (*event_set)(struct ogpu_device *odev, u64 addr, u32 entries);
	/** @event_taken: free-running count of the entries that hardware may use again */
	void (*event_taken)(struct ogpu_device *odev, u32 count);
	/** @event_dropped: free-running count of events for which there was no room */
	u32 (*event_dropped)(struct ogpu_device *odev);

	/**
	 * @signal_set: give the signal ring to hardware, bus address and number of entries, a power
	 * of two and at least the number of queues, or with no entries take it away; all queues are
	 * disarmed
	 */
	void (*signal_set)(struct ogpu_device *odev, u64 addr, u32 entries);
	/** @signal_arm: have the next signal of a queue, or one that is owed, put into the ring */
	void (*signal_arm)(struct ogpu_device *odev, u32 queue);

	/** @as_set: where the address-space table is, offset in VRAM and number of entries */
	void (*as_set)(struct ogpu_device *odev, u64 offset, u32 entries);
	/**
	 * @tlbi_start: begin to forget translations of [@start, @end) in an address space, of all
	 * of it if both are 0, of all address spaces if @asid is 0, too. One caller at a time;
	 * sleeps for a bounded time if too many are under way. Returns 0 and in @number which one
	 * it is; -ETIMEDOUT, or -ENODEV if the card is gone.
	 */
	int (*tlbi_start)(struct ogpu_device *odev, u16 asid, u64 start, u64 end, u32 *number);
	/**
	 * @tlbi_wait: wait until the invalidation of that number has ended. Sleeps for a bounded
	 * time. When it returns 0, no access uses what was to be forgotten. Returns 0, -ETIMEDOUT,
	 * or -ENODEV if the card is gone.
	 */
	int (*tlbi_wait)(struct ogpu_device *odev, u32 number);

	/** @print: all registers that can be read without changing anything, a line for each */
	void (*print)(struct ogpu_device *odev, struct drm_printer *p);

	/** @doorbell: a queue has this new write pointer, which is in memory */
	void (*doorbell)(struct ogpu_device *odev, u32 queue, u64 wptr);
};

extern const struct ogpu_chip_ops ogpu_chip_v1;

#endif
