// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Sum of 1 Mi numbers with barriers, local memory and atomics. */
#include <stdio.h>

#include "job.h"
#include "kernels/args.h"

#define COUNT	(1u << 20)
#define GROUP	256
#define GROUPS	64

int job_reduce(struct demo *demo, struct job_result *result)
{
	struct ogpu_dispatch dispatch = {
		.grid = { GROUPS },
		.group = { GROUP },
		.local_bytes = GROUP * sizeof(uint64_t),
	};
	struct reduce_args args = { .n = COUNT };
	struct ogpu_buffer in = { 0 }, sum = { 0 };
	struct ogpu_program *program;
	uint32_t *numbers, seed = 42;
	uint64_t expected = 0;
	int ret;

	ret = demo_load(demo, "reduce", &program, &dispatch.entry);
	if (ret)
		return ret;
	ret = ogpu_buffer_create(demo->vm, COUNT * sizeof(uint32_t), DRM_OGPU_BO_SYSTEM,
				 DRM_OGPU_BO_CPU_ACCESS, &in);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, sizeof(uint64_t), DRM_OGPU_BO_VRAM,
					 DRM_OGPU_BO_CPU_ACCESS, &sum);
	if (ret)
		goto out;

	numbers = in.ptr;
	for (uint32_t i = 0; i < COUNT; i++) {
		numbers[i] = demo_random(&seed);
		expected += numbers[i];
	}
	args.in = in.va;
	args.sum = sum.va;
	ret = demo_dispatch(demo, program, &dispatch, &args, sizeof(args), &result->gpu_ns);
	if (ret)
		goto out;

	result->checked = *(volatile uint64_t *)sum.ptr == expected;
	snprintf(result->size, sizeof(result->size), "%u numbers", COUNT);
	result->amount = (double)COUNT * sizeof(uint32_t);
	result->unit = "GB/s";
out:
	ogpu_buffer_destroy(&in);
	ogpu_buffer_destroy(&sum);
	ogpu_program_destroy(program);
	return ret;
}
