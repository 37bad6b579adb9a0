/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Runs workgroups on a compute unit of the test's own, without slots or threads. */
#ifndef OGPU_TESTS_FAKE_DISPATCH_H
#define OGPU_TESTS_FAKE_DISPATCH_H

#include <assert.h>

#include "cu.h"
#include "fake_card.h"

static struct cu_group *fake_group;
static const _Atomic uint32_t *fake_stop;

/* Afterwards the unit is in the memory bracket, with room for a workgroup of the dispatch. */
static bool cu_begin(struct cu *cu, const struct cu_launch *launch, const _Atomic uint32_t *stop)
{
	if (!fake_group)
		fake_group = cu_group_create();
	fake_stop = stop;
	if (!fake_group || !cu_group_init(fake_group, launch, VRAM(FAKE_SAVE)))
		return false;
	cu_attach(cu, fake_group, true);
	cu_enter(cu);
	return true;
}

/* CU_PAUSED: told to stop. */
static __attribute__((unused)) enum cu_result cu_workgroup(struct cu *cu, uint64_t index)
{
	enum cu_result result;

	cu_start(cu, index);
	do {
		result = cu_step(cu);
		if (result == CU_DONE && cu->budget > 0)
			return result;
		cu_leave(cu);
		cu_enter(cu);
	} while (result == CU_PAUSED && !atomic_load(fake_stop));
	return result;
}

static void cu_end(struct cu *cu)
{
	cu_leave(cu);
	cu_detach(cu);
}

static __attribute__((unused)) void cu_free(struct cu *cu)
{
	cu_destroy(cu);
	if (fake_group)
		cu_group_destroy(fake_group);
	fake_group = NULL;
}

#endif
