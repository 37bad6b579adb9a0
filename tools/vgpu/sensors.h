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
void sensors_set_temp(struct sensors *s, int32_t mdeg);
void sensors_set_brake(struct sensors *s, bool on);
bool sensors_tripped(struct sensors *s);

#endif
