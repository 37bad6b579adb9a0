// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DRM driver: open files, ioctls.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "ogpu_bind.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_debugfs.h"
#include "ogpu_device.h"
#include "ogpu_drv.h"
#include "ogpu_fdinfo.h"
#include "ogpu_file.h"
#include "ogpu_query.h"
#include "ogpu_queue_file.h"
#include "ogpu_submit.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"
#include "ogpu_wait.h"

static int ogpu_open(struct drm_device *drm, struct drm_file *file)
{
	struct ogpu_device *odev = to_ogpu_device(drm);
	struct ogpu_file *ofile;
	int ret;

	ofile = kzalloc_obj(*ofile, GFP_KERNEL);
	if (!ofile)
		return -ENOMEM;

	ofile->odev = odev;
	ofile->generation = READ_ONCE(odev->generation);
	ret = ogpu_vm_file_open(ofile);
	if (ret)
		goto err_free;
	xa_init_flags(&ofile->vms, XA_FLAGS_ALLOC1);
	ret = ogpu_queue_file_open(ofile);
	if (ret)
		goto err_vm;
	file->driver_priv = ofile;

	return 0;

err_vm:
	ogpu_vm_file_close(ofile);
err_free:
	kfree(ofile);
	return ret;
}

static void ogpu_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct ogpu_file *ofile = to_ogpu_file(file);

	/* Queues first: they use address spaces. */
	ogpu_queue_file_close(ofile);
	ogpu_vm_file_close(ofile);
	xa_destroy(&ofile->vms);
	kfree(ofile);
}

/* May this file use the card now? The errors are part of the uapi. */
static int ogpu_file_check(struct ogpu_file *ofile)
{
	struct ogpu_device *odev = ofile->odev;

	switch (READ_ONCE(odev->state)) {
	case OGPU_STATE_RUNNING:
		return ofile->generation == READ_ONCE(odev->generation) ? 0 : -ENODEV;
	case OGPU_STATE_WEDGED:
		return -EIO;
	default:
		return -ENODEV;
	}
}

/*
 * All ioctls of the driver go through here. Recovery of the card may begin while one runs: it then
 * finds its queues dead and the mailbox stopped.
 */
static int ogpu_ioctl_guarded(struct drm_device *drm, void *data, struct drm_file *file,
			      drm_ioctl_t *func)
{
	int idx, ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	ret = ogpu_file_check(to_ogpu_file(file));
	if (!ret)
		ret = func(drm, data, file);
	drm_dev_exit(idx);

	return ret;
}

#define OGPU_GUARD(name) \
static int ogpu_guarded_##name(struct drm_device *drm, void *data, struct drm_file *file) \
{ \
	return ogpu_ioctl_guarded(drm, data, file, ogpu_ioctl_##name); \
}

/* Like the others, but for functions that may sleep for long and enter by themselves. */
static int ogpu_guarded_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	int ret = ogpu_file_check(to_ogpu_file(file));

	return ret ?: ogpu_ioctl_wait(drm, data, file);
}

OGPU_GUARD(query)
OGPU_GUARD(bo_create)
OGPU_GUARD(bo_mmap_offset)
OGPU_GUARD(bo_info)
OGPU_GUARD(bo_set_label)
OGPU_GUARD(vm_create)
OGPU_GUARD(vm_destroy)
OGPU_GUARD(vm_bind)
OGPU_GUARD(vm_get_faults)
OGPU_GUARD(queue_create)
OGPU_GUARD(queue_destroy)
OGPU_GUARD(queue_get_state)
OGPU_GUARD(queue_eventfd)
OGPU_GUARD(submit)

static const struct drm_ioctl_desc ogpu_ioctls[] = {
	DRM_IOCTL_DEF_DRV(OGPU_QUERY, ogpu_guarded_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_CREATE, ogpu_guarded_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_MMAP_OFFSET, ogpu_guarded_bo_mmap_offset, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_INFO, ogpu_guarded_bo_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_SET_LABEL, ogpu_guarded_bo_set_label, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_CREATE, ogpu_guarded_vm_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_DESTROY, ogpu_guarded_vm_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_BIND, ogpu_guarded_vm_bind, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_GET_FAULTS, ogpu_guarded_vm_get_faults, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_CREATE, ogpu_guarded_queue_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_DESTROY, ogpu_guarded_queue_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_GET_STATE, ogpu_guarded_queue_get_state, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_SUBMIT, ogpu_guarded_submit, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_WAIT, ogpu_guarded_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_EVENTFD, ogpu_guarded_queue_eventfd, DRM_RENDER_ALLOW),
};

static const struct file_operations ogpu_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

const struct drm_driver ogpu_drm_driver = {
	.driver_features = DRIVER_RENDER | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | DRIVER_GEM_GPUVA,
	.open = ogpu_open,
	.postclose = ogpu_postclose,
	.ioctls = ogpu_ioctls,
	.num_ioctls = ARRAY_SIZE(ogpu_ioctls),
	.fops = &ogpu_fops,
	.prime_handle_to_fd = ogpu_bo_prime_export,
	.prime_fd_to_handle = ogpu_bo_prime_import,
	.show_fdinfo = ogpu_fdinfo_show,
	.debugfs_init = ogpu_debugfs_init,
	.name = "ogpu",
	.desc = "OGPU compute accelerator",
	.major = DRM_OGPU_VERSION_MAJOR,
	.minor = DRM_OGPU_VERSION_MINOR,
};
