/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The sockets that others connect to.
 */
#ifndef OGPU_VGPU_SOCKET_H
#define OGPU_VGPU_SOCKET_H

int socket_listen(const char *path);

#endif
