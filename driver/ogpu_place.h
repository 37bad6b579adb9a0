/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Finding a place for buffers: where one may be, what may make way for it, and how long it is
 * tried.
 */
#ifndef _OGPU_PLACE_H_
#define _OGPU_PLACE_H_

#include <linux/ktime.h>
#include <linux/types.h>

#include <drm/ttm/ttm_placement.h>

struct dma_fence;
struct ogpu_device;
struct ttm_buffer_object;

/* How ogpu_mem_begin() goes about buffers that others have locked. */
enum ogpu_mem_mode {
	OGPU_MEM_SHARED,	/* skip them: may end with -ENOSPC though there would be room */
	OGPU_MEM_EXCLUSIVE,	/* nobody has any locked for long */
};

/**
 * struct ogpu_mem_try - one attempt to place buffers, between ogpu_mem_begin() and ogpu_mem_end()
 *
 * All zero to begin with.
 */
struct ogpu_mem_try {
	/** @mode: about buffers that others have locked */
	enum ogpu_mem_mode mode;
	/** @busy: buffers that the card uses may be moved, too, and their places handed out */
	bool busy;
	/** @vram: of the last places that were asked for some were in VRAM */
	bool vram;
	/** @missing: bytes of VRAM that there was no room for */
	u64 missing;
	/** @visible: they had to be where the CPU sees them */
	bool visible;
	/** @asked: how often memory of processes had to make way */
	unsigned int asked;
	/** @looks: how often there was no room though nothing was known to wait for */
	unsigned int looks;
	/** @looking: since when, if @looks */
	ktime_t looking;
	/** @waited: something was waited for, the first time at @since */
	bool waited;
	/** @since: see @waited */
	ktime_t since;
	/** @wait: after this it may work; referenced, or NULL */
	struct dma_fence *wait;
};

/* In the flags of a place, next to those of TTM: the driver made it, not TTM to swap out. */
#define OGPU_PLACE_OWN		BIT(31)

/* Places of a buffer, in order of preference. */
#define OGPU_PLACES	3

/**
 * struct ogpu_places - where a buffer may be, in the form that TTM wants
 *
 * TTM hands pointers into @places back to the driver: see ogpu_places_add().
 */
struct ogpu_places {
	/** @placement: of @places */
	struct ttm_placement placement;
	/** @places: in order of preference */
	struct ttm_place places[OGPU_PLACES];
	/** @try: who wants a place */
	struct ogpu_mem_try *try;
};

void ogpu_places_init(struct ogpu_places *places, struct ogpu_mem_try *try);
struct ttm_place *ogpu_places_add(struct ogpu_places *places, u32 mem_type, u32 flags);
bool ogpu_place_takes_busy(const struct ttm_place *place);
void ogpu_place_no_room(const struct ttm_place *place, struct ttm_buffer_object *bo);
bool ogpu_place_may_evict(const struct ttm_place *place, struct ttm_buffer_object *bo);

int ogpu_mem_begin(struct ogpu_device *odev, struct ogpu_mem_try *try);
bool ogpu_mem_retry(struct ogpu_device *odev, struct ogpu_mem_try *try, int *ret);
void ogpu_mem_end(struct ogpu_device *odev);
void ogpu_mem_wait_for(struct ogpu_mem_try *try, struct dma_fence *fence);

#endif
