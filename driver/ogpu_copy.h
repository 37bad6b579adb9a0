/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The kernel's own copy queue: moves and clears of buffers by the card's copy engine.
 */
#ifndef _OGPU_COPY_H_
#define _OGPU_COPY_H_

struct ogpu_device;

/* Queues that it takes. */
#define OGPU_COPY_QUEUES	1u

int ogpu_copy_init(struct ogpu_device *odev);
int ogpu_copy_start(struct ogpu_device *odev);
void ogpu_copy_stop(struct ogpu_device *odev);

#endif
