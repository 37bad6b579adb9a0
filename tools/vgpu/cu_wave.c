// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Wave operations: lanes that do one together see each other's operands. */
#include "abi/cu.h"
#include "cu.h"
#include "cu_fp.h"

static uint64_t sext32(uint64_t v)
{
	return (uint64_t)(int64_t)(int32_t)v;
}

static float single(uint64_t v)
{
	return cu_from_s(CU_BOX | (uint32_t)v);
}

/* Of two numbers the one that FMIN.S or FMAX.S gives. */
static uint64_t pick_single(struct cu *cu, unsigned int op, uint64_t a, uint64_t b)
{
	const struct cu_affine x = { .base = { CU_BOX | (uint32_t)a } };
	const struct cu_affine y = { .base = { CU_BOX | (uint32_t)b } };
	struct cu_affine r;

	cu->vec->one[op == OGPU_WAVE_MIN ? CU_FMIN_S : CU_FMAX_S](&r, &x, &y, &x, 0);
	return sext32(r.base[0]);
}

static uint64_t combine(struct cu *cu, const struct cu_insn *insn, uint64_t a, uint64_t b)
{
	bool first;

	switch (insn->size) {
	case OGPU_WAVE_F32:
		if (insn->aux != OGPU_WAVE_ADD)
			return pick_single(cu, insn->aux, a, b);
		return sext32(cu_to_s(single(a) + single(b)));
	case OGPU_WAVE_S32:
		first = (int64_t)a < (int64_t)b;
		break;
	default:
		/* Sign-extended words keep their order. */
		first = a < b;
		break;
	}
	if (insn->aux == OGPU_WAVE_ADD)
		return insn->size == OGPU_WAVE_U64 ? a + b : sext32(a + b);
	return first == (insn->aux == OGPU_WAVE_MIN) ? a : b;
}

static uint64_t reduce(struct cu *cu, const struct cu_insn *insn, const uint64_t *v,
		       uint32_t lanes)
{
	const bool word = insn->size != OGPU_WAVE_U64;
	unsigned int lane = __builtin_ctz(lanes);
	uint64_t r = word ? sext32(v[lane]) : v[lane];

	for (uint32_t left = lanes & (lanes - 1); left; left &= left - 1) {
		lane = __builtin_ctz(left);
		r = combine(cu, insn, r, word ? sext32(v[lane]) : v[lane]);
	}
	return r;
}

/**
 * cu_wave_op() - One wave operation.
 * @cu: unit
 * @w: wave
 * @insn: the instruction
 * @lanes: active lanes, as in w->mask
 */
void cu_wave_op(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	const uint64_t *v = cu_row(cu, w, insn->rs1), *from = cu_row(cu, w, insn->rs2);
	uint64_t r[VGPU_LANES] __attribute__((aligned(64)));
	uint32_t ballot = 0;

	switch (insn->aux) {
	case OGPU_WAVE_BALLOT:
		for (uint32_t left = lanes; left; left &= left - 1)
			ballot |= (v[__builtin_ctz(left)] ? left & -left : 0);
		cu_put_one(cu, w, insn->rd, ballot, lanes);
		break;
	case OGPU_WAVE_FIRST:
		cu_put_one(cu, w, insn->rd, v[__builtin_ctz(lanes)], lanes);
		break;
	case OGPU_WAVE_SHUFFLE:
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
			unsigned int other = from[lane] % VGPU_LANES;

			r[lane] = lanes >> other & 1 ? v[other] : v[lane];
		}
		cu_put(cu, w, insn->rd, r);
		break;
	default:
		cu_put_one(cu, w, insn->rd, reduce(cu, insn, v, lanes), lanes);
		break;
	}
}
