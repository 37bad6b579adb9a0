// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The sensor model, with time and work made up: energy adds up, power is its mean, heat nears its
 * target, throttling has a hysteresis and interrupts the firmware.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/mbox.h"
#include "sensors.h"
#include "vgpu.h"

#define MS	1000000ull
#define S	(1000 * MS)

/* Stand-ins for device.c, engines.c and mc.c. */
static uint64_t now;
static struct engines_work work;
static unsigned int interrupts;

uint64_t vgpu_time_ns(const struct vgpu *gpu)
{
	(void)gpu;
	return now;
}

struct engines *vgpu_engines(struct vgpu *gpu)
{
	(void)gpu;
	return NULL;
}

struct mc *vgpu_mc(struct vgpu *gpu)
{
	(void)gpu;
	return NULL;
}

void engines_work(struct engines *eng, struct engines_work *result)
{
	(void)eng;
	*result = work;
}

void mc_irq(struct mc *mc, uint32_t bits)
{
	(void)mc;
	assert_int_equal(bits, OGPU_MC_IRQ_SENSOR);
	interrupts++;
}

static int setup(void **state)
{
	now = 5 * S;
	memset(&work, 0, sizeof(work));
	interrupts = 0;
	*state = sensors_create(NULL);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	sensors_destroy(*state);
	return 0;
}

static uint64_t energy(struct sensors *s)
{
	uint64_t low = sensors_reg_read(s, OGPU_MC_ENERGY_LO);

	return (uint64_t)sensors_reg_read(s, OGPU_MC_ENERGY_HI) << 32 | low;
}

static void test_energy(void **state)
{
	struct sensors *s = *state;

	assert_int_equal(energy(s), 0);
	now += 10 * S;
	assert_in_range(energy(s), 119999000, 120001000);	/* 12 W for 10 s */
	work.lane_instructions += 1000000000;
	work.bytes_moved += 500000000;
	work.busy_ns[OGPU_ENGINE_COMPUTE] += S;
	now += S;
	/* 12 J at rest, 20 J of instructions, 1 J of bytes, 4 J of a busy slot. */
	assert_in_range(energy(s), 156999000, 157001000);
	assert_int_equal(sensors_energy(s), energy(s));
	/* Past 32 bits of microjoules. */
	now += 1000 * S;
	assert_true(energy(s) > UINT32_MAX);
}

static void test_power_is_mean(void **state)
{
	struct sensors *s = *state;

	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER), 12000000);
	work.lane_instructions += 100000000;	/* 2 J */
	now += 50 * MS;
	/* The window is not over. */
	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER), 12000000);
	now += 50 * MS;
	assert_in_range(sensors_reg_read(s, OGPU_MC_POWER), 31990000, 32010000);
	now += 100 * MS;
	assert_in_range(sensors_reg_read(s, OGPU_MC_POWER), 11990000, 12010000);
}

/* However often somebody looks, the temperature is the same. */
static void test_heat(void **state)
{
	struct sensors *s = *state;
	int32_t rough, fine;

	assert_int_equal(sensors_reg_read(s, OGPU_MC_TEMP), 30000);
	now += 20 * S;
	rough = sensors_reg_read(s, OGPU_MC_TEMP);
	sensors_destroy(s);
	s = sensors_create(NULL);
	*state = s;
	for (unsigned int i = 0; i < 20000; i++) {
		now += MS;
		fine = sensors_reg_read(s, OGPU_MC_TEMP);
	}
	assert_in_range(fine, rough - 2, rough + 2);
	/* At rest it settles below 40 degrees and does not move any more. */
	now += 1000 * S;
	rough = sensors_reg_read(s, OGPU_MC_TEMP);
	assert_in_range(rough, 31000, 40000);
	now += 1000 * S;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_TEMP), rough);
	/* A faster fan cools. */
	sensors_reg_write(s, OGPU_MC_FAN, 4000);
	now += 1000 * S;
	assert_true((int32_t)sensors_reg_read(s, OGPU_MC_TEMP) < rough);
}

static void test_throttle(void **state)
{
	struct sensors *s = *state;

	sensors_set_temp(s, 94999);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
	sensors_set_temp(s, 95000);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_THERMAL);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ / 2);
	assert_int_equal(interrupts, 1);
	sensors_set_temp(s, 85000);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_THERMAL);
	/* It cools on its own. */
	now += S;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ);
	assert_int_equal(interrupts, 2);
	/* Firmware may ask for more. */
	sensors_reg_write(s, OGPU_MC_THROTTLE, OGPU_THROTTLE_POWER);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_POWER);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ / 2);
	sensors_reset(s);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
}

static void test_clamps(void **state)
{
	struct sensors *s = *state;

	sensors_reg_write(s, OGPU_MC_CLOCK, 0);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_MIN_KHZ);
	sensors_reg_write(s, OGPU_MC_CLOCK, UINT32_MAX);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ);
	sensors_reg_write(s, OGPU_MC_FAN, UINT32_MAX);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_FAN), 4000);
	/* Read-only and unknown ones. */
	sensors_reg_write(s, OGPU_MC_ECC_CE, 7);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_ECC_CE), 0);
	assert_int_equal(sensors_reg_read(s, 0xfff), 0);
}

static void test_ecc_counts(void **state)
{
	struct sensors *s = *state;

	sensors_count_ecc(s, true);
	sensors_count_ecc(s, false);
	sensors_count_ecc(s, false);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_ECC_CE), 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_ECC_UE), 2);
	sensors_reset(s);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_ECC_UE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_energy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_is_mean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_throttle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clamps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecc_counts, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-sensors", tests, NULL, NULL);
}
