/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A firmware image that has passed the structural check, in a form that is easy to use.
 */
#ifndef OGPU_LOADER_IMAGE_H
#define OGPU_LOADER_IMAGE_H

#include <stdio.h>

#include "abi/fw_image.h"
#include "error.h"

struct fw_component {
	uint32_t type;
	uint32_t offset, size;		/* in the file */
	uint32_t load_addr, mem_size;
	uint8_t sha256[OGPU_FW_HASH_SIZE];
};

struct fw_image {
	char *path;
	uint8_t *data;
	size_t size;
	const char *compression;	/* of the file: "none", "xz", "zstd" */

	uint16_t format[2];
	uint16_t version[3];
	uint32_t svn;
	uint16_t vendor, device;
	uint32_t board_id;
	uint16_t hw_rev[2];		/* lowest, highest */
	uint32_t driver_abi[2];
	uint32_t fw_abi[2];		/* messages that it speaks */
	uint32_t signature_offset;
	uint32_t entry;
	uint8_t key_id[8];
	char build_id[41];
	char name[33];
	char version_text[20];
	char key_id_text[17];
	char sha256[65];		/* of all bytes, uncompressed */
	char manifest_sha256[65];	/* of what is signed, as the card tells it */

	unsigned int component_count;
	struct fw_component components[OGPU_FW_MAX_COMPONENTS];
};

/**
 * image_parse() - check and decode an image
 * @image: filled; to be closed after success
 * @path: for messages
 * @data: from malloc(); belongs to @image from now on, and is freed in case of error
 * @size: bytes
 * @err: filled in case of error
 *
 * Return: 0, or -1 with FW_EXIT_INVALID if the structure is broken.
 */
int image_parse(struct fw_image *image, const char *path, uint8_t *data, size_t size,
		struct fw_error *err);

/**
 * image_open() - read, check and decode an image file
 * @image: filled; to be closed after success
 * @path: the file, which may be compressed with xz or zstd
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int image_open(struct fw_image *image, const char *path, struct fw_error *err);

/**
 * image_close() - free what belongs to an image
 * @image: from image_parse() or image_open()
 */
void image_close(struct fw_image *image);

/**
 * image_component_name() - a word for a type of component
 * @type: enum ogpu_fw_component_type, or a type that we do not know
 *
 * Return: a constant string.
 */
const char *image_component_name(uint32_t type);

/**
 * image_print() - show what is in an image
 * @image: the image
 * @out: where
 */
void image_print(const struct fw_image *image, FILE *out);

#endif
