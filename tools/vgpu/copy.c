// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * COPY and FILL: moving bytes between any two places an address operand can name.
 *
 * Work goes on in stretches of at most 64 KiB in one memory bracket, page by page; between two
 * stretches the slot's orders are looked at. FILL is a copy whose source is always the same page,
 * full of the pattern.
 */
#include <string.h>

#include "engines.h"

#define STRETCH		65536u

/* What is moved: bytes at src, or a pattern in a buffer of one page if that is not NULL. */
struct move {
	uint64_t src, dst;
	uint8_t *pattern;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Inside the bracket: move up to the next end of a page. Returns bytes, 0 with *fault set. */
static uint64_t move_piece(struct mmu *mmu, const struct move *m, uint64_t at, uint64_t bytes,
			   struct mmu_fault *fault)
{
	struct mmu_page from = { .host = m->pattern, .bytes = MMU_PAGE }, to;

	if (!m->pattern && !mmu_resolve(mmu, m->src + at, false, &from, fault))
		return 0;
	if (!mmu_resolve(mmu, m->dst + at, true, &to, fault))
		return 0;
	bytes = smaller(bytes, smaller(from.bytes, to.bytes));
	memcpy(to.host, from.host, bytes);
	return bytes;
}

static enum step move_run(struct slot *slot, const struct move *m, uint64_t bytes, uint64_t *done,
			  struct mmu_fault *fault)
{
	while (*done < bytes) {
		uint64_t end = *done + smaller(bytes - *done, STRETCH), start = *done, n;

		if (atomic_load_explicit(&slot->stop, memory_order_relaxed))
			return STEP_STOP;
		mmu_enter(&slot->mmu);
		do {
			n = move_piece(&slot->mmu, m, *done, end - *done, fault);
			*done += n;
		} while (n && *done < end);
		mmu_leave(&slot->mmu);
		atomic_fetch_add_explicit(&slot->eng->bytes_moved, *done - start,
					  memory_order_relaxed);
		if (!n)
			return STEP_FAIL;
	}
	return STEP_DONE;
}

/**
 * copy_run() - Copy bytes.
 * @slot: the slot, whose thread calls this
 * @src: address operand
 * @dst: address operand
 * @bytes: how many in all
 * @done: how many are done; where to go on, and how far it came
 * @fault: filled for STEP_FAIL
 *
 * Return: STEP_STOP if the slot has other orders.
 */
enum step copy_run(struct slot *slot, uint64_t src, uint64_t dst, uint64_t bytes, uint64_t *done,
		   struct mmu_fault *fault)
{
	const struct move m = { .src = src, .dst = dst };

	return move_run(slot, &m, bytes, done, fault);
}

/**
 * fill_run() - Fill memory with a pattern of 32 bits.
 * @slot: the slot, whose thread calls this
 * @pattern: the pattern
 * @dst: address operand, multiple of 4
 * @bytes: how many in all, multiple of 4
 * @done: how many are done; where to go on, and how far it came
 * @fault: filled for STEP_FAIL
 *
 * Return: STEP_STOP if the slot has other orders.
 */
enum step fill_run(struct slot *slot, uint32_t pattern, uint64_t dst, uint64_t bytes,
		   uint64_t *done, struct mmu_fault *fault)
{
	uint32_t page[MMU_PAGE / 4];
	const struct move m = { .dst = dst, .pattern = (uint8_t *)page };

	for (unsigned int i = 0; i < MMU_PAGE / 4; i++)
		page[i] = pattern;
	return move_run(slot, &m, bytes, done, fault);
}
