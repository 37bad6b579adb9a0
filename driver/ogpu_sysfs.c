// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What sysfs tells about a card, whatever its state.
 *
 * Attributes in /sys/bus/pci/devices/<address>/ while the driver is bound, of one line unless it
 * says so, read-only but for min_svn and firmware_kept. min_svn reads a register; throttle and ras
 * ask firmware, wait while it is being started, and fail with ENODEV if none runs; throttle fails
 * with EOPNOTSUPP in a kernel without hwmon; all others answer at once:
 *
 * state		awaiting-firmware, booting, running, resetting, wedged or gone; poll() waits
 *			for changes, which also make a uevent: OGPU_STATE=<state>
 * last_error		why the last upload or reset failed, in words; empty if all is well
 * firmware_error	what was wrong with the last image: none, format, component (does not fit
 *			memory), key (not trusted), revoked (key), signature, hash (of a
 *			component), board (PCI ID, board, revision), abi or svn
 * reset_count		resets since the driver was bound
 * board_id		maker's number of the board, hexadecimal
 * hw_rev		hardware revision, decimal
 * uuid			of the card
 * firmware_abi_range	versions of messages that the driver speaks, as in 2-3
 * driver_abi		what firmware images must support, see their driver ABI range
 * min_svn		lowest security version of firmware that the card accepts; root may write a
 *			higher one, up to that of the firmware that runs: there is no way back
 * recovery		a line for each step of recovery: "STEP tried N helped N event N ms N": how
 *			often since the driver was bound, why last, and how long that took
 * events		the last 5 events of the card and 14 of queues, oldest first, for root only:
 *			"SEQ S.US event N: TEXT; action: ACTION", with the time of CLOCK_MONOTONIC;
 *			SEQ counts from 1, a number that is missing was pushed out. poll() waits
 *			for more
 * memory_errors	errors of VRAM since the driver was bound: "corrected N uncorrected N"
 * bad_pages		pages of VRAM that are bad: "in_use N replaced N lost N"; those in use wait
 *			until they are free, lost ones had no spare page to replace them
 * ras			root only: errors since power-up, a line for each block of the card:
 *			"BLOCK corrected N uncorrected N deferred N address A", of the last one, or
 *			none; and "spares N": pages of VRAM that are left to replace bad ones
 * throttle		why compute units run slower than they should: thermal, power (the cap),
 *			brake (from outside), with spaces between; or none
 * firmware_kept	1: a card of this board that is bound starts with the image that ran on one
 *			last, without user space; root may write 0: it waits for an upload
 * firmware_version	major.minor.patch of the firmware that runs, empty if none does; likewise:
 * firmware_build_id	its build
 * firmware_abi		version of the messages that it and the driver use
 * firmware_svn		its security version
 * firmware_hash	SHA-256 of the signed part of its image, as the boot ROM computed it
 * firmware_key		first 8 bytes of SHA-256 of the public key that it is signed with
 */
#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>
#include <linux/sysfs.h>
#include <linux/uuid.h>

#include "abi/fw_image.h"
#include "abi/mbox.h"
#include "abi/mc.h"
#include "ogpu_boot.h"
#include "ogpu_device.h"
#include "ogpu_eventlog.h"
#include "ogpu_fw_store.h"
#include "ogpu_hwmon.h"
#include "ogpu_ladder.h"
#include "ogpu_ras.h"
#include "ogpu_reset.h"
#include "ogpu_sysfs.h"

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", ogpu_state_name(READ_ONCE(odev->state)));
}
static DEVICE_ATTR_RO(state);

static ssize_t last_error_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);
	char error[sizeof(odev->last_error)];

	ogpu_device_get_error(odev, error, sizeof(error));

	return sysfs_emit(buf, "%s\n", error);
}
static DEVICE_ATTR_RO(last_error);

static ssize_t firmware_error_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", READ_ONCE(odev->fw_refusal));
}
static DEVICE_ATTR_RO(firmware_error);

static ssize_t reset_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", ogpu_reset_count(dev_get_drvdata(dev)));
}
static DEVICE_ATTR_RO(reset_count);

static ssize_t recovery_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);
	struct ogpu_step_count count;
	enum ogpu_step step;
	int at = 0;

	for (step = 0; step < OGPU_STEPS; step++) {
		ogpu_report_get_step(odev, step, &count);
		at += sysfs_emit_at(buf, at, "%s tried %u helped %u event %u ms %u\n",
				    ogpu_ladder_name(step), count.tried, count.helped, count.event,
				    count.ms);
	}

	return at;
}
static DEVICE_ATTR_RO(recovery);

static ssize_t memory_errors_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_ras_counts counts;

	ogpu_ras_get_counts(dev_get_drvdata(dev), &counts);

	return sysfs_emit(buf, "corrected %llu uncorrected %llu\n", counts.corrected,
			  counts.uncorrected);
}
static DEVICE_ATTR_RO(memory_errors);

static ssize_t bad_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_ras_counts counts;

	ogpu_ras_get_counts(dev_get_drvdata(dev), &counts);

	return sysfs_emit(buf, "in_use %u replaced %u lost %u\n", counts.in_use, counts.replaced,
			  counts.lost);
}
static DEVICE_ATTR_RO(bad_pages);

/* For root: each read is some requests to firmware, which works for everybody. */
static ssize_t ras_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const char * const name[OGPU_RAS_BLOCKS] = {
		[OGPU_RAS_VRAM] = "vram",
		[OGPU_RAS_CACHE] = "cache",
		[OGPU_RAS_UNIT] = "units",
		[OGPU_RAS_MC] = "core",
		[OGPU_RAS_LINK] = "link",
	};
	struct ogpu_msg_ras ras;
	unsigned int block;
	int ret, at = 0;

	for (block = 0; block < OGPU_RAS_BLOCKS; block++) {
		ret = ogpu_ras_query(dev_get_drvdata(dev), block, &ras);
		if (ret)
			return ret;
		at += sysfs_emit_at(buf, at, "%s corrected %u uncorrected %u deferred %u address ",
				    name[block], le32_to_cpu(ras.corrected),
				    le32_to_cpu(ras.uncorrected), le32_to_cpu(ras.deferred));
		if (ras.corrected || ras.uncorrected || ras.deferred)
			at += sysfs_emit_at(buf, at, "%#llx\n", le64_to_cpu(ras.addr));
		else
			at += sysfs_emit_at(buf, at, "none\n");
	}

	return at + sysfs_emit_at(buf, at, "spares %u\n", le32_to_cpu(ras.spares));
}
static DEVICE_ATTR_ADMIN_RO(ras);

static ssize_t throttle_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const struct {
		u32 bit;
		const char *word;
	} why[] = {
		{ OGPU_THROTTLE_THERMAL, "thermal" },
		{ OGPU_THROTTLE_POWER, "power" },
		{ OGPU_THROTTLE_BRAKE, "brake" },
	};
	unsigned int i;
	u32 throttle;
	int ret, at = 0;

	ret = ogpu_hwmon_get_throttle(dev_get_drvdata(dev), &throttle);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(why); i++)
		if (throttle & why[i].bit)
			at += sysfs_emit_at(buf, at, "%s%s", at ? " " : "", why[i].word);

	return at + sysfs_emit_at(buf, at, "%s\n", at ? "" : "none");
}
static DEVICE_ATTR_RO(throttle);

static ssize_t board_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "0x%08x\n", odev->disc.board_id);
}
static DEVICE_ATTR_RO(board_id);

static ssize_t hw_rev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", odev->disc.hw_rev);
}
static DEVICE_ATTR_RO(hw_rev);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%pUb\n", odev->disc.uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t driver_abi_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", OGPU_DRIVER_ABI_VERSION);
}
static DEVICE_ATTR_RO(driver_abi);

static ssize_t firmware_abi_range_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u-%u\n", OGPU_FW_ABI_MIN, OGPU_FW_ABI_MAX);
}
static DEVICE_ATTR_RO(firmware_abi_range);

static ssize_t min_svn_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", ogpu_boot_fuse_svn(dev_get_drvdata(dev)));
}

static ssize_t min_svn_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	u32 svn;
	int ret;

	ret = kstrtou32(buf, 0, &svn);
	if (!ret)
		ret = ogpu_boot_commit_svn(dev_get_drvdata(dev), svn);

	return ret ?: count;
}
static DEVICE_ATTR_RW(min_svn);

static ssize_t firmware_kept_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", ogpu_fw_store_has(dev_get_drvdata(dev)));
}

static ssize_t firmware_kept_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	bool keep;
	int ret;

	ret = kstrtobool(buf, &keep);
	if (ret)
		return ret;
	/* Only an image that runs is kept. */
	if (keep)
		return -EINVAL;
	ogpu_fw_store_forget(dev_get_drvdata(dev));

	return count;
}
static DEVICE_ATTR_RW(firmware_kept);

static ssize_t firmware_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%u.%u.%u\n", info.version[0], info.version[1], info.version[2]);
}
static DEVICE_ATTR_RO(firmware_version);

static ssize_t firmware_build_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%*pE\n", (int)strlen(info.build_id), info.build_id);
}
static DEVICE_ATTR_RO(firmware_build_id);

static ssize_t firmware_abi_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%u\n", info.abi);
}
static DEVICE_ATTR_RO(firmware_abi);

static ssize_t firmware_svn_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%u\n", info.svn);
}
static DEVICE_ATTR_RO(firmware_svn);

static ssize_t firmware_hash_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%*phN\n", OGPU_FW_HASH_SIZE, info.hash);
}
static DEVICE_ATTR_RO(firmware_hash);

static ssize_t firmware_key_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_fw_info info;

	if (ogpu_boot_get_info(dev_get_drvdata(dev), &info))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%*phN\n", OGPU_FW_KEY_ID_SIZE, info.key_id);
}
static DEVICE_ATTR_RO(firmware_key);

static ssize_t events_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return ogpu_eventlog_emit(dev_get_drvdata(dev), buf);
}
static DEVICE_ATTR_ADMIN_RO(events);

static struct attribute *ogpu_sysfs_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_last_error.attr,
	&dev_attr_firmware_error.attr,
	&dev_attr_reset_count.attr,
	&dev_attr_recovery.attr,
	&dev_attr_events.attr,
	&dev_attr_memory_errors.attr,
	&dev_attr_bad_pages.attr,
	&dev_attr_ras.attr,
	&dev_attr_throttle.attr,
	&dev_attr_board_id.attr,
	&dev_attr_hw_rev.attr,
	&dev_attr_uuid.attr,
	&dev_attr_driver_abi.attr,
	&dev_attr_firmware_abi_range.attr,
	&dev_attr_min_svn.attr,
	&dev_attr_firmware_kept.attr,
	&dev_attr_firmware_version.attr,
	&dev_attr_firmware_build_id.attr,
	&dev_attr_firmware_abi.attr,
	&dev_attr_firmware_svn.attr,
	&dev_attr_firmware_hash.attr,
	&dev_attr_firmware_key.attr,
	NULL
};

static const struct attribute_group ogpu_sysfs_group = {
	.attrs = ogpu_sysfs_attrs,
};

const struct attribute_group *ogpu_sysfs_groups[] = {
	&ogpu_sysfs_group,
	NULL
};
