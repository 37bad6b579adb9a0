// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu-vgpu: a virtual OGPU-1 card as a vfio-user device. This file is the command line and the
 * loop that serves one client after the other, each with a freshly powered-up card.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "options.h"
#include "socket.h"
#include "trace.h"
#include "vfio_user.h"

enum outcome { STOP, NEXT_CLIENT, FAILED };

/* Power up a card, serve one client, power off. */
static enum outcome serve_client(struct options *opt, int listen_fd, int stop_fd)
{
	struct pollfd fds[] = {
		{ .fd = listen_fd, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	enum outcome outcome = STOP;
	struct vgpu *gpu;
	int conn;

	gpu = vgpu_create(&opt->config);
	if (!gpu)
		return FAILED;
	if (!opt->announced) {
		printf("ogpu-vgpu: ready on %s\n", opt->config.socket_path);
		fflush(stdout);
		opt->announced = true;
	}

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (!fds[1].revents) {
		conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		outcome = NEXT_CLIENT;
		if (conn >= 0) {
			if (vfio_user_serve(gpu, conn, stop_fd) == VFIO_USER_STOPPED || opt->once)
				outcome = STOP;
			close(conn);
		}
	}
	vgpu_destroy(gpu);
	return outcome;
}

/* A descriptor that becomes readable on SIGTERM or SIGINT; threads made later inherit the mask. */
static int open_stop_fd(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	enum outcome outcome;
	struct options opt;
	int listen_fd, stop_fd, err;

	if (!options_parse(&opt, argc, argv))
		return opt.exit_code;
	stop_fd = open_stop_fd();
	if (stop_fd < 0 || sodium_init() < 0) {
		fprintf(stderr, "ogpu-vgpu: cannot set up signals or libsodium\n");
		return EXIT_FAILURE;
	}
	if (opt.config.trace_path) {
		err = trace_open(opt.config.trace_path);
		if (err) {
			fprintf(stderr, "ogpu-vgpu: trace %s: %s\n", opt.config.trace_path,
				strerror(-err));
			return EXIT_FAILURE;
		}
	}
	if (opt.state_path && !nonvol_open(&opt.nonvol, opt.state_path))
		return EXIT_FAILURE;
	listen_fd = socket_listen(opt.config.socket_path);
	if (listen_fd < 0) {
		fprintf(stderr, "ogpu-vgpu: socket %s: %s\n", opt.config.socket_path,
			strerror(-listen_fd));
		return EXIT_FAILURE;
	}

	do
		outcome = serve_client(&opt, listen_fd, stop_fd);
	while (outcome == NEXT_CLIENT);

	close(listen_fd);
	unlink(opt.config.socket_path);
	close(stop_fd);
	trace_close();
	return outcome == FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}
