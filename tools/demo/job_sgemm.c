// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Product of two 256 x 256 matrices; the CPU adds in the same order, so results are equal. */
#include <math.h>
#include <stdio.h>

#include "job.h"
#include "kernels/args.h"

#define N	256

static float reference(const float *a, const float *b, uint32_t x, uint32_t y)
{
	float sum = 0;

	for (uint32_t k = 0; k < N; k++)
		sum = fmaf(a[y * N + k], b[k * N + x], sum);
	return sum;
}

int job_sgemm(struct demo *demo, struct job_result *result)
{
	struct ogpu_dispatch dispatch = {
		.grid = { N / SGEMM_TILE, N / SGEMM_TILE },
		.group = { SGEMM_TILE, SGEMM_TILE },
		.local_bytes = 2 * SGEMM_TILE * SGEMM_TILE * sizeof(float),
	};
	struct sgemm_args args = { .n = N };
	struct ogpu_buffer matrices = { 0 };
	struct ogpu_program *program;
	uint32_t seed = 7;
	float *a, *b, *c;
	int ret;

	ret = demo_load(demo, "sgemm", &program, &dispatch.entry);
	if (ret)
		return ret;
	ret = ogpu_buffer_create(demo->vm, 3 * N * N * sizeof(float), DRM_OGPU_BO_VRAM,
				 DRM_OGPU_BO_CPU_ACCESS, &matrices);
	if (ret)
		goto out;

	a = matrices.ptr;
	b = a + N * N;
	c = b + N * N;
	for (uint32_t i = 0; i < 2 * N * N; i++)
		a[i] = demo_random_float(&seed);
	args.a = matrices.va;
	args.b = args.a + N * N * sizeof(float);
	args.c = args.b + N * N * sizeof(float);
	ret = demo_dispatch(demo, program, &dispatch, &args, sizeof(args), &result->gpu_ns);
	if (ret)
		goto out;

	result->checked = true;
	for (uint32_t y = 0; y < N && result->checked; y++)
		for (uint32_t x = 0; x < N && result->checked; x++)
			result->checked = c[y * N + x] == reference(a, b, x, y);
	snprintf(result->size, sizeof(result->size), "%d x %d x %d", N, N, N);
	result->amount = 2.0 * N * N * N;
	result->unit = "GFLOP/s";
out:
	ogpu_buffer_destroy(&matrices);
	ogpu_program_destroy(program);
	return ret;
}
