// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels for each function of ogpu_math.h and for C11's atomics, built as libogpu.pc says. */
#include <stdatomic.h>

#include <ogpu_kernel.h>
#include <ogpu_math.h>

#include "math.h"

#define ONE(name) \
	OGPU_KERNEL void each_##name(const struct math_args *a) \
	{ \
		unsigned int i = ogpu_global_id(0); \
		((float *)a->out)[i] = ogpu_##name(((const float *)a->x)[i]); \
	}
ONE(expf)
ONE(logf)
ONE(tanhf)
ONE(erff)
ONE(sinf)
ONE(cosf)

OGPU_KERNEL void each_powf(const struct math_args *a)
{
	unsigned int i = ogpu_global_id(0);

	((float *)a->out)[i] = ogpu_powf(((const float *)a->x)[i], ((const float *)a->y)[i]);
}

OGPU_KERNEL void each_sincosf(const struct math_args *a)
{
	unsigned int i = ogpu_global_id(0);

	ogpu_sincosf(((const float *)a->x)[i], (float *)a->out + i, (float *)a->out2 + i);
}

/* x has floats, y 16-bit numbers, of which each half is one. */
OGPU_KERNEL void each_half(const struct math_args *a)
{
	unsigned int i = ogpu_global_id(0);
	float x = ((const float *)a->x)[i];
	unsigned short bits = ((const unsigned int *)a->y)[i];

	((float *)a->out)[2 * i] = ogpu_f16_to_f32(bits);
	((float *)a->out)[2 * i + 1] = ogpu_bf16_to_f32(bits);
	((unsigned short *)a->out2)[2 * i] = ogpu_f32_to_f16(x);
	((unsigned short *)a->out2)[2 * i + 1] = ogpu_f32_to_bf16(x);
}

/* Each work-item counts once in words of 1, 2, 4 and 8 bytes, in a float, and in local memory. */
OGPU_KERNEL void each_atomic(const struct math_args *a)
{
	unsigned long out = a->out;
	_Atomic float *sum = (_Atomic float *)(out + 16);
	_Atomic unsigned int *local = ogpu_local();
	float before = atomic_load(sum);

	atomic_fetch_add((_Atomic unsigned char *)out, 1);
	atomic_fetch_add((_Atomic unsigned short *)(out + 2), 1);
	atomic_fetch_add((_Atomic unsigned int *)(out + 4), 1);
	atomic_fetch_add((_Atomic unsigned long *)(out + 8), 1);
	while (!atomic_compare_exchange_weak(sum, &before, before + 1))
		;
	atomic_fetch_add(local, 1);
	ogpu_barrier();
	if (!ogpu_local_id(0))
		atomic_fetch_add((_Atomic unsigned int *)(out + 20), *local);
}

OGPU_KERNEL void each_pick(const struct math_args *a)
{
	unsigned int i = ogpu_global_id(0);
	float x = ((const float *)a->x)[i], y = ((const float *)a->y)[i];

	((float *)a->out)[2 * i] = ogpu_fminf(x, y);
	((float *)a->out)[2 * i + 1] = ogpu_fmaxf(x, y);
	((float *)a->out2)[i] = ogpu_select_f32(x < y, x, y);
}
