/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The one fence of a job: handed out by SUBMIT and VM_BIND, signalled when the job is done.
 */
#ifndef _OGPU_FENCE_H_
#define _OGPU_FENCE_H_

#include <linux/dma-fence.h>
#include <linux/spinlock.h>

extern const struct dma_fence_ops ogpu_fence_job_ops;

const char *ogpu_fence_get_driver_name(struct dma_fence *fence);
const char *ogpu_fence_get_timeline_name(struct dma_fence *fence);
void ogpu_fence_release(struct dma_fence *fence);

bool ogpu_fence_is_job(const struct dma_fence *fence);
bool ogpu_fence_is_ours(const struct dma_fence *fence);
void ogpu_fence_setup(struct dma_fence *fence, spinlock_t *lock, const struct dma_fence_ops *ops,
		      u64 context, u64 seqno);

struct dma_fence *ogpu_fence_alloc(void);
void ogpu_fence_init(struct dma_fence *fence, u64 context, u64 seqno);
void ogpu_fence_free_unused(struct dma_fence *fence);
long ogpu_fence_wait_timeout(struct dma_fence *fence, long timeout);
int ogpu_fence_wait_killable(struct dma_fence *fence);
void ogpu_fence_signal(struct dma_fence *fence, int error);

#endif
