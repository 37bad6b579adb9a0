/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The vfio-user server: one client at a time.
 */
#ifndef OGPU_VGPU_VFIO_USER_H
#define OGPU_VGPU_VFIO_USER_H

struct vgpu;

enum vfio_user_end {
	VFIO_USER_CLIENT_GONE,	/* closed its end, or broke the protocol */
	VFIO_USER_STOPPED,	/* the stop descriptor became readable */
};

enum vfio_user_end vfio_user_serve(struct vgpu *gpu, int conn, int stop_fd);

#endif
