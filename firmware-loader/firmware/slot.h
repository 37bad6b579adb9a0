/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queue slots as the scheduler uses them. slot.c drives hardware; the unit tests of the scheduler
 * put a model in its place.
 */
#ifndef FW_SLOT_H
#define FW_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mc.h"
#include "queue.h"

/**
 * struct slot_wait - what a queue waits for
 */
struct slot_wait {
	/** @addr: address operand; a virtual one belongs to the queue's address space */
	uint64_t addr;
	/** @value: to compare with, where @mask has ones */
	uint64_t value, mask;
	/** @compare: enum ogpu_compare */
	uint32_t compare;
};

void slot_start(unsigned int slot, const struct queue *queue, enum ogpu_priority priority);
void slot_set_priority(unsigned int slot, enum ogpu_priority priority);
void slot_command(unsigned int slot, enum ogpu_slot_command command);
enum ogpu_slot_state slot_state(unsigned int slot);
void slot_save(unsigned int slot, struct queue *queue);
void slot_error(unsigned int slot, struct queue_error *error);
uint64_t slot_busy_ns(unsigned int slot);
uint64_t slot_unit_ns(unsigned int slot);
bool slot_queue_has_work(const struct queue *queue);
bool slot_wait(unsigned int slot, struct slot_wait *wait);
void slot_watch(const struct queue *queue, const struct slot_wait *wait);
void slot_unwatch(const struct queue *queue);
bool slot_reset_seen(void);
void slot_reset_done(void);

#endif
