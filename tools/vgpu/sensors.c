// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sensors: power, energy and heat that follow from the work the card does.
 *
 * The model, computed whenever somebody looks: energy is what the card takes at rest for the time
 * that passed, plus a fixed amount for each lane instruction, each byte moved and each nanosecond
 * a slot was busy, the latter three in proportion to the clock. Power is energy over at least
 * 100 ms. Hot spot and memory are bodies with one heat capacity each: their temperature nears
 * ambient + resistance * power exponentially; the fan lowers the resistance. The constants make a
 * busy virtual card as hungry and as hot as a small real one.
 */
#include <math.h>
#include <stdlib.h>

#include "abi/mbox.h"
#include "device.h"
#include "sensors.h"

#define REST_UW			12000000.0	/* nothing to do */
#define IDLE_UW			3000000.0	/* and told to be idle */
#define LANE_INSTRUCTION_UJ	0.02
#define BYTE_UJ			0.002
#define BUSY_COMPUTE_UW		4000000.0	/* per busy slot */
#define BUSY_COPY_UW		1500000.0

#define AMBIENT_MDEG		30000.0
#define HOT_TAU_NS		(20 * NS_PER_S)
#define MEM_TAU_NS		(40 * NS_PER_S)
#define MEM_MDEG_PER_UW		0.0004

#define FAN_DEFAULT_RPM		1500u
#define FAN_MAX_RPM		4000u

#define NS_PER_S		1000000000.0
#define WINDOW_NS		100000000ull

/* Hardware throttles from the one on until below the other; from TRIP_MDEG on it stops. */
#define HOT_MDEG		95000
#define COOL_MDEG		85000
#define TRIP_MDEG		110000

struct sensors {
	struct vgpu *gpu;
	pthread_mutex_t lock;		/* of all that follows */

	uint64_t last_ns;		/* the model was computed up to here */
	struct engines_work last_work;
	double energy_uj;
	double hot_mdeg, mem_mdeg;

	uint64_t window_ns;		/* start of the window for power */
	double window_uj;
	double power_uw;

	bool hot;			/* throttled by heat */
	bool tripped;			/* stopped by heat, and still too hot */
	bool over_cap;			/* throttled by the power cap */
	bool brake;			/* throttled from outside */
	bool idle;
	uint32_t energy_hi;		/* latched by reading ENERGY_LO */
	uint32_t clock_khz, mem_clock_khz, fan_rpm, throttle, cap_uw;
};

/**
 * sensors_reset() - what firmware set goes back to the values at power-up.
 * @s: the sensors
 *
 * Temperatures, energy and what is done from outside are facts; they stay, and so does the cap.
 */
void sensors_reset(struct sensors *s)
{
	pthread_mutex_lock(&s->lock);
	s->clock_khz = VGPU_CLOCK_KHZ;
	s->mem_clock_khz = VGPU_MEM_CLOCK_KHZ;
	s->idle = false;
	s->fan_rpm = FAN_DEFAULT_RPM;
	s->throttle = 0;
	pthread_mutex_unlock(&s->lock);
}

/**
 * sensors_create() - sensors of a cold card.
 * @gpu: the card; its engines exist
 *
 * Return: the sensors, or NULL if there is no memory.
 */
struct sensors *sensors_create(struct vgpu *gpu)
{
	struct sensors *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->gpu = gpu;
	pthread_mutex_init(&s->lock, NULL);
	s->hot_mdeg = AMBIENT_MDEG;
	s->mem_mdeg = AMBIENT_MDEG;
	s->power_uw = REST_UW;
	s->cap_uw = VGPU_CAP_MAX_UW;
	s->last_ns = vgpu_time_ns(gpu);
	s->window_ns = s->last_ns;
	sensors_reset(s);
	return s;
}

/**
 * sensors_destroy() - end of life.
 * @s: the sensors
 */
void sensors_destroy(struct sensors *s)
{
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* What firmware wants and what heat makes necessary. */
static uint32_t throttle_reasons(const struct sensors *s)
{
	return s->throttle | (s->hot ? OGPU_THROTTLE_THERMAL : 0) |
	       (s->over_cap ? OGPU_THROTTLE_POWER : 0) | (s->brake ? OGPU_THROTTLE_BRAKE : 0);
}

/* Throttled hardware runs at half the clock that firmware set. */
static uint32_t effective_clock(const struct sensors *s)
{
	return throttle_reasons(s) ? s->clock_khz / 2 : s->clock_khz;
}

static double work_uj(const struct engines_work *now, const struct engines_work *before)
{
	const unsigned int compute = OGPU_ENGINE_COMPUTE, copy = OGPU_ENGINE_COPY;

	return (now->lane_instructions - before->lane_instructions) * LANE_INSTRUCTION_UJ +
	       (now->bytes_moved - before->bytes_moved) * BYTE_UJ +
	       (now->busy_ns[compute] - before->busy_ns[compute]) / NS_PER_S * BUSY_COMPUTE_UW +
	       (now->busy_ns[copy] - before->busy_ns[copy]) / NS_PER_S * BUSY_COPY_UW;
}

/* Millidegree per microwatt between hot spot and ambient. */
static double hot_resistance(uint32_t fan_rpm)
{
	return 0.00015 + 0.6 / (fan_rpm + 500);
}

static void approach(double *mdeg, double target, double dt_ns, double tau_ns)
{
	*mdeg += (target - *mdeg) * (1 - exp(-dt_ns / tau_ns));
}

/* Firmware is interrupted when hardware begins or ends to throttle, or ends idle, on its own. */
static void set_by_hardware(struct sensors *s, bool *what, bool now)
{
	if (now != *what)
		mc_irq(vgpu_mc(s->gpu), OGPU_MC_IRQ_SENSOR);
	*what = now;
}

static void check_heat(struct sensors *s)
{
	set_by_hardware(s, &s->hot, s->hot_mdeg >= (s->hot ? COOL_MDEG : HOT_MDEG));
	if (!s->tripped && s->hot_mdeg >= TRIP_MDEG) {
		s->tripped = true;
		vgpu_trip(s->gpu);
	} else if (s->hot_mdeg < COOL_MDEG) {
		s->tripped = false;
	}
}

/* A cap is held by the mean: throttled from above it until a tenth below. */
static void check_cap(struct sensors *s)
{
	set_by_hardware(s, &s->over_cap, s->power_uw > s->cap_uw * (s->over_cap ? 0.9 : 1));
}

/* Bring the model up to now. */
static void update(struct sensors *s)
{
	uint64_t now = vgpu_time_ns(s->gpu);
	struct engines_work work;
	double dt, uj, uw;

	if (now <= s->last_ns)
		return;
	dt = now - s->last_ns;
	engines_work(vgpu_engines(s->gpu), &work);
	uj = (s->idle ? IDLE_UW : REST_UW) * dt / NS_PER_S +
	     work_uj(&work, &s->last_work) * effective_clock(s) / VGPU_CLOCK_KHZ;
	uw = uj * NS_PER_S / dt;
	s->energy_uj += uj;
	s->last_work = work;
	s->last_ns = now;
	approach(&s->hot_mdeg, AMBIENT_MDEG + hot_resistance(s->fan_rpm) * uw, dt, HOT_TAU_NS);
	approach(&s->mem_mdeg, AMBIENT_MDEG + MEM_MDEG_PER_UW * uw, dt, MEM_TAU_NS);
	check_heat(s);

	if (now - s->window_ns >= WINDOW_NS) {
		s->power_uw = (s->energy_uj - s->window_uj) / ((now - s->window_ns) / NS_PER_S);
		s->window_ns = now;
		s->window_uj = s->energy_uj;
		check_cap(s);
	}
}

/**
 * sensors_reg_read() - firmware reads a sensor.
 * @s: the sensors
 * @reg: OGPU_MC_TEMP .. OGPU_MC_IDLE
 *
 * Return: the value; 0 for registers that do not exist.
 */
uint32_t sensors_reg_read(struct sensors *s, uint32_t reg)
{
	uint32_t value = 0;
	uint64_t energy;

	pthread_mutex_lock(&s->lock);
	update(s);
	switch (reg) {
	case OGPU_MC_TEMP:
		value = (uint32_t)(int32_t)s->hot_mdeg;
		break;
	case OGPU_MC_MEM_TEMP:
		value = (uint32_t)(int32_t)s->mem_mdeg;
		break;
	case OGPU_MC_POWER:
		value = s->power_uw < UINT32_MAX ? s->power_uw : UINT32_MAX;
		break;
	case OGPU_MC_ENERGY_LO:
		energy = s->energy_uj;
		s->energy_hi = energy >> 32;
		value = energy;
		break;
	case OGPU_MC_ENERGY_HI:
		value = s->energy_hi;
		break;
	case OGPU_MC_CLOCK:
		value = effective_clock(s);
		break;
	case OGPU_MC_FAN:
		value = s->fan_rpm;
		break;
	case OGPU_MC_THROTTLE:
		value = throttle_reasons(s);
		break;
	case OGPU_MC_POWER_CAP:
		value = s->cap_uw;
		break;
	case OGPU_MC_MEM_CLOCK:
		value = s->mem_clock_khz;
		break;
	case OGPU_MC_IDLE:
		value = s->idle;
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return value;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

/**
 * sensors_reg_write() - firmware sets clocks, fan, throttling, cap or idle.
 * @s: the sensors
 * @reg: which; those that are read-only do nothing
 * @value: what it writes; hardware clamps
 */
void sensors_reg_write(struct sensors *s, uint32_t reg, uint32_t value)
{
	pthread_mutex_lock(&s->lock);
	update(s);
	switch (reg) {
	case OGPU_MC_CLOCK:
		s->clock_khz = clamp(value, VGPU_CLOCK_MIN_KHZ, VGPU_CLOCK_KHZ);
		break;
	case OGPU_MC_FAN:
		s->fan_rpm = clamp(value, 0, FAN_MAX_RPM);
		break;
	case OGPU_MC_THROTTLE:
		s->throttle = value & OGPU_THROTTLE_FIRMWARE;
		break;
	case OGPU_MC_POWER_CAP:
		s->cap_uw = clamp(value, VGPU_CAP_MIN_UW, VGPU_CAP_MAX_UW);
		break;
	case OGPU_MC_MEM_CLOCK:
		s->mem_clock_khz = clamp(value, VGPU_MEM_CLOCK_MIN_KHZ, VGPU_MEM_CLOCK_KHZ);
		break;
	case OGPU_MC_IDLE:
		s->idle = value & 1 && !s->last_work.running;
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

/**
 * sensors_work() - a slot has begun to work, which ends idle.
 * @s: the sensors
 *
 * The caller holds no lock. The slot is RUNNING already, so that idle does not begin again.
 */
void sensors_work(struct sensors *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->idle) {
		update(s);
		set_by_hardware(s, &s->idle, false);
	}
	pthread_mutex_unlock(&s->lock);
}

/**
 * sensors_energy() - energy without disturbing firmware's latched register.
 * @s: the sensors
 *
 * Return: microjoule since power-up.
 */
uint64_t sensors_energy(struct sensors *s)
{
	uint64_t energy;

	pthread_mutex_lock(&s->lock);
	update(s);
	energy = s->energy_uj;
	pthread_mutex_unlock(&s->lock);
	return energy;
}

/**
 * sensors_set_temp() - fault: the hot spot has this temperature now and cools from there.
 * @s: the sensors
 * @mdeg: millidegree Celsius
 *
 * May begin or end throttling, as heat does.
 */
void sensors_set_temp(struct sensors *s, int32_t mdeg)
{
	pthread_mutex_lock(&s->lock);
	update(s);
	s->hot_mdeg = mdeg;
	check_heat(s);
	pthread_mutex_unlock(&s->lock);
}

/**
 * sensors_set_brake() - fault: somebody outside has the card throttle.
 * @s: the sensors
 * @on: or has it no more
 */
void sensors_set_brake(struct sensors *s, bool on)
{
	pthread_mutex_lock(&s->lock);
	update(s);
	set_by_hardware(s, &s->brake, on);
	pthread_mutex_unlock(&s->lock);
}

/**
 * sensors_tripped() - whether the card is too hot to be started.
 * @s: the sensors
 *
 * Return: true from a trip on until it is cool.
 */
bool sensors_tripped(struct sensors *s)
{
	bool tripped;

	pthread_mutex_lock(&s->lock);
	update(s);
	tripped = s->tripped;
	pthread_mutex_unlock(&s->lock);
	return tripped;
}
