/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * struct drm_ogpu_array: arrays in user memory, with the stride rules of the uapi.
 */
#ifndef _OGPU_ARRAY_H_
#define _OGPU_ARRAY_H_

#include <linux/types.h>

struct drm_ogpu_array;

int ogpu_array_check(const struct drm_ogpu_array *array, size_t min_size, u32 min_count,
		     u32 max_count);
int ogpu_array_copy_part(const struct drm_ogpu_array *array, size_t size, u32 first, u32 count,
			 void *elems);
int ogpu_array_copy_in(const struct drm_ogpu_array *array, size_t min_size, size_t size,
		       u32 min_count, u32 max_count, void **elems);
int ogpu_array_copy_out(const struct drm_ogpu_array *array, size_t size, u32 count,
			const void *elems);

#endif
