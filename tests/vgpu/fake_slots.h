/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What tests of compute slots share: a fake card with memory and kernels in an address space, each
 * test run with one host thread and with two. Included once by each test program, which says in
 * power_up() what its card has.
 */
#ifndef OGPU_TESTS_FAKE_SLOTS_H
#define OGPU_TESTS_FAKE_SLOTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernels.h"
#include "fake_queue.h"

#define ASID	3u
#define VA	0x10000000ull		/* VRAM from FAKE_DATA on */
#define CODE	(FAKE_DATA - 0x10000)	/* VRAM offset */
#define MS	1000000ull

static struct vgpu *gpu;

static void power_up(uint32_t threads);

static uint8_t *mem(uint64_t offset)
{
	return gpu->vram + FAKE_DATA + offset;
}

static __attribute__((unused)) uint64_t cell(uint64_t offset)
{
	return __atomic_load_n((uint64_t *)mem(offset), __ATOMIC_SEQ_CST);
}

/* A card with so much memory at VA, and the kernels. */
static void fake_slots(uint32_t threads, uint64_t bytes)
{
	gpu = fake_create(threads);
	fake_map(gpu, ASID, VA, VRAM(FAKE_DATA), bytes, PTE_RW);
	kernels_load(gpu, ASID, CODE);
}

static int one_thread(void **state)
{
	(void)state;
	power_up(1);
	return 0;
}

static int two_threads(void **state)
{
	(void)state;
	power_up(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engines_reset(gpu->engines);
	fake_destroy(gpu);
	return 0;
}

/* A test on one thread and on two. */
#define T(test)	\
	{ #test " (1 thread)", test, one_thread, teardown, NULL }, \
	{ #test " (2 threads)", test, two_threads, teardown, NULL }

#endif
