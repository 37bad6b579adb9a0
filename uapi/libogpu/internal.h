/* SPDX-License-Identifier: MIT */
/* What the files of libogpu share and the public header does not show. */
#ifndef OGPU_INTERNAL_H
#define OGPU_INTERNAL_H

#include "ogpu.h"

#pragma GCC visibility push(hidden)

/* drmIoctl() with the library's way of errors. */
int ogpu_ioctl(const struct ogpu_device *dev, unsigned long request, void *arg);
/* Absolute CLOCK_MONOTONIC time of a relative one, as the ioctls want it; saturates. */
int64_t ogpu_deadline(int64_t timeout_ns);
struct ogpu_device *ogpu_vm_device(const struct ogpu_vm *vm);

/* source.c: debug information of a program. @elf is copied, and may be anything. */
struct ogpu_lines;

int ogpu_lines_create(const void *elf, size_t size, struct ogpu_lines **lines);
void ogpu_lines_destroy(struct ogpu_lines *lines);
/* @address: as linked */
int ogpu_lines_find(struct ogpu_lines *lines, uint64_t address, struct ogpu_source *source);

/* user_queue.c */
int ogpu_user_ring_create(struct ogpu_vm *vm, uint64_t bytes, struct drm_ogpu_queue_create *create,
			  struct ogpu_user_ring **ring);
int ogpu_user_ring_map(struct ogpu_vm *vm, struct ogpu_user_ring *ring,
		       const struct drm_ogpu_queue_create *create);
void ogpu_user_ring_destroy(struct ogpu_user_ring *ring);
int ogpu_user_ring_submit(struct ogpu_user_ring *ring, const struct ogpu_stream *stream,
			  uint64_t point);
bool ogpu_user_ring_is_done(const struct ogpu_user_ring *ring, uint64_t point);
/* As ogpu_queue_done(). */
void ogpu_user_ring_done(const struct ogpu_queue *queue, uint64_t point,
			 struct drm_ogpu_wait_fence *fence);

#pragma GCC visibility pop

#endif
