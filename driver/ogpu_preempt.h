/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Address spaces of the long-running kind: what executes in them is suspended when memory has to
 * move, and goes on afterwards.
 */
#ifndef _OGPU_PREEMPT_H_
#define _OGPU_PREEMPT_H_

#include <linux/dma-fence.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct dma_resv;
struct drm_gem_object;
struct ogpu_device;
struct ogpu_vm;

/**
 * enum ogpu_preempt_state - may what belongs to an address space execute?
 * @OGPU_PREEMPT_SUSPENDED: no; its buffers may be anywhere
 * @OGPU_PREEMPT_RESUMING: not yet; its buffers are held by a fence, page tables may still be old
 * @OGPU_PREEMPT_RUNNING: yes; its buffers are held by a fence
 * @OGPU_PREEMPT_STATES: how many there are
 */
enum ogpu_preempt_state {
	OGPU_PREEMPT_SUSPENDED,
	OGPU_PREEMPT_RESUMING,
	OGPU_PREEMPT_RUNNING,
	OGPU_PREEMPT_STATES,
};

/**
 * struct ogpu_preempt - of one address space
 */
struct ogpu_preempt {
	/** @vm: the address space */
	struct ogpu_vm *vm;
	/** @context: timeline of its fences */
	u64 context;
	/** @seqno: of the newest fence */
	u64 seqno;
	/** @suspend: suspends the clients because somebody waits for the fence */
	struct work_struct suspend;
	/** @resume: brings the buffers back and resumes the clients */
	struct delayed_work resume;
	/** @wait: for a change of @state or @error */
	wait_queue_head_t wait;

	/**
	 * @lock: protects the members from here on; taken where fences are signalled: nothing is
	 * allocated under it
	 */
	struct mutex lock;
	/** @state: written under @lock */
	enum ogpu_preempt_state state;
	/** @clients: what executes in the address space, see &struct ogpu_preempt_ops */
	struct list_head clients;
	/** @since: when they were resumed last */
	ktime_t since;
	/** @failing_since: when bringing the buffers back failed first; 0 if it did not */
	ktime_t failing_since;
	/** @error: of the last attempt to resume, 0 while it goes on and after success */
	int error;

	/** @fence: in the dma_resv of all buffers, or NULL; under &struct ogpu_mem_preempts.lock */
	struct dma_fence *fence;
	/** @armed: link while there is @fence */
	struct list_head armed;
};

int ogpu_preempts_init(struct ogpu_device *odev);
void ogpu_preempts_stop(struct ogpu_device *odev);

struct ogpu_preempt *ogpu_preempt_create(struct ogpu_vm *vm);
void ogpu_preempt_destroy(struct ogpu_preempt *preempt);
int ogpu_preempt_begin_add(struct ogpu_preempt *preempt);
void ogpu_preempt_renew(struct ogpu_preempt *preempt);
void ogpu_preempt_end_add(struct ogpu_preempt *preempt, struct list_head *client);
void ogpu_preempt_remove(struct ogpu_preempt *preempt, struct list_head *client);
void ogpu_preempt_forget_bo(struct ogpu_preempt *preempt, struct drm_gem_object *obj,
			    struct dma_fence *unbound);
bool ogpu_preempt_is_fence(const struct dma_fence *fence);
void ogpu_preempt_suspend_users(struct dma_resv *resv);

#endif
