// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Wave operations of ogpu_kernel.h, in straight code and where lanes went different ways. */
#include <stdint.h>

#include <ogpu_kernel.h>

#include "wave.h"

/* Some lanes take a loop more often, some end before. */
void wave(const struct wave_args *args)
{
	uint32_t lane = ogpu_lane();
	struct wave_out *out = (struct wave_out *)args->out + lane;
	uint64_t v = ((const uint64_t *)args->in)[lane];
	union { uint32_t u; float f; } x = { v };

	if (!(args->live >> lane & 1))
		return;
	for (uint32_t i = lane % 7; i; i--)
		asm volatile("");
	out->size = ogpu_wave_size();
	out->active = ogpu_wave_ballot(1);
	out->odd = ogpu_wave_ballot(v & 1);
	out->any = ogpu_wave_any(v % 64 == 1);
	out->all = ogpu_wave_all(v % 64 != 1);
	out->first = ogpu_wave_first(v);
	out->shuffled = ogpu_wave_shuffle(v, v >> 40);
	out->down = ogpu_wave_shuffle_down(v, 3);
	out->xored = ogpu_wave_shuffle_xor(v, 5);
	out->add_u32 = ogpu_wave_add_u32(v);
	out->min_u32 = ogpu_wave_min_u32(v);
	out->max_u32 = ogpu_wave_max_u32(v);
	out->min_s32 = ogpu_wave_min_s32(v);
	out->max_s32 = ogpu_wave_max_s32(v);
	out->add_u64 = ogpu_wave_add_u64(v);
	out->min_u64 = ogpu_wave_min_u64(v);
	out->max_u64 = ogpu_wave_max_u64(v);
	out->add_f32 = ogpu_wave_add_f32(x.f);
	out->min_f32 = ogpu_wave_min_f32(x.f);
	out->max_f32 = ogpu_wave_max_f32(x.f);
	/* Two places: first one half of the lanes is active, then the other. */
	if (lane & 1) {
		for (uint32_t i = lane; i; i--)
			asm volatile("");
		out->half = ogpu_wave_ballot(1);
	} else {
		out->half = ogpu_wave_add_u32(1);
	}
	ogpu_wave_barrier();
	out->again = ogpu_wave_ballot(1);
}
