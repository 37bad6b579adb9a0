/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A small bounded printf. Pure: also compiled on the host for its tests. */
#ifndef FW_FORMAT_H
#define FW_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

size_t format_text(char *buf, size_t size, const char *fmt, va_list args);

#endif
