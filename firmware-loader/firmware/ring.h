/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rules of the mailbox area and its rings. Pure: also compiled on the host for its tests. All that
 * comes from the host is doubted here, once.
 */
#ifndef FW_RING_H
#define FW_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"

/* Where things are; copied from the header once, so that the host cannot move them later. */
struct ring_layout {
	uint32_t req_offset, req_entries;
	uint32_t msg_offset, msg_entries;
	uint32_t log_offset, log_size;
};

bool ring_layout(struct ring_layout *layout, const struct ogpu_mbox_header *header, uint32_t size);
bool ring_used(uint32_t wptr, uint32_t rptr, uint32_t entries, uint32_t *used);
bool ring_message_ok(const struct ogpu_msg *msg);
bool ring_body_ok(const struct ogpu_msg *msg, uint32_t min, uint32_t known);

#endif
