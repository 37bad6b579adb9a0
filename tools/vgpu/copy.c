// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The copy engine: moves bytes between any two places an address operand can name.
 *
 * Everything is rows of bytes, in slices of rows: a plain COPY is one row. Work goes on in
 * stretches in one memory bracket, piece by piece, a piece ending with its row or at the next page;
 * between two stretches the slot's orders are looked at. How far it came is a number of bytes, so
 * it can go on anywhere. FILL is a copy whose source is always the same page, full of the pattern.
 */
#include <string.h>

#include "engines.h"

/*
 * What is done in one bracket: some 100 us of moving, and as much of looking pages up. A stretch
 * ends with a piece: all of a page that is stored in two would not make it good again.
 */
#define STRETCH_BYTES	65536u
#define STRETCH_PIECES	256u

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/**
 * move_bytes() - How many bytes are to be moved.
 * @m: what is moved
 *
 * Return: of all rows of all slices.
 */
uint64_t move_bytes(const struct move *m)
{
	return m->extent[0] * m->extent[1] * m->extent[2];
}

/* Operand of a byte of a row; rows may begin at anything that fits 64 bits. */
static bool row_operand(const struct move *m, uint64_t addr, bool write, uint64_t *operand,
			struct mmu_fault *fault)
{
	*operand = m->rows ? OGPU_OPERAND(OGPU_TARGET_VIRTUAL, addr & OGPU_OPERAND_ADDR) : addr;
	if (!m->rows || !(addr >> OGPU_VA_BITS))
		return true;
	*fault = (struct mmu_fault){
		addr, write ? OGPU_ACCESS_WRITE : OGPU_ACCESS_READ, OGPU_FAULT_VA_RANGE
	};
	return false;
}

/* As mmu_resolve(), but poisoned memory is found, too: it has no host pointer. */
static bool find_page(struct mmu *mmu, uint64_t operand, bool write, struct mmu_page *page,
		      struct mmu_fault *fault)
{
	*page = (struct mmu_page){ 0 };
	if (mmu_resolve(mmu, operand, write, page, fault))
		return true;
	page->host = NULL;
	/* Without bytes it is a page table that is poisoned. */
	return fault->reason == OGPU_FAULT_POISON && page->bytes;
}

/* What is copied is lost: so is what it is copied to, or it is zero, which is told. */
static bool move_poison(struct slot *slot, const struct move *m, const struct mmu_page *to,
			uint64_t bytes)
{
	if (vgpu_mem_carry(slot->mmu.gpu, to->operand, slot->queue.queue))
		return true;
	if (!m->lost || !to->host)
		return false;
	memset(to->host, 0, bytes);
	*m->lost = true;
	return true;
}

/*
 * Moves bytes of one page to one page. Poison is carried; a part of a poisoned page cannot be
 * stored without what is lost of it. Returns false if what is lost would have been used.
 */
static bool move_in_page(struct slot *slot, const struct move *m, const struct mmu_page *from,
			 const struct mmu_page *to, uint64_t bytes)
{
	uint8_t *host = to->host;

	if (!from->host)
		return move_poison(slot, m, to, bytes);
	if (!host) {
		if (bytes < MMU_PAGE)
			return false;
		host = vgpu_mem_overwrite(slot->mmu.gpu, to->operand);
	}
	if (host)
		memmove(host, from->host, bytes);
	return true;
}

/* Inside the bracket: move up to an end of a page or of the row. Returns bytes, 0 with a fault. */
static uint64_t move_piece(struct slot *slot, const struct move *m, uint64_t at, uint64_t bytes,
			   struct mmu_fault *fault)
{
	const uint64_t x = at % m->extent[0], row = at / m->extent[0];
	const uint64_t y = row % m->extent[1], z = row / m->extent[1];
	struct mmu_page from = { .host = (uint8_t *)m->pattern, .bytes = MMU_PAGE }, to;
	uint64_t src = m->src + z * m->src_pitch[1] + y * m->src_pitch[0] + x;
	uint64_t dst = m->dst + z * m->dst_pitch[1] + y * m->dst_pitch[0] + x;
	struct mmu_fault lost;

	if (!m->pattern && (!row_operand(m, src, false, &src, fault) ||
			    !find_page(&slot->mmu, src, false, &from, fault)))
		return 0;
	lost = *fault;
	if (!row_operand(m, dst, true, &dst, fault) ||
	    !find_page(&slot->mmu, dst, true, &to, fault))
		return 0;
	bytes = smaller(smaller(bytes, m->extent[0] - x), smaller(from.bytes, to.bytes));
	if (!move_in_page(slot, m, &from, &to, bytes)) {
		if (!from.host)
			*fault = lost;
		return 0;
	}
	return bytes;
}

/**
 * move_run() - Move bytes.
 * @slot: the slot, whose thread calls this
 * @m: what is moved
 * @done: how many bytes are done; where to go on, and how far it came
 * @fault: filled for STEP_FAIL
 *
 * Return: STEP_STOP if the slot has other orders.
 */
enum step move_run(struct slot *slot, const struct move *m, uint64_t *done,
		   struct mmu_fault *fault)
{
	const uint64_t bytes = move_bytes(m);

	while (*done < bytes) {
		const uint64_t start = *done;
		uint64_t n;
		unsigned int pieces = 0;

		if (!m->whole && atomic_load_explicit(&slot->stop, memory_order_relaxed))
			return STEP_STOP;
		mmu_enter(&slot->mmu);
		do {
			n = move_piece(slot, m, *done, bytes - *done, fault);
			*done += n;
		} while (n && *done < bytes && *done - start < STRETCH_BYTES &&
			 ++pieces < STRETCH_PIECES);
		mmu_leave(&slot->mmu);
		atomic_fetch_add_explicit(&slot->eng->bytes_moved, *done - start,
					  memory_order_relaxed);
		slot_count_bytes(slot, m->pattern ? 0 : *done - start, *done - start);
		engines_memory_changed(slot->eng);
		if (!n)
			return STEP_FAIL;
	}
	return STEP_DONE;
}
