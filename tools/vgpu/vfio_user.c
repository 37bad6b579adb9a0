// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The vfio-user server: what each message does to the card.
 *
 * A message that cannot be understood (wrong size, no negotiation of the version first) ends the
 * connection; one that asks for something impossible is answered with an error. Nothing is ever
 * asked of the client: memory that cannot be mapped from a descriptor, and is not another card's
 * VRAM, is out of the card's reach.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"
#include "peers.h"
#include "vfio_transport.h"
#include "vfio_user.h"

enum command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_GET_INFO = 4,
	CMD_GET_REGION_INFO = 5,
	CMD_GET_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_RESET = 13,
};

/* Fits into 256 bytes with any numbers. */
#define CAPABILITIES "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u," \
	"\"pgsizes\":4096,\"max_dma_maps\":%u}}"

#define PROTOCOL_MAJOR	0
#define PROTOCOL_MINOR	0

struct version {
	uint16_t major, minor;
};

struct dma_map_request {
	uint32_t argsz, flags;
	uint64_t offset, addr, size;
};

struct dma_unmap_request {
	uint32_t argsz, flags;
	uint64_t addr, size;
};

struct region_access {
	uint64_t offset;
	uint32_t region, count;
};

struct server {
	struct vgpu *gpu;
	struct vfio_conn conn;
	struct peers peers;
	bool negotiated;
	enum vfio_recv sent;	/* outcome of the last reply */
	struct vfio_msg msg;
	uint8_t *reply;		/* VFIO_MAX_BODY bytes */
};

/*
 * ROMs and the BARs of cards come without descriptors, which is no reason to worry; so does RAM if
 * QEMU was started without shared memory, which is. On a PC there is RAM at 1 MiB.
 */
#define RAM_ADDR	0x100000u

static const char no_ram[] =
"ogpu-vgpu: the guest's RAM came without a file descriptor, the card cannot reach it;\n"
"ogpu-vgpu: start QEMU with memory-backend-memfd,share=on\n";

/* The message is too short for what it says that it is. */
#define MALFORMED	(-EBADMSG)

static int reply_fd(struct server *s, const void *body, size_t size, int fd)
{
	struct vfio_msg_header header = s->msg.header;

	if (header.flags & VFIO_MSG_NO_REPLY)
		return 0;
	header.size = sizeof(header) + size;
	header.flags = VFIO_MSG_REPLY;
	header.error = 0;
	s->sent = vfio_send(&s->conn, &header, body, size, fd);
	return 0;
}

static int reply(struct server *s, const void *body, size_t size)
{
	return reply_fd(s, body, size, -1);
}

static void reply_error(struct server *s, int error)
{
	struct vfio_msg_header header = s->msg.header;

	if (header.flags & VFIO_MSG_NO_REPLY)
		return;
	header.size = sizeof(header);
	header.flags = VFIO_MSG_REPLY | VFIO_MSG_ERROR;
	header.error = error;
	s->sent = vfio_send(&s->conn, &header, NULL, 0, -1);
}

static int do_version(struct server *s)
{
	struct version *version = (void *)s->reply;
	char *text = (char *)s->reply + sizeof(*version);
	int len;

	if (s->msg.size < sizeof(*version))
		return MALFORMED;
	if (((struct version *)s->msg.body)->major != PROTOCOL_MAJOR)
		return -EPROTONOSUPPORT;
	version->major = PROTOCOL_MAJOR;
	version->minor = PROTOCOL_MINOR;
	len = snprintf(text, 256, CAPABILITIES, VFIO_MAX_FDS, VFIO_MAX_DATA, DMA_TABLE_MAX);
	s->negotiated = true;
	return reply(s, version, sizeof(*version) + len + 1);
}

static int do_dma_map(struct server *s)
{
	const struct dma_map_request *req = (void *)s->msg.body;
	unsigned int access = 0;
	uint64_t offset;
	int fd, err;

	if (s->msg.size < sizeof(*req))
		return MALFORMED;
	if (req->flags & VFIO_DMA_MAP_FLAG_READ)
		access |= DMA_READ;
	if (req->flags & VFIO_DMA_MAP_FLAG_WRITE)
		access |= DMA_WRITE;
	fd = vfio_take_fd(&s->msg, 0);
	if (fd < 0 && req->addr <= RAM_ADDR && req->size > RAM_ADDR - req->addr)
		fputs(no_ram, stderr);
	offset = req->offset;
	if (fd < 0) {
		fd = peers_find(&s->peers, req->addr, req->size);
		offset = fd < 0 ? offset : 0;
	}
	err = dma_table_add(&s->gpu->mem.dma, req->addr, req->size, access, fd, offset);
	vgpu_trace(s->gpu, TRACE_DMA, "map %#llx size %#llx access %u fd %s: %s",
		   (unsigned long long)req->addr, (unsigned long long)req->size, access,
		   fd < 0 ? "no" : "yes", err ? strerror(-err) : "ok");
	if (fd >= 0)
		close(fd);
	return err ? err : reply(s, NULL, 0);
}

static int do_dma_unmap(struct server *s)
{
	const struct dma_unmap_request *req = (void *)s->msg.body;
	int err = 0;

	if (s->msg.size < sizeof(*req))
		return MALFORMED;
	if (req->flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -ENOTSUP;
	if (req->flags & VFIO_DMA_UNMAP_FLAG_ALL)
		memory_unmap_all(s->gpu);
	else
		err = memory_unmap(s->gpu, req->addr, req->size);
	vgpu_trace(s->gpu, TRACE_DMA, "unmap %#llx size %#llx flags %u: %s",
		   (unsigned long long)req->addr, (unsigned long long)req->size, req->flags,
		   err ? strerror(-err) : "ok");
	return err ? err : reply(s, req, sizeof(*req));
}

static int do_get_info(struct server *s)
{
	const uint32_t info[4] = {
		sizeof(info), VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
		VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS,
	};

	return reply(s, info, sizeof(info));
}

static uint64_t region_size(const struct vgpu *gpu, uint32_t region)
{
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return PCI_CONFIG_SIZE;
	return vgpu_bar_size(gpu, region);
}

static int do_get_region_info(struct server *s)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	int fd = -1;

	if (s->msg.size < offsetof(struct vfio_region_info, size))
		return MALFORMED;
	info.index = ((struct vfio_region_info *)s->msg.body)->index;
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.size = region_size(s->gpu, info.index);
	if (info.size)
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (info.index == OGPU_BAR_VRAM) {
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
		fd = s->gpu->mem.vram_fd;
	}
	return reply_fd(s, &info, sizeof(info), fd);
}

static int do_get_irq_info(struct server *s)
{
	struct vfio_irq_info info = { .argsz = sizeof(info) };

	if (s->msg.size < sizeof(info))
		return MALFORMED;
	info.index = ((struct vfio_irq_info *)s->msg.body)->index;
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (info.index == VFIO_PCI_MSIX_IRQ_INDEX) {
		info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
		info.count = OGPU_VECTOR_COUNT;
	}
	return reply(s, &info, sizeof(info));
}

static int set_vectors(struct server *s, const struct vfio_irq_set *set)
{
	struct vgpu *gpu = s->gpu;

	if (set->start >= OGPU_VECTOR_COUNT || set->count > OGPU_VECTOR_COUNT - set->start)
		return -EINVAL;

	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (!set->count)
			irq_disable_all(&gpu->irq);
		for (uint32_t i = 0; i < set->count; i++)
			vgpu_irq_raise(gpu, set->start + i);
		return 0;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		for (uint32_t i = 0; i < set->count; i++)
			irq_set_fd(&gpu->irq, set->start + i, vfio_take_fd(&s->msg, i));
		return 0;
	default:
		return -EINVAL;
	}
}

static int do_set_irqs(struct server *s)
{
	const struct vfio_irq_set *set = (void *)s->msg.body;
	int err = 0;

	if (s->msg.size < sizeof(*set))
		return MALFORMED;
	if (set->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if ((set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTSUP;
	if (set->index == VFIO_PCI_MSIX_IRQ_INDEX)
		err = set_vectors(s, set);
	else if (set->count)
		err = -EINVAL;
	return err ? err : reply(s, NULL, 0);
}

/* Region and range exist, and the data fits into a message. */
static bool access_ok(const struct server *s, const struct region_access *req)
{
	uint64_t size = region_size(s->gpu, req->region);

	return req->count && req->count <= VFIO_MAX_DATA && req->offset < size &&
	       req->count <= size - req->offset;
}

static int do_region_read(struct server *s)
{
	const struct region_access *req = (void *)s->msg.body;
	uint8_t *data = s->reply + sizeof(*req);

	if (s->msg.size < sizeof(*req))
		return MALFORMED;
	if (!access_ok(s, req))
		return -EINVAL;
	memcpy(s->reply, req, sizeof(*req));
	if (req->region == VFIO_PCI_CONFIG_REGION_INDEX)
		vgpu_config_read(s->gpu, req->offset, data, req->count);
	else
		vgpu_bar_read(s->gpu, req->region, req->offset, data, req->count);
	return reply(s, s->reply, sizeof(*req) + req->count);
}

/* Where its VRAM is may have changed. */
static void tell_peers(struct server *s)
{
	peers_tell(&s->peers, pci_config_bar(&s->gpu->pci, OGPU_BAR_VRAM), s->gpu->mem.vram_fd);
}

static int do_region_write(struct server *s)
{
	const struct region_access *req = (void *)s->msg.body;
	const uint8_t *data = s->msg.body + sizeof(*req);

	if (s->msg.size < sizeof(*req) || req->count > s->msg.size - sizeof(*req))
		return MALFORMED;
	if (!access_ok(s, req))
		return -EINVAL;
	if (req->region == VFIO_PCI_CONFIG_REGION_INDEX) {
		vgpu_config_write(s->gpu, req->offset, data, req->count);
		tell_peers(s);
	} else {
		vgpu_bar_write(s->gpu, req->region, req->offset, data, req->count);
	}
	return reply(s, req, sizeof(*req));
}

static int do_reset(struct server *s)
{
	vgpu_reset_by_bus(s->gpu);
	tell_peers(s);
	return reply(s, NULL, 0);
}

/* 0: answered; MALFORMED; else a negative errno to answer with. */
static int handle(struct server *s)
{
	if (!s->negotiated && s->msg.header.command != CMD_VERSION)
		return MALFORMED;

	switch (s->msg.header.command) {
	case CMD_VERSION:
		return do_version(s);
	case CMD_DMA_MAP:
		return do_dma_map(s);
	case CMD_DMA_UNMAP:
		return do_dma_unmap(s);
	case CMD_GET_INFO:
		return do_get_info(s);
	case CMD_GET_REGION_INFO:
		return do_get_region_info(s);
	case CMD_GET_IRQ_INFO:
		return do_get_irq_info(s);
	case CMD_SET_IRQS:
		return do_set_irqs(s);
	case CMD_REGION_READ:
		return do_region_read(s);
	case CMD_REGION_WRITE:
		return do_region_write(s);
	case CMD_RESET:
		return do_reset(s);
	default:
		return -ENOTSUP;
	}
}

/* One message; anything but VFIO_RECV_OK ends the connection. */
static enum vfio_recv serve_one(struct server *s)
{
	enum vfio_recv result = vfio_recv(&s->conn, &s->msg);
	int err;

	if (result != VFIO_RECV_OK)
		goto out;
	if ((s->msg.header.flags & VFIO_MSG_TYPE) != VFIO_MSG_COMMAND) {
		fprintf(stderr, "ogpu-vgpu: message of a type that only a server sends\n");
		result = VFIO_RECV_BROKEN;
		goto out;
	}
	s->sent = VFIO_RECV_OK;
	err = handle(s);
	if (err == MALFORMED) {
		fprintf(stderr, "ogpu-vgpu: malformed message, command %u, %zu bytes\n",
			s->msg.header.command, s->msg.size);
		result = VFIO_RECV_BROKEN;
		goto out;
	}
	if (err)
		reply_error(s, -err);
	result = s->sent;
out:
	vfio_close_fds(&s->msg.fds);
	return result;
}

/* Ends the service when it shall end: receiving and sending themselves look at the client only. */
struct watcher {
	struct vfio_conn *conn;
	int stop_fd, end_fd;
	pthread_t thread;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;
	struct pollfd fds[] = {
		{ .fd = w->stop_fd, .events = POLLIN },
		{ .fd = w->end_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents)
		vfio_stop(w->conn);
	return NULL;
}

static bool start_watcher(struct watcher *w)
{
	w->end_fd = eventfd(0, EFD_CLOEXEC);
	if (w->end_fd < 0)
		return false;
	if (!pthread_create(&w->thread, NULL, watch, w))
		return true;
	close(w->end_fd);
	return false;
}

static void end_watcher(struct watcher *w)
{
	eventfd_write(w->end_fd, 1);
	pthread_join(w->thread, NULL);
	close(w->end_fd);
}

/**
 * vfio_user_serve() - serve a client until it leaves.
 * @gpu: the card
 * @conn: connection; stays the caller's
 * @stop_fd: becomes readable to end the service
 *
 * Return: why it ended.
 */
enum vfio_user_end vfio_user_serve(struct vgpu *gpu, int conn, int stop_fd)
{
	struct server s = { .gpu = gpu };
	struct watcher watcher = { .conn = &s.conn, .stop_fd = stop_fd };

	s.reply = malloc(VFIO_MAX_BODY);
	peers_init(&s.peers, vgpu_config(gpu)->socket_path, conn);
	if (vfio_conn_init(&s.conn, conn) && s.reply && start_watcher(&watcher)) {
		while (serve_one(&s) == VFIO_RECV_OK)
			;
		end_watcher(&watcher);
	} else {
		fprintf(stderr, "ogpu-vgpu: no memory or thread for a client\n");
	}
	peers_fini(&s.peers);
	vfio_conn_fini(&s.conn);
	free(s.reply);
	return s.conn.stopped ? VFIO_USER_STOPPED : VFIO_USER_CLIENT_GONE;
}
