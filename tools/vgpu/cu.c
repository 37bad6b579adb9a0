// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compute units: their memory, the start state of work-items, and turns among waves. */
#include <stdlib.h>
#include <string.h>

#include "abi/cu.h"
#include "cu.h"

#define REG_RA		1
#define REG_SP		2
#define REG_A0		10
#define PRIVATE_KEEP	(4u << 20)	/* bytes of private memory kept between dispatches */

/**
 * cu_create() - Make a compute unit.
 * @gpu: the card
 * @as_table: where the card keeps the place of its address-space table
 *
 * Return: NULL if there is no memory.
 */
struct cu *cu_create(struct vgpu *gpu, const _Atomic uint64_t *as_table)
{
	struct cu *cu = calloc(1, sizeof(*cu));

	if (!cu)
		return NULL;
	cu->gpu = gpu;
	cu->vec = cu_vec_best();
	cu->strict = vgpu_config(gpu)->strict;
	cu->code_epoch = 1;
	cu->local_mem = aligned_alloc(64, VGPU_LOCAL_BYTES);
	if (!cu->local_mem) {
		free(cu);
		return NULL;
	}
	mmu_init(&cu->mmu, gpu, as_table);
	return cu;
}

/**
 * cu_destroy() - Free a compute unit.
 * @cu: unit, outside the memory bracket
 */
void cu_destroy(struct cu *cu)
{
	for (unsigned int i = 0; i < CU_CODE_PAGES; i++)
		free(cu->code[i]);
	for (unsigned int i = 0; i < cu->waves_allocated; i++)
		free(cu->wave[i]);
	free(cu->private_mem);
	free(cu->local_mem);
	free(cu);
}

/* Enter the memory bracket; code is compared again if translations were dropped meanwhile. */
static void enter(struct cu *cu)
{
	if (!mmu_enter(&cu->mmu))
		cu_code_enter(cu);
}

static bool allocate(struct cu *cu, bool clear)
{
	uint64_t private_bytes = (uint64_t)cu->waves * VGPU_LANES * cu->launch->private_bytes;

	while (cu->waves_allocated < cu->waves) {
		struct cu_wave *w = aligned_alloc(64, sizeof(*w));

		if (!w)
			return false;
		memset(w, 0, sizeof(*w));
		w->reservations = true;
		cu->wave[cu->waves_allocated++] = w;
	}
	if (private_bytes > cu->private_allocated) {
		free(cu->private_mem);
		cu->private_allocated = 0;
		cu->private_mem = aligned_alloc(64, (private_bytes + 63) & ~63ull);
		if (!cu->private_mem)
			return false;
		cu->private_allocated = private_bytes;
		clear = true;
	}
	/* No work-item may see what one of another dispatch left there. */
	if (private_bytes && clear)
		memset(cu->private_mem, 0, private_bytes);
	return true;
}

static void clear_registers(struct cu *cu, struct cu_wave *w)
{
	for (uint64_t left = cu->dirty; left; left &= left - 1)
		memset(w->reg[__builtin_ctzll(left)], 0, sizeof(w->reg[0]));
}

/* Number the work-items: x runs fastest. */
static void number_lanes(struct cu *cu, struct cu_wave *w, uint32_t first, uint32_t items)
{
	const uint32_t *group = cu->launch->group;

	w->lanes = 0;
	for (uint32_t lane = 0; lane < VGPU_LANES; lane++) {
		uint32_t n = first + lane;

		w->id[0][lane] = n % group[0];
		w->id[1][lane] = n / group[0] % group[1];
		w->id[2][lane] = n / group[0] / group[1];
		if (n < items)
			w->lanes |= 1u << lane;
	}
}

/**
 * cu_begin() - Prepare for workgroups of one dispatch.
 * @cu: unit, outside the memory bracket
 * @launch: the dispatch, valid until cu_end()
 * @stop: looked at every few thousand instructions; not zero: give up
 * @first: the unit's last dispatch was another one
 *
 * Enters the memory bracket.
 *
 * Return: false, outside the bracket, if there is no memory.
 */
bool cu_begin(struct cu *cu, const struct cu_launch *launch, const _Atomic uint32_t *stop,
	      bool first)
{
	uint32_t items = launch->group[0] * launch->group[1] * launch->group[2];

	cu->launch = launch;
	cu->stop = stop;
	cu->waves = (items + VGPU_LANES - 1) / VGPU_LANES;
	for (unsigned int i = 0; i < cu->waves_allocated; i++)
		clear_registers(cu, cu->wave[i]);
	cu->dirty = 1ull << REG_RA | 1ull << REG_SP | 1ull << REG_A0;
	if (!allocate(cu, first))
		return false;
	for (uint32_t i = 0; i < cu->waves; i++) {
		number_lanes(cu, cu->wave[i], i * VGPU_LANES, items);
		cu->wave[i]->private_mem = cu->private_mem + (uint64_t)i * VGPU_LANES *
							     launch->private_bytes;
	}
	mmu_set_asid(&cu->mmu, launch->asid);
	cu_code_begin(cu);
	cu->budget = CU_BUDGET;
	enter(cu);
	return true;
}

static void start_wave(struct cu *cu, struct cu_wave *w)
{
	const struct cu_launch *launch = cu->launch;

	clear_registers(cu, w);
	cu->vec->splat(w->reg[REG_RA], OGPU_CU_EXIT);
	cu->vec->splat(w->reg[REG_SP], OGPU_CU_PRIVATE_BASE + launch->private_bytes);
	cu->vec->splat(w->reg[REG_A0], launch->args);
	cu->vec->splat(w->pc, launch->entry);
	if (w->reservations)
		cu->vec->splat(w->reserved, CU_NO_RESERVATION);
	w->reservations = false;
	memset(w->frm, CU_RNE, sizeof(w->frm));
	w->frm_changed = false;
	w->live = w->lanes;
	w->barrier = 0;
}

/* Let others in: unmaps, invalidations, a stop. False if told to stop. */
static bool pause_unit(struct cu *cu)
{
	mmu_leave(&cu->mmu);
	enter(cu);
	cu->budget = CU_BUDGET;
	return !atomic_load_explicit(cu->stop, memory_order_relaxed);
}

/* What a workgroup costs before its first instruction, in instructions that take as long. */
static int64_t setup_cost(const struct cu *cu)
{
	const unsigned int row = sizeof(cu->wave[0]->reg[0]);

	return cu->launch->local_bytes / row +
	       (int64_t)cu->waves * __builtin_popcountll(cu->dirty);
}

static enum cu_result run_waves(struct cu *cu)
{
	for (uint32_t i = 0; i < cu->waves; i++) {
		struct cu_wave *w = cu->wave[i];

		if (!(w->live & ~w->barrier))
			continue;
		if (cu_run(cu, w) == CU_FAILED)
			return CU_FAILED;
		if (cu->budget <= 0 && !pause_unit(cu))
			return CU_STOPPED;
	}
	return CU_DONE;
}

/**
 * cu_workgroup() - Run one workgroup to its end.
 * @cu: unit, between cu_begin() and cu_end()
 * @index: number of the workgroup, x running fastest
 *
 * Return: CU_DONE, CU_STOPPED, or CU_FAILED with cu->error set.
 */
enum cu_result cu_workgroup(struct cu *cu, uint64_t index)
{
	const struct cu_launch *launch = cu->launch;
	enum cu_result result;
	bool running, waiting;

	cu->group_id[0] = launch->base[0] + index % launch->grid[0];
	cu->group_id[1] = launch->base[1] + index / launch->grid[0] % launch->grid[1];
	cu->group_id[2] = launch->base[2] + index / launch->grid[0] / launch->grid[1];
	cu->error = (struct cu_error){ .error = OGPU_QERR_NONE };
	memset(cu->local_mem, 0, launch->local_bytes);
	for (uint32_t i = 0; i < cu->waves; i++)
		start_wave(cu, cu->wave[i]);
	cu->budget -= setup_cost(cu);
	if (cu->budget <= 0 && !pause_unit(cu))
		return CU_STOPPED;

	for (;;) {
		result = run_waves(cu);
		if (result != CU_DONE)
			return result;
		running = false;
		waiting = false;
		for (uint32_t i = 0; i < cu->waves; i++) {
			running |= !!(cu->wave[i]->live & ~cu->wave[i]->barrier);
			waiting |= !!(cu->wave[i]->live & cu->wave[i]->barrier);
		}
		if (running)
			continue;
		if (!waiting)
			return CU_DONE;
		for (uint32_t i = 0; i < cu->waves; i++)
			cu->wave[i]->barrier = 0;
	}
}

/**
 * cu_end() - Leave the dispatch that cu_begin() prepared.
 * @cu: unit; the memory bracket is left
 * @last: no more workgroups of this dispatch will come
 */
void cu_end(struct cu *cu, bool last)
{
	mmu_leave(&cu->mmu);
	if (last && cu->private_allocated > PRIVATE_KEEP) {
		free(cu->private_mem);
		cu->private_mem = NULL;
		cu->private_allocated = 0;
	}
}
