/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the kernels that execute functions of ogpu_math.h take. */
#ifndef OGPU_TESTS_KERNELS_MATH_H
#define OGPU_TESTS_KERNELS_MATH_H

struct math_args {
	unsigned long x, y;	/* arrays of floats */
	unsigned long out, out2;
};

#endif
