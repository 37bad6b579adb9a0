/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A user queue in an address space that mirrors the process, with kernels that work on memory of
 * the process.
 */
#ifndef _MIRROR_H_
#define _MIRROR_H_

#include <stdbool.h>
#include <stdint.h>

#include "card.h"
#include "user.h"

#define SVM_RW		(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
/* Work-items of a workgroup. */
#define SVM_ITEMS	64u

/** struct svm - the queue */
struct svm {
	struct card card;
	struct user u;
	struct buffer code;
	/** @args: of kernels: memory of the process itself */
	volatile uint64_t *args;
};

/* False if the kernel or the card has no such thing. */
bool svm_open(struct svm *s);
/* One whose memory may come to VRAM. */
bool svm_open_vram(struct svm *s);
void svm_dispatch(struct svm *s, uint64_t entry, uint64_t args, uint32_t groups, uint32_t items);
/* Waits for all that was added: 0 or a negative errno. */
int svm_finish(struct svm *s);
/* A kernel that adds 1 to each of @groups * SVM_ITEMS 64-bit words. */
void svm_add_nowait(struct svm *s, const void *at, uint64_t groups);
int svm_add(struct svm *s, const volatile void *at, uint64_t groups);
/* A kernel that counts the first word up until it is told to stop; once it does so. */
void svm_spin(struct svm *s, volatile void *at);
/* Waits until it has counted on. */
void svm_wait_spin(struct svm *s, volatile void *at);
int svm_stop_spin(struct svm *s);

#endif
