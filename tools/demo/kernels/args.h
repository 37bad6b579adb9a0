/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Arguments of the demo's compute kernels, the same bytes on both sides. GPU addresses are numbers
 * here; the kernels make pointers of them.
 */
#ifndef DEMO_ARGS_H
#define DEMO_ARGS_H

#include <stdint.h>

struct saxpy_args {
	uint64_t x;		/* const float[n] */
	uint64_t y;		/* float[n] */
	float a;
	uint32_t n;
};

/* c = a * b, square row-major matrices of n * n; n is a multiple of SGEMM_TILE. */
#define SGEMM_TILE	16

struct sgemm_args {
	uint64_t a;		/* const float[n * n] */
	uint64_t b;		/* const float[n * n] */
	uint64_t c;		/* float[n * n] */
	uint32_t n;
	uint32_t pad;
};

/* Edges of an RGBA picture, dark lines on white. */
struct sketch_args {
	uint64_t in;		/* const uint32_t[width * height] */
	uint64_t out;		/* uint32_t[width * height] */
	uint32_t width;
	uint32_t height;
};

/* *sum += all of in; the group size is a power of two. */
struct reduce_args {
	uint64_t in;		/* const uint32_t[n] */
	uint64_t sum;		/* uint64_t */
	uint32_t n;
	uint32_t pad;
};

#endif
