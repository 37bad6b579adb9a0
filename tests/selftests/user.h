/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues whose ring belongs to user space, for tests: straight on the ioctls, like card.h.
 */
#ifndef _USER_H_
#define _USER_H_

#include <stdbool.h>
#include <stdint.h>

#include "card.h"

/** struct user - a queue with its ring, and a word that its fences store to */
struct user {
	struct card *card;
	struct drm_ogpu_queue_create args;
	struct buffer ring;
	/** @words: rptr, wptr and, from 64 bytes on, for the test's own use */
	struct buffer words;
	volatile uint64_t *rptr, *wptr, *word;
	/** @doorbell, @control: NULL until user_create() */
	volatile uint64_t *doorbell;
	volatile struct drm_ogpu_queue_control *control;
	/** @tail: where the next packet goes */
	uint64_t tail;
	/** @fence: value of the last user_fence() */
	uint64_t fence;
};

/* user.word in the address space */
#define USER_WORD(u)	((u)->words.va + 64)

/* The card's address space from now on: one of the long-running kind. */
void user_vm(struct card *card);
/* Buffers and arguments, but no queue. */
void user_prepare(struct card *card, struct user *u, uint32_t ring_bytes);
/* 0 or a negative errno; with the pages mapped. */
int user_create(struct user *u);
void user_destroy(struct user *u);
/* All of it; ends the test if that fails. */
void user_open(struct card *card, struct user *u, uint32_t ring_bytes);

/* Puts a packet into the ring, once there is room. */
void user_add(struct user *u, const void *packet, uint32_t bytes);
void user_nop(struct user *u, uint32_t bytes);
void user_fill(struct user *u, uint64_t dst, uint64_t bytes, uint32_t pattern);
void user_copy(struct user *u, uint64_t src, uint64_t dst, uint64_t bytes);
void user_wait_packet(struct user *u, uint64_t addr, uint64_t value);
/* Stores the next value to user.word and signals. */
void user_fence(struct user *u);
/* Hands all that was added to hardware. */
void user_ring(struct user *u);
/* Waits for the last user_fence(): 0 or a negative errno. */
int user_wait(struct user *u, int ms);
/* WAIT for memory >= value. */
int user_wait_for(struct card *card, uint32_t queue, volatile uint64_t *word, uint64_t value,
		  int ms);
/* Reads or writes a word; returns the signal that it raises, or 0. */
int user_touch(volatile void *at, bool write);
/* Waits until the queue has failed and returns why, or 0 after 10 s. */
uint32_t user_error(struct user *u);
/*
 * Another program has so much of VRAM, and uses it, so that the queues whose memory had to make way
 * are off the card meanwhile. It gives everything back.
 */
void user_hog(uint64_t bytes);

#endif
