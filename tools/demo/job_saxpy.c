// SPDX-License-Identifier: GPL-2.0 OR MIT
/* y = a * x + y on 4 Mi floats. */
#include <math.h>
#include <stdio.h>

#include "job.h"
#include "kernels/args.h"

#define COUNT	(4u << 20)
#define GROUP	256

static void make_input(uint32_t i, float *x, float *y)
{
	uint32_t state = i * 2654435761u + 1;

	*x = demo_random_float(&state);
	*y = demo_random_float(&state);
}

int job_saxpy(struct demo *demo, struct job_result *result)
{
	struct ogpu_dispatch dispatch = { .grid = { COUNT / GROUP }, .group = { GROUP } };
	struct ogpu_buffer x = { 0 }, y = { 0 };
	struct saxpy_args args = { .a = 1.7f, .n = COUNT };
	struct ogpu_program *program;
	float *px, *py;
	int ret;

	ret = demo_load(demo, "saxpy", &program, &dispatch.entry);
	if (ret)
		return ret;
	ret = ogpu_buffer_create(demo->vm, COUNT * sizeof(float), DRM_OGPU_BO_VRAM,
				 DRM_OGPU_BO_CPU_ACCESS, &x);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, COUNT * sizeof(float), DRM_OGPU_BO_VRAM,
					 DRM_OGPU_BO_CPU_ACCESS, &y);
	if (ret)
		goto out;

	px = x.ptr;
	py = y.ptr;
	for (uint32_t i = 0; i < COUNT; i++)
		make_input(i, &px[i], &py[i]);
	args.x = x.va;
	args.y = y.va;
	ret = demo_dispatch(demo, program, &dispatch, &args, sizeof(args), &result->gpu_ns);
	if (ret)
		goto out;

	result->checked = true;
	for (uint32_t i = 0; i < COUNT && result->checked; i++) {
		float in_x, in_y;

		make_input(i, &in_x, &in_y);
		result->checked = py[i] == fmaf(args.a, in_x, in_y);
	}
	snprintf(result->size, sizeof(result->size), "%u floats", COUNT);
	result->amount = 3.0 * COUNT * sizeof(float);
	result->unit = "GB/s";
out:
	ogpu_buffer_destroy(&x);
	ogpu_buffer_destroy(&y);
	ogpu_program_destroy(program);
	return ret;
}
