// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The registers of OGPU-1, see docs/hardware.md and abi/regs.h.
 */
#include <linux/array_size.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/minmax.h>
#include <linux/unaligned.h>

#include <drm/drm_print.h>

#include "abi/regs.h"
#include "ogpu_chip.h"
#include "ogpu_device.h"
#include "ogpu_params.h"

/*
 * An invalidation waits for accesses in flight, by contract for 5 ms; a virtual card on a busy host
 * may take a hundred times that. Anything near this is a broken card.
 */
#define OGPU_V1_TLBI_TIMEOUT_MS	3000
#define OGPU_V1_TLBI_POLL_US	20
#define OGPU_V1_QUIESCE_MAX_MS	10000u

static int ogpu_v1_quiesce(struct ogpu_device *odev)
{
	u32 bits = OGPU_GLB_RESET_COMPUTE | OGPU_GLB_RESET_MC;

	ogpu_write32(odev, 0, OGPU_GLB_RESET, bits);

	/*
	 * A tenth of a second is what the contract allows. But a card that is given up here stays
	 * away until somebody binds it again. Unbind waits for it, too.
	 */
	return ogpu_wait32(odev, 0, OGPU_GLB_RESET, bits, 0,
			   min(ogpu_fw_timeout_ms, OGPU_V1_QUIESCE_MAX_MS));
}

/* Reading the low half latches the high one. */
static u64 ogpu_v1_time_ns(struct ogpu_device *odev)
{
	return lo_hi_readq(odev->regs + OGPU_GLB_TIME_LO);
}

static u32 ogpu_v1_boot_svn(struct ogpu_device *odev)
{
	return ogpu_read32(odev, odev->disc.boot_base, OGPU_BOOT_SVN);
}

static void ogpu_v1_boot_start(struct ogpu_device *odev, u64 offset, u32 size)
{
	u32 base = odev->disc.boot_base;

	ogpu_write_lohi(odev, base, OGPU_BOOT_ADDR_LO, offset);
	ogpu_write32(odev, base, OGPU_BOOT_SIZE, size);
	ogpu_write32(odev, base, OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
}

static int ogpu_v1_boot_verdict(struct ogpu_device *odev, u32 *error)
{
	u32 status = ogpu_read32(odev, odev->disc.boot_base, OGPU_BOOT_STATUS);

	if (status == OGPU_REG_GONE)
		return -ENODEV;

	switch (FIELD_GET(OGPU_BOOT_STATUS_STATE, status)) {
	case OGPU_BOOT_STARTED:
		return 0;
	case OGPU_BOOT_REFUSED:
		*error = FIELD_GET(OGPU_BOOT_STATUS_ERROR, status);
		return -EKEYREJECTED;
	default:
		return -EINPROGRESS;
	}
}

static void ogpu_v1_boot_image(struct ogpu_device *odev, u8 hash[OGPU_FW_HASH_SIZE],
			       u8 key_id[OGPU_FW_KEY_ID_SIZE])
{
	u32 base = odev->disc.boot_base;
	unsigned int i;

	for (i = 0; i < OGPU_FW_HASH_SIZE / 4; i++)
		put_unaligned_le32(ogpu_read32(odev, base, OGPU_BOOT_HASH(i)), hash + 4 * i);
	put_unaligned_le32(ogpu_read32(odev, base, OGPU_BOOT_IMAGE_KEY0), key_id);
	put_unaligned_le32(ogpu_read32(odev, base, OGPU_BOOT_IMAGE_KEY1), key_id + 4);
}

static int ogpu_v1_mc_crash(struct ogpu_device *odev, struct ogpu_chip_crash *crash)
{
	u32 base = odev->disc.boot_base;

	crash->cause = ogpu_read32(odev, base, OGPU_BOOT_MC_FATAL);
	if (crash->cause == OGPU_REG_GONE)
		return -ENODEV;
	if (!crash->cause)
		return 0;
	crash->pc = ogpu_read32(odev, base, OGPU_BOOT_MC_PC);

	return -EIO;
}

static u32 ogpu_v1_mc_heartbeat(struct ogpu_device *odev)
{
	return ogpu_read32(odev, odev->disc.boot_base, OGPU_BOOT_HEARTBEAT);
}

static void ogpu_v1_mbox_set(struct ogpu_device *odev, u64 addr, u32 size)
{
	u32 base = odev->disc.mbox_base;

	ogpu_write_lohi(odev, base, OGPU_MBOX_ADDR_LO, addr);
	ogpu_write32(odev, base, OGPU_MBOX_SIZE, size);
}

static void ogpu_v1_mbox_bell(struct ogpu_device *odev)
{
	ogpu_write32(odev, odev->disc.mbox_base, OGPU_MBOX_BELL, 1);
}

static void ogpu_v1_event_set(struct ogpu_device *odev, u64 addr, u32 entries)
{
	u32 base = odev->disc.event_base;

	/* The address may change only while there are no entries. */
	ogpu_write32(odev, base, OGPU_EVENT_ENTRIES, 0);
	if (!entries)
		return;
	ogpu_write_lohi(odev, base, OGPU_EVENT_ADDR_LO, addr);
	ogpu_write32(odev, base, OGPU_EVENT_ENTRIES, entries);
}

static void ogpu_v1_event_taken(struct ogpu_device *odev, u32 count)
{
	ogpu_write32(odev, odev->disc.event_base, OGPU_EVENT_RPTR, count);
}

static u32 ogpu_v1_event_dropped(struct ogpu_device *odev)
{
	return ogpu_read32(odev, odev->disc.event_base, OGPU_EVENT_DROPPED);
}

static void ogpu_v1_signal_set(struct ogpu_device *odev, u64 addr, u32 entries)
{
	u32 base = odev->disc.event_base;

	/* The address may change only while there are no entries. */
	ogpu_write32(odev, base, OGPU_SIGNAL_ENTRIES, 0);
	if (!entries)
		return;
	ogpu_write_lohi(odev, base, OGPU_SIGNAL_ADDR_LO, addr);
	ogpu_write32(odev, base, OGPU_SIGNAL_ENTRIES, entries);
}

static void ogpu_v1_signal_arm(struct ogpu_device *odev, u32 queue)
{
	ogpu_write32(odev, odev->disc.event_base, OGPU_SIGNAL_ARM, queue);
}

static void ogpu_v1_as_set(struct ogpu_device *odev, u64 offset, u32 entries)
{
	u32 base = odev->disc.mmu_base;

	ogpu_write_lohi(odev, base, OGPU_MMU_AS_ADDR_LO, offset);
	ogpu_write32(odev, base, OGPU_MMU_AS_COUNT, entries);
}

static int ogpu_v1_tlbi_start(struct ogpu_device *odev, u16 asid, u64 start, u64 end, u32 *number)
{
	u32 base = odev->disc.mmu_base;
	u32 type = OGPU_MMU_TLBI_ALL;
	int ret;

	/* A write while there is no room is ignored. */
	ret = ogpu_wait32(odev, base, OGPU_MMU_TLBI, OGPU_MMU_TLBI_FULL, 0,
			  OGPU_V1_TLBI_TIMEOUT_MS);
	if (ret)
		return ret;

	if (start || end) {
		type = OGPU_MMU_TLBI_RANGE;
		ogpu_write_lohi(odev, base, OGPU_MMU_TLBI_START_LO, start);
		ogpu_write_lohi(odev, base, OGPU_MMU_TLBI_END_LO, end);
	} else if (asid) {
		type = OGPU_MMU_TLBI_AS;
	}
	ogpu_write32(odev, base, OGPU_MMU_TLBI,
		     FIELD_PREP(OGPU_MMU_TLBI_TYPE, type) | FIELD_PREP(OGPU_MMU_TLBI_ASID, asid));
	*number = ogpu_read32(odev, base, OGPU_MMU_TLBI_STARTED);

	return 0;
}

static int ogpu_v1_tlbi_look(struct ogpu_device *odev, u32 number)
{
	u32 state = ogpu_read32(odev, odev->disc.mmu_base, OGPU_MMU_TLBI);

	if (state == OGPU_REG_GONE)
		return ogpu_device_present(odev) ? -EAGAIN : -ENODEV;
	/* After a reset the counts begin anew, but then nothing is under way. */
	if (!(state & OGPU_MMU_TLBI_BUSY))
		return 0;

	return (s32)(ogpu_read32(odev, odev->disc.mmu_base, OGPU_MMU_TLBI_DONE) - number) < 0 ?
	       -EAGAIN : 0;
}

static int ogpu_v1_tlbi_wait(struct ogpu_device *odev, u32 number)
{
	int err, ret;

	ret = read_poll_timeout(ogpu_v1_tlbi_look, err, err != -EAGAIN, OGPU_V1_TLBI_POLL_US,
				OGPU_V1_TLBI_TIMEOUT_MS * USEC_PER_MSEC, false, odev, number);

	return ret ?: err;
}

static void ogpu_v1_doorbell(struct ogpu_device *odev, u32 queue, u64 wptr)
{
	writeq(wptr, odev->doorbells + (size_t)queue * odev->disc.doorbell_stride +
		     OGPU_DOORBELL_WPTR);
}

/* Not those that reading changes, or that anybody may write. */
static void ogpu_v1_print(struct ogpu_device *odev, struct drm_printer *p)
{
	const struct ogpu_disc *disc = &odev->disc;
	const struct {
		const char *name;
		u32 offset;
	} regs[] = {
		{ "glb.magic", OGPU_GLB_MAGIC },
		{ "glb.contract", OGPU_GLB_CONTRACT },
		{ "glb.status", OGPU_GLB_STATUS },
		{ "glb.reset", OGPU_GLB_RESET },
		{ "boot.status", disc->boot_base + OGPU_BOOT_STATUS },
		{ "boot.svn", disc->boot_base + OGPU_BOOT_SVN },
		{ "boot.heartbeat", disc->boot_base + OGPU_BOOT_HEARTBEAT },
		{ "boot.mc_fatal", disc->boot_base + OGPU_BOOT_MC_FATAL },
		{ "boot.mc_pc", disc->boot_base + OGPU_BOOT_MC_PC },
		{ "boot.image_svn", disc->boot_base + OGPU_BOOT_IMAGE_SVN },
		{ "mbox.addr_lo", disc->mbox_base + OGPU_MBOX_ADDR_LO },
		{ "mbox.addr_hi", disc->mbox_base + OGPU_MBOX_ADDR_HI },
		{ "mbox.size", disc->mbox_base + OGPU_MBOX_SIZE },
		{ "event.entries", disc->event_base + OGPU_EVENT_ENTRIES },
		{ "event.rptr", disc->event_base + OGPU_EVENT_RPTR },
		{ "event.wptr", disc->event_base + OGPU_EVENT_WPTR },
		{ "event.dropped", disc->event_base + OGPU_EVENT_DROPPED },
		{ "signal.entries", disc->event_base + OGPU_SIGNAL_ENTRIES },
		{ "signal.wptr", disc->event_base + OGPU_SIGNAL_WPTR },
		{ "mmu.as_addr_lo", disc->mmu_base + OGPU_MMU_AS_ADDR_LO },
		{ "mmu.as_addr_hi", disc->mmu_base + OGPU_MMU_AS_ADDR_HI },
		{ "mmu.as_count", disc->mmu_base + OGPU_MMU_AS_COUNT },
		{ "mmu.tlbi", disc->mmu_base + OGPU_MMU_TLBI },
		{ "mmu.tlbi_started", disc->mmu_base + OGPU_MMU_TLBI_STARTED },
		{ "mmu.tlbi_done", disc->mmu_base + OGPU_MMU_TLBI_DONE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		drm_printf(p, "%s: %#x\n", regs[i].name, readl(odev->regs + regs[i].offset));
}

const struct ogpu_chip_ops ogpu_chip_v1 = {
	.quiesce = ogpu_v1_quiesce,
	.time_ns = ogpu_v1_time_ns,
	.boot_svn = ogpu_v1_boot_svn,
	.boot_start = ogpu_v1_boot_start,
	.boot_verdict = ogpu_v1_boot_verdict,
	.boot_image = ogpu_v1_boot_image,
	.mc_crash = ogpu_v1_mc_crash,
	.mc_heartbeat = ogpu_v1_mc_heartbeat,
	.mbox_set = ogpu_v1_mbox_set,
	.mbox_bell = ogpu_v1_mbox_bell,
	.event_set = ogpu_v1_event_set,
	.event_taken = ogpu_v1_event_taken,
	.event_dropped = ogpu_v1_event_dropped,
	.signal_set = ogpu_v1_signal_set,
	.signal_arm = ogpu_v1_signal_arm,
	.as_set = ogpu_v1_as_set,
	.tlbi_start = ogpu_v1_tlbi_start,
	.tlbi_wait = ogpu_v1_tlbi_wait,
	.print = ogpu_v1_print,
	.doorbell = ogpu_v1_doorbell,
};
