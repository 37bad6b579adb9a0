// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The list of mappings in debugfs; what dumps tell of an address and of what is there.
 */
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mutex.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "ogpu_bo.h"
#include "ogpu_file.h"
#include "ogpu_preempt.h"
#include "ogpu_svm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm.h"

/* Lines for one address space: the file is made in memory. */
#define OGPU_VM_PRINT_MAX	16384

static const char *ogpu_vm_print_type(u64 prot)
{
	switch (FIELD_GET(OGPU_PTE_MTYPE, prot)) {
	case OGPU_MTYPE_UNCACHED:
		return "uncached";
	case OGPU_MTYPE_COHERENT:
		return "coherent";
	default:
		return "cached";
	}
}

static void ogpu_vm_print_va(struct drm_gpuva *va, struct drm_printer *p)
{
	u64 prot = to_ogpu_va(va)->prot;

	drm_printf(p, "    %012llx-%012llx r%c%c ", va->va.addr, va->va.addr + va->va.range,
		   prot & OGPU_PTE_WRITE ? 'w' : '-', prot & OGPU_PTE_EXEC ? 'x' : '-');
	if (va->gem.obj)
		drm_printf(p, "%s, buffer of %zu bytes from %#llx\n", ogpu_vm_print_type(prot),
			   va->gem.obj->size, va->gem.offset);
	else if (to_ogpu_va(va)->userptr)
		drm_printf(p, "%s, memory of a program from %#llx\n", ogpu_vm_print_type(prot),
			   ogpu_userptr_address(to_ogpu_va(va)->userptr, va->va.addr));
	else
		drm_puts(p, "no memory\n");
}

static void ogpu_vm_print(struct ogpu_vm *vm, unsigned long id, struct drm_printer *p)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	unsigned int left = OGPU_VM_PRINT_MAX;
	struct drm_gpuva *va;

	/* Who opens and closes files waits for this: do not wait for who uses the address space. */
	if (!dma_resv_trylock(resv)) {
		drm_printf(p, "  space %lu: busy\n", id);
		return;
	}
	drm_printf(p, "  space %lu: asid %u, %llu mappings, %llu ranges invalidated", id,
		   vm->asid, vm->mappings, READ_ONCE(vm->invalidations));
	if (vm->preempt)
		drm_printf(p, ", %u attempts to resume", READ_ONCE(vm->preempt->tries));
	drm_puts(p, "\n");
	drm_gpuvm_for_each_va(va, &vm->base) {
		if (!left--) {
			drm_puts(p, "    and more\n");
			break;
		}
		ogpu_vm_print_va(va, p);
	}
	dma_resv_unlock(resv);
}

/**
 * ogpu_vm_print_all() - write the mappings of all address spaces that have ids for people
 * @odev: the card
 * @p: where to
 */
void ogpu_vm_print_all(struct ogpu_device *odev, struct drm_printer *p)
{
	struct drm_file *file;
	struct ogpu_vm *vm;
	unsigned long id;

	mutex_lock(&odev->drm.filelist_mutex);
	list_for_each_entry(file, &odev->drm.filelist, lhead) {
		struct ogpu_file *ofile = to_ogpu_file(file);

		drm_printf(p, "client %llu\n", file->client_id);
		xa_for_each(&ofile->vms, id, vm) {
			vm = ogpu_vm_lookup(ofile, id);
			if (!vm)
				continue;
			ogpu_vm_print(vm, id, p);
			ogpu_vm_put(vm);
		}
	}
	mutex_unlock(&odev->drm.filelist_mutex);
}

static bool ogpu_vm_trylock_pt(struct ogpu_vm *vm)
{
	if (!mutex_trylock(&vm->pt_lock))
		return false;
	if (ogpu_svm_trylock_pt(vm))
		return true;
	mutex_unlock(&vm->pt_lock);

	return false;
}

static void ogpu_vm_unlock_pt(struct ogpu_vm *vm)
{
	ogpu_svm_unlock_pt(vm);
	mutex_unlock(&vm->pt_lock);
}

/**
 * ogpu_vm_print_path() - write what the page tables say of an address, entry by entry
 * @vm: the address space
 * @va: any address
 * @p: where to
 *
 * Waits for nobody, allocates nothing.
 */
void ogpu_vm_print_path(struct ogpu_vm *vm, u64 va, struct drm_printer *p)
{
	unsigned int level = OGPU_PT_LEVELS;

	if (!ogpu_vm_trylock_pt(vm)) {
		drm_puts(p, "path: busy\n");
		return;
	}
	drm_printf(p, "path: asid %u va %#llx root %#llx\n", vm->asid, va,
		   ogpu_pt_root_pte(&vm->pt));
	while (level--) {
		u64 pte = ogpu_pt_entry(&vm->pt, va, level);

		drm_printf(p, "path: level %u entry %llu: %#llx\n", level,
			   (va >> OGPU_PT_LEVEL_SHIFT(level)) % OGPU_PT_ENTRIES, pte);
		if (!(pte & OGPU_PTE_VALID) || (pte & OGPU_PTE_LEAF))
			break;
	}
	ogpu_vm_unlock_pt(vm);
}

/* Offset in VRAM of an address, and how many bytes go on from there; false: it is not in VRAM. */
static bool ogpu_vm_translate(struct ogpu_vm *vm, u64 va, u64 *offset, u64 *left)
{
	unsigned int level;

	for (level = 0; level < 2; level++) {
		u64 pte = ogpu_pt_entry(&vm->pt, va, level);
		u64 bytes = 1ull << OGPU_PT_LEVEL_SHIFT(level);

		if ((pte & (OGPU_PTE_VALID | OGPU_PTE_NULL)) != OGPU_PTE_VALID ||
		    (level && !(pte & OGPU_PTE_LEAF)) ||
		    FIELD_GET(OGPU_PTE_TARGET, pte) != OGPU_TARGET_VRAM)
			continue;
		*left = bytes - (va & (bytes - 1));
		*offset = (pte & OGPU_PTE_ADDR) + (va & (bytes - 1));
		return true;
	}

	return false;
}

/**
 * ogpu_vm_peek() - read what is at an address
 * @vm: the address space
 * @va: any address
 * @buf: filled in
 * @size: bytes
 *
 * Only what is in VRAM that the CPU can see. Nobody else's memory is there while page tables say
 * that it is this one's, and these cannot change meanwhile; but of an address space whose queues
 * are suspended for others' sake they may be old, so nothing is read of that. The registers are
 * mapped. Waits for nobody, allocates nothing.
 *
 * Return: true if all of it was read.
 */
bool ogpu_vm_peek(struct ogpu_vm *vm, u64 va, void *buf, size_t size)
{
	struct ogpu_preempt *preempt = vm->preempt;
	struct ogpu_device *odev = vm->odev;
	u64 offset, left;
	bool ok = false;

	if (preempt && !mutex_trylock(&preempt->lock))
		return false;
	if (preempt && preempt->state != OGPU_PREEMPT_RUNNING)
		goto out;
	ok = ogpu_vm_trylock_pt(vm);
	if (!ok)
		goto out;
	while (size && ok) {
		ok = ogpu_vm_translate(vm, va, &offset, &left) &&
		     offset < odev->disc.aperture_size;
		if (!ok)
			break;
		left = min3(left, (u64)size, odev->disc.aperture_size - offset);
		memcpy_fromio(buf, odev->aperture + offset, left);
		buf += left;
		va += left;
		size -= left;
	}
	ogpu_vm_unlock_pt(vm);
out:
	if (preempt)
		mutex_unlock(&preempt->lock);

	return ok;
}
