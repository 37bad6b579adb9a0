// SPDX-License-Identifier: MIT
/* Address spaces: choosing addresses, mapping and unmapping. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A range of addresses that is in use. Ranges are kept sorted and never touch free memory. */
struct range {
	uint64_t start, end;
};

struct ogpu_vm {
	struct ogpu_device *dev;
	uint32_t id;
	uint64_t first;		/* usable address */
	uint64_t end;		/* first address after the usable ones */
	pthread_mutex_t lock;	/* protects the ranges */
	struct range *ranges;
	size_t count, room;
};

/* The kernel never maps the last 64 KiB. */
#define VA_GUARD	0x10000ull
#define PAGE		4096ull

int ogpu_vm_create(struct ogpu_device *dev, struct ogpu_vm **vm)
{
	return ogpu_vm_create_with(dev, 0, vm);
}

int ogpu_vm_create_with(struct ogpu_device *dev, uint32_t flags, struct ogpu_vm **out)
{
	struct drm_ogpu_vm_create create = { .flags = flags };
	struct ogpu_vm *vm;
	int ret;

	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	ret = ogpu_ioctl(dev, DRM_IOCTL_OGPU_VM_CREATE, &create);
	if (ret) {
		free(vm);
		return ret;
	}
	vm->dev = dev;
	vm->id = create.vm_id;
	/* What is below is the process's. */
	vm->first = flags & DRM_OGPU_VM_SVM ? DRM_OGPU_SVM_END : OGPU_VA_FIRST;
	vm->end = (1ull << ogpu_device_info(dev)->va_bits) - VA_GUARD;
	pthread_mutex_init(&vm->lock, NULL);
	*out = vm;
	return 0;
}

void ogpu_vm_destroy(struct ogpu_vm *vm)
{
	struct drm_ogpu_vm_destroy destroy;

	if (!vm)
		return;
	destroy = (struct drm_ogpu_vm_destroy){ .vm_id = vm->id };
	ogpu_ioctl(vm->dev, DRM_IOCTL_OGPU_VM_DESTROY, &destroy);
	pthread_mutex_destroy(&vm->lock);
	free(vm->ranges);
	free(vm);
}

uint32_t ogpu_vm_id(const struct ogpu_vm *vm)
{
	return vm->id;
}

struct ogpu_device *ogpu_vm_device(const struct ogpu_vm *vm)
{
	return vm->dev;
}

static int insert_range(struct ogpu_vm *vm, size_t at, uint64_t start, uint64_t end)
{
	if (vm->count == vm->room) {
		size_t room = vm->room ? vm->room * 2 : 64;
		struct range *grown = realloc(vm->ranges, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		vm->ranges = grown;
		vm->room = room;
	}
	memmove(&vm->ranges[at + 1], &vm->ranges[at], (vm->count - at) * sizeof(*vm->ranges));
	vm->ranges[at] = (struct range){ start, end };
	vm->count++;
	return 0;
}

int ogpu_va_alloc(struct ogpu_vm *vm, uint64_t size, uint64_t align, uint64_t *va)
{
	uint64_t start = vm->first;
	int ret = -ENOSPC;

	if (!size || align < PAGE || (align & (align - 1)))
		return -EINVAL;
	if (size > vm->end)
		return -ENOSPC;
	size = (size + PAGE - 1) & ~(PAGE - 1);

	/* First fit: the gap before each range, then the space after the last one. */
	pthread_mutex_lock(&vm->lock);
	for (size_t i = 0; i <= vm->count; i++) {
		uint64_t limit = i < vm->count ? vm->ranges[i].start : vm->end;

		start = (start + align - 1) & ~(align - 1);
		if (start <= limit && limit - start >= size) {
			ret = insert_range(vm, i, start, start + size);
			break;
		}
		if (i < vm->count)
			start = vm->ranges[i].end;
	}
	pthread_mutex_unlock(&vm->lock);
	if (!ret)
		*va = start;
	return ret;
}

void ogpu_va_free(struct ogpu_vm *vm, uint64_t va, uint64_t size)
{
	uint64_t end = va + ((size + PAGE - 1) & ~(PAGE - 1));

	pthread_mutex_lock(&vm->lock);
	for (size_t i = 0; i < vm->count; i++) {
		if (vm->ranges[i].start != va || vm->ranges[i].end != end)
			continue;
		vm->count--;
		memmove(&vm->ranges[i], &vm->ranges[i + 1],
			(vm->count - i) * sizeof(*vm->ranges));
		break;
	}
	pthread_mutex_unlock(&vm->lock);
}

int ogpu_vm_bind(struct ogpu_vm *vm, uint32_t flags, const struct drm_ogpu_bind_op *ops,
		 uint32_t op_count, const struct drm_ogpu_sync *syncs, uint32_t sync_count)
{
	struct drm_ogpu_vm_bind bind = {
		.vm_id = vm->id,
		.flags = flags,
		.ops = {
			.stride = sizeof(*ops),
			.count = op_count,
			.array = (uintptr_t)ops,
		},
		.syncs = {
			.stride = sizeof(*syncs),
			.count = sync_count,
			.array = sync_count ? (uintptr_t)syncs : 0,
		},
	};

	return ogpu_ioctl(vm->dev, DRM_IOCTL_OGPU_VM_BIND, &bind);
}

/* The largest page that a mapping of this size can use. */
static uint64_t best_alignment(uint64_t size)
{
	if (size >= 0x200000)
		return 0x200000;
	return size >= 0x10000 ? 0x10000 : PAGE;
}

/* At *va, or where there is room. */
static int map_at(struct ogpu_vm *vm, struct drm_ogpu_bind_op *op, uint64_t *va)
{
	bool chosen = !*va;
	int ret;

	if (chosen) {
		ret = ogpu_va_alloc(vm, op->size, best_alignment(op->size), va);
		if (ret)
			return ret;
	}
	op->va = *va;
	ret = ogpu_vm_bind(vm, 0, op, 1, NULL, 0);
	if (ret && chosen) {
		ogpu_va_free(vm, *va, op->size);
		*va = 0;
	}
	return ret;
}

int ogpu_vm_map(struct ogpu_vm *vm, struct ogpu_bo *bo, uint64_t offset, uint64_t size,
		uint32_t access, uint64_t *va)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP,
		.flags = access,
		.bo_handle = bo->handle,
		.bo_offset = offset,
		.size = size,
	};

	return map_at(vm, &op, va);
}

int ogpu_vm_map_user(struct ogpu_vm *vm, const void *ptr, uint64_t size, uint32_t access,
		     uint64_t *va)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP_USERPTR,
		.flags = access,
		.userptr = (uintptr_t)ptr,
		.size = size,
	};

	return map_at(vm, &op, va);
}

int ogpu_vm_unmap(struct ogpu_vm *vm, uint64_t va, uint64_t size)
{
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_UNMAP,
		.va = va,
		.size = size,
	};
	int ret;

	ret = ogpu_vm_bind(vm, 0, &op, 1, NULL, 0);
	if (!ret)
		ogpu_va_free(vm, va, size);
	return ret;
}

int ogpu_buffer_create(struct ogpu_vm *vm, uint64_t size, uint32_t placement, uint32_t flags,
		       struct ogpu_buffer *buf)
{
	int ret;

	*buf = (struct ogpu_buffer){ .vm = vm };
	ret = ogpu_bo_create_private(vm, size, placement, flags, &buf->bo);
	if (ret)
		return ret;
	ret = ogpu_vm_map(vm, buf->bo, 0, buf->bo->size, DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE,
			  &buf->va);
	if (!ret && (flags & DRM_OGPU_BO_CPU_ACCESS))
		ret = ogpu_bo_map(buf->bo, &buf->ptr);
	if (ret)
		ogpu_buffer_destroy(buf);
	return ret;
}

void ogpu_buffer_destroy(struct ogpu_buffer *buf)
{
	if (buf->va)
		ogpu_vm_unmap(buf->vm, buf->va, buf->bo->size);
	ogpu_bo_destroy(buf->bo);
	*buf = (struct ogpu_buffer){ 0 };
}
