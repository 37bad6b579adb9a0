/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the compute units can do: the engines enforce it, the discovery table tells it.
 */
#ifndef OGPU_VGPU_CU_LIMITS_H
#define OGPU_VGPU_CU_LIMITS_H

#define VGPU_LANES		32	/* work-items executed together */
#define VGPU_MAX_WORKGROUP	1024	/* work-items */
#define VGPU_LOCAL_BYTES	0x10000	/* for a workgroup */
#define VGPU_PRIVATE_BYTES	0x8000	/* for a work-item */

/* What a unit holds at a time, whichever is used up first. */
#define VGPU_RESIDENT_GROUPS	8
#define VGPU_RESIDENT_WAVES	(VGPU_MAX_WORKGROUP / VGPU_LANES)
#define VGPU_RESIDENT_LOCAL	VGPU_LOCAL_BYTES

/* How units are shared among slots (docs/hardware.md, section 6). */
#define VGPU_QUANTUM_US		1000	/* a unit then goes to the next slot of equal priority */
#define VGPU_STARVE_MS		40	/* no slot with work is without a unit for longer */
#define VGPU_PREEMPT_MS		10	/* PREEMPT and KILL take effect within */

#endif
