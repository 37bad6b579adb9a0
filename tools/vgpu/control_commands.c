// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Commands of the control socket: one JSON object in, one out. The manual page lists them.
 */
#include <cjson/cJSON.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "control_commands.h"
#include "device.h"
#include "nonvol.h"
#include "poison.h"
#include "sensors.h"
#include "trace.h"

/* Returns NULL, or a phrase that says what is wrong. */
typedef const char *(*command_fn)(struct vgpu *gpu, const struct cJSON *args,
				  struct cJSON *result);

/* A whole number in [min, max], exact in a double. */
static bool get_number(const cJSON *args, const char *name, double min, double max, double *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(args, name);

	if (!cJSON_IsNumber(item) || item->valuedouble < min || item->valuedouble > max ||
	    item->valuedouble != (double)(int64_t)item->valuedouble)
		return false;
	*value = item->valuedouble;
	return true;
}

static void add_slots(struct vgpu *gpu, cJSON *result)
{
	cJSON *slots = cJSON_AddArrayToObject(result, "slots");

	for (uint32_t i = 0; i < gpu->cfg.compute_slots + gpu->cfg.copy_slots; i++) {
		uint32_t status = engines_slot_read(gpu->engines, i, OGPU_SLOT_STATUS);
		cJSON *slot = cJSON_CreateObject();

		cJSON_AddNumberToObject(slot, "queue",
					engines_slot_read(gpu->engines, i, OGPU_SLOT_QUEUE));
		cJSON_AddNumberToObject(slot, "state", FIELD_GET(OGPU_SLOT_STATUS_STATE, status));
		cJSON_AddNumberToObject(slot, "error", FIELD_GET(OGPU_SLOT_STATUS_ERROR, status));
		cJSON_AddItemToArray(slots, slot);
	}
}

static void add_sensors(struct vgpu *gpu, cJSON *result)
{
	cJSON *sensors = cJSON_AddObjectToObject(result, "sensors");
	struct sensors *s = gpu->sensors;

	cJSON_AddNumberToObject(sensors, "temp_mdeg", (int32_t)sensors_reg_read(s, OGPU_MC_TEMP));
	cJSON_AddNumberToObject(sensors, "mem_temp_mdeg",
				(int32_t)sensors_reg_read(s, OGPU_MC_MEM_TEMP));
	cJSON_AddNumberToObject(sensors, "power_uw", sensors_reg_read(s, OGPU_MC_POWER));
	cJSON_AddNumberToObject(sensors, "energy_uj", sensors_energy(s));
	cJSON_AddNumberToObject(sensors, "clock_khz", sensors_reg_read(s, OGPU_MC_CLOCK));
	cJSON_AddNumberToObject(sensors, "fan_rpm", sensors_reg_read(s, OGPU_MC_FAN));
	cJSON_AddNumberToObject(sensors, "throttle", sensors_reg_read(s, OGPU_MC_THROTTLE));
	cJSON_AddNumberToObject(sensors, "mem_clock_khz", sensors_reg_read(s, OGPU_MC_MEM_CLOCK));
	cJSON_AddNumberToObject(sensors, "power_cap_uw", sensors_reg_read(s, OGPU_MC_POWER_CAP));
	cJSON_AddBoolToObject(sensors, "idle", sensors_reg_read(s, OGPU_MC_IDLE));
}

static void add_errors(struct vgpu *gpu, cJSON *result)
{
	static const char * const names[OGPU_RAS_BLOCKS] = {
		[OGPU_RAS_VRAM] = "vram",
		[OGPU_RAS_CACHE] = "cache",
		[OGPU_RAS_UNIT] = "unit",
		[OGPU_RAS_MC] = "mc",
		[OGPU_RAS_LINK] = "link",
	};
	cJSON *errors = cJSON_AddObjectToObject(result, "errors");

	for (unsigned int i = 0; i < OGPU_RAS_BLOCKS; i++) {
		cJSON *block = cJSON_AddObjectToObject(errors, names[i]);
		uint32_t reg = OGPU_MC_RAS_BLOCK(i);

		cJSON_AddNumberToObject(block, "corrected",
					ras_reg_read(&gpu->ras, reg + OGPU_RAS_CORRECTED));
		cJSON_AddNumberToObject(block, "uncorrected",
					ras_reg_read(&gpu->ras, reg + OGPU_RAS_UNCORRECTED));
		cJSON_AddNumberToObject(block, "deferred",
					ras_reg_read(&gpu->ras, reg + OGPU_RAS_DEFERRED));
	}
	cJSON_AddNumberToObject(result, "poisoned_pages", poison_count(&gpu->mem.poison));
	cJSON_AddNumberToObject(result, "spare_pages", nonvol_spares(gpu->cfg.nonvol));
}

static void add_work(struct vgpu *gpu, cJSON *result)
{
	cJSON *object = cJSON_AddObjectToObject(result, "work");
	struct engines_work work;

	engines_work(gpu->engines, &work);
	cJSON_AddNumberToObject(object, "lane_instructions", work.lane_instructions);
	cJSON_AddNumberToObject(object, "bytes_moved", work.bytes_moved);
	cJSON_AddNumberToObject(object, "compute_busy_ns", work.busy_ns[OGPU_ENGINE_COMPUTE]);
	cJSON_AddNumberToObject(object, "copy_busy_ns", work.busy_ns[OGPU_ENGINE_COPY]);
}

static const char *do_state(struct vgpu *gpu, const cJSON *args, cJSON *result)
{
	uint32_t boot = gpu->boot.status;
	cJSON *object;

	(void)args;
	cJSON_AddNumberToObject(result, "time_ns", vgpu_time_ns(gpu));
	cJSON_AddBoolToObject(result, "gone", gpu->gone);
	cJSON_AddBoolToObject(result, "bus_master", gpu->mem.dma_enabled);

	object = cJSON_AddObjectToObject(result, "boot");
	cJSON_AddNumberToObject(object, "state", FIELD_GET(OGPU_BOOT_STATUS_STATE, boot));
	cJSON_AddNumberToObject(object, "error", FIELD_GET(OGPU_BOOT_STATUS_ERROR, boot));
	cJSON_AddNumberToObject(object, "fuse_svn", nonvol_svn(gpu->cfg.nonvol));
	cJSON_AddNumberToObject(object, "keys", nonvol_keys(gpu->cfg.nonvol));

	object = cJSON_AddObjectToObject(result, "mc");
	cJSON_AddBoolToObject(object, "running", mc_running(gpu->mc));
	cJSON_AddNumberToObject(object, "heartbeat", mc_heartbeat(gpu->mc));
	cJSON_AddNumberToObject(object, "fatal", mc_fatal(gpu->mc));
	cJSON_AddNumberToObject(object, "instructions", mc_instructions(gpu->mc));

	object = cJSON_AddObjectToObject(result, "events");
	cJSON_AddNumberToObject(object, "written", event_reg_read(&gpu->event, OGPU_EVENT_WPTR));
	cJSON_AddNumberToObject(object, "dropped", event_reg_read(&gpu->event, OGPU_EVENT_DROPPED));

	object = cJSON_AddObjectToObject(result, "interrupts");
	pthread_mutex_lock(&gpu->irq.lock);
	cJSON_AddNumberToObject(object, "mbox", gpu->irq.raised[OGPU_VECTOR_MBOX]);
	cJSON_AddNumberToObject(object, "event", gpu->irq.raised[OGPU_VECTOR_EVENT]);
	cJSON_AddNumberToObject(object, "signal", gpu->irq.raised[OGPU_VECTOR_SIGNAL]);
	cJSON_AddNumberToObject(object, "lost", gpu->irq.lost);
	pthread_mutex_unlock(&gpu->irq.lock);

	cJSON_AddNumberToObject(result, "dma_maps", gpu->mem.dma.count);
	add_errors(gpu, result);
	add_slots(gpu, result);
	add_sensors(gpu, result);
	add_work(gpu, result);
	return NULL;
}

static const char *inject_hang(struct vgpu *gpu, const cJSON *args)
{
	double slot;

	if (!get_number(args, "slot", 0, gpu->cfg.compute_slots + gpu->cfg.copy_slots - 1, &slot))
		return "slot must be the number of a slot of this card";
	engines_inject_hang(gpu->engines, slot);
	return NULL;
}

static const char *inject_ecc(struct vgpu *gpu, const cJSON *args, bool corrected)
{
	struct ras_record error = {
		.block = OGPU_RAS_VRAM,
		.severity = corrected ? OGPU_RAS_SEV_CORRECTED : OGPU_RAS_SEV_UNCORRECTED,
		.queue = OGPU_EVENT_NO_QUEUE,
	};
	double offset;

	if (!get_number(args, "offset", 0, gpu->cfg.vram_size - 1, &offset))
		return "offset must be a byte offset in VRAM";
	error.addr = offset;
	if (!corrected && !memory_poison(gpu, error.addr))
		return "too many bad pages already";
	ras_report(&gpu->ras, &error);
	return NULL;
}

/* An error elsewhere than in VRAM; what was lost by it is not played. */
static const char *inject_error(struct vgpu *gpu, const cJSON *args)
{
	struct ras_record error = { .queue = OGPU_EVENT_NO_QUEUE };
	double block, severity, addr;

	if (!get_number(args, "block", OGPU_RAS_CACHE, OGPU_RAS_BLOCKS - 1, &block) ||
	    !get_number(args, "severity", 0, OGPU_RAS_SEV_UNCORRECTED, &severity) ||
	    !get_number(args, "addr", 0, (double)BIT_ULL(52), &addr))
		return "block must be 1 to 4, severity 0 or 1, addr an address in the block";
	error.block = block;
	error.severity = severity;
	error.addr = addr;
	ras_report(&gpu->ras, &error);
	return NULL;
}

static const char *inject_lost_irq(struct vgpu *gpu, const cJSON *args)
{
	double count;

	if (!get_number(args, "count", 0, UINT32_MAX, &count))
		return "count must say how many interrupts to lose";
	irq_lose(&gpu->irq, count);
	return NULL;
}

static const char *inject_gone(struct vgpu *gpu, const cJSON *args)
{
	double ms = 0;

	if (cJSON_HasObjectItem(args, "ms") && !get_number(args, "ms", 1, UINT32_MAX, &ms))
		return "ms must say for how long";
	vgpu_set_gone(gpu, (uint64_t)ms * 1000000);
	return NULL;
}

static const char *inject_rom_delay(struct vgpu *gpu, const cJSON *args)
{
	double ms;

	if (!get_number(args, "ms", 0, UINT32_MAX, &ms))
		return "ms must say how late the verdict is";
	gpu->rom_delay_ns = (uint64_t)ms * 1000000;
	return NULL;
}

static const char *do_inject(struct vgpu *gpu, const cJSON *args, cJSON *result)
{
	const char *fault = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "fault"));

	(void)result;
	if (!fault)
		return "fault must name what to inject";
	if (!strcmp(fault, "hang"))
		return inject_hang(gpu, args);
	if (!strcmp(fault, "mc-crash"))
		mc_inject_crash(gpu->mc);
	else if (!strcmp(fault, "mc-hang"))
		mc_inject_hang(gpu->mc);
	else if (!strcmp(fault, "ecc-corrected"))
		return inject_ecc(gpu, args, true);
	else if (!strcmp(fault, "ecc-uncorrected"))
		return inject_ecc(gpu, args, false);
	else if (!strcmp(fault, "error"))
		return inject_error(gpu, args);
	else if (!strcmp(fault, "lost-irq"))
		return inject_lost_irq(gpu, args);
	else if (!strcmp(fault, "gone"))
		return inject_gone(gpu, args);
	else if (!strcmp(fault, "stuck"))
		gpu->stuck = true;
	else if (!strcmp(fault, "tlbi"))
		gpu->tlbi_stuck = true;
	else if (!strcmp(fault, "rom-delay"))
		return inject_rom_delay(gpu, args);
	else
		return "unknown fault, see ogpu-vgpu(8)";
	return NULL;
}

static const char *add_key(struct vgpu *gpu, const char *text)
{
	uint8_t key[NONVOL_KEY_SIZE];
	const char *end;
	size_t count;

	if (sodium_hex2bin(key, sizeof(key), text, strlen(text), NULL, &count, &end) || *end ||
	    count != sizeof(key))
		return "fuse_key must be 64 hexadecimal digits";
	return nonvol_fuse_key(gpu->cfg.nonvol, key) ? NULL : "no key slot is free";
}

static const char *do_set(struct vgpu *gpu, const cJSON *args, cJSON *result)
{
	const cJSON *trace = cJSON_GetObjectItemCaseSensitive(args, "trace");
	const cJSON *brake = cJSON_GetObjectItemCaseSensitive(args, "brake");
	const cJSON *atomics = cJSON_GetObjectItemCaseSensitive(args, "atomics");
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(args, "fuse_key");
	const char *error;
	bool done = false;
	double value;

	(void)result;
	if (get_number(args, "fuse_svn", 0, UINT32_MAX, &value)) {
		nonvol_set_svn(gpu->cfg.nonvol, value);
		done = true;
	}
	if (get_number(args, "revoked_keys", 0, BIT(OGPU_BOOT_KEY_SLOTS) - 1, &value)) {
		nonvol_set_revoked(gpu->cfg.nonvol, value);
		done = true;
	}
	if (cJSON_IsString(key)) {
		error = add_key(gpu, cJSON_GetStringValue(key));
		if (error)
			return error;
		done = true;
	}
	if (get_number(args, "temp_mdeg", -273150, 1000000, &value)) {
		sensors_set_temp(gpu->sensors, value);
		done = true;
	}
	if (cJSON_IsBool(brake)) {
		sensors_set_brake(gpu->sensors, cJSON_IsTrue(brake));
		done = true;
	}
	if (cJSON_IsBool(atomics)) {
		memory_refuse_atomics(gpu, cJSON_IsFalse(atomics));
		done = true;
	}
	if (cJSON_IsBool(trace)) {
		if (!trace_enable(cJSON_IsTrue(trace)))
			return "no trace file; start with --trace";
		done = true;
	}
	return done ? NULL : "nothing to set, see ogpu-vgpu(8)";
}

static const struct {
	const char *name;
	command_fn run;
} commands[] = {
	{ "state", do_state },
	{ "inject", do_inject },
	{ "set", do_set },
	{ NULL, NULL }
};

static const char *run(struct vgpu *gpu, const cJSON *args, cJSON *result)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "cmd"));

	if (!name)
		return "not a JSON object with a member cmd";
	for (size_t i = 0; commands[i].name; i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(gpu, args, result);
	return "unknown cmd; known: state, inject, set";
}

/**
 * control_command() - run a command.
 * @gpu: the card
 * @line: a JSON object
 *
 * In the control thread.
 *
 * Return: the answer, a JSON object in one line, the caller's to free; NULL if there is no memory.
 */
char *control_command(struct vgpu *gpu, const char *line)
{
	cJSON *args = cJSON_Parse(line);
	cJSON *result = cJSON_CreateObject();
	const char *error;
	char *text;

	cJSON_AddTrueToObject(result, "ok");
	error = run(gpu, args, result);
	if (error) {
		cJSON_Delete(result);
		result = cJSON_CreateObject();
		cJSON_AddFalseToObject(result, "ok");
		cJSON_AddStringToObject(result, "error", error);
	}
	text = cJSON_PrintUnformatted(result);
	cJSON_Delete(result);
	cJSON_Delete(args);
	return text;
}
