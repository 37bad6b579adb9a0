// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The host's side of the mailbox: see host.h. */
#include "host.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define REPLY_MS	10000
#define SVN		7

static uint8_t elf[1 << 20];

/* Loads the program that OGPU_FW_ELF names; returns its entry. */
static uint32_t load_firmware(struct mc *mc)
{
	const Elf32_Ehdr *header = (const void *)elf;
	const Elf32_Phdr *segment;
	const char *path = getenv("OGPU_FW_ELF");
	FILE *file = path ? fopen(path, "rb") : NULL;
	size_t size;
	int i;

	if (!file)
		fail_msg("set OGPU_FW_ELF to the firmware's program (ogpu-fw.elf)");
	size = fread(elf, 1, sizeof(elf), file);
	fclose(file);
	assert_true(size > sizeof(*header) && size < sizeof(elf));
	for (i = 0; i < header->e_phnum; i++) {
		segment = (const void *)(elf + header->e_phoff + i * header->e_phentsize);
		if (segment->p_type == PT_LOAD)
			assert_true(mc_load(mc, segment->p_paddr, elf + segment->p_offset,
					    segment->p_filesz, segment->p_memsz));
	}
	return header->e_entry;
}

void host_layout(struct host *host, uint32_t req_entries, uint32_t msg_entries)
{
	struct ogpu_mbox_header header = {
		.magic = OGPU_MBOX_MAGIC,
		.layout = OGPU_MBOX_LAYOUT,
		.size = HOST_MBOX_SIZE,
		.msg_size = sizeof(struct ogpu_msg),
		.req_offset = 0x400,
		.req_entries = req_entries,
		.msg_offset = 0x400 + req_entries * sizeof(struct ogpu_msg),
		.msg_entries = msg_entries,
		.log_offset = 0xf000,
		.log_size = 0x1000,
	};

	host->mbox = fake_host(host->gpu, HOST_MBOX);
	host->msg_entries = msg_entries;
	memcpy(host->mbox, &header, sizeof(header));
}

void host_init(struct host *host)
{
	memset(host, 0, sizeof(*host));
	host->gpu = fake_card_create();
	host->mc = fake_card_mc(host->gpu);
	host_layout(host, 16, 32);
}

void host_start(struct host *host)
{
	mc_reset(host->mc);
	mc_set_mbox(host->mc, HOST_MBOX, HOST_MBOX_SIZE);
	mc_start(host->mc, load_firmware(host->mc), SVN);
}

void host_fini(struct host *host)
{
	assert_int_equal(fake_misuse(host->gpu), 0);
	fake_card_destroy(host->gpu);
}

static uint32_t load(const void *word)
{
	return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

static void store(void *word, uint32_t value)
{
	__atomic_store_n((uint32_t *)word, value, __ATOMIC_RELEASE);
}

void host_post_raw(struct host *host, const struct ogpu_msg *msg)
{
	uint32_t wptr = host->mbox->req_wptr;
	struct ogpu_msg *ring = fake_host(host->gpu, HOST_MBOX + host->mbox->req_offset);

	ring[wptr % host->mbox->req_entries] = *msg;
	store(&host->mbox->req_wptr, wptr + 1);
	mc_irq(host->mc, OGPU_MC_IRQ_MBOX);
}

void host_post(struct host *host, uint16_t type, const void *body, uint32_t size)
{
	struct ogpu_msg msg = { .seq = ++host->seq, .type = type, .size = size };

	if (size)
		memcpy(msg.body, body, size);
	host_post_raw(host, &msg);
}

bool host_receive(struct host *host, struct ogpu_msg *msg, unsigned int timeout_ms)
{
	const struct ogpu_msg *ring = fake_host(host->gpu, HOST_MBOX + host->mbox->msg_offset);
	uint32_t rptr = host->mbox->msg_rptr;

	while (load(&host->mbox->msg_wptr) == rptr) {
		if (!fake_wait_irq(host->gpu, timeout_ms) &&
		    load(&host->mbox->msg_wptr) == rptr)
			return false;
	}
	*msg = ring[rptr % host->msg_entries];
	store(&host->mbox->msg_rptr, rptr + 1);
	return true;
}

bool host_event(struct host *host, uint16_t type, struct ogpu_msg *msg, unsigned int timeout_ms)
{
	if (host->event_taken < host->event_count)
		*msg = host->events[host->event_taken++];
	else if (!host_receive(host, msg, timeout_ms))
		return false;
	assert_int_equal(msg->type, type);
	assert_int_equal(msg->seq, 0);
	assert_int_equal(msg->status, 0);
	return true;
}

uint16_t host_request(struct host *host, uint16_t type, const void *body, uint32_t size,
		      struct ogpu_msg *reply)
{
	struct ogpu_msg msg;

	host_post(host, type, body, size);
	for (;;) {
		if (!host_receive(host, &msg, REPLY_MS)) {
			host_print_log(host);
			fail_msg("no reply to request %u, fatal 0x%x pc 0x%x", type,
				 mc_fatal(host->mc), mc_fatal_pc(host->mc));
		}
		if (msg.type & OGPU_MSG_REPLY)
			break;
		assert_true(host->event_count < 256);
		host->events[host->event_count++] = msg;
	}
	assert_int_equal(msg.type, type | OGPU_MSG_REPLY);
	assert_int_equal(msg.seq, host->seq);
	if (reply)
		*reply = msg;
	return msg.status;
}

void host_expect_quiet(struct host *host)
{
	struct ogpu_msg msg;

	assert_int_equal(host->event_taken, host->event_count);
	host_post(host, OGPU_MSG_PING, NULL, 0);
	assert_true(host_receive(host, &msg, REPLY_MS));
	assert_int_equal(msg.type, OGPU_MSG_PING | OGPU_MSG_REPLY);
	assert_int_equal(msg.seq, host->seq);
}

void host_boot(struct host *host)
{
	struct ogpu_msg_configure configure = { .abi = OGPU_FW_ABI_VERSION };
	struct ogpu_msg_hello hello;
	struct ogpu_msg msg;

	host_start(host);
	if (!host_event(host, OGPU_MSG_HELLO, &msg, REPLY_MS)) {
		host_print_log(host);
		fail_msg("no HELLO, fatal 0x%x pc 0x%x", mc_fatal(host->mc),
			 mc_fatal_pc(host->mc));
	}
	memcpy(&hello, msg.body, sizeof(hello));
	configure.features = hello.features;
	assert_int_equal(host_request(host, OGPU_MSG_CONFIGURE, &configure, sizeof(configure),
				      NULL), OGPU_MSG_OK);
}

void host_describe(struct ogpu_msg_queue_create *desc, uint32_t number)
{
	memset(desc, 0, sizeof(*desc));
	desc->queue = number;
	desc->asid = number + 1;
	desc->priority = OGPU_PRIORITY_NORMAL;
	desc->ring_size = 4096;
	desc->ring = OGPU_OPERAND(OGPU_TARGET_SYSTEM, HOST_RING(number));
	desc->rptr = OGPU_OPERAND(OGPU_TARGET_SYSTEM, HOST_RPTR(number));
	desc->wptr = OGPU_OPERAND(OGPU_TARGET_SYSTEM, HOST_WPTR(number));
	desc->control = OGPU_OPERAND(OGPU_TARGET_SYSTEM, HOST_CONTROL(number));
}

uint16_t host_create(struct host *host, uint32_t number, uint8_t engine, uint8_t priority)
{
	struct ogpu_msg_queue_create desc;

	host_describe(&desc, number);
	desc.engine = engine;
	desc.priority = priority;
	host->wptr[number] = 0;
	memset(fake_host(host->gpu, HOST_RING(number)), 0, 0x3000);
	return host_request(host, OGPU_MSG_QUEUE_CREATE, &desc, sizeof(desc), NULL);
}

struct ogpu_queue_control host_control(struct host *host, uint32_t number)
{
	const struct ogpu_queue_control *page = fake_host(host->gpu, HOST_CONTROL(number));
	struct ogpu_queue_control copy;
	uint32_t seq;

	do {
		seq = load(&page->seq);
		copy = *(const volatile struct ogpu_queue_control *)page;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (seq % 2 || load(&page->seq) != seq);
	return copy;
}

uint16_t host_about(struct host *host, uint16_t type, uint32_t number, struct ogpu_msg *reply)
{
	struct ogpu_msg_queue body = { .queue = number };

	return host_request(host, type, &body, sizeof(body), reply);
}

void host_submit(struct host *host, uint32_t number, uint64_t job)
{
	uint64_t *ring = fake_host(host->gpu, HOST_RING(number));
	uint64_t *wptr = fake_host(host->gpu, HOST_WPTR(number));

	ring[host->wptr[number] % 4096 / 8] = job;
	host->wptr[number] += 8;
	__atomic_store_n(wptr, host->wptr[number], __ATOMIC_RELEASE);
	fake_doorbell(host->gpu, number);
}

uint64_t host_rptr(struct host *host, uint32_t number)
{
	return __atomic_load_n((uint64_t *)fake_host(host->gpu, HOST_RPTR(number)),
			       __ATOMIC_ACQUIRE);
}

bool host_wait_done(struct host *host, uint32_t number, unsigned int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	uint64_t end = vgpu_time_ns(host->gpu) + timeout_ms * 1000000ull;

	/* The toy engines tell nobody that a job is done: look at the pointer now and then. */
	while (host_rptr(host, number) != host->wptr[number]) {
		if (vgpu_time_ns(host->gpu) > end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void host_print_log(struct host *host)
{
	const char *text = fake_host(host->gpu, HOST_MBOX + host->mbox->log_offset);
	uint32_t at = 0, end = host->mbox->log_wptr;

	if (end > host->mbox->log_size)
		at = end - host->mbox->log_size;
	for (; at != end; at++)
		fputc(text[at % host->mbox->log_size], stderr);
}
