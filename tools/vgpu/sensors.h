/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What sensors offer beyond their registers (vgpu.h).
 */
#ifndef OGPU_VGPU_SENSORS_H
#define OGPU_VGPU_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

struct sensors;

void sensors_reset(struct sensors *s);
uint64_t sensors_energy(struct sensors *s);
void sensors_count_ecc(struct sensors *s, bool corrected);
void sensors_set_temp(struct sensors *s, int32_t mdeg);

#endif
