// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Framing. A message costs two system calls: one that receives all that has arrived, and one that
 * sends the answer. Both may block, on a client that stops in the middle of a message or does not
 * read replies; vfio_stop() ends them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio_transport.h"

#define MAX_MESSAGE	(sizeof(struct vfio_msg_header) + VFIO_MAX_BODY)

/**
 * vfio_conn_init() - begin with a connection.
 * @conn: to be initialised
 * @fd: the socket, which stays the caller's
 *
 * Return: false if there is no memory.
 */
bool vfio_conn_init(struct vfio_conn *conn, int fd)
{
	*conn = (struct vfio_conn){ .fd = fd, .buf = malloc(MAX_MESSAGE) };
	return conn->buf;
}

/**
 * vfio_conn_fini() - end of a connection.
 * @conn: the connection; nobody may use it any more
 */
void vfio_conn_fini(struct vfio_conn *conn)
{
	vfio_close_fds(&conn->later);
	free(conn->buf);
}

/**
 * vfio_stop() - make vfio_recv() and vfio_send() return, now and from now on.
 * @conn: the connection
 *
 * Any thread.
 */
void vfio_stop(struct vfio_conn *conn)
{
	conn->stopped = true;
	shutdown(conn->fd, SHUT_RDWR);
}

/**
 * vfio_close_fds() - close descriptors that nobody took.
 * @fds: the descriptors
 */
void vfio_close_fds(struct vfio_fds *fds)
{
	for (unsigned int i = 0; i < fds->count; i++)
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	fds->count = 0;
}

/* Collect descriptors; false if there are more than agreed. */
static bool take_control(struct msghdr *mh, struct vfio_fds *fds)
{
	struct cmsghdr *cmsg;
	bool ok = !(mh->msg_flags & MSG_CTRUNC);

	for (cmsg = CMSG_FIRSTHDR(mh); cmsg; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (fds->count < VFIO_MAX_FDS) {
				fds->fd[fds->count++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

/* Bytes of the message at the start of what there is; 0 if that is not known yet. */
static size_t message_size(const uint8_t *at, size_t have)
{
	struct vfio_msg_header header;

	if (have < sizeof(header))
		return 0;
	memcpy(&header, at, sizeof(header));
	return header.size < sizeof(header) ? sizeof(header) : header.size;
}

/* Where the last message begins of which there is a byte at least. */
static size_t last_begin(const struct vfio_conn *conn)
{
	size_t at = 0, size;

	for (;;) {
		size = message_size(conn->buf + at, conn->have - at);
		if (!size || size >= conn->have - at)
			return at;
		at += size;
	}
}

/*
 * More bytes. The kernel hands out descriptors together with the first byte that was sent with
 * them, and nothing that was sent later: they belong to the last message that has begun.
 */
static enum vfio_recv take_bytes(struct vfio_conn *conn, struct vfio_fds *current)
{
	char control[CMSG_SPACE(sizeof(int) * VFIO_MAX_FDS)];
	struct iovec iov = {
		.iov_base = conn->buf + conn->have, .iov_len = MAX_MESSAGE - conn->have,
	};
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	do
		n = recvmsg(conn->fd, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET) {
		perror("ogpu-vgpu: receive");
		return VFIO_RECV_BROKEN;
	}
	if (n <= 0) {
		if (conn->stopped || !conn->have)
			return VFIO_RECV_CLOSED;
		fprintf(stderr, "ogpu-vgpu: client left in the middle of a message\n");
		return VFIO_RECV_BROKEN;
	}
	conn->have += n;
	conn->later_at = last_begin(conn);
	if (!take_control(&mh, conn->later_at ? &conn->later : current)) {
		fprintf(stderr, "ogpu-vgpu: more than %u file descriptors in a message\n",
			VFIO_MAX_FDS);
		return VFIO_RECV_BROKEN;
	}
	return VFIO_RECV_OK;
}

/* What was handed out makes room; what came after it moves to the front. */
static void advance(struct vfio_conn *conn, struct vfio_fds *current)
{
	conn->have -= conn->used;
	memmove(conn->buf, conn->buf + conn->used, conn->have);
	current->count = 0;
	if (conn->later.count && conn->later_at == conn->used) {
		*current = conn->later;
		conn->later.count = 0;
	}
	conn->later_at -= conn->used;
	conn->used = 0;
}

/**
 * vfio_recv() - receive one message.
 * @conn: connection
 * @msg: result. The caller calls vfio_close_fds() for its descriptors.
 *
 * Return: VFIO_RECV_OK if the message is whole and its header sane.
 */
enum vfio_recv vfio_recv(struct vfio_conn *conn, struct vfio_msg *msg)
{
	struct vfio_msg_header *header = &msg->header;
	enum vfio_recv result;

	advance(conn, &msg->fds);
	while (conn->have < sizeof(*header)) {
		result = take_bytes(conn, &msg->fds);
		if (result != VFIO_RECV_OK)
			return result;
	}
	memcpy(header, conn->buf, sizeof(*header));
	if (header->size < sizeof(*header) || header->size > MAX_MESSAGE) {
		fprintf(stderr, "ogpu-vgpu: message of %u bytes, between %zu and %zu allowed\n",
			header->size, sizeof(*header), MAX_MESSAGE);
		return VFIO_RECV_BROKEN;
	}
	while (conn->have < header->size) {
		result = take_bytes(conn, &msg->fds);
		if (result != VFIO_RECV_OK)
			return result;
	}
	msg->size = header->size - sizeof(*header);
	msg->body = conn->buf + sizeof(*header);
	conn->used = header->size;
	return VFIO_RECV_OK;
}

/**
 * vfio_take_fd() - take over a descriptor of a message.
 * @msg: the message
 * @index: which one
 *
 * Return: the descriptor, the caller's to close; -1 if the message has no such descriptor.
 */
int vfio_take_fd(struct vfio_msg *msg, unsigned int index)
{
	int fd;

	if (index >= msg->fds.count)
		return -1;
	fd = msg->fds.fd[index];
	msg->fds.fd[index] = -1;
	return fd;
}

/**
 * vfio_send() - send one message.
 * @conn: connection
 * @header: header
 * @body: what follows
 * @size: bytes of @body
 * @fd: descriptor to pass along, or -1
 *
 * Return: VFIO_RECV_OK if all of it is on its way.
 */
enum vfio_recv vfio_send(struct vfio_conn *conn, const struct vfio_msg_header *header,
			 const void *body, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	const size_t total = sizeof(*header) + size;
	size_t sent = 0;

	while (sent < total) {
		size_t head = sent < sizeof(*header) ? sizeof(*header) - sent : 0;
		size_t tail = sent < sizeof(*header) ? 0 : sent - sizeof(*header);
		struct iovec iov[] = {
			{ .iov_base = (char *)header + sizeof(*header) - head, .iov_len = head },
			{ .iov_base = (char *)body + tail, .iov_len = size - tail },
		};
		struct msghdr mh = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
		ssize_t n;

		if (fd >= 0) {
			struct cmsghdr *cmsg;

			mh.msg_control = control;
			mh.msg_controllen = sizeof(control);
			cmsg = CMSG_FIRSTHDR(&mh);
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
			memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		}
		n = sendmsg(conn->fd, &mh, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return VFIO_RECV_CLOSED;
		if (n < 0) {
			perror("ogpu-vgpu: send");
			return VFIO_RECV_BROKEN;
		}
		sent += n;
		fd = -1;
	}
	return VFIO_RECV_OK;
}
