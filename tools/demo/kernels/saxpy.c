// SPDX-License-Identifier: GPL-2.0 OR MIT
/* y = a * x + y, one element for each work-item. */
#include <ogpu_kernel.h>

#include "args.h"

OGPU_KERNEL void saxpy(const struct saxpy_args *args)
{
	const float *x = (const float *)args->x;
	float *y = (float *)args->y;
	uint32_t i = ogpu_global_id(0);

	if (i < args->n)
		y[i] = __builtin_fmaf(args->a, x[i], y[i]);
}
