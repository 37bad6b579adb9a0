/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The virtual GPU: one struct vgpu is one card; this header is how its parts reach each other.
 *
 * Threads. The vfio-user thread serves QEMU and never blocks on an engine (a slow handler freezes
 * the whole VM). The management core has a thread of its own, each hardware slot has one, and
 * the compute units share a pool; the watcher looks at memory for all that wait for it. Only that
 * one polls, and only while somebody waits: an idle card uses no host CPU.
 *
 * Memory. Guest memory can be unmapped by QEMU and translations invalidated by the guest at any
 * time. Engines may use host pointers only between vgpu_mem_begin() and vgpu_mem_end(); an unmap or
 * a TLB invalidation waits until all engines have left that bracket. An unmap then raises the
 * generation, which makes engines drop their host pointers; an invalidation is put into a log, from
 * which they learn which translations to drop. Brackets are short whatever a kernel does: an engine
 * leaves and re-enters after 64 KiB of copying, or when its instructions have used up a budget
 * to which slow accesses count for more (CU_BUDGET).
 */
#ifndef OGPU_VGPU_H
#define OGPU_VGPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/addr.h"
#include "abi/event.h"
#include "abi/mc.h"
#include "abi/queue.h"
#include "abi/regs.h"
#include "tlbi.h"

struct nonvol;
struct vgpu;

/* Facts of this product that no option changes, which discovery tells; others: cu_limits.h. */
#define VGPU_MC_SRAM_SIZE	0x100000u	/* bytes; the firmware is linked for it */
#define VGPU_MC_CLOCK_KHZ	200000u
#define VGPU_CLOCK_KHZ		1000000u	/* compute units, highest */
#define VGPU_CLOCK_MIN_KHZ	100000u
#define VGPU_MEM_CLOCK_KHZ	2000000u	/* memory, highest */
#define VGPU_MEM_CLOCK_MIN_KHZ	400000u
#define VGPU_CAP_MIN_UW		15000000u	/* limits of the power cap */
#define VGPU_CAP_MAX_UW		75000000u
#define VGPU_IDLE_EXIT_US	100u
#define VGPU_AS_COUNT		256u
#define VGPU_DMA_BITS		48u
#define VGPU_DOORBELL_STRIDE	4096u

/* What the command line chose; immutable after start. */
struct vgpu_config {
	const char *socket_path;	/* vfio-user */
	const char *control_path;	/* control socket, NULL: none */
	const char *trace_path;		/* NULL: no trace, "-": stderr */
	uint64_t vram_size;
	uint64_t aperture_size;		/* power of two, <= vram_size */
	uint32_t cu_count;
	uint64_t cu_fused;		/* bit mask of units fused off */
	uint32_t compute_slots, copy_slots;
	uint32_t doorbells;
	uint32_t job_ms;		/* limit of a job's time that discovery tells */
	uint32_t board_id;
	uint16_t hw_rev;
	struct nonvol *nonvol;		/* what outlives power */
	uint8_t uuid[16];
	uint32_t host_threads;		/* threads of the compute-unit pool */
	bool strict;			/* forgives nothing that the contract does not forgive */
};

/* --- device.c: life of a card ----------------------------------------------------------------- */

enum vgpu_reset {
	VGPU_RESET_COMPUTE,	/* engines and slots */
	VGPU_RESET_MC,		/* management core */
	VGPU_RESET_TRIP,	/* likewise, but it stops for good */
	VGPU_RESET_DEVICE,	/* FLR or bus reset: everything but VRAM content and fuses */
};

const struct vgpu_config *vgpu_config(const struct vgpu *gpu);
void vgpu_reset(struct vgpu *gpu, enum vgpu_reset kind);
void vgpu_trip(struct vgpu *gpu);	/* it is too hot: stops all, soon */
uint64_t vgpu_time_ns(const struct vgpu *gpu);	/* GLB_TIME */
struct mc *vgpu_mc(struct vgpu *gpu);
struct engines *vgpu_engines(struct vgpu *gpu);
struct sensors *vgpu_sensors(struct vgpu *gpu);
struct ras *vgpu_ras(struct vgpu *gpu);

/* --- memory.c: VRAM and guest memory ---------------------------------------------------------- */

/* Bracket for use of host pointers; returns the current generation. Not recursive. */
uint64_t vgpu_mem_begin(struct vgpu *gpu);
void vgpu_mem_end(struct vgpu *gpu);
/*
 * Waits for all brackets to end and puts invalidations into the log. Outside a bracket. When it
 * returns, no access that began earlier can use a translation that is dropped.
 */
void vgpu_mem_invalidate(struct vgpu *gpu, const struct tlbi *what, unsigned int count);
/* Inside a bracket. */
const struct tlbi_log *vgpu_mem_tlbi_log(const struct vgpu *gpu);

/*
 * Inside a bracket: host pointer for [addr, addr + len) of a target, or NULL if no single mapping
 * covers it with the wanted access: it does not answer then, if it lies within one page of 4 KiB.
 * Mappings begin and end at multiples of 4 KiB, so callers split longer ranges there.
 */
void *vgpu_mem_ptr(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len,
		   bool write);

/*
 * True if VRAM in this range has lost its content: vgpu_mem_ptr() gives NULL there and the
 * fault to report is OGPU_FAULT_POISON, not OGPU_FAULT_BUS. Inside or outside a bracket.
 */
bool vgpu_mem_poisoned(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len);

/* Inside a bracket: false if the platform refuses AtomicOps of the card on such memory. */
bool vgpu_mem_takes_atomics(struct vgpu *gpu, enum ogpu_target target);

/* Inside a bracket: what COPY and FILL do to poison; see memory.c. */
bool vgpu_mem_carry(struct vgpu *gpu, uint64_t operand, uint32_t queue);
void *vgpu_mem_overwrite(struct vgpu *gpu, uint64_t operand);

/* Outside a bracket: copy from an operand (VRAM or SYSTEM). False if any byte does not answer. */
bool vgpu_mem_read(struct vgpu *gpu, uint64_t operand, void *buf, size_t len);

/* --- irq.c ------------------------------------------------------------------------------------ */

void vgpu_irq_raise(struct vgpu *gpu, unsigned int vector);

/* --- event.c: the event ring ------------------------------------------------------------------ */

/* seq is filled in here; raises OGPU_VECTOR_EVENT. Outside a bracket. */
void vgpu_event_push(struct vgpu *gpu, const struct ogpu_event *event);

/* --- signal.c: the signal ring ---------------------------------------------------------------- */

/* A FENCE packet signals; raises OGPU_VECTOR_SIGNAL if the queue is armed. Outside a bracket. */
void vgpu_signal(struct vgpu *gpu, uint32_t queue);

/* --- mc.c: management controller -------------------------------------------------------------- */

struct mc *mc_create(struct vgpu *gpu);
void mc_destroy(struct mc *mc);
void mc_stop(struct mc *mc);		/* the core executes nothing more until mc_start() */
void mc_reset(struct mc *mc);		/* stops the core, clears SRAM and peripherals */
/* Loads a component into SRAM; false if it does not fit. Only while stopped. */
bool mc_load(struct mc *mc, uint32_t addr, const void *data, uint32_t size, uint32_t mem_size);
void mc_start(struct mc *mc, uint32_t entry, uint32_t svn);
void mc_set_mbox(struct mc *mc, uint64_t bus_addr, uint32_t size);
void mc_irq(struct mc *mc, uint32_t bits);	/* set OGPU_MC_IRQ_* edge bits */
void mc_doorbell(struct mc *mc, uint32_t index);	/* of a queue that is on no slot */
void mc_slot_irq(struct mc *mc, unsigned int slot);
void mc_slot_reset_begin(struct mc *mc);
void mc_slot_reset_end(struct mc *mc);
bool mc_running(const struct mc *mc);
uint32_t mc_heartbeat(const struct mc *mc);
uint32_t mc_fatal(const struct mc *mc);		/* BOOT_MC_FATAL */
uint32_t mc_fatal_pc(const struct mc *mc);
void mc_fail(struct mc *mc, enum ogpu_mc_fatal why);	/* after mc_reset(): why it stays so */
void mc_inject_crash(struct mc *mc);		/* control socket: core takes an exception */
void mc_inject_hang(struct mc *mc);		/* control socket: core stops making progress */
uint64_t mc_instructions(const struct mc *mc);

/* --- engines.c: slots, command processors, compute units, copy engines ------------------------ */

struct engines *engines_create(struct vgpu *gpu);
void engines_destroy(struct engines *eng);
void engines_reset(struct engines *eng);	/* all slots to EMPTY, bounded in time */
uint32_t engines_slot_read(struct engines *eng, unsigned int slot, uint32_t reg);
void engines_slot_write(struct engines *eng, unsigned int slot, uint32_t reg, uint32_t value);
/*
 * True if a slot is connected to this doorbell (it has been told); else the caller tells the MC.
 * wptr: the write pointer that it carried, or NULL.
 */
bool engines_doorbell(struct engines *eng, uint32_t index, const uint64_t *wptr);
void engines_clean(struct engines *eng);	/* with nobody inside the memory bracket */
void engines_set_as_table(struct engines *eng, uint64_t vram_offset, uint32_t count);
/* Drops translations; returns when no access that began earlier can use one of them. */
void engines_tlb_invalidate(struct engines *eng, const struct tlbi *what);

/* What somebody waits for: 64 bits of memory, of which those in mask compare with value. */
struct engines_condition {
	uint64_t operand, value, mask;
	uint32_t asid;		/* of a virtual operand */
	uint32_t compare;	/* enum ogpu_compare */
};

/* Rings the doorbell at the MC when it holds or cannot be read; NULL ends the queue's watch. */
void engines_watch(struct engines *eng, uint32_t queue, const struct engines_condition *what);
void engines_watch_reset(struct engines *eng);	/* ends all */
/* Control socket. */
void engines_inject_hang(struct engines *eng, unsigned int slot);	/* until a reset */

/* Work done since power-up; sensors turn it into heat and energy. */
struct engines_work {
	uint64_t lane_instructions;
	uint64_t bytes_moved;
	uint64_t busy_ns[OGPU_ENGINE_CLASSES];
	uint64_t wait_looks, wait_wakeups;	/* of words by the watcher, and of its thread */
	bool running;			/* a slot is, now */
};

void engines_work(struct engines *eng, struct engines_work *work);

/* --- sensors.c -------------------------------------------------------------------------------- */

struct sensors *sensors_create(struct vgpu *gpu);
void sensors_destroy(struct sensors *s);
uint32_t sensors_reg_read(struct sensors *s, uint32_t reg);	/* OGPU_MC_TEMP .. _IDLE */
void sensors_reg_write(struct sensors *s, uint32_t reg, uint32_t value);
void sensors_work(struct sensors *s);

/* --- ras.c ------------------------------------------------------------------------------------ */

uint32_t ras_reg_read(struct ras *ras, uint32_t reg);	/* OGPU_MC_RAS_RECORD .. _RAS_BLOCK */
void ras_reg_write(struct ras *ras, uint32_t reg, uint32_t value);

/* --- trace.c ---------------------------------------------------------------------------------- */

enum vgpu_trace { TRACE_REG, TRACE_PACKET, TRACE_IRQ, TRACE_DMA, TRACE_MC, TRACE_STATE };

extern _Atomic bool vgpu_trace_on;
void vgpu_trace_line(struct vgpu *gpu, enum vgpu_trace kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define vgpu_trace(gpu, kind, ...) do { \
	if (atomic_load_explicit(&vgpu_trace_on, memory_order_relaxed)) \
		vgpu_trace_line(gpu, kind, __VA_ARGS__); \
} while (0)

#endif
