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
static unsigned int interrupts, trips;

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

void vgpu_trip(struct vgpu *gpu)
{
	(void)gpu;
	trips++;
}

static int setup(void **state)
{
	now = 5 * S;
	memset(&work, 0, sizeof(work));
	interrupts = 0;
	trips = 0;
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
	sensors_reg_write(s, OGPU_MC_MEM_CLOCK, UINT32_MAX);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_MEM_CLOCK), VGPU_MEM_CLOCK_KHZ);
	sensors_reg_write(s, OGPU_MC_MEM_CLOCK, 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_MEM_CLOCK), VGPU_MEM_CLOCK_MIN_KHZ);
	/* Read-only and unknown ones. */
	sensors_reg_write(s, OGPU_MC_TEMP, 7);
	assert_int_not_equal(sensors_reg_read(s, OGPU_MC_TEMP), 7);
	assert_int_equal(sensors_reg_read(s, 0xfff), 0);
}

/* A cap below what work takes throttles until the mean is a tenth below it. */
static void test_power_cap(void **state)
{
	struct sensors *s = *state;

	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER_CAP), VGPU_CAP_MAX_UW);
	sensors_reg_write(s, OGPU_MC_POWER_CAP, 0);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER_CAP), VGPU_CAP_MIN_UW);
	sensors_reg_write(s, OGPU_MC_POWER_CAP, UINT32_MAX);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER_CAP), VGPU_CAP_MAX_UW);
	sensors_reg_write(s, OGPU_MC_POWER_CAP, 20000000);

	now += S;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
	interrupts = 0;
	/* 20 W for lane instructions, 12 W at rest. */
	now += S;
	work.lane_instructions += 1000000000;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_POWER);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ / 2);
	assert_int_equal(interrupts, 1);
	/* Firmware cannot clear what hardware set. */
	sensors_reg_write(s, OGPU_MC_THROTTLE, 0);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_POWER);
	/* Half of it is 22 W, and a little less is 19 W: neither is enough. */
	now += S;
	work.lane_instructions += 1000000000;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_POWER);
	now += S;
	work.lane_instructions += 700000000;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_POWER);
	now += S;
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
	assert_int_equal(interrupts, 2);
	sensors_reset(s);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_POWER_CAP), 20000000);
}

static uint32_t power_now(struct sensors *s)
{
	now += S;
	return sensors_reg_read(s, OGPU_MC_POWER);
}

/* Idle takes less, begins only without work, and ends with it. */
static void test_idle(void **state)
{
	struct sensors *s = *state;
	uint32_t rest = power_now(s);

	sensors_reg_write(s, OGPU_MC_IDLE, 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_IDLE), 1);
	assert_true(power_now(s) < rest / 2);
	sensors_reg_write(s, OGPU_MC_IDLE, 0);
	assert_int_equal(power_now(s), rest);

	/* Hardware tells that it ended; firmware, which did so itself above, is not told. */
	assert_int_equal(interrupts, 0);
	sensors_reg_write(s, OGPU_MC_IDLE, 1);
	now += MS;
	work.running = true;
	sensors_work(s);
	assert_int_equal(interrupts, 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_IDLE), 0);
	sensors_work(s);
	assert_int_equal(interrupts, 1);
	now += MS;
	sensors_reg_write(s, OGPU_MC_IDLE, 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_IDLE), 0);
	work.running = false;
	now += MS;
	sensors_reg_write(s, OGPU_MC_IDLE, 1);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_IDLE), 1);
	sensors_reset(s);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_IDLE), 0);
}

/* It stops once, and may not be started before it is cool. */
static void test_trip(void **state)
{
	struct sensors *s = *state;

	sensors_set_temp(s, 109999);
	assert_int_equal(trips, 0);
	assert_false(sensors_tripped(s));
	sensors_set_temp(s, 110000);
	sensors_set_temp(s, 120000);
	assert_int_equal(trips, 1);
	sensors_set_temp(s, 85000);
	assert_true(sensors_tripped(s));
	sensors_set_temp(s, 84000);
	assert_false(sensors_tripped(s));
	sensors_set_temp(s, 110000);
	assert_int_equal(trips, 2);
}

static void test_brake(void **state)
{
	struct sensors *s = *state;

	interrupts = 0;
	sensors_set_brake(s, true);
	sensors_reset(s);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), OGPU_THROTTLE_BRAKE);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_CLOCK), VGPU_CLOCK_KHZ / 2);
	sensors_set_brake(s, false);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
	assert_int_equal(interrupts, 2);
	/* It is not firmware's. */
	sensors_reg_write(s, OGPU_MC_THROTTLE, OGPU_THROTTLE_BRAKE);
	assert_int_equal(sensors_reg_read(s, OGPU_MC_THROTTLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_energy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_is_mean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_throttle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clamps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_brake, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-sensors", tests, NULL, NULL);
}
