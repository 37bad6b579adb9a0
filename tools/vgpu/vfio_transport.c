// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Framing. A client that stops in the middle of a message or does not read replies blocks only
 * itself: all waits also look at the stop descriptor.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio_transport.h"

static enum vfio_recv wait_for(int conn, int stop_fd, short events)
{
	struct pollfd fds[] = {
		{ .fd = conn, .events = events },
		{ .fd = stop_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR) {
			perror("ogpu-vgpu: poll");
			return VFIO_RECV_BROKEN;
		}
	}
	return fds[1].revents ? VFIO_RECV_STOPPED : VFIO_RECV_OK;
}

/* Collect descriptors; false if there are more than agreed. */
static bool take_control(struct msghdr *mh, struct vfio_msg *msg)
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
			if (msg->fd_count < VFIO_MAX_FDS) {
				msg->fds[msg->fd_count++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

/* Exactly @size bytes. @started: the end of the stream is an error here. */
static enum vfio_recv recv_all(int conn, int stop_fd, struct vfio_msg *msg, void *buf, size_t size,
			       bool started)
{
	uint8_t *at = buf;

	while (size) {
		char control[CMSG_SPACE(sizeof(int) * VFIO_MAX_FDS)];
		struct iovec iov = { .iov_base = at, .iov_len = size };
		struct msghdr mh = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		enum vfio_recv ready = wait_for(conn, stop_fd, POLLIN);
		ssize_t n;

		if (ready != VFIO_RECV_OK)
			return ready;
		n = recvmsg(conn, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0 && errno == ECONNRESET)
			n = 0;
		if (n < 0) {
			perror("ogpu-vgpu: receive");
			return VFIO_RECV_BROKEN;
		}
		if (n == 0 && !started)
			return VFIO_RECV_CLOSED;
		if (n == 0) {
			fprintf(stderr, "ogpu-vgpu: client left in the middle of a message\n");
			return VFIO_RECV_BROKEN;
		}
		if (!take_control(&mh, msg)) {
			fprintf(stderr, "ogpu-vgpu: more than %u file descriptors in a message\n",
				VFIO_MAX_FDS);
			return VFIO_RECV_BROKEN;
		}
		started = true;
		at += n;
		size -= n;
	}
	return VFIO_RECV_OK;
}

/**
 * vfio_recv() - receive one message.
 * @conn: connection
 * @stop_fd: becomes readable to end the wait
 * @msg: result; its body must have room for VFIO_MAX_BODY. The caller calls vfio_close_fds().
 *
 * Return: VFIO_RECV_OK if the message is whole and its header sane.
 */
enum vfio_recv vfio_recv(int conn, int stop_fd, struct vfio_msg *msg)
{
	struct vfio_msg_header *header = &msg->header;
	enum vfio_recv result;

	msg->fd_count = 0;
	msg->size = 0;
	result = recv_all(conn, stop_fd, msg, header, sizeof(*header), false);
	if (result != VFIO_RECV_OK)
		return result;
	if (header->size < sizeof(*header) || header->size - sizeof(*header) > VFIO_MAX_BODY) {
		fprintf(stderr, "ogpu-vgpu: message of %u bytes, between %zu and %zu allowed\n",
			header->size, sizeof(*header), sizeof(*header) + VFIO_MAX_BODY);
		return VFIO_RECV_BROKEN;
	}
	msg->size = header->size - sizeof(*header);
	return recv_all(conn, stop_fd, msg, msg->body, msg->size, true);
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

	if (index >= msg->fd_count)
		return -1;
	fd = msg->fds[index];
	msg->fds[index] = -1;
	return fd;
}

/**
 * vfio_close_fds() - close the descriptors that nobody took.
 * @msg: the message
 */
void vfio_close_fds(struct vfio_msg *msg)
{
	for (unsigned int i = 0; i < msg->fd_count; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->fd_count = 0;
}

/**
 * vfio_send() - send one message.
 * @conn: connection
 * @stop_fd: becomes readable to end the wait
 * @header: header
 * @body: what follows
 * @size: bytes of @body
 * @fd: descriptor to pass along, or -1
 *
 * Return: VFIO_RECV_OK if all of it is on its way.
 */
enum vfio_recv vfio_send(int conn, int stop_fd, const struct vfio_msg_header *header,
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
		enum vfio_recv ready;
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
		n = sendmsg(conn, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return VFIO_RECV_CLOSED;
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			perror("ogpu-vgpu: send");
			return VFIO_RECV_BROKEN;
		}
		if (n < 0) {
			ready = wait_for(conn, stop_fd, POLLOUT);
			if (ready != VFIO_RECV_OK)
				return ready;
			continue;
		}
		sent += n;
		fd = -1;
	}
	return VFIO_RECV_OK;
}
