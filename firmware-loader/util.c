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

int file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct fw_error *err)
{
	uint8_t *buf = NULL;
	size_t used = 0;
	ssize_t got;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));

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

int file_write(const char *path, unsigned int mode, const void *data, size_t size,
	       struct fw_error *err)
{
	char *temp;
	int fd, ret;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);

	/* mkostemp() makes the file with mode 0600: a secret is never readable by others. */
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
		goto free;
	}
	if (!write_all(fd, data, size) || fchmod(fd, mode) || fsync(fd) || rename(temp, path)) {
		ret = fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
		unlink(temp);
		goto close;
	}
	ret = 0;

close:
	close(fd);
free:
	free(temp);
	return ret;
}
