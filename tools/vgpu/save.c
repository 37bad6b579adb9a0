// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Workgroups to and from the save area (abi/save.h).
 *
 * The area belongs to whoever has the queue, who may write anything there at any time: each frame
 * is copied before it is checked, and nothing in it is used as an address or a size.
 */
#include <string.h>

#include "abi/save.h"
#include "save.h"

/* A wave as it lies in a frame. */
struct frame_wave {
	uint64_t reg[OGPU_SAVE_REGS][VGPU_LANES];
	uint64_t pc[VGPU_LANES];
	struct ogpu_save_wave state;
	uint8_t frm[VGPU_LANES];
	uint8_t pad[OGPU_SAVE_WAVE(VGPU_LANES) - OGPU_SAVE_FRM(VGPU_LANES) - VGPU_LANES];
};

_Static_assert(sizeof(struct frame_wave) == OGPU_SAVE_WAVE(VGPU_LANES), "layout of a wave");
_Static_assert(CU_REG_SINK == OGPU_SAVE_REGS, "registers are numbered as in a frame");

/**
 * save_init() - Divide a save area into frames.
 * @s: result
 * @launch: the dispatch that uses it, valid as long as @s is
 * @at: address operand of the area
 * @bytes: its size
 */
void save_init(struct save *s, const struct cu_launch *launch, uint64_t at, uint32_t bytes)
{
	s->launch = launch;
	s->at = at;
	s->frame_bytes = OGPU_SAVE_FRAME(VGPU_LANES, cu_launch_waves(launch), launch->local_bytes,
					 launch->private_bytes);
	s->frames = bytes / s->frame_bytes;
}

static uint64_t frame_at(const struct save *s, uint32_t frame)
{
	return s->at + frame * s->frame_bytes;
}

/**
 * save_private() - Where a frame has the private memory of its workgroup.
 * @s: the area
 * @frame: which frame
 *
 * Return: an address operand.
 */
uint64_t save_private(const struct save *s, uint32_t frame)
{
	return frame_at(s, frame) + OGPU_SAVE_PRIVATE(VGPU_LANES, cu_launch_waves(s->launch),
						      s->launch->local_bytes);
}

static void pack_wave(struct frame_wave *f, const struct cu_wave *w)
{
	for (unsigned int r = 0; r < OGPU_SAVE_REGS; r++)
		cu_read_register(w, r, f->reg[r]);
	memcpy(f->pc, w->pc, sizeof(f->pc));
	f->state = (struct ogpu_save_wave){
		.live = w->live, .barrier = w->barrier & w->live,
	};
	memcpy(f->frm, w->frm, sizeof(f->frm));
	memset(f->pad, 0, sizeof(f->pad));
}

/* False if no wave of this dispatch can be like that. */
static bool unpack_wave(struct cu_wave *w, const struct frame_wave *f)
{
	const struct ogpu_save_wave *state = &f->state;

	if (state->live & ~(uint64_t)w->lanes || state->barrier & ~state->live ||
	    state->rsvd[0] || state->rsvd[1])
		return false;
	w->frm_changed = false;
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++) {
		if (!(state->live >> lane & 1))
			continue;
		if (f->frm[lane] > 7 || f->pc[lane] & 1)
			return false;
		w->frm_changed |= f->frm[lane] != CU_RNE;
	}
	/* x0 is zero whatever is there. */
	for (unsigned int r = 1; r < OGPU_SAVE_REGS; r++)
		cu_write_register(w, r, f->reg[r]);
	memcpy(w->pc, f->pc, sizeof(f->pc));
	memcpy(w->frm, f->frm, sizeof(f->frm));
	w->live = state->live;
	w->barrier = state->barrier;
	w->reservations = false;
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
		w->reserved[lane] = CU_NO_RESERVATION;
	return true;
}

static struct ogpu_save_group head_of(const struct cu_launch *launch, enum ogpu_save_state state)
{
	return (struct ogpu_save_group){
		.state = state, .waves = cu_launch_waves(launch), .lanes = VGPU_LANES,
		.local_bytes = launch->local_bytes, .private_bytes = launch->private_bytes,
	};
}

/**
 * save_write() - Write a workgroup to its frame, but for private memory, which is there.
 * @s: the area
 * @mmu: of the queue, outside the bracket
 * @g: the workgroup
 * @fault: filled on failure
 *
 * Return: false if the area cannot be written.
 */
bool save_write(const struct save *s, struct mmu *mmu, const struct cu_group *g,
		struct mmu_fault *fault)
{
	const struct cu_launch *launch = s->launch;
	struct ogpu_save_group head = head_of(launch, OGPU_SAVE_HELD);
	uint64_t at = frame_at(s, g->frame) + OGPU_SAVE_LOCAL;
	struct frame_wave f;

	head.group = g->index;
	head.instructions = g->instructions;
	if (!mmu_write(mmu, at, g->local_mem, launch->local_bytes, fault))
		return false;
	at = frame_at(s, g->frame) + OGPU_SAVE_WAVES(launch->local_bytes);
	for (uint32_t i = 0; i < g->waves; i++, at += sizeof(f)) {
		pack_wave(&f, g->wave[i]);
		if (!mmu_write(mmu, at, &f, sizeof(f), fault))
			return false;
	}
	return mmu_write(mmu, frame_at(s, g->frame), &head, sizeof(head), fault);
}

/**
 * save_write_free() - Say that there is no workgroup in a frame.
 * @s: the area
 * @mmu: of the queue, outside the bracket
 * @frame: which frame
 * @fault: filled on failure
 *
 * Return: false if the area cannot be written.
 */
bool save_write_free(const struct save *s, struct mmu *mmu, uint32_t frame,
		     struct mmu_fault *fault)
{
	const struct ogpu_save_group head = head_of(s->launch, OGPU_SAVE_FREE);

	return mmu_write(mmu, frame_at(s, frame), &head, sizeof(head), fault);
}

static bool head_ok(const struct save *s, const struct ogpu_save_group *head, uint64_t started)
{
	for (unsigned int i = 0; i < sizeof(head->rsvd) / sizeof(head->rsvd[0]); i++)
		if (head->rsvd[i])
			return false;
	return head->state == OGPU_SAVE_HELD && !head->rsvd0 && head->lanes == VGPU_LANES &&
	       head->waves == cu_launch_waves(s->launch) && head->group < started &&
	       head->local_bytes == s->launch->local_bytes &&
	       head->private_bytes == s->launch->private_bytes;
}

/**
 * save_read() - Look what is in a frame.
 * @s: the area
 * @mmu: of the queue, outside the bracket
 * @frame: which frame
 * @started: workgroups of the grid that had started: less is the number of any that is held
 * @g: prepared for this dispatch; holds the workgroup after SAVE_HELD
 * @fault: filled for SAVE_UNREADABLE
 *
 * Return: what it found.
 */
enum save_found save_read(const struct save *s, struct mmu *mmu, uint32_t frame, uint64_t started,
			  struct cu_group *g, struct mmu_fault *fault)
{
	const uint32_t local = s->launch->local_bytes;
	uint64_t at = frame_at(s, frame);
	struct ogpu_save_group head;
	struct frame_wave f;

	if (!mmu_read(mmu, at, &head, sizeof(head), fault))
		return SAVE_UNREADABLE;
	if (head.state == OGPU_SAVE_FREE)
		return SAVE_FREE;
	if (!head_ok(s, &head, started))
		return SAVE_BAD;
	if (!mmu_read(mmu, at + OGPU_SAVE_LOCAL, g->local_mem, local, fault))
		return SAVE_UNREADABLE;
	at += OGPU_SAVE_WAVES(local);
	/* Also if a later wave is refused. */
	g->dirty = ~1ull;
	for (uint32_t i = 0; i < g->waves; i++, at += sizeof(f)) {
		if (!mmu_read(mmu, at, &f, sizeof(f), fault))
			return SAVE_UNREADABLE;
		if (!unpack_wave(g->wave[i], &f))
			return SAVE_BAD;
	}
	g->index = head.group;
	g->frame = frame;
	g->turn = 0;
	g->fenced = true;
	g->instructions = head.instructions;
	return SAVE_HELD;
}
