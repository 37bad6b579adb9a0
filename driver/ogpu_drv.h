/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The DRM driver: module parameters, what belongs to an open file, and the table of ioctls.
 *
 * The ioctl functions live in the files of their subject. The table in ogpu_drv.c calls each under
 * drm_dev_enter(), after it has checked that the card runs and that the file is not stale, so
 * that none has to do so itself.
 */
#ifndef _OGPU_DRV_H_
#define _OGPU_DRV_H_

#include <linux/types.h>
#include <linux/xarray.h>

#include <drm/drm_file.h>

#include "ogpu_device.h"

struct ogpu_pt_budget;
struct ogpu_queue_owner;
struct pci_driver;

/* Module parameters. */
extern unsigned int ogpu_job_timeout_ms; /* default and limit of a job's run time */
extern unsigned int ogpu_fw_timeout_ms; /* limit of each step of the firmware's start */

/**
 * struct ogpu_file - one open file of the render node
 */
struct ogpu_file {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @generation: of the card when the file was opened; another one now: file is stale */
	u32 generation;
	/** @vms: &struct ogpu_vm by uapi id (XA_FLAGS_ALLOC1) */
	struct xarray vms;
	/** @pt_budget: what page tables of its address spaces may take; referenced */
	struct ogpu_pt_budget *pt_budget;
	/** @queues: &struct ogpu_queue by uapi id (XA_FLAGS_ALLOC1) */
	struct xarray queues;
	/** @queue_owner: what they have in common; referenced */
	struct ogpu_queue_owner *queue_owner;
};

static inline struct ogpu_file *to_ogpu_file(struct drm_file *file)
{
	return file->driver_priv;
}

extern const struct drm_driver ogpu_drm_driver;
extern struct pci_driver ogpu_pci_driver;

/* ogpu_fdinfo.c */
void ogpu_fdinfo_show(struct drm_printer *p, struct drm_file *file);

/* ogpu_query.c */
int ogpu_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);

/* ogpu_bo.c */
int ogpu_bo_prime_export(struct drm_device *drm, struct drm_file *file, u32 handle, u32 flags,
			 int *fd);
int ogpu_bo_prime_import(struct drm_device *drm, struct drm_file *file, int fd, u32 *handle);
int ogpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file);

/* ogpu_vm.c, ogpu_bind.c */
int ogpu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_vm_get_faults(struct drm_device *drm, void *data, struct drm_file *file);

/* ogpu_queue_file.c, ogpu_submit.c */
int ogpu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif
