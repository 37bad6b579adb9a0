// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Pages of queues that a process may map: doorbell and control page.
 *
 * A mapping says which queue it is of by the queue's serial, which is never used again, so that it
 * is of no other queue that gets the number later. Pages are put in by faults, by who holds a
 * reference to the queue and the map_sem of all queues. So whoever wants them gone for good cuts
 * the mappings once no fault puts them back: the end of a queue when its last reference is gone,
 * and a reset when the files of before are stale. Afterwards access raises SIGBUS.
 */
#include <linux/cc_platform.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/vmalloc.h>

#include <drm/drm_file.h>

#include "ogpu_device.h"
#include "ogpu_file.h"
#include "ogpu_queue.h"
#include "ogpu_queue_mmap.h"
#include "ogpu_queue_priv.h"

/**
 * ogpu_queue_has_doorbell_page() - are the doorbells of queues in different pages of the CPU?
 * @odev: the card
 *
 * Return: true if they are.
 */
bool ogpu_queue_has_doorbell_page(const struct ogpu_device *odev)
{
	return IS_ALIGNED(odev->disc.doorbell_stride, PAGE_SIZE) &&
	       IS_ALIGNED(odev->doorbells_phys, PAGE_SIZE);
}

/**
 * ogpu_queue_mmap_offset() - where a page is in the render node
 * @queue: the queue
 * @page: which
 *
 * Return: the offset for mmap().
 */
u64 ogpu_queue_mmap_offset(const struct ogpu_queue *queue, enum ogpu_queue_page page)
{
	return OGPU_QUEUE_MMAP_BASE +
	       (((u64)queue->number * OGPU_QUEUE_PAGES + page) << PAGE_SHIFT);
}

/**
 * ogpu_queue_unmap() - cut the mappings of a queue
 * @queue: the queue
 *
 * They come back when somebody touches them, as long as the queue has its id. Sleeps.
 */
void ogpu_queue_unmap(const struct ogpu_queue *queue)
{
	unmap_mapping_range(queue->odev->drm.anon_inode->i_mapping,
			    ogpu_queue_mmap_offset(queue, 0), OGPU_QUEUE_PAGES * PAGE_SIZE, 1);
}

/**
 * ogpu_queue_unmap_all() - cut the mappings of all queues
 * @odev: the card
 *
 * Sleeps.
 */
void ogpu_queue_unmap_all(struct ogpu_device *odev)
{
	unmap_mapping_range(odev->drm.anon_inode->i_mapping, OGPU_QUEUE_MMAP_BASE, 0, 1);
}

/* The queue that a mapping is meant for, with a reference, or NULL. */
static struct ogpu_queue *ogpu_queue_mmap_get(struct ogpu_file *ofile,
					      const struct vm_area_struct *vma)
{
	u64 page = vma->vm_pgoff - (OGPU_QUEUE_MMAP_BASE >> PAGE_SHIFT);
	struct ogpu_queue *queue;

	queue = ogpu_queue_mgr_get(ofile->odev->queues, page / OGPU_QUEUE_PAGES);
	if (queue && (queue->file != ofile->queue_file || !READ_ONCE(queue->id))) {
		ogpu_queue_put(queue);
		queue = NULL;
	}

	return queue;
}

static enum ogpu_queue_page ogpu_queue_mmap_page(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff % OGPU_QUEUE_PAGES;
}

/* Under map_sem, so that the memory is there. */
static unsigned long ogpu_queue_page_pfn(struct ogpu_queue *queue, enum ogpu_queue_page page)
{
	struct ogpu_device *odev = queue->odev;

	if (page == OGPU_QUEUE_PAGE_DOORBELL)
		return PHYS_PFN(odev->doorbells_phys +
				(u64)queue->number * odev->disc.doorbell_stride);
	/* Either is possible for coherent memory; TTM's pool finds its pages in the same way. */
	if (is_vmalloc_addr(queue->mem))
		return vmalloc_to_pfn(queue->mem);

	return PHYS_PFN(virt_to_phys(queue->mem));
}

static vm_fault_t ogpu_queue_vm_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ogpu_file *ofile = to_ogpu_file(vma->vm_file->private_data);
	struct ogpu_device *odev = ofile->odev;
	vm_fault_t fault = VM_FAULT_SIGBUS;
	struct ogpu_queue *queue;
	int idx;

	if (!ogpu_device_enter(odev, &idx))
		return VM_FAULT_SIGBUS;

	down_read(&odev->queues->map_sem);
	queue = ogpu_queue_mmap_get(ofile, vma);
	if (queue && queue->serial == (unsigned long)vma->vm_private_data &&
	    !ogpu_file_is_stale(ofile))
		fault = vmf_insert_pfn(vma, vmf->address,
				       ogpu_queue_page_pfn(queue, ogpu_queue_mmap_page(vma)));
	/* A reset has either cut this mapping, or has raised the generation before. */
	smp_mb();
	if (fault == VM_FAULT_NOPAGE && ogpu_file_is_stale(ofile)) {
		ogpu_queue_unmap(queue);
		fault = VM_FAULT_SIGBUS;
	}
	up_read(&odev->queues->map_sem);
	ogpu_queue_put(queue);
	ogpu_device_exit(odev, idx);

	return fault;
}

static const struct vm_operations_struct ogpu_queue_vm_ops = {
	.fault = ogpu_queue_vm_fault,
};

static int ogpu_queue_mmap_doorbell(const struct ogpu_queue *queue, struct vm_area_struct *vma)
{
	if (queue->kind != OGPU_QUEUE_KIND_USER)
		return -EINVAL;
	if (vma->vm_flags & (VM_READ | VM_EXEC))
		return -EACCES;
	vm_flags_clear(vma, VM_MAYREAD | VM_MAYEXEC);
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));

	return 0;
}

static int ogpu_queue_mmap_control(struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	/* In an encrypted guest what is shared with hardware is not. */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);

	return 0;
}

/**
 * ogpu_queue_mmap() - mmap() of a page of a queue
 * @filp: the render node
 * @vma: the mapping; ogpu_queue_owns_mmap() is true
 *
 * Return: 0; -EINVAL for an offset that is no page of a queue of this file, or another size than
 * a page; -EACCES for accesses that the page does not allow.
 */
int ogpu_queue_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct ogpu_file *ofile = to_ogpu_file(filp->private_data);
	struct ogpu_queue *queue;
	int ret;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;

	queue = ogpu_queue_mmap_get(ofile, vma);
	if (!queue)
		return -EINVAL;

	if (ogpu_queue_mmap_page(vma) == OGPU_QUEUE_PAGE_DOORBELL)
		ret = ogpu_queue_mmap_doorbell(queue, vma);
	else
		ret = ogpu_queue_mmap_control(vma);
	if (!ret) {
		/* A child that is forked has nothing to do with the queue. */
		vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
		vma->vm_ops = &ogpu_queue_vm_ops;
		vma->vm_private_data = (void *)(unsigned long)queue->serial;
	}
	ogpu_queue_put(queue);

	return ret;
}
