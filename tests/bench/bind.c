// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What it costs to change mappings, in instructions of a machine that counts them (as submit.c).
 * Minima are reported: other rounds contain timer ticks.
 */
#include <ogpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "bench.h"

#define ROUNDS		32
#define KIB		1024ull
#define MIB		(1024 * KIB)
#define VA		0x200000000000ull
#define FEW		10
#define MANY		100000
#define ACCESS		(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define PAGES		64u
#define OPS		64u

static struct drm_ogpu_bind_op ops[DRM_OGPU_MAX_BIND_OPS];

struct space {
	int fd;
	struct ogpu_vm *vm;
	struct ogpu_bo *bo;
};

static void bind_ops(const struct space *s, uint32_t count)
{
	struct drm_ogpu_vm_bind args = {
		.vm_id = ogpu_vm_id(s->vm),
		.ops = { .array = (uintptr_t)ops, .count = count, .stride = sizeof(ops[0]) },
	};

	if (ioctl(s->fd, DRM_IOCTL_OGPU_VM_BIND, &args))
		die("VM_BIND");
}

static struct drm_ogpu_bind_op map_op(const struct space *s, uint64_t offset, uint64_t va,
				      uint64_t size)
{
	return (struct drm_ogpu_bind_op) {
		.op = DRM_OGPU_BIND_MAP, .flags = ACCESS, .bo_handle = s->bo->handle,
		.bo_offset = offset, .va = va, .size = size,
	};
}

static struct drm_ogpu_bind_op unmap_op(uint64_t va, uint64_t size)
{
	return (struct drm_ogpu_bind_op) { .op = DRM_OGPU_BIND_UNMAP, .va = va, .size = size };
}

/* Instructions of one call that maps, and of one that unmaps again. */
struct cost {
	uint64_t map, unmap;
};

static struct cost measure(const struct space *s, uint64_t va, uint64_t size)
{
	struct cost best = { UINT64_MAX, UINT64_MAX };

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start, time;

		ops[0] = map_op(s, 0, va, size);
		start = __rdtsc();
		bind_ops(s, 1);
		time = __rdtsc() - start;
		if (time < best.map)
			best.map = time;

		ops[0] = unmap_op(va, size);
		start = __rdtsc();
		bind_ops(s, 1);
		time = __rdtsc() - start;
		if (time < best.unmap)
			best.unmap = time;
	}
	return best;
}

/* Pages side by side, from @first on until there are @count. */
static void map_crowd(const struct space *s, unsigned int first, unsigned int count)
{
	unsigned int i;

	for (; first < count; first += i) {
		for (i = 0; i < DRM_OGPU_MAX_BIND_OPS && first + i < count; i++)
			ops[i] = map_op(s, (first + i) % 16 * 4096, VA + (first + i) * 4096ull,
					4096);
		bind_ops(s, i);
	}
}

/* How many ranges the card was told to forget, in all address spaces. */
static unsigned long long invalidations(void)
{
	unsigned long long sum = 0, n;
	char path[64], line[256];
	FILE *f = NULL;

	for (int i = 128; i < 192 && !f; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/mappings", i);
		f = fopen(path, "r");
	}
	if (!f)
		die("mappings in debugfs");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " space %*u: asid %*u, %*u mappings, %llu ranges", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

/* Calls that each replace and remove many mappings. */
static void bench_invalidations(const struct space *s)
{
	unsigned long long before = invalidations();
	unsigned int i, round;

	for (i = 0; i < OPS; i++)
		ops[i] = map_op(s, 0, VA + i * 64 * KIB, 64 * KIB);
	bind_ops(s, OPS);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < OPS; i++)
			ops[i] = i % 2 ? unmap_op(VA + i * 64 * KIB, 64 * KIB) :
					 map_op(s, 0, VA + i * 64 * KIB, 64 * KIB);
		bind_ops(s, OPS);
	}
	result("bind_tlb_invalidations_per_ioctl", (double)(invalidations() - before) / ROUNDS, "",
	       "of VM_BIND with 64 operations that replace or remove what is mapped side by side");
	ops[0] = unmap_op(VA, OPS * 64 * KIB);
	bind_ops(s, 1);
}

static void bench_page(const struct space *s, const char *name, uint64_t va, uint64_t size)
{
	struct cost one = measure(s, va, size), more = measure(s, va, (1 + PAGES) * size);
	char note[128];

	snprintf(note, sizeof(note), "VM_BIND that maps %u pages more, of %u KiB, a page", PAGES,
		 (unsigned int)(size / KIB));
	result(name, ((double)more.map - one.map) / PAGES, "instructions", note);
}

void bench_bind(struct ogpu_device *dev)
{
	struct space s = { .fd = ogpu_device_fd(dev) };
	struct cost few, many, one;
	uint64_t null;

	check(ogpu_vm_create(dev, &s.vm), "address space");
	check(ogpu_bo_create_private(s.vm, 160 * MIB, DRM_OGPU_BO_VRAM, 0, &s.bo), "buffer");
	null = measure_null(s.fd);

	one = measure(&s, VA, 64 * KIB);
	result("bind_map_instructions", one.map, "instructions",
	       "VM_BIND, user to user: map 64 KiB where nothing was mapped");
	result("bind_unmap_instructions", one.unmap, "instructions", "unmap them");
	result("bind_null_ratio", (double)(one.map + one.unmap) / null, "",
	       "both over null_drm_ioctl_instructions");
	bench_invalidations(&s);

	/* Addresses that do not fit the memory have entries of 4 KiB. */
	bench_page(&s, "bind_page_4k_instructions", VA + 4096, 4 * KIB);
	bench_page(&s, "bind_page_64k_instructions", VA + 64 * KIB, 64 * KIB);
	bench_page(&s, "bind_page_2m_instructions", VA, 2 * MIB);

	map_crowd(&s, 0, FEW);
	few = measure(&s, VA + 1024 * MIB, 4096);
	map_crowd(&s, FEW, MANY);
	many = measure(&s, VA + 1024 * MIB, 4096);
	result("bind_scale_ratio", (double)(many.map + many.unmap) / (few.map + few.unmap), "",
	       "to map and unmap a page with 100,000 mappings over 10");
	ogpu_vm_destroy(s.vm);
	ogpu_bo_destroy(s.bo);
}
