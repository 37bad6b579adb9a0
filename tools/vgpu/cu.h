/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A compute unit: runs workgroups, 32 work-items (a wave) in lockstep.
 *
 * The lanes of a wave share one decoded instruction. When they part at a branch, each lane has a pc
 * of its own; the group of lanes at the lowest pc goes first and takes in others as it meets them.
 * Waves of a workgroup take turns, so one that waits for another by looking at memory is
 * served; lanes of one wave that do so may wait forever (until killed).
 *
 * A struct cu_group is a workgroup under way: all that it is, wherever it runs. A struct cu is what
 * runs it: translations, decoded code, and the budget of one thread. A workgroup may go from one to
 * another whenever its budget is used up.
 */
#ifndef OGPU_VGPU_CU_H
#define OGPU_VGPU_CU_H

#include "cu_insn.h"
#include "cu_vec.h"
#include "cu_limits.h"
#include "mmu.h"

#define CU_ALL_LANES	0xffffffffu
#define CU_CODE_PAGES	16
#define CU_PAGE_INSNS	(MMU_PAGE / 2)
/*
 * Instructions between two looks at the outside world, about 0.1 ms. What takes longer than a
 * vector instruction counts for more: it is made of steps of some tens of nanoseconds, and the
 * worst single instruction (64 walks through page tables in host memory) takes less than 1 ms.
 */
#define CU_BUDGET	2048
#define CU_NO_RESERVATION	UINT64_MAX
#define CU_MAX_WAVES	(VGPU_MAX_WORKGROUP / VGPU_LANES)

/* What a DISPATCH packet asks for; checked by the command processor. */
struct cu_launch {
	uint32_t asid;
	uint64_t entry, args;
	uint32_t grid[3], group[3];	/* workgroups to run, work-items of one */
	uint32_t base[3], total[3];	/* ids of the first; workgroups that work-items are told */
	uint32_t local_bytes, private_bytes;
};

static inline uint32_t cu_launch_items(const struct cu_launch *launch)
{
	return launch->group[0] * launch->group[1] * launch->group[2];
}

static inline uint32_t cu_launch_waves(const struct cu_launch *launch)
{
	return (cu_launch_items(launch) + VGPU_LANES - 1) / VGPU_LANES;
}

/* Private memory of a wave. */
static inline uint64_t cu_launch_private(const struct cu_launch *launch)
{
	return (uint64_t)VGPU_LANES * launch->private_bytes;
}

struct cu_error {
	enum ogpu_queue_error error;
	struct mmu_fault fault;		/* OGPU_QERR_MEMORY */
	bool area;			/* of the save area, where private memory is */
	bool item;			/* a work-item is to blame: at pc, for insn */
	uint64_t pc;
	uint32_t insn;
	bool replay;			/* all is saved, and the access may be made again */
};

/* A page of code: a copy of its bytes, and what they mean. */
struct cu_code {
	uint64_t page;			/* va >> 12 */
	uint32_t asid;
	uint64_t since;			/* engines_code_count() of then or later */
	uint64_t epoch;			/* of the last comparison with memory, 0: none */
	uint64_t written;		/* registers that the decoded instructions write */
	uint8_t raw[MMU_PAGE];
	struct cu_insn insn[CU_PAGE_INSNS + 1];	/* the last one is CU_PAGE_END */
};

/*
 * Where a register's value is: in its row of reg, in affine form, or in both. Rows are made when
 * somebody needs them: see cu_row().
 */
#define CU_ROW		1
#define CU_AFFINE	2
#define CU_UNIFORM	4	/* and moreover one value in all lanes; never without CU_AFFINE */

struct cu_wave {
	uint64_t reg[CU_REGS][VGPU_LANES] __attribute__((aligned(64)));
	struct cu_affine affine[CU_REGS];
	uint8_t form[CU_REGS];		/* where the value of each register is: CU_ROW ... */
	bool id_is_affine[3];		/* and then the local ids are: */
	struct cu_affine id_affine[3];
	uint64_t mask[VGPU_LANES] __attribute__((aligned(64)));	/* ones: lane takes part */
	uint64_t pc[VGPU_LANES];	/* of lanes that do not take part */
	uint64_t reserved[VGPU_LANES];	/* LR: address and size, and the value that was there */
	uint64_t reserved_value[VGPU_LANES];
	uint64_t id[3][VGPU_LANES];	/* local ids */
	uint8_t frm[VGPU_LANES];
	bool frm_changed;		/* some lane's frm is not CU_RNE */
	bool reservations;		/* some lane may have one */
	uint32_t lanes;			/* work-items that this wave has in a fresh workgroup */
	uint32_t live;			/* not ended yet */
	uint32_t barrier;		/* waiting at a barrier */
	/* Address operand of private memory: 8-byte granules, every 32nd is the same lane's. */
	uint64_t private_at;
};

/* A workgroup that has started and not ended. */
struct cu_group {
	struct cu_group *next;		/* in whatever list it is */
	const struct cu_launch *launch;
	uint64_t index;			/* in the grid, x running fastest */
	uint64_t dirty;			/* registers that may not be zero in some wave */
	uint64_t instructions;
	const struct cu *last;		/* unit that ran it last */
	bool fenced;			/* it has executed fence.i */
	uint32_t shape[3];		/* of the workgroup for which its waves are numbered */
	uint32_t frame;			/* of the save area */
	uint32_t turn;			/* wave to go on with */
	uint32_t waves;
	uint32_t waves_allocated;
	uint32_t local_allocated;
	uint8_t *local_mem;
	struct cu_wave *wave[CU_MAX_WAVES];
};

struct cu {
	struct vgpu *gpu;
	const struct cu_vec *vec;
	struct cu_error error;
	int64_t budget;
	bool strict;			/* code and data are kept as long as the contract allows */
	bool acquire;			/* no data of before the next cu_enter() */
	uint64_t code_epoch;		/* code pages compared in an older one need it again */
	uint64_t code_tlbis;		/* invalidations that the code pages know of */
	_Atomic uint64_t lane_instructions;
	uint64_t bytes_read, bytes_written;	/* by instructions, since the beginning */
	struct cu *next;		/* in the list of idle ones */
	uint64_t served;		/* number of the dispatch that it ran last */
	struct cu_code *code[CU_CODE_PAGES];
	struct cu_insn split;		/* the one across two pages */
	struct mmu mmu;

	/* Of the workgroup that it runs, see cu_attach(). */
	struct cu_group *group;
	const struct cu_launch *launch;
	uint64_t dirty;
	uint64_t instructions;
	uint32_t group_id[3];
	uint32_t waves;
	uint8_t *local_mem;
	struct cu_wave **wave;
};

enum cu_result {
	CU_DONE,	/* cu_run(): no lane can go on; cu_step(): all work-items ended */
	CU_PAUSED,	/* budget used up */
	CU_FAILED,	/* see error */
};

/* cu.c */
struct cu *cu_create(struct vgpu *gpu, const _Atomic uint64_t *as_table);
void cu_destroy(struct cu *cu);
struct cu_group *cu_group_create(void);
void cu_group_destroy(struct cu_group *g);
bool cu_group_init(struct cu_group *g, const struct cu_launch *launch, uint64_t private_at);
void cu_attach(struct cu *cu, struct cu_group *g, bool other);
void cu_detach(struct cu *cu);
void cu_enter(struct cu *cu);
void cu_leave(struct cu *cu);
void cu_start(struct cu *cu, uint64_t index);
enum cu_result cu_step(struct cu *cu);

/* cu_run.c */
enum cu_result cu_run(struct cu *cu, struct cu_wave *w);

/* cu_affine.c */
bool cu_affine_branch(const struct cu_wave *w, const struct cu_insn *insn, uint32_t *taken);
void cu_put_affine(struct cu_wave *w, unsigned int rd, const struct cu_affine *a);
bool cu_find_affine(const uint64_t *row, struct cu_affine *a);
void cu_read_register(const struct cu_wave *w, unsigned int r, uint64_t *row);
void cu_write_register(struct cu_wave *w, unsigned int r, const uint64_t *row);

/* cu_code.c */
void cu_code_begin(struct cu *cu);
void cu_code_enter(struct cu *cu);
struct cu_code *cu_code_page(struct cu *cu, uint64_t pc);
struct cu_insn *cu_code_decode(struct cu *cu, struct cu_code *code, uint64_t pc);
struct cu_insn *cu_code_decode_split(struct cu *cu, struct cu_code *code, uint64_t pc);

/* cu_mem.c: lanes are those that do it; false: error is set but for pc and insn */
bool cu_load(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes);
bool cu_store(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes);

/* cu_atomic.c */
bool cu_atomic(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes);
uint8_t *cu_lane_ptr(struct cu *cu, struct cu_wave *w, unsigned int lane, uint64_t va,
		     unsigned int size, uint32_t direct);
bool cu_fault(struct cu *cu, uint64_t va, enum ogpu_access access, enum ogpu_fault_reason reason);

/* cu_wave.c */
void cu_wave_op(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes);

/* cu_csr.c */
bool cu_csr(struct cu *cu, struct cu_wave *w, const struct cu_insn *insn, uint32_t lanes);

/* The lanes of a register, which may be in affine form only. */
static inline const uint64_t *cu_row(struct cu *cu, struct cu_wave *w, unsigned int r)
{
	if (!(w->form[r] & CU_ROW)) {
		cu->vec->spread(w->reg[r], &w->affine[r]);
		w->form[r] |= CU_ROW;
	}
	return w->reg[r];
}

static inline bool cu_is_uniform(const struct cu_wave *w, unsigned int r)
{
	return w->form[r] & CU_UNIFORM;
}

/* The row of a register all of whose lanes get a new value. */
static inline uint64_t *cu_new_row(struct cu_wave *w, unsigned int rd)
{
	w->form[rd] = CU_ROW;
	return w->reg[rd];
}

/* A register gets one value in all lanes. */
static inline void cu_put_uniform(struct cu *cu, struct cu_wave *w, unsigned int rd, uint64_t v)
{
	cu->vec->uniform(&w->affine[rd], v);
	w->form[rd] = CU_AFFINE | CU_UNIFORM;
}

/* Write the result of an operation, for some lanes only if others have to keep theirs. */
static inline void cu_put(struct cu *cu, struct cu_wave *w, unsigned int rd, const uint64_t *v)
{
	cu_row(cu, w, rd);
	cu->vec->blend(cu_new_row(w, rd), v, w->mask);
}

/* The same for a result that is one value. */
static inline void cu_put_one(struct cu *cu, struct cu_wave *w, unsigned int rd, uint64_t v,
			      uint32_t lanes)
{
	uint64_t all[VGPU_LANES] __attribute__((aligned(64)));

	if (lanes == w->live) {
		cu_put_uniform(cu, w, rd, v);
		return;
	}
	cu->vec->splat(all, v);
	cu_put(cu, w, rd, all);
}

/* Whether a branch is taken. */
static inline bool cu_compare(enum cu_op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case CU_BEQ:
		return a == b;
	case CU_BNE:
		return a != b;
	case CU_BLT:
		return (int64_t)a < (int64_t)b;
	case CU_BGE:
		return (int64_t)a >= (int64_t)b;
	case CU_BLTU:
		return a < b;
	default:
		return a >= b;
	}
}

#endif
