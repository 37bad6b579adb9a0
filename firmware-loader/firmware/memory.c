// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The few functions of the C library that the firmware and the compiler use. */
#include <string.h>

/**
 * memcpy() - as in the C standard
 * @to: where to
 * @from: where from
 * @bytes: how many
 */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	const unsigned char *in = from;
	unsigned char *out = to;

	while (bytes--)
		*out++ = *in++;
	return to;
}

/**
 * memset() - as in the C standard
 * @to: where to
 * @value: of each byte
 * @bytes: how many
 */
void *memset(void *to, int value, size_t bytes)
{
	unsigned char *out = to;

	while (bytes--)
		*out++ = value;
	return to;
}

/**
 * memcmp() - as in the C standard
 * @a: one
 * @b: the other
 * @bytes: how many
 */
int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *left = a, *right = b;

	for (; bytes; bytes--, left++, right++) {
		if (*left != *right)
			return *left - *right;
	}
	return 0;
}

/**
 * strncmp() - as in the C standard
 * @a: one
 * @b: the other
 * @max: compare no more characters
 */
int strncmp(const char *a, const char *b, size_t max)
{
	for (; max && *a && *a == *b; max--, a++)
		b++;
	return max ? (unsigned char)*a - (unsigned char)*b : 0;
}
