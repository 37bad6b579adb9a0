// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Fences of other drivers that are waited for only so long.
 *
 * Whoever has a shared buffer can put a fence into it, and jobs of all who map it wait for that.
 * The driver that the fence is of should end it soon, but it need not be as strict as this one. So
 * jobs wait for a fence in its place, which signals with it, or when patience is at an end.
 */
#include <linux/dma-fence.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ogpu_compat.h"
#include "ogpu_fence.h"
#include "ogpu_patience.h"
#include "ogpu_sched.h"

/**
 * struct ogpu_patience - a fence in another one's place
 */
struct ogpu_patience {
	/** @base: first, because dma_fence_free() frees its address */
	struct dma_fence base;
	/** @lock: of @base where the kernel does not bring one */
	spinlock_t lock;
	/** @other: in whose place it is; referenced */
	struct dma_fence *other;
	/** @cb: called when @other signals */
	struct dma_fence_cb cb;
	/** @end: signals @base, and has a reference; at once when @other has signalled */
	struct delayed_work end;
	/** @ready: @end may run: @cb has been added, or will not be */
	bool ready;
};

static_assert(offsetof(struct ogpu_patience, base) == 0);

static const char *ogpu_patience_timeline_name(struct dma_fence *fence)
{
	return "ogpu-patience";
}

static void ogpu_patience_release(struct dma_fence *fence)
{
	dma_fence_put(container_of(fence, struct ogpu_patience, base)->other);
	ogpu_fence_release(fence);
}

/* Keeps the module loaded, whatever the kernel: there is a function to call at the end. */
static const struct dma_fence_ops ogpu_patience_ops = {
	OGPU_FENCE_OPS_64BIT
	.get_driver_name = ogpu_fence_get_driver_name,
	.get_timeline_name = ogpu_patience_timeline_name,
	.release = ogpu_patience_release,
};

/* With the lock of the other fence. */
static void ogpu_patience_signaled(struct dma_fence *other, struct dma_fence_cb *cb)
{
	struct ogpu_patience *patience = container_of(cb, struct ogpu_patience, cb);

	mod_delayed_work(ogpu_sched_wq(), &patience->end, 0);
}

static void ogpu_patience_end(struct work_struct *work)
{
	struct ogpu_patience *patience = container_of(to_delayed_work(work), struct ogpu_patience,
						      end);

	/* Who creates it was put off the processor for all that time. */
	if (!smp_load_acquire(&patience->ready)) {
		queue_delayed_work(ogpu_sched_wq(), &patience->end, 1);
		return;
	}

	/* If it has been called it may have queued this again. */
	if (!dma_fence_remove_callback(patience->other, &patience->cb))
		cancel_delayed_work(&patience->end);
	dma_fence_signal(&patience->base);
	dma_fence_put(&patience->base);
}

/**
 * ogpu_patience_create() - a fence in the place of another one
 * @other: which signals who knows when
 * @ms: how long it is waited for at most
 *
 * Return: a fence with a reference, or NULL.
 */
struct dma_fence *ogpu_patience_create(struct dma_fence *other, unsigned int ms)
{
	struct ogpu_patience *patience = kzalloc_obj(*patience, GFP_KERNEL_ACCOUNT);

	if (!patience)
		return NULL;

	if (OGPU_FENCE_DETACHES)
		__module_get(THIS_MODULE);
	patience->other = dma_fence_get(other);
	INIT_LIST_HEAD(&patience->cb.node);
	INIT_DELAYED_WORK(&patience->end, ogpu_patience_end);
	ogpu_fence_setup(&patience->base, &patience->lock, &ogpu_patience_ops,
			 dma_fence_context_alloc(1), 1);
	dma_fence_get(&patience->base);
	queue_delayed_work(ogpu_sched_wq(), &patience->end, msecs_to_jiffies(ms));
	if (dma_fence_add_callback(other, &patience->cb, ogpu_patience_signaled))
		mod_delayed_work(ogpu_sched_wq(), &patience->end, 0);
	/* Pairs with ogpu_patience_end(). */
	smp_store_release(&patience->ready, true);

	return &patience->base;
}
