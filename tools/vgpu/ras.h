/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Errors of memories and links: counters, records for firmware, spare pages.
 */
#ifndef OGPU_VGPU_RAS_H
#define OGPU_VGPU_RAS_H

#include <pthread.h>
#include <stdint.h>

#include "vgpu.h"

#define RAS_RECORDS	16u

struct ras_record {
	enum ogpu_ras_block block;
	enum ogpu_ras_severity severity;
	uint64_t addr;
	uint32_t queue;
};

struct ras_counters {
	uint32_t count[3];		/* by severity */
	uint64_t addr;			/* of the last error */
	uint32_t queue;
};

struct ras {
	struct vgpu *gpu;
	pthread_mutex_t lock;		/* of all that follows */
	struct ras_counters block[OGPU_RAS_BLOCKS];
	struct ras_record record[RAS_RECORDS];
	uint32_t head, count;		/* of record[] */
	bool lost;			/* there was no room for one */
	struct ras_record taken;	/* behind RAS_RECORD */
	uint64_t retire_addr;
	enum ogpu_retire_result retire_result;
};

void ras_init(struct ras *ras, struct vgpu *gpu);
void ras_fini(struct ras *ras);
void ras_report(struct ras *ras, const struct ras_record *error);

#endif
