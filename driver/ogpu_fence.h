/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The one fence of a job: handed out by SUBMIT and VM_BIND, signalled when the job is done.
 */
#ifndef _OGPU_FENCE_H_
#define _OGPU_FENCE_H_

#include <linux/dma-fence.h>

struct dma_fence *ogpu_fence_alloc(void);
void ogpu_fence_init(struct dma_fence *fence, u64 context, u64 seqno);
void ogpu_fence_free_unused(struct dma_fence *fence);
void ogpu_fence_signal(struct dma_fence *fence, int error);

#endif
