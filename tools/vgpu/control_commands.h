/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Commands of the control socket.
 */
#ifndef OGPU_VGPU_CONTROL_COMMANDS_H
#define OGPU_VGPU_CONTROL_COMMANDS_H

struct vgpu;

char *control_command(struct vgpu *gpu, const char *line);

#endif
