// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The control socket: its thread, its clients, lines in and out. What the commands do is in
 * control_commands.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control_commands.h"
#include "control.h"
#include "device.h"
#include "socket.h"

#define CLIENTS_MAX	8
#define LINE_MAX_SIZE	4096

struct client {
	int fd;			/* -1: free */
	size_t used;
	char line[LINE_MAX_SIZE];
};

struct control {
	struct vgpu *gpu;
	const char *path;
	int listen_fd, stop_fd;
	pthread_t thread;
	struct client clients[CLIENTS_MAX];
};

static void drop_client(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->used = 0;
}

static void accept_client(struct control *ctl)
{
	int fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
		if (ctl->clients[i].fd < 0) {
			ctl->clients[i].fd = fd;
			return;
		}
	}
	close(fd);
}

/*
 * An answer and the end of its line go out as one, so that who reads once finds both. Answers are
 * short: a client that lets its socket buffer fill up is dropped.
 */
static bool answer(struct control *ctl, struct client *client, const char *line)
{
	char *text = control_command(ctl->gpu, line);
	struct iovec parts[] = {
		{ .iov_base = text, .iov_len = text ? strlen(text) : 0 },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	const struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	bool ok;

	ok = text && sendmsg(client->fd, &msg, MSG_NOSIGNAL) == (ssize_t)parts[0].iov_len + 1;
	free(text);
	return ok;
}

/* Reads what is there and runs all whole lines; false: drop the client. */
static bool serve_client(struct control *ctl, struct client *client)
{
	ssize_t n = recv(client->fd, client->line + client->used,
			 sizeof(client->line) - client->used, 0);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	client->used += n;
	while ((end = memchr(client->line, '\n', client->used))) {
		size_t len = end + 1 - client->line;

		*end = '\0';
		if (!answer(ctl, client, client->line))
			return false;
		client->used -= len;
		memmove(client->line, end + 1, client->used);
	}
	return client->used < sizeof(client->line);
}

static void *control_thread(void *arg)
{
	struct control *ctl = arg;

	for (;;) {
		struct pollfd fds[2 + CLIENTS_MAX] = {
			{ .fd = ctl->stop_fd, .events = POLLIN },
			{ .fd = ctl->listen_fd, .events = POLLIN },
		};

		for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
			fds[2 + i].fd = ctl->clients[i].fd;
			fds[2 + i].events = POLLIN;
		}
		if (poll(fds, 2 + CLIENTS_MAX, -1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (fds[0].revents)
			break;
		for (unsigned int i = 0; i < CLIENTS_MAX; i++)
			if (fds[2 + i].revents && !serve_client(ctl, &ctl->clients[i]))
				drop_client(&ctl->clients[i]);
		if (fds[1].revents)
			accept_client(ctl);
	}
	return NULL;
}

/**
 * control_create() - open the control socket.
 * @gpu: the card
 * @path: where; a socket that is left over there is replaced. Stays the caller's.
 *
 * Return: the control socket, or NULL; what is wrong has been printed.
 */
struct control *control_create(struct vgpu *gpu, const char *path)
{
	struct control *ctl = calloc(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	ctl->gpu = gpu;
	ctl->path = path;
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		ctl->clients[i].fd = -1;
	ctl->listen_fd = socket_listen(path);
	if (ctl->listen_fd < 0) {
		fprintf(stderr, "ogpu-vgpu: control socket %s: %s\n", path,
			strerror(-ctl->listen_fd));
		goto err_free;
	}
	ctl->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (ctl->stop_fd < 0)
		goto err_listen;
	if (pthread_create(&ctl->thread, NULL, control_thread, ctl))
		goto err_stop;
	return ctl;

err_stop:
	close(ctl->stop_fd);
err_listen:
	close(ctl->listen_fd);
	unlink(path);
err_free:
	free(ctl);
	return NULL;
}

/**
 * control_destroy() - close the control socket and its clients' connections.
 * @ctl: the control socket, NULL is allowed
 */
void control_destroy(struct control *ctl)
{
	const uint64_t one = 1;

	if (!ctl)
		return;
	if (write(ctl->stop_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(ctl->thread, NULL);
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (ctl->clients[i].fd >= 0)
			drop_client(&ctl->clients[i]);
	close(ctl->stop_fd);
	close(ctl->listen_fd);
	unlink(ctl->path);
	free(ctl);
}
