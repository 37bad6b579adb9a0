// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The mailbox in host memory. Its layout is read and checked once; afterwards only the two pointers
 * that the host owns are read again, and they are doubted each time. If the area itself goes away
 * the core stops (OGPU_MC_FATAL_BUS): without it nobody could be told anything.
 */
#include "mailbox.h"

#include <stddef.h>

#include "abi/addr.h"
#include "abi/regs.h"
#include "fatal.h"
#include "hw.h"
#include "log.h"
#include "ring.h"
#include "window.h"

static volatile char *area;
static struct ring_layout layout;
static uint32_t req_rptr, msg_wptr, log_wptr;

static uint32_t read_word(size_t offset)
{
	return *(volatile uint32_t *)(area + offset);
}

static void write_word(size_t offset, uint32_t value)
{
	*(volatile uint32_t *)(area + offset) = value;
}

/**
 * mailbox_open() - find the mailbox, check it, start with empty rings
 *
 * Stops the core if there is none: firmware cannot do anything without.
 */
void mailbox_open(void)
{
	uint64_t addr = hw_read64(OGPU_MC_MBOX_ADDR_LO);
	uint32_t size = hw_read(OGPU_MC_MBOX_SIZE);
	struct ogpu_mbox_header header;
	volatile char *place;

	if (!addr || (addr & WINDOW_OFFSET) || (addr & ~OGPU_OPERAND_ADDR) ||
	    size < sizeof(header) || size > OGPU_MC_WINDOW_SIZE)
		fatal(FATAL_MBOX_PLACE);
	place = window_open_mailbox(OGPU_OPERAND(OGPU_TARGET_SYSTEM, addr));
	window_read(&header, place, sizeof(header));
	if (!ring_layout(&layout, &header, size))
		fatal(FATAL_MBOX_HEADER);
	area = place;
	req_rptr = header.req_rptr;
	msg_wptr = header.msg_wptr;
	log_wptr = header.log_wptr;
}

/**
 * mailbox_room() - whether one message can be sent
 */
bool mailbox_room(void)
{
	uint32_t rptr = read_word(offsetof(struct ogpu_mbox_header, msg_rptr));
	uint32_t used;

	return ring_used(msg_wptr, rptr, layout.msg_entries, &used) && used < layout.msg_entries;
}

/**
 * mailbox_send() - send a message; only while mailbox_room()
 * @msg: complete message
 */
void mailbox_send(const struct ogpu_msg *msg)
{
	uint32_t index = msg_wptr & (layout.msg_entries - 1);

	window_write(area + layout.msg_offset + index * sizeof(*msg), msg, sizeof(*msg));
	hw_fence();
	write_word(offsetof(struct ogpu_mbox_header, msg_wptr), ++msg_wptr);
	hw_fence();
	hw_write(OGPU_MC_HOST_IRQ, OGPU_VECTOR_MBOX);
}

/**
 * mailbox_waiting() - whether mailbox_take() would find something
 */
bool mailbox_waiting(void)
{
	return read_word(offsetof(struct ogpu_mbox_header, req_wptr)) != req_rptr;
}

/**
 * mailbox_take() - take the next request
 * @msg: a private copy of it
 *
 * Return: false if there is none. If the host's pointer makes no sense, everything up to it is
 * dropped: the host will find its requests unanswered.
 */
bool mailbox_take(struct ogpu_msg *msg)
{
	uint32_t wptr = read_word(offsetof(struct ogpu_mbox_header, req_wptr));
	uint32_t index = req_rptr & (layout.req_entries - 1);
	uint32_t used;

	if (!ring_used(wptr, req_rptr, layout.req_entries, &used)) {
		log_line("request pointer %lu out of order, expected %lu to %lu: dropped", wptr,
			 req_rptr, req_rptr + layout.req_entries);
		req_rptr = wptr;
		write_word(offsetof(struct ogpu_mbox_header, req_rptr), req_rptr);
		return false;
	}
	if (!used)
		return false;
	hw_fence();
	window_read(msg, area + layout.req_offset + index * sizeof(*msg), sizeof(*msg));
	hw_fence();
	write_word(offsetof(struct ogpu_mbox_header, req_rptr), ++req_rptr);
	return true;
}

/**
 * mailbox_show_progress() - tell the host how much time firmware has had
 * @ms: milliseconds, free-running
 */
void mailbox_show_progress(uint32_t ms)
{
	static uint32_t shown;

	if (ms == shown)
		return;
	shown = ms;
	write_word(offsetof(struct ogpu_mbox_header, had_ms), ms);
}

/**
 * mailbox_log() - append text to the log ring
 * @text: one or more whole lines
 * @bytes: their length, less than the smallest ring
 *
 * Does nothing before mailbox_open().
 */
void mailbox_log(const char *text, uint32_t bytes)
{
	if (!area)
		return;
	while (bytes--)
		area[layout.log_offset + (log_wptr++ & (layout.log_size - 1))] = *text++;
	hw_fence();
	write_word(offsetof(struct ogpu_mbox_header, log_wptr), log_wptr);
}
