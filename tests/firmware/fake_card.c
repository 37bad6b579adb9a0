// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A card without PCI: see fake_card.h. One thread plays all engines. */
#include "fake_card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/mbox.h"
#include "abi/packet.h"
#include "../../tools/vgpu/clock.h"
#include "nonvol.h"

#define STEP_US		100
#define LATE_NS		5000000ull	/* without a step */
#define LATE_WAIT_NS	20000000ull
#define SLOT_WORDS	((OGPU_MC_SLOT(1) - OGPU_MC_SLOT(0)) / 4)
#define REG(reg)	((reg) / 4)
#define RAS_WORDS	((OGPU_MC_RAS_BLOCK(OGPU_RAS_BLOCKS) - OGPU_MC_RAS_RECORD) / 4)
#define MAX_CLOCK_KHZ	1600000u
#define THROTTLE	((OGPU_MC_THROTTLE - OGPU_MC_TEMP) / 4)
#define IDLE		((OGPU_MC_IDLE - OGPU_MC_TEMP) / 4)

struct slot {
	uint32_t reg[SLOT_WORDS];
	enum ogpu_slot_state state;
	bool preempt, kill;
	bool worked;		/* executed the job there since START */
	uint64_t counter[OGPU_COUNTERS];	/* steps of all jobs */
	uint64_t busy_ns;
};

struct vgpu {
	struct vgpu_config config;
	struct nonvol nonvol;
	uint64_t epoch_ns;
	struct mc *mc;
	uint8_t *host;
	bool host_gone;

	pthread_mutex_t lock;
	pthread_cond_t irq;
	unsigned int irqs;

	pthread_t engine;
	bool quit;
	pthread_cond_t step;
	uint64_t stepped_ns;		/* when the last step was */
	bool endless, patient;
	struct slot slots[FAKE_SLOTS];
	unsigned int starts, misuse;
	struct engines_condition watch[FAKE_DOORBELLS];
	bool watched[FAKE_DOORBELLS];
	unsigned int watches;		/* armed */

	bool was_reset;			/* so a command may find a slot that is EMPTY by now */

	uint32_t sensor[(OGPU_MC_IDLE - OGPU_MC_TEMP) / 4 + 1];
	uint32_t ras[RAS_WORDS];
	bool hot;			/* hardware throttles */
};

_Atomic bool vgpu_trace_on;

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* What vgpu.h promises to the management controller. */

const struct vgpu_config *vgpu_config(const struct vgpu *gpu)
{
	return &gpu->config;
}

uint64_t vgpu_time_ns(const struct vgpu *gpu)
{
	return monotonic_ns() - gpu->epoch_ns;
}

struct engines *vgpu_engines(struct vgpu *gpu)
{
	return (struct engines *)gpu;
}

struct sensors *vgpu_sensors(struct vgpu *gpu)
{
	return (struct sensors *)gpu;
}

uint64_t vgpu_mem_begin(struct vgpu *gpu)
{
	(void)gpu;
	return 0;
}

void vgpu_mem_end(struct vgpu *gpu)
{
	(void)gpu;
}

void *vgpu_mem_ptr(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len,
		   bool write)
{
	(void)write;
	if (target != OGPU_TARGET_SYSTEM || __atomic_load_n(&gpu->host_gone, __ATOMIC_RELAXED) ||
	    addr < FAKE_HOST_BASE || addr + len > FAKE_HOST_BASE + FAKE_HOST_SIZE)
		return NULL;
	return gpu->host + (addr - FAKE_HOST_BASE);
}

void vgpu_irq_raise(struct vgpu *gpu, unsigned int vector)
{
	if (vector != OGPU_VECTOR_MBOX)
		return;
	pthread_mutex_lock(&gpu->lock);
	gpu->irqs++;
	pthread_cond_signal(&gpu->irq);
	pthread_mutex_unlock(&gpu->lock);
}

void vgpu_trace_line(struct vgpu *gpu, enum vgpu_trace kind, const char *fmt, ...)
{
	(void)gpu;
	(void)kind;
	(void)fmt;
}

uint32_t sensors_reg_read(struct sensors *s, uint32_t reg)
{
	struct vgpu *gpu = (struct vgpu *)s;
	uint32_t value;

	pthread_mutex_lock(&gpu->lock);
	value = gpu->sensor[(reg - OGPU_MC_TEMP) / 4];
	if (reg == OGPU_MC_THROTTLE && gpu->hot)
		value |= OGPU_THROTTLE_THERMAL;
	if (reg == OGPU_MC_CLOCK && (gpu->hot || gpu->sensor[THROTTLE]))
		value /= 2;
	pthread_mutex_unlock(&gpu->lock);
	return value;
}

static bool runs(const struct vgpu *gpu)
{
	for (unsigned int i = 0; i < FAKE_SLOTS; i++) {
		if (gpu->slots[i].state == OGPU_SLOT_RUNNING)
			return true;
	}
	return false;
}

void sensors_reg_write(struct sensors *s, uint32_t reg, uint32_t value)
{
	struct vgpu *gpu = (struct vgpu *)s;

	if (reg == OGPU_MC_CLOCK && value > MAX_CLOCK_KHZ)
		value = MAX_CLOCK_KHZ;
	pthread_mutex_lock(&gpu->lock);
	if (reg != OGPU_MC_IDLE || !value || !runs(gpu))
		gpu->sensor[(reg - OGPU_MC_TEMP) / 4] = value;
	pthread_mutex_unlock(&gpu->lock);
}

struct ras *vgpu_ras(struct vgpu *gpu)
{
	return (struct ras *)gpu;
}

/* One record, whose address and queue stand behind it; the first page cannot be retired. */
uint32_t ras_reg_read(struct ras *ras, uint32_t reg)
{
	struct vgpu *gpu = (struct vgpu *)ras;
	uint32_t *word = &gpu->ras[(reg - OGPU_MC_RAS_RECORD) / 4], value;

	pthread_mutex_lock(&gpu->lock);
	value = *word;
	if (reg == OGPU_MC_RAS_RECORD)
		*word = 0;
	pthread_mutex_unlock(&gpu->lock);
	return value;
}

void ras_reg_write(struct ras *ras, uint32_t reg, uint32_t value)
{
	struct vgpu *gpu = (struct vgpu *)ras;

	pthread_mutex_lock(&gpu->lock);
	if (reg == OGPU_MC_RETIRE)
		value = gpu->ras[(OGPU_MC_RETIRE_LO - OGPU_MC_RAS_RECORD) / 4] ?
			OGPU_RETIRE_OK : OGPU_RETIRE_NO_SPARE;
	gpu->ras[(reg - OGPU_MC_RAS_RECORD) / 4] = value;
	pthread_mutex_unlock(&gpu->lock);
}

void fake_set_ras(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->ras[(reg - OGPU_MC_RAS_RECORD) / 4] = value;
	pthread_mutex_unlock(&gpu->lock);
	if (reg == OGPU_MC_RAS_RECORD)
		mc_irq(gpu->mc, OGPU_MC_IRQ_RAS);
}

/* Slots. */

static uint64_t pair(const struct slot *slot, uint32_t reg_lo)
{
	return slot->reg[REG(reg_lo)] | (uint64_t)slot->reg[REG(reg_lo) + 1] << 32;
}

static void set_pair(struct slot *slot, uint32_t reg_lo, uint64_t value)
{
	slot->reg[REG(reg_lo)] = value;
	slot->reg[REG(reg_lo) + 1] = value >> 32;
}

/* A virtual address is the bus address of the same number, in every address space. */
static uint64_t *memory(struct vgpu *gpu, uint64_t operand)
{
	enum ogpu_target target = FIELD_GET(OGPU_OPERAND_TARGET, operand);

	if (target == OGPU_TARGET_VIRTUAL)
		target = OGPU_TARGET_SYSTEM;
	return vgpu_mem_ptr(gpu, target, operand & OGPU_OPERAND_ADDR, 8, true);
}

/* Changes state; true if firmware is to be interrupted. */
static bool enter(struct slot *slot, enum ogpu_slot_state state)
{
	bool changed = slot->state != state;

	slot->state = state;
	return changed && state != OGPU_SLOT_RUNNING && state != OGPU_SLOT_EMPTY;
}

static bool fail(struct slot *slot, uint32_t status)
{
	slot->reg[REG(OGPU_SLOT_STATUS)] = status;
	return enter(slot, OGPU_SLOT_FAILED);
}

/* A job that was executed since START is one work-item, which is held. */
static void hold(struct slot *slot)
{
	if (!slot->worked)
		return;
	slot->reg[REG(OGPU_SLOT_HELD)] = 1;
	set_pair(slot, OGPU_SLOT_FAULT_PC_LO, FAKE_PC);
}

static bool stop(struct slot *slot, enum fake_job kind)
{
	const bool obeys = kind != FAKE_JOB_HUNG && (slot->kill || kind != FAKE_JOB_DEAF);

	if (obeys && (slot->kill || slot->preempt))
		hold(slot);
	if (slot->kill && kind != FAKE_JOB_HUNG)
		return fail(slot, FIELD_PREP(OGPU_SLOT_STATUS_ERROR, OGPU_QERR_KILLED));
	if (slot->preempt && kind != FAKE_JOB_HUNG && kind != FAKE_JOB_DEAF)
		return enter(slot, OGPU_SLOT_SAVED);
	return false;
}

/* Whether the word that a job is about is still 0. */
static bool missing(struct vgpu *gpu, uint64_t bus_addr)
{
	const uint64_t *word = memory(gpu, OGPU_OPERAND(OGPU_TARGET_SYSTEM, bus_addr));

	return !__atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Stands in a WAIT packet, and tells for what. */
static bool wait(struct slot *slot, uint64_t bus_addr)
{
	set_pair(slot, OGPU_SLOT_WAIT_ADDR_LO, OGPU_OPERAND(OGPU_TARGET_SYSTEM, bus_addr));
	set_pair(slot, OGPU_SLOT_WAIT_VALUE_LO, 0);
	set_pair(slot, OGPU_SLOT_WAIT_MASK_LO, UINT64_MAX);
	slot->reg[REG(OGPU_SLOT_WAIT_CTRL)] = OGPU_SLOT_WAIT_VALID | OGPU_COMPARE_NE;
	return enter(slot, OGPU_SLOT_WAITING);
}

static bool step_job(struct vgpu *gpu, struct slot *slot, uint64_t job)
{
	uint64_t arg = job & GENMASK_ULL(55, 0);
	uint32_t *progress_us = &slot->reg[REG(OGPU_SLOT_CONTEXT0)];
	uint64_t *rptr = memory(gpu, pair(slot, OGPU_SLOT_RPTR_LO));
	uint64_t pos = pair(slot, OGPU_SLOT_POS_LO);

	switch (job >> 56) {
	case FAKE_JOB_RUN:
		slot->worked = true;
		if (gpu->endless && *progress_us + STEP_US >= arg)
			return enter(slot, OGPU_SLOT_RUNNING);
		for (unsigned int i = 0; i < OGPU_COUNTERS; i++)
			slot->counter[i] += (uint64_t)STEP_US << (8 * i % 40);
		slot->busy_ns += STEP_US * 1000;
		*progress_us += STEP_US;
		if (*progress_us < arg)
			return enter(slot, OGPU_SLOT_RUNNING);
		break;
	case FAKE_JOB_ERROR:
		set_pair(slot, OGPU_SLOT_FAULT_VA_LO, 0x123456789000);
		set_pair(slot, OGPU_SLOT_FAULT_PC_LO, FAKE_PC);
		slot->reg[REG(OGPU_SLOT_DETAIL)] = 0x600dbad;
		return fail(slot, arg);
	case FAKE_JOB_WAIT:
		if (missing(gpu, arg))
			return wait(slot, arg);
		slot->reg[REG(OGPU_SLOT_WAIT_CTRL)] = 0;
		break;
	case FAKE_JOB_FAULT:
		if (!missing(gpu, arg))
			break;
		set_pair(slot, OGPU_SLOT_FAULT_VA_LO, arg);
		slot->reg[REG(OGPU_SLOT_STATUS)] =
			FIELD_PREP(OGPU_SLOT_STATUS_ERROR, OGPU_QERR_MEMORY) |
			FIELD_PREP(OGPU_SLOT_STATUS_REASON, OGPU_FAULT_NOT_MAPPED);
		return enter(slot, OGPU_SLOT_FAULTED);
	default:
		slot->worked = true;
		slot->busy_ns += STEP_US * 1000;
		return enter(slot, OGPU_SLOT_RUNNING);
	}
	*progress_us = 0;
	slot->worked = false;
	slot->reg[REG(OGPU_SLOT_HELD)] = 0;
	set_pair(slot, OGPU_SLOT_POS_LO, pos + 8);
	if (rptr)
		__atomic_store_n(rptr, pos + 8, __ATOMIC_RELEASE);
	return enter(slot, OGPU_SLOT_RUNNING);
}

/* A slot's share of STEP_US; true if firmware is to be interrupted. */
static bool step(struct vgpu *gpu, struct slot *slot)
{
	uint64_t pos = pair(slot, OGPU_SLOT_POS_LO);
	uint64_t size = slot->reg[REG(OGPU_SLOT_RING_SIZE)];
	uint64_t *wptr, *word;
	uint64_t job = 0;

	if (slot->state == OGPU_SLOT_EMPTY || slot->state == OGPU_SLOT_SAVED ||
	    slot->state == OGPU_SLOT_FAILED)
		return false;
	wptr = memory(gpu, pair(slot, OGPU_SLOT_WPTR_LO));
	word = memory(gpu, pair(slot, OGPU_SLOT_RING_LO) + pos % size);
	if (!wptr || !word)
		return fail(slot, FIELD_PREP(OGPU_SLOT_STATUS_ERROR, OGPU_QERR_RING));
	if (pos != __atomic_load_n(wptr, __ATOMIC_ACQUIRE))
		job = *word;
	if (stop(slot, job >> 56))
		return true;
	if (slot->state == OGPU_SLOT_FAULTED)
		return false;
	if (!job)
		return enter(slot, OGPU_SLOT_IDLE);
	return step_job(gpu, slot, job);
}

void engines_watch(struct engines *eng, uint32_t queue, const struct engines_condition *what)
{
	struct vgpu *gpu = (struct vgpu *)eng;

	pthread_mutex_lock(&gpu->lock);
	gpu->watches += !!what - gpu->watched[queue];
	gpu->watched[queue] = what;
	if (what)
		gpu->watch[queue] = *what;
	pthread_mutex_unlock(&gpu->lock);
}

/* Toy engines wait for a word to be unequal, and for nothing else. */
static bool holds(struct vgpu *gpu, const struct engines_condition *what)
{
	const uint64_t *word = memory(gpu, what->operand);

	if (what->compare != OGPU_COMPARE_NE || what->mask != UINT64_MAX)
		gpu->misuse++;
	return !word || __atomic_load_n(word, __ATOMIC_ACQUIRE) != what->value;
}

/* Looks at all watches; what held has gone into the list. */
static unsigned int look(struct vgpu *gpu, uint32_t *woken)
{
	unsigned int i, count = 0, left = gpu->watches;

	for (i = 0; left && i < FAKE_DOORBELLS; i++) {
		if (!gpu->watched[i])
			continue;
		left--;
		if (!holds(gpu, &gpu->watch[i]))
			continue;
		gpu->watched[i] = false;
		gpu->watches--;
		woken[count++] = i;
	}
	return count;
}

static void *engine_thread(void *arg)
{
	struct timespec pause = { .tv_nsec = STEP_US * 1000 };
	struct vgpu *gpu = arg;
	static uint32_t woken[FAKE_DOORBELLS];
	bool irq[FAKE_SLOTS];
	bool quit = false, woke;
	unsigned int i, count;

	while (!quit) {
		pthread_mutex_lock(&gpu->lock);
		for (i = 0; i < FAKE_SLOTS; i++)
			irq[i] = step(gpu, &gpu->slots[i]);
		gpu->stepped_ns = monotonic_ns();
		pthread_cond_broadcast(&gpu->step);
		count = look(gpu, woken);
		quit = gpu->quit;
		woke = gpu->sensor[IDLE] && runs(gpu);
		if (woke)
			gpu->sensor[IDLE] = 0;
		pthread_mutex_unlock(&gpu->lock);
		if (woke)
			mc_irq(gpu->mc, OGPU_MC_IRQ_SENSOR);
		for (i = 0; i < count; i++)
			mc_doorbell(gpu->mc, woken[i]);
		for (i = 0; i < FAKE_SLOTS; i++) {
			if (irq[i])
				mc_slot_irq(gpu->mc, i);
		}
		nanosleep(&pause, NULL);	/* this is how fast the toy engines are */
	}
	return NULL;
}

/* The one of COUNTER_INDEX. */
static uint64_t *counter(struct slot *slot)
{
	return &slot->counter[slot->reg[REG(OGPU_SLOT_COUNTER_INDEX)] % OGPU_COUNTERS];
}

/*
 * Firmware gives up a slot that it has asked often enough whether it has obeyed. As long as the one
 * thread of the engines is not run by the host, or a test wants it so, it asks less often: see
 * slot_wait_late() of tools/vgpu.
 */
static void wait_late(struct vgpu *gpu, const struct slot *slot)
{
	const struct timespec until = clock_after(LATE_WAIT_NS);
	const uint64_t stepped_ns = gpu->stepped_ns;

	if (!gpu->patient && monotonic_ns() - stepped_ns < LATE_NS)
		return;
	while ((slot->preempt || slot->kill) && slot->state != OGPU_SLOT_SAVED &&
	       slot->state != OGPU_SLOT_FAILED &&
	       (gpu->patient || gpu->stepped_ns == stepped_ns) &&
	       pthread_cond_timedwait(&gpu->step, &gpu->lock, &until) != ETIMEDOUT)
		;
}

uint32_t engines_slot_read(struct engines *eng, unsigned int index, uint32_t reg)
{
	struct vgpu *gpu = (struct vgpu *)eng;
	struct slot *slot = &gpu->slots[index];
	uint32_t value;

	pthread_mutex_lock(&gpu->lock);
	if (reg == OGPU_SLOT_STATUS)
		wait_late(gpu, slot);
	value = slot->reg[REG(reg)];
	if (reg == OGPU_SLOT_STATUS)
		value |= slot->state;
	else if (reg == OGPU_SLOT_COUNTER_LO)
		value = *counter(slot);
	else if (reg == OGPU_SLOT_COUNTER_HI)
		value = *counter(slot) >> 32;
	else if (reg == OGPU_SLOT_BUSY_LO || reg == OGPU_SLOT_UNIT_NS_LO)
		value = slot->busy_ns;
	else if (reg == OGPU_SLOT_BUSY_HI || reg == OGPU_SLOT_UNIT_NS_HI)
		value = slot->busy_ns >> 32;
	pthread_mutex_unlock(&gpu->lock);
	return value;
}

static void command(struct vgpu *gpu, struct slot *slot, enum ogpu_slot_command cmd)
{
	switch (cmd) {
	case OGPU_SLOT_CMD_START:
		if (slot->state != OGPU_SLOT_EMPTY || !slot->reg[REG(OGPU_SLOT_RING_SIZE)])
			gpu->misuse++;
		slot->state = OGPU_SLOT_RUNNING;
		slot->reg[REG(OGPU_SLOT_STATUS)] = 0;
		slot->preempt = false;
		slot->kill = false;
		slot->busy_ns = 0;
		gpu->starts++;
		break;
	case OGPU_SLOT_CMD_PREEMPT:
		if (slot->state == OGPU_SLOT_EMPTY && !gpu->was_reset)
			gpu->misuse++;
		slot->preempt = true;
		break;
	case OGPU_SLOT_CMD_KILL:
		if (slot->state == OGPU_SLOT_EMPTY && !gpu->was_reset)
			gpu->misuse++;
		slot->kill = true;
		break;
	case OGPU_SLOT_CMD_CLEAR:
		if (slot->state == OGPU_SLOT_SAVED || slot->state == OGPU_SLOT_FAILED)
			memset(slot, 0, sizeof(*slot));
		else if (slot->state != OGPU_SLOT_EMPTY)
			gpu->misuse++;
		break;
	case OGPU_SLOT_CMD_RESUME:
		if (slot->state == OGPU_SLOT_FAULTED) {
			slot->state = OGPU_SLOT_RUNNING;
			slot->reg[REG(OGPU_SLOT_STATUS)] = 0;
		}
		break;
	default:
		gpu->misuse++;
		break;
	}
}

void engines_slot_write(struct engines *eng, unsigned int index, uint32_t reg, uint32_t value)
{
	struct vgpu *gpu = (struct vgpu *)eng;
	struct slot *slot = &gpu->slots[index];

	pthread_mutex_lock(&gpu->lock);
	if (reg == OGPU_SLOT_CTRL)
		command(gpu, slot, value);
	else if (reg == OGPU_SLOT_PRIORITY || reg == OGPU_SLOT_COUNTER_INDEX)
		slot->reg[REG(reg)] = value;
	else if (slot->state != OGPU_SLOT_EMPTY || reg == OGPU_SLOT_STATUS)
		gpu->misuse++;
	else if (reg == OGPU_SLOT_COUNTER_LO)
		*counter(slot) = value;
	else if (reg == OGPU_SLOT_COUNTER_HI)
		*counter(slot) |= (uint64_t)value << 32;
	else
		slot->reg[REG(reg)] = value;
	pthread_mutex_unlock(&gpu->lock);
}

/* The test's side. */

struct vgpu *fake_card_create(void)
{
	struct vgpu *gpu = calloc(1, sizeof(*gpu));

	if (!gpu)
		return NULL;
	gpu->config.compute_slots = FAKE_COMPUTE_SLOTS;
	gpu->config.copy_slots = FAKE_COPY_SLOTS;
	gpu->config.doorbells = FAKE_DOORBELLS;
	gpu->config.nonvol = &gpu->nonvol;
	pthread_mutex_init(&gpu->nonvol.lock, NULL);
	gpu->epoch_ns = monotonic_ns();
	gpu->host = aligned_alloc(4096, FAKE_HOST_SIZE);
	pthread_mutex_init(&gpu->lock, NULL);
	clock_cond_init(&gpu->irq);
	clock_cond_init(&gpu->step);
	fake_set_temp(gpu, 45000);
	if (gpu->host)
		memset(gpu->host, 0, FAKE_HOST_SIZE);
	gpu->mc = mc_create(gpu);
	if (!gpu->host || !gpu->mc || pthread_create(&gpu->engine, NULL, engine_thread, gpu))
		abort();
	return gpu;
}

void fake_card_destroy(struct vgpu *gpu)
{
	mc_reset(gpu->mc);
	pthread_mutex_lock(&gpu->lock);
	gpu->quit = true;
	pthread_mutex_unlock(&gpu->lock);
	pthread_join(gpu->engine, NULL);
	mc_destroy(gpu->mc);
	pthread_cond_destroy(&gpu->irq);
	pthread_cond_destroy(&gpu->step);
	pthread_mutex_destroy(&gpu->lock);
	free(gpu->host);
	free(gpu);
}

void fake_shape(struct vgpu *gpu, uint32_t compute_slots, uint32_t copy_slots)
{
	gpu->config.compute_slots = compute_slots;
	gpu->config.copy_slots = copy_slots;
}

struct mc *fake_card_mc(struct vgpu *gpu)
{
	return gpu->mc;
}

void *fake_host(struct vgpu *gpu, uint64_t bus_addr)
{
	return gpu->host + (bus_addr - FAKE_HOST_BASE);
}

void fake_host_gone(struct vgpu *gpu, bool gone)
{
	__atomic_store_n(&gpu->host_gone, gone, __ATOMIC_RELAXED);
}

/* A slot that is connected looks at its write pointer with each step anyway. */
void fake_doorbell(struct vgpu *gpu, uint32_t index)
{
	bool connected = false;
	unsigned int i;

	pthread_mutex_lock(&gpu->lock);
	for (i = 0; i < FAKE_SLOTS; i++) {
		if (gpu->slots[i].state != OGPU_SLOT_EMPTY &&
		    gpu->slots[i].state != OGPU_SLOT_SAVED &&
		    gpu->slots[i].state != OGPU_SLOT_FAILED &&
		    gpu->slots[i].reg[REG(OGPU_SLOT_DOORBELL)] == index)
			connected = true;
	}
	if (!connected && gpu->watched[index]) {
		gpu->watched[index] = false;
		gpu->watches--;
	}
	pthread_mutex_unlock(&gpu->lock);
	if (!connected)
		mc_doorbell(gpu->mc, index);
}

void fake_engines_reset(struct vgpu *gpu)
{
	mc_slot_reset_begin(gpu->mc);
	pthread_mutex_lock(&gpu->lock);
	memset(gpu->slots, 0, sizeof(gpu->slots));
	gpu->was_reset = true;
	pthread_mutex_unlock(&gpu->lock);
	mc_slot_reset_end(gpu->mc);
}

void fake_endless(struct vgpu *gpu, bool endless)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->endless = endless;
	pthread_mutex_unlock(&gpu->lock);
}

void fake_patient(struct vgpu *gpu, bool patient)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->patient = patient;
	pthread_mutex_unlock(&gpu->lock);
}

void fake_set_temp(struct vgpu *gpu, int32_t mdeg)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->sensor[0] = mdeg;
	pthread_mutex_unlock(&gpu->lock);
}

void fake_set_hot(struct vgpu *gpu, bool hot)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->hot = hot;
	pthread_mutex_unlock(&gpu->lock);
	mc_irq(gpu->mc, OGPU_MC_IRQ_SENSOR);
}

uint32_t fake_sensor(struct vgpu *gpu, uint32_t reg)
{
	return sensors_reg_read(vgpu_sensors(gpu), reg);
}

uint64_t fake_slot_counter(struct vgpu *gpu, unsigned int slot, unsigned int counter)
{
	uint64_t value;

	pthread_mutex_lock(&gpu->lock);
	value = gpu->slots[slot].counter[counter];
	pthread_mutex_unlock(&gpu->lock);
	return value;
}

uint32_t fake_slot_reg(struct vgpu *gpu, unsigned int slot, uint32_t reg)
{
	return engines_slot_read(vgpu_engines(gpu), slot, reg);
}

unsigned int fake_watches(struct vgpu *gpu)
{
	unsigned int watches;

	pthread_mutex_lock(&gpu->lock);
	watches = gpu->watches;
	pthread_mutex_unlock(&gpu->lock);
	return watches;
}

unsigned int fake_starts(struct vgpu *gpu)
{
	unsigned int starts;

	pthread_mutex_lock(&gpu->lock);
	starts = gpu->starts;
	pthread_mutex_unlock(&gpu->lock);
	return starts;
}

unsigned int fake_misuse(struct vgpu *gpu)
{
	unsigned int misuse;

	pthread_mutex_lock(&gpu->lock);
	misuse = gpu->misuse;
	pthread_mutex_unlock(&gpu->lock);
	return misuse;
}

bool fake_wait_irq(struct vgpu *gpu, unsigned int timeout_ms)
{
	const struct timespec deadline = clock_after(timeout_ms * 1000000ull);
	bool got;

	pthread_mutex_lock(&gpu->lock);
	while (!gpu->irqs) {
		if (pthread_cond_timedwait(&gpu->irq, &gpu->lock, &deadline) == ETIMEDOUT)
			break;
	}
	got = gpu->irqs;
	gpu->irqs = 0;
	pthread_mutex_unlock(&gpu->lock);
	return got;
}
