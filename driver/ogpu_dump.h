/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Dumps of what the card was like when something failed, for the kernel's devcoredump.
 */
#ifndef _OGPU_DUMP_H_
#define _OGPU_DUMP_H_

struct ogpu_device;
struct ogpu_queue;

int ogpu_dump_init(struct ogpu_device *odev);
void ogpu_dump_take(struct ogpu_device *odev, struct ogpu_queue *queue, unsigned int event);
void ogpu_dump_publish(struct ogpu_device *odev);
void ogpu_dump_fini(struct ogpu_device *odev);

#endif
