/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Small helpers for both programs: numbers and whole files.
 */
#ifndef OGPU_LOADER_UTIL_H
#define OGPU_LOADER_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * parse_u32() - read a number
 * @text: decimal, or hexadecimal with 0x, and nothing else
 * @max: largest value allowed
 * @value: set in case of success
 *
 * Return: true if @text is such a number.
 */
bool parse_u32(const char *text, uint32_t max, uint32_t *value);

/**
 * parse_range() - read a range of numbers
 * @text: "N" or "MIN-MAX"
 * @max: largest value allowed
 * @low: set in case of success
 * @high: likewise, not below @low
 *
 * Return: true if @text is such a range.
 */
bool parse_range(const char *text, uint32_t max, uint32_t *low, uint32_t *high);

/**
 * parse_version() - read a version
 * @text: "MAJOR.MINOR.PATCH", each at most 65535, and nothing else
 * @version: set in case of success
 *
 * Return: true if @text is such a version.
 */
bool parse_version(const char *text, uint16_t version[3]);

/**
 * text_clean() - make text fit for terminals and JSON
 * @text: what is no UTF-8, or controls the terminal, becomes a question mark
 */
void text_clean(char *text);

/**
 * file_read() - read a whole file
 * @path: the file, a regular one
 * @limit: more bytes are an error
 * @data: new buffer, freed by the caller
 * @size: bytes in it
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct fw_error *err);

/**
 * file_read_guarded() - read a whole file, unless others may read or change it
 * @path: the file, a regular one
 * @limit: more bytes are an error
 * @forbidden: permissions that it must not have
 * @data: new buffer, freed by the caller
 * @size: bytes in it
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int file_read_guarded(const char *path, size_t limit, unsigned int forbidden, uint8_t **data,
		      size_t *size, struct fw_error *err);

/**
 * file_write() - write a whole file
 * @path: the file; it is as it was before, or complete
 * @mode: its permissions
 * @data: what to write
 * @size: bytes
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int file_write(const char *path, unsigned int mode, const void *data, size_t size,
	       struct fw_error *err);

/**
 * file_create() - write a whole file that must not be there yet
 * @path: the file; not there, or complete
 * @mode: its permissions
 * @data: what to write
 * @size: bytes
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int file_create(const char *path, unsigned int mode, const void *data, size_t size,
		struct fw_error *err);

/**
 * file_same() - are two names of one file?
 * @one: a name
 * @other: another
 *
 * Return: true if both are there and are one file.
 */
bool file_same(const char *one, const char *other);

#endif
