/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Windows onto host memory and VRAM. */
#ifndef FW_WINDOW_H
#define FW_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of an address that a window cannot be moved by. */
#define WINDOW_OFFSET	0xfffull

volatile void *window_open_mailbox(uint64_t operand);
void window_move(uint64_t operand);
bool window_get(void *to, size_t bytes);
bool window_put(size_t offset, const void *from, size_t bytes);
bool window_peek64(uint64_t operand, uint64_t *value);
void window_read(void *to, const volatile void *from, size_t bytes);
void window_write(volatile void *to, const void *from, size_t bytes);

#endif
