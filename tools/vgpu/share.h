/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Who gets a compute unit next: the rules of docs/hardware.md, section 6, and nothing else. */
#ifndef OGPU_VGPU_SHARE_H
#define OGPU_VGPU_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mc.h"
#include "cu_limits.h"

#define SHARE_NONE	(-1)
#define SHARE_QUANTUM_NS	(VGPU_QUANTUM_US * 1000ll)
#define SHARE_DEBT_NS	(32 * SHARE_QUANTUM_NS)	/* more than that is forgiven */
/* A turn given to who would starve is short, so that all slots have one within STARVE_MS. */
#define SHARE_TURN_NS	(SHARE_QUANTUM_NS / 2)
#define SHARE_STARVE_NS	(VGPU_STARVE_MS * 1000000ull - OGPU_MC_SLOT_MAX * SHARE_TURN_NS)

/* A slot with a dispatch. */
struct share {
	uint64_t mask;		/* working units that it may use */
	uint64_t left_ns;	/* when it had a unit last */
	int64_t credit_ns;	/* what is left of its quantum; less than 0: it had too much */
	uint32_t priority;	/* higher goes first */
	unsigned int running;	/* units that it has */
	bool ready;		/* it has a workgroup for one more */
};

int share_pick(struct share *const *share, unsigned int count, uint64_t busy, uint64_t now,
	       int current);
void share_charge(struct share *s, uint64_t ns);

#endif
