// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Random messages, half of them nearly right: the server may answer, refuse or hang up, and must be
 * there for the next client. OGPU_FUZZ_SEED and OGPU_FUZZ_ROUNDS choose another or a longer run.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define ROUNDS		3000u
#define BODY_MAX	96u

static uint64_t seed = 1;

/* splitmix64: the same everywhere. */
static uint64_t rnd(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Values at which things go wrong. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 8, 9, 16, 32, 0x7f, 0x80, 0xff, 0x1000, 0xfff, 0x100000,
		0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000, 0x1000000,
	};

	return rnd() % 3 ? values[rnd() % ARRAY_SIZE(values)] : rnd();
}

static void fill_body(uint8_t *body, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		uint64_t value = interesting();

		memcpy(body + i, &value, 4);
	}
	/* A sane argsz and short counts reach deeper. */
	if (rnd() % 2 && size >= 16) {
		uint32_t small = rnd() % 64;

		memcpy(body + 8 + 4 * (rnd() % 2), &small, 4);
	}
}

/* False: the server has hung up. */
static bool send_message(struct server *s, int fd)
{
	struct {
		uint16_t id, command;
		uint32_t size, flags, error;
		uint8_t body[BODY_MAX];
	} msg = { .id = rnd(), .command = rnd() % 18 };
	size_t size = rnd() % 8 ? 4 * (rnd() % (BODY_MAX / 4)) : rnd() % BODY_MAX;
	struct iovec iov = { .iov_base = &msg, .iov_len = 16 + size };
	char control[CMSG_SPACE(sizeof(int) * 10)] = { 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned int fds = rnd() % 4 ? rnd() % 3 : rnd() % 10;

	msg.size = rnd() % 20 ? 16 + size : interesting();
	msg.flags = rnd() % 20 ? 0x10 * (rnd() % 2) : interesting();
	fill_body(msg.body, size);
	if (fds) {
		struct cmsghdr *cmsg;

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fds);
		for (unsigned int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
	}
	return sendmsg(s->conn, &mh, MSG_NOSIGNAL) >= 0;
}

/* Takes what answers there are, so that the server never waits for us. False: it has hung up. */
static bool drain(struct server *s)
{
	static uint8_t buf[0x100000];
	ssize_t n;

	do
		n = recv(s->conn, buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0);
	return n < 0 && errno == EAGAIN;
}

static void test_random_messages(void **state)
{
	const char *text = getenv("OGPU_FUZZ_ROUNDS");
	unsigned int rounds = text ? strtoul(text, NULL, 0) : ROUNDS;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct server s;

	(void)state;
	text = getenv("OGPU_FUZZ_SEED");
	if (text)
		seed = strtoull(text, NULL, 0);
	assert_int_equal(ftruncate(fd, 0x10000), 0);
	server_start(&s, NULL);
	for (unsigned int i = 0; i < rounds; i++) {
		client_connect(&s);
		if (rnd() % 16)
			client_negotiate(&s);
		for (unsigned int j = 0; j < 20; j++)
			if (!send_message(&s, fd) || !drain(&s))
				break;
		client_disconnect(&s);
	}
	client_connect(&s);
	client_negotiate(&s);
	assert_int_equal(reg_read(&s, OGPU_GLB_MAGIC), OGPU_MAGIC);
	assert_int_equal(server_stop(&s), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_messages),
	};

	return cmocka_run_group_tests_name("vgpu-vfio-fuzz", tests, NULL, NULL);
}
