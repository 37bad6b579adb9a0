/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Kernels and packets that make the host work as hard as they can, for ever, kernels on all units
 * of a fake card: their addresses are spread over an address space in which every page is mapped,
 * by four tables, two of them in host memory, so that no translation is used twice.
 */
#ifndef OGPU_TESTS_HOSTILE_H
#define OGPU_TESTS_HOSTILE_H

#include "fake_kernels.h"
#include "fake_queue.h"

#define HOSTILE_ASID	9u
#define HOSTILE_TABLES	0x100000u	/* offset in host memory */
#define HOSTILE_ITEMS	1024u

#define HOSTILE_RECT	"COPY_RECT"

/*
 * Page-crossing loads and stores, atomics, soft rounding, private memory bytewise, code, wave
 * operations; and a packet, with rows of one byte.
 */
static const char *const hostile_kinds[] = {
	"hostile_load", "hostile_store", "hostile_atomic", "hostile_round", "hostile_private",
	"hostile_code", "hostile_wave", HOSTILE_RECT,
};

struct hostile {
	struct vgpu *gpu;
	struct fake_queue queue;
};

static void hostile_map(struct vgpu *gpu)
{
	const uint64_t operand[] = {
		SYSTEM(FAKE_SYSTEM + HOSTILE_TABLES), SYSTEM(FAKE_SYSTEM + HOSTILE_TABLES + 0x1000),
		SYSTEM(FAKE_SYSTEM + HOSTILE_TABLES + 0x2000),
	};
	uint64_t *table[] = {
		fake_table(gpu, operand[0]), fake_table(gpu, operand[1]),
		fake_table(gpu, operand[2]),
	};

	for (unsigned int i = 0; i < OGPU_PT_ENTRIES; i++) {
		table[0][i] = fake_pte(VRAM(FAKE_DATA + 0x400000 + i * MMU_PAGE),
				       OGPU_PTE_LEAF | PTE_RW);
		table[1][i] = fake_pte(operand[0], 0);
		table[2][i] = fake_pte(operand[1], 0);
		if (i)
			*fake_entry(gpu, HOSTILE_ASID, (uint64_t)i << 39, 3) =
				fake_pte(operand[2], 0);
	}
}

static void hostile_put_rect(struct fake_queue *q)
{
	/* Each row needs other entries of all tables than the one before. */
	const uint64_t pitch = 1ull << 39 | 1ull << 30 | 1ull << 21 | 1ull << 12;
	struct ogpu_pkt_copy_rect r = {
		.src = pitch, .dst = pitch + MMU_PAGE / 2, .extent = { 1, 500, UINT32_MAX },
		.src_pitch = { pitch }, .dst_pitch = { pitch },
	};

	q_put(q, OGPU_OP_COPY_RECT, 0, &r, sizeof(r));
}

static void hostile_start(struct hostile *h, const char *kind, unsigned int units)
{
	struct ogpu_pkt_dispatch d = {
		.grid = { 64, 1, 1 }, .group = { HOSTILE_ITEMS, 1, 1 }, .private_bytes = 512,
	};

	h->gpu = fake_create(units);
	h->gpu->timed = true;
	hostile_map(h->gpu);
	kernels_load(h->gpu, HOSTILE_ASID, FAKE_DATA);
	q_init(&h->queue, h->gpu, 0, HOSTILE_ASID, 0);
	if (strcmp(kind, HOSTILE_RECT)) {
		d.entry = kernel_entry(kind);
		q_put(&h->queue, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	} else {
		hostile_put_rect(&h->queue);
	}
	q_ring(&h->queue);
	q_start(&h->queue);
}

static void hostile_stop(struct hostile *h)
{
	q_write(&h->queue, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	q_wait(&h->queue, OGPU_SLOT_FAILED);
	fake_destroy(h->gpu);
}

#endif
