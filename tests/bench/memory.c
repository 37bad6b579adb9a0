// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What it costs to make buffers and to touch them, in instructions of a machine that counts them
 * (as submit.c), with dumb buffers of vgem beside. Minima are reported: other rounds contain timer
 * ticks.
 */
#include <drm/drm_mode.h>
#include <fcntl.h>
#include <glob.h>
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>
#include <xf86drm.h>

#include "bench.h"

#define ROUNDS		64
#define KIB		1024ull
#define MIB		(1024 * KIB)
#define LARGE		(2 * MIB)
#define LARGE_COUNT	8

/* To make a buffer and to close its only handle. */
static uint64_t measure_create(int fd, uint32_t placement, uint64_t size, uint32_t vm)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		struct drm_ogpu_bo_create create = {
			.size = size, .placement = placement, .vm_id = vm,
		};
		struct drm_gem_close gone = {};
		uint64_t time = __rdtsc();

		if (ioctl(fd, DRM_IOCTL_OGPU_BO_CREATE, &create))
			die("BO_CREATE");
		gone.handle = create.handle;
		if (ioctl(fd, DRM_IOCTL_GEM_CLOSE, &gone))
			die("GEM_CLOSE");
		time = __rdtsc() - time;
		if (time < best)
			best = time;
	}
	return best;
}

static int open_vgem(void)
{
	int found = -1;
	glob_t nodes;

	if (system("modprobe vgem 2>/dev/null") || glob("/dev/dri/card*", 0, NULL, &nodes))
		return -1;
	for (size_t i = 0; i < nodes.gl_pathc && found < 0; i++) {
		int fd = open(nodes.gl_pathv[i], O_RDWR);
		drmVersion *version = fd < 0 ? NULL : drmGetVersion(fd);

		if (version && !strcmp(version->name, "vgem"))
			found = fd;
		else if (fd >= 0)
			close(fd);
		drmFreeVersion(version);
	}
	globfree(&nodes);

	return found;
}

/* The same with a dumb buffer, whose page is taken and mapped when it is touched. */
static uint64_t measure_dumb(int fd, bool touch)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		struct drm_mode_create_dumb create = { .width = 32, .height = 32, .bpp = 32 };
		struct drm_mode_destroy_dumb gone = {};
		struct drm_mode_map_dumb map = {};
		uint64_t time = __rdtsc();
		volatile char *page;

		if (ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create))
			die("CREATE_DUMB");
		if (touch) {
			map.handle = create.handle;
			if (ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map))
				die("MAP_DUMB");
			page = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				    map.offset);
			if (page == MAP_FAILED)
				die("map");
			*page = 1;
			munmap((void *)page, create.size);
		}
		gone.handle = create.handle;
		if (ioctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &gone))
			die("DESTROY_DUMB");
		time = __rdtsc() - time;
		if (time < best)
			best = time;
	}
	return best;
}

/* The first access by the CPU to a piece of 2 MiB. */
static uint64_t measure_fault(struct ogpu_device *dev, uint32_t placement)
{
	uint64_t best = UINT64_MAX;
	volatile char *at;
	struct ogpu_bo *bo;
	void *map;

	check(ogpu_bo_create(dev, LARGE_COUNT * LARGE, placement, DRM_OGPU_BO_CPU_ACCESS, &bo),
	      "buffer");
	check(ogpu_bo_map(bo, &map), "map");
	at = (volatile char *)(((uintptr_t)map + LARGE - 1) & ~(uintptr_t)(LARGE - 1));
	for (int i = 0; i < LARGE_COUNT - 1; i++, at += LARGE) {
		uint64_t time = __rdtsc();

		*at = 1;
		time = __rdtsc() - time;
		if (time < best)
			best = time;
	}
	ogpu_bo_destroy(bo);

	return best;
}

void bench_memory(struct ogpu_device *dev)
{
	int fd = ogpu_device_fd(dev), vgem = open_vgem();
	struct ogpu_vm *vm;

	check(ogpu_vm_create(dev, &vm), "address space");
	result("bo_create_close_4k_instructions",
	       measure_create(fd, DRM_OGPU_BO_SYSTEM, 4 * KIB, 0), "instructions",
	       "BO_CREATE of a page of system memory, and GEM_CLOSE");
	result("bo_create_close_4k_private_instructions",
	       measure_create(fd, DRM_OGPU_BO_SYSTEM, 4 * KIB, ogpu_vm_id(vm)), "instructions",
	       "the same, private to an address space");
	result("bo_create_close_64k_vram_instructions",
	       measure_create(fd, DRM_OGPU_BO_VRAM, 64 * KIB, 0), "instructions",
	       "the same with 64 KiB of VRAM, whose clear is begun and waited for by the next one");
	if (vgem >= 0) {
		result("vgem_create_destroy_4k_instructions", measure_dumb(vgem, false),
		       "instructions", "a dumb buffer of vgem, which has no page until touched");
		result("vgem_create_touch_destroy_4k_instructions", measure_dumb(vgem, true),
		       "instructions", "the same, mapped and touched");
	}
	result("cpu_fault_2m_system_instructions", measure_fault(dev, DRM_OGPU_BO_SYSTEM),
	       "instructions", "first access of the CPU to 2 MiB of a buffer in system memory");
	result("cpu_fault_2m_vram_instructions", measure_fault(dev, DRM_OGPU_BO_VRAM),
	       "instructions", "the same in VRAM");
	ogpu_vm_destroy(vm);
	if (vgem >= 0)
		close(vgem);
}
