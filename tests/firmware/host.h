/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The host's side of the mailbox, for tests of the firmware on a fake card. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"
#include "fake_card.h"

#define HOST_QUEUES	64

/* Layout of host memory. */
#define HOST_MBOX	FAKE_HOST_BASE
#define HOST_MBOX_SIZE	0x10000u
#define HOST_RING(n)	(FAKE_HOST_BASE + 0x100000 + (n) * 0x3000ull)	/* 4 KiB each */
#define HOST_RPTR(n)	(HOST_RING(n) + 0x1000)
#define HOST_WPTR(n)	(HOST_RING(n) + 0x1008)
#define HOST_FLAG(n)	(HOST_RING(n) + 0x1010)
#define HOST_CONTROL(n)	(HOST_RING(n) + 0x2000)

struct host {
	struct vgpu *gpu;
	struct mc *mc;
	struct ogpu_mbox_header *mbox;
	uint32_t seq;
	uint32_t msg_entries;
	uint64_t wptr[FAKE_DOORBELLS];
	/* Events that came while a reply was waited for. */
	struct ogpu_msg events[256];
	unsigned int event_count, event_taken;
};

/* A card with the firmware in its SRAM, mailbox laid out, not started. */
void host_init(struct host *host);
void host_layout(struct host *host, uint32_t req_entries, uint32_t msg_entries);
void host_start(struct host *host);
void host_fini(struct host *host);

void host_post(struct host *host, uint16_t type, const void *body, uint32_t size);
void host_post_raw(struct host *host, const struct ogpu_msg *msg);
bool host_receive(struct host *host, struct ogpu_msg *msg, unsigned int timeout_ms);
/* Firmware has nothing more to say: its answer to what is asked now is the next that comes. */
void host_expect_quiet(struct host *host);
bool host_event(struct host *host, uint16_t type, struct ogpu_msg *msg, unsigned int timeout_ms);
uint16_t host_request(struct host *host, uint16_t type, const void *body, uint32_t size,
		      struct ogpu_msg *reply);

void host_boot(struct host *host);	/* start, HELLO, CONFIGURE */
void host_describe(struct ogpu_msg_queue_create *desc, uint32_t number);
uint16_t host_create(struct host *host, uint32_t number, uint8_t engine, uint8_t priority);
struct ogpu_queue_control host_control(struct host *host, uint32_t number);
uint16_t host_about(struct host *host, uint16_t type, uint32_t number, struct ogpu_msg *reply);
void host_submit(struct host *host, uint32_t number, uint64_t job);
uint64_t host_rptr(struct host *host, uint32_t number);
bool host_wait_done(struct host *host, uint32_t number, unsigned int timeout_ms);
void host_print_log(struct host *host);

#endif
