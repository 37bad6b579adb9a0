// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A stand-in for the ogpu driver, small enough to trust: drmIoctl() of the library under test ends
 * here (linker option --wrap). Buffers are ranges of one memory file; binds and submits are kept.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "fake_kernel.h"

struct fake_kernel fake;

int __wrap_drmIoctl(int fd, unsigned long request, void *arg);
drmVersionPtr __wrap_drmGetVersion(int fd);
int __wrap_drmGetDevice2(int fd, uint32_t flags, drmDevicePtr *device);
int __wrap_drmGetDevices2(uint32_t flags, drmDevicePtr devices[], int max_devices);
void __wrap_drmFreeDevices(drmDevicePtr devices[], int count);
int __wrap_drmSyncobjCreate(int fd, uint32_t flags, uint32_t *handle);
int __wrap_drmSyncobjDestroy(int fd, uint32_t handle);
int __wrap_drmCloseBufferHandle(int fd, uint32_t handle);
void *__wrap_dlopen(const char *name, int flags);
void *__real_dlopen(const char *name, int flags);

void fake_reset(void)
{
	if (fake.file)
		close(fake.file);
	memset(&fake, 0, sizeof(fake));
	fake.file = memfd_create("fake-vram", MFD_CLOEXEC);
}

const char *fake_node(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fake.file);
	return path;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int query(struct drm_ogpu_query *q)
{
	struct drm_ogpu_query_device *dev = (void *)(uintptr_t)q->pointer;

	if (q->type != DRM_OGPU_QUERY_DEVICE || q->size < sizeof(*dev))
		return fail(EINVAL);
	dev->va_bits = 48;
	dev->page_sizes = 1 << 12;
	dev->cu_count = 4;
	dev->lanes = 32;
	dev->max_workgroup = 1024;
	dev->local_bytes = 65536;
	dev->save_wave_bytes = 16896;
	return 0;
}

static int bo_create(struct drm_ogpu_bo_create *create)
{
	if (fake.fail_bo)
		return fail(ENOSPC);
	create->size = (create->size + 0xffff) & ~0xffffull;
	create->handle = ++fake.bos;
	fake.bo_offset[create->handle] = fake.file_size;
	fake.file_size += create->size;
	fake.live_bos++;
	return ftruncate(fake.file, fake.file_size);
}

static int vm_bind(const struct drm_ogpu_vm_bind *bind)
{
	const struct drm_ogpu_bind_op *ops = (void *)(uintptr_t)bind->ops.array;

	if (fake.fail_bind)
		return fail(ENOMEM);
	fake.bind_sync = (struct drm_ogpu_sync){ 0 };
	if (bind->syncs.count)
		fake.bind_sync = *(struct drm_ogpu_sync *)(uintptr_t)bind->syncs.array;
	for (uint32_t i = 0; i < bind->ops.count && fake.binds < FAKE_MAX_BINDS; i++)
		fake.bind[fake.binds++] = ops[i];
	return 0;
}

static int submit(struct drm_ogpu_submit *submit)
{
	const struct drm_ogpu_job *job = (void *)(uintptr_t)submit->jobs.array;

	if (fake.fail_submit)
		return fail(ECANCELED);
	fake.jobs = submit->jobs.count;
	job += fake.jobs - 1;
	fake.job = *job;
	memcpy(fake.syncs, (void *)(uintptr_t)job->syncs.array,
	       job->syncs.count * sizeof(struct drm_ogpu_sync));
	fake.submits++;
	submit->first_job = fake.number + 1;
	fake.number += fake.jobs;
	return 0;
}

int __wrap_drmIoctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	switch (request) {
	case DRM_IOCTL_OGPU_QUERY:
		return query(arg);
	case DRM_IOCTL_OGPU_BO_CREATE:
		return bo_create(arg);
	case DRM_IOCTL_OGPU_BO_MMAP_OFFSET: {
		struct drm_ogpu_bo_mmap_offset *map = arg;

		map->offset = fake.bo_offset[map->handle];
		return 0;
	}
	case DRM_IOCTL_OGPU_BO_SET_LABEL: {
		const struct drm_ogpu_bo_set_label *label = arg;

		fake.labelled = label->handle;
		snprintf(fake.label, sizeof(fake.label), "%s",
			 (const char *)(uintptr_t)label->label);
		return 0;
	}
	case DRM_IOCTL_OGPU_BO_MADVISE:
		((struct drm_ogpu_bo_madvise *)arg)->retained = !fake.purged;
		fake.advice = *(struct drm_ogpu_bo_madvise *)arg;
		return 0;
	case DRM_IOCTL_OGPU_BO_PREFETCH:
		fake.prefetch = *(struct drm_ogpu_bo_prefetch *)arg;
		return 0;
	case DRM_IOCTL_OGPU_VM_CREATE:
		((struct drm_ogpu_vm_create *)arg)->vm_id = 1;
		return 0;
	case DRM_IOCTL_OGPU_VM_BIND:
		return vm_bind(arg);
	case DRM_IOCTL_OGPU_QUEUE_CREATE:
		if (fake.fail_queue)
			return fail(ENOSPC);
		fake.queue = *(struct drm_ogpu_queue_create *)arg;
		((struct drm_ogpu_queue_create *)arg)->queue_id = 5;
		return 0;
	case DRM_IOCTL_OGPU_SUBMIT:
		return submit(arg);
	case DRM_IOCTL_OGPU_QUEUE_KILL:
		fake.killed = ((struct drm_ogpu_queue_kill *)arg)->queue_id;
		return 0;
	case DRM_IOCTL_OGPU_WAIT: {
		const struct drm_ogpu_wait *wait = arg;

		fake.waits++;
		fake.wait = *(const struct drm_ogpu_wait_fence *)(uintptr_t)wait->fences.array;
		return fake.wait_error ? fail(fake.wait_error) : 0;
	}
	case DRM_IOCTL_OGPU_QUEUE_GET_STATE:
		fake.states++;
		*(struct drm_ogpu_queue_get_state *)arg = fake.state;
		return 0;
	case DRM_IOCTL_OGPU_VM_DESTROY:
	case DRM_IOCTL_OGPU_QUEUE_DESTROY:
		return 0;
	}
	return fail(ENOTTY);
}

drmVersionPtr __wrap_drmGetVersion(int fd)
{
	drmVersionPtr version = calloc(1, sizeof(*version));

	(void)fd;
	version->name = strdup(fake.driver ? fake.driver : "ogpu");
	version->name_len = strlen(version->name);
	version->version_major = fake.major;
	return version;
}

int __wrap_drmGetDevice2(int fd, uint32_t flags, drmDevicePtr *device)
{
	(void)fd;
	(void)flags;
	(void)device;
	return -ENODEV;
}

/* Two cards, the one with the higher address first; or none, as without /sys. */
int __wrap_drmGetDevices2(uint32_t flags, drmDevicePtr devices[], int max_devices)
{
	static drmPciBusInfo pci[2] = { { .bus = 9 }, { .bus = 3 } };
	static char *nodes[2][DRM_NODE_MAX];
	static drmDevice device[2];
	int i;

	(void)flags;
	assert(max_devices >= 2);
	for (i = 0; i < 2 && fake.listed; i++) {
		nodes[i][DRM_NODE_RENDER] = (char *)fake_node();
		device[i] = (drmDevice) {
			.nodes = nodes[i],
			.available_nodes = 1 << DRM_NODE_RENDER,
			.bustype = DRM_BUS_PCI,
			.businfo.pci = &pci[i],
		};
		devices[i] = &device[i];
	}
	return i;
}

void __wrap_drmFreeDevices(drmDevicePtr devices[], int count)
{
	(void)devices;
	assert(count == 2);
}

int __wrap_drmSyncobjCreate(int fd, uint32_t flags, uint32_t *handle)
{
	(void)fd;
	(void)flags;
	*handle = 77;
	return 0;
}

int __wrap_drmSyncobjDestroy(int fd, uint32_t handle)
{
	(void)fd;
	(void)handle;
	return 0;
}

int __wrap_drmCloseBufferHandle(int fd, uint32_t handle)
{
	(void)fd;
	(void)handle;
	fake.live_bos--;
	return 0;
}

void *__wrap_dlopen(const char *name, int flags)
{
	return fake.no_libraries ? NULL : __real_dlopen(name, flags);
}
