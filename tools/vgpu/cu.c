// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compute units: workgroups and their memory, the start state of work-items, turns among waves. */
#include <stdlib.h>
#include <string.h>

#include "abi/cu.h"
#include "cu.h"

#define REG_RA		1
#define REG_SP		2
#define REG_A0		10

/* --- units ------------------------------------------------------------------------------------ */

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
	mmu_init(&cu->mmu, gpu, as_table);
	if (!cu->strict || mmu_cache_create(&cu->mmu))
		return cu;
	free(cu);
	return NULL;
}

/**
 * cu_destroy() - Free a compute unit.
 * @cu: unit, outside the memory bracket
 */
void cu_destroy(struct cu *cu)
{
	for (unsigned int i = 0; i < CU_CODE_PAGES; i++)
		free(cu->code[i]);
	free(cu->mmu.cache);
	free(cu);
}

/**
 * cu_enter() - Enter the memory bracket with a fresh budget.
 * @cu: unit
 *
 * Code is compared again if translations were dropped meanwhile.
 */
void cu_enter(struct cu *cu)
{
	cu->budget = CU_BUDGET;
	if (!mmu_enter(&cu->mmu))
		cu_code_enter(cu);
	if (cu->acquire)
		mmu_cache_drop(&cu->mmu);
	cu->acquire = false;
}

/**
 * cu_leave() - Leave the memory bracket: let unmaps and invalidations in.
 * @cu: unit
 */
void cu_leave(struct cu *cu)
{
	mmu_leave(&cu->mmu);
}

/* --- workgroups ------------------------------------------------------------------------------- */

/**
 * cu_group_create() - Make room for a workgroup.
 *
 * Return: NULL if there is no memory.
 */
struct cu_group *cu_group_create(void)
{
	return calloc(1, sizeof(struct cu_group));
}

/**
 * cu_group_destroy() - Free a workgroup.
 * @g: the workgroup
 */
void cu_group_destroy(struct cu_group *g)
{
	for (unsigned int i = 0; i < g->waves_allocated; i++)
		free(g->wave[i]);
	free(g->local_mem);
	free(g);
}

static void clear_registers(struct cu_wave *w, uint64_t dirty)
{
	for (; dirty; dirty &= dirty - 1) {
		unsigned int r = __builtin_ctzll(dirty);

		w->affine[r] = (struct cu_affine){ .step = 0 };
		w->form[r] = CU_AFFINE | CU_UNIFORM;
	}
}

static bool allocate_waves(struct cu_group *g)
{
	while (g->waves_allocated < g->waves) {
		struct cu_wave *w = aligned_alloc(64, sizeof(*w));

		if (!w)
			return false;
		memset(w, 0, sizeof(*w));
		clear_registers(w, UINT64_MAX);
		w->form[0] |= CU_ROW;
		w->reservations = true;
		g->wave[g->waves_allocated++] = w;
	}
	return true;
}

static bool allocate_local(struct cu_group *g)
{
	const uint32_t bytes = (g->launch->local_bytes + 63) & ~63u;

	if (bytes <= g->local_allocated)
		return true;
	free(g->local_mem);
	g->local_allocated = 0;
	g->local_mem = aligned_alloc(64, bytes);
	if (!g->local_mem)
		return false;
	g->local_allocated = bytes;
	return true;
}

/* Number the work-items: x runs fastest. */
static void number_lanes(struct cu_wave *w, const uint32_t *group, uint32_t first, uint32_t items)
{
	w->lanes = 0;
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
		uint32_t n = first + lane;

		w->id[0][lane] = n % group[0];
		w->id[1][lane] = n / group[0] % group[1];
		w->id[2][lane] = n / group[0] / group[1];
		if (n < items)
			w->lanes |= 1u << lane;
	}
	for (unsigned int i = 0; i < 3; i++)
		w->id_is_affine[i] = cu_find_affine(w->id[i], &w->id_affine[i]);
}

/**
 * cu_group_init() - Prepare for workgroups of one dispatch.
 * @g: what it was used for before does not matter
 * @launch: the dispatch, valid as long as @g is used for it
 * @private_at: address operand of its private memory, OGPU_SAVE_ALIGN aligned
 *
 * Return: false if there is no memory.
 */
bool cu_group_init(struct cu_group *g, const struct cu_launch *launch, uint64_t private_at)
{
	const uint32_t items = cu_launch_items(launch);
	const uint64_t bytes = cu_launch_private(launch);
	const bool same = !memcmp(g->shape, launch->group, sizeof(g->shape));

	for (unsigned int i = 0; i < g->waves_allocated; i++)
		clear_registers(g->wave[i], g->dirty);
	g->dirty = 0;
	g->launch = launch;
	g->waves = cu_launch_waves(launch);
	g->last = NULL;
	if (!allocate_waves(g) || !allocate_local(g))
		return false;
	for (uint32_t i = 0; i < g->waves; i++) {
		struct cu_wave *w = g->wave[i];

		if (!same)
			number_lanes(w, launch->group, i * VGPU_LANES, items);
		w->private_at = private_at + i * bytes;
	}
	memcpy(g->shape, launch->group, sizeof(g->shape));
	return true;
}

static void set_group(struct cu *cu, uint64_t index)
{
	const struct cu_launch *launch = cu->launch;

	cu->group_id[0] = launch->base[0] + index % launch->grid[0];
	cu->group_id[1] = launch->base[1] + index / launch->grid[0] % launch->grid[1];
	cu->group_id[2] = launch->base[2] + index / launch->grid[0] / launch->grid[1];
}

/**
 * cu_attach() - Let a unit run a workgroup.
 * @cu: unit, outside the memory bracket, with nothing attached
 * @g: the workgroup
 * @other: the unit's last workgroup was one of another dispatch
 *
 * A dispatch sees all that was written before it, and a workgroup what it did elsewhere.
 */
void cu_attach(struct cu *cu, struct cu_group *g, bool other)
{
	mmu_set_asid(&cu->mmu, g->launch->asid);
	if (other)
		cu_code_begin(cu);
	/* A fence.i that it executed elsewhere was for that unit's code. */
	if (g->fenced && g->last != cu)
		cu->code_epoch++;
	cu->acquire = cu->strict && (other || g->last != cu);
	g->last = cu;
	cu->group = g;
	cu->launch = g->launch;
	cu->waves = g->waves;
	cu->wave = g->wave;
	cu->local_mem = g->local_mem;
	cu->dirty = g->dirty;
	cu->instructions = g->instructions;
	cu->error = (struct cu_error){ .error = OGPU_QERR_NONE };
	set_group(cu, g->index);
}

/**
 * cu_detach() - Take the workgroup off the unit, whole.
 * @cu: unit, outside the memory bracket
 *
 * What it stored is in memory then: it may go on elsewhere.
 */
void cu_detach(struct cu *cu)
{
	if (cu->strict) {
		cu_enter(cu);
		mmu_cache_clean(&cu->mmu);
		cu_leave(cu);
	}
	cu->group->dirty = cu->dirty;
	cu->group->instructions = cu->instructions;
	cu->group = NULL;
}

/* --- execution -------------------------------------------------------------------------------- */

static void start_wave(struct cu *cu, struct cu_wave *w)
{
	const struct cu_launch *launch = cu->launch;

	clear_registers(w, cu->dirty);
	cu_put_uniform(cu, w, REG_RA, OGPU_CU_EXIT);
	cu_put_uniform(cu, w, REG_SP, OGPU_CU_PRIVATE_BASE + launch->private_bytes);
	cu_put_uniform(cu, w, REG_A0, launch->args);
	cu->vec->splat(w->pc, launch->entry);
	if (w->reservations)
		cu->vec->splat(w->reserved, CU_NO_RESERVATION);
	w->reservations = false;
	memset(w->frm, CU_RNE, sizeof(w->frm));
	w->frm_changed = false;
	w->live = w->lanes;
	w->barrier = 0;
}

/* What a workgroup costs before its first instruction, in instructions that take as long. */
static int64_t setup_cost(const struct cu *cu)
{
	const unsigned int row = sizeof(cu->wave[0]->reg[0]);

	return cu->launch->local_bytes / row +
	       (int64_t)cu->waves * __builtin_popcountll(cu->dirty) / 4;
}

/**
 * cu_start() - Begin a workgroup with what is attached.
 * @cu: unit
 * @index: number of the workgroup, x running fastest
 */
void cu_start(struct cu *cu, uint64_t index)
{
	cu->group->index = index;
	cu->group->turn = 0;
	cu->group->fenced = false;
	set_group(cu, index);
	if (cu->launch->local_bytes)
		memset(cu->local_mem, 0, cu->launch->local_bytes);
	cu->dirty |= 1ull << REG_RA | 1ull << REG_SP | 1ull << REG_A0;
	for (uint32_t i = 0; i < cu->waves; i++)
		start_wave(cu, cu->wave[i]);
	cu->budget -= setup_cost(cu);
}

static enum cu_result run_waves(struct cu *cu)
{
	struct cu_group *g = cu->group;

	for (; g->turn < cu->waves; g->turn++) {
		struct cu_wave *w = cu->wave[g->turn];

		if (!(w->live & ~w->barrier))
			continue;
		if (cu->budget <= 0)
			return CU_PAUSED;
		if (cu_run(cu, w) == CU_FAILED)
			return CU_FAILED;
	}
	g->turn = 0;
	return CU_DONE;
}

/**
 * cu_step() - Go on with the workgroup until the budget is used up.
 * @cu: unit, inside the memory bracket
 *
 * Return: CU_DONE at the end of the workgroup, CU_PAUSED, or CU_FAILED with cu->error set.
 */
enum cu_result cu_step(struct cu *cu)
{
	enum cu_result result;
	bool running, waiting;

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
		if (!waiting) {
			mmu_cache_clean(&cu->mmu);
			return CU_DONE;
		}
		for (uint32_t i = 0; i < cu->waves; i++)
			cu->wave[i]->barrier = 0;
	}
}
