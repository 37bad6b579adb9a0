/* SPDX-License-Identifier: MIT */
/* Arguments of the kernels, the same for all of them: for the host and for the card. */
#ifndef OGPU_GGML_ARGS_H
#define OGPU_GGML_ARGS_H

#include <stdint.h>

/* Types that can be multiplied with: name, ggml's number, bytes of a block and numbers in it. */
#define WEIGHTS(X) \
	X(F32, f32, 0, 4, 1) \
	X(F16, f16, 1, 2, 1) \
	X(BF16, bf16, 30, 2, 1) \
	X(Q4_0, q4_0, 2, 18, 32) \
	X(Q4_1, q4_1, 3, 20, 32) \
	X(Q5_0, q5_0, 6, 22, 32) \
	X(Q5_1, q5_1, 7, 24, 32) \
	X(Q8_0, q8_0, 8, 34, 32) \
	X(IQ4_NL, iq4_nl, 20, 18, 32) \
	X(MXFP4, mxfp4, 39, 17, 32) \
	X(Q2_K, q2_K, 10, 84, 256) \
	X(Q3_K, q3_K, 11, 110, 256) \
	X(Q4_K, q4_K, 12, 144, 256) \
	X(Q5_K, q5_K, 13, 176, 256) \
	X(Q6_K, q6_K, 14, 210, 256)

#define TYPE(NAME, name, number, bytes, numbers)	TYPE_##NAME = (number),
enum { WEIGHTS(TYPE) TYPE_I32 = 26, TYPE_I64 = 27 };
#undef TYPE

/* Types of keys and values in attention. */
#define ATTENDED(X)	X(F32, f32) X(F16, f16) X(BF16, bf16) X(Q8_0, q8_0)

enum { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV };
enum { GLU_RELU, GLU_GELU, GLU_SILU };
enum { UNARY_NEG, UNARY_RELU, UNARY_GELU, UNARY_SILU, UNARY_TANH, UNARY_SIGMOID };

/* MUL_MAT: rows of b whose products with 32 of a one wave forms; if b has few rows. */
enum { TILE = 16, TILE_FEW = 4 };

struct tensor {
	uint64_t data;
	uint64_t stride[4];	/* bytes from element to element, row to row, and so on */
	uint32_t size[4];	/* elements, rows, planes, volumes */
	uint32_t type;
	uint32_t there;		/* 0: an operand that is left out */
};

struct args {
	struct tensor dst, a, b, c, d, e;
	uint32_t op;
	uint32_t n[4];
	float f[7];
};

#endif
