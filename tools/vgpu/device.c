// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The life of a card: power-up, resets, falling off the bus, power-down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "device.h"
#include "sensors.h"

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/**
 * vgpu_config() - what the command line chose.
 * @gpu: the card
 *
 * Return: constant while the card lives.
 */
const struct vgpu_config *vgpu_config(const struct vgpu *gpu)
{
	return &gpu->cfg;
}

/**
 * vgpu_time_ns() - GLB_TIME.
 * @gpu: the card
 *
 * Return: nanoseconds since power-up.
 */
uint64_t vgpu_time_ns(const struct vgpu *gpu)
{
	return monotonic_ns() - gpu->epoch_ns;
}

/**
 * vgpu_mc() - the management controller.
 * @gpu: the card
 *
 * Return: NULL only while the card is being made.
 */
struct mc *vgpu_mc(struct vgpu *gpu)
{
	return gpu->mc;
}

/**
 * vgpu_engines() - the engines.
 * @gpu: the card
 *
 * Return: NULL only while the card is being made.
 */
struct engines *vgpu_engines(struct vgpu *gpu)
{
	return gpu->engines;
}

/**
 * vgpu_sensors() - the sensors.
 * @gpu: the card
 *
 * Return: NULL only while the card is being made.
 */
struct sensors *vgpu_sensors(struct vgpu *gpu)
{
	return gpu->sensors;
}

/**
 * vgpu_ras() - errors of memories and links.
 * @gpu: the card
 *
 * Return: never NULL.
 */
struct ras *vgpu_ras(struct vgpu *gpu)
{
	return &gpu->ras;
}

static uint64_t round_up_pow2(uint64_t value)
{
	uint64_t result = 1;

	while (result < value)
		result <<= 1;
	return result;
}

/**
 * vgpu_bar_size() - how much address space a BAR takes.
 * @gpu: the card
 * @bar: number of the BAR
 *
 * Return: bytes, a power of two; 0 if there is no such BAR.
 */
uint64_t vgpu_bar_size(const struct vgpu *gpu, unsigned int bar)
{
	switch (bar) {
	case OGPU_BAR_REGS:
		return OGPU_BAR_REGS_SIZE;
	case OGPU_BAR_VRAM:
		return gpu->cfg.aperture_size;
	case OGPU_BAR_DOORBELL:
		return round_up_pow2((uint64_t)gpu->cfg.doorbells * VGPU_DOORBELL_STRIDE);
	default:
		return 0;
	}
}

static void init_pci(struct vgpu *gpu)
{
	struct pci_config_params params = {
		.regs_size = vgpu_bar_size(gpu, OGPU_BAR_REGS),
		.vram_size = vgpu_bar_size(gpu, OGPU_BAR_VRAM),
		.doorbell_size = vgpu_bar_size(gpu, OGPU_BAR_DOORBELL),
		.board_id = gpu->cfg.board_id,
		.hw_rev = gpu->cfg.hw_rev,
	};

	memcpy(&params.serial, gpu->cfg.uuid, sizeof(params.serial));
	pci_config_init(&gpu->pci, &params);
}

static bool create_parts(struct vgpu *gpu)
{
	gpu->engines = engines_create(gpu);
	if (!gpu->engines)
		return false;
	gpu->sensors = sensors_create(gpu);
	if (!gpu->sensors)
		goto err_engines;
	gpu->mc = mc_create(gpu);
	if (!gpu->mc)
		goto err_sensors;
	gpu->worker = worker_create(gpu);
	if (!gpu->worker)
		goto err_mc;
	if (gpu->cfg.control_path) {
		gpu->control = control_create(gpu, gpu->cfg.control_path);
		if (!gpu->control)
			goto err_worker;
	}
	return true;

err_worker:
	worker_destroy(gpu->worker);
err_mc:
	mc_destroy(gpu->mc);
err_sensors:
	sensors_destroy(gpu->sensors);
err_engines:
	engines_destroy(gpu->engines);
	return false;
}

/**
 * vgpu_create() - put a card into power-up state.
 * @cfg: what it is made of; the strings stay the caller's
 *
 * Return: the card, or NULL; what is wrong has been printed.
 */
struct vgpu *vgpu_create(const struct vgpu_config *cfg)
{
	struct vgpu *gpu = calloc(1, sizeof(*gpu));
	int err;

	if (!gpu) {
		fprintf(stderr, "ogpu-vgpu: no memory for a card\n");
		return NULL;
	}
	gpu->cfg = *cfg;
	gpu->epoch_ns = monotonic_ns();
	pthread_mutex_init(&gpu->reset_lock, NULL);

	err = memory_init(&gpu->mem, cfg->vram_size);
	if (err) {
		fprintf(stderr, "ogpu-vgpu: no %llu bytes of VRAM: %s; try a smaller --vram\n",
			(unsigned long long)cfg->vram_size, strerror(-err));
		goto err_free;
	}
	discovery_build(&gpu->disc, cfg);
	init_pci(gpu);
	event_init(&gpu->event);
	if (signal_init(&gpu->signal, cfg->doorbells)) {
		fprintf(stderr, "ogpu-vgpu: no memory for a card\n");
		goto err_event;
	}
	gpu->doorbell_low = calloc(cfg->doorbells, sizeof(*gpu->doorbell_low));
	if (!gpu->doorbell_low) {
		fprintf(stderr, "ogpu-vgpu: no memory for a card\n");
		goto err_signal;
	}
	irq_init(&gpu->irq);
	ras_init(&gpu->ras, gpu);
	tlbi_init(&gpu->tlbi);
	bootrom_init(gpu);
	if (!create_parts(gpu)) {
		fprintf(stderr, "ogpu-vgpu: the card's threads do not start\n");
		goto err_memory;
	}
	return gpu;

err_memory:
	tlbi_fini(&gpu->tlbi);
	ras_fini(&gpu->ras);
	irq_fini(&gpu->irq);
	free(gpu->doorbell_low);
err_signal:
	signal_fini(&gpu->signal);
err_event:
	event_fini(&gpu->event);
	memory_fini(&gpu->mem);
err_free:
	pthread_mutex_destroy(&gpu->reset_lock);
	free(gpu);
	return NULL;
}

/**
 * vgpu_destroy() - power off.
 * @gpu: the card
 */
void vgpu_destroy(struct vgpu *gpu)
{
	control_destroy(gpu->control);
	worker_cancel(gpu->worker);
	/* It looks at sensors, which may post a job. */
	mc_stop(gpu->mc);
	worker_destroy(gpu->worker);
	mc_reset(gpu->mc);
	engines_reset(gpu->engines);
	mc_destroy(gpu->mc);
	engines_destroy(gpu->engines);
	sensors_destroy(gpu->sensors);
	tlbi_fini(&gpu->tlbi);
	ras_fini(&gpu->ras);
	irq_fini(&gpu->irq);
	free(gpu->doorbell_low);
	signal_fini(&gpu->signal);
	event_fini(&gpu->event);
	memory_fini(&gpu->mem);
	pthread_mutex_destroy(&gpu->reset_lock);
	free(gpu);
}

/**
 * vgpu_reset_core() - stop and clear the management core, and empty the slots.
 * @gpu: the card; reset_lock is held
 *
 * Without firmware nobody can take a queue off its slot, so the core's reset includes the slots.
 * The core gives them no more orders when they are emptied, and what they tell it meanwhile is
 * cleared with it.
 */
void vgpu_reset_core(struct vgpu *gpu)
{
	mc_stop(gpu->mc);
	engines_reset(gpu->engines);
	engines_watch_reset(gpu->engines);
	mc_reset(gpu->mc);
}

static void reset_device(struct vgpu *gpu)
{
	memory_set_dma(gpu, false);
	memory_set_atomics(gpu, false);
	vgpu_reset_core(gpu);
	mc_set_mbox(gpu->mc, 0, 0);
	bootrom_reset(gpu);
	event_reset(&gpu->event);
	signal_reset(&gpu->signal);
	irq_lose(&gpu->irq, 0);
	sensors_reset(gpu->sensors);
	vgpu_mem_invalidate(gpu, &(struct tlbi){ 0 }, 1);
}

/**
 * vgpu_reset() - reset a part of the card or all of it.
 * @gpu: the card
 * @kind: which part
 *
 * Any thread, outside a bracket. VGPU_RESET_DEVICE leaves alone what only the vfio-user thread
 * uses: configuration space and the registers of regs.c.
 */
void vgpu_reset(struct vgpu *gpu, enum vgpu_reset kind)
{
	static const char * const names[] = {
		[VGPU_RESET_COMPUTE] = "compute",
		[VGPU_RESET_MC] = "management core",
		[VGPU_RESET_TRIP] = "management core, too hot",
		[VGPU_RESET_DEVICE] = "device",
	};

	vgpu_trace(gpu, TRACE_STATE, "reset of %s", names[kind]);
	pthread_mutex_lock(&gpu->reset_lock);
	/* Who starts another invalidation has those end that wait. */
	gpu->tlbi_stuck = false;
	switch (kind) {
	case VGPU_RESET_COMPUTE:
		mc_slot_reset_begin(gpu->mc);
		engines_reset(gpu->engines);
		mc_slot_reset_end(gpu->mc);
		break;
	case VGPU_RESET_MC:
		vgpu_reset_core(gpu);
		bootrom_reset(gpu);
		break;
	case VGPU_RESET_TRIP:
		vgpu_reset_core(gpu);
		bootrom_reset(gpu);
		mc_fail(gpu->mc, OGPU_MC_FATAL_THERMAL);
		break;
	case VGPU_RESET_DEVICE:
		reset_device(gpu);
		break;
	}
	pthread_mutex_unlock(&gpu->reset_lock);
	vgpu_trace(gpu, TRACE_STATE, "reset of %s done", names[kind]);
}

/**
 * vgpu_trip() - the card is too hot.
 * @gpu: the card
 *
 * Any thread, under any lock. Soon afterwards the management core has stopped with
 * OGPU_MC_FATAL_THERMAL, and the slots are empty.
 */
void vgpu_trip(struct vgpu *gpu)
{
	worker_post(gpu->worker, WORKER_TRIP);
}

/**
 * vgpu_reset_by_host() - function-level reset, or reset of the bus above.
 * @gpu: the card
 *
 * In the vfio-user thread. Returns when the card is as after power-up, but for the content of VRAM,
 * fuses, what the sensors have counted and measured, and DMA mappings and interrupt vectors, which
 * belong to the host.
 */
void vgpu_reset_by_host(struct vgpu *gpu)
{
	if (gpu->gone)
		return;
	worker_cancel(gpu->worker);
	vgpu_reset(gpu, VGPU_RESET_DEVICE);
	bootrom_init(gpu);
	regs_reset(gpu);
	pci_config_reset(&gpu->pci);
}

/**
 * vgpu_reset_by_power() - back from D3hot.
 * @gpu: the card
 *
 * As vgpu_reset_by_bus(), and VRAM is lost, too.
 */
void vgpu_reset_by_power(struct vgpu *gpu)
{
	vgpu_reset_by_bus(gpu);
	memory_lose(gpu);
}

/**
 * vgpu_reset_by_bus() - reset of the bus above, which nothing withstands.
 * @gpu: the card
 *
 * As vgpu_reset_by_host().
 */
void vgpu_reset_by_bus(struct vgpu *gpu)
{
	gpu->stuck = false;
	vgpu_reset_by_host(gpu);
}

/**
 * vgpu_set_gone() - fault: the card falls off the bus.
 * @gpu: the card
 * @ns: how long its link is down; 0: until power-off
 *
 * Reads answer all ones, writes do nothing, no DMA, no interrupts; engines and firmware stop. Any
 * thread.
 */
void vgpu_set_gone(struct vgpu *gpu, uint64_t ns)
{
	vgpu_trace(gpu, TRACE_STATE, "gone from the bus");
	gpu->back_ns = ns ? vgpu_time_ns(gpu) + ns : 0;
	gpu->gone = true;
	vgpu_reset(gpu, VGPU_RESET_DEVICE);
}

/**
 * vgpu_is_gone() - whether the host reaches the card, at an access.
 * @gpu: the card
 *
 * In the vfio-user thread. A link that comes up again resets the card.
 *
 * Return: true while it does not.
 */
bool vgpu_is_gone(struct vgpu *gpu)
{
	if (!gpu->gone)
		return false;
	if (!gpu->back_ns || vgpu_time_ns(gpu) < gpu->back_ns)
		return true;
	gpu->gone = false;
	vgpu_trace(gpu, TRACE_STATE, "back on the bus");
	vgpu_reset_by_host(gpu);
	return false;
}
