// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Log text for the host: one line with the time since power-up into the log ring of the mailbox,
 * where new text overwrites the oldest.
 */
#include "log.h"

#include "clock.h"
#include "format.h"
#include "mailbox.h"

#define LINE_SIZE	160

static size_t format_line(char *line, const char *fmt, ...)
{
	size_t used;
	va_list args;

	va_start(args, fmt);
	used = format_text(line, LINE_SIZE, fmt, args);
	va_end(args);
	return used;
}

/**
 * log_line() - add a line to the log
 * @fmt: as format_text(), without the newline; cut if too long
 */
void log_line(const char *fmt, ...)
{
	uint64_t us = clock_now() / NS_PER_US;
	char line[LINE_SIZE];
	size_t used;
	va_list args;

	used = format_line(line, "[%5lu.%06lu] ", (uint32_t)(us / 1000000),
			   (uint32_t)(us % 1000000));
	va_start(args, fmt);
	used += format_text(line + used, LINE_SIZE - 1 - used, fmt, args);
	va_end(args);
	line[used++] = '\n';
	mailbox_log(line, used);
}
