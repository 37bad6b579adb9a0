// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The instruction loop of a compute unit: one wave until its lanes end, meet a barrier, or fail. */
#include "abi/cu.h"
#include "cu.h"
#include "cu_fp.h"

#define LOW_12		(MMU_PAGE - 1)
#define FENCE_PRED_W	BIT(24)
#define FENCE_SUCC_R	BIT(21)

/* The group of lanes that is executed. */
struct group {
	uint64_t pc;
	uint64_t wait;		/* lowest pc of the lanes that wait for this group */
	uint32_t lanes;
	uint32_t count;		/* instructions since the group was formed */
	uint32_t parked;	/* lanes that wait for others at a wave operation */
	uint32_t at_barrier;	/* those that do so at a wave barrier */
	uint32_t read, written;	/* bytes for each lane, since the last account() */
	bool together;		/* there is nobody to wait for */
};

/* Hosts of the base level have no instruction for it, and calling a function would be felt. */
static inline unsigned int count_lanes(uint32_t lanes)
{
	lanes -= lanes >> 1 & 0x55555555;
	lanes = (lanes & 0x33333333) + (lanes >> 2 & 0x33333333);
	lanes = (lanes + (lanes >> 4)) & 0x0f0f0f0f;
	return lanes * 0x01010101 >> 24;
}

static void account(struct cu *cu, struct group *g)
{
	uint64_t lanes = atomic_load_explicit(&cu->lane_instructions, memory_order_relaxed);
	const unsigned int active = count_lanes(g->lanes);

	lanes += (uint64_t)g->count * active;
	atomic_store_explicit(&cu->lane_instructions, lanes, memory_order_relaxed);
	cu->instructions += g->count;
	cu->budget -= g->count;
	cu->bytes_read += (uint64_t)g->read * active;
	cu->bytes_written += (uint64_t)g->written * active;
	g->count = 0;
	g->read = 0;
	g->written = 0;
}

static void set_pc(struct cu_wave *w, uint32_t lanes, uint64_t pc)
{
	for (uint32_t left = lanes; left; left &= left - 1)
		w->pc[__builtin_ctz(left)] = pc;
}

/* All others have ended or come to a barrier. */
static void leave_barrier(struct cu_wave *w, struct group *g)
{
	for (uint32_t left = g->at_barrier; left; left &= left - 1)
		w->pc[__builtin_ctz(left)] += 4;
	g->at_barrier = 0;
}

/* Choose the lanes to execute; false if none can go on. */
static bool form_group(struct cu *cu, struct cu_wave *w, struct group *g)
{
	uint32_t ready, ignored;

	for (;;) {
		ready = w->live & ~w->barrier & ~g->parked & ~g->at_barrier;
		g->together = !ready;
		if (!ready)
			ready = g->parked;
		if (!ready && g->at_barrier) {
			leave_barrier(w, g);
			continue;
		}
		if (!ready)
			return false;
		g->pc = cu->vec->lowest(w->pc, ready, &g->lanes);
		if (g->pc != OGPU_CU_EXIT)
			break;
		w->live &= ~g->lanes;
	}
	g->parked &= ~g->lanes;
	g->wait = UINT64_MAX;
	if (ready != g->lanes && !g->together)
		g->wait = cu->vec->lowest(w->pc, ready & ~g->lanes, &ignored);
	cu->vec->expand_mask(w->mask, g->lanes);
	return true;
}

/*
 * Some lanes branch and some do not: those at the lower pc go on. Lanes that wait already at that
 * place or below it are found by form_group().
 */
static void part(struct cu *cu, struct cu_wave *w, struct group *g, uint32_t taken,
		 uint64_t target, uint64_t next)
{
	uint32_t behind = target < next ? g->lanes & ~taken : taken;
	uint64_t behind_pc = target < next ? next : target;

	account(cu, g);
	set_pc(w, behind, behind_pc);
	g->pc = target < next ? target : next;
	g->lanes &= ~behind;
	if (behind_pc < g->wait)
		g->wait = behind_pc;
	cu->vec->expand_mask(w->mask, g->lanes);
}

/* A conversion to an integer in a mode that all lanes share. */
static bool round_all(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn)
{
	uint64_t whole[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t result[VGPU_LANES] __attribute__((aligned(64)));
	const unsigned int rm = insn->aux == CU_DYN ? CU_RNE : insn->aux;
	const unsigned int format = (insn->op - CU_FCVT_W_S) / 4, to = (insn->op - CU_FCVT_W_S) % 4;

	if (insn->op < CU_FCVT_W_S || insn->op > CU_FCVT_LU_H || rm > CU_RMM ||
	    (insn->aux == CU_DYN && w->frm_changed))
		return false;
	cu->vec->integral[format][rm](whole, cu_row(cu, w, insn->rs1));
	cu->vec->alu[CU_FCVT_W_D + to](result, whole, whole, whole, 0);
	cu_put(cu, w, insn->rd, result);
	return true;
}

static bool round_lanes(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn,
			uint32_t lanes)
{
	uint64_t result[VGPU_LANES] __attribute__((aligned(64))) = { 0 };
	const uint64_t *a = cu_row(cu, w, insn->rs1), *b = cu_row(cu, w, insn->rs2);
	const uint64_t *c = cu_row(cu, w, insn->rs3);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned int lane = __builtin_ctz(left);
		unsigned int rm = insn->aux == CU_DYN ? w->frm[lane] : insn->aux;

		if (rm > CU_RMM)
			return false;
		result[lane] = cu_fp_round(insn->op, rm, a[lane], b[lane], c[lane]);
		cu->budget--;
	}
	cu_put(cu, w, insn->rd, result);
	return true;
}

/* The lanes that take a branch. */
static uint32_t branch(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn,
		       uint32_t lanes)
{
	const unsigned int forms = w->form[insn->rs1] & w->form[insn->rs2];
	uint32_t taken;

	if (forms & CU_UNIFORM)
		return cu_compare(insn->op, w->affine[insn->rs1].base[0],
				  w->affine[insn->rs2].base[0]) ? lanes : 0;
	if (forms & CU_AFFINE && cu_affine_branch(w, insn, &taken))
		return taken & lanes;
	return cu->vec->branch[insn->op - CU_BEQ](cu_row(cu, w, insn->rs1),
						  cu_row(cu, w, insn->rs2)) & lanes;
}

/* Where each lane goes at a JALR; true if all go to the same place, which is *target. */
static bool jump_targets(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn,
			 uint32_t lanes, uint64_t *t, uint64_t *target)
{
	unsigned int first = __builtin_ctz(lanes);
	enum cu_pattern pattern;

	if (cu_is_uniform(w, insn->rs1)) {
		*target = (w->affine[insn->rs1].base[0] + (int64_t)insn->imm) & ~1ull;
		return true;
	}
	pattern = cu->vec->address(t, cu_row(cu, w, insn->rs1), insn->imm, 1, w->mask, first);

	*target = t[first] & ~1ull;
	return pattern == CU_PATTERN_UNIFORM || lanes == 1u << first;
}

static void arithmetic(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn,
		       uint32_t lanes)
{
	uint64_t tmp[VGPU_LANES] __attribute__((aligned(64)));
	const bool all = lanes == w->live;
	unsigned int forms = all ? w->form[insn->rs1] : 0;
	const uint64_t *a, *b, *c;

	if (forms & CU_AFFINE)
		forms &= w->form[insn->rs2] & w->form[insn->rs3];
	if (forms & CU_AFFINE) {
		struct cu_affine *rd = &w->affine[insn->rd];
		const struct cu_affine *x = &w->affine[insn->rs1], *y = &w->affine[insn->rs2];

		if (forms & CU_UNIFORM) {
			cu->vec->one[insn->op](rd, x, y, &w->affine[insn->rs3], insn->imm);
			w->form[insn->rd] = CU_AFFINE | CU_UNIFORM;
			return;
		}
		if (insn->op < CU_AFFINE_OPS && cu->vec->affine[insn->op] &&
		    cu->vec->affine[insn->op](rd, x, y, insn->imm)) {
			w->form[insn->rd] = CU_AFFINE;
			return;
		}
	}
	a = cu_row(cu, w, insn->rs1);
	b = cu_row(cu, w, insn->rs2);
	c = cu_row(cu, w, insn->rs3);
	if (all) {
		cu->vec->alu[insn->op](cu_new_row(w, insn->rd), a, b, c, insn->imm);
		return;
	}
	cu->vec->alu[insn->op](tmp, a, b, c, insn->imm);
	cu_put(cu, w, insn->rd, tmp);
}

/* A fence on a unit with a data cache: what has to be written before, and read anew after. */
static void fence(struct cu *cu, const struct cu_insn *insn)
{
	if (insn->raw & FENCE_PRED_W)
		mmu_cache_clean(&cu->mmu);
	if (insn->raw & FENCE_SUCC_R)
		mmu_cache_drop(&cu->mmu);
}

static enum cu_result fail(struct cu *cu, struct cu_wave *w, struct group *g,
			   const struct cu_insn *insn, enum ogpu_queue_error error)
{
	set_pc(w, g->lanes, g->pc);
	account(cu, g);
	if (error)
		cu->error.error = error;
	cu->error.item = true;
	cu->error.pc = g->pc;
	cu->error.insn = insn ? insn->raw : 0;
	return CU_FAILED;
}

/*
 * A branch on purpose, which the host predicts: with a sum it would begin with an instruction only
 * when it has loaded the length of the one before.
 */
static inline const struct cu_insn *next_insn(const struct cu_insn *insn)
{
	if (insn->len == 2) {
		insn++;
		__asm__ volatile("" : "+r" (insn));
		return insn;
	}
	return insn + 2;
}

/**
 * cu_run() - Execute a wave.
 * @cu: unit, inside the memory bracket
 * @w: wave
 *
 * Return: CU_DONE when no lane can go on (ended or at a barrier), CU_PAUSED when the budget is used
 * up, CU_FAILED with cu->error set.
 */
enum cu_result cu_run(struct cu *cu, struct cu_wave *w)
{
	uint64_t tmp[VGPU_LANES] __attribute__((aligned(64)));
	const struct cu_insn *insn;
	struct cu_code *code;
	struct group g = { .count = 0 };
	uint64_t target;
	uint32_t taken;

regroup:
	account(cu, &g);
	if (!form_group(cu, w, &g))
		return CU_DONE;
fetch:
	if (cu->budget <= (int64_t)g.count) {
		set_pc(w, g.lanes, g.pc);
		account(cu, &g);
		return CU_PAUSED;
	}
	if (g.pc == OGPU_CU_EXIT) {
		w->live &= ~g.lanes;
		goto regroup;
	}
	code = cu_code_page(cu, g.pc);
	if (!code)
		return fail(cu, w, &g, NULL, OGPU_QERR_NONE);
	insn = &code->insn[(g.pc & LOW_12) / 2];

	for (;;) {
		g.count++;
dispatch:
		if (insn->op > CU_UNKNOWN && insn->op < CU_VEC_OPS) {
			if (insn->op >= CU_FADD_S && insn->size &&
			    (insn->size == CU_NATIVE_NEVER || w->frm_changed)) {
				if (!round_all(cu, w, insn) &&
				    !round_lanes(cu, w, insn, g.lanes))
					return fail(cu, w, &g, insn, OGPU_QERR_INSTRUCTION);
				goto charged;
			}
			arithmetic(cu, w, insn, g.lanes);
			goto next;
		}
		switch (insn->op) {
		case CU_UNKNOWN:
			insn = cu_code_decode(cu, code, g.pc);
			goto dispatch;
		case CU_SPLIT:
			insn = cu_code_decode_split(cu, code, g.pc);
			if (!insn)
				return fail(cu, w, &g, NULL, OGPU_QERR_NONE);
			goto dispatch;
		case CU_PAGE_END:
			g.count--;
			goto fetch;
		case CU_AUIPC:
			cu_put_one(cu, w, insn->rd, g.pc + (int64_t)insn->imm, g.lanes);
			break;
		case CU_BEQ:
		case CU_BNE:
		case CU_BLT:
		case CU_BGE:
		case CU_BLTU:
		case CU_BGEU:
			taken = branch(cu, w, insn, g.lanes);
			if (!taken)
				break;
			target = g.pc + (int64_t)insn->imm;
			if (taken == g.lanes)
				goto jump;
			part(cu, w, &g, taken, target, g.pc + insn->len);
			target = g.pc;
			goto jump;
		case CU_JAL:
			target = g.pc + (int64_t)insn->imm;
			if (insn->rd != CU_REG_SINK)
				cu_put_one(cu, w, insn->rd, g.pc + insn->len, g.lanes);
			goto jump;
		case CU_JALR:
			if (!jump_targets(cu, w, insn, g.lanes, tmp, &target)) {
				cu_put_one(cu, w, insn->rd, g.pc + insn->len, g.lanes);
				for (uint32_t left = g.lanes; left; left &= left - 1) {
					unsigned int lane = __builtin_ctz(left);

					w->pc[lane] = tmp[lane] & ~1ull;
				}
				goto regroup;
			}
			cu_put_one(cu, w, insn->rd, g.pc + insn->len, g.lanes);
			goto jump;
		case CU_LB:
		case CU_LH:
		case CU_LW:
		case CU_LD:
		case CU_LBU:
		case CU_LHU:
		case CU_LWU:
		case CU_FLW:
		case CU_FLH:
			if (!cu_load(cu, w, insn, g.lanes))
				return fail(cu, w, &g, insn, OGPU_QERR_NONE);
			g.read += insn->size;
			goto accessed;
		case CU_SB:
		case CU_SH:
		case CU_SW:
		case CU_SD:
			if (!cu_store(cu, w, insn, g.lanes))
				return fail(cu, w, &g, insn, OGPU_QERR_NONE);
			g.written += insn->size;
			goto accessed;
		case CU_LR:
		case CU_SC:
		case CU_AMO:
			if (!cu_atomic(cu, w, insn, g.lanes))
				return fail(cu, w, &g, insn, OGPU_QERR_NONE);
			g.read += insn->op == CU_SC ? 0 : insn->size;
			g.written += insn->op == CU_LR ? 0 : insn->size;
			goto accessed;
		case CU_WAVE:
			if (insn->aux == OGPU_WAVE_BARRIER ||
			    (!g.together && g.lanes != (w->live & ~w->barrier))) {
				set_pc(w, g.lanes, g.pc);
				if (insn->aux == OGPU_WAVE_BARRIER)
					g.at_barrier |= g.lanes;
				else
					g.parked |= g.lanes;
				goto regroup;
			}
			cu_wave_op(cu, w, insn, g.lanes);
			/* Others may be parked further on: now they have somebody to wait for. */
			set_pc(w, g.lanes, g.pc + insn->len);
			goto regroup;
		case CU_CSR:
			/* cycle and instret count this one, too. */
			account(cu, &g);
			if (!cu_csr(cu, w, insn, g.lanes))
				return fail(cu, w, &g, insn, OGPU_QERR_INSTRUCTION);
			break;
		case CU_FENCE:
			atomic_thread_fence(memory_order_seq_cst);
			if (cu->strict)
				fence(cu, insn);
			goto accessed;
		case CU_FENCE_I:
			mmu_cache_clean(&cu->mmu);
			cu->budget -= mmu_take_work(&cu->mmu);
			cu->code_epoch++;
			cu->group->fenced = true;
			set_pc(w, g.lanes, g.pc + insn->len);
			goto regroup;
		case CU_ECALL:
			set_pc(w, g.lanes, g.pc + insn->len);
			w->barrier |= g.lanes;
			goto regroup;
		case CU_EBREAK:
			return fail(cu, w, &g, insn, OGPU_QERR_TRAP);
		default:
			return fail(cu, w, &g, insn, OGPU_QERR_INSTRUCTION);
		}
accessed:
		/* Slow accesses use up the budget faster than instructions do. */
		cu->budget -= mmu_take_work(&cu->mmu);
charged:
		if (cu->budget > (int64_t)g.count)
			goto next;
		set_pc(w, g.lanes, g.pc + insn->len);
		goto regroup;
next:
		g.pc += insn->len;
		if (g.pc >= g.wait) {
			set_pc(w, g.lanes, g.pc);
			goto regroup;
		}
		if (insn == &cu->split)
			goto fetch;
		insn = next_insn(insn);
		continue;
jump:
		if (target >= g.wait) {
			set_pc(w, g.lanes, target);
			goto regroup;
		}
		g.pc = target;
		if (code->page != target >> 12 || cu->budget <= (int64_t)g.count)
			goto fetch;
		insn = &code->insn[(target & LOW_12) / 2];
	}
}
