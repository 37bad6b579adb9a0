// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Arrays in user memory: the stride rules of struct drm_ogpu_array, in one place.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/ogpu_drm.h>

#include "ogpu_array.h"

#define OGPU_ARRAY_MAX_STRIDE	4096

/* Up to so many bytes are copied word by word. */
#define OGPU_ARRAY_FEW_BYTES	64

/**
 * ogpu_array_check() - see whether an array keeps the rules of the uapi
 * @array: what user space gave
 * @min_size: bytes of an element in version 0.1 of the interface
 * @min_count: fewest elements allowed
 * @max_count: most elements allowed
 *
 * Does not look at the memory that the array points to.
 *
 * Return: 0, or -EINVAL.
 */
int ogpu_array_check(const struct drm_ogpu_array *array, size_t min_size, u32 min_count,
		     u32 max_count)
{
	u64 end;

	if (array->count < min_count || array->count > max_count)
		return -EINVAL;
	if (array->stride > OGPU_ARRAY_MAX_STRIDE || array->stride % 8)
		return -EINVAL;
	if (!array->count)
		return array->array || (array->stride && array->stride < min_size) ? -EINVAL : 0;
	if (array->stride < min_size)
		return -EINVAL;
	if (check_add_overflow(array->array, (u64)array->count * array->stride, &end))
		return -EINVAL;

	return 0;
}

/* A few words straight away: for them the general way costs more than the copy. */
static int ogpu_array_copy_words(const u64 __user *from, u64 *to, size_t words)
{
	size_t i;

	if (!user_read_access_begin(from, words * sizeof(*from)))
		return -EFAULT;
	for (i = 0; i < words; i++)
		unsafe_get_user(to[i], from + i, fault);
	user_read_access_end();

	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/**
 * ogpu_array_copy_part() - copy some elements from user memory
 * @array: what user space gave; passed ogpu_array_check()
 * @size: bytes of an element as this driver knows it
 * @first: the first element to copy
 * @count: elements to copy; that many there are
 * @elems: where to; aligned as a u64
 *
 * Members that an element of user space lacks are zero.
 *
 * Return: 0; -E2BIG for bytes that are not zero past @size; -EFAULT.
 */
int ogpu_array_copy_part(const struct drm_ogpu_array *array, size_t size, u32 first, u32 count,
			 void *elems)
{
	void __user *from = u64_to_user_ptr(array->array) + (size_t)first * array->stride;
	u32 i;
	int ret;

	if (array->stride == size && count * size <= OGPU_ARRAY_FEW_BYTES)
		return ogpu_array_copy_words(from, elems, count * size / sizeof(u64));
	if (array->stride == size)
		return copy_from_user(elems, from, count * size) ? -EFAULT : 0;

	for (i = 0; i < count; i++) {
		ret = copy_struct_from_user(elems + i * size, size,
					    from + (size_t)i * array->stride, array->stride);
		if (ret)
			return ret;
		cond_resched();
	}

	return 0;
}

/**
 * ogpu_array_copy_in() - copy an array from user memory
 * @array: what user space gave
 * @min_size: bytes of an element in version 0.1 of the interface
 * @size: bytes of an element as this driver knows it
 * @min_count: fewest elements allowed
 * @max_count: most elements allowed
 * @elems: out: @array->count elements of @size bytes, to be freed with kvfree(); NULL if there are
 *	none or on error
 *
 * Members that an element of user space lacks are zero.
 *
 * Return: 0; -EINVAL for a broken rule; -E2BIG for bytes that are not zero past @size; -EFAULT;
 * -ENOMEM.
 */
int ogpu_array_copy_in(const struct drm_ogpu_array *array, size_t min_size, size_t size,
		       u32 min_count, u32 max_count, void **elems)
{
	void *to;
	int ret;

	*elems = NULL;
	ret = ogpu_array_check(array, min_size, min_count, max_count);
	if (ret || !array->count)
		return ret;

	to = kvmalloc_array(array->count, size, GFP_KERNEL_ACCOUNT);
	if (!to)
		return -ENOMEM;

	ret = ogpu_array_copy_part(array, size, 0, array->count, to);
	if (ret) {
		kvfree(to);
		return ret;
	}
	*elems = to;

	return 0;
}

/**
 * ogpu_array_copy_out() - copy elements to an array in user memory
 * @array: where to; passed ogpu_array_check()
 * @size: bytes of an element as this driver knows it
 * @count: elements to copy, at most @array->count
 * @elems: what to copy
 *
 * Bytes of an element of user space past @size are set to zero.
 *
 * Return: 0 or -EFAULT.
 */
int ogpu_array_copy_out(const struct drm_ogpu_array *array, size_t size, u32 count,
			const void *elems)
{
	size_t bytes = min_t(size_t, size, array->stride);
	u32 i;

	for (i = 0; i < count; i++) {
		void __user *to = u64_to_user_ptr(array->array) + (size_t)i * array->stride;

		if (copy_to_user(to, elems + i * size, bytes) ||
		    clear_user(to + bytes, array->stride - bytes))
			return -EFAULT;
	}

	return 0;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_array_test.c"
#endif
