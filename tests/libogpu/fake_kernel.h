/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the fake driver was asked to do, and how it shall fail. */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <ogpu.h>
#include <stdio.h>

#define FAKE_MAX_BINDS	4096

struct fake_kernel {
	int file;		/* memory of all buffers */
	uint64_t file_size;
	uint32_t bos, live_bos;
	uint64_t bo_offset[4096];
	struct drm_ogpu_bind_op bind[FAKE_MAX_BINDS];
	uint32_t binds;
	struct drm_ogpu_sync bind_sync;	/* first one of the last bind */
	struct drm_ogpu_queue_create queue;	/* last one */
	struct drm_ogpu_job job;	/* last one */
	uint32_t jobs;		/* of the last submit */
	struct drm_ogpu_queue_get_state state;	/* what a queue tells */
	bool listed;		/* there are two cards */
	struct drm_ogpu_sync syncs[DRM_OGPU_MAX_SYNCS];
	uint32_t submits;
	uint64_t number;	/* of the last job, also of those that nobody submitted here */
	struct drm_ogpu_wait_fence wait;	/* first one of the last wait */
	uint32_t waits, states;	/* calls of WAIT and of QUEUE_GET_STATE */
	int wait_error;		/* what WAIT answers */
	uint32_t killed;	/* last queue */
	uint32_t labelled;	/* last buffer */
	char label[32];
	struct drm_ogpu_bo_madvise advice;	/* last one */
	bool purged;		/* what it answers */
	struct drm_ogpu_bo_prefetch prefetch;	/* last one */
	bool fail_bo, fail_bind, fail_queue, fail_submit;
	bool no_libraries;	/* dlopen() finds none */
	const char *driver;	/* name it answers, NULL: ogpu */
	int major;
};

extern struct fake_kernel fake;

void fake_reset(void);
const char *fake_node(void);

#endif
