// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Registers in affine form, which are constants, work-item ids, and addresses made of them: what is
 * no operation of cu_vec.h. To and from rows of lanes, and branches.
 */
#include <string.h>

#include "cu.h"

#define LAST	(CU_RUN - 1)	/* lane of a run */

/* Whether a run does not pass the end of its number range. */
static bool in_order(uint64_t first, uint64_t last, uint64_t step, bool is_signed)
{
	const uint64_t bias = is_signed ? 1ull << 63 : 0;
	const uint64_t size = step >> 63 ? 0 - step : step;

	return size < 1ull << 60 && (step >> 63 ? (last ^ bias) <= (first ^ bias) :
						  (last ^ bias) >= (first ^ bias));
}

/**
 * cu_affine_branch() - Which lanes take a branch.
 * @w: wave
 * @insn: a branch whose operands are in affine form
 * @taken: result
 *
 * Return: false if that is not known from the ends of the runs.
 */
bool cu_affine_branch(const struct cu_wave *w, const struct cu_insn *insn, uint32_t *taken)
{
	const struct cu_affine *a = &w->affine[insn->rs1], *b = &w->affine[insn->rs2];
	const uint64_t s = a->step, t = b->step;
	const bool equality = insn->op == CU_BEQ || insn->op == CU_BNE;
	const bool is_signed = insn->op == CU_BLT || insn->op == CU_BGE;

	if (equality && s != t)
		return false;
	*taken = 0;
	for (unsigned int run = 0; run < CU_RUNS; run++) {
		const uint64_t x = a->base[run], last_x = x + LAST * s;
		const uint64_t y = b->base[run], last_y = y + LAST * t;
		const bool first = cu_compare(insn->op, x, y);

		if (!equality && (!in_order(x, last_x, s, is_signed) ||
				  !in_order(y, last_y, t, is_signed) ||
				  cu_compare(insn->op, last_x, last_y) != first))
			return false;
		if (first)
			*taken |= ((1u << CU_RUN) - 1) << run * CU_RUN;
	}
	return true;
}

/**
 * cu_put_affine() - A register gets a value in affine form.
 * @w: wave
 * @rd: register
 * @a: value
 */
void cu_put_affine(struct cu_wave *w, unsigned int rd, const struct cu_affine *a)
{
	uint64_t apart = a->step;

	for (unsigned int run = 1; run < CU_RUNS; run++)
		apart |= a->base[run] ^ a->base[0];
	w->affine[rd] = *a;
	w->form[rd] = apart ? CU_AFFINE : CU_AFFINE | CU_UNIFORM;
}

/**
 * cu_find_affine() - The affine form of a row, if it has one.
 * @row: values of the lanes
 * @a: result
 *
 * Return: false if the lanes are not like that.
 */
bool cu_find_affine(const uint64_t *row, struct cu_affine *a)
{
	a->step = row[1] - row[0];
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
		if (lane % CU_RUN == 0)
			a->base[lane / CU_RUN] = row[lane];
		else if (row[lane] != row[lane - 1] + a->step)
			return false;
	}
	return true;
}

/**
 * cu_read_register() - A register's values in all lanes.
 * @w: wave
 * @r: register
 * @row: where to put them
 */
void cu_read_register(const struct cu_wave *w, unsigned int r, uint64_t *row)
{
	if (w->form[r] & CU_ROW)
		memcpy(row, w->reg[r], sizeof(w->reg[r]));
	else
		cu_vec_base.spread(row, &w->affine[r]);
}

/**
 * cu_write_register() - Set a register in all lanes.
 * @w: wave
 * @r: register, not x0
 * @row: values
 */
void cu_write_register(struct cu_wave *w, unsigned int r, const uint64_t *row)
{
	struct cu_affine a;

	if (cu_find_affine(row, &a))
		cu_put_affine(w, r, &a);
	else
		memcpy(cu_new_row(w, r), row, sizeof(w->reg[r]));
}
