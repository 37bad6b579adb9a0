/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Where the trace goes. What writes it is in vgpu.h.
 */
#ifndef OGPU_VGPU_TRACE_H
#define OGPU_VGPU_TRACE_H

#include "vgpu.h"

int trace_open(const char *path);
void trace_close(void);
bool trace_enable(bool on);

#endif
