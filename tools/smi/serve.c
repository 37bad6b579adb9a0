// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Metrics over HTTP, on a TCP or Unix socket, for scrapers. One process serves all connections by
 * turns; each has two seconds to ask and as long to take the answer, not counting the time for
 * which cards are read. When there are too many the oldest one makes room, so that nobody can keep
 * others out by being slow. Cards are read at most once a second, however many ask.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

#define CONNECTIONS	16
#define CONNECTION_MS	2000
#define FRESH_MS	1000

struct connection {
	int fd;			/* negative: free */
	int64_t deadline;
	char request[4096];
	size_t got;
	char *answer;		/* set once the request is whole */
	size_t size, sent;
};

struct server {
	const struct smi_options *opt;
	struct connection connections[CONNECTIONS];
	char *metrics;
	int64_t read_at;
	bool failed;		/* and it was said */
};

static int listen_unix(const char *path, struct fw_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fw_fail(err, FW_EXIT_USAGE, "%s: too long for a socket", path);
		goto close;
	}
	if (!path[0]) {
		fw_fail(err, FW_EXIT_USAGE, "--listen: unix: needs a path");
		goto close;
	}
	strcpy(address.sun_path, path);
	/* One that nobody listens to any more is in the way; nothing else is removed. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode) &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno == ECONNREFUSED)
		unlink(path);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !listen(fd, CONNECTIONS))
		return fd;
	fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
close:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* "HOST:PORT", HOST in brackets if it has colons itself. Numbers only: nothing is looked up. */
static int listen_tcp(const char *text, struct fw_error *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	int fd, on = 1, ret = -1;
	struct addrinfo *found;
	uint32_t port;
	char host[80];

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host) ||
	    !parse_u32(colon + 1, 65535, &port) || !port)
		return fw_fail(err, FW_EXIT_USAGE,
			       "--listen: '%s' is neither unix:PATH nor ADDRESS:PORT", text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (getaddrinfo(host, colon + 1, &hints, &found))
		return fw_fail(err, FW_EXIT_USAGE, "--listen: '%s' has no numeric address and port",
			       text);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		ret = bind(fd, found->ai_addr, found->ai_addrlen);
	}
	freeaddrinfo(found);
	if (!ret && !listen(fd, CONNECTIONS))
		return fd;
	fw_fail(err, FW_EXIT_FAILED, "%s: %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void end(struct connection *connection)
{
	close(connection->fd);
	free(connection->answer);
	connection->fd = -1;
	connection->answer = NULL;
}

static void begin(struct server *server, int fd)
{
	struct connection *oldest = server->connections, *one;

	for (one = server->connections; one != server->connections + CONNECTIONS; one++) {
		if (one->fd < 0) {
			oldest = one;
			break;
		}
		if (one->deadline < oldest->deadline)
			oldest = one;
	}
	if (oldest->fd >= 0)
		end(oldest);
	oldest->fd = fd;
	oldest->deadline = smi_now_ms() + CONNECTION_MS;
	oldest->got = 0;
	oldest->sent = 0;
}

/* The metrics of not longer ago than that; NULL if they cannot be had. */
static const char *fresh(struct server *server)
{
	int64_t start = smi_now_ms();
	struct smi_cards cards;
	struct fw_error err;
	unsigned int i;

	if (server->metrics && start - server->read_at < FRESH_MS)
		return server->metrics;
	free(server->metrics);
	server->metrics = NULL;
	if (smi_read(&cards, server->opt, server->opt->read_ms, &err)) {
		/* Once, however many ask. */
		if (!server->failed)
			fw_warn("%s", err.text);
		server->failed = true;
		return NULL;
	}
	server->failed = false;
	server->metrics = smi_metrics(&cards);
	server->read_at = smi_now_ms();
	for (i = 0; i < CONNECTIONS; i++)
		server->connections[i].deadline += server->read_at - start;
	smi_free(&cards);
	return server->metrics;
}

static void answer(struct server *server, struct connection *connection)
{
	const char *request = connection->request, *status = "200 OK", *text = NULL;
	int size;

	if (strncmp(request, "GET ", 4)) {
		status = "405 Method Not Allowed";
	} else if (strncmp(request + 4, "/metrics", 8) || !strchr(" ?", request[12])) {
		status = "404 Not Found";
	} else {
		text = fresh(server);
		if (!text)
			status = "500 Internal Server Error";
	}
	size = asprintf(&connection->answer,
			"HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
			"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			status, text ? strlen(text) : 0, text ? text : "");
	connection->deadline = smi_now_ms() + CONNECTION_MS;
	connection->size = size < 0 ? 0 : (size_t)size;
	if (size < 0)
		connection->answer = NULL;
}

static void go_on(struct server *server, struct connection *connection)
{
	ssize_t done;

	if (!connection->answer) {
		done = recv(connection->fd, connection->request + connection->got,
			    sizeof(connection->request) - 1 - connection->got, 0);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (done <= 0)
			goto end;
		connection->got += (size_t)done;
		connection->request[connection->got] = '\0';
		if (!strstr(connection->request, "\r\n\r\n")) {
			if (connection->got == sizeof(connection->request) - 1)
				goto end;
			return;
		}
		answer(server, connection);
		if (!connection->answer)
			goto end;
	}
	done = send(connection->fd, connection->answer + connection->sent,
		    connection->size - connection->sent, MSG_NOSIGNAL);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done >= 0)
		connection->sent += (size_t)done;
	if (done >= 0 && connection->sent < connection->size)
		return;
end:
	end(connection);
}

static void expire(struct server *server)
{
	int64_t now = smi_now_ms();
	unsigned int i;

	for (i = 0; i < CONNECTIONS; i++)
		if (server->connections[i].fd >= 0 && server->connections[i].deadline <= now)
			end(&server->connections[i]);
}

static void serve(struct server *server, int fd, int64_t until)
{
	struct pollfd polls[CONNECTIONS + 1];
	unsigned int i;

	while (!until || smi_now_ms() < until) {
		polls[CONNECTIONS] = (struct pollfd){ .fd = fd, .events = POLLIN };
		for (i = 0; i < CONNECTIONS; i++) {
			const struct connection *one = &server->connections[i];

			polls[i].fd = one->fd;
			polls[i].events = one->answer ? POLLOUT : POLLIN;
		}
		/* Deadlines are kept to the tenth of a second. */
		if (poll(polls, CONNECTIONS + 1, 100) < 0)
			continue;
		for (i = 0; i < CONNECTIONS; i++)
			if (polls[i].fd >= 0 && polls[i].revents)
				go_on(server, &server->connections[i]);
		/* What has come in time counts, also if something else was done meanwhile. */
		expire(server);
		if (polls[CONNECTIONS].revents) {
			int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

			if (one >= 0)
				begin(server, one);
		}
	}
}

int smi_serve(const struct smi_options *opt, struct fw_error *err)
{
	struct server server = { .opt = opt };
	unsigned int i;
	int fd;

	fd = strncmp(opt->listen, "unix:", 5) ? listen_tcp(opt->listen, err) :
						listen_unix(opt->listen + 5, err);
	if (fd < 0)
		return -1;
	for (i = 0; i < CONNECTIONS; i++)
		server.connections[i].fd = -1;
	serve(&server, fd, opt->timeout_s ? smi_now_ms() + opt->timeout_s * 1000ll : 0);
	for (i = 0; i < CONNECTIONS; i++)
		if (server.connections[i].fd >= 0)
			end(&server.connections[i]);
	free(server.metrics);
	close(fd);
	if (!strncmp(opt->listen, "unix:", 5))
		unlink(opt->listen + 5);
	return 0;
}
