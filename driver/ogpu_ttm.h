/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of one card: the TTM device, its three places (system, TT: system memory that the card
 * can reach, VRAM), and moves between them.
 */
#ifndef _OGPU_TTM_H_
#define _OGPU_TTM_H_

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_device.h"
#include "ogpu_shrink.h"
#include "ogpu_svm_rate.h"
#include "ogpu_vram_mgr.h"

struct drm_ogpu_query_memory;
struct drm_printer;
struct ogpu_root;
struct ttm_buffer_object;

/**
 * struct ogpu_mem_binds - bind jobs that wait for the card to be stopped, see ogpu_bind_job.c
 */
struct ogpu_mem_binds {
	/** @lock: protects the others */
	spinlock_t lock;
	/** @deferred: &struct ogpu_bind_job */
	struct list_head deferred;
	/** @vms: &struct ogpu_vm without users that the card may still use */
	struct list_head vms;
	/** @stops: how often the card was stopped: no address space from before is used any more */
	u32 stops;
	/** @stopped: woken when @stops has changed */
	wait_queue_head_t stopped;
};

/**
 * struct ogpu_mem_bos - all buffers, see ogpu_bo_all.c
 */
struct ogpu_mem_bos {
	/** @lock: protects the lists */
	spinlock_t lock;
	/** @all: &struct ogpu_bo */
	struct list_head all;
	/** @ending: those whose last reference was gone when the card was unbound */
	struct list_head ending;
	/** @ended: woken when one has ended */
	wait_queue_head_t ended;
};

/**
 * struct ogpu_copy_span - bytes to copy that lie together on both sides
 */
struct ogpu_copy_span {
	/** @src: address operand */
	u64 src;
	/** @dst: address operand */
	u64 dst;
	/** @bytes: how many */
	u64 bytes;
};

/**
 * struct ogpu_mem_ops - work on memory that the card does itself; the buffer's dma_resv is held
 *
 * Each returns a fence of the whole work, to be put by the caller, or an ERR_PTR(): then nothing is
 * running.
 */
struct ogpu_mem_ops {
	/**
	 * @move: copy a buffer from one place to another. Waits, on the card, for all fences of the
	 * buffer and all that @new_res depends on. @lost: operand of a word that is set if
	 * something was lost; 0: nobody wants to know
	 */
	struct dma_fence *(*move)(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				  struct ttm_resource *old_res, struct ttm_resource *new_res,
				  u64 lost);
	/** @clear: fill a new buffer with zero, after what @res depends on */
	struct dma_fence *(*clear)(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				   struct ttm_resource *res);
	/**
	 * @copy: copy between a buffer's memory and pages of a process, which stay until the fence
	 * has signalled. @lost as for @move. Uses up @spans
	 */
	struct dma_fence *(*copy)(struct ogpu_device *odev, struct ttm_buffer_object *bo,
				  struct ogpu_copy_span *spans, u32 count, u64 lost);
};

/**
 * struct ogpu_preempt_ops - what executes in address spaces; registered at probe
 *
 * Called with the lock of a &struct ogpu_preempt, one call at a time for each. May ask firmware,
 * must not allocate.
 */
struct ogpu_preempt_ops {
	/**
	 * @suspend: stop all of @clients. Returns 0 if none of them accesses memory any more; or
	 * -ENODEV: the card is being stopped
	 */
	int (*suspend)(struct ogpu_device *odev, struct list_head *clients);
	/** @resume: let all of @clients go on */
	void (*resume)(struct ogpu_device *odev, struct list_head *clients);
	/** @fail: end all of @clients for good: their memory cannot be brought back */
	void (*fail)(struct ogpu_device *odev, struct list_head *clients);
};

/**
 * struct ogpu_mem_preempts - all address spaces of a card that a fence holds
 */
struct ogpu_mem_preempts {
	/** @release_bo: called for each buffer that has lost its last reference */
	void (*release_bo)(struct ttm_buffer_object *bo);
	/** @ops: what executes in them */
	const struct ogpu_preempt_ops *ops;
	/** @suspend_wq: signals fences: usable when memory is short */
	struct workqueue_struct *suspend_wq;
	/** @resume_wq: brings buffers back: may wait for memory and for fences */
	struct workqueue_struct *resume_wq;
	/** @lock: protects @armed, and the fences of all; irq-safe */
	spinlock_t lock;
	/** @armed: &struct ogpu_preempt whose fence has not signalled */
	struct list_head armed;
};

struct ogpu_svm_client;
struct ogpu_svm_vram;

/**
 * struct ogpu_mem_svms - address spaces of a card that mirror processes
 */
struct ogpu_mem_svms {
	/** @served: a fault was served, or with an error it cannot be; called by a worker */
	void (*served)(struct ogpu_svm_client *client, int error);
	/** @gone: does nobody ask for it any more? Called by a worker */
	bool (*gone)(struct ogpu_svm_client *client);
	/** @vram: pages of VRAM, or NULL; set once, under @lock */
	struct ogpu_svm_vram *vram;
	/** @vram_closed: if they are made now none may be used yet; under @lock */
	bool vram_closed;
	/** @rate: of all faults that are served */
	struct ogpu_svm_rate rate;
	/** @wait: for &struct ogpu_mem_binds.stops to change */
	wait_queue_head_t wait;
	/** @lock: protects @list */
	struct mutex lock;
	/** @list: &struct ogpu_svm */
	struct list_head list;
};

/* Where buffers are whose memory is another device's; they stay there. */
#define OGPU_PL_IMPORT		TTM_PL_PRIV

/* Words that fit into a page. */
#define OGPU_MEM_OUTS		512

/**
 * struct ogpu_mem_outs_page - words for moves out of VRAM, which tell whether something was lost
 */
struct ogpu_mem_outs_page {
	/** @link: in &struct ogpu_mem_outs.pages; stays there */
	struct list_head link;
	/** @words: one for each move, written by the card */
	__le64 *words;
	/** @dma: where the card finds them */
	dma_addr_t dma;
	/** @used: which are taken; set under the lock, cleared in any context */
	DECLARE_BITMAP(used, OGPU_MEM_OUTS);
};

/**
 * struct ogpu_mem_outs - the words of all moves out of VRAM that are under way
 *
 * As many as there are moves: who has many under way must not keep others from moving.
 */
struct ogpu_mem_outs {
	/** @lock: protects @pages; below dma_resv, memory is allocated under it */
	struct mutex lock;
	/** @pages: &struct ogpu_mem_outs_page; never fewer */
	struct list_head pages;
};

/**
 * enum ogpu_mem_pages - which pages of system memory a card can use
 * @OGPU_MEM_PAGES_ANY: all
 * @OGPU_MEM_PAGES_DMA32: those of the first 4 GiB
 * @OGPU_MEM_PAGES_DMA: those that the kernel allocates for DMA
 */
enum ogpu_mem_pages {
	OGPU_MEM_PAGES_ANY,
	OGPU_MEM_PAGES_DMA32,
	OGPU_MEM_PAGES_DMA,
};

/**
 * struct ogpu_mem - all memory of a card
 */
struct ogpu_mem {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @link: in the list of all cards' memory */
	struct list_head link;
	/** @ops: set before there are buffers */
	const struct ogpu_mem_ops *ops;
	/** @ttm: buffers, their LRU lists, page pools */
	struct ttm_device ttm;
	/** @vram: TTM_PL_VRAM */
	struct ogpu_vram_mgr vram;
	/** @pages: what pages of buffers must be like; constant */
	enum ogpu_mem_pages pages;
	/** @purged: bytes of buffers in TTM_PL_SYSTEM that have no pages, see ogpu_purge.c */
	atomic64_t purged;
	/** @imports: OGPU_PL_IMPORT: memory of other devices, without a limit */
	struct ttm_resource_manager imports;
	/** @tt: TTM_PL_TT: limits the system memory that buffers take; its size is in bytes */
	struct ttm_resource_manager tt;
	/**
	 * @validate_lock: held for reading by who locks buffers in order to place them; for writing
	 * by who failed to because buffers of others were locked. Taken before any dma_resv. Nobody
	 * waits for the card while he holds it
	 */
	struct rw_semaphore validate_lock;
	/** @moved: called for each buffer about to be moved; set before there are buffers */
	void (*moved)(struct ttm_buffer_object *bo);
	/** @last_used: has the buffers used last, see ogpu_root_used(), or NULL */
	struct ogpu_root *last_used;
	/** @outs: words of moves out of VRAM that are under way */
	struct ogpu_mem_outs outs;
	/** @bos: all buffers */
	struct ogpu_mem_bos bos;
	/** @shrink: gives system memory back when that runs short */
	struct ogpu_shrink shrink;
	/** @binds: bind jobs that could not be done */
	struct ogpu_mem_binds binds;
	/** @preempts: address spaces whose buffers are held by a preempt fence */
	struct ogpu_mem_preempts preempts;
	/** @svms: address spaces that mirror processes */
	struct ogpu_mem_svms svms;
};

static inline struct ogpu_device *ttm_to_ogpu_device(struct ttm_device *bdev)
{
	return container_of(bdev, struct ogpu_mem, ttm)->odev;
}

int ogpu_mem_init(struct ogpu_device *odev);
void ogpu_mem_stop(struct ogpu_device *odev);
void ogpu_mem_unmap_cpu(struct ogpu_device *odev);
void ogpu_mem_get_stats(struct ogpu_device *odev, struct drm_ogpu_query_memory *stats);
void ogpu_mem_print(struct ogpu_device *odev, struct drm_printer *p);

#endif
