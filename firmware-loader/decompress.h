/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Firmware files may be compressed as distributions do it: with xz or zstd.
 */
#ifndef OGPU_LOADER_DECOMPRESS_H
#define OGPU_LOADER_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/**
 * decompress() - unpack a file that is compressed, as its first bytes tell
 * @path: for messages
 * @data: from malloc(); replaced by what is in it, or as it was in case of error
 * @size: bytes, likewise
 * @limit: most bytes that the result may have
 * @compression: set to "none", "xz" or "zstd"
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int decompress(const char *path, uint8_t **data, size_t *size, size_t limit,
	       const char **compression, struct fw_error *err);

#endif
