/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Address spaces that mirror a process: what the card finds missing below OGPU_SVM_END is taken
 * from the process, when it is touched.
 */
#ifndef _OGPU_SVM_H_
#define _OGPU_SVM_H_

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/types.h>

#include <drm/ogpu_drm.h>

struct ogpu_device;
struct ogpu_mem_client;
struct ogpu_vm;

/* The process's addresses; those from here on are for buffers. */
#define OGPU_SVM_END	DRM_OGPU_SVM_END

/**
 * struct ogpu_svm_client - what stands at a fault; a part of who executes
 */
struct ogpu_svm_client {
	/** @link: in the list of its address space; protected by the lock there, as all */
	struct list_head link;
	/** @va: what was accessed */
	u64 va;
	/** @write: to store something there */
	bool write;
};

#ifdef OGPU_HAVE_GPUSVM
int ogpu_svm_module_init(void);
void ogpu_svm_module_exit(void);
int ogpu_svms_init(struct ogpu_device *odev);
void ogpu_svms_wake(struct ogpu_device *odev);
void ogpu_svms_unbind(struct ogpu_device *odev);
bool ogpu_svms_exist(struct ogpu_device *odev);

bool ogpu_svm_is_supported(struct ogpu_device *odev);
int ogpu_svm_create(struct ogpu_vm *vm, struct ogpu_mem_client *client);
void ogpu_svm_destroy(struct ogpu_vm *vm);
bool ogpu_svm_trylock_pt(struct ogpu_vm *vm);
void ogpu_svm_unlock_pt(struct ogpu_vm *vm);
bool ogpu_svm_add_client(struct ogpu_vm *vm, struct ogpu_svm_client *client, u64 va, bool write);
#else
static inline int ogpu_svm_module_init(void) { return 0; }
static inline void ogpu_svm_module_exit(void) { }
static inline int ogpu_svms_init(struct ogpu_device *odev) { return 0; }
static inline void ogpu_svms_wake(struct ogpu_device *odev) { }
static inline void ogpu_svms_unbind(struct ogpu_device *odev) { }
static inline bool ogpu_svms_exist(struct ogpu_device *odev) { return false; }
static inline bool ogpu_svm_is_supported(struct ogpu_device *odev) { return false; }
static inline int ogpu_svm_create(struct ogpu_vm *vm, struct ogpu_mem_client *client)
{
	return -EOPNOTSUPP;
}
static inline void ogpu_svm_destroy(struct ogpu_vm *vm) { }
static inline bool ogpu_svm_trylock_pt(struct ogpu_vm *vm) { return true; }
static inline void ogpu_svm_unlock_pt(struct ogpu_vm *vm) { }
static inline bool ogpu_svm_add_client(struct ogpu_vm *vm, struct ogpu_svm_client *client, u64 va,
				       bool write)
{
	return false;
}
#endif

#endif
