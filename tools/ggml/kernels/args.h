/* SPDX-License-Identifier: MIT */
/* Arguments of the kernels, the same for all of them: for the host and for the card. */
#ifndef OGPU_GGML_ARGS_H
#define OGPU_GGML_ARGS_H

#include <stdint.h>

/* Types, by ggml's numbers. */
enum { TYPE_F32 = 0, TYPE_F16 = 1, TYPE_Q8_0 = 8, TYPE_I32 = 26, TYPE_I64 = 27 };

/* q8_0: blocks of so many numbers, of 8 bits each, behind one half that all are multiplied with. */
enum { Q8_0_NUMBERS = 32, Q8_0_BYTES = 34 };

enum { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV };
enum { GLU_RELU, GLU_GELU, GLU_SILU };

/* MUL_MAT: rows of a, and of b, whose products one wave forms. */
enum { TILE_A = 4, TILE_B = 4 };

struct tensor {
	uint64_t data;
	uint64_t stride[4];	/* bytes from element to element, row to row, and so on */
	uint32_t size[4];	/* elements, rows, planes, volumes */
	uint32_t type;
	uint32_t there;		/* 0: an operand that is left out */
};

struct args {
	struct tensor dst, a, b, c;
	uint32_t op;
	uint32_t n[4];
	float f[7];
};

#endif
