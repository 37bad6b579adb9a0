// SPDX-License-Identifier: GPL-2.0 OR MIT
/* System memory -> VRAM -> VRAM -> system memory by the copy engine. */
#include <stdio.h>
#include <string.h>

#include "job.h"

#define SIZE	(16u << 20)

int job_copy(struct demo *demo, struct job_result *result)
{
	struct ogpu_buffer up = { 0 }, near = { 0 }, far = { 0 }, down = { 0 };
	uint32_t *words, seed = 99;
	int ret;

	ret = ogpu_buffer_create(demo->vm, SIZE, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS, &up);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, SIZE, DRM_OGPU_BO_VRAM, 0, &near);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, SIZE, DRM_OGPU_BO_VRAM, 0, &far);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, SIZE, DRM_OGPU_BO_SYSTEM,
					 DRM_OGPU_BO_CPU_ACCESS, &down);
	if (ret)
		goto out;

	words = up.ptr;
	for (uint32_t i = 0; i < SIZE / 4; i++)
		words[i] = demo_random(&seed);
	demo_begin(demo);
	ogpu_emit_copy(&demo->stream, near.va, up.va, SIZE);
	ogpu_emit_copy(&demo->stream, far.va, near.va, SIZE);
	ogpu_emit_copy(&demo->stream, down.va, far.va, SIZE);
	ret = demo_run(demo, demo->copy, NULL, &result->gpu_ns);
	if (ret)
		goto out;

	result->checked = !memcmp(up.ptr, down.ptr, SIZE);
	snprintf(result->size, sizeof(result->size), "3 x %u MiB", SIZE >> 20);
	result->amount = 3.0 * SIZE;
	result->unit = "GB/s";
out:
	ogpu_buffer_destroy(&up);
	ogpu_buffer_destroy(&near);
	ogpu_buffer_destroy(&far);
	ogpu_buffer_destroy(&down);
	return ret;
}
