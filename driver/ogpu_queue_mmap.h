/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Pages of queues that a process may map: doorbell and control page.
 */
#ifndef _OGPU_QUEUE_MMAP_H_
#define _OGPU_QUEUE_MMAP_H_

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

struct file;
struct ogpu_device;
struct ogpu_queue;

/* Offsets in the render node from here on are pages of queues; those of buffers are far below. */
#define OGPU_QUEUE_MMAP_BASE	BIT_ULL(56)

/**
 * enum ogpu_queue_page - what may be mapped
 * @OGPU_QUEUE_PAGE_DOORBELL: to be written only, of queues whose ring belongs to user space
 * @OGPU_QUEUE_PAGE_CONTROL: to be read only
 * @OGPU_QUEUE_PAGES: how many there are
 */
enum ogpu_queue_page {
	OGPU_QUEUE_PAGE_DOORBELL,
	OGPU_QUEUE_PAGE_CONTROL,
	OGPU_QUEUE_PAGES,
};

static inline bool ogpu_queue_owns_mmap(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff >= OGPU_QUEUE_MMAP_BASE >> PAGE_SHIFT;
}

bool ogpu_queue_has_doorbell_page(const struct ogpu_device *odev);
u64 ogpu_queue_mmap_offset(const struct ogpu_queue *queue, enum ogpu_queue_page page);
void ogpu_queue_unmap(const struct ogpu_queue *queue);
void ogpu_queue_unmap_all(struct ogpu_device *odev);
int ogpu_queue_mmap(struct file *filp, struct vm_area_struct *vma);

#endif
