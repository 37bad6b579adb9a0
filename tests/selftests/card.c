// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What tests of the ogpu uapi have in common (see card.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "card.h"

#define FIRST_VA	0x100000000ull
#define QUEUE_WAIT_MS	10000
#define MEMORY_WAIT_MS	30000
#define OPEN_WAIT_MS	20000
#define ASLEEP_WAIT_MS	30000

__attribute__((noreturn)) static void die(const char *what, int ret)
{
	printf("# %s: %s\n", what, strerror(-ret));
	fflush(stdout);
	_exit(1);
}

bool is_asleep(pid_t thread, int where)
{
	char path[64], text[64];
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = 0;

	/* "running", or the number of the system call and its arguments. */
	return got > 0 && text[0] != 'r' && atoi(text) == where;
}

void wait_asleep(pid_t thread, int where)
{
	uint64_t end = time_limit(ASLEEP_WAIT_MS);

	while (!is_asleep(thread, where)) {
		if (time_ms() >= end)
			die("a thread does not come to wait", -ETIME);
		sleep_ms(1);
	}
}

uint64_t time_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	poll(NULL, 0, ms);
}

unsigned int time_scale(void)
{
	const char *text = getenv("TEST_SCALE");
	unsigned long scale = text ? strtoul(text, NULL, 10) : 1;

	return scale >= 1 && scale <= 1000 ? scale : 1;
}

uint64_t time_limit(unsigned int ms)
{
	return time_ms() + (uint64_t)ms * time_scale();
}

int64_t time_limit_ns(unsigned int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000ll * time_scale();
}

bool card_private;

int card_ioctl(const struct card *card, unsigned long request, void *arg)
{
	return drmIoctl(card->fd, request, arg) ? -errno : 0;
}

void card_let_all(void)
{
	glob_t nodes;
	size_t i;

	if (glob("/dev/dri/renderD*", 0, NULL, &nodes))
		die("no render node", -ENODEV);
	for (i = 0; i < nodes.gl_pathc; i++) {
		if (chmod(nodes.gl_pathv[i], 0666))
			die("chmod of a render node", -errno);
	}
	globfree(&nodes);
}

static int open_node(unsigned int number)
{
	char path[64];
	int i;

	for (i = 128; i < 192; i++) {
		drmVersionPtr version;
		bool found;
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, "ogpu");
		drmFreeVersion(version);
		if (found && !number--)
			return fd;
		close(fd);
	}

	return -1;
}

/* A card that is being reset, because of the test before, is waited for. */
static void open_file(struct card *card, unsigned int number)
{
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_DEVICE,
		.size = sizeof(card->info),
		.pointer = (uintptr_t)&card->info,
	};
	uint64_t end = time_limit(OPEN_WAIT_MS);
	int ret;

	memset(card, 0, sizeof(*card));
	card->next_va = FIRST_VA;
	for (;;) {
		card->fd = open_node(number);
		if (card->fd < 0)
			die("no render node of an ogpu card: is its firmware loaded?", -ENODEV);
		ret = card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &query);
		if (!ret)
			return;
		if (ret != -ENODEV || time_ms() > end)
			die("QUERY", ret);
		close(card->fd);
		sleep_ms(10);
	}
}

static void create_vm(struct card *card)
{
	struct drm_ogpu_vm_create vm = {};
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_VM_CREATE, &vm);

	if (ret)
		die("VM_CREATE", ret);
	card->vm = vm.vm_id;
}

void card_open(struct card *card)
{
	card_open_number(card, 0);
}

void card_open_number(struct card *card, unsigned int number)
{
	open_file(card, number);
	create_vm(card);
}

void card_open_unused(struct card *card)
{
	card_open_number_unused(card, 0);
}

void card_open_number_unused(struct card *card, unsigned int number)
{
	struct drm_ogpu_query_memory none = {};

	open_file(card, number);
	if (card_wait_memory(card, &none))
		die("memory of programs that ended does not come back", -ETIME);
	create_vm(card);
}

void card_close(struct card *card)
{
	close(card->fd);
	card->fd = -1;
}

int card_buffer_create(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement)
{
	struct drm_ogpu_bo_create create = {
		.size = size,
		.placement = placement,
		.flags = DRM_OGPU_BO_CPU_ACCESS,
		.vm_id = card_private ? card->vm : 0,
	};
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &create);

	memset(buf, 0, sizeof(*buf));
	if (ret)
		return ret;
	buf->handle = create.handle;
	buf->size = create.size;

	return 0;
}

struct drm_ogpu_array card_array(const void *elems, uint32_t stride, uint32_t count)
{
	return (struct drm_ogpu_array) {
		.stride = stride,
		.count = count,
		.array = count ? (uintptr_t)elems : 0,
	};
}

static int vm_bind(struct card *card, struct drm_ogpu_bind_op *op)
{
	struct drm_ogpu_vm_bind bind = {
		.vm_id = card->vm,
		.ops = CARD_ARRAY(op, 1),
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, &bind);
}

struct drm_ogpu_bind_op card_map_op(const struct buffer *buf, uint64_t offset, uint64_t va,
				    uint64_t size)
{
	return (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP,
		.flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE,
		.bo_handle = buf->handle,
		.bo_offset = offset,
		.va = va,
		.size = size,
	};
}

struct drm_ogpu_bind_op card_unmap_op(uint64_t va, uint64_t size)
{
	return (struct drm_ogpu_bind_op) { .op = DRM_OGPU_BIND_UNMAP, .va = va, .size = size };
}

int card_bind(struct card *card, const struct buffer *buf, uint64_t va, uint32_t flags)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP,
		.flags = flags,
		.bo_handle = buf->handle,
		.va = va,
		.size = buf->size,
	};

	return vm_bind(card, &op);
}

int card_unbind(struct card *card, uint64_t va, uint64_t size)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_UNMAP,
		.va = va,
		.size = size,
	};

	return vm_bind(card, &op);
}

/* Maps a buffer at the next free address. */
static void place(struct card *card, struct buffer *buf, uint32_t bind_flags)
{
	int ret;

	buf->va = card->next_va;
	/* A hole after each buffer, so that running over its end is noticed. */
	card->next_va += (buf->size + 0x3fffff) & ~0x1fffffull;
	ret = card_bind(card, buf, buf->va, bind_flags);
	if (ret)
		die("VM_BIND", ret);
}

void card_buffer(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement,
		 uint32_t bind_flags)
{
	struct drm_ogpu_bo_mmap_offset offset = {};
	int ret;

	ret = card_buffer_create(card, buf, size, placement);
	if (ret)
		die("BO_CREATE", ret);

	offset.handle = buf->handle;
	ret = card_ioctl(card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &offset);
	if (ret)
		die("BO_MMAP_OFFSET", ret);
	buf->map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED, card->fd,
			offset.offset);
	if (buf->map == MAP_FAILED)
		die("mmap", -errno);
	place(card, buf, bind_flags);
}

uint64_t card_save_area(struct card *card, uint64_t bytes)
{
	const uint64_t placement = DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM;
	struct buffer buf;
	int ret;

	ret = card_buffer_create(card, &buf, bytes, placement);
	if (ret)
		die("BO_CREATE", ret);
	place(card, &buf, DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);

	return buf.va;
}

static uint32_t create_queue(struct card *card, const struct drm_ogpu_queue_create *args)
{
	struct drm_ogpu_queue_create create = *args;
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create);

	if (ret)
		die("QUEUE_CREATE", ret);

	return create.queue_id;
}

uint32_t card_queue(struct card *card, uint32_t engine, uint32_t timeout_ms)
{
	return create_queue(card, &(struct drm_ogpu_queue_create) {
		.vm_id = card->vm,
		.engine = engine,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.timeout_ms = timeout_ms,
	});
}

uint32_t card_compute_queue(struct card *card, uint32_t timeout_ms, uint64_t save_va,
			    uint64_t save_bytes)
{
	return create_queue(card, &(struct drm_ogpu_queue_create) {
		.vm_id = card->vm,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.timeout_ms = timeout_ms,
		.save_va = save_va,
		.save_bytes = save_bytes,
	});
}

int card_queue_destroy(struct card *card, uint32_t queue)
{
	struct drm_ogpu_queue_destroy destroy = { .queue_id = queue };

	return card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy);
}

void card_queue_state(struct card *card, uint32_t queue, struct drm_ogpu_queue_get_state *state)
{
	int ret;

	memset(state, 0, sizeof(*state));
	state->queue_id = queue;
	ret = card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_GET_STATE, state);
	if (ret)
		die("QUEUE_GET_STATE", ret);
}

void card_queue_wait_error(struct card *card, uint32_t queue,
			   struct drm_ogpu_queue_get_state *state)
{
	uint64_t end = time_limit(QUEUE_WAIT_MS);

	for (;;) {
		card_queue_state(card, queue, state);
		if (state->error != DRM_OGPU_QUEUE_OK || time_ms() >= end)
			return;
		sleep_ms(5);
	}
}

uint32_t card_syncobj(struct card *card)
{
	uint32_t handle;

	if (drmSyncobjCreate(card->fd, 0, &handle))
		die("syncobj", -errno);

	return handle;
}

int card_syncobj_wait(struct card *card, uint32_t handle, unsigned int ms)
{
	return drmSyncobjWait(card->fd, &handle, 1, time_limit_ns(ms), 0, NULL);
}

int card_fence_status(struct card *card, uint32_t handle)
{
	struct sync_file_info info = {};
	int fd, ret;

	if (drmSyncobjExportSyncFile(card->fd, handle, &fd))
		die("syncobj export", -errno);
	ret = ioctl(fd, SYNC_IOC_FILE_INFO, &info);
	if (ret)
		die("sync file info", -errno);
	close(fd);

	return info.status;
}

int card_timeline_wait(struct card *card, uint32_t handle, uint64_t point, unsigned int ms)
{
	return drmSyncobjTimelineWait(card->fd, &handle, &point, 1, time_limit_ns(ms), 0, NULL);
}

uint64_t card_timeline_query(struct card *card, uint32_t handle)
{
	uint64_t point = 0;

	if (drmSyncobjQuery(card->fd, &handle, &point, 1))
		die("syncobj query", -errno);

	return point;
}

void card_stream(struct card *card, struct stream *s, uint64_t size)
{
	card_buffer(card, &s->buf, size, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ);
	s->bytes = 0;
}

void stream_reset(struct stream *s)
{
	s->bytes = 0;
}

void *stream_add(struct stream *s, const void *packet, size_t bytes)
{
	void *at = (char *)s->buf.map + s->bytes;

	if (s->bytes + bytes > s->buf.size)
		die("stream", -ENOSPC);
	memcpy(at, packet, bytes);
	s->bytes += bytes;

	return at;
}

/* Starts when all before it are complete. */
#define PACKET(op, bytes) \
	(DRM_OGPU_PKT_BARRIER | DRM_OGPU_PKT(DRM_OGPU_PKT_##op, bytes))

void stream_nop(struct stream *s, uint32_t words)
{
	uint32_t *packet = calloc(words, sizeof(*packet));

	if (!packet)
		die("stream", -ENOMEM);
	/* What follows the header is ignored, whatever it is. */
	memset(packet, 0xff, words * sizeof(*packet));
	packet[0] = DRM_OGPU_PKT(DRM_OGPU_PKT_NOP, words * sizeof(*packet));
	stream_add(s, packet, words * sizeof(*packet));
	free(packet);
}

void stream_copy(struct stream *s, uint64_t src, uint64_t dst, uint64_t bytes)
{
	struct drm_ogpu_pkt_copy packet = {
		.header = PACKET(COPY, sizeof(packet)),
		.src = src,
		.dst = dst,
		.bytes = bytes,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_fill(struct stream *s, uint64_t dst, uint64_t bytes, uint32_t pattern)
{
	struct drm_ogpu_pkt_fill packet = {
		.header = PACKET(FILL, sizeof(packet)),
		.pattern = pattern,
		.dst = dst,
		.bytes = bytes,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_write(struct stream *s, uint64_t dst, const uint32_t *words, uint32_t count)
{
	struct drm_ogpu_pkt_write packet = {
		.header = PACKET(WRITE, sizeof(packet) + 4 * count),
		.dst = dst,
	};

	stream_add(s, &packet, sizeof(packet));
	stream_add(s, words, 4 * count);
}

void stream_fence(struct stream *s, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_fence packet = {
		.header = PACKET(FENCE, sizeof(packet)),
		.addr = addr,
		.value = value,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_wait(struct stream *s, uint64_t addr, uint32_t compare, uint64_t value, uint64_t mask)
{
	struct drm_ogpu_pkt_wait packet = {
		.header = PACKET(WAIT, sizeof(packet)),
		.compare = compare,
		.addr = addr,
		.value = value,
		.mask = mask,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_timestamp(struct stream *s, uint64_t addr)
{
	struct drm_ogpu_pkt_timestamp packet = {
		.header = PACKET(TIMESTAMP, sizeof(packet)),
		.addr = addr,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_cache(struct stream *s, uint32_t ops)
{
	struct drm_ogpu_pkt_cache packet = {
		.header = PACKET(CACHE, sizeof(packet)),
		.ops = ops,
	};

	stream_add(s, &packet, sizeof(packet));
}

void stream_dispatch(struct stream *s, uint64_t entry, uint64_t args, uint32_t groups,
		     uint32_t items)
{
	struct drm_ogpu_pkt_dispatch packet = {
		.header = PACKET(DISPATCH, sizeof(packet)),
		.entry = entry,
		.args = args,
		.grid = { groups, 1, 1 },
		.group = { items, 1, 1 },
		.private_bytes = 4096,
	};

	stream_add(s, &packet, sizeof(packet));
}

int card_submit_jobs(struct card *card, uint32_t queue, const struct drm_ogpu_job *jobs,
		     uint32_t count)
{
	struct drm_ogpu_submit submit = {
		.queue_id = queue,
		.jobs = CARD_ARRAY(jobs, count),
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_SUBMIT, &submit);
}

int card_submit(struct card *card, uint32_t queue, const struct stream *s,
		const struct drm_ogpu_sync *syncs, uint32_t count)
{
	struct drm_ogpu_job job = {
		.stream_va = s && s->bytes ? s->buf.va : 0,
		.stream_bytes = s ? s->bytes : 0,
		.syncs = CARD_ARRAY(syncs, count),
	};

	return card_submit_jobs(card, queue, &job, 1);
}

void card_run(struct card *card, uint32_t queue, const struct stream *s)
{
	struct drm_ogpu_sync out = {
		.handle = card_syncobj(card),
		.flags = DRM_OGPU_SYNC_SIGNAL,
	};
	int ret;

	ret = card_submit(card, queue, s, &out, 1);
	if (ret)
		die("SUBMIT", ret);
	ret = card_syncobj_wait(card, out.handle, QUEUE_WAIT_MS);
	if (ret)
		die("the job did not end", ret);
	drmSyncobjDestroy(card->fd, out.handle);
}

struct drm_ogpu_query_memory card_memory(struct card *card)
{
	struct drm_ogpu_query_memory mem = {};
	struct drm_ogpu_query args = {
		.type = DRM_OGPU_QUERY_MEMORY, .size = sizeof(mem), .pointer = (uintptr_t)&mem,
	};
	int ret;

	ret = card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &args);
	if (ret)
		die("query of memory", ret);

	return mem;
}

uint32_t card_peer_path(const struct card *card, const struct card *other)
{
	struct drm_ogpu_query_peer peer = {};
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_PEER,
		.size = sizeof(peer),
		.pointer = (uintptr_t)&peer,
	};
	drmDevicePtr device;
	int ret;

	if (drmGetDevice2(other->fd, 0, &device))
		die("drmGetDevice2", -errno);
	peer.domain = device->businfo.pci->domain;
	peer.bus = device->businfo.pci->bus;
	peer.device = device->businfo.pci->dev;
	peer.function = device->businfo.pci->func;
	drmFreeDevice(&device);
	ret = card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &query);
	if (ret)
		die("QUERY of a peer", ret);

	return peer.path;
}

int card_wait_memory(struct card *card, const struct drm_ogpu_query_memory *want)
{
	uint64_t end = time_limit(MEMORY_WAIT_MS);
	struct drm_ogpu_query_memory now;

	do {
		now = card_memory(card);
		if (now.vram_used == want->vram_used && now.system_used == want->system_used &&
		    now.vram_visible_used == want->vram_visible_used)
			return 0;
		sleep_ms(10);
	} while (time_ms() < end);

	printf("# in use: VRAM %llu, visible %llu, system %llu; expected %llu, %llu, %llu\n",
	       (unsigned long long)now.vram_used, (unsigned long long)now.vram_visible_used,
	       (unsigned long long)now.system_used, (unsigned long long)want->vram_used,
	       (unsigned long long)want->vram_visible_used,
	       (unsigned long long)want->system_used);
	return -ETIME;
}

void card_fdinfo(const struct card *card, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", card->fd);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die(path, -errno);
	got = read(fd, text, size - 1);
	if (got <= 0)
		die(path, got ? -errno : -ENODATA);
	text[got] = 0;
	close(fd);
}

const char *fdinfo_value(const char *text, const char *key)
{
	size_t length = strlen(key);
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	die(key, -ENOENT);
}

uint64_t fdinfo_number(const char *text, const char *key)
{
	char *end;
	uint64_t number = strtoull(fdinfo_value(text, key), &end, 10);

	if (!strncmp(end, " KiB", 4))
		return number << 10;
	if (!strncmp(end, " MiB", 4))
		return number << 20;
	return number;
}

uint64_t fdinfo_get(const struct card *card, const char *key)
{
	char text[4096];

	card_fdinfo(card, text, sizeof(text));

	return fdinfo_number(text, key);
}
