// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Other drivers of the machine: vgem, udmabuf, DMA heaps, software fences.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/vgem_drm.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <xf86drm.h>

#include "partner.h"

#define SW_SYNC		"/sys/kernel/debug/sync/sw_sync"
#define PAGE		4096

/* No header has it. */
struct sw_sync_create_fence_data {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)

const char * const partner_names[PARTNERS] = {
	[PARTNER_UDMABUF] = "udmabuf",
	[PARTNER_HEAP] = "dma-heap",
	[PARTNER_VGEM] = "vgem",
	[PARTNER_VIRTIO] = "virtio-gpu",
};

/* The primary node: buffers cannot be made at the other one. */
static int open_primary(const char *module, const char *name)
{
	char line[64], path[64];
	int i, fd;

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	snprintf(line, sizeof(line), "modprobe %s 2>/dev/null", module);
	if (access(path, F_OK) && system(line))
		return -1;
	for (i = 0; i < 64; i++) {
		drmVersionPtr version;
		bool found;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, name);
		drmFreeVersion(version);
		if (found)
			return fd;
		close(fd);
	}

	return -1;
}

static int open_vgem(void)
{
	return open_primary("vgem", "vgem");
}

static int create_dumb(int card, size_t size, uint32_t *handle)
{
	struct drm_mode_create_dumb create = {
		.width = PAGE / 4, .height = size / PAGE, .bpp = 32,
	};
	int fd;

	if (drmIoctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &create) ||
	    drmPrimeHandleToFD(card, create.handle, DRM_CLOEXEC | DRM_RDWR, &fd))
		return -1;
	*handle = create.handle;

	return fd;
}

int partner_timed_fence(void)
{
	struct dma_buf_export_sync_file out = { .flags = DMA_BUF_SYNC_RW };
	struct drm_vgem_fence_attach attach = { .flags = VGEM_FENCE_WRITE };
	int vgem = open_vgem(), fd = -1, ret = -1;

	if (vgem < 0)
		return -1;
	/* Closing the file would signal it: it stays open. */
	fd = create_dumb(vgem, PAGE, &attach.handle);
	if (fd >= 0 && !drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach) &&
	    !ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out))
		ret = out.fd;
	if (fd >= 0)
		close(fd);

	return ret;
}

int partner_fence(void)
{
	struct sw_sync_create_fence_data create = { .value = 1, .name = "partner" };
	int fd = open(SW_SYNC, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return partner_timed_fence();
	if (ioctl(fd, SW_SYNC_IOC_CREATE_FENCE, &create)) {
		close(fd);
		return -1;
	}

	return create.fence;
}

bool partner_fence_is_over(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}


bool partner_fence_lasts(void)
{
	return !access(SW_SYNC, F_OK);
}

static int create_udmabuf(size_t size)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int device, fd = -1;

	/* Fails where it is built in. */
	if (access("/dev/udmabuf", F_OK) && system("modprobe udmabuf 2>/dev/null"))
		return -1;
	device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	create.memfd = memfd_create("partner", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (device >= 0 && !ftruncate(create.memfd, size) &&
	    !fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(device, UDMABUF_CREATE, &create);
	close(create.memfd);
	if (device >= 0)
		close(device);

	return fd;
}

static int create_heap(size_t size)
{
	struct dma_heap_allocation_data alloc = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	int ret;

	if (heap < 0)
		return -1;
	ret = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &alloc);
	close(heap);

	return ret ? -1 : (int)alloc.fd;
}

static int create_in(int card, size_t size)
{
	uint32_t handle;
	int fd;

	if (card < 0)
		return -1;
	fd = create_dumb(card, size, &handle);
	close(card);

	return fd;
}

int partner_buffer(enum partner partner, size_t size)
{
	switch (partner) {
	case PARTNER_UDMABUF:
		return create_udmabuf(size);
	case PARTNER_HEAP:
		return create_heap(size);
	case PARTNER_VGEM:
		return create_in(open_vgem(), size);
	case PARTNER_VIRTIO:
		return create_in(open_primary("virtio_gpu", "virtio_gpu"), size);
	default:
		return -1;
	}
}

int partner_vgem_import(int fd)
{
	int vgem = open_vgem();
	uint32_t handle;

	if (vgem < 0)
		return -ENODEV;
	if (drmPrimeFDToHandle(vgem, fd, &handle)) {
		int ret = -errno;

		close(vgem);
		return ret;
	}

	return vgem;
}
