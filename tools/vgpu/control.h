/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The control socket: state and fault injection.
 */
#ifndef OGPU_VGPU_CONTROL_H
#define OGPU_VGPU_CONTROL_H

struct control;
struct vgpu;

struct control *control_create(struct vgpu *gpu, const char *path);
void control_destroy(struct control *ctl);

#endif
