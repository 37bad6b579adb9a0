// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reading firmware images: check, decode, print.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "image.h"
#include "util.h"

static void hash_text(char text[65], const uint8_t *data, size_t size)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, data, size);
	sodium_bin2hex(text, 65, hash, sizeof(hash));
}

static void decode_header(struct fw_image *image, const struct ogpu_fw_header *hdr)
{
	unsigned int i;

	image->format[0] = hdr->format_major;
	image->format[1] = hdr->format_minor;
	for (i = 0; i < ARRAY_SIZE(image->version); i++)
		image->version[i] = hdr->version[i];
	image->svn = hdr->svn;
	image->vendor = hdr->vendor;
	image->device = hdr->device;
	image->board_id = hdr->board_id;
	image->hw_rev[0] = hdr->hw_rev_min;
	image->hw_rev[1] = hdr->hw_rev_max;
	image->driver_abi[0] = hdr->driver_abi_min;
	image->driver_abi[1] = hdr->driver_abi_max;
	image->fw_abi[0] = hdr->fw_abi_min;
	image->fw_abi[1] = hdr->fw_abi_max;
	image->signature_offset = hdr->signature_offset;
	image->entry = hdr->entry;
	memcpy(image->key_id, hdr->key_id, sizeof(image->key_id));

	/* The check made sure that both are printable; they need not end with NUL. */
	memcpy(image->build_id, hdr->build_id, sizeof(hdr->build_id));
	image->build_id[sizeof(hdr->build_id)] = '\0';
	memcpy(image->name, hdr->name, sizeof(hdr->name));
	image->name[sizeof(hdr->name)] = '\0';

	snprintf(image->version_text, sizeof(image->version_text), "%u.%u.%u",
		 image->version[0], image->version[1], image->version[2]);
	sodium_bin2hex(image->key_id_text, sizeof(image->key_id_text), image->key_id,
		       sizeof(image->key_id));
	hash_text(image->sha256, image->data, image->size);
	hash_text(image->manifest_sha256, image->data, image->signature_offset);
}

static void decode_components(struct fw_image *image, const struct ogpu_fw_header *hdr)
{
	unsigned int i;

	image->component_count = hdr->component_count;
	for (i = 0; i < image->component_count; i++) {
		struct ogpu_fw_component comp;

		memcpy(&comp, image->data + hdr->header_size + i * sizeof(comp),
		       sizeof(comp));
		image->components[i] = (struct fw_component){
			.type = comp.type,
			.offset = comp.offset,
			.size = comp.size,
			.load_addr = comp.load_addr,
			.mem_size = comp.mem_size,
		};
		memcpy(image->components[i].sha256, comp.sha256, sizeof(comp.sha256));
	}
}

int image_parse(struct fw_image *image, const char *path, uint8_t *data, size_t size,
		struct fw_error *err)
{
	enum ogpu_fw_check check = ogpu_fw_image_check(data, size);
	struct ogpu_fw_header hdr;

	memset(image, 0, sizeof(*image));
	image->data = data;
	image->size = size;
	image->compression = "none";

	if (check != OGPU_FW_OK) {
		image_close(image);
		return fw_fail(err, FW_EXIT_INVALID, "%s: %s", path, ogpu_fw_check_text(check));
	}
	image->path = strdup(path);
	if (!image->path) {
		image_close(image);
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);
	}

	text_clean(image->path);
	memcpy(&hdr, data, sizeof(hdr));
	decode_header(image, &hdr);
	decode_components(image, &hdr);
	return 0;
}

int image_open(struct fw_image *image, const char *path, struct fw_error *err)
{
	const char *compression;
	uint8_t *data;
	size_t size;

	if (file_read(path, OGPU_FW_MAX_SIZE, &data, &size, err))
		return -1;
	if (decompress(path, &data, &size, OGPU_FW_MAX_SIZE, &compression, err)) {
		free(data);
		return -1;
	}
	if (image_parse(image, path, data, size, err))
		return -1;
	image->compression = compression;
	return 0;
}

void image_close(struct fw_image *image)
{
	free(image->path);
	free(image->data);
	image->path = NULL;
	image->data = NULL;
}

const char *image_component_name(uint32_t type)
{
	switch (type) {
	case OGPU_FW_COMP_CODE:
		return "code";
	case OGPU_FW_COMP_DATA:
		return "data";
	case OGPU_FW_COMP_INFO:
		return "info";
	}
	return "unknown";
}

void image_print(const struct fw_image *image, FILE *out)
{
	unsigned int i;

	fprintf(out, "File:             %s\n", image->path);
	if (strcmp(image->compression, "none"))
		fprintf(out, "Compression:      %s\n", image->compression);
	fprintf(out, "Format:           %u.%u\n", image->format[0], image->format[1]);
	fprintf(out, "Size:             %zu bytes\n", image->size);
	fprintf(out, "SHA-256:          %s\n", image->sha256);
	fprintf(out, "Signed hash:      %s\n", image->manifest_sha256);
	fprintf(out, "Name:             %s\n", image->name);
	fprintf(out, "Version:          %s\n", image->version_text);
	fprintf(out, "Build:            %s\n", image->build_id);
	fprintf(out, "Security version: %u\n", image->svn);
	fprintf(out, "PCI ID:           %04x:%04x\n", image->vendor, image->device);
	fprintf(out, "Board:            0x%08x, revision %u to %u\n", image->board_id,
		image->hw_rev[0], image->hw_rev[1]);
	fprintf(out, "Driver ABI:       %u to %u\n", image->driver_abi[0],
		image->driver_abi[1]);
	fprintf(out, "Firmware ABI:     %u to %u\n", image->fw_abi[0], image->fw_abi[1]);
	fprintf(out, "Entry:            0x%08x\n", image->entry);
	fprintf(out, "Key:              %s\n", image->key_id_text);

	fprintf(out, "Components:\n");
	for (i = 0; i < image->component_count; i++) {
		const struct fw_component *comp = &image->components[i];

		fprintf(out, "  %u %-7s offset 0x%06x, %u bytes", i,
			image_component_name(comp->type), comp->offset, comp->size);
		if (comp->mem_size)
			fprintf(out, ", at 0x%08x, %u bytes in memory",
				comp->load_addr, comp->mem_size);
		fprintf(out, "\n");
	}
}
