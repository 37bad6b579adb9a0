// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The memory bracket: an unmap waits for those inside, is not starved by those who come, and what
 * it takes away is never used afterwards. VRAM, poison and copies as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "device.h"
#include "nonvol.h"

#define PAGE		4096u
#define VRAM_SIZE	(1u << 20)
#define READERS		4
#define ROUNDS		2000

static struct nonvol nonvol = NONVOL_INITIALIZER;

static int setup(void **state)
{
	struct vgpu *gpu = calloc(1, sizeof(*gpu));

	if (!gpu || memory_init(&gpu->mem, VRAM_SIZE))
		return -1;
	gpu->cfg.nonvol = &nonvol;
	memory_set_dma(gpu, true);
	*state = gpu;
	return 0;
}

static int teardown(void **state)
{
	struct vgpu *gpu = *state;

	memory_fini(&gpu->mem);
	free(gpu);
	return 0;
}

static int make_file(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void *get(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len, bool write)
{
	void *ptr;

	vgpu_mem_begin(gpu);
	ptr = vgpu_mem_ptr(gpu, target, addr, len, write);
	vgpu_mem_end(gpu);
	return ptr;
}

static void test_vram_bounds(void **state)
{
	struct vgpu *gpu = *state;

	assert_non_null(get(gpu, OGPU_TARGET_VRAM, 0, VRAM_SIZE, true));
	assert_non_null(get(gpu, OGPU_TARGET_VRAM, VRAM_SIZE - 1, 1, true));
	assert_null(get(gpu, OGPU_TARGET_VRAM, VRAM_SIZE - 1, 2, true));
	assert_null(get(gpu, OGPU_TARGET_VRAM, VRAM_SIZE, 1, true));
	assert_null(get(gpu, OGPU_TARGET_VRAM, 0, 0, true));
	assert_null(get(gpu, OGPU_TARGET_VRAM, -1ull, 2, true));
	assert_null(get(gpu, OGPU_TARGET_PEER, 0, 1, false));
	assert_null(get(gpu, OGPU_TARGET_VIRTUAL, 0, 1, false));
}

static void test_poison(void **state)
{
	struct vgpu *gpu = *state;
	uint64_t before, after;

	before = vgpu_mem_begin(gpu);
	vgpu_mem_end(gpu);
	assert_true(memory_poison(gpu, 2 * PAGE + 5));
	after = vgpu_mem_begin(gpu);
	vgpu_mem_end(gpu);
	assert_int_not_equal(before, after);

	assert_null(get(gpu, OGPU_TARGET_VRAM, 2 * PAGE, 1, false));
	assert_null(get(gpu, OGPU_TARGET_VRAM, 2 * PAGE - 1, 2, false));
	assert_null(get(gpu, OGPU_TARGET_VRAM, 3 * PAGE - 1, 1, true));
	assert_non_null(get(gpu, OGPU_TARGET_VRAM, 3 * PAGE, 1, true));
	assert_non_null(get(gpu, OGPU_TARGET_VRAM, PAGE, PAGE, true));
	assert_true(vgpu_mem_poisoned(gpu, OGPU_TARGET_VRAM, 0, VRAM_SIZE));
	assert_false(vgpu_mem_poisoned(gpu, OGPU_TARGET_SYSTEM, 2 * PAGE, 1));
	assert_int_equal(memory_retire(gpu, 2 * PAGE), OGPU_RETIRE_OK);
	assert_non_null(get(gpu, OGPU_TARGET_VRAM, 2 * PAGE, 1, false));
}

/* Two neighbouring bus pages that lie apart in the file, and rights. */
static void test_copies(void **state)
{
	struct vgpu *gpu = *state;
	int fd = make_file(8 * PAGE);
	uint8_t out[PAGE], in[PAGE];
	uint64_t operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x10800);

	assert_int_equal(dma_table_add(&gpu->mem.dma, 0x10000, PAGE, DMA_READ | DMA_WRITE, fd,
				       6 * PAGE), 0);
	assert_int_equal(dma_table_add(&gpu->mem.dma, 0x11000, PAGE, DMA_READ | DMA_WRITE, fd,
				       PAGE), 0);
	assert_int_equal(dma_table_add(&gpu->mem.dma, 0x12000, PAGE, DMA_READ, fd, 0), 0);
	for (unsigned int i = 0; i < PAGE; i++)
		out[i] = i * 7;
	memcpy(get(gpu, OGPU_TARGET_SYSTEM, 0x10800, PAGE / 2, true), out, PAGE / 2);
	memcpy(get(gpu, OGPU_TARGET_SYSTEM, 0x11000, PAGE / 2, true), out + PAGE / 2, PAGE / 2);
	assert_true(vgpu_mem_read(gpu, operand, in, PAGE));
	assert_memory_equal(in, out, PAGE);
	assert_null(get(gpu, OGPU_TARGET_SYSTEM, 0x10800, PAGE, false));

	operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x11800);
	assert_true(vgpu_mem_read(gpu, operand, in, PAGE));
	assert_null(get(gpu, OGPU_TARGET_SYSTEM, 0x12000, PAGE / 2, true));
	operand = OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x12800);
	assert_false(vgpu_mem_read(gpu, operand, in, PAGE));
	/* Bits that must be zero. */
	assert_false(vgpu_mem_read(gpu, BIT_ULL(56), in, 1));
	assert_true(vgpu_mem_read(gpu, 0, in, 1));

	memory_set_dma(gpu, false);
	assert_false(vgpu_mem_read(gpu, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 0x10000), in, 1));
	close(fd);
}

/* Sixteen invalidations wait at a time; all of them end together, in order. */
static void test_tlbi_queue(void **state)
{
	struct vgpu *gpu = *state;
	struct tlbi what = { 0 };
	uint32_t started, done;

	tlbi_init(&gpu->tlbi);
	for (unsigned int round = 1; round < 4; round++) {
		for (what.asid = 1; what.asid <= OGPU_MMU_TLBI_DEPTH; what.asid++)
			assert_true(tlbi_start(&gpu->tlbi, &what, false));
		assert_false(tlbi_start(&gpu->tlbi, &what, false));
		tlbi_counts(&gpu->tlbi, &started, &done);
		assert_int_equal(started, round * OGPU_MMU_TLBI_DEPTH);
		assert_int_equal(done, started - OGPU_MMU_TLBI_DEPTH);
		tlbi_run(gpu);
		tlbi_counts(&gpu->tlbi, &started, &done);
		assert_int_equal(done, round * OGPU_MMU_TLBI_DEPTH);
		assert_int_equal(gpu->mem.tlbi.count, done);
		for (unsigned int i = 0; i < OGPU_MMU_TLBI_DEPTH; i++)
			assert_int_equal(gpu->mem.tlbi.entry[(done - OGPU_MMU_TLBI_DEPTH + i) %
							     TLBI_LOG].asid, i + 1);
	}
	tlbi_reset(&gpu->tlbi);
	tlbi_counts(&gpu->tlbi, &started, &done);
	assert_int_equal(started | done, 0);
	tlbi_fini(&gpu->tlbi);
}

struct race {
	struct vgpu *gpu;

	_Atomic bool stop;
	_Atomic bool mapped;	/* false from when unmap returned until map is called */
	_Atomic uint64_t uses;
};

/* An engine that keeps a pointer for as long as the generation stays. */
static void *reader(void *arg)
{
	struct race *race = arg;
	uint32_t *ptr = NULL;
	uint64_t last = 0;

	while (!race->stop) {
		uint64_t generation = vgpu_mem_begin(race->gpu);

		if (!ptr || generation != last)
			ptr = vgpu_mem_ptr(race->gpu, OGPU_TARGET_SYSTEM, 0x10000, PAGE, true);
		last = generation;
		if (ptr) {
			/* Would crash, or count while nothing is mapped. */
			if (!race->mapped)
				abort();
			__atomic_fetch_add(ptr, 1, __ATOMIC_RELAXED);
			race->uses++;
		}
		vgpu_mem_end(race->gpu);
	}
	return NULL;
}

static void test_unmap_race(void **state)
{
	struct race race = { .gpu = *state };
	int fd = make_file(PAGE);
	pthread_t threads[READERS];

	for (unsigned int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &race), 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t uses = race.uses;

		race.mapped = true;
		assert_int_equal(dma_table_add(&race.gpu->mem.dma, 0x10000, PAGE,
					       DMA_READ | DMA_WRITE, fd, 0), 0);
		/* Readers keep no NULL, so they find the new mapping. */
		while (i % 100 == 0 && race.uses == uses)
			sched_yield();
		assert_int_equal(memory_unmap(race.gpu, 0x10000, PAGE), 0);
		race.mapped = false;
	}
	race.stop = true;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(race.uses > 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vram_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poison, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tlbi_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_race, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-memory", tests, NULL, NULL);
}
