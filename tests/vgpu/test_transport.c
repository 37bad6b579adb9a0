// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Framing of vfio-user messages: what it costs, messages in pieces and in crowds, and to which of
 * them a file descriptor belongs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfio_transport.h"

static struct vfio_conn conn;
static int client;		/* the other end */
static _Atomic unsigned int calls;	/* of what the transport may use, in this thread */
static __thread bool counting;

ssize_t recvmsg(int fd, struct msghdr *mh, int flags)
{
	calls += counting;
	return syscall(SYS_recvmsg, fd, mh, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *mh, int flags)
{
	calls += counting;
	return syscall(SYS_sendmsg, fd, mh, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000l };

	calls += counting;
	return syscall(SYS_ppoll, fds, count, timeout < 0 ? NULL : &ts, NULL, 0);
}

static int setup(void **state)
{
	int fd[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) || !vfio_conn_init(&conn, fd[0]))
		return -1;
	client = fd[1];
	calls = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vfio_conn_fini(&conn);
	close(conn.fd);
	close(client);
	return 0;
}

/* The client sends a message of a body of that size, or the first bytes of it, with descriptors. */
static void put(uint16_t id, uint32_t body, size_t bytes, int fd)
{
	static uint8_t data[64];
	struct vfio_msg_header header = { .id = id, .size = sizeof(header) + body };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = bytes };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	memset(data, id, sizeof(data));
	memcpy(data, &header, sizeof(header));
	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	assert_int_equal(syscall(SYS_sendmsg, client, &mh, 0), bytes);
}

static void whole(uint16_t id, uint32_t body, int fd)
{
	put(id, body, sizeof(struct vfio_msg_header) + body, fd);
}

/* The server receives it, with a descriptor of the same file or none. */
static void got(uint16_t id, uint32_t body, int fd)
{
	struct vfio_msg msg;
	struct stat a, b;

	assert_int_equal(vfio_recv(&conn, &msg), VFIO_RECV_OK);
	assert_int_equal(msg.header.id, id);
	assert_int_equal(msg.size, body);
	for (uint32_t i = 0; i < body; i++)
		assert_int_equal(msg.body[i], id);
	assert_int_equal(msg.fds.count, fd >= 0);
	if (fd >= 0) {
		assert_int_equal(fstat(fd, &a), 0);
		assert_int_equal(fstat(msg.fds.fd[0], &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
	}
	vfio_close_fds(&msg.fds);
}

#define ROUNDS	1000u

static void *ask(void *arg)
{
	struct vfio_msg_header answer;

	(void)arg;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		whole(i % 200, 24, -1);
		assert_int_equal(recv(client, &answer, sizeof(answer), MSG_WAITALL),
				 sizeof(answer));
	}
	return NULL;
}

/* A client that waits for each answer: one call to receive, one to send, for each message. */
static void test_calls(void **state)
{
	struct vfio_msg_header header = { .size = sizeof(header) };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask, NULL), 0);
	counting = true;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		got(i % 200, 24, -1);
		assert_int_equal(vfio_send(&conn, &header, NULL, 0, -1), VFIO_RECV_OK);
	}
	counting = false;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(calls, 2 * ROUNDS);
}

/* A crowd that has arrived at once, with descriptors for some. */
static void test_crowd(void **state)
{
	int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC);

	(void)state;
	whole(1, 8, -1);
	whole(2, 0, a);
	whole(3, 3, -1);
	whole(4, 40, b);
	whole(5, 1, a);
	whole(6, 0, -1);
	got(1, 8, -1);
	got(2, 0, a);
	got(3, 3, -1);
	got(4, 40, b);
	got(5, 1, a);
	got(6, 0, -1);
	close(a);
	close(b);
}

/* The descriptor comes with the first byte, whatever was in front of it. */
static void test_pieces(void **state)
{
	int a = memfd_create("a", MFD_CLOEXEC);

	(void)state;
	for (size_t first = 1; first < sizeof(struct vfio_msg_header) + 8; first++) {
		uint8_t rest[64];
		struct vfio_msg_header header = { .id = 2, .size = sizeof(header) + 8 };
		size_t left = sizeof(header) + 8 - first;

		whole(1, 16, -1);
		put(2, 8, first, a);
		got(1, 16, -1);
		memset(rest, 2, sizeof(rest));
		memcpy(rest, &header, sizeof(header));
		assert_int_equal(send(client, rest + first, left, 0), left);
		whole(3, 0, a);
		got(2, 8, a);
		got(3, 0, a);
	}
	close(a);
}

static void test_ends(void **state)
{
	struct vfio_msg msg;

	(void)state;
	put(1, 8, 20, -1);
	shutdown(client, SHUT_WR);
	assert_int_equal(vfio_recv(&conn, &msg), VFIO_RECV_BROKEN);
	vfio_close_fds(&msg.fds);
}

static void *stop(void *arg)
{
	(void)arg;
	vfio_stop(&conn);
	return NULL;
}

/* Who waits in the middle of a message is stopped all the same. */
static void test_stop(void **state)
{
	struct vfio_msg msg;
	pthread_t thread;

	(void)state;
	put(1, 8, 20, -1);
	assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
	assert_int_equal(vfio_recv(&conn, &msg), VFIO_RECV_CLOSED);
	vfio_close_fds(&msg.fds);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(conn.stopped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu transport", tests, NULL, NULL);
}
