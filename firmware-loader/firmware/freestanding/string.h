/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The part of the C library's <string.h> that memory.c provides; host builds use the host's. */
#ifndef FW_STRING_H
#define FW_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
int strncmp(const char *a, const char *b, size_t max);

#endif
