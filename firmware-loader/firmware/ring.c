// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rules of the mailbox area and its rings: see ring.h and abi/mbox.h. */
#include "ring.h"

#include <stddef.h>

#define ALIGNMENT	8u
#define LOG_MIN_SIZE	256u

static bool power_of_two(uint32_t value)
{
	return value && !(value & (value - 1));
}

/* An aligned part of the area that does not touch the header. */
static bool part_ok(uint32_t offset, uint64_t bytes, uint32_t area)
{
	return offset % ALIGNMENT == 0 && offset >= sizeof(struct ogpu_mbox_header) &&
	       offset <= area && bytes <= area - offset;
}

static bool apart(uint32_t a, uint64_t a_bytes, uint32_t b, uint64_t b_bytes)
{
	return a + a_bytes <= b || b + b_bytes <= a;
}

static bool all_zero(const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	while (count--) {
		if (*at++)
			return false;
	}
	return true;
}

/**
 * ring_layout() - check the header of the mailbox area and take the layout from it
 * @layout: result
 * @header: a private copy of the header
 * @size: bytes of the area as the host wrote into the register
 *
 * Return: false if the header breaks a rule.
 */
bool ring_layout(struct ring_layout *layout, const struct ogpu_mbox_header *header, uint32_t size)
{
	uint64_t req_bytes = (uint64_t)header->req_entries * sizeof(struct ogpu_msg);
	uint64_t msg_bytes = (uint64_t)header->msg_entries * sizeof(struct ogpu_msg);

	if (header->magic != OGPU_MBOX_MAGIC || header->layout != OGPU_MBOX_LAYOUT ||
	    header->size != size || header->msg_size != sizeof(struct ogpu_msg))
		return false;
	if (!all_zero(header->rsvd0, sizeof(header->rsvd0)) ||
	    !all_zero(header->rsvd1, sizeof(header->rsvd1)) ||
	    !all_zero(header->rsvd2, sizeof(header->rsvd2)))
		return false;
	if (!power_of_two(header->req_entries) || !power_of_two(header->msg_entries) ||
	    !power_of_two(header->log_size) || header->log_size < LOG_MIN_SIZE)
		return false;
	if (!part_ok(header->req_offset, req_bytes, size) ||
	    !part_ok(header->msg_offset, msg_bytes, size) ||
	    !part_ok(header->log_offset, header->log_size, size))
		return false;
	if (!apart(header->req_offset, req_bytes, header->msg_offset, msg_bytes) ||
	    !apart(header->req_offset, req_bytes, header->log_offset, header->log_size) ||
	    !apart(header->msg_offset, msg_bytes, header->log_offset, header->log_size))
		return false;

	layout->req_offset = header->req_offset;
	layout->req_entries = header->req_entries;
	layout->msg_offset = header->msg_offset;
	layout->msg_entries = header->msg_entries;
	layout->log_offset = header->log_offset;
	layout->log_size = header->log_size;
	return true;
}

/**
 * ring_used() - entries that are waiting in a ring
 * @wptr: free-running write pointer
 * @rptr: free-running read pointer
 * @entries: of the ring
 * @used: result
 *
 * Return: false if the pointers are out of order; the ring then has nothing and no room.
 */
bool ring_used(uint32_t wptr, uint32_t rptr, uint32_t entries, uint32_t *used)
{
	*used = wptr - rptr;
	return *used <= entries;
}

/**
 * ring_message_ok() - whether a request keeps the rules that hold for all types
 * @msg: a private copy of the request
 */
bool ring_message_ok(const struct ogpu_msg *msg)
{
	return !msg->status && !msg->rsvd && msg->size <= OGPU_MSG_BODY &&
	       all_zero(msg->body + msg->size, OGPU_MSG_BODY - msg->size);
}

/**
 * ring_body_ok() - whether a request from an older or newer host can be understood
 * @msg: a private copy of the request, for which ring_message_ok() holds
 * @min: bytes that the body has at least
 * @known: bytes of the body that we know; what the host leaves out of them is zero
 */
bool ring_body_ok(const struct ogpu_msg *msg, uint32_t min, uint32_t known)
{
	return msg->size >= min && all_zero(msg->body + known, OGPU_MSG_BODY - known);
}
