/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What belongs to an open file of the render node. Each part knows its own members alone.
 */
#ifndef _OGPU_FILE_H_
#define _OGPU_FILE_H_

#include <linux/types.h>
#include <linux/xarray.h>

#include <drm/drm_file.h>

#include "ogpu_device.h"

struct ogpu_mem_client;
struct ogpu_queue_file;
struct ogpu_vm_owner;

/**
 * struct ogpu_file - one open file of the render node
 */
struct ogpu_file {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @generation: of the card when the file was opened; another one now: file is stale */
	u32 generation;
	/** @mem_client: what its buffers take; referenced */
	struct ogpu_mem_client *mem_client;
	/** @vms: &struct ogpu_vm by uapi id (XA_FLAGS_ALLOC1, charged) */
	struct xarray vms;
	/** @vm_owner: who opened it: what their address spaces may take; referenced */
	struct ogpu_vm_owner *vm_owner;
	/** @queues: &struct ogpu_queue by uapi id (XA_FLAGS_ALLOC1, charged) */
	struct xarray queues;
	/** @queue_file: what they have in common; referenced */
	struct ogpu_queue_file *queue_file;
};

static inline struct ogpu_file *to_ogpu_file(struct drm_file *file)
{
	return file->driver_priv;
}

static inline bool ogpu_file_is_stale(const struct ogpu_file *ofile)
{
	return ofile->generation != READ_ONCE(ofile->odev->generation);
}

#endif
