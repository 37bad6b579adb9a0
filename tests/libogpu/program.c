// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The compute program that the loader's tests use: code, data, and one absolute pointer. */
#include <ogpu_kernel.h>

int table[4] = { 1, 2, 3, 4 };
int *pointer = &table[1];

OGPU_KERNEL void kernel(long *out)
{
	out[ogpu_global_id(0)] = *pointer;
}
