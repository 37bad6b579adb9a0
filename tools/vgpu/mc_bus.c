// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the management core's program sees outside its SRAM: peripheral registers, queue slots and
 * the windows onto VRAM and host memory (abi/mc.h). Runs in the core thread only.
 */
#include <string.h>

#include "mc_internal.h"
#include "nonvol.h"
#include "reg64.h"

#define PAGE_MASK	0xfffull
#define WINDOWS_SIZE	(OGPU_MC_WINDOWS * OGPU_MC_WINDOW_SIZE)
#define WINDOW_REGS_END	OGPU_MC_WINDOW_LO(OGPU_MC_WINDOWS)
#define SLOT_STRIDE	(OGPU_MC_SLOT(1) - OGPU_MC_SLOT(0))

/* Turns an offset into the windows into target and address. */
static bool window_operand(const struct mc *mc, uint32_t offset, enum ogpu_target *target,
			   uint64_t *addr)
{
	uint64_t base = mc->window[offset / OGPU_MC_WINDOW_SIZE];

	*target = FIELD_GET(OGPU_OPERAND_TARGET, base);
	*addr = (base & OGPU_OPERAND_ADDR) + offset % OGPU_MC_WINDOW_SIZE;
	return (*target == OGPU_TARGET_VRAM || *target == OGPU_TARGET_SYSTEM) &&
	       !(base & OGPU_OPERAND_MBZ) && !(*addr & ~OGPU_OPERAND_ADDR);
}

/*
 * The host looks at the same words at the same time: accesses are single and in program order,
 * loads acquire and stores release.
 */
static uint32_t load_shared(const void *ptr, unsigned int size)
{
	switch (size) {
	case 1:
		return __atomic_load_n((const uint8_t *)ptr, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((const uint16_t *)ptr, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((const uint32_t *)ptr, __ATOMIC_ACQUIRE);
	}
}

static void store_shared(void *ptr, unsigned int size, uint32_t value)
{
	switch (size) {
	case 1:
		__atomic_store_n((uint8_t *)ptr, value, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)ptr, value, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint32_t *)ptr, value, __ATOMIC_RELEASE);
		break;
	}
}

static bool window_access(struct mc *mc, uint32_t offset, unsigned int size, uint32_t *value,
			  bool write)
{
	enum ogpu_target target;
	uint64_t addr;
	void *ptr;

	if (!window_operand(mc, offset, &target, &addr))
		return false;
	vgpu_mem_begin(mc->gpu);
	ptr = vgpu_mem_ptr(mc->gpu, target, addr, size, write);
	if (ptr && write)
		store_shared(ptr, size, *value);
	else if (ptr)
		*value = load_shared(ptr, size);
	vgpu_mem_end(mc->gpu);
	return ptr;
}

static uint32_t pop_doorbell(struct mc *mc)
{
	uint32_t index;

	if (!mc->doorbell_count)
		return OGPU_MC_NO_DOORBELL;
	index = mc->doorbell_fifo[mc->doorbell_head];
	mc->doorbell_head = (mc->doorbell_head + 1) % mc->doorbell_pages;
	mc->doorbell_count--;
	mc->doorbell_known[index] = false;
	mc_irq_changed(mc);
	return index;
}

/* Registers whose state is shared with other threads. False: there is no such register. */
static bool locked_read(struct mc *mc, uint32_t reg, uint32_t *value)
{
	switch (reg) {
	case OGPU_MC_IRQ_PENDING:
		*value = mc_irq_pending(mc);
		return true;
	case OGPU_MC_IRQ_ENABLE:
		*value = mc->irq_enable;
		return true;
	case OGPU_MC_MBOX_ADDR_LO:
	case OGPU_MC_MBOX_ADDR_HI:
		*value = reg64_get(mc->mbox_addr, reg == OGPU_MC_MBOX_ADDR_HI);
		return true;
	case OGPU_MC_MBOX_SIZE:
		*value = mc->mbox_size;
		return true;
	case OGPU_MC_SVN:
		*value = mc->svn;
		return true;
	case OGPU_MC_DOORBELL_POP:
		*value = pop_doorbell(mc);
		return true;
	case OGPU_MC_SLOT_IRQ:
		*value = mc->slot_irq;
		return true;
	case OGPU_MC_SLOT_RESET:
		*value = mc->slot_reset == MC_SLOT_RESET_TOLD;
		return true;
	default:
		return false;
	}
}

static bool window_reg_read(const struct mc *mc, uint32_t reg, uint32_t *value)
{
	uint32_t n = (reg - OGPU_MC_WINDOW_LO(0)) / 8;

	if (reg < OGPU_MC_WINDOW_LO(0) || reg >= WINDOW_REGS_END)
		return false;
	*value = reg64_get(mc->window[n], reg == OGPU_MC_WINDOW_HI(n));
	return true;
}

/* The two halves of a 64-bit register of the WATCH group; NULL if it is none. */
static uint64_t *watch_reg(struct mc *mc, uint32_t reg)
{
	switch (reg & ~4u) {
	case OGPU_MC_WATCH_ADDR_LO:
		return &mc->watch.operand;
	case OGPU_MC_WATCH_VALUE_LO:
		return &mc->watch.value;
	case OGPU_MC_WATCH_MASK_LO:
		return &mc->watch.mask;
	default:
		return NULL;
	}
}

static uint32_t watch_reg_read(struct mc *mc, uint32_t reg)
{
	const uint64_t *wide = watch_reg(mc, reg);

	if (wide)
		return reg64_get(*wide, reg & 4);
	return reg == OGPU_MC_WATCH_ASID ? mc->watch.asid : 0;
}

static void watch_reg_write(struct mc *mc, uint32_t reg, uint32_t value)
{
	uint64_t *wide = watch_reg(mc, reg);

	if (wide) {
		reg64_set(wide, value, reg & 4);
	} else if (reg == OGPU_MC_WATCH_ASID) {
		mc->watch.asid = value & 0xffff;
	} else {
		mc->watch.compare = FIELD_GET(OGPU_MC_WATCH_COMPARE, value);
		engines_watch(vgpu_engines(mc->gpu), FIELD_GET(OGPU_MC_WATCH_QUEUE, value),
			      value & OGPU_MC_WATCH_OFF ? NULL : &mc->watch);
	}
}

static bool periph_read(struct mc *mc, uint32_t reg, uint32_t *value)
{
	const struct vgpu_config *config = vgpu_config(mc->gpu);
	uint64_t now;
	bool found;

	switch (reg) {
	case OGPU_MC_IRQ_ACK:
	case OGPU_MC_HOST_IRQ:
	case OGPU_MC_FATAL:
		*value = 0;	/* write-only */
		return true;
	case OGPU_MC_TIME_LO:
		now = vgpu_time_ns(mc->gpu);
		mc->time_hi = now >> 32;
		*value = now;
		return true;
	case OGPU_MC_TIME_HI:
		*value = mc->time_hi;
		return true;
	case OGPU_MC_TIMECMP_LO:
	case OGPU_MC_TIMECMP_HI:
		*value = reg64_get(mc->timecmp, reg == OGPU_MC_TIMECMP_HI);
		return true;
	case OGPU_MC_HEARTBEAT:
		*value = atomic_load(&mc->heartbeat);
		return true;
	case OGPU_MC_SLOTS:
		*value = config->compute_slots | config->copy_slots << 16;
		return true;
	case OGPU_MC_DOORBELLS:
		*value = mc->doorbell_pages;
		return true;
	case OGPU_MC_WATCH_ADDR_LO ... OGPU_MC_WATCH_CTRL:
		*value = watch_reg_read(mc, reg);
		return true;
	case OGPU_MC_FUSE_SVN:
		*value = nonvol_svn(config->nonvol);
		return true;
	case OGPU_MC_TEMP ... OGPU_MC_IDLE:
		*value = sensors_reg_read(vgpu_sensors(mc->gpu), reg);
		return true;
	case OGPU_MC_RAS_RECORD ... OGPU_MC_RAS_BLOCK(OGPU_RAS_BLOCKS) - 4:
		*value = ras_reg_read(vgpu_ras(mc->gpu), reg);
		return true;
	}
	pthread_mutex_lock(&mc->lock);
	found = locked_read(mc, reg, value);
	pthread_mutex_unlock(&mc->lock);
	return found || window_reg_read(mc, reg, value);
}

static bool window_reg_write(struct mc *mc, uint32_t reg, uint32_t value)
{
	uint32_t n = (reg - OGPU_MC_WINDOW_LO(0)) / 8;
	bool high = reg == OGPU_MC_WINDOW_HI(n);

	if (reg < OGPU_MC_WINDOW_LO(0) || reg >= WINDOW_REGS_END)
		return false;
	reg64_set(&mc->window[n], high ? value : value & ~PAGE_MASK, high);
	return true;
}

static bool locked_write(struct mc *mc, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case OGPU_MC_IRQ_ENABLE:
		mc->irq_enable = value;
		break;
	case OGPU_MC_IRQ_ACK:
		mc->irq_edges &= ~value;
		break;
	case OGPU_MC_SLOT_IRQ:
		mc->slot_irq &= ~value;
		break;
	case OGPU_MC_SLOT_RESET:
		if (value & 1 && mc->slot_reset == MC_SLOT_RESET_TOLD)
			mc->slot_reset = MC_SLOT_RESET_NONE;
		break;
	default:
		return false;
	}
	mc_irq_changed(mc);
	return true;
}

/* The program gave up. In an exception's handler the instruction to blame is the excepting one. */
static void program_fatal(struct mc *mc, uint32_t detail)
{
	bool exception = mc->cpu.in_trap && !(mc->cpu.mcause & RV32_CAUSE_INTERRUPT);

	mc_stop_fatal(mc, OGPU_MC_FATAL_ASSERT, detail,
		      exception ? mc->cpu.mepc : mc->cpu.pc);
}

static bool periph_write(struct mc *mc, uint32_t reg, uint32_t value)
{
	bool found;

	switch (reg) {
	case OGPU_MC_HOST_IRQ:
		if (value < OGPU_VECTOR_COUNT)
			vgpu_irq_raise(mc->gpu, value);
		return true;
	case OGPU_MC_TIMECMP_LO:
	case OGPU_MC_TIMECMP_HI:
		reg64_set(&mc->timecmp, value, reg == OGPU_MC_TIMECMP_HI);
		mc_update_timer(mc);
		return true;
	case OGPU_MC_HEARTBEAT:
		atomic_store(&mc->heartbeat, value);
		mc->last_beat = vgpu_time_ns(mc->gpu);
		return true;
	case OGPU_MC_FATAL:
		program_fatal(mc, value);
		return true;
	case OGPU_MC_IRQ_PENDING:
	case OGPU_MC_TIME_LO:
	case OGPU_MC_TIME_HI:
	case OGPU_MC_MBOX_ADDR_LO:
	case OGPU_MC_MBOX_ADDR_HI:
	case OGPU_MC_MBOX_SIZE:
	case OGPU_MC_SVN:
	case OGPU_MC_SLOTS:
	case OGPU_MC_DOORBELLS:
	case OGPU_MC_DOORBELL_POP:
		return true;	/* read-only: ignored */
	case OGPU_MC_WATCH_ADDR_LO ... OGPU_MC_WATCH_CTRL:
		watch_reg_write(mc, reg, value);
		return true;
	case OGPU_MC_FUSE_SVN:
		nonvol_commit_svn(vgpu_config(mc->gpu)->nonvol, value, mc->svn);
		return true;
	case OGPU_MC_TEMP ... OGPU_MC_IDLE:
		sensors_reg_write(vgpu_sensors(mc->gpu), reg, value);
		return true;
	case OGPU_MC_RAS_RECORD ... OGPU_MC_RAS_BLOCK(OGPU_RAS_BLOCKS) - 4:
		ras_reg_write(vgpu_ras(mc->gpu), reg, value);
		return true;
	}
	pthread_mutex_lock(&mc->lock);
	found = locked_write(mc, reg, value);
	pthread_mutex_unlock(&mc->lock);
	return found || window_reg_write(mc, reg, value);
}

/* Splits an offset into the peripherals into slot and register. False: no slot register. */
static bool slot_register(const struct mc *mc, uint32_t offset, unsigned int *slot, uint32_t *reg)
{
	if (offset < OGPU_MC_SLOT(0))
		return false;
	*slot = (offset - OGPU_MC_SLOT(0)) / SLOT_STRIDE;
	*reg = (offset - OGPU_MC_SLOT(0)) % SLOT_STRIDE;
	return *slot < mc->slots && *reg <= OGPU_SLOT_CU_MASK(7);
}

static bool register_read(struct mc *mc, uint32_t offset, uint32_t *value)
{
	unsigned int slot;
	uint32_t reg;

	if (slot_register(mc, offset, &slot, &reg))
		*value = engines_slot_read(vgpu_engines(mc->gpu), slot, reg);
	else if (!periph_read(mc, offset, value))
		return false;
	vgpu_trace(mc->gpu, TRACE_MC, "read  0x%04x = %#x", offset, *value);
	return true;
}

static bool register_write(struct mc *mc, uint32_t offset, uint32_t value)
{
	unsigned int slot;
	uint32_t reg;

	vgpu_trace(mc->gpu, TRACE_MC, "write 0x%04x = %#x", offset, value);
	if (!slot_register(mc, offset, &slot, &reg))
		return periph_write(mc, offset, value);
	/* A reset of the slots that begins now finds the slot started, or START refused. */
	pthread_mutex_lock(&mc->lock);
	if (reg != OGPU_SLOT_CTRL || value != OGPU_SLOT_CMD_START || !mc->slot_reset)
		engines_slot_write(vgpu_engines(mc->gpu), slot, reg, value);
	pthread_mutex_unlock(&mc->lock);
	return true;
}

static bool bus_access(struct mc *mc, uint32_t addr, unsigned int size, uint32_t *value, bool write)
{
	bool answered = false;

	if (addr - OGPU_MC_WINDOW_BASE < WINDOWS_SIZE)
		return window_access(mc, addr - OGPU_MC_WINDOW_BASE, size, value, write);
	if (addr >= OGPU_MC_PERIPH_BASE && addr < OGPU_MC_WINDOW_BASE && size == 4)
		answered = write ? register_write(mc, addr - OGPU_MC_PERIPH_BASE, *value) :
				   register_read(mc, addr - OGPU_MC_PERIPH_BASE, value);
	if (!answered)
		vgpu_trace(mc->gpu, TRACE_MC, "%s of %u bytes at 0x%08x: bus error",
			   write ? "write" : "read", size, addr);
	return answered;
}

static bool bus_load(void *ctx, uint32_t addr, unsigned int size, uint32_t *value)
{
	return bus_access(ctx, addr, size, value, false);
}

static bool bus_store(void *ctx, uint32_t addr, unsigned int size, uint32_t value)
{
	return bus_access(ctx, addr, size, &value, true);
}

/**
 * mc_bus_init() - make the core, connected to SRAM and to the bus of this file
 * @mc: controller with its SRAM
 *
 * Return: false if memory is short.
 */
bool mc_bus_init(struct mc *mc)
{
	struct rv32_bus bus = { .load = bus_load, .store = bus_store, .ctx = mc };

	return rv32_init(&mc->cpu, mc->sram, OGPU_MC_SRAM_BASE, MC_SRAM_SIZE, &bus);
}

/**
 * mc_bus_reset() - timer and windows to their reset values
 * @mc: controller, stopped
 */
void mc_bus_reset(struct mc *mc)
{
	mc->timecmp = UINT64_MAX;
	mc->time_hi = 0;
	memset(mc->window, 0, sizeof(mc->window));
	memset(&mc->watch, 0, sizeof(mc->watch));
}
