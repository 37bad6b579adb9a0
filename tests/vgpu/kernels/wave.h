/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the kernel of wave.c takes and gives, for both sides. */
#ifndef OGPU_TESTS_WAVE_H
#define OGPU_TESTS_WAVE_H

#include <stdint.h>

struct wave_args {
	uint64_t in;		/* const uint64_t[32] */
	uint64_t out;		/* struct wave_out[32] */
	uint64_t live;		/* a bit for each lane that does not end at once */
};

struct wave_out {
	uint64_t size, active, odd, any, all, first, shuffled, down, xored;
	uint64_t add_u64, min_u64, max_u64;
	uint32_t add_u32, min_u32, max_u32;
	int32_t min_s32, max_s32;
	float add_f32, min_f32, max_f32;
	uint64_t half, again;
};

#endif
