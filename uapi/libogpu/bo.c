// SPDX-License-Identifier: MIT
/* Buffers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

static int bo_create(struct ogpu_device *dev, uint32_t vm_id, uint64_t size, uint32_t placement,
		     uint32_t flags, struct ogpu_bo **out)
{
	struct drm_ogpu_bo_create create = {
		.size = size,
		.placement = placement,
		.flags = flags,
		.vm_id = vm_id,
	};
	struct ogpu_bo *bo;
	int ret;

	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	ret = ogpu_ioctl(dev, DRM_IOCTL_OGPU_BO_CREATE, &create);
	if (ret) {
		free(bo);
		return ret;
	}
	bo->dev = dev;
	bo->handle = create.handle;
	bo->size = create.size;
	*out = bo;
	return 0;
}

int ogpu_bo_create(struct ogpu_device *dev, uint64_t size, uint32_t placement, uint32_t flags,
		   struct ogpu_bo **out)
{
	return bo_create(dev, 0, size, placement, flags, out);
}

int ogpu_bo_create_private(struct ogpu_vm *vm, uint64_t size, uint32_t placement, uint32_t flags,
			   struct ogpu_bo **out)
{
	return bo_create(ogpu_vm_device(vm), ogpu_vm_id(vm), size, placement, flags, out);
}

int ogpu_bo_map(struct ogpu_bo *bo, void **ptr)
{
	struct drm_ogpu_bo_mmap_offset arg = { .handle = bo->handle };
	void *map;
	int ret;

	if (!bo->map) {
		ret = ogpu_ioctl(bo->dev, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &arg);
		if (ret)
			return ret;
		map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ogpu_device_fd(bo->dev), arg.offset);
		if (map == MAP_FAILED)
			return -errno;
		bo->map = map;
	}
	*ptr = bo->map;
	return 0;
}

int ogpu_bo_set_label(struct ogpu_bo *bo, const char *label)
{
	struct drm_ogpu_bo_set_label arg = {
		.handle = bo->handle,
		.label = (uintptr_t)label,
	};

	return ogpu_ioctl(bo->dev, DRM_IOCTL_OGPU_BO_SET_LABEL, &arg);
}

int ogpu_bo_madvise(struct ogpu_bo *bo, enum drm_ogpu_madv advice, bool *retained)
{
	struct drm_ogpu_bo_madvise arg = { .handle = bo->handle, .advice = advice };
	int ret = ogpu_ioctl(bo->dev, DRM_IOCTL_OGPU_BO_MADVISE, &arg);

	if (!ret && retained)
		*retained = arg.retained;
	return ret;
}

int ogpu_bo_prefetch(struct ogpu_bo *bo, uint32_t placement)
{
	struct drm_ogpu_bo_prefetch arg = { .handle = bo->handle, .placement = placement };

	return ogpu_ioctl(bo->dev, DRM_IOCTL_OGPU_BO_PREFETCH, &arg);
}

int ogpu_bo_export(struct ogpu_bo *bo, int *fd)
{
	struct drm_prime_handle arg = { .handle = bo->handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret;

	ret = ogpu_ioctl(bo->dev, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);
	if (!ret)
		*fd = arg.fd;
	return ret;
}

int ogpu_bo_import(struct ogpu_device *dev, int fd, struct ogpu_bo **out)
{
	struct drm_prime_handle arg = { .fd = fd };
	struct ogpu_bo *bo;
	off_t size;
	int ret;

	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -errno;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	ret = ogpu_ioctl(dev, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
	if (ret) {
		free(bo);
		return ret;
	}
	bo->dev = dev;
	bo->handle = arg.handle;
	bo->size = size;
	*out = bo;
	return 0;
}

void ogpu_bo_destroy(struct ogpu_bo *bo)
{
	if (!bo)
		return;
	if (bo->map)
		munmap(bo->map, bo->size);
	drmCloseBufferHandle(ogpu_device_fd(bo->dev), bo->handle);
	free(bo);
}
