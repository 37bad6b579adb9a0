// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DRM_IOCTL_OGPU_QUERY: facts about card, firmware, memory and clocks.
 */
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_device.h>
#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "ogpu_boot.h"
#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_query.h"
#include "ogpu_svm.h"
#include "ogpu_svm_vram.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"

/* Largest size that user space may name. */
#define OGPU_QUERY_MAX_SIZE	4096u

static int ogpu_query_device(struct ogpu_device *odev, void *data)
{
	const struct ogpu_disc *disc = &odev->disc;
	struct drm_ogpu_query_device *out = data;
	struct ogpu_fw_info info;
	u32 queues;
	int ret;

	ret = ogpu_boot_get_info(odev, &info);
	if (ret)
		return -ENODEV;

	out->generation = disc->generation;
	out->board_id = disc->board_id;
	out->hw_rev = disc->hw_rev;
	out->cu_count = disc->cu_count;
	out->lanes = disc->lanes;
	out->max_workgroup = disc->max_workgroup;
	out->local_bytes = disc->local_bytes;
	out->private_bytes = disc->private_bytes;
	out->clock_khz = disc->clock_khz;
	out->copy_engines = disc->copy_engines;
	/* One is the kernel's. */
	queues = min(disc->doorbells, info.max_queues);
	out->max_queues = queues - min(queues, OGPU_COPY_QUEUES);
	out->va_bits = disc->va_bits;
	/* Bits that we do not use are not promised to anybody. */
	out->page_sizes = disc->page_sizes & (OGPU_PAGE_4K | OGPU_PAGE_64K | OGPU_PAGE_2M);
	memcpy(out->uuid, disc->uuid, sizeof(out->uuid));
	strscpy(out->name, disc->name, sizeof(out->name));
	out->resident_groups = disc->resident_groups;
	out->resident_waves = disc->resident_waves;
	out->resident_local = disc->resident_local;
	out->save_wave_bytes = disc->save_wave_bytes;
	out->quantum_us = disc->quantum_us;
	out->starve_ms = disc->starve_ms;
	out->preempt_ms = disc->preempt_ms;
	out->max_job_ms = ogpu_device_job_ms(odev);
	strscpy(out->isa, disc->isa, sizeof(out->isa));
	out->flags = odev->system_atomics ? DRM_OGPU_DEVICE_SYSTEM_ATOMICS : 0;
	if (ogpu_svm_is_supported(odev))
		out->flags |= DRM_OGPU_DEVICE_SVM;
	if (ogpu_svm_vram_is_supported(odev))
		out->flags |= DRM_OGPU_DEVICE_SVM_VRAM;
	if (ogpu_userptr_is_supported(odev))
		out->flags |= DRM_OGPU_DEVICE_USERPTR;

	return 0;
}

static int ogpu_query_firmware(struct ogpu_device *odev, void *data)
{
	struct drm_ogpu_query_firmware *out = data;
	struct ogpu_fw_info info;
	int ret, i;

	ret = ogpu_boot_get_info(odev, &info);
	if (ret)
		return -ENODEV;

	for (i = 0; i < 4; i++)
		out->version[i] = info.version[i];
	out->abi = info.abi;
	out->svn = info.svn;
	out->features = info.features;
	strscpy(out->build_id, info.build_id, sizeof(out->build_id));

	return 0;
}

static int ogpu_query_memory(struct ogpu_device *odev, void *data)
{
	ogpu_mem_get_stats(odev, data);

	return 0;
}

static int ogpu_query_time(struct ogpu_device *odev, void *data)
{
	struct drm_ogpu_query_time *out = data;
	u64 cpu_ns[2];
	int ret;

	ret = ogpu_device_read_time(odev, &out->gpu_ns, cpu_ns);
	if (ret)
		return ret;
	out->cpu_ns = cpu_ns[0];
	out->uncertainty_ns = cpu_ns[1] - cpu_ns[0];

	return 0;
}

/* What can be asked for, by enum drm_ogpu_query_type. */
static const struct {
	u32 size;
	int (*fill)(struct ogpu_device *odev, void *data);
} ogpu_queries[] = {
	[DRM_OGPU_QUERY_DEVICE] = { sizeof(struct drm_ogpu_query_device), ogpu_query_device },
	[DRM_OGPU_QUERY_FIRMWARE] = { sizeof(struct drm_ogpu_query_firmware), ogpu_query_firmware },
	[DRM_OGPU_QUERY_MEMORY] = { sizeof(struct drm_ogpu_query_memory), ogpu_query_memory },
	[DRM_OGPU_QUERY_TIME] = { sizeof(struct drm_ogpu_query_time), ogpu_query_time },
};

/**
 * ogpu_ioctl_query() - DRM_IOCTL_OGPU_QUERY
 * @drm: the card
 * @data: &struct drm_ogpu_query
 * @file: unused
 *
 * Return: 0, -EINVAL, -EFAULT, or -ENODEV if the card is being reset.
 */
int ogpu_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	union {
		struct drm_ogpu_query_device device;
		struct drm_ogpu_query_firmware firmware;
		struct drm_ogpu_query_memory memory;
		struct drm_ogpu_query_time time;
	} answer = {};
	struct drm_ogpu_query *query = data;
	void __user *to = u64_to_user_ptr(query->pointer);
	struct ogpu_device *odev = to_ogpu_device(drm);
	int idx, ret;
	u32 size;

	if (query->type >= ARRAY_SIZE(ogpu_queries) || query->size > OGPU_QUERY_MAX_SIZE)
		return -EINVAL;

	size = ogpu_queries[query->type].size;
	if (!query->size) {
		query->size = size;
		return 0;
	}

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	ret = ogpu_queries[query->type].fill(odev, &answer);
	ogpu_device_exit(odev, idx);
	if (ret)
		return ret;

	size = min(size, query->size);
	if (copy_to_user(to, &answer, size) || clear_user(to + size, query->size - size))
		return -EFAULT;
	query->size = size;

	return 0;
}
