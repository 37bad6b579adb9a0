// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DRM driver: open files, ioctls.
 */
#include <linux/compat.h>
#include <linux/fs.h>
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
#include "ogpu_queue_mmap.h"
#include "ogpu_share.h"
#include "ogpu_submit.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"
#include "ogpu_wait.h"

static int ogpu_open(struct drm_device *drm, struct drm_file *file)
{
	struct ogpu_device *odev = to_ogpu_device(drm);
	struct ogpu_file *ofile;
	int ret;

	ofile = kzalloc_obj(*ofile, GFP_KERNEL_ACCOUNT);
	if (!ofile)
		return -ENOMEM;

	ofile->odev = odev;
	ofile->generation = READ_ONCE(odev->generation);
	ofile->mem_client = ogpu_mem_client_create();
	if (!ofile->mem_client) {
		ret = -ENOMEM;
		goto err_free;
	}
	ret = ogpu_vm_file_open(ofile);
	if (ret)
		goto err_client;
	xa_init_flags(&ofile->vms, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	ret = ogpu_queue_file_open(ofile);
	if (ret)
		goto err_vm;
	file->driver_priv = ofile;

	return 0;

err_vm:
	ogpu_vm_file_close(ofile);
err_client:
	ogpu_mem_client_put(ofile->mem_client);
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
	ogpu_mem_client_put(ofile->mem_client);
	kfree(ofile);
}

/* May this file use the card now? The errors are part of the uapi. */
static int ogpu_file_check(struct ogpu_file *ofile)
{
	struct ogpu_device *odev = ofile->odev;

	switch (READ_ONCE(odev->state)) {
	case OGPU_STATE_RUNNING:
		return ogpu_file_is_stale(ofile) ? -ENODEV : 0;
	case OGPU_STATE_WEDGED:
		return -EIO;
	default:
		return -ENODEV;
	}
}

/* The driver's, and the core's by which buffers leave and enter files. */
static bool ogpu_ioctl_is_ours(unsigned int cmd)
{
	return (_IOC_NR(cmd) >= DRM_COMMAND_BASE && _IOC_NR(cmd) < DRM_COMMAND_END) ||
	       _IOC_NR(cmd) == _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD) ||
	       _IOC_NR(cmd) == _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE);
}

/* The core's, by which a buffer gets to another file without being handed over. */
static bool ogpu_ioctl_is_name(unsigned int cmd)
{
	return _IOC_NR(cmd) == _IOC_NR(DRM_IOCTL_GEM_FLINK) ||
	       _IOC_NR(cmd) == _IOC_NR(DRM_IOCTL_GEM_OPEN);
}

/*
 * All ioctls go through here. Recovery of the card may begin while one of the driver's runs: it
 * then finds its queues dead and the mailbox stopped.
 */
static long ogpu_drm_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct ogpu_file *ofile = to_ogpu_file(filp->private_data);
	long ret;

	/* Names of buffers are for everybody to guess. */
	if (ogpu_ioctl_is_name(cmd))
		return -EOPNOTSUPP;

	/* GET_STATE also says what became of queues when the card was lost. */
	if (!ogpu_ioctl_is_ours(cmd) ||
	    _IOC_NR(cmd) == DRM_COMMAND_BASE + DRM_OGPU_QUEUE_GET_STATE)
		return drm_ioctl(filp, cmd, arg);

	ret = ogpu_file_check(ofile);

	return ret ?: drm_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
/* Their structures are the same for programs of 32 bits. */
static long ogpu_drm_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (!ogpu_ioctl_is_ours(cmd) && !ogpu_ioctl_is_name(cmd))
		return drm_compat_ioctl(filp, cmd, arg);

	return ogpu_drm_ioctl(filp, cmd, (unsigned long)compat_ptr(arg));
}
#else
#define ogpu_drm_compat_ioctl	NULL
#endif

/*
 * Most ioctls are in ogpu_device_enter() from where their arguments are there to where they are
 * handed back: memory of user space may be somebody's who does not answer.
 */
static int ogpu_ioctl_enter(drm_ioctl_t *func, struct drm_device *drm, void *data,
			    struct drm_file *file)
{
	struct ogpu_device *odev = to_ogpu_device(drm);
	int idx, ret;

	if (!ogpu_device_enter(odev, &idx))
		return -ENODEV;
	ret = func(drm, data, file);
	ogpu_device_exit(odev, idx);

	return ret;
}

#define OGPU_IOCTL_ENTERED(name)							\
	static int ogpu_entered_##name(struct drm_device *drm, void *data,		\
				       struct drm_file *file)				\
	{										\
		return ogpu_ioctl_enter(ogpu_ioctl_##name, drm, data, file);		\
	}

OGPU_IOCTL_ENTERED(bo_create)
OGPU_IOCTL_ENTERED(bo_mmap_offset)
OGPU_IOCTL_ENTERED(bo_info)
OGPU_IOCTL_ENTERED(bo_set_label)
OGPU_IOCTL_ENTERED(bo_madvise)
OGPU_IOCTL_ENTERED(bo_prefetch)
OGPU_IOCTL_ENTERED(vm_create)
OGPU_IOCTL_ENTERED(vm_destroy)
OGPU_IOCTL_ENTERED(queue_create)
OGPU_IOCTL_ENTERED(queue_destroy)
OGPU_IOCTL_ENTERED(queue_kill)
OGPU_IOCTL_ENTERED(queue_eventfd)

/* Those that copy more from user space, or wait for others, enter while they use the card. */
static const struct drm_ioctl_desc ogpu_ioctls[] = {
	DRM_IOCTL_DEF_DRV(OGPU_QUERY, ogpu_ioctl_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_CREATE, ogpu_entered_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_MMAP_OFFSET, ogpu_entered_bo_mmap_offset, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_INFO, ogpu_entered_bo_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_SET_LABEL, ogpu_entered_bo_set_label, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_CREATE, ogpu_entered_vm_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_DESTROY, ogpu_entered_vm_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_BIND, ogpu_ioctl_vm_bind, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_VM_GET_FAULTS, ogpu_ioctl_vm_get_faults, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_CREATE, ogpu_entered_queue_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_DESTROY, ogpu_entered_queue_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_GET_STATE, ogpu_ioctl_queue_get_state, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_SUBMIT, ogpu_ioctl_submit, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_KILL, ogpu_entered_queue_kill, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_WAIT, ogpu_ioctl_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_QUEUE_EVENTFD, ogpu_entered_queue_eventfd, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_MADVISE, ogpu_entered_bo_madvise, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(OGPU_BO_PREFETCH, ogpu_entered_bo_prefetch, DRM_RENDER_ALLOW),
};

/* Pages of queues are not buffers. */
static int ogpu_mmap(struct file *filp, struct vm_area_struct *vma)
{
	return ogpu_queue_owns_mmap(vma) ? ogpu_queue_mmap(filp, vma) : drm_gem_mmap(filp, vma);
}

static const struct file_operations ogpu_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = ogpu_drm_ioctl,
	.compat_ioctl = ogpu_drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = ogpu_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
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
	.prime_handle_to_fd = ogpu_share_handle_to_fd,
	.gem_prime_import = ogpu_share_import,
	.show_fdinfo = ogpu_fdinfo_show,
	.debugfs_init = ogpu_debugfs_init,
	.name = "ogpu",
	.desc = "OGPU compute accelerator",
	.major = DRM_OGPU_VERSION_MAJOR,
	.minor = DRM_OGPU_VERSION_MINOR,
};
