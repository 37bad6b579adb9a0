// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A compute program with debug information, for the tests of source lines. */
#include <ogpu_kernel.h>

OGPU_KERNEL void first(long *out)
{
	out[ogpu_global_id(0)] = 1;
}

/* The tests know this number. */
#line 200
OGPU_KERNEL void fails(void)
{
	__asm__ volatile("ebreak");
}
