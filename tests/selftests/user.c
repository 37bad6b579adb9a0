// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "user.h"

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define HOG_VA	0x200000000000ull

static void give_up(const char *what, int err)
{
	printf("# %s: %s\n", what, strerror(-err));
	fflush(stdout);
	_exit(1);
}

void user_vm(struct card *card)
{
	struct drm_ogpu_vm_create args = { .flags = DRM_OGPU_VM_LONG_RUNNING };
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_VM_CREATE, &args);

	if (ret)
		give_up("VM_CREATE", ret);
	card->vm = args.vm_id;
}

void user_prepare(struct card *card, struct user *u, uint32_t ring_bytes)
{
	*u = (struct user) { .card = card };
	card_buffer(card, &u->ring, ring_bytes, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(card, &u->words, 4096, DRM_OGPU_BO_SYSTEM, RW);
	u->rptr = u->words.map;
	u->wptr = u->rptr + 1;
	u->word = u->rptr + 8;
	u->args = (struct drm_ogpu_queue_create) {
		.vm_id = card->vm,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.flags = DRM_OGPU_QUEUE_USER,
		.ring_va = u->ring.va,
		.ring_bytes = ring_bytes,
		.rptr_va = u->words.va,
		.wptr_va = u->words.va + 8,
	};
}

int user_create(struct user *u)
{
	int ret = card_ioctl(u->card, DRM_IOCTL_OGPU_QUEUE_CREATE, &u->args);

	if (ret)
		return ret;
	u->doorbell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, u->card->fd,
			   u->args.doorbell_offset);
	u->control = mmap(NULL, 4096, PROT_READ, MAP_SHARED, u->card->fd,
			  u->args.control_offset);
	if (u->doorbell == MAP_FAILED || u->control == MAP_FAILED)
		return -errno;

	return 0;
}

void user_open(struct card *card, struct user *u, uint32_t ring_bytes)
{
	int ret;

	user_prepare(card, u, ring_bytes);
	ret = user_create(u);
	if (ret)
		give_up("user queue", ret);
}

void user_destroy(struct user *u)
{
	int ret = card_queue_destroy(u->card, u->args.queue_id);

	if (ret)
		give_up("QUEUE_DESTROY", ret);
}

void user_add(struct user *u, const void *packet, uint32_t bytes)
{
	uint64_t size = u->args.ring_bytes;
	uint64_t at = u->tail % size;
	uint64_t first = bytes < size - at ? bytes : size - at;
	uint64_t end = time_limit(20000);

	while (u->tail + bytes - *u->rptr > size) {
		if (time_ms() > end)
			give_up("ring stays full", -ETIME);
		user_ring(u);
	}
	memcpy((char *)u->ring.map + at, packet, first);
	memcpy(u->ring.map, (const char *)packet + first, bytes - first);
	u->tail += bytes;
}

void user_nop(struct user *u, uint32_t bytes)
{
	uint32_t words[64] = { DRM_OGPU_PKT(DRM_OGPU_PKT_NOP, bytes) };

	user_add(u, words, bytes);
}

void user_fill(struct user *u, uint64_t dst, uint64_t bytes, uint32_t pattern)
{
	struct drm_ogpu_pkt_fill packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_FILL, sizeof(packet)) | DRM_OGPU_PKT_BARRIER,
		.pattern = pattern,
		.dst = dst,
		.bytes = bytes,
	};

	user_add(u, &packet, sizeof(packet));
}

void user_copy(struct user *u, uint64_t src, uint64_t dst, uint64_t bytes)
{
	struct drm_ogpu_pkt_copy packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_COPY, sizeof(packet)) | DRM_OGPU_PKT_BARRIER,
		.src = src,
		.dst = dst,
		.bytes = bytes,
	};

	user_add(u, &packet, sizeof(packet));
}

void user_wait_packet(struct user *u, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_wait packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_WAIT, sizeof(packet)) | DRM_OGPU_PKT_BARRIER,
		.compare = DRM_OGPU_COMPARE_EQ,
		.addr = addr,
		.value = value,
		.mask = UINT64_MAX,
	};

	user_add(u, &packet, sizeof(packet));
}

void user_fence(struct user *u)
{
	struct drm_ogpu_pkt_fence packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE, sizeof(packet)) | DRM_OGPU_FENCE_SIGNAL,
		.addr = USER_WORD(u),
		.value = ++u->fence,
	};

	user_add(u, &packet, sizeof(packet));
}

void user_ring(struct user *u)
{
	__atomic_store_n(u->wptr, u->tail, __ATOMIC_RELEASE);
	u->doorbell[DRM_OGPU_DOORBELL_WPTR / 8] = u->tail;
}

int user_wait_for(struct card *card, uint32_t queue, volatile uint64_t *word, uint64_t value,
		  int ms)
{
	struct drm_ogpu_wait_fence fence = {
		.pointer = (uintptr_t)word,
		.value = value,
		.mask = UINT64_MAX,
		.compare = DRM_OGPU_COMPARE_GE,
		.queue_id = queue,
	};
	struct drm_ogpu_wait args = {
		.timeout_ns = time_limit_ns(ms),
		.fences = CARD_ARRAY(&fence, 1),
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_WAIT, &args);
}

int user_wait(struct user *u, int ms)
{
	return user_wait_for(u->card, u->args.queue_id, u->word, u->fence, ms);
}

uint32_t user_error(struct user *u)
{
	struct drm_ogpu_queue_get_state state;

	card_queue_wait_error(u->card, u->args.queue_id, &state);

	return state.error;
}

static sigjmp_buf jump;

static void on_fault(int number)
{
	siglongjmp(jump, number);
}

int user_touch(volatile void *at, bool write)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	int number;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	number = sigsetjmp(jump, 1);
	if (number)
		return number;
	if (write)
		*(volatile uint32_t *)at = 0;
	else
		(void)*(volatile uint32_t *)at;

	return 0;
}

void user_hog(uint64_t bytes)
{
	/* Not for the CPU, whose part of VRAM may be small. */
	struct drm_ogpu_bo_create args = { .size = bytes, .placement = DRM_OGPU_BO_VRAM };
	struct buffer all;
	struct card hog;
	struct stream s;
	int ret;

	card_open(&hog);
	card_stream(&hog, &s, 4096);
	ret = card_ioctl(&hog, DRM_IOCTL_OGPU_BO_CREATE, &args);
	if (ret)
		give_up("BO_CREATE", ret);
	all = (struct buffer) { .handle = args.handle, .size = args.size };
	ret = card_bind(&hog, &all, HOG_VA, RW);
	if (ret)
		give_up("VM_BIND", ret);
	/* The job waits until what was there has been copied away. */
	stream_fill(&s, HOG_VA, 4096, 1);
	card_run(&hog, card_queue(&hog, DRM_OGPU_ENGINE_COPY, 0), &s);
	/* A mapping would keep the file. */
	munmap(s.buf.map, s.buf.size);
	card_close(&hog);
}
