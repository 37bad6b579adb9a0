// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "mirror.h"

#define SLOW_MS		60000
#define PRIVATE_BYTES	64u
/* For so many workgroups at a time. */
#define GROUPS		16u

/* Kernels, one after the other. */
static const uint32_t code[] = {
	/* add: word 0 at a0 points to the words */
	0x00053583,	/*	ld	a1, 0(a0)		*/
	0xcc002673,	/*	csrr	a2, 0xcc0 (global id)	*/
	0x00361693,	/*	slli	a3, a2, 3		*/
	0x00d585b3,	/*	add	a1, a1, a3		*/
	0x0005b703,	/*	ld	a4, 0(a1)		*/
	0x00170713,	/*	addi	a4, a4, 1		*/
	0x00e5b023,	/*	sd	a4, 0(a1)		*/
	0x00008067,	/*	ret				*/
	/* spin: word 1 at a0 points to what counts, until word 2 is set */
	0x00853583,	/*	ld	a1, 8(a0)		*/
	0x0005b703,	/* 1:	ld	a4, 0(a1)		*/
	0x00170713,	/*	addi	a4, a4, 1		*/
	0x00e5b023,	/*	sd	a4, 0(a1)		*/
	0x01053783,	/*	ld	a5, 16(a0)		*/
	0xfe0788e3,	/*	beqz	a5, 1b			*/
	0x00008067,	/*	ret				*/
};

enum { ADD = 4 * 0, SPIN = 4 * 8 };

static void give_up(const char *what, int err)
{
	printf("# %s: %s\n", what, strerror(-err));
	fflush(stdout);
	_exit(1);
}

static bool open_with(struct svm *s, uint32_t vm_flags, uint32_t device_flags)
{
	struct drm_ogpu_vm_create vm = { .flags = DRM_OGPU_VM_LONG_RUNNING | vm_flags };
	const struct drm_ogpu_query_device *info = &s->card.info;
	uint64_t waves, frame, bytes;
	int ret;

	card_open(&s->card);
	if ((info->flags & device_flags) != device_flags)
		return false;
	ret = card_ioctl(&s->card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
	if (ret)
		give_up("VM_CREATE", ret);
	s->card.vm = vm.vm_id;
	s->card.next_va = DRM_OGPU_SVM_END + (1ull << 30);
	card_buffer(&s->card, &s->code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(s->code.map, code, sizeof(code));

	waves = (SVM_ITEMS + info->lanes - 1) / info->lanes;
	frame = 256 + waves * (info->save_wave_bytes + info->lanes * PRIVATE_BYTES) + 4096;
	bytes = (frame * GROUPS + 4095) & ~4095ull;
	user_prepare(&s->card, &s->u, 4096);
	s->u.args.save_va = card_save_area(&s->card, bytes);
	s->u.args.save_bytes = bytes;
	ret = user_create(&s->u);
	if (ret)
		give_up("QUEUE_CREATE", ret);

	s->args = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->args == MAP_FAILED)
		give_up("mmap", -errno);

	return true;
}

bool svm_open(struct svm *s)
{
	return open_with(s, DRM_OGPU_VM_SVM, DRM_OGPU_DEVICE_SVM);
}

bool svm_open_vram(struct svm *s)
{
	return open_with(s, DRM_OGPU_VM_SVM | DRM_OGPU_VM_SVM_VRAM,
			 DRM_OGPU_DEVICE_SVM | DRM_OGPU_DEVICE_SVM_VRAM);
}

void svm_dispatch(struct svm *s, uint64_t entry, uint64_t args, uint32_t groups, uint32_t items)
{
	struct drm_ogpu_pkt_dispatch packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, sizeof(packet)) |
			  DRM_OGPU_PKT_BARRIER,
		.entry = entry,
		.args = args,
		.grid = { groups, 1, 1 },
		.group = { items, 1, 1 },
		.private_bytes = PRIVATE_BYTES,
	};

	user_add(&s->u, &packet, sizeof(packet));
}

int svm_finish(struct svm *s)
{
	user_fence(&s->u);
	user_ring(&s->u);

	return user_wait(&s->u, SLOW_MS);
}

void svm_add_nowait(struct svm *s, const void *at, uint64_t groups)
{
	s->args[0] = (uintptr_t)at;
	svm_dispatch(s, s->code.va + ADD, (uintptr_t)s->args, groups, SVM_ITEMS);
	user_fence(&s->u);
	user_ring(&s->u);
}

int svm_add(struct svm *s, const volatile void *at, uint64_t groups)
{
	svm_add_nowait(s, (const void *)at, groups);

	return user_wait(&s->u, SLOW_MS);
}

void svm_spin(struct svm *s, volatile void *at)
{
	s->args[1] = (uintptr_t)at;
	s->args[2] = 0;
	svm_dispatch(s, s->code.va + SPIN, (uintptr_t)s->args, 1, 1);
	user_fence(&s->u);
	user_ring(&s->u);
	svm_wait_spin(s, at);
}

void svm_wait_spin(struct svm *s, volatile void *at)
{
	volatile uint64_t *word = at;
	uint64_t end = time_limit(SLOW_MS), was = *word;

	while (*word == was) {
		if (time_ms() > end || s->u.control->state == DRM_OGPU_QUEUE_FAILED)
			give_up("kernel does not go on", -ETIME);
	}
}

int svm_stop_spin(struct svm *s)
{
	s->args[2] = 1;

	return user_wait(&s->u, SLOW_MS);
}
