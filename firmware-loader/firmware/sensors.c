// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sensors, cooling and saving. With each tick the fan follows the temperature; above the limit the
 * clock goes down step by step until it is cool again. A card that has had nothing to do for a
 * while is made idle; hardware wakes it.
 */
#include "sensors.h"

#include "clock.h"
#include "hw.h"
#include "log.h"
#include "sched.h"

#define TEMP_LIMIT	95000	/* millidegree: throttle */
#define TEMP_COOL	88000	/* millidegree: stop throttling */
#define CLOCK_STEPS	16	/* the clock goes down and up by one 16th of its maximum */
#define CLOCK_FLOOR	4	/* and never below four of them */

#define FAN_LOW_TEMP	40000	/* millidegree: below, the fan turns at its lowest speed */
#define FAN_LOW_RPM	800
#define FAN_RPM_PER_DEGREE	50

#define IDLE_AFTER_NS	(500 * NS_PER_MS)

#define POWER_WINDOW_NS	(100 * NS_PER_MS)

static struct {
	uint32_t max_clock_khz;		/* known once hardware does not throttle */
	uint32_t steps;			/* of CLOCK_STEPS that the clock now has */
	uint32_t throttle;		/* what we ask for */
	uint32_t shown;			/* what hardware made of it when we last looked */
	bool alert;
	/* Two samples of the energy counter: the older one is at least POWER_WINDOW_NS old. */
	uint64_t old_time, old_energy_uj;
	uint64_t new_time, new_energy_uj;
	uint64_t busy_ns, idle_since;	/* all that was done, and when that was last more */
} state;

static int32_t hottest(void)
{
	int32_t core = hw_read(OGPU_MC_TEMP), memory = hw_read(OGPU_MC_MEM_TEMP);

	return core > memory ? core : memory;
}

/* Hardware clamps to the highest clock it can, which cannot be read back while it throttles. */
static void set_clock(uint32_t steps)
{
	state.steps = steps;
	hw_write(OGPU_MC_CLOCK, steps == CLOCK_STEPS ? UINT32_MAX :
				state.max_clock_khz / CLOCK_STEPS * steps);
}

/**
 * sensors_init() - full clock, no throttling
 * @now: time
 */
void sensors_init(uint64_t now)
{
	state.throttle = 0;
	hw_write(OGPU_MC_THROTTLE, 0);	/* one that firmware before us asked for halves the clock */
	set_clock(CLOCK_STEPS);
	state.max_clock_khz = hw_read(OGPU_MC_CLOCK);
	state.idle_since = now;
	state.new_time = now;
	state.new_energy_uj = hw_read64(OGPU_MC_ENERGY_LO);
	state.old_time = state.new_time;
	state.old_energy_uj = state.new_energy_uj;
	sensors_tick(now);
}

static void set_fan(int32_t temp)
{
	uint32_t rpm = FAN_LOW_RPM;

	if (temp > FAN_LOW_TEMP)
		rpm += (uint32_t)(temp - FAN_LOW_TEMP) / 1000 * FAN_RPM_PER_DEGREE;
	hw_write(OGPU_MC_FAN, rpm);
}

static void set_throttle(uint32_t throttle, int32_t temp)
{
	if (throttle == state.throttle)
		return;
	state.throttle = throttle;
	hw_write(OGPU_MC_THROTTLE, throttle);
	log_line("thermal throttling %s at %ld millidegree", throttle ? "begins" : "ends", temp);
}

/* Hardware throttles on its own, too. */
static void look_at_throttle(void)
{
	uint32_t throttle = hw_read(OGPU_MC_THROTTLE);

	if (throttle != state.shown)
		state.alert = true;
	state.shown = throttle;
	if (!throttle && state.steps == CLOCK_STEPS)
		state.max_clock_khz = hw_read(OGPU_MC_CLOCK);
}

static void sample_energy(uint64_t now)
{
	if (now - state.new_time < POWER_WINDOW_NS)
		return;
	state.old_time = state.new_time;
	state.old_energy_uj = state.new_energy_uj;
	state.new_time = now;
	state.new_energy_uj = hw_read64(OGPU_MC_ENERGY_LO);
}

/* Hardware does not obey while it has work, and wakes for work by itself. */
static void look_for_work(uint64_t now)
{
	uint64_t busy_ns = sched_class_busy_ns(OGPU_ENGINE_COMPUTE) +
			   sched_class_busy_ns(OGPU_ENGINE_COPY);

	if (busy_ns != state.busy_ns) {
		state.busy_ns = busy_ns;
		state.idle_since = now;
	} else if (now - state.idle_since >= IDLE_AFTER_NS && !hw_read(OGPU_MC_IDLE)) {
		hw_write(OGPU_MC_IDLE, 1);
	}
}

/**
 * sensors_tick() - look at the sensors and act; to be called with each heartbeat
 * @now: time
 */
void sensors_tick(uint64_t now)
{
	int32_t temp = hottest();

	sample_energy(now);
	set_fan(temp);
	if (temp >= TEMP_LIMIT) {
		set_throttle(OGPU_THROTTLE_THERMAL, temp);
		if (state.steps > CLOCK_FLOOR)
			set_clock(state.steps - 1);
	} else if (temp < TEMP_COOL && state.throttle) {
		if (state.steps < CLOCK_STEPS)
			set_clock(state.steps + 1);
		else
			set_throttle(0, temp);
	}
	look_at_throttle();
	look_for_work(now);
}

/**
 * sensors_resting() - whether nothing is to be expected of the sensors for a while
 *
 * Hardware interrupts when that ends: when it throttles, and when there is work.
 */
bool sensors_resting(void)
{
	return hw_read(OGPU_MC_IDLE) && !state.throttle;
}

/**
 * sensors_power_cap() - limit the power
 * @request: to what
 * @answer: filled in: what hardware made of it
 */
enum ogpu_msg_status sensors_power_cap(const struct ogpu_msg_power_cap *request,
				       struct ogpu_msg_power_cap *answer)
{
	if (request->rsvd)
		return OGPU_MSG_EINVAL;
	hw_write(OGPU_MC_POWER_CAP, request->cap_uw);
	answer->cap_uw = hw_read(OGPU_MC_POWER_CAP);
	log_line("power limited to %lu uW", answer->cap_uw);
	return OGPU_MSG_OK;
}

static uint32_t errors(uint32_t severity)
{
	uint32_t sum = 0, block;

	for (block = 0; block < OGPU_RAS_BLOCKS; block++)
		sum += hw_read(OGPU_MC_RAS_BLOCK(block) + severity);
	return sum;
}

/**
 * sensors_alert() - whether the throttle state has changed since this was last asked
 */
bool sensors_alert(void)
{
	bool alert = state.alert;

	state.alert = false;
	return alert;
}

/**
 * sensors_read() - fill in the message for the host
 * @sensors: result
 * @now: time
 */
void sensors_read(struct ogpu_msg_sensors *sensors, uint64_t now)
{
	uint64_t energy_uj = hw_read64(OGPU_MC_ENERGY_LO);
	uint64_t us = (now - state.old_time) / NS_PER_US;

	sensors->temp_mdeg = hw_read(OGPU_MC_TEMP);
	sensors->mem_temp_mdeg = hw_read(OGPU_MC_MEM_TEMP);
	sensors->power_uw = us ? (energy_uj - state.old_energy_uj) * 1000000 / us :
			    hw_read(OGPU_MC_POWER);
	sensors->clock_khz = hw_read(OGPU_MC_CLOCK);
	sensors->energy_uj = energy_uj;
	sensors->fan_rpm = hw_read(OGPU_MC_FAN);
	sensors->throttle = hw_read(OGPU_MC_THROTTLE);
	sensors->ecc_corrected = errors(OGPU_RAS_CORRECTED);
	sensors->ecc_uncorrected = errors(OGPU_RAS_UNCORRECTED);
	sensors->mem_clock_khz = hw_read(OGPU_MC_MEM_CLOCK);
	sensors->power_cap_uw = hw_read(OGPU_MC_POWER_CAP);
	sensors->busy_ns[OGPU_ENGINE_COMPUTE] = sched_class_busy_ns(OGPU_ENGINE_COMPUTE);
	sensors->busy_ns[OGPU_ENGINE_COPY] = sched_class_busy_ns(OGPU_ENGINE_COPY);
}
