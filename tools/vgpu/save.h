/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A queue's save area as one DISPATCH uses it (abi/save.h). */
#ifndef OGPU_VGPU_SAVE_H
#define OGPU_VGPU_SAVE_H

#include "cu.h"

struct save {
	const struct cu_launch *launch;
	uint64_t at;			/* address operand */
	uint64_t frame_bytes;
	uint64_t frames;		/* that it has room for */
};

void save_init(struct save *s, const struct cu_launch *launch, uint64_t at, uint32_t bytes);
uint64_t save_private(const struct save *s, uint32_t frame);
bool save_write(const struct save *s, struct mmu *mmu, const struct cu_group *g,
		struct mmu_fault *fault);
bool save_write_free(const struct save *s, struct mmu *mmu, uint32_t frame,
		     struct mmu_fault *fault);

/* What is in a frame. */
enum save_found {
	SAVE_FREE,
	SAVE_HELD,	/* a workgroup, which is in the given group now */
	SAVE_BAD,	/* something that this DISPATCH cannot have left there */
	SAVE_UNREADABLE,
};

enum save_found save_read(const struct save *s, struct mmu *mmu, uint32_t frame, uint64_t started,
			  struct cu_group *g, struct mmu_fault *fault);

#endif
