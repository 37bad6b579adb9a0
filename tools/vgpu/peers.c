// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards of the same machine find each other's VRAM.
 *
 * QEMU announces BARs of other cards as DMA mappings without a file: it has mapped them itself and
 * does not know of what. On a real bus a card reaches them like all else. So each card whose BAR 2
 * is on leaves a symbolic link beside its socket, named after the process that is the machine and
 * the address of the BAR, which leads to the descriptor of its VRAM. Cards whose sockets are in the
 * same folder, and that serve the same process, look there when a mapping comes without a file.
 * The card hears of its address before QEMU announces it to others.
 *
 * Behind a virtual IOMMU mappings have addresses of their own, and nothing is found.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peers.h"

/* False: the name is too long. */
static bool link_name(const struct peers *peers, uint64_t addr, char name[PATH_MAX])
{
	int len = snprintf(name, PATH_MAX, "%s/.ogpu-vram-%ld-%llx", peers->folder, peers->client,
			   (unsigned long long)addr);

	return len > 0 && len < PATH_MAX;
}

/**
 * peers_init() - a machine has connected.
 * @peers: none yet
 * @socket_path: where it has
 * @conn: the connection
 */
void peers_init(struct peers *peers, const char *socket_path, int conn)
{
	const char *slash = strrchr(socket_path, '/');
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	int n;

	*peers = (struct peers){ 0 };
	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.pid <= 0)
		return;
	peers->client = cred.pid;
	n = slash ? snprintf(peers->folder, sizeof(peers->folder), "%.*s",
			     (int)(slash - socket_path + 1), socket_path) :
		    snprintf(peers->folder, sizeof(peers->folder), ".");
	if (n < 0 || n >= (int)sizeof(peers->folder))
		peers->folder[0] = '\0';
}

/**
 * peers_fini() - the machine has gone.
 * @peers: after peers_init()
 */
void peers_fini(struct peers *peers)
{
	peers_tell(peers, 0, -1);
}

/**
 * peers_tell() - tell others where this card's VRAM is.
 * @peers: after peers_init()
 * @addr: of BAR 2, 0: off
 * @vram_fd: what it shows
 */
void peers_tell(struct peers *peers, uint64_t addr, int vram_fd)
{
	char target[64], name[PATH_MAX];

	if (!peers->folder[0] || addr == peers->addr)
		return;
	if (peers->link[0])
		unlink(peers->link);
	peers->link[0] = '\0';
	peers->addr = addr;
	if (!addr || !link_name(peers, addr, name))
		return;
	snprintf(target, sizeof(target), "/proc/%ld/fd/%d", (long)getpid(), vram_fd);
	/* Left over from a card that was killed. */
	unlink(name);
	if (symlink(target, name))
		fprintf(stderr, "ogpu-vgpu: %s: %s\n", name, strerror(errno));
	else
		memcpy(peers->link, name, sizeof(name));
}

/* Others who can write to the folder must not have the card map files of theirs, or of its user. */
static bool is_vram(int fd, uint64_t size)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct stat st;

	return fcntl(fd, F_GET_SEALS) == seals && !fstat(fd, &st) && (uint64_t)st.st_size >= size;
}

/**
 * peers_find() - find the VRAM behind a mapping.
 * @peers: after peers_init()
 * @addr: bus address
 * @size: bytes
 *
 * Return: descriptor, of which the mapping shows the beginning; or -1.
 */
int peers_find(const struct peers *peers, uint64_t addr, uint64_t size)
{
	char name[PATH_MAX];
	struct stat st;
	int fd;

	/* Its own is no memory of the host's. */
	if (!peers->folder[0] || addr == peers->addr || !link_name(peers, addr, name))
		return -1;
	if (lstat(name, &st) || !S_ISLNK(st.st_mode) || st.st_uid != geteuid())
		return -1;
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && !is_vram(fd, size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}
