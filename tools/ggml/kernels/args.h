/* SPDX-License-Identifier: MIT */
/* Arguments of the kernels, the same for all of them: for the host and for the card. */
#ifndef OGPU_GGML_ARGS_H
#define OGPU_GGML_ARGS_H

#include <stdint.h>

/* Types, by ggml's numbers. */
enum {
	TYPE_F32 = 0, TYPE_F16 = 1, TYPE_Q4_0 = 2, TYPE_Q4_1 = 3, TYPE_Q5_0 = 6, TYPE_Q5_1 = 7,
	TYPE_Q8_0 = 8, TYPE_Q4_K = 12, TYPE_Q5_K = 13, TYPE_Q6_K = 14, TYPE_I32 = 26, TYPE_I64 = 27,
	TYPE_BF16 = 30,
};

/* A block of q8_0: 32 numbers of 8 bits each behind a half that all are multiplied with. */
enum { Q8_0_BYTES = 34 };

enum { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV };
enum { GLU_RELU, GLU_GELU, GLU_SILU };
enum { UNARY_NEG, UNARY_RELU, UNARY_GELU, UNARY_SILU, UNARY_TANH, UNARY_SIGMOID };

/* MUL_MAT: rows of a, and of b, whose products one wave forms; rows of a if b has one row. */
enum { TILE_A = 4, TILE_B = 4, TILE_VECTOR = 8 };

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
