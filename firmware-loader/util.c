// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Small helpers for both programs: numbers and whole files.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* Bytes of the UTF-8 sequence at @text, or 0 if there is none that a terminal may be given. */
static unsigned int utf8_length(const unsigned char *text)
{
	unsigned int code, length, i;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	code = text[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	/* Controls; longer than need be; halves of pairs; past the end. */
	if (code < 0xa0 || (length > 2 && code < (length == 3 ? 0x800u : 0x10000u)) ||
	    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	return length;
}

void text_clean(char *text)
{
	while (*text) {
		unsigned int length = utf8_length((const unsigned char *)text);

		if (!length)
			*text = '?';
		text += length ? length : 1;
	}
}

bool parse_u32(const char *text, uint32_t max, uint32_t *value)
{
	int base = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2) ? 16 : 10;
	unsigned long long number;
	char *end;

	/* strtoull() would accept white space and signs. */
	if (!isxdigit((unsigned char)text[0]))
		return false;

	errno = 0;
	number = strtoull(text, &end, base);
	if (errno || *end || end == text || number > max)
		return false;
	*value = (uint32_t)number;
	return true;
}

bool parse_range(const char *text, uint32_t max, uint32_t *low, uint32_t *high)
{
	const char *dash = strchr(text, '-');
	char first[24];

	if (!dash)
		return parse_u32(text, max, low) && parse_u32(text, max, high);
	if ((size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, dash - text);
	first[dash - text] = '\0';
	return parse_u32(first, max, low) && parse_u32(dash + 1, max, high) && *low <= *high;
}

bool parse_version(const char *text, uint16_t version[3])
{
	unsigned int part;

	for (part = 0; part < 3; part++) {
		unsigned long number = 0;
		const char *start = text;

		while (isdigit((unsigned char)*text) && number <= UINT16_MAX)
			number = number * 10 + (unsigned long)(*text++ - '0');
		if (text == start || number > UINT16_MAX)
			return false;
		if (*text++ != (part < 2 ? '.' : '\0'))
			return false;
		version[part] = (uint16_t)number;
	}
	return true;
}

/* A pipe or a terminal must not be waited for. Return: a descriptor, or -1. */
static int open_regular(const char *path, struct stat *st, struct fw_error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && !fstat(fd, st) && S_ISREG(st->st_mode))
		return fd;
	if (fd < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	close(fd);
	return fw_fail(err, FW_EXIT_FAILED, "%s: not a regular file", path);
}

int file_read_guarded(const char *path, size_t limit, unsigned int forbidden, uint8_t **data,
		      size_t *size, struct fw_error *err)
{
	uint8_t *buf = NULL;
	size_t used = 0;
	struct stat st;
	ssize_t got;
	int fd, ret;

	fd = open_regular(path, &st, err);
	if (fd < 0)
		return fd;
	if (st.st_mode & forbidden) {
		ret = fw_fail(err, FW_EXIT_FAILED,
			      "%s: others may read or change it: chmod %o, if it is still good",
			      path, st.st_mode & 0777 & ~forbidden);
		goto close;
	}

	/* One byte more than the limit tells a file that is too large. */
	buf = malloc(limit + 1);
	if (!buf) {
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);
		goto close;
	}

	do {
		got = read(fd, buf + used, limit + 1 - used);
		if (got > 0)
			used += (size_t)got;
	} while ((got > 0 && used <= limit) || (got < 0 && errno == EINTR));

	if (got < 0) {
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
		goto free;
	}
	if (used > limit) {
		ret = fw_fail(err, FW_EXIT_INVALID, "%s: larger than %zu bytes", path, limit);
		goto free;
	}

	close(fd);
	*data = buf;
	*size = used;
	return 0;

free:
	free(buf);
close:
	close(fd);
	return ret;
}

int file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct fw_error *err)
{
	return file_read_guarded(path, limit, 0, data, size, err);
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		size -= (size_t)done;
	}
	return true;
}

static int write_file(const char *path, unsigned int mode, bool replace, const void *data,
		      size_t size, struct fw_error *err)
{
	struct stat st;
	char *temp;
	int fd, ret;

	/* Devices and pipes are not replaced by files. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return fw_fail(err, FW_EXIT_FAILED, "%s: exists, and is no regular file", path);

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);

	/* mkostemp() makes the file with mode 0600: a secret is never readable by others. */
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
		goto free;
	}
	ret = 0;
	if (!write_all(fd, data, size) || fchmod(fd, mode) || fsync(fd) ||
	    (replace ? rename(temp, path) : link(temp, path)))
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	if (ret || !replace)
		unlink(temp);
	close(fd);
free:
	free(temp);
	return ret;
}

int file_write(const char *path, unsigned int mode, const void *data, size_t size,
	       struct fw_error *err)
{
	return write_file(path, mode, true, data, size, err);
}

int file_create(const char *path, unsigned int mode, const void *data, size_t size,
		struct fw_error *err)
{
	return write_file(path, mode, false, data, size, err);
}

bool file_same(const char *one, const char *other)
{
	struct stat st[2];

	return !stat(one, &st[0]) && !stat(other, &st[1]) && st[0].st_dev == st[1].st_dev &&
	       st[0].st_ino == st[1].st_ino;
}
