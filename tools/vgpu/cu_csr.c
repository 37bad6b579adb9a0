// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Control and status registers of the work-items: what abi/cu.h lists, the floating-point ones
 * (exception flags read as zero), and the user-mode counters.
 */
#include "abi/cu.h"
#include "cu.h"

#define CSR_FFLAGS	0x001
#define CSR_FRM		0x002
#define CSR_FCSR	0x003
#define CSR_CYCLE	0xc00
#define CSR_TIME	0xc01
#define CSR_INSTRET	0xc02

/* Values that are the same for all lanes. */
static bool read_common(struct cu *cu, uint32_t csr, uint64_t *value)
{
	const struct cu_launch *launch = cu->launch;

	switch (csr) {
	case OGPU_CSR_GROUP_ID_X:
	case OGPU_CSR_GROUP_ID_Y:
	case OGPU_CSR_GROUP_ID_Z:
		*value = cu->group_id[csr - OGPU_CSR_GROUP_ID_X];
		return true;
	case OGPU_CSR_LOCAL_SIZE_X:
	case OGPU_CSR_LOCAL_SIZE_Y:
	case OGPU_CSR_LOCAL_SIZE_Z:
		*value = launch->group[csr - OGPU_CSR_LOCAL_SIZE_X];
		return true;
	case OGPU_CSR_NUM_GROUPS_X:
	case OGPU_CSR_NUM_GROUPS_Y:
	case OGPU_CSR_NUM_GROUPS_Z:
		*value = launch->total[csr - OGPU_CSR_NUM_GROUPS_X];
		return true;
	case OGPU_CSR_LANES:
		*value = VGPU_LANES;
		return true;
	case OGPU_CSR_LOCAL_BYTES:
		*value = launch->local_bytes;
		return true;
	case CSR_CYCLE:
	case CSR_INSTRET:
		*value = cu->instructions;
		return true;
	case CSR_TIME:
		*value = vgpu_time_ns(cu->gpu);
		return true;
	case CSR_FFLAGS:
		*value = 0;
		return true;
	default:
		return false;
	}
}

static bool read_csr(struct cu *cu, struct cu_wave *w, uint32_t csr, uint64_t *value)
{
	uint64_t base = 0;
	unsigned int axis;

	if (csr >= OGPU_CSR_GLOBAL_ID_X && csr <= OGPU_CSR_LOCAL_ID_Z) {
		axis = (csr - OGPU_CSR_GLOBAL_ID_X) % 3;
		if (csr < OGPU_CSR_LOCAL_ID_X)
			base = (uint64_t)cu->group_id[axis] * cu->launch->group[axis];
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
			value[lane] = base + w->id[axis][lane];
		return true;
	}
	if (csr == OGPU_CSR_LANE) {
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
			value[lane] = lane;
		return true;
	}
	if (csr == CSR_FRM || csr == CSR_FCSR) {
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
			value[lane] = (uint64_t)w->frm[lane] << (csr == CSR_FCSR ? 5 : 0);
		return true;
	}
	if (!read_common(cu, csr, value))
		return false;
	cu->vec->splat(value, *value);
	return true;
}

static void set_frm(struct cu_wave *w, uint32_t csr, const uint64_t *value, uint32_t lanes)
{
	w->frm_changed = false;
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
		if (lanes >> lane & 1)
			w->frm[lane] = value[lane] >> (csr == CSR_FCSR ? 5 : 0) & 7;
		if (w->live >> lane & 1 && w->frm[lane] != CU_RNE)
			w->frm_changed = true;
	}
}

/* Ids of work-items that lie so that they need no row. */
static bool read_affine(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn)
{
	const uint32_t csr = insn->imm;
	const unsigned int axis = (csr - OGPU_CSR_GLOBAL_ID_X) % 3;
	struct cu_affine ids = w->id_affine[axis];

	if (csr < OGPU_CSR_GLOBAL_ID_X || csr > OGPU_CSR_LOCAL_ID_Z || !w->id_is_affine[axis])
		return false;
	for (unsigned int run = 0; run < CU_RUNS && csr < OGPU_CSR_LOCAL_ID_X; run++)
		ids.base[run] += (uint64_t)cu->group_id[axis] * cu->launch->group[axis];
	cu_put_affine(w, insn->rd, &ids);
	return true;
}

/**
 * cu_csr() - CSRRW, CSRRS, CSRRC and their immediate forms.
 * @cu: unit
 * @w: wave
 * @insn: the instruction
 * @lanes: lanes that take part, as in w->mask
 *
 * Return: false if it is an illegal instruction.
 */
bool cu_csr(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes)
{
	uint64_t old[VGPU_LANES] __attribute__((aligned(64)));
	uint64_t new[VGPU_LANES];
	const uint32_t csr = insn->imm;
	const uint64_t *operand = insn->aux & 4 ? NULL : cu_row(cu, w, insn->rs1);
	const bool writes = (insn->aux & 3) == 1 || insn->rs1;

	if (!writes && read_common(cu, csr, old)) {
		cu_put_one(cu, w, insn->rd, *old, lanes);
		return true;
	}
	if (!writes && lanes == w->live && read_affine(cu, w, insn))
		return true;
	if (!read_csr(cu, w, csr, old))
		return false;
	if (writes) {
		if (csr > CSR_FCSR)
			return false;
		for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
			uint64_t v = operand ? operand[lane] : insn->rs1;

			switch (insn->aux & 3) {
			case 1:
				new[lane] = v;
				break;
			case 2:
				new[lane] = old[lane] | v;
				break;
			default:
				new[lane] = old[lane] & ~v;
				break;
			}
		}
		if (csr != CSR_FFLAGS)
			set_frm(w, csr, new, lanes);
	}
	cu_put(cu, w, insn->rd, old);
	return true;
}
