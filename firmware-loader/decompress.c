// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Decompression of xz and zstd with a bound on output and memory: a small file must not be able to
 * fill the machine.
 */
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "decompress.h"

#define XZ_MEMORY_LIMIT		(64u << 20)
#define ZSTD_WINDOW_LOG_MAX	23	/* 8 MiB */

static const uint8_t xz_magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0x00 };
static const uint8_t zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

static bool starts_with(const uint8_t *data, size_t size, const uint8_t *magic, size_t len)
{
	return size >= len && !memcmp(data, magic, len);
}

/* Both return false if the input is damaged or the output does not fit. */
static bool unpack_xz(const uint8_t *in, size_t in_size, uint8_t *out, size_t *out_size)
{
	uint64_t memory = XZ_MEMORY_LIMIT;
	size_t in_pos = 0, out_pos = 0;

	if (lzma_stream_buffer_decode(&memory, LZMA_CONCATENATED, NULL, in, &in_pos, in_size, out,
				      &out_pos, *out_size) != LZMA_OK)
		return false;
	*out_size = out_pos;
	return true;
}

static bool unpack_zstd(const uint8_t *in, size_t in_size, uint8_t *out, size_t *out_size)
{
	ZSTD_inBuffer input = { .src = in, .size = in_size };
	ZSTD_outBuffer output = { .dst = out, .size = *out_size };
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	size_t ret, before;

	if (!ctx)
		return false;
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	do {
		before = input.pos + output.pos;
		ret = ZSTD_decompressStream(ctx, &output, &input);
	} while (!ZSTD_isError(ret) && (ret || input.pos < input.size) &&
		 input.pos + output.pos > before);
	ZSTD_freeDCtx(ctx);

	*out_size = output.pos;
	return ret == 0 && input.pos == input.size;
}

int decompress(const char *path, uint8_t **data, size_t *size, size_t limit,
	       const char **compression, struct fw_error *err)
{
	bool xz = starts_with(*data, *size, xz_magic, sizeof(xz_magic));
	bool zstd = starts_with(*data, *size, zstd_magic, sizeof(zstd_magic));
	size_t out_size = limit;
	uint8_t *out;

	*compression = "none";
	if (!xz && !zstd)
		return 0;

	out = malloc(limit);
	if (!out)
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);
	if (!(xz ? unpack_xz : unpack_zstd)(*data, *size, out, &out_size)) {
		free(out);
		return fw_fail(err, FW_EXIT_INVALID,
			       "%s: damaged %s file, or more than %zu bytes in it", path,
			       xz ? "xz" : "zstd", limit);
	}

	*compression = xz ? "xz" : "zstd";
	free(*data);
	*data = out;
	*size = out_size;
	return 0;
}
