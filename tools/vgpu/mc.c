// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The management controller: its thread, its life from start to reset, and what other parts of the
 * card tell it. What its program sees of the card is in mc_bus.c, the instructions in rv32.c.
 *
 * The thread sleeps on a condition variable while the core waits in wfi. It calls engines, sensors
 * and memory without holding the lock, so those may call mc_irq(), mc_doorbell() and
 * mc_slot_irq() while holding locks of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mc_internal.h"

#define WATCHDOG_NS	(3 * CLOCK_NS_PER_S)

/* The host kept the thread from running for longer than this: not the program's fault. */
#define STALL_NS	(CLOCK_NS_PER_S / 2)

/* Instructions between two looks at timer, watchdog and requests to stop: some 50 us. */
#define SLICE		10000

/**
 * mc_irq_pending() - the level of OGPU_MC_IRQ_PENDING
 * @mc: controller; @mc->lock is held
 */
uint32_t mc_irq_pending(const struct mc *mc)
{
	uint32_t pending = mc->irq_edges;

	if (mc->doorbell_count)
		pending |= OGPU_MC_IRQ_DOORBELL;
	if (mc->slot_irq || mc->slot_reset == MC_SLOT_RESET_TOLD)
		pending |= OGPU_MC_IRQ_SLOT;
	return pending;
}

/**
 * mc_irq_changed() - bring the core's external interrupt line up to date
 * @mc: controller; @mc->lock is held
 */
void mc_irq_changed(struct mc *mc)
{
	if (mc_irq_pending(mc) & mc->irq_enable)
		rv32_raise(&mc->cpu, RV32_LINE_EXTERNAL);
	else
		rv32_lower(&mc->cpu, RV32_LINE_EXTERNAL);
	pthread_cond_signal(&mc->wake);
}

/**
 * mc_update_timer() - bring the core's timer line up to date
 * @mc: controller; core thread only
 */
void mc_update_timer(struct mc *mc)
{
	if (vgpu_time_ns(mc->gpu) >= mc->timecmp)
		rv32_raise(&mc->cpu, RV32_LINE_TIMER);
	else
		rv32_lower(&mc->cpu, RV32_LINE_TIMER);
}

/**
 * mc_stop_fatal() - stop the core for good and tell the host why
 * @mc: controller; core thread only
 * @why: enum ogpu_mc_fatal
 * @detail: 24 bits for people
 * @pc: the instruction to blame
 */
void mc_stop_fatal(struct mc *mc, enum ogpu_mc_fatal why, uint32_t detail, uint32_t pc)
{
	atomic_store(&mc->fatal_pc, pc);
	atomic_store(&mc->fatal, (detail & 0xffffff) << 8 | why);
	atomic_store(&mc->running, false);
	rv32_raise(&mc->cpu, RV32_LINE_HALT);
	vgpu_trace(mc->gpu, TRACE_MC, "core stopped: fatal %u detail 0x%x pc 0x%08x", why, detail,
		   pc);
}

/**
 * mc_fail() - say why the core does not run
 * @mc: controller, stopped since mc_reset()
 * @why: for BOOT_MC_FATAL
 */
void mc_fail(struct mc *mc, enum ogpu_mc_fatal why)
{
	mc_stop_fatal(mc, why, 0, 0);
}

static bool watchdog_bites(struct mc *mc)
{
	return vgpu_time_ns(mc->gpu) >= mc->last_beat + WATCHDOG_NS;
}

/*
 * The thread ought to be back by @expected. If it is much later, because the process was stopped or
 * the machine overloaded, the program has had no chance to beat meanwhile.
 */
static void forgive_stall(struct mc *mc, uint64_t expected)
{
	uint64_t now = vgpu_time_ns(mc->gpu);

	if (now > expected + STALL_NS)
		mc->last_beat += now - expected;
}

/*
 * Sleeps until the core has a reason to go on, is told to stop, or the watchdog is due. A core that
 * hangs by injection has no reason to go on.
 */
static void sleep_core(struct mc *mc)
{
	uint64_t until = mc->last_beat + WATCHDOG_NS;
	struct timespec deadline;
	uint64_t now;

	if (!atomic_load(&mc->hang) && (mc->cpu.mie & RV32_LINE_TIMER) && mc->timecmp < until)
		until = mc->timecmp;
	now = vgpu_time_ns(mc->gpu);
	if (now >= until)
		return;
	deadline = clock_after(until - now);

	pthread_mutex_lock(&mc->lock);
	while (mc->want_run && (atomic_load(&mc->hang) || !rv32_awake(&mc->cpu))) {
		if (pthread_cond_timedwait(&mc->wake, &mc->lock, &deadline) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&mc->lock);
	forgive_stall(mc, until);
}

static bool wanted(struct mc *mc)
{
	bool run;

	pthread_mutex_lock(&mc->lock);
	run = mc->want_run;
	pthread_mutex_unlock(&mc->lock);
	return run;
}

static void core_died(struct mc *mc)
{
	uint32_t cause = mc->cpu.fatal_cause;
	bool window = (cause == RV32_CAUSE_LOAD_FAULT || cause == RV32_CAUSE_STORE_FAULT) &&
		      mc->cpu.fatal_tval >= OGPU_MC_WINDOW_BASE &&
		      mc->cpu.fatal_tval - OGPU_MC_WINDOW_BASE <
		      OGPU_MC_WINDOWS * OGPU_MC_WINDOW_SIZE;

	mc_stop_fatal(mc, window ? OGPU_MC_FATAL_BUS : OGPU_MC_FATAL_TRAP, cause, mc->cpu.pc);
}

/* Runs the core until it is told to stop or has died. */
static void execute(struct mc *mc)
{
	enum rv32_exit reason = RV32_EXIT_BUDGET;
	uint64_t before;

	while (wanted(mc)) {
		if (watchdog_bites(mc)) {
			mc_stop_fatal(mc, OGPU_MC_FATAL_WATCHDOG, 0, mc->cpu.pc);
			return;
		}
		if (atomic_load(&mc->hang)) {
			sleep_core(mc);
			continue;
		}
		mc_update_timer(mc);
		if (reason == RV32_EXIT_WFI && !rv32_awake(&mc->cpu)) {
			sleep_core(mc);
			continue;
		}
		before = vgpu_time_ns(mc->gpu);
		reason = rv32_run(&mc->cpu, SLICE);
		forgive_stall(mc, before);
		atomic_store(&mc->instructions, mc->cpu.instret);
		if (reason == RV32_EXIT_FATAL)
			core_died(mc);
		if (!atomic_load(&mc->running))
			return;
	}
}

static void *core_thread(void *arg)
{
	struct mc *mc = arg;

	pthread_mutex_lock(&mc->lock);
	while (!mc->quit) {
		if (!mc->want_run) {
			pthread_cond_wait(&mc->wake, &mc->lock);
			continue;
		}
		mc->executing = true;
		pthread_mutex_unlock(&mc->lock);
		execute(mc);
		pthread_mutex_lock(&mc->lock);
		mc->want_run = false;
		mc->executing = false;
		pthread_cond_broadcast(&mc->stopped);
	}
	pthread_mutex_unlock(&mc->lock);
	return NULL;
}

/**
 * mc_create() - make a stopped management controller
 * @gpu: the card; its configuration must be in place
 *
 * Return: the controller, or NULL if memory or threads are short.
 */
struct mc *mc_create(struct vgpu *gpu)
{
	const struct vgpu_config *config = vgpu_config(gpu);
	struct mc *mc = calloc(1, sizeof(*mc));

	if (!mc)
		return NULL;
	mc->gpu = gpu;
	mc->doorbell_pages = config->doorbells;
	mc->slots = config->compute_slots + config->copy_slots;
	mc->sram = calloc(1, MC_SRAM_SIZE);
	mc->doorbell_fifo = calloc(mc->doorbell_pages, sizeof(*mc->doorbell_fifo));
	mc->doorbell_known = calloc(mc->doorbell_pages, sizeof(*mc->doorbell_known));
	if (!mc->sram || !mc->doorbell_fifo || !mc->doorbell_known || !mc_bus_init(mc))
		goto err_free;
	pthread_mutex_init(&mc->lock, NULL);
	clock_cond_init(&mc->wake);
	pthread_cond_init(&mc->stopped, NULL);
	mc_reset(mc);
	if (pthread_create(&mc->thread, NULL, core_thread, mc))
		goto err_sync;
	return mc;

err_sync:
	pthread_cond_destroy(&mc->stopped);
	pthread_cond_destroy(&mc->wake);
	pthread_mutex_destroy(&mc->lock);
	rv32_fini(&mc->cpu);
err_free:
	free(mc->doorbell_known);
	free(mc->doorbell_fifo);
	free(mc->sram);
	free(mc);
	return NULL;
}

/**
 * mc_stop() - the core executes nothing more until mc_reset() and mc_start()
 * @mc: controller
 *
 * Takes as long as the access to memory or engines that the core may be in, and one instruction.
 */
void mc_stop(struct mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	mc->want_run = false;
	rv32_raise(&mc->cpu, RV32_LINE_HALT);
	pthread_cond_signal(&mc->wake);
	while (mc->executing)
		pthread_cond_wait(&mc->stopped, &mc->lock);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_destroy() - stop and free a controller
 * @mc: controller; nobody else may use it any more
 */
void mc_destroy(struct mc *mc)
{
	mc_stop(mc);
	pthread_mutex_lock(&mc->lock);
	mc->quit = true;
	pthread_cond_signal(&mc->wake);
	pthread_mutex_unlock(&mc->lock);
	pthread_join(mc->thread, NULL);

	pthread_cond_destroy(&mc->stopped);
	pthread_cond_destroy(&mc->wake);
	pthread_mutex_destroy(&mc->lock);
	rv32_fini(&mc->cpu);
	free(mc->doorbell_known);
	free(mc->doorbell_fifo);
	free(mc->sram);
	free(mc);
}

/**
 * mc_reset() - stop the core, clear its memory and its peripherals
 * @mc: controller
 *
 * Takes as long as mc_stop(). The place of the mailbox belongs to the host's registers and stays:
 * see mc_set_mbox().
 */
void mc_reset(struct mc *mc)
{
	mc_stop(mc);
	memset(mc->sram, 0, MC_SRAM_SIZE);
	rv32_reset(&mc->cpu, OGPU_MC_SRAM_BASE);
	mc_bus_reset(mc);
	atomic_store(&mc->instructions, 0);
	atomic_store(&mc->heartbeat, 0);
	atomic_store(&mc->fatal, OGPU_MC_FATAL_NONE);
	atomic_store(&mc->fatal_pc, 0);
	atomic_store(&mc->running, false);
	atomic_store(&mc->hang, false);

	pthread_mutex_lock(&mc->lock);
	mc->svn = 0;
	mc->irq_edges = 0;
	mc->irq_enable = 0;
	mc->slot_irq = 0;
	mc->slot_reset = MC_SLOT_RESET_NONE;
	mc->doorbell_head = 0;
	mc->doorbell_count = 0;
	memset(mc->doorbell_known, 0, mc->doorbell_pages * sizeof(*mc->doorbell_known));
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_load() - put a component of an image into SRAM
 * @mc: controller, stopped
 * @addr: where it goes, an address of the core
 * @data: its bytes
 * @size: how many
 * @mem_size: bytes in memory, at least @size; the rest becomes zero
 *
 * Return: false if it does not fit; SRAM is then unchanged.
 */
bool mc_load(struct mc *mc, uint32_t addr, const void *data, uint32_t size, uint32_t mem_size)
{
	uint32_t offset = addr - OGPU_MC_SRAM_BASE;

	if (addr < OGPU_MC_SRAM_BASE || offset > MC_SRAM_SIZE || size > mem_size ||
	    mem_size > MC_SRAM_SIZE - offset)
		return false;
	memcpy(mc->sram + offset, data, size);
	memset(mc->sram + offset + size, 0, mem_size - size);
	rv32_flush(&mc->cpu);
	return true;
}

/**
 * mc_start() - release the core
 * @mc: controller, stopped since mc_reset() and loaded
 * @entry: address of the first instruction
 * @svn: security version of the image
 */
void mc_start(struct mc *mc, uint32_t entry, uint32_t svn)
{
	rv32_reset(&mc->cpu, entry);
	mc->last_beat = vgpu_time_ns(mc->gpu);
	atomic_store(&mc->running, true);
	vgpu_trace(mc->gpu, TRACE_MC, "core starts at 0x%08x, svn %u", entry, svn);

	pthread_mutex_lock(&mc->lock);
	mc->svn = svn;
	mc->want_run = true;
	mc_irq_changed(mc);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_set_mbox() - what the host wrote into the MBOX block
 * @mc: controller
 * @bus_addr: bus address of the mailbox area
 * @size: bytes
 *
 * A card that is reset as a whole calls this with zeros.
 */
void mc_set_mbox(struct mc *mc, uint64_t bus_addr, uint32_t size)
{
	pthread_mutex_lock(&mc->lock);
	mc->mbox_addr = bus_addr;
	mc->mbox_size = size;
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_irq() - something happened that is remembered until acknowledged
 * @mc: controller
 * @bits: OGPU_MC_IRQ_MBOX, OGPU_MC_IRQ_SENSOR
 */
void mc_irq(struct mc *mc, uint32_t bits)
{
	vgpu_trace(mc->gpu, TRACE_IRQ, "core: pending %#x", bits);
	pthread_mutex_lock(&mc->lock);
	mc->irq_edges |= bits & MC_IRQ_EDGES;
	mc_irq_changed(mc);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_doorbell() - a doorbell was rung that is connected to no slot
 * @mc: controller
 * @index: number of the page; one already waiting is not added again
 */
void mc_doorbell(struct mc *mc, uint32_t index)
{
	if (index >= mc->doorbell_pages)
		return;
	vgpu_trace(mc->gpu, TRACE_IRQ, "core: doorbell %u", index);
	pthread_mutex_lock(&mc->lock);
	if (!mc->doorbell_known[index]) {
		mc->doorbell_known[index] = true;
		mc->doorbell_fifo[(mc->doorbell_head + mc->doorbell_count) %
				  mc->doorbell_pages] = index;
		mc->doorbell_count++;
		mc_irq_changed(mc);
	}
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_slot_irq() - the state of a slot changed
 * @mc: controller
 * @slot: which
 */
void mc_slot_irq(struct mc *mc, unsigned int slot)
{
	vgpu_trace(mc->gpu, TRACE_IRQ, "core: slot %u", slot);
	pthread_mutex_lock(&mc->lock);
	mc->slot_irq |= 1u << slot;
	mc_irq_changed(mc);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_slot_reset_begin() - slots will be emptied: START has no effect from here on
 * @mc: controller
 */
void mc_slot_reset_begin(struct mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	if (mc->executing)
		mc->slot_reset = MC_SLOT_RESET_BEGUN;
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_slot_reset_end() - slots are empty: START has an effect once firmware knows
 * @mc: controller
 */
void mc_slot_reset_end(struct mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	if (mc->slot_reset == MC_SLOT_RESET_BEGUN)
		mc->slot_reset = MC_SLOT_RESET_TOLD;
	mc_irq_changed(mc);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_running() - whether the core executes a program: started, not reset, not fatal
 * @mc: controller
 */
bool mc_running(const struct mc *mc)
{
	return atomic_load(&mc->running);
}

/**
 * mc_heartbeat() - what the program last wrote to OGPU_MC_HEARTBEAT
 * @mc: controller
 */
uint32_t mc_heartbeat(const struct mc *mc)
{
	return atomic_load(&mc->heartbeat);
}

/**
 * mc_fatal() - why the core stopped, as BOOT_MC_FATAL shows it
 * @mc: controller
 */
uint32_t mc_fatal(const struct mc *mc)
{
	return atomic_load(&mc->fatal);
}

/**
 * mc_fatal_pc() - where the core stopped
 * @mc: controller
 */
uint32_t mc_fatal_pc(const struct mc *mc)
{
	return atomic_load(&mc->fatal_pc);
}

/**
 * mc_inject_crash() - make the core take an exception that its program did not cause
 * @mc: controller
 */
void mc_inject_crash(struct mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	rv32_raise(&mc->cpu, RV32_LINE_FAULT);
	pthread_cond_signal(&mc->wake);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_inject_hang() - make the core execute nothing more until it is reset
 * @mc: controller
 */
void mc_inject_hang(struct mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	atomic_store(&mc->hang, true);
	pthread_cond_signal(&mc->wake);
	pthread_mutex_unlock(&mc->lock);
}

/**
 * mc_instructions() - instructions executed since the core was started
 * @mc: controller
 *
 * Lags behind by at most one slice.
 */
uint64_t mc_instructions(const struct mc *mc)
{
	return atomic_load(&mc->instructions);
}
