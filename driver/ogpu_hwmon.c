// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sensors of the card, for hwmon: two temperatures, power and its cap, energy, fan, two clocks.
 *
 * They are measured by firmware, and asked for with one message. The answer is kept for 100 ms, so
 * that a program that reads all attributes sends one message and sees values that belong together.
 * So is an error: everybody may read them, and firmware has others to serve.
 */
#include <linux/hwmon.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "abi/mbox.h"
#include "ogpu_device.h"
#include "ogpu_hwmon.h"
#include "ogpu_mbox.h"

#define OGPU_HWMON_CACHE_MS	100

/**
 * struct ogpu_hwmon - sensors of a card
 */
struct ogpu_hwmon {
	/** @dev: the hwmon device or NULL */
	struct device *dev;
	/** @lock: protects what follows */
	struct mutex lock;
	/** @sensors: as last told by firmware, unless @error */
	struct ogpu_msg_sensors sensors;
	/** @error: what came of asking, 0 or an errno */
	int error;
	/** @read_at: when that was, jiffies */
	unsigned long read_at;
	/** @generation: of the card that was asked */
	u32 generation;
	/** @valid: firmware was asked, and not told to change anything since */
	bool valid;
};

static bool ogpu_hwmon_must_ask(const struct ogpu_hwmon *hwmon, u32 generation)
{
	return !hwmon->valid || hwmon->generation != generation ||
	       time_after(jiffies, hwmon->read_at + msecs_to_jiffies(OGPU_HWMON_CACHE_MS));
}

static void ogpu_hwmon_asked(struct ogpu_hwmon *hwmon, u32 generation, int error)
{
	hwmon->error = error;
	/* Without firmware nobody was asked. */
	hwmon->valid = error != -ENODEV;
	hwmon->generation = generation;
	hwmon->read_at = jiffies;
}

static int ogpu_hwmon_update(struct ogpu_device *odev, struct ogpu_msg_sensors *sensors)
{
	u32 generation = READ_ONCE(odev->generation);
	struct ogpu_hwmon *hwmon = odev->hwmon;
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	mutex_lock(&hwmon->lock);
	if (ogpu_hwmon_must_ask(hwmon, generation)) {
		ret = ogpu_mbox_request(odev, OGPU_MSG_SENSORS, NULL, 0, &hwmon->sensors,
					sizeof(hwmon->sensors));
		ogpu_hwmon_asked(hwmon, generation, ret);
	}
	ret = hwmon->error;
	if (!ret)
		*sensors = hwmon->sensors;
	mutex_unlock(&hwmon->lock);
	ogpu_device_exit(odev, idx);

	return ret;
}

/**
 * ogpu_hwmon_get_throttle() - why compute units run slower than they were asked to
 * @odev: the card
 * @throttle: filled with OGPU_THROTTLE_*, at most 100 ms old
 *
 * Sleeps.
 *
 * Return: 0, -ENODEV without firmware, or another errno of ogpu_mbox_request().
 */
int ogpu_hwmon_get_throttle(struct ogpu_device *odev, u32 *throttle)
{
	struct ogpu_msg_sensors sensors;
	int ret;

	ret = ogpu_hwmon_update(odev, &sensors);
	if (!ret)
		*throttle = le32_to_cpu(sensors.throttle);

	return ret;
}

static umode_t ogpu_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	const struct ogpu_device *odev = data;

	if (type != hwmon_power || attr == hwmon_power_average || attr == hwmon_power_input)
		return 0444;
	if (!odev->disc.cap_max_uw)
		return 0;

	return attr == hwmon_power_cap ? 0644 : 0444;
}

static int ogpu_hwmon_read_power(struct ogpu_device *odev, u32 attr,
				 const struct ogpu_msg_sensors *sensors, long *val)
{
	switch (attr) {
	case hwmon_power_cap:
		*val = le32_to_cpu(sensors->power_cap_uw);
		return 0;
	case hwmon_power_cap_min:
		*val = odev->disc.cap_min_uw;
		return 0;
	case hwmon_power_cap_max:
		*val = odev->disc.cap_max_uw;
		return 0;
	default:
		*val = le32_to_cpu(sensors->power_uw);
		return 0;
	}
}

static int ogpu_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			   int channel, long *val)
{
	struct ogpu_msg_sensors sensors;
	int ret;

	ret = ogpu_hwmon_update(dev_get_drvdata(dev), &sensors);
	if (ret)
		return ret;

	switch (type) {
	case hwmon_temp:
		*val = (s32)le32_to_cpu(channel ? sensors.mem_temp_mdeg : sensors.temp_mdeg);
		return 0;
	case hwmon_power:
		return ogpu_hwmon_read_power(dev_get_drvdata(dev), attr, &sensors, val);
	case hwmon_energy:
		*val = le64_to_cpu(sensors.energy_uj);
		return 0;
	case hwmon_fan:
		*val = le32_to_cpu(sensors.fan_rpm);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int ogpu_hwmon_write(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			    int channel, long val)
{
	struct ogpu_device *odev = dev_get_drvdata(dev);
	struct ogpu_msg_power_cap cap = {
		.cap_uw = cpu_to_le32(clamp_val(val, odev->disc.cap_min_uw,
						odev->disc.cap_max_uw)),
	};
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;

	mutex_lock(&odev->hwmon->lock);
	ret = ogpu_mbox_request(odev, OGPU_MSG_POWER_CAP, &cap, sizeof(cap), NULL, 0);
	odev->hwmon->valid = false;
	mutex_unlock(&odev->hwmon->lock);
	ogpu_device_exit(odev, idx);

	return ret;
}

static int ogpu_hwmon_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
				  int channel, const char **str)
{
	*str = channel ? "mem" : "gpu";

	return 0;
}

static const struct hwmon_ops ogpu_hwmon_ops = {
	.is_visible = ogpu_hwmon_is_visible,
	.read = ogpu_hwmon_read,
	.write = ogpu_hwmon_write,
	.read_string = ogpu_hwmon_read_string,
};

static const struct hwmon_channel_info * const ogpu_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_LABEL, HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE | HWMON_P_INPUT | HWMON_P_CAP |
				  HWMON_P_CAP_MIN | HWMON_P_CAP_MAX),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	HWMON_CHANNEL_INFO(fan, HWMON_F_INPUT),
	NULL
};

static const struct hwmon_chip_info ogpu_hwmon_chip = {
	.ops = &ogpu_hwmon_ops,
	.info = ogpu_hwmon_channels,
};

/* hwmon has no type for clocks; the ABI document names these attributes. */
static ssize_t freq1_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_msg_sensors sensors;
	int ret;

	ret = ogpu_hwmon_update(dev_get_drvdata(dev), &sensors);
	if (ret)
		return ret;

	return sysfs_emit(buf, "%llu\n", le32_to_cpu(sensors.clock_khz) * 1000ull);
}
static DEVICE_ATTR_RO(freq1_input);

static ssize_t freq1_label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "compute\n");
}
static DEVICE_ATTR_RO(freq1_label);

static ssize_t freq2_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ogpu_msg_sensors sensors;
	int ret;

	ret = ogpu_hwmon_update(dev_get_drvdata(dev), &sensors);
	if (ret)
		return ret;

	return sysfs_emit(buf, "%llu\n", le32_to_cpu(sensors.mem_clock_khz) * 1000ull);
}
static DEVICE_ATTR_RO(freq2_input);

static ssize_t freq2_label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "mem\n");
}
static DEVICE_ATTR_RO(freq2_label);

static struct attribute *ogpu_hwmon_attrs[] = {
	&dev_attr_freq1_input.attr,
	&dev_attr_freq1_label.attr,
	&dev_attr_freq2_input.attr,
	&dev_attr_freq2_label.attr,
	NULL
};
ATTRIBUTE_GROUPS(ogpu_hwmon);

/**
 * ogpu_hwmon_register() - offer the sensors, once firmware runs
 * @odev: the card
 *
 * Under @odev->reset_lock. A card without sensors is still useful: failure is only logged.
 */
void ogpu_hwmon_register(struct ogpu_device *odev)
{
	struct device *dev;

	dev = hwmon_device_register_with_info(&odev->pdev->dev, "ogpu", odev, &ogpu_hwmon_chip,
					      ogpu_hwmon_groups);
	if (IS_ERR(dev)) {
		drm_warn(&odev->drm, "cannot offer sensors: %pe\n", dev);
		return;
	}
	odev->hwmon->dev = dev;
}

/**
 * ogpu_hwmon_unregister() - offer the sensors no more, at unbind
 * @odev: the card
 *
 * Waits for readers; not under locks that they need.
 */
void ogpu_hwmon_unregister(struct ogpu_device *odev)
{
	if (odev->hwmon->dev)
		hwmon_device_unregister(odev->hwmon->dev);
}

/**
 * ogpu_hwmon_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_hwmon_init(struct ogpu_device *odev)
{
	struct ogpu_hwmon *hwmon;

	hwmon = drmm_kzalloc(&odev->drm, sizeof(*hwmon), GFP_KERNEL);
	if (!hwmon)
		return -ENOMEM;

	odev->hwmon = hwmon;
	return drmm_mutex_init(&odev->drm, &hwmon->lock);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_hwmon_test.c"
#endif
