// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What address spaces lose to memory errors while the card sleeps.
 *
 * Without a sleep, who uses bad memory faults. But it is found when all of VRAM is copied, and
 * afterwards there are zeros in good memory: who went on would take them for what was there.
 */
#include <linux/sched.h>

#include <drm/drm_gpuvm.h>

#include "ogpu_bo.h"
#include "ogpu_device.h"
#include "ogpu_ttm.h"
#include "ogpu_vm.h"

static bool ogpu_vm_maps_lost(struct ogpu_vm *vm)
{
	u32 saves = vm->odev->mem->saves;
	struct drm_gpuva *va;

	drm_gpuvm_for_each_va(va, &vm->base) {
		struct ogpu_bo *bo = va->gem.obj ? gem_to_ogpu_bo(va->gem.obj) : NULL;

		if (bo && READ_ONCE(bo->lost) && bo->lost_in == saves)
			return true;
		cond_resched();
	}

	return false;
}

/**
 * ogpu_vm_has_lost() - was memory of it lost when VRAM was copied last?
 * @vm: the address space; programs are frozen, so that nobody changes it, and the caller comes
 *	alone
 *
 * Return: true if a buffer was that it maps, or some of its page tables.
 */
bool ogpu_vm_has_lost(struct ogpu_vm *vm)
{
	u32 saves = vm->odev->mem->saves;

	if (vm->looked != saves)
		vm->has_lost = ogpu_pt_mem_is_lost(&vm->pt_mem) || ogpu_vm_maps_lost(vm);
	vm->looked = saves;

	return vm->has_lost;
}
