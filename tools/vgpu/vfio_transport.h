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

struct vfio_fds {
	int fd[VFIO_MAX_FDS];
	unsigned int count;
};

/* A received message. Descriptors that are not taken are closed. */
struct vfio_msg {
	struct vfio_msg_header header;
	size_t size;		/* of the body */
	const uint8_t *body;	/* good until the next one is received */
	struct vfio_fds fds;
};

/* A connection, and what has arrived of messages that nobody has asked for yet. */
struct vfio_conn {
	int fd;
	_Atomic bool stopped;	/* somebody has called vfio_stop() */
	uint8_t *buf;		/* room for the longest message */
	size_t have;		/* bytes in it */
	size_t used;		/* of them, those of the message handed out last */
	struct vfio_fds later;	/* descriptors of the last message that has begun */
	size_t later_at;	/* where that begins */
};

enum vfio_recv {
	VFIO_RECV_OK,
	VFIO_RECV_CLOSED,	/* orderly end, or stopped */
	VFIO_RECV_BROKEN,	/* malformed, or an error of the socket; has been printed */
};

bool vfio_conn_init(struct vfio_conn *conn, int fd);
void vfio_conn_fini(struct vfio_conn *conn);
void vfio_stop(struct vfio_conn *conn);
enum vfio_recv vfio_recv(struct vfio_conn *conn, struct vfio_msg *msg);
int vfio_take_fd(struct vfio_msg *msg, unsigned int index);
void vfio_close_fds(struct vfio_fds *fds);
enum vfio_recv vfio_send(struct vfio_conn *conn, const struct vfio_msg_header *header,
			 const void *body, size_t size, int fd);

#endif
