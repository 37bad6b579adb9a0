// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Sobel edges of a picture, drawn dark on white; one pixel for each work-item. */
#include <ogpu_kernel.h>

#include "args.h"
#include "../sketch_pixel.h"

OGPU_KERNEL void sketch(const struct sketch_args *args)
{
	const uint32_t *in = (const uint32_t *)args->in;
	uint32_t *out = (uint32_t *)args->out;
	uint32_t x = ogpu_global_id(0), y = ogpu_global_id(1);

	if (x < args->width && y < args->height)
		out[(uint64_t)y * args->width + x] =
			sketch_pixel(in, args->width, args->height, x, y);
}
