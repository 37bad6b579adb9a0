// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A small bounded printf: %lu, %ld, %lx, %llx, %s, %%, with a width and zero padding for numbers.
 * (The 32-bit types of this target are long; numbers of 32 bits are what firmware has.)
 */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct sink {
	char *buf;
	size_t size, used;
	va_list args;
};

static void put(struct sink *sink, char c)
{
	if (sink->used + 1 < sink->size)
		sink->buf[sink->used++] = c;
}

static void put_text(struct sink *sink, const char *text)
{
	while (*text)
		put(sink, *text++);
}

static void put_padded(struct sink *sink, const char *digits, size_t count, size_t width, char pad)
{
	for (; width > count; width--)
		put(sink, pad);
	while (count--)
		put(sink, *digits++);
}

static void put_decimal(struct sink *sink, uint32_t value, bool negative, size_t width, char pad)
{
	char digits[11];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + value % 10;
		value /= 10;
	} while (value);
	if (negative)
		digits[--at] = '-';
	put_padded(sink, &digits[at], sizeof(digits) - at, width, pad);
}

static void put_hex(struct sink *sink, uint64_t value, size_t width, char pad)
{
	char digits[16];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	put_padded(sink, &digits[at], sizeof(digits) - at, width, pad);
}

/* Returns how many characters of the conversion were used; an unknown one prints nothing. */
static size_t put_number(struct sink *sink, const char *fmt, size_t width, char pad)
{
	long number;

	if (!strncmp(fmt, "llx", 3)) {
		put_hex(sink, va_arg(sink->args, unsigned long long), width, pad);
		return 3;
	}
	if (!strncmp(fmt, "lx", 2)) {
		put_hex(sink, va_arg(sink->args, unsigned long), width, pad);
		return 2;
	}
	if (!strncmp(fmt, "lu", 2)) {
		put_decimal(sink, va_arg(sink->args, unsigned long), false, width, pad);
		return 2;
	}
	if (!strncmp(fmt, "ld", 2)) {
		number = va_arg(sink->args, long);
		put_decimal(sink, number < 0 ? -(uint32_t)number : (uint32_t)number, number < 0,
			    width, pad);
		return 2;
	}
	return 1;
}

/**
 * format_text() - printf into a buffer
 * @buf: result, always NUL-terminated
 * @size: of @buf, at least 1; what does not fit is dropped
 * @fmt: see the head of this file
 * @args: arguments
 *
 * Return: characters in @buf without the NUL.
 */
size_t format_text(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink sink = { .buf = buf, .size = size };

	va_copy(sink.args, args);
	for (; *fmt; fmt++) {
		size_t width = 0;
		char pad = ' ';

		if (*fmt != '%') {
			put(&sink, *fmt);
			continue;
		}
		fmt++;
		if (*fmt == '0')
			pad = *fmt++;
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + (*fmt++ - '0');
		if (*fmt == '\0')
			break;
		if (*fmt == 's')
			put_text(&sink, va_arg(sink.args, const char *));
		else if (*fmt == '%')
			put(&sink, '%');
		else
			fmt += put_number(&sink, fmt, width, pad) - 1;
	}
	va_end(sink.args);
	buf[sink.used] = '\0';
	return sink.used;
}
