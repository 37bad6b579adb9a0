/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The save area: memory of a queue in which its workgroups live while they are under way.
 *
 * The area is an array of frames, one for each workgroup that has started and not ended. How long a
 * frame is follows from the DISPATCH; as many workgroups are under way at a time as the area has
 * frames, and no more than the units hold. A frame has a header, room for local memory, room for
 * the registers of each wave, and private memory of its work-items. Private memory is always there.
 * The rest is written when the queue is taken off its slot, and read when it goes on, on any unit.
 * When the queue fails or is killed it is written, too, for its owner to look at. Nothing outside
 * the area is read or written by saving, so what software changes in it harms only the queue
 * itself: values that cannot be are refused with OGPU_QERR_SAVE.
 */
#ifndef _OGPU_ABI_SAVE_H_
#define _OGPU_ABI_SAVE_H_

#include "types.h"

#define OGPU_SAVE_ALIGN		256u	/* of all parts of a frame */
#define OGPU_SAVE_ROUND(bytes)	\
	(((bytes) + OGPU_SAVE_ALIGN - 1) & ~(__u64)(OGPU_SAVE_ALIGN - 1))

/* Start of a frame. */
struct ogpu_save_group {
	__le32 state;		/* enum ogpu_save_state */
	__le32 waves;
	__le64 group;		/* its number in the grid, x running fastest; 0 if FREE */
	__le32 local_bytes;
	__le32 private_bytes;
	__le32 lanes;
	__le32 rsvd0;
	__le64 instructions;	/* what its work-items read as cycle and instret; 0 if FREE */
	__le32 rsvd[54];
};
OGPU_ASSERT_SIZE(struct ogpu_save_group, 256);

enum ogpu_save_state {
	OGPU_SAVE_FREE = 0,	/* no workgroup, or one that is on a unit */
	OGPU_SAVE_HELD = 1,	/* a workgroup that goes on when the queue does */
};

/*
 * A wave: x0 .. x31 and f0 .. f31 of all its lanes, the first register of all lanes first, 64 bits
 * each; then the program counters; then this; then frm, a byte for each lane.
 */
#define OGPU_SAVE_REGS		64u
#define OGPU_SAVE_PC(lanes)	(OGPU_SAVE_REGS * 8u * (lanes))
#define OGPU_SAVE_STATE(lanes)	(OGPU_SAVE_PC(lanes) + 8u * (lanes))
struct ogpu_save_wave {
	__le64 live;		/* a bit for each lane whose work-item has not ended */
	__le64 barrier;		/* those that wait at a barrier */
	__le64 rsvd[2];
};
OGPU_ASSERT_SIZE(struct ogpu_save_wave, 32);
#define OGPU_SAVE_FRM(lanes)	(OGPU_SAVE_STATE(lanes) + 32u)

/* Bytes of a wave, and where things are in a frame. */
#define OGPU_SAVE_WAVE(lanes)	OGPU_SAVE_ROUND(OGPU_SAVE_FRM(lanes) + (lanes))
#define OGPU_SAVE_LOCAL		sizeof(struct ogpu_save_group)
#define OGPU_SAVE_WAVES(local)	(OGPU_SAVE_LOCAL + OGPU_SAVE_ROUND(local))
#define OGPU_SAVE_PRIVATE(lanes, waves, local) \
	(OGPU_SAVE_WAVES(local) + (waves) * OGPU_SAVE_WAVE(lanes))
/*
 * Private memory of one wave after the other. In that of a wave the 8-byte granules of its lanes
 * take turns: granule g of lane n is the (g * lanes + n)-th.
 */
#define OGPU_SAVE_FRAME(lanes, waves, local, private_bytes) \
	(OGPU_SAVE_PRIVATE(lanes, waves, local) + \
	 OGPU_SAVE_ROUND((__u64)(waves) * (lanes) * (private_bytes)))

#endif
