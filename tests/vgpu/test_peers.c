// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Cards of the same machine find each other's VRAM, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peers.h"

#define SIZE	0x10000u
#define ADDR	0x380000000000ull
#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct fixture {
	char dir[64], path[2][96];
	int conn[2];
	int fd[2];		/* of each card's VRAM */
	struct peers peers[2];
};

static int make_memory(int seals)
{
	int fd = memfd_create("vram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* Both sides of the connections are this process. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test_peers.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->conn), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(f->path[i], sizeof(f->path[i]), "%s/card%d.sock", f->dir, i);
		peers_init(&f->peers[i], f->path[i], f->conn[i]);
		f->fd[i] = make_memory(SEALS);
	}
	*state = f;
	return 0;
}

/* Nothing is left in the folder. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		peers_fini(&f->peers[i]);
		close(f->fd[i]);
		close(f->conn[i]);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static bool finds(const struct peers *peers, uint64_t addr, uint64_t size, int expected)
{
	int fd = peers_find(peers, addr, size);
	bool same = fd >= 0 && inode(fd) == inode(expected);

	if (fd >= 0)
		close(fd);
	return same;
}

static void test_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	peers_tell(&f->peers[0], ADDR, f->fd[0]);
	peers_tell(&f->peers[1], 2 * ADDR, f->fd[1]);
	assert_true(finds(&f->peers[1], ADDR, SIZE, f->fd[0]));
	assert_true(finds(&f->peers[1], ADDR, SIZE / 2, f->fd[0]));
	assert_true(finds(&f->peers[0], 2 * ADDR, SIZE, f->fd[1]));
	/* Not its own, nor what is larger, nor what lies elsewhere. */
	assert_int_equal(peers_find(&f->peers[0], ADDR, SIZE), -1);
	assert_int_equal(peers_find(&f->peers[1], ADDR, 2 * SIZE), -1);
	assert_int_equal(peers_find(&f->peers[1], ADDR + SIZE / 2, SIZE / 2), -1);
}

static void test_moved(void **state)
{
	struct fixture *f = *state;

	peers_tell(&f->peers[0], ADDR, f->fd[0]);
	peers_tell(&f->peers[0], ADDR, f->fd[0]);
	assert_true(finds(&f->peers[1], ADDR, SIZE, f->fd[0]));
	peers_tell(&f->peers[0], 4 * ADDR, f->fd[0]);
	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	assert_true(finds(&f->peers[1], 4 * ADDR, SIZE, f->fd[0]));
	peers_tell(&f->peers[0], 0, f->fd[0]);
	assert_int_equal(peers_find(&f->peers[1], 4 * ADDR, SIZE), -1);
}

/* What was left by a card that was killed is replaced; another machine's is not seen. */
static void test_others(void **state)
{
	struct fixture *f = *state;
	struct peers stranger = f->peers[1];
	char name[128];

	snprintf(name, sizeof(name), "%s/.ogpu-vram-%ld-%llx", f->dir, (long)getpid(), ADDR);
	assert_int_equal(symlink("/nowhere", name), 0);
	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	peers_tell(&f->peers[0], ADDR, f->fd[0]);
	assert_true(finds(&f->peers[1], ADDR, SIZE, f->fd[0]));
	stranger.client++;
	assert_int_equal(peers_find(&stranger, ADDR, SIZE), -1);
}

/* Files that are no VRAM are not mapped, however they come there. */
static void test_no_vram(void **state)
{
	struct fixture *f = *state;
	int loose = make_memory(0), fd;
	char name[128];

	snprintf(name, sizeof(name), "%s/.ogpu-vram-%ld-%llx", f->dir, (long)getpid(), ADDR);
	peers_tell(&f->peers[0], ADDR, loose);
	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	peers_tell(&f->peers[0], 0, loose);
	close(loose);

	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	close(fd);
	unlink(name);
	assert_int_equal(symlink("/etc/passwd", name), 0);
	assert_int_equal(peers_find(&f->peers[1], ADDR, SIZE), -1);
	unlink(name);
}

/* A path that is too long, a folder that is not there: no peers, and no harm. */
static void test_no_folder(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX + 64];
	struct peers peers;

	memset(path, 'x', sizeof(path));
	path[PATH_MAX + 32] = '/';
	path[sizeof(path) - 1] = '\0';
	peers_init(&peers, path, f->conn[0]);
	peers_tell(&peers, ADDR, f->fd[0]);
	assert_int_equal(peers_find(&peers, 2 * ADDR, SIZE), -1);
	peers_fini(&peers);
	peers_init(&peers, "/nowhere/card.sock", f->conn[0]);
	assert_int_equal(peers_find(&peers, ADDR, SIZE), -1);
	peers_fini(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_vram, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-peers", tests, NULL, NULL);
}
