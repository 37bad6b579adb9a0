// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Windows onto host memory and VRAM: one stays on the mailbox, one is moved to whatever is looked
 * at next.
 */
#include "window.h"

#include "abi/addr.h"
#include "hw.h"
#include "start.h"

#define WINDOW_MAILBOX	0
#define WINDOW_PEEK	1

static volatile void *window_address(unsigned int window)
{
	return (volatile void *)(uintptr_t)(OGPU_MC_WINDOW_BASE + window * OGPU_MC_WINDOW_SIZE);
}

/**
 * window_open_mailbox() - point the mailbox window at its memory
 * @operand: address operand, 4 KiB aligned
 *
 * Return: where the program finds it, OGPU_MC_WINDOW_SIZE bytes.
 */
volatile void *window_open_mailbox(uint64_t operand)
{
	hw_write64(OGPU_MC_WINDOW_LO(WINDOW_MAILBOX), operand);
	return window_address(WINDOW_MAILBOX);
}

/* The word of the moving window at an offset below 4 KiB. */
static volatile uint32_t *window_word(size_t offset)
{
	return (volatile uint32_t *)((volatile char *)window_address(WINDOW_PEEK) + offset);
}

/**
 * window_move() - point the moving window at a page, for window_get() and window_put()
 * @operand: address operand of VRAM or SYSTEM, 4 KiB aligned
 */
void window_move(uint64_t operand)
{
	hw_write64(OGPU_MC_WINDOW_LO(WINDOW_PEEK), operand);
}

/**
 * window_get() - read from the start of the page
 * @to: ordinary memory
 * @bytes: multiple of 4
 *
 * Return: false if the memory does not answer.
 */
bool window_get(void *to, size_t bytes)
{
	uint32_t *out = to;
	size_t at;

	for (at = 0; at < bytes; at += 4) {
		struct guarded word = guarded_load(window_word(at));

		if (!word.ok)
			return false;
		*out++ = word.value;
	}
	return true;
}

/**
 * window_put() - write to the page
 * @offset: where, multiple of 4
 * @from: ordinary memory
 * @bytes: multiple of 4
 *
 * Return: false if the memory does not answer.
 */
bool window_put(size_t offset, const void *from, size_t bytes)
{
	const uint32_t *in = from;
	size_t at;

	for (at = 0; at < bytes; at += 4) {
		if (!guarded_store(window_word(offset + at), *in++))
			return false;
	}
	return true;
}

/**
 * window_peek64() - read a 64-bit counter that somebody else may be counting up
 * @operand: address operand of VRAM or SYSTEM, 8-byte aligned
 * @value: the counter
 *
 * Return: false if the memory does not answer.
 */
bool window_peek64(uint64_t operand, uint64_t *value)
{
	volatile uint32_t *addr = window_word(operand & WINDOW_OFFSET);
	struct guarded lo, hi, again;

	window_move(operand & ~WINDOW_OFFSET);
	hi = guarded_load(addr + 1);
	lo = guarded_load(addr);
	again = guarded_load(addr + 1);
	if (hi.value != again.value)	/* a carry happened in between */
		lo = guarded_load(addr);
	*value = (uint64_t)again.value << 32 | lo.value;
	return hi.ok && lo.ok && again.ok;
}

/**
 * window_read() - copy out of a window
 * @to: ordinary memory
 * @from: in the window, 4-byte aligned
 * @bytes: multiple of 4
 */
void window_read(void *to, const volatile void *from, size_t bytes)
{
	const volatile uint32_t *in = from;
	uint32_t *out = to;

	for (; bytes; bytes -= 4)
		*out++ = *in++;
}

/**
 * window_write() - copy into a window
 * @to: in the window, 4-byte aligned
 * @from: ordinary memory
 * @bytes: multiple of 4
 */
void window_write(volatile void *to, const void *from, size_t bytes)
{
	volatile uint32_t *out = to;
	const uint32_t *in = from;

	for (; bytes; bytes -= 4)
		*out++ = *in++;
}
