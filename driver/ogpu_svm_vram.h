/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of processes that is in VRAM while the card uses it.
 */
#ifndef _OGPU_SVM_VRAM_H_
#define _OGPU_SVM_VRAM_H_

#include <linux/errno.h>
#include <linux/types.h>

struct mm_struct;
struct mmu_interval_notifier;
struct ogpu_device;
struct ogpu_mem_client;

#ifdef OGPU_HAVE_DEVICE_PRIVATE
int ogpu_svm_vram_module_init(void);
void ogpu_svm_vram_module_exit(void);
bool ogpu_svm_vram_is_supported(struct ogpu_device *odev);
int ogpu_svm_vram_get(struct ogpu_device *odev);
void ogpu_svm_vram_put(struct ogpu_device *odev);
void ogpu_svm_vram_stop(struct ogpu_device *odev);

void *ogpu_svm_vram_page_owner(struct ogpu_device *odev);
int ogpu_svm_vram_bring(struct ogpu_device *odev, struct ogpu_mem_client *client,
			struct mm_struct *mm, unsigned long start, unsigned long end);
int ogpu_svm_vram_own(struct ogpu_device *odev, struct mmu_interval_notifier *notifier,
		      unsigned long start, unsigned long end, unsigned long *pfns);

void ogpu_svm_vram_want(struct ogpu_device *odev, u64 bytes);
bool ogpu_svm_vram_make_room(struct ogpu_device *odev, u64 bytes, bool visible);
int ogpu_svm_vram_close(struct ogpu_device *odev);
void ogpu_svm_vram_open(struct ogpu_device *odev);
#else
static inline int ogpu_svm_vram_module_init(void) { return 0; }
static inline void ogpu_svm_vram_module_exit(void) { }
static inline bool ogpu_svm_vram_is_supported(struct ogpu_device *odev) { return false; }
static inline int ogpu_svm_vram_get(struct ogpu_device *odev) { return -EOPNOTSUPP; }
static inline void ogpu_svm_vram_put(struct ogpu_device *odev) { }
static inline void ogpu_svm_vram_stop(struct ogpu_device *odev) { }
static inline void *ogpu_svm_vram_page_owner(struct ogpu_device *odev) { return NULL; }
static inline int ogpu_svm_vram_bring(struct ogpu_device *odev, struct ogpu_mem_client *client,
				      struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return -EOPNOTSUPP;
}
static inline int ogpu_svm_vram_own(struct ogpu_device *odev,
				    struct mmu_interval_notifier *notifier, unsigned long start,
				    unsigned long end, unsigned long *pfns)
{
	return 0;
}
static inline void ogpu_svm_vram_want(struct ogpu_device *odev, u64 bytes) { }
static inline bool ogpu_svm_vram_make_room(struct ogpu_device *odev, u64 bytes, bool visible)
{
	return false;
}
static inline int ogpu_svm_vram_close(struct ogpu_device *odev) { return 0; }
static inline void ogpu_svm_vram_open(struct ogpu_device *odev) { }
#endif

#endif
