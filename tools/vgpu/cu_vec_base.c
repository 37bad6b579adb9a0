// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Lane operations for any host, and the choice of the best ones for this host. */
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#define CU_VEC_NAME	cu_vec_base
#define CU_VEC_TEXT	"base"
#include "cu_vec_impl.h"

/**
 * cu_vec_get() - One of the tables that work on this host, the most general first.
 * @n: 0, 1, ...
 *
 * Return: NULL after the last one.
 */
const struct cu_vec *cu_vec_get(unsigned int n)
{
	if (!n)
		return &cu_vec_base;
#ifdef __x86_64__
	if (n == 1 && __builtin_cpu_supports("x86-64-v3"))
		return &cu_vec_v3;
	if (n == 2 && __builtin_cpu_supports("x86-64-v4"))
		return &cu_vec_v4;
#endif
	return NULL;
}

/**
 * cu_vec_best() - The fastest table for this host.
 *
 * Return: never NULL.
 */
const struct cu_vec *cu_vec_best(void)
{
	unsigned int n = 0;

	while (cu_vec_get(n + 1))
		n++;
	return cu_vec_get(n);
}
