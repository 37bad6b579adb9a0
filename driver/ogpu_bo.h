/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers: GEM objects on top of TTM, for userspace and for the driver itself.
 */
#ifndef _OGPU_BO_H_
#define _OGPU_BO_H_

#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/workqueue.h>

#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

#include "ogpu_device.h"

struct dma_buf;
struct dma_buf_attachment;
struct drm_file;
struct drm_printer;
struct mem_cgroup;
struct ogpu_mem;
struct ogpu_mem_outs_page;
struct ogpu_mem_try;
struct sg_table;
struct user_struct;

/**
 * struct ogpu_copy_timelines - of the fences of moves and clears that are in a dma_resv
 *
 * A move waits for all that is in the dma_resv. Clears are of memory that nobody uses yet: they do
 * not, and have a timeline of their own.
 */
struct ogpu_copy_timelines {
	/** @clears: timeline of clears; that of moves is the next one. Constant */
	u64 clears;
	/** @seqno: of the last fence of either; under the dma_resv */
	u64 seqno;
};

/* For moves and clears of buffers with the same dma_resv. */
#define OGPU_COPY_TIMELINES	2

/**
 * struct ogpu_root - what an address space and the buffers that are private to it have in common
 */
struct ogpu_root {
	/** @base: whose dma_resv they use */
	struct drm_gem_object base;
	/** @bulk: the buffers, for the order in which buffers are moved away */
	struct ttm_lru_bulk_move bulk;
	/** @away: those that would rather be in VRAM, by @away; under the dma_resv */
	struct list_head away;
	/** @copies: of the buffers */
	struct ogpu_copy_timelines copies;
	/** @vram_only: bytes of buffers in the address space that can be used only in VRAM */
	atomic64_t vram_only;
	/** @visible_only: of these, bytes that must be where the CPU can see them */
	atomic64_t visible_only;
};

/* Where memory is, for who adds it up. */
enum ogpu_region {
	OGPU_REGION_VRAM,
	OGPU_REGION_SYSTEM,
	OGPU_REGIONS,		/* nowhere, or in swap space */
};

/**
 * enum ogpu_bo_need - whether the content of a buffer is needed, see ogpu_purge.c
 * @OGPU_BO_NEEDED: it stays
 * @OGPU_BO_PURGEABLE: it may go when memory is short
 * @OGPU_BO_PURGED: it is gone, and the memory with it; nobody asks for other memory
 * @OGPU_BO_EMPTY: the same, but who uses the buffer gets fresh memory
 * @OGPU_BO_NEEDS: how many there are
 */
enum ogpu_bo_need {
	OGPU_BO_NEEDED,
	OGPU_BO_PURGEABLE,
	OGPU_BO_PURGED,
	OGPU_BO_EMPTY,
	OGPU_BO_NEEDS,
};

/* In the order in which TTM looks for buffers to move away. */
#define OGPU_BO_PRIORITY_PURGEABLE	0
#define OGPU_BO_PRIORITY_NEEDED		1

/**
 * struct ogpu_copy_flow - moves and clears of one client's buffers that are due
 *
 * Under &struct ogpu_copy.lock.
 */
struct ogpu_copy_flow {
	/** @link: in &struct ogpu_copy.flows, while there are @works */
	struct list_head link;
	/** @works: &struct ogpu_copy_work in their order */
	struct list_head works;
};

/**
 * struct ogpu_mem_client - who made buffers: an open file
 *
 * Buffers count here until their last reference is gone, whoever has handles of them.
 */
struct ogpu_mem_client {
	/** @ref: held by the file and by its buffers */
	struct kref ref;
	/** @total: bytes of buffers, by the region that they were made for */
	atomic64_t total[OGPU_REGIONS];
	/** @shared: of @total: buffers that were exported */
	atomic64_t shared[OGPU_REGIONS];
	/** @resident: bytes, by the region that they are in */
	atomic64_t resident[OGPU_REGIONS];
	/** @purgeable: of @resident: what may go */
	atomic64_t purgeable[OGPU_REGIONS];
	/** @mirrored: bytes of VRAM that hold memory of a process, see ogpu_svm_vram.c */
	atomic64_t mirrored;
	/** @copies: moves and clears of the buffers, which take turns with those of others */
	struct ogpu_copy_flow copies;
	/** @user: of the file, referenced: who locks memory */
	struct user_struct *user;
	/** @memlock: pages that he may lock, as was said when the file was opened; constant */
	unsigned long memlock;
};

/**
 * struct ogpu_bo_out - a move out of VRAM, of which is not known yet whether something was lost
 */
struct ogpu_bo_out {
	/** @cb: looks at @word when @fence signals */
	struct dma_fence_cb cb;
	/** @fence: of the move, referenced; NULL: there was none. Under the dma_resv */
	struct dma_fence *fence;
	/** @page: has the word; the callback's until it has run, as is @word */
	struct ogpu_mem_outs_page *page;
	/** @word: number in @page */
	unsigned int word;
};

/**
 * struct ogpu_import - memory of another device, see ogpu_import.c
 *
 * Under the dma_resv, but for what is constant.
 */
struct ogpu_import {
	/** @dma_buf: referenced; NULL: it is the card's own. Constant */
	struct dma_buf *dma_buf;
	/** @attach: this card's to it. Constant */
	struct dma_buf_attachment *attach;
	/** @sgt: where the memory is for this card, or NULL */
	struct sg_table *sgt;
	/** @addrs: the same, for each page; NULL: not asked for yet */
	dma_addr_t *addrs;
	/** @valid: it is still there */
	bool valid;
	/** @old: &struct ogpu_import_map: where it was */
	struct list_head old;
};

/**
 * struct ogpu_bo - a buffer
 */
struct ogpu_bo {
	/** @ttm: base; @ttm.base is the GEM object */
	struct ttm_buffer_object ttm;
	/** @placement: DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM; constant */
	u32 placement;
	/** @prefer: of @placement; under the dma_resv once others know the buffer */
	u32 prefer;
	/** @flags: DRM_OGPU_BO_CPU_ACCESS, DRM_OGPU_BO_WRITE_COMBINED; constant */
	u32 flags;
	/**
	 * @root: of the address space to which the buffer is private: it uses the dma_resv of that,
	 * referenced; NULL: it has its own and may be mapped anywhere. Constant
	 */
	struct ogpu_root *root;
	/** @away: in &struct ogpu_root.away, or an empty list; not used without @root */
	struct list_head away;
	/** @is_away: it is in system memory and would rather be in VRAM; under the dma_resv */
	bool is_away;
	/** @client: who made it, referenced; NULL: the driver, or it is being freed */
	struct ogpu_mem_client *client;
	/** @payer: memory cgroup that pays for its pages, referenced, or NULL; constant */
	struct mem_cgroup *payer;
	/** @region: where it is; written under the dma_resv, or when nobody else has it */
	enum ogpu_region region;
	/** @need: of its content; under the dma_resv, but for READ_ONCE() */
	enum ogpu_bo_need need;
	/** @shared: it was exported, see ogpu_share.c; set once, under the dma_resv */
	bool shared;
	/** @importers: &struct ogpu_share_link of other devices; under the dma_resv */
	struct list_head importers;
	/** @import: what is behind it if it is of another device */
	struct ogpu_import import;
	/** @free_work: the end of it, if it comes while the dma_resv is held */
	struct work_struct free_work;
	/** @preempt_context: of the fences that hold a long-running @root; else 0 */
	u64 preempt_context;
	/** @mirror: memory of a process, see ogpu_svm_vram.c: pinned, nothing is evicted for it */
	bool mirror;
	/** @kernel: belongs to the driver: pinned, contiguous, in the visible part of VRAM */
	bool kernel;
	/** @generation: of the file that made it, see &struct ogpu_file; constant */
	u32 generation;
	/** @moves: how often it was moved; protected by the dma_resv */
	u32 moves;
	/** @lost: some of the content was lost to a memory error; never taken back */
	bool lost;
	/** @out: the last move out of VRAM */
	struct ogpu_bo_out out;
	/** @copies: of a buffer without @root */
	struct ogpu_copy_timelines copies;
	/** @moving: the last clear or move, referenced, or NULL; protected by the dma_resv */
	struct dma_fence *moving;
	/** @iomem: of a kernel buffer: where the CPU reaches it, from creation to release */
	void __iomem *iomem;
	/** @all: in &struct ogpu_mem.bos */
	struct list_head all;
	/** @label: name given by userspace or NULL; protected by the dma_resv */
	char *label;
};

static inline struct ogpu_bo *ttm_to_ogpu_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct ogpu_bo, ttm);
}

static inline struct ogpu_bo *gem_to_ogpu_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct ogpu_bo, ttm.base);
}

static inline struct ogpu_device *ogpu_bo_device(struct ogpu_bo *bo)
{
	return to_ogpu_device(bo->ttm.base.dev);
}

/*
 * After a reset the content of memory is lost, and whatever a failed clear or move has left in it
 * is nobody's to see. The generation changes before the fences of what failed signal.
 */
static inline bool ogpu_bo_is_stale(struct ogpu_bo *bo)
{
	return bo->generation != READ_ONCE(ogpu_bo_device(bo)->generation);
}

/* Its memory belongs to another device. */
static inline bool ogpu_bo_is_import(const struct ogpu_bo *bo)
{
	return bo->import.dma_buf;
}

/* It has no memory, of whatever kind. */
static inline bool ogpu_bo_is_empty(const struct ogpu_bo *bo)
{
	return bo->need == OGPU_BO_PURGED || bo->need == OGPU_BO_EMPTY;
}

static inline void ogpu_bo_put(struct ogpu_bo *bo)
{
	if (bo)
		drm_gem_object_put(&bo->ttm.base);
}

static inline struct ogpu_root *gem_to_ogpu_root(struct drm_gem_object *obj)
{
	return container_of(obj, struct ogpu_root, base);
}

struct ogpu_mem_outs_page *ogpu_bo_add_outs(struct ogpu_device *odev);
int ogpu_bo_module_init(void);
void ogpu_bo_module_exit(void);
struct ogpu_mem_client *ogpu_mem_client_create(void);
struct ogpu_mem_client *ogpu_mem_client_get(struct ogpu_mem_client *client);
void ogpu_mem_client_put(struct ogpu_mem_client *client);
int ogpu_mem_client_pin(struct ogpu_mem_client *client, u64 size);
void ogpu_mem_client_unpin(struct ogpu_mem_client *client, u64 size);
void ogpu_bo_set_region(struct ogpu_bo *bo, enum ogpu_region region);
void ogpu_bo_set_need(struct ogpu_bo *bo, enum ogpu_bo_need need);
void ogpu_bo_count(const struct ogpu_bo *bo, struct ogpu_root *root, bool add);
void ogpu_bo_set_shared(struct ogpu_bo *bo);
struct ogpu_root *ogpu_root_create(struct ogpu_device *odev);
void ogpu_root_used(struct ogpu_root *root);
void ogpu_bo_used(struct ogpu_bo *bo);
extern const struct vm_operations_struct ogpu_bo_vm_ops;

struct ogpu_bo *ogpu_bo_create_pinned(struct ogpu_device *odev, u64 size);
struct ogpu_bo *ogpu_bo_create_mirror(struct ogpu_device *odev, u64 size,
				      struct ogpu_mem_client *client);
struct ogpu_bo *ogpu_bo_create_import(struct ogpu_device *odev, struct dma_buf *dma_buf);
struct ogpu_bo *ogpu_bo_lookup(struct drm_file *file, u32 handle);
struct ogpu_bo *ogpu_bo_next(struct drm_file *file, int *handle);
bool ogpu_bo_is_buffer(const struct ttm_buffer_object *tbo);
u64 ogpu_bo_operand(struct ogpu_bo *bo);
int ogpu_bo_validate(struct ogpu_bo *bo, struct ogpu_mem_try *try);
void ogpu_bo_note_away(struct ogpu_bo *bo);
int ogpu_bo_begin_out(struct ogpu_bo *bo, u64 *operand);
void ogpu_bo_cancel_out(struct ogpu_bo *bo);
void ogpu_bo_watch_out(struct ogpu_bo *bo, struct dma_fence *fence);
void ogpu_bo_forget_out(struct ogpu_bo *bo);
bool ogpu_bo_settle(struct ogpu_bo *bo);
void ogpu_bo_moved(struct ttm_buffer_object *tbo);
void ogpu_bo_set_moving(struct ogpu_bo *bo, struct dma_fence *fence);

int ogpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file);

void ogpu_bos_init(struct ogpu_mem *mem);
void ogpu_bos_add(struct ogpu_bo *bo);
void ogpu_bos_del(struct ogpu_bo *bo);
void ogpu_bos_stop(struct ogpu_mem *mem);
int ogpu_bos_lose(struct ogpu_mem *mem, const unsigned long *chunks);

bool ogpu_bo_can_purge(struct ttm_buffer_object *tbo);
void ogpu_bo_purge(struct ogpu_bo *bo, struct ttm_resource *system);
void ogpu_bo_purge_pages(struct ogpu_bo *bo);
void ogpu_bo_filled(struct ogpu_bo *bo);
int ogpu_ioctl_bo_prefetch(struct drm_device *drm, void *data, struct drm_file *file);
int ogpu_ioctl_bo_madvise(struct drm_device *drm, void *data, struct drm_file *file);

void ogpu_bo_print_all(struct ogpu_device *odev, struct drm_printer *p);

#endif
