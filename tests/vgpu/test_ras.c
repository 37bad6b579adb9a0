// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Errors as firmware and host are told of them, and pages that are replaced by spare ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "device.h"
#include "nonvol.h"

#define VRAM_SIZE	(1u << 20)
#define PAGE		4096u

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* Stand-ins for mc.c, event.c and engines.c. */
static unsigned int interrupts, events;
static struct ogpu_event last_event;

void mc_irq(struct mc *mc, uint32_t bits)
{
	(void)mc;
	assert_int_equal(bits, OGPU_MC_IRQ_RAS);
	interrupts++;
}

void vgpu_event_push(struct vgpu *gpu, const struct ogpu_event *event)
{
	(void)gpu;
	last_event = *event;
	events++;
}

void engines_clean(struct engines *eng)
{
	(void)eng;
}

static int setup(void **state)
{
	struct vgpu *gpu = calloc(1, sizeof(*gpu));

	gpu->cfg.nonvol = calloc(1, sizeof(*gpu->cfg.nonvol));
	pthread_mutex_init(&gpu->cfg.nonvol->lock, NULL);
	assert_int_equal(memory_init(&gpu->mem, VRAM_SIZE), 0);
	ras_init(&gpu->ras, gpu);
	interrupts = 0;
	events = 0;
	*state = gpu;
	return 0;
}

static int teardown(void **state)
{
	struct vgpu *gpu = *state;

	ras_fini(&gpu->ras);
	memory_fini(&gpu->mem);
	free(gpu->cfg.nonvol);
	free(gpu);
	return 0;
}

static uint32_t get(struct vgpu *gpu, uint32_t reg)
{
	return ras_reg_read(&gpu->ras, reg);
}

static void report(struct vgpu *gpu, enum ogpu_ras_block block, enum ogpu_ras_severity severity,
		   uint64_t addr)
{
	ras_report(&gpu->ras, &(struct ras_record){ block, severity, addr, 9 });
}

static void test_counters(void **state)
{
	struct vgpu *gpu = *state;

	for (unsigned int block = 0; block < OGPU_RAS_BLOCKS; block++) {
		uint32_t base = OGPU_MC_RAS_BLOCK(block);

		assert_int_equal(get(gpu, base + OGPU_RAS_QUEUE), OGPU_EVENT_NO_QUEUE);
		report(gpu, block, OGPU_RAS_SEV_CORRECTED, 1);
		report(gpu, block, OGPU_RAS_SEV_UNCORRECTED, 2);
		report(gpu, block, OGPU_RAS_SEV_UNCORRECTED, 3);
		report(gpu, block, OGPU_RAS_SEV_DEFERRED, 0x123456789ull + block);
		assert_int_equal(get(gpu, base + OGPU_RAS_CORRECTED), 1);
		assert_int_equal(get(gpu, base + OGPU_RAS_UNCORRECTED), 2);
		assert_int_equal(get(gpu, base + OGPU_RAS_DEFERRED), 1);
		assert_int_equal(get(gpu, base + OGPU_RAS_ADDR_LO), 0x23456789 + block);
		assert_int_equal(get(gpu, base + OGPU_RAS_ADDR_HI), 1);
		assert_int_equal(get(gpu, base + OGPU_RAS_QUEUE), 9);
		assert_int_equal(get(gpu, base + 0x18), 0);
	}
	/* They do not begin again. */
	gpu->ras.block[0].count[OGPU_RAS_SEV_CORRECTED] = UINT32_MAX;
	report(gpu, OGPU_RAS_VRAM, OGPU_RAS_SEV_CORRECTED, 1);
	assert_int_equal(get(gpu, OGPU_MC_RAS_BLOCK(0)), UINT32_MAX);
}

static void test_records(void **state)
{
	struct vgpu *gpu = *state;
	uint32_t record;

	assert_int_equal(get(gpu, OGPU_MC_RAS_RECORD), 0);
	/* Whoever copies poison could make as many as he likes: no record, no event. */
	report(gpu, OGPU_RAS_VRAM, OGPU_RAS_SEV_DEFERRED, 5);
	assert_int_equal(get(gpu, OGPU_MC_RAS_RECORD), 0);
	assert_int_equal(interrupts + events, 0);

	for (unsigned int i = 0; i < RAS_RECORDS + 2; i++)
		report(gpu, OGPU_RAS_LINK, OGPU_RAS_SEV_UNCORRECTED, 0x100000000ull + i);
	assert_int_equal(interrupts, RAS_RECORDS + 2);
	assert_int_equal(events, RAS_RECORDS + 2);
	assert_int_equal(last_event.type, OGPU_EVENT_MEMORY_ERROR);
	assert_int_equal(last_event.value0, 0x100000000ull + RAS_RECORDS + 1);
	assert_int_equal(FIELD_GET(OGPU_EVENT_ERROR_SEVERITY, last_event.value1),
			 OGPU_RAS_SEV_UNCORRECTED);
	assert_int_equal(FIELD_GET(OGPU_EVENT_ERROR_BLOCK, last_event.value1), OGPU_RAS_LINK);
	for (unsigned int i = 0; i < RAS_RECORDS; i++) {
		record = get(gpu, OGPU_MC_RAS_RECORD);
		assert_true(record & OGPU_RAS_RECORD_VALID);
		assert_int_equal(!!(record & OGPU_RAS_RECORD_LOST), !i);
		assert_int_equal(FIELD_GET(OGPU_RAS_RECORD_BLOCK, record), OGPU_RAS_LINK);
		assert_int_equal(FIELD_GET(OGPU_RAS_RECORD_SEVERITY, record),
				 OGPU_RAS_SEV_UNCORRECTED);
		assert_int_equal(get(gpu, OGPU_MC_RAS_ADDR_LO), i);
		assert_int_equal(get(gpu, OGPU_MC_RAS_ADDR_HI), 1);
		assert_int_equal(get(gpu, OGPU_MC_RAS_QUEUE), 9);
	}
	assert_int_equal(get(gpu, OGPU_MC_RAS_RECORD), 0);
}

static uint32_t retire(struct vgpu *gpu, uint64_t addr)
{
	ras_reg_write(&gpu->ras, OGPU_MC_RETIRE_LO, addr);
	ras_reg_write(&gpu->ras, OGPU_MC_RETIRE_HI, addr >> 32);
	ras_reg_write(&gpu->ras, OGPU_MC_RETIRE, 1);
	return get(gpu, OGPU_MC_RETIRE);
}

static void test_retire(void **state)
{
	struct vgpu *gpu = *state;
	static const uint8_t zeros[PAGE];

	memset(gpu->mem.vram, 1, VRAM_SIZE);
	assert_true(memory_poison(gpu, 5 * PAGE + 8));
	assert_int_equal(get(gpu, OGPU_MC_SPARES), NONVOL_SPARES);
	assert_int_equal(retire(gpu, 5 * PAGE + 8), OGPU_RETIRE_BAD_ADDRESS);
	assert_int_equal(retire(gpu, VRAM_SIZE), OGPU_RETIRE_BAD_ADDRESS);
	assert_int_equal(retire(gpu, 1ull << 40), OGPU_RETIRE_BAD_ADDRESS);
	assert_true(vgpu_mem_poisoned(gpu, OGPU_TARGET_VRAM, 5 * PAGE, 1));
	assert_int_equal(retire(gpu, 5 * PAGE), OGPU_RETIRE_OK);
	assert_false(vgpu_mem_poisoned(gpu, OGPU_TARGET_VRAM, 5 * PAGE, 1));
	assert_memory_equal(gpu->mem.vram + 5 * PAGE, zeros, PAGE);
	assert_int_equal(gpu->mem.vram[6 * PAGE], 1);
	assert_int_equal(get(gpu, OGPU_MC_SPARES), NONVOL_SPARES - 1);

	/* Cells that are good need no spare page: only their content was lost. */
	assert_true(vgpu_mem_carry(gpu, OGPU_OPERAND(OGPU_TARGET_VRAM, 7 * PAGE), 1));
	assert_false(vgpu_mem_carry(gpu, OGPU_OPERAND(OGPU_TARGET_SYSTEM, 7 * PAGE), 1));
	assert_int_equal(retire(gpu, 7 * PAGE), OGPU_RETIRE_OK);
	assert_int_equal(get(gpu, OGPU_MC_SPARES), NONVOL_SPARES - 1);

	for (unsigned int i = 1; i < NONVOL_SPARES; i++) {
		assert_true(memory_poison(gpu, i * PAGE));
		assert_int_equal(retire(gpu, i * PAGE), OGPU_RETIRE_OK);
	}
	assert_int_equal(get(gpu, OGPU_MC_SPARES), 0);
	assert_true(memory_poison(gpu, 0));
	assert_int_equal(retire(gpu, 0), OGPU_RETIRE_NO_SPARE);
	assert_true(vgpu_mem_poisoned(gpu, OGPU_TARGET_VRAM, 0, 1));
}

struct carrier {
	struct vgpu *gpu;
	_Atomic bool end;
	pthread_t thread;
};

static void *carry(void *arg)
{
	struct carrier *c = arg;

	while (!c->end) {
		vgpu_mem_begin(c->gpu);
		vgpu_mem_carry(c->gpu, OGPU_OPERAND(OGPU_TARGET_VRAM, 7 * PAGE), 1);
		vgpu_mem_end(c->gpu);
	}
	return NULL;
}

/* A page is retired while an engine carries poison to it: neither waits for the other for ever. */
static void test_retire_while_carried(void **state)
{
	struct carrier c = { .gpu = *state };

	alarm(60);
	assert_int_equal(pthread_create(&c.thread, NULL, carry, &c), 0);
	while (!get(c.gpu, OGPU_MC_RAS_BLOCK(OGPU_RAS_VRAM) + OGPU_RAS_DEFERRED))
		sched_yield();
	for (unsigned int i = 0; i < 2000; i++)
		assert_int_equal(retire(c.gpu, 7 * PAGE), OGPU_RETIRE_OK);
	c.end = true;
	pthread_join(c.thread, NULL);
	alarm(0);
}

/* Spare pages that are used are used without power, too. */
static void test_power_cycle(void **state)
{
	char path[] = "/tmp/ogpu-state.XXXXXX";
	struct nonvol before = NONVOL_INITIALIZER, after = NONVOL_INITIALIZER;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_true(nonvol_open(&before, path));
	assert_true(nonvol_retire(&before, 0xabcde000));
	assert_true(nonvol_retire(&before, 0x1000));
	assert_true(nonvol_open(&after, path));
	assert_int_equal(nonvol_spares(&after), NONVOL_SPARES - 2);
	assert_int_equal(after.retired[0], 0xabcde000);
	assert_int_equal(after.retired[1], 0x1000);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retire_while_carried, setup, teardown),
		cmocka_unit_test(test_power_cycle),
	};

	return cmocka_run_group_tests_name("vgpu-ras", tests, NULL, NULL);
}
