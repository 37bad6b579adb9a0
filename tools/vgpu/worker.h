/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The helper thread: register commands that take longer than the vfio-user thread may block.
 */
#ifndef OGPU_VGPU_WORKER_H
#define OGPU_VGPU_WORKER_H

#include <stdbool.h>

struct vgpu;
struct worker;

enum worker_job {
	WORKER_RESET_COMPUTE,
	WORKER_RESET_MC,
	WORKER_TRIP,
	WORKER_BOOT,
	WORKER_TLB,
	WORKER_JOBS
};

struct worker *worker_create(struct vgpu *gpu);
void worker_destroy(struct worker *worker);
void worker_post(struct worker *worker, enum worker_job job);
bool worker_busy(struct worker *worker, enum worker_job job);
void worker_cancel(struct worker *worker);

#endif
