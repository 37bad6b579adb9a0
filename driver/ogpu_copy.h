/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 */
#ifndef _OGPU_COPY_H_
#define _OGPU_COPY_H_

struct ogpu_copy;
struct ogpu_device;
struct ogpu_queue;

/* Queues that it takes. */
#define OGPU_COPY_QUEUES	1u

int ogpu_copy_init(struct ogpu_device *odev);
int ogpu_copy_start(struct ogpu_device *odev);
struct ogpu_queue *ogpu_copy_get_queue(struct ogpu_copy *copy);
void ogpu_copy_stop(struct ogpu_device *odev);

#endif
