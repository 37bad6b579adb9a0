/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A card for tests of the engines alone: stand-ins for device.c, memory.c, event.c, mc.c and
 * trace.c, and a builder of page tables. Included once by each test program; it defines functions.
 */
#ifndef OGPU_TESTS_FAKE_CARD_H
#define OGPU_TESTS_FAKE_CARD_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engines.h"
#include "poison.h"

#define FAKE_VRAM		(160u << 20)
#define FAKE_SYSTEM		0x100000000ull	/* bus address of memory with host pointers */
#define FAKE_SYSTEM_SIZE	(16u << 20)
#define FAKE_LATE		0x200000000ull	/* of a page that answers once it is told to */
#define FAKE_READ_ONLY		0x300000000ull	/* of a page for reading */
#define FAKE_WRITE_ONLY		0x400000000ull	/* of a page for writing */
#define FAKE_AS_TABLE		0x1000u		/* VRAM offsets */
#define FAKE_AS_COUNT		256u
#define FAKE_TABLES		0x100000u	/* page tables from here on */
#define FAKE_DATA		0x800000u	/* for the tests */
#define FAKE_SAVE		(64u << 20)	/* save areas, one for each of two slots */
#define FAKE_SAVE_BYTES		(48u << 20)
#define FAKE_EVENTS		64u

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define PTE_RW	(OGPU_PTE_READ | OGPU_PTE_WRITE)
#define PTE_RX	(OGPU_PTE_READ | OGPU_PTE_EXEC)
#define PTE_RWX	(PTE_RW | OGPU_PTE_EXEC)
#define VRAM(offset)	OGPU_OPERAND(OGPU_TARGET_VRAM, (uint64_t)(offset))
#define SYSTEM(addr)	OGPU_OPERAND(OGPU_TARGET_SYSTEM, (uint64_t)(addr))

struct vgpu {
	struct vgpu_config cfg;
	struct engines *engines;
	uint8_t *vram, *system;
	uint8_t page[MMU_PAGE];		/* the late, read-only and write-only one */
	bool late;			/* FAKE_LATE answers */
	bool no_atomics;		/* the platform refuses AtomicOps */
	unsigned int late_after;	/* begins to when asked for the n-th time, 0: no change */
	pthread_rwlock_t bracket;
	_Atomic uint64_t generation;
	struct tlbi_log tlbi;
	_Atomic uint64_t brackets;	/* entered so far */
	_Atomic uint32_t most_asked;	/* pointers that one bracket asked for, at most */
	bool timed;			/* brackets are timed */
	_Atomic uint64_t longest_ns;	/* one of them, on the processor */
	uint64_t tables;		/* next free page-table page */
	struct poison poison;
	unsigned int carried;		/* pages that were poisoned by copies */

	pthread_mutex_t lock;
	pthread_cond_t change;
	uint32_t slot_irqs;		/* bit mask */
	unsigned int slot_irq_count;
	uint32_t doorbell_forwarded;	/* last one, ~0: none */
	unsigned int doorbells_forwarded;
	struct ogpu_event event[FAKE_EVENTS];
	unsigned int events;
	unsigned int signals;
	uint32_t signal_queue;		/* last one */
	unsigned int wakes;		/* how often a slot began to work */
};

_Atomic bool vgpu_trace_on;

void vgpu_trace_line(struct vgpu *gpu, enum vgpu_trace kind, const char *fmt, ...)
{
	(void)gpu;
	(void)kind;
	(void)fmt;
}

const struct vgpu_config *vgpu_config(const struct vgpu *gpu)
{
	return &gpu->cfg;
}

uint64_t vgpu_time_ns(const struct vgpu *gpu)
{
	struct timespec ts;

	(void)gpu;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

struct mc *vgpu_mc(struct vgpu *gpu)
{
	return (struct mc *)gpu;
}

struct engines *vgpu_engines(struct vgpu *gpu)
{
	return gpu->engines;
}

void mc_slot_irq(struct mc *mc, unsigned int slot)
{
	struct vgpu *gpu = (struct vgpu *)mc;

	pthread_mutex_lock(&gpu->lock);
	gpu->slot_irqs |= 1u << slot;
	gpu->slot_irq_count++;
	pthread_cond_broadcast(&gpu->change);
	pthread_mutex_unlock(&gpu->lock);
}

void mc_doorbell(struct mc *mc, uint32_t index)
{
	struct vgpu *gpu = (struct vgpu *)mc;

	pthread_mutex_lock(&gpu->lock);
	gpu->doorbell_forwarded = index;
	gpu->doorbells_forwarded++;
	pthread_cond_broadcast(&gpu->change);
	pthread_mutex_unlock(&gpu->lock);
}

struct sensors *vgpu_sensors(struct vgpu *gpu)
{
	return (struct sensors *)gpu;
}

void sensors_work(struct sensors *sensors)
{
	struct vgpu *gpu = (struct vgpu *)sensors;

	pthread_mutex_lock(&gpu->lock);
	gpu->wakes++;
	pthread_mutex_unlock(&gpu->lock);
}

void vgpu_signal(struct vgpu *gpu, uint32_t queue)
{
	pthread_mutex_lock(&gpu->lock);
	gpu->signals++;
	gpu->signal_queue = queue;
	pthread_cond_broadcast(&gpu->change);
	pthread_mutex_unlock(&gpu->lock);
}

void vgpu_event_push(struct vgpu *gpu, const struct ogpu_event *event)
{
	pthread_mutex_lock(&gpu->lock);
	if (gpu->events < FAKE_EVENTS)
		gpu->event[gpu->events++] = *event;
	pthread_cond_broadcast(&gpu->change);
	pthread_mutex_unlock(&gpu->lock);
}

static __thread uint32_t fake_asked;	/* pointers, in this bracket */
static __thread uint64_t fake_began;

/* What this thread took of a processor: other work on the host does not count. */
static uint64_t fake_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* What the model took of processors: as much of its own time has passed at most. */
static __attribute__((unused)) uint64_t fake_process_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

uint64_t vgpu_mem_begin(struct vgpu *gpu)
{
	fake_asked = 0;
	pthread_rwlock_rdlock(&gpu->bracket);
	if (gpu->timed)
		fake_began = fake_cpu_ns();
	atomic_fetch_add_explicit(&gpu->brackets, 1, memory_order_relaxed);
	return atomic_load_explicit(&gpu->generation, memory_order_relaxed);
}

void vgpu_mem_end(struct vgpu *gpu)
{
	uint32_t most = atomic_load(&gpu->most_asked);

	while (fake_asked > most &&
	       !atomic_compare_exchange_weak(&gpu->most_asked, &most, fake_asked))
		;
	if (gpu->timed) {
		uint64_t ns = fake_cpu_ns() - fake_began, longest = gpu->longest_ns;

		while (ns > longest &&
		       !atomic_compare_exchange_weak(&gpu->longest_ns, &longest, ns))
			;
	}
	pthread_rwlock_unlock(&gpu->bracket);
}

void vgpu_mem_invalidate(struct vgpu *gpu, const struct tlbi *what, unsigned int count)
{
	pthread_rwlock_wrlock(&gpu->bracket);
	engines_clean(gpu->engines);
	tlbi_log_add(&gpu->tlbi, what, count);
	pthread_rwlock_unlock(&gpu->bracket);
}

const struct tlbi_log *vgpu_mem_tlbi_log(const struct vgpu *gpu)
{
	return &gpu->tlbi;
}

/* What an unmap of host memory and a page that goes bad do: pointers are looked up again. */
static __attribute__((unused)) void fake_lose_pointers(struct vgpu *gpu)
{
	pthread_rwlock_wrlock(&gpu->bracket);
	engines_clean(gpu->engines);
	atomic_fetch_add(&gpu->generation, 1);
	pthread_rwlock_unlock(&gpu->bracket);
}

bool vgpu_mem_poisoned(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len)
{
	return target == OGPU_TARGET_VRAM && poison_find(&gpu->poison, addr, len);
}

bool vgpu_mem_takes_atomics(struct vgpu *gpu, enum ogpu_target target)
{
	return target != OGPU_TARGET_SYSTEM || !gpu->no_atomics;
}

bool vgpu_mem_carry(struct vgpu *gpu, uint64_t operand, uint32_t queue)
{
	(void)queue;
	if (FIELD_GET(OGPU_OPERAND_TARGET, operand) != OGPU_TARGET_VRAM ||
	    !poison_add(&gpu->poison, FIELD_GET(OGPU_OPERAND_ADDR, operand), false))
		return false;
	gpu->generation++;
	gpu->carried++;
	return true;
}

void *vgpu_mem_overwrite(struct vgpu *gpu, uint64_t operand)
{
	uint64_t addr = FIELD_GET(OGPU_OPERAND_ADDR, operand);

	if (!poison_overwrite(&gpu->poison, addr))
		return NULL;
	gpu->generation++;
	return gpu->vram + addr;
}

static bool fake_inside(uint64_t addr, size_t len, uint64_t base, uint64_t size)
{
	return addr >= base && addr - base < size && len <= size - (addr - base);
}

void *vgpu_mem_ptr(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len,
		   bool write)
{
	fake_asked++;
	if (target == OGPU_TARGET_VRAM && fake_inside(addr, len, 0, FAKE_VRAM) &&
	    !vgpu_mem_poisoned(gpu, target, addr, len))
		return gpu->vram + addr;
	if (target == OGPU_TARGET_SYSTEM && fake_inside(addr, len, FAKE_SYSTEM, FAKE_SYSTEM_SIZE))
		return gpu->system + (addr - FAKE_SYSTEM);
	if (target == OGPU_TARGET_SYSTEM &&
	    fake_inside(addr, len, write ? FAKE_WRITE_ONLY : FAKE_READ_ONLY, MMU_PAGE))
		return gpu->page + addr % MMU_PAGE;
	if (target == OGPU_TARGET_SYSTEM && gpu->late_after &&
	    fake_inside(addr, len, FAKE_LATE, MMU_PAGE))
		gpu->late = !--gpu->late_after;
	if (target == OGPU_TARGET_SYSTEM && gpu->late &&
	    fake_inside(addr, len, FAKE_LATE, MMU_PAGE))
		return gpu->page + addr % MMU_PAGE;
	return NULL;
}

static uint64_t *fake_table(struct vgpu *gpu, uint64_t operand)
{
	uint64_t *t = vgpu_mem_ptr(gpu, FIELD_GET(OGPU_OPERAND_TARGET, operand),
				   operand & OGPU_OPERAND_ADDR, OGPU_PT_SIZE, true);

	assert(t);
	return t;
}

static uint64_t fake_pte(uint64_t operand, uint64_t bits)
{
	return FIELD_PREP(OGPU_PTE_TARGET, FIELD_GET(OGPU_OPERAND_TARGET, operand)) |
	       (operand & OGPU_PTE_ADDR) | OGPU_PTE_VALID | bits;
}

/* The entry for va at a level; tables down to there are made as needed. */
static uint64_t *fake_entry(struct vgpu *gpu, uint32_t asid, uint64_t va, int level)
{
	struct ogpu_as_entry *as = (struct ogpu_as_entry *)(gpu->vram + FAKE_AS_TABLE) + asid;
	uint64_t *entry = (uint64_t *)&as->root;

	for (int l = OGPU_PT_LEVELS; l > level; l--) {
		uint64_t next;

		if (!(*entry & OGPU_PTE_VALID)) {
			*entry = fake_pte(VRAM(gpu->tables), 0);
			memset(gpu->vram + gpu->tables, 0, OGPU_PT_SIZE);
			gpu->tables += OGPU_PT_SIZE;
		}
		next = OGPU_OPERAND(FIELD_GET(OGPU_PTE_TARGET, *entry), *entry & OGPU_PTE_ADDR);
		entry = fake_table(gpu, next) + OGPU_PT_INDEX(va, l - 1);
	}
	return entry;
}

static __attribute__((unused)) void fake_map(struct vgpu *gpu, uint32_t asid, uint64_t va,
					     uint64_t operand, uint64_t bytes, uint64_t bits)
{
	for (uint64_t i = 0; i < bytes; i += MMU_PAGE)
		*fake_entry(gpu, asid, va + i, 0) = fake_pte(operand + i, OGPU_PTE_LEAF | bits);
}

#ifndef FAKE_STRICT
#define FAKE_STRICT	true		/* but for measurements and tests of code alone */
#endif

/* Of the next card; a test may change it. */
static struct vgpu_config fake_config = {
	.strict = FAKE_STRICT,
	.cu_count = 8, .compute_slots = 2, .copy_slots = 1, .doorbells = 64, .vram_size = FAKE_VRAM,
};

static struct vgpu *fake_create(uint32_t host_threads)
{
	struct vgpu *gpu = calloc(1, sizeof(*gpu));
	pthread_rwlockattr_t attr;

	assert(gpu);
	gpu->cfg = fake_config;
	gpu->cfg.host_threads = host_threads;
	gpu->vram = mmap(NULL, FAKE_VRAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	gpu->system = mmap(NULL, FAKE_SYSTEM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(gpu->vram != MAP_FAILED && gpu->system != MAP_FAILED);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&gpu->bracket, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&gpu->lock, NULL);
	poison_init(&gpu->poison);
	pthread_cond_init(&gpu->change, NULL);
	gpu->generation = 1;
	gpu->tables = FAKE_TABLES;
	gpu->doorbell_forwarded = ~0u;
	gpu->engines = engines_create(gpu);
	assert(gpu->engines);
	engines_set_as_table(gpu->engines, FAKE_AS_TABLE, FAKE_AS_COUNT);
	return gpu;
}

static void fake_destroy(struct vgpu *gpu)
{
	engines_destroy(gpu->engines);
	pthread_cond_destroy(&gpu->change);
	pthread_mutex_destroy(&gpu->lock);
	pthread_rwlock_destroy(&gpu->bracket);
	munmap(gpu->system, FAKE_SYSTEM_SIZE);
	munmap(gpu->vram, FAKE_VRAM);
	free(gpu);
}

#endif
