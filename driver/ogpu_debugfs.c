// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Files in debugfs, for developers; their format may change at any time.
 *
 * state		life of the card, mailbox, event ring
 * firmware_log		what firmware wrote into its log
 * memory		VRAM and system memory in use
 * buffers		all buffers of each client
 * mappings		address spaces of each client, and what is mapped where
 * queues		all queues and what they do
 */
#include <drm/drm_debugfs.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "ogpu_bo.h"
#include "ogpu_debugfs.h"
#include "ogpu_device.h"
#include "ogpu_event.h"
#include "ogpu_mbox.h"
#include "ogpu_queue.h"
#include "ogpu_ras.h"
#include "ogpu_reset.h"
#include "ogpu_signal.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

static void ogpu_debugfs_print_state(struct ogpu_device *odev, struct drm_printer *p)
{
	drm_printf(p, "state: %s\n", ogpu_state_name(READ_ONCE(odev->state)));
	drm_printf(p, "generation: %u, resets: %u\n", READ_ONCE(odev->generation),
		   ogpu_reset_count(odev));
	ogpu_mbox_print_state(odev, p);
	ogpu_event_print_state(odev, p);
	ogpu_signal_print(odev, p);
	ogpu_ras_print(odev, p);
}

static int ogpu_debugfs_show(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct ogpu_device *odev = to_ogpu_device(entry->dev);
	struct drm_printer p = drm_seq_file_printer(m);
	void (*print)(struct ogpu_device *odev, struct drm_printer *p) = entry->file.data;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	print(odev, &p);
	ogpu_device_exit(odev, idx);

	return 0;
}

/**
 * ogpu_debugfs_init() - make the files; called when the DRM device is registered
 * @minor: the minor whose folder they go to
 */
void ogpu_debugfs_init(struct drm_minor *minor)
{
	struct drm_device *drm = minor->dev;

	drm_debugfs_add_file(drm, "state", ogpu_debugfs_show, ogpu_debugfs_print_state);
	drm_debugfs_add_file(drm, "firmware_log", ogpu_debugfs_show, ogpu_mbox_print_log);
	drm_debugfs_add_file(drm, "memory", ogpu_debugfs_show, ogpu_mem_print);
	drm_debugfs_add_file(drm, "buffers", ogpu_debugfs_show, ogpu_bo_print_all);
	drm_debugfs_add_file(drm, "mappings", ogpu_debugfs_show, ogpu_vm_print_all);
	drm_debugfs_add_file(drm, "queues", ogpu_debugfs_show, ogpu_queue_mgr_print);
}
