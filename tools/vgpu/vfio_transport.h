/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * vfio-user messages over a UNIX stream socket: framing and passing of file descriptors.
 */
#ifndef OGPU_VGPU_VFIO_TRANSPORT_H
#define OGPU_VGPU_VFIO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFIO_MAX_DATA	0x100000u	/* bytes of data in a message */
#define VFIO_MAX_FDS	8u		/* in a message */

/* Each message starts with this, little-endian like all of the protocol. */
struct vfio_msg_header {
	uint16_t id;		/* chosen by who asks, echoed in the reply */
	uint16_t command;
	uint32_t size;		/* bytes, header included */
	uint32_t flags;
	uint32_t error;		/* errno, in replies with VFIO_MSG_ERROR */
};

#define VFIO_MSG_TYPE		0xfu
#define VFIO_MSG_COMMAND	0u
#define VFIO_MSG_REPLY		1u
#define VFIO_MSG_NO_REPLY	0x10u
#define VFIO_MSG_ERROR		0x20u

#define VFIO_MAX_BODY	(VFIO_MAX_DATA + 64u)

/* A received message. Descriptors that are not taken are closed. */
struct vfio_msg {
	struct vfio_msg_header header;
	size_t size;		/* of the body */
	uint8_t *body;		/* room for VFIO_MAX_BODY */
	int fds[VFIO_MAX_FDS];
	unsigned int fd_count;
};

enum vfio_recv {
	VFIO_RECV_OK,
	VFIO_RECV_CLOSED,	/* orderly end */
	VFIO_RECV_STOPPED,
	VFIO_RECV_BROKEN,	/* malformed, or an error of the socket; has been printed */
};

enum vfio_recv vfio_recv(int conn, int stop_fd, struct vfio_msg *msg);
int vfio_take_fd(struct vfio_msg *msg, unsigned int index);
void vfio_close_fds(struct vfio_msg *msg);
enum vfio_recv vfio_send(int conn, int stop_fd, const struct vfio_msg_header *header,
			 const void *body, size_t size, int fd);

#endif
