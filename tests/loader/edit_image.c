// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Makes bad images for tests of loader, driver and boot ROM.
 *
 *	edit-image IN OUT KEY [OFFSET:BYTES=VALUE]...
 *
 * Changes little-endian members of the image and signs it again with the private key file KEY; "-"
 * leaves the signature as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_build.h"
#include "util.h"

static int edit(uint8_t *image, size_t size, const char *text)
{
	unsigned int offset, bytes, i;
	unsigned long long value;
	char end;

	if (sscanf(text, "%u:%u=%lli%c", &offset, &bytes, &value, &end) != 3 || bytes > 8 ||
	    offset > size || bytes > size - offset)
		return -1;
	for (i = 0; i < bytes; i++)
		image[offset + i] = (uint8_t)(value >> 8 * i);
	return 0;
}

int main(int argc, char **argv)
{
	struct signing_key key;
	struct fw_error err;
	uint8_t *image;
	size_t size;
	int i;

	keys_init();
	if (argc < 4) {
		fprintf(stderr, "Usage: edit-image IN OUT KEY|- [OFFSET:BYTES=VALUE]...\n");
		return FW_EXIT_USAGE;
	}
	if (file_read(argv[1], OGPU_FW_MAX_SIZE, &image, &size, &err))
		goto fail;

	for (i = 4; i < argc; i++)
		if (edit(image, size, argv[i])) {
			fw_fail(&err, FW_EXIT_USAGE, "cannot do '%s'", argv[i]);
			goto free;
		}
	if (strcmp(argv[3], "-")) {
		if (size < sizeof(struct ogpu_fw_header) + OGPU_FW_SIGNATURE_SIZE) {
			fw_fail(&err, FW_EXIT_INVALID, "%s is too small to sign", argv[1]);
			goto free;
		}
		if (key_read_secret(argv[3], &key, &err))
			goto free;
		image_sign(image, size, &key);
	}
	if (file_write(argv[2], 0644, image, size, &err))
		goto free;
	free(image);
	return 0;

free:
	free(image);
fail:
	fprintf(stderr, "edit-image: %s\n", err.text);
	return err.code;
}
