// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The compute program that the loader's tests use: code, data, one absolute pointer, and functions
 * of picolibc with their tables.
 */
#include <math.h>
#include <string.h>

#include <ogpu_kernel.h>

int table[4] = { 1, 2, 3, 4 };
int *pointer = &table[1];

OGPU_KERNEL void kernel(long *out)
{
	out[ogpu_global_id(0)] = *pointer;
}

OGPU_KERNEL void library(float *x)
{
	x[0] = sinf(x[0]) + expf(x[1]) + powf(x[2], x[3]) + tgammaf(x[4]);
	memmove(x + 1, x + 2, 100);
}
