// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rings of mailbox messages: adding, taking, and the text of the log ring.
 *
 * Firmware may be broken or hostile. Its counters are checked against ours each time, a message is
 * copied once and then only the copy is looked at, and the log is reduced to printable text.
 */
#include <linux/errno.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <asm/barrier.h>

#include "ogpu_mbox_ring.h"

/**
 * ogpu_mbox_ring_push() - add a message to the ring of requests
 * @ring: the ring
 * @msg: the message
 *
 * The caller serialises, and rings the bell afterwards.
 *
 * Return: 0; -EBUSY if the ring is full; -EIO if firmware's counter is impossible.
 */
int ogpu_mbox_ring_push(struct ogpu_mbox_ring *ring, const struct ogpu_msg *msg)
{
	u32 used = ring->count - le32_to_cpu(READ_ONCE(*ring->theirs));

	if (used > ring->entries)
		return -EIO;
	if (used == ring->entries)
		return -EBUSY;

	ring->slots[ring->count & (ring->entries - 1)] = *msg;
	/* The message must be there before the counter that announces it. */
	dma_wmb();
	ring->count++;
	WRITE_ONCE(*ring->ours, cpu_to_le32(ring->count));

	return 0;
}

/**
 * ogpu_mbox_ring_pop() - take a message from the ring of replies and events
 * @ring: the ring
 * @msg: copy of the message; its size member may be trusted, and what follows the body is zero
 *
 * The caller serialises.
 *
 * Return: 1 if there was a message, 0 if the ring is empty, -EBADMSG if there was one that breaks
 * the rules (it is gone), -EIO if firmware's counter is impossible.
 */
int ogpu_mbox_ring_pop(struct ogpu_mbox_ring *ring, struct ogpu_msg *msg)
{
	u32 available = le32_to_cpu(READ_ONCE(*ring->theirs)) - ring->count;
	u32 size;

	if (!available)
		return 0;
	if (available > ring->entries)
		return -EIO;

	/* Read the message after the counter that announced it. */
	dma_rmb();
	memcpy(msg, &ring->slots[ring->count & (ring->entries - 1)], sizeof(*msg));
	/* Our reads of the slot must be over before firmware may write it again. */
	mb();
	ring->count++;
	WRITE_ONCE(*ring->ours, cpu_to_le32(ring->count));

	size = le32_to_cpu(msg->size);
	if (size > OGPU_MSG_BODY)
		return -EBADMSG;
	memset(msg->body + size, 0, OGPU_MSG_BODY - size);

	return 1;
}

/**
 * ogpu_mbox_msg_complete() - does a reply or event have all that its type had at first?
 * @msg: from ogpu_mbox_ring_pop()
 *
 * Firmware that is older than the driver may leave out what came later, see abi/mbox.h.
 *
 * Return: false if not, or if it is an event of unknown type.
 */
bool ogpu_mbox_msg_complete(const struct ogpu_msg *msg)
{
	u32 size = le32_to_cpu(msg->size);
	u16 type = le16_to_cpu(msg->type);

	switch (type) {
	case OGPU_MSG_HELLO:
		return size >= OGPU_MSG_HELLO_MIN;
	case OGPU_MSG_QUEUE_ERROR:
	case OGPU_MSG_QUEUE_FAULT:
		return size >= OGPU_MSG_QUEUE_ERROR_MIN;
	case OGPU_MSG_SENSOR_ALERT:
	case OGPU_MSG_SENSORS | OGPU_MSG_REPLY:
		return size >= OGPU_MSG_SENSORS_MIN;
	case OGPU_MSG_QUEUE_QUERY | OGPU_MSG_REPLY:
		return size >= OGPU_MSG_QUEUE_STATE_MIN;
	default:
		return type & OGPU_MSG_REPLY;
	}
}

/**
 * ogpu_mbox_log_copy() - the text in the log ring, oldest first
 * @log: the ring
 * @log_size: its bytes, a power of two
 * @wptr: bytes ever written
 * @buf: room for @log_size + 1 bytes; a NUL is added
 *
 * Return: bytes of text. Bytes that are not printable become '?'.
 */
size_t ogpu_mbox_log_copy(const u8 *log, u32 log_size, u32 wptr, char *buf)
{
	size_t len = min(wptr, log_size);
	size_t i;

	for (i = 0; i < len; i++) {
		u8 c = READ_ONCE(log[(wptr - len + i) & (log_size - 1)]);

		buf[i] = isascii(c) && (isprint(c) || c == '\n' || c == '\t') ? c : '?';
	}
	buf[len] = '\0';

	return len;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_mbox_ring_test.c"
#endif
